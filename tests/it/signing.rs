//! `sohoa sign`, keys in PKCS#12 files as other programs write them, and PDFs that came with signatures of others.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use sohoa::pdf::appearance::{Appearance, SignatureBox};
use sohoa::pdf::signature::{self, SignatureField};
use sohoa::sign::cms::Form;
use sohoa::sign::pkcs12::Pkcs12;

use crate::judges::{MANIFEST, against_schema, judge_against, judges_are_there, python};
use crate::program::{Run, files_below, fresh, root, run, sohoa};

/// Password of the key files in `tests/data/sign`.
pub(crate) const PASSWORD: &str = "mật khẩu";

/// Runs of `sign --pending` that are killed, at moments spread over its whole time.
const KILLS: u32 = 12;

/// How many signatures `pdfsig` calls valid; every signature of the file must be (empty fields have none).
pub(crate) fn pdfsig_counts_valid(file: &Path) -> usize {
    let said = run(Command::new("pdfsig").arg(file)).stdout;
    let valid = said.matches("Signature Validation: Signature is Valid.").count();
    assert_eq!(valid, said.matches("Signature Type:").count(), "{said}");
    valid
}

fn key(name: &str) -> PathBuf {
    root().join(format!("tests/data/sign/{name}.p12"))
}

fn trusted() -> PathBuf {
    root().join("tests/data/sign/root.pem")
}

/// `sohoa sign` with a key of `tests/data/sign`.
fn sign(name: &str) -> Command {
    let mut command = sohoa();
    command.arg("sign").arg("--key").arg(key(name)).env("SOHOA_KEY_PASSWORD", PASSWORD);
    command
}

/// An output directory with three components that wait for their signature. Not to be changed.
fn unsigned() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = fresh("unsigned").join("out");
        let inputs = ["samples/bia-ho-so.jpg", "samples/to-khai/trang-1.jpg", "samples/to-khai/trang-2.jpg"];
        let done = run(sohoa().arg("digitize").args(inputs).args(["--ocr", "off", "--no-sign", "--out"]).arg(&out));
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        out
    })
}

fn unsigned_file() -> PathBuf {
    unsigned().join("bia-ho-so.pdf")
}

fn copy_of_unsigned(name: &str) -> PathBuf {
    let folder = fresh(name);
    for entry in fs::read_dir(unsigned()).expect("it is there") {
        let entry = entry.expect("it is there");
        fs::copy(entry.path(), folder.join(entry.file_name())).expect("our own folder");
    }
    folder
}

fn verify(path: &Path) -> Run {
    run(sohoa().arg("verify").arg(path).arg("--trust").arg(trusted()))
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).expect("a manifest")).expect("JSON")
}

fn qpdf(arguments: &[&str], from: &Path, to: &Path) {
    let done = run(Command::new("qpdf").args(arguments).arg(from).arg(to));
    assert_eq!(done.code, Some(0), "{done:?}");
}

/// Files signed or prepared by pyHanko: kind, from, to.
fn by_pyhanko(jobs: &[(&str, PathBuf, PathBuf)]) {
    let mut command = python();
    command.arg(root().join("tests/judges/foreign.py")).arg(key("rsa2048")).arg(PASSWORD);
    for (kind, from, to) in jobs {
        command.arg(kind).args([from, to]);
    }
    let done = run(&mut command);
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn files_are_signed_where_they_lie_or_as_copies() {
    let folder = fresh("sign-files");
    let (one, two) = (folder.join("một.pdf"), folder.join("hai.pdf"));
    let original = fs::read(unsigned_file()).expect("it is there");
    for path in [&one, &two] {
        fs::write(path, &original).expect("our own folder");
    }
    fs::set_permissions(&one, fs::Permissions::from_mode(0o640)).expect("our own folder");
    let link = folder.join("link.pdf");
    std::os::unix::fs::symlink(&two, &link).expect("our own folder");
    fs::write(folder.join("none.pdf"), "no PDF").expect("our own folder");

    // What cannot be signed stops nothing.
    let mixed = run(sign("p256").args([&one, &folder.join("none.pdf"), &folder.join("gone.pdf"), &link]));
    assert_eq!(mixed.code, Some(3), "{mixed:?}");
    assert!(mixed.stderr.contains("none.pdf") && mixed.stderr.contains("gone.pdf"), "{mixed:?}");
    for path in [&one, &two] {
        assert!(fs::read(path).expect("signed").starts_with(&original), "an incremental update");
        assert_eq!(verify(path).code, Some(0));
    }
    assert_eq!(fs::metadata(&one).expect("signed").permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert!(
        fs::read_dir(&folder)
            .expect("ours")
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    );

    // Again changes nothing and is no error.
    let signed = fs::read(&one).expect("signed");
    let again = run(sign("p256").arg(&one));
    assert!(again.code == Some(0) && again.stdout.contains("đã có chữ ký này"), "{again:?}");
    assert!(fs::read(&one).expect("signed") == signed);

    // A copy, which is not overwritten.
    let out = folder.join("out");
    let copy = |role: &str| run(sign("p384").args(["--role", role]).arg(&one).arg("--out").arg(&out));
    assert_eq!(copy("agency").code, Some(0));
    assert!(fs::read(&one).expect("signed") == signed);
    assert_eq!(verify(&out.join("một.pdf")).code, Some(0));
    assert_eq!(copy("agency").code, Some(7));

    // No key, no signature: never that of a development identity.
    let keyless = run(sohoa().arg("sign").arg(&one));
    assert!(keyless.code == Some(2) && keyless.stderr.contains("--token"), "{keyless:?}");
    assert_eq!(run(sign("p256").env("SOHOA_KEY_PASSWORD", "sai").arg(&one)).code, Some(8));
}

#[test]
fn two_signers_sign_what_other_programs_made() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("two-signers");
    let base = folder.join("ours.pdf");
    fs::copy(unsigned_file(), &base).expect("our own folder");
    let made = |name: &str| folder.join(name);
    qpdf(&["--object-streams=generate"], &base, &made("object-streams.pdf"));
    qpdf(&["--object-streams=disable"], &base, &made("table.pdf"));
    qpdf(&["--linearize"], &base, &made("linear.pdf"));
    fs::write(made("hybrid.pdf"), hybrid_pdf(false)).expect("our own folder");
    fs::write(made("hybrid-as-word.pdf"), hybrid_pdf(true)).expect("our own folder");
    let kinds = [("approval", "table"), ("approval", "object-streams"), ("certified-2", "table"), ("empty", "table")];
    by_pyhanko(&kinds.map(|(kind, from)| (kind, made(&format!("{from}.pdf")), made(&format!("{kind}-{from}.pdf")))));
    let files = files_below(&folder, "pdf");
    assert_eq!(files.len(), 10);
    let clerk = run(sign("p256").args(&files));
    assert_eq!(clerk.code, Some(0), "{clerk:?}");
    let agency = run(sign("rsa4096").args(["--role", "agency"]).args(&files));
    assert_eq!(agency.code, Some(0), "{agency:?}");
    for (file, verdict) in judge_against(&files, "2u", "qpdf,pyhanko", &trusted()) {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
        let signatures = verdict["pyhanko"]["signatures"].as_array().expect("signatures");
        let fields: Vec<&str> = signatures.iter().map(|one| one["field"].as_str().expect("a name")).collect();
        assert_eq!(fields[fields.len() - 2..], ["NguoiSoHoa", "CoQuan"], "{file}");
        assert_eq!(pdfsig_counts_valid(Path::new(&file)), fields.len(), "{file}");
    }
    for (file, verdict) in judge_against(&[base], "2u", "verapdf", &trusted()) {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
    }
}

#[test]
fn files_closed_to_signatures_are_refused_with_the_reason() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("closed");
    let base = unsigned_file();
    let mut cases = Vec::new();
    for (name, user) in [("encrypted", ""), ("encrypted-for-opening", "user")] {
        let path = folder.join(format!("{name}.pdf"));
        qpdf(&["--encrypt", user, "owner", "256", "--"], &base, &path);
        cases.push((path, "được bảo vệ"));
    }
    let closed = [("certified-1", "DocMDP"), ("locked", "FieldMDP")];
    by_pyhanko(&closed.map(|(kind, _)| (kind, base.clone(), folder.join(format!("{kind}.pdf")))));
    cases.extend(closed.map(|(kind, told)| (folder.join(format!("{kind}.pdf")), told)));
    for (path, told) in &cases {
        let before = fs::read(path).expect("it is there");
        let refused = run(sign("p256").arg(path));
        assert!(refused.code == Some(3) && refused.stderr.contains(told), "{refused:?}");
        assert!(fs::read(path).expect("it is there") == before);
    }
}

#[test]
fn a_signature_seen_on_a_certified_file_is_refused() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("certified-and-seen");
    let certified = folder.join("certified.pdf");
    by_pyhanko(&[("certified-2", unsigned_file(), certified.clone())]);
    assert_eq!(verify(&certified).code, Some(0));
    let bytes = fs::read(&certified).expect("pyHanko wrote it");
    let key = Pkcs12::load(&fs::read(key("p256")).expect("a key file"), PASSWORD).expect("a good key");
    let time = time::OffsetDateTime::now_utc();
    let content = SignatureBox::new(&["Người sao chụp".to_owned()], None, 60.0);
    for (corner, honest) in [(None, true), (Some([20.0, 20.0]), false)] {
        let appearance = corner.map(|corner| Appearance { content: content.clone(), corner, media_box: None });
        let field = SignatureField {
            name: "NguoiSoHoa".into(),
            signer_name: "A".into(),
            reason: None,
            location: None,
            contact: None,
            time,
            appearance,
        };
        let prepared = signature::prepare(&bytes[..], &field, 8_000).expect("it can be signed");
        let cms = sohoa::sign::cms::detached(&prepared.digest_input(), &key, time, Form::Pdf).expect("the key signs");
        let path = folder.join(format!("{honest}.pdf"));
        fs::write(&path, prepared.fill(&cms).expect("it fits")).expect("our own folder");
        let verdicts = judge_against(std::slice::from_ref(&path), "2u", "pyhanko", &trusted());
        let theirs = &verdicts[path.to_str().expect("ASCII")]["verdict"];
        assert_eq!(
            (verify(&path).code, theirs),
            (Some(if honest { 0 } else { 6 }), &Value::Bool(honest)),
            "{verdicts:#?}"
        );
    }
}

/// A PDF 1.5 file for readers old and new: a cross-reference table, and a cross-reference stream beside it
/// (`/XRefStm`; ISO 32000-1, 7.5.8.4) that alone knows the form, which is in an object stream. Word names the stream in a
/// second, empty section.
fn hybrid_pdf(second_section: bool) -> Vec<u8> {
    let mut pdf = b"%PDF-1.5\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut offsets = Vec::new();
    let form = "4 0 <</Fields[]>>";
    for object in [
        "1 0 obj\n<</Type/Catalog/Pages 2 0 R/AcroForm 4 0 R>>\nendobj\n".to_owned(),
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n".to_owned(),
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<<>>>>\nendobj\n".to_owned(),
        format!("5 0 obj\n<</Type/ObjStm/N 1/First 4/Length {}>>\nstream\n{form}\nendstream\nendobj\n", form.len()),
    ] {
        offsets.push(pdf.len());
        pdf.extend_from_slice(object.as_bytes());
    }
    let stream = pdf.len();
    // Object 4 is the first in object stream 5.
    pdf.extend_from_slice(b"6 0 obj\n<</Type/XRef/Size 7/W[1 2 1]/Index[4 1]/Root 1 0 R/Length 4>>\nstream\n");
    pdf.extend_from_slice(b"\x02\x00\x05\x00\nendstream\nendobj\n");
    let table = pdf.len();
    let mut text = "xref\n0 7\n0000000004 65535 f \n".to_owned();
    for offset in &offsets[..3] {
        text.push_str(&format!("{offset:010} 00000 n \n"));
    }
    text.push_str(&format!("0000000000 65535 f \n{:010} 00000 n \n{stream:010} 00000 n \n", offsets[3]));
    if second_section {
        text.push_str(&format!("trailer\n<</Size 7/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n"));
        let second = table + text.len();
        text.push_str("xref\n0 0\n");
        text.push_str(&format!("trailer\n<</Size 7/Root 1 0 R/Prev {table}/XRefStm {stream}>>\n"));
        text.push_str(&format!("startxref\n{second}\n%%EOF\n"));
    } else {
        text.push_str(&format!("trailer\n<</Size 7/Root 1 0 R/XRefStm {stream}>>\nstartxref\n{table}\n%%EOF\n"));
    }
    pdf.extend_from_slice(text.as_bytes());
    pdf
}

#[test]
fn what_waits_is_signed_if_it_is_what_was_frozen() {
    let folder = copy_of_unsigned("pending-altered");
    let waiting = folder.join("trang-1.pdf");
    // By itself it is not signed: the manifest would no longer fit.
    let listed = run(sign("p256").arg(&waiting));
    assert!(listed.code == Some(3) && listed.stderr.contains("--pending"), "{listed:?}");
    let mut changed = fs::read(&waiting).expect("it waits");
    let at = changed.len() / 2;
    changed[at] ^= 1;
    fs::write(&waiting, &changed).expect("our own folder");
    let done = run(sign("p256").arg("--pending").arg(&folder));
    assert!(done.code == Some(6) && done.stderr.contains("trang-1.pdf: đã bị thay đổi"), "{done:?}");
    assert_eq!(done.stdout.matches("đã ký").count(), 2, "{done:?}");
    assert!(fs::read(&waiting).expect("it waits") == changed);

    // Mended, it is signed; then the agency signs all.
    fs::copy(unsigned().join("trang-1.pdf"), &waiting).expect("our own folder");
    assert_eq!(run(sign("p256").arg("--pending").arg(&folder)).code, Some(0));
    assert_eq!(verify(&folder).code, Some(0));
    for expected in ["trang-2.pdf: đã ký", "Đã ký 0 tệp"] {
        let agency = run(sign("p384").args(["--role", "agency", "--pending"]).arg(&folder));
        assert!(agency.code == Some(0) && agency.stdout.contains(expected), "{agency:?}");
    }
    assert_eq!(verify(&folder).code, Some(0));
    for component in manifest(&folder)["components"].as_array().expect("components") {
        assert_eq!(component["signature"]["signer"], "Nguyễn Văn p256");
        assert_eq!(component["countersignature"]["signer"], "Nguyễn Văn p384");
    }
    if judges_are_there() {
        let schema = against_schema(MANIFEST, &folder.join("manifest.json"));
        assert_eq!(schema.0, Some(0), "{schema:?}");
    }
    // An altered manifest is not sealed anew.
    let text = fs::read_to_string(folder.join("manifest.json")).expect("a manifest").replacen("B-B", "B-T", 1);
    fs::write(folder.join("manifest.json"), &text).expect("our own folder");
    assert_eq!(run(sign("p256").arg("--pending").arg(&folder)).code, Some(6));
    assert_eq!(run(sign("p256").arg("--pending").arg(folder.join("gone"))).code, Some(5));
}

#[test]
fn digitising_again_signs_what_waits_with_a_real_key_only() {
    let folder = copy_of_unsigned("pending-again");
    let digitize = |arguments: &[&str]| {
        let inputs = ["samples/bia-ho-so.jpg", "samples/to-khai/trang-1.jpg", "samples/to-khai/trang-2.jpg"];
        let mut command = sohoa();
        command.arg("digitize").args(inputs).args(["--ocr", "off"]).args(arguments).arg("--out").arg(&folder);
        let done = run(command.env("SOHOA_KEY_PASSWORD", PASSWORD));
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        done.stdout
    };
    let before = fs::read(folder.join("manifest.json")).expect("a manifest");
    let development = digitize(&[]);
    assert_eq!(development.matches("chờ ký, không đổi").count(), 3, "{development}");
    assert!(fs::read(folder.join("manifest.json")).expect("a manifest") == before);
    let real = digitize(&["--key", "tests/data/sign/p384.p12"]);
    assert_eq!(real.matches("đã ký\n").count(), 3, "{real}");
    assert_eq!(files_below(&folder, "pdf").len(), 3, "no second version");
    assert_eq!(verify(&folder).code, Some(0));
    let again = digitize(&["--key", "tests/data/sign/p384.p12"]);
    assert!(again.contains("Không có gì thay đổi"), "{again}");
    // Another signer's is another version.
    digitize(&["--key", "tests/data/sign/p256.p12"]);
    assert_eq!(files_below(&folder, "pdf").len(), 6);
    assert_eq!(verify(&folder).code, Some(0));
}

#[test]
fn signing_killed_at_any_moment_is_completed_and_signs_nothing_twice() {
    let pending = |folder: &Path| {
        let mut command = sign("p256");
        command.arg("--pending").arg(folder);
        command
    };
    let whole = copy_of_unsigned("pending-whole");
    let started = Instant::now();
    assert_eq!(run(&mut pending(&whole)).code, Some(0));
    let time = started.elapsed();
    let mut signed_when_killed = Vec::new();
    for kill in 0..KILLS {
        let folder = copy_of_unsigned(&format!("pending-killed-{kill}"));
        let mut child = pending(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        match kill % 3 {
            // When the first half-written file shows, and when it is gone again.
            0 | 1 => wait_for(&folder, kill % 3 == 0, kill),
            _ => sleep(time.mul_f64(f64::from(kill + 1) / f64::from(KILLS))),
        }
        child.kill().expect("our child");
        child.wait().expect("our child");
        // Each file is whole: what was frozen, or that with one signature after it.
        let files = files_below(&folder, "pdf");
        let signed = files.iter().filter(|file| {
            let bytes = fs::read(file).expect("a whole file");
            let frozen = fs::read(unsigned().join(file.file_name().expect("a name"))).expect("it waits");
            assert!(bytes.starts_with(&frozen));
            let count = signature::list(&bytes).expect("a sound file").len();
            assert_eq!(count, usize::from(bytes.len() > frozen.len()));
            count == 1
        });
        signed_when_killed.push(signed.count());
        assert_completed(&folder, run(&mut pending(&folder)));
    }
    println!("signed when killed: {signed_when_killed:?}");
    assert!(signed_when_killed.iter().any(|count| (1..3).contains(count)), "{signed_when_killed:?}");

    // The moment between a file and its manifest, made by hand: all was written, the file is in place or is not.
    for in_place in [true, false] {
        let folder = copy_of_unsigned("pending-between");
        let beside = |name: &str| folder.join(format!(".sohoa-{name}.tmp"));
        fs::copy(whole.join("manifest.json"), beside("manifest.json")).expect("our own folder");
        let log = fs::read(whole.join("log.jsonl")).expect("a log");
        let earlier = fs::read(folder.join("log.jsonl")).expect("a log");
        fs::write(beside("log.jsonl"), log.strip_prefix(&earlier[..]).expect("it got longer")).expect("our own folder");
        if in_place {
            fs::write(folder.join("log.jsonl"), &log).expect("our own folder");
        }
        for file in files_below(&whole, "pdf") {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            let to = if in_place && name == "bia-ho-so.pdf" { folder.join(&name) } else { beside(&name) };
            fs::copy(&file, to).expect("our own folder");
        }
        let done = run(&mut pending(&folder));
        assert!(done.stdout.contains("Đã ký 0 tệp"), "{done:?}");
        assert_completed(&folder, done);
        assert!(fs::read(folder.join("manifest.json")).ok() == fs::read(whole.join("manifest.json")).ok());
    }
}

/// Waits for a half-written file to show, and also to go again.
fn wait_for(folder: &Path, shows: bool, round: u32) {
    let half_written = || {
        let names = fs::read_dir(folder).expect("ours").flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().starts_with(".sohoa-")).count() > 0
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while !half_written() && Instant::now() < deadline {}
    while !shows && half_written() && Instant::now() < deadline {}
    sleep(Duration::from_micros(u64::from(round) * 150));
}

fn assert_completed(folder: &Path, next: Run) {
    assert_eq!(next.code, Some(0), "{next:?}");
    let mut names: Vec<_> = fs::read_dir(folder).expect("ours").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["bia-ho-so.pdf", "log.jsonl", "manifest.json", "trang-1.pdf", "trang-2.pdf"]);
    let good = verify(folder);
    assert!(good.code == Some(0) && good.stdout.contains("4 chữ ký"), "{good:?}");
}

#[test]
fn pdfs_that_came_signed_are_kept_byte_for_byte() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("kept");
    let input = folder.join("in");
    fs::create_dir(&input).expect("our own folder");
    fs::copy(root().join("samples/bia-ho-so.jpg"), input.join("1.jpg")).expect("the sample exists");
    by_pyhanko(&[("approval", unsigned_file(), input.join("2.pdf"))]);
    let alone = folder.join("Trích lục.pdf");
    fs::copy(unsigned_file(), &alone).expect("our own folder");
    assert_eq!(run(sign("p256").arg(&alone)).code, Some(0));
    assert_eq!(run(sign("p384").args(["--role", "agency"]).arg(&alone)).code, Some(0));
    // One whose signed content was changed is kept, too, and told.
    let flipped = folder.join("sua.pdf");
    let mut bytes = fs::read(&alone).expect("signed");
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    fs::write(&flipped, &bytes).expect("our own folder");

    let out = folder.join("out");
    let digitize =
        || run(sohoa().arg("digitize").args([&input, &alone, &flipped]).args(["--ocr", "off", "--out"]).arg(&out));
    let done = digitize();
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("2 chữ ký có sẵn: 2 còn nguyên vẹn"), "{done:?}");
    assert!(done.stdout.contains("2 chữ ký có sẵn: 0 còn nguyên vẹn, 2 KHÔNG"), "{done:?}");
    for (from, to) in [(&input.join("2.pdf"), "in-2.pdf"), (&alone, "Trich-luc.pdf"), (&flipped, "sua.pdf")] {
        assert!(fs::read(from).expect("the source") == fs::read(out.join(to)).expect("kept"), "{to}");
    }
    let components = manifest(&out)["components"].as_array().expect("components").clone();
    let of = |name: &str| components.iter().find(|component| component["name"] == name).expect("a component").clone();
    assert_eq!(of("in")["state"], "signed");
    assert_eq!(of("in-2")["state"], "kept");
    let kept = of("Trich-luc")["kept"].clone();
    assert_eq!(kept["pages"], 1);
    let signers: Vec<&str> =
        kept["signatures"].as_array().expect("two").iter().map(|one| one["signer"].as_str().expect("a name")).collect();
    assert_eq!(signers, ["Nguyễn Văn p256", "Nguyễn Văn p384"]);
    assert_eq!(run(sohoa().arg("verify").arg(&out)).code, Some(0));
    let schema = against_schema(MANIFEST, &out.join("manifest.json"));
    assert_eq!(schema.0, Some(0), "{schema:?}");
    let again = digitize();
    assert!(again.code == Some(0) && again.stdout.contains("Không có gì thay đổi"), "{again:?}");
    // A byte of a kept file counts as one of ours.
    let mut bytes = fs::read(out.join("in-2.pdf")).expect("kept");
    let last = bytes.len() - 1;
    bytes[last] = b' ';
    fs::write(out.join("in-2.pdf"), bytes).expect("our own folder");
    assert_eq!(run(sohoa().arg("verify").arg(&out)).code, Some(6));
}

#[test]
fn key_files_of_other_programs_sign() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("key-files");
    const ASCII: &str = "matkhau1";
    let pem = folder.join("key.pem");
    let openssl = |arguments: &[&str], name: &str, from: &Path| {
        let path = folder.join(name);
        let mut command = Command::new("openssl");
        command
            .args(["pkcs12"])
            .args(arguments)
            .arg("-in")
            .arg(from)
            .arg("-out")
            .arg(&path)
            .env("OLD", PASSWORD)
            .env("NEW", ASCII);
        let done = run(&mut command);
        assert_eq!(done.code, Some(0), "{done:?}");
        path
    };
    let mut files = Vec::new();
    for name in ["rsa2048", "rsa4096", "p256", "p384"] {
        openssl(&["-nodes", "-passin", "env:OLD"], "key.pem", &key(name));
        let mut export = |kind: &str, arguments: &[&str]| {
            let arguments = [&["-export", "-passout", "env:NEW"], arguments].concat();
            files.push(openssl(&arguments, &format!("{name}-{kind}.p12"), &pem));
        };
        export("default", &[]);
        export("legacy", &["-legacy"]);
        for mac in ["sha1", "sha224", "sha256", "sha384", "sha512"] {
            export(mac, &["-macalg", mac]);
        }
    }
    // With the algorithms of Windows: AES-256 and SHA-256 now, 3DES and SHA-1 before, 2,000 rounds each.
    for (kind, arguments) in [
        ("windows", ["-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha256", "-iter", "2000"]),
        ("windows-old", ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-iter", "2000"]),
    ] {
        let arguments = [&["-export", "-passout", "env:NEW", "-name", "te-1234"], &arguments[..]].concat();
        files.push(openssl(&arguments, &format!("{kind}.p12"), &pem));
    }
    for mac in ["HmacPBESHA1", "HmacPBESHA256", "HmacPBESHA512"] {
        let path = folder.join(format!("java-{mac}.p12"));
        let mut command = Command::new("keytool");
        command.arg(format!("-J-Dkeystore.pkcs12.macAlgorithm={mac}")).args(["-importkeystore", "-srckeystore"]);
        command.arg(folder.join("rsa2048-default.p12")).args(["-srcstorepass", ASCII, "-deststorepass", ASCII]);
        let done = run(command.args(["-deststoretype", "PKCS12", "-destkeystore"]).arg(&path));
        assert_eq!(done.code, Some(0), "{done:?}");
        files.push(path);
    }
    for file in files {
        let target = folder.join("signed.pdf");
        fs::copy(unsigned_file(), &target).expect("our own folder");
        let sign = |password: &str| {
            run(sohoa().arg("sign").arg(&target).arg("--key").arg(&file).env("SOHOA_KEY_PASSWORD", password))
        };
        let wrong = sign("sai");
        assert!(wrong.code == Some(8) && wrong.stderr.contains("mật khẩu"), "{}: {wrong:?}", file.display());
        let done = sign(ASCII);
        assert_eq!(done.code, Some(0), "{}: {done:?}", file.display());
        assert_eq!(verify(&target).code, Some(0), "{}", file.display());
    }
}

#[test]
fn certificates_that_must_not_sign_leave_everything_waiting() {
    let folder = fresh("unfit-certificates");
    let digitize = |name: &str, key: &Path, time: &str| {
        let out = folder.join(name);
        let mut command = sohoa();
        command.args(["digitize", "samples/bia-ho-so.jpg", "--ocr", "off", "--out"]).arg(&out).arg("--key").arg(key);
        command.env("SOHOA_KEY_PASSWORD", PASSWORD).env("SOURCE_DATE_EPOCH", time);
        let done = run(&mut command);
        assert_eq!(done.code, Some(8), "{name}: {done:?}");
        assert_eq!(manifest(&out)["components"][0]["state"], "unsigned", "{name}");
        done.stderr
    };
    let now = "1800000000";
    assert!(digitize("early", &key("p256"), "0").contains("chỉ có hiệu lực từ"));
    assert!(digitize("not-for-signing", &key("sealed"), now).contains("không được cấp để ký số"));
    assert!(digitize("too-short", &key("rsa1024"), now).contains("RSA 1024"));
    if !judges_are_there() {
        return;
    }
    // One day long, ten days ago; and an authority that ended before the signer's certificate does.
    let script = "set -e; cd \"$DIR\"
        printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign\\n' >ca.ext
        printf 'keyUsage=critical,digitalSignature\\n' >leaf.ext
        openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem
        openssl req -new -key k.pem -subj /CN=ca -out ca.csr; openssl req -new -key k.pem -subj /CN=leaf -out leaf.csr
        openssl x509 -req -in ca.csr -key k.pem -days 2 -extfile ca.ext -out ca.pem 2>/dev/null
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey k.pem -CAcreateserial -days 1 -extfile leaf.ext -out a.pem 2>/dev/null
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey k.pem -CAcreateserial -days 99 -extfile leaf.ext -out b.pem 2>/dev/null
        for n in a b; do openssl pkcs12 -export -inkey k.pem -in $n.pem -certfile ca.pem -passout env:PASS -out $n.p12; done
        date +%s";
    let made = run(Command::new("sh").args(["-c", script]).env("DIR", &folder).env("PASS", PASSWORD));
    assert_eq!(made.code, Some(0), "{made:?}");
    let later = (made.stdout.trim().parse::<u64>().expect("seconds") + 10 * 86_400).to_string();
    assert!(digitize("expired", &folder.join("a.p12"), &later).contains("chứng thư đã hết hạn ngày"));
    let issuer = digitize("issuer-expired", &folder.join("b.p12"), &later);
    assert!(issuer.contains("chứng thư của nơi cấp đã hết hạn"), "{issuer}");
}
