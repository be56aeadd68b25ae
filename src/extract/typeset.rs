//! A page as a text describes it, for the tests that a kind's file brings along: every line of the text is a printed line,
//! an empty one parts blocks, spaces before a line shift it to the right.

use crate::model::{PageText, Rect, TextLine, Word};

use super::Sheet;

/// Sizes of what is set, pixels: as print of 13 points at 200 dpi.
const LETTER: u32 = 16;
const HEIGHT: u32 = 30;
const LINE: u32 = 50;
/// Width and height of the page, A4 at 200 dpi.
const SIZE: (u32, u32) = (1654, 2339);

/// The page.
pub(super) fn page_of(text: &str) -> PageText {
    let mut lines = Vec::new();
    let mut block = 0;
    for (y, row) in (1..).map(|number| number * LINE).zip(text.lines()) {
        if row.trim().is_empty() {
            block += 1;
            continue;
        }
        let mut words = Vec::new();
        let mut column = 0;
        for part in row.split(' ') {
            let letters = u32::try_from(part.chars().count()).unwrap_or(0);
            if letters > 0 {
                let bounds = Rect { x: column * LETTER, y, width: letters * LETTER, height: HEIGHT };
                words.push(Word { text: part.to_owned(), bounds, confidence: 1.0, blue: 0 });
            }
            column += letters + 1;
        }
        let bounds = words.iter().map(|word| word.bounds).reduce(Rect::union).unwrap_or_default();
        lines.push(TextLine { words, bounds, block });
    }
    PageText { lines }
}

impl<'a> Sheet<'a> {
    /// A page that was set, without codes.
    pub(super) fn of(text: &'a PageText) -> Self {
        Self { width: SIZE.0, height: SIZE.1, text, codes: &[] }
    }
}
