//! PDF files: image-only ones are read as captures, components are written as PDF/A with a hidden text layer and
//! extended by signatures.
//!
//! Values in, values out: no files, no clock, no randomness. The same pages give the same bytes. `docs/pdfa.md` says
//! which clauses of ISO 19005 matter and how each is met.

pub mod appearance;
mod blank_font;
pub mod changes;
pub mod dss;
mod icc;
mod incremental;
mod picture;
pub mod print;
pub mod reader;
pub mod signature;
pub mod structure;
mod text_font;
mod text_layer;
mod truetype;
pub mod writer;
mod xmp;

/// Most bytes that one object or cross-reference stream may unpack to, of whomever the file is. A scan of 2,000 pages has
/// 10,000 objects of a hundred bytes.
const MAX_STRUCTURE: usize = 32 << 20;
