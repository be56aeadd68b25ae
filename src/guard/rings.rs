//! Round seals, which are no marks: found by their rings, also where a stamp touches one.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cells of a page and bins of a circle")]

use crate::imaging::components::{self, Bitmap};

use super::shape::{Shape, dilated};

/// Radii of rings, millimetres.
const RADII_MM: [f64; 2] = [11.0, 23.0];

/// How far a ring may stray from its circle, millimetres.
const STRAY_MM: f64 = 0.5;

/// Parts of a circle, and the share of them that must have ink.
const PARTS: usize = 72;
const COVERED: f64 = 0.55;

/// Cells that circles are laid through, three at a time, and how often.
const SAMPLE: usize = 400;
const TRIES: usize = 300;

/// Seals on a page.
const MOST: usize = 8;

/// Takes round seals with all that is in them out of a mask of red cells.
pub(super) fn erase(mask: &mut Bitmap, per_mm: f64) {
    for _ in 0..MOST {
        let near = dilated(mask, (2.0 * STRAY_MM * per_mm) as usize);
        let shapes = Shape::all(mask, &components::find(&near, 0));
        let least = 2.0 * RADII_MM[0] * per_mm;
        let is_large = |shape: &&Shape| f64::from(shape.bounds.width().min(shape.bounds.height())) >= least;
        let rings: Vec<[f64; 3]> = shapes.iter().filter(is_large).filter_map(|shape| ring(shape, per_mm)).collect();
        if rings.is_empty() {
            return;
        }
        for [x, y, radius] in rings {
            let radius = radius + 2.0 * STRAY_MM * per_mm;
            let rows = (y - radius).max(0.0) as usize..(y + radius + 1.0).clamp(0.0, mask.height as f64) as usize;
            for row in rows {
                for column in (x - radius).max(0.0) as usize..(x + radius + 1.0).clamp(0.0, mask.width as f64) as usize
                {
                    if (column as f64 - x).hypot(row as f64 - y) <= radius {
                        mask.data[row * mask.width + column] = 0;
                    }
                }
            }
        }
    }
}

/// The largest circle that is inked nearly all around: middle and radius.
fn ring(shape: &Shape, per_mm: f64) -> Option<[f64; 3]> {
    let step = shape.cells.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<[f64; 2]> = shape.cells.iter().step_by(step).copied().collect();
    // Chance of a fixed seed: the same page gives the same answer.
    let mut state = 1_u32;
    let mut pick = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sample[(state >> 8) as usize % sample.len()]
    };
    let mut best: Option<[f64; 3]> = None;
    for _ in 0..TRIES {
        let Some([x, y, radius]) = circle(pick(), pick(), pick()) else { continue };
        let is_seal = (RADII_MM[0] * per_mm..RADII_MM[1] * per_mm).contains(&radius);
        if is_seal && best.is_none_or(|[_, _, most]| radius > most) && covered(shape, [x, y, radius], per_mm) >= COVERED
        {
            best = Some([x, y, radius]);
        }
    }
    best
}

/// The share of a circle's parts that have ink.
fn covered(shape: &Shape, [x, y, radius]: [f64; 3], per_mm: f64) -> f64 {
    let mut parts = [false; PARTS];
    for [column, row] in &shape.cells {
        let (dx, dy) = (column - x, row - y);
        if (dx.hypot(dy) - radius).abs() <= STRAY_MM * per_mm {
            let turn = (dy.atan2(dx) / std::f64::consts::TAU).rem_euclid(1.0);
            parts[((turn * PARTS as f64) as usize).min(PARTS - 1)] = true;
        }
    }
    parts.iter().filter(|part| **part).count() as f64 / PARTS as f64
}

/// Middle and radius of the circle through three points.
fn circle([ax, ay]: [f64; 2], [bx, by]: [f64; 2], [cx, cy]: [f64; 2]) -> Option<[f64; 3]> {
    let (bx, by, cx, cy) = (bx - ax, by - ay, cx - ax, cy - ay);
    let twice = 2.0 * (bx * cy - by * cx);
    if twice.abs() < 1.0 {
        return None;
    }
    let (b, c) = (bx * bx + by * by, cx * cx + cy * cy);
    let (x, y) = ((cy * b - by * c) / twice, (bx * c - cx * b) / twice);
    Some([ax + x, ay + y, x.hypot(y)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_goes_with_what_is_in_it_and_a_frame_beside_it_stays() {
        let mut mask = Bitmap::new(300, 200);
        for y in 0..200 {
            for x in 0..300 {
                let radius = (x as f64 - 90.0).hypot(y as f64 - 100.0);
                let is_ring = (60.0..63.0).contains(&radius) || radius < 12.0;
                let in_frame = (150..240).contains(&x) && (80..112).contains(&y);
                let is_frame = in_frame && !((152..238).contains(&x) && (82..110).contains(&y));
                mask.data[y * 300 + x] = u8::from(is_ring || is_frame);
            }
        }
        erase(&mut mask, 4.0);
        let at = |x: usize, y: usize| mask.data[y * 300 + x];
        assert_eq!((at(90, 100), at(90, 39), at(29, 100)), (0, 0, 0));
        assert_eq!((at(200, 80), at(239, 100)), (1, 1));
    }

    #[test]
    fn frames_and_letters_are_no_rings() {
        let mut mask = Bitmap::new(300, 300);
        for y in 0..300 {
            for x in 0..300 {
                let in_frame = (40..240).contains(&x) && (40..240).contains(&y);
                mask.data[y * 300 + x] = u8::from(in_frame && !((44..236).contains(&x) && (44..236).contains(&y)));
            }
        }
        let before = mask.data.clone();
        erase(&mut mask, 4.0);
        assert_eq!(mask.data, before);
    }
}
