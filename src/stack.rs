//! A stack of papers as it went through the feeder, told apart by the sheets between them (`codes::sheet`).
//!
//! The rules: a cover names the dossier of all that follows, up to the next cover; a separator begins the next component,
//! and so does a cover. What came before the first sheet belongs where it would without any. Sheets are in no component, nor
//! are their backs where the stack was scanned on both sides. A blank page after a sheet is not its back for that alone: it may
//! be a paper whose faint print nobody saw.

use std::ops::RangeInclusive;

use crate::codes::sheet::Sheet;
use crate::model::{ComponentName, DossierCode};

/// What a page of a stack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// A page of a paper.
    Paper,
    /// A page that carries nothing.
    Blank,
    /// A sheet.
    Sheet(Sheet),
}

/// The papers from one sheet to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The dossier that the last cover before it named.
    pub dossier: Option<DossierCode>,
    /// The sheet that it follows; `None` for what came before any.
    pub after: Option<Sheet>,
    /// Its pages in order: the index of the file, and which of its pages (from 1); `None` are all.
    pub pages: Vec<(usize, Option<RangeInclusive<usize>>)>,
}

impl Part {
    /// What the separator before it says that it is.
    pub fn component(&self) -> Option<&ComponentName> {
        match &self.after {
            Some(Sheet::Separator(name)) => name.as_ref(),
            _ => None,
        }
    }
}

/// Whether there is a sheet among the pages.
pub fn has_sheets(files: &[Vec<Side>]) -> bool {
    files.iter().flatten().any(|side| matches!(side, Side::Sheet(_)))
}

/// The parts of a stack, in order, those without a page left out. `files` has the pages of each file; one whose pages cannot
/// be read has none, and belongs to the part it lies in.
pub fn divide(files: &[Vec<Side>]) -> Vec<Part> {
    let has_backs = is_two_sided(files);
    let mut parts = vec![Part { dossier: None, after: None, pages: Vec::new() }];
    let mut is_after_sheet = false;
    for (file, sides) in files.iter().enumerate() {
        let part = parts.last_mut().expect("it begins with one");
        if sides.is_empty() {
            part.pages.push((file, None));
        }
        for (page, side) in (1..).zip(sides) {
            let part = parts.last_mut().expect("it begins with one");
            match side {
                Side::Sheet(sheet) => {
                    let dossier = match sheet {
                        Sheet::Cover(code) => Some(code.clone()),
                        Sheet::Separator(_) => part.dossier.clone(),
                    };
                    parts.push(Part { dossier, after: Some(sheet.clone()), pages: Vec::new() });
                }
                Side::Blank if is_after_sheet && has_backs => {}
                _ => match part.pages.last_mut() {
                    Some((last, Some(range))) if *last == file && *range.end() + 1 == page => {
                        *range = *range.start()..=page;
                    }
                    _ => part.pages.push((file, Some(page..=page))),
                },
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

    /// A page a letter: `p` a paper's, `b` blank, `D` and `E` covers, `A` and `B` separators with names, `-` one without.
    fn sides(letters: &str) -> Vec<Side> {
        let side = |letter| match letter {
            'D' => Side::Sheet(Sheet::Cover("H21.15.25-250701-0012".parse().unwrap())),
            'E' => Side::Sheet(Sheet::Cover("H21.15.25-250701-0013".parse().unwrap())),
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
            let name = part.component().map_or("", ComponentName::as_str);
            let pages = part.pages.iter().map(|(file, range)| match range {
                Some(range) => format!(" {file}:{}-{}", range.start(), range.end()),
                None => format!(" {file}"),
            });
            format!("{dossier}{name}{}", pages.collect::<String>())
        };
        divide(&files).iter().map(show).collect()
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
        assert!(has_sheets(&[sides("b"), sides("D")]) && !has_sheets(&[sides("pb"), sides("")]));
    }

    #[test]
    fn no_page_of_a_paper_is_lost_or_doubled() {
        // Every stack of up to six pages over two files.
        let letters = ['p', 'b', 'D', 'A', '-'];
        for number in 0..5_usize.pow(6) {
            let pages: String = (0..6).map(|place| letters[number / 5_usize.pow(place) % 5]).collect();
            let files = [sides(&pages[..2]), sides(&pages[2..])];
            let mut found = Vec::new();
            for (file, range) in divide(&files).into_iter().flat_map(|part| part.pages) {
                found.extend(range.unwrap_or(1..=files[file].len()).map(|page| (file, page)));
            }
            let papers = |file: usize| {
                let sides = files[file].iter().zip(1..);
                sides.filter(|(side, _)| **side == Side::Paper).map(move |(_, page)| (file, page))
            };
            assert!(papers(0).chain(papers(1)).all(|page| found.contains(&page)), "{pages}");
            assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]), "{pages}");
        }
    }
}
