//! The service: captures that arrive are stored, grouped, digitised and published, through crashes and full disks.
//!
//! [`run`] starts eight kinds of threads around one [`Store`], which is all they share:
//!
//! - watchers hand files to the [`sink`], which stores each one before its file may go;
//! - others make pages of the counter's captures as these come ([`early`]);
//! - the keeper closes components that got all their captures, and clears up;
//! - the indexer makes what is published searchable;
//! - the registrar gives codes to what is signed, and files it by its owner where the configuration names a store for that;
//! - the courier delivers what is finished, where the configuration names an endpoint;
//! - workers claim what is to be made, `digitize` it with the one pool, and write down what became of it;
//! - the caller's thread waits for the order to stop.
//!
//! There is nothing to save at the end: what a thread holds in memory is in the store as not done, and is done again.
//! A component made again by a run after a crash has the same captures, so the directory's manifest says that it is there.

mod courier;
mod data;
mod early;
mod event;
mod indexer;
mod keeper;
mod pages;
mod registrar;
mod shown;
mod sink;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::config::{ConnectorConfig, PersonalStoreConfig};
use crate::digital_code;
use crate::digitize::Job;
use crate::export::Records;
use crate::extract;
use crate::grouping::Rules;
use crate::intake::{self, WatchError};
use crate::model::{Lang, Localized, shown};
use crate::pdf::writer::PdfaLevel;
use crate::profile::{FileName, Profile, Rule};
use crate::shelf::Shelf;
use crate::sign::Signer;
use crate::stamp::Stamp;
use crate::store::{Millis, Store, StoreError};
use crate::transcript::Format;

pub use crate::store::Status;
use early::Early;

pub use data::{Data, Found, Taught, corrected};
pub use event::{Event, Trouble};
pub use indexer::FOLDER as SEARCH_FOLDER;
pub use keeper::signed;
pub use shown::{SECRET, component_json, dossier_json, listed, reason_text};

pub(crate) use sink::has_several_pages;

/// Directory of what is not placed (*chưa xếp*), below the output. Each component has a directory of its own there, which
/// goes when the component is placed.
pub const UNPLACED: &str = "chua-xep";

/// Longest sleep of a thread before it looks for the order to stop.
const TICK: Duration = Duration::from_millis(500);

/// A watched folder.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How it is watched.
    pub folder: intake::Folder,
    /// 0 = counter, 1 = backlog.
    pub priority: i64,
}

/// What the service goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Watched folders.
    pub folders: Vec<Watched>,
    /// Directory for the results, absolute: a directory a dossier.
    pub output: PathBuf,
    /// How captures become components.
    pub rules: Rules,
    /// A component has all its captures when none came for this long; also the longest pause within a stack.
    pub gap: Duration,
    /// Captures in components that are not made yet; folders wait beyond.
    pub max_unmade: u64,
    /// Free bytes on the store's disk below which folders wait.
    pub min_free_bytes: u64,
    /// How often something that failed for a passing reason is tried.
    pub attempts: u32,
    /// Bytes of captures are removed this long after all their components are signed; `None` = never.
    pub keep_originals: Option<Duration>,
    /// Where finished components are delivered; `None` = nowhere, and no connection is made.
    pub connector: Option<Connector>,
    /// How signed components get codes; `None` = not at all.
    pub codes: Option<digital_code::Rules>,
    /// The store of owners' papers; `None` = there is none.
    pub personal_store: Option<PersonalStoreConfig>,
    /// By what papers are read that come from now on.
    pub taught: Arc<Taught>,
}

/// Where finished components are delivered.
#[derive(Clone, Debug)]
pub struct Connector {
    /// The endpoint, and how it is treated.
    pub config: ConnectorConfig,
    /// The portal's records that go with each component.
    pub records: Records,
}

/// What components are made with.
#[expect(missing_debug_implementations, reason = "a key and a reader have nothing to show")]
pub struct Tools<'a> {
    /// What pages are made with, and where they are kept.
    pub shelf: Arc<Shelf>,
    /// What files must satisfy.
    pub profile: &'a Profile,
    /// PDF/A level.
    pub level: PdfaLevel,
    /// What is seen of the signatures.
    pub stamp: Option<&'a Stamp>,
    /// Formats of the text files beside each component.
    pub transcripts: &'a [Format],
    /// By what data are found in the text.
    pub rules: &'a extract::Rules,
    /// Who signs; `None` leaves components unsigned (*chờ ký*).
    pub signer: Option<&'a dyn Signer>,
}

impl Tools<'_> {
    /// The rules for components of a dossier; without one there is no number to call files by.
    pub fn profile_of(&self, dossier: Option<&str>) -> Profile {
        let file_name = if dossier.is_some() { self.profile.file_name.clone() } else { Rule::setting(FileName::Any) };
        Profile { file_name, ..self.profile.clone() }
    }

    /// A job that makes components with these tools, whose pages are put on the shelf.
    pub fn job<'a>(
        &'a self,
        (output, dossier): (&'a Path, Option<&'a str>),
        profile: &'a Profile,
        now: OffsetDateTime,
        stop: &'a AtomicBool,
    ) -> Job<'a> {
        let made_with = self.shelf.tools();
        Job {
            inputs: &[],
            output,
            dossier,
            settings: &made_with.settings,
            profile,
            level: self.level,
            stamp: self.stamp,
            engine: made_with.engine(),
            transcripts: self.transcripts,
            rules: self.rules,
            models: made_with.models.clone(),
            signer: self.signer,
            size_report: false,
            divides: None,
            shelf: Some(&self.shelf),
            shelves_all: true,
            elsewhere: None,
            now,
            stop: Some(stop),
        }
    }
}

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Folders that cannot be watched together.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The output cannot be made.
    #[error("{}: {source}", shown(path))]
    Output {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Localized for ServiceError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Store(error) => error.message(lang),
            Self::Watch(error) => error.message(lang),
            Self::Output { path, source } => {
                format!("{}: {}", shown(path), crate::model::io_reason(source.kind(), lang))
            }
        }
    }
}

/// What all threads of the service see.
struct Service<'a> {
    store: &'a Store,
    settings: &'a Settings,
    tools: &'a Tools<'a>,
    clock: &'a (dyn Fn() -> OffsetDateTime + Sync),
    stop: &'a AtomicBool,
    on_event: &'a (dyn Fn(&Event) + Sync),
    bell: Bell,
    early: Early,
    /// The key failed, and is not asked again.
    key_failed: AtomicBool,
}

/// Runs until `stop` is set, which is looked for at least twice a second; work in hand is then finished or left to the next
/// run. `clock` tells the time in the zone to be written; `on_event` hears of events on any thread.
///
/// # Errors
/// At the start only, when store, folders or output cannot be used. Later trouble is an event, and passes or is waited for.
pub fn run(
    store: &Store,
    settings: &Settings,
    tools: &Tools<'_>,
    clock: &(dyn Fn() -> OffsetDateTime + Sync),
    stop: &AtomicBool,
    on_event: &(dyn Fn(&Event) + Sync),
) -> Result<(), ServiceError> {
    let _lock = store.lock_service()?;
    let output = |source| ServiceError::Output { path: settings.output.clone(), source };
    std::fs::create_dir_all(&settings.output).map_err(output)?;
    let service = Service {
        store,
        settings,
        tools,
        clock,
        stop,
        on_event,
        bell: Bell::default(),
        early: Early::default(),
        key_failed: AtomicBool::new(false),
    };
    store.blobs().clear_incoming().map_err(StoreError::from)?;
    let interrupted = store.recover(service.now())?;
    service.tell(&Event::Started { interrupted });
    keeper::sign_waiting(&service);

    let personal = settings.personal_store.as_ref().map(|place| place.path.clone());
    let forbidden: Vec<PathBuf> =
        [settings.output.clone(), store.directory().to_owned()].into_iter().chain(personal).collect();
    let result = std::thread::scope(|scope| {
        let keeper = scope.spawn(|| keeper::run(&service));
        let count = tools.shelf.tools().pool.workers();
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(|| worker::run(&service))).collect();
        let early: Vec<_> = (0..count).map(|_| scope.spawn(|| early::run(&service))).collect();
        let indexer = scope.spawn(|| indexer::run(&service));
        let registrar = scope.spawn(|| registrar::run(&service));
        let courier = settings.connector.as_ref();
        let courier = courier.map(|connector| scope.spawn(|| courier::run(&service, connector)));
        let watched = sink::watch(&service, &forbidden);
        if watched.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        service.bell.ring();
        let threads = workers.into_iter().chain(early).chain([keeper, indexer, registrar]).chain(courier);
        threads.for_each(|thread| drop(thread.join()));
        watched
    });
    service.tell(&Event::Stopped);
    Ok(result?)
}

impl Service<'_> {
    fn now(&self) -> Millis {
        millis((self.clock)())
    }

    /// The time that is written into files: whole seconds.
    fn file_time(&self) -> OffsetDateTime {
        (self.clock)().replace_nanosecond(0).expect("zero is a valid nanosecond")
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn tell(&self, event: &Event) {
        (self.on_event)(event);
    }

    /// Does something with the store until it is done: the disk may be full for a while. `None` when the service stops
    /// before; what was to be written down is found out again by the next run.
    fn insist<T>(&self, mut work: impl FnMut(&Store) -> Result<T, StoreError>) -> Option<T> {
        loop {
            match work(self.store) {
                Ok(done) => return Some(done),
                Err(error) => self.tell(&Event::Trouble(Trouble::Store(error))),
            }
            if self.is_stopping() {
                return None;
            }
            self.sleep(Duration::from_secs(2));
        }
    }

    /// Sleeps, but not past the order to stop.
    fn sleep(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() && !self.is_stopping() {
            let step = left.min(TICK);
            std::thread::sleep(step);
            left -= step;
        }
    }

    /// The directory of a component's results.
    fn directory(&self, dossier: Option<&str>, name: &str) -> PathBuf {
        match dossier {
            Some(code) => self.settings.output.join(code),
            None => self.settings.output.join(UNPLACED).join(name),
        }
    }
}

/// A time as the store has it.
pub fn millis(time: OffsetDateTime) -> Millis {
    Millis::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(Millis::MAX)
}

/// Wakes workers when there is something to do.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_all();
    }

    /// Waits for the bell, no longer than a tick; says whether it rang.
    fn wait(&self) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rung, _) =
            self.heard.wait_timeout_while(rung, TICK, |rung| !*rung).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *rung)
    }
}

/// Free bytes for this program on the disk of a directory.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(directory: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
