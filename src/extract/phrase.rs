//! Phrases as they are found in text that was read with errors: marks, case and spaces do not count, and a letter in six may
//! be wrong, missing or too much.

use crate::model::unmarked;

/// One error is forgiven for each of so many letters: a word of five must be right but for its marks.
const LETTERS_PER_ERROR: usize = 6;
/// Most errors that are forgiven in a phrase, however long.
const MOST_ERRORS: usize = 4;

/// A text without marks, case, spaces and punctuation: ASCII letters and digits.
pub(super) fn folded(text: &str) -> String {
    unmarked(text).flat_map(char::to_lowercase).filter(char::is_ascii_alphanumeric).collect()
}

/// Where a phrase was found in a folded text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hit {
    /// Its first byte.
    pub(super) start: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    /// Letters that are wrong, missing or too much.
    pub(super) errors: usize,
}

/// Errors that are forgiven in a phrase of so many letters.
pub(super) fn forgiven(letters: usize) -> usize {
    (letters / LETTERS_PER_ERROR).min(MOST_ERRORS)
}

/// The places of a folded phrase in a folded text, none overlapping another; of overlapping ones that with the fewest errors.
/// Sellers' algorithm ("The theory and computation of evolutionary distances", 1980), which also carries where each match began.
pub(super) fn find(text: &[u8], phrase: &[u8]) -> Vec<Hit> {
    let length = phrase.len();
    if length == 0 {
        return Vec::new();
    }
    let most = forgiven(length);
    // Errors of the phrase's first letters against the text up to here, and where that text begins.
    let mut column: Vec<(usize, usize)> = (0..=length).map(|errors| (errors, 0)).collect();
    let mut hits: Vec<(usize, usize, usize)> = Vec::new();
    for (index, letter) in text.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut column[0], (0, index + 1));
        for row in 1..=length {
            let substituted = (diagonal.0 + usize::from(phrase[row - 1] != *letter), diagonal.1);
            let missing = (column[row - 1].0 + 1, column[row - 1].1);
            let added = (column[row].0 + 1, column[row].1);
            diagonal = column[row];
            column[row] = [missing, added].into_iter().fold(
                substituted,
                |best, other| {
                    if other.0 < best.0 { other } else { best }
                },
            );
        }
        let (errors, start) = column[length];
        if errors > most || start > index {
            continue;
        }
        match hits.last_mut() {
            Some(last) if start < last.1 => {
                if errors < last.2 {
                    *last = (start, index + 1, errors);
                }
            }
            _ => hits.push((start, index + 1, errors)),
        }
    }
    hits.into_iter().map(|(start, end, errors)| Hit { start, end, errors }).collect()
}

/// Fewest letters to be written, left out or changed to make one folded text of another.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let mut column: Vec<usize> = (0..=one.len()).collect();
    for (index, letter) in other.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut column[0], index + 1);
        for (row, own) in (1..).zip(one.bytes()) {
            let substituted = diagonal + usize::from(own != letter);
            diagonal = column[row];
            column[row] = substituted.min(column[row - 1] + 1).min(column[row] + 1);
        }
    }
    column[one.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_case_and_punctuation_do_not_count() {
        assert_eq!(folded("Họ, chữ ĐỆM: tên 12/QĐ"), "hochudemten12qd");
    }

    #[test]
    fn a_phrase_is_found_with_its_errors() {
        let text = folded("Số: 12 — GIÂY KHA1 SINH. Họ tên");
        let hits = find(text.as_bytes(), folded("giấy khai sinh").as_bytes());
        assert_eq!(hits.len(), 1);
        assert_eq!(&text[hits[0].start..hits[0].end], "giaykha1sinh");
        assert_eq!(hits[0].errors, 1);
        assert!(find(text.as_bytes(), b"giaychungsinh").is_empty());
    }

    #[test]
    fn short_words_must_be_right_and_each_place_is_given_once() {
        assert!(find(b"xuk", b"xua").is_empty());
        let hits = find(b"noicutruxxnoicutru", b"noicutru");
        assert_eq!(hits.iter().map(|hit| (hit.start, hit.end)).collect::<Vec<_>>(), [(0, 8), (10, 18)]);
    }

    #[test]
    fn distances_count_letters() {
        assert_eq!([distance("ubnd", "ubnd"), distance("ubnd", "ubno"), distance("", "ab")], [0, 1, 2]);
    }
}
