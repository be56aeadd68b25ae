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
