//! The words of a file with their places, as the invisible text of a component has them: what can be searched of it when nothing else
//! of it is left.
//!
//! Fonts with two bytes a character and a `ToUnicode` map are read, which ours are. Text of other fonts, as digital originals have,
//! is passed over.

use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object};

use super::facts::visible;
use super::{Page, PdfReadError, broken, content, leaves, load, unpacked};
use crate::model::{Rect, TextLine, Word};
use crate::pdf::blank_font::{ADVANCE, DESCENT, UNITS_PER_EM};

/// Parts of a point: boxes are counted in these, 0.18 mm.
const PARTS: f64 = 2.0;
/// The same of a millimetre.
pub const PARTS_OF_MM: f64 = PARTS * 72.0 / 25.4;
/// Longest map of characters, bytes: 65,535 of them take 1 MB.
const MAX_MAP: usize = 4 << 20;
/// Longest side of a page, points (ISO 32000-1, annex C).
const MAX_SIDE: f64 = 14_400.0;

/// The words of a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageWords {
    /// Width and height of the page, half points; so are the boxes.
    pub size: (u32, u32),
    /// Words in the order of the file.
    pub lines: Vec<TextLine>,
}

/// Reads the words of a file, page by page.
///
/// # Errors
/// [`PdfReadError`]: damaged, encrypted, too many pages.
pub fn words(file: &[u8], max_pages: usize) -> Result<Vec<PageWords>, PdfReadError> {
    let document = load(file)?;
    let pages = leaves(&document, max_pages)?;
    (1..).zip(&pages).map(|(number, page)| page_words(&document, page, number)).collect()
}

/// Characters of a font by their codes.
type Characters = BTreeMap<u16, String>;

/// How text is shown.
struct State<'a> {
    font: Option<&'a Characters>,
    size: f64,
    /// Share of its width that a character has.
    stretch: f64,
    /// Where the next character stands.
    at: (f64, f64),
    /// Where the line began.
    start: (f64, f64),
}

fn page_words(document: &Document, page: &Page<'_>, number: usize) -> Result<PageWords, PdfReadError> {
    let [left, bottom, right, top] = visible(document, page);
    let fonts = fonts(document, page.attributes.resources, number)?;
    let content = content::content_of(document, page, number)?;
    let mut found = PageWords { size: (parts(right - left), parts(top - bottom)), lines: Vec::new() };
    let mut state = State { font: None, size: 0.0, stretch: 1.0, at: (0.0, 0.0), start: (0.0, 0.0) };
    let mut baseline = f64::NAN;
    for operation in Content::decode_iter(&content) {
        let operation = operation.map_err(broken)?;
        let operands = operation.operands.as_slice();
        let number = |index: usize| operands.get(index).and_then(|value| value.as_float().ok()).map_or(0.0, f64::from);
        match operation.operator.as_str() {
            "BT" => (state.at, state.start) = ((0.0, 0.0), (0.0, 0.0)),
            "Tf" => {
                let name = operands.first().and_then(|name| name.as_name().ok());
                state.font = name.and_then(|name| fonts.get(name));
                state.size = number(1).abs();
            }
            "Tz" => state.stretch = number(0) / 100.0,
            "Tm" => {
                state.start = (number(4), number(5));
                state.at = state.start;
            }
            "Td" | "TD" => {
                state.start = (state.start.0 + number(0), state.start.1 + number(1));
                state.at = state.start;
            }
            "Tj" | "TJ" => {
                let Some(font) = state.font else { continue };
                let text = decoded(operands, font);
                let first = (state.at.0 - left, top - state.at.1);
                let words = placed(&text, first, &mut state);
                let is_new_line = baseline.total_cmp(&state.at.1).is_ne();
                baseline = state.at.1;
                match found.lines.last_mut().filter(|_| !is_new_line) {
                    Some(line) => line.words.extend(words),
                    None => found.lines.push(TextLine { words, bounds: Rect::default(), block: 0 }),
                }
            }
            _ => {}
        }
    }
    found.lines.retain(|line| !line.words.is_empty());
    for line in &mut found.lines {
        let first = line.words[0].bounds;
        line.bounds = line.words.iter().fold(first, |bounds, word| bounds.union(word.bounds));
    }
    Ok(found)
}

/// The words of a text that begins at a place, y downwards; moves on to where it ends.
fn placed(text: &str, (x, y): (f64, f64), state: &mut State<'_>) -> Vec<Word> {
    let advance = state.size * f64::from(ADVANCE) / f64::from(UNITS_PER_EM) * state.stretch;
    let bottom = y - state.size * f64::from(DESCENT) / f64::from(UNITS_PER_EM);
    let (mut words, mut before) = (Vec::new(), 0);
    for piece in text.split(' ') {
        let length = piece.chars().count();
        if length > 0 {
            let left = parts(x + advance * f64::from(u32::try_from(before).unwrap_or(u32::MAX)));
            let width = parts(advance * f64::from(u32::try_from(length).unwrap_or(u32::MAX)));
            let bounds = Rect { x: left, y: parts(bottom - state.size), width, height: parts(state.size) };
            words.push(Word { text: piece.to_owned(), bounds, confidence: 1.0, blue: 0 });
        }
        before += length + 1;
    }
    state.at.0 += advance * f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
    words
}

/// Points as whole parts of them, within what a page may have.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the sides of a page")]
fn parts(points: f64) -> u32 {
    (points.clamp(0.0, MAX_SIDE) * PARTS).round() as u32
}

fn decoded(operands: &[Object], font: &Characters) -> String {
    let mut text = String::new();
    let mut add = |bytes: &[u8]| {
        for code in bytes.chunks_exact(2) {
            text.push_str(font.get(&u16::from_be_bytes([code[0], code[1]])).map_or("\u{FFFD}", String::as_str));
        }
    };
    for operand in operands {
        match operand {
            Object::String(bytes, _) => add(bytes),
            Object::Array(parts) => parts.iter().filter_map(|part| part.as_str().ok()).for_each(&mut add),
            _ => {}
        }
    }
    // A file made elsewhere may hold what a terminal obeys.
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The fonts of a page that can be read, by name.
fn fonts(
    document: &Document,
    resources: Option<&Dictionary>,
    page: usize,
) -> Result<BTreeMap<Vec<u8>, Characters>, PdfReadError> {
    let fonts = resources.and_then(|own| own.get_deref(b"Font", document).ok()?.as_dict().ok());
    let mut read = BTreeMap::new();
    for (name, font) in fonts.into_iter().flat_map(Dictionary::iter) {
        let Ok(font) = document.dereference(font).and_then(|(_, font)| font.as_dict()) else { continue };
        let is_composite =
            font.get_deref(b"Subtype", document).and_then(Object::as_name).is_ok_and(|one| one == b"Type0");
        let map = font.get_deref(b"ToUnicode", document).and_then(Object::as_stream);
        if let (true, Ok(map)) = (is_composite, map) {
            read.insert(name.clone(), characters(&unpacked(map, MAX_MAP, page)?));
        }
    }
    Ok(read)
}

/// Reads the pairs and ranges of a `ToUnicode` map (ISO 32000-1, 9.10.3).
fn characters(map: &[u8]) -> Characters {
    let text = String::from_utf8_lossy(map);
    let mut characters = Characters::new();
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if line.ends_with("beginbfchar") || line.ends_with("beginbfrange") {
            section = if line.ends_with("beginbfchar") { "char" } else { "range" };
            continue;
        }
        if line.starts_with("endbf") {
            section = "";
        }
        let codes: Vec<Vec<u16>> = line.split('<').skip(1).filter_map(|code| units(code.split('>').next()?)).collect();
        match (section, &codes[..]) {
            ("char", [code, to]) if code.len() == 1 => {
                characters.insert(code[0], String::from_utf16_lossy(to));
            }
            ("range", [first, last, to]) if first.len() == 1 && last.len() == 1 && !to.is_empty() => {
                for code in first[0]..=last[0] {
                    let mut to = to.clone();
                    let end = to.len() - 1;
                    to[end] = to[end].wrapping_add(code - first[0]);
                    characters.insert(code, String::from_utf16_lossy(&to));
                }
            }
            _ => {}
        }
    }
    characters
}

/// Hexadecimal digits as 16-bit numbers.
fn units(digits: &str) -> Option<Vec<u16>> {
    let digits: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(4).map(|unit| u16::from_str_radix(&unit.iter().collect::<String>(), 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::{Jpeg, PageText, Picture, SizeMm};
    use crate::pdf::writer::{DocumentInfo, PdfPage, PdfaLevel, write};

    #[test]
    fn what_was_written_is_read_where_it_stands() {
        // As much of a JPEG file as the writer reads: its frame header.
        let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xC0, 0, 11, 8, 1, 0x29, 0, 0xD2, 1];
        bytes.extend([0, 0, 0, 0xFF, 0xD9]);
        let picture = Picture::Jpeg(Jpeg { bytes, width: 210, height: 297 });
        let word = |text: &str, [x, y, width, height]: [u32; 4]| {
            let bounds = Rect { x, y, width, height };
            Word { text: text.to_owned(), bounds, confidence: 0.5, blue: 0 }
        };
        let line = |words| TextLine { words, bounds: Rect::default(), block: 0 };
        let lines = vec![
            line(vec![word("Quyết", [20, 30, 30, 10]), word("định", [60, 30, 25, 10]), word("😀", [100, 30, 9, 10])]),
            line(vec![word("45/QĐ-UBND", [20, 60, 80, 8])]),
        ];
        let text = PageText { lines };
        let size = SizeMm { width: 210.0, height: 297.0 };
        let page = PdfPage { picture: &picture, width: 210, height: 297, size, text: &text };
        let info = DocumentInfo {
            title: "x".to_owned(),
            language: "vi-VN".to_owned(),
            created: datetime!(2026-11-21 20:30:00 UTC),
            producer: "sohoa".to_owned(),
            subject: None,
            keywords: None,
        };
        let none = PageText::default();
        let blank = PdfPage { text: &none, ..page };
        let file = write(&[page, blank], &info, PdfaLevel::default()).unwrap();
        let read = words(&file, 9).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].size, read[1].lines.len()), ((1191, 1684), 0));
        let texts: Vec<String> = read[0].lines.iter().map(TextLine::text).collect();
        assert_eq!(texts, ["Quyết định 😀", "45/QĐ-UBND"]);
        // A pixel of this page is 5.67 half points.
        for (written, read) in text.lines.iter().zip(&read[0].lines) {
            for (written, read) in written.words.iter().zip(&read.words) {
                let sides = |one: Rect| [one.x, one.y, one.width, one.height].map(f64::from);
                for (pixels, parts) in sides(written.bounds).into_iter().zip(sides(read.bounds)) {
                    assert!((pixels * 5.67 - parts).abs() < 3.0, "{written:?} {read:?}");
                }
            }
        }
        assert!(matches!(words(&file, 1), Err(PdfReadError::TooManyPages { .. })));
        assert!(words(&file[..file.len() / 2], 9).is_err());
    }

    #[test]
    fn maps_have_pairs_and_ranges() {
        let map = b"2 beginbfchar\n<0001> <0041>\n<0002> <D83DDE00>\nendbfchar\n1 beginbfrange\n<0005> <0007> <0061>\nendbfrange\n<0009> <0042>";
        let read: Vec<(u16, String)> = characters(map).into_iter().collect();
        let of = |code, text: &str| (code, text.to_owned());
        assert_eq!(read, [of(1, "A"), of(2, "😀"), of(5, "a"), of(6, "b"), of(7, "c")]);
        let font = characters(b"1 beginbfchar\n<0001> <0041>\n<0002> <001B>\nendbfchar");
        let shown = Object::String(vec![0, 1, 0, 2, 0, 1, 0, 3], lopdf::StringFormat::Hexadecimal);
        assert_eq!(decoded(&[shown], &font), "A\u{FFFD}A\u{FFFD}");
    }
}
