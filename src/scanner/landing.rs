//! Where pages land: numbered files in one folder, each visible under its name only when it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};

use super::Event;
use super::error::Fault;
use crate::imaging::decode::{self, Limits};

/// The names that `scanimage` is to use. It adds another `.part` while it writes.
pub(super) const PATTERN: &str = "%04d.tif.part";

/// A file system with less room than this has none for a page: black and white A4 at 200 dpi takes 480 kB.
const FULL_BYTES: u64 = 1 << 19;

/// The folder of a scan, which this program alone scans into.
#[derive(Debug)]
pub(super) struct Landing {
    folder: PathBuf,
    /// The open folder: its lock lasts as long as it does.
    handle: File,
    limits: Limits,
    mark: String,
    next: u32,
    pages: Vec<PathBuf>,
}

impl Landing {
    /// Makes and locks the folder, removes what a killed scan left half-written, and finds the next number.
    pub(super) fn open(folder: &Path, limits: Limits, mark: &str) -> Result<Self, Fault> {
        let refused = |source| Fault::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(refused)?;
        let handle = File::open(folder).map_err(refused)?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(Fault::InUse(folder.to_owned())),
            Err(fs::TryLockError::Error(source)) => return Err(refused(source)),
        }
        let mut next = 1;
        for entry in fs::read_dir(folder).map_err(refused)? {
            let name = entry.map_err(refused)?.file_name();
            if let Some(number) = number(&name.to_string_lossy()) {
                next = next.max(number + 1);
            }
        }
        let (folder, mark) = (folder.to_owned(), mark.to_owned());
        let landing = Self { folder, handle, limits, mark, next, pages: Vec::new() };
        landing.clear();
        Ok(landing)
    }

    /// The number of the next page.
    pub(super) fn next_number(&self) -> u32 {
        self.next
    }

    /// How many pages came.
    pub(super) fn count(&self) -> usize {
        self.pages.len()
    }

    /// Takes the page that `scanimage` has written under this name, if it can be decoded in full.
    pub(super) fn accept(&mut self, name: &str) -> Result<Event, Fault> {
        let temporary = self.folder.join(name);
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| Fault::Folder { path, source }
        };
        let page = u32::try_from(self.pages.len() + 1).unwrap_or(u32::MAX);
        let bytes = fs::read(&temporary).map_err(refused(&temporary))?;
        let decoded = decode::decode(&bytes, 0, &self.limits).map_err(|source| {
            // scanimage does not say so when it could not write.
            if self.is_full() {
                Fault::Folder { path: self.folder.clone(), source: io::ErrorKind::StorageFull.into() }
            } else {
                Fault::Damaged { page, source }
            }
        })?;
        let (width, height) = decoded.image.dimensions();
        self.mark(&temporary, page).map_err(refused(&temporary))?;
        let path = loop {
            let path = self.folder.join(format!("{:04}.tif", self.next));
            self.next += 1;
            match rename_new(&temporary, &path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(&path)(error)),
            }
        };
        self.handle.sync_all().map_err(refused(&self.folder))?;
        self.pages.push(path.clone());
        Ok(Event::Page { path, width, height })
    }

    /// Puts behind the picture which page of which scan it is, and flushes the file.
    fn mark(&self, file: &Path, page: u32) -> io::Result<()> {
        let mut file = File::options().append(true).open(file)?;
        file.write_all(format!("\n{} {page}\n", self.mark).as_bytes())?;
        file.sync_all()
    }

    fn is_full(&self) -> bool {
        statvfs(&self.folder).is_ok_and(|space| space.f_bavail.saturating_mul(space.f_frsize) < FULL_BYTES)
    }

    /// Removes what is half-written. What cannot be removed now is by the next scan; nothing takes it for a page.
    pub(super) fn clear(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten().filter(|entry| is_half_written(&entry.file_name().to_string_lossy())) {
            drop(fs::remove_file(entry.path()));
        }
    }

    /// The pages that came, in order.
    pub(super) fn into_pages(self) -> Vec<PathBuf> {
        self.pages
    }
}

/// Whether `scanimage` says with this line that a page is written.
pub(super) fn is_page(line: &str) -> bool {
    line.strip_suffix(".tif.part").is_some_and(is_number)
}

fn is_half_written(name: &str) -> bool {
    is_page(name) || name.strip_suffix(".part").is_some_and(is_page)
}

fn is_number(text: &str) -> bool {
    (4..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of a page's file of any format; not of a half-written one.
fn number(name: &str) -> Option<u32> {
    let (stem, _) = name.split_once('.').filter(|_| !is_half_written(name))?;
    is_number(stem).then(|| stem.parse().ok()).flatten()
}

/// Renames unless the new name is taken, which is an error.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system of a share can do both at once; the folder is locked against other scans.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            if to.try_exists()? {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                fs::rename(from, to)
            }
        }
        done => done.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A black and white TIFF of 16 by 16 pixels at 300 dpi.
    fn tiff() -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0\x09\0".to_vec();
        for (tag, kind, value) in [
            (256, 3, 16),
            (257, 3, 16),
            (258, 3, 1),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, 130),
            (278, 3, 16),
            (279, 4, 32),
            (282, 5, 122),
        ] {
            let (tag, kind, value): (u16, u16, u32) = (tag, kind, value);
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(1_u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        file.extend([300_u32, 1].map(u32::to_le_bytes).concat());
        file.extend([0xA5; 32]);
        file
    }

    fn landing(folder: &Path) -> Landing {
        Landing::open(folder, Limits::default(), "scan 7").unwrap()
    }

    #[test]
    fn pages_go_on_after_the_last_number_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("0007.jpg"), "of somebody").unwrap();
        fs::write(path("0009.tif.part"), "left by a killed scan").unwrap();
        fs::write(path("0009.tif.part.part"), "left by a killed scanimage").unwrap();
        fs::write(path("ghi-chu.part"), "not ours").unwrap();
        let mut landing = landing(folder.path());
        assert_eq!(landing.next_number(), 8);
        assert!(
            !path("0009.tif.part").exists() && !path("0009.tif.part.part").exists() && path("ghi-chu.part").exists()
        );

        fs::write(path("0008.tif"), "put there meanwhile").unwrap();
        fs::write(path("0008.tif.part"), tiff()).unwrap();
        let Event::Page { path: page, width: 16, height: 16 } = landing.accept("0008.tif.part").unwrap() else {
            panic!()
        };
        assert_eq!(page, path("0009.tif"));
        let bytes = fs::read(page).unwrap();
        assert_eq!(bytes, [&tiff()[..], b"\nscan 7 1\n"].concat());
        assert!(decode::decode(&bytes, 0, &Limits::default()).is_ok());
        assert_eq!(fs::read(path("0008.tif")).unwrap(), b"put there meanwhile");
    }

    #[test]
    fn a_page_that_is_not_whole_never_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut landing = landing(folder.path());
        for length in [0, 8, 140, tiff().len() - 1] {
            fs::write(folder.path().join("0001.tif.part"), &tiff()[..length]).unwrap();
            assert!(matches!(landing.accept("0001.tif.part"), Err(Fault::Damaged { page: 1, .. })), "{length}");
        }
        landing.clear();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_scans_into_one_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = landing(folder.path());
        assert!(matches!(Landing::open(folder.path(), Limits::default(), ""), Err(Fault::InUse(_))));
        drop(first);
        landing(folder.path());
    }

    #[test]
    fn only_numbered_names_are_pages() {
        assert!(is_page("0001.tif.part") && is_page("12345.tif.part"));
        for line in ["1.tif.part", "0001.tif", "0001.tif.part.part", "../0001.tif.part", "Scanning page 1", ""] {
            assert!(!is_page(line), "{line}");
        }
    }
}
