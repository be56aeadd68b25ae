//! Codes of digitised results (*mã kết quả số hóa*, the third step of TT 01/2023/TT-VPCP Điều 7): how one is written, and who
//! may be the owner in it. `metadata.rs` has what is known of a paper with a code.
//!
//! How the parts stand together is a setting, as the circular's own figure of it was not at hand.

mod metadata;

use std::str::FromStr;

use crate::model::{Lang, Localized};

pub use metadata::{Metadata, PaperData};

/// How codes are written where nothing else is said.
pub const USUAL: &str = "{owner}.{type}.{number}";

/// Most characters of the code of an organisation (QĐ 20/2020/QĐ-TTg).
const LONGEST_OWNER: usize = 35;
/// Digits of a person's identification number (NĐ 137/2015/NĐ-CP Điều 13), and of the number of an enterprise. The 9 digits of an
/// old identity card are no identification number.
const NUMBER_DIGITS: [usize; 2] = [12, 10];
/// Most digits that a running number is filled up to.
const MOST_DIGITS: usize = 9;

/// How a code is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Owner,
    Type,
    /// Filled up to so many digits.
    Number(usize),
}

/// How codes are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How a code is written.
    pub pattern: Pattern,
    /// Type of the papers that have none of their own; without one these get no code.
    pub other_type: Option<String>,
}

/// A code that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitalCode {
    /// As it is written. It may hold a person's identification number.
    pub text: String,
    /// The owner in it; `None` where none was known.
    pub owner: Option<String>,
    /// The type of paper in it.
    pub type_code: String,
}

/// The text is no pattern of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a pattern of codes; it has {{owner}}, {{type}} and {{number}} once each, such as {USUAL}")]
pub struct NotAPattern;

impl Localized for NotAPattern {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => {
                format!("mẫu mã không đúng; mẫu có {{owner}}, {{type}} và {{number}}, mỗi thứ một lần, ví dụ {USUAL}")
            }
            Lang::En => self.to_string(),
        }
    }
}

impl Default for Pattern {
    fn default() -> Self {
        USUAL.parse().expect("a tested pattern")
    }
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let mut parts = Vec::new();
        let mut rest = text;
        let literal = |text: &str| match text.contains(['{', '}']) || text.chars().any(char::is_whitespace) {
            true => Err(NotAPattern),
            false => Ok((!text.is_empty()).then(|| Part::Text(text.to_owned()))),
        };
        while let Some((before, after)) = rest.split_once('{') {
            parts.extend(literal(before)?);
            let (word, after) = after.split_once('}').ok_or(NotAPattern)?;
            parts.push(match word.split_once(':').unwrap_or((word, "0")) {
                ("owner", "0") => Part::Owner,
                ("type", "0") => Part::Type,
                ("number", digits) => {
                    let digits = digits.parse().ok().filter(|digits| *digits <= MOST_DIGITS);
                    Part::Number(digits.ok_or(NotAPattern)?)
                }
                _ => return Err(NotAPattern),
            });
            rest = after;
        }
        parts.extend(literal(rest)?);
        let count = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count();
        let has_all = count(|part| *part == Part::Owner) == 1
            && count(|part| *part == Part::Type) == 1
            && count(|part| matches!(part, Part::Number(_))) == 1;
        if has_all { Ok(Self(parts)) } else { Err(NotAPattern) }
    }
}

impl Pattern {
    /// The code of these parts. An owner who is not known is empty (TT 01/2023/TT-VPCP Điều 10).
    pub fn write(&self, owner: &str, type_code: &str, number: u64) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Owner => owner.to_owned(),
            Part::Type => type_code.to_owned(),
            Part::Number(digits) => format!("{number:0digits$}"),
        };
        self.0.iter().map(part).collect()
    }
}

/// An owner as codes have it: the identification number of a person, or the code of an organisation; `None` where the text is
/// neither.
pub fn owner(text: &str) -> Option<String> {
    let text = text.trim();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_group =
        |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let fits = match is_number {
        true => NUMBER_DIGITS.contains(&text.len()),
        false => text.len() <= LONGEST_OWNER && text.split('.').all(is_group),
    };
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_by_their_pattern() {
        let code = |pattern: &str, owner| pattern.parse::<Pattern>().unwrap().write(owner, "KQ.G15.000031", 7);
        assert_eq!(code(USUAL, "052090000123"), "052090000123.KQ.G15.000031.7");
        assert_eq!(code(USUAL, ""), ".KQ.G15.000031.7", "an owner who is not known is empty");
        assert_eq!(code("{type}/{owner}-{number:4}", "H55.242"), "KQ.G15.000031/H55.242-0007");
        assert_eq!(Pattern::default(), USUAL.parse().unwrap());
    }

    #[test]
    fn a_pattern_tells_codes_apart() {
        for wrong in [
            "",
            "{owner}.{type}",
            "{owner}.{number}",
            "{type}.{number}",
            "{owner}{owner}{type}{number}",
            "{owner}.{type}.{number}.{number}",
            "{owner:2}.{type}.{number}",
            "{owner}.{type}.{number:10}",
            "{owner}.{type}.{number:x}",
            "{owner} {type} {number}",
            "{owner}.{type}.{number}.{x}",
            "{owner}.{type}.{number",
            "owner}.{type}.{number}",
        ] {
            assert_eq!(wrong.parse::<Pattern>(), Err(NotAPattern), "{wrong}");
        }
    }

    #[test]
    fn an_owner_is_a_person_or_an_organisation() {
        for right in ["052090000123", "H55.242", "H21.15.25", "G09", "0101234567"] {
            assert_eq!(owner(&format!(" {right} ")).as_deref(), Some(right));
        }
        for wrong in ["", "212345678", "05209000012", "0520900001234", "h55", "H55..1", "Nguyễn Văn An", "H55-1"] {
            assert_eq!(owner(wrong), None, "{wrong}");
        }
    }
}
