//! The small picture on which everything is estimated.
//!
//! An integer box reduction: every proxy pixel is the mean of `factor`×`factor` capture pixels, so that
//! `Quad::scaled(factor)` takes an outline found on the proxy to the capture exactly. Left-over columns and rows (fewer
//! than `factor`) at the right and the bottom are dropped. One pass over the capture, memory-bound: the vertical sums
//! of a band of rows are kept in 16 bit, which the compiler vectorises.

use image::{GrayImage, RgbImage};

use super::gray::luma;
use super::simd;

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
    /// Box means of the capture's brightness, finer than `rgb`: half the capture's resolution, or the whole of a capture
    /// that is not long enough to be reduced by three.
    pub gray: GrayImage,
    /// Capture pixels per pixel of `gray` along a side.
    pub gray_factor: u32,
}

impl Proxy {
    /// Reduces a capture by the smallest whole factor that brings its long side to [`MAX_LONG_SIDE`] or less.
    pub fn new(capture: &RgbImage) -> Self {
        let long = capture.width().max(capture.height());
        // A strip thinner than the factor still keeps one pixel.
        let short = capture.width().min(capture.height()).max(1);
        let factor = long.div_ceil(MAX_LONG_SIDE).clamp(1, short);
        let gray_factor = if factor < 3 { 1 } else { 2 };
        if factor == 1 {
            return Self { rgb: capture.clone(), factor, gray: luma(capture), gray_factor };
        }
        let (rgb, gray) = reduce_both(capture, factor, gray_factor);
        Self { rgb, factor, gray, gray_factor }
    }
}

/// Box means of the colours over `factor`×`factor` pixels and of the brightness over `gray_factor`×`gray_factor`, in one
/// pass over the capture: what the one has read, the other finds in the cache.
fn reduce_both(capture: &RgbImage, factor: u32, gray_factor: u32) -> (RgbImage, GrayImage) {
    let (width, height) = capture.dimensions();
    let mut rgb = RgbImage::new(width / factor, height / factor);
    let mut gray = GrayImage::new(width / gray_factor, height / gray_factor);
    let (luma, boxes, gray_boxes) = (simd::best_luma(), simd::best_boxes::<3>(), simd::best_boxes::<1>());
    let (width, factor, gray_factor) = (width as usize, factor as usize, gray_factor as usize);
    let (mut sums, mut band_luma) = (vec![0; width * 3], vec![0; width * gray_factor]);
    let mut rgb_rows = rgb.chunks_exact_mut(width / factor * 3);
    let mut gray_rows = gray.chunks_exact_mut(width / gray_factor);
    for rows in capture.as_raw().chunks(width * 3 * factor * gray_factor) {
        for (band, out_row) in rows.chunks_exact(width * 3 * factor).zip(&mut rgb_rows) {
            boxes(band, factor, &mut sums, out_row);
        }
        for (band, out_row) in rows.chunks_exact(width * 3 * gray_factor).zip(&mut gray_rows) {
            if gray_factor == 1 {
                luma(band, out_row);
            } else {
                luma(band, &mut band_luma);
                gray_boxes(&band_luma, gray_factor, &mut sums[..width], out_row);
            }
        }
    }
    (rgb, gray)
}

/// Box means over `factor`×`factor` pixels; the remainder at the right and bottom is dropped.
///
/// `factor` is 1 to 257 (the column sums are kept in 16 bit) and at most the picture's short side.
pub(crate) fn reduce(source: &RgbImage, factor: u32) -> RgbImage {
    if factor <= 1 {
        return source.clone();
    }
    let (width, height) = (source.width() / factor, source.height() / factor);
    let size = [width as usize, height as usize];
    let reduced = box_means::<3>(source.as_raw(), source.width() as usize, size, factor as usize);
    RgbImage::from_raw(width, height, reduced).expect("the buffer has width * height pixels")
}

/// [`reduce`] in grey.
pub(crate) fn reduce_gray(source: &GrayImage, factor: u32) -> GrayImage {
    if factor <= 1 {
        return source.clone();
    }
    let (width, height) = (source.width() / factor, source.height() / factor);
    let size = [width as usize, height as usize];
    let reduced = box_means::<1>(source.as_raw(), source.width() as usize, size, factor as usize);
    GrayImage::from_raw(width, height, reduced).expect("the buffer has width * height pixels")
}

/// The means of the boxes of `C` channels that give a picture of `width` × `height`; those at the far edges may be partial.
///
/// `factor` is 1 to 257.
pub(super) fn box_means<const C: usize>(
    source: &[u8],
    source_width: usize,
    size: [usize; 2],
    factor: usize,
) -> Vec<u8> {
    assert!(factor <= 257, "column sums are kept in 16 bit");
    let [width, height] = size;
    let stride = source_width * C;
    let mut reduced = vec![0; width * height * C];
    if reduced.is_empty() {
        return reduced;
    }
    let boxes = simd::best_boxes::<C>();
    let mut sums = vec![0; stride];
    for (band, out_row) in source.chunks(stride * factor).zip(reduced.chunks_exact_mut(width * C)) {
        boxes(band, factor, &mut sums, out_row);
    }
    reduced
}

/// A kernel: the means of the boxes of a band of rows. The columns are summed up in a row of their own.
pub(super) type Boxes = fn(band: &[u8], factor: usize, sums: &mut [u16], out_row: &mut [u8]);

/// The portable kernel. `inline(always)`, so that it is compiled anew for the CPU of whoever calls it. The usual factors
/// are constants to the compiler.
#[inline(always)]
pub(super) fn boxes_scalar<const C: usize>(band: &[u8], factor: usize, sums: &mut [u16], out_row: &mut [u8]) {
    boxes_from::<C>(0, band, factor, sums, out_row);
}

/// The same for the boxes from number `first` on.
#[inline(always)]
pub(super) fn boxes_from<const C: usize>(
    first: usize,
    band: &[u8],
    factor: usize,
    sums: &mut [u16],
    out_row: &mut [u8],
) {
    let (stride, skipped) = (sums.len(), (first * factor * C).min(sums.len()));
    let sums = &mut sums[skipped..];
    sum_columns(&band[skipped..], stride, sums);
    let (rows, out_row) = (band.len() / stride, &mut out_row[first * C..]);
    match factor {
        2 => mean_of_columns::<C>(sums, rows, 2, out_row),
        3 => mean_of_columns::<C>(sums, rows, 3, out_row),
        4 => mean_of_columns::<C>(sums, rows, 4, out_row),
        _ => mean_of_columns::<C>(sums, rows, factor, out_row),
    }
}

/// Sums up each column of a band whose rows begin `stride` bytes apart, three rows at a time.
#[inline(always)]
fn sum_columns(band: &[u8], stride: usize, sums: &mut [u16]) {
    let width = sums.len();
    let mut threes = band.chunks(3 * stride);
    sums.fill(0);
    for rows in &mut threes {
        if rows.len() >= 2 * stride + width {
            let (first, second, third) = (&rows[..width], &rows[stride..], &rows[2 * stride..]);
            for (((sum, &a), &b), &c) in sums.iter_mut().zip(first).zip(second).zip(third) {
                *sum += u16::from(a) + u16::from(b) + u16::from(c);
            }
        } else {
            for row in rows.chunks(stride) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += u16::from(value);
                }
            }
        }
    }
}

/// Sums groups of `step` pixels of one row of column sums and divides by the box's area, rounding to nearest. The last
/// group may be shorter.
#[inline(always)]
fn mean_of_columns<const C: usize>(sums: &[u16], rows: usize, step: usize, out_row: &mut [u8]) {
    let (groups, area) = (sums.chunks_exact(step * C), Area::new(rows * step));
    let rest = groups.remainder();
    let mut pixels = out_row.chunks_exact_mut(C);
    for (group, pixel) in groups.zip(&mut pixels) {
        area.mean::<C>(group, pixel);
    }
    if let Some(pixel) = pixels.next() {
        Area::new(rows * rest.len() / C).mean::<C>(rest, pixel);
    }
}

/// The pixels of a box.
struct Area {
    pixels: u32,
    /// Multiplying by the reciprocal in 32.32 fixed point is exact for these ranges and much cheaper than dividing.
    reciprocal: u64,
}

impl Area {
    #[expect(clippy::cast_possible_truncation, reason = "at most 257 by 257")]
    fn new(pixels: usize) -> Self {
        Self { pixels: pixels as u32, reciprocal: (1u64 << 32) / pixels as u64 + 1 }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
    fn mean<const C: usize>(&self, group: &[u16], pixel: &mut [u8]) {
        let mut totals = [self.pixels / 2; C];
        for column in group.chunks_exact(C) {
            for (total, &sum) in totals.iter_mut().zip(column) {
                *total += u32::from(sum);
            }
        }
        for (channel, total) in pixel.iter_mut().zip(totals) {
            *channel = ((u64::from(total) * self.reciprocal) >> 32) as u8;
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
    fn partial_boxes_at_the_far_edges_are_means_of_what_there_is() {
        let gray = [10, 20, 60, 30, 40, 80, 7, 8, 100];
        assert_eq!(box_means::<1>(&gray, 3, [2, 2], 2), [25, 70, 8, 100]);
    }

    #[test]
    fn gray_is_the_brightness_at_half_the_resolution_of_large_captures() {
        let capture = RgbImage::from_fn(2900, 7, |x, y| Rgb([if x % 2 == 0 { 10 } else { 30 }, 8 * y as u8, 100]));
        let proxy = Proxy::new(&capture);
        assert_eq!((proxy.factor, proxy.gray_factor, proxy.gray.dimensions()), (3, 2, (1450, 3)));
        // Brightness of the first four pixels: 14 and 20 in the first row, 19 and 25 in the second.
        assert_eq!(proxy.gray.get_pixel(0, 0)[0], 20);
        let small = Proxy::new(&RgbImage::from_pixel(2800, 4, Rgb([50, 50, 50])));
        assert_eq!((small.factor, small.gray_factor, small.gray.dimensions()), (2, 1, (2800, 4)));
    }

    #[test]
    fn reciprocal_division_is_exact_for_every_factor() {
        for factor in 2..=64usize {
            for value in [0u8, 1, 127, 254, 255] {
                let mut out = [0u8; 3];
                mean_of_columns::<3>(&vec![u16::from(value) * factor as u16; factor * 3], factor, factor, &mut out);
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
