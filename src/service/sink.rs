//! Files in: the watcher's files are stored before it may let them go, or wait where they are.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::grouping;
use crate::imaging::decode::{self, Format, Seen};
use crate::input;
use crate::intake::{self, Answer, Arrival, Mode, Sink, WatchError};
use crate::store::{Arrived, BlobError, NewCapture, StoreError};

use super::event::of_watch;
use super::{Event, Service, Trouble, free_bytes};

/// How long files wait when too many captures are not made yet, when the disk is full, and when one still changes.
const WHILE_QUEUE_FULL: Duration = Duration::from_secs(2);
const WHILE_DISK_FULL: Duration = Duration::from_secs(10);
const WHILE_CHANGING: Duration = Duration::from_secs(2);

/// Enough of a file to tell its format.
const HEAD_BYTES: u64 = 4096;

/// Watches all folders until the service stops: local ones on this thread, each share on a thread of its own, as one that
/// hangs holds up those it shares a thread with.
pub(super) fn watch(service: &Service<'_>, forbidden: &[PathBuf]) -> Result<(), WatchError> {
    let folders = &service.settings.folders;
    let all: Vec<intake::Folder> = folders.iter().map(|watched| watched.folder.clone()).collect();
    intake::check(&all, forbidden)?;
    let (shares, local): (Vec<usize>, Vec<usize>) =
        (0..folders.len()).partition(|&index| folders[index].folder.mode != Mode::Events);
    let groups: Vec<Vec<usize>> =
        shares.into_iter().map(|share| vec![share]).chain([local].into_iter().filter(|all| !all.is_empty())).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            groups.iter().map(|group| scope.spawn(move || watch_group(service, group, forbidden))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })
}

fn watch_group(service: &Service<'_>, group: &[usize], forbidden: &[PathBuf]) -> Result<(), WatchError> {
    let folders: Vec<intake::Folder> =
        group.iter().map(|&index| service.settings.folders[index].folder.clone()).collect();
    let door = Door { service, group };
    intake::watch(&folders, forbidden, &door, service.stop, &mut |event| {
        if let Some(event) = of_watch(&event, group) {
            service.tell(&event);
        }
    })
}

/// Where the files of some folders come in.
struct Door<'a> {
    service: &'a Service<'a>,
    /// Which folders of the settings they are.
    group: &'a [usize],
}

impl Sink for Door<'_> {
    fn accept(&self, arrival: &Arrival) -> Answer {
        let folder = self.group[arrival.folder];
        match self.take_in(folder, arrival) {
            Ok(()) => Answer::Stored,
            Err((reason, wait)) => {
                self.service.tell(&Event::Busy { folder, reason });
                Answer::Busy(wait)
            }
        }
    }

    fn knows(&self, folder: usize, relative: &str, bytes: u64, modified: SystemTime) -> bool {
        let source = self.source(self.group[folder]);
        // Where the store cannot say so, the file is handed over, and told there.
        self.service.store.knows(&source, relative, bytes, nanos(modified)).unwrap_or(false)
    }
}

impl Door<'_> {
    /// What tells a folder's files from those of others.
    fn source(&self, folder: usize) -> String {
        self.service.settings.folders[folder].folder.path.to_string_lossy().into_owned()
    }

    /// Stores a file, or says why not now and for how long.
    fn take_in(&self, folder: usize, arrival: &Arrival) -> Result<(), (&'static str, Duration)> {
        let Service { store, settings, .. } = self.service;
        let refused = |error: StoreError| {
            self.service.tell(&Event::Trouble(Trouble::Store(error)));
            ("store", WHILE_DISK_FULL)
        };
        if free_bytes(store.directory()).unwrap_or(u64::MAX) < settings.min_free_bytes.saturating_add(arrival.bytes) {
            return Err(("disk", WHILE_DISK_FULL));
        }
        let source = self.source(folder);
        let several_pages = has_several_pages(&arrival.path, &self.service.tools.shelf.tools().settings.limits);
        let place = grouping::place(&source, &arrival.relative, several_pages, &settings.rules);
        // The rest of what is collected already may come: nothing would be gained by making half of it.
        if store.unmade_captures().map_err(refused)? >= settings.max_unmade
            && !store.is_collecting(&place).map_err(refused)?
        {
            return Err(("queue", WHILE_QUEUE_FULL));
        }
        let blob = store.blobs().take_in(&arrival.path, arrival.bytes).map_err(|error| match error {
            BlobError::Changed(_) => ("changing", WHILE_CHANGING),
            error => refused(error.into()),
        })?;
        let priority = settings.folders[folder].priority;
        let modified = nanos(arrival.modified);
        let new = NewCapture { blob: &blob, source: &source, relative: &arrival.relative, modified, priority };
        let gap = i64::try_from(settings.gap.as_millis()).unwrap_or(i64::MAX);
        let accepted = store.accept(&new, &place, gap, self.service.now()).map_err(refused)?;
        let arrived = accepted.arrived.code();
        self.service.tell(&Event::Stored { capture: accepted.capture, component: accepted.component, arrived });
        if !matches!(accepted.arrived, Arrived::Known | Arrived::Duplicate) {
            self.service.bell.ring();
            self.service.early.bell.ring();
        }
        Ok(())
    }
}

/// Whether a file is a PDF or holds more than one page. What cannot be read is a component's page as any other, and is told
/// when it is made.
pub(crate) fn has_several_pages(path: &Path, limits: &decode::Limits) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    if read.is_err() {
        return false;
    }
    match decode::sniff(&head) {
        Some(Format::Tiff) => {
            fs::metadata(path).is_ok_and(|metadata| metadata.len() <= limits.max_bytes)
                && fs::read(path)
                    .is_ok_and(|bytes| input::open(bytes.into(), limits).is_ok_and(|pages| pages.len() > 1))
        }
        Some(_) => false,
        None => decode::seen(&head) == Seen::Pdf,
    }
}

/// Nanoseconds since 1970; times before are zero.
fn nanos(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pdf_files_and_tiff_files_of_several_pages_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let limits = decode::Limits::default();
        let file = folder.path().join("x");
        for (bytes, several) in
            [(&b"%PDF-1.4\n"[..], true), (b"\xff\xd8\xff\xe0", false), (b"", false), (b"II*\0", false)]
        {
            fs::write(&file, bytes).unwrap();
            assert_eq!(has_several_pages(&file, &limits), several);
        }
        assert!(!has_several_pages(&folder.path().join("gone"), &limits));
    }
}
