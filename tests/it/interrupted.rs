//! The program is killed at many moments: nothing half-written shows, what was finished stays, and the next run does
//! the rest and no more. One program writes a directory at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::program::{Run, files_below, fresh, root, run, sohoa};

/// Kills after shares of a whole run's time, without and with OCR.
const KILLS: u32 = 24;
const KILLS_WITH_OCR: u32 = 4;
/// Kills as soon as a result appears, to meet the moments between a PDF and its manifest.
const KILLS_AT_RESULT: u32 = 8;
/// The components of the input.
const COMPONENTS: [(&str, &[&str]); 4] = [
    ("bia", &["bia-ho-so.jpg"]),
    ("can-cuoc", &["can-cuoc/anh-quet.jpg"]),
    ("quyet-dinh", &["quyet-dinh/1-mat-truoc.jpg", "quyet-dinh/2-mat-sau-de-trong.jpg"]),
    ("to-khai", &["to-khai/trang-1.jpg"]),
];

#[test]
fn a_killed_run_leaves_whole_files_and_the_next_does_the_rest() {
    let folder = fresh("killed");
    let sources = sources(&folder);
    for (ocr, kills) in [("off", KILLS), ("on", KILLS_WITH_OCR)] {
        let digitize = |out: &Path| digitize(&sources, out, ocr);
        let started = Instant::now();
        assert_finished(&run(&mut digitize(&folder.join(format!("whole-{ocr}")))));
        let whole = started.elapsed();
        let mut finished = Vec::new();
        for kill in 0..kills {
            let out = folder.join(format!("{ocr}-{kill}"));
            // A little past the end as well, as no two runs take the same time.
            let after = whole.mul_f64(f64::from(kill + 1) / f64::from(kills) * 1.05);
            kill_when(&mut digitize(&out), |started| started.elapsed() >= after);
            finished.push(check_and_finish(&mut digitize(&out), &out));
        }
        println!("OCR {ocr}: components finished when killed: {finished:?}");
        // Else the moments were all too early or too late, and nothing was shown.
        assert!(finished.iter().any(|&count| (1..COMPONENTS.len()).contains(&count)), "{finished:?}");
    }
    for kill in 0..KILLS_AT_RESULT {
        let out = folder.join(format!("at-result-{kill}"));
        let sign = if kill % 2 == 0 { ".sohoa-" } else { ".pdf" };
        let shows = || names(&out).iter().any(|name| name.starts_with(sign) || name.ends_with(sign));
        kill_when(&mut digitize(&sources, &out, "off"), |started| {
            shows() || started.elapsed() > Duration::from_secs(60)
        });
        check_and_finish(&mut digitize(&sources, &out, "off"), &out);
    }
}

#[test]
fn a_run_killed_between_a_file_and_its_manifest_is_completed() {
    let folder = fresh("killed-between");
    let (sources, out) = (sources(&folder), folder.join("out"));
    assert_finished(&run(&mut digitize(&sources.join("bia"), &out, "off")));
    let first = fs::read(out.join("manifest.json")).expect("a manifest");
    let first_log = fs::read(out.join("log.jsonl")).expect("a log");
    assert_finished(&run(&mut digitize(&sources, &out, "off")));
    let (whole, times) = (contents(&out), times(&out));

    // The moment after the last rename of a PDF: the old manifest, and the new one beside.
    let lines = whole["log.jsonl"].strip_prefix(&first_log[..]).expect("the log got longer");
    fs::write(out.join(".sohoa-log.jsonl.tmp"), lines).expect("our own folder");
    fs::rename(out.join("manifest.json"), out.join(".sohoa-manifest.json.tmp")).expect("our own folder");
    fs::write(out.join("manifest.json"), &first).expect("our own folder");
    let next = run(&mut digitize(&sources, &out, "off"));
    assert_finished(&next);
    assert_eq!(unchanged(&next), COMPONENTS.len(), "{next:?}");
    assert!(contents(&out) == whole && self::times(&out) == times, "something was made again");

    // The moment before: the new manifest is of no use without its PDF.
    fs::write(out.join(".sohoa-log.jsonl.tmp"), lines).expect("our own folder");
    fs::write(out.join("log.jsonl"), &first_log).expect("our own folder");
    let manifest: Value = serde_json::from_slice(&whole["manifest.json"]).expect("JSON");
    let last = manifest["components"].as_array().and_then(|all| all.last()).expect("components");
    fs::rename(out.join("manifest.json"), out.join(".sohoa-manifest.json.tmp")).expect("our own folder");
    fs::remove_file(out.join(last["file"]["path"].as_str().expect("a name"))).expect("our own folder");
    for component in manifest["components"].as_array().expect("components") {
        if component["name"] != "bia" && component["name"] != last["name"] {
            fs::remove_file(out.join(component["file"]["path"].as_str().expect("a name"))).expect("our own folder");
        }
    }
    fs::write(out.join("manifest.json"), &first).expect("our own folder");
    let next = run(&mut digitize(&sources, &out, "off"));
    assert_finished(&next);
    assert_eq!(unchanged(&next), 1, "{next:?}");
    assert_eq!(verify(&out).code, Some(0));
}

#[test]
fn a_run_killed_among_the_files_of_a_component_is_completed() {
    let folder = fresh("killed-among");
    let (sources, out) = (sources(&folder), folder.join("out"));
    let digitize = || {
        let mut command = digitize(&sources.join("bia"), &out, "on");
        command.args(["--transcripts", "txt,hocr,alto,tsv"]);
        command
    };
    assert_finished(&run(&mut digitize()));
    let whole = contents(&out);
    let order = ["bia.txt", "bia.hocr", "bia.alto.xml", "bia.tsv", "bia.pdf", "manifest.json"];
    let mut all = [&order[..], &["log.jsonl"]].concat();
    all.sort_unstable();
    assert_eq!(names(&out), all);

    // All were written; the first few are in place.
    for placed in 0..order.len() {
        fs::write(out.join(".sohoa-log.jsonl.tmp"), &whole["log.jsonl"]).expect("our own folder");
        for name in &order[placed..] {
            fs::rename(out.join(name), out.join(format!(".sohoa-{name}.tmp"))).expect("our own folder");
        }
        let next = run(&mut digitize());
        assert_finished(&next);
        assert_eq!(unchanged(&next), 1, "{placed} in place: {next:?}");
        assert!(contents(&out) == whole, "{placed} in place");
    }
    // One was not written whole: nothing of the version is taken over, and it is made again.
    fs::remove_file(out.join("log.jsonl")).expect("our own folder");
    fs::rename(out.join("manifest.json"), out.join(".sohoa-manifest.json.tmp")).expect("our own folder");
    fs::remove_file(out.join("bia.pdf")).expect("our own folder");
    fs::write(out.join(".sohoa-bia.pdf.tmp"), "%PDF-1.7").expect("our own folder");
    for name in &order[..4] {
        fs::rename(out.join(name), out.join(format!(".sohoa-{name}.tmp"))).expect("our own folder");
    }
    let next = run(&mut digitize());
    assert_finished(&next);
    assert_eq!(unchanged(&next), 0, "{next:?}");
    assert_eq!(verify(&out).code, Some(0));
    // A transcript that was changed is told.
    fs::write(out.join("bia.txt"), "khác").expect("our own folder");
    assert_eq!(verify(&out).code, Some(6));
}

#[test]
fn a_rescan_keeps_the_first_version_and_verifies() {
    let folder = fresh("rescan-verified");
    let (source, out) = (folder.join("to-khai.jpg"), folder.join("out"));
    let scan = |sample: &str| {
        fs::copy(root().join("samples").join(sample), &source).expect("the sample exists");
        assert_finished(&run(&mut digitize(&source, &out, "off")));
    };
    scan("to-khai/trang-1.jpg");
    let first = fs::read(out.join("to-khai.pdf")).expect("the first version");
    scan("to-khai/trang-2.jpg");
    assert!(fs::read(out.join("to-khai.pdf")).expect("the first version") == first);
    assert_eq!(names(&out), ["log.jsonl", "manifest.json", "to-khai.pdf", "to-khai.v2.pdf"]);
    let good = verify(&out);
    assert_eq!(good.code, Some(0), "{good:?}");
    // Only what a later version was made of may stand there.
    fs::copy(root().join("samples/bia-ho-so.jpg"), &source).expect("the sample exists");
    assert_eq!(verify(&out).code, Some(6));
}

#[test]
fn files_that_the_manifest_does_not_know_are_never_overwritten() {
    let folder = fresh("in-the-way");
    let picture = fs::read(root().join("samples/bia-ho-so.jpg")).expect("the sample exists");
    // The results' directory is the captures': `bia.pdf` is what `bia.jpg` would become.
    let (source, other) = (folder.join("bia.jpg"), folder.join("bia.pdf"));
    fs::write(&source, &picture).expect("our own folder");
    fs::write(&other, b"mine").expect("our own folder");
    for (lang, word) in [("vi", "ghi đè"), ("en", "overwritten")] {
        let refused = run(digitize(&source, &folder, "off").args(["--lang", lang]));
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("bia.pdf") && refused.stderr.contains(word), "{refused:?}");
    }
    assert_eq!(fs::read(&other).expect("still there"), b"mine");
    assert_eq!(names(&folder), ["bia.jpg", "bia.pdf"]);

    // Without its manifest a component is such a file, too.
    let out = folder.join("out");
    assert_finished(&run(&mut digitize(&source, &out, "off")));
    let made = fs::read(out.join("bia.pdf")).expect("a component");
    fs::remove_file(out.join("manifest.json")).expect("our own folder");
    assert_eq!(
        run(&mut digitize(&source, &out, "off")).code,
        Some(6),
        "a log without its manifest is none to go on from"
    );
    fs::remove_file(out.join("log.jsonl")).expect("our own folder");
    assert_eq!(run(&mut digitize(&source, &out, "off")).code, Some(7));
    assert!(fs::read(out.join("bia.pdf")).expect("still there") == made);
}

#[test]
fn a_directory_holds_one_dossier() {
    let folder = fresh("one-dossier");
    let (source, out) = (root().join("samples/bia-ho-so.jpg"), folder.join("out"));
    let (code, other) = ("H21.15.25-250701-0012", "H21.15.25-250701-0013");
    assert_finished(&run(digitize(&source, &out, "off").args(["--dossier", code])));
    let before = contents(&out);
    // Left out, the code is that of the directory.
    let again = run(&mut digitize(&source, &out, "off"));
    assert_eq!((again.code, unchanged(&again)), (Some(0), 1), "{again:?}");
    let refused = run(digitize(&source, &out, "off").args(["--dossier", other]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(code), "{refused:?}");
    assert!(contents(&out) == before);
}

#[test]
fn a_second_program_on_the_same_output_is_refused() {
    let folder = fresh("two-programs");
    let (sources, out) = (sources(&folder), folder.join("out"));
    let mut first = digitize(&sources, &out, "on").stdout(Stdio::null()).spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut second = None;
    while second.is_none() && Instant::now() < deadline && first.try_wait().expect("our child").is_none() {
        if out.exists() {
            second = Some(run(&mut digitize(&sources, &out, "off"))).filter(|run| run.code == Some(7));
        }
    }
    let status = first.wait().expect("our child");
    let second = second.expect("the second was refused while the first ran");
    assert!(second.stderr.contains("chương trình sohoa khác"), "{second:?}");
    assert!(matches!(status.code(), Some(0 | 4)), "{status:?}");
    assert_eq!(verify(&out).code, Some(0));
}

/// Starts a program and ends it by SIGKILL at a moment, if it is not done before.
fn kill_when(command: &mut Command, mut moment: impl FnMut(Instant) -> bool) {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    while child.try_wait().expect("our child").is_none() && !moment(started) {
        sleep(Duration::from_micros(200));
    }
    child.kill().expect("our child");
    child.wait().expect("our child");
}

/// Looks at what a killed run left, lets the next run finish, and looks again. How many components were finished.
fn check_and_finish(next: &mut Command, out: &Path) -> usize {
    let finished = finished_files(out);
    if out.join("manifest.json").exists() {
        let found = run(sohoa().args(["verify", "--json"]).arg(out));
        let faults: Vec<Value> = found
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON lines"))
            .filter(|line: &Value| line["fault"] == true)
            .collect();
        // A whole PDF that the manifest was about to name may be there, and its line in the log, and nothing else.
        for fault in &faults {
            let message = fault["message_en"].as_str().expect("a message");
            let is_ahead = message.starts_with("the log goes on after line");
            assert!(is_ahead || message == "is not in the manifest; move it away", "{found:?}");
            assert!(!finished.contains_key(fault["file"].as_str().expect("a path")), "{found:?}");
        }
        assert_eq!(found.code, Some(if faults.is_empty() { 0 } else { 6 }), "{found:?}");
    }
    for pdf in names(out).iter().filter(|name| name.ends_with(".pdf") && !name.starts_with('.')) {
        let alone = verify(&out.join(pdf));
        assert_eq!(alone.code, Some(0), "half a file is visible: {alone:?}");
    }
    let next = run(next);
    assert_finished(&next);
    assert!(unchanged(&next) >= finished.len(), "something was done again: {next:?}");
    for (path, (bytes, time)) in &finished {
        assert!(
            fs::read(path).expect("it stays") == *bytes && modified(Path::new(path)) == *time,
            "{path} was touched"
        );
    }
    let mut expected: Vec<String> = COMPONENTS.iter().map(|(name, _)| format!("{name}.pdf")).collect();
    expected.extend(["log.jsonl", "manifest.json"].map(str::to_owned));
    expected.sort();
    assert_eq!(names(out), expected, "nothing else may be there, hidden or not");
    let good = verify(out);
    assert_eq!(good.code, Some(0), "{good:?}");
    finished.len()
}

/// The files that the manifest names, with their bytes and times.
fn finished_files(out: &Path) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let Ok(bytes) = fs::read(out.join("manifest.json")) else { return BTreeMap::new() };
    let manifest: Value = serde_json::from_slice(&bytes).expect("the manifest is whole");
    let components = manifest["components"].as_array().expect("components").iter();
    components
        .map(|component| {
            let path = out.join(component["file"]["path"].as_str().expect("a name"));
            let state = (fs::read(&path).expect("what is named is there"), modified(&path));
            (path.to_string_lossy().into_owned(), state)
        })
        .collect()
}

fn sources(folder: &Path) -> PathBuf {
    let sources = folder.join("in");
    for (name, files) in COMPONENTS {
        fs::create_dir_all(sources.join(name)).expect("our own folder");
        for file in files {
            let name = sources.join(name).join(file.rsplit('/').next().expect("a file name"));
            fs::copy(root().join("samples").join(file), name).expect("the sample exists");
        }
    }
    sources
}

fn digitize(input: &Path, out: &Path, ocr: &str) -> Command {
    let mut command = sohoa();
    command.args(["digitize", "--json", "--ocr", ocr]).arg(input).arg("--out").arg(out);
    command
}

fn verify(path: &Path) -> Run {
    run(sohoa().arg("verify").arg(path))
}

fn assert_finished(run: &Run) {
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
}

/// Components that a run found finished.
fn unchanged(run: &Run) -> usize {
    run.stdout.lines().filter(|line| line.contains("\"unchanged\":true")).count()
}

/// Names in a directory, hidden ones too, sorted; none when there is no directory.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).expect("our own file"))).collect()
}

/// When each PDF was written.
fn times(folder: &Path) -> Vec<SystemTime> {
    files_below(folder, "pdf").iter().map(|path| modified(path)).collect()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).expect("our own file")
}
