//! PDF files: what is read from captures, what is written.

pub mod reader;
pub mod structure;
