//! Sheets of paper bent in space, photographed and laid flat by their corners: what they look like then is known.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "drawn pictures")]

use super::*;
use crate::model::{Homography, Quad};
use image::Luma;

const DPI: f64 = 120.0;
const PIXEL_MM: f64 = MM_PER_INCH / DPI;
const WIDTH_MM: f64 = 210.0;
const HEIGHT_MM: f64 = 297.0;
/// From baseline to baseline of the drawn print, and the height of its lines without marks and descenders.
const PITCH_MM: f64 = 7.0;
const LINE_MM: f64 = 3.6;

/// A sheet bent like a cylinder: height `lift` above the desk along one direction, the same across it.
struct Sheet {
    /// Unit vector along which the height changes.
    direction: Point,
    /// Height by length along the paper, and place on the desk, in steps of a millimetre from -400.
    profile: Vec<(f64, f64)>,
    camera: Point,
    camera_height: f64,
    flatten: Homography,
}

impl Sheet {
    fn new(degrees: f64, lift: impl Fn(f64) -> f64, camera: Point, camera_height: f64) -> Self {
        let (y, x) = degrees.to_radians().sin_cos();
        let mut profile = Vec::new();
        let mut place = -400.0;
        for step in -400..800 {
            let s = f64::from(step);
            profile.push((lift(s), place));
            let rise = lift(s + 1.0) - lift(s);
            place += (1.0 - rise * rise).sqrt();
        }
        let mut sheet =
            Self { direction: Point::new(x, y), profile, camera, camera_height, flatten: Homography::IDENTITY };
        let page =
            Quad([(0.0, 0.0), (WIDTH_MM, 0.0), (WIDTH_MM, HEIGHT_MM), (0.0, HEIGHT_MM)].map(|(x, y)| Point::new(x, y)));
        sheet.flatten = Homography::between(&Quad(page.0.map(|p| sheet.seen(p))), &page).unwrap();
        sheet
    }

    /// Where a point of the page lies after its corners have been laid flat, millimetres.
    fn seen(&self, p: Point) -> Point {
        let along = p.x * self.direction.x + p.y * self.direction.y;
        let across = p.y * self.direction.x - p.x * self.direction.y;
        let step = (along + 400.0).clamp(0.0, 1198.0);
        let (a, b, f) = (self.profile[step as usize], self.profile[step as usize + 1], step.fract());
        let (z, place) = (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f);
        let desk = Point::new(
            place * self.direction.x - across * self.direction.y,
            place * self.direction.y + across * self.direction.x,
        );
        let enlarged = self.camera_height / (self.camera_height - z);
        self.flatten.apply(Point::new(
            self.camera.x + (desk.x - self.camera.x) * enlarged,
            self.camera.y + (desk.y - self.camera.y) * enlarged,
        ))
    }

    /// The page point seen at a point.
    fn page_point(&self, seen: Point) -> Point {
        (0..8).fold(seen, |p, _| {
            let there = self.seen(p);
            Point::new(p.x + seen.x - there.x, p.y + seen.y - there.y)
        })
    }

    /// The sheet laid flat by its corners, printed with `print` (darkness 0 to 1 at millimetres of the page).
    fn picture(&self, print: impl Fn(Point) -> f64) -> GrayImage {
        const CELL: usize = 8;
        let (width, height) = ((WIDTH_MM / PIXEL_MM).round() as u32, (HEIGHT_MM / PIXEL_MM).round() as u32);
        let columns = width as usize / CELL + 2;
        let node = |i: usize| {
            let at = |k: usize| ((k * CELL) as f64 + 0.5) * PIXEL_MM;
            self.page_point(Point::new(at(i % columns), at(i / columns)))
        };
        let nodes: Vec<Point> = (0..columns * (height as usize / CELL + 2)).map(node).collect();
        GrayImage::from_fn(width, height, |x, y| {
            let mut dark = 0.0;
            for (dx, dy) in [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)] {
                let (u, v) = ((f64::from(x) + dx) / CELL as f64, (f64::from(y) + dy) / CELL as f64);
                let (i, j) = (u.max(0.0) as usize, v.max(0.0) as usize);
                let (fu, fv) = (u - i as f64, v - j as f64);
                let mix = |a: Point, b: Point, f: f64| Point::new(a.x + (b.x - a.x) * f, a.y + (b.y - a.y) * f);
                let row = |j: usize| mix(nodes[j * columns + i], nodes[j * columns + i + 1], fu);
                dark += print(mix(row(j), row(j + 1), fv)) / 4.0;
            }
            let light = 215.0 - 40.0 * f64::from(x) / f64::from(width) + (hash(x, y) % 13) as f64 - 6.0;
            Luma([(light * (1.0 - 0.8 * dark)) as u8])
        })
    }

    /// Traced sides in shares, as far as they are bowed.
    fn sides(&self) -> [Vec<Point>; 4] {
        let (w, h) = (WIDTH_MM, HEIGHT_MM);
        let ends = [((0.0, 0.0), (w, 0.0)), ((w, 0.0), (w, h)), ((w, h), (0.0, h)), ((0.0, h), (0.0, 0.0))];
        [0, 1, 2, 3].map(|side| {
            let (from, to) = ends[side];
            let at = |k: u32| {
                let share = (f64::from(k) + 0.5) / 96.0;
                let p = self.seen(Point::new(from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share));
                let stray = (hash(k, side as u32) % 100) as f64 / 100.0 - 0.5;
                Point::new((p.x + 0.3 * stray) / w, (p.y + 0.3 * stray) / h)
            };
            let points: Vec<Point> = (0..96).map(at).collect();
            let off =
                |p: &Point| if side % 2 == 0 { (p.y - from.1 / h).abs() * h } else { (p.x - from.0 / w).abs() * w };
            if points.iter().any(|p| off(p) > 0.5) { points } else { Vec::new() }
        })
    }

    /// The bend found, with the camera's foot a centimetre off.
    fn estimate(&self, print: impl Fn(Point) -> f64) -> Option<Bend> {
        let foot = self.flatten.apply(self.camera);
        let foot = Point::new((foot.x + 8.0) / WIDTH_MM, (foot.y - 6.0) / HEIGHT_MM);
        estimate(&self.picture(print), Some(&self.sides()), foot, DPI, 0.0).map(|flattening| flattening.bend)
    }

    /// Error of a bend over the page, root mean square in millimetres, and the greatest departure of a line of print from
    /// straight after it, in line heights; `None` for no bend.
    fn errors(&self, bend: Option<&Bend>) -> (f64, f64) {
        let off = |p: Point| {
            let seen = self.seen(p);
            let [x, y] = bend.map_or([0.0; 2], |bend| bend.at(p.x / WIDTH_MM, p.y / HEIGHT_MM));
            (seen.x - p.x - x * WIDTH_MM, seen.y - p.y - y * HEIGHT_MM)
        };
        let (mut squares, mut count, mut worst) = (0.0, 0.0, 0f64);
        for line in 2..40 {
            let y = f64::from(line) * PITCH_MM;
            let across = (0..=34).map(|i| Point::new(20.0 + 5.0 * f64::from(i), y));
            let offs: Vec<(f64, f64)> = across.map(off).collect();
            squares += offs.iter().map(|(x, y)| x * x + y * y).sum::<f64>();
            count += offs.len() as f64;
            // Against the straight line through the errors' own trend.
            let n = offs.len() as f64;
            let mean = offs.iter().map(|o| o.1).sum::<f64>() / n;
            let middle = (n - 1.0) / 2.0;
            let spread: f64 = (0..offs.len()).map(|i| (i as f64 - middle).powi(2)).sum();
            let slope = offs.iter().enumerate().map(|(i, o)| (i as f64 - middle) * o.1).sum::<f64>() / spread;
            let bent = offs.iter().enumerate().map(|(i, o)| (o.1 - mean - slope * (i as f64 - middle)).abs());
            worst = worst.max(bent.fold(0.0, f64::max) / LINE_MM);
        }
        ((squares / count).sqrt(), worst)
    }
}

fn hash(x: u32, y: u32) -> u32 {
    let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x27D4_EB2F) >> 8
}

/// Lines of letters: x-height 1.9 mm, every fifth with an ascender, every seventh a descender, every third a mark above.
fn text(p: Point) -> f64 {
    const CELL_MM: f64 = 2.1;
    let line = (p.y / PITCH_MM).ceil();
    let above = line * PITCH_MM - p.y;
    if !(20.0..190.0).contains(&p.x) || !(2.0..40.0).contains(&line) {
        return 0.0;
    }
    let (column, within) = ((p.x / CELL_MM).floor(), (p.x / CELL_MM).fract() * CELL_MM);
    let kind = hash(column as u32, line as u32);
    // Spaces between words; lines end raggedly.
    if kind.is_multiple_of(6) || p.x > 190.0 - f64::from(hash(7, line as u32) % 40) {
        return 0.0;
    }
    let top = if kind.is_multiple_of(5) { 2.8 } else { 1.9 };
    let stem = (0.1..0.5).contains(&within) || (1.1..1.5).contains(&within);
    let bowl = (0.1..1.5).contains(&within) && ((0.0..0.35).contains(&above) || (1.5..1.9).contains(&above));
    let letter = (stem && (0.0..top).contains(&above)) || bowl;
    let mark = kind.is_multiple_of(3) && (0.5..1.1).contains(&within) && (2.4..2.9).contains(&above);
    let next_line = line - 1.0;
    let own = hash(column as u32, next_line as u32);
    let below = p.y - next_line * PITCH_MM;
    let tail = own % 7 == 1 && !own.is_multiple_of(6) && (1.1..1.5).contains(&within) && (0.0..0.9).contains(&below);
    f64::from(u8::from(letter || mark || tail))
}

fn camera() -> Point {
    Point::new(120.0, 110.0)
}

/// Flattens a sheet; its map must then be true to `millimetres`, and much truer than before, and its lines straight to a
/// tenth of their height.
fn assert_flattened(name: &str, sheet: &Sheet, millimetres: f64) {
    let bend = sheet.estimate(text);
    assert!(bend.is_some(), "{name} is not seen");
    let ((moved, bent), (error, left)) = (sheet.errors(None), sheet.errors(bend.as_ref()));
    println!("{name}: moved {moved:.2} mm, bent {bent:.3}; then {error:.2} mm, {left:.3}");
    assert!(error < millimetres && error < 0.55 * moved, "{name}: {moved} mm became {error} mm");
    assert!(left < 0.1, "{name}: lines are bent by {left} of their height");
}

fn arch(s: f64, length: f64, height: f64) -> f64 {
    height * (std::f64::consts::PI * (s / length).clamp(0.0, 1.0)).sin()
}

#[test]
fn curled_sheets_are_flattened() {
    assert_flattened("across", &Sheet::new(0.0, |s| arch(s, 210.0, 14.0), camera(), 400.0), 0.5);
    assert_flattened("down", &Sheet::new(90.0, |s| arch(s, 297.0, 18.0), camera(), 400.0), 0.5);
    assert_flattened("oblique", &Sheet::new(30.0, |s| arch(s, 330.0, 16.0), camera(), 350.0), 0.5);
    let corner = |s: f64| 0.0008 * (s - 200.0).max(0.0).powi(2);
    assert_flattened("corner", &Sheet::new(45.0, corner, camera(), 400.0), 0.5);
}

#[test]
fn wavy_and_folded_sheets_are_flattened() {
    assert_flattened("wave", &Sheet::new(15.0, |s| 5.0 * (s / 28.0).sin(), camera(), 400.0), 0.5);
    assert_flattened("fold across", &Sheet::new(90.0, |s| 12.0 - 0.08 * (s - 148.0).abs(), camera(), 400.0), 0.5);
    assert_flattened("fold down", &Sheet::new(0.0, |s| 8.0 - 0.08 * (s - 105.0).abs(), camera(), 400.0), 0.5);
}

#[test]
fn page_that_rises_to_its_spine_is_flattened() {
    // Near the spine the page is so steep that its own length matters, which the model leaves out.
    let spine = |s: f64| 14.0 * (-s.max(0.0) / 45.0).exp();
    assert_flattened("book", &Sheet::new(0.0, spine, camera(), 400.0), 0.65);
}

#[test]
fn print_askew_on_a_curled_sheet_is_told_and_the_bend_turned_with_it() {
    let sheet = Sheet::new(30.0, |s| arch(s, 330.0, 16.0), camera(), 350.0);
    let (sine, cosine) = 0.6f64.to_radians().sin_cos();
    let turn = |p: Point, sine: f64| {
        let (x, y) = (p.x - WIDTH_MM / 2.0, p.y - HEIGHT_MM / 2.0);
        Point::new(cosine * x - sine * y + WIDTH_MM / 2.0, sine * x + cosine * y + HEIGHT_MM / 2.0)
    };
    let foot = sheet.flatten.apply(sheet.camera);
    let foot = Point::new(foot.x / WIDTH_MM, foot.y / HEIGHT_MM);
    let found = estimate(&sheet.picture(|p| text(turn(p, -sine))), Some(&sheet.sides()), foot, DPI, 1.0).unwrap();
    assert!((found.print_degrees - 0.6).abs() < 0.12, "{}", found.print_degrees);
    let (sine, cosine) = found.print_degrees.to_radians().sin_cos();
    for (x, y) in [(40.0, 50.0), (105.0, 148.0), (170.0, 240.0), (170.0, 50.0)] {
        let wanted = sheet.seen(turn(Point::new(x, y), sine));
        let [right, down] = found.bend.at(x / WIDTH_MM, y / HEIGHT_MM);
        let p = Point::new(x + right * WIDTH_MM - WIDTH_MM / 2.0, y + down * HEIGHT_MM - HEIGHT_MM / 2.0);
        let there = Point::new(cosine * p.x - sine * p.y + WIDTH_MM / 2.0, sine * p.x + cosine * p.y + HEIGHT_MM / 2.0);
        assert!(there.distance(wanted) < 1.0, "{x}, {y}: {there:?} and not {wanted:?}");
    }
}

#[test]
fn flat_print_is_left_alone() {
    let flat = Sheet::new(0.0, |_| 0.0, camera(), 400.0);
    assert_eq!(flat.estimate(text), None);
    let askew = |p: Point| text(Point::new(p.x + 0.02 * p.y, p.y - 0.02 * p.x));
    assert_eq!(flat.estimate(askew), None, "print askew on its paper");
    assert_eq!(flat.estimate(|_| 0.0), None, "empty page");
}

#[test]
fn handwriting_leaders_and_seals_do_not_bend_a_flat_page() {
    let flat = Sheet::new(0.0, |_| 0.0, camera(), 400.0);
    // Every line climbs or falls by itself and swings.
    let scrawl = |p: Point| {
        let line = (p.y / PITCH_MM).ceil() as u32;
        let (climb, phase) = (f64::from(hash(line, 3) % 100) / 2000.0 - 0.025, f64::from(hash(line, 5) % 60) / 10.0);
        text(Point::new(p.x, p.y + climb * (p.x - 105.0) + 0.7 * (p.x / 17.0 + phase).sin()))
    };
    assert_eq!(flat.estimate(scrawl), None, "handwriting");
    let form = |p: Point| {
        let leader = (p.y / PITCH_MM).fract() > 0.93 && p.x.fract() < 0.5 && (60.0..180.0).contains(&p.x);
        let from_seal = (p.x - 140.0).hypot(p.y - 210.0);
        let ring = (16.0..17.0).contains(&from_seal) || (9.0..9.6).contains(&from_seal);
        let around = (p.y - 210.0).atan2(p.x - 140.0) * 14.0;
        let arc = (11.5..14.0).contains(&from_seal) && around.rem_euclid(2.4) < 1.5 && from_seal.fract() < 0.7;
        if p.x < 60.0 { text(p) } else { f64::from(u8::from(leader || ring || arc)) }
    };
    assert_eq!(flat.estimate(form), None, "form with leaders and a seal");
}

#[test]
fn tiny_and_empty_pictures_do_not_panic() {
    for (width, height) in [(1, 1), (3, 200), (40, 40)] {
        let picture = GrayImage::from_fn(width, height, |x, y| Luma([(x * 7 + y * 13) as u8]));
        assert_eq!(estimate(&picture, None, Point::new(0.5, 0.5), DPI, 1.0), None);
    }
}
