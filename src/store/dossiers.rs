//! Dossiers and their components: what there is, and placing by hand what no rule could place.

use rusqlite::{Connection, OptionalExtension, params};

use crate::digital_code::DigitalCode;
use crate::gather::component_name;
use crate::model::DossierCode;

use super::accept::{ensure_dossier, free_name, next_version};
use super::accounts::record_by;
use super::jobs::{self, CaptureOf, Published, captures_of};
use super::reused::{Reused, reused};
use super::{Millis, State, Store, StoreError, Subject, record, results};

/// A dossier with its components, newest versions first named.
#[derive(Clone, Debug)]
pub struct DossierShown {
    /// Its code; `None` for what waits to be placed.
    pub code: Option<String>,
    /// When its first capture came.
    pub created: Millis,
    /// Its components, every version.
    pub components: Vec<ComponentShown>,
}

/// How far the components of a dossier are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DossierCount {
    /// Its code; `None` for what waits to be placed.
    pub code: Option<String>,
    /// Newest versions of its components by state.
    pub states: Vec<(State, u64)>,
}

/// One version of a component.
#[derive(Clone, Debug)]
pub struct ComponentShown {
    /// Its number.
    pub id: i64,
    /// As a person wrote it.
    pub title: String,
    /// Name of its files.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// Whether no later version has taken its place.
    pub is_newest: bool,
    /// How far it is.
    pub state: State,
    /// The word for why it waits or failed.
    pub reason: Option<String>,
    /// Component code (*mã thành phần hồ sơ*).
    pub code: Option<String>,
    /// Result code (*mã giấy tờ kết quả*), where it is a result.
    pub result_code: Option<String>,
    /// Code of the digitised result (*mã kết quả số hóa*), once it was given.
    pub digital_code: Option<DigitalCode>,
    /// Of what it is the signed file, where the paper was not brought again.
    pub reused: Option<Reused>,
    /// Last change.
    pub changed: Millis,
    /// Its captures in order.
    pub captures: Vec<CaptureOf>,
    /// What was published of it.
    pub published: Vec<Published>,
}

/// What is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// All that waits of the capture of this number.
    Capture(i64),
    /// All captures of the waiting component of this number, in their order.
    Component(i64),
}

impl Store {
    /// All dossiers by code, without their components, each with the number of its components' newest versions; the last
    /// row, if there is one, counts what waits to be placed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn dossiers(&self) -> Result<Vec<DossierCount>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare(
            "SELECT d.code, c.state, count(*) FROM components c LEFT JOIN dossiers d ON d.id = c.dossier
             WHERE c.state <> 'moved' AND NOT EXISTS (SELECT 1 FROM components n
                 WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0) AND n.name = c.name
                 AND n.version > c.version AND n.state <> 'moved')
             GROUP BY d.code, c.state ORDER BY d.code IS NULL, d.code, c.state",
        )?;
        let mut rows = select.query([])?;
        let mut dossiers: Vec<DossierCount> = Vec::new();
        while let Some(row) = rows.next()? {
            let code: Option<String> = row.get(0)?;
            let (state, count) = (State::of(&row.get::<_, String>(1)?, code.is_some()), row.get(2)?);
            match dossiers.last_mut().filter(|last| last.code == code) {
                Some(last) => match last.states.iter_mut().find(|(known, _)| *known == state) {
                    Some((_, known)) => *known += count,
                    None => last.states.push((state, count)),
                },
                None => dossiers.push(DossierCount { code, states: vec![(state, count)] }),
            }
        }
        Ok(dossiers)
    }

    /// One dossier with its components; `None` for what waits to be placed.
    ///
    /// # Errors
    /// When there is no such dossier.
    pub fn dossier(&self, code: Option<&str>) -> Result<DossierShown, StoreError> {
        let mut connection = self.connection();
        // One moment of the store, whoever writes meanwhile.
        let connection = connection.transaction()?;
        let row = match code {
            None => (None, 0),
            Some(code) => {
                let select = "SELECT id, created FROM dossiers WHERE code = ?1";
                let found = connection.query_row(select, [code], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                let (id, created): (i64, Millis) = found.ok_or_else(|| StoreError::NoDossier(code.to_owned()))?;
                (Some(id), created)
            }
        };
        let mut select = connection.prepare(
            "SELECT c.id, title, c.name, version, state, coalesce(problem, reason), c.code, result_code, changed, r.code, r.owner, r.type
             FROM components c LEFT JOIN results r ON r.dossier = c.dossier AND r.name = c.name
             WHERE c.dossier IS ?1 AND state <> 'moved' ORDER BY c.name, version",
        )?;
        let components = select.query_map([row.0], |found| {
            Ok(ComponentShown {
                id: found.get(0)?,
                title: found.get(1)?,
                name: found.get(2)?,
                version: found.get(3)?,
                is_newest: true,
                state: State::of(&found.get::<_, String>(4)?, row.0.is_some()),
                reason: found.get(5)?,
                code: found.get(6)?,
                result_code: found.get(7)?,
                changed: found.get(8)?,
                digital_code: results::digital_code(found, 9)?,
                reused: None,
                captures: Vec::new(),
                published: Vec::new(),
            })
        })?;
        let mut components = components.collect::<Result<Vec<_>, _>>()?;
        for index in 1..components.len() {
            components[index - 1].is_newest = !components[index - 1].name.eq_ignore_ascii_case(&components[index].name);
        }
        for component in &mut components {
            component.captures = captures_of(&connection, component.id)?;
            component.published = published(&connection, component.id)?;
            component.reused = reused(&connection, component.id)?;
        }
        Ok(DossierShown { code: code.map(str::to_owned), created: row.1, components })
    }

    /// Places what waits in a component of a dossier, in this order, and queues it to be made: a new version where the
    /// dossier has a component of this title, which keeps its pages and gets these after them. What the captures were in
    /// before gives them up. `code` and `result_code` are kept with the component where they are given; `by` is the account of
    /// the person, where one did it at the desk. Says which component it is, and which captures were placed.
    ///
    /// # Errors
    /// When something does not wait, or is being made at this moment; nothing is changed then.
    pub fn attach(
        &self,
        dossier: &DossierCode,
        title: &str,
        picks: &[Pick],
        codes: (Option<&str>, Option<&str>),
        by: Option<i64>,
        now: Millis,
    ) -> Result<(i64, Vec<i64>), StoreError> {
        self.write(|transaction| {
            let dossier_id = ensure_dossier(transaction, dossier.as_str(), now)?;
            let target = target(transaction, (dossier_id, dossier.as_str()), title, 0, now)?;
            let mut placed = Vec::new();
            for pick in picks {
                for capture in take_out(transaction, *pick, now)? {
                    put_last(transaction, target, &capture)?;
                    let subject =
                        Subject { capture: Some(capture.id), component: Some(target), dossier: Some(dossier_id) };
                    record_by(transaction, now, "placed", by, subject, None)?;
                    placed.push(capture.id);
                }
            }
            let update = "UPDATE components SET code = coalesce(?2, code), result_code = coalesce(?3, result_code)
                WHERE id = ?1";
            transaction.execute(update, params![target, codes.0, codes.1])?;
            jobs::queue(transaction, target, now)?;
            Ok((target, placed))
        })
    }

    /// Writes down that a dossier was handed on.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn exported(&self, code: &str, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let select = "SELECT id FROM dossiers WHERE code = ?1";
            let dossier = transaction.query_row(select, [code], |row| row.get(0)).optional()?;
            record(transaction, now, "exported", Subject { dossier, ..Subject::default() }, None)
        })
    }
}

/// The component that captures are placed in, with no job: a new one, or what is to become the next version.
pub(super) fn target(
    connection: &Connection,
    (dossier, code): (i64, &str),
    title: &str,
    priority: i64,
    now: Millis,
) -> Result<i64, StoreError> {
    let name = component_name(title);
    let select = "SELECT c.id, c.state, coalesce(j.state = 'running', 0) FROM components c
        LEFT JOIN jobs j ON j.component = c.id WHERE c.dossier = ?1 AND c.name = ?2 AND c.state <> 'moved'
        ORDER BY version DESC LIMIT 1";
    let found = connection.query_row(select, params![dossier, name], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
    });
    match found.optional()? {
        Some((id, state, false)) if matches!(&state[..], "collecting" | "queued") => {
            connection.execute("DELETE FROM jobs WHERE component = ?1", [id])?;
            Ok(id)
        }
        Some((id, ..)) => next_version(connection, id, now, now),
        None => {
            let name = free_name(connection, Some(dossier), &name)?;
            // The key of a folder of this title in the dossier: later captures from there belong to it.
            let key = format!("{code}\nnamed\n{name}");
            let insert = "INSERT INTO components
                (dossier, key, title, name, version, state, priority, created, changed, modified)
                VALUES (?1, ?2, ?3, ?4, 1, 'collecting', ?5, ?6, ?6, ?6) RETURNING id";
            Ok(connection.query_row(insert, params![dossier, key, title, name, priority, now], |row| row.get(0))?)
        }
    }
}

/// Adds a capture, or some pages of one, after what a component has.
pub(super) fn put_last(connection: &Connection, component: i64, capture: &CaptureOf) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO component_captures (component, capture, name, position, first_page, last_page)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(position), 0) + 1 FROM component_captures WHERE component = ?1), ?4, ?5)",
    )?;
    let (first, last) = capture.pages.as_ref().map_or((1, None), |pages| (*pages.start(), Some(*pages.end())));
    insert.execute(params![component, capture.id, capture.name, first, last])?;
    Ok(())
}

/// Takes what is picked out of all that waits, and says what it was.
fn take_out(connection: &Connection, pick: Pick, now: Millis) -> Result<Vec<CaptureOf>, StoreError> {
    let taken = match pick {
        Pick::Component(component) => {
            let select = "SELECT 1 FROM components WHERE id = ?1 AND dossier IS NULL AND state <> 'moved'";
            if !connection.prepare_cached(select)?.exists([component])? {
                return Err(StoreError::NotWaiting(component));
            }
            captures_of(connection, component)?
        }
        Pick::Capture(capture) => waiting_of(connection, capture)?,
    };
    for capture in &taken {
        let mut select = connection.prepare_cached(
            "SELECT c.id, coalesce(j.state = 'running', 0) FROM component_captures p JOIN components c ON c.id = p.component
             LEFT JOIN jobs j ON j.component = c.id
             WHERE p.capture = ?1 AND p.first_page = ?2 AND c.dossier IS NULL AND c.state <> 'moved'",
        )?;
        let first = capture.pages.as_ref().map_or(1, |pages| *pages.start());
        let rows = select.query_map(params![capture.id, first], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (component, is_running) in rows.collect::<Result<Vec<(i64, bool)>, _>>()? {
            if is_running {
                return Err(StoreError::BeingMade(component));
            }
            let delete = "DELETE FROM component_captures WHERE component = ?1 AND capture = ?2 AND first_page = ?3";
            connection.execute(delete, params![component, capture.id, first])?;
            remake(connection, component, now)?;
        }
    }
    Ok(taken)
}

/// What waits of a capture, as the newest component that waits has it.
fn waiting_of(connection: &Connection, capture: i64) -> Result<Vec<CaptureOf>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.sha256, c.bytes, p.name, p.first_page, p.last_page FROM component_captures p
         JOIN captures c ON c.id = p.capture JOIN components k ON k.id = p.component
         WHERE p.capture = ?1 AND k.dossier IS NULL AND k.state <> 'moved' ORDER BY p.first_page, k.id DESC",
    )?;
    let rows = select.query_map([capture], jobs::capture_of)?;
    let mut waiting: Vec<CaptureOf> = rows.collect::<Result<_, _>>()?;
    waiting.dedup_by_key(|capture| capture.pages.as_ref().map_or(1, |pages| *pages.start()));
    if waiting.is_empty() {
        return Err(StoreError::NotWaiting(capture));
    }
    Ok(waiting)
}

/// Lets a component that lost captures be made anew of what is left; without any it has moved.
pub(super) fn remake(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    connection.execute("DELETE FROM jobs WHERE component = ?1", [component])?;
    let mut select = connection.prepare_cached("SELECT 1 FROM component_captures WHERE component = ?1")?;
    if select.exists([component])? {
        return jobs::queue(connection, component, now);
    }
    connection.execute("UPDATE components SET state = 'moved', changed = ?2 WHERE id = ?1", [component, now])?;
    Ok(())
}

pub(super) fn published(connection: &Connection, component: i64) -> Result<Vec<Published>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT directory, name, version, file, sha256 FROM published WHERE component = ?1 ORDER BY name, version",
    )?;
    let rows = select.query_map([component], |row| jobs::published(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};

    fn drop_file(store: &Store, relative: &str) -> (i64, i64) {
        let accepted = Dropped { gap: 1_000, ..Dropped::at(relative) }.drop_into(store, 1);
        (accepted.capture, accepted.component)
    }

    fn desk() -> (tempfile::TempDir, Store, DossierCode) {
        let (folder, store) = new_store();
        (folder, store, "H21-250701-0012".parse().unwrap())
    }

    #[test]
    fn what_waits_is_placed_and_its_rest_made_anew() {
        let (_folder, store, code) = desk();
        let (one, waiting) = drop_file(&store, "IMG_1.jpg");
        let (two, _) = drop_file(&store, "IMG_2.jpg");
        let (placed, _) = store.attach(&code, "Tờ khai", &[Pick::Capture(two)], (Some("TP1"), None), None, 5).unwrap();
        let dossier = store.dossier(Some(code.as_str())).unwrap();
        assert_eq!((&dossier.components[0].name[..], dossier.components[0].id), ("To-khai", placed));
        assert_eq!(dossier.components[0].code.as_deref(), Some("TP1"));
        let rest = store.dossier(None).unwrap().components;
        assert_eq!((rest.len(), rest[0].id, rest[0].captures.len()), (1, waiting, 1));
        // The last one goes, too, and comes after the first in its new component.
        store.attach(&code, "Tờ khai", &[Pick::Capture(one)], (None, None), None, 6).unwrap();
        let dossier = store.dossier(Some(code.as_str())).unwrap();
        let names: Vec<&str> = dossier.components[0].captures.iter().map(|capture| &capture.name[..]).collect();
        assert_eq!(names, ["IMG_2.jpg", "IMG_1.jpg"]);
        assert!(store.dossier(None).unwrap().components.is_empty());
        assert!(matches!(
            store.attach(&code, "x", &[Pick::Capture(one)], (None, None), None, 7),
            Err(StoreError::NotWaiting(_))
        ));
        assert!(store.dossier(Some("H21-250701-9999")).is_err());
    }

    #[test]
    fn placing_into_what_is_made_makes_a_version() {
        let (_folder, store, code) = desk();
        let (first, _) = drop_file(&store, "a.jpg");
        store.attach(&code, "a", &[Pick::Capture(first)], (None, None), None, 5).unwrap();
        let work = store.claim(5).unwrap().unwrap();
        store.finish(work.component, State::Done, "f", &[], 6).unwrap();
        let (second, _) = drop_file(&store, "b.jpg");
        store.attach(&code, "A", &[Pick::Capture(second)], (None, None), None, 7).unwrap();
        let components = store.dossier(Some(code.as_str())).unwrap().components;
        let versions: Vec<_> = components.iter().map(|one| (one.version, one.is_newest, one.captures.len())).collect();
        assert_eq!(versions, [(1, false, 1), (2, true, 2)]);
        let states = vec![(State::InWork, 1)];
        assert_eq!(store.dossiers().unwrap(), [DossierCount { code: Some(code.to_string()), states }]);
    }

    #[test]
    fn what_is_in_work_is_not_taken_away() {
        let (_folder, store, code) = desk();
        let (capture, waiting) = drop_file(&store, "a.jpg");
        store.close_due(10_000, 10_000).unwrap();
        store.claim(10_000).unwrap().unwrap();
        let refused = store.attach(&code, "a", &[Pick::Capture(capture)], (None, None), None, 11_000);
        assert!(matches!(refused, Err(StoreError::BeingMade(id)) if id == waiting));
        assert!(store.dossier(Some(code.as_str())).is_err(), "nothing was begun");
    }
}
