//! What is to be made: queued when a component has its captures, handed out one by one, counter before backlog.
//!
//! A component is handed out to one worker at a time, and so is a dossier, whose directory has one writer. There is one
//! service, so what it finds running when it starts was killed, and is queued again.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};

use crate::intake::names::page_name;

use super::accounts::record_by;
use super::{Millis, State, Store, StoreError, Subject, deliveries, figures, record};

/// A component to be made, with all that is needed.
#[derive(Clone, Debug)]
pub struct Work {
    /// Its number.
    pub component: i64,
    /// Code of its dossier; `None` = not placed.
    pub dossier: Option<String>,
    /// Whether neither its place nor anybody said which dossier it is of, rightly or wrongly.
    pub has_no_code: bool,
    /// Name of its files.
    pub name: String,
    /// 0 = counter, 1 = backlog.
    pub priority: i64,
    /// How often it was begun, this time included.
    pub attempts: u32,
    /// Its captures in order.
    pub captures: Vec<CaptureOf>,
}

/// A capture of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureOf {
    /// Its number.
    pub id: i64,
    /// Its hash.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// The name it came with.
    pub name: String,
    /// Which of its pages, from 1; `None` are all.
    pub pages: Option<RangeInclusive<usize>>,
}

/// A file that was published of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Absolute path of the directory.
    pub directory: String,
    /// Name in its manifest.
    pub name: String,
    /// Version in its manifest.
    pub version: u32,
    /// Name and hash of the PDF; none where no page could be read.
    pub file: Option<(String, String)>,
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Captures stored.
    pub captures: u64,
    /// Captures in components that are not made yet.
    pub unmade_captures: u64,
    /// Newest versions of components by state, in the order of [`State::ALL`].
    pub components: [u64; State::ALL.len()],
    /// Jobs that wait.
    pub queued: u64,
    /// Jobs in work.
    pub running: u64,
    /// Jobs that failed once or more and wait to be tried again.
    pub retried: u64,
    /// How long the oldest job has waited, milliseconds.
    pub oldest_queued: Option<Millis>,
    /// How long the oldest of those in state [`State::Unsigned`] has waited for its signature, milliseconds.
    pub oldest_unsigned: Option<Millis>,
}

impl Status {
    /// Components in a state.
    pub fn of(&self, state: State) -> u64 {
        State::ALL.iter().position(|one| *one == state).map_or(0, |index| self.components[index])
    }
}

/// A component that is made again and again as its program dies comes after the others from this attempt on.
const SUSPECT_ATTEMPTS: u32 = 3;
/// The longest that it is put off, milliseconds.
const LONGEST_SUSPENSE: Millis = 60_000;

impl Store {
    /// Makes what was running when the last service ended ready again, and what failed, as a person may have mended it. Lets
    /// components collect from now on anew, for files that came while no service ran.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn recover(&self, now: Millis) -> Result<usize, StoreError> {
        self.write(|transaction| {
            transaction.execute("UPDATE components SET changed = ?1 WHERE state = 'collecting'", [now])?;
            let suspect = "UPDATE jobs SET not_before = ?1 + min(1000 * attempts * attempts, ?3)
                 WHERE state = 'running' AND attempts >= ?2";
            transaction.execute(suspect, params![now, SUSPECT_ATTEMPTS, LONGEST_SUSPENSE])?;
            let interrupted = transaction.execute("UPDATE jobs SET state = 'queued' WHERE state = 'running'", [])?;
            let mut failed = transaction.prepare("SELECT id FROM components WHERE state = 'failed' ORDER BY id")?;
            let failed: Vec<i64> = failed.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            failed.into_iter().try_for_each(|component| queue(transaction, component, now))?;
            if interrupted > 0 {
                record(transaction, now, "recovered", Subject::default(), Some(&interrupted.to_string()))?;
            }
            Ok(interrupted)
        })
    }

    /// Queues every component that got no capture since `until`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn close_due(&self, until: Millis, now: Millis) -> Result<usize, StoreError> {
        const DUE: &str = "SELECT id FROM components WHERE state = 'collecting' AND changed <= ?1 ORDER BY id";
        // Asked often and mostly in vain: no transaction for that.
        let due: Vec<i64> = {
            let connection = self.connection();
            let mut select = connection.prepare_cached(DUE)?;
            select.query_map([until], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        if due.is_empty() {
            return Ok(0);
        }
        self.write(|transaction| {
            let mut is_due = transaction
                .prepare_cached("SELECT 1 FROM components WHERE id = ?1 AND state = 'collecting' AND changed <= ?2")?;
            let mut queued = 0;
            for component in due {
                if is_due.exists([component, until])? {
                    queue(transaction, component, now)?;
                    queued += 1;
                }
            }
            Ok(queued)
        })
    }

    /// Hands out the next component to be made.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn claim(&self, now: Millis) -> Result<Option<Work>, StoreError> {
        self.claim_one(None, now)
    }

    /// Hands out the component of this number, where it is to be made and may be now; else the next one with `None`.
    pub(super) fn claim_one(&self, component: Option<i64>, now: Millis) -> Result<Option<Work>, StoreError> {
        const NEXT: &str = "SELECT j.id FROM jobs j JOIN components c ON c.id = j.component
            WHERE j.state = 'queued' AND j.not_before <= ?1 AND (?2 IS NULL OR c.id = ?2) AND NOT EXISTS (
                SELECT 1 FROM jobs r JOIN components d ON d.id = r.component
                WHERE r.state = 'running' AND (d.dossier = c.dossier OR d.key = c.key))
            ORDER BY j.priority, j.id LIMIT 1";
        const CLAIM: &str = "UPDATE jobs SET state = 'running', attempts = attempts + 1 WHERE id = ?1
            RETURNING component, attempts";
        // Asked often and mostly in vain: no transaction for that.
        if self.connection().prepare_cached(NEXT)?.query_row(params![now, component], |_| Ok(())).optional()?.is_none()
        {
            return Ok(None);
        }
        self.write(|transaction| {
            let mut next = transaction.prepare_cached(NEXT)?;
            let next = next.query_row(params![now, component], |row| row.get::<_, i64>(0));
            let Some(job) = next.optional()? else { return Ok(None) };
            let (component, attempts) =
                transaction.prepare_cached(CLAIM)?.query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut select = transaction.prepare_cached(
                "SELECT d.code, c.name, c.dossier IS NULL AND c.reason IS 'no-code', c.priority
                 FROM components c LEFT JOIN dossiers d ON d.id = c.dossier WHERE c.id = ?1",
            )?;
            let captures = captures_of(transaction, component)?;
            Ok(Some(select.query_row([component], |row| {
                let (dossier, name, has_no_code, priority) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(Work { component, dossier, has_no_code, name, priority, attempts, captures })
            })?))
        })
    }

    /// The captures of a component in order.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn captures_of(&self, component: i64) -> Result<Vec<CaptureOf>, StoreError> {
        captures_of(&self.connection(), component)
    }

    /// Writes down that a component is made, and what of it was published.
    ///
    /// # Errors
    /// When the database refuses; the component is in work still then.
    pub fn finish(
        &self,
        component: i64,
        state: State,
        fingerprint: &str,
        published: &[Published],
        now: Millis,
    ) -> Result<(), StoreError> {
        let column = match state {
            State::Rescan => "rescan",
            State::Unsigned => "unsigned",
            State::Failed => "failed",
            _ => "done",
        };
        self.write(|transaction| {
            transaction.prepare_cached("DELETE FROM jobs WHERE component = ?1")?.execute([component])?;
            let mut update = transaction
                .prepare_cached("UPDATE components SET state = ?2, fingerprint = ?3, changed = ?4 WHERE id = ?1")?;
            update.execute(params![component, column, fingerprint, now])?;
            published.iter().try_for_each(|published| publish(transaction, component, published))?;
            deliveries::enter(transaction, component, now)?;
            record(transaction, now, "made", Subject { component: Some(component), ..Subject::default() }, Some(column))
        })
    }

    /// Gives work back that could not be done now, to be tried at a time. `counts` says whether the attempt does.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn give_back(&self, component: i64, not_before: Millis, counts: bool) -> Result<(), StoreError> {
        let attempt = i64::from(!counts);
        let connection = self.connection();
        let mut update = connection.prepare_cached(
            "UPDATE jobs SET state = 'queued', not_before = ?2, attempts = attempts - ?3 WHERE component = ?1",
        )?;
        update.execute([component, not_before, attempt])?;
        Ok(())
    }

    /// Writes down that a component cannot be made, with the word for why.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn fail(&self, component: i64, reason: &str, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM jobs WHERE component = ?1", [component])?;
            let update = "UPDATE components SET state = 'failed', problem = ?2, changed = ?3 WHERE id = ?1";
            transaction.execute(update, params![component, reason, now])?;
            let subject = Subject { component: Some(component), ..Subject::default() };
            record(transaction, now, "failed", subject, Some(reason))
        })
    }

    /// Components that wait for their signature, with what was published of them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unsigned(&self) -> Result<Vec<(i64, Published)>, StoreError> {
        self.published_in_state("unsigned")
    }

    /// What was published of components that have moved into dossiers since.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn withdrawn(&self) -> Result<Vec<(i64, Published)>, StoreError> {
        self.published_in_state("moved")
    }

    fn published_in_state(&self, state: &str) -> Result<Vec<(i64, Published)>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT p.component, p.directory, p.name, p.version, p.file, p.sha256
             FROM components c JOIN published p ON p.component = c.id WHERE c.state = ?1 ORDER BY p.component",
        )?;
        let rows = select.query_map([state], |row| Ok((row.get(0)?, published(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down that a component that waited is signed, and its file with it; `by` is the account of the person who signed it
    /// at the desk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn signed(
        &self,
        component: i64,
        published: &Published,
        by: Option<i64>,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let update = "UPDATE components SET state = 'done', changed = ?2 WHERE id = ?1 AND state = 'unsigned'";
            let is_news = transaction.execute(update, [component, now])? > 0;
            publish(transaction, component, published)?;
            deliveries::enter(transaction, component, now)?;
            let subject = Subject { component: Some(component), ..Subject::default() };
            // Whoever looked into the manifest before the person's own note was written has noted it without the person.
            match is_news || by.is_some() {
                true => record_by(transaction, now, "signed", by, subject, None),
                false => Ok(()),
            }
        })
    }

    /// Forgets what was published of a component that has moved: its files are gone.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn forget_withdrawn(&self, component: i64, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM published WHERE component = ?1", [component])?;
            let subject = Subject { component: Some(component), ..Subject::default() };
            record(transaction, now, "withdrawn", subject, None)
        })
    }

    /// How things stand.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn status(&self, now: Millis) -> Result<Status, StoreError> {
        let unmade_captures = self.unmade_captures()?;
        let connection = self.connection();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
        let age = |sql: &str| {
            connection.query_row(sql, [], |row| row.get::<_, Option<Millis>>(0)).map(|time| time.map(|time| now - time))
        };
        let mut status = Status {
            captures: count("SELECT count(*) FROM captures")?,
            unmade_captures,
            queued: count("SELECT count(*) FROM jobs WHERE state = 'queued'")?,
            running: count("SELECT count(*) FROM jobs WHERE state = 'running'")?,
            retried: count("SELECT count(*) FROM jobs WHERE state = 'queued' AND not_before > 0")?,
            oldest_queued: age("SELECT min(queued) FROM jobs WHERE state = 'queued'")?,
            oldest_unsigned: figures::unsigned(&connection)?.1.map(|since| now - since),
            components: [0; State::ALL.len()],
        };
        let mut states = connection.prepare(
            "SELECT state, dossier IS NOT NULL, count(*) FROM components c WHERE state <> 'moved' AND NOT EXISTS (
                 SELECT 1 FROM components n WHERE n.key = c.key AND n.id > c.id AND n.name = c.name
                 AND n.state <> 'moved' AND n.dossier IS c.dossier)
             GROUP BY 1, 2",
        )?;
        let mut rows = states.query([])?;
        while let Some(row) = rows.next()? {
            let state = State::of(&row.get::<_, String>(0)?, row.get(1)?);
            let index = State::ALL.iter().position(|one| *one == state).expect("every state is in the list");
            status.components[index] += row.get::<_, u64>(2)?;
        }
        Ok(status)
    }
}

/// Queues a component to be made.
pub(super) fn queue(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    let update = "UPDATE components SET state = 'queued', problem = NULL WHERE id = ?1";
    connection.prepare_cached(update)?.execute([component])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO jobs (component, priority, state, queued)
         SELECT id, priority, 'queued', ?2 FROM components WHERE id = ?1",
    )?;
    insert.execute([component, now])?;
    Ok(())
}

fn publish(connection: &Connection, component: i64, published: &Published) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO published (component, directory, name, version, file, sha256)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let (file, sha256) = published.file.as_ref().map(|(file, sha256)| (file, sha256)).unzip();
    insert.execute(params![component, published.directory, published.name, published.version, file, sha256])?;
    Ok(())
}

/// Reads [`Published`] from the columns from `first` on.
pub(super) fn published(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Published> {
    let file = row.get::<_, Option<String>>(first + 3)?.zip(row.get(first + 4)?);
    Ok(Published { directory: row.get(first)?, name: row.get(first + 1)?, version: row.get(first + 2)?, file })
}

/// The captures of a component in order: of position, then of what their names say.
pub(super) fn captures_of(connection: &Connection, component: i64) -> Result<Vec<CaptureOf>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.sha256, c.bytes, p.name, p.first_page, p.last_page, p.position FROM component_captures p
         JOIN captures c ON c.id = p.capture WHERE p.component = ?1",
    )?;
    let rows = select.query_map([component], |row| Ok((row.get::<_, i64>(6)?, capture_of(row)?)))?;
    let mut captures: Vec<(i64, CaptureOf)> = rows.collect::<Result<_, _>>()?;
    captures.sort_by_cached_key(|(position, capture)| {
        (*position, page_name(&capture.name), capture.pages.as_ref().map(|pages| *pages.start()))
    });
    Ok(captures.into_iter().map(|(_, capture)| capture).collect())
}

/// Reads [`CaptureOf`] from number, hash, size, name, first and last page.
pub(super) fn capture_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<CaptureOf> {
    let (first, last): (usize, Option<usize>) = (row.get(4)?, row.get(5)?);
    let pages = last.map(|last| first..=last);
    Ok(CaptureOf { id: row.get(0)?, sha256: row.get(1)?, bytes: row.get(2)?, name: row.get(3)?, pages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Arrived;
    use crate::store::dropped::{Dropped, new_store};

    /// A PDF file, which is a component by itself.
    fn drop(store: &Store, relative: &str, priority: i64) -> i64 {
        let accepted = Dropped { priority, ..Dropped::at(relative) }.drop_into(store, 1);
        assert_eq!(accepted.arrived, Arrived::First);
        accepted.component
    }

    #[test]
    fn the_counter_comes_before_the_backlog() {
        let (_folder, store) = new_store();
        let (old, new, counter) = (drop(&store, "a.pdf", 1), drop(&store, "b.pdf", 1), drop(&store, "c.pdf", 0));
        let order: Vec<i64> = std::iter::from_fn(|| store.claim(1).unwrap()).map(|work| work.component).collect();
        assert_eq!(order, [counter, old, new]);
    }

    #[test]
    fn a_dossier_is_in_one_workers_hands() {
        let (_folder, store) = new_store();
        let first = drop(&store, "H21-250701-0012/a.pdf", 0);
        let second = drop(&store, "H21-250701-0012/b.pdf", 0);
        let other = drop(&store, "H21-250701-0013/b.pdf", 0);
        assert_eq!(store.claim(1).unwrap().unwrap().component, first);
        assert_eq!(store.claim(1).unwrap().unwrap().component, other);
        assert!(store.claim(1).unwrap().is_none());
        store.finish(first, State::Done, "f", &[], 2).unwrap();
        assert_eq!(store.claim(2).unwrap().unwrap().component, second);
    }

    #[test]
    fn what_was_killed_or_given_back_is_handed_out_again() {
        let (_folder, store) = new_store();
        let component = drop(&store, "a.pdf", 0);
        assert_eq!(store.claim(1).unwrap().unwrap().attempts, 1);
        assert_eq!(store.recover(2).unwrap(), 1);
        assert_eq!(store.claim(2).unwrap().unwrap().attempts, 2);
        store.give_back(component, 10, false).unwrap();
        assert!(store.claim(9).unwrap().is_none());
        assert_eq!(store.claim(10).unwrap().unwrap().attempts, 2);
        // One that dies every time comes after the others.
        store.recover(10).unwrap();
        store.claim(10).unwrap().unwrap();
        store.recover(10).unwrap();
        assert!(store.claim(10).unwrap().is_none());
        assert_eq!(store.claim(10 + 9_000).unwrap().unwrap().attempts, 4);
    }

    #[test]
    fn the_status_counts_newest_versions() {
        let (_folder, store) = new_store();
        let (first, second) = (drop(&store, "a.pdf", 0), drop(&store, "H21-250701-0012/b.pdf", 0));
        let third = drop(&store, "c.pdf", 0);
        store.claim(5).unwrap();
        store.finish(first, State::Done, "f", &[], 5).unwrap();
        store.claim(5).unwrap();
        store.finish(second, State::Unsigned, "f", &[], 6).unwrap();
        let status = store.status(10).unwrap();
        assert_eq!((status.captures, status.unmade_captures, status.queued, status.running), (3, 1, 1, 0));
        let counts = State::ALL.map(|state| status.of(state));
        assert_eq!(counts, [1, 1, 0, 1, 0, 0]);
        assert_eq!((status.oldest_queued, status.oldest_unsigned), (Some(9), Some(4)));
        store.claim(10).unwrap();
        store.fail(third, "altered", 11).unwrap();
        assert_eq!(store.status(11).unwrap().of(State::Failed), 1);
        // A person may have mended it before the service starts anew.
        store.recover(12).unwrap();
        assert_eq!(store.claim(12).unwrap().map(|work| work.component), Some(third));
    }

    #[test]
    fn a_version_that_was_replaced_no_longer_waits_for_its_signature() {
        let (_folder, store) = new_store();
        let drop = |content, modified| {
            let dropped = Dropped { content, modified, ..Dropped::at("H21-250701-0012/b.pdf") };
            dropped.drop_into(&store, 1).component
        };
        let finish = |component, state, now| {
            assert_eq!(store.claim(now).unwrap().map(|work| work.component), Some(component));
            store.finish(component, state, "f", &[], now).unwrap();
            store.status(20).unwrap().oldest_unsigned
        };
        let first = drop("one", 1);
        assert_eq!(finish(first, State::Unsigned, 5), Some(15));
        let second = drop("two", 2);
        assert_ne!(first, second);
        assert_eq!(store.status(20).unwrap().oldest_unsigned, None, "the next version is being made");
        assert_eq!(finish(second, State::Unsigned, 8), Some(12));
    }
}
