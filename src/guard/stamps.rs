//! Where a stamp may be on a page: compact coloured ink, and black frames of a stamp's size.
//!
//! All is looked for on the page reduced to about 100 dpi, where a letter of a stamp is a dozen cells high. What is found is
//! only worth a reading ([`super::piece`]); the words decide.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use image::RgbImage;

use super::rings;
use super::shape::{Shape, Way, dilated};
use crate::imaging::components::{self, Bitmap};
use crate::imaging::gray::luma_of;

/// Resolution of the reduced page, cells an inch.
const CELLS_DPI: f64 = 100.0;

/// Least excess of a colour over the other channels, above that of the paper, that is ink of it in a cell. Red at two fifths of its
/// strength measures 40 to 60 in the middle of a stroke.
pub(super) const EXCESS: i32 = 20;

/// Ink is darker than the paper by this share of how much darker the page's darkest ink is, percent.
const DARK: u32 = 28;

/// The darkest ink covers this share of a page: a short line of text.
const DARKEST: f64 = 0.002;

/// Sides of a stamp, millimetres, the longer and the shorter, as they stand level. The frames of secrecy marks are 8 high and 20
/// to 40 long; stamps of copies are larger.
const LONG_MM: [f64; 2] = [8.0, 110.0];
const SHORT_MM: [f64; 2] = [2.5, 100.0];

/// Sides of a black frame.
const FRAME_LONG_MM: [f64; 2] = [12.0, 75.0];
const FRAME_SHORT_MM: [f64; 2] = [5.0, 32.0];

/// Gaps in a black frame that are passed over have at most twice so many cells.
const BROKEN: usize = 1;

/// Coloured ink this near belongs together, millimetres: the letters and words of a stamp without a frame.
const NEAR_MM: f64 = 3.0;

/// Largest share of its box that ink of a stamp covers: pictures and bands of colour cover more.
const MOST_FILL: f64 = 0.62;

/// The same of black frames with a mark in them.
const MOST_FRAME_FILL: f64 = 0.5;

/// Least share of each side of a frame that is ink.
const SIDE_COVER: f64 = 0.7;

/// What has no frame is lettering only where it is so many times as long as high.
const LEAST_LONG: f64 = 1.3;

/// Candidates of each kind on a page: more is no stamp but a print in red, or a table.
const MOST: usize = 8;

/// What ink a stamp has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    /// Red, told from black print by its colour.
    Red,
    /// Blue or violet.
    Blue,
    /// As dark as print.
    Dark,
}

/// A place where a stamp may be.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) ink: Ink,
    /// Whether a frame is around it.
    pub(super) is_framed: bool,
    /// The ways in which it may be read, most likely first, in pixels of the page.
    pub(super) ways: Vec<Way>,
}

impl Candidate {
    /// Whether its middle is that of another, but for so many pixels.
    pub(super) fn is_at(&self, other: &Self, near: f64) -> bool {
        let (a, b) = (&self.ways[0], &other.ways[0]);
        (a.x - b.x).hypot(a.y - b.y) <= near
    }
}

/// The page reduced, with what its paper is like.
pub(super) struct Cells {
    rgb: RgbImage,
    /// Pixels of the page a cell.
    factor: u32,
    per_mm: f64,
    /// What the excess of red and that of blue are in the paper.
    paper: [i32; 2],
    /// Ink is darker than this.
    dark: u32,
}

impl Cells {
    pub(super) fn of(page: &RgbImage, dpi: f64) -> Option<Self> {
        let factor = ((dpi / CELLS_DPI).round() as u32).max(1);
        if page.width() < factor || page.height() < factor {
            return None;
        }
        let rgb = crate::imaging::proxy::reduce(page, factor);
        let (mut excesses, mut lumas) = ([[0_u32; 511]; 2], [0_u32; 256]);
        for pixel in rgb.pixels().step_by(7) {
            for (histogram, ink) in excesses.iter_mut().zip([Ink::Red, Ink::Blue]) {
                histogram[usize::try_from(raw_excess(ink, &pixel.0) + 255).unwrap_or(0)] += 1;
            }
            lumas[usize::from(luma_of(&pixel.0))] += 1;
        }
        let paper = excesses.map(|histogram| quantile(&histogram, 0.5) as i32 - 255);
        let (light, darkest) = (quantile(&lumas, 0.85) as u32, quantile(&lumas, DARKEST) as u32);
        let dark = light - (light - darkest) * DARK / 100;
        Some(Self { rgb, factor, per_mm: dpi / f64::from(factor) / 25.4, paper, dark })
    }

    /// How much of a colour there is in a pixel beyond what there is in the paper.
    pub(super) fn excess(&self, ink: Ink, pixel: &[u8; 3]) -> i32 {
        raw_excess(ink, pixel) - self.paper[usize::from(ink == Ink::Blue)]
    }

    /// Places where coloured ink may be a stamp: red of any shape, blue and violet in frames, for people write in blue.
    pub(super) fn coloured(&self) -> Vec<Candidate> {
        let mut found = self.of_colour(Ink::Red, |is_framed, way| is_framed || way.width >= LEAST_LONG * way.height);
        found.extend(self.of_colour(Ink::Blue, |is_framed, _| is_framed));
        found
    }

    fn of_colour(&self, ink: Ink, may_be: impl Fn(bool, &Way) -> bool) -> Vec<Candidate> {
        let mut mask = self.mask(|pixel| self.excess(ink, pixel) > EXCESS);
        if mask.data.iter().all(|&cell| cell == 0) {
            return Vec::new();
        }
        rings::erase(&mut mask, self.per_mm);
        let alone = components::find(&mask, 1);
        let reach = (NEAR_MM / 2.0 * self.per_mm).round() as usize;
        let near = components::find(&dilated(&mask, reach), 0);
        let mut found: Vec<Shape> = Vec::new();
        for shape in Shape::all(&mask, &alone).into_iter().chain(Shape::all(&mask, &near)) {
            let may_be = shape.may_be_stamp(self.per_mm, LONG_MM, SHORT_MM, MOST_FILL);
            if may_be && !found.iter().any(|other| other.is_like(&shape)) {
                found.push(shape);
            }
        }
        self.candidates(found, ink, may_be)
    }

    /// Black frames of a stamp's size.
    pub(super) fn frames(&self) -> Vec<Candidate> {
        let mask = self.mask(|pixel| u32::from(luma_of(pixel)) < self.dark);
        // A thin frame is broken here and there.
        let groups = [components::find(&mask, 0), components::find(&dilated(&mask, BROKEN), 0)];
        let mut found: Vec<Shape> = Vec::new();
        for shape in groups.iter().flat_map(|groups| Shape::all(&mask, groups)) {
            let may_be = shape.may_be_stamp(self.per_mm, FRAME_LONG_MM, FRAME_SHORT_MM, MOST_FRAME_FILL);
            if may_be && !found.iter().any(|other| other.is_like(&shape)) {
                found.push(shape);
            }
        }
        self.candidates(found, Ink::Dark, |framed, _| framed)
    }

    /// The shapes that may be stamps, those with the clearest frames first.
    fn candidates(&self, shapes: Vec<Shape>, ink: Ink, may_be: impl Fn(bool, &Way) -> bool) -> Vec<Candidate> {
        let mut found: Vec<(f64, Candidate)> = Vec::new();
        for shape in shapes {
            let ways = shape.ways();
            let cover = shape.framed(&ways[0], self.per_mm);
            let is_framed = cover >= SIDE_COVER;
            if may_be(is_framed, &ways[0]) {
                let scale = f64::from(self.factor);
                let ways = ways.into_iter().filter(|way| is_framed || !way.is_upside_down());
                found.push((cover, Candidate { ink, is_framed, ways: ways.map(|way| way.scaled(scale)).collect() }));
            }
        }
        found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        found.truncate(MOST);
        found.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn mask(&self, is_ink: impl Fn(&[u8; 3]) -> bool) -> Bitmap {
        let data = self.rgb.pixels().map(|pixel| u8::from(is_ink(&pixel.0))).collect();
        Bitmap { width: self.rgb.width() as usize, height: self.rgb.height() as usize, data }
    }
}

/// How much stronger the channel of a colour is than the others.
fn raw_excess(ink: Ink, &[red, green, blue]: &[u8; 3]) -> i32 {
    let (own, other) = if ink == Ink::Blue { (blue, red) } else { (red, blue) };
    i32::from(own) - i32::from(green.max(other))
}

fn quantile(histogram: &[u32], share: f64) -> usize {
    let wanted = f64::from(histogram.iter().sum::<u32>()) * share;
    let mut seen = 0.0;
    let at = histogram.iter().position(|&n| {
        seen += f64::from(n);
        seen > wanted
    });
    at.unwrap_or(histogram.len() - 1)
}
