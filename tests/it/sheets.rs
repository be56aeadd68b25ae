//! Printed cover and separator sheets, found again on what a scanner makes of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, Luma};
use imageproc::geometric_transformations::{Border, Interpolation, rotate_about_center};
use sohoa::codes;
use sohoa::codes::sheet::{Sheet, of_page};
use sohoa::imaging::decode::{Limits, decode};
use sohoa::imaging::encode;

use crate::judges::{judge_against, judges_are_there};
use crate::program::{fresh, root, run, sohoa};
use crate::service::Centre;

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
    let nobody = root().join("tests/data/sign/root.pem");
    for (file, verdict) in judge_against(&files, "2u", "verapdf,qpdf", &nobody) {
        assert_eq!(verdict["verapdf"]["compliant"], true, "{file}: {verdict:#}");
        assert_eq!(verdict["qpdf"]["ok"], true, "{file}: {verdict:#}");
    }
    let text = run(Command::new("pdftotext").args(["-layout"]).arg(&files[0]).arg("-"));
    for words in ["TỜ BÌA HỒ SƠ", DOSSIER, "1.001193.000.00.00.H21", "2. Giấy chứng sinh", "SOHOA:1:D:"] {
        assert!(text.stdout.contains(words), "{words}: {text:?}");
    }
}

/// A page of a sample as grey pixels at 200 dpi.
fn paper(sample: &str) -> GrayImage {
    let bytes = std::fs::read(root().join("samples").join(sample)).expect("a sample");
    let page = DynamicImage::ImageRgb8(decode(&bytes, 0, &Limits::default()).expect("a JPEG").image);
    page.resize(1654, 2339, FilterType::Triangle).to_luma8()
}

/// A TIFF file of grey pages at 200 dpi, as a scanner's program writes a stack.
pub(crate) fn tiff(pages: &[GrayImage]) -> Vec<u8> {
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut link = 4;
    for page in pages {
        let (pixels, resolution) = (file.len(), file.len() + page.len());
        file.extend(page.as_raw());
        file.extend([200_u32, 1].map(u32::to_le_bytes).concat());
        file.resize(file.len().next_multiple_of(2), 0);
        let directory = u32::try_from(file.len()).expect("a small file").to_le_bytes();
        file[link..link + 4].copy_from_slice(&directory);
        let number = |value: usize| u32::try_from(value).expect("a small file");
        let entries = [
            (256_u16, 4_u16, page.width()),
            (257, 4, page.height()),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, number(pixels)),
            (277, 3, 1),
            (278, 4, page.height()),
            (279, 4, number(page.len())),
            (282, 5, number(resolution)),
            (283, 5, number(resolution)),
        ];
        file.extend(u16::try_from(entries.len()).expect("eleven").to_le_bytes());
        for (tag, kind, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(1_u32.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        link = file.len();
        file.extend([0; 4]);
    }
    file
}

/// What the service made of a dossier, or what waits: `name: files and pages`.
fn made(centre: &Centre, code: Option<&str>, count: usize) -> Vec<String> {
    centre.wait_for(&format!("{count} components of {code:?}"), || {
        let components = centre.components(code);
        let finished = |state: &serde_json::Value| state == "done" || state == "unplaced";
        let is_made = components.len() == count && components.iter().all(|one| finished(&one["state"]));
        is_made.then(|| {
            let show = |one: &serde_json::Value| {
                let captures = one["captures"].as_array().expect("a list").iter();
                let pages = captures
                    .map(|capture| format!(" {} {}", capture["name"].as_str().expect("a name"), capture["pages"]));
                format!("{}:{}", one["name"].as_str().expect("a name"), pages.collect::<String>())
            };
            components.iter().map(show).collect()
        })
    })
}

#[test]
fn a_stack_is_divided_by_the_sheets_in_it() {
    if !judges_are_there() {
        return;
    }
    let mut centre = Centre::new("sheets-stack");
    let [cover, next, named, _] = printed(&centre.folder).map(|file| scanned(&drawn(&file, "200"), 0.7));
    let back = GrayImage::from_pixel(1654, 2339, Luma([236]));
    let (one, two) = (paper("to-khai/trang-1.jpg"), paper("to-khai/trang-2.jpg"));
    let three = paper("quyet-dinh/1-mat-truoc.jpg");
    centre.start(&[]);

    // Both sides of cover, separator, two pages of it, separator without a name, a page with its empty back.
    let stack = [&cover, &back, &named, &back, &one, &two, &next, &back, &three, &back].map(Clone::clone);
    centre.drop("stack.tif", &tiff(&stack));
    let expected = ["Tai-lieu: stack.tif [9,10]", "To-khai: stack.tif [5,6]"];
    assert_eq!(made(&centre, Some(DOSSIER), 2), expected);
    let shown = centre.components(Some(DOSSIER));
    let path = |index: usize| {
        let file = &shown[index]["files"][0];
        Path::new(file["directory"].as_str().expect("a path")).join(file["file"].as_str().expect("a name"))
    };
    for (index, pages) in [(0, "2"), (1, "2")] {
        let counted = run(Command::new("qpdf").arg("--show-npages").arg(path(index)));
        assert_eq!(counted.stdout.trim(), pages, "{counted:?}");
    }

    // The same a file a page, after a page that was in the feeder before, and without a cover.
    let files = [&three, &named, &one, &next, &two];
    for (number, page) in (1..).zip(files) {
        let page = encode::jpeg(&DynamicImage::ImageLuma8(page.clone()).to_rgb8(), 80, 200.0).expect("an encoder");
        centre.drop(&format!("scan_{number:03}.jpg"), &page);
    }
    let expected = ["scan_001: scan_001.jpg null", "Tai-lieu: scan_005.jpg null", "To-khai: scan_003.jpg null"];
    assert_eq!(made(&centre, None, 3), expected);
    let divided: Vec<u64> = centre
        .events()
        .iter()
        .filter(|event| event["event"] == "divided")
        .map(|event| event["parts"].as_u64().expect("a number"))
        .collect();
    assert_eq!(divided, [2, 3]);
    assert_eq!(centre.stop(), Some(0));
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
