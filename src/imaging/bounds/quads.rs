//! Quads from line candidates, and the search for the one that looks most like the outline of a sheet.
//!
//! Any two pairs of opposite lines make a quad: with 68 lines some hundred thousand. Which stretches of which lines can
//! be sides is settled once and kept in bit sets, so that only quads with four supported sides are ever formed. These
//! get a quick score, and the best few hundred are judged in full (see `evidence`).

use super::edges::{EdgeMap, Outline};
use super::evidence::{Evidence, Side};
use super::lines::Line;

/// Sheets cover at least this share of the frame: an ID-1 card on an A3 bed covers 3.7 %.
pub(super) const MIN_AREA: f32 = 0.025;
/// Corners farther outside the frame than this share of its size are not trusted.
const MAX_OUTSIDE: f32 = 0.35;
/// Sides that meet are at least this far from parallel (sine; 35°).
const MIN_CROSSING: f32 = 0.57;
/// Opposite sides are at most this far from parallel (cosine; 40°).
const MIN_ALIGNMENT: f32 = 0.766;
/// A side of which less than this share is seen is no side.
const MIN_SUPPORT: f32 = 0.25;
/// What an edge of the frame counts as when the sheet goes on beyond it.
const VIRTUAL_SUPPORT: f32 = 0.5;
/// At most this many sides may be edges of the frame.
const MAX_VIRTUAL_SIDES: usize = 2;
/// Shortest side, working pixels.
const MIN_SIDE: f32 = 24.0;
/// Quads that are judged in full; the search and the judging of so many take 2 ms together.
const SHORT_LIST: usize = 600;

/// A quad in working pixels with its score.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Clockwise corners; side `i` runs from corner `i` to the next.
    pub corners: [(f32, f32); 4],
    /// Whether a side is an edge of the frame.
    pub virtual_sides: [bool; 4],
    /// Share of each side that is supported by edges.
    pub support: [f32; 4],
    pub evidence: Evidence,
    score: f32,
}

/// All plausible quads, best first.
pub(super) fn rank(map: &EdgeMap, lines: &[Line], scanned: bool) -> Vec<Candidate> {
    let frame = Frame::new(map);
    let crossings = Crossings::new(lines, &frame);
    let mut short_list = Segments::new(lines, &crossings).short_list(&crossings);
    if short_list.len() > SHORT_LIST {
        short_list.select_nth_unstable_by(SHORT_LIST, |a, b| b.0.total_cmp(&a.0));
        short_list.truncate(SHORT_LIST);
    }
    short_list.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let judged = short_list.into_iter().filter_map(|(_, sides)| judge(lines, &crossings, &frame, sides, scanned));
    let mut candidates: Vec<Candidate> = judged.collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates
}

/// The first of the ranked quads, or one of two apart that together look more like two sheets than it looks like one: two
/// cards in a row have a common outline, too, with a gap in two of its sides.
pub(super) fn choose(ranked: &[Candidate], frame: &Frame, scanned: bool) -> Option<Candidate> {
    /// Quads looked at.
    const BEST: usize = 24;
    let first = ranked.first()?;
    let within = |candidate: &&Candidate| {
        !candidate.virtual_sides.contains(&true) && overlap(&candidate.corners, &first.corners) > 0.9
    };
    let mut parts: Vec<&Candidate> = ranked[1..].iter().filter(within).collect();
    let alone = |candidate: &Candidate| candidate.evidence.among(0.0, 0.0).score(scanned);
    parts.sort_by(|a, b| alone(b).total_cmp(&alone(a)));
    parts.truncate(BEST);
    let mut best = (first.score, first);
    for (i, a) in parts.iter().enumerate() {
        for b in &parts[i + 1..] {
            let areas = [a, b].map(|part| signed_area(&part.corners));
            if overlap(&a.corners, &b.corners) > 0.02 || areas[0].max(areas[1]) > 3.0 * areas[0].min(areas[1]) {
                continue;
            }
            let score = |part: &Candidate, area: f32, outside: f32| {
                part.evidence.among(outside, ((areas[0] + areas[1]) / area).ln()).score(scanned)
            };
            let worse = |outside| score(a, areas[0], outside).min(score(b, areas[1], outside));
            // The count of the edges outside is only worth its time where the rest is good enough.
            if worse(0.0) <= best.0 {
                continue;
            }
            let both = worse(frame.edges_outside(&[a.corners, b.corners]));
            if both > best.0 {
                best = (both, if a.score >= b.score { a } else { b });
            }
        }
    }
    Some(best.1.clone())
}

/// Set of lines.
type Set = u128;

/// Which stretches of lines between which other lines may be sides.
struct Segments {
    count: usize,
    /// `support[(i n + k) n + l]`: share of line `i` between lines `k` and `l` that is supported, in parts of 255: a list
    /// that fits the cache.
    support: Vec<u8>,
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
            support: vec![0; n * n * n],
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
                        if line.virtual_side { VIRTUAL_SUPPORT } else { line.support(from.min(to), from.max(to)) };
                    if support >= MIN_SUPPORT {
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
                        let support = (support * 255.0) as u8;
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
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 128 lines")]
    fn short_list(&self, crossings: &Crossings) -> Vec<(f32, [u8; 4])> {
        let n = self.count;
        let mut quads = Vec::new();
        for i in 0..n {
            for j in members(self.opposite[i] & above(i)) {
                let across = self.between[i * n + j] & above(i);
                for k in members(across) {
                    let last = across & above(k) & self.opposite[k] & self.from[i * n + k] & self.from[j * n + k];
                    for l in members(last) {
                        let sides = [(i, k, l), (k, i, j), (j, k, l), (l, i, j)];
                        let (mut supported, mut total) = (0.0, 0.0);
                        let mut weakest = 1.0f32;
                        for (side, from, to) in sides {
                            let (Some(a), Some(b)) = (crossings.at(side, from), crossings.at(side, to)) else {
                                continue;
                            };
                            let support = f32::from(self.support[(side * n + from) * n + to]) / 255.0;
                            let length = (a - b).abs();
                            supported += length * support;
                            total += length;
                            weakest = weakest.min(support);
                        }
                        quads.push((
                            supported / total + 0.5 * weakest + 0.2 * total.ln(),
                            [i, k, j, l].map(|side| side as u8),
                        ));
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

/// The frame and a sample of the clear edges in it.
pub(super) struct Frame {
    width: f32,
    height: f32,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Frame {
    pub(super) fn new(map: &EdgeMap) -> Self {
        /// Edges looked at.
        const SAMPLE: usize = 1000;
        /// Weaker edges may be noise, grey levels.
        const CLEAR_EDGE: f32 = 10.0;
        let clear = map.points.iter().filter(|p| p.strength > CLEAR_EDGE);
        let stride = (clear.clone().count() / SAMPLE).max(1);
        let (x, y) = clear.step_by(stride).map(|p| (p.x, p.y)).unzip();
        Self { width: map.width as f32, height: map.height as f32, x, y }
    }

    /// Share of the clear edges that lie outside all these clockwise quads.
    pub(super) fn edges_outside(&self, sheets: &[[(f32, f32); 4]]) -> f32 {
        /// Distance from a side at which an edge no longer belongs to it, working pixels.
        const CLEAR: f32 = 5.0;
        let mut outside = vec![1u32; self.x.len()];
        for corners in sheets {
            let outline = Outline::new(corners, CLEAR);
            for (outside, (&x, &y)) in outside.iter_mut().zip(self.x.iter().zip(&self.y)) {
                *outside &= u32::from(!outline.holds(x, y));
            }
        }
        outside.iter().sum::<u32>() as f32 / self.x.len().max(1) as f32
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

/// Judges the quad whose sides lie on four lines in this order.
fn judge(lines: &[Line], crossings: &Crossings, frame: &Frame, sides: [u8; 4], scanned: bool) -> Option<Candidate> {
    let mut sides = sides.map(usize::from);
    let mut corners = corners_of(lines, crossings, sides)?;
    if signed_area(&corners) < 0.0 {
        sides.swap(1, 3);
        corners = corners_of(lines, crossings, sides)?;
    }
    let area = signed_area(&corners) / (frame.width * frame.height);
    let virtual_sides = sides.map(|i| lines[i].virtual_side);
    let virtual_count = virtual_sides.iter().filter(|&&v| v).count();
    if !is_convex(&corners) || area < MIN_AREA || virtual_count > MAX_VIRTUAL_SIDES {
        return None;
    }
    let center = corners.iter().fold((0.0, 0.0), |c, p| (c.0 + 0.25 * p.0, c.1 + 0.25 * p.1));
    let mut seen = Vec::with_capacity(4);
    for (s, &i) in sides.iter().enumerate() {
        let (from, to) = (crossings.at(i, sides[(s + 3) % 4])?, crossings.at(i, sides[(s + 1) % 4])?);
        seen.push(Side::new(&lines[i], from.min(to), from.max(to), center));
    }
    let evidence = Evidence::new(&seen, area, &corners, frame.edges_outside(&[corners]));
    let score = evidence.score(scanned);
    let support = [0, 1, 2, 3].map(|i| seen[i].support());
    Some(Candidate { corners, virtual_sides, support, evidence, score })
}

/// Corner `i` lies where side `i - 1` meets side `i`.
fn corners_of(lines: &[Line], crossings: &Crossings, sides: [usize; 4]) -> Option<[(f32, f32); 4]> {
    let mut corners = [(0.0, 0.0); 4];
    for (s, corner) in corners.iter_mut().enumerate() {
        *corner = lines[sides[s]].at(crossings.at(sides[s], sides[(s + 3) % 4])?);
    }
    Some(corners)
}

/// Area of an outline, positive when its corners run clockwise.
pub(super) fn signed_area(p: &[(f32, f32)]) -> f32 {
    let next = p.iter().cycle().skip(1);
    p.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f32>() / 2.0
}

/// Common area of two clockwise outlines as a share of the smaller.
pub(super) fn overlap(a: &[(f32, f32); 4], b: &[(f32, f32); 4]) -> f32 {
    // Sutherland and Hodgman 1974: one outline is cut by the sides of the other.
    let mut common = a.to_vec();
    for i in 0..4 {
        let (p, q) = (b[i], b[(i + 1) % 4]);
        let height = |r: (f32, f32)| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
        let mut kept = Vec::with_capacity(common.len() + 1);
        for (k, &here) in common.iter().enumerate() {
            let before = common[(k + common.len() - 1) % common.len()];
            let (from, to) = (height(before), height(here));
            if (from >= 0.0) != (to >= 0.0) {
                let t = from / (from - to);
                kept.push((before.0 + t * (here.0 - before.0), before.1 + t * (here.1 - before.1)));
            }
            if to >= 0.0 {
                kept.push(here);
            }
        }
        common = kept;
    }
    signed_area(&common) / signed_area(a).min(signed_area(b)).max(1e-3)
}

fn is_convex(p: &[(f32, f32); 4]) -> bool {
    (0..4).all(|i| {
        let (a, b, c) = (p[i], p[(i + 1) % 4], p[(i + 2) % 4]);
        (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0) > 0.0
    })
}
