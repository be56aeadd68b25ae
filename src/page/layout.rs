//! Laying a page flat: outline, skew, orientation and paper size become one homography.
//!
//! Flat captures (scanner beds, feeders, rendered pages) are only turned and cropped, so their scale stays true to the
//! scanner's; photos are rectified from the paper's four corners, and their scale follows from the paper's size.

use image::{GrayImage, imageops};

use super::{MIN_DPI, PageError, Settings};
use crate::imaging::bounds::Bounds;
use crate::imaging::{dewarp, orient, scale, skew, warp};
use crate::model::{Bend, Homography, Orientation, Point, Quad, SizeMm};
use crate::ocr::{self, OcrEngine};

const MM_PER_INCH: f64 = 25.4;

/// Resolution of the picture on which skew and orientation are estimated: text of 8 pt has an x-height of 7 px there,
/// enough for baselines, at a sixth of the pixels of a 300 dpi page.
const PREVIEW_DPI: f64 = 120.0;

/// Longest and shortest long side of the preview, so that a plan in A1 is not estimated on a larger picture than an
/// A4, nor an identity card on a stamp.
const PREVIEW_LONG_SIDE: std::ops::RangeInclusive<f64> = 1000.0..=2000.0;

/// Resolution at which a few lines are read to settle a doubtful orientation.
const ARBITRATION_DPI: f64 = 200.0;

/// Only text that reads at least this well overrules what the picture suggests. Upright print reads at 0.85 and more,
/// blurred print or a page upside down at 0.5 and less.
const LEGIBLE: f32 = 0.6;

/// Papers up to this long side (A6) keep up to [`SMALL_PAPER_FACTOR`] times the usual maximum resolution, because
/// identity cards carry print of 4 pt and dense codes.
const SMALL_PAPER_MM: f64 = 148.0;
const SMALL_PAPER_FACTOR: f64 = 2.0;

/// Text may disagree with the paper's edges by this many degrees and still be the better witness of the paper's
/// rotation; beyond, the print itself is crooked on the paper and the edges decide. Hand-fed laser prints stay within
/// about half a degree.
const MAX_PRINT_SKEW_DEGREES: f64 = 1.0;

/// Corners that stay within this distance of the capture's own leave the capture as it is: a page is not resampled, and
/// so blurred, for half a pixel.
const IDENTITY_TOLERANCE_PIXELS: f64 = 0.5;

/// How the output page maps to the capture.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The paper's outline from the content's own top left; `None` when no page edge was found.
    pub(super) quad: Option<Quad>,
    pub(super) skew_degrees: f64,
    pub(super) orientation: Orientation,
    pub(super) size: SizeMm,
    pub(super) dpi: f64,
    pub(super) effective_dpi: f64,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Takes output pixels to capture pixels.
    pub(super) to_capture: Homography,
    /// How the page departs from that.
    pub(super) bend: Option<Bend>,
    /// The output is the capture, pixel for pixel: its JPEG stream can be kept as it is.
    pub(super) is_identity: bool,
}

/// Finds the layout of a page on its capture, given in grey, from its outline (clockwise, any start; `None` = no page
/// edge in frame) and, for flat captures, the scanner's resolution.
pub(super) fn lay_out(
    gray: &GrayImage,
    bounds: Option<&Bounds>,
    scan_dpi: Option<f64>,
    engine: Option<&dyn OcrEngine>,
    settings: &Settings,
) -> Result<Layout, PageError> {
    let (frame_width, frame_height) = gray.dimensions();
    let displayed = bounds.map(|bounds| starting_top_left(bounds.quad));
    let is_flat = scan_dpi.is_some() || displayed.is_none();
    let mut sheet = match displayed {
        Some(quad) if is_flat => Sheet::flat(&quad, scan_dpi),
        Some(quad) => Sheet::photographed(&quad, frame_width, frame_height),
        None => Sheet::whole_frame(frame_width, frame_height, scan_dpi),
    };

    let mut skew_degrees = sheet.edge_skew_degrees;
    if is_flat {
        let estimate = skew::estimate(&sheet.preview(gray));
        let credible = displayed.is_none() || estimate.degrees.abs() <= MAX_PRINT_SKEW_DEGREES;
        if estimate.confidence >= skew::MIN_CONFIDENCE && credible {
            skew_degrees += estimate.degrees;
            sheet.outline = turned(&sheet.outline, estimate.degrees);
        }
    }

    let orientation = settle_orientation(&sheet, gray, engine)?;
    let turns = orientation.quarter_turns();
    let outline = sheet.outline.rotated_start(turns);
    let size = if turns % 2 == 0 { sheet.size } else { SizeMm { width: sheet.size.height, height: sheet.size.width } };
    let bend = bounds.filter(|_| !is_flat).and_then(|bounds| {
        let foot = scale::camera_foot(&outline, size, frame_width, frame_height);
        sheet.bend(gray, bounds, orientation, foot)
    });
    let dpi = output_dpi(size, sheet.effective_dpi, is_flat && scan_dpi.is_some(), settings);
    let (width, height) = (pixels(size.width, dpi), pixels(size.height, dpi));
    let frame = Quad::of_frame(width, height);
    let to_capture = Homography::between(&frame, &outline).unwrap_or(Homography::IDENTITY);
    let is_identity = bend.is_none()
        && (width, height) == (frame_width, frame_height)
        && frame.0.iter().zip(&outline.0).all(|(a, b)| a.distance(*b) < IDENTITY_TOLERANCE_PIXELS);
    Ok(Layout {
        quad: displayed.map(|quad| quad.rotated_start(turns)),
        skew_degrees,
        orientation,
        size,
        dpi,
        effective_dpi: sheet.effective_dpi,
        width,
        height,
        to_capture,
        bend,
        is_identity,
    })
}

/// The paper on its capture, not yet turned upright.
struct Sheet {
    /// Corners on the capture, the first at the display's top left.
    outline: Quad,
    /// Size as displayed.
    size: SizeMm,
    effective_dpi: f64,
    /// Rotation of the paper's edges, degrees clockwise; 0 on photos, whose edges the homography straightens.
    edge_skew_degrees: f64,
}

impl Sheet {
    /// A paper on a scanner's bed: its true size in a rectangle about the middle of the outline.
    fn flat(quad: &Quad, scan_dpi: Option<f64>) -> Self {
        let [top, right, bottom, left] = quad.sides();
        let (width, height) = ((top + bottom) / 2.0, (left + right) / 2.0);
        let (size, dpi) = flat_size(width, height, scan_dpi);
        let degrees = edge_angle_degrees(quad);
        let centre = centre(quad);
        let (half_width, half_height) = (size.width / MM_PER_INCH * dpi / 2.0, size.height / MM_PER_INCH * dpi / 2.0);
        let upright = Quad(
            [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
                .map(|(x, y)| Point::new(centre.x + x * half_width, centre.y + y * half_height)),
        );
        Self { outline: turned(&upright, degrees), size, effective_dpi: dpi, edge_skew_degrees: degrees }
    }

    /// A paper on a photo: its size follows from its perspective.
    fn photographed(quad: &Quad, frame_width: u32, frame_height: u32) -> Self {
        let size = scale::from_quad(quad, frame_width, frame_height).size;
        let [top, right, bottom, left] = quad.sides();
        let across = top.min(bottom) / size.width;
        let down = left.min(right) / size.height;
        Self { outline: *quad, size, effective_dpi: across.min(down) * MM_PER_INCH, edge_skew_degrees: 0.0 }
    }

    /// No edge in the frame: the frame is the paper.
    fn whole_frame(width: u32, height: u32, scan_dpi: Option<f64>) -> Self {
        let (size, dpi) = flat_size(f64::from(width), f64::from(height), scan_dpi);
        Self { outline: Quad::of_frame(width, height), size, effective_dpi: dpi, edge_skew_degrees: 0.0 }
    }

    /// How the upright page departs from its homography. Sheets with four straight sides are flat.
    fn bend(&self, gray: &GrayImage, bounds: &Bounds, orientation: Orientation, foot: Point) -> Option<Bend> {
        if bounds.curves.iter().all(Vec::is_empty) {
            return None;
        }
        let outline = self.outline.rotated_start(orientation.quarter_turns());
        let start = (0..4).find(|&start| bounds.quad.rotated_start(start) == outline)?;
        let unit = Quad([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y)));
        let to_unit = Homography::between(&outline, &unit)?;
        let mut sides = bounds.curves.clone();
        sides.rotate_left(start);
        sides.iter_mut().flatten().for_each(|p| *p = to_unit.apply(*p));
        let preview = self.preview(gray);
        let dpi = f64::from(preview.width()) / (self.size.width / MM_PER_INCH);
        dewarp::estimate(&upright(&preview, orientation), Some(&sides), foot, dpi)
    }

    /// The sheet laid flat in grey, small, for estimates.
    fn preview(&self, gray: &GrayImage) -> GrayImage {
        let long_side = self.size.width.max(self.size.height) / MM_PER_INCH;
        let wanted = (long_side * PREVIEW_DPI).clamp(*PREVIEW_LONG_SIDE.start(), *PREVIEW_LONG_SIDE.end());
        self.flattened(gray, wanted / long_side)
    }

    /// The sheet laid flat in grey.
    fn flattened(&self, gray: &GrayImage, dpi: f64) -> GrayImage {
        let (width, height) = (pixels(self.size.width, dpi), pixels(self.size.height, dpi));
        match Homography::between(&Quad::of_frame(width, height), &self.outline) {
            Some(to_capture) => warp::rectify_gray(gray, &to_capture, width, height),
            None => gray.clone(),
        }
    }
}

/// Upright as the picture shows; where that is doubtful and a reader is at hand, the turn in which a few lines read
/// better.
fn settle_orientation(
    sheet: &Sheet,
    gray: &GrayImage,
    engine: Option<&dyn OcrEngine>,
) -> Result<Orientation, PageError> {
    let guess = orient::estimate(&sheet.preview(gray));
    let Some(engine) = engine.filter(|_| guess.confidence < orient::MIN_CONFIDENCE) else {
        return Ok(guess.orientation);
    };
    let readable = sheet.flattened(gray, ARBITRATION_DPI);
    let first = ocr::legibility(&upright(&readable, guess.orientation), ARBITRATION_DPI, engine)?;
    let second = ocr::legibility(&upright(&readable, guess.runner_up), ARBITRATION_DPI, engine)?;
    let overruled = second > first && second >= LEGIBLE;
    Ok(if overruled { guess.runner_up } else { guess.orientation })
}

/// Turns a picture whose content is turned clockwise by `orientation` back.
fn upright(picture: &GrayImage, orientation: Orientation) -> GrayImage {
    match orientation {
        Orientation::Deg0 => picture.clone(),
        Orientation::Deg90 => imageops::rotate270(picture),
        Orientation::Deg180 => imageops::rotate180(picture),
        Orientation::Deg270 => imageops::rotate90(picture),
    }
}

/// Size and resolution of a flat sheet of `width` × `height` capture pixels. Without a believable resolution the
/// longer side is taken for that of an A4, the paper nearly all dossiers are made of.
fn flat_size(width: f64, height: f64, scan_dpi: Option<f64>) -> (SizeMm, f64) {
    match scan_dpi {
        Some(dpi) => (scale::from_scan(width, height, dpi).size, dpi),
        None => {
            let dpi = width.max(height) / (scale::UNKNOWN_LONG_SIDE_MM / MM_PER_INCH);
            (SizeMm { width: width / dpi * MM_PER_INCH, height: height / dpi * MM_PER_INCH }, dpi)
        }
    }
}

/// What the page image is made with: the scanner's resolution up to the maximum; for photos the resolution the paper
/// was seen with, but at least the legal minimum.
fn output_dpi(size: SizeMm, effective_dpi: f64, is_scan: bool, settings: &Settings) -> f64 {
    let small = size.width.max(size.height) <= SMALL_PAPER_MM;
    let maximum = if small { settings.max_dpi * SMALL_PAPER_FACTOR } else { settings.max_dpi };
    let minimum = if is_scan { 0.0 } else { MIN_DPI };
    effective_dpi.max(minimum).min(maximum).round()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a paper's size in pixels, at least 1")]
fn pixels(millimetres: f64, dpi: f64) -> u32 {
    (millimetres / MM_PER_INCH * dpi).round().max(1.0) as u32
}

fn centre(quad: &Quad) -> Point {
    let sum = quad.0.iter().fold(Point::default(), |sum, p| Point::new(sum.x + p.x, sum.y + p.y));
    Point::new(sum.x / 4.0, sum.y / 4.0)
}

/// The same outline turned clockwise about its middle.
fn turned(quad: &Quad, degrees: f64) -> Quad {
    let middle = centre(quad);
    let (sine, cosine) = degrees.to_radians().sin_cos();
    Quad(quad.0.map(|p| {
        let (x, y) = (p.x - middle.x, p.y - middle.y);
        Point::new(middle.x + x * cosine - y * sine, middle.y + x * sine + y * cosine)
    }))
}

/// Mean clockwise rotation of the four sides, each weighted by its length, of an outline that starts at the display's
/// top left.
fn edge_angle_degrees(quad: &Quad) -> f64 {
    let p = &quad.0;
    // Each side as a vector that points right on an upright sheet: down the right side and up the left one, turned back.
    let (top, bottom) = ((p[1].x - p[0].x, p[1].y - p[0].y), (p[2].x - p[3].x, p[2].y - p[3].y));
    let (right, left) = ((p[2].x - p[1].x, p[2].y - p[1].y), (p[3].x - p[0].x, p[3].y - p[0].y));
    let x = top.0 + bottom.0 + right.1 + left.1;
    let y = top.1 + bottom.1 - right.0 - left.0;
    y.atan2(x).to_degrees()
}

/// The outline started at the corner nearest to the display's top left, so that it runs top, right, bottom, left.
fn starting_top_left(quad: Quad) -> Quad {
    let best = (0..4)
        .min_by(|&a, &b| {
            let skew = |start: usize| edge_angle_degrees(&quad.rotated_start(start)).abs();
            skew(a).total_cmp(&skew(b))
        })
        .unwrap_or(0);
    quad.rotated_start(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upright_quad() -> Quad {
        Quad([(10.0, 10.0), (110.0, 10.0), (110.0, 150.0), (10.0, 150.0)].map(|(x, y)| Point::new(x, y)))
    }

    #[test]
    fn edge_angle_is_the_turn_of_the_paper() {
        for degrees in [-20.0, -1.5, 0.0, 0.3, 7.0, 40.0] {
            let turned = turned(&upright_quad(), degrees);
            assert!((edge_angle_degrees(&turned) - degrees).abs() < 1e-9);
        }
    }

    #[test]
    fn any_start_corner_becomes_the_top_left() {
        for start in 0..4 {
            assert_eq!(starting_top_left(upright_quad().rotated_start(start)), upright_quad());
        }
    }

    #[test]
    fn a_flat_a4_keeps_the_scanners_scale() {
        let quad = Quad([(0.0, 0.0), (1654.0, 0.0), (1654.0, 2339.0), (0.0, 2339.0)].map(|(x, y)| Point::new(x, y)));
        let sheet = Sheet::flat(&turned(&quad, 2.0), Some(200.0));
        assert_eq!((sheet.size.width, sheet.size.height), (210.0, 297.0));
        assert!((sheet.edge_skew_degrees - 2.0).abs() < 1e-9);
        let [top, right, ..] = sheet.outline.sides();
        assert!((top - 210.0 / 25.4 * 200.0).abs() < 1e-6 && (right - 297.0 / 25.4 * 200.0).abs() < 1e-6);
    }

    #[test]
    fn photos_are_never_written_below_the_legal_resolution() {
        let a4 = SizeMm { width: 210.0, height: 297.0 };
        let card = SizeMm { width: 85.6, height: 54.0 };
        let settings = Settings::default();
        assert_eq!(output_dpi(a4, 120.0, false, &settings), 200.0);
        assert_eq!(output_dpi(a4, 420.0, false, &settings), 300.0);
        assert_eq!(output_dpi(a4, 150.0, true, &settings), 150.0);
        assert_eq!(output_dpi(card, 520.0, false, &settings), 520.0);
    }
}
