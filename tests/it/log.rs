//! The log: everything done is entered once, whatever is done to it is found, and a run killed between any two of its
//! steps is completed without a break in the chain.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sohoa::manifest::{self, sha256_hex};

use crate::program::{Run, fresh, root, run, sohoa};
use crate::signing::PASSWORD;

/// 21 November 2026, for bytes that depend on nothing else.
const TIME: &str = "1795219200";
/// What stands in the first line for the hash of the line before it.
const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn everything_done_is_entered_once_and_names_nobody() {
    let folder = fresh("log-events");
    let (source, out) = (folder.join("to-khai.jpg"), folder.join("out"));
    fs::copy(root().join("samples/to-khai/trang-1.jpg"), &source).expect("the sample exists");
    let hash = |name: &str| sha256_hex(&fs::read(out.join(name)).expect("a file"));
    finished(&digitize(&[&source], &out, &["--ocr", "on", "--transcripts", "txt"]));
    let unsigned = hash("to-khai.pdf");
    finished(&sign("p256", &out, "clerk"));
    let signed = hash("to-khai.pdf");
    finished(&sign("p384", &out, "agency"));
    let countersigned = hash("to-khai.pdf");
    fs::copy(root().join("samples/to-khai/trang-2.jpg"), &source).expect("the sample exists");
    let kept = folder.join("kept.pdf");
    fs::copy(out.join("to-khai.pdf"), &kept).expect("our own folder");
    finished(&digitize(&[&source, &kept], &out, &[]));
    let (second, kept, text) = (hash("to-khai.v2.pdf"), hash("kept.pdf"), hash("to-khai.txt"));

    let log = fs::read_to_string(out.join("log.jsonl")).expect("a log");
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let field = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| ["event", "file", "before_sha256", "after_sha256"].map(|name| field(entry, name)))
        .collect();
    let expected = [
        ["transcript", "to-khai.txt", "-", &text],
        ["publish", "to-khai.pdf", "-", &unsigned],
        ["sign", "to-khai.pdf", &unsigned, &signed],
        ["countersign", "to-khai.pdf", &signed, &countersigned],
        ["keep", "kept.pdf", "-", &kept],
        ["replace", "to-khai.v2.pdf", &countersigned, &second],
    ];
    assert_eq!(told, expected);
    let mut previous = NO_LINE.to_owned();
    for (number, (line, entry)) in log.lines().zip(&entries).enumerate() {
        assert_eq!(entry["seq"], number + 1);
        assert_eq!(entry["previous_sha256"], previous.as_str());
        assert!(field(entry, "time").ends_with("+07:00") && field(entry, "program").starts_with("sohoa "), "{line}");
        assert_eq!(entry.get("certificate_sha256").is_some(), field(entry, "event").ends_with("sign"), "{line}");
        previous = sha256_hex(line.as_bytes());
    }
    let sealed: Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).expect("a manifest")).expect("JSON");
    assert_eq!(sealed["log"], serde_json::json!({"entries": entries.len(), "sha256": previous}));
    for component in sealed["components"].as_array().expect("components") {
        for signature in ["signature", "countersignature"] {
            if let Some(signer) = component[signature]["signer"].as_str() {
                assert!(!log.contains(signer), "{signer}");
            }
        }
    }

    // People and programs read the same, and a run without work adds nothing.
    let shown = run(sohoa().arg("log").arg(&out));
    assert_eq!((shown.code, shown.stdout.lines().count()), (Some(0), entries.len() + 1), "{shown:?}");
    assert!(shown.stdout.contains("cơ quan ký số") && shown.stdout.contains("Nhật ký ĐÚNG (6 dòng)"), "{shown:?}");
    let json = run(sohoa().args(["log", "--json"]).arg(&out));
    let lines: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[..entries.len()], entries[..]);
    assert_eq!(lines[entries.len()], serde_json::json!({"event": "checked", "good": true, "entries": entries.len()}));
    assert_eq!(verify(&out).code, Some(0));
    finished(&sign("p384", &out, "agency"));
    assert_eq!(fs::read_to_string(out.join("log.jsonl")).expect("a log"), log);
}

#[test]
fn whatever_is_done_to_the_log_is_found() {
    let folder = fresh("log-altered");
    let out = folder.join("out");
    let inputs = ["bia-ho-so.jpg", "to-khai/trang-1.jpg", "to-khai/trang-2.jpg"].map(sample);
    let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    finished(&digitize(&inputs, &out, &[]));
    let path = out.join("log.jsonl");
    let log = fs::read_to_string(&path).expect("a log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3);
    let of = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let changed = |line: usize| log.replace(lines[line], &lines[line].replace("publish", "replace"));
    let last: Value = serde_json::from_str(lines[2]).expect("JSON");
    let next = lines[2]
        .replace("\"seq\":3", "\"seq\":4")
        .replace(last["previous_sha256"].as_str().expect("a hash"), &sha256_hex(lines[2].as_bytes()));
    // The chain put right again after a change: only the manifest tells.
    let first = lines[0].replace("publish", "replace");
    let second = lines[1].replace(&sha256_hex(lines[0].as_bytes()), &sha256_hex(first.as_bytes()));
    let third = lines[2].replace(&sha256_hex(lines[1].as_bytes()), &sha256_hex(second.as_bytes()));
    let cases = [
        ("removed at the beginning", of(&lines[1..]), "line 1 does not follow"),
        ("removed in the middle", of(&[lines[0], lines[2]]), "line 2 does not follow"),
        ("changed at the beginning", changed(0), "line 2 does not follow"),
        ("changed at the end", changed(2), "last line 3 is not"),
        ("swapped", of(&[lines[1], lines[0], lines[2]]), "line 1 does not follow"),
        ("entered twice", of(&[lines[0], lines[0], lines[1], lines[2]]), "line 2 does not follow"),
        ("cut off after a line", of(&lines[..2]), "ends after 2 lines"),
        ("cut off in a line", log[..log.len() - 9].to_owned(), "ends after 2 lines"),
        ("emptied", String::new(), "ends after 0 lines"),
        ("appended, chained", format!("{log}{next}\n"), "goes on after line 3"),
        ("appended, anything", format!("{log}thêm\n"), "goes on after line 3"),
        ("the whole chain anew", of(&[&first, &second, &third]), "last line 3 is not"),
    ];
    let manifest = fs::read(out.join("manifest.json")).expect("a manifest");
    let refused = |case: &str, says: &str| {
        let digitized = digitize(&inputs[..1], &out, &["--lang", "en", "--pdfa", "2b"]);
        for (run, code) in
            [(verify_en(&out), 6), (run(sohoa().args(["log", "--lang", "en"]).arg(&out)), 6), (digitized, 6)]
        {
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(run.code == Some(code) && said.contains("log.jsonl") && said.contains(says), "{case}: {run:?}");
        }
        let vietnamese = verify(&out);
        assert!(vietnamese.stdout.contains("hãy lấy lại bản gốc"), "{case}: {vietnamese:?}");
        assert!(fs::read(out.join("manifest.json")).expect("a manifest") == manifest, "{case}: it went on");
    };
    for (case, altered, says) in cases {
        fs::write(&path, &altered).expect("our own folder");
        refused(case, says);
        assert_eq!(fs::read_to_string(&path).expect("the log"), altered, "{case}: the log was touched");
    }
    fs::remove_file(&path).expect("our own folder");
    refused("removed", "the log is missing");
    // Half a line at the end is found too, and is what a run may go on from.
    fs::write(&path, format!("{log}{{\"seq\":4,")).expect("our own folder");
    assert!(verify_en(&out).stdout.contains("goes on after line 3"));
    finished(&digitize(&inputs, &out, &[]));
    assert_eq!(fs::read_to_string(&path).expect("the log"), log);
    assert_eq!(verify(&out).code, Some(0));

    // Without a key the seal is a hash that anybody can make: the log still says what the file was.
    let mut other = manifest::open(&manifest).expect("a manifest").manifest;
    let file = other.components[0].file.as_mut().expect("a file");
    fs::write(out.join(&file.path), "%PDF-1.7 other").expect("our own folder");
    let says = format!("by the log {} is not", file.path);
    file.sha256 = sha256_hex(b"%PDF-1.7 other");
    let Ok(bytes) = manifest::seal(&other, |_| Ok::<_, Infallible>(None));
    fs::write(out.join("manifest.json"), bytes).expect("our own folder");
    let found = verify_en(&out);
    assert!(found.code == Some(6) && found.stdout.contains(&says), "{found:?}");
}

#[test]
fn a_folder_from_before_the_log_verifies_and_gets_one() {
    let folder = fresh("log-begins");
    let out = folder.join("out");
    finished(&digitize(&[&sample("bia-ho-so.jpg"), &sample("to-khai/trang-1.jpg")], &out, &[]));
    let mut old = manifest::open(&fs::read(out.join("manifest.json")).expect("a manifest")).expect("whole").manifest;
    old.log = None;
    let Ok(bytes) = manifest::seal(&old, |_| Ok::<_, Infallible>(None));
    fs::write(out.join("manifest.json"), &bytes).expect("our own folder");
    // A log of which the manifest knows nothing is a fault.
    let unknown = verify_en(&out);
    assert!(unknown.code == Some(6) && unknown.stdout.contains("knows of no log"), "{unknown:?}");
    fs::remove_file(out.join("log.jsonl")).expect("our own folder");
    let without = verify_en(&out);
    assert!(without.code == Some(0) && without.stdout.contains("there is no log yet"), "{without:?}");
    let shown = run(sohoa().arg("log").arg(&out));
    assert!(shown.code == Some(0) && shown.stdout.contains("Chưa có nhật ký"), "{shown:?}");

    finished(&sign("p256", &out, "clerk"));
    let log = fs::read_to_string(out.join("log.jsonl")).expect("a log");
    let entries: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<&str> = entries.iter().map(|entry| entry["event"].as_str().expect("an event")).collect();
    assert_eq!(events, ["begin", "found", "found", "sign", "sign"]);
    assert_eq!(entries[0]["after_sha256"], sha256_hex(&bytes));
    let good = verify_en(&out);
    assert!(good.code == Some(0) && !good.stdout.contains("no log"), "{good:?}");
}

#[test]
fn a_run_killed_between_any_two_steps_of_the_log_is_completed() {
    let folder = fresh("log-killed");
    let whole = folder.join("whole");
    let (first, second) = (sample("bia-ho-so.jpg"), sample("to-khai/trang-1.jpg"));
    finished(&digitize(&[&first], &whole, &[]));
    let before = contents(&whole);
    finished(&digitize(&[&first, &second], &whole, &[]));
    let after = contents(&whole);
    let lines = after["log.jsonl"].strip_prefix(before["log.jsonl"].as_slice()).expect("the log only gets longer");
    // What lies beside, in the order in which it is written, then how much of the lines is in the log, then what is renamed.
    let staged =
        [("trang-1.pdf", &after["trang-1.pdf"][..]), ("manifest.json", &after["manifest.json"]), ("log.jsonl", lines)];
    let mut states: Vec<BTreeMap<String, Vec<u8>>> = Vec::new();
    let mut state = before.clone();
    for (name, bytes) in staged {
        for length in [0, bytes.len() / 2, bytes.len()] {
            state.insert(format!(".sohoa-{name}.tmp"), bytes[..length].to_vec());
            states.push(state.clone());
        }
    }
    for length in [1, lines.len() / 2, lines.len() - 1, lines.len()] {
        state.insert("log.jsonl".to_owned(), [&before["log.jsonl"], &lines[..length]].concat());
        states.push(state.clone());
    }
    for (name, _) in &staged[..2] {
        let bytes = state.remove(&format!(".sohoa-{name}.tmp")).expect("it lies beside");
        state.insert((*name).to_owned(), bytes);
        states.push(state.clone());
    }
    // The beginning of a line that could not be taken back when the disk was full.
    let mut torn = before.clone();
    torn.insert("log.jsonl".to_owned(), [&before["log.jsonl"], &lines[..lines.len() / 2]].concat());
    states.push(torn);
    for (number, state) in states.iter().enumerate() {
        let out = folder.join(number.to_string());
        fs::create_dir(&out).expect("our own folder");
        for (name, bytes) in state {
            fs::write(out.join(name), bytes).expect("our own folder");
        }
        finished(&digitize(&[&first, &second], &out, &[]));
        let completed = contents(&out);
        assert_eq!(completed.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "state {number}");
        assert!(completed == after, "state {number}: other bytes");
    }
    assert_eq!(verify(&whole).code, Some(0));
}

fn sample(name: &str) -> PathBuf {
    root().join("samples").join(name)
}

/// Digitises without signing and, where nothing else is asked for, without reading.
fn digitize(inputs: &[&Path], out: &Path, arguments: &[&str]) -> Run {
    let mut command = sohoa();
    command.env("SOURCE_DATE_EPOCH", TIME).args(["digitize", "--no-sign"]).args(inputs).arg("--out").arg(out);
    if !arguments.contains(&"--ocr") {
        command.args(["--ocr", "off"]);
    }
    run(command.args(arguments))
}

fn sign(key: &str, out: &Path, role: &str) -> Run {
    let key = root().join(format!("tests/data/sign/{key}.p12"));
    let mut command = sohoa();
    command.env("SOHOA_KEY_PASSWORD", PASSWORD).args(["sign", "--role", role, "--key"]).arg(key);
    run(command.arg("--pending").arg(out))
}

fn verify(out: &Path) -> Run {
    run(sohoa().arg("verify").arg(out))
}

fn verify_en(out: &Path) -> Run {
    run(sohoa().args(["verify", "--lang", "en"]).arg(out))
}

fn finished(run: &Run) {
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("our own folder").map(|entry| entry.expect("our own folder"));
    let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries.map(|entry| (name(&entry), fs::read(entry.path()).expect("our own file"))).collect()
}
