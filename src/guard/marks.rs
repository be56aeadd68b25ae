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

/// The letters and digits of a line in capitals without marks.
pub(super) fn folded(line: &str) -> Vec<char> {
    unmarked(line).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Which of the marks the whole of a line is; of several the one with the fewest mistakes. `more` are mistakes beyond the usual.
pub(super) fn find<'a>(line: &[char], marks: &'a [String], more: usize) -> Option<&'a str> {
    let rated = marks.iter().filter_map(|mark| {
        let letters = folded(mark);
        let most = letters.len() / LETTERS_A_MISTAKE + more;
        let wrong = mistakes(line, &letters);
        (wrong <= most && wrong < letters.len()).then_some((wrong, mark))
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

    fn found(line: &str, more: usize) -> Option<String> {
        let marks = Marks::default();
        find(&folded(line), &marks.secrecy, more).map(str::to_owned)
    }

    #[test]
    fn a_mark_is_the_whole_of_its_line() {
        assert_eq!(found("MẬT", 0).as_deref(), Some("MẬT"));
        assert_eq!(found("| mật .", 0).as_deref(), Some("MẬT"));
        assert_eq!(found("TỐI MẬT", 0).as_deref(), Some("TỐI MẬT"));
        assert_eq!(found("TUYÊT MÂT", 0).as_deref(), Some("TUYỆT MẬT"));
        assert_eq!(found("tài liệu mật", 0), None);
        assert_eq!(found("BẢO MẬT", 0), None);
        assert_eq!(found("MẬT ĐỘ", 0), None);
    }

    #[test]
    fn a_mistake_is_forgiven_in_long_marks_and_in_short_ones_where_more_is_known() {
        assert_eq!(found("T0I MẬT", 0).as_deref(), Some("TỐI MẬT"));
        assert_eq!(found("NẬT", 0), None);
        assert_eq!(found("NẬT", 1).as_deref(), Some("MẬT"));
        assert_eq!(found("", 3), None);
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
