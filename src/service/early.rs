//! Pages of the counter's captures, made as these come: who is at the counter sees at once whether a picture is good, and a
//! component is there soon after its last one. They lie on the shelf until their component is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::model::Edit;
use crate::store;

use super::{Bell, Event, Service, Trouble};

/// Which captures are in hand and which are done.
#[derive(Default)]
pub(super) struct Early {
    captures: Mutex<Captures>,
    let_go: Condvar,
    /// Rung when there may be more.
    pub(super) bell: Bell,
}

#[derive(Default)]
struct Captures {
    in_hand: BTreeSet<i64>,
    /// Captures whose pages are there, with what was decided of these then.
    done: BTreeMap<i64, BTreeMap<usize, Edit>>,
}

impl Early {
    /// Waits until none of these captures is in hand, so that no page is made twice at once.
    pub(super) fn wait_for(&self, captures: impl Iterator<Item = i64>) {
        let wanted: BTreeSet<i64> = captures.collect();
        let held = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.let_go.wait_while(held, |held| !held.in_hand.is_disjoint(&wanted)));
    }

    /// Takes the next capture into one's hands.
    fn next(&self, service: &Service<'_>) -> Option<store::Early> {
        let mut held = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = match service.store.early_captures() {
            Ok(waiting) => waiting,
            Err(error) => {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                return None;
            }
        };
        let ids: BTreeSet<i64> = waiting.iter().map(|one| one.capture).collect();
        held.done.retain(|capture, _| ids.contains(capture));
        let is_next = |one: &store::Early| {
            !held.in_hand.contains(&one.capture) && held.done.get(&one.capture) != Some(&one.edits)
        };
        let next = waiting.into_iter().find(is_next)?;
        held.in_hand.insert(next.capture);
        drop(held);
        // There may be another for the next thread.
        self.bell.ring();
        Some(next)
    }

    fn let_go(&self, early: store::Early) {
        let mut held = self.captures.lock().unwrap_or_else(PoisonError::into_inner);
        held.in_hand.remove(&early.capture);
        held.done.insert(early.capture, early.edits);
        drop(held);
        self.let_go.notify_all();
    }
}

/// Makes pages until the service stops.
pub(super) fn run(service: &Service<'_>) {
    while !service.is_stopping() {
        match service.early.next(service) {
            Some(early) => make(service, early),
            None => while !service.early.bell.wait() && !service.is_stopping() {},
        }
    }
}

/// Makes the pages of one capture. What cannot be made now is tried, and told, when its component is made.
fn make(service: &Service<'_>, early: store::Early) {
    if let Ok(path) = service.store.blobs().verified(&early.sha256) {
        let edit = |page: usize| early.edits.get(&page).cloned().unwrap_or_default();
        if let Ok(pages) = service.tools.shelf.prepare(&path, &early.sha256, edit) {
            // Only a number for lists: the next run writes it where the disk is full now.
            drop(service.store.has_pages(early.capture, pages));
            service.tell(&Event::Pages { capture: early.capture, component: early.component, pages });
        }
    }
    service.early.let_go(early);
}
