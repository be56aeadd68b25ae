//! What a phone sees and changes of what it sent: its pages in the components of its dossier, nothing else.
//!
//! A page is of a phone when its bytes arrived from it. Changes of a phone are taken up by a component as those of people at the
//! desk are (`edits.rs`), and what it takes away is left out, so that these can put it back.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::dossiers::remake;
use super::edits::{changeable, open};
use super::jobs::{self, captures_of};
use super::left_out::leave_out;
use super::{ComponentListed, Millis, Pairing, Store, StoreError, Subject, record};

/// A component with pages of a phone.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The newest version of the component.
    pub component: ComponentListed,
    /// The phone's pages in order.
    pub pages: Vec<SentPage>,
}

/// A page that came from a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPage {
    /// Number of its capture.
    pub capture: i64,
    /// Hash of its bytes.
    pub sha256: String,
    /// The name it came with.
    pub name: String,
}

impl Store {
    /// What a phone sent, by component: the newest versions of those of its dossier, by number.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sent_by(&self, pairing: &Pairing) -> Result<Vec<Sent>, StoreError> {
        let source = pairing.source();
        let mut components = self.components_fed_by(&source)?;
        // The same bytes may lie in another dossier, which is none of the phone's business.
        components.retain(|one| one.dossier.as_deref() == Some(pairing.dossier.as_str()));
        let own = captures_from(&self.connection(), &source)?;
        let sent = components.into_iter().map(|component| {
            let mut seen = BTreeSet::new();
            let captures = component.component.captures.iter();
            let captures = captures.filter(|capture| own.contains(&capture.id) && seen.insert(capture.id));
            let pages = captures.map(|capture| SentPage {
                capture: capture.id,
                sha256: capture.sha256.clone(),
                name: capture.name.clone(),
            });
            let pages = pages.collect();
            Sent { component, pages }
        });
        Ok(sent.collect())
    }

    /// Leaves a page of a phone out of its component. One without any page is no component any more.
    ///
    /// # Errors
    /// When the phone has no such page there, or the component is being made.
    pub fn remove_sent(&self, pairing: &Pairing, component: i64, capture: i64, now: Millis) -> Result<(), StoreError> {
        self.write(|transaction| {
            let component = taking_up(transaction, pairing, component, &[capture], now)?;
            let captures = captures_of(transaction, component)?;
            let (out, stay): (Vec<_>, Vec<_>) = captures.into_iter().partition(|one| one.id == capture);
            leave_out(transaction, component, &out)?;
            let delete = "DELETE FROM component_captures WHERE component = ?1 AND capture = ?2";
            transaction.execute(delete, [component, capture])?;
            let subject = Subject { capture: Some(capture), component: Some(component), dossier: None };
            record(transaction, now, "removed", subject, Some(&pairing.source()))?;
            if stay.is_empty() { remake(transaction, component, now) } else { Ok(()) }
        })
    }

    /// Puts pages of a phone in this order, in the places that they have among the pages of others.
    ///
    /// # Errors
    /// When one is not the phone's or named twice, or the component is being made.
    pub fn order_sent(
        &self,
        pairing: &Pairing,
        component: i64,
        captures: &[i64],
        now: Millis,
    ) -> Result<(), StoreError> {
        let wanted: BTreeSet<i64> = captures.iter().copied().collect();
        if wanted.len() != captures.len() || captures.is_empty() {
            return Err(StoreError::NoComponent(component));
        }
        self.write(|transaction| {
            let component = taking_up(transaction, pairing, component, captures, now)?;
            let mut next = captures.iter().copied();
            let before = captures_of(transaction, component)?;
            let mut order: Vec<i64> = before.iter().map(|one| one.id).collect();
            order.dedup();
            for slot in order.iter_mut().filter(|slot| wanted.contains(slot)) {
                *slot = next.next().unwrap_or(*slot);
            }
            let places: BTreeMap<i64, i64> = order.into_iter().zip(1..).collect();
            let update = "UPDATE component_captures SET position = ?3 WHERE component = ?1 AND capture = ?2";
            let mut update = transaction.prepare_cached(update)?;
            for (capture, place) in places {
                update.execute([component, capture, place])?;
            }
            let subject = Subject { component: Some(component), ..Subject::default() };
            record(transaction, now, "ordered", subject, Some(&pairing.source()))
        })
    }

    /// Says that a phone has sent all that it will: the components that still collect its pages are queued at once. Says how
    /// many.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn finish_sent(&self, pairing: &Pairing, now: Millis) -> Result<usize, StoreError> {
        self.write(|transaction| {
            let select = "SELECT DISTINCT c.id FROM components c JOIN dossiers d ON d.id = c.dossier
                JOIN component_captures p ON p.component = c.id JOIN arrivals a ON a.capture = p.capture
                WHERE a.source = ?1 AND d.code = ?2 AND c.state = 'collecting' ORDER BY c.id";
            let mut select = transaction.prepare_cached(select)?;
            let rows = select.query_map(params![pairing.source(), pairing.dossier.as_str()], |row| row.get(0))?;
            let collecting: Vec<i64> = rows.collect::<Result<_, _>>()?;
            for component in &collecting {
                jobs::queue(transaction, *component, now)?;
                let subject = Subject { component: Some(*component), ..Subject::default() };
                record(transaction, now, "finished", subject, Some(&pairing.source()))?;
            }
            Ok(collecting.len())
        })
    }
}

/// The captures that arrived from a source.
fn captures_from(connection: &Connection, source: &str) -> Result<BTreeSet<i64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT capture FROM arrivals WHERE source = ?1")?;
    let rows = select.query_map([source], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version that takes changes up of a component of the phone's dossier which has these pages of the phone. The phone may know
/// the number of an earlier version.
fn taking_up(
    connection: &Connection,
    pairing: &Pairing,
    component: i64,
    captures: &[i64],
    now: Millis,
) -> Result<i64, StoreError> {
    let select = "SELECT n.id FROM components c
        JOIN components n ON n.dossier = c.dossier AND n.name = c.name AND n.state <> 'moved'
        JOIN dossiers d ON d.id = n.dossier WHERE c.id = ?1 AND d.code = ?2 ORDER BY n.version DESC LIMIT 1";
    let newest =
        connection.prepare_cached(select)?.query_row(params![component, pairing.dossier.as_str()], |row| row.get(0));
    let newest = newest.optional()?.ok_or(StoreError::NoComponent(component))?;
    let is_own = "SELECT 1 FROM component_captures p JOIN arrivals a ON a.capture = p.capture
        WHERE p.component = ?1 AND p.capture = ?2 AND a.source = ?3";
    let mut is_own = connection.prepare_cached(is_own)?;
    for capture in captures {
        if !is_own.exists(params![newest, capture, pairing.source()])? {
            return Err(StoreError::NoComponent(component));
        }
    }
    let state = changeable(connection, newest)?;
    open(connection, newest, &state, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DossierCode;
    use crate::store::dropped::new_store;
    use crate::store::{Opening, State};

    /// Lets a phone send a picture into a component; says which component and capture it became.
    fn send(store: &Store, source: &str, title: &str, name: &str, bytes: &str, now: Millis) -> (i64, i64) {
        use crate::gather::component_name;
        use crate::grouping::{Naming, Place, Unit};
        use crate::store::NewCapture;
        let file = store.directory().join("incoming-picture");
        std::fs::write(&file, bytes).unwrap();
        let blob = store.blobs().take_in(&file, bytes.len() as u64).unwrap();
        let code: DossierCode = "H21-250701-0012".parse().unwrap();
        let place = Place {
            key: format!("{code}\nnamed\n{}", component_name(title)),
            dossier: Naming::Code(code),
            unit: Unit::Named,
            title: title.to_owned(),
        };
        let name = format!("{source}/{name}");
        let new = NewCapture { blob: &blob, source, relative: &name, modified: now * 1_000_000, priority: 0 };
        let accepted = store.accept(&new, &place, 1_000, now).unwrap();
        (accepted.component, accepted.capture)
    }

    fn phone(store: &Store, token: &str, code: &str) -> Pairing {
        store.pair(token, &code.parse().unwrap(), None, 1_000_000, None, 1).unwrap();
        match store.pairing(token, 2).unwrap() {
            Opening::Open(pairing) => pairing,
            other => panic!("{other:?}"),
        }
    }

    fn captures(store: &Store, pairing: &Pairing) -> Vec<i64> {
        let sent = store.sent_by(pairing).unwrap();
        sent.iter().flat_map(|one| one.pages.iter().map(|page| page.capture)).collect()
    }

    /// The captures that were left out of a component.
    fn left_out(store: &Store, component: i64) -> Vec<i64> {
        store.left_out(component).unwrap().iter().map(|one| one.id).collect()
    }

    #[test]
    fn a_phone_orders_and_removes_its_own_pages_alone() {
        let (_folder, store) = new_store();
        let (mine, other) = (phone(&store, "a", "H21-250701-0012"), phone(&store, "b", "H21-250701-0012"));
        let (component, one) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        let (_, two) = send(&store, &mine.source(), "Tờ khai", "2-000.jpg", "2", 11);
        let (_, foreign) = send(&store, &other.source(), "Tờ khai", "1-000.jpg", "3", 12);
        let (_, three) = send(&store, &mine.source(), "Tờ khai", "3-000.jpg", "4", 13);
        assert_eq!((captures(&store, &mine), captures(&store, &other)), (vec![one, two, three], vec![foreign]));
        let all = || store.captures_of(component).unwrap().iter().map(|one| one.id).collect::<Vec<_>>();
        let before = all();
        let at = before.iter().position(|id| *id == foreign).unwrap();
        store.order_sent(&mine, component, &[three, one, two], 20).unwrap();
        assert_eq!(captures(&store, &mine), [three, one, two]);
        assert_eq!(all()[at], foreign, "those of others keep their place");
        for wrong in [&[foreign][..], &[one, one], &[]] {
            assert!(store.order_sent(&mine, component, wrong, 21).is_err(), "{wrong:?}");
        }
        assert!(store.remove_sent(&mine, component, foreign, 22).is_err());
        store.remove_sent(&mine, component, one, 23).unwrap();
        assert_eq!(captures(&store, &mine), [three, two]);
        assert_eq!(left_out(&store, component), [one], "the desk can put it back");
        // What is added later comes last.
        let (_, four) = send(&store, &mine.source(), "Tờ khai", "4-000.jpg", "5", 24);
        assert_eq!(captures(&store, &mine), [three, two, four]);
    }

    #[test]
    fn the_same_bytes_in_another_dossier_are_none_of_the_phones_business() {
        let (_folder, store) = new_store();
        let (mine, other) = (phone(&store, "a", "H21-250701-0012"), phone(&store, "b", "H21-250701-0099"));
        let (component, capture) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        send(&store, &other.source(), "Tờ khai", "1-000.jpg", "1", 11);
        assert!(store.sent_by(&other).unwrap().is_empty());
        assert!(store.remove_sent(&other, component, capture, 12).is_err());
    }

    #[test]
    fn what_is_made_is_changed_as_a_new_version_and_what_is_being_made_is_not() {
        let (_folder, store) = new_store();
        let mine = phone(&store, "a", "H21-250701-0012");
        let (component, one) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        let (_, two) = send(&store, &mine.source(), "Tờ khai", "2-000.jpg", "2", 11);
        assert_eq!(store.finish_sent(&mine, 12).unwrap(), 1);
        assert_eq!(store.finish_sent(&mine, 13).unwrap(), 0, "it is finished");
        let work = store.claim(14).unwrap().unwrap();
        assert!(matches!(store.remove_sent(&mine, component, one, 15), Err(StoreError::BeingMade(_))));
        store.finish(work.component, State::Done, "f", &[], 16).unwrap();
        // By the number of the version before, as a phone may not have heard of the next.
        store.remove_sent(&mine, component, one, 17).unwrap();
        let sent = store.sent_by(&mine).unwrap();
        let version = &sent[0].component.component;
        assert_eq!((sent.len(), version.version, captures(&store, &mine)), (1, 2, vec![two]));
        assert_eq!((left_out(&store, version.id), left_out(&store, component)), (vec![one], vec![]));
        store.remove_sent(&mine, component, two, 18).unwrap();
        let sent = store.sent_by(&mine).unwrap();
        assert_eq!(sent[0].component.component.version, 1, "without pages there is no version");
        assert!(store.emptied("H21-250701-0012").unwrap().is_empty(), "it is there as it was made");
    }

    #[test]
    fn what_was_queued_waits_anew_as_with_changes_at_the_desk() {
        let (_folder, store) = new_store();
        let mine = phone(&store, "a", "H21-250701-0012");
        let (component, one) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        let (_, two) = send(&store, &mine.source(), "Tờ khai", "2-000.jpg", "2", 11);
        store.finish_sent(&mine, 12).unwrap();
        store.order_sent(&mine, component, &[two, one], 13).unwrap();
        assert!(store.claim(14).unwrap().is_none());
        assert_eq!(store.finish_sent(&mine, 15).unwrap(), 1);
        let work = store.claim(16).unwrap().unwrap();
        assert_eq!(work.captures.iter().map(|one| one.id).collect::<Vec<_>>(), [two, one]);
        // What could not be made is no version to be kept: it is changed in place.
        store.fail(component, "altered", 17).unwrap();
        store.remove_sent(&mine, component, one, 18).unwrap();
        assert_eq!((captures(&store, &mine), left_out(&store, component)), (vec![two], vec![one]));
    }

    #[test]
    fn the_last_page_takes_its_component_with_it_until_the_desk_puts_it_back() {
        let (_folder, store) = new_store();
        let mine = phone(&store, "a", "H21-250701-0012");
        let (component, one) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        let (_, two) = send(&store, &mine.source(), "Tờ khai", "2-000.jpg", "2", 11);
        store.finish_sent(&mine, 11).unwrap();
        assert!(matches!(store.restore(component, None, 12), Err(StoreError::NoComponent(_))), "it is there");
        store.remove_sent(&mine, component, one, 12).unwrap();
        store.remove_sent(&mine, component, two, 13).unwrap();
        assert!(store.sent_by(&mine).unwrap().is_empty() && store.claim(13).unwrap().is_none());
        assert!(store.dossier(Some("H21-250701-0012")).unwrap().components.is_empty());
        let emptied = store.emptied("H21-250701-0012").unwrap();
        assert_eq!((emptied.len(), emptied[0].component, &emptied[0].title[..]), (1, component, "Tờ khai"));
        assert_eq!(emptied[0].pages.iter().map(|page| page.id).collect::<Vec<_>>(), [one, two]);
        assert!(store.emptied("H21-250701-0099").unwrap().is_empty());
        store.restore(component, None, 14).unwrap();
        assert_eq!(captures(&store, &mine), [one, two]);
        assert!(store.emptied("H21-250701-0012").unwrap().is_empty() && left_out(&store, component).is_empty());
        store.close_due(14, 15).unwrap();
        assert_eq!(store.claim(16).unwrap().map(|work| work.component), Some(component));
    }

    #[test]
    fn a_picture_sent_once_more_is_left_out_no_longer() {
        let (_folder, store) = new_store();
        let mine = phone(&store, "a", "H21-250701-0012");
        let (component, one) = send(&store, &mine.source(), "Tờ khai", "1-000.jpg", "1", 10);
        send(&store, &mine.source(), "Tờ khai", "2-000.jpg", "2", 11);
        store.remove_sent(&mine, component, one, 12).unwrap();
        assert_eq!(left_out(&store, component), [one]);
        assert_eq!(send(&store, &mine.source(), "Tờ khai", "3-000.jpg", "1", 13), (component, one));
        assert!(left_out(&store, component).is_empty());
    }
}
