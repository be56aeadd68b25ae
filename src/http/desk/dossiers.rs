//! Dossiers: those of today, all, and one with its components.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::{OffsetDateTime, Time, UtcOffset};

use crate::http::api;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::live::Live;
use crate::http::phone::reasons;
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to};
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang, Localized};
use crate::service::{millis, reason_text};
use crate::store::{
    ComponentShown, DossierListed, DossierShown, Looked, Millis, Published, SESSION_LONGEST, State as ComponentState,
    StoreError,
};

use super::files::current;
use super::handing::buttons;
use super::keys::OPEN;
use super::pairing;
use super::papers::bringing_form;
use super::{ENTRIES, Topic, live_page, page};

/// The dossiers that something happened to today.
pub(super) async fn today(State(app): State<Shared>, visitor: Visitor) -> Result<Response, Problem> {
    let now = (app.clock)();
    let since = millis(now.replace_time(Time::MIDNIGHT));
    let (mut dossiers, unplaced) = app
        .blocking(move |app| {
            let dossiers = app.store.dossiers_since(since, ENTRIES + 1)?;
            Ok((dossiers, app.store.status(app.now())?.of(ComponentState::Unplaced)))
        })
        .await?;
    let has_more = dossiers.len() > ENTRIES as usize;
    dossiers.truncate(ENTRIES as usize);
    let lang = visitor.lang;
    let title = lang.pick("Hồ sơ hôm nay", "Dossiers of today");
    let day = format!("{:02}/{:02}/{}", now.day(), u8::from(now.month()), now.year());
    let waiting = match (unplaced, lang) {
        (0, _) => String::new(),
        (_, Lang::Vi) => format!("<p class=note><a href=/unplaced>{unplaced} thành phần chờ xếp vào hồ sơ</a></p>"),
        (_, Lang::En) => {
            format!("<p class=note><a href=/unplaced>{unplaced} components wait to be placed in a dossier</a></p>")
        }
    };
    let more = match has_more {
        true => format!("<p><a href=/dossiers>{}</a></p>", lang.pick("Xem mọi hồ sơ", "See all dossiers")),
        false => String::new(),
    };
    let body = format!(
        "<h1>{title} <span class=dim>{day}</span></h1>{waiting}{}{}{}{more}",
        tally(&dossiers, lang),
        search("", None, lang),
        list(&dossiers, now, lang),
    );
    Ok(live_page(StatusCode::OK, title, &visitor, "/", &Topic::All, &body))
}

/// Which dossiers are asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    code: Option<String>,
    after: Option<String>,
}

/// All dossiers by code; or the one whose code was typed.
pub(super) async fn all(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let lang = visitor.lang;
    let typed = asked.code.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let wrong = match typed.parse::<DossierCode>() {
        Ok(code) => return Ok(to(&format!("/dossiers/{}", in_path(code.as_str())))),
        Err(error) => (!typed.is_empty()).then(|| error.message(lang)),
    };
    let after = asked.after.unwrap_or_default();
    let mut dossiers = app.blocking(move |app| Ok(app.store.dossiers_after(&after, ENTRIES + 1)?)).await?;
    let has_more = dossiers.len() > ENTRIES as usize;
    dossiers.truncate(ENTRIES as usize);
    let more = match dossiers.last().filter(|_| has_more) {
        Some(last) => format!(
            "<p><a href=\"/dossiers?after={}\" rel=next>{}</a></p>",
            in_path(&last.code),
            lang.pick("Trang sau", "Next page")
        ),
        None => String::new(),
    };
    let title = lang.pick("Mọi hồ sơ", "All dossiers");
    let list = list(&dossiers, (app.clock)(), lang);
    let body = format!("<h1>{title}</h1>{}{list}{more}", search(&typed, wrong.as_deref(), lang));
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), "/dossiers", &body))
}

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
    let (visitor, status, components) = app
        .blocking(move |app| match app.store.dossier(Some(code.as_str())) {
            Ok(shown) => {
                app.note_view(&visitor, &code)?;
                let titles: Vec<&str> = shown.components.iter().map(|component| &component.title[..]).collect();
                let components = components(&shown, &app.settings.live, &visitor, offset);
                let made = shown.components.iter().any(|component| !component.published.is_empty());
                let handing = if made { buttons(&code, &visitor) } else { String::new() };
                let (scanning, form) = (app.scanning_part(&code, &visitor), bringing_form(&code, &titles, &visitor));
                let phones = pairing::link(&code, None, &visitor);
                let components = format!("{components}{handing}{phones}{scanning}{form}");
                Ok((visitor, StatusCode::OK, components))
            }
            // It begins with its first paper.
            Err(error @ StoreError::NoDossier(_)) => {
                let told = escaped(&sentence(&error.message(visitor.lang)));
                let (scanning, form) = (app.scanning_part(&code, &visitor), bringing_form(&code, &[], &visitor));
                let phones = pairing::link(&code, None, &visitor);
                Ok((visitor, StatusCode::NOT_FOUND, format!("<p class=note>{told}</p>{phones}{scanning}{form}")))
            }
            Err(error) => Err(error.into()),
        })
        .await?;
    let lang = visitor.lang;
    let closed = match visitor.account.role.may_read_papers() {
        true => String::new(),
        false => format!("<p class=note>{}</p>", escaped(&sentence(&Problem::Role.message(lang)))),
    };
    let body = format!(
        "<p><a href=/>{}</a></p><h1><span class=dim>{}</span> {}</h1>{closed}{components}",
        lang.pick("← Hồ sơ hôm nay", "← Dossiers of today"),
        lang.pick("Hồ sơ", "Dossier"),
        escaped(&title),
    );
    Ok(live_page(status, &title, &visitor, &back, &Topic::Dossier(&title), &body))
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
}

/// How many components of these dossiers are in each state.
fn tally(dossiers: &[DossierListed], lang: Lang) -> String {
    let entry = |(index, state): (usize, &ComponentState)| {
        let count: u64 = dossiers.iter().map(|dossier| dossier.components[index]).sum();
        format!("<li class={}><b>{count}</b> {}</li>", state.code(), state.name(lang))
    };
    // Without a dossier there is nothing to count in it.
    let placed = ComponentState::ALL.iter().enumerate().filter(|(_, state)| **state != ComponentState::Unplaced);
    let entries: String = placed.map(entry).collect();
    format!(
        "<ul class=tally aria-label=\"{}\">{entries}</ul>",
        lang.pick("Thành phần theo trạng thái", "Components by state")
    )
}

/// The form that finds a dossier by its code.
fn search(typed: &str, wrong: Option<&str>, lang: Lang) -> String {
    let told = wrong.map_or_else(String::new, |wrong| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(wrong)))
    });
    let described = if wrong.is_some() { " aria-describedby=loi aria-invalid=true" } else { "" };
    format!(
        "<form method=get action=/dossiers class=search role=search><label for=ma>{}</label>\
         <input id=ma name=code value=\"{}\" placeholder=H21.15.25-250701-0012 autocomplete=off spellcheck=false maxlength=60{described}>\
         <button{}>{}</button>{told}</form>",
        lang.pick("Mã hồ sơ", "Code of a dossier"),
        escaped(typed),
        OPEN.attribute(),
        OPEN.label(lang),
    )
}

fn list(dossiers: &[DossierListed], now: OffsetDateTime, lang: Lang) -> String {
    if dossiers.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Chưa có hồ sơ nào.", "There are no dossiers yet."));
    }
    let entry = |dossier: &DossierListed| {
        let states: String = ComponentState::ALL
            .iter()
            .zip(dossier.components)
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| {
                format!("<span class=\"badge {}\">{} {count}</span> ", state.code(), state.name(lang))
            })
            .collect();
        format!(
            "<li><a href=\"/dossiers/{}\">{}</a> <span class=dim>{}</span> <span class=states>{states}</span></li>",
            in_path(&dossier.code),
            escaped(&dossier.code),
            moment(dossier.created, now.offset()),
        )
    };
    format!("<ul class=dossiers>{}</ul>", dossiers.iter().map(entry).collect::<String>())
}

/// The components of a dossier: newest versions, then those before them.
fn components(dossier: &DossierShown, live: &Live, visitor: &Visitor, offset: UtcOffset) -> String {
    let lang = visitor.lang;
    if dossier.components.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Chưa có giấy tờ nào.", "There are no papers yet."));
    }
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
        true => file_links(component, lang),
        false => String::new(),
    };
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
        "<li class={}><h2>{}{version}</h2> <span class=\"badge {}\">{}{done}</span>\
         <p class=dim>{count} {} · {}</p>{why}{files}{more}</li>",
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

fn link(component: &ComponentShown, (number, published): (usize, &Published), lang: Lang) -> Option<String> {
    let (name, _) = current(published)?;
    Some(format!(
        "<p><a class=file href=\"/components/{}/files/{number}\" download>{} {}</a></p>",
        component.id,
        lang.pick("Tải về", "Download"),
        escaped(&name),
    ))
}

/// A moment as people write it, `08:15 30/11/2026`.
pub(super) fn moment(time: Millis, offset: UtcOffset) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(time.div_euclid(1000)) else { return String::new() };
    let time = time.to_offset(offset);
    format!("{:02}:{:02} {:02}/{:02}/{}", time.hour(), time.minute(), time.day(), u8::from(time.month()), time.year())
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
        let text = search("\"><b>", Some("<b>"), Lang::En);
        assert!(!text.contains("<b>"), "{text}");
    }

    #[test]
    fn an_administrator_is_shown_no_files() {
        let text = component(&shown("a"), None, &visitor(Role::Admin), UtcOffset::UTC, "");
        assert!(!text.contains("/files/"), "{text}");
    }

    #[test]
    fn moments_are_those_of_the_clock_on_the_wall() {
        assert_eq!(moment(1_000, UtcOffset::from_hms(7, 0, 0).unwrap()), "07:00 01/01/1970");
    }
}
