//! The words of marks, and when a line is one: the whole of a short line, read with a mistake or two.

use serde::{Deserialize, Serialize};

use crate::model::unmarked;

/// The words as they are delivered.
const DELIVERED: &str = include_str!("../../assets/marks.toml");

/// Letters of a mark for each one that may be read wrongly.
const LETTERS_A_MISTAKE: usize = 5;

/// What marks are looked for. Each is what a person would write: letters count, their marks, sizes and spaces do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    /// Of secrecy.
    pub secrecy: Vec<String>,
    /// Of copies and of papers that are only to be shown.
    pub copies: Vec<String>,
    /// What the titles of papers begin with on which "copy" is printed though they were issued so.
    pub issued: Vec<String>,
}

impl Default for Marks {
    fn default() -> Self {
        Self::of(DELIVERED).expect("the delivered words are tested")
    }
}

impl Marks {
    /// From the text of a TOML file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(file: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(file)
    }
}

/// The letters and digits of a line in capitals without marks; what the sides of a frame are read as is left out at its ends.
pub(super) fn folded(line: &str) -> Vec<char> {
    let words: Vec<Vec<char>> = line.split_whitespace().map(letters).collect();
    let is_side = |word: &Vec<char>| matches!(word[..], [] | ['I' | 'L' | 'J' | '1']);
    let first = words.iter().position(|word| !is_side(word)).unwrap_or(0);
    let last = words.iter().rposition(|word| !is_side(word)).map_or(0, |last| last + 1);
    words[first.min(last)..last].concat()
}

fn letters(text: &str) -> Vec<char> {
    unmarked(text).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// The letters of a stamp, whose worn strokes are read one for the other.
pub(super) fn worn(letters: &[char]) -> Vec<char> {
    letters.iter().map(|letter| if matches!(letter, 'I' | '1' | 'L' | 'J' | '7') { 'T' } else { *letter }).collect()
}

/// Which of the marks the whole of a line is; of several the one with the fewest mistakes.
pub(super) fn find<'a>(line: &[char], marks: &'a [String], is_worn: bool) -> Option<&'a str> {
    let line = if is_worn { worn(line) } else { line.to_vec() };
    let rated = marks.iter().filter_map(|mark| {
        let letters = letters(mark);
        let letters = if is_worn { worn(&letters) } else { letters };
        let wrong = mistakes(&line, &letters);
        (wrong <= letters.len() / LETTERS_A_MISTAKE && !letters.is_empty()).then_some((wrong, mark))
    });
    rated.min_by_key(|(wrong, _)| *wrong).map(|(_, mark)| mark.as_str())
}

/// Letters that are wrong, missing or too many (Levenshtein's distance).
fn mistakes(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut before = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != b);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str, is_worn: bool) -> Option<String> {
        let marks = Marks::default();
        find(&folded(line), &marks.secrecy, is_worn).map(str::to_owned)
    }

    #[test]
    fn a_mark_is_the_whole_of_its_line() {
        assert_eq!(found("MẬT", false).as_deref(), Some("MẬT"));
        assert_eq!(found("| mật .", false).as_deref(), Some("MẬT"));
        assert_eq!(found("Í MẶT Ì", false).as_deref(), Some("MẬT"), "in its frame");
        assert_eq!(found("TỐI MẬT", false).as_deref(), Some("TỐI MẬT"));
        assert_eq!(found("TUYÊT MÂT", false).as_deref(), Some("TUYỆT MẬT"));
        assert_eq!(found("tài liệu mật", false), None);
        assert_eq!(found("BẢO MẬT", false), None);
        assert_eq!(found("MẬT ĐỘ", false), None);
        assert_eq!(found("1", false), None);
        assert_eq!(found("", true), None);
    }

    #[test]
    fn a_mistake_is_forgiven_in_long_marks_and_a_worn_stroke_in_stamps() {
        assert_eq!(found("T0I MẬT", false).as_deref(), Some("TỐI MẬT"));
        assert_eq!(found("MẬI", false), None);
        assert_eq!(found("MẬI", true).as_deref(), Some("MẬT"));
        for other in ["ĐẠT", "MẪU", "NHẬT", "LƯU", "NẬT"] {
            assert_eq!(found(other, true), None, "{other}");
        }
    }

    #[test]
    fn mistakes_are_counted() {
        let count = |a: &str, b: &str| mistakes(&folded(a), &folded(b));
        assert_eq!(count("sao y", "SAO Y"), 0);
        assert_eq!(count("sao", "sao y"), 1);
        assert_eq!(count("", "sao"), 3);
        assert_eq!(count("trích lục", "trích sao"), 3);
    }
}
