//! Files that must not be larger than the profile allows: page images made smaller, layers, one bit a pixel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
        assert_eq!(verified.code, Some(0), "{verified:?}");
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
    // All but the time of signing.
    let words = |folder: &Path| {
        let text = run(Command::new("pdftotext").arg(the_pdf(folder)).arg("-")).stdout;
        text.lines().filter(|line| !line.starts_with("Thời gian ký")).map(str::to_owned).collect::<Vec<_>>()
    };
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
            assert!(words(&plain).join(" ").split_whitespace().count() > 40);
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
    // Another decoder tells what the stream holds.
    let stream = first_stream(&folder, "jb2e");
    let decoded = folder.join("decoded.pbm");
    let said = run(Command::new("jbig2dec").args(["-e", "-t", "pbm", "-o"]).arg(&decoded).arg(stream));
    assert_eq!(said.code, Some(0), "{said:?}");
    // The same page as a JPEG of the best quality, from which ink and paper are told without doubt.
    let fine = folder.join("fine");
    digitize(&fine, BILEVEL, &format!("{PLAIN}[image]\njpeg_quality = 100\n"), &[]);
    let jpeg = fs::read(first_stream(&fine, "jpg")).expect("poppler wrote it");
    let jpeg = decode::decode(&jpeg, 0, &Limits::default()).expect("a picture").image;
    assert_eq!([jpeg.width(), jpeg.height()].map(Value::from), [&image["width"], &image["height"]].map(Value::clone));
    let bits = fs::read(&decoded).expect("it was written");
    let stride = jpeg.width().div_ceil(8) as usize;
    let bits = &bits[bits.len() - stride * jpeg.height() as usize..];
    let is_ink = |x: u32, y: u32| bits[y as usize * stride + x as usize / 8] >> (7 - x % 8) & 1 == 1;
    let (mut ink, mut wrong) = (0, 0);
    for (x, y, pixel) in jpeg.enumerate_pixels() {
        ink += u32::from(is_ink(x, y));
        wrong += u32::from(!(96..160).contains(&pixel[0]) && is_ink(x, y) != (pixel[0] < 128));
    }
    assert!(ink > 10_000 && wrong == 0, "{wrong} pixels of {ink} of ink are wrong");
}

/// The first picture of the file as it is stored.
fn first_stream(folder: &Path, extension: &str) -> PathBuf {
    let made = run(Command::new("pdfimages").arg("-all").arg(the_pdf(folder)).arg(folder.join("stream")));
    assert_eq!(made.code, Some(0), "{made:?}");
    folder.join(format!("stream-000.{extension}"))
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
