//! What many examples teach together: which kind a heading is, which labels a field has, and how values that come again are
//! written. Where examples contradict each other the majority counts, of as many on either side the newest.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::before::LEAST;
use super::example::Example;
use super::kind::{Field, Kind};
use super::phrase::{distance, folded};
use super::value::{Check, Value};

/// Fields of readers whose values come again on other papers.
pub(super) const RECURRING: [&str; 4] = ["agency", "superior_agency", "place", "signer"];

/// Letters of a heading or value for each that may be misread and it still be known.
const LETTERS_PER_ERROR: usize = 8;
/// Most headings, values of a field and labels of a field that are kept: those of most papers, then the newest.
const MOST_HEADINGS: usize = 500;
const MOST_VALUES: usize = 500;
const MOST_LABELS: usize = 6;
/// Papers on which a value must have been said for readings somewhat like it to be taken for it, and on which people must
/// have emptied a field for its learnt labels to be dropped.
const OFTEN: u32 = 2;

/// Trust in a kind whose heading was said to be it on one paper, and on more.
const HEADED_ONCE: f32 = 0.85;
const HEADED_OFTEN: f32 = 0.96;
/// Trust that a value gains that was said before, on one paper and on more.
const SAID_ONCE: f32 = 0.3;
const SAID_OFTEN: f32 = 0.6;
/// The most trust in a value that is another than was read: below [`super::Band::Accept`].
const MOST_OF_CHANGED: f32 = 0.89;

/// What was taught, beyond the labels, which are their fields' own.
#[derive(Clone, Debug, Default)]
pub(super) struct Lessons {
    /// The kinds as their files say.
    pub(super) plain: Vec<Kind>,
    /// All that was learnt from, oldest first.
    pub(super) examples: Vec<Example>,
    /// By folded heading.
    headings: BTreeMap<String, Ballot<Option<String>>>,
    /// By field.
    values: BTreeMap<String, Known>,
}

/// What was said of the same thing: for each answer the papers, and the newest of them.
#[derive(Clone, Debug)]
struct Ballot<T>(Vec<(T, u32, usize)>);

impl<T> Default for Ballot<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Ballot<T> {
    fn add(&mut self, answer: T, papers: u32, newest: usize) {
        match self.0.iter_mut().find(|(known, ..)| *known == answer) {
            Some(known) => (known.1, known.2) = (known.1 + papers, known.2.max(newest)),
            None => self.0.push((answer, papers, newest)),
        }
    }

    /// The answer of most papers, of as many the newest, with its papers.
    fn winner(&self) -> Option<(&T, u32)> {
        let best = self.0.iter().max_by_key(|(_, papers, newest)| (*papers, *newest));
        best.map(|(answer, papers, _)| (answer, *papers))
    }

    /// How many papers there are, and the newest.
    fn weight(&self) -> (u32, usize) {
        let papers = self.0.iter().map(|(_, papers, _)| papers).sum();
        (papers, self.0.iter().map(|(_, _, newest)| *newest).max().unwrap_or(0))
    }
}

/// The values of a field: what people said where a text was read.
#[derive(Clone, Debug, Default)]
struct Known {
    /// By what was read, folded.
    readings: BTreeMap<String, Ballot<String>>,
    /// Those said on several papers, with the folded text and the papers.
    often: Vec<(String, String, u32)>,
}

/// What kind a heading was said to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict<'a> {
    /// The id; `None` where it is no kind that is known.
    pub(super) kind: Option<&'a str>,
    pub(super) confidence: f32,
}

impl Lessons {
    /// Learns from examples, oldest first, and gives the kinds with the labels that come of it.
    pub(super) fn learn(plain: Vec<Kind>, examples: Vec<Example>) -> (Vec<Kind>, Self) {
        let mut lessons = Self::default();
        for (number, example) in examples.iter().enumerate() {
            lessons.hear(example, number, &plain);
        }
        keep(&mut lessons.headings, MOST_HEADINGS, Ballot::weight);
        for known in lessons.values.values_mut() {
            keep(&mut known.readings, MOST_VALUES, Ballot::weight);
            known.often = often(&known.readings);
        }
        let kinds = plain.iter().map(|kind| labelled(kind, &examples)).collect();
        (kinds, Self { plain, examples, ..lessons })
    }

    fn hear(&mut self, example: &Example, number: usize, kinds: &[Kind]) {
        let is_known = |id: &String| kinds.iter().any(|kind| kind.id == *id);
        if let Some(heading) = example.heading.as_ref().filter(|_| example.kind.as_ref().is_none_or(is_known)) {
            self.headings.entry(folded(heading)).or_default().add(example.kind.clone(), 1, number);
        }
        for one in &example.recurring {
            let read = folded(one.read.as_ref().unwrap_or(&one.said));
            let known = self.values.entry(one.field.clone()).or_default();
            known.readings.entry(read).or_default().add(one.said.clone(), 1, number);
        }
    }

    /// What a paper with this heading was said to be. The whole heading must be alike: one that has more words is another.
    pub(super) fn kind_of(&self, heading: &str) -> Option<Verdict<'_>> {
        let letters = folded(heading);
        let (errors, ballot) = match self.headings.get(&letters) {
            Some(ballot) => (0, ballot),
            None => nearest(&letters, self.headings.iter().map(|(known, ballot)| (known.as_str(), ballot)))?,
        };
        let (kind, papers) = ballot.winner()?;
        let trust = if papers < OFTEN { HEADED_ONCE } else { HEADED_OFTEN };
        let agreed = papers as f32 / ballot.weight().0 as f32;
        let likeness = 1.0 - errors as f32 / letters.len().max(1) as f32;
        Some(Verdict { kind: kind.as_deref(), confidence: trust * agreed * likeness })
    }

    /// Holds values against those that people said on other papers.
    pub(super) fn settle(&self, values: &mut [Value]) {
        for value in values {
            if let Some(known) = self.values.get(&value.field) {
                known.settle(value);
            }
        }
    }
}

impl Known {
    fn settle(&self, value: &mut Value) {
        let (read, letters) = (folded(&value.text), folded(&value.value));
        // Of a text that holds more than the value, as the words of a label, the value counts.
        let ballot = self.readings.get(&read).or_else(|| self.readings.get(&letters));
        let is_same = |said: &str| said.to_lowercase() == value.value.to_lowercase();
        if let Some(ballot) = ballot {
            // Names that differ in marks alone may both be right: one that was said just so stands.
            let said_so = ballot.0.iter().find(|(said, ..)| is_same(said)).map(|(said, papers, _)| (said, *papers));
            let Some((said, papers)) = said_so.or_else(|| ballot.winner()) else { return };
            let is_read = folded(said) == letters;
            let gains = is_read && is_same(said);
            take(value, said, papers);
            if gains {
                value.confirm(if papers < OFTEN { SAID_ONCE } else { SAID_OFTEN });
            } else if !is_read || ballot.0.len() > 1 {
                value.trust(value.confidence.min(MOST_OF_CHANGED));
            }
        } else if let Some((_, (said, papers))) =
            nearest(&letters, self.often.iter().map(|(known, said, papers)| (known.as_str(), (said, *papers))))
        {
            take(value, said, papers);
            value.trust(value.confidence.min(MOST_OF_CHANGED));
        }
    }
}

/// Puts what was said before in the place of what was read.
fn take(value: &mut Value, said: &str, papers: u32) {
    said.clone_into(&mut value.value);
    value.taught = papers;
    if value.check == Check::Failed {
        value.check = Check::None;
        value.faults.clear();
    }
}

/// What is nearest to some letters, and in how many of them it differs; `None` where nothing is near, or several things are as near.
fn nearest<'a, T>(letters: &str, known: impl Iterator<Item = (&'a str, T)>) -> Option<(usize, T)> {
    let mut best: Option<(usize, T)> = None;
    let mut is_alone = true;
    for (other, what) in known {
        let forgiven = other.len().max(letters.len()) / LETTERS_PER_ERROR;
        if other.len().abs_diff(letters.len()) > forgiven {
            continue;
        }
        let errors = distance(other, letters);
        match &best {
            _ if errors > forgiven => {}
            Some((least, _)) if errors > *least => {}
            Some((least, _)) if errors == *least => is_alone = false,
            _ => (best, is_alone) = (Some((errors, what)), true),
        }
    }
    best.filter(|_| is_alone)
}

/// Keeps the entries of most weight.
fn keep<T>(all: &mut BTreeMap<String, T>, most: usize, weight: impl Fn(&T) -> (u32, usize)) {
    if all.len() > most {
        let mut weights: Vec<(u32, usize)> = all.values().map(&weight).collect();
        weights.sort_unstable_by_key(|weight| Reverse(*weight));
        let least = weights[most - 1];
        all.retain(|_, one| weight(one) >= least);
    }
}

/// The values that were said on several papers, whatever was read there.
fn often(readings: &BTreeMap<String, Ballot<String>>) -> Vec<(String, String, u32)> {
    let mut said: BTreeMap<String, Ballot<String>> = BTreeMap::new();
    for (text, papers, newest) in readings.values().flat_map(|ballot| &ballot.0) {
        said.entry(folded(text)).or_default().add(text.clone(), *papers, *newest);
    }
    let known = said.into_iter().filter(|(_, ballot)| ballot.weight().0 >= OFTEN);
    known.filter_map(|(letters, ballot)| Some((letters, ballot.winner()?.0.clone(), ballot.weight().0))).collect()
}

/// A label that was learnt.
#[derive(Debug)]
struct Label<'a> {
    text: &'a str,
    letters: String,
    /// The fields that it was said to be of.
    fields: Ballot<&'a str>,
}

/// A kind with the labels that examples have for its fields.
fn labelled(kind: &Kind, examples: &[Example]) -> Kind {
    let mut labels: Vec<Label<'_>> = Vec::new();
    let mut absent: BTreeMap<&str, u32> = BTreeMap::new();
    let own = examples.iter().enumerate().filter(|(_, example)| example.kind.as_ref() == Some(&kind.id));
    for (number, example) in own {
        for one in &example.labels {
            let letters = folded(&one.text);
            if is_taken(kind, &one.field, &letters) {
                continue;
            }
            match labels.iter_mut().find(|label| is_same(&label.letters, &letters)) {
                Some(label) => label.fields.add(&one.field, 1, number),
                None => {
                    let mut fields = Ballot::default();
                    fields.add(one.field.as_str(), 1, number);
                    labels.push(Label { text: &one.text, letters, fields });
                }
            }
        }
        example.absent.iter().for_each(|field| *absent.entry(field).or_default() += 1);
    }
    labels.sort_by_key(|label| Reverse(label.fields.weight()));
    let mut kind = kind.clone();
    for field in &mut kind.fields {
        let of_field = |label: &&Label<'_>| label.fields.winner().is_some_and(|(name, _)| *name == field.name);
        let learnt: Vec<(String, u32)> = labels
            .iter()
            .filter(of_field)
            .take(MOST_LABELS)
            .map(|label| (label.text.to_owned(), label.fields.weight().0))
            .collect();
        let papers: u32 = learnt.iter().map(|(_, papers)| papers).sum();
        let emptied = absent.get(field.name.as_str()).copied().unwrap_or(0);
        if emptied < OFTEN || emptied <= papers {
            field.labels.extend(learnt.iter().map(|(text, _)| text.clone()));
            field.learnt = learnt;
        }
    }
    kind
}

/// Whether folded labels are the same but for a misread letter: those of two parents differ in no more than three.
fn is_same(one: &str, other: &str) -> bool {
    one.len().abs_diff(other.len()) <= 1 && distance(one, other) <= 1
}

/// Whether some letters are no new label of a field: they are one already, or something else.
pub(super) fn is_taken(kind: &Kind, field: &str, letters: &str) -> bool {
    let is_like = |text: &String| is_same(&folded(text), letters);
    let is_known = |of: &Field| of.labels.iter().any(is_like);
    // A label of the field and what follows it: it is found as it is, and not for this that the value is wrong.
    let begins = |text: &String| text.chars().count() >= LEAST && letters.starts_with(&folded(text));
    let is_longer = |of: &Field| of.name == field && of.labels.iter().any(begins);
    !kind.fields.iter().any(|of| of.name == field)
        || kind.stops.iter().any(is_like)
        || kind.fields.iter().any(|of| is_known(of) || is_longer(of))
}

#[cfg(test)]
mod tests {
    use super::super::example::Recurring;
    use super::super::typeset::page_of;
    use super::super::{Band, Kinds, Sheet, read};
    use super::*;

    fn headed(kind: Option<&str>, heading: &str) -> Example {
        Example { kind: kind.map(str::to_owned), heading: Some(heading.to_owned()), ..Example::default() }
    }

    fn placed(read: &str, said: &str) -> Example {
        let read = (folded(read) != folded(said)).then(|| read.to_owned());
        let recurring = vec![Recurring { field: "place".to_owned(), read, said: said.to_owned() }];
        Example { recurring, ..Example::default() }
    }

    fn kind_of(examples: &[Example], heading: &str) -> Option<String> {
        let page = page_of(&format!("                    {heading}\n\nĐây là văn bản"));
        read(&[Sheet::of(&page)], &Kinds::shipped().taught(examples)).kind.map(|kind| kind.id)
    }

    #[test]
    fn a_heading_is_what_most_or_the_newest_said() {
        let (report, notice) = (headed(Some("bao-cao"), "BẢN TIN THÔN"), headed(Some("thong-bao"), "BẢN TIN THÔN"));
        assert_eq!(kind_of(std::slice::from_ref(&report), "BẢN TIN THÔN").as_deref(), Some("bao-cao"));
        assert_eq!(kind_of(std::slice::from_ref(&report), "BẢN TlN THÔN").as_deref(), Some("bao-cao"));
        assert_eq!(kind_of(&[report.clone(), notice.clone()], "BẢN TIN THÔN").as_deref(), Some("thong-bao"));
        assert_eq!(kind_of(&[report.clone(), report.clone(), notice], "BẢN TIN THÔN").as_deref(), Some("bao-cao"));
        assert_eq!(kind_of(&[headed(Some("gone"), "BẢN TIN THÔN")], "BẢN TIN THÔN"), None);
        // A longer heading is another one's, and a shipped kind keeps its own.
        assert_eq!(kind_of(&[headed(Some("bao-cao"), "GIẤY XÁC NHẬN")], "GIẤY XÁC NHẬN").as_deref(), Some("bao-cao"));
        let whole = "GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN";
        assert_eq!(kind_of(&[headed(Some("bao-cao"), "GIẤY XÁC NHẬN")], whole).as_deref(), Some("xac-nhan-hon-nhan"));
        assert_eq!(kind_of(&[headed(None, whole)], whole), None);
    }

    fn place_of(examples: &[Example], place: &str) -> (String, Band, u32) {
        let page = page_of(&format!("                    {place}, ngày 3 tháng 8 năm 2024"));
        let document = read(&[Sheet::of(&page)], &Kinds::shipped().taught(examples));
        let value = document.get("place").unwrap();
        (value.value.clone(), value.band, value.taught)
    }

    #[test]
    fn what_was_read_before_is_what_was_said_then() {
        let once = [placed("Hòa Đuc Thuong", "Hòa Đức Thượng")];
        assert_eq!(place_of(&once, "Hoa Đúc Thuợng"), ("Hòa Đức Thượng".to_owned(), Band::Accept, 1));
        // Somewhat like it is enough only for what was said on two papers.
        assert_eq!(place_of(&once, "Hoa Đúc Thuọmg").0, "Hoa Đúc Thuọmg");
        let twice = [once[0].clone(), placed("Hòa Đức Thượng", "Hòa Đức Thượng")];
        assert_eq!(place_of(&twice, "Hoa Đúc Thuọmg"), ("Hòa Đức Thượng".to_owned(), Band::Glance, 2));
        // The same misreading again, in more letters than are forgiven.
        let misread = [placed("Hoo Duo Thuono", "Hòa Đức Thượng")];
        assert_eq!(place_of(&misread, "Hoo Duo Thuono"), ("Hòa Đức Thượng".to_owned(), Band::Glance, 1));
        assert_eq!(place_of(&[], "Hoo Duo Thuono").2, 0);
    }

    #[test]
    fn names_that_differ_in_marks_stand_beside_each_other() {
        let both = [placed("Tân Hùng", "Tân Hùng"), placed("Tân Hưng", "Tân Hưng"), placed("Tân Hưng", "Tân Hưng")];
        assert_eq!(place_of(&both, "Tân Hùng").0, "Tân Hùng");
        assert_eq!(place_of(&both, "Tân Hưng").0, "Tân Hưng");
        assert_eq!(place_of(&both, "Tân Hung"), ("Tân Hưng".to_owned(), Band::Glance, 2));
    }

    #[test]
    fn many_examples_are_bounded() {
        let word =
            |n: usize| -> String { n.to_string().bytes().map(|digit| char::from(b'A' + digit - b'0')).collect() };
        let examples: Vec<Example> = (0..3000)
            .flat_map(|n| [headed(Some("bao-cao"), &format!("BẢN TIN {}", word(n))), placed(&word(n), &word(n))])
            .collect();
        let (_, lessons) = Lessons::learn(Kinds::shipped().all().to_vec(), examples);
        assert_eq!((lessons.headings.len(), lessons.values["place"].readings.len()), (MOST_HEADINGS, MOST_VALUES));
        assert!(lessons.kind_of(&format!("BẢN TIN {}", word(2999))).is_some());
    }
}
