//! Even background and ink bitmap.
//!
//! The background is estimated on tiles as a high percentile, smoothed and divided out; the bitmap is Sauvola's
//! (Sauvola & Pietikäinen 2000, "Adaptive document image binarization") with sliding sums, so that its cost does not
//! depend on the window.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "gray values and coordinates are small")]

use image::GrayImage;

use crate::imaging::components::Bitmap;

/// Tile side, pixels: 2 mm at 200 dpi, larger than strokes and smaller than shadows.
const TILE: usize = 16;

/// Share of a tile's pixels that are darker than its paper. Text covers at most a third of a tile.
const PAPER_PERCENTILE: f64 = 0.80;

/// Darkest paper that is divided out; below lie photographs and codes, whose noise must not be raised.
const DARKEST_PAPER: u16 = 80;

/// Gray that paper is brought to.
const WHITE: u16 = 250;

/// Divides the background out, in place.
pub(crate) fn flatten(gray: &mut GrayImage) {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
    if columns == 0 || rows == 0 {
        return;
    }
    let paper = smooth(&spread(&tile_paper(gray, columns, rows), columns, rows), columns, rows);
    let data: &mut [u8] = gray;
    let mut levels = vec![0_u16; columns];
    for (y, row) in data.chunks_exact_mut(width).enumerate() {
        // Bilinear between tile centres, 8 bits of fraction.
        let position = (y as i64 * 256 / TILE as i64 - 128).clamp(0, (rows as i64 - 1) * 256) as usize;
        let (top, part) = (position / 256, (position % 256) as u32);
        let bottom = (top + 1).min(rows - 1);
        for (x, level) in levels.iter_mut().enumerate() {
            let (a, b) = (u32::from(paper[top * columns + x]), u32::from(paper[bottom * columns + x]));
            *level = ((a * (256 - part) + b * part) >> 8) as u16;
        }
        divide_row(row, &levels);
    }
}

/// Divides a row by the levels of its tiles' centres, between them by the line that joins them.
fn divide_row(row: &mut [u8], levels: &[u16]) {
    const HALF: usize = TILE / 2;
    let last = levels.len() - 1;
    let (before, rest) = row.split_at_mut(HALF.min(row.len()));
    divide(before, levels[0], levels[0]);
    for (between, part) in rest.chunks_mut(TILE).enumerate() {
        divide(part, levels[between], levels[(between + 1).min(last)]);
    }
}

/// Divides up to a tile's width of pixels from one centre to the next.
#[inline(always)]
fn divide(pixels: &mut [u8], left: u16, right: u16) {
    let mut values = [0; TILE];
    values[..pixels.len()].copy_from_slice(pixels);
    for (value, x) in values.iter_mut().zip(0..) {
        let part = x * 256 / TILE as u16;
        let level = ((left * (256 - part) + right * part) >> 8).max(1);
        // Exact: up to where it is cut off the quotient of such small numbers is farther from the next whole number than
        // it is rounded.
        let quotient = f32::from(u16::from(*value) * WHITE) / f32::from(level);
        *value = quotient.min(255.0) as i32 as u8;
    }
    pixels.copy_from_slice(&values[..pixels.len()]);
}

fn tile_paper(gray: &GrayImage, columns: usize, rows: usize) -> Vec<u16> {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let data = gray.as_raw();
    let mut paper = Vec::with_capacity(columns * rows);
    for row in 0..rows {
        for column in 0..columns {
            let mut histogram = [0_u16; 256];
            let (x0, x1) = (column * TILE, ((column + 1) * TILE).min(width));
            let (y0, y1) = (row * TILE, ((row + 1) * TILE).min(height));
            for y in y0..y1 {
                for &value in &data[y * width + x0..y * width + x1] {
                    histogram[usize::from(value)] += 1;
                }
            }
            let wanted = (((x1 - x0) * (y1 - y0)) as f64 * PAPER_PERCENTILE) as u16;
            let mut seen = 0;
            let level = histogram.iter().position(|&n| {
                seen += n;
                seen > wanted
            });
            paper.push(level.unwrap_or(255).max(usize::from(DARKEST_PAPER)) as u16);
        }
    }
    paper
}

/// Largest of each 3×3 neighbourhood: tiles full of ink take the paper of their neighbours.
fn spread(tiles: &[u16], columns: usize, rows: usize) -> Vec<u16> {
    neighbourhoods(tiles, columns, rows, |values| values.iter().copied().max().unwrap_or(255))
}

fn smooth(tiles: &[u16], columns: usize, rows: usize) -> Vec<u16> {
    neighbourhoods(tiles, columns, rows, |values| {
        (values.iter().map(|&v| u32::from(v)).sum::<u32>() / values.len().max(1) as u32) as u16
    })
}

fn neighbourhoods(tiles: &[u16], columns: usize, rows: usize, of: impl Fn(&[u16]) -> u16) -> Vec<u16> {
    let mut out = Vec::with_capacity(tiles.len());
    let mut values = Vec::with_capacity(9);
    for y in 0..rows {
        for x in 0..columns {
            values.clear();
            for ny in y.saturating_sub(1)..(y + 2).min(rows) {
                values
                    .extend_from_slice(&tiles[ny * columns + x.saturating_sub(1)..ny * columns + (x + 2).min(columns)]);
            }
            out.push(of(&values));
        }
    }
    out
}

/// Half the window of the local threshold, pixels: about a line height at 200 dpi.
const RADIUS: usize = 18;

/// Sauvola's k: 0.2 keeps the faint strokes of worn toner that the usual 0.34 loses.
const K: f32 = 0.20;

/// Always ink: the inside of strokes wider than the window.
const SURE_INK: u8 = 70;

/// Never ink on flattened paper.
const SURE_PAPER: u8 = 225;

/// The ink of a flattened gray image.
pub(crate) fn ink(gray: &GrayImage) -> Bitmap {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let data = gray.as_raw();
    let mut out = Bitmap::new(width, height);
    if width == 0 || height == 0 {
        return out;
    }
    let mut sums = vec![0_u32; width];
    let mut squares = vec![0_u32; width];
    let add = |sums: &mut [u32], squares: &mut [u32], y: usize| {
        for ((s, q), &v) in sums.iter_mut().zip(squares).zip(&data[y * width..(y + 1) * width]) {
            *s += u32::from(v);
            *q += u32::from(v) * u32::from(v);
        }
    };
    for y in 0..RADIUS.min(height) {
        add(&mut sums, &mut squares, y);
    }
    for y in 0..height {
        if y + RADIUS < height {
            add(&mut sums, &mut squares, y + RADIUS);
        }
        if y > RADIUS {
            let gone = &data[(y - RADIUS - 1) * width..(y - RADIUS) * width];
            for ((s, q), &v) in sums.iter_mut().zip(&mut squares).zip(gone) {
                *s -= u32::from(v);
                *q -= u32::from(v) * u32::from(v);
            }
        }
        let window_height = (y + RADIUS).min(height - 1) + 1 - y.saturating_sub(RADIUS);
        let row = &data[y * width..(y + 1) * width];
        threshold_row(row, &sums, &squares, window_height, &mut out.data[y * width..(y + 1) * width]);
    }
    out
}

fn threshold_row(row: &[u8], sums: &[u32], squares: &[u32], window_height: usize, out: &mut [u8]) {
    let width = row.len();
    let (mut sum, mut square) = (0_u32, 0_u64);
    for x in 0..RADIUS.min(width) {
        sum += sums[x];
        square += u64::from(squares[x]);
    }
    for x in 0..width {
        if x + RADIUS < width {
            sum += sums[x + RADIUS];
            square += u64::from(squares[x + RADIUS]);
        }
        if x > RADIUS {
            sum -= sums[x - RADIUS - 1];
            square -= u64::from(squares[x - RADIUS - 1]);
        }
        let value = row[x];
        if value >= SURE_PAPER {
            continue;
        }
        let count = (((x + RADIUS).min(width - 1) + 1 - x.saturating_sub(RADIUS)) * window_height) as f32;
        let mean = sum as f32 / count;
        let deviation = (square as f32 / count - mean * mean).max(0.0).sqrt();
        let threshold = mean * (1.0 + K * (deviation / 128.0 - 1.0));
        out[x] = u8::from(value < SURE_INK || f32::from(value) < threshold);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn shadow_is_divided_out_and_text_stays() {
        let mut page = GrayImage::from_fn(320, 320, |x, _| Luma([(120 + x * 120 / 320) as u8]));
        for x in (20..300).step_by(20) {
            for y in 100..120 {
                let value = page.get_pixel(x, y).0[0];
                page.put_pixel(x, y, Luma([value / 4]));
                page.put_pixel(x + 1, y, Luma([value / 4]));
            }
        }
        flatten(&mut page);
        assert!(page.get_pixel(5, 200).0[0] > 220 && page.get_pixel(315, 200).0[0] > 220);
        let ink = ink(&page);
        assert_eq!(ink.data[110 * 320 + 40], 1);
        assert_eq!(ink.data[110 * 320 + 300], 0);
        assert_eq!(ink.data.iter().map(|&v| usize::from(v)).sum::<usize>(), 14 * 2 * 20);
    }

    #[test]
    fn paper_becomes_white_and_the_rest_in_proportion() {
        for level in DARKEST_PAPER..=255 {
            let mut values: Vec<u8> = (0..=255).collect();
            values.chunks_mut(TILE).for_each(|pixels| divide(pixels, level, level));
            let expected = (0..=255).map(|value: u16| (value * WHITE / level).min(255) as u8);
            assert!(expected.eq(values), "{level}");
        }
        // Between two centres the level goes from the one to the other.
        let mut row = vec![80; 40];
        divide_row(&mut row, &[80, 160, 160]);
        assert_eq!((row[0], row[8], row[16], row[24], row[39]), (250, 250, 166, 125, 125));
    }

    #[test]
    fn wide_black_area_is_ink_to_its_middle() {
        let page = GrayImage::from_fn(200, 200, |x, y| Luma([if (50..150).contains(&x) && y > 50 { 10 } else { 250 }]));
        assert_eq!(ink(&page).data[120 * 200 + 100], 1);
    }

    #[test]
    fn empty_picture_has_no_ink() {
        let mut page = GrayImage::new(0, 0);
        flatten(&mut page);
        assert!(ink(&page).data.is_empty());
    }
}
