//! What people say of dossiers and documents: a TOML or CSV file beside them.
//!
//! Both say the same: values of fields, for one dossier or every dossier, and in it for the dossier itself, for every
//! document or for one. The most particular value counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Value;

use super::fields::{self, DOCUMENT, DOSSIER, Form};
use super::naming::Pattern;
use crate::model::{Lang, Localized};

/// The column of a dossier's code in a CSV file.
const DOSSIER_COLUMN: &str = "dossier";
/// The column of a document: empty in the row of the dossier itself, [`EVERY`] for every document.
const COMPONENT_COLUMN: &str = "component";
/// Every document, in a CSV file.
const EVERY: &str = "*";

/// Why a file of metadata cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// It does not follow its syntax.
    #[error("the metadata are not well-formed: {0}")]
    Syntax(String),
    /// A field that there is not.
    #[error("there is no field `{0}`; docs/packages.md has them")]
    Field(String),
    /// A value that the field cannot have.
    #[error("the value `{value}` of `{field}` must be {allowed}")]
    Value {
        /// The field.
        field: String,
        /// What stands there.
        value: String,
        /// What may.
        allowed: String,
    },
    /// A row of a CSV file has too many cells; its number from 1.
    #[error("line {0} has more cells than the first")]
    Row(usize),
}

impl Localized for MetadataError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Syntax(error), Lang::Vi) => format!("dữ liệu đặc tả sai cú pháp: {error}"),
            (Self::Field(field), Lang::Vi) => format!("không có trường `{field}`; xem docs/packages.md"),
            (Self::Value { field, value, allowed }, Lang::Vi) => {
                format!("giá trị `{value}` của trường `{field}` phải là {allowed}")
            }
            (Self::Row(line), Lang::Vi) => format!("dòng {line} có nhiều ô hơn dòng đầu"),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// What a value is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Dossier,
    EveryDocument,
    Document(String),
}

/// Values by dossier (`None` = every one) and subject.
#[derive(Clone, Debug, Default)]
pub struct Metadata(BTreeMap<(Option<String>, Subject), BTreeMap<String, String>>);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawMetadata {
    dossier: BTreeMap<String, Value>,
    document: BTreeMap<String, Value>,
    documents: BTreeMap<String, BTreeMap<String, Value>>,
    /// The same of single dossiers, by code.
    dossiers: BTreeMap<String, RawMetadata>,
}

impl Metadata {
    /// Reads a TOML file. `pattern` names further fields that documents may have.
    ///
    /// # Errors
    /// When it is no TOML, or names a field or value that there is not.
    pub fn from_toml(text: &str, pattern: &Pattern) -> Result<Self, MetadataError> {
        let mut raw: RawMetadata = toml::from_str(text).map_err(|error| MetadataError::Syntax(error.to_string()))?;
        let each = std::mem::take(&mut raw.dossiers);
        let mut metadata = Self::default();
        for (code, raw) in [(None, raw)].into_iter().chain(each.into_iter().map(|(code, raw)| (Some(code), raw))) {
            if let Some(nested) = raw.dossiers.keys().next() {
                return Err(MetadataError::Field(nested.clone()));
            }
            let whole = [(Subject::Dossier, raw.dossier), (Subject::EveryDocument, raw.document)];
            let single = raw.documents.into_iter().map(|(name, values)| (Subject::Document(name), values));
            for (subject, values) in whole.into_iter().chain(single) {
                for (field, value) in values {
                    let text = plain(&value).ok_or_else(|| wrong(&field, &value.to_string(), Form::Text))?;
                    metadata.add(code.clone(), subject.clone(), &field, &text, pattern)?;
                }
            }
        }
        Ok(metadata)
    }

    /// Reads a CSV file: the first row names the columns `dossier`, `component` and fields; commas, semicolons or tabs.
    ///
    /// # Errors
    /// When it is no CSV, or names a field or value that there is not.
    pub fn from_csv(text: &str, pattern: &Pattern) -> Result<Self, MetadataError> {
        let rows = rows(text)?;
        let Some((names, rows)) = rows.split_first() else { return Ok(Self::default()) };
        let mut metadata = Self::default();
        for (index, row) in rows.iter().enumerate() {
            if row.len() > names.len() {
                return Err(MetadataError::Row(index + 2));
            }
            let cell = |column: &str| {
                let at = names.iter().position(|name| name == column)?;
                row.get(at).map(String::as_str).filter(|text| !text.is_empty())
            };
            let code = cell(DOSSIER_COLUMN).map(str::to_owned);
            let subject = match cell(COMPONENT_COLUMN) {
                None => Subject::Dossier,
                Some(EVERY) => Subject::EveryDocument,
                Some(name) => Subject::Document(name.to_owned()),
            };
            let cells = names.iter().zip(row).filter(|(_, text)| !text.is_empty());
            for (field, text) in cells.filter(|(name, _)| ![DOSSIER_COLUMN, COMPONENT_COLUMN].contains(&name.as_str()))
            {
                metadata.add(code.clone(), subject.clone(), field, text, pattern)?;
            }
        }
        Ok(metadata)
    }

    fn add(
        &mut self,
        code: Option<String>,
        subject: Subject,
        field: &str,
        text: &str,
        pattern: &Pattern,
    ) -> Result<(), MetadataError> {
        let text = text.trim();
        let known = match subject {
            Subject::Dossier => fields::named(&DOSSIER, field),
            Subject::EveryDocument | Subject::Document(_) => fields::named(&DOCUMENT, field),
        };
        let value = match known {
            Some(known) => {
                let value = canonical(text, known.form).ok_or_else(|| wrong(field, text, known.form))?;
                if value.chars().count() > known.length {
                    let allowed = format!("≤ {}", known.length);
                    return Err(MetadataError::Value { field: field.to_owned(), value, allowed });
                }
                value
            }
            // What only the names of files have.
            None if subject != Subject::Dossier && pattern.has_own(field) => text.to_owned(),
            None => return Err(MetadataError::Field(field.to_owned())),
        };
        if !value.is_empty() {
            self.0.entry((code, subject)).or_default().insert(field.to_owned(), value);
        }
        Ok(())
    }

    /// The value of a field of a dossier.
    pub(super) fn of_dossier(&self, code: Option<&str>, field: &str) -> Option<&str> {
        self.most_particular(code, &[Subject::Dossier], field)
    }

    /// The value of a field of a document: that of itself, or that of every document.
    pub(super) fn of_document(&self, code: Option<&str>, name: &str, field: &str) -> Option<&str> {
        self.most_particular(code, &[Subject::Document(name.to_owned()), Subject::EveryDocument], field)
    }

    fn most_particular(&self, code: Option<&str>, subjects: &[Subject], field: &str) -> Option<&str> {
        let one = code.map(|code| Some(code.to_owned()));
        subjects.iter().find_map(|subject| {
            one.iter().chain([&None]).find_map(|code| {
                let values = self.0.get(&(code.clone(), subject.clone()))?;
                values.get(field).map(String::as_str)
            })
        })
    }

    /// Components that the file describes and none of these dossiers has: most are misspelt. Other dossiers may be in the
    /// file, and are not looked at.
    pub fn strangers(&self, dossiers: &[(Option<String>, Vec<String>)]) -> BTreeSet<String> {
        let strangers = self.0.keys().filter_map(|(code, subject)| {
            let Subject::Document(name) = subject else { return None };
            let mut concerned = dossiers.iter().filter(|(known, _)| code.is_none() || known == code).peekable();
            concerned.peek()?;
            (!concerned.any(|(_, names)| names.contains(name))).then(|| name.clone())
        });
        strangers.collect()
    }
}

fn wrong(field: &str, value: &str, form: Form) -> MetadataError {
    MetadataError::Value { field: field.to_owned(), value: value.to_owned(), allowed: form.allowed() }
}

/// A value of TOML as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(u8::from(*yes).to_string()),
        Value::Datetime(time) => time.date.map(|date| date.to_string()),
        Value::Array(values) => values.iter().map(plain).collect::<Option<Vec<_>>>().map(|texts| texts.join(",")),
        Value::Float(_) | Value::Table(_) => None,
    }
}

/// A value as packages have it, days as `YYYY-MM-DD`; `None` where the field cannot have it. Nothing is a value of
/// every field.
fn canonical(text: &str, form: Form) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    if text.is_empty() {
        return Some(String::new());
    }
    let code = |text: &str, last: u8| {
        let number: u8 = text.trim().parse().ok()?;
        (1..=last).contains(&number).then(|| format!("{number:02}"))
    };
    match form {
        Form::Text => Some(text.to_owned()),
        Form::Date => day(text),
        Form::Number => text.parse::<u64>().ok().map(|number| number.to_string()),
        Form::Code(last) => code(text, last),
        Form::Codes(last) => {
            text.split(',').map(|one| code(one, last)).collect::<Option<Vec<_>>>().map(|codes| codes.join(","))
        }
        Form::Switch => ["0", "1"].contains(&text).then(|| text.to_owned()),
    }
}

/// A day written as `2025-01-02` or `02/01/2025`.
fn day(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    let (year, month, day) = match (text.contains('/'), parts.as_slice()) {
        (false, &[year, month, day]) => (year, month, day),
        (true, &[day, month, year]) if !text.contains('-') => (year, month, day),
        _ => return None,
    };
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    (year.len() == 4).then(|| format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
}

/// The cells of a CSV file (RFC 4180), rows without any left out. What stands between them most often in the first row
/// separates them: Excel writes commas or semicolons by the language of the system.
fn rows(text: &str) -> Result<Vec<Vec<String>>, MetadataError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The reader takes a quote that is never closed for one that the end of the file closes.
    if text.matches('"').count() % 2 == 1 {
        return Err(MetadataError::Syntax("\"".to_owned()));
    }
    let first = text.lines().next().unwrap_or_default();
    let separators = b",;\t".iter().rev();
    let separator = separators.max_by_key(|separator| first.bytes().filter(|byte| byte == *separator).count());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(*separator.unwrap_or(&b','))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| MetadataError::Syntax(error.to_string()))?;
        rows.push(record.iter().map(str::to_owned).collect::<Vec<String>>());
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern() -> Pattern {
        "{dossier}_{serial}".parse().unwrap()
    }

    #[test]
    fn the_most_particular_value_counts() {
        let text = "[dossier]\ntitle = 'A'\nstartDate = 2025-01-02\nlanguage = ['01', 2]\n[document]\norganName = 'UBND'\n\
                    serial = '7'\nkind = 'QĐ'\n[documents.don]\norganName = 'Ông A'\n[dossiers.X.dossier]\ntitle = 'B'\n\
                    [dossiers.X.documents.don]\nsubject = 'Đơn'";
        let metadata = Metadata::from_toml(text, &pattern()).unwrap();
        assert_eq!(metadata.of_dossier(Some("X"), "title"), Some("B"));
        assert_eq!(metadata.of_dossier(Some("Y"), "title"), Some("A"));
        assert_eq!(metadata.of_dossier(None, "startDate"), Some("2025-01-02"));
        assert_eq!(metadata.of_dossier(None, "language"), Some("01,02"));
        assert_eq!(metadata.of_document(Some("X"), "don", "organName"), Some("Ông A"));
        assert_eq!(metadata.of_document(Some("X"), "don", "kind"), Some("QĐ"));
        assert_eq!(metadata.of_document(Some("X"), "don", "serial"), Some("7"));
        assert_eq!(metadata.of_document(Some("X"), "don", "subject"), Some("Đơn"));
        assert_eq!(metadata.of_document(Some("Y"), "don", "subject"), None);
        let known = [(Some("X".to_owned()), vec!["don".to_owned()])];
        assert!(metadata.strangers(&known).is_empty());
        let strangers = metadata.strangers(&[(Some("Y".to_owned()), vec!["khac".to_owned()])]);
        assert_eq!(strangers.into_iter().collect::<Vec<_>>(), ["don"]);
        let of_x = Metadata::from_toml("[dossiers.X.documents.don]\nsubject = 'a'", &pattern()).unwrap();
        assert!(of_x.strangers(&[(Some("Y".to_owned()), Vec::new())]).is_empty());
    }

    #[test]
    fn a_csv_file_says_the_same() {
        let text = "\u{feff}dossier;component;title;organName;subject\r\nX;;\"Hồ sơ \"\"B\"\"; tập 1\";;\r\n;*;;UBND;\r\n\r\n\
                    X;don;;;\"Đơn\"";
        let metadata = Metadata::from_csv(text, &pattern()).unwrap();
        assert_eq!(metadata.of_dossier(Some("X"), "title"), Some("Hồ sơ \"B\"; tập 1"));
        assert_eq!(metadata.of_document(Some("X"), "don", "organName"), Some("UBND"));
        assert_eq!(metadata.of_document(Some("X"), "don", "subject"), Some("Đơn"));
        assert_eq!(Metadata::from_csv("component,title\n,A,B", &pattern()).unwrap_err(), MetadataError::Row(2));
    }

    #[test]
    fn wrong_fields_and_values_are_named() {
        for (text, named) in [
            ("[dossier]\ntitel = 'a'", "titel"),
            ("[dossier]\nkind = 'a'", "kind"),
            ("[dossier]\nmaintenance = '08'", "maintenance"),
            ("[dossier]\nstartDate = '2025-02-30'", "startDate"),
            ("[dossier]\nstartDate = '01/02-2025'", "startDate"),
            ("[dossier]\ntotalDoc = -1", "totalDoc"),
            ("[dossier]\nriskRecovery = 'yes'", "riskRecovery"),
            ("[dossier]\ntitle = 1.5", "title"),
            ("[document]\nlanguage = '01,12'", "language"),
            ("[document]\ncodeNumber = '123456789012'", "codeNumber"),
            ("[document]\nsubject = \"a\\u0007b\"", "subject"),
            ("[tài-liệu]\na = 1", "line 1"),
        ] {
            let error = Metadata::from_toml(text, &pattern()).unwrap_err();
            assert!(error.to_string().contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn days_and_codes_have_one_form() {
        assert_eq!(canonical("02/01/2025", Form::Date).as_deref(), Some("2025-01-02"));
        assert_eq!(canonical("2025-1-2", Form::Date).as_deref(), Some("2025-01-02"));
        assert_eq!(canonical("1", Form::Code(7)).as_deref(), Some("01"));
        assert_eq!(canonical("0", Form::Code(7)), None);
        assert_eq!(canonical("007", Form::Number).as_deref(), Some("7"));
    }
}
