//! Scans that a program of the office asks for. Each runs on a thread of its own, as long as its papers last; a page that
//! lies whole in its folder ([`super::scanned`]) becomes a capture at once, in the component that was named.
//!
//! `requests.rs` has what is asked for, `work.rs` the thread of a scan. How a scan goes is in memory for those who ask: the last [`REMEMBERED`] of this run of the service.

mod requests;
mod work;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::model::{Lang, Localized};
use crate::scanner::{self, Device, Fault, Source};

use super::problem::Problem;
use super::scanned::{Card, Folders};

pub(super) use requests::{NewScan, begin, begin_wanted, cancel, scan, scanners};

/// Scans that are told of.
const REMEMBERED: usize = 100;

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

/// Forgets the oldest of those that have ended.
fn forget(known: &mut BTreeMap<i64, Scan>) {
    while known.len() > REMEMBERED {
        let Some(oldest) = known.iter().find(|(_, scan)| !scan.is_running()).map(|(id, _)| *id) else { return };
        known.remove(&oldest);
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
