//! One dossier with its components.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use time::UtcOffset;

use crate::http::api;
pub(super) use crate::http::html::moment;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::live::Live;
use crate::http::phone::reasons;
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang, Localized};
use crate::service::reason_text;
use crate::store::{
    ComponentShown, DossierShown, Emptied, Looked, Published, SESSION_LONGEST, State as ComponentState, StoreError,
};

use super::data;
use super::files::current;
use super::handing::buttons;
use super::pairing;
use super::papers::bringing_form;
use super::{Topic, live_page};

/// A dossier with its components.
pub(super) async fn dossier(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let code = api::code(&code)?;
    let offset = (app.clock)().offset();
    let back = format!("/dossiers/{}", in_path(code.as_str()));
    let title = code.to_string();
    let (visitor, is_new, content) = app
        .blocking(move |app| {
            let shown = match app.store.dossier(Some(code.as_str())) {
                Ok(shown) => Some(shown),
                // It begins with its first paper.
                Err(StoreError::NoDossier(_)) => None,
                Err(error) => return Err(error.into()),
            };
            if shown.is_some() {
                app.note_view(&visitor, &code)?;
            }
            let papers = shown.as_ref().map_or(&[][..], |shown| &shown.components);
            let titles: Vec<&str> = papers.iter().map(|component| &component.title[..]).collect();
            let (scanning, form) = (app.scanning_part(&code, &visitor), bringing_form(&code, &titles, &visitor));
            let (phones, emptied) = (pairing::link(&code, None, &visitor), app.emptied_part(&code, &visitor, offset)?);
            let content = match &shown {
                Some(shown) if !papers.is_empty() => {
                    let components = components(shown, &app.settings.live, &visitor, offset);
                    let made = papers.iter().any(|component| !component.published.is_empty());
                    let handing = if made { buttons(&code, &visitor) } else { String::new() };
                    let checklist = app.checklist_part(&code, papers, &visitor)?;
                    let offer = app.offer_part(&code, papers, &visitor)?;
                    format!("{offer}{components}{emptied}{checklist}{handing}{phones}{scanning}{form}")
                }
                _ => format!("{}{form}{scanning}{phones}{emptied}", invitation(&visitor)),
            };
            let is_new = papers.is_empty();
            Ok((visitor, is_new, content))
        })
        .await?;
    let lang = visitor.lang;
    let closed = match visitor.account.role.may_read_papers() {
        true => String::new(),
        false => format!("<p class=note>{}</p>", escaped(&sentence(&Problem::Role.message(lang)))),
    };
    let kind = match is_new {
        true => lang.pick("Hồ sơ mới", "Dossier (new)"),
        false => lang.pick("Hồ sơ", "Dossier"),
    };
    let body = format!(
        "<p><a href=/>{}</a></p><h1><span class=dim>{kind}</span> {}</h1>{closed}{content}",
        lang.pick("← Hồ sơ hôm nay", "← Dossiers of today"),
        escaped(&title),
    );
    Ok(live_page(StatusCode::OK, &title, &visitor, &back, &Topic::Dossier(&title), &body))
}

/// What is said of a dossier that has no papers yet.
fn invitation(visitor: &Visitor) -> String {
    let lang = visitor.lang;
    let none = lang.pick("Chưa có giấy tờ nào.", "There are no papers yet.");
    let how = match visitor.account.role.may_read_papers() {
        true => lang.pick(
            "Hồ sơ bắt đầu với giấy tờ đầu tiên: đưa tệp vào, quét, hoặc gửi bằng điện thoại. Nếu hồ sơ này lẽ ra đã có, hãy xem \
             lại mã.",
            "It begins with its first paper: bring files, scan, or send by phone. Should there be such a dossier already, look at \
             the code again.",
        ),
        false => "",
    };
    format!("<p>{none} {how}</p>")
}

impl App {
    /// Writes down that a person opens a dossier; a page that they have opened and that asks anew by itself is no other view.
    fn note_view(&self, visitor: &Visitor, code: &DossierCode) -> Result<(), Problem> {
        let (account, code, now) = (visitor.account.id, code.as_str(), self.now());
        if !(visitor.is_unattended && self.store.has_viewed(account, code, now - SESSION_LONGEST)?) {
            self.store.looked(account, Looked::Dossier(code), now)?;
        }
        Ok(())
    }

    /// The papers of a dossier all of whose pages were left out, each with a button that puts them back; nothing for who may not.
    fn emptied_part(&self, code: &DossierCode, visitor: &Visitor, offset: UtcOffset) -> Result<String, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Ok(String::new());
        }
        let (lang, emptied) = (visitor.lang, self.store.emptied(code.as_str())?);
        let entry = |one: &Emptied| {
            let (id, count) = (one.component, one.pages.len());
            Ok(format!(
                "<li><h2>{}</h2><p class=dim>{count} {} · {}</p>{}<form method=post action=/components/{id}/restore>\
                 <input type=hidden name=form value={}><button class=quiet>{}</button></form></li>",
                escaped(&one.title),
                lang.pick("trang đã bỏ", "pages left out"),
                moment(one.changed, offset),
                self.small_pictures(id, &one.pages)?,
                visitor.form_token,
                lang.pick("Lấy lại", "Put back"),
            ))
        };
        let entries = emptied.iter().map(entry).collect::<Result<String, Problem>>()?;
        Ok(match entries.is_empty() {
            true => entries,
            false => format!(
                "<details><summary>{} ({})</summary><ul class=components>{entries}</ul></details>",
                lang.pick("Giấy tờ đã bỏ hết trang", "Papers all of whose pages were left out"),
                emptied.len(),
            ),
        })
    }
}

/// The components of a dossier: newest versions, then those before them.
fn components(dossier: &DossierShown, live: &Live, visitor: &Visitor, offset: UtcOffset) -> String {
    let lang = visitor.lang;
    let (newest, before): (Vec<_>, Vec<_>) = dossier.components.iter().partition(|one| one.is_newest);
    let shown = |one: &&ComponentShown| component(one, live.progress(one.id), visitor, offset, "");
    let code = dossier.code.as_deref().and_then(|code| code.parse().ok());
    let by_phone =
        |title: &str| code.as_ref().map_or_else(String::new, |code| pairing::link(code, Some(title), visitor));
    let newest_shown =
        |one: &&ComponentShown| component(one, live.progress(one.id), visitor, offset, &by_phone(&one.title));
    let before: String = match before.is_empty() {
        true => String::new(),
        false => format!(
            "<details><summary>{}</summary><ul class=components>{}</ul></details>",
            lang.pick("Các phiên bản trước", "Earlier versions"),
            before.iter().map(shown).collect::<String>()
        ),
    };
    format!("<ul class=components>{}</ul>{before}", newest.iter().map(newest_shown).collect::<String>())
}

/// One component; `progress` are pages finished and pages in all where it is in work, `more` is markup that comes last.
pub(super) fn component(
    component: &ComponentShown,
    progress: Option<(usize, usize)>,
    visitor: &Visitor,
    offset: UtcOffset,
    more: &str,
) -> String {
    let lang = visitor.lang;
    let (state, count) = (component.state, component.captures.len());
    let why: Vec<String> = match state {
        ComponentState::Rescan => reasons(component, lang),
        ComponentState::Failed | ComponentState::Unplaced => {
            component.reason.iter().map(|reason| sentence(reason_text(reason, lang))).collect()
        }
        _ => Vec::new(),
    };
    let why: String = why.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
    let why = if why.is_empty() { why } else { format!("<ul class=why>{why}</ul>") };
    let files: String = match visitor.account.role.may_read_papers() {
        true => file_links(component, lang) + &data_link(component, lang),
        false => String::new(),
    };
    let again = match &component.reused {
        Some(_) => format!(" <span class=badge>{}</span>", lang.pick("dùng lại", "used again")),
        None => String::new(),
    };
    let coded = component.digital_code.as_ref().filter(|_| visitor.account.role.may_read_papers());
    let coded = coded.map_or_else(String::new, |code| {
        let what = lang.pick("Mã kết quả số hóa", "Code of the digitised result");
        format!("<p class=dim>{what}: {}</p>", escaped(&code.text))
    });
    let name = match visitor.account.role.may_read_papers() {
        true => format!("<a href=/components/{}/pages>{}</a>", component.id, escaped(&component.title)),
        false => escaped(&component.title),
    };
    let done = progress
        .filter(|_| state == ComponentState::InWork)
        .map_or_else(String::new, |(done, pages)| format!(" {done}/{pages} {}", lang.pick("trang", "pages")));
    let version = match component.version {
        1 => String::new(),
        version => format!(" <span class=dim>V{version}</span>"),
    };
    format!(
        "<li class={}><h2>{}{version}</h2>{again} <span class=\"badge {}\">{}{done}</span>\
         <p class=dim>{count} {} · {}</p>{coded}{why}{files}{more}</li>",
        state.code(),
        name,
        state.code(),
        state.name(lang),
        lang.pick("ảnh gốc", if count == 1 { "capture" } else { "captures" }),
        moment(component.changed, offset),
    )
}

/// Links to the files of a component.
pub(super) fn file_links(component: &ComponentShown, lang: Lang) -> String {
    component.published.iter().enumerate().filter_map(|one| link(component, one, lang)).collect()
}

/// The link to the data of a component's paper, once it is made.
fn data_link(component: &ComponentShown, lang: Lang) -> String {
    let name = lang.pick("Dữ liệu bóc tách", "Data of the paper");
    match component.published.is_empty() {
        true => String::new(),
        false => format!("<p><a class=file href={}>{name}</a></p>", data::address(component.id)),
    }
}

fn link(component: &ComponentShown, (number, published): (usize, &Published), lang: Lang) -> Option<String> {
    let (name, _) = current(published)?;
    Some(format!(
        "<p><a class=file href=\"/components/{}/files/{number}\" download>{} {}</a></p>",
        component.id,
        lang.pick("Tải về", "Download"),
        escaped(&name),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::{shown, visitor};

    #[test]
    fn what_people_named_cannot_become_markup() {
        let text = component(&shown("<script>"), None, &visitor(Role::Clerk), UtcOffset::UTC, "");
        for wrong in ["<script>", "<i>", "<b>"] {
            assert!(!text.contains(wrong), "{text}");
        }
        assert!(text.contains("&lt;script&gt;") && text.contains("/components/7/files/0"), "{text}");
    }

    #[test]
    fn an_administrator_is_shown_no_files() {
        let text = component(&shown("a"), None, &visitor(Role::Admin), UtcOffset::UTC, "");
        assert!(!text.contains("/files/"), "{text}");
    }
}
