//! Laying a page flat: outline, skew, orientation and paper size become one homography.
//!
//! Flat captures (scanner beds, feeders, rendered pages) are only turned and cropped, so their scale stays true to the
//! scanner's; photos are rectified from the paper's four corners, and their scale follows from the paper's size.

use image::{GrayImage, Rgb, RgbImage, imageops};

use super::{PageError, Part, Settings};
use crate::imaging::bounds::Bounds;
use crate::imaging::dewarp::Flattening;
use crate::imaging::gray::luma;
use crate::imaging::ink::Ink;
use crate::imaging::orient::OrientationGuess;
use crate::imaging::proxy::Proxy;
use crate::imaging::skew::{Measured, Skew};
use crate::imaging::{dewarp, orient, scale, skew, warp};
use crate::model::{Bend, Homography, Orientation, PageMap, Point, Quad, SizeMm};
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

/// Below this confidence the letters of a page say nothing about its orientation: noise of blank pages guesses with 0.25 to
/// 0.45, sparse print with 0.6 and more.
const LEAST_ORIENTATION_CONFIDENCE: f32 = 0.5;

/// Only text that reads at least this well overrules what the picture suggests. Upright print reads at 0.85 and more,
/// blurred print or a page upside down at 0.5 and less.
const LEGIBLE: f32 = 0.6;

/// Papers seen with less are not read for it: the x-height of 10 pt is below 5 pixels, and what is read is noise.
const MIN_ARBITRATION_DPI: f64 = 75.0;

/// Papers up to this long side (A6) keep up to [`SMALL_PAPER_FACTOR`] times the usual maximum resolution, because
/// identity cards carry print of 4 pt and dense codes.
const SMALL_PAPER_MM: f64 = 148.0;
const SMALL_PAPER_FACTOR: f64 = 2.0;

/// Text may disagree with the paper's edges by this many degrees and still be the better witness of the paper's
/// rotation; beyond, the print itself is crooked on the paper and the edges decide. Hand-fed laser prints stay within
/// about half a degree.
const MAX_PRINT_SKEW_DEGREES: f64 = 1.0;

/// Standard deviation of the print's rotation on its sheet, degrees: hand-fed sheets are off by about this much. It weighs
/// against what little print there is.
const PRINT_SIGMA_DEGREES: f64 = 0.25;

/// Where the rotation of the print is known this well, degrees, nothing more is asked: on full pages, baselines would
/// count for less than a tenth.
const SURE_PRINT_DEGREES: f64 = 0.01;

/// Letters turned by no more than this show which way up they are as well as straight ones: 68 generated pages in all
/// four orientations, turned by up to 5 degrees, were all told with confidence.
const NEARLY_STRAIGHT_DEGREES: f64 = 3.0;

/// Corners that stay within this distance of the capture's own leave the capture as it is: a page is not resampled, and
/// so blurred, for half a pixel.
const IDENTITY_TOLERANCE_PIXELS: f64 = 0.5;

/// Space between the two sides of a card on their page, millimetres.
const BETWEEN_SIDES_MM: f64 = 5.0;

/// Papers up to this long side are cards (ID-1 is 85.6 mm, ISO/IEC 7810): printed all over, with no white paper to even
/// out the light by.
const CARD_MM: f64 = 90.0;

/// How the output page maps to the capture.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// One part, or two for the sides of a card.
    pub(super) parts: Vec<Part>,
    pub(super) skew_degrees: f64,
    pub(super) orientation: Orientation,
    pub(super) size: SizeMm,
    pub(super) dpi: f64,
    pub(super) effective_dpi: f64,
    pub(super) width: u32,
    pub(super) height: u32,
    /// The output is the capture, pixel for pixel: its JPEG stream can be kept as it is.
    pub(super) is_identity: bool,
}

impl Layout {
    /// The page image: the one resampling of the capture.
    pub(super) fn rectify(&self, capture: &RgbImage) -> RgbImage {
        if let [whole] = &self.parts[..] {
            return warp::rectify(capture, &whole.map);
        }
        let mut page = RgbImage::from_pixel(self.width, self.height, Rgb([255; 3]));
        for part in &self.parts {
            imageops::replace(&mut page, &warp::rectify(capture, &part.map), part.left.into(), part.top.into());
        }
        page
    }

    /// Where a page of white paper was taken from; `None` for cards.
    pub(super) fn white_paper(&self) -> Option<&PageMap> {
        match &self.parts[..] {
            [whole] if !is_card(self.size) => Some(&whole.map),
            _ => None,
        }
    }
}

/// How a capture was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// Of flat captures the scanner's resolution, pixels an inch.
    pub(super) scan_dpi: Option<f64>,
    /// Of photos the focal length as a share of the capture's longer side, where it is known.
    pub(super) focal: Option<f64>,
}

/// Finds the layout of a page on its capture, of which the proxy is, from the sheets that belong on it (none = no page edge
/// in frame; two = the sides of a card, which come one below the other). `orientation` is what a person said of it.
pub(super) fn lay_out(
    capture: &RgbImage,
    proxy: &Proxy,
    sheets: &[Bounds],
    view: View,
    orientation: Option<Orientation>,
    engine: Option<&dyn OcrEngine>,
    settings: &Settings,
) -> Result<Layout, PageError> {
    let place = |sheet| place(capture, proxy, sheet, view, orientation, engine);
    let placed: Vec<Placed> = match sheets {
        [] => vec![place(None)?],
        sheets => sheets.iter().map(|sheet| place(Some(sheet))).collect::<Result<_, _>>()?,
    };
    let first = &placed[0];
    let effective_dpi = placed.iter().map(|sheet| sheet.effective_dpi).fold(f64::INFINITY, f64::min);
    let dpi = output_dpi(first.size, effective_dpi, view.scan_dpi.is_some(), settings);
    let size = SizeMm {
        width: placed.iter().map(|sheet| sheet.size.width).fold(0.0, f64::max),
        height: placed.iter().map(|sheet| sheet.size.height).sum::<f64>()
            + BETWEEN_SIDES_MM * (placed.len() - 1) as f64,
    };
    let mut parts: Vec<Part> = Vec::with_capacity(placed.len());
    let (width, mut height) = (pixels(size.width, dpi), 0);
    for sheet in &placed {
        let map = sheet.map(dpi);
        let top = if parts.is_empty() { 0 } else { height + pixels(BETWEEN_SIDES_MM, dpi) };
        height = top + map.height;
        parts.push(Part { quad: sheet.quad, left: width.saturating_sub(map.width) / 2, top, map });
    }
    let frame = Quad::of_frame(width, height);
    let is_identity = (width, height) == capture.dimensions()
        && first.bend.is_none()
        && frame.0.iter().zip(&first.outline.0).all(|(a, b)| a.distance(*b) < IDENTITY_TOLERANCE_PIXELS);
    let (skew_degrees, orientation) = (first.skew_degrees, first.orientation);
    Ok(Layout { parts, skew_degrees, orientation, size, dpi, effective_dpi, width, height, is_identity })
}

/// A sheet on its capture, upright.
struct Placed {
    /// The outline that was found, from the content's own top left.
    quad: Option<Quad>,
    /// The corners of what is taken, from the content's own top left.
    outline: Quad,
    /// How the paper departs from its four corners.
    bend: Option<Bend>,
    skew_degrees: f64,
    orientation: Orientation,
    size: SizeMm,
    effective_dpi: f64,
}

impl Placed {
    /// Where the sheet's pixels are taken from at a resolution.
    fn map(&self, dpi: f64) -> PageMap {
        let (width, height) = (pixels(self.size.width, dpi), pixels(self.size.height, dpi));
        let homography = Homography::between(&Quad::of_frame(width, height), &self.outline);
        let homography = homography.unwrap_or(Homography::IDENTITY);
        PageMap { width, height, homography, bend: self.bend.clone() }
    }
}

/// Finds how a sheet lies on its capture.
fn place(
    capture: &RgbImage,
    proxy: &Proxy,
    found: Option<&Bounds>,
    View { scan_dpi, focal }: View,
    orientation: Option<Orientation>,
    engine: Option<&dyn OcrEngine>,
) -> Result<Placed, PageError> {
    let (frame_width, frame_height) = capture.dimensions();
    let displayed = found.map(|sheet| starting_top_left(sheet.quad));
    let is_flat = scan_dpi.is_some() || displayed.is_none();
    let mut sheet = match displayed {
        Some(quad) if is_flat => Sheet::flat(&quad, scan_dpi),
        Some(quad) => Sheet::photographed(&quad, frame_width, frame_height, focal),
        None => Sheet::whole_frame(frame_width, frame_height, scan_dpi),
    };

    let mut preview = sheet.preview(capture, proxy);
    let preview_dpi = f64::from(preview.width()) / (sheet.size.width / MM_PER_INCH);
    let mut ink = Ink::of(&preview);
    // Cards are printed and cut by machine, and their edges are longer than their lines.
    let is_printed_with_edges = is_card(sheet.size);
    let lines = if is_printed_with_edges { None } else { confident(skew::estimate(&ink)) };
    let (mut turned, mut turned_preview) = (0.0, 0.0);
    if displayed.is_none() {
        turned = lines.map_or(0.0, |lines| lines.degrees);
        sheet.turn(turned);
        if turned.abs() > NEARLY_STRAIGHT_DEGREES {
            preview = sheet.preview(capture, proxy);
            ink = Ink::of(&preview);
            turned_preview = turned;
        }
        if let Some(dpi) = scan_dpi {
            sheet.leave_margin(&ink, dpi);
        }
    }

    let orientation = match orientation {
        Some(orientation) => orientation,
        None => {
            let guess = upright_when_in_doubt(orient::estimate(&ink));
            let engine = engine.filter(|_| sheet.effective_dpi >= MIN_ARBITRATION_DPI);
            settle_orientation(guess, engine, || sheet.flattened(capture, proxy, ARBITRATION_DPI))?
        }
    };
    let foot = |outline: &Quad, size| scale::camera_foot(outline, size, [frame_width, frame_height], focal);
    let flattening = found.filter(|_| !is_flat).and_then(|bounds| sheet.bend(&preview, bounds, orientation, foot));
    let is_bowed = !is_flat && found.is_some_and(|sheet| !sheet.curves.iter().all(Vec::is_empty));
    let (print_degrees, bend) = match flattening {
        Some(flattening) => (flattening.print_degrees, Some(flattening.bend)),
        None if is_printed_with_edges => (0.0, None),
        None => {
            let baselines = || {
                // On a curled sheet a line leans as its place on the sheet does.
                let page = (!is_bowed).then(|| upright(&preview, orientation))?;
                let seen = skew::by_baselines(&page, preview_dpi)?;
                Some(Measured { degrees: seen.degrees + turned_preview, ..seen })
            };
            (print_skew(lines, baselines, displayed.is_some()), None)
        }
    };
    sheet.turn(print_degrees - turned);
    Ok(Placed {
        quad: displayed.map(|quad| quad.rotated_start(orientation.quarter_turns())),
        outline: sheet.outline.rotated_start(orientation.quarter_turns()),
        bend,
        skew_degrees: sheet.edge_skew_degrees + print_degrees,
        orientation,
        size: sheet.upright_size(orientation),
        effective_dpi: sheet.effective_dpi,
    })
}

/// The rotation, where the lines of the page tell it.
fn confident(skew: Skew) -> Option<Measured> {
    (skew.confidence >= skew::MIN_CONFIDENCE).then_some(Measured { degrees: skew.degrees, error: skew.error })
}

/// Rotation of the print on its sheet, clockwise, from what the profile of its lines says and, where that is not sure,
/// their baselines; known edges of the paper count for as much as sheets are usually printed straight. 0 where the
/// print does not tell, or seems too crooked beside a paper whose edges are known.
fn print_skew(lines: Option<Measured>, baselines: impl FnOnce() -> Option<Measured>, edges_are_known: bool) -> f64 {
    let mut witnesses = Vec::from_iter(lines);
    if lines.is_none_or(|lines| lines.error > SURE_PRINT_DEGREES) {
        witnesses.extend(baselines());
    }
    if edges_are_known {
        witnesses.push(Measured { degrees: 0.0, error: PRINT_SIGMA_DEGREES });
    }
    let degrees = Measured::mean(&witnesses).or(lines).map_or(0.0, |print| print.degrees);
    if edges_are_known && degrees.abs() > MAX_PRINT_SKEW_DEGREES { 0.0 } else { degrees }
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
    fn photographed(quad: &Quad, frame_width: u32, frame_height: u32, focal: Option<f64>) -> Self {
        let size = scale::from_quad(quad, frame_width, frame_height, focal).size;
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

    /// Size once the content is upright.
    fn upright_size(&self, orientation: Orientation) -> SizeMm {
        let SizeMm { width, height } = self.size;
        if orientation.quarter_turns().is_multiple_of(2) { self.size } else { SizeMm { width: height, height: width } }
    }

    /// How the upright page departs from its homography. Sheets with four straight sides are flat. `foot` tells the place
    /// below the camera on an upright sheet with this outline and size.
    fn bend(
        &self,
        preview: &GrayImage,
        bounds: &Bounds,
        orientation: Orientation,
        foot: impl FnOnce(&Quad, SizeMm) -> Point,
    ) -> Option<Flattening> {
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
        let foot = foot(&outline, self.upright_size(orientation));
        let dpi = f64::from(preview.width()) / (self.size.width / MM_PER_INCH);
        dewarp::estimate(&upright(preview, orientation), Some(&sides), foot, dpi, MAX_PRINT_SKEW_DEGREES)
    }

    /// Turns what is taken clockwise about the middle of the sheet, on the sheet's own plane.
    fn turn(&mut self, degrees: f64) {
        let SizeMm { width, height } = self.size;
        let flat = Quad([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|(x, y)| Point::new(x, y)));
        if let Some(to_capture) = Homography::between(&flat, &self.outline) {
            self.outline = Quad(turned(&flat, degrees).0.map(|corner| to_capture.apply(corner)));
        }
    }

    /// Takes a scan in which no edge of paper is seen (black and white ones have none left) for the format that it exceeds
    /// by a margin: about the middle, or beside it where the print needs that. Print is never cut off.
    fn leave_margin(&mut self, ink: &Ink, dpi: f64) {
        let [width, height, ..] = self.outline.sides();
        let Some(paper) = scale::within_margin(width, height, dpi) else { return };
        let Some([left, top, right, bottom]) = ink.extent() else { return };
        let shift = |room: f64, low: f64, high: f64| {
            // Centred, both margins are half of the room; the print must not reach into either.
            let (least, most) = (high - 1.0 + room / 2.0, low - room / 2.0);
            (least <= most).then(|| 0.0f64.clamp(least, most))
        };
        let (across, down) = (paper.size.width / self.size.width, paper.size.height / self.size.height);
        let (Some(x), Some(y)) = (shift(1.0 - across, left, right), shift(1.0 - down, top, bottom)) else { return };
        let Quad([origin, end, _, foot]) = self.outline;
        let at = |u: f64, v: f64| {
            let part = |o: f64, e: f64, f: f64| o + (e - o) * u + (f - o) * v;
            Point::new(part(origin.x, end.x, foot.x), part(origin.y, end.y, foot.y))
        };
        let (u, v) = ((1.0 - across) / 2.0 + x, (1.0 - down) / 2.0 + y);
        self.outline = Quad([at(u, v), at(u + across, v), at(u + across, v + down), at(u, v + down)]);
        self.size = paper.size;
    }

    /// The sheet laid flat in grey, small, for estimates.
    fn preview(&self, capture: &RgbImage, proxy: &Proxy) -> GrayImage {
        let long_side = self.size.width.max(self.size.height) / MM_PER_INCH;
        let wanted = (long_side * PREVIEW_DPI).clamp(*PREVIEW_LONG_SIDE.start(), *PREVIEW_LONG_SIDE.end());
        self.flattened(capture, proxy, wanted / long_side)
    }

    /// The sheet laid flat in grey, from the proxy where that is fine enough.
    fn flattened(&self, capture: &RgbImage, proxy: &Proxy, dpi: f64) -> GrayImage {
        let (width, height) = (pixels(self.size.width, dpi), pixels(self.size.height, dpi));
        let map_to = |outline: &Quad| {
            let homography = Homography::between(&Quad::of_frame(width, height), outline);
            homography.map(|homography| PageMap::flat(width, height, homography))
        };
        let reduced = self.outline.scaled(1.0 / f64::from(proxy.gray_factor));
        match (map_to(&self.outline), map_to(&reduced)) {
            (Some(map), Some(map_to_reduced)) if warp::whole_reduction(&map) >= proxy.gray_factor => {
                warp::rectify_gray(&proxy.gray, &map_to_reduced)
            }
            (Some(map), _) => luma(&warp::rectify(capture, &map)),
            (None, _) => proxy.gray.clone(),
        }
    }
}

/// Upright as the picture shows; where that is doubtful and a reader is at hand, the turn in which a few lines read
/// better.
fn settle_orientation(
    guess: OrientationGuess,
    engine: Option<&dyn OcrEngine>,
    readable: impl FnOnce() -> GrayImage,
) -> Result<Orientation, PageError> {
    let Some(engine) = engine.filter(|_| guess.confidence < orient::MIN_CONFIDENCE) else {
        return Ok(guess.orientation);
    };
    let readable = readable();
    let first = ocr::legibility(&upright(&readable, guess.orientation), ARBITRATION_DPI, engine)?;
    let second = ocr::legibility(&upright(&readable, guess.runner_up), ARBITRATION_DPI, engine)?;
    let overruled = second > first && second >= LEGIBLE;
    Ok(if overruled { guess.runner_up } else { guess.orientation })
}

/// Whether a sheet is no larger than a card.
fn is_card(size: SizeMm) -> bool {
    size.width.max(size.height) <= CARD_MM
}

/// The guess, or upright where it is none.
fn upright_when_in_doubt(guess: OrientationGuess) -> OrientationGuess {
    if guess.confidence >= LEAST_ORIENTATION_CONFIDENCE || guess.orientation == Orientation::Deg0 {
        return guess;
    }
    OrientationGuess { orientation: Orientation::Deg0, runner_up: guess.orientation, ..guess }
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

/// Resolution below which a page image is not to be stored: small papers are allowed more for their small print, and keep
/// more.
pub(super) fn least_dpi(size: SizeMm, settings: &Settings) -> f64 {
    settings.least_dpi * if is_small(size) { SMALL_PAPER_FACTOR } else { 1.0 }
}

fn is_small(size: SizeMm) -> bool {
    size.width.max(size.height) <= SMALL_PAPER_MM
}

/// What the page image is made with: the scanner's resolution up to the maximum; for photos the resolution the paper
/// was seen with, but at least the legal minimum.
fn output_dpi(size: SizeMm, effective_dpi: f64, is_scan: bool, settings: &Settings) -> f64 {
    let maximum = if is_small(size) { settings.max_dpi * SMALL_PAPER_FACTOR } else { settings.max_dpi };
    let minimum = if is_scan { 0.0 } else { settings.least_dpi };
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
    fn a_scan_with_a_margin_becomes_its_format_around_the_print() {
        let print = |range: std::ops::Range<u32>| {
            Ink::of(&GrayImage::from_fn(888, 1234, |x, y| {
                let dark = range.contains(&x) && (200..1100).contains(&y) && (x / 3 + y / 3) % 2 == 0;
                image::Luma([if dark { 20 } else { 250 }])
            }))
        };
        // 222 × 308.5 mm at 200 dpi.
        let scan = || Sheet::whole_frame(1748, 2429, Some(200.0));
        let mut centred = scan();
        centred.leave_margin(&print(100..780), 200.0);
        assert_eq!((centred.size.width, centred.size.height), (210.0, 297.0));
        let [left, right] = [centred.outline.0[0].x, 1748.0 - centred.outline.0[1].x];
        assert!((left - right).abs() < 2.0, "{left} and {right}");
        let mut beside = scan();
        beside.leave_margin(&print(8..700), 200.0);
        assert!(beside.outline.0[0].x < left - 20.0 && beside.size.width == 210.0, "{:?}", beside.outline);
        let mut full = scan();
        full.leave_margin(&print(8..880), 200.0);
        assert_eq!(full.outline, scan().outline);
    }

    #[test]
    fn a_guess_by_chance_turns_no_page() {
        let guess =
            |orientation, confidence| OrientationGuess { orientation, confidence, runner_up: Orientation::Deg0 };
        let doubtful = upright_when_in_doubt(guess(Orientation::Deg270, 0.3));
        assert_eq!((doubtful.orientation, doubtful.runner_up), (Orientation::Deg0, Orientation::Deg270));
        assert_eq!(upright_when_in_doubt(guess(Orientation::Deg270, 0.7)).orientation, Orientation::Deg270);
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
