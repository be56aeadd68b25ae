use super::SizeMm;

/// The picture of a seal (*con dấu*), with what shows through.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// True size.
    pub size: SizeMm,
    /// Red, green and blue of each pixel, row by row.
    pub rgb: Vec<u8>,
    /// Opacity of each pixel, 0 (paper shows through) to 255.
    pub alpha: Vec<u8>,
}
