//! Pages and captures as pictures for a screen: for a look, not for keeping.

use image::RgbImage;

use super::{Page, PageError, encoding};
use crate::imaging::decode::{self, Limits};
use crate::imaging::{encode, reduce};
use crate::input::{Frame, InputError};
use crate::model::Picture;

/// Quality of the JPEG.
const QUALITY: u8 = 65;
/// Resolution that is written into it, pixels an inch; screens do not ask.
const DPI: f64 = 96.0;

/// A page as a JPEG whose longest side has at most so many pixels.
///
/// # Errors
/// When its picture is none of ours.
pub fn page(page: &Page, side: u32, limits: &Limits) -> Result<Vec<u8>, PageError> {
    let image = match &page.image.picture {
        Picture::Jpeg(jpeg) => decode::decode_jpeg_reduced(&jpeg.bytes, side, limits).map_err(InputError::from)?,
        picture => encoding::shown(picture, limits)?,
    };
    jpeg(&image, side)
}

/// A page of a capture as it came, upright as its file says, as such a JPEG.
///
/// # Errors
/// When it cannot be decoded within the limits.
pub fn capture(frame: &Frame, side: u32, limits: &Limits) -> Result<Vec<u8>, PageError> {
    jpeg(&frame.decode(limits)?.image, side)
}

fn jpeg(image: &RgbImage, side: u32) -> Result<Vec<u8>, PageError> {
    let (width, height) = within(image.dimensions(), side);
    Ok(encode::jpeg(&reduce::area(image, width, height), QUALITY, DPI)?)
}

/// The size reduced to this longest side, where it has more.
fn within((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let reduced = |length: u32| match longest <= side {
        true => length,
        false => u32::try_from(u64::from(length) * u64::from(side) / u64::from(longest)).unwrap_or(side).max(1),
    };
    (reduced(width), reduced(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduced_picture_is_what_the_whole_one_reduced_is() {
        let bar = |x: u32, y: u32| {
            if (x / 40).is_multiple_of(3) && (y / 90).is_multiple_of(2) { [60; 3] } else { [235; 3] }
        };
        let image = RgbImage::from_fn(1654, 2339, |x, y| image::Rgb(bar(x, y)));
        let whole = encode::jpeg(&image, 80, 200.0).unwrap();
        for side in [360, 1000, 2339, 4000] {
            let reduced = decode::decode_jpeg_reduced(&whole, side, &Limits::default()).unwrap();
            assert!(reduced.height() >= side.min(2339), "{side}: {:?}", reduced.dimensions());
            let (width, height) = within(image.dimensions(), side);
            let (one, other) = (reduce::area(&reduced, width, height), reduce::area(&image, width, height));
            let apart: u64 = one.as_raw().iter().zip(other.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(
                apart < 2 * one.as_raw().len() as u64,
                "{side}: {} apart",
                apart as f64 / one.as_raw().len() as f64
            );
        }
    }

    #[test]
    fn pictures_are_reduced_and_never_enlarged() {
        assert_eq!(within((2480, 3508), 1400), (989, 1400));
        assert_eq!(within((300, 200), 1400), (300, 200));
        assert_eq!(within((10_000, 1), 100), (100, 1));
    }
}
