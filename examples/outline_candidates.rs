//! Finds the plausible outlines on generated captures and measures them, for the fit of the weights (`models/outline`).
//!
//! `outline_candidates FOLDER`: reads `FOLDER/truth.json` and the captures that it names, writes
//! `FOLDER/candidates.jsonl`: for each capture its file and its best candidates, each a quad and its measures.

use serde::{Deserialize, Serialize};
use sohoa::imaging::bounds::plausible;
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
    scanned: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    file: &'a PathBuf,
    candidates: Vec<Candidate>,
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
    for Capture { file, scanned } in &captures {
        let image = decode::decode(&fs::read(folder.join(file))?, 0, &Limits::default())?.image;
        let outlines = plausible(&image, &Proxy::new(&image), *scanned).into_iter().take(BEST);
        let candidates = outlines.map(|(quad, measures)| Candidate { quad, measures: measures.to_vec() }).collect();
        serde_json::to_writer(&mut out, &Found { file, candidates })?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
