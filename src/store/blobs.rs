//! Bytes kept under their SHA-256: `blobs/ab/abcdef…`. A name has whole, flushed bytes or does not exist, and its bytes
//! never change.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Folder of the blobs in the store's directory.
pub(super) const FOLDER: &str = "blobs";
/// Below it, what is being written. Leftovers of a killed program are removed by the next service.
const INCOMING: &str = "incoming";

/// Bytes copied at a time.
const CHUNK: usize = 1 << 18;

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name, hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// Why bytes cannot be stored or had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file has another size than was said: somebody writes it still.
    #[error("{}: changed while it was read", .0.display())]
    Changed(PathBuf),
    /// The stored bytes are gone or no longer those of their name.
    #[error("blob {0} is damaged or gone")]
    Damaged(String),
}

/// The folder of blobs.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    /// Takes up the folder below `directory`, making what is missing.
    pub(super) fn open(directory: &Path) -> Result<Self, BlobError> {
        let folder = directory.join(FOLDER);
        let incoming = folder.join(INCOMING);
        let error = |path: &Path, source| BlobError::Io { path: path.to_owned(), source };
        // Made last, so where it is everything is.
        if !incoming.is_dir() {
            for shard in 0..=u8::MAX {
                let path = folder.join(format!("{shard:02x}"));
                fs::create_dir_all(&path).map_err(|source| error(&path, source))?;
            }
            flush_directory(&folder)?;
            fs::create_dir_all(&incoming).map_err(|source| error(&incoming, source))?;
            flush_directory(&folder)?;
            flush_directory(directory)?;
        }
        Ok(Self { folder })
    }

    /// Where the bytes of a hash are or would be.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(&sha256[..2]).join(sha256)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Copies a file of the size said into the store. When this returns the bytes are on the disk under their name.
    ///
    /// # Errors
    /// When it cannot be read or stored, or has another size.
    pub fn take_in(&self, file: &Path, bytes: u64) -> Result<Blob, BlobError> {
        let temporary = tempfile_in(&self.folder.join(INCOMING));
        let taken = self.copy(file, bytes, &temporary).and_then(|blob| {
            let path = self.path(&blob.sha256);
            // What is there may have been damaged meanwhile: then it is put right.
            if self.verified(&blob.sha256).is_ok() {
                return Ok(blob);
            }
            fs::rename(&temporary, &path).map_err(|source| BlobError::Io { path: path.clone(), source })?;
            flush_directory(path.parent().expect("a blob lies in its folder"))?;
            Ok(blob)
        });
        // Renamed away, or of no more use.
        drop(fs::remove_file(&temporary));
        taken
    }

    fn copy(&self, file: &Path, bytes: u64, to: &Path) -> Result<Blob, BlobError> {
        let unreadable = |source| BlobError::Io { path: file.to_owned(), source };
        let unwritable = |source| BlobError::Io { path: to.to_owned(), source };
        let mut from = File::open(file).map_err(unreadable)?;
        let mut to = File::create_new(to).map_err(unwritable)?;
        let (mut hash, mut chunk, mut copied) = (Sha256::new(), vec![0; CHUNK], 0);
        loop {
            let read = from.read(&mut chunk).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            to.write_all(&chunk[..read]).map_err(unwritable)?;
            copied += read as u64;
        }
        if copied != bytes {
            return Err(BlobError::Changed(file.to_owned()));
        }
        to.sync_all().map_err(unwritable)?;
        Ok(Blob { sha256: hex(&hash.finalize()), bytes })
    }

    /// The file of a blob whose bytes were just read and found to be those of its name.
    ///
    /// # Errors
    /// When they are not.
    pub fn verified(&self, sha256: &str) -> Result<PathBuf, BlobError> {
        let path = self.path(sha256);
        match hash_of(&path) {
            Ok(found) if found == sha256 => Ok(path),
            Ok(_) => Err(BlobError::Damaged(sha256.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Damaged(sha256.to_owned())),
            Err(source) => Err(BlobError::Io { path, source }),
        }
    }

    /// Removes what was half-written when a program was killed. Only for the one service: it must be no one's work.
    ///
    /// # Errors
    /// When the folder cannot be listed or a file not removed.
    pub fn clear_incoming(&self) -> Result<(), BlobError> {
        let incoming = self.folder.join(INCOMING);
        let error = |source| BlobError::Io { path: incoming.clone(), source };
        for entry in fs::read_dir(&incoming).map_err(error)? {
            fs::remove_file(entry.map_err(error)?.path()).map_err(error)?;
        }
        Ok(())
    }
}

/// A name that no other thread or program uses.
fn tempfile_in(folder: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    folder.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

pub(super) fn hash_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&chunk[..read]);
    }
}

pub(super) fn flush_directory(path: &Path) -> Result<(), BlobError> {
    let flushed = File::open(path).and_then(|directory| directory.sync_all());
    flushed.map_err(|source| BlobError::Io { path: path.to_owned(), source })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        (folder, blobs)
    }

    #[test]
    fn equal_bytes_are_kept_once_under_their_hash() {
        let (folder, blobs) = blobs();
        let file = folder.path().join("a.jpg");
        fs::write(&file, b"abc").unwrap();
        let blob = blobs.take_in(&file, 3).unwrap();
        // FIPS 180-4, example of one block.
        assert_eq!(blob.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(blobs.take_in(&file, 3).unwrap(), blob);
        assert_eq!(fs::read(blobs.verified(&blob.sha256).unwrap()).unwrap(), b"abc");
        assert_eq!(fs::read_dir(blobs.folder.join(INCOMING)).unwrap().count(), 0);
        assert_eq!(fs::read(&file).unwrap(), b"abc", "the file is only read");
    }

    #[test]
    fn a_file_that_grows_is_not_taken() {
        let (folder, blobs) = blobs();
        let file = folder.path().join("a.jpg");
        fs::write(&file, b"abcd").unwrap();
        assert!(matches!(blobs.take_in(&file, 3), Err(BlobError::Changed(_))));
        assert_eq!(fs::read_dir(blobs.folder.join(INCOMING)).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_noticed_and_put_right_by_the_same_bytes() {
        let (folder, blobs) = blobs();
        let file = folder.path().join("a.jpg");
        fs::write(&file, b"abc").unwrap();
        let blob = blobs.take_in(&file, 3).unwrap();
        fs::write(blobs.path(&blob.sha256), b"abd").unwrap();
        assert!(matches!(blobs.verified(&blob.sha256), Err(BlobError::Damaged(_))));
        blobs.take_in(&file, 3).unwrap();
        blobs.verified(&blob.sha256).unwrap();
    }

    #[test]
    fn leftovers_of_a_killed_program_go() {
        let (_folder, blobs) = blobs();
        fs::write(blobs.folder.join(INCOMING).join("1-1"), b"ab").unwrap();
        blobs.clear_incoming().unwrap();
        assert_eq!(fs::read_dir(blobs.folder.join(INCOMING)).unwrap().count(), 0);
    }
}
