//! How assembly and signing grow with the number of pages: `cargo bench --bench assembly`.
//!
//! Files of 1, 10, 200 and 2,000 pages are made of copies of one page of `samples/` with its text, its image at the last
//! step of a file over its budget; each in a process of its own. A line tells the CPU time of assembly a page (with the hash
//! that is frozen), of signing a file with the RSA key of 2,048 bits of `tests/data/sign` and with a development identity
//! (P-256), the memory that the pages take before and the peak above that.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sohoa::component::{self, UnsignedPdf};
use sohoa::input;
use sohoa::model::{Edit, Role};
use sohoa::ocr::lstm::Lstm;
use sohoa::page::encoding::{self, STEPS};
use sohoa::page::{self, Page, Settings};
use sohoa::pdf::writer::{DocumentInfo, PdfaLevel};
use sohoa::sign::OsRng;
use sohoa::sign::identity;
use sohoa::sign::pkcs12::Pkcs12;
use time::OffsetDateTime;
use time::macros::datetime;

const PAGES: [usize; 4] = [1, 10, 200, 2_000];
const NOW: OffsetDateTime = datetime!(2026-11-30 01:02:03 UTC);
const PASSWORD: &str = "mật khẩu";

fn main() {
    match std::env::var("SOHOA_BENCH_PAGES") {
        Ok(count) => measure(count.parse().expect("a number")),
        Err(_) => {
            println!(
                "| pages | assembly, ms a page | RSA, ms a file | P-256, ms a file | pages, MiB | peak above, MiB |"
            );
            println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
            for count in PAGES {
                let program = std::env::current_exe().expect("this program");
                let status = Command::new(program).env("SOHOA_BENCH_PAGES", count.to_string()).status();
                assert!(status.expect("this program starts").success(), "{count} pages");
            }
        }
    }
}

fn measure(count: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = vec![page(root); count];
    let key = fs::read(root.join("tests/data/sign/rsa2048.p12")).expect("a key of the tests");
    let rsa = Pkcs12::load(&key, PASSWORD).expect("its password is known");
    let development = identity::generate(NOW, &mut OsRng).expect("a key");
    let development = Pkcs12::load(&development.p12, identity::DEVELOPMENT_PASSWORD).expect("our own");
    let info = DocumentInfo {
        title: "component".to_owned(),
        language: "vi-VN".to_owned(),
        created: NOW,
        producer: "sohoa".to_owned(),
        subject: None,
        keywords: None,
    };

    let before = memory("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("Linux resets the peak");
    let (pdf, assembly) = timed(|| {
        let pdf = UnsignedPdf::assemble(&pages, &info, PdfaLevel::A2u).expect("a sound file");
        std::hint::black_box(pdf.digest());
        pdf
    });
    let (_, by_rsa) = timed(|| component::sign_pdf(pdf.bytes(), Role::Clerk, None, &rsa, NOW).expect("signed"));
    let (_, by_p256) =
        timed(|| component::sign_pdf(pdf.bytes(), Role::Clerk, None, &development, NOW).expect("signed"));
    let peak = memory("VmHWM");
    println!(
        "| {count} | {:.2} | {by_rsa:.1} | {by_p256:.1} | {} | {} |",
        assembly / count as f64,
        before >> 10,
        peak.saturating_sub(before) >> 10
    );
}

/// A page of print as it is in a long document.
fn page(root: &Path) -> Page {
    let settings = Settings::default();
    let model = root.join("models/vie.traineddata");
    let engine = Lstm::new(&fs::read(&model).expect("the model of the repository"), &model).expect("a sound model");
    let capture = fs::read(root.join("samples/to-khai/trang-1.jpg")).expect("the sample exists");
    let frame = input::open(capture.into(), &settings.limits).expect("it opens").remove(0);
    let page = page::process(&frame, &settings, &Edit::default(), Some(&engine)).expect("it is a page");
    let step = STEPS[STEPS.len() - 1].0;
    let image = encoding::smaller(&page.image, step, page.least_dpi, &settings.limits).expect("it can be encoded");
    Page { image: image.expect("smaller"), ..page }
}

/// What is made, and the CPU time it took, milliseconds.
fn timed<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let cpu_time = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("time runs forward");
    let start = cpu_time();
    let made = make();
    (made, (cpu_time() - start).as_secs_f64() * 1e3)
}

/// A figure of `/proc/self/status`, KiB.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let digits: String = line.expect("the figure").chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}
