//! What source and index hold is written down.

use rusqlite::{Params, params};

use super::{Finding, Found, Journal, JournalError, insert};
use crate::batch::index;
use crate::batch::layout::Size;

impl Journal {
    /// Takes the index in, in place of what was there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_index(&self, rows: &[index::Row]) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM listed", [])?;
        {
            let mut insert = transaction.prepare("INSERT INTO listed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
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
             state = CASE WHEN mark = ?7 THEN state ELSE 'waiting' END WHERE source = ?1",
            params![found.source, plan, files, pages, bytes, found.code, mark],
        )?;
        // What is made again is not made.
        transaction.execute(
            "UPDATE units SET mark = ?2, attempts = 0, reason = NULL, reason_en = NULL, components = 0, made = 0, doubted = 0,
             set_aside = 0, unsigned = 0 WHERE source = ?1 AND mark <> ?2",
            params![found.source, mark],
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

    /// Ends a plan: what is gone from the source and was not made is no more part of it. The findings of the batch as a whole
    /// are those of this plan.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn end_plan(&self, plan: u64, findings: &[Finding]) -> Result<(), JournalError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let gone = "SELECT id FROM units WHERE seen < ?1 AND state <> 'done'";
        for table in ["captures", "findings", "samples"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE unit IN ({gone})"), [plan])?;
        }
        transaction.execute("DELETE FROM units WHERE seen < ?1 AND state <> 'done'", [plan])?;
        transaction.execute("DELETE FROM findings WHERE unit IS NULL", [])?;
        for finding in findings {
            insert(&transaction, None, finding)?;
        }
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
            [plan],
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
            [plan],
        )
    }

    /// Dossiers that are made and that the plan has no more: folder, directory.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn gone(&self, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs("SELECT source, name FROM units WHERE seen < ?1 AND state = 'done' ORDER BY id", [plan])
    }

    /// Dossiers of the plan that the index has not: folder, code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn extra(&self, plan: u64) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT source, coalesce(code, '') FROM units u WHERE seen = ?1
             AND NOT EXISTS (SELECT 1 FROM listed l WHERE l.code = u.code) ORDER BY id",
            [plan],
        )
    }

    /// Codes that the index has in several rows, none of which names a file or a paper: code, rows.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn listed_twice(&self) -> Result<Vec<(String, String)>, JournalError> {
        self.pairs(
            "SELECT code, group_concat(line, ', ') FROM listed WHERE path IS NULL AND component IS NULL
             GROUP BY code HAVING count(*) > 1 ORDER BY min(line)",
            [],
        )
    }

    fn pairs(&self, sql: &str, of: impl Params) -> Result<Vec<(String, String)>, JournalError> {
        let connection = self.connection();
        let mut select = connection.prepare(sql)?;
        let rows = select.query_map(of, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
