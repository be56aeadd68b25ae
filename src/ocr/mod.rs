//! Reading printed Vietnamese from an upright, rectified page.
//!
//! Tesseract's line recogniser reads Vietnamese print almost perfectly; its page segmentation is what fails on forms,
//! leaders, tables and seals. So the page is prepared ([`prepare`]), its lines are found ([`lines`]) and put in reading
//! order ([`order`]) here, and an [`OcrEngine`] sees one clean line at a time: [`lstm`], tesseract's network and model
//! in a runtime of our own.
//!
//! Limits: print written from left to right, upright within about 2 degrees; cursive handwriting comes out as words of
//! low confidence or not at all.

mod binarize;
mod glyphs;
mod ink;
mod line_image;
mod lines;
pub mod lstm;
mod order;
mod prepare;
mod ratio;
mod reading;
mod rules;

use std::path::PathBuf;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;

use crate::model::{Lang, Localized, PageText, Rect, TextLine, Word};
use line_image::{Framing, LineImage};
use lines::Line;
use order::Piece;
#[doc(hidden)]
pub use prepare::{Prepared, Steps};
pub use reading::Reading;

/// One word as an engine reads it, in pixels of the line image.
#[derive(Clone, Debug, PartialEq)]
pub struct LineWord {
    /// The text, any normal form.
    pub text: String,
    /// Left edge.
    pub x0: u32,
    /// Right edge, exclusive.
    pub x1: u32,
    /// Upper edge.
    pub y0: u32,
    /// Lower edge, exclusive.
    pub y1: u32,
    /// The column behind each character of the text; empty where the engine does not say.
    pub ends: Vec<u32>,
    /// From 0 to 1.
    pub confidence: f32,
}

/// A recogniser of single lines: dark text on white, one line, a small margin.
pub trait OcrEngine: Send + Sync {
    /// Reads one line. The answer depends on the line alone, not on lines read before.
    ///
    /// # Errors
    /// When the engine fails; a line without text is not an error.
    fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError>;

    /// Name and model, for the record.
    fn name(&self) -> &str;
}

/// Why a page could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OcrError {
    /// The engine refuses its model file.
    #[error("cannot load model {path}: file damaged or made for another engine, install it again")]
    ModelBroken {
        /// The refused file.
        path: PathBuf,
    },
    /// The engine failed on a line.
    #[error("the recogniser failed on a line: {reason}")]
    Engine {
        /// What the engine said.
        reason: String,
    },
}

impl Localized for OcrError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::ModelBroken { path } => match lang {
                Lang::Vi => format!("Tệp mô hình nhận dạng {} bị hỏng; hãy cài lại", path.display()),
                Lang::En => format!("The recognition model {} is damaged; install it again", path.display()),
            },
            Self::Engine { .. } => lang
                .pick(
                    "Bộ nhận dạng chữ gặp lỗi; hãy xử lý lại trang này, nếu vẫn lỗi thì báo người quản trị",
                    "The text recogniser failed; process the page again and tell the administrator if it fails again",
                )
                .to_owned(),
        }
    }
}

/// Reads a page: upright, rectified, evenly lit, `dpi` pixels an inch. Word boxes are pixels of `page`.
///
/// Lines run in parallel in the caller's rayon pool; the result does not depend on the number of threads.
///
/// # Errors
/// The first error of the engine, in reading order.
pub fn read(page: &RgbImage, dpi: f64, engine: &dyn OcrEngine) -> Result<PageText, OcrError> {
    read_with_steps(page, dpi, engine, Steps::ALL)
}

/// [`read`] with some steps of the preparation left out.
#[doc(hidden)]
pub fn read_with_steps(page: &RgbImage, dpi: f64, engine: &dyn OcrEngine, steps: Steps) -> Result<PageText, OcrError> {
    let prepared = Prepared::with_steps(page, dpi, steps);
    let lines = lines::find(&prepared);
    let tables = order::tables(&prepared.rules);
    let in_cell = |line: &Line| tables.iter().any(|t| t.contains(line.body.center_x(), line.body.center_y()));
    let read: Vec<Option<TextLine>> =
        lines.par_iter().map(|line| read_line(&prepared, line, in_cell(line), engine)).collect::<Result<_, _>>()?;
    let piece = |(line, text): (&Line, Option<TextLine>)| {
        text.map(|text| Piece {
            body: line.body,
            size: line.size,
            ends: [line.baseline_at(line.body.x0), line.baseline_at(line.body.x1)],
            text,
        })
    };
    let pieces = lines.iter().zip(read).filter_map(piece).collect();
    let mut text = PageText { lines: order::arrange(pieces, &prepared.rules) };
    text.lines
        .iter_mut()
        .flat_map(|line| &mut line.words)
        .for_each(|word| word.blue = ink::blueness(page, word.bounds));
    Ok(text)
}

/// Reads a piece of a page that was cut out and laid level, dark on white, `dpi` pixels an inch, about 200: every line that there may be,
/// from above to below and from left to right, in both of the sizes that lines are looked at in. However unsure an answer is, it is told: whoever
/// looks for certain words knows better what they may be mistaken for.
///
/// # Errors
/// The first error of the engine.
pub fn read_piece(piece: &GrayImage, dpi: f64, engine: &dyn OcrEngine) -> Result<[Vec<TextLine>; 2], OcrError> {
    let prepared = Prepared::of_piece(piece.clone(), dpi);
    let mut lines = lines::find(&prepared);
    lines.sort_by_key(|line| line.body.center_y());
    // Parts of one line, from left to right.
    for row in lines.chunk_by_mut(|a, b| b.body.center_y() - a.body.center_y() <= a.body.height() / 2) {
        row.sort_by_key(|line| line.body.x0);
    }
    let look = |framing| {
        let texts = lines.iter().map(|line| look_at(&prepared, line, framing, engine));
        Ok(texts.collect::<Result<Vec<_>, _>>()?.into_iter().flat_map(|text| text.lines).collect())
    };
    Ok([look(Framing::FIRST)?, look(Framing::SECOND)?])
}

/// Mean confidence, 0 to 1, of a few long lines well spread over a gray page of `dpi` pixels an inch; 0 without lines.
/// The larger of two answers settles which way is up: on the evaluation pages print gives 0.89 to 0.97 upright and at
/// most 0.69 upside down. Costs about 0.2 CPU seconds a page.
///
/// # Errors
/// The first error of the engine.
pub fn legibility(page: &GrayImage, dpi: f64, engine: &dyn OcrEngine) -> Result<f32, OcrError> {
    let prepared = Prepared::from_gray(page, dpi);
    let sample = spread_sample(lines::find(&prepared), LEGIBILITY_LINES);
    let lines: Vec<Option<TextLine>> =
        sample.par_iter().map(|line| read_line(&prepared, line, false, engine)).collect::<Result<_, _>>()?;
    let text = PageText { lines: lines.into_iter().flatten().collect() };
    Ok(text.mean_confidence().unwrap_or(0.0))
}

/// Lines that [`legibility`] reads.
const LEGIBILITY_LINES: usize = 5;

/// The longest line of each of `count` horizontal bands of the page.
fn spread_sample(lines: Vec<Line>, count: usize) -> Vec<Line> {
    let (Some(top), Some(bottom)) = (lines.iter().map(|l| l.bounds.y0).min(), lines.iter().map(|l| l.bounds.y1).max())
    else {
        return Vec::new();
    };
    let band_height = (bottom - top) / i32::try_from(count).unwrap_or(1) + 1;
    let mut best: Vec<Option<Line>> = (0..count).map(|_| None).collect();
    for line in lines {
        let band = usize::try_from((line.bounds.center_y() - top) / band_height).unwrap_or(0).min(count - 1);
        if best[band].as_ref().is_none_or(|b| b.glyphs() < line.glyphs()) {
            best[band] = Some(line);
        }
    }
    best.into_iter().flatten().collect()
}

/// Mean confidence below which a line is taken for a drawing, stain or signature rather than text. Measured: of the
/// words below 0.5 three in four are wrong; fill-ins in handwriting fonts go down to 0.37.
const LINE_MIN_CONFIDENCE: f32 = 0.30;

/// The same for lines of up to so many base glyphs: strokes of signatures and seals fall apart into such.
const SHORT_GLYPHS: usize = 3;
const SHORT_MIN_CONFIDENCE: f32 = 0.60;

/// A line with a word less sure than this is looked at a second time, in another size: above it, one word in a hundred
/// is wrong. Where all lines are clear this costs nothing.
const SURE: f32 = 0.9;

/// Tenths of characters of a line for each of its base glyphs, at least and at most: letters touch, or break, or are
/// points. Set by eye on generated registers.
const CHARACTERS_A_GLYPH_TENTHS: [usize; 2] = [6, 16];

/// Digits from which on a number is no accident: a drawing gives letters and signs as well.
const NUMBER_DIGITS: usize = 5;

fn read_line(
    prepared: &Prepared,
    line: &Line,
    in_cell: bool,
    engine: &dyn OcrEngine,
) -> Result<Option<TextLine>, OcrError> {
    let mut one = look_at(prepared, line, Framing::FIRST, engine)?;
    if one.lines.iter().flat_map(|line| &line.words).any(|word| word.confidence < SURE) {
        let again = look_at(prepared, line, Framing::SECOND, engine)?;
        if again.mean_confidence() > one.mean_confidence() {
            one = again;
        }
    }
    if in_cell && line.glyphs() <= ORDINAL_GLYPHS {
        as_ordinal(&mut one);
    }
    let said = one.text();
    let least = if line.glyphs() <= SHORT_GLYPHS { SHORT_MIN_CONFIDENCE } else { LINE_MIN_CONFIDENCE };
    let legible = one.mean_confidence().unwrap_or(0.0) >= least || is_number(&said, line.glyphs(), in_cell);
    // A lone small letter is the arc of a drawing or the bar of a frame; lone digits and capitals stand in cells.
    let lone = said.chars().count() == 1 && said.chars().all(char::is_lowercase);
    if !legible || lone || !said.contains(char::is_alphanumeric) {
        return Ok(None);
    }
    Ok(one.lines.into_iter().next())
}

/// The strokes of 1 and 11 in a cell have the shape of these letters.
const STROKES: &str = "Il|iỊịỉ";
const ORDINAL_GLYPHS: usize = 2;

/// Reads unsure strokes alone in a cell as what stands in cells alone, the numbers 1 and 11; a sure "I" is a Roman number.
fn as_ordinal(text: &mut PageText) {
    if let [TextLine { words, .. }] = &mut text.lines[..]
        && let [word] = &mut words[..]
        && word.confidence < SURE
        && word.text.chars().all(|c| STROKES.contains(c) || c == '1')
    {
        word.text = "1".repeat(word.text.chars().count());
    }
}

/// What one look at a line gives: one line, or none.
fn look_at(prepared: &Prepared, line: &Line, framing: Framing, engine: &dyn OcrEngine) -> Result<PageText, OcrError> {
    let Some(image) = LineImage::cut(prepared, line, framing) else { return Ok(PageText::default()) };
    let words: Vec<Word> =
        engine.recognize(&image.pixels)?.into_iter().filter_map(|w| place(&image, prepared, w)).collect();
    let Some(bounds) = words.iter().map(|word| word.bounds).reduce(Rect::union) else { return Ok(PageText::default()) };
    Ok(PageText { lines: vec![TextLine { words, bounds, block: 0 }] })
}

/// Whether a line of low confidence is a number all the same: it has as many characters as base glyphs, and stands in a
/// cell of a table or is long. The recogniser is as unsure as its least certain step, so that long numbers fail by
/// confidence alone.
fn is_number(said: &str, glyphs: usize, in_cell: bool) -> bool {
    let characters = said.chars().filter(|c| !c.is_whitespace()).count();
    let digits = said.chars().filter(char::is_ascii_digit).count();
    let numeric = said.chars().all(|c| c.is_ascii_digit() || ".,/-".contains(c));
    let [least, most] = CHARACTERS_A_GLYPH_TENTHS;
    let fits = (least * glyphs..=most * glyphs).contains(&(10 * characters));
    fits && numeric && digits >= if in_cell { 1 } else { NUMBER_DIGITS }
}

fn place(image: &LineImage, prepared: &Prepared, word: LineWord) -> Option<Word> {
    let text: String = with_dotted_y(image, &word).nfc().filter(|c| !c.is_whitespace()).collect();
    let bounds = prepared.to_page(image.ink_between(word.x0, word.x1)?);
    (!text.is_empty()).then_some(Word { text, bounds, confidence: word.confidence.clamp(0.0, 1.0), blue: 0 })
}

/// What may stand before the y that ends a syllable, in small letters without marks; a u may come between.
const BEFORE_Y: [&str; 28] = [
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "q",
    "r", "s", "t", "th", "tr", "v", "x",
];

/// Whether letters are a syllable that ends with a y and has no tone yet, as one with a dot below it has: `Ty`, `quy`, not `expiry`.
fn may_have_dotted_y(syllable: &str) -> bool {
    let small = syllable.to_lowercase();
    let before = small.strip_suffix('y').map(|before| before.strip_suffix('u').unwrap_or(before));
    before.is_some_and(|before| BEFORE_Y.contains(&before))
}

/// The text with a dot below the y of its syllables (*dấu nặng*: Tỵ, kỵ) where the picture has one. The model's alphabet has all
/// letters of Vietnamese but these two, and reads them as if they had no dot.
fn with_dotted_y(image: &LineImage, word: &LineWord) -> String {
    let letters: Vec<char> = word.text.chars().collect();
    if word.ends.len() != letters.len() {
        return word.text.clone();
    }
    let mut text = String::new();
    let mut at = 0;
    for syllable in letters.chunk_by(|one, next| one.is_alphabetic() == next.is_alphabetic()) {
        let y = at + syllable.len() - 1;
        let start = if y == 0 { word.x0 } else { word.ends[y - 1] };
        let dotted = may_have_dotted_y(&String::from_iter(syllable)) && image.has_dot_below(start, word.ends[y]);
        text.extend(&syllable[..syllable.len() - 1]);
        text.push(match letters[y] {
            'y' if dotted => 'ỵ',
            'Y' if dotted => 'Ỵ',
            other => other,
        });
        at += syllable.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, Rgb};

    /// Answers every line with its width, as if it were one word; optionally fails.
    struct ScriptedEngine {
        fails: bool,
    }

    impl OcrEngine for ScriptedEngine {
        fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
            if self.fails {
                return Err(OcrError::Engine { reason: "scripted".to_owned() });
            }
            let (x1, y1) = line.dimensions();
            // "e" + combining circumflex: the answer must come out in NFC.
            let text = format!("e\u{302}{x1}");
            Ok(vec![LineWord { text, x0: 0, x1, y0: 0, y1, ends: Vec::new(), confidence: 0.9 }])
        }

        fn name(&self) -> &str {
            "scripted"
        }
    }

    /// Rows of letter-like blocks, each row longer than the one before.
    fn page() -> RgbImage {
        let mut page = RgbImage::from_pixel(1654, 2339, Rgb([250, 250, 250]));
        for row in 0..12 {
            for letter in 0..20 + row {
                for (x, y) in (0..11).flat_map(|x| (0..20).map(move |y| (x, y))) {
                    if x < 3 || y < 3 {
                        page.put_pixel(200 + letter * 16 + x, 200 + row * 60 + y, Rgb([20, 20, 20]));
                    }
                }
            }
        }
        page
    }

    #[test]
    fn lines_come_in_order_whatever_the_number_of_threads() {
        let engine = ScriptedEngine { fails: false };
        let read_with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| read(&page(), 200.0, &engine).unwrap())
        };
        let text = read_with(1);
        assert_eq!(text, read_with(3));
        assert_eq!(text.lines.len(), 12);
        let widths: Vec<u32> = text.lines.iter().map(|line| line.bounds.width).collect();
        assert!(widths.is_sorted(), "{widths:?}");
        assert!(text.lines[0].words[0].text.starts_with('\u{ea}'), "NFC");
    }

    #[test]
    fn boxes_are_pixels_of_the_page_at_any_resolution() {
        let large = image::imageops::resize(&page(), 2481, 3509, image::imageops::FilterType::Triangle);
        let text = read(&large, 300.0, &ScriptedEngine { fails: false }).unwrap();
        let first = text.lines[0].bounds;
        assert!(first.x.abs_diff(300) <= 3 && first.y.abs_diff(300) <= 3, "{first:?}");
        assert!(first.width.abs_diff(472) <= 6 && first.height.abs_diff(30) <= 4, "{first:?}");
    }

    #[test]
    fn failure_of_the_engine_is_reported() {
        let result = read(&page(), 200.0, &ScriptedEngine { fails: true });
        assert!(matches!(result, Err(OcrError::Engine { .. })));
    }

    #[test]
    fn blank_page_has_no_text_and_no_legibility() {
        let engine = ScriptedEngine { fails: true };
        assert_eq!(read(&RgbImage::from_pixel(400, 600, Rgb([255; 3])), 72.0, &engine).unwrap(), PageText::default());
        assert_eq!(legibility(&GrayImage::from_pixel(400, 600, Luma([255])), 72.0, &engine).unwrap(), 0.0);
    }

    #[test]
    fn legibility_is_the_confidence_of_some_lines() {
        let gray = image::DynamicImage::ImageRgb8(page()).to_luma8();
        assert!((legibility(&gray, 200.0, &ScriptedEngine { fails: false }).unwrap() - 0.9).abs() < 1e-6);
    }

    #[test]
    fn unsure_strokes_in_cells_are_ones() {
        let read = |text: &str, confidence: f32| {
            let bounds = Rect { x: 0, y: 0, width: 5, height: 20 };
            let words = vec![Word { text: text.to_owned(), bounds, confidence, blue: 0 }];
            let mut page = PageText { lines: vec![TextLine { words, bounds, block: 0 }] };
            as_ordinal(&mut page);
            page.text()
        };
        assert_eq!(read("Ị", 0.54), "1");
        assert_eq!(read("1l", 0.54), "11");
        assert_eq!(read("I", 0.95), "I");
        assert_eq!(read("X", 0.54), "X");
    }

    #[test]
    fn the_dot_below_a_y_is_seen_on_the_picture() {
        /// Says for each line that it is so many letters of equal width.
        struct Says(&'static str);
        impl OcrEngine for Says {
            fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
                let (x1, y1) = line.dimensions();
                let count = u32::try_from(self.0.chars().count()).unwrap();
                let ends = (1..=count).map(|letter| letter * x1 / count).collect();
                Ok(vec![LineWord { text: self.0.to_owned(), x0: 0, x1, y0: 0, y1, ends, confidence: 0.9 }])
            }

            fn name(&self) -> &str {
                "says"
            }
        }
        let mut page = RgbImage::from_pixel(1654, 600, Rgb([250; 3]));
        let mut paint = |x0: u32, y0: u32, width: u32, height: u32| {
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                page.put_pixel(x0 + x, y0 + y, Rgb([15; 3]));
            }
        };
        for letter in 0..6 {
            paint(200 + letter * 16, 100, 3, 20);
            paint(200 + letter * 16, 100, 11, 3);
        }
        // Below the second letter.
        paint(221, 124, 4, 4);
        let read = |text: &'static str| read(&page, 200.0, &Says(text)).unwrap().text();
        assert_eq!(read("TY:-NY"), "TỴ:-NY");
        assert_eq!(read("ty,123"), "tỵ,123");
        assert_eq!(read("TA:-NY"), "TA:-NY");
        assert_eq!(read("TYTYTY"), "TYTYTY");
    }

    #[test]
    fn a_dotted_y_ends_a_syllable_without_another_tone() {
        for syllable in ["Ty", "TY", "ky", "quy", "Ngụy", "huy"] {
            assert_eq!(may_have_dotted_y(syllable), syllable != "Ngụy", "{syllable}");
        }
        for other in ["expiry", "tỳ", "yên", "Nationality", "ty2"] {
            assert!(!may_have_dotted_y(other), "{other}");
        }
    }

    #[test]
    fn unsure_lines_are_looked_at_twice_and_the_surer_answer_stays() {
        /// Reads small print better.
        struct LongSighted;
        impl OcrEngine for LongSighted {
            fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
                let ink = line.rows().filter(|row| row.clone().any(|p| p.0[0] < 128)).count();
                let small = ink * 10 < line.height() as usize * 6;
                let (text, confidence) = if small { ("small", 0.8) } else { ("large", 0.7) };
                let (x1, y1) = line.dimensions();
                Ok(vec![LineWord { text: text.to_owned(), x0: 0, x1, y0: 0, y1, ends: Vec::new(), confidence }])
            }

            fn name(&self) -> &str {
                "long-sighted"
            }
        }
        let text = read(&page(), 200.0, &LongSighted).unwrap();
        assert!(text.lines.iter().all(|line| line.words[0].text == "small"), "{text:?}");
    }

    #[test]
    fn unsure_numbers_are_kept_where_they_fit_their_ink() {
        assert!(is_number("06/01/1977", 10, false));
        assert!(is_number("6.556.000", 7, false), "points are no base glyphs");
        assert!(!is_number("2/21/5", 1, false), "more characters than ink");
        assert!(!is_number("397", 3, false));
        assert!(is_number("7", 1, true));
        assert!(!is_number("buêa bá wwA", 9, true));
    }
}
