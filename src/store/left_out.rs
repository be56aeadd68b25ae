//! Pages that people left out of a component: clerks at the desk, and whoever sent them by a phone. They stay in the store, and
//! can be put back.

use rusqlite::{Connection, params};

use super::accounts::record_by;
use super::dossiers::put_last;
use super::edits::{PageOf, collect, pages_of, pieces};
use super::jobs::{CaptureOf, capture_of};
use super::{Millis, Store, StoreError, Subject};

/// A component all of whose pages were left out before it was ever made: it is none any more, until they are put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// Its number.
    pub component: i64,
    /// As a person wrote it.
    pub title: String,
    /// When the last page was left out.
    pub changed: Millis,
    /// The pages.
    pub pages: Vec<CaptureOf>,
}

/// What holds for an emptied component `c`. Those whose pages a person moved to other papers have theirs still; of one that was
/// made there is a version before.
const IS_EMPTIED: &str = "c.state = 'moved' AND EXISTS (SELECT 1 FROM left_out o JOIN captures h ON h.id = o.capture
        WHERE o.component = c.id AND h.purged IS NULL)
    AND NOT EXISTS (SELECT 1 FROM component_captures p WHERE p.component = c.id)
    AND NOT EXISTS (SELECT 1 FROM components n WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0) AND n.name = c.name
        AND n.state <> 'moved')";

impl Store {
    /// The pages that people left out of a component.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn left_out(&self, component: i64) -> Result<Vec<CaptureOf>, StoreError> {
        left_out(&self.connection(), component)
    }

    /// The emptied components of a dossier.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn emptied(&self, dossier: &str) -> Result<Vec<Emptied>, StoreError> {
        let mut connection = self.connection();
        // One moment of the store, whoever writes meanwhile.
        let connection = connection.transaction()?;
        let mut select = connection.prepare_cached(&format!(
            "SELECT c.id, c.title, c.changed FROM dossiers d JOIN components c ON coalesce(c.dossier, 0) = d.id
             WHERE d.code = ?1 AND {IS_EMPTIED} ORDER BY c.id"
        ))?;
        let rows = select.query_map([dossier], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (component, title, changed) = row?;
            Ok(Emptied { component, title, changed, pages: left_out(&connection, component)? })
        })
        .collect()
    }

    /// Puts the pages of an emptied component back: it collects again.
    ///
    /// # Errors
    /// When the component is no emptied one.
    pub fn restore(&self, component: i64, by: Option<i64>, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let select = format!("SELECT 1 FROM components c WHERE c.id = ?1 AND {IS_EMPTIED}");
            if !transaction.prepare_cached(&select)?.exists([component])? {
                return Err(StoreError::NoComponent(component));
            }
            let pages: Vec<PageOf> = left_out(transaction, component)?.iter().map(page_of).collect();
            for piece in pieces(transaction, component, &pages)? {
                put_last(transaction, component, &piece)?;
            }
            transaction.prepare_cached("DELETE FROM left_out WHERE component = ?1")?.execute([component])?;
            collect(transaction, component, now)?;
            let subject = Subject { component: Some(component), ..Subject::default() };
            record_by(transaction, now, "arranged", by, subject, Some(&pages.len().to_string()))
        })
    }
}

/// A page that was left out.
fn page_of(left_out: &CaptureOf) -> PageOf {
    (left_out.id, left_out.pages.as_ref().map_or(1, |pages| *pages.start()))
}

fn left_out(connection: &Connection, component: i64) -> Result<Vec<CaptureOf>, StoreError> {
    // A picture may have been sent once more since, and what was purged by the rule cannot be put back.
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.sha256, c.bytes, o.name, o.page, o.page FROM left_out o JOIN captures c ON c.id = o.capture
         WHERE o.component = ?1 AND c.purged IS NULL AND NOT EXISTS (SELECT 1 FROM component_captures p
             WHERE p.component = o.component AND p.capture = o.capture AND p.first_page <= o.page AND coalesce(p.last_page, o.page) >= o.page)
         ORDER BY o.name, o.page",
    )?;
    let rows = select.query_map([component], capture_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Writes down what was left out of a component. Of a capture that has no number of pages yet it is the first.
pub(super) fn leave_out(connection: &Connection, component: i64, pieces: &[CaptureOf]) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO left_out (component, capture, page, name) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = connection.prepare_cached(insert)?;
    for piece in pieces {
        let pages = match &piece.pages {
            Some(pages) => pages.clone(),
            None => 1..=pages_of(connection, piece.id)?.unwrap_or(1),
        };
        for page in pages {
            insert.execute(params![component, piece.id, page, piece.name])?;
        }
    }
    Ok(())
}
