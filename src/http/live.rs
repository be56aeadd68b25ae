//! What happens, for browsers that show it as it does: one channel that the service and the server tell, and that each open page
//! hears. What is in it are words and numbers of the store; who may know more asks for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::service::Event;

/// Notes that a page may be behind before it is told to load itself anew.
const BEHIND: usize = 256;

/// What happened to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Note {
    /// The event's word.
    pub(super) kind: &'static str,
    /// Number of the component, where it is one's.
    pub(super) component: Option<i64>,
    /// Number of the scan, where it is one's.
    pub(super) scan: Option<i64>,
}

impl Note {
    /// What of an event pages show; nothing of it where they show nothing.
    fn of(event: &Event) -> Option<Self> {
        let of = |kind, component| Some(Self { kind, component: Some(component), scan: None });
        match *event {
            Event::Stored { component, .. } => of("stored", component),
            Event::Pages { component, .. } => of("pages", component),
            Event::Divided { component, .. } => of("divided", component),
            Event::Page { component, .. } => of("page", component),
            Event::Made { component, .. } => of("made", component),
            Event::Retry { component, .. } => of("retry", component),
            Event::Failed { component, .. } => of("failed", component),
            Event::Signed { component } => of("signed", component),
            Event::Coded { component } => of("coded", component),
            Event::Withdrawn { component } => of("withdrawn", component),
            Event::SigningEnded => Some(Self { kind: "signing-ended", component: None, scan: None }),
            Event::ScanStarted { scan } => Some(Self { kind: "scan-started", component: None, scan: Some(scan) }),
            Event::ScanEnded { scan, .. } => Some(Self { kind: "scan-ended", component: None, scan: Some(scan) }),
            _ => None,
        }
    }
}

/// The channel, and how far components in work are.
#[derive(Clone, Debug)]
pub struct Live(Arc<Channel>);

#[derive(Debug)]
struct Channel {
    notes: broadcast::Sender<Note>,
    /// Pages finished and pages in all, of components in work.
    progress: Mutex<BTreeMap<i64, (usize, usize)>>,
    is_closed: AtomicBool,
}

impl Default for Live {
    fn default() -> Self {
        let (notes, _) = broadcast::channel(BEHIND);
        Self(Arc::new(Channel { notes, progress: Mutex::default(), is_closed: AtomicBool::new(false) }))
    }
}

impl Live {
    /// Tells an event to the pages that are open. Never waits.
    pub fn tell(&self, event: &Event) {
        let mut progress = self.0.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Page { component, done, pages } => {
                progress.insert(component, (done, pages));
            }
            Event::Divided { component, .. }
            | Event::Made { component, .. }
            | Event::Retry { component, .. }
            | Event::Failed { component, .. } => {
                progress.remove(&component);
            }
            _ => {}
        }
        drop(progress);
        if let Some(note) = Note::of(event) {
            // Nobody listens where no page is open.
            drop(self.0.notes.send(note));
        }
    }

    /// How many pages of a component in work are finished, and how many it has.
    pub(super) fn progress(&self, component: i64) -> Option<(usize, usize)> {
        self.0.progress.lock().unwrap_or_else(PoisonError::into_inner).get(&component).copied()
    }

    /// Hears what is told from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Note> {
        self.0.notes.subscribe()
    }

    /// Has all who hear end.
    pub(super) fn close(&self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
        drop(self.0.notes.send(Note { kind: "closed", component: None, scan: None }));
    }

    /// Whether all who hear are to end.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::State;

    #[test]
    fn progress_is_that_of_components_in_work() {
        let live = Live::default();
        let mut heard = live.listen();
        live.tell(&Event::Page { component: 3, done: 1, pages: 4 });
        assert_eq!((live.progress(3), live.progress(4)), (Some((1, 4)), None));
        live.tell(&Event::Made { component: 3, state: State::Done, pages: 4, unchanged: false, elapsed_ms: 1 });
        live.tell(&Event::Stopped);
        assert_eq!(live.progress(3), None);
        let kinds: Vec<_> = std::iter::from_fn(|| heard.try_recv().ok()).map(|note| note.kind).collect();
        assert_eq!(kinds, ["page", "made"]);
    }
}
