//! What a batch is about and how far it is: an SQLite database in its output.
//!
//! A commit is flushed to the file (WAL), not to the disk: what a power cut takes back is done again, and nothing is lost by
//! it, for each dossier's own directory says what was made there.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::Millis;

use super::index;
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

const TOTALS: &str = "count(*), coalesce(sum(u.state = 'done'), 0), coalesce(sum(u.state = 'failed'), 0),
    coalesce(sum(u.files), 0), coalesce(sum(u.pages), 0), coalesce(sum(u.bytes), 0),
    coalesce(sum(CASE WHEN u.state IN ('waiting', 'working') THEN u.pages ELSE 0 END), 0), coalesce(sum(u.components), 0),
    coalesce(sum(u.made), 0), coalesce(sum(u.doubted), 0), coalesce(sum(u.set_aside), 0), coalesce(sum(u.unsigned), 0)";

fn totals(row: &Row<'_>, from: usize) -> rusqlite::Result<Totals> {
    let number = |index: usize| row.get(from + index);
    let made = Made {
        components: number(7)?,
        pages: number(8)?,
        doubted: number(9)?,
        set_aside: number(10)?,
        unsigned: number(11)?,
    };
    Ok(Totals {
        dossiers: number(0)?,
        done: number(1)?,
        failed: number(2)?,
        files: number(3)?,
        pages: number(4)?,
        bytes: number(5)?,
        left: number(6)?,
        made,
    })
}

const UNIT: &str =
    "id, box, source, name, code, pages, state, began, ended, components, made, doubted, set_aside, unsigned,
    reason, reason_en";

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
        connection.pragma_update(None, "synchronous", "normal")?;
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

    /// Takes the index in, in place of what was there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_index(&self, rows: &[index::Row]) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM listed", [])?;
        {
            let mut insert = transaction.prepare("INSERT INTO listed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)")?;
            for row in rows {
                let path = row.path.as_ref().map(|path| path.to_string_lossy());
                let (line, code, title) = (row.line as u64, &row.code, &row.title);
                insert.execute(params![line, code, title, row.year, row.in_box, row.pages, row.component, path])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Whether the index has a dossier of this code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lists(&self, code: &str) -> Result<bool, JournalError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM listed WHERE code = ?1)";
        Ok(self.connection().query_row(sql, [code], |row| row.get(0))?)
    }

    /// The files and folders that the index has of a dossier: title of the component, path.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn files_of(&self, code: &str) -> Result<Vec<(Option<String>, String)>, JournalError> {
        let connection = self.connection();
        let mut select = connection
            .prepare_cached("SELECT component, path FROM listed WHERE code = ?1 AND path IS NOT NULL ORDER BY line")?;
        let rows = select.query_map([code], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Codes and boxes of the dossiers that the index lists file by file.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn listed_by_file(&self) -> Result<Vec<(String, String)>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT code, coalesce(max(box), '') FROM listed WHERE path IS NOT NULL GROUP BY code ORDER BY min(line)",
        )?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// As many pages as the index says that a dossier has; `None` where it does not say so of every row.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn listed_pages(&self, code: &str) -> Result<Option<u64>, JournalError> {
        let sql = "SELECT CASE WHEN count(*) = count(pages) THEN sum(pages) END FROM listed WHERE code = ?1";
        Ok(self.connection().query_row(sql, [code], |row| row.get(0))?)
    }

    /// Begins a plan: its number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin_plan(&self) -> Result<u64, JournalError> {
        let plan = self.setting("plan")?.and_then(|plan| plan.parse::<u64>().ok()).unwrap_or(0) + 1;
        self.set("plan", &plan.to_string())?;
        Ok(plan)
    }

    /// Puts a dossier into the plan. One that is made stays so as long as its files are the same.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put(&self, plan: u64, found: &Found) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let Size { files, pages, bytes, mark } = &found.size;
        let is_there = transaction.execute(
            "UPDATE units SET seen = ?2, files = ?3, pages = ?4, bytes = ?5, code = ?6,
             state = CASE WHEN mark = ?7 THEN state ELSE 'waiting' END, mark = ?7 WHERE source = ?1",
            params![found.source, plan, files, pages, bytes, found.code, mark],
        )?;
        if is_there == 0 {
            let mut name = found.name.clone();
            let mut number = 2;
            let taken = "SELECT EXISTS (SELECT 1 FROM units WHERE box = ?1 AND name = ?2)";
            while transaction.query_row(taken, [&found.in_box, &name], |row| row.get(0))? {
                name = format!("{}-{number}", found.name);
                number += 1;
            }
            transaction.execute(
                "INSERT INTO units (box, source, name, code, files, pages, bytes, mark, seen)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![found.in_box, found.source, name, found.code, files, pages, bytes, mark, plan],
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// Ends a plan: what is gone from the source and was not begun is no more part of it. The findings of the batch as a whole
    /// are those of this plan.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn end_plan(&self, plan: u64, findings: &[Finding]) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM units WHERE seen < ?1 AND state = 'waiting' AND began IS NULL", [plan])?;
        transaction.execute("DELETE FROM findings WHERE unit IS NULL", [])?;
        for finding in findings {
            insert(&transaction, None, finding)?;
        }
        transaction.execute(
            "UPDATE listed SET unit = (SELECT min(u.id) FROM units u WHERE u.code = listed.code AND u.seen = ?1)",
            [plan],
        )?;
        Ok(transaction.commit()?)
    }

    /// Codes of several dossiers of the plan, with their folders.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn codes_twice(&self, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT code, group_concat(source, '; ') FROM units WHERE seen = ?1 AND code IS NOT NULL
             GROUP BY code HAVING count(*) > 1 ORDER BY code",
            plan,
        )
    }

    /// Rows of the index whose dossier the plan has not: code, row.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn missing(&self, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT l.code, group_concat(l.line, ', ') FROM listed l
             WHERE NOT EXISTS (SELECT 1 FROM units u WHERE u.code = l.code AND u.seen = ?1)
             GROUP BY l.code ORDER BY min(l.line)",
            plan,
        )
    }

    /// Dossiers of the plan that the index has not: folder, code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn extra(&self, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT source, coalesce(code, '') FROM units u WHERE seen = ?1
             AND NOT EXISTS (SELECT 1 FROM listed l WHERE l.code = u.code) ORDER BY id",
            plan,
        )
    }

    /// Codes that the index has in several rows, none of which names a file or a paper: code, rows.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn listed_twice(&self) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT code, group_concat(line, ', ') FROM listed WHERE path IS NULL AND component IS NULL AND ?1 >= 0
             GROUP BY code HAVING count(*) > 1 ORDER BY min(line)",
            0,
        )
    }

    fn pairs(&self, sql: &str, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(sql)?;
        let rows = select.query_map([plan], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Dossiers that a killed run had in work have their turn again.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn recover(&self) -> Result<usize, JournalError> {
        Ok(self.connection().execute("UPDATE units SET state = 'waiting' WHERE state = 'working'", [])?)
    }

    /// The next dossier, which is in work from now on.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn claim(&self, now: Millis) -> Result<Option<Unit>, JournalError> {
        let connection = self.connection();
        let mut update = connection.prepare_cached(&format!(
            "UPDATE units SET state = 'working', began = ?1, attempts = attempts + 1
             WHERE id = (SELECT id FROM units WHERE state = 'waiting' ORDER BY id LIMIT 1) RETURNING {UNIT}"
        ))?;
        Ok(update.query_row([now], unit).optional()?)
    }

    /// Gives a dossier back: its turn comes again.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn give_back(&self, id: i64) -> Result<(), JournalError> {
        self.connection().execute("UPDATE units SET state = 'waiting' WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Writes down what became of a dossier: its captures (name, SHA-256), what a person should know, and what one is to look
    /// at. Of the components `unseen` stays what was written down before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn finish(
        &self,
        id: i64,
        made: Made,
        captures: &[(String, String)],
        (findings, samples): (&[Finding], &[Sample]),
        unseen: &[String],
        now: Millis,
    ) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        clear(&transaction, id, unseen)?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO captures VALUES (?1, ?2, ?3)")?;
            for (path, sha256) in captures {
                insert.execute(params![id, path, sha256])?;
            }
            let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO samples VALUES (?1, ?2, ?3, ?4)")?;
            for Sample { component, page, picture } in samples {
                insert.execute(params![id, component, *page as u64, picture])?;
            }
        }
        for finding in findings {
            insert(&transaction, Some(id), finding)?;
        }
        let Made { components, pages, doubted, set_aside, unsigned } = made;
        transaction.execute(
            "UPDATE units SET state = 'done', ended = ?2, components = ?3, made = ?4, doubted = ?5, set_aside = ?6,
             unsigned = ?7, reason = NULL, reason_en = NULL WHERE id = ?1",
            params![id, now, components, pages, doubted, set_aside, unsigned],
        )?;
        Ok(transaction.commit()?)
    }

    /// Writes down that a dossier could not be made.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn fail(&self, id: i64, (reason, reason_en): (&str, &str), now: Millis) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        clear(&transaction, id, &[])?;
        transaction.execute(
            "UPDATE units SET state = 'failed', ended = ?2, reason = ?3, reason_en = ?4 WHERE id = ?1",
            params![id, now, reason, reason_en],
        )?;
        Ok(transaction.commit()?)
    }

    /// Where the bytes of a capture are in another dossier already: directory of that dossier, name of the file.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn seen_before(&self, id: i64, sha256: &str) -> Result<Option<(String, String)>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT u.name, c.path FROM captures c JOIN units u ON u.id = c.unit
             WHERE c.sha256 = ?2 AND c.unit <> ?1 ORDER BY c.unit LIMIT 1",
        )?;
        Ok(select.query_row(params![id, sha256], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Whether a dossier is the first of its box.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_first_of_box(&self, unit: &Unit) -> Result<bool, JournalError> {
        let sql = "SELECT min(id) = ?2 FROM units WHERE box = ?1";
        Ok(self.connection().query_row(sql, params![unit.in_box, unit.id], |row| row.get(0))?)
    }

    /// Dossiers that failed, or lack pages that could not be read, get another turn; how many. With `name`, only those
    /// whose directory or code it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn retry(&self, name: Option<&str>) -> Result<usize, JournalError> {
        Ok(self.connection().execute(
            "UPDATE units SET state = 'waiting' WHERE state IN ('failed', 'done')
             AND (CASE WHEN ?1 IS NULL THEN state = 'failed' OR set_aside > 0 ELSE name = ?1 OR code IS ?1 END)",
            [name],
        )?)
    }

    /// How far everything is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn totals(&self) -> Result<Totals, JournalError> {
        let sql = format!("SELECT {TOTALS} FROM units u");
        Ok(self.connection().query_row(&sql, [], |row| totals(row, 0))?)
    }

    /// The boxes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn boxes(&self) -> Result<Vec<BoxShown>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(&format!(
            "SELECT u.box, v.accepted, v.reason, v.who, v.time,
             (SELECT count(*) FROM samples s JOIN units w ON w.id = s.unit WHERE w.box = u.box), {TOTALS}
             FROM units u LEFT JOIN verdicts v ON v.box = u.box GROUP BY u.box ORDER BY min(u.id)"
        ))?;
        let rows = select.query_map([], |row| {
            let accepted: Option<bool> = row.get(1)?;
            let verdict = match accepted {
                None => None,
                Some(accepted) => Some(Verdict { accepted, reason: row.get(2)?, who: row.get(3)?, time: row.get(4)? }),
            };
            Ok(BoxShown { name: row.get(0)?, verdict, samples: row.get(5)?, totals: totals(row, 6)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what a person says of a box; `false` where there is none of this name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn judge(&self, name: &str, verdict: &Verdict) -> Result<bool, JournalError> {
        let Verdict { accepted, reason, who, time } = verdict;
        let judged = self.connection().execute(
            "INSERT INTO verdicts SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM units WHERE box = ?1)
             ON CONFLICT (box) DO UPDATE SET accepted = ?2, reason = ?3, who = ?4, time = ?5",
            params![name, accepted, reason, who, time],
        )?;
        Ok(judged > 0)
    }

    /// Goes through the dossiers in order.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_unit(&self, mut each: impl FnMut(Unit)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(&format!("SELECT {UNIT} FROM units ORDER BY id"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(unit(row)?);
        }
        Ok(())
    }

    /// Goes through all findings, first those of the batch as a whole.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_finding(&self, mut each: impl FnMut(FindingShown)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT u.box, u.name, f.component, f.page, f.kind, f.detail, f.detail_en, f.picture
             FROM findings f LEFT JOIN units u ON u.id = f.unit ORDER BY coalesce(f.unit, 0), f.id",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(FindingShown {
                unit: row.get::<_, Option<String>>(0)?.zip(row.get(1)?),
                place: (row.get(2)?, row.get(3)?),
                kind: row.get(4)?,
                detail: (row.get(5)?, row.get(6)?),
                picture: row.get(7)?,
            });
        }
        Ok(())
    }

    /// Goes through the pages that a person is to look at: box, dossier, page.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn each_sample(&self, mut each: impl FnMut(String, String, Sample)) -> Result<(), JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT u.box, u.name, s.component, s.page, s.picture FROM samples s JOIN units u ON u.id = s.unit
             ORDER BY u.id, s.component, s.page",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let sample = Sample { component: row.get(2)?, page: row.get(3)?, picture: row.get(4)? };
            each(row.get(0)?, row.get(1)?, sample);
        }
        Ok(())
    }

    /// Writes down how far it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_tick(&self, tick: Tick) -> Result<(), JournalError> {
        let sql = "INSERT OR REPLACE INTO ticks VALUES (?1, ?2, ?3)";
        self.connection().execute(sql, params![tick.time, tick.pages, tick.left_ms])?;
        Ok(())
    }

    /// How far it was, time by time.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn ticks(&self) -> Result<Vec<Tick>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare("SELECT time, pages, left_ms FROM ticks ORDER BY time")?;
        let tick = |row: &Row<'_>| Ok(Tick { time: row.get(0)?, pages: row.get(1)?, left_ms: row.get(2)? });
        let rows = select.query_map([], tick)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Takes back what was written down of a dossier, but for some components.
fn clear(connection: &Connection, id: i64, but: &[String]) -> Result<(), JournalError> {
    connection.execute("DELETE FROM captures WHERE unit = ?1", [id])?;
    let but = serde_json::to_string(but).expect("names are plain values");
    for table in ["findings", "samples"] {
        let sql = format!(
            "DELETE FROM {table} WHERE unit = ?1 AND (component IS NULL OR component NOT IN (SELECT value FROM json_each(?2)))"
        );
        connection.execute(&sql, params![id, but])?;
    }
    Ok(())
}

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
