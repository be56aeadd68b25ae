//! Pixels in, pixels out: one algorithm a file, no files, clocks or threads.

pub mod decode;
