//! Finds the plausible outlines on generated captures and measures them, for the fit of the weights (`models/outline`).
//!
//! `outline_candidates FOLDER`: reads `FOLDER/truth.json` and the captures that it names, writes
//! `FOLDER/candidates.jsonl`: for each capture its file and its best candidates, each a quad and its measures.

use serde::{Deserialize, Serialize};
use sohoa::imaging::bounds::{card_sides, find, plausible};
use sohoa::imaging::decode::{self, Limits};
use sohoa::imaging::proxy::Proxy;
use sohoa::model::Quad;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Candidates written of each capture, in the order of the present weights.
const BEST: usize = 60;

#[derive(Deserialize)]
struct Capture {
    file: PathBuf,
    dpi: Option<f64>,
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a PathBuf,
    found: Vec<Sheet>,
    card: Option<[usize; 2]>,
    candidates: Vec<Candidate>,
    beside: Vec<Candidate>,
}

#[derive(Serialize)]
struct Sheet {
    quad: Quad,
    confidence: f32,
}

#[derive(Serialize)]
struct Candidate {
    quad: Quad,
    measures: Vec<f32>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("which folder?")?);
    let captures: Vec<Capture> = serde_json::from_slice(&fs::read(folder.join("truth.json"))?)?;
    let mut out = BufWriter::new(File::create(folder.join("candidates.jsonl"))?);
    for Capture { file, dpi } in &captures {
        let image = decode::decode(&fs::read(folder.join(file))?, 0, &Limits::default())?.image;
        let proxy = Proxy::new(&image);
        let sheets = find(&image, &proxy, *dpi, None);
        let card = card_sides(&sheets, image.dimensions(), *dpi, None);
        let found = sheets.iter().map(|sheet| Sheet { quad: sheet.quad, confidence: sheet.confidence }).collect();
        let (mut candidates, mut beside) = (Vec::new(), Vec::new());
        for outline in plausible(&image, &proxy, *dpi) {
            let mut candidate = Candidate { quad: outline.quad, measures: outline.measures.to_vec() };
            if let Some(measures) = outline.beside {
                candidate.measures.extend(measures);
                beside.push(candidate);
            } else if candidates.len() < BEST {
                candidates.push(candidate);
            }
        }
        serde_json::to_writer(&mut out, &Found { file, found, card, candidates, beside })?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
