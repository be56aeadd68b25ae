//! How well a page answers a question, and where.

use std::collections::HashMap;

use super::packed::Words;
use super::question::Asked;
use super::words::{Token, tokens};

/// What a word is worth by how it was found.
const FOLDED: f32 = 0.7;
const BEGUN: f32 = 0.5;
const NEAR: f32 = 0.4;
/// What a word is worth more when it comes again, by the logarithm of how often.
const AGAIN: f32 = 0.2;
/// What two words side by side are worth more.
const TOGETHER: f32 = 0.5;

/// Words of a snippet, and how many of them come before the first that was found.
const SNIPPET: usize = 24;
const BEFORE: usize = 6;

/// A word of the question with what it is found as.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) asked: Asked,
    /// How much it tells: rare words more.
    pub(super) weight: f32,
    /// Words without marks that it may have been meant as.
    pub(super) near: Vec<String>,
    /// It may be the beginning of a word.
    pub(super) is_open: bool,
}

impl Sought {
    /// What a word on a page is worth as this one.
    fn worth(&self, token: &Token) -> Option<f32> {
        let wanted = &self.asked.token;
        if token.exact == wanted.exact {
            Some(1.0)
        } else if token.folded == wanted.folded {
            Some(if wanted.has_marks() { FOLDED } else { 1.0 })
        } else if self.is_open && token.folded.starts_with(&wanted.folded) {
            Some(BEGUN)
        } else {
            self.near.contains(&token.folded).then_some(NEAR)
        }
    }
}

/// Which words of the question a word on a page is, and what it is worth as each.
type Matches = Vec<(usize, f32)>;

/// A word of a text that is one of the question.
#[derive(Clone, Debug)]
pub(super) struct Match {
    /// Number of the word.
    word: usize,
    /// Its place among all, where what stands on both sides of a hyphen has one each.
    at: usize,
    is: Matches,
}

impl Match {
    fn is(&self, term: usize) -> bool {
        self.is.iter().any(|(one, _)| *one == term)
    }
}

/// A page judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) score: f32,
    /// What the word that fits worst is worth.
    pub(super) worst: f32,
    pub(super) found: Vec<Match>,
}

/// Judges pages. Words that were looked at are remembered: pages have most of them in common.
#[derive(Debug)]
pub(super) struct Ranker<'a> {
    sought: &'a [Sought],
    /// Words count only as they were typed, and each must be there.
    is_strict: bool,
    known: HashMap<String, Vec<Matches>>,
}

impl<'a> Ranker<'a> {
    pub(super) fn new(sought: &'a [Sought], is_strict: bool) -> Self {
        Self { sought, is_strict, known: HashMap::new() }
    }

    /// Judges a page; `None` when words that must stand side by side do not, or have other marks than they must.
    pub(super) fn judge(&mut self, page: &Words, title: Option<&str>) -> Option<Judged> {
        let mut titled = self.matches(title.into_iter().flat_map(str::split_whitespace));
        let mut found = self.matches(page.iter());
        if !self.hold(&mut [&mut found, &mut titled]) {
            return None;
        }
        let mut best = vec![0.0_f32; self.sought.len()];
        let mut times = vec![0_u16; self.sought.len()];
        let mut together = vec![false; self.sought.len()];
        for row in [&titled, &found] {
            for (index, one) in row.iter().enumerate() {
                let next = row.get(index + 1).filter(|next| next.at == one.at + 1);
                for (term, worth) in &one.is {
                    best[*term] = best[*term].max(*worth);
                    times[*term] = times[*term].saturating_add(1);
                    together[*term] |= next.is_some_and(|next| next.is(term + 1));
                }
            }
        }
        if self.is_strict && best.contains(&0.0) {
            return None;
        }
        let weight = |term: usize| self.sought[term].weight;
        let of_word = |term: usize| {
            let again = 1.0 + AGAIN * f32::from(times[term].max(1)).ln();
            let beside = if together[term] { TOGETHER * (weight(term) + weight(term + 1)) / 2.0 } else { 0.0 };
            weight(term) * best[term] * again + beside * best[term]
        };
        let score = (0..self.sought.len()).map(of_word).sum();
        Some(Judged { score, worst: best.iter().copied().fold(1.0, f32::min), found })
    }

    /// The words of a text that are of the question, in order.
    fn matches<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> Vec<Match> {
        let (mut all, mut at) = (Vec::new(), 0);
        for (number, text) in words.enumerate() {
            if !self.known.contains_key(text) {
                let (sought, is_strict) = (self.sought, self.is_strict);
                let is = |token: Token| {
                    let counts = |one: &&Sought| !is_strict || token.exact == one.asked.token.exact;
                    let worth = |(term, one): (usize, &Sought)| Some((term, Some(one).filter(counts)?.worth(&token)?));
                    sought.iter().enumerate().filter_map(worth).collect()
                };
                self.known.insert(text.to_owned(), tokens(text).map(is).collect());
            }
            for is in &self.known[text] {
                if !is.is_empty() {
                    all.push(Match { word: number, at, is: is.clone() });
                }
                at += 1;
            }
        }
        all
    }

    /// Leaves of the words that must stand side by side only those that do; `false` when some do nowhere.
    fn hold(&self, rows: &mut [&mut Vec<Match>]) -> bool {
        let mut start = 0;
        while start < self.sought.len() {
            let length = 1 + self.sought[start..].iter().take_while(|one| one.asked.holds_next).count();
            let group = start..start + length;
            start = group.end;
            if length == 1 {
                continue;
            }
            let mut is_there = false;
            for row in rows.iter_mut() {
                let runs = |index: &usize| {
                    let follows = |(step, term)| {
                        row.get(index + step).is_some_and(|one: &Match| one.at == row[*index].at + step && one.is(term))
                    };
                    group.clone().enumerate().all(follows)
                };
                let starts: Vec<usize> = (0..row.len()).filter(runs).map(|index| row[index].at).collect();
                is_there |= !starts.is_empty();
                for one in row.iter_mut() {
                    let at = one.at;
                    let stands = |term: usize| starts.contains(&at.wrapping_sub(term - group.start));
                    one.is.retain(|(term, _)| !group.contains(term) || stands(*term));
                }
                row.retain(|one| !one.is.is_empty());
            }
            if !is_there {
                return false;
            }
        }
        true
    }
}

/// What is shown of a page: the words that were found, in order, and the first word of the snippet and the one after its last.
/// `hidden` are citizens' numbers that were looked for, as they are shown.
pub(super) fn shown(
    page: &Words,
    found: &[Match],
    sought: &[Sought],
    hidden: &[String],
) -> (Vec<usize>, (usize, usize)) {
    let mut words: Vec<usize> = found.iter().map(|one| one.word).collect();
    let is_hidden = |word: &str| hidden.iter().any(|shown| word.contains(shown.as_str()));
    words.extend(page.iter().enumerate().filter(|(_, word)| is_hidden(word)).map(|(index, _)| index));
    words.sort_unstable();
    words.dedup();
    // Where most of the question is.
    let mut best = (0.0, words.first().copied().unwrap_or_default());
    for first in &words {
        let near = found.iter().filter(|one| (*first..first + SNIPPET - BEFORE).contains(&one.word));
        let mut there = vec![0.0_f32; sought.len()];
        for (term, worth) in near.flat_map(|one| &one.is) {
            there[*term] = there[*term].max(worth * sought[*term].weight);
        }
        let sum = there.iter().sum();
        if sum > best.0 {
            best = (sum, *first);
        }
    }
    let start = best.1.saturating_sub(BEFORE);
    (words, (start, (start + SNIPPET).min(page.len())))
}
