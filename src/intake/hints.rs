//! Hints of the system (inotify) that something changed. They only save waiting: one that is late, lost or wrong changes no
//! outcome, because a folder is looked through again from time to time.
//!
//! They tell one thing that a look does not: that a local program, be it the file server that a scanner writes to, wrote to
//! a file and has not closed it yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// Paths that wait to be looked at. What does not fit makes the folders be looked through.
const MAX_WAITING: usize = 4096;

/// How long further hints are gathered once one came: a writer causes many for one file.
const GATHER: Duration = Duration::from_millis(15);

/// What a hint says of a path beyond that something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    Changed,
    /// A program wrote to it.
    Written,
    /// A program that could write to it closed it, or another file took its place.
    Closed,
}

/// The queue of hints of all folders.
#[derive(Debug)]
pub(super) struct Hints {
    watcher: Option<RecommendedWatcher>,
    queue: Receiver<(PathBuf, Hint)>,
    lost: Arc<AtomicBool>,
    /// Keeps the queue open where there is no watcher.
    _sender: SyncSender<(PathBuf, Hint)>,
}

impl Hints {
    /// Asks the system for hints where they are `wanted`. It may refuse; the folders are then polled.
    pub(super) fn start(wanted: bool) -> (Self, Option<notify::Error>) {
        let (sender, queue) = sync_channel(MAX_WAITING);
        let lost = Arc::new(AtomicBool::new(false));
        let (to_queue, is_lost) = (sender.clone(), Arc::clone(&lost));
        let on_event = move |event: notify::Result<Event>| queue_hint(event, &to_queue, &is_lost);
        let started = wanted.then(|| RecommendedWatcher::new(on_event, Config::default()));
        let (watcher, error) = match started {
            None => (None, None),
            Some(Ok(watcher)) => (Some(watcher), None),
            Some(Err(error)) => (None, Some(error)),
        };
        (Self { watcher, queue, lost, _sender: sender }, error)
    }

    /// Asks for hints about the entries of a directory, not of those below.
    pub(super) fn watch(&mut self, directory: &Path) -> notify::Result<()> {
        // What the path named before may be another directory by now.
        self.unwatch(directory);
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        watcher.watch(directory, RecursiveMode::NonRecursive)
    }

    /// Takes the asking back.
    pub(super) fn unwatch(&mut self, directory: &Path) {
        if let Some(watcher) = &mut self.watcher {
            // The system drops it by itself, with the directory.
            drop(watcher.unwatch(directory));
        }
    }

    /// Waits for hints, at most this long: the paths with what was said last of writers, and whether some were lost.
    pub(super) fn wait(&self, timeout: Duration) -> (BTreeMap<PathBuf, Hint>, bool) {
        let mut paths = BTreeMap::new();
        let mut add = |(path, hint): (PathBuf, Hint)| {
            let last = paths.entry(path).or_insert(hint);
            if hint != Hint::Changed {
                *last = hint;
            }
        };
        match self.queue.recv_timeout(timeout) {
            Ok(first) => {
                thread::sleep(GATHER);
                add(first);
                self.queue.try_iter().take(MAX_WAITING).for_each(add);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        (paths, self.lost.swap(false, Ordering::Relaxed))
    }
}

/// Queues the paths of an event, called on the watcher's thread, which must never wait.
fn queue_hint(event: notify::Result<Event>, queue: &SyncSender<(PathBuf, Hint)>, lost: &AtomicBool) {
    let Ok(event) = event else {
        lost.store(true, Ordering::Relaxed);
        return;
    };
    if event.need_rescan() {
        lost.store(true, Ordering::Relaxed);
    }
    let hint = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Hint::Closed,
        // Our own reading opens and closes files, too.
        EventKind::Access(_) => return,
        EventKind::Modify(ModifyKind::Data(_)) => Hint::Written,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => Hint::Closed,
        _ => Hint::Changed,
    };
    for path in event.paths {
        if let Err(TrySendError::Full(_)) = queue.try_send((path, hint)) {
            lost.store(true, Ordering::Relaxed);
        }
    }
}
