//! Pages that stay up to date: server-sent events (HTML Standard, 9.2), and the script that hears them. What is sent names a
//! component and its dossier by number and code, as every account may see them; the page itself is then asked for anew.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, timeout};

use crate::http::live::Note;
use crate::http::problem::Problem;
use crate::http::session::{Visitor, token};
use crate::http::{App, Shared};

use super::files::Pieces;

const SCRIPT: &str = include_str!("desk.js");

/// Pages that hear at a time: each has one of the connections.
pub(in crate::http) const STREAMS: usize = 24;
/// A comment goes out when nothing else did for so long: connections that are silent are closed, by ours and by others.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What happens within this time is told at once.
const GATHERED: Duration = Duration::from_millis(250);
/// Pieces on their way to a browser.
const IN_FLIGHT: usize = 4;

/// The script of pages that stay up to date.
pub(super) async fn script() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, SCRIPT).into_response()
}

/// What happens, from now on, as long as the person's session lasts.
pub(super) async fn live(
    State(app): State<Shared>,
    _visitor: Visitor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = app.streams.clone().try_acquire_owned().map_err(|_| Problem::TooManyStreams)?;
    let session = token(&app.settings.http, &headers);
    let notes = app.settings.live.listen();
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    tokio::spawn(tell(app, session, notes, sender, place));
    let mut response = Body::from_stream(Pieces(receiver)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

type Sender = mpsc::Sender<std::io::Result<Bytes>>;

async fn tell(app: Shared, session: String, mut notes: Receiver<Note>, sender: Sender, _place: OwnedSemaphorePermit) {
    let mut text = ": sohoa\nretry: 3000\n\n".to_owned();
    let mut looked = Instant::now();
    // A browser that is gone wants no more.
    while sender.send(Ok(Bytes::from(std::mem::take(&mut text)))).await.is_ok() {
        if looked.elapsed() >= HEARTBEAT {
            looked = Instant::now();
            let session = session.clone();
            let lasts = app.blocking(move |app| Ok(app.store.session(&session, app.now(), false)?.is_some())).await;
            if !matches!(lasts, Ok(true)) {
                return;
            }
        }
        text = match timeout(HEARTBEAT, notes.recv()).await {
            Err(_) => ":\n\n".to_owned(),
            Ok(Err(RecvError::Closed)) => return,
            Ok(Err(RecvError::Lagged(_))) => RELOAD.to_owned(),
            Ok(Ok(first)) => told(&app, gathered(first, &mut notes).await).await,
        };
        if app.settings.live.is_closed() {
            return;
        }
    }
}

/// For a page that has missed something.
const RELOAD: &str = "data: {\"kind\":\"reload\"}\n\n";

/// A note with those that follow at once, each of them once; `None` where some were missed.
async fn gathered(first: Note, notes: &mut Receiver<Note>) -> Option<BTreeSet<Note>> {
    let mut all = BTreeSet::from([first]);
    sleep(GATHERED).await;
    loop {
        match notes.try_recv() {
            Ok(note) => drop(all.insert(note)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(all),
            Err(TryRecvError::Lagged(_)) => return None,
        }
    }
}

/// Notes as messages.
async fn told(app: &Shared, notes: Option<BTreeSet<Note>>) -> String {
    let Some(notes) = notes else { return RELOAD.to_owned() };
    let told = app.blocking(move |app| Ok(notes.iter().map(|note| app.message(note)).collect::<String>())).await;
    told.unwrap_or_else(|_| RELOAD.to_owned())
}

impl App {
    fn message(&self, note: &Note) -> String {
        let of_component = note.component.and_then(|id| self.store.dossier_of(id).ok().flatten());
        let dossier = of_component.or_else(|| self.scans.dossier(note.scan?));
        let progress = note.component.and_then(|id| self.settings.live.progress(id));
        let (done, pages) = progress.unzip();
        let message = json!({
            "kind": note.kind, "component": note.component, "dossier": dossier, "done": done, "pages": pages,
        });
        format!("data: {message}\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_asks_nobody_else() {
        assert!(SCRIPT.len() < 5120, "{}", SCRIPT.len());
        for wrong in ["http:", "https:", "eval", "innerHTML = ", "insertAdjacentHTML"] {
            assert!(!SCRIPT.contains(wrong), "{wrong}");
        }
    }
}
