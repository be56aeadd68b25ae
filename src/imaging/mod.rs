//! Pixels in, pixels or measures out: one algorithm a file, no files, clocks or threads.

pub mod decode;
pub mod encode;
pub mod gray;
pub mod illumination;
pub mod quality;
mod simd;
pub mod warp;
