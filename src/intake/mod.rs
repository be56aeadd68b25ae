//! Folders that scanners drop files into: each file is handed on once it is whole, and nothing is lost or taken by half.
//!
//! [`watch`] runs on the caller's thread until it is told to stop. The way of a file, in `folder/file.rs`:
//!
//! 1. it is *seen*, by a hint of the system or when the folder is looked through, which happens from time to time whatever
//!    the hints say: on network shares there are none;
//! 2. it *settles*: size and time of change stand still for a while, its format has its end, and no local program that
//!    wrote to it has it open. Else it is waited for longer, and then handed on as it is;
//! 3. it is *claimed* by one rename into `.sohoa/claimed` of its folder, out of its writer's reach. A writer that has it
//!    open still is noticed by size and time, and waited for again. What it writes once the file is removed is lost: on a
//!    network share, where nobody can tell that it is open, `settle` must be longer than its pauses, or [`Folder::done`] set;
//! 4. it is handed to the [`Sink`], which answers when the bytes are stored; only then is it removed.
//!
//! A program killed at any moment leaves each file where it was dropped or claimed, and the next run hands it on: at least
//! once, so the sink tells by hash what it has. What can never be taken goes to `.sohoa/refused` with its reason; what cannot
//! be read just now is tried for ever, ever more seldom.
//!
//! All folders of one call share its thread: a share that hangs holds them up, so a caller gives each share a call of its own.

mod claim;
mod complete;
mod folder;
mod hints;
mod message;
pub mod names;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::gather::absolute;
use crate::imaging::decode::Seen;
use crate::model::shown;

use folder::{Outside, Watched};
use hints::Hints;

/// Longest sleep before the order to stop is looked for again.
const MAX_SLEEP: Duration = Duration::from_millis(200);

/// How changes in a folder are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By the hints of the local system (inotify), and by looking through the folder now and then.
    Events,
    /// By looking through the folder only: network shares, where other machines write.
    Polling,
    /// By both, often: shares that local programs write, too.
    Both,
}

impl Mode {
    fn has_hints(self) -> bool {
        self != Self::Polling
    }
}

/// A folder to watch, with its settings.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Need not be there yet. Sub-folders are watched, too; links are not followed.
    pub path: PathBuf,
    /// How changes are noticed.
    pub mode: Mode,
    /// How long a file stands still before it is taken.
    pub settle: Duration,
    /// Time between two looks through the whole folder. Looks that take long come less often: at most a tenth of the time
    /// is spent on them.
    pub rescan: Duration,
    /// How long a file without its end stands still before it is handed on as it is. One that its writer keeps open waits
    /// ten times as long, and so does an empty one, which is refused then.
    pub patience: Duration,
    /// Files stay where they are, as on read-only shares; the sink remembers which it knows.
    pub keep: bool,
    /// Files whose bytes are stored are moved to `.sohoa/done/YYYY-MM-DD` instead of being removed. Not with `keep`.
    pub done: bool,
}

impl Folder {
    /// A folder with the usual settings: settled after 2 s, 60 s patience, looked through every 60 s, or every 5 s where
    /// hints are not enough.
    pub fn new(path: impl Into<PathBuf>, mode: Mode) -> Self {
        Self {
            path: path.into(),
            mode,
            settle: Duration::from_secs(2),
            rescan: Duration::from_secs(if mode == Mode::Events { 60 } else { 5 }),
            patience: Duration::from_secs(60),
            keep: false,
            done: false,
        }
    }
}

/// A file that stood still, was claimed and can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Index of its folder.
    pub folder: usize,
    /// Path below the folder as it was dropped: NFC, `/`-separated, bytes that are no UTF-8 replaced. [`names::page_name`]
    /// reads it.
    pub relative: String,
    /// Where its bytes are now: the claimed place, or its own with [`Folder::keep`].
    pub path: PathBuf,
    /// Size.
    pub bytes: u64,
    /// Time of its last change, by the clock of whoever keeps the folder.
    pub modified: SystemTime,
    /// Its format has its end; otherwise patience ran out.
    pub complete: bool,
}

/// What a sink says of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The bytes are stored durably: the claimed file may go.
    Stored,
    /// Not now: the file stays claimed and is handed over again after this time, and before that no other of its folder.
    Busy(Duration),
    /// It can never be taken: it is put aside with this reason.
    Refused(String),
}

/// Takes the files. Called from the thread of [`watch`] only.
pub trait Sink {
    /// Reads the file and stores it. The same file may come again, after a crash or because it changed while it was read.
    fn accept(&self, arrival: &Arrival) -> Answer;

    /// Whether a file of a folder with [`Folder::keep`] was taken before, or refused; asked at each look through the folder.
    fn knows(&self, folder: usize, relative: &str, bytes: u64, modified: SystemTime) -> bool;
}

/// Why a file waits.
#[derive(Debug)]
#[non_exhaustive]
pub enum Waiting {
    /// Its end is missing; the name of its format.
    Unfinished(&'static str),
    /// It has no content yet.
    Empty,
    /// A local program wrote to it and keeps it open.
    Open,
    /// It, or the directory, cannot be read, moved or removed just now.
    Unreachable(io::Error),
    /// A sub-folder is another file system, across which nothing can be claimed.
    OtherDisk,
    /// The sink has too much to do.
    Busy,
}

/// Why a file was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A link, pipe, socket or device; it stays where it is.
    NotAFile,
    /// Still no content after a long time.
    Empty,
    /// Neither a picture nor a PDF file.
    NotACapture(Seen),
    /// The sink's reason.
    Sink(String),
}

/// Why a folder cannot be watched now. It is tried for ever.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Not there, or not to be reached: an unmounted share, a folder that is yet to be made.
    Unreachable(io::Error),
    /// Another directory took its place: a share was mounted or unmounted.
    Replaced,
    /// Another sohoa watches it.
    InUse,
    /// By way of links it leads into a directory of results.
    Forbidden,
}

/// What happened, for logs and metrics. Files are named by their path below the folder.
#[derive(Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`folder` is always the index and `relative` always the path below the folder")]
pub enum Event {
    /// A file appeared.
    Seen { folder: usize, relative: String },
    /// A file that an earlier run had claimed was found.
    Recovered { folder: usize, relative: String },
    /// A file was taken out of its writer's reach.
    Claimed { folder: usize, relative: String },
    /// The sink stored a file.
    Stored { folder: usize, relative: String, bytes: u64 },
    /// A file, or a sub-folder that cannot be listed, waits; said once for each reason in turn.
    Waiting { folder: usize, relative: String, reason: Waiting },
    /// A file was put aside.
    Refused { folder: usize, relative: String, reason: Refusal },
    /// A folder cannot be watched; said once until it can.
    FolderGone { folder: usize, reason: Trouble },
    /// A folder can be watched again.
    FolderBack { folder: usize },
    /// A folder was looked through: how many files lay there.
    Rescanned { folder: usize, files: usize, elapsed: Duration },
    /// The system gives no hints about a directory (out of watches): it is only polled. Said once.
    NoHints { folder: usize, reason: String },
}

/// Settings that would lose files or take them twice.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// One watched folder is, or lies in, another.
    #[error("{}: lies in the watched folder {}; watch only one of them", shown(.inner), shown(.outer))]
    Nested {
        /// The folder within.
        inner: PathBuf,
        /// The folder around.
        outer: PathBuf,
    },
    /// Results would become input, or input results.
    #[error("{}: the watched folder and the directory of results {} must not lie in one another", shown(.folder), shown(.results))]
    Forbidden {
        /// The watched folder.
        folder: PathBuf,
        /// The directory of results or of the store.
        results: PathBuf,
    },
}

/// Watches folders until `stop` is set, which is looked for at least every fifth of a second and after each file.
///
/// `forbidden` are the directories that this program writes; none may lie in a folder, nor a folder in one of them.
///
/// # Errors
/// [`WatchError`] at the start only. What happens to folders and files later is told to `on_event`.
pub fn watch(
    folders: &[Folder],
    forbidden: &[PathBuf],
    sink: &dyn Sink,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event),
) -> Result<(), WatchError> {
    let forbidden: Vec<PathBuf> = forbidden.iter().map(|path| absolute(path)).collect();
    check(folders, &forbidden)?;
    let (mut hints, no_hints) = Hints::start(folders.iter().any(|folder| folder.mode.has_hints()));
    if let Some(error) = no_hints {
        for folder in (0..folders.len()).filter(|&index| folders[index].mode.has_hints()) {
            on_event(Event::NoHints { folder, reason: error.to_string() });
        }
    }
    let mut watched: Vec<Watched> =
        folders.iter().enumerate().map(|(index, folder)| Watched::new(index, folder, &forbidden)).collect();
    let mut wake = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let sleep = wake.saturating_duration_since(Instant::now()).min(MAX_SLEEP);
        let (paths, lost) = hints.wait(sleep);
        let mut outside = Outside { sink, on_event, hints: &mut hints, stop };
        wake = Instant::now() + MAX_SLEEP;
        for folder in &mut watched {
            folder.note(&paths, lost, &mut outside);
            wake = wake.min(folder.pass(&mut outside));
        }
    }
    Ok(())
}

/// Refuses folders that overlap one another or a directory of results; for folders that are watched by several calls.
///
/// # Errors
/// Names the first that do.
pub fn check(folders: &[Folder], forbidden: &[PathBuf]) -> Result<(), WatchError> {
    let paths: Vec<PathBuf> = folders.iter().map(|folder| absolute(&folder.path)).collect();
    for (index, path) in paths.iter().enumerate() {
        if let Some(results) = forbidden.iter().find(|results| overlap(path, results)) {
            return Err(WatchError::Forbidden { folder: path.clone(), results: results.clone() });
        }
        if let Some(other) = paths[..index].iter().find(|other| overlap(path, other)) {
            let (inner, outer) = if path.starts_with(other) { (path, other) } else { (other, path) };
            return Err(WatchError::Nested { inner: inner.clone(), outer: outer.clone() });
        }
    }
    Ok(())
}

fn overlap(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(folders: &[&Path], forbidden: &[&Path]) -> Result<(), WatchError> {
        let folders: Vec<Folder> = folders.iter().map(|path| Folder::new(*path, Mode::Events)).collect();
        let forbidden: Vec<PathBuf> = forbidden.iter().map(|path| absolute(path)).collect();
        check(&folders, &forbidden)
    }

    #[test]
    fn folders_and_results_never_lie_in_one_another() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("real")).unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        assert_eq!(checked(&[&at("in"), &at("in2")], &[&at("out"), &at("in-data")]), Ok(()));
        for (folder, results) in
            [("in", "in/out"), ("in", "in"), ("out/in", "out"), ("link/in", "real"), ("real", "link/out")]
        {
            assert!(matches!(checked(&[&at(folder)], &[&at(results)]), Err(WatchError::Forbidden { .. })), "{folder}");
        }
        for (a, b) in [("in", "in/sub"), ("in/sub", "in"), ("in", "in"), ("link", "real"), ("real/x", "link")] {
            assert!(matches!(checked(&[&at(a), &at(b)], &[]), Err(WatchError::Nested { .. })), "{a} {b}");
        }
    }
}
