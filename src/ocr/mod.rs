//! Reading printed Vietnamese from an upright, rectified page.
//!
//! Tesseract's line recogniser reads Vietnamese print almost perfectly; its page segmentation is what fails on forms,
//! leaders, tables and seals. So the page is prepared ([`prepare`]), its lines are found ([`lines`]) and put in reading
//! order ([`order`]) here, and an [`OcrEngine`] sees one clean line at a time. Limits: print written from left to
//! right, upright within about 2 degrees; cursive handwriting comes out as words of low confidence or not at all.

mod binarize;
mod components;
mod ink;
mod lines;
mod order;
mod prepare;
mod rules;
pub mod tesseract;

use std::path::PathBuf;

use image::{GrayImage, RgbImage};
use rayon::prelude::*;

use crate::model::{Lang, Localized, PageText, TextLine, Word};
use lines::{Line, LineImage};
use order::Piece;
use prepare::Prepared;

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
    /// The model file is not where it should be.
    #[error("no model file {path}: install tesseract-ocr-{language} or set the models folder")]
    ModelMissing {
        /// The file that was looked for.
        path: PathBuf,
        /// Tesseract's name of the language.
        language: String,
    },
    /// The model file is there, but the engine refuses it.
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
            Self::ModelMissing { path, language } => match lang {
                Lang::Vi => format!(
                    "Không tìm thấy tệp mô hình nhận dạng {}; hãy cài gói tesseract-ocr-{language} hoặc chỉ đúng thư \
                     mục mô hình trong cấu hình",
                    path.display()
                ),
                Lang::En => format!(
                    "The recognition model {} is missing; install the package tesseract-ocr-{language} or set the \
                     models folder in the configuration",
                    path.display()
                ),
            },
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
    let prepared = Prepared::new(page, dpi);
    let lines = lines::find(&prepared);
    let read: Vec<Option<TextLine>> =
        lines.par_iter().map(|line| read_line(&prepared, line, engine)).collect::<Result<_, _>>()?;
    let piece = |(line, text): (&Line, Option<TextLine>)| {
        text.map(|text| Piece {
            body: line.body,
            size: line.size,
            ends: [line.baseline_at(line.body.x0), line.baseline_at(line.body.x1)],
            text,
        })
    };
    let pieces = lines.iter().zip(read).filter_map(piece).collect();
    Ok(PageText { lines: order::arrange(pieces, &prepared.rules) })
}

/// Mean confidence, 0 to 1, of a few long lines well spread over a gray page; 0 without lines. Upright print gives
/// more than 0.8, the same page upside down less than 0.5, so the larger of two answers settles which way is up.
///
/// # Errors
/// The first error of the engine.
pub fn legibility(page: &GrayImage, dpi: f64, engine: &dyn OcrEngine) -> Result<f32, OcrError> {
    let prepared = Prepared::from_gray(page, dpi);
    let sample = spread_sample(lines::find(&prepared), LEGIBILITY_LINES);
    let lines: Vec<Option<TextLine>> =
        sample.par_iter().map(|line| read_line(&prepared, line, engine)).collect::<Result<_, _>>()?;
    let text = PageText { lines: lines.into_iter().flatten().collect() };
    Ok(text.mean_confidence().unwrap_or(0.0))
}

/// Lines that [`legibility`] reads: 5 separated all pages of our sets, 3 all but sparse forms.
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

/// Mean confidence below which a line is taken for a drawing, stain or signature rather than text.
/// Measured: real print of the evaluation pages stays above 0.55, remains of signatures and seals below 0.35.
const LINE_MIN_CONFIDENCE: f32 = 0.30;

fn read_line(prepared: &Prepared, line: &Line, engine: &dyn OcrEngine) -> Result<Option<TextLine>, OcrError> {
    let Some(image) = LineImage::cut(prepared, line) else { return Ok(None) };
    if let Ok(d) = std::env::var("DUMP") {
        image.pixels.save(format!("{d}/{:04}_{:04}.png", line.body.y0, line.body.x0)).unwrap();
    }
    let words: Vec<Word> =
        engine.recognize(&image.pixels)?.into_iter().filter_map(|w| place(&image, prepared, w)).collect();
    let Some(bounds) = words.iter().map(|word| word.bounds).reduce(order::union) else { return Ok(None) };
    let text = TextLine { words, bounds, block: 0 };
    let one = PageText { lines: vec![text] };
    let legible = one.mean_confidence().unwrap_or(0.0) >= LINE_MIN_CONFIDENCE;
    if !legible && std::env::var("ROLES").is_ok() {
        eprintln!("drop {:?} {:?}", one.text(), one.mean_confidence());
    }
    // A lone small letter is the arc of a drawing or the bar of a frame; lone digits and capitals stand in cells.
    let text = one.text();
    let lone = text.chars().count() == 1 && text.chars().all(char::is_lowercase);
    if !legible || lone || !text.contains(char::is_alphanumeric) {
        return Ok(None);
    }
    Ok(one.lines.into_iter().next())
}

fn place(image: &LineImage, prepared: &Prepared, word: LineWord) -> Option<Word> {
    use unicode_normalization::UnicodeNormalization;
    let text: String = word.text.nfc().filter(|c| !c.is_whitespace()).collect();
    let bounds = prepared.to_page(image.ink_between(word.x0, word.x1)?);
    (!text.is_empty()).then_some(Word { text, bounds, confidence: word.confidence.clamp(0.0, 1.0) })
}
