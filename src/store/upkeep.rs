//! Keeping a store: purging what the rule no longer wants, checking, backing up while the service runs, restoring.
//!
//! Whoever removes blobs holds the blobs' folder locked alone, whoever copies them holds it shared.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::manifest;
use crate::model::{Lang, Localized, shown};

use super::blobs::{FOLDER, flush_directory, hash_of};
use super::{
    APPLICATION_ID, BlobError, DATABASE, MIGRATIONS, Millis, Published, Store, StoreError, Subject, jobs,
    open_read_only, record,
};

/// Name of a database that is being written.
const INCOMPLETE: &str = "store.sqlite.incomplete";

/// Pages of the database copied at a time, and the pause in between for those who write.
const BACKUP_PAGES: i32 = 1_000;
const BACKUP_PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The database is damaged, as SQLite says.
    Database(String),
    /// A row speaks of one that is not there: table.
    ForeignKey(String),
    /// The bytes of a capture are damaged or gone.
    Capture {
        /// Number of the capture.
        id: i64,
        /// Its hash.
        sha256: String,
    },
    /// A published file is damaged or gone.
    Published(PathBuf),
    /// Bytes that no capture has: harmless, left by a program that was killed.
    Orphan(String),
}

impl Finding {
    /// Whether something is lost or wrong.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Orphan(_))
    }

    /// What programs are told.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::ForeignKey(_) => "foreign-key",
            Self::Capture { .. } => "capture",
            Self::Published(_) => "published",
            Self::Orphan(_) => "orphan",
        }
    }
}

impl Localized for Finding {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Database(text), Lang::Vi) => {
                format!("cơ sở dữ liệu bị hỏng ({text}); hãy phục hồi kho từ bản sao lưu")
            }
            (Self::Database(text), Lang::En) => format!("the database is damaged ({text}); restore a backup"),
            (Self::ForeignKey(table), Lang::Vi) => {
                format!("bảng {table} có dòng không khớp; hãy phục hồi kho từ bản sao lưu")
            }
            (Self::ForeignKey(table), Lang::En) => {
                format!("table {table} speaks of a row that is not there; restore a backup")
            }
            (Self::Capture { id, .. }, Lang::Vi) => {
                format!("ảnh gốc {id} bị hỏng hoặc mất; hãy phục hồi từ bản sao lưu hoặc quét lại")
            }
            (Self::Capture { id, .. }, Lang::En) => {
                format!("capture {id} is damaged or gone; restore a backup or scan it again")
            }
            (Self::Published(path), Lang::Vi) => {
                format!("{}: tệp kết quả bị sửa hoặc mất; hãy lấy lại từ bản sao lưu", shown(path))
            }
            (Self::Published(path), Lang::En) => {
                format!("{}: was changed or is gone; get it back from a backup", shown(path))
            }
            (Self::Orphan(sha256), Lang::Vi) => format!("{sha256}: tệp thừa trong kho, vô hại"),
            (Self::Orphan(sha256), Lang::En) => format!("{sha256}: left over in the store, harmless"),
        }
    }
}

/// A store seen from outside.
#[derive(Clone, Debug)]
pub struct Look {
    /// Version of its tables.
    pub version: i64,
    /// Captures in it.
    pub captures: u64,
    /// When its newest event was.
    pub newest: Option<Millis>,
    /// What SQLite finds damaged at a quick look.
    pub damage: Vec<Finding>,
}

/// Looks at the store in a directory without changing it, whoever else uses it; `None` where there is none.
///
/// # Errors
/// When it cannot be read, is no store, or is of a later version.
pub fn look(directory: &Path) -> Result<Option<Look>, StoreError> {
    let path = directory.join(DATABASE);
    if !path.is_file() {
        return Ok(None);
    }
    let connection = open_read_only(&path)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != i64::from(APPLICATION_ID) {
        return Err(StoreError::NotOurs(path));
    }
    let version = pragma("user_version")?;
    if usize::try_from(version).is_ok_and(|version| version > MIGRATIONS.len()) {
        return Err(StoreError::Newer { path, found: version });
    }
    let mut damage = Vec::new();
    let mut quick = connection.prepare("PRAGMA quick_check")?;
    let mut rows = quick.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if text != "ok" {
            damage.push(Finding::Database(text));
        }
    }
    let captures = connection.query_row("SELECT count(*) FROM captures", [], |row| row.get(0))?;
    let newest = connection.query_row("SELECT max(time) FROM events", [], |row| row.get(0))?;
    Ok(Some(Look { version, captures, newest, damage }))
}

impl Store {
    /// Removes the bytes of captures all of whose components are signed and published since before `until`. What they were
    /// stays written down. Does nothing while a backup copies them.
    ///
    /// # Errors
    /// When the database or the disk refuses.
    pub fn purge(&self, until: Millis, now: Millis) -> Result<usize, StoreError> {
        let folder = self.blobs().folder();
        let error = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
        let lock = File::open(folder).map_err(|source| error(folder, source))?;
        if lock.try_lock().is_err() {
            return Ok(0);
        }
        let purged: Vec<String> = self.write(|transaction| {
            let mut select = transaction.prepare(
                "SELECT c.id, c.sha256 FROM captures c WHERE c.purged IS NULL
                 AND (c.received < ?1 OR EXISTS (SELECT 1 FROM component_captures WHERE capture = c.id))
                 AND NOT EXISTS (SELECT 1 FROM component_captures p JOIN components k ON k.id = p.component
                     WHERE p.capture = c.id AND NOT (k.state = 'done' AND k.dossier IS NOT NULL AND k.changed < ?1))",
            )?;
            let rows = select.query_map([until], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
            let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
            for (capture, _) in &rows {
                transaction.execute("UPDATE captures SET purged = ?2 WHERE id = ?1", [*capture, now])?;
                let subject = Subject { capture: Some(*capture), ..Subject::default() };
                record(transaction, now, "purged", subject, None)?;
            }
            Ok(rows.into_iter().map(|(_, sha256)| sha256).collect())
        })?;
        for sha256 in &purged {
            remove(&self.blobs().path(sha256)).map_err(|source| error(folder, source))?;
        }
        Ok(purged.len())
    }

    /// Reads everything and says what is not as it should be.
    ///
    /// # Errors
    /// When the database or a folder cannot be read at all.
    pub fn check(&self, on_finding: &mut dyn FnMut(Finding)) -> Result<(), StoreError> {
        let connection = self.connection();
        check_database(&connection, on_finding)?;
        let mut known = BTreeSet::new();
        let mut captures = connection.prepare("SELECT id, sha256 FROM captures WHERE purged IS NULL")?;
        let mut rows = captures.query([])?;
        while let Some(row) = rows.next()? {
            let (id, sha256): (i64, String) = (row.get(0)?, row.get(1)?);
            match self.blobs().verified(&sha256) {
                Ok(_) => {}
                Err(BlobError::Damaged(_)) => on_finding(Finding::Capture { id, sha256: sha256.clone() }),
                Err(error) => return Err(error.into()),
            }
            known.insert(sha256);
        }
        for sha256 in stored_hashes(self.blobs().folder())? {
            if !known.contains(&sha256) {
                on_finding(Finding::Orphan(sha256));
            }
        }
        let mut select = connection.prepare(
            "SELECT p.directory, p.name, p.version, p.file, p.sha256 FROM published p JOIN components c
             ON c.id = p.component WHERE c.state <> 'moved' ORDER BY p.directory, p.name, p.version",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(path) = damaged(&jobs::published(row, 0)?) {
                on_finding(Finding::Published(path));
            }
        }
        Ok(())
    }

    /// Copies the store into a directory, which may hold an earlier backup of it: the database as it is at one moment, while
    /// others write, and the blobs it speaks of. Blobs are linked where the file system can, as they never change.
    ///
    /// # Errors
    /// When it cannot be read or written, or a blob is damaged; an earlier backup there stays good.
    pub fn back_up(&self, directory: &Path, now: Millis) -> Result<usize, StoreError> {
        let folder = self.blobs().folder();
        let error = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
        fs::create_dir_all(directory).map_err(|source| error(directory, source))?;
        let lock = File::open(folder).map_err(|source| error(folder, source))?;
        lock.lock_shared().map_err(|source| error(folder, source))?;
        let incomplete = directory.join(INCOMPLETE);
        remove(&incomplete).map_err(|source| error(&incomplete, source))?;
        {
            // A connection of its own: others go on working meanwhile.
            let from = open_read_only(&self.directory().join(DATABASE))?;
            let mut to = Connection::open(&incomplete)?;
            let backup = rusqlite::backup::Backup::new(&from, &mut to)?;
            backup.run_to_completion(BACKUP_PAGES, BACKUP_PAUSE, None)?;
            drop(backup);
            // One file, with nothing beside it.
            to.pragma_update(None, "journal_mode", "delete")?;
        }
        let copied = copy_blobs(&incomplete, folder, &directory.join(FOLDER))?;
        put_database_in_place(directory)?;
        let connection = self.connection();
        record(&connection, now, "backed-up", Subject::default(), None)?;
        Ok(copied)
    }
}

/// The file of what was published, if it is not there as its directory's manifest says: it may have been signed since.
fn damaged(published: &Published) -> Option<PathBuf> {
    let directory = Path::new(&published.directory);
    let path = directory.join(manifest::FILE_NAME);
    let Some(Ok(sealed)) = fs::read(&path).ok().map(|bytes| manifest::open(&bytes)) else { return Some(path) };
    let mut components = sealed.manifest.components.iter();
    let Some(listed) = components.find(|one| one.name == published.name && one.version == published.version) else {
        return Some(path);
    };
    let mut files = listed.files().map(|file| (directory.join(&file.path), &file.sha256));
    files.find(|(path, sha256)| hash_of(path).ok().as_ref() != Some(*sha256)).map(|(path, _)| path)
}

/// Copies a backup into a directory that holds no store yet. Every blob is read back.
///
/// # Errors
/// When the backup is damaged or the directory holds a store.
pub fn restore(backup: &Path, directory: &Path) -> Result<usize, StoreError> {
    let error = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
    let database = backup.join(DATABASE);
    if !database.is_file() {
        return Err(StoreError::Missing(backup.to_owned()));
    }
    if directory.join(DATABASE).exists() {
        return Err(StoreError::Occupied(directory.to_owned()));
    }
    let mut damage = None;
    check_database(&open_read_only(&database)?, &mut |finding| damage = Some(finding))?;
    if let Some(finding) = damage {
        return Err(StoreError::Damaged(finding.message(Lang::En)));
    }
    fs::create_dir_all(directory).map_err(|source| error(directory, source))?;
    let incomplete = directory.join(INCOMPLETE);
    fs::copy(&database, &incomplete).map_err(|source| error(&incomplete, source))?;
    let copied = copy_blobs(&incomplete, &backup.join(FOLDER), &directory.join(FOLDER))?;
    put_database_in_place(directory)?;
    // Checks the version, and makes what is missing.
    Store::open(directory)?;
    Ok(copied)
}

/// The database is the last that gets its name: with it the store is whole.
fn put_database_in_place(directory: &Path) -> Result<(), StoreError> {
    let (incomplete, database) = (directory.join(INCOMPLETE), directory.join(DATABASE));
    let placed =
        File::open(&incomplete).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&incomplete, &database));
    placed.map_err(|source| StoreError::Io { path: database, source })?;
    Ok(flush_directory(directory)?)
}

/// Copies the blobs that a database speaks of from folder to folder; those that are there are left. Says how many were not.
fn copy_blobs(database: &Path, from: &Path, to: &Path) -> Result<usize, StoreError> {
    let connection = open_read_only(database)?;
    let mut select = connection.prepare("SELECT sha256 FROM captures WHERE purged IS NULL ORDER BY sha256")?;
    let mut rows = select.query(params![])?;
    let mut copied = 0;
    while let Some(row) = rows.next()? {
        let sha256: String = row.get(0)?;
        let place = |folder: &Path| folder.join(&sha256[..2]).join(&sha256);
        let (source, target) = (place(from), place(to));
        if hash_of(&target).ok().as_ref() == Some(&sha256) {
            continue;
        }
        let parent = target.parent().expect("a blob lies in its folder");
        let error = |source| StoreError::Io { path: target.clone(), source };
        fs::create_dir_all(parent).map_err(error)?;
        remove(&target).map_err(error)?;
        link_or_copy(&source, &target).map_err(|refused| match refused.kind() {
            io::ErrorKind::NotFound => StoreError::Damaged(sha256.clone()),
            _ => error(refused),
        })?;
        if hash_of(&target).map_err(error)? != sha256 {
            remove(&target).map_err(error)?;
            return Err(StoreError::Damaged(sha256));
        }
        flush_directory(parent)?;
        copied += 1;
    }
    Ok(copied)
}

/// Gives a blob a second name, or a copy on another file system: flushed before it has its name.
fn link_or_copy(source: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(source, target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let temporary = target.with_extension("incomplete");
            fs::copy(source, &temporary)?;
            File::open(&temporary)?.sync_all()?;
            fs::rename(&temporary, target)
        }
        linked => linked,
    }
}

fn check_database(connection: &Connection, on_finding: &mut dyn FnMut(Finding)) -> Result<(), StoreError> {
    let mut integrity = connection.prepare("PRAGMA integrity_check")?;
    let mut rows = integrity.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(0)?;
        if text != "ok" {
            on_finding(Finding::Database(text));
        }
    }
    let mut keys = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        on_finding(Finding::ForeignKey(row.get(0)?));
    }
    Ok(())
}

/// The hashes of all blobs in the folder, whether a row speaks of them or not.
fn stored_hashes(folder: &Path) -> Result<Vec<String>, StoreError> {
    let list = |path: &Path| -> Result<Vec<PathBuf>, StoreError> {
        let error = |source| StoreError::Io { path: path.to_owned(), source };
        fs::read_dir(path).map_err(error)?.map(|entry| entry.map(|entry| entry.path()).map_err(error)).collect()
    };
    let is_shard = |path: &PathBuf| path.is_dir() && path.file_name().is_some_and(|name| name.len() == 2);
    let mut hashes = Vec::new();
    for shard in list(folder)?.iter().filter(|path| is_shard(path)) {
        let names = list(shard)?.into_iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        hashes.extend(names);
    }
    hashes.sort();
    Ok(hashes)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::State;
    use crate::store::dropped::Dropped;

    fn store(folder: &Path) -> Store {
        let store = Store::open(&folder.join("data")).unwrap();
        for relative in ["H21-250701-0012/a.pdf", "H21-250701-0012/b.pdf", "c.pdf"] {
            Dropped::at(relative).drop_into(&store, 1);
        }
        store
    }

    fn findings(store: &Store) -> Vec<&'static str> {
        let mut found = Vec::new();
        store.check(&mut |finding| found.push(finding.code())).unwrap();
        found
    }

    #[test]
    fn a_check_finds_what_is_damaged_gone_or_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        assert_eq!(findings(&store), [] as [&str; 0]);
        let blobs = stored_hashes(store.blobs().folder()).unwrap();
        fs::write(store.blobs().path(&blobs[0]), b"x").unwrap();
        fs::remove_file(store.blobs().path(&blobs[1])).unwrap();
        fs::write(store.blobs().path(&"ab".repeat(32)), b"x").unwrap();
        assert_eq!(findings(&store), ["capture", "capture", "orphan"]);
        let component = store.claim(1).unwrap().unwrap().component;
        let published = Published {
            directory: folder.path().to_string_lossy().into_owned(),
            name: "a".to_owned(),
            version: 1,
            file: Some(("a.pdf".to_owned(), "00".to_owned())),
        };
        store.finish(component, State::Done, "f", &[published], 2).unwrap();
        assert_eq!(findings(&store), ["capture", "capture", "orphan", "published"], "its directory has no manifest");
    }

    #[test]
    fn a_backup_is_restored_with_every_blob_and_takes_what_is_new_later() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let backup = folder.path().join("backup");
        assert_eq!(store.back_up(&backup, 5).unwrap(), 3);
        assert_eq!(store.back_up(&backup, 6).unwrap(), 0);
        let target = folder.path().join("restored");
        assert_eq!(restore(&backup, &target).unwrap(), 3);
        let restored = Store::open_existing(&target).unwrap();
        assert_eq!(findings(&restored), [] as [&str; 0]);
        assert_eq!(restored.dossier(Some("H21-250701-0012")).unwrap().components.len(), 2);
        assert!(matches!(restore(&backup, &target), Err(StoreError::Occupied(_))));
        assert!(matches!(restore(&folder.path().join("none"), &backup), Err(StoreError::Missing(_))));
        // A backup with a damaged blob is no store.
        let blobs = stored_hashes(&backup.join(FOLDER)).unwrap();
        fs::remove_file(backup.join(FOLDER).join(&blobs[0][..2]).join(&blobs[0])).unwrap();
        let refused = folder.path().join("refused");
        assert!(matches!(restore(&backup, &refused), Err(StoreError::Damaged(_))));
        assert!(!refused.join(DATABASE).exists());
    }

    #[test]
    fn only_what_is_signed_in_a_dossier_long_since_is_purged() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        while let Some(work) = store.claim(1).unwrap() {
            let state = if work.name == "b" { State::Unsigned } else { State::Done };
            store.finish(work.component, state, "f", &[], 10).unwrap();
        }
        assert_eq!(store.purge(10, 20).unwrap(), 0);
        assert_eq!(store.purge(11, 20).unwrap(), 1, "not what waits for its signature, nor what has no dossier");
        assert_eq!(findings(&store), [] as [&str; 0]);
        assert_eq!(stored_hashes(store.blobs().folder()).unwrap().len(), 2);
    }
}
