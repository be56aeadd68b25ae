//! Counts of what happens, in the text format of Prometheus 0.0.4. Numbers and words of the program only.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::service::{Event, Trouble};
use crate::store::{State, Status};

/// Upper bounds of the time a component takes, seconds: a page takes about one, the longest component minutes.
const BUCKETS: [u64; 8] = [1, 2, 5, 10, 30, 60, 300, 1800];

/// What was counted since the service began.
#[derive(Debug, Default)]
pub struct Metrics {
    stored: AtomicU64,
    duplicates: AtomicU64,
    made: AtomicU64,
    pages: AtomicU64,
    milliseconds: AtomicU64,
    /// Components whose time is in `milliseconds`.
    timed: AtomicU64,
    within: [AtomicU64; BUCKETS.len()],
    retries: AtomicU64,
    failed: AtomicU64,
    refused_files: AtomicU64,
    refused_uploads: AtomicU64,
    troubles: AtomicU64,
    scans_done: AtomicU64,
    scans_stopped: AtomicU64,
    scans_failed: AtomicU64,
    scanned_pages: AtomicU64,
    key_failed: AtomicBool,
}

/// What is looked up when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Now {
    pub(super) status: Status,
    pub(super) queued: [u64; 2],
    pub(super) disk_free: [(&'static str, u64); 2],
    pub(super) memory: u64,
    pub(super) scans: u64,
}

impl Metrics {
    /// Counts an event.
    pub fn count(&self, event: &Event) {
        let add = |counter: &AtomicU64, count: u64| {
            counter.fetch_add(count, Ordering::Relaxed);
        };
        match event {
            Event::Stored { arrived: "duplicate" | "known", .. } => add(&self.duplicates, 1),
            Event::Stored { .. } => add(&self.stored, 1),
            Event::Made { unchanged: true, .. } => add(&self.made, 1),
            Event::Made { pages, elapsed_ms, .. } => {
                add(&self.made, 1);
                add(&self.pages, *pages as u64);
                add(&self.timed, 1);
                add(&self.milliseconds, *elapsed_ms);
                for (bound, counter) in BUCKETS.iter().zip(&self.within) {
                    add(counter, u64::from(*elapsed_ms <= bound * 1000));
                }
            }
            Event::Retry { .. } => add(&self.retries, 1),
            Event::Failed { .. } => add(&self.failed, 1),
            Event::Watch { what: "refused", .. } => add(&self.refused_files, 1),
            Event::ScanEnded { state, pages, .. } => {
                add(&self.scanned_pages, *pages as u64);
                match *state {
                    "done" => add(&self.scans_done, 1),
                    "stopped" => add(&self.scans_stopped, 1),
                    _ => add(&self.scans_failed, 1),
                }
            }
            Event::Trouble(trouble) => {
                add(&self.troubles, 1);
                if matches!(trouble, Trouble::Key(..)) {
                    self.key_failed.store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }

    pub(super) fn refused_upload(&self) {
        self.refused_uploads.fetch_add(1, Ordering::Relaxed);
    }

    /// All of it as text.
    pub(super) fn text(&self, now: &Now) -> String {
        let mut page = Page::default();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        page.counter("captures_stored_total", "Captures stored.", count(&self.stored));
        page.counter("captures_duplicate_total", "Captures that were there already.", count(&self.duplicates));
        page.counter("components_made_total", "Components made and published.", count(&self.made));
        page.counter("components_failed_total", "Components that cannot be made.", count(&self.failed));
        page.counter("retries_total", "Components given back to be tried again.", count(&self.retries));
        page.counter("pages_made_total", "Pages of components made.", count(&self.pages));
        page.counter("files_refused_total", "Files in watched folders that are not taken.", count(&self.refused_files));
        page.counter("uploads_refused_total", "Uploads that are no pictures.", count(&self.refused_uploads));
        page.counter("troubles_total", "Things that a person should see to.", count(&self.troubles));
        page.counter("scanned_pages_total", "Pages of scans that have ended.", count(&self.scanned_pages));
        let scans = page.head("scans_total", "Scans that have ended.", "counter");
        let ended = [("done", &self.scans_done), ("stopped", &self.scans_stopped), ("failed", &self.scans_failed)];
        for (state, counter) in ended {
            page.line(&format!("{scans}{{state=\"{state}\"}}"), count(counter));
        }
        page.gauge("scans_running", "Scans that run.", now.scans as f64);

        let seconds = count(&self.milliseconds) as f64 / 1000.0;
        let changed = page.head("component_seconds", "Time that a component took.", "histogram");
        for (bound, counter) in BUCKETS.iter().zip(&self.within) {
            page.line(&format!("{changed}_bucket{{le=\"{bound}\"}}"), count(counter));
        }
        let timed = count(&self.timed);
        page.line(&format!("{changed}_bucket{{le=\"+Inf\"}}"), timed);
        page.line(&format!("{changed}_sum"), seconds);
        page.line(&format!("{changed}_count"), timed);
        let pages = page.head("page_seconds", "Time of components by their pages.", "summary");
        page.line(&format!("{pages}_sum"), seconds);
        page.line(&format!("{pages}_count"), count(&self.pages));

        let components = page.head("components", "Newest versions of components by state.", "gauge");
        for state in State::ALL {
            page.line(&format!("{components}{{state=\"{}\"}}", state.code()), now.status.of(state));
        }
        let queue = page.head("queue_length", "Components that wait to be made.", "gauge");
        for (priority, length) in ["counter", "backlog"].iter().zip(now.queued) {
            page.line(&format!("{queue}{{priority=\"{priority}\"}}"), length);
        }
        let age = |age: Option<i64>| age.map_or(0.0, |age| age.max(0) as f64 / 1000.0);
        page.gauge("queue_oldest_seconds", "Age of the oldest that waits.", age(now.status.oldest_queued));
        page.gauge(
            "unsigned_oldest_seconds",
            "How long a component waits to be signed.",
            age(now.status.oldest_unsigned),
        );
        page.gauge("components_running", "Components being made.", now.status.running as f64);
        page.gauge("captures", "Captures in the store.", now.status.captures as f64);
        page.gauge("captures_unmade", "Captures in components not made yet.", now.status.unmade_captures as f64);
        let key_failed = self.key_failed.load(Ordering::Relaxed);
        page.gauge("key_failed", "1 when the key failed and is not asked again.", f64::from(u8::from(key_failed)));
        let disk = page.head("disk_free_bytes", "Free space on the disk.", "gauge");
        for (disk_of, free) in now.disk_free {
            page.line(&format!("{disk}{{of=\"{disk_of}\"}}"), free);
        }
        page.gauge("memory_resident_bytes", "Memory of the program.", now.memory as f64);
        page.text
    }
}

/// Text as it grows.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Begins a metric; says its full name.
    fn head(&mut self, name: &str, help: &str, kind: &str) -> String {
        let name = format!("sohoa_{name}");
        // A String takes whatever is written to it.
        self.text.write_fmt(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n")).unwrap_or_default();
        name
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        self.text.write_fmt(format_args!("{name} {value}\n")).unwrap_or_default();
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let name = self.head(name, help, "counter");
        self.line(&name, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        let name = self.head(name, help, "gauge");
        self.line(&name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_counted_and_told() {
        let metrics = Metrics::default();
        let made =
            |elapsed_ms, unchanged| Event::Made { component: 1, state: State::Done, pages: 3, unchanged, elapsed_ms };
        for event in [
            Event::Stored { capture: 1, component: 1, arrived: "first" },
            Event::Stored { capture: 1, component: 1, arrived: "duplicate" },
            made(4_000, false),
            made(4_000_000, false),
            made(10, true),
            Event::Watch { folder: 0, what: "refused" },
            Event::ScanEnded { scan: 1, state: "failed", pages: 4, fault: Some("jammed") },
            Event::Trouble(Trouble::Key(String::new(), String::new())),
        ] {
            metrics.count(&event);
        }
        let text = metrics.text(&Now { queued: [4, 5], ..Now::default() });
        for line in [
            "sohoa_captures_stored_total 1",
            "sohoa_captures_duplicate_total 1",
            "sohoa_components_made_total 3",
            "sohoa_pages_made_total 6",
            "sohoa_component_seconds_bucket{le=\"2\"} 0",
            "sohoa_component_seconds_bucket{le=\"5\"} 1",
            "sohoa_component_seconds_bucket{le=\"+Inf\"} 2",
            "sohoa_component_seconds_sum 4004",
            "sohoa_queue_length{priority=\"backlog\"} 5",
            "sohoa_key_failed 1",
            "sohoa_files_refused_total 1",
            "sohoa_scans_total{state=\"failed\"} 1",
            "sohoa_scanned_pages_total 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
