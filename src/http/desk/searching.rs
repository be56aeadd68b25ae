//! Searching (*tìm kiếm*) in the papers that were published. A question comes in a form and not in an address, which browsers
//! and proxies would keep; that it was asked is written down before the answer is shown, and not its words, which are names of people.

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::search::LONGEST;
use crate::http::session::{Visitor, wrong_form};
use crate::http::{App, Shared};
use crate::model::{Lang, Localized};
use crate::search::{Found, Hit, How, Question, SearchError, date};

use super::keys::FIND;
use super::page;

/// Hits of a page.
const HITS: usize = 20;

/// What is typed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Typed {
    form: String,
    text: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    identity: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    dossier: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    exact: Option<String>,
    #[serde(default)]
    skip: usize,
}

impl Typed {
    fn question(&self) -> Question {
        let given = |text: &str| {
            let text: String = text.trim().chars().take(LONGEST).collect();
            (!text.is_empty()).then_some(text)
        };
        Question {
            text: given(&self.text)
                .map(|text| if self.text.ends_with(' ') { text + " " } else { text })
                .unwrap_or_default(),
            owner: given(&self.owner),
            number: given(&self.number),
            identity: given(&self.identity),
            kind: given(&self.kind),
            dossier: given(&self.dossier),
            from: date(&self.from),
            until: date(&self.until),
            is_strict: self.exact.is_some(),
            skip: self.skip,
        }
    }

    /// The fields beside the words, with what was typed in each: name, Vietnamese, English, type.
    fn fields(&self) -> [(&'static str, &'static str, &'static str, &'static str, &str); 7] {
        [
            ("owner", "Họ tên người có giấy tờ", "Owner's name", "text", &self.owner),
            ("identity", "Số định danh", "Citizen's number", "text", &self.identity),
            ("number", "Số, ký hiệu", "Number or symbol", "text", &self.number),
            ("kind", "Loại giấy tờ", "Kind of paper", "text", &self.kind),
            ("dossier", "Mã hồ sơ", "Code of a dossier", "text", &self.dossier),
            ("from", "Từ ngày", "From", "date", &self.from),
            ("until", "Đến ngày", "Until", "date", &self.until),
        ]
    }
}

/// The page to search from.
pub(super) async fn search_page(visitor: Visitor) -> Result<Response, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    Ok(shown(&visitor, StatusCode::OK, &form(&Typed::default(), &visitor, None)))
}

/// Answers a question.
pub(super) async fn search(
    State(app): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let (question, account, lang) = (typed.question(), visitor.account.id, visitor.lang);
    let skip = question.skip;
    let answer = app
        .blocking(move |app| {
            let found = app.find(&question, HITS, Some(account))?;
            Ok(found.map(|found| {
                let hits: String = found.hits.iter().map(|hit| entry(app, hit, lang)).collect();
                (found, hits)
            }))
        })
        .await?;
    let (status, wrong, results) = match &answer {
        Ok((found, hits)) => (StatusCode::OK, None, results(found, hits, &typed, &visitor)),
        Err(error) => (status_of(error), Some(error), String::new()),
    };
    let part = if skip > 0 { String::new() } else { form(&typed, &visitor, wrong) };
    Ok(shown(&visitor, status, &format!("{part}{results}")))
}

fn status_of(error: &SearchError) -> StatusCode {
    match error {
        SearchError::Nothing | SearchError::Identity => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn shown(visitor: &Visitor, status: StatusCode, body: &str) -> Response {
    let title = FIND.name(visitor.lang);
    page(status, visitor.lang, title, Some(visitor), "/search", &format!("<h1>{title}</h1>{body}"))
}

/// The form, with what was typed and what is wrong with it.
fn form(typed: &Typed, visitor: &Visitor, wrong: Option<&SearchError>) -> String {
    let lang = visitor.lang;
    let told = wrong.map_or_else(String::new, |wrong| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&wrong.message(lang))))
    });
    let described = if wrong.is_some() { " aria-describedby=loi aria-invalid=true" } else { "" };
    let fields: String = typed
        .fields()
        .iter()
        .map(|(name, vietnamese, english, kind, value)| {
            format!(
                "<label for=tim-{name}>{}</label><input id=tim-{name} name={name} type={kind} value=\"{}\" autocomplete=off \
                 spellcheck=false maxlength={LONGEST}>",
                lang.pick(vietnamese, english),
                escaped(value),
            )
        })
        .collect();
    let is_open = typed.fields().iter().any(|(.., value)| !value.trim().is_empty()) || typed.exact.is_some();
    format!(
        "{told}<form method=post action=/search role=search class=finding><input type=hidden name=form value={}>\
         <div class=search><label for=tim>{}</label><input id=tim name=text type=search value=\"{}\" autocomplete=off \
         maxlength={LONGEST}{described}><button>{}</button></div>\
         <details{}><summary>{}</summary><div class=scan>{fields}</div>\
         <label class=tick><input type=checkbox name=exact value=1{}> {}</label></details></form>",
        visitor.form_token,
        lang.pick("Từ cần tìm", "Words"),
        escaped(typed.text.trim()),
        FIND.name(lang),
        if is_open { " open" } else { "" },
        lang.pick("Tìm theo thông tin của giấy tờ", "By what is known of papers"),
        if typed.exact.is_some() { " checked" } else { "" },
        lang.pick("Đúng dấu như đã gõ", "With the very marks that are typed"),
    )
}

fn results(found: &Found, hits: &str, typed: &Typed, visitor: &Visitor) -> String {
    let lang = visitor.lang;
    let first = typed.skip + 1;
    let last = typed.skip + found.hits.len();
    let told = match (found.hits.is_empty(), lang) {
        (true, Lang::Vi) => "Không tìm thấy trang nào.".to_owned(),
        (true, Lang::En) => "No page was found.".to_owned(),
        (false, Lang::Vi) => format!("Trang {first} đến {last}"),
        (false, Lang::En) => format!("Pages {first} to {last}"),
    };
    let cut = match !found.has_more && found.is_cut {
        true => lang.pick(
            "Còn nhiều trang khác có các từ này: hãy thêm từ hoặc thông tin của giấy tờ.",
            "Many more pages have these words: add words, or what is known of the paper.",
        ),
        false => "",
    };
    let more = if found.has_more { next(typed, visitor) } else { String::new() };
    let list = if hits.is_empty() { String::new() } else { format!("<ol class=\"components hits\">{hits}</ol>") };
    format!("<p class=chosen role=status>{told}</p>{list}{more}<p>{cut}</p>")
}

/// The form that leads to the next hits of the same question.
fn next(typed: &Typed, visitor: &Visitor) -> String {
    let field = |name: &str, value: &str| format!("<input type=hidden name={name} value=\"{}\">", escaped(value));
    let fields: String = typed.fields().iter().map(|(name, .., value)| field(name, value)).collect();
    let exact = if typed.exact.is_some() { field("exact", "1") } else { String::new() };
    format!(
        "<form method=post action=/search>{}{}{fields}{exact}{}<button class=quiet>{}</button></form>",
        field("form", &visitor.form_token),
        field("text", &typed.text),
        field("skip", &(typed.skip + HITS).to_string()),
        visitor.lang.pick("Trang sau", "Next page"),
    )
}

/// A page that was found, with its picture behind a fold.
fn entry(app: &App, hit: &Hit, lang: Lang) -> String {
    let picture = app.published_page(hit.paper.component, hit.page).ok().flatten();
    let dossier = hit.paper.dossier.as_ref().map_or_else(
        || lang.pick("Chưa xếp", "Not placed").to_owned(),
        |code| format!("<a href=\"/dossiers/{}\">{}</a>", in_path(code), escaped(code)),
    );
    let pages = format!("/components/{}/pages", hit.paper.component);
    let address = picture.as_ref().map_or(pages, |(address, _)| address.clone());
    let near = match hit.how {
        How::Near => format!(" <span class=badge>{}</span>", lang.pick("gần đúng", "like it")),
        _ => String::new(),
    };
    let known: Vec<String> = hit.known().iter().map(|text| escaped(text)).collect();
    let known = if known.is_empty() { String::new() } else { format!("<p class=dim>{}</p>", known.join(" · ")) };
    let snippet: Vec<String> = hit
        .snippet
        .iter()
        .map(|piece| match piece.is_hit {
            true => format!("<mark>{}</mark>", escaped(&piece.text)),
            false => escaped(&piece.text),
        })
        .collect();
    let picture = picture.map_or_else(String::new, |(_, picture)| {
        format!(
            "<details><summary>{}</summary>{}</details>",
            lang.pick("Xem trên trang", "See it on the page"),
            overlaid(hit, &picture, lang)
        )
    });
    format!(
        "<li><a class=title href=\"{address}\">{}, {} {}</a>{near} <span class=dim>{dossier}</span>{known}<p>{}</p>{picture}</li>",
        escaped(&hit.paper.title),
        lang.pick("trang", "page"),
        hit.page,
        snippet.join(" "),
    )
}

/// The picture of a page with the places of what was found drawn over it.
fn overlaid(hit: &Hit, picture: &str, lang: Lang) -> String {
    let boxes: String = hit
        .boxes
        .iter()
        .map(|one| format!("<rect x={} y={} width={} height={} />", one.x, one.y, one.width, one.height))
        .collect();
    format!(
        "<figure class=found><img src=\"{picture}\" alt=\"{} {}\" loading=lazy>\
         <svg viewBox=\"0 0 {} {}\" preserveAspectRatio=none aria-hidden=true>{boxes}</svg></figure>",
        lang.pick("Trang", "Page"),
        hit.page,
        hit.size.0,
        hit.size.1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::visitor;

    #[test]
    fn what_people_type_cannot_become_markup() {
        let bad = "\"><b>".to_owned();
        let typed = Typed { text: bad.clone(), owner: bad.clone(), kind: bad, ..Typed::default() };
        let visitor = visitor(Role::Clerk);
        for text in [form(&typed, &visitor, Some(&SearchError::Nothing)), next(&typed, &visitor)] {
            assert!(!text.contains("<b>"), "{text}");
        }
    }

    #[test]
    fn a_question_has_what_was_typed_and_no_more() {
        let typed =
            Typed { text: " đất ở ".into(), from: "2025-01-02".into(), owner: "  ".into(), ..Typed::default() };
        let question = typed.question();
        assert_eq!((&question.text[..], question.owner, question.from), ("đất ở ", None, date("2025-01-02")));
        let long = Typed { text: "a".repeat(9_000), ..Typed::default() };
        assert_eq!(long.question().text.len(), LONGEST);
    }
}
