//! Archives digitised in one go: what is wrong with one is named, whatever ends a run, the next goes on, and nobody's page is
//! made twice.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage, imageops};
use serde_json::Value;

use crate::generator::random::Random;
use crate::generator::{document_page, flat_jpeg};
use crate::program::{Run, files_below, fresh, run, sohoa};

/// All files are made at this time, so that runs can be compared byte by byte.
const TIME: &str = "1767225600";
/// Longest that a run may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// An archive in a folder, and where it goes.
pub(crate) struct Archive {
    pub(crate) folder: PathBuf,
}

impl Archive {
    pub(crate) fn new(name: &str) -> Self {
        let archive = Self { folder: fresh(name) };
        fs::create_dir(archive.source()).expect("our own folder");
        archive
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.join("source")
    }

    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.source().join(path);
        fs::create_dir_all(path.parent().expect("below the source")).expect("our own folder");
        fs::write(path, bytes).expect("our own folder");
    }

    /// Boxes of dossiers with one document each, of so many pages.
    pub(crate) fn fill(&self, boxes: usize, dossiers: usize, pages: usize) {
        let mut random = Random::new(7);
        for number in 0..boxes * dossiers {
            let code = code(number);
            for page in 1..=pages {
                let image = document_page(&code, page, &mut random);
                self.put(&format!("Hộp {}/{code}/Tờ khai/{page}.jpg", number / dossiers + 1), &flat_jpeg(&image));
            }
        }
    }

    /// `sohoa batch` with these arguments.
    pub(crate) fn batch(&self, arguments: &[&str]) -> Command {
        let mut command = sohoa();
        command.arg("batch").args(arguments).env("SOURCE_DATE_EPOCH", TIME).current_dir(&self.folder);
        command
    }

    /// Digitises the archive unsigned into a folder.
    pub(crate) fn digitise(&self, out: &str, more: &[&str]) -> Run {
        let arguments = [&["run", "source", "--no-sign", "--json", "--out", out], more].concat();
        run(&mut self.batch(&arguments))
    }

    fn status(&self, out: &str) -> Value {
        let told = run(&mut self.batch(&["status", out, "--json"]));
        serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"))
    }

    fn wait_for(&self, out: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.status(out);
            if is_so(&status) {
                return status;
            }
            assert!(Instant::now() < until, "waited for: {what}; {status}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn report(&self, out: &str) -> Value {
        let text = fs::read(self.folder.join(out).join("bao-cao/report.json")).expect("a report");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Kind, dossier, component and page of each finding.
    fn findings(&self, out: &str) -> Vec<(String, String, String, u64)> {
        let report = self.report(out);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = report["findings"].as_array().expect("a list").iter();
        findings
            .map(|one| {
                let page = one["page"].as_u64().unwrap_or(0);
                (text(&one["kind"]), text(&one["dossier"]), text(&one["component"]), page)
            })
            .collect()
    }

    /// The PDFs of an output by their path in it.
    pub(crate) fn files(&self, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let out = self.folder.join(out);
        let files = files_below(&out, "pdf").into_iter();
        files
            .map(|file| {
                let bytes = fs::read(&file).expect("readable");
                (file.strip_prefix(&out).expect("below it").to_owned(), bytes)
            })
            .collect()
    }
}

fn code(number: usize) -> String {
    format!("H21.15.25-250701-{:04}", number + 1)
}

/// The events of a program that runs, as they come.
fn events(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok())
}

#[test]
fn runs_killed_at_any_moment_make_the_same_files_and_no_page_twice() {
    const KILLS: usize = 6;
    let archive = Archive::new("batch-killed");
    archive.fill(2, 4, 3);
    let whole = archive.digitise("whole", &["--sample", "20"]);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let expected = archive.files("whole");
    assert_eq!(expected.len(), 8);

    let mut random = Random::new(11);
    let mut made = 0;
    let mut lanes = 0;
    for _ in 0..KILLS {
        let mut command = archive.batch(&["run", "source", "--no-sign", "--json", "--sample", "20", "--out", "killed"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        // After so many pages, and a moment into the next.
        let pages = random.whole(0..5);
        let mut seen = 0;
        for event in events(&mut child) {
            let is_made = event["event"] == "page" && event["kept"] == false;
            (seen, made) = (seen + usize::from(is_made), made + usize::from(is_made));
            if seen > pages || event["event"] == "estimated" && pages == 0 {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(random.bits() % 120));
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        lanes += std::thread::available_parallelism().map_or(1, usize::from) + 1;
    }
    let last = archive.digitise("killed", &["--sample", "20"]);
    assert_eq!(last.code, Some(0), "{last:?}");
    let is_made = |line: &&str| line.contains(r#""event":"page""#) && line.contains(r#""kept":false"#);
    made += last.stdout.lines().filter(is_made).count();
    assert_eq!(archive.files("killed"), expected, "byte by byte");
    // The pages that were in work, and those that were told of after we stopped listening.
    assert!(made <= 24 + lanes, "{made} pages were made for 24");
    let strip = |out: &str| {
        let mut findings = archive.findings(out);
        findings.sort();
        findings
    };
    assert_eq!(strip("killed"), strip("whole"));
    let again = archive.digitise("killed", &[]);
    assert!(!again.stdout.contains(r#""event":"page""#), "nothing is left: {again:?}");
    let manifests = files_below(&archive.folder.join("killed"), "json");
    let manifests = manifests.iter().filter(|file| file.ends_with("manifest.json"));
    let verified = run(sohoa().args(["verify", "--json"]).args(manifests.filter_map(|file| file.parent())));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn what_is_wrong_with_an_archive_is_named() {
    let archive = Archive::new("batch-faults");
    let mut random = Random::new(3);
    let mut page = |number: usize, of: usize| document_page(&code(of), number, &mut random);
    // Dossier by dossier: the pages of its one document, in order.
    let blank = RgbImage::from_pixel(1654, 2339, Rgb([250, 250, 248]));
    let put = |of: usize, pages: &[&RgbImage]| {
        for (number, image) in (1..).zip(pages) {
            archive.put(&format!("Hộp A/{}/Đơn/{number}.jpg", code(of)), &flat_jpeg(image));
        }
    };
    put(0, &[&page(1, 0), &page(2, 0), &page(3, 0)]);
    put(1, &[&page(1, 1), &blank, &page(2, 1)]);
    let blurred = imageops::fast_blur(&page(2, 2), 3.0);
    put(2, &[&page(1, 2), &blurred]);
    put(3, &[&page(1, 3), &imageops::rotate180(&page(2, 3))]);
    let twice = page(1, 4);
    put(4, &[&twice, &page(2, 4), &imageops::brighten(&twice, -6)]);
    put(5, &[&page(1, 5), &page(2, 5), &page(4, 5)]);
    put(6, &[&page(1, 6), &page(3, 6), &page(2, 6), &page(4, 6)]);
    put(7, &[&page(1, 7), &page(2, 40)]);
    archive.put(&format!("Hộp A/{}/Đơn/1.jpg", code(8)), b"\xff\xd8\xff\xe0 broken");
    archive.put("Hộp A/le.jpg", &flat_jpeg(&blank));
    let link = archive.source().join(format!("Hộp A/{}/Đơn/lien-ket.jpg", code(0)));
    std::os::unix::fs::symlink("/dev/null", link).expect("our own folder");
    let rows: String = (0..8).map(|of| format!("{},{}\n", code(of), if of == 2 { 5 } else { 0 })).collect();
    let rows = rows.replace(",0\n", ",\n");
    let index = format!("Mã hồ sơ,Số trang\n{rows}{},\n{},\n", code(30), code(0));
    fs::write(archive.folder.join("muc-luc.csv"), index).expect("our own folder");

    let told = archive.digitise("out", &["--index", "muc-luc.csv"]);
    assert_eq!(told.code, Some(3), "one file cannot be read: {told:?}");
    let expected = [
        ("passed-over", code(0), "", 0),
        ("blank", code(1), "Don", 2),
        ("quality", code(2), "Don", 2),
        ("quality", code(2), "Don", 2),
        ("page-count", code(2), "", 0),
        ("turned", code(3), "Don", 2),
        ("same-page", code(4), "Don", 3),
        ("page-missing", code(5), "Don", 3),
        ("order", code(6), "Don", 3),
        ("other-dossier", code(7), "Don", 2),
        ("set-aside", code(8), "Don", 0),
        ("dossier-missing", String::new(), "", 0),
        ("dossier-extra", String::new(), "", 0),
        ("row-twice", String::new(), "", 0),
        ("loose", String::new(), "", 0),
    ];
    let mut expected: Vec<_> =
        expected.map(|(kind, dossier, component, page)| (kind.to_owned(), dossier, component.to_owned(), page)).into();
    let mut found = archive.findings("out");
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{:#}", archive.report("out")["findings"]);

    let page = fs::read_to_string(archive.folder.join("out/bao-cao/report.html")).expect("a report");
    for name in ["Thiếu trang theo số trang in", "Sai thứ tự trang", "Hộp A", "anh/"] {
        assert!(page.contains(name), "{name}");
    }
    // What could not be read is mended, and tried again.
    archive.put(&format!("Hộp A/{}/Đơn/1.jpg", code(8)), &flat_jpeg(&twice));
    let again = archive.digitise("out", &["--index", "muc-luc.csv"]);
    assert_eq!(again.code, Some(4), "a blurred page is left: {again:?}");
    assert!(!archive.findings("out").iter().any(|(kind, ..)| kind == "set-aside"));
}

#[test]
fn a_batch_pauses_goes_on_and_is_accepted_box_by_box() {
    let archive = Archive::new("batch-pause");
    archive.fill(2, 3, 2);
    let started = archive.digitise("out", &["--plan"]);
    assert_eq!(started.code, Some(0), "{started:?}");
    assert!(archive.files("out").is_empty() && started.stdout.contains(r#""event":"estimated""#), "{started:?}");
    let paused = run(&mut archive.batch(&["pause", "out"]));
    assert_eq!(paused.code, Some(0), "{paused:?}");
    let mut child = archive.batch(&["run", "--out", "out", "--quiet"]).spawn().expect("it starts");
    let status = archive.wait_for("out", "it runs", |status| status["running"] == true);
    assert_eq!((&status["paused"], &status["done"]), (&Value::Bool(true), &0.into()));
    let second = run(&mut archive.batch(&["run", "--out", "out"]));
    assert!(second.code == Some(7) && second.stderr.contains("đang làm"), "{second:?}");
    assert_eq!(run(&mut archive.batch(&["resume", "out"])).code, Some(0));
    assert_eq!(child.wait().expect("our own child").code(), Some(0), "it went on with the options of its beginning");
    let status = archive.status("out");
    assert_eq!((&status["done"], &status["unsigned"], &status["left"]), (&6.into(), &6.into(), &0.into()));

    assert_eq!(run(&mut archive.batch(&["reject", "out", "Hộp 1", "--by", "Lan"])).code, Some(2), "without a reason");
    let none = run(&mut archive.batch(&["accept", "out", "Hộp 9", "--by", "Lan"]));
    assert!(none.code == Some(2) && none.stderr.contains("Hộp 9"), "{none:?}");
    assert_eq!(run(&mut archive.batch(&["accept", "out", "Hộp 1", "--by", "Lan"])).code, Some(0));
    let rejected = ["reject", "out", "Hộp 2", "--by", "Lan", "--reason", "chữ mờ"];
    assert_eq!(run(&mut archive.batch(&rejected)).code, Some(0));
    let boxes = archive.report("out")["boxes"].clone();
    let verdict = |index: usize| (boxes[index]["verdict"]["accepted"].as_bool(), boxes[index]["samples"].as_u64());
    assert_eq!(verdict(0).0, Some(true));
    assert_eq!(verdict(1).0, Some(false));
    assert!(verdict(0).1 >= Some(1) && verdict(1).1 >= Some(1), "of each box a page is looked at: {boxes:#}");

    let retried = run(&mut archive.batch(&["retry", "out", &code(2), "--json"]));
    assert!(retried.stdout.contains(r#""dossiers":1"#), "{retried:?}");
    let again = run(&mut archive.batch(&["run", "--out", "out", "--json"]));
    assert_eq!((again.code, archive.files("out").len()), (Some(0), 6), "{again:?}");
}

#[test]
fn what_a_batch_cannot_use_is_said() {
    let archive = Archive::new("batch-bad");
    let refused = |arguments: &[&str], code: i32, text: &str| {
        let told = run(&mut archive.batch(arguments));
        assert!(told.code == Some(code) && told.stderr.contains(text), "{arguments:?}: {told:?}");
    };
    refused(&["status", "out"], 5, "chưa có đợt số hóa nào");
    refused(&["run", "--out", "out"], 2, "hãy cho biết thư mục nguồn");
    refused(&["run", "nowhere", "--out", "out"], 5, "nowhere");
    refused(&["run", "source", "--out", "out", "--layout", "hộp"], 2, "box/dossier");
    refused(&["run", "source", "--out", "out", "--sample", "101"], 2, "0 đến 100");
    refused(&["run", "source", "--out", "source/out"], 2, "nằm trong nhau");
    refused(&["run", "source", "--out", "empty"], 5, "không có hồ sơ nào");
    archive.put("H21-250701-0001/1.jpg", &flat_jpeg(&RgbImage::from_pixel(400, 500, Rgb([250; 3]))));
    fs::write(archive.folder.join("bad.csv"), "a,b\n1,2\n").expect("our own folder");
    refused(&["run", "source", "--out", "out", "--index", "bad.csv"], 2, "Mã hồ sơ");
    fs::create_dir_all(archive.folder.join("other")).expect("our own folder");
    let done = archive.digitise("done", &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    refused(&["run", "other", "--out", "done"], 2, "nguồn khác");
}

/// What is done to a dossier of [`three_hundred_pages_with_faults_are_reported_fault_by_fault`].
const PLANTED: [&str; 8] =
    ["blank", "quality", "turned", "same-page", "page-missing", "order", "other-dossier", "same-file"];

#[test]
#[ignore = "300 pages: cargo test --release --test it -- --ignored --nocapture batch::three_hundred"]
fn three_hundred_pages_with_faults_are_reported_fault_by_fault() {
    const DOSSIERS: usize = 30;
    let archive = Archive::new("batch-300");
    let mut random = Random::new(300);
    let mut expected = Vec::new();
    let mut first_page = Vec::new();
    for of in 0..DOSSIERS {
        let mut pages: Vec<RgbImage> = (1..=10).map(|number| document_page(&code(of), number, &mut random)).collect();
        let at = random.whole(3..8);
        let planted = PLANTED.get(of % (PLANTED.len() + 2)).copied();
        // Where it is seen, counted from 1.
        let seen = match planted {
            Some("blank") => {
                pages.insert(at, RgbImage::from_pixel(1654, 2339, Rgb([250, 250, 248])));
                at + 1
            }
            Some("quality") => {
                pages[at] = imageops::fast_blur(&pages[at], 3.0);
                at + 1
            }
            Some("turned") => {
                pages[at] = imageops::rotate180(&pages[at]);
                at + 1
            }
            Some("same-page") => {
                pages.push(imageops::brighten(&pages[0], -6));
                pages.len()
            }
            Some("page-missing") => {
                pages.remove(at);
                at + 1
            }
            Some("order") => {
                pages.swap(at, at + 1);
                at + 2
            }
            Some("other-dossier") => {
                pages[at] = document_page(&code(of + 100), at + 1, &mut random);
                at + 1
            }
            _ => 0,
        };
        let mut files: Vec<Vec<u8>> = pages.iter().map(flat_jpeg).collect();
        if planted == Some("same-file") {
            // The first page of the first dossier lies in this one, too.
            files[0].clone_from(&first_page);
        }
        if of == 0 {
            first_page.clone_from(&files[0]);
        }
        match planted {
            Some("same-file") => expected.push((vec!["same-file", "other-dossier"], of, 1)),
            Some(kind) => expected.push((vec![kind], of, seen as u64)),
            None => {}
        }
        for (number, file) in (1..).zip(&files) {
            archive.put(&format!("Hộp {}/{}/Đơn/{number}.jpg", of / 10 + 1, code(of)), file);
        }
    }
    let told = archive.digitise("out", &[]);
    assert_eq!(told.code, Some(4), "{told:?}");
    let found = archive.findings("out");
    let mut unnamed = Vec::new();
    for (kinds, of, page) in &expected {
        for kind in kinds {
            // Of the same file either of the two dossiers may come first.
            let is_it = |one: &&(String, String, String, u64)| {
                one.0 == *kind && (one.1 == code(*of) && one.3 == *page || *kind == "same-file")
            };
            if !found.iter().any(|one| is_it(&one)) {
                unnamed.push((kind, of, page));
            }
        }
    }
    let planted: Vec<String> = expected.iter().map(|(_, of, _)| code(*of)).chain([code(0)]).collect();
    let other: Vec<_> = found.iter().filter(|one| !planted.contains(&one.1)).collect();
    println!("{} faults planted, {} findings, in dossiers without a fault: {other:?}", expected.len(), found.len());
    assert!(unnamed.is_empty(), "not named: {unnamed:?} in {found:#?}");
    assert!(other.is_empty());
}
