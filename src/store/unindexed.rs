//! What the search index does not have yet. The database notes it by itself with whatever it is that changes
//! (`unindexed.sql`), so nothing that was published is forgotten.

use super::{Store, StoreError};

/// A component whose entry in the index is to be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unindexed {
    /// Number of the note.
    pub note: i64,
    /// Number of the component.
    pub component: i64,
}

impl Store {
    /// The first components that are to be indexed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unindexed(&self, most: u32) -> Result<Vec<Unindexed>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached("SELECT id, component FROM unindexed ORDER BY id LIMIT ?1")?;
        let rows = select.query_map([most], |row| Ok(Unindexed { note: row.get(0)?, component: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes notes away whose components are in the index now. One that changed meanwhile has another note, which stays.
    ///
    /// # Errors
    /// When the database refuses; they are indexed again then.
    pub fn indexed(&self, done: &[Unindexed]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut delete = transaction.prepare_cached("DELETE FROM unindexed WHERE id = ?1")?;
            done.iter().try_for_each(|one| delete.execute([one.note]).map(drop))?;
            Ok(())
        })
    }

    /// Has all that was published indexed, for an index that is new; says how many components that are.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn index_all(&self) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let insert = "INSERT OR REPLACE INTO unindexed (component)
                SELECT DISTINCT component FROM published ORDER BY component";
            Ok(transaction.execute(insert, [])?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{Published, State};

    fn made(store: &Store, relative: &str, state: State) -> i64 {
        let component = Dropped::at(relative).drop_into(store, 1).component;
        store.claim(2).unwrap();
        let file = Some(("a.pdf".to_owned(), "00".to_owned()));
        let published = Published { directory: "/out".to_owned(), name: "a".to_owned(), version: 1, file };
        store.finish(component, state, "f", &[published], 3).unwrap();
        component
    }

    fn waiting(store: &Store) -> Vec<i64> {
        store.unindexed(9).unwrap().iter().map(|one| one.component).collect()
    }

    #[test]
    fn what_is_published_waits_until_it_is_indexed() {
        let (_folder, store) = new_store();
        let first = made(&store, "a.pdf", State::Unsigned);
        let second = made(&store, "H21-250701-0012/b.pdf", State::Done);
        assert_eq!(waiting(&store), [first, second]);
        let taken = store.unindexed(9).unwrap();
        // Signed while it was being indexed.
        let (_, published) = store.unsigned().unwrap().remove(0);
        store.signed(first, &published, None, 5).unwrap();
        store.indexed(&taken).unwrap();
        assert_eq!(waiting(&store), [first]);
        store.indexed(&store.unindexed(9).unwrap()).unwrap();
        assert_eq!(waiting(&store), [0; 0]);
        store.forget_withdrawn(first, 6).unwrap();
        assert_eq!(waiting(&store), [first], "it must go from the index");
        store.indexed(&store.unindexed(9).unwrap()).unwrap();
        assert_eq!((store.index_all().unwrap(), waiting(&store)), (1, vec![second]));
    }
}
