//! What papers say of themselves that decides whether they may be digitised at all: marks of secrecy, marks of copies, and how
//! many pages they have.
//!
//! Marks are looked for twice: as stamps in the picture of the page ([`stamps`]), for the text is read from a picture without
//! seals and only of level lines, and as lines of the text ([`in_text`]). Docs: `docs/guard.md`.

mod count;
mod marks;
mod piece;
mod rings;
mod shape;
mod stamps;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::model::{PageText, TextLine};
use crate::ocr::{OcrEngine, OcrError};

pub use count::{Said, missing};
pub use marks::Marks;
use stamps::{Candidate, Cells};

/// What is done about a page with a mark of secrecy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Secrecy {
    /// Nothing is made of its component.
    #[default]
    Stop,
    /// People are told.
    Warn,
    /// It is not looked for.
    Off,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What is done about marks of secrecy.
    pub secrecy: Secrecy,
    /// Whether marks of copies are told.
    pub copies: bool,
    /// Whether it is told where a paper says another number of pages than there are.
    pub pages: bool,
    /// The words.
    pub marks: Marks,
}

impl Default for Settings {
    fn default() -> Self {
        Self { secrecy: Secrecy::Stop, copies: true, pages: true, marks: Marks::default() }
    }
}

/// The marks of a page, as they are written in the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Of secrecy.
    pub secrecy: Option<String>,
    /// Of a copy.
    pub copy: Option<String>,
}

impl Found {
    /// These and, where there is none of a kind, those of another look.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { secrecy: self.secrecy.or(other.secrecy), copy: self.copy.or(other.copy) }
    }
}

/// A reading this sure of so many letters is what stands there: it is not tried in other directions.
const SURE: f32 = 0.8;
const SURE_LETTERS: usize = 5;

/// One letter in so many may be a small one in a line of capitals.
const SMALL: usize = 6;

/// Marks of copies of fewer letters must be in capitals where they are printed.
const PHRASE: usize = 14;

/// Marks stamped on a page: upright but for its stamps, `dpi` pixels an inch.
///
/// # Errors
/// The first error of the engine.
pub fn in_picture(
    page: &RgbImage,
    dpi: f64,
    settings: &Settings,
    engine: &dyn OcrEngine,
) -> Result<Found, OcrError> {
    let mut found = Found::default();
    if settings.secrecy == Secrecy::Off && !settings.copies {
        return Ok(found);
    }
    let Some(cells) = Cells::of(page, dpi) else { return Ok(found) };
    for candidate in cells.coloured().into_iter().chain(cells.frames()) {
        found = found.or(read_stamp((page, &cells), &candidate, dpi, settings, engine)?);
        if found.secrecy.is_some() {
            break;
        }
    }
    Ok(found)
}

fn read_stamp(
    picture: (&RgbImage, &Cells),
    candidate: &Candidate,
    dpi: f64,
    settings: &Settings,
    engine: &dyn OcrEngine,
) -> Result<Found, OcrError> {
    for &way in &candidate.ways {
        let sizes = piece::read(picture, (candidate.ink, candidate.is_framed), way, dpi, engine)?;
        if std::env::var_os("GUARD_DEBUG").is_some() {
            eprintln!("{:?} framed={} {way:?}: {:?}", candidate.ink, candidate.is_framed, sizes.iter().map(|l| l.iter().map(TextLine::text).collect::<Vec<_>>()).collect::<Vec<_>>());
        }
        let found = sizes.iter().fold(Found::default(), |found, lines| found.or(of_stamp(lines, settings)));
        if found != Found::default() || sizes.iter().any(|lines| is_sure(lines)) {
            return Ok(found);
        }
    }
    Ok(Found::default())
}

fn is_sure(lines: &[TextLine]) -> bool {
    lines.iter().flat_map(|line| &line.words).any(|word| {
        word.confidence >= SURE && word.text.chars().filter(|c| c.is_alphabetic()).count() >= SURE_LETTERS
    })
}

/// The marks that a line of a stamp, two of its lines or all of them are.
fn of_stamp(lines: &[TextLine], settings: &Settings) -> Found {
    let lines: Vec<Vec<char>> = lines.iter().map(|line| marks::folded(&line.text())).collect();
    let pairs = lines.windows(2).map(<[_]>::concat);
    let mut found = Found::default();
    for said in lines.iter().cloned().chain(pairs).chain([lines.concat()]) {
        found = found.or(Found {
            secrecy: mark(&said, &settings.marks.secrecy, settings.secrecy != Secrecy::Off, true),
            copy: mark(&said, &settings.marks.copies, settings.copies, true),
        });
    }
    found
}

fn mark(said: &[char], marks: &[String], is_wanted: bool, is_worn: bool) -> Option<String> {
    is_wanted.then(|| marks::find(said, marks, is_worn)).flatten().map(str::to_owned)
}

/// Marks printed on a page as lines of their own.
pub fn in_text(text: &PageText, settings: &Settings) -> Found {
    let folded: Vec<Vec<char>> = text.lines.iter().map(|line| marks::folded(&line.text())).collect();
    let begins = |title: &String| folded.iter().any(|line| line.starts_with(&marks::folded(title)));
    let is_issued = settings.marks.issued.iter().any(begins);
    let mut found = Found::default();
    for (line, said) in text.lines.iter().zip(&folded) {
        // Short words in small letters head columns of tables. A letter may be read as a small one.
        let letters = line.text().chars().filter(|c| c.is_alphabetic()).count();
        let small = line.text().chars().filter(|c| c.is_lowercase()).count();
        let is_capital = SMALL * small <= letters;
        let is_phrase = is_capital || said.len() >= PHRASE;
        let in_brackets = line.text().starts_with('(');
        found = found.or(Found {
            secrecy: mark(said, &settings.marks.secrecy, settings.secrecy != Secrecy::Off && is_capital, false),
            copy: mark(said, &settings.marks.copies, settings.copies && is_phrase && !is_issued && !in_brackets, false),
        });
    }
    found
}
