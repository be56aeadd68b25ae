//! Which paper a capture is a page of, told by where it lay and what it was called: rules from a path to a [`Place`].
//!
//! Nothing is guessed. What looks like a dossier code and is none is said ([`Naming::NotACode`]), and so are two codes on one
//! path; such a paper waits (*chưa xếp*) for a person to place it. The rules, in this order:
//!
//! 1. A folder or a file name with a dossier code says which dossier: `CODE/…`, `CODE_to-khai_1.jpg`.
//! 2. The folders below the code are the component: `CODE/COMPONENT/file`; without a code, the folders that hold the
//!    pictures. A folder named by digits alone (a day, a counter of the scanner) says nothing.
//! 3. What a file name says beside the code is the component: `CODE_COMPONENT_1.jpg`, its last number the page.
//! 4. A PDF or a TIFF of several pages is a component by itself; pictures numbered alike that came one after another
//!    without a gap are one stack out of the feeder.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::gather::component_name;
use crate::intake::names::page_name;
use crate::model::DossierCode;

/// What looks like a dossier code: an agency in the manner of QĐ 20/2020 or TT 01/2018, a date and a number, in any number
/// of digits. Only [`DossierCode`] says whether it is one.
static LIKE_A_CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:[a-z]\d{2}(?:\.\d+)*|\d{3}(?:\.[0-9a-z]+)+)-\d{4,8}-\d+").expect("a fixed expression")
});

/// Title of what has none.
pub const UNTITLED: &str = "Tài liệu";

/// How captures become components.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What a file name says, its extension left out: an expression with the named groups `dossier`, `component` and
    /// `page`. `None` finds a dossier code wherever it stands and takes the rest as the component.
    pub name: Option<Regex>,
}

impl Rules {
    /// The rules with this pattern for names of files.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn parse(name: Option<&str>) -> Result<Self, regex_lite::Error> {
        Ok(Self { name: name.map(Regex::new).transpose()? })
    }
}

/// What a path says of the dossier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Nothing.
    Nothing,
    /// Its code.
    Code(DossierCode),
    /// Something that looks like a code and is none.
    NotACode,
    /// Two codes that differ.
    TwoCodes,
}

/// What makes captures one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The folder they lie in or the name they share, whenever they come.
    Named,
    /// The file is one by itself.
    File,
    /// They are numbered alike and came one after another.
    Series,
}

/// Where a capture belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its dossier.
    pub dossier: Naming,
    /// What else belongs to the component.
    pub unit: Unit,
    /// Equal for captures of one component: with [`Unit::Series`] as long as no gap lies between them.
    pub key: String,
    /// Title of the component, as a person wrote it.
    pub title: String,
}

impl Place {
    /// Whether a capture of this place that comes when the component is made already makes a new version of it. Loose
    /// files of no dossier do not: scanners begin their numbers anew, and the same name is another paper.
    pub fn has_versions(&self) -> bool {
        self.unit == Unit::Named || matches!(self.dossier, Naming::Code(_))
    }
}

/// The place of a capture. `source` tells watched folders apart, `relative` is the path below it with `/`, and
/// `several_pages` says whether the file is a PDF or holds more than one page.
pub fn place(source: &str, relative: &str, several_pages: bool, rules: &Rules) -> Place {
    let (folders, file) = relative.rsplit_once('/').unwrap_or(("", relative));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let folders: Vec<&str> = folders.split('/').filter(|folder| !folder.is_empty()).collect();

    let found: Vec<Found> = folders.iter().map(|folder| find_code(folder)).collect();
    let named = read_name(stem, several_pages, rules);
    let dossier = agree(found.iter().map(|found| &found.naming).chain([&named.naming]));
    let below = found.iter().rposition(|found| found.naming != Naming::Nothing).map_or(0, |place| place + 1);
    let says_something = |folder: &&&str| folder.chars().any(char::is_alphabetic);
    let titles: Vec<&str> = folders[below..].iter().filter(says_something).copied().collect();

    // The same paper may come from two scanners where its dossier is known; else a source is a world of its own.
    let world = match &dossier {
        Naming::Code(code) => code.to_string(),
        _ => format!("{source}\n{}", folders.join("/")),
    };
    let key = |kind: &str, name: &str| format!("{world}\n{kind}\n{name}");
    let is_coded = matches!(dossier, Naming::Code(_));
    if !titles.is_empty() && (is_coded || !several_pages) {
        let title = titles.join(" - ");
        return Place { key: key("named", &component_name(&title)), dossier, unit: Unit::Named, title };
    }
    let title = match &named.title[..] {
        "" if is_coded => UNTITLED,
        "" => stem,
        title => title,
    };
    let title = titles.iter().copied().chain([title]).collect::<Vec<_>>().join(" - ");
    if several_pages {
        return Place { key: key("file", file), dossier, unit: Unit::File, title };
    }
    if is_coded && named.naming != Naming::Nothing {
        return Place { key: key("named", &component_name(&title)), dossier, unit: Unit::Named, title };
    }
    // A stack of no dossier is called by its first page: its number says more than what all have in common.
    let title = if is_coded { title } else { stem.to_owned() };
    Place { key: key("series", &without_page(stem)), dossier, unit: Unit::Series, title }
}

/// Whether a picture follows the one before it without a gap: times of change, milliseconds.
pub fn follows(before: i64, after: i64, gap: i64) -> bool {
    before.abs_diff(after) <= gap.unsigned_abs()
}

/// What a part of the path says.
struct Found {
    naming: Naming,
    title: String,
}

/// What the name of a file says: by the pattern where there is one and it fits, else by a code in it.
fn read_name(stem: &str, several_pages: bool, rules: &Rules) -> Found {
    let Some(groups) = rules.name.as_ref().and_then(|pattern| pattern.captures(stem)) else {
        let found = find_code(stem);
        let title = if several_pages { trimmed(&found.title).to_owned() } else { without_page(&found.title) };
        return Found { title, ..found };
    };
    let group = |name| groups.name(name).map_or("", |group| group.as_str());
    let naming = match group("dossier") {
        "" => Naming::Nothing,
        code => code.parse().map_or(Naming::NotACode, Naming::Code),
    };
    Found { naming, title: group("component").to_owned() }
}

/// A dossier code anywhere in a name, and the rest of the name.
fn find_code(name: &str) -> Found {
    let Some(like) = LIKE_A_CODE.find(name) else { return Found { naming: Naming::Nothing, title: name.to_owned() } };
    let (before, after) = (&name[..like.start()], &name[like.end()..]);
    let is_cut_out =
        before.ends_with(|c: char| c.is_alphanumeric() || c == '.') || after.starts_with(char::is_alphabetic);
    let naming = match like.as_str().parse() {
        Ok(code) if !is_cut_out => Naming::Code(code),
        _ => Naming::NotACode,
    };
    let parts = [trimmed(before), trimmed(after)];
    Found { naming, title: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ") }
}

/// What the parts of a path say together.
fn agree<'a>(parts: impl Iterator<Item = &'a Naming>) -> Naming {
    parts.fold(Naming::Nothing, |said, part| match (said, part) {
        (said, Naming::Nothing) => said,
        (Naming::NotACode, _) | (_, Naming::NotACode) => Naming::NotACode,
        (Naming::Code(said), Naming::Code(code)) if said != *code => Naming::TwoCodes,
        (Naming::TwoCodes, _) => Naming::TwoCodes,
        (_, part) => part.clone(),
    })
}

/// A name, its extension left out, without the number of its page: `to-khai_012`, `trang (3)`.
fn without_page(stem: &str) -> String {
    match stem {
        "" => String::new(),
        stem => trimmed(&page_name(&format!("{stem}.jpg")).series).to_owned(),
    }
}

fn trimmed(name: &str) -> &str {
    name.trim_matches(|c: char| c.is_whitespace() || "_-.,()".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "H21.15.25-250701-0012";

    fn of(relative: &str) -> (String, Unit, String) {
        let several_pages = relative.ends_with(".pdf");
        let place = place("in", relative, several_pages, &Rules::default());
        let dossier = match place.dossier {
            Naming::Nothing => "-".to_owned(),
            Naming::Code(code) => code.to_string(),
            Naming::NotACode => "!".to_owned(),
            Naming::TwoCodes => "2".to_owned(),
        };
        (dossier, place.unit, place.title)
    }

    fn key(relative: &str) -> String {
        place("in", relative, relative.ends_with(".pdf"), &Rules::default()).key
    }

    #[test]
    fn paths_say_dossier_and_component() {
        for (relative, dossier, unit, title) in [
            ("H21.15.25-250701-0012/Tờ khai/1.jpg", CODE, Unit::Named, "Tờ khai"),
            ("2025/H21.15.25-250701-0012/Tờ khai/a/1.jpg", CODE, Unit::Named, "Tờ khai - a"),
            ("H21.15.25-250701-0012/Tờ khai/to-khai.pdf", CODE, Unit::Named, "Tờ khai"),
            ("H21.15.25-250701-0012 bà A/Tờ khai/1.jpg", CODE, Unit::Named, "Tờ khai"),
            ("H21.15.25-250701-0012/to-khai.pdf", CODE, Unit::File, "to-khai"),
            ("H21.15.25-250701-0012/to-khai-2.jpg", CODE, Unit::Series, "to-khai"),
            ("H21.15.25-250701-0012/0001.jpg", CODE, Unit::Series, "Tài liệu"),
            ("H21.15.25-250701-0012/2025-07-01/0001.jpg", CODE, Unit::Series, "Tài liệu"),
            ("H21.15.25-250701-0012_To khai_003.jpg", CODE, Unit::Named, "To khai"),
            ("to-khai H21.15.25-250701-0012 (3).jpg", CODE, Unit::Named, "to-khai"),
            ("H21.15.25-250701-0012.001.pdf", CODE, Unit::File, "001"),
            ("H21.15.25-250701-0012.jpg", CODE, Unit::Named, "Tài liệu"),
            ("000.17.22.H56-210531-0001_1.jpg", "000.17.22.H56-210531-0001", Unit::Named, "Tài liệu"),
            ("Tờ khai/1.jpg", "-", Unit::Named, "Tờ khai"),
            ("Tờ khai/quet 7.pdf", "-", Unit::File, "Tờ khai - quet 7"),
            ("2025-07-01/IMG_0001.jpg", "-", Unit::Series, "IMG_0001"),
            ("IMG_0001.jpg", "-", Unit::Series, "IMG_0001"),
            ("scan.pdf", "-", Unit::File, "scan"),
            ("0007.pdf", "-", Unit::File, "0007"),
            ("H21.15.25-251301-0012/Tờ khai/1.jpg", "!", Unit::Named, "Tờ khai"),
            ("h21.15.25-250701-0012/Tờ khai/1.jpg", "!", Unit::Named, "Tờ khai"),
            ("H21.15.25-250701-001_to-khai.pdf", "!", Unit::File, "to-khai"),
            ("XH21.15.25-250701-0012.pdf", "!", Unit::File, "X"),
            ("H21.15.25-250701-0012/H21.15.25-250701-0013/1.jpg", "2", Unit::Series, "1"),
            ("H21.15.25-250701-0012/H21.15.25-250701-0012_a.pdf", CODE, Unit::File, "a"),
        ] {
            assert_eq!(of(relative), (dossier.to_owned(), unit, title.to_owned()), "{relative}");
        }
    }

    #[test]
    fn captures_of_one_paper_have_one_key() {
        for (a, b, same) in [
            ("H21.15.25-250701-0012/Tờ khai/1.jpg", "H21.15.25-250701-0012_to khai_2.jpg", false),
            ("H21.15.25-250701-0012/to khai/1.jpg", "H21.15.25-250701-0012_to khai_2.jpg", true),
            ("H21.15.25-250701-0012/a/1.jpg", "H21.15.25-250701-0013/a/1.jpg", false),
            ("IMG_0001.jpg", "IMG_0002.jpg", true),
            ("IMG_0001.jpg", "x/IMG_0002.jpg", false),
            ("scan1.pdf", "scan2.pdf", false),
            ("a/1.jpg", "a/2.jpg", true),
            ("H21.15.25-251301-0012/a/1.jpg", "H21.15.25-251301-0013/a/1.jpg", false),
        ] {
            assert_eq!(key(a) == key(b), same, "{a} {b}");
        }
        let elsewhere = place("other", "a/1.jpg", false, &Rules::default()).key;
        assert_ne!(elsewhere, key("a/1.jpg"), "another folder's papers are others");
    }

    #[test]
    fn a_pattern_says_what_names_mean() {
        let rules = Rules { name: Some(Regex::new(r"^(?<component>.+)@(?<dossier>.+)@(?<page>\d+)$").unwrap()) };
        let found = place("in", "to khai@H21.15.25-250701-0012@3.jpg", false, &rules);
        assert_eq!((found.unit, &found.title[..]), (Unit::Named, "to khai"));
        assert!(matches!(found.dossier, Naming::Code(_)));
        assert_eq!(place("in", "a@H21@3.jpg", false, &rules).dossier, Naming::NotACode);
        // A name that does not fit is read as ever.
        assert_eq!(place("in", "scan.pdf", true, &rules).title, "scan");
    }

    #[test]
    fn loose_files_of_no_dossier_are_other_papers_each_time() {
        let versions =
            |relative: &str| place("in", relative, relative.ends_with("pdf"), &Rules::default()).has_versions();
        assert!(!versions("scan.pdf") && !versions("IMG_1.jpg"));
        assert!(versions("a/1.jpg") && versions("H21.15.25-250701-0012/a.pdf"));
    }

    #[test]
    fn a_gap_ends_a_stack() {
        assert!(follows(1_000, 31_000, 30_000) && follows(31_000, 1_000, 30_000));
        assert!(!follows(1_000, 31_001, 30_000));
    }
}
