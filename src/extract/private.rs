//! What is private of a paper: values of people, none of which an example may hold.

use super::Document;
use super::correct::grammar_of;
use super::example::Said;
use super::grammar::Grammar;
use super::kind::Kind;
use super::lessons::RECURRING;
use super::phrase::folded;
use super::signer;

/// Letters from which a value is looked for where it must not be.
const LEAST_PRIVATE: usize = 5;
/// Fields of readers that say nothing of a person.
const PUBLIC: [&str; 7] = ["number", "date", "abstract", "signer_title", "dossier", "procedure", "result_type"];

/// What a paper says of a person, folded: nothing of it is kept.
pub(super) struct Private {
    texts: Vec<String>,
    /// Those of names and numbers.
    names: Vec<String>,
}

impl Private {
    pub(super) fn of(kind: Option<&Kind>, said: &Said, found: &Document, is_official: bool) -> Self {
        let said = said.values.iter().map(|(field, text)| (field.as_str(), text.as_str()));
        let read =
            found.values.iter().flat_map(|value| [(value.field.as_str(), &*value.value), (&value.field, &value.text)]);
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        let is_kept = |field: &str| PUBLIC.contains(&field) || recurs(kind, field, is_official);
        for (field, text) in said.chain(read).filter(|(field, _)| !is_kept(field)) {
            let letters = folded(text);
            if letters.len() >= LEAST_PRIVATE {
                let is_name = matches!(grammar_of(field, kind), Grammar::Name | Grammar::Identity | Grammar::Digits);
                if is_name { &mut names } else { &mut texts }.push(letters);
            }
        }
        Self { texts, names }
    }

    /// Whether something private is in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let letters = folded(text);
        self.texts.iter().any(|private| letters.contains(private)) || self.names_are_in(&letters)
    }

    pub(super) fn names_are_in(&self, letters: &str) -> bool {
        self.names.iter().any(|private| letters.contains(private))
    }
}

/// Whether the paper is signed for an office, as far as is known.
pub(super) fn is_official(said: &Said, found: &Document) -> bool {
    let title = said.values.get(signer::TITLE.0).or_else(|| found.get(signer::TITLE.0).map(|value| &value.value));
    title.is_some_and(|title| signer::is_of_office(title))
}

/// Whether a field has values that come again on other papers: a signer does where it is one of an office.
pub(super) fn recurs(kind: Option<&Kind>, field: &str, is_official: bool) -> bool {
    let own = || kind.is_some_and(|kind| kind.fields.iter().any(|of| of.recurs && of.name == field));
    (RECURRING.contains(&field) && (field != signer::SIGNER.0 || is_official)) || own()
}
