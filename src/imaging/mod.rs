//! Pixels in, pixels or measures out: one algorithm a file, no files, clocks or threads.

pub mod bed;
pub mod blank;
pub mod bounds;
pub(crate) mod components;
pub mod decode;
pub mod dewarp;
pub mod encode;
pub mod free_space;
pub mod gray;
pub mod illumination;
pub mod ink;
pub mod jbig2;
pub mod layers;
mod mq;
pub mod orient;
pub mod proxy;
pub mod quality;
pub mod reduce;
pub mod scale;
pub mod seal;
mod simd;
pub mod skew;
pub mod warp;
