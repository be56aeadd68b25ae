//! The picture that text is read from: gray, about 200 dpi, even background, without rules, seals, signatures and
//! codes.
//!
//! It is made for reading only and never shown: the master page keeps everything.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "picture coordinates and gray values are small"
)]

use image::{GrayImage, RgbImage};

use super::binarize;
use super::ink;
use super::ratio::Ratio;
use super::rules::{self, Rules};
use crate::imaging::components::{self, Bitmap, Bounds, Components};
use crate::model::Rect;

/// Working resolution. Measured on 13 pages of mixed fonts: CER 0.51 % at 200 dpi, 0.75 % at 250 dpi for 20 % more
/// time.
const WORK_DPI: f64 = 200.0;

/// Papers whose sides are both shorter than this, millimetres, are cards with print of 6 to 8 points and get twice the
/// resolution.
const CARD_MM: f64 = 120.0;

/// Resolutions that differ less from the wanted one are left alone: resampling blurs.
const DPI_TOLERANCE: f64 = 0.12;

/// Reductions and enlargements beyond this are not made: enlarging more than twice invents nothing useful.
const FACTORS: std::ops::RangeInclusive<f64> = 0.05..=2.0;

/// Which steps of the preparation are taken: all, but where `examples/ablation.rs` measures what each is worth.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// Bringing the page to the working resolution.
    pub resolution: bool,
    /// Fading pastel colours into the paper.
    pub tints: bool,
    /// Bleaching coloured seals.
    pub colour_seals: bool,
    /// Erasing signatures in blue ink.
    pub signatures: bool,
    /// Dividing the background out.
    pub background: bool,
    /// Telling photographs and two-dimensional codes from text.
    pub graphics: bool,
    /// Bleaching the seals of a gray scan.
    pub gray_seals: bool,
    /// Clearing one-dimensional codes.
    pub barcodes: bool,
    /// Removing ruled lines and dotted leaders.
    pub rules: bool,
    /// Clearing what rules leave where they cross and end.
    pub crossings: bool,
}

impl Steps {
    /// The preparation as it is.
    pub const ALL: Self = Self {
        resolution: true,
        tints: true,
        colour_seals: true,
        signatures: true,
        background: true,
        graphics: true,
        gray_seals: true,
        barcodes: true,
        rules: true,
        crossings: true,
    };
}

/// A page prepared for reading.
#[doc(hidden)]
#[derive(Debug)]
pub struct Prepared {
    /// Gray text on white.
    pub(crate) gray: GrayImage,
    /// Components of the ink that is left.
    pub(crate) components: Components,
    /// Component number + 1 of each pixel, 0 for paper.
    pub(crate) labels: Vec<u32>,
    /// Whether a component lies in a photograph or a two-dimensional code.
    pub(crate) graphic: Vec<bool>,
    /// Ruled lines that were removed.
    pub(crate) rules: Rules,
    /// Pixels an inch.
    pub(crate) dpi: f64,
    /// Page pixels per working pixel.
    scale: (f64, f64),
    page_size: (u32, u32),
}

impl Prepared {
    /// Prepares a colour page of `dpi` pixels an inch.
    pub fn new(page: &RgbImage, dpi: f64) -> Self {
        Self::with_steps(page, dpi, Steps::ALL)
    }

    pub(crate) fn with_steps(page: &RgbImage, dpi: f64, steps: Steps) -> Self {
        let size = page.dimensions();
        let work = if steps.resolution { work_size(size, dpi) } else { size };
        let gray = if work == size {
            ink::text_gray(page, dpi, steps)
        } else {
            let data = resample(page.as_raw(), size, work, 3);
            let dpi = dpi * f64::from(work.0) / f64::from(size.0);
            ink::text_gray(&RgbImage::from_raw(work.0, work.1, data).unwrap_or_default(), dpi, steps)
        };
        Self::finish(gray, size, dpi, steps)
    }

    /// Prepares a gray page.
    pub(crate) fn from_gray(page: &GrayImage, dpi: f64) -> Self {
        let size = page.dimensions();
        let work = work_size(size, dpi);
        let gray = if work == size {
            page.clone()
        } else {
            GrayImage::from_raw(work.0, work.1, resample(page.as_raw(), size, work, 1)).unwrap_or_default()
        };
        Self::finish(gray, size, dpi, Steps::ALL)
    }

    /// Prepares a small piece of a page at the working resolution, which holds nothing but a few words and what rules them off.
    pub(crate) fn of_piece(piece: GrayImage, dpi: f64) -> Self {
        let steps = Steps { graphics: false, gray_seals: false, barcodes: false, ..Steps::ALL };
        let size = piece.dimensions();
        Self::finish(piece, size, dpi, steps)
    }

    fn finish(mut gray: GrayImage, page_size: (u32, u32), page_dpi: f64, steps: Steps) -> Self {
        if steps.background {
            binarize::flatten(&mut gray);
        }
        let mut bitmap = binarize::ink(&gray);
        let dense = dense_tiles(&bitmap);
        let dpi = page_dpi * f64::from(gray.width()) / f64::from(page_size.0.max(1));
        if steps.gray_seals && ink::bleach_gray_seals(&mut gray, &components::find(&bitmap, 0), dpi) {
            bitmap = binarize::ink(&gray);
        }
        if steps.barcodes {
            erase_barcodes(&mut bitmap);
        }
        let mut cleared = Bitmap::new(bitmap.width, bitmap.height);
        let rules = if steps.rules { rules::remove(&mut bitmap, &mut cleared) } else { Rules::default() };
        if steps.crossings {
            erase_crossings(&mut bitmap, &cleared);
        }
        whiten(&mut gray, &bitmap, &cleared);
        let components = components::find(&bitmap, 0);
        let mut labels = vec![0; bitmap.width * bitmap.height];
        for run in &components.runs {
            let start = run.y as usize * bitmap.width;
            labels[start + run.x0 as usize..start + run.x1 as usize].fill(run.component + 1);
        }
        let graphic = components.list.iter().map(|c| steps.graphics && dense.holds(&c.bounds)).collect();
        let ratio = |page: u32, work: u32| f64::from(page) / f64::from(work.max(1));
        let scale = (ratio(page_size.0, gray.width()), ratio(page_size.1, gray.height()));
        Self { gray, components, labels, graphic, rules, dpi, scale, page_size }
    }

    /// A box of the working picture in pixels of the page.
    pub(crate) fn to_page(&self, b: Bounds) -> Rect {
        let map = |v: i32, scale: f64, limit: u32| ((f64::from(v) * scale).round().max(0.0) as u32).min(limit);
        let (x0, x1) = (map(b.x0, self.scale.0, self.page_size.0), map(b.x1, self.scale.0, self.page_size.0));
        let (y0, y1) = (map(b.y0, self.scale.1, self.page_size.1), map(b.y1, self.scale.1, self.page_size.1));
        Rect { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }
    }
}

fn work_size((width, height): (u32, u32), dpi: f64) -> (u32, u32) {
    let narrow = f64::from(width.max(height)) / dpi * 25.4 < CARD_MM;
    let factor = if narrow { 2.0 * WORK_DPI } else { WORK_DPI } / dpi;
    if width == 0 || height == 0 || !factor.is_finite() || (factor - 1.0).abs() < DPI_TOLERANCE {
        return (width, height);
    }
    let factor = factor.clamp(*FACTORS.start(), *FACTORS.end());
    let scaled = |side: u32| ((f64::from(side) * factor).round() as u32).max(1);
    (scaled(width), scaled(height))
}

/// Weighted inputs of one output position: `first` and those that follow it, weights summing to 256.
struct Taps {
    first: usize,
    weights: Vec<u16>,
}

/// Area average when reducing, linear interpolation when enlarging.
fn taps(from: u32, to: u32) -> Vec<Taps> {
    let step = f64::from(from) / f64::from(to);
    let reach = step.max(1.0);
    let tap = |i: u32| {
        let center = (f64::from(i) + 0.5) * step;
        let (low, high) = (center - reach / 2.0, center + reach / 2.0);
        let (low, high) = if step >= 1.0 { (low, high) } else { (center - 1.0, center + 1.0) };
        let first = low.floor().max(0.0) as usize;
        let last = (high.ceil() as usize).min(from as usize);
        let share = |j: usize| {
            let j = j as f64;
            if step >= 1.0 { high.min(j + 1.0) - low.max(j) } else { (1.0 - (j + 0.5 - center).abs()).max(0.0) }
        };
        let shares: Vec<f64> = (first..last).map(share).collect();
        let sum: f64 = shares.iter().sum();
        let mut weights: Vec<u16> = shares.iter().map(|s| (s / sum * 256.0).round() as u16).collect();
        let middle = weights.len() / 2;
        weights[middle] = (weights[middle] + 256).saturating_sub(weights.iter().sum());
        Taps { first, weights }
    };
    (0..to).map(tap).collect()
}

fn resample(data: &[u8], from: (u32, u32), to: (u32, u32), channels: usize) -> Vec<u8> {
    let (rows, columns) = (taps(from.1, to.1), taps(from.0, to.0));
    let (stride, out_stride) = (from.0 as usize * channels, to.0 as usize * channels);
    // 255 times 256 and the rounding fit into 16 bits, of which the processor adds many at once.
    let mut blended = vec![0_u16; stride + LANES];
    let mut weighed = vec![0_u16; out_stride + LANES];
    let mut out = vec![0; to.1 as usize * out_stride];
    for (row, out) in rows.iter().zip(out.chunks_exact_mut(out_stride)) {
        blend(&data[row.first * stride..], stride, &row.weights, &mut blended[..stride]);
        match channels {
            3 => across::<3>(&blended, &columns, &mut weighed),
            _ => across::<1>(&blended, &columns, &mut weighed),
        }
        out.iter_mut().zip(&weighed).for_each(|(out, &sum)| *out = (sum >> 8) as u8);
    }
    out
}

/// Weighs rows of `stride` bytes, three at a time.
fn blend(rows: &[u8], stride: usize, weights: &[u16], out: &mut [u16]) {
    out.fill(128);
    for (rows, weights) in rows.chunks(3 * stride).zip(weights.chunks(3)) {
        if let [a, b, c] = *weights {
            let (first, rest) = rows.split_at(stride);
            let (second, third) = rest.split_at(stride);
            for (((sum, &x), &y), &z) in out.iter_mut().zip(first).zip(second).zip(third) {
                *sum += u16::from(x) * a + u16::from(y) * b + u16::from(z) * c;
            }
        } else {
            for (row, &weight) in rows.chunks(stride).zip(weights) {
                out.iter_mut().zip(row).for_each(|(sum, &v)| *sum += u16::from(v) * weight);
            }
        }
    }
    out.iter_mut().for_each(|sum| *sum >>= 8);
}

/// Values that are weighed at once: the channels of a pixel, and what follows them.
const LANES: usize = 4;

/// Weighs the columns of one row. [`LANES`] values may be read behind the row and written behind `out`.
fn across<const CHANNELS: usize>(row: &[u16], columns: &[Taps], out: &mut [u16]) {
    for (column, x) in columns.iter().zip(0..) {
        let mut weighed = [128; LANES];
        let end = (column.first + column.weights.len()) * CHANNELS + LANES;
        let pixels = row[column.first * CHANNELS..end].windows(LANES).step_by(CHANNELS);
        for (values, &weight) in pixels.zip(&column.weights) {
            for lane in 0..LANES {
                weighed[lane] += values[lane] * weight;
            }
        }
        out[x * CHANNELS..][..LANES].copy_from_slice(&weighed);
    }
}

/// Bars of a barcode: fewest in a row, least height, pixels; letters that look like bars do not come in such rows.
const BARS: usize = 12;
const BAR_HEIGHT: i32 = 24;

/// Widest bar as a share of its height, least share of its box that it covers, largest gap to the next as a share of
/// its height, and largest difference of the ends of neighbours, pixels. Bars are upright, full and of one height.
const BAR_WIDTH: Ratio = Ratio(1, 4);
const BAR_FILL: Ratio = Ratio(7, 10);
const BAR_GAP: Ratio = Ratio(1, 2);
const BAR_ENDS: i32 = 4;

/// Clears one-dimensional codes: rows of full upright bars of one height.
fn erase_barcodes(ink: &mut Bitmap) {
    let found = components::find(ink, 0);
    let is_bar = |b: &Bounds, area: i32| {
        b.height() >= BAR_HEIGHT
            && b.width() <= BAR_WIDTH.of(b.height())
            && BAR_FILL.is_reached(area, b.width() * b.height())
    };
    let mut bars: Vec<(Bounds, u32)> = (0..found.list.len())
        .map(|i| (found.list[i].bounds, found.list[i].area, i as u32))
        .filter(|(b, area, _)| is_bar(b, *area))
        .map(|(b, _, i)| (b, i))
        .collect();
    bars.sort_by_key(|(b, i)| (b.x0, *i));
    let mut row_of = vec![usize::MAX; found.list.len()];
    let mut rows: Vec<(Bounds, usize)> = Vec::new();
    for (bar, i) in &bars {
        let same = |row: &(Bounds, usize)| {
            let last = row.0;
            bar.x0 - last.x1 <= BAR_GAP.of(last.height())
                && (bar.y0 - last.y0).abs() <= BAR_ENDS
                && (bar.y1 - last.y1).abs() <= BAR_ENDS
        };
        let row = rows.iter().rposition(same).unwrap_or(rows.len());
        match rows.get_mut(row) {
            Some(row) => *row = (*bar, row.1 + 1),
            None => rows.push((*bar, 1)),
        }
        row_of[*i as usize] = row;
    }
    for run in &found.runs {
        if rows.get(row_of[run.component as usize]).is_some_and(|row| row.1 >= BARS) {
            let start = run.y as usize * ink.width;
            ink.data[start + run.x0 as usize..start + run.x1 as usize].fill(0);
        }
    }
}

/// Largest dot that is left where two rules cross, pixels.
const CROSSING: i32 = 14;

/// How far a removed rule may be from what is left of it, pixels: its soft edge.
const CROSSING_GAP: i32 = 3;

/// Splinters of rules are no thicker, pixels.
const SPLINTER: i32 = 3;

/// Widest and highest dot that the end of a rule leaves, and the farthest from it, pixels: the last dots of a dotted
/// line.
const END_DOT: (i32, i32) = (6, 4);
const END_DOT_GAP: i32 = 7;

/// Clears what is left of crossings (small components with a removed rule beside and another above or below) and
/// splinters of rules.
fn erase_crossings(ink: &mut Bitmap, cleared: &Bitmap) {
    let found = components::find(ink, 0);
    let (width, height) = (ink.width as i32, ink.height as i32);
    let any = |x0: i32, x1: i32, y0: i32, y1: i32| {
        (y0.max(0)..y1.min(height))
            .any(|y| (x0.max(0)..x1.min(width)).any(|x| cleared.data[(y * width + x) as usize] != 0))
    };
    let crossing: Vec<bool> = found
        .list
        .iter()
        .map(|c| {
            let b = c.bounds;
            let beside = || any(b.x0 - CROSSING_GAP, b.x0, b.y0, b.y1) || any(b.x1, b.x1 + CROSSING_GAP, b.y0, b.y1);
            let over = || any(b.x0, b.x1, b.y0 - CROSSING_GAP, b.y0) || any(b.x0, b.x1, b.y1, b.y1 + CROSSING_GAP);
            let dot = b.width() <= END_DOT.0 && b.height() <= END_DOT.1;
            let near_end = || any(b.x0 - END_DOT_GAP, b.x1 + END_DOT_GAP, b.y0, b.y1);
            let splinter =
                (b.height() <= SPLINTER && beside()) || (b.width() <= SPLINTER && over()) || (dot && near_end());
            b.width() <= CROSSING && b.height() <= CROSSING && (splinter || (beside() && over()))
        })
        .collect();
    for run in found.runs.iter().filter(|run| crossing[run.component as usize]) {
        let start = run.y as usize * ink.width;
        ink.data[start + run.x0 as usize..start + run.x1 as usize].fill(0);
    }
}

/// Width of a rule's soft edges, pixels: blur of scans and of the resampling.
const SOFT_EDGE: usize = 2;

/// Paints the removed rules and their soft edges white, letters spared.
fn whiten(gray: &mut GrayImage, ink: &Bitmap, cleared: &Bitmap) {
    let (width, height) = (ink.width, ink.height);
    let data: &mut [u8] = gray;
    for y in 0..height {
        for x in (0..width).filter(|x| cleared.data[y * width + x] != 0) {
            for ny in y.saturating_sub(SOFT_EDGE)..(y + 1 + SOFT_EDGE).min(height) {
                for nx in x.saturating_sub(SOFT_EDGE)..(x + 1 + SOFT_EDGE).min(width) {
                    if ink.data[ny * width + nx] == 0 {
                        data[ny * width + nx] = 255;
                    }
                }
            }
        }
    }
}

/// Tile side of the density map, pixels.
const TILE: usize = 16;

/// Tiles a side of the window (8 mm at 200 dpi).
const WINDOW: usize = 4;

/// Ink share of a window from which on it is a picture or a code. Codes measure 0.45 to 0.6, bold titles up to 0.33.
const DENSE: f64 = 0.41;

/// Least side of a dense region, tiles: tight bold capitals fill a window, but never this much.
const DENSE_SIDE: i32 = 6;

/// Share of a component's tiles that must be dense, tenths: letters beside a code touch some of its tiles.
const DENSE_TENTHS: usize = 6;

/// Where the ink is denser than text.
struct DenseTiles {
    columns: usize,
    tiles: Vec<bool>,
}

fn dense_tiles(ink: &Bitmap) -> DenseTiles {
    let (columns, rows) = (ink.width.div_ceil(TILE), ink.height.div_ceil(TILE));
    let mut counts = vec![0_u32; columns * rows];
    for y in 0..ink.height {
        for (x, part) in ink.row(y).chunks(TILE).enumerate() {
            counts[y / TILE * columns + x] += part.iter().map(|&v| u32::from(v)).sum::<u32>();
        }
    }
    let limit = (DENSE * (WINDOW * TILE).pow(2) as f64) as u32;
    let mut tiles = vec![0; columns * rows];
    for y in 0..(rows + 1).saturating_sub(WINDOW) {
        for x in 0..(columns + 1).saturating_sub(WINDOW) {
            let window = || (0..WINDOW * WINDOW).map(|i| (y + i / WINDOW) * columns + x + i % WINDOW);
            if window().map(|i| counts[i]).sum::<u32>() > limit {
                window().for_each(|i| tiles[i] = 1);
            }
        }
    }
    let found = components::find(&Bitmap { width: columns, height: rows, data: tiles }, 0);
    let mut tiles = vec![false; columns * rows];
    for run in &found.runs {
        let b = found.list[run.component as usize].bounds;
        if b.width().min(b.height()) >= DENSE_SIDE {
            // With the tiles around: corners of codes are less dense.
            let (x0, x1) = ((run.x0 as usize).saturating_sub(1), (run.x1 as usize + 1).min(columns));
            for y in (run.y as usize).saturating_sub(1)..(run.y as usize + 2).min(rows) {
                tiles[y * columns + x0..y * columns + x1].fill(true);
            }
        }
    }
    DenseTiles { columns, tiles }
}

impl DenseTiles {
    /// Whether most of a box lies on dense tiles.
    fn holds(&self, b: &Bounds) -> bool {
        let tile = |v: i32| v as usize / TILE;
        let (mut dense, mut all) = (0, 0);
        for y in tile(b.y0)..=tile(b.y1 - 1) {
            for x in tile(b.x0)..=tile(b.x1 - 1) {
                dense += usize::from(self.tiles[y * self.columns + x]);
                all += 1;
            }
        }
        dense * 10 > all * DENSE_TENTHS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduction_keeps_the_mean_and_enlargement_the_ends() {
        let data: Vec<u8> = (0..36_u8).map(|v| v * 7).collect();
        let small = resample(&data, (6, 6), (2, 2), 1);
        assert_eq!(small.len(), 4);
        let mean = |v: &[u8]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
        assert!((mean(&small) - mean(&data)).abs() < 2.0);
        let large = resample(&[0, 200], (2, 1), (4, 1), 1);
        assert_eq!((large[0], large[3]), (0, 200));
    }

    #[test]
    fn colours_stay_apart_when_resampled() {
        let page = [200_u8, 100, 50].repeat(9);
        assert_eq!(resample(&page, (3, 3), (2, 2), 3), [200_u8, 100, 50].repeat(4));
    }

    #[test]
    fn a_page_near_200_dpi_is_not_resampled() {
        assert_eq!(work_size((1654, 2339), 200.0), (1654, 2339));
        assert_eq!(work_size((2480, 3508), 300.0), (1653, 2339));
        assert_eq!(work_size((2022, 1276), 600.0), (1348, 851));
    }

    #[test]
    fn empty_and_tiny_pages_are_prepared() {
        for (width, height) in [(0, 0), (1, 1), (3, 400)] {
            let prepared = Prepared::new(&RgbImage::new(width, height), 200.0);
            assert!(prepared.components.list.len() <= 1);
        }
    }
}
