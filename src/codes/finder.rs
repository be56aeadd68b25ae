//! QR symbols: finder patterns at full resolution, triples of them, crops for the decoder.
//!
//! Method: every second row is cut into runs darker and lighter than the local mean; five runs in the ratio 1:1:3:1:1
//! (ISO/IEC 18004, 6.3.3) are checked along the column and again along the row. Patterns of like module size that form
//! a right-angled triangle with equal legs are taken for a symbol. The decoder sees a crop around it, enlarged so that a
//! module covers a few pixels: symbols on identity cards have 45 modules in 12 mm, two pixels each at 200 dpi.
//!
//! Limits: modules of at least 1.5 px; no inverted or mirrored symbols.

use image::{GrayImage, imageops};
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::qrcode::QRCodeReader;
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader};
use unicode_normalization::UnicodeNormalization;

use super::sample::add_line;
use super::{Code, Symbology};
use crate::model::Point;

/// Side of the tiles for the local mean, pixels; with its neighbours it covers 48 px, several modules of any symbol
/// small enough to be hard.
const TILE: usize = 16;

/// A pixel must be this share darker than the local mean to be dark: paper texture is not.
const DARKER: f32 = 0.04;

/// Finder patterns examined at most; texts and tables yield a few by chance.
const MOST_PATTERNS: usize = 40;

/// Triples decoded at most.
const MOST_TRIPLES: usize = 10;

/// Centre to centre distance of finder patterns in modules: 14 in version 1, 170 in version 40, with room for errors of
/// the module size.
const LEG_MODULES: std::ops::Range<f64> = 10.0..220.0;

/// Pixels per module that the decoder is shown.
const GOOD_MODULE: f64 = 4.0;

/// Enlarged crops have at most this many pixels: 250 modules (a version 40 symbol) of six pixels a side.
const LARGEST_CROP: f64 = 1500.0 * 1500.0;

/// One finder pattern.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    centre: Point,
    module: f64,
    hits: u32,
}

/// Three finder patterns of one symbol: the corner of the right angle first, then clockwise.
#[derive(Clone, Copy, Debug)]
struct Triple {
    corner: Pattern,
    right: Pattern,
    below: Pattern,
    /// How far from a right angle with equal legs.
    error: f64,
}

pub(super) fn read(gray: &GrayImage) -> Vec<Code> {
    if gray.width() < 21 || gray.height() < 21 {
        return Vec::new();
    }
    let mut codes: Vec<Code> = Vec::new();
    let mut tried = 0;
    for triple in triples(&patterns(gray)) {
        let inside = |code: &Code| triple.patterns().iter().any(|p| contains(&code.corners, p.centre));
        if codes.iter().any(inside) || !triple.has_timing(gray) {
            continue;
        }
        if let Some(payload) = decode(gray, &triple) {
            codes.push(Code { symbology: Symbology::Qr, payload, corners: triple.outline().to_vec() });
        }
        tried += 1;
        if tried == MOST_TRIPLES {
            break;
        }
    }
    codes.sort_by(|a, b| a.corners[0].y.total_cmp(&b.corners[0].y).then(a.corners[0].x.total_cmp(&b.corners[0].x)));
    codes
}

/// Dark pixels by the local mean.
struct Dark<'a> {
    gray: &'a GrayImage,
    columns: usize,
    /// Per tile, the value below which a pixel is dark.
    limits: Vec<u8>,
}

impl<'a> Dark<'a> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of bytes is a byte")]
    fn new(gray: &'a GrayImage) -> Self {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let (columns, rows) = (width.div_ceil(TILE), height.div_ceil(TILE));
        let mut sums = vec![0u32; columns * rows];
        let mut counts = vec![0u32; columns * rows];
        /// Every so many rows are enough for a mean.
        const SAMPLED: usize = 4;
        let mut column_sums = vec![0u16; width];
        for (row, band) in gray.as_raw().chunks(width * TILE).enumerate() {
            column_sums.fill(0);
            for line in band.chunks_exact(width).step_by(SAMPLED) {
                for (sum, &value) in column_sums.iter_mut().zip(line) {
                    *sum += u16::from(value);
                }
            }
            let lines = (band.len() / width).div_ceil(SAMPLED);
            for (column, cell) in column_sums.chunks(TILE).enumerate() {
                sums[row * columns + column] = cell.iter().map(|&sum| u32::from(sum)).sum();
                counts[row * columns + column] = (cell.len() * lines) as u32;
            }
        }
        let mut limits = vec![0; columns * rows];
        for (tile, limit) in limits.iter_mut().enumerate() {
            let (column, row) = (tile % columns, tile / columns);
            let (mut sum, mut count) = (0, 0);
            for near_row in row.saturating_sub(1)..(row + 2).min(rows) {
                for near in
                    near_row * columns + column.saturating_sub(1)..near_row * columns + (column + 2).min(columns)
                {
                    sum += sums[near];
                    count += counts[near];
                }
            }
            *limit = (sum as f32 / count.max(1) as f32 * (1.0 - DARKER)) as u8;
        }
        Self { gray, columns, limits }
    }

    fn at(&self, x: usize, y: usize) -> bool {
        self.gray.as_raw()[y * self.gray.width() as usize + x] < self.limits[y / TILE * self.columns + x / TILE]
    }

    /// Whether each pixel of a row is dark, 0 or 1.
    fn mark(&self, y: usize, flags: &mut [u8]) {
        let width = self.gray.width() as usize;
        let line = &self.gray.as_raw()[y * width..(y + 1) * width];
        let limits = &self.limits[y / TILE * self.columns..][..self.columns];
        let (cells, rest) = line.as_chunks::<TILE>();
        let (flag_cells, flag_rest) = flags.as_chunks_mut::<TILE>();
        for ((cell, flags), &limit) in cells.iter().zip(flag_cells).zip(limits) {
            // Sixteen at once; a comparison would be made one by one.
            *flags = cell.map(|value| limit.saturating_sub(value).min(1));
        }
        for (flag, &value) in flag_rest.iter_mut().zip(rest) {
            *flag = u8::from(value < limits[self.columns - 1]);
        }
    }

    /// Calls `found` with the end and the lengths of any five runs dark, light, dark, light, dark of a row. `flags` is
    /// scratch.
    fn runs(&self, y: usize, flags: &mut Vec<u8>, mut found: impl FnMut(usize, [usize; 5])) {
        let width = self.gray.width() as usize;
        // Beyond the end the row is light.
        flags.resize(width.next_multiple_of(TILE), 0);
        self.mark(y, &mut flags[..width]);
        let mut runs = [0usize; 5];
        let (mut start, mut dark) = (0, false);
        let mut ended = |end: usize, start: usize, was_dark: bool| {
            runs.rotate_left(1);
            runs[4] = end - start;
            if was_dark && runs[0] > 0 {
                found(end, runs);
            }
        };
        for (column, cell) in flags.as_chunks::<TILE>().0.iter().enumerate() {
            let (halves, _) = cell.as_chunks::<8>();
            let [low, high] = [halves[0], halves[1]].map(u64::from_le_bytes);
            // Most cells are bare paper.
            if low | high == 0 && !dark {
                continue;
            }
            let bits = bits(low) | bits(high) << 8;
            let mut changes = (bits ^ (bits << 1 | u32::from(dark))) & 0xffff;
            while changes != 0 {
                let end = column * TILE + changes.trailing_zeros() as usize;
                ended(end.min(width), start, dark);
                (start, dark) = (end, !dark);
                changes &= changes - 1;
            }
        }
        if dark {
            ended(width, start, dark);
        }
    }
}

/// The lowest bits of eight bytes of 0 or 1, the first the lowest: the product brings them together in its highest byte.
fn bits(flags: u64) -> u32 {
    (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// The module size of five runs if they are in the ratio of a finder pattern.
fn finder_module(runs: [usize; 5]) -> Option<f64> {
    let runs = runs.map(|run| run as f64);
    let module = runs.iter().sum::<f64>() / 7.0;
    if module < 1.4 {
        return None;
    }
    // Half a module and the rounding of both ends.
    let allowed = 0.5 * module + 0.6;
    let fits = runs
        .iter()
        .zip([1.0, 1.0, 3.0, 1.0, 1.0])
        .all(|(run, expected): (&f64, f64)| (run - expected * module).abs() <= allowed * expected.sqrt());
    fits.then_some(module)
}

fn patterns(gray: &GrayImage) -> Vec<Pattern> {
    let dark = Dark::new(gray);
    let mut flags = Vec::new();
    let mut patterns: Vec<Pattern> = Vec::new();
    for y in (0..gray.height() as usize).step_by(2) {
        dark.runs(y, &mut flags, |end, runs| {
            let Some(module) = finder_module(runs) else { return };
            let x = end as f64 - runs[4] as f64 - runs[3] as f64 - runs[2] as f64 / 2.0 - 0.5;
            let known = |p: &&mut Pattern| p.centre.distance(Point::new(x, y as f64)) < 2.0 * p.module.max(module);
            if let Some(pattern) = patterns.iter_mut().rev().find(known) {
                pattern.hits += 1;
                return;
            }
            if let Some(pattern) = cross_checked(&dark, x, y, module) {
                let same = |p: &&mut Pattern| p.centre.distance(pattern.centre) < 2.0 * p.module;
                match patterns.iter_mut().find(same) {
                    Some(known) => known.hits += 1,
                    None => patterns.push(pattern),
                }
            }
        });
    }
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.hits));
    patterns.truncate(MOST_PATTERNS);
    patterns
}

/// Looks along the column through a candidate, and along the row through the centre found there.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions inside the picture")]
fn cross_checked(dark: &Dark, x: f64, y: usize, module: f64) -> Option<Pattern> {
    let (width, height) = (dark.gray.width() as usize, dark.gray.height() as usize);
    let column = (x.round() as usize).min(width - 1);
    let (centre_y, tall) = cross(height, y, module, |y| dark.at(column, y))?;
    let row = (centre_y.round() as usize).min(height - 1);
    let (centre_x, wide) = cross(width, column, module, |x| dark.at(x, row))?;
    let like = tall.max(wide) < 1.5 * tall.min(wide) + 0.5;
    like.then(|| Pattern { centre: Point::new(centre_x, centre_y), module: (tall + wide) / 2.0, hits: 1 })
}

/// Centre and module size of the finder pattern around `from` on a line.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few times the size of a module")]
fn cross(length: usize, from: usize, module: f64, dark: impl Fn(usize) -> bool) -> Option<(f64, f64)> {
    if !dark(from) {
        return None;
    }
    let longest = (6.0 * module + 2.0) as usize;
    // Runs outwards from the centre: rest of the middle, light ring, dark ring.
    let outwards = |line: &mut dyn Iterator<Item = usize>| {
        let mut runs = [0usize; 3];
        let mut ring = 0;
        for at in line {
            if dark(at) == (ring == 1) {
                ring += 1;
            }
            if ring == runs.len() || runs[ring] > longest {
                break;
            }
            runs[ring] += 1;
        }
        runs
    };
    let (back, forth) = (outwards(&mut (0..=from).rev()), outwards(&mut (from..length)));
    let middle = back[0] + forth[0] - 1;
    let size = finder_module([back[2], back[1], middle, forth[1], forth[2]])?;
    let similar = size < 2.0 * module + 0.5 && module < 2.0 * size + 0.5;
    similar.then(|| (from as f64 + (forth[0] as f64 - back[0] as f64) / 2.0, size))
}

/// Triples that may be symbols, the most regular first.
fn triples(patterns: &[Pattern]) -> Vec<Triple> {
    let mut triples = Vec::new();
    for (i, &a) in patterns.iter().enumerate() {
        for (j, &b) in patterns.iter().enumerate().skip(i + 1) {
            for &c in &patterns[j + 1..] {
                triples.extend(Triple::of([a, b, c]));
            }
        }
    }
    triples.sort_by(|a: &Triple, b| a.error.total_cmp(&b.error));
    triples
}

impl Triple {
    fn of([a, b, c]: [Pattern; 3]) -> Option<Self> {
        let (least, most) = [b, c].iter().fold((a.module, a.module), |(l, m), p| (l.min(p.module), m.max(p.module)));
        if most > 1.6 * least + 0.3 {
            return None;
        }
        let (ab, bc, ca) = (a.centre.distance(b.centre), b.centre.distance(c.centre), c.centre.distance(a.centre));
        let (corner, p, q, hypotenuse, legs) = match (ab >= bc && ab >= ca, bc >= ca) {
            (true, _) => (c, a, b, ab, (ca, bc)),
            (false, true) => (a, b, c, bc, (ab, ca)),
            (false, false) => (b, c, a, ca, (bc, ab)),
        };
        let module = (a.module + b.module + c.module) / 3.0;
        if !LEG_MODULES.contains(&(legs.0 / module)) || !LEG_MODULES.contains(&(legs.1 / module)) {
            return None;
        }
        let unequal = (legs.0 / legs.1).ln().abs();
        let skewed = (hypotenuse * hypotenuse / (legs.0 * legs.0 + legs.1 * legs.1)).ln().abs();
        // A symbol seen at 45 degrees has one leg shortened by 0.7.
        if unequal > 0.45 || skewed > 0.4 {
            return None;
        }
        let (u, v) = (direction(corner, p), direction(corner, q));
        let (right, below) = if u.x * v.y - u.y * v.x > 0.0 { (p, q) } else { (q, p) };
        let uneven = (most / least).ln() / 2.0;
        Some(Self { corner, right, below, error: unequal + skewed + uneven })
    }

    fn module(&self) -> f64 {
        (self.corner.module + self.right.module + self.below.module) / 3.0
    }

    fn patterns(&self) -> [Pattern; 3] {
        [self.corner, self.right, self.below]
    }

    /// Whether light and dark modules alternate between the finder patterns (ISO/IEC 18004, 6.3.5) along both sides. Cheap,
    /// and hardly any three patterns seen in print by chance pass.
    fn has_timing(&self, gray: &GrayImage) -> bool {
        let module = self.module();
        let unit = |to: Pattern| {
            let length = self.corner.centre.distance(to.centre);
            let d = direction(self.corner, to);
            Point::new(d.x / length * module, d.y / length * module)
        };
        let (u, v) = (unit(self.right), unit(self.below));
        // The timing row runs three modules from the line of centres; perspective shifts it a little.
        let along = |to: Pattern, side: Point| {
            [2.6, 3.0, 3.4].into_iter().any(|offset| {
                let beside = |p: Point| Point::new(p.x + offset * side.x, p.y + offset * side.y);
                alternates(gray, beside(self.corner.centre), beside(to.centre), module)
            })
        };
        along(self.right, v) && along(self.below, u)
    }

    /// The corners of the symbol: its finder patterns' centres lie 3.5 modules inside.
    fn outline(&self) -> [Point; 4] {
        let (a, b, c) = (self.corner.centre, self.right.centre, self.below.centre);
        let inset = |from: Point, to: Point| 3.5 * self.module() / from.distance(to);
        let (s, t) = (inset(a, b), inset(a, c));
        let at = |s: f64, t: f64| {
            Point::new(a.x + s * (b.x - a.x) + t * (c.x - a.x), a.y + s * (b.y - a.y) + t * (c.y - a.y))
        };
        [at(-s, -t), at(1.0 + s, -t), at(1.0 + s, 1.0 + t), at(-s, 1.0 + t)]
    }
}

/// Whether the modules between two finder patterns alternate: as many changes as modules, give or take a third.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of samples along a line")]
fn alternates(gray: &GrayImage, from: Point, to: Point, module: f64) -> bool {
    /// Least difference between dark and light modules, grey levels.
    const CONTRAST: u32 = 24;
    let modules = from.distance(to) / module;
    // Centre to centre less three and a half modules on both sides, four samples a module.
    let inner = 3.5 / modules;
    let count = ((modules - 7.0) * 4.0).max(8.0) as usize;
    let share = (1.0 - 2.0 * inner) / count as f64;
    let step = Point::new(share * (to.x - from.x), share * (to.y - from.y));
    let ahead = inner / share + 0.5;
    let start = Point::new(from.x + ahead * step.x, from.y + ahead * step.y);
    let mut values = vec![0; count];
    add_line(gray, start, step, &mut values);
    let (least, most) = values.iter().fold((u32::MAX, 0), |(l, m), &v| (l.min(v), m.max(v)));
    let limit = (least + most) / 2;
    let changes = values.windows(2).filter(|pair| (pair[0] < limit) != (pair[1] < limit)).count() as f64;
    let expected = modules - 7.0;
    most - least >= CONTRAST * 256 && (changes - expected).abs() <= 0.34 * expected + 2.0
}

fn direction(from: Pattern, to: Pattern) -> Point {
    Point::new(to.centre.x - from.centre.x, to.centre.y - from.centre.y)
}

/// Whether a point lies inside a convex clockwise outline.
fn contains(outline: &[Point], p: Point) -> bool {
    (0..outline.len()).all(|i| {
        let (a, b) = (outline[i], outline[(i + 1) % outline.len()]);
        (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x) >= 0.0
    })
}

/// Shows the decoder the neighbourhood of a triple at several scales and binarisations.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture first")]
fn decode(gray: &GrayImage, triple: &Triple) -> Option<String> {
    let outline = triple.outline();
    let margin = 5.0 * triple.module();
    let bound = |pick: fn(&Point) -> f64, size: u32| {
        let values = outline.map(|p| pick(&p));
        let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(l, m), &v| (l.min(v), m.max(v)));
        let limit = f64::from(size);
        ((least - margin).clamp(0.0, limit) as u32, (most + margin).clamp(0.0, limit) as u32)
    };
    let ((left, right), (top, bottom)) = (bound(|p| p.x, gray.width()), bound(|p| p.y, gray.height()));
    if right <= left || bottom <= top {
        return None;
    }
    let crop = imageops::crop_imm(gray, left, top, right - left, bottom - top).to_image();
    let scale = GOOD_MODULE / triple.module();
    let area = f64::from(crop.width()) * f64::from(crop.height());
    for factor in [scale, 1.0, 1.4 * scale, 2.0 * scale] {
        // Modules that are large enough already are shown as they are, once.
        if factor != 1.0 && (factor < 1.25 || factor * factor * area > LARGEST_CROP) {
            continue;
        }
        let shown = if factor == 1.0 { crop.clone() } else { enlarged(&crop, factor.min(6.0)) };
        let (width, height) = shown.dimensions();
        let source = || Luma8LuminanceSource::new(shown.as_raw().clone(), width, height).ok();
        let payload = source()
            .and_then(|source| decoded(HybridBinarizer::new(source)))
            .or_else(|| source().and_then(|source| decoded(GlobalHistogramBinarizer::new(source))));
        if payload.is_some() {
            return payload;
        }
    }
    None
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of crops")]
fn enlarged(crop: &GrayImage, factor: f64) -> GrayImage {
    let size = |side: u32| ((f64::from(side) * factor).round() as u32).clamp(1, 4000);
    imageops::resize(crop, size(crop.width()), size(crop.height()), imageops::FilterType::CatmullRom)
}

fn decoded<B: Binarizer>(binarizer: B) -> Option<String> {
    // The standard's default is ISO 8859-1, but all Vietnamese issuers write UTF-8.
    let hints = DecodeHints { TryHarder: Some(true), CharacterSet: Some("UTF-8".to_owned()), ..DecodeHints::default() };
    let result = QRCodeReader.decode_with_hints(&mut BinaryBitmap::new(binarizer), &hints).ok()?;
    let payload: String = result.getText().nfc().collect();
    (!payload.trim().is_empty()).then_some(payload)
}
