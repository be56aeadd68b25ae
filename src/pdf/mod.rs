//! PDF files: what is read from captures, what is written.
pub mod reader;
pub mod signature;
pub mod structure;
pub mod writer;
pub mod blank_font; pub mod icc; pub mod text_layer; pub mod xmp;
