//! What people say of papers teaches how the next ones are read: a correction becomes an [`Example`], of which kinds learn
//! headings, labels and values that come again ([`Kinds::taught`]).
//!
//! An example holds what is printed on all papers of its sort and nothing of the person whom the paper is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sheet;
use super::kind::Kinds;

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
    kind: Option<String>,
    /// The paper's heading, where its kind was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    heading: Option<String>,
    /// What stands before values where a label does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Labelled>,
    /// Fields for which a value was proposed and that are not on the paper.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent: Vec<String>,
    /// Values that come again on other papers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recurring: Vec<Recurring>,
}

/// The words before a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Labelled {
    field: String,
    text: String,
}

/// What was read where a value stands, and what a person said that it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Recurring {
    field: String,
    /// `None` where nothing was read, or the same but for marks and case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    said: String,
}

impl Example {
    /// What is learnt of a paper. `kinds` are those by which it was read, with all that they have been taught: it counts against
    /// a label if people empty what it led to.
    pub fn of(sheets: &[Sheet<'_>], kinds: &Kinds, said: &Said) -> Self {
        _ = (sheets, kinds, said);
        Self::default()
    }
}

impl Kinds {
    /// These kinds with what examples teach, oldest first, further to those of before. Of examples that contradict each other
    /// the majority counts, of as many on either side the newest. [`Kinds::source`] stays that of the files.
    #[must_use]
    pub fn taught(&self, examples: &[Example]) -> Self {
        _ = examples;
        self.clone()
    }
}

impl super::Document {
    /// Lays what a person said over what was read: said values are as sure as can be, even where they do not have their form,
    /// which stays marked; those that are said not to be on the paper go, others come. What was not said stays as it is.
    pub fn correct(&mut self, said: &Said, kinds: &Kinds) {
        _ = (said, kinds);
    }
}
