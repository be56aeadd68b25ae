//! The service over HTTP/1.1, for machines of the office: health and metrics, a REST API (`docs/openapi.json`), resumable
//! upload by the tus protocol, scans on request, and a page for phones that a QR code opens; and for people at the counter, who
//! log in: the desk ([`desk`], [`session`]). Off unless an address to listen on is given.
//!
//! What arrives here goes the way of a watched file: its bytes are stored and flushed, [`Store::accept`] puts it into its
//! component, and only then is the answer given. [`run`] has a small runtime of its own beside the threads of the service,
//! and a connection of its own to the store; whatever blocks is done on threads of which there is a fixed number.
//!
//! Connections are bounded in number and in how long they may be silent, bodies by `[limits]`, unfinished uploads in
//! number and age ([`uploads`]). TLS is spoken where the configuration says so ([`tls`]).

mod address;
mod api;
mod arrive;
mod attempts;
mod data;
mod desk;
mod form;
mod gate;
mod health;
pub(crate) mod html;
mod listener;
mod live;
mod metrics;
mod phone;
mod problem;
mod scanned;
mod scans;
mod search;
mod session;
mod signing;
mod tls;
mod tus;
mod uploads;

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, patch, post};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::config::{HttpConfig, PointsConfig, ScannerConfig};
use crate::export::Records;
use crate::imaging::decode::Limits;
use crate::service::{self, Event, Trouble, millis};
use crate::shelf::Shelf;
use crate::sign::Certificate;
use crate::store::{Millis, Store};

pub use address::{base_url, own_address};
pub use gate::{Tokens, TokensError};
pub use live::Live;
pub use metrics::Metrics;
pub use phone::PATH as PHONE_PATH;
pub use signing::{KeyRefusal, OpenKey, PeoplesKey, Signing};
pub use tls::{Tls, TlsError};
pub use uploads::random_name;

use problem::Problem;
use scans::Scans;
use uploads::Uploads;

/// The description of the API.
const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// Threads of the runtime: requests wait for the store, not for a processor.
const WORKERS: usize = 2;
/// Questions to the store and writes of bodies at a time.
const BLOCKING: usize = 8;
/// Pictures of pages made for the desk at a time: a page of A4 at 300 dpi takes 30 MB meanwhile.
const PICTURES: usize = 2;
/// Connections at a time; the next ones wait in the system's queue.
const CONNECTIONS: usize = 64;
/// How long requests may still take when the service stops. Uploads cut off go on afterwards.
const FAREWELL: Duration = Duration::from_secs(5);
/// Time between two looks for uploads that nobody goes on with.
const SWEEP: Duration = Duration::from_secs(600);
/// Longest body of a question in JSON, bytes.
const QUESTION_BYTES: usize = 1 << 16;

/// What the server goes by.
#[expect(missing_debug_implementations, reason = "a reader and a key have nothing to show")]
pub struct Settings {
    /// Those of the service.
    pub service: service::Settings,
    /// Where pages are made and kept.
    pub shelf: Arc<Shelf>,
    /// Bounds on a capture.
    pub limits: Limits,
    /// What is scanned where a request does not say.
    pub scanner: ScannerConfig,
    /// Who may ask by the API; where it is empty, whoever reaches an address of this machine alone.
    pub tokens: Tokens,
    /// The section of the configuration.
    pub http: HttpConfig,
    /// Who signs what waits.
    pub signing: Signing,
    /// What happens, for pages that show it.
    pub live: Live,
    /// Whom to believe where a dossier is checked, and whether a signer of unknown descent is a fault.
    pub roots: (Vec<Certificate>, bool),
    /// The portal's records that go with a dossier that is handed on.
    pub records: Records,
    /// How the items of the index are scored.
    pub points: PointsConfig,
}

/// Tells events, on any thread.
pub type Tell = Arc<dyn Fn(&Event) + Send + Sync>;

/// What all requests see.
struct App {
    store: Store,
    settings: Settings,
    metrics: Arc<Metrics>,
    clock: fn() -> OffsetDateTime,
    tell: Tell,
    uploads: Uploads,
    scans: Scans,
    signings: signing::Signings,
    /// What phones wait for.
    changes: phone::Changes,
    verdicts: phone::Verdicts,
    outlines: phone::Outlines,
    blocking: Semaphore,
    /// Pictures of pages that are made for the desk.
    pictures: Semaphore,
    attempts: attempts::Attempts,
    /// Passwords that are being checked.
    checks: Semaphore,
    tls: Option<Arc<Tls>>,
    /// A dossier that is packed.
    exporting: Semaphore,
    /// Pages that stay up to date.
    streams: Arc<Semaphore>,
    /// One look at the folders at a time: one on a share that hangs would take all threads.
    looking: Semaphore,
}

type Shared = Arc<App>;

/// Serves until `stop` is set. `store` is a connection of the server's own: what it writes is noticed by the service as that
/// of any other program.
///
/// # Errors
/// When the runtime cannot be started or the folders of uploads and scans not be made.
pub fn run(
    (listener, tls): (TcpListener, Option<Tls>),
    store: Store,
    settings: Settings,
    metrics: Arc<Metrics>,
    clock: fn() -> OffsetDateTime,
    stop: &Arc<AtomicBool>,
    tell: Tell,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let address_file = store.directory().join(address::ADDRESS_FILE);
    let uploads = Uploads::open(store.directory())?;
    let scans = Scans::open(store.directory())?;
    desk::clear_exports(store.directory())?;
    let tls = tls.map(Arc::new);
    let app = Arc::new(App {
        store,
        settings,
        metrics,
        clock,
        tell,
        uploads,
        scans,
        signings: signing::Signings::default(),
        changes: phone::Changes::new(stop),
        verdicts: phone::Verdicts::default(),
        outlines: phone::Outlines::default(),
        blocking: Semaphore::new(BLOCKING),
        pictures: Semaphore::new(PICTURES),
        attempts: attempts::Attempts::default(),
        checks: Semaphore::new(session::CHECKS),
        tls: tls.clone(),
        exporting: Semaphore::new(1),
        streams: Arc::new(Semaphore::new(desk::STREAMS)),
        looking: Semaphore::new(1),
    });
    app.sweep();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING + 2 * CONNECTIONS + 2)
        .thread_name("http")
        .enable_all()
        .build()?;
    std::fs::write(&address_file, address.to_string())?;
    (app.tell)(&Event::Listening { address });
    if let Some(tls) = &tls {
        (app.tell)(&tls.event());
    }
    let stopped = Arc::clone(stop);
    let result = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = listener::Bounded::new(tokio::net::TcpListener::from_std(listener)?, CONNECTIONS, tls);
        tokio::spawn(sweep_now_and_then(Arc::clone(&app)));
        tokio::spawn(phone::watch_store(Arc::clone(&app)));
        let service = router(&app).into_make_service_with_connect_info::<listener::Peer>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(until(Arc::clone(&stopped)));
        let deadline = async {
            until(stopped).await;
            app.scans.cancel_all();
            app.signings.stop();
            app.settings.live.close();
            tokio::time::sleep(FAREWELL).await;
        };
        // Whichever ends first.
        let mut serving = std::pin::pin!(serving.into_future());
        let mut deadline = std::pin::pin!(deadline);
        std::future::poll_fn(|context| match serving.as_mut().poll(context) {
            std::task::Poll::Pending => deadline.as_mut().poll(context).map(Ok),
            ready => ready,
        })
        .await
    });
    app.scans.cancel_all();
    app.signings.stop();
    runtime.shutdown_timeout(FAREWELL);
    app.scans.join();
    app.signings.join();
    drop(std::fs::remove_file(address_file));
    result
}

async fn until(stop: Arc<AtomicBool>) {
    const LOOK: Duration = Duration::from_millis(100);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
    }
}

async fn sweep_now_and_then(app: Shared) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let swept = app.blocking(|app| {
            app.sweep();
            Ok(())
        });
        drop(swept.await);
    }
}

/// Every path but those of the desk and of phones, with what answers there. A test compares those below `/api/v1` with `docs/openapi.json`.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let unlimited = DefaultBodyLimit::disable;
    vec![
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/metrics", get(health::metrics)),
        ("/api/v1/openapi.json", get(api::openapi)),
        ("/api/v1/status", get(api::status)),
        ("/api/v1/dossiers", get(api::dossiers).post(api::create_dossier)),
        ("/api/v1/dossiers/{code}", get(api::dossier)),
        ("/api/v1/dossiers/{code}/components", post(api::place)),
        ("/api/v1/components", get(api::components)),
        ("/api/v1/components/{id}", get(api::component)),
        ("/api/v1/components/{id}/retry", post(api::retry)),
        ("/api/v1/components/{id}/data", get(data::data).post(data::say)),
        ("/api/v1/search", get(search::search)),
        ("/api/v1/captures", get(api::waiting).post(api::upload).layer(unlimited())),
        ("/api/v1/scanners", get(scans::scanners)),
        ("/api/v1/scans", post(scans::begin)),
        ("/api/v1/scans/{id}", get(scans::scan).delete(scans::cancel)),
        ("/api/v1/uploads", post(tus::create_by_api).options(tus::options)),
        (
            "/api/v1/uploads/{id}",
            patch(tus::append_by_api).head(tus::look_by_api).delete(tus::remove_by_api).layer(unlimited()),
        ),
    ]
}

fn router(app: &Shared) -> Router {
    let router = routes()
        .into_iter()
        .chain(desk::routes())
        .chain(phone::routes())
        .fold(Router::new(), |router, (path, answers)| router.route(path, answers));
    router
        .fallback(|| async { Problem::NotFound })
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(DefaultBodyLimit::max(QUESTION_BYTES))
        .layer(from_fn_with_state(Arc::clone(app), gate::gate))
        .with_state(Arc::clone(app))
}

impl App {
    fn now(&self) -> Millis {
        millis((self.clock)())
    }

    /// Does what blocks, on a thread for that.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let _permit = self.blocking.acquire().await.map_err(|_| Problem::Internal)?;
        let app = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&app)).await.map_err(|_| Problem::Internal)?
    }

    /// Accepts what came whole but was not accepted when the service was killed; removes what nobody goes on with; takes up
    /// a new certificate.
    fn sweep(&self) {
        match self.tls.as_ref().map(|tls| tls.renew((self.clock)())) {
            Some(Ok(Some(event))) => (self.tell)(&event),
            Some(Err(error)) => (self.tell)(&Event::Trouble(error.trouble())),
            Some(Ok(None)) | None => {}
        }
        for id in self.uploads.clear(self.now()) {
            let Some(_busy) = self.uploads.lock(&id) else { continue };
            // What cannot be accepted now is tried again by the next look, or when its sender asks.
            if let Err(Problem::Store(error)) = self.finish_upload(&id) {
                (self.tell)(&Event::Trouble(Trouble::Store(error)));
            }
        }
        self.sweep_scans();
    }

    /// Folders that must be there: those watched, the output, the store.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let watched = self.settings.service.folders.iter().map(|watched| watched.folder.path.clone());
        watched.chain([self.settings.service.output.clone(), self.store.directory().to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_has_every_path_of_the_api() {
        let described: serde_json::Value = serde_json::from_str(OPENAPI).unwrap();
        assert_eq!(described["openapi"], "3.1.0");
        let described: BTreeSet<String> = described["paths"].as_object().unwrap().keys().cloned().collect();
        let routed: BTreeSet<String> = routes().into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(described, routed);
    }
}
