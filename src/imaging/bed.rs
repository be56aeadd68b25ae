//! What shows of the scanner's bed or of the desk on a page: through punch holes and as slivers at its border. Both are
//! given the colour of the paper around them.
//!
//! Method: the bed is known from the capture just outside the page. A *sliver* starts at the very edge of the page with
//! a mixture of bed and paper, which turns into paper within [`SLIVER_MM`]; what print there reaches further inwards
//! than the sliver's neighbourhood is left. A *punch hole* is a dark disc of the bed's colour, of the size and place
//! that punches make, alone on its paper, and has a partner along the same edge, the two about the middle of that edge
//! (ISO 838; punches of 70 mm are common as well). Bullets, seals, QR codes and marks in corners fail at least two of
//! these. Where no bed is in the capture, slivers are left and holes must be black.
//!
//! Nothing is filled unless all of it holds: a page keeps its marks, and an unfilled hole harms nobody.
//!
//! Limits: torn and single holes stay, as do holes that touch print and slivers wider than [`SLIVER_MM`] (dog-ears).

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "picture coordinates are checked against the picture, far below 2^31"
)]

use image::{Rgb, RgbImage};

use super::components::{self, Bitmap};
use super::gray::luma_of;
use crate::model::{PageMap, Point};

/// Widest sliver, millimetres: outlines are true to a pixel, edges of paper curve by this much.
const SLIVER_MM: f64 = 2.0;

/// Shortest sliver: strokes that run off the page are thinner, letters smaller.
const SLIVER_LENGTH_MM: f64 = 10.0;

/// From bed to paper within this: the blur of scanners and cameras at 200 dpi, and the paper's own shadow.
const SLIVER_BLUR_MM: f64 = 0.5;

/// The bed is seen this far outside the page: clear of the paper's shadow, still on the bed.
const BED_MM: std::ops::RangeInclusive<f64> = 1.5..=4.0;

/// The paper of a side is seen this far inside.
const PAPER_MM: std::ops::RangeInclusive<f64> = 2.5..=5.0;

/// Length of border for which one colour of paper and bed is taken.
const BLOCK_MM: f64 = 8.0;

/// Bed and paper that differ by less than this (of 255, Euclidean) are not told apart for certain.
const DISTINCT: f32 = 40.0;

/// Colours this near are the same, in each channel: noise and the roundness of lamps' light. Holes of the evaluation set
/// are within 10 levels of their bed.
const SAME: f32 = 24.0;

/// Diameters of punch holes: 6 ± 0.5 mm (ISO 838), 5.5 mm (older punches), 8 mm being the largest sold, and a pixel.
const HOLE_MM: std::ops::RangeInclusive<f64> = 4.8..=8.2;

/// The centre of a hole is this far from the edge: 12 ± 1 mm (ISO 838), less with papers pushed in crookedly.
const HOLE_EDGE_MM: std::ops::RangeInclusive<f64> = 4.5..=20.0;

/// Distance of neighbouring holes: 70 and 80 mm (ISO 838), 108 mm (three holes of US punches).
const HOLE_PITCH_MM: std::ops::RangeInclusive<f64> = 66.0..=112.0;

/// Holes lie about the middle of their edge within this.
const HOLE_MIDDLE_MM: f64 = 12.0;

/// Holes of one punch are equally far from the edge within this.
const HOLE_LINE_MM: f64 = 1.5;

/// Holes where no bed is seen are darker than this in every channel: beds and black backings scan at 10 to 40.
const BLACK: f32 = 48.0;

/// Resolution at which holes are looked for.
const SEARCH_DPI: f64 = 60.0;

const MM_PER_INCH: f64 = 25.4;

/// What was filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Number of punch holes.
    pub holes: usize,
    /// Number of slivers.
    pub slivers: usize,
}

impl Filled {
    /// Whether the page was changed.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// Fills punch holes and slivers of bed on a page in place. The page was taken from `capture` by `map` (page
/// pixels to capture pixels) and has `dpi` pixels an inch.
pub fn fill(page: &mut RgbImage, capture: &RgbImage, map: &PageMap, dpi: f64) -> Filled {
    let pixels_per_mm = dpi / MM_PER_INCH;
    let shortest = f64::from(page.width().min(page.height())) / pixels_per_mm;
    if shortest < 4.0 * HOLE_EDGE_MM.end() {
        return Filled::default();
    }
    let sides = Side::ALL.map(|side| Border::of(page, capture, map, side, pixels_per_mm));
    let holes = find_holes(page, &sides, pixels_per_mm);
    for hole in &holes {
        hole.fill(page, pixels_per_mm);
    }
    let slivers = sides.iter().map(|border| border.fill_slivers(page)).sum();
    Filled { holes: holes.len(), slivers }
}

type Colour = [f32; 3];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Top,
    Right,
    Bottom,
    Left,
}

impl Side {
    const ALL: [Self; 4] = [Self::Top, Self::Right, Self::Bottom, Self::Left];

    /// Length of the side, pixels.
    fn length(self, page: &RgbImage) -> u32 {
        if matches!(self, Self::Top | Self::Bottom) { page.width() } else { page.height() }
    }

    /// The point so far along the side (rightwards or downwards) and so deep inside the page.
    fn at(self, page: &RgbImage, along: f64, depth: f64) -> Point {
        let (right, bottom) = (f64::from(page.width()) - 1.0, f64::from(page.height()) - 1.0);
        match self {
            Self::Top => Point::new(along, depth),
            Self::Right => Point::new(right - depth, along),
            Self::Bottom => Point::new(along, bottom - depth),
            Self::Left => Point::new(depth, along),
        }
    }
}

/// The pixel at a point, if the picture has it.
fn pixel(image: &RgbImage, at: Point) -> Option<Colour> {
    let (x, y) = (at.x.round(), at.y.round());
    let inside = x >= 0.0 && y >= 0.0 && x < f64::from(image.width()) && y < f64::from(image.height());
    inside.then(|| image.get_pixel(x as u32, y as u32).0.map(f32::from))
}

/// One side of a page: the colours of the paper and the bed along it.
struct Border {
    side: Side,
    pixels_per_mm: f64,
    /// Pixels a block.
    block: f64,
    paper: Vec<Colour>,
    bed: Vec<Option<Colour>>,
}

impl Border {
    fn of(page: &RgbImage, capture: &RgbImage, map: &PageMap, side: Side, pixels_per_mm: f64) -> Self {
        const SAMPLES: u32 = 8;
        let length = f64::from(side.length(page));
        let count = (length / (BLOCK_MM * pixels_per_mm)).floor().max(1.0);
        let block = length / count;
        // A grid of points along a block, in a range of depths.
        let grid = |k: usize, depths: (f64, f64)| {
            (0..SAMPLES * SAMPLES).map(move |i| {
                let (i, j) = (f64::from(i % SAMPLES) + 0.5, f64::from(i / SAMPLES) + 0.5);
                let depth = depths.0 + (depths.1 - depths.0) * j / f64::from(SAMPLES);
                ((k as f64 + i / f64::from(SAMPLES)) * block, depth * pixels_per_mm)
            })
        };
        let paper = |k: usize| {
            let inside = grid(k, (*PAPER_MM.start(), *PAPER_MM.end()));
            ranked(inside.filter_map(|(along, depth)| pixel(page, side.at(page, along, depth))).collect(), 0.75)
        };
        let bed = |k: usize| {
            let outside = grid(k, (-BED_MM.start(), -BED_MM.end()));
            let seen: Vec<Colour> = outside
                .filter_map(|(along, depth)| pixel(capture, map.to_capture(side.at(page, along, depth))))
                .collect();
            (seen.len() as u32 > SAMPLES * SAMPLES / 2).then(|| ranked(seen, 0.5))
        };
        let count = count as usize;
        let (paper, bed) = ((0..count).map(paper).collect(), (0..count).map(bed).collect());
        Self { side, pixels_per_mm, block, paper, bed }
    }

    fn block_at(&self, along: f64) -> usize {
        ((along.max(0.0) / self.block) as usize).min(self.paper.len() - 1)
    }

    /// The paper beside a point of the side, mixed from the two nearest blocks.
    fn paper_at(&self, along: f64) -> Colour {
        let position = (along / self.block - 0.5).clamp(0.0, (self.paper.len() - 1) as f64);
        let (left, share) = (position as usize, position.fract() as f32);
        let (a, b) = (self.paper[left], self.paper[(left + 1).min(self.paper.len() - 1)]);
        [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * share)
    }

    /// How many pixels of bed a line inwards starts with; 0 where there are none or it is not certain.
    fn depth(&self, page: &RgbImage, along: f64) -> usize {
        let Some(bed) = self.bed[self.block_at(along)] else { return 0 };
        let paper = self.paper_at(along);
        let span = [0, 1, 2].map(|c| bed[c] - paper[c]);
        let length = dot(span, span).sqrt();
        if length < DISTINCT {
            return 0;
        }
        let most = ((SLIVER_MM + SLIVER_BLUR_MM) * self.pixels_per_mm) as usize;
        let mut pure = 0;
        let mut last = f32::INFINITY;
        for depth in 0..most {
            let Some(colour) = pixel(page, self.side.at(page, along, depth as f64)) else { return 0 };
            let off = [0, 1, 2].map(|c| colour[c] - paper[c]);
            // How much of the bed is in the pixel, and how far it is from any such mixture.
            let share = dot(off, span) / (length * length);
            let rest = [0, 1, 2].map(|c| off[c] - share * span[c]);
            if share < FREE {
                return depth;
            }
            let is_mixture = dot(rest, rest).sqrt() <= SAME && share * length <= length + 2.0 * SAME;
            if !is_mixture || share > last + RISE {
                return 0;
            }
            last = last.min(share);
            if share > 0.8 {
                pure = depth;
            }
            if (depth - pure) as f64 > SLIVER_BLUR_MM * self.pixels_per_mm + 1.0 {
                return 0;
            }
        }
        0
    }

    /// How deep the bed is at each line of the side. Measured at every fourth; between two with bed it is as deep
    /// as at the deeper one.
    fn depths(&self, page: &RgbImage, length: usize) -> Vec<usize> {
        const STRIDE: usize = 4;
        let measured: Vec<usize> = (0..length).step_by(STRIDE).map(|along| self.depth(page, along as f64)).collect();
        let between = |along: usize| {
            let (before, after) = (measured[along / STRIDE], measured.get(along.div_ceil(STRIDE)).copied());
            let after = after.unwrap_or(before);
            if before.min(after) == 0 { 0 } else { before.max(after) }
        };
        (0..length).map(between).collect()
    }

    fn fill_slivers(&self, page: &mut RgbImage) -> usize {
        let length = self.side.length(page) as usize;
        if self.bed.iter().all(Option::is_none) {
            return 0;
        }
        let depths = self.depths(page, length);
        let shortest = (SLIVER_LENGTH_MM * self.pixels_per_mm) as usize;
        let mut filled = 0;
        for (start, end) in stretches(&depths) {
            if end - start >= shortest {
                self.fill_sliver(page, &depths, start, end);
                filled += 1;
            }
        }
        filled
    }

    /// Fills a stretch of bed; where it ends near a corner of the page, to the corner.
    fn fill_sliver(&self, page: &mut RgbImage, depths: &[usize], start: usize, end: usize) {
        let corner = ((SLIVER_MM + SLIVER_BLUR_MM) * self.pixels_per_mm) as usize;
        let from = if start <= corner { 0 } else { start };
        let to = if depths.len() - end <= corner { depths.len() } else { end };
        let bump = (0.3 * self.pixels_per_mm).ceil() as usize;
        let block = (BLOCK_MM * self.pixels_per_mm) as usize;
        let usual: Vec<usize> = depths[start..end].chunks(block.max(1)).map(median).collect();
        for along in from..to {
            let inside = along.clamp(start, end - 1);
            let usual = usual[(inside - start) / block.max(1)];
            // One more pixel for the last of the blur.
            let depth = depths[inside].min(usual + bump) + 1;
            let paper = Rgb(self.paper_at(along as f64).map(|value| value.round() as u8));
            for depth in 0..depth {
                let at = self.side.at(page, along as f64, depth as f64);
                page.put_pixel(at.x as u32, at.y as u32, paper);
            }
        }
    }
}

/// The middle of at least one value.
fn median(values: &[usize]) -> usize {
    let mut values = values.to_vec();
    let middle = values.len() / 2;
    *values.select_nth_unstable(middle).1
}

/// Less of the bed than this in a pixel is the paper's own unevenness.
const FREE: f32 = 0.12;

/// By how much the share of bed may rise again inwards: the noise and grain of beds and desks.
const RISE: f32 = 0.25;

/// Stretches of values above 0 that change by little from one to the next, as half-open ranges.
fn stretches(depths: &[usize]) -> Vec<(usize, usize)> {
    const STEP: usize = 3;
    let mut found = Vec::new();
    let mut start = None;
    for i in 0..=depths.len() {
        let goes_on =
            i < depths.len() && depths[i] > 0 && (start.is_none() || depths[i].abs_diff(depths[i - 1]) <= STEP);
        match (start, goes_on) {
            (None, true) => start = Some(i),
            (Some(from), false) => {
                found.push((from, i));
                start = (i < depths.len() && depths[i] > 0).then_some(i);
            }
            _ => {}
        }
    }
    found
}

/// The colour at a share of the order by brightness; black for none.
fn ranked(mut colours: Vec<Colour>, share: f64) -> Colour {
    if colours.is_empty() {
        return [0.0; 3];
    }
    let index = ((colours.len() - 1) as f64 * share) as usize;
    *colours.select_nth_unstable_by(index, |a, b| a.iter().sum::<f32>().total_cmp(&b.iter().sum())).1
}

fn dot(a: Colour, b: Colour) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// A dark disc on a page, pixels.
#[derive(Clone, Copy, Debug)]
struct Disc {
    centre: Point,
    radius: f64,
    side: Side,
    /// From the edge of that side and along it.
    depth: f64,
    along: f64,
    colour: Colour,
}

fn find_holes(page: &RgbImage, sides: &[Border; 4], pixels_per_mm: f64) -> Vec<Disc> {
    let discs = find_discs(page, sides, pixels_per_mm);
    let on = |side: Side| -> Vec<Disc> {
        let mut row: Vec<Disc> = discs.iter().filter(|disc| disc.side == side).copied().collect();
        row.sort_by(|a, b| a.along.total_cmp(&b.along));
        row
    };
    let rows: Vec<Vec<Disc>> = Side::ALL.into_iter().map(on).filter(|row| !row.is_empty()).collect();
    match rows.as_slice() {
        [row] if are_punched(row, page, pixels_per_mm) => row.clone(),
        _ => Vec::new(),
    }
}

/// Whether discs along one side are as a punch makes them.
fn are_punched(row: &[Disc], page: &RgbImage, pixels_per_mm: f64) -> bool {
    let [first, .., last] = row else { return false };
    let middle = f64::from(first.side.length(page)) / 2.0;
    let is_centred = ((first.along + last.along) / 2.0 - middle).abs() <= HOLE_MIDDLE_MM * pixels_per_mm;
    let is_row = row.windows(2).all(|pair| {
        let (a, b) = (&pair[0], &pair[1]);
        HOLE_PITCH_MM.contains(&((b.along - a.along) / pixels_per_mm))
            && (a.depth - b.depth).abs() <= HOLE_LINE_MM * pixels_per_mm
            && (a.radius - b.radius).abs() <= 0.1 * a.radius
            && (0..3).all(|c| (a.colour[c] - b.colour[c]).abs() <= SAME)
    });
    row.len() <= 4 && is_centred && is_row
}

/// Dark discs of the size of punch holes near the edges.
fn find_discs(page: &RgbImage, sides: &[Border; 4], pixels_per_mm: f64) -> Vec<Disc> {
    let step = (pixels_per_mm * MM_PER_INCH / SEARCH_DPI).round().max(1.0) as u32;
    let (width, height) = ((page.width() / step) as usize, (page.height() / step) as usize);
    let mut dark = Bitmap::new(width, height);
    let band = ((HOLE_EDGE_MM.end() + HOLE_MM.end()) * pixels_per_mm / f64::from(step)) as usize;
    let stride = page.width() as usize * 3;
    let (lines, step_bytes) = (page.as_raw().chunks_exact(stride).step_by(step as usize), step as usize * 3);
    for (y, (line, dark)) in lines.zip(dark.data.chunks_exact_mut(width)).enumerate() {
        let mut mark = |columns: std::ops::Range<usize>| {
            let pixels = line[columns.start * step_bytes..].chunks(step_bytes);
            for (dark, pixel) in dark[columns].iter_mut().zip(pixels) {
                *dark = u8::from(luma_of(pixel) < DARK);
            }
        };
        if y >= band && y + band < height {
            mark(0..band);
            mark(width - band..width);
        } else {
            mark(0..width);
        }
    }
    let scale = f64::from(step);
    let size = (HOLE_MM.start() * pixels_per_mm / scale - 2.0)..=(HOLE_MM.end() * pixels_per_mm / scale + 2.0);
    let components = components::find(&dark, 0);
    let candidates = components.list.iter().filter(|component| {
        let (width, height) = (f64::from(component.bounds.width()), f64::from(component.bounds.height()));
        // A disc fills 79 % of its box.
        let share = f64::from(component.area) / (width * height);
        size.contains(&width) && size.contains(&height) && (width - height).abs() <= 2.0 && (0.68..0.9).contains(&share)
    });
    let centre = |component: &components::Component| {
        let middle = |a: i32, b: i32| (f64::from(a + b) - 1.0) / 2.0 * scale;
        Point::new(middle(component.bounds.x0, component.bounds.x1), middle(component.bounds.y0, component.bounds.y1))
    };
    candidates.filter_map(|component| Disc::measure(page, sides, centre(component), pixels_per_mm)).collect()
}

/// Brighter than this is no hole: grey lids scan at up to 130, paper at 150 and more.
const DARK: u8 = 140;

impl Disc {
    /// Looks closely at a dark spot; `None` unless it is an even disc alone on paper, of the colour of the bed.
    fn measure(page: &RgbImage, sides: &[Border; 4], near: Point, pixels_per_mm: f64) -> Option<Self> {
        let (centre, radius) = circle(page, near, HOLE_MM.end() * pixels_per_mm)?;
        if !HOLE_MM.contains(&(2.0 * radius / pixels_per_mm)) {
            return None;
        }
        let (width, height) = (f64::from(page.width()), f64::from(page.height()));
        let depths = [centre.y + 0.5, width - 0.5 - centre.x, height - 0.5 - centre.y, centre.x + 0.5]
            .map(|d| d / pixels_per_mm);
        let nearest = (0..4).min_by(|&a, &b| depths[a].total_cmp(&depths[b]))?;
        let side = Side::ALL[nearest];
        let along = if matches!(side, Side::Top | Side::Bottom) { centre.x } else { centre.y };
        let inside = ring(page, centre, 0.0, radius * 0.8);
        let around = ring(page, centre, radius * 1.25, radius * 1.7);
        let colour = ranked(inside.clone(), 0.5);
        let paper = ranked(around.clone(), 0.5);
        let is_even = |colours: &[Colour], mean: &Colour, share: f64| {
            let off = colours.iter().filter(|c| (0..3).any(|i| (c[i] - mean[i]).abs() > SAME)).count();
            off as f64 <= share * colours.len() as f64
        };
        let difference = [0, 1, 2].map(|c| paper[c] - colour[c]);
        let is_bed = match sides[nearest].bed[sides[nearest].block_at(along)] {
            Some(bed) => (0..3).all(|c| (bed[c] - colour[c]).abs() <= SAME),
            None => colour.iter().all(|&value| value < BLACK),
        };
        (HOLE_EDGE_MM.contains(&depths[nearest])
            && is_bed
            && difference.iter().all(|&d| d >= DISTINCT)
            && is_even(&inside, &colour, 0.02)
            && is_even(&around, &paper, 0.05))
        .then_some(Self { centre, radius, side, depth: depths[nearest] * pixels_per_mm, along, colour })
    }

    /// Covers the hole and its rim with the colour of the paper around it.
    fn fill(&self, page: &mut RgbImage, pixels_per_mm: f64) {
        let paper = ranked(ring(page, self.centre, self.radius * 1.25, self.radius * 1.7), 0.5);
        let paper = Rgb(paper.map(|value| value.round() as u8));
        let reach = self.radius + (0.4 * pixels_per_mm).max(2.0);
        for at in disc_points(self.centre, reach) {
            if at.x >= 0.0 && at.y >= 0.0 && at.x < f64::from(page.width()) && at.y < f64::from(page.height()) {
                page.put_pixel(at.x as u32, at.y as u32, paper);
            }
        }
    }
}

/// The circle whose edge is seen in all directions from a dark point: where brightness crosses the middle between dark
/// and paper. `None` when the radii differ, as on anything that is not round.
fn circle(page: &RgbImage, near: Point, reach: f64) -> Option<(Point, f64)> {
    const RAYS: u32 = 32;
    /// Largest departure from the mean radius: half a pixel of 60 dpi for the centre, blur and noise.
    const OUT_OF_ROUND: f64 = 0.08;
    let directions: Vec<(f64, f64)> =
        (0..RAYS).map(|k| (std::f64::consts::TAU * f64::from(k) / f64::from(RAYS)).sin_cos()).collect();
    let level = |at: Point| pixel(page, at).map(|colour| colour.iter().sum::<f32>());
    let mut centre = near;
    let mut radii = Vec::new();
    for _ in 0..2 {
        let middle = level(centre)?;
        let mut outside: Vec<f32> = directions
            .iter()
            .filter_map(|(sine, cosine)| level(Point::new(centre.x + reach * cosine, centre.y + reach * sine)))
            .collect();
        if outside.len() < RAYS as usize / 2 {
            return None;
        }
        let half = outside.len() / 2;
        let edge = (middle + *outside.select_nth_unstable_by(half, f32::total_cmp).1) / 2.0;
        radii.clear();
        for (sine, cosine) in &directions {
            let crossing = (1..=reach as u32).map(f64::from).find(|&r| {
                level(Point::new(centre.x + r * cosine, centre.y + r * sine)).is_some_and(|level| level > edge)
            });
            radii.push(crossing? - 0.5);
        }
        // The mean of the edge points is the centre of a circle seen in evenly spread directions, to first order twice.
        let mean = |part: fn(&(f64, f64)) -> f64| {
            directions.iter().zip(&radii).map(|(d, r)| part(d) * r).sum::<f64>() / f64::from(RAYS)
        };
        let (x, y) = (2.0 * mean(|d| d.1), 2.0 * mean(|d| d.0));
        centre = Point::new(centre.x + x, centre.y + y);
    }
    let radius = radii.iter().sum::<f64>() / f64::from(RAYS);
    let is_round = radii.iter().all(|r| (r - radius).abs() <= (OUT_OF_ROUND * radius).max(1.5));
    is_round.then_some((centre, radius))
}

/// The pixels between two circles.
fn ring(page: &RgbImage, centre: Point, inner: f64, outer: f64) -> Vec<Colour> {
    disc_points(centre, outer).filter(|at| at.distance(centre) >= inner).filter_map(|at| pixel(page, at)).collect()
}

/// The whole-numbered points of a disc.
fn disc_points(centre: Point, radius: f64) -> impl Iterator<Item = Point> {
    let (x0, y0) = ((centre.x - radius).floor(), (centre.y - radius).floor());
    let count = (2.0 * radius).ceil() as u32 + 2;
    (0..count * count)
        .map(move |i| Point::new(x0 + f64::from(i % count), y0 + f64::from(i / count)))
        .filter(move |at| at.distance(centre) <= radius)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Homography;

    const DPI: f64 = 150.0;
    const PX: f64 = DPI / MM_PER_INCH;
    const BED: [u8; 3] = [18, 17, 20];
    /// Bed on all sides of the page in the capture, pixels.
    const MARGIN: u32 = 40;

    fn mm(value: f64) -> u32 {
        (value * PX).round() as u32
    }

    /// A white A5 page with lines of strokes, on the bed.
    fn capture() -> RgbImage {
        let (width, height) = (mm(148.0), mm(210.0));
        RgbImage::from_fn(width + 2 * MARGIN, height + 2 * MARGIN, |x, y| {
            let (x, y) = (x.wrapping_sub(MARGIN), y.wrapping_sub(MARGIN));
            let ink = y % 30 < 12 && x % 9 < 3 && (mm(25.0)..mm(130.0)).contains(&x);
            let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).wrapping_mul(97) >> 29;
            if x >= width || y >= height {
                Rgb(BED)
            } else if ink {
                Rgb([30; 3])
            } else {
                Rgb([240 + noise as u8; 3])
            }
        })
    }

    fn disc(image: &mut RgbImage, x_mm: f64, y_mm: f64, diameter_mm: f64, colour: [u8; 3]) {
        let centre = Point::new(f64::from(MARGIN) + x_mm * PX, f64::from(MARGIN) + y_mm * PX);
        for at in disc_points(centre, diameter_mm / 2.0 * PX) {
            image.put_pixel(at.x as u32, at.y as u32, Rgb(colour));
        }
    }

    fn paint(image: &mut RgbImage, colour: [u8; 3], x: std::ops::Range<u32>, y: std::ops::Range<u32>) {
        x.for_each(|x| y.clone().for_each(|y| image.put_pixel(x + MARGIN, y + MARGIN, Rgb(colour))));
    }

    /// The map of a page that is its capture.
    fn cut_out(capture: &RgbImage) -> PageMap {
        PageMap::flat(capture.width(), capture.height(), Homography::IDENTITY)
    }

    /// The page as cut out `off` pixels too far left, after filling.
    fn after_filling(capture: &RgbImage, off: u32) -> (RgbImage, RgbImage, Filled) {
        let (left, top) = (MARGIN - off, MARGIN);
        let original = RgbImage::from_fn(mm(148.0), mm(210.0), |x, y| *capture.get_pixel(x + left, y + top));
        let shift = Homography([[1.0, 0.0, f64::from(left)], [0.0, 1.0, f64::from(top)], [0.0, 0.0, 1.0]]);
        let map = PageMap::flat(original.width(), original.height(), shift);
        let mut page = original.clone();
        let filled = fill(&mut page, capture, &map, DPI);
        (original, page, filled)
    }

    /// Holes as of a punch at the left edge, of a colour and size.
    fn punched(colour: [u8; 3], diameter_mm: f64, at_mm: [f64; 2]) -> RgbImage {
        let mut capture = capture();
        for y in at_mm {
            disc(&mut capture, 11.0, y, diameter_mm, colour);
        }
        capture
    }

    #[test]
    fn punch_holes_become_paper() {
        let (_, page, filled) = after_filling(&punched(BED, 6.0, [65.0, 145.0]), 0);
        assert_eq!(filled, Filled { holes: 2, slivers: 0 });
        let margin = (0..page.height()).flat_map(|y| (0..mm(20.0)).map(move |x| (x, y)));
        assert!(margin.into_iter().all(|(x, y)| page.get_pixel(x, y)[0] >= 230));
    }

    #[test]
    fn discs_that_a_punch_does_not_make_stay() {
        let both = [65.0, 145.0];
        let printed = [
            ("ink, not bed", punched([70, 68, 66], 6.0, both)),
            ("too small", punched(BED, 3.5, both)),
            ("too large", punched(BED, 11.0, both)),
            ("too near to each other", punched(BED, 6.0, [95.0, 115.0])),
            ("not about the middle", punched(BED, 6.0, [35.0, 115.0])),
            ("in the corners", punched(BED, 6.0, [12.0, 198.0])),
            ("single", punched(BED, 6.0, [105.0, 105.0])),
        ];
        for (what, capture) in printed {
            let (original, page, filled) = after_filling(&capture, 0);
            assert_eq!(filled, Filled::default(), "{what}");
            assert_eq!(original, page, "{what}");
        }
    }

    #[test]
    fn squares_rings_and_marks_on_both_sides_stay() {
        let mut squares = capture();
        for y in [65.0, 145.0] {
            paint(&mut squares, BED, mm(8.0)..mm(14.0), mm(y)..mm(y + 6.0));
        }
        let mut rings = punched(BED, 6.0, [65.0, 145.0]);
        disc(&mut rings, 11.0, 65.0, 3.0, [240; 3]);
        disc(&mut rings, 11.0, 145.0, 3.0, [240; 3]);
        let mut both_sides = punched(BED, 6.0, [65.0, 145.0]);
        disc(&mut both_sides, 137.0, 65.0, 6.0, BED);
        disc(&mut both_sides, 137.0, 145.0, 6.0, BED);
        for capture in [squares, rings, both_sides] {
            assert_eq!(after_filling(&capture, 0).2, Filled::default());
        }
    }

    #[test]
    fn a_sliver_becomes_paper_and_letters_beside_it_stay() {
        let mut capture = capture();
        paint(&mut capture, [30; 3], 0..mm(6.0), mm(100.0)..mm(101.0));
        let (_, page, filled) = after_filling(&capture, 6);
        assert_eq!(filled.slivers, 2);
        assert!((0..mm(95.0)).all(|y| (0..mm(10.0)).all(|x| page.get_pixel(x, y)[0] >= 230)));
        assert!(page.get_pixel(mm(4.0), mm(100.5))[0] < 60);
    }

    #[test]
    fn print_at_the_edge_stays_where_the_bed_is_another_or_unknown() {
        let mut capture = capture();
        paint(&mut capture, [150, 40, 40], 0..6, 0..mm(210.0));
        let (original, page, filled) = after_filling(&capture, 0);
        assert_eq!((filled, &page), (Filled::default(), &original));
        let mut page = original.clone();
        assert_eq!(fill(&mut page, &original, &cut_out(&original), DPI), Filled::default());
        assert_eq!(page, original);
    }

    #[test]
    fn a_page_that_needs_nothing_is_left_alone() {
        let (original, page, filled) = after_filling(&capture(), 0);
        assert_eq!((filled, page), (Filled::default(), original));
    }

    #[test]
    fn small_and_empty_pages_are_left_alone() {
        for side in [0, 1, 200] {
            let capture = RgbImage::new(side, side);
            let mut page = capture.clone();
            assert_eq!(fill(&mut page, &capture, &cut_out(&capture), DPI), Filled::default());
        }
    }
}
