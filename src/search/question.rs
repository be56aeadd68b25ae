//! What is asked, and how it is read.

use std::collections::BTreeSet;

use time::{Date, Month};

use super::identity::{self, Identity, Key};
use super::words::{Token, folded, pieces, tokens};
use super::{SearchError, fields};

/// Most words of a question: a person types a line.
const MOST_WORDS: usize = 24;

/// What is looked for. A page is found when it has all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Words, with or without marks; those in quotation marks stand side by side. A citizen's number may be among them.
    pub text: String,
    /// Name of the owner, or words of it.
    pub owner: Option<String>,
    /// Number or symbol of the paper.
    pub number: Option<String>,
    /// The owner's number.
    pub identity: Option<String>,
    /// Kind of paper.
    pub kind: Option<String>,
    /// Code of the dossier.
    pub dossier: Option<String>,
    /// First date.
    pub from: Option<Date>,
    /// Last date.
    pub until: Option<Date>,
    /// Whether words with marks are found only with these.
    pub is_strict: bool,
    /// How many hits are passed over.
    pub skip: usize,
}

impl Question {
    /// What may be written down of a question to which so many pages were found: which fields it has and a hash of all of it. The
    /// words and values themselves are names of people, and are not in it.
    pub(super) fn trace(&self, found: usize, key: &Key) -> String {
        let (from, until) = (self.from.map(|date| date.to_string()), self.until.map(|date| date.to_string()));
        let identity = self.identity.as_ref().map(|text| identity::digits(text).unwrap_or_else(|| text.clone()));
        let fields = [
            ("text", Some(&self.text)),
            ("owner", self.owner.as_ref()),
            ("number", self.number.as_ref()),
            ("id", identity.as_ref()),
            ("kind", self.kind.as_ref()),
            ("dossier", self.dossier.as_ref()),
            ("from", from.as_ref()),
            ("until", until.as_ref()),
        ];
        let (mut names, mut asked) = (Vec::new(), String::from("question"));
        for (name, value) in fields {
            // However it was written: who tries a name need not know with which marks it was typed.
            if let Some(value) = value.map(|value| folded(value)).filter(|value| !value.is_empty()) {
                names.push(name);
                asked.extend(["\n", name, "=", value.as_str()]);
            }
        }
        names.extend(self.is_strict.then_some("exact"));
        format!("{} found={found} hash={}", names.join(","), key.hash(&asked))
    }
}

/// A day as people and programs write it: `2025-03-14` or `14/3/2025`.
pub fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut numbers: Vec<u16> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if separator == '/' {
        numbers.reverse();
    }
    let [year, month, day] = numbers[..] else { return None };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

/// A word that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) token: Token,
    /// Must stand right before the next one.
    pub(super) holds_next: bool,
}

/// A question that was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) words: Vec<Asked>,
    /// The last word may be the beginning of one.
    pub(super) is_open: bool,
    /// Terms that a page must have: of each row one.
    pub(super) terms: Vec<Vec<String>>,
    /// Citizens' numbers among the words, as they are shown.
    pub(super) hidden: Vec<String>,
}

impl Read {
    /// Reads a question.
    pub(super) fn of(question: &Question, key: &Key) -> Result<Self, SearchError> {
        let mut read = Self::default();
        read.read_text(&question.text, key);
        let given = |text: &Option<String>| text.clone().filter(|text| pieces(text).next().is_some());
        if let Some(owner) = given(&question.owner) {
            read.terms.extend(fields::owner(&owner).map(|term| vec![term]));
        }
        let one = |value: Option<String>, term: fn(&str) -> String| value.map(|value| vec![term(&value)]);
        read.terms.extend(one(given(&question.number), fields::number));
        read.terms.extend(one(given(&question.kind), fields::kind));
        read.terms.extend(one(given(&question.dossier), fields::dossier));
        if let Some(identity) = given(&question.identity) {
            let digits = identity::digits(&identity).ok_or(SearchError::Identity)?;
            read.terms.push(vec![fields::identity(&key.hash(&digits))]);
        }
        if question.from.is_some() || question.until.is_some() {
            read.terms.push(fields::range(question.from, question.until));
        }
        match read.words.is_empty() && read.terms.is_empty() {
            true => Err(SearchError::Nothing),
            false => Ok(read),
        }
    }

    fn read_text(&mut self, text: &str, key: &Key) {
        let is_quote = |c: char| "\"“”«»„".contains(c);
        let mut chunks: Vec<String> = text.split(is_quote).map(str::to_owned).collect();
        // What follows a quotation mark that is never closed is typed still.
        let quotes = chunks.len() - 1;
        for (number, chunk) in chunks.iter_mut().enumerate() {
            let mut words: Vec<String> = chunk.split_whitespace().map(str::to_owned).collect();
            let mut parts = BTreeSet::new();
            for Identity { digits, parts: own } in identity::hide_all(&mut words) {
                self.terms.push(vec![fields::identity(&key.hash(&digits))]);
                self.hidden.push(identity::masked(&digits));
                parts.extend(own.into_iter().map(|(word, _)| word));
            }
            let is_quoted = number % 2 == 1;
            for (_, word) in words.iter().enumerate().filter(|(index, _)| !parts.contains(index)) {
                let mut asked: Vec<Asked> = tokens(word).map(|token| Asked { token, holds_next: true }).collect();
                if let Some(last) = asked.last_mut() {
                    last.holds_next = is_quoted;
                }
                self.words.extend(asked);
            }
            if let Some(last) = self.words.last_mut() {
                last.holds_next = false;
            }
        }
        self.words.truncate(MOST_WORDS);
        if let Some(last) = self.words.last_mut() {
            last.holds_next = false;
        }
        let is_inside = text.chars().last().is_some_and(|c| !c.is_whitespace() && !is_quote(c));
        self.is_open = is_inside && quotes.is_multiple_of(2);
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn read(text: &str) -> (Vec<(String, bool)>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(&folder.path().join("key")).unwrap();
        let mut read = Read::default();
        read.read_text(text, &key);
        let words = read.words.into_iter().map(|asked| (asked.token.folded, asked.holds_next)).collect();
        (words, read.is_open)
    }

    fn words(text: &str) -> Vec<(String, bool)> {
        read(text).0
    }

    #[test]
    fn words_symbols_and_quotations() {
        let word = |text: &str, holds| (text.to_owned(), holds);
        assert_eq!(words("đất đai"), [word("dat", false), word("dai", false)]);
        assert_eq!(words("45/QĐ x"), [word("45", true), word("qd", false), word("x", false)]);
        let phrase = [word("a", false), word("b", true), word("c", false), word("d", false)];
        assert_eq!(words("a \"b c\" d"), phrase);
        assert_eq!(words("a “b c” d"), phrase);
        assert_eq!(words(" .,; "), []);
        assert_eq!(words(&"a ".repeat(100)).len(), MOST_WORDS);
    }

    #[test]
    fn the_last_word_is_open_until_something_follows() {
        let open = ["đất đa", "a \"b\" c"].map(|text| read(text).1);
        let closed = ["đất đai ", "\"đất đai\"", "", "\"đất đai"].map(|text| read(text).1);
        assert_eq!((open, closed), ([true; 2], [false; 4]));
    }

    #[test]
    fn citizens_numbers_are_terms_and_no_words() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(&folder.path().join("key")).unwrap();
        let term = fields::identity(&key.hash("052012340123"));
        for text in ["Lan 052012340123", "052 012 340 123 Lan"] {
            let question = Question { text: text.to_owned(), ..Question::default() };
            let read = Read::of(&question, &key).unwrap();
            assert_eq!((read.words.len(), &read.terms[..]), (1, &[vec![term.clone()]][..]));
        }
        let by_field = Question { identity: Some("052012340123".into()), ..Question::default() };
        assert_eq!(Read::of(&by_field, &key).unwrap().terms, [vec![term]]);
        let wrong = Question { identity: Some("0520••••0123".into()), ..Question::default() };
        assert!(matches!(Read::of(&wrong, &key), Err(SearchError::Identity)));
    }

    #[test]
    fn days_are_written_in_two_ways() {
        for text in ["2025-03-14", " 2025-3-14 ", "14/3/2025", "14/03/2025"] {
            assert_eq!(date(text), Some(date!(2025 - 03 - 14)), "{text}");
        }
        for wrong in ["", "2025", "2025-13-01", "31/02/2025", "14-03-2025-1", "a/b/c"] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn of_a_question_its_fields_are_written_down_and_not_what_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(&folder.path().join("key")).unwrap();
        let question = Question {
            text: "đất  ở 052012340123".into(),
            owner: Some("Nguyễn An".into()),
            from: Some(date!(2024 - 01 - 02)),
            is_strict: true,
            ..Question::default()
        };
        let trace = question.trace(12, &key);
        let (named, hash) = trace.split_once(" hash=").unwrap();
        assert_eq!(named, "text,owner,from,exact found=12");
        assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace}");
        let hash_of = |question: &Question, key: &Key| question.trace(0, key).split_once("hash=").unwrap().1.to_owned();
        let written_otherwise = Question { owner: Some("nguyen  an".into()), skip: 20, ..question.clone() };
        assert_eq!(hash_of(&written_otherwise, &key), hash);
        for other in [
            Question { owner: Some("Nguyễn Anh".into()), ..question.clone() },
            Question { text: String::new(), ..question.clone() },
            Question { owner: None, kind: question.owner.clone(), ..question.clone() },
        ] {
            assert_ne!(hash_of(&other, &key), hash);
        }
        // Nobody without the key can try names, and a number asked for is not what a number is kept as.
        let another = tempfile::tempdir().unwrap();
        assert_ne!(hash_of(&question, &Key::open(&another.path().join("key")).unwrap()), hash);
        let number = Question { identity: Some("052012340123".into()), ..Question::default() };
        assert_ne!(hash_of(&number, &key), key.hash("052012340123"));
    }

    #[test]
    fn nothing_is_no_question() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::open(&folder.path().join("key")).unwrap();
        assert!(matches!(Read::of(&Question::default(), &key), Err(SearchError::Nothing)));
    }
}
