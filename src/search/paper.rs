//! The papers of a person: what need not be brought again.

use rusqlite::{Row, params};

use super::{Index, SearchError, identity};

/// Most papers of a person that are named.
const MOST: u32 = 50;

/// A paper that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paper {
    /// Number of the component in the store.
    pub component: i64,
    /// Its version.
    pub version: u32,
    /// Its title.
    pub title: String,
    /// Code of the dossier.
    pub dossier: Option<String>,
    /// Kind of paper.
    pub kind: Option<String>,
    /// Number or symbol.
    pub number: Option<String>,
    /// Date, YYYY-MM-DD.
    pub date: Option<String>,
    /// Until when it is valid, as the paper says it.
    pub valid_until: Option<String>,
}

const PAPER: &str =
    "SELECT p.id, p.version, p.title, p.dossier, p.kind, p.number, p.date, p.valid_until FROM components p";

/// What a row has from this column on.
pub(super) fn paper(row: &Row<'_>, from: usize) -> rusqlite::Result<Paper> {
    Ok(Paper {
        component: row.get(from)?,
        version: row.get(from + 1)?,
        title: row.get(from + 2)?,
        dossier: row.get(from + 3)?,
        kind: row.get(from + 4)?,
        number: row.get(from + 5)?,
        date: row.get(from + 6)?,
        valid_until: row.get(from + 7)?,
    })
}

impl Paper {
    /// Its date as people write it.
    pub fn day(&self) -> Option<String> {
        self.date.as_ref().map(|date| date.split('-').rev().collect::<Vec<_>>().join("/"))
    }
}

impl Index {
    /// The papers of the person with this number, the newest first, and at most 50.
    ///
    /// # Errors
    /// When no citizen has such a number, or the database refuses.
    pub fn papers_of(&self, number: &str) -> Result<Vec<Paper>, SearchError> {
        let person = self.key.hash(&identity::digits(number).ok_or(SearchError::Identity)?);
        let sql = format!("{PAPER} WHERE p.person = ?1 ORDER BY p.id DESC LIMIT ?2");
        let mut select = self.connection.prepare_cached(&sql)?;
        let papers = select.query_map(params![person, MOST], |row| paper(row, 0))?;
        Ok(papers.collect::<Result<_, _>>()?)
    }

    /// The papers in other dossiers that are of the kind and the person of a component, the newest first, and at most 50; none where
    /// the one or the other is not known.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn papers_like(&self, component: i64) -> Result<Vec<Paper>, SearchError> {
        let sql = format!(
            "{PAPER} JOIN components c ON c.person = p.person AND c.kind = p.kind AND c.dossier IS NOT p.dossier
             WHERE c.id = ?1 ORDER BY p.id DESC LIMIT ?2"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let papers = select.query_map(params![component, MOST], |row| paper(row, 0))?;
        Ok(papers.collect::<Result<_, _>>()?)
    }
}
