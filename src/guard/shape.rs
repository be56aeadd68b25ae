//! Ink that belongs together, and the directions in which it may be lettering.

use crate::imaging::components::{Bitmap, Bounds, Components};

/// How far the ink of a frame may stray from its sides, millimetres.
const SIDE_STRAY_MM: f64 = 0.6;

/// Directions of lettering that are tried, degrees off level and off upright.
const MOST_TURN: i32 = 21;

/// A second direction is tried where its lines stand out at least this much as those of the first.
const SECOND_DIRECTION: f64 = 0.6;

/// A frame or a line of letters is so many times as long as high, by which it is told what is along.
const LONG: f64 = 1.5;

/// A rectangle around ink, turned so that the lettering is level in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Direction of the lettering, degrees clockwise.
    pub(super) degrees: f64,
    /// Middle.
    pub(super) x: f64,
    pub(super) y: f64,
    /// Along the lettering and across it.
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Way {
    /// The same in a picture so many times as large.
    pub(super) fn scaled(self, scale: f64) -> Self {
        let [x, y, width, height] = [self.x, self.y, self.width, self.height].map(|length| length * scale);
        Self { x, y, width, height, ..self }
    }

    /// The same rectangle, its lettering the other way round.
    pub(super) fn turned_round(self) -> Self {
        Self { degrees: self.degrees + 180.0, ..self }
    }

    /// Whether the lettering would be upside down on the page.
    pub(super) fn is_upside_down(&self) -> bool {
        (120.0..240.0).contains(&self.degrees.rem_euclid(360.0))
    }

    /// Along the lettering and across it from its middle.
    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let (dx, dy) = (x - self.x, y - self.y);
        [dx * cos + dy * sin, dy * cos - dx * sin]
    }
}

/// Ink that belongs together: the cells of a mask, by their left upper corners.
pub(super) struct Shape {
    pub(super) bounds: Bounds,
    pub(super) cells: Vec<[f64; 2]>,
}

impl Shape {
    /// The cells of the mask in each of the groups.
    pub(super) fn all(mask: &Bitmap, groups: &Components) -> Vec<Self> {
        let empty = Bounds { x0: i32::MAX, y0: i32::MAX, x1: i32::MIN, y1: i32::MIN };
        let mut shapes: Vec<Self> = groups.list.iter().map(|_| Self { bounds: empty, cells: Vec::new() }).collect();
        for run in &groups.runs {
            let row = mask.row(usize::try_from(run.y).unwrap_or(0));
            let shape = &mut shapes[run.component as usize];
            for x in (run.x0..run.x1).filter(|&x| row[usize::try_from(x).unwrap_or(0)] != 0) {
                shape.cells.push([f64::from(x), f64::from(run.y)]);
                shape.bounds = shape.bounds.union(&Bounds { x0: x, y0: run.y, x1: x + 1, y1: run.y + 1 });
            }
        }
        shapes.retain(|shape| !shape.cells.is_empty());
        shapes
    }

    /// Whether another is the same but for a cell or two.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let ends = |bounds: &Bounds| [bounds.x0, bounds.y0, bounds.x1, bounds.y1];
        ends(&self.bounds).iter().zip(ends(&other.bounds)).all(|(a, b)| a.abs_diff(b) <= 2)
    }

    /// Whether both sides of its box are of the sizes of a stamp that may be turned, and not too much of it is ink.
    pub(super) fn may_be_stamp(&self, per_mm: f64, long: [f64; 2], short: [f64; 2], most_fill: f64) -> bool {
        let (width, height) = (f64::from(self.bounds.width()), f64::from(self.bounds.height()));
        let fits = |side: f64, [least, most]: [f64; 2]| (least * per_mm..most * per_mm).contains(&side);
        fits(width.max(height), long)
            && fits(width.min(height), short)
            && self.cells.len() as f64 <= most_fill * width * height
    }

    /// The ways in which it may be read, most likely first: level first where both directions are as likely.
    pub(super) fn ways(&self) -> Vec<Way> {
        let [level, upright] = [0, 90].map(|direction| self.best_near(direction));
        let strength = |(score, way): &(f64, Way)| if way.width >= LONG * way.height { 2.0 * score } else { *score };
        let (first, second) = if strength(&upright) > strength(&level) { (upright, level) } else { (level, upright) };
        let mut ways = vec![first.1, first.1.turned_round()];
        if strength(&second) >= SECOND_DIRECTION * strength(&first) {
            ways.extend([second.1, second.1.turned_round()]);
        }
        // What lies on its side is as likely to be read from below as from above, what is level hardly ever upside down.
        ways.sort_by_key(Way::is_upside_down);
        ways
    }

    /// The direction near one in which the ink lies most in lines, and how much so.
    fn best_near(&self, direction: i32) -> (f64, Way) {
        let mut best = (0.0, 0.0);
        for turn in (-MOST_TURN..=MOST_TURN).chain([0]) {
            let degrees = f64::from(direction + turn);
            let score = self.lined(degrees);
            if score > best.0 {
                best = (score, degrees);
            }
        }
        let around = best.1;
        for step in [-0.66, -0.33, 0.33, 0.66] {
            let score = self.lined(around + step);
            if score > best.0 {
                best = (score, around + step);
            }
        }
        (best.0, self.around(best.1))
    }

    /// How much the ink lies in lines of a direction: the mean of the squares of how much there is in each, a cell high.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cells of a page, moved to be positive"
    )]
    fn lined(&self, degrees: f64) -> f64 {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let reach = (f64::from(self.bounds.width())).hypot(f64::from(self.bounds.height())) + 2.0;
        let mut lines = vec![0_u32; 2 * reach as usize + 2];
        for [x, y] in &self.cells {
            let (dx, dy) = (x - f64::from(self.bounds.x0), y - f64::from(self.bounds.y0));
            lines[(dy * cos - dx * sin + reach) as usize] += 1;
        }
        lines.iter().map(|&count| f64::from(count).powi(2)).sum::<f64>() / self.cells.len() as f64
    }

    /// The least rectangle of a direction around it.
    fn around(&self, degrees: f64) -> Way {
        let still = Way { degrees, x: 0.0, y: 0.0, width: 0.0, height: 0.0 };
        let mut ends = [[f64::MAX, f64::MIN]; 2];
        for [x, y] in &self.cells {
            let place = still.place([x + 0.5, y + 0.5]);
            for (end, at) in ends.iter_mut().zip(place) {
                *end = [end[0].min(at), end[1].max(at)];
            }
        }
        let [along, across] = ends.map(|[least, most]| (least + most) / 2.0);
        let [width, height] = ends.map(|[least, most]| most - least + 1.0);
        let (sin, cos) = degrees.to_radians().sin_cos();
        Way { degrees, x: along * cos - across * sin, y: along * sin + across * cos, width, height }
    }

    /// The share of ink along a side of a rectangle around it, the second least of the four: a seal may cover an end of a frame.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cells of a page, moved to be positive"
    )]
    pub(super) fn framed(&self, way: &Way, per_mm: f64) -> f64 {
        let (along, across) = (way.width as usize + 1, way.height as usize + 1);
        let mut sides = [vec![false; along], vec![false; along], vec![false; across], vec![false; across]];
        let stray = SIDE_STRAY_MM * per_mm;
        for [x, y] in &self.cells {
            let [u, v] = way.place([x + 0.5, y + 0.5]);
            let (u, v) = (u + way.width / 2.0, v + way.height / 2.0);
            let (column, row) = ((u.max(0.0) as usize).min(along - 1), (v.max(0.0) as usize).min(across - 1));
            for (side, is_near, at) in [
                (0, v < stray, column),
                (1, way.height - v < stray, column),
                (2, u < stray, row),
                (3, way.width - u < stray, row),
            ] {
                sides[side][at] |= is_near;
            }
        }
        let cover = |side: &Vec<bool>| side.iter().filter(|cell| **cell).count() as f64 / side.len() as f64;
        let mut covers = sides.each_ref().map(cover);
        covers.sort_by(f64::total_cmp);
        covers[1]
    }
}

/// The mask with everything that lies within `reach` of ink, row by row and column by column.
pub(super) fn dilated(mask: &Bitmap, reach: usize) -> Bitmap {
    let mut wide = Bitmap::new(mask.width, mask.height);
    for y in 0..mask.height {
        let row = mask.row(y);
        for (x, _) in row.iter().enumerate().filter(|(_, cell)| **cell != 0) {
            wide.data[y * mask.width + x.saturating_sub(reach)..y * mask.width + (x + reach + 1).min(mask.width)]
                .fill(1);
        }
    }
    let mut out = Bitmap::new(mask.width, mask.height);
    for y in 0..mask.height {
        for (x, _) in wide.row(y).iter().enumerate().filter(|(_, cell)| **cell != 0) {
            for near in y.saturating_sub(reach)..(y + reach + 1).min(mask.height) {
                out.data[near * mask.width + x] = 1;
            }
        }
    }
    out
}
