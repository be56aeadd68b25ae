//! Characters of like shape, told apart by the word they stand in.
//!
//! Old-style and typewriter figures have the shapes of letters ("19o5", "2I/4"). Where a run of letters and digits holds a
//! digit, and else nothing but letters of those shapes, each of these becomes the digit that the network thinks most of
//! at its steps, if it thinks anything of it. No digit is ever changed.
//!
//! Some capitals are large small letters ("tỜ", "mỐc"): inside a word that begins with a small letter they are small.

use unicode_normalization::UnicodeNormalization;

use super::decode::{Letter, Spoken};
use super::file::Character;
use super::network::Probabilities;

/// Letters that figures are read as: 0, 1, 5, 3 and 2, and 6 in old-style print.
const FIGURES_SHAPES: &str = "oOóòôơIlịỊỉisSzZ";

/// Least probability of a digit that a letter gives way to. Clear letters leave less to digits.
const LEAST_PROBABILITY: f32 = 0.002;

/// Digits in a word from which on a run of such letters alone, between its marks, is a number too.
const NUMBER_DIGITS: usize = 4;

/// Letters whose capitals have the shape of the small ones, whatever their marks; not V and W, for "kV" and "kWh".
const SAME_SHAPES: &str = "COSUXZ";

/// Puts small letters in place of capitals, and digits in place of letters, where the rest of a word says so.
pub(super) fn settle(
    words: &mut [Spoken],
    probabilities: &Probabilities,
    alphabet: &[Character],
    codes: &[Option<u16>],
) {
    settle_digits(words, probabilities, alphabet, codes);
    words.iter_mut().for_each(|word| settle_case(word, alphabet));
}

fn settle_case(word: &mut Spoken, alphabet: &[Character]) {
    let text = |letter: &Letter| alphabet[usize::from(letter.character)].text.as_str();
    let is_capital = |letter: &Letter| text(letter).chars().any(char::is_uppercase);
    let is_alike = |letter: &Letter| text(letter).nfd().next().is_some_and(|base| SAME_SHAPES.contains(base));
    let [first, rest @ ..] = &mut word.letters[..] else { return };
    let is_small = text(first).chars().all(char::is_lowercase);
    if !is_small || rest.iter().any(|letter| is_capital(letter) && !is_alike(letter)) {
        return;
    }
    for letter in rest.iter_mut().filter(|letter| is_capital(letter)) {
        let small = text(letter).to_lowercase();
        let known = (0..).zip(alphabet).find(|(_, character)| character.text == small);
        letter.character = known.map_or(letter.character, |(number, _)| number);
    }
}

fn settle_digits(words: &mut [Spoken], probabilities: &Probabilities, alphabet: &[Character], codes: &[Option<u16>]) {
    let character = |letter: &Letter| &alphabet[usize::from(letter.character)];
    let is_figure = |letter: &Letter| FIGURES_SHAPES.contains(character(letter).text.as_str());
    let is_digit = |letter: &Letter| character(letter).is_digit;
    let is_mark = |letter: &Letter| !character(letter).text.chars().any(char::is_alphanumeric);
    let steps: Vec<&[f32]> = probabilities.steps().collect();
    let digits: Vec<(usize, u16)> = (0..)
        .zip(codes)
        .filter_map(|(code, &character)| character.map(|character| (code, character)))
        .filter(|&(_, character)| alphabet[usize::from(character)].is_digit)
        .collect();
    let digit_at = |letter: &Letter| {
        let span = steps.get(letter.start as usize..letter.end as usize).unwrap_or_default();
        let most = |code: usize| span.iter().map(|step| step[code]).fold(0.0, f32::max);
        let best = digits.iter().map(|&(code, digit)| (most(code), digit)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|&(probability, _)| probability >= LEAST_PROBABILITY).map(|(_, digit)| digit)
    };
    for word in words {
        let sure = word.letters.iter().filter(|letter| is_digit(letter)).count();
        for run in word.letters.split_mut(is_mark) {
            let fits = run.iter().all(|letter| is_digit(letter) || is_figure(letter));
            if fits && (sure >= NUMBER_DIGITS || run.iter().any(is_digit)) {
                for letter in run.iter_mut().filter(|letter| is_figure(letter)) {
                    letter.character = digit_at(letter).unwrap_or(letter.character);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs and characters: o, 0, 6, slash, B.
    const TEXTS: [&str; 5] = ["o", "0", "6", "/", "B"];

    fn alphabet() -> Vec<Character> {
        let character = |text: &str| Character { text: text.to_owned(), is_digit: "06".contains(text) };
        TEXTS.map(character).to_vec()
    }

    /// Spells a word, one step a letter, the o with a little of `digit`.
    fn settled(word: &str, digit: Option<usize>) -> String {
        let letters: Vec<Letter> = (0..)
            .zip(word.chars())
            .map(|(start, c)| {
                let character = TEXTS.iter().position(|text| text.starts_with(c)).unwrap();
                Letter { character: u16::try_from(character).unwrap(), start, end: start + 1, certainty: 0.0 }
            })
            .collect();
        let step = |letter: &Letter| {
            let mut step = vec![0.0; TEXTS.len()];
            step[usize::from(letter.character)] = 0.9;
            if let Some(digit) = digit.filter(|_| letter.character == 0) {
                step[digit] = 0.05;
            }
            step
        };
        let probabilities = Probabilities::new(TEXTS.len(), letters.iter().flat_map(step).collect());
        let end = u32::try_from(letters.len()).unwrap();
        let mut words = [Spoken { letters, start: 0, end, confidence: 0.5 }];
        settle(&mut words, &probabilities, &alphabet(), &[0, 1, 2, 3, 4].map(Some));
        words[0].letters.iter().map(|letter| TEXTS[usize::from(letter.character)]).collect()
    }

    #[test]
    fn letters_among_digits_become_the_likeliest_digit() {
        assert_eq!(settled("6o", Some(1)), "60");
        assert_eq!(settled("0o/6", Some(2)), "06/6");
        assert_eq!(settled("6006/oo", Some(1)), "6006/00");
    }

    #[test]
    fn large_small_letters_inside_a_word_are_small() {
        const LETTERS: [&str; 7] = ["t", "Ờ", "ờ", "T", "H", "C", "c"];
        let alphabet = LETTERS.map(|text| Character { text: text.to_owned(), is_digit: false });
        let settled = |spelled: &[&str]| {
            let number = |text: &&str| u16::try_from(LETTERS.iter().position(|known| known == text).unwrap()).unwrap();
            let letter = |text| Letter { character: number(text), start: 0, end: 1, certainty: 0.0 };
            let mut word = Spoken { letters: spelled.iter().map(letter).collect(), start: 0, end: 1, confidence: 0.5 };
            settle_case(&mut word, &alphabet);
            word.letters.iter().map(|letter| LETTERS[usize::from(letter.character)]).collect::<String>()
        };
        assert_eq!(settled(&["t", "Ờ"]), "tờ");
        assert_eq!(settled(&["t", "Ờ", "C"]), "tờc");
        assert_eq!(settled(&["T", "Ờ"]), "TỜ");
        assert_eq!(settled(&["t", "H", "Ờ"]), "tHỜ");
    }

    #[test]
    fn letters_stay_in_words_and_where_no_digit_is_thought_of() {
        assert_eq!(settled("6o", None), "6o");
        assert_eq!(settled("oo", Some(1)), "oo");
        assert_eq!(settled("6/oo", Some(1)), "6/oo");
        assert_eq!(settled("6oB", Some(1)), "6oB");
    }
}
