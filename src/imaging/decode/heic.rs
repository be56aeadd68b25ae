//! HEIC pictures of phones, through the pure-Rust `heifer`.
//!
//! Crop, rotation and mirroring are properties of the container and are applied by `heifer` (checked against libheif's
//! encoder for every rotation and mirroring); the EXIF orientation inside is for information only (ISO/IEC 23008-12,
//! A.2.2) and must not be applied on top.

use heifer::heifer_isobmff::{HeifFile, ItemId, boxes::Property};
use heifer::{Error, Options};
use image::RgbImage;

use super::exif::Exif;
use super::samples::{Alpha, on_white};
use super::{DecodeError, Decoded, Format, FrameInfo, Limits, tones};

/// Pictures made of pictures made of pictures are followed this deep; phones write a grid of tiles.
const MAX_DEPTH: u32 = 3;

/// All pictures below one together may have this many times its limit of pixels: tiles overlap its edge, alpha planes
/// double it.
const MAX_SHARE: u64 = 4;

/// What every picture takes from that budget, pixels.
const MIN_COST: u64 = 4096;

fn damaged(detail: impl ToString) -> DecodeError {
    DecodeError::damaged(Format::Heic, detail)
}

fn failure(error: Error) -> DecodeError {
    match error {
        Error::Unsupported(_) => {
            DecodeError::Unsupported { format: Format::Heic, what: ("cấu trúc lạ", "an unusual structure") }
        }
        error => damaged(error),
    }
}

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<FrameInfo, DecodeError> {
    let file = open(bytes, limits)?;
    size(&file, file.primary_id)
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    let file = open(bytes, limits)?;
    // One thread: whoever calls has the other cores busy.
    let options = Options { max_threads: 1, max_pixels: limits.max_pixels };
    let picture = heifer::decode_rgba8(bytes, &options).map_err(failure)?;
    let (pixels, _) = picture.data.as_chunks::<4>();
    let mut rgb = vec![[0; 3]; pixels.len()];
    for (&[r, g, b, share], target) in pixels.iter().zip(&mut rgb) {
        *target = if picture.has_alpha { on_white([r, g, b], share, Alpha::Straight) } else { [r, g, b] };
    }
    let image = RgbImage::from_raw(picture.width, picture.height, rgb.into_flattened())
        .ok_or_else(|| damaged("wrong number of pixels"))?;
    // The size was promised by one property and made by the picture; frames were planned by the first.
    if size(&file, file.primary_id)? != (FrameInfo { width: image.width(), height: image.height() }) {
        return Err(damaged("picture has another size than its header says"));
    }
    let exif = file.exif(file.primary_id).ok().flatten().map_or_else(Exif::default, |block| Exif::parse(&block));
    let (gray, bilevel) = tones(&image);
    Ok(Decoded {
        image,
        dpi: exif.dpi,
        camera: true,
        focal: exif.focal(picture.width, picture.height),
        bilevel,
        gray,
        exif_orientation: exif.orientation,
        icc: file.icc_profile(file.primary_id).ok().flatten().map(<[u8]>::to_vec),
    })
}

/// Parses the container and checks every size that decoding will meet.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<HeifFile<'a>, DecodeError> {
    if !boxes_whole(bytes) {
        return Err(DecodeError::Incomplete(Format::Heic));
    }
    let file = HeifFile::parse(bytes).map_err(damaged)?;
    let mut budget = limits.max_pixels.saturating_mul(MAX_SHARE);
    check(&file, file.primary_id, 0, limits, &mut budget)?;
    let FrameInfo { width, height } = size(&file, file.primary_id)?;
    limits.check_size(width, height)?;
    // Four bytes a pixel as decoded, twice while it is turned, three as RGB.
    limits.check_memory(width, height, 11 * u64::from(width) * u64::from(height))?;
    Ok(file)
}

/// Whether the file reaches to the end of its last box.
fn boxes_whole(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        let Some(header) = bytes.get(at..at + 8) else { return false };
        let size = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
            0 => return true,
            1 => {
                let Some(large) = bytes.get(at + 8..at + 16).and_then(|large| large.try_into().ok()) else {
                    return false;
                };
                usize::try_from(u64::from_be_bytes(large)).unwrap_or(usize::MAX)
            }
            size => size as usize,
        };
        if size < 8 {
            return false;
        }
        at = at.saturating_add(size);
    }
    at == bytes.len()
}

/// Checks the sizes of a picture and of those that it is made of.
fn check(file: &HeifFile, id: ItemId, depth: u32, limits: &Limits, budget: &mut u64) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH {
        return Err(damaged("pictures nested too deeply"));
    }
    let kind = file.item(id).map_err(damaged)?.item_type.0;
    if !matches!(&kind, b"hvc1" | b"grid" | b"iden") {
        return Err(DecodeError::Unsupported {
            format: Format::Heic,
            what: ("mã hóa không phải HEVC", "pictures that are not HEVC"),
        });
    }
    if let Some((width, height)) = file.image_size(id).map_err(damaged)? {
        let pixels = u64::from(width) * u64::from(height);
        // Empty pictures count too, or a few references to each other would keep this busy for ever.
        *budget = budget.checked_sub(pixels.max(MIN_COST)).ok_or(DecodeError::TooLarge { width, height })?;
        if width.max(height) > limits.max_side {
            return Err(DecodeError::TooLarge { width, height });
        }
    } else if kind == *b"hvc1" {
        return Err(damaged("picture without a size"));
    }
    let parts = if kind == *b"hvc1" { &[] } else { file.referenced_items(id, b"dimg") };
    for &part in parts.iter().chain(&file.referencing_items(id, b"auxl")) {
        if part != id && file.item(part).is_ok_and(|item| heifer::heifer_isobmff::is_image_item(item.item_type)) {
            check(file, part, depth + 1, limits, budget)?;
        }
    }
    Ok(())
}

/// The displayed size: of the stored picture, cropped and turned.
fn size(file: &HeifFile, id: ItemId) -> Result<FrameInfo, DecodeError> {
    let stored = file.image_size(id).map_err(damaged)?;
    let (mut width, mut height) = stored.ok_or_else(|| damaged("picture without a size"))?;
    for property in file.item_properties(id).map_err(damaged)? {
        match *property {
            Property::CleanAperture { width: (across, by), height: (down, by_too), .. } if by > 0 && by_too > 0 => {
                (width, height) = (rounded(across, by).min(width), rounded(down, by_too).min(height));
            }
            Property::Rotation(1 | 3) => (width, height) = (height, width),
            _ => {}
        }
    }
    Ok(FrameInfo { width, height })
}

fn rounded(top: u32, bottom: u32) -> u32 {
    u32::try_from((u64::from(top) * 2 + u64::from(bottom)) / (2 * u64::from(bottom))).unwrap_or(u32::MAX)
}
