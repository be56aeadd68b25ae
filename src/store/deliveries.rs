//! What is to be delivered of finished components: an outbox that is written with the state they are finished in.

use rusqlite::{Connection, params};

use super::jobs::{self, Published};
use super::reused::reused;
use super::{ComponentShown, Millis, State, Store, StoreError, Subject, record, results};

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be delivered.
    Waiting,
    /// The other side has it.
    Accepted,
    /// The other side, or we ourselves, will not have it as it is; a person must ask for it again.
    Refused,
}

impl DeliveryState {
    /// What programs are told.
    pub fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    fn of(column: &str) -> Self {
        match column {
            "accepted" => Self::Accepted,
            "refused" => Self::Refused,
            _ => Self::Waiting,
        }
    }
}

/// A file to be delivered, with what is said of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// Code of the dossier.
    pub dossier: String,
    /// The component, without its captures.
    pub component: ComponentShown,
    /// The file, with the hash it had when it was finished.
    pub published: Published,
    /// How often it was tried before.
    pub attempts: u32,
}

/// How far the delivery of a component's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryShown {
    /// Name of the component in the directory's manifest.
    pub name: String,
    /// Version there.
    pub version: u32,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// It is not tried again before.
    pub not_before: Millis,
    /// The word or HTTP status that the last attempt ended with.
    pub answer: Option<String>,
    /// Last change.
    pub changed: Millis,
}

impl Store {
    /// The next files to be delivered at a time, oldest first. Of the versions of a file only the first that waits is among
    /// them, so that a later one is not overtaken; what is still to be entered ([`Store::enter`]) goes when it has its code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn due_deliveries(&self, now: Millis, most: usize) -> Result<Vec<Delivery>, StoreError> {
        const DUE: &str = "SELECT v.id, o.code, v.attempts, v.directory, v.name, v.version, v.file, v.sha256,
                c.id, c.title, c.name, c.version, c.code, c.result_code, c.changed, r.code, r.owner, r.type
            FROM deliveries v JOIN components c ON c.id = v.component JOIN dossiers o ON o.id = c.dossier
                LEFT JOIN results r ON r.dossier = c.dossier AND r.name = c.name
            WHERE v.state = 'waiting' AND v.not_before <= ?1 AND NOT EXISTS (SELECT 1 FROM deliveries e
                WHERE e.directory = v.directory AND e.name = v.name AND e.id < v.id AND e.state = 'waiting')
                AND NOT EXISTS (SELECT 1 FROM unentered u WHERE u.component = v.component AND u.attempts < ?3)
            ORDER BY v.id LIMIT ?2";
        let connection = self.connection();
        let mut select = connection.prepare_cached(DUE)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = select.query_map(params![now, most, results::MOST_ATTEMPTS], |row| {
            let published = jobs::published(row, 3)?;
            let component = ComponentShown {
                id: row.get(8)?,
                title: row.get(9)?,
                name: row.get(10)?,
                version: row.get(11)?,
                is_newest: true,
                state: State::Done,
                reason: None,
                code: row.get(12)?,
                result_code: row.get(13)?,
                digital_code: results::digital_code(row, 15)?,
                reused: reused(&connection, row.get(8)?)?,
                changed: row.get(14)?,
                captures: Vec::new(),
                published: Vec::new(),
            };
            Ok(Delivery { id: row.get(0)?, dossier: row.get(1)?, component, published, attempts: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what came of an attempt. One that waits is not tried again before `not_before`.
    ///
    /// # Errors
    /// When the database refuses; it is delivered again then, under the same key.
    pub fn delivered(
        &self,
        delivery: &Delivery,
        state: DeliveryState,
        answer: &str,
        not_before: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE deliveries SET state = ?2, answer = ?3, not_before = ?4, changed = ?5, attempts = attempts + 1
                 WHERE id = ?1",
            )?;
            update.execute(params![delivery.id, state.code(), answer, not_before, now])?;
            // A day without the other side is no day full of events.
            match state {
                DeliveryState::Waiting => Ok(()),
                DeliveryState::Accepted | DeliveryState::Refused => {
                    let kind = if state == DeliveryState::Accepted { "delivered" } else { "delivery-refused" };
                    let subject = Subject { component: Some(delivery.component.id), ..Subject::default() };
                    record(transaction, now, kind, subject, Some(answer))
                }
            }
        })
    }

    /// Has what waits or was refused delivered anew, of one dossier or of all; says how many files that are.
    ///
    /// # Errors
    /// When there is no such dossier.
    pub fn deliver_again(&self, dossier: Option<&str>, now: Millis) -> Result<usize, StoreError> {
        self.write(|transaction| {
            if let Some(code) = dossier
                && !transaction.prepare("SELECT 1 FROM dossiers WHERE code = ?1")?.exists([code])?
            {
                return Err(StoreError::NoDossier(code.to_owned()));
            }
            let update = "UPDATE deliveries SET state = 'waiting', attempts = 0, not_before = 0, changed = ?2
                WHERE state <> 'accepted' AND component IN (SELECT c.id FROM components c
                    JOIN dossiers o ON o.id = c.dossier WHERE ?1 IS NULL OR o.code = ?1)";
            Ok(transaction.execute(update, params![dossier, now])?)
        })
    }

    /// How far the deliveries of a component are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn deliveries(&self, component: i64) -> Result<Vec<DeliveryShown>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT name, version, state, attempts, not_before, answer, changed FROM deliveries
             WHERE component = ?1 ORDER BY id",
        )?;
        let rows = select.query_map([component], |row| {
            Ok(DeliveryShown {
                name: row.get(0)?,
                version: row.get(1)?,
                state: DeliveryState::of(&row.get::<_, String>(2)?),
                attempts: row.get(3)?,
                not_before: row.get(4)?,
                answer: row.get(5)?,
                changed: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Enters what a finished component has published into the outbox, if the component has a dossier. What is there already
/// stays: it may have been delivered.
pub(super) fn enter(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO deliveries (component, directory, name, version, file, sha256, state, changed)
         SELECT p.component, p.directory, p.name, p.version, p.file, p.sha256, 'waiting', ?2
         FROM published p JOIN components c ON c.id = p.component
         WHERE p.component = ?1 AND c.state = 'done' AND c.dossier IS NOT NULL
         AND p.file IS NOT NULL AND p.sha256 IS NOT NULL",
    )?;
    insert.execute([component, now])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::Dropped;

    const CODE: &str = "H21-250701-0012";

    /// A component that is made, in this state.
    fn made(store: &Store, relative: &str, version: u32, state: State) -> i64 {
        let content = format!("{relative}{version}");
        Dropped { content: &content, modified: i64::from(version), ..Dropped::at(relative) }.drop_into(store, 1);
        let work = store.claim(10).unwrap().unwrap();
        let file = Some((format!("{}.pdf", work.name), "00".to_owned()));
        let published = Published { directory: "/out".to_owned(), name: work.name, version, file };
        store.finish(work.component, state, "f", &[published], 20).unwrap();
        work.component
    }

    fn due(store: &Store, now: Millis) -> Vec<i64> {
        store.entered(&store.unentered(now, 10).unwrap()).unwrap();
        store.due_deliveries(now, 10).unwrap().iter().map(|delivery| delivery.component.id).collect()
    }

    #[test]
    fn what_is_finished_in_a_dossier_is_to_be_delivered_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("data")).unwrap();
        let done = made(&store, &format!("{CODE}/a.pdf"), 1, State::Done);
        assert!(store.due_deliveries(30, 10).unwrap().is_empty(), "it has no code yet");
        let unsigned = made(&store, &format!("{CODE}/b.pdf"), 1, State::Unsigned);
        made(&store, &format!("{CODE}/c.pdf"), 1, State::Rescan);
        made(&store, "d.pdf", 1, State::Done);
        assert_eq!(due(&store, 30), [done], "not what waits for its signature, a rescan or a dossier");
        let (_, published) = store.unsigned().unwrap().remove(0);
        store.signed(unsigned, &published, None, 40).unwrap();
        assert_eq!(due(&store, 50), [done, unsigned]);
        // Finished anew, as after a crash: still one delivery.
        let first = store.due_deliveries(50, 1).unwrap().remove(0);
        assert_eq!((&first.dossier[..], first.published.file.as_ref().unwrap().0.as_str()), (CODE, "a.pdf"));
        store.finish(done, State::Done, "f", std::slice::from_ref(&first.published), 60).unwrap();
        assert_eq!(due(&store, 60), [done, unsigned]);
        store.delivered(&first, DeliveryState::Accepted, "200", 0, 70).unwrap();
        store.finish(done, State::Done, "f", &[first.published], 80).unwrap();
        assert_eq!(due(&store, 80), [unsigned]);
    }

    #[test]
    fn a_delivery_waits_is_refused_and_is_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("data")).unwrap();
        let first = made(&store, &format!("{CODE}/a.pdf"), 1, State::Done);
        let second = made(&store, &format!("{CODE}/a.pdf"), 2, State::Done);
        assert_eq!(due(&store, 30), [first], "the second version comes after the first");
        let delivery = store.due_deliveries(30, 1).unwrap().remove(0);
        store.delivered(&delivery, DeliveryState::Waiting, "network", 1_000, 40).unwrap();
        assert_eq!((due(&store, 999), due(&store, 1_000)), (vec![], vec![first]));
        store.delivered(&delivery, DeliveryState::Refused, "422", 0, 50).unwrap();
        assert_eq!(due(&store, 1_000), [second], "one that is refused holds up nothing");
        let shown = store.deliveries(first).unwrap().remove(0);
        assert_eq!((shown.state, shown.attempts, shown.answer.as_deref()), (DeliveryState::Refused, 2, Some("422")));
        assert!(matches!(store.deliver_again(Some("H21-250701-9999"), 60), Err(StoreError::NoDossier(_))));
        assert_eq!(store.deliver_again(Some(CODE), 60).unwrap(), 2);
        assert_eq!(due(&store, 60), [first]);
    }

    #[test]
    fn a_store_of_version_1_gets_an_outbox_of_what_it_has_finished() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        connection
            .execute_batch(
                "INSERT INTO dossiers VALUES (1, 'H21-250701-0012', 0);
                 INSERT INTO components (id, dossier, key, title, name, version, state, priority, created, changed, modified)
                 VALUES (1, 1, 'k', 'a', 'a', 1, 'done', 0, 0, 5, 0), (2, 1, 'l', 'b', 'b', 1, 'unsigned', 0, 0, 5, 0);
                 INSERT INTO published VALUES (1, '/o', 'a', 1, 'a.pdf', '00'), (2, '/o', 'b', 1, 'b.pdf', '00');",
            )
            .unwrap();
        connection.execute_batch(include_str!("deliveries.sql")).unwrap();
        let rows: Vec<i64> = connection
            .prepare("SELECT component FROM deliveries WHERE state = 'waiting'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(rows, [1]);
    }
}
