//! Looking through the store in pages, for programs that ask over the network; and trying again what failed.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::model::DossierCode;

use super::accept::ensure_dossier;
use super::dossiers::published;
use super::jobs;
use super::jobs::captures_of;
use super::reused::reused;
use super::{ComponentShown, Millis, State, Store, StoreError, Subject, record, results};

/// A dossier in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DossierListed {
    /// Its code.
    pub code: String,
    /// When it was begun.
    pub created: Millis,
    /// Newest versions of its components by state, in the order of [`State::ALL`].
    pub components: [u64; State::ALL.len()],
}

/// A component, wherever it is.
#[derive(Clone, Debug)]
pub struct ComponentListed {
    /// Code of its dossier; `None` = not placed.
    pub dossier: Option<String>,
    /// The component.
    pub component: ComponentShown,
}

const COLUMNS: &str = "SELECT c.id, c.title, c.name, c.version, c.state, coalesce(c.problem, c.reason), c.code,
        c.result_code, c.changed, d.code, NOT EXISTS (SELECT 1 FROM components n
            WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0) AND n.name = c.name AND n.version > c.version
            AND n.state <> 'moved'), r.code, r.owner, r.type
    FROM components c LEFT JOIN dossiers d ON d.id = c.dossier
    LEFT JOIN results r ON r.dossier = c.dossier AND r.name = c.name WHERE c.state <> 'moved'";

impl Store {
    /// The dossiers whose code comes after `after`, by code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn dossiers_after(&self, after: &str, limit: u32) -> Result<Vec<DossierListed>, StoreError> {
        let mut connection = self.connection();
        // One moment of the store, whoever writes meanwhile.
        let connection = connection.transaction()?;
        let mut select = connection
            .prepare_cached("SELECT id, code, created FROM dossiers WHERE code > ?1 ORDER BY code LIMIT ?2")?;
        let rows = select.query_map(params![after, limit], |row| {
            Ok((row.get(0)?, DossierListed { code: row.get(1)?, created: row.get(2)?, components: Default::default() }))
        })?;
        counted(&connection, rows.collect::<Result<_, _>>()?)
    }

    /// The dossiers that were begun since a time, or whose components changed since; those begun last first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn dossiers_since(&self, since: Millis, limit: u32) -> Result<Vec<DossierListed>, StoreError> {
        let mut connection = self.connection();
        let connection = connection.transaction()?;
        // The states are those of the index; what was moved is no component any more.
        let mut select = connection.prepare_cached(
            "SELECT id, code, created FROM dossiers WHERE id IN (
                 SELECT id FROM dossiers WHERE created >= ?1 UNION SELECT dossier FROM components
                 WHERE state IN ('collecting', 'queued', 'rescan', 'unsigned', 'done', 'failed') AND changed >= ?1)
             ORDER BY id DESC LIMIT ?2",
        )?;
        let rows = select.query_map(params![since, limit], |row| {
            Ok((row.get(0)?, DossierListed { code: row.get(1)?, created: row.get(2)?, components: Default::default() }))
        })?;
        counted(&connection, rows.collect::<Result<_, _>>()?)
    }

    /// Begins a dossier; `false` where there is one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn create_dossier(&self, code: &DossierCode, now: Millis) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let select = "SELECT 1 FROM dossiers WHERE code = ?1";
            let is_new = !transaction.prepare_cached(select)?.exists([code.as_str()])?;
            if is_new {
                let dossier = Some(ensure_dossier(transaction, code.as_str(), now)?);
                record(transaction, now, "created", Subject { dossier, ..Subject::default() }, None)?;
            }
            Ok(is_new)
        })
    }

    /// Components with a number above `after`, in a state or in any, by number. Of each only its newest version.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn components_after(
        &self,
        state: Option<State>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<ComponentListed>, StoreError> {
        let condition = match state {
            None => "1",
            Some(State::Unplaced) => "c.dossier IS NULL AND c.state NOT IN ('collecting', 'queued', 'failed')",
            Some(State::InWork) => "c.state IN ('collecting', 'queued')",
            Some(State::Failed) => "c.state = 'failed'",
            Some(State::Rescan) => "c.dossier IS NOT NULL AND c.state = 'rescan'",
            Some(State::Unsigned) => "c.dossier IS NOT NULL AND c.state = 'unsigned'",
            Some(State::Done) => "c.dossier IS NOT NULL AND c.state = 'done'",
        };
        self.newest_after(condition, after, limit)
    }

    /// Components with a number above `after` that wait to be placed, by number: made ones, and those that failed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn waiting_after(&self, after: i64, limit: u32) -> Result<Vec<ComponentListed>, StoreError> {
        self.newest_after("c.dossier IS NULL AND c.state NOT IN ('collecting', 'queued')", after, limit)
    }

    /// Newest versions of components for which the condition holds.
    fn newest_after(&self, condition: &str, after: i64, limit: u32) -> Result<Vec<ComponentListed>, StoreError> {
        let newest = "NOT EXISTS (SELECT 1 FROM components n WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0)
            AND n.name = c.name AND n.version > c.version AND n.state <> 'moved')";
        let sql = format!("{COLUMNS} AND {condition} AND {newest} AND c.id > ?1 ORDER BY c.id LIMIT ?2");
        let mut connection = self.connection();
        let connection = connection.transaction()?;
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map(params![after, limit], listed)?;
        rows.map(|row| with_files(&connection, row?)).collect()
    }

    /// A component by its number.
    ///
    /// # Errors
    /// When there is none.
    pub fn component(&self, id: i64) -> Result<ComponentListed, StoreError> {
        let mut connection = self.connection();
        let connection = connection.transaction()?;
        let mut select = connection.prepare_cached(&format!("{COLUMNS} AND c.id = ?1"))?;
        let found = select.query_row([id], listed).optional()?;
        with_files(&connection, found.ok_or(StoreError::NoComponent(id))?)
    }

    /// Code of the dossier that a component is in, if it is in one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn dossier_of(&self, component: i64) -> Result<Option<String>, StoreError> {
        let connection = self.connection();
        let mut select = connection
            .prepare_cached("SELECT d.code FROM components c JOIN dossiers d ON d.id = c.dossier WHERE c.id = ?1")?;
        Ok(select.query_row([component], |row| row.get(0)).optional()?)
    }

    /// The newest versions of components that got captures from a source, by number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn components_fed_by(&self, source: &str) -> Result<Vec<ComponentListed>, StoreError> {
        let mut connection = self.connection();
        let connection = connection.transaction()?;
        let mut select = connection.prepare_cached(&format!(
            "{COLUMNS} AND c.id IN (SELECT p.component FROM component_captures p JOIN arrivals a ON a.capture = p.capture
                 WHERE a.source = ?1) ORDER BY c.id"
        ))?;
        let rows = select.query_map([source], listed)?;
        let components: Result<Vec<_>, StoreError> = rows.map(|row| with_files(&connection, row?)).collect();
        Ok(components?.into_iter().filter(|one| one.component.is_newest).collect())
    }

    /// Queues a component that failed to be made once more.
    ///
    /// # Errors
    /// When there is none, or it did not fail.
    pub fn retry(&self, id: i64, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let select = "SELECT state FROM components WHERE id = ?1 AND state <> 'moved'";
            let state: Option<String> = transaction.query_row(select, [id], |row| row.get(0)).optional()?;
            match state.as_deref() {
                None => return Err(StoreError::NoComponent(id)),
                Some("failed") => jobs::queue(transaction, id, now)?,
                Some(_) => return Err(StoreError::NotFailed(id)),
            }
            record(transaction, now, "retried", Subject { component: Some(id), ..Subject::default() }, None)
        })
    }

    /// Jobs that wait, at the counter and of the backlog.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn queued_by_priority(&self) -> Result<[u64; 2], StoreError> {
        let connection = self.connection();
        let mut count = connection.prepare_cached(
            "SELECT count(*) FILTER (WHERE priority = 0), count(*) FILTER (WHERE priority <> 0) FROM jobs
             WHERE state = 'queued'",
        )?;
        Ok(count.query_row([], |row| Ok([row.get(0)?, row.get(1)?]))?)
    }

    /// Whether something can be written: takes the right to write, and gives it back.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }
}

/// Dossiers with their components counted.
fn counted(connection: &Connection, mut dossiers: Vec<(i64, DossierListed)>) -> Result<Vec<DossierListed>, StoreError> {
    let mut count = connection.prepare_cached(
        "SELECT c.state, count(*) FROM components c WHERE coalesce(c.dossier, 0) = ?1 AND c.state <> 'moved'
             AND NOT EXISTS (SELECT 1 FROM components n WHERE coalesce(n.dossier, 0) = ?1 AND n.name = c.name
             AND n.version > c.version AND n.state <> 'moved')
         GROUP BY c.state",
    )?;
    for (id, dossier) in &mut dossiers {
        let mut rows = count.query([*id])?;
        while let Some(row) = rows.next()? {
            let state = State::of(&row.get::<_, String>(0)?, true);
            let index = State::ALL.iter().position(|one| *one == state).expect("every state is in the list");
            dossier.components[index] += row.get::<_, u64>(1)?;
        }
    }
    Ok(dossiers.into_iter().map(|(_, dossier)| dossier).collect())
}

fn listed(row: &Row<'_>) -> rusqlite::Result<ComponentListed> {
    let dossier: Option<String> = row.get(9)?;
    Ok(ComponentListed {
        component: ComponentShown {
            id: row.get(0)?,
            title: row.get(1)?,
            name: row.get(2)?,
            version: row.get(3)?,
            is_newest: row.get(10)?,
            state: State::of(&row.get::<_, String>(4)?, dossier.is_some()),
            reason: row.get(5)?,
            code: row.get(6)?,
            result_code: row.get(7)?,
            digital_code: results::digital_code(row, 11)?,
            reused: None,
            changed: row.get(8)?,
            captures: Vec::new(),
            published: Vec::new(),
        },
        dossier,
    })
}

fn with_files(connection: &Connection, mut listed: ComponentListed) -> Result<ComponentListed, StoreError> {
    listed.component.captures = captures_of(connection, listed.component.id)?;
    listed.component.published = published(connection, listed.component.id)?;
    listed.component.reused = reused(connection, listed.component.id)?;
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};

    fn desk() -> (tempfile::TempDir, Store) {
        let (folder, store) = new_store();
        for (source, relative) in
            [("in", "H21-250701-0012/a/1.jpg"), ("phone/1", "H21-250701-0012/b/1.jpg"), ("in", "c.jpg")]
        {
            Dropped { source, ..Dropped::at(relative) }.drop_into(&store, 1);
        }
        (folder, store)
    }

    #[test]
    fn lists_come_in_pages() {
        let (_folder, store) = desk();
        for number in 13..15 {
            let code: DossierCode = format!("H21-250701-00{number}").parse().unwrap();
            assert!(store.create_dossier(&code, 2).unwrap());
            assert!(!store.create_dossier(&code, 3).unwrap());
        }
        let first = store.dossiers_after("", 2).unwrap();
        assert_eq!((&first[0].code[..], first[0].components[1], first.len()), ("H21-250701-0012", 2, 2));
        let rest = store.dossiers_after(&first[1].code, 2).unwrap();
        assert_eq!((&rest[0].code[..], rest.len()), ("H21-250701-0014", 1));
        let names = |state, after| -> Vec<String> {
            let listed = store.components_after(state, after, 2).unwrap();
            listed.into_iter().map(|one| one.component.name).collect()
        };
        assert_eq!((names(None, 0), names(None, 2)), (vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]));
        assert_eq!(names(Some(State::Failed), 0), [] as [&str; 0]);
        store.close_due(1, 2).unwrap();
        let work = store.claim(2).unwrap().unwrap();
        store.finish(work.component, State::Rescan, "f", &[], 3).unwrap();
        assert_eq!(names(Some(State::Rescan), 0), ["a"]);
        assert_eq!(store.queued_by_priority().unwrap(), [2, 0]);
        let fed = store.components_fed_by("phone/1").unwrap();
        assert_eq!((fed.len(), &fed[0].component.name[..], fed[0].component.captures.len()), (1, "b", 1));
    }

    #[test]
    fn the_dossiers_of_a_day_are_those_begun_or_changed_in_it() {
        let (_folder, store) = desk();
        let code: DossierCode = "H21-250701-0013".parse().unwrap();
        store.create_dossier(&code, 20).unwrap();
        let codes = |since| -> Vec<String> {
            store.dossiers_since(since, 9).unwrap().into_iter().map(|one| one.code).collect()
        };
        assert_eq!(codes(0), ["H21-250701-0013", "H21-250701-0012"], "the last one first");
        assert_eq!(codes(20), ["H21-250701-0013"]);
        store.close_due(30, 30).unwrap();
        let work = store.claim(30).unwrap().unwrap();
        store.finish(work.component, State::Done, "f", &[], 30).unwrap();
        let changed = store.dossiers_since(30, 9).unwrap();
        assert_eq!(
            (&changed[0].code[..], changed[0].components, changed.len()),
            ("H21-250701-0012", [0, 1, 0, 0, 1, 0], 1)
        );
        assert_eq!(codes(31), [] as [&str; 0]);
    }

    #[test]
    fn only_what_failed_is_tried_again() {
        let (_folder, store) = desk();
        store.close_due(1, 2).unwrap();
        let work = store.claim(2).unwrap().unwrap();
        assert!(matches!(store.retry(work.component, 3), Err(StoreError::NotFailed(_))));
        store.fail(work.component, "altered", 3).unwrap();
        store.retry(work.component, 4).unwrap();
        assert_eq!(store.component(work.component).unwrap().component.state, State::InWork);
        assert!(matches!(store.retry(99, 4), Err(StoreError::NoComponent(99))));
    }
}
