//! What can be known of a dossier from its pages: which are blank, doubted or turned, which came twice, which are missing or in
//! the wrong place by the numbers printed on them, and whether they are of this dossier at all.
//!
//! Nothing here changes a page. A finding is a reason for a person to look.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::model::{DossierCode, Lang, Localized, Orientation, TextLine};
use crate::page::Page;

use super::journal::Finding;

/// The number of a page stands in its upper or lower margin: this share of its height (NĐ 30/2020/NĐ-CP Phụ lục I, Mục II.9: in
/// the middle of the upper margin, from the second page on).
const MARGIN: f64 = 0.11;
/// And no further from its middle than this share of its width.
const MIDDLE: f64 = 0.12;
/// Pages of fewer words are not compared: two of them may say the same by chance.
const LEAST_WORDS: usize = 30;
/// Two pages whose words agree by at least so much are the same paper captured twice. The same form filled in for two people
/// differs in the words filled in, one paper scanned twice in what the reader misreads.
const SAME: f64 = 0.93;

/// A page as it stands in its component.
pub(super) struct Placed<'a> {
    /// The component.
    pub(super) component: &'a str,
    /// Its number in it, from 1.
    pub(super) number: usize,
    /// The page.
    pub(super) page: &'a Page,
    /// Whether a person accepted it as it is.
    pub(super) accepted: bool,
}

/// What the checks keep of a page.
#[derive(Debug)]
pub(super) struct Trace {
    component: String,
    number: usize,
    blank: bool,
    /// The number printed on it.
    printed: Option<usize>,
    /// Hashes of its words, each pair of neighbours one.
    words: HashSet<u64>,
}

impl Trace {
    pub(super) fn of(placed: &Placed<'_>) -> Self {
        let page = placed.page;
        let words = page.text.lines.iter().flat_map(|line| &line.words);
        let words: Vec<String> = words.map(|word| word.text.to_lowercase()).collect();
        let words = words.windows(2).map(|pair| {
            let mut hasher = DefaultHasher::new();
            pair.hash(&mut hasher);
            hasher.finish()
        });
        Self {
            component: placed.component.to_owned(),
            number: placed.number,
            blank: page.blank,
            printed: printed_number(page),
            words: words.collect(),
        }
    }

    /// How far two pages say the same, 0 to 1.
    fn likeness(&self, other: &Self) -> f64 {
        let (few, many) = if self.words.len() < other.words.len() { (self, other) } else { (other, self) };
        if few.words.len() < LEAST_WORDS || (few.words.len() as f64) < SAME * many.words.len() as f64 {
            return 0.0;
        }
        let common = few.words.intersection(&many.words).count();
        common as f64 / (few.words.len() + many.words.len() - common) as f64
    }
}

fn finding(component: &str, page: usize, kind: &'static str, [vi, en]: [String; 2]) -> Finding {
    let place = (Some(component.to_owned()), Some(page));
    Finding { place, kind, detail: vi, detail_en: en, picture: None }
}

/// What is to be said of a page by itself. `code` is that of its dossier.
pub(super) fn of_page(placed: &Placed<'_>, code: Option<&str>) -> Vec<Finding> {
    let page = placed.page;
    let mut found = Vec::new();
    let mut say = |kind, text: [String; 2]| found.push(finding(placed.component, placed.number, kind, text));
    if !placed.accepted {
        page.flags.iter().for_each(|flag| say("quality", [flag.message(Lang::Vi), flag.message(Lang::En)]));
    }
    page.notices.iter().for_each(|notice| say("notice", [notice.message(Lang::Vi), notice.message(Lang::En)]));
    if page.blank {
        say("blank", ["trang trắng".to_owned(), "a blank page".to_owned()]);
    }
    let turned = match page.geometry.orientation {
        Orientation::Deg0 => None,
        Orientation::Deg180 => Some(["đặt ngược, đã xoay lại", "upside down, has been turned"]),
        _ => Some(["đặt ngang, đã xoay lại", "sideways, has been turned"]),
    };
    if let Some(text) = turned.filter(|_| !page.blank) {
        say("turned", text.map(str::to_owned));
    }
    if let Some(code) = code {
        for other in codes(page).filter(|other| other != code) {
            say(
                "other-dossier",
                [format!("trên trang ghi mã hồ sơ {other}"), format!("the page bears the dossier code {other}")],
            );
        }
    }
    found
}

/// The dossier codes that stand on a page, in print or in a code, once each.
fn codes(page: &Page) -> impl Iterator<Item = String> {
    let printed = page.text.lines.iter().flat_map(|line| &line.words).map(|word| word.text.as_str());
    let coded = page.codes.iter().flat_map(|code| code.payload.split(|c: char| c.is_whitespace() || "|;,".contains(c)));
    let words = printed.chain(coded).map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
    let mut seen = HashSet::new();
    let codes: Vec<String> =
        words.filter(|word| word.parse::<DossierCode>().is_ok() && seen.insert(*word)).map(str::to_owned).collect();
    codes.into_iter()
}

/// What is to be said of a dossier's pages beside each other, in the order of its components.
pub(super) fn of_pages(traces: &[Trace]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, trace) in traces.iter().enumerate() {
        let same = traces[..index].iter().find(|earlier| earlier.likeness(trace) >= SAME);
        if let Some(earlier) = same {
            let (component, number) = (&earlier.component, earlier.number);
            found.push(finding(
                &trace.component,
                trace.number,
                "same-page",
                [
                    format!("có vẻ là tờ đã có ở {component}, trang {number}"),
                    format!("seems to be the paper that is page {number} of {component}"),
                ],
            ));
        }
    }
    for component in traces.chunk_by(|a, b| a.component == b.component) {
        found.extend(of_order(component));
    }
    found
}

/// What the numbers printed on the pages of a component say of their order. The first page of a document bears none, so a
/// number below the one before is a new document only after at least one page without.
fn of_order(pages: &[Trace]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut before: Option<(usize, usize)> = None;
    for (place, trace) in pages.iter().enumerate() {
        let Some(printed) = trace.printed else { continue };
        let say = |kind, text| finding(&trace.component, trace.number, kind, text);
        if let Some((at, last)) = before {
            let between = place - at - 1;
            match printed {
                // A new document whose first pages bear no number.
                _ if printed <= last && between > 0 && printed <= between + 1 => {}
                _ if printed == last => found.push(say(
                    "page-twice",
                    [
                        format!("số trang {printed} in trên hai trang liền nhau"),
                        format!("the page number {printed} is printed on two pages in a row"),
                    ],
                )),
                _ if printed < last => {
                    found.push(say(
                        "order",
                        [
                            format!("sai thứ tự: số trang in là {printed}, trang trước là {last}"),
                            format!("out of order: the printed number is {printed}, that of the page before {last}"),
                        ],
                    ));
                }
                _ => {}
            }
        }
        before = Some((place, printed));
    }
    found.extend(missing(pages));
    found
}

/// Numbers that no page bears, between those that do. Pages in the wrong order lack nothing.
fn missing(pages: &[Trace]) -> Vec<Finding> {
    let mut found = Vec::new();
    let printed: HashSet<usize> = pages.iter().filter_map(|page| page.printed).collect();
    let mut before = 0;
    let mut unnumbered = 0;
    for page in pages {
        let Some(number) = page.printed else {
            unnumbered += usize::from(!page.blank);
            continue;
        };
        if number > before + 1 + unnumbered {
            let lacks: Vec<usize> =
                (before + 1..number).filter(|one| !printed.contains(one)).skip(unnumbered).collect();
            if let (Some(from), Some(to)) = (lacks.first(), lacks.last()) {
                let which = if from == to { from.to_string() } else { format!("{from}–{to}") };
                found.push(finding(
                    &page.component,
                    page.number,
                    "page-missing",
                    [
                        format!("trước trang này thiếu trang {which} theo số trang in"),
                        format!("page {which} by the printed numbers is missing before this one"),
                    ],
                ));
            }
        }
        (before, unnumbered) = (number, 0);
    }
    found
}

/// The number of a page that is printed in the middle of its margin.
fn printed_number(page: &Page) -> Option<usize> {
    let (width, height) = (f64::from(page.width), f64::from(page.height));
    let is_placed = |line: &&TextLine| {
        let bounds = line.bounds;
        let x = (f64::from(bounds.x) + f64::from(bounds.width) / 2.0) / width;
        let y = (f64::from(bounds.y) + f64::from(bounds.height) / 2.0) / height;
        (x - 0.5).abs() < MIDDLE && !(MARGIN..=1.0 - MARGIN).contains(&y)
    };
    page.text.lines.iter().filter(is_placed).find_map(|line| {
        let text = line.text();
        let number = text.trim_matches(|c: char| c.is_whitespace() || "-–—.·|".contains(c));
        let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|number| is_number && *number > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(printed: &[Option<usize>]) -> Vec<Trace> {
        let trace = |(number, printed): (usize, &Option<usize>)| Trace {
            component: "a".to_owned(),
            number,
            blank: false,
            printed: *printed,
            words: HashSet::new(),
        };
        (1..).zip(printed).map(trace).collect()
    }

    fn said(printed: &[Option<usize>]) -> Vec<(&'static str, usize)> {
        let found = of_order(&pages(printed));
        found.iter().map(|finding| (finding.kind, finding.place.1.unwrap())).collect()
    }

    #[test]
    fn numbers_in_order_are_nothing_to_say() {
        let n = Some;
        for printed in [
            &[None, n(2), n(3), n(4)][..],
            &[n(1), n(2), n(3)],
            &[None, None, n(3), None, n(5)],
            &[None, n(2), n(3), None, n(2), n(3)],
            &[None, n(2), None, None, n(3)],
            &[None, None, None],
            &[n(1)],
        ] {
            assert_eq!(said(printed), [], "{printed:?}");
        }
    }

    #[test]
    fn pages_that_lack_or_stand_wrong_are_told_where_it_is_seen() {
        let n = Some;
        assert_eq!(said(&[None, n(3), n(2), n(4)]), [("order", 3)], "swapped");
        assert_eq!(said(&[None, n(2), n(4), n(5)]), [("page-missing", 3)]);
        assert_eq!(said(&[n(2), n(3)]), [("page-missing", 1)], "the first");
        assert_eq!(said(&[None, n(2), n(2), n(3)]), [("page-twice", 3)]);
        assert_eq!(said(&[None, n(2), n(6)]), [("page-missing", 3)]);
    }

    #[test]
    fn the_same_paper_is_known_by_its_words() {
        let of = |number, from: u64, to: u64| Trace {
            component: "a".to_owned(),
            number,
            blank: false,
            printed: None,
            words: (from..to).collect(),
        };
        let found = of_pages(&[of(1, 0, 200), of(2, 3, 203), of(3, 20, 220), of(4, 0, 20), of(5, 0, 20)]);
        let found: Vec<_> = found.iter().map(|finding| (finding.kind, finding.place.1)).collect();
        assert_eq!(found, [("same-page", Some(2))]);
    }
}
