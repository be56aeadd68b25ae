//! PNG, WebP and BMP through the `image` crate, with what it does not tell: resolution and whether the file is whole.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError, RgbImage};

use super::exif::Exif;
use super::samples::{Alpha, eight_bits, on_white};
use super::{DecodeError, Decoded, Format, FrameInfo, Limits, square_dpi, tones, turned};

/// What a PNG header may unpack to (compressed profiles and texts), bytes; the `png` crate's own default.
const MAX_HEADER: u64 = 64 << 20;

/// Largest colour profile that is handed on; those of printers are the largest and rarely exceed 3 MB.
const MAX_PROFILE: usize = 8 << 20;

/// Inches in a metre.
const INCHES: f64 = 1.0 / 0.0254;

pub(super) fn probe(bytes: &[u8], format: Format, limits: &Limits) -> Result<FrameInfo, DecodeError> {
    let mut decoder = open(bytes, format, limits)?;
    let (width, height) = decoder.dimensions();
    Ok(FrameInfo::upright(width, height, exif(&mut decoder).turn()))
}

pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Decoded, DecodeError> {
    let mut decoder = open(bytes, format, limits)?;
    check_whole(bytes, format)?;
    let exif = exif(&mut decoder);
    // A broken profile does not spoil the picture.
    let icc = decoder.icc_profile().ok().flatten().filter(|profile| profile.len() <= MAX_PROFILE);
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let size = u64::from(width) * u64::from(height) * u64::from(colour.bytes_per_pixel());
    let mut samples = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    decoder.read_image(&mut samples).map_err(|error| failure(format, (width, height), error))?;
    let image = RgbImage::from_raw(width, height, rgb(samples, colour)).expect("three bytes a pixel");
    let dpi = stored_dpi(bytes, format).or(exif.dpi);
    let (gray, bilevel) = tones(&image);
    Ok(Decoded {
        image: turned(image, exif.turn()),
        dpi,
        camera: exif.camera(dpi),
        focal: exif.focal(width, height),
        bilevel,
        gray,
        exif_orientation: exif.orientation,
        icc,
    })
}

/// A decoder whose header was read and whose picture is within the limits.
fn open<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> Result<Box<dyn ImageDecoder + 'a>, DecodeError> {
    // Before the crate, which may reserve rows or canvases of any size.
    if let Some((width, height)) = stored_size(bytes, format) {
        limits.check_size(width, height)?;
    }
    let reader = Cursor::new(bytes);
    let mut own = image::Limits::default();
    own.max_alloc = Some(limits.max_bytes.min(MAX_HEADER));
    let opened: Result<Box<dyn ImageDecoder>, ImageError> = match format {
        Format::Png => PngDecoder::with_limits(reader, own.clone()).map(|decoder| Box::new(decoder) as _),
        Format::WebP => WebPDecoder::new(reader).map(|decoder| Box::new(decoder) as _),
        _ => BmpDecoder::new(reader).map(|decoder| Box::new(decoder) as _),
    };
    let mut decoder = opened.map_err(|error| failure(format, (0, 0), error))?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    // Samples as stored and RGB stand in memory together.
    let pixels = u64::from(width) * u64::from(height);
    limits.check_memory(width, height, pixels * (3 + u64::from(decoder.color_type().bytes_per_pixel())))?;
    own.max_alloc = Some(limits.max_bytes);
    decoder.set_limits(own).map_err(|error| failure(format, (width, height), error))?;
    Ok(decoder)
}

fn exif(decoder: &mut Box<dyn ImageDecoder + '_>) -> Exif {
    decoder.exif_metadata().ok().flatten().map_or_else(Exif::default, |block| Exif::parse(&block))
}

fn failure(format: Format, (width, height): (u32, u32), error: ImageError) -> DecodeError {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            DecodeError::Incomplete(format)
        }
        ImageError::Limits(_) => DecodeError::TooLarge { width, height },
        ImageError::Unsupported(_) => DecodeError::Unsupported {
            format,
            what: ("màu hoặc cách nén lạ", "an unusual colour or compression"),
        },
        error => {
            // The PNG and WebP decoders wrap the end of the data in their own errors.
            let text = error.to_string();
            let cut = ["unexpected end", "unexpected eof", "failed to fill"]
                .iter()
                .any(|sign| text.to_ascii_lowercase().contains(sign));
            if cut { DecodeError::Incomplete(format) } else { DecodeError::damaged(format, text) }
        }
    }
}

/// Refuses files that are shorter than their header says: the decoders of the crate do not notice all of them.
fn check_whole(bytes: &[u8], format: Format) -> Result<(), DecodeError> {
    let u32_le = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let whole = match format {
        Format::WebP => u32_le(4).is_some_and(|size| bytes.len() as u64 >= u64::from(size) + 8),
        Format::Png => png_chunks(bytes).any(|(name, _)| name == *b"IEND"),
        _ => true,
    };
    if whole { Ok(()) } else { Err(DecodeError::Incomplete(format)) }
}

/// Width and height where they stand at a fixed place.
fn stored_size(bytes: &[u8], format: Format) -> Option<(u32, u32)> {
    match format {
        Format::Png => {
            let (name, header) = png_chunks(bytes).next()?;
            let field = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
            (name == *b"IHDR").then(|| Some((field(0)?, field(4)?)))?
        }
        Format::Bmp => {
            let field = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
            // The OS/2 header of 12 bytes has 16-bit sides, which are within every limit.
            (field(14)? >= 40).then(|| Some((field(18)?.unsigned_abs(), field(22)?.unsigned_abs())))?
        }
        _ => None,
    }
}

/// Resolution from the fields of the format.
fn stored_dpi(bytes: &[u8], format: Format) -> Option<f64> {
    match format {
        Format::Png => {
            let (_, fields) =
                png_chunks(bytes).take_while(|(name, _)| name != b"IDAT").find(|(name, _)| name == b"pHYs")?;
            let field = |at: usize| Some(f64::from(u32::from_be_bytes(fields.get(at..at + 4)?.try_into().ok()?)));
            let per_metre = *fields.get(8)? == 1;
            per_metre.then(|| square_dpi(field(0).map(|x| x / INCHES), field(4).map(|y| y / INCHES)))?
        }
        Format::Bmp => {
            let field = |at: usize| Some(i32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
            let per_inch = |at| field(at).map(|value| f64::from(value) / INCHES);
            (field(14)? >= 40).then(|| square_dpi(per_inch(38), per_inch(42)))?
        }
        _ => None,
    }
}

/// Names and contents of the chunks of a PNG file, as far as they are whole.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let name = bytes.get(at + 4..at + 8)?.try_into().ok()?;
        let content = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
        at += 12 + length;
        Some((name, content))
    })
}

/// Samples of any type that the crate gives, as RGB on white.
fn rgb(samples: Vec<u8>, colour: ColorType) -> Vec<u8> {
    let wide = matches!(colour, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16);
    let samples = if wide {
        samples.as_chunks::<2>().0.iter().map(|&pair| eight_bits(u16::from_ne_bytes(pair))).collect()
    } else {
        samples
    };
    let mut rgb = vec![[0; 3]; samples.len() / usize::from(colour.channel_count())];
    match colour.channel_count() {
        1 => samples.iter().zip(&mut rgb).for_each(|(&value, target)| *target = [value; 3]),
        2 => {
            for (&[value, share], target) in samples.as_chunks().0.iter().zip(&mut rgb) {
                *target = on_white([value; 3], share, Alpha::Straight);
            }
        }
        4 => {
            for (&[r, g, b, share], target) in samples.as_chunks().0.iter().zip(&mut rgb) {
                *target = on_white([r, g, b], share, Alpha::Straight);
            }
        }
        _ => return samples,
    }
    rgb.into_flattened()
}
