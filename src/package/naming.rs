//! Names of the files in a package, made by a pattern.
//!
//! `{field}` stands for a value, `{field:6}` for a number of so many digits, and what is between `[` and `]` falls away
//! where a value in it is not known. Names have letters without marks, digits, `.`, `_` and `-`: they must last on
//! every system.

use std::str::FromStr;

use crate::model::{Lang, Localized, unmarked};

/// Patterns that have a name.
///
/// The first two are the dossier's code and the document's number in it, which TT 02/2019/TT-BNV and TT 05/2025/TT-BNV
/// ask for; the third has the identifier of CV 7197/BKHCN-CĐSQG (agency, kind, number, version), the day of
/// digitisation and a remark.
const KNOWN: [(&str, &str); 3] = [
    ("tt05-2025", "{dossier}.{number:3}"),
    ("tt02-2019", "{dossier}.{number:3}"),
    ("cv7197", "{agency_code}_{kind}_{number:6}_V{version}_{date}[_{note}]"),
];

/// Fields of these patterns that are none of the description: kind of document as it is abbreviated, and a remark.
const OWN: [&str; 2] = ["kind", "note"];

/// Most digits of a number.
const MOST_DIGITS: usize = 9;

/// A pattern of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field { name: String, digits: usize },
    Optional(Vec<Part>),
}

/// The text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a pattern of file names; it is tt05-2025, tt02-2019, cv7197, or text with fields in braces, such as \
     {{dossier}}.{{number:3}}[_{{note}}]"
)]
pub struct NotAPattern;

impl Localized for NotAPattern {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => "mẫu tên tệp không đúng; hãy dùng tt05-2025, tt02-2019, cv7197, hoặc chữ có các trường trong \
                         ngoặc nhọn, ví dụ {dossier}.{number:3}[_{note}]"
                .to_owned(),
            Lang::En => self.to_string(),
        }
    }
}

impl FromStr for Pattern {
    type Err = NotAPattern;

    fn from_str(text: &str) -> Result<Self, NotAPattern> {
        let text = KNOWN.iter().find(|(name, _)| *name == text).map_or(text, |(_, pattern)| pattern);
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('[') {
            let (optional, after) = rest[at + 1..].split_once(']').ok_or(NotAPattern)?;
            parts.extend(plain(&rest[..at])?);
            parts.push(Part::Optional(plain(optional)?));
            rest = after;
        }
        parts.extend(plain(rest)?);
        let has_field = parts.iter().any(|part| matches!(part, Part::Field { .. }));
        if has_field { Ok(Self(parts)) } else { Err(NotAPattern) }
    }
}

/// The parts of a pattern without optional ones.
fn plain(text: &str) -> Result<Vec<Part>, NotAPattern> {
    let mut parts = Vec::new();
    let mut rest = text;
    let literal = |text: &str| match text.contains(['{', '}', '[', ']', '/', '\\']) {
        true => Err(NotAPattern),
        false => Ok((!text.is_empty()).then(|| Part::Text(text.to_owned()))),
    };
    while let Some((before, after)) = rest.split_once('{') {
        parts.extend(literal(before)?);
        let (field, after) = after.split_once('}').ok_or(NotAPattern)?;
        let (name, digits) = match field.split_once(':') {
            None => (field, 0),
            Some((name, digits)) => (name, digits.parse().map_err(|_| NotAPattern)?),
        };
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name || digits > MOST_DIGITS {
            return Err(NotAPattern);
        }
        parts.push(Part::Field { name: name.to_owned(), digits });
        rest = after;
    }
    parts.extend(literal(rest)?);
    Ok(parts)
}

impl Pattern {
    /// The names of the fields in it.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        fn inner(part: &Part) -> &[Part] {
            match part {
                Part::Optional(parts) => parts,
                part => std::slice::from_ref(part),
            }
        }
        self.0.iter().flat_map(inner).filter_map(|part| match part {
            Part::Field { name, .. } => Some(name.as_str()),
            Part::Text(_) | Part::Optional(_) => None,
        })
    }

    /// Whether documents may have this field for their names alone.
    pub(super) fn has_own(&self, field: &str) -> bool {
        OWN.contains(&field) || self.fields().any(|name| name == field)
    }

    /// The name, without extension, that the pattern gives for these values; `Err` is the field whose value is not
    /// known.
    ///
    /// # Errors
    /// When a field that is not optional has no value.
    pub fn name(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        let mut name = String::new();
        for part in &self.0 {
            match part {
                Part::Optional(parts) => {
                    let texts: Result<Vec<String>, &str> = parts.iter().map(|part| part.text(&value)).collect();
                    name.extend(texts.unwrap_or_default());
                }
                part => name.push_str(&part.text(&value)?),
            }
        }
        Ok(portable(&name))
    }
}

impl Part {
    fn text(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Field { name, digits } => {
                let value = value(name).filter(|value| !value.is_empty()).ok_or(name.as_str())?;
                Ok(format!("{value:0>digits$}"))
            }
            Self::Optional(_) => Ok(String::new()),
        }
    }
}

/// Text as names have it: `Quyết định số 1` becomes `Quyet-dinh-so-1`.
fn portable(text: &str) -> String {
    let name = unmarked(text).map(|c| match c {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
        _ => '-',
    });
    // A name that begins with a full stop is hidden, one that begins with a dash is an option.
    name.collect::<String>().trim_matches(['.', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> Option<String> {
        let values = [("dossier", "G09.2021.01.001"), ("number", "7"), ("kind", "QĐ"), ("version", "1")];
        let more = [("agency_code", "G09.01"), ("date", "20250102"), ("title", "Giấy khai sinh / bản chính")];
        values.iter().chain(&more).find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn known_patterns_give_the_names_that_are_asked_for() {
        let named = |pattern: &str| pattern.parse::<Pattern>().unwrap().name(value).unwrap();
        assert_eq!(named("tt05-2025"), "G09.2021.01.001.007");
        assert_eq!(named("tt02-2019"), "G09.2021.01.001.007");
        assert_eq!(named("cv7197"), "G09.01_QD_000007_V1_20250102");
        assert_eq!(named("{number}[_{kind}][_{note}] {title}"), "7_QD-Giay-khai-sinh---ban-chinh");
    }

    #[test]
    fn a_value_that_is_not_known_is_named() {
        let pattern: Pattern = "{dossier}_{serial}".parse().unwrap();
        assert_eq!(pattern.name(value), Err("serial"));
        assert_eq!(pattern.fields().collect::<Vec<_>>(), ["dossier", "serial"]);
        let optional: Pattern = "{number}[{note}]".parse().unwrap();
        assert_eq!(optional.fields().collect::<Vec<_>>(), ["number", "note"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "a", "{", "{}", "{a", "a}", "{a:b}", "{a:99}", "{a}[{b}", "{a}]", "{a}/{b}", "{a b}", "[{a}]"]
        {
            assert_eq!(text.parse::<Pattern>(), Err(NotAPattern), "{text}");
        }
    }
}
