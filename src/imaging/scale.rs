//! The physical size of a sheet.
//!
//! A scan knows its resolution, so its size follows and is only rounded to a known format. A photo does not: the sheet's
//! aspect is recovered from the perspective of its outline (Zhang and He, "Whiteboard scanning and image enhancement",
//! 2007, section 4: a rectangle seen by a camera with square pixels and its optical axis through the picture's centre
//! gives both the focal length and the aspect) and the nearest format is taken. Formats of one aspect (A3, A4, A5) cannot
//! be told apart on a photo: A4 is assumed, which is what nearly all papers of a dossier are.

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
    /// Whether a photo of this aspect is taken for this format.
    on_photos: bool,
}

/// ISO 216 (A sizes), ANSI Y14.1 (Letter, Legal), ISO/IEC 7810 (ID-1), F4 as sold in Vietnam. On photos Letter and F4
/// are left to A4 and Legal: their aspects differ from A4's by less than a photo can tell for sure.
const FORMATS: [Format; 8] = [
    Format { name: "A3", width: 297.0, height: 420.0, on_photos: false },
    Format { name: "A4", width: 210.0, height: 297.0, on_photos: true },
    Format { name: "A5", width: 148.0, height: 210.0, on_photos: false },
    Format { name: "A6", width: 105.0, height: 148.0, on_photos: false },
    Format { name: "Letter", width: 215.9, height: 279.4, on_photos: false },
    Format { name: "Legal", width: 215.9, height: 355.6, on_photos: false },
    Format { name: "F4", width: 210.0, height: 330.0, on_photos: false },
    Format { name: "ID-1", width: 53.98, height: 85.6, on_photos: true },
];

/// A scanned side this near a format's is the format's: scanners are true to about 1 %, outlines to a few pixels.
const SCAN_TOLERANCE_MM: f64 = 3.0;
/// The same for large formats, as a share of the side.
const SCAN_TOLERANCE_SHARE: f64 = 0.015;
/// A photographed sheet whose aspect is within this ratio of a format's, and nearest to it, is the format. Outlines true
/// to 0.2 % give aspects true to 1 % (median) and 6 % (90th percentile, off-centre crops included); other formats between
/// 1.29 and 1.74 are far rarer than such errors.
const PHOTO_TOLERANCE: f64 = 1.10;
/// Long side given to sheets of no known format: receipts and slips are at most as long as A4, and their true size cannot
/// be seen.
pub const UNKNOWN_LONG_SIDE_MM: f64 = 297.0;
/// A scan without a paper's edge that exceeds a format by up to this on both sides shows that format with the scanner's
/// margin around it: the box about an A4 that lies askew by 3° is 15 mm too large each way.
const LARGEST_MARGIN_MM: f64 = 20.0;
/// Millimetres per inch.
const INCH: f64 = 25.4;
/// Focal lengths of phones, as shares of the frame's longer side: 20 mm to 85 mm equivalent on 36 mm.
const FOCAL_RANGE: (f64, f64) = (0.55, 2.4);
/// Assumed when the perspective does not tell: a phone's main camera, 26 mm equivalent.
const FOCAL_DEFAULT: f64 = 0.72;
/// Opposite sides whose lengths differ by less than this share are parallel within the outline's accuracy, and the focal
/// length cannot be computed from them.
const NEAR_AFFINE: f64 = 0.03;

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
/// top left.
pub fn from_quad(quad: &Quad, frame_width: u32, frame_height: u32) -> Paper {
    let aspect = aspect(quad, frame_width, frame_height);
    let (upright, landscape) = if aspect > 1.0 { (aspect, true) } else { (1.0 / aspect, false) };
    let ratio = |format: &Format| (upright / (format.height / format.width)).ln().abs();
    let nearest = FORMATS.iter().filter(|format| format.on_photos).min_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    match nearest {
        Some(format) if ratio(format) <= PHOTO_TOLERANCE.ln() => named(format, landscape),
        _ => {
            let short = UNKNOWN_LONG_SIDE_MM / upright;
            Paper { size: turned(short, UNKNOWN_LONG_SIDE_MM, landscape), name: None }
        }
    }
}

/// The point of a photographed sheet's plane that lies straight below the camera, as shares of the sheet's width and
/// height from the first corner of its outline.
///
/// The camera is taken to have square pixels, its optical axis through the picture's centre and the focal length of a phone.
pub fn camera_foot(outline: &Quad, size: SizeMm, frame_width: u32, frame_height: u32) -> Point {
    let long_side = f64::from(frame_width.max(frame_height));
    let center = Point::new((f64::from(frame_width) - 1.0) / 2.0, (f64::from(frame_height) - 1.0) / 2.0);
    let axial = Quad(outline.0.map(|p| Point::new((p.x - center.x) / long_side, (p.y - center.y) / long_side)));
    let corners = [(0.0, 0.0), (size.width, 0.0), (size.width, size.height), (0.0, size.height)];
    let Some(map) = Homography::between(&Quad(corners.map(|(x, y)| Point::new(x, y))), &axial) else {
        return Point::new(0.5, 0.5);
    };
    // Columns of the homography are the sheet's two directions and its corner in the camera's frame, x and y times the
    // focal length. A bent sheet's outline does not tell that length.
    let column = |i: usize| [map.0[0][i], map.0[1][i], map.0[2][i] * FOCAL_DEFAULT];
    let (across, down, corner) = (column(0), column(1), column(2));
    Point::new(
        -dot(across, corner) / dot(across, across) / size.width,
        -dot(down, corner) / dot(down, down) / size.height,
    )
}

fn named(format: &Format, landscape: bool) -> Paper {
    Paper { size: turned(format.width, format.height, landscape), name: Some(format.name) }
}

fn turned(short: f64, long: f64, landscape: bool) -> SizeMm {
    if landscape { SizeMm { width: long, height: short } } else { SizeMm { width: short, height: long } }
}

/// Width over height of the rectangle whose picture is the quad.
pub(crate) fn aspect(quad: &Quad, frame_width: u32, frame_height: u32) -> f64 {
    let long_side = f64::from(frame_width.max(frame_height));
    let center = Point::new((f64::from(frame_width) - 1.0) / 2.0, (f64::from(frame_height) - 1.0) / 2.0);
    // Coordinates about the optical axis, in units of the frame's long side.
    let [m1, m2, m4, m3] = quad.0.map(|p| [(p.x - center.x) / long_side, (p.y - center.y) / long_side, 1.0]);
    // Zhang and He number the corners m1 m2 / m3 m4, row by row.
    let k2 = dot(cross(m1, m4), m3) / dot(cross(m2, m4), m3);
    let k3 = dot(cross(m1, m4), m2) / dot(cross(m3, m4), m2);
    let across = [0, 1, 2].map(|i| k2 * m2[i] - m1[i]);
    let down = [0, 1, 2].map(|i| k3 * m3[i] - m1[i]);
    let sides = quad.sides();
    if !(k2.is_finite() && k3.is_finite()) {
        return (sides[0] + sides[2]) / (sides[1] + sides[3]).max(1e-9);
    }
    let focal = focal_length(across, down, &sides);
    let length = |n: [f64; 3]| (n[0] * n[0] + n[1] * n[1] + focal * focal * n[2] * n[2]).sqrt();
    (length(across) / length(down).max(1e-9)).clamp(0.05, 20.0)
}

/// Focal length as a share of the frame's long side: from the perspective when both pairs of sides converge, else that of
/// a phone.
fn focal_length(across: [f64; 3], down: [f64; 3], sides: &[f64; 4]) -> f64 {
    let converges = |a: f64, b: f64| (a - b).abs() / a.max(b).max(1e-9) > NEAR_AFFINE;
    if !converges(sides[0], sides[2]) || !converges(sides[1], sides[3]) {
        return FOCAL_DEFAULT;
    }
    // The two directions are perpendicular in space: n_across · n_down = 0 with z scaled by the focal length.
    let squared = -(across[0] * down[0] + across[1] * down[1]) / (across[2] * down[2]);
    if squared.is_finite() && squared > 0.0 {
        squared.sqrt().clamp(FOCAL_RANGE.0, FOCAL_RANGE.1)
    } else {
        FOCAL_DEFAULT
    }
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

    /// The picture of a sheet turned in space: `tilt` about an axis in the picture at angle `axis`, after `roll`.
    fn pictured(width: f64, height: f64, tilt: f64, axis: f64, roll: f64, focal: f64) -> Quad {
        let (frame_width, frame_height, distance) = (3000.0, 4000.0, 1.6 * width.hypot(height));
        let corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)];
        Quad(corners.map(|(x, y)| {
            let (x, y) = (x * width, y * height);
            let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
            // Along and across the axis; only the part across it gains depth.
            let (along, across) = (x * axis.cos() + y * axis.sin(), -x * axis.sin() + y * axis.cos());
            let (depth, across) = (across * tilt.sin(), across * tilt.cos());
            let (x, y) = (along * axis.cos() - across * axis.sin(), along * axis.sin() + across * axis.cos());
            let scale = focal * frame_height / (distance + depth);
            Point::new(x * scale + (frame_width - 1.0) / 2.0, y * scale + (frame_height - 1.0) / 2.0)
        }))
    }

    #[test]
    fn camera_stands_above_the_middle_of_a_sheet_seen_head_on() {
        let size = SizeMm { width: 210.0, height: 297.0 };
        let outline =
            Quad([(500.0, 400.0), (1340.0, 400.0), (1340.0, 1588.0), (500.0, 1588.0)].map(|(x, y)| Point::new(x, y)));
        let foot = camera_foot(&outline, size, 1841, 1989);
        assert!((foot.x - 0.5).abs() < 1e-6 && (foot.y - 0.5).abs() < 1e-6, "{foot:?}");
        // The far side is shorter: the camera stands nearer to the other.
        let tilted =
            Quad([(560.0, 400.0), (1280.0, 400.0), (1340.0, 1588.0), (500.0, 1588.0)].map(|(x, y)| Point::new(x, y)));
        let foot = camera_foot(&tilted, size, 1841, 1989);
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
        let a4 = from_quad(&pictured(210.0, 297.0, 0.4, 0.9, 0.2, 0.75), 3000, 4000);
        assert_eq!((a4.name, a4.size.width), (Some("A4"), 210.0));
        let card = from_quad(&pictured(85.6, 53.98, 0.3, 0.2, -0.3, 0.75), 3000, 4000);
        assert_eq!((card.name, card.size.width), (Some("ID-1"), 85.6));
        let receipt = from_quad(&pictured(80.0, 200.0, 0.3, 0.5, 0.1, 0.75), 3000, 4000);
        assert_eq!(receipt.name, None);
        assert!((receipt.size.height / receipt.size.width - 2.5).abs() < 0.05);
    }

    #[test]
    fn degenerate_outlines_do_not_panic() {
        let point = Quad([Point::new(5.0, 5.0); 4]);
        assert!(from_quad(&point, 10, 10).size.width.is_finite());
    }

    proptest! {
        #[test]
        fn aspect_survives_perspective(
            ratio in 0.4f64..2.5, tilt in 0.0f64..0.6, axis in 0.0f64..3.1, roll in -0.7f64..0.7,
        ) {
            // With the focal length that is assumed, no estimate can be wrong but by rounding.
            let quad = pictured(200.0 * ratio, 200.0, tilt, axis, roll, FOCAL_DEFAULT);
            let found = aspect(&quad, 3000, 4000);
            prop_assert!((found / ratio).ln().abs() < 0.01, "{found} for {ratio}");
        }
    }
}
