//! The watcher is killed at random moments while files arrive: nothing is lost, nothing taken by half.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use sohoa::intake::{self, Answer, Arrival, Event, Folder, Mode, Sink};

use super::{below, jpeg, wait_for};

const KILLS: usize = 30;

/// Tells the child where to watch and store.
const DIRECTORY: &str = "SOHOA_TEST_WATCHED";

/// Stores files by the hash of their bytes, in a directory; each call leaves a line in `calls`.
struct Blobs(PathBuf);

impl Sink for Blobs {
    fn accept(&self, arrival: &Arrival) -> Answer {
        let bytes = fs::read(&arrival.path).expect("an arrival can be read");
        let name: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let temporary = self.0.join(format!(".{name}"));
        let mut file = File::create(&temporary).unwrap();
        file.write_all(&bytes).unwrap();
        file.sync_all().unwrap();
        fs::rename(temporary, self.0.join(&name)).unwrap();
        let mut calls = File::options().create(true).append(true).open(self.0.join(".calls")).unwrap();
        writeln!(calls, "{name}").unwrap();
        Answer::Stored
    }

    fn knows(&self, _: usize, _: &str, _: u64, _: SystemTime) -> bool {
        false
    }
}

#[test]
#[ignore = "the program that `a_killed_watcher_loses_nothing` kills"]
fn watches_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let folder = Folder {
        settle: Duration::from_millis(60),
        rescan: Duration::from_millis(200),
        ..Folder::new(directory.join("in"), Mode::Both)
    };
    let blobs = Blobs(directory.join("store"));
    let stop = AtomicBool::new(false);
    let ready = directory.join("ready");
    let mut on_event = |event: Event| {
        if matches!(event, Event::Rescanned { .. }) {
            fs::write(&ready, b"").unwrap();
        }
    };
    intake::watch(&[folder], &[directory.join("store")], &blobs, &stop, &mut on_event).unwrap();
}

/// Drops files in three ways until told to stop; how many.
fn drop_files(folder: &Path, stop: &AtomicBool, dropped: &AtomicUsize) {
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let bytes = jpeg(number, 2000);
        let path = folder.join(format!("day {}", number % 3)).join(format!("scan_{number:06}.jpg"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match number % 4 {
            0 => {
                let part = path.with_extension("part");
                fs::write(&part, bytes).unwrap();
                fs::rename(part, path).unwrap();
            }
            1 => {
                let mut file = File::create(path).unwrap();
                file.write_all(&bytes[..700]).unwrap();
                sleep(Duration::from_millis(90));
                file.write_all(&bytes[700..]).unwrap();
            }
            _ => fs::write(path, bytes).unwrap(),
        }
        dropped.store(number + 1, Ordering::SeqCst);
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_watcher_loses_nothing() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (folder, store) = (directory.path().join("in"), directory.path().join("store"));
    fs::create_dir(&folder).unwrap();
    fs::create_dir(&store).unwrap();
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["watches_until_it_is_killed", "--ignored"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test program starts")
    };
    let (stop, dropped) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut stages = BTreeMap::<&str, usize>::new();
    thread::scope(|scope| {
        scope.spawn(|| drop_files(&folder, &stop, &dropped));
        for _ in 0..KILLS {
            let ready = directory.path().join("ready");
            if ready.exists() {
                fs::remove_file(&ready).unwrap();
            }
            let mut watcher = child();
            wait_for(|| ready.exists(), || "the watcher starts".into());
            let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos() % 250;
            sleep(Duration::from_millis(moment.into()));
            watcher.kill().unwrap();
            watcher.wait().unwrap();
            let claimed = below(&folder.join(".sohoa/claimed")).len();
            *stages.entry(if claimed > 0 { "with claimed files" } else { "between files" }).or_default() += 1;
        }
        stop.store(true, Ordering::SeqCst);
    });
    let dropped = dropped.load(Ordering::SeqCst);
    let mut watcher = child();
    let stored = || below(&store).into_iter().filter(|name| !name.starts_with('.')).count();
    wait_for(
        || stored() >= dropped && below(&folder.join(".sohoa/claimed")).is_empty(),
        || format!("{} of {dropped} stored; left: {:?}", stored(), below(&folder)),
    );
    watcher.kill().unwrap();
    watcher.wait().unwrap();

    let mut expected: Vec<String> = (0..dropped)
        .map(|number| Sha256::digest(jpeg(number, 2000)).iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    expected.sort();
    let found: Vec<String> = below(&store).into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(found, expected, "exactly what was dropped, whole");
    let left = below(&folder);
    assert!(left == [".sohoa/lock"], "{left:?}");
    let calls = fs::read_to_string(store.join(".calls")).unwrap().lines().count();
    println!("{KILLS} kills {stages:?}: {dropped} files dropped, 0 lost, 0 half; handed on {calls} times");
}
