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

/// Middles of frames this near are those of one, millimetres.
const SAME_MM: f64 = 2.0;

/// Marks stamped on a page: upright but for its stamps, `dpi` pixels an inch.
///
/// # Errors
/// The first error of the engine.
pub fn in_picture(page: &RgbImage, dpi: f64, settings: &Settings, engine: &dyn OcrEngine) -> Result<Found, OcrError> {
    let mut found = Found::default();
    if settings.secrecy == Secrecy::Off && !settings.copies {
        return Ok(found);
    }
    let Some(cells) = Cells::of(page, dpi) else { return Ok(found) };
    let coloured = cells.coloured();
    // A coloured frame is a dark one, too.
    let near = SAME_MM * dpi / 25.4;
    let is_new = |frame: &Candidate| !coloured.iter().any(|other| other.is_framed && other.is_at(frame, near));
    let frames: Vec<Candidate> = cells.frames().into_iter().filter(is_new).collect();
    for candidate in coloured.iter().chain(&frames) {
        found = found.or(read_stamp((page, &cells), candidate, dpi, settings, engine)?);
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
        let found = sizes.iter().fold(Found::default(), |found, lines| found.or(of_stamp(lines, settings)));
        if found != Found::default() || sizes.iter().any(|lines| is_sure(lines)) {
            return Ok(found);
        }
    }
    Ok(Found::default())
}

fn is_sure(lines: &[TextLine]) -> bool {
    let sure = lines.iter().flat_map(|line| &line.words).filter(|word| word.confidence >= SURE);
    sure.flat_map(|word| word.text.chars()).filter(|c| c.is_alphabetic()).count() >= SURE_LETTERS
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

#[cfg(test)]
mod tests {
    use image::{GrayImage, Rgb};

    use super::*;
    use crate::model::{Rect, Word};
    use crate::ocr::LineWord;

    const RED: [u8; 3] = [200, 40, 50];
    const BLACK: [u8; 3] = [30, 30, 30];
    const VIOLET: [u8; 3] = [92, 60, 150];
    const DPI: f64 = 200.0;

    /// Says the same of every line; one that says nothing is not to be asked.
    struct Scripted(&'static str);

    impl OcrEngine for Scripted {
        fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
            if self.0.is_empty() {
                return Err(OcrError::Engine { reason: "asked".to_owned() });
            }
            let (x1, y1) = line.dimensions();
            Ok(vec![LineWord { text: self.0.to_owned(), x0: 0, x1, y0: 0, y1, ends: Vec::new(), confidence: 0.7 }])
        }

        fn name(&self) -> &str {
            "scripted"
        }
    }

    fn paper() -> RgbImage {
        RgbImage::from_pixel(1654, 2339, Rgb([250, 249, 245]))
    }

    /// A frame of 20 by 8 mm with three shapes like letters in it, turned clockwise about a place.
    fn stamped(page: &mut RgbImage, [x, y]: [f64; 2], degrees: f64, ink: [u8; 3]) {
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        let (half_width, half_height) = (79.0, 31.0);
        for (column, row, pixel) in page.enumerate_pixels_mut() {
            let (dx, dy) = (f64::from(column) - x, f64::from(row) - y);
            let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
            let outside = (u.abs() - half_width).max(v.abs() - half_height);
            let is_letter = [-40.0, 0.0, 40.0].iter().any(|left| {
                let (u, v) = (u - left + 9.0, v + 13.0);
                (0.0..18.0).contains(&u) && (0.0..26.0).contains(&v) && (u < 5.0 || v > 21.0)
            });
            if (-4.0..0.0).contains(&outside) || is_letter {
                *pixel = Rgb(ink);
            }
        }
    }

    fn seen(page: &RgbImage, said: &'static str) -> Result<Found, OcrError> {
        in_picture(page, DPI, &Settings::default(), &Scripted(said))
    }

    #[test]
    fn framed_marks_are_found_in_any_ink_and_direction() {
        for ink in [RED, BLACK, VIOLET] {
            for degrees in [0.0, -15.0, 12.0, 90.0, 266.0] {
                let mut page = paper();
                stamped(&mut page, [700.0, 900.0], degrees, ink);
                let found = seen(&page, "MẬT").unwrap();
                assert_eq!(found.secrecy.as_deref(), Some("MẬT"), "{ink:?} at {degrees}");
                assert_eq!(seen(&page, "KHẨN").unwrap(), Found::default());
            }
        }
    }

    #[test]
    fn a_page_without_stamps_is_not_read() {
        let mut page = paper();
        for row in 0..20_u32 {
            for letter in 0..40_u32 {
                for (x, y) in (0..11).flat_map(|x| (0..20).map(move |y| (x, y))) {
                    if x < 3 || y < 3 {
                        page.put_pixel(200 + letter * 16 + x, 200 + row * 60 + y, Rgb(BLACK));
                    }
                }
            }
        }
        // A round seal, and a stroke of a pen across it.
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            let radius = (f64::from(x) - 1200.0).hypot(f64::from(y) - 1900.0);
            if (130.0..137.0).contains(&radius) || radius < 30.0 {
                *pixel = Rgb(RED);
            }
            if (1000..1450).contains(&x) && (1880 + x / 40..1884 + x / 40).contains(&y) {
                *pixel = Rgb([28, 42, 120]);
            }
        }
        assert_eq!(seen(&page, "").unwrap(), Found::default());
        assert_eq!(seen(&RgbImage::new(1, 1), "").unwrap(), Found::default());
    }

    #[test]
    fn a_stamp_is_found_that_touches_a_seal() {
        let mut page = paper();
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            let radius = (f64::from(x) - 600.0).hypot(f64::from(y) - 900.0);
            if (130.0..137.0).contains(&radius) || (80.0..83.0).contains(&radius) {
                *pixel = Rgb(RED);
            }
        }
        stamped(&mut page, [600.0 + 137.0 + 72.0, 905.0], 6.0, RED);
        assert_eq!(seen(&page, "TỐI MẬT").unwrap().secrecy.as_deref(), Some("TỐI MẬT"));
    }

    #[test]
    fn what_is_off_is_not_looked_for() {
        let mut page = paper();
        stamped(&mut page, [700.0, 900.0], 0.0, RED);
        let off = Settings { secrecy: Secrecy::Off, copies: false, ..Settings::default() };
        assert_eq!(in_picture(&page, DPI, &off, &Scripted("")).unwrap(), Found::default());
        let copies = Settings { secrecy: Secrecy::Off, ..Settings::default() };
        assert_eq!(in_picture(&page, DPI, &copies, &Scripted("MẬT")).unwrap(), Found::default());
        let found = in_picture(&page, DPI, &copies, &Scripted("SAO Y")).unwrap();
        assert_eq!(found.copy.as_deref(), Some("SAO Y"));
    }

    #[test]
    fn printed_marks_are_lines_of_their_own() {
        let found = |lines: &[&str]| {
            let word = |text: &str| Word { text: text.to_owned(), bounds: Rect::default(), confidence: 0.9, blue: 0 };
            let line = |text: &&str| TextLine {
                words: text.split_whitespace().map(word).collect(),
                bounds: Rect::default(),
                block: 0,
            };
            in_text(&PageText { lines: lines.iter().map(line).collect() }, &Settings::default())
        };
        assert_eq!(found(&["QUYẾT ĐỊNH", "TỐI MẬT"]).secrecy.as_deref(), Some("TỐI MẬT"));
        assert_eq!(found(&["| TUYệTMẬT |"]).secrecy.as_deref(), Some("TUYỆT MẬT"), "a letter misread");
        assert_eq!(found(&["Mật", "Bảo vệ bí mật nhà nước", "Nguyễn Văn Mật", "Bản sao"]), Found::default());
        assert_eq!(found(&["SAO Y BẢN CHÍNH"]).copy.as_deref(), Some("SAO Y BẢN CHÍNH"));
        assert!(found(&["Chứng thực bản sao đúng với bản chính"]).copy.is_some());
        assert!(found(&["TRÍCH LỤC KHAI SINH", "BẢN SAO"]).copy.is_none(), "it is issued so");
        assert!(found(&["GIẤY PHÉP", "(BẢN SAO)"]).copy.is_none());
    }
}
