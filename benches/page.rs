//! A whole page, and each of its stages, on captures of `samples/`: an A4 scan at 300 dpi and a 12 MP photo.
//!
//! `cargo bench --bench page`. Everything runs on one thread, and what is measured is the CPU time of the process, so
//! that figures hold on a busy machine too; those with OCR include the reading, not the loading of the model.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};
use image::{GrayImage, RgbImage};
use rustix::time::{ClockId, clock_gettime};
use sohoa::codes;
use sohoa::imaging::gray::luma;
use sohoa::imaging::illumination::{self, Light};
use sohoa::imaging::ink::Ink;
use sohoa::imaging::proxy::Proxy;
use sohoa::imaging::{bed, blank, bounds, decode, encode, orient, quality, skew, warp};
use sohoa::input::{self, Frame};
use sohoa::model::{Edit, Homography, PageMap, Quad};
use sohoa::ocr::lstm::Lstm;
use sohoa::ocr::{self, LineWord, OcrEngine, OcrError, Prepared, Reading};
use sohoa::page::{self, Page, Settings};

const SCAN: &str = "quyet-dinh/1-mat-truoc.jpg";
const PHOTO: &str = "can-cuoc-ban-sao/to-giay-cong.jpg";

/// What skew and orientation are estimated on, dots an inch.
const PREVIEW_DPI: f64 = 120.0;

/// CPU time of the process instead of the time on the clock.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("time runs forward")
    }

    fn end(&self, start: Duration) -> Duration {
        self.start() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn frame(sample: &str) -> Frame {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(sample);
    let bytes: Arc<[u8]> = fs::read(path).expect("the sample exists").into();
    input::open(bytes, &Settings::default().limits).expect("the sample opens").remove(0)
}

fn process(frame: &Frame, engine: Option<&dyn OcrEngine>) -> Page {
    page::process(black_box(frame), &Settings::default(), &Edit::default(), engine).expect("the sample is a page")
}

fn reader() -> Lstm {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/vie.traineddata");
    Lstm::new(&fs::read(&model).expect("the model of the repository"), &model).expect("a model that can be read")
}

fn pages(c: &mut Criterion<CpuTime>) {
    let engine = reader();
    let (scan, photo) = (frame(SCAN), frame(PHOTO));
    let mut group = c.benchmark_group("page");
    group.bench_function("scan, no OCR", |b| b.iter(|| process(&scan, None)));
    group.bench_function("photo, no OCR", |b| b.iter(|| process(&photo, None)));
    group.bench_function("scan, OCR", |b| b.iter(|| process(&scan, Some(&engine))));
    group.finish();
}

fn stages(c: &mut Criterion<CpuTime>) {
    for (name, sample, scan_dpi) in [("scan", SCAN, Some(300.0)), ("photo", PHOTO, None)] {
        let frame = frame(sample);
        let limits = Settings::default().limits;
        let page = process(&frame, None);
        let capture = frame.decode(&limits).expect("the sample decodes").image;
        let proxy = Proxy::new(&capture);
        // The layout that `process` found.
        let (width, height) = (page.width, page.height);
        let whole = Quad::of_frame(capture.width(), capture.height());
        let outline = page.geometry.quad.unwrap_or(whole);
        let map = |width: u32, height: u32, outline: &Quad| {
            let homography = Homography::between(&Quad::of_frame(width, height), outline).expect("a proper quad");
            PageMap::flat(width, height, homography)
        };
        let (dpi, flat) = (page.geometry.dpi, map(width, height, &outline));
        let preview_side = |side: u32| scaled(side, PREVIEW_DPI / dpi);
        let (small_width, small_height) = (preview_side(width), preview_side(height));
        let to_small = map(small_width, small_height, &outline.scaled(1.0 / f64::from(proxy.gray_factor)));
        let preview = warp::rectify_gray(&proxy.gray, &to_small);
        let image = warp::rectify(&capture, &flat);
        let gray = luma(&image);
        let effective_dpi = page.geometry.effective_dpi;

        let mut group = c.benchmark_group(format!("stages of a {name}"));
        group.bench_function("decode", |b| b.iter(|| frame.decode(black_box(&limits))));
        group.bench_function("proxy", |b| b.iter(|| Proxy::new(black_box(&capture))));
        group.bench_function("outline", |b| b.iter(|| bounds::find(black_box(&capture), &proxy, scan_dpi, None)));
        let ink = Ink::of(&preview);
        group.bench_function("layout: preview", |b| b.iter(|| warp::rectify_gray(black_box(&proxy.gray), &to_small)));
        group.bench_function("layout: ink", |b| b.iter(|| Ink::of(black_box(&preview))));
        group.bench_function("layout: skew", |b| b.iter(|| skew::estimate(black_box(&ink))));
        group.bench_function("layout: orientation", |b| b.iter(|| orient::estimate(black_box(&ink))));
        group.bench_function("warp", |b| b.iter(|| warp::rectify(black_box(&capture), &flat)));
        group.bench_function("grey of the page", |b| b.iter(|| luma(black_box(&image))));
        group.bench_function("quality", |b| b.iter(|| quality::measure(black_box(&gray), dpi, effective_dpi, false)));
        group.bench_function("blank", |b| b.iter(|| blank::is_blank(black_box(&gray), dpi)));
        group.bench_function("codes", |b| b.iter(|| codes::read(black_box(&gray))));
        let light = if scan_dpi.is_some() { Light::Scanner } else { Light::Room };
        let mut lit: RgbImage = image.clone();
        group.bench_function("bed, with a copy of the page", |b| {
            b.iter(|| {
                lit.copy_from_slice(black_box(&image));
                bed::fill(&mut lit, &capture, &flat, dpi)
            });
        });
        group.bench_function("illumination, with a copy of the page", |b| {
            b.iter(|| {
                lit.copy_from_slice(black_box(&image));
                illumination::normalize(&mut lit, light)
            });
        });
        let jpeg_quality = Settings::default().jpeg_quality;
        group.bench_function("encode", |b| b.iter(|| encode::jpeg(black_box(&lit), jpeg_quality, dpi)));
        group.finish();
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a picture's side")]
fn scaled(side: u32, factor: f64) -> u32 {
    (f64::from(side) * factor).round().max(1.0) as u32
}

fn on_one_thread() -> Criterion<CpuTime> {
    sohoa::pool::keep_freed_memory();
    // The lines of a page spread over rayon's threads; here this thread is the only one.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("no pool was there before");
    Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

/// Keeps the lines that it is handed and reads nothing.
#[derive(Default)]
struct Collector(Mutex<Vec<GrayImage>>);

impl OcrEngine for Collector {
    fn recognize(&self, line: &GrayImage) -> Result<Vec<LineWord>, OcrError> {
        self.0.lock().expect("one thread").push(line.clone());
        Ok(Vec::new())
    }

    fn name(&self) -> &str {
        "collector"
    }
}

/// The steps of reading, each with those before it, then those of all lines of the page.
fn reading(c: &mut Criterion<CpuTime>) {
    let engine = reader();
    let frame = frame(SCAN);
    let page = process(&frame, None);
    let (dpi, limits) = (page.geometry.dpi, Settings::default().limits);
    let image = decode::decode(page.image.picture.streams()[0], 0, &limits).expect("a picture of ours").image;
    let collector = Collector::default();
    let collect = || ocr::read(black_box(&image), dpi, &collector).expect("a collector never fails");
    collect();
    let lines = std::mem::take(&mut *collector.0.lock().expect("one thread"));
    let mut group = c.benchmark_group(format!("reading of a scan with {} lines", lines.len()));
    group.bench_function("prepare", |b| b.iter(|| Prepared::new(black_box(&image), dpi)));
    group.bench_function("prepare, find lines", |b| b.iter(|| Reading::new(black_box(&image), dpi)));
    group.bench_function("prepare, find lines, cut them", |b| {
        b.iter(|| {
            collector.0.lock().expect("one thread").clear();
            collect()
        });
    });
    group.bench_function("network alone", |b| {
        b.iter(|| lines.iter().map(|line| engine.run_network(black_box(line))).sum::<usize>());
    });
    group.bench_function("network, words", |b| {
        b.iter(|| {
            lines.iter().map(|line| engine.recognize(black_box(line)).map_or(0, |words| words.len())).sum::<usize>()
        });
    });
    group.bench_function("all", |b| b.iter(|| ocr::read(black_box(&image), dpi, &engine)));
    group.finish();
}

/// Single lines of print: 440 and 293 pixels of a page at 200 dpi.
fn lines(c: &mut Criterion<CpuTime>) {
    let engine = reader();
    let mut group = c.benchmark_group("line");
    let pictures = [
        ("line-1", &include_bytes!("../src/ocr/testdata/line-1.png")[..]),
        ("line-2", include_bytes!("../src/ocr/testdata/line-2.png")),
    ];
    for (name, png) in pictures {
        let line = image::load_from_memory(png).expect("a picture of the repository").to_luma8();
        group.bench_function(name, |b| b.iter(|| engine.recognize(black_box(&line))));
    }
    group.finish();
}

criterion_group!(name = benches; config = on_one_thread(); targets = pages, stages, reading, lines);
criterion_main!(benches);
