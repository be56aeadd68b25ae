//! What is to be done: captures are examined, and what was done before is told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::gather::{self, CaptureFile, Gathered};
use crate::imaging::decode::Limits;
use crate::input::{self, Frame, InputError};
use crate::ledger::{self, Ledger};
use crate::manifest::{self, State};
use crate::model::Edit;
use crate::page::{self, Page, PageError};
use crate::pdf::reader::PdfReadError;
use crate::pdf::structure;
use crate::profile::FileName;
use crate::publish::PublishError;
use crate::shelf::Wanted;
use crate::sign::{self, Signer};
use crate::stack::Side;
use crate::transcript::Format;

use super::finish::file_name;
use super::{Job, Outcome, Report};

/// Whether the names that a component may get are free. Every file of ours is in the manifest, so what has such a
/// name is somebody's, perhaps the very capture.
pub(super) fn check_free(job: &Job<'_>, ledger: &Ledger, stem: &str, version: u32) -> Result<(), PublishError> {
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
pub(super) struct Planned {
    /// Components to be made of pages.
    pub(super) plans: Vec<Plan>,
    /// Signed PDFs to be kept as they are.
    pub(super) kept: Vec<KeptPlan>,
    /// Components made before that wait for their signature: their places in the manifest.
    pub(super) waiting: Vec<usize>,
    /// What a person accepted since of components made before: their places in the manifest, and their pages' reasons.
    pub(super) accepted: Vec<(usize, Vec<Option<String>>)>,
    /// What was done before.
    pub(super) report: Report,
    /// All names, in the order of the input.
    pub(super) order: Vec<String>,
}

/// A signed PDF that becomes a component as it is.
pub(super) struct KeptPlan {
    pub(super) name: String,
    /// Its files are called after it.
    pub(super) stem: String,
    pub(super) version: u32,
    pub(super) fingerprint: String,
    pub(super) capture: Capture,
    pub(super) pages: usize,
}

/// A component to be made.
pub(super) struct Plan {
    pub(super) name: String,
    /// Its files are called after it.
    pub(super) stem: String,
    pub(super) version: u32,
    pub(super) fingerprint: String,
    pub(super) files: Vec<Capture>,
    /// Its pages in order: which file, which page of it.
    pub(super) slots: Vec<Slot>,
}

/// A capture file as it was found.
pub(super) struct Capture {
    pub(super) path: PathBuf,
    /// What messages call it.
    pub(super) name: PathBuf,
    /// Which of its pages, from 1; `None` are all.
    pub(super) pages: Option<RangeInclusive<usize>>,
    /// What a person decided of its pages, by their number.
    pub(super) edits: BTreeMap<usize, Edit>,
    pub(super) file: manifest::File,
    /// The frames, held in memory while pages of the file are in work.
    open: Mutex<Opened>,
    /// Why the whole file cannot be read.
    pub(super) unreadable: Option<InputError>,
    /// The number of its pages, if it is a signed PDF: such a file is kept, for making it anew would break its signatures.
    pub(super) signed_pages: Option<usize>,
}

#[derive(Default)]
struct Opened {
    frames: Option<Arc<Vec<Frame>>>,
    /// Pages not yet taken.
    pending: usize,
}

/// One page of one capture file.
pub(super) struct Slot {
    pub(super) file: usize,
    pub(super) frame: usize,
    pub(super) memory_bytes: u64,
}

impl Plan {
    /// Processes one page, reading its file when it is the first of the file's pages in work. Also whether it was on the shelf.
    pub(super) fn process(&self, slot: usize, job: &Job<'_>) -> Result<(Page, bool), PageError> {
        let slot = &self.slots[slot];
        let file = &self.files[slot.file];
        let edit = file.edit(slot.frame + 1);
        let wanted = Wanted { sha256: &file.file.sha256, page: slot.frame + 1, edit: &edit };
        if let Some(page) = job.shelf.and_then(|shelf| shelf.get(wanted)) {
            file.pass_over();
            return Ok((page, true));
        }
        if let Some(elsewhere) = job.elsewhere {
            file.pass_over();
            return Ok((elsewhere.page(&file.path, wanted)?, false));
        }
        let frames = file.take_frames(&job.settings.limits)?;
        let page = page::process(&frames[slot.frame], job.settings, &edit, job.engine)?;
        if let Some(shelf) = job.shelf.filter(|_| job.shelves_all) {
            shelf.put(wanted, &page);
        }
        Ok((page, false))
    }

    /// What the pages are, file by file.
    pub(super) fn sides(&self, pages: &[Result<Page, PageError>]) -> Vec<Vec<Side>> {
        let mut files = vec![Vec::new(); self.files.len()];
        for (slot, page) in self.slots.iter().zip(pages) {
            files[slot.file].push(page.as_ref().map_or(Side::Paper, |page| Side::of(&page.codes, page.blank)));
        }
        files
    }

    /// Keeps the pages for later runs; those that failed are tried again by them.
    pub(super) fn shelve(&self, pages: &[Result<Page, PageError>], job: &Job<'_>) {
        let Some(shelf) = job.shelf.filter(|_| !job.shelves_all) else { return };
        for (slot, page) in self.slots.iter().zip(pages) {
            let (file, Ok(page)) = (&self.files[slot.file], page) else { continue };
            let edit = file.edit(slot.frame + 1);
            shelf.put(Wanted { sha256: &file.file.sha256, page: slot.frame + 1, edit: &edit }, page);
        }
    }

    /// Takes what there is of the pages off the shelf.
    pub(super) fn clear(&self, job: &Job<'_>) {
        let Some(shelf) = job.shelf else { return };
        for slot in &self.slots {
            let file = &self.files[slot.file];
            let edit = file.edit(slot.frame + 1);
            shelf.remove(Wanted { sha256: &file.file.sha256, page: slot.frame + 1, edit: &edit });
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
    pub(super) fn edit(&self, page: usize) -> Edit {
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
pub(super) fn plan(job: &Job<'_>, ledger: &Ledger, gathered: Vec<Gathered>) -> Planned {
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
    if job.transcripts.contains(&Format::Data) {
        hash.update(job.rules.kinds.source());
        hash.update(job.rules.records.source());
    }
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
