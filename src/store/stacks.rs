//! A component that is a stack of several, by the sheets in it, becomes these.

use rusqlite::{Connection, params};

use crate::gather::component_name;
use crate::grouping::UNTITLED;
use crate::stack::{Begin, Part};

use super::accept::{ensure_dossier, free_name};
use super::dossiers::{put_last, remake, target};
use super::jobs::{CaptureOf, Work};
use super::{Millis, Store, StoreError, Subject, record};

/// The component that is divided.
struct Whole {
    dossier: Option<(i64, String)>,
    key: String,
    title: String,
    reason: Option<String>,
    priority: i64,
    modified: Millis,
}

impl Store {
    /// Divides a component in work: what came before the first sheet or code stays in it, the rest goes into the components
    /// that the sheets name, new ones or the next versions of those there are, or into new ones of the codes' dossiers. All are queued, and their numbers answered in order.
    /// A component of which nothing is left has moved, with its versions that wait. A cover that contradicts what the place of the captures says leaves
    /// its papers waiting to be placed.
    ///
    /// # Errors
    /// When the database refuses; nothing is changed then.
    pub fn divide(&self, work: &Work, parts: &[Part], now: Millis) -> Result<Vec<i64>, StoreError> {
        self.write(|transaction| {
            let whole = whole(transaction, work.component)?;
            transaction.execute("DELETE FROM component_captures WHERE component = ?1", [work.component])?;
            let mut components = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let component = match part.begin {
                    Begin::Start => work.component,
                    _ => place(transaction, &whole, work.component, index, part, now)?,
                };
                for piece in pieces(&work.captures, part) {
                    put_last(transaction, component, &piece)?;
                }
                if component != work.component {
                    remake(transaction, component, now)?;
                }
                if !components.contains(&component) {
                    components.push(component);
                    let subject = Subject { component: Some(component), ..Subject::default() };
                    record(transaction, now, "part", subject, Some(&work.component.to_string()))?;
                }
            }
            remake(transaction, work.component, now)?;
            if !components.contains(&work.component) && whole.dossier.is_none() {
                give_up_versions(transaction, work.component, now)?;
            }
            let subject = Subject { component: Some(work.component), ..Subject::default() };
            record(transaction, now, "divided", subject, Some(&components.len().to_string()))?;
            Ok(components)
        })
    }

    /// Hands out a component of a stack that was divided, where no other worker has it or its dossier.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn claim_part(&self, component: i64, now: Millis) -> Result<Option<Work>, StoreError> {
        self.claim_one(Some(component), now)
    }
}

/// Earlier versions that wait give their captures up: the parts have these.
fn give_up_versions(connection: &Connection, component: i64, now: Millis) -> Result<(), StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT e.id FROM components c JOIN components e ON e.key = c.key AND e.name = c.name AND e.version < c.version
         WHERE c.id = ?1 AND e.dossier IS NULL AND e.state <> 'moved'",
    )?;
    let earlier: Vec<i64> = select.query_map([component], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for version in earlier {
        connection.execute("DELETE FROM component_captures WHERE component = ?1", [version])?;
        remake(connection, version, now)?;
    }
    Ok(())
}

fn whole(connection: &Connection, component: i64) -> Result<Whole, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT d.id, d.code, c.key, c.title, c.reason, c.priority, c.modified FROM components c
         LEFT JOIN dossiers d ON d.id = c.dossier WHERE c.id = ?1",
    )?;
    Ok(select.query_row([component], |row| {
        Ok(Whole {
            dossier: row.get::<_, Option<i64>>(0)?.zip(row.get(1)?),
            key: row.get(2)?,
            title: row.get(3)?,
            reason: row.get(4)?,
            priority: row.get(5)?,
            modified: row.get(6)?,
        })
    })?)
}

/// The component that the papers after a sheet, or with a code, are.
fn place(
    connection: &Connection,
    whole: &Whole,
    of: i64,
    index: usize,
    part: &Part,
    now: Millis,
) -> Result<i64, StoreError> {
    let of_place = whole.dossier.as_ref().map(|(_, code)| code.as_str());
    let (dossier, reason) = match (&part.dossier, of_place, whole.reason.as_deref()) {
        (Some(cover), None, None | Some("no-code")) => (Some(ensure_dossier(connection, cover.as_str(), now)?), None),
        (Some(cover), Some(code), _) if cover.as_str() != code => (None, Some("two-codes")),
        (_, _, reason) => (whole.dossier.as_ref().map(|(id, _)| *id), reason),
    };
    let code = part.dossier.as_ref().map_or(of_place, |cover| Some(cover.as_str()));
    let title = match (&part.begin, dossier.zip(code)) {
        (Begin::Separator(Some(name)), Some(dossier)) => {
            return target(connection, dossier, name.as_str(), whole.priority, now);
        }
        (Begin::Separator(Some(name)), None) => name.as_str(),
        (Begin::Code | Begin::Start, _) => &whole.title,
        (Begin::Cover | Begin::Separator(None), _) => UNTITLED,
    };
    let name = free_name(connection, dossier, &component_name(title))?;
    let key = format!("{}\nstack\n{of}\n{index}", whole.key);
    let mut insert = connection.prepare_cached(
        "INSERT INTO components (dossier, key, title, name, version, state, reason, priority, created, changed, modified)
         VALUES (?1, ?2, ?3, ?4, 1, 'collecting', ?5, ?6, ?7, ?7, ?8) RETURNING id",
    )?;
    let row = params![dossier, key, title, name, reason, whole.priority, now, whole.modified];
    Ok(insert.query_row(row, |row| row.get(0))?)
}

/// The captures of a part. Its pages are counted from the first that the component had of a capture.
fn pieces<'a>(captures: &'a [CaptureOf], part: &'a Part) -> impl Iterator<Item = CaptureOf> + 'a {
    part.pages.iter().filter_map(|(file, pages)| {
        let capture = captures.get(*file)?;
        let before = capture.pages.as_ref().map_or(0, |had| had.start() - 1);
        let pages = pages.as_ref().map(|pages| pages.start() + before..=pages.end() + before);
        Some(CaptureOf { pages: pages.or_else(|| capture.pages.clone()), ..capture.clone() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::sheet::Sheet;
    use crate::stack::{By, Side, divide};
    use crate::store::dropped::{Dropped, new_store};
    use crate::store::{Pick, State};

    const ONE: &str = "H21.15.25-250701-0012";
    const TWO: &str = "H21.15.25-250701-0013";

    struct Desk {
        _folder: tempfile::TempDir,
        store: Store,
    }

    impl Desk {
        fn new() -> Self {
            let (folder, store) = new_store();
            Self { _folder: folder, store }
        }

        /// Takes a PDF file in and claims what it became.
        fn claim(&self, relative: &str) -> Work {
            let accepted = Dropped { priority: 1, ..Dropped::at(relative) }.drop_into(&self.store, 1);
            self.store.claim_part(accepted.component, 1).unwrap().unwrap()
        }

        /// Takes a picture of a folder in, and claims the version that it makes.
        fn claim_picture(&self, relative: &str) -> Work {
            let accepted = Dropped::at(relative).drop_into(&self.store, 1);
            self.store.close_due(1, 1).unwrap();
            self.store.claim_part(accepted.component, 1).unwrap().unwrap()
        }

        /// Divides it: `p` a page, `d` and `e` with the codes of the two dossiers, `D` and `E` their covers, other letters
        /// separators of that name.
        fn divide(&self, work: &Work, letters: &str) -> Vec<i64> {
            let side = |letter| match letter {
                'p' => Side::Paper,
                'd' => Side::Coded(ONE.parse().unwrap()),
                'e' => Side::Coded(TWO.parse().unwrap()),
                'D' => Side::Sheet(Sheet::Cover(ONE.parse().unwrap())),
                'E' => Side::Sheet(Sheet::Cover(TWO.parse().unwrap())),
                '-' => Side::Sheet(Sheet::Separator(None)),
                name => Side::Sheet(Sheet::Separator(Some(name.to_string().parse().unwrap()))),
            };
            let by = if work.has_no_code { By::SheetsAndCodes } else { By::Sheets };
            self.store.divide(work, &divide(&[letters.chars().map(side).collect()], by), 2).unwrap()
        }

        /// `name version reason: first-last …` of each component of a dossier.
        fn shown(&self, code: Option<&str>) -> Vec<String> {
            let show = |component: crate::store::ComponentShown| {
                let pages = component.captures.iter().map(|capture| match &capture.pages {
                    Some(pages) => format!(" {}-{}", pages.start(), pages.end()),
                    None => " all".to_owned(),
                });
                let pages: String = pages.collect();
                format!("{} {} {}:{pages}", component.name, component.version, component.reason.unwrap_or_default())
            };
            self.store.dossier(code).unwrap().components.into_iter().map(show).collect()
        }
    }

    #[test]
    fn sheets_say_dossiers_and_components_and_the_whole_is_gone() {
        let desk = Desk::new();
        let work = desk.claim("scan.pdf");
        let parts = desk.divide(&work, "DApBppE-p");
        assert_eq!(parts.len(), 3);
        assert_eq!(desk.shown(Some(ONE)), ["A 1 : 3-3", "B 1 : 5-6"]);
        assert_eq!(desk.shown(Some(TWO)), ["Tai-lieu 1 : 9-9"]);
        assert!(desk.shown(None).is_empty());
        // Each can be made at once, though not two of one dossier; then nothing is left.
        let made: Vec<_> = parts.iter().map(|part| desk.store.claim_part(*part, 3).unwrap().is_some()).collect();
        assert_eq!(made, [true, false, true]);
        assert!(desk.store.claim_part(work.component, 3).unwrap().is_none());
    }

    #[test]
    fn codes_on_papers_say_dossiers_where_nothing_else_does() {
        let desk = Desk::new();
        let work = desk.claim("don xin.pdf");
        assert!(work.has_no_code);
        let parts = desk.divide(&work, "pdp");
        assert_eq!(desk.shown(Some(ONE)), ["don-xin 1 : all"]);
        assert!(!desk.store.claim_part(parts[0], 3).unwrap().unwrap().has_no_code, "it is not divided for ever");
        desk.divide(&desk.claim("stack.pdf"), "pdpep");
        assert_eq!(desk.shown(Some(ONE)), ["don-xin 1 : all", "stack 1 : 2-3"]);
        assert_eq!(desk.shown(Some(TWO)), ["stack 1 : 4-5"]);
        assert_eq!(desk.shown(None), ["stack 1 no-code: 1-1"]);
        // A wrong code in the name is for a person to mend.
        assert!(!desk.claim("H21.15.25-251301-0012.pdf").has_no_code);
    }

    #[test]
    fn what_comes_before_the_first_sheet_stays() {
        let desk = Desk::new();
        let work = desk.claim("scan.pdf");
        let parts = desk.divide(&work, "ppAp");
        assert_eq!((parts.len(), parts[0]), (2, work.component));
        assert_eq!(desk.shown(None), ["A 1 no-code: 4-4", "scan 1 no-code: 1-2"]);
        let again = desk.store.claim_part(work.component, 3).unwrap().unwrap();
        assert_eq!((again.attempts, again.captures[0].pages.clone()), (1, Some(1..=2)));
    }

    #[test]
    fn a_version_that_goes_into_dossiers_takes_those_before_it_along() {
        let desk = Desk::new();
        let work = desk.claim_picture("a/2.jpg");
        desk.store.finish(work.component, State::Done, "f", &[], 2).unwrap();
        let work = desk.claim_picture("a/1.jpg");
        let sides = [vec![Side::Sheet(Sheet::Cover(ONE.parse().unwrap()))], vec![Side::Paper]];
        desk.store.divide(&work, &divide(&sides, By::SheetsAndCodes), 2).unwrap();
        assert_eq!(desk.shown(Some(ONE)), ["Tai-lieu 1 : all"]);
        assert!(desk.shown(None).is_empty(), "{:?}", desk.shown(None));
        // Where something of it stays, so do they.
        let work = desk.claim_picture("b/1.jpg");
        desk.store.finish(work.component, State::Done, "f", &[], 2).unwrap();
        let work = desk.claim_picture("b/2.jpg");
        let sides = [vec![Side::Paper], vec![Side::Sheet(Sheet::Separator(None))]];
        desk.store.divide(&work, &divide(&sides, By::SheetsAndCodes), 2).unwrap();
        assert_eq!(desk.shown(None), ["b 1 no-code: all", "b 2 no-code: all"]);
    }

    #[test]
    fn a_cover_that_contradicts_the_folder_leaves_its_papers_waiting() {
        let desk = Desk::new();
        desk.divide(&desk.claim(&format!("{ONE}/scan.pdf")), "AppEBpDCp");
        assert_eq!(desk.shown(Some(ONE)), ["A 1 : 2-3", "C 1 : 9-9"]);
        assert_eq!(desk.shown(None), ["B 1 two-codes: 6-6"]);
        desk.divide(&desk.claim("H21.15.25-251301-0012.pdf"), "DBp");
        assert_eq!(desk.shown(None), ["B 1 two-codes: 6-6", "B-2 1 not-a-code: 3-3"]);
    }

    #[test]
    fn a_component_that_comes_again_gets_the_pages_after_its_own() {
        let desk = Desk::new();
        desk.divide(&desk.claim("scan.pdf"), "DApBpApp");
        assert_eq!(desk.shown(Some(ONE)), ["A 1 : 3-3 7-8", "B 1 : 5-5"]);
        let parts = desk.divide(&desk.claim("more.pdf"), "DAp");
        assert_eq!(desk.shown(Some(ONE)), ["A 1 : 3-3 7-8 3-3", "B 1 : 5-5"], "it was not made yet");
        let work = desk.store.claim_part(parts[0], 3).unwrap().unwrap();
        desk.store.finish(work.component, State::Done, "f", &[], 3).unwrap();
        desk.divide(&desk.claim("last.pdf"), "DAp");
        assert_eq!(desk.shown(Some(ONE))[1], "A 2 : 3-3 7-8 3-3 3-3");
    }

    #[test]
    fn parts_that_wait_are_placed_one_by_one_and_divided_again_where_they_lie() {
        let desk = Desk::new();
        let work = desk.claim("scan.pdf");
        let parts = desk.divide(&work, "pApp-ppp");
        let code = ONE.parse().unwrap();
        let (_, placed) = desk.store.attach(&code, "x", &[Pick::Component(parts[1])], (None, None), None, 4).unwrap();
        assert_eq!((placed.len(), desk.shown(Some(ONE))), (1, vec!["x 1 : 3-4".to_owned()]));
        assert_eq!(desk.shown(None), ["scan 1 no-code: 1-1", "Tai-lieu 1 no-code: 6-8"]);
        let last = desk.store.claim_part(parts[2], 5).unwrap().unwrap();
        let parts = desk.divide(&last, "pBp");
        assert_eq!(parts.len(), 2);
        assert_eq!(desk.shown(None), ["B 1 no-code: 8-8", "scan 1 no-code: 1-1", "Tai-lieu 1 no-code: 6-6"]);
        // The capture by its number is all that waits of it.
        let (_, placed) = desk.store.attach(&code, "y", &[Pick::Capture(placed[0])], (None, None), None, 6).unwrap();
        assert_eq!((placed.len(), desk.shown(Some(ONE))[1].as_str()), (3, "y 1 : 1-1 6-6 8-8"));
        assert!(desk.shown(None).is_empty());
    }

    #[test]
    fn sheets_alone_leave_nothing_and_their_bytes_go_by_the_rule() {
        let desk = Desk::new();
        assert!(desk.divide(&desk.claim("scan.pdf"), "DA").is_empty());
        assert!(desk.shown(None).is_empty() && desk.store.claim(3).unwrap().is_none());
        assert_eq!((desk.store.purge(1, 5).unwrap(), desk.store.purge(2, 5).unwrap()), (0, 1));
    }
}
