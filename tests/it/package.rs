//! Archive packages: other people's schemas and programs judge them (`tests/judges/sip.py`), they are the same each
//! time, and nothing becomes one that is not what its manifest and log say.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use sohoa::manifest::sha256_hex;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::judges::{judge_program, may_be_asked, python};
use crate::program::{Run, files_below, fresh, root, run, sohoa};

/// 21 November 2026, for bytes that depend on nothing else.
const TIME: &str = "1795219200";
const CODE: &str = "H21.15.25-250701-0012";

/// What describes [`dossier`] in full.
const METADATA: &str = "
[dossier]
title = 'Hồ sơ đăng ký khai sinh <số 12> & giấy tờ kèm theo'
maintenance = '01'
mode = '02'
language = ['01', '02']
startDate = 2025-07-01
endDate = '15/07/2025'
numberOfPaper = 4
paperFileCode = 'H21.15.K1.012'
riskRecovery = 0
description = 'Người lập: bộ phận một cửa'
[document]
organName = 'Ủy ban nhân dân xã Ia Le'
issuedDate = 2025-07-02
typeName = 32
kind = 'QĐ'
[documents.bia-ho-so]
subject = 'Bìa hồ sơ'
[documents.to-khai]
subject = 'Tờ khai đăng ký khai sinh'
organName = 'Công dân'
note = 'Tờ khai'
";

/// A dossier of two signed components.
fn dossier() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = fresh("package-dossier").join("out");
        made(&digitize(&["samples/bia-ho-so.jpg", "samples/to-khai"], &out, &[]));
        out
    })
}

fn digitize(inputs: &[&str], out: &Path, more: &[&str]) -> Run {
    let mut command = sohoa();
    run(command.arg("digitize").args(inputs).args(["--dossier", CODE, "--ocr", "off"]).args(more).arg("--out").arg(out))
}

fn made(run: &Run) {
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
}

/// Packages a directory at [`TIME`].
fn package(directory: &Path, out: &Path, more: &[&str]) -> Run {
    package_at(TIME, directory, out, more)
}

fn package_at(time: &str, directory: &Path, out: &Path, more: &[&str]) -> Run {
    let mut command = sohoa();
    run(command.env("SOURCE_DATE_EPOCH", time).arg("package").arg(directory).arg("--out").arg(out).args(more))
}

/// A file of this name with this text in a folder.
fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("our own folder");
    path.to_str().expect("our names are ASCII").to_owned()
}

/// The only package in a folder.
fn only(out: &Path) -> PathBuf {
    let found = files_below(out, "");
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().expect("there is one")
}

/// The files of a package by their path in its folder.
fn contents(package: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(File::open(package).expect("a package")).expect("a zip file");
    let folder = package.file_stem().expect("a name").to_str().expect("ASCII").to_owned();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).expect("it is there");
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("it is whole");
            let name = entry.name().expect("UTF-8").into_owned();
            let (top, path) = name.split_once('/').expect("a folder");
            assert_eq!(top, folder);
            (path.to_owned(), bytes)
        })
        .collect()
}

fn text(package: &Path, path: &str) -> String {
    let (_, bytes) = contents(package).into_iter().find(|(name, _)| name == path).expect("it is in the package");
    String::from_utf8(bytes).expect("XML is UTF-8")
}

/// Whether the judge can be asked.
fn judge_is_there() -> bool {
    may_be_asked(judge_program("eark-validator").exists())
}

/// What the judge complains of in each package.
fn problems(packages: &[PathBuf]) -> Vec<Vec<String>> {
    let judged = run(python().arg(root().join("tests/judges/sip.py")).args(packages));
    assert!(matches!(judged.code, Some(0 | 1)), "{judged:?}");
    let verdicts: Vec<Value> = serde_json::from_str(&judged.stdout).expect("sip.py prints JSON");
    let texts = |verdict: &Value| {
        let problems = verdict["problems"].as_array().expect("a list").iter();
        problems.map(|problem| problem.as_str().expect("text").to_owned()).collect()
    };
    verdicts.iter().map(texts).collect()
}

#[test]
fn packages_pass_their_judges() {
    if !judge_is_there() {
        return;
    }
    let folder = fresh("package-judged");
    let metadata = written(&folder, "metadata.toml", METADATA);
    let whole = "[package]\ndescription = 'ead3'\nagency = 'UBND xã Ia Le'\nagency_code = 'H21.15.25'\narchive = 'Lưu trữ \
                 lịch sử tỉnh'\narchive_code = 'H21'\nagreement = 'NL.H21.2025.01'\n\
                 profile = 'https://earksip.dilcis.eu/profile/E-ARK-SIP.xml'\n";
    let cases = [
        ("usual", String::new()),
        ("numbered", "[package]\nfile_name = 'cv7197'\nagency_code = 'H21.15.25'\n".to_owned()),
        ("no-premis", "[package]\npreservation = false\n".to_owned()),
        ("ead3", whole.to_owned()),
        ("agency", whole.replace("ead3", "tt05-2025")),
    ];
    let packages: Vec<PathBuf> = cases
        .iter()
        .map(|(name, config)| {
            let config = written(&folder, &format!("{name}.toml"), config);
            let out = folder.join(name);
            let packaged = package(dossier(), &out, &["--config", &config, "--metadata", &metadata]);
            assert_eq!(packaged.code, Some(0), "{name}: {packaged:?}");
            only(&out)
        })
        .collect();
    for ((name, _), problems) in cases.iter().zip(problems(&packages)) {
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    }
    let names = |package: &Path| contents(package).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let usual = names(&packages[0]);
    for expected in [
        "METS.xml",
        "metadata/descriptive/EAD.xml",
        "metadata/preservation/PREMIS.xml",
        "representations/rep1/METS.xml",
        "representations/rep1/metadata/descriptive/EAD_doc_H21.15.25-250701-0012.001.xml",
        "schemas/ead.xsd",
        "schemas/mets1_12.xsd",
        "representations/rep1/data/H21.15.25-250701-0012.001.pdf",
        "representations/rep1/data/H21.15.25-250701-0012.002.pdf",
    ] {
        assert!(usual.iter().any(|name| name == expected), "{expected}: {usual:?}");
    }
    let numbered = names(&packages[1]);
    let day = &fs::read_to_string(dossier().join("manifest.json")).expect("a manifest");
    let (_, day) = day.split_once("\"created\": \"").expect("it says when");
    let name = format!("representations/rep1/data/H21.15.25_QD_000002_V1_{}_To-khai.pdf", day[..10].replace('-', ""));
    assert!(numbered.contains(&name), "{name}: {numbered:?}");
    assert!(!names(&packages[2]).iter().any(|name| name.contains("PREMIS")));
    assert!(text(&packages[3], EAD).contains("<ead "));
}

/// Name, file, what is done to it, and how the complaint begins.
type Break = (&'static str, &'static str, fn(String) -> String, &'static str);

#[test]
fn the_judge_of_packages_can_fail() {
    if !judge_is_there() {
        return;
    }
    let folder = fresh("package-broken");
    let metadata = written(&folder, "metadata.toml", METADATA);
    let out = folder.join("good");
    made(&package(dossier(), &out, &["--metadata", &metadata]));
    let good = only(&out);
    let breaks: [Break; 10] = [
        ("hash", "METS.xml", |mets| mets.replacen(" CHECKSUM=\"", " CHECKSUM=\"0", 1), "checksum: "),
        ("size", "METS.xml", |mets| mets.replacen(" SIZE=\"", " SIZE=\"1", 1), "checksum: "),
        ("part", "METS.xml", |mets| cut(&mets, "<structMap", "</structMap>"), "xsd: METS.xml"),
        ("kind", "METS.xml", |mets| mets.replace("TYPE=\"Mixed\"", ""), "validator: CSIP2 "),
        ("role", "METS.xml", |mets| mets.replace("TYPE=\"SIP\"", "TYPE=\"ZIP\""), "xsd: METS.xml"),
        ("twice", "representations/rep1/METS.xml", |mets| twice(&mets), "checksum: uuid-"),
        ("event", PREMIS, |premis| cut(&premis, "<eventType>", "</eventType>"), "xsd: metadata/preservation"),
        (
            "link",
            PREMIS,
            |premis| premis.replacen("ObjectIdentifierValue>ID", "ObjectIdentifierValue>I", 3),
            "checksum: PREMIS",
        ),
        ("digest", PREMIS, |premis| premis.replacen("<messageDigest>", "<messageDigest>0", 1), "checksum: PREMIS"),
        ("field", EAD, |ead| ead.replacen("<mode>02", "<mode>offen", 1), "xsd: metadata/desc"),
    ];
    let mut broken: Vec<PathBuf> = breaks
        .iter()
        .map(|(name, file, change, _)| {
            rewritten(&good, &folder.join(name), |path, bytes| match path == *file {
                true => change(String::from_utf8(bytes).expect("XML is UTF-8")).into_bytes(),
                false => bytes,
            })
        })
        .collect();
    broken.push(rewritten(&good, &folder.join("pdf"), |path, mut bytes| {
        if path.ends_with(".002.pdf") {
            bytes[100] ^= 1;
        }
        bytes
    }));
    let expected = breaks
        .iter()
        .map(|(name, .., expected)| (*name, *expected))
        .chain([("pdf", "checksum: representations/rep1/data/")]);
    for ((name, expected), problems) in expected.zip(problems(&broken)) {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{name}: {problems:#?}");
    }
    // Nothing but the change makes it fail.
    let same = rewritten(&good, &folder.join("same"), |_, bytes| bytes);
    assert_eq!(problems(&[same]), [Vec::<String>::new()]);
}

const EAD: &str = "metadata/descriptive/EAD.xml";
const PREMIS: &str = "metadata/preservation/PREMIS.xml";

/// A text without what is between two marks, and them.
fn cut(text: &str, from: &str, to: &str) -> String {
    let (before, rest) = text.split_once(from).expect("it begins");
    let (_, after) = rest.split_once(to).expect("it ends");
    before.to_owned() + after
}

/// METS with the first identifier given to the second element as well.
fn twice(mets: &str) -> String {
    let mut parts = mets.splitn(3, " ID=\"");
    let [start, first, rest] = std::array::from_fn(|_| parts.next().expect("several identifiers"));
    let (identifier, _) = first.split_once('"').expect("it ends");
    let (_, after) = rest.split_once('"').expect("it ends");
    format!("{start} ID=\"{first} ID=\"{identifier}\"{after}")
}

/// A package of the same name in another folder, its files changed.
fn rewritten(package: &Path, folder: &Path, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> PathBuf {
    fs::create_dir_all(folder).expect("our own folder");
    let target = folder.join(package.file_name().expect("a name"));
    let top = package.file_stem().expect("a name").to_str().expect("ASCII");
    let mut zip = ZipWriter::new(File::create(&target).expect("our own folder"));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, bytes) in contents(package) {
        zip.start_file(format!("{top}/{path}"), options).expect("our own file");
        zip.write_all(&change(&path, bytes)).expect("our own file");
    }
    zip.finish().expect("our own file");
    target
}

#[test]
fn the_same_dossier_is_the_same_package() {
    let folder = fresh("package-repeat");
    let metadata = written(&folder, "metadata.toml", METADATA);
    let packaged = |time: &str, out: &str, more: &[&str]| {
        let run = package_at(time, dossier(), &folder.join(out), &[&["--metadata", &metadata], more].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        (only(&folder.join(out)), run.stdout)
    };
    let ((one, first), (other, _)) = (packaged(TIME, "one", &[]), packaged(TIME, "other", &[]));
    assert!(first.contains("2 tài liệu") && first.contains("KHÔNG CÓ GIÁ TRỊ PHÁP LÝ"), "{first}");
    assert_eq!((one.file_name(), fs::read(&one).unwrap()), (other.file_name(), fs::read(&other).unwrap()));
    let name = one.file_stem().and_then(|name| name.to_str()).expect("ASCII");
    let uuid = name.strip_prefix("uuid-").expect("it is called so");
    assert!(uuid.len() == 36 && uuid == uuid.to_uppercase(), "{name}");

    // Later it is the same package still, and nothing is written.
    let before = (fs::read(&one).unwrap(), fs::metadata(&one).unwrap().modified().unwrap());
    let (again, said) = packaged("1795300000", "one", &["--json"]);
    assert_eq!((fs::read(&again).unwrap(), fs::metadata(&again).unwrap().modified().unwrap()), before);
    let event: Value = serde_json::from_str(said.lines().next().expect("an event")).expect("JSON");
    assert_eq!((&event["event"], &event["unchanged"], &event["id"]), (&"packaged".into(), &true.into(), &name.into()));
    let later = packaged("1795300000", "later", &[]).0;
    assert_eq!(later.file_name(), one.file_name());
    assert_ne!(fs::read(later).unwrap(), before.0, "the time stands in it");

    // What is described otherwise is another package.
    let renamed = packaged(TIME, "renamed", &["--file-name", "{dossier}_{number}"]).0;
    assert_ne!(renamed.file_name(), one.file_name());

    // One that was damaged is not taken for it, and stays as it is.
    let mut damaged = before.0;
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    fs::write(&one, &damaged).unwrap();
    let refused = package(dossier(), &folder.join("one"), &["--metadata", &metadata]);
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert_eq!((fs::read(&one).unwrap(), files_below(&folder.join("one"), "").len()), (damaged, 1));
}

#[test]
fn a_directory_that_was_altered_is_refused() {
    let folder = fresh("package-altered");
    let metadata = written(&folder, "metadata.toml", METADATA);
    let (copy, out) = (folder.join("dossier"), folder.join("out"));
    fs::create_dir_all(&copy).unwrap();
    for file in files_below(dossier(), "") {
        fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    }
    let packaged = || package(&copy, &out, &["--metadata", &metadata]);
    for name in ["manifest.json", "log.jsonl", "to-khai.pdf"] {
        let path = copy.join(name);
        let original = fs::read(&path).unwrap();
        for at in [0, original.len() / 2, original.len() - 2] {
            let mut changed = original.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            let refused = packaged();
            assert_eq!(refused.code, Some(6), "{name}, byte {at}: {refused:?}");
            assert!(!out.exists() || files_below(&out, "").is_empty(), "nothing is there for {name}");
        }
        fs::remove_file(&path).unwrap();
        let code = if name == "manifest.json" { 5 } else { 6 };
        assert_eq!(packaged().code, Some(code), "{name} is gone");
        fs::write(&path, &original).unwrap();
    }
    made(&packaged());
    assert_eq!(package(&folder.join("none"), &out, &[]).code, Some(5));
    assert!(!folder.join("none").exists());
    assert_eq!(package(&copy, &copy, &["--metadata", &metadata]).code, Some(2));
}

#[test]
fn what_is_not_ready_is_refused_or_left_out() {
    let folder = fresh("package-unready");
    let metadata = written(&folder, "metadata.toml", METADATA);
    let (dossier, out) = (folder.join("dossier"), folder.join("out"));
    made(&digitize(&["samples/to-khai"], &dossier, &[]));
    made(&digitize(&["samples/bia-ho-so.jpg"], &dossier, &["--no-sign"]));
    let refused = package(&dossier, &out, &["--metadata", &metadata]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("bia-ho-so (chờ ký)") && !out.exists(), "{refused:?}");
    let packaged = package(&dossier, &out, &["--metadata", &metadata, "--leave-out", "--json"]);
    assert_eq!(packaged.code, Some(3), "{packaged:?}");
    let event: Value = serde_json::from_str(packaged.stdout.lines().next().expect("an event")).expect("JSON");
    assert_eq!((&event["documents"], &event["left_out"][0]["state"]), (&1.into(), &"unsigned".into()));
    let data: Vec<_> = contents(&only(&out)).into_iter().filter(|(path, _)| path.ends_with(".pdf")).collect();
    let pdf = fs::read(dossier.join("to-khai.pdf")).unwrap();
    assert_eq!(data.len(), 1);
    assert_eq!(sha256_hex(&data[0].1), sha256_hex(&pdf));
}

#[test]
fn what_the_description_lacks_is_named() {
    let folder = fresh("package-metadata");
    let out = folder.join("out");
    let refused = package(dossier(), &out, &[]);
    assert_eq!(refused.code, Some(11), "{refused:?}");
    for field in ["`title`", "`startDate`", "trích yếu nội dung (`subject`) của bia-ho-so, to-khai", "`paperFileCode`"]
    {
        assert!(refused.stderr.contains(field), "{field}: {refused:?}");
    }
    // What the manifest knows is not asked for.
    assert!(!refused.stderr.contains("`fileCode`") && !refused.stderr.contains("numberOfPage"), "{refused:?}");
    let packaged = package(dossier(), &out, &["--allow-missing"]);
    assert!(packaged.code == Some(0) && packaged.stdout.contains("còn trống: "), "{packaged:?}");
    assert!(text(&only(&out), EAD).contains("<title/>"));

    let csv =
        "dossier;component;title;subject;startDate;organName\n;;Hồ sơ;;1/7/2025;\n;*;;;;UBND\n;to-khay;;Tờ khai;;\n";
    let csv = written(&folder, "metadata.csv", csv);
    let said = package(dossier(), &folder.join("csv"), &["--allow-missing", "--metadata", &csv]);
    assert!(said.code == Some(0) && said.stderr.contains("to-khay"), "{said:?}");
    let ead = text(&only(&folder.join("csv")), EAD);
    assert!(ead.contains("<title>Hồ sơ</title>") && ead.contains("<startDate>01/07/2025</startDate>"), "{ead}");

    let wrong = written(&folder, "wrong.toml", "[dossier]\nmaintenance = '09'\n");
    let refused = package(dossier(), &out, &["--metadata", &wrong]);
    assert!(refused.code == Some(9) && refused.stderr.contains("maintenance"), "{refused:?}");
    let refused = package(dossier(), &out, &["--file-name", "a/{number}", "--allow-missing"]);
    assert!(refused.code == Some(9) && refused.stderr.contains("package.file_name"), "{refused:?}");
    let refused = package(dossier(), &out, &["--file-name", "cv7197", "--allow-missing"]);
    assert!(refused.code == Some(11) && refused.stderr.contains("agency_code"), "{refused:?}");
    let refused = package(dossier(), &out, &["--file-name", "{dossier}", "--allow-missing"]);
    assert!(refused.code == Some(9) && refused.stderr.contains("{number}"), "{refused:?}");
}
