//! Signing (*ký số*): what waits for its signature, and the form that signs some or all of it.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use time::UtcOffset;
use zeroize::Zeroizing;

use crate::http::Shared;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::http::signing::{Act, Ended, KeyRefusal, Progress, Signing, begin};
use crate::model::{Lang, Localized};
use crate::service::listed;
use crate::store::{ComponentListed, State as ComponentState};

use super::dossiers::{file_links, moment};
use super::keys::{SIGN_ALL, SIGN_TICKED};
use super::{ENTRIES, Topic, live_page};

/// From which number on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    after: Option<i64>,
}

/// What waits for its signature, by number.
pub(super) async fn waiting(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let after = asked.ok().and_then(|Query(asked)| asked.after).unwrap_or(0);
    waiting_page(&app, visitor, after, None).await
}

/// Begins to sign what the form says, and leads back to the page, which shows how it goes.
pub(super) async fn sign(
    State(app): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    typed: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(fields) = typed.map_err(|_| wrong_form())?;
    let wanted = Wanted::of(fields);
    visitor.check(&headers, &wanted.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    if !matches!(app.settings.signing, Signing::ByPeople(_)) {
        return Err(Problem::Request("chưa có khóa ký nào để dùng ở đây", "there is no key to be used here"));
    }
    let components = match wanted.all {
        true => app.blocking(|app| app.all_unsigned()).await?,
        false => wanted.components,
    };
    if components.is_empty() {
        let problem = Problem::Request("chưa chọn giấy tờ nào để ký", "nothing was chosen to be signed");
        return waiting_page(&app, visitor, 0, Some(problem)).await;
    }
    let act = Act { by: visitor.account, components, typed: wanted.secret, knows_final_try: wanted.knows_final_try };
    begin(&app, act)?;
    Ok(to("/sign"))
}

/// What a form asks for.
#[derive(Default)]
struct Wanted {
    form: String,
    all: bool,
    components: Vec<i64>,
    secret: Zeroizing<String>,
    knows_final_try: bool,
}

impl Wanted {
    /// A button of one component asks for that one, whatever is ticked.
    fn of(fields: Vec<(String, String)>) -> Self {
        let (mut wanted, mut one) = (Self::default(), None);
        for (name, value) in fields {
            match &name[..] {
                "secret" => wanted.secret = Zeroizing::new(value),
                "form" => wanted.form = value,
                "all" => wanted.all = true,
                "final" => wanted.knows_final_try = true,
                "component" => wanted.components.extend(value.parse::<i64>().ok()),
                "one" => one = value.parse().ok(),
                _ => {}
            }
        }
        wanted.components.truncate(ENTRIES as usize);
        if let Some(one) = one {
            (wanted.all, wanted.components) = (false, vec![one]);
        }
        wanted
    }
}

impl crate::http::App {
    /// The numbers of all that waits for its signature in dossiers.
    fn all_unsigned(&self) -> Result<Vec<i64>, Problem> {
        let mut all: Vec<i64> = Vec::new();
        loop {
            let after = all.last().copied().unwrap_or(0);
            let some = self.store.components_after(Some(ComponentState::Unsigned), after, ENTRIES)?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some.iter().map(|one| one.component.id));
        }
    }
}

async fn waiting_page(
    app: &Shared,
    visitor: Visitor,
    after: i64,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    // One look: an act that ends meanwhile runs for all of this page, or for nothing of it.
    let (progress, is_running, is_final) = app.signings.look(|last| {
        let is_final = |last: &Progress| matches!(last.ended, Some(Ended::Refused(KeyRefusal::FinalTry)));
        let is_running = last.is_some_and(|last| last.ended.is_none());
        (last.map_or_else(String::new, |last| told(last, lang)), is_running, last.is_some_and(is_final))
    });
    let (rows, last, total) = app
        .blocking(move |app| {
            let total = app.store.status(app.now())?.of(ComponentState::Unsigned);
            let mut waiting = app.store.components_after(Some(ComponentState::Unsigned), after, ENTRIES + 1)?;
            let has_more = waiting.len() > ENTRIES as usize;
            waiting.truncate(ENTRIES as usize);
            let last = waiting.last().filter(|_| has_more).map(|one| one.component.id);
            let may_sign = matches!(app.settings.signing, Signing::ByPeople(_)) && !is_running;
            let rows: String = waiting.iter().map(|one| row(one, may_sign, lang, offset)).collect();
            Ok((rows, last, total))
        })
        .await?;
    let wrong = problem.as_ref().map_or_else(String::new, |problem| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&problem.message(lang))))
    });
    let list = match rows.is_empty() {
        true => format!("<p class=none>{}</p>", lang.pick("Không có gì chờ ký.", "Nothing waits for a signature.")),
        false => format!("<ul class=\"components waits\">{rows}</ul>"),
    };
    let list = match &app.settings.signing {
        Signing::ByPeople(key) if !rows.is_empty() && !is_running => format!(
            "<form method=post action=/sign><input type=hidden name=form value={}>{}{list}</form>",
            visitor.form_token,
            entry(key.is_on_token, is_final, lang),
        ),
        Signing::ByPeople(_) => list,
        other => format!("<p class=note>{}</p>{list}", escaped(who_signs(other, lang))),
    };
    let more = last.map_or_else(String::new, |last| {
        format!("<p><a href=\"/sign?after={last}\" rel=next>{}</a></p>", lang.pick("Trang sau", "Next page"))
    });
    let title = lang.pick("Chờ ký", "To be signed");
    let body = format!("<h1>{title} <span class=dim>{total}</span></h1>{progress}{wrong}{list}{more}");
    let status = problem.map_or(StatusCode::OK, |problem| problem.kind().0);
    Ok(live_page(status, title, &visitor, "/sign", &Topic::All, &body))
}

/// Why there is no form.
fn who_signs(signing: &Signing, lang: Lang) -> &'static str {
    match signing {
        Signing::ByItself { is_development: true } => lang.pick(
            "Dịch vụ tự ký bằng khóa ký thử; chữ ký đó không có giá trị pháp lý.",
            "The service signs by itself with a development key; its signatures have no legal value.",
        ),
        Signing::ByItself { .. } => lang.pick(
            "Dịch vụ đã mở khóa ký và tự ký từng giấy tờ khi xử lý xong; ở đây không cần mã PIN. Nếu khóa hỏng giữa chừng, \
             những gì còn chờ được ký khi dịch vụ khởi động lại.",
            "The service has opened its key and signs each paper by itself when it is made; no PIN is needed here. Should the \
             key fail, what waits is signed when the service is started anew.",
        ),
        _ => lang.pick(
            "Chưa có khóa ký: người quản trị đặt sign.token hoặc sign.key trong tệp cấu hình.",
            "There is no key: the administrator sets sign.token or sign.key in the configuration.",
        ),
    }
}

/// Where the PIN or password is typed, with the buttons for several. They come before those of each paper: Enter presses the
/// first of a form.
fn entry(is_on_token: bool, is_final: bool, lang: Lang) -> String {
    let label = match is_on_token {
        true => lang.pick("Mã PIN của thiết bị ký", "PIN of the token"),
        false => lang.pick("Mật khẩu của khóa ký", "Password of the key"),
    };
    let told = match is_on_token {
        true => lang.pick(
            "Chỉ dùng một lần cho lượt ký này, không lưu lại. Thiết bị có bàn phím riêng: để trống và nhập trên thiết bị.",
            "It is used once for this act and not kept. A token with a keypad of its own: leave this empty.",
        ),
        false => {
            lang.pick("Chỉ dùng một lần cho lượt ký này, không lưu lại.", "It is used once for this act and not kept.")
        }
    };
    let last_try = match is_final {
        true => format!(
            "<label class=tick><input type=checkbox name=final value=1> {}</label>",
            lang.pick(
                "Tôi biết chỉ còn một lần thử, sai nữa thiết bị sẽ bị khóa",
                "I know that one try is left: another wrong PIN locks the token"
            )
        ),
        false => String::new(),
    };
    format!(
        "<div class=act><label for=ma-pin>{label}</label>\
         <input id=ma-pin name=secret type=password autocomplete=off maxlength=256 aria-describedby=ma-pin-noi>\
         <button{}>{}</button><button name=all value=1{}>{}</button><p id=ma-pin-noi class=dim>{told}</p>{last_try}</div>",
        SIGN_TICKED.attribute(),
        SIGN_TICKED.label(lang),
        SIGN_ALL.attribute(),
        SIGN_ALL.label(lang),
    )
}

/// One component that waits.
fn row(waiting: &ComponentListed, may_sign: bool, lang: Lang, offset: UtcOffset) -> String {
    let component = &waiting.component;
    let (id, dossier) = (component.id, waiting.dossier.as_deref().unwrap_or_default());
    let pages: usize = component.published.iter().filter_map(listed).map(|made| made.pages.len()).sum();
    let files = file_links(component, lang);
    let title = escaped(&component.title);
    let (head, button) = match may_sign {
        true => (
            format!(
                "<label class=tick><input type=checkbox name=component value={id}> <span class=title>{title}</span></label>"
            ),
            format!(
                "<button class=quiet name=one value={id} aria-label=\"{} {title}\">{}</button>",
                lang.pick("Ký riêng", "Sign only"),
                lang.pick("Ký giấy này", "Sign this one")
            ),
        ),
        false => (format!("<span class=title>{title}</span>"), String::new()),
    };
    format!(
        "<li class=unsigned>{head}<p><a href=\"/dossiers/{}\">{}</a> · {pages} {} · <span class=dim>{} {}</span></p>{files}{button}</li>",
        in_path(dossier),
        escaped(dossier),
        lang.pick("trang", if pages == 1 { "page" } else { "pages" }),
        lang.pick("chờ từ", "since"),
        moment(component.changed, offset),
    )
}

/// How the act that runs goes, or how the last one went.
fn told(progress: &Progress, lang: Lang) -> String {
    let Progress { by, total, signed, unsigned, ended } = progress;
    let (done, by) = (signed + unsigned.len(), escaped(by));
    let refused: String = unsigned
        .iter()
        .take(ENTRIES as usize)
        .map(|one| {
            let what = one.what.as_ref().map_or_else(String::new, |(dossier, title)| {
                let (path, dossier, title) = (in_path(dossier), escaped(dossier), escaped(title));
                format!("<a href=\"/dossiers/{path}\">{dossier}</a> {title}: ")
            });
            format!("<li>{what}{}</li>", escaped(&one.why.message(lang)))
        })
        .collect();
    let refused = if refused.is_empty() { refused } else { format!("<ul class=why>{refused}</ul>") };
    let (class, role, head) = match (ended, lang) {
        (None, Lang::Vi) => ("note", "status", format!("{by} đang ký: {done}/{total}")),
        (None, Lang::En) => ("note", "status", format!("{by} is signing: {done} of {total}")),
        (Some(Ended::Done), Lang::Vi) => ("note", "status", format!("Lượt ký gần nhất ({by}): đã ký {signed}/{total}")),
        (Some(Ended::Done), Lang::En) => ("note", "status", format!("Last act ({by}): {signed} of {total} signed")),
        (Some(_), Lang::Vi) => ("error", "alert", format!("Lượt ký dừng ({by}): đã ký {signed}/{total}")),
        (Some(_), Lang::En) => ("error", "alert", format!("The act stopped ({by}): {signed} of {total} signed")),
    };
    let why = match ended {
        Some(Ended::Refused(refusal)) => Some(refusal.message(lang)),
        Some(Ended::KeyFailed(error)) => Some(error.message(lang)),
        Some(Ended::Stopped) => Some(lang.pick("dịch vụ dừng", "the service stopped").to_owned()),
        Some(Ended::Defect) => Some(Problem::Internal.message(lang)),
        Some(Ended::Done) | None => None,
    };
    let waits = lang.pick("Những gì chưa ký vẫn chờ ký.", "What was not signed still waits.");
    let why = why.map_or_else(String::new, |why| format!("<p>{} {waits}</p>", escaped(&sentence(&why))));
    let bar = match ended {
        None => format!(
            "<progress value={done} max={total}></progress> <a href=/sign>{}</a>",
            lang.pick("Xem lại", "Look again")
        ),
        Some(_) => String::new(),
    };
    format!("<div class={class} role={role}><p>{head}</p>{bar}{why}{refused}</div>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_is_meant() {
        let fields = |pairs: &[(&str, &str)]| {
            Wanted::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let ticked =
            fields(&[("form", "f"), ("secret", "1"), ("component", "3"), ("component", "x"), ("component", "5")]);
        assert_eq!((&ticked.form[..], &ticked.secret[..], ticked.components), ("f", "1", vec![3, 5]));
        assert!(!ticked.all && !ticked.knows_final_try);
        let one = fields(&[("component", "3"), ("all", "1"), ("one", "7"), ("final", "1")]);
        assert_eq!((one.components, one.all, one.knows_final_try), (vec![7], false, true));
    }
}
