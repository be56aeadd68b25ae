//! Papers that were not brought again (*tái sử dụng*): components that are the signed file of another, and of which.

use rusqlite::{Connection, OptionalExtension, params};

use super::accounts::record_by;
use super::{Accepted, Millis, Store, StoreError, Subject};

/// Of what a component is the signed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reused {
    /// The component that was made of the paper.
    pub original: i64,
    /// Its code as a digitised result, if it has one.
    pub code: Option<String>,
}

impl Store {
    /// Writes down that what was accepted is the signed file of another component, which a person chose in place of bringing the
    /// paper again. Said twice, the second time changes nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn reuse(&self, account: i64, accepted: Accepted, original: i64, now: Millis) -> Result<(), StoreError> {
        let Accepted { capture, component, .. } = accepted;
        self.write(|transaction| {
            let insert = "INSERT OR IGNORE INTO reused (component, original) VALUES (?1, ?2)";
            if transaction.execute(insert, params![component, original])? == 0 {
                return Ok(());
            }
            let subject = Subject { capture: Some(capture), component: Some(component), ..Subject::default() };
            record_by(transaction, now, "reused", Some(account), subject, Some(&original.to_string()))
        })
    }
}

/// Of what a component is the signed file; `None` where it was made of its captures.
pub(super) fn reused(connection: &Connection, component: i64) -> rusqlite::Result<Option<Reused>> {
    let mut select = connection.prepare_cached(
        "SELECT u.original, r.code FROM reused u JOIN components o ON o.id = u.original
             LEFT JOIN results r ON r.dossier = o.dossier AND r.name = o.name WHERE u.component = ?1",
    )?;
    let found = select.query_row([component], |row| Ok(Reused { original: row.get(0)?, code: row.get(1)? }));
    found.optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Arrived;
    use crate::store::dropped::{Dropped, new_store};

    #[test]
    fn what_was_not_brought_again_is_known_with_its_original() {
        let (_folder, store) = new_store();
        let original = Dropped::at("H21-250701-0012/a.pdf").drop_into(&store, 1).component;
        let again = Dropped::at("H21-250701-0013/a.pdf").drop_into(&store, 2);
        assert_eq!(again.arrived, Arrived::First);
        store.reuse(1, again, original, 3).unwrap();
        store.reuse(1, again, original, 4).unwrap();
        let shown = store.component(again.component).unwrap().component;
        assert_eq!(shown.reused, Some(Reused { original, code: None }));
        assert_eq!(store.component(original).unwrap().component.reused, None);
        let connection = store.connection();
        let events: i64 =
            connection.query_row("SELECT count(*) FROM events WHERE kind = 'reused'", [], |row| row.get(0)).unwrap();
        assert_eq!(events, 1);
        let code = "INSERT INTO results SELECT dossier, name, 'K.1', '', 'K', 1, 0 FROM components WHERE id = ?1";
        connection.execute(code, [original]).unwrap();
        assert_eq!(reused(&connection, again.component).unwrap().unwrap().code.as_deref(), Some("K.1"));
    }
}
