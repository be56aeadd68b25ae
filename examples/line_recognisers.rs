//! Compares the recognisers on line images, PNG files of a folder: `line_recognisers FOLDER [EVERY]`, every file or every
//! so many. Prints the CPU time of each, how many texts are equal, and those that differ.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use image::{GrayImage, ImageReader};
use rustix::time::{ClockId, clock_gettime};
use sohoa::ocr::lstm::Lstm;
use sohoa::ocr::tesseract::Tesseract;
use sohoa::ocr::{LineWord, OcrEngine, OcrError};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Readings of all lines, of which the fastest counts.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().ok_or("which folder?")?);
    let every: usize = args.next().map_or(Ok(1), |every| every.to_string_lossy().parse())?;
    let lines = lines(&folder, every)?;
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let model = models.join("vie.traineddata");
    let (ours, our_texts) = read(&Lstm::new(&fs::read(&model)?, &model)?, &lines)?;
    let (theirs, their_texts) = read(&Tesseract::new(&models, "vie", 1)?, &lines)?;
    let differing: Vec<_> = our_texts.iter().zip(&their_texts).filter(|(our, their)| our != their).collect();
    for (our, their) in &differing {
        println!("- {their}\n+ {our}");
    }
    let (count, equal) = (lines.len(), lines.len() - differing.len());
    println!("{count} lines, CPU ms a line: lstm {ours:.2}, tesseract {theirs:.2}; {equal} texts equal");
    Ok(())
}

fn lines(folder: &Path, every: usize) -> Result<Vec<GrayImage>, Box<dyn Error>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    paths.iter().step_by(every).map(|path| Ok(ImageReader::open(path)?.decode()?.to_luma8())).collect()
}

/// CPU milliseconds a line, and the texts.
fn read(engine: &dyn OcrEngine, lines: &[GrayImage]) -> Result<(f64, Vec<String>), OcrError> {
    let mut least = f64::MAX;
    let mut texts = Vec::new();
    for _ in 0..ROUNDS {
        let start = cpu_time();
        texts = lines.iter().map(|line| engine.recognize(line).map(text)).collect::<Result<_, _>>()?;
        least = least.min((cpu_time() - start).as_secs_f64());
    }
    Ok((least * 1e3 / lines.len() as f64, texts))
}

fn text(words: Vec<LineWord>) -> String {
    words.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("time runs forward")
}
