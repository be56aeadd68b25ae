//! `sohoa inspect --debug`: pictures of what was found, beside the JSON lines.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places on pictures")]

use std::collections::BTreeSet;
use std::fs;

use crate::program::{fresh, run, sohoa};

const PHOTO: &str = "samples/quyet-dinh-chup-dien-thoai/trang-1.jpg";

#[test]
fn every_page_gets_its_pictures_and_the_outline_is_drawn_on_the_capture() {
    let folder = fresh("debug-pictures");
    let seen = run(sohoa().args(["inspect", "--ocr", "off", PHOTO, "samples/bia-ho-so.jpg", "--debug"]).arg(&folder));
    assert_eq!(seen.code, Some(0), "{seen:?}");
    let names: BTreeSet<String> = fs::read_dir(&folder)
        .expect("the folder was made")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII"))
        .collect();
    let expected = ["found", "page", "reading"]
        .iter()
        .flat_map(|shows| [format!("001-trang-1-1-{shows}.jpg"), format!("002-bia-ho-so-1-{shows}.jpg")]);
    assert_eq!(names, expected.collect());

    let line = seen.stdout.lines().next().expect("a line a page");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let limits = sohoa::imaging::decode::Limits::default();
    let decode = |bytes: &[u8]| sohoa::imaging::decode::decode(bytes, 0, &limits).expect("a picture").image;
    let capture = decode(&fs::read(PHOTO).expect("the sample"));
    let found = decode(&fs::read(folder.join("001-trang-1-1-found.jpg")).expect("the picture"));
    assert!(found.width().max(found.height()) <= 2000);
    // The middle of each side of the outline is drawn in green.
    let factor = f64::from(capture.width()) / f64::from(found.width());
    let corner = |i: usize, axis: usize| line["quad"][i % 4][axis].as_f64().expect("a number") / factor;
    for side in 0..4 {
        let middle = |axis: usize| ((corner(side, axis) + corner(side + 1, axis)) / 2.0).round() as u32;
        let [red, green, blue] = found.get_pixel(middle(0), middle(1)).0;
        assert!(green > red.saturating_add(60) && green > blue.saturating_add(40), "{:?}", [red, green, blue]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let refused = run(sohoa().args(["inspect", "--ocr", "off", PHOTO, "--debug", "Cargo.toml/pictures"]));
    assert_eq!(refused.code, Some(7), "{refused:?}");
    assert!(refused.stderr.contains("Cargo.toml/pictures"), "{refused:?}");
}
