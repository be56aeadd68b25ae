//! The words of a page with their boxes, small enough that a million pages fit on the disk of an office.
//!
//! A page is deflated: its size; the words, a line a row; then for each line its top and height, and for each of its words the
//! gap before it and its width. All words of a line are as high as the line.

use std::io::{self, Read, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::model::{Rect, TextLine};

/// Longest page that is unpacked, bytes: a hundred times a dense one.
const MOST: u64 = 1 << 20;

/// The words of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Size of the page, in the unit of the boxes.
    pub(super) size: (u32, u32),
    text: String,
    words: Vec<(Range<usize>, Rect)>,
}

impl Words {
    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// A word and its box.
    pub(super) fn get(&self, index: usize) -> Option<(&str, Rect)> {
        let (range, bounds) = self.words.get(index)?;
        Some((&self.text[range.clone()], *bounds))
    }

    /// All words in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(range, _)| &self.text[range.clone()])
    }
}

/// Packs the words of lines.
pub(super) fn pack((width, height): (u32, u32), lines: &[TextLine]) -> io::Result<Vec<u8>> {
    let mut numbers = Vec::new();
    let mut text = String::new();
    for line in lines {
        let top = line.words.iter().map(|word| word.bounds.y).min().unwrap_or_default();
        let end = line.words.iter().map(|word| word.bounds.y.saturating_add(word.bounds.height)).max();
        number(&mut numbers, top);
        number(&mut numbers, end.unwrap_or(top) - top);
        let mut right = 0;
        for (index, word) in line.words.iter().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.extend(word.text.chars().map(|c| if c.is_whitespace() { '\u{A0}' } else { c }));
            signed(&mut numbers, i64::from(word.bounds.x) - i64::from(right));
            number(&mut numbers, word.bounds.width);
            right = word.bounds.x.saturating_add(word.bounds.width);
        }
        text.push('\n');
    }
    let mut head = Vec::new();
    number(&mut head, width);
    number(&mut head, height);
    number(&mut head, u32::try_from(text.len()).unwrap_or(u32::MAX));
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::new(6));
    packed.write_all(&head)?;
    packed.write_all(text.as_bytes())?;
    packed.write_all(&numbers)?;
    packed.finish()
}

/// Unpacks a page; `None` when it is damaged.
pub(super) fn unpack(packed: &[u8]) -> Option<Words> {
    let mut plain = Vec::new();
    DeflateDecoder::new(packed).take(MOST).read_to_end(&mut plain).ok()?;
    let mut rest = plain.as_slice();
    let size = (take(&mut rest)?, take(&mut rest)?);
    let length = usize::try_from(take(&mut rest)?).ok()?;
    let (text, mut rest) = rest.split_at_checked(length)?;
    let text = std::str::from_utf8(text).ok()?.to_owned();
    let (mut words, mut from) = (Vec::new(), 0);
    for line in text.split_terminator('\n') {
        let (y, height) = (take(&mut rest)?, take(&mut rest)?);
        let (mut start, mut right) = (from, 0_u32);
        for word in line.split(' ').filter(|_| !line.is_empty()) {
            let (gap, width) = (take_signed(&mut rest)?, take(&mut rest)?);
            let x = u32::try_from(i64::from(right) + gap).ok()?;
            words.push((start..start + word.len(), Rect { x, y, width, height }));
            right = x.saturating_add(width);
            start += word.len() + 1;
        }
        from += line.len() + 1;
    }
    Some(Words { size, text, words })
}

/// Seven bits a byte, the lowest first.
fn number(bytes: &mut Vec<u8>, value: u32) {
    long(bytes, u64::from(value));
}

fn signed(bytes: &mut Vec<u8>, value: i64) {
    long(bytes, (value.unsigned_abs() << 1) | u64::from(value < 0));
}

fn long(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7F {
        bytes.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7F) as u8);
}

fn take_long(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take(bytes: &mut &[u8]) -> Option<u32> {
    u32::try_from(take_long(bytes)?).ok()
}

fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let value = take_long(bytes)?;
    let size = i64::try_from(value >> 1).ok()?;
    Some(if value & 1 == 1 { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Word;

    fn line(words: &[(&str, [u32; 4])]) -> TextLine {
        let word = |(text, [x, y, width, height]): &(&str, [u32; 4])| {
            let bounds = Rect { x: *x, y: *y, width: *width, height: *height };
            Word { text: (*text).to_owned(), bounds, confidence: 1.0, blue: 0 }
        };
        TextLine { words: words.iter().map(word).collect(), bounds: Rect::default(), block: 0 }
    }

    #[test]
    fn words_come_back_with_boxes_as_high_as_their_line() {
        let lines = [
            line(&[("Quyết", [100, 50, 60, 20]), ("định", [170, 54, 40, 14])]),
            line(&[("trái", [40, 80, 30, 12]), ("lùi", [10, 80, 20, 12])]),
            line(&[("có trắng", [0, 100, 5, 0])]),
        ];
        let words = unpack(&pack((1190, 1684), &lines).unwrap()).unwrap();
        assert_eq!((words.size, words.len()), ((1190, 1684), 5));
        assert_eq!(words.get(1), Some(("định", Rect { x: 170, y: 50, width: 40, height: 20 })));
        assert_eq!(words.get(3), Some(("lùi", Rect { x: 10, y: 80, width: 20, height: 12 })));
        assert_eq!(words.iter().last(), Some("có\u{A0}trắng"));
        assert_eq!(words.get(5), None);
    }

    #[test]
    fn pages_without_words_and_damaged_ones_do_no_harm() {
        assert_eq!(unpack(&pack((1, 2), &[]).unwrap()), Some(Words { size: (1, 2), ..Words::default() }));
        let packed = pack((9, 9), &[line(&[("một", [1, 2, 3, 4])])]).unwrap();
        for end in 0..packed.len() {
            drop(unpack(&packed[..end]));
        }
        assert_eq!(unpack(b"nothing of the kind"), None);
    }
}
