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
//! Limits: one sheet a capture; sheets smaller than 2.5 % of the frame, or with more than two sides out of it, are not
//! found; black and white captures have no edges of paper left and are refused.

mod edges;
mod evidence;
mod lines;
mod quads;
mod refine;

use self::edges::EdgeMap;
use self::quads::Candidate;
use self::refine::{Search, refine};
use super::proxy::{Proxy, reduce};
use crate::model::{Point, Quad};
use image::RgbImage;

/// The outline of a sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Corners in capture pixels, clockwise, starting anywhere. They may lie outside the frame.
    pub quad: Quad,
    /// How likely the outline is right, [`MIN_CONFIDENCE`] to 1.
    pub confidence: f32,
    /// Part of the sheet is outside the frame.
    pub cut_off: bool,
}

/// Outlines less likely right than this are not reported.
pub const MIN_CONFIDENCE: f32 = 0.5;

/// Proxies with a longer side are halved for the search.
const MAX_WORKING_SIDE: u32 = 900;
/// Lines considered, the four edges of the frame not counted.
const LINES: usize = 64;
/// Faintest edges considered on photos and on scanner beds, grey levels; beds are evenly lit and smooth.
const PHOTO_EDGE: f32 = 3.0;
const SCAN_EDGE: f32 = 2.0;
/// Score at which an outline is as likely right as wrong, and the score that changes the odds by e. Measured on 258
/// photos and 143 scans, 24 of them without an outline, from our own generator: the scores of wrong outlines on scans end
/// where those of right ones begin; on photos 1 % of the right ones lie below.
const PHOTO_EVEN_SCORE: f32 = 13.0;
const PHOTO_SCORE_SCALE: f32 = 2.0;
const SCAN_EVEN_SCORE: f32 = 10.2;
const SCAN_SCORE_SCALE: f32 = 1.2;
/// An outline with every corner this near the frame's own, as a share of the frame's longer side, is the frame's: a scan
/// cropped to its page, a screenshot with a border.
const FRAME_SHARE: f64 = 0.005;
/// A sheet is cut off when a corner lies this far outside the frame, as a share of the sheet's shorter side.
const CUT_OFF_SHARE: f64 = 0.005;
/// Sides with less support may be bowed by as much as `MAX_BOW` of their length.
const FULLY_STRAIGHT: f32 = 0.95;
const MAX_BOW: f64 = 0.04;

/// Finds the outline of the sheet, or `None` where no edge of paper is in the frame.
///
/// `proxy` is the capture's own. `scanned` tells a scanner bed (evenly lit, hardly any perspective, faint edges) from a
/// photo; the answer is usually the same with the wrong word, but faint edges are found on beds only.
pub fn find(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Option<Bounds> {
    let (candidate, factor) = candidates(capture, proxy, scanned).into_iter().next()?;
    let confidence = confidence(candidate.score, scanned);
    if confidence < MIN_CONFIDENCE {
        return None;
    }
    let quad = locate(capture, proxy, &candidate, factor, scanned);
    if is_frame(&quad, capture) {
        return None;
    }
    // On a scanner bed a sheet may end exactly where the picture ends; a photo shows some desk or cuts the sheet.
    let cut_off = leaves_frame(&quad, capture) || (!scanned && candidate.virtual_sides.contains(&true));
    Some(Bounds { quad, confidence, cut_off })
}

/// Plausible outlines in working pixels, best first, with the capture pixels a working pixel is.
fn candidates(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Vec<(Candidate, f64)> {
    if is_bilevel(capture) {
        return Vec::new();
    }
    let halved = proxy.rgb.width().max(proxy.rgb.height()) > MAX_WORKING_SIDE;
    let reduced = halved.then(|| reduce(&proxy.rgb, 2));
    let (working, factor) = match &reduced {
        Some(reduced) => (reduced, proxy.factor * 2),
        None => (&proxy.rgb, proxy.factor),
    };
    let map = EdgeMap::new(working, if scanned { SCAN_EDGE } else { PHOTO_EDGE });
    let lines = lines::find(&map, LINES, scanned);
    let ranked = quads::rank(&map, &lines, scanned);
    ranked.into_iter().map(|candidate| (candidate, f64::from(factor))).collect()
}

/// Sub-pixel outline in capture pixels.
fn locate(capture: &RgbImage, proxy: &Proxy, candidate: &Candidate, factor: f64, scanned: bool) -> Quad {
    let working = Quad(candidate.corners.map(|(x, y)| Point::new(f64::from(x), f64::from(y))));
    let rough = working.scaled(factor / f64::from(proxy.factor));
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
    let (mut quad, mut bowed) = refine(&proxy.rgb, &rough, first);
    if !scanned {
        let again = each(&|i| {
            if bowed[i] {
                Search { radius: sides[i] * MAX_BOW, step: 1.0, bowed: true }
            } else {
                Search { radius: 4.0, step: 0.5, bowed: true }
            }
        });
        (quad, bowed) = refine(&proxy.rgb, &quad, again);
    }
    let quad = quad.scaled(f64::from(proxy.factor));
    if proxy.factor == 1 {
        return quad;
    }
    let radius = 2.0 * f64::from(proxy.factor);
    let last = each(&|i| if bowed[i] { Search::STAY } else { Search { radius, step: 0.75, bowed: false } });
    refine(capture, &quad, last).0
}

/// The chance that an outline with this score is right.
fn confidence(score: f32, scanned: bool) -> f32 {
    let (even, scale) =
        if scanned { (SCAN_EVEN_SCORE, SCAN_SCORE_SCALE) } else { (PHOTO_EVEN_SCORE, PHOTO_SCORE_SCALE) };
    1.0 / (1.0 + ((even - score) / scale).exp())
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
    let count = sampled.len();
    let grey = sampled.filter(|&&value| value != 0 && value != 255).count();
    (grey as f64) <= GREY_SHARE * count as f64
}
