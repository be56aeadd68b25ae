//! What each component of the ink is: a letter, a mark of a letter, something small, or no text.
//!
//! Small components close above or below a larger one are its marks (dấu): they follow their base glyph, so that the
//! stacked marks of Vietnamese never form lines of their own nor join the line above. Leaders, check boxes, punch
//! holes, signatures and what touches the edge of the picture are dropped.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use super::lines::median;
use super::prepare::Prepared;
use super::ratio::Ratio;
use crate::imaging::components::{Bounds, Component};

/// Measures in pixels at the working resolution of 200 dpi.
pub(crate) mod size {
    /// Lowest base glyph: the x-height of 6 point print.
    pub(crate) const BASE: i32 = 7;
    /// Tallest glyph: capitals of 40 points with marks.
    pub(crate) const TALLEST: i32 = 110;
    /// Least area of anything.
    pub(super) const SPECK: i32 = 4;
    /// Largest leader dot.
    pub(super) const DOT: i32 = 6;
    /// Distance of the left edges of neighbouring leader dots: nearer ones touch, farther ones (2.3 mm) stand alone.
    pub(super) const DOT_PITCH: std::ops::RangeInclusive<i32> = 3..=18;
    /// Neighbouring leader dots differ in height by no more: half a dot.
    pub(super) const DOT_STEP: i32 = 2;
    /// Least thickness of blots and punch holes (4.6 mm); letters as large have thinner strokes.
    pub(super) const BLOT: i32 = 36;
    /// Least length of bars (5 mm): longer than dashes.
    pub(super) const BAR: i32 = 40;
    /// Components on the edge of the picture are dropped from this length on (1.5 mm); smaller ones are specks either
    /// way.
    pub(super) const EDGE: i32 = 12;
    /// Least side of check boxes (2 mm): an O or D in print of this size has rounded corners that can be told.
    pub(super) const CHECK_BOX: i32 = 16;
    /// How deep the sides of a check box may lie in its box: a line of 0.5 mm, or skewed.
    pub(super) const CHECK_BOX_LINE: i32 = 4;
    /// Marks are sought around as if they were at least this high, and this far to the sides: a dot stands as far from
    /// its letter as a larger mark.
    pub(super) const MARK_REACH: i32 = 8;
}

/// Least width and height of a signature, millimetres: wider than letters grown together in pairs, higher than print of
/// 8 points.
const SIGNATURE_MM: [f64; 2] = [9.0, 3.0];

/// Strokes of a signature cover less of their box than this; a word whose letters touch covers more.
const SIGNATURE_FILL: f64 = 0.20;

/// Blots and punch holes cover more of their box than this: a disc covers 0.79.
const BLOT_FILL: f64 = 0.74;

/// Bars are longer than this multiple of their height, and cover more of their box than this.
const BAR_LENGTH: i32 = 6;
const BAR_FILL: f64 = 0.6;

/// Check boxes: sides differ by no more than the first share of the longer one, ink covers no more than the second of
/// the box, and each side is closed over the third.
const CHECK_BOX_UNEVEN: Ratio = Ratio(1, 6);
const CHECK_BOX_FILL: Ratio = Ratio(45, 100);
const CHECK_BOX_CLOSED: Ratio = Ratio(88, 100);

/// Corners of a check box, as a share of its side; letters that are nearly square leave them white.
const CHECK_BOX_CORNER: Ratio = Ratio(1, 6);

/// Distances in a leader differ from the usual by no more than this share, and one pixel of rounding.
const LEADER_UNEVEN: f64 = 0.3;

/// Marks that carry marks, at most: circumflex and tone below each other, and what noise adds.
const MARKS_ON_MARKS: usize = 4;

/// Distances and sizes of marks as shares of their base glyph's height, by the proportions of Vietnamese print: tones
/// and circumflexes are up to half an x-height high and sit up to a fifth above it, the higher of two stacked ones up
/// to three fifths.
mod mark {
    use super::Ratio;

    /// A high mark (hook and circumflex in one piece) must sit close. On small letters of serif print it is nearly as high
    /// as they are.
    pub(super) const HIGH: Ratio = Ratio(19, 20);
    pub(super) const HIGH_DISTANCE: Ratio = Ratio(1, 5);
    /// A low one may be the upper of two.
    pub(super) const LOW: Ratio = Ratio(45, 100);
    pub(super) const LOW_DISTANCE: Ratio = Ratio(6, 10);
    /// Widest: so many tenths of the base's width and of its height together. Marks overhang an i on both sides.
    pub(super) const WIDTH_TENTHS: [i32; 2] = [16, 6];
    /// How far it may reach down into the base's box: print bleeds.
    pub(super) const INTO: Ratio = Ratio(1, 4);
    /// How far its centre may lie beyond the sides of the base.
    pub(super) const SIDEWAYS: Ratio = Ratio(1, 4);
    /// A dot below (dấu nặng): largest side, how far it may reach up into the base's box, and its largest distance.
    pub(super) const DOT: Ratio = Ratio(4, 10);
    pub(super) const DOT_INTO: Ratio = Ratio(1, 8);
    pub(super) const DOT_DISTANCE: Ratio = Ratio(4, 10);
    /// Farther from its base than this, a point may belong to a letter beside it instead.
    pub(super) const FAR: Ratio = Ratio(1, 3);
}

/// A point stands beside a letter when it lies no higher than this share of the letter's height below its top, no lower
/// than the second below its foot (a comma), and no farther to its side than the third.
const BESIDE_TOP: Ratio = Ratio(2, 5);
const BESIDE_FOOT: Ratio = Ratio(1, 4);
const BESIDE_GAP: Ratio = Ratio(6, 10);

/// Dots in a row from which on they are a leader.
const LEADER_DOTS: usize = 4;

/// What a component is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// No text.
    Dropped,
    /// A letter or digit.
    Base,
    /// A mark of the base glyph with this number.
    Mark(u32),
    /// Too small to say.
    Small,
}

/// Finds the role of every component.
pub(crate) fn roles(page: &Prepared, index: &Index) -> Vec<Role> {
    let list = &page.components.list;
    let mut roles = first_roles(page);
    drop_leaders(list, index, &mut roles);
    attach_marks(list, index, &mut roles);
    roles
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
            let signature =
                f64::from(w) > SIGNATURE_MM[0] * mm && f64::from(h) > SIGNATURE_MM[1] * mm && fill < SIGNATURE_FILL;
            let blot = w.min(h) > size::BLOT && fill > BLOT_FILL;
            let bar = w > size::BAR && w > BAR_LENGTH * h && fill > BAR_FILL;
            // Desk, shadow or punched edge beyond the paper.
            let b = c.bounds;
            let (right, bottom) = (page.gray.width() as i32, page.gray.height() as i32);
            let edge = w.max(h) > size::EDGE && (b.x0 <= 1 || b.y0 <= 1 || b.x1 >= right - 1 || b.y1 >= bottom - 1);
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
    if h < size::CHECK_BOX || (w - h).abs() > CHECK_BOX_UNEVEN.of(w.max(h)) || c.area > CHECK_BOX_FILL.of(w * h) {
        return false;
    }
    let width = page.gray.width() as usize;
    let own = |x: i32, y: i32| page.labels[y as usize * width + x as usize] == number as u32 + 1;
    let side = |along: i32, hit: &dyn Fn(i32, i32) -> bool| {
        let closed = (0..along).filter(|&i| (0..size::CHECK_BOX_LINE).any(|depth| hit(i, depth))).count();
        CHECK_BOX_CLOSED.is_reached(closed as i32, along)
    };
    let reach = CHECK_BOX_CORNER.of(h);
    let corner = |x0: i32, y0: i32| (0..reach).any(|y| (0..reach).any(|x| own(x0 + x, y0 + y)));
    corner(b.x0, b.y0)
        && corner(b.x1 - reach, b.y0)
        && corner(b.x0, b.y1 - reach)
        && corner(b.x1 - reach, b.y1 - reach)
        && side(w, &|i, d| own(b.x0 + i, b.y0 + d))
        && side(w, &|i, d| own(b.x0 + i, b.y1 - 1 - d))
        && side(h, &|i, d| own(b.x0 + d, b.y0 + i))
        && side(h, &|i, d| own(b.x1 - 1 - d, b.y0 + i))
        // A tick or cross passes through the middle third.
        && !(h / 3..h * 2 / 3).any(|y| (w / 3..w * 2 / 3).any(|x| own(b.x0 + x, b.y0 + y)))
}

/// Components by squares of the picture, for neighbour queries.
pub(crate) struct Index {
    columns: i32,
    rows: i32,
    cells: Vec<Vec<u32>>,
}

impl Index {
    /// Side of a square, pixels: a few letters.
    const SIDE: i32 = 48;
    /// Larger components are left out, pixels (73 mm): frames would fill the index and are nobody's neighbours.
    const LARGEST: i32 = 12 * Self::SIDE;

    pub(crate) fn new(list: &[Component], (width, height): (u32, u32)) -> Self {
        let (columns, rows) = (width as i32 / Self::SIDE + 1, height as i32 / Self::SIDE + 1);
        let mut cells = vec![Vec::new(); (columns * rows) as usize];
        for (i, c) in list.iter().enumerate() {
            let b = c.bounds;
            if b.width().max(b.height()) > Self::LARGEST {
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
    pub(crate) fn near(&self, b: Bounds, out: &mut Vec<u32>) {
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
        index.near(Bounds { x0: b.x0, y0: b.y0, x1: b.x1 + size::DOT_PITCH.end(), y1: b.y1 }, &mut near);
        let right = near
            .iter()
            .map(|&j| j as usize)
            .filter(|&j| {
                let other = list[j].bounds;
                let level = (other.center_y() - b.center_y()).abs() <= size::DOT_STEP;
                is_dot(j, roles) && size::DOT_PITCH.contains(&(other.x0 - b.x0)) && level
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
    let even = |s: &f64| (s - usual).abs() <= LEADER_UNEVEN * usual + 1.0;
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
        // The squares of the index only need to hold all candidates; `mark_distance` decides.
        let reach = 4 * mark.height().max(size::MARK_REACH);
        let (x0, x1) = (mark.x0 - size::MARK_REACH, mark.x1 + size::MARK_REACH);
        let around = Bounds { x0, y0: mark.y0 - reach / 2, x1, y1: mark.y1 + reach };
        index.near(around, &mut near);
        let best = near
            .iter()
            .filter(|&&j| j as usize != i && roles[j as usize] == Role::Base)
            .filter_map(|&j| mark_distance(&mark, &list[j as usize].bounds).map(|d| (d, j)))
            .min()
            .filter(|&(_, j)| {
                // A point beside a letter belongs to that letter's line, not to a capital far below.
                let base = list[j as usize].bounds;
                let far = base.y0 - mark.y1 > mark::FAR.of(base.height());
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
        for _ in 0..MARKS_ON_MARKS {
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
    BESIDE_TOP.is_reached(point.y0 - letter.y0, letter.height())
        && point.y1 <= letter.y1 + BESIDE_FOOT.of(letter.height())
        && gap > 0
        && gap <= BESIDE_GAP.of(letter.height())
}

/// How badly a mark sits on a base glyph; `None` where it cannot.
fn mark_distance(mark: &Bounds, base: &Bounds) -> Option<i32> {
    let h = base.height();
    let sideways = (mark.center_x() - base.center_x()).abs();
    let above = base.y0 - mark.y1;
    // Stacked marks are high but sit close; a letter of the line above is high and sits far.
    let near = mark.height() <= mark::HIGH.of(h) && above <= mark::HIGH_DISTANCE.of(h);
    let small = mark.height() <= mark::LOW.of(h) && above <= mark::LOW_DISTANCE.of(h);
    let fits_above = (near || small)
        && mark.width() * 10 <= base.width() * mark::WIDTH_TENTHS[0] + h * mark::WIDTH_TENTHS[1]
        && above >= -mark::INTO.of(h)
        && sideways <= base.width() / 2 + mark::SIDEWAYS.of(h);
    let below = mark.y0 - base.y1;
    let fits_below = mark.height().max(mark.width()) <= mark::DOT.of(h)
        && below >= -mark::DOT_INTO.of(h)
        && below <= mark::DOT_DISTANCE.of(h)
        && sideways <= base.width() / 2;
    (fits_above || fits_below).then_some(above.max(below).max(0) * 2 + sideways)
}
