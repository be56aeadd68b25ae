//! Forms of values: what a text must look like, and the one way in which the value is then written.

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use time::{Date, Month};

use super::phrase::folded;
use crate::model::{Lang, Localized};

/// The form of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grammar {
    /// Any text.
    #[default]
    Text,
    /// A person's name.
    Name,
    /// A day: `2024-01-14`.
    Date,
    /// A year.
    Year,
    /// A personal identification number (*số định danh cá nhân*) of 12 digits, or one of an old card of 9.
    Identity,
    /// `Nam` or `Nữ`.
    Sex,
    /// A number without a symbol, perhaps with its year: `217/2025`.
    Number,
    /// Digits and nothing else.
    Digits,
    /// A measure in square metres: `120.5`.
    Area,
    /// The code of a dossier.
    Dossier,
    /// The code of a procedure.
    Procedure,
    /// The code of a type of result.
    ResultType,
}

/// Why a value is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It has not the form of such values.
    Form,
    /// There is no such day.
    Calendar,
    /// A check digit does not fit.
    CheckDigit,
    /// Sex or year of birth do not fit the number.
    NumberStructure,
    /// Another place of the paper says something else.
    Contradicted,
}

impl Localized for Fault {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::Form => ("không đúng dạng của mục này", "it has not the form of such values"),
            Self::Calendar => ("không có ngày này trong lịch", "there is no such day"),
            Self::CheckDigit => ("chữ số kiểm tra không khớp", "a check digit does not fit"),
            Self::NumberStructure => {
                ("số không khớp giới tính hoặc năm sinh", "sex or year of birth do not fit the number")
            }
            Self::Contradicted => ("chỗ khác trên giấy ghi khác", "another place of the paper says something else"),
        };
        lang.pick(vietnamese, english).to_owned()
    }
}

/// What a grammar makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    /// The value in the one way in which such values are written; that of a text without form is the text.
    pub(super) value: String,
    pub(super) check: Result<bool, Fault>,
}

impl Reading {
    fn passed(value: impl Into<String>) -> Self {
        Self { value: value.into(), check: Ok(true) }
    }

    fn unchecked(value: impl Into<String>) -> Self {
        Self { value: value.into(), check: Ok(false) }
    }

    fn failed(value: impl Into<String>, fault: Fault) -> Self {
        Self { value: value.into(), check: Err(fault) }
    }
}

impl Grammar {
    /// Reads a text. `Ok(true)` has the form, `Ok(false)` has none that could be checked.
    pub(super) fn read(self, text: &str) -> Reading {
        match self {
            Self::Text => Reading::unchecked(text),
            Self::Name => name(text),
            Self::Date => date(text),
            Self::Year => year(text),
            Self::Identity => identity(text),
            Self::Sex => sex(text),
            Self::Number => by(&NUMBER, text, |found| {
                format!(
                    "{}{}",
                    digits(&found[1]),
                    &found.get(2).map_or(String::new(), |year| format!("/{}", digits(year.as_str())))
                )
            }),
            Self::Digits => by(&DIGITS, text, |found| found[1].chars().filter(char::is_ascii_digit).collect()),
            Self::Area => by(&AREA, text, |found| number_of(&found[1])),
            Self::Dossier => code(text, |word| word.parse::<crate::model::DossierCode>().is_ok()),
            Self::Procedure => code(text, |word| PROCEDURE.is_match(word)),
            Self::ResultType => code(text, |word| RESULT.is_match(word)),
        }
    }
}

/// Regular expressions are compiled once.
macro_rules! regex {
    ($name:ident, $text:expr) => {
        pub(super) static $name: std::sync::LazyLock<regex_lite::Regex> =
            std::sync::LazyLock::new(|| regex_lite::Regex::new($text).expect("a tested expression"));
    };
}
pub(super) use regex;

regex!(NUMBER, r"([0-9OoIl]{1,6})(?:\s*/\s*([12][0-9OoIl]{3})\b)?");
regex!(DIGITS, r"^\W*([0-9](?:[0-9 .]*[0-9])?)");
regex!(AREA, r"([0-9][0-9.,]*)\s*(?:m|$)");
regex!(PROCEDURE, r"^\d\.\d{6}(?:\.\d{3}\.\d{2}\.\d{2}\.[A-K]\d{2})?(?:\.\d{2})?$");
regex!(RESULT, r"^KQ\.[A-K]\d{2}\.\d{6}$");
regex!(NUMERIC_DATE, r"([0-9OoIl]\s?[0-9OoIl]?)\s*[/.\-⁄]\s*([0-9OoIl]\s?[0-9OoIl]?)\s*[/.\-⁄]\s*([12][0-9OoIl]{3})");
regex!(
    WRITTEN_DATE,
    r"(?i)([0-9OoIlóòSŠ]{1,2})\s*th\S{2,3}\s*([0-9OoIlóòSŠ]{1,2})\s*n\S{1,2}\s*([12][0-9OoIlóòSŠ]{3})"
);
// A mark between the parts may have been lost, or read as a 1.
regex!(SOLID_DATE, r"^(\d{2})[/1]?(\d{2})[/1]?([12]\d{3})$");
regex!(YEAR, r"\b([12][0-9OoIl]{3})\b");

/// Letters that are read where digits stand.
pub(super) fn digits(text: &str) -> String {
    let digit = |c: char| match c {
        'O' | 'o' => '0',
        'I' | 'l' | '|' => '1',
        'ó' | 'ò' | 'Ó' => '6',
        'S' | 'Š' => '5',
        'B' => '8',
        other => other,
    };
    text.chars().filter(|c| !c.is_whitespace()).map(digit).collect()
}

fn by(regex: &Regex, text: &str, value: impl Fn(&regex_lite::Captures<'_>) -> String) -> Reading {
    regex.captures(text).map_or_else(|| Reading::failed(text, Fault::Form), |found| Reading::passed(value(&found)))
}

/// The first word that is a code of the kind.
fn code(text: &str, is_code: impl Fn(&str) -> bool) -> Reading {
    let ends = ['.', ',', ';', ':', '(', ')'];
    let found = text.split_whitespace().map(|word| word.trim_matches(ends)).find(|word| is_code(word));
    found.map_or_else(|| Reading::failed(text, Fault::Form), Reading::passed)
}

/// A measure with a full stop before its fraction: a comma is one, full stops before three digits part thousands.
fn number_of(text: &str) -> String {
    let text = text.trim_end_matches(['.', ',']);
    let whole_thousands =
        text.contains('.') && text.split('.').skip(1).all(|group| group.len() == 3) && !text.contains(',');
    match whole_thousands || text.contains(',') {
        true => text.replace('.', "").replace(',', "."),
        false => text.to_owned(),
    }
}

/// Surnames of nearly all people in Vietnam, folded: a name that begins with another may be right, but nothing says so.
const SURNAMES: &str = "nguyen tran le pham huynh hoang phan vu vo dang bui do ho ngo duong ly dinh mai truong lam trinh cao \
    doan luong luu ha thai ta chau ton to tang vuong quach kieu la nong dam trieu luc ma vi lo lu ca quang cam ro sieu nay \
    ksor rcom siu y h a giang hua kim thach son danh tieu diep phung phuong khuat nghiem bach thieu chu cu du dao ong on \
    kha khong khuc lai mac nghi thi tong trang tu uong van vong tuong au an lieu banh than van chung chung truong bo co cu";

/// Those of the Kinh that no other surname is like but for its marks: `Vũ` and `Vừ`, `Phan` and `Phàn` are not among them.
pub(super) const MARKED: &str = "Nguyễn Trần Lê Phạm Huỳnh Hoàng Võ Đặng Bùi Đỗ Ngô Trịnh Đoàn Tạ Tăng Kiều Nông Đinh Nghiêm Khuất Quách \
    Triệu";

/// What was read of a name in print, its surname with the marks that it must have.
pub(super) fn with_surname(name: &str) -> String {
    let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
    let letters = folded(first);
    match MARKED.split_whitespace().find(|surname| folded(surname) == letters) {
        Some(surname) if !rest.is_empty() => format!("{surname} {rest}"),
        _ => name.to_owned(),
    }
}

/// A person's name with capitals at its words; what follows a digit or a mark belongs to something else.
fn name(text: &str) -> Reading {
    let end = text.find(|c: char| c.is_ascii_digit() || ",;:()/|".contains(c)).unwrap_or(text.len());
    let is_name_word = |word: &&str| word.chars().any(char::is_alphabetic);
    let words: Vec<String> = text[..end]
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphabetic()))
        .filter(is_name_word)
        .map(capitalised)
        .collect();
    let is_pure = words.iter().all(|word| word.chars().all(|c| c.is_alphabetic() || "'’-".contains(c)));
    match words.first() {
        Some(first) if (2..=7).contains(&words.len()) && is_pure => match is_surname(first) {
            true => Reading::passed(words.join(" ")),
            false => Reading::unchecked(words.join(" ")),
        },
        _ => Reading::failed(text, Fault::Form),
    }
}

pub(super) fn is_surname(word: &str) -> bool {
    let folded = folded(word);
    SURNAMES.split_whitespace().any(|surname| surname == folded)
}

pub(super) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

/// A text with a capital at its beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters.as_str().chars()).collect()
}

/// A day in digits or words.
pub(super) fn date(text: &str) -> Reading {
    let found = [&*WRITTEN_DATE, &*NUMERIC_DATE].into_iter().find_map(|regex| regex.captures(text));
    let Some(found) = found.or_else(|| SOLID_DATE.captures(text.trim())) else {
        return Reading::failed(text, Fault::Form);
    };
    match calendar(&found[3], &found[2], &found[1]) {
        Some(day) => Reading::passed(day),
        None => Reading::failed(text, Fault::Calendar),
    }
}

/// The day as ISO 8601 has it; `None` where there is none.
pub(super) fn calendar(year: &str, month: &str, day: &str) -> Option<String> {
    let (year, month, day) = (digits(year), digits(month), digits(day));
    let number: u8 = month.parse().ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, Month::try_from(number).ok()?, day.parse().ok()?).ok()?;
    Some(format!("{:04}-{number:02}-{:02}", date.year(), date.day()))
}

fn year(text: &str) -> Reading {
    match YEAR.captures(text).map(|found| digits(&found[1])) {
        Some(year) if ("1900".."2100").contains(&&*year) => Reading::passed(year),
        _ => Reading::failed(text, Fault::Form),
    }
}

/// A run of 12 or 9 digits. The first three are the place where the birth was registered: a province has 001 to 096 (TT
/// 59/2021/TT-BCA), other countries have greater ones, which are not known here.
fn identity(text: &str) -> Reading {
    let runs = text.split(|c: char| !c.is_ascii_digit() && !"OoIl|".contains(c)).map(digits);
    match runs.filter(|run| run.bytes().all(|b| b.is_ascii_digit())).find(|run| run.len() == 12 || run.len() == 9) {
        Some(run) if run.len() == 9 => Reading::unchecked(run),
        Some(run) if ("001".."097").contains(&&run[..3]) => Reading::passed(run),
        Some(run) if &run[..3] >= "100" => Reading::unchecked(run),
        Some(run) => Reading::failed(run, Fault::NumberStructure),
        None => Reading::failed(text, Fault::Form),
    }
}

fn sex(text: &str) -> Reading {
    match text.split_whitespace().map(folded).find(|word| !word.is_empty()).as_deref() {
        Some("nam") => Reading::passed("Nam"),
        Some("nu") => Reading::passed("Nữ"),
        _ => Reading::failed(text, Fault::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(grammar: Grammar, text: &str) -> (String, Result<bool, Fault>) {
        let Reading { value, check } = grammar.read(text);
        (value, check)
    }

    #[test]
    fn days_are_written_one_way_and_must_exist() {
        for text in
            ["14/01/2024", "ngày 14 tháng 01 năm 2024", "14-1-2024", "l4 tháng Ol năm 2O24", "14012024", "14.01.2024."]
        {
            assert_eq!(value(Grammar::Date, text), ("2024-01-14".to_owned(), Ok(true)), "{text}");
        }
        for text in ["ngày 1Š tháng ó năm 201ó", "1510612016", "15/062016", "1 5/06/2016"] {
            assert_eq!(value(Grammar::Date, text), ("2016-06-15".to_owned(), Ok(true)), "{text}");
        }
        assert_eq!(value(Grammar::Date, "31/02/2024").1, Err(Fault::Calendar));
        assert_eq!(value(Grammar::Date, "hôm nay").1, Err(Fault::Form));
    }

    #[test]
    fn names_have_capitals_and_a_surname() {
        assert_eq!(value(Grammar::Name, "PHẠM THỊ QUỲNH"), ("Phạm Thị Quỳnh".to_owned(), Ok(true)));
        assert_eq!(value(Grammar::Name, "Đặng Kim Oanh, sinh 1980"), ("Đặng Kim Oanh".to_owned(), Ok(true)));
        assert_eq!(value(Grammar::Name, "Xyz Văn A").1, Ok(false));
        assert_eq!(["Lễ Văn An", "Vừ Thị Mai", "Trân"].map(with_surname), ["Lê Văn An", "Vừ Thị Mai", "Trân"]);
        assert_eq!(value(Grammar::Name, "12").1, Err(Fault::Form));
    }

    #[test]
    fn identification_numbers_have_their_length_and_place() {
        assert_eq!(value(Grammar::Identity, "CCCD số 049336272319"), ("049336272319".to_owned(), Ok(true)));
        assert_eq!(value(Grammar::Identity, "O49336272319").0, "049336272319");
        assert_eq!(value(Grammar::Identity, "099336272319").1, Err(Fault::NumberStructure));
        assert_eq!(value(Grammar::Identity, "123456789").1, Ok(false));
        assert_eq!(value(Grammar::Identity, "04933627231").1, Err(Fault::Form));
    }

    #[test]
    fn numbers_measures_and_years_are_taken_out_of_their_text() {
        assert_eq!(value(Grammar::Number, "217/2025"), ("217/2025".to_owned(), Ok(true)));
        assert_eq!(value(Grammar::Number, "Ol7").0, "017");
        for (text, area) in [("120,5 m²", "120.5"), ("1.200 m2", "1200"), ("85.5m2", "85.5"), ("1.200,75 m", "1200.75")]
        {
            assert_eq!(value(Grammar::Area, text).0, area);
        }
        assert_eq!(value(Grammar::Year, "1986").0, "1986");
        assert_eq!(value(Grammar::Year, "186").1, Err(Fault::Form));
        assert_eq!(value(Grammar::Digits, "0905 123 456").0, "0905123456");
        assert_eq!(value(Grammar::Sex, "NỮ Dân tộc").0, "Nữ");
    }

    #[test]
    fn codes_are_found_among_words() {
        assert_eq!(
            value(Grammar::Dossier, "mã H40.28.07-250212-5119."),
            ("H40.28.07-250212-5119".to_owned(), Ok(true))
        );
        assert_eq!(value(Grammar::Dossier, "H40.28.07-251312-5119").1, Err(Fault::Form));
        assert_eq!(value(Grammar::Procedure, "1.011442.000.00.00.H38").1, Ok(true));
        assert_eq!(value(Grammar::Procedure, "1.000894.01").1, Ok(true));
        assert_eq!(value(Grammar::ResultType, "KQ.G15.000031").1, Ok(true));
        assert_eq!(value(Grammar::ResultType, "KQ.Z15.000031").1, Err(Fault::Form));
    }
}
