//! The dossiers of a batch are made, several at a time, until none is left.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use time::OffsetDateTime;

use crate::digitize::{self, DigitizeError, Job, Report};
use crate::ledger::LedgerError;
use crate::manifest::{self, State};
use crate::model::{Edit, Lang, Localized, io_reason, shown};
use crate::page::{Page, screen};
use crate::publish::PublishError;
use crate::service::Tools;
use crate::shelf::{Elsewhere, Wanted};
use crate::store::Millis;

use super::checks::{self, Placed, Trace};
use super::journal::{Finding, Made, Sample, Tick, Totals, Unit};
use super::{Batch, BatchError, Lock, REPORT};

/// The rate is that of so much time before now.
const WINDOW: Duration = Duration::from_secs(600);
/// Before so many pages nothing is said of the time that is left.
const LEAST_PAGES: usize = 8;
/// How often progress is told, and how often it is written down.
const TELL: Duration = Duration::from_secs(1);
const WRITE: Duration = Duration::from_secs(15);
/// Longest sleep before a look for the order to stop.
const STEP: Duration = Duration::from_millis(200);
/// Longest side of the small pictures in the report, pixels.
const PICTURE: u32 = 360;
/// Kinds of findings that a picture helps to understand.
const SEEN: [&str; 6] = ["quality", "same-page", "order", "page-twice", "page-missing", "other-dossier"];

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
struct Running<'a> {
    batch: &'a Batch,
    tools: &'a Tools<'a>,
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
    };
    // While the last page of one dossier is made, and while its files are written, the others' pages keep the threads busy.
    let workers = tools.shelf.tools().pool.workers();
    let lanes = if elsewhere.is_some() { workers.div_ceil(2) } else { workers + 1 };
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
        None => Ok(Summary {
            totals,
            key_failed: running.key_failed.into_inner(),
            stopped: stop.load(Ordering::Relaxed) && totals.left > 0,
        }),
    }
}

impl Running<'_> {
    fn now(&self) -> Millis {
        let nanos = (self.clock.now)().unix_timestamp_nanos();
        Millis::try_from(nanos / 1_000_000).unwrap_or(Millis::MAX)
    }

    /// The time that is written into files: whole seconds.
    fn file_time(&self) -> OffsetDateTime {
        let time = self.clock.of_files.unwrap_or_else(self.clock.now);
        time.replace_nanosecond(0).expect("zero is a valid nanosecond")
    }

    fn tell(&self, event: &Event) {
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
        let batch = self.batch;
        if let Err(source) = fs::read_dir(&batch.options.source) {
            batch.at(batch.journal.give_back(unit.id))?;
            return Err(BatchError::Io { path: batch.options.source.clone(), source });
        }
        let mut done = 0;
        let result = self.digitize(unit, &mut done);
        let settled = match result {
            Ok(report) => self.finish(unit, &report),
            Err(DigitizeError::Stopped) => batch.at(batch.journal.give_back(unit.id)),
            Err(DigitizeError::Ledger(LedgerError::Publish(error @ PublishError::Io { .. }))) => {
                batch.at(batch.journal.give_back(unit.id))?;
                Err(BatchError::Output(error.message(Lang::Vi), error.message(Lang::En)))
            }
            Err(error) => {
                let reason = (error.message(Lang::Vi), error.message(Lang::En));
                batch.at(batch.journal.fail(unit.id, (&reason.0, &reason.1), self.now()))?;
                self.tell(&Event::Failed { unit: unit.clone(), reason });
                Ok(())
            }
        };
        self.in_work.fetch_sub(done, Ordering::Relaxed);
        settled
    }

    fn digitize(&self, unit: &Unit, done: &mut u64) -> Result<Report, DigitizeError> {
        let (tools, made_with) = (self.tools, self.tools.shelf.tools());
        let gathered = self.batch.gathered(&unit.source)?;
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

    /// Writes down what became of a dossier, and takes its pages off the shelf.
    fn finish(&self, unit: &Unit, report: &Report) -> Result<(), BatchError> {
        let (batch, shelf) = (self.batch, &self.tools.shelf);
        let components: Vec<&manifest::Component> = report.outcomes.iter().map(|outcome| &outcome.component).collect();
        let mut looked = Looked::default();
        for outcome in &report.outcomes {
            self.look(unit, outcome, &mut looked)?;
        }
        looked.findings.extend(checks::of_pages(&looked.traces));
        self.compare(unit, &components, &mut looked.findings)?;
        self.picture(unit, &components, &mut looked)?;
        let made = Made {
            components: components.len() as u64,
            pages: components.iter().map(|one| one.pages.len() as u64).sum(),
            doubted: components.iter().flat_map(|one| &one.pages).filter(|page| page.wants_rescan()).count() as u64,
            set_aside: components.iter().map(|one| one.set_aside.len() as u64).sum(),
            unsigned: components.iter().filter(|one| one.state == State::Unsigned).count() as u64,
        };
        let captures: BTreeSet<(String, String)> = components
            .iter()
            .flat_map(|component| &component.pages)
            .map(|page| (self.relative(&page.source.file.path), page.source.file.sha256.clone()))
            .collect();
        let captures: Vec<(String, String)> = captures.into_iter().collect();
        let Looked { findings, samples, unseen, .. } = &looked;
        batch.at(batch.journal.finish(unit.id, made, &captures, (findings, samples), unseen, self.now()))?;
        for page in components.iter().flat_map(|component| &component.pages) {
            shelf.remove(wanted(page, &Edit::default()));
        }
        self.tell(&Event::Made { unit: unit.clone(), made });
        Ok(())
    }

    /// The path of a capture as people know it: from the source on.
    fn relative(&self, path: &str) -> String {
        let path = Path::new(path);
        shown(path.strip_prefix(&self.batch.options.source).unwrap_or(path))
    }

    /// A page of a component. One that another dossier with the same capture took off the shelf is made again; of a component
    /// that is as it was, only what still lies there.
    fn page(&self, entry: &manifest::Page, was_made: bool) -> Option<Page> {
        let (edit, shelf) = (Edit::default(), &self.tools.shelf);
        let wanted = wanted(entry, &edit);
        match was_made {
            true => shelf.page(Path::new(&entry.source.file.path), wanted).ok(),
            false => shelf.get(wanted),
        }
    }

    /// Looks at the pages of a component.
    fn look(&self, unit: &Unit, outcome: &digitize::Outcome, looked: &mut Looked) -> Result<(), BatchError> {
        let component = &outcome.component;
        let name = &component.name;
        for aside in &component.set_aside {
            let file = self.relative(&aside.file.path);
            looked.findings.push(Finding {
                place: (Some(name.clone()), None),
                kind: "set-aside",
                detail: format!("{file}: {}", aside.reason),
                detail_en: format!("{file}: could not be read: {}", aside.reason),
                picture: None,
            });
        }
        let is_first = self.batch.at(self.batch.journal.is_first_of_box(unit))?;
        let mut is_seen = component.pages.is_empty();
        for entry in &component.pages {
            let Some(page) = self.page(entry, !outcome.unchanged) else { continue };
            is_seen = true;
            let accepted = entry.decided.accepted.is_some();
            let placed = Placed { component: name, number: entry.number, page: &page, accepted };
            looked.findings.extend(checks::of_page(&placed, unit.code.as_deref()));
            looked.traces.push(Trace::of(&placed));
            // Of each box at least one page is looked at.
            let is_sampled = is_first && looked.samples.is_empty() || self.is_sampled(unit, name, entry.number);
            if is_sampled && self.batch.options.sample > 0.0 {
                let picture = self.put_picture(unit, name, entry.number, &page)?;
                looked.samples.push(Sample { component: name.clone(), page: entry.number, picture });
            }
        }
        if !is_seen {
            looked.unseen.push(name.clone());
        }
        Ok(())
    }

    /// Whether a page is among those that a person looks at: the same ones in every run.
    fn is_sampled(&self, unit: &Unit, component: &str, page: usize) -> bool {
        let mut hasher = DefaultHasher::new();
        (&unit.source, component, page).hash(&mut hasher);
        (hasher.finish() as f64 / u64::MAX as f64) < self.batch.options.sample
    }

    /// What other dossiers and the index say of this one.
    fn compare(
        &self,
        unit: &Unit,
        components: &[&manifest::Component],
        findings: &mut Vec<Finding>,
    ) -> Result<(), BatchError> {
        let journal = &self.batch.journal;
        let mut within: Vec<(&str, &str, usize)> = Vec::new();
        for component in components {
            for page in &component.pages {
                let sha256 = &page.source.file.sha256;
                let here = within.iter().find(|(other, _, _)| other == sha256).filter(|_| page.source.page == 1);
                let elsewhere = self.batch.at(journal.seen_before(unit.id, sha256))?;
                let place = match (here, elsewhere) {
                    (Some((_, component, number)), _) => [
                        format!("cùng một tệp với {component}, trang {number}"),
                        format!("the same file as page {number} of {component}"),
                    ],
                    (None, Some((dossier, file))) => [
                        format!("cùng một tệp với {file} của hồ sơ {dossier}"),
                        format!("the same file as {file} of the dossier {dossier}"),
                    ],
                    (None, None) => {
                        within.push((sha256, &component.name, page.number));
                        continue;
                    }
                };
                let [detail, detail_en] = place;
                let at = (Some(component.name.clone()), Some(page.number));
                findings.push(Finding { place: at, kind: "same-file", detail, detail_en, picture: None });
            }
        }
        let listed = unit.code.as_deref().map(|code| self.batch.at(journal.listed_pages(code))).transpose()?.flatten();
        let pages: usize = components.iter().map(|component| component.pages.len()).sum();
        if let Some(listed) = listed.filter(|listed| *listed != pages as u64) {
            findings.push(Finding {
                place: (None, None),
                kind: "page-count",
                detail: format!("mục lục ghi {listed} trang, số hóa được {pages} trang"),
                detail_en: format!("the index says {listed} pages, {pages} were digitised"),
                picture: None,
            });
        }
        Ok(())
    }

    /// Makes the pictures that belong to findings.
    fn picture(&self, unit: &Unit, components: &[&manifest::Component], looked: &mut Looked) -> Result<(), BatchError> {
        for finding in looked.findings.iter_mut().filter(|finding| SEEN.contains(&finding.kind)) {
            let (Some(name), Some(number)) = &finding.place else { continue };
            let entry = components.iter().find(|one| one.name == *name).and_then(|one| one.pages.get(number - 1));
            if let Some(page) = entry.and_then(|entry| self.page(entry, false)) {
                finding.picture = Some(self.put_picture(unit, name, *number, &page)?);
            }
        }
        Ok(())
    }

    /// Writes a small picture of a page for the report: its name there.
    fn put_picture(&self, unit: &Unit, component: &str, number: usize, page: &Page) -> Result<String, BatchError> {
        let name = format!("anh/{:06}-{component}-{number}.jpg", unit.id);
        let path = self.batch.output.join(REPORT).join(&name);
        let limits = &self.tools.shelf.tools().settings.limits;
        let Ok(picture) = screen::page(page, PICTURE, limits) else { return Ok(name) };
        let written = fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| fs::write(&path, picture));
        written.map_err(|error| {
            let at = shown(&path);
            let [vi, en] = [Lang::Vi, Lang::En].map(|lang| format!("{at}: {}", io_reason(error.kind(), lang)));
            BatchError::Output(vi, en)
        })?;
        Ok(name)
    }
}

/// What was seen of a dossier.
#[derive(Default)]
struct Looked {
    findings: Vec<Finding>,
    samples: Vec<Sample>,
    traces: Vec<Trace>,
    /// Components that are as they were, and whose pages were looked at by an earlier run.
    unseen: Vec<String>,
}

fn wanted<'a>(page: &'a manifest::Page, edit: &'a Edit) -> Wanted<'a> {
    Wanted { sha256: &page.source.file.sha256, page: page.source.page, edit }
}
