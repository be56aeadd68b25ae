//! The work of a scan, on a thread of its own: its pages become captures as they come, and what a killed service has left is taken
//! up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use crate::http::api::Destination;
use crate::http::arrive::disk;
use crate::http::problem::Problem;
use crate::http::scanned::Card;
use crate::http::{App, Shared};
use crate::model::{Lang, Localized};
use crate::scanner::{self, Fault, Request};
use crate::service::{Event, Trouble};

use super::{Scan, State, Told, forget};

/// Scans at a time: each has a device, a thread and a page in memory.
const RUNNING: usize = 4;
/// Title of a component that nobody named.
const UNTITLED: &str = "Bản quét";
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Begins a scan, unless it must wait.
pub(super) fn begin_scan(app: &Shared, card: Card, request: Request) -> Result<i64, Problem> {
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

/// Where the pages of a scan belong. Those of no dossier are a component by themselves, which waits.
fn destination(card: &Card, id: i64) -> Destination {
    Destination {
        source: format!("scan/{id}"),
        dossier: card.dossier.as_deref().and_then(|code| code.parse().ok()),
        component: Some(card.component.clone().unwrap_or_else(|| UNTITLED.to_owned())),
    }
}

impl App {
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
    pub(in crate::http) fn sweep_scans(&self) {
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
