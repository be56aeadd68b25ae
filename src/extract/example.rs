//! What people say of papers teaches how the next ones are read: a correction becomes an [`Example`], of which kinds learn
//! headings, labels and values that come again ([`Kinds::taught`]).
//!
//! An example holds what is printed on all papers of its sort and nothing of the person whom the paper is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::before::{self, places};
use super::correct::grammar_of;
use super::flow::Flow;
use super::grammar::Grammar;
use super::kind::{Field, Kind, Kinds};
use super::lessons::{Lessons, RECURRING, is_taken};
use super::phrase::{distance, folded, forgiven};
use super::value::{Method, Value};
use super::{Document, Sheet, heading, labels, read, read_as, signer};

/// The most that an example has as JSON.
const MOST_BYTES: usize = 2000;
/// Letters of a value that comes again, and digits: more are a number of somebody.
const MOST_LETTERS: usize = 160;
const MOST_DIGITS: usize = 5;
/// Letters from which a value is looked for where it must not be.
const LEAST_PRIVATE: usize = 5;
/// Fields of readers that say nothing of a person.
const PUBLIC: [&str; 7] = ["number", "date", "abstract", "signer_title", "dossier", "procedure", "result_type"];

/// What a person said of a paper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Said {
    /// The id of its kind; an empty one: it is of no kind that is known. `None`: not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Values by field, each in full. One that is equal to the proposal confirms it; an empty one is not on this paper. What is
    /// not here was not said.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// What a paper teaches, with what a person said of it. As JSON it has less than 2 KB:
///
/// ```json
/// {"kind": "giay-phep", "heading": "GIẤY PHÉP XÂY DỰNG",
///  "labels": [{"field": "owner", "text": "Cấp cho ông bà"}], "absent": ["phone"],
///  "recurring": [{"field": "agency", "read": "UBNÐ XA MỸ LỌC", "said": "UBND xã Mỹ Lộc"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Example {
    /// The kind of the paper, said or, where nobody said it, found: that whose fields are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    /// The paper's heading, where its kind was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heading: Option<String>,
    /// What stands before values where a label does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<Labelled>,
    /// Fields for which a value was proposed and that are not on the paper.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) absent: Vec<String>,
    /// Values that come again on other papers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) recurring: Vec<Recurring>,
}

/// The words before a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Labelled {
    pub(super) field: String,
    pub(super) text: String,
}

/// What was read where a value stands, and what a person said that it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Recurring {
    pub(super) field: String,
    /// `None` where nothing was read, or the same but for marks and case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) read: Option<String>,
    pub(super) said: String,
}

impl Example {
    /// What is learnt of a paper. `kinds` are those by which it was read, with all that they have been taught: it counts against
    /// a label if people empty what it led to.
    pub fn of(sheets: &[Sheet<'_>], kinds: &Kinds, said: &Said) -> Self {
        let said = Said { values: said.values.iter().map(trimmed).collect(), ..said.clone() };
        let proposed = match &said.kind {
            Some(id) => read_as(sheets, kinds, id),
            None => read(sheets, kinds),
        };
        let id = said.kind.clone().or_else(|| proposed.kind.as_ref().map(|kind| kind.id.clone()));
        let id = id.filter(|id| !id.is_empty());
        let plain = kinds.plain();
        let kind = id.as_ref().and_then(|id| plain.get(id));
        // What is read without what was taught is what the next paper has, too.
        let found = read_as(sheets, &plain, id.as_deref().unwrap_or_default());
        let flow = Flow::new(sheets);
        let private = Private::of(kind, &said, &found);

        let heading = heading::find(&flow).filter(|_| said.kind.is_some()).map(|words| flow.text(words));
        let is_learnt = |value: &&Value| value.taught > 0 && value.method == Method::PrintLabel;
        let emptied = said.values.iter().filter(|(_, text)| text.is_empty());
        let absent = emptied.filter_map(|(field, _)| proposed.get(field)).filter(is_learnt);
        let mut example = Self {
            heading: heading.filter(|text| !private.is_in(text)),
            labels: kind.map_or_else(Vec::new, |kind| labels_of(&flow, kind, &said, &found)),
            absent: absent.map(|value| value.field.clone()).collect(),
            recurring: recurring(kind, &said, &found, &private),
            kind: id,
        };
        example.labels.retain(|label| !private.is_in(&label.text));
        example.shorten();
        example
    }

    /// Leaves out what is too much.
    fn shorten(&mut self) {
        let is_long = |example: &Self| serde_json::to_string(example).map_or(0, |text| text.len()) > MOST_BYTES;
        while is_long(self) && (self.labels.pop().is_some() || self.absent.pop().is_some() || self.recurring.pop().is_some()) {}
    }
}

fn trimmed((field, text): (&String, &String)) -> (String, String) {
    (field.clone(), text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What a paper says of a person, folded: nothing of it is kept.
struct Private {
    texts: Vec<String>,
    /// Those of names and numbers.
    names: Vec<String>,
}

impl Private {
    fn of(kind: Option<&Kind>, said: &Said, found: &Document) -> Self {
        let said = said.values.iter().map(|(field, text)| (field.as_str(), text.as_str()));
        let read = found.values.iter().flat_map(|value| [(value.field.as_str(), &*value.value), (&value.field, &value.text)]);
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        for (field, text) in said.chain(read).filter(|(field, _)| !PUBLIC.contains(field) && !recurs(kind, field)) {
            let letters = folded(text);
            if letters.len() >= LEAST_PRIVATE {
                let is_name = matches!(grammar_of(field, kind), Grammar::Name | Grammar::Identity | Grammar::Digits);
                if is_name { &mut names } else { &mut texts }.push(letters);
            }
        }
        Self { texts, names }
    }

    /// Whether something private is in a text.
    fn is_in(&self, text: &str) -> bool {
        let letters = folded(text);
        self.texts.iter().any(|private| letters.contains(private)) || self.names_are_in(&letters)
    }

    fn names_are_in(&self, letters: &str) -> bool {
        self.names.iter().any(|private| letters.contains(private))
    }
}

/// Whether a field has values that come again on other papers.
fn recurs(kind: Option<&Kind>, field: &str) -> bool {
    let own = || kind.is_some_and(|kind| kind.fields.iter().any(|of| of.recurs && of.name == field));
    RECURRING.contains(&field) || own()
}

/// The values that come again, as they were read and as they were said.
fn recurring(kind: Option<&Kind>, said: &Said, found: &Document, private: &Private) -> Vec<Recurring> {
    let title = said.values.get(signer::TITLE.0).or_else(|| found.get(signer::TITLE.0).map(|value| &value.value));
    let is_official = title.is_some_and(|title| signer::is_of_office(title));
    let is_kept = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        text.chars().count() <= MOST_LETTERS && digits <= MOST_DIGITS && !private.names_are_in(&folded(text))
    };
    let of = |(field, text): (&String, &String)| {
        let is_public = recurs(kind, field) && (field != signer::SIGNER.0 || is_official);
        if !is_public || folded(text).is_empty() || !is_kept(text) {
            return None;
        }
        let read = found.get(field).map(|value| value.text.clone());
        let read = read.filter(|read| folded(read) != folded(text) && is_kept(read) && !folded(read).is_empty());
        Some(Recurring { field: field.clone(), read, said: text.clone() })
    };
    said.values.iter().filter_map(of).collect()
}

/// The labels of fields whose values the kind's own labels do not lead to: words with which it reads what was said.
fn labels_of(flow: &Flow<'_>, kind: &Kind, said: &Said, found: &Document) -> Vec<Labelled> {
    let mut kind = kind.clone();
    let mut learnt = Vec::new();
    for at in 0..kind.fields.len() {
        let Field { name, grammar, .. } = kind.fields[at].clone();
        let Some(text) = said.values.get(&name).filter(|text| !text.is_empty()) else { continue };
        if found.get(&name).is_some_and(|value| is_said(&value.value, text)) {
            continue;
        }
        let candidates = places(flow, grammar, text).into_iter().filter_map(|words| before::label(flow, words.start));
        for label in candidates {
            if is_taken(&kind, &name, &folded(&label)) {
                continue;
            }
            let mut with = kind.clone();
            with.fields[at].labels.push(label.clone());
            if leads(flow, &with, &name, said, found) {
                kind = with;
                learnt.push(Labelled { field: name, text: label });
                break;
            }
        }
    }
    learnt
}

/// Whether a kind reads a field as it was said, and nothing else worse than before.
fn leads(flow: &Flow<'_>, kind: &Kind, field: &str, said: &Said, found: &Document) -> bool {
    let values = labels::read(flow, kind);
    let is_right = |value: Option<&Value>, text: &str| value.is_some_and(|value| is_said(&value.value, text));
    let now = |name: &str| values.iter().find(|value| value.field == name);
    let is_kept = |(name, text): (&String, &String)| {
        let is_own = kind.fields.iter().any(|of| of.name == *name);
        !is_own || !is_right(found.get(name), text) || is_right(now(name), text)
    };
    is_right(now(field), &said.values[field]) && said.values.iter().all(is_kept)
}

/// Whether what was read is what a person said, but for letters that are misread.
fn is_said(read: &str, said: &str) -> bool {
    let (read, said) = (folded(read), folded(said));
    distance(&read, &said) <= forgiven(said.len())
}

impl Kinds {
    /// These kinds with what examples teach, oldest first, further to those of before. Of examples that contradict each other
    /// the majority counts, of as many on either side the newest. [`Kinds::source`] stays that of the files.
    #[must_use]
    pub fn taught(&self, examples: &[Example]) -> Self {
        let plain = self.plain();
        let before = self.lessons.iter().flat_map(|lessons| &lessons.examples);
        let (kinds, lessons) = Lessons::learn(plain.kinds, before.chain(examples).cloned().collect());
        Self { kinds, source: plain.source, lessons: Some(Arc::new(lessons)) }
    }

    /// The kinds as their files say.
    fn plain(&self) -> Self {
        let kinds = self.lessons.as_ref().map_or_else(|| self.kinds.clone(), |lessons| lessons.plain.clone());
        Self { kinds, source: self.source.clone(), lessons: None }
    }
}
