//! What each component of the ink is: a letter, a mark of a letter, something small, or no text.
//!
//! Small components close above or below a larger one are its marks (dấu): they follow their base glyph, so that the
//! stacked marks of Vietnamese never form lines of their own nor join the line above. Leaders, check boxes, punch holes,
//! signatures and what touches the edge of the picture are dropped.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use super::lines::median;
use super::prepare::Prepared;
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
    /// Largest distance of the centres of neighbouring leader dots (2.3 mm).
    pub(super) const DOT_PITCH: i32 = 18;
}

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
pub(crate) struct Index {
    columns: i32,
    rows: i32,
    cells: Vec<Vec<u32>>,
}

impl Index {
    const SIDE: i32 = 48;

    pub(crate) fn new(list: &[Component], (width, height): (u32, u32)) -> Self {
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
