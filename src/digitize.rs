//! The main job: captures in, signed components and a manifest out.
//!
//! [`run`] reads top-down: gather, plan, process pages in the pool, finish each component when its last page is done.
//! The manifest is written after each component, so a killed run keeps what it finished and the next run goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::budget::{self, Cost, Fit};
use crate::codes::Symbology;
use crate::component::{ComponentError, SignedPdf, UnsignedPdf};
use crate::gather::{self, CaptureFile, Gathered, PassedOver};
use crate::imaging::decode::Limits;
use crate::input::{self, Frame, InputError};
use crate::ledger::{self, Became, Ledger, LedgerError, file_entry, rfc3339};
use crate::manifest::{self, ImageForm, Manifest, State};
use crate::model::{Edit, Lang, Localized, Picture};
use crate::ocr::OcrEngine;
use crate::page::{self, Page, PageError, Settings};
use crate::pdf::reader::PdfReadError;
use crate::pdf::signature::{self, EmbeddedSignature};
use crate::pdf::structure;
use crate::pdf::writer::{DocumentInfo, PdfaLevel};
use crate::pool::Pool;
use crate::profile::{FileName, Profile};
use crate::publish::{OutputDir, PublishError};
use crate::shelf::{Shelf, Wanted};
use crate::sign::revocation::Evidence;
use crate::sign::verify::Problem;
use crate::sign::{self, RunKey, SignError, Signer};
use crate::stack::{self, Side};
use crate::stamp::Stamp;
use crate::transcript::{Format, Transcript, TranscriptPage};

/// Room that is left in a file for its signatures, bytes: the clerk's and the agency's, each up to 33 KB as hex digits with
/// its box and its timestamp.
const SIGNATURES_BYTES: u64 = 100_000;

/// Fingerprint that no captures have: of a component that lacks pages for a passing reason.
pub const TRY_AGAIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is to be done, and with what.
#[expect(missing_debug_implementations, reason = "a key and a reader have nothing to show")]
pub struct Job<'a> {
    /// Files and folders.
    pub inputs: &'a [PathBuf],
    /// Directory for the results.
    pub output: &'a Path,
    /// Code of the dossier (*mã hồ sơ*), already checked.
    pub dossier: Option<&'a str>,
    /// How pages are processed.
    pub settings: &'a Settings,
    /// What the files must satisfy.
    pub profile: &'a Profile,
    /// PDF/A level, one that the profile permits.
    pub level: PdfaLevel,
    /// What is seen of the signatures; `None` leaves them invisible.
    pub stamp: Option<&'a Stamp>,
    /// The reader, with its model; `None` = no OCR.
    pub engine: Option<&'a dyn OcrEngine>,
    /// Formats of the text files beside each component; with no engine there are none.
    pub transcripts: &'a [Format],
    /// The models used, for the manifest.
    pub models: Vec<manifest::Model>,
    /// Who signs; `None` leaves components unsigned (*chờ ký*).
    pub signer: Option<&'a dyn Signer>,
    /// Whether it is found out what each way of storing the pages would cost.
    pub size_report: bool,
    /// By what a component is found to be a stack of several, which is handed back as a [`Stack`] and not assembled; `None`
    /// assembles each.
    pub divides: Option<stack::By>,
    /// Where pages may be that are processed already, and those of a stack go for the runs that make its parts.
    pub shelf: Option<&'a Shelf>,
    /// Whether all pages go there, for people to look at.
    pub shelves_all: bool,
    /// The time of this run, in the zone to be written.
    pub now: OffsetDateTime,
    /// Set from outside to end the run early: pages in work are finished, and components that lack a page are left for the
    /// next run.
    pub stop: Option<&'a AtomicBool>,
}

/// What happens, as it happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The work is known.
    Planned {
        /// Components to make.
        components: usize,
        /// Pages to process.
        pages: usize,
    },
    /// Something in the input was passed over.
    PassedOver(PassedOver),
    /// A page is finished.
    Page {
        /// Its component.
        component: String,
        /// Position in the component, from 1.
        number: usize,
        /// Whether it wants a rescan.
        flagged: bool,
        /// Time it took.
        elapsed: Duration,
    },
    /// A capture could not be read.
    SetAside {
        /// Its component.
        component: String,
        /// The capture file.
        file: PathBuf,
        /// Why, as stored in the manifest (Vietnamese).
        reason: String,
        /// Why, in English.
        reason_en: String,
    },
    /// What each way of storing the pages of a component would cost.
    Sizes {
        /// The component.
        component: String,
        /// Number of its pages.
        pages: usize,
        /// Bytes of its file beside the page images.
        rest: u64,
        /// Largest file, bytes.
        limit: u64,
        /// Each way, first what the pages are without a limit.
        costs: Vec<Cost>,
    },
    /// The file of a component is too large, and cannot be made smaller within the profile.
    TooLarge {
        /// The component.
        component: String,
        /// Its size, bytes.
        bytes: u64,
        /// The least that it could have, bytes.
        least: u64,
        /// What the profile allows, bytes.
        limit: u64,
    },
    /// The key failed and is not asked again: what it did not sign waits (*chờ ký*).
    SigningStopped {
        /// Why, in Vietnamese, with the cure.
        reason: String,
        /// Why, in English.
        reason_en: String,
    },
    /// A component is finished.
    Component(Box<Outcome>),
}

/// What became of one component.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The component as it stands in the manifest.
    pub component: manifest::Component,
    /// The same captures had been digitised before: nothing was done.
    pub unchanged: bool,
}

/// A component that is a stack of several, or of a dossier by the codes in it: its pages are processed, and nothing is written.
#[derive(Debug)]
pub struct Stack {
    /// What its pages are, file by file; none of a file that cannot be read.
    pub files: Vec<Vec<Side>>,
}

/// What became of the job.
#[derive(Debug, Default)]
pub struct Report {
    /// Each component, in the order of the input.
    pub outcomes: Vec<Outcome>,
    /// Components that are stacks of several ([`Job::divides`]).
    pub stacks: Vec<Stack>,
    /// Whether a signature of a development identity was made.
    pub development_signature: bool,
    /// Why the key failed in the middle of the job, if it did.
    pub key_failure: Option<SignError>,
}

/// Why the job as a whole stopped. Finished components stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DigitizeError {
    /// An input cannot be used.
    #[error(transparent)]
    Gather(#[from] gather::GatherError),
    /// The inputs hold no capture.
    #[error("there is no picture in the input")]
    Nothing,
    /// The output cannot be written, or its manifest was altered.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The output belongs to another dossier, which its manifest names.
    #[error("the output holds the dossier {0}; choose another --out for another dossier")]
    OtherDossier(String),
    /// The profile numbers files by the dossier, whose code is not known.
    #[error("the profile {0} calls files after the dossier: give its code with --dossier")]
    NoDossier(&'static str),
    /// A component cannot be assembled.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// It was told to stop.
    #[error("stopped; run it again to go on")]
    Stopped,
}

impl From<PublishError> for DigitizeError {
    fn from(error: PublishError) -> Self {
        Self::Ledger(error.into())
    }
}

impl Localized for DigitizeError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Gather(error) => error.message(lang),
            Self::Ledger(error) => error.message(lang),
            Self::Component(error) => error.message(lang),
            Self::Nothing => lang
                .pick(
                    "không có ảnh nào trong đầu vào; hãy chọn thư mục có ảnh quét hoặc ảnh chụp",
                    "there is no picture in the input; name a folder with scans or photos",
                )
                .to_owned(),
            Self::NoDossier(profile) => match lang {
                Lang::Vi => format!("bộ quy định {profile} đặt tên tệp theo mã hồ sơ; hãy cho biết mã bằng --dossier"),
                Lang::En => self.to_string(),
            },
            Self::Stopped => {
                lang.pick("đã dừng; hãy chạy lại để làm tiếp", "stopped; run it again to go on").to_owned()
            }
            Self::OtherDossier(code) => match lang {
                Lang::Vi => format!("thư mục kết quả là của hồ sơ {code}; hãy chọn --out khác cho hồ sơ khác"),
                Lang::En => self.to_string(),
            },
        }
    }
}

/// Digitises the inputs. `on_event` hears of progress on the calling thread.
///
/// # Errors
/// When the job cannot go on at all; a capture that cannot be read is no error but set aside.
pub fn run(job: &Job<'_>, pool: &Pool, on_event: &mut dyn FnMut(&Event)) -> Result<Report, DigitizeError> {
    let (gathered, passed_over) = gather::gather(job.inputs, job.output)?;
    passed_over.into_iter().for_each(|item| on_event(&Event::PassedOver(item)));
    if gathered.is_empty() {
        return Err(DigitizeError::Nothing);
    }
    run_gathered(job, gathered, pool, on_event)
}

/// Digitises components whose captures are known already, whatever `job.inputs` says: as [`run`] does what it gathered.
///
/// # Errors
/// When the job cannot go on at all.
pub fn run_gathered(
    job: &Job<'_>,
    gathered: Vec<Gathered>,
    pool: &Pool,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Report, DigitizeError> {
    let mut ledger = open_ledger(job)?;
    if job.profile.file_name.value == FileName::DossierOrdinal && ledger.manifest().dossier.is_none() {
        return Err(DigitizeError::NoDossier(job.profile.name));
    }

    let mut key = RunKey::new(job.signer);
    let Planned { plans, kept, waiting, accepted, mut report, order } = plan(job, &ledger, gathered);
    accepted.iter().try_for_each(|(index, accepted)| ledger.accept(*index, accepted, &mut key, job.now))?;
    plans.iter().try_for_each(|plan| check_free(job, &ledger, &plan.stem, plan.version))?;
    kept.iter().try_for_each(|plan| check_free(job, &ledger, &plan.stem, plan.version))?;
    let items: Vec<(usize, usize)> =
        plans.iter().enumerate().flat_map(|(p, plan)| (0..plan.slots.len()).map(move |s| (p, s))).collect();
    let components = plans.len() + kept.len() + waiting.len();
    on_event(&Event::Planned { components, pages: items.len() });
    report.outcomes.iter().for_each(|outcome| on_event(&Event::Component(Box::new(outcome.clone()))));

    for index in waiting {
        report.outcomes.push(sign_waiting(job, &mut ledger, index, &mut key, on_event)?);
    }
    let keeps = !kept.is_empty();
    for plan in kept {
        report.outcomes.push(keep(job, &mut ledger, plan, &mut key, on_event)?);
    }
    // A signed PDF among the captures is a component already: where it lies in a stack, nobody divides it.
    let divides = job.divides.filter(|_| !keeps);
    let mut failure = None;
    let mut results: Vec<Vec<Option<Result<Page, PageError>>>> =
        plans.iter().map(|plan| plan.slots.iter().map(|_| None).collect()).collect();
    // Components whose files are all unreadable have no page to wait for.
    for plan in plans.iter().filter(|plan| plan.slots.is_empty()) {
        report.outcomes.push(finish(job, pool, &mut ledger, plan, Vec::new(), &mut key, on_event)?);
    }
    pool.run(
        &items,
        |&(p, s)| plans[p].slots[s].memory_bytes,
        |&(p, s)| plans[p].process(s, job),
        |index, result| {
            if job.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                failure = Some(DigitizeError::Stopped);
                return ControlFlow::Break(());
            }
            let (p, s) = items[index];
            let plan = &plans[p];
            let result = result.map_err(PageError::from).flatten();
            tell_page(plan, s, &result, on_event);
            results[p][s] = Some(result);
            if results[p].iter().all(Option::is_some) {
                let pages: Vec<_> = std::mem::take(&mut results[p]).into_iter().flatten().collect();
                if let Some(by) = divides {
                    let files = plan.sides(&pages);
                    if by.divides(&files) {
                        plan.shelve(&pages, job);
                        report.stacks.push(Stack { files });
                        return ControlFlow::Continue(());
                    }
                }
                match finish(job, pool, &mut ledger, plan, pages, &mut key, on_event) {
                    Ok(outcome) => report.outcomes.push(outcome),
                    Err(error) => {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            ControlFlow::Continue(())
        },
    );
    match failure {
        Some(error) => Err(error),
        None => {
            report.outcomes.sort_by_key(|outcome| order.iter().position(|name| *name == outcome.component.name));
            report.development_signature =
                job.signer.is_some_and(sign::is_development) && report.outcomes.iter().any(|o| !o.unchanged);
            report.key_failure = key.into_failure();
            Ok(report)
        }
    }
}

/// Takes up the output directory with its manifest, or begins one.
fn open_ledger(job: &Job<'_>) -> Result<Ledger, DigitizeError> {
    let output = OutputDir::open(job.output)?;
    let earlier = Ledger::read(&output)?;
    let tool = manifest::Tool {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        models: job.models.clone(),
    };
    let dossier = job.dossier.map(str::to_owned);
    if let Some(of) = earlier.as_ref().and_then(|earlier| earlier.dossier.clone())
        && dossier.as_ref().is_some_and(|dossier| *dossier != of)
    {
        return Err(DigitizeError::OtherDossier(of));
    }
    let manifest = match earlier {
        Some(earlier) => Manifest { tool, dossier: dossier.or(earlier.dossier.clone()), ..earlier },
        None => Manifest {
            schema: manifest::SCHEMA.to_owned(),
            tool,
            dossier,
            created: rfc3339(job.now),
            updated: rfc3339(job.now),
            log: None,
            components: Vec::new(),
        },
    };
    Ok(Ledger::new(output, manifest))
}

/// Whether the names that a component may get are free. Every file of ours is in the manifest, so what has such a
/// name is somebody's, perhaps the very capture.
fn check_free(job: &Job<'_>, ledger: &Ledger, stem: &str, version: u32) -> Result<(), PublishError> {
    let extensions = || job.transcripts.iter().map(|format| format.extension()).chain(["pdf"]);
    for state in [State::Signed, State::Incomplete] {
        for extension in extensions() {
            let path = ledger.path().join(file_name(stem, version, state, extension));
            if std::fs::symlink_metadata(&path).is_ok() {
                return Err(PublishError::InTheWay(path));
            }
        }
    }
    Ok(())
}

/// What is to be done.
#[derive(Default)]
struct Planned {
    /// Components to be made of pages.
    plans: Vec<Plan>,
    /// Signed PDFs to be kept as they are.
    kept: Vec<KeptPlan>,
    /// Components made before that wait for their signature: their places in the manifest.
    waiting: Vec<usize>,
    /// What a person accepted since of components made before: their places in the manifest, and their pages' reasons.
    accepted: Vec<(usize, Vec<Option<String>>)>,
    /// What was done before.
    report: Report,
    /// All names, in the order of the input.
    order: Vec<String>,
}

/// A signed PDF that becomes a component as it is.
struct KeptPlan {
    name: String,
    /// Its files are called after it.
    stem: String,
    version: u32,
    fingerprint: String,
    capture: Capture,
    pages: usize,
}

/// A component to be made.
struct Plan {
    name: String,
    /// Its files are called after it.
    stem: String,
    version: u32,
    fingerprint: String,
    files: Vec<Capture>,
    /// Its pages in order: which file, which page of it.
    slots: Vec<Slot>,
}

/// A capture file as it was found.
struct Capture {
    path: PathBuf,
    /// What messages call it.
    name: PathBuf,
    /// Which of its pages, from 1; `None` are all.
    pages: Option<RangeInclusive<usize>>,
    /// What a person decided of its pages, by their number.
    edits: BTreeMap<usize, Edit>,
    file: manifest::File,
    /// The frames, held in memory while pages of the file are in work.
    open: Mutex<Opened>,
    /// Why the whole file cannot be read.
    unreadable: Option<InputError>,
    /// The number of its pages, if it is a signed PDF: such a file is kept, for making it anew would break its signatures.
    signed_pages: Option<usize>,
}

#[derive(Default)]
struct Opened {
    frames: Option<Arc<Vec<Frame>>>,
    /// Pages not yet taken.
    pending: usize,
}

/// One page of one capture file.
struct Slot {
    file: usize,
    frame: usize,
    memory_bytes: u64,
}

impl Plan {
    /// Processes one page, reading its file when it is the first of the file's pages in work.
    fn process(&self, slot: usize, job: &Job<'_>) -> Result<Page, PageError> {
        let slot = &self.slots[slot];
        let file = &self.files[slot.file];
        let edit = file.edit(slot.frame + 1);
        let wanted = Wanted { sha256: &file.file.sha256, page: slot.frame + 1, edit: &edit };
        if let Some(page) = job.shelf.and_then(|shelf| shelf.get(wanted)) {
            file.pass_over();
            return Ok(page);
        }
        let frames = file.take_frames(&job.settings.limits)?;
        let page = page::process(&frames[slot.frame], job.settings, &edit, job.engine)?;
        if let Some(shelf) = job.shelf.filter(|_| job.shelves_all) {
            shelf.put(wanted, &page);
        }
        Ok(page)
    }

    /// What the pages are, file by file.
    fn sides(&self, pages: &[Result<Page, PageError>]) -> Vec<Vec<Side>> {
        let mut files = vec![Vec::new(); self.files.len()];
        for (slot, page) in self.slots.iter().zip(pages) {
            files[slot.file].push(page.as_ref().map_or(Side::Paper, |page| Side::of(&page.codes, page.blank)));
        }
        files
    }

    /// Keeps the pages for later runs; those that failed are tried again by them.
    fn shelve(&self, pages: &[Result<Page, PageError>], job: &Job<'_>) {
        let Some(shelf) = job.shelf.filter(|_| !job.shelves_all) else { return };
        for (slot, page) in self.slots.iter().zip(pages) {
            let (file, Ok(page)) = (&self.files[slot.file], page) else { continue };
            let edit = file.edit(slot.frame + 1);
            shelf.put(Wanted { sha256: &file.file.sha256, page: slot.frame + 1, edit: &edit }, page);
        }
    }

    /// What a person accepted of these pages, one by one.
    fn accepted(&self, pages: &[manifest::Page]) -> Vec<Option<String>> {
        let accepted = |page: &manifest::Page| {
            let file = self.files.iter().find(|file| file.file.sha256 == page.source.file.sha256)?;
            file.edit(page.source.page).accepted
        };
        pages.iter().map(accepted).collect()
    }
}

impl Capture {
    /// Reads and probes a file; also its pages, from 0, with the memory that each will need.
    fn examine(capture: &CaptureFile, limits: &Limits) -> (Self, Vec<(usize, u64)>) {
        let (bytes, opened) = match gather::read(&capture.path, limits) {
            Ok(bytes) => {
                let opened = input::open(Arc::clone(&bytes), limits);
                (bytes, opened)
            }
            Err(error) => (Arc::from([]), Err(error)),
        };
        let file = manifest::File {
            path: capture.name.to_string_lossy().into_owned(),
            bytes: bytes.len() as u64,
            sha256: manifest::sha256_hex(&bytes),
        };
        let (path, name, pages) = (capture.path.clone(), capture.name.clone(), capture.pages.clone());
        let edits = capture.edits.clone();
        match opened {
            Ok(frames) => {
                let is_wanted = |frame: usize| pages.as_ref().is_none_or(|pages| pages.contains(&(frame + 1)));
                let memory = frames.iter().map(page::memory_bytes).enumerate();
                let memory: Vec<(usize, u64)> = memory.filter(|(frame, _)| is_wanted(*frame)).collect();
                let open = Mutex::new(Opened { frames: None, pending: memory.len() });
                (Self { path, name, pages, edits, file, open, unreadable: None, signed_pages: None }, memory)
            }
            Err(error) => {
                let is_signed = error == InputError::Pdf(PdfReadError::Signed);
                let (unreadable, signed_pages) = match structure::page_count(&bytes) {
                    Ok(pages @ 1..) if is_signed => (None, Some(pages)),
                    Ok(_) if is_signed => (Some(PdfReadError::Broken("no pages".to_owned()).into()), None),
                    Err(damage) if is_signed => (Some(PdfReadError::Broken(damage.to_string()).into()), None),
                    _ => (Some(error), None),
                };
                let open = Mutex::default();
                (Self { path, name, pages, edits, file, open, unreadable, signed_pages }, Vec::new())
            }
        }
    }

    /// What a person decided of a page, its number from 1.
    fn edit(&self, page: usize) -> Edit {
        self.edits.get(&page).cloned().unwrap_or_default()
    }

    /// Counts a page that needs no frames.
    fn pass_over(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.pending = open.pending.saturating_sub(1);
        if open.pending == 0 {
            open.frames = None;
        }
    }

    /// The frames for one page of the file; the last page takes them out of memory.
    fn take_frames(&self, limits: &Limits) -> Result<Arc<Vec<Frame>>, InputError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.pending = open.pending.saturating_sub(1);
        let frames = match open.frames.take() {
            Some(frames) => frames,
            None => {
                let bytes = gather::read(&self.path, limits)?;
                if manifest::sha256_hex(&bytes) != self.file.sha256 {
                    return Err(InputError::Changed);
                }
                Arc::new(input::open(bytes, limits)?)
            }
        };
        if open.pending > 0 {
            open.frames = Some(Arc::clone(&frames));
        }
        Ok(frames)
    }
}

/// Examines the captures and separates what is to be done from what was done before. A signed PDF among the captures of
/// a folder becomes a component of its own.
fn plan(job: &Job<'_>, ledger: &Ledger, gathered: Vec<Gathered>) -> Planned {
    let mut planned = Planned::default();
    let mut numbers = Numbers::new(job, ledger);
    let mut taken: BTreeSet<String> = gathered.iter().map(|component| component.name.to_lowercase()).collect();
    for component in gathered {
        let mut files = Vec::new();
        let mut slots = Vec::new();
        for file in &component.files {
            let (capture, pages) = Capture::examine(file, &job.settings.limits);
            if let Some(pages) = capture.signed_pages {
                let name = match component.is_folder {
                    true => gather::name_within(&component.name, &file.name, &mut taken),
                    false => component.name.clone(),
                };
                planned.keep(ledger, &mut numbers, name, capture, pages);
                continue;
            }
            let new = pages.into_iter();
            slots.extend(new.map(|(frame, memory_bytes)| Slot { file: files.len(), frame, memory_bytes }));
            files.push(capture);
        }
        if !files.is_empty() {
            planned.make(job, ledger, &mut numbers, component.name, files, slots);
        }
    }
    planned
}

/// What files are called by the rule of the profile.
struct Numbers<'a> {
    /// The dossier's code and the numbers of its documents; `None` where files are called after their component.
    numbered: Option<(&'a str, BTreeMap<&'a str, usize>)>,
    last: usize,
}

impl<'a> Numbers<'a> {
    fn new(job: &Job<'_>, ledger: &'a Ledger) -> Self {
        let dossier = ledger.manifest().dossier.as_deref();
        let numbered = match job.profile.file_name.value {
            FileName::Any => None,
            FileName::DossierOrdinal => dossier.map(|dossier| (dossier, ledger.numbers())),
        };
        let last = numbered.iter().flat_map(|(_, numbers)| numbers.values().copied()).max().unwrap_or(0);
        Self { numbered, last }
    }

    /// The stem of a component's files: a number once given stays.
    fn stem(&mut self, name: &str) -> String {
        let Some((dossier, numbers)) = &self.numbered else { return name.to_owned() };
        let number = numbers.get(name).copied().unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        FileName::ordinal(dossier, number)
    }
}

impl Planned {
    /// A component of pages: new, waiting for its signature, or done.
    fn make(
        &mut self,
        job: &Job<'_>,
        ledger: &Ledger,
        numbers: &mut Numbers<'_>,
        name: String,
        files: Vec<Capture>,
        slots: Vec<Slot>,
    ) {
        self.order.push(name.clone());
        let fingerprint = fingerprint(job, ledger.manifest().dossier.as_deref(), &files);
        let plan = Plan { name, stem: String::new(), version: 1, fingerprint, files, slots };
        match ledger.latest(&plan.name) {
            Some((index, done)) if done.fingerprint == plan.fingerprint && ledger.is_intact(done) => {
                let accepted = plan.accepted(&done.pages);
                let mut component = done.clone();
                ledger::set_accepted(&mut component, &accepted);
                if component != *done {
                    self.accepted.push((index, accepted));
                }
                // The development identity signs nothing that waits for a real one.
                let signer = job.signer.filter(|signer| !sign::is_development(*signer));
                match (done.state, job.signer) {
                    (State::Unsigned, _) if signer.is_some() => self.waiting.push(index),
                    (State::Signed, Some(signer)) if is_by_another(done, signer) => {
                        self.plan(numbers, plan, done.version + 1);
                    }
                    _ => self.report.outcomes.push(Outcome { component, unchanged: true }),
                }
            }
            earlier => self.plan(numbers, plan, earlier.map_or(1, |(_, done)| done.version + 1)),
        }
    }

    /// A version of a component that is to be made.
    fn plan(&mut self, numbers: &mut Numbers<'_>, plan: Plan, version: u32) {
        let stem = numbers.stem(&plan.name);
        self.plans.push(Plan { stem, version, ..plan });
    }

    /// A signed PDF: new, or done.
    fn keep(&mut self, ledger: &Ledger, numbers: &mut Numbers<'_>, name: String, capture: Capture, pages: usize) {
        self.order.push(name.clone());
        let fingerprint = manifest::sha256_hex(format!("kept\0{}", capture.file.sha256).as_bytes());
        match ledger.latest(&name) {
            Some((_, done)) if done.fingerprint == fingerprint && ledger.is_intact(done) => {
                self.report.outcomes.push(Outcome { component: done.clone(), unchanged: true });
            }
            earlier => {
                let version = earlier.map_or(1, |(_, done)| done.version + 1);
                let stem = numbers.stem(&name);
                self.kept.push(KeptPlan { name, stem, version, fingerprint, capture, pages });
            }
        }
    }
}

/// Whether a component was signed with another certificate.
fn is_by_another(component: &manifest::Component, signer: &dyn Signer) -> bool {
    let own = sign::certificate_sha256(signer);
    component.signature.as_ref().is_none_or(|signature| signature.certificate_sha256 != own)
}

/// A hash over everything that decides how a component is assembled, but the time. Who signs it comes later.
fn fingerprint(job: &Job<'_>, dossier: Option<&str>, files: &[Capture]) -> String {
    let mut hash = Sha256::new();
    let settings = serde_json::to_vec(job.settings).expect("settings are plain values");
    hash.update(settings);
    hash.update(format!("{}\0{:?}\0{:?}\0", env!("CARGO_PKG_VERSION"), job.level, dossier));
    let profile = (job.profile.name, &job.profile.mark.value, job.profile.file_name.value, job.profile.max_bytes.value);
    hash.update(serde_json::to_vec(&profile).expect("profiles are plain values"));
    hash.update(job.engine.map_or_else(String::new, |engine| engine.name().to_owned()));
    job.transcripts.iter().for_each(|format| hash.update(format.name()));
    job.models.iter().for_each(|model| hash.update(&model.sha256));
    for capture in files {
        hash.update(format!("\0{}", capture.file.sha256));
        if let Some(pages) = &capture.pages {
            hash.update(format!(":{}-{}", pages.start(), pages.end()));
        }
        for (page, edit) in &capture.edits {
            let (edit, is_of_it) = (edit.of_making(), capture.pages.as_ref().is_none_or(|pages| pages.contains(page)));
            if is_of_it && !edit.is_empty() {
                hash.update(format!(":{page}="));
                hash.update(serde_json::to_vec(&edit).expect("what is decided are plain values"));
            }
        }
    }
    manifest::hex(&hash.finalize())
}

fn tell_page(plan: &Plan, slot: usize, result: &Result<Page, PageError>, on_event: &mut dyn FnMut(&Event)) {
    let component = plan.name.clone();
    on_event(&match result {
        Ok(page) => Event::Page { component, number: slot + 1, flagged: !page.flags.is_empty(), elapsed: page.elapsed },
        Err(error) => Event::SetAside {
            component,
            file: plan.files[plan.slots[slot].file].name.clone(),
            reason: error.message(Lang::Vi),
            reason_en: error.message(Lang::En),
        },
    });
}

/// Assembles, signs and publishes a component whose pages are all done, and writes it into the manifest.
fn finish(
    job: &Job<'_>,
    pool: &Pool,
    ledger: &mut Ledger,
    plan: &Plan,
    results: Vec<Result<Page, PageError>>,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let mut set_aside: Vec<manifest::SetAside> = Vec::new();
    for capture in &plan.files {
        if let Some(error) = &capture.unreadable {
            let (file, reason) = (capture.file.clone(), error.message(Lang::Vi));
            on_event(&Event::SetAside {
                component: plan.name.clone(),
                file: capture.name.clone(),
                reason: reason.clone(),
                reason_en: error.message(Lang::En),
            });
            set_aside.push(manifest::SetAside { file, page: None, reason });
        }
    }
    let mut pages = Vec::new();
    let mut sources = Vec::new();
    let mut decided = Vec::new();
    let mut passing = false;
    for (slot, result) in plan.slots.iter().zip(results) {
        let file = plan.files[slot.file].file.clone();
        match result {
            Ok(page) => {
                decided.push(plan.files[slot.file].edit(slot.frame + 1));
                sources.push(manifest::Source { file, page: slot.frame + 1 });
                pages.push(page);
            }
            Err(error) => {
                passing |= error.is_passing();
                let reason = error.message(Lang::Vi);
                set_aside.push(manifest::SetAside { file, page: Some(slot.frame + 1), reason });
            }
        }
    }

    let mut component = manifest::Component {
        name: plan.name.clone(),
        version: plan.version,
        profile: Some(job.profile.name.to_owned()),
        state: if set_aside.is_empty() { State::Unsigned } else { State::Incomplete },
        file: None,
        transcripts: Vec::new(),
        exceeds: None,
        unsigned_sha256: None,
        signature: None,
        countersignature: None,
        kept: None,
        // What failed for a passing reason is tried again by the next run.
        fingerprint: if passing { TRY_AGAIN.to_owned() } else { plan.fingerprint.clone() },
        created: rfc3339(job.now),
        pages: Vec::new(),
        set_aside,
    };
    let mut files = Vec::new();
    if !pages.is_empty() {
        let info = DocumentInfo {
            title: plan.name.clone(),
            language: "vi-VN".to_owned(),
            created: job.now,
            producer: format!("sohoa {}", env!("CARGO_PKG_VERSION")),
            subject: ledger.manifest().dossier.clone(),
            keywords: None,
        };
        let (unsigned, too_large) = assemble(job, pool, &plan.name, &mut pages, &info, on_event)?;
        let entries = (1..).zip(sources.into_iter().zip(decided)).zip(&pages);
        component.pages =
            entries.map(|((number, origin), page)| page_entry(number, origin, page, job.engine)).collect();
        component.unsigned_sha256 = Some(manifest::hex(&unsigned.digest()));
        let signer = key.signer().filter(|_| component.state != State::Incomplete);
        let role = job.profile.signatory;
        let signed = match signer.map(|signer| (signer, unsigned.sign(role, job.stamp, signer, job.now))) {
            Some((signer, Ok(signed))) => {
                component.state = State::Signed;
                component.signature = Some(ledger::signature_entry(&signed, role, signer, job.now));
                Some(signed)
            }
            Some((_, Err(ComponentError::Sign(error)))) => {
                stop_signing(key, error, on_event);
                None
            }
            Some((_, Err(error))) => return Err(error.into()),
            None => None,
        };
        let bytes = signed.map_or_else(|| unsigned.into_bytes(), SignedPdf::into_bytes);
        let limit = job.profile.max_bytes.value;
        component.exceeds = (too_large || bytes.len() as u64 > limit).then_some(limit);
        let name = file_name(&plan.stem, component.version, component.state, "pdf");
        files = transcripts(job, &component, &plan.stem, &name, &pages);
        component.transcripts = files.iter().map(|(name, text)| file_entry(name, text)).collect();
        component.file = Some(file_entry(&name, &bytes));
        files.push((name, bytes));
    }
    record(job, ledger, component, &files, key, on_event)
}

/// Makes the file of a component, its page images smaller where it would be too large; also whether it is so even then.
fn assemble(
    job: &Job<'_>,
    pool: &Pool,
    component: &str,
    pages: &mut [Page],
    info: &DocumentInfo,
    on_event: &mut dyn FnMut(&Event),
) -> Result<(UnsignedPdf, bool), ComponentError> {
    let unsigned = UnsignedPdf::assemble(pages, info, job.level)?;
    let (bytes, limit) = (unsigned.bytes().len() as u64, job.profile.max_bytes.value);
    let rest = bytes - pages.iter().map(|page| page.image.picture.bytes() as u64).sum::<u64>();
    if job.size_report {
        let costs = budget::costs(pages, job.settings, pool);
        on_event(&Event::Sizes { component: component.to_owned(), pages: pages.len(), rest, limit, costs });
    }
    let rest = rest + SIGNATURES_BYTES;
    match budget::fit(pages, limit.saturating_sub(rest), job.settings, pool) {
        Fit::Untouched => Ok((unsigned, false)),
        Fit::Smaller => {
            drop(unsigned);
            Ok((UnsignedPdf::assemble(pages, info, job.level)?, false))
        }
        Fit::TooLarge { least } => {
            let (bytes, least) = (bytes + SIGNATURES_BYTES, least + rest);
            on_event(&Event::TooLarge { component: component.to_owned(), bytes, least, limit });
            Ok((unsigned, true))
        }
    }
}

/// Puts a finished component in place and tells of it.
fn record(
    job: &Job<'_>,
    ledger: &mut Ledger,
    component: manifest::Component,
    files: &[(String, Vec<u8>)],
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let had_failed = key.failure().is_some();
    ledger.record(component.clone(), files, key, job.now)?;
    tell_failure(key, had_failed, on_event);
    let outcome = Outcome { component, unchanged: false };
    on_event(&Event::Component(Box::new(outcome.clone())));
    Ok(outcome)
}

/// Gives the key up for the rest of the job and tells why.
fn stop_signing(key: &mut RunKey<'_>, error: SignError, on_event: &mut dyn FnMut(&Event)) {
    let had_failed = key.failure().is_some();
    key.fail(error);
    tell_failure(key, had_failed, on_event);
}

fn tell_failure(key: &RunKey<'_>, had_failed: bool, on_event: &mut dyn FnMut(&Event)) {
    if let Some(error) = key.failure().filter(|_| !had_failed) {
        let (reason, reason_en) = (error.message(Lang::Vi), error.message(Lang::En));
        on_event(&Event::SigningStopped { reason, reason_en });
    }
}

/// Signs a component of an earlier run that waits.
fn sign_waiting(
    job: &Job<'_>,
    ledger: &mut Ledger,
    index: usize,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let had_failed = key.failure().is_some();
    let became = ledger.sign_in_place(index, job.profile.signatory, job.stamp, key, job.now)?;
    tell_failure(key, had_failed, on_event);
    if let Became::Unfit(error) = became {
        return Err(error.into());
    }
    let component = ledger.manifest().components[index].clone();
    let outcome = Outcome { unchanged: component.state == State::Unsigned, component };
    on_event(&Event::Component(Box::new(outcome.clone())));
    Ok(outcome)
}

/// Makes a component of a signed PDF, which is not touched.
fn keep(
    job: &Job<'_>,
    ledger: &mut Ledger,
    plan: KeptPlan,
    key: &mut RunKey<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Outcome, DigitizeError> {
    let source = plan.capture.file;
    let mut component = manifest::Component {
        name: plan.name,
        version: plan.version,
        profile: None,
        state: State::Kept,
        file: None,
        transcripts: Vec::new(),
        exceeds: None,
        unsigned_sha256: None,
        signature: None,
        countersignature: None,
        kept: None,
        fingerprint: plan.fingerprint,
        created: rfc3339(job.now),
        pages: Vec::new(),
        set_aside: Vec::new(),
    };
    let read = gather::read(&plan.capture.path, &job.settings.limits);
    match read
        .and_then(|bytes| (manifest::sha256_hex(&bytes) == source.sha256).then_some(bytes).ok_or(InputError::Changed))
    {
        Ok(bytes) => {
            let name = file_name(&plan.stem, component.version, component.state, "pdf");
            component.file = Some(file_entry(&name, &bytes));
            let signatures = found_signatures(&bytes, job.now);
            component.kept = Some(manifest::Kept { source, pages: plan.pages, signatures });
            record(job, ledger, component, &[(name, bytes.to_vec())], key, on_event)
        }
        Err(error) => {
            let (reason, reason_en) = (error.message(Lang::Vi), error.message(Lang::En));
            on_event(&Event::SetAside {
                component: component.name.clone(),
                file: plan.capture.name,
                reason: reason.clone(),
                reason_en,
            });
            component.state = State::Incomplete;
            component.fingerprint = TRY_AGAIN.to_owned();
            component.set_aside.push(manifest::SetAside { file: source, page: None, reason });
            record(job, ledger, component, &[], key, on_event)
        }
    }
}

/// What can be said of the signatures that a file came with; nothing where their structure is not sound.
fn found_signatures(pdf: &[u8], now: OffsetDateTime) -> Vec<manifest::FoundSignature> {
    let found = signature::list(pdf).unwrap_or_default();
    found.iter().map(|signature| found_signature(pdf, signature, now)).collect()
}

fn found_signature(pdf: &[u8], signature: &EmbeddedSignature, now: OffsetDateTime) -> manifest::FoundSignature {
    let verdict = sign::verify::verify(&signature.cms, &signature.digest_input(pdf), &[], &Evidence::default(), now);
    let is_broken = |problem: &Problem| matches!(problem, Problem::ContentChanged | Problem::SignatureInvalid);
    let intact = match verdict.problems.iter().any(is_broken) {
        true => Some(false),
        // Other problems are of forms that are not known here: no verdict.
        false => verdict.is_intact().then_some(true),
    };
    manifest::FoundSignature {
        field: signature.field.clone(),
        format: signature.sub_filter.clone(),
        signer: verdict.signing_certificate.is_some().then_some(verdict.signer),
        certificate_sha256: verdict.signing_certificate.as_ref().map(sign::certificate::sha256_hex),
        time: signature.time.or(verdict.signing_time).map(rfc3339),
        intact,
        covers_whole_file: signature.covers_whole_file,
    }
}

/// `STEM.pdf`, `STEM.v2.pdf` for a rescan, `STEM.incomplete.pdf` for what could be read of a component; its transcripts
/// are called alike.
fn file_name(stem: &str, version: u32, state: State, extension: &str) -> String {
    let version = if version > 1 { format!(".v{version}") } else { String::new() };
    let state = if state == State::Incomplete { ".incomplete" } else { "" };
    format!("{stem}{version}{state}.{extension}")
}

/// The text files that are to lie beside a component's PDF, with their names.
fn transcripts(
    job: &Job<'_>,
    component: &manifest::Component,
    stem: &str,
    pdf: &str,
    pages: &[Page],
) -> Vec<(String, Vec<u8>)> {
    let Some(engine) = job.engine else { return Vec::new() };
    let transcript = Transcript {
        file: pdf,
        title: &component.name,
        engine: engine.name(),
        pages: pages.iter().map(transcript_page).collect(),
    };
    let name = |format: &Format| file_name(stem, component.version, component.state, format.extension());
    job.transcripts.iter().map(|format| (name(format), format.write(&transcript).into_bytes())).collect()
}

fn transcript_page(page: &Page) -> TranscriptPage<'_> {
    TranscriptPage { width: page.width, height: page.height, dpi: page.geometry.dpi, text: &page.text }
}

fn page_entry(
    number: usize,
    (source, decided): (manifest::Source, Edit),
    page: &Page,
    engine: Option<&dyn OcrEngine>,
) -> manifest::Page {
    let (geometry, image) = (&page.geometry, &page.image);
    manifest::Page {
        number,
        source,
        image: manifest::Image {
            sha256: manifest::sha256_hex(&image.picture.streams().concat()),
            form: match image.picture {
                Picture::Jpeg(_) => ImageForm::Jpeg,
                Picture::Bilevel(_) => ImageForm::Jbig2,
                Picture::Layers { .. } => ImageForm::Layers,
            },
            quality: image.quality,
            width: image.picture.size().0,
            height: image.picture.size().1,
            dpi: image.dpi,
            size_mm: geometry.size,
        },
        quad: geometry.quad,
        quad_confidence: geometry.quad_confidence,
        skew_deg: geometry.skew_degrees,
        orientation: geometry.orientation,
        blank: page.blank,
        quality: manifest::Quality { flags: page.flags.clone(), measures: page.measures },
        notices: page.notices.clone(),
        codes: page
            .codes
            .iter()
            .map(|code| manifest::Code { kind: kind_name(code.symbology).to_owned(), payload: code.payload.clone() })
            .collect(),
        decided,
        ocr: engine.map(|engine| manifest::Ocr {
            engine: engine.name().to_owned(),
            words: page.text.lines.iter().map(|line| line.words.len()).sum(),
            confidence: page.text.mean_confidence(),
        }),
    }
}

fn kind_name(symbology: Symbology) -> &'static str {
    match symbology {
        Symbology::Qr => "QR",
        Symbology::Code128 => "CODE128",
    }
}
