//! Text lines from connected components.
//!
//! 1. Small components above or below a larger one are its marks (dấu): they follow their base glyph, so that the
//!    stacked marks of Vietnamese never form lines of their own nor join the line above.
//! 2. Base glyphs are linked to their nearest neighbours of like height at the same level; chains are segments.
//! 3. Segments with a common baseline and a gap of a word are joined. Columns stay apart: their gap is wider.
//! 4. What is left over (points, commas, hyphens, lone marks) joins the segment in whose band it lies.
//!
//! Limits: letters of two lines that touch form one component; it is shown to both lines.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use image::GrayImage;

use super::components::{Bounds, Component};
use super::prepare::Prepared;

/// Measures in pixels at the working resolution of 200 dpi.
mod size {
    /// Lowest base glyph: the x-height of 6 point print.
    pub(super) const BASE: i32 = 7;
    /// Tallest glyph: capitals of 40 points with marks.
    pub(super) const TALLEST: i32 = 110;
    /// Least area of anything.
    pub(super) const SPECK: i32 = 4;
    /// Largest leader dot.
    pub(super) const DOT: i32 = 6;
    /// Largest distance of the centres of neighbouring leader dots (2.3 mm).
    pub(super) const DOT_PITCH: i32 = 18;
}

/// Dots in a row from which on they are a leader.
const LEADER_DOTS: usize = 4;

/// Links between neighbours bridge gaps up to this multiple of the taller one's height.
const LINK_GAP: f64 = 0.75;

/// Height of a thing that is no letter of a line, as a share of the line's size.
const SMALL_PART: f64 = 0.5;

/// Segments are joined over gaps up to this multiple of their size: justified words, not columns.
const WORD_GAP: f64 = 1.25;

/// One line, or the part of it that lies in one column or cell.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// All ink.
    pub(crate) bounds: Bounds,
    /// Base glyphs only.
    pub(crate) body: Bounds,
    /// Median height of the base glyphs.
    pub(crate) size: f64,
    /// Numbers of the components, ascending.
    members: Vec<u32>,
    bases: usize,
    baseline: Baseline,
}

impl Line {
    /// Number of base glyphs.
    pub(crate) fn glyphs(&self) -> usize {
        self.bases
    }

    /// Height of the baseline at `x`.
    pub(crate) fn baseline_at(&self, x: i32) -> f64 {
        self.baseline.at(f64::from(x))
    }
}

/// `y = a + b u + c u²` with `u = (x - center) / half`.
#[derive(Clone, Copy, Debug)]
struct Baseline {
    center: f64,
    half: f64,
    a: f64,
    b: f64,
    c: f64,
}

impl Baseline {
    fn at(&self, x: f64) -> f64 {
        let u = ((x - self.center) / self.half).clamp(-1.1, 1.1);
        self.a + u * (self.b + u * self.c)
    }
}

/// What a component is taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// No text.
    Dropped,
    /// A letter or digit.
    Base,
    /// A mark of the base glyph with this number.
    Mark(u32),
    /// Too small to say.
    Small,
}

/// Finds the lines, from top to bottom.
pub(crate) fn find(page: &Prepared) -> Vec<Line> {
    let list = &page.components.list;
    let index = Index::new(list, page.gray.dimensions());
    let mut roles = first_roles(page);
    drop_leaders(list, &index, &mut roles);
    attach_marks(list, &index, &mut roles);
    let mut segments = link(page, &index, &roles);
    segments = segments.into_iter().flat_map(|s| split_by_size(list, s)).collect();
    dissolve_small(list, &mut segments, &mut roles);
    segments = join_segments(page, segments);
    let mut lines: Vec<Vec<u32>> = segments.into_iter().map(|s| s.bases).collect();
    let shapes: Vec<Shape> = lines.iter().map(|bases| Shape::of(list, bases)).collect();
    let base_counts: Vec<usize> = lines.iter().map(Vec::len).collect();
    let mut line_of = vec![usize::MAX; list.len()];
    for (number, bases) in lines.iter().enumerate() {
        bases.iter().for_each(|&b| line_of[b as usize] = number);
    }
    for (i, role) in roles.iter().enumerate() {
        let line = match role {
            Role::Mark(base) => Some(line_of[*base as usize]),
            Role::Small => nearest_line(&list[i].bounds, &shapes),
            Role::Dropped | Role::Base => None,
        };
        if let Some(line) = line.filter(|&l| l < lines.len()) {
            lines[line].push(i as u32);
        }
    }
    let usual = median(shapes.iter().filter(|s| s.count > 3).map(|s| s.size).collect());
    let mut lines: Vec<Line> = lines
        .into_iter()
        .zip(shapes)
        .zip(base_counts)
        .map(|((mut members, shape), bases)| {
            let bounds =
                members.iter().map(|&m| list[m as usize].bounds).reduce(|a, b| a.union(&b)).unwrap_or_default();
            members.sort_unstable();
            Line { bounds, body: shape.body, size: shape.size, members, bases, baseline: shape.baseline }
        })
        .filter(|line| is_text(line, usual))
        .collect();
    lines.sort_by_key(|line| (line.body.y0, line.body.x0));
    lines
}

/// Rejects specks and lone large strokes; the engine's confidence rejects the rest.
fn is_text(line: &Line, usual: f64) -> bool {
    let letter = line.size >= 1.4 * f64::from(size::BASE) && line.body.width() >= 3;
    line.bases > 1 || (letter && (line.size < 2.2 * usual || usual == 0.0))
}

fn first_roles(page: &Prepared) -> Vec<Role> {
    let mm = page.dpi / 25.4;
    page.components
        .list
        .iter()
        .zip(&page.graphic)
        .enumerate()
        .map(|(i, (c, &graphic))| {
            let (w, h) = (c.bounds.width(), c.bounds.height());
            let fill = f64::from(c.area) / (f64::from(w) * f64::from(h));
            let signature = f64::from(w) > 9.0 * mm && f64::from(h) > 3.0 * mm && fill < 0.20;
            // Punch holes and blots.
            let blot = w.min(h) > 36 && fill > 0.74;
            let bar = w > 40 && w > 6 * h && fill > 0.6;
            // Desk, shadow or punched edge beyond the paper.
            let b = c.bounds;
            let (right, bottom) = (page.gray.width() as i32, page.gray.height() as i32);
            let edge = w.max(h) > 12 && (b.x0 <= 1 || b.y0 <= 1 || b.x1 >= right - 1 || b.y1 >= bottom - 1);
            if graphic
                || signature
                || blot
                || bar
                || edge
                || c.area < size::SPECK
                || h > size::TALLEST
                || is_check_box(page, i, c)
            {
                Role::Dropped
            } else if h >= size::BASE {
                Role::Base
            } else {
                Role::Small
            }
        })
        .collect()
}

/// An empty square: nearly closed on all four sides, hollow.
fn is_check_box(page: &Prepared, number: usize, c: &Component) -> bool {
    let b = c.bounds;
    let (w, h) = (b.width(), b.height());
    if h < 16 || (w - h).abs() * 6 > w.max(h) || c.area * 100 > w * h * 45 {
        return false;
    }
    let width = page.gray.width() as usize;
    let own = |x: i32, y: i32| page.labels[y as usize * width + x as usize] == number as u32 + 1;
    let side = |along: i32, hit: &dyn Fn(i32, i32) -> bool| {
        (0..along).filter(|&i| (0..4).any(|depth| hit(i, depth))).count() as i32 * 100 >= along * 88
    };
    let sixth = h / 6;
    let corner = |x0: i32, y0: i32| (0..sixth).any(|y| (0..sixth).any(|x| own(x0 + x, y0 + y)));
    corner(b.x0, b.y0)
        && corner(b.x1 - sixth, b.y0)
        && corner(b.x0, b.y1 - sixth)
        && corner(b.x1 - sixth, b.y1 - sixth)
        && side(w, &|i, d| own(b.x0 + i, b.y0 + d))
        && side(w, &|i, d| own(b.x0 + i, b.y1 - 1 - d))
        && side(h, &|i, d| own(b.x0 + d, b.y0 + i))
        && side(h, &|i, d| own(b.x1 - 1 - d, b.y0 + i))
        && !(h / 3..h * 2 / 3).any(|y| (w / 3..w * 2 / 3).any(|x| own(b.x0 + x, b.y0 + y)))
}

/// Components by squares of the picture, for neighbour queries.
struct Index {
    columns: i32,
    rows: i32,
    cells: Vec<Vec<u32>>,
}

impl Index {
    const SIDE: i32 = 48;

    fn new(list: &[Component], (width, height): (u32, u32)) -> Self {
        let (columns, rows) = (width as i32 / Self::SIDE + 1, height as i32 / Self::SIDE + 1);
        let mut cells = vec![Vec::new(); (columns * rows) as usize];
        for (i, c) in list.iter().enumerate() {
            let b = c.bounds;
            // Frames would fill the index and are nobody's neighbours.
            if b.width().max(b.height()) > 12 * Self::SIDE {
                continue;
            }
            for y in b.y0 / Self::SIDE..=(b.y1 - 1) / Self::SIDE {
                for x in b.x0 / Self::SIDE..=(b.x1 - 1) / Self::SIDE {
                    cells[(y * columns + x) as usize].push(i as u32);
                }
            }
        }
        Self { columns, rows, cells }
    }

    /// Numbers of the components that touch the squares of a box, ascending.
    fn near(&self, b: Bounds, out: &mut Vec<u32>) {
        out.clear();
        let cell = |v: i32, n: i32| (v.max(0) / Self::SIDE).min(n - 1);
        for y in cell(b.y0, self.rows)..=cell(b.y1, self.rows) {
            for x in cell(b.x0, self.columns)..=cell(b.x1, self.columns) {
                out.extend_from_slice(&self.cells[(y * self.columns + x) as usize]);
            }
        }
        out.sort_unstable();
        out.dedup();
    }
}

/// Drops rows of [`LEADER_DOTS`] or more dots.
fn drop_leaders(list: &[Component], index: &Index, roles: &mut [Role]) {
    let is_dot = |i: usize, roles: &[Role]| {
        let b = list[i].bounds;
        roles[i] != Role::Dropped && b.width() <= size::DOT && b.height() <= size::DOT
    };
    let mut next = vec![usize::MAX; list.len()];
    let mut has_left = vec![false; list.len()];
    let mut near = Vec::new();
    for i in (0..list.len()).filter(|&i| is_dot(i, roles)) {
        let b = list[i].bounds;
        index.near(Bounds { x0: b.x0, y0: b.y0, x1: b.x1 + size::DOT_PITCH, y1: b.y1 }, &mut near);
        let right = near
            .iter()
            .map(|&j| j as usize)
            .filter(|&j| {
                let other = list[j].bounds;
                let step = other.x0 - b.x0;
                is_dot(j, roles) && step > 2 && step <= size::DOT_PITCH && (other.center_y() - b.center_y()).abs() <= 2
            })
            .min_by_key(|&j| list[j].bounds.x0);
        if let Some(right) = right {
            next[i] = right;
            has_left[right] = true;
        }
    }
    for start in (0..list.len()).filter(|&i| next[i] != usize::MAX && !has_left[i]) {
        let row: Vec<usize> =
            std::iter::successors(Some(start), |&i| Some(next[i]).filter(|&n| n != usize::MAX)).collect();
        let leader = even_part(list, &row);
        if leader.len() >= LEADER_DOTS {
            leader.iter().for_each(|&i| roles[i] = Role::Dropped);
        }
    }
}

/// The row without dots at its ends that keep another distance: a colon's, or a mark's below a letter.
fn even_part<'a>(list: &[Component], row: &'a [usize]) -> &'a [usize] {
    let step = |pair: &[usize]| f64::from(list[pair[1]].bounds.center_x() - list[pair[0]].bounds.center_x());
    let steps: Vec<f64> = row.windows(2).map(step).collect();
    let usual = median(steps.clone());
    let even = |s: &f64| (s - usual).abs() <= 0.3 * usual + 1.0;
    let first = steps.iter().position(even).unwrap_or(0);
    let last = steps.iter().rposition(even).map_or(0, |i| i + 1);
    &row[first..=last.max(first)]
}

/// Finds the base glyph of each mark.
fn attach_marks(list: &[Component], index: &Index, roles: &mut [Role]) {
    let mut near = Vec::new();
    let mut found = Vec::new();
    for i in (0..list.len()).filter(|&i| roles[i] != Role::Dropped) {
        let mark = list[i].bounds;
        let reach = 4 * mark.height().max(8);
        let around = Bounds { x0: mark.x0 - 8, y0: mark.y0 - reach / 2, x1: mark.x1 + 8, y1: mark.y1 + reach };
        index.near(around, &mut near);
        let best = near
            .iter()
            .filter(|&&j| j as usize != i && roles[j as usize] == Role::Base)
            .filter_map(|&j| mark_distance(&mark, &list[j as usize].bounds).map(|d| (d, j)))
            .min()
            .filter(|&(_, j)| {
                // A point beside a letter belongs to that letter's line, not to a capital far below.
                let far = (list[j as usize].bounds.y0 - mark.y1) * 3 > list[j as usize].bounds.height();
                !far || !near.iter().any(|&k| {
                    k as usize != i && roles[k as usize] == Role::Base && stands_beside(&mark, &list[k as usize].bounds)
                })
            });
        found.extend(best.map(|(_, base)| (i, base)));
    }
    // A mark on a mark goes to the base below both.
    let mut base_of = vec![u32::MAX; list.len()];
    found.iter().for_each(|&(mark, base)| base_of[mark] = base);
    for (mark, mut base) in found {
        for _ in 0..4 {
            match base_of[base as usize] {
                u32::MAX => break,
                below => base = below,
            }
        }
        if base_of[base as usize] == u32::MAX {
            roles[mark] = Role::Mark(base);
        }
    }
}

/// Whether a point is at a letter's side, within its height.
fn stands_beside(point: &Bounds, letter: &Bounds) -> bool {
    let gap = -point.overlap_x(letter);
    (point.y0 - letter.y0) * 5 >= letter.height() * 2
        && point.y1 <= letter.y1 + letter.height() / 4
        && gap > 0
        && gap * 10 <= letter.height() * 6
}

/// How badly a mark sits on a base glyph; `None` where it cannot.
fn mark_distance(mark: &Bounds, base: &Bounds) -> Option<i32> {
    let h = base.height();
    let sideways = (mark.center_x() - base.center_x()).abs();
    let above = base.y0 - mark.y1;
    // Stacked marks are high but sit close; a letter of the line above is high and sits far.
    let near = mark.height() * 4 <= h * 3 && above * 5 <= h;
    let small = mark.height() * 100 <= h * 45 && above * 10 <= h * 6;
    let fits_above = (near || small)
        && mark.width() * 10 <= base.width() * 16 + h * 6
        && above >= -h / 4
        && sideways <= base.width() / 2 + h / 4;
    let below = mark.y0 - base.y1;
    let fits_below = mark.height().max(mark.width()) * 10 <= h * 4
        && below >= -h / 8
        && below * 10 <= h * 4
        && sideways <= base.width() / 2;
    (fits_above || fits_below).then_some(above.max(below).max(0) * 2 + sideways)
}

/// A chain of base glyphs.
struct Segment {
    bases: Vec<u32>,
}

fn link(page: &Prepared, index: &Index, roles: &[Role]) -> Vec<Segment> {
    let list = &page.components.list;
    let bases: Vec<u32> = (0..list.len() as u32).filter(|&i| roles[i as usize] == Role::Base).collect();
    let mut sets = Sets::new(list.len());
    let mut near = Vec::new();
    let median = median(bases.iter().map(|&i| f64::from(list[i as usize].bounds.height())).collect());
    for &i in &bases {
        let b = list[i as usize].bounds;
        let reach = (LINK_GAP * f64::from(b.height()) * 2.0).max(24.0) as i32;
        let mut best: [Option<(i32, u32)>; 2] = [None, None];
        index.near(Bounds { x0: b.x0 - reach, y0: b.y0, x1: b.x1 + reach, y1: b.y1 }, &mut near);
        for &j in near.iter().filter(|&&j| j != i && roles[j as usize] == Role::Base) {
            let other = list[j as usize].bounds;
            if let Some(distance) = link_distance(&b, &other, median).filter(|_| !ruled_apart(page, &b, &other)) {
                let side = usize::from(other.center_x() < b.center_x());
                if best[side].is_none_or(|old| (distance, j) < old) {
                    best[side] = Some((distance, j));
                }
            }
        }
        best.into_iter().flatten().for_each(|(_, j)| sets.join(i, j));
    }
    groups(&bases, &mut sets)
}

/// Print of two sizes in one chain ("Số: 0123" with large figures) is cut where the height of ascenders changes.
fn split_by_size(list: &[Component], mut segment: Segment) -> Vec<Segment> {
    let bounds = |i: u32| list[i as usize].bounds;
    segment.bases.sort_by_key(|&i| (bounds(i).x0, i));
    let count = segment.bases.len();
    let tall = |part: &[u32]| {
        let mut heights: Vec<i32> = part.iter().map(|&i| bounds(i).height()).collect();
        heights.sort_unstable();
        f64::from(heights[heights.len() - 1])
    };
    let height = segment.bases.iter().map(|&i| bounds(i).height()).max().unwrap_or(0);
    let mut best: Option<(f64, usize)> = None;
    let mut right = i32::MIN;
    for at in 1..count {
        right = right.max(bounds(segment.bases[at - 1]).x1);
        let gap = bounds(segment.bases[at]).x0 - right;
        if at < SIZE_GLYPHS || count - at < SIZE_GLYPHS || gap * 4 < height {
            continue;
        }
        let (a, b) = (tall(&segment.bases[..at]), tall(&segment.bases[at..]));
        let ratio = a.max(b) / a.min(b);
        if ratio >= SIZE_RATIO && best.is_none_or(|(old, _)| ratio > old) {
            best = Some((ratio, at));
        }
    }
    match best {
        Some((_, at)) => {
            let tail = Segment { bases: segment.bases.split_off(at) };
            vec![segment, tail]
        }
        None => vec![segment],
    }
}

/// Glyphs on either side that show a change of size, and the least ratio of their heights.
const SIZE_GLYPHS: usize = 5;
const SIZE_RATIO: f64 = 1.28;

/// Turns chains of small things beside or inside a line of larger print (points of a bold colon, quotes) into leftovers.
fn dissolve_small(list: &[Component], segments: &mut Vec<Segment>, roles: &mut [Role]) {
    let shapes: Vec<Shape> = segments.iter().map(|s| Shape::of(list, &s.bases)).collect();
    let large: Vec<&Shape> = shapes.iter().filter(|s| s.count >= 2).collect();
    let mut kept = Vec::with_capacity(segments.len());
    for (segment, shape) in segments.drain(..).zip(&shapes) {
        let (x, y) = (shape.body.center_x(), f64::from(shape.body.center_y()));
        let inside = |l: &&Shape| {
            let reach = (0.8 * l.size) as i32;
            let baseline = l.baseline.at(f64::from(x));
            shape.size <= SMALL_PART * l.size
                && (l.body.x0 - reach..l.body.x1 + reach).contains(&x)
                && (baseline - 1.6 * l.size..baseline + 0.5 * l.size).contains(&y)
        };
        if segment.bases.len() <= 3 && large.iter().any(inside) {
            segment.bases.iter().for_each(|&b| roles[b as usize] = Role::Small);
        } else {
            kept.push(segment);
        }
    }
    *segments = kept;
}

fn link_distance(a: &Bounds, b: &Bounds, median: f64) -> Option<i32> {
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    // A component much taller than the print around it may be two lines grown together: it links only with its like.
    let ratio = if f64::from(high) > 2.3 * median { 1.8 } else { 3.0 };
    let gap = -a.overlap_x(b);
    let linked = f64::from(high) <= ratio * f64::from(low)
        && a.overlap_y(b) * 10 >= low * 4
        && f64::from(gap) <= LINK_GAP * f64::from(high);
    linked.then_some(gap.max(0) * 2 + (a.y1 - b.y1).abs().min((a.y0 - b.y0).abs()))
}

/// Whether a vertical rule stands between two boxes.
fn ruled_apart(page: &Prepared, a: &Bounds, b: &Bounds) -> bool {
    let (left, right) = if a.center_x() < b.center_x() { (a, b) } else { (b, a) };
    let y = (left.center_y() + right.center_y()) / 2;
    page.rules.vertical.iter().any(|rule| {
        (rule.y0 - 2..rule.y1 + 2).contains(&y)
            && rule.center_x() > left.center_x()
            && rule.center_x() < right.center_x()
            && rule.x0 >= left.x1 - 3
            && rule.x1 <= right.x0 + 3
    })
}

/// Joins segments on one baseline whose gap is that of words.
fn join_segments(page: &Prepared, segments: Vec<Segment>) -> Vec<Segment> {
    let list = &page.components.list;
    let shapes: Vec<Shape> = segments.iter().map(|s| Shape::of(list, &s.bases)).collect();
    let mut order: Vec<usize> = (0..segments.len()).collect();
    order.sort_by_key(|&i| shapes[i].body.x0);
    let mut sets = Sets::new(segments.len());
    for (at, &i) in order.iter().enumerate() {
        let a = &shapes[i];
        let mut best: Option<(i32, usize)> = None;
        for &j in &order[at + 1..] {
            let b = &shapes[j];
            let gap = b.body.x0 - a.body.x1;
            if f64::from(gap) > WORD_GAP * a.size.max(b.size) {
                if f64::from(gap) > WORD_GAP * f64::from(size::TALLEST) {
                    break;
                }
                continue;
            }
            if a.continues(b) && !ruled_apart(page, &a.end(false), &b.end(true)) && best.is_none_or(|old| gap < old.0) {
                best = Some((gap, j));
            }
        }
        if let Some((_, j)) = best {
            sets.join(i as u32, j as u32);
        }
    }
    let ids: Vec<u32> = (0..segments.len() as u32).collect();
    groups(&ids, &mut sets)
        .into_iter()
        .map(|group| Segment { bases: group.bases.iter().flat_map(|&s| segments[s as usize].bases.clone()).collect() })
        .collect()
}

/// Geometry of a chain of base glyphs.
struct Shape {
    body: Bounds,
    size: f64,
    baseline: Baseline,
    count: usize,
    /// Height of ascenders.
    tall: f64,
}

impl Shape {
    fn of(list: &[Component], bases: &[u32]) -> Self {
        let boxes: Vec<Bounds> = bases.iter().map(|&i| list[i as usize].bounds).collect();
        let body = boxes.iter().copied().reduce(|a, b| a.union(&b)).unwrap_or_default();
        let size = median(boxes.iter().map(|b| f64::from(b.height())).collect());
        let tall = boxes.iter().map(Bounds::height).max().map_or(size, f64::from);
        Self { body, size, baseline: fit_baseline(&boxes, &body, size), count: boxes.len(), tall }
    }

    /// Whether `right` goes on where this ends: like size, common baseline.
    fn continues(&self, right: &Self) -> bool {
        let (low, high) = (self.size.min(right.size), self.size.max(right.size));
        let lone = self.count.min(right.count) <= 2;
        let x = f64::from(self.body.x1 + right.body.x0) / 2.0;
        let step = (self.baseline.at(x) - right.baseline.at(x)).abs();
        let level = step <= 0.3 * high || (lone && step <= 0.6 * high);
        let like = self.count.min(right.count) < SIZE_GLYPHS
            || self.tall.max(right.tall) < SIZE_RATIO * self.tall.min(right.tall);
        high <= low * if lone { 2.6 } else { 1.75 } && like && level && self.body.overlap_y(&right.body) > 0
    }

    /// A small box at one end, on the baseline.
    fn end(&self, left: bool) -> Bounds {
        let x = if left { self.body.x0 } else { self.body.x1 };
        let y = self.baseline.at(f64::from(x)) as i32;
        Bounds { x0: x - 1, y0: y - self.size as i32, x1: x + 1, y1: y }
    }
}

/// Least squares through the feet of the base glyphs; feet far below (g, p, y, commas) or above are left out in a second
/// round. Long lines may bend: they get a parabola.
fn fit_baseline(boxes: &[Bounds], body: &Bounds, size: f64) -> Baseline {
    let center = f64::from(body.x0 + body.x1) / 2.0;
    let half = (f64::from(body.width()) / 2.0).max(1.0);
    let flat = Baseline { center, half, a: median(boxes.iter().map(|b| f64::from(b.y1)).collect()), b: 0.0, c: 0.0 };
    if boxes.len() < 4 {
        return flat;
    }
    let foot = |b: &Bounds| (f64::from(b.center_x()), f64::from(b.y1));
    let mut fit = flat;
    let bent = boxes.len() >= 16 && half > 12.0 * size;
    for (round, tolerance) in [(0, 0.6), (1, 0.35), (2, 0.22), (3, 0.16)] {
        let feet: Vec<(f64, f64)> =
            boxes.iter().map(foot).filter(|&(x, y)| (y - fit.at(x)).abs() <= tolerance * size).collect();
        if feet.len() * 3 < boxes.len() || feet.len() < 4 {
            break;
        }
        fit = solve(&feet, center, half, bent && round > 0).unwrap_or(fit);
    }
    // Beyond 5 degrees the fit is not a baseline.
    if fit.b.abs() > 0.09 * half { flat } else { fit }
}

/// Normal equations of a straight line or parabola, by Gauss elimination.
fn solve(feet: &[(f64, f64)], center: f64, half: f64, bent: bool) -> Option<Baseline> {
    let n = if bent { 3 } else { 2 };
    let mut m = [[0.0_f64; 4]; 3];
    for &(x, y) in feet {
        let u = (x - center) / half;
        let powers = [1.0, u, u * u];
        for row in 0..n {
            for column in 0..n {
                m[row][column] += powers[row] * powers[column];
            }
            m[row][3] += powers[row] * y;
        }
    }
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| m[a][i].abs().total_cmp(&m[b][i].abs()))?;
        m.swap(i, pivot);
        if m[i][i].abs() < 1e-9 {
            return None;
        }
        for row in (0..n).filter(|&row| row != i) {
            let factor = m[row][i] / m[i][i];
            for column in i..4 {
                m[row][column] -= factor * m[i][column];
            }
        }
    }
    let value = |i: usize| if i < n { m[i][3] / m[i][i] } else { 0.0 };
    Some(Baseline { center, half, a: value(0), b: value(1), c: value(2) })
}

/// The line in whose band a small component lies.
fn nearest_line(small: &Bounds, shapes: &[Shape]) -> Option<usize> {
    let (x, y) = (small.center_x(), f64::from(small.center_y()));
    let distance = |shape: &Shape| {
        let reach = (1.2 * shape.size) as i32;
        let beyond = small.x1 < shape.body.x0 - reach || small.x0 > shape.body.x1 + reach;
        if beyond || f64::from(small.height()) > 0.9 * shape.size {
            return None;
        }
        let baseline = shape.baseline.at(f64::from(x));
        let outside = (baseline - 1.1 * shape.size - y).max(y - baseline - 0.2 * shape.size).max(0.0);
        // Points follow words more often than they lead them.
        let before = f64::from((shape.body.x0 - x).max(0));
        let after = f64::from((x - shape.body.x1).max(0));
        (outside <= 0.6 * shape.size).then_some((outside + 0.8 * before + 0.2 * after) / shape.size)
    };
    (0..shapes.len())
        .filter_map(|i| distance(&shapes[i]).map(|d| (d, i)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, i)| i)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Disjoint sets.
struct Sets(Vec<u32>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    fn root(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            self.0[i as usize] = self.0[self.0[i as usize] as usize];
            i = self.0[i as usize];
        }
        i
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

fn groups(ids: &[u32], sets: &mut Sets) -> Vec<Segment> {
    let mut number = vec![usize::MAX; sets.0.len()];
    let mut out: Vec<Segment> = Vec::new();
    for &i in ids {
        let root = sets.root(i) as usize;
        if number[root] == usize::MAX {
            number[root] = out.len();
            out.push(Segment { bases: Vec::new() });
        }
        out[number[root]].bases.push(i);
    }
    out
}

/// Height of a line image: what the recogniser scales its input to, so that it scales nothing itself.
#[allow(missing_docs)]
pub(crate) fn tune(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// White columns left and right, pixels of the line image.

/// White rows above and below the ink, as a share of the ink's height.

/// A line cut out for the engine: straightened along its baseline, other lines' ink painted white.
pub(crate) struct LineImage {
    /// Dark on white.
    pub(crate) pixels: GrayImage,
    /// Working pixels per pixel of the image.
    step: f64,
    left: f64,
    parts: Vec<Bounds>,
}

impl LineImage {
    /// Cuts a line out; `None` for one without extent.
    pub(crate) fn cut(page: &Prepared, line: &Line) -> Option<Self> {
        let list = &page.components.list;
        let parts: Vec<Bounds> = line.members.iter().map(|&m| list[m as usize].bounds).collect();
        let from_baseline = |b: &Bounds| line.baseline_at(b.center_x());
        let rise = parts.iter().map(|b| from_baseline(b) - f64::from(b.y0)).fold(line.size * 0.9, f64::max);
        let fall = parts.iter().map(|b| f64::from(b.y1) - from_baseline(b)).fold(0.05 * line.size, f64::max);
        let (rise, fall) = (rise.min(2.3 * line.size), fall.min(0.7 * line.size));
        #[allow(non_snake_case)]
        let (IMAGE_HEIGHT, MARGIN, MARGIN_ROWS) = (tune("IH", 48.0) as u32, tune("MX", 3.0) as u32, tune("MY", 0.04));
        let (rise, fall) = (rise.max(tune("RISE", 1.4) * line.size), fall.max(tune("FALL", 0.3) * line.size));
        let height = (rise + fall) * (1.0 + 2.0 * MARGIN_ROWS);
        let step = height / f64::from(IMAGE_HEIGHT);
        let width = (f64::from(line.bounds.width()) / step).ceil();
        if !(1.0..=20_000.0).contains(&width) || step <= 0.0 {
            return None;
        }
        let patch = Patch::copy(page, line, height.ceil() as i32 + 2);
        let left = f64::from(line.bounds.x0) - f64::from(MARGIN) * step;
        let samples = (step.ceil() as u32).clamp(1, 4);
        let pixels = GrayImage::from_fn(width as u32 + 2 * MARGIN, IMAGE_HEIGHT, |u, v| {
            let mut sum = 0.0;
            for i in 0..samples * samples {
                let within = |k: u32| (f64::from(k) + 0.5) / f64::from(samples);
                let x = left + (f64::from(u) + within(i % samples)) * step;
                let top = line.baseline.at(x) - rise - (rise + fall) * MARGIN_ROWS;
                sum += patch.at(x, top + (f64::from(v) + within(i / samples)) * step);
            }
            image::Luma([(sum / f64::from(samples * samples)).round() as u8])
        });
        Some(Self { pixels, step, left, parts })
    }

    /// Box of the ink between two columns of the image, working pixels; `None` when there is no width.
    pub(crate) fn ink_between(&self, x0: u32, x1: u32) -> Option<Bounds> {
        let map = |x: u32| (self.left + f64::from(x) * self.step).round() as i32;
        let (from, to) = (map(x0), map(x1));
        let inside = |b: &&Bounds| (from..to).contains(&b.center_x());
        let ink = self.parts.iter().filter(inside).copied().reduce(|a, b| a.union(&b));
        let all = self.parts.iter().copied().reduce(|a, b| a.union(&b))?;
        let found = ink.unwrap_or(Bounds { x0: from, x1: to, ..all });
        (found.width() > 0).then_some(found)
    }
}

/// A copy of the surroundings of a line without the ink of others.
struct Patch {
    x0: i32,
    y0: i32,
    width: i32,
    height: i32,
    data: Vec<u8>,
}

impl Patch {
    fn copy(page: &Prepared, line: &Line, margin: i32) -> Self {
        let (page_width, page_height) = (page.gray.width() as i32, page.gray.height() as i32);
        let x0 = (line.bounds.x0 - 2).max(0);
        let x1 = (line.bounds.x1 + 2).min(page_width);
        let y0 = (line.bounds.y0 - margin / 4).max(0);
        let y1 = (line.bounds.y1 + margin / 4).min(page_height);
        let (width, height) = (x1 - x0, y1 - y0);
        let index = |x: i32, y: i32| (y * page_width + x) as usize;
        let own = |x: i32, y: i32| {
            let label = page.labels[index(x, y)];
            label > 0 && line.members.binary_search(&(label - 1)).is_ok()
        };
        let mut data = Vec::with_capacity((width * height) as usize);
        for y in y0..y1 {
            data.extend_from_slice(&page.gray.as_raw()[index(x0, y)..index(x1 - 1, y) + 1]);
        }
        let clear = tune("CLEAR", 0.0) as i32;
        if clear > 0 {
            let mut keep = vec![false; data.len()];
            for y in y0..y1 {
                for x in x0..x1 {
                    if own(x, y) {
                        for ny in (y - clear).max(y0)..(y + clear + 1).min(y1) {
                            for nx in (x - clear).max(x0)..(x + clear + 1).min(x1) {
                                keep[((ny - y0) * width + nx - x0) as usize] = true;
                            }
                        }
                    }
                }
            }
            data.iter_mut().zip(&keep).for_each(|(v, k)| {
                if !k {
                    *v = 255
                }
            });
        }
        for y in y0..y1 {
            for x in x0..x1 {
                if page.labels[index(x, y)] == 0 || own(x, y) {
                    continue;
                }
                for ny in (y - 1).max(y0)..(y + 2).min(y1) {
                    for nx in (x - 1).max(x0)..(x + 2).min(x1) {
                        if !own(nx, ny) {
                            data[((ny - y0) * width + nx - x0) as usize] = 255;
                        }
                    }
                }
            }
        }
        Self { x0, y0, width, height, data }
    }

    /// Linear interpolation; white outside.
    fn at(&self, x: f64, y: f64) -> f64 {
        let (x, y) = (x - 0.5 - f64::from(self.x0), y - 0.5 - f64::from(self.y0));
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let pixel = |x: i32, y: i32| {
            let inside = x >= 0 && y >= 0 && x < self.width && y < self.height;
            if inside { f64::from(self.data[(y * self.width + x) as usize]) } else { 255.0 }
        };
        let upper = pixel(left, top) * (1.0 - fx) + pixel(left + 1, top) * fx;
        let lower = pixel(left, top + 1) * (1.0 - fx) + pixel(left + 1, top + 1) * fx;
        upper * (1.0 - fy) + lower * fy
    }
}
