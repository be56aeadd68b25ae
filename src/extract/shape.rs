//! Which fields papers of a kind may have, found or not, and the form of each: what a person keys in is held against that.

use crate::model::{Lang, Localized};

use super::card::{BIRTH, EXPIRY, IDENTITY, ISSUED, OLD_IDENTITY, OWNER, RESIDENCE, SEX};
use super::correct::written;
use super::grammar::{Fault, Grammar};
use super::kind::{Kinds, Reader};
use super::value::{Named, Value};
use super::{USUAL_READERS, agency, codes, insurance, letterhead, signer, subject};

/// A field with its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What programs call it.
    pub name: String,
    /// What people call it, in Vietnamese.
    pub title: String,
    /// The same in English.
    pub title_en: String,
    grammar: Grammar,
}

const AGENCIES: [(Named<'static>, Grammar); 2] = [(agency::AGENCY, Grammar::Text), (agency::SUPERIOR, Grammar::Text)];
const PLACE_DATE: [(Named<'static>, Grammar); 2] =
    [(letterhead::PLACE, Grammar::Text), (letterhead::DATE, Grammar::Date)];
const SIGNERS: [(Named<'static>, Grammar); 2] = [(signer::SIGNER, Grammar::Name), (signer::TITLE, Grammar::Text)];
const OF_CARD: [(Named<'static>, Grammar); 8] = [
    (IDENTITY, Grammar::Identity),
    (OWNER, Grammar::Name),
    (BIRTH, Grammar::Date),
    (SEX, Grammar::Sex),
    (RESIDENCE, Grammar::Text),
    (ISSUED, Grammar::Date),
    (EXPIRY, Grammar::Date),
    (OLD_IDENTITY, Grammar::Identity),
];
const OF_INSURANCE: [(Named<'static>, Grammar); 6] = [
    (insurance::NUMBER, Grammar::Text),
    (OWNER, Grammar::Name),
    (BIRTH, Grammar::Date),
    (SEX, Grammar::Sex),
    (RESIDENCE, Grammar::Text),
    (insurance::FROM, Grammar::Date),
];

const READERS: [Reader; 8] = [
    Reader::Number,
    Reader::PlaceDate,
    Reader::Agency,
    Reader::Abstract,
    Reader::Signer,
    Reader::Codes,
    Reader::IdentityCard,
    Reader::InsuranceCard,
];

/// The fields that a reader finds.
fn of_reader(reader: Reader) -> &'static [(Named<'static>, Grammar)] {
    match reader {
        Reader::Number => &[(letterhead::NUMBER, Grammar::Text)],
        Reader::PlaceDate => &PLACE_DATE,
        Reader::Agency => &AGENCIES,
        Reader::Abstract => &[(subject::ABSTRACT, Grammar::Text)],
        Reader::Signer => &SIGNERS,
        Reader::Codes => &codes::CODES,
        Reader::IdentityCard => &OF_CARD,
        Reader::InsuranceCard => &OF_INSURANCE,
    }
}

/// The fields of all readers. Of several with one name the first has its usual title.
pub(super) fn of_readers() -> impl Iterator<Item = (Named<'static>, Grammar)> {
    READERS.iter().flat_map(|reader| of_reader(*reader)).copied()
}

impl Shape {
    fn new((name, title, title_en): Named<'_>, grammar: Grammar) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), title_en: title_en.to_owned(), grammar }
    }

    /// That of a value whose field no kind has any more: any text.
    pub fn of(value: &Value) -> Self {
        Self::new((&value.field, &value.title, &value.title_en), Grammar::Text)
    }

    /// All fields that papers of a kind may have, each once: those of its own, then those that many kinds have alike. Of a paper
    /// whose kind is not known the latter.
    pub fn all(kinds: &Kinds, kind: Option<&str>) -> Vec<Self> {
        let kind = kind.and_then(|id| kinds.get(id));
        let own = kind.into_iter().flat_map(|kind| &kind.fields);
        let own = own.map(|field| Self::new((&field.name, &field.title, &field.title_en), field.grammar));
        let readers = kind.map_or(&USUAL_READERS[..], |kind| &kind.readers);
        let common = readers.iter().flat_map(|reader| of_reader(*reader));
        let common = common.map(|(named, grammar)| Self::new(*named, *grammar));
        let mut shapes: Vec<Self> = Vec::new();
        for shape in own.chain(common) {
            if !shapes.iter().any(|known| known.name == shape.name) {
                shapes.push(shape);
            }
        }
        shapes
    }

    /// What a person keyed in, in the one way in which such values are written; where it has not their form as it was keyed in, and
    /// why it is doubted.
    pub fn read(&self, typed: &str) -> (String, Option<Fault>) {
        let text = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        let (value, check) = written(&text, self.grammar);
        (value, check.err())
    }

    /// Why something that was keyed in is doubted, with the form that is expected.
    pub fn doubt(&self, fault: Fault, lang: Lang) -> String {
        let expected = match self.grammar {
            _ if fault != Fault::Form => None,
            Grammar::Text => None,
            Grammar::Name => Some(lang.pick("họ và tên, không có số", "surname and name, no digits")),
            Grammar::Date => Some(lang.pick("ngày/tháng/năm, như 14/01/2024", "day/month/year, as 14/01/2024")),
            Grammar::Year => Some(lang.pick("bốn chữ số, như 1986", "four digits, as 1986")),
            Grammar::Identity => Some(lang.pick("12 chữ số, hoặc 9 ở giấy tờ cũ", "12 digits, or 9 on old papers")),
            Grammar::Sex => Some("Nam, Nữ"),
            Grammar::Number => Some(lang.pick("số, như 17 hoặc 217/2025", "a number, as 17 or 217/2025")),
            Grammar::Digits => Some(lang.pick("chỉ có chữ số", "digits alone")),
            Grammar::Area => Some(lang.pick("số mét vuông, như 120,5 m²", "square metres, as 120,5 m²")),
            Grammar::Dossier => Some("H21.15.25-250701-0012"),
            Grammar::Procedure => Some("1.000894"),
            Grammar::ResultType => Some("KQ.G15.000031"),
        };
        let told = fault.message(lang);
        expected.map_or(told.clone(), |expected| format!("{told} ({expected})"))
    }
}

/// A value as people write it: days as `03/08/2024`.
pub fn as_people_write(value: &str) -> String {
    match value.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] if [year, month, day].map(str::len) == [4, 2, 2] => format!("{day}/{month}/{year}"),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_its_own_fields_and_those_of_its_readers_once_each() {
        let kinds = Kinds::shipped();
        let names = |kind| Shape::all(&kinds, kind).into_iter().map(|shape| shape.name).collect::<Vec<_>>();
        let birth = names(Some("giay-khai-sinh"));
        assert!(birth.starts_with(&["number".to_owned(), "owner".to_owned()]) && birth.contains(&"signer".to_owned()));
        assert!(names(None).contains(&"abstract".to_owned()) && !names(None).contains(&"owner".to_owned()));
        for kind in kinds.all() {
            let mut names = names(Some(&kind.id));
            let count = names.len();
            names.sort();
            names.dedup();
            assert!(count > 0 && names.len() == count, "{}", kind.id);
        }
    }

    #[test]
    fn all_that_is_found_has_a_shape() {
        use super::super::typeset::page_of;
        use super::super::{Sheet, read};
        let kinds = Kinds::shipped();
        for kind in kinds.all() {
            for test in &kind.tests {
                let page = page_of(&test.text);
                let document = read(&[Sheet::of(&page)], &kinds);
                let shapes = Shape::all(&kinds, document.kind.as_ref().map(|kind| &kind.id[..]));
                for value in &document.values {
                    assert!(shapes.iter().any(|shape| shape.name == value.field), "{}: {}", kind.id, value.field);
                }
            }
        }
    }

    #[test]
    fn what_is_keyed_in_is_held_against_the_form() {
        let kinds = Kinds::shipped();
        let shapes = Shape::all(&kinds, Some("giay-khai-sinh"));
        let shape = |name: &str| shapes.iter().find(|shape| shape.name == name).unwrap();
        assert_eq!(shape("birth_date").read(" 16/3/2025 "), ("2025-03-16".to_owned(), None));
        assert_eq!(shape("birth_date").read("31/02/2025"), ("31/02/2025".to_owned(), Some(Fault::Calendar)));
        assert_eq!(shape("owner").read("phạm  đức hạnh"), ("Phạm Đức Hạnh".to_owned(), None));
        let two = "Phạm Đức Hạnh, Lê Quốc Sơn";
        assert_eq!(shape("owner").read(two), (two.to_owned(), Some(Fault::Form)), "nothing is lost");
        assert_eq!(shape("id_number").read("12"), ("12".to_owned(), Some(Fault::Form)));
        assert!(shape("id_number").doubt(Fault::Form, Lang::Vi).contains("12 chữ số"));
        assert_eq!(as_people_write("2025-03-16"), "16/03/2025");
        assert_eq!(as_people_write("12/QĐ-UBND"), "12/QĐ-UBND");
    }
}
