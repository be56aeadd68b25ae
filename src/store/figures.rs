//! What a day brought: numbers for whoever answers for the desk. Each question follows an index of time, so a day costs what
//! happened in it, however much the store has.

use rusqlite::{Connection, params};

use super::dossiers::published;
use super::{Millis, Published, State, Store, StoreError};

/// What a span of time brought, from its first millisecond to before its last.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Captures that came: by source, and hours since the beginning.
    pub captures: Vec<(String, usize, u64)>,
    /// Components made in it, those moved since left out.
    pub made: Vec<MadeComponent>,
    /// Times from made to signed, milliseconds, of components signed in it that had waited.
    pub waited: Vec<Millis>,
    /// Components signed in it at once, as they were made.
    pub signed_at_once: u64,
    /// Dossiers begun in it.
    pub dossiers: Vec<DossierSides>,
    /// Newest versions in dossiers that wait for their signature now, and when the oldest began to.
    pub unsigned: (u64, Option<Millis>),
}

/// A component made in a span of time.
#[derive(Clone, Debug)]
pub struct MadeComponent {
    /// Its number.
    pub id: i64,
    /// How far it is now.
    pub state: State,
    /// When its first capture came.
    pub first_capture: Option<Millis>,
    /// When it was made, the last time.
    pub made: Millis,
    /// What was published of it.
    pub published: Vec<Published>,
}

/// Which sides of a dossier have a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DossierSides {
    /// Its code.
    pub code: String,
    /// Whether a component that is no result has a file.
    pub has_component: bool,
    /// Whether a result (*kết quả*) has a file: a component with a result code.
    pub has_result: bool,
}

const HOUR: Millis = 3_600_000;

impl Store {
    /// What happened from `from` to before `until`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn figures(&self, from: Millis, until: Millis) -> Result<Figures, StoreError> {
        let mut connection = self.connection();
        // One moment of the store, whoever writes meanwhile.
        let connection = connection.transaction()?;
        let at_once = "SELECT count(DISTINCT c.id) FROM events e JOIN components c ON c.id = e.component
            WHERE e.time >= ?1 AND e.time < ?2 AND e.kind = 'made' AND e.detail = 'done' AND c.state <> 'moved'";
        Ok(Figures {
            captures: captures(&connection, from, until)?,
            made: made(&connection, from, until)?,
            waited: waited(&connection, from, until)?,
            signed_at_once: connection.prepare_cached(at_once)?.query_row([from, until], |row| row.get(0))?,
            dossiers: dossiers(&connection, from, until)?,
            unsigned: unsigned(&connection)?,
        })
    }

    /// Where a capture of this hash came from first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn origin(&self, sha256: &str) -> Result<Option<String>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT a.source FROM captures c JOIN arrivals a ON a.capture = c.id WHERE c.sha256 = ?1 ORDER BY a.id LIMIT 1",
        )?;
        let mut rows = select.query([sha256])?;
        Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
    }
}

fn captures(connection: &Connection, from: Millis, until: Millis) -> Result<Vec<(String, usize, u64)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT source, (received - ?1) / ?3, count(*) FROM arrivals WHERE received >= ?1 AND received < ?2
         GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let rows = select.query_map([from, until, HOUR], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn made(connection: &Connection, from: Millis, until: Millis) -> Result<Vec<MadeComponent>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.state, c.dossier IS NOT NULL, max(e.time), (SELECT min(r.received) FROM component_captures p
             JOIN captures r ON r.id = p.capture WHERE p.component = c.id)
         FROM events e JOIN components c ON c.id = e.component
         WHERE e.time >= ?1 AND e.time < ?2 AND e.kind = 'made' AND c.state <> 'moved' GROUP BY c.id ORDER BY c.id",
    )?;
    let rows = select.query_map([from, until], |row| {
        Ok(MadeComponent {
            id: row.get(0)?,
            state: State::of(&row.get::<_, String>(1)?, row.get(2)?),
            made: row.get(3)?,
            first_capture: row.get(4)?,
            published: Vec::new(),
        })
    })?;
    let mut made: Vec<MadeComponent> = rows.collect::<Result<_, _>>()?;
    for component in &mut made {
        component.published = published(connection, component.id)?;
    }
    Ok(made)
}

fn waited(connection: &Connection, from: Millis, until: Millis) -> Result<Vec<Millis>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT min(s.time) - (SELECT max(m.time) FROM events m
             WHERE m.component = s.component AND m.kind = 'made' AND m.time <= s.time)
         FROM events s WHERE s.time >= ?1 AND s.time < ?2 AND s.kind = 'signed' GROUP BY s.component",
    )?;
    let rows = select.query_map([from, until], |row| row.get::<_, Option<Millis>>(0))?;
    let times: Vec<Option<Millis>> = rows.collect::<Result<_, _>>()?;
    Ok(times.into_iter().flatten().collect())
}

fn dossiers(connection: &Connection, from: Millis, until: Millis) -> Result<Vec<DossierSides>, StoreError> {
    // As the index has it: a column beside it would be compared in a way that no index knows.
    let side = "EXISTS (SELECT 1 FROM components c JOIN published p ON p.component = c.id
        WHERE coalesce(c.dossier, 0) = coalesce(d.id, 0) AND c.state <> 'moved' AND p.file IS NOT NULL AND c.result_code IS";
    let sql = format!(
        "SELECT d.code, {side} NULL), {side} NOT NULL) FROM dossiers d WHERE d.created >= ?1 AND d.created < ?2
         ORDER BY d.code"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([from, until], |row| {
        Ok(DossierSides { code: row.get(0)?, has_component: row.get(1)?, has_result: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many newest versions in dossiers wait for their signature, and when the oldest began to.
pub(super) fn unsigned(connection: &Connection) -> Result<(u64, Option<Millis>), StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT count(*), min(c.changed) FROM components c WHERE c.state = 'unsigned' AND c.dossier IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM components n WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0) AND n.name = c.name
             AND n.version > c.version AND n.state <> 'moved')",
    )?;
    Ok(select.query_row(params![], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};

    #[test]
    fn a_day_is_what_happened_in_it() {
        let (_folder, store) = new_store();
        for (source, relative) in [("in", "H21-250701-0012/a.pdf"), ("phone/1", "H21-250701-0012/b.pdf")] {
            Dropped { source, ..Dropped::at(relative) }.drop_into(&store, 10);
        }
        Dropped::at("c.pdf").drop_into(&store, HOUR + 10);
        let published = |name: &str| Published {
            directory: "/o".to_owned(),
            name: name.to_owned(),
            version: 1,
            file: Some((format!("{name}.pdf"), "00".to_owned())),
        };
        store.close_due(2 * HOUR, 2 * HOUR).unwrap();
        while let Some(work) = store.claim(2 * HOUR).unwrap() {
            let state = if work.name == "a" { State::Unsigned } else { State::Done };
            store.finish(work.component, state, "f", &[published(&work.name)], 2 * HOUR).unwrap();
        }
        let day = store.figures(0, 24 * HOUR).unwrap();
        let captures: Vec<_> = day.captures.iter().map(|(source, hour, count)| (&source[..], *hour, *count)).collect();
        assert_eq!(captures, [("in", 0, 1), ("in", 1, 1), ("phone/1", 0, 1)]);
        assert_eq!((day.made.len(), day.signed_at_once, day.unsigned), (3, 2, (1, Some(2 * HOUR))));
        assert_eq!((day.made[0].first_capture, day.made[0].made), (Some(10), 2 * HOUR));
        let sides = DossierSides { code: "H21-250701-0012".to_owned(), has_component: true, has_result: false };
        assert_eq!((day.dossiers, day.waited), (vec![sides], vec![]));

        let id = day.made[0].id;
        store.connection().execute("UPDATE components SET result_code = 'KQ' WHERE id = ?1", [id]).unwrap();
        store.signed(id, &published("a"), None, 30 * HOUR).unwrap();
        let next = store.figures(24 * HOUR, 48 * HOUR).unwrap();
        assert_eq!((next.waited, next.unsigned, next.made.len()), (vec![28 * HOUR], (0, None), 0));
        assert!(store.figures(0, 24 * HOUR).unwrap().dossiers[0].has_result);
        assert_eq!(store.origin("00").unwrap(), None);
    }
}
