//! The two sides of a card on one capture.
//!
//! On a scanner bed both outlines have the size of an ID-1 card (ISO/IEC 7810, 85.60 × 53.98 mm). A photo tells no size
//! but the aspect (`scale`), and both lie on one plane: the map that makes one outline a card must make the other one, too,
//! under any perspective. The aspects of A4 and A5 are 11 % off, those of two such outlines hardly ever by chance a card's.
//!
//! Limits: any two papers of the shape and equal size of a card are taken for one.

use super::Bounds;
use crate::imaging::scale;
use crate::model::{Homography, Point, Quad};

/// Sides of an ID-1 card, millimetres.
const LONG_MM: f64 = 85.6;
const SHORT_MM: f64 = 53.98;
/// Outlines of rounded corners and the perspective of a lens leave sides on photos within this share of their length.
const PHOTO_TOLERANCE: f64 = 0.06;
/// Largest logarithm of an aspect on a photo over that of a card, of one outline and of the mean of both: those of A4 and
/// A5 are 0.115 off, and half of the aspects of outlines true to 0.2 % are true to 1 %, one in ten is off by 6 %.
const ASPECT_TOLERANCE: f64 = 0.08;
const MEAN_ASPECT_TOLERANCE: f64 = 0.04;
/// Cards laid down by hand for one picture are turned against each other by at most this, degrees.
const MAX_TURN_DEGREES: f64 = 20.0;

/// The two sheets that are the sides of a card, upper before lower, or left before right where they lie side by side.
///
/// `frame` is the capture's width and height, `scan_dpi` the scanner's resolution, `None` for a photo; `focal` a photo's
/// focal length as a share of the frame's longer side, where it is known.
pub fn card_sides(
    sheets: &[Bounds],
    frame: (u32, u32),
    scan_dpi: Option<f64>,
    focal: Option<f64>,
) -> Option<[usize; 2]> {
    let pairs = (0..sheets.len()).flat_map(|i| (i + 1..sheets.len()).map(move |j| [i, j]));
    let mut pairs = pairs.filter(|[i, j]| are_sides(&sheets[*i].quad, &sheets[*j].quad, frame, scan_dpi, focal));
    let [i, j] = pairs.next()?;
    let (a, b) = (centre(&sheets[i].quad), centre(&sheets[j].quad));
    let beside = (a.x - b.x).abs() > (a.y - b.y).abs();
    let in_order = if beside { a.x < b.x } else { a.y < b.y };
    Some(if in_order { [i, j] } else { [j, i] })
}

/// Whether two outlines can be the two sides of a card.
pub(super) fn are_sides(a: &Quad, b: &Quad, frame: (u32, u32), scan_dpi: Option<f64>, focal: Option<f64>) -> bool {
    let (a, b) = (long_side_first(a), long_side_first(b));
    if turn_degrees(&a, &b) > MAX_TURN_DEGREES {
        return false;
    }
    match scan_dpi {
        Some(dpi) => [a, b].iter().all(|quad| {
            let [top, right, bottom, left] = quad.sides();
            scale::from_scan((top + bottom) / 2.0, (left + right) / 2.0, dpi).name == Some("ID-1")
        }),
        None => {
            let off = [a, b].map(|quad| (scale::aspect(&quad, frame.0, frame.1, focal) / (LONG_MM / SHORT_MM)).ln());
            off.iter().all(|off| off.abs() < ASPECT_TOLERANCE)
                && (off[0] + off[1]).abs() / 2.0 < MEAN_ASPECT_TOLERANCE
                && makes_a_card(&a, &b)
                && makes_a_card(&b, &a)
        }
    }
}

/// Whether the map that makes `a` a card makes `b` one.
fn makes_a_card(a: &Quad, b: &Quad) -> bool {
    let card = Quad([(0.0, 0.0), (LONG_MM, 0.0), (LONG_MM, SHORT_MM), (0.0, SHORT_MM)].map(|(x, y)| Point::new(x, y)));
    Homography::between(a, &card).is_some_and(|flat| {
        let sides = Quad(b.0.map(|corner| flat.apply(corner))).sides();
        let true_sides = [LONG_MM, SHORT_MM, LONG_MM, SHORT_MM];
        sides.iter().zip(true_sides).all(|(side, own)| (side / own - 1.0).abs() < PHOTO_TOLERANCE)
    })
}

/// The outline started at a corner from which a long side runs.
fn long_side_first(quad: &Quad) -> Quad {
    let [top, right, bottom, left] = quad.sides();
    if top + bottom >= right + left { *quad } else { quad.rotated_start(1) }
}

/// Angle between the long sides, whichever way they run.
fn turn_degrees(a: &Quad, b: &Quad) -> f64 {
    let direction = |quad: &Quad| (quad.0[1].y - quad.0[0].y).atan2(quad.0[1].x - quad.0[0].x).to_degrees();
    let turn = (direction(a) - direction(b)).rem_euclid(180.0);
    turn.min(180.0 - turn)
}

fn centre(quad: &Quad) -> Point {
    let sum = quad.0.iter().fold(Point::default(), |sum, p| Point::new(sum.x + p.x, sum.y + p.y));
    Point::new(sum.x / 4.0, sum.y / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sheet of this size in millimetres, turned and moved on a plane, as a scanner of 254 dpi sees it.
    fn scanned(size: (f64, f64), at: (f64, f64), degrees: f64) -> Quad {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Quad(
            [(0.0, 0.0), (size.0, 0.0), size, (0.0, size.1)]
                .map(|(x, y)| Point::new(10.0 * (at.0 + x * cosine - y * sine), 10.0 * (at.1 + x * sine + y * cosine))),
        )
    }

    /// The same as a camera of 26 mm equivalent focal length sees it, tilted by 24°.
    fn photographed(quad: &Quad) -> Quad {
        let seen =
            Quad([(454.9, 657.4), (1700.2, 674.8), (1533.1, 2157.3), (582.4, 2065.7)].map(|(x, y)| Point::new(x, y)));
        let camera = Homography::between(&Quad::of_frame(2100, 2970), &seen).unwrap();
        Quad(quad.0.map(|corner| camera.apply(corner)))
    }

    const CARD: (f64, f64) = (LONG_MM, SHORT_MM);
    const FRAME: (u32, u32) = (2100, 2970);

    fn on_both(a: &Quad, b: &Quad) -> [bool; 2] {
        [are_sides(a, b, FRAME, Some(254.0), None), are_sides(&photographed(a), &photographed(b), FRAME, None, None)]
    }

    #[test]
    fn two_cards_are_sides_wherever_they_lie() {
        let first = scanned(CARD, (20.0, 30.0), 3.0);
        for (at, degrees) in [((110.0, 40.0), -4.0), ((30.0, 150.0), 0.0), ((110.0, 100.0), 184.0)] {
            assert_eq!(on_both(&first, &scanned(CARD, at, degrees)), [true; 2], "{at:?}");
        }
    }

    #[test]
    fn other_papers_are_no_sides() {
        let card = scanned(CARD, (20.0, 30.0), 0.0);
        for size in [(148.0, 210.0), (80.0, 150.0), (75.0, 75.0)] {
            let (one, two) = (scanned(size, (5.0, 20.0), 1.0), scanned(size, (160.0, 60.0), 0.0));
            assert_eq!(on_both(&one, &two), [false; 2], "{size:?}");
            assert_eq!(on_both(&card, &two), [false; 2], "a card and {size:?}");
        }
        let upright = scanned((SHORT_MM, LONG_MM), (140.0, 30.0), 0.0);
        assert_eq!(on_both(&card, &upright), [false; 2], "turned by a quarter");
    }

    #[test]
    fn upper_side_comes_first() {
        let at = |y| Bounds {
            quad: scanned(CARD, (60.0, y), 0.0),
            curves: Default::default(),
            confidence: 1.0,
            cut_off: false,
        };
        assert_eq!(card_sides(&[at(150.0), at(20.0)], FRAME, Some(254.0), None), Some([1, 0]));
        assert_eq!(card_sides(&[at(20.0)], FRAME, Some(254.0), None), None);
    }
}
