//! What people said of the data of papers (*xác nhận, sửa dữ liệu bóc tách*): which kind a paper is, and values of its fields.
//!
//! It is the paper's, whatever the version of its component, and of a paper that was used again it is the original's. What follows
//! from it is due again with the very commit that keeps it: the entry in the search index, and the code and the place by its owner where
//! the paper has none yet. What is said stands in no event, only that it was.

use rusqlite::{Connection, OptionalExtension, params};

use super::accounts::record_by;
use super::procedures::{HAS_NO_CODE, IS_NOT_FILED};
use super::{Millis, Store, StoreError, Subject};

/// Most papers that are learned from: the newest.
const MOST_EXAMPLES: u32 = 2_000;
/// Time in which whoever said what kind a paper is may say what its fields are, milliseconds: a code that is given meanwhile would be
/// one without the owner's number, for good.
const FIELDS_COME: Millis = 600_000;

/// What a person said of a field of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The field; `None` = which kind the paper is.
    pub field: Option<String>,
    /// Its value; empty: it is not on this paper.
    pub value: String,
    /// Name of the account; `None` = a program, over the network.
    pub by: Option<String>,
    /// When.
    pub time: Millis,
}

/// What is said of a paper at one time.
#[derive(Clone, Copy, Debug)]
pub struct Saying<'a> {
    /// Fields and values as in a [`Statement`].
    pub values: &'a [(Option<String>, String)],
    /// Whether something else had been found.
    pub is_correction: bool,
    /// What is learned from all that was said of the paper by now, JSON.
    pub example: Option<&'a str>,
}

/// The paper that something is said of: its dossier, and the name of its component's files.
struct Paper {
    dossier: i64,
    name: String,
}

impl Store {
    /// What was said of the data of a component's paper, by field.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn said_of_data(&self, component: i64) -> Result<Vec<Statement>, StoreError> {
        let connection = self.connection();
        let Some(paper) = paper(&connection, component)? else { return Ok(Vec::new()) };
        let mut select = connection.prepare_cached(
            "SELECT s.field, s.value, a.name, s.said FROM said s LEFT JOIN accounts a ON a.id = s.account
             WHERE s.dossier = ?1 AND s.name = ?2 ORDER BY s.field",
        )?;
        let rows = select.query_map(params![paper.dossier, paper.name], |row| {
            let field = Some(row.get(0)?).filter(|field: &String| !field.is_empty());
            Ok(Statement { field, value: row.get(1)?, by: row.get(2)?, time: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps what is said of the data of a component's paper; what was said before of other fields stays. What was said already
    /// changes nothing.
    ///
    /// # Errors
    /// When there is no such component, or it is in no dossier.
    pub fn say_of_data(
        &self,
        component: i64,
        saying: Saying<'_>,
        by: Option<i64>,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let Some(paper) = paper(transaction, component)? else { return Err(missing(transaction, component)?) };
            let mut upsert = transaction.prepare_cached(
                "INSERT INTO said (dossier, name, field, value, account, said) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET value = excluded.value, account = excluded.account, said = excluded.said
                 WHERE value <> excluded.value",
            )?;
            let mut changed = 0;
            for (field, value) in saying.values {
                let field = field.as_deref().unwrap_or_default();
                changed += upsert.execute(params![paper.dossier, paper.name, field, value, by, now])?;
            }
            if changed == 0 {
                return Ok(());
            }
            let has_fields = saying.values.iter().any(|(field, _)| field.is_some());
            due_again(transaction, &paper, if has_fields { 0 } else { now + FIELDS_COME })?;
            if let Some(example) = saying.example {
                learn(transaction, &paper, example)?;
            }
            let kind = if saying.is_correction { "data-corrected" } else { "data-confirmed" };
            let subject = Subject { component: Some(component), dossier: Some(paper.dossier), capture: None };
            record_by(transaction, now, kind, by, subject, None)
        })
    }

    /// What is to be learned from, JSON, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn examples(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached("SELECT example FROM examples ORDER BY id")?;
        let rows = select.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A number that is another one when [`Self::examples`] are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn examples_version(&self) -> Result<i64, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM examples")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }
}

/// The paper of a component; `None` where there is none in a dossier.
fn paper(connection: &Connection, component: i64) -> Result<Option<Paper>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT p.dossier, p.name FROM components c LEFT JOIN reused u ON u.component = c.id
         JOIN components p ON p.id = coalesce(u.original, c.id)
         WHERE c.id = ?1 AND c.state <> 'moved' AND p.dossier IS NOT NULL",
    )?;
    let found = select.query_row([component], |row| Ok(Paper { dossier: row.get(0)?, name: row.get(1)? }));
    Ok(found.optional()?)
}

/// Why a component has no paper in a dossier.
fn missing(connection: &Connection, component: i64) -> Result<StoreError, StoreError> {
    let is_there = "SELECT 1 FROM components WHERE id = ?1 AND state <> 'moved'";
    Ok(match connection.prepare_cached(is_there)?.exists([component])? {
        true => StoreError::NotPlaced(component),
        false => StoreError::NoComponent(component),
    })
}

/// Components `c` of a paper: its own of all versions, and those that are its signed file.
const OF_PAPER: &str =
    "c.state <> 'moved' AND (c.dossier = ?1 AND c.name = ?2 OR c.id IN (SELECT u.component FROM reused u
    JOIN components o ON o.id = u.original WHERE o.dossier = ?1 AND o.name = ?2))";

/// Has the components of a paper indexed anew, and entered anew, no earlier than this, where that can still change something.
fn due_again(connection: &Connection, paper: &Paper, not_before: Millis) -> Result<(), StoreError> {
    let index = format!(
        "INSERT OR REPLACE INTO unindexed (component) SELECT c.id FROM components c
         WHERE {OF_PAPER} AND EXISTS (SELECT 1 FROM published p WHERE p.component = c.id) ORDER BY c.id"
    );
    connection.execute(&index, params![paper.dossier, paper.name])?;
    let enter = format!(
        "INSERT OR REPLACE INTO unentered (component, not_before) SELECT c.id, ?3 FROM components c WHERE {OF_PAPER}
         AND c.state IN ('unsigned', 'done') AND c.dossier IS NOT NULL AND ({HAS_NO_CODE} OR {IS_NOT_FILED}) ORDER BY c.id"
    );
    connection.execute(&enter, params![paper.dossier, paper.name, not_before])?;
    Ok(())
}

/// Keeps what is learned from a paper in the place of what was before.
fn learn(connection: &Connection, paper: &Paper, example: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM examples WHERE dossier = ?1 AND name = ?2";
    connection.prepare_cached(delete)?.execute(params![paper.dossier, paper.name])?;
    let insert = "INSERT INTO examples (dossier, name, example) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(insert)?.execute(params![paper.dossier, paper.name, example])?;
    let oldest = "DELETE FROM examples WHERE id <= (SELECT id FROM examples ORDER BY id DESC LIMIT 1 OFFSET ?1)";
    connection.prepare_cached(oldest)?.execute([MOST_EXAMPLES])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Role, StoredPassword};
    use crate::digital_code::Rules;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{Known, Published, State};

    const CODE: &str = "H21-250701-0012";

    /// A component that is made.
    fn made(store: &Store, relative: &str, content: &str) -> i64 {
        let modified = i64::try_from(content.len()).unwrap();
        Dropped { content, modified, ..Dropped::at(relative) }.drop_into(store, 1);
        let work = store.claim(10).unwrap().unwrap();
        let file = Some((format!("{}.pdf", work.name), "00".to_owned()));
        let published = Published { directory: "/out".to_owned(), name: work.name, version: 1, file };
        store.finish(work.component, State::Done, "f", &[published], 20).unwrap();
        work.component
    }

    /// Takes all notes away.
    fn settle(store: &Store) {
        store.indexed(&store.unindexed(99).unwrap()).unwrap();
        store.entered(&store.unentered(i64::MAX, 99).unwrap()).unwrap();
    }

    fn said(values: &[(Option<&str>, &str)]) -> Vec<(Option<String>, String)> {
        values.iter().map(|(field, value)| (field.map(str::to_owned), (*value).to_owned())).collect()
    }

    fn say(store: &Store, component: i64, values: &[(Option<&str>, &str)], by: Option<i64>, now: Millis) {
        let saying = Saying { values: &said(values), is_correction: true, example: None };
        store.say_of_data(component, saying, by, now).unwrap();
    }

    fn kept(store: &Store, component: i64) -> Vec<(Option<String>, String)> {
        store.said_of_data(component).unwrap().into_iter().map(|one| (one.field, one.value)).collect()
    }

    #[test]
    fn what_is_said_is_the_papers_and_stays_with_its_next_version() {
        let (_folder, store) = new_store();
        let password = StoredPassword::from_store("a hash".to_owned());
        let lan = store.add_account(&"lan".parse().unwrap(), &password, Role::Clerk, 1).unwrap();
        let first = made(&store, &format!("{CODE}/a.pdf"), "one");
        let other = made(&store, &format!("{CODE}/b.pdf"), "b");
        say(&store, first, &[(None, "quyet-dinh"), (Some("number"), "12/QĐ"), (Some("signer"), "")], Some(lan), 30);
        say(&store, first, &[(Some("number"), "13/QĐ")], None, 40);
        let second = made(&store, &format!("{CODE}/a.pdf"), "two, longer");
        assert_ne!(first, second);
        let expected = said(&[(None, "quyet-dinh"), (Some("number"), "13/QĐ"), (Some("signer"), "")]);
        assert_eq!((kept(&store, second), kept(&store, other)), (expected.clone(), Vec::new()));
        let who: Vec<_> = store.said_of_data(first).unwrap().into_iter().map(|one| (one.by, one.time)).collect();
        assert_eq!(who, [(Some("lan".to_owned()), 30), (None, 40), (Some("lan".to_owned()), 30)]);
        // Used again in another dossier it is the same paper.
        let again = Dropped::at("H21-250701-0013/a.pdf").drop_into(&store, 50);
        store.reuse(lan, again, second, 51).unwrap();
        assert_eq!(kept(&store, again.component), expected);
    }

    #[test]
    fn what_follows_is_due_again_and_nothing_where_nothing_changes() {
        let (_folder, store) = new_store();
        let paper = made(&store, &format!("{CODE}/a.pdf"), "a");
        settle(&store);
        let due = || {
            let of = (store.unindexed(9).unwrap().len(), store.unentered(i64::MAX, 9).unwrap().len());
            settle(&store);
            of
        };
        say(&store, paper, &[(Some("owner"), "Nguyễn Văn An")], None, 30);
        assert_eq!(due(), (1, 1));
        say(&store, paper, &[(Some("owner"), "Nguyễn Văn An")], None, 31);
        assert_eq!(due(), (0, 0), "said before");
        let due_at = |now| store.unentered(now, 9).unwrap().len();
        say(&store, paper, &[(None, "quyet-dinh")], None, 31);
        assert_eq!((due_at(31), due_at(31 + FIELDS_COME)), (0, 1), "its fields may still come");
        say(&store, paper, &[(Some("number"), "12/QĐ")], None, 31);
        assert_eq!((due_at(31), due()), (1, (1, 1)), "they came");
        let known = Known { type_code: Some("K".to_owned()), ..Known::default() };
        store.enter(paper, &known, Some(&Rules::default()), 32).unwrap();
        store.filed(paper, &["x".to_owned()]).unwrap();
        say(&store, paper, &[(Some("owner"), "")], None, 33);
        assert_eq!(due(), (1, 0), "a code that was given and a paper that is filed stay");
    }

    #[test]
    fn events_tell_that_it_was_said_and_not_what() {
        let (_folder, store) = new_store();
        let paper = made(&store, &format!("{CODE}/a.pdf"), "a");
        say(&store, paper, &[(Some("owner"), "Nguyễn Văn An")], None, 30);
        let saying = Saying { values: &said(&[(Some("sex"), "Nam")]), is_correction: false, example: None };
        store.say_of_data(paper, saying, None, 31).unwrap();
        let connection = store.connection();
        let mut select = connection
            .prepare("SELECT kind, component, detail FROM events WHERE kind LIKE 'data-%' ORDER BY id")
            .unwrap();
        let told: Vec<(String, i64, Option<String>)> = select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let event = |kind: &str| (kind.to_owned(), paper, None);
        assert_eq!(told, [event("data-corrected"), event("data-confirmed")]);
    }

    #[test]
    fn nothing_is_said_of_what_is_in_no_dossier() {
        let (_folder, store) = new_store();
        let unplaced = made(&store, "a.pdf", "a");
        let say = |component| {
            let saying = Saying { values: &said(&[(None, "x")]), is_correction: true, example: None };
            store.say_of_data(component, saying, None, 30)
        };
        assert!(matches!(say(unplaced), Err(StoreError::NotPlaced(id)) if id == unplaced));
        assert!(matches!(say(99), Err(StoreError::NoComponent(99))));
        assert!(store.said_of_data(unplaced).unwrap().is_empty());
    }

    #[test]
    fn of_each_paper_the_newest_example_is_kept_and_of_all_the_newest() {
        let (_folder, store) = new_store();
        let papers = ["a", "b"].map(|name| made(&store, &format!("{CODE}/{name}.pdf"), name));
        let teach = |paper: i64, number: u32| {
            let (values, example) = (said(&[(Some("x"), &number.to_string())]), number.to_string());
            let saying = Saying { values: &values, is_correction: true, example: Some(&example) };
            store.say_of_data(paper, saying, None, 30).unwrap();
        };
        assert_eq!(store.examples_version().unwrap(), 0);
        teach(papers[0], 1);
        teach(papers[1], 2);
        let before = store.examples_version().unwrap();
        teach(papers[0], 3);
        assert_eq!(store.examples().unwrap(), ["2", "3"]);
        assert!(store.examples_version().unwrap() > before);
        let connection = store.connection();
        for number in 0..MOST_EXAMPLES {
            let paper = Paper { dossier: 1, name: format!("n{number}") };
            learn(&connection, &paper, "x").unwrap();
        }
        drop(connection);
        let kept = store.examples().unwrap();
        assert!(kept.len() == MOST_EXAMPLES as usize && kept[0] == "x", "{}", kept.len());
    }
}
