//! Straight line candidates: an orientation-guided Hough transform, strongest line first, each line's votes taken back
//! before the next is sought.
//!
//! A vote counts as much as the colours differ some pixels away on the two sides of the edge. Print and ruled lines
//! have paper on both sides and hardly vote; the outline of a sheet separates two surfaces.

use super::edges::{EdgeMap, EdgePoint};
use std::ops::Range;

/// Distance at which the colours on the two sides of an edge are compared, working pixels.
pub(super) const SIDE_DISTANCE: f32 = 5.0;
/// Distance at which they are compared once more, beyond the strokes of frames and the shadows of sheets (5 mm on A4), and
/// that from which on nothing may be printed there.
const FAR_DISTANCE: f32 = 14.0;
const PLAIN_FROM: f32 = 10.0;
/// Colours that differ by less than this are of one plain surface, grey levels.
const PLAIN: f32 = 4.0;
/// The darkest strokes, grey levels.
const DARK_STROKE: f32 = 96.0;
/// Directions of normals, one a degree.
const ANGLES: usize = 180;
/// How far from the local gradient a line's normal may be, degrees.
const VOTE_SPREAD: usize = 3;
/// Colour difference that earns a full vote, grey levels.
const FULL_VOTE: f32 = 24.0;
/// What an edge between equal colours is worth.
const PRINT_VOTE: f32 = 0.05;
/// What an edge is worth more on a scanner bed when nothing lies between it and the frame.
const OUTERMOST_VOTE: f32 = 1.0;
/// Points this near a line and this parallel belong to it, working pixels and cosine.
const INLIER_DISTANCE: f32 = 2.0;
const INLIER_COSINE: f32 = 0.951; // 18°
const INLIER_DEGREES: usize = 18;
/// At most this many lines are kept among those less than 8° apart, or stripes and grain would crowd out the sheet.
const MAX_SAME_DIRECTION: usize = 20;
const SAME_DIRECTION: f32 = 0.990;
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
    /// Samples that are not covered by another sheet.
    seen: f32,
    support: f32,
    /// Colour and squared luma on the side against the normal, then on the side along the normal.
    color: [[f32; 3]; 2],
    square: [f32; 2],
    difference: f32,
    /// Samples with an edge, and those of them where the edge is one flank of a drawn line.
    edges: f32,
    ruled: f32,
    /// How dark those lines are, and how many of them lie along the normal less how many lie against it.
    stroke: f32,
    beyond: f32,
    /// On scans, samples with plain surfaces some way off on both sides, and by how much their colours differ.
    plain: f32,
    far: [f32; 3],
}

/// What is seen along a stretch of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stretch {
    /// Length inside the frame and not covered by another sheet, working pixels.
    pub visible: f32,
    /// Share of the visible length with a parallel edge.
    pub support: f32,
    /// Mean colour on the side against and along the normal.
    pub color: [[f32; 3]; 2],
    /// Standard deviation of luma on the two sides.
    pub deviation: [f32; 2],
    /// Mean of the local colour differences across the line.
    pub difference: f32,
    /// Share of the edges that are one flank of a drawn line.
    pub ruled: f32,
    /// The same, dark lines counting more: a black one fully.
    pub stroke: f32,
    /// Share of the edges from which a drawn line lies along the normal less that of those from which it lies against it.
    pub beyond: f32,
    /// Colour some way off along the normal less that against it, where both surfaces are plain.
    pub far: Option<[f32; 3]>,
}

impl Line {
    /// The point at a length along the line.
    pub(super) fn at(&self, t: f32) -> (f32, f32) {
        (self.d * self.nx - t * self.ny, self.d * self.ny + t * self.nx)
    }

    /// What lies between two lengths along the line.
    pub(super) fn stretch(&self, from: f32, to: f32) -> Stretch {
        /// Fewer samples of plain surfaces tell nothing.
        const MIN_PLAIN: f32 = 3.0;
        /// Nearer to a corner than this, what lies some way off may be the stroke of the next side, working pixels.
        const CORNER: f32 = 20.0;
        let (from, to) = (from.max(self.enter), to.min(self.leave));
        let (a, b) = (self.index(from), self.index(to));
        if to <= from || b <= a {
            return Stretch::default();
        }
        let (a, b) = (&self.sums[a], &self.sums[b]);
        let n = b.seen - a.seen;
        if n < 1.0 {
            return Stretch::default();
        }
        let mut stretch = Stretch {
            visible: n * SAMPLE_STEP,
            support: (b.support - a.support) / n,
            difference: (b.difference - a.difference) / n,
            ruled: (b.ruled - a.ruled) / (b.edges - a.edges).max(1.0),
            stroke: (b.stroke - a.stroke) / (b.edges - a.edges).max(1.0),
            beyond: (b.beyond - a.beyond) / (b.edges - a.edges).max(1.0),
            ..Stretch::default()
        };
        let (start, end) = (&self.sums[self.index(from + CORNER)], &self.sums[self.index(to - CORNER)]);
        let plain = end.plain - start.plain;
        stretch.far = (plain >= MIN_PLAIN).then(|| [0, 1, 2].map(|c| (end.far[c] - start.far[c]) / plain));
        for side in 0..2 {
            for c in 0..3 {
                stretch.color[side][c] = (b.color[side][c] - a.color[side][c]) / n;
            }
            let mean = luma(stretch.color[side]);
            stretch.deviation[side] = ((b.square[side] - a.square[side]) / n - mean * mean).max(0.0).sqrt();
        }
        stretch
    }

    /// Share of the visible length between two positions that is supported: `stretch` without the rest.
    pub(super) fn support(&self, from: f32, to: f32) -> f32 {
        let (a, b) = (&self.sums[self.index(from)], &self.sums[self.index(to)]);
        if b.seen <= a.seen { 0.0 } else { (b.support - a.support) / (b.seen - a.seen) }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the line's samples")]
    fn index(&self, t: f32) -> usize {
        (((t - self.enter) / SAMPLE_STEP).max(0.0) as usize).min(self.sums.len() - 1)
    }

    fn new(map: &EdgeMap, nx: f32, ny: f32, d: f32, virtual_side: bool, faint: bool) -> Option<Self> {
        let (enter, leave) = clip(map, nx, ny, d)?;
        let mut line = Self { nx, ny, d, enter, leave, virtual_side, sums: Vec::new() };
        line.describe(map, faint);
        Some(line)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and finite")]
    fn describe(&mut self, map: &EdgeMap, faint: bool) {
        let count = ((self.leave - self.enter) / SAMPLE_STEP) as usize;
        self.sums = Vec::with_capacity(count + 1);
        let mut running = Sums::default();
        self.sums.push(running);
        for i in 0..count {
            let (x, y) = self.at(self.enter + (i as f32 + 0.5) * SAMPLE_STEP);
            if map.is_covered(x, y) {
                self.sums.push(running);
                continue;
            }
            running.seen += 1.0;
            let before = map.color(x - SIDE_DISTANCE * self.nx, y - SIDE_DISTANCE * self.ny);
            let after = map.color(x + SIDE_DISTANCE * self.nx, y + SIDE_DISTANCE * self.ny);
            let difference = difference(before, after);
            for (side, color) in [before, after].into_iter().enumerate() {
                for (sum, value) in running.color[side].iter_mut().zip(color) {
                    *sum += value;
                }
                running.square[side] += luma(color) * luma(color);
            }
            running.difference += difference.min(2.0 * FULL_VOTE);
            if self.virtual_side {
                running.support += 0.5;
            } else if let Some(edge) = self.edge_near(map, x, y) {
                running.support += if faint { 1.0 } else { 0.4 + 0.6 * (difference / (0.5 * FULL_VOTE)).min(1.0) };
                running.edges += 1.0;
                if self.is_ruled(map, edge) {
                    running.ruled += 1.0;
                    running.stroke += (edge.strength / DARK_STROKE).min(1.0);
                    running.beyond -= (edge.nx * self.nx + edge.ny * self.ny).signum();
                }
            }
            // Every second sample tells enough; desks are seldom plain, and photos gain nothing.
            if faint
                && i % 2 == 0
                && !self.virtual_side
                && let Some(far) = self.far_difference(map, x, y)
            {
                running.plain += 1.0;
                for (sum, value) in running.far.iter_mut().zip(far) {
                    *sum += value;
                }
            }
            self.sums.push(running);
        }
    }

    /// Difference of the colours some way off on the two sides, if both are plain there.
    fn far_difference(&self, map: &EdgeMap, x: f32, y: f32) -> Option<[f32; 3]> {
        /// Where there must be no edge, working pixels, and the faintest that are print and not noise, grey levels.
        const PLAIN_AT: [f32; 5] = [8.0, 10.0, 12.0, 14.0, 16.0];
        const CLEAR: u8 = 6;
        let at = |distance: f32| (x + distance * self.nx, y + distance * self.ny);
        let is_clear = |(x, y)| map.level_near(x, y) < CLEAR;
        let plain = |side: f32| {
            map.difference(at(side * PLAIN_FROM), at(side * FAR_DISTANCE)) < PLAIN
                && PLAIN_AT.iter().all(|distance| {
                    let (x, y) = at(side * distance);
                    // A pixel beside it, too: between the two edges of a stroke across the line, there is none.
                    [-1.0, 0.0, 1.0].iter().all(|beside| is_clear((x - beside * self.ny, y + beside * self.nx)))
                })
        };
        (plain(-1.0) && plain(1.0)).then(|| {
            let ((x0, y0), (x1, y1)) = (at(-FAR_DISTANCE), at(FAR_DISTANCE));
            let (before, after) = (map.color(x0, y0), map.color(x1, y1));
            [0, 1, 2].map(|c| after[c] - before[c])
        })
    }

    /// The nearest parallel edge within two pixels.
    fn edge_near<'a>(&self, map: &'a EdgeMap, x: f32, y: f32) -> Option<&'a EdgePoint> {
        [0.0, 1.0, -1.0, 2.0, -2.0].into_iter().find_map(|offset| {
            let point = map.near(x + offset * self.nx, y + offset * self.ny)?;
            ((point.nx * self.nx + point.ny * self.ny).abs() > INLIER_COSINE).then_some(point)
        })
    }

    /// Whether an equally strong edge of the other direction runs beside an edge: a drawn line, not a sheet's end.
    fn is_ruled(&self, map: &EdgeMap, edge: &EdgePoint) -> bool {
        /// Widest drawn line, working pixels (2 mm on A4).
        const WIDTH: i8 = 4;
        /// The weaker flank's share of the stronger.
        const EVEN: f32 = 0.6;
        (-WIDTH..=WIDTH).filter(|offset| offset.abs() > 1).any(|offset| {
            let offset = f32::from(offset);
            map.near(edge.x + offset * edge.nx, edge.y + offset * edge.ny).is_some_and(|other| {
                other.nx * edge.nx + other.ny * edge.ny < -INLIER_COSINE
                    && other.strength > EVEN * edge.strength
                    && edge.strength > EVEN * other.strength
            })
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
    let mut votes = Votes::new(map, faint);
    let mut hough = Hough::new(map);
    votes.cast(&mut hough);
    let mut lines: Vec<Line> = Vec::new();
    let reach = if faint { 1.2 } else { INLIER_DISTANCE };
    for _ in 0..count * 3 {
        if lines.len() == count {
            break;
        }
        let Some((nx, ny, d)) = hough.strongest() else { break };
        let (nx, ny, d) = votes.fit(nx, ny, d);
        if votes.withdraw(&mut hough, nx, ny, d, reach) < 1.0 {
            hough.forget();
        }
        if !lines.iter().any(|line| same(map, line, nx, ny, d)) {
            lines.extend(Line::new(map, nx, ny, d, false, faint));
            hough.close_directions(&lines);
        }
    }
    let (right, bottom) = (map.width as f32 - 0.5, map.height as f32 - 0.5);
    for (nx, ny, d) in [(1.0, 0.0, -0.5), (0.0, 1.0, -0.5), (1.0, 0.0, right), (0.0, 1.0, bottom)] {
        lines.extend(Line::new(map, nx, ny, d, true, faint));
    }
    lines
}

/// All edge points with their say, ordered by the direction of their normals, so that those parallel to a line are found
/// together; each property in a list of its own, so that eight distances to a line are told at once.
struct Votes {
    x: Vec<f32>,
    y: Vec<f32>,
    /// 0 once withdrawn.
    weight: Vec<f32>,
    /// The weight that still counts in a fit.
    lasting: Vec<f32>,
    /// Voters of whole degree `a` are `starts[a]..starts[a + 1]`.
    starts: Vec<usize>,
}

impl Votes {
    fn new(map: &EdgeMap, faint: bool) -> Self {
        let mut starts = vec![0usize; ANGLES + 1];
        let mut voters = Vec::with_capacity(map.points.len());
        for (p, at) in map.points.iter().zip(0u32..) {
            let outermost = faint && map.is_outermost(p);
            let weight = vote(map, p, faint) + if outermost { OUTERMOST_VOTE } else { 0.0 };
            // Print: most edges of a page, and no side of a sheet.
            if weight <= PRINT_VOTE && p.strength > FULL_VOTE {
                continue;
            }
            let degrees = degrees(p.nx, p.ny);
            starts[degrees + 1] += 1;
            voters.push((degrees, at, weight));
        }
        for a in 0..ANGLES {
            starts[a + 1] += starts[a];
        }
        let mut next = starts.clone();
        let mut votes = Self {
            x: vec![0.0; voters.len()],
            y: vec![0.0; voters.len()],
            weight: vec![0.0; voters.len()],
            lasting: Vec::new(),
            starts,
        };
        for (degrees, point, weight) in voters {
            let at = next[degrees];
            next[degrees] += 1;
            let point = &map.points[point as usize];
            (votes.x[at], votes.y[at], votes.weight[at]) = (point.x, point.y, weight);
        }
        votes.lasting = votes.weight.clone();
        votes
    }

    /// Ranges of the voters whose normals are within the inlier angle of a line's.
    fn parallel(&self, nx: f32, ny: f32) -> [Range<usize>; 2] {
        let degrees = degrees(nx, ny) + ANGLES;
        let (low, high) = ((degrees - INLIER_DEGREES) % ANGLES, (degrees + INLIER_DEGREES + 1) % ANGLES);
        let (a, b, last) = (self.starts[low], self.starts[high], self.starts[ANGLES]);
        if low < high { [a..b, 0..0] } else { [0..b, a..last] }
    }

    /// Calls `visit` with the number of every parallel voter within `reach` of a line.
    fn near(&self, (nx, ny, d): (f32, f32, f32), reach: f32, mut visit: impl FnMut(usize)) {
        /// Voters looked at together.
        const GROUP: usize = 16;
        for range in self.parallel(nx, ny) {
            let (xs, ys) = (&self.x[range.clone()], &self.y[range.clone()]);
            let groups = xs.chunks(GROUP).zip(ys.chunks(GROUP));
            for (start, (xs, ys)) in range.step_by(GROUP).zip(groups) {
                let nearest = xs.iter().zip(ys).map(|(x, y)| (x * nx + y * ny - d).abs());
                if nearest.clone().fold(false, |any, distance| any | (distance < reach)) {
                    for (at, distance) in (start..).zip(nearest) {
                        if distance < reach {
                            visit(at);
                        }
                    }
                }
            }
        }
    }

    /// Weighted total least squares on the voters near a line, those withdrawn included.
    #[expect(clippy::cast_possible_truncation, reason = "f32 holds directions and pixel positions well enough")]
    fn fit(&self, nx: f32, ny: f32, d: f32) -> (f32, f32, f32) {
        let (mut nx, mut ny, mut d) = (nx, ny, d);
        for distance in [3.0, 2.0] {
            let (mut n, mut sx, mut sy, mut sxx, mut sxy, mut syy) = (0.0f64, 0.0, 0.0, 0.0, 0.0, 0.0);
            self.near((nx, ny, d), distance, |at| {
                let (x, y, w) = (f64::from(self.x[at]), f64::from(self.y[at]), f64::from(self.lasting[at]));
                n += w;
                sx += w * x;
                sy += w * y;
                sxx += w * x * x;
                sxy += w * x * y;
                syy += w * y * y;
            });
            if n < 2.0 {
                break;
            }
            let (mx, my) = (sx / n, sy / n);
            let (cxx, cxy, cyy) = (sxx / n - mx * mx, sxy / n - mx * my, syy / n - my * my);
            // The normal is the eigenvector of the smaller eigenvalue.
            let angle = (0.5 * (2.0 * cxy).atan2(cxx - cyy) + std::f64::consts::FRAC_PI_2) as f32;
            let (mut fx, mut fy) = (angle.cos(), angle.sin());
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

    /// Takes back the votes of all voters on a line; returns how much they weighed.
    fn withdraw(&mut self, hough: &mut Hough, nx: f32, ny: f32, d: f32, reach: f32) -> f32 {
        let mut members = Vec::new();
        self.near((nx, ny, d), reach, |at| members.push(at));
        let mut sum = 0.0;
        for at in members {
            let weight = std::mem::take(&mut self.weight[at]);
            if weight > 0.0 {
                hough.vote(self.x[at], self.y[at], self.degrees_of(at), -weight);
                sum += weight;
            }
        }
        sum
    }

    /// The whole degree of a voter's normal.
    fn degrees_of(&self, voter: usize) -> usize {
        self.starts.partition_point(|&start| start <= voter) - 1
    }

    /// Casts all votes.
    fn cast(&self, hough: &mut Hough) {
        for degrees in 0..ANGLES {
            for at in self.starts[degrees]..self.starts[degrees + 1] {
                hough.vote(self.x[at], self.y[at], degrees, self.weight[at]);
            }
        }
    }
}

/// The direction of a unit normal or its opposite in whole degrees, 0 to 179.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an angle of 0 to 180 degrees")]
fn degrees(nx: f32, ny: f32) -> usize {
    // Upwards and downwards are the same here.
    let (x, y) = if ny < 0.0 { (-nx, -ny) } else { (nx, ny) };
    let steep = y > x.abs();
    let ratio = if steep { x / y } else { y / x };
    // Arctangent of -1 to 1, true to 0.001 degrees (Abramowitz and Stegun, 4.4.47); the library's takes six times as long.
    let squared = ratio * ratio;
    let series = 0.180_141 + squared * (-0.085_133 + squared * 0.020_835_1);
    let angle = (ratio * (0.999_866 + squared * (-0.330_299_5 + squared * series))).to_degrees();
    let angle = if steep { 90.0 - angle } else { angle };
    (angle + 180.5) as usize % ANGLES
}

/// What an edge point is worth: the colour difference of the surfaces that it separates.
fn vote(map: &EdgeMap, p: &EdgePoint, faint: bool) -> f32 {
    let (dx, dy) = (SIDE_DISTANCE * p.nx, SIDE_DISTANCE * p.ny);
    let step = map.difference((p.x - dx, p.y - dy), (p.x + dx, p.y + dy)) / FULL_VOTE;
    let floor = if faint && p.strength < FULL_VOTE { 0.25 } else { PRINT_VOTE };
    step.clamp(floor, 1.0)
}

/// Whether two lines stay within a pixel and a half of one another over the frame.
fn same(map: &EdgeMap, line: &Line, nx: f32, ny: f32, d: f32) -> bool {
    let Some((enter, leave)) = clip(map, nx, ny, d) else { return true };
    [enter, leave].iter().all(|t| {
        let (x, y) = (d * nx - t * ny, d * ny + t * nx);
        (x * line.nx + y * line.ny - line.d).abs() < 1.5
    })
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

/// Votes over normal angle (whole degrees in 0..180) and distance (whole working pixels), one row an angle.
struct Hough {
    cells: Vec<f32>,
    distances: usize,
    offset: f32,
    directions: Vec<(f32, f32)>,
    /// Most votes in each row; `None` after a change.
    highest: Vec<Option<f32>>,
    best: usize,
}

impl Hough {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the frame's size is positive and small"
    )]
    fn new(map: &EdgeMap) -> Self {
        // Normals point right or down, so distances reach from minus the width to the diagonal.
        let offset = map.width as f32 + 2.0;
        let distances = (offset + (map.width as f32).hypot(map.height as f32)) as usize + 4;
        let directions = (0..ANGLES).map(|a| (a as f32).to_radians()).map(|angle| (angle.cos(), angle.sin())).collect();
        let cells = vec![0.0; distances * ANGLES];
        Self { cells, distances, offset, directions, highest: vec![None; ANGLES], best: 0 }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the frame's size")]
    fn vote(&mut self, x: f32, y: f32, degrees: usize, weight: f32) {
        for spread in 0..=2 * VOTE_SPREAD {
            let angle = (degrees + ANGLES + spread - VOTE_SPREAD) % ANGLES;
            let (c, s) = self.directions[angle];
            let distance = c * x + s * y + self.offset;
            let cell = distance as usize;
            let rest = distance - cell as f32;
            let at = angle * self.distances + cell;
            self.cells[at] += weight * (1.0 - rest);
            self.cells[at + 1] += weight * rest;
            self.highest[angle] = None;
        }
    }

    /// The line with most votes.
    fn strongest(&mut self) -> Option<(f32, f32, f32)> {
        /// Fewer votes are no line: a side of eight pixels.
        const MIN_VOTES: f32 = 8.0;
        let (mut votes, mut found) = (MIN_VOTES, None);
        for (angle, row) in self.cells.chunks_exact(self.distances).enumerate() {
            let highest = *self.highest[angle].get_or_insert_with(|| highest(row));
            if highest > votes {
                (votes, found) = (highest, Some(angle));
            }
        }
        let angle = found?;
        let row = &self.cells[angle * self.distances..][..self.distances];
        let distance = row.iter().position(|&v| v >= votes)?;
        self.best = angle * self.distances + distance;
        let (nx, ny) = self.directions[angle];
        Some((nx, ny, distance as f32 - self.offset))
    }

    /// Stops the search in directions in which enough lines have been found.
    fn close_directions(&mut self, lines: &[Line]) {
        let Some(newest) = lines.last() else { return };
        for (angle, &(nx, ny)) in self.directions.iter().enumerate() {
            let alike = |line: &Line| (line.nx * nx + line.ny * ny).abs() > SAME_DIRECTION;
            if alike(newest) && lines.iter().filter(|line| alike(line)).count() == MAX_SAME_DIRECTION {
                // Votes taken back later only lower these cells further.
                self.cells[angle * self.distances..][..self.distances].fill(0.0);
                self.highest[angle] = None;
            }
        }
    }

    /// Clears the last answer, whose votes could not be told.
    fn forget(&mut self) {
        self.cells[self.best] = 0.0;
        self.highest[self.best / self.distances] = None;
    }
}

/// The largest value, in eight interleaved runs so that the compiler can use wide registers.
fn highest(row: &[f32]) -> f32 {
    let mut runs = [0.0f32; 8];
    let chunks = row.chunks_exact(8);
    let rest = chunks.remainder().iter().copied().fold(0.0, f32::max);
    for chunk in chunks {
        for (run, &value) in runs.iter_mut().zip(chunk) {
            if value > *run {
                *run = value;
            }
        }
    }
    runs.into_iter().fold(rest, f32::max)
}
