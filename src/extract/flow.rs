//! The words of a paper as one run of letters, so that phrases are found across words and lines, and rows of words with
//! their boxes, from which values are taken.

use std::ops::Range;

use regex_lite::Regex;

use crate::model::{PageText, Rect};

use super::Sheet;
use super::phrase::{self, Hit, folded};

/// A word, or what stands on either side of a colon in one: `Số:85` is `Số:` and `85`.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    pub(super) bounds: Rect,
    pub(super) confidence: f32,
    blue: u8,
    /// Its row.
    pub(super) row: usize,
    /// Its letters in the run.
    letters: Range<usize>,
}

/// A line of a page.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) pieces: Range<usize>,
    pub(super) bounds: Rect,
    /// Number of the page, from 1.
    pub(super) page: usize,
    pub(super) block: u32,
}

/// The text of a paper.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) rows: Vec<Row>,
    /// Folded letters of all pieces.
    letters: String,
    /// The piece that each letter belongs to.
    owners: Vec<usize>,
    /// Width and height of each page.
    sizes: Vec<(u32, u32)>,
    /// How blue most of the ink of each page is: what its light and its copier make of black.
    inks: Vec<u8>,
}

/// A phrase found: which pieces, and how like it they are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) pieces: Range<usize>,
    pub(super) similarity: f32,
}

/// Text taken from a paper.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cut {
    pub(super) text: String,
    pub(super) page: usize,
    pub(super) bounds: Rect,
    /// Mean confidence of its words, each weighted by its letters.
    pub(super) confidence: f32,
    /// That of the word that is least surely read.
    pub(super) least: f32,
    /// How much bluer its ink is than that of its page, weighted in the same way.
    pub(super) blue: f32,
}

impl<'a> Flow<'a> {
    pub(super) fn new(sheets: &[Sheet<'a>]) -> Self {
        let mut flow = Self {
            pieces: Vec::new(),
            rows: Vec::new(),
            letters: String::new(),
            owners: Vec::new(),
            sizes: sheets.iter().map(|sheet| (sheet.width, sheet.height)).collect(),
            inks: sheets.iter().map(|sheet| median_ink(sheet.text)).collect(),
        };
        for (page, sheet) in (1..).zip(sheets) {
            flow.add(page, sheet.text);
        }
        flow
    }

    fn add(&mut self, page: usize, text: &'a PageText) {
        for line in &text.lines {
            let first = self.pieces.len();
            for word in &line.words {
                for (text, bounds) in at_colons(&word.text, word.bounds) {
                    let start = self.letters.len();
                    self.letters.push_str(&folded(text));
                    self.owners.resize(self.letters.len(), self.pieces.len());
                    let letters = start..self.letters.len();
                    self.pieces.push(Piece {
                        text,
                        bounds,
                        confidence: word.confidence,
                        blue: word.blue,
                        row: self.rows.len(),
                        letters,
                    });
                }
            }
            self.rows.push(Row { pieces: first..self.pieces.len(), bounds: line.bounds, page, block: line.block });
        }
    }

    /// All places where the phrase stands as words of its own.
    pub(super) fn find(&self, phrase: &str) -> Vec<Found> {
        let phrase = folded(phrase);
        let hits = phrase::find(self.letters.as_bytes(), phrase.as_bytes());
        hits.into_iter().filter_map(|hit| self.as_words(hit, phrase.len())).collect()
    }

    /// The words that a hit goes over; what they have beyond it counts as errors, too.
    fn as_words(&self, hit: Hit, letters: usize) -> Option<Found> {
        let (first, last) = (self.owners[hit.start], self.owners[hit.end - 1]);
        let beyond = hit.start - self.pieces[first].letters.start + self.pieces[last].letters.end - hit.end;
        let errors = hit.errors + beyond;
        let similarity = 1.0 - errors as f32 / letters as f32;
        (errors <= phrase::forgiven(letters)).then_some(Found { pieces: first..last + 1, similarity })
    }

    /// The words as they were read, joined by single spaces.
    pub(super) fn text(&self, pieces: Range<usize>) -> String {
        let words: Vec<&str> = self.pieces[pieces].iter().map(|piece| piece.text).collect();
        words.join(" ")
    }

    /// Whether a piece has letters or digits: leaders and marks have none.
    pub(super) fn has_letters(&self, piece: usize) -> bool {
        self.pieces[piece].text.contains(char::is_alphanumeric)
    }

    /// The block that a piece stands in.
    pub(super) fn block_of(&self, piece: usize) -> u32 {
        self.rows[self.pieces[piece].row].block
    }

    /// The text of a row.
    pub(super) fn row_text(&self, row: usize) -> String {
        self.text(self.rows[row].pieces.clone())
    }

    /// The pieces with their place; `None` of none.
    pub(super) fn cut(&self, pieces: Range<usize>) -> Option<Cut> {
        self.cut_all(&pieces.collect::<Vec<_>>())
    }

    /// Pieces that others may stand between, with their place; `None` of none.
    pub(super) fn cut_all(&self, pieces: &[usize]) -> Option<Cut> {
        let words: Vec<&Piece<'_>> = pieces.iter().map(|piece| &self.pieces[*piece]).collect();
        let first = words.first()?;
        let page = self.rows[first.row].page;
        // A value that goes on overleaf has its box where it begins.
        let here = words.iter().filter(|piece| self.rows[piece.row].page == page);
        let bounds = here.map(|piece| piece.bounds).reduce(Rect::union)?;
        let letters = |piece: &Piece<'_>| piece.text.chars().count() as f32;
        let count: f32 = words.iter().map(|piece| letters(piece)).sum();
        let mean = |of: fn(&Piece<'_>) -> f32| {
            let sum: f32 = words.iter().map(|piece| of(piece) * letters(piece)).sum();
            if count > 0.0 { sum / count } else { 0.0 }
        };
        let (confidence, blue) = (mean(|piece| piece.confidence), mean(|piece| f32::from(piece.blue)));
        let blue = blue - f32::from(self.inks[page - 1]);
        let text = words.iter().map(|piece| piece.text).collect::<Vec<_>>().join(" ");
        let least = words.iter().map(|piece| piece.confidence).fold(1.0, f32::min);
        Some(Cut { text, page, bounds, confidence, least, blue })
    }

    /// Where the middle of a row stands on its page: shares of its width and height.
    pub(super) fn place(&self, row: usize) -> (f64, f64) {
        let Row { bounds, page, .. } = &self.rows[row];
        let (width, height) = self.sizes[page - 1];
        let share = |start: u32, length: u32, whole: u32| {
            (f64::from(start) + f64::from(length) / 2.0) / f64::from(whole.max(1))
        };
        (share(bounds.x, bounds.width, width), share(bounds.y, bounds.height, height))
    }

    /// Whether the letters of the pieces are capitals, but for a third that may be misread.
    pub(super) fn is_capitals(&self, pieces: Range<usize>) -> bool {
        let letters =
            || self.pieces[pieces.clone()].iter().flat_map(|piece| piece.text.chars()).filter(|c| c.is_alphabetic());
        let capitals = letters().filter(|c| c.is_uppercase()).count();
        capitals > 0 && capitals * 3 >= letters().count() * 2
    }

    /// What an expression matches on a row, and the words that this goes over.
    pub(super) fn matched(&self, row: usize, regex: &Regex) -> Option<(Range<usize>, Vec<String>)> {
        let text = self.row_text(row);
        let found = regex.captures(&text)?;
        let groups = found.iter().map(|group| group.map_or(String::new(), |group| group.as_str().to_owned())).collect();
        let whole = found.get(0)?;
        Some((self.words_at(row, whole.range()), groups))
    }

    /// The words of a row that some bytes of its text go over.
    pub(super) fn words_at(&self, row: usize, bytes: Range<usize>) -> Range<usize> {
        let pieces = self.rows[row].pieces.clone();
        let mut at = 0;
        let mut words = pieces.end..pieces.end;
        for piece in pieces {
            let (start, end) = (at, at + self.pieces[piece].text.len());
            if start < bytes.end && bytes.start < end {
                words = words.start.min(piece)..piece + 1;
            }
            at = end + 1;
        }
        words
    }
}

fn median_ink(text: &PageText) -> u8 {
    let mut inks: Vec<u8> = text.lines.iter().flat_map(|line| &line.words).map(|word| word.blue).collect();
    inks.sort_unstable();
    inks.get(inks.len() / 2).copied().unwrap_or(0)
}

/// The parts of a word, each but the last ending with a colon, with the boxes that their letters would have.
fn at_colons(text: &str, bounds: Rect) -> Vec<(&str, Rect)> {
    let letters = |text: &str| u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let all = letters(text).max(1);
    let mut parts = Vec::new();
    let mut before = 0;
    for part in text.split_inclusive(':') {
        let own = letters(part);
        let share = |count: u32| u64::from(bounds.width) * u64::from(count) / u64::from(all);
        let at = |count: u32| bounds.x + u32::try_from(share(count)).unwrap_or(bounds.width);
        let (left, right) = (at(before), at(before + own));
        parts.push((part, Rect { x: left, width: right - left, ..bounds }));
        before += own;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::*;

    #[test]
    fn phrases_are_found_across_lines_as_whole_words() {
        let page = page_of("GIẤY CHỨNG NHẬN\nQUYỀN SỬ DỤNG ĐẤT\nSố:85 giấy");
        let flow = Flow::new(&[Sheet::of(&page)]);
        let found = flow.find("giấy chứng nhận quyền sử dụng đất");
        assert_eq!((found.len(), found[0].pieces.clone()), (1, 0..7));
        assert!(flow.is_capitals(0..7) && !flow.is_capitals(9..10));
        assert!(flow.find("nhận quyền sử").len() == 1 && flow.find("ng nhan quyen").is_empty());
    }

    #[test]
    fn a_word_is_parted_at_its_colon_and_its_box_with_it() {
        let parts = at_colons("Số:85", Rect { x: 100, y: 7, width: 50, height: 20 });
        assert_eq!(parts[0], ("Số:", Rect { x: 100, y: 7, width: 30, height: 20 }));
        assert_eq!(parts[1], ("85", Rect { x: 130, y: 7, width: 20, height: 20 }));
    }

    #[test]
    fn what_is_cut_has_its_box_and_the_mean_of_its_confidence() {
        let mut page = page_of("một hai");
        page.lines[0].words[0].confidence = 0.4;
        let flow = Flow::new(&[Sheet::of(&page)]);
        let cut = flow.cut(0..2).unwrap();
        assert_eq!((cut.text.as_str(), cut.page, cut.bounds), ("một hai", 1, page.lines[0].bounds));
        assert!((cut.confidence - 0.7).abs() < 1e-6);
        assert_eq!(flow.cut(1..1), None);
    }
}
