//! The outline of the sheet on a photo or a scanner bed.

mod edges;
mod lines;
mod quads;
mod refine;

use self::refine::{Search, refine};
use super::proxy::{Proxy, reduce};
use crate::model::{Point, Quad};
use image::RgbImage;

/// The outline of a sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Corners in capture pixels, clockwise, starting anywhere. They may lie outside the frame.
    pub quad: Quad,
    /// 0 to 1.
    pub confidence: f32,
    /// Part of the sheet is outside the frame.
    pub cut_off: bool,
}

/// Long side above which lines are sought on a halved proxy.
const MAX_WORKING_SIDE: u32 = 900;
const LINES: usize = 64;
const FULLY_STRAIGHT: f32 = 0.95;
const MAX_BOW: f64 = 0.04;

/// Finds the outline.
pub fn find(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Option<Bounds> {
    let (candidate, factor) = candidates(capture, proxy, scanned).into_iter().next()?;
    let t = cpu();
    let working = Quad(candidate.corners.map(|(x, y)| Point::new(f64::from(x), f64::from(y))));
    let quad = locate(capture, proxy, &working.scaled(factor / f64::from(proxy.factor)), &candidate, scanned);
    if std::env::var("BD").is_ok() {
        eprintln!("refine {:?}", cpu() - t);
    }
    Some(Bounds { quad, confidence: candidate.score, cut_off: false })
}

/// Sub-pixel outline in capture pixels from one in proxy pixels.
fn locate(capture: &RgbImage, proxy: &Proxy, quad: &Quad, candidate: &quads::Candidate, scanned: bool) -> Quad {
    let sides = quad.sides();
    let each = |search: &dyn Fn(usize) -> Search| {
        [0, 1, 2, 3].map(|i| if candidate.virtual_sides[i] { Search::STAY } else { search(i) })
    };
    let (mut quad, mut bowed) = refine(&proxy.rgb, quad, each(&|i| {
        if !scanned && candidate.support[i] < FULLY_STRAIGHT {
            Search { radius: (sides[i] * MAX_BOW).max(8.0), step: 1.0, bowed: true }
        } else {
            Search { radius: 6.0, step: 0.5, bowed: !scanned }
        }
    }));
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
    let fine = each(&|i| if bowed[i] { Search::STAY } else { Search { radius, step: 0.75, bowed: false } });
    refine(capture, &quad, fine).0
}

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// debug
fn candidates(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Vec<(quads::Candidate, f64)> {
    if lines::is_bilevel(capture) {
        return Vec::new();
    }
    let halve = proxy.rgb.width().max(proxy.rgb.height()) > MAX_WORKING_SIDE;
    let reduced;
    let (working, factor) = if halve {
        reduced = reduce(&proxy.rgb, 2);
        (&reduced, proxy.factor * 2)
    } else {
        (&proxy.rgb, proxy.factor)
    };
    let t0 = cpu();
    let map = edges::EdgeMap::new(working, if scanned { 2.0 } else { 3.0 });
    let t1 = cpu();
    let lines = lines::find(&map, LINES, scanned);
    let t2 = cpu();
    if std::env::var("BL").is_ok() {
        for l in &lines {
            let s = l.stretch(l.enter, l.leave);
            eprintln!("line n ({:.3},{:.3}) d {:.1} full d {:.1} support {:.2} len {:.0} diff {:.1}", l.nx, l.ny, l.d, l.d * factor as f32, s.support, s.visible, s.difference);
        }
    }
    let ranked = quads::rank(&map, &lines, scanned, 60);
    if std::env::var("BD").is_ok() {
        eprintln!("edges {:?} n {} lines {:?} n {} quads {:?}", t1 - t0, map.points.len(), t2 - t1, lines.len(), cpu() - t2);
    }
    ranked.into_iter().map(|c| (c, f64::from(factor))).collect()
}

/// debug
pub fn debug_candidates(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Vec<(Quad, Vec<f32>)> {
    candidates(capture, proxy, scanned)
        .into_iter()
        .map(|(c, factor)| {
            let quad = Quad(c.corners.map(|(x, y)| Point::new(f64::from(x), f64::from(y)))).scaled(factor);
            (quad, c.features.to_vec())
        })
        .collect()
}
