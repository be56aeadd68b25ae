//! Pixels in, pixels or measures out: one algorithm a file, no files, no clock, no threads.

pub mod bounds;
pub mod proxy;
pub mod scale;
