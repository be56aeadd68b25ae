//! The small picture on which everything is estimated.
//!
//! An integer box reduction: every proxy pixel is the mean of `factor`×`factor` capture pixels, so that
//! `Quad::scaled(factor)` takes an outline found on the proxy to the capture exactly. Left-over columns and rows (fewer
//! than `factor`) at the right and the bottom are dropped. One pass over the capture, memory-bound: the vertical sums
//! of a band of rows are kept in 16 bit, which the compiler vectorises.

use image::{GrayImage, RgbImage};

/// The proxy's long side is at most this many pixels and, for captures longer than twice that, more than two thirds of
/// it: enough to place the sides of a sheet within 0.1 % of their length, small enough for many passes.
pub const MAX_LONG_SIDE: u32 = 1400;

/// A reduced capture.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Box means of the capture.
    pub rgb: RgbImage,
    /// Capture pixels per proxy pixel along a side.
    pub factor: u32,
}

impl Proxy {
    /// Reduces a capture by the smallest whole factor that brings its long side to [`MAX_LONG_SIDE`] or less.
    pub fn new(capture: &RgbImage) -> Self {
        let long = capture.width().max(capture.height());
        // A strip thinner than the factor still keeps one pixel.
        let short = capture.width().min(capture.height()).max(1);
        let factor = long.div_ceil(MAX_LONG_SIDE).clamp(1, short);
        let rgb = reduce(capture, factor);
        Self { rgb, factor }
    }
}

/// Box means over `factor`×`factor` pixels; the remainder at the right and bottom is dropped.
///
/// `factor` is 1 to 257 (the column sums are kept in 16 bit) and at most the picture's short side.
pub(crate) fn reduce(source: &RgbImage, factor: u32) -> RgbImage {
    if factor <= 1 {
        return source.clone();
    }
    let (width, height) = (source.width() / factor, source.height() / factor);
    let reduced = box_means::<3>(source.as_raw(), source.width(), [width, height], factor);
    RgbImage::from_raw(width, height, reduced).expect("the buffer has width * height pixels")
}

/// [`reduce`] in grey.
pub(crate) fn reduce_gray(source: &GrayImage, factor: u32) -> GrayImage {
    if factor <= 1 {
        return source.clone();
    }
    let (width, height) = (source.width() / factor, source.height() / factor);
    let reduced = box_means::<1>(source.as_raw(), source.width(), [width, height], factor);
    GrayImage::from_raw(width, height, reduced).expect("the buffer has width * height pixels")
}

/// The means of the boxes of `C` channels that give a picture of `width` × `height`.
fn box_means<const C: usize>(source: &[u8], source_width: u32, [width, height]: [u32; 2], factor: u32) -> Vec<u8> {
    assert!(factor <= 257, "column sums are kept in 16 bit");
    let stride = source_width as usize * C;
    let step = factor as usize;
    let mut reduced = vec![0u8; (width * height) as usize * C];
    let mut sums = vec![0u16; stride];
    let bands = source.chunks_exact((stride * step).max(1));
    for (band, out_row) in bands.zip(reduced.chunks_exact_mut((width as usize * C).max(1))) {
        sums.fill(0);
        for row in band.chunks_exact(stride) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += u16::from(value);
            }
        }
        mean_of_columns::<C>(&sums, step, out_row);
    }
    reduced
}

/// Sums groups of `step` pixels of one row of column sums and divides by the box's area, rounding to nearest.
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
fn mean_of_columns<const C: usize>(sums: &[u16], step: usize, out_row: &mut [u8]) {
    let area = (step * step) as u32;
    // Multiplying by the reciprocal in 32.32 fixed point is exact for these ranges and much cheaper than dividing.
    let reciprocal = (1u64 << 32) / u64::from(area) + 1;
    for (group, pixel) in sums.chunks_exact(step * C).zip(out_row.chunks_exact_mut(C)) {
        let mut totals = [area / 2; C];
        for column in group.chunks_exact(C) {
            for (total, &sum) in totals.iter_mut().zip(column) {
                *total += u32::from(sum);
            }
        }
        for (channel, total) in pixel.iter_mut().zip(totals) {
            *channel = ((u64::from(total) * reciprocal) >> 32) as u8;
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "drawn pictures")]
mod tests {
    use super::*;
    use image::{Luma, Rgb};

    #[test]
    fn small_pictures_are_kept_as_they_are() {
        let capture = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 9, y as u8 * 7, 3]));
        let proxy = Proxy::new(&capture);
        assert_eq!((proxy.factor, proxy.rgb), (1, capture));
    }

    #[test]
    fn boxes_are_averaged_and_left_over_pixels_dropped() {
        let capture = RgbImage::from_fn(5, 5, |x, y| Rgb([if x < 2 { 10 } else { 20 }, y as u8 * 10, 255]));
        let reduced = reduce(&capture, 2);
        assert_eq!(reduced.dimensions(), (2, 2));
        assert_eq!(reduced.get_pixel(0, 0).0, [10, 5, 255]);
        assert_eq!(reduced.get_pixel(1, 1).0, [20, 25, 255]);
        let green = GrayImage::from_fn(5, 5, |x, y| Luma([capture.get_pixel(x, y)[1]]));
        assert_eq!(reduce_gray(&green, 2).into_raw(), [5, 5, 25, 25]);
    }

    #[test]
    fn reciprocal_division_is_exact_for_every_factor() {
        for factor in 2..=64usize {
            for value in [0u8, 1, 127, 254, 255] {
                let mut out = [0u8; 3];
                mean_of_columns::<3>(&vec![u16::from(value) * factor as u16; factor * 3], factor, &mut out);
                assert_eq!(out, [value; 3], "factor {factor}");
            }
        }
    }

    #[test]
    fn long_side_stays_within_the_limit() {
        let proxy = Proxy::new(&RgbImage::new(3000, 1401));
        assert_eq!(proxy.factor, 3);
        assert_eq!(proxy.rgb.dimensions(), (1000, 467));
        assert_eq!(Proxy::new(&RgbImage::new(3000, 1)).factor, 1);
    }
}
