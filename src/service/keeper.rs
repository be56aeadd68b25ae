//! What comes round again: components that have all their captures are queued, what was signed by hand is noticed, what was
//! placed goes from where it waited, and old bytes go by the rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use crate::manifest::{self, State};
use crate::model::{Lang, Localized};
use crate::publish::OutputDir;
use crate::sign::{self, RunKey};
use crate::signing;
use crate::store::{Millis, Published, StoreError};

use super::worker::published;
use super::{Event, Service, Trouble, UNPLACED, free_bytes, listed};

/// Time between two looks for components that have all their captures.
const ROUND: Duration = Duration::from_millis(250);
/// Time between two looks for what was signed by hand, and for old bytes.
const LONG_ROUND: Duration = Duration::from_secs(60);
/// Pages on the shelf, bytes: about 2,000, some days' work of a centre.
const SHELF_BYTES: u64 = 1 << 30;

/// Goes round until the service stops.
pub(super) fn run(service: &Service<'_>) {
    let gap = Millis::try_from(service.settings.gap.as_millis()).unwrap_or(Millis::MAX);
    let mut long_round: Option<Instant> = None;
    let (mut looked, mut others) = (None, None);
    while !service.is_stopping() {
        let now = service.now();
        match service.store.close_due(now.saturating_sub(gap), now) {
            Ok(0) => {}
            Ok(components) => {
                service.tell(&Event::Queued { components });
                service.bell.ring();
            }
            Err(error) => service.tell(&Event::Trouble(Trouble::Store(error))),
        }
        // Only other programs place what waits.
        let seen = service.store.changes_by_others().ok();
        if seen != others {
            others = if withdraw(service) { seen } else { None };
            service.early.bell.ring();
        }
        if long_round.is_none_or(|last| last.elapsed() >= LONG_ROUND) {
            long_round = Some(Instant::now());
            let since = looked.replace(SystemTime::now());
            notice_signed(service, since);
            purge(service, now);
            clear_shelf(service);
        }
        service.sleep(ROUND);
    }
}

/// Signs what waits from earlier runs, with a key that is no development identity. Before any worker begins, as each
/// directory has one writer.
pub(super) fn sign_waiting(service: &Service<'_>) {
    let Some(signer) = service.tools.signer.filter(|signer| !sign::is_development(*signer)) else { return };
    let Ok(waiting) = service.store.unsigned() else { return };
    let directories: BTreeSet<String> = waiting.into_iter().map(|(_, published)| published.directory).collect();
    let mut key = RunKey::new(Some(signer));
    for directory in directories {
        // What is wrong with a directory is told when something is to be put there.
        let (role, stamp) = (service.tools.profile.signatory, service.tools.stamp);
        drop(signing::pending(Path::new(&directory), role, stamp, &mut key, service.file_time(), &mut |_| {}));
        if let Some(error) = key.failure() {
            service.key_failed.store(true, Ordering::Relaxed);
            service.tell(&Event::Trouble(Trouble::Key(error.message(Lang::Vi), error.message(Lang::En))));
            break;
        }
    }
}

/// Writes down what has been signed since, by [`sign_waiting`] or by hand: manifests changed after `since` are read.
fn notice_signed(service: &Service<'_>, since: Option<SystemTime>) {
    // File systems keep times more coarsely than clocks.
    const SLACK: Duration = Duration::from_secs(10);
    let waiting = match service.store.unsigned() {
        Ok(waiting) => waiting,
        Err(error) => return service.tell(&Event::Trouble(Trouble::Store(error))),
    };
    for (component, waits) in waiting {
        let path = Path::new(&waits.directory).join(manifest::FILE_NAME);
        let changed = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
        if since.zip(changed).is_some_and(|(since, changed)| changed + SLACK < since) {
            continue;
        }
        if let Some(signed) = signed(&waits)
            && service.store.signed(component, &signed, None, service.now()).is_ok()
        {
            service.tell(&Event::Signed { component });
        }
    }
}

/// What a manifest says of a component that waited, if it is signed now.
pub fn signed(waits: &Published) -> Option<Published> {
    let found = listed(waits)?;
    (found.state == State::Signed).then(|| published(&found, &waits.directory))
}

/// Removes the directories of components that have moved into dossiers. Each holds one component and what belongs to it;
/// nothing else of anybody's is touched. `false` to try again.
fn withdraw(service: &Service<'_>) -> bool {
    let Ok(withdrawn) = service.store.withdrawn() else { return false };
    let mut all = true;
    for (component, published) in withdrawn {
        let directory = Path::new(&published.directory);
        let is_waiting_room = directory.parent().is_some_and(|parent| parent.ends_with(UNPLACED));
        if !is_waiting_room || remove(directory) {
            service.insist(|store| store.forget_withdrawn(component, service.now()));
            service.tell(&Event::Withdrawn { component });
        } else {
            all = false;
        }
    }
    all
}

/// Removes what a manifest names, the log, the manifest last, and then the directory if it is empty. `false` to try again.
fn remove(directory: &Path) -> bool {
    if !directory.exists() {
        return true;
    }
    let Ok(_output) = OutputDir::open(directory) else { return false };
    let bytes = fs::read(directory.join(manifest::FILE_NAME));
    let named: Vec<String> = match bytes.as_deref().map(manifest::open) {
        Ok(Ok(sealed)) => sealed
            .manifest
            .components
            .iter()
            .flat_map(manifest::Component::files)
            .map(|file| file.path.clone())
            .collect(),
        // Somebody altered it: it is left to them.
        Ok(Err(_)) => return true,
        // Gone by an earlier try that was killed, after all that it named.
        Err(_) => Vec::new(),
    };
    let names = named.iter().map(String::as_str).chain([crate::log::FILE_NAME, manifest::FILE_NAME]);
    let removed = names.map(|name| fs::remove_file(directory.join(name))).all(|removed| match removed {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    });
    // Somebody's own file keeps the directory.
    drop(fs::remove_dir(directory));
    removed
}

/// Takes the pages that were not wanted for longest from the shelf; all where the disk is nearly full, as they can be made
/// again.
fn clear_shelf(service: &Service<'_>) {
    let is_full = free_bytes(service.store.directory()).is_ok_and(|free| free < service.settings.min_free_bytes);
    if let Err(source) = service.tools.shelf.clear(if is_full { 0 } else { SHELF_BYTES }) {
        let path = service.store.directory().to_owned();
        service.tell(&Event::Trouble(Trouble::Store(StoreError::Io { path, source })));
    }
}

fn purge(service: &Service<'_>, now: Millis) {
    let Some(keep) = service.settings.keep_originals else { return };
    let keep = Millis::try_from(keep.as_millis()).unwrap_or(Millis::MAX);
    match service.store.purge(now.saturating_sub(keep), now) {
        Ok(0) => {}
        Ok(captures) => service.tell(&Event::Purged { captures }),
        Err(error) => service.tell(&Event::Trouble(Trouble::Store(error))),
    }
}
