//! Accounts of the people at the desk, the browsers at which they are logged in, and what they looked at. The store has only
//! hashes of passwords and of session tokens: a copy of it opens nothing.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use crate::account::{AccountName, Role, StoredPassword};

use super::blobs::hex;
use super::{Accepted, Millis, Store, StoreError, Subject};

/// A session that nobody uses ends after so long: 30 minutes, the longest that OWASP's Session Management Cheat Sheet names.
pub const SESSION_IDLE: Millis = 30 * 60_000;
/// A session ends in any case after so long. The same sheet names 4 to 8 hours; a working day with its breaks is longer, and
/// nobody is to be put out of an unfinished dossier.
pub const SESSION_LONGEST: Millis = 12 * 3_600_000;
/// Browsers at which one person can be logged in; one more ends the session that was not used for longest.
const SESSIONS_OF_ACCOUNT: usize = 8;
/// Use is written down when the last note is so old: not every picture of a page is to be a write.
const USE_NOTED: Millis = 60_000;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: i64,
    /// The name that its person gives.
    pub name: String,
    /// What its person may do.
    pub role: Role,
    /// Whether it is closed.
    pub is_disabled: bool,
    /// When it was made.
    pub created: Millis,
}

/// What a person did that no row but the event keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked<'a> {
    /// Opened the page of a dossier.
    Dossier(&'a str),
    /// Looked at the pages of the component of this number.
    Pages(i64),
    /// Downloaded a file of a component.
    File {
        /// Number of the component.
        component: i64,
        /// SHA-256 of the file, hex.
        sha256: &'a str,
    },
}

const COLUMNS: &str = "a.id, a.name, a.role, a.disabled IS NOT NULL, a.created";

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn add_account(
        &self,
        name: &AccountName,
        password: &StoredPassword,
        role: Role,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let insert = "INSERT INTO accounts (name, password, role, created) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO NOTHING RETURNING id";
            let values = params![name.as_str(), password.as_str(), role.code(), now];
            let id = transaction.query_row(insert, values, |row| row.get(0)).optional()?;
            let id = id.ok_or_else(|| StoreError::AccountThere(name.to_string()))?;
            record_by(transaction, now, "account-added", Some(id), Subject::default(), Some(role.code()))?;
            Ok(id)
        })
    }

    /// All accounts by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare(&format!("SELECT {COLUMNS} FROM accounts a ORDER BY a.name"))?;
        let rows = select.query_map([], account)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether there is an account that somebody can log in to.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn has_accounts(&self) -> Result<bool, StoreError> {
        let connection = self.connection();
        Ok(connection.prepare_cached("SELECT 1 FROM accounts WHERE disabled IS NULL")?.exists([])?)
    }

    /// An account and its password by its name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn account(&self, name: &AccountName) -> Result<Option<(Account, StoredPassword)>, StoreError> {
        let connection = self.connection();
        let mut select =
            connection.prepare_cached(&format!("SELECT {COLUMNS}, a.password FROM accounts a WHERE a.name = ?1"))?;
        let found = select.query_row([name.as_str()], |row| Ok((account(row)?, row.get(5)?)));
        Ok(found.optional()?.map(|(account, password)| (account, StoredPassword::from_store(password))))
    }

    /// Gives an account another password, and ends its sessions.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn set_password(&self, name: &AccountName, password: &StoredPassword, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let id = id_of(transaction, name)?;
            transaction.execute("UPDATE accounts SET password = ?2 WHERE id = ?1", params![id, password.as_str()])?;
            transaction.execute("DELETE FROM sessions WHERE account = ?1", [id])?;
            record_by(transaction, now, "password-changed", Some(id), Subject::default(), None)
        })
    }

    /// Closes an account and ends its sessions, or opens it again.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn set_disabled(&self, name: &AccountName, is_disabled: bool, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let id = id_of(transaction, name)?;
            let since = is_disabled.then_some(now);
            transaction.execute("UPDATE accounts SET disabled = ?2 WHERE id = ?1", params![id, since])?;
            transaction.execute("DELETE FROM sessions WHERE account = ?1", [id])?;
            let kind = if is_disabled { "account-disabled" } else { "account-enabled" };
            record_by(transaction, now, kind, Some(id), Subject::default(), None)
        })
    }

    /// Logs a person in: whoever shows this token is the account's person until the session ends. `checked` is the password
    /// that was shown to be right: where it has been changed since, or the account closed, nobody is logged in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn log_in(&self, account: i64, checked: &StoredPassword, token: &str, now: Millis) -> Result<bool, StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "DELETE FROM sessions WHERE used <= ?1 OR created <= ?2",
                [now - SESSION_IDLE, now - SESSION_LONGEST],
            )?;
            let insert = "INSERT INTO sessions (token_sha256, account, created, used)
                SELECT ?1, id, ?3, ?3 FROM accounts WHERE id = ?2 AND disabled IS NULL AND password = ?4";
            if transaction.execute(insert, params![token_hash(token), account, now, checked.as_str()])? == 0 {
                return Ok(false);
            }
            transaction.execute(
                "DELETE FROM sessions WHERE token_sha256 IN (SELECT token_sha256 FROM sessions WHERE account = ?1
                     ORDER BY used DESC, created DESC LIMIT -1 OFFSET ?2)",
                params![account, SESSIONS_OF_ACCOUNT],
            )?;
            record_by(transaction, now, "logged-in", Some(account), Subject::default(), None)?;
            Ok(true)
        })
    }

    /// Writes down that somebody gave a wrong name or password; `account` is that of the name, where there is one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn login_refused(&self, account: Option<i64>, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| record_by(transaction, now, "login-refused", account, Subject::default(), None))
    }

    /// Whose session this token is; `None` where it is unknown or has ended, or its account is closed. `counts` says whether that
    /// is use by the person, who keeps the session going by it: a page that stays up to date by itself does not.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn session(&self, token: &str, now: Millis, counts: bool) -> Result<Option<Account>, StoreError> {
        let hash = token_hash(token);
        let found = {
            let connection = self.connection();
            let mut select = connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, s.used FROM sessions s JOIN accounts a ON a.id = s.account
                 WHERE s.token_sha256 = ?1 AND s.used > ?2 AND s.created > ?3 AND a.disabled IS NULL"
            ))?;
            let values = params![hash, now - SESSION_IDLE, now - SESSION_LONGEST];
            select.query_row(values, |row| Ok((account(row)?, row.get::<_, Millis>(5)?))).optional()?
        };
        let Some((account, used)) = found else { return Ok(None) };
        if counts && used + USE_NOTED < now {
            let update = "UPDATE sessions SET used = ?2 WHERE token_sha256 = ?1";
            self.write(|transaction| Ok(transaction.execute(update, params![hash, now])?))?;
        }
        Ok(Some(account))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn log_out(&self, token: &str, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let delete = "DELETE FROM sessions WHERE token_sha256 = ?1 RETURNING account";
            let account = transaction.query_row(delete, [token_hash(token)], |row| row.get::<_, i64>(0)).optional()?;
            match account {
                None => Ok(()),
                Some(id) => record_by(transaction, now, "logged-out", Some(id), Subject::default(), None),
            }
        })
    }

    /// Writes down that a person brought a capture to the desk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn brought(&self, account: i64, accepted: Accepted, now: Millis) -> Result<(), StoreError> {
        let Accepted { capture, component, .. } = accepted;
        let subject = Subject { capture: Some(capture), component: Some(component), ..Subject::default() };
        self.write(|transaction| record_by(transaction, now, "brought", Some(account), subject, None))
    }

    /// Whether a person has opened the page of a dossier since a time.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn has_viewed(&self, account: i64, dossier: &str, since: Millis) -> Result<bool, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT 1 FROM events e JOIN dossiers d ON d.id = e.dossier
             WHERE e.account = ?1 AND e.time >= ?3 AND e.kind = 'viewed' AND e.component IS NULL AND d.code = ?2",
        )?;
        Ok(select.exists(params![account, dossier, since])?)
    }

    /// Whether a person has looked at the pages of a component since a time.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn has_viewed_pages(&self, account: i64, component: i64, since: Millis) -> Result<bool, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT 1 FROM events WHERE component = ?2 AND account = ?1 AND time >= ?3 AND kind = 'viewed'",
        )?;
        Ok(select.exists(params![account, component, since])?)
    }

    /// Writes down what a person did of which no other row speaks: `kind` is the event's word, `dossier` the code where there is
    /// such a dossier already.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn did(
        &self,
        account: i64,
        kind: &'static str,
        dossier: Option<&str>,
        detail: Option<&str>,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let select = "SELECT id FROM dossiers WHERE code = ?1";
            let dossier = transaction.query_row(select, [dossier], |row| row.get(0)).optional()?;
            record_by(transaction, now, kind, Some(account), Subject { dossier, ..Subject::default() }, detail)
        })
    }

    /// Writes down that a person searched, before the answer is shown: `trace` says by which fields and how many were found, and
    /// has no words of the question. Nobody is logged in at the command line.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn searched(&self, account: Option<i64>, trace: &str, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| record_by(transaction, now, "searched", account, Subject::default(), Some(trace)))
    }

    /// Writes down what a person looks at, or a program over the network, which has no account, before it is shown.
    ///
    /// # Errors
    /// When there is no such dossier, or the database refuses.
    pub fn looked(&self, account: impl Into<Option<i64>>, look: Looked<'_>, now: Millis) -> Result<(), StoreError> {
        let account = account.into();
        self.write(|transaction| match look {
            Looked::Dossier(code) => {
                let select = "SELECT id FROM dossiers WHERE code = ?1";
                let id = transaction.query_row(select, [code], |row| row.get(0)).optional()?;
                let dossier = Some(id.ok_or_else(|| StoreError::NoDossier(code.to_owned()))?);
                record_by(transaction, now, "viewed", account, Subject { dossier, ..Subject::default() }, None)
            }
            Looked::Pages(component) => {
                let subject = subject_of(transaction, component)?;
                record_by(transaction, now, "viewed", account, subject, None)
            }
            Looked::File { component, sha256 } => {
                let subject = subject_of(transaction, component)?;
                record_by(transaction, now, "downloaded", account, subject, Some(sha256))
            }
        })
    }
}

/// A component and its dossier.
fn subject_of(connection: &Connection, component: i64) -> Result<Subject, StoreError> {
    let select = "SELECT dossier FROM components WHERE id = ?1";
    let dossier = connection.query_row(select, [component], |row| row.get(0)).optional()?;
    let dossier = dossier.ok_or(StoreError::NoComponent(component))?;
    Ok(Subject { component: Some(component), dossier, ..Subject::default() })
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(2)?;
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::of(&role).expect("the table has roles alone"),
        is_disabled: row.get(3)?,
        created: row.get(4)?,
    })
}

fn id_of(connection: &Connection, name: &AccountName) -> Result<i64, StoreError> {
    let select = "SELECT id FROM accounts WHERE name = ?1";
    let found = connection.query_row(select, [name.as_str()], |row| row.get(0)).optional()?;
    found.ok_or_else(|| StoreError::NoAccount(name.to_string()))
}

/// [`super::record`] with the account whose person did it, or to which it was done.
pub(super) fn record_by(
    connection: &Connection,
    time: Millis,
    kind: &str,
    account: Option<i64>,
    subject: Subject,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (time, kind, capture, component, dossier, detail, account)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![time, kind, subject.capture, subject.component, subject.dossier, detail, account])?;
    Ok(())
}

fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DossierCode;

    fn desk() -> (tempfile::TempDir, Store, AccountName, i64, StoredPassword) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let name: AccountName = "lan".parse().unwrap();
        let password = StoredPassword::from_store("a hash".to_owned());
        let id = store.add_account(&name, &password, Role::Clerk, 1).unwrap();
        (folder, store, name, id, password)
    }

    fn kinds(store: &Store) -> Vec<(String, Option<i64>)> {
        let connection = store.connection();
        let mut select = connection.prepare("SELECT kind, account FROM events ORDER BY id").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn an_account_is_there_once() {
        let (_folder, store, name, id, password) = desk();
        let again = store.add_account(&name, &password, Role::Admin, 2);
        assert!(matches!(again, Err(StoreError::AccountThere(_))));
        let (account, found) = store.account(&name).unwrap().unwrap();
        assert_eq!((account.id, account.role, found), (id, Role::Clerk, password));
        assert!(store.has_accounts().unwrap());
        store.set_disabled(&name, true, 3).unwrap();
        assert!(!store.has_accounts().unwrap() && store.accounts().unwrap()[0].is_disabled);
        let nobody: AccountName = "minh".parse().unwrap();
        assert!(matches!(store.set_disabled(&nobody, true, 4), Err(StoreError::NoAccount(_))));
        assert_eq!(store.account(&nobody).unwrap(), None);
    }

    #[test]
    fn a_session_ends_when_it_is_idle_when_it_is_old_and_when_told() {
        let (folder, store, _, id, password) = desk();
        assert!(store.log_in(id, &password, "token-1", 0).unwrap());
        assert_eq!(store.session("token-1", SESSION_IDLE - 1, true).unwrap().unwrap().id, id);
        assert!(store.session("token-1", 2 * SESSION_IDLE - 2, true).unwrap().is_some(), "use was noted");
        assert!(store.session("token-1", 4 * SESSION_IDLE, true).unwrap().is_none(), "idle");
        assert!(store.session("token-2", 1, true).unwrap().is_none(), "another token");

        assert!(store.log_in(id, &password, "token-2", 0).unwrap());
        let mut now = 0;
        while now + SESSION_IDLE < SESSION_LONGEST {
            now += SESSION_IDLE - 1;
            assert!(store.session("token-2", now, true).unwrap().is_some(), "{now}");
        }
        assert!(store.session("token-2", SESSION_LONGEST, true).unwrap().is_none(), "old");

        assert!(store.log_in(id, &password, "token-3", 0).unwrap());
        store.log_out("token-3", 1).unwrap();
        store.log_out("token-3", 1).unwrap();
        assert!(store.session("token-3", 2, true).unwrap().is_none());
        let logged_out = kinds(&store).iter().filter(|(kind, by)| kind == "logged-out" && *by == Some(id)).count();
        assert_eq!(logged_out, 1);
        let bytes = std::fs::read(folder.path().join("store.sqlite-wal")).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"token-1"), "only its hash is kept");
    }

    #[test]
    fn sessions_end_with_the_password_and_with_the_account() {
        let (_folder, store, name, id, password) = desk();
        assert!(store.log_in(id, &password, "a", 0).unwrap());
        let other = StoredPassword::from_store("another".to_owned());
        store.set_password(&name, &other, 1).unwrap();
        assert!(store.session("a", 2, true).unwrap().is_none());
        assert!(!store.log_in(id, &password, "b", 2).unwrap(), "the password was changed while it was checked");
        assert!(store.log_in(id, &other, "c", 2).unwrap());
        store.set_disabled(&name, true, 3).unwrap();
        assert!(store.session("c", 4, true).unwrap().is_none());
        assert!(!store.log_in(id, &other, "d", 4).unwrap());
        store.set_disabled(&name, false, 5).unwrap();
        assert!(store.log_in(id, &other, "e", 6).unwrap());
    }

    #[test]
    fn one_person_has_so_many_browsers_and_no_more() {
        let (_folder, store, _, id, password) = desk();
        for number in 0..=SESSIONS_OF_ACCOUNT {
            let now = Millis::try_from(number).unwrap();
            assert!(store.log_in(id, &password, &format!("token {number}"), now).unwrap());
        }
        assert!(store.session("token 0", 10, true).unwrap().is_none(), "the oldest");
        assert!(
            (1..=SESSIONS_OF_ACCOUNT)
                .all(|number| store.session(&format!("token {number}"), 10, true).unwrap().is_some())
        );
    }

    #[test]
    fn what_is_looked_at_is_written_down() {
        let (_folder, store, _, id, _) = desk();
        let code: DossierCode = "H21-250701-0012".parse().unwrap();
        assert!(matches!(store.looked(id, Looked::Dossier(code.as_str()), 1), Err(StoreError::NoDossier(_))));
        assert!(matches!(
            store.looked(id, Looked::File { component: 1, sha256: "0" }, 1),
            Err(StoreError::NoComponent(1))
        ));
        store.create_dossier(&code, 1).unwrap();
        store.looked(id, Looked::Dossier(code.as_str()), 2).unwrap();
        assert_eq!(kinds(&store).last().unwrap(), &("viewed".to_owned(), Some(id)));
    }
}
