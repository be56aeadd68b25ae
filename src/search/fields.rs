//! Fields as terms of the index. They begin with a sign that no word has.

use time::{Date, Month};

use super::words::folded;

/// Years of a range that is given by years; a longer one is given by decades.
const MOST_YEARS: i32 = 12;
/// Months of a range that is given by months.
const MOST_MONTHS: i32 = 24;
/// Years of papers: a range without an end stops here.
const YEARS: (i32, i32) = (1800, 2199);

/// A word of the owner's name.
pub(super) fn owner(name: &str) -> impl Iterator<Item = String> {
    folded(name)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| format!("§o{word}"))
        .collect::<Vec<_>>()
        .into_iter()
}

/// A number or symbol as it is compared: `45/2025/QĐ-UBND` and `45 / 2025 / qd - ubnd` are the same.
pub(super) fn number(number: &str) -> String {
    format!("§n{}", joined(number))
}

/// A kind of paper.
pub(super) fn kind(kind: &str) -> String {
    format!("§k{}", joined(kind))
}

/// The code of a dossier.
pub(super) fn dossier(code: &str) -> String {
    format!("§d{}", joined(code))
}

/// The hash of an owner's number.
pub(super) fn identity(hash: &str) -> String {
    format!("§i{hash}")
}

/// A date by decade, year and month.
pub(super) fn date(date: Date) -> [String; 3] {
    [decade(date.year()), year(date.year()), month(date.year(), date.month())]
}

/// Terms of which every date of a range has one. The first and the last may hold dates outside.
pub(super) fn range(from: Option<Date>, until: Option<Date>) -> Vec<String> {
    let from = from.map_or((YEARS.0, Month::January), |date| (date.year().clamp(YEARS.0, YEARS.1), date.month()));
    let until = until.map_or((YEARS.1, Month::December), |date| (date.year().clamp(YEARS.0, YEARS.1), date.month()));
    let ordinal = |(year, month): (i32, Month)| 12 * year + i32::from(u8::from(month)) - 1;
    if ordinal(until) - ordinal(from) < MOST_MONTHS {
        let name = |at: i32| {
            let number = u8::try_from(at.rem_euclid(12) + 1).unwrap_or(1);
            month(at.div_euclid(12), Month::try_from(number).unwrap_or(Month::January))
        };
        return (ordinal(from)..=ordinal(until)).map(name).collect();
    }
    match until.0 - from.0 < MOST_YEARS {
        true => (from.0..=until.0).map(year).collect(),
        false => (from.0 / 10..=until.0 / 10).map(|number| decade(10 * number)).collect(),
    }
}

fn decade(year: i32) -> String {
    format!("§t{}", year / 10)
}

fn year(year: i32) -> String {
    format!("§y{year}")
}

fn month(year: i32, month: Month) -> String {
    format!("§m{year}_{}", u8::from(month))
}

fn joined(text: &str) -> String {
    folded(text).replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn values_are_compared_without_marks_and_punctuation() {
        assert_eq!(number("45/2025/QĐ-UBND"), "§n45_2025_qd_ubnd");
        assert_eq!(number("45 / 2025 / qd - ubnd"), number("45/2025/QĐ-UBND"));
        assert_eq!(kind("Giấy khai sinh"), kind("giay khai sinh"));
        assert_eq!(owner("Nguyễn Văn  An").collect::<Vec<_>>(), ["§onguyen", "§ovan", "§oan"]);
        assert_eq!(owner(" ").count(), 0);
    }

    #[test]
    fn every_date_of_a_range_has_a_term_of_it() {
        let ranges = [
            (Some(date!(2024 - 11 - 20)), Some(date!(2025 - 02 - 03))),
            (Some(date!(2015 - 03 - 10)), Some(date!(2025 - 11 - 02))),
            (Some(date!(1989 - 03 - 10)), Some(date!(2025 - 11 - 02))),
            (None, Some(date!(1990 - 01 - 01))),
            (Some(date!(2020 - 01 - 01)), None),
        ];
        for (from, until) in ranges {
            let terms = range(from, until);
            assert!(terms.len() <= 41, "{} terms", terms.len());
            let mut day = from.unwrap_or(date!(1950 - 01 - 01));
            while day <= until.unwrap_or(date!(2030 - 01 - 01)) {
                assert!(date(day).iter().any(|term| terms.contains(term)), "{day} in {from:?} to {until:?}");
                day += time::Duration::days(27);
            }
        }
        assert_eq!(range(Some(date!(2024 - 11 - 20)), Some(date!(2025 - 02 - 03))).len(), 4);
        // A range that ends before it begins has nothing.
        assert!(range(Some(date!(2025 - 02 - 03)), Some(date!(2024 - 11 - 20))).is_empty());
    }
}
