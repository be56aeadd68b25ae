//! What a batch is about and how far it is: an SQLite database in its output.
//!
//! A commit is flushed to the disk (WAL, `synchronous=FULL`) before the pages that it speaks of go from the shelf: what was found in
//! them is not found again.

mod plan;
mod shown;
mod work;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::Millis;

use super::layout::Size;

/// `SOBA` in ASCII: marks an SQLite file as a batch of ours.
const APPLICATION_ID: i32 = 0x534F_4241;
/// How long one program waits for another's write, which takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The database refuses.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    /// A file of another program, or of a newer version.
    #[error("not the journal of a batch, or that of a newer version")]
    NotOurs,
}

/// How far a dossier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its turn comes.
    Waiting,
    /// It is being made.
    Working,
    /// It is made.
    Done,
    /// It could not be made.
    Failed,
}

impl State {
    fn of(text: &str) -> Self {
        match text {
            "working" => Self::Working,
            "done" => Self::Done,
            "failed" => Self::Failed,
            _ => Self::Waiting,
        }
    }
}

/// A dossier of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its number.
    pub id: i64,
    /// Its box; empty where there is none.
    pub in_box: String,
    /// Its folder, relative to the source; `list:CODE` for one that the index lists file by file.
    pub source: String,
    /// Its directory in the output, below that of the box.
    pub name: String,
    /// Its code, if it is known.
    pub code: Option<String>,
    /// Pages that were counted.
    pub pages: u64,
    /// How often it was begun, and no page of it came to an end.
    pub attempts: u32,
    /// How far it is.
    pub state: State,
    /// When it was begun and ended.
    pub time: (Option<Millis>, Option<Millis>),
    /// What became of it.
    pub made: Made,
    /// Why it failed, in Vietnamese and in English.
    pub reason: Option<(String, String)>,
}

/// What became of a dossier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Components.
    pub components: u64,
    /// Their pages.
    pub pages: u64,
    /// Pages whose quality is doubted.
    pub doubted: u64,
    /// Captures that could not be read.
    pub set_aside: u64,
    /// Components that wait for their signature (*chờ ký*).
    pub unsigned: u64,
}

/// What a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The component and the page of it, from 1.
    pub place: (Option<String>, Option<usize>),
    /// Its kind, for programs.
    pub kind: &'static str,
    /// In Vietnamese.
    pub detail: String,
    /// In English.
    pub detail_en: String,
    /// A small picture of the page, in the folder of the report.
    pub picture: Option<String>,
}

/// A finding with its dossier, as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingShown {
    /// Box and directory of the dossier; `None` = of the batch as a whole.
    pub unit: Option<(String, String)>,
    /// The component and the page.
    pub place: (Option<String>, Option<usize>),
    /// Its kind.
    pub kind: String,
    /// In Vietnamese and English.
    pub detail: (String, String),
    /// A picture.
    pub picture: Option<String>,
}

/// A page that a person is to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its component.
    pub component: String,
    /// Its number in it.
    pub page: usize,
    /// A picture, in the folder of the report.
    pub picture: String,
}

/// How far everything is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Dossiers.
    pub dossiers: u64,
    /// Of these, made.
    pub done: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Files.
    pub files: u64,
    /// Their pages, as counted.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pages of the dossiers whose turn is still to come or that are in work.
    pub left: u64,
    /// What became of the rest.
    pub made: Made,
}

/// A box, or what is in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoxShown {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub totals: Totals,
    /// Pages that a person is to look at.
    pub samples: u64,
    /// What a person said.
    pub verdict: Option<Verdict>,
    /// Whether dossiers were made after that: the verdict is not of these.
    pub is_outdated: bool,
}

/// What the index says of a dossier as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its title.
    pub title: Option<String>,
    /// Its year or years.
    pub year: Option<String>,
}

/// What a person says of a box after looking at its sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted or sent back.
    pub accepted: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub who: String,
    /// When.
    pub time: Millis,
}

/// How far the batch was at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub time: Millis,
    /// Pages finished by then.
    pub pages: u64,
    /// How long the rest was thought to take.
    pub left_ms: Option<u64>,
}

/// A dossier as a plan found it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its box.
    pub in_box: String,
    /// Its folder.
    pub source: String,
    /// The directory that it would like.
    pub name: String,
    /// Its code.
    pub code: Option<String>,
    /// What is in it.
    pub size: Size,
}

/// The journal.
#[derive(Debug)]
pub struct Journal(Mutex<Connection>);

const UNIT: &str =
    "id, box, source, name, code, pages, state, began, ended, components, made, doubted, set_aside, unsigned,
    reason, reason_en, attempts";

fn unit(row: &Row<'_>) -> rusqlite::Result<Unit> {
    Ok(Unit {
        id: row.get(0)?,
        in_box: row.get(1)?,
        source: row.get(2)?,
        name: row.get(3)?,
        code: row.get(4)?,
        pages: row.get(5)?,
        state: State::of(&row.get::<_, String>(6)?),
        time: (row.get(7)?, row.get(8)?),
        made: Made {
            components: row.get(9)?,
            pages: row.get(10)?,
            doubted: row.get(11)?,
            set_aside: row.get(12)?,
            unsigned: row.get(13)?,
        },
        reason: row.get::<_, Option<String>>(14)?.zip(row.get(15)?),
        attempts: row.get(16)?,
    })
}

impl Journal {
    /// Opens the journal, made where it is missing.
    ///
    /// # Errors
    /// When the database refuses, or the file is another's.
    pub fn open(file: &Path) -> Result<Self, JournalError> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match (id, version) {
            (0, 0) => {
                connection.pragma_update(None, "journal_mode", "wal")?;
                connection.execute_batch(&format!(
                    "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; COMMIT",
                    include_str!("journal.sql"),
                ))?;
            }
            (APPLICATION_ID, 1) => {}
            _ => return Err(JournalError::NotOurs),
        }
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A setting of the batch.
    ///
    /// # Errors
    /// When the database refuses, as everywhere here.
    pub fn setting(&self, name: &str) -> Result<Option<String>, JournalError> {
        let connection = self.connection();
        Ok(connection.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    }

    /// Sets one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn set(&self, name: &str, value: &str) -> Result<(), JournalError> {
        let sql = "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.connection().execute(sql, [name, value])?;
        Ok(())
    }
}

/// Writes down a finding.
fn insert(connection: &Connection, unit: Option<i64>, finding: &Finding) -> Result<(), JournalError> {
    let (component, page) = &finding.place;
    let Finding { kind, detail, detail_en, picture, .. } = finding;
    let mut insert = connection.prepare_cached(
        "INSERT INTO findings (unit, component, page, kind, detail, detail_en, picture)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![unit, component, page.map(|page| page as u64), kind, detail, detail_en, picture])?;
    Ok(())
}
