//! Dossiers are handed out, and what became of them is written down.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Finding, Journal, JournalError, Made, Sample, UNIT, Unit, insert, unit};
use crate::store::Millis;

impl Journal {
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

    /// A page of a dossier came to an end: beginning it again is no attempt in vain.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn went_on(&self, id: i64) -> Result<(), JournalError> {
        self.connection().execute("UPDATE units SET attempts = 0 WHERE id = ?1", [id])?;
        Ok(())
    }

    /// Gives a dossier back: its turn comes again. Whether that `counts` as an attempt.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn give_back(&self, id: i64, counts: bool) -> Result<(), JournalError> {
        let sql =
            "UPDATE units SET state = 'waiting', attempts = attempts - iif(?2 OR attempts = 0, 0, 1) WHERE id = ?1";
        self.connection().execute(sql, params![id, counts])?;
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
             unsigned = ?7, reason = NULL, reason_en = NULL, attempts = 0 WHERE id = ?1",
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
            "UPDATE units SET state = 'failed', ended = ?2, reason = ?3, reason_en = ?4, attempts = 0, components = 0, made = 0,
             doubted = 0, set_aside = 0, unsigned = 0 WHERE id = ?1",
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

    /// Whether a page of a box is among those that a person looks at, of another dossier.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn has_sample(&self, unit: &Unit) -> Result<bool, JournalError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM samples s JOIN units u ON u.id = s.unit WHERE u.box = ?1 AND u.id <> ?2)";
        Ok(self.connection().query_row(sql, params![unit.in_box, unit.id], |row| row.get(0))?)
    }

    /// Dossiers that failed, or lack pages that could not be read, get another turn; how many. With `name`, only those
    /// whose directory or code it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn retry(&self, name: Option<&str>) -> Result<usize, JournalError> {
        Ok(self.connection().execute(
            "UPDATE units SET state = 'waiting', reason = NULL, reason_en = NULL, attempts = 0, components = 0, made = 0,
             doubted = 0, set_aside = 0, unsigned = 0 WHERE state IN ('failed', 'done')
             AND (CASE WHEN ?1 IS NULL THEN state = 'failed' OR set_aside > 0 ELSE name = ?1 OR code IS ?1 END)",
            [name],
        )?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::journal::{Found, State};
    use crate::batch::layout::Size;

    fn journal(mark: &str) -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("batch.sqlite")).unwrap();
        plan(&journal, &["a"], mark);
        (folder, journal)
    }

    fn plan(journal: &Journal, sources: &[&str], mark: &str) {
        let plan = journal.begin_plan().unwrap();
        for source in sources {
            let size = Size { files: 1, pages: 2, bytes: 3, mark: mark.to_owned() };
            let (in_box, source) = (String::new(), (*source).to_owned());
            journal.put(plan, &Found { in_box, name: source.clone(), source, code: None, size }).unwrap();
        }
        journal.end_plan(plan, &[]).unwrap();
    }

    #[test]
    fn only_attempts_in_vain_are_counted() {
        let (_folder, journal) = journal("1");
        let begin = || {
            journal.recover().unwrap();
            journal.claim(1).unwrap().unwrap()
        };
        assert_eq!([begin().attempts, begin().attempts], [1, 2], "the program ended");
        let id = begin().id;
        journal.give_back(id, false).unwrap();
        assert_eq!(begin().attempts, 3, "told to stop");
        journal.give_back(id, true).unwrap();
        assert_eq!(begin().attempts, 4);
        journal.went_on(id).unwrap();
        assert_eq!(begin().attempts, 1, "a page came to an end");
    }

    #[test]
    fn what_is_made_stays_made_until_its_files_change() {
        let (_folder, journal) = journal("1");
        let unit = journal.claim(1).unwrap().unwrap();
        let made = Made { components: 1, pages: 2, doubted: 1, set_aside: 0, unsigned: 1 };
        let finding = Finding {
            place: (Some("c".to_owned()), Some(1)),
            kind: "blank",
            detail: String::new(),
            detail_en: String::new(),
            picture: None,
        };
        let finish = |findings: &[Finding], unseen: &[String]| {
            journal.finish(unit.id, made, &[("a/1".to_owned(), "ab".to_owned())], (findings, &[]), unseen, 2).unwrap();
        };
        let findings = || {
            let mut count = 0;
            journal.each_finding(|_| count += 1).unwrap();
            count
        };
        finish(std::slice::from_ref(&finding), &[]);
        plan(&journal, &["a"], "1");
        assert!(journal.claim(3).unwrap().is_none());
        assert_eq!((journal.totals().unwrap().made, findings()), (made, 1));
        assert!(
            journal.seen_before(99, "ab").unwrap().is_some() && journal.seen_before(unit.id, "ab").unwrap().is_none()
        );

        assert_eq!(journal.retry(Some("a")).unwrap(), 1);
        assert_eq!(journal.totals().unwrap().made, Made::default(), "it is not made now");
        journal.claim(4).unwrap().unwrap();
        finish(&[], &["c".to_owned()]);
        assert_eq!(findings(), 1, "what was not looked at again stays");
        finish(&[], &[]);
        assert_eq!(findings(), 0);

        plan(&journal, &["a"], "2");
        assert_eq!(journal.claim(5).unwrap().unwrap().state, State::Working);
        journal.fail(unit.id, ("hỏng", "broken"), 6).unwrap();
        assert_eq!((journal.totals().unwrap().failed, journal.totals().unwrap().left), (1, 0));
        // Gone from the source, and never made.
        plan(&journal, &["b"], "2");
        assert_eq!((journal.totals().unwrap().dossiers, journal.totals().unwrap().failed), (1, 0));
    }
}
