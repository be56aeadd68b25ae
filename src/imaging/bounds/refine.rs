//! Sub-pixel sides and corners.
//!
//! Each side is cut by profiles along its normal. First a consensus: the straight line, or on curled paper the shallow
//! parabola, on which the summed edge strength of all profiles is greatest, each profile's say being capped, so that a
//! finger or a crossing pen counts for no more than its width. Then every profile's own peak near the consensus is
//! located to a fraction of a pixel and the side is fitted to the peaks with Tukey's weights. Corners are where
//! neighbouring curves meet, so that the corners of a curled sheet are its own and not those of its chords.

use crate::model::{Point, Quad};
use image::RgbImage;

/// Profiles per side.
const PROFILES: usize = 96;
/// Positions on a profile on either side of the expected edge.
const HALF: usize = 12;
const POSITIONS: usize = 2 * HALF + 1;
/// Ends of a side that are not looked at, as a share: rounded corners of cards, dog-ears.
const END_SHARE: f64 = 0.03;
/// By how much a parabola must beat the straight line to be believed.
const CURVE_GAIN: f32 = 1.06;
/// Fewer profiles than this tell nothing.
const MIN_PROFILES: usize = 12;

/// How one side is to be refined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Farthest distance from the expected edge, pixels of the picture; 0 leaves the side as it is.
    pub radius: f64,
    /// Whether the side may be bowed.
    pub curved: bool,
}

/// A side as offsets from its chord: `offset(s) = c0 + c1 u + c2 (1 - u²)` with `u = 2 s - 1`.
#[derive(Clone, Copy, Debug)]
struct Side {
    start: Point,
    along: Point,
    normal: Point,
    shape: [f64; 3],
}

impl Side {
    /// The straight side from one corner to the next of a clockwise quad.
    fn chord(from: Point, to: Point) -> Option<Self> {
        let length = from.distance(to);
        if length < 4.0 {
            return None;
        }
        let along = Point::new(to.x - from.x, to.y - from.y);
        // Clockwise with y downwards: the inside is to the right of the direction of travel.
        let normal = Point::new(-along.y / length, along.x / length);
        Some(Self { start: from, along, normal, shape: [0.0; 3] })
    }

    fn position(&self, s: f64, offset: f64) -> Point {
        Point::new(
            self.start.x + s * self.along.x + offset * self.normal.x,
            self.start.y + s * self.along.y + offset * self.normal.y,
        )
    }

    fn offset(&self, s: f64) -> f64 {
        let u = 2.0 * s - 1.0;
        self.shape[0] + self.shape[1] * u + self.shape[2] * (1.0 - u * u)
    }

    /// Direction at a share of the side.
    fn tangent(&self, s: f64) -> Point {
        let u = 2.0 * s - 1.0;
        let slope = 2.0 * self.shape[1] - 4.0 * u * self.shape[2];
        Point::new(self.along.x + slope * self.normal.x, self.along.y + slope * self.normal.y)
    }

    /// Where this side, near its end, meets the next, near its start.
    fn meets(&self, next: &Self) -> Option<Point> {
        let (mut s, mut t) = (1.0f64, 0.0f64);
        for _ in 0..6 {
            let (p, q) = (self.position(s, self.offset(s)), next.position(t, next.offset(t)));
            let (a, b) = (self.tangent(s), next.tangent(t));
            let determinant = a.x * b.y - a.y * b.x;
            if determinant.abs() < 1e-9 {
                return None;
            }
            let (dx, dy) = (q.x - p.x, q.y - p.y);
            s = (s + (dx * b.y - dy * b.x) / determinant).clamp(0.5, 1.5);
            t = (t + (dx * a.y - dy * a.x) / determinant).clamp(-0.5, 0.5);
        }
        Some(self.position(s, self.offset(s)))
    }
}

/// Moves the sides of a clockwise quad onto the edges nearby. Sides without evidence stay.
pub(super) fn refine(image: &RgbImage, quad: &Quad, search: [Search; 4]) -> Quad {
    let p = &quad.0;
    let mut sides = [None; 4];
    for i in 0..4 {
        let Some(mut side) = Side::chord(p[i], p[(i + 1) % 4]) else { return *quad };
        if search[i].radius > 0.0 {
            bend(image, &mut side, search[i]);
        }
        sides[i] = Some(side);
    }
    let sides: Vec<Side> = sides.into_iter().flatten().collect();
    let mut corners = *p;
    for i in 0..4 {
        let (before, here) = ((i + 3) % 4, i);
        let limit = 3.0 * search[before].radius.max(search[here].radius);
        if let Some(corner) = sides[before].meets(&sides[here]) {
            if corner.distance(p[i]) <= limit {
                corners[i] = corner;
            }
        }
    }
    let refined = Quad(corners);
    if refined.is_convex() { refined } else { *quad }
}

/// Fits one side to the picture.
fn bend(image: &RgbImage, side: &mut Side, search: Search) {
    let step = search.radius / HALF as f64;
    let profiles = Profiles::new(image, side, step);
    if profiles.at.len() < MIN_PROFILES {
        return;
    }
    let Some((shape, curved)) = profiles.consensus(search.curved) else { return };
    if let Some(shape) = profiles.fit(shape, curved) {
        side.shape = shape.map(|v| v * step);
    }
}

/// Edge strength across a side, at `PROFILES` shares of it; offsets count in steps.
struct Profiles {
    at: Vec<f64>,
    strength: Vec<[f32; POSITIONS]>,
    /// A profile's say is capped here.
    cap: f32,
}

impl Profiles {
    fn new(image: &RgbImage, side: &Side, step: f64) -> Self {
        let mut at = Vec::with_capacity(PROFILES);
        let mut colors = Vec::with_capacity(PROFILES);
        let reach = (HALF + 1) as f64 * step;
        for i in 0..PROFILES {
            let s = END_SHARE + (1.0 - 2.0 * END_SHARE) * (i as f64 + 0.5) / PROFILES as f64;
            if !inside(image, side.position(s, 0.0), 1.0) {
                continue;
            }
            let mut row = [[0.0f32; 3]; POSITIONS + 2];
            for (k, color) in row.iter_mut().enumerate() {
                *color = sample(image, side.position(s, k as f64 * step - reach));
            }
            at.push(s);
            colors.push(row);
        }
        let direction = contrast(&colors);
        let strength: Vec<[f32; POSITIONS]> = colors
            .iter()
            .map(|row| {
                let mut strength = [0.0; POSITIONS];
                for (k, value) in strength.iter_mut().enumerate() {
                    *value = (0..3).map(|c| direction[c] * (row[k + 2][c] - row[k][c])).sum::<f32>().max(0.0);
                }
                strength
            })
            .collect();
        let mut peaks: Vec<f32> = strength.iter().map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
        peaks.sort_by(f32::total_cmp);
        let cap = peaks.get(peaks.len() / 2).copied().unwrap_or(0.0).max(0.5);
        Self { at, strength, cap }
    }

    /// The shape, in steps, on which most capped strength lies, and whether it is a parabola.
    fn consensus(&self, curved: bool) -> Option<([f64; 3], bool)> {
        let half = HALF as i32;
        let mut straight = (0.0f32, [0.0; 3]);
        let mut bowed = (0.0f32, [0.0; 3]);
        for shift in -half..=half {
            for tilt in -half / 2..=half / 2 {
                for bow in if curved { -half..=half } else { 0..=0 } {
                    let shape = [f64::from(shift), f64::from(tilt), f64::from(bow)];
                    // Far, tilted and bowed shapes need a little more evidence.
                    let effort = 1.0 - 0.015 * (shift.abs() + tilt.abs() + bow.abs()) as f32;
                    let score = effort * self.sum(shape);
                    let best = if bow == 0 { &mut straight } else { &mut bowed };
                    if score > best.0 {
                        *best = (score, shape);
                    }
                }
            }
        }
        if bowed.0 > straight.0 * CURVE_GAIN {
            Some((bowed.1, true))
        } else {
            (straight.0 > 0.0).then_some((straight.1, false))
        }
    }

    fn sum(&self, shape: [f64; 3]) -> f32 {
        let [c0, c1, c2] = shape.map(|v| v as f32);
        let mut sum = 0.0;
        for (s, row) in self.at.iter().zip(&self.strength) {
            let u = 2.0 * *s as f32 - 1.0;
            let position = c0 + c1 * u + c2 * (1.0 - u * u) + HALF as f32 + 0.5;
            if position >= 0.0 && position < POSITIONS as f32 {
                sum += row[position as usize].min(self.cap);
            }
        }
        sum
    }

    /// Least squares on the profiles' own peaks near the consensus, reweighted by Tukey's biweight.
    fn fit(&self, shape: [f64; 3], curved: bool) -> Option<[f64; 3]> {
        /// Peaks farther than this from the consensus belong to something else, steps.
        const CATCH: f64 = 2.5;
        let mut shape = shape;
        for round in 0..4 {
            let scale = if round == 0 { CATCH * 1.5 } else { CATCH };
            let mut normal = [[0.0f64; 4]; 3];
            let mut used = 0;
            for (s, row) in self.at.iter().zip(&self.strength) {
                let u = 2.0 * s - 1.0;
                let basis = [1.0, u, if curved { 1.0 - u * u } else { 0.0 }];
                let expected: f64 = (0..3).map(|i| basis[i] * shape[i]).sum();
                let Some((offset, strength)) = peak(row, expected + HALF as f64, CATCH) else { continue };
                let offset = offset - HALF as f64;
                let distance = (offset - expected) / scale;
                if distance.abs() >= 1.0 {
                    continue;
                }
                let tukey = (1.0 - distance * distance).powi(2);
                let weight = tukey * f64::from((strength / self.cap).min(1.0));
                used += 1;
                for i in 0..3 {
                    for j in 0..3 {
                        normal[i][j] += weight * basis[i] * basis[j];
                    }
                    normal[i][3] += weight * basis[i] * offset;
                }
            }
            if used < MIN_PROFILES {
                return None;
            }
            shape = solve(normal, curved)?;
        }
        Some(shape)
    }
}

/// Solves the normal equations of the two or three coefficients.
fn solve(mut m: [[f64; 4]; 3], curved: bool) -> Option<[f64; 3]> {
    let n = if curved { 3 } else { 2 };
    for i in 0..n {
        let pivot = m[i][i];
        if pivot < 1e-6 {
            return None;
        }
        for j in 0..n {
            if j != i {
                let factor = m[j][i] / pivot;
                for k in 0..4 {
                    m[j][k] -= factor * m[i][k];
                }
            }
        }
    }
    Some([m[0][3] / m[0][0], m[1][3] / m[1][1], if curved { m[2][3] / m[2][2] } else { 0.0 }])
}

/// The local maximum of a profile nearest in strength and place to what is expected: position and height.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the profile")]
fn peak(row: &[f32; POSITIONS], expected: f64, catch: f64) -> Option<(f64, f32)> {
    let low = (expected - catch).ceil().max(1.0) as usize;
    let high = (expected + catch).floor().clamp(0.0, (POSITIONS - 2) as f64) as usize;
    let mut best: Option<usize> = None;
    for k in low..=high {
        if row[k] > 0.0 && row[k] >= row[k - 1] && row[k] > row[k + 1] && best.is_none_or(|b| row[k] > row[b]) {
            best = Some(k);
        }
    }
    let k = best?;
    let (a, b, c) = (f64::from(row[k - 1]), f64::from(row[k]), f64::from(row[k + 1]));
    let curvature = a - 2.0 * b + c;
    let shift = if curvature < 0.0 { 0.5 * (a - c) / curvature } else { 0.0 };
    Some((k as f64 + shift, row[k]))
}

/// Unit colour direction from outside to inside, averaged over the side.
fn contrast(colors: &[[[f32; 3]; POSITIONS + 2]]) -> [f32; 3] {
    let mut sum = [0.0f32; 3];
    for row in colors {
        for (k, color) in row.iter().enumerate() {
            let sign = if k > HALF + 1 { 1.0 } else if k < HALF + 1 { -1.0 } else { 0.0 };
            for c in 0..3 {
                sum[c] += sign * color[c];
            }
        }
    }
    let norm = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
    let mean = norm / (colors.len().max(1) * (HALF + 1)) as f32;
    // Without any contrast, a sheet on its own shadow is brighter inside.
    if mean < 1.5 { [0.577; 3] } else { sum.map(|v| v / norm) }
}

fn inside(image: &RgbImage, p: Point, margin: f64) -> bool {
    p.x >= margin && p.y >= margin && p.x <= f64::from(image.width()) - 1.0 - margin && p.y <= f64::from(image.height()) - 1.0 - margin
}

/// Bilinear colour, clamped into the frame.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the frame")]
fn sample(image: &RgbImage, p: Point) -> [f32; 3] {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let x = p.x.clamp(0.0, (width - 1) as f64);
    let y = p.y.clamp(0.0, (height - 1) as f64);
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
    let (fx, fy) = ((x - x0 as f64) as f32, (y - y0 as f64) as f32);
    let raw = image.as_raw();
    let at = |x: usize, y: usize, c: usize| f32::from(raw[(y * width + x) * 3 + c]);
    [0, 1, 2].map(|c| {
        let top = at(x0, y0, c) * (1.0 - fx) + at(x1, y0, c) * fx;
        let bottom = at(x0, y1, c) * (1.0 - fx) + at(x1, y1, c) * fx;
        top * (1.0 - fy) + bottom * fy
    })
}
