//! Cuts the letters out of generated pages for the training of the orientation network (`models/orientation`), and
//! counts how many of the pages the present network gets right.
//!
//! `orientation_patches FOLDER`: reads `FOLDER/truth.json` and the pages that it names, writes `FOLDER/patches.bin`: for
//! each letter one byte for the quarter turns of its page, clockwise, and the bytes of its patch.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use image::ImageReader;
use serde::Deserialize;
use sohoa::imaging::ink::Ink;
use sohoa::imaging::orient::{MIN_CONFIDENCE, estimate, letter_patches};
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

#[derive(Deserialize)]
struct Page {
    file: PathBuf,
    orientation: u16,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    let pages: Vec<Page> = serde_json::from_slice(&fs::read(folder.join("truth.json"))?)?;
    let mut out = BufWriter::new(File::create(folder.join("patches.bin"))?);
    let (mut right, mut sure, mut sure_and_wrong) = (0, 0, 0);
    for page in &pages {
        let ink = Ink::of(&ImageReader::open(folder.join(&page.file))?.decode()?.to_luma8());
        let quarters = u8::try_from(page.orientation / 90)?;
        for patch in letter_patches(&ink) {
            out.write_all(&[quarters])?;
            out.write_all(&patch)?;
        }
        let guess = estimate(&ink);
        let is_right = u16::from(guess.orientation) == page.orientation;
        right += usize::from(is_right);
        sure += usize::from(guess.confidence >= MIN_CONFIDENCE);
        sure_and_wrong += usize::from(guess.confidence >= MIN_CONFIDENCE && !is_right);
    }
    out.flush()?;
    println!("{right} of {} pages right; {sure} with confidence, {sure_and_wrong} of them wrong", pages.len());
    Ok(())
}
