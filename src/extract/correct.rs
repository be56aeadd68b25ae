//! What a person said of a paper laid over what was read of it.

use crate::model::Rect;

use super::before::places;
use super::example::Said;
use super::flow::{Cut, Flow};
use super::grammar::{Fault, Grammar, Reading};
use super::kind::{Kind, Kinds};
use super::phrase::folded;
use super::value::{Check, Method, Named, OF_A_PERSON, Value};
use super::{Document, KindFound, Sheet, agency, card, codes, insurance, letterhead, signer, subject};

/// What readers call their fields, with the forms of the values.
const OF_READERS: [(Named<'static>, Grammar); 18] = [
    (letterhead::NUMBER, Grammar::Text),
    (letterhead::PLACE, Grammar::Text),
    (letterhead::DATE, Grammar::Date),
    (agency::AGENCY, Grammar::Text),
    (agency::SUPERIOR, Grammar::Text),
    (subject::ABSTRACT, Grammar::Text),
    (signer::SIGNER, Grammar::Name),
    (signer::TITLE, Grammar::Text),
    codes::CODES[0],
    codes::CODES[1],
    codes::CODES[2],
    (card::IDENTITY, Grammar::Identity),
    (card::OLD_IDENTITY, Grammar::Identity),
    (card::OWNER, Grammar::Name),
    (card::BIRTH, Grammar::Date),
    (card::SEX, Grammar::Sex),
    (card::RESIDENCE, Grammar::Text),
    (insurance::NUMBER, Grammar::Text),
];

impl Document {
    /// Lays what a person said over what was read: said values are as sure as can be, even where they do not have their form,
    /// which stays marked; those that are said not to be on the paper go, others come. What was not said stays as it is.
    pub fn correct(&mut self, said: &Said, kinds: &Kinds) {
        if let Some(id) = &said.kind {
            // One whose file is gone is left as it was read.
            let kind = kinds.get(id).map(|kind| KindFound::of(kind, OF_A_PERSON));
            if kind.is_some() || id.is_empty() {
                self.kind = kind;
            }
        }
        let kind = self.kind.as_ref().and_then(|kind| kinds.get(&kind.id));
        for (field, text) in &said.values {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.is_empty() {
                self.values.retain(|value| value.field != *field);
                continue;
            }
            match self.values.iter_mut().find(|value| value.field == *field) {
                Some(value) => value.say(&text, grammar_of(field, kind)),
                None => {
                    let added = added(field, &text, kind, &self.values);
                    self.values.push(added);
                }
            }
        }
    }

    /// Finds where values stand that people said and no reader had found.
    pub fn locate(&mut self, sheets: &[Sheet<'_>], kinds: &Kinds) {
        let flow = Flow::new(sheets);
        let kind = self.kind.as_ref().and_then(|kind| kinds.get(&kind.id));
        let unplaced = |value: &&mut Value| value.method == Method::Person && value.bounds == Rect::default();
        for value in self.values.iter_mut().filter(unplaced) {
            let grammar = grammar_of(&value.field, kind);
            if let Some(cut) = places(&flow, grammar, &value.value).into_iter().find_map(|words| flow.cut(words)) {
                (value.page, value.bounds, value.text) = (cut.page, cut.bounds, cut.text);
            }
        }
    }
}

impl Value {
    /// What a person said in place of what was read, or in confirmation of it.
    fn say(&mut self, text: &str, grammar: Grammar) {
        if text != self.value {
            let (value, check) = written(text, grammar);
            self.value = value;
            self.faults = check.err().into_iter().collect();
            self.check = match check {
                Ok(true) => Check::Passed,
                Ok(false) => Check::None,
                Err(_) => Check::Failed,
            };
        }
        self.method = Method::Person;
        self.taught = 0;
        self.trust(OF_A_PERSON);
    }
}

/// A value as people typed it in the one way in which such values are written.
pub(super) fn written(text: &str, grammar: Grammar) -> (String, Result<bool, Fault>) {
    let Reading { value, check } = grammar.read(text);
    let is_shouted = !text.contains(char::is_lowercase);
    match grammar {
        // Whoever types a name knows its capitals, but for names in nothing else.
        Grammar::Name if !is_shouted || folded(&value) != folded(text) => (text.to_owned(), check),
        _ if check.is_err() => (text.to_owned(), check),
        _ => (value, check),
    }
}

/// A value that no reader found, with its place where another value's text has it.
fn added(field: &str, text: &str, kind: Option<&Kind>, others: &[Value]) -> Value {
    let named = kind
        .and_then(|kind| kind.fields.iter().find(|of| of.name == field))
        .map(super::labels::named)
        .or_else(|| OF_READERS.iter().map(|(named, _)| *named).find(|(name, ..)| *name == field))
        .unwrap_or((field, field, field));
    let letters = folded(text);
    let place = others.iter().find(|other| !letters.is_empty() && folded(&other.text).contains(&letters));
    let (page, bounds) = place.map_or((1, Rect::default()), |other| (other.page, other.bounds));
    let cut = Cut { text: text.to_owned(), page, bounds, confidence: OF_A_PERSON, least: OF_A_PERSON, blue: 0.0 };
    // Said to be nothing at first, so that saying it is what gives it its check.
    let reading = Reading { value: String::new(), check: Ok(false) };
    let mut value = Value::new(named, cut, reading, Method::Person, 1.0);
    value.say(text, grammar_of(field, kind));
    value
}

/// The form of a field's values.
pub(super) fn grammar_of(field: &str, kind: Option<&Kind>) -> Grammar {
    let own = kind.and_then(|kind| kind.fields.iter().find(|of| of.name == field)).map(|of| of.grammar);
    let of_reader = || OF_READERS.iter().find(|((name, ..), _)| *name == field).map(|(_, grammar)| *grammar);
    own.or_else(of_reader).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::typeset::page_of;
    use super::super::{Band, read};
    use super::*;

    const TEXT: &str = "ỦY BAN NHÂN DÂN XÃ MỸ LỘC\nSố: 12/QĐ-UBND\n\nMỹ Lộc, ngày 3 tháng 8 năm 2024\n\nQUYẾT ĐỊNH\n\
        Về việc họp thôn\n\nGiao ông Lê Văn Tám đi họp\n\nCHỦ TỊCH\n\nLê Thị An";

    fn corrected(kind: Option<&str>, values: &[(&str, &str)]) -> Document {
        let (page, kinds) = (page_of(TEXT), Kinds::shipped());
        let sheets = [Sheet::of(&page)];
        let mut document = read(&sheets, &kinds);
        let values: BTreeMap<_, _> =
            values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        document.correct(&Said { kind: kind.map(str::to_owned), values }, &kinds);
        document.locate(&sheets, &kinds);
        document
    }

    #[test]
    fn what_a_person_said_stands_and_what_was_not_said_stays() {
        let document = corrected(
            None,
            &[
                ("date", "04/08/2024"),
                ("signer", "Lê Thị An"),
                ("abstract", ""),
                ("dossier", "12"),
                ("chair", "Lê Văn Tám"),
            ],
        );
        let value = |field: &str| document.get(field).unwrap();
        let date = value("date");
        assert_eq!((&date.value[..], date.check, date.method), ("2024-08-04", Check::Passed, Method::Person));
        assert!(date.bounds.width > 0 && date.text.contains("ngày 3"));
        assert_eq!((value("signer").method, value("signer").band), (Method::Person, Band::Accept));
        assert_eq!((value("agency").method, document.get("abstract")), (Method::PrintPlace, None));
        // A misfit stays one, and is the person's for all that.
        let dossier = value("dossier");
        assert_eq!((&dossier.title_en[..], dossier.check, dossier.band), ("Dossier code", Check::Failed, Band::Accept));
        assert_eq!(dossier.faults, [Fault::Form]);
        // One that nobody asked for is found on the page.
        assert_eq!((&value("chair").title[..], value("chair").bounds.width > 0), ("chair", true));
    }

    #[test]
    fn a_kind_is_said_or_said_to_be_none() {
        assert_eq!(
            corrected(Some("thong-bao"), &[]).kind.map(|kind| (kind.name, kind.confidence > 0.9)),
            Some(("Thông báo".to_owned(), true))
        );
        assert_eq!(corrected(Some(""), &[]).kind, None);
        assert_eq!(corrected(Some("gone"), &[]).kind.map(|kind| kind.id).as_deref(), Some("quyet-dinh"));
    }

    #[test]
    fn names_keep_the_capitals_that_people_typed() {
        let typed = |text: &str| written(text, Grammar::Name).0;
        assert_eq!([typed("LÊ THỊ AN"), typed("H'Hen Niê")], ["Lê Thị An", "H'Hen Niê"]);
    }
}
