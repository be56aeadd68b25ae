//! Code 128: patches of parallel bars, straightened, averaged along the bars and decoded line by line.
//!
//! Method: the structure tensor of tiles of [`TILE`]² pixels tells where gradients are strong and all of one direction.
//! Neighbouring tiles of like direction that together are long across the bars make a patch, at any angle. Lines across
//! the patch are sampled at half pixels, each the mean of several along the bars, which removes noise that a single scan
//! line would stumble on, and go to `rxing`'s Code 128 row decoder.
//!
//! Limits: bars of at least about two pixels a module; patches at least four tiles long.

use image::GrayImage;
use rxing::common::GlobalHistogramBinarizer;
use rxing::oned::Code128Reader;
use rxing::{BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader};
use unicode_normalization::UnicodeNormalization;

use super::sample::add_line;
use super::{Code, Symbology};
use crate::model::Point;

/// Side of a tile, pixels: a bar code of 5 mm at 200 dpi is 40 px high.
const TILE: usize = 32;

/// Least mean squared gradient of bars (grey levels per two pixels); faint photocopied bars have about 900.
const LEAST_ENERGY: f32 = 250.0;

/// Least coherence of the structure tensor: 1 for parallel bars, below 0.6 for text.
const LEAST_COHERENCE: f32 = 0.75;

/// Tiles of one patch differ in direction by at most this.
const LIKE_DIRECTION_COSINE: f32 = 0.97;

/// Length of the shortest patch across the bars, pixels: a Code 128 of six characters has 101 modules.
const SHORTEST: f64 = 100.0;

/// Patches examined at most; rules of tables and borders make a few.
const MOST_PATCHES: usize = 12;

/// Lines across a patch that are tried.
const BANDS: usize = 9;

/// A payload counts when this many bands agree.
const AGREEING_BANDS: usize = 2;

/// Samples a pixel of a band.
const FINE: f64 = 2.0;

/// A patch is given up when so many bands from its middle outwards have too few edges for a symbol: a rule, a border.
const BARE_BANDS: usize = 3;

/// A Code 128 of [`SHORTEST_PAYLOAD`] digits has 19 bars, 38 edges; a few may be too faint to be counted.
const LEAST_EDGES: usize = 30;

/// Shorter payloads could pass the check character by chance.
const SHORTEST_PAYLOAD: usize = 6;

/// The tensor of a tile: sums of gx², gy², gx·gy.
type Tensor = [f32; 3];

/// Neighbouring tiles of like direction.
struct Patch {
    centre: Point,
    /// Unit vector across the bars.
    across: Point,
    /// Half length across the bars and half height along them, pixels.
    half: (f64, f64),
}

pub(super) fn read(gray: &GrayImage) -> Vec<Code> {
    let mut codes: Vec<Code> = patches(gray).iter().filter_map(|patch| decode(gray, patch)).collect();
    codes.sort_by(|a, b| a.corners[0].y.total_cmp(&b.corners[0].y).then(a.corners[0].x.total_cmp(&b.corners[0].x)));
    codes.dedup_by(|a, b| a.payload == b.payload && a.corners[0].distance(b.corners[0]) < 4.0 * TILE as f64);
    codes
}

fn patches(gray: &GrayImage) -> Vec<Patch> {
    let (columns, rows) = (gray.width() as usize / TILE, gray.height() as usize / TILE);
    let tensors: Vec<Option<Tensor>> =
        (0..columns * rows).map(|tile| tensor(gray, tile % columns, tile / columns)).collect();
    let mut taken: Vec<bool> = tensors.iter().map(Option::is_none).collect();
    let mut patches = Vec::new();
    for start in 0..tensors.len() {
        if std::mem::replace(&mut taken[start], true) {
            continue;
        }
        let mut tiles = vec![start];
        let mut next = 0;
        while next < tiles.len() {
            let from = tiles[next];
            next += 1;
            let (column, row) = (from % columns, from / columns);
            for to_row in row.saturating_sub(1)..(row + 2).min(rows) {
                for to_column in column.saturating_sub(1)..(column + 2).min(columns) {
                    let to = to_row * columns + to_column;
                    let like = matches!((tensors[from], tensors[to]), (Some(a), Some(b)) if alike(a, b));
                    if !taken[to] && like {
                        taken[to] = true;
                        tiles.push(to);
                    }
                }
            }
        }
        patches.extend(patch(&tiles, &tensors, columns));
    }
    patches.sort_by(|a, b| (b.half.0 * b.half.1).total_cmp(&(a.half.0 * a.half.1)));
    patches.truncate(MOST_PATCHES);
    patches
}

/// The tensor of a tile with strong, parallel gradients, of every fourth row.
fn tensor(gray: &GrayImage, column: usize, row: usize) -> Option<Tensor> {
    let first = sums(gray, column, row, 0);
    let count = (TILE * TILE / 8) as f32;
    // Half of the rows tell bare paper.
    if first[0] + first[1] < LEAST_ENERGY / 4.0 * count {
        return None;
    }
    let second = sums(gray, column, row, 4);
    let tensor = [0, 1, 2].map(|i| first[i] + second[i]);
    let energy = tensor[0] + tensor[1];
    let is_strong = energy >= LEAST_ENERGY * 2.0 * count;
    (is_strong && (tensor[0] - tensor[1]).hypot(2.0 * tensor[2]) >= LEAST_COHERENCE * energy).then_some(tensor)
}

/// Products of the gradients of every eighth row of a tile.
fn sums(gray: &GrayImage, column: usize, row: usize, from: usize) -> Tensor {
    let width = gray.width() as usize;
    let (left, top) = ((column * TILE).max(1), (row * TILE).max(1) + from);
    let (right, bottom) = (((column + 1) * TILE).min(width - 1), ((row + 1) * TILE).min(gray.height() as usize - 1));
    let (mut xx, mut yy, mut xy) = (0i32, 0i32, 0i32);
    for y in (top..bottom).step_by(8) {
        let line = |y: usize, shift: usize| &gray.as_raw()[y * width + left + shift - 1..y * width + right + shift - 1];
        let (west, east, north, south) = (line(y, 0), line(y, 2), line(y - 1, 1), line(y + 1, 1));
        for ((&w, &e), (&n, &s)) in west.iter().zip(east).zip(north.iter().zip(south)) {
            let (gx, gy) = (i32::from(e) - i32::from(w), i32::from(s) - i32::from(n));
            xx += gx * gx;
            yy += gy * gy;
            xy += gx * gy;
        }
    }
    [xx, yy, xy].map(|sum| sum as f32)
}

/// The doubled direction of a tensor, in which opposite gradients are the same.
fn doubled([xx, yy, xy]: Tensor) -> (f32, f32) {
    let (x, y) = (xx - yy, 2.0 * xy);
    let length = x.hypot(y).max(1e-6);
    (x / length, y / length)
}

fn alike(a: Tensor, b: Tensor) -> bool {
    let (a, b) = (doubled(a), doubled(b));
    // The doubled angle differs by twice the angle.
    a.0 * b.0 + a.1 * b.1 >= 2.0 * LIKE_DIRECTION_COSINE * LIKE_DIRECTION_COSINE - 1.0
}

fn patch(tiles: &[usize], tensors: &[Option<Tensor>], columns: usize) -> Option<Patch> {
    let mut sum = [0.0; 3];
    for tensor in tiles.iter().filter_map(|&tile| tensors[tile]) {
        for (sum, value) in sum.iter_mut().zip(tensor) {
            *sum += value;
        }
    }
    let (x, y) = doubled(sum);
    let angle = f64::from(y.atan2(x)) / 2.0;
    let across = Point::new(angle.cos(), angle.sin());
    let centres = tiles.iter().map(|&tile| {
        let centre = |index: usize| (index * TILE + TILE / 2) as f64 - 0.5;
        Point::new(centre(tile % columns), centre(tile / columns))
    });
    let (mut long, mut high) = ((f64::MAX, f64::MIN), (f64::MAX, f64::MIN));
    for p in centres {
        let (a, b) = (p.x * across.x + p.y * across.y, p.y * across.x - p.x * across.y);
        long = (long.0.min(a), long.1.max(a));
        high = (high.0.min(b), high.1.max(b));
    }
    let (a, b) = ((long.0 + long.1) / 2.0, (high.0 + high.1) / 2.0);
    let half = ((long.1 - long.0 + TILE as f64) / 2.0, (high.1 - high.0 + TILE as f64) / 2.0);
    let centre = Point::new(a * across.x - b * across.y, a * across.y + b * across.x);
    (2.0 * half.0 >= SHORTEST).then_some(Patch { centre, across, half })
}

/// Reads a patch: bands across the bars at several heights, until two agree.
fn decode(gray: &GrayImage, patch: &Patch) -> Option<Code> {
    let mut readings: Vec<(String, f64, f64)> = Vec::new();
    let mut bare = 0;
    for band in 0..BANDS {
        // From the middle outwards, up to the ends of the patch.
        let side = if band % 2 == 0 { 1.0 } else { -1.0 };
        let height = side * band.div_ceil(2) as f64 / (BANDS / 2) as f64 * patch.half.1 * 0.9;
        let line = patch.line(gray, height);
        if edges(&line) < LEAST_EDGES {
            bare += 1;
            if bare == BARE_BANDS && readings.is_empty() {
                return None;
            }
            continue;
        }
        if let Some((payload, from, to)) = decode_line(patch, line) {
            readings.push((payload, from, to));
        }
        let Some((payload, from, to)) = readings.last() else { continue };
        if readings.iter().filter(|reading| reading.0 == *payload).count() >= AGREEING_BANDS {
            let corner = |along: f64, height: f64| patch.at(along, height);
            let half = if to > from { patch.half.1 } else { -patch.half.1 };
            let corners = vec![corner(*from, -half), corner(*to, -half), corner(*to, half), corner(*from, half)];
            return Some(Code { symbology: Symbology::Code128, payload: payload.clone(), corners });
        }
    }
    None
}

impl Patch {
    /// The position `along` pixels across the bars and `height` pixels along them from the centre.
    fn at(&self, along: f64, height: f64) -> Point {
        let (c, d) = (self.centre, self.across);
        Point::new(c.x + along * d.x - height * d.y, c.y + along * d.y + height * d.x)
    }

    /// Where bands begin: before the patch, so that there is room for the quiet zone.
    fn start(&self) -> f64 {
        const QUIET: f64 = 48.0;
        -self.half.0 - QUIET
    }

    /// A band across the bars, [`FINE`] samples a pixel, each the mean of several lines.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length in samples; means of bytes")]
    fn line(&self, gray: &GrayImage, height: f64) -> Vec<u8> {
        /// Lines averaged, a pixel apart.
        const AVERAGED: i32 = 5;
        let count = (-2.0 * self.start() * FINE) as usize;
        let mut sums = vec![0; count];
        let step = Point::new(self.across.x / FINE, self.across.y / FINE);
        for offset in -(AVERAGED / 2)..=AVERAGED / 2 {
            add_line(gray, self.at(self.start(), height + f64::from(offset)), step, &mut sums);
        }
        let whole = 256 * AVERAGED.unsigned_abs();
        sums.into_iter().map(|sum| ((sum + whole / 2) / whole) as u8).collect()
    }
}

/// Turns of a line from dark to light or back, each by at least a sixteenth of its contrast.
fn edges(line: &[u8]) -> usize {
    let (least, most) = line.iter().fold((255, 0), |(least, most), &value| (value.min(least), value.max(most)));
    let step = i32::from(most.max(least) - least) / 16 + 2;
    let (mut turns, mut extreme, mut rising) = (0, i32::from(line.first().copied().unwrap_or(0)), true);
    for value in line.iter().map(|&value| i32::from(value)) {
        let ahead = if rising { value - extreme } else { extreme - value };
        if ahead > 0 {
            extreme = value;
        } else if -ahead >= step {
            (turns, extreme, rising) = (turns + 1, value, !rising);
        }
    }
    turns
}

/// Decodes one band; also says where on the patch the symbol starts and ends.
fn decode_line(patch: &Patch, line: Vec<u8>) -> Option<(String, f64, f64)> {
    let (start, count) = (patch.start(), u32::try_from(line.len()).ok()?);
    let source = Luma8LuminanceSource::new(line, count, 1).ok()?;
    let mut bitmap = BinaryBitmap::new(GlobalHistogramBinarizer::new(source));
    // Not harder: that would turn the line and look at each of its pixels as a picture.
    let result = Code128Reader.decode_with_hints(&mut bitmap, &DecodeHints::default()).ok()?;
    let payload: String = result.getText().nfc().collect();
    let printable = payload.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    let [first, last] = result.getPoints() else { return None };
    let along = |x: f32| start + f64::from(x) / FINE;
    (printable && payload.trim().len() >= SHORTEST_PAYLOAD).then(|| (payload, along(first.x), along(last.x)))
}
