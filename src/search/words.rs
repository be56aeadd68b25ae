//! Text as it is searched. A Vietnamese syllable is a word; it has a form with its marks and one without.
//!
//! The form with marks has its tone at the end: `hòa` and `hoà`, `thủy` and `thuỷ` are the same word written by two rules. In
//! the form without, all marks are gone and `đ` is `d`.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longest word that is searched, characters; the rest of a longer one is reading gone wrong.
const LONGEST: usize = 40;

/// A word in both forms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    /// With marks.
    pub(super) exact: String,
    /// Without.
    pub(super) folded: String,
}

impl Token {
    /// Both forms of a word without punctuation.
    fn of(word: &str) -> Self {
        if word.is_ascii() {
            let folded: String = word.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect();
            return Self { exact: folded.clone(), folded };
        }
        let (mut plain, mut tones, mut folded) = (String::new(), String::new(), String::new());
        for c in word.nfd().take(2 * LONGEST).flat_map(char::to_lowercase) {
            match c {
                '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}' => tones.push(c),
                // The eth of western keyboards stands for the letter that looks like it.
                'đ' | 'ð' => {
                    plain.push('đ');
                    folded.push('d');
                }
                c if is_combining_mark(c) => plain.push(c),
                c => {
                    plain.push(c);
                    folded.push(c);
                }
            }
        }
        Self { exact: plain.nfc().chain(tones.chars()).collect(), folded }
    }

    /// Whether it has marks.
    pub(super) fn has_marks(&self) -> bool {
        self.exact != self.folded
    }
}

/// The words of a text, in order.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    pieces(text).map(|piece| Token::of(&text[piece])).filter(|token| !token.folded.is_empty())
}

/// Where letters and digits stand together.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_inside = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(is_inside)?;
        let length = text[start..].find(|c| !is_inside(c)).unwrap_or(text.len() - start);
        from = start + length;
        Some(start..from)
    })
}

/// A text without marks, words joined by single spaces: what names and kinds are compared by.
pub(super) fn folded(text: &str) -> String {
    tokens(text).map(|token| token.folded).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Vec<String> {
        tokens(text).map(|token| token.exact).collect()
    }

    #[test]
    fn marks_are_folded_and_both_ways_of_writing_a_tone_are_one() {
        assert_eq!(folded("Đặng Thị HƯỜNG, 45/QĐ-UBND"), "dang thi huong 45 qd ubnd");
        assert_eq!(folded("Ðường ðất"), "duong dat");
        assert_eq!(exact("hòa thủy"), exact("hoà thuỷ"));
        assert_ne!(exact("hòa"), exact("hoa"));
        assert_ne!(exact("đất"), exact("dật"));
        assert_eq!(exact("Tie\u{302}\u{301}ng"), exact("tiếng"), "decomposed and composed");
        assert!(tokens("an").all(|token| !token.has_marks()));
        assert!(tokens("ân ạn đan").all(|token| token.has_marks()));
    }

    #[test]
    fn words_end_at_punctuation() {
        assert_eq!(exact("(a-b)  c.d, — e'f"), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(exact(" …; "), Vec::<String>::new());
        assert_eq!(tokens(&"x".repeat(500)).next().unwrap().folded.len(), LONGEST);
    }
}
