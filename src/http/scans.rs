//! Scans that a program of the office asks for. Each runs on a thread of its own, as long as its papers last; a page that
//! lies whole in its folder ([`super::scanned`]) becomes a capture at once, in the component that was named.
//!
//! How a scan goes is in memory for those who ask: the last [`REMEMBERED`] of this run of the service.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path as OfPath, State as Of};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::SCANNER_DPI;
use crate::model::{Lang, Localized};
use crate::scanner::{self, Colour, Device, Fault, MAX_PAGES, Paper, Request, Source};
use crate::service::{Event, Trouble};

use super::api::{Destination, code, json_body, number};
use super::arrive::{disk, tidy};
use super::gate::language;
use super::problem::Problem;
use super::scanned::{Card, Folders};
use super::{App, Shared};

/// Scans at a time: each has a device, a thread and a page in memory.
const RUNNING: usize = 4;
/// Scans that are told of.
const REMEMBERED: usize = 100;
/// Longest name of a device, bytes; those of network scanners have an address in them.
const DEVICE_BYTES: usize = 500;
/// Title of a component that nobody named.
const UNTITLED: &str = "Bản quét";
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What is scanned where, or was.
pub(super) struct Scans {
    folders: Folders,
    known: Mutex<BTreeMap<i64, Scan>>,
    /// What the last search found.
    found: Mutex<Vec<Device>>,
    /// Held by whoever searches.
    searching: Mutex<()>,
    stopping: AtomicBool,
}

struct Scan {
    card: Card,
    /// Its device, as soon as that is known.
    device: Option<String>,
    source: Option<Source>,
    state: State,
    fault: Option<Told>,
    cancel: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Done,
    /// Somebody wanted it to end, or the service ended.
    Stopped,
    Failed,
}

impl State {
    fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// Why a scan ended before its papers did.
struct Told {
    name: &'static str,
    vietnamese: String,
    english: String,
}

impl Told {
    fn of(name: &'static str, why: &impl Localized) -> Self {
        Self { name, vietnamese: why.message(Lang::Vi), english: why.message(Lang::En) }
    }

    fn interrupted() -> Self {
        Self {
            name: "interrupted",
            vietnamese: "dịch vụ bị ngắt trong khi quét; các trang đã quét vẫn còn, hãy quét tiếp từ trang sau"
                .to_owned(),
            english: "the service ended during the scan; the pages so far are kept, scan what follows".to_owned(),
        }
    }
}

impl Scan {
    fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Whether it may be using this device. One that was not named is the only one there is.
    fn may_be_using(&self, device: Option<&str>) -> bool {
        self.is_running() && self.device.as_deref().is_none_or(|ours| device.is_none_or(|device| device == ours))
    }

    fn to_json(&self, id: i64, lang: Lang) -> Value {
        let fault = self
            .fault
            .as_ref()
            .map(|told| json!({"name": told.name, "message": lang.pick(&told.vietnamese[..], &told.english)}));
        json!({
            "id": id, "state": self.state.code(), "device": self.device, "source": self.source,
            "dossier": self.card.dossier, "component": self.card.component, "component_id": self.card.component_id,
            "pages": self.card.pages, "fault": fault,
        })
    }
}

impl Scans {
    /// Takes up what is in the store's directory.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            folders: Folders::open(directory)?,
            known: Mutex::default(),
            found: Mutex::default(),
            searching: Mutex::default(),
            stopping: AtomicBool::new(false),
        })
    }

    /// How many run.
    pub(super) fn running(&self) -> u64 {
        self.known().values().filter(|scan| scan.is_running()).count() as u64
    }

    /// Has all scans and searches end, and begins no more.
    pub(super) fn cancel_all(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.known().values().for_each(|scan| scan.cancel.store(true, Ordering::Relaxed));
    }

    /// Waits for the scans that were told to end: seconds, as a driver that does not obey is killed.
    pub(super) fn join(&self) {
        let threads: Vec<_> = self.known().values_mut().filter_map(|scan| scan.thread.take()).collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }

    /// Code of the dossier that a scan is for.
    pub(super) fn dossier(&self, id: i64) -> Option<String> {
        self.known().get(&id)?.card.dossier.clone()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<i64, Scan>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a scan, or changes what is known of it.
    fn with<T>(&self, id: i64, look: impl FnOnce(&mut Scan) -> T) -> Result<T, Problem> {
        self.known().get_mut(&id).map(look).ok_or(Problem::NotFound)
    }

    /// The devices that there are now.
    fn search(&self, cancel: &AtomicBool) -> Result<Vec<Device>, Fault> {
        let devices = scanner::list(cancel)?;
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&devices);
        Ok(devices)
    }

    /// What the last search found.
    pub(super) fn found(&self) -> Vec<Device> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has_found(&self, device: &str) -> bool {
        self.found().iter().any(|found| found.name == device)
    }

    /// The scans for a dossier, the last one first.
    pub(super) fn of_dossier(&self, code: &str, lang: Lang) -> Vec<ScanShown> {
        let known = self.known();
        let ours = known.iter().rev().filter(|(_, scan)| scan.card.dossier.as_deref() == Some(code));
        let shown = |(id, scan): (&i64, &Scan)| ScanShown {
            id: *id,
            component: scan.card.component.clone().unwrap_or_default(),
            pages: scan.card.pages.len(),
            is_running: scan.is_running(),
            fault: scan.fault.as_ref().map(|told| lang.pick(&told.vietnamese, &told.english).to_owned()),
        };
        ours.map(shown).collect()
    }

    /// Has a scan for a dossier end; the pages so far stay.
    pub(super) fn cancel_of(&self, id: i64, code: &str) -> Result<(), Problem> {
        let ours = self.with(id, |scan| {
            let is_ours = scan.card.dossier.as_deref() == Some(code);
            scan.cancel.fetch_or(is_ours, Ordering::Relaxed);
            is_ours
        })?;
        if ours { Ok(()) } else { Err(Problem::NotFound) }
    }
}

/// A scan as people at the desk are shown it.
pub(super) struct ScanShown {
    /// Its number.
    pub(super) id: i64,
    /// Title of the component.
    pub(super) component: String,
    /// Pages that have become captures.
    pub(super) pages: usize,
    /// Whether its papers are not through.
    pub(super) is_running: bool,
    /// Why it ended before they were.
    pub(super) fault: Option<String>,
}

/// The scanners that there are now.
pub(super) async fn scanners(Of(app): Of<Shared>) -> Result<Json<Value>, Problem> {
    let devices = app.blocking(App::search_scanners).await?;
    Ok(Json(json!({"scanners": devices})))
}

/// What is to be scanned; what is left out is that of `[scanner]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewScan {
    pub(super) dossier: Option<String>,
    pub(super) component: Option<String>,
    pub(super) device: Option<String>,
    pub(super) source: Option<Source>,
    pub(super) dpi: Option<u32>,
    pub(super) colour: Option<Colour>,
    pub(super) paper: Option<String>,
    pub(super) pages: Option<u32>,
}

/// Begins a scan.
pub(super) async fn begin(
    Of(app): Of<Shared>,
    headers: HeaderMap,
    body: Result<Json<NewScan>, JsonRejection>,
) -> Result<Response, Problem> {
    let wanted = json_body(body)?;
    let lang = language(&headers);
    let begun = Arc::clone(&app);
    app.blocking(move |app| {
        let id = begin_wanted(&begun, wanted)?;
        let scan = app.scans.with(id, |scan| scan.to_json(id, lang))?;
        Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/scans/{id}"))], Json(scan)).into_response())
    })
    .await
}

/// How a scan goes.
pub(super) async fn scan(
    Of(app): Of<Shared>,
    OfPath(id): OfPath<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let (id, lang) = (number(&id)?, language(&headers));
    app.blocking(move |app| app.scans.with(id, |scan| Json(scan.to_json(id, lang)))).await
}

/// Has a scan end: 202, or 200 where it has ended.
pub(super) async fn cancel(
    Of(app): Of<Shared>,
    OfPath(id): OfPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, lang) = (number(&id)?, language(&headers));
    let look = move |scan: &mut Scan| {
        scan.cancel.store(true, Ordering::Relaxed);
        let status = if scan.is_running() { StatusCode::ACCEPTED } else { StatusCode::OK };
        (status, Json(scan.to_json(id, lang))).into_response()
    };
    app.blocking(move |app| app.scans.with(id, look)).await
}

/// Begins what is wanted, unless it is wrong or must wait; says its number.
pub(super) fn begin_wanted(app: &Shared, wanted: NewScan) -> Result<i64, Problem> {
    let (card, request) = app.wanted(wanted)?;
    begin_scan(app, card, request)
}

/// Begins a scan, unless it must wait.
fn begin_scan(app: &Shared, card: Card, request: Request) -> Result<i64, Problem> {
    app.admit(0, &app.place(&destination(&card, 0).capture("quet.tif", 0), false))?;
    let scans = &app.scans;
    let mut known = scans.known();
    if scans.stopping.load(Ordering::Relaxed) || known.values().filter(|scan| scan.is_running()).count() >= RUNNING {
        return Err(Problem::TooManyScans);
    }
    if known.values().any(|scan| scan.may_be_using(request.device.as_deref())) {
        return Err(Problem::ScannerBusy);
    }
    let id = scans.folders.begin(app.now(), &card).map_err(disk)?;
    let (device, source) = (request.device.clone(), request.source);
    let request = Request { folder: scans.folders.path(id), mark: format!("sohoa scan {id}"), ..request };
    let cancel = Arc::new(AtomicBool::new(false));
    let (on_thread, its_cancel) = (Arc::clone(app), Arc::clone(&cancel));
    let work = move || {
        // A defect ends this scan, and not the use of its device.
        if catch_unwind(AssertUnwindSafe(|| on_thread.scan(id, &request, &its_cancel))).is_err() {
            on_thread.end(id, State::Failed, Some(Told::of(Problem::Internal.kind().1, &Problem::Internal)));
        }
    };
    let thread = std::thread::Builder::new().name("scan".to_owned()).spawn(work).map_err(disk)?;
    let scan = Scan { card, device, source, state: State::Running, fault: None, cancel, thread: Some(thread) };
    known.insert(id, scan);
    forget(&mut known);
    Ok(id)
}

/// Forgets the oldest of those that have ended.
fn forget(known: &mut BTreeMap<i64, Scan>) {
    while known.len() > REMEMBERED {
        let Some(oldest) = known.iter().find(|(_, scan)| !scan.is_running()).map(|(id, _)| *id) else { return };
        known.remove(&oldest);
    }
}

/// Where the pages of a scan belong. Those of no dossier are a component by themselves, which waits.
fn destination(card: &Card, id: i64) -> Destination {
    Destination {
        source: format!("scan/{id}"),
        dossier: card.dossier.as_deref().and_then(|code| code.parse().ok()),
        component: Some(card.component.clone().unwrap_or_else(|| UNTITLED.to_owned())),
    }
}

impl App {
    /// Looks for the scanners that there are now, unless somebody does already.
    pub(super) fn search_scanners(&self) -> Result<Vec<Device>, Problem> {
        let Ok(_searching) = self.scans.searching.try_lock() else { return Err(Problem::Searching) };
        self.scans.search(&self.scans.stopping).map_err(Problem::Scanner)
    }

    /// What is scanned for a request, and where its pages belong.
    fn wanted(&self, wanted: NewScan) -> Result<(Card, Request), Problem> {
        let dossier = wanted.dossier.as_deref().map(code).transpose()?;
        let nameless = Problem::Request("`component` không thành tên giấy tờ", "`component` is no name of a paper");
        let component = wanted.component.as_deref().map(|title| tidy(title).ok_or(nameless)).transpose()?;
        if dossier.is_some() != component.is_some() {
            return Err(Problem::Request(
                "phải nêu cả `dossier` và `component`, hoặc bỏ cả hai",
                "both `dossier` and `component` are to be named, or neither",
            ));
        }
        let usual = &self.settings.scanner;
        let paper = wanted.paper.as_deref().map_or(Ok(usual.paper), str::parse::<Paper>).map_err(|_| {
            Problem::Request(
                "`paper` phải là a4, a5, a3, letter hoặc RỘNGxCAO tính bằng mm",
                "`paper` must be a4, a5, a3, letter or WIDTHxHEIGHT in mm",
            )
        })?;
        let dpi = wanted.dpi.unwrap_or(usual.dpi);
        if !SCANNER_DPI.contains(&dpi) || wanted.pages.is_some_and(|pages| !(1..=MAX_PAGES).contains(&pages)) {
            return Err(Problem::Request(
                "`dpi` phải từ 50 đến 2400 và `pages` từ 1 đến 2000",
                "`dpi` must be 50 to 2400, and `pages` 1 to 2000",
            ));
        }
        let is_name =
            |name: &String| !name.is_empty() && name.len() <= DEVICE_BYTES && !name.contains(char::is_control);
        if !wanted.device.as_ref().is_none_or(is_name) {
            return Err(Problem::Request("tên máy quét không đúng", "not the name of a scanner"));
        }
        let card = Card { dossier: dossier.map(|code| code.to_string()), component, ..Card::default() };
        let request = Request {
            device: wanted.device.or_else(|| usual.device.clone()),
            folder: PathBuf::new(),
            source: wanted.source.or(usual.source),
            dpi,
            colour: wanted.colour.unwrap_or(usual.colour),
            paper,
            pages: wanted.pages,
            page_time: usual.page_time,
            limits: self.settings.limits,
            mark: String::new(),
        };
        Ok((card, request))
    }

    /// Scans until the papers are through or the scan is to end.
    fn scan(&self, id: i64, request: &Request, cancel: &AtomicBool) {
        (self.tell)(&Event::ScanStarted { scan: id });
        let scanned = self.check_device(request, cancel).and_then(|()| {
            let scanned = scanner::scan(request, cancel, &mut |event| match event {
                scanner::Event::Started { device, source } => {
                    // It is remembered as long as it runs.
                    drop(self.scans.with(id, |scan| {
                        (scan.device, scan.source) = (Some(device.clone()), Some(*source));
                    }));
                }
                scanner::Event::Page { path, .. } => {
                    // What cannot be stored now lies whole in its folder: it is tried again when the scan has ended.
                    self.take_page(id, path).unwrap_or_else(|problem| self.tell_trouble(problem));
                }
            });
            scanned.map(drop).map_err(|error| error.fault)
        });
        let stored = self.empty_folder(id);
        let (state, fault) = match (scanned, stored) {
            (Err(fault @ (Fault::Cancelled | Fault::CancelledAtDevice)), _) => (State::Stopped, Some(fault)),
            (Err(fault), _) => (State::Failed, Some(fault)),
            (Ok(()), Ok(())) => (State::Done, None),
            (Ok(()), Err(problem)) => {
                let told = Told::of(problem.kind().1, &problem);
                self.tell_trouble(problem);
                return self.end(id, State::Failed, Some(told));
            }
        };
        self.end(id, state, fault.map(|fault| Told::of(fault.name(), &fault)));
    }

    fn end(&self, id: i64, state: State, told: Option<Told>) {
        let fault = told.as_ref().map(|told| told.name);
        let pages = self.scans.with(id, |scan| {
            (scan.state, scan.fault) = (state, told);
            scan.card.pages.len()
        });
        (self.tell)(&Event::ScanEnded { scan: id, state: state.code(), pages: pages.unwrap_or(0), fault });
    }

    /// Whether a request may have its device opened: that of the configuration, or one that is found. Names may have
    /// addresses in them, and nobody has this program connect to one by a request.
    fn check_device(&self, request: &Request, cancel: &AtomicBool) -> Result<(), Fault> {
        let Some(device) = &request.device else { return Ok(()) };
        if self.settings.scanner.device.as_ref() == Some(device) || self.scans.has_found(device) {
            return Ok(());
        }
        let _searching = self.scans.searching.lock().unwrap_or_else(PoisonError::into_inner);
        self.scans.search(cancel)?;
        if self.scans.has_found(device) { Ok(()) } else { Err(Fault::CannotOpen(device.clone())) }
    }

    /// Makes a whole page a capture: its bytes are stored and placed, that is written down, and only then its file goes. Done
    /// again after a crash in between, the capture is known.
    fn take_page(&self, id: i64, page: &Path) -> Result<(), Problem> {
        let destination = self.scans.with(id, |scan| destination(&scan.card, id))?;
        let name = format!("quet-{id}-{}", page.file_name().unwrap_or_default().to_string_lossy());
        let accepted = self.accept(page, &destination.capture(&name, id.saturating_mul(NANOS_PER_MILLI)))?;
        let card = self.scans.with(id, |scan| {
            if !scan.card.pages.contains(&accepted.capture) {
                scan.card.pages.push(accepted.capture);
            }
            scan.card.component_id = Some(accepted.component);
            scan.card.clone()
        })?;
        self.scans.folders.write(id, &card).map_err(disk)?;
        std::fs::remove_file(page).map_err(disk)
    }

    /// Takes the pages that still lie in the folder of a scan, which goes when there are none.
    fn empty_folder(&self, id: i64) -> Result<(), Problem> {
        let pages = self.scans.folders.pages(id).map_err(disk)?;
        pages.iter().try_for_each(|page| self.take_page(id, page))?;
        self.scans.folders.remove(id);
        Ok(())
    }

    /// Takes what scans have left that a killed service did not end, or whose pages could not be stored.
    pub(super) fn sweep_scans(&self) {
        for id in self.scans.folders.ids() {
            {
                let mut known = self.scans.known();
                let found = || Scan {
                    card: self.scans.folders.card(id),
                    device: None,
                    source: None,
                    state: State::Stopped,
                    fault: Some(Told::interrupted()),
                    cancel: Arc::default(),
                    thread: None,
                };
                if known.entry(id).or_insert_with(found).is_running() {
                    continue;
                }
            }
            self.empty_folder(id).unwrap_or_else(|problem| self.tell_trouble(problem));
        }
        forget(&mut self.scans.known());
    }

    fn tell_trouble(&self, problem: Problem) {
        let trouble = match problem {
            Problem::Store(error) => Trouble::Store(error),
            problem => Trouble::Scans(problem.message(Lang::Vi), problem.message(Lang::En)),
        };
        (self.tell)(&Event::Trouble(trouble));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(device: Option<&str>, state: State) -> Scan {
        Scan {
            card: Card::default(),
            device: device.map(str::to_owned),
            source: None,
            state,
            fault: Some(Told::of("jammed", &Fault::Jammed)),
            cancel: Arc::default(),
            thread: None,
        }
    }

    #[test]
    fn a_device_that_is_not_named_may_be_any() {
        let running = scan(Some("a"), State::Running);
        assert!(running.may_be_using(Some("a")) && running.may_be_using(None) && !running.may_be_using(Some("b")));
        assert!(scan(None, State::Running).may_be_using(Some("a")));
        assert!(!scan(Some("a"), State::Done).may_be_using(Some("a")));
    }

    #[test]
    fn the_oldest_that_ended_are_forgotten() {
        let mut known: BTreeMap<i64, Scan> =
            (0..).take(REMEMBERED + 2).map(|id| (id, scan(None, State::Done))).collect();
        known.insert(0, scan(None, State::Running));
        forget(&mut known);
        assert_eq!((known.len(), known.keys().copied().take(2).collect::<Vec<_>>()), (REMEMBERED, vec![0, 3]));
    }

    #[test]
    fn a_fault_is_told_in_the_language_asked_for() {
        let failed = scan(None, State::Failed);
        assert!(failed.to_json(1, Lang::Vi)["fault"]["message"].as_str().unwrap().starts_with("kẹt giấy"));
        assert!(failed.to_json(1, Lang::En)["fault"]["message"].as_str().unwrap().starts_with("paper jam"));
        assert_eq!(failed.to_json(1, Lang::En)["fault"]["name"], "jammed");
    }
}
