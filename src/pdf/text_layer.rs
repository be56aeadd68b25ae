//! The invisible text that makes a scan searchable: every word stretched over its picture, in reading order.
//!
//! All characters of a document share one font whose glyphs are blank. A character's code is its rank among the
//! distinct characters of the document; the `ToUnicode` map turns codes back into text. Words are shown with render
//! mode 3 (neither filled nor stroked), one text matrix and one horizontal scale each, so that selecting a word in a
//! viewer marks its picture.
//!
//! Words of a line share baseline and size. Extractors (poppler, pdf.js) split a line whose baseline wanders, and OCR
//! boxes do wander: "ra" is low, "Quyền" reaches above and below.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pdf_writer::Name;
use pdf_writer::Str;
use pdf_writer::types::{SystemInfo, UnicodeCmap};
use unicode_normalization::UnicodeNormalization;

use super::blank_font::{ADVANCE, BLANK_GLYPH, DESCENT, UNITS_PER_EM};
use crate::model::{Rect, TextLine};

/// Name of the font among the resources of a page.
pub(super) const FONT: &str = "F0";

/// The registry of the identity encoding (ISO 32000-1, table 116).
pub(super) const IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };
/// The registry that `ToUnicode` maps carry by custom (Adobe Technical Note 5411).
pub(super) const UCS: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"UCS"), supplement: 0 };

/// Longest string shown at once, characters. Each takes two bytes; PDF/A-2 allows strings of 32,767 (6.1.13).
const MAX_STRING_CHARACTERS: usize = 16_000;
/// Where the line box is higher than this many times its median word, a stamp or a slope inflates it, and each word
/// keeps its own box instead. Ascender, descender and stacked accents together reach about twice the x-height.
const MAX_LINE_TO_WORD_HEIGHT: u32 = 2;

/// Codes of the distinct characters of a document, from 1 on in code point order. Code 0 is `.notdef`, never used.
#[derive(Debug)]
pub(super) struct CharacterCodes(Vec<char>);

impl CharacterCodes {
    /// Gathers the characters of all lines; `None` when there are more than the 65,535 that two bytes can number.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a TextLine>) -> Option<Self> {
        let mut distinct = BTreeSet::new();
        for word in lines.flat_map(|line| &line.words) {
            distinct.extend(characters(&word.text));
        }
        if !distinct.is_empty() {
            distinct.insert(' ');
        }
        (distinct.len() <= usize::from(u16::MAX)).then(|| Self(distinct.into_iter().collect()))
    }

    /// Whether the document has no text at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn code(&self, character: char) -> u16 {
        let rank = self.0.binary_search(&character).expect("codes were gathered from the same words");
        u16::try_from(rank + 1).expect("the number of codes was checked")
    }

    /// The `ToUnicode` map.
    pub(super) fn to_unicode(&self) -> Vec<u8> {
        let mut map = UnicodeCmap::new(Name(b"Adobe-Identity-UCS"), UCS);
        for (code, character) in (1_u16..).zip(&self.0) {
            map.pair(code, *character);
        }
        map.finish().into_vec()
    }

    /// The `CIDToGIDMap`: every code is the blank glyph.
    pub(super) fn to_glyphs(&self) -> Vec<u8> {
        let mut map = vec![0, 0];
        for _ in &self.0 {
            map.extend_from_slice(&BLANK_GLYPH.to_be_bytes());
        }
        map
    }

    /// The `CIDSet`: one bit for each code that the font has, code 0 first.
    pub(super) fn set(&self) -> Vec<u8> {
        let codes = self.0.len() + 1;
        let mut bits = vec![0xFF; codes / 8];
        if !codes.is_multiple_of(8) {
            bits.push(!(0xFF_u8 >> (codes % 8)));
        }
        bits
    }
}

/// The characters of a word that may stand in a file: NFC, white space as spaces, without control characters and
/// noncharacters (PDF/A-2u, 6.2.11.7.2, forbids U+0000, U+FEFF and U+FFFE). Private characters mean nothing outside
/// their font and become U+FFFD.
fn characters(word: &str) -> impl Iterator<Item = char> {
    word.trim().nfc().filter_map(|character| match character {
        _ if character.is_whitespace() => Some(' '),
        _ if character.is_control() => None,
        '\u{FEFF}' | '\u{FDD0}'..='\u{FDEF}' => None,
        _ if u32::from(character) & 0xFFFE == 0xFFFE => None,
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'.. => Some('\u{FFFD}'),
        _ => Some(character),
    })
}

/// From pixels of the page picture, y downwards, to points of the PDF page, y upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageScale {
    /// Size of the picture, pixels.
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    /// Size of the page, points.
    pub(super) width_pt: f64,
    pub(super) height_pt: f64,
}

impl PageScale {
    fn x(&self, px: u32) -> f64 {
        f64::from(px.min(self.width_px)) * self.width_pt / f64::from(self.width_px)
    }

    fn y(&self, px: u32) -> f64 {
        self.height_pt - f64::from(px.min(self.height_px)) * self.height_pt / f64::from(self.height_px)
    }
}

/// The content stream of a page: its pictures, each over the one before, then its words.
pub(super) fn page_content(pictures: &[&str], lines: &[TextLine], scale: PageScale, codes: &CharacterCodes) -> Vec<u8> {
    let words: usize = lines.iter().map(|line| line.words.len()).sum();
    let mut content = String::with_capacity(128 + 80 * words);
    content.push_str("q\n");
    number(&mut content, scale.width_pt, 2);
    content.push_str("0 0 ");
    number(&mut content, scale.height_pt, 2);
    content.push_str("0 0 cm\n");
    for picture in pictures {
        _ = writeln!(content, "/{picture} Do");
    }
    content.push_str("Q\n");
    if words > 0 {
        content.push_str("BT\n3 Tr\n");
        let mut font_size = String::new();
        for line in lines {
            show_line(&mut content, &mut font_size, line, scale, codes);
        }
        content.push_str("ET\n");
    }
    content.into_bytes()
}

fn show_line(content: &mut String, font_size: &mut String, line: &TextLine, scale: PageScale, codes: &CharacterCodes) {
    let shared = line_span(line);
    for word in &line.words {
        let text: Vec<char> = characters(&word.text).collect();
        if text.is_empty() {
            continue;
        }
        let (top, bottom) = shared.unwrap_or((word.bounds.y, word.bounds.y.saturating_add(word.bounds.height)));
        // Half a pixel keeps an empty or outlying box from giving a size or scale of zero.
        let pixel = scale.height_pt / f64::from(scale.height_px);
        let size = (scale.y(top) - scale.y(bottom)).max(pixel / 2.0);
        let mut size_operand = String::new();
        number(&mut size_operand, size.max(0.1), 1);
        if size_operand != *font_size {
            _ = writeln!(content, "/{FONT} {size_operand}Tf");
            *font_size = size_operand;
        }
        let left = scale.x(word.bounds.x);
        let width = (scale.x(word.bounds.x.saturating_add(word.bounds.width)) - left).max(pixel / 2.0);
        let baseline = scale.y(bottom) - size * f64::from(DESCENT) / f64::from(UNITS_PER_EM);
        let natural_width =
            text.len() as f64 * (10.0 * size.max(0.1)).round() / 10.0 * f64::from(ADVANCE) / f64::from(UNITS_PER_EM);
        number(content, (100.0 * width / natural_width).clamp(0.1, 30_000.0), 1);
        content.push_str("Tz 1 0 0 1 ");
        number(content, left, 2);
        number(content, baseline, 2);
        content.push_str("Tm");
        show_text(content, &text, codes);
    }
}

/// Shows the characters and a space after them.
fn show_text(content: &mut String, text: &[char], codes: &CharacterCodes) {
    let mut pieces = text.chunks(MAX_STRING_CHARACTERS).peekable();
    while let Some(piece) = pieces.next() {
        content.push('<');
        for character in piece {
            _ = write!(content, "{:04X}", codes.code(*character));
        }
        if pieces.peek().is_none() {
            _ = write!(content, "{:04X}", codes.code(' '));
        }
        content.push_str(">Tj\n");
    }
}

/// Top and bottom that all words of a line share, pixels; `None` when the words are too unequal to share them.
fn line_span(line: &TextLine) -> Option<(u32, u32)> {
    let end = |bounds: &Rect| bounds.y.saturating_add(bounds.height);
    let top = line.words.iter().map(|word| word.bounds.y).min()?;
    let bottom = line.words.iter().map(|word| end(&word.bounds)).max()?;
    let mut heights: Vec<u32> = line.words.iter().map(|word| word.bounds.height).collect();
    heights.sort_unstable();
    let median = heights[heights.len() / 2];
    (bottom - top <= median.saturating_mul(MAX_LINE_TO_WORD_HEIGHT)).then_some((top, bottom))
}

/// A number with at most `decimals` digits after the point, and a space.
fn number(content: &mut String, value: f64, decimals: usize) {
    let start = content.len();
    _ = write!(content, "{value:.decimals$}");
    let digits = content[start..].trim_end_matches('0').trim_end_matches('.').len();
    content.truncate(start + digits);
    content.push(' ');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word;

    fn line(words: &[(&str, [u32; 4])]) -> TextLine {
        let words = words
            .iter()
            .map(|(text, [x, y, width, height])| Word {
                text: (*text).to_owned(),
                bounds: Rect { x: *x, y: *y, width: *width, height: *height },
                confidence: 1.0,
                blue: 0,
            })
            .collect();
        TextLine { words, bounds: Rect::default(), block: 0 }
    }

    const SCALE: PageScale = PageScale { width_px: 100, height_px: 200, width_pt: 50.0, height_pt: 100.0 };

    fn content(lines: &[TextLine]) -> String {
        let codes = CharacterCodes::of(lines.iter()).unwrap();
        String::from_utf8(page_content(&["Im0"], lines, SCALE, &codes)).unwrap()
    }

    #[test]
    fn a_word_fills_its_box_above_a_baseline_near_its_bottom() {
        let text = content(&[line(&[("ab", [10, 20, 40, 20])])]);
        // 20 px are 10 pt; two blanks of 5 pt fill 10 pt; the box is 20 pt wide: 200 %. Bottom at 100 − 20 = 80 pt.
        assert!(text.contains("/F0 10 Tf\n200 Tz 1 0 0 1 5 82 Tm<000200030001>Tj\n"), "{text}");
        assert!(text.starts_with("q\n50 0 0 100 0 0 cm\n/Im0 Do\nQ\nBT\n3 Tr\n"), "{text}");
    }

    #[test]
    fn words_of_one_line_share_baseline_and_size() {
        let text = content(&[line(&[("ra", [0, 24, 10, 12]), ("Quyền", [20, 20, 30, 20])])]);
        assert_eq!(text.matches(" Tf\n").count(), 1, "{text}");
        assert!(text.contains("1 0 0 1 0 82 Tm") && text.contains("1 0 0 1 10 82 Tm"), "{text}");
    }

    #[test]
    fn a_tall_mark_does_not_inflate_its_line() {
        let text = content(&[line(&[("a", [0, 50, 10, 10]), ("b", [20, 52, 10, 10]), ("@", [40, 0, 10, 100])])]);
        assert!(text.contains("/F0 5 Tf") && text.contains("/F0 50 Tf"), "{text}");
    }

    #[test]
    fn characters_no_file_may_hold_are_left_out() {
        let clean = |word: &str| characters(word).collect::<String>();
        assert_eq!(clean("a\u{0}\u{FEFF}\u{FFFE}\u{1FFFF}\tb\u{E000}"), "a b\u{FFFD}");
        assert_eq!(clean("ê\u{0301}"), "ế");
        assert_eq!(clean("\u{200B}\u{7}").len(), 3);
    }

    #[test]
    fn words_without_characters_or_size_do_no_harm() {
        let text = content(&[line(&[("\u{7}", [0, 0, 0, 0]), ("x", [4_000_000_000, 4_000_000_000, u32::MAX, 0])])]);
        assert_eq!(text.matches("Tj").count(), 1);
        assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
    }

    #[test]
    fn set_has_one_bit_for_each_code() {
        for (characters, bits) in [("a", vec![0xE0]), ("abcdefg", vec![0xFF, 0x80]), ("abcdef", vec![0xFF])] {
            let codes = CharacterCodes::of([line(&[(characters, [0; 4])])].iter()).unwrap();
            assert_eq!(codes.set(), bits);
            assert_eq!(codes.to_glyphs().len(), 2 * (characters.len() + 2));
        }
    }

    #[test]
    fn characters_beyond_the_basic_plane_become_surrogate_pairs() {
        let codes = CharacterCodes::of([line(&[("😀", [0; 4])])].iter()).unwrap();
        assert!(String::from_utf8(codes.to_unicode()).unwrap().contains("<0002> <D83DDE00>"));
    }
}
