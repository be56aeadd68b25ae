//! Straight line candidates: an orientation-guided Hough transform, strongest line first, each line's votes taken back
//! before the next is sought.
//!
//! A vote counts as much as the colours differ some pixels away on the two sides of the edge. Print and ruled lines
//! have paper on both sides and hardly vote; the outline of a sheet separates two surfaces.

use super::edges::{EdgeMap, EdgePoint};
use image::RgbImage;

/// Distance at which the colours on the two sides of an edge are compared, working pixels.
pub(super) const SIDE_DISTANCE: f32 = 5.0;
/// Directions of normals, one a degree.
const ANGLES: usize = 180;
/// How far from the local gradient a line's normal may be, degrees.
const VOTE_SPREAD: isize = 3;
/// Colour difference that earns a full vote, grey levels.
const FULL_VOTE: f32 = 24.0;
/// Points this near a line and this parallel belong to it, working pixels and cosine.
const INLIER_DISTANCE: f32 = 2.0;
const INLIER_COSINE: f32 = 0.951; // 18°
/// Step along a line at which it is described, working pixels.
pub(super) const SAMPLE_STEP: f32 = 2.0;

/// A line `nx x + ny y = d` in working pixels with what lies along it inside the frame.
pub(super) struct Line {
    pub nx: f32,
    pub ny: f32,
    pub d: f32,
    /// Where the line enters and leaves the frame, as lengths along `(-ny, nx)` from the foot of the normal.
    pub enter: f32,
    pub leave: f32,
    /// Whether this is an edge of the frame itself, not of anything seen.
    pub virtual_side: bool,
    sums: Vec<Sums>,
}

/// Running sums along a line.
#[derive(Clone, Copy, Default)]
struct Sums {
    support: f32,
    /// Colour and squared luma on the side against the normal, then on the side along the normal.
    color: [[f32; 3]; 2],
    square: [f32; 2],
    difference: f32,
}

/// What is seen along a stretch of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    /// Length inside the frame, working pixels.
    pub visible: f32,
    /// Share of the visible length with a parallel edge.
    pub support: f32,
    /// Mean colour on the side against and along the normal.
    pub color: [[f32; 3]; 2],
    /// Standard deviation of luma on the two sides.
    pub deviation: [f32; 2],
    /// Mean of the local colour differences across the line.
    pub difference: f32,
}

impl Line {
    /// The point at a length along the line.
    pub(super) fn at(&self, t: f32) -> (f32, f32) {
        (self.d * self.nx - t * self.ny, self.d * self.ny + t * self.nx)
    }

    /// What lies between two lengths along the line.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the line's samples")]
    pub(super) fn stretch(&self, from: f32, to: f32) -> Stretch {
        let (from, to) = (from.max(self.enter), to.min(self.leave));
        let last = self.sums.len() - 1;
        let index = |t: f32| (((t - self.enter) / SAMPLE_STEP).max(0.0) as usize).min(last);
        let (a, b) = (index(from), index(to));
        if to <= from || b <= a {
            return Stretch::default();
        }
        let n = (b - a) as f32;
        let (a, b) = (&self.sums[a], &self.sums[b]);
        let mut stretch = Stretch {
            visible: to - from,
            support: (b.support - a.support) / n,
            difference: (b.difference - a.difference) / n,
            ..Stretch::default()
        };
        for side in 0..2 {
            for c in 0..3 {
                stretch.color[side][c] = (b.color[side][c] - a.color[side][c]) / n;
            }
            let mean = luma(stretch.color[side]);
            stretch.deviation[side] = ((b.square[side] - a.square[side]) / n - mean * mean).max(0.0).sqrt();
        }
        stretch
    }

    fn new(map: &EdgeMap, nx: f32, ny: f32, d: f32, virtual_side: bool) -> Option<Self> {
        let (enter, leave) = clip(map, nx, ny, d)?;
        let mut line = Self { nx, ny, d, enter, leave, virtual_side, sums: Vec::new() };
        line.describe(map);
        Some(line)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and finite")]
    fn describe(&mut self, map: &EdgeMap) {
        let count = ((self.leave - self.enter) / SAMPLE_STEP) as usize;
        self.sums = Vec::with_capacity(count + 1);
        let mut running = Sums::default();
        self.sums.push(running);
        for i in 0..count {
            let (x, y) = self.at(self.enter + (i as f32 + 0.5) * SAMPLE_STEP);
            let before = map.color(x - SIDE_DISTANCE * self.nx, y - SIDE_DISTANCE * self.ny);
            let after = map.color(x + SIDE_DISTANCE * self.nx, y + SIDE_DISTANCE * self.ny);
            let difference = difference(before, after);
            for (side, color) in [before, after].into_iter().enumerate() {
                for c in 0..3 {
                    running.color[side][c] += color[c];
                }
                running.square[side] += luma(color) * luma(color);
            }
            running.difference += difference.min(2.0 * FULL_VOTE);
            if self.virtual_side {
                running.support += 0.5;
            } else if self.edge_near(map, x, y) {
                running.support += 0.4 + 0.6 * (difference / (0.5 * FULL_VOTE)).min(1.0);
            }
            self.sums.push(running);
        }
    }

    /// Whether a parallel edge passes within two pixels.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the frame")]
    fn edge_near(&self, map: &EdgeMap, x: f32, y: f32) -> bool {
        (-2i8..=2).any(|offset| {
            let (x, y) = (x + f32::from(offset) * self.nx + 0.5, y + f32::from(offset) * self.ny + 0.5);
            if x < 0.0 || y < 0.0 || x >= map.width as f32 || y >= map.height as f32 {
                return false;
            }
            map.at(x as usize, y as usize).is_some_and(|p| (p.nx * self.nx + p.ny * self.ny).abs() > INLIER_COSINE)
        })
    }
}

/// Luma of a colour, weights of ITU-R BT.601.
pub(super) fn luma(color: [f32; 3]) -> f32 {
    0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
}

/// Largest difference among the three channels.
pub(super) fn difference(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|c| (a[c] - b[c]).abs()).fold(0.0, f32::max)
}

/// The strongest lines of a picture, at most `count`, and the four sides of the frame at the end.
pub(super) fn find(map: &EdgeMap, count: usize, faint: bool) -> Vec<Line> {
    let weights: Vec<f32> = map.points.iter().map(|p| vote(map, p, faint)).collect();
    let mut hough = Hough::new(map);
    for (point, &weight) in map.points.iter().zip(&weights) {
        hough.vote(point, weight);
    }
    let mut taken = vec![false; map.points.len()];
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..count * 2 {
        if lines.len() == count {
            break;
        }
        let Some((nx, ny, d)) = hough.strongest() else { break };
        let (nx, ny, d) = fit(map, &weights, nx, ny, d);
        let mut removed = 0.0;
        for (i, point) in map.points.iter().enumerate() {
            if !taken[i] && belongs(point, nx, ny, d, INLIER_DISTANCE) {
                taken[i] = true;
                hough.vote(point, -weights[i]);
                removed += weights[i];
            }
        }
        if removed < 1.0 {
            hough.forget();
        }
        if lines.iter().any(|l| same(map, l, nx, ny, d)) {
            continue;
        }
        lines.extend(Line::new(map, nx, ny, d, false));
    }
    let (right, bottom) = (map.width as f32 - 0.5, map.height as f32 - 0.5);
    for (nx, ny, d) in [(1.0, 0.0, -0.5), (0.0, 1.0, -0.5), (1.0, 0.0, right), (0.0, 1.0, bottom)] {
        lines.extend(Line::new(map, nx, ny, d, true));
    }
    lines
}

/// What an edge point is worth: the colour difference of the surfaces that it separates.
fn vote(map: &EdgeMap, p: &EdgePoint, faint: bool) -> f32 {
    let (dx, dy) = (SIDE_DISTANCE * p.nx, SIDE_DISTANCE * p.ny);
    let step = difference(map.color(p.x - dx, p.y - dy), map.color(p.x + dx, p.y + dy)) / FULL_VOTE;
    let floor = if faint && p.strength < FULL_VOTE { 0.25 } else { 0.05 };
    step.clamp(floor, 1.0)
}

fn belongs(p: &EdgePoint, nx: f32, ny: f32, d: f32, distance: f32) -> bool {
    (p.x * nx + p.y * ny - d).abs() < distance && (p.nx * nx + p.ny * ny).abs() > INLIER_COSINE
}

/// Whether two lines stay within a pixel and a half of one another over the frame.
fn same(map: &EdgeMap, line: &Line, nx: f32, ny: f32, d: f32) -> bool {
    let Some((enter, leave)) = clip(map, nx, ny, d) else { return true };
    [enter, leave].iter().all(|t| {
        let (x, y) = (d * nx - t * ny, d * ny + t * nx);
        (x * line.nx + y * line.ny - line.d).abs() < 1.5
    })
}

/// Weighted total least squares on the points near a line.
fn fit(map: &EdgeMap, weights: &[f32], nx: f32, ny: f32, d: f32) -> (f32, f32, f32) {
    let (mut nx, mut ny, mut d) = (nx, ny, d);
    for distance in [3.0, 2.0] {
        let (mut n, mut sx, mut sy, mut sxx, mut sxy, mut syy) = (0.0f64, 0.0, 0.0, 0.0, 0.0, 0.0);
        for (p, &weight) in map.points.iter().zip(weights) {
            if belongs(p, nx, ny, d, distance) {
                let (x, y, w) = (f64::from(p.x), f64::from(p.y), f64::from(weight));
                n += w;
                sx += w * x;
                sy += w * y;
                sxx += w * x * x;
                sxy += w * x * y;
                syy += w * y * y;
            }
        }
        if n < 2.0 {
            break;
        }
        let (mx, my) = (sx / n, sy / n);
        let (cxx, cxy, cyy) = (sxx / n - mx * mx, sxy / n - mx * my, syy / n - my * my);
        // The normal is the eigenvector of the smaller eigenvalue.
        let angle = 0.5 * (2.0 * cxy).atan2(cxx - cyy) + std::f64::consts::FRAC_PI_2;
        let (mut fx, mut fy) = (angle.cos() as f32, angle.sin() as f32);
        let alignment = fx * nx + fy * ny;
        if alignment.abs() < INLIER_COSINE {
            break;
        }
        if alignment < 0.0 {
            (fx, fy) = (-fx, -fy);
        }
        (nx, ny, d) = (fx, fy, fx * mx as f32 + fy * my as f32);
    }
    (nx, ny, d)
}

/// Where a line enters and leaves the frame.
fn clip(map: &EdgeMap, nx: f32, ny: f32, d: f32) -> Option<(f32, f32)> {
    let (mut enter, mut leave) = (f32::NEG_INFINITY, f32::INFINITY);
    let (right, bottom) = (map.width as f32 - 0.5, map.height as f32 - 0.5);
    // x = d nx - t ny, y = d ny + t nx
    for (start, slope, high) in [(d * nx, -ny, right), (d * ny, nx, bottom)] {
        if slope.abs() < 1e-6 {
            if start < -0.51 || start > high + 0.01 {
                return None;
            }
            continue;
        }
        let (a, b) = ((-0.5 - start) / slope, (high - start) / slope);
        enter = enter.max(a.min(b));
        leave = leave.min(a.max(b));
    }
    (leave - enter > 4.0 * SAMPLE_STEP).then_some((enter, leave))
}

/// Votes over normal angle (whole degrees in 0..180) and distance (whole working pixels).
struct Hough {
    cells: Vec<f32>,
    distances: usize,
    offset: f32,
    directions: Vec<(f32, f32)>,
    best: usize,
}

impl Hough {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the diagonal is positive and small")]
    fn new(map: &EdgeMap) -> Self {
        let offset = (map.width as f32).hypot(map.height as f32).ceil() + 2.0;
        let distances = 2 * offset as usize + 2;
        let directions =
            (0..ANGLES).map(|a| (a as f32).to_radians()).map(|angle| (angle.cos(), angle.sin())).collect();
        Self { cells: vec![0.0; distances * ANGLES], distances, offset, directions, best: 0 }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the diagonal")]
    fn vote(&mut self, point: &EdgePoint, weight: f32) {
        let degrees = point.ny.atan2(point.nx).to_degrees().round() as isize;
        for spread in -VOTE_SPREAD..=VOTE_SPREAD {
            let angle = (degrees + spread).rem_euclid(ANGLES as isize) as usize;
            let (c, s) = self.directions[angle];
            let distance = c * point.x + s * point.y + self.offset;
            let cell = distance as usize;
            let rest = distance - cell as f32;
            let at = angle * self.distances + cell;
            self.cells[at] += weight * (1.0 - rest);
            self.cells[at + 1] += weight * rest;
        }
    }

    /// The line with most votes.
    fn strongest(&mut self) -> Option<(f32, f32, f32)> {
        let mut votes = 8.0;
        let mut found = None;
        for (chunk, cells) in self.cells.chunks(256).enumerate() {
            let highest = cells.iter().fold(0.0f32, |a, &b| a.max(b));
            if highest > votes {
                votes = highest;
                found = Some(chunk);
            }
        }
        let chunk = found?;
        let within = self.cells[chunk * 256..].iter().take(256).position(|&v| v >= votes)?;
        self.best = chunk * 256 + within;
        let (nx, ny) = self.directions[self.best / self.distances];
        Some((nx, ny, (self.best % self.distances) as f32 - self.offset))
    }

    /// Clears the last answer, whose votes could not be told.
    fn forget(&mut self) {
        self.cells[self.best] = 0.0;
    }
}

/// Whether a capture is black and white only.
pub(super) fn is_bilevel(image: &RgbImage) -> bool {
    /// Pixels looked at, at least.
    const SAMPLES: usize = 40_000;
    let raw = image.as_raw();
    // An odd stride in bytes visits all three channels.
    let stride = (raw.len() / SAMPLES).max(1) | 1;
    let (mut extreme, mut count) = (0usize, 0usize);
    for &value in raw.iter().step_by(stride) {
        count += 1;
        extreme += usize::from(value == 0 || value == 255);
    }
    extreme * 1000 >= count * 998
}
