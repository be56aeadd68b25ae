//! What people say of papers teaches how the next ones are read: a correction becomes an [`Example`], of which kinds learn
//! headings, labels and values that come again ([`Kinds::taught`]).
//!
//! An example holds what is printed on all papers of its sort and nothing of the person whom the paper is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::before::{self, places};
use super::correct::{grammar_of, written};
use super::flow::Flow;
use super::kind::{Field, Kind, Kinds};
use super::lessons::{Lessons, is_taken};
use super::phrase::{distance, folded, forgiven};
use super::private::{Private, is_official, recurs};
use super::value::{Method, Value};
use super::{Document, Sheet, heading, labels, read, read_as};

/// The most that an example has as JSON.
const MOST_BYTES: usize = 2000;
/// Letters of a value that comes again, and digits: more are a number of somebody.
const MOST_LETTERS: usize = 160;
const MOST_DIGITS: usize = 5;

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
#[serde(deny_unknown_fields, default)]
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
        let proposed = match &said.kind {
            Some(id) => read_as(sheets, kinds, id),
            None => read(sheets, kinds),
        };
        let id = said.kind.clone().or_else(|| proposed.kind.as_ref().map(|kind| kind.id.clone()));
        let id = id.filter(|id| !id.is_empty());
        let plain = kinds.plain();
        let kind = id.as_ref().and_then(|id| plain.get(id));
        let said = Said { values: said.values.iter().map(|one| normal(one, kind)).collect(), ..said.clone() };
        // What is read without what was taught is what the next paper has, too.
        let found = read_as(sheets, &plain, id.as_deref().unwrap_or_default());
        let flow = Flow::new(sheets);
        let is_official = is_official(&said, &found);
        let private = Private::of(kind, &said, &found, is_official);

        let heading = heading::find(&flow).filter(|_| said.kind.is_some()).map(|words| flow.text(words));
        let is_learnt = |value: &&Value| value.taught > 0 && value.method == Method::PrintLabel;
        let emptied = said.values.iter().filter(|(_, text)| text.is_empty());
        let absent = emptied.filter_map(|(field, _)| proposed.get(field)).filter(is_learnt);
        let mut example = Self {
            heading: heading.filter(|text| !private.is_in(text)),
            labels: kind.map_or_else(Vec::new, |kind| labels_of(&flow, kind, &said, &found)),
            absent: absent.map(|value| value.field.clone()).collect(),
            recurring: recurring(kind, &said, &found, &private, is_official),
            kind: id,
        };
        example.labels.retain(|label| !private.is_in(&label.text));
        example.shorten();
        example
    }

    /// Leaves out what is too much.
    fn shorten(&mut self) {
        let is_long = |example: &Self| serde_json::to_string(example).map_or(0, |text| text.len()) > MOST_BYTES;
        while is_long(self)
            && (self.labels.pop().is_some() || self.absent.pop().is_some() || self.recurring.pop().is_some())
        {}
    }
}

/// A value in the one way in which such values are written.
fn normal((field, text): (&String, &String), kind: Option<&Kind>) -> (String, String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (field.clone(), if text.is_empty() { text } else { written(&text, grammar_of(field, kind)).0 })
}

/// The values that come again, as they were read and as they were said.
fn recurring(
    kind: Option<&Kind>,
    said: &Said,
    found: &Document,
    private: &Private,
    is_official: bool,
) -> Vec<Recurring> {
    let is_kept = |text: &str| {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        text.chars().count() <= MOST_LETTERS && digits <= MOST_DIGITS && !private.names_are_in(&folded(text))
    };
    let of = |(field, text): (&String, &String)| {
        if !recurs(kind, field, is_official) || folded(text).is_empty() || !is_kept(text) {
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

#[cfg(test)]
mod tests {
    use super::super::Band;
    use super::super::typeset::page_of;
    use super::*;

    const PERMIT: &str = "id = 'giay-phep'\nname = 'Giấy phép'\nname_en = 'Permit'\nreaders = ['agency', 'number', 'signer']\n\
        anchors = [{ phrase = 'giấy phép', weight = 6, heading = true }]\nfields = [\n\
        { name = 'owner', title = 'Chủ', title_en = 'Owner', labels = ['Cấp cho'], grammar = 'name' },\n\
        { name = 'id_number', title = 'Số', title_en = 'Number', labels = ['Số định danh'], grammar = 'identity' },\n\
        { name = 'home', title = 'Nơi ở', title_en = 'Home', labels = ['Nơi cư trú'] },\n\
        { name = 'born', title = 'Sinh', title_en = 'Born', labels = ['Ngày sinh'], grammar = 'date' },\n\
        { name = 'clinic', title = 'Nơi khám', title_en = 'Clinic', labels = ['Nơi khám'], recurs = true },\n\
        ]";
    const PAPER: &str = "ỦY BAN NHÂN DÂN XÃ MÝ LỌC\n\n          BẢN CHẤP THUẬN MỞ QUÁN\n\nChủ hộ kinh doanh: Lê Văn Tám\n\
        Mã số của chủ hộ: 052090000123\nChỗ ở hiện tại: thôn Đầm Sậy\nĐược sinh ngày 14/01/1990\nNơi khám: Trạm y tế xã\n\n\
        CHỦ TỊCH\n\nTrần Hữu Oanh";

    fn kinds() -> Kinds {
        Kinds::with(&[("a".to_owned(), PERMIT.to_owned())]).unwrap()
    }

    fn said(kind: Option<&str>, values: &[(&str, &str)]) -> Said {
        let values = values.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        Said { kind: kind.map(str::to_owned), values }
    }

    fn example(text: &str, kinds: &Kinds, said: &Said) -> Example {
        let page = page_of(text);
        Example::of(&[Sheet::of(&page)], kinds, said)
    }

    fn read_of(text: &str, kinds: &Kinds) -> Document {
        let page = page_of(text);
        read(&[Sheet::of(&page)], kinds)
    }

    fn all_said() -> Said {
        let values = [
            ("agency", "Ủy ban nhân dân xã Mỹ Lộc"),
            ("owner", "Lê Văn Tám"),
            ("id_number", "052090000123"),
            ("home", "thôn Đầm Sậy"),
            ("born", "14/01/1990"),
            ("clinic", "Trạm y tế xã"),
            ("signer", "Trần Hữu Oanh"),
        ];
        said(Some("giay-phep"), &values)
    }

    #[test]
    fn what_is_printed_is_kept_and_nothing_of_the_person() {
        let text = serde_json::to_string(&example(PAPER, &kinds(), &all_said())).unwrap();
        for kept in [
            "CHẤP THUẬN",
            "Chủ hộ kinh doanh",
            "Mã số của chủ hộ",
            "Chỗ ở hiện tại",
            "xã Mỹ Lộc",
            "Trạm y tế xã",
            "Oanh",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        let letters = folded(&text);
        for private in ["Lê Văn Tám", "052090000123", "Đầm Sậy", "1990", "14/01"] {
            assert!(!letters.contains(&folded(private)), "{private}: {text}");
        }
        assert!(text.len() < 2048, "{}", text.len());
        // Whoever signs for himself is private, too.
        let by_citizen = PAPER.replace("CHỦ TỊCH", "NGƯỜI LÀM ĐƠN");
        let text = serde_json::to_string(&example(&by_citizen, &kinds(), &all_said())).unwrap();
        assert!(!text.contains("Oanh") && text.contains("xã Mỹ Lộc"), "{text}");
        // A name among the words before a value is no label, one in a heading no heading.
        let named = PAPER.replace("Chỗ ở hiện tại", "Chỗ ở ông lê văn tám").replace("MỞ QUÁN", "LÊ VĂN TÁM");
        let text = serde_json::to_string(&example(&named, &kinds(), &all_said())).unwrap();
        assert!(!folded(&text).contains("levantam"), "{text}");
    }

    #[test]
    fn an_example_stays_small() {
        let fields: Vec<String> = (0..60)
            .map(|n| format!("{{ name = 'f{n}', title = 'a', title_en = 'a', labels = ['xx{n}xx'] }}"))
            .collect();
        let kind = format!(
            "id = 'b'\nname = 'b'\nname_en = 'b'\nanchors = [{{ phrase = 'b', weight = 1 }}]\nfields = [{}]",
            fields.join(",")
        );
        let kinds = Kinds::with(&[("b".to_owned(), kind)]).unwrap();
        // Words that nobody takes for each other.
        let word = |seed: usize| -> String {
            let letters = (0..11).scan(seed * 7919 + 1, |state, _| {
                *state = (*state * 1_103_515_245 + 12345) % (1 << 31);
                Some(b'a' + u8::try_from(*state / 65536 % 26).unwrap())
            });
            letters.map(char::from).collect()
        };
        let row = |n: usize| format!("Mục {} {} {}: {}\n", word(n), word(n + 100), word(n + 200), word(n + 300));
        let text: String = (0..60).map(row).collect();
        let values = (0..60).map(|n| (format!("f{n}"), word(n + 300))).collect();
        let example = example(&text, &kinds, &Said { kind: Some("b".to_owned()), values });
        let json = serde_json::to_string(&example).unwrap();
        assert!(json.len() < 2048 && example.labels.len() > 10, "{} {}", json.len(), example.labels.len());
    }

    #[test]
    fn another_paper_of_the_kind_is_read_after_one_correction() {
        let kinds = kinds();
        let taught = kinds.taught(&[example(PAPER, &kinds, &all_said())]);
        assert_eq!(taught.source(), kinds.source());
        let next =
            PAPER.replace("Lê Văn Tám", "Vũ Thị Mận").replace("052090000123", "001190000456").replace("1990", "1987");
        assert_eq!(read_of(&next, &kinds).kind, None);
        let document = read_of(&next, &taught);
        let value = |field: &str| document.get(field).map(|value| value.value.as_str());
        assert_eq!(document.kind.as_ref().map(|kind| kind.id.as_str()), Some("giay-phep"));
        assert_eq!(Band::of(document.kind.as_ref().unwrap().confidence), Band::Glance);
        assert_eq!([value("owner"), value("id_number")], [Some("Vũ Thị Mận"), Some("001190000456")]);
        assert_eq!([value("born"), value("home")], [Some("1987-01-14"), Some("thôn Đầm Sậy")]);
        assert_eq!(document.get("owner").unwrap().taught, 1);
        // Taught again nothing is doubled, and kinds that were taught teach the same.
        let again = taught.taught(&[example(&next, &taught, &all_said())]);
        let labels = |kinds: &Kinds| kinds.get("giay-phep").unwrap().fields[0].labels.len();
        assert_eq!((labels(&again), labels(&taught)), (2, 2));
    }

    #[test]
    fn only_what_leads_to_the_value_is_a_label() {
        let kinds = kinds();
        let labels = |text: &str, values: &[(&str, &str)]| {
            let example = example(text, &kinds, &said(Some("giay-phep"), values));
            example.labels.into_iter().map(|one| (one.field, one.text)).collect::<Vec<_>>()
        };
        // The value has words behind it: the label would not lead to it alone.
        assert_eq!(labels("Chỗ ở: thôn Hạ có vườn rộng", &[("home", "thôn Hạ")]), []);
        assert_eq!(labels("Ngày sinh: thôn Hạ", &[("home", "thôn Hạ")]), []);
        assert_eq!(labels("Chỗ của nhà: thôn Hạ", &[("home", "thôn Hạ")]).len(), 1);
        // The kind has a label for it already.
        assert_eq!(labels("Nơi cư trú: thôn Hạ", &[("home", "thôn Hạ")]), []);
    }

    #[test]
    fn a_label_that_people_empty_again_and_again_goes() {
        let kinds = kinds();
        let learnt = example("Chỗ của nhà: thôn Hạ", &kinds, &said(Some("giay-phep"), &[("home", "thôn Hạ")]));
        let taught = kinds.taught(std::slice::from_ref(&learnt));
        let emptied = example("Chỗ của nhà: bỏ trống", &taught, &said(Some("giay-phep"), &[("home", "")]));
        assert_eq!(emptied.absent, ["home"]);
        let labels = |examples: &[Example]| kinds.taught(examples).get("giay-phep").unwrap().fields[2].labels.len();
        assert_eq!(labels(&[learnt.clone(), emptied.clone()]), 2);
        assert_eq!(labels(&[learnt, emptied.clone(), emptied]), 1);
        // One that the kind's file has is never counted against.
        let shipped = example("Nơi cư trú: bỏ trống", &taught, &said(Some("giay-phep"), &[("home", "")]));
        assert_eq!(shipped.absent, Vec::<String>::new());
    }
}
