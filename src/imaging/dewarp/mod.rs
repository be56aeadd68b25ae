//! The shape of sheets that are curled, wavy or folded, from a preview that their homography has laid flat.
//!
//! 1. Text lines are traced as points of their baselines (`lines`).
//! 2. One smooth lift of the paper is fitted that makes the lines straight and parallel and the traced sides of the sheet
//!    straight; it also tells the spacing along the curl (`fit`).
//! 3. The shape is believed when lines that it was not fitted to become straighter by far, or when bowed sides ask for it
//!    and the lines do not object. Else the page is left as it is: a page straightened wrongly is worse than one that is
//!    slightly curled.
//!
//! Why lines and sides and not shading or a network: they are measured to a tenth of a millimetre on the page itself, and
//! the lines left out of the fit say whether it is right.
//!
//! Accuracy: on drawn sheets (tests) 0.1 to 0.5 mm (root mean square) where the curl moves print by 1 to 3 mm, and lines
//! straight to a twentieth of their height.
//!
//! Limits: pages with fewer than a handful of lines of print and tables of single words stay as they are; creases
//! are rounded over [`fit`]'s grid of 26 mm; parts of the paper that hide others cannot be unfolded.

mod fit;
pub(in crate::imaging) mod lines;
#[cfg(test)]
mod tests;

use image::GrayImage;

use self::fit::{Evidence, Shape};
use self::lines::{Line, median};
use crate::model::{Bend, Point};

const MM_PER_INCH: f64 = 25.4;

/// Nodes of the bend that is given back, across and down: 12 to 13 mm apart on an A4, where bilinear interpolation of the
/// strongest curl is true to 0.05 mm.
const COLUMNS: usize = 17;
const ROWS: usize = 25;

/// Fewer lines do not tell the shape of a page.
const MIN_LINES: usize = 6;
/// Shifts below this do not matter to reader or recogniser, millimetres: a fifth of a line of 10 pt.
const MIN_SHIFT_MM: f64 = 0.4;
/// Lines wander by less than this on flat pages, letter heights (root mean square, mean over the lines): up to 0.05 on flat
/// printed photos, 0.08 in handwriting.
const MIN_WANDER: f64 = 0.06;
/// Lines that were left out of the fit must wander less than this share of before.
const HELD_OUT_GAIN: f64 = 0.5;
/// A side bowed by this much asks for a bend even where the lines are straight, millimetres: on an A4 that fills a photo of
/// 2 megapixels it is 4 pixels.
const MIN_BOW_MM: f64 = 0.8;
/// The shape then follows the traced sides this well (root mean square, millimetres), and lines left out of the fit do not
/// wander by more than this beyond what they did, letter heights.
const SIDE_ERROR_MM: f64 = 0.3;
const TOLERATED_WANDER: f64 = 0.02;

/// How a page that is not flat is laid flat and its print straight.
#[derive(Clone, Debug, PartialEq)]
pub struct Flattening {
    /// Rotation of the print on its paper, clockwise, degrees: the page is to be turned by it first.
    pub print_degrees: f64,
    /// Departure of the page that was turned so, from the plane of its four corners.
    pub bend: Bend,
}

/// Estimates how a page departs from the plane of its four corners; `None` when it is flat or the evidence does not
/// suffice.
///
/// `print_degrees` of more than `most_degrees` are left as they are.
///
/// `flat` is the upright page laid flat by its homography, of about 120 dpi. `sides` are the points along its traced
/// sides top, right, bottom and left in shares of its width and height, none along straight sides; without an outline
/// of the sheet there are no sides to speak of. `foot` is the point of the page's plane below the camera, roughly, in
/// the same shares.
pub fn estimate(
    flat: &GrayImage,
    sides: Option<&[Vec<Point>; 4]>,
    foot: Point,
    dpi: f64,
    most_degrees: f64,
) -> Option<Flattening> {
    let evidence = gather(flat, sides, foot, dpi)?;
    let level = fit::level(&evidence);
    let before = wander(&evidence, |_| &level);
    let bow = bow(&evidence);
    if evidence.lines.len() < MIN_LINES || before < MIN_WANDER && bow < MIN_BOW_MM {
        return None;
    }
    let shape = fit::fit_with_foot(&evidence)?;
    let halves =
        [fit::fit(&evidence, shape.foot(), |i| i % 2 == 1)?, fit::fit(&evidence, shape.foot(), |i| i % 2 == 0)?];
    let held_out = wander(&evidence, |i| &halves[i % 2]);
    let straightened = before >= MIN_WANDER && held_out <= HELD_OUT_GAIN * before;
    let unbowed = bow >= MIN_BOW_MM
        && fit::side_error(&evidence, &shape) <= SIDE_ERROR_MM
        && held_out <= before + TOLERATED_WANDER;
    if !straightened && !unbowed {
        return None;
    }
    let print_degrees = shape.print_degrees();
    let print_degrees = if print_degrees.abs() <= most_degrees { print_degrees } else { 0.0 };
    Some(Flattening { print_degrees, bend: bend(&shape, &evidence, print_degrees)? })
}

/// Lines and sides of a page in millimetres.
fn gather(flat: &GrayImage, sides: Option<&[Vec<Point>; 4]>, foot: Point, dpi: f64) -> Option<Evidence> {
    let millimetre = dpi / MM_PER_INCH;
    let (width, height) = (f64::from(flat.width()) / millimetre, f64::from(flat.height()) / millimetre);
    let from_pixels = |p: Point| Point::new((p.x + 0.5) / millimetre, (p.y + 0.5) / millimetre);
    let from_shares = |p: &Point| Point::new(p.x * width, p.y * height);
    let lines = lines::trace(flat, dpi).into_iter().map(|line| Line {
        points: line.points.into_iter().map(from_pixels).collect(),
        letter_height: line.letter_height / millimetre,
    });
    let finite = width.is_finite() && height.is_finite() && foot.x.is_finite() && foot.y.is_finite();
    finite.then(|| Evidence {
        width,
        height,
        foot: from_shares(&foot),
        lines: lines.collect(),
        sides: sides.map(|sides| [0, 1, 2, 3].map(|i| sides[i].iter().map(from_shares).collect())),
    })
}

/// How far lines are from straight and parallel on the flattened page, root mean square in letter heights, mean over the
/// lines.
fn wander<'a>(evidence: &Evidence, shape: impl Fn(usize) -> &'a Shape) -> f64 {
    let off = |(i, line): (usize, &Line)| {
        let heights: Vec<f64> = fit::flattened(shape(i), line).iter().map(|p| p.y).collect();
        let middle = median(heights.clone());
        let squares: f64 = heights.iter().map(|height| (height - middle).powi(2)).sum();
        (squares / heights.len() as f64).sqrt() / line.letter_height
    };
    evidence.lines.iter().enumerate().map(off).sum::<f64>() / evidence.lines.len().max(1) as f64
}

/// Greatest distance of a traced side from where it should be, millimetres.
fn bow(evidence: &Evidence) -> f64 {
    let Some(sides) = &evidence.sides else { return 0.0 };
    let along = |points: &Vec<Point>, off: &dyn Fn(&Point) -> f64| {
        // A few strays do not make a bow.
        let mut off: Vec<f64> = points.iter().map(|p| off(p).abs()).collect();
        off.sort_by(f64::total_cmp);
        off.get(off.len() * 9 / 10).copied().unwrap_or(0.0)
    };
    let (width, height) = (evidence.width, evidence.height);
    let bows = [
        along(&sides[0], &|p| p.y),
        along(&sides[1], &|p| p.x - width),
        along(&sides[2], &|p| p.y - height),
        along(&sides[3], &|p| p.x),
    ];
    bows.into_iter().fold(0.0, f64::max)
}

/// The shape as shifts at the nodes of a grid over the page turned clockwise about its middle; `None` when they do not
/// matter.
#[expect(clippy::cast_possible_truncation, reason = "shares of the page, stored as f32")]
fn bend(shape: &Shape, evidence: &Evidence, degrees: f64) -> Option<Bend> {
    let (width, height) = (evidence.width, evidence.height);
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let mut shifts = Vec::with_capacity(COLUMNS * ROWS);
    let mut greatest = 0f64;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let (x, y) = (column as f64 / (COLUMNS - 1) as f64, row as f64 / (ROWS - 1) as f64);
            let (x, y) = (width * (x - 0.5), height * (y - 0.5));
            let turned = Point::new(cosine * x - sine * y + width / 2.0, sine * x + cosine * y + height / 2.0);
            let [right, down] = shape.shift(turned);
            greatest = greatest.max(right.hypot(down));
            let (right, down) = (cosine * right + sine * down, cosine * down - sine * right);
            shifts.push([(right / width) as f32, (down / height) as f32]);
        }
    }
    (greatest >= MIN_SHIFT_MM).then(|| Bend::new(COLUMNS, ROWS, shifts))
}
