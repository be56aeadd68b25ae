//! Timestamps, revocation data and long-term signatures: made with real services on loopback (`tests/judges/authority.py`,
//! which runs the openssl command line), judged by veraPDF, qpdf, poppler and pyHanko beside our own verdict.
//!
//! With `--nocapture` the tables of verdicts are printed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::judges::{judge_against, judges_are_there, python};
use crate::program::{Run, fresh, root, run, sohoa};
use crate::tamper::SplitMix64;
use crate::tokens::Token;

/// Key files of the authority's folder.
const SIGNERS: [&str; 2] = ["rsa", "ecdsa"];
/// The first signers of the positive matrix: two key files, and the first of them on a token.
const KEYS: [&str; 3] = ["rsa", "ecdsa", "token"];
const LEVELS: [&str; 4] = ["B-B", "B-T", "B-LT", "B-LTA"];
/// Password of the authority's key files.
const PASSWORD: &str = "mật khẩu";
/// Changed bytes tried in a file whose every byte is protected.
const FLIPS: usize = 500;
/// Changed bytes tried in stored evidence that no timestamp covers yet.
const FLIPS_IN_EVIDENCE: usize = 100;
/// … and in its last timestamp.
const FLIPS_IN_TIMESTAMP: usize = 200;
const SEED: u64 = 0x50_41_44_45_53;
/// 1 January 2029: the signers' certificates of the authority have expired, those of its timestamp service have not.
const LATER: (&str, &str) = ("1861920000", "2029-01-01T00:00:00Z");
/// 15 January 2026: when the certificate of the signer `expired` was valid.
const EARLIER: &str = "1768435200";

#[test]
fn every_signer_reaches_every_level_by_every_judge() {
    if !judges_are_there() {
        return;
    }
    let mut files: Vec<(String, &str, PathBuf)> = Vec::new();
    for key in KEYS {
        for (count, visible) in [(1, false), (1, true), (2, false), (2, true)] {
            let seen = if visible { "visible" } else { "invisible" };
            let name = format!("{key} {count} {seen}");
            let folder = fresh(&format!("pades-matrix-{key}-{count}-{seen}"));
            let basic = matrix_file(&folder, key, count, visible);
            for level in LEVELS {
                let file = folder.join(format!("{level}.pdf"));
                fs::copy(&basic, &file).expect("our own folder");
                if level != "B-B" {
                    let done = upgrade(&file, &level.to_lowercase(), "/tsa", None);
                    assert_eq!(done.code, Some(0), "{name}: {done:?}");
                }
                files.push((format!("{name} {level}"), level, file));
            }
        }
    }
    files.push(("rsa B-LTA renewed".to_owned(), "B-LTA", renewed()));
    let paths: Vec<PathBuf> = files.iter().map(|(.., path)| path.clone()).collect();
    let theirs = pyhanko(&paths, &authority().trust(), None);
    let ours = our_verdicts(&paths, &authority().trust(), None);
    let others = judge_against(&paths, "2u", "verapdf,qpdf", &authority().trust());
    println!("{:<26} {:>8} {:>5} {:>7} {:>14} {:>14}", "file", "veraPDF", "qpdf", "pdfsig", "pyHanko", "sohoa");
    for (name, level, path) in &files {
        let key = path.to_str().expect("ASCII");
        let (verapdf, qpdf) = (&others[key]["verapdf"]["compliant"], &others[key]["qpdf"]["ok"]);
        let (poppler, theirs, ours) = (pdfsig(path), &theirs[path], &ours[path]);
        println!("{name:<26} {verapdf:>8} {qpdf:>5} {poppler:>7} {:>14} {:>14}", theirs.shown(), ours.shown());
        assert_eq!((verapdf, qpdf, poppler), (&Value::Bool(true), &Value::Bool(true), true), "{name}: {others:#?}");
        for verdict in [theirs, ours] {
            assert!(verdict.accepted, "{name}: {verdict:?}");
            assert_eq!(verdict.level.as_deref(), Some(*level), "{name}: {verdict:?}");
        }
    }
}

#[test]
fn no_forgery_is_accepted_that_pyhanko_refuses() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("pades-forged");
    let trust = authority().trust();
    let mut cases: Vec<Case> = Vec::new();
    for (from, file) in [("B-T", signed("rsa", "B-T")), ("B-LTA", signed("ecdsa", "B-LTA"))] {
        let into = folder.join(from);
        fs::create_dir_all(&into).expect("our own folder");
        for name in forge(&file, &into) {
            // What a further signer adds is no forgery; without its timestamp a signature is one of a lower level.
            let honest = ["countersigned", "stripped-timestamp"].contains(&name.as_str());
            // pyHanko does not mind objects that nothing refers to.
            cases.push(Case::new(format!("{from} {name}"), into.join(format!("{name}.pdf")), honest));
        }
        let bytes = fs::read(&file).expect("our own file");
        let half = bytes.len() / 2;
        let parts = [
            ("half", bytes[..half].to_vec()),
            ("without-its-end", bytes[..bytes.len() - 7].to_vec()),
            ("with-a-line-more", [&bytes[..], b"% one more line\n"].concat()),
            ("with-an-end-more", [&bytes[..], b"startxref\n9\n%%EOF\n"].concat()),
        ];
        for (name, bytes) in parts {
            let path = into.join(format!("{name}.pdf"));
            fs::write(&path, bytes).expect("our own folder");
            cases.push(Case::new(format!("{from} {name}"), path, false));
        }
        cases.push(Case::new(format!("{from} untouched"), file, true));
    }
    cases.push(Case::new("expired signer".to_owned(), signed_at("expired", Some(EARLIER)), false));
    let revoked = signed("revoked", "B-B");
    for name in forge_store(&revoked, &folder) {
        cases.push(Case::new(format!("signer {name}"), folder.join(format!("{name}.pdf")), false));
    }
    let files: Vec<PathBuf> = cases.iter().map(|case| case.file.clone()).collect();
    let (theirs, ours) = (pyhanko(&files, &trust, None), our_verdicts(&files, &trust, None));
    println!("{}", compared(&cases, &theirs, &ours));
    for case in &cases {
        assert_eq!(ours[&case.file].accepted, case.honest, "{}: {:?}", case.name, ours[&case.file]);
    }

    // The same files are strange to whom knows other roots only, and too early before their certificates are valid.
    let honest: Vec<Case> = SIGNERS
        .iter()
        .flat_map(|signer| LEVELS.map(|level| Case::new(format!("{signer} {level}"), signed(signer, level), false)))
        .collect();
    let files: Vec<PathBuf> = honest.iter().map(|case| case.file.clone()).collect();
    for (trust, time) in
        [(authority().folder.join("other.pem"), None), (trust.clone(), Some(("1700000000", "2023-11-14T22:13:20Z")))]
    {
        let (theirs, ours) = (pyhanko(&files, &trust, time), our_verdicts(&files, &trust, time));
        println!("-- {} {time:?}", trust.file_name().expect("a name").display());
        println!("{}", compared(&honest, &theirs, &ours));
        assert!(ours.values().all(|verdict| !verdict.accepted), "{ours:?}");
    }
}

#[test]
fn a_timestamp_outlives_the_signers_certificate() {
    if !judges_are_there() {
        return;
    }
    let trust = authority().trust();
    let cases: Vec<Case> = [("B-B", false), ("B-T", true), ("B-LTA", true)]
        .map(|(level, accepted)| Case::new(format!("rsa {level} in 2029"), signed("rsa", level), accepted))
        .into();
    let files: Vec<PathBuf> = cases.iter().map(|case| case.file.clone()).collect();
    let (theirs, ours) = (pyhanko(&files, &trust, Some(LATER)), our_verdicts(&files, &trust, Some(LATER)));
    println!("{}", compared(&cases, &theirs, &ours));
    for case in &cases {
        assert_eq!(ours[&case.file].accepted, case.honest, "{}: {:?}", case.name, ours[&case.file]);
        assert_eq!(theirs[&case.file].accepted, case.honest, "{}: {:?}", case.name, theirs[&case.file]);
    }
    assert_eq!(ours[&cases[2].file].level.as_deref(), Some("B-LTA"));

    // Revoked after the timestamp: the signature stays good, and its file may still be brought to B-LTA.
    let file = signed("later", "B-T");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    authority().post("/revoke/later");
    let copy = fresh("pades-revoked-later").join("revoked-later.pdf");
    fs::copy(&file, &copy).expect("our own folder");
    let done = upgrade(&copy, "b-lta", "/tsa", None);
    assert_eq!(done.code, Some(0), "{done:?}");
    let ours = our_verdicts(std::slice::from_ref(&copy), &trust, None);
    let theirs = pyhanko(std::slice::from_ref(&copy), &trust, None);
    println!("{}", compared(&[Case::new("revoked later B-LTA".to_owned(), copy.clone(), true)], &theirs, &ours));
    assert_eq!(ours[&copy].level.as_deref(), Some("B-LTA"), "{:?}", ours[&copy]);
    // Without a timestamp nobody knows that it was earlier.
    let copy = copy.with_file_name("no-timestamp.pdf");
    fs::copy(signed("later", "B-B"), &copy).expect("our own folder");
    let refused = upgrade(&copy, "b-lta", "/tsa", None);
    assert_ne!(refused.code, Some(0), "{refused:?}");
}

#[test]
fn changed_bytes_are_found_in_long_term_signatures() {
    if !judges_are_there() {
        return;
    }
    let trust = authority().trust();
    let mut random = SplitMix64(SEED);
    // All of a B-LTA file is under its timestamp; of a B-LT file the evidence is only under the signatures in it.
    // In the last timestamp itself lie certificates, whose copies may be elsewhere, too.
    for (level, part, flips) in
        [("B-LTA", "all", FLIPS), ("B-LTA", "timestamp", FLIPS_IN_TIMESTAMP), ("B-LT", "evidence", FLIPS_IN_EVIDENCE)]
    {
        let bytes = fs::read(signed("ecdsa", level)).expect("our own file");
        let places: Vec<usize> = match part {
            "all" => (0..bytes.len()).collect(),
            "timestamp" => last_contents(&bytes),
            _ => evidence(&bytes, fs::read(signed("ecdsa", "B-T")).expect("our own file").len()),
        };
        let folder = fresh(&format!("pades-flipped-{level}-{part}"));
        let files: Vec<PathBuf> = (0..flips)
            .map(|number| {
                let place = places[random.below(places.len())];
                let mut changed = bytes.clone();
                changed[place] ^= u8::try_from(1 + random.below(255)).expect("at most 255");
                let path = folder.join(format!("{number:03}-at-{place}.pdf"));
                fs::write(&path, changed).expect("our own folder");
                path
            })
            .collect();
        let (ours, theirs) = (our_verdicts(&files, &trust, None), pyhanko(&files, &trust, None));
        let accepted = |verdicts: &Verdicts| verdicts.values().filter(|verdict| verdict.accepted).count();
        println!(
            "{level}, {part}: of {flips} changed bytes pyHanko misses {}, sohoa {}",
            accepted(&theirs),
            accepted(&ours)
        );
        let missed: Vec<_> = ours.iter().filter(|(_, verdict)| verdict.accepted).collect();
        assert!(missed.is_empty(), "{missed:#?}");
        fs::remove_dir_all(folder).expect("our own folder");
    }
}

/// The places of the hex digits of the last signature or timestamp, without those that fill up its room.
fn last_contents(pdf: &[u8]) -> Vec<usize> {
    let key = b"/Contents<";
    let start = pdf.windows(key.len()).rposition(|window| window == key).expect("a signed file") + key.len();
    let length = pdf[start..].iter().position(|byte| *byte == b'>').expect("an end");
    let digits = pdf[start..start + length].iter().rposition(|byte| *byte != b'0').expect("digits");
    (start..=start + digits).collect()
}

/// The places of stored evidence: inside the streams of what was appended after `from`.
fn evidence(pdf: &[u8], from: usize) -> Vec<usize> {
    let found = |word: &[u8]| -> Vec<usize> {
        let places = pdf.windows(word.len()).enumerate().filter(|(_, window)| *window == word);
        places.map(|(place, _)| place).filter(|place| *place >= from).collect()
    };
    let (starts, ends) = (found(b">>\nstream\n"), found(b"\nendstream\nendobj"));
    assert!(starts.len() > 4 && starts.len() == ends.len(), "certificates and lists");
    starts.iter().zip(ends).flat_map(|(start, end)| start + b">>\nstream\n".len()..end).collect()
}

#[test]
fn two_signers_are_brought_to_a_level_together() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("pades-two-signers");
    forge(&signed("rsa", "B-B"), &folder);
    let file = folder.join("countersigned.pdf");
    let trust = authority().trust();
    let files = std::slice::from_ref(&file);
    for level in ["B-T", "B-LTA"] {
        let done = upgrade(&file, &level.to_lowercase(), "/tsa", None);
        assert_eq!(done.code, Some(0), "{done:?}");
        let (theirs, ours) = (pyhanko(files, &trust, None), our_verdicts(files, &trust, None));
        println!("{}", compared(&[Case::new(format!("two signers {level}"), file.clone(), true)], &theirs, &ours));
        assert_eq!(ours[&file].level.as_deref(), Some(level), "{ours:?}");
        assert_eq!(theirs[&file].level.as_deref(), Some(level), "{theirs:?}");
    }
}

#[test]
fn wrong_services_change_nothing() {
    if !judges_are_there() {
        return;
    }
    let file = fresh("pades-wrong-services").join("file.pdf");
    let original = fs::read(signed("ecdsa", "B-B")).expect("our own file");
    let mut said = Vec::new();
    fs::write(&file, &original).expect("our own folder");
    // The second answer of the service that repeats itself is about another question.
    upgrade(&file, "b-t", "/tsa/replay", None);
    for (profile, code) in [
        ("/tsa/not-critical", 10),
        ("/tsa/unknown", 9),
        ("/tsa/replay", 10),
        ("/tsa/refuse", 10),
        ("/tsa/garbage", 10),
        ("/tsa/flipped", 10),
        ("/tsa/status", 10),
        ("/nothing", 10),
    ] {
        fs::write(&file, &original).expect("our own folder");
        let refused = upgrade(&file, "b-t", profile, None);
        assert_eq!(refused.code, Some(code), "{profile}: {refused:?}");
        assert!(refused.stderr.contains("file.pdf"), "{refused:?}");
        let is_about_purpose = refused.stderr.contains("dấu thời gian không hợp lệ: chứng thư của");
        assert_eq!(is_about_purpose, profile == "/tsa/not-critical", "{refused:?}");
        assert!(fs::read(&file).expect("our own file") == original, "{profile} changed the file");
        said.push(format!("{profile}: {}", refused.stderr.trim().rsplit("file.pdf: ").next().expect("a reason")));
    }
    println!("{}", said.join("\n"));
    // An older service that names its certificate by SHA-1 is no wrong one.
    assert_eq!(upgrade(&file, "b-t", "/tsa/sha1-identifier", None).code, Some(0));

    // Nobody proves anything of this signer's certificate.
    fs::copy(signed("silent", "B-B"), &file).expect("our own folder");
    let refused = upgrade(&file, "b-lt", "/tsa", None);
    assert_eq!(refused.code, Some(10), "{refused:?}");
    assert!(refused.stderr.contains("nothing-here"), "{refused:?}");
    // And this one was revoked.
    fs::copy(signed("revoked", "B-B"), &file).expect("our own folder");
    let refused = upgrade(&file, "b-lt", "/tsa", None);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    // Without a service there is no timestamp, and without a signature nothing to be stamped.
    let plain = sohoa().arg("upgrade").arg(&file).arg("--trust").arg(authority().trust()).output();
    assert_eq!(Run::from(plain.expect("the program starts")).code, Some(9));
}

#[test]
fn the_manifest_follows_an_upgrade() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("pades-manifest");
    let original = signed("rsa", "B-B");
    let listed = ["bia-ho-so.pdf", "manifest.json", "log.jsonl"];
    for name in listed {
        fs::copy(original.with_file_name(name), folder.join(name)).expect("our own folder");
    }
    let contents = || listed.map(|name| fs::read(folder.join(name)).expect("our own file"));
    let before = contents();
    // The manifest is sealed: another key must not seal it, nor may it stay as it is.
    for key in [None, Some("ecdsa")] {
        let refused = upgrade(&folder, "b-lt", "/tsa", key);
        assert_eq!(refused.code, Some(8), "{refused:?}");
        assert!(contents() == before, "nothing may be changed");
    }
    let done = upgrade(&folder, "b-lt", "/tsa", Some("rsa"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("\"level\":\"B-LT\""), "{done:?}");
    let manifest: Value = serde_json::from_slice(&contents()[1]).expect("JSON");
    assert_eq!(manifest["components"][0]["signature"]["level"], "B-LT");
    let good = run(sohoa().arg("verify").arg(&folder).arg("--trust").arg(authority().trust()));
    assert_eq!(good.code, Some(0), "{good:?}");
    // Once more is nothing to do.
    let after = contents();
    let again = upgrade(&folder, "b-t", "/tsa", Some("rsa"));
    assert!(again.code == Some(0) && again.stdout.contains("\"changed\":false"), "{again:?}");
    assert!(contents() == after);
    // A run killed before it put the files in place is completed.
    for (name, (old, new)) in listed.iter().zip(before.iter().zip(&after)) {
        fs::write(folder.join(name), old).expect("our own folder");
        // Of the log only what is to be appended lies beside.
        let beside = if *name == "log.jsonl" { &new[old.len()..] } else { new };
        fs::write(folder.join(format!(".sohoa-{name}.tmp")), beside).expect("our own folder");
    }
    let completed = upgrade(&folder, "b-t", "/tsa", Some("rsa"));
    assert!(completed.code == Some(0) && completed.stdout.contains("\"changed\":false"), "{completed:?}");
    assert!(contents() == after && fs::read_dir(&folder).expect("our own folder").count() == listed.len());
    // A file that is not the one listed is not upgraded as if it were.
    fs::copy(signed("ecdsa", "B-B"), folder.join("bia-ho-so.pdf")).expect("our own folder");
    assert_eq!(upgrade(&folder, "b-lta", "/tsa", Some("rsa")).code, Some(6));
}

/// One row of a table of verdicts.
struct Case {
    name: String,
    file: PathBuf,
    /// Whether the file is to be accepted.
    honest: bool,
}

impl Case {
    fn new(name: String, file: PathBuf, honest: bool) -> Self {
        Self { name, file, honest }
    }
}

/// What somebody says of a file.
#[derive(Clone, Debug)]
struct Verdict {
    accepted: bool,
    level: Option<String>,
    said: String,
}

impl Verdict {
    fn shown(&self) -> String {
        match (self.accepted, &self.level) {
            (true, Some(level)) => level.clone(),
            (true, None) => "accepted".to_owned(),
            (false, _) => "refused".to_owned(),
        }
    }
}

type Verdicts = BTreeMap<PathBuf, Verdict>;

/// Both verdicts side by side; fails where we accept what pyHanko refuses.
fn compared(cases: &[Case], theirs: &Verdicts, ours: &Verdicts) -> String {
    let row = |name: &str, theirs: &str, ours: &str, said: &str, they_said: &str| {
        let short = |text: &str| text.replace('\n', " ").chars().take(60).collect::<String>();
        format!("{name:<28} {theirs:>9} {ours:>9}  {:<60} {}\n", short(said), short(they_said))
    };
    let mut table = row("file", "pyHanko", "sohoa", "sohoa says", "pyHanko says");
    for case in cases {
        let (theirs, ours) = (&theirs[&case.file], &ours[&case.file]);
        table.push_str(&row(&case.name, &theirs.shown(), &ours.shown(), &ours.said, &theirs.said));
        assert!(!ours.accepted || theirs.accepted, "{table}");
    }
    table
}

/// What pyHanko says of many files, all in one process.
fn pyhanko(files: &[PathBuf], trust: &Path, time: Option<(&str, &str)>) -> Verdicts {
    let mut command = python();
    command.arg(root().join("tests/judges/pades.py")).arg("--trust").arg(trust);
    if let Some((_, time)) = time {
        command.args(["--time", time]);
    }
    let output = command.args(files).output().expect("the judges are there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<Value> = serde_json::from_slice(&output.stdout).expect("pades.py prints JSON");
    let verdict = |value: &Value| Verdict {
        accepted: value["accepted"] == true,
        level: value["level"].as_str().map(str::to_owned),
        said: value["problem"].as_str().unwrap_or_default().to_owned(),
    };
    files.iter().cloned().zip(verdicts.iter().map(verdict)).collect()
}

/// What `sohoa verify` says of many files: the lowest level of their signatures.
fn our_verdicts(files: &[PathBuf], trust: &Path, time: Option<(&str, &str)>) -> Verdicts {
    let mut command = sohoa();
    if let Some((seconds, _)) = time {
        command.env("SOURCE_DATE_EPOCH", seconds);
    }
    let run = run(command.args(["verify", "--json", "--lang", "en", "--trust"]).arg(trust).args(files));
    assert!(matches!(run.code, Some(0 | 6)), "{run:?}");
    let mut verdicts = Verdicts::new();
    let mut left = files.iter();
    let mut levels: Vec<Option<String>> = Vec::new();
    let mut said = Vec::new();
    for line in run.stdout.lines() {
        let event: Value = serde_json::from_str(line).expect("JSON lines");
        match event["event"].as_str().expect("an event") {
            "signature" => levels.push(event["level"].as_str().map(str::to_owned)),
            "finding" if event["fault"] == true => {
                said.push(event["message_en"].as_str().expect("a message").to_owned());
            }
            "verified" => {
                let level = std::mem::take(&mut levels).into_iter().min_by_key(|level| level_number(level.as_deref()));
                let verdict = Verdict {
                    accepted: event["good"] == true,
                    level: level.flatten(),
                    said: std::mem::take(&mut said).join("; "),
                };
                verdicts.insert(left.next().expect("one verdict a file").clone(), verdict);
            }
            _ => {}
        }
    }
    assert_eq!(left.next(), None, "every file has a verdict");
    verdicts
}

fn level_number(level: Option<&str>) -> Option<usize> {
    LEVELS.iter().position(|name| Some(*name) == level)
}

/// Whether poppler finds every signature valid; document timestamps are beyond it.
fn pdfsig(file: &Path) -> bool {
    let said = run(Command::new("pdfsig").arg(file));
    let count = |text: &str| said.stdout.matches(text).count();
    let signatures = count("Signature Type: ETSI.CAdES.detached");
    signatures >= 1 && signatures == count("Signature Validation: Signature is Valid.")
}

/// The public key infrastructure of these tests and its services.
struct Authority {
    folder: PathBuf,
    port: u64,
    // Its standard input closes when the test process ends, and so does it.
    _process: Child,
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let folder = fresh("pades-authority");
        let mut command = python();
        command.arg(root().join("tests/judges/authority.py")).arg(&folder);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs the authority");
        let mut line = String::new();
        let out = process.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("the authority says where it is");
        let port = serde_json::from_str::<Value>(&line).ok().and_then(|value| value["port"].as_u64());
        Authority { folder, port: port.expect("the authority is there"), _process: process }
    })
}

impl Authority {
    fn trust(&self) -> PathBuf {
        self.folder.join("trust.pem")
    }

    /// Has the authority do something by itself.
    fn post(&self, path: &str) {
        let port = u16::try_from(self.port).expect("a port");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        write!(stream, "POST {path} HTTP/1.0\r\nContent-Type: none\r\nContent-Length: 0\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.contains("200"), "{answer}");
    }
}

/// A component signed by this signer, at this level; made once.
fn signed(signer: &str, level: &str) -> PathBuf {
    static MADE: OnceLock<std::sync::Mutex<BTreeMap<(String, String), PathBuf>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Default::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let key = (signer.to_owned(), level.to_owned());
    if let Some(path) = made.get(&key) {
        return path.clone();
    }
    let basic = made.entry((signer.to_owned(), "B-B".to_owned())).or_insert_with(|| signed_at(signer, None)).clone();
    if level != "B-B" {
        let path = fresh(&format!("pades-{signer}-{level}")).join("bia-ho-so.pdf");
        fs::copy(basic, &path).expect("our own folder");
        let done = upgrade(&path, &level.to_lowercase(), "/tsa", None);
        assert_eq!(done.code, Some(0), "{done:?}");
        made.insert(key.clone(), path);
    }
    made[&key].clone()
}

/// A component of B-B with one signature or two, each with a box or none. The second is the agency's, with another key.
fn matrix_file(folder: &Path, key: &str, count: usize, visible: bool) -> PathBuf {
    static TOKEN: OnceLock<(Token, PathBuf)> = OnceLock::new();
    let settings = folder.join("sohoa.toml");
    let text = if visible { "" } else { "[profile]\nsignature = false\n" };
    fs::write(&settings, text).expect("our own folder");
    let mut command = sohoa();
    command.args(["digitize", "samples/bia-ho-so.jpg", "--ocr", "off", "--config"]).arg(&settings);
    command.arg("--out").arg(folder.join("out"));
    let made = match key {
        "token" => {
            let (token, chain) = TOKEN.get_or_init(|| {
                let p12 = authority().folder.join("rsa.p12");
                (Token::holding("pades-token", &p12), chain_of(&p12))
            });
            run(token.used_by(&mut command, chain))
        }
        _ => run(with_key(&mut command, key)),
    };
    assert_eq!(made.code, Some(0), "{made:?}");
    let file = folder.join("basic.pdf");
    fs::copy(folder.join("out/bia-ho-so.pdf"), &file).expect("our own folder");
    if count == 2 {
        let mut command = sohoa();
        command.args(["sign", "--role", "agency", "--profile", "nd30-2020", "--json", "--config"]).arg(&settings);
        let signed = run(with_key(command.arg(&file), if key == "ecdsa" { "rsa" } else { "ecdsa" }));
        assert_eq!(signed.code, Some(0), "{signed:?}");
        assert!(signed.stdout.contains(&format!("\"visible\":{visible}")), "{signed:?}");
    }
    file
}

/// The certificates above that of a key file, PEM.
fn chain_of(p12: &Path) -> PathBuf {
    let path = fresh("pades-chain").join("chain.pem");
    let mut command = Command::new("openssl");
    command.args(["pkcs12", "-nokeys", "-cacerts", "-passin", "env:PASS", "-in"]).arg(p12).arg("-out").arg(&path);
    let done = run(command.env("PASS", PASSWORD));
    assert_eq!(done.code, Some(0), "{done:?}");
    path
}

/// A component of B-B, signed at a time in seconds since 1970, or now.
fn signed_at(signer: &str, seconds: Option<&str>) -> PathBuf {
    let out = fresh(&format!("pades-{signer}"));
    let mut command = sohoa();
    if let Some(seconds) = seconds {
        command.env("SOURCE_DATE_EPOCH", seconds);
    }
    command.args(["digitize", "samples/bia-ho-so.jpg", "--ocr", "off", "--out"]).arg(&out);
    let made = run(with_key(&mut command, signer));
    assert_eq!(made.code, Some(0), "{made:?}");
    out.join("bia-ho-so.pdf")
}

/// A file of B-LTA whose document timestamp was renewed.
fn renewed() -> PathBuf {
    let path = fresh("pades-renewed").join("renewed.pdf");
    let original = fs::read(signed("rsa", "B-LTA")).expect("our own file");
    fs::write(&path, &original).expect("our own folder");
    let mut command = upgrade_command(&path, "b-lta", "/tsa");
    let done = run(command.arg("--renew"));
    assert_eq!(done.code, Some(0), "{done:?}");
    let renewed = fs::read(&path).expect("our own file");
    assert!(renewed.starts_with(&original) && renewed.len() > original.len());
    path
}

fn with_key<'a>(command: &'a mut Command, signer: &str) -> &'a mut Command {
    let key = authority().folder.join(format!("{signer}.p12"));
    command.env("SOHOA_KEY_PASSWORD", PASSWORD).arg("--key").arg(key)
}

fn upgrade_command(path: &Path, level: &str, service: &str) -> Command {
    let mut command = sohoa();
    let address = format!("http://127.0.0.1:{}{service}", authority().port);
    command.args(["upgrade", "--json", "--level", level, "--timestamp", &address]).arg(path);
    command.arg("--trust").arg(authority().trust());
    command
}

fn upgrade(path: &Path, level: &str, service: &str, key: Option<&str>) -> Run {
    let mut command = upgrade_command(path, level, service);
    match key {
        Some(key) => run(with_key(&mut command, key)),
        None => run(&mut command),
    }
}

/// Forgeries of a signed file; their names.
fn forge(file: &Path, into: &Path) -> Vec<String> {
    forge_by("all", file, into)
}

/// The file with a security store that says that its signer's certificate was revoked.
fn forge_store(file: &Path, into: &Path) -> Vec<String> {
    forge_by("store", file, into)
}

fn forge_by(what: &str, file: &Path, into: &Path) -> Vec<String> {
    let script = root().join("tests/judges/forge.py");
    let output = python().arg(script).arg(what).arg(&authority().folder).arg(file).arg(into).output();
    let output = output.expect("the judges are there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("forge.py prints JSON")
}
