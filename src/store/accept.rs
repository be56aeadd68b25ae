//! Captures come in: each content once, each file told by place, size and time, and each in a component at once.
//!
//! One transaction takes a capture in and places it. Told twice of the same file, the second time changes nothing; the
//! same bytes under another name or time are a duplicate, and said to be one.

use rusqlite::{Connection, OptionalExtension, params};

use crate::gather::component_name;
use crate::grouping::{self, Naming, Place, Unit};

use super::blobs::Blob;
use super::{Millis, Store, StoreError, Subject, record};

/// A capture whose bytes are stored, and where it was found.
#[derive(Clone, Debug)]
pub struct NewCapture<'a> {
    /// The bytes.
    pub blob: &'a Blob,
    /// The watched folder.
    pub source: &'a str,
    /// Path below it.
    pub relative: &'a str,
    /// Time of change, nanoseconds since 1970.
    pub modified: i64,
    /// 0 = counter, 1 = backlog.
    pub priority: i64,
}

/// What became of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub capture: i64,
    /// The component that it is in.
    pub component: i64,
    /// How it got there.
    pub arrived: Arrived,
}

/// How a capture got into its component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// It is the first of its component.
    First,
    /// It joined others.
    Joined,
    /// The component was made already: a new version of it begins with all its captures.
    Version,
    /// The same bytes are there already; nothing else was done.
    Duplicate,
    /// This very file was told of before; nothing was done.
    Known,
}

impl Arrived {
    /// The word for it in events.
    pub fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Joined => "joined",
            Self::Version => "version",
            Self::Duplicate => "duplicate",
            Self::Known => "known",
        }
    }
}

/// A component that a capture may join.
struct Candidate {
    id: i64,
    state: String,
    modified: i64,
    is_running: bool,
}

impl Candidate {
    /// Whether its captures may still come: it is not being made and was not.
    fn is_open(&self) -> bool {
        matches!(&self.state[..], "collecting" | "queued") && !self.is_running
    }
}

const NANOS_PER_MILLI: i64 = 1_000_000;

impl Store {
    /// Whether a file is known, by place, size and time of change (nanoseconds since 1970).
    ///
    /// # Errors
    /// When the database refuses.
    pub fn knows(&self, source: &str, relative: &str, bytes: u64, modified: i64) -> Result<bool, StoreError> {
        Ok(known_capture(&self.connection(), source, relative, bytes, modified)?.is_some())
    }

    /// Whether captures of this place have a component that still takes some up.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_collecting(&self, place: &Place) -> Result<bool, StoreError> {
        Ok(newest(&self.connection(), &place.key)?.is_some_and(|candidate| candidate.is_open()))
    }

    /// Captures in components that are not made yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unmade_captures(&self) -> Result<u64, StoreError> {
        let connection = self.connection();
        let mut count = connection.prepare_cached(
            "SELECT count(*) FROM components JOIN component_captures ON component = id
             WHERE state IN ('collecting', 'queued')",
        )?;
        Ok(count.query_row([], |row| row.get(0))?)
    }

    /// Takes a capture in and puts it into its component. `gap` is the longest pause within a stack, `now` the time.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn accept(
        &self,
        new: &NewCapture<'_>,
        place: &Place,
        gap: Millis,
        now: Millis,
    ) -> Result<Accepted, StoreError> {
        self.write(|transaction| {
            let known = known_capture(transaction, new.source, new.relative, new.blob.bytes, new.modified)?;
            let (capture, component) = match known.filter(|(_, sha256)| *sha256 == new.blob.sha256) {
                Some((capture, _)) => (capture, component_of(transaction, capture)?),
                None => (take_in(transaction, new, now)?, None),
            };
            if let Some(component) = component {
                return Ok(Accepted { capture, component, arrived: Arrived::Known });
            }
            let (component, arrived) = put(transaction, new, place, capture, gap, now)?;
            let kind = if arrived == Arrived::Duplicate { "duplicate" } else { "stored" };
            let subject = Subject { capture: Some(capture), component: Some(component), dossier: None };
            record(transaction, now, kind, subject, Some(arrived.code()))?;
            Ok(Accepted { capture, component, arrived })
        })
    }
}

/// The capture that a file was, and its hash.
fn known_capture(
    connection: &Connection,
    source: &str,
    relative: &str,
    bytes: u64,
    modified: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.sha256 FROM arrivals a JOIN captures c ON c.id = a.capture
         WHERE a.source = ?1 AND a.relative = ?2 AND a.bytes = ?3 AND a.modified = ?4",
    )?;
    let found = select.query_row(params![source, relative, bytes, modified], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

/// Writes down the capture and where it came from.
pub(super) fn take_in(connection: &Connection, new: &NewCapture<'_>, now: Millis) -> Result<i64, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO captures (sha256, bytes, received) VALUES (?1, ?2, ?3)
         ON CONFLICT (sha256) DO UPDATE SET purged = NULL RETURNING id",
    )?;
    let capture = insert.query_row(params![new.blob.sha256, new.blob.bytes, now], |row| row.get(0))?;
    let mut arrive = connection.prepare_cached(
        "INSERT INTO arrivals (capture, source, relative, bytes, modified, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (source, relative, bytes, modified) DO UPDATE SET capture = ?1, received = ?6",
    )?;
    arrive.execute(params![capture, new.source, new.relative, new.blob.bytes, new.modified, now])?;
    Ok(capture)
}

/// A component that has a capture.
fn component_of(connection: &Connection, capture: i64) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT component FROM component_captures JOIN components ON id = component
         WHERE capture = ?1 AND state <> 'moved' ORDER BY component DESC LIMIT 1",
    )?;
    Ok(select.query_row([capture], |row| row.get(0)).optional()?)
}

/// Puts a capture into the component of its place.
fn put(
    connection: &Connection,
    new: &NewCapture<'_>,
    place: &Place,
    capture: i64,
    gap: Millis,
    now: Millis,
) -> Result<(i64, Arrived), StoreError> {
    let modified = new.modified / NANOS_PER_MILLI;
    let candidate = match place.unit {
        Unit::Series => newest_of_series(connection, place, new.relative, modified, gap)?,
        _ => newest(connection, &place.key)?,
    };
    if let Some(candidate) = candidate {
        if has(connection, candidate.id, capture)? {
            return Ok((candidate.id, Arrived::Duplicate));
        }
        if candidate.is_open() {
            add(connection, candidate.id, capture, new.relative)?;
            reopen(connection, candidate.id, place, modified, now)?;
            return Ok((candidate.id, Arrived::Joined));
        }
        if place.has_versions() {
            let version = next_version(connection, candidate.id, modified, now)?;
            add(connection, version, capture, new.relative)?;
            reopen(connection, version, place, modified, now)?;
            return Ok((version, Arrived::Version));
        }
    }
    // A loose file says nothing of its paper: wherever its bytes are already, it is no other.
    if !place.has_versions()
        && let Some(component) = component_of(connection, capture)?
    {
        return Ok((component, Arrived::Duplicate));
    }
    let component = begin(connection, place, new.priority, modified, now)?;
    add(connection, component, capture, new.relative)?;
    reopen(connection, component, place, modified, now)?;
    Ok((component, Arrived::First))
}

const CANDIDATE: &str = "SELECT c.id, c.state, c.modified, coalesce(j.state = 'running', 0)
    FROM components c LEFT JOIN jobs j ON j.component = c.id WHERE c.key = ?1 AND c.state <> 'moved'";

fn candidate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Candidate> {
    Ok(Candidate { id: row.get(0)?, state: row.get(1)?, modified: row.get(2)?, is_running: row.get(3)? })
}

/// The newest component of a key.
fn newest(connection: &Connection, key: &str) -> Result<Option<Candidate>, StoreError> {
    let mut select = connection.prepare_cached(&format!("{CANDIDATE} ORDER BY c.id DESC LIMIT 1"))?;
    Ok(select.query_row([key], candidate).optional()?)
}

/// The stack that a picture belongs to: the newest one, where it follows without a gap; in a dossier also one that has
/// this very name, which is a rescan of its page.
fn newest_of_series(
    connection: &Connection,
    place: &Place,
    name: &str,
    modified: i64,
    gap: Millis,
) -> Result<Option<Candidate>, StoreError> {
    let newest = newest(connection, &place.key)?;
    let follows = |stack: &Candidate| stack.is_open() && grouping::follows(stack.modified, modified, gap);
    if newest.as_ref().is_some_and(follows) || !place.has_versions() {
        return Ok(newest.filter(follows));
    }
    let mut select = connection.prepare_cached(&format!(
        "{CANDIDATE} AND EXISTS (SELECT 1 FROM component_captures p WHERE p.component = c.id AND p.name = ?2)
         ORDER BY c.id DESC LIMIT 1"
    ))?;
    Ok(select.query_row([&place.key, name], candidate).optional()?)
}

fn has(connection: &Connection, component: i64, capture: i64) -> Result<bool, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT 1 FROM component_captures WHERE component = ?1 AND capture = ?2")?;
    Ok(select.exists([component, capture])?)
}

/// Adds a capture; one of the same name before is replaced: its file was written anew, or its page scanned again.
fn add(connection: &Connection, component: i64, capture: i64, name: &str) -> Result<(), StoreError> {
    let mut replaced = connection
        .prepare_cached("DELETE FROM component_captures WHERE component = ?1 AND name = ?2 RETURNING position")?;
    let position: Option<i64> = replaced.query_row(params![component, name], |row| row.get(0)).optional()?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO component_captures (component, capture, name, position) VALUES (?1, ?2, ?3, coalesce(?4,
         (SELECT max(position) FROM component_captures WHERE component = ?1), 0))",
    )?;
    insert.execute(params![component, capture, name, position])?;
    Ok(())
}

/// Lets a component wait for more captures, or queues it where it is a file by itself.
fn reopen(
    connection: &Connection,
    component: i64,
    place: &Place,
    modified: i64,
    now: Millis,
) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM jobs WHERE component = ?1")?.execute([component])?;
    let mut update = connection.prepare_cached(
        "UPDATE components SET state = 'collecting', changed = ?2, modified = ?3, fingerprint = NULL WHERE id = ?1",
    )?;
    update.execute([component, now, modified])?;
    match place.unit {
        Unit::File => super::jobs::queue(connection, component, now),
        _ => Ok(()),
    }
}

/// A new component of this place.
fn begin(connection: &Connection, place: &Place, priority: i64, modified: i64, now: Millis) -> Result<i64, StoreError> {
    let dossier = match &place.dossier {
        Naming::Code(code) => Some(ensure_dossier(connection, code.as_str(), now)?),
        _ => None,
    };
    let reason = match &place.dossier {
        Naming::Code(_) => None,
        Naming::Nothing => Some("no-code"),
        Naming::NotACode => Some("not-a-code"),
        Naming::TwoCodes => Some("two-codes"),
    };
    let name = free_name(connection, dossier, &component_name(&place.title))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO components (dossier, key, title, name, version, state, reason, priority, created, changed, modified)
         VALUES (?1, ?2, ?3, ?4, 1, 'collecting', ?5, ?6, ?7, ?7, ?8) RETURNING id",
    )?;
    let row = params![dossier, place.key, place.title, name, reason, priority, now, modified];
    Ok(insert.query_row(row, |row| row.get(0))?)
}

/// The next version of a component, with all its captures.
pub(super) fn next_version(
    connection: &Connection,
    component: i64,
    modified: i64,
    now: Millis,
) -> Result<i64, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO components (dossier, key, title, name, version, state, reason, code, result_code, priority, created,
             changed, modified)
         SELECT dossier, key, title, name,
             (SELECT max(version) + 1 FROM components v
                 WHERE coalesce(v.dossier, 0) = coalesce(c.dossier, 0) AND v.name = c.name),
             'collecting', reason, code, result_code, priority, ?2, ?2, ?3
         FROM components c WHERE id = ?1 RETURNING id",
    )?;
    let version: i64 = insert.query_row([component, now, modified], |row| row.get(0))?;
    let mut copy = connection.prepare_cached(
        "INSERT INTO component_captures (component, capture, name, position, first_page, last_page)
         SELECT ?2, capture, name, position, first_page, last_page FROM component_captures WHERE component = ?1",
    )?;
    copy.execute([component, version])?;
    Ok(version)
}

/// The dossier of a code, begun where there is none.
pub(super) fn ensure_dossier(connection: &Connection, code: &str, now: Millis) -> Result<i64, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO dossiers (code, created) VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET code = code RETURNING id",
    )?;
    Ok(insert.query_row(params![code, now], |row| row.get(0))?)
}

/// The name, with `-2`, `-3` … where another component of the dossier has it.
pub(super) fn free_name(connection: &Connection, dossier: Option<i64>, name: &str) -> Result<String, StoreError> {
    // `.` follows `-` in ASCII: this is the name itself and all that begin with it and a hyphen.
    let mut select = connection.prepare_cached(
        "SELECT name FROM components WHERE coalesce(dossier, 0) = coalesce(?1, 0) AND name >= ?2 AND name < ?2 || '.'",
    )?;
    let taken = select.query_map(params![dossier, name], |row| row.get::<_, String>(0))?;
    let taken = taken.map(|name| name.map(|name| name.to_lowercase())).collect::<Result<Vec<_>, _>>()?;
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = [name.to_owned()].into_iter().chain(numbered);
    Ok(names.find(|name| !taken.contains(&name.to_lowercase())).expect("numbers have no end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::State;
    use crate::store::dropped::{Dropped, new_store};

    const GAP: Millis = 30_000;

    struct Desk {
        _folder: tempfile::TempDir,
        store: Store,
    }

    impl Desk {
        fn new() -> Self {
            let (folder, store) = new_store();
            Self { _folder: folder, store }
        }

        /// A file of this content, dropped at a second.
        fn drop(&self, relative: &str, content: &str, second: i64) -> Accepted {
            let modified = second * 1_000 * NANOS_PER_MILLI;
            Dropped { content, modified, gap: GAP, ..Dropped::at(relative) }.drop_into(&self.store, second * 1_000)
        }

        /// Makes all that is ready at a second, successfully.
        fn make(&self, second: i64) -> Vec<i64> {
            self.store.close_due(second * 1_000 - GAP, second * 1_000).unwrap();
            let mut made = Vec::new();
            while let Some(work) = self.store.claim(second * 1_000).unwrap() {
                self.store.finish(work.component, State::Done, "f", &[], second * 1_000).unwrap();
                made.push(work.component);
            }
            made
        }

        fn names(&self, component: i64) -> Vec<String> {
            self.store.captures_of(component).unwrap().into_iter().map(|capture| capture.name).collect()
        }
    }

    #[test]
    fn a_file_told_of_twice_changes_nothing() {
        let desk = Desk::new();
        let first = desk.drop("a/1.jpg", "one", 1);
        let again = desk.drop("a/1.jpg", "one", 1);
        assert_eq!(again, Accepted { arrived: Arrived::Known, ..first });
        assert!(desk.store.knows("in", "a/1.jpg", 3, 1_000 * NANOS_PER_MILLI).unwrap());
        assert!(!desk.store.knows("in", "a/1.jpg", 4, 1_000 * NANOS_PER_MILLI).unwrap());
        assert_eq!(desk.names(first.component), ["a/1.jpg"]);
    }

    #[test]
    fn equal_bytes_are_one_capture_and_said_to_be() {
        let desk = Desk::new();
        let first = desk.drop("scan.jpg", "one", 1);
        let copy = desk.drop("scan (2).jpg", "one", 2);
        assert_eq!(copy, Accepted { arrived: Arrived::Duplicate, ..first });
        desk.make(100);
        assert_eq!(desk.drop("scan.jpg", "one", 200).arrived, Arrived::Duplicate);
        // A paper that a person put into another dossier, too, is in both.
        let other = desk.drop("H21-250701-0012/a/1.jpg", "one", 201);
        assert_eq!((other.capture, other.arrived), (first.capture, Arrived::First));
    }

    #[test]
    fn a_stack_ends_at_a_gap() {
        let desk = Desk::new();
        let stack = desk.drop("IMG_0001.jpg", "1", 1).component;
        assert_eq!(desk.drop("IMG_0010.jpg", "10", 20).component, stack);
        assert_eq!(desk.drop("IMG_0002.jpg", "2", 40).component, stack);
        let next = desk.drop("IMG_0011.jpg", "11", 100);
        assert!(next.component != stack && next.arrived == Arrived::First);
        assert_ne!(desk.drop("other.jpg", "x", 100).component, next.component);
        // Pages lie in the order in which people count, not in that of arrival.
        assert_eq!(desk.names(stack), ["IMG_0001.jpg", "IMG_0002.jpg", "IMG_0010.jpg"]);
        assert_eq!(desk.make(131).len(), 3);
    }

    #[test]
    fn what_comes_late_joins_until_the_component_is_in_work_and_then_makes_a_version() {
        let desk = Desk::new();
        let first = desk.drop("H21-250701-0012/a/1.jpg", "1", 1).component;
        desk.store.close_due(100_000 - GAP, 100_000).unwrap();
        assert_eq!(desk.drop("H21-250701-0012/a/2.jpg", "2", 101).arrived, Arrived::Joined);
        assert_eq!(desk.make(102), [] as [i64; 0], "it waits for more again");
        desk.store.close_due(200_000 - GAP, 200_000).unwrap();
        let work = desk.store.claim(200_000).unwrap().unwrap();
        assert_eq!((work.component, work.captures.len()), (first, 2));
        let third = desk.drop("H21-250701-0012/a/3.jpg", "3", 201);
        assert_eq!(third.arrived, Arrived::Version);
        assert_eq!(desk.names(third.component).len(), 3);
        // The new version waits for the old one, which goes by another number.
        desk.store.close_due(300_000 - GAP, 300_000).unwrap();
        assert!(desk.store.claim(300_000).unwrap().is_none());
        desk.store.finish(first, State::Done, "f", &[], 300_000).unwrap();
        assert_eq!(desk.store.claim(300_000).unwrap().map(|work| work.component), Some(third.component));
    }

    #[test]
    fn a_page_scanned_again_takes_the_place_of_the_first() {
        let desk = Desk::new();
        desk.drop("a/1.jpg", "1", 1);
        let first = desk.drop("a/2.jpg", "2", 1);
        desk.make(100);
        let again = desk.drop("a/1.jpg", "1 better", 200);
        assert_eq!(again.arrived, Arrived::Version);
        assert_eq!(desk.names(again.component), ["a/1.jpg", "a/2.jpg"]);
        let captures = desk.store.captures_of(again.component).unwrap();
        assert_ne!(captures[0].sha256, desk.store.captures_of(first.component).unwrap()[0].sha256);
    }

    #[test]
    fn a_scanner_that_begins_its_numbers_anew_makes_other_papers() {
        let desk = Desk::new();
        let first = desk.drop("scan.pdf", "1", 1).component;
        assert_eq!(desk.make(1), [first], "a file by itself waits for nothing");
        let second = desk.drop("scan.pdf", "2", 50);
        assert_eq!(second.arrived, Arrived::First);
        let in_dossier = desk.drop("H21-250701-0012/scan.pdf", "1", 1);
        desk.make(60);
        assert_eq!(desk.drop("H21-250701-0012/scan.pdf", "2", 99).arrived, Arrived::Version);
        assert_eq!(in_dossier.arrived, Arrived::First);
    }

    #[test]
    fn names_of_other_papers_are_told_apart() {
        let desk = Desk::new();
        for (place, content) in [("x/scan.pdf", "1"), ("y/Scan.pdf", "2"), ("z/scan.pdf", "3")] {
            desk.drop(&format!("2025-0{place}", place = place.replace(['x', 'y', 'z'], content)), content, 1);
        }
        let connection = desk.store.connection();
        let mut select = connection.prepare("SELECT name FROM components ORDER BY id").unwrap();
        let names: Vec<String> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(names, ["scan", "Scan-2", "scan-3"]);
    }
}
