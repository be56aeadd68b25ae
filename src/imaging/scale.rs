//! The physical size of a sheet.
//!
//! A scan knows its resolution, so its size follows and is only rounded to a known format. A photo does not: the sheet's
//! shape is recovered from the perspective of its outline, and the format that explains it best is taken.
//!
//! A rectangle seen by a camera with square pixels and its optical axis through the picture's centre gives both the
//! focal length and the aspect (Zhang and He, "Whiteboard scanning and image enhancement", 2007, section 4). Solved for
//! directly, the focal length is anything once two sides look nearly parallel, and the aspect of a tilted sheet follows
//! it: by 12 %, what lies between A4 and ID-1. Instead, every focal length is tried. Each makes the outline a shape with
//! an angle and an aspect, whose errors follow to first order from those of corners and optical axis; its weight is how
//! likely that angle is a right one, times how common such a lens is. Each format's likelihood is summed over all focal
//! lengths, for optical axes near the middle and for those of cropped photos, and the most likely one wins (Bayesian
//! model selection: MacKay, "Information theory, inference and learning algorithms", 2003, chapter 28). Where the file
//! tells the focal length, other ones hardly count.
//!
//! Measured on simulated outlines true to 0.2 %, tilted by up to 35°, rolled by 45° and off the middle by 10 % of the
//! frame, lenses of 24 to 38 mm: 0.1 % of A4 and 0.3 % of ID-1 sheets are taken for something else without the focal
//! length (0.7 % and 1.0 % by Zhang and He's focal length), none of 5,000 with it. Off-centre crops (axis off by 8 % of
//! the longer side) still cost 5 % of A4 and 11 % of ID-1.
//!
//! Limits: formats of one aspect cannot be told apart on a photo. A3, A4 and A5 are all taken for A4, which is what nearly
//! all papers of a dossier are; F4 (1.571) and most Legal sheets (1.647) are taken for ID-1 cards (1.586). Letter (1.294)
//! keeps its shape, as long as an A4.

use crate::model::{Homography, Point, Quad, SizeMm};

/// A sheet's size and, when it is a known format, its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paper {
    /// Size as the content is read.
    pub size: SizeMm,
    /// Name of the format.
    pub name: Option<&'static str>,
}

/// A known format, upright.
struct Format {
    name: &'static str,
    width: f64,
    height: f64,
    /// How common the format is among photographed papers; 0 for those that are not told on photos.
    share_on_photos: f64,
}

/// ISO 216 (A sizes), ANSI Y14.1 (Letter, Legal), ISO/IEC 7810 (ID-1), F4 as sold in Vietnam. On photos only A4 and ID-1
/// are told; the shares are rough, and doubling one moves less than 1 % of the decisions.
const FORMATS: [Format; 8] = [
    Format { name: "A3", width: 297.0, height: 420.0, share_on_photos: 0.0 },
    Format { name: "A4", width: 210.0, height: 297.0, share_on_photos: 0.6 },
    Format { name: "A5", width: 148.0, height: 210.0, share_on_photos: 0.0 },
    Format { name: "A6", width: 105.0, height: 148.0, share_on_photos: 0.0 },
    Format { name: "Letter", width: 215.9, height: 279.4, share_on_photos: 0.0 },
    Format { name: "Legal", width: 215.9, height: 355.6, share_on_photos: 0.0 },
    Format { name: "F4", width: 210.0, height: 330.0, share_on_photos: 0.0 },
    Format { name: "ID-1", width: 53.98, height: 85.6, share_on_photos: 0.25 },
];

/// A scanned side this near a format's is the format's: scanners are true to about 1 %, outlines to a few pixels.
const SCAN_TOLERANCE_MM: f64 = 3.0;
/// The same for large formats, as a share of the side.
const SCAN_TOLERANCE_SHARE: f64 = 0.015;
/// Long side given to sheets of no known format: receipts and slips are at most as long as A4, and their true size cannot
/// be seen.
pub const UNKNOWN_LONG_SIDE_MM: f64 = 297.0;
/// A scan without a paper's edge that exceeds a format by up to this on both sides shows that format with the scanner's
/// margin around it: the box about an A4 that lies askew by 3° is 15 mm too large each way.
const LARGEST_MARGIN_MM: f64 = 20.0;
/// Millimetres per inch.
const INCH: f64 = 25.4;
/// Focal lengths of phones as shares of the frame's longer side: 13 mm (ultra-wide) to 83 mm equivalent, in 4:3.
const FOCAL_RANGE: (f64, f64) = (0.37, 2.4);
/// Focal lengths that are tried, evenly spaced by their logarithm, 2.4 % apart: finer than any outline tells.
const FOCAL_STEPS: u32 = 80;
/// Median of the focal lengths of phones' main cameras and the standard deviation of their logarithm: 23 to 31 mm
/// equivalent are two of three, from the 24 mm of 2023 to the 33 mm of 2013 (28 mm and 26 mm in between, as Apple states).
const FOCAL_USUAL: f64 = 0.78;
const FOCAL_DEVIATION: f64 = 0.15;
/// Share of photos with another lens, zoomed or cropped afterwards, which have any focal length. An estimate.
const ZOOMED: f64 = 0.15;
/// Standard deviation of the logarithm of a focal length that the file tells: whole millimetres of 24 are 2 % apart, near
/// focus adds 1 to 2 %, and cameras that cut 16:9 out of 4:3 may or may not count that, 9 %.
const TOLD_DEVIATION: f64 = 0.04;
/// Share of focal lengths told falsely, above all by programs that crop and keep the old word. An estimate.
const FALSELY_TOLD: f64 = 0.05;
/// Standard deviation of each coordinate of a corner, as a share of the mean side: outlines are true to 0.2 %, those of
/// bowed or worn sheets less so.
const CORNER_DEVIATION: f64 = 0.003;
/// Standard deviation of the optical axis from the frame's middle, as a share of the frame's longer side: stabilised
/// lenses move.
const AXIS_DEVIATION: f64 = 0.01;
/// How many times more the axis of a cropped photo is off, and the share of those. An estimate.
const AXIS_DEVIATION_CROPPED: f64 = 8.0;
const CROPPED: f64 = 0.15;
/// Standard deviation of the logarithm of a sheet's aspect from its format's, beyond what corners explain: curl and
/// torn or trimmed edges.
const SHAPE_DEVIATION: f64 = 0.02;
/// Sheets of no format are up to this many times as long as wide, no aspect more common than another.
const LONGEST_ASPECT: f64 = 3.0;
/// No sheet is longer for its width; degenerate outlines may seem so.
const STEEPEST_ASPECT: f64 = 20.0;

/// Size of a scanned sheet of this many pixels.
pub fn from_scan(width_px: f64, height_px: f64, dpi: f64) -> Paper {
    let measured = SizeMm { width: width_px / dpi * INCH, height: height_px / dpi * INCH };
    let (short, long) = (measured.width.min(measured.height), measured.width.max(measured.height));
    let excess = |format: &Format| {
        let off = |measured: f64, own: f64| (measured - own).abs() / SCAN_TOLERANCE_MM.max(SCAN_TOLERANCE_SHARE * own);
        off(short, format.width).max(off(long, format.height))
    };
    let nearest = FORMATS.iter().min_by(|a, b| excess(a).total_cmp(&excess(b)));
    match nearest {
        Some(format) if excess(format) <= 1.0 => named(format, measured.width > measured.height),
        _ => Paper { size: measured, name: None },
    }
}

/// The format that a scan of this many pixels shows with a margin of bed around it, though no edge is to be seen; `None`
/// when the scan is a format itself or exceeds none by a margin.
pub fn within_margin(width_px: f64, height_px: f64, dpi: f64) -> Option<Paper> {
    let Paper { size, name: None } = from_scan(width_px, height_px, dpi) else { return None };
    let (short, long) = (size.width.min(size.height), size.width.max(size.height));
    let margins = |format: &Format| [short - format.width, long - format.height];
    let narrow = |format: &&Format| margins(format).iter().all(|margin| (0.0..=LARGEST_MARGIN_MM).contains(margin));
    let widest = |format: &&Format| margins(format).into_iter().fold(0.0, f64::max);
    let nearest = FORMATS.iter().filter(narrow).min_by(|a, b| widest(a).total_cmp(&widest(b)));
    nearest.map(|format| named(format, size.width > size.height))
}

/// Size of a photographed sheet, from its outline on a frame of this size. The quad's first corner is the content's own
/// top left. `focal` is the camera's focal length as a share of the frame's longer side, where the file tells it;
/// implausible ones are ignored.
pub fn from_quad(quad: &Quad, frame_width: u32, frame_height: u32, focal: Option<f64>) -> Paper {
    let Some(view) = View::new(quad, frame_width, frame_height) else { return unnamed(seen_aspect(quad)) };
    let shapes = view.shapes(focal);
    let likelihood = |aspect: f64| shapes.iter().map(|shape| shape.likelihood(aspect)).sum::<f64>();
    let told = || FORMATS.iter().filter(|format| format.share_on_photos > 0.0);
    // Upright and landscape are equally common.
    let formats = told().flat_map(|format| {
        let (aspect, share) = (format.width / format.height, format.share_on_photos / 2.0);
        [(format, false, share * likelihood(aspect)), (format, true, share * likelihood(1.0 / aspect))]
    });
    let share_of_others = 1.0 - told().map(|format| format.share_on_photos).sum::<f64>();
    let weight: f64 = shapes.iter().map(|shape| shape.weight).sum();
    let other = share_of_others * weight / (2.0 * LONGEST_ASPECT.ln());
    match formats.max_by(|a, b| a.2.total_cmp(&b.2)) {
        Some((format, landscape, likelihood)) if likelihood > other => named(format, landscape),
        _ => unnamed(mean_aspect(&shapes)),
    }
}

/// The point of a photographed sheet's plane that lies straight below the camera, as shares of the sheet's width and
/// height from the first corner of its outline.
///
/// The camera is taken to have square pixels, its optical axis through the picture's centre and, unless told, the focal
/// length of a phone (a share of the frame's longer side).
pub fn camera_foot(outline: &Quad, size: SizeMm, [frame_width, frame_height]: [u32; 2], focal: Option<f64>) -> Point {
    let long_side = f64::from(frame_width.max(frame_height));
    let center = Point::new((f64::from(frame_width) - 1.0) / 2.0, (f64::from(frame_height) - 1.0) / 2.0);
    let axial = Quad(outline.0.map(|p| Point::new((p.x - center.x) / long_side, (p.y - center.y) / long_side)));
    let corners = [(0.0, 0.0), (size.width, 0.0), (size.width, size.height), (0.0, size.height)];
    let Some(map) = Homography::between(&Quad(corners.map(|(x, y)| Point::new(x, y))), &axial) else {
        return Point::new(0.5, 0.5);
    };
    // Columns of the homography are the sheet's two directions and its corner in the camera's frame, x and y times the
    // focal length. A bent sheet's outline does not tell that length.
    let column = |i: usize| [map.0[0][i], map.0[1][i], map.0[2][i] * focal.unwrap_or(FOCAL_USUAL)];
    let (across, down, corner) = (column(0), column(1), column(2));
    Point::new(
        -dot(across, corner) / dot(across, across) / size.width,
        -dot(down, corner) / dot(down, down) / size.height,
    )
}

/// A sheet of no known format and this width over height.
fn unnamed(aspect: f64) -> Paper {
    let aspect = aspect.clamp(1.0 / STEEPEST_ASPECT, STEEPEST_ASPECT);
    let (upright, landscape) = if aspect > 1.0 { (aspect, true) } else { (1.0 / aspect, false) };
    Paper { size: turned(UNKNOWN_LONG_SIDE_MM / upright, UNKNOWN_LONG_SIDE_MM, landscape), name: None }
}

fn named(format: &Format, landscape: bool) -> Paper {
    Paper { size: turned(format.width, format.height, landscape), name: Some(format.name) }
}

fn turned(short: f64, long: f64, landscape: bool) -> SizeMm {
    if landscape { SizeMm { width: long, height: short } } else { SizeMm { width: short, height: long } }
}

/// Width over height of the rectangle whose picture is the quad, the mean over all focal lengths. `focal` as in
/// [`from_quad`].
pub(crate) fn aspect(quad: &Quad, frame_width: u32, frame_height: u32, focal: Option<f64>) -> f64 {
    View::new(quad, frame_width, frame_height)
        .map_or_else(|| seen_aspect(quad), |view| mean_aspect(&view.shapes(focal)))
}

/// Width over height of an outline that is the picture of no rectangle.
fn seen_aspect(quad: &Quad) -> f64 {
    let [top, right, bottom, left] = quad.sides();
    (top + bottom).max(1e-9) / (right + left).max(1e-9)
}

/// What an outline is if the camera had a certain focal length.
struct Shape {
    /// Logarithm of width over height, given that the corners are right angles, and its variance.
    aspect: f64,
    variance: f64,
    /// Likelihood of right angles, times how common the focal length is.
    weight: f64,
}

impl Shape {
    /// Likelihood of the outline if this is its true width over height.
    fn likelihood(&self, aspect: f64) -> f64 {
        self.weight * normal(self.aspect - aspect.ln(), self.variance)
    }
}

/// Geometric mean of width over height.
fn mean_aspect(shapes: &[Shape]) -> f64 {
    let weighted = |of: fn(&Shape) -> f64| shapes.iter().map(|shape| shape.weight * of(shape)).sum::<f64>();
    (weighted(|shape| shape.aspect) / weighted(|_| 1.0)).exp()
}

/// Directions and relative lengths of a sheet's sides in space; `z` is in units of the focal length.
#[derive(Clone, Copy)]
struct Sides {
    across: [f64; 3],
    down: [f64; 3],
}

impl Sides {
    /// From the corners about the optical axis; `None` when they are not the picture of a parallelogram.
    fn new(corners: [Point; 4]) -> Option<Self> {
        // Zhang and He number the corners m1 m2 / m3 m4, row by row.
        let [m1, m2, m4, m3] = corners.map(|p| [p.x, p.y, 1.0]);
        let k2 = dot(cross(m1, m4), m3) / dot(cross(m2, m4), m3);
        let k3 = dot(cross(m1, m4), m2) / dot(cross(m3, m4), m2);
        let (across, down) = ([0, 1, 2].map(|i| k2 * m2[i] - m1[i]), [0, 1, 2].map(|i| k3 * m3[i] - m1[i]));
        let sides = Self { across, down };
        sides.angle_and_aspect(FOCAL_USUAL).iter().all(|value| value.is_finite()).then_some(sides)
    }

    /// Cosine of the angle between the sides, 0 for a rectangle, and the logarithm of width over height.
    fn angle_and_aspect(&self, focal: f64) -> [f64; 2] {
        let product = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + focal * focal * a[2] * b[2];
        let (across, down) = (product(self.across, self.across), product(self.down, self.down));
        [product(self.across, self.down) / (across * down).sqrt(), (across / down).ln() / 2.0]
    }
}

/// An outline as found, and as it would be with one of its uncertain coordinates off.
struct View {
    sides: Sides,
    /// With a coordinate of a corner off by its standard deviation, one by one.
    corner_off: Vec<Sides>,
    /// The same for the optical axis.
    axis_off: Vec<Sides>,
}

impl View {
    /// `None` for an outline that is the picture of no rectangle.
    fn new(quad: &Quad, frame_width: u32, frame_height: u32) -> Option<Self> {
        let long_side = f64::from(frame_width.max(frame_height));
        let center = Point::new((f64::from(frame_width) - 1.0) / 2.0, (f64::from(frame_height) - 1.0) / 2.0);
        // Coordinates about the optical axis, in units of the frame's long side.
        let corners = quad.0.map(|p| Point::new((p.x - center.x) / long_side, (p.y - center.y) / long_side));
        let off = CORNER_DEVIATION * Quad(corners).sides().iter().sum::<f64>() / 4.0;
        let moved = |which: usize, x: f64, y: f64| {
            let mut corners = corners;
            corners[which] = Point::new(corners[which].x + x, corners[which].y + y);
            corners
        };
        let shifted = |x: f64, y: f64| corners.map(|p| Point::new(p.x + x, p.y + y));
        let corner_off = (0..4).flat_map(|corner| [moved(corner, off, 0.0), moved(corner, 0.0, off)]);
        let axis_off = [shifted(AXIS_DEVIATION, 0.0), shifted(0.0, AXIS_DEVIATION)].into_iter();
        Some(Self {
            sides: Sides::new(corners)?,
            corner_off: corner_off.map(Sides::new).collect::<Option<_>>()?,
            axis_off: axis_off.map(Sides::new).collect::<Option<_>>()?,
        })
    }

    /// The shape at every focal length; at the usual one alone where none makes the outline a rectangle.
    fn shapes(&self, told: Option<f64>) -> Vec<Shape> {
        let (least, most) = FOCAL_RANGE;
        let told = told.filter(|focal| (least..=most).contains(focal));
        let shapes = (0..FOCAL_STEPS).flat_map(|step| {
            let focal = least * (most / least).powf(f64::from(step) / f64::from(FOCAL_STEPS - 1));
            self.shapes_at(focal, commonness(focal, told))
        });
        let shapes: Vec<Shape> = shapes.filter(|shape| shape.weight > 0.0 && shape.aspect.is_finite()).collect();
        if shapes.is_empty() {
            let [_, aspect] = self.sides.angle_and_aspect(told.unwrap_or(FOCAL_USUAL));
            return vec![Shape { aspect, variance: SHAPE_DEVIATION.powi(2), weight: 1.0 }];
        }
        shapes
    }

    /// The shape at a focal length, as the photo came from the camera and as it was cropped.
    fn shapes_at(&self, focal: f64, commonness: f64) -> [Shape; 2] {
        let [cosine, aspect] = self.sides.angle_and_aspect(focal);
        let corners = self.spread(&self.corner_off, focal);
        let axis = self.spread(&self.axis_off, focal);
        [(1.0 - CROPPED, 1.0), (CROPPED, AXIS_DEVIATION_CROPPED.powi(2))].map(|(share, factor)| {
            let [cosine_variance, covariance, variance] = [0, 1, 2].map(|i| corners[i] + factor * axis[i]);
            // What made the angle seem other than a right one has also changed the aspect.
            let slope = covariance / cosine_variance;
            Shape {
                aspect: aspect - slope * cosine,
                variance: variance - slope * covariance + SHAPE_DEVIATION.powi(2),
                weight: share * commonness * normal(cosine, cosine_variance),
            }
        })
    }

    /// Variance of the cosine, covariance, and variance of the aspect that these disturbances make.
    fn spread(&self, disturbed: &[Sides], focal: f64) -> [f64; 3] {
        let own = self.sides.angle_and_aspect(focal);
        disturbed.iter().fold([0.0; 3], |[cosine, both, aspect], sides| {
            let [c, a] = sides.angle_and_aspect(focal);
            let (c, a) = (c - own[0], a - own[1]);
            [cosine + c * c, both + c * a, aspect + a * a]
        })
    }
}

/// Density of the logarithm of a photo's focal length, where the file tells one or not.
fn commonness(focal: f64, told: Option<f64>) -> f64 {
    let about = |usual: f64, deviation: f64| normal((focal / usual).ln(), deviation * deviation);
    let (least, most) = FOCAL_RANGE;
    let untold = (1.0 - ZOOMED) * about(FOCAL_USUAL, FOCAL_DEVIATION) + ZOOMED / (most / least).ln();
    match told {
        Some(told) => (1.0 - FALSELY_TOLD) * about(told, TOLD_DEVIATION) + FALSELY_TOLD * untold,
        None => untold,
    }
}

/// Density of the normal distribution about 0.
fn normal(off: f64, variance: f64) -> f64 {
    (-off * off / (2.0 * variance)).exp() / (std::f64::consts::TAU * variance).sqrt()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ops::Range;

    /// The picture of a sheet turned in space: `tilt` about an axis in the picture at angle `axis`, after `roll`.
    fn pictured(width: f64, height: f64, tilt: f64, axis: f64, roll: f64, focal: f64) -> Quad {
        pictured_aside(width, height, tilt, axis, roll, focal, Point::new(0.0, 0.0))
    }

    /// The same with the sheet's middle off the frame's by these shares of its width and height.
    fn pictured_aside(width: f64, height: f64, tilt: f64, axis: f64, roll: f64, focal: f64, aside: Point) -> Quad {
        let (frame_width, frame_height, distance) = (3000.0, 4000.0, 1.6 * width.hypot(height));
        let middle_scale = focal * frame_height / distance;
        let corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)];
        Quad(corners.map(|(x, y)| {
            let (x, y) = (x * width, y * height);
            let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
            // Along and across the axis; only the part across it gains depth.
            let (along, across) = (x * axis.cos() + y * axis.sin(), -x * axis.sin() + y * axis.cos());
            let (depth, across) = (across * tilt.sin(), across * tilt.cos());
            let (x, y) = (along * axis.cos() - across * axis.sin(), along * axis.sin() + across * axis.cos());
            let scale = focal * frame_height / (distance + depth);
            let (right, down) = (aside.x * frame_width / middle_scale, aside.y * frame_height / middle_scale);
            Point::new((x + right) * scale + (frame_width - 1.0) / 2.0, (y + down) * scale + (frame_height - 1.0) / 2.0)
        }))
    }

    #[test]
    fn camera_stands_above_the_middle_of_a_sheet_seen_head_on() {
        let size = SizeMm { width: 210.0, height: 297.0 };
        let outline =
            Quad([(500.0, 400.0), (1340.0, 400.0), (1340.0, 1588.0), (500.0, 1588.0)].map(|(x, y)| Point::new(x, y)));
        let foot = camera_foot(&outline, size, [1841, 1989], None);
        assert!((foot.x - 0.5).abs() < 1e-6 && (foot.y - 0.5).abs() < 1e-6, "{foot:?}");
        // The far side is shorter: the camera stands nearer to the other.
        let tilted =
            Quad([(560.0, 400.0), (1280.0, 400.0), (1340.0, 1588.0), (500.0, 1588.0)].map(|(x, y)| Point::new(x, y)));
        let foot = camera_foot(&tilted, size, [1841, 1989], None);
        assert!((foot.x - 0.5).abs() < 1e-6 && foot.y > 0.6, "{foot:?}");
    }

    #[test]
    fn scans_snap_to_formats_and_keep_their_direction() {
        let paper = from_scan(1654.0, 2339.0, 200.0);
        assert_eq!((paper.name, paper.size), (Some("A4"), SizeMm { width: 210.0, height: 297.0 }));
        let paper = from_scan(3508.0 + 20.0, 2480.0 - 15.0, 300.0);
        assert_eq!((paper.name, paper.size), (Some("A4"), SizeMm { width: 297.0, height: 210.0 }));
        assert_eq!(from_scan(1011.0, 638.0, 300.0).name, Some("ID-1"));
        assert_eq!(from_scan(1700.0, 2200.0, 200.0).name, Some("Letter"));
        assert_eq!(from_scan(1654.0, 2598.0, 200.0).name, Some("F4"));
    }

    #[test]
    fn other_scans_are_as_measured() {
        let paper = from_scan(800.0, 2000.0, 254.0);
        assert_eq!((paper.name, paper.size), (None, SizeMm { width: 80.0, height: 200.0 }));
    }

    #[test]
    fn scans_with_a_margin_show_the_format_inside() {
        let paper = within_margin(2625.0, 3643.0, 300.0).unwrap();
        assert_eq!((paper.name, paper.size), (Some("A4"), SizeMm { width: 210.0, height: 297.0 }));
        assert_eq!(within_margin(3643.0, 2625.0, 300.0).unwrap().size, SizeMm { width: 297.0, height: 210.0 });
        assert_eq!(within_margin(2480.0, 3508.0, 300.0), None, "a format itself");
        assert_eq!(within_margin(2480.0, 5000.0, 300.0), None, "a strip");
    }

    #[test]
    fn photos_of_sheets_and_cards_get_their_format() {
        let a4 = from_quad(&pictured(210.0, 297.0, 0.4, 0.9, 0.2, 0.75), 3000, 4000, None);
        assert_eq!((a4.name, a4.size.width), (Some("A4"), 210.0));
        let card = from_quad(&pictured(85.6, 53.98, 0.3, 0.2, -0.3, 0.75), 3000, 4000, None);
        assert_eq!((card.name, card.size.width), (Some("ID-1"), 85.6));
        let receipt = from_quad(&pictured(80.0, 200.0, 0.3, 0.5, 0.1, 0.75), 3000, 4000, None);
        assert_eq!(receipt.name, None);
        assert!((receipt.size.height / receipt.size.width - 2.5).abs() < 0.05);
    }

    /// Evenly spread numbers from 0 to 1 (Marsaglia's xorshift).
    struct Numbers(u64);

    impl Numbers {
        fn within(&mut self, range: Range<f64>) -> f64 {
            for (left, shift) in [(true, 13), (false, 7), (true, 17)] {
                self.0 ^= if left { self.0 << shift } else { self.0 >> shift };
            }
            range.start + (range.end - range.start) * (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Normal with deviation 1 but for its tails: the sum of twelve even numbers.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.within(-0.5..0.5)).sum()
        }
    }

    const CASES: u32 = 2000;

    /// How many of [`CASES`] sheets of this size are taken for another format: tilted by up to 35°, rolled by up to 45°,
    /// off the middle by up to a tenth of the frame, with lenses from this range, corners true to 0.2 %.
    fn mistaken(name: &str, (width, height): (f64, f64), lenses: Range<f64>, told: fn(f64) -> Option<f64>) -> u32 {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let mut wrong = 0;
        for _ in 0..CASES {
            let focal = numbers.within(lenses.clone());
            let [tilt, axis, roll] =
                [0.0..35.0, 0.0..360.0, -45.0..45.0].map(|range| numbers.within(range).to_radians());
            let aside = Point::new(numbers.within(-0.1..0.1), numbers.within(-0.1..0.1));
            let quad = pictured_aside(width, height, tilt, axis, roll, focal, aside);
            let off = 0.002 * quad.sides().iter().sum::<f64>() / 4.0;
            let quad = Quad(quad.0.map(|p| Point::new(p.x + off * numbers.normal(), p.y + off * numbers.normal())));
            wrong += u32::from(from_quad(&quad, 3000, 4000, told(focal)).name != Some(name));
        }
        wrong
    }

    const A4: (f64, f64) = (210.0, 297.0);
    const CARD: (f64, f64) = (85.6, 53.98);

    #[test]
    fn sheets_and_cards_are_hardly_mistaken_without_a_focal_length() {
        let untold = |name, size, lenses| f64::from(mistaken(name, size, lenses, |_| None)) / f64::from(CASES);
        for lenses in [0.66..0.81, 0.7..1.1] {
            let (a4, card) = (untold("A4", A4, lenses.clone()), untold("ID-1", CARD, lenses.clone()));
            assert!(a4 < 0.003 && card < 0.01, "{lenses:?}: {a4} and {card}");
        }
        let (a4, card) = (untold("A4", A4, 1.4..1.6), untold("ID-1", CARD, 1.4..1.6));
        assert!(a4 < 0.04 && card < 0.07, "zoomed: {a4} and {card}");
    }

    #[test]
    fn a_told_focal_length_settles_the_format() {
        for lenses in [0.4..0.5, 0.66..0.81, 0.7..1.1, 1.4..1.6] {
            // As whole millimetres may be off.
            let told = |focal: f64| Some(focal * 1.02);
            assert_eq!(mistaken("A4", A4, lenses.clone(), told), 0, "{lenses:?}");
            assert_eq!(mistaken("ID-1", CARD, lenses.clone(), told), 0, "{lenses:?}");
        }
    }

    #[test]
    fn a_false_focal_length_does_little_harm() {
        let told = |_: f64| Some(0.75);
        let (a4, card) = (mistaken("A4", A4, 0.9..1.1, told), mistaken("ID-1", CARD, 0.9..1.1, told));
        assert!(a4 < CASES / 50 && card < CASES / 20, "{a4} and {card}");
        let quad = pictured(210.0, 297.0, 0.4, 0.9, 0.2, 0.75);
        assert_eq!(from_quad(&quad, 3000, 4000, Some(90.0)), from_quad(&quad, 3000, 4000, None), "implausible");
    }

    #[test]
    fn degenerate_outlines_do_not_panic() {
        let point = Quad([Point::new(5.0, 5.0); 4]);
        assert!(from_quad(&point, 10, 10, None).size.width.is_finite());
    }

    proptest! {
        #[test]
        fn aspect_survives_perspective(
            ratio in 0.4f64..2.5, tilt in 0.0f64..0.6, axis in 0.0f64..3.1, roll in -0.7f64..0.7,
        ) {
            let quad = pictured(200.0 * ratio, 200.0, tilt, axis, roll, 0.9);
            let found = aspect(&quad, 3000, 4000, Some(0.9));
            prop_assert!((found / ratio).ln().abs() < 0.01, "{found} for {ratio}");
        }
    }
}
