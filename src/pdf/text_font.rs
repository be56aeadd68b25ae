//! The face of text that is seen: Liberation Serif, which has the metrics of Times New Roman (NĐ 30/2020 asks for that)
//! and all Vietnamese letters, reduced to the glyphs that a text needs.
//!
//! Outlines are copied without their hinting programs, which nothing at the size of a signature box needs; glyphs put
//! together from others bring those along.

use std::collections::BTreeMap;

use pdf_writer::Name;
use pdf_writer::types::UnicodeCmap;

use super::text_layer::UCS;
use super::truetype::{self, table, words};

/// The font file; `assets/README.md` says where it comes from.
static FILE: &[u8] = include_bytes!("../../assets/LiberationSerif-Regular.ttf");

/// Name of the face in PDF files.
pub(super) const NAME: &str = "LiberationSerif";

/// PDF measures glyphs in thousandths of the em.
const PDF_UNITS: u32 = 1000;

/// Shown for characters that the face does not have.
const REPLACEMENT: char = '?';

/// Component flags (OpenType, "composite glyph description").
const WORD_ARGUMENTS: u16 = 0x0001;
const SCALE: u16 = 0x0008;
const MORE_COMPONENTS: u16 = 0x0020;
const SCALE_X_AND_Y: u16 = 0x0040;
const SCALE_TWO_BY_TWO: u16 = 0x0080;
const INSTRUCTIONS: u16 = 0x0100;

/// The face, its tables found.
struct Face {
    head: &'static [u8],
    hhea: &'static [u8],
    hmtx: &'static [u8],
    maxp: &'static [u8],
    loca: &'static [u8],
    glyf: &'static [u8],
    /// The subtable of Unicode characters, format 4.
    characters: &'static [u8],
}

impl Face {
    fn open() -> Self {
        let find = |tag| table(FILE, tag).expect("the font built in has all tables");
        let cmap = find(b"cmap");
        let unicode = (0..usize::from(u16_at(cmap, 2)))
            .map(|record| &cmap[4 + 8 * record..])
            .find(|record| record.starts_with(&[0, 3, 0, 1]))
            .expect("the font built in has a table of Unicode characters");
        let at = u32::from_be_bytes(*unicode[4..].first_chunk().expect("a record has 8 bytes")) as usize;
        Self {
            head: find(b"head"),
            hhea: find(b"hhea"),
            hmtx: find(b"hmtx"),
            maxp: find(b"maxp"),
            loca: find(b"loca"),
            glyf: find(b"glyf"),
            characters: &cmap[at..],
        }
    }

    /// The glyph of a character of the first plane.
    fn glyph(&self, character: char) -> Option<u16> {
        let code = u16::try_from(u32::from(character)).ok()?;
        let map = self.characters;
        let twice = usize::from(u16_at(map, 6));
        let segment = (0..twice).step_by(2).find(|segment| u16_at(map, 14 + segment) >= code)?;
        let (starts, deltas, offsets) = (16 + twice, 16 + 2 * twice, 16 + 3 * twice);
        let start = u16_at(map, starts + segment);
        if code < start {
            return None;
        }
        let (delta, offset) = (u16_at(map, deltas + segment), usize::from(u16_at(map, offsets + segment)));
        let glyph = match offset {
            0 => code.wrapping_add(delta),
            _ => match u16_at(map, offsets + segment + offset + 2 * usize::from(code - start)) {
                0 => 0,
                glyph => glyph.wrapping_add(delta),
            },
        };
        (glyph != 0).then_some(glyph)
    }

    /// Advance and left side bearing as stored.
    fn metrics(&self, glyph: u16) -> [u16; 2] {
        let last = u16_at(self.hhea, 34) - 1;
        let advance = u16_at(self.hmtx, 4 * usize::from(glyph.min(last)));
        let bearing = match glyph.checked_sub(last) {
            None | Some(0) => 4 * usize::from(glyph) + 2,
            Some(beyond) => 4 * usize::from(last) + 2 + 2 * usize::from(beyond),
        };
        [advance, u16_at(self.hmtx, bearing)]
    }

    /// The outline; empty for blanks.
    fn outline(&self, glyph: u16) -> &'static [u8] {
        let at = |index: usize| {
            let offset = &self.loca[4 * index..];
            u32::from_be_bytes(*offset.first_chunk().expect("an offset a glyph and one more")) as usize
        };
        let index = usize::from(glyph);
        &self.glyf[at(index)..at(index + 1)]
    }

    /// A length of the face in thousandths of the em.
    fn in_pdf_units(&self, value: i16) -> f32 {
        f32::from(value) * PDF_UNITS as f32 / f32::from(u16_at(self.head, 18))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The glyphs that some texts need, numbered anew from 0 (`.notdef`).
pub(super) struct Subset {
    codes: BTreeMap<char, u16>,
    /// Glyphs of the face; the position is the new number.
    glyphs: Vec<u16>,
    face: Face,
}

impl Subset {
    /// Gathers the glyphs of the texts, whose characters are expected in NFC.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let face = Face::open();
        let mut characters: Vec<char> = texts.flat_map(str::chars).collect();
        characters.sort_unstable();
        characters.dedup();
        let mut glyphs = vec![0];
        let mut codes = BTreeMap::new();
        for character in characters {
            let glyph = face.glyph(character).or_else(|| face.glyph(REPLACEMENT)).unwrap_or(0);
            codes.insert(character, position(&mut glyphs, glyph));
        }
        // Parts of composed glyphs, and parts of those.
        let mut next = 0;
        while next < glyphs.len() {
            let outline = face.outline(glyphs[next]);
            for (at, _) in components(outline) {
                position(&mut glyphs, u16_at(outline, at + 2));
            }
            next += 1;
        }
        Self { codes, glyphs, face }
    }

    /// The code of a character, which is the number of its glyph.
    pub(super) fn code(&self, character: char) -> u16 {
        self.codes.get(&character).copied().unwrap_or(0)
    }

    /// The `ToUnicode` map of the codes (ISO 32000-1, 9.10.3). Characters that share a glyph can be told apart no longer:
    /// the first stands for all.
    pub(super) fn to_unicode(&self) -> Vec<u8> {
        let mut map = UnicodeCmap::new(Name(b"Adobe-Identity-UCS"), UCS);
        let mut told = Vec::new();
        for (&character, &code) in &self.codes {
            if !told.contains(&code) {
                told.push(code);
                map.pair(code, character);
            }
        }
        map.finish().into_vec()
    }

    /// Number of glyphs.
    pub(super) fn len(&self) -> u16 {
        u16::try_from(self.glyphs.len()).expect("glyphs of one face")
    }

    /// Widths of all glyphs, thousandths of the em.
    pub(super) fn widths(&self) -> impl Iterator<Item = f32> {
        self.glyphs.iter().map(|&glyph| self.face.in_pdf_units(self.face.metrics(glyph)[0].cast_signed()))
    }

    /// Width of a text, thousandths of the em.
    pub(super) fn width(&self, text: &str) -> f32 {
        let glyph = |character| self.glyphs[usize::from(self.code(character))];
        let advance = |character| self.face.in_pdf_units(self.face.metrics(glyph(character))[0].cast_signed());
        text.chars().map(advance).sum()
    }

    /// Height above and, negative, depth below the baseline, thousandths of the em.
    pub(super) fn ascent_and_descent(&self) -> [f32; 2] {
        [4, 6].map(|at| self.face.in_pdf_units(u16_at(self.face.hhea, at).cast_signed()))
    }

    /// Left, bottom, right and top of the whole face, thousandths of the em.
    pub(super) fn bounds(&self) -> [f32; 4] {
        [36, 38, 40, 42].map(|at| self.face.in_pdf_units(u16_at(self.face.head, at).cast_signed()))
    }

    /// The font program: the tables that PDF asks for (ISO 32000-1, 9.9).
    pub(super) fn file(&self) -> Vec<u8> {
        let (mut glyf, mut loca, mut hmtx) = (Vec::new(), Vec::new(), Vec::new());
        for &glyph in &self.glyphs {
            loca.extend(u32::try_from(glyf.len()).expect("smaller than the face").to_be_bytes());
            glyf.extend(self.outline(glyph));
            glyf.resize(glyf.len().next_multiple_of(4), 0);
            hmtx.extend(words(&self.face.metrics(glyph)));
        }
        loca.extend(u32::try_from(glyf.len()).expect("smaller than the face").to_be_bytes());
        let count = self.len().to_be_bytes();
        let mut head = self.face.head.to_vec();
        head[8..12].fill(0);
        head[50..52].copy_from_slice(&1_u16.to_be_bytes());
        let mut hhea = self.face.hhea.to_vec();
        hhea[34..36].copy_from_slice(&count);
        let mut maxp = self.face.maxp.to_vec();
        maxp[4..6].copy_from_slice(&count);
        truetype::assemble(&[
            (b"glyf", glyf),
            (b"head", head),
            (b"hhea", hhea),
            (b"hmtx", hmtx),
            (b"loca", loca),
            (b"maxp", maxp),
        ])
    }

    /// The outline of a glyph of the face with the new numbers of its parts and no hinting program.
    fn outline(&self, glyph: u16) -> Vec<u8> {
        let outline = self.face.outline(glyph);
        if outline.is_empty() {
            return Vec::new();
        }
        let contours = u16_at(outline, 0).cast_signed();
        if let Ok(contours) = usize::try_from(contours) {
            let program = 10 + 2 * contours;
            let end = program + 2 + usize::from(u16_at(outline, program));
            return [&outline[..program], &[0, 0], &outline[end..]].concat();
        }
        let mut copy = outline.to_vec();
        let mut end = copy.len();
        for (at, next) in components(outline) {
            let flags = u16_at(outline, at) & !INSTRUCTIONS;
            let part = u16_at(outline, at + 2);
            let part = self.glyphs.iter().position(|&glyph| glyph == part).expect("parts were gathered");
            copy[at..at + 2].copy_from_slice(&flags.to_be_bytes());
            copy[at + 2..at + 4].copy_from_slice(&u16::try_from(part).expect("glyphs of one face").to_be_bytes());
            end = next;
        }
        copy.truncate(end);
        copy
    }
}

/// The position of a glyph in the list, to which it is added if it is not there.
fn position(glyphs: &mut Vec<u16>, glyph: u16) -> u16 {
    let at = glyphs.iter().position(|&known| known == glyph).unwrap_or_else(|| {
        glyphs.push(glyph);
        glyphs.len() - 1
    });
    u16::try_from(at).expect("glyphs of one face")
}

/// Where each component of a composed glyph starts and ends; none for a simple one.
fn components(outline: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if outline.is_empty() || u16_at(outline, 0).cast_signed() >= 0 {
        return found;
    }
    let mut at = 10;
    loop {
        let flags = u16_at(outline, at);
        let arguments = if flags & WORD_ARGUMENTS != 0 { 4 } else { 2 };
        let scale = match flags {
            _ if flags & SCALE != 0 => 2,
            _ if flags & SCALE_X_AND_Y != 0 => 4,
            _ if flags & SCALE_TWO_BY_TWO != 0 => 8,
            _ => 0,
        };
        let next = at + 4 + arguments + scale;
        found.push((at, next));
        if flags & MORE_COMPONENTS == 0 {
            return found;
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use ab_glyph::{Font, FontRef};

    use super::*;

    /// All Vietnamese letters, made from vowels and tone marks.
    fn vietnamese() -> String {
        use unicode_normalization::UnicodeNormalization;
        let vowels = "aăâeêioôơuưy";
        let tones = ["", "\u{300}", "\u{301}", "\u{303}", "\u{309}", "\u{323}"];
        let lower: String = vowels.chars().flat_map(|vowel| tones.map(|tone| format!("{vowel}{tone}"))).collect();
        let lower: String = lower.nfc().chain(('a'..='z').chain(['đ'])).collect();
        lower.to_uppercase() + &lower + "0123456789:+-.,()/ "
    }

    #[test]
    fn every_vietnamese_letter_has_a_glyph_of_its_own() {
        let text = vietnamese();
        let face = Face::open();
        assert!(text.chars().all(|letter| face.glyph(letter).is_some()), "{text}");
        let subset = Subset::of([text.as_str()].into_iter());
        let codes: std::collections::BTreeSet<u16> = subset.codes.values().copied().collect();
        assert_eq!(codes.len(), subset.codes.len());
        assert!(!codes.contains(&0));
    }

    #[test]
    fn the_subset_draws_what_the_face_draws() {
        let text = vietnamese();
        let subset = Subset::of([text.as_str()].into_iter());
        let (file, whole) = (subset.file(), FontRef::try_from_slice(FILE).unwrap());
        assert!(file.len() < 60_000, "{}", file.len());
        let small = FontRef::try_from_slice(&file).unwrap();
        for character in text.chars() {
            let (old, new) = (whole.glyph_id(character), ab_glyph::GlyphId(subset.code(character)));
            assert_eq!(whole.h_advance_unscaled(old), small.h_advance_unscaled(new), "{character}");
            let curves = |font: &FontRef, glyph| font.outline(glyph).map(|outline| format!("{:?}", outline.curves));
            assert_eq!(curves(&whole, old), curves(&small, new), "{character}");
        }
    }

    #[test]
    fn characters_without_a_glyph_are_shown_as_a_question_mark() {
        let subset = Subset::of(["a😀?"].into_iter());
        assert_eq!(subset.code('😀'), subset.code('?'));
        assert!((subset.width("a") - 443.8).abs() < 0.1, "Times: 444, {}", subset.width("a"));
    }
}
