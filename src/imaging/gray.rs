//! Brightness of colour pictures.

use image::{GrayImage, RgbImage};

/// Weights of red, green and blue in 1/256 (ITU-R BT.601, the luma of JPEG).
const WEIGHTS: [u32; 3] = [77, 150, 29];

/// The brightness of each pixel. `image`'s own conversion works in floating point and is 15 times slower
/// (`benches/kernels.rs`).
pub fn luma(image: &RgbImage) -> GrayImage {
    let luma = image.as_raw().chunks_exact(3).map(luma_of);
    GrayImage::from_raw(image.width(), image.height(), luma.collect()).expect("one byte a pixel")
}

/// The brightness of a pixel: red, green, blue.
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
