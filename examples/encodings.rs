//! Stores pages in every way there is: sohoa's side of `benches/sizes`.
//!
//! `encodings OUT CAPTURE…` takes each capture to its page image once, without reading it, and stores that image as JPEG of
//! quality 80 as pages are, at every step that a file over its budget goes down, in layers, and as one bit a pixel, each in
//! `OUT/WAY/NAME.pdf`. For each it prints a JSON object a line: `file`, `way`, `bytes` of the PDF and `ms`, the CPU time of
//! the encoding (of the steps with the decoding of the page they start from).

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use sohoa::component::UnsignedPdf;
use sohoa::imaging::gray::luma;
use sohoa::imaging::jbig2;
use sohoa::input;
use sohoa::model::{Edit, Picture};
use sohoa::page::encoding::{self, Encoded, STEPS, Step};
use sohoa::page::{self, Page, Settings};
use sohoa::pdf::writer::{DocumentInfo, PdfaLevel};
use time::OffsetDateTime;

/// Grey levels below are ink on a page of one bit a pixel.
const INK: u8 = 128;

fn main() -> Result<(), Box<dyn Error>> {
    sohoa::pool::keep_freed_memory();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global()?;
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let out = arguments.next().ok_or("where to?")?;
    let settings = Settings::default();
    for path in arguments {
        let frame = input::open(fs::read(&path)?.into(), &settings.limits)?.remove(0);
        let page = page::process(&frame, &settings, &Edit::default(), None)?;
        let image = encoding::shown(&page.image.picture, &settings.limits)?;
        let store = |way: &str, made: Encoded, ms: f64| store(&out, &path, way, made, ms, &page);
        let (whole, ms) = timed(|| encoding::jpeg(&image, settings.jpeg_quality, page.geometry.dpi));
        store("jpeg80", whole?, ms)?;
        for (step, _) in STEPS {
            let (made, ms) = timed(|| encoding::smaller(&page.image, step, page.least_dpi, &settings.limits));
            store(&name(step), made?.unwrap_or_else(|| page.image.clone()), ms)?;
        }
        let (made, ms) = timed(|| encoding::in_layers(&image, page.geometry.dpi, page.least_dpi));
        store("layers", made?, ms)?;
        let (made, ms) = timed(|| {
            let mut ink = luma(&image);
            ink.iter_mut().for_each(|value| *value = if *value < INK { 255 } else { 0 });
            Picture::Bilevel(jbig2::encode(&ink))
        });
        store("jbig2", Encoded { picture: made, quality: None, dpi: page.geometry.dpi }, ms)?;
    }
    Ok(())
}

fn name(step: Step) -> String {
    match step {
        Step::Packed => "packed".to_owned(),
        Step::Quality(quality) => format!("jpeg{quality}"),
        Step::LeastResolution(quality) => format!("least{quality}"),
    }
}

/// What is made, and the CPU time it took, milliseconds.
fn timed<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let cpu_time = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("time runs forward");
    let start = cpu_time();
    let made = make();
    (made, (cpu_time() - start).as_secs_f64() * 1e3)
}

fn store(out: &Path, capture: &Path, way: &str, made: Encoded, ms: f64, page: &Page) -> Result<(), Box<dyn Error>> {
    let info = DocumentInfo {
        title: way.to_owned(),
        language: "vi-VN".to_owned(),
        created: OffsetDateTime::UNIX_EPOCH,
        producer: "sohoa".to_owned(),
        subject: None,
        keywords: None,
    };
    let page = Page { image: made, ..page.clone() };
    let pdf = UnsignedPdf::assemble(&[page], &info, PdfaLevel::A2u)?;
    let folder = out.join(way);
    fs::create_dir_all(&folder)?;
    let stem = capture.file_stem().ok_or("a file has a name")?;
    fs::write(folder.join(stem).with_extension("pdf"), pdf.bytes())?;
    println!("{}", json!({"file": capture, "way": way, "bytes": pdf.bytes().len(), "ms": ms}));
    Ok(())
}
