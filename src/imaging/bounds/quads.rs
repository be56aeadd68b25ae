//! Quads from line candidates, and how much each looks like the outline of a sheet.

use super::lines::{Line, Stretch, difference, luma};

/// Sheets cover at least this share of the frame: an ID-1 card on an A3 bed covers 3.7 %.
const MIN_AREA: f32 = 0.025;
/// Corners farther outside the frame than this share of its size are not trusted.
const MAX_OUTSIDE: f32 = 0.35;
/// Sides that meet are at least this far from parallel (sine; 35°).
const MIN_CROSSING: f32 = 0.57;
/// Opposite sides are at most this far from parallel (cosine; 40°).
const MIN_ALIGNMENT: f32 = 0.766;
/// A side of which less than this share is seen is no side.
const MIN_SUPPORT: f32 = 0.15;
/// Shortest side, working pixels.
const MIN_SIDE: f32 = 24.0;
/// How far beyond a corner a side is checked for going on, as a share of the side.
const OVERRUN: f32 = 0.2;

/// Number of measures that a quad is judged by.
pub(super) const FEATURES: usize = 14;

/// A quad in working pixels with its score.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Clockwise corners.
    pub corners: [(f32, f32); 4],
    /// Whether side `i` (from corner `i` to the next) is an edge of the frame.
    pub virtual_sides: [bool; 4],
    pub features: [f32; FEATURES],
    pub score: f32,
}

/// Weights of the features.
const WEIGHTS: [f32; FEATURES] = [1.0, 0.7, 0.3, 0.3, 0.3, -0.4, -0.2, 0.25, -0.3, -0.2, -0.3, -0.3, 0.2, 0.2];

/// All plausible quads, best first, at most `keep`.
pub(super) fn rank(lines: &[Line], width: usize, height: usize, keep: usize) -> Vec<Candidate> {
    let frame = Frame { width: width as f32, height: height as f32 };
    let crossings = Crossings::new(lines, &frame);
    let mut best: Vec<Candidate> = Vec::new();
    let n = lines.len();
    let mut across = Vec::new();
    for i in 0..n {
        for j in i + 1..n {
            if !opposite(&lines[i], &lines[j]) {
                continue;
            }
            across.clear();
            across.extend((0..n).filter(|&k| crossings.at(i, k).is_some() && crossings.at(j, k).is_some()));
            for (a, &k) in across.iter().enumerate() {
                // Every quad is met twice, once from each pair of opposite sides.
                if k < i {
                    continue;
                }
                let (Some(ti), Some(tj)) = (crossings.at(i, k), crossings.at(j, k)) else { continue };
                if !supported(&lines[k], crossings.at(k, i), crossings.at(k, j)) {
                    continue;
                }
                for &l in &across[a + 1..] {
                    if l < i
                        || !opposite(&lines[k], &lines[l])
                        || !supported(&lines[i], Some(ti), crossings.at(i, l))
                        || !supported(&lines[j], Some(tj), crossings.at(j, l))
                        || !supported(&lines[l], crossings.at(l, i), crossings.at(l, j))
                    {
                        continue;
                    }
                    if let Some(candidate) = judge(lines, &crossings, &frame, [i, k, j, l]) {
                        insert(&mut best, candidate, keep);
                    }
                }
            }
        }
    }
    best
}

/// Keeps the best few, dropping near copies.
fn insert(best: &mut Vec<Candidate>, candidate: Candidate, keep: usize) {
    let at = best.partition_point(|c| c.score >= candidate.score);
    if at >= keep {
        return;
    }
    best.insert(at, candidate);
    best.truncate(keep);
}

struct Frame {
    width: f32,
    height: f32,
}

impl Frame {
    fn holds(&self, x: f32, y: f32) -> bool {
        let (mx, my) = (self.width * MAX_OUTSIDE, self.height * MAX_OUTSIDE);
        x > -mx && y > -my && x < self.width + mx && y < self.height + my
    }
}

/// Where lines meet: for each pair the length along the first.
struct Crossings {
    count: usize,
    lengths: Vec<f32>,
}

impl Crossings {
    fn new(lines: &[Line], frame: &Frame) -> Self {
        let count = lines.len();
        let mut lengths = vec![f32::NAN; count * count];
        for (i, a) in lines.iter().enumerate() {
            for (j, b) in lines.iter().enumerate() {
                let sine = a.nx * b.ny - a.ny * b.nx;
                if sine.abs() < MIN_CROSSING {
                    continue;
                }
                let x = (a.d * b.ny - b.d * a.ny) / sine;
                let y = (b.d * a.nx - a.d * b.nx) / sine;
                if frame.holds(x, y) {
                    lengths[i * count + j] = -x * a.ny + y * a.nx;
                }
            }
        }
        Self { count, lengths }
    }

    fn at(&self, i: usize, j: usize) -> Option<f32> {
        let length = self.lengths[i * self.count + j];
        (!length.is_nan()).then_some(length)
    }
}

fn opposite(a: &Line, b: &Line) -> bool {
    (a.nx * b.nx + a.ny * b.ny).abs() > MIN_ALIGNMENT
}

fn supported(line: &Line, from: Option<f32>, to: Option<f32>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    if (to - from).abs() < MIN_SIDE {
        return false;
    }
    line.virtual_side || line.stretch(from.min(to), from.max(to)).support >= MIN_SUPPORT
}

/// Measures the quad whose sides lie on four lines in this order.
fn judge(lines: &[Line], crossings: &Crossings, frame: &Frame, sides: [usize; 4]) -> Option<Candidate> {
    let mut sides = sides;
    let mut corners = corners_of(lines, crossings, sides)?;
    if signed_area(&corners) < 0.0 {
        sides.swap(1, 3);
        corners = corners_of(lines, crossings, sides)?;
    }
    let convex = (0..4).all(|i| {
        let (a, b, c) = (corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]);
        (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0) > 0.0
    });
    let area = signed_area(&corners) / (frame.width * frame.height);
    if !convex || area < MIN_AREA {
        return None;
    }
    let virtual_sides = sides.map(|i| lines[i].virtual_side);
    let virtual_count = virtual_sides.iter().filter(|&&v| v).count();
    if virtual_count > 2 {
        return None;
    }
    let center = corners.iter().fold((0.0, 0.0), |c, p| (c.0 + 0.25 * p.0, c.1 + 0.25 * p.1));
    let mut seen = Seen::default();
    for (s, &i) in sides.iter().enumerate() {
        let line = &lines[i];
        let (from, to) = (crossings.at(i, sides[(s + 3) % 4])?, crossings.at(i, sides[(s + 1) % 4])?);
        let (from, to) = (from.min(to), from.max(to));
        let inside = usize::from(center.0 * line.nx + center.1 * line.ny > line.d);
        seen.add(line, from, to, inside);
    }
    let features = seen.features(area, virtual_count, &corners);
    let score = features.iter().zip(WEIGHTS).map(|(f, w)| f * w).sum();
    Some(Candidate { corners, virtual_sides, features, score })
}

/// Corner `i` lies where side `i - 1` meets side `i`.
fn corners_of(lines: &[Line], crossings: &Crossings, sides: [usize; 4]) -> Option<[(f32, f32); 4]> {
    let mut corners = [(0.0, 0.0); 4];
    for (s, corner) in corners.iter_mut().enumerate() {
        *corner = lines[sides[s]].at(crossings.at(sides[s], sides[(s + 3) % 4])?);
    }
    Some(corners)
}

fn signed_area(p: &[(f32, f32); 4]) -> f32 {
    (0..4).map(|i| p[i].0 * p[(i + 1) % 4].1 - p[(i + 1) % 4].0 * p[i].1).sum::<f32>() / 2.0
}

/// What the four sides show.
#[derive(Default)]
struct Seen {
    sides: Vec<(Stretch, usize)>,
    support: Vec<f32>,
    contrast: Vec<f32>,
    overrun: Vec<f32>,
}

impl Seen {
    fn add(&mut self, line: &Line, from: f32, to: f32, inside: usize) {
        let stretch = line.stretch(from, to);
        if !line.virtual_side {
            self.support.push(stretch.support);
            self.contrast.push((stretch.difference / 24.0).min(1.0));
            let reach = OVERRUN * (to - from);
            let before = line.stretch(from - 6.0 - reach, from - 6.0);
            let after = line.stretch(to + 6.0, to + 6.0 + reach);
            // What cannot be seen is as bad as half an overrun, or tight crops would look best.
            for (end, beyond) in [before, after].iter().enumerate() {
                let _ = end;
                self.overrun.push(if beyond.visible > 8.0 { beyond.support } else { 0.3 });
            }
        }
        self.sides.push((stretch, inside));
    }

    fn features(&self, area: f32, virtual_count: usize, corners: &[(f32, f32); 4]) -> [f32; FEATURES] {
        let mut support = self.support.clone();
        support.sort_by(f32::total_cmp);
        let mut contrast = self.contrast.clone();
        contrast.sort_by(f32::total_cmp);
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len().max(1) as f32;
        let inner: Vec<[f32; 3]> = self.sides.iter().map(|(s, inside)| s.color[*inside]).collect();
        let mut chroma_spread = 0.0f32;
        let mut luma_spread = 0.0f32;
        for a in 0..inner.len() {
            for b in a + 1..inner.len() {
                let (la, lb) = (luma(inner[a]), luma(inner[b]));
                luma_spread = luma_spread.max((la - lb).abs());
                let scale = la.max(lb).max(1.0);
                let (ca, cb) = (inner[a].map(|v| v * scale / la.max(1.0)), inner[b].map(|v| v * scale / lb.max(1.0)));
                chroma_spread = chroma_spread.max(difference(ca, cb));
            }
        }
        let inner_deviation = mean(&self.sides.iter().map(|(s, inside)| s.deviation[*inside]).collect::<Vec<_>>());
        let brighter = mean(
            &self
                .sides
                .iter()
                .map(|(s, inside)| ((luma(s.color[*inside]) - luma(s.color[1 - *inside])) / 30.0).clamp(-1.0, 1.0))
                .collect::<Vec<_>>(),
        );
        let inner_luma = mean(&inner.iter().map(|c| luma(*c)).collect::<Vec<_>>());
        let max_cosine = (0..4)
            .map(|i| {
                let (a, b, c) = (corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]);
                let (u, v) = ((b.0 - a.0, b.1 - a.1), (c.0 - b.0, c.1 - b.1));
                ((u.0 * v.0 + u.1 * v.1) / (u.0.hypot(u.1) * v.0.hypot(v.1)).max(1e-6)).abs()
            })
            .fold(0.0, f32::max);
        [
            mean(&support),
            support[0],
            support.get(1).copied().unwrap_or(0.0),
            mean(&contrast),
            contrast[0],
            mean(&self.overrun),
            self.overrun.iter().copied().fold(0.0, f32::max),
            area.ln(),
            virtual_count as f32,
            (chroma_spread / 40.0).min(1.5),
            (luma_spread / 80.0).min(1.5),
            (inner_deviation / 30.0).min(1.5),
            brighter,
            inner_luma / 255.0 - max_cosine,
        ]
    }
}
