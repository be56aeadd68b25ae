//! Writing into the output directory: nothing half-written is ever visible, and one program writes at a time.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::{Lang, Localized, io_reason, shown};

/// Marks files that are being written; leftovers of a killed run are removed by the next.
const TEMPORARY_PREFIX: &str = ".sohoa-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Why the output directory cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The system refused.
    #[error("{}: {source}", shown(path))]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another program holds the directory.
    #[error("{}: another sohoa is writing there", shown(.0))]
    InUse(PathBuf),
}

impl Localized for PublishError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::InUse(path), Lang::Vi) => {
                format!("{}: một chương trình sohoa khác đang ghi vào đây; hãy đợi nó xong", shown(path))
            }
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// An output directory that this program alone writes.
#[derive(Debug)]
pub struct OutputDir {
    path: PathBuf,
    /// The open directory: its lock lasts as long as it does, and the system lifts it when the program dies.
    handle: File,
}

impl OutputDir {
    /// Creates the directory where it is missing, locks it, and removes what a killed run left half-written.
    ///
    /// # Errors
    /// When it cannot be made or written, or another program holds it.
    pub fn open(path: &Path) -> Result<Self, PublishError> {
        let error = |source| PublishError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(error)?;
        let handle = File::open(path).map_err(error)?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(PublishError::InUse(path.to_owned())),
            Err(fs::TryLockError::Error(source)) => return Err(error(source)),
        }
        for entry in fs::read_dir(path).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                fs::remove_file(entry.path()).map_err(error)?;
            }
        }
        Ok(Self { path: path.to_owned(), handle })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a whole file in place under `name`: written beside it, flushed to the disk, renamed, the directory flushed.
    /// After a crash at any moment the old file or the new one is there, never a part.
    ///
    /// # Errors
    /// When the system refuses; the old file is then untouched and nothing else is left.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, PublishError> {
        let target = self.path.join(name);
        let temporary = self.path.join(format!("{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"));
        let put = || {
            let mut file = File::create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&temporary, &target)?;
            self.handle.sync_all()
        };
        put().map_err(|source| {
            // Best effort: the next run removes it as well.
            drop(fs::remove_file(&temporary));
            PublishError::Io { path: target.clone(), source }
        })?;
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_leftovers_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join(".sohoa-x.pdf.tmp"), b"half").unwrap();
        let output = OutputDir::open(&path).unwrap();
        output.write("x.pdf", b"one").unwrap();
        output.write("x.pdf", b"two").unwrap();
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["x.pdf"]);
        assert_eq!(fs::read(path.join("x.pdf")).unwrap(), b"two");
    }

    #[test]
    fn a_directory_has_one_writer() {
        let directory = tempfile::tempdir().unwrap();
        let first = OutputDir::open(directory.path()).unwrap();
        assert!(matches!(OutputDir::open(directory.path()), Err(PublishError::InUse(_))));
        drop(first);
        OutputDir::open(directory.path()).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        fs::write(&file, b"mine").unwrap();
        assert!(matches!(OutputDir::open(&file), Err(PublishError::Io { .. })));
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }
}
