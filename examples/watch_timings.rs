//! What the folder watcher costs: time from the last byte to the sink, many files at once, and idle watching.
//!
//! `cargo run --release --example watch_timings [DIRECTORY]`; CPU is user and system time of this process.

#![expect(clippy::print_stdout, reason = "its output")]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant, SystemTime};

use sohoa::intake::{Answer, Arrival, Event, Folder, Mode, Sink, watch};

/// Notes when each file came.
#[derive(Default)]
struct Clock {
    came: Mutex<Vec<(String, Instant)>>,
    count: AtomicUsize,
}

impl Sink for Clock {
    fn accept(&self, arrival: &Arrival) -> Answer {
        self.came.lock().expect("no panic").push((arrival.relative.clone(), Instant::now()));
        self.count.fetch_add(1, Ordering::SeqCst);
        Answer::Stored
    }

    fn knows(&self, _: usize, _: &str, _: u64, _: SystemTime) -> bool {
        false
    }
}

fn main() {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from).join("watch-timings");
    for settle in [Duration::from_secs(2), Duration::from_millis(500)] {
        for mode in [Mode::Events, Mode::Polling] {
            latency(&fresh(&directory), settle, mode);
        }
    }
    for mode in [Mode::Events, Mode::Polling] {
        ten_thousand(&fresh(&directory), mode);
    }
    for mode in [Mode::Events, Mode::Polling] {
        idle(&fresh(&directory), mode);
    }
    fs::remove_dir_all(&directory).expect("our own folder");
}

fn fresh(directory: &Path) -> PathBuf {
    if directory.exists() {
        fs::remove_dir_all(directory).expect("our own folder");
    }
    fs::create_dir_all(directory).expect("a writable folder");
    directory.to_owned()
}

fn jpeg(bytes: usize) -> Vec<u8> {
    [&b"\xff\xd8\xff\xda\x00\x02"[..], &vec![7; bytes], b"\xff\xd9"].concat()
}

fn watched<T>(folders: &[Folder], sink: &Clock, work: impl FnOnce() -> T) -> T {
    let (stop, looked) = (AtomicBool::new(false), AtomicUsize::new(0));
    scope(|scope| {
        scope.spawn(|| {
            let mut on_event = |event| {
                if matches!(event, Event::Rescanned { .. }) {
                    looked.fetch_add(1, Ordering::SeqCst);
                }
            };
            watch(folders, &[], sink, &stop, &mut on_event).expect("the settings are fine");
        });
        while looked.load(Ordering::SeqCst) < folders.len() {
            sleep(Duration::from_millis(1));
        }
        let result = work();
        stop.store(true, Ordering::SeqCst);
        result
    })
}

fn latency(directory: &Path, settle: Duration, mode: Mode) {
    const FILES: usize = 100;
    let sink = Clock::default();
    let folder = Folder { settle, rescan: Duration::from_millis(500), ..Folder::new(directory, mode) };
    let written: Vec<Instant> = watched(&[folder], &sink, || {
        let bytes = jpeg(500_000);
        let written = (0..FILES)
            .map(|number| {
                let mut file = File::create(directory.join(format!("{number}.jpg"))).expect("a writable folder");
                for part in bytes.chunks(100_000) {
                    file.write_all(part).expect("a writable folder");
                    sleep(Duration::from_millis(5));
                }
                let last = Instant::now();
                sleep(Duration::from_millis(37));
                last
            })
            .collect();
        while sink.count.load(Ordering::SeqCst) < FILES {
            sleep(Duration::from_millis(1));
        }
        written
    });
    let mut waits: Vec<f64> = sink
        .came
        .lock()
        .expect("no panic")
        .iter()
        .map(|(name, came)| {
            let number: usize = name.trim_end_matches(".jpg").parse().expect("a number");
            came.duration_since(written[number]).as_secs_f64()
        })
        .collect();
    waits.sort_by(f64::total_cmp);
    println!(
        "settle {settle:?}, {mode:?}: last byte to sink median {:.2} s, 95th {:.2} s, longest {:.2} s",
        waits[FILES / 2],
        waits[FILES * 95 / 100],
        waits[FILES - 1]
    );
}

fn ten_thousand(directory: &Path, mode: Mode) {
    const FILES: usize = 10_000;
    let sink = Clock::default();
    let folder = Folder { settle: Duration::from_millis(500), ..Folder::new(directory, mode) };
    let (memory, cpu, started) = (resident(), cpu(), Instant::now());
    let written = watched(&[folder], &sink, || {
        for number in 0..FILES {
            fs::write(directory.join(format!("scan_{number:05}.jpg")), jpeg(2000)).expect("a writable folder");
        }
        let written = started.elapsed();
        while sink.count.load(Ordering::SeqCst) < FILES {
            sleep(Duration::from_millis(1));
        }
        written
    });
    let came = sink.came.lock().expect("no panic");
    let thousand = |at: usize| (came[at + 999].1 - came[at].1).as_secs_f64();
    println!(
        "10,000 files, {mode:?}: written in {:.1} s, all taken after {:.1} s, {:.2} s CPU with the writing; first thousand \
         {:.2} s, last {:.2} s; memory {} MiB more at most",
        written.as_secs_f64(),
        started.elapsed().as_secs_f64(),
        self::cpu() - cpu,
        thousand(0),
        thousand(FILES - 1000),
        peak().saturating_sub(memory) / 1024
    );
}

fn idle(directory: &Path, mode: Mode) {
    let folders: Vec<Folder> = (0..20)
        .map(|number| {
            let path = directory.join(number.to_string());
            for day in 0..5 {
                fs::create_dir_all(path.join(day.to_string())).expect("a writable folder");
            }
            Folder::new(path, mode)
        })
        .collect();
    let sink = Clock::default();
    let used = watched(&folders, &sink, || {
        let before = cpu();
        sleep(Duration::from_secs(60));
        cpu() - before
    });
    println!("20 idle folders of 5 sub-folders, {mode:?}: {used:.3} s CPU in 60 s, memory {} MiB", resident() / 1024);
}

/// User and system time, seconds.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).map_or(0.0, |time| time.as_secs_f64())
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

/// A line of `/proc/self/status`, KiB.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
