//! Quads from line candidates, and how much each looks like the outline of a sheet.

use super::edges::EdgeMap;
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
const MIN_SUPPORT: f32 = 0.25;
/// Shortest side, working pixels.
const MIN_SIDE: f32 = 24.0;
/// How far beyond a corner a side is checked for going on, as a share of the side.
const OVERRUN: f32 = 0.2;

/// Quads that are measured in full.
const SHORT_LIST: usize = 600;
/// Number of measures that a quad is judged by.
pub(super) const FEATURES: usize = 21;

/// A quad in working pixels with its score.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Clockwise corners.
    pub corners: [(f32, f32); 4],
    /// Whether side `i` (from corner `i` to the next) is an edge of the frame.
    pub virtual_sides: [bool; 4],
    /// Share of each side that is supported by edges.
    pub support: [f32; 4],
    pub features: [f32; FEATURES],
    pub score: f32,
}

/// Weights of the features on photos and on scans.
const PHOTO_WEIGHTS: [f32; FEATURES] = [10.21, 5.96, 3.54, 0.52, 0.82, -8.11, -2.58, 1.24, -1.38, -1.30, -0.12, 0.15, 2.12, 2.58, -1.24, 2.45, 2.76, 1.26, -1.74, -7.31, -2.43];
const SCAN_WEIGHTS: [f32; FEATURES] = [5.36, 4.89, 1.60, -0.72, 0.62, -4.88, -2.96, 1.41, -1.25, -0.42, -1.22, -0.93, 0.95, 2.07, -5.79, 1.04, 1.50, -2.90, -5.87, -3.91, -1.12];

/// All plausible quads, best first, at most `keep`.
pub(super) fn rank(map: &EdgeMap, lines: &[Line], scanned: bool, keep: usize) -> Vec<Candidate> {
    let frame = Frame::new(map);
    let weights = if scanned { &SCAN_WEIGHTS } else { &PHOTO_WEIGHTS };
    let crossings = Crossings::new(lines, &frame);
    let segments = Segments::new(lines, &crossings);
    let mut short_list = segments.short_list(&crossings, lines);
    short_list.sort_by(|a, b| b.0.total_cmp(&a.0));
    short_list.truncate(SHORT_LIST);
    let mut best: Vec<Candidate> = Vec::new();
    for (_, sides) in short_list {
        if let Some(candidate) = judge(lines, &crossings, &frame, sides, weights) {
            insert(&mut best, candidate, keep);
        }
    }
    best
}

/// Set of lines.
type Set = u128;

/// Which stretches of lines between which other lines may be sides.
struct Segments {
    count: usize,
    /// `support[(i n + k) n + l]`: share of line `i` between lines `k` and `l` that is supported.
    support: Vec<f32>,
    /// `from[i n + k]`: the lines `l` for which line `i` between `k` and `l` may be a side.
    from: Vec<Set>,
    /// `between[i n + j]`: the lines that may be a side between lines `i` and `j`.
    between: Vec<Set>,
    opposite: Vec<Set>,
}

impl Segments {
    fn new(lines: &[Line], crossings: &Crossings) -> Self {
        let n = lines.len();
        assert!(n <= Set::BITS as usize, "lines are limited by the caller");
        let mut segments = Self {
            count: n,
            support: vec![0.0; n * n * n],
            from: vec![0; n * n],
            between: vec![0; n * n],
            opposite: vec![0; n],
        };
        for (i, line) in lines.iter().enumerate() {
            for (j, other) in lines.iter().enumerate() {
                if i != j && (line.nx * other.nx + line.ny * other.ny).abs() > MIN_ALIGNMENT {
                    segments.opposite[i] |= 1 << j;
                }
            }
            for k in 0..n {
                let Some(from) = crossings.at(i, k) else { continue };
                for l in k + 1..n {
                    let Some(to) = crossings.at(i, l) else { continue };
                    if (to - from).abs() < MIN_SIDE {
                        continue;
                    }
                    let support =
                        if line.virtual_side { MIN_SUPPORT } else { line.support(from.min(to), from.max(to)) };
                    if support >= MIN_SUPPORT {
                        segments.support[(i * n + k) * n + l] = support;
                        segments.support[(i * n + l) * n + k] = support;
                        segments.from[i * n + k] |= 1 << l;
                        segments.from[i * n + l] |= 1 << k;
                        segments.between[k * n + l] |= 1 << i;
                        segments.between[l * n + k] |= 1 << i;
                    }
                }
            }
        }
        segments
    }

    /// All quads `[i, k, j, l]`, `i` opposite to `j` and `k` to `l`, with a quick score: how much of their outline is
    /// supported, and how long that is.
    fn short_list(&self, crossings: &Crossings, lines: &[Line]) -> Vec<(f32, [usize; 4])> {
        let n = self.count;
        let mut quads = Vec::new();
        for i in 0..n {
            for j in members(self.opposite[i] & above(i)) {
                let across = self.between[i * n + j] & above(i);
                for k in members(across) {
                    let last =
                        across & above(k) & self.opposite[k] & self.from[i * n + k] & self.from[j * n + k];
                    for l in members(last) {
                        let sides = [(i, k, l), (k, i, j), (j, k, l), (l, i, j)];
                        let (mut supported, mut total) = (0.0, 0.0);
                        let mut weakest = 1.0f32;
                        for (side, from, to) in sides {
                            let (Some(a), Some(b)) = (crossings.at(side, from), crossings.at(side, to)) else { continue };
                            let support = if lines[side].virtual_side { 0.5 } else { self.support[(side * n + from) * n + to] };
                            let length = (a - b).abs();
                            supported += length * support;
                            total += length;
                            weakest = weakest.min(support);
                        }
                        quads.push((supported / total + 0.5 * weakest + 0.2 * total.ln(), [i, k, j, l]));
                    }
                }
            }
        }
        quads
    }
}

/// The members of a set, ascending.
fn members(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = set.trailing_zeros();
        (first < Set::BITS).then(|| {
            set &= set - 1;
            first as usize
        })
    })
}

/// All lines with a higher number.
fn above(i: usize) -> Set {
    Set::MAX.checked_shl(u32::try_from(i + 1).unwrap_or(Set::BITS)).unwrap_or(0)
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
    /// A sample of the edges.
    edges: Vec<(f32, f32)>,
}

impl Frame {
    fn new(map: &EdgeMap) -> Self {
        /// Edges looked at.
        const SAMPLE: usize = 1000;
        let stride = (map.points.len() / SAMPLE).max(1);
        let edges = map.points.iter().step_by(stride).map(|p| (p.x, p.y)).collect();
        Self { width: map.width as f32, height: map.height as f32, edges }
    }

    /// Share of the edges that lie clear of a clockwise quad.
    fn edges_outside(&self, corners: &[(f32, f32); 4]) -> f32 {
        /// Distance from a side at which an edge no longer belongs to it, working pixels.
        const CLEAR: f32 = 5.0;
        let sides = [0, 1, 2, 3].map(|i| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-3);
            let (nx, ny) = ((a.1 - b.1) / length, (b.0 - a.0) / length);
            (nx, ny, a.0 * nx + a.1 * ny - CLEAR)
        });
        let outside = self.edges.iter().filter(|(x, y)| sides.iter().any(|(nx, ny, d)| x * nx + y * ny < *d)).count();
        outside as f32 / self.edges.len().max(1) as f32
    }

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

/// Measures the quad whose sides lie on four lines in this order.
fn judge(
    lines: &[Line],
    crossings: &Crossings,
    frame: &Frame,
    sides: [usize; 4],
    weights: &[f32; FEATURES],
) -> Option<Candidate> {
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
    let support = [0, 1, 2, 3].map(|i| seen.sides[i].0.support);
    let mut features = seen.features(area, virtual_count, &corners);
    features[18] = frame.edges_outside(&corners);
    let score = features.iter().zip(weights).map(|(f, w)| f * w).sum();
    Some(Candidate { corners, virtual_sides, support, features, score })
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
    ruled: Vec<f32>,
}

impl Seen {
    fn add(&mut self, line: &Line, from: f32, to: f32, inside: usize) {
        let stretch = line.stretch(from, to);
        if !line.virtual_side {
            self.support.push(stretch.support);
            self.ruled.push(stretch.ruled);
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
        let separation: Vec<f32> = self
            .sides
            .iter()
            .filter(|(s, _)| s.difference > 0.0)
            .map(|(s, inside)| {
                let noise = 0.5 * (s.deviation[0] + s.deviation[1]);
                let _ = inside;
                difference(s.color[0], s.color[1]) / (10.0 + noise + difference(s.color[0], s.color[1]))
            })
            .collect();
        let ruled: Vec<f32> = self.ruled.clone();
        let outer_deviation =
            mean(&self.sides.iter().map(|(s, inside)| s.deviation[1 - *inside]).collect::<Vec<_>>());
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
            inner_luma / 255.0,
            max_cosine,
            mean(&separation),
            separation.iter().copied().fold(1.0, f32::min),
            (outer_deviation / 30.0).min(1.5),
            0.0,
            mean(&ruled),
            ruled.iter().copied().fold(1.0, f32::min),
        ]
    }
}
