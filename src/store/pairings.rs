//! Phones that may send captures into a dossier: who has the token may, until it expires or is revoked. The store has only
//! the token's hash, so a copy of the store opens nothing.

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::model::DossierCode;

use super::accept::ensure_dossier;
use super::blobs::hex;
use super::{Millis, Store, StoreError, Subject, record};

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

impl Pairing {
    /// The source that captures of this phone have.
    pub fn source(&self) -> String {
        format!("phone/{}", self.id)
    }
}

impl Store {
    /// Lets whoever has this token send captures into a dossier, which is begun where there is none, until `expires`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pair(
        &self,
        token: &str,
        dossier: &DossierCode,
        component: Option<&str>,
        expires: Millis,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let dossier_id = ensure_dossier(transaction, dossier.as_str(), now)?;
            let insert = "INSERT INTO pairings (token_sha256, dossier, component, created, expires)
                VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
            let values = params![token_hash(token), dossier.as_str(), component, now, expires];
            let id = transaction.query_row(insert, values, |row| row.get(0))?;
            record(transaction, now, "paired", Subject { dossier: Some(dossier_id), ..Subject::default() }, None)?;
            Ok(id)
        })
    }

    /// What a token opens now; `None` for one that is unknown, expired or revoked.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pairing(&self, token: &str, now: Millis) -> Result<Option<Pairing>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT id, dossier, component, expires FROM pairings
             WHERE token_sha256 = ?1 AND expires > ?2 AND revoked IS NULL",
        )?;
        let found = select.query_row(params![token_hash(token), now], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        });
        Ok(found.optional()?.and_then(|(id, dossier, component, expires)| {
            Some(Pairing { id, dossier: dossier.parse().ok()?, component, expires })
        }))
    }

    /// Ends all tokens of a dossier; says how many were open.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn revoke_pairings(&self, dossier: &DossierCode, now: Millis) -> Result<usize, StoreError> {
        let update = "UPDATE pairings SET revoked = ?2 WHERE dossier = ?1 AND revoked IS NULL AND expires > ?2";
        self.write(|transaction| Ok(transaction.execute(update, params![dossier.as_str(), now])?))
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
        let id = store.pair("abc", &code, Some("Tờ khai"), 100, 1).unwrap();
        store.pair("def", &code, None, 50, 1).unwrap();
        let pairing = store.pairing("abc", 99).unwrap().unwrap();
        assert_eq!((pairing.id, &pairing.dossier, pairing.component.as_deref()), (id, &code, Some("Tờ khai")));
        assert_eq!(store.pairing("abc", 100).unwrap(), None, "expired");
        assert_eq!(store.pairing("abd", 2).unwrap(), None, "another token");
        assert_eq!(store.revoke_pairings(&code, 60).unwrap(), 1, "one was still open");
        assert_eq!(store.pairing("abc", 61).unwrap(), None);
        let bytes = std::fs::read(folder.path().join("store.sqlite-wal")).unwrap();
        assert!(!bytes.windows(3).any(|window| window == b"abc"), "only its hash is kept");
        assert!(store.dossier(Some(code.as_str())).is_ok(), "the dossier is begun");
    }
}
