//! Dossiers in lists: those of today, those of them that are in a state, and all.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::{OffsetDateTime, Time};

use crate::http::Shared;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to};
use crate::model::{DossierCode, Lang, Localized};
use crate::service::millis;
use crate::store::{DossierListed, State as ComponentState};

use super::dossiers::moment;
use super::keys::OPEN;
use super::{ENTRIES, Topic, live_page, page};

/// Which of today's dossiers are asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Chosen {
    /// Those with a component in this state.
    state: Option<String>,
}

/// The dossiers that something happened to today.
pub(super) async fn today(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Chosen>, QueryRejection>,
) -> Result<Response, Problem> {
    let word = asked.ok().and_then(|Query(chosen)| chosen.state).unwrap_or_default();
    let chosen = counted_states().find(|(_, state)| state.code() == word);
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
    let counts = tally(&dossiers, chosen.map(|(_, state)| state), lang);
    let (mut back, mut only) = ("/".to_owned(), String::new());
    if let Some((index, state)) = chosen {
        dossiers.retain(|dossier| dossier.components[index] > 0);
        back = of_state(state);
        only = chosen_part(state, dossiers.len(), &visitor);
    }
    let body = format!(
        "<h1>{title} <span class=dim>{day}</span></h1>{waiting}{counts}{}{only}{}{more}",
        search("", None, lang),
        list(&dossiers, now, lang),
    );
    Ok(live_page(StatusCode::OK, title, &visitor, &back, &Topic::All, &body))
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

/// The states of components in dossiers, with their places among all: without a dossier there is nothing to count in it.
fn counted_states() -> impl Iterator<Item = (usize, ComponentState)> {
    ComponentState::ALL.into_iter().enumerate().filter(|(_, state)| *state != ComponentState::Unplaced)
}

/// Where those of today's dossiers are that have a component in a state.
fn of_state(state: ComponentState) -> String {
    format!("/?state={}", state.code())
}

/// How many components of these dossiers are in each state: ways to the dossiers that have them.
fn tally(dossiers: &[DossierListed], chosen: Option<ComponentState>, lang: Lang) -> String {
    let entry = |(index, state): (usize, ComponentState)| {
        let count: u64 = dossiers.iter().map(|dossier| dossier.components[index]).sum();
        let told = format!("<b>{count}</b> {}", state.name(lang));
        let told = match count {
            0 => told,
            _ => {
                let current = if chosen == Some(state) { " aria-current=true" } else { "" };
                format!("<a href=\"{}\"{current}>{told}</a>", of_state(state))
            }
        };
        format!("<li class={}>{told}</li>", state.code())
    };
    let entries: String = counted_states().map(entry).collect();
    format!(
        "<ul class=tally aria-label=\"{}\">{entries}</ul>",
        lang.pick("Thành phần theo trạng thái", "Components by state")
    )
}

/// Says which of today's dossiers are shown, and leads back to all of them.
fn chosen_part(state: ComponentState, count: usize, visitor: &Visitor) -> String {
    let (lang, name) = (visitor.lang, state.name(visitor.lang));
    let told = match lang {
        Lang::Vi => format!("{count} hồ sơ có giấy tờ {name}"),
        Lang::En => format!("{count} dossiers with papers: {name}"),
    };
    let signing = match state == ComponentState::Unsigned && visitor.account.role.may_read_papers() {
        true => format!(" · <a href=/sign>{}</a>", lang.pick("Mọi giấy tờ chờ ký", "All papers to be signed")),
        false => String::new(),
    };
    let all = lang.pick("Xem cả ngày", "All of the day");
    format!("<p class=chosen>{told} · <a href=/>{all}</a>{signing}</p>")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_cannot_become_markup() {
        let text = search("\"><b>", Some("<b>"), Lang::En);
        assert!(!text.contains("<b>"), "{text}");
    }

    #[test]
    fn what_is_counted_leads_to_it_and_nothing_does_not() {
        let mut components = [0; ComponentState::ALL.len()];
        components[2] = 3;
        let dossier = DossierListed { code: "H21-250701-0012".to_owned(), created: 0, components };
        let text = tally(&[dossier], Some(ComponentState::Rescan), Lang::Vi);
        assert!(text.contains("<a href=\"/?state=rescan\" aria-current=true><b>3</b> cần quét lại</a>"), "{text}");
        assert_eq!((text.matches("<a ").count(), text.matches("<b>0</b>").count()), (1, 4), "{text}");
    }
}
