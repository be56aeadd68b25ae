//! The two languages sohoa speaks to people. Code, logs and `Display` of errors are English.

use serde::{Deserialize, Serialize};

/// Language of messages for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Vietnamese, the default: the staff of a commune centre read it.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// The text in this language.
    pub fn pick<'a>(self, vietnamese: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Vi => vietnamese,
            Self::En => english,
        }
    }
}

/// Something a person may be told, with what to do about it, in either language.
pub trait Localized {
    /// One sentence or two: what is wrong and the cure. No final full stop, no file name (the caller names it).
    fn message(&self, lang: Lang) -> String;
}
