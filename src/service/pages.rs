//! The pages of published files as the files themselves have them: what is left when captures are gone.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::codes::{Code, Symbology};
use crate::extract::{Document, Sheet};
use crate::manifest;
use crate::model::PageText;
use crate::pdf::reader;
use crate::store::Published;

use super::listed;

/// Most pages of a file.
const MOST_PAGES: usize = 100_000;

/// Less than this is no margin, half points.
const LEAST_MARGIN: u32 = 4;

/// What is on a published page.
pub(super) struct Read {
    pub(super) size: (u32, u32),
    pub(super) text: PageText,
    pub(super) codes: Vec<Code>,
}

impl Read {
    pub(super) fn sheet(&self) -> Sheet<'_> {
        let Self { size: (width, height), text, codes } = self;
        Sheet { width: *width, height: *height, text, codes }
    }
}

/// The pages of a published file. One that is gone or damaged has none: `sohoa verify` says what is wrong with it.
pub(super) fn pages(published: &Published) -> Vec<Read> {
    let path = published.file.as_ref().map(|(file, _)| Path::new(&published.directory).join(file));
    let file = path.and_then(|path| fs::read(path).ok());
    let words = file.and_then(|file| reader::words(&file, MOST_PAGES).ok()).unwrap_or_default();
    // A file that came with signatures is listed without pages.
    let mut listed = listed(published).map(|component| component.pages).unwrap_or_default().into_iter();
    let read = |words: reader::PageWords| match listed.next() {
        Some(page) => {
            let reader::PageWords { size, lines } = of_image(words, page.image.size_mm.height);
            Read { size, text: PageText { lines }, codes: page.codes.into_iter().filter_map(code).collect() }
        }
        None => Read { size: words.size, text: PageText { lines: words.lines }, codes: Vec::new() },
    };
    words.into_iter().map(read).collect()
}

/// The words with boxes on the page's image, which is as high as this: a page may have grown by a margin above it, for the box of a
/// signature.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side of a page")]
fn of_image(mut words: reader::PageWords, height_mm: f64) -> reader::PageWords {
    let height = (height_mm * reader::PARTS_OF_MM).round() as u32;
    // What rounding leaves is no margin.
    let margin = words.size.1.saturating_sub(height);
    if height == 0 || margin <= LEAST_MARGIN {
        return words;
    }
    words.size.1 -= margin;
    for line in &mut words.lines {
        let bounds = line.words.iter_mut().map(|word| &mut word.bounds).chain([&mut line.bounds]);
        bounds.for_each(|bounds| bounds.y = bounds.y.saturating_sub(margin));
    }
    words
}

/// A code as the manifest has it: where it stood is not known.
fn code(listed: manifest::Code) -> Option<Code> {
    let symbology = Symbology::ALL.into_iter().find(|one| one.name() == listed.kind)?;
    Some(Code { symbology, payload: listed.payload, corners: Vec::new() })
}

/// What the pages say of the paper; nothing where reading it fails on a defect: it is found by its words then, and other papers
/// are read all the same.
pub(super) fn said(pages: &[Read], read: impl FnOnce(&[Sheet<'_>]) -> Document) -> Document {
    let sheets: Vec<Sheet<'_>> = pages.iter().map(Read::sheet).collect();
    catch_unwind(AssertUnwindSafe(|| read(&sheets))).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Rect, TextLine, Word};

    /// A page with this text, a line a line, and perhaps a QR code.
    pub(in crate::service) fn page(text: &str, payload: Option<&str>) -> Read {
        let line = |(row, line): (u32, &str)| {
            let word = |(place, text): (u32, &str)| {
                let bounds = Rect { x: 100 * place, y: 40 * row, width: 90, height: 20 };
                Word { text: text.to_owned(), bounds, confidence: 1.0, blue: 0 }
            };
            let words: Vec<Word> = (0..).zip(line.split(' ')).map(word).collect();
            let bounds = words.iter().map(|word| word.bounds).reduce(Rect::union).unwrap();
            TextLine { words, bounds, block: 0 }
        };
        let text = PageText { lines: (1..).zip(text.lines()).map(line).collect() };
        let listed = payload.map(|payload| manifest::Code { kind: "QR".to_owned(), payload: payload.to_owned() });
        Read { size: (1190, 1684), text, codes: listed.into_iter().filter_map(code).collect() }
    }

    #[test]
    fn boxes_are_those_of_the_image_below_the_margin_for_a_signature() {
        let lines = page("một hai", None).text.lines;
        let before = lines[0].bounds;
        let of = |height| of_image(reader::PageWords { size: (1191, height), lines: lines.clone() }, 297.0);
        assert_eq!((of(1685).size, of(1685).lines[0].bounds), ((1191, 1685), before));
        let grown = of(1720);
        assert_eq!((grown.size.1, grown.lines[0].bounds.y), (1684, before.y - 36));
        assert_eq!(grown.lines[0].words[1].bounds.y, before.y - 36);
    }

    #[test]
    fn codes_are_those_of_the_manifest() {
        let of = |kind: &str| code(manifest::Code { kind: kind.to_owned(), payload: "a".to_owned() });
        for symbology in Symbology::ALL {
            assert_eq!(of(symbology.name()).map(|code| code.symbology), Some(symbology));
        }
        assert_eq!(of("EAN13"), None);
    }
}
