//! The outline of the sheet on a photo or a scanner bed.

mod edges;
mod lines;
mod quads;
mod refine;

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

/// Finds the outline.
pub fn find(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Option<Bounds> {
    let (bounds, virtual_sides, features) = candidates(capture, proxy, scanned).into_iter().next()?;
    let t = cpu();
    let quad = bounds.quad;
    let mut q = quad.scaled(1.0 / f64::from(proxy.factor));
    let support = features[1];
    let sides = q.sides();
    let pick = |i: usize, search: refine::Search| if virtual_sides[i] { refine::Search::STAY } else { search };
    let wide = !scanned && support < 0.93;
    let coarse = [0, 1, 2, 3].map(|i| {
        let radius = if wide { (sides[i] * 0.025).max(8.0) } else { 6.0 };
        pick(i, refine::Search { radius, step: if wide { 1.0 } else { 0.5 }, bowed: !scanned })
    });
    let mut bowed;
    (q, bowed) = refine::refine(&proxy.rgb, &q, coarse);
    if wide {
        let fine = [0, 1, 2, 3].map(|i| {
            if bowed[i] { refine::Search::STAY } else { pick(i, refine::Search { radius: 4.0, step: 0.5, bowed: true }) }
        });
        let more;
        (q, more) = refine::refine(&proxy.rgb, &q, fine);
        bowed = [0, 1, 2, 3].map(|i| bowed[i] || more[i]);
    }
    let mut quad = q.scaled(f64::from(proxy.factor));
    if proxy.factor > 1 {
        let radius = 2.0 * f64::from(proxy.factor);
        let last = [0, 1, 2, 3].map(|i| {
            if bowed[i] { refine::Search::STAY } else { pick(i, refine::Search { radius, step: 0.75, bowed: false }) }
        });
        (quad, _) = refine::refine(capture, &quad, last);
    }
    if std::env::var("BD").is_ok() {
        eprintln!("refine {:?}", cpu() - t);
    }
    Some(Bounds { quad, ..bounds })
}

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// debug
pub fn candidates(capture: &RgbImage, proxy: &Proxy, scanned: bool) -> Vec<(Bounds, [bool; 4], Vec<f32>)> {
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
    ranked
        .into_iter()
        .map(|c| {
            let quad = Quad(c.corners.map(|(x, y)| Point::new(f64::from(x), f64::from(y)))).scaled(f64::from(factor));
            (Bounds { quad, confidence: c.score, cut_off: false }, c.virtual_sides, c.features.to_vec())
        })
        .collect()
}
