//! `sohoa inspect`: one JSON line a page of each capture, for debugging one picture and for scoring many; with `--debug`
//! pictures of what was found, too.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;
use sohoa::exit::ExitCode;
use sohoa::gather;
use sohoa::imaging::quality::Flag;
use sohoa::input::{self, Frame, InputError};
use sohoa::model::{Edit, Lang, Localized, Notice, Orientation, PageMap, Point, Quad, Rect, Word, io_reason, shown};
use sohoa::ocr::OcrEngine;
use sohoa::page::debug::{self, Picture, Sheets};
use sohoa::page::{self, Page, PageError};
use sohoa::pool::Pool;

use super::args::{Inspect, Shared, Switch};
use super::{Failure, environment, remark, stdout_failure};

/// What is printed of a page.
#[derive(Serialize)]
struct Line<'a> {
    /// The path as given.
    file: &'a str,
    /// Corners on the display-oriented capture, `[[x, y]; 4]`.
    quad: Option<[[f64; 2]; 4]>,
    skew_deg: f64,
    orientation: Orientation,
    blank: bool,
    text: String,
    words: Vec<WordLine<'a>>,
    qr: Vec<&'a str>,
    quality: &'static str,
    /// Why the page wants a rescan, all reasons.
    flags: &'a [Flag],
    notices: &'a [Notice],
    /// Size of the paper, millimetres, and resolution of the page image.
    width_mm: f64,
    height_mm: f64,
    dpi: f64,
    quad_confidence: f32,
    /// Where a regular grid over the page image, corner to corner, lies on the capture, row by row; its four corners where
    /// the page is flat. `None` where the page image is put together from two sheets.
    grid: Option<Vec<Vec<[f64; 2]>>>,
    ms: f64,
}

/// What is printed of a word.
#[derive(Serialize)]
struct WordLine<'a> {
    text: &'a str,
    confidence: f64,
    /// Its box on the display-oriented capture, from the word's own top left clockwise.
    quad: [[f64; 2]; 4],
}

/// What became of one page of a capture, with its pictures where they are wanted.
type Inspected = Result<(Page, Vec<Picture>), PageError>;

/// Inspects every page of every file; lines come in the order of the files.
pub(super) fn run(command: &Inspect, shared: Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(&shared, lang, |raw| {
        raw.ocr.enabled = command.ocr.map(|ocr| ocr == Switch::On).or(raw.ocr.enabled);
    })?;
    let reader = environment::reader(&config)?;
    let engine = reader.as_ref().map(|reader| &reader.engine as &dyn OcrEngine);
    let pool = Pool::new(config.jobs, config.memory_bytes)
        .map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;

    if let Some(folder) = &command.debug {
        std::fs::create_dir_all(folder).map_err(|error| folder_failure(folder, &error, lang))?;
    }
    let inspect = |frame: &Frame| {
        let page = page::process(frame, &config.page, &Edit::default(), engine)?;
        let pictures = match &command.debug {
            Some(_) => debug::pictures(frame, &page, &config.page)?,
            None => Vec::new(),
        };
        Ok((page, pictures))
    };
    let mut waiting: Vec<Option<Vec<Inspected>>> = command.files.iter().map(|_| None).collect();
    let mut next = 0;
    let mut code = ExitCode::Done;
    let mut failed_output = None;
    pool.run(
        &command.files,
        |path| {
            read(path, &config.page.limits).map_or(0, |frames| frames.iter().map(page::memory_bytes).max().unwrap_or(0))
        },
        |path| match read(path, &config.page.limits) {
            Ok(frames) => frames.iter().map(inspect).collect(),
            Err(error) => vec![Err(error.into())],
        },
        |index, result| {
            waiting[index] = Some(result.unwrap_or_else(|panicked| vec![Err(panicked.into())]));
            while let Some(pages) = waiting.get_mut(next).and_then(Option::take) {
                for (number, page) in (1..).zip(pages) {
                    match page {
                        Ok((page, pictures)) => {
                            let path = &command.files[next];
                            let told = print(path, &page).map_err(|error| stdout_failure(&error));
                            let shown = command.debug.as_ref().map_or(Ok(()), |folder| {
                                let stem = format!("{:03}-{}-{number}", next + 1, stem(path));
                                write(&pictures, folder, &stem).map_err(|error| folder_failure(folder, &error, lang))
                            });
                            if let Err(failure) = told.and(shown) {
                                failed_output = Some(failure);
                                return ControlFlow::Break(());
                            }
                        }
                        Err(error) => {
                            code = ExitCode::Incomplete;
                            remark(&format!("{}: {}", shown(&command.files[next]), error.message(lang)));
                        }
                    }
                }
                next += 1;
            }
            ControlFlow::Continue(())
        },
    );
    failed_output.map_or(Ok(code), Err)
}

fn read(path: &Path, limits: &sohoa::imaging::decode::Limits) -> Result<Vec<Frame>, InputError> {
    input::open(gather::read(path, limits)?, limits)
}

/// The file's own name in the names of its pictures.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn write(pictures: &[Picture], folder: &Path, stem: &str) -> std::io::Result<()> {
    pictures
        .iter()
        .try_for_each(|picture| std::fs::write(folder.join(format!("{stem}-{}.jpg", picture.shows)), &picture.jpeg))
}

fn folder_failure(folder: &Path, error: &std::io::Error, lang: Lang) -> Failure {
    let message = match lang {
        Lang::Vi => format!("không ghi được hình vào {}: {}", shown(folder), io_reason(error.kind(), lang)),
        Lang::En => format!("cannot write pictures to {}: {}", shown(folder), io_reason(error.kind(), lang)),
    };
    Failure::new(ExitCode::Output, message)
}

fn print(path: &Path, page: &Page) -> std::io::Result<()> {
    let sheets = Sheets(&page.parts);
    let line = Line {
        file: &path.to_string_lossy(),
        quad: page.geometry.quad.map(|quad| quad.0.map(|p| [tenth(p.x), tenth(p.y)])),
        skew_deg: (page.geometry.skew_degrees * 1000.0).round() / 1000.0,
        orientation: page.geometry.orientation,
        blank: page.blank,
        text: page.text.text(),
        words: page.text.lines.iter().flat_map(|line| &line.words).map(|word| word_line(sheets, word)).collect(),
        qr: page.codes.iter().map(|code| code.payload.as_str()).collect(),
        quality: verdict(&page.flags),
        flags: &page.flags,
        notices: &page.notices,
        width_mm: tenth(page.geometry.size.width),
        height_mm: tenth(page.geometry.size.height),
        dpi: tenth(page.geometry.dpi),
        quad_confidence: page.geometry.quad_confidence,
        grid: if let [whole] = &page.parts[..] { Some(grid(&whole.map)) } else { None },
        ms: tenth(page.elapsed.as_secs_f64() * 1000.0),
    };
    let mut text = serde_json::to_string(&line)?;
    text.push('\n');
    std::io::stdout().lock().write_all(text.as_bytes())
}

/// The nodes of a page's bend on the capture, between which its map is that of its corners and a bilinear shift.
fn grid(map: &PageMap) -> Vec<Vec<[f64; 2]>> {
    let (columns, rows) = map.bend.as_ref().map_or((2, 2), |bend| (bend.columns(), bend.rows()));
    let place = |index: usize, count: usize, pixels: u32| index as f64 / (count - 1) as f64 * f64::from(pixels) - 0.5;
    let node = |column, row| {
        let p = map.to_capture(Point::new(place(column, columns, map.width), place(row, rows, map.height)));
        [hundredth(p.x), hundredth(p.y)]
    };
    (0..rows).map(|row| (0..columns).map(|column| node(column, row)).collect()).collect()
}

fn hundredth(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn word_line<'a>(sheets: Sheets, word: &'a Word) -> WordLine<'a> {
    let Rect { x, y, width, height } = word.bounds;
    let corners = Quad::of_frame(width, height).0.map(|p| Point::new(p.x + f64::from(x), p.y + f64::from(y)));
    WordLine {
        text: &word.text,
        confidence: (f64::from(word.confidence) * 1000.0).round() / 1000.0,
        quad: corners.map(|corner| sheets.to_capture(corner)).map(|p| [tenth(p.x), tenth(p.y)]),
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The one word of the results schema: other flags leave the picture readable.
fn verdict(flags: &[Flag]) -> &'static str {
    if flags.contains(&Flag::CutOff) {
        "cut-off"
    } else if flags.iter().any(Flag::is_blur) {
        "blurred"
    } else {
        "ok"
    }
}
