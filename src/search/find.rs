//! Answers: pages that have all that is asked for, the best first.
//!
//! Ways of reading the question are tried from the closest to the loosest: words as they were typed and side by side, as they
//! were typed, without marks, the last word begun, words with slips, all words but one. Each brings the newest pages first, and when enough are
//! there no further way is tried. These are judged by what stands on them.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};
use time::Date;
use time::format_description::well_known::Iso8601;

use super::hit::{Found, Hit, How, Piece, hit};
use super::question::{Question, Read};
use super::rank::{self, Judged, Ranker, Sought};
use super::words::Token;
use super::{Index, SearchError, near, packed};

/// Pages that are judged: with more, words should be added to the question.
const JUDGED: usize = 100;
/// Pages that are looked at until so many are judged: some have the terms and not what they stand for.
const LOOKED_AT: usize = 400;
/// With fewer pages than this, words with slips are looked for.
const FEW: usize = 10;
/// Words that a word with slips may have been meant as.
const MOST_NEAR: usize = 12;
/// Words that a beginning may become, and its fewest letters.
const MOST_BEGUN: usize = 32;
const LEAST_BEGUN: usize = 2;
/// Words of a question of which one may be missing.
const LEAST_BUT_ONE: usize = 3;
const MOST_BUT_ONE: usize = 8;
/// Boxes of a hit.
const MOST_BOXES: usize = 100;

/// A page that was judged.
struct Candidate {
    id: i64,
    judged: Judged,
    hit: Hit,
    words: packed::Words,
}

/// A way of reading the question: of each row of terms a page must have one.
type Way = Vec<Vec<String>>;

impl Index {
    /// The pages that answer a question, so many at most.
    ///
    /// # Errors
    /// When nothing is asked, or the database refuses.
    pub fn find(&self, question: &Question, count: usize) -> Result<Found, SearchError> {
        let read = Read::of(question, &self.key)?;
        let mut sought = self.sought(&read)?;
        let mut search = Search {
            index: self,
            question,
            fields: &read.terms,
            hidden: &read.hidden,
            seen: BTreeSet::new(),
            candidates: Vec::new(),
            looked_at: 0,
        };
        for way in ways(&sought, question.is_strict) {
            search.follow(way, &sought)?;
        }
        if !question.is_strict && !sought.is_empty() {
            let mut words: Vec<Vec<String>> = sought.iter().map(|one| vec![one.asked.token.folded.clone()]).collect();
            let last = sought.len() - 1;
            if read.is_open && !search.is_full() {
                words[last].extend(self.beginning_with(&sought[last].asked.token)?);
                sought[last].is_open = words[last].len() > 1;
                if sought[last].is_open {
                    search.follow(loose(&sought, &words), &sought)?;
                }
            }
            if search.candidates.len() < FEW {
                for index in (0..sought.len()).filter(|index| !is_held(&sought, *index)).collect::<Vec<_>>() {
                    sought[index].near = self.near(&sought[index].asked.token)?;
                }
                // One slip is likelier than several.
                for (index, one) in sought.iter().enumerate().filter(|(_, one)| !one.near.is_empty()) {
                    let mut words = words.clone();
                    words[index].extend(one.near.iter().cloned());
                    search.follow(loose(&sought, &words), &sought)?;
                }
                sought.iter().zip(&mut words).for_each(|(one, row)| row.extend(one.near.iter().cloned()));
                search.follow(loose(&sought, &words), &sought)?;
            }
            // A slip in a word that is too short to have like ones: all words but one.
            if search.candidates.is_empty() && (LEAST_BUT_ONE..=MOST_BUT_ONE).contains(&sought.len()) {
                for index in (0..sought.len()).filter(|index| !is_held(&sought, *index)) {
                    let mut words = words.clone();
                    words[index].clear();
                    search.follow(loose(&sought, &words), &sought)?;
                }
            }
        }
        Ok(search.answer(&sought, question.skip, count))
    }

    /// What is written down of a question that was answered: which fields it had, how many pages were found, and a keyed hash of it
    /// that tells whether two questions are the same. What was asked is not in it.
    pub fn trace(&self, question: &Question, found: &Found) -> String {
        question.trace(found.count, &self.key)
    }

    fn sought(&self, read: &Read) -> Result<Vec<Sought>, SearchError> {
        let all: Option<i64> = self.connection.query_row("SELECT max(id) FROM pages", [], |row| row.get(0))?;
        let mut pages = self.connection.prepare_cached("SELECT pages FROM vocabulary WHERE word = ?1")?;
        let sought = read.words.iter().map(|asked| {
            let pages: Option<i64> = pages.query_row([&asked.token.folded], |row| row.get(0)).optional()?;
            let weight = (1.0 + all.unwrap_or_default() as f32 / (1.0 + pages.unwrap_or_default() as f32)).ln();
            Ok(Sought { asked: asked.clone(), weight, near: Vec::new(), is_open: false })
        });
        sought.collect()
    }

    /// The words on most pages that begin so.
    fn beginning_with(&self, token: &Token) -> Result<Vec<String>, SearchError> {
        let start = &token.folded;
        if start.chars().count() < LEAST_BEGUN || !near::is_of_letters(start) {
            return Ok(Vec::new());
        }
        let mut select = self.connection.prepare_cached(
            "SELECT word FROM vocabulary WHERE word > ?1 AND word < ?2 AND pages > 0 ORDER BY pages DESC LIMIT ?3",
        )?;
        let rows = select.query_map(params![start, format!("{start}\u{10FFFF}"), MOST_BEGUN], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The words that a word may have been meant as, the likeliest first.
    fn near(&self, token: &Token) -> Result<Vec<String>, SearchError> {
        let word = &token.folded;
        let mut select = self.connection.prepare_cached(
            "SELECT r.word, v.pages FROM remainders r JOIN vocabulary v ON v.word = r.word
             WHERE r.remainder = ?1 AND v.pages > 0",
        )?;
        let mut like = BTreeSet::new();
        for remainder in near::asked(word) {
            let rows = select.query_map([remainder], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            for row in rows {
                let (other, pages) = row?;
                let apart = near::distance(word, &other);
                if apart > 0 && apart <= near::tolerance(word) {
                    like.insert((apart, -pages, other));
                }
            }
        }
        Ok(like.into_iter().take(MOST_NEAR).map(|(_, _, other)| other).collect())
    }
}

/// Whether a word must stand beside another.
fn is_held(sought: &[Sought], index: usize) -> bool {
    sought[index].asked.holds_next || index.checked_sub(1).is_some_and(|before| sought[before].asked.holds_next)
}

/// Two words side by side as a term.
fn pair(sought: &[Sought], first: usize) -> String {
    super::entry::pair(&sought[first].asked.token, &sought[first + 1].asked.token)
}

/// The ways without slips, the closest first.
fn ways(sought: &[Sought], is_strict: bool) -> Vec<Way> {
    let pairs = || 0..sought.len().saturating_sub(1);
    let held: Vec<usize> = pairs().filter(|first| sought[*first].asked.holds_next).collect();
    let all: Vec<usize> = pairs().collect();
    let way = |exact: bool, together: &[usize]| -> Way {
        let is_in_pair = |index: usize| together.iter().any(|first| (*first..first + 2).contains(&index));
        let term = |(index, one): (usize, &Sought)| match exact && one.asked.token.has_marks() {
            true => Some(vec![one.asked.token.exact.clone()]),
            // A pair of words has both.
            false if is_in_pair(index) => None,
            false => Some(vec![one.asked.token.folded.clone()]),
        };
        let together = together.iter().map(|first| vec![pair(sought, *first)]);
        together.chain(sought.iter().enumerate().filter_map(term)).collect()
    };
    let has_marks = sought.iter().any(|one| one.asked.token.has_marks());
    let mut ways = Vec::new();
    for exact in [true, false] {
        if !exact && (is_strict || !has_marks) {
            continue;
        }
        if all.len() > held.len() {
            ways.push(way(exact, &all));
        }
        ways.push(way(exact, &held));
    }
    ways
}

/// A way with several words for each, or none where it may be missing. Of what must stand side by side the pages themselves tell where there are several.
fn loose(sought: &[Sought], words: &[Vec<String>]) -> Way {
    let is_pair =
        |first: &usize| sought[*first].asked.holds_next && words[*first..first + 2].iter().all(|row| row.len() == 1);
    let pairs = (0..sought.len().saturating_sub(1)).filter(is_pair);
    let rows = words.iter().filter(|row| !row.is_empty()).cloned();
    pairs.map(|first| vec![pair(sought, first)]).chain(rows).collect()
}

/// A search under way.
struct Search<'a> {
    index: &'a Index,
    question: &'a Question,
    fields: &'a [Vec<String>],
    hidden: &'a [String],
    seen: BTreeSet<i64>,
    candidates: Vec<Candidate>,
    looked_at: usize,
}

impl Search<'_> {
    fn is_full(&self) -> bool {
        self.candidates.len() >= JUDGED || self.looked_at >= LOOKED_AT
    }

    /// Judges the newest pages of a way that were in none before, until there are enough.
    fn follow(&mut self, way: Way, sought: &[Sought]) -> Result<(), SearchError> {
        let Some(expression) = expression(self.fields.iter().chain(&way)) else { return Ok(()) };
        if self.is_full() {
            return Ok(());
        }
        let connection = &self.index.connection;
        let mut select =
            connection.prepare_cached("SELECT rowid FROM terms WHERE terms MATCH ?1 ORDER BY rowid DESC")?;
        let mut page = connection.prepare_cached(
            "SELECT p.id, p.number, p.words, c.id, c.version, c.title, c.dossier, c.kind, c.number, c.date,
             c.valid_until, c.owner, c.identity FROM pages p JOIN components c ON c.id = p.component WHERE p.id = ?1",
        )?;
        let mut ranker = Ranker::new(sought, self.question.is_strict);
        let mut ids = select.query([expression])?;
        while !self.is_full()
            && let Some(row) = ids.next()?
        {
            let id: i64 = row.get(0)?;
            if !self.seen.insert(id) {
                continue;
            }
            self.looked_at += 1;
            let (hit, words) = page.query_row([id], |row| Ok((hit(row)?, row.get::<_, Vec<u8>>(2)?)))?;
            let words = packed::unpack(&words).unwrap_or_default();
            let title = (hit.page == 1).then_some(hit.paper.title.as_str());
            if self.is_in_range(&hit)
                && let Some(judged) = ranker.judge(&words, title)
            {
                self.candidates.push(Candidate { id, judged, hit, words });
            }
        }
        Ok(())
    }

    fn is_in_range(&self, hit: &Hit) -> bool {
        let (from, until) = (self.question.from, self.question.until);
        let date = || hit.paper.date.as_deref().and_then(|date| Date::parse(date, &Iso8601::DATE).ok());
        (from.is_none() && until.is_none())
            || date()
                .is_some_and(|date| from.is_none_or(|from| from <= date) && until.is_none_or(|until| date <= until))
    }

    fn answer(mut self, sought: &[Sought], skip: usize, count: usize) -> Found {
        let is_cut = self.is_full();
        self.candidates
            .sort_by(|one, other| other.judged.score.total_cmp(&one.judged.score).then(other.id.cmp(&one.id)));
        let all = self.candidates.len();
        let has_more = all > skip.saturating_add(count);
        let hits = self.candidates.into_iter().skip(skip).take(count).map(|one| one.hit(sought, self.hidden)).collect();
        Found { hits, count: all, has_more, is_cut }
    }
}

/// A question to the table of terms; `None` when nothing can have what is asked.
fn expression<'a>(rows: impl Iterator<Item = &'a Vec<String>>) -> Option<String> {
    let mut all = Vec::new();
    for row in rows {
        let terms: Vec<String> = row.iter().map(|term| format!("\"{term}\"")).collect();
        match terms.len() {
            0 => return None,
            1 => all.extend(terms),
            _ => all.push(format!("({})", terms.join(" OR "))),
        }
    }
    (!all.is_empty()).then(|| all.join(" AND "))
}

impl Candidate {
    fn hit(self, sought: &[Sought], hidden: &[String]) -> Hit {
        let Self { judged, words, hit, .. } = self;
        let (found, (first, end)) = rank::shown(&words, &judged.found, sought, hidden);
        let is_hit = |index: usize| found.binary_search(&index).is_ok();
        let mut snippet: Vec<Piece> = Vec::new();
        for index in first..end {
            let Some((word, _)) = words.get(index) else { break };
            match snippet.last_mut().filter(|last| last.is_hit == is_hit(index)) {
                Some(last) => {
                    last.text.push(' ');
                    last.text.push_str(word);
                }
                None => snippet.push(Piece { text: word.to_owned(), is_hit: is_hit(index) }),
            }
        }
        let boxes = found.iter().filter_map(|index| Some(words.get(*index)?.1)).take(MOST_BOXES).collect();
        let how = match judged.worst {
            worst if worst >= 1.0 => How::Exact,
            worst if worst >= 0.7 => How::Folded,
            worst if worst >= 0.5 => How::Begun,
            _ => How::Near,
        };
        Hit { size: words.size, snippet, boxes, how, score: judged.score, ..hit }
    }
}
