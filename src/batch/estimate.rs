//! How long a batch will take, before it is begun: a few of its pages are made, and wait on the shelf for their turn.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::gather::{self, CaptureFile};
use crate::manifest::sha256_hex;
use crate::model::Edit;
use crate::shelf::{Shelf, Wanted};

use super::journal::State;
use super::{Batch, BatchError};

/// Pages that are made for it.
const PAGES: usize = 12;

/// Makes a few pages from all over the batch and says how long all that are left would take; `None` where none can be read.
///
/// # Errors
/// When the journal cannot be read.
pub fn estimate(batch: &Batch, shelf: &Shelf) -> Result<Option<Duration>, BatchError> {
    let tools = shelf.tools();
    let mut sources = Vec::new();
    batch.at(batch.journal.each_unit(|unit, _| {
        if unit.state == State::Waiting {
            sources.push(unit.source);
        }
    }))?;
    let step = sources.len().div_ceil(PAGES).max(1);
    let first = |source: &String| batch.gathered(source).ok()?.0.into_iter().next()?.files.into_iter().next();
    let files: Vec<CaptureFile> = sources.iter().step_by(step).filter_map(first).collect();
    let make = |file: &CaptureFile| {
        let sha256 = sha256_hex(&gather::read(&file.path, &tools.settings.limits).ok()?);
        let wanted = Wanted { sha256: &sha256, page: 1, edit: &Edit::default() };
        shelf.page(&file.path, wanted).ok()
    };
    let (started, next, made) = (Instant::now(), AtomicUsize::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..tools.pool.workers() {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    made.fetch_add(u32::from(make(file).is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    let (made, left) = (made.into_inner(), batch.totals()?.left);
    Ok((made > 0).then(|| started.elapsed().div_f64(f64::from(made)).mul_f64(left as f64)))
}
