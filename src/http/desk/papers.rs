//! Papers that people bring to a dossier, and what waits to be placed in one (*chưa xếp*).

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use crate::http::Shared;
use crate::http::api::{Destination, FILES, code, take_in};
use crate::http::arrive::{Incoming, file_name, tidy};
use crate::http::form::Parts;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::model::{DossierCode, Localized};
use crate::store::{ComponentListed, ComponentShown, Pick};

use super::dossiers::component;
use super::keys::SEND;
use super::{Topic, live_page};

/// Where captures that people bring come from.
pub(super) const DESK: &str = "desk";

/// Components on a page of what waits: each has a form, and all of them less than 100 KB.
const WAITING: u32 = 40;

/// The form that brings files into a dossier; nothing for who may not.
pub(super) fn bringing_form(code: &DossierCode, titles: &[&str], visitor: &Visitor) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let lang = visitor.lang;
    let mut titles = titles.to_vec();
    titles.sort_unstable();
    titles.dedup();
    let titles: String = titles.iter().map(|title| format!("<option value=\"{}\">", escaped(title))).collect();
    // The form's token comes first: nothing is read before it.
    format!(
        "<h2>{}</h2><form method=post action=\"/dossiers/{}/captures\" enctype=multipart/form-data class=door>\
         <input type=hidden name=form value={}>\
         <label for=giay>{}</label><input id=giay name=component list=cac-giay autocomplete=off maxlength=120 required>\
         <datalist id=cac-giay>{titles}</datalist>\
         <label for=tep>{}</label><input id=tep type=file name=files multiple required><button{}>{}</button></form>",
        lang.pick("Thêm giấy tờ", "Add papers"),
        in_path(code.as_str()),
        visitor.form_token,
        lang.pick("Tên giấy tờ", "Which paper"),
        lang.pick("Các ảnh hoặc tệp PDF, theo thứ tự trang", "Pictures or PDF files, in page order"),
        SEND.attribute(),
        SEND.label(lang),
    )
}

/// Takes files of the form in, and leads back to the dossier.
pub(super) async fn bring(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(code): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let code = self::code(&code)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let back = format!("/dossiers/{}", in_path(code.as_str()));
    let mut destination = Destination { source: DESK.to_owned(), dossier: Some(code), component: None };
    let mut form = Parts::of(request, &app).await?;
    let (mut is_ours, mut taken) = (false, 0);
    while let Some(field) = form.next_field().await.map_err(|_| Problem::Broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(str::to_owned) {
            None if name == "form" => {
                visitor.check(&headers, &field.text().await?)?;
                is_ours = true;
            }
            None if name == "component" => destination.component = tidy(&field.text().await?),
            // A picker that was not used sends a part without a name.
            None => {}
            Some(file) if file.is_empty() => {}
            Some(_) if !is_ours => return Err(Problem::Foreign),
            Some(_) if destination.component.is_none() => {
                return Err(Problem::Request("hãy ghi tên giấy tờ", "write what the paper is"));
            }
            Some(_) if taken == FILES => {
                return Err(Problem::Request("quá nhiều tệp trong một lần gửi", "too many files in one request"));
            }
            Some(file) => {
                let file = file_name(&file).unwrap_or_else(|| format!("{}-{taken:03}", app.now()));
                let accepted = take_in(&app, Incoming::Part(Box::new(field)), 0, &destination, file).await?;
                let account = visitor.account.id;
                app.blocking(move |app| Ok(app.store.brought(account, accepted, app.now())?)).await?;
                taken += 1;
            }
        }
    }
    if taken == 0 {
        return Err(Problem::Request("chưa chọn tệp nào", "no file was chosen"));
    }
    Ok(to(&back))
}

/// What is typed to place a component.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Placing {
    form: String,
    dossier: String,
    title: String,
}

/// From which number on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    after: Option<i64>,
}

/// The components that wait to be placed.
pub(super) async fn unplaced(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let after = asked.ok().and_then(|Query(asked)| asked.after).unwrap_or(0);
    unplaced_page(&app, visitor, after, None).await
}

/// Places a component that waits, and leads to its dossier; back to the page where something typed is wrong.
pub(super) async fn place(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Result<Path<i64>, PathRejection>,
    headers: HeaderMap,
    typed: Result<Form<Placing>, FormRejection>,
) -> Result<Response, Problem> {
    let Path(component) = number.map_err(|_| Problem::NotFound)?;
    let Form(placing) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &placing.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let Ok(code) = placing.dossier.trim().parse::<DossierCode>() else {
        return unplaced_page(&app, visitor, component - 1, Some((component, placing, Problem::Code))).await;
    };
    let Some(title) = tidy(&placing.title) else {
        let problem = Problem::Request("hãy ghi tên giấy tờ", "write what the paper is");
        return unplaced_page(&app, visitor, component - 1, Some((component, placing, problem))).await;
    };
    let (account, path) = (visitor.account.id, format!("/dossiers/{}", in_path(code.as_str())));
    let picks = [Pick::Component(component)];
    let placed = app
        .blocking(move |app| Ok(app.store.attach(&code, &title, &picks, (None, None), Some(account), app.now())?))
        .await;
    match placed {
        Ok(_) => Ok(to(&path)),
        Err(problem) if problem.kind().0 == StatusCode::CONFLICT => {
            unplaced_page(&app, visitor, component - 1, Some((component, placing, problem))).await
        }
        Err(problem) => Err(problem),
    }
}

/// The page of what waits, by number; with what was typed for one of them, and what is wrong with it.
async fn unplaced_page(
    app: &Shared,
    visitor: Visitor,
    after: i64,
    wrong: Option<(i64, Placing, Problem)>,
) -> Result<Response, Problem> {
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    let sees_papers = visitor.account.role.may_read_papers();
    let (waiting, pictures, has_more) = app
        .blocking(move |app| {
            let mut waiting = app.store.waiting_after(after, WAITING + 1)?;
            let has_more = waiting.len() > WAITING as usize;
            waiting.truncate(WAITING as usize);
            let pictures = |one: &ComponentListed| app.small_pictures(one.component.id, &one.component.captures);
            let seen = waiting.iter().filter(|_| sees_papers);
            let pictures = seen.map(pictures).collect::<Result<Vec<String>, Problem>>()?;
            Ok((waiting, pictures, has_more))
        })
        .await?;
    let title = lang.pick("Chưa xếp", "Not placed");
    let told = wrong.as_ref().map_or_else(String::new, |(.., problem)| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&problem.message(lang))))
    });
    let entries: String = waiting
        .iter()
        .enumerate()
        .map(|(index, listed)| {
            let (one, pictures) = (&listed.component, pictures.get(index).map_or("", |pictures| &pictures[..]));
            let typed = wrong.as_ref().filter(|(id, ..)| *id == one.id).map(|(_, typed, _)| typed);
            component(one, None, &visitor, offset, &format!("{pictures}{}", placing_form(one, &visitor, typed)))
        })
        .collect();
    let list = match entries.is_empty() {
        true => format!("<p class=none>{}</p>", lang.pick("Không có gì chờ xếp.", "Nothing waits to be placed.")),
        false => format!("<ul class=components>{entries}</ul>"),
    };
    let more = waiting.last().filter(|_| has_more).map_or_else(String::new, |last| {
        let next = lang.pick("Trang sau", "Next page");
        format!("<p><a href=\"/unplaced?after={}\" rel=next>{next}</a></p>", last.component.id)
    });
    let status = wrong.map_or(StatusCode::OK, |(.., problem)| problem.kind().0);
    let body = format!("<h1>{title}</h1>{told}{list}{more}");
    Ok(live_page(status, title, &visitor, "/unplaced", &Topic::All, &body))
}

/// The form that places a component; nothing for who may not.
fn placing_form(component: &ComponentShown, visitor: &Visitor, typed: Option<&Placing>) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let (id, lang) = (component.id, visitor.lang);
    let (code, title) = typed.map_or(("", &component.title[..]), |typed| (&typed.dossier[..], &typed.title[..]));
    let described = if typed.is_some() { " aria-describedby=loi aria-invalid=true autofocus" } else { "" };
    format!(
        "<form method=post action=/unplaced/{id} class=search><input type=hidden name=form value={}>\
         <label for=ma{id}>{}</label>\
         <input id=ma{id} name=dossier value=\"{}\" placeholder=H21.15.25-250701-0012 autocomplete=off spellcheck=false maxlength=60 required{described}>\
         <label for=ten{id}>{}</label>\
         <input id=ten{id} name=title value=\"{}\" autocomplete=off maxlength=120 required><button>{}</button></form>",
        visitor.form_token,
        lang.pick("Mã hồ sơ", "Code of a dossier"),
        escaped(code),
        lang.pick("Giấy tờ", "Paper"),
        escaped(title),
        lang.pick("Xếp vào hồ sơ", "Place in the dossier"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::{shown, visitor};

    #[test]
    fn what_people_type_cannot_become_markup() {
        let typed = Placing { dossier: "\"><b>".to_owned(), title: "<i>".to_owned(), ..Placing::default() };
        let text = placing_form(&shown("a"), &visitor(Role::Clerk), Some(&typed));
        assert!(!text.contains("<b>") && !text.contains("<i>") && text.contains("value=f>"), "{text}");
        let code = "H21.15.25-250701-0012".parse().unwrap();
        let text = bringing_form(&code, &["a\"><b>", "a\"><b>"], &visitor(Role::Clerk));
        assert!(!text.contains("<b>") && text.matches("<option").count() == 1, "{text}");
    }

    #[test]
    fn an_administrator_neither_brings_nor_places() {
        let keeper = visitor(Role::Admin);
        assert!(placing_form(&shown("a"), &keeper, None).is_empty());
        assert!(bringing_form(&"H21.15.25-250701-0012".parse().unwrap(), &[], &keeper).is_empty());
    }
}
