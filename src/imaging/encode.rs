//! JPEG encoding of finished pages: libjpeg-turbo, 4:2:0, baseline or progressive.
//!
//! Deterministic: same pixels, quality and resolution give the same bytes. Pages get standard Huffman tables, because
//! optimised ones cost more than twice the time for a few per cent of size (27 against 66 ms on an A4 page at 300 dpi);
//! what must become smaller is packed as [`Packing::Small`].

use image::RgbImage;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp, Transform, TransformOp, Transformer};

use crate::model::{Lang, Localized};

/// Why a page could not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Outside 1 to 100.
    #[error("jpeg quality must be between 1 and 100, not {0}")]
    Quality(u8),
    /// Not a whole number of dots per inch from 1 to 65,535 after rounding.
    #[error("resolution must be between 1 and 65535 dpi, not {0}")]
    Resolution(f64),
    /// A side of zero or above 65,535 pixels, the limits of the format.
    #[error("a jpeg picture cannot be {width} × {height} pixels")]
    Size {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The encoder refused.
    #[error("cannot encode jpeg: {0}")]
    Encoder(#[from] turbojpeg::Error),
}

impl Localized for EncodeError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Quality(quality), Lang::Vi) => {
                format!("chất lượng JPEG phải từ 1 đến 100, không phải {quality}: sửa trong cấu hình")
            }
            (Self::Quality(quality), Lang::En) => {
                format!("JPEG quality must be 1 to 100, not {quality}: correct the configuration")
            }
            (Self::Resolution(dpi), Lang::Vi) => {
                format!("độ phân giải {dpi} dpi không hợp lệ: quét lại trang ở 300 dpi")
            }
            (Self::Resolution(dpi), Lang::En) => format!("{dpi} dpi is not a usable resolution: scan again at 300 dpi"),
            (Self::Size { width, height }, Lang::Vi) => {
                format!("không ghi được JPEG cỡ {width} × {height} điểm ảnh: quét lại với độ phân giải thấp hơn")
            }
            (Self::Size { width, height }, Lang::En) => {
                format!("JPEG cannot hold {width} × {height} pixels: scan again at a lower resolution")
            }
            (Self::Encoder(error), Lang::Vi) => format!("không nén được trang thành JPEG ({error}): thử lại"),
            (Self::Encoder(error), Lang::En) => format!("the page could not be encoded as JPEG ({error}): try again"),
        }
    }
}

/// How the coefficients are packed; the pixels are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Baseline with the standard's own Huffman tables.
    Fast,
    /// Progressive, with tables made for the picture.
    Small,
}

/// Encodes a page as a JPEG with its resolution in the JFIF header, so that viewers know its true size.
/// `quality` is libjpeg's, 1 to 100. Always colour: the legal minimum of a page image is a colour image (NĐ 30/2020
/// Phụ lục I), and empty chroma costs nearly nothing.
///
/// # Errors
/// When quality, resolution or size are outside the format's limits, or the encoder runs out of memory.
pub fn jpeg(image: &RgbImage, quality: u8, dpi: f64) -> Result<Vec<u8>, EncodeError> {
    packed_jpeg(image, quality, dpi, Packing::Fast)
}

/// [`jpeg`], packed as asked for.
///
/// # Errors
/// As [`jpeg`].
pub fn packed_jpeg(image: &RgbImage, quality: u8, dpi: f64, packing: Packing) -> Result<Vec<u8>, EncodeError> {
    if !(1..=100).contains(&quality) {
        return Err(EncodeError::Quality(quality));
    }
    let density = dots_per_inch(dpi)?;
    let (width, height) = image.dimensions();
    let sides = 1..=u32::from(u16::MAX);
    if !sides.contains(&width) || !sides.contains(&height) {
        return Err(EncodeError::Size { width, height });
    }
    let mut compressor = Compressor::new()?;
    compressor.set_quality(i32::from(quality))?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    compressor.set_progressive(packing == Packing::Small)?;
    let pixels = Image {
        pixels: image.as_raw().as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: PixelFormat::RGB,
    };
    let mut bytes = compressor.compress_to_vec(pixels)?;
    set_density(&mut bytes, density);
    Ok(bytes)
}

/// A JPEG packed as [`Packing::Small`]; its coefficients, and so its pixels, stay as they are.
///
/// # Errors
/// When it is no JPEG.
pub fn repacked(jpeg: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut packing = Transform::op(TransformOp::None);
    packing.progressive = true;
    packing.copy_none = true;
    Ok(Transformer::new()?.transform_to_vec(&packing, jpeg)?)
}

/// A JPEG stream without its application segments and comments, which may hold a place, a name or a thumbnail of
/// something else. Kept are JFIF (APP0) and Adobe's (APP14), which say how to read the colours. The picture itself stays
/// as it is, byte for byte. What is not a JPEG comes back unchanged.
pub fn without_metadata(jpeg: &[u8]) -> Vec<u8> {
    const START_OF_SCAN: u8 = 0xDA;
    let mut kept = Vec::with_capacity(jpeg.len());
    let mut rest = jpeg;
    if let Some((start, tail)) = rest.split_at_checked(2) {
        kept.extend_from_slice(start);
        rest = tail;
    }
    while let [0xFF, marker, high, low, ..] = *rest {
        if marker == START_OF_SCAN {
            break;
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        let Some((segment, tail)) = rest.split_at_checked(length) else { break };
        if !matches!(marker, 0xE1..=0xED | 0xEF | 0xFE) {
            kept.extend_from_slice(segment);
        }
        rest = tail;
    }
    kept.extend_from_slice(rest);
    kept
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn dots_per_inch(dpi: f64) -> Result<u16, EncodeError> {
    let rounded = dpi.round();
    if (1.0..=f64::from(u16::MAX)).contains(&rounded) { Ok(rounded as u16) } else { Err(EncodeError::Resolution(dpi)) }
}

/// Writes dots per inch into the JFIF header (ITU-T T.871, 10.1), which the encoder always puts first and leaves
/// without a unit: its API has no setting for it.
fn set_density(jpeg: &mut [u8], density: u16) {
    const JFIF: &[u8] = b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0";
    const UNITS: usize = 13;
    const DOTS_PER_INCH: u8 = 1;
    if jpeg.starts_with(JFIF) && jpeg.len() > UNITS + 5 {
        let [high, low] = density.to_be_bytes();
        jpeg[UNITS..UNITS + 5].copy_from_slice(&[DOTS_PER_INCH, high, low, high, low]);
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn page() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6).to_le_bytes()[0], (y * 8).to_le_bytes()[0], 90]))
    }

    fn header(bytes: &[u8]) -> turbojpeg::DecompressHeader {
        turbojpeg::read_header(bytes).unwrap()
    }

    #[test]
    fn colour_pages_are_subsampled_and_carry_their_resolution() {
        let bytes = jpeg(&page(), 85, 300.4).unwrap();
        let header = header(&bytes);
        assert_eq!((header.width, header.height, header.subsamp), (40, 30, Subsamp::Sub2x2));
        assert_eq!(&bytes[..18], b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01\x01\x01\x2C\x01\x2C");
    }

    #[test]
    fn only_metadata_is_taken_out_of_a_stream() {
        let plain = jpeg(&page(), 85, 200.0).unwrap();
        let (start, rest) = plain.split_at(20);
        let with_metadata = [start, b"\xFF\xE1\x00\x08Exif\0\0", b"\xFF\xFE\x00\x05who", rest].concat();
        assert_eq!(without_metadata(&with_metadata), plain);
        assert_eq!(without_metadata(&plain), plain);
        for broken in [&b""[..], b"\xFF", b"\xFF\xD8\xFF\xE1\xFF\xFF", b"no picture"] {
            assert_eq!(without_metadata(broken), broken);
        }
    }

    #[test]
    fn pixels_survive_within_the_loss_of_jpeg() {
        let flat = RgbImage::from_pixel(33, 17, Rgb([200, 40, 60]));
        let bytes = jpeg(&flat, 90, 300.0).unwrap();
        let back = turbojpeg::decompress(&bytes, PixelFormat::RGB).unwrap();
        assert!(back.pixels.iter().zip(flat.as_raw()).all(|(a, b)| a.abs_diff(*b) <= 3));
    }

    #[test]
    fn the_same_page_gives_the_same_bytes() {
        assert_eq!(jpeg(&page(), 75, 300.0).unwrap(), jpeg(&page(), 75, 300.0).unwrap());
    }

    #[test]
    fn repacking_keeps_pixels_and_resolution() {
        let plain = jpeg(&page(), 85, 200.0).unwrap();
        let packed = repacked(&plain).unwrap();
        let pixels = |bytes: &[u8]| turbojpeg::decompress(bytes, PixelFormat::RGB).unwrap().pixels;
        assert_eq!(pixels(&packed), pixels(&plain));
        assert_eq!(packed[..18], plain[..18]);
        assert!(repacked(b"no picture").is_err());
    }

    #[test]
    fn values_outside_the_format_are_refused() {
        assert!(matches!(jpeg(&page(), 0, 300.0), Err(EncodeError::Quality(0))));
        assert!(matches!(jpeg(&page(), 101, 300.0), Err(EncodeError::Quality(101))));
        for dpi in [0.0, -1.0, 0.4, 70_000.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(jpeg(&page(), 80, dpi), Err(EncodeError::Resolution(_))), "{dpi}");
        }
        assert!(matches!(jpeg(&RgbImage::new(0, 4), 80, 300.0), Err(EncodeError::Size { width: 0, height: 4 })));
    }
}
