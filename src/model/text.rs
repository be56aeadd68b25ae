//! Recognised text: words with boxes, grouped in lines, in reading order.

use serde::{Deserialize, Serialize};

/// An axis-parallel box in pixels of the output page: `x..x+width`, `y..y+height`, origin top left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Rect {
    /// The smallest box around two.
    pub fn union(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }
}

/// One recognised word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// NFC text without white space.
    pub text: String,
    /// Where it stands on the output page.
    pub bounds: Rect,
    /// The recogniser's confidence, 0 to 1.
    pub confidence: f32,
    /// How much bluer its ink is than its paper, 0 to 255: what is written with a ballpoint is.
    #[serde(default, skip_serializing_if = "is_none")]
    pub blue: u8,
}

fn is_none(blue: &u8) -> bool {
    *blue == 0
}

/// One printed line, words from left to right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextLine {
    /// Words in reading order, never empty.
    pub words: Vec<Word>,
    /// Where the line stands on the output page.
    pub bounds: Rect,
    /// Number of the block (column, table cell, paragraph) that the line belongs to, counted in reading order from 0.
    pub block: u32,
}

impl TextLine {
    /// The words joined by single spaces.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// The text of a page, lines in the order in which a person reads them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PageText {
    /// Lines in reading order.
    pub lines: Vec<TextLine>,
}

impl PageText {
    /// All lines, one a row.
    pub fn text(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(TextLine::text).collect();
        lines.join("\n")
    }

    /// Mean confidence of the words, each weighted by its number of characters; `None` on a page without words.
    pub fn mean_confidence(&self) -> Option<f32> {
        let (mut sum, mut count) = (0.0, 0.0);
        for word in self.lines.iter().flat_map(|line| &line.words) {
            let characters = word.text.chars().count() as f32;
            sum += word.confidence * characters;
            count += characters;
        }
        (count > 0.0).then(|| sum / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, confidence: f32) -> Word {
        Word { text: text.to_owned(), bounds: Rect::default(), confidence, blue: 0 }
    }

    #[test]
    fn confidence_is_weighted_by_characters() {
        let line = TextLine { words: vec![word("abc", 1.0), word("d", 0.0)], bounds: Rect::default(), block: 0 };
        let page = PageText { lines: vec![line] };
        assert_eq!(page.mean_confidence(), Some(0.75));
        assert_eq!(page.text(), "abc d");
        assert_eq!(PageText::default().mean_confidence(), None);
    }
}
