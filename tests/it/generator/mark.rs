//! Registration marks: a disc in a ring, which look the same from every side, printed on a page and found again on its
//! picture by correlation.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places on a small grid, clamped to it")]

use image::GrayImage;
use sohoa::model::Point;

use super::sheet::Sheet;

/// Outer and inner radius of the ring and radius of the disc, as shares of the mark's radius.
const RING: (f64, f64) = (1.0, 0.74);
const DISC: f64 = 0.46;
/// Radius of the mark on the grid on which it is looked for, samples; a margin of paper is part of the template.
const GRID_RADIUS: f64 = 12.0;
const TEMPLATE: usize = 31;
/// Least correlation of a place that is a mark.
const LEAST_CORRELATION: f32 = 0.7;

/// A mark on a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// Its middle, millimetres from the page's top left.
    pub(crate) at: Point,
    /// Millimetres.
    pub(crate) radius: f64,
}

impl Mark {
    pub(crate) fn print(&self, sheet: &mut Sheet) {
        let ink = [0.08; 3];
        sheet.ring(self.at, 0.0, DISC * self.radius, ink, 1.0);
        sheet.ring(self.at, RING.1 * self.radius, RING.0 * self.radius, ink, 1.0);
    }

    /// Where the mark lies on a picture: searched up to `reach` millimetres around the place where it is expected, on a
    /// picture of so many pixels a millimetre across and down.
    pub(crate) fn locate(&self, gray: &GrayImage, expected: Point, scale: [f64; 2], reach: f64) -> Option<Point> {
        let samples_per_mm = GRID_RADIUS / self.radius;
        let step = scale.map(|pixels_per_mm| pixels_per_mm / samples_per_mm);
        let places = 2 * (reach * samples_per_mm) as usize + 1;
        let side = places + TEMPLATE - 1;
        let corner = [expected.x, expected.y].into_iter().zip(step);
        let corner: Vec<f64> = corner.map(|(middle, step)| middle - (side / 2) as f64 * step).collect();
        let window = Grid {
            side,
            values: (0..side * side)
                .map(|i| sample(gray, corner[0] + (i % side) as f64 * step[0], corner[1] + (i / side) as f64 * step[1]))
                .collect(),
        };
        let best = window.best_match(&template(), places)?;
        let half = (TEMPLATE / 2) as f64;
        Some(Point::new(corner[0] + (best[0] + half) * step[0], corner[1] + (best[1] + half) * step[1]))
    }
}

/// The mark in a square, without its mean and with unit length.
fn template() -> Vec<f32> {
    let middle = (TEMPLATE / 2) as f64;
    let raw: Vec<f32> = (0..TEMPLATE * TEMPLATE)
        .map(|i| {
            let away = ((i % TEMPLATE) as f64 - middle).hypot((i / TEMPLATE) as f64 - middle);
            let within = |radius: f64| (radius * GRID_RADIUS - away + 0.5).clamp(0.0, 1.0);
            -(within(DISC) + within(RING.0) - within(RING.1)) as f32
        })
        .collect();
    let mean = raw.iter().sum::<f32>() / raw.len() as f32;
    let length = raw.iter().map(|value| (value - mean).powi(2)).sum::<f32>().sqrt();
    raw.iter().map(|value| (value - mean) / length).collect()
}

/// A square of samples.
struct Grid {
    side: usize,
    values: Vec<f32>,
}

impl Grid {
    /// The place of the template's corner where it correlates best, between the samples too.
    fn best_match(&self, template: &[f32], places: usize) -> Option<[f64; 2]> {
        const COARSE: usize = 3;
        let score = |x: usize, y: usize| self.correlation(template, x, y);
        let best_of = |columns: Vec<usize>, rows: Vec<usize>| {
            let places = rows.iter().flat_map(|&y| columns.iter().map(move |&x| (x, y)));
            let scored = places.map(|(x, y)| (score(x, y), x, y));
            scored.max_by(|a, b| a.0.total_cmp(&b.0)).expect("at least one place")
        };
        let all: Vec<usize> = (0..places).step_by(COARSE).collect();
        let (_, x, y) = best_of(all.clone(), all);
        let around = |at: usize| (at.saturating_sub(COARSE)..(at + COARSE + 1).min(places)).collect();
        let best = best_of(around(x), around(y));
        let (peak, x, y) = best;
        let inside = |at: usize| at > 0 && at + 1 < places;
        if peak < LEAST_CORRELATION || !inside(x) || !inside(y) {
            return None;
        }
        let shift =
            |before: f32, after: f32| f64::from((before - after) / (2.0 * (before - 2.0 * peak + after)).min(-1e-9));
        Some([x as f64 + shift(score(x - 1, y), score(x + 1, y)), y as f64 + shift(score(x, y - 1), score(x, y + 1))])
    }

    /// Normalised correlation with the template laid here, -1 to 1.
    fn correlation(&self, template: &[f32], x: usize, y: usize) -> f32 {
        let (mut product, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (row, line) in template.chunks_exact(TEMPLATE).enumerate() {
            let from = (y + row) * self.side + x;
            for (&value, &wanted) in self.values[from..from + TEMPLATE].iter().zip(line) {
                product += value * wanted;
                sum += value;
                squares += value * value;
            }
        }
        let count = template.len() as f32;
        let variance = squares - sum * sum / count;
        // Bare paper and its noise resemble nothing.
        if variance < count * 25.0 { -1.0 } else { product / variance.sqrt() }
    }
}

/// The picture between its pixels, the edge repeated beyond them.
fn sample(gray: &GrayImage, x: f64, y: f64) -> f32 {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let (x, y) = (x.clamp(0.0, (width - 1) as f64), y.clamp(0.0, (height - 1) as f64));
    let (column, row) = ((x as usize).min(width.max(2) - 2), (y as usize).min(height.max(2) - 2));
    let (right, down) = ((x - column as f64) as f32, (y - row as f64) as f32);
    let at = |column: usize, row: usize| f32::from(gray.as_raw()[row * width + column]);
    let above = at(column, row) * (1.0 - right) + at(column + 1, row) * right;
    let below = at(column, row + 1) * (1.0 - right) + at(column + 1, row + 1) * right;
    above * (1.0 - down) + below * down
}
