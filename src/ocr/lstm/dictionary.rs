//! The word lists of a model: words, numbers, and the punctuation around them, as graphs of letters.
//!
//! A word is known if punctuation in front, a word or number, and punctuation behind are on their lists. A place in the
//! lists ([`Place`]) is a set of positions in the graphs; places are numbered as a line's reading comes to them
//! ([`Places`]), so that a path of the search holds a number. Format: tesseract's `src/ccutil` and `src/dict/dawg.h`.

use std::collections::HashMap;

use super::file::{Character, Component, Cursor, Malformed, component};

/// First two bytes of a graph.
const MAGIC: u16 = 42;

/// The letter of the punctuation graph that stands for a whole word, and of the number graph for any digit.
const PATTERN: u16 = 0;

/// Bits of an edge above its letter: last of its node, backward, end of a word.
const LAST: u64 = 1;
const END: u64 = 4;
const FLAG_BITS: u32 = 3;

/// A graph of letters: edges, those out of a node one after the other; a node is the number of its first edge.
#[derive(Debug)]
struct Graph {
    edges: Vec<u64>,
    letter_bits: u32,
    /// The edge out of node 0 for each letter: that node has hundreds.
    initial: Vec<Option<u32>>,
}

impl Graph {
    fn read(file: &mut Cursor<'_>, alphabet: usize) -> Result<Self, Malformed> {
        if file.u16()? != MAGIC || file.size()? != alphabet {
            return Err(Malformed("a word list that is not for this alphabet"));
        }
        let count = file.size()?;
        let bytes = file.rest();
        if count == 0 || count.checked_mul(8).is_none_or(|size| size > bytes.len()) {
            return Err(Malformed("a word list of a wrong length"));
        }
        let edges = (0..count).map(|_| file.u64()).collect::<Result<Vec<_>, _>>()?;
        let letter_bits = (alphabet + 1).next_power_of_two().trailing_zeros();
        let mut graph = Self { edges, letter_bits, initial: Vec::new() };
        graph.initial = (0..alphabet).map(|letter| graph.find(0, u16::try_from(letter).ok()?)).collect();
        Ok(graph)
    }

    fn flags(&self, edge: u32) -> u64 {
        self.edges[edge as usize] >> self.letter_bits
    }

    /// The edge of a letter out of a node.
    fn find(&self, node: u32, letter: u16) -> Option<u32> {
        let mask = (1 << self.letter_bits) - 1;
        for (i, &edge) in self.edges.get(node as usize..)?.iter().enumerate() {
            if edge & mask == u64::from(letter) {
                return u32::try_from(node as usize + i).ok();
            }
            if edge >> self.letter_bits & LAST != 0 {
                break;
            }
        }
        None
    }

    /// The edge of a letter after another, or, after none, the first of a word.
    fn follow(&self, edge: Option<u32>, letter: u16) -> Option<u32> {
        let Some(edge) = edge else { return *self.initial.get(usize::from(letter))? };
        let node = u32::try_from(self.flags(edge) >> FLAG_BITS).ok()?;
        if node == 0 { None } else { self.find(node, letter) }
    }

    fn ends_word(&self, edge: Option<u32>) -> bool {
        edge.is_some_and(|edge| self.flags(edge) & END != 0)
    }
}

/// The word lists.
#[derive(Debug)]
pub(super) struct Dictionary {
    punctuation: Option<Graph>,
    cores: [Option<Graph>; 2],
    is_digit: Vec<bool>,
}

/// Which of [`Dictionary::cores`] lists numbers.
const NUMBERS: usize = 1;

/// What a run of letters is, of those that it may be the most telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Not in the lists, or not a letter.
    None,
    Punctuation,
    /// Read outside the lists.
    Free,
    Number,
    Word,
}

/// A position in the graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Position {
    /// The core list that has been entered, and the last edge in it.
    core: Option<(usize, Option<u32>)>,
    /// The last edge of the punctuation around; `None` in front of it or without such a list.
    punctuation: Option<u32>,
    has_punctuation: bool,
    /// The core has been left for the punctuation behind.
    is_behind: bool,
}

/// A set of positions, by its number.
pub(super) type Place = u32;

/// Where a letter leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) ends_word: bool,
}

impl Dictionary {
    /// Reads the lists of a model; `None` when it has none.
    pub(super) fn read(file: &[u8], alphabet: &[Character]) -> Result<Option<Self>, Malformed> {
        let graph = |wanted| -> Result<Option<Graph>, Malformed> {
            component(file, wanted)?.map(|mut found| Graph::read(&mut found, alphabet.len())).transpose()
        };
        let cores = [graph(Component::Words)?, graph(Component::Numbers)?];
        // Punctuation that never stands around a word is no use around these.
        let whole = |list: &Graph| list.ends_word(list.follow(None, PATTERN));
        let punctuation = graph(Component::Punctuation)?.filter(whole);
        let is_digit = alphabet.iter().map(|character| character.is_digit).collect();
        let is_empty = punctuation.is_none() && cores.iter().all(Option::is_none);
        Ok((!is_empty).then_some(Self { punctuation, cores, is_digit }))
    }

    fn start(&self) -> Vec<Position> {
        let position = |core, has_punctuation| Position { core, punctuation: None, has_punctuation, is_behind: false };
        if self.punctuation.is_some() {
            return vec![position(None, true)];
        }
        let present = (0..self.cores.len()).filter(|&core| self.cores[core].is_some());
        present.map(|core| position(Some((core, None)), false)).collect()
    }

    /// The edge of a letter in a core list.
    fn follow_core(&self, core: usize, edge: Option<u32>, letter: u16) -> Option<u32> {
        let is_digit = core == NUMBERS && self.is_digit.get(usize::from(letter)).copied().unwrap_or(false);
        self.cores[core].as_ref()?.follow(edge, if is_digit { PATTERN } else { letter })
    }

    fn core_ends(&self, core: usize, edge: Option<u32>) -> bool {
        self.cores[core].as_ref().is_some_and(|list| list.ends_word(edge))
    }

    fn punctuation_ends(&self, position: &Position) -> bool {
        !position.has_punctuation || self.punctuation.as_ref().is_some_and(|list| list.ends_word(position.punctuation))
    }

    fn follow_punctuation(&self, position: &Position, letter: u16) -> Option<u32> {
        let list = self.punctuation.as_ref().filter(|_| position.has_punctuation)?;
        list.follow(position.punctuation, letter)
    }

    /// Where a letter leads from any of `places`.
    fn advance(&self, from: &[Position], letter: u16) -> (Vec<Position>, Kind, bool) {
        let (mut to, mut kind, mut ends_word) = (Vec::new(), Kind::None, false);
        let mut reach = |position: Position, of: Kind, ends: bool| {
            if !to.contains(&position) {
                to.push(position);
            }
            kind = kind.max(of);
            ends_word |= ends;
        };
        let core_kind = |core| if core == NUMBERS { Kind::Number } else { Kind::Word };
        // The pattern letter is the space, which is in no word.
        if letter == PATTERN {
            return (to, kind, ends_word);
        }
        for &position in from {
            let Some((core, edge)) = position.core else {
                if let Some(around) = self.follow_punctuation(&position, PATTERN) {
                    for core in 0..self.cores.len() {
                        if let Some(first) = self.follow_core(core, None, letter) {
                            let entered = Some((core, Some(first)));
                            let next = Position { core: entered, punctuation: Some(around), ..position };
                            let ends = self.core_ends(core, Some(first)) && self.punctuation_ends(&next);
                            reach(next, core_kind(core), ends);
                        }
                    }
                }
                if let Some(mark) = self.follow_punctuation(&position, letter) {
                    let next = Position { punctuation: Some(mark), ..position };
                    reach(next, Kind::Punctuation, self.punctuation_ends(&next));
                }
                continue;
            };
            if self.core_ends(core, edge)
                && let Some(mark) = self.follow_punctuation(&position, letter)
            {
                let next = Position { punctuation: Some(mark), is_behind: true, ..position };
                reach(next, core_kind(core), self.punctuation_ends(&next));
            }
            if !position.is_behind
                && let Some(further) = self.follow_core(core, edge, letter)
            {
                let next = Position { core: Some((core, Some(further))), ..position };
                reach(next, core_kind(core), self.core_ends(core, Some(further)) && self.punctuation_ends(&next));
            }
        }
        (to, kind, ends_word)
    }
}

/// The places that the reading of a line has come to.
#[derive(Debug)]
pub(super) struct Places<'a> {
    dictionary: &'a Dictionary,
    places: Vec<Vec<Position>>,
    numbers: HashMap<Vec<Position>, Place>,
    moves: HashMap<(Place, u16), Option<Move>>,
}

impl<'a> Places<'a> {
    /// In front of a word.
    pub(super) const START: Place = 0;

    pub(super) fn new(dictionary: &'a Dictionary) -> Self {
        let start = dictionary.start();
        let numbers = HashMap::from([(start.clone(), Self::START)]);
        Self { dictionary, places: vec![start], numbers, moves: HashMap::new() }
    }

    /// Where a letter leads, if anywhere.
    pub(super) fn advance(&mut self, from: Place, letter: u16) -> Option<Move> {
        if let Some(&known) = self.moves.get(&(from, letter)) {
            return known;
        }
        let (to, kind, ends_word) = self.dictionary.advance(&self.places[from as usize], letter);
        let next = (!to.is_empty()).then(|| {
            let place = *self.numbers.entry(to).or_insert_with_key(|to| {
                self.places.push(to.clone());
                Place::try_from(self.places.len() - 1).expect("fewer places than time steps times letters")
            });
            Move { place, kind, ends_word }
        });
        self.moves.insert((from, letter), next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Space, a, b, full stop, 1.
    const ALPHABET: usize = 5;
    const A: u16 = 1;
    const B: u16 = 2;
    const STOP: u16 = 3;
    const ONE: u16 = 4;
    const BITS: u32 = 3;

    fn edge(letter: u16, flags: u64, next: u64) -> u64 {
        u64::from(letter) | flags << BITS | next << (BITS + FLAG_BITS)
    }

    fn bytes(edges: &[u64]) -> Vec<u8> {
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend(u32::try_from(ALPHABET).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(edges.len()).unwrap().to_le_bytes());
        bytes.extend(edges.iter().flat_map(|edge| edge.to_le_bytes()));
        bytes
    }

    fn graph(edges: &[u64]) -> Graph {
        Graph::read(&mut Cursor::new(&bytes(edges)), ALPHABET).unwrap()
    }

    /// Words `a` and `ab`, numbers of one digit, a stop behind or none.
    fn dictionary() -> Dictionary {
        let words = graph(&[edge(A, LAST | END, 1), edge(B, LAST | END, 0)]);
        let numbers = graph(&[edge(PATTERN, LAST | END, 0)]);
        let punctuation = graph(&[edge(PATTERN, LAST | END, 1), edge(STOP, LAST | END, 0)]);
        let is_digit = vec![false, false, false, false, true];
        Dictionary { punctuation: Some(punctuation), cores: [Some(words), Some(numbers)], is_digit }
    }

    /// What a text is, and whether it is whole; `None` when no listed one begins so.
    fn look_up(dictionary: &Dictionary, text: &[u16]) -> Option<(Kind, bool)> {
        let mut places = Places::new(dictionary);
        let start = Move { place: Places::START, kind: Kind::None, ends_word: false };
        let end = text.iter().try_fold(start, |at, &letter| places.advance(at.place, letter))?;
        Some((end.kind, end.ends_word))
    }

    #[test]
    fn listed_words_are_known_with_what_stands_around() {
        let dictionary = dictionary();
        assert_eq!(look_up(&dictionary, &[A]), Some((Kind::Word, true)));
        assert_eq!(look_up(&dictionary, &[A, B]), Some((Kind::Word, true)));
        assert_eq!(look_up(&dictionary, &[A, B, STOP]), Some((Kind::Word, true)));
        assert_eq!(look_up(&dictionary, &[ONE]), Some((Kind::Number, true)));
        assert_eq!(look_up(&dictionary, &[ONE, STOP]), Some((Kind::Number, true)));
        for unknown in [&[B][..], &[A, A], &[STOP, A], &[A, STOP, STOP], &[A, STOP, B], &[ONE, ONE], &[0]] {
            assert_eq!(look_up(&dictionary, unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn words_stand_alone_without_a_list_of_punctuation() {
        let dictionary = Dictionary { punctuation: None, ..dictionary() };
        assert_eq!(look_up(&dictionary, &[A, B]), Some((Kind::Word, true)));
        assert_eq!(look_up(&dictionary, &[ONE]), Some((Kind::Number, true)));
        assert_eq!(look_up(&dictionary, &[A, STOP]), None);
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        let good = bytes(&[edge(A, LAST, 0)]);
        let read = |bytes: &[u8], alphabet| Graph::read(&mut Cursor::new(bytes), alphabet).is_ok();
        assert!(read(&good, ALPHABET));
        assert!(!read(&good, ALPHABET + 1), "another alphabet");
        assert!((0..good.len()).all(|end| !read(&good[..end], ALPHABET)), "cut off");
        assert!(!read(&bytes(&[]), ALPHABET), "empty");
        let mut endless = good.clone();
        endless[6..10].fill(255);
        assert!(!read(&endless, ALPHABET), "longer than the file");
    }

    #[test]
    fn edges_that_lead_nowhere_end_words() {
        let edges = [edge(A, 0, 99), edge(B, LAST, 1 << 40)];
        let dictionary = Dictionary { punctuation: None, cores: [Some(graph(&edges)), None], is_digit: Vec::new() };
        assert_eq!(look_up(&dictionary, &[A]), Some((Kind::Word, false)));
        assert_eq!(look_up(&dictionary, &[A, B]), None);
        assert_eq!(look_up(&dictionary, &[B, A]), None);
    }
}
