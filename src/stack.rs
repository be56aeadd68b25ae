//! A stack of papers as it went through the feeder, told apart by the sheets between them (`codes::sheet`).
//!
//! The rules: a cover names the dossier of all that follows, up to the next cover; a separator begins the next component,
//! and so does a cover. What came before the first sheet belongs where it would without any. Sheets are in no component, nor
//! are their backs where the stack was scanned on both sides. A blank page after a sheet is not its back for that alone: it may
//! be a paper whose faint print nobody saw.
//!
//! One-stop offices print the dossier's code on papers and covers of their own, as a QR or a Code 128 symbol. Where neither
//! folder, file name nor cover says the dossier, such a page does: one code is the whole stack's, and where there are several
//! each begins its dossier's part. The page itself is a page like others.

use std::ops::RangeInclusive;

use crate::codes::Code;
use crate::codes::sheet::{self, Sheet};
use crate::model::{ComponentName, DossierCode};

/// What a page of a stack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// A page of a paper.
    Paper,
    /// A page of a paper with a symbol that is a dossier's code and nothing else.
    Coded(DossierCode),
    /// A page that carries nothing.
    Blank,
    /// A sheet.
    Sheet(Sheet),
}

impl Side {
    /// By the codes read on a page, and whether it is blank. Two dossiers' codes on one page say nothing.
    pub fn of(codes: &[Code], is_blank: bool) -> Self {
        if let Some(sheet) = sheet::of_page(codes) {
            return Self::Sheet(sheet);
        }
        let mut dossiers = codes.iter().filter_map(|code| code.payload.parse::<DossierCode>().ok());
        match dossiers.next() {
            Some(code) if dossiers.all(|other| other == code) => Self::Coded(code),
            _ if is_blank => Self::Blank,
            _ => Self::Paper,
        }
    }
}

/// What a stack is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Sheets alone: the dossier is known.
    Sheets,
    /// Sheets, and dossier codes on papers.
    SheetsAndCodes,
}

impl By {
    /// Whether the pages are to be divided, or to be placed at least. `files` has the pages of each file.
    pub fn divides(self, files: &[Vec<Side>]) -> bool {
        files.iter().flatten().any(|side| match side {
            Side::Sheet(_) => true,
            Side::Coded(_) => self == Self::SheetsAndCodes,
            Side::Paper | Side::Blank => false,
        })
    }
}

/// What a part of a stack begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The stack itself.
    Start,
    /// The code of its dossier, on a page of it.
    Code,
    /// A cover.
    Cover,
    /// A separator, with what it says that the part is.
    Separator(Option<ComponentName>),
}

/// The papers from one sheet to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its dossier, by the last cover or code.
    pub dossier: Option<DossierCode>,
    /// What it begins with.
    pub begin: Begin,
    /// Its pages in order: the index of the file, and which of its pages (from 1); `None` are all.
    pub pages: Vec<(usize, Option<RangeInclusive<usize>>)>,
}

impl Part {
    fn add(&mut self, file: usize, page: usize) {
        match self.pages.last_mut() {
            Some((last, Some(range))) if *last == file && *range.end() + 1 == page => *range = *range.start()..=page,
            _ => self.pages.push((file, Some(page..=page))),
        }
    }
}

/// The parts of a stack, in order, those without a page left out. `files` has the pages of each file; one whose pages cannot
/// be read has none, and belongs to the part it lies in.
pub fn divide(files: &[Vec<Side>], by: By) -> Vec<Part> {
    let has_backs = is_two_sided(files);
    let has = |is: fn(&Side) -> bool| files.iter().flatten().any(is);
    let by_codes = by == By::SheetsAndCodes && !has(|side| matches!(side, Side::Sheet(Sheet::Cover(_))));
    let has_sheets = has(|side| matches!(side, Side::Sheet(_)));
    let (dossier, begin) = match only_code(files).filter(|_| by_codes && !has_sheets) {
        Some(code) => (Some(code), Begin::Code),
        None => (None, Begin::Start),
    };
    let mut parts = vec![Part { dossier, begin, pages: Vec::new() }];
    let mut is_after_sheet = false;
    for (file, sides) in files.iter().enumerate() {
        if sides.is_empty() {
            parts.last_mut().expect("it begins with one").pages.push((file, None));
        }
        for (page, side) in (1..).zip(sides) {
            let part = parts.last_mut().expect("it begins with one");
            match side {
                Side::Sheet(sheet) => {
                    let (dossier, begin) = match sheet {
                        Sheet::Cover(code) => (Some(code.clone()), Begin::Cover),
                        Sheet::Separator(name) => (part.dossier.clone(), Begin::Separator(name.clone())),
                    };
                    parts.push(Part { dossier, begin, pages: Vec::new() });
                }
                Side::Blank if is_after_sheet && has_backs => {}
                Side::Coded(code) if by_codes && part.dossier.as_ref() != Some(code) => {
                    let pages = vec![(file, Some(page..=page))];
                    parts.push(Part { dossier: Some(code.clone()), begin: Begin::Code, pages });
                }
                _ => part.add(file, page),
            }
            is_after_sheet = matches!(side, Side::Sheet(_));
        }
    }
    parts.retain(|part| !part.pages.is_empty());
    for (file, range) in parts.iter_mut().flat_map(|part| &mut part.pages) {
        if *range == Some(1..=files[*file].len()) {
            *range = None;
        }
    }
    parts
}

/// The one dossier code that all coded pages have.
fn only_code(files: &[Vec<Side>]) -> Option<DossierCode> {
    let mut codes = files.iter().flatten().filter_map(|side| match side {
        Side::Coded(code) => Some(code),
        _ => None,
    });
    let first = codes.next()?;
    codes.all(|other| other == first).then(|| first.clone())
}

/// Whether both sides of each leaf are there: an even number of pages, every sheet on a front with nothing on its back.
fn is_two_sided(files: &[Vec<Side>]) -> bool {
    let leaves: Vec<&Side> = files.iter().flatten().collect();
    let is_sheet = |side: &Side| matches!(side, Side::Sheet(_));
    leaves.len().is_multiple_of(2)
        && leaves.chunks(2).all(|leaf| !is_sheet(leaf[1]) && (!is_sheet(leaf[0]) || *leaf[1] == Side::Blank))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page a letter: `p` a paper's, `b` blank, `d` and `e` with a dossier's code, `D` and `E` covers of these, `A` and `B`
    /// separators with names, `-` one without.
    fn sides(letters: &str) -> Vec<Side> {
        let (two, three) = ("H21.15.25-250701-0012", "H21.15.25-250701-0013");
        let side = |letter| match letter {
            'd' => Side::Coded(two.parse().unwrap()),
            'e' => Side::Coded(three.parse().unwrap()),
            'D' => Side::Sheet(Sheet::Cover(two.parse().unwrap())),
            'E' => Side::Sheet(Sheet::Cover(three.parse().unwrap())),
            'A' | 'B' => Side::Sheet(Sheet::Separator(Some(letter.to_string().parse().unwrap()))),
            '-' => Side::Sheet(Sheet::Separator(None)),
            'b' => Side::Blank,
            _ => Side::Paper,
        };
        letters.chars().map(side).collect()
    }

    /// What becomes of files: the last digit of the dossier, the name, and pages as `file:first-last`.
    fn parts(files: &[&str]) -> Vec<String> {
        let files: Vec<Vec<Side>> = files.iter().map(|letters| sides(letters)).collect();
        let show = |part: &Part| {
            let dossier = part.dossier.as_ref().map_or("", |code| &code.as_str()[20..]);
            let name = match &part.begin {
                Begin::Separator(name) => name.as_ref().map_or("", ComponentName::as_str),
                Begin::Code => "#",
                Begin::Start | Begin::Cover => "",
            };
            let pages = part.pages.iter().map(|(file, range)| match range {
                Some(range) => format!(" {file}:{}-{}", range.start(), range.end()),
                None => format!(" {file}"),
            });
            format!("{dossier}{name}{}", pages.collect::<String>())
        };
        divide(&files, By::SheetsAndCodes).iter().map(show).collect()
    }

    #[test]
    fn one_file_with_all_is_divided() {
        assert_eq!(parts(&["DAppBppEAp"]), ["2A 0:3-4", "2B 0:6-7", "3A 0:10-10"]);
        assert_eq!(parts(&["Dpp-p"]), ["2 0:2-3", "2 0:5-5"]);
        assert_eq!(parts(&["pApApp"]), [" 0:1-1", "A 0:3-3", "A 0:5-6"]);
    }

    #[test]
    fn a_file_a_page_is_divided_alike() {
        assert_eq!(parts(&["D", "A", "p", "p", "B", "p"]), ["2A 2 3", "2B 5"]);
        assert_eq!(parts(&["p", "p-p", "pp"]), [" 0 1:1-1", " 1:3-3 2"]);
    }

    #[test]
    fn the_back_of_a_sheet_is_no_page_and_other_blank_pages_are() {
        assert_eq!(parts(&["DbAbppbb-bpb"]), ["2A 0:5-8", "2 0:11-12"]);
        assert_eq!(parts(&["D", "b", "b", "p"]), ["2 2 3"]);
        assert_eq!(parts(&["bp"]), [" 0"]);
        // One side of each leaf: what is blank after a sheet is a page.
        assert_eq!(parts(&["DbpAp"]), ["2 0:2-3", "2A 0:5-5"]);
        assert_eq!(parts(&["DbpA"]), ["2 0:2-3"]);
        assert_eq!(parts(&["DbApbb"]), ["2 0:2-2", "2A 0:4-6"]);
    }

    #[test]
    fn what_cannot_be_read_stays_where_it_lies() {
        assert_eq!(parts(&["D", "", "p", "A", ""]), ["2 1 2", "2A 4"]);
    }

    #[test]
    fn sheets_alone_make_nothing() {
        assert!(parts(&["Db", "Ab"]).is_empty());
        for (letters, by_sheets, by_codes) in [("bD", true, true), ("pb", false, false), ("pd", false, true)] {
            let files = [sides(letters), sides("")];
            let found = [By::Sheets, By::SheetsAndCodes].map(|by| by.divides(&files));
            assert_eq!(found, [by_sheets, by_codes], "{letters}");
        }
    }

    #[test]
    fn a_dossier_code_on_a_paper_says_the_dossier_where_nothing_else_does() {
        assert_eq!(parts(&["pdp"]), ["2# 0"], "one is the whole stack's");
        assert_eq!(parts(&["dp", "", "d"]), ["2# 0 1 2"]);
        assert_eq!(parts(&["pdpepep"]), [" 0:1-1", "2# 0:2-3", "3# 0:4-7"]);
        assert_eq!(parts(&["dApBp"]), ["2# 0:1-1", "2A 0:3-3", "2B 0:5-5"]);
        assert_eq!(parts(&["DpepE-d"]), ["2 0:2-4", "3 0:7-7"], "covers say it");
        let files = [sides("pep")];
        assert_eq!(divide(&files, By::Sheets)[0].dossier, None, "the folder says it");
    }

    #[test]
    fn codes_of_a_page_say_what_it_is() {
        let code = |payload: &str| Code {
            symbology: crate::codes::Symbology::Code128,
            payload: payload.to_owned(),
            corners: Vec::new(),
        };
        let (one, two) = (code("H21.15.25-250701-0012"), code("H21.15.25-250701-0013"));
        let of = |codes: &[Code]| Side::of(codes, false);
        assert_eq!(of(&[one.clone(), code("8934567890"), one.clone()]), sides("d")[0]);
        assert_eq!(of(&[one, two]), Side::Paper);
        assert_eq!(of(&[code("H21.15.25-251301-0012"), code("H21.15.25-250701-0012|x")]), Side::Paper);
        assert_eq!(Side::of(&[], true), Side::Blank);
        let cover = Sheet::Cover("H21.15.25-250701-0012".parse().unwrap());
        assert_eq!(of(&[code(&sheet::payload(&cover))]), Side::Sheet(cover));
    }

    #[test]
    fn no_page_of_a_paper_is_lost_or_doubled() {
        // Every stack of up to six pages over two files.
        let letters = ['p', 'b', 'D', 'A', 'd', 'e'];
        for number in 0..6_usize.pow(6) {
            let pages: String = (0..6).map(|place| letters[number / 6_usize.pow(place) % 6]).collect();
            let files = [sides(&pages[..2]), sides(&pages[2..])];
            let mut found = Vec::new();
            for (file, range) in divide(&files, By::SheetsAndCodes).into_iter().flat_map(|part| part.pages) {
                found.extend(range.unwrap_or(1..=files[file].len()).map(|page| (file, page)));
            }
            let papers = |file: usize| {
                let sides = files[file].iter().zip(1..);
                sides
                    .filter(|(side, _)| matches!(side, Side::Paper | Side::Coded(_)))
                    .map(move |(_, page)| (file, page))
            };
            assert!(papers(0).chain(papers(1)).all(|page| found.contains(&page)), "{pages}");
            assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]), "{pages}");
        }
    }
}
