use crate::model::{Lang, Localized, PageText};
pub mod tesseract { pub struct Tesseract; impl Tesseract { pub fn new(_: &std::path::Path, _: &str, _: usize) -> Result<Self, super::OcrError> { Ok(Self) } } impl super::OcrEngine for Tesseract { fn name(&self) -> &str { "t" } } }
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct OcrError;
impl Localized for OcrError { fn message(&self, _: Lang) -> String { String::new() } }
pub trait OcrEngine: Send + Sync { fn name(&self) -> &str; }
pub fn read(_: &image::RgbImage, _: f64, _: &dyn OcrEngine) -> Result<PageText, OcrError> { Ok(PageText::default()) }
pub fn legibility(_: &image::GrayImage, _: &dyn OcrEngine) -> Result<f32, OcrError> { Ok(0.0) }
