//! Text lines from the letters and marks that [`super::glyphs`] tells apart.
//!
//! 1. Base glyphs are linked to their nearest neighbours of like height at the same level; chains are segments.
//! 2. Segments with a common baseline and a gap of a word are joined. Columns stay apart: their gap is wider.
//! 3. What is left over (points, commas, hyphens, lone marks) joins the segment in whose band it lies.
//!
//! Letters of two lines that touch form one component, which is shown to both lines.

#![expect(clippy::cast_possible_truncation, reason = "picture coordinates are small")]

use super::glyphs::{self, Index, Role, size};
use super::prepare::Prepared;
use super::ratio::Ratio;
use crate::imaging::components::{Bounds, Component, Sets};

/// Links between neighbours bridge gaps up to this multiple of the taller one's height.
const LINK_GAP: f64 = 0.75;

/// Neighbours are sought at least this far, pixels at 200 dpi (3 mm).
const LINK_REACH: f64 = 24.0;

/// Neighbours share at least this part of the lower one's height: a small letter beside an ascender shares all of it,
/// one of the next line nothing.
const LINK_LEVEL: Ratio = Ratio(4, 10);

/// Heights of neighbours differ by no more than the first factor (a capital with marks and an x); a component taller
/// than the third times the median of the page may be two lines grown together and links within the second only.
const LINK_RATIO: f64 = 3.0;
const TALL_LINK_RATIO: f64 = 1.8;
const TALL: f64 = 2.3;

/// Lines with so many base glyphs count for the usual size of print on the page.
const USUAL_GLYPHS: usize = 4;

/// A single base glyph is a line when it is a letter of this multiple of the lowest size, this wide (pixels at 200 dpi)
/// and below this multiple of the usual size; else it is a speck or a stroke of a drawing.
const LONE_SIZE: f64 = 1.4;
const LONE_WIDTH: i32 = 3;
const LONE_LARGEST: f64 = 2.2;

/// Small things, leftovers of a line of larger print: at most this part of its size, this many in a chain, beside the
/// line within the first multiple of its size, and between the second above and the third below its baseline.
const SMALL_PART: f64 = 0.5;
const SMALL_GLYPHS: usize = 3;
const SMALL_REACH: [f64; 3] = [0.8, 1.6, 0.5];

/// Chains of up to this many glyphs have no reliable size or baseline.
const LONE_GLYPHS: usize = 2;

/// Sizes of two segments on one line differ by no more than this factor; the second where one of them is lone.
const SEGMENT_RATIO: [f64; 2] = [1.75, 2.6];

/// Steps between the baselines of two segments on one line, as shares of the larger size; the second where one is lone:
/// its foot may be a descender.
const SEGMENT_STEP: [f64; 2] = [0.3, 0.6];

/// How far a rule may overlap the boxes beside it and end before their middle, pixels: letters touch rules.
const RULE_OVERLAP: i32 = 3;
const RULE_SHORT: i32 = 2;

/// Fewer feet give no baseline but their median.
const BASELINE_FEET: usize = 4;

/// Lines of this many glyphs and this multiple of their size to either side of the middle may bend.
const BENT_GLYPHS: usize = 16;
const BENT_HALF: f64 = 12.0;

/// Rounds of the fit: feet within this share of the size from the last one count. Descenders hang 0.3 of the size of
/// capitals and more below.
const BASELINE_TOLERANCES: [f64; 4] = [0.6, 0.35, 0.22, 0.16];

/// A round that keeps less than one foot in this many is no better than the one before.
const BASELINE_KEPT: usize = 3;

/// Steepest baseline, 5 degrees: pages are deskewed.
const BASELINE_SLOPE: f64 = 0.09;

/// Farther out than this multiple of half a line's length, its baseline goes on level: a parabola runs away.
const BASELINE_END: f64 = 1.1;

/// Leftovers belong to a line within the first multiple of its size at its ends, up to the second high, whose centre
/// lies no farther than the third outside the band from the fourth above to the fifth below the baseline.
const LEFTOVER_REACH: f64 = 1.2;
const LEFTOVER_HEIGHT: f64 = 0.9;
const LEFTOVER_OUTSIDE: f64 = 0.6;
const LEFTOVER_BAND: [f64; 2] = [1.1, 0.2];

/// What distance before a line and behind it counts against distance above or below: points follow words more often
/// than they lead them.
const LEFTOVER_COST: [f64; 2] = [0.8, 0.2];

/// Segments are joined over gaps up to this multiple of their size: justified words, not columns.
const WORD_GAP: f64 = 1.25;

/// The number or letter of an item ("1.", "a)"), no more than [`LONE_GLYPHS`], is joined to the text behind it over a gap
/// up to this multiple of the size: alone it would be read worse. Typewriter print and tabulators leave such gaps. It is
/// as high as the text's tall letters within the first share of their height and on its baseline within the second.
const ITEM_GAP: f64 = 2.6;
const ITEM_FIT: [f64; 2] = [0.3, 0.2];

/// Wider gaps, up to this multiple, are joined where a line of so many glyphs, its foot between the two multiples away,
/// runs on above or below: justified print, typewriters.
const SPREAD_GAP: f64 = 3.2;
const SPAN_GLYPHS: usize = 8;
const NEXT_LINE: [f64; 2] = [0.9, 3.4];

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
    pub(crate) members: Vec<u32>,
    /// Those of them that reach into another line, ascending: their boxes say nothing of this line's height.
    pub(crate) shared: Vec<u32>,
    bases: usize,
    pub(crate) baseline: Baseline,
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
pub(crate) struct Baseline {
    center: f64,
    half: f64,
    a: f64,
    b: f64,
    c: f64,
}

impl Baseline {
    pub(crate) fn at(&self, x: f64) -> f64 {
        let u = ((x - self.center) / self.half).clamp(-BASELINE_END, BASELINE_END);
        self.a + u * (self.b + u * self.c)
    }
}

/// Finds the lines, from top to bottom.
pub(crate) fn find(page: &Prepared) -> Vec<Line> {
    let list = &page.components.list;
    let index = Index::new(list, page.gray.dimensions());
    let mut roles = glyphs::roles(page, &index);
    let mut segments = link(page, &index, &roles);
    segments = segments.into_iter().flat_map(|s| split_by_size(list, s)).collect();
    dissolve_small(list, &mut segments, &mut roles);
    segments = join_segments(page, segments, |a, b, _| if a.is_item_of(b) { ITEM_GAP } else { WORD_GAP });
    segments = join_segments(page, segments, |a, b, all| if is_spanned(a, b, all) { SPREAD_GAP } else { 0.0 });
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
    let usual = median(shapes.iter().filter(|s| s.count >= USUAL_GLYPHS).map(|s| s.size).collect());
    let mut lines: Vec<Line> = lines
        .into_iter()
        .zip(shapes)
        .zip(base_counts)
        .map(|((mut members, shape), bases)| {
            let bounds =
                members.iter().map(|&m| list[m as usize].bounds).reduce(|a, b| a.union(&b)).unwrap_or_default();
            members.sort_unstable();
            Line {
                bounds,
                body: shape.body,
                size: shape.size,
                members,
                shared: Vec::new(),
                bases,
                baseline: shape.baseline,
            }
        })
        .filter(|line| is_text(line, usual))
        .collect();
    lines.sort_by_key(|line| (line.body.y0, line.body.x0));
    let bases = (0..list.len() as u32).filter(|&i| roles[i as usize] == Role::Base);
    share(list, bases, usual, &mut lines);
    share_marks(list, &mut lines);
    lines
}

/// A component may be two letters grown together when it is higher than the first multiple of the usual size, up to the
/// second, and no wider than the third; a line has a letter there when it reaches the fourth multiple of the line's size
/// above the baseline and ends no farther above it than the fifth.
const GROWN: [f64; 5] = [2.0, 4.0, 2.5, 0.5, 0.2];

/// Shows letters of two lines that touch to both. `bases` are the base glyphs of the page, `usual` the size of its print.
fn share(list: &[Component], bases: impl Iterator<Item = u32>, usual: f64, lines: &mut [Line]) {
    let [least, most, wide, above, short] = GROWN;
    let may_be_two = |b: &Bounds| {
        (least * usual..=most * usual).contains(&f64::from(b.height())) && f64::from(b.width()) <= wide * usual
    };
    for base in bases.filter(|&base| may_be_two(&list[base as usize].bounds)) {
        let b = list[base as usize].bounds;
        let has_letter = |line: &&mut Line| {
            let (baseline, size) = (line.baseline_at(b.center_x()), line.size);
            line.bases > LONE_GLYPHS
                && (line.body.x0 - size as i32..line.body.x1 + size as i32).contains(&b.center_x())
                && f64::from(b.y0) < baseline - above * size
                && f64::from(b.y1) > baseline - short * size
        };
        let mut of: Vec<&mut Line> = lines.iter_mut().filter(has_letter).collect();
        if of.len() > 1 {
            for line in &mut of {
                if let Err(at) = line.members.binary_search(&base) {
                    line.members.insert(at, base);
                }
                line.shared.push(base);
            }
        }
    }
}

/// A letter may have grown together with the stacked marks of a capital below it when it reaches farther below its baseline than the
/// first multiple of its line's size (descenders reach 0.45 of small letters), and ends at most the second, as a share of the
/// capital's height, above or below the top of that.
const GROWN_MARK: [f64; 2] = [0.6, 0.25];

/// Shows letters that marks of the line below touch to that line, too: without them its letters would have no marks.
fn share_marks(list: &[Component], lines: &mut [Line]) {
    let [reach, gap] = GROWN_MARK;
    let bounds = |member: u32| list[member as usize].bounds;
    let mut found: Vec<(usize, usize, u32)> = Vec::new();
    for (upper, line) in lines.iter().enumerate() {
        let hangs = |member: &&u32| {
            let (b, baseline) = (bounds(**member), line.baseline_at(bounds(**member).center_x()));
            f64::from(b.y1) > baseline + reach * line.size && f64::from(b.y0) < baseline - line.size / 2.0
        };
        for &member in line.members.iter().filter(hangs) {
            let b = bounds(member);
            let is_marked = |&letter: &u32| {
                let base = bounds(letter);
                let step = f64::from(base.y0 - b.y1).abs();
                base.overlap_x(&b) > 0 && base.y1 > b.y1 && step <= gap * f64::from(base.height())
            };
            let below = (0..lines.len()).filter(|&lower| lower != upper && lines[lower].body.overlap_x(&b) > 0);
            let lower = below.into_iter().find(|&lower| {
                lines[lower].members.binary_search(&member).is_err() && lines[lower].members.iter().any(is_marked)
            });
            found.extend(lower.map(|lower| (upper, lower, member)));
        }
    }
    for (upper, lower, member) in found {
        for line in [upper, lower] {
            let line = &mut lines[line];
            for list in [&mut line.members, &mut line.shared] {
                if let Err(at) = list.binary_search(&member) {
                    list.insert(at, member);
                }
            }
        }
    }
}

/// Rejects specks and lone large strokes; the engine's confidence rejects the rest.
fn is_text(line: &Line, usual: f64) -> bool {
    let letter = line.size >= LONE_SIZE * f64::from(size::BASE) && line.body.width() >= LONE_WIDTH;
    line.bases > 1 || (letter && (line.size < LONE_LARGEST * usual || usual == 0.0))
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
        let reach = (LINK_GAP * f64::from(b.height()) * 2.0).max(LINK_REACH) as i32;
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
        if at < SIZE_GLYPHS || count - at < SIZE_GLYPHS || !SIZE_GAP.is_reached(gap, height) {
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

/// Glyphs on either side that show a change of size, the least ratio of their heights (11 to 14 points), and the least
/// gap between them as a share of the height: sizes change between words.
const SIZE_GLYPHS: usize = 5;
const SIZE_RATIO: f64 = 1.28;
const SIZE_GAP: Ratio = Ratio(1, 4);

/// Turns chains of small things beside or inside a line of larger print (points of a bold colon, quotes) into
/// leftovers.
fn dissolve_small(list: &[Component], segments: &mut Vec<Segment>, roles: &mut [Role]) {
    let shapes: Vec<Shape> = segments.iter().map(|s| Shape::of(list, &s.bases)).collect();
    let large: Vec<&Shape> = shapes.iter().filter(|s| s.count >= 2).collect();
    let mut kept = Vec::with_capacity(segments.len());
    for (segment, shape) in segments.drain(..).zip(&shapes) {
        let (x, y) = (shape.body.center_x(), f64::from(shape.body.center_y()));
        let inside = |l: &&Shape| {
            let reach = (SMALL_REACH[0] * l.size) as i32;
            let baseline = l.baseline.at(f64::from(x));
            shape.size <= SMALL_PART * l.size
                && (l.body.x0 - reach..l.body.x1 + reach).contains(&x)
                && (baseline - SMALL_REACH[1] * l.size..baseline + SMALL_REACH[2] * l.size).contains(&y)
        };
        if segment.bases.len() <= SMALL_GLYPHS && large.iter().any(inside) {
            segment.bases.iter().for_each(|&b| roles[b as usize] = Role::Small);
        } else {
            kept.push(segment);
        }
    }
    *segments = kept;
}

fn link_distance(a: &Bounds, b: &Bounds, median: f64) -> Option<i32> {
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    let ratio = if f64::from(high) > TALL * median { TALL_LINK_RATIO } else { LINK_RATIO };
    let gap = -a.overlap_x(b);
    let linked = f64::from(high) <= ratio * f64::from(low)
        && LINK_LEVEL.is_reached(a.overlap_y(b), low)
        && f64::from(gap) <= LINK_GAP * f64::from(high);
    linked.then_some(gap.max(0) * 2 + (a.y1 - b.y1).abs().min((a.y0 - b.y0).abs()))
}

/// Whether a vertical rule stands between two boxes.
fn ruled_apart(page: &Prepared, a: &Bounds, b: &Bounds) -> bool {
    let (left, right) = if a.center_x() < b.center_x() { (a, b) } else { (b, a) };
    let y = (left.center_y() + right.center_y()) / 2;
    page.rules.vertical.iter().any(|rule| {
        (rule.y0 - RULE_SHORT..rule.y1 + RULE_SHORT).contains(&y)
            && rule.center_x() > left.center_x()
            && rule.center_x() < right.center_x()
            && rule.x0 >= left.x1 - RULE_OVERLAP
            && rule.x1 <= right.x0 + RULE_OVERLAP
    })
}

/// Joins segments on one baseline whose gap is at most what `widest` says in multiples of the size.
fn join_segments(
    page: &Prepared,
    segments: Vec<Segment>,
    widest: impl Fn(&Shape, &Shape, &[Shape]) -> f64,
) -> Vec<Segment> {
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
            if f64::from(gap) > SPREAD_GAP * f64::from(size::TALLEST) {
                break;
            }
            let joins = a.continues(b)
                && f64::from(gap) <= widest(a, b, &shapes) * a.size.max(b.size)
                && !ruled_apart(page, &a.end(false), &b.end(true));
            if joins && best.is_none_or(|old| gap < old.0) {
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

/// Whether a line next to both, above or below, runs on where they leave a gap: columns leave theirs on all lines.
fn is_spanned(a: &Shape, b: &Shape, all: &[Shape]) -> bool {
    let size = a.size.max(b.size);
    let [near, far] = NEXT_LINE.map(|multiple| multiple * size);
    let runs_on = |line: &Shape| {
        let step = f64::from((line.body.y1 - a.body.y1).abs());
        f64::from(a.body.x1 - line.body.x0) >= size
            && f64::from(line.body.x1 - b.body.x0) >= size
            && (near..=far).contains(&step)
            && line.count >= SPAN_GLYPHS
    };
    all.iter().any(runs_on)
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
        let lone = self.count.min(right.count) <= LONE_GLYPHS;
        let x = f64::from(self.body.x1 + right.body.x0) / 2.0;
        let step = (self.baseline.at(x) - right.baseline.at(x)).abs();
        let level = step <= SEGMENT_STEP[usize::from(lone)] * high;
        let like = self.count.min(right.count) < SIZE_GLYPHS
            || self.tall.max(right.tall) < SIZE_RATIO * self.tall.min(right.tall);
        high <= low * SEGMENT_RATIO[usize::from(lone)] && like && level && self.body.overlap_y(&right.body) > 0
    }

    /// Whether this may be the number of the item that `text` to its right begins.
    fn is_item_of(&self, text: &Self) -> bool {
        let [height, step] = ITEM_FIT.map(|share| share * text.tall);
        let from = self.baseline.at(f64::from(self.body.center_x())) - text.baseline.at(f64::from(text.body.x0));
        self.count <= LONE_GLYPHS && (self.tall - text.tall).abs() <= height && from.abs() <= step
    }

    /// A small box at one end, on the baseline.
    fn end(&self, left: bool) -> Bounds {
        let x = if left { self.body.x0 } else { self.body.x1 };
        let y = self.baseline.at(f64::from(x)) as i32;
        Bounds { x0: x - 1, y0: y - self.size as i32, x1: x + 1, y1: y }
    }
}

/// Least squares through the feet of the base glyphs; feet far below (g, p, y, commas) or above are left out in a
/// second round. Long lines may bend: they get a parabola.
fn fit_baseline(boxes: &[Bounds], body: &Bounds, size: f64) -> Baseline {
    let center = f64::from(body.x0 + body.x1) / 2.0;
    let half = (f64::from(body.width()) / 2.0).max(1.0);
    let flat = Baseline { center, half, a: median(boxes.iter().map(|b| f64::from(b.y1)).collect()), b: 0.0, c: 0.0 };
    if boxes.len() < BASELINE_FEET {
        return flat;
    }
    let foot = |b: &Bounds| (f64::from(b.center_x()), f64::from(b.y1));
    let mut fit = flat;
    let bent = boxes.len() >= BENT_GLYPHS && half > BENT_HALF * size;
    for (round, tolerance) in BASELINE_TOLERANCES.into_iter().enumerate() {
        let feet: Vec<(f64, f64)> =
            boxes.iter().map(foot).filter(|&(x, y)| (y - fit.at(x)).abs() <= tolerance * size).collect();
        if feet.len() * BASELINE_KEPT < boxes.len() || feet.len() < BASELINE_FEET {
            break;
        }
        fit = solve(&feet, center, half, bent && round > 0).unwrap_or(fit);
    }
    if fit.b.abs() > BASELINE_SLOPE * half { flat } else { fit }
}

/// Pivots this small are rounding errors.
const SINGULAR: f64 = 1e-9;

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
        if m[i][i].abs() < SINGULAR {
            return None;
        }
        for row in (0..n).filter(|&row| row != i) {
            let factor = m[row][i] / m[i][i];
            let pivot_row = m[i];
            m[row].iter_mut().zip(pivot_row).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    let value = |i: usize| if i < n { m[i][3] / m[i][i] } else { 0.0 };
    Some(Baseline { center, half, a: value(0), b: value(1), c: value(2) })
}

/// The line in whose band a small component lies.
fn nearest_line(small: &Bounds, shapes: &[Shape]) -> Option<usize> {
    let (x, y) = (small.center_x(), f64::from(small.center_y()));
    let distance = |shape: &Shape| {
        let reach = (LEFTOVER_REACH * shape.size) as i32;
        let beyond = small.x1 < shape.body.x0 - reach || small.x0 > shape.body.x1 + reach;
        if beyond || f64::from(small.height()) > LEFTOVER_HEIGHT * shape.size {
            return None;
        }
        let baseline = shape.baseline.at(f64::from(x));
        let outside =
            (baseline - LEFTOVER_BAND[0] * shape.size - y).max(y - baseline - LEFTOVER_BAND[1] * shape.size).max(0.0);
        let before = f64::from((shape.body.x0 - x).max(0));
        let after = f64::from((x - shape.body.x1).max(0));
        let cost = outside + LEFTOVER_COST[0] * before + LEFTOVER_COST[1] * after;
        (outside <= LEFTOVER_OUTSIDE * shape.size).then_some(cost / shape.size)
    };
    (0..shapes.len())
        .filter_map(|i| distance(&shapes[i]).map(|d| (d, i)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, i)| i)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn groups(ids: &[u32], sets: &mut Sets) -> Vec<Segment> {
    let mut number = vec![usize::MAX; sets.len()];
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

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    /// Paints hollow letters `(x, y, width, height)`.
    fn page(letters: &[(u32, u32, u32, u32)]) -> Prepared {
        let mut page = RgbImage::from_pixel(1654, 600, Rgb([250; 3]));
        for &(x0, y0, width, height) in letters {
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                if x < 3 || y < 3 {
                    page.put_pixel(x0 + x, y0 + y, Rgb([15; 3]));
                }
            }
        }
        Prepared::new(&page, 200.0)
    }

    fn word(x: u32, y: u32, letters: u32) -> Vec<(u32, u32, u32, u32)> {
        (0..letters).map(|i| (x + i * 15, y, 11, 18)).collect()
    }

    #[test]
    fn words_join_and_columns_stay_apart() {
        let letters = [word(200, 100, 5), word(290, 100, 4), word(600, 100, 5)].concat();
        let found = find(&page(&letters));
        let ends: Vec<(i32, i32)> = found.iter().map(|line| (line.body.x0, line.body.x1)).collect();
        assert_eq!(ends, [(200, 346), (600, 671)]);
    }

    #[test]
    fn stacked_marks_and_dots_below_belong_to_their_letters() {
        // Circumflex and acute above, dot below, and a second line whose marks reach up to the first.
        let mut letters = [word(200, 100, 6), word(200, 150, 6)].concat();
        letters.extend([(202, 93, 8, 5), (204, 86, 5, 5), (219, 121, 4, 4), (202, 143, 8, 5), (204, 136, 5, 5)]);
        let found = find(&page(&letters));
        let tops: Vec<(i32, i32)> = found.iter().map(|line| (line.bounds.y0, line.bounds.y1)).collect();
        assert_eq!(tops, [(86, 125), (136, 168)]);
    }

    #[test]
    fn leader_dots_are_dropped_and_the_colon_before_them_stays() {
        let mut letters = word(200, 100, 6);
        letters.extend([(293, 106, 4, 4), (293, 114, 4, 4)]);
        letters.extend((0..20).map(|i| (310 + i * 9, 115, 3, 3)));
        let found = find(&page(&letters));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].bounds.x1, 297);
    }

    #[test]
    fn letters_of_two_lines_that_touch_are_shown_to_both() {
        // The fifth letter of the upper line reaches down to the foot of the lower one.
        let mut letters = [word(200, 100, 12), word(200, 132, 12)].concat();
        letters.retain(|&(x, ..)| x != 260);
        letters.push((260, 100, 11, 50));
        let found = find(&page(&letters));
        assert_eq!(found.len(), 2, "{found:?}");
        let [upper, lower] = [&found[0], &found[1]];
        assert_eq!((upper.members.len(), lower.members.len()), (12, 12));
        assert_eq!((upper.shared.len(), &upper.shared), (1, &lower.shared));
    }

    #[test]
    fn marks_that_touch_the_line_above_belong_to_both() {
        // Below the fifth letter of the upper line the marks of a capital have grown to it.
        let mut letters = word(200, 100, 12);
        letters.extend((0..10).map(|i| (200 + i * 20, 136, 15, 24)));
        letters.retain(|&(x, y, ..)| (x, y) != (260, 100));
        letters.push((260, 100, 11, 34));
        let found = find(&page(&letters));
        assert_eq!(found.len(), 2, "{found:?}");
        let [upper, lower] = [&found[0], &found[1]];
        assert_eq!((upper.members.len(), lower.members.len()), (12, 11));
        assert_eq!((upper.shared.len(), &upper.shared), (1, &lower.shared));
        // A descender is none.
        letters.pop();
        letters.push((260, 100, 11, 25));
        let found = find(&page(&letters));
        assert!(found.iter().all(|line| line.shared.is_empty()), "{found:?}");
    }

    #[test]
    fn number_of_an_item_joins_its_text() {
        let found = find(&page(&[word(200, 100, 1), word(255, 100, 9), word(200, 200, 3), word(285, 200, 9)].concat()));
        let ends: Vec<(i32, i32)> = found.iter().map(|line| (line.body.x0, line.body.x1)).collect();
        // Three letters are a word.
        assert_eq!(ends, [(200, 386), (200, 241), (285, 416)]);
    }

    #[test]
    fn spread_words_join_where_the_next_line_runs_on() {
        let spread = [word(200, 100, 9), word(376, 100, 9)].concat();
        assert_eq!(find(&page(&spread)).len(), 2);
        let found = find(&page(&[spread, word(200, 140, 20)].concat()));
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].body.x0, found[0].body.x1), (200, 507));
    }

    #[test]
    fn specks_are_no_lines() {
        assert!(find(&page(&[(300, 300, 3, 3), (500, 200, 2, 8)])).is_empty());
    }
}
