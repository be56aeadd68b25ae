//! Sub-pixel sides and corners.
//!
//! Each side is cut by profiles along its normal. First a consensus: the straight line on which the summed edge strength
//! of all profiles is greatest, each profile's say being capped, so that a finger or a crossing pen counts for no more
//! than its width. Then every profile's own peak near the consensus is located to a fraction of a pixel and the line is
//! fitted to the peaks with Tukey's weights. Where a side may be bowed (curl, fold), the edge is instead followed from
//! profile to profile by dynamic programming; if no straight line explains the path, the side is described by one line at
//! each of its ends, so that the corners found are those of the sheet and not of its chords.

use crate::model::{Point, Quad};
use image::RgbImage;
use std::cmp::Ordering;

/// Profiles per side.
const PROFILES: usize = 96;
/// Ends of a side that are not looked at, as a share: rounded corners of cards, dog-ears.
const END_SHARE: f64 = 0.02;
/// Rounded corners of an ID-1 card reach 3.7 % of the long and 5.9 % of the short side (ISO/IEC 7810, radius 3.18 mm).
const STRAIGHT_END_SHARE: f64 = 0.04;
/// Fewer profiles than this tell nothing.
const MIN_PROFILES: usize = 12;
/// A profile supports an edge whose strength is this share of the cap.
const SUPPORTING: f32 = 0.35;
/// Peaks farther than this from where they are expected belong to something else, steps.
const CATCH: f64 = 2.5;
/// A side is straight when this share of its supporting profiles lies within so many pixels of one line.
const STRAIGHT_SHARE: f64 = 0.9;
const STRAIGHT_PIXELS: f64 = 1.25;
/// It is bowed all the same when the middles of so many stretches of it differ by this many pixels and by this multiple of
/// the spread within them.
const BOW_STRETCHES: usize = 8;
const BOW_PIXELS: f64 = 1.0;
const BOW_OVER_SPREAD: f64 = 6.0;
/// Paper bends without jumps: between so many profiles and the next, the middle moves by no more than this share of the
/// whole bow. A path that changes over to another edge jumps.
const JUMP_PROFILES: usize = 4;
const JUMP_SHARE: f64 = 0.5;
/// Ends left out of both, as a share: the rounded corners of a card's short side.
const ROUNDED_SHARE: f64 = 0.06;
/// Share of a bowed side that tells its direction at the corner.
const END_WINDOW: f64 = 0.18;
/// Cost of a path for moving by one step between profiles, in units of a full profile.
const MOVE_COST: f32 = 0.06;
/// Largest move between neighbouring profiles, steps.
const MAX_MOVE: usize = 3;

/// How one side is to be refined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// Farthest distance from the expected edge, pixels of the picture; 0 leaves the side as it is.
    pub radius: f64,
    /// Distance between positions on a profile, pixels.
    pub step: f64,
    /// Whether the side may be bowed.
    pub bowed: bool,
}

impl Search {
    /// Leaves the side where it is.
    pub(super) const STAY: Self = Self { radius: 0.0, step: 1.0, bowed: false };
}

/// A side: its chord and, in pixels from the chord, the lines that describe it near its start and its end.
#[derive(Clone, Debug)]
struct Side {
    start: Point,
    along: Point,
    normal: Point,
    near_start: Offset,
    near_end: Offset,
    /// Where a bowed side was seen: shares along the chord and pixels from it. Empty for a straight one.
    trace: Vec<(f64, f64)>,
}

/// An offset that changes linearly along a side: `at_start` at share 0, growing by `slope` up to share 1.
#[derive(Clone, Copy, Debug, Default)]
struct Offset {
    at_start: f64,
    slope: f64,
}

impl Offset {
    fn at(self, s: f64) -> f64 {
        self.at_start + s * self.slope
    }
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
        let offset = Offset::default();
        Some(Self { start: from, along, normal, near_start: offset, near_end: offset, trace: Vec::new() })
    }

    fn position(&self, s: f64, offset: f64) -> Point {
        Point::new(
            self.start.x + s * self.along.x + offset * self.normal.x,
            self.start.y + s * self.along.y + offset * self.normal.y,
        )
    }

    /// Where this side's end meets the start of the next.
    fn meets(&self, next: &Self) -> Option<Point> {
        let line = |side: &Self, offset: Offset| {
            let (a, b) = (side.position(0.0, offset.at(0.0)), side.position(1.0, offset.at(1.0)));
            (a, Point::new(b.x - a.x, b.y - a.y))
        };
        let ((p, a), (q, b)) = (line(self, self.near_end), line(next, next.near_start));
        let determinant = a.x * b.y - a.y * b.x;
        if determinant.abs() < 1e-9 {
            return None;
        }
        let s = ((q.x - p.x) * b.y - (q.y - p.y) * b.x) / determinant;
        Some(Point::new(p.x + s * a.x, p.y + s * a.y))
    }
}

/// Points along each side of a quad, top, right, bottom, left if it starts at the top left; none along straight sides.
pub(super) type Curves = [Vec<Point>; 4];

/// Moves the sides of a clockwise quad onto the edges nearby; sides without evidence stay. Also gives the points where
/// bowed sides were seen.
pub(super) fn refine(image: &RgbImage, quad: &Quad, search: [Search; 4]) -> (Quad, Curves) {
    let unchanged = (*quad, Curves::default());
    let p = &quad.0;
    let mut sides = Vec::with_capacity(4);
    for i in 0..4 {
        let Some(mut side) = Side::chord(p[i], p[(i + 1) % 4]) else { return unchanged };
        if search[i].radius > 0.0 {
            bend(image, &mut side, search[i]);
        }
        sides.push(side);
    }
    let mut corners = *p;
    for i in 0..4 {
        let (before, here) = ((i + 3) % 4, i);
        let limit = 4.0 * search[before].radius.max(search[here].radius);
        let corner = sides[before].meets(&sides[here]).filter(|corner| corner.distance(p[i]) <= limit);
        corners[i] = corner.unwrap_or(p[i]);
    }
    let refined = Quad(corners);
    if !refined.is_convex() {
        return unchanged;
    }
    let seen = |side: &Side| side.trace.iter().map(|&(s, offset)| side.position(s, offset)).collect();
    (refined, [0, 1, 2, 3].map(|i| seen(&sides[i])))
}

/// Fits one side to the picture.
fn bend(image: &RgbImage, side: &mut Side, search: Search) {
    let profiles = Profiles::new(image, side, search);
    if profiles.at.len() < MIN_PROFILES {
        return;
    }
    let to_pixels = |o: Offset| Offset { at_start: o.at_start * search.step, slope: o.slope * search.step };
    let Some(consensus) = profiles.consensus() else { return };
    let straight = profiles.fit(&profiles.peaks(|s| consensus.at(s)), consensus, CATCH);
    if search.bowed {
        let path = profiles.path();
        let line = profiles.fit(&path, consensus, 2.0 * CATCH).unwrap_or(consensus);
        let off: Vec<(f64, f64)> = path.iter().map(|&(s, o)| (s, (o - line.at(s)) * search.step)).collect();
        if is_bowed(&off) {
            let end = |low: f64, high: f64| {
                let part: Vec<(f64, f64)> = path.iter().copied().filter(|(s, _)| *s >= low && *s <= high).collect();
                profiles.fit_end(&part)
            };
            if let (Some(start), Some(end)) = (end(0.0, END_WINDOW), end(1.0 - END_WINDOW, 1.0)) {
                side.near_start = to_pixels(start);
                side.near_end = to_pixels(end);
                side.trace = path.iter().map(|&(s, offset)| (s, offset * search.step)).collect();
                return;
            }
        }
    }
    if let Some(straight) = straight {
        side.near_start = to_pixels(straight);
        side.near_end = side.near_start;
    }
}

/// Whether a side seen at these distances from a line, in pixels by the share of the side, is no straight one.
///
/// Either too many lie far off, or whole stretches lie to one side or the other, by clearly more than their own spread and
/// without a jump.
fn is_bowed(off: &[(f64, f64)]) -> bool {
    let ends = ROUNDED_SHARE..=1.0 - ROUNDED_SHARE;
    let inner: Vec<f64> = off.iter().filter(|(s, _)| ends.contains(s)).map(|(_, off)| *off).collect();
    let near = inner.iter().filter(|off| off.abs() < STRAIGHT_PIXELS).count();
    if (near as f64) < STRAIGHT_SHARE * inner.len() as f64 {
        return true;
    }
    let stretch = inner.len().div_ceil(BOW_STRETCHES).max(1);
    let middles: Vec<f64> = inner.chunks(stretch).map(|part| median(part.to_vec())).collect();
    let (low, high) = middles.iter().fold((f64::MAX, f64::MIN), |(low, high), &m| (low.min(m), high.max(m)));
    let strays = inner.chunks(stretch).zip(&middles).flat_map(|(part, m)| part.iter().map(move |off| (off - m).abs()));
    let few: Vec<f64> = inner.chunks(JUMP_PROFILES).map(|part| median(part.to_vec())).collect();
    let jump = few.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
    high - low > BOW_PIXELS.max(BOW_OVER_SPREAD * median(strays.collect())) && jump < JUMP_SHARE * (high - low)
}

/// The middle value; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}

/// Edge strength across a side at shares of it; offsets count in steps from the chord.
struct Profiles {
    at: Vec<f64>,
    /// One profile after the other, `2 * half + 1` positions each.
    strength: Vec<f32>,
    /// Positions on a profile on either side of the chord.
    half: usize,
    /// A profile's say is capped here.
    cap: f32,
    /// Share of the side at either end that a straight fit leaves out.
    skip: f64,
}

impl Profiles {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "radius and step are positive, small")]
    fn new(image: &RgbImage, side: &Side, search: Search) -> Self {
        let half = (search.radius / search.step).ceil().max(4.0) as usize;
        let positions = 2 * half + 3;
        let mut at = Vec::with_capacity(PROFILES);
        let mut colors = Vec::with_capacity(PROFILES * positions);
        let reach = (half + 1) as f64 * search.step;
        for i in 0..PROFILES {
            let s = END_SHARE + (1.0 - 2.0 * END_SHARE) * (i as f64 + 0.5) / PROFILES as f64;
            if !inside(image, side.position(s, 0.0), 1.0) {
                continue;
            }
            at.push(s);
            colors.extend((0..positions).map(|k| sample(image, side.position(s, k as f64 * search.step - reach))));
        }
        let direction = contrast(&colors, half);
        let strength: Vec<f32> = colors
            .chunks_exact(positions)
            .flat_map(|row| {
                let steps = row.iter().zip(&row[2..]);
                steps.map(|(a, b)| (0..3).map(|c| direction[c] * (b[c] - a[c])).sum::<f32>().max(0.0))
            })
            .collect();
        let profiles = strength.chunks_exact(positions - 2);
        let mut peaks: Vec<f32> = profiles.map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
        peaks.sort_by(f32::total_cmp);
        let cap = peaks.get(peaks.len() / 2).copied().unwrap_or(0.0).max(0.5);
        Self { at, strength, half, cap, skip: STRAIGHT_END_SHARE }
    }

    /// Positions on a profile.
    fn width(&self) -> usize {
        2 * self.half + 1
    }

    /// The shares with their profiles.
    fn rows(&self) -> impl DoubleEndedIterator<Item = (f64, &[f32])> + ExactSizeIterator {
        self.at.iter().copied().zip(self.strength.chunks_exact(self.width()))
    }

    /// The line, in steps, on which most capped strength lies.
    ///
    /// Lines of one slope meet each profile a whole step apart, so that the sums of all of them grow together.
    #[expect(clippy::cast_possible_truncation, reason = "a profile's positions")]
    fn consensus(&self) -> Option<Offset> {
        let half = self.half as isize;
        let capped: Vec<f32> = self.strength.iter().map(|strength| strength.min(self.cap)).collect();
        let mut sums = vec![0.0f32; self.width()];
        let mut best = (0.0f32, Offset::default());
        for slope in -half..=half {
            sums.fill(0.0);
            for (s, row) in self.at.iter().zip(capped.chunks_exact(self.width())) {
                let shift = (s * slope as f64 + 0.5).floor() as isize;
                let away = shift.unsigned_abs().min(row.len());
                let (sums, row) = if shift < 0 { (&mut sums[away..], row) } else { (&mut sums[..], &row[away..]) };
                for (sum, strength) in sums.iter_mut().zip(row) {
                    *sum += strength;
                }
            }
            for (from, sum) in (-half..=half).zip(&sums) {
                let to = from + slope;
                if to.abs() > half {
                    continue;
                }
                // Far and tilted lines need a little more evidence.
                let effort = 1.0 - 0.1 * (from.abs() + to.abs()) as f32 / half as f32;
                let score = effort * sum;
                if score > best.0 {
                    best = (score, Offset { at_start: from as f64, slope: slope as f64 });
                }
            }
        }
        (best.0 > 0.0).then_some(best.1)
    }

    /// Every profile's own peak near where it is expected: share of the side, offset in steps.
    fn peaks(&self, expected: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        self.rows().filter_map(|(s, row)| Some((s, self.peak(row, expected(s), CATCH)?))).collect()
    }

    /// The best connected path along the side, as the peaks that support it.
    #[expect(clippy::cast_possible_truncation, reason = "a move is small")]
    fn path(&self) -> Vec<(f64, f64)> {
        let width = self.width();
        // With positions beyond both ends that no path comes from.
        let mut score = vec![f32::MIN; width + 2 * MAX_MOVE];
        score[MAX_MOVE..][..width].fill(0.0);
        let mut next = score.clone();
        let mut moves = vec![0u8; self.strength.len()];
        for ((_, row), moves) in self.rows().zip(moves.chunks_exact_mut(width)) {
            let next = &mut next[MAX_MOVE..][..width];
            next.fill(f32::MIN);
            for step in 0..=2 * MAX_MOVE {
                let cost = MOVE_COST * step.abs_diff(MAX_MOVE) as f32;
                for ((next, came_by), &before) in next.iter_mut().zip(moves.iter_mut()).zip(&score[step..]) {
                    let value = before - cost;
                    *came_by = if value > *next { step as u8 } else { *came_by };
                    *next = next.max(value);
                }
            }
            for ((score, next), strength) in score[MAX_MOVE..].iter_mut().zip(next).zip(row) {
                *score = *next + (strength / self.cap).min(1.0);
            }
        }
        let score = &score[MAX_MOVE..][..width];
        let mut k = (0..width).max_by(|&a, &b| score[a].total_cmp(&score[b])).unwrap_or(self.half);
        let mut path = Vec::with_capacity(self.at.len());
        for ((s, row), moves) in self.rows().zip(moves.chunks_exact(width)).rev() {
            if let Some(offset) = self.peak(row, k as f64 - self.half as f64, 1.5) {
                path.push((s, offset));
            }
            k = (k + usize::from(moves[k])).saturating_sub(MAX_MOVE);
        }
        path.reverse();
        path
    }

    /// Straight line through points by least squares, reweighted by Tukey's biweight.
    fn fit(&self, points: &[(f64, f64)], first: Offset, catch: f64) -> Option<Offset> {
        let mut line = first;
        for round in 0..5 {
            let scale = if round == 0 { 1.5 * catch } else { catch };
            let weighted = points.iter().filter(|(s, _)| *s >= self.skip && *s <= 1.0 - self.skip).map(|&(s, o)| {
                let distance = ((o - line.at(s)) / scale).abs().min(1.0);
                (s, o, (1.0 - distance * distance).powi(2))
            });
            line = least_squares(weighted)?;
        }
        Some(line)
    }

    /// Straight line through one end of a bowed side.
    fn fit_end(&self, points: &[(f64, f64)]) -> Option<Offset> {
        /// Fewer peaks do not give a direction.
        const MIN_END_POINTS: usize = 6;
        if points.len() < MIN_END_POINTS {
            return None;
        }
        let mut line = least_squares(points.iter().map(|&(s, o)| (s, o, 1.0)))?;
        for _ in 0..5 {
            let weighted = points.iter().map(|&(s, o)| {
                let distance = ((o - line.at(s)) / CATCH).abs().min(1.0);
                (s, o, (1.0 - distance * distance).powi(2))
            });
            line = least_squares(weighted)?;
        }
        Some(line)
    }

    /// The highest local maximum of a profile within `catch` of an offset, in steps, if it supports an edge.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the profile")]
    fn peak(&self, row: &[f32], expected: f64, catch: f64) -> Option<f64> {
        let expected = expected + self.half as f64;
        let low = (expected - catch).ceil().max(1.0) as usize;
        let high = (expected + catch).floor().clamp(0.0, (row.len() - 2) as f64) as usize;
        let mut best: Option<usize> = None;
        for k in low..=high {
            let maximum = row[k] >= SUPPORTING * self.cap && row[k] >= row[k - 1] && row[k] > row[k + 1];
            if maximum && best.is_none_or(|b| row[k] > row[b]) {
                best = Some(k);
            }
        }
        let k = best?;
        let (a, b, c) = (f64::from(row[k - 1]), f64::from(row[k]), f64::from(row[k + 1]));
        let curvature = a - 2.0 * b + c;
        let shift = if curvature < 0.0 { 0.5 * (a - c) / curvature } else { 0.0 };
        Some(k as f64 + shift - self.half as f64)
    }
}

/// Weighted least squares of offset on share; `None` when the points do not span a line.
fn least_squares(points: impl Iterator<Item = (f64, f64, f64)>) -> Option<Offset> {
    let (mut n, mut ss, mut so, mut sss, mut sso) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (s, o, w) in points {
        n += w;
        ss += w * s;
        so += w * o;
        sss += w * s * s;
        sso += w * s * o;
    }
    let spread = n * sss - ss * ss;
    if n < 3.0 || spread < 1e-9 {
        return None;
    }
    let slope = (n * sso - ss * so) / spread;
    Some(Offset { at_start: (so - slope * ss) / n, slope })
}

/// Unit colour direction from outside to inside, averaged over the side.
fn contrast(colors: &[[f32; 3]], half: usize) -> [f32; 3] {
    let mut sum = [0.0f32; 3];
    let rows = colors.chunks_exact(2 * half + 3);
    let count = rows.len();
    for row in rows {
        for (k, color) in row.iter().enumerate() {
            let sign = match k.cmp(&(half + 1)) {
                Ordering::Less => -1.0,
                Ordering::Equal => 0.0,
                Ordering::Greater => 1.0,
            };
            for c in 0..3 {
                sum[c] += sign * color[c];
            }
        }
    }
    let norm = sum.iter().map(|v| v * v).sum::<f32>().sqrt();
    let mean = norm / (count.max(1) * (half + 1)) as f32;
    // Without any contrast, a sheet on its own shadow is brighter inside.
    if mean < 1.5 { [0.577; 3] } else { sum.map(|v| v / norm) }
}

fn inside(image: &RgbImage, p: Point, margin: f64) -> bool {
    p.x >= margin
        && p.y >= margin
        && p.x <= f64::from(image.width()) - 1.0 - margin
        && p.y <= f64::from(image.height()) - 1.0 - margin
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
