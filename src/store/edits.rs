//! What people do to the pages of a component: decide of one how it lies, whether it is blank or good enough; put them into
//! another order, leave some out, or move them to another paper.
//!
//! What is decided belongs to the page of the capture, whichever component has it. A component that was made stays as it is:
//! what is changed becomes its next version, which collects further changes until nobody has made one for a while, or until
//! it is closed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::gather::component_name;
use crate::model::{DossierCode, Edit};

use super::accept::{NewCapture, ensure_dossier, next_version, take_in};
use super::accounts::record_by;
use super::dossiers::{put_last, target};
use super::jobs::{self, CaptureOf, capture_of};
use super::left_out::leave_out;
use super::{Millis, Store, StoreError, Subject};

/// A page of a capture: the capture's number, and that of the page in it, from 1.
pub type PageOf = (i64, usize);

/// A capture whose pages may be made before its component has all its captures.
#[derive(Clone, Debug, PartialEq)]
pub struct Early {
    /// Its number.
    pub capture: i64,
    /// The component that has it, the newest where it is in several.
    pub component: i64,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// What people decided of its pages, by their number.
    pub edits: BTreeMap<usize, Edit>,
}

impl Store {
    /// What people decided of the pages of a capture, by their number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn edits(&self, capture: i64) -> Result<BTreeMap<usize, Edit>, StoreError> {
        edits(&self.connection(), capture)
    }

    /// Changes what is decided of a page of a component, and says which component has it then: this one, or its next version.
    /// A page that is merely accepted, or no longer, needs no version.
    ///
    /// # Errors
    /// When the page is not of the component, or the component is being made, was replaced, or is not there.
    pub fn decide(
        &self,
        component: i64,
        (capture, page): PageOf,
        change: impl FnOnce(&mut Edit),
        by: Option<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let state = changeable(transaction, component)?;
            let has = "SELECT 1 FROM component_captures WHERE component = ?1 AND capture = ?2 AND first_page <= ?3
                AND coalesce(last_page, ?3) >= ?3";
            if !transaction.prepare_cached(has)?.exists(params![component, capture, page])? {
                return Err(StoreError::NoPage(component));
            }
            let before = edits(transaction, capture)?.remove(&page).unwrap_or_default();
            let mut edit = before.clone();
            change(&mut edit);
            if edit == before {
                return Ok(component);
            }
            keep(transaction, (capture, page), &edit, by, now)?;
            let is_made_anew = edit.of_making() != before.of_making();
            let component = match is_made_anew {
                true => open(transaction, component, &state, now)?,
                false => component,
            };
            if !is_made_anew && matches!(&state[..], "rescan" | "unsigned" | "done") {
                jobs::queue(transaction, component, now)?;
            }
            let subject = Subject { capture: Some(capture), component: Some(component), dossier: None };
            let kinds = [
                ("outlined", edit.outline != before.outline),
                ("turned", edit.orientation != before.orientation),
                ("blanked", edit.blank != before.blank),
                ("accepted", edit.accepted != before.accepted),
                ("opened", edit.open != before.open),
            ];
            for (kind, _) in kinds.into_iter().filter(|(_, is_changed)| *is_changed) {
                record_by(transaction, now, kind, by, subject, Some(&page.to_string()))?;
            }
            Ok(component)
        })
    }

    /// Puts the pages of a component into this order, and leaves some out: these stay in the store, and may be put back as pages
    /// are put into order. Says which component has them then.
    ///
    /// # Errors
    /// When a page is not of the component or none stays, or the component is being made, was replaced, or is not there.
    pub fn arrange(
        &self,
        component: i64,
        (pages, out): (&[PageOf], &[PageOf]),
        by: Option<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let state = changeable(transaction, component)?;
            let (pieces, out) = (pieces(transaction, component, pages)?, pieces(transaction, component, out)?);
            if pieces.is_empty() {
                return Err(StoreError::NoPage(component));
            }
            let component = open(transaction, component, &state, now)?;
            replace(transaction, component, &pieces)?;
            leave_out(transaction, component, &out)?;
            for &(capture, page) in pages {
                let delete = "DELETE FROM left_out WHERE component = ?1 AND capture = ?2 AND page = ?3";
                transaction.prepare_cached(delete)?.execute(params![component, capture, page])?;
            }
            let subject = Subject { component: Some(component), ..Subject::default() };
            record_by(transaction, now, "arranged", by, subject, Some(&pages.len().to_string()))?;
            Ok(component)
        })
    }

    /// Puts a new capture in the place of a page of a component, whose pages are given in order. Says which component has it
    /// then. The page that was there is left out.
    ///
    /// # Errors
    /// As [`Self::arrange`]; also when the same bytes are a page of the component already.
    pub fn replace_page(
        &self,
        component: i64,
        (pages, replaced): (&[PageOf], PageOf),
        new: &NewCapture<'_>,
        by: Option<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let state = changeable(transaction, component)?;
            let place = pages.iter().position(|page| *page == replaced).ok_or(StoreError::NoPage(component))?;
            let old = pieces(transaction, component, &[replaced])?;
            let before = pieces(transaction, component, &pages[..place])?;
            let after = pieces(transaction, component, &pages[place + 1..])?;
            let capture = take_in(transaction, new, now)?;
            if pages.iter().any(|(had, _)| *had == capture) {
                return Err(StoreError::PageThere(component));
            }
            let component = open(transaction, component, &state, now)?;
            // It has the name of what it replaces: scanned once more, it is replaced like that.
            let new = old.iter().map(|old| CaptureOf { id: capture, pages: None, ..old.clone() });
            replace(transaction, component, &before.into_iter().chain(new).chain(after).collect::<Vec<_>>())?;
            leave_out(transaction, component, &old)?;
            let subject = Subject { capture: Some(capture), component: Some(component), dossier: None };
            record_by(transaction, now, "replaced", by, subject, None)?;
            Ok(component)
        })
    }

    /// Moves pages of a component to a paper of this title in a dossier, after those that it has; `stay` are the others in
    /// order. A component of which nothing stays is no longer one. Says which component has the pages then.
    ///
    /// # Errors
    /// As [`Self::arrange`]; also when the paper is being made.
    pub fn move_pages(
        &self,
        component: i64,
        (go, stay): (&[PageOf], &[PageOf]),
        (dossier, title): (&DossierCode, &str),
        by: Option<i64>,
        now: Millis,
    ) -> Result<i64, StoreError> {
        self.write(|transaction| {
            let state = changeable(transaction, component)?;
            let (going, staying) = (pieces(transaction, component, go)?, pieces(transaction, component, stay)?);
            if going.is_empty() {
                return Err(StoreError::NoPage(component));
            }
            let dossier_id = ensure_dossier(transaction, dossier.as_str(), now)?;
            if is_of(transaction, component, dossier_id, title)? {
                return Err(StoreError::SamePaper(component));
            }
            check_free(transaction, dossier_id, title)?;
            match staying.is_empty() {
                true => give_up(transaction, component, now)?,
                false => {
                    let component = open(transaction, component, &state, now)?;
                    replace(transaction, component, &staying)?;
                }
            }
            let paper = target(transaction, (dossier_id, dossier.as_str()), title, 0, now)?;
            going.iter().try_for_each(|piece| put_last(transaction, paper, piece))?;
            collect(transaction, paper, now)?;
            let subject = Subject { component: Some(paper), dossier: Some(dossier_id), capture: None };
            record_by(transaction, now, "moved", by, subject, Some(&component.to_string()))?;
            Ok(paper)
        })
    }

    /// Lets a component be made at once that still collects captures or changes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn close(&self, component: i64, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let select = "SELECT 1 FROM components WHERE id = ?1 AND state = 'collecting'";
            match transaction.prepare_cached(select)?.exists([component])? {
                true => jobs::queue(transaction, component, now),
                false => Ok(()),
            }
        })
    }

    /// The captures of the counter's components that still collect, by number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn early_captures(&self) -> Result<Vec<Early>, StoreError> {
        let connection = self.connection();
        let mut select = connection.prepare_cached(
            "SELECT c.id, max(k.id), c.sha256 FROM components k JOIN component_captures p ON p.component = k.id
             JOIN captures c ON c.id = p.capture WHERE k.state = 'collecting' AND k.priority = 0 GROUP BY c.id ORDER BY c.id",
        )?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let captures: Vec<(i64, i64, String)> = rows.collect::<Result<_, _>>()?;
        captures
            .into_iter()
            .map(|(capture, component, sha256)| {
                Ok(Early { capture, component, sha256, edits: edits(&connection, capture)? })
            })
            .collect()
    }

    /// How many pages a capture has; `None` before it was opened.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn pages_of(&self, capture: i64) -> Result<Option<usize>, StoreError> {
        pages_of(&self.connection(), capture)
    }

    /// Writes down how many pages a capture has.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn has_pages(&self, capture: i64, pages: usize) -> Result<(), StoreError> {
        let connection = self.connection();
        let mut update =
            connection.prepare_cached("UPDATE captures SET pages = ?2 WHERE id = ?1 AND pages IS NOT ?2")?;
        update.execute(params![capture, pages])?;
        Ok(())
    }
}

pub(super) fn pages_of(connection: &Connection, capture: i64) -> Result<Option<usize>, StoreError> {
    let mut select = connection.prepare_cached("SELECT pages FROM captures WHERE id = ?1")?;
    Ok(select.query_row([capture], |row| row.get(0)).optional()?.flatten())
}

fn edits(connection: &Connection, capture: i64) -> Result<BTreeMap<usize, Edit>, StoreError> {
    let mut select = connection.prepare_cached("SELECT page, edit FROM edits WHERE capture = ?1")?;
    let rows = select.query_map([capture], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let rows: Vec<(usize, String)> = rows.collect::<Result<_, _>>()?;
    // What another version of the program wrote and this one cannot read is as if nobody had decided it.
    Ok(rows.into_iter().filter_map(|(page, edit)| Some((page, serde_json::from_str(&edit).ok()?))).collect())
}

fn keep(
    connection: &Connection,
    (capture, page): PageOf,
    edit: &Edit,
    by: Option<i64>,
    now: Millis,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(edit).expect("what is decided are plain values");
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO edits (capture, page, edit, account, changed) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![capture, page, text, by, now])?;
    Ok(())
}

/// The column `state` of a component that may be changed now.
pub(super) fn changeable(connection: &Connection, component: i64) -> Result<String, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.state, coalesce(j.state = 'running', 0), EXISTS (SELECT 1 FROM components n
             WHERE coalesce(n.dossier, 0) = coalesce(c.dossier, 0) AND n.name = c.name AND n.version > c.version
             AND n.state <> 'moved')
         FROM components c LEFT JOIN jobs j ON j.component = c.id WHERE c.id = ?1 AND c.state <> 'moved'",
    )?;
    let found = select.query_row([component], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    match found.ok_or(StoreError::NoComponent(component))? {
        (_, _, true) => Err(StoreError::Replaced(component)),
        (_, true, _) => Err(StoreError::BeingMade(component)),
        (state, ..) => Ok(state),
    }
}

/// The version of a component that takes changes up: itself as long as it was not made.
pub(super) fn open(connection: &Connection, component: i64, state: &str, now: Millis) -> Result<i64, StoreError> {
    let version = match state {
        "collecting" | "queued" | "failed" => component,
        _ => {
            let version = next_version(connection, component, now, now)?;
            let copy = "INSERT INTO left_out SELECT ?2, capture, page, name FROM left_out WHERE component = ?1";
            connection.prepare_cached(copy)?.execute([component, version])?;
            version
        }
    };
    collect(connection, version, now)?;
    Ok(version)
}

/// Lets a component wait for more.
pub(super) fn collect(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM jobs WHERE component = ?1")?.execute([component])?;
    let mut update = connection.prepare_cached(
        "UPDATE components SET state = 'collecting', problem = NULL, changed = ?2, fingerprint = NULL WHERE id = ?1",
    )?;
    update.execute([component, now])?;
    Ok(())
}

/// Pages of a component as pieces of its captures, each page once; neighbours of one capture are one piece.
pub(super) fn pieces(connection: &Connection, component: i64, pages: &[PageOf]) -> Result<Vec<CaptureOf>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id, c.sha256, c.bytes, p.name, p.first_page, p.last_page FROM component_captures p
         JOIN captures c ON c.id = p.capture WHERE p.component = ?1 AND p.capture = ?2
         UNION ALL SELECT c.id, c.sha256, c.bytes, o.name, o.page, o.page FROM left_out o
         JOIN captures c ON c.id = o.capture WHERE o.component = ?1 AND o.capture = ?2",
    )?;
    let mut pieces: Vec<CaptureOf> = Vec::new();
    for (index, &(capture, page)) in pages.iter().enumerate() {
        let rows = select.query_map([component, capture], capture_of)?;
        let had: Vec<CaptureOf> = rows.collect::<Result<_, _>>()?;
        let is_in = |piece: &&CaptureOf| piece.pages.as_ref().is_none_or(|range| range.contains(&page));
        let piece = had.iter().find(is_in).ok_or(StoreError::NoPage(component))?;
        if page == 0 || pages[..index].contains(&(capture, page)) {
            return Err(StoreError::NoPage(component));
        }
        match pieces.last_mut().map(|last| (last.id, &mut last.pages)) {
            Some((id, Some(range))) if id == capture && *range.end() + 1 == page => *range = *range.start()..=page,
            _ => pieces.push(CaptureOf { pages: Some(page..=page), ..piece.clone() }),
        }
    }
    Ok(pieces)
}

/// Gives a component these pieces in this order.
fn replace(connection: &Connection, component: i64, pieces: &[CaptureOf]) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM component_captures WHERE component = ?1")?.execute([component])?;
    pieces.iter().try_for_each(|piece| put_last(connection, component, piece))
}

/// Whether a component is the paper of this title in a dossier.
fn is_of(connection: &Connection, component: i64, dossier: i64, title: &str) -> Result<bool, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT 1 FROM components WHERE id = ?1 AND dossier = ?2 AND name = ?3")?;
    Ok(select.exists(params![component, dossier, component_name(title)])?)
}

/// Refuses a paper that is being made at this moment: its next version would lack what it is made of.
fn check_free(connection: &Connection, dossier: i64, title: &str) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.id FROM components c JOIN jobs j ON j.component = c.id
         WHERE c.dossier = ?1 AND c.name = ?2 AND j.state = 'running'",
    )?;
    match select.query_row(params![dossier, component_name(title)], |row| row.get(0)).optional()? {
        Some(component) => Err(StoreError::BeingMade(component)),
        None => Ok(()),
    }
}

/// Ends a component with all its versions: its pages are in other components. What was published of it stays where it lies.
fn give_up(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    let versions = "SELECT v.id FROM components c JOIN components v ON v.name = c.name
        AND coalesce(v.dossier, 0) = coalesce(c.dossier, 0) WHERE c.id = ?1";
    connection.execute(&format!("DELETE FROM jobs WHERE component IN ({versions})"), [component])?;
    let update = format!("UPDATE components SET state = 'moved', changed = ?2 WHERE id IN ({versions})");
    connection.execute(&update, [component, now])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Orientation;
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{ComponentShown, Pick, State};

    const CODE: &str = "H21-250701-0012";

    struct Desk {
        _folder: tempfile::TempDir,
        store: Store,
        /// The captures of the component `a`, in order.
        captures: Vec<i64>,
        component: i64,
    }

    impl Desk {
        /// A dossier with the component `a` of three pictures.
        fn new() -> Self {
            let (folder, store) = new_store();
            let dropped: Vec<_> =
                (1..=3).map(|page| Dropped::at(&format!("{CODE}/a/{page}.jpg")).drop_into(&store, 1)).collect();
            let component = dropped[0].component;
            Self { _folder: folder, store, captures: dropped.iter().map(|one| one.capture).collect(), component }
        }

        fn page(&self, index: usize) -> PageOf {
            (self.captures[index], 1)
        }

        /// Makes all that waits, in this state.
        fn make(&self, state: State) {
            self.store.close_due(i64::MAX, 9).unwrap();
            while let Some(work) = self.store.claim(9).unwrap() {
                self.store.finish(work.component, state, "f", &[], 9).unwrap();
            }
        }

        fn components(&self) -> Vec<ComponentShown> {
            self.store.dossier(Some(CODE)).unwrap().components
        }

        /// `name version state: captures` of the newest versions.
        fn shown(&self) -> Vec<String> {
            let number = |id| self.captures.iter().position(|capture| *capture == id).map_or(0, |index| index + 1);
            let show = |component: ComponentShown| {
                let pages: String =
                    component.captures.iter().map(|capture| format!(" {}", number(capture.id))).collect();
                format!("{} {} {}:{pages}", component.name, component.version, component.state.code())
            };
            self.components().into_iter().filter(|component| component.is_newest).map(show).collect()
        }

        fn kinds(&self) -> Vec<String> {
            let connection = self.store.connection();
            let mut select =
                connection.prepare("SELECT kind FROM events WHERE kind NOT IN ('stored', 'made')").unwrap();
            select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
    }

    fn turn(edit: &mut Edit) {
        edit.orientation = Some(Orientation::Deg180);
    }

    fn accept(edit: &mut Edit) {
        edit.accepted = Some("bản gốc mờ".to_owned());
    }

    #[test]
    fn what_is_decided_while_a_component_collects_makes_no_version() {
        let desk = Desk::new();
        assert_eq!(desk.store.decide(desk.component, desk.page(1), turn, None, 2).unwrap(), desk.component);
        assert_eq!(desk.store.edits(desk.captures[1]).unwrap()[&1].orientation, Some(Orientation::Deg180));
        assert!(desk.store.edits(desk.captures[0]).unwrap().is_empty());
        let early = desk.store.early_captures().unwrap();
        assert_eq!((early.len(), early[1].edits.len()), (3, 1));
        desk.make(State::Unsigned);
        assert_eq!(desk.shown(), ["a 1 unsigned: 1 2 3"]);
        assert_eq!(desk.kinds(), ["turned"]);
        assert!(desk.store.early_captures().unwrap().is_empty());
    }

    #[test]
    fn what_is_made_gets_one_version_for_all_changes() {
        let desk = Desk::new();
        desk.make(State::Done);
        let version = desk.store.decide(desk.component, desk.page(0), turn, None, 2).unwrap();
        assert_ne!(version, desk.component);
        let later = desk.store.arrange(version, (&[desk.page(2), desk.page(0)], &[desk.page(1)]), None, 3).unwrap();
        assert_eq!(later, version);
        assert_eq!(desk.shown(), ["a 2 in-work: 3 1"]);
        let refused = desk.store.decide(desk.component, desk.page(0), turn, None, 4);
        assert!(matches!(refused, Err(StoreError::Replaced(id)) if id == desk.component));
        // At once, and not when nobody has changed anything for a while.
        desk.store.close(version, 5).unwrap();
        assert_eq!(desk.store.claim(5).unwrap().unwrap().component, version);
        let refused = desk.store.decide(version, desk.page(0), |edit| edit.blank = Some(true), None, 6);
        assert!(matches!(refused, Err(StoreError::BeingMade(id)) if id == version));
    }

    #[test]
    fn a_page_is_accepted_without_a_new_version_and_not_when_nothing_changes() {
        let desk = Desk::new();
        desk.make(State::Rescan);
        assert_eq!(desk.store.decide(desk.component, desk.page(0), accept, None, 2).unwrap(), desk.component);
        assert_eq!(desk.store.claim(3).unwrap().unwrap().component, desk.component);
        desk.store.finish(desk.component, State::Done, "f", &[], 4).unwrap();
        desk.store.decide(desk.component, desk.page(0), accept, None, 5).unwrap();
        assert_eq!(desk.shown(), ["a 1 done: 1 2 3"]);
        assert_eq!(desk.kinds(), ["accepted"]);
    }

    #[test]
    fn pages_move_to_another_paper_and_one_without_pages_is_gone() {
        let desk = Desk::new();
        desk.make(State::Unsigned);
        let code: DossierCode = CODE.parse().unwrap();
        let pages: Vec<PageOf> = (0..3).map(|index| desk.page(index)).collect();
        let moved = desk.store.move_pages(desk.component, (&pages[2..], &pages[..2]), (&code, "Đơn"), None, 2).unwrap();
        assert_eq!(desk.shown(), ["a 2 in-work: 1 2", "Don 1 in-work: 3"]);
        let rest = desk.components().into_iter().find(|one| one.name == "a" && one.is_newest).unwrap().id;
        let same = desk.store.move_pages(rest, (&pages[..1], &pages[1..2]), (&code, "A"), None, 3);
        assert!(matches!(same, Err(StoreError::SamePaper(_))));
        assert_eq!(desk.store.move_pages(rest, (&pages[..2], &[]), (&code, "Đơn"), None, 4).unwrap(), moved);
        assert_eq!(desk.shown(), ["Don 1 in-work: 3 1 2"]);
        desk.make(State::Done);
        assert_eq!(desk.shown(), ["Don 1 done: 3 1 2"]);
    }

    #[test]
    fn pages_of_one_file_are_told_apart() {
        let (_folder, store) = new_store();
        let dropped = Dropped::at("stack.pdf").drop_into(&store, 1);
        let pages: Vec<PageOf> = [1, 2, 4, 3].map(|page| (dropped.capture, page)).into();
        store.arrange(dropped.component, (&pages, &[]), None, 2).unwrap();
        let ranges = |component| -> Vec<_> {
            let captures = store.captures_of(component).unwrap();
            captures.into_iter().map(|capture| capture.pages.unwrap()).collect()
        };
        assert_eq!(ranges(dropped.component), [1..=2, 4..=4, 3..=3]);
        for wrong in
            [vec![(dropped.capture, 5)], vec![(dropped.capture, 1); 2], vec![(99, 1)], vec![(dropped.capture, 0)]]
        {
            let refused = store.arrange(dropped.component, (&wrong, &[]), None, 3);
            assert!(matches!(refused, Err(StoreError::NoPage(_))), "{wrong:?}");
        }
        assert!(matches!(store.arrange(dropped.component, (&[], &[]), None, 3), Err(StoreError::NoPage(_))));
        assert!(matches!(store.arrange(99, (&pages, &[]), None, 3), Err(StoreError::NoComponent(99))));
        assert!(
            store
                .attach(&CODE.parse().unwrap(), "x", &[Pick::Component(dropped.component)], (None, None), None, 4)
                .is_ok()
        );
    }

    #[test]
    fn what_is_left_out_or_replaced_can_be_put_back() {
        let desk = Desk::new();
        desk.make(State::Done);
        let (stay, out) = ([desk.page(0), desk.page(2)], [desk.page(1)]);
        let version = desk.store.arrange(desk.component, (&stay, &out), None, 2).unwrap();
        desk.make(State::Done);
        let ids = |component| -> Vec<i64> {
            desk.store.left_out(component).unwrap().into_iter().map(|capture| capture.id).collect()
        };
        assert_eq!(ids(version), [desk.captures[1]]);
        let file = desk.store.directory().join("x");
        std::fs::write(&file, "new").unwrap();
        let blob = desk.store.blobs().take_in(&file, 3).unwrap();
        let new = NewCapture { blob: &blob, source: "desk", relative: "n.jpg", modified: 0, priority: 0 };
        let later = desk.store.replace_page(version, (&stay, stay[0]), &new, None, 3).unwrap();
        assert_eq!(ids(later), [desk.captures[0], desk.captures[1]]);
        let names: Vec<String> = desk.store.captures_of(later).unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, [format!("{CODE}/a/1.jpg"), format!("{CODE}/a/3.jpg")]);
        assert_eq!(desk.shown(), ["a 3 in-work: 0 3"]);
        let now = [(desk.store.captures_of(later).unwrap()[0].id, 1), stay[1]];
        let again = desk.store.replace_page(later, (&now, now[1]), &new, None, 4);
        assert!(matches!(again, Err(StoreError::PageThere(_))));
        desk.store.arrange(later, (&[desk.page(0), desk.page(1), desk.page(2)], &now[..1]), None, 5).unwrap();
        assert_eq!(desk.shown(), ["a 3 in-work: 1 2 3"]);
        assert_eq!(ids(later), [now[0].0]);
    }

    #[test]
    fn the_number_of_pages_is_written_down() {
        let desk = Desk::new();
        assert_eq!(desk.store.pages_of(desk.captures[0]).unwrap(), None);
        desk.store.has_pages(desk.captures[0], 4).unwrap();
        assert_eq!(desk.store.pages_of(desk.captures[0]).unwrap(), Some(4));
    }
}
