//! Runs steps of the image stage on request and answers with the CPU time of each: sohoa's side of
//! `benches/compare-imaging` and `benches/cost-by-size`.
//!
//! `imaging_timings` reads requests from standard input, a JSON object a line (see [`Request`]), and answers each with
//! one: `ms`, CPU time of the process, and what was found, where that tells something. Decoding and preparing what a
//! step starts from is not timed, nor is freeing what it made; allocating that is.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::{GrayImage, RgbImage};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::{Value, json};
use sohoa::imaging::decode::{self, Limits};
use sohoa::imaging::gray::luma;
use sohoa::imaging::illumination::{self, Light};
use sohoa::imaging::ink::Ink;
use sohoa::imaging::proxy::Proxy;
use sohoa::imaging::{bounds, encode, skew, warp};
use sohoa::input;
use sohoa::model::{Edit, Homography, PageMap, Quad};
use sohoa::page::{self, Settings};

/// What the page pipeline estimates the skew on, dots an inch, and the resolution of the pages here.
const PREVIEW_DPI: u32 = 120;
const PAGE_DPI: u32 = 300;

#[derive(Deserialize)]
struct Request {
    /// A name that [`kernel`] knows, or `page`: the whole way from the bytes of a capture to those of a page, no OCR.
    step: String,
    /// The picture that it works on.
    file: PathBuf,
    /// For the warps: where the corners of the result, this many pixels wide and high, lie in the picture.
    corners: Option<Quad>,
    #[serde(default)]
    size: (u32, u32),
    /// For the outline: whether the picture is from a scanner.
    #[serde(default)]
    scanned: bool,
}

/// A picture and what the pipeline has of it when a step begins.
struct Picture {
    bytes: Vec<u8>,
    image: RgbImage,
    gray: GrayImage,
    preview: GrayImage,
}

impl Picture {
    fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let bytes = fs::read(path)?;
        let image = decode::decode(&bytes, 0, &Limits::default())?.image;
        let gray = luma(&image);
        let preview = preview(&gray);
        Ok(Self { bytes, image, gray, preview })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    sohoa::pool::keep_freed_memory();
    let mut pictures = BTreeMap::new();
    for line in stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = if request.step == "page" {
            whole_page(&request.file)?
        } else {
            if !pictures.contains_key(&request.file) {
                pictures.insert(request.file.clone(), Picture::open(&request.file)?);
            }
            kernel(&request, &pictures[&request.file])?
        };
        let mut out = stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn kernel(request: &Request, picture: &Picture) -> Result<Value, Box<dyn Error>> {
    let Picture { bytes, image, gray, preview: small } = picture;
    let (width, height) = request.size;
    let homography = request.corners.and_then(|corners| Homography::between(&Quad::of_frame(width, height), &corners));
    let map = homography.map(|homography| PageMap::flat(width, height, homography));
    let map = || map.as_ref().ok_or("the corners of a warp are missing or lie on a line");
    Ok(match request.step.as_str() {
        "decode" => timed(|| decode::decode(black_box(bytes), 0, &Limits::default())).0,
        "luma" => timed(|| luma(black_box(image))).0,
        "proxy" => timed(|| Proxy::new(black_box(image))).0,
        "warp" => {
            let map = map()?;
            timed(|| warp::rectify(black_box(image), map)).0
        }
        "warp-gray" => {
            let map = map()?;
            timed(|| warp::rectify_gray(black_box(gray), map)).0
        }
        "illumination" => {
            let mut page = image.clone();
            let (answer, changed) = timed(|| illumination::normalize(black_box(&mut page), Light::Room));
            with(answer, "found", json!(changed))
        }
        "outline" => {
            let scan_dpi = request.scanned.then_some(f64::from(PAGE_DPI));
            let (answer, found) = timed(|| bounds::find(black_box(image), &Proxy::new(image), scan_dpi, None));
            with(answer, "found", json!(found.first().map(|main| main.quad.0.map(|p| [p.x, p.y]))))
        }
        "skew" => {
            let (answer, skew) = timed(|| skew::estimate(&Ink::of(black_box(small))));
            with(answer, "found", json!(skew.degrees))
        }
        "skew-from-gray" => {
            let (answer, skew) = timed(|| skew::estimate(&Ink::of(&preview(black_box(gray)))));
            with(answer, "found", json!(skew.degrees))
        }
        "encode" => timed(|| encode::jpeg(black_box(image), 85, f64::from(PAGE_DPI))).0,
        unknown => return Err(format!("no step is called {unknown}").into()),
    })
}

fn whole_page(file: &Path) -> Result<Value, Box<dyn Error>> {
    let (bytes, settings) = (fs::read(file)?, Settings::default());
    let (answer, page) = timed(|| -> Result<_, page::PageError> {
        let frame = input::open(bytes.into(), &settings.limits)?.remove(0);
        page::process(&frame, &settings, &Edit::default(), None)
    });
    let page = page?;
    Ok(with(answer, "found", json!([page.width, page.height])))
}

/// The grey page at the resolution on which skew is estimated.
fn preview(gray: &GrayImage) -> GrayImage {
    let [width, height] = [gray.width(), gray.height()].map(|side| (side * PREVIEW_DPI / PAGE_DPI).max(1));
    let whole = Quad::of_frame(gray.width(), gray.height());
    let map = Homography::between(&Quad::of_frame(width, height), &whole).expect("frames are proper quads");
    warp::rectify_gray(gray, &PageMap::flat(width, height, map))
}

/// The answer with the CPU time of `work`, and what it made.
fn timed<T>(work: impl FnOnce() -> T) -> (Value, T) {
    let start = clock_gettime(ClockId::ProcessCPUTime);
    let made = black_box(work());
    let passed = clock_gettime(ClockId::ProcessCPUTime) - start;
    let passed = Duration::try_from(passed).expect("time runs forward");
    (json!({ "ms": passed.as_secs_f64() * 1e3 }), made)
}

fn with(mut answer: Value, key: &str, value: Value) -> Value {
    answer[key] = value;
    answer
}
