//! Projective resampling of a picture, the one time that full-resolution pixels of a page are resampled.
//!
//! Method: every output pixel is looked up in the source through the homography (inverse mapping) and interpolated
//! bilinearly. The projective division is done in `f64` at every [`CHUNK`]th pixel of a row; between these anchors the
//! position is interpolated linearly, by eighths rounded down (0.001 px on average). That never drifts, as each anchor
//! is exact, and departs from the exact position by `u'' CHUNK² / 8`: 0.002 px for a strongly tilted photo (`u''` = 2e-4
//! per px), less than a weight step. From there on
//! everything is integer arithmetic with 7-bit weights, so the result is the same on every CPU. Output is produced in
//! square tiles, because rows of a page that is turned by 90° run down the columns of its source.
//!
//! Where the map reduces, bilinear interpolation would skip source pixels and text would alias: the source is first
//! reduced by an integer box filter as far as no part of the page loses resolution, and tiles that still reduce more
//! than [`SUPERSAMPLE_ABOVE`] take the mean of 2×2 samples a pixel.
//!
//! A page that is not flat is shifted first ([`PageMap::unbent`]). Between two nodes of its bend the shift changes evenly
//! along a row, so anchors are as exact there as on a flat page.
//!
//! Limits: positions outside the source take the nearest edge pixel; sides up to 262,143 px; each cell of a bend costs
//! about as much as the anchors in it.

use std::ops::Range;

use image::{GrayImage, RgbImage};

use super::proxy::box_means;
use super::simd::{self, Stretch};
use crate::model::{PageMap, Point};

/// Output pixels between two exact positions.
pub(super) const CHUNK: usize = 8;

/// Fractional bits of a source position.
pub(super) const POSITION_BITS: u32 = 12;

/// Bits of an interpolation weight. Seven, so that the products of the first pass fit a signed 16-bit lane.
pub(super) const WEIGHT_BITS: u32 = 7;

/// Rows and columns of an output tile: long runs, so that little is done for each line.
const TILE_HEIGHT: usize = 64;
const TILE_WIDTH: usize = 256;

/// Slope of the page's rows in the source (12°) above which tiles follow each other down the page instead of across it,
/// so that they stay on the same rows of the source, which each are a page of memory or two of their own: with 24 tiles
/// side by side the CPU would look up its addresses anew for nearly every one (half the time of a page turned by 90°).
const STEEP: f64 = 0.2;

/// Memory is asked for pixels so many output rows before they are needed; far enough to be there in time, near enough to
/// be there still.
const ROWS_AHEAD: f64 = 16.0;

/// Source pixels per output pixel above which 2×2 samples are averaged. Bilinear interpolation alone covers up to
/// two source pixels in each direction, but unevenly; above 1.5 thin strokes begin to break (contract of the page
/// pipeline; seen on 8 pt text at 200 dpi).
const SUPERSAMPLE_ABOVE: f64 = 1.5;

/// Anchors farther apart than this (in source pixels) are resampled one exact pixel at a time, as the product of the
/// distance and an index below [`CHUNK`] must fit 32 bits.
pub(super) const WIDEST_RUN: i32 = 8192;

/// Denominators of a homography below this are on or beyond the horizon.
const HORIZON: f64 = 1e-12;

/// The scale of a bent page is looked at in so many places along each side. Bends are smooth over a thirtieth of a page.
const BENT_LATTICE: usize = 30;

/// Resamples an RGB picture: output pixel `(x, y)` takes the colour found at [`PageMap::to_capture`] of `(x, y)`, both
/// counted at pixel centres. Positions outside the source take the nearest edge pixel.
pub fn rectify(source: &RgbImage, map: &PageMap) -> RgbImage {
    let pixels = resample::<3>(&Plane::of(source.as_raw(), source.dimensions()), map);
    RgbImage::from_raw(map.width, map.height, pixels).expect("the buffer holds width × height pixels")
}

/// Same as [`rectify`] for a gray picture.
pub fn rectify_gray(source: &GrayImage, map: &PageMap) -> GrayImage {
    let pixels = resample::<1>(&Plane::of(source.as_raw(), source.dimensions()), map);
    GrayImage::from_raw(map.width, map.height, pixels).expect("the buffer holds width × height pixels")
}

/// How far the source may be reduced by a whole factor before sampling without any part of the page losing resolution.
pub fn whole_reduction(map: &PageMap) -> u32 {
    u32::try_from(box_factor(&Map::new(map))).expect("at most 64")
}

/// Interleaved 8-bit pixels of `C` channels, known to hold `width * height * C` bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<'a, const C: usize> {
    pub(super) pixels: &'a [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl<'a, const C: usize> Plane<'a, C> {
    fn of(pixels: &'a [u8], (width, height): (u32, u32)) -> Self {
        Self { pixels, width: width as usize, height: height as usize }
    }

    pub(super) fn stride(&self) -> usize {
        self.width * C
    }
}

/// Exact source positions of every [`CHUNK`]th pixel of a line, [`POSITION_BITS`] fractional bits: the first and the
/// second frame the first [`CHUNK`] pixels, and so on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchors<'a> {
    pub(super) x: &'a [i32],
    pub(super) y: &'a [i32],
}

impl Anchors<'_> {
    /// The anchors that frame these chunks.
    fn of_chunks(&self, chunks: Range<usize>) -> Self {
        Self { x: &self.x[chunks.start..=chunks.end], y: &self.y[chunks.start..=chunks.end] }
    }
}

/// What to ask memory for while a line is worked on: what one of each [`CHUNK`] pixels will need some rows later. The
/// pixel changes from row to row, so that all are asked for in time where a row of the page runs down the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// From the place of a pixel to that of the one [`ROWS_AHEAD`] below, bytes.
    pub(super) bytes: isize,
    /// Which pixel, below [`CHUNK`].
    pub(super) pixel: usize,
}

/// Interpolates a stretch of a line. `out` has at most [`CHUNK`] pixels a pair of anchors.
pub(super) type Run<const C: usize> = fn(&Stretch<'_, C>, Ahead, out: &mut [u8]);

fn resample<const C: usize>(source: &Plane<'_, C>, page: &PageMap) -> Vec<u8> {
    let size = page.width as usize * page.height as usize * C;
    if source.pixels.is_empty() || size == 0 {
        return vec![0; size];
    }
    let map = Map::new(page);
    let factor = box_factor(&map);
    if factor == 1 {
        resample_tiles(source, &map)
    } else {
        let (width, height) = (source.width.div_ceil(factor), source.height.div_ceil(factor));
        let pixels = box_means::<C>(source.pixels, source.width, [width, height], factor);
        let reduced = Plane::<C> { pixels: &pixels, width, height };
        resample_tiles(&reduced, &map.into_reduced(factor))
    }
}

fn resample_tiles<const C: usize>(source: &Plane<'_, C>, map: &Map<'_>) -> Vec<u8> {
    let run = simd::best_run::<C>();
    let (width, height) = (map.page.width as usize, map.page.height as usize);
    let stride = width * C;
    let is_steep = map.slope_at(Point::new(width as f64 / 2.0, 0.0)) > STEEP;
    let band = if is_steep { height } else { TILE_HEIGHT };
    let mut out = Vec::with_capacity(height * stride);
    for band_top in (0..height).step_by(band) {
        // Grown band by band: memory cleared all at once would have left the cache when it is written.
        let bottom = height.min(band_top + band);
        out.resize(bottom * stride, 0);
        for left in (0..width).step_by(TILE_WIDTH) {
            for top in (band_top..bottom).step_by(TILE_HEIGHT) {
                let tile_width = TILE_WIDTH.min(width - left);
                let rows = TILE_HEIGHT.min(bottom - top);
                let middle = Point::new(left as f64 + tile_width as f64 / 2.0, top as f64 + rows as f64 / 2.0);
                let is_fine = map.scale_at(middle) > SUPERSAMPLE_ABOVE;
                let bytes = map.bytes_down(middle, source.stride(), C);
                for y in top..top + rows {
                    let line = &mut out[y * stride + left * C..][..tile_width * C];
                    let ahead = Ahead { bytes, pixel: y % CHUNK };
                    if is_fine {
                        supersampled_line(source, map, run, ahead, Point::new(left as f64, y as f64), line);
                    } else {
                        sampled_line(source, map, run, ahead, Point::new(left as f64, y as f64), 1.0, line);
                    }
                }
            }
        }
    }
    out
}

/// Samples `out.len() / C` positions of a row, `step` output pixels apart, from `start` on.
fn sampled_line<const C: usize>(
    source: &Plane<'_, C>,
    map: &Map<'_>,
    run: Run<C>,
    ahead: Ahead,
    start: Point,
    step: f64,
    out: &mut [u8],
) {
    let chunks = (out.len() / C).div_ceil(CHUNK);
    let [mut x, mut y] = [[0; 2 * TILE_WIDTH / CHUNK + 1]; 2];
    map.anchors(start, CHUNK as f64 * step, &mut x[..=chunks], &mut y[..=chunks]);
    let anchors = Anchors { x: &x[..=chunks], y: &y[..=chunks] };
    if let Some(stretch) = Stretch::new(source, anchors) {
        return run(&stretch, ahead, out);
    }
    let inside = |chunk: usize| Stretch::new(source, anchors.of_chunks(chunk..chunk + 1)).is_some();
    let mut from = 0;
    while from < chunks {
        let is_inside = inside(from);
        let to = (from + 1..chunks).find(|&chunk| inside(chunk) != is_inside).unwrap_or(chunks);
        let end = out.len().min(to * CHUNK * C);
        let part = &mut out[from * CHUNK * C..end];
        match Stretch::new(source, anchors.of_chunks(from..to)) {
            Some(stretch) => run(&stretch, ahead, part),
            None => {
                for (chunk, part) in (from..to).zip(part.chunks_mut(CHUNK * C)) {
                    let at = Point::new(start.x + (chunk * CHUNK) as f64 * step, start.y);
                    edge_chunk(source, map, anchors.of_chunks(chunk..chunk + 1), at, step, part);
                }
            }
        }
        from = to;
    }
}

/// Up to [`CHUNK`] pixels of which some lie at or beyond the edges of the source.
fn edge_chunk<const C: usize>(
    source: &Plane<'_, C>,
    map: &Map<'_>,
    anchors: Anchors<'_>,
    start: Point,
    step: f64,
    out: &mut [u8],
) {
    let near = |[from, to]: [i32; 2]| to.checked_sub(from).is_some_and(|run| run.abs() < WIDEST_RUN << POSITION_BITS);
    let (x, y) = ([anchors.x[0], anchors.x[1]], [anchors.y[0], anchors.y[1]]);
    let may_interpolate = near(x) && near(y);
    for (k, pixel) in (0..).zip(out.chunks_exact_mut(C)) {
        if may_interpolate {
            edge_pixel(source, between(x[0], x[1], k), between(y[0], y[1], k), pixel);
        } else {
            let (mut x, mut y) = (0, 0);
            let at = Point::new(start.x + f64::from(k) * step, start.y);
            map.anchors(at, 1.0, std::slice::from_mut(&mut x), std::slice::from_mut(&mut y));
            edge_pixel(source, x, y, pixel);
        }
    }
}

/// A line of pixels that are the rounded means of 2×2 samples.
fn supersampled_line<const C: usize>(
    source: &Plane<'_, C>,
    map: &Map<'_>,
    run: Run<C>,
    ahead: Ahead,
    start: Point,
    out: &mut [u8],
) {
    let mut samples = [[0; 2 * TILE_WIDTH * 3]; 2];
    let count = 2 * out.len();
    for (line, dy) in samples.iter_mut().zip([-0.25, 0.25]) {
        let start = Point::new(start.x - 0.25, start.y + dy);
        sampled_line(source, map, run, ahead, start, 0.5, &mut line[..count]);
    }
    let [upper, lower] = &samples;
    for (i, pixel) in out.chunks_exact_mut(C).enumerate() {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let (a, b) = (2 * i * C + channel, (2 * i + 1) * C + channel);
            let sum = u16::from(upper[a]) + u16::from(upper[b]) + u16::from(lower[a]) + u16::from(lower[b]);
            *value = ((sum + 2) / 4).to_le_bytes()[0];
        }
    }
}

/// The portable [`Run`]; the SIMD ones are tested against it bit by bit.
pub(super) fn run_scalar<const C: usize>(stretch: &Stretch<'_, C>, _: Ahead, out: &mut [u8]) {
    let (source, anchors) = (stretch.source(), stretch.anchors());
    let stride = source.stride();
    for (i, part) in out.chunks_mut(CHUNK * C).enumerate() {
        let (x, y) = (&anchors.x[i..i + 2], &anchors.y[i..i + 2]);
        for (k, pixel) in (0..).zip(part.chunks_exact_mut(C)) {
            let (x, y) = (rounded(between(x[0], x[1], k)), rounded(between(y[0], y[1], k)));
            let base = whole(y) * stride + whole(x) * C;
            let above = &source.pixels[base..base + 2 * C];
            let below = &source.pixels[base + stride..base + stride + 2 * C];
            let weights = weights(fraction(x), fraction(y));
            for (channel, value) in pixel.iter_mut().enumerate() {
                *value = blend([above[channel], above[channel + C], below[channel], below[channel + C]], weights);
            }
        }
    }
}

/// The position `k` pixels after an anchor.
fn between(from: i32, to: i32, k: i32) -> i32 {
    from + ((to - from) >> CHUNK.ilog2()) * k
}

/// A position rounded so that [`fraction`] is the nearest weight.
fn rounded(position: i32) -> i32 {
    const HALF_WEIGHT: i32 = 1 << (POSITION_BITS - WEIGHT_BITS - 1);
    position + HALF_WEIGHT
}

/// The pixel left of (above) a position that is not negative.
#[expect(clippy::cast_sign_loss, reason = "runs lie inside the source, where positions are not negative")]
fn whole(position: i32) -> usize {
    (position >> POSITION_BITS) as usize
}

/// The weight of the pixel right of (below) a position, of `1 << WEIGHT_BITS`.
fn fraction(position: i32) -> i32 {
    (position >> (POSITION_BITS - WEIGHT_BITS)) & ((1 << WEIGHT_BITS) - 1)
}

/// Weights of `[above left, above right, below left, below right]`.
fn weights(fx: i32, fy: i32) -> [i32; 4] {
    const ONE: i32 = 1 << WEIGHT_BITS;
    [(ONE - fx) * (ONE - fy), fx * (ONE - fy), (ONE - fx) * fy, fx * fy]
}

/// The weighted mean, halves rounded up.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a weighted mean of bytes is a byte")]
fn blend(corners: [u8; 4], weights: [i32; 4]) -> u8 {
    let sum: i32 = corners.into_iter().zip(weights).map(|(value, weight)| i32::from(value) * weight).sum();
    ((sum + (1 << (2 * WEIGHT_BITS - 1))) >> (2 * WEIGHT_BITS)) as u8
}

/// One pixel at or beyond the edge, each coordinate clamped to the picture.
fn edge_pixel<const C: usize>(source: &Plane<'_, C>, x: i32, y: i32, pixel: &mut [u8]) {
    let axis = |position: i32, size: usize| {
        let last = i32::try_from(size - 1).unwrap_or(i32::MAX >> POSITION_BITS).min(i32::MAX >> POSITION_BITS);
        let position = rounded(position.clamp(0, last << POSITION_BITS));
        (whole(position), (whole(position) + 1).min(size - 1), fraction(position))
    };
    let (left, right, fx) = axis(x, source.width);
    let (above, below, fy) = axis(y, source.height);
    let (above, below, weights) = (above * source.stride(), below * source.stride(), weights(fx, fy));
    for (channel, value) in pixel.iter_mut().enumerate() {
        let at = |row: usize, column: usize| source.pixels[row + column * C + channel];
        *value = blend([at(above, left), at(above, right), at(below, left), at(below, right)], weights);
    }
}

/// The way from output pixels to those of the source.
#[derive(Clone, Copy)]
struct Map<'a> {
    page: &'a PageMap,
    /// The homography, with the sign that makes the denominator positive over the page.
    matrix: [[f64; 3]; 3],
    positions: Positions,
}

impl<'a> Map<'a> {
    fn new(page: &'a PageMap) -> Self {
        let mut matrix = page.homography.0;
        let middle = Point::new(f64::from(page.width) / 2.0, f64::from(page.height) / 2.0);
        if product(&matrix[2], middle) < 0.0 {
            matrix = matrix.map(|row| row.map(|value| -value));
        }
        Self { page, matrix, positions: simd::best_positions() }
    }

    /// Where an output position lies in the source; far outside it when the position is on or beyond the horizon.
    fn position(&self, p: Point) -> Point {
        let p = self.page.unbent(p);
        let [x, y, w] = &self.matrix;
        let w = product(w, p).max(HORIZON);
        Point::new(product(x, p) / w, product(y, p) / w)
    }

    /// Source positions of output pixels of one row, `step` apart from `start` on.
    fn anchors(&self, start: Point, step: f64, x: &mut [i32], y: &mut [i32]) {
        let Some(bend) = &self.page.bend else {
            return (self.positions)(&self.line(start, Point::new(1.0, 0.0), step), x, y);
        };
        let (width, height) = (f64::from(self.page.width), f64::from(self.page.height));
        let last_node = bend.columns() - 1;
        let (nodes, v) = (last_node as f64, (start.y + 0.5) / height);
        // Between two nodes the shift changes evenly along a row, so there the flat page's row is a straight line.
        let shift = |node: usize| bend.at(node as f64 / nodes, v);
        let node_x = |node: usize| node as f64 / nodes * width - 0.5;
        let mut cell = to_index((start.x + 0.5) / width * nodes).min(last_node - 1);
        let (mut done, mut left) = (0, shift(cell));
        while done < x.len() {
            let right = shift(cell + 1);
            let (from, to) = (node_x(cell), node_x(cell + 1));
            let end = if cell + 1 == last_node { x.len() } else { to_index((to - start.x) / step + 1.0).min(x.len()) };
            let end = end.max(done);
            let (dx, dy) = ((right[0] - left[0]) * width / (to - from), (right[1] - left[1]) * height / (to - from));
            let first = Point::new(start.x + done as f64 * step, start.y);
            let unbent = Point::new(
                first.x + left[0] * width + dx * (first.x - from),
                first.y + left[1] * height + dy * (first.x - from),
            );
            let line = self.line(unbent, Point::new(1.0 + dx, dy), step);
            (self.positions)(&line, &mut x[done..end], &mut y[done..end]);
            (done, left) = (end, right);
            cell = (cell + 1).min(last_node - 1);
        }
    }

    /// The way along the flat page from `from` on, by steps of `step` times `direction`.
    fn line(&self, from: Point, direction: Point, step: f64) -> Line {
        let change = |row: &[f64; 3]| (row[0] * direction.x + row[1] * direction.y) * step;
        Line { start: self.matrix.each_ref().map(|row| product(row, from)), step: self.matrix.each_ref().map(change) }
    }

    /// By how much the source position changes along the output's rows and columns: `[dx, dy]` for each.
    fn steps_at(&self, p: Point) -> [[f64; 2]; 2] {
        [(0.5, 0.0), (0.0, 0.5)].map(|(x, y)| {
            let (before, after) =
                (self.position(Point::new(p.x - x, p.y - y)), self.position(Point::new(p.x + x, p.y + y)));
            [after.x - before.x, after.y - before.y]
        })
    }

    /// Source pixels per output pixel along the output's rows and columns.
    fn scales_at(&self, p: Point) -> [f64; 2] {
        self.steps_at(p).map(|[dx, dy]| dx.hypot(dy))
    }

    /// How steeply rows of the output climb or fall in the source.
    fn slope_at(&self, p: Point) -> f64 {
        let [[dx, dy], _] = self.steps_at(p);
        (dy / dx).abs()
    }

    /// From the place of a pixel in the source to that of the one [`ROWS_AHEAD`] below, bytes.
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate, and the place is only a hint")]
    fn bytes_down(&self, p: Point, stride: usize, channels: usize) -> isize {
        let [_, [dx, dy]] = self.steps_at(p).map(|step| step.map(|distance| (distance * ROWS_AHEAD).round() as isize));
        dy.wrapping_mul(stride.cast_signed()).wrapping_add(dx.wrapping_mul(channels.cast_signed()))
    }

    fn scale_at(&self, p: Point) -> f64 {
        let [along, across] = self.scales_at(p);
        along.max(across)
    }

    /// The same map into the source reduced by a box filter of `factor` pixels.
    fn into_reduced(self, factor: usize) -> Self {
        let factor = factor as f64;
        let [x, y, w] = self.matrix;
        let shifted = |row: [f64; 3]| [0, 1, 2].map(|i| (row[i] + 0.5 * w[i]) / factor - 0.5 * w[i]);
        Self { matrix: [shifted(x), shifted(y), w], ..self }
    }
}

/// A line of the page on its way to the source, in homogeneous coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    start: [f64; 3],
    step: [f64; 3],
}

/// Writes as many source positions along a line as there is room for.
pub(super) type Positions = fn(&Line, &mut [i32], &mut [i32]);

impl Line {
    /// The portable [`Positions`]. `inline(always)`, so that it is compiled anew for the CPU of whoever calls it; without
    /// fused operations the numbers are the same on all.
    #[inline(always)]
    pub(super) fn positions(&self, x: &mut [i32], y: &mut [i32]) {
        const ONE: f64 = (1 << POSITION_BITS) as f64;
        let ([x0, y0, w0], [dx, dy, dw]) = (self.start, self.step);
        for (i, (x, y)) in (0i32..).zip(x.iter_mut().zip(y)) {
            let i = f64::from(i);
            let w = w0 + i * dw;
            let scale = ONE / if w > HORIZON { w } else { HORIZON };
            *x = nearest((x0 + i * dx) * scale);
            *y = nearest((y0 + i * dy) * scale);
        }
    }
}

/// The nearest whole number, far out that of a position far out: compiles to a few vector instructions, as `round` and
/// a saturating cast do not.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower half of the sum's bits is the number")]
fn nearest(position: f64) -> i32 {
    /// So large that an `f64` has no bits left for fractions, which rounds them to even.
    const SHIFT: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    const FAR: f64 = (1 << 30) as f64;
    let position = if position > -FAR { position } else { -FAR };
    let position = if position < FAR { position } else { FAR };
    (position + SHIFT).to_bits() as i32
}

/// A row of a homography applied to a position.
fn product(row: &[f64; 3], p: Point) -> f64 {
    row[0] * p.x + row[1] * p.y + row[2]
}

/// The whole number below a position that is not far out, at least 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
fn to_index(position: f64) -> usize {
    position as usize
}

/// How far the source may be reduced before sampling without any part of the page losing resolution.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=64")]
fn box_factor(map: &Map<'_>) -> usize {
    let (right, bottom) = (f64::from(map.page.width), f64::from(map.page.height));
    // The scale of a projective map changes monotonically along any line, so its extremes are at the corners; that of
    // a bent page may be anywhere.
    let steps = if map.page.bend.is_some() { BENT_LATTICE } else { 1 };
    let share = |i: usize| i as f64 / steps as f64;
    let places =
        (0..=steps).flat_map(|row| (0..=steps).map(move |column| (share(column) * right, share(row) * bottom)));
    let least = places.flat_map(|(x, y)| map.scales_at(Point::new(x, y))).fold(f64::INFINITY, f64::min);
    // A hair of tolerance for rounding in a map that reduces by exactly a whole number.
    (least + 1e-6).clamp(1.0, 64.0) as usize
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test pictures are small")]
mod tests {
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Bend, Homography, Quad};

    fn translation(dx: f64, dy: f64) -> Homography {
        Homography([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])
    }

    /// A picture with detail everywhere and no symmetry.
    fn texture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let value = |n: u32| ((x * (7 + n) + y * (13 + 2 * n) + x * y / 5) % 256).to_le_bytes()[0];
            Rgb([value(0), value(1), value(2)])
        })
    }

    /// What the documentation promises, in floating point.
    fn reference(source: &RgbImage, map: &PageMap, x: u32, y: u32) -> [f64; 3] {
        let p = map.to_capture(Point::new(f64::from(x), f64::from(y)));
        let (right, bottom) = (f64::from(source.width() - 1), f64::from(source.height() - 1));
        let (u, v) = (p.x.clamp(0.0, right), p.y.clamp(0.0, bottom));
        let (fx, fy) = (u - u.floor(), v - v.floor());
        let at = |x: f64, y: f64| source.get_pixel(x.min(right) as u32, y.min(bottom) as u32).0.map(f64::from);
        let (a, b) = (at(u.floor(), v.floor()), at(u.floor() + 1.0, v.floor()));
        let (c, d) = (at(u.floor(), v.floor() + 1.0), at(u.floor() + 1.0, v.floor() + 1.0));
        [0, 1, 2].map(|i| (a[i] * (1.0 - fx) + b[i] * fx) * (1.0 - fy) + (c[i] * (1.0 - fx) + d[i] * fx) * fy)
    }

    /// A ramp: interpolation must give back the position itself.
    fn ramp(width: u32, height: u32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, _| Luma([x.to_le_bytes()[0]]))
    }

    #[test]
    fn identity_gives_the_same_pixels() {
        let source = texture(131, 77);
        assert_eq!(rectify(&source, &PageMap::flat(131, 77, Homography::IDENTITY)), source);
    }

    #[test]
    fn a_shift_by_half_a_pixel_takes_the_mean_of_neighbours() {
        let source = GrayImage::from_raw(3, 1, vec![10, 20, 40]).unwrap();
        let out = rectify_gray(&source, &PageMap::flat(3, 1, translation(0.5, 0.0)));
        assert_eq!(out.as_raw(), &[15, 30, 40]);
    }

    #[test]
    fn positions_outside_take_the_nearest_edge_pixel() {
        let source = GrayImage::from_raw(2, 2, vec![1, 2, 3, 4]).unwrap();
        let out = rectify_gray(&source, &PageMap::flat(4, 4, translation(-1.0, -1.0)));
        assert_eq!(out.as_raw(), &[1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    }

    #[test]
    fn quarter_turn_moves_every_pixel_exactly() {
        let source = texture(90, 140);
        let turned = image::imageops::rotate90(&source);
        let map = Homography([[0.0, 1.0, 0.0], [-1.0, 0.0, 139.0], [0.0, 0.0, 1.0]]);
        assert_eq!(rectify(&source, &PageMap::flat(140, 90, map)), turned);
    }

    #[test]
    fn the_sign_of_the_homography_does_not_matter() {
        let source = texture(80, 60);
        let negative = Homography(Homography::IDENTITY.0.map(|row| row.map(|v| -v)));
        assert_eq!(rectify(&source, &PageMap::flat(80, 60, negative)), source);
    }

    #[test]
    fn long_rows_do_not_drift() {
        let source = ramp(256, 40);
        let scale = 255.0 / 20_000.0;
        let map = Homography([[scale, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
        let out = rectify_gray(&source, &PageMap::flat(20_000, 20, map));
        for x in 0..20_000u32 {
            let exact = f64::from(x) * scale;
            assert!((f64::from(out.get_pixel(x, 10)[0]) - exact).abs() < 0.52, "at {x}");
        }
    }

    #[test]
    fn whole_reduction_is_the_box_mean() {
        let source = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 200 }]));
        let map = Homography::between(&Quad::of_frame(16, 16), &Quad::of_frame(64, 64)).unwrap();
        assert!(rectify_gray(&source, &PageMap::flat(16, 16, map)).pixels().all(|p| p[0] == 100));
    }

    #[test]
    fn reduction_by_less_than_two_does_not_alias_fine_lines() {
        let source = GrayImage::from_fn(190, 190, |x, _| Luma([if x % 2 == 0 { 0 } else { 255 }]));
        let map = Homography::between(&Quad::of_frame(100, 100), &Quad::of_frame(190, 190)).unwrap();
        let out = rectify_gray(&source, &PageMap::flat(100, 100, map));
        let inner = image::imageops::crop_imm(&out, 2, 2, 96, 96).to_image();
        assert!(inner.pixels().all(|p| (70..=185).contains(&p[0])), "{:?}", inner.as_raw().iter().max());
    }

    #[test]
    fn empty_pictures_and_horizons_do_not_panic() {
        assert_eq!(rectify(&RgbImage::new(0, 0), &PageMap::flat(3, 2, Homography::IDENTITY)).as_raw(), &[0; 18]);
        assert!(rectify(&texture(9, 9), &PageMap::flat(0, 5, Homography::IDENTITY)).is_empty());
        let horizon = Homography([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.01, 0.0, 1.0]]);
        assert_eq!(rectify(&texture(50, 50), &PageMap::flat(400, 40, horizon)).dimensions(), (400, 40));
        let broken = Homography([[f64::NAN; 3]; 3]);
        assert_eq!(rectify(&texture(50, 50), &PageMap::flat(20, 20, broken)).dimensions(), (20, 20));
    }

    /// Smooth, so that tolerances are ones of position and not of contrast.
    fn waves(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let value = |a: f64, b: f64| (128.0 + 90.0 * (f64::from(x) / a + f64::from(y) / b).sin()) as u8;
            Rgb([value(25.0, 40.0), value(-31.0, 22.0), value(44.0, -27.0)])
        })
    }

    /// The farthest that any pixel is from its exact value.
    fn worst(source: &RgbImage, map: &PageMap) -> f64 {
        let out = rectify(source, map);
        let off = |(x, y, pixel): (u32, u32, &Rgb<u8>)| {
            let exact = reference(source, map, x, y);
            pixel.0.iter().zip(exact).map(|(&value, exact)| (f64::from(value) - exact).abs()).fold(0.0, f64::max)
        };
        out.enumerate_pixels().map(off).fold(0.0, f64::max)
    }

    /// A page that bulges: the middle column is taken from further down, the lower half from further right.
    fn bulge(columns: usize, rows: usize, size: f32) -> Bend {
        let shift = |row: usize, column: usize| {
            let (u, v) = (column as f32 / (columns - 1) as f32, row as f32 / (rows - 1) as f32);
            [size * v * v, size * (u * std::f32::consts::PI).sin()]
        };
        Bend::new(columns, rows, (0..rows * columns).map(|i| shift(i / columns, i % columns)).collect())
    }

    #[test]
    fn a_bend_is_followed_to_a_weight_step() {
        let source = waves(640, 500);
        let quad = Quad([(30.0, 20.0), (590.0, 35.0), (600.0, 470.0), (15.0, 455.0)].map(|(x, y)| Point::new(x, y)));
        for (width, height, start) in [(600, 450, 0), (450, 600, 1), (580, 430, 2)] {
            let homography = Homography::between(&Quad::of_frame(width, height), &quad.rotated_start(start)).unwrap();
            let flat = PageMap::flat(width, height, homography);
            let bent = PageMap { bend: Some(bulge(17, 23, 0.02)), ..flat.clone() };
            assert!(worst(&source, &flat) < 0.75 && worst(&source, &bent) < 0.8, "{width}x{height}");
            assert_ne!(rectify(&source, &flat), rectify(&source, &bent));
        }
    }

    #[test]
    fn a_bend_of_nothing_changes_nothing() {
        let source = texture(300, 200);
        let flat = PageMap::flat(290, 190, translation(3.25, 4.5));
        let bent = PageMap { bend: Some(Bend::new(7, 5, vec![[0.0; 2]; 35])), ..flat.clone() };
        assert_eq!(rectify(&source, &flat), rectify(&source, &bent));
    }

    #[test]
    fn the_finest_part_of_a_bent_page_limits_the_reduction() {
        let homography = Homography::between(&Quad::of_frame(200, 200), &Quad::of_frame(440, 440)).unwrap();
        let flat = PageMap::flat(200, 200, homography);
        assert_eq!(whole_reduction(&flat), 2);
        // The columns of one part of the page lie closer together on the capture: 2.2 * (1 - 0.06 * 4) < 2.
        let shifts = [0.0, 0.0, -0.06, 0.0, 0.0].map(|right| [right, 0.0]);
        let bend = Bend::new(5, 2, [shifts, shifts].concat());
        assert_eq!(whole_reduction(&PageMap { bend: Some(bend), ..flat }), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_pixel_is_within_a_weight_step_of_the_exact_value(
            corners in proptest::array::uniform4((-12.0..12.0f64, -12.0..12.0f64)),
            (width, height) in (170..260u32, 170..260u32),
        ) {
            let source = waves(170, 160);
            let frame = Quad::of_frame(170, 160);
            let mut quad = frame;
            for (corner, (dx, dy)) in quad.0.iter_mut().zip(corners) {
                *corner = Point::new(corner.x + dx, corner.y + dy);
            }
            let homography = Homography::between(&Quad::of_frame(width, height), &quad).unwrap();
            let worst = worst(&source, &PageMap::flat(width, height, homography));
            prop_assert!(worst < 0.75, "{worst}");
        }
    }
}
