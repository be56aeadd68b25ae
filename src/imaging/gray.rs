//! Brightness of colour pictures.

use image::{GrayImage, RgbImage};

use super::simd;

/// Weights of red, green and blue in 1/256 (ITU-R BT.601, the luma of JPEG).
const WEIGHTS: [u32; 3] = [77, 150, 29];

/// The brightness of each pixel. `image`'s own conversion works in floating point and is far slower
/// (`benches/kernels.rs`).
pub fn luma(image: &RgbImage) -> GrayImage {
    let mut gray = GrayImage::new(image.width(), image.height());
    simd::best_luma()(image.as_raw(), &mut gray);
    gray
}

/// A kernel: RGB bytes to one byte a pixel.
pub(super) type Luma = fn(&[u8], &mut [u8]);

/// The portable kernel. `inline(always)`, so that it is compiled anew for the CPU of whoever calls it.
#[inline(always)]
pub(super) fn luma_scalar(rgb: &[u8], gray: &mut [u8]) {
    for (pixel, out) in rgb.as_chunks::<3>().0.iter().zip(gray) {
        *out = luma_of(pixel);
    }
}

/// The brightness of a pixel: red, green, blue.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the weights add up to 256, so the sum stays below 65,536")]
pub(crate) fn luma_of(pixel: &[u8]) -> u8 {
    let [red, green, blue] = WEIGHTS;
    ((u32::from(pixel[0]) * red + u32::from(pixel[1]) * green + u32::from(pixel[2]) * blue) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_white_and_colours_have_their_brightness() {
        let colours = [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0]];
        let image = RgbImage::from_raw(4, 1, colours.concat()).unwrap();
        assert_eq!(luma(&image).as_raw(), &[0, 255, 76, 149]);
    }
}
