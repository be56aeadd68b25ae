//! Writing into the output directory: nothing half-written is ever visible, and one program writes at a time.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
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
    /// A file that the manifest does not know has the name of a result: a capture, or somebody's own.
    #[error("{}: the manifest does not know this file and it is not overwritten; move it or choose another --out", shown(.0))]
    InTheWay(PathBuf),
}

impl Localized for PublishError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::InUse(path), Lang::Vi) => {
                format!("{}: một chương trình sohoa khác đang ghi vào đây; hãy đợi nó xong", shown(path))
            }
            (Self::InTheWay(path), Lang::Vi) => format!(
                "{}: tệp này không có trong bản kê khai nên không bị ghi đè; hãy chuyển nó đi hoặc chọn --out khác",
                shown(path)
            ),
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
    /// Creates the directory where it is missing and locks it. What a killed run left half-written stays until
    /// [`Self::clear_leftovers`].
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
        Ok(Self { path: path.to_owned(), handle })
    }

    /// What a killed run had written for `name` and not yet put in place.
    pub fn leftover(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.temporary(name)).ok()
    }

    /// Puts the leftover of `name` in place, as the killed run was about to do.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn adopt(&self, name: &str) -> Result<(), PublishError> {
        self.put_in_place(name).map_err(|source| PublishError::Io { path: self.path.join(name), source })
    }

    /// Removes what a killed run left half-written.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn clear_leftovers(&self) -> Result<(), PublishError> {
        let error = |source| PublishError::Io { path: self.path.clone(), source };
        for entry in fs::read_dir(&self.path).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                fs::remove_file(entry.path()).map_err(error)?;
            }
        }
        Ok(())
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts whole files in place under their names: all are written beside and flushed to the disk first, then renamed in
    /// order, the directory flushed after each. After a crash at any moment each name has its old file or its new one,
    /// never a part, and the new ones are the first of the list.
    ///
    /// # Errors
    /// When the system refuses; before the first rename nothing is changed then, and nothing else is left.
    pub fn write(&self, files: &[(&str, &[u8])]) -> Result<(), PublishError> {
        let placed = self.stage_all(files).and_then(|()| self.put_all_in_place(files));
        if placed.is_err() {
            self.clear_staged(files);
        }
        placed
    }

    /// Writes a file beside, in pieces, and flushes it to the disk: [`Self::adopt`] puts it in place then, or
    /// [`Self::discard`] takes it away.
    ///
    /// # Errors
    /// Those of `write`, and when the system refuses; nothing is left then.
    pub fn stage_by<E: From<PublishError>>(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<(), E> {
        let error = |source| E::from(PublishError::Io { path: self.path.join(name), source });
        let staged = File::create(self.temporary(name)).map_err(error).and_then(|mut file| {
            write(&mut file)?;
            file.sync_all().map_err(error)
        });
        if staged.is_err() {
            self.discard(name);
        }
        staged
    }

    /// Whether what was written beside for `name` is byte for byte what lies under that name.
    ///
    /// # Errors
    /// When one of the two cannot be read.
    pub fn is_staged_alike(&self, name: &str) -> Result<bool, PublishError> {
        let (staged, placed) = (self.temporary(name), self.path.join(name));
        let alike = File::open(staged).and_then(|staged| Ok(is_alike(staged, File::open(&placed)?)));
        alike.and_then(|alike| alike).map_err(|source| PublishError::Io { path: placed, source })
    }

    /// Takes away what was written beside for `name`.
    pub fn discard(&self, name: &str) {
        // Best effort: the next run removes it as well.
        drop(fs::remove_file(self.temporary(name)));
    }

    /// As [`Self::write`], with lines that are appended to the file `log` before the first file is put in place. The lines
    /// are written beside like the files: once the log has got longer, all that is missing can be completed from what lies
    /// beside, by [`Self::append`] and [`Self::adopt`].
    ///
    /// # Errors
    /// When the system refuses. Before the log is longer nothing is changed then, and nothing else is left; afterwards what is
    /// not in place yet stays beside, for the next run to complete.
    pub fn write_logged(&self, files: &[(&str, &[u8])], log: &str, lines: &[u8]) -> Result<(), PublishError> {
        let staged = [files, &[(log, lines)]].concat();
        // The names of what lies beside must last before the log speaks of it.
        let ready = self.stage_all(&staged).and_then(|()| {
            self.handle.sync_all().map_err(|source| PublishError::Io { path: self.path.clone(), source })
        });
        if ready.is_err() {
            self.clear_staged(&staged);
            return ready;
        }
        let length = fs::metadata(self.path.join(log)).map_or(0, |metadata| metadata.len());
        if let Err(error) = self.append(log, lines) {
            // Where the beginning of a line cannot be taken back, the next run goes on with it.
            if self.cut(log, length).is_ok() {
                self.clear_staged(&staged);
            }
            return Err(error);
        }
        self.put_all_in_place(files)?;
        self.clear_staged(&[(log, lines)]);
        Ok(())
    }

    /// Appends to a file, which is made where it is missing, and flushes it to the disk.
    ///
    /// # Errors
    /// When the system refuses; a part may be written then.
    pub fn append(&self, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let path = self.path.join(name);
        let appended = File::options().create(true).append(true).open(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            self.handle.sync_all()
        });
        appended.map_err(|source| PublishError::Io { path, source })
    }

    /// Cuts a file to a length, bytes; one that is missing has none.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn cut(&self, name: &str, length: u64) -> Result<(), PublishError> {
        let path = self.path.join(name);
        let cut = match File::options().write(true).open(&path) {
            Ok(file) => file.set_len(length).and_then(|()| file.sync_all()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && length == 0 => Ok(()),
            Err(error) => Err(error),
        };
        cut.map_err(|source| PublishError::Io { path, source })
    }

    fn stage_all(&self, files: &[(&str, &[u8])]) -> Result<(), PublishError> {
        files.iter().try_for_each(|(name, bytes)| {
            self.stage(name, bytes).map_err(|source| PublishError::Io { path: self.path.join(name), source })
        })
    }

    fn put_all_in_place(&self, files: &[(&str, &[u8])]) -> Result<(), PublishError> {
        files.iter().try_for_each(|(name, _)| self.adopt(name))
    }

    fn clear_staged(&self, files: &[(&str, &[u8])]) {
        for (name, _) in files {
            self.discard(name);
        }
    }

    fn stage(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(self.temporary(name))?;
        // Who may read a file that is replaced stays as it is.
        if let Ok(replaced) = fs::metadata(self.path.join(name)) {
            file.set_permissions(replaced.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn put_in_place(&self, name: &str) -> io::Result<()> {
        fs::rename(self.temporary(name), self.path.join(name))?;
        self.handle.sync_all()
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(format!("{TEMPORARY_PREFIX}{name}{TEMPORARY_SUFFIX}"))
    }
}

/// Whether two files hold the same bytes.
fn is_alike(one: File, other: File) -> io::Result<bool> {
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..length] != right[..length] {
            return Ok(false);
        }
        one.consume(length);
        other.consume(length);
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
        output.clear_leftovers().unwrap();
        output.write(&[("x.pdf", b"one")]).unwrap();
        output.write(&[("x.pdf", b"two")]).unwrap();
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["x.pdf"]);
        assert_eq!(fs::read(path.join("x.pdf")).unwrap(), b"two");
    }

    #[test]
    fn files_that_belong_together_come_all_or_none() {
        let directory = tempfile::tempdir().unwrap();
        let output = OutputDir::open(directory.path()).unwrap();
        output.write(&[("x.pdf", b"one"), ("m.json", b"1")]).unwrap();
        // The second cannot be written beside: the first must not appear.
        fs::create_dir(directory.path().join(".sohoa-m.json.tmp")).unwrap();
        let result = output.write(&[("y.pdf", b"two"), ("m.json", b"2")]);
        assert!(matches!(result, Err(PublishError::Io { path, .. }) if path.ends_with("m.json")));
        assert!(!directory.path().join("y.pdf").exists());
        assert_eq!(fs::read(directory.path().join("m.json")).unwrap(), b"1");
    }

    #[test]
    fn a_file_written_in_pieces_is_seen_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let output = OutputDir::open(directory.path()).unwrap();
        let stage = |bytes: &[u8]| {
            output.stage_by("x.zip", |file| -> Result<(), PublishError> {
                bytes.chunks(2).try_for_each(|piece| file.write_all(piece)).unwrap();
                Ok(())
            })
        };
        stage(b"whole").unwrap();
        assert!(!directory.path().join("x.zip").exists());
        output.adopt("x.zip").unwrap();
        assert_eq!(fs::read(directory.path().join("x.zip")).unwrap(), b"whole");
        for (bytes, alike) in [(&b"whole"[..], true), (b"whale", false), (b"whole.", false), (b"whol", false)] {
            stage(bytes).unwrap();
            assert_eq!(output.is_staged_alike("x.zip").unwrap(), alike, "{bytes:?}");
        }
        let broken = output.stage_by("x.zip", |_| Err(PublishError::InTheWay(directory.path().to_owned())));
        assert!(matches!(broken, Err(PublishError::InTheWay(_))));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
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
