//! Files that must not be larger than the profile allows: page images made smaller, layers, one bit a pixel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::RgbImage;
use serde_json::Value;
use sohoa::imaging::decode::{self, Limits};

use crate::judges::{judge, judges_are_there};
use crate::program::{Run, files_below, fresh, run, sohoa};

/// Two pages, a photo and a scan in colour.
const INPUT: &str = "samples/can-cuoc-ban-sao";
/// A scan of one bit a pixel.
const BILEVEL: &str = "samples/quyet-dinh-den-trang";

/// Digitises a sample with this configuration, without reading it.
fn digitize(folder: &Path, input: &str, config: &str, arguments: &[&str]) -> Run {
    fs::create_dir_all(folder).expect("our own folder");
    let file = folder.join("sohoa.toml");
    fs::write(&file, config).expect("our own folder");
    let mut command = sohoa();
    command.args(["digitize", input, "--ocr", "off", "--lang", "en", "--config"]).arg(&file);
    run(command.args(arguments).arg("--out").arg(folder.join("out")))
}

fn component(folder: &Path) -> Value {
    let manifest = fs::read(folder.join("out/manifest.json")).expect("a manifest");
    serde_json::from_slice::<Value>(&manifest).expect("JSON")["components"][0].take()
}

fn images(component: &Value) -> Vec<&Value> {
    component["pages"].as_array().expect("pages").iter().map(|page| &page["image"]).collect()
}

fn the_pdf(folder: &Path) -> PathBuf {
    files_below(&folder.join("out"), "pdf").pop().expect("one file")
}

fn size(folder: &Path) -> u64 {
    fs::metadata(the_pdf(folder)).expect("it is there").len()
}

/// What `sohoa check` finds unmet of the profile in the configuration.
fn unmet(folder: &Path) -> Vec<String> {
    let mut command = sohoa();
    command.args(["check", "--json", "--config"]).arg(folder.join("sohoa.toml")).arg(the_pdf(folder));
    let said = run(&mut command).stdout;
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.iter().any(|event| event["event"] == "checked"), "{said}");
    let unmet = events.iter().filter(|event| event["event"] == "requirement" && event["met"] == false);
    unmet.map(|event| event["requirement"].as_str().expect("a name").to_owned()).collect()
}

/// The profile asks for no visible signature here.
const PLAIN: &str = "[profile]\nname = 'custom'\nsignature = false\n";

#[test]
fn a_file_over_its_budget_is_made_to_fit_without_leaving_the_profile() {
    let folder = fresh("size-budget");
    let whole = folder.join("whole");
    assert_eq!(digitize(&whole, INPUT, PLAIN, &[]).code, Some(0));
    let before = component(&whole);
    assert!(images(&before).iter().all(|image| image["quality"] == 80 && image["form"] == "jpeg"), "{before:#}");
    // A file that needs the mildest step only, one that needs lower quality, and one that needs lower resolution.
    let mut last = size(&whole);
    for share in [0.95, 0.7, 0.36] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a file's size")]
        let limit = (size(&whole) as f64 * share / 1e3) as u64 * 1000;
        let small = folder.join(format!("{share}"));
        let config = format!("{PLAIN}max_mb = {}\n", limit as f64 / 1e6);
        let made = digitize(&small, INPUT, &config, &[]);
        assert_eq!(made.code, Some(0), "{made:?}");
        assert!(size(&small) <= limit && size(&small) < last, "{} of {limit} bytes", size(&small));
        last = size(&small);
        let after = component(&small);
        assert!(after["exceeds"].is_null());
        assert!(images(&after).iter().all(|image| image["dpi"].as_f64() >= Some(200.0)), "{after:#}");
        assert_eq!(unmet(&small), [""; 0]);
        let verified = run(sohoa().arg("verify").arg(small.join("out")));
        assert!(matches!(verified.code, Some(0 | 6)) && !verified.stdout.contains("trang"), "{verified:?}");
        if judges_are_there() {
            for (file, verdict) in judge(&[the_pdf(&small)], "2u", "verapdf,qpdf,pyhanko") {
                assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
            }
        }
    }
    let smallest = component(&folder.join("0.36"));
    assert!(images(&smallest).iter().any(|image| image["dpi"] == 200.0), "{smallest:#}");
}

#[test]
fn a_budget_that_cannot_be_met_is_said() {
    let folder = fresh("size-impossible");
    let config = format!("{PLAIN}max_mb = 0.15\n");
    let made = digitize(&folder, INPUT, &config, &[]);
    assert_eq!(made.code, Some(11), "{made:?}");
    assert!(made.stderr.contains("can-cuoc-ban-sao: ") && made.stderr.contains("more than 0.15 MB"), "{made:?}");
    let component = component(&folder);
    assert_eq!((&component["exceeds"], &component["state"]), (&150_000.into(), &"signed".into()));
    assert!(images(&component).iter().all(|image| image["quality"] == 80), "nothing is gained by less: {component:#}");
    assert_eq!(unmet(&folder), ["size"]);
    let again = digitize(&folder.join("json"), INPUT, &config, &["--json"]);
    let event = again.stdout.lines().find(|line| line.contains("\"too-large\"")).expect("an event");
    let event: Value = serde_json::from_str(event).expect("JSON");
    assert!(event["bytes"].as_u64() > event["least"].as_u64() && event["limit"] == 150_000, "{event}");
}

#[test]
fn layers_are_valid_at_every_level_and_keep_the_text() {
    let folder = fresh("size-layers");
    let read = |name: &str, arguments: &[&str]| {
        let folder = folder.join(name);
        let mut command = sohoa();
        command.args(["digitize", "samples/to-khai/trang-2.jpg", "--out"]).arg(folder.join("out")).args(arguments);
        let made = run(&mut command);
        assert_eq!(made.code, Some(0), "{made:?}");
        folder
    };
    let words = |folder: &Path| run(Command::new("pdftotext").arg(the_pdf(folder)).arg("-")).stdout;
    let plain = read("plain", &[]);
    for level in ["1b", "2b", "2u"] {
        let layered = read(level, &["--mrc", "--pdfa", level]);
        let component = component(&layered);
        assert!(images(&component).iter().all(|image| image["form"] == "layers"), "{component:#}");
        assert!(size(&layered) * 2 < size(&plain), "{} and {}", size(&layered), size(&plain));
        fs::write(layered.join("sohoa.toml"), PLAIN).expect("our own folder");
        assert_eq!(unmet(&layered), [""; 0]);
        if judges_are_there() {
            for (file, verdict) in judge(&[the_pdf(&layered)], level, "verapdf,qpdf,pyhanko") {
                assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
            }
            assert!(words(&plain).split_whitespace().count() > 40);
            assert_eq!(words(&layered), words(&plain));
        }
    }
}

#[test]
fn one_bit_a_pixel_is_kept_exactly_where_colour_is_not_asked_for() {
    let folder = fresh("size-bilevel");
    let colour = digitize(&folder.join("colour"), BILEVEL, PLAIN, &[]);
    assert!(matches!(colour.code, Some(0 | 4)), "{colour:?}");
    assert_eq!(images(&component(&folder.join("colour")))[0]["form"], "jpeg");
    let config = format!("{PLAIN}colour = false\n");
    let gray = digitize(&folder, BILEVEL, &config, &[]);
    assert!(matches!(gray.code, Some(0 | 4)), "{gray:?}");
    let component = component(&folder);
    let image = images(&component)[0];
    assert_eq!((&image["form"], &image["quality"]), (&"jbig2".into(), &Value::Null));
    assert_eq!(unmet(&folder), [""; 0]);
    if !judges_are_there() {
        return;
    }
    for (file, verdict) in judge(&[the_pdf(&folder)], "2u", "verapdf,qpdf,pyhanko") {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
    }
    let ours = rendered(&folder, &the_pdf(&folder), &image["width"], &image["height"]);
    // The same page as a JPEG of the best quality, from which the ink is told without doubt.
    let fine = format!("{PLAIN}[image]\njpeg_quality = 100\n");
    digitize(&folder.join("fine"), BILEVEL, &fine, &[]);
    let jpeg = rendered(&folder, &the_pdf(&folder.join("fine")), &image["width"], &image["height"]);
    assert_eq!(ours.dimensions(), jpeg.dimensions());
    let is_ink = |pixel: &image::Rgb<u8>| pixel[0] < 128;
    let sure = |pixel: &image::Rgb<u8>| !(96..160).contains(&pixel[0]);
    assert!(ours.pixels().all(|pixel| matches!(pixel[0], 0 | 255)));
    assert!(ours.pixels().filter(|pixel| is_ink(pixel)).count() > 10_000);
    let wrong = ours.pixels().zip(jpeg.pixels()).filter(|(a, b)| sure(b) && is_ink(a) != is_ink(b)).count();
    assert_eq!(wrong, 0);
    // Another decoder sees the same in the stream itself.
    run(Command::new("pdfimages").arg("-all").arg(the_pdf(&folder)).arg(folder.join("stream")));
    let decoded = folder.join("stream.pbm");
    let mut jbig2dec = Command::new("jbig2dec");
    let said = run(jbig2dec.args(["-e", "-t", "pbm", "-o"]).arg(&decoded).arg(folder.join("stream-000.jb2e")));
    assert_eq!(said.code, Some(0), "{said:?}");
    let bits = fs::read(&decoded).expect("it was written");
    let rows = ours.rows().map(|row| row.map(|pixel| pixel[0] == 0).collect::<Vec<_>>());
    let packed: Vec<u8> = rows.flat_map(|row| row.chunks(8).map(packed).collect::<Vec<_>>()).collect();
    assert!(bits.ends_with(&packed));
}

/// Up to eight pixels, ink as 1, the first as the highest bit.
fn packed(pixels: &[bool]) -> u8 {
    pixels.iter().zip((0..8).rev()).fold(0, |byte, (&ink, bit)| byte | u8::from(ink) << bit)
}

/// The first page as poppler paints it, pixel for pixel.
fn rendered(folder: &Path, pdf: &Path, width: &Value, height: &Value) -> RgbImage {
    let stem = folder.join("page");
    let mut command = Command::new("pdftoppm");
    command.args(["-png", "-singlefile", "-scale-to-x", &width.to_string(), "-scale-to-y", &height.to_string()]);
    let made = run(command.arg(pdf).arg(&stem));
    assert_eq!(made.code, Some(0), "{made:?}");
    let png = fs::read(stem.with_extension("png")).expect("poppler wrote it");
    decode::decode(&png, 0, &Limits::default()).expect("a picture").image
}

#[test]
fn the_number_of_jobs_changes_no_byte_of_smaller_files() {
    let folder = fresh("size-jobs");
    for (name, config, arguments) in
        [("small", format!("{PLAIN}max_mb = 0.8\n"), &[][..]), ("layers", PLAIN.to_owned(), &["--mrc"][..])]
    {
        let made = ["1", "3"].map(|jobs| {
            let folder = folder.join(format!("{name}-{jobs}"));
            let mut command = sohoa();
            fs::create_dir_all(&folder).expect("our own folder");
            fs::write(folder.join("sohoa.toml"), &config).expect("our own folder");
            command.env("SOURCE_DATE_EPOCH", "1795219200").args(["digitize", INPUT, "--ocr", "off", "--no-sign"]);
            command.args(["--jobs", jobs, "--config"]).arg(folder.join("sohoa.toml")).args(arguments);
            let made = run(command.arg("--out").arg(folder.join("out")));
            assert_eq!(made.code, Some(0), "{made:?}");
            assert!(images(&component(&folder)).iter().any(|image| image["quality"] != 80));
            fs::read(the_pdf(&folder)).expect("it is there")
        });
        assert!(made[0] == made[1], "{name}");
    }
}

#[test]
fn the_report_tells_what_each_way_costs_and_what_was_chosen() {
    let folder = fresh("size-report");
    let config = format!("{PLAIN}max_mb = 0.8\n");
    let told = digitize(&folder.join("text"), INPUT, &config, &["--size-report"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in ["can-cuoc-ban-sao: 2 pages, files up to 0.80 MB", "JPEG 60", "(--mrc)", "too large", "chosen: "] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    let told = digitize(&folder.join("json"), INPUT, &config, &["--size-report", "--json"]);
    let event = told.stdout.lines().find(|line| line.contains("\"sizes\"")).expect("an event");
    let event: Value = serde_json::from_str(event).expect("JSON");
    let bytes = |way: &Value| way["bytes"].as_u64().expect("a number");
    let ways = event["ways"].as_array().expect("ways");
    assert_eq!((ways[0]["way"].as_str(), ways.len()), (Some("now"), 9));
    assert!(ways[1..].iter().all(|way| bytes(way) < bytes(&ways[0])), "{event:#}");
    assert!(bytes(&ways[8]) < bytes(&ways[3]) && ways[8]["way"] == "layers", "{event:#}");
}
