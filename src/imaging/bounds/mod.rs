//! The outline of the sheet on a photo or a scanner bed.
//!
//! 1. Colour edges on a working picture of 500 to 900 pixels (`edges`).
//! 2. Straight lines by a Hough transform in which an edge votes by how different the surfaces on its two sides are,
//!    so that print hardly counts (`lines`).
//! 3. Quads from lines; the edges of the frame stand in for sides that are out of the picture (`quads`). A weighted sum of
//!    measures says how much each looks like a sheet (`evidence`).
//! 4. The best is moved onto the edges with sub-pixel accuracy, on the proxy and then on the capture, following bowed
//!    sides of curled paper to their corners (`refine`).
//!
//! Why lines and not contours: a finger, a shadow, clutter that touches the sheet or a corner out of the frame break a
//! contour but only shorten a line. Why not the largest rectangle of strong edges: frames of tables and certificates are
//! stronger than white paper on a white bed.
//!
//! Further sheets are sought the same way once the main one is covered, and judged more strictly: desks bear telephones,
//! books and labels, which have four straight sides too (`evidence`). `cards` pairs the two sides of a card.
//!
//! Limits: further sheets must lie wholly in the frame, and at most a third of them on or under the main one; sheets smaller than 2.5 % of the frame, or with more than two sides out of it, are not
//! found; black and white captures have no edges of paper left and are refused.

mod cards;
mod edges;
mod evidence;
mod lines;
mod quads;
mod refine;

pub use self::cards::card_sides;
pub(super) use self::edges::{
    Columns, DIAGONAL, Filter, Gradients, LANES, Peaks, Planes, Step, planes_scalar, step_scalar,
};
pub use self::evidence::{BESIDE_MEASURES, MEASURES};

use self::edges::{EdgeMap, Outline};
use self::quads::{Candidate, Frame};
use self::refine::{Search, refine};
use super::proxy::{Proxy, reduce};
use crate::model::{Point, Quad};
use image::RgbImage;

/// The outline of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Corners in capture pixels, clockwise, starting anywhere. They may lie outside the frame.
    pub quad: Quad,
    /// Points in capture pixels along the side from each corner to the next, as far as it was seen and is bowed; empty
    /// for a straight side.
    pub curves: [Vec<Point>; 4],
    /// How likely the outline is right, [`MIN_CONFIDENCE`] to 1.
    pub confidence: f32,
    /// Part of the sheet is outside the frame.
    pub cut_off: bool,
}

/// Corners that a person gave may lie outside the frame by this share of its longer side before a part of the paper is said
/// to be missing: nobody points at the very border.
const BEYOND_FRAME: f64 = 0.005;

impl Bounds {
    /// The outline that a person gave on a capture of this size, pixels.
    pub fn given(quad: Quad, (width, height): (u32, u32)) -> Self {
        let beyond = BEYOND_FRAME * f64::from(width.max(height));
        let is_out = |value: f64, side: u32| value < -beyond || value > f64::from(side) + beyond;
        let cut_off = quad.0.iter().any(|corner| is_out(corner.x, width) || is_out(corner.y, height));
        Self { quad, curves: Default::default(), confidence: 1.0, cut_off }
    }
}

/// Outlines less likely right than this are not reported.
pub const MIN_CONFIDENCE: f32 = 0.5;
/// The same for sheets beside the main one: a sheet that is announced and is not there costs a person's trust, one that
/// is not announced is seen on the capture.
pub const MIN_CONFIDENCE_BESIDE: f32 = 0.8;

/// Proxies with a longer side are halved for the search.
const MAX_WORKING_SIDE: u32 = 900;
/// Lines considered, the four edges of the frame not counted.
const LINES: usize = 64;
/// The same for sheets beside the main one, and how many of them are looked at.
const BESIDE_LINES: usize = 48;
const MAX_BESIDE: usize = 6;
/// Another sheet is only sought where the clear edges outside the main one, this many grey levels high, could be this
/// share of the sides of the smallest sheet.
const CLEAR_EDGE: f32 = 6.0;
const SEEN_SHARE: f32 = 0.5;
/// Sheets may lie on one another by this share of the smaller.
const MAX_OVERLAP: f32 = 0.35;
/// Edges nearer to a side than this are the side's, not print, working pixels.
const CLEAR_OF_SIDES: f32 = 5.0;
/// Another sheet is the main one when it is larger by this factor.
const MUCH_LARGER: f64 = 1.5;
/// Faintest edges considered on photos and on scanner beds, grey levels; beds are evenly lit and smooth.
const PHOTO_EDGE: f32 = 3.0;
const SCAN_EDGE: f32 = 2.0;
/// An outline with every corner this near the frame's own, as a share of the frame's longer side, is the frame's: a scan
/// cropped to its page, a screenshot with a border.
const FRAME_SHARE: f64 = 0.005;
/// A sheet is cut off when a corner lies this far outside the frame, as a share of the sheet's shorter side: 2 mm of an
/// A4, where no content stands.
const CUT_OFF_SHARE: f64 = 0.01;
/// Sides with less support may be bowed by as much as `MAX_BOW` of their length.
const FULLY_STRAIGHT: f32 = 0.95;
const MAX_BOW: f64 = 0.04;

/// Finds the sheets of a capture, the main one first; none where no edge of paper is in the frame.
///
/// The main sheet is the one that looks most like a sheet, or another one that is much larger. What else is reported
/// looks like a sheet of its own beyond reasonable doubt and lies wholly in the frame; [`card_sides`] tells whether two
/// of them are the sides of a card.
///
/// `proxy` is the capture's own. `scan_dpi` is the resolution of a scanner bed (evenly lit, hardly any perspective,
/// faint edges), `None` for a photo; the main outline is usually the same with the wrong word, but faint edges are found
/// on beds only. `focal` is a photo's focal length as a share of the frame's longer side, where it is known.
pub fn find(capture: &RgbImage, proxy: &Proxy, scan_dpi: Option<f64>, focal: Option<f64>) -> Vec<Bounds> {
    let scanned = scan_dpi.is_some();
    let mut search = Sheets::new(capture, proxy, scan_dpi, focal);
    let Some(frame) = search.map.as_ref().map(Frame::new) else { return Vec::new() };
    let Some(main) = quads::choose(&search.first(), &frame, scanned) else { return Vec::new() };
    // At best, other sheets explain all edges outside the main one.
    if main.evidence.among(0.0, 0.0).confidence(scanned) < MIN_CONFIDENCE {
        return Vec::new();
    }
    let others = search.others(&main);
    let outlines: Vec<_> =
        std::iter::once(&main).chain(others.iter().map(|(other, _)| other)).map(|s| s.corners).collect();
    let confidence = main.evidence.among(frame.edges_outside(&outlines), 0.0).confidence(scanned);
    if confidence < MIN_CONFIDENCE {
        return Vec::new();
    }
    let factor = search.factor;
    let bounds = |candidate: &Candidate, confidence| {
        let (quad, curves) = locate(capture, proxy, candidate, factor, scanned);
        // On a scanner bed a sheet may end exactly where the picture ends; a photo shows some desk or cuts the sheet.
        let cut_off = leaves_frame(&quad, capture) || (!scanned && candidate.virtual_sides.contains(&true));
        Bounds { quad, curves, confidence, cut_off }
    };
    let mut sheets = vec![bounds(&main, confidence)];
    if is_frame(&sheets[0].quad, capture) {
        return Vec::new();
    }
    sheets.extend(others.iter().map(|(candidate, confidence)| bounds(candidate, *confidence)));
    let larger = (1..sheets.len()).max_by(|&a, &b| sheets[a].quad.area().total_cmp(&sheets[b].quad.area()));
    if let Some(larger) = larger.filter(|&i| sheets[i].quad.area() > MUCH_LARGER * sheets[0].quad.area()) {
        sheets.swap(0, larger);
    }
    sheets
}

/// A plausible outline before it is refined.
#[derive(Clone, Debug)]
pub struct Plausible {
    /// Corners in capture pixels.
    pub quad: Quad,
    /// What is weighed.
    pub measures: [f32; MEASURES],
    /// What is weighed besides when this is a sheet beside the main one; `None` for the main one.
    pub beside: Option<[f32; BESIDE_MEASURES]>,
}

/// The plausible outlines of the main sheet, best first, and those of sheets beside it.
///
/// The weights are fitted to these; `models/outline` tells how.
pub fn plausible(capture: &RgbImage, proxy: &Proxy, scan_dpi: Option<f64>) -> Vec<Plausible> {
    let mut search = Sheets::new(capture, proxy, scan_dpi, None);
    let first = search.first();
    let main = search.map.as_ref().and_then(|map| quads::choose(&first, &Frame::new(map), scan_dpi.is_some()));
    let others = main.map(|main| search.beside(&main)).unwrap_or_default();
    let outline = |candidate: &Candidate, beside| Plausible {
        quad: working_quad(candidate).scaled(search.factor),
        measures: candidate.evidence.measures(),
        beside,
    };
    let others: Vec<Plausible> = others.iter().map(|(candidate, beside)| outline(candidate, Some(*beside))).collect();
    first.iter().map(|candidate| outline(candidate, None)).chain(others).collect()
}

/// The search on the working picture of a capture.
struct Sheets {
    /// `None` where nothing can be found.
    map: Option<EdgeMap>,
    /// Capture pixels that a working pixel is.
    factor: f64,
    frame: (u32, u32),
    scan_dpi: Option<f64>,
    focal: Option<f64>,
}

impl Sheets {
    fn new(capture: &RgbImage, proxy: &Proxy, scan_dpi: Option<f64>, focal: Option<f64>) -> Self {
        let halved = proxy.rgb.width().max(proxy.rgb.height()) > MAX_WORKING_SIDE;
        let reduced = halved.then(|| reduce(&proxy.rgb, 2));
        let (working, factor) = match &reduced {
            Some(reduced) => (reduced, proxy.factor * 2),
            None => (&proxy.rgb, proxy.factor),
        };
        let faintest = if scan_dpi.is_some() { SCAN_EDGE } else { PHOTO_EDGE };
        let map = (!is_bilevel(capture)).then(|| EdgeMap::new(working, faintest));
        Self { map, factor: f64::from(factor), frame: capture.dimensions(), scan_dpi, focal }
    }

    /// Plausible outlines, best first.
    fn first(&self) -> Vec<Candidate> {
        let Some(map) = &self.map else { return Vec::new() };
        let scanned = self.scan_dpi.is_some();
        quads::rank(map, &lines::find(map, LINES, scanned), scanned)
    }

    /// Plausible outlines beside the main sheet, best first, with the measures that they are judged by. The main sheet
    /// is covered, so that its edges and its print do not crowd out those of the others.
    fn beside(&mut self, main: &Candidate) -> Vec<(Candidate, [f32; BESIDE_MEASURES])> {
        let Some(map) = &mut self.map else { return Vec::new() };
        map.cover(&main.corners);
        let edges = map.points.iter().filter(|p| p.strength > CLEAR_EDGE).count();
        let perimeter = 4.0 * (quads::MIN_AREA * map.width as f32 * map.height as f32).sqrt();
        if (edges as f32) < SEEN_SHARE * perimeter {
            return Vec::new();
        }
        let scanned = self.scan_dpi.is_some();
        let ranked = quads::rank(map, &lines::find(map, BESIDE_LINES, scanned), scanned);
        let mut beside: Vec<(Candidate, [f32; BESIDE_MEASURES])> = Vec::new();
        for candidate in ranked {
            let apart = |other: &Candidate| quads::overlap(&candidate.corners, &other.corners) < MAX_OVERLAP;
            let whole = !candidate.virtual_sides.contains(&true);
            if whole && apart(main) && beside.iter().all(|(other, _)| apart(other)) {
                let scale = |candidate: &Candidate| working_quad(candidate).scaled(self.factor);
                let alike = cards::are_sides(&scale(main), &scale(&candidate), self.frame, self.scan_dpi, self.focal);
                let measures = candidate.evidence.beside(&main.evidence, print(map, &candidate), alike);
                beside.push((candidate, measures));
                if beside.len() == MAX_BESIDE {
                    break;
                }
            }
        }
        beside
    }

    /// The sheets beside the main one, with how likely they are sheets.
    fn others(&mut self, main: &Candidate) -> Vec<(Candidate, f32)> {
        let scanned = self.scan_dpi.is_some();
        let judged = self.beside(main).into_iter().map(|(candidate, measures)| {
            let confidence = candidate.evidence.confidence_beside(&measures, scanned);
            (candidate, confidence)
        });
        judged.filter(|(_, confidence)| *confidence >= MIN_CONFIDENCE_BESIDE).collect()
    }
}

/// Share of the pixels of an outline that are edges.
fn print(map: &EdgeMap, candidate: &Candidate) -> f32 {
    let inside = Outline::new(&candidate.corners, -CLEAR_OF_SIDES);
    let edges = map.points.iter().filter(|p| inside.holds(p.x, p.y)).count();
    edges as f32 / quads::signed_area(&candidate.corners).max(1.0)
}

fn working_quad(candidate: &Candidate) -> Quad {
    Quad(candidate.corners.map(|(x, y)| Point::new(f64::from(x), f64::from(y))))
}

/// Sub-pixel outline in capture pixels, and the points along its bowed sides.
fn locate(
    capture: &RgbImage,
    proxy: &Proxy,
    candidate: &Candidate,
    factor: f64,
    scanned: bool,
) -> (Quad, [Vec<Point>; 4]) {
    let rough = working_quad(candidate).scaled(factor / f64::from(proxy.factor));
    let sides = rough.sides();
    let each = |search: &dyn Fn(usize) -> Search| {
        [0, 1, 2, 3].map(|i| if candidate.virtual_sides[i] { Search::STAY } else { search(i) })
    };
    let first = each(&|i| {
        if !scanned && candidate.support[i] < FULLY_STRAIGHT {
            Search { radius: (sides[i] * MAX_BOW).max(8.0), step: 1.0, bowed: true }
        } else {
            Search { radius: 6.0, step: 0.5, bowed: !scanned }
        }
    });
    let (mut quad, mut curves) = refine(&proxy.rgb, &rough, first);
    if !scanned {
        let again = each(&|i| {
            if !curves[i].is_empty() {
                Search { radius: sides[i] * MAX_BOW, step: 1.0, bowed: true }
            } else {
                Search { radius: 4.0, step: 0.5, bowed: true }
            }
        });
        (quad, curves) = refine(&proxy.rgb, &quad, again);
    }
    let enlarge = f64::from(proxy.factor);
    let quad = quad.scaled(enlarge);
    for point in curves.iter_mut().flatten() {
        *point = point.scaled(enlarge);
    }
    if proxy.factor == 1 {
        return (quad, curves);
    }
    let radius = 2.0 * f64::from(proxy.factor);
    let last =
        each(&|i| if !curves[i].is_empty() { Search::STAY } else { Search { radius, step: 0.75, bowed: false } });
    (refine(capture, &quad, last).0, curves)
}

/// Whether every corner of an outline is one of the frame's.
fn is_frame(quad: &Quad, capture: &RgbImage) -> bool {
    let frame = Quad::of_frame(capture.width(), capture.height());
    let near = FRAME_SHARE * f64::from(capture.width().max(capture.height()));
    quad.0.iter().all(|corner| frame.0.iter().any(|own| own.distance(*corner) < near))
}

/// Whether a corner lies clearly outside the frame.
fn leaves_frame(quad: &Quad, capture: &RgbImage) -> bool {
    let far = CUT_OFF_SHARE * quad.sides().into_iter().fold(f64::INFINITY, f64::min);
    let (right, bottom) = (f64::from(capture.width()) - 0.5, f64::from(capture.height()) - 0.5);
    quad.0.iter().any(|p| p.x < -0.5 - far || p.y < -0.5 - far || p.x > right + far || p.y > bottom + far)
}

/// Whether a capture is black and white only: thresholding leaves no edge of paper, or a ragged one.
fn is_bilevel(capture: &RgbImage) -> bool {
    /// Pixels looked at, about.
    const SAMPLES: usize = 40_000;
    /// Share of pixels that may be in between (compression, a logo).
    const GREY_SHARE: f64 = 0.002;
    let raw = capture.as_raw();
    // A stride that is no multiple of three visits all channels.
    let stride = (raw.len() / SAMPLES / 3) * 3 + 1;
    let sampled = raw.iter().step_by(stride);
    let most = GREY_SHARE * sampled.len() as f64;
    // Most captures have soon shown enough.
    let mut grey = 0.0;
    sampled.filter(|&&value| value != 0 && value != 255).all(|_| {
        grey += 1.0;
        grey <= most
    })
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "drawn pictures")]
mod tests {
    use super::*;
    use crate::model::Homography;
    use image::Rgb;
    use proptest::prelude::*;

    const WIDTH: u32 = 480;
    const HEIGHT: u32 = 640;

    /// Makes an ID-1 card 150 pixels long.
    const DPI: f64 = 150.0 / 85.6 * 25.4;

    /// Deterministic noise of a few grey levels.
    fn noise(x: u32, y: u32) -> i32 {
        let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
        (mixed >> 13) as i32 % 5
    }

    /// A sheet on a desk: `paper` colours the unit square of the sheet, `desk` the rest; edges are antialiased.
    fn scene(quad: &Quad, paper: impl Fn(f64, f64) -> u8, desk: impl Fn(f64, f64) -> u8) -> RgbImage {
        bowed_scene(quad, 0.0, paper, desk)
    }

    /// [`scene`] of a sheet whose second side is bowed outwards by a share of the first.
    fn bowed_scene(quad: &Quad, bow: f64, paper: impl Fn(f64, f64) -> u8, desk: impl Fn(f64, f64) -> u8) -> RgbImage {
        let mut capture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            let sum: i32 = SUBPIXELS.iter().map(|(dx, dy)| i32::from(desk(f64::from(x) + dx, f64::from(y) + dy))).sum();
            Rgb([(sum / 4 + noise(x, y)).clamp(0, 255) as u8; 3])
        });
        lay_bowed(&mut capture, quad, bow, |u, v| [paper(u, v); 3]);
        capture
    }

    const SUBPIXELS: [(f64, f64); 4] = [(-0.375, -0.125), (0.125, -0.375), (-0.125, 0.375), (0.375, 0.125)];

    /// Lays another sheet on a scene.
    fn lay(capture: &mut RgbImage, quad: &Quad, paper: impl Fn(f64, f64) -> [u8; 3]) {
        lay_bowed(capture, quad, 0.0, paper);
    }

    fn lay_bowed(capture: &mut RgbImage, quad: &Quad, bow: f64, paper: impl Fn(f64, f64) -> [u8; 3]) {
        let unit = Quad([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(x, y)| Point::new(x, y)));
        let to_sheet = Homography::between(quad, &unit).unwrap();
        for (x, y, pixel) in capture.enumerate_pixels_mut() {
            for c in 0..3 {
                let seen = SUBPIXELS.map(|(dx, dy)| {
                    let p = to_sheet.apply(Point::new(f64::from(x) + dx, f64::from(y) + dy));
                    let right = 1.0 + bow * (std::f64::consts::PI * p.y).sin();
                    let on_sheet = (0.0..right).contains(&p.x) && (0.0..1.0).contains(&p.y);
                    if on_sheet { i32::from(paper(p.x, p.y)[c]) + noise(x, y) } else { i32::from(pixel[c]) }
                });
                pixel[c] = (seen.iter().sum::<i32>() / 4).clamp(0, 255) as u8;
            }
        }
    }

    fn quad(corners: [(f64, f64); 4]) -> Quad {
        Quad(corners.map(|(x, y)| Point::new(x, y)))
    }

    fn search(capture: &RgbImage, scanned: bool) -> Option<Bounds> {
        search_all(capture, scanned).into_iter().next()
    }

    fn search_all(capture: &RgbImage, scanned: bool) -> Vec<Bounds> {
        find(capture, &Proxy::new(capture), scanned.then_some(DPI), None)
    }

    /// Largest distance between corners, whichever comes first.
    fn corner_error(a: &Quad, b: &Quad) -> f64 {
        let error = |turn: usize| {
            let turned = b.rotated_start(turn);
            a.0.iter().zip(&turned.0).map(|(p, q)| p.distance(*q)).fold(0.0, f64::max)
        };
        (0..4).map(error).fold(f64::INFINITY, f64::min)
    }

    fn assert_near(found: Option<Bounds>, expected: &Quad, pixels: f64) {
        let found = found.expect("there is a sheet");
        let error = corner_error(&found.quad, expected);
        assert!(error < pixels, "corner off by {error} px: {found:?}");
    }

    /// Lines of print.
    fn print(u: f64, v: f64) -> u8 {
        let line = (v * 30.0).fract();
        let letter = (u * 97.0 + (v * 30.0).floor() * 3.7).fract();
        if (0.1..0.9).contains(&u) && (0.1..0.9).contains(&v) && line < 0.4 && letter < 0.5 { 60 } else { 230 }
    }

    fn wood(x: f64, y: f64) -> u8 {
        (90.0 + 20.0 * (y / 9.0 + 2.0 * (x / 170.0).sin()).sin()) as u8
    }

    const SHEET: [(f64, f64); 4] = [(90.0, 80.0), (400.0, 110.0), (420.0, 560.0), (60.0, 530.0)];

    #[test]
    fn sheet_on_a_wooden_desk_is_found_to_half_a_pixel() {
        let sheet = quad(SHEET);
        let found = search(&scene(&sheet, print, wood), false);
        assert_near(found.clone(), &sheet, 0.5);
        assert!(!found.as_ref().unwrap().cut_off);
        assert!(found.unwrap().confidence > 0.9);
    }

    #[test]
    fn bowed_side_is_traced_and_does_not_move_the_corners() {
        let sheet = quad(SHEET);
        for bow in [0.006, 0.015, 0.03] {
            let found = search(&bowed_scene(&sheet, bow, print, wood), false).unwrap();
            assert_near(Some(found.clone()), &sheet, 1.5);
            let bowed: Vec<&Vec<Point>> = found.curves.iter().filter(|curve| !curve.is_empty()).collect();
            let [curve] = bowed[..] else { panic!("one bowed side, not {}", bowed.len()) };
            let to_unit = Homography::between(&sheet, &quad([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]));
            let mut off: Vec<f64> = curve
                .iter()
                .map(|p| to_unit.unwrap().apply(*p))
                .map(|p| (p.x - 1.0 - bow * (std::f64::consts::PI * p.y).sin()).abs())
                .collect();
            off.sort_by(f64::total_cmp);
            assert!(curve.len() > 60 && off[off.len() * 9 / 10] < 0.002, "{off:?}");
        }
        assert!(search(&scene(&sheet, print, wood), false).unwrap().curves.iter().all(Vec::is_empty));
    }

    #[test]
    fn white_sheet_on_a_slightly_darker_desk_is_found() {
        let sheet = quad(SHEET);
        assert_near(search(&scene(&sheet, print, |_, _| 216), false), &sheet, 1.0);
    }

    #[test]
    fn finger_over_a_side_does_not_move_it() {
        let sheet = quad(SHEET);
        let mut capture = scene(&sheet, print, wood);
        for y in 500..HEIGHT {
            for x in 200..240 {
                capture.put_pixel(x, y, Rgb([190, 140, 110]));
            }
        }
        assert_near(search(&capture, false), &sheet, 0.7);
    }

    #[test]
    fn corner_outside_the_frame_is_extrapolated_and_reported() {
        let sheet = quad([(200.0, 90.0), (520.0, 140.0), (440.0, 540.0), (90.0, 500.0)]);
        let found = search(&scene(&sheet, print, wood), false);
        assert_near(found.clone(), &sheet, 4.0);
        assert!(found.unwrap().cut_off);
    }

    #[test]
    fn printed_frame_does_not_win_over_the_edge_of_the_sheet() {
        let sheet = quad(SHEET);
        let framed = |u: f64, v: f64| {
            let edge = u.min(1.0 - u).min((v.min(1.0 - v)) * 1.4);
            if (0.08..0.10).contains(&edge) { 20 } else { 230 }
        };
        assert_near(search(&scene(&sheet, framed, |_, _| 200), false), &sheet, 1.0);
        assert_near(search(&scene(&sheet, framed, |_, _| 210), true), &sheet, 1.0);
    }

    #[test]
    fn card_on_a_scanner_bed_is_found() {
        let card = quad([(180.0, 90.0), (330.0, 100.0), (323.7, 195.0), (173.7, 185.0)]);
        let paper = |u: f64, _: f64| if u < 0.3 { 120 } else { 190 };
        assert_near(search(&scene(&card, paper, |_, _| 240), true), &card, 0.7);
    }

    fn card(middle: (f64, f64), degrees: f64) -> Quad {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        Quad(
            [(-75.0, -47.3), (75.0, -47.3), (75.0, 47.3), (-75.0, 47.3)]
                .map(|(x, y)| Point::new(middle.0 + x * cosine - y * sine, middle.1 + x * sine + y * cosine)),
        )
    }

    fn assert_both_sides_are_found(desk: u8, scan_dpi: Option<f64>) {
        let (upper, lower) = (card((240.0, 180.0), 2.0), card((230.0, 400.0), -3.0));
        let mut capture = scene(&lower, |u, _| if u < 0.3 { 120 } else { 190 }, |_, _| desk);
        lay(&mut capture, &upper, |u, v| if u > 0.7 && v > 0.5 { [60, 80, 70] } else { [200, 170, 150] });
        let sheets = find(&capture, &Proxy::new(&capture), scan_dpi, None);
        assert_eq!(sheets.len(), 2, "{sheets:?}");
        let frame = capture.dimensions();
        let [first, second] = card_sides(&sheets, frame, scan_dpi, None).expect("two sides");
        assert!(corner_error(&sheets[first].quad, &upper) < 1.0);
        assert!(corner_error(&sheets[second].quad, &lower) < 1.0);
        assert_eq!(card_sides(&sheets, frame, Some(DPI / 2.0), None), None, "two slips of 171 mm");
    }

    #[test]
    fn both_sides_of_a_card_are_found_on_a_scanner_bed() {
        assert_both_sides_are_found(240, Some(DPI));
    }

    #[test]
    fn both_sides_of_a_card_are_found_on_a_photo() {
        assert_both_sides_are_found(60, None);
    }

    #[test]
    fn sheets_side_by_side_are_all_found() {
        let left = quad([(30.0, 90.0), (210.0, 96.0), (206.0, 360.0), (24.0, 352.0)]);
        let right = quad([(250.0, 110.0), (440.0, 100.0), (448.0, 372.0), (258.0, 380.0)]);
        let mut capture = scene(&left, print, wood);
        lay(&mut capture, &right, |u, v| [print(u, v); 3]);
        let sheets = search_all(&capture, false);
        assert_eq!(sheets.len(), 2, "{sheets:?}");
        assert!(corner_error(&sheets[0].quad, &right) < 1.0, "the larger is the main one: {sheets:?}");
        assert!(corner_error(&sheets[1].quad, &left) < 1.0);
        assert_eq!(card_sides(&sheets, capture.dimensions(), None, None), None);
    }

    #[test]
    fn telephone_beside_a_sheet_is_no_sheet() {
        let sheet = quad([(40.0, 60.0), (290.0, 70.0), (300.0, 420.0), (30.0, 410.0)]);
        let telephone = quad([(350.0, 200.0), (440.0, 190.0), (455.0, 380.0), (365.0, 390.0)]);
        let mut capture = scene(&sheet, print, wood);
        lay(&mut capture, &telephone, |u, v| {
            if (0.06..0.94).contains(&u) && (0.05..0.95).contains(&v) { [40, 60, 110] } else { [20, 20, 22] }
        });
        let sheets = search_all(&capture, false);
        assert_eq!(sheets.len(), 1, "{sheets:?}");
        assert_near(sheets.first().cloned(), &sheet, 1.0);
    }

    #[test]
    fn picture_without_an_edge_of_paper_has_no_bounds() {
        let whole = Quad::of_frame(WIDTH, HEIGHT).scaled(1.2);
        for scanned in [false, true] {
            assert_eq!(search(&scene(&whole, print, wood), scanned), None, "print only");
            assert_eq!(search(&RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([250; 3])), scanned), None, "blank");
            let bordered = quad([(1.0, 1.0), (478.0, 1.0), (478.0, 638.0), (1.0, 638.0)]);
            assert_eq!(search(&scene(&bordered, print, |_, _| 90), scanned), None, "screenshot with a border");
        }
    }

    #[test]
    fn table_that_fills_a_scan_is_not_a_sheet() {
        let whole = quad([(-40.0, -40.0), (520.0, -40.0), (520.0, 680.0), (-40.0, 680.0)]);
        let table = |u: f64, v: f64| {
            let rule = |t: f64| (t * 12.0).fract() < 0.06;
            let within = (0.2..0.8).contains(&u) && (0.2..0.8).contains(&v);
            if within && (rule(v) || rule(u)) { 30 } else { 235 }
        };
        assert_eq!(search(&scene(&whole, table, wood), true), None);
    }

    #[test]
    fn thick_frame_printed_on_a_page_that_fills_a_scan_is_not_a_sheet() {
        let whole = quad([(-40.0, -40.0), (520.0, -40.0), (520.0, 680.0), (-40.0, 680.0)]);
        let framed = |u: f64, v: f64| {
            let edge = (u * 560.0).min(560.0 - u * 560.0).min(v * 720.0).min(720.0 - v * 720.0);
            if (90.0..100.0).contains(&edge) { 40 } else { 235 }
        };
        assert_eq!(search(&scene(&whole, framed, wood), true), None);
    }

    #[test]
    fn white_sheet_on_a_white_bed_is_found_by_its_shadow() {
        let shadow = quad([(79.0, 69.0), (411.0, 79.0), (401.0, 561.0), (69.0, 551.0)]);
        let sheet = quad([(80.0, 70.0), (410.0, 80.0), (400.0, 560.0), (70.0, 550.0)]);
        let mut capture = scene(&shadow, |_, _| 190, |_, _| 224);
        lay(&mut capture, &sheet, |u, v| [print(u, v); 3]);
        assert_near(search(&capture, true), &sheet, 2.0);
    }

    #[test]
    fn black_and_white_capture_has_no_bounds() {
        let capture = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
            Rgb([if (40..440).contains(&x) && (30..600).contains(&y) { 255 } else { 0 }; 3])
        });
        assert_eq!(search(&capture, true), None);
    }

    #[test]
    fn tiny_and_thin_captures_do_not_panic() {
        for (width, height) in [(1, 1), (1, 50), (3, 3), (7, 2000), (40, 40)] {
            let capture = RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 + y * 13) as u8; 3]));
            for scanned in [false, true] {
                let _bounds = search(&capture, scanned);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_tilted_sheet_is_found_to_a_pixel(
            shifts in prop::array::uniform8(-45.0f64..45.0), turn in 0usize..4, desk in 60u8..190,
        ) {
            let base = [(100.0, 100.0), (380.0, 100.0), (380.0, 520.0), (100.0, 520.0)];
            let corners = [0, 1, 2, 3].map(|i| (base[i].0 + shifts[2 * i], base[i].1 + shifts[2 * i + 1]));
            let sheet = quad(corners).rotated_start(turn);
            let found = search(&scene(&sheet, print, |_, _| desk), false);
            prop_assert!(found.is_some());
            prop_assert!(corner_error(&found.as_ref().unwrap().quad, &sheet) < 1.0, "{found:?} for {sheet:?}");
        }
    }
}
