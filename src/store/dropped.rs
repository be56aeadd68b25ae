//! A store with files in it, for the tests of this folder.

use crate::grouping::{Rules, place};

use super::{Accepted, Millis, NewCapture, Store};

/// A new store, which goes with its folder.
pub(super) fn new_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("data")).unwrap();
    (folder, store)
}

/// A file as a watcher hands it over; a PDF file is a component by itself.
pub(super) struct Dropped<'a> {
    pub(super) source: &'a str,
    pub(super) relative: &'a str,
    pub(super) content: &'a str,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
    pub(super) priority: i64,
    pub(super) gap: Millis,
}

impl<'a> Dropped<'a> {
    /// At the counter, with its path as its content.
    pub(super) fn at(relative: &'a str) -> Self {
        Self { source: "in", relative, content: relative, modified: 0, priority: 0, gap: 0 }
    }

    pub(super) fn drop_into(&self, store: &Store, now: Millis) -> Accepted {
        let file = store.directory().join("x");
        std::fs::write(&file, self.content).unwrap();
        let blob = store.blobs().take_in(&file, self.content.len() as u64).unwrap();
        let Self { source, relative, modified, priority, gap, .. } = *self;
        let place = place(source, relative, relative.ends_with(".pdf"), &Rules::default());
        store.accept(&NewCapture { blob: &blob, source, relative, modified, priority }, &place, gap, now).unwrap()
    }
}
