//! What a person said of a paper laid over what was read of it.

use crate::model::Rect;

use super::example::Said;
use super::flow::Cut;
use super::grammar::{Fault, Grammar, Reading};
use super::kind::{Kind, Kinds};
use super::phrase::folded;
use super::shape::of_readers;
use super::value::{Check, Method, OF_A_PERSON, Value};
use super::{Document, KindFound};

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

/// A value as people typed it in the one way in which such values are written; as they typed it where that would lose some of it.
pub(super) fn written(text: &str, grammar: Grammar) -> (String, Result<bool, Fault>) {
    let Reading { value, check } = grammar.read(text);
    let is_whole = folded(&value) == folded(text);
    let has_capitals = text.contains(char::is_lowercase) && text.contains(char::is_uppercase);
    match grammar {
        _ if check.is_err() => (text.to_owned(), check),
        // Whoever types a name knows its capitals, but for names in nothing else.
        Grammar::Name if has_capitals && is_whole => (text.to_owned(), check),
        // These are written in another way than people do.
        Grammar::Date | Grammar::Area | Grammar::Sex => (value, check),
        _ if is_whole => (value, check),
        _ => (text.to_owned(), Err(Fault::Form)),
    }
}

/// A value that no reader found, with its place where another value's text has it.
fn added(field: &str, text: &str, kind: Option<&Kind>, others: &[Value]) -> Value {
    let named = kind
        .and_then(|kind| kind.fields.iter().find(|of| of.name == field))
        .map(super::labels::named)
        .or_else(|| of_readers().map(|(named, _)| named).find(|(name, ..)| *name == field))
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
    let of_reader = || of_readers().find(|((name, ..), _)| *name == field).map(|(_, grammar)| grammar);
    own.or_else(of_reader).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::typeset::page_of;
    use super::super::{Band, Sheet, read};
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
        // One that nobody asked for.
        assert_eq!((&value("chair").title[..], &value("chair").value[..]), ("chair", "Lê Văn Tám"));
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
        assert_eq!(
            [typed("LÊ THỊ AN"), typed("lê thị an"), typed("H'Hen Niê")],
            ["Lê Thị An", "Lê Thị An", "H'Hen Niê"]
        );
        assert_eq!(
            written("Lê Thị An, Lê Văn Tám", Grammar::Name),
            ("Lê Thị An, Lê Văn Tám".to_owned(), Err(Fault::Form))
        );
        assert_eq!(written("217/2025/HN", Grammar::Number).0, "217/2025/HN", "nothing is lost");
    }
}
