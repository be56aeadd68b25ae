//! How far dossiers are digitised, by their day of receipt: whose papers and whose results have signed files.

use rusqlite::params;

use super::{Store, StoreError};

/// How far a dossier is digitised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DossierDigitised {
    /// Its code.
    pub code: String,
    /// Whether a component that is no result has a signed file.
    pub has_component: bool,
    /// Whether a result has a signed file: a component with a result code, or one that the catalogue of procedures calls one.
    pub has_result: bool,
    /// Whether its procedure returns a paper. One that the catalogue does not know is taken to.
    pub returns_paper: bool,
    /// Whether the other side of the connector has the result.
    pub is_delivered: bool,
    /// Whether a paper in it was not brought again but is the signed file of another dossier.
    pub has_reused: bool,
}

impl Store {
    /// The dossiers whose day of receipt, as their codes have it (`yymmdd`), lies between two days, both included; by code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn digitised(&self, from: &str, until: &str) -> Result<Vec<DossierDigitised>, StoreError> {
        // Of the components as the index has them.
        let signed = "SELECT 1 FROM components c WHERE coalesce(c.dossier, 0) = coalesce(d.id, 0) AND c.state = 'done'";
        let result = "(c.result_code IS NOT NULL OR EXISTS (SELECT 1 FROM procedure_components p
            WHERE p.procedure = d.procedure AND p.class = 5 AND p.code = c.code))";
        let listed = "FROM procedure_components p WHERE p.procedure = d.procedure";
        let sql = format!(
            "SELECT d.code, EXISTS ({signed} AND NOT {result}), EXISTS ({signed} AND {result}),
                 NOT EXISTS (SELECT 1 {listed}) OR EXISTS (SELECT 1 {listed} AND p.class = 5),
                 EXISTS ({signed} AND {result} AND EXISTS (SELECT 1 FROM deliveries v
                     WHERE v.component = c.id AND v.state = 'accepted')),
                 EXISTS ({signed} AND EXISTS (SELECT 1 FROM reused u WHERE u.component = c.id))
             FROM dossiers d WHERE substr(d.code, instr(d.code, '-') + 1, 6) BETWEEN ?1 AND ?2 ORDER BY d.code"
        );
        let connection = self.connection();
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map(params![from, until], |row| {
            Ok(DossierDigitised {
                code: row.get(0)?,
                has_component: row.get(1)?,
                has_result: row.get(2)?,
                returns_paper: row.get(3)?,
                is_delivered: row.get(4)?,
                has_reused: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{DeliveryState, Published, State};

    const CODE: &str = "H21-250701-0012";

    fn made(store: &Store, relative: &str, state: State) -> i64 {
        Dropped::at(relative).drop_into(store, 1);
        let work = store.claim(10).unwrap().unwrap();
        let file = Some((format!("{}.pdf", work.name), "00".to_owned()));
        let published = Published { directory: "/out".to_owned(), name: work.name, version: 1, file };
        store.finish(work.component, state, "f", &[published], 20).unwrap();
        work.component
    }

    fn set(store: &Store, sql: &str) {
        store.connection().execute_batch(sql).unwrap();
    }

    fn one(store: &Store) -> (bool, bool, bool, bool) {
        let found = store.digitised("250701", "250701").unwrap();
        assert_eq!((found.len(), &found[0].code[..]), (1, CODE));
        (found[0].has_component, found[0].has_result, found[0].returns_paper, found[0].is_delivered)
    }

    #[test]
    fn sides_count_when_their_files_are_signed() {
        let (_folder, store) = new_store();
        made(&store, &format!("{CODE}/a.pdf"), State::Unsigned);
        assert_eq!(one(&store), (false, false, true, false));
        let result = made(&store, &format!("{CODE}/b.pdf"), State::Done);
        assert_eq!(one(&store), (true, false, true, false));
        set(&store, &format!("UPDATE components SET result_code = 'KQ.G15.000031' WHERE id = {result}"));
        assert_eq!(one(&store), (false, true, true, false));
        store.entered(&store.unentered(30, 9).unwrap()).unwrap();
        let delivery = store.due_deliveries(30, 9).unwrap().remove(0);
        store.delivered(&delivery, DeliveryState::Accepted, "200", 0, 40).unwrap();
        assert_eq!(one(&store), (false, true, true, true));
        assert!(store.digitised("250702", "251231").unwrap().is_empty());
    }

    #[test]
    fn the_catalogue_says_what_is_a_result_and_who_returns_one() {
        let (_folder, store) = new_store();
        let component = made(&store, &format!("{CODE}/a.pdf"), State::Done);
        set(
            &store,
            &format!(
                "INSERT INTO procedures VALUES ('1.000894', 'x');
                 INSERT INTO procedure_components VALUES ('1.000894', 1, 'TP1', 'a', 2, NULL);
                 UPDATE dossiers SET procedure = '1.000894';
                 UPDATE components SET code = 'KQ1' WHERE id = {component}"
            ),
        );
        assert_eq!(one(&store), (true, false, false, false), "it returns no paper");
        set(&store, "INSERT INTO procedure_components VALUES ('1.000894', 2, 'KQ1', 'b', 5, 'KQ.G15.000031')");
        assert_eq!(one(&store), (false, true, true, false));
    }
}
