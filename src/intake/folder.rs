//! One watched folder: what lies there and what is due. The way of a file is in `file.rs`.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::mem::{Discriminant, discriminant};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use unicode_normalization::UnicodeNormalization;

use crate::gather::is_leftover;

use super::claim::Work;
use super::hints::{Hint, Hints};
use super::names::{PageName, page_name};
use super::{Event, Folder, Mode, Sink, Trouble, Waiting, overlap};
use file::Outcome;

/// Files handed on before other folders get their turn.
const BATCH: usize = 64;

/// Files of one folder that are kept in mind, about half a kilobyte each. The rest is seen when these are done.
const MAX_FILES: usize = 50_000;

/// Bounds of the time between two attempts at what the system refuses.
const MAX_FILE_DELAY: Duration = Duration::from_secs(60);
const MIN_FOLDER_DELAY: Duration = Duration::from_millis(250);
const MAX_FOLDER_DELAY: Duration = Duration::from_secs(10);

/// How many times the settling time a page waits for earlier pages of its series that are not still yet.
const HOLD: u32 = 8;

/// Share of the time that looking through a folder may take.
const RESCAN_SHARE: u32 = 10;

/// What a folder needs of the world.
pub(super) struct Outside<'a> {
    pub(super) sink: &'a dyn Sink,
    pub(super) on_event: &'a mut dyn FnMut(Event),
    pub(super) hints: &'a mut Hints,
    pub(super) stop: &'a AtomicBool,
}

/// A folder to watch, there or not.
pub(super) struct Watched<'a> {
    index: usize,
    settings: &'a Folder,
    forbidden: &'a [PathBuf],
    open: Option<Open<'a>>,
    retry_at: Instant,
    delay: Duration,
    is_gone: bool,
}

/// A folder that is there.
struct Open<'a> {
    index: usize,
    settings: &'a Folder,
    /// Without links.
    root: PathBuf,
    identity: Identity,
    /// `None` where files stay.
    work: Option<Work>,
    files: BTreeMap<Key, Tracked>,
    /// Some found no room in `files`.
    overflow: bool,
    rescan_at: Instant,
    rescans: u64,
    /// Directories about which the system gives hints.
    hinted: BTreeMap<PathBuf, Identity>,
    hints_refused: bool,
    unlisted: BTreeSet<PathBuf>,
    paused_until: Instant,
}

/// Device and inode: which directory a path names.
type Identity = (u64, u64);

/// No directory has inode 0.
const NONE: Identity = (0, 0);

/// A file by its place in the order of pages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: PageName,
    /// Below the folder, as it is.
    path: PathBuf,
    /// Where it is since it was claimed.
    claimed: Option<PathBuf>,
}

/// What is known of a file.
#[derive(Debug)]
struct Tracked {
    relative: String,
    stamp: Stamp,
    first: Instant,
    still_since: Instant,
    /// When it is looked at next; `None` when it was told off and stays, until it changes.
    due: Option<Instant>,
    /// Size or time changed less than the settling time ago.
    settling: bool,
    /// A local program wrote to it and has not closed it, as far as hints tell.
    written_to: bool,
    /// The sink has it; what is left is to remove it.
    stored: bool,
    delay: Duration,
    said: Option<Discriminant<Waiting>>,
    rescan: u64,
}

/// By what a change of a file is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    regular: bool,
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

/// The files of one series that are due.
struct Series<'k> {
    name: &'k PageName,
    /// When the first of them was seen.
    oldest: Instant,
    /// An earlier page is not still yet.
    held: bool,
    ready: Vec<&'k Key>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(index: usize, settings: &'a Folder, forbidden: &'a [PathBuf]) -> Self {
        let now = Instant::now();
        Self { index, settings, forbidden, open: None, retry_at: now, delay: MIN_FOLDER_DELAY, is_gone: false }
    }

    /// Looks at what the system hinted at.
    pub(super) fn note(&mut self, paths: &BTreeMap<PathBuf, Hint>, lost: bool, outside: &mut Outside) {
        let Some(open) = self.open.as_mut().filter(|open| open.settings.mode.has_hints()) else { return };
        for (path, hint) in paths {
            if let Ok(relative) = path.strip_prefix(&open.root) {
                open.note(relative, *hint, outside);
            }
        }
        if lost {
            open.rescan_at = Instant::now();
            // That a file was closed may be among what was lost.
            open.files.values_mut().for_each(Tracked::closed);
        }
    }

    /// Does what is due and says when something will be next.
    pub(super) fn pass(&mut self, outside: &mut Outside) -> Instant {
        let now = Instant::now();
        if self.open.is_none() && now >= self.retry_at {
            match Open::new(self.index, self.settings, self.forbidden, outside) {
                Ok(open) => {
                    self.open = Some(open);
                    self.delay = MIN_FOLDER_DELAY;
                    if std::mem::take(&mut self.is_gone) {
                        (outside.on_event)(Event::FolderBack { folder: self.index });
                    }
                }
                Err(reason) => self.gone(reason, outside),
            }
        }
        let Some(open) = &mut self.open else { return self.retry_at };
        if let Err(reason) = open.rescan_if_due(outside) {
            self.gone(reason, outside);
            return self.retry_at;
        }
        open.hand_on(outside)
    }

    fn gone(&mut self, reason: Trouble, outside: &mut Outside) {
        if let Some(open) = self.open.take() {
            open.hinted.keys().for_each(|directory| outside.hints.unwatch(directory));
        }
        self.retry_at = Instant::now() + self.delay;
        self.delay = (self.delay * 2).min(MAX_FOLDER_DELAY);
        if !std::mem::replace(&mut self.is_gone, true) {
            (outside.on_event)(Event::FolderGone { folder: self.index, reason });
        }
    }
}

impl<'a> Open<'a> {
    fn new(index: usize, settings: &'a Folder, forbidden: &[PathBuf], outside: &mut Outside) -> Result<Self, Trouble> {
        let root = fs::canonicalize(&settings.path).map_err(Trouble::Unreachable)?;
        if forbidden.iter().any(|results| overlap(&root, results)) {
            return Err(Trouble::Forbidden);
        }
        let identity = directory_identity(&root).map_err(Trouble::Unreachable)?;
        let work = match settings.keep {
            true => None,
            false => Some(Work::open(&root).map_err(Trouble::Unreachable)?.ok_or(Trouble::InUse)?),
        };
        let recovered = work.as_ref().map_or(Ok(Vec::new()), Work::recover).map_err(Trouble::Unreachable)?;
        let now = Instant::now();
        let mut open = Self {
            index,
            settings,
            root,
            identity,
            work,
            files: BTreeMap::new(),
            overflow: false,
            rescan_at: now,
            rescans: 0,
            hinted: BTreeMap::new(),
            hints_refused: false,
            unlisted: BTreeSet::new(),
            paused_until: now,
        };
        for claimed in recovered {
            let relative = relative_name(&claimed.relative);
            (outside.on_event)(Event::Recovered { folder: index, relative: relative.clone() });
            let stamp = open.stamp(&claimed.path).map_err(Trouble::Unreachable)?;
            let key = Key { name: page_name(&relative), path: claimed.relative, claimed: Some(claimed.path) };
            open.files.insert(key, Tracked::new(relative, stamp, settings.settle));
        }
        Ok(open)
    }

    // ---- what lies there ----

    fn rescan_if_due(&mut self, outside: &mut Outside) -> Result<(), Trouble> {
        let room = self.overflow && self.files.len() < MAX_FILES / 2;
        if Instant::now() < self.rescan_at && !room {
            return Ok(());
        }
        let started = Instant::now();
        if directory_identity(&self.settings.path).map_err(Trouble::Unreachable)? != self.identity {
            return Err(Trouble::Replaced);
        }
        self.rescans += 1;
        self.overflow = false;
        let (files, whole) = self.look_through(PathBuf::new(), outside);
        if whole {
            self.files.retain(|key, seen| seen.rescan == self.rescans || key.claimed.is_some());
            self.hinted.retain(|directory, _| {
                let there = directory.is_dir();
                if !there {
                    outside.hints.unwatch(directory);
                }
                there
            });
        }
        let elapsed = started.elapsed();
        self.rescan_at = Instant::now() + self.settings.rescan.max(elapsed * RESCAN_SHARE);
        (outside.on_event)(Event::Rescanned { folder: self.index, files, elapsed });
        Ok(())
    }

    /// Notes the files in a directory and all below it: how many, and whether everything could be listed.
    fn look_through(&mut self, start: PathBuf, outside: &mut Outside) -> (usize, bool) {
        let (mut files, mut whole) = (0, true);
        let mut directories = vec![start];
        while let Some(directory) = directories.pop() {
            if outside.stop.load(Ordering::Relaxed) {
                return (files, false);
            }
            // Asked before listing, so that nothing falls between.
            self.ask_for_hints(&directory, outside);
            let listed = fs::read_dir(self.root.join(&directory)).and_then(|entries| {
                for entry in entries {
                    let entry = entry?;
                    if is_leftover(&entry.file_name().to_string_lossy()) {
                        continue;
                    }
                    let path = directory.join(entry.file_name());
                    // What vanished since it was listed is nobody's business.
                    let Ok(kind) = entry.file_type() else { continue };
                    if kind.is_dir() {
                        directories.push(path);
                    } else {
                        files += 1;
                        self.note_file(path, outside);
                    }
                }
                Ok(())
            });
            match listed {
                Ok(()) => {
                    self.unlisted.remove(&directory);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    whole = false;
                    if self.unlisted.insert(directory.clone()) {
                        let (relative, reason) = (relative_name(&directory), Waiting::Unreachable(error));
                        (outside.on_event)(Event::Waiting { folder: self.index, relative, reason });
                    }
                }
            }
        }
        (files, whole)
    }

    fn ask_for_hints(&mut self, directory: &Path, outside: &mut Outside) {
        let path = self.root.join(directory);
        if !self.settings.mode.has_hints() {
            return;
        }
        let Ok(identity) = directory_identity(&path) else { return };
        if self.hinted.get(&path) == Some(&identity) {
            return;
        }
        match outside.hints.watch(&path) {
            Ok(()) => {
                self.hinted.insert(path, identity);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.hints_refused, true) {
                    let reason = error.to_string();
                    (outside.on_event)(Event::NoHints { folder: self.index, reason });
                }
            }
        }
    }

    /// Looks at one path that the system hinted at.
    fn note(&mut self, relative: &Path, hint: Hint, outside: &mut Outside) {
        if relative.as_os_str().is_empty() {
            self.rescan_at = Instant::now();
            return;
        }
        if relative.iter().any(|part| is_leftover(&part.to_string_lossy())) {
            return;
        }
        let path = self.root.join(relative);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                self.look_through(relative.to_owned(), outside);
            }
            Ok(_) => {
                let key = self.note_file(relative.to_owned(), outside);
                if let Some(seen) = key.and_then(|key| self.files.get_mut(&key)) {
                    match hint {
                        Hint::Written => seen.written_to = true,
                        Hint::Closed => seen.closed(),
                        Hint::Changed => {}
                    }
                }
            }
            Err(_) => {
                if self.hinted.remove(&path).is_some() {
                    outside.hints.unwatch(&path);
                }
            }
        }
    }

    /// Notes that a file is there, and when it changed last; its key, if it is one to be handed on.
    fn note_file(&mut self, path: PathBuf, outside: &mut Outside) -> Option<Key> {
        // What vanished meanwhile needs no note; what cannot be looked at will be at the next look through the folder.
        let stamp = self.stamp(&self.root.join(&path)).ok()?;
        let relative = relative_name(&path);
        let key = Key { name: page_name(&relative), path, claimed: None };
        if let Some(seen) = self.files.get_mut(&key) {
            seen.rescan = self.rescans;
            if seen.stamp != stamp {
                seen.changed(stamp, self.settings.settle);
            }
            return Some(key);
        }
        if self.files.len() >= MAX_FILES {
            self.overflow = true;
            return None;
        }
        let modified = stamp.modified.unwrap_or(SystemTime::UNIX_EPOCH);
        if self.settings.keep && outside.sink.knows(self.index, &relative, stamp.bytes, modified) {
            return None;
        }
        (outside.on_event)(Event::Seen { folder: self.index, relative: relative.clone() });
        let seen = Tracked { rescan: self.rescans, ..Tracked::new(relative, stamp, self.settings.settle) };
        self.files.insert(key.clone(), seen);
        Some(key)
    }

    // ---- what is due ----

    /// Hands on what is due, some files at most, and says when something will be next.
    fn hand_on(&mut self, outside: &mut Outside) -> Instant {
        let now = Instant::now();
        if now < self.paused_until {
            return self.paused_until.min(self.rescan_at);
        }
        let (batch, mut wake) = self.due(now);
        let mut removed = false;
        for key in batch {
            if outside.stop.load(Ordering::Relaxed) || Instant::now() < self.paused_until {
                wake = self.paused_until;
                break;
            }
            if let Some(due) = self.attempt(key, outside) {
                wake = wake.min(due);
            } else {
                removed = true;
            }
        }
        if let Some(work) = self.work.as_ref().filter(|_| removed) {
            // A removal that does not last is a file handed on once more.
            drop(work.flush());
        }
        wake.min(self.rescan_at)
    }

    /// The next files in order: the series that waits longest first, in each the pages as people count. A page waits for
    /// earlier ones that are not still yet, some time at most. Also says when other files are due.
    fn due(&self, now: Instant) -> (Vec<Key>, Instant) {
        let hold = self.settings.settle * HOLD;
        let mut wake = now + MAX_FILE_DELAY;
        let mut all: Vec<Series> = Vec::new();
        for (key, seen) in &self.files {
            let Some(due) = seen.due else { continue };
            if !all.last().is_some_and(|series| series.name.same_series(&key.name)) {
                all.push(Series { name: &key.name, oldest: now, held: false, ready: Vec::new() });
            }
            let Some(series) = all.last_mut() else { continue };
            if due > now {
                wake = wake.min(due);
                series.held |= seen.settling && now < seen.first + hold;
            } else if !series.held {
                series.oldest = series.oldest.min(seen.first);
                series.ready.push(key);
            }
        }
        all.sort_by_key(|series| series.oldest);
        let mut ready = all.iter().flat_map(|series| &series.ready);
        let batch = ready.by_ref().take(BATCH).map(|&key| key.clone()).collect();
        (batch, if ready.next().is_some() { now } else { wake })
    }

    /// One attempt at a file; when the next one is due, or `None` when there will be none.
    fn attempt(&mut self, mut key: Key, outside: &mut Outside) -> Option<Instant> {
        let mut seen = self.files.remove(&key)?;
        let outcome = self.take(&mut key, &mut seen, outside);
        match outcome {
            Outcome::Over => return None,
            Outcome::Vanished => {
                if key.claimed.is_some() {
                    // Nobody has business there: a share that was unmounted and is back, perhaps, between two looks. The
                    // folder is opened anew then, which finds what was claimed.
                    self.identity = NONE;
                    self.rescan_at = Instant::now();
                }
                return None;
            }
            Outcome::Left => seen.due = None,
            Outcome::Changed(stamp) => seen.changed(stamp, self.settings.settle),
            Outcome::Wait(reason, after) => {
                let after = after.unwrap_or_else(|| {
                    let delay = seen.delay;
                    seen.delay = (delay * 2).min(MAX_FILE_DELAY);
                    delay
                });
                seen.due = Some(Instant::now() + after);
                if seen.said.replace(discriminant(&reason)) != Some(discriminant(&reason)) {
                    let relative = seen.relative.clone();
                    (outside.on_event)(Event::Waiting { folder: self.index, relative, reason });
                }
            }
        }
        let due = seen.due;
        self.files.insert(key, seen);
        due
    }

    fn stamp(&self, path: &Path) -> io::Result<Stamp> {
        let metadata = fs::symlink_metadata(path)?;
        let regular = metadata.is_file();
        Ok(Stamp {
            regular,
            bytes: if regular { metadata.len() } else { 0 },
            modified: metadata.modified().ok(),
            // Network file systems may make inode numbers up anew at each look.
            inode: if self.settings.mode == Mode::Events { metadata.ino() } else { 0 },
        })
    }
}

impl Tracked {
    fn new(relative: String, stamp: Stamp, settle: Duration) -> Self {
        let now = Instant::now();
        Self {
            relative,
            stamp,
            first: now,
            still_since: now,
            due: Some(now + settle),
            settling: true,
            written_to: false,
            stored: false,
            delay: settle,
            said: None,
            rescan: 0,
        }
    }

    fn changed(&mut self, stamp: Stamp, settle: Duration) {
        let now = Instant::now();
        self.stamp = stamp;
        self.still_since = now;
        self.due = Some(now + settle);
        self.settling = true;
        self.stored = false;
        self.delay = settle;
    }

    /// No program writes to it any more: it need not wait longer than any file.
    fn closed(&mut self) {
        if std::mem::take(&mut self.written_to) && !self.settling {
            self.due = Some(Instant::now());
        }
    }
}

fn directory_identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    match metadata.is_dir() {
        true => Ok((metadata.dev(), metadata.ino())),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

fn relative_name(path: &Path) -> String {
    path.to_string_lossy().nfc().collect()
}
