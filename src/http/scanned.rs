//! Folders of scans: `scans/ID` in the store's directory has the pages of one scan until each of them is a capture, and
//! `card.json` says where they belong. A page that lies there under its name is whole, so whatever ends the program, the
//! next one knows what to do with it.
//!
//! Numbers of scans are times, and only ever grow, also where the clock goes back: pages of a later scan come after those of
//! an earlier one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::Millis;

/// Folder of the scans in the store's directory.
const FOLDER: &str = "scans";
/// What is known of a scan, in its folder.
const CARD: &str = "card.json";
/// The last number given, beside the folders.
const LAST: &str = "last";

/// What is known of a scan, however the program ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Card {
    /// Code of the dossier.
    pub(super) dossier: Option<String>,
    /// Title of the component in it.
    pub(super) component: Option<String>,
    /// Numbers of the captures that pages have become, in order.
    pub(super) pages: Vec<i64>,
    /// Number of the component that has the last of them.
    pub(super) component_id: Option<i64>,
}

/// The folders of scans.
pub(super) struct Folders {
    folder: PathBuf,
}

impl Folders {
    /// Takes up the folder in the store's directory.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let folder = directory.join(FOLDER);
        fs::create_dir_all(&folder)?;
        File::open(directory)?.sync_all()?;
        Ok(Self { folder })
    }

    /// Begins a scan: its folder and card are on the disk when this returns. One thread at a time.
    pub(super) fn begin(&self, now: Millis, card: &Card) -> io::Result<i64> {
        let last = fs::read_to_string(self.folder.join(LAST)).ok().and_then(|text| text.parse().ok());
        let first = now.max(last.map_or(0, |last: i64| last.saturating_add(1)));
        let id = (first..).find(|id| !self.path(*id).exists()).unwrap_or(first);
        write(&self.folder, LAST, id.to_string().as_bytes())?;
        fs::create_dir(self.path(id))?;
        self.write(id, card)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(id)
    }

    /// The folder of a scan.
    pub(super) fn path(&self, id: i64) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// What is known of a scan; nothing where that cannot be read: its pages then wait to be placed.
    pub(super) fn card(&self, id: i64) -> Card {
        let text = fs::read(self.path(id).join(CARD)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Writes down what is known, whole and flushed.
    pub(super) fn write(&self, id: i64, card: &Card) -> io::Result<()> {
        write(&self.path(id), CARD, &serde_json::to_vec(card)?)
    }

    /// The whole pages that lie in the folder of a scan, in order.
    pub(super) fn pages(&self, id: i64) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.path(id))?;
        let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tif");
        let mut pages: Vec<PathBuf> = paths.into_iter().filter(is_page).collect();
        pages.sort();
        Ok(pages)
    }

    /// The scans whose folders are there, in order.
    pub(super) fn ids(&self) -> Vec<i64> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut ids: Vec<i64> = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        ids.sort_unstable();
        ids
    }

    /// Removes the folder of a scan, all of whose pages are captures. What a `scanimage` that outlives its master still writes
    /// there is no page, and goes with the next look.
    pub(super) fn remove(&self, id: i64) {
        drop(fs::remove_dir_all(self.path(id)));
    }
}

/// Writes a file whole and flushed, or not at all.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(name).with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, folder.join(name))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_also_when_the_clock_goes_back_and_all_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let folders = Folders::open(directory.path()).unwrap();
        let first = folders.begin(1_000, &Card::default()).unwrap();
        assert_eq!((first, folders.begin(1_000, &Card::default()).unwrap()), (1_000, 1_001));
        folders.ids().into_iter().for_each(|id| folders.remove(id));
        let folders = Folders::open(directory.path()).unwrap();
        assert_eq!((folders.ids(), folders.begin(7, &Card::default()).unwrap()), (vec![], 1_002));
    }

    #[test]
    fn the_next_program_finds_whole_pages_and_where_they_belong() {
        let directory = tempfile::tempdir().unwrap();
        let folders = Folders::open(directory.path()).unwrap();
        let card = Card { component: Some("Tờ khai".to_owned()), pages: vec![3], ..Card::default() };
        let id = folders.begin(5, &card).unwrap();
        for name in ["0010.tif", "0002.tif", "0011.tif.part", "0012.tif.part.part"] {
            fs::write(folders.path(id).join(name), name).unwrap();
        }
        let folders = Folders::open(directory.path()).unwrap();
        assert_eq!((folders.ids(), folders.card(id)), (vec![5], card));
        assert_eq!(folders.pages(id).unwrap(), ["0002.tif", "0010.tif"].map(|name| folders.path(id).join(name)));
        fs::write(folders.path(id).join(CARD), b"{").unwrap();
        assert_eq!(folders.card(id), Card::default());
        folders.remove(id);
        assert!(folders.ids().is_empty());
    }
}
