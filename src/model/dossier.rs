//! Codes of dossiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use super::{Lang, Localized};

/// Code of a dossier (*mã hồ sơ*), checked: an agency code, the day of receipt and the day's running number.
///
/// Two shapes are in use: `000.17.22.H56-210531-0001` (TT 01/2018/TT-VPCP Điều 19) and, with the agency codes of
/// QĐ 20/2020/QĐ-TTg, `H21.15.25-250701-0012`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DossierCode(String);

/// The text is no dossier code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dossier code; it looks like H21.15.25-250701-0012 or 000.17.22.H56-210531-0001")]
pub struct NotADossierCode;

impl Localized for NotADossierCode {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => {
                "mã hồ sơ không đúng; mã có dạng H21.15.25-250701-0012 hoặc 000.17.22.H56-210531-0001".to_owned()
            }
            Lang::En => self.to_string(),
        }
    }
}

impl DossierCode {
    /// The code as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The agency that received the dossier.
    pub fn agency(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// The day of receipt; `None` where the calendar has no such day.
    pub fn received(&self) -> Option<Date> {
        let day = self.0.split('-').nth(1)?;
        let number = |at: usize| day.get(at..at + 2)?.parse::<u8>().ok();
        let month = Month::try_from(number(2)?).ok()?;
        Date::from_calendar_date(2000 + i32::from(number(0)?), month, number(4)?).ok()
    }
}

impl fmt::Display for DossierCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<DossierCode> for String {
    fn from(code: DossierCode) -> Self {
        code.0
    }
}

impl TryFrom<String> for DossierCode {
    type Error = NotADossierCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for DossierCode {
    type Err = NotADossierCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('-').collect();
        let [agency, date, number] = parts[..] else { return Err(NotADossierCode) };
        let valid = is_agency(agency) && is_date(date) && is_digits(number, 4..=6);
        if valid { Ok(Self(text.to_owned())) } else { Err(NotADossierCode) }
    }
}

/// Whether a text is the code of a type of result (*mã loại giấy tờ kết quả*): `KQ.G15.000031`, a ministry or province and six digits.
pub fn is_result_type(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts[..], ["KQ", level, number] if is_level_one(level) && is_digits(number, 6..=6))
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A level-1 code: a letter from A to K and two digits.
fn is_level_one(text: &str) -> bool {
    text.starts_with(|c| ('A'..='K').contains(&c)) && is_digits(&text[1..], 2..=2)
}

fn is_agency(text: &str) -> bool {
    let groups: Vec<&str> = text.split('.').collect();
    match groups[..] {
        [first, second, third, last] if is_level_one(last) => {
            is_digits(first, 3..=3) && is_digits(second, 2..=2) && is_digits(third, 2..=2)
        }
        [first, ref rest @ ..] => {
            is_level_one(first) && rest.len() <= 5 && rest.iter().all(|group| is_digits(group, 1..=3))
        }
        [] => false,
    }
}

/// `yymmdd` with a month from 01 to 12 and a day from 01 to 31.
fn is_date(text: &str) -> bool {
    is_digits(text, 6..=6) && ("01"..="12").contains(&&text[2..4]) && ("01"..="31").contains(&&text[4..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_codes() {
        for code in ["000.17.22.H56-210531-0001", "H21.15.25-250701-0012", "H40.28.07-250212-5119", "G09-250101-123456"]
        {
            assert_eq!(code.parse::<DossierCode>().map(String::from), Ok(code.to_owned()));
        }
    }

    #[test]
    fn a_code_says_who_received_the_dossier_and_when() {
        let code: DossierCode = "000.17.22.H56-240229-0001".parse().unwrap();
        assert_eq!((code.agency(), code.received()), ("000.17.22.H56", Some(time::macros::date!(2024 - 02 - 29))));
        assert_eq!("H21-250229-0012".parse::<DossierCode>().unwrap().received(), None, "no such day");
    }

    #[test]
    fn types_of_results_have_their_form() {
        assert!(is_result_type("KQ.G15.000031") && is_result_type("KQ.H21.123456"));
        for wrong in ["", "KQ", "KQ.G15.00031", "KQ.Z15.000031", "KQ.G15.000031.1", "kq.G15.000031", "KQ.Đ5.000031"] {
            assert!(!is_result_type(wrong), "{wrong}");
        }
    }

    #[test]
    fn wrong_dates_agencies_and_numbers_are_no_codes() {
        for text in [
            "",
            "H21",
            "H21.15.25-251301-0012",
            "H21.15.25-250132-0012",
            "H21.15.25-250100-0012",
            "Z21.15-250101-0012",
            "H21.15.25-250701-001",
            "H21.15.25-250701-1234567",
            "h21.15.25-250701-0012",
            "H21.15.25-250701-0012 ",
            "000.17.H56-210531-0001",
            "H2Đ-250701-0012",
            "H21.1234-250701-0012",
        ] {
            assert_eq!(text.parse::<DossierCode>(), Err(NotADossierCode), "{text}");
        }
    }
}
