//! Text lines of a page that is not quite flat, as points of their baselines.
//!
//! Method: connected components of the size of letters are linked to their nearest neighbours on the right at the same
//! height, then chains whose ends point at each other. The feet of the letters along a chain are fitted by a polynomial
//! with weights that forgive descenders, commas and stamps (Tukey's biweight), and the feet near it are averaged over
//! short stretches. Averages over several letters are true to about a tenth of a pixel, where a single foot is whole.
//!
//! Why feet and not the middle or the top of the letters: marks above letters (Vietnamese has one in two words) and
//! ascenders leave no even upper edge.
//!
//! Limits: lines steeper than about 15 degrees; letters of less than a millimetre; tables whose rules touch the print.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel places are bounded by the size of the picture and never negative"
)]

use image::GrayImage;

use crate::imaging::components::{Bounds, find_gray};
use crate::imaging::ink::Ink;
use crate::imaging::skew::Measured;
use crate::model::Point;

const MM_PER_INCH: f64 = 25.4;

/// Ink of at least this strength belongs to a letter, of 255.
const INK: u8 = 100;
/// Heights of letters, millimetres: from an x of 6 pt to a capital with marks of 20 pt.
const LETTER_MM: std::ops::RangeInclusive<f64> = 1.0..=9.0;
/// Wider components, in heights, are rules; narrower ones may be words of blurred print.
const WIDEST: f64 = 14.0;
/// Higher ones, in widths, are brackets and uprights.
const SLIMMEST: f64 = 6.0;
/// Letters with less ink in their box than this share are scrawls, arcs of seals and frames.
const LEAST_INK: f64 = 0.15;
/// A wide component counts as one letter for each so many heights.
const LETTER_WIDTH: f64 = 0.8;

/// Neighbours are linked over gaps of up to this many heights of the taller one: the spaces of justified print.
const LINK_GAP: f64 = 1.6;
/// They share this part of the lower one's height and differ by no more than this factor.
const LINK_OVERLAP: f64 = 0.5;
const LINK_RATIO: f64 = 2.4;
/// Chains are joined over gaps of up to this many letter heights where their ends point at each other within this part
/// of a height: spaces filled with leaders or handwriting, not columns with lines of their own.
const JOIN_GAP: f64 = 6.0;
const JOIN_STEP: f64 = 0.25;
/// Stretch at the end of a chain that says where it points, letter heights.
const END_REACH: f64 = 10.0;

/// Shorter lines, in millimetres and in letters, say little about the shape of the page.
const SHORTEST_MM: f64 = 18.0;
const FEWEST_LETTERS: usize = 8;
/// A polynomial of a line has one degree for each so many millimetres, up to the highest.
const DEGREE_MM: f64 = 45.0;
const HIGHEST_DEGREE: usize = 4;
/// Feet farther than this from the line, in letter heights, are descenders or belong to something else.
const FOOT_TOLERANCE: f64 = 0.16;
/// Lines that keep a smaller share of their feet are no print.
const KEPT_FEET: f64 = 0.55;
/// Stretch over which feet are averaged, millimetres, and the fewest feet in one.
const STRETCH_MM: f64 = 7.0;
const STRETCH_FEET: usize = 2;

/// Rounds of the slope common to lines, and how many deviations off a point begins to be forgiven.
const SLOPE_ROUNDS: usize = 8;
const SLOPE_FORGIVEN: f64 = 3.0;
/// Standard deviation of a normal distribution over its median deviation.
const NORMAL_DEVIATION: f64 = 1.4826;
/// Points of straight baselines are off by at least this, letter heights: a quarter of a pixel at 120 dpi.
const LEAST_POINT_ERROR: f64 = 0.02;

/// A text line.
#[derive(Clone, Debug)]
pub(in crate::imaging) struct Line {
    /// Points of the baseline in pixels of the picture, from left to right.
    pub points: Vec<Point>,
    /// Median height of its letters, pixels.
    pub letter_height: f64,
}

/// A letter, or a word of blurred print.
struct Letter {
    bounds: Bounds,
    /// Lowest places of its parts of about a letter's width, from left to right; pixel centres at whole numbers.
    feet: Vec<Point>,
}

/// Finds the text lines of an upright page, from top to bottom.
pub(in crate::imaging) fn trace(gray: &GrayImage, dpi: f64) -> Vec<Line> {
    let millimetre = dpi / MM_PER_INCH;
    let letters = letters(gray, millimetre);
    let bounds: Vec<Bounds> = letters.iter().map(|letter| letter.bounds).collect();
    let chains = joined(chains(&bounds), &letters);
    let mut lines: Vec<Line> = chains.iter().filter_map(|chain| line(chain, &letters, millimetre)).collect();
    lines.sort_by(|a, b| a.points[0].y.total_cmp(&b.points[0].y));
    lines
}

/// The slope that lines have in common and its standard error, clockwise positive; `None` where the points are too few to
/// tell how far they are off.
///
/// Least squares over the points of all lines, each line at a height of its own, with weights that forgive strays (Geman
/// and McClure). The variance is that of Student's distribution, as the points' own is estimated from the same few.
pub(in crate::imaging) fn common_slope(lines: &[Line]) -> Option<Measured> {
    let points: usize = lines.iter().map(|line| line.points.len()).sum();
    let freedom = points.checked_sub(lines.len() + 1).filter(|&freedom| freedom > 2)? as f64;
    let mut weights: Vec<Vec<f64>> = lines.iter().map(|line| vec![1.0; line.points.len()]).collect();
    let (mut slope, mut spread, mut variance) = (0.0, 0.0, 0.0);
    for _ in 0..SLOPE_ROUNDS {
        let placed: Vec<Point> =
            lines.iter().zip(&weights).flat_map(|(line, weights)| about_middle(line, weights)).collect();
        let weighed = || placed.iter().zip(weights.iter().flatten());
        spread = weighed().map(|(p, weight)| weight * p.x * p.x).sum();
        slope = weighed().map(|(p, weight)| weight * p.x * p.y).sum::<f64>() / spread;
        let off = |p: &Point| p.y - slope * p.x;
        let squares: f64 = weighed().map(|(p, weight)| weight * off(p).powi(2)).sum();
        let sum: f64 = weights.iter().flatten().sum();
        variance = (squares / sum * points as f64 / freedom).max(LEAST_POINT_ERROR.powi(2));
        let usual = NORMAL_DEVIATION * median(placed.iter().map(|p| off(p).abs()).collect());
        let forgiven = SLOPE_FORGIVEN * usual.max(LEAST_POINT_ERROR);
        for (weight, p) in weights.iter_mut().flatten().zip(&placed) {
            *weight = (1.0 + (off(p) / forgiven).powi(2)).powi(-2);
        }
    }
    let error = (variance / spread * freedom / (freedom - 2.0)).sqrt();
    Some(Measured { degrees: slope.atan().to_degrees(), error: error.to_degrees() })
}

/// The points of a line from its weighted middle, in letter heights.
fn about_middle(line: &Line, weights: &[f64]) -> Vec<Point> {
    let sum: f64 = weights.iter().sum();
    let mean = |of: fn(&Point) -> f64| line.points.iter().zip(weights).map(|(p, w)| w * of(p)).sum::<f64>() / sum;
    let (x, y) = (mean(|p| p.x), mean(|p| p.y));
    line.points.iter().map(|p| Point::new((p.x - x) / line.letter_height, (p.y - y) / line.letter_height)).collect()
}

/// The letters of a picture, sorted by their left sides.
fn letters(gray: &GrayImage, millimetre: f64) -> Vec<Letter> {
    let Ink(ink) = Ink::of(gray);
    let components = find_gray(&ink, INK);
    let mut letters: Vec<Letter> = Vec::with_capacity(components.list.len());
    let mut number = vec![None; components.list.len()];
    for (i, component) in components.list.iter().enumerate() {
        let bounds = component.bounds;
        let (width, height) = (f64::from(bounds.width()), f64::from(bounds.height()));
        let is_letter = LETTER_MM.contains(&(height / millimetre))
            && width <= WIDEST * height
            && height <= SLIMMEST * width
            && f64::from(component.area) >= LEAST_INK * width * height;
        if is_letter {
            let parts = (width / (LETTER_WIDTH * height)).round().max(1.0);
            let part = |k: usize| f64::from(bounds.x0) - 0.5 + width * (k as f64 + 0.5) / parts;
            let feet = (0..parts as usize).map(|k| Point::new(part(k), f64::MIN)).collect();
            number[i] = Some(letters.len());
            letters.push(Letter { bounds, feet });
        }
    }
    for run in &components.runs {
        let Some(i) = number[run.component as usize] else { continue };
        let Letter { bounds, feet } = &mut letters[i];
        let part = |x: i32| (x - bounds.x0) as usize * feet.len() / bounds.width() as usize;
        let (first, last) = (part(run.x0), part(run.x1 - 1));
        for foot in &mut feet[first..=last] {
            foot.y = foot.y.max(f64::from(run.y) + 0.5);
        }
    }
    letters.sort_by_key(|letter| (letter.bounds.x0, letter.bounds.y0));
    letters
}

/// Chains of letters, each the other's nearest neighbour. Letters are sorted by their left sides.
fn chains(letters: &[Bounds]) -> Vec<Vec<usize>> {
    const NONE: usize = usize::MAX;
    let rows = Rows::new(letters);
    let (mut right, mut left) = (vec![NONE; letters.len()], vec![NONE; letters.len()]);
    let mut left_gap = vec![i32::MAX; letters.len()];
    for (i, letter) in letters.iter().enumerate() {
        let mut nearest = (i32::MAX, NONE);
        for j in rows.near(letter).filter(|&j| j > i) {
            let other = &letters[j];
            let gap = other.x0 - letter.x1;
            if gap < nearest.0 && other.center_x() > letter.center_x() && on_one_line(letter, other) {
                nearest = (gap, j);
            }
        }
        let (gap, j) = nearest;
        if j != NONE && gap < left_gap[j] {
            (left_gap[j], right[i]) = (gap, j);
            let before = std::mem::replace(&mut left[j], i);
            if before != NONE {
                right[before] = NONE;
            }
        }
    }
    let follow = |first: usize| std::iter::successors(Some(first), |&i| Some(right[i]).filter(|&next| next != NONE));
    (0..letters.len()).filter(|&i| left[i] == NONE).map(|first| follow(first).collect()).collect()
}

/// Whether two letters, the first to the left, may be neighbours in one line.
fn on_one_line(a: &Bounds, b: &Bounds) -> bool {
    let (low, high) = (a.height().min(b.height()), a.height().max(b.height()));
    f64::from(b.x0 - a.x1) <= LINK_GAP * f64::from(high)
        && f64::from(a.overlap_y(b)) >= LINK_OVERLAP * f64::from(low)
        && f64::from(high) <= LINK_RATIO * f64::from(low)
}

/// Letters by the bands of rows that their middles lie in.
struct Rows {
    bands: Vec<Vec<usize>>,
}

impl Rows {
    const BAND: i32 = 16;

    fn new(letters: &[Bounds]) -> Self {
        let count = letters.iter().map(|b| b.center_y() / Self::BAND + 1).max().unwrap_or(0);
        let mut bands = vec![Vec::new(); count as usize];
        for (i, letter) in letters.iter().enumerate() {
            bands[(letter.center_y() / Self::BAND) as usize].push(i);
        }
        Self { bands }
    }

    /// Letters whose middles may lie at the height of this one's box and that start near it.
    fn near(&self, letter: &Bounds) -> impl Iterator<Item = usize> {
        let first = (letter.y0 / Self::BAND).max(1) as usize - 1;
        let last = ((letter.y1 / Self::BAND) as usize + 1).min(self.bands.len() - 1);
        self.bands[first..=last].iter().flatten().copied()
    }
}

/// Joins chains whose ends point at each other.
fn joined(mut chains: Vec<Vec<usize>>, letters: &[Letter]) -> Vec<Vec<usize>> {
    chains.sort_by_key(|chain| letters[chain[0]].bounds.x0);
    let ends: Vec<[End; 2]> =
        chains.iter().map(|chain| [true, false].map(|left| End::of(chain, letters, left))).collect();
    let mut next = vec![None; chains.len()];
    let mut taken = vec![false; chains.len()];
    for (i, [_, end]) in ends.iter().enumerate() {
        let follows = |j: &usize| {
            let start = &ends[*j][0];
            let (gap, height) = (start.x - end.x, end.height.max(start.height));
            let middle = (start.x + end.x) / 2.0;
            !taken[*j]
                && (0.0..=JOIN_GAP * height).contains(&gap)
                && height <= LINK_RATIO * end.height.min(start.height)
                && (end.at(middle) - start.at(middle)).abs() <= JOIN_STEP * end.height.min(start.height)
        };
        let nearest = (0..chains.len())
            .filter(|&j| j != i)
            .filter(follows)
            .min_by(|&a, &b| ends[a][0].x.total_cmp(&ends[b][0].x));
        if let Some(j) = nearest {
            next[i] = Some(j);
            taken[j] = true;
        }
    }
    let whole = |first: usize| {
        let parts = std::iter::successors(Some(first), |&i| next[i]);
        parts.flat_map(|i| chains[i].iter().copied()).collect()
    };
    (0..chains.len()).filter(|&i| !taken[i]).map(whole).collect()
}

/// Where a chain ends and where it points.
struct End {
    x: f64,
    y: f64,
    slope: f64,
    height: f64,
}

impl End {
    fn of(chain: &[usize], letters: &[Letter], left: bool) -> Self {
        let height = median(chain.iter().map(|&i| f64::from(letters[i].bounds.height())).collect());
        let edge = |i: usize| f64::from(if left { letters[i].bounds.x0 } else { letters[i].bounds.x1 });
        let x = edge(if left { chain[0] } else { chain[chain.len() - 1] });
        let near = chain.iter().filter(|&&i| (edge(i) - x).abs() <= END_REACH * height);
        let feet: Vec<Point> = near.flat_map(|&i| &letters[i].feet).copied().collect();
        let slope = if feet.len() < 4 { 0.0 } else { slope(&feet) };
        let y = median(feet.iter().map(|p| p.y - slope * (p.x - x)).collect());
        Self { x, y, slope, height }
    }

    fn at(&self, x: f64) -> f64 {
        self.y + self.slope * (x - self.x)
    }
}

/// Median slope between feet half the list apart (a robust slope of Theil's kind).
fn slope(feet: &[Point]) -> f64 {
    let half = feet.len() / 2;
    let pairs = feet.iter().zip(&feet[half..]).filter(|(a, b)| b.x > a.x);
    median(pairs.map(|(a, b)| (b.y - a.y) / (b.x - a.x)).collect())
}

/// The baseline of a chain; `None` when its letters do not stand on one.
fn line(chain: &[usize], letters: &[Letter], millimetre: f64) -> Option<Line> {
    let letter_height = median(chain.iter().map(|&i| f64::from(letters[i].bounds.height())).collect());
    let feet: Vec<Point> = chain.iter().flat_map(|&i| &letters[i].feet).copied().collect();
    let length = feet.last()?.x - feet[0].x;
    if feet.len() < FEWEST_LETTERS || length < SHORTEST_MM * millimetre {
        return None;
    }
    let degree = ((length / millimetre / DEGREE_MM) as usize + 1).min(HIGHEST_DEGREE);
    let curve = Curve::fit(&feet, degree, letter_height)?;
    let tolerance = FOOT_TOLERANCE * letter_height;
    let near: Vec<Point> = feet.iter().copied().filter(|p| (p.y - curve.at(p.x)).abs() <= tolerance).collect();
    if (near.len() as f64) < KEPT_FEET * feet.len() as f64 {
        return None;
    }
    let stretch = STRETCH_MM * millimetre;
    let mut points = Vec::new();
    let mut rest = near.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|p| p.x < first.x + stretch).count();
        let (part, after) = rest.split_at(count);
        if count >= STRETCH_FEET {
            let n = count as f64;
            let (x, off) = part.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.x, sum.1 + p.y - curve.at(p.x)));
            points.push(Point::new(x / n, curve.at(x / n) + off / n));
        }
        rest = after;
    }
    (points.len() >= 3).then_some(Line { points, letter_height })
}

/// A polynomial along a line.
struct Curve {
    middle: f64,
    half: f64,
    coefficients: Vec<f64>,
}

impl Curve {
    /// Fits feet from left to right, forgiving those far off.
    fn fit(feet: &[Point], degree: usize, letter_height: f64) -> Option<Self> {
        let (first, last) = (feet[0].x, feet[feet.len() - 1].x);
        let (middle, half) = ((first + last) / 2.0, (last - first) / 2.0);
        let slope = slope(feet);
        let level = median(feet.iter().map(|p| p.y - slope * (p.x - middle)).collect());
        let mut curve = Self { middle, half, coefficients: vec![level, slope * half] };
        for (round, scale) in [1.2, 0.7, 0.45, 0.3].into_iter().enumerate() {
            let degree = degree.min(round + 2);
            curve.coefficients = curve.refit(feet, degree, scale * letter_height)?;
        }
        Some(curve)
    }

    fn refit(&self, feet: &[Point], degree: usize, scale: f64) -> Option<Vec<f64>> {
        let n = degree + 1;
        let mut system = super::fit::Normal::new(n);
        let mut powers = vec![0.0; n];
        for p in feet {
            let distance = (p.y - self.at(p.x)) / scale;
            if distance.abs() < 1.0 {
                let u = (p.x - self.middle) / self.half;
                (0..n).fold(1.0, |power, k| {
                    powers[k] = power;
                    power * u
                });
                system.add(&powers, p.y, (1.0 - distance * distance).powi(2));
            }
        }
        system.solve()
    }

    fn at(&self, x: f64) -> f64 {
        let u = (x - self.middle) / self.half;
        self.coefficients.iter().rev().fold(0.0, |sum, &c| sum * u + c)
    }
}

/// The middle value; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}
