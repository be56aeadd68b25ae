//! Phones that may send captures into a dossier: who has the token may, until it expires or is revoked. The store has only
//! the token's hash, so a copy of the store opens nothing.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::model::DossierCode;

use super::accept::ensure_dossier;
use super::accounts::record_by;
use super::blobs::hex;
use super::{Millis, Store, StoreError, Subject};

/// What a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Its number.
    pub id: i64,
    /// The dossier.
    pub dossier: DossierCode,
    /// Title of the component; `None` where the phone may name it.
    pub component: Option<String>,
    /// When it ends.
    pub expires: Millis,
}

/// What a token opens, or that it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It opens this.
    Open(Pairing),
    /// It has expired or was revoked.
    Ended,
    /// There never was one.
    Unknown,
}

/// A phone whose token is open, as people at the desk see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingShown {
    /// Its number.
    pub id: i64,
    /// Title of the component; `None` where the phone may name it.
    pub component: Option<String>,
    /// When it was paired.
    pub created: Millis,
    /// When it ends.
    pub expires: Millis,
    /// Files that came from it.
    pub arrivals: u64,
}

impl Pairing {
    /// The source that captures of this phone have.
    pub fn source(&self) -> String {
        format!("phone/{}", self.id)
    }
}

impl Store {
    /// Lets whoever has this token send captures into a dossier, which is begun where there is none, until `expires`. `by` is
    /// the account of the person who paired the phone at the desk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pair(
        &self,
        token: &str,
        dossier: &DossierCode,
        component: Option<&str>,
        expires: Millis,
        by: Option<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let dossier_id = ensure_dossier(transaction, dossier.as_str(), now)?;
            let insert = "INSERT INTO pairings (token_sha256, dossier, component, created, expires)
                VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
            let values = params![token_hash(token), dossier.as_str(), component, now, expires];
            let id: i64 = transaction.query_row(insert, values, |row| row.get(0))?;
            let subject = Subject { dossier: Some(dossier_id), ..Subject::default() };
            record_by(transaction, now, "paired", by, subject, Some(&id.to_string()))?;
            Ok(id)
        })
    }

    /// What a token opens now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pairing(&self, token: &str, now: Millis) -> Result<Opening, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT id, dossier, component, expires, revoked IS NULL AND expires > ?2 FROM pairings
             WHERE token_sha256 = ?1",
        )?;
        let found = select.query_row(params![token_hash(token), now], |row| {
            let code: String = row.get(1)?;
            Ok((row.get(0)?, code, row.get(2)?, row.get(3)?, row.get::<_, bool>(4)?))
        });
        Ok(match found.optional()? {
            None => Opening::Unknown,
            Some((.., false)) => Opening::Ended,
            Some((id, code, component, expires, true)) => match code.parse() {
                Ok(dossier) => Opening::Open(Pairing { id, dossier, component, expires }),
                Err(_) => Opening::Unknown,
            },
        })
    }

    /// The phones whose tokens open a dossier now, those paired last first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn open_pairings(&self, dossier: &DossierCode, now: Millis) -> Result<Vec<PairingShown>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT p.id, p.component, p.created, p.expires,
                 (SELECT count(*) FROM arrivals WHERE source = 'phone/' || p.id)
             FROM pairings p WHERE p.dossier = ?1 AND p.revoked IS NULL AND p.expires > ?2 ORDER BY p.id DESC",
        )?;
        let rows = select.query_map(params![dossier.as_str(), now], |row| {
            Ok(PairingShown {
                id: row.get(0)?,
                component: row.get(1)?,
                created: row.get(2)?,
                expires: row.get(3)?,
                arrivals: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ends all tokens of a dossier; says how many were open. `by` is the account of the person who did it at the desk.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn revoke_pairings(&self, dossier: &DossierCode, by: Option<i64>, now: Millis) -> Result<usize, StoreError> {
        self.revoke(dossier, None, by, now)
    }

    /// Ends one token of a dossier; `false` where it was not open.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn revoke_pairing(
        &self,
        dossier: &DossierCode,
        id: i64,
        by: Option<i64>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        Ok(self.revoke(dossier, Some(id), by, now)? > 0)
    }

    fn revoke(
        &self,
        dossier: &DossierCode,
        id: Option<i64>,
        by: Option<i64>,
        now: Millis,
    ) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE pairings SET revoked = ?2 WHERE dossier = ?1 AND (?3 IS NULL OR id = ?3)
                 AND revoked IS NULL AND expires > ?2 RETURNING id, (SELECT d.id FROM dossiers d WHERE d.code = ?1)",
            )?;
            let rows = update.query_map(params![dossier.as_str(), now, id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let ended: Vec<(i64, Option<i64>)> = rows.collect::<Result<_, _>>()?;
            for (id, dossier) in &ended {
                let subject = Subject { dossier: *dossier, ..Subject::default() };
                record_by(transaction, now, "unpaired", by, subject, Some(&id.to_string()))?;
            }
            Ok(ended.len())
        })
    }

    /// Captures that came from a source, each file counted.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn arrivals_of(&self, source: &str) -> Result<u64, StoreError> {
        let connection = self.connection();
        let mut count = connection.prepare_cached("SELECT count(*) FROM arrivals WHERE source = ?1")?;
        Ok(count.query_row([source], |row| row.get(0))?)
    }
}

fn token_hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_dossier_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let code: DossierCode = "H21-250701-0012".parse().unwrap();
        let other: DossierCode = "H21-250701-0013".parse().unwrap();
        let id = store.pair("abc", &code, Some("Tờ khai"), 100, None, 1).unwrap();
        store.pair("def", &code, None, 50, None, 1).unwrap();
        store.pair("ghi", &other, None, 500, Some(7), 2).unwrap();
        let open =
            Opening::Open(Pairing { id, dossier: code.clone(), component: Some("Tờ khai".into()), expires: 100 });
        assert_eq!(store.pairing("abc", 99).unwrap(), open);
        assert_eq!(store.pairing("abc", 100).unwrap(), Opening::Ended, "expired");
        assert_eq!(store.pairing("abd", 2).unwrap(), Opening::Unknown, "another token");
        let listed: Vec<i64> = store.open_pairings(&code, 10).unwrap().iter().map(|phone| phone.id).collect();
        assert_eq!(listed, [id + 1, id], "those of the dossier");
        assert!(!store.revoke_pairing(&other, id, None, 60).unwrap(), "it is another dossier's");
        assert_eq!(store.revoke_pairings(&code, None, 60).unwrap(), 1, "one was still open");
        assert_eq!(store.pairing("abc", 61).unwrap(), Opening::Ended);
        assert!(store.revoke_pairing(&other, id + 2, Some(7), 70).unwrap());
        assert!(store.open_pairings(&other, 71).unwrap().is_empty());
        let bytes = std::fs::read(folder.path().join("store.sqlite-wal")).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"abc"), "only its hash is kept");
        assert!(store.dossier(Some(code.as_str())).is_ok(), "the dossier is begun");
        let connection = store.connection();
        let by = "SELECT group_concat(kind || account, ' ') FROM events WHERE account IS NOT NULL";
        let by: String = connection.query_row(by, [], |row| row.get(0)).unwrap();
        assert_eq!(by, "paired7 unpaired7");
    }
}
