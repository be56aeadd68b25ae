//! Reading lines with our own runtime of tesseract's line recogniser: the same model file, the same answers.
//!
//! A line image is scaled and spread in contrast ([`picture`]), goes through the network ([`network`]) and comes out as
//! the best text under the word lists ([`decode`], [`dictionary`]), letters and digits of like shape told apart ([`shapes`]). Methods and formats are tesseract's
//! (`tesseract-ocr/tesseract`, `src/lstm`), the code is not. Why not the library: it takes nine times as long, starts
//! threads of its own, and needs an engine with its own weights for each thread. Measured side by side before the library
//! left the program, on 595 lines of the evaluation pages (mean width 346 pixels): 1.1 ms of CPU a line against 9.8 ms;
//! 94 % of the texts were equal, most others on what is no print. With tesseract's tables in place of the curves of
//! [`gates`] all of 149 texts were equal. Characters wrong on the evaluation pages: 0.57 % of printed ones (library:
//! 0.61 %), 0.48 % of filled-in ones (0.49 %); of the words above 0.9 99.4 % are right (99.4 %).
//!
//! Limits: 8-bit models with one code a character (`tessdata_fast` of alphabetic scripts), see [`file`].

mod decode;
mod dictionary;
mod file;
mod gates;
mod matrix;
mod network;
mod picture;
mod random;
mod shapes;
mod simd;

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
    /// Reads a model from the bytes of its file; `path`, the file, is for messages and the name.
    ///
    /// # Errors
    /// [`OcrError::ModelBroken`], naming the file, when it is damaged or not of the kind that is read here.
    pub fn new(model: &[u8], path: &Path) -> Result<Self, OcrError> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::read(model, &name).map_err(|_| OcrError::ModelBroken { path: path.to_owned() })
    }

    fn read(file: &[u8], language: &str) -> Result<Self, Malformed> {
        let part = |wanted| file::component(file, wanted)?.ok_or(Malformed("a model without a line recogniser"));
        let network = Network::read(&mut part(Component::Network)?)?;
        let alphabet = file::alphabet(&part(Component::Alphabet)?)?;
        let codes = file::codes(part(Component::Codes)?, alphabet.len(), network.outputs, network.null)?;
        let dictionary = Dictionary::read(file, &alphabet)?;
        Ok(Self { network, alphabet, codes, dictionary, name: format!("lstm {language}") })
    }

    /// Runs the network alone, for timings: the number of steps of the line.
    #[doc(hidden)]
    pub fn run_network(&self, line: &GrayImage) -> usize {
        self.network.run(&Input::new(line, self.network.height())).steps().len()
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
        let mut words = decode::words(&probabilities, &self.codes, self.network.null, self.dictionary.as_ref());
        shapes::settle(&mut words, &probabilities, &self.alphabet, &self.codes);
        let step = input.step * self.network.columns_a_step() as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the image")]
        let column = |x: f64| (x as u32).min(width);
        let text = |letter: &decode::Letter| self.alphabet[usize::from(letter.character)].text.as_str();
        let ends = |word: &decode::Spoken| {
            let behind = |(letter, end): (&decode::Letter, u32)| {
                let end = column((f64::from(end) * step).ceil());
                text(letter).chars().map(move |_| end).collect::<Vec<_>>()
            };
            word.letters.iter().zip(word.ends()).flat_map(behind).collect()
        };
        let word = |word: decode::Spoken| LineWord {
            text: word.letters.iter().map(text).collect(),
            ends: ends(&word),
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::simd::Kernels;
    use super::*;
    use crate::imaging::decode;
    use image::Luma;

    const MODEL: &[u8] = include_bytes!("../../../models/vie.traineddata");

    fn lines() -> [GrayImage; 2] {
        [&include_bytes!("../testdata/line-1.png")[..], include_bytes!("../testdata/line-2.png")]
            .map(|png| image::load_from_memory(png).unwrap().to_luma8())
    }

    fn text(words: &[LineWord]) -> String {
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn print_with_stacked_marks_is_read_with_boxes_from_left_to_right() {
        let engine = Lstm::read(MODEL, "vie").unwrap();
        let [first, _] = lines();
        let words = engine.recognize(&first).unwrap();
        assert_eq!(text(&words), "Ủy ban nhân dân xã Mỹ Lộc");
        assert!(words.windows(2).all(|pair| pair[0].x1 <= pair[1].x0), "{words:?}");
        assert!(words.iter().all(|word| word.x0 < word.x1 && word.x1 <= first.width()), "{words:?}");
        assert!(words.iter().all(|word| word.confidence > 0.8), "{words:?}");
    }

    /// What `tesseract LINE - -l vie --psm 13 --dpi 200 -c tessedit_enable_doc_dict=0 -c tessedit_do_invert=0 tsv` says,
    /// version 5.3.0: text, left and right edge, confidence.
    const LIBRARY: [&[(&str, u32, u32, f32)]; 2] = [
        &[
            ("Ủy", 5, 40, 0.968),
            ("ban", 57, 104, 0.970),
            ("nhân", 123, 188, 0.966),
            ("dân", 204, 256, 0.966),
            ("xã", 273, 307, 0.970),
            ("Mỹ", 324, 360, 0.963),
            ("Lộc", 377, 428, 0.970),
        ],
        &[("Số:", 6, 50, 0.955), ("697/QĐ-UBND", 65, 285, 0.622)],
    ];

    #[test]
    fn lines_read_as_the_library_reads_them() {
        let ours = Lstm::read(MODEL, "vie").unwrap();
        for (line, library) in lines().iter().zip(LIBRARY) {
            let words = ours.recognize(line).unwrap();
            assert_eq!(words.len(), library.len(), "{words:?}");
            for (word, &(text, x0, x1, confidence)) in words.iter().zip(library) {
                assert_eq!(word.text, text);
                assert!((word.confidence - confidence).abs() < 0.05, "{word:?}");
                let overlap = word.x1.min(x1).saturating_sub(word.x0.max(x0));
                assert!(2 * overlap > word.x1 - word.x0, "{word:?}");
            }
        }
    }

    /// Keeps the lines that it is handed.
    #[derive(Default)]
    struct Collector(Mutex<Vec<GrayImage>>);

    impl OcrEngine for Collector {
        fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
            self.0.lock().unwrap().push(line.clone());
            Ok(Vec::new())
        }

        fn name(&self) -> &str {
            "collector"
        }
    }

    #[test]
    fn lines_of_a_page_read_the_same_with_every_kernel() {
        let scan = include_bytes!("../../../samples/quyet-dinh/1-mat-truoc.jpg");
        let page = decode::decode(scan, 0, &decode::Limits::default()).unwrap().image;
        let collector = Collector::default();
        crate::ocr::read(&page, 300.0, &collector).unwrap();
        let lines = collector.0.into_inner().unwrap();
        assert!(lines.len() > 20, "{}", lines.len());
        let mut engine = Lstm::read(MODEL, "vie").unwrap();
        let probabilities = |engine: &Lstm, line: &GrayImage| {
            let input = Input::new(line, engine.network.height());
            engine.network.run(&input).steps().flatten().map(|p| p.to_bits()).collect::<Vec<_>>()
        };
        // The portable kernels take their time.
        for line in lines.iter().step_by(4) {
            engine.network.kernels = Kernels::PORTABLE;
            let expected = probabilities(&engine, line);
            for (name, kernels) in Kernels::runnable() {
                engine.network.kernels = kernels;
                assert!(probabilities(&engine, line) == expected, "{name}");
            }
        }
    }

    #[test]
    fn a_line_reads_the_same_after_others_and_on_other_threads() {
        let engine = Lstm::read(MODEL, "vie").unwrap();
        let [first, second] = lines();
        let fresh = engine.recognize(&first).unwrap();
        engine.recognize(&second).unwrap();
        assert_eq!(engine.recognize(&first).unwrap(), fresh);
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| engine.recognize(&first).unwrap())).collect();
            for call in calls {
                assert_eq!(call.join().unwrap(), fresh);
            }
        });
    }

    #[test]
    fn empty_and_tiny_lines_have_no_words() {
        let engine = Lstm::read(MODEL, "vie").unwrap();
        for (width, height) in [(0, 0), (1, 48), (300, 1), (3, 3), (7, 7), (8, 300), (8, 4_000)] {
            let blank = GrayImage::from_pixel(width, height, Luma([255]));
            assert_eq!(engine.recognize(&blank).unwrap(), [], "{width}x{height}");
        }
    }

    #[test]
    fn damaged_models_are_named() {
        assert_eq!(Lstm::new(MODEL, "models/vie.traineddata".as_ref()).unwrap().name(), "lstm vie");
        let broken = Lstm::new(&MODEL[..MODEL.len() / 2], "models/vie.traineddata".as_ref()).unwrap_err();
        assert!(matches!(&broken, OcrError::ModelBroken { path } if path.ends_with("vie.traineddata")), "{broken}");
    }

    #[test]
    fn models_cut_off_are_refused() {
        assert!(Lstm::read(MODEL, "vie").is_ok());
        // The last component, the version, is not needed.
        let needed = MODEL.len() - 80;
        for end in (0..400).chain((400..needed).step_by(4_001)).chain([needed - 1]) {
            assert!(Lstm::read(&MODEL[..end], "vie").is_err(), "{end} bytes");
        }
    }

    #[test]
    fn models_with_wrong_bits_are_refused_or_read_something() {
        let line = GrayImage::from_fn(60, 48, |x, y| Luma([if (x / 5 + y / 9) % 2 == 0 { 20 } else { 240 }]));
        let mut noise = random::Noise::new(3);
        let mut draw = |below: usize| {
            let digit = |noise: &mut random::Noise| usize::try_from(i32::from(noise.value()) + 127).unwrap();
            (0..4).fold(0, |number, _| number * 255 + digit(&mut noise)) % below
        };
        for case in 0..60 {
            let mut model = MODEL.to_vec();
            // The table and the first layers in one case of two, any byte in the others.
            let below = if case % 2 == 0 { 1_200 } else { model.len() };
            for _ in 0..3 {
                let at = draw(below);
                model[at] ^= 1 << draw(8);
            }
            if let Ok(engine) = Lstm::read(&model, "vie") {
                engine.recognize(&line).unwrap();
            }
        }
    }
}
