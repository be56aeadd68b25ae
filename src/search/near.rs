//! Words that differ by a slip of the finger or of the reader.
//!
//! Two words are at most *n* letters apart only if leaving out *n* letters of each can make them the same. So an index keeps
//! what every word becomes by that, and a question looks up a handful of such remainders instead of all words.

use std::collections::BTreeSet;

/// Shortest word whose like are looked for, characters.
const SHORTEST: usize = 4;
/// Shortest word in which two letters may differ.
const LONG: usize = 8;
/// Longest word that has remainders: what is longer was read without its spaces.
const LONGEST: usize = 20;

/// How many letters of a word may differ.
pub(super) fn tolerance(word: &str) -> usize {
    match word.chars().count() {
        ..SHORTEST => 0,
        SHORTEST..LONG => 1,
        LONG..=LONGEST => 2,
        _ => 0,
    }
}

/// What an index keeps of a word: words one letter shorter than the shortest that is asked for have remainders, too.
pub(super) fn kept(word: &str) -> BTreeSet<String> {
    let length = word.chars().count();
    match length {
        _ if !is_of_letters(word) || length > LONGEST => BTreeSet::new(),
        LONG.. => remainders(word, 2),
        _ if length + 1 >= SHORTEST => remainders(word, 1),
        _ => BTreeSet::new(),
    }
}

/// What a question looks up.
pub(super) fn asked(word: &str) -> BTreeSet<String> {
    match tolerance(word) {
        0 => BTreeSet::new(),
        _ if !is_of_letters(word) => BTreeSet::new(),
        letters => remainders(word, letters),
    }
}

/// Whether it has no digits: of numbers, those that look alike are other numbers.
pub(super) fn is_of_letters(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
}

/// The word and all that is left when up to so many letters are left out.
fn remainders(word: &str, letters: usize) -> BTreeSet<String> {
    let mut all = BTreeSet::from([word.to_owned()]);
    let mut last = all.clone();
    for _ in 0..letters {
        let shorter = |word: &String| -> Vec<String> {
            word.char_indices().map(|(at, letter)| [&word[..at], &word[at + letter.len_utf8()..]].concat()).collect()
        };
        last = last.iter().flat_map(shorter).collect();
        all.extend(last.iter().cloned());
    }
    all
}

/// How many letters to insert, leave out, change, or exchange with their neighbour make one word the other.
pub(super) fn distance(first: &str, second: &str) -> usize {
    let (first, second): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=second.len()).collect();
    for (row, letter) in first.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, other) in second.iter().enumerate() {
            let mut best =
                (above[column] + usize::from(letter != other)).min(above[column + 1] + 1).min(line[column] + 1);
            let is_exchange =
                row > 0 && column > 0 && *letter == second[column - 1] && first[row - 1] == *other && letter != other;
            if is_exchange {
                best = best.min(before[column - 1] + 1);
            }
            line.push(best);
        }
        before = std::mem::replace(&mut above, line);
    }
    above[second.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_letter_in_four_and_two_in_eight() {
        assert_eq!(["abc", "abcd", "abcdefg", "abcdefgh"].map(tolerance), [0, 1, 1, 2]);
        assert_eq!(tolerance(&"a".repeat(30)), 0);
        assert!(asked("2024").is_empty() && kept("q2024").is_empty());
    }

    #[test]
    fn distances() {
        for (first, second, apart) in [
            ("nguyen", "nguyen", 0),
            ("nguyen", "nguyn", 1),
            ("nguyen", "ngyuen", 1),
            ("nguyen", "nguyem", 1),
            ("nguyen", "xnguyen", 1),
            ("thanhpho", "thnahph", 2),
            ("", "ab", 2),
            ("ab", "ba", 1),
        ] {
            assert_eq!(distance(first, second), apart, "{first} {second}");
        }
    }

    proptest! {
        // Whatever the tolerance allows is found by the remainders that the two have in common.
        #[test]
        fn no_like_word_is_missed(word in "[a-e]{4,9}", slips in prop::collection::vec((0_usize..4, 0_usize..9, "[a-e]"), 1..3)) {
            let mut typed: Vec<char> = word.chars().collect();
            for (kind, at, letter) in slips {
                let (at, letter) = (at % typed.len(), letter.chars().next().unwrap());
                match kind {
                    0 => typed.insert(at, letter),
                    1 if typed.len() > 1 => drop(typed.remove(at)),
                    2 if at > 0 => typed.swap(at, at - 1),
                    _ => typed[at] = letter,
                }
            }
            let typed: String = typed.into_iter().collect();
            if tolerance(&typed) > 0 && distance(&typed, &word) <= tolerance(&typed) {
                prop_assert!(!asked(&typed).is_disjoint(&kept(&word)), "{typed} {word}");
            }
        }
    }
}
