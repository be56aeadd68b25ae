//! Tesseract's LSTM line recogniser behind [`OcrEngine`].
//!
//! A bounded set of engines is loaded once; a call leases one for a single line and gives it back, so no lease lives
//! across a rayon join. Engines carry no state from line to line: the document dictionary and all adaptation are off.
//! Memory: 11 MB an engine with tessdata_fast `vie`; loading takes 60 to 70 ms.

use std::ffi::CStr;
use std::fmt;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use image::GrayImage;
use leptess::tesseract::TessApi;

use super::{LineWord, OcrEngine, OcrError};

#[expect(unsafe_code, reason = "the one call that keeps the engine's OpenMP from starting threads; see `serial`")]
mod openmp {
    use std::ffi::c_int;

    // JUSTIFICATION
    //  Benefit
    //      Debian builds tesseract with OpenMP; each line starts up to four threads that spin: a dense page costs 4.1 s
    //      of CPU instead of 0.87 s. OMP_THREAD_LIMIT is read before `main`, too early for us to set, and the engine
    //      names its number of threads itself, so `omp_set_num_threads` does nothing.
    //  Correctness
    //      omp_set_max_active_levels(int) is OpenMP 3.0, exported by libgomp, which libtesseract already loads. It takes
    //      no pointer, keeps its setting for the calling thread and may be called at any time outside parallel regions.
    #[link(name = "gomp")]
    unsafe extern "C" {
        safe fn omp_set_max_active_levels(levels: c_int);
    }

    /// From now on parallel regions of this thread run on this thread alone.
    pub(super) fn serial() {
        omp_set_max_active_levels(0);
    }
}

/// A set of tesseract engines with one model.
pub struct Tesseract {
    idle: Mutex<Vec<TessApi>>,
    returned: Condvar,
    name: String,
}

impl fmt::Debug for Tesseract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tesseract").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Smallest side of an image that is worth showing to the engine, pixels.
const MIN_SIDE: u32 = 8;

/// Settings of every engine: the picture is one raw line, nothing is learnt from line to line, nothing is printed.
const VARIABLES: [(&CStr, &CStr); 6] = [
    (c"debug_file", c"/dev/null"),
    (c"tessedit_pageseg_mode", c"13"),
    (c"tessedit_enable_doc_dict", c"0"),
    (c"classify_enable_learning", c"0"),
    (c"tessedit_do_invert", c"0"),
    (c"user_defined_dpi", c"200"),
];

impl Tesseract {
    /// Loads `engines` (at least one) copies of `models/<language>.traineddata`. As many as threads is right: a call
    /// beyond waits for an engine to come back.
    ///
    /// # Errors
    /// [`OcrError::ModelMissing`] or [`OcrError::ModelBroken`], naming the file.
    pub fn new(models: &Path, language: &str, engines: usize) -> Result<Self, OcrError> {
        let path = models.join(format!("{language}.traineddata"));
        if !path.is_file() {
            return Err(OcrError::ModelMissing { path, language: language.to_owned() });
        }
        let broken = || OcrError::ModelBroken { path: path.clone() };
        let folder = models.to_str().filter(|folder| !folder.contains('\0')).ok_or_else(broken)?;
        let load = |_| {
            let mut api = TessApi::new(Some(folder), language).map_err(|_| broken())?;
            for (name, value) in VARIABLES {
                api.raw.set_variable(name, value).map_err(|_| broken())?;
            }
            Ok(api)
        };
        let idle = (0..engines.max(1)).map(load).collect::<Result<Vec<_>, OcrError>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new(), name: format!("tesseract {language}") })
    }

    /// Runs `work` with an engine of its own.
    fn lease<T>(&self, work: impl FnOnce(&mut TessApi) -> T) -> T {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut api = loop {
            match idle.pop() {
                Some(api) => break api,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(idle);
        let result = work(&mut api);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(api);
        self.returned.notify_one();
        result
    }
}

impl OcrEngine for Tesseract {
    fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
        let (width, height) = line.dimensions();
        if width < MIN_SIDE || height < MIN_SIDE {
            return Ok(Vec::new());
        }
        openmp::serial();
        self.lease(|api| read_tsv(api, line)).map(|tsv| tsv.lines().filter_map(parse_word).collect())
    }

    fn name(&self) -> &str {
        &self.name
    }
}

fn read_tsv(api: &mut TessApi, line: &GrayImage) -> Result<String, OcrError> {
    let failed = |reason: &str| OcrError::Engine { reason: reason.to_owned() };
    let (width, height) = (i32::try_from(line.width()), i32::try_from(line.height()));
    let (Ok(width), Ok(height)) = (width, height) else { return Err(failed("line too large")) };
    api.raw.set_image(line.as_raw(), width, height, 1, width).map_err(|_| failed("line refused"))?;
    api.raw.recognize().map_err(|_| failed("recognition failed"))?;
    let tsv = api.raw.get_tsv_text(0).map_err(|_| failed("no result"))?;
    let tsv: &CStr = tsv.as_ref();
    Ok(tsv.to_string_lossy().into_owned())
}

/// A row of tesseract's TSV: level, page, block, paragraph, line, word, left, top, width, height, confidence, text.
/// Rows other than words (level 5) give `None`.
fn parse_word(row: &str) -> Option<LineWord> {
    let mut fields = row.splitn(12, '\t');
    if fields.next()? != "5" {
        return None;
    }
    let mut fields = fields.skip(5);
    let mut number = || fields.next()?.parse::<u32>().ok();
    let (x0, y0, width, height) = (number()?, number()?, number()?, number()?);
    let confidence: f32 = fields.next()?.parse().ok()?;
    let text = fields.next()?.trim().to_owned();
    let confidence = (confidence / 100.0).clamp(0.0, 1.0);
    (!text.is_empty()).then_some(LineWord { text, x0, x1: x0 + width, y0, y1: y0 + height, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models");

    fn line(png: &[u8]) -> GrayImage {
        image::load_from_memory(png).unwrap().to_luma8()
    }

    fn first() -> GrayImage {
        line(include_bytes!("testdata/line-1.png"))
    }

    fn text(words: &[LineWord]) -> String {
        words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn print_with_stacked_marks_is_read_with_boxes_from_left_to_right() {
        let words = Tesseract::new(MODELS.as_ref(), "vie", 1).unwrap().recognize(&first()).unwrap();
        assert_eq!(text(&words), "Ủy ban nhân dân xã Mỹ Lộc");
        assert!(words.windows(2).all(|pair| pair[0].x1 <= pair[1].x1 && pair[0].x0 < pair[1].x0));
        assert!(words.iter().all(|word| word.confidence > 0.8 && word.x1 <= first().width()));
    }

    #[test]
    fn a_line_reads_the_same_after_others_and_on_other_threads() {
        let engine = Tesseract::new(MODELS.as_ref(), "vie", 2).unwrap();
        let fresh = engine.recognize(&first()).unwrap();
        for _ in 0..3 {
            engine.recognize(&line(include_bytes!("testdata/line-2.png"))).unwrap();
        }
        assert_eq!(engine.recognize(&first()).unwrap(), fresh);
        // Four callers share two engines.
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(|| engine.recognize(&first()).unwrap())).collect();
            for call in calls {
                assert_eq!(call.join().unwrap(), fresh);
            }
        });
    }

    #[test]
    fn empty_and_tiny_lines_have_no_words() {
        let engine = Tesseract::new(MODELS.as_ref(), "vie", 0).unwrap();
        for (width, height) in [(0, 0), (1, 48), (300, 1), (3, 3), (7, 7)] {
            let blank = GrayImage::from_pixel(width, height, image::Luma([255]));
            assert_eq!(engine.recognize(&blank).unwrap(), [], "{width}x{height}");
        }
    }

    #[test]
    fn rows_that_are_no_words_are_skipped() {
        assert_eq!(parse_word("4\t1\t1\t1\t1\t0\t0\t0\t10\t10\t-1\t"), None);
        assert_eq!(parse_word("5\t1\t1\t1\t1\t1\t3\t4\t10\t20\t91.5\t "), None);
        let word = parse_word("5\t1\t1\t1\t1\t1\t3\t4\t10\t20\t91.5\tạ").unwrap();
        assert_eq!((word.x0, word.x1, word.y0, word.y1, word.text.as_str()), (3, 13, 4, 24, "ạ"));
    }
}
