//! Which procedure a dossier is of, whose it is, and which papers of the procedure it has: those that must be digitised, and
//! those on request.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::digital_code;
use crate::http::api::code;
use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang};
use crate::procedures::{Class, Listed, Procedure};
use crate::store::{ComponentShown, Said, State as ComponentState};

/// Most characters of a procedure's code.
const LONGEST_CODE: usize = 60;

/// What is typed of a dossier.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Typed {
    form: String,
    procedure: String,
    owner: String,
}

/// Takes up what a person says of a dossier, and leads back to it.
pub(super) async fn describe(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    typed: Result<Form<Typed>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let (code, said) = (code(&text)?, said(&typed)?);
    let (account, path) = (visitor.account.id, format!("/dossiers/{}", in_path(code.as_str())));
    app.blocking(move |app| Ok(app.store.say_of_dossier(code.as_str(), &said, account, app.now())?)).await?;
    Ok(to(&path))
}

fn said(typed: &Typed) -> Result<Said, Problem> {
    let procedure = Some(typed.procedure.trim()).filter(|text| !text.is_empty());
    let is_code = |text: &&str| {
        text.chars().count() <= LONGEST_CODE && !text.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    if !procedure.as_ref().is_none_or(is_code) {
        let (vi, en) = ("mã thủ tục không đúng; mã có dạng 1.000894", "not a procedure's code; it looks like 1.000894");
        return Err(Problem::Request(vi, en));
    }
    let owner = match typed.owner.trim() {
        "" => None,
        text => Some(digital_code::owner(text).ok_or(Problem::Request(
            "số định danh không đúng; cá nhân có 12 chữ số, tổ chức có mã như H21.15.25",
            "not an identification; a person has 12 digits, an organisation a code such as H21.15.25",
        ))?),
    };
    Ok(Said { procedure: procedure.map(str::to_owned), owner })
}

impl App {
    /// The procedure of a dossier that there is, and the checklist of its papers; nothing for who may not read papers.
    pub(super) fn checklist_part(
        &self,
        code: &DossierCode,
        papers: &[ComponentShown],
        visitor: &Visitor,
    ) -> Result<String, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Ok(String::new());
        }
        let said = self.store.said_of_dossier(code.as_str())?;
        let procedure = match &said.procedure {
            Some(procedure) => self.store.procedure(procedure)?,
            None => None,
        };
        let lang = visitor.lang;
        let list = match (&procedure, &said.procedure) {
            (Some(procedure), _) => checklist(procedure, papers, lang),
            (None, Some(_)) => format!(
                "<p class=note>{}</p>",
                lang.pick(
                    "Thủ tục này không có trong danh mục; người quản trị nhập danh mục bằng `sohoa procedures import`.",
                    "This procedure is not in the catalogue; the administrator imports it with `sohoa procedures import`."
                )
            ),
            (None, None) => String::new(),
        };
        Ok(format!("{list}{}", form(code, &said, visitor)))
    }
}

/// The form that says of which procedure and whose a dossier is.
fn form(code: &DossierCode, said: &Said, visitor: &Visitor) -> String {
    let lang = visitor.lang;
    let open = if said.procedure.is_none() { " open" } else { "" };
    let text = |text: &Option<String>| escaped(text.as_deref().unwrap_or_default());
    format!(
        "<details{open}><summary>{}</summary><form method=post action=\"/dossiers/{}/procedure\" class=search>\
         <input type=hidden name=form value={}><label for=thu-tuc>{}</label>\
         <input id=thu-tuc name=procedure value=\"{}\" placeholder=1.000894 autocomplete=off spellcheck=false maxlength={LONGEST_CODE}>\
         <label for=chu>{}</label>\
         <input id=chu name=owner value=\"{}\" autocomplete=off spellcheck=false maxlength=35><button>{}</button></form></details>",
        lang.pick("Thủ tục và chủ hồ sơ", "Procedure and owner"),
        in_path(code.as_str()),
        visitor.form_token,
        lang.pick("Mã thủ tục", "Code of the procedure"),
        text(&said.procedure),
        lang.pick("Số định danh chủ hồ sơ", "Identification of the owner"),
        text(&said.owner),
        lang.pick("Lưu", "Save"),
    )
}

/// The papers of a procedure: those that must be digitised, with what the dossier has of them, then the others.
fn checklist(procedure: &Procedure, papers: &[ComponentShown], lang: Lang) -> String {
    let (compulsory, others): (Vec<_>, Vec<_>) = procedure.components.iter().partition(|one| one.class.is_some());
    let entry = |listed: &&Listed| {
        let why =
            listed.class.map_or_else(String::new, |class| format!(" <span class=dim>{}</span>", class.name(lang)));
        let state = match found(listed, papers).map(|paper| paper.state) {
            Some(state) => format!("<span class=\"badge {}\">{}</span>", state.code(), state.name(lang)),
            None => format!("<span class=\"badge failed\">{}</span>", lang.pick("còn thiếu", "missing")),
        };
        format!("<li>{state} {}{why}</li>", escaped(&listed.name))
    };
    let entries: String = compulsory.iter().map(entry).collect();
    let list = match entries.is_empty() {
        true => format!(
            "<p class=none>{}</p>",
            lang.pick("Thủ tục này không có giấy tờ bắt buộc số hóa.", "No paper of this procedure must be digitised.")
        ),
        false => format!("<ul class=checklist>{entries}</ul>"),
    };
    let others: String = others.iter().map(|listed| format!("<li>{}</li>", escaped(&listed.name))).collect();
    let others = match others.is_empty() {
        true => others,
        false => format!(
            "<details><summary>{}</summary><ul>{others}</ul></details>",
            lang.pick("Giấy tờ chỉ số hóa khi có yêu cầu", "Papers that are digitised on request only")
        ),
    };
    let is_there = |listed: &&&Listed| found(listed, papers).is_some_and(|paper| paper.state == ComponentState::Done);
    format!(
        "<h2>{} {}/{}</h2><p class=dim>{} · {}</p>{list}{others}",
        lang.pick("Giấy tờ bắt buộc số hóa", "Papers that must be digitised"),
        compulsory.iter().filter(is_there).count(),
        compulsory.len(),
        escaped(&procedure.code),
        escaped(&procedure.name),
    )
}

/// The newest paper of the dossier that is this one.
fn found<'a>(listed: &Listed, papers: &'a [ComponentShown]) -> Option<&'a ComponentShown> {
    let is_result = |paper: &ComponentShown| {
        listed.class == Some(Class::Result) && paper.result_code.is_some() && paper.result_code == listed.result_type
    };
    let mut newest = papers.iter().filter(|paper| paper.is_newest);
    newest.find(|paper| is_result(paper) || listed.is(paper.code.as_deref(), &paper.title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::{shown, visitor};

    fn listed(name: &str, class: Option<Class>) -> Listed {
        Listed { code: None, name: name.to_owned(), class, result_type: None }
    }

    #[test]
    fn what_must_be_digitised_is_there_or_missing() {
        let result = Listed { result_type: Some("KQ.G15.000031".to_owned()), ..listed("<b>", Some(Class::Result)) };
        let components = vec![listed("Tờ khai", Some(Class::Law)), result.clone(), listed("Ảnh", None)];
        let procedure = Procedure { code: "1.0".to_owned(), name: "<i>".to_owned(), components };
        let done = |title: &str| ComponentShown { state: ComponentState::Done, ..shown(title) };
        let text = checklist(&procedure, &[done("to khai")], Lang::Vi);
        assert!(text.contains("1/2") && text.matches("còn thiếu").count() == 1, "{text}");
        assert!(!text.contains("<b>") && !text.contains("<i>") && text.contains("khi có yêu cầu"), "{text}");
        let paper = ComponentShown { result_code: result.result_type.clone(), ..done("IMG 1") };
        assert!(checklist(&procedure, &[done("to khai"), paper.clone()], Lang::Vi).contains("2/2"));
        let before = ComponentShown { is_newest: false, ..paper };
        assert!(checklist(&procedure, &[before], Lang::Vi).contains("0/2"));
    }

    #[test]
    fn what_is_typed_is_checked() {
        let typed = |procedure: &str, owner: &str| {
            said(&Typed { form: String::new(), procedure: procedure.to_owned(), owner: owner.to_owned() })
        };
        assert_eq!(typed(" ", "").ok(), Some(Said::default()));
        let said = typed(" 1.000894 ", "052090000123").ok();
        assert_eq!(said.and_then(|said| said.owner).as_deref(), Some("052090000123"));
        assert!(
            typed("1 000894", "").is_err() && typed("", "Nguyễn Văn An").is_err() && typed("", "212345678").is_err()
        );
        let said = Said { procedure: Some("\"><b>".to_owned()), owner: None };
        let text = form(&"H21.15.25-250701-0012".parse().unwrap(), &said, &visitor(Role::Clerk));
        assert!(!text.contains("<b>"), "{text}");
    }
}
