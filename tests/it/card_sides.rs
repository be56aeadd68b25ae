//! Both sides of a card on one capture become one page.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places on pictures")]

use image::{GenericImage, GenericImageView, RgbImage};
use sohoa::imaging::decode::{self, Limits};

use crate::program::{fresh, root, run, sohoa};

/// The scan of one card, with the card a second time further down on the bed, turned by a half.
fn two_sides() -> RgbImage {
    let bytes = std::fs::read(root().join("samples/can-cuoc/anh-quet.jpg")).expect("the sample");
    let mut bed = decode::decode(&bytes, 0, &Limits::default()).expect("a picture").image;
    let seen = run(sohoa().args(["inspect", "--ocr", "off", "samples/can-cuoc/anh-quet.jpg"]));
    let line: serde_json::Value = serde_json::from_str(seen.stdout.trim()).expect("one line");
    let axis = |axis: usize| -> Vec<f64> {
        let corners = line["quad"].as_array().expect("a card");
        corners.iter().map(|corner| corner[axis].as_f64().expect("a number")).collect()
    };
    let reach = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        (low as u32 - 40, values.iter().copied().fold(0.0, f64::max) as u32 + 40)
    };
    let ((left, right), (top, bottom)) = (reach(&axis(0)), reach(&axis(1)));
    let card = bed.view(left, top, right - left, bottom - top).to_image();
    let below = image::imageops::rotate180(&card);
    assert!(bottom + 200 + below.height() < bed.height(), "there is room below the card");
    bed.copy_from(&below, left + 60, bottom + 200).expect("it fits");
    bed
}

#[test]
fn both_sides_of_a_card_come_upright_one_below_the_other() {
    let folder = fresh("card-sides");
    let capture = folder.join("hai-mat.jpg");
    let jpeg = sohoa::imaging::encode::jpeg(&two_sides(), 92, 300.0).expect("a picture");
    std::fs::write(&capture, jpeg).expect("our own folder");
    let seen = run(sohoa().args(["inspect", "--ocr", "off", "--debug"]).arg(folder.join("debug")).arg(&capture));
    let line: serde_json::Value = serde_json::from_str(seen.stdout.trim()).expect("one line");
    assert_eq!(line["notices"][0]["code"], "card-sides", "{line}");
    assert_eq!((line["width_mm"].as_f64(), line["height_mm"].as_f64()), (Some(85.6), Some(113.0)), "{line}");
    assert_eq!(line["qr"].as_array().map(Vec::len), Some(2), "one code a side: {line}");

    // Both sides are the same picture, so their halves of the page agree but for the resampling.
    let page = std::fs::read(folder.join("debug/001-hai-mat-1-page.jpg")).expect("the page");
    let page = decode::decode(&page, 0, &Limits::default()).expect("a picture").image;
    let side = (f64::from(page.height()) * 54.0 / 113.0).round() as u32;
    let lower = page.height() - side;
    let mut differences = 0u64;
    for (x, y) in (0..page.width()).flat_map(|x| (0..side).map(move |y| (x, y))) {
        let (above, below) = (page.get_pixel(x, y), page.get_pixel(x, lower + y));
        differences += u64::from(above[1].abs_diff(below[1]));
    }
    let mean = differences as f64 / f64::from(page.width() * side);
    assert!(mean < 12.0, "the sides differ by {mean:.1} levels");
}

#[test]
fn another_paper_beside_the_main_one_is_announced() {
    let folder = fresh("several-sheets");
    let bytes = std::fs::read(root().join("samples/giay-khai-sinh/ban-chinh.jpg")).expect("the sample");
    let page = decode::decode(&bytes, 0, &Limits::default()).expect("a picture").image;
    let small = image::imageops::thumbnail(&page, page.width() / 2, page.height() / 2);
    let (width, height) = (page.width() + small.width() + 100, page.height());
    let background = *page.get_pixel(2, 2);
    let mut bed = RgbImage::from_pixel(width, height, background);
    bed.copy_from(&page, 0, 0).expect("it fits");
    bed.copy_from(&small, page.width() + 60, 300).expect("it fits");
    let capture = folder.join("hai-to.jpg");
    std::fs::write(&capture, sohoa::imaging::encode::jpeg(&bed, 92, 300.0).expect("a picture")).expect("ours");
    let seen = run(sohoa().args(["digitize", "--ocr", "off", "--out"]).arg(folder.join("out")).arg(&capture));
    assert!(seen.stdout.contains("1 tờ giấy khác"), "{seen:?}");
    let manifest = std::fs::read_to_string(folder.join("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains("several-sheets"));
}
