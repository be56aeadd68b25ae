//! The box of a visible signature: lines of black text in a face with the metrics of Times New Roman, and the picture of
//! a seal beside them at true size.
//!
//! The box has neither frame nor ground, so that nothing but letters and seal is added to a page. Where it stands is
//! decided by others (`component`); here is what it looks like and how it is written: one form XObject with its own
//! font, all of it within PDF/A (`docs/pdfa.md`).

use std::fmt::Write as _;

use lopdf::ObjectId;
use unicode_normalization::UnicodeNormalization;

use super::incremental::{Update, print};
use super::text_font::{self, Subset};
use super::writer::packed;
use crate::model::{Seal, SizeMm};

/// Size of the letters, points (NĐ 30/2020/NĐ-CP: 10 for the signature on an electronic copy; taken for all boxes).
pub const FONT_SIZE: f64 = 10.0;

/// From one baseline to the next, points.
const LINE_HEIGHT: f64 = 12.0;

/// Space around the content, and between the text and the seal, points.
const PADDING: f64 = 1.0;

const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// Thousandths of the em in a point of letters of [`FONT_SIZE`].
const EM: f64 = 1000.0;

/// What the box of a signature shows.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureBox {
    lines: Vec<String>,
    seal: Option<Seal>,
    /// Width of the longest line, points.
    text_width: f64,
}

impl SignatureBox {
    /// A box of these texts, each on a line of its own, wrapped between words where it is wider than `widest`
    /// millimetres allow; a word that is wider by itself stays whole. The seal stands to the right of the text.
    pub fn new(texts: &[String], seal: Option<Seal>, widest: f64) -> Self {
        let texts: Vec<String> =
            texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let texts: Vec<String> = texts.iter().map(|text| text.nfc().filter(|c| !c.is_control()).collect()).collect();
        let letters = Subset::of(texts.iter().map(String::as_str).chain([" "]));
        let beside = seal.as_ref().map_or(0.0, |seal| seal.size.width * POINTS_PER_MM + PADDING);
        let room = widest * POINTS_PER_MM - 2.0 * PADDING - beside;
        let width = |text: &str| f64::from(letters.width(text)) * FONT_SIZE / EM;
        let mut lines: Vec<String> = Vec::new();
        for text in &texts {
            let mut line = String::new();
            for word in text.split(' ') {
                if !line.is_empty() && width(&line) + width(" ") + width(word) > room {
                    lines.push(std::mem::take(&mut line));
                }
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            lines.push(line);
        }
        let text_width = lines.iter().map(|line| width(line)).fold(0.0, f64::max);
        Self { lines, seal, text_width }
    }

    /// Width and height.
    pub fn size(&self) -> SizeMm {
        let [width, height] = self.points();
        SizeMm { width: width / POINTS_PER_MM, height: height / POINTS_PER_MM }
    }

    fn points(&self) -> [f64; 2] {
        let text = [self.text_width, self.lines.len() as f64 * LINE_HEIGHT];
        let [seal_width, seal_height] = self.seal_points();
        let between = if self.seal.is_some() && !self.lines.is_empty() { PADDING } else { 0.0 };
        [text[0] + between + seal_width + 2.0 * PADDING, text[1].max(seal_height) + 2.0 * PADDING]
    }

    fn seal_points(&self) -> [f64; 2] {
        self.seal.as_ref().map_or([0.0; 2], |seal| [seal.size.width, seal.size.height].map(|mm| mm * POINTS_PER_MM))
    }
}

/// The box of a signature in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance {
    /// What it shows.
    pub content: SignatureBox,
    /// Left and bottom edge of the box in units of the page.
    pub corner: [f64; 2],
    /// Left, bottom, right and top of the page once it has grown by a margin for the box; `None` leaves it as it is.
    pub media_box: Option<[f64; 4]>,
}

impl Appearance {
    /// Left, bottom, right and top in units of the page.
    pub fn rectangle(&self) -> [f64; 4] {
        let ([left, bottom], [width, height]) = (self.corner, self.content.points());
        [left, bottom, left + width, bottom + height]
    }

    /// Appends the appearance stream under `id`, and what it needs.
    pub(super) fn write(&self, update: &mut Update<'_>, id: ObjectId) {
        let content = &self.content;
        let [width, height] = content.points();
        let letters = Subset::of(content.lines.iter().map(String::as_str));
        let font = write_font(update, &letters);
        let seal = content.seal.as_ref().map(|seal| write_seal(update, seal));
        let mut shown = String::new();
        if seal.is_some() {
            let [seal_width, seal_height] = content.seal_points();
            let (left, bottom) = (width - PADDING - seal_width, (height - seal_height) / 2.0);
            _ = writeln!(shown, "q {seal_width:.2} 0 0 {seal_height:.2} {left:.2} {bottom:.2} cm /Seal Do Q");
        }
        let [ascent, descent] = letters.ascent_and_descent().map(|units| f64::from(units) * FONT_SIZE / EM);
        let text_top = (height + content.lines.len() as f64 * LINE_HEIGHT) / 2.0;
        // The letters stand in the middle of their line.
        let first = text_top - (LINE_HEIGHT + ascent + descent) / 2.0;
        _ = write!(shown, "BT\n0 g\n/F {FONT_SIZE} Tf\n{LINE_HEIGHT} TL\n{PADDING:.2} {first:.2} Td\n");
        for line in &content.lines {
            shown.push('<');
            line.chars().for_each(|character| _ = write!(shown, "{:04X}", letters.code(character)));
            shown.push_str("> Tj T*\n");
        }
        shown.push_str("ET\n");
        let seal = seal.map_or_else(String::new, |seal| format!("/XObject<</Seal {} 0 R>>", seal.0));
        let head = format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 {width:.2} {height:.2}]/Resources<</Font<</F {} 0 R>>{seal}>>",
            font.0
        );
        write_stream(update, id, &head, shown.into_bytes());
    }
}

/// The font of the box: a composite font whose codes are the glyphs of its program.
fn write_font(update: &mut Update<'_>, letters: &Subset) -> ObjectId {
    let [font, descendant, descriptor, program, to_unicode, set] = [(); 6].map(|()| update.allocate());
    // The six letters mark a subset (ISO 32000-1, 9.6.4).
    let name = format!("AAAAAB+{}", text_font::NAME);
    let widths: Vec<String> = letters.widths().map(|width| format!("{width:.1}")).collect();
    let [ascent, descent] = letters.ascent_and_descent();
    let [left, bottom, right, top] = letters.bounds();
    let bodies = [
        (
            font,
            format!(
                "<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[{} 0 R]/ToUnicode {} 0 R>>",
                descendant.0, to_unicode.0
            ),
        ),
        (
            descendant,
            format!(
                "<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)\
                 /Supplement 0>>/FontDescriptor {} 0 R/CIDToGIDMap/Identity/W[0[{}]]>>",
                descriptor.0,
                widths.join(" ")
            ),
        ),
        (
            descriptor,
            // Flags: serif and symbolic, as the font has no standard encoding.
            format!(
                "<</Type/FontDescriptor/FontName/{name}/Flags 6/FontBBox[{left:.0} {bottom:.0} {right:.0} {top:.0}]\
                 /ItalicAngle 0/Ascent {ascent:.0}/Descent {descent:.0}/CapHeight 655/StemV 80/FontFile2 {} 0 R/CIDSet {} 0 R>>",
                program.0, set.0
            ),
        ),
    ];
    for (id, body) in bodies {
        update.raw(id, |out| print(out, format_args!("{body}")));
    }
    let file = letters.file();
    write_stream(update, program, &format!("/Length1 {}", file.len()), file);
    write_stream(update, to_unicode, "", letters.to_unicode());
    write_stream(update, set, "", all_of(letters.len()));
    font
}

/// A `CIDSet` of all codes below `count`: PDF/A-1 (6.3.5) asks for it, PDF/A-2 (6.2.11.4.2) allows a complete one.
fn all_of(count: u16) -> Vec<u8> {
    let mut bits = vec![0xFF; usize::from(count / 8)];
    if !count.is_multiple_of(8) {
        bits.push(!(0xFF_u8 >> (count % 8)));
    }
    bits
}

fn write_seal(update: &mut Update<'_>, seal: &Seal) -> ObjectId {
    let picture = update.allocate();
    let head = |space: &str| {
        let (width, height) = (seal.width, seal.height);
        format!("/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/{space}/BitsPerComponent 8")
    };
    let mut described = head("DeviceRGB");
    if seal.alpha.iter().any(|&alpha| alpha != u8::MAX) {
        let mask = update.allocate();
        _ = write!(described, "/SMask {} 0 R", mask.0);
        write_stream(update, mask, &head("DeviceGray"), seal.alpha.clone());
    }
    write_stream(update, picture, &described, seal.rgb.clone());
    picture
}

/// A stream with these entries in its dictionary, deflated where that makes it shorter.
fn write_stream(update: &mut Update<'_>, id: ObjectId, entries: &str, data: Vec<u8>) {
    let (data, filter) = packed(data);
    let filter = if filter.is_some() { "/Filter/FlateDecode" } else { "" };
    update.raw(id, |out| {
        print(out, format_args!("<<{entries}{filter}/Length {}>>\nstream\n", data.len()));
        out.extend_from_slice(&data);
        out.extend_from_slice(b"\nendstream");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        let size = SizeMm { width: 36.0, height: 36.0 };
        Seal { width: 2, height: 2, size, rgb: vec![200; 12], alpha: vec![255, 0, 0, 255] }
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        let texts = ["Người sao chụp: Nguyễn Thị Ánh".to_owned(), "một".to_owned()];
        let wide = SignatureBox::new(&texts, None, 100.0);
        assert_eq!(wide.lines, texts);
        let narrow = SignatureBox::new(&texts, None, 35.0);
        assert_eq!(narrow.lines, ["Người sao chụp:", "Nguyễn Thị Ánh", "một"]);
        assert!(narrow.size().width <= 35.0 && narrow.size().height > wide.size().height);
        assert_eq!(SignatureBox::new(&texts, None, 1.0).lines.len(), 7);
    }

    #[test]
    fn a_seal_keeps_its_size_beside_the_text() {
        let texts = ["Ủy ban nhân dân xã".to_owned()];
        let with = SignatureBox::new(&texts, Some(seal()), 100.0).size();
        let without = SignatureBox::new(&texts, None, 100.0).size();
        assert!((with.width - without.width - 36.0 - PADDING / POINTS_PER_MM).abs() < 1e-9, "{with:?}");
        assert!((with.height - 36.0 - 2.0 * PADDING / POINTS_PER_MM).abs() < 1e-9, "{with:?}");
    }

    #[test]
    fn decomposed_letters_are_put_together() {
        let content = SignatureBox::new(&["Nguye\u{302}\u{303}n\u{7}".to_owned()], None, 100.0);
        assert_eq!(content.lines, ["Nguyễn"]);
    }
}
