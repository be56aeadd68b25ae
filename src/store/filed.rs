//! What is in the store of owners' papers ([`crate::personal`]), and the key that its folders are called by.

use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// Writes down in which folders a component is, or, without any, that nobody knows whose it is.
    ///
    /// # Errors
    /// When the database refuses; it is filed again then, which changes nothing.
    pub fn filed(&self, component: i64, folders: &[String]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM filed WHERE component = ?1", [component])?;
            let mut insert = transaction.prepare_cached("INSERT INTO filed (component, folder) VALUES (?1, ?2)")?;
            if folders.is_empty() {
                insert.execute(params![component, None::<String>])?;
            }
            folders.iter().try_for_each(|folder| insert.execute(params![component, folder]).map(drop))?;
            Ok(())
        })
    }

    /// Has all finished components entered that were never looked at for the store of owners' papers; says how many they are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn file_all(&self) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let insert = "INSERT OR IGNORE INTO unentered (component) SELECT id FROM components c
                WHERE c.state = 'done' AND c.dossier IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM filed f WHERE f.component = c.id) ORDER BY id";
            Ok(transaction.execute(insert, [])?)
        })
    }

    /// The folders of the store of owners' papers, below its root, by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn filed_folders(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut select =
            connection.prepare("SELECT DISTINCT folder FROM filed WHERE folder IS NOT NULL ORDER BY folder")?;
        let rows = select.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The key that the folders of owners are called by; made when it is first asked for.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn folder_key(&self) -> Result<Vec<u8>, StoreError> {
        self.write(|transaction| {
            transaction.execute("INSERT OR IGNORE INTO keys (name, value) VALUES ('folders', randomblob(32))", [])?;
            Ok(transaction.query_row("SELECT value FROM keys WHERE name = 'folders'", [], |row| row.get(0))?)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::store::State;
    use crate::store::dropped::{Dropped, new_store};

    #[test]
    fn what_was_never_filed_is_entered_again() {
        let (_folder, store) = new_store();
        Dropped::at("H21-250701-0012/a.pdf").drop_into(&store, 1);
        let component = store.claim(10).unwrap().unwrap().component;
        store.finish(component, State::Done, "f", &[], 20).unwrap();
        store.entered(&store.unentered(30, 9).unwrap()).unwrap();
        assert_eq!((store.file_all().unwrap(), store.unentered(30, 9).unwrap().len()), (1, 1));
        store.entered(&store.unentered(30, 9).unwrap()).unwrap();
        store.filed(component, &[]).unwrap();
        assert_eq!((store.file_all().unwrap(), store.filed_folders().unwrap()), (0, vec![]));
        store.filed(component, &["x/H21-250701-0012/a".to_owned()]).unwrap();
        assert_eq!(
            (store.file_all().unwrap(), store.filed_folders().unwrap()),
            (0, vec!["x/H21-250701-0012/a".to_owned()])
        );
        let key = store.folder_key().unwrap();
        assert!(key.len() == 32 && store.folder_key().unwrap() == key);
    }
}
