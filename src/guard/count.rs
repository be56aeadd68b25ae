//! How many pages a paper says that it has.

use crate::model::{PageText, unmarked};

/// A number of pages that a page names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is this page of so many, as page footers say.
    Of {
        /// Which.
        page: usize,
        /// Of how many.
        pages: usize,
    },
    /// The paper has so many pages.
    Pages(usize),
    /// The paper has so many sheets, printed on one side or both.
    Sheets(usize),
}

/// Larger numbers are none of pages.
const MOST: usize = 999;

/// Footers are lines of so few words, and so are lines that tell the number by themselves.
const FOOTER_WORDS: usize = 8;

impl Said {
    /// What a page says, if it does.
    pub fn of(text: &PageText) -> Option<Self> {
        let lines = text.lines.iter().filter(|line| line.words.len() <= FOOTER_WORDS);
        let folded = |line: String| unmarked(&line).collect::<String>().to_lowercase();
        // A footer says more than a sentence about the paper.
        let lines: Vec<String> = lines.map(|line| folded(line.text())).collect();
        let footer = lines.iter().rev().find_map(|line| Self::footer(line));
        footer.or_else(|| lines.iter().find_map(|line| Self::total(line)))
    }

    /// "Trang 1/3", "Trang 1 trên 3", "Trang: 1 / 3".
    fn footer(line: &str) -> Option<Self> {
        let rest = line.trim_start_matches(|c: char| !c.is_alphanumeric()).strip_prefix("trang")?;
        let (page, rest) = number(rest.trim_start_matches([' ', ':', '.']))?;
        let rest = rest.trim_start();
        let rest = ["/", "tren", "tong so"].into_iter().find_map(|between| rest.strip_prefix(between))?;
        let (pages, rest) = number(rest.trim_start())?;
        let is_end = !rest.contains(char::is_alphanumeric);
        (is_end && (1..=pages).contains(&page)).then_some(Self::Of { page, pages })
    }

    /// "Tổng số trang: 12", "Số trang: 12", "Gồm 03 trang", "Văn bản gồm 05 tờ".
    fn total(line: &str) -> Option<Self> {
        for (label, pages) in [("so trang", true), ("so to", false)] {
            let start = line.trim_start_matches(|c: char| !c.is_alphanumeric());
            let start = start.strip_prefix("tong ").unwrap_or(start);
            if let Some(rest) = start.strip_prefix(label)
                && let Some((count, rest)) = number(rest.trim_start_matches([' ', ':', '.']))
                && !rest.contains(char::is_alphanumeric)
            {
                return Some(if pages { Self::Pages(count) } else { Self::Sheets(count) });
            }
        }
        let (_, rest) = line.split_once("gom ")?;
        let (count, rest) = number(rest.trim_start_matches("co ").trim_start())?;
        let rest = rest.trim_start();
        // "tờ trình", "tờ khai" are papers.
        let ends = |word: &str| rest.strip_prefix(word).is_some_and(|rest| !rest.contains(char::is_alphanumeric));
        match () {
            () if ends("trang") => Some(Self::Pages(count)),
            () if ends("to") => Some(Self::Sheets(count)),
            () => None,
        }
    }
}

/// The number that a text begins with, and what follows.
fn number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let count = text[..end].parse().ok().filter(|count| (1..=MOST).contains(count))?;
    Some((count, &text[end..]))
}

/// A page that names another number of pages than its component has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which page of the component says so, from 0.
    pub at: usize,
    /// How many there should be.
    pub said: usize,
}

/// Whether the pages of a component are as many as it says: for each page what it says, and whether it is blank. Blank pages may
/// count or not: backs of sheets are scanned, too. A component may hold several papers that each number their pages.
pub fn missing(pages: &[(Option<Said>, bool)]) -> Option<Missing> {
    let count = pages.len();
    let written = pages.iter().filter(|(_, is_blank)| !is_blank).count();
    let said = || pages.iter().enumerate().filter_map(|(at, (said, _))| said.map(|said| (at, said)));
    for (at, said) in said() {
        let (least, most) = match said {
            Said::Pages(pages) => (pages, pages),
            Said::Sheets(sheets) => (sheets, 2 * sheets),
            Said::Of { .. } => continue,
        };
        if !(least..=most).contains(&count) && !(least..=most).contains(&written) {
            return Some(Missing { at, said: least });
        }
    }
    // Papers after each other: a new one begins where the numbers begin anew.
    let mut last: Option<(usize, usize)> = None;
    let (mut sum, mut first) = (0, None);
    for (at, said) in said() {
        let Said::Of { page, pages } = said else { continue };
        if last.is_none_or(|(before, of)| of != pages || page <= before) {
            sum += pages;
        }
        last = Some((page, pages));
        first.get_or_insert(at);
    }
    let at = first?;
    (sum != count && sum != written).then_some(Missing { at, said: sum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Rect, TextLine, Word};

    fn page(lines: &[&str]) -> PageText {
        let word = |text: &str| Word { text: text.to_owned(), bounds: Rect::default(), confidence: 0.9, blue: 0 };
        let line = |text: &&str| TextLine {
            words: text.split_whitespace().map(word).collect(),
            bounds: Rect::default(),
            block: 0,
        };
        PageText { lines: lines.iter().map(line).collect() }
    }

    #[test]
    fn footers_and_totals_are_understood() {
        let said = |line: &str| Said::of(&page(&["QUYẾT ĐỊNH", line]));
        assert_eq!(said("Trang 1/3"), Some(Said::Of { page: 1, pages: 3 }));
        assert_eq!(said("- Trang: 2 / 12 -"), Some(Said::Of { page: 2, pages: 12 }));
        assert_eq!(said("Tổng số trang: 12"), Some(Said::Pages(12)));
        assert_eq!(said("Văn bản gồm 03 trang."), Some(Said::Pages(3)));
        assert_eq!(said("Số tờ: 04"), Some(Said::Sheets(4)));
        assert_eq!(said("(gồm 05 tờ)"), Some(Said::Sheets(5)));
    }

    #[test]
    fn other_numbers_are_no_pages() {
        let said = |line: &str| Said::of(&page(&[line]));
        assert_eq!(said("Trang 3"), None);
        assert_eq!(said("Trang 4/3"), None, "no page of that paper");
        assert_eq!(said("Gồm 12 tờ trình"), None);
        assert_eq!(said("Hồ sơ gồm 12 hộ gia đình"), None);
        assert_eq!(said("Trang trại 1/3"), None);
        assert_eq!(said("xem trang 1/3 của quyết định"), None);
    }

    #[test]
    fn pages_that_lack_are_told() {
        let of = |page, pages| (Some(Said::Of { page, pages }), false);
        let (none, blank) = ((None, false), (None, true));
        assert_eq!(missing(&[]), None);
        assert_eq!(missing(&[none, none]), None);
        assert_eq!(missing(&[of(1, 3), of(2, 3), of(3, 3)]), None);
        assert_eq!(missing(&[of(1, 3), blank, of(2, 3), blank, of(3, 3), blank]), None);
        assert_eq!(missing(&[of(1, 3), of(3, 3)]), Some(Missing { at: 0, said: 3 }));
        assert_eq!(missing(&[of(1, 2), of(2, 2), of(1, 2), of(2, 2)]), None, "two papers");
        assert_eq!(missing(&[(Some(Said::Pages(3)), false), none]), Some(Missing { at: 0, said: 3 }));
        assert_eq!(missing(&[none, (Some(Said::Sheets(2)), false), none]), None);
        assert_eq!(missing(&[none, (Some(Said::Sheets(3)), false)]), Some(Missing { at: 1, said: 3 }));
    }
}
