//! What is finished gets its code (*cấp mã kết quả số hóa*): the components that are still to be entered, and the codes.
//!
//! The database notes by itself what was made or signed (`results.sql`), so nothing that a killed service had signed stays
//! without its code. A code belongs to the paper, whatever its version, and is given once.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::digital_code::{DigitalCode, Rules};

use super::{Millis, Store, StoreError, Subject, procedures, record};

/// So often a component is looked at before what depends on its code goes on without.
pub(super) const MOST_ATTEMPTS: u32 = 5;

/// A component that is still to be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unentered {
    /// Number of the note.
    pub note: i64,
    /// Number of the component.
    pub component: i64,
    /// How often it was looked at in vain.
    pub attempts: u32,
}

/// What the data of a paper say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Type of result that its kind is.
    pub type_code: Option<String>,
    /// Identification of its owner.
    pub owner: Option<String>,
    /// Code of the procedure it is of.
    pub procedure: Option<String>,
}

/// How a component was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Its code, if it has one.
    pub code: Option<String>,
    /// Type of paper in it.
    pub type_code: Option<String>,
    /// Identification of the owner: that of the code, or what is known of one.
    pub owner: Option<String>,
    /// Whether the code was given just now.
    pub is_new: bool,
}

/// A component as its code needs it.
struct Paper {
    dossier: i64,
    name: String,
    title: String,
    /// Mã thành phần hồ sơ.
    code: Option<String>,
    is_done: bool,
    /// It is the signed file of another paper, which has the code.
    is_reused: bool,
    result_code: Option<String>,
    /// What a person said of the dossier.
    owner: Option<String>,
    procedure: Option<String>,
}

impl Store {
    /// The first components that are to be entered now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unentered(&self, now: Millis, most: u32) -> Result<Vec<Unentered>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT id, component, attempts FROM unentered WHERE not_before <= ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = select.query_map(params![now, most], |row| {
            Ok(Unentered { note: row.get(0)?, component: row.get(1)?, attempts: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes down what a paper says of its dossier, and gives the paper its code by the rules where it is signed, has none, and its
    /// type is known: all of it or nothing. `None` where there is no such paper in a dossier any more.
    ///
    /// # Errors
    /// When the database refuses; the component is still to be entered then.
    pub fn enter(
        &self,
        component: i64,
        known: &Known,
        rules: Option<&Rules>,
        now: Millis,
    ) -> Result<Option<Entered>, StoreError> {
        self.write(|transaction| {
            let Some(mut paper) = paper(transaction, component)? else { return Ok(None) };
            if paper.procedure.is_none() && known.procedure.is_some() {
                let update = "UPDATE dossiers SET procedure = ?2 WHERE id = ?1";
                transaction.execute(update, params![paper.dossier, known.procedure])?;
                let subject = Subject { dossier: Some(paper.dossier), ..Subject::default() };
                record(transaction, now, "procedure-found", subject, known.procedure.as_deref())?;
                paper.procedure.clone_from(&known.procedure);
            }
            if let Some(given) = given(transaction, &paper)? {
                let owner = given.owner.or_else(|| known.owner.clone()).or(paper.owner);
                return Ok(Some(Entered { owner, ..given }));
            }
            let owner = known.owner.as_ref().or(paper.owner.as_ref()).cloned();
            let type_code = type_of(transaction, &paper, known, rules)?;
            let mut entered = Entered { code: None, type_code, owner, is_new: false };
            if let (true, Some(rules), Some(type_code)) = (paper.is_done && !paper.is_reused, rules, &entered.type_code)
            {
                let owner = entered.owner.as_deref().unwrap_or_default();
                entered.code = Some(give(transaction, &paper, (owner, type_code), rules, now)?);
                entered.is_new = true;
                let subject =
                    Subject { component: Some(component), dossier: Some(paper.dossier), ..Subject::default() };
                record(transaction, now, "coded", subject, None)?;
            }
            Ok(Some(entered))
        })
    }

    /// Takes the notes away of components that are entered. One that changed meanwhile has another note, which stays.
    ///
    /// # Errors
    /// When the database refuses; they are entered again then.
    pub fn entered(&self, done: &[Unentered]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM unentered WHERE id = ?1")?;
            done.iter().try_for_each(|one| delete.execute([one.note]).map(drop))?;
            Ok(())
        })
    }

    /// Puts a component off whose data cannot be read now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn put_off(&self, one: &Unentered, not_before: Millis) -> Result<(), StoreError> {
        let connection = self.connection();
        let update = "UPDATE unentered SET attempts = attempts + 1, not_before = ?2 WHERE id = ?1";
        connection.prepare_cached(update)?.execute([one.note, not_before])?;
        Ok(())
    }
}

fn paper(connection: &Connection, component: i64) -> Result<Option<Paper>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT d.id, c.name, c.state = 'done', c.result_code, d.owner, d.procedure, c.title, c.code,
             EXISTS (SELECT 1 FROM reused u WHERE u.component = c.id)
         FROM components c JOIN dossiers d ON d.id = c.dossier WHERE c.id = ?1 AND c.state <> 'moved'",
    )?;
    let found = select.query_row([component], |row| {
        Ok(Paper {
            dossier: row.get(0)?,
            name: row.get(1)?,
            is_done: row.get(2)?,
            result_code: row.get(3)?,
            owner: row.get(4)?,
            procedure: row.get(5)?,
            title: row.get(6)?,
            code: row.get(7)?,
            is_reused: row.get(8)?,
        })
    });
    Ok(found.optional()?)
}

/// The type of a paper: as a person said it, as its kind has it, as the catalogue has it for its procedure, or that of all others.
fn type_of(
    connection: &Connection,
    paper: &Paper,
    known: &Known,
    rules: Option<&Rules>,
) -> Result<Option<String>, StoreError> {
    if let Some(said) = paper.result_code.as_ref().or(known.type_code.as_ref()) {
        return Ok(Some(said.clone()));
    }
    let listed = match &paper.procedure {
        Some(procedure) => procedures::result_type(connection, procedure, (paper.code.as_deref(), &paper.title))?,
        None => None,
    };
    Ok(listed.or_else(|| rules.and_then(|rules| rules.other_type.clone())))
}

/// The code in a row: text, owner and type from this column on.
pub(super) fn digital_code(row: &Row<'_>, from: usize) -> rusqlite::Result<Option<DigitalCode>> {
    let Some(text) = row.get(from)? else { return Ok(None) };
    let owner = Some(row.get(from + 1)?).filter(|owner: &String| !owner.is_empty());
    Ok(Some(DigitalCode { text, owner, type_code: row.get(from + 2)? }))
}

/// The code that a paper has already.
fn given(connection: &Connection, paper: &Paper) -> Result<Option<Entered>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT code, owner, type FROM results WHERE dossier = ?1 AND name = ?2")?;
    let found = select.query_row(params![paper.dossier, paper.name], |row| digital_code(row, 0)).optional()?;
    let entered = |code: DigitalCode| Entered {
        code: Some(code.text),
        type_code: Some(code.type_code),
        owner: code.owner,
        is_new: false,
    };
    Ok(found.flatten().map(entered))
}

/// The next code of this owner and type. A pattern that was changed may write one that there is: the one after it is taken then.
fn give(
    connection: &Connection,
    paper: &Paper,
    (owner, type_code): (&str, &str),
    rules: &Rules,
    now: Millis,
) -> Result<String, StoreError> {
    let last = "SELECT coalesce(max(number), 0) FROM results WHERE owner = ?1 AND type = ?2";
    let last: u32 = connection.prepare_cached(last)?.query_row([owner, type_code], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO results (dossier, name, code, owner, type, number, given) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut is_there = connection.prepare_cached("SELECT 1 FROM results WHERE code = ?1")?;
    let mut number = last + 1;
    let mut code = rules.pattern.write(owner, type_code, u64::from(number));
    while is_there.exists([&code])? {
        number += 1;
        code = rules.pattern.write(owner, type_code, u64::from(number));
    }
    insert.execute(params![paper.dossier, paper.name, code, owner, type_code, number, now])?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{Published, State};

    const CODE: &str = "H21-250701-0012";
    const TYPE: &str = "KQ.G15.000031";

    /// A component that is made, in this state.
    fn made(store: &Store, relative: &str, content: &str, state: State) -> i64 {
        let modified = i64::try_from(content.len()).unwrap();
        Dropped { content, modified, ..Dropped::at(relative) }.drop_into(store, 1);
        let work = store.claim(10).unwrap().unwrap();
        let file = Some((format!("{}.pdf", work.name), "00".to_owned()));
        let published = Published { directory: "/out".to_owned(), name: work.name, version: 1, file };
        store.finish(work.component, state, "f", &[published], 20).unwrap();
        work.component
    }

    fn known(owner: Option<&str>) -> Known {
        Known { type_code: Some(TYPE.to_owned()), owner: owner.map(str::to_owned), procedure: None }
    }

    fn code(store: &Store, component: i64, known: &Known) -> Option<String> {
        store.enter(component, known, Some(&Rules::default()), 30).unwrap().unwrap().code
    }

    fn waiting(store: &Store) -> Vec<i64> {
        store.unentered(30, 9).unwrap().iter().map(|one| one.component).collect()
    }

    #[test]
    fn codes_run_for_each_owner_and_are_given_once() {
        let (_folder, store) = new_store();
        let papers = ["a", "b", "c", "d"].map(|name| made(&store, &format!("{CODE}/{name}.pdf"), name, State::Done));
        assert_eq!(waiting(&store), papers);
        let an = known(Some("052090000123"));
        assert_eq!(code(&store, papers[0], &an).as_deref(), Some("052090000123.KQ.G15.000031.1"));
        assert_eq!(code(&store, papers[1], &an).as_deref(), Some("052090000123.KQ.G15.000031.2"));
        assert_eq!(
            code(&store, papers[2], &known(None)).as_deref(),
            Some(".KQ.G15.000031.1"),
            "an owner who is not known"
        );
        assert_eq!(code(&store, papers[3], &known(Some("H55.242"))).as_deref(), Some("H55.242.KQ.G15.000031.1"));
        // Entered again, as after a crash, with other data or another pattern: the code stays.
        let again = store.enter(papers[2], &an, Some(&Rules::default()), 40).unwrap().unwrap();
        assert_eq!((again.code.as_deref(), again.is_new), (Some(".KQ.G15.000031.1"), false));
        assert_eq!(again.owner.as_deref(), Some("052090000123"), "who it is of is known meanwhile");
        let shown = store.dossier(Some(CODE)).unwrap().components;
        let expected = DigitalCode {
            text: "052090000123.KQ.G15.000031.1".to_owned(),
            owner: Some("052090000123".to_owned()),
            type_code: TYPE.to_owned(),
        };
        assert_eq!(shown[0].digital_code, Some(expected));
        let no_owner = store.component(papers[2]).unwrap().component.digital_code.unwrap();
        assert_eq!((&no_owner.text[..], no_owner.owner), (".KQ.G15.000031.1", None));
        store.entered(&store.unentered(30, 9).unwrap()).unwrap();
        assert!(waiting(&store).is_empty());
    }

    #[test]
    fn a_new_version_keeps_the_code_of_its_paper() {
        let (_folder, store) = new_store();
        let first = made(&store, &format!("{CODE}/a.pdf"), "one", State::Done);
        let given = code(&store, first, &known(None));
        let second = made(&store, &format!("{CODE}/a.pdf"), "two, longer", State::Done);
        assert!(first != second && waiting(&store) == [first, second]);
        assert_eq!(code(&store, second, &known(Some("052090000123"))), given);
        let codes: i64 = store.connection().query_row("SELECT count(*) FROM results", [], |row| row.get(0)).unwrap();
        assert_eq!(codes, 1);
    }

    #[test]
    fn no_code_before_the_signature_nor_without_a_type() {
        let (_folder, store) = new_store();
        let component = made(&store, &format!("{CODE}/a.pdf"), "a", State::Unsigned);
        assert_eq!(code(&store, component, &known(None)), None);
        store.entered(&store.unentered(30, 9).unwrap()).unwrap();
        let (_, published) = store.unsigned().unwrap().remove(0);
        store.signed(component, &published, None, 40).unwrap();
        assert_eq!(waiting(&store), [component], "signing makes it due again");
        assert_eq!(code(&store, component, &Known::default()), None);
        let others = Rules { other_type: Some("GT".to_owned()), ..Rules::default() };
        let entered = store.enter(component, &Known::default(), Some(&others), 50).unwrap().unwrap();
        assert_eq!(entered.code.as_deref(), Some(".GT.1"));
        assert_eq!(store.enter(component, &known(None), None, 50).unwrap().unwrap().code.as_deref(), Some(".GT.1"));
        let unplaced = made(&store, "b.pdf", "b", State::Done);
        assert_eq!(store.enter(unplaced, &known(None), Some(&others), 50).unwrap(), None);
    }

    #[test]
    fn no_code_is_written_twice_however_its_parts_are_joined() {
        let (_folder, store) = new_store();
        let papers = ["a", "b"].map(|name| made(&store, &format!("{CODE}/{name}.pdf"), name, State::Done));
        let of = |owner: &str, kind: &str| Known {
            type_code: Some(kind.to_owned()),
            owner: Some(owner.to_owned()),
            procedure: None,
        };
        assert_eq!(code(&store, papers[0], &of("A.B", "C")).as_deref(), Some("A.B.C.1"));
        assert_eq!(code(&store, papers[1], &of("A", "B.C")).as_deref(), Some("A.B.C.2"));
    }

    #[test]
    fn the_first_paper_that_names_the_procedure_is_believed() {
        let (_folder, store) = new_store();
        let paper = made(&store, &format!("{CODE}/a.pdf"), "a", State::Unsigned);
        let names = |procedure: &str| Known { procedure: Some(procedure.to_owned()), ..Known::default() };
        store.enter(paper, &names("1.000894"), None, 30).unwrap();
        store.enter(paper, &names("1.000656"), None, 40).unwrap();
        let found: String =
            store.connection().query_row("SELECT procedure FROM dossiers", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "1.000894");
    }

    #[test]
    fn what_cannot_be_read_is_put_off_and_holds_up_nothing_for_ever() {
        let (_folder, store) = new_store();
        made(&store, &format!("{CODE}/a.pdf"), "a", State::Done);
        for attempt in 1..=MOST_ATTEMPTS {
            assert!(store.due_deliveries(1_000, 9).unwrap().is_empty(), "{attempt}");
            let one = store.unentered(1_000, 9).unwrap().remove(0);
            assert_eq!(one.attempts, attempt - 1);
            store.put_off(&one, 500).unwrap();
            assert!(waiting(&store).is_empty(), "not before its time");
        }
        assert_eq!(store.due_deliveries(1_000, 9).unwrap().len(), 1);
    }
}
