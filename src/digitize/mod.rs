//! The main job: captures in, signed components and a manifest out.
//!
//! [`run`] reads top-down: gather, plan, process pages in the pool, finish each component when its last page is done.
//! The manifest is written after each component, so a killed run keeps what it finished and the next run goes on.
//! `plan.rs` says what is to be done, `finish.rs` makes a component of its pages.

mod finish;
mod plan;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

use crate::budget::Cost;
use crate::component::ComponentError;
use crate::extract::Rules;
use crate::gather::{self, Gathered, PassedOver};
use crate::ledger::{Ledger, LedgerError, rfc3339};
use crate::manifest::{self, Manifest};
use crate::model::{Lang, Localized};
use crate::ocr::OcrEngine;
use crate::page::{Page, PageError, Settings};
use crate::pdf::writer::PdfaLevel;
use crate::pool::Pool;
use crate::profile::{FileName, Profile};
use crate::publish::{OutputDir, PublishError};
use crate::shelf::{Elsewhere, Shelf};
use crate::sign::{self, RunKey, SignError, Signer};
use crate::stack::{self, Side};
use crate::stamp::Stamp;
use crate::transcript::Format;

use finish::{finish, keep, sign_waiting};
use plan::{Plan, Planned, check_free, plan};

/// Memory of a page that is made elsewhere, bytes: its capture's file and what it becomes.
const WAITING_BYTES: u64 = 8 << 20;

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
    /// By what data are found in the text, where they are wanted.
    pub rules: &'a Rules,
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
    /// Who makes the pages that are not there; `None` = the pool.
    pub elsewhere: Option<&'a dyn Elsewhere>,
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
        /// Whether it was on the shelf already, and cost nothing now.
        was_kept: bool,
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
    let (gathered, passed_over) = gather::gather(job.inputs, Some(job.output))?;
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
        |&(p, s)| if job.elsewhere.is_some() { WAITING_BYTES } else { plans[p].slots[s].memory_bytes },
        |&(p, s)| plans[p].process(s, job),
        |index, result| {
            let result = result.map_err(PageError::from).flatten();
            let is_given_up = matches!(result, Err(PageError::Stopped));
            if is_given_up || job.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                failure = Some(DigitizeError::Stopped);
                return ControlFlow::Break(());
            }
            let (p, s) = items[index];
            let plan = &plans[p];
            tell_page(plan, s, &result, on_event);
            results[p][s] = Some(result.map(|(page, _)| page));
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

fn tell_page(plan: &Plan, slot: usize, result: &Result<(Page, bool), PageError>, on_event: &mut dyn FnMut(&Event)) {
    let component = plan.name.clone();
    on_event(&match result {
        Ok((page, was_kept)) => Event::Page {
            component,
            number: slot + 1,
            flagged: !page.flags.is_empty(),
            elapsed: page.elapsed,
            was_kept: *was_kept,
        },
        Err(error) => Event::SetAside {
            component,
            file: plan.files[plan.slots[slot].file].name.clone(),
            reason: error.message(Lang::Vi),
            reason_en: error.message(Lang::En),
        },
    });
}
