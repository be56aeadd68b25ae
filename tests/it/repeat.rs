//! The same captures, settings and time give the same files, whatever the threads; a second run has nothing to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::program::{files_below, fresh, root, run, sohoa};

/// Some of the samples as components, enough that pages of several are in work at once.
const INPUTS: [&str; 4] = ["to-khai", "can-cuoc", "quyet-dinh", "danh-sach"];
/// 21 November 2026, for files that carry the time at which they were made.
const TIME: &str = "1795219200";

#[test]
fn the_number_of_jobs_changes_no_byte() {
    let made = ["1", "2", "3"].map(|jobs| {
        let out = fresh(&format!("jobs-{jobs}")).join("out");
        let mut command = sohoa();
        command.env("SOURCE_DATE_EPOCH", TIME).args(["digitize", "--no-sign", "--jobs", jobs, "--out"]).arg(&out);
        let run = run(command.args(INPUTS.map(|input| root().join("samples").join(input))));
        assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
        contents(&out)
    });
    assert!(made[0].keys().filter(|name| name.ends_with(".pdf")).count() >= INPUTS.len());
    for other in &made[1..] {
        assert_eq!(made[0].keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, bytes) in made[0].iter().filter(|(name, _)| name.ends_with(".pdf")) {
            assert!(bytes == &other[name], "{name} differs");
        }
    }
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let out = fresh("second-run").join("out");
    let digitize = || {
        let run = run(sohoa()
            .args(["digitize", "samples/bia-ho-so.jpg", "samples/can-cuoc", "--ocr", "off", "--out"])
            .arg(&out));
        assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
        run
    };
    digitize();
    let before = (contents(&out), times(&out));
    let second = digitize();
    assert!(before == (contents(&out), times(&out)), "a file was written again");
    let said = second.stdout + &second.stderr;
    assert!(said.contains("không đổi") || said.contains("không thay đổi"), "{said}");
}

#[test]
fn a_rescan_makes_a_second_version_and_keeps_the_first() {
    let folder = fresh("rescan");
    let (source, out) = (folder.join("to-khai.jpg"), folder.join("out"));
    let digitize = |sample: &str| {
        fs::copy(root().join("samples").join(sample), &source).expect("the sample exists");
        let run = run(sohoa().args(["digitize", "--ocr", "off"]).arg(&source).arg("--out").arg(&out));
        assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
    };
    digitize("to-khai/trang-1.jpg");
    let first = fs::read(out.join("to-khai.pdf")).expect("the first version");
    digitize("to-khai/trang-2.jpg");
    assert!(fs::read(out.join("to-khai.pdf")).expect("still there") == first, "the first version was overwritten");
    assert!(files_below(&out, "pdf").len() == 2, "{:?}", files_below(&out, "pdf"));
}

#[test]
fn first_runs_at_the_same_time_share_one_identity() {
    let folder = fresh("first-runs");
    let home = folder.join("home");
    let command = |arguments: &[&str], out: &Path| {
        let mut command = sohoa();
        command.env("SOHOA_HOME", &home).args(arguments).arg(out);
        command
    };
    let outs: Vec<PathBuf> = (0..4).map(|number| folder.join(format!("out-{number}"))).collect();
    let arguments = ["digitize", "samples/bia-ho-so.jpg", "--ocr", "off", "--quiet", "--out"];
    let running: Vec<_> =
        outs.iter().map(|out| command(&arguments, out).spawn().expect("the program starts")).collect();
    for mut child in running {
        assert_eq!(child.wait().expect("it was started").code(), Some(0));
    }
    let authority = home.join("development-ca.pem");
    for out in &outs {
        let trust = ["verify", "--trust", authority.to_str().expect("our names are ASCII")];
        let verified = run(&mut command(&trust, out));
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
    files_below(folder, "").iter().map(|path| (name(path), fs::read(path).expect("our own file"))).collect()
}

fn times(folder: &Path) -> Vec<SystemTime> {
    let modified = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified());
    files_below(folder, "").iter().map(|path| modified(path).expect("our own file")).collect()
}
