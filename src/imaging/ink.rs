//! The strength of ink on paper.
//!
//! [`strong_ink`] says how much darker a pixel is than the paper around it (a black top hat: grey closing minus
//! picture). Steps such as the edge between page and scanner bed, photographs, punch holes and slow stains disappear,
//! because they are larger than the window; strokes and ruled lines stay, with their grey sub-pixel edges. The
//! estimators of skew, orientation and blankness all start from it.

use image::GrayImage;

/// Window of the top hat of a preview, pixels: wider than any stroke of running text at 150 dpi and any ruled line
/// (1.5 mm at 100 dpi is 6 px), narrower than punch holes.
pub(crate) const PREVIEW_WINDOW: u32 = 15;

/// The strength of ink is measured at the pixels that are among the darkest 1/2000 of the page: a short line of text.
const STRONG_SHARE: usize = 2000;
/// Ink weaker than this part of the strong ink is dropped: noise, bleed-through, compression.
const FLOOR_SHARE: f64 = 0.25;
/// Ink stronger than this part of the strong ink counts fully.
const FULL_SHARE: f64 = 0.8;
/// Ink never counts below this contrast, grey levels: noise of cameras and JPEG.
const LEAST_CONTRAST: f64 = 10.0;

/// The strong ink of a page of about 100 to 150 dpi, from which both its skew and its orientation are estimated.
#[derive(Clone, Debug)]
pub struct Ink(pub(crate) GrayImage);

impl Ink {
    /// Finds the ink of a page in grey.
    ///
    /// The picture may hold the page alone or with scanner bed around it.
    pub fn of(gray: &GrayImage) -> Self {
        Self(strong_ink(gray, PREVIEW_WINDOW))
    }

    /// Left, top, right and bottom of the ink as shares of the picture, specks at the border left out; `None` without ink.
    pub fn extent(&self) -> Option<[f64; 4]> {
        /// Weaker traces are noise.
        const CLEAR: u8 = 128;
        /// What lies outside on each side may be this part of the ink: a few specks of a scanner, less than two letters
        /// of a page of 2,000.
        const SPECKS: usize = 2000;
        let (width, height) = (self.0.width() as usize, self.0.height() as usize);
        let (mut columns, mut rows) = (vec![0usize; width], vec![0usize; height]);
        for (row, line) in rows.iter_mut().zip(self.0.as_raw().chunks_exact(width.max(1))) {
            for (column, _) in columns.iter_mut().zip(line).filter(|(_, ink)| **ink >= CLEAR) {
                *column += 1;
                *row += 1;
            }
        }
        let specks = rows.iter().sum::<usize>() / SPECKS;
        let share = |at: usize, counts: &[usize]| at as f64 / counts.len() as f64;
        let ends = |counts: &[usize]| {
            let last = counts.len() - first_beyond(counts.iter().rev(), specks)?;
            Some([share(first_beyond(counts.iter(), specks)?, counts), share(last, counts)])
        };
        let ([left, right], [top, bottom]) = (ends(&columns)?, ends(&rows)?);
        Some([left, top, right, bottom])
    }
}

/// Where the running sum first exceeds a limit.
fn first_beyond<'a>(mut counts: impl Iterator<Item = &'a usize>, limit: usize) -> Option<usize> {
    let mut sum = 0;
    counts.position(|count| {
        sum += count;
        sum > limit
    })
}

/// How often each value occurs.
pub(crate) fn histogram(gray: &GrayImage) -> [u32; 256] {
    // Four tables, because equal neighbours would otherwise wait for each other's count to be stored.
    let mut tables = [[0u32; 256]; 4];
    let mut chunks = gray.as_raw().chunks_exact(4);
    for chunk in &mut chunks {
        for (table, &value) in tables.iter_mut().zip(chunk) {
            table[usize::from(value)] += 1;
        }
    }
    for &value in chunks.remainder() {
        tables[0][usize::from(value)] += 1;
    }
    let [mut total, rest @ ..] = tables;
    for table in rest {
        for (sum, count) in total.iter_mut().zip(table) {
            *sum += count;
        }
    }
    total
}

/// How much darker each pixel is than the paper around it, 0 to 255: the grey closing with a square of `window`
/// pixels, minus the picture. Dark things larger than the window in both directions, and steps, give 0.
///
/// The picture is continued outwards by its border pixels, so that a dark frame is not taken for a line.
fn thin_ink(gray: &GrayImage, window: u32) -> GrayImage {
    let mut ink = closing(gray, window);
    for (paper, &value) in ink.as_mut().iter_mut().zip(gray.as_raw()) {
        *paper -= value;
    }
    ink
}

/// [`thin_ink`] without noise, bleed-through and compression, stretched to 0 (paper) to 255 (full ink of this page),
/// whatever the contrast of the page.
fn strong_ink(gray: &GrayImage, window: u32) -> GrayImage {
    /// Pixels that are looked at together: most of a page is bare paper.
    const GROUP: usize = 32;
    let mut ink = thin_ink(gray, window);
    let has_more = |group: &[u8], least: f64| f64::from(group.iter().fold(0, |most, &value| value.max(most))) > least;
    let wanted = ink.as_raw().len() / STRONG_SHARE;
    let mut counts = [0usize; 256];
    for group in ink.as_raw().chunks(GROUP).filter(|group| has_more(group, LEAST_CONTRAST)) {
        group.iter().for_each(|&value| counts[usize::from(value)] += 1);
    }
    let mut seen = 0;
    let strong = (1u8..=255).rev().find(|&value| {
        seen += counts[usize::from(value)];
        seen > wanted
    });
    let strong = f64::from(strong.unwrap_or(0));
    let floor = (strong * FLOOR_SHARE).max(LEAST_CONTRAST);
    let full = (strong * FULL_SHARE).max(floor + 1.0);
    let curve: Vec<u8> = (0u8..=255)
        .map(|value| {
            let part = ((f64::from(value) - floor) / (full - floor)).clamp(0.0, 1.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 255")]
            {
                (part * 255.0) as u8
            }
        })
        .collect();
    for group in ink.chunks_mut(GROUP) {
        if has_more(group, floor) {
            group.iter_mut().for_each(|value| *value = curve[usize::from(*value)]);
        } else {
            group.fill(0);
        }
    }
    ink
}

/// Grey closing with a square of `window` pixels: the paper with everything dark and thin removed.
pub(crate) fn closing(gray: &GrayImage, window: u32) -> GrayImage {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let window = window.max(1) as usize;
    if width == 0 || height == 0 {
        return gray.clone();
    }
    let pad = window - 1;
    let (wide, tall) = (width + 2 * pad, height + 2 * pad);
    let mut padded = vec![0u8; wide * tall];
    let mut scratch = (vec![0u8; wide], vec![0u8; wide]);
    for (y, target) in padded.chunks_exact_mut(wide).enumerate() {
        let row = &gray.as_raw()[y.saturating_sub(pad).min(height - 1) * width..][..width];
        if y > pad && y < pad + height || y == 0 {
            target[..pad].fill(row[0]);
            target[pad..pad + width].copy_from_slice(row);
            target[pad + width..].fill(row[width - 1]);
            extreme_in_row::<true>(target, &mut scratch, window);
        }
    }
    // Rows of the margin repeat the first and the last row of the picture.
    for y in 1..=pad {
        padded.copy_within(0..wide, y * wide);
    }
    for y in pad + height..tall {
        padded.copy_within((pad + height - 1) * wide..(pad + height) * wide, y * wide);
    }
    extreme_over_rows::<true>(&mut padded, wide, window);
    // Every pixel now holds the maximum of the window that starts at it. The minimum over the windows that contain a
    // pixel is the minimum of the `window` values that end at it: seen from `pad` before it, again a window that
    // starts there. Shifting by `pad` in both directions therefore undoes the padding.
    extreme_over_rows::<false>(&mut padded, wide, window);
    let mut closed = Vec::with_capacity(width * height);
    for row in padded.chunks_exact_mut(wide).take(height) {
        extreme_in_row::<false>(row, &mut scratch, window);
        closed.extend_from_slice(&row[..width]);
    }
    GrayImage::from_raw(gray.width(), gray.height(), closed).expect("one value for every pixel")
}

/// Replaces every value by the extreme of the `window` values from it on (fewer at the end), by doubling: the extreme
/// of 2n values is the extreme of two extremes of n.
fn extreme_in_row<const LARGEST: bool>(row: &mut [u8], scratch: &mut (Vec<u8>, Vec<u8>), window: usize) {
    let step = |from: &[u8], to: &mut [u8], shift: usize| {
        let split = from.len().saturating_sub(shift);
        let pairs = to.iter_mut().zip(from.iter().zip(from.get(shift..).unwrap_or(&[])));
        if LARGEST {
            pairs.for_each(|(out, (&a, &b))| *out = a.max(b));
        } else {
            pairs.for_each(|(out, (&a, &b))| *out = a.min(b));
        }
        to[split..].copy_from_slice(&from[split..]);
    };
    let (a, b) = (&mut scratch.0, &mut scratch.1);
    a.copy_from_slice(row);
    let mut done = 1;
    while done < window {
        let shift = done.min(window - done);
        step(a, b, shift);
        std::mem::swap(a, b);
        done += shift;
    }
    row.copy_from_slice(a);
}

/// The same down the columns of a picture of the given width, row against row.
fn extreme_over_rows<const LARGEST: bool>(pixels: &mut [u8], width: usize, window: usize) {
    let mut done = 1;
    while done < window {
        let shift = done.min(window - done);
        let mut rest = &mut *pixels;
        while rest.len() > shift * width {
            let (upper, lower) = rest.split_at_mut(shift * width);
            let pairs = upper[..width].iter_mut().zip(&lower[..width]);
            if LARGEST {
                pairs.for_each(|(a, &b)| *a = (*a).max(b));
            } else {
                pairs.for_each(|(a, &b)| *a = (*a).min(b));
            }
            rest = &mut rest[width..];
        }
        done += shift;
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pictures of a few pixels")]
mod tests {
    use super::*;

    #[test]
    fn extent_leaves_out_a_speck_and_keeps_a_line() {
        let page = GrayImage::from_fn(400, 500, |x, y| {
            let print = (100..300).contains(&x) && (200..400).contains(&y) && x / 3 % 2 == 0 && y / 3 % 3 != 0;
            let speck = x == 20 && y == 3;
            Luma([if print || speck { 20 } else { 245 }])
        });
        let [left, top, right, bottom] = Ink::of(&page).extent().unwrap();
        assert!((left - 0.25).abs() < 0.02 && (right - 0.75).abs() < 0.02, "{left} to {right}");
        assert!((top - 0.4).abs() < 0.02 && (bottom - 0.8).abs() < 0.02, "{top} to {bottom}");
        assert_eq!(Ink::of(&GrayImage::from_pixel(200, 200, Luma([240]))).extent(), None);
    }

    use image::Luma;
    use proptest::prelude::*;

    fn picture(rows: &[&[u8]]) -> GrayImage {
        let (width, height) = (rows[0].len() as u32, rows.len() as u32);
        GrayImage::from_raw(width, height, rows.concat()).unwrap()
    }

    #[test]
    fn histogram_counts_every_pixel_once() {
        let counts = histogram(&picture(&[&[1, 1, 2, 3, 1], &[0, 255, 255, 2, 2]]));
        assert_eq!((counts[0], counts[1], counts[2], counts[3], counts[255]), (1, 3, 3, 1, 2));
    }

    #[test]
    fn thin_ink_keeps_strokes_and_drops_steps_and_blots() {
        let mut gray = GrayImage::from_fn(80, 40, |x, _| Luma([if x < 20 { 0 } else { 200 }]));
        for y in 0..40 {
            gray.put_pixel(40, y, Luma([50]));
        }
        for (x, y) in (60..75).flat_map(|x| (10..30).map(move |y| (x, y))) {
            gray.put_pixel(x, y, Luma([10]));
        }
        let ink = thin_ink(&gray, 9);
        for (x, _, value) in ink.enumerate_pixels() {
            assert_eq!(value.0, [if x == 40 { 150 } else { 0 }], "column {x}");
        }
    }

    proptest! {
        #[test]
        fn closing_is_the_minimum_of_maxima(pixels in prop::collection::vec(any::<u8>(), 35), window in 1u32..5) {
            let gray = GrayImage::from_raw(7, 5, pixels).unwrap();
            let n = window as i32;
            let at = |x: i32, y: i32| gray.get_pixel(x.clamp(0, 6) as u32, y.clamp(0, 4) as u32).0[0];
            let square = move |x: i32, y: i32| (0..n).flat_map(move |j| (0..n).map(move |i| (x + i, y + j)));
            let dilated = |x: i32, y: i32| square(x, y).map(|(x, y)| at(x, y)).max().unwrap();
            let closed = closing(&gray, window);
            for (x, y, value) in closed.enumerate_pixels() {
                let expected = square(x as i32 - n + 1, y as i32 - n + 1).map(|(x, y)| dilated(x, y)).min().unwrap();
                prop_assert_eq!(value.0[0], expected);
            }
        }
    }
}
