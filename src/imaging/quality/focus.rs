//! How sharp print is, and where on the page.
//!
//! Method: in short pieces of rows and columns that cross print, the contrast of the piece over its steepest slope gives
//! the standard deviation of the blur, whatever the contrast. Noise, which is steep but low, counts for nothing. The
//! median over many pieces is the blur of a region, and of the page.
//!
//! A camera that moves smears along its way and leaves edges sharp that run along it; a lens out of focus blurs all alike.
//! [`Focus::smear`] tells them apart: upright and level ways by the blur of rows against that of columns, slanted ones by
//! the correlation of the two gradients, which print of upright letters does not have.

use image::GrayImage;

use super::MM_PER_INCH;

/// Length of the pieces of rows and columns in which edges are measured, millimetres: about a letter.
const PIECE_MM: f64 = 1.8;

/// The same in pixels, at any resolution.
const PIECE_PIXELS: std::ops::RangeInclusive<f64> = 8.0..=128.0;

/// Pieces lie side by side in one direction and so many pixels apart in the other.
const STEP: usize = 7;

/// Least contrast of a piece, grey levels; also eight times the noise.
const LEAST_CONTRAST: f64 = 24.0;

/// Regions and pages with fewer edges in a direction than this are not judged.
const LEAST_PIECES: usize = 60;

/// With so many pieces every second band of the page is enough.
const MANY_PIECES: usize = 2000;

/// The page is judged in so many columns and rows of regions along its shorter and its longer side: a region of A4 is 7 cm
/// square, more than a passport photograph or a seal.
const REGIONS: (usize, usize) = (3, 4);

/// A region is clearly more blurred than another from this ratio: regions of one sharp page differ by up to 1.4 where
/// their print does.
const CLEARLY: f64 = 1.5;

/// Edges found along one direction.
#[derive(Clone, Default)]
struct Direction {
    /// Blur of each piece, squared pixels.
    variances: Vec<f32>,
    /// The darkest level of each piece.
    ink: Vec<u8>,
}

/// How unlike directions are, 0 to 1.
pub(super) struct Smear {
    /// Rows and columns.
    pub(super) uneven: f64,
    /// The two diagonals.
    pub(super) slanted: f64,
}

/// Edges of one region, along rows and columns.
type Region = [Direction; 2];

/// The edges of a page.
pub(super) struct Focus {
    regions: Vec<Region>,
    mm_per_pixel: f64,
}

impl Focus {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a clamped number of pixels")]
    pub(super) fn of(page: &GrayImage, dpi: f64, exposure: f64) -> Self {
        let (width, height) = (page.width() as usize, page.height() as usize);
        let (columns, rows) = if width <= height { REGIONS } else { (REGIONS.1, REGIONS.0) };
        let length = (PIECE_MM / MM_PER_INCH * dpi).round().clamp(*PIECE_PIXELS.start(), *PIECE_PIXELS.end()) as usize;
        let least = LEAST_CONTRAST.min(0.2 * exposure).max(10.0) as u8;
        let mut bands = Bands {
            pixels: page.as_raw(),
            width,
            length,
            least,
            least_columns: vec![0; width],
            most_columns: vec![0; width],
            columns,
        };
        let mut regions = vec![Region::default(); columns * rows];
        // A piece and its neighbours for smoothing.
        let tops = (0..height.saturating_sub(length + 3)).step_by(length).collect::<Vec<_>>();
        for first in [0, 1] {
            for &top in tops.iter().skip(first).step_by(2) {
                let region = top * rows / height * columns;
                bands.add(top, &mut regions[region..region + columns]);
            }
            if regions.iter().map(|region| region[0].ink.len()).sum::<usize>() >= MANY_PIECES {
                break;
            }
        }
        Self { regions, mm_per_pixel: MM_PER_INCH / dpi }
    }

    /// Blur of the whole page in the worse direction, millimetres; `None` without print.
    pub(super) fn blur_mm(&self) -> Option<f64> {
        worse(self.both(&self.regions))
    }

    /// Share of the regions with print that are more blurred than this limit, and clearly more than the sharpest quarter
    /// of them, 0 to 1.
    pub(super) fn blurred_share(&self, limit_mm: f64) -> f64 {
        let mut blurs: Vec<f64> = self.regions.chunks(1).filter_map(|region| worse(self.both(region))).collect();
        blurs.sort_by(f64::total_cmp);
        let sharp = blurs.get(blurs.len() / 4).copied().unwrap_or(0.0);
        let limit = limit_mm.max(CLEARLY * sharp);
        blurs.iter().filter(|&&blur| blur > limit).count() as f64 / blurs.len().max(1) as f64
    }

    /// Blur along a slanted way, of which the axes show the parts, millimetres.
    pub(super) fn slanted_blur_mm(&self) -> Option<f64> {
        match self.both(&self.regions) {
            [Some(a), Some(b)] => Some(a.hypot(b)),
            [one, other] => one.or(other),
        }
    }

    /// How much more the page is blurred in one direction than in another.
    pub(super) fn smear(&self, page: &GrayImage) -> Smear {
        let uneven = match self.both(&self.regions) {
            [Some(a), Some(b)] => 1.0 - a.min(b) / a.max(b).max(f64::MIN_POSITIVE),
            _ => 0.0,
        };
        Smear { uneven, slanted: slant(page) }
    }

    /// Brightness of print over that of paper, taken from one.
    pub(super) fn contrast(&self, exposure: f64) -> f64 {
        let ink: Vec<u8> = self.regions.iter().flat_map(|region| &region[0].ink).copied().collect();
        median(ink).map_or(0.0, |ink| (1.0 - f64::from(ink) / exposure.max(1.0)).clamp(0.0, 1.0))
    }

    /// Blur along rows and along columns, millimetres.
    fn both(&self, regions: &[Region]) -> [Option<f64>; 2] {
        [0, 1].map(|direction| {
            let variances = regions.iter().flat_map(|region| &region[direction].variances);
            let variance = median(variances.map(|&variance| Ordered(variance)).collect())?;
            Some(f64::from(variance.0.max(0.0)).sqrt() * self.mm_per_pixel)
        })
    }
}

fn worse(blurs: [Option<f64>; 2]) -> Option<f64> {
    match blurs {
        [Some(a), Some(b)] => Some(a.max(b)),
        [one, other] => one.or(other),
    }
}

/// Correlation of the gradients along rows and along columns, without sign.
fn slant(page: &GrayImage) -> f64 {
    /// Half of the distance over which gradients are taken, pixels: some of a blurred edge, more than noise.
    const REACH: usize = 2;
    /// Sum of both gradients that print has, grey levels.
    const LEAST: i32 = 30;
    let width = page.width() as usize;
    let (mut xx, mut yy, mut xy) = (0i64, 0i64, 0i64);
    for rows in page.as_raw().windows((2 * REACH + 1) * width).step_by(8 * width.max(1)) {
        let (above, below) = (&rows[..width], &rows[2 * REACH * width..]);
        let middle = &rows[REACH * width..(REACH + 1) * width];
        for (x, pair) in middle.windows(2 * REACH + 1).enumerate() {
            let x_step = i32::from(pair[2 * REACH]) - i32::from(pair[0]);
            let y_step = i32::from(below[x + REACH]) - i32::from(above[x + REACH]);
            if x_step.abs() + y_step.abs() > LEAST {
                xx += i64::from(x_step * x_step);
                yy += i64::from(y_step * y_step);
                xy += i64::from(x_step * y_step);
            }
        }
    }
    (xy as f64 / (xx as f64 * yy as f64).sqrt().max(1.0)).abs()
}

/// The median, `None` for too few values to judge.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    let middle = values.len() / 2;
    (values.len() >= LEAST_PIECES).then(|| *values.select_nth_unstable(middle).1)
}

/// A number that is never none.
#[derive(Clone, Copy)]
struct Ordered(f32);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

/// Bands of the page, as high as a piece is long.
struct Bands<'a> {
    pixels: &'a [u8],
    width: usize,
    length: usize,
    least: u8,
    /// Darkest and brightest pixel of each column of a band.
    least_columns: Vec<u8>,
    most_columns: Vec<u8>,
    /// Regions of a band.
    columns: usize,
}

impl Bands<'_> {
    /// Adds the pieces of the band whose first row, of the margin for smoothing, is `top`.
    fn add(&mut self, top: usize, regions: &mut [Region]) {
        let (width, length) = (self.width, self.length);
        if width < length + 4 {
            return;
        }
        let band = &self.pixels[top * width..(top + length + 4) * width];
        for y in (2..length + 2).step_by(STEP) {
            for left in (0..width - length - 3).step_by(length) {
                let row = &band[y * width + left..][..length + 4];
                if !self.is_print(row, row) {
                    continue;
                }
                let at = |i: usize| y * width + left + i;
                regions[left * self.columns / width][0].add(length, self.least, |i| mean_of_three(band, at(i), width));
            }
        }
        self.least_columns.copy_from_slice(&band[..width]);
        self.most_columns.copy_from_slice(&band[..width]);
        for row in band.chunks_exact(width).skip(1) {
            for ((least, most), &value) in self.least_columns.iter_mut().zip(&mut self.most_columns).zip(row) {
                *least = value.min(*least);
                *most = value.max(*most);
            }
        }
        for x in (2..width - 2).step_by(STEP) {
            if self.is_print(&self.least_columns[x - 1..x + 2], &self.most_columns[x - 1..x + 2]) {
                let at = |i: usize| i * width + x;
                regions[x * self.columns / width][1].add(length, self.least, |i| mean_of_three(band, at(i), 1));
            }
        }
    }

    /// Whether the least and the most of values are far enough apart for print.
    fn is_print(&self, least: &[u8], most: &[u8]) -> bool {
        let least = least.iter().fold(255, |least, &value| value.min(least));
        most.iter().fold(0, |most, &value| value.max(most)).saturating_sub(least) >= self.least
    }
}

/// Four times the mean across the line of measurement, weights 1 2 1: noise down, edges along the line untouched.
fn mean_of_three(pixels: &[u8], at: usize, across: usize) -> i16 {
    i16::from(pixels[at - across]) + 2 * i16::from(pixels[at]) + i16::from(pixels[at + across])
}

impl Direction {
    /// Adds a piece of `length` pixels and two more on both sides, values four times grey levels, if it crosses print.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sixteen times a byte")]
    fn add(&mut self, length: usize, least_contrast: u8, value: impl Fn(usize) -> i16) {
        /// Variance that smoothing by 1 2 1 and the central difference add, squared pixels.
        const OWN_VARIANCE: f32 = 0.5 + 1.0 / 3.0;
        const LONGEST: usize = *PIECE_PIXELS.end() as usize + 4;
        let (mut values, mut smooth) = ([0i16; LONGEST], [0i16; LONGEST]);
        for (i, target) in values[..length + 4].iter_mut().enumerate() {
            *target = value(i);
        }
        for (target, three) in smooth[..length + 2].iter_mut().zip(values.windows(3)) {
            *target = three[0] + 2 * three[1] + three[2];
        }
        let inner = &smooth[1..length + 1];
        let least = inner.iter().fold(i16::MAX, |least, &value| value.min(least));
        let most = inner.iter().fold(0, |most, &value| value.max(most));
        let steps = smooth[..length].iter().zip(&smooth[2..length + 2]);
        let slope = steps.fold(0, |slope: i16, (&a, &b)| slope.max(a - b).max(b - a));
        if most - least < 16 * i16::from(least_contrast) || slope == 0 {
            return;
        }
        // The steepest slope of an edge blurred by a Gaussian is contrast / (sigma sqrt(2 pi)).
        let ratio = f32::from(most - least) / f32::from(slope) * 2.0;
        self.variances.push(ratio * ratio / std::f32::consts::TAU - OWN_VARIANCE);
        self.ink.push((least / 16) as u8);
    }
}
