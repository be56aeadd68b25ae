//! From probabilities to words: a beam search for the best text, with the word lists.
//!
//! The network gives at each step a probability to each character and to none; a text's cost is that of the cheapest way
//! to spread it over the steps (connectionist temporal classification, Graves 2006), where letters repeated without none
//! between them count once. As in tesseract (`src/lstm/recodebeam.h` gives the reasons):
//!
//! - the costs of words that are not in the lists count [`FREE_RATIO`] times;
//! - where one character goes over into the next, one step may count for both, so that a boundary in the middle of a step
//!   makes no character unlikely ([`After`]);
//! - a step considers its two most probable outputs and none;
//! - the confidence of a word comes from its least likely step.

use super::dictionary::{Dictionary, Kind, Place, Places};
use super::network::Probabilities;

/// What costs outside the word lists are multiplied by.
const FREE_RATIO: f32 = 2.25;

/// Added to each step's certainty, so that sure steps outside the word lists cost something too.
const OFFSET: f32 = -0.085;

/// Certainty below which the search in the word lists gives up a path: tesseract's -25 in its scale of 7.
const WORST_LISTED: f32 = -25.0 / 7.0;

/// Smallest certainty (logarithm of a probability).
const LEAST: f32 = -20.0;

/// Certainties make confidences: 1 + this times the least.
const CONFIDENCE_SCALE: f32 = 0.35;

/// Paths kept of each kind.
const WIDTH: usize = 5;

/// The space.
const SPACE: u16 = 0;

const NOWHERE: u32 = u32::MAX;

/// What may follow a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// Anything: the step counted for its own output alone.
    Anything = 0,
    /// The same output: the step counted for the change to it too.
    Repeat = 1,
    /// Another output: the step counted for the change from it too.
    Change = 2,
}

const AFTER: [After; 3] = [After::Anything, After::Repeat, After::Change];

/// The end of a path.
#[derive(Clone, Copy, Debug)]
struct Node {
    code: u16,
    /// `None` where the code stands for no character.
    character: Option<u16>,
    kind: Kind,
    /// A word of the lists may begin behind.
    opens_word: bool,
    /// A word of the lists may end here.
    ends_word: bool,
    /// The same output as in the step before, of the same character.
    is_repeat: bool,
    certainty: f32,
    /// Sum of the certainties.
    score: f32,
    /// The node of the step before.
    previous: u32,
    /// The last node that began a character, this one included.
    begun: u32,
    place: Option<Place>,
    /// Of the text so far.
    hash: u64,
}

/// The best paths of one kind.
#[derive(Debug, Default)]
struct Beam {
    nodes: Vec<Node>,
}

impl Beam {
    /// Keeps a node if it is among the best; of two for the same text the better.
    fn offer(&mut self, node: Node) {
        let is_same = |other: &&mut Node| {
            other.hash == node.hash
                && other.code == node.code
                && other.kind == node.kind
                && other.opens_word == node.opens_word
        };
        if let Some(same) = self.nodes.iter_mut().find(is_same) {
            if node.score > same.score {
                *same = node;
            }
        } else if self.nodes.len() < WIDTH {
            self.nodes.push(node);
        } else if let Some(worst) = self.nodes.iter_mut().min_by(|a, b| a.score.total_cmp(&b.score))
            && node.score > worst.score
        {
            *worst = node;
        }
    }
}

/// An output that a step considers.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    code: u16,
    character: Option<u16>,
    probability: f32,
    certainty: f32,
    /// With the probability of none added.
    with_none: f32,
    /// One of the two most probable.
    is_likely: bool,
}

impl Candidate {
    /// With the probabilities of none and of another added.
    fn certainty_with(&self, other: &Self, candidates: &[Self], null: u16) -> f32 {
        let none = candidates.iter().find(|candidate| candidate.code == null).map_or(0.0, |none| none.probability);
        certainty(self.probability + none + other.probability)
    }
}

fn certainty(probability: f32) -> f32 {
    OFFSET + probability.max(LEAST.exp()).ln()
}

/// A character of the best path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Letter {
    pub(super) character: u16,
    /// Steps from its first to behind its last.
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) certainty: f32,
}

/// A word in time steps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spoken {
    pub(super) letters: Vec<Letter>,
    pub(super) start: u32,
    /// Exclusive.
    pub(super) end: u32,
    pub(super) confidence: f32,
}

impl Spoken {
    /// The step behind each letter: half way to the next, the end of the word behind the last.
    pub(super) fn ends(&self) -> impl Iterator<Item = u32> {
        let between = self.letters.windows(2).map(|two| half_way(two[0].end, two[1].start));
        between.chain([self.end])
    }
}

/// The words of a line. `characters` says for each output which character it is; `null` is the output for none.
pub(super) fn words(
    probabilities: &Probabilities,
    characters: &[Option<u16>],
    null: usize,
    dictionary: Option<&Dictionary>,
) -> Vec<Spoken> {
    let Ok(null_code) = u16::try_from(null) else { return Vec::new() };
    let places = dictionary.map(Places::new);
    let mut search = Search { arena: Vec::new(), places, beams: Default::default(), null: null_code };
    let mut last = [const { 0..0 }; 6];
    for (t, step) in probabilities.steps().enumerate() {
        let candidates = candidates(step, characters, null);
        search.beams.iter_mut().for_each(|beam| beam.nodes.clear());
        let mut opened = [None; 3];
        if t == 0 {
            search.extend(None, After::Anything, false, &candidates, &mut opened);
            search.extend(None, After::Anything, true, &candidates, &mut opened);
        }
        for (index, range) in last.iter().enumerate() {
            for node in range.clone() {
                search.extend(Some(node), AFTER[index % 3], index >= 3, &candidates, &mut opened);
            }
        }
        for (after, node) in AFTER.into_iter().zip(opened) {
            if let Some(node) = node {
                search.beams[3 + after as usize].offer(node);
            }
        }
        last = search.commit();
    }
    let total = u32::try_from(probabilities.steps().len()).unwrap_or(u32::MAX);
    split(&search.letters(search.best(&last)), total)
}

/// The two most probable outputs and none.
fn candidates(step: &[f32], characters: &[Option<u16>], null: usize) -> Vec<Candidate> {
    let most = |but: usize| {
        let rivals = step.iter().enumerate().filter(|&(code, _)| code != but);
        rivals.fold((null, f32::MIN), |best, (code, &p)| if p > best.1 { (code, p) } else { best }).0
    };
    let first = most(usize::MAX);
    let second = most(first);
    let candidate = |code: usize| {
        Some(Candidate {
            code: u16::try_from(code).ok()?,
            character: characters[code],
            probability: step[code],
            certainty: certainty(step[code]),
            with_none: certainty(step[code] + step[null]),
            is_likely: code == first || code == second,
        })
    };
    let none = [null].into_iter().filter(|&null| null != first && null != second);
    [first, second].into_iter().chain(none).filter_map(candidate).collect()
}

struct Search<'a> {
    /// The nodes of all steps.
    arena: Vec<Node>,
    places: Option<Places<'a>>,
    /// Those of the present step: outside the lists and in them, for each [`After`].
    beams: [Beam; 6],
    null: u16,
}

/// The first node of a word in the lists, the best for each [`After`].
type Opened = [Option<Node>; 3];

impl Search<'_> {
    /// Offers what may follow a node, or begin the line, outside the lists or in them.
    fn extend(&mut self, from: Option<u32>, after: After, listed: bool, candidates: &[Candidate], opened: &mut Opened) {
        let previous = from.map(|from| self.arena[from as usize]);
        if let Some(previous) = previous {
            let same = candidates.iter().find(|candidate| candidate.code == previous.code);
            if let Some(same) = same {
                self.repeat(from, &previous, same, after, listed);
            }
            if after == After::Repeat {
                return;
            }
        }
        for candidate in candidates {
            if previous.is_some_and(|previous| previous.code == candidate.code) {
                continue;
            }
            if candidate.certainty < LEAST && candidate.code != self.null {
                continue;
            }
            self.follow(from, previous.as_ref(), candidate, After::Anything, candidate.certainty, listed, opened);
            if candidate.code == self.null {
                continue;
            }
            // The step of the change from one likely character to another counts for both.
            let changes = |previous: &Node| {
                let before = candidates.iter().find(|other| other.code == previous.code);
                before.filter(|before| {
                    after == After::Anything && before.code != self.null && before.is_likely && candidate.is_likely
                })
            };
            let certainty = match previous.as_ref().and_then(changes) {
                Some(before) => candidate.certainty_with(before, candidates, self.null),
                None => candidate.with_none,
            };
            self.follow(from, previous.as_ref(), candidate, After::Repeat, certainty, listed, opened);
        }
    }

    /// The same output once more.
    fn repeat(&mut self, from: Option<u32>, previous: &Node, same: &Candidate, after: After, listed: bool) {
        let mut offer = |certainty: f32, then: After| {
            let certainty = if listed { certainty } else { certainty * FREE_RATIO };
            let floor = if listed { WORST_LISTED } else { LEAST };
            if certainty > floor || !listed && same.code == self.null {
                let node = Node {
                    opens_word: false,
                    ends_word: false,
                    is_repeat: true,
                    certainty,
                    score: previous.score + certainty,
                    previous: from.unwrap_or(NOWHERE),
                    place: None,
                    ..*previous
                };
                self.beams[3 * usize::from(listed) + then as usize].offer(node);
            }
        };
        if after != After::Change {
            offer(same.certainty, After::Anything);
        }
        if after == After::Anything && same.code != self.null {
            offer(same.with_none, After::Change);
        }
    }

    /// Another output, or the first.
    #[expect(clippy::too_many_arguments, reason = "one call for each way to go on from a node")]
    fn follow(
        &mut self,
        from: Option<u32>,
        previous: Option<&Node>,
        candidate: &Candidate,
        then: After,
        certainty: f32,
        listed: bool,
        opened: &mut Opened,
    ) {
        let hash = previous.map_or(0, |previous| previous.hash);
        let node = |kind: Kind, certainty: f32| Node {
            code: candidate.code,
            character: candidate.character,
            kind,
            opens_word: false,
            ends_word: false,
            is_repeat: false,
            certainty,
            score: previous.map_or(0.0, |previous| previous.score) + certainty,
            previous: from.unwrap_or(NOWHERE),
            begun: previous.map_or(NOWHERE, |previous| previous.begun),
            place: None,
            hash: if candidate.code == self.null { hash } else { mixed(hash, candidate.code) },
        };
        let mut open = |kind: Kind| {
            let node = Node { opens_word: true, place: Some(Places::START), ..node(kind, certainty) };
            let best = &mut opened[then as usize];
            if best.is_none_or(|best| node.score > best.score) {
                *best = Some(node);
            }
        };
        if !listed {
            self.beams[then as usize].offer(node(Kind::Free, certainty * FREE_RATIO));
            if self.places.is_some() && candidate.character == Some(SPACE) && certainty > WORST_LISTED {
                open(Kind::None);
            }
            return;
        }
        let Some(places) = self.places.as_mut().filter(|_| certainty > WORST_LISTED) else { return };
        let beam = &mut self.beams[3 + then as usize];
        let Some(character) = candidate.character else {
            beam.offer(node(Kind::None, certainty));
            return;
        };
        let begun = previous.and_then(|previous| self.arena.get(previous.begun as usize));
        if character == SPACE {
            if let Some(begun) = begun.filter(|begun| begun.ends_word) {
                open(begun.kind);
                self.beams[then as usize].offer(node(begun.kind, certainty));
            }
            return;
        }
        let place = begun.map_or(Some(Places::START), |begun| begun.place);
        if let Some(to) = place.and_then(|place| places.advance(place, character)) {
            beam.offer(Node { ends_word: to.ends_word, place: Some(to.place), ..node(to.kind, certainty) });
        }
    }

    /// Moves the present step's nodes to the others; gives where they are.
    fn commit(&mut self) -> [std::ops::Range<u32>; 6] {
        let arena = &mut self.arena;
        self.beams.each_mut().map(|beam| {
            let number = |arena: &Vec<Node>| u32::try_from(arena.len()).expect("thirty nodes a step");
            let start = number(arena);
            for mut node in beam.nodes.drain(..) {
                if node.character.is_some() && !node.is_repeat {
                    node.begun = number(arena);
                }
                arena.push(node);
            }
            start..number(arena)
        })
    }

    /// The end of the best path.
    fn best(&self, last: &[std::ops::Range<u32>; 6]) -> Option<u32> {
        let is_whole = |index: usize, node: &Node| {
            let begun = self.arena.get(node.begun as usize);
            index < 3 || begun.is_some_and(|begun| begun.ends_word || begun.character == Some(SPACE))
        };
        let ends = last.iter().enumerate().filter(|(index, _)| AFTER[index % 3] != After::Repeat);
        let nodes = ends.flat_map(|(index, range)| range.clone().map(move |node| (index, node)));
        let whole = nodes.filter(|&(index, node)| is_whole(index, &self.arena[node as usize]));
        let score = |node: u32| self.arena[node as usize].score;
        whole.map(|(_, node)| node).max_by(|&a, &b| score(a).total_cmp(&score(b)))
    }

    /// The characters of a path.
    fn letters(&self, end: Option<u32>) -> Vec<Letter> {
        let node = |number: u32| self.arena.get(number as usize);
        let mut path: Vec<&Node> = std::iter::successors(end.and_then(node), |last| node(last.previous)).collect();
        path.reverse();
        let mut letters: Vec<Letter> = Vec::new();
        let (mut t, mut least) = (0, 0.0_f32);
        while let Some(&first) = path.get(t) {
            let Some(character) = first.character else {
                least = least.min(first.certainty);
                t += 1;
                continue;
            };
            // What lies in front of a space belongs to the word that ends, unless the word after it is searched in the
            // lists and this one was not: then it is in other units.
            if character == SPACE
                && first.kind != Kind::None
                && let Some(last) = letters.last_mut()
            {
                last.certainty = last.certainty.min(least);
                least = 0.0;
            }
            let start = t;
            while t == start || path.get(t).is_some_and(|node| node.is_repeat) {
                let forgets = character == SPACE && path[t].kind == Kind::None;
                least = if forgets { path[t].certainty } else { least.min(path[t].certainty) };
                t += 1;
            }
            let at = |t: usize| u32::try_from(t).unwrap_or(u32::MAX);
            letters.push(Letter { character, start: at(start), end: at(t), certainty: least });
            least = 0.0;
        }
        if let Some(last) = letters.last_mut() {
            last.certainty = last.certainty.min(least);
        }
        letters
    }
}

/// Mixes a code into the hash of a text (Knuth's multiplier for 64 bits).
fn mixed(hash: u64, code: u16) -> u64 {
    (hash.rotate_left(9) ^ (u64::from(code) + 1)).wrapping_mul(6_364_136_223_846_793_005)
}

/// The step half way from the end of one character to the start of the next.
fn half_way(end: u32, start: u32) -> u32 {
    end + start.saturating_sub(end) / 2
}

/// Words between spaces. A character reaches half way to its neighbours, the first and last to the ends of the line.
fn split(letters: &[Letter], total: u32) -> Vec<Spoken> {
    let boundary = |i: usize| match (i.checked_sub(1).map(|before| letters[before].end), letters.get(i)) {
        (None, _) => 0,
        (_, None) => total,
        (Some(end), Some(letter)) => half_way(end, letter.start),
    };
    let mut words = Vec::new();
    let mut from = 0;
    while from < letters.len() {
        let len = letters[from..].iter().take_while(|letter| letter.character != SPACE).count();
        let to = from + len;
        if len > 0 {
            // A doubtful space makes the words to both sides doubtful.
            let spaces = [from.checked_sub(1), Some(to)].into_iter().flatten().filter_map(|i| letters.get(i));
            let least = letters[from..to].iter().chain(spaces).map(|letter| letter.certainty).fold(0.0, f32::min);
            words.push(Spoken {
                letters: letters[from..to].to_vec(),
                start: boundary(from),
                end: boundary(to),
                confidence: (1.0 + CONFIDENCE_SCALE * least).clamp(0.0, 1.0),
            });
        }
        from = to + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs: space, a, b, none.
    const OUTPUTS: usize = 4;
    const NONE: usize = 3;
    const CHARACTERS: [Option<u16>; OUTPUTS] = [Some(0), Some(1), Some(2), None];

    /// An output a step: `-` for none; each with probability 0.97, the others 0.01.
    fn spelled(steps: &str) -> Vec<f32> {
        let code = |c| " ab-".find(c).unwrap();
        steps.chars().flat_map(|c| (0..OUTPUTS).map(move |o| if o == code(c) { 0.97 } else { 0.01 })).collect()
    }

    fn read(values: Vec<f32>) -> Vec<Spoken> {
        words(&Probabilities::new(OUTPUTS, values), &CHARACTERS, NONE, None)
    }

    fn text(words: &[Spoken]) -> String {
        let word = |word: &Spoken| {
            word.letters.iter().map(|letter| ['_', 'a', 'b'][usize::from(letter.character)]).collect::<String>()
        };
        words.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn repeated_outputs_are_one_character_unless_none_stands_between() {
        for (steps, expected) in
            [("-aa-", "a"), ("a-a", "aa"), ("aab", "ab"), ("ab ba", "ab ba"), ("--", ""), ("", ""), (" a  b ", "a b")]
        {
            assert_eq!(text(&read(spelled(steps))), expected, "{steps:?}");
        }
    }

    #[test]
    fn words_reach_half_way_to_each_other() {
        let words = read(spelled("-a--- --bb---"));
        let spans: Vec<_> = words.iter().map(|word| (word.start, word.end)).collect();
        // The space is step 5, between the letters that end at 2 and begin at 8.
        assert_eq!(spans, [(0, 3), (7, 13)]);
    }

    #[test]
    fn a_step_between_two_characters_counts_for_both() {
        let mut values = spelled("-aa-bb-");
        values[3 * OUTPUTS..4 * OUTPUTS].copy_from_slice(&[0.01, 0.49, 0.49, 0.01]);
        let words = read(values);
        assert_eq!(text(&words), "ab");
        let sure = read(spelled("-aabb-"))[0].confidence;
        assert!(words[0].confidence >= sure, "{} {sure}", words[0].confidence);
    }

    #[test]
    fn confidence_comes_from_the_least_likely_step() {
        let confidence = |probability: f32| 1.0 + CONFIDENCE_SCALE * FREE_RATIO * (probability.ln() + OFFSET);
        let mut values = spelled("-a- -b-");
        values[0..OUTPUTS].copy_from_slice(&[0.01, 0.01, 0.48, 0.5]);
        let words = read(values.clone());
        assert_eq!(text(&words), "a b");
        assert!((words[0].confidence - confidence(0.5)).abs() < 1e-6, "{}", words[0].confidence);
        assert!(words[1].confidence > confidence(0.95), "{}", words[1].confidence);
        // A doubtful space makes both words doubtful.
        values[3 * OUTPUTS..4 * OUTPUTS].copy_from_slice(&[0.4, 0.3, 0.2, 0.1]);
        assert!(read(values).iter().all(|word| word.confidence <= confidence(0.5)));
    }

    #[test]
    fn undecided_steps_give_no_sure_words() {
        let words = read(vec![0.25; 200 * OUTPUTS]);
        assert!(words.iter().all(|word| word.confidence < 0.6), "{words:?}");
    }
}
