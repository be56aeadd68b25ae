//! Capture files to pixels: JPEG, PNG, TIFF, WebP, BMP and HEIC, told apart by content, within limits.
//!
//! [`probe`] reads headers only and refuses what is too large, too small or too many before anything large is
//! allocated; [`decode`] gives one picture as 8-bit RGB, turned upright as its orientation tag says, alpha laid on
//! white paper, 16-bit samples rounded to 8, CMYK converted without a profile. Colour profiles are handed on, not
//! applied: papers look alike in sRGB and in the wide-gamut profiles of phones.
//!
//! A picture of which a part is missing is an error, not a picture with a grey end: a clerk can repeat a capture as
//! long as the paper lies on the desk.

mod ccitt;
mod error;
mod exif;
mod heic;
mod ifd;
mod jpeg;
mod raster;
mod samples;
mod sniff;
#[cfg(test)]
mod tests;
mod tiff;
mod turn;

use image::RgbImage;

pub use ccitt::{FaxScheme, unpack as unpack_fax};
pub use error::{DecodeError, Seen};
pub use jpeg::{
    Ink, decode_reduced as decode_jpeg_reduced, decode_stream as decode_jpeg_stream, stream_size as jpeg_stream_size,
    untouched as untouched_jpeg,
};
pub use samples::{Alpha, Colour, SampleLayout, unpack as unpack_samples};
pub(crate) use sniff::is_pdf;
pub use sniff::{seen, sniff};
pub use turn::{Turn, turned};

/// Pictures with a shorter side than this hold no paper, pixels. An icon has 16; the smallest useful capture, an ID
/// card at 50 dpi, is 100 high.
pub const MIN_SIDE: u32 = 16;

/// What a capture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of one picture.
    pub max_pixels: u64,
    /// Longest side of one picture, pixels.
    pub max_side: u32,
    /// Most bytes of a capture file, and of the buffers that decoding one picture needs together.
    pub max_bytes: u64,
    /// Most pictures in one file.
    pub max_frames: usize,
}

impl Default for Limits {
    /// 200 megapixels (A0 at 300 dpi is 140, the largest phone sensors 200), 1 GiB, 2,000 pages.
    fn default() -> Self {
        Self { max_pixels: 200_000_000, max_side: 32_768, max_bytes: 1 << 30, max_frames: 2_000 }
    }
}

impl Limits {
    /// Refuses a picture whose sides are out of bounds.
    ///
    /// # Errors
    /// [`DecodeError::TooSmall`] or [`DecodeError::TooLarge`].
    pub fn check_size(&self, width: u32, height: u32) -> Result<(), DecodeError> {
        if width.min(height) < MIN_SIDE {
            return Err(DecodeError::TooSmall { width, height });
        }
        if width.max(height) > self.max_side || u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(DecodeError::TooLarge { width, height });
        }
        Ok(())
    }

    /// Refuses a picture whose buffers would take too much memory.
    pub(crate) fn check_memory(&self, width: u32, height: u32, bytes: u64) -> Result<(), DecodeError> {
        if bytes > self.max_bytes { Err(DecodeError::TooLarge { width, height }) } else { Ok(()) }
    }
}

/// Picture formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG: baseline, progressive, grey, colour, CMYK.
    Jpeg,
    /// PNG.
    Png,
    /// TIFF, one picture a page.
    Tiff,
    /// WebP; of an animation the first picture.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// HEIF with HEVC pictures, as iPhones write it.
    Heic,
}

impl Format {
    /// The name that people know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Heic => "HEIC",
        }
    }
}

/// What the header says of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameInfo {
    /// Width as displayed, after the orientation tag, pixels.
    pub width: u32,
    /// Height as displayed, pixels.
    pub height: u32,
}

impl FrameInfo {
    /// The size of stored pixels once they are turned upright.
    pub fn upright(width: u32, height: u32, turn: Turn) -> Self {
        let (width, height) = turn.size(width, height);
        Self { width, height }
    }
}

/// One decoded picture.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Pixels as displayed.
    pub image: RgbImage,
    /// Resolution stored in the file, dots per inch; `None` when it is absent, gives only an aspect, or differs
    /// between the axes. Phones store a meaningless 72.
    pub dpi: Option<f64>,
    /// Taken with a camera: exposure data in the EXIF block, a camera's make without a scanner's resolution, or HEIC.
    pub camera: bool,
    /// The camera's focal length as a share of the picture's longer side, where the EXIF block tells it and the picture
    /// was not seen to be cropped since.
    pub focal: Option<f64>,
    /// The source has only black and white.
    pub bilevel: bool,
    /// The source has no colour.
    pub gray: bool,
    /// The orientation tag as stored, valid or not; 1 when absent. Already applied to the pixels.
    pub exif_orientation: u16,
    /// The embedded colour profile, not applied.
    pub icc: Option<Vec<u8>>,
}

/// Format and pictures of a file, from its headers.
///
/// # Errors
/// Everything that can be known without decoding: not a picture, a format or compression that is not read, sizes and
/// counts out of bounds, headers cut off.
pub fn probe(bytes: &[u8], limits: &Limits) -> Result<(Format, Vec<FrameInfo>), DecodeError> {
    let format = recognise(bytes, limits)?;
    let frames = match format {
        Format::Jpeg => vec![jpeg::probe(bytes, limits)?],
        Format::Png | Format::WebP | Format::Bmp => vec![raster::probe(bytes, format, limits)?],
        Format::Tiff => tiff::probe(bytes, limits)?,
        Format::Heic => vec![heic::probe(bytes, limits)?],
    };
    Ok((format, frames))
}

/// Decodes one picture of a file; `frame` counts from 0 and is 0 for all but multi-page TIFF.
///
/// # Errors
/// Those of [`probe`], and pixel data that is damaged or incomplete.
pub fn decode(bytes: &[u8], frame: usize, limits: &Limits) -> Result<Decoded, DecodeError> {
    let format = recognise(bytes, limits)?;
    if format != Format::Tiff && frame > 0 {
        return Err(DecodeError::NoSuchFrame { frame, count: 1 });
    }
    match format {
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Png | Format::WebP | Format::Bmp => raster::decode(bytes, format, limits),
        Format::Tiff => tiff::decode(bytes, frame, limits),
        Format::Heic => heic::decode(bytes, limits),
    }
}

fn recognise(bytes: &[u8], limits: &Limits) -> Result<Format, DecodeError> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limits.max_bytes {
        return Err(DecodeError::TooManyBytes { bytes: length, limit: limits.max_bytes });
    }
    sniff(bytes)
        .ok_or_else(|| if bytes.is_empty() { DecodeError::Empty } else { DecodeError::NotAPicture(seen(bytes)) })
}

/// One resolution out of two: that of the axes when they agree within 10 %, as those of scanners do (fax pages have
/// 204 × 98 dpi).
fn square_dpi(x: Option<f64>, y: Option<f64>) -> Option<f64> {
    let (x, y) = (x.or(y)?, y.or(x)?);
    let usable = x.is_finite() && y.is_finite() && x >= 1.0 && y >= 1.0;
    (usable && (x / y - 1.0).abs() < 0.1).then_some(x)
}

/// Pixels from a lossless source that says nothing more about itself.
pub fn lossless(image: RgbImage) -> Decoded {
    let (gray, bilevel) = tones(&image);
    Decoded { image, dpi: None, camera: false, focal: None, bilevel, gray, exif_orientation: 1, icc: None }
}

/// Whether all pixels are grey, and whether all are black or white.
fn tones(image: &RgbImage) -> (bool, bool) {
    let (pixels, _) = image.as_raw().as_chunks::<3>();
    let gray = pixels.iter().all(|[r, g, b]| r == g && g == b);
    (gray, gray && pixels.iter().all(|[value, _, _]| matches!(value, 0 | 255)))
}
