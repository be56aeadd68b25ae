//! Work out: components that have their captures are digitised into their directory, one at a time a worker.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::digitize::{self, DigitizeError, Job, Outcome, Report, Stack};
use crate::gather::{CaptureFile, Gathered};
use crate::ledger::LedgerError;
use crate::manifest::{self, Component};
use crate::model::{Lang, Localized};
use crate::publish::PublishError;
use crate::stack;
use crate::store::{Millis, Published, State, StoreError, Work};

use super::{Event, SECRET, Service, Trouble};

/// The first pause after a passing failure, and the longest, milliseconds. Each is twice as long as the one before.
const FIRST_PAUSE: Millis = 2_000;
const LONGEST_PAUSE: Millis = 60_000;

/// Makes components until the service stops.
pub(super) fn run(service: &Service<'_>) {
    let mut troubles = 0;
    while !service.is_stopping() {
        match service.store.claim(service.now()) {
            Ok(Some(work)) => {
                // The output is refused to all: no use in having more pages read for it at once.
                troubles = if make(service, &work) { 0 } else { troubles + 1 };
                if troubles > 0 {
                    service.sleep(Duration::from_millis(pause(troubles).unsigned_abs()));
                }
            }
            // Time alone may make something ready, too.
            Ok(None) => drop(service.bell.wait()),
            Err(error) => {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                service.sleep(Duration::from_secs(2));
            }
        }
    }
}

fn pause(failures: u32) -> Millis {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

/// Makes one component, or divides it where it is a stack of several and makes these. `false` when the output could not be
/// written.
fn make(service: &Service<'_>, work: &Work) -> bool {
    let started = Instant::now();
    service.early.wait_for(work.captures.iter().map(|capture| capture.id));
    let files = match captures(service, work) {
        Ok(files) => files,
        Err(StoreError::Damaged(_)) => {
            fail(service, work, "capture-damaged");
            return true;
        }
        Err(error) => {
            service.tell(&Event::Trouble(Trouble::Store(error)));
            give_back(service, work, "store", true);
            return true;
        }
    };
    let (tools, made_with) = (service.tools, service.tools.shelf.tools());
    let directory = service.directory(work.dossier.as_deref(), &work.name);
    let signer = tools.signer.filter(|_| !service.key_failed.load(Ordering::Relaxed));
    let profile = tools.profile_of(work.dossier.as_deref());
    let rules = service.settings.taught.rules(service.store);
    let by = if work.has_no_code { stack::By::SheetsAndCodes } else { stack::By::Sheets };
    let of = (directory.as_path(), work.dossier.as_deref());
    let job = Job {
        signer,
        divides: Some(by),
        // What comes at the counter is looked at there.
        shelves_all: work.priority == 0,
        rules: &rules,
        ..tools.job(of, &profile, service.file_time(), service.stop)
    };
    let is_folder = files.len() > 1;
    let component = Gathered { name: work.name.clone(), files, is_folder };
    let on_event = &mut told_pages(service, work.component);
    match digitize::run_gathered(&job, vec![component], &made_with.pool, on_event) {
        Ok(report) => {
            if let Some(stack) = report.stacks.first() {
                return divide(service, work, stack, by);
            }
            if let Some(error) = &report.key_failure {
                service.key_failed.store(true, Ordering::Relaxed);
                let trouble = Trouble::Key(error.message(Lang::Vi), error.message(Lang::En));
                service.tell(&Event::Trouble(trouble));
            }
            finish(service, work, &report, &directory.to_string_lossy(), started);
            true
        }
        Err(DigitizeError::Stopped) => {
            give_back(service, work, "stopped", false);
            true
        }
        Err(error) => refused(service, work, &error),
    }
}

/// Divides a stack in the store, and makes its parts; their pages are processed already. A part whose dossier another worker
/// has waits for its turn, as all do when the service stops in between.
fn divide(service: &Service<'_>, work: &Work, stack: &Stack, by: stack::By) -> bool {
    let parts = stack::divide(&stack.files, by);
    let Some(components) = service.insist(|store| store.divide(work, &parts, service.now())) else { return true };
    service.tell(&Event::Divided { component: work.component, parts: components.len() });
    service.bell.ring();
    for component in components {
        if service.is_stopping() {
            break;
        }
        let part = service.insist(|store| store.claim_part(component, service.now())).flatten();
        if part.is_some_and(|part| !make(service, &part)) {
            return false;
        }
    }
    true
}

/// Tells of each page of a component that is finished.
fn told_pages<'a>(service: &'a Service<'_>, component: i64) -> impl FnMut(&digitize::Event) + 'a {
    let (mut done, mut pages) = (0, 0);
    move |event| match event {
        digitize::Event::Planned { pages: planned, .. } => pages = *planned,
        digitize::Event::Page { .. } => {
            done += 1;
            service.tell(&Event::Page { component, done, pages });
        }
        _ => {}
    }
}

/// The captures of a component, each read and found whole.
fn captures(service: &Service<'_>, work: &Work) -> Result<Vec<CaptureFile>, StoreError> {
    let blobs = service.store.blobs();
    let captures = work.captures.iter();
    captures
        .map(|one| {
            let (path, name) = (blobs.verified(&one.sha256)?, PathBuf::from(&one.name));
            Ok(CaptureFile { path, name, pages: one.pages.clone(), edits: service.store.edits(one.id)? })
        })
        .collect()
}

/// Writes down what became of a component.
fn finish(service: &Service<'_>, work: &Work, report: &Report, directory: &str, started: Instant) {
    let components = || report.outcomes.iter().map(|outcome| &outcome.component);
    let is_passing = components().any(|component| component.fingerprint == digitize::TRY_AGAIN);
    if is_passing && work.attempts < service.settings.attempts {
        give_back(service, work, "capture", true);
        return;
    }
    if components().any(|component| component.state == manifest::State::Secret) {
        fail(service, work, SECRET);
        return;
    }
    let published: Vec<Published> = components().map(|component| published(component, directory)).collect();
    let state = components().map(state).min_by_key(|state| rank(*state)).unwrap_or(State::Failed);
    let fingerprint = components().next().map_or("", |component| &component.fingerprint);
    let done = service.insist(|store| store.finish(work.component, state, fingerprint, &published, service.now()));
    if done.is_some() {
        // Another component of the dossier may have waited for this one.
        service.bell.ring();
        service.tell(&Event::Made {
            component: work.component,
            state,
            pages: components().map(|component| component.pages.len()).sum(),
            unchanged: report.outcomes.iter().all(is_unchanged),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
}

fn is_unchanged(outcome: &Outcome) -> bool {
    outcome.unchanged
}

pub(super) fn published(component: &Component, directory: &str) -> Published {
    Published {
        directory: directory.to_owned(),
        name: component.name.clone(),
        version: component.version,
        file: component.file.as_ref().map(|file| (file.path.clone(), file.sha256.clone())),
    }
}

/// How far a component in a manifest is.
fn state(component: &Component) -> State {
    match component.state {
        manifest::State::Incomplete => State::Rescan,
        _ if component.pages.iter().any(manifest::Page::wants_rescan) => State::Rescan,
        manifest::State::Unsigned => State::Unsigned,
        manifest::State::Signed | manifest::State::Kept => State::Done,
        manifest::State::Secret => State::Failed,
    }
}

/// What most wants a person first.
fn rank(state: State) -> u8 {
    match state {
        State::Failed => 0,
        State::Rescan => 1,
        State::Unsigned => 2,
        _ => 3,
    }
}

/// Says why a directory was not written; `false` when that is of the machine, and passes.
fn refused(service: &Service<'_>, work: &Work, error: &DigitizeError) -> bool {
    let reason = match error {
        DigitizeError::Ledger(LedgerError::Publish(PublishError::InUse(_))) => {
            give_back(service, work, "in-use", false);
            return true;
        }
        DigitizeError::Ledger(LedgerError::Publish(PublishError::Io { .. })) => {
            let trouble = Trouble::Output(error.message(Lang::Vi), error.message(Lang::En));
            service.tell(&Event::Trouble(trouble));
            give_back(service, work, "output", false);
            return false;
        }
        DigitizeError::Ledger(LedgerError::Publish(PublishError::InTheWay(_))) => "in-the-way",
        DigitizeError::Ledger(_) => "altered",
        DigitizeError::OtherDossier(_) => "other-dossier",
        _ => "assembly",
    };
    let trouble = Trouble::Output(error.message(Lang::Vi), error.message(Lang::En));
    service.tell(&Event::Trouble(trouble));
    fail(service, work, reason);
    true
}

fn give_back(service: &Service<'_>, work: &Work, reason: &'static str, counts: bool) {
    let after_ms = match reason {
        "stopped" => 0,
        _ => pause(work.attempts),
    };
    if service.insist(|store| store.give_back(work.component, service.now() + after_ms, counts)).is_some() {
        service.tell(&Event::Retry { component: work.component, reason, after_ms });
    }
}

fn fail(service: &Service<'_>, work: &Work, reason: &'static str) {
    if service.insist(|store| store.fail(work.component, reason, service.now())).is_some() {
        service.tell(&Event::Failed { component: work.component, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_have_an_end() {
        assert_eq!([1, 2, 3, 5, 6, 100].map(pause), [2_000, 4_000, 8_000, 32_000, 60_000, 60_000]);
    }
}
