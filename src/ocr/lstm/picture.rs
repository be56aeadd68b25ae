//! From a line image to what the network was trained on: 36 rows, sharpened, black and white spread over -127 ..= 127.
//!
//! The same arithmetic as tesseract and leptonica 1.82 (`pixScale`: linear interpolation in sixteenths, then an unsharp
//! mask), because the network knows pictures made in that way: 48 rows scaled so read better than 36 rows cut directly.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels and picture coordinates")]

use image::{GrayImage, imageops};

/// Scales from which to which leptonica interpolates and sharpens in this way.
const INTERPOLATED: std::ops::Range<f64> = 0.7..1.4;

/// Share of the difference to the mean of the 5 x 5 neighbours that the unsharp mask adds.
const SHARPENING: f32 = 0.4;
const HALF_BOX: usize = 2;

/// The input of the network.
pub(super) struct Input {
    pub(super) width: usize,
    /// Row by row.
    pub(super) rows: Vec<i8>,
    /// Pixels of the line image a pixel.
    pub(super) step: f64,
}

impl Input {
    /// A line, dark on white, scaled to `height` rows.
    pub(super) fn new(line: &GrayImage, height: u32) -> Self {
        let scale = f64::from(height) / f64::from(line.height());
        let width = ((f64::from(line.width()) * scale).round() as u32).max(1);
        let scaled = if line.height() == height {
            line.clone()
        } else if INTERPOLATED.contains(&scale) {
            sharpen(&interpolate(line, width, height))
        } else {
            imageops::resize(line, width, height, imageops::FilterType::Triangle)
        };
        let (width, height) = (width as usize, height as usize);
        let levels = levels(&scaled.as_raw()[height / 2 * width..(height / 2 + 1) * width]);
        let rows = scaled.as_raw().iter().map(|&pixel| levels[usize::from(pixel)]).collect();
        Self { width, rows, step: 1.0 / scale }
    }
}

/// Linear interpolation with positions in sixteenths of a pixel, corners on corners.
fn interpolate(line: &GrayImage, width: u32, height: u32) -> GrayImage {
    let (from_width, from_height) = (line.width() as usize, line.height() as usize);
    let positions = |from: usize, to: u32| {
        let step = 16.0 * from as f32 / to as f32;
        (0..to).map(move |i| (step * i as f32) as usize).map(move |p| ((p >> 4).min(from - 1), (p & 15) as u32))
    };
    let columns: Vec<_> =
        positions(from_width, width).map(|(x, part)| (x, (x + 1).min(from_width - 1), part)).collect();
    let source = line.as_raw();
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for (y, part) in positions(from_height, height) {
        let below = (y + 1).min(from_height - 1);
        let (upper, lower) = (&source[y * from_width..][..from_width], &source[below * from_width..][..from_width]);
        pixels.extend(columns.iter().map(|&(x, right, along)| {
            let mix = |row: &[u8]| u32::from(row[x]) * (16 - along) + u32::from(row[right]) * along;
            ((mix(upper) * (16 - part) + mix(lower) * part + 128) / 256) as u8
        }));
    }
    GrayImage::from_raw(width, height, pixels).expect("as many pixels as the picture has")
}

/// Unsharp mask; a border of [`HALF_BOX`] pixels stays as it is.
fn sharpen(picture: &GrayImage) -> GrayImage {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = 2 * HALF_BOX + 1;
    let source = picture.as_raw();
    let mut out = source.clone();
    if width < side || height < side {
        return picture.clone();
    }
    let mut sums = vec![0_u16; width];
    for y in HALF_BOX..height - HALF_BOX {
        sums.fill(0);
        for row in source[(y - HALF_BOX) * width..(y + HALF_BOX + 1) * width].chunks_exact(width) {
            for (sum, &pixel) in sums.iter_mut().zip(row) {
                *sum += u16::from(pixel);
            }
        }
        let inner = y * width + HALF_BOX..(y + 1) * width - HALF_BOX;
        let boxes = sums.windows(side).map(|box_sums| box_sums.iter().sum::<u16>());
        for ((out, &pixel), sum) in out[inner.clone()].iter_mut().zip(&source[inner]).zip(boxes) {
            let (pixel, mean) = (f32::from(pixel), f32::from(sum) / (side * side) as f32);
            *out = (pixel + SHARPENING * (pixel - mean) + 0.5) as u8;
        }
    }
    GrayImage::from_raw(picture.width(), picture.height(), out).expect("as many pixels as the picture has")
}

/// Value of each gray level for the network, from the row through the middle of the line: its local minima are taken
/// for ink and its local maxima for paper.
fn levels(middle: &[u8]) -> [i8; 256] {
    let (mut minima, mut maxima) = ([0_u32; 256], [0_u32; 256]);
    for near in middle.windows(3) {
        let (before, here, after) = (near[0], near[1], near[2]);
        if (here < before && here <= after) || (here <= before && here < after) {
            minima[usize::from(here)] += 1;
        }
        if (here > before && here >= after) || (here >= before && here > after) {
            maxima[usize::from(here)] += 1;
        }
    }
    let black = quantile(&minima, 0.25).unwrap_or(0.0);
    let white = quantile(&maxima, 0.75).unwrap_or(255.0);
    let contrast = (white - black) / 2.0;
    let contrast = if contrast > 0.0 { contrast } else { 1.0 };
    std::array::from_fn(|pixel| (128.0 * ((pixel as f32 - black) / contrast - 1.0)).round().clamp(-127.0, 127.0) as i8)
}

/// Quantile of a histogram, interpolated within its bin.
fn quantile(histogram: &[u32; 256], share: f32) -> Option<f32> {
    let total: u32 = histogram.iter().sum();
    let target = (share * total as f32).clamp(1.0, (total as f32).max(1.0));
    let mut sum = 0.0;
    for (value, &count) in histogram.iter().enumerate() {
        sum += count as f32;
        if sum >= target {
            return Some(value as f32 + 1.0 - (sum - target) / count as f32);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn a_line_of_the_right_height_keeps_its_pixels() {
        // Stripes of ink and paper: each pixel of ink is a minimum, each of paper a maximum.
        let line = GrayImage::from_fn(12, 36, |x, _| Luma([if x % 2 == 0 { 200 } else { 40 }]));
        let input = Input::new(&line, 36);
        assert_eq!((input.width, input.rows.len(), input.step), (12, 12 * 36, 1.0));
        assert!(input.rows.chunks_exact(2).all(|pair| pair[0] > 120 && pair[1] < -120), "{:?}", &input.rows[..12]);
    }

    #[test]
    fn contrast_comes_from_the_middle_row() {
        let faint = levels(&[180, 120, 180, 120, 180, 120, 180]);
        assert_eq!((faint[0], faint[100], faint[255]), (-127, -127, 127));
        assert!(faint[120] < faint[150] && faint[150] < faint[180]);
        // Without extremes the whole range is taken.
        let flat = levels(&[255; 9]);
        assert_eq!((flat[0], flat[255]), (-127, 127));
        assert_eq!(flat, levels(&[9]));
    }

    #[test]
    fn quantiles_lie_within_their_bin() {
        let mut histogram = [0; 256];
        (histogram[10], histogram[20]) = (2, 2);
        assert_eq!(quantile(&histogram, 0.25), Some(10.5));
        assert_eq!(quantile(&histogram, 0.75), Some(20.5));
        assert_eq!(quantile(&[0; 256], 0.5), None);
    }

    #[test]
    fn interpolation_counts_sixteenths_from_the_corner() {
        let ramp = GrayImage::from_fn(8, 4, |x, _| Luma([x as u8 * 16]));
        let out = interpolate(&ramp, 6, 3);
        // Steps of 21 sixteenths: 0, 1 5/16, 2 10/16, 4, 5 5/16, 6 10/16.
        assert_eq!(out.as_raw()[..6], [0, 21, 42, 64, 85, 106]);
        assert_eq!(out.dimensions(), (6, 3));
    }

    #[test]
    fn sharpening_widens_an_edge_and_spares_the_border() {
        let edge = GrayImage::from_fn(12, 7, |x, _| Luma([if x < 6 { 100 } else { 150 }]));
        let out = sharpen(&edge);
        assert_eq!(out.as_raw()[3 * 12..4 * 12], [100, 100, 100, 100, 96, 92, 158, 154, 150, 150, 150, 150]);
        assert_eq!(out.as_raw()[..24], edge.as_raw()[..24]);
        let small = GrayImage::from_pixel(3, 3, Luma([7]));
        assert_eq!(sharpen(&small), small);
    }

    #[test]
    fn lines_far_from_the_height_are_scaled_too() {
        for height in [9, 100] {
            let input = Input::new(&GrayImage::from_pixel(200, height, Luma([255])), 36);
            assert_eq!(input.rows.len(), 36 * input.width);
            assert!((input.width as f64 * input.step - 200.0).abs() < 4.0);
        }
    }
}
