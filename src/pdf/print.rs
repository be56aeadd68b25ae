//! Pages to be printed: text in the face with all Vietnamese letters and filled rectangles, as vectors, in PDF/A-2u.

use std::fmt::Write as _;

use pdf_writer::types::{CidFontType, FontFlags};
use pdf_writer::{Finish, Name, Pdf, Rect, Ref, Settings};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::text_font::{self, Subset};
use super::text_layer::IDENTITY;
use super::writer::{
    CheckedInfo, DocumentInfo, DocumentRefs, MAX_PAGES, PdfError, PdfaLevel, write_catalog, write_font_file,
    write_metadata, write_profile, write_stream,
};
use crate::model::SizeMm;

const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// Thousandths of the em in the size of a letter.
const EM: f64 = 1000.0;

/// Width of the line drawn around bold letters, as a share of their size: the stems of Liberation Serif Bold are about
/// this much thicker.
const BOLD: f64 = 0.03;

/// Something printed on a page. Millimetres from the page's top left corner.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// A black rectangle.
    Bar {
        /// Its left edge.
        left: f64,
        /// Its top edge.
        top: f64,
        /// How wide it is.
        width: f64,
        /// How high it is.
        height: f64,
    },
    /// A line of black text.
    Text {
        /// Where it starts.
        left: f64,
        /// Where its letters stand.
        baseline: f64,
        /// Size of the letters, points.
        size: f64,
        /// Whether they are thick.
        bold: bool,
        /// The text.
        text: String,
    },
}

/// Width of a line of text in letters of `size` points, millimetres.
pub fn text_width(text: &str, size: f64) -> f64 {
    let text: String = text.nfc().collect();
    f64::from(Subset::of([text.as_str()].into_iter()).width(&text)) * size / EM / POINTS_PER_MM
}

/// Writes a document of pages of one size.
///
/// # Errors
/// [`PdfError`]: no or too many pages, metadata out of bounds.
pub fn write(pages: &[Vec<Mark>], size: SizeMm, info: &DocumentInfo) -> Result<Vec<u8>, PdfError> {
    if pages.is_empty() {
        return Err(PdfError::NoPages);
    }
    if pages.len() > MAX_PAGES {
        return Err(PdfError::TooManyPages(pages.len()));
    }
    let info = CheckedInfo::new(info)?;
    let texts: Vec<String> = pages.iter().flatten().filter_map(text_of).collect();
    let letters = Subset::of(texts.iter().map(String::as_str));

    let mut refs = (1..).map(Ref::new);
    let mut next = || refs.next().expect("2,000 pages need some thousand objects");
    let mut pdf = Pdf::with_settings_and_capacity(Settings { pretty: false }, 65_536);
    pdf.set_version(1, 7);
    let document = DocumentRefs { catalog: next(), tree: next(), info: next(), metadata: next(), profile: next() };
    write_catalog(&mut pdf, &document, &info);
    write_metadata(&mut pdf, &document, &info, PdfaLevel::A2u);
    write_profile(&mut pdf, document.profile);
    let font = write_font(&mut pdf, &mut next, &letters);
    let page_refs: Vec<Ref> = pages.iter().map(|_| next()).collect();
    let count = i32::try_from(pages.len()).expect("the number of pages was checked");
    pdf.pages(document.tree).kids(page_refs.iter().copied()).count(count);
    for (marks, id) in pages.iter().zip(page_refs) {
        let content = next();
        let mut page = pdf.page(id);
        page.parent(document.tree).media_box(media_box(size)).contents(content);
        page.resources().fonts().pair(Name(b"F"), font);
        page.finish();
        write_stream(&mut pdf, content, drawn(marks, size.height, &letters));
    }
    let id = Sha256::digest(pdf.as_bytes())[..16].to_vec();
    pdf.set_file_id((id.clone(), id));
    Ok(pdf.finish())
}

fn text_of(mark: &Mark) -> Option<String> {
    match mark {
        Mark::Text { text, .. } => Some(text.nfc().collect()),
        Mark::Bar { .. } => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "PDF numbers are single precision")]
fn media_box(size: SizeMm) -> Rect {
    Rect::new(0.0, 0.0, (size.width * POINTS_PER_MM) as f32, (size.height * POINTS_PER_MM) as f32)
}

/// The content stream of a page `height` millimetres high.
fn drawn(marks: &[Mark], height: f64, letters: &Subset) -> Vec<u8> {
    let mut out = String::from("0 g 0 G\n");
    let [x, y] = [|mm: f64| mm * POINTS_PER_MM; 2];
    for mark in marks {
        let Mark::Bar { left, top, width, height: high } = mark else { continue };
        let bottom = y(height - top - high);
        _ = writeln!(out, "{:.3} {bottom:.3} {:.3} {:.3} re", x(*left), x(*width), y(*high));
    }
    // All are filled at once, so that no seams show between the modules of a symbol.
    if out.ends_with("re\n") {
        out.push_str("f\n");
    }
    for mark in marks {
        let (Mark::Text { left, baseline, size, bold, .. }, Some(text)) = (mark, text_of(mark)) else { continue };
        let mode = if *bold { format!("2 Tr {:.3} w", size * BOLD) } else { "0 Tr".to_owned() };
        _ = write!(out, "BT /F {size:.2} Tf {mode} {:.2} {:.2} Td <", x(*left), y(height - baseline));
        text.chars().for_each(|character| _ = write!(out, "{:04X}", letters.code(character)));
        out.push_str("> Tj ET\n");
    }
    out.into_bytes()
}

/// A composite font whose codes are the glyphs of its program.
fn write_font(pdf: &mut Pdf, next: &mut impl FnMut() -> Ref, letters: &Subset) -> Ref {
    let [font, descendant, descriptor, program, to_unicode] = [(); 5].map(|()| next());
    // The six letters mark a subset (ISO 32000-1, 9.6.4).
    let name = format!("AAAAAC+{}", text_font::NAME);
    let name = Name(name.as_bytes());
    pdf.type0_font(font)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(to_unicode);
    let mut cid = pdf.cid_font(descendant);
    cid.subtype(CidFontType::Type2).base_font(name).system_info(IDENTITY).font_descriptor(descriptor);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    cid.widths().consecutive(0, letters.widths());
    cid.finish();
    let [ascent, descent] = letters.ascent_and_descent();
    let [left, bottom, right, top] = letters.bounds();
    pdf.font_descriptor(descriptor)
        .name(name)
        // Symbolic, as the font has no standard encoding.
        .flags(FontFlags::SERIF | FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(ascent)
        .descent(descent)
        .cap_height(655.0)
        .stem_v(80.0)
        .font_file2(program);
    let file = letters.file();
    write_font_file(pdf, program, file);
    write_stream(pdf, to_unicode, letters.to_unicode());
    font
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const A4: SizeMm = SizeMm { width: 210.0, height: 297.0 };

    fn info() -> DocumentInfo {
        DocumentInfo {
            title: "Tờ bìa".to_owned(),
            language: "vi-VN".to_owned(),
            created: datetime!(2026-11-21 20:30:00 UTC),
            producer: "sohoa".to_owned(),
            subject: None,
            keywords: None,
        }
    }

    fn text(text: &str) -> Mark {
        Mark::Text { left: 10.0, baseline: 20.0, size: 12.0, bold: true, text: text.to_owned() }
    }

    #[test]
    fn marks_stand_where_they_are_put() {
        let bar = Mark::Bar { left: 0.0, top: 0.0, width: 25.4, height: 25.4 };
        let content = drawn(&[bar, text("a")], 254.0, &Subset::of(["a"].into_iter()));
        let content = String::from_utf8(content).unwrap();
        assert!(content.contains("0.000 648.000 72.000 72.000 re\nf\n"), "an inch at the top left corner: {content}");
        assert!(content.contains("28.35 663.31 Td <0001> Tj"), "{content}");
    }

    #[test]
    fn widths_are_those_of_times() {
        // "a" is 444 thousandths of the em.
        assert!((text_width("aa", 10.0) - 0.888 * 10.0 * 25.4 / 72.0).abs() < 0.01);
    }

    #[test]
    fn same_marks_give_same_bytes_and_no_page_is_an_error() {
        let pages = [vec![text("Tờ khai")], vec![]];
        let file = write(&pages, A4, &info()).unwrap();
        assert_eq!(file, write(&pages, A4, &info()).unwrap());
        assert_eq!(lopdf::Document::load_mem(&file).unwrap().get_pages().len(), 2);
        assert_eq!(write(&[], A4, &info()), Err(PdfError::NoPages));
    }
}
