//! `sohoa check`: what it says of files that each break one requirement.

use std::fs;

use lopdf::{Document, Object};
use serde_json::Value;
use sohoa::check::{Requirement, check};
use sohoa::model::{Jpeg, PageText, Picture, Rect, SizeMm, TextLine, Word};
use sohoa::pdf::appearance::{Appearance, SignatureBox};
use sohoa::pdf::signature::{self, SignatureField};
use sohoa::pdf::writer::{self, DocumentInfo, PdfPage, PdfaLevel};
use sohoa::profile::Profile;
use time::macros::datetime;

use crate::program::{fresh, root, run, sohoa};

/// A file that meets `tt05-2025`, and the ways in which it can be made not to.
#[derive(Clone)]
struct Paper {
    placed_dpi: [f64; 2],
    stated_dpi: u16,
    gray: bool,
    text: bool,
    pages: usize,
    /// Left and bottom edge of the box of the signature, shares of the page.
    corner: Option<[f64; 2]>,
    signed: bool,
    /// Bytes after the picture.
    padding: usize,
}

impl Default for Paper {
    fn default() -> Self {
        Self {
            placed_dpi: [300.0; 2],
            stated_dpi: 300,
            gray: false,
            text: true,
            pages: 1,
            corner: Some([0.67, 0.95]),
            signed: true,
            padding: 0,
        }
    }
}

const WIDTH: u16 = 2480;
const HEIGHT: u16 = 3508;
const NAME: &str = "G09.2021.01.001.001.pdf";

impl Paper {
    /// As much of a JPEG file as anybody reads who does not show it.
    fn jpeg(&self) -> Vec<u8> {
        let channels = if self.gray { 1 } else { 3 };
        let mut file = b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01\x01".to_vec();
        file.extend([self.stated_dpi.to_be_bytes(); 2].concat());
        file.extend([0, 0, 0xFF, 0xC0, 0, 8 + 3 * channels, 8]);
        file.extend([HEIGHT.to_be_bytes(), WIDTH.to_be_bytes()].concat());
        file.push(channels);
        file.extend(vec![0; usize::from(channels) * 3 + self.padding]);
        file.extend([0xFF, 0xD9]);
        file
    }

    fn inches(&self) -> [f64; 2] {
        [f64::from(WIDTH) / self.placed_dpi[0], f64::from(HEIGHT) / self.placed_dpi[1]]
    }

    fn unsigned(&self) -> Vec<u8> {
        let word =
            |x| Word {
                text: "chữ".into(), bounds: Rect { x, y: 9, width: 90, height: 40 }, confidence: 1.0, blue: 0
            };
        let line = TextLine { words: vec![word(10), word(120)], bounds: Rect::default(), block: 0 };
        let text = PageText { lines: if self.text { vec![line] } else { Vec::new() } };
        let picture = Picture::Jpeg(Jpeg { bytes: self.jpeg(), width: WIDTH.into(), height: HEIGHT.into() });
        let [width, height] = self.inches().map(|inches| inches * 25.4);
        let size = SizeMm { width, height };
        let (width, height) = (WIDTH.into(), HEIGHT.into());
        let page = PdfPage { picture: &picture, width, height, size, text: &text };
        let info = DocumentInfo {
            title: "giấy".into(),
            language: "vi-VN".into(),
            created: datetime!(2026-11-30 01:02:03 UTC),
            producer: "test".into(),
            subject: None,
            keywords: None,
        };
        writer::write(&vec![page; self.pages], &info, PdfaLevel::A2u).expect("a sound file")
    }

    /// Signed with a CMS that is no more than a DER structure: whether it is valid is not for `check` to say.
    fn sign(&self, unsigned: &[u8]) -> Vec<u8> {
        if !self.signed {
            return unsigned.to_vec();
        }
        let content = SignatureBox::new(&["Ủy ban nhân dân xã".into()], None, 60.0);
        let field = SignatureField {
            name: "CoQuan".into(),
            signer_name: "Ủy ban nhân dân xã".into(),
            reason: None,
            location: None,
            contact: None,
            time: datetime!(2026-11-30 01:02:03 UTC),
            appearance: self.corner.map(|shares| {
                let corner = [0, 1].map(|axis| shares[axis] * self.inches()[axis] * 72.0);
                Appearance { content, corner, media_box: None }
            }),
        };
        let prepared = signature::prepare(unsigned, &field, 100).expect("it can be signed");
        prepared.fill(&[0x30, 2, 5, 0]).expect("it fits")
    }

    fn file(&self) -> Vec<u8> {
        self.sign(&self.unsigned())
    }
}

/// The bytes with every `from` made `to`, of the same length.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = bytes.to_vec();
    let mut at = 0;
    let mut count = 0;
    while let Some(found) = changed[at..].windows(from.len()).position(|window| window == from.as_bytes()) {
        changed[at + found..][..to.len()].copy_from_slice(to.as_bytes());
        at += found + to.len();
        count += 1;
    }
    assert!(count > 0, "the file has no {from}");
    changed
}

/// The file after a change to its objects.
fn edited(bytes: &[u8], change: impl FnOnce(&mut Document)) -> Vec<u8> {
    let mut document = Document::load_mem(bytes).expect("a sound file");
    change(&mut document);
    let mut file = Vec::new();
    document.save_to(&mut file).expect("memory");
    file
}

#[test]
fn each_broken_requirement_is_named_and_no_other() {
    use Requirement::{Colour, FileName, Pdfa, Resolution, Scale, Signature, SignaturePlace, Size, Text, Version};
    let good = Paper::default();
    let whole = good.file();
    let page_of = |document: &Document, number: u32| document.get_pages()[&number];
    let second_page = edited(&Paper { pages: 2, ..good.clone() }.file(), |document| {
        let (first, second) = (page_of(document, 1), page_of(document, 2));
        let notes = document.get_dictionary_mut(first).expect("a page").remove(b"Annots").expect("a signature");
        document.get_dictionary_mut(second).expect("a page").set("Annots", notes);
    });
    let other_unit = edited(&good.unsigned(), |document| {
        let page = page_of(document, 1);
        document.get_dictionary_mut(page).expect("a page").set("UserUnit", Object::Real(1.1));
    });
    let broken: [(&str, Requirement, &str, Vec<u8>); 18] = [
        ("an old version", Version, NAME, with(&whole, "%PDF-1.7", "%PDF-1.3")),
        ("no claim", Pdfa, NAME, with(&whole, "pdfaid:part", "pdfaid:parx")),
        ("another level", Pdfa, NAME, with(&whole, "conformance>U", "conformance>A")),
        ("grey", Colour, NAME, Paper { gray: true, ..good.clone() }.file()),
        ("few colours", Colour, NAME, with(&whole, "/BitsPerComponent 8", "/BitsPerComponent 4")),
        ("150 dpi", Resolution, NAME, Paper { placed_dpi: [150.0; 2], stated_dpi: 150, ..good.clone() }.file()),
        ("199 dpi down", Resolution, NAME, Paper { placed_dpi: [198.0; 2], stated_dpi: 199, ..good.clone() }.file()),
        ("110 %", Scale, NAME, Paper { placed_dpi: [272.0; 2], ..good.clone() }.file()),
        ("stretched", Scale, NAME, Paper { placed_dpi: [300.0, 280.0], ..good.clone() }.file()),
        ("another unit", Scale, NAME, good.sign(&other_unit)),
        ("no text", Text, NAME, Paper { text: false, ..good.clone() }.file()),
        ("not signed", Signature, NAME, Paper { signed: false, ..good.clone() }.file()),
        ("invisible", SignaturePlace, NAME, Paper { corner: None, ..good.clone() }.file()),
        ("left", SignaturePlace, NAME, Paper { corner: Some([0.03, 0.95]), ..good.clone() }.file()),
        ("at the foot", SignaturePlace, NAME, Paper { corner: Some([0.67, 0.03]), ..good.clone() }.file()),
        ("page 2", SignaturePlace, NAME, second_page),
        ("its name", FileName, "giay-khai-sinh.pdf", whole.clone()),
        ("6 MB", Size, NAME, Paper { padding: 6_000_000, ..good.clone() }.file()),
    ];
    let profile = Profile::named("tt05-2025").expect("it exists");
    let unmet = |name: &str, file: &[u8]| -> Vec<Requirement> {
        let found = check(name, file, &profile).expect("it can be read");
        found.into_iter().filter(|finding| !finding.met).map(|finding| finding.requirement).collect()
    };
    assert_eq!(unmet(NAME, &whole), []);
    for (what, requirement, name, file) in broken {
        assert_eq!(unmet(name, &file), [requirement], "{what}");
    }
}

#[test]
fn findings_are_told_in_both_languages_with_their_clause() {
    let folder = fresh("check-words");
    let path = folder.join("a.pdf");
    fs::write(&path, Paper { corner: None, ..Paper::default() }.file()).expect("our own folder");
    let vietnamese = run(sohoa().arg("check").arg(&path));
    assert_eq!(vietnamese.code, Some(11), "{vietnamese:?}");
    for part in
        ["KHÔNG ĐẠT 1 yêu cầu", "✗ chữ ký hiển thị ở góc trên bên trái trang đầu", "TT 01/2023/TT-VPCP Điều 8.1"]
    {
        assert!(vietnamese.stdout.contains(part), "{vietnamese:?}");
    }
    let english = run(sohoa().args(["check", "--lang", "en", "--profile", "tt05-2025"]).arg(&path));
    for part in ["2 NOT MET", "✗ visible signature top right", "✗ file name", "as other programs implement it"] {
        assert!(english.stdout.contains(part), "{english:?}");
    }
    let json = run(sohoa().args(["check", "--json"]).arg(&path));
    let lines: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let last = lines.last().expect("a verdict");
    assert_eq!((&last["event"], &last["met"]), (&"checked".into(), &false.into()));
    let unmet: Vec<&Value> =
        lines.iter().filter(|line| line["event"] == "requirement" && line["met"] == false).collect();
    assert_eq!(unmet.len(), 1);
    assert_eq!(unmet[0]["requirement"], "signature-place");
    assert_eq!(unmet[0]["source"]["clause"], "TT 01/2023/TT-VPCP Điều 8.1");

    let picture = run(sohoa().arg("check").arg(root().join("samples/bia-ho-so.jpg")).arg(&path));
    assert!(picture.code == Some(5) && picture.stderr.contains("PDF"), "{picture:?}");
}
