//! The pages that a phone sent: told as they change, and changed by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::http::api::json_body;
use crate::http::gate;
use crate::http::problem::Problem;
use crate::http::session::to;
use crate::http::{App, Shared};
use crate::model::Lang;
use crate::store::{Pairing, Sent, SentPage, State as ComponentState, StoreError};

use super::verdict::{Seen, seen};
use super::{Opened, PAGES, PATH, is_navigation, language, stage, why};

/// How long a question waits for something new: less than the silence after which networks close connections.
const PATIENCE: Duration = Duration::from_secs(25);
/// Time between two looks for changes, as long as somebody waits for one.
const LOOK: Duration = Duration::from_millis(100);
/// Questions that wait at a time, a quarter of all connections: uploads need the rest. Others are answered at once, and come
/// again.
const WAITING: usize = 16;
/// How long a small picture may be kept by the phone that took it: it is looked at while the papers are sent.
const KEEP: &str = "private, max-age=3600";

/// Rings when something changed in the store or in what is known of pictures.
pub(in crate::http) struct Changes {
    bell: watch::Sender<()>,
    waiting: Semaphore,
    stop: Arc<AtomicBool>,
}

impl Changes {
    pub(in crate::http) fn new(stop: &Arc<AtomicBool>) -> Self {
        Self { bell: watch::Sender::new(()), waiting: Semaphore::new(WAITING), stop: Arc::clone(stop) }
    }

    pub(super) fn ring(&self) {
        self.bell.send_replace(());
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Rings as long as the service runs, and once when it stops.
pub(in crate::http) async fn watch_store(app: Shared) {
    let mut known = None;
    while !app.changes.is_stopping() {
        tokio::time::sleep(LOOK).await;
        if app.changes.bell.receiver_count() > 0 {
            let found = app.blocking(|app| Ok(app.store.changes()?)).await.ok();
            if found != known {
                known = found;
                app.changes.ring();
            }
        }
    }
    app.changes.ring();
}

/// From which state on news is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    since: Option<u64>,
}

/// What became of what a phone sent. With `since`, the number of what is known, the answer waits for something else, and is
/// without content (204) where there is nothing for a while.
pub(super) async fn pages(
    State(app): State<Shared>,
    Path(token): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = asked.ok().and_then(|Query(asked)| asked.since);
    let lang = gate::language(&headers);
    let until = Instant::now() + PATIENCE;
    let place = since.and_then(|_| app.changes.waiting.try_acquire().ok());
    let mut bell = app.changes.bell.subscribe();
    loop {
        bell.borrow_and_update();
        let (asking, token) = (Arc::clone(&app), token.clone());
        let shown = app.blocking(move |app| shown(&asking, &app.opened(&token)?.pairing, lang)).await?;
        let version = version(&shown);
        if Some(version) != since {
            let mut shown = shown;
            shown["version"] = version.into();
            return Ok(Json(shown).into_response());
        }
        let is_news = tokio::time::timeout_at(until, bell.changed());
        if place.is_none() || app.changes.is_stopping() || is_news.await.is_err() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
}

/// A number that tells what is shown from anything else.
fn version(shown: &Value) -> u64 {
    let hash = Sha256::digest(shown.to_string());
    // Scripts count exactly up to 53 bits.
    hash[..6].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn shown(app: &Shared, pairing: &Pairing, lang: Lang) -> Result<Value, Problem> {
    let sent = app.store.sent_by(pairing)?;
    let left = PAGES.saturating_sub(app.store.arrivals_of(&pairing.source())?);
    let papers = sent.iter().map(|sent| paper(app, sent, lang)).collect::<Result<Vec<Value>, _>>()?;
    Ok(json!({"dossier": pairing.dossier.as_str(), "expires_ms": pairing.expires, "left": left, "papers": papers}))
}

fn paper(app: &Shared, sent: &Sent, lang: Lang) -> Result<Value, Problem> {
    let component = &sent.component.component;
    let (state, word) = stage(component.state, lang);
    let is_awaited = component.state == ComponentState::InWork;
    let pages = sent.pages.iter().map(|page| {
        let seen = seen(app, page.capture, &page.sha256, is_awaited)?;
        Ok(json!({
            "id": page_id(component.id, page.capture), "verdict": seen.code(), "lines": seen.lines(lang),
            "thumbnail": seen.picture(),
        }))
    });
    let pages = pages.collect::<Result<Vec<Value>, Problem>>()?;
    Ok(json!({
        "id": component.id, "title": component.title, "version": component.version, "state": state, "word": word,
        "reasons": why(component, lang), "pages": pages,
    }))
}

/// The number of a page for its phone: the component, and the capture.
fn page_id(component: i64, capture: i64) -> String {
    format!("{component}-{capture}")
}

fn numbers(page: &str) -> Result<(i64, i64), Problem> {
    let numbers = page.split_once('-').and_then(|(paper, capture)| Some((paper.parse().ok()?, capture.parse().ok()?)));
    numbers.ok_or(Problem::NotFound)
}

impl App {
    /// A page that a phone sent, and the component that it is in now.
    pub(in crate::http) fn page_of(&self, pairing: &Pairing, page: &str) -> Result<(Sent, SentPage), Problem> {
        let (paper, capture) = numbers(page)?;
        let mut sent = self.store.sent_by(pairing)?;
        sent.retain(|sent| sent.pages.iter().any(|page| page.capture == capture));
        // A phone may know the number of an earlier version.
        let at = sent.iter().position(|sent| sent.component.component.id == paper).unwrap_or(0);
        let sent = (at < sent.len()).then(|| sent.swap_remove(at)).ok_or(Problem::NotFound)?;
        let page = sent.pages.iter().find(|page| page.capture == capture).cloned().ok_or(Problem::NotFound)?;
        Ok((sent, page))
    }
}

/// A page, small: `ID.jpg`. Its query tells pictures of the same page apart, for what keeps them.
pub(super) async fn thumbnail(
    State(app): State<Shared>,
    Path((token, file)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let asking = Arc::clone(&app);
    let seen = app
        .blocking(move |app| {
            let Opened { pairing, .. } = app.opened(&token)?;
            let (sent, page) = app.page_of(&pairing, file.strip_suffix(".jpg").ok_or(Problem::NotFound)?)?;
            let is_awaited = sent.component.component.state == ComponentState::InWork;
            seen(&asking, page.capture, &page.sha256, is_awaited)
        })
        .await?;
    let Seen::Page(verdict) = seen else { return Err(Problem::NotFound) };
    let headers = [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, KEEP)];
    Ok((headers, verdict.thumbnail.clone()).into_response())
}

/// Takes a page away.
pub(super) async fn remove(
    State(app): State<Shared>,
    Path((token, page)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.blocking(move |app| {
        let Opened { pairing, .. } = app.opened(&token)?;
        let (paper, capture) = numbers(&page)?;
        app.store.remove_sent(&pairing, paper, capture, app.now()).map_err(not_found)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Turns a page clockwise by a quarter.
pub(super) async fn turn(
    State(app): State<Shared>,
    Path((token, page)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.blocking(move |app| {
        let Opened { pairing, .. } = app.opened(&token)?;
        let (sent, page) = app.page_of(&pairing, &page)?;
        app.turn(sent.component.component.id, page.capture, &page.sha256)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The pages of a paper, as they are to lie.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    pages: Vec<String>,
}

/// Puts the pages of a paper in order.
pub(super) async fn order(
    State(app): State<Shared>,
    Path((token, paper)): Path<(String, String)>,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Order { pages } = json_body(body)?;
    app.blocking(move |app| {
        let Opened { pairing, .. } = app.opened(&token)?;
        let paper = paper.parse().map_err(|_| Problem::NotFound)?;
        let captures: Result<Vec<i64>, Problem> = pages.iter().map(|page| Ok(numbers(page)?.1)).collect();
        app.store.order_sent(&pairing, paper, &captures?, app.now()).map_err(not_found)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Says that all is sent: what still waits for more pages is made at once.
pub(super) async fn finish(
    State(app): State<Shared>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let english = if language(&uri) == Lang::En { "?lang=en" } else { "" };
    let back = format!("{PATH}{token}{english}#da-gui");
    let finished = app
        .blocking(move |app| {
            let Opened { pairing, .. } = app.opened(&token)?;
            Ok(app.store.finish_sent(&pairing, app.now())?)
        })
        .await?;
    match is_navigation(&headers) {
        true => Ok(to(&back)),
        false => Ok(Json(json!({"papers": finished})).into_response()),
    }
}

/// A page that is not the phone's is not there.
fn not_found(error: StoreError) -> Problem {
    match error {
        StoreError::NoComponent(_) => Problem::NotFound,
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_two_numbers() {
        assert_eq!(numbers(&page_id(5, 17)).unwrap(), (5, 17));
        for wrong in ["", "5", "5-", "-17", "a-b", "5-17-2", "5-17.jpg"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_has_a_number_that_scripts_can_count() {
        let one = version(&json!({"a": 1}));
        assert!(one != version(&json!({"a": 2})) && one < 1 << 53);
    }
}
