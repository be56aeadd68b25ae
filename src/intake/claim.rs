//! The working directory `.sohoa` of a watched folder: what was claimed, done and refused.
//!
//! - `lock` is held as long as this program watches; the system lifts it when the program dies.
//! - `claimed/UNIQUE/…` holds a file under the path that it had below the folder. A claim is one rename within the file
//!   system, so a file is here or where it was dropped, at every moment; what a killed run claimed is found again.
//! - `done/YYYY-MM-DD/…` has what was stored, where that is wanted.
//! - `refused/…` has what can never be taken, each with `NAME.txt` that says why.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, UtcOffset};

/// Name of the working directory; hidden, and so never an input.
pub(super) const WORK: &str = ".sohoa";

/// Most bytes of a name before ` (2)` and `.txt` are added: file systems take 255.
const MAX_NAME: usize = 240;

/// Vietnam has one time zone, without summer time.
const UTC_OFFSET_HOURS: i8 = 7;

/// The working directory of one folder, held by this program.
#[derive(Debug)]
pub(super) struct Work {
    path: PathBuf,
    /// First part of the names of claims: when and by which process.
    session: String,
    claims: u64,
    _lock: Option<File>,
}

/// A file that was claimed: where it was below the folder, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claimed {
    pub(super) relative: PathBuf,
    pub(super) path: PathBuf,
}

impl Work {
    /// Makes the directory where it is missing and locks it; `None` while another program holds it.
    pub(super) fn open(folder: &Path) -> io::Result<Option<Self>> {
        let path = folder.join(WORK);
        make_directory(&path)?;
        for name in ["claimed", "refused"] {
            make_directory(&path.join(name))?;
        }
        let lock = File::options().create(true).append(true).open(path.join("lock"))?;
        let lock = match lock.try_lock() {
            Ok(()) => Some(lock),
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems have no locks. Claims are exclusive all the same.
            Err(fs::TryLockError::Error(_)) => None,
        };
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        let session = format!("{since_epoch:x}-{}", std::process::id());
        Ok(Some(Self { path, session, claims: 0, _lock: lock }))
    }

    fn claimed(&self) -> PathBuf {
        self.path.join("claimed")
    }

    /// What an earlier run had claimed; directories that hold nothing are removed.
    pub(super) fn recover(&self) -> io::Result<Vec<Claimed>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.claimed())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                files_below(&entry.path(), Path::new(""), &mut found)?;
            } else {
                found.push(Claimed { relative: entry.file_name().into(), path: entry.path() });
            }
        }
        found.sort();
        Ok(found)
    }

    /// Moves a file out of its writer's reach; the rename decides who has it.
    pub(super) fn claim(&mut self, folder: &Path, relative: &Path) -> io::Result<PathBuf> {
        let directory = loop {
            let directory = self.claimed().join(format!("{}-{}", self.session, self.claims));
            self.claims += 1;
            match DirBuilder::new().create(&directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| directory)?,
            }
        };
        let path = directory.join(relative);
        let moved =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::rename(folder.join(relative), &path));
        if moved.is_err() {
            self.remove_empty(&path);
        }
        moved.map(|()| path)
    }

    /// Removes a claimed file whose bytes are stored. [`Self::flush`] makes it last.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        self.remove_empty(path);
        Ok(())
    }

    /// Keeps a claimed file whose bytes are stored under the day's date.
    pub(super) fn keep(&self, file: &Claimed) -> io::Result<()> {
        let offset = UtcOffset::from_hms(UTC_OFFSET_HOURS, 0, 0).unwrap_or(UtcOffset::UTC);
        let day = OffsetDateTime::from(SystemTime::now()).to_offset(offset).date();
        let directory = self.path.join("done").join(day.to_string());
        self.put_away(file, &free_place(&directory, &file.relative, &[""])?)
    }

    /// Moves a claimed file to those that were refused, beside a file that says why.
    pub(super) fn refuse(&self, file: &Claimed, reason: &str) -> io::Result<()> {
        let place = free_place(&self.path.join("refused"), &file.relative, &["", ".txt"])?;
        let name = with_suffix(&place, ".txt");
        let temporary = with_suffix(&place, ".txt.tmp");
        let mut text = File::create(&temporary)?;
        text.write_all(reason.as_bytes())?;
        text.sync_all()?;
        fs::rename(temporary, name)?;
        self.put_away(file, &place)
    }

    fn put_away(&self, file: &Claimed, place: &Path) -> io::Result<()> {
        fs::rename(&file.path, place)?;
        if let Some(directory) = place.parent() {
            File::open(directory)?.sync_all()?;
        }
        self.remove_empty(&file.path);
        Ok(())
    }

    /// Makes removals last. A crash before only hands files on once more.
    pub(super) fn flush(&self) -> io::Result<()> {
        File::open(self.claimed())?.sync_all()
    }

    /// Removes the directories above a claimed file that is gone, as far as they are empty.
    fn remove_empty(&self, path: &Path) {
        let claimed = self.claimed();
        for directory in path.ancestors().skip(1).take_while(|directory| *directory != claimed) {
            if fs::remove_dir(directory).is_err() {
                break;
            }
        }
    }
}

/// Makes a directory, or sees that there is one, not a link to somewhere else.
fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path)?.is_dir() {
            true => Ok(()),
            false => Err(io::ErrorKind::NotADirectory.into()),
        },
        made => made,
    }
}

fn files_below(directory: &Path, relative: &Path, found: &mut Vec<Claimed>) -> io::Result<()> {
    let before = found.len();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let relative = relative.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            files_below(&entry.path(), &relative, found)?;
        } else {
            found.push(Claimed { relative, path: entry.path() });
        }
    }
    if found.len() == before {
        fs::remove_dir(directory)?;
    }
    Ok(())
}

/// A path below `directory` like `relative`, numbered where it, with any of the suffixes, is taken.
fn free_place(directory: &Path, relative: &Path, suffixes: &[&str]) -> io::Result<PathBuf> {
    let wanted = directory.join(relative);
    let parent = wanted.parent().unwrap_or(directory);
    fs::create_dir_all(parent)?;
    let name = relative.file_name().unwrap_or_default();
    let (stem, extension) = match (Path::new(name).file_stem(), Path::new(name).extension()) {
        (Some(stem), Some(extension)) => (shortened(stem), [OsStr::new("."), extension].into_iter().collect()),
        _ => (shortened(name), OsString::new()),
    };
    let extension = if extension.len() > 16 { OsString::new() } else { extension };
    let mut number = 1;
    loop {
        let mut candidate = stem.clone();
        if number > 1 {
            candidate.push(format!(" ({number})"));
        }
        candidate.push(&extension);
        let path = parent.join(candidate);
        if suffixes.iter().all(|suffix| fs::symlink_metadata(with_suffix(&path, suffix)).is_err()) {
            return Ok(path);
        }
        number += 1;
    }
}

/// The name, or what of it leaves room for a number and suffixes.
fn shortened(name: &OsStr) -> OsString {
    const ROOM: usize = 24;
    if name.len() <= MAX_NAME - ROOM {
        return name.to_owned();
    }
    let mut text = name.to_string_lossy().into_owned();
    while text.len() > MAX_NAME - ROOM {
        text.pop();
    }
    text.into()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                } else {
                    found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        found.retain(|path| !path.ends_with("lock"));
        found.sort();
        found
    }

    fn dropped(name: &str) -> (tempfile::TempDir, Work, Claimed) {
        let folder = tempfile::tempdir().unwrap();
        let relative = PathBuf::from(name);
        fs::create_dir_all(folder.path().join(&relative).parent().unwrap()).unwrap();
        fs::write(folder.path().join(&relative), b"x").unwrap();
        let mut work = Work::open(folder.path()).unwrap().unwrap();
        let path = work.claim(folder.path(), &relative).unwrap();
        (folder, work, Claimed { relative, path })
    }

    #[test]
    fn one_program_works_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Work::open(folder.path()).unwrap();
        assert!(first.is_some() && Work::open(folder.path()).unwrap().is_none());
        drop(first);
        assert!(Work::open(folder.path()).unwrap().is_some());
    }

    #[test]
    fn claims_of_a_dead_run_are_found_with_their_paths() {
        let (folder, work, file) = dropped("a b/tờ.jpg");
        fs::create_dir(work.claimed().join("empty")).unwrap();
        assert!(!folder.path().join(&file.relative).exists());
        drop(work);
        let work = Work::open(folder.path()).unwrap().unwrap();
        assert_eq!(work.recover().unwrap(), std::slice::from_ref(&file));
        assert!(!work.claimed().join("empty").exists());
        work.remove(&file.path).unwrap();
        work.flush().unwrap();
        assert_eq!(fs::read_dir(work.claimed()).unwrap().count(), 0);
    }

    #[test]
    fn a_claim_of_nothing_leaves_nothing() {
        let (folder, mut work, file) = dropped("1.jpg");
        work.remove(&file.path).unwrap();
        assert_eq!(work.claim(folder.path(), Path::new("2.jpg")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(work.claimed()).unwrap().count(), 0);
    }

    #[test]
    fn the_refused_lie_beside_their_reasons_and_never_on_one_another() {
        let (folder, mut work, file) = dropped("sub/x.doc");
        work.refuse(&file, "vì\n").unwrap();
        fs::write(folder.path().join("sub/x.doc"), b"y").unwrap();
        let path = work.claim(folder.path(), &file.relative).unwrap();
        work.refuse(&Claimed { path, ..file }, "vì\n").unwrap();
        let refused = folder.path().join(".sohoa/refused");
        assert_eq!(below(&refused), ["sub/x (2).doc", "sub/x (2).doc.txt", "sub/x.doc", "sub/x.doc.txt"]);
        assert_eq!(fs::read_to_string(refused.join("sub/x.doc.txt")).unwrap(), "vì\n");
    }

    #[test]
    fn the_longest_name_has_room_for_its_reason() {
        let (folder, work, file) = dropped(&format!("{}.doc", "ờ".repeat(83)));
        work.refuse(&file, "").unwrap();
        assert_eq!(below(&folder.path().join(".sohoa/refused")).len(), 2);
    }

    #[test]
    fn what_is_done_may_be_kept_by_day() {
        let (folder, work, file) = dropped("1.jpg");
        work.keep(&file).unwrap();
        let done = below(&folder.path().join(".sohoa/done"));
        assert!(matches!(&done[..], [path] if path.ends_with("/1.jpg") && path.len() == 16), "{done:?}");
    }

    #[test]
    fn a_link_is_no_working_directory() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join(WORK)).unwrap();
        assert_eq!(Work::open(folder.path()).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
