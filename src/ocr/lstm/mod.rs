//! Reading lines with our own runtime of tesseract's line recogniser: the same model file, the same answers.
//!
//! A line image is scaled and spread in contrast ([`picture`]), goes through the network ([`network`]) and comes out as
//! the best text under the word lists ([`decode`], [`dictionary`]). Methods and formats are tesseract's
//! (`tesseract-ocr/tesseract`, `src/lstm`), the code is not. Why not the library: it spends nine tenths of its time around
//! the sums that the network is made of, starts threads of its own, and needs an engine with its own weights for each
//! thread. Limits: 8-bit models with one code a character (`tessdata_fast` of alphabetic scripts), see [`file`].

mod decode;
mod dictionary;
mod file;
mod gates;
mod matrix;
mod network;
mod picture;
mod random;
mod simd;

use std::fs;
use std::path::Path;

use image::GrayImage;

use super::{LineWord, OcrEngine, OcrError};
use dictionary::Dictionary;
use file::{Character, Component, Malformed};
use network::Network;
use picture::Input;

/// A model for reading lines. One serves any number of threads at once.
#[derive(Debug)]
pub struct Lstm {
    network: Network,
    alphabet: Vec<Character>,
    /// The character of each output of the network.
    codes: Vec<Option<u16>>,
    dictionary: Option<Dictionary>,
    name: String,
}

/// Smallest side of an image that is worth reading, pixels.
const MIN_SIDE: u32 = 8;

impl Lstm {
    /// Loads `models/<language>.traineddata`.
    ///
    /// # Errors
    /// [`OcrError::ModelMissing`] or [`OcrError::ModelBroken`], naming the file.
    pub fn new(models: &Path, language: &str) -> Result<Self, OcrError> {
        let path = models.join(format!("{language}.traineddata"));
        if !path.is_file() {
            return Err(OcrError::ModelMissing { path, language: language.to_owned() });
        }
        let bytes = fs::read(&path).map_err(|_| OcrError::ModelBroken { path: path.clone() })?;
        Self::read(&bytes, language).map_err(|_| OcrError::ModelBroken { path })
    }

    fn read(file: &[u8], language: &str) -> Result<Self, Malformed> {
        let part = |wanted| file::component(file, wanted)?.ok_or(Malformed("a model without a line recogniser"));
        let network = Network::read(&mut part(Component::Network)?)?;
        let alphabet = file::alphabet(&part(Component::Alphabet)?)?;
        let codes = file::codes(part(Component::Codes)?, alphabet.len(), network.outputs, network.null)?;
        let dictionary = Dictionary::read(file, &alphabet)?;
        Ok(Self { network, alphabet, codes, dictionary, name: format!("lstm {language}") })
    }
}

impl OcrEngine for Lstm {
    fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
        let (width, height) = line.dimensions();
        if width < MIN_SIDE || height < MIN_SIDE {
            return Ok(Vec::new());
        }
        let input = Input::new(line, self.network.height());
        let probabilities = self.network.run(&input);
        let words = decode::words(&probabilities, &self.codes, self.network.null, self.dictionary.as_ref());
        let step = input.step * self.network.columns_a_step() as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the image")]
        let column = |x: f64| (x as u32).min(width);
        let word = |word: decode::Spoken| LineWord {
            text: word.characters.iter().map(|&c| self.alphabet[usize::from(c)].text.as_str()).collect(),
            x0: column((f64::from(word.start) * step).floor()),
            x1: column((f64::from(word.end) * step).ceil()),
            y0: 0,
            y1: height,
            confidence: word.confidence,
        };
        Ok(words.into_iter().map(word).collect())
    }

    fn name(&self) -> &str {
        &self.name
    }
}
