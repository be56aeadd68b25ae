//! The folder watcher: every case with hints of the system and by polling alone, against a sink that keeps what it gets.
//!
//! Cases wait for what is to happen and never for a time; each runs in a directory of its own, several at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot make its files has failed")]

mod cases;
mod killed;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use sohoa::intake::{self, Answer, Arrival, Event, Folder, Mode, Sink};

/// Long enough for a machine that does much else; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// Cases at once.
const AT_ONCE: usize = 8;

/// What a sink got.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Got {
    pub(crate) relative: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) complete: bool,
}

type Hook = Box<dyn Fn(&Arrival) + Send>;

/// Keeps what it gets in memory, and answers otherwise first where it is told to.
#[derive(Default)]
pub(crate) struct Keeper {
    pub(crate) got: Mutex<Vec<Got>>,
    /// What is answered before `Stored`.
    pub(crate) answers: Mutex<VecDeque<Answer>>,
    /// Busy as long as this is set.
    pub(crate) busy: AtomicBool,
    /// Called once an arrival was read.
    pub(crate) hook: Mutex<Option<Hook>>,
    known: Mutex<Vec<(String, u64, SystemTime)>>,
}

impl Sink for Keeper {
    fn accept(&self, arrival: &Arrival) -> Answer {
        let bytes = fs::read(&arrival.path).expect("an arrival can be read");
        if self.busy.load(Ordering::SeqCst) {
            return Answer::Busy(Duration::from_millis(20));
        }
        if let Some(answer) = self.answers.lock().unwrap().pop_front() {
            return answer;
        }
        if let Some(hook) = self.hook.lock().unwrap().take() {
            hook(arrival);
        }
        self.known.lock().unwrap().push((arrival.relative.clone(), arrival.bytes, arrival.modified));
        self.got.lock().unwrap().push(Got { relative: arrival.relative.clone(), bytes, complete: arrival.complete });
        Answer::Stored
    }

    fn knows(&self, _: usize, relative: &str, bytes: u64, modified: SystemTime) -> bool {
        self.known.lock().unwrap().contains(&(relative.to_owned(), bytes, modified))
    }
}

/// A folder, its watcher and what came of it.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    pub(crate) folder: PathBuf,
    pub(crate) settings: Folder,
    pub(crate) sink: Arc<Keeper>,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Lab {
    fn new(mode: Mode) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build folder is writable");
        let folder = directory.path().join("in");
        fs::create_dir(&folder).unwrap();
        let settings = Folder {
            settle: Duration::from_millis(200),
            // With hints, a rescan must not be what finds the file.
            rescan: if mode == Mode::Events { Duration::from_secs(3600) } else { Duration::from_millis(100) },
            ..Folder::new(&folder, mode)
        };
        let (sink, events, stop) = (Arc::default(), Arc::default(), Arc::default());
        Self { directory, folder, settings, sink, events, stop, watcher: None }
    }

    /// A path beside the folder, on the same disk.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Starts watching, and waits until it does.
    pub(crate) fn start(&mut self) {
        self.launch();
        self.wait("looked through", |lab| lab.said("Rescanned") > 0);
    }

    /// Starts watching a folder that may not be there.
    pub(crate) fn launch(&mut self) {
        self.stop = Arc::default();
        self.events.lock().unwrap().clear();
        self.watcher = Some(spawn(&self.settings, &self.sink, &self.stop, &self.events));
    }

    pub(crate) fn halt(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(watcher) = self.watcher.take() {
            watcher.join().expect("the watcher ends");
        }
    }

    pub(crate) fn drop_file(&self, relative: &str, bytes: &[u8]) {
        let path = self.folder.join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// How many events so far have this in their debug text.
    pub(crate) fn said(&self, words: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|event| event.contains(words)).count()
    }

    pub(crate) fn wait(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        wait_for(
            || condition(self),
            || format!("{what}; got {:?}; events {:?}", self.names(), self.events.lock().unwrap()),
        );
    }

    /// Names of what was stored, in the order it came.
    pub(crate) fn names(&self) -> Vec<String> {
        self.sink.got.lock().unwrap().iter().map(|got| got.relative.clone()).collect()
    }

    /// Waits for exactly these files, each once and whole, and that nothing is left of them in the folder.
    pub(crate) fn finish(&mut self, expected: &[(&str, &[u8])]) {
        self.wait("stored", |lab| lab.sink.got.lock().unwrap().len() >= expected.len());
        self.wait("removed", |lab| lab.said("Stored") >= expected.len());
        self.halt();
        let mut got = self.sink.got.lock().unwrap().clone();
        got.sort();
        let mut whole: Vec<Got> = expected
            .iter()
            .map(|(name, bytes)| Got { relative: (*name).to_owned(), bytes: bytes.to_vec(), complete: true })
            .collect();
        whole.sort();
        let brief = |all: &[Got]| -> Vec<String> {
            all.iter().map(|got| format!("{} {} {}", got.relative, got.bytes.len(), got.complete)).collect()
        };
        assert!(got == whole, "got {:?}, not {:?}", brief(&got), brief(&whole));
        if !self.settings.keep {
            assert_eq!(below(&self.folder.join(".sohoa/claimed")), [] as [String; 0]);
        }
    }

    /// What was refused, with the reasons beside.
    pub(crate) fn refused(&self) -> Vec<String> {
        below(&self.folder.join(".sohoa/refused"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(watcher) = self.watcher.take()
            && watcher.join().is_err()
        {
            eprintln!("the watcher panicked");
        }
    }
}

/// Watches one folder on a thread of its own.
pub(crate) fn spawn(
    settings: &Folder,
    sink: &Arc<Keeper>,
    stop: &Arc<AtomicBool>,
    events: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let (settings, sink, stop, events) = (settings.clone(), Arc::clone(sink), Arc::clone(stop), Arc::clone(events));
    thread::spawn(move || {
        let mut on_event = |event: Event| events.lock().unwrap().push(format!("{event:?}"));
        intake::watch(&[settings], &[], &*sink, &stop, &mut on_event).expect("the settings are fine");
    })
}

pub(crate) fn wait_for(condition: impl Fn() -> bool, what: impl Fn() -> String) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "in vain: {}", what());
        thread::sleep(Duration::from_millis(5));
    }
}

/// All files below a directory, sorted; none where there is no directory.
pub(crate) fn below(directory: &Path) -> Vec<String> {
    fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                walk(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}

/// A JPEG file as far as the watcher can tell: a comment with its number, and a scan of some bytes.
pub(crate) fn jpeg(number: usize, bytes: usize) -> Vec<u8> {
    let comment = format!("{number:012}");
    let scan: Vec<u8> = (0..bytes).map(|at| u8::try_from((at * 31 + number) % 251).unwrap()).collect();
    [&b"\xff\xd8\xff\xfe\x00\x0e"[..], comment.as_bytes(), b"\xff\xda\x00\x02", &scan, b"\xff\xd9"].concat()
}

/// A PDF file of one section per entry, each with its table and end.
pub(crate) fn pdf(sections: usize) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    for section in 0..sections {
        file.extend(format!("{} 0 obj\n<</Section {section}>>\nendobj\n", section + 1).as_bytes());
        let table = file.len();
        file.extend(format!("xref\n0 1\n0000000000 65535 f \ntrailer\n<<>>\nstartxref\n{table}\n%%EOF\n").as_bytes());
    }
    file
}

/// Which case, whether by polling, and what came of it.
type Tried = ((usize, bool), Result<String, String>);

#[test]
fn the_watcher_matrix() {
    let jobs: Vec<(usize, Mode)> =
        (0..cases::CASES.len()).flat_map(|case| [(case, Mode::Events), (case, Mode::Polling)]).collect();
    let results: Mutex<Vec<Tried>> = Mutex::default();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(&(case, mode)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = thread::spawn(move || {
                        let mut lab = Lab::new(mode);
                        (cases::CASES[case].1)(&mut lab)
                    })
                    .join()
                    .map(str::to_owned)
                    .map_err(|panic| panic.downcast_ref::<String>().map_or_else(|| "panic".to_owned(), Clone::clone));
                    results.lock().unwrap().push(((case, mode == Mode::Polling), outcome));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort();
    println!("| case | inotify | polling |\n| --- | --- | --- |");
    for pair in results.chunks(2) {
        let cell =
            |outcome: &Result<String, String>| outcome.clone().unwrap_or_else(|error| format!("FAILED: {error}"));
        println!("| {} | {} | {} |", cases::CASES[pair[0].0.0].0, cell(&pair[0].1), cell(&pair[1].1));
    }
    let failed: Vec<_> = results
        .iter()
        .filter_map(|((case, polling), outcome)| {
            Some(format!("{} (polling: {polling}): {}", cases::CASES[*case].0, outcome.as_ref().err()?))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(cases::CASES.len() >= 25);
}
