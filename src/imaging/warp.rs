//! Projective resampling of a picture, the one time that full-resolution pixels of a page are resampled.
//!
//! Method: every output pixel is looked up in the source through the homography (inverse mapping) and interpolated
//! bilinearly. The projective division is done in `f64` at every [`CHUNK`]th pixel of a row; between these anchors the
//! position is interpolated linearly. That never drifts, as each anchor is exact, and departs from the exact position by
//! `u'' CHUNK² / 8`: 0.002 px for a strongly tilted photo (`u''` = 2e-4 per px), less than a weight step. From there on
//! everything is integer arithmetic with 7-bit weights, so the result is the same on every CPU. Output is produced in
//! square tiles, because rows of a page that is turned by 90° run down the columns of its source.
//!
//! Where the map reduces, bilinear interpolation would skip source pixels and text would alias: the source is first
//! reduced by an integer box filter as far as no part of the page loses resolution, and tiles that still reduce more
//! than [`SUPERSAMPLE_ABOVE`] take the mean of 2×2 samples a pixel.
//!
//! Limits: positions outside the source take the nearest edge pixel; sides up to 131,071 px.

use image::{GrayImage, RgbImage};

use super::simd;
use crate::model::{Homography, Point};

/// Output pixels between two exact positions.
pub(super) const CHUNK: usize = 8;

/// Fractional bits of a source position.
pub(super) const POSITION_BITS: u32 = 14;

/// Bits of an interpolation weight. Seven, so that the products of the first pass fit a signed 16-bit lane.
pub(super) const WEIGHT_BITS: u32 = 7;

/// Rows of an output tile.
const TILE_HEIGHT: usize = 64;

/// Widest output tile. Where rows of the page run along rows of the source, long runs let the CPU fetch ahead.
const WIDE_TILE: usize = 256;

/// Width of a tile of a page that is turned: its source then fits the first-level cache.
const NARROW_TILE: usize = 128;

/// Slope of the page's rows in the source (12°) above which tiles are narrow.
const STEEP: f64 = 0.2;

/// Source pixels per output pixel above which 2×2 samples are averaged. Bilinear interpolation alone covers up to
/// two source pixels in each direction, but unevenly; above 1.5 thin strokes begin to break (contract of the page
/// pipeline; seen on 8 pt text at 200 dpi).
const SUPERSAMPLE_ABOVE: f64 = 1.5;

/// Anchors farther apart than this (in source pixels) are resampled one exact pixel at a time, as the product of the
/// distance and an index below [`CHUNK`] must fit 32 bits.
const WIDEST_RUN: i32 = 8192;

/// Resamples an RGB picture: output pixel `(x, y)` takes the colour found at `out_to_src` of `(x, y)`, both counted at
/// pixel centres. Positions outside the source take the nearest edge pixel.
pub fn rectify(source: &RgbImage, out_to_src: &Homography, width: u32, height: u32) -> RgbImage {
    let pixels = resample::<3>(&Plane::of(source.as_raw(), source.dimensions()), out_to_src, width, height);
    RgbImage::from_raw(width, height, pixels).expect("the buffer holds width × height pixels")
}

/// Same as [`rectify`] for a gray picture.
pub fn rectify_gray(source: &GrayImage, out_to_src: &Homography, width: u32, height: u32) -> GrayImage {
    let pixels = resample::<1>(&Plane::of(source.as_raw(), source.dimensions()), out_to_src, width, height);
    GrayImage::from_raw(width, height, pixels).expect("the buffer holds width × height pixels")
}

/// Interleaved 8-bit pixels of `C` channels, known to hold `width * height * C` bytes.
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

    /// Largest position that may be sampled without looking at the edges, one pixel to spare below and, so that SIMD
    /// loads of 8 bytes stay inside the picture, `8 / C` to the right. Negative when the picture is too small.
    fn inner_limit(&self) -> Anchor {
        let last = |size: usize, spare: usize| {
            let last = size.min(1 << (30 - POSITION_BITS)) as i64 - 1 - spare as i64;
            i32::try_from(last << POSITION_BITS).unwrap_or(-1)
        };
        Anchor { x: last(self.width, 8 / C), y: last(self.height, 1) }
    }
}

/// An exact source position, [`POSITION_BITS`] fractional bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Anchor {
    pub(super) x: i32,
    pub(super) y: i32,
}

/// Interpolates one run of output pixels between anchors that all lie well inside the source.
/// `anchors[i]` and `anchors[i + 1]` frame pixels `i * CHUNK ..` of `out`.
pub(super) type Run<const C: usize> = fn(&Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]);

fn resample<const C: usize>(source: &Plane<'_, C>, out_to_src: &Homography, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = (width as usize, height as usize);
    let mut out = vec![0; width * height * C];
    if source.pixels.is_empty() || out.is_empty() {
        return out;
    }
    let map = Map::new(out_to_src, width, height);
    let factor = box_factor(&map, width, height);
    if factor == 1 {
        resample_tiles(source, &map, width, &mut out);
    } else {
        let (pixels, reduced_width, reduced_height) = reduce(source, factor);
        let reduced = Plane::<C> { pixels: &pixels, width: reduced_width, height: reduced_height };
        resample_tiles(&reduced, &map.into_reduced(factor), width, &mut out);
    }
    out
}

fn resample_tiles<const C: usize>(source: &Plane<'_, C>, map: &Map, width: usize, out: &mut [u8]) {
    let run = simd::best_run::<C>();
    let stride = width * C;
    let tile = if map.slope_at(Point::new(width as f64 / 2.0, 0.0)) < STEEP { WIDE_TILE } else { NARROW_TILE };
    for (band, rows) in out.chunks_mut(TILE_HEIGHT * stride).enumerate() {
        let top = band * TILE_HEIGHT;
        let tile_height = rows.len() / stride;
        for left in (0..width).step_by(tile) {
            let tile_width = tile.min(width - left);
            let middle = Point::new(left as f64 + tile_width as f64 / 2.0, top as f64 + tile_height as f64 / 2.0);
            let fine = map.scale_at(middle) > SUPERSAMPLE_ABOVE;
            for (row, line) in rows.chunks_exact_mut(stride).enumerate() {
                let part = &mut line[left * C..(left + tile_width) * C];
                if fine {
                    supersampled_line(source, map, run, left, top + row, part);
                } else {
                    let start = Point::new(left as f64, (top + row) as f64);
                    sampled_line(source, map, run, start, 1.0, part);
                }
            }
        }
    }
}

/// Samples `out.len() / C` positions of a row, `step` output pixels apart, from `start` on.
fn sampled_line<const C: usize>(
    source: &Plane<'_, C>,
    map: &Map,
    run: Run<C>,
    start: Point,
    step: f64,
    out: &mut [u8],
) {
    let count = out.len() / C;
    let mut anchors = [Anchor::default(); 2 * WIDE_TILE / CHUNK + 1];
    let anchors = &mut anchors[..=count.div_ceil(CHUNK)];
    for (i, anchor) in anchors.iter_mut().enumerate() {
        *anchor = map.anchor(Point::new(start.x + (i * CHUNK) as f64 * step, start.y));
    }
    let limit = source.inner_limit();
    let (mut least, mut most) = (anchors[0], anchors[0]);
    for anchor in &*anchors {
        least = Anchor { x: least.x.min(anchor.x), y: least.y.min(anchor.y) };
        most = Anchor { x: most.x.max(anchor.x), y: most.y.max(anchor.y) };
    }
    if may_run(least, most, limit) {
        return run(source, anchors, out);
    }
    for (i, (pair, part)) in anchors.windows(2).zip(out.chunks_mut(CHUNK * C)).enumerate() {
        let least = Anchor { x: pair[0].x.min(pair[1].x), y: pair[0].y.min(pair[1].y) };
        let most = Anchor { x: pair[0].x.max(pair[1].x), y: pair[0].y.max(pair[1].y) };
        if may_run(least, most, limit) {
            run(source, pair, part);
        } else {
            for (k, pixel) in part.chunks_exact_mut(C).enumerate() {
                let position = Point::new(start.x + (i * CHUNK + k) as f64 * step, start.y);
                edge_pixel(source, map.anchor(position), pixel);
            }
        }
    }
}

/// Whether anchors within these bounds lie well inside the source and near each other.
fn may_run(least: Anchor, most: Anchor, limit: Anchor) -> bool {
    least.x >= 0
        && least.y >= 0
        && most.x <= limit.x
        && most.y <= limit.y
        && most.x - least.x < WIDEST_RUN << POSITION_BITS
        && most.y - least.y < WIDEST_RUN << POSITION_BITS
}

/// A line of pixels that are the rounded means of 2×2 samples.
fn supersampled_line<const C: usize>(
    source: &Plane<'_, C>,
    map: &Map,
    run: Run<C>,
    left: usize,
    y: usize,
    out: &mut [u8],
) {
    let mut samples = [[0; 2 * WIDE_TILE * 3]; 2];
    let count = 2 * out.len();
    for (line, dy) in samples.iter_mut().zip([-0.25, 0.25]) {
        let start = Point::new(left as f64 - 0.25, y as f64 + dy);
        sampled_line(source, map, run, start, 0.5, &mut line[..count]);
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
pub(super) fn run_scalar<const C: usize>(source: &Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]) {
    let stride = source.stride();
    for (pair, part) in anchors.windows(2).zip(out.chunks_mut(CHUNK * C)) {
        for (k, pixel) in (0..).zip(part.chunks_exact_mut(C)) {
            let (x, y) = (between(pair[0].x, pair[1].x, k), between(pair[0].y, pair[1].y, k));
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

/// The position `k` pixels after an anchor, rounded so that [`fraction`] is the nearest weight.
fn between(from: i32, to: i32, k: i32) -> i32 {
    const HALF_WEIGHT: i32 = 1 << (POSITION_BITS - WEIGHT_BITS - 1);
    from + (((to - from) * k) >> CHUNK.ilog2()) + HALF_WEIGHT
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
fn edge_pixel<const C: usize>(source: &Plane<'_, C>, anchor: Anchor, pixel: &mut [u8]) {
    let axis = |position: i32, size: usize| {
        let last = i32::try_from(size - 1).unwrap_or(i32::MAX >> POSITION_BITS).min(i32::MAX >> POSITION_BITS);
        let position = between(position.clamp(0, last << POSITION_BITS), 0, 0);
        (whole(position), (whole(position) + 1).min(size - 1), fraction(position))
    };
    let (left, right, fx) = axis(anchor.x, source.width);
    let (above, below, fy) = axis(anchor.y, source.height);
    let (above, below, weights) = (above * source.stride(), below * source.stride(), weights(fx, fy));
    for (channel, value) in pixel.iter_mut().enumerate() {
        let at = |row: usize, column: usize| source.pixels[row + column * C + channel];
        *value = blend([at(above, left), at(above, right), at(below, left), at(below, right)], weights);
    }
}

/// The homography, with the sign that makes the denominator positive over the page.
#[derive(Clone, Copy)]
struct Map([[f64; 3]; 3]);

impl Map {
    fn new(homography: &Homography, width: usize, height: usize) -> Self {
        let mut map = Self(homography.0);
        if map.denominator(Point::new(width as f64 / 2.0, height as f64 / 2.0)) < 0.0 {
            map.0 = map.0.map(|row| row.map(|value| -value));
        }
        map
    }

    fn denominator(&self, p: Point) -> f64 {
        let m = &self.0;
        m[2][0] * p.x + m[2][1] * p.y + m[2][2]
    }

    /// Where an output position lies in the source; far outside it when the position is on or beyond the horizon.
    #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate, which is far outside any source")]
    fn anchor(&self, p: Point) -> Anchor {
        const ONE: f64 = (1 << POSITION_BITS) as f64;
        let m = &self.0;
        let scale = ONE / self.denominator(p).max(1e-12);
        Anchor {
            x: ((m[0][0] * p.x + m[0][1] * p.y + m[0][2]) * scale + 0.5) as i32,
            y: ((m[1][0] * p.x + m[1][1] * p.y + m[1][2]) * scale + 0.5) as i32,
        }
    }

    /// By how much the source position changes along the output's rows and columns: `[dx, dy]` for each.
    fn steps_at(&self, p: Point) -> [[f64; 2]; 2] {
        let m = &self.0;
        let w = self.denominator(p).max(1e-12);
        let u = (m[0][0] * p.x + m[0][1] * p.y + m[0][2]) / w;
        let v = (m[1][0] * p.x + m[1][1] * p.y + m[1][2]) / w;
        [0, 1].map(|axis| [(m[0][axis] - u * m[2][axis]) / w, (m[1][axis] - v * m[2][axis]) / w])
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

    fn scale_at(&self, p: Point) -> f64 {
        let [along, across] = self.scales_at(p);
        along.max(across)
    }

    /// The same map into the source reduced by a box filter of `factor` pixels.
    fn into_reduced(self, factor: usize) -> Self {
        let factor = factor as f64;
        let [x, y, w] = self.0;
        let shifted = |row: [f64; 3]| [0, 1, 2].map(|i| (row[i] + 0.5 * w[i]) / factor - 0.5 * w[i]);
        Self([shifted(x), shifted(y), w])
    }
}

/// How far the source may be reduced before sampling without any part of the page losing resolution.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=64")]
fn box_factor(map: &Map, width: usize, height: usize) -> usize {
    let (right, bottom) = (width as f64, height as f64);
    // The scale of a projective map changes monotonically along any line, so its extremes are at the corners.
    let corners = [(0.0, 0.0), (right, 0.0), (right, bottom), (0.0, bottom)];
    let least = corners.iter().flat_map(|&(x, y)| map.scales_at(Point::new(x, y))).fold(f64::INFINITY, f64::min);
    // A hair of tolerance for rounding in a map that reduces by exactly a whole number.
    (least + 1e-6).clamp(1.0, 64.0) as usize
}

/// Reduces by the mean of `factor`² pixels; blocks at the far edges may be partial.
fn reduce<const C: usize>(source: &Plane<'_, C>, factor: usize) -> (Vec<u8>, usize, usize) {
    let (width, height) = (source.width.div_ceil(factor), source.height.div_ceil(factor));
    let mut pixels = Vec::with_capacity(width * height * C);
    let mut sums = vec![0u32; width * C];
    for rows in source.pixels.chunks(factor * source.stride()) {
        sums.fill(0);
        for row in rows.chunks_exact(source.stride()) {
            for (block, sum) in row.chunks(factor * C).zip(sums.chunks_exact_mut(C)) {
                for pixel in block.chunks_exact(C) {
                    for (sum, &value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(value);
                    }
                }
            }
        }
        let row_count = rows.len() / source.stride();
        for (i, sum) in sums.chunks_exact(C).enumerate() {
            let columns = factor.min(source.width - i * factor);
            let count = u32::try_from(row_count * columns).expect("a block holds at most 64 × 64 pixels");
            pixels.extend(sum.iter().map(|sum| ((sum + count / 2) / count).to_le_bytes()[0]));
        }
    }
    (pixels, width, height)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test pictures are small")]
mod tests {
    use image::{Luma, Rgb};
    use proptest::prelude::*;

    use super::*;
    use crate::model::Quad;

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
    fn reference(source: &RgbImage, map: &Homography, x: u32, y: u32) -> [f64; 3] {
        let p = map.apply(Point::new(f64::from(x), f64::from(y)));
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
        assert_eq!(rectify(&source, &Homography::IDENTITY, 131, 77), source);
    }

    #[test]
    fn a_shift_by_half_a_pixel_takes_the_mean_of_neighbours() {
        let source = GrayImage::from_raw(3, 1, vec![10, 20, 40]).unwrap();
        let out = rectify_gray(&source, &translation(0.5, 0.0), 3, 1);
        assert_eq!(out.as_raw(), &[15, 30, 40]);
    }

    #[test]
    fn positions_outside_take_the_nearest_edge_pixel() {
        let source = GrayImage::from_raw(2, 2, vec![1, 2, 3, 4]).unwrap();
        let out = rectify_gray(&source, &translation(-1.0, -1.0), 4, 4);
        assert_eq!(out.as_raw(), &[1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    }

    #[test]
    fn quarter_turn_moves_every_pixel_exactly() {
        let source = texture(90, 140);
        let turned = image::imageops::rotate90(&source);
        let map = Homography([[0.0, 1.0, 0.0], [-1.0, 0.0, 139.0], [0.0, 0.0, 1.0]]);
        assert_eq!(rectify(&source, &map, 140, 90), turned);
    }

    #[test]
    fn the_sign_of_the_homography_does_not_matter() {
        let source = texture(80, 60);
        let negative = Homography(Homography::IDENTITY.0.map(|row| row.map(|v| -v)));
        assert_eq!(rectify(&source, &negative, 80, 60), source);
    }

    #[test]
    fn long_rows_do_not_drift() {
        let source = ramp(256, 40);
        let scale = 255.0 / 20_000.0;
        let map = Homography([[scale, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
        let out = rectify_gray(&source, &map, 20_000, 20);
        for x in 0..20_000u32 {
            let exact = f64::from(x) * scale;
            assert!((f64::from(out.get_pixel(x, 10)[0]) - exact).abs() < 0.52, "at {x}");
        }
    }

    #[test]
    fn whole_reduction_is_the_box_mean() {
        let source = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 200 }]));
        let map = Homography::between(&Quad::of_frame(16, 16), &Quad::of_frame(64, 64)).unwrap();
        assert!(rectify_gray(&source, &map, 16, 16).pixels().all(|p| p[0] == 100));
    }

    #[test]
    fn reduction_by_less_than_two_does_not_alias_fine_lines() {
        let source = GrayImage::from_fn(190, 190, |x, _| Luma([if x % 2 == 0 { 0 } else { 255 }]));
        let map = Homography::between(&Quad::of_frame(100, 100), &Quad::of_frame(190, 190)).unwrap();
        let out = rectify_gray(&source, &map, 100, 100);
        let inner = image::imageops::crop_imm(&out, 2, 2, 96, 96).to_image();
        assert!(inner.pixels().all(|p| (70..=185).contains(&p[0])), "{:?}", inner.as_raw().iter().max());
    }

    #[test]
    fn empty_pictures_and_horizons_do_not_panic() {
        assert_eq!(rectify(&RgbImage::new(0, 0), &Homography::IDENTITY, 3, 2).as_raw(), &[0; 18]);
        assert!(rectify(&texture(9, 9), &Homography::IDENTITY, 0, 5).is_empty());
        let horizon = Homography([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-0.01, 0.0, 1.0]]);
        assert_eq!(rectify(&texture(50, 50), &horizon, 400, 40).dimensions(), (400, 40));
        let broken = Homography([[f64::NAN; 3]; 3]);
        assert_eq!(rectify(&texture(50, 50), &broken, 20, 20).dimensions(), (20, 20));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_pixel_is_within_a_weight_step_of_the_exact_value(
            corners in proptest::array::uniform4((-12.0..12.0f64, -12.0..12.0f64)),
            (width, height) in (170..260u32, 170..260u32),
        ) {
            // Smooth, so that the tolerance is one of position and not of contrast.
            let source = RgbImage::from_fn(170, 160, |x, y| {
                let value = |a: f64, b: f64| (128.0 + 90.0 * (f64::from(x) / a + f64::from(y) / b).sin()) as u8;
                Rgb([value(25.0, 40.0), value(-31.0, 22.0), value(44.0, -27.0)])
            });
            let frame = Quad::of_frame(170, 160);
            let mut quad = frame;
            for (corner, (dx, dy)) in quad.0.iter_mut().zip(corners) {
                *corner = Point::new(corner.x + dx, corner.y + dy);
            }
            let map = Homography::between(&Quad::of_frame(width, height), &quad).unwrap();
            let out = rectify(&source, &map, width, height);
            for (x, y, pixel) in out.enumerate_pixels() {
                let exact = reference(&source, &map, x, y);
                for (value, exact) in pixel.0.iter().zip(exact) {
                    prop_assert!((f64::from(*value) - exact).abs() < 0.75, "{value} for {exact} at {x},{y}");
                }
            }
        }
    }
}
