//! The dossiers of a batch are made, several at a time, until none is left.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::digitize::{self, DigitizeError, Job, Report};
use crate::gather::PassedOver;
use crate::ledger::LedgerError;
use crate::model::{Lang, Localized, shown};
use crate::publish::PublishError;
use crate::service::Tools;
use crate::shelf::Elsewhere;
use crate::store::Millis;

use super::journal::{Made, Tick, Totals, Unit};
use super::{Batch, BatchError, FOLDER, Lock};

/// The rate is that of so much time before now.
const WINDOW: Duration = Duration::from_secs(600);
/// Before so many pages nothing is said of the time that is left.
const LEAST_PAGES: usize = 8;
/// How often progress is told, and how often it is written down.
const TELL: Duration = Duration::from_secs(1);
const WRITE: Duration = Duration::from_secs(15);
/// A dossier that was begun so often and of which no page came to an end is given up.
const ATTEMPTS: u32 = 5;
/// Pause before a directory that another program holds is tried again.
const IN_USE: Duration = Duration::from_secs(2);
/// Dossiers in work at a time whose pages are made elsewhere.
const MOST_LANES: usize = 24;
/// Longest sleep before a look for the order to stop.
const STEP: Duration = Duration::from_millis(200);

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Everything that is written down.
    pub totals: Totals,
    /// Pages finished, those of dossiers in work with them.
    pub pages: u64,
    /// Pages that are left.
    pub left: u64,
    /// Pages a second in the last [`WINDOW`].
    pub rate: f64,
    /// How long the rest takes at this rate.
    pub left_time: Option<Duration>,
    /// Whether it pauses.
    pub is_paused: bool,
}

/// What happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// How far it is, every second.
    Progress(Progress),
    /// A page is finished.
    Page {
        /// Directory of its dossier.
        dossier: String,
        /// Its component.
        component: String,
        /// Its number.
        number: usize,
        /// Whether it was made before, and cost nothing now.
        was_kept: bool,
    },
    /// A dossier is made.
    Made {
        /// The dossier.
        unit: Unit,
        /// What became of it.
        made: Made,
    },
    /// A dossier could not be made.
    Failed {
        /// The dossier.
        unit: Unit,
        /// Why, in Vietnamese and English.
        reason: (String, String),
    },
    /// The key failed and is not asked again: what it did not sign waits (*chờ ký*).
    SigningStopped {
        /// Why, in Vietnamese and English.
        reason: (String, String),
    },
}

/// What became of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How far the batch is.
    pub totals: Totals,
    /// Whether the key failed.
    pub key_failed: bool,
    /// Whether it was told to stop before all was done.
    pub stopped: bool,
}

/// The times of a run.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Clock<'a> {
    /// Tells the time in the zone to be written.
    pub now: &'a (dyn Fn() -> OffsetDateTime + Sync),
    /// What files say instead, for runs that are compared.
    pub of_files: Option<OffsetDateTime>,
}

/// What the threads of a run share.
pub(super) struct Running<'a> {
    pub(super) batch: &'a Batch,
    pub(super) tools: &'a Tools<'a>,
    elsewhere: Option<&'a dyn Elsewhere>,
    clock: &'a Clock<'a>,
    stop: &'a AtomicBool,
    on_event: &'a (dyn Fn(&Event) + Sync),
    /// Set where nothing new is to be begun, and pages in work are the last: told to stop, paused, or the output refuses.
    halt: AtomicBool,
    is_paused: AtomicBool,
    key_failed: AtomicBool,
    /// Pages of dossiers in work that are finished.
    in_work: AtomicU64,
    /// When pages were finished, the last of them.
    finished: Mutex<VecDeque<Instant>>,
    failure: Mutex<Option<BatchError>>,
    /// Dossiers are compared with those before, and written down, one at a time.
    pub(super) finishing: Mutex<()>,
}

/// Makes what is left of a batch, in the pool or `elsewhere`. `on_event` hears of events on any thread.
///
/// # Errors
/// When output, source or journal refuse. What was finished stays, and the next run goes on.
pub fn run(
    (batch, _lock): (&Batch, &Lock),
    tools: &Tools<'_>,
    elsewhere: Option<&dyn Elsewhere>,
    clock: &Clock<'_>,
    stop: &AtomicBool,
    on_event: &(dyn Fn(&Event) + Sync),
) -> Result<Summary, BatchError> {
    batch.at(batch.journal.recover())?;
    let running = Running {
        batch,
        tools,
        elsewhere,
        clock,
        stop,
        on_event,
        halt: AtomicBool::new(false),
        is_paused: AtomicBool::new(batch.is_paused()?),
        key_failed: AtomicBool::new(false),
        in_work: AtomicU64::new(0),
        finished: Mutex::default(),
        failure: Mutex::default(),
        finishing: Mutex::default(),
    };
    // While the last page of one dossier is made, and while its files are written, the others' pages keep the threads busy.
    let workers = tools.shelf.tools().pool.workers();
    let lanes = if elsewhere.is_some() { workers.div_ceil(2).min(MOST_LANES) } else { workers + 1 };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(|| running.make_all())).collect();
        running.watch(|| lanes.iter().all(std::thread::ScopedJoinHandle::is_finished));
    });
    let failure = running.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    let totals = batch.totals()?;
    if totals.left == 0 {
        // What lies there is of components that are made.
        drop(tools.shelf.clear(0));
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Summary { totals, key_failed: running.key_failed.into_inner(), stopped: totals.left > 0 }),
    }
}

impl Running<'_> {
    pub(super) fn now(&self) -> Millis {
        let nanos = (self.clock.now)().unix_timestamp_nanos();
        Millis::try_from(nanos / 1_000_000).unwrap_or(Millis::MAX)
    }

    /// The time that is written into files: whole seconds.
    fn file_time(&self) -> OffsetDateTime {
        let time = self.clock.of_files.unwrap_or_else(self.clock.now);
        time.replace_nanosecond(0).expect("zero is a valid nanosecond")
    }

    pub(super) fn tell(&self, event: &Event) {
        (self.on_event)(event);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Ends the run for a reason.
    fn give_up(&self, error: BatchError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.halt.store(true, Ordering::Relaxed);
        // Nobody waits for pages of other machines any more.
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Tells progress and hears orders, until `is_done`.
    fn watch(&self, is_done: impl Fn() -> bool) {
        let (mut told, mut written) = (None::<Instant>, None::<Instant>);
        while !is_done() {
            let is_paused = self.batch.is_paused().unwrap_or(false);
            self.is_paused.store(is_paused, Ordering::Relaxed);
            if is_paused {
                // A pause is no time that pages take.
                self.finished.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            self.halt.store(is_paused || self.is_over(), Ordering::Relaxed);
            if told.is_none_or(|told| told.elapsed() >= TELL) {
                told = Some(Instant::now());
                match self.progress() {
                    Ok(progress) => {
                        self.tell(&Event::Progress(progress));
                        if written.is_none_or(|written| written.elapsed() >= WRITE) && !is_paused {
                            written = Some(Instant::now());
                            self.write(progress);
                        }
                    }
                    Err(error) => self.give_up(error),
                }
            }
            std::thread::sleep(STEP);
        }
        if let Ok(progress) = self.progress() {
            self.tell(&Event::Progress(progress));
            self.write(progress);
        }
    }

    fn write(&self, progress: Progress) {
        let left_ms = progress.left_time.and_then(|left| u64::try_from(left.as_millis()).ok());
        let tick = Tick { time: self.now(), pages: progress.pages, left_ms };
        if let Err(error) = self.batch.at(self.batch.journal.put_tick(tick)) {
            self.give_up(error);
        }
    }

    fn progress(&self) -> Result<Progress, BatchError> {
        let totals = self.batch.totals()?;
        let in_work = self.in_work.load(Ordering::Relaxed);
        let left = totals.left.saturating_sub(in_work);
        let rate = self.rate();
        Ok(Progress {
            totals,
            pages: totals.made.pages + totals.made.set_aside + in_work,
            left,
            rate: rate.unwrap_or(0.0),
            left_time: rate.filter(|rate| *rate > 0.0).map(|rate| Duration::from_secs_f64(left as f64 / rate)),
            is_paused: self.is_paused.load(Ordering::Relaxed),
        })
    }

    /// Pages a second, where enough were finished to tell.
    fn rate(&self) -> Option<f64> {
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        while finished.len() > LEAST_PAGES && finished.front().is_some_and(|time| time.elapsed() > WINDOW) {
            finished.pop_front();
        }
        let first = finished.front()?;
        let is_enough = finished.len() > LEAST_PAGES;
        is_enough.then(|| (finished.len() - 1) as f64 / first.elapsed().as_secs_f64().max(0.001))
    }

    /// Makes dossiers until there is none, or nothing new is to be begun.
    fn make_all(&self) {
        loop {
            if self.is_over() {
                return;
            }
            if self.halt.load(Ordering::Relaxed) || self.is_paused.load(Ordering::Relaxed) {
                std::thread::sleep(STEP);
                continue;
            }
            match self.batch.at(self.batch.journal.claim(self.now())) {
                Ok(Some(unit)) => {
                    if let Err(error) = self.make(&unit) {
                        self.give_up(error);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.give_up(error),
            }
        }
    }

    /// Makes one dossier.
    fn make(&self, unit: &Unit) -> Result<(), BatchError> {
        if unit.attempts > ATTEMPTS {
            let vi =
                format!("chương trình đã dừng {ATTEMPTS} lần khi làm hồ sơ này; hãy gửi các tệp cho người bảo trì");
            let en = format!("the program ended {ATTEMPTS} times at this dossier; send its files to the maintainers");
            return self.fail(unit, (vi, en));
        }
        let (mut done, mut passed_over) = (0, Vec::new());
        let result = self.digitize(unit, &mut done, &mut passed_over);
        let settled = self.settle(unit, result, &passed_over);
        self.in_work.fetch_sub(done, Ordering::Relaxed);
        settled
    }

    /// Writes down how a dossier ended.
    fn settle(
        &self,
        unit: &Unit,
        result: Result<Report, DigitizeError>,
        passed_over: &[PassedOver],
    ) -> Result<(), BatchError> {
        let batch = self.batch;
        let give_back = |counts| batch.at(batch.journal.give_back(unit.id, counts));
        let is_unread = match &result {
            Ok(report) => report.outcomes.iter().any(|one| one.component.fingerprint == digitize::TRY_AGAIN),
            Err(error) => matches!(error, DigitizeError::Gather(_) | DigitizeError::Nothing),
        };
        // Files that cannot be read for a passing reason: has the source gone, a disk pulled out, a network down?
        if is_unread && let Err(error) = self.find_source() {
            give_back(false)?;
            return Err(error);
        }
        match result {
            Ok(report) => self.finish(unit, &report, passed_over),
            Err(DigitizeError::Stopped) => give_back(false),
            Err(DigitizeError::Ledger(LedgerError::Publish(PublishError::InUse(_)))) if unit.attempts < ATTEMPTS => {
                // Somebody signs there, or packs it.
                std::thread::sleep(IN_USE);
                give_back(true)
            }
            Err(DigitizeError::Ledger(LedgerError::Publish(error @ PublishError::Io { .. })))
                if self.refuses(&error) =>
            {
                give_back(false)?;
                Err(BatchError::Output(error.message(Lang::Vi), error.message(Lang::En)))
            }
            Err(error) => {
                // An empty folder has nothing to say; what was passed over in it has.
                let said = |lang| match (&error, passed_over.first()) {
                    (DigitizeError::Nothing, Some(item)) => format!("{}: {}", shown(item.path()), item.message(lang)),
                    _ => error.message(lang),
                };
                self.fail(unit, (said(Lang::Vi), said(Lang::En)))
            }
        }
    }

    fn fail(&self, unit: &Unit, reason: (String, String)) -> Result<(), BatchError> {
        self.batch.at(self.batch.journal.fail(unit.id, (&reason.0, &reason.1), self.now()))?;
        self.tell(&Event::Failed { unit: unit.clone(), reason });
        Ok(())
    }

    /// Whether the source is still there, with something in it: the empty place of a disk that is gone is none.
    fn find_source(&self) -> Result<(), BatchError> {
        let path = &self.batch.options.source;
        let has_some = fs::read_dir(path).map(|mut entries| entries.next().is_some());
        let error = match has_some {
            Ok(true) => return Ok(()),
            Ok(false) => io::ErrorKind::NotFound.into(),
            Err(error) => error,
        };
        Err(BatchError::Io { path: path.clone(), source: error })
    }

    /// Whether it is the output that refuses, and not the one directory.
    fn refuses(&self, error: &PublishError) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let is_full = matches!(error, PublishError::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem));
        let probe = self.batch.output.join(FOLDER).join("probe");
        let written = fs::write(&probe, "x").and_then(|()| fs::remove_file(&probe));
        is_full || written.is_err()
    }

    fn digitize(
        &self,
        unit: &Unit,
        done: &mut u64,
        passed_over: &mut Vec<PassedOver>,
    ) -> Result<Report, DigitizeError> {
        let (tools, made_with) = (self.tools, self.tools.shelf.tools());
        let (gathered, not_taken) = self.batch.gathered(&unit.source)?;
        *passed_over = not_taken;
        if gathered.is_empty() {
            return Err(DigitizeError::Nothing);
        }
        let directory = self.batch.directory(unit);
        let profile = tools.profile_of(unit.code.as_deref());
        let job = Job {
            signer: tools.signer.filter(|_| !self.key_failed.load(Ordering::Relaxed)),
            elsewhere: self.elsewhere,
            ..tools.job((&directory, unit.code.as_deref()), &profile, self.file_time(), &self.halt)
        };
        digitize::run_gathered(&job, gathered, &made_with.pool, &mut |event| match event {
            digitize::Event::Page { component, number, was_kept, .. } => {
                if *done == 0 {
                    // Where it cannot be written down now, what comes next says why.
                    drop(self.batch.journal.went_on(unit.id));
                }
                *done += 1;
                self.in_work.fetch_add(1, Ordering::Relaxed);
                if !was_kept {
                    self.finished.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
                }
                let (dossier, component) = (unit.name.clone(), component.clone());
                self.tell(&Event::Page { dossier, component, number: *number, was_kept: *was_kept });
            }
            digitize::Event::SigningStopped { reason, reason_en } => {
                // A PIN that was wrong once is not presented again.
                self.key_failed.store(true, Ordering::Relaxed);
                self.tell(&Event::SigningStopped { reason: (reason.clone(), reason_en.clone()) });
            }
            _ => {}
        })
    }
}
