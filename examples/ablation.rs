//! Reads pages with each step of the preparation left out in turn: sohoa's side of `benches/ablation`.
//!
//! `ablation MODELS CAPTURE…` takes each capture to its page image once, reads that image with all steps and with all but
//! one, and prints for each reading a JSON object a line: `without` (the step, or null), `file`, `text` and `ms`, the CPU
//! time of the reading. What is read is the page image as it is stored, so that its encoding counts for all alike.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use sohoa::imaging::decode;
use sohoa::input;
use sohoa::model::Edit;
use sohoa::ocr::lstm::Lstm;
use sohoa::ocr::{self, Steps};
use sohoa::page::{self, Settings};

const ALL: Steps = Steps::ALL;

const VARIANTS: [(Option<&str>, Steps); 11] = [
    (None, ALL),
    (Some("working resolution"), Steps { resolution: false, ..ALL }),
    (Some("pastel tints"), Steps { tints: false, ..ALL }),
    (Some("coloured seals"), Steps { colour_seals: false, ..ALL }),
    (Some("blue signatures"), Steps { signatures: false, ..ALL }),
    (Some("background"), Steps { background: false, ..ALL }),
    (Some("photographs and codes"), Steps { graphics: false, ..ALL }),
    (Some("gray seals"), Steps { gray_seals: false, ..ALL }),
    (Some("barcodes"), Steps { barcodes: false, ..ALL }),
    (Some("rules and leaders"), Steps { rules: false, ..ALL }),
    (Some("ends of rules"), Steps { crossings: false, ..ALL }),
];

fn main() -> Result<(), Box<dyn Error>> {
    sohoa::pool::keep_freed_memory();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global()?;
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let model = arguments.next().ok_or("which models?")?.join("vie.traineddata");
    let engine = Lstm::new(&fs::read(&model)?, &model)?;
    let settings = Settings::default();
    for path in arguments {
        let frame = input::open(fs::read(&path)?.into(), &settings.limits)?.remove(0);
        // With the engine, which settles the orientation of some.
        let page = page::process(&frame, &settings, &Edit::default(), Some(&engine))?;
        let image = decode::decode(page.image.picture.streams()[0], 0, &settings.limits)?.image;
        for (without, steps) in VARIANTS {
            let start = cpu_time();
            let text = ocr::read_with_steps(&image, page.geometry.dpi, &engine, steps)?.text();
            let ms = (cpu_time() - start).as_secs_f64() * 1e3;
            println!("{}", json!({"without": without, "file": path, "text": text, "ms": ms}));
        }
    }
    Ok(())
}

/// CPU time of the process.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("time runs forward")
}
