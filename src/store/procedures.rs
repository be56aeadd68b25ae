//! The catalogue of procedures, and which procedure a dossier is of.

use rusqlite::{Connection, OptionalExtension, params};

use crate::procedures::{Class, Listed, Procedure};

use super::accounts::record_by;
use super::{Millis, Store, StoreError, Subject, record};

/// A procedure in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcedureListed {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its papers.
    pub components: u64,
    /// Those that must be digitised.
    pub compulsory: u64,
}

/// What a person says of a dossier. What is `None` is not known, and forgotten where it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Code of its procedure.
    pub procedure: Option<String>,
    /// Identification of who hands it in.
    pub owner: Option<String>,
}

impl Store {
    /// Puts procedures into the catalogue, all or none; one that is there is replaced with all its papers, others stay.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn import_procedures(&self, procedures: &[Procedure], now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            procedures.iter().try_for_each(|procedure| put(transaction, procedure))?;
            // What had no type may have one now.
            let due = format!("{DUE_AGAIN} AND d.procedure IN (SELECT code FROM procedures) AND {HAS_NO_CODE}");
            transaction.execute(&due, [])?;
            record(transaction, now, "catalogue", Subject::default(), Some(&procedures.len().to_string()))
        })
    }

    /// The procedures of the catalogue whose code comes after `after`, by code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn procedures_after(&self, after: &str, limit: u32) -> Result<Vec<ProcedureListed>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT p.code, p.name, count(c.position), count(c.class) FROM procedures p
             LEFT JOIN procedure_components c ON c.procedure = p.code WHERE p.code > ?1 GROUP BY p.code
             ORDER BY p.code LIMIT ?2",
        )?;
        let rows = select.query_map(params![after, limit], |row| {
            let (code, name) = (row.get(0)?, row.get(1)?);
            Ok(ProcedureListed { code, name, components: row.get(2)?, compulsory: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A procedure with its papers; `None` where the catalogue has none of this code.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn procedure(&self, code: &str) -> Result<Option<Procedure>, StoreError> {
        let mut connection = self.connection();
        let connection = connection.transaction()?;
        let name = connection.query_row("SELECT name FROM procedures WHERE code = ?1", [code], |row| row.get(0));
        let Some(name) = name.optional()? else { return Ok(None) };
        let mut select = connection.prepare_cached(
            "SELECT code, name, class, result_type FROM procedure_components WHERE procedure = ?1 ORDER BY position",
        )?;
        let rows = select.query_map([code], |row| {
            let class: Option<u8> = row.get(2)?;
            let class = class.and_then(Class::of);
            Ok(Listed { code: row.get(0)?, name: row.get(1)?, class, result_type: row.get(3)? })
        })?;
        let components = rows.collect::<Result<_, _>>()?;
        Ok(Some(Procedure { code: code.to_owned(), name, components }))
    }

    /// Writes down what a person at the desk says of a dossier: what papers say counts for nothing against it.
    ///
    /// # Errors
    /// When there is no such dossier.
    pub fn say_of_dossier(&self, code: &str, said: &Said, by: i64, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let update = "UPDATE dossiers SET procedure = ?2, owner = ?3 WHERE code = ?1 RETURNING id";
            let id = transaction.query_row(update, params![code, said.procedure, said.owner], |row| row.get(0));
            let dossier = Some(id.optional()?.ok_or_else(|| StoreError::NoDossier(code.to_owned()))?);
            transaction
                .execute(&format!("{DUE_AGAIN} AND d.id = ?1 AND ({HAS_NO_CODE} OR {IS_NOT_FILED})"), [dossier])?;
            // Whose dossier it is stands in no event.
            let subject = Subject { dossier, ..Subject::default() };
            record_by(transaction, now, "dossier-described", Some(by), subject, said.procedure.as_deref())
        })
    }

    /// What is said of a dossier; nothing of one that is not there.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn said_of_dossier(&self, code: &str) -> Result<Said, StoreError> {
        let connection = self.connection();
        let select = "SELECT procedure, owner FROM dossiers WHERE code = ?1";
        let found = connection.query_row(select, [code], |row| Ok(Said { procedure: row.get(0)?, owner: row.get(1)? }));
        Ok(found.optional()?.unwrap_or_default())
    }
}

/// Has finished components `c` of some dossiers `d` entered again.
const DUE_AGAIN: &str = "INSERT OR REPLACE INTO unentered (component)
    SELECT c.id FROM components c JOIN dossiers d ON d.id = c.dossier WHERE c.state = 'done'";
pub(super) const HAS_NO_CODE: &str =
    "NOT EXISTS (SELECT 1 FROM results r WHERE r.dossier = c.dossier AND r.name = c.name)";
pub(super) const IS_NOT_FILED: &str =
    "NOT EXISTS (SELECT 1 FROM filed f WHERE f.component = c.id AND f.folder IS NOT NULL)";

fn put(connection: &Connection, procedure: &Procedure) -> Result<(), StoreError> {
    let upsert =
        "INSERT INTO procedures (code, name) VALUES (?1, ?2) ON CONFLICT (code) DO UPDATE SET name = excluded.name";
    connection.prepare_cached(upsert)?.execute([&procedure.code, &procedure.name])?;
    connection.prepare_cached("DELETE FROM procedure_components WHERE procedure = ?1")?.execute([&procedure.code])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO procedure_components (procedure, position, code, name, class, result_type)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, listed) in (1_i64..).zip(&procedure.components) {
        let class = listed.class.map(Class::number);
        insert.execute(params![procedure.code, position, listed.code, listed.name, class, listed.result_type])?;
    }
    Ok(())
}

/// The type of result that the catalogue has for a paper of a procedure.
pub(super) fn result_type(
    connection: &Connection,
    procedure: &str,
    (code, title): (Option<&str>, &str),
) -> Result<Option<String>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT code, name, result_type FROM procedure_components WHERE procedure = ?1 AND result_type IS NOT NULL
         ORDER BY position",
    )?;
    let rows = select.query_map([procedure], |row| {
        Ok(Listed { code: row.get(0)?, name: row.get(1)?, class: None, result_type: row.get(2)? })
    })?;
    let listed: Vec<Listed> = rows.collect::<Result<_, _>>()?;
    Ok(listed.into_iter().find(|listed| listed.is(code, title)).and_then(|listed| listed.result_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digital_code::Rules;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{Known, State};

    const CODE: &str = "H21-250701-0012";

    fn procedure(code: &str, papers: &[(&str, Option<Class>)]) -> Procedure {
        let listed = |(name, class): &(&str, Option<Class>)| Listed {
            code: None,
            name: (*name).to_owned(),
            class: *class,
            result_type: (*class == Some(Class::Result)).then(|| "KQ.G15.000031".to_owned()),
        };
        Procedure {
            code: code.to_owned(),
            name: "Khai sinh".to_owned(),
            components: papers.iter().map(listed).collect(),
        }
    }

    #[test]
    fn a_catalogue_is_imported_and_replaced_by_procedure() {
        let (_folder, store) = new_store();
        let first = procedure("1.001193", &[("Tờ khai", Some(Class::Law)), ("Giấy khai sinh", Some(Class::Result))]);
        let other = procedure("2.000635", &[("Đơn", None)]);
        store.import_procedures(&[first.clone(), other.clone()], 1).unwrap();
        assert_eq!(store.procedure("1.001193").unwrap(), Some(first));
        let later = procedure("1.001193", &[("Tờ khai mới", None)]);
        store.import_procedures(std::slice::from_ref(&later), 2).unwrap();
        assert_eq!((store.procedure("1.001193").unwrap(), store.procedure("x").unwrap()), (Some(later), None));
        let listed = store.procedures_after("", 9).unwrap();
        let listed: Vec<_> = listed.iter().map(|one| (&one.code[..], one.components, one.compulsory)).collect();
        assert_eq!(listed, [("1.001193", 1, 0), ("2.000635", 1, 0)]);
    }

    #[test]
    fn the_catalogue_gives_a_paper_its_type_and_a_person_an_owner() {
        let (_folder, store) = new_store();
        Dropped::at(&format!("{CODE}/Giấy khai sinh.pdf")).drop_into(&store, 1);
        let work = store.claim(10).unwrap().unwrap();
        store.finish(work.component, State::Done, "f", &[], 20).unwrap();
        let enter = || {
            let due = store.unentered(30, 9).unwrap();
            let rules = Rules::default();
            let entered =
                due.iter().map(|one| store.enter(one.component, &Known::default(), Some(&rules), 30).unwrap());
            let codes: Vec<_> = entered.map(|entered| entered.unwrap().code).collect();
            store.entered(&due).unwrap();
            codes
        };
        assert_eq!(enter(), [None], "nobody knows what it is");
        let said = Said { procedure: Some("1.001193".to_owned()), owner: Some("052090000123".to_owned()) };
        store.say_of_dossier(CODE, &said, 1, 40).unwrap();
        assert_eq!((store.said_of_dossier(CODE).unwrap(), enter()), (said, vec![None]));
        store.import_procedures(&[procedure("1.001193", &[("Giấy khai sinh", Some(Class::Result))])], 50).unwrap();
        assert_eq!(enter(), [Some("052090000123.KQ.G15.000031.1".to_owned())]);
        store.import_procedures(&[], 60).unwrap();
        assert_eq!(enter(), [], "what has its code is not looked at again");
        let missing = store.say_of_dossier("H21-250701-9999", &Said::default(), 1, 70);
        assert!(matches!(missing, Err(StoreError::NoDossier(_))));
        let told: i64 = store
            .connection()
            .query_row("SELECT count(*) FROM events WHERE detail LIKE '%052090000123%'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(told, 0, "numbers of persons are in no event");
    }
}
