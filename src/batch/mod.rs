//! Batches: years of paper that were scanned already (*số hóa hồ sơ tồn*), a dossier at a time, for days without anybody near.
//!
//! A [`Batch`] is a directory for the results with a journal in it ([`journal`]). [`plan`](Batch::plan) goes through the source
//! and writes down which dossiers there are ([`layout`]), and what the index says of them ([`index`]); `run.rs` makes them one
//! after the other, each by [`crate::digitize`] into a directory of its own, `look.rs` has them looked at ([`checks`]); `report.rs` says
//! what became of them. Whatever ends a run, the next goes on: dossiers that are made are not looked at again, components
//! of the one in work neither, and their pages are on the shelf.

mod checks;
mod error;
mod estimate;
pub mod index;
pub mod journal;
pub mod layout;
mod look;
pub mod nats;
mod report;
mod run;

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::gather::{self, CaptureFile, Gathered, PassedOver};
use crate::imaging::decode::Limits;
use crate::manifest;
use crate::model::{DossierCode, shown};

use journal::{Finding, Found, Journal, JournalError, Totals, Unit};
use layout::Layout;

pub use error::BatchError;
pub use estimate::estimate;
pub use report::{ReportError, totals_json, write as write_report};
pub use run::{Clock, Event, Progress, Summary, run};

/// What the batch keeps for itself, in its output.
pub const FOLDER: &str = ".sohoa-batch";
/// The folder of the report, in its output.
pub const REPORT: &str = "bao-cao";
/// Names of what lies in [`FOLDER`].
const JOURNAL: &str = "batch.sqlite";
const LOCK: &str = "lock";
/// Pages that wait for their component.
pub const PAGES: &str = "pages";

/// A name in an output that a box or a dossier must not have.
const RESERVED: [&str; 2] = [FOLDER, REPORT];

/// What the batch was begun with; the next run goes on with the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The source, absolute.
    pub source: PathBuf,
    /// The index.
    pub index: Option<PathBuf>,
    /// How the source is laid out ([`Layout`]).
    pub layout: String,
    /// The share of all pages that a person looks at, 0 to 1.
    pub sample: f64,
    /// Name of the profile; `None` = that of the configuration.
    pub profile: Option<String>,
    /// PDF/A level; `None` = that of the configuration.
    pub pdfa: Option<String>,
    /// Whether text is read; `None` = as configured.
    pub ocr: Option<bool>,
    /// Whether pages are stored in layers.
    pub mrc: bool,
    /// Formats of text files; `None` = those of the configuration.
    pub transcripts: Option<Vec<String>>,
    /// Whether components are left unsigned.
    pub no_sign: bool,
}

impl Options {
    /// What files made with other options differ by.
    fn mark(&self) -> String {
        let Self { profile, pdfa, ocr, mrc, transcripts, .. } = self;
        format!(" {profile:?} {pdfa:?} {ocr:?} {mrc} {transcripts:?}")
    }
}

/// A batch.
#[derive(Debug)]
pub struct Batch {
    output: PathBuf,
    options: Options,
    layout: Layout,
    journal: Journal,
}

/// The right to work on a batch; the system lifts it when the program dies.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl Batch {
    /// Opens the batch of an output.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(output: &Path) -> Result<Self, BatchError> {
        let output = gather::absolute(output);
        let file = output.join(FOLDER).join(JOURNAL);
        if !file.is_file() {
            return Err(BatchError::NoBatch(output));
        }
        let journal = open_journal(&file)?;
        let options = at(&file, journal.setting("options"))?.and_then(|text| serde_json::from_str(&text).ok());
        let options: Options = options.ok_or_else(|| BatchError::NoBatch(output.clone()))?;
        let layout = options.layout.parse().unwrap_or_default();
        Ok(Self { output, options, layout, journal })
    }

    /// Begins a batch, or takes the one up that is there with these options from now on. Nobody else plans or runs it as long as
    /// the lock lasts.
    ///
    /// # Errors
    /// When the output cannot be written, belongs to another source, or another program works on it.
    pub fn begin(output: &Path, options: Options) -> Result<(Self, Lock), BatchError> {
        let output = gather::absolute(output);
        let (source, folder) = (options.source.clone(), output.join(FOLDER));
        fs::read_dir(&source).map_err(|error| BatchError::Io { path: source.clone(), source: error })?;
        if source.starts_with(&output) || output.starts_with(&source) {
            return Err(BatchError::Nested(output));
        }
        match Self::open(&output) {
            Ok(there) if there.options.source != source => {
                return Err(BatchError::OtherSource { output, source_of_it: there.options.source });
            }
            Ok(_) | Err(BatchError::NoBatch(_)) => {}
            Err(error) => return Err(error),
        }
        fs::create_dir_all(&folder).map_err(|source| BatchError::Io { path: folder.clone(), source })?;
        let lock = lock(&output)?;
        let file = folder.join(JOURNAL);
        let journal = open_journal(&file)?;
        let text = serde_json::to_string(&options).expect("options are plain values");
        at(&file, journal.set("options", &text))?;
        let layout = options.layout.parse().unwrap_or_default();
        Ok((Self { output, options, layout, journal }, lock))
    }

    /// What it was begun with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Its output.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Where its pages wait for their component.
    pub fn pages(&self) -> PathBuf {
        self.output.join(FOLDER).join(PAGES)
    }

    /// A name of it that is another one for each output, hex.
    pub fn id(&self) -> String {
        manifest::sha256_hex(self.output.to_string_lossy().as_bytes())[..16].to_owned()
    }

    /// Its journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How far it is.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn totals(&self) -> Result<Totals, BatchError> {
        self.at(self.journal.totals())
    }

    /// Whether it is to pause.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn is_paused(&self) -> Result<bool, BatchError> {
        Ok(self.at(self.journal.setting("paused"))?.as_deref() == Some("1"))
    }

    /// Has it pause, or go on.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn pause(&self, pauses: bool) -> Result<(), BatchError> {
        self.at(self.journal.set("paused", if pauses { "1" } else { "0" }))
    }

    /// Whether a program works on it now.
    pub fn is_running(&self) -> bool {
        matches!(lock(&self.output), Err(BatchError::InUse(_)))
    }

    /// Puts the place to what the journal says.
    fn at<T>(&self, result: Result<T, JournalError>) -> Result<T, BatchError> {
        at(&self.output.join(FOLDER).join(JOURNAL), result)
    }

    /// Goes through source and index and writes down what there is. `tell` hears of each dossier.
    ///
    /// # Errors
    /// When source or index cannot be read, or there is no dossier.
    pub fn plan(&self, limits: &Limits, mut tell: impl FnMut(&Found)) -> Result<Totals, BatchError> {
        let source = &self.options.source;
        let rows = self.options.index.as_deref().map(index::read).transpose()?;
        self.at(self.journal.put_index(rows.as_deref().unwrap_or_default()))?;
        let plan = self.at(self.journal.begin_plan())?;
        let by_file = self.at(self.journal.listed_by_file())?;
        let loose;
        if by_file.is_empty() {
            let is_listed = |name: &str| rows.iter().flatten().any(|row| row.code == name);
            let walked = layout::walk(source, self.layout, is_listed)
                .map_err(|error| BatchError::Io { path: source.clone(), source: error })?;
            loose = walked.loose;
            for folder in walked.folders {
                let name = folder.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let code = (name.parse::<DossierCode>().is_ok() || is_listed(&name)).then(|| name.clone());
                let path = folder.path.to_string_lossy().into_owned();
                self.put(plan, (folder.in_box, path, name, code), limits, &mut tell)?;
            }
        } else {
            loose = self.unlisted(&by_file)?;
            for (code, in_box) in by_file {
                self.put(plan, (in_box, format!("{LIST}{code}"), code.clone(), Some(code)), limits, &mut tell)?;
            }
        }
        let findings = self.compared(plan, rows.is_some(), &loose)?;
        self.at(self.journal.end_plan(plan, &findings))?;
        let totals = self.totals()?;
        if totals.dossiers == 0 { Err(BatchError::Nothing(source.clone())) } else { Ok(totals) }
    }

    fn put(
        &self,
        plan: u64,
        (in_box, source, name, code): (String, String, String, Option<String>),
        limits: &Limits,
        tell: &mut impl FnMut(&Found),
    ) -> Result<(), BatchError> {
        // A folder that cannot be listed is a dossier whose turn comes, and fails with the reason.
        let (gathered, _) = self.gathered(&source).unwrap_or_default();
        let mut size = layout::measure(&gathered, limits);
        size.mark.push_str(&self.options.mark());
        let name = if index::is_code(&name) { name } else { gather::component_name(&name) };
        let name = if RESERVED.contains(&name.as_str()) { format!("{name}-1") } else { name };
        let found = Found { in_box: fit(&in_box), source, name, code, size };
        self.at(self.journal.put(plan, &found))?;
        tell(&found);
        Ok(())
    }

    /// The components of a dossier.
    fn gathered(&self, source: &str) -> Result<(Vec<Gathered>, Vec<PassedOver>), gather::GatherError> {
        let from = &self.options.source;
        let Some(code) = source.strip_prefix(LIST) else {
            return layout::components(&from.join(source), &self.output, self.layout);
        };
        let files = self.journal.files_of(code).unwrap_or_default();
        let (mut titled, mut passed_over): (Vec<(Option<String>, Vec<CaptureFile>)>, _) = (Vec::new(), Vec::new());
        for (title, path) in files {
            let path = from.join(path);
            // A link in the source may lead anywhere.
            if fs::canonicalize(&path).is_ok_and(|path| !path.starts_with(from)) {
                passed_over.push(PassedOver::Link(path));
                continue;
            }
            let files = match path.is_dir() {
                true => {
                    let (inside, not_taken) = layout::components(&path, &self.output, self.layout)?;
                    passed_over.extend(not_taken);
                    inside.into_iter().flat_map(|component| component.files).collect()
                }
                false => vec![CaptureFile::from(path)],
            };
            match titled.iter_mut().find(|(other, _)| title.is_some() && *other == title) {
                Some((_, there)) => there.extend(files),
                None => titled.push((title, files)),
            }
        }
        let stem = |files: &[CaptureFile]| {
            let stem = files.first().and_then(|file| file.name.file_stem());
            stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
        };
        let mut taken = BTreeSet::new();
        let gathered = titled.into_iter().filter(|(_, files)| !files.is_empty()).map(|(title, files)| {
            let name = gather::unique(&gather::component_name(&title.unwrap_or_else(|| stem(&files))), &mut taken);
            Gathered { name, is_folder: files.len() != 1, files }
        });
        Ok((gathered.collect(), passed_over))
    }

    /// Captures in the source that the index does not list, where it lists files.
    fn unlisted(&self, by_file: &[(String, String)]) -> Result<Vec<PathBuf>, BatchError> {
        let from = &self.options.source;
        let mut listed = HashSet::new();
        for (code, _) in by_file {
            listed.extend(self.at(self.journal.files_of(code))?.into_iter().map(|(_, path)| from.join(path)));
        }
        // What cannot be listed here is told by the dossier that it is in.
        let there = gather::gather(std::slice::from_ref(from), Some(&self.output)).unwrap_or_default().0;
        let files = there.into_iter().flat_map(|component| component.files);
        let unlisted = files.filter(|file| !file.path.ancestors().any(|path| listed.contains(path)));
        Ok(unlisted.map(|file| file.path.strip_prefix(from).unwrap_or(&file.path).to_owned()).collect())
    }

    /// What the source and the index say of each other.
    fn compared(&self, plan: u64, has_index: bool, loose: &[PathBuf]) -> Result<Vec<Finding>, BatchError> {
        let mut found = Vec::new();
        let mut say = |kind, detail: String, detail_en: String| {
            found.push(Finding { place: (None, None), kind, detail, detail_en, picture: None });
        };
        for (code, sources) in self.at(self.journal.codes_twice(plan))? {
            say(
                "dossier-twice",
                format!("mã hồ sơ {code} có ở nhiều nơi: {sources}"),
                format!("the dossier code {code} is there several times: {sources}"),
            );
        }
        for (source, name) in self.at(self.journal.gone(plan))? {
            say(
                "dossier-gone",
                format!("{source}: không còn trong nguồn; kết quả {name} được giữ nguyên"),
                format!("{source}: gone from the source; what was made of it, {name}, stays"),
            );
        }
        if has_index {
            for (code, lines) in self.at(self.journal.missing(plan))? {
                say(
                    "dossier-missing",
                    format!("mục lục dòng {lines}: hồ sơ {code} không có trong nguồn"),
                    format!("index row {lines}: the dossier {code} is not in the source"),
                );
            }
            for (source, _) in self.at(self.journal.extra(plan))? {
                say(
                    "dossier-extra",
                    format!("{source}: không có trong mục lục"),
                    format!("{source}: not in the index"),
                );
            }
            for (code, lines) in self.at(self.journal.listed_twice())? {
                say(
                    "row-twice",
                    format!("mục lục ghi hồ sơ {code} nhiều lần: dòng {lines}"),
                    format!("the index has the dossier {code} several times: rows {lines}"),
                );
            }
        }
        for path in loose {
            say(
                "loose",
                format!("{}: không nằm trong hồ sơ nào nên không được số hóa", shown(path)),
                format!("{}: in no dossier, and not digitised", shown(path)),
            );
        }
        Ok(found)
    }

    /// The directory of a dossier.
    pub fn directory(&self, unit: &Unit) -> PathBuf {
        self.output.join(&unit.in_box).join(&unit.name)
    }
}

/// Takes the right to work on the batch of an output.
fn lock(output: &Path) -> Result<Lock, BatchError> {
    let path = output.join(FOLDER).join(LOCK);
    let io = |source| BatchError::Io { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(BatchError::InUse(output.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

/// What stands before the code of a dossier that the index lists file by file.
const LIST: &str = "list:";

/// The name of a box as that of a directory: one step, and not one of ours.
fn fit(name: &str) -> String {
    let is_plain =
        matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(part)] if part == name);
    match name {
        "" => String::new(),
        name if is_plain && !RESERVED.contains(&name) => name.to_owned(),
        name => gather::component_name(&format!("{name}-1")),
    }
}

fn open_journal(file: &Path) -> Result<Journal, BatchError> {
    at(file, Journal::open(file))
}

fn at<T>(path: &Path, result: Result<T, JournalError>) -> Result<T, BatchError> {
    result.map_err(|source| BatchError::Journal { path: path.to_owned(), source })
}
