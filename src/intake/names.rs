//! What the name of a dropped file says: which series it belongs to and which page of it it is.
//!
//! The programs that export scans number their files, each in its own way: NAPS2 `Scan.1.jpg` or whatever is set, VueScan
//! `Scan-261130-0001.jpg`, Epson `EPSON001.JPG` and `img20261130_10203045.jpg`, Fujitsu PaperStream and Canon CaptureOnTouch
//! `20261130102030_001.jpg`, Windows `Scan (2).jpg`, phones `IMG_20261130_102030.jpg`. Duplex scans add a letter or a word for
//! the side. Nothing here looks at a file: names are hints for order and for grouping, and are never trusted further.
//!
//! Limits: a number of more than six digits is no page number but an identifier, and neither is what ends a dossier code or a
//! date. A single `A`, `B`, `F` or `R` counts as a side only right after a page number.

use std::cmp::Ordering;

use crate::gather::natural_order;
use crate::model::DossierCode;

/// Most digits of a page number: feeders number up to `000001`; more digits are dates, times and numbers of cards.
const MAX_PAGE_DIGITS: usize = 6;

/// Words before a page number that belong to it, and not to the series.
const PAGE_WORDS: [&str; 5] = ["page", "trang", "pg", "tr", "p"];

/// Words that name a side of the sheet, after a separator.
const FRONT_WORDS: [&str; 6] = ["front", "recto", "mat-truoc", "mat_truoc", "mặt trước", "truoc"];
const BACK_WORDS: [&str; 6] = ["back", "verso", "mat-sau", "mat_sau", "mặt sau", "sau"];

/// The side of a sheet in a duplex scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Mặt trước.
    Front,
    /// Mặt sau.
    Back,
}

/// What a name says. The order is that of pages: directory and series as people count, then page (a file without a number
/// first), front before back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageName {
    /// The directory below the watched folder, without a slash at its end; empty for the folder itself.
    pub directory: String,
    /// The name without extension, page number, side and, where the time is all that tells files apart, time. May be empty
    /// (`1.jpg`, `2.jpg`). Files of one series in one directory are pages that belong together, if they came together.
    pub series: String,
    /// The page number.
    pub page: Option<u32>,
    /// The side of the sheet.
    pub side: Option<Side>,
    /// The digits of a date with or without a time that stands at the end where a page number would.
    pub taken: Option<String>,
    /// The file name with its extension: the last resort of the order.
    pub name: String,
}

impl Ord for PageName {
    fn cmp(&self, other: &Self) -> Ordering {
        natural_order(&self.directory, &other.directory)
            .then_with(|| natural_order(&self.series, &other.series))
            .then_with(|| self.taken.cmp(&other.taken))
            .then_with(|| self.page.cmp(&other.page))
            .then_with(|| self.side.cmp(&other.side))
            .then_with(|| natural_order(&self.name, &other.name))
    }
}

impl PartialOrd for PageName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PageName {
    /// Whether both are files of one series.
    pub fn same_series(&self, other: &Self) -> bool {
        self.directory == other.directory && self.series == other.series
    }
}

/// Reads a path below the watched folder, `/`-separated.
pub fn page_name(relative: &str) -> PageName {
    let (directory, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    let stem = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 4 && is_extension(extension) => stem,
        _ => name,
    };
    let mut found = PageName {
        directory: directory.to_owned(),
        series: stem.to_owned(),
        page: None,
        side: None,
        taken: None,
        name: name.to_owned(),
    };
    if stem.parse::<DossierCode>().is_ok() {
        return found;
    }
    let rest = match side_word(stem) {
        Some((rest, side)) => {
            found.side = Some(side);
            rest
        }
        None => stem,
    };
    if let Some((series, page)) = bracketed_number(rest) {
        found.page = Some(page);
        found.series = series.to_owned();
    } else if let Some((series, taken)) = date_at_end(rest) {
        found.taken = Some(taken);
        found.series = series.to_owned();
    } else if let Some((series, page, side)) = number_at_end(rest) {
        found.page = Some(page);
        found.side = found.side.or(side);
        found.series = series.to_owned();
    } else if found.side.is_some() {
        found.series = rest.to_owned();
    }
    found
}

/// `2.Scan` has no extension, `Scan.2` neither.
fn is_extension(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric()) && !text.chars().all(|c| c.is_ascii_digit())
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '_' | '-' | '.' | '#')
}

fn trim_separators(text: &str) -> &str {
    text.trim_end_matches(is_separator)
}

/// `CCCD_front`, `CCCD mặt sau`.
fn side_word(stem: &str) -> Option<(&str, Side)> {
    let words = FRONT_WORDS.iter().zip([Side::Front; 6]).chain(BACK_WORDS.iter().zip([Side::Back; 6]));
    words.filter_map(|(word, side)| Some((strip_end(stem, word)?, side))).find_map(|(rest, side)| {
        let separated = rest.is_empty() || rest.ends_with(is_separator);
        separated.then_some((trim_separators(rest), side))
    })
}

/// `text` without `end`, whatever the case.
fn strip_end<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(end.len())?;
    (text.is_char_boundary(at) && text[at..].to_lowercase() == end).then(|| &text[..at])
}

/// `Scan (2)`, as Windows numbers a second file of a name.
fn bracketed_number(stem: &str) -> Option<(&str, u32)> {
    let (rest, number) = stem.strip_suffix(')')?.rsplit_once('(')?;
    Some((trim_separators(rest), page_number(number)?))
}

fn page_number(digits: &str) -> Option<u32> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits && digits.len() <= MAX_PAGE_DIGITS).then(|| digits.parse().ok())?
}

/// `scan_0001`, `EPSON001`, `doc-p3`, `0001_B`, `0001F`.
fn number_at_end(stem: &str) -> Option<(&str, u32, Option<Side>)> {
    let (rest, side) = side_letter(stem).map_or((stem, None), |(rest, side)| (rest, Some(side)));
    let (rest, digits) = split_digits(rest);
    let page = page_number(digits)?;
    let series = without_page_word(rest);
    Some((trim_separators(series), page, side))
}

/// The letter of the side right after a number: `0001A`, `0001_B`.
fn side_letter(stem: &str) -> Option<(&str, Side)> {
    let side = match stem.chars().next_back()? {
        'A' | 'a' | 'F' | 'f' => Side::Front,
        'B' | 'b' | 'R' | 'r' => Side::Back,
        _ => return None,
    };
    let rest = trim_separators(&stem[..stem.len() - 1]);
    rest.ends_with(|c: char| c.is_ascii_digit()).then_some((rest, side))
}

fn split_digits(text: &str) -> (&str, &str) {
    let start = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    text.split_at(start)
}

/// `doc-p` and `doc trang ` without their last word; `map` stays.
fn without_page_word(text: &str) -> &str {
    let trimmed = trim_separators(text);
    PAGE_WORDS
        .iter()
        .filter_map(|word| strip_end(trimmed, word))
        .find(|rest| rest.is_empty() || rest.ends_with(is_separator))
        .unwrap_or(text)
}

/// A date, or a date and a time, at the end: the rest and the digits.
fn date_at_end(stem: &str) -> Option<(&str, String)> {
    // The longest end that is digits and separators only.
    let start = stem.trim_end_matches(|c: char| c.is_ascii_digit() || is_separator(c)).len();
    // `Scan20261130` and `Scan-2026-11-30`: the end begins at its first digit.
    let first = start + stem[start..].find(|c: char| c.is_ascii_digit())?;
    (0..stem.len() - first).map(|offset| first + offset).find_map(|at| {
        let begins = at == 0 || !stem.as_bytes()[at - 1].is_ascii_digit();
        let digits = begins.then(|| date_digits(&stem[at..]))??;
        Some((trim_separators(&stem[..at]), digits))
    })
}

/// The digits of `2026-11-30`, `20261130`, `20261130_102030`, `2026-11-30 10.20.30`, `20261130102030`, and such with
/// hundredths or thousandths of a second; `None` for anything else. Four digits after a date are a page number.
fn date_digits(text: &str) -> Option<String> {
    let groups: Vec<usize> = text.split(is_separator).map(str::len).collect();
    let known = matches!(
        groups[..],
        [8 | 12 | 14 | 16 | 17] | [8, 6 | 8 | 9] | [4, 2, 2] | [4, 2, 2, 6 | 8] | [4, 2, 2, 2, 2] | [4, 2, 2, 2, 2, 2]
    );
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number = |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok());
    let date =
        (1990..2100).contains(&number(0..4)?) && (1..=12).contains(&number(4..6)?) && (1..=31).contains(&number(6..8)?);
    let time = digits.len() < 12 || (number(8..10)? < 24 && number(10..12)? < 60);
    (known && date && time).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const F: Option<Side> = Some(Side::Front);
    const B: Option<Side> = Some(Side::Back);

    #[test]
    fn names_of_scanning_programs_are_read() {
        #[rustfmt::skip]
        let table: &[(&str, &str, Option<u32>, Option<Side>)] = &[
            // NAPS2: its default with a number, and set to date and number
            ("Scan.1.jpg", "Scan", Some(1), None),
            ("2026-11-30 10-20-30_003.tif", "2026-11-30 10-20-30", Some(3), None),
            ("scan_0001.jpg", "scan", Some(1), None),
            // VueScan
            ("Scan-261130-0001.jpg", "Scan-261130", Some(1), None),
            ("Scan0002.tif", "Scan", Some(2), None),
            ("Crop0003.jpg", "Crop", Some(3), None),
            // Epson
            ("EPSON001.JPG", "EPSON", Some(1), None),
            ("img012.jpg", "img", Some(12), None),
            ("img20261130_10203045.jpg", "img", None, None),
            // Fujitsu PaperStream, Canon CaptureOnTouch
            ("20261130102030_001.jpg", "20261130102030", Some(1), None),
            ("20261130102030_001_A.jpg", "20261130102030", Some(1), F),
            ("Image_001.tif", "Image", Some(1), None),
            ("2026_11_30_10_20_30.pdf", "", None, None),
            ("2026_11_30_10_20_30_02.pdf", "2026_11_30_10_20_30", Some(2), None),
            // Windows
            ("Scan 2026-11-30 (2).tif", "Scan 2026-11-30", Some(2), None),
            ("Tờ khai (10).jpg", "Tờ khai", Some(10), None),
            ("Document_20261130_0001.jpg", "Document_20261130", Some(1), None),
            // pages by name
            ("doc-p3.tif", "doc", Some(3), None),
            ("doc_page_12.tif", "doc", Some(12), None),
            ("Trang 7.jpg", "", Some(7), None),
            ("Quyết định trang 2.jpg", "Quyết định", Some(2), None),
            ("map3.jpg", "map", Some(3), None),
            ("1.jpg", "", Some(1), None),
            ("000010.jpg", "", Some(10), None),
            // sides
            ("scan_0001_A.jpg", "scan", Some(1), F),
            ("scan_0001_B.jpg", "scan", Some(1), B),
            ("0001F.jpg", "", Some(1), F),
            ("0001b.jpg", "", Some(1), B),
            ("CCCD_front.jpg", "CCCD", None, F),
            ("CCCD mặt sau.jpg", "CCCD", None, B),
            ("cccd-2-mat-truoc.jpg", "cccd", Some(2), F),
            ("doc_A.jpg", "doc_A", None, None),
            // no page
            ("IMG_20261130_101010.jpg", "IMG", None, None),
            ("PXL_20261130_101010123.jpg", "PXL", None, None),
            ("Scan 2026-11-30.tif", "Scan", None, None),
            ("don xin.pdf", "don xin", None, None),
            ("001234567890.jpg", "001234567890", None, None),
            ("H21.15.25-250701-0012.pdf", "H21.15.25-250701-0012", None, None),
            ("H21.15.25-250701-0012_003.jpg", "H21.15.25-250701-0012", Some(3), None),
            ("H21.15.25-250701-0012 (2).jpg", "H21.15.25-250701-0012", Some(2), None),
            ("", "", None, None),
            ("-.jpg", "-", None, None),
            ("99999999999999999999999.jpg", "99999999999999999999999", None, None),
        ];
        for (name, series, page, side) in table {
            let found = page_name(name);
            assert_eq!((found.series.as_str(), found.page, found.side), (*series, *page, *side), "{name}");
        }
    }

    #[test]
    fn the_time_of_a_photo_is_kept_apart() {
        let taken = |name| page_name(name).taken;
        assert_eq!(taken("IMG_20261130_101010.jpg").as_deref(), Some("20261130101010"));
        assert_eq!(taken("Scan 2026-11-30.tif").as_deref(), Some("20261130"));
        assert_eq!(taken("scan_0001.jpg"), None);
        assert_eq!(taken("IMG_20261330_101010.jpg"), None, "no thirteenth month");
        assert!(page_name("IMG_20261130_101010.jpg").same_series(&page_name("IMG_20261201_090000.jpg")));
    }

    #[test]
    fn pages_come_in_order_and_fronts_before_backs() {
        let ordered = [
            "0001F.jpg",
            "0001B.jpg",
            "0002F.jpg",
            "Scan.tif",
            "Scan (2).tif",
            "Scan (10).tif",
            "scan_1.jpg",
            "scan_2.jpg",
            "scan_10_A.jpg",
            "scan_10_B.jpg",
            "ho so 2/1.jpg",
            "ho so 10/1.jpg",
        ];
        let mut shuffled: Vec<PageName> = ordered.iter().rev().map(|name| page_name(name)).collect();
        shuffled.sort();
        let names: Vec<String> =
            shuffled
                .into_iter()
                .map(|found| {
                    if found.directory.is_empty() { found.name } else { format!("{}/{}", found.directory, found.name) }
                })
                .collect();
        assert_eq!(names, ordered);
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_read(name in "\\PC{0,40}") {
            let found = page_name(&name);
            proptest::prop_assert!(name.contains(&found.series));
        }
    }
}
