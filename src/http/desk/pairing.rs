//! Phones that send pictures into a dossier: a QR code for one, shown once, and the list of those that may still send.

use std::time::Duration;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use time::UtcOffset;

use crate::codes::symbols::{self, QR_QUIET_MODULES};
use crate::config::PAIR_MINUTES;
use crate::http::address::base_url;
use crate::http::api;
use crate::http::arrive::tidy;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::phone::PATH as PHONES;
use crate::http::problem::Problem;
use crate::http::session::{Proof, Visitor, to, wrong_form};
use crate::http::uploads::random_name;
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang, Localized};
use crate::store::PairingShown;

use super::dossiers::moment;
use super::page;

/// The address of a dossier's phones.
fn path(code: &DossierCode) -> String {
    format!("/dossiers/{}/phones", in_path(code.as_str()))
}

/// The way from a dossier, or from one of its components, to its phones; nothing for who may not pair any.
pub(super) fn link(code: &DossierCode, component: Option<&str>, visitor: &Visitor) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let component = component.map_or_else(String::new, |title| format!("?component={}", in_path(title)));
    let text = visitor.lang.pick("Gửi bằng điện thoại", "Send by phone");
    format!("<p><a class=file href=\"{}{component}\">{text}</a></p>", path(code))
}

/// For which component a phone is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    component: String,
}

/// The phones of a dossier, and the form for another one.
pub(super) async fn phones(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(code): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let code = may_pair(&visitor, &code)?;
    let typed = Pairing {
        component: asked.map(|Query(asked)| asked.component).unwrap_or_default(),
        minutes: app.settings.http.pair_minutes.to_string(),
        ..Pairing::default()
    };
    shown(&app, visitor, code, typed, None, None).await
}

/// What is typed to pair a phone.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Pairing {
    form: String,
    #[serde(default)]
    component: String,
    minutes: String,
}

/// Pairs a phone, and shows its QR code: the one time that its address is known.
pub(super) async fn pair(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(code): Path<String>,
    headers: HeaderMap,
    typed: Result<Form<Pairing>, FormRejection>,
) -> Result<Response, Problem> {
    let code = may_pair(&visitor, &code)?;
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    let minutes = typed.minutes.trim().parse::<u32>().ok().filter(|minutes| PAIR_MINUTES.contains(minutes));
    let Some(minutes) = minutes else {
        let problem = Problem::Request("thời hạn từ 5 đến 10080 phút", "a code is good for 5 to 10080 minutes");
        return shown(&app, visitor, code, typed, None, Some(problem)).await;
    };
    let (account, dossier, component) = (visitor.account.id, code.clone(), tidy(&typed.component));
    let paired = app.blocking(move |app| app.pair_phone(account, &dossier, component.as_deref(), minutes)).await;
    match paired {
        Ok(paired) => shown(&app, visitor, code, typed, Some(paired), None).await,
        Err(problem @ Problem::Request(..)) => shown(&app, visitor, code, typed, None, Some(problem)).await,
        Err(problem) => Err(problem),
    }
}

/// Ends the code of a phone.
pub(super) async fn revoke(
    State(app): State<Shared>,
    visitor: Visitor,
    Path((code, phone)): Path<(String, i64)>,
    headers: HeaderMap,
    typed: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    let code = may_pair(&visitor, &code)?;
    let Form(proof) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &proof.form)?;
    let (account, back) = (visitor.account.id, path(&code));
    app.blocking(move |app| Ok(app.store.revoke_pairing(&code, phone, Some(account), app.now())?)).await?;
    Ok(to(&back))
}

fn may_pair(visitor: &Visitor, code: &str) -> Result<DossierCode, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    api::code(code)
}

/// A phone that was paired just now.
struct Paired {
    id: i64,
    url: String,
    minutes: u32,
}

impl App {
    fn pair_phone(
        &self,
        account: i64,
        dossier: &DossierCode,
        component: Option<&str>,
        minutes: u32,
    ) -> Result<Paired, Problem> {
        let nowhere = Problem::Request(
            "chưa biết địa chỉ cho điện thoại; người quản trị hãy đặt `http.url`",
            "it is not known how phones reach the service; the administrator sets `http.url`",
        );
        let base = base_url(&self.settings.http, self.store.directory()).ok_or(nowhere)?;
        let token = random_name().map_err(|_| Problem::Internal)?;
        let lasts = Duration::from_secs(u64::from(minutes) * 60);
        let expires = self.now() + i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        let id = self.store.pair(&token, dossier, component, expires, Some(account), self.now())?;
        Ok(Paired { id, url: format!("{base}{PHONES}{token}"), minutes })
    }
}

/// The page, with the code of a phone that was paired just now, or with what is wrong with what was typed.
async fn shown(
    app: &Shared,
    visitor: Visitor,
    code: DossierCode,
    typed: Pairing,
    paired: Option<Paired>,
    wrong: Option<Problem>,
) -> Result<Response, Problem> {
    let (asked, offset) = (code.clone(), (app.clock)().offset());
    let open = app.blocking(move |app| Ok(app.store.open_pairings(&asked, app.now())?)).await?;
    let (lang, back) = (visitor.lang, path(&code));
    let is_reached = app.settings.http.url.is_some() || !app.settings.http.is_local();
    let unreached = match is_reached {
        true => String::new(),
        false => format!(
            "<p class=note>{}</p>",
            lang.pick(
                "Dịch vụ chỉ nghe trên máy này nên điện thoại không vào được; người quản trị hãy đặt `http.listen` hoặc `http.url`.",
                "The service listens on this machine alone, so no phone reaches it; the administrator sets `http.listen` or `http.url`."
            )
        ),
    };
    let status = wrong.as_ref().map_or(StatusCode::OK, |wrong| wrong.kind().0);
    let title = lang.pick("Gửi bằng điện thoại", "Send by phone");
    let body = format!(
        "<p><a href=\"/dossiers/{}\">← {} {}</a></p><h1>{title}</h1>{unreached}{}{}{}",
        in_path(code.as_str()),
        lang.pick("Hồ sơ", "Dossier"),
        escaped(code.as_str()),
        paired.as_ref().map_or_else(String::new, |paired| symbol(paired, lang)),
        form(&back, &typed, wrong.as_ref(), &visitor),
        phones_list(&back, &open, paired.map(|paired| paired.id), &visitor, offset),
    );
    Ok(page(status, lang, title, Some(&visitor), &back, &body))
}

/// The QR code of a phone, with its address and how long it is good.
fn symbol(paired: &Paired, lang: Lang) -> String {
    let drawn = symbols::qr(&paired.url).map_or_else(String::new, |rows| svg(&rows, lang));
    let minutes = paired.minutes;
    let told = match lang {
        Lang::Vi => format!(
            "Quét mã bằng camera của điện thoại, hoặc mở địa chỉ dưới đây. Có hiệu lực {minutes} phút. Mã chỉ hiện một lần này; \
             ai có nó đều gửi được ảnh vào hồ sơ."
        ),
        Lang::En => format!(
            "Scan the code with the phone's camera, or open the address below. Good for {minutes} minutes. The code is shown \
             this once; whoever has it can send pictures into the dossier."
        ),
    };
    format!("<section class=qr>{drawn}<p>{told}</p><p><code>{}</code></p></section>", escaped(&paired.url))
}

/// A QR symbol with its quiet zone, a unit a module.
fn svg(rows: &[Vec<bool>], lang: Lang) -> String {
    let quiet = QR_QUIET_MODULES as usize;
    let side = rows.len() + 2 * quiet;
    let mut dark = String::new();
    for (y, row) in rows.iter().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, is_dark)| **is_dark) {
            dark.push_str(&format!("M{} {}h1v1h-1z", x + quiet, y + quiet));
        }
    }
    format!(
        "<svg viewBox=\"0 0 {side} {side}\" width=300 height=300 role=img aria-label=\"{}\" shape-rendering=crispEdges>\
         <rect width={side} height={side} fill=#fff /><path d=\"{dark}\" fill=#000 /></svg>",
        lang.pick("Mã QR", "QR code"),
    )
}

/// The form that pairs a phone.
fn form(action: &str, typed: &Pairing, wrong: Option<&Problem>, visitor: &Visitor) -> String {
    let lang = visitor.lang;
    let told = wrong.map_or_else(String::new, |wrong| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&wrong.message(lang))))
    });
    let described = if wrong.is_some() { " aria-describedby=loi aria-invalid=true autofocus" } else { "" };
    format!(
        "<form method=post action=\"{action}\" class=door>{told}<input type=hidden name=form value={}>\
         <label for=giay>{}</label><input id=giay name=component value=\"{}\" autocomplete=off maxlength=120>\
         <label for=phut>{}</label>\
         <input id=phut name=minutes type=number inputmode=numeric min={} max={} value=\"{}\" required{described}>\
         <button>{}</button></form>",
        visitor.form_token,
        lang.pick("Giấy tờ (để trống: điện thoại tự đặt tên)", "Which paper (empty: the phone names it)"),
        escaped(&typed.component),
        lang.pick("Có hiệu lực, phút", "Good for, minutes"),
        PAIR_MINUTES.start(),
        PAIR_MINUTES.end(),
        escaped(&typed.minutes),
        lang.pick("Tạo mã QR", "Make a QR code"),
    )
}

/// The phones that may send, each with a button that ends it.
fn phones_list(action: &str, open: &[PairingShown], new: Option<i64>, visitor: &Visitor, offset: UtcOffset) -> String {
    let lang = visitor.lang;
    let heading = lang.pick("Điện thoại đang được gửi", "Phones that may send");
    if open.is_empty() {
        return format!("<h2>{heading}</h2><p class=none>{}</p>", lang.pick("Chưa có điện thoại nào.", "None."));
    }
    let entry = |phone: &PairingShown| {
        let sent = phone.arrivals;
        let sent = match lang {
            Lang::Vi => format!("đã gửi {sent} ảnh"),
            Lang::En => format!("{sent} pictures sent"),
        };
        let paper = phone.component.as_deref().unwrap_or(lang.pick("mọi giấy tờ", "any paper"));
        let is_new = if new == Some(phone.id) { lang.pick(" · mã vừa tạo", " · made just now") } else { "" };
        format!(
            "<li><b>{}</b> <span class=dim>{} {} · {} {} · {sent}{is_new}</span>\
             <form method=post action=\"{action}/{}/revoke\" class=search><input type=hidden name=form value={}>\
             <button aria-label=\"{} {}\">{}</button></form></li>",
            escaped(paper),
            lang.pick("từ", "since"),
            moment(phone.created, offset),
            lang.pick("đến", "until"),
            moment(phone.expires, offset),
            phone.id,
            visitor.form_token,
            lang.pick("Thu hồi mã của", "End the code of"),
            escaped(paper),
            lang.pick("Thu hồi", "End"),
        )
    };
    format!("<h2>{heading}</h2><ul class=components>{}</ul>", open.iter().map(entry).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::visitor;

    fn code() -> DossierCode {
        "H21.15.25-250701-0012".parse().unwrap()
    }

    #[test]
    fn what_people_type_cannot_become_markup() {
        let typed = Pairing { component: "\"><b>".to_owned(), minutes: "<i>".to_owned(), ..Pairing::default() };
        let text = form("/dossiers/x/phones", &typed, None, &visitor(Role::Clerk));
        assert!(!text.contains("<b>") && !text.contains("<i>") && text.contains("value=f>"), "{text}");
        let phone = PairingShown { id: 3, component: Some("<b>".to_owned()), created: 0, expires: 1, arrivals: 2 };
        let text = phones_list("/dossiers/x/phones", &[phone], Some(3), &visitor(Role::Clerk), UtcOffset::UTC);
        assert!(text.contains("&lt;b&gt;") && text.contains("phones/3/revoke") && !text.contains("<b><b>"), "{text}");
    }

    #[test]
    fn an_administrator_pairs_no_phone() {
        assert!(link(&code(), None, &visitor(Role::Admin)).is_empty());
        let way = link(&code(), Some("Tờ khai"), &visitor(Role::Clerk));
        assert!(way.contains("/phones?component=T%E1%BB%9D%20khai"), "{way}");
    }

    #[test]
    fn a_symbol_is_drawn_with_its_quiet_zone() {
        let text = svg(&[vec![true, false], vec![false, true]], Lang::Vi);
        assert!(text.contains("viewBox=\"0 0 10 10\"") && text.contains("d=\"M4 4h1v1h-1zM5 5h1v1h-1z\""), "{text}");
    }
}
