//! How a page image is stored, and how it is stored smaller.
//!
//! A page is encoded once: as JPEG, in layers where those are asked for and smaller, or as a picture of one bit a pixel where
//! the capture was one and colour is not required. Where the file of its component would become too large, [`smaller`]
//! goes down [`STEPS`]: the same coefficients packed better, lower quality, at last the least resolution that the profile
//! allows. The sizes and what they cost in legibility are in `docs/size.md`.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::PageError;
use crate::imaging::decode::{self, Limits};
use crate::imaging::encode::{self, EncodeError, Packing};
use crate::imaging::gray::luma;
use crate::imaging::{jbig2, layers, reduce};
use crate::input::InputError;
use crate::model::{Jpeg, Lang, Localized, Picture};

/// Quality of the background of layers: paper without print, and what has colour. Seals and pens look as they do in the
/// page's own JPEG of quality 80, side by side at 300 %.
const BACKGROUND_QUALITY: u8 = 55;
/// Quality of the colours of print: few pixels, whose faults are seen as blots on letters at 50.
const FOREGROUND_QUALITY: u8 = 80;

/// Grey levels below are ink on a page of one bit a pixel that had to be turned.
const INK: u8 = 128;

/// A page image as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoded {
    /// The picture.
    pub picture: Picture,
    /// Quality of its JPEG stream, of layers that of the background; `None` for the capture's own stream and for one bit a
    /// pixel.
    pub quality: Option<u8>,
    /// Resolution, pixels an inch; of layers that of the mask.
    pub dpi: f64,
}

/// How a page image is made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The same coefficients, packed better: no pixel changes.
    Packed,
    /// JPEG of this quality.
    Quality(u8),
    /// JPEG of this quality at the least resolution.
    LeastResolution(u8),
}

/// The steps, from the mildest to the hardest, each with the usual share of the bytes of quality 80 that is left
/// (`benches/sizes`).
pub const STEPS: [(Step, f64); 7] = [
    (Step::Packed, 0.89),
    (Step::Quality(70), 0.66),
    (Step::Quality(60), 0.53),
    (Step::Quality(50), 0.44),
    (Step::LeastResolution(60), 0.27),
    (Step::LeastResolution(50), 0.24),
    (Step::LeastResolution(40), 0.20),
];

impl Localized for Step {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Packed, Lang::Vi) => "JPEG đóng gói chặt hơn, điểm ảnh không đổi".to_owned(),
            (Self::Packed, Lang::En) => "JPEG packed better, the same pixels".to_owned(),
            (Self::Quality(quality), _) => format!("JPEG {quality}"),
            (Self::LeastResolution(quality), Lang::Vi) => format!("JPEG {quality}, độ phân giải tối thiểu"),
            (Self::LeastResolution(quality), Lang::En) => format!("JPEG {quality}, least resolution"),
        }
    }
}

/// Encodes a page as a JPEG of this quality.
///
/// # Errors
/// When a side of the page is too long for a JPEG.
pub fn jpeg(image: &RgbImage, quality: u8, dpi: f64) -> Result<Encoded, EncodeError> {
    let (width, height) = image.dimensions();
    let bytes = encode::jpeg(image, quality, dpi)?;
    Ok(Encoded { picture: Picture::Jpeg(Jpeg { bytes, width, height }), quality: Some(quality), dpi })
}

/// A page whose capture holds it as a JPEG already.
pub(super) fn of_stream(bytes: Vec<u8>, (width, height): (u32, u32), dpi: f64) -> Encoded {
    Encoded { picture: Picture::Jpeg(Jpeg { bytes, width, height }), quality: None, dpi }
}

/// The smaller of two.
pub(super) fn smallest(one: Encoded, other: Encoded) -> Encoded {
    if other.picture.bytes() < one.picture.bytes() { other } else { one }
}

/// Encodes a page whose capture had one bit a pixel as what it was.
pub(super) fn bilevel(image: &RgbImage, dpi: f64) -> Encoded {
    let mut ink = luma(image);
    ink.iter_mut().for_each(|value| *value = if *value < INK { 255 } else { 0 });
    Encoded { picture: Picture::Bilevel(jbig2::encode(&ink)), quality: None, dpi }
}

/// Encodes a page in layers, its background at no less than `least_dpi`.
///
/// # Errors
/// When a side of the page is too long for a JPEG.
pub fn in_layers(image: &RgbImage, dpi: f64, least_dpi: f64) -> Result<Encoded, EncodeError> {
    let (background_size, background_dpi) = reduced_size(image.dimensions(), dpi, least_dpi);
    let layers = layers::separate(image, dpi, background_size);
    let encoded = |image: &RgbImage, quality, dpi| {
        let bytes = encode::packed_jpeg(image, quality, dpi, Packing::Small)?;
        Ok::<_, EncodeError>(Jpeg { bytes, width: image.width(), height: image.height() })
    };
    let foreground_dpi = dpi * f64::from(layers.foreground.width()) / f64::from(image.width().max(1));
    let picture = Picture::Layers {
        background: encoded(&layers.background, BACKGROUND_QUALITY, background_dpi)?,
        foreground: encoded(&layers.foreground, FOREGROUND_QUALITY, foreground_dpi)?,
        mask: jbig2::encode(&layers.mask),
    };
    Ok(Encoded { picture, quality: Some(BACKGROUND_QUALITY), dpi })
}

/// The page image one step down; `None` where that would not be smaller. Resolutions stay at `least_dpi` or above.
///
/// # Errors
/// When the picture cannot be decoded again, which is a bug.
pub fn smaller(encoded: &Encoded, step: Step, least_dpi: f64, limits: &Limits) -> Result<Option<Encoded>, PageError> {
    let dpi = encoded.dpi;
    let made = match (&encoded.picture, step) {
        (Picture::Jpeg(jpeg), Step::Packed) => {
            let bytes = encode::repacked(&jpeg.bytes)?;
            Encoded { picture: Picture::Jpeg(Jpeg { bytes, ..*jpeg }), ..*encoded }
        }
        (Picture::Jpeg(jpeg), Step::Quality(quality)) => {
            let bytes = encode::packed_jpeg(&pixels(jpeg, limits)?, quality, dpi, Packing::Small)?;
            Encoded { picture: Picture::Jpeg(Jpeg { bytes, ..*jpeg }), quality: Some(quality), dpi }
        }
        (Picture::Jpeg(jpeg), Step::LeastResolution(quality)) => {
            let ((width, height), dpi) = reduced_size((jpeg.width, jpeg.height), dpi, least_dpi);
            let image = reduce::area(&pixels(jpeg, limits)?, width, height);
            let bytes = encode::packed_jpeg(&image, quality, dpi, Packing::Small)?;
            Encoded { picture: Picture::Jpeg(Jpeg { bytes, width, height }), quality: Some(quality), dpi }
        }
        // The background has the least resolution already.
        (Picture::Layers { background, foreground, mask }, Step::Quality(quality) | Step::LeastResolution(quality))
            if quality < BACKGROUND_QUALITY =>
        {
            let image = pixels(background, limits)?;
            let dpi_of_background = dpi * f64::from(background.width) / f64::from(mask.width.max(1));
            let bytes = encode::packed_jpeg(&image, quality, dpi_of_background, Packing::Small)?;
            let background = Jpeg { bytes, ..*background };
            let picture = Picture::Layers { background, foreground: foreground.clone(), mask: mask.clone() };
            Encoded { picture, quality: Some(quality), dpi }
        }
        (Picture::Layers { .. } | Picture::Bilevel(_), _) => return Ok(None),
    };
    Ok((made.picture.bytes() < encoded.picture.bytes()).then_some(made))
}

/// What is seen of a picture of ours, at the resolution of its finest layer.
///
/// # Errors
/// When it is none.
pub fn shown(picture: &Picture, limits: &Limits) -> Result<RgbImage, PageError> {
    layers::shown(picture, limits).ok_or(PageError::Stored)
}

/// The pixels of a JPEG of ours.
fn pixels(jpeg: &Jpeg, limits: &Limits) -> Result<RgbImage, PageError> {
    Ok(decode::decode(&jpeg.bytes, 0, limits).map_err(InputError::from)?.image)
}

/// Pixels and resolution of a picture reduced to `least_dpi`, or as they are where it has no more.
fn reduced_size((width, height): (u32, u32), dpi: f64, least_dpi: f64) -> ((u32, u32), f64) {
    if dpi <= least_dpi {
        return ((width, height), dpi);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "less than the side it comes from")]
    let side = |pixels: u32| (f64::from(pixels) * least_dpi / dpi).ceil() as u32;
    ((side(width), side(height)), least_dpi)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::model::Bilevel;

    const LEAST_DPI: f64 = 200.0;

    /// Print on speckled paper, with a bar of red.
    fn page() -> RgbImage {
        RgbImage::from_fn(620, 877, |x, y| {
            let speckle = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761).to_be_bytes()[0] / 16;
            Rgb(match (x, y) {
                _ if x / 6 % 4 == 0 && y / 30 % 2 == 0 && y / 3 % 4 < 3 && x < 400 => [20, 22, 20],
                (450..=460, 100..=600) => [200, 40, 40],
                _ => [240 - speckle, 240 - speckle, 236 - speckle],
            })
        })
    }

    #[test]
    fn every_step_is_smaller_and_keeps_the_least_resolution() {
        let first = jpeg(&page(), 80, 300.0).unwrap();
        let mut last = first.picture.bytes();
        for (step, _) in STEPS {
            let made = smaller(&first, step, LEAST_DPI, &Limits::default()).unwrap().unwrap();
            assert!(made.picture.bytes() < last, "{step:?}");
            last = made.picture.bytes();
            assert!(made.dpi >= LEAST_DPI);
            let Picture::Jpeg(stored) = &made.picture else { panic!("no JPEG") };
            let image = pixels(stored, &Limits::default()).unwrap();
            assert_eq!(image.dimensions(), (stored.width, stored.height), "{step:?}");
            assert!(f64::from(image.width()) / (620.0 / 300.0) >= made.dpi - 1e-9);
        }
    }

    #[test]
    fn packing_changes_no_pixel() {
        let first = jpeg(&page(), 80, 300.0).unwrap();
        let packed = smaller(&first, Step::Packed, LEAST_DPI, &Limits::default()).unwrap().unwrap();
        let image = |encoded: &Encoded| {
            let Picture::Jpeg(jpeg) = &encoded.picture else { panic!("no JPEG") };
            pixels(jpeg, &Limits::default()).unwrap()
        };
        assert!(image(&first) == image(&packed));
    }

    #[test]
    fn a_page_of_the_least_resolution_is_not_reduced() {
        let first = jpeg(&page(), 80, 200.0).unwrap();
        let made = smaller(&first, Step::LeastResolution(50), LEAST_DPI, &Limits::default()).unwrap().unwrap();
        assert_eq!((made.picture.size(), made.dpi), ((620, 877), 200.0));
        let coarse = smaller(&first, Step::Quality(40), LEAST_DPI, &Limits::default()).unwrap().unwrap();
        assert!(smaller(&coarse, Step::Quality(80), LEAST_DPI, &Limits::default()).unwrap().is_none());
    }

    #[test]
    fn layers_are_smaller_and_their_background_has_the_least_resolution() {
        let whole = jpeg(&page(), 80, 300.0).unwrap();
        let layers = in_layers(&page(), 300.0, LEAST_DPI).unwrap();
        assert!(layers.picture.bytes() < whole.picture.bytes());
        let Picture::Layers { background, mask, .. } = &layers.picture else { panic!("no layers") };
        assert_eq!((background.width, mask.width, mask.height), (414, 620, 877));
        let step = |step| smaller(&layers, step, LEAST_DPI, &Limits::default()).unwrap();
        assert!(step(Step::Packed).is_none() && step(Step::Quality(70)).is_none());
        assert!(step(Step::LeastResolution(40)).unwrap().picture.bytes() < layers.picture.bytes());
    }

    #[test]
    fn one_bit_a_pixel_stays_one_bit_a_pixel() {
        let image = RgbImage::from_fn(64, 64, |x, y| Rgb([if (x / 4 + y / 4) % 2 == 0 { 0 } else { 255 }; 3]));
        let encoded = bilevel(&image, 300.0);
        assert!(matches!(encoded.picture, Picture::Bilevel(Bilevel { width: 64, height: 64, .. })));
        assert!(smaller(&encoded, Step::Quality(40), LEAST_DPI, &Limits::default()).unwrap().is_none());
    }
}
