//! What is written down of who did what, for those who answer for it.

use rusqlite::params;

use super::{Millis, Store, StoreError};

/// Which events are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// From this time.
    pub from: Millis,
    /// To before this one.
    pub until: Millis,
    /// Name of the account; `None` = of all, and of none.
    pub account: Option<String>,
    /// Code of the dossier; `None` = of all, and of none.
    pub dossier: Option<String>,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventShown {
    /// Its number.
    pub id: i64,
    /// When.
    pub time: Millis,
    /// Its word.
    pub kind: String,
    /// Name of the account whose person did it, or to which it was done.
    pub account: Option<String>,
    /// Code of the dossier.
    pub dossier: Option<String>,
    /// Number and title of the component.
    pub component: Option<(i64, String)>,
}

impl Store {
    /// The events that are wanted with a number above `after`, by number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn journal(&self, wanted: &Wanted, after: i64, limit: u32) -> Result<Vec<EventShown>, StoreError> {
        let connection = self.connection();
        // The days before are not gone through: the index of time is used, and not the numbers.
        let mut select = connection.prepare_cached(
            "SELECT e.id, e.time, e.kind, a.name, coalesce(d.code, cd.code), c.id, c.title FROM events e
             LEFT JOIN accounts a ON a.id = e.account LEFT JOIN dossiers d ON d.id = e.dossier
             LEFT JOIN components c ON c.id = e.component LEFT JOIN dossiers cd ON cd.id = c.dossier
             WHERE e.time >= ?1 AND e.time < ?2 AND (?3 IS NULL OR a.name = ?3)
             AND (?4 IS NULL OR coalesce(d.code, cd.code) = ?4) AND +e.id > ?5 ORDER BY +e.id LIMIT ?6",
        )?;
        let Wanted { from, until, account, dossier } = wanted;
        let rows = select.query_map(params![from, until, account, dossier, after, limit], |row| {
            Ok(EventShown {
                id: row.get(0)?,
                time: row.get(1)?,
                kind: row.get(2)?,
                account: row.get(3)?,
                dossier: row.get(4)?,
                component: row.get::<_, Option<i64>>(5)?.zip(row.get(6)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Role, StoredPassword};
    use crate::store::Looked;
    use crate::store::dropped::{Dropped, new_store};

    #[test]
    fn what_happened_is_found_by_day_person_and_dossier() {
        let (_folder, store) = new_store();
        Dropped::at("H21-250701-0012/a.pdf").drop_into(&store, 10);
        let password = StoredPassword::from_store("a hash".to_owned());
        let lan = store.add_account(&"lan".parse().unwrap(), &password, Role::Clerk, 20).unwrap();
        store.looked(lan, Looked::Dossier("H21-250701-0012"), 30).unwrap();
        let kinds = |wanted: &Wanted, after| -> Vec<String> {
            store.journal(wanted, after, 9).unwrap().into_iter().map(|event| event.kind).collect()
        };
        let all = Wanted { until: 100, ..Wanted::default() };
        assert_eq!(kinds(&all, 0), ["stored", "account-added", "viewed"]);
        assert_eq!(kinds(&all, 1), ["account-added", "viewed"]);
        assert_eq!(kinds(&Wanted { from: 11, until: 30, ..all.clone() }, 0), ["account-added"]);
        assert_eq!(kinds(&Wanted { account: Some("lan".into()), ..all.clone() }, 0), ["account-added", "viewed"]);
        let of_dossier = Wanted { dossier: Some("H21-250701-0012".into()), ..all };
        assert_eq!(kinds(&of_dossier, 0), ["stored", "viewed"]);
        let first = &store.journal(&of_dossier, 0, 1).unwrap()[0];
        assert_eq!((first.component.as_ref().map(|(_, title)| &title[..]), &first.account), (Some("a"), &None));
    }
}
