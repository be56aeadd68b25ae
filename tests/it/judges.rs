//! Other people's programs judge our files: veraPDF the PDF/A, qpdf the syntax, pyHanko the signature, poppler the text. Our
//! pages have a judge of their own ([`crate::browser`]).
//!
//! `scripts/setup --tests` installs them. Without them these tests say so and pass, unless `SOHOA_JUDGES=required`, as
//! `scripts/test` sets it. Each judge is also shown to be able to fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{digitized_samples, files_below, fresh, home, root, run, sohoa};
use crate::samples::character_error_rate;

#[test]
fn every_component_passes_verapdf_qpdf_and_pyhanko() {
    if !judges_are_there() {
        return;
    }
    let complete: Vec<PathBuf> = files_below(digitized_samples(), "pdf")
        .into_iter()
        .filter(|path| !path.to_string_lossy().ends_with(".incomplete.pdf"))
        .collect();
    assert!(complete.len() >= 8, "{complete:?}");
    for (file, verdict) in judge(&complete, "2u", "verapdf,qpdf,pyhanko") {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
        let signature = &verdict["pyhanko"]["signatures"][0];
        assert_eq!(signature["subfilter"], "/ETSI.CAdES.detached");
        assert_eq!(signature["coverage"], "ENTIRE_FILE");
    }
}

#[test]
fn each_pdfa_level_passes_as_what_it_claims() {
    if !judges_are_there() {
        return;
    }
    for level in ["1b", "2b", "2u"] {
        let out = fresh(&format!("level-{level}")).join("out");
        let run = run(sohoa().args(["digitize", "samples/bia-ho-so.jpg", "--pdfa", level, "--out"]).arg(&out));
        assert_eq!(run.code, Some(0), "{run:?}");
        let files = files_below(&out, "pdf");
        for (file, verdict) in judge(&files, level, "verapdf,qpdf,pyhanko") {
            assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
        }
    }
}

#[test]
fn transcripts_pass_their_judges() {
    if !judges_are_there() {
        return;
    }
    let out = fresh("transcripts").join("out");
    let inputs =
        ["digitize", "samples/bia-ho-so.jpg", "samples/to-khai", "--transcripts", "txt,hocr,alto,tsv", "--out"];
    let done = run(sohoa().args(inputs).arg(&out));
    assert_eq!(done.code, Some(0), "{done:?}");
    for component in ["bia-ho-so", "to-khai"] {
        let read = |extension: &str| fs::read_to_string(out.join(format!("{component}.{extension}"))).expect("written");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let plain = words(&read("txt"));
        assert!(plain.len() > 40, "{plain:?}");

        let hocr = out.join(format!("{component}.hocr"));
        let verdict = run(Command::new(judge_program("hocr-spec")).arg(&hocr));
        assert!(verdict.code == Some(0) && !verdict.stdout.contains("WARN"), "{verdict:?}");
        let broken = out.join("broken.hocr");
        fs::write(&broken, read("hocr").replacen("bbox 0 0 ", "bbox zero ", 1)).expect("our own folder");
        assert_ne!(run(Command::new(judge_program("hocr-spec")).arg(&broken)).code, Some(0), "the judge can fail");

        let alto = out.join(format!("{component}.alto.xml"));
        let text = run(Command::new(judge_program("alto-tools")).arg("-t").arg(&alto));
        assert_eq!(words(&text.stdout), plain, "{text:?}");

        let tsv = read("tsv");
        let column = |row: &str| row.split('\t').nth(11).map(str::to_owned).filter(|text| !text.is_empty());
        assert_eq!(tsv.lines().skip(1).filter_map(column).collect::<Vec<_>>(), plain);
    }
}

#[test]
fn verapdf_can_fail() {
    if !judges_are_there() {
        return;
    }
    let good = a_component();
    let folder = fresh("broken-pdfa");
    // Each change keeps the length, so that the file stays whole and only this rule is broken.
    let broken: Vec<PathBuf> = [
        ("no-file-identifier.pdf", "/ID", "/IX"),
        ("no-output-intent.pdf", "/OutputIntents", "/OutputIntentz"),
        ("no-pdfa-in-xmp.pdf", "<pdfaid:part>2</", "<pdfaid:part>9</"),
        ("no-unicode-map.pdf", "/ToUnicode", "/ToUnicodX"),
    ]
    .iter()
    .map(|(name, from, to)| {
        let changed = replaced(&good, from.as_bytes(), to.as_bytes());
        let changed = changed.unwrap_or_else(|| panic!("our PDF has {from}"));
        let path = folder.join(name);
        fs::write(&path, changed).expect("our own folder");
        path
    })
    .collect();
    let verdicts = judge(&broken, "2u", "verapdf");
    for (file, verdict) in verdicts {
        assert_eq!(verdict["verapdf"]["compliant"], false, "{file}: {verdict:#}");
    }
}

#[test]
fn qpdf_can_fail() {
    if !judges_are_there() {
        return;
    }
    let good = a_component();
    let folder = fresh("broken-syntax");
    let cut = folder.join("cut.pdf");
    fs::write(&cut, &good[..good.len() / 2]).expect("our own folder");
    let shifted = folder.join("shifted.pdf");
    fs::write(&shifted, [b"%PDF-1.7\n%shifted\n", &good[..]].concat()).expect("our own folder");
    for (file, verdict) in judge(&[cut, shifted], "2u", "qpdf") {
        assert_eq!(verdict["qpdf"]["ok"], false, "{file}: {verdict:#}");
    }
}

#[test]
fn pyhanko_can_fail() {
    if !judges_are_there() {
        return;
    }
    let good = a_component();
    let folder = fresh("broken-signature");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).expect("our own folder");
        path
    };
    let mut flipped = good.clone();
    flipped[good.len() / 3] ^= 1;
    let flipped = write("flipped.pdf", &flipped);
    let appended = write("appended.pdf", &[&good[..], b"\n% one more line\n"].concat());
    let whole = write("whole.pdf", &good);
    let verdicts = judge(&[flipped.clone(), appended.clone(), whole.clone()], "2u", "pyhanko");
    let signature = |path: &Path| &verdicts[path.to_str().expect("ASCII")]["pyhanko"]["signatures"][0];
    assert_eq!(signature(&whole)["bottom_line"], true);
    assert_eq!(signature(&flipped)["bottom_line"], false);
    assert_eq!(signature(&flipped)["intact"], false);
    assert_eq!(verdicts[appended.to_str().expect("ASCII")]["verdict"], false);

    // A certificate of somebody else vouches for nothing.
    let strange = folder.join("strange-ca.pem");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Somebody else", "-days", "30"])
        .args(["-keyout", "/dev/null", "-out"])
        .arg(&strange)
        .output();
    assert!(made.expect("openssl is a judge's tool").status.success());
    let verdicts = judge_against(&[whole], "2u", "pyhanko", &strange);
    let verdict = verdicts.values().next().expect("one file, one verdict");
    assert_eq!(verdict["pyhanko"]["signatures"][0]["intact"], true);
    assert_eq!(verdict["pyhanko"]["signatures"][0]["trusted"], false);
}

#[test]
fn poppler_reads_the_words_in_reading_order() {
    if !judges_are_there() {
        return;
    }
    for (pdf, page, expected, limit) in [
        ("bia-ho-so", "1", "bia-ho-so", 0.05),
        ("quyet-dinh", "1", "quyet-dinh/1-mat-truoc", 0.05),
        ("giay-khai-sinh", "1", "giay-khai-sinh/ban-chinh", 0.05),
    ] {
        // The loose picture of samples/ is a component named after the folder.
        let pdf = if pdf == "bia-ho-so" { "samples" } else { pdf };
        let path = digitized_samples().join(format!("{pdf}.pdf"));
        let output = Command::new("pdftotext").args(["-raw", "-f", page, "-l", page]).arg(&path).arg("-").output();
        let output = output.expect("pdftotext is a judge's tool");
        assert!(output.status.success(), "{}", path.display());
        let text = String::from_utf8(output.stdout).expect("pdftotext prints UTF-8");
        // It reads the box of the signature, too.
        let (text, _) = text.split_once("Người sao chụp").expect("the page is signed");
        let truth = fs::read(root().join(format!("tests/samples/{expected}.expected.json"))).expect("it is there");
        let truth: Value = serde_json::from_slice(&truth).expect("the expectation is JSON");
        let lines = truth["text"].as_array().expect("lines of text").iter();
        let truth = lines.map(|line| line.as_str().expect("a line is text")).collect::<Vec<_>>().join("\n");
        let rate = character_error_rate(text, &truth);
        println!("{expected}: CER of pdftotext {rate:.4}");
        assert!(rate <= limit, "{expected}: CER {rate}\n{text}");
    }
}

#[test]
fn the_manifest_follows_its_schema() {
    if !judges_are_there() {
        return;
    }
    let manifest = digitized_samples().join("manifest.json");
    let (code, said) = against_schema(MANIFEST, &manifest);
    assert_eq!(code, Some(0), "{said}");

    let wrong = fresh("wrong-manifest").join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("it is there").replacen("\"sha256\": \"", "\"sha256\": \"g", 1);
    fs::write(&wrong, text).expect("our own folder");
    assert_eq!(against_schema(MANIFEST, &wrong).0, Some(1), "the schema must refuse a wrong hash");
}

/// The schema of manifests, and that of the data of papers.
pub(crate) const MANIFEST: &str = "docs/manifest.schema.json";
pub(crate) const DATA: &str = "docs/data.schema.json";

/// What a schema says of a file: 0 or 1, and its complaints.
pub(crate) fn against_schema(schema: &str, file: &Path) -> (Option<i32>, String) {
    let program = "import json, sys, jsonschema\n\
         schema, file = (json.load(open(name, encoding='utf-8')) for name in sys.argv[1:])\n\
         kind = jsonschema.validators.validator_for(schema)\n\
         kind.check_schema(schema)\n\
         errors = list(kind(schema, format_checker=kind.FORMAT_CHECKER).iter_errors(file))\n\
         print(*(f'{error.json_path}: {error.message}' for error in errors), sep='\\n')\n\
         sys.exit(bool(errors))";
    let schema = root().join(schema);
    let output = python().args(["-c", program]).arg(schema).arg(file).output().expect("the judges are there");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A complete signed component of the samples.
fn a_component() -> Vec<u8> {
    fs::read(digitized_samples().join("quyet-dinh.pdf")).expect("the sample is a component")
}

/// The bytes with every `from` made `to`, of the same length; `None` without any.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    let mut found = false;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            changed[at..at + to.len()].copy_from_slice(to);
            found = true;
        }
    }
    found.then_some(changed)
}

pub(crate) fn python() -> Command {
    Command::new(root().join("target/judges/bin/python"))
}

/// Whether the judges can be asked.
///
/// # Panics
/// When they are required and missing.
pub(crate) fn judges_are_there() -> bool {
    may_be_asked(root().join("target/judges/classes/VeraPdf.class").exists())
}

/// Whether a judge that is there or not can be asked; says so where it cannot.
///
/// # Panics
/// When judges are required and it is missing.
pub(crate) fn may_be_asked(there: bool) -> bool {
    let required = std::env::var("SOHOA_JUDGES").is_ok_and(|value| value == "required");
    assert!(there || !required, "the judges are missing: scripts/setup --tests installs them");
    if !there {
        eprintln!("skipped: scripts/setup --tests installs the judges");
    }
    there
}

/// A program of the judges' environment.
pub(crate) fn judge_program(name: &str) -> PathBuf {
    root().join("target/judges/bin").join(name)
}

/// Path of each file to what the judges say of it, with the development certificate as the only trusted one.
pub(crate) fn judge(files: &[PathBuf], flavour: &str, only: &str) -> BTreeMap<String, Value> {
    digitized_samples();
    judge_against(files, flavour, only, &home().join("development-ca.pem"))
}

pub(crate) fn judge_against(files: &[PathBuf], flavour: &str, only: &str, ca: &Path) -> BTreeMap<String, Value> {
    assert!(!files.is_empty());
    let mut command = python();
    command.arg(root().join("tests/judges/judge.py")).args(["--flavour", flavour, "--only", only, "--ca"]);
    let output = command.arg(ca).args(files).output().expect("the judges are there");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<Value> = serde_json::from_slice(&output.stdout).expect("judge.py prints JSON");
    verdicts.into_iter().map(|verdict| (verdict["file"].as_str().expect("a path").to_owned(), verdict)).collect()
}
