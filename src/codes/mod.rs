//! QR and Code 128 symbols on a page, in any number and any orientation.
//!
//! Most pages carry no code, so looking must be cheap: places that look like a code (finder patterns of a QR, a patch of
//! parallel bars) are sought first, and only crops around them are decoded, at several scales and binarisations, by
//! `rxing`. Decoding whole pages costs 50 to 120 ms a symbology and finds one symbol at most.
//!
//! No false payloads: a QR symbol carries Reed-Solomon error correction; a Code 128 has only one check character of 103,
//! so its payload must also be read alike on two bands of the bars, and be at least six printable characters.

mod bars;
mod finder;
mod sample;

use image::GrayImage;

use crate::model::Point;

/// The symbologies that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symbology {
    /// QR code (ISO/IEC 18004, TCVN 7322).
    Qr,
    /// Code 128 (ISO/IEC 15417).
    Code128,
}

/// One symbol read from a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// Which kind.
    pub symbology: Symbology,
    /// The text, NFC.
    pub payload: String,
    /// The outline in pixels of the given picture, clockwise from the symbol's own top left corner.
    pub corners: Vec<Point>,
}

/// Reads all codes of a page, QR symbols first, each from top to bottom. Works best on a rectified page, but codes may be
/// turned by any angle and moderately distorted.
pub fn read(gray: &GrayImage) -> Vec<Code> {
    let mut codes = finder::read(gray);
    codes.extend(bars::read(gray));
    codes
}
