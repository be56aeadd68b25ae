//! Printed cover and separator sheets, found again on what a scanner makes of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::{DynamicImage, GrayImage, Luma};
use imageproc::geometric_transformations::{Border, Interpolation, rotate_about_center};
use sohoa::codes;
use sohoa::codes::sheet::{Sheet, of_page};
use sohoa::imaging::decode::{Limits, decode};
use sohoa::imaging::encode;

use crate::judges::{judge_against, judges_are_there};
use crate::program::{fresh, run, sohoa};

const DOSSIER: &str = "H21.15.25-250701-0012";

fn print(folder: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let done = run(sohoa().env("SOURCE_DATE_EPOCH", "1795000000").arg("sheet").args(arguments).arg("--out").arg(&path));
    assert_eq!(done.code, Some(0), "{done:?}");
    path
}

fn cover(folder: &Path) -> PathBuf {
    let components = ["--component", "Tờ khai đăng ký khai sinh", "--component", "Giấy chứng sinh"];
    print(
        folder,
        "cover.pdf",
        &[&["--dossier", DOSSIER, "--procedure", "1.001193.000.00.00.H21"], &components[..]].concat(),
    )
}

fn sheets() -> [Sheet; 4] {
    [
        Sheet::Cover(DOSSIER.parse().expect("a code")),
        Sheet::Separator(None),
        Sheet::Separator(Some("To khai".parse().expect("a name"))),
        Sheet::Separator(Some("Giấy xác nhận tình trạng hôn nhân".parse().expect("a name"))),
    ]
}

/// The sheets of [`sheets`], one file each.
fn printed(folder: &Path) -> [PathBuf; 4] {
    [
        cover(folder),
        print(folder, "next.pdf", &["--separator"]),
        print(folder, "ascii.pdf", &["--separator", "--component", "To khai"]),
        print(folder, "name.pdf", &["--separator", "--component", "Giấy xác nhận tình trạng hôn nhân"]),
    ]
}

/// The first page of a PDF as poppler draws it, grey.
fn drawn(pdf: &Path, dpi: &str) -> GrayImage {
    let root = pdf.with_extension(dpi);
    let mut command = Command::new("pdftoppm");
    let done = run(command.args(["-r", dpi, "-gray", "-png", "-singlefile"]).arg(pdf).arg(&root));
    assert_eq!(done.code, Some(0), "{done:?}");
    let bytes = std::fs::read(root.with_extension(format!("{dpi}.png"))).expect("pdftoppm wrote it");
    DynamicImage::ImageRgb8(decode(&bytes, 0, &Limits::default()).expect("a PNG").image).to_luma8()
}

/// What a scanner makes of a sheet that lies askew: paler, turned, and packed as JPEG of low quality.
fn scanned(page: &GrayImage, degrees: f32) -> GrayImage {
    let faded =
        GrayImage::from_fn(page.width(), page.height(), |x, y| Luma([70 + page.get_pixel(x, y)[0] / 255 * 160]));
    let paper = Border::Constant(Luma([230]));
    let turned = rotate_about_center(&faded, degrees.to_radians(), Interpolation::Bilinear, paper);
    let jpeg = encode::jpeg(&DynamicImage::ImageLuma8(turned).to_rgb8(), 40, 200.0).expect("an encoder");
    DynamicImage::ImageRgb8(decode(&jpeg, 0, &Limits::default()).expect("a JPEG").image).to_luma8()
}

#[test]
fn printed_sheets_are_found_on_their_scans() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("sheets");
    let files = printed(&folder);
    for (sheet, file) in sheets().into_iter().zip(&files) {
        for dpi in ["200", "300"] {
            let page = drawn(file, dpi);
            for degrees in [0.0, -1.3, 2.7, 90.0, 178.5] {
                let codes = codes::read(&scanned(&page, degrees));
                assert_eq!(of_page(&codes).as_ref(), Some(&sheet), "{dpi} dpi, {degrees}°: {codes:?}");
            }
        }
    }
}

#[test]
fn each_symbol_of_a_sheet_is_enough() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("sheets-torn");
    for (sheet, file) in sheets().into_iter().zip(printed(&folder)) {
        let page = scanned(&drawn(&file, "200"), 0.8);
        let middle = page.height() * 4 / 5;
        for torn in [0..middle, middle..page.height()] {
            let mut page = page.clone();
            page.enumerate_rows_mut()
                .filter(|(y, _)| torn.contains(y))
                .flat_map(|(_, row)| row)
                .for_each(|(_, _, pixel)| *pixel = Luma([230]));
            let codes = codes::read(&page);
            assert_eq!(codes.len(), 1, "{}", file.display());
            assert_eq!(of_page(&codes).as_ref(), Some(&sheet), "{}", file.display());
        }
    }
}

#[test]
fn sheets_are_pdfa_with_text_that_can_be_read() {
    if !judges_are_there() {
        return;
    }
    let folder = fresh("sheets-judged");
    let files = printed(&folder);
    let nobody = crate::program::root().join("tests/data/sign/root.pem");
    for (file, verdict) in judge_against(&files, "2u", "verapdf,qpdf", &nobody) {
        assert_eq!(verdict["verapdf"]["compliant"], true, "{file}: {verdict:#}");
        assert_eq!(verdict["qpdf"]["ok"], true, "{file}: {verdict:#}");
    }
    let text = run(Command::new("pdftotext").args(["-layout"]).arg(&files[0]).arg("-"));
    for words in ["TỜ BÌA HỒ SƠ", DOSSIER, "1.001193.000.00.00.H21", "2. Giấy chứng sinh", "SOHOA:1:D:"] {
        assert!(text.stdout.contains(words), "{words}: {text:?}");
    }
}

#[test]
fn a_file_has_as_many_sheets_as_asked_for() {
    let folder = fresh("sheets-count");
    let two = ["--separator", "--component", "Tờ khai", "--component", "Căn cước", "--count", "3"];
    let file = std::fs::read(print(&folder, "a.pdf", &two)).expect("it was written");
    if judges_are_there() {
        let pages = run(Command::new("qpdf").arg("--show-npages").arg(folder.join("a.pdf")));
        assert_eq!(pages.stdout.trim(), "6");
    }
    let again = std::fs::read(print(&folder, "b.pdf", &two)).expect("it was written");
    assert_eq!(file, again, "the same sheets have the same bytes");
    for wrong in [
        &["--dossier", "H21"][..],
        &["--separator", "--component", "a/b"],
        &["--count", "2"],
        &["--separator", "--dossier", DOSSIER],
    ] {
        let refused = run(sohoa().arg("sheet").args(wrong).arg("--out").arg(folder.join("c.pdf")));
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    let nowhere = run(sohoa().args(["sheet", "--separator", "--out", "/nowhere/c.pdf"]));
    assert_eq!(nowhere.code, Some(7), "{nowhere:?}");
}
