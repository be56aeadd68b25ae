//! Kinds of papers as data: a TOML file says by which phrases a kind is known, which values it carries and how they are
//! found, and brings texts to test that with. Shipped files are in the program; more come from a folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex_lite::Regex;
use serde::Deserialize;

use crate::model::{Lang, Localized};

use super::grammar::Grammar;
use super::lessons::Lessons;

/// Files of `assets/kinds` with their texts.
macro_rules! shipped {
    ($($file:literal)*) => { &[$(($file, include_str!(concat!("../../assets/kinds/", $file)))),*] };
}

/// The kinds that come with the program, with the names of their files.
const SHIPPED: &[(&str, &str)] = shipped! {
    "ban-sao-can-cuoc.toml" "bao-cao.toml" "bia-ho-so.toml" "bien-ban.toml" "bien-lai.toml" "can-cuoc.toml"
    "chung-nhan-ket-hon.toml" "cong-van.toml" "danh-sach.toml" "don-bien-dong-dat.toml" "don-de-nghi.toml"
    "giay-chung-sinh.toml" "giay-khai-sinh.toml" "giay-moi.toml" "giay-uy-quyen.toml" "giay-xac-nhan.toml"
    "hop-dong.toml" "phieu-tiep-nhan.toml" "quy-dinh.toml" "quyen-su-dung-dat.toml" "quyet-dinh.toml" "the-bhyt.toml"
    "thong-bao.toml" "to-khai.toml" "to-trinh.toml" "trich-luc.toml" "xac-nhan-hon-nhan.toml"
};

/// What must come together, where a kind's file does not say it, for the kind to be sure.
const USUAL_SURE: f32 = 6.0;

/// A kind of paper.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What programs call it: lower-case ASCII letters, digits and hyphens.
    pub id: String,
    /// What people call it, in Vietnamese.
    pub name: String,
    /// The same in English.
    pub name_en: String,
    /// Code of the type of document (TT 05/2025/TT-BNV), where there is one.
    #[serde(default)]
    pub type_code: Option<String>,
    /// Code of the type of result (*mã loại giấy tờ kết quả*), where the paper is one.
    #[serde(default)]
    pub result_code: Option<String>,
    /// First parts of the symbols that such papers have: `QĐ`.
    #[serde(default)]
    pub symbols: Vec<String>,
    /// Weight of the phrases that must come together for the kind to be sure.
    #[serde(default = "usual_sure")]
    pub sure: f32,
    /// By what it is known.
    pub anchors: Vec<Anchor>,
    /// What is read of it beyond its own fields.
    #[serde(default)]
    pub readers: Vec<Reader>,
    /// Its own fields.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Phrases that end a value and carry none.
    #[serde(default)]
    pub stops: Vec<String>,
    /// Texts of such papers, and what must be found in them.
    #[serde(default)]
    pub tests: Vec<Test>,
}

fn usual_sure() -> f32 {
    USUAL_SURE
}

/// Something by which a kind is known: a phrase or a code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The phrase.
    #[serde(default)]
    pub phrase: Option<String>,
    /// The code.
    #[serde(default)]
    pub code: Option<CodeKind>,
    /// How much it speaks for the kind, or, below zero, against it.
    pub weight: f32,
    /// Whether the phrase counts as a heading only: in capitals, at the beginning of a line.
    #[serde(default)]
    pub heading: bool,
}

/// What a code on a paper may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// The QR code of an identity card.
    IdentityCard,
    /// The machine-readable zone on the back of an identity card.
    Mrz,
    /// The QR code of a health-insurance card.
    InsuranceCard,
    /// The code of a dossier.
    Dossier,
}

/// Readers of what many kinds have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// Number and symbol (*số, ký hiệu*) below the agency's name.
    Number,
    /// Place and date (*địa danh, thời gian*).
    PlaceDate,
    /// The agency that issues, and the one above it, top left.
    Agency,
    /// The abstract (*trích yếu*).
    Abstract,
    /// Who signs, and as what.
    Signer,
    /// Codes of dossiers, procedures and results, wherever they stand.
    Codes,
    /// An identity card's QR code and machine-readable zone, compared with what is printed.
    IdentityCard,
    /// A health-insurance card's QR code.
    InsuranceCard,
}

/// A value that a kind carries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What programs call it: `birth_date`.
    pub name: String,
    /// What people call it, in Vietnamese.
    pub title: String,
    /// The same in English.
    pub title_en: String,
    /// What is printed before it.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Regular expressions, the first group is the value; matched row by row, for values without a label.
    #[serde(default)]
    pub patterns: Vec<Pattern>,
    /// Its form.
    #[serde(default)]
    pub grammar: Grammar,
    /// The field behind whose label it stands, where several have the same label.
    #[serde(default)]
    pub after: Option<String>,
    /// Most rows that it goes over.
    #[serde(default = "one")]
    pub rows: usize,
    /// Whether papers repeat each other's values: an office, a clinic, a procedure, never what belongs to a person.
    #[serde(default)]
    pub recurs: bool,
    /// Those of its labels that it learnt, and of how many papers.
    #[serde(skip)]
    pub(super) learnt: Vec<(String, u32)>,
}

fn one() -> usize {
    1
}

impl Field {
    /// On how many papers a label was learnt; 0 of those of the kind's file.
    pub(super) fn learnt_on(&self, label: &str) -> u32 {
        self.learnt.iter().find(|(text, _)| text == label).map_or(0, |(_, papers)| *papers)
    }
}

/// A regular expression in a kind's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(pub(super) Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let regex = Regex::new(&text).map_err(|error| error.to_string())?;
        if regex.captures_len() < 2 { Err("a pattern needs a group for the value".to_owned()) } else { Ok(Self(regex)) }
    }
}

/// A text with what must be found in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The text, a printed line a line; an empty line parts blocks, spaces shift a line to the right.
    pub text: String,
    /// Payloads of the QR codes on it.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Fields with their normalised values; an empty one is not to be found.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
}

/// All kinds that are known.
#[derive(Clone, Debug)]
pub struct Kinds {
    pub(super) kinds: Vec<Kind>,
    /// What they were read from, for whom it matters whether they are the same.
    pub(super) source: String,
    /// What they were taught beyond that.
    pub(super) lessons: Option<Arc<Lessons>>,
}

/// Why a kind's file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct KindError {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub problem: String,
}

impl Localized for KindError {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => format!("tệp loại giấy tờ {} sai: {}", self.file, self.problem),
            Lang::En => format!("the kind of paper in {} is wrong: {}", self.file, self.problem),
        }
    }
}

impl Kinds {
    /// The kinds that come with the program.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn shipped() -> Self {
        Self::with(&[]).expect("the shipped kinds are tested")
    }

    /// The shipped kinds and those of more files, by name and text; one with the id of another takes its place.
    ///
    /// # Errors
    /// Names the first file that is wrong.
    pub fn with(files: &[(String, String)]) -> Result<Self, KindError> {
        let mut all = Self { kinds: Vec::new(), source: String::new(), lessons: None };
        let shipped = SHIPPED.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        for (file, text) in shipped.chain(files.iter().cloned()) {
            let kind = parse(&text).map_err(|problem| KindError { file, problem })?;
            all.source.push_str(&text);
            match all.kinds.iter_mut().find(|known| known.id == kind.id) {
                Some(known) => *known = kind,
                None => all.kinds.push(kind),
            }
        }
        Ok(all)
    }

    /// The kinds, shipped ones first.
    pub fn all(&self) -> &[Kind] {
        &self.kinds
    }

    /// The kind with this id.
    pub fn get(&self, id: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.id == id)
    }

    /// The texts of their files: what is found with other texts may differ.
    pub fn source(&self) -> &str {
        &self.source
    }
}

fn parse(text: &str) -> Result<Kind, String> {
    let kind: Kind = toml::from_str(text).map_err(|error| error.to_string().trim_end().replace('\n', " "))?;
    let is_plain = |name: &str, others: &[u8]| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || others.contains(&b))
    };
    if !is_plain(&kind.id, b"-") {
        return Err("id: a-z 0-9 -".to_owned());
    }
    if kind.anchors.iter().any(|anchor| anchor.phrase.is_some() == anchor.code.is_some()) {
        return Err("anchors: phrase / code".to_owned());
    }
    if kind.anchors.is_empty() || kind.sure <= 0.0 {
        return Err("anchors, sure > 0".to_owned());
    }
    for field in &kind.fields {
        let is_known = |name: &String| kind.fields.iter().any(|other| other.name == *name);
        if !is_plain(&field.name, b"_") || field.after.as_ref().is_some_and(|after| !is_known(after)) {
            return Err(format!("fields: {}", field.name));
        }
        // What people are called and what numbers they have is not kept.
        if field.recurs && field.grammar != Grammar::Text {
            return Err(format!("fields: {}: recurs, grammar = \"text\"", field.name));
        }
    }
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/kinds");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        files.sort();
        assert_eq!(files, SHIPPED.iter().map(|(file, _)| *file).collect::<Vec<_>>());
        assert!(Kinds::shipped().all().iter().all(|kind| !kind.tests.is_empty()));
    }

    #[test]
    fn files_that_are_wrong_are_named() {
        let with = |text: &str| Kinds::with(&[("a.toml".to_owned(), text.to_owned())]).unwrap_err();
        for (text, named) in [
            ("x", "a.toml"),
            ("id = 'A b'\nname = 'a'\nname_en = 'a'\nanchors = []", "id"),
            ("id = 'a'\nname = 'a'\nname_en = 'a'\nanchors = []", "anchors"),
            ("id = 'a'\nname = 'a'\nname_en = 'a'\nanchors = [{ weight = 1 }]", "phrase"),
            ("id = 'a'\nname = 'a'\nname_en = 'a'\nsort = 1\nanchors = []", "sort"),
            (
                "id = 'a'\nname = 'a'\nname_en = 'a'\nanchors = [{ phrase = 'a', weight = 1 }]\n\
                 fields = [{ name = 'who', title = 'a', title_en = 'a', grammar = 'name', recurs = true }]",
                "recurs",
            ),
        ] {
            assert!(with(text).to_string().contains(named), "{text}: {}", with(text));
        }
    }

    #[test]
    fn a_file_takes_the_place_of_the_kind_with_its_id() {
        let known = Kinds::shipped();
        let id = &known.all()[0].id;
        let text = format!("id = '{id}'\nname = 'Khác'\nname_en = 'Other'\nanchors = [{{ phrase = 'a', weight = 1 }}]");
        let changed = Kinds::with(&[("a.toml".to_owned(), text)]).unwrap();
        assert_eq!((changed.all().len(), changed.all()[0].name.as_str()), (known.all().len(), "Khác"));
        assert_ne!(changed.source(), known.source());
    }
}
