//! Search over the words and fields of what was published.
//!
//! An [`Index`] is a folder with an SQLite file of its own. It holds no truth: everything in it comes from the store and the
//! published files, and an index that is missing, damaged or of another version is begun anew by [`Index::open`].
//!
//! A page is found by terms: its words with and without marks, pairs of words side by side, and the values of fields. The
//! table of terms (FTS5) says only which pages have a term, newest first, so that a common word costs no more than the pages that
//! are looked at; the rest is judged by the pages themselves, which are kept packed. `docs/decisions.md` has the measurements.
//!
//! Files: `entry.rs` is what is put in, `words.rs` has the two forms of a word, `identity.rs` hides citizens' numbers, `fields.rs`
//! makes terms of fields, `packed.rs` keeps pages, `near.rs` finds words with slips, `question.rs` reads what is asked, `find.rs`
//! finds, `rank.rs` judges a page, `hit.rs` is what is answered; `paper.rs` has the papers of a person.

mod entry;
mod fields;
mod find;
mod hit;
mod identity;
mod near;
mod packed;
mod paper;
mod question;
mod rank;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::model::{Lang, Localized, io_reason, shown};

pub use entry::{Entry, Page};
pub use hit::{Found, Hit, How, Piece};
pub use paper::Paper;
pub use question::{Question, date};

use entry::Kept;
use identity::Key;

/// Name of the database in the folder, and of the key.
const DATABASE: &str = "index.sqlite";
const KEY: &str = "key";

/// `SOHT` in ASCII: marks an SQLite file as ours.
const APPLICATION_ID: i32 = 0x534F_4854;
/// What an index of this program is like: one of another version is made anew.
const VERSION: i64 = 2;

/// Pages of the database in memory, KiB (as SQLite takes it, negative).
const CACHE_KIB: i64 = -32_768;
/// How long one program waits for another's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why nothing can be searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// A file of the index cannot be read or written.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database refuses.
    #[error(
        "the search index cannot be read or written; `sohoa serve` makes it anew where {DATABASE} is removed ({0})"
    )]
    Database(#[from] rusqlite::Error),
    /// There is no index here.
    #[error("{}: nothing was indexed yet; `sohoa serve` does", shown(.0))]
    Missing(PathBuf),
    /// Neither words nor fields were asked for.
    #[error("what is looked for is missing: words, or one of the fields")]
    Nothing,
    /// No citizen has such a number.
    #[error("a citizen's number has 12 digits, or 9 in old papers")]
    Identity,
}

impl SearchError {
    /// Whether the index is damaged: it is to be made anew.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Database(error) if is_damage(error))
    }
}

impl Localized for SearchError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Database(error), Lang::Vi) => {
                format!("chỉ mục tìm kiếm không đọc hoặc ghi được; xoá {DATABASE} thì `sohoa serve` lập lại ({error})")
            }
            (Self::Missing(path), Lang::Vi) => {
                format!("{}: chưa có chỉ mục tìm kiếm; `sohoa serve` sẽ lập", shown(path))
            }
            (Self::Nothing, Lang::Vi) => "chưa có gì để tìm: hãy nhập từ cần tìm hoặc một trường".to_owned(),
            (Self::Identity, Lang::Vi) => "số định danh có 12 chữ số, hoặc 9 chữ số ở giấy tờ cũ".to_owned(),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// An open index.
pub struct Index {
    connection: Connection,
    key: Key,
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index in a folder to write it. The second value says that it is new: there was none, or none that can be used, and
    /// nobody has said yet that it is begun.
    ///
    /// # Errors
    /// When it cannot be made or opened.
    pub fn open(folder: &Path) -> Result<(Self, bool), SearchError> {
        let error = |source| SearchError::Io { path: folder.to_owned(), source };
        // Words of citizens' papers: for the service's user alone.
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error)?;
        let key = Key::open(&folder.join(KEY)).map_err(error)?;
        let path = folder.join(DATABASE);
        if let Some(index) = path.is_file().then(|| Self::usable(&path, &key)).transpose()?.flatten() {
            let is_begun = index.prepare("SELECT 1 FROM meta WHERE name = 'begun'")?.exists([])?;
            return Ok((Self { connection: index, key }, !is_begun));
        }
        Self::discard(folder)?;
        let mut connection = configured(Connection::open(&path)?)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(include_str!("schema.sql"))?;
        transaction.execute("INSERT INTO meta VALUES ('key', ?1)", [key.hash(KEY)])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        Ok((Self { connection, key }, true))
    }

    /// Opens an index that is there, only to ask it.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub fn open_to_ask(folder: &Path) -> Result<Self, SearchError> {
        let path = folder.join(DATABASE);
        if !path.is_file() || !folder.join(KEY).is_file() {
            return Err(SearchError::Missing(folder.to_owned()));
        }
        let error = |source| SearchError::Io { path: folder.to_owned(), source };
        let key = Key::open(&folder.join(KEY)).map_err(error)?;
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        tune(&connection)?;
        match is_ours(&connection, &key)? {
            true => Ok(Self { connection, key }),
            false => Err(SearchError::Missing(folder.to_owned())),
        }
    }

    /// Removes an index that cannot be used. Nobody else may be writing it.
    ///
    /// # Errors
    /// When its files cannot be removed.
    pub fn discard(folder: &Path) -> Result<(), SearchError> {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let path = folder.join(format!("{DATABASE}{suffix}"));
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(SearchError::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Says that it is known what is to be put into a new index.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begun(&mut self) -> Result<(), SearchError> {
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES ('begun', 'yes')", [])?;
        Ok(())
    }

    /// The database, if it is an index of this version and key.
    fn usable(path: &Path, key: &Key) -> Result<Option<Connection>, SearchError> {
        let usable = Connection::open(path).and_then(configured).and_then(|connection| {
            let is_ours = is_ours(&connection, key)?;
            Ok(is_ours.then_some(connection))
        });
        match usable {
            Err(error) if is_damage(&error) => Ok(None),
            usable => Ok(usable?),
        }
    }

    /// Puts components in, all or none of them, and takes out their earlier versions. What is there already is replaced; of
    /// a component that has a later version in the index nothing is put in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put(&mut self, entries: &[Entry]) -> Result<(), SearchError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut vocabulary = BTreeMap::new();
        for entry in entries {
            put(&transaction, entry, &self.key, &mut vocabulary)?;
        }
        count(&transaction, vocabulary)?;
        Ok(transaction.commit()?)
    }

    /// Takes a component out.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn remove(&mut self, component: i64) -> Result<(), SearchError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut vocabulary = BTreeMap::new();
        take_out(&transaction, component, &mut vocabulary)?;
        count(&transaction, vocabulary)?;
        Ok(transaction.commit()?)
    }

    /// Takes a dossier out with all its components; says how many these were.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn remove_dossier(&mut self, code: &str) -> Result<usize, SearchError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut vocabulary = BTreeMap::new();
        let components: Vec<i64> = transaction
            .prepare("SELECT id FROM components WHERE dossier = ?1")?
            .query_map([code], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        components.iter().try_for_each(|component| take_out(&transaction, *component, &mut vocabulary))?;
        count(&transaction, vocabulary)?;
        transaction.commit()?;
        Ok(components.len())
    }

    /// Makes the tables of terms that came one after the other into one, so that questions are answered fastest. Takes minutes
    /// on a million pages.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn settle(&mut self) -> Result<(), SearchError> {
        self.connection.execute("INSERT INTO terms (terms) VALUES ('optimize')", [])?;
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(()))?)
    }

    /// How many pages are in it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pages(&self) -> Result<u64, SearchError> {
        Ok(self.connection.query_row("SELECT count(*) FROM pages", [], |row| row.get(0))?)
    }
}

/// Whether a database cannot be used as it is, and would never be.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if matches!(error.code, DatabaseCorrupt | NotADatabase))
}

fn is_ours(connection: &Connection, key: &Key) -> rusqlite::Result<bool> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id")? != i64::from(APPLICATION_ID) || pragma("user_version")? != VERSION {
        return Ok(false);
    }
    let made_with: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE name = 'key'", [], |row| row.get(0)).optional()?;
    Ok(made_with == Some(key.hash(KEY)))
}

fn configured(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The store forgets that something is to be indexed once it is.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    tune(&connection)?;
    Ok(connection)
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Pages that a word is on, more or fewer.
type Change = BTreeMap<String, i64>;

fn put(connection: &Transaction<'_>, entry: &Entry, key: &Key, vocabulary: &mut Change) -> Result<(), SearchError> {
    let others: Vec<(i64, u32)> = connection
        .prepare_cached("SELECT id, version FROM components WHERE dossier IS ?1 AND name = ?2 AND id <> ?3")?
        .query_map(params![entry.dossier, entry.name, entry.component], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    take_out(connection, entry.component, vocabulary)?;
    if others.iter().any(|(_, version)| *version > entry.version) {
        return Ok(());
    }
    others.iter().try_for_each(|(other, _)| take_out(connection, *other, vocabulary))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO components (id, dossier, name, version, title, kind, number, date, valid_until, owner, identity, person)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    insert.execute(params![
        entry.component,
        entry.dossier,
        entry.name,
        entry.version,
        entry.title,
        Entry::clear(entry.kind.as_deref()),
        Entry::clear(entry.number.as_deref()),
        entry.date.map(|date| date.to_string()),
        Entry::clear(entry.valid_until.as_deref()),
        Entry::clear(entry.owner.as_deref()),
        entry.masked_identity(),
        entry.person(key),
    ])?;
    let mut insert_page =
        connection.prepare_cached("INSERT INTO pages (component, number, words) VALUES (?1, ?2, ?3) RETURNING id")?;
    let mut insert_terms = connection.prepare_cached("INSERT INTO terms (rowid, term) VALUES (?1, ?2)")?;
    let kept = entry.kept(key).map_err(|source| SearchError::Io { path: DATABASE.into(), source })?;
    for Kept { number, words, terms, vocabulary: new } in kept {
        let id: i64 = insert_page.query_row(params![entry.component, number, words], |row| row.get(0))?;
        let terms: Vec<String> = terms.into_iter().collect();
        insert_terms.execute(params![id, terms.join(" ")])?;
        new.into_iter().for_each(|word| *vocabulary.entry(word).or_default() += 1);
    }
    Ok(())
}

fn take_out(connection: &Transaction<'_>, component: i64, vocabulary: &mut Change) -> Result<(), SearchError> {
    let pages: Vec<(i64, Vec<u8>, String)> = connection
        .prepare_cached(
            "SELECT p.id, p.words, c.title FROM pages p JOIN components c ON c.id = p.component
             WHERE p.component = ?1 ORDER BY p.id",
        )?
        .query_map([component], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (index, (id, words, title)) in pages.into_iter().enumerate() {
        connection.prepare_cached("DELETE FROM terms WHERE rowid = ?1")?.execute([id])?;
        let words = packed::unpack(&words).unwrap_or_default();
        // The title is found with the first page.
        let titled = Some(title.as_str()).filter(|_| index == 0);
        let words: BTreeSet<String> =
            words.iter().chain(titled).flat_map(words::tokens).map(|token| token.folded).collect();
        words.into_iter().for_each(|word| *vocabulary.entry(word).or_default() -= 1);
    }
    connection.prepare_cached("DELETE FROM pages WHERE component = ?1")?.execute([component])?;
    connection.prepare_cached("DELETE FROM components WHERE id = ?1")?.execute([component])?;
    Ok(())
}

/// Counts words; a new one gets what it is found by when it was mistyped. Numbers are no words here: each is on few pages.
fn count(connection: &Transaction<'_>, vocabulary: Change) -> Result<(), SearchError> {
    let mut update = connection.prepare_cached("UPDATE vocabulary SET pages = max(pages + ?2, 0) WHERE word = ?1")?;
    let mut insert = connection.prepare_cached("INSERT INTO vocabulary (word, pages) VALUES (?1, ?2)")?;
    let mut remember = connection.prepare_cached("INSERT INTO remainders (remainder, word) VALUES (?1, ?2)")?;
    for (word, pages) in vocabulary.into_iter().filter(|(word, _)| near::is_of_letters(word)) {
        if update.execute(params![word, pages])? > 0 || pages <= 0 {
            continue;
        }
        insert.execute(params![word, pages])?;
        near::kept(&word).iter().try_for_each(|remainder| remember.execute(params![remainder, word]).map(drop))?;
    }
    Ok(())
}
