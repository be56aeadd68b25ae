//! The service is killed at random moments under a steady stream of files, and nothing is lost, doubled or half-written, with
//! nobody's help. `scripts/crash-test N` kills it N times.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sohoa::codes::sheet::{Sheet, payload};
use sohoa::codes::symbols::qr;

use crate::program::{run, sohoa};
use crate::service::{Centre, files};
use crate::sheets::tiff;

/// Kills in the suite; `SOHOA_KILLS` asks for another number.
const KILLS: u32 = 30;

/// Longest that the last run may go without finishing anything of what is left.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn a_service_killed_at_random_moments_loses_and_doubles_nothing() {
    let kills = std::env::var("SOHOA_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let mut centre = Centre::new("crash");
    let stop = AtomicBool::new(false);
    let folder = centre.folder.clone();
    let signed = signed_pdf(&folder);
    let (dropped, last_events) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| drop_files(&folder, &signed, &stop));
        let mut random = Random(u64::from(kills) * 977 + 1);
        let mut last_events: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..kills {
            centre.start(&[]);
            sleep(Duration::from_millis(30 + random.below(1_500)));
            centre.kill();
            let last = centre.events().pop().map(|event| event["event"].as_str().unwrap_or_default().to_owned());
            *last_events.entry(last.unwrap_or_else(|| "nothing".to_owned())).or_default() += 1;
        }
        stop.store(true, Ordering::Relaxed);
        (writer.join().expect("the writer only writes"), last_events)
    });

    centre.start(&[]);
    let (mut left, mut since) = (Value::Null, Instant::now());
    let status = loop {
        let status = centre.status();
        let is_idle = status["components"]["in-work"] == 0 && status["queued"] == 0 && status["running"] == 0;
        if is_idle && files(&centre.folder.join("in")).is_empty() && claimed(&centre.folder.join("in")) == 0 {
            break status;
        }
        if left != status["unmade_captures"] {
            (left, since) = (status["unmade_captures"].clone(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "it stands still: {status}");
        sleep(Duration::from_millis(300));
    };
    assert_eq!(centre.stop(), Some(0));
    let checked = run(&mut centre.program(&["store", "check"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let found = judge(&centre, &dropped);
    println!(
        "{kills} kills, {} papers dropped, {} captures, {} components, {} versions for late pages, {} pages of divided \
         stacks; killed after: {last_events:?}",
        dropped.len(),
        status["captures"],
        found.components,
        found.late_versions,
        found.stacked_pages,
    );
}

/// What the outputs hold.
struct Found {
    components: usize,
    late_versions: usize,
    stacked_pages: usize,
}

/// Every dropped content is a page of what was published, each component is published once for each set of its captures, each
/// page of a stack is in one component and its sheets are in none, and every file is whole.
fn judge(centre: &Centre, dropped: &BTreeSet<String>) -> Found {
    let out = centre.folder.join("out");
    let mut published: BTreeSet<String> = BTreeSet::new();
    let mut found = Found { components: 0, late_versions: 0, stacked_pages: 0 };
    let mut stacked: BTreeMap<String, String> = BTreeMap::new();
    let manifests: Vec<_> = files(&out).into_iter().filter(|path| path.ends_with("manifest.json")).collect();
    for path in &manifests {
        let directory = path.parent().expect("it lies in a directory");
        let manifest: Value = serde_json::from_slice(&fs::read(path).expect("it was listed")).expect("JSON");
        let mut sets = BTreeSet::new();
        let mut listed = BTreeSet::new();
        for component in manifest["components"].as_array().expect("a list") {
            let name = text(&component["name"]);
            let pages = component["pages"].as_array().expect("a list").iter();
            let pages = pages.map(|page| {
                let source = &page["source"];
                let page = text(&source["file"]["sha256"]);
                if !text(&source["file"]["path"]).ends_with(".tif") {
                    return page;
                }
                let page = format!("{page} {}", source["page"]);
                let place = format!("{} {name}", directory.display());
                let other = stacked.insert(page.clone(), place.clone());
                assert!(other.is_none_or(|other| other == place), "in two components: {page}");
                page
            });
            let kept = component.get("kept").map(|kept| text(&kept["source"]["sha256"]));
            let sources: Vec<String> = pages.chain(kept).collect();
            assert!(component["set_aside"].as_array().is_some_and(Vec::is_empty), "{component}");
            published.extend(sources.iter().cloned());
            listed.insert(text(&component["file"]["path"]));
            found.components += 1;
            found.late_versions += usize::from(component["version"] != 1);
            assert!(sets.insert((name.clone(), sources)), "made twice: {component}");
        }
        let there: BTreeSet<String> = files(directory)
            .iter()
            .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
            .filter(|name| name != "manifest.json" && name != "log.jsonl")
            .collect();
        assert_eq!(there, listed, "{}", directory.display());
    }
    found.stacked_pages = stacked.len();
    let sheets: Vec<_> = stacked.keys().filter(|page| !dropped.contains(*page)).collect();
    assert!(sheets.is_empty(), "sheets among the pages: {sheets:?}");
    let lost: Vec<_> = dropped.difference(&published).collect();
    assert!(lost.is_empty(), "lost {} of {}: {lost:?}", lost.len(), dropped.len());
    let mut verify = sohoa();
    let verified = run(verify.arg("verify").args(manifests.iter().filter_map(|path| path.parent())));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    found
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Files that the watcher holds.
fn claimed(folder: &Path) -> usize {
    let folder = folder.join(".sohoa/claimed");
    if folder.exists() { crate::program::files_below(&folder, "").len() } else { 0 }
}

/// Drops papers as scanners do until told to stop: pictures and signed PDF files, loose and of dossiers, two at a time, some
/// written slowly, some twice, and stacks with sheets in them. Says the hashes of all contents, of stacks one a page.
fn drop_files(folder: &Path, signed: &[u8], stop: &AtomicBool) -> BTreeSet<String> {
    let (watched, beside) = (folder.join("in"), folder.join("dropping"));
    let mut dropped = BTreeSet::new();
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let is_picture = number % 4 == 0;
        // A comment after its end makes a PDF file another file, and leaves its signature as it is.
        let paper = |number: u64| match is_picture {
            true => picture(number),
            false => [signed, format!("% {number}\n").as_bytes()].concat(),
        };
        let papers = [paper(2 * number), paper(2 * number + 1)];
        dropped.extend(papers.iter().map(|bytes| hash(bytes)));
        let code = format!("H21.15.25-250701-{:04}", number / 5);
        let names = match number % 4 {
            0 => [format!("e{number}_1.png"), format!("e{number}_2.png")],
            1 => [format!("{code}/c{number}/1.pdf"), format!("{code}/c{number}/2.pdf")],
            2 => [format!("{code}_d{number}_1.pdf"), format!("{code}_d{number}_2.pdf")],
            _ => [format!("a{number}.pdf"), format!("b{number}.pdf")],
        };
        for (name, bytes) in names.iter().zip(&papers) {
            let target = watched.join(name);
            fs::create_dir_all(target.parent().expect("below the folder")).expect("our own folder");
            if number % 3 == 0 {
                let (begin, end) = bytes.split_at(bytes.len() / 2);
                let mut file = fs::File::create(&target).expect("our own folder");
                file.write_all(begin).expect("our own folder");
                sleep(Duration::from_millis(60));
                file.write_all(end).expect("our own folder");
            } else {
                fs::write(&beside, bytes).expect("our own folder");
                fs::rename(&beside, &target).expect("our own folder");
            }
        }
        if number % 9 == 0 {
            let (stack, papers) = stack(number);
            fs::write(&beside, &stack).expect("our own folder");
            fs::rename(&beside, watched.join(format!("stack{number}.tif"))).expect("our own folder");
            dropped.extend(papers.iter().map(|page| format!("{} {page}", hash(&stack))));
        }
        if number % 7 == 0 {
            let again = watched.join(format!("again{number}.{}", if is_picture { "png" } else { "pdf" }));
            fs::write(again, &papers[0]).expect("our own folder");
        }
        sleep(Duration::from_millis(150));
    }
    dropped
}

/// A small PDF file with a signature, which becomes a component as it is.
fn signed_pdf(folder: &Path) -> Vec<u8> {
    let path = folder.join("signed.pdf");
    fs::write(&path, crate::broken::text_pdf()).expect("our own folder");
    let mut sign = sohoa();
    sign.args(["sign", "--key", "tests/data/sign/p256.p12"]).arg(&path).env("SOHOA_KEY_PASSWORD", "mật khẩu");
    let signed = run(&mut sign);
    assert_eq!(signed.code, Some(0), "{signed:?}");
    fs::read(path).expect("it was signed")
}

/// A stack of small pages: the cover of a dossier, two pages, a separator, a page. Also which of them are papers, from 1.
fn stack(number: u64) -> (Vec<u8>, [usize; 3]) {
    let cover = Sheet::Cover(format!("H21.15.25-250702-{:04}", number / 20).parse().expect("a code"));
    let separator = Sheet::Separator(Some("Tờ khai".parse().expect("a name")));
    let sheet = |sheet: &Sheet| {
        let rows = qr(&payload(sheet)).expect("it is short");
        let is_dark = |x: u32, y: u32| {
            let module = |at: u32| (at as usize / 4).checked_sub(10);
            let row = module(y).and_then(|y| rows.get(y));
            row.zip(module(x)).is_some_and(|(row, x)| row.get(x) == Some(&true))
        };
        GrayImage::from_fn(320, 448, |x, y| Luma([if is_dark(x, y) { 30 } else { 235 }]))
    };
    let page = |of: u64| shades(7 * number + of);
    (tiff(&[sheet(&cover), page(1), page(2), sheet(&separator), page(3)]), [2, 3, 5])
}

/// A small picture like no other.
fn picture(number: u64) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    shades(number).write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}

fn shades(number: u64) -> GrayImage {
    let mut random = Random(number + 1);
    let shades: Vec<u8> = (0..64).map(|_| u8::try_from(128 + random.below(128)).expect("a byte")).collect();
    GrayImage::from_fn(160, 224, |x, y| Luma([shades[((x / 20) + 8 * (y / 28)) as usize % shades.len()]]))
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}
