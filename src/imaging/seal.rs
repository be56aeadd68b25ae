//! Reads the picture of a seal (*con dấu*): a PNG file with what shows through, at true size.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};

use crate::model::{Lang, Localized, Seal, SizeMm};

/// Longest side, pixels: a seal of 40 mm at 1,200 dpi has 1,890.
const MAX_SIDE: u32 = 4_000;
/// Largest and smallest width, millimetres. Seals of agencies are 32 to 42 mm across.
const WIDTHS_MM: std::ops::RangeInclusive<f64> = 5.0..=100.0;

/// Why a picture is no seal.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Not a PNG file that can be read, or one with sides above 4,000 pixels.
    #[error("the seal is not a PNG picture of at most {MAX_SIDE} pixels a side ({0})")]
    Unreadable(String),
    /// Neither the file nor the configuration says how large the seal is.
    #[error("the size of the seal is not known: set profile.seal_width_mm, or store the resolution in the PNG file")]
    NoSize,
    /// A size that no seal has.
    #[error("a seal {0:.1} mm wide cannot be: 5 to 100 mm")]
    Size(f64),
}

impl Localized for SealError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (_, Lang::En) => self.to_string(),
            (Self::Unreadable(reason), Lang::Vi) => {
                format!("ảnh con dấu phải là tệp PNG, mỗi cạnh tối đa {MAX_SIDE} điểm ảnh ({reason})")
            }
            (Self::NoSize, Lang::Vi) => {
                "không biết kích thước thật của con dấu: đặt profile.seal_width_mm, hoặc ghi độ phân giải vào tệp PNG"
                    .to_owned()
            }
            (Self::Size(width), Lang::Vi) => format!("con dấu rộng {width:.1} mm là không thể: từ 5 đến 100 mm"),
        }
    }
}

/// Decodes a PNG file. Its width in millimetres is the one given, or what the file's resolution says.
///
/// # Errors
/// See [`SealError`].
pub fn decode(png: &[u8], width_mm: Option<f64>) -> Result<Seal, SealError> {
    let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| SealError::Unreadable(error.to_string()))?.into_rgba8();
    let (width, height) = picture.dimensions();
    let [across, down] = match (width_mm, resolution(png)) {
        (Some(mm), _) => [f64::from(width) / mm; 2],
        (None, Some(pixels)) => pixels,
        (None, None) => return Err(SealError::NoSize),
    };
    let size = SizeMm { width: f64::from(width) / across, height: f64::from(height) / down };
    if !WIDTHS_MM.contains(&size.width) || !WIDTHS_MM.contains(&size.height) {
        return Err(SealError::Size(size.width));
    }
    let pixels = || picture.as_raw().as_chunks::<4>().0.iter();
    let rgb = pixels().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect();
    Ok(Seal { width, height, size, rgb, alpha: pixels().map(|pixel| pixel[3]).collect() })
}

/// Pixels a millimetre across and down, from the `pHYs` chunk (PNG, 11.3.4.3), if it has a unit.
fn resolution(png: &[u8]) -> Option<[f64; 2]> {
    const METRE: u8 = 1;
    let mut rest = png.get(8..)?;
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let kind = rest.get(4..8)?;
        let data = rest.get(8..)?.get(..length)?;
        match kind {
            b"pHYs" => {
                let &[a, b, c, d, e, f, g, h, METRE] = data else { return None };
                let density = [[a, b, c, d], [e, f, g, h]].map(|side| f64::from(u32::from_be_bytes(side)) / 1000.0);
                return density.iter().all(|&density| density > 0.0).then_some(density);
            }
            b"IDAT" => return None,
            _ => rest = rest.get(12 + length..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn png() -> Vec<u8> {
        let picture = RgbaImage::from_fn(300, 300, |x, _| Rgba([200, 0, 0, if x < 150 { 0 } else { 255 }]));
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// With a `pHYs` chunk after the header; nobody checks its sum but the decoder, so it is a right one.
    fn png_at(pixels_a_metre: u32) -> Vec<u8> {
        let mut chunk = b"pHYs".to_vec();
        chunk.extend(pixels_a_metre.to_be_bytes());
        chunk.extend(pixels_a_metre.to_be_bytes());
        chunk.push(1);
        let mut sum = flate2::Crc::new();
        sum.update(&chunk);
        let plain = png();
        let (head, tail) = plain.split_at(8 + 25);
        [head, &9_u32.to_be_bytes(), &chunk, &sum.sum().to_be_bytes(), tail].concat()
    }

    #[test]
    fn size_comes_from_the_file_or_the_configuration() {
        let seal = decode(&png_at(10_000), None).unwrap();
        assert_eq!(seal.size, SizeMm { width: 30.0, height: 30.0 });
        assert_eq!((seal.alpha[0], seal.alpha[299], &seal.rgb[..3]), (0, 255, &[200, 0, 0][..]));
        assert_eq!(decode(&png_at(10_000), Some(36.0)).unwrap().size.width, 36.0);
        assert_eq!(decode(&png(), None), Err(SealError::NoSize));
        assert_eq!(decode(&png(), Some(400.0)), Err(SealError::Size(400.0)));
        assert!(matches!(decode(b"no picture", Some(36.0)), Err(SealError::Unreadable(_))));
    }
}
