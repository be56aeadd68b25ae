//! Scanners, driven through SANE's `scanimage` as a child process: USB scanners by the backends of SANE, network scanners
//! over eSCL by sane-airscan. A driver that crashes takes `scanimage` with it, not sohoa.
//!
//! The way of a page: `scanimage` writes it under a name that ends in `.part`; it is decoded in full, flushed to the disk and
//! only then renamed to `0001.tif`, `0002.tif` … in the folder of the request. Nothing else decides whether a page is good:
//! `scanimage` exits with 0 after a simulated end of data that leaves a file of 240 bytes, and after a signal it completes
//! the page in work with whatever it has. So what arrives after a signal is dropped.
//!
//! Pages are TIFF as `scanimage` writes it, uncompressed: it stores the resolution and costs 0.03 s of CPU time a colour A4
//! page at 300 dpi (26 MB). PNG takes 1.9 s, more than all the rest of sohoa and than a feeder leaves; JPEG loses detail
//! once more than needed, and cannot hold black and white as one bit.
//!
//! A line behind the picture says which page of which scan a file is: whoever keeps equal bytes once would take two blank
//! sheets, which as black and white are the same to the last bit, for one. What a TIFF file does not point at no reader reads.
//!
//! A later scan into the same folder goes on with the next number, so after a jam the rest of the stack follows.

mod child;
mod device;
mod error;
mod landing;
mod options;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::imaging::decode::Limits;
use child::{Child, Step};
use landing::Landing;

pub use device::{Device, list};
pub use error::{Fault, ScanError};
pub use options::{Colour, NotAPaper, Paper, Source};

/// Most pages of one scan. Feeders hold 50 to 500; a broken one that never says it is empty must end some time.
pub const MAX_PAGES: u32 = 2_000;

/// How long a device may take for a page before it is taken to hang: a flatbed at 1200 dpi needs two to three minutes.
pub const DEFAULT_PAGE_TIME: Duration = Duration::from_secs(180);

/// What is to be scanned, and where to.
#[derive(Clone, Debug)]
pub struct Request {
    /// SANE's name of the device; `None` takes the only one there is.
    pub device: Option<String>,
    /// Folder for the pages, made where it is missing.
    pub folder: PathBuf,
    /// Where the papers are; `None` takes the feeder where there is one, otherwise the flatbed.
    pub source: Option<Source>,
    /// Resolution, dots per inch.
    pub dpi: u32,
    /// Which colours.
    pub colour: Colour,
    /// Size of the papers.
    pub paper: Paper,
    /// Pages to scan; `None` scans until the feeder is empty, of a flatbed one.
    pub pages: Option<u32>,
    /// Longest time without a page before the device is taken to hang.
    pub page_time: Duration,
    /// What a page may cost to decode.
    pub limits: Limits,
    /// What no other scan has: it stands with the page's number behind the picture in each file, a line of ASCII.
    pub mark: String,
}

/// What happens during a scan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The device was found and is told to scan.
    Started {
        /// SANE's name of the device.
        device: String,
        /// Where it takes the papers from.
        source: Source,
    },
    /// A page lies whole in the folder.
    Page {
        /// The file.
        path: PathBuf,
        /// Its width, pixels.
        width: u32,
        /// Its height, pixels.
        height: u32,
    },
}

/// What a scan that came to its end has made.
#[derive(Clone, Debug)]
pub struct Report {
    /// SANE's name of the device.
    pub device: String,
    /// The pages, in order.
    pub pages: Vec<PathBuf>,
}

/// Scans until the papers are through, `cancel` is set or something goes wrong. Blocks; events come in order, from this
/// thread.
///
/// # Errors
/// [`ScanError`] with the pages that were kept: all that lay whole in the folder before.
pub fn scan(request: &Request, cancel: &AtomicBool, tell: &mut dyn FnMut(&Event)) -> Result<Report, ScanError> {
    let mut landing = Landing::open(&request.folder, request.limits, &request.mark)?;
    let device = device::choose(request.device.as_deref(), cancel)?;
    let plan = options::plan(&device, request, cancel)?;
    tell(&Event::Started { device: device.clone(), source: plan.source });

    let result = feed(request, &device, &plan, &mut landing, cancel, tell);
    landing.clear();
    let pages = landing.into_pages();
    match result {
        Ok(()) => Ok(Report { device, pages }),
        Err(fault) => Err(ScanError { fault, kept: pages }),
    }
}

/// Runs `scanimage` over the papers and lets their pages land.
fn feed(
    request: &Request,
    device: &str,
    plan: &options::Plan,
    landing: &mut Landing,
    cancel: &AtomicBool,
    tell: &mut dyn FnMut(&Event),
) -> Result<(), Fault> {
    let wanted = request.pages.or((plan.source == Source::Flatbed).then_some(1));
    let mut arguments = vec![format!("--device-name={device}"), "--format=tiff".to_owned()];
    arguments.extend(plan.arguments.iter().cloned());
    arguments.extend([
        format!("--batch={}", landing::PATTERN),
        format!("--batch-start={}", landing.next_number()),
        format!("--batch-count={}", wanted.unwrap_or(MAX_PAGES)),
        "--batch-print".to_owned(),
    ]);
    let mut said = Said::default();
    let exit = Child::start(&arguments, Some(&request.folder))?.watch(request.page_time, cancel, &mut |line| {
        if landing::is_page(line) {
            return match landing.accept(line) {
                Ok(page) => {
                    tell(&page);
                    Step::Page
                }
                Err(fault) => Step::Stop(fault),
            };
        }
        said.hear(line)
    })?;
    said.verdict(exit, device, landing.count(), wanted)
}

/// Number of the signal that a broken pipe sends.
const SIGPIPE: &str = "13";

/// What `scanimage` says last, before it closes the device.
const END_OF_SCAN: &str = "Batch terminated, ";

/// What `scanimage` said that tells how a scan ended.
#[derive(Debug, Default)]
struct Said {
    /// SANE's status text of the last `sane_start` or `sane_read` that failed.
    status: Option<String>,
    /// Any other complaint.
    complaint: Option<String>,
}

impl Said {
    fn hear(&mut self, line: &str) -> Step {
        if line.starts_with(END_OF_SCAN) {
            return Step::Closing;
        }
        let Some(text) = line.strip_prefix("scanimage: ") else { return Step::None };
        // A page that comes after a signal is what there was of it, filled up. Processes of drivers get a SIGPIPE when
        // `scanimage` closes them; nobody ended the scan with that.
        if let Some(signal) = text.strip_prefix("received signal ") {
            return if signal == SIGPIPE { Step::None } else { Step::Stop(Fault::Killed) };
        }
        let status = ["sane_start: ", "sane_read: "].iter().find_map(|call| text.strip_prefix(call));
        match status {
            Some(status) => self.status = Some(status.to_owned()),
            None => self.complaint = Some(text.to_owned()),
        }
        Step::None
    }

    /// What the end means after `count` pages. A child that had to be stopped while it closed the device (no `exit`) had said
    /// what there was to say.
    fn verdict(
        &self,
        exit: Option<std::process::ExitStatus>,
        device: &str,
        count: usize,
        wanted: Option<u32>,
    ) -> Result<(), Fault> {
        if exit.is_some_and(|exit| exit.code().is_none()) {
            return Err(Fault::Killed);
        }
        let failed = exit.filter(|exit| !exit.success());
        let reached = wanted.is_none_or(|wanted| count >= wanted as usize);
        let status = match (&self.status, failed, &self.complaint) {
            (Some(status), _, _) => error::of_status(status, device),
            (None, None, _) => Fault::NoPage,
            (None, Some(_), Some(complaint)) => error::of_complaint(complaint, device),
            (None, Some(exit), None) => Fault::Driver(format!("scanimage: {exit}")),
        };
        match status {
            Fault::Empty | Fault::NoPage if count > 0 && reached => Ok(()),
            Fault::Empty | Fault::NoPage if count > 0 => {
                Err(Fault::TooFew { wanted: wanted.unwrap_or_default(), got: u32::try_from(count).unwrap_or(u32::MAX) })
            }
            fault => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn verdict(lines: &[&str], code: i32, count: usize, wanted: Option<u32>) -> Result<(), Fault> {
        let mut said = Said::default();
        for line in lines {
            assert!(matches!(said.hear(line), Step::None), "{line}");
        }
        said.verdict(Some(ExitStatus::from_raw(code << 8)), "x", count, wanted)
    }

    #[test]
    fn an_empty_feeder_ends_a_stack_and_is_a_fault_without_one() {
        let empty = ["Scanning page 4", "scanimage: sane_start: Document feeder out of documents"];
        assert!(verdict(&empty, 0, 3, None).is_ok());
        assert!(verdict(&empty, 0, 3, Some(3)).is_ok());
        assert!(matches!(verdict(&empty, 0, 3, Some(5)), Err(Fault::TooFew { wanted: 5, got: 3 })));
        assert!(matches!(verdict(&empty, 7, 0, None), Err(Fault::Empty)));
        assert!(matches!(verdict(&[], 0, 0, None), Err(Fault::NoPage)), "success without a page is none");
        assert!(verdict(&[], 0, 1, Some(1)).is_ok());
    }

    #[test]
    fn what_scanimage_says_is_told_apart() {
        let jam = verdict(&["scanimage: sane_read: Document feeder jammed"], 6, 2, None);
        assert!(matches!(jam, Err(Fault::Jammed)));
        let late = ["scanimage: sane_read: Document feeder jammed", "scanimage: received signal 13"];
        assert!(matches!(verdict(&late, 6, 0, None), Err(Fault::Jammed)), "of a driver's own process");
        let rounded = verdict(&["scanimage: rounded value of br-x from 210 to 209.9"], 0, 2, None);
        assert!(rounded.is_ok(), "a remark is no fault");
        let open = verdict(&["scanimage: open of device x failed: Device busy"], 1, 0, None);
        assert!(matches!(open, Err(Fault::Busy)));
        let killed = Said::default().verdict(Some(ExitStatus::from_raw(9)), "x", 2, None);
        assert!(matches!(killed, Err(Fault::Killed)));
        assert!(matches!(Said::default().hear("scanimage: received signal 15"), Step::Stop(Fault::Killed)));
    }

    #[test]
    fn a_driver_that_hangs_while_it_closes_the_device_takes_nothing_back() {
        let mut said = Said::default();
        assert!(matches!(said.hear("Batch terminated, 2 pages scanned"), Step::Closing));
        assert!(said.verdict(None, "x", 2, Some(2)).is_ok());
        assert!(matches!(said.verdict(None, "x", 0, None), Err(Fault::NoPage)));
        said.hear("scanimage: sane_read: Document feeder jammed");
        assert!(matches!(said.verdict(None, "x", 2, None), Err(Fault::Jammed)));
    }
}
