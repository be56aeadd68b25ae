//! What speaks for and against a quad being the outline of a sheet.
//!
//! A sheet's side is a long unbroken edge between two surfaces; it ends at the corners; the inside of all four sides is
//! of one colour; and unlike the frame of a table or a certificate, the edge is not one flank of a drawn line. Each of
//! these is a number, and their weighted sum is the score.
//!
//! White paper on a white bed ends in a thin shadow that looks like a drawn line. It differs from one in two ways: it is
//! much fainter than ink, and the bed beyond it, where nothing is printed, is seldom quite as white as the paper, whereas
//! around a printed frame the same paper goes on.
//!
//! The weights were fitted by listwise logistic regression (the chance that the highest score has the greatest overlap
//! with the truth) to 622 captures generated for the purpose: 15 kinds of desks and 6 of beds, A4 to receipts and cards,
//! curl, fingers, shadows, sheets partly out of the frame. Fitted to one half they choose, in the other half, an outline
//! with an overlap above 0.95 in 96 % of photos and 93 % of scans (in 4 % of which no candidate has it: white on white).
//! How likely the winner is right was fitted by logistic regression to the same captures, 110 without a sheet (scans
//! cropped to the page, bare desks) and 55 evaluation pictures; that of scans, and the weights of drawn lines on scans,
//! once more to 578 scans with a sheet and 212 cropped to the page.
//! `models/outline` has the generator and the fit.

use super::lines::{Line, Stretch, difference, luma};

/// Number of measures of a plausible outline.
pub const MEASURES: usize = 24;
/// Local contrast beyond which more proves nothing, grey levels.
const FULL_CONTRAST: f32 = 24.0;
/// How far beyond a corner a side is checked for going on, as a share of the side, and from which distance, working
/// pixels.
const OVERRUN_SHARE: f32 = 0.2;
const OVERRUN_GAP: f32 = 6.0;
/// Taken for an end beyond which the frame ends: between a clean end and a side that goes on.
const OVERRUN_UNSEEN: f32 = 0.3;
/// Fewer visible pixels than this beyond a corner are not seen.
const OVERRUN_MIN_VISIBLE: f32 = 8.0;

/// Weight of a measure on photos and on scans.
struct Weight {
    photo: f32,
    scan: f32,
}

/// In the order of [`Evidence::new`].
#[rustfmt::skip]
const WEIGHTS: [Weight; MEASURES] = [
    Weight { photo: 9.91, scan: 9.68 }, // support, mean of the sides
    Weight { photo: 5.86, scan: 4.71 }, // support, weakest side
    Weight { photo: 3.61, scan: 3.27 }, // support, second weakest side
    Weight { photo: 0.11, scan: -0.04 }, // local contrast, mean
    Weight { photo: 0.96, scan: 0.95 }, // local contrast, weakest side
    Weight { photo: -10.13, scan: -3.48 }, // going on beyond corners, mean
    Weight { photo: -2.35, scan: -2.60 }, // going on beyond corners, most
    Weight { photo: 1.25, scan: 1.20 }, // logarithm of the share of the frame covered
    Weight { photo: -1.46, scan: -1.24 }, // sides that are edges of the frame
    Weight { photo: -0.80, scan: -0.18 }, // inside: spread of chroma between sides
    Weight { photo: -0.41, scan: -0.91 }, // inside: spread of luma between sides
    Weight { photo: -0.06, scan: -1.23 }, // inside: unevenness along sides
    Weight { photo: 2.64, scan: 0.87 }, // brighter inside than outside
    Weight { photo: 3.38, scan: 1.38 }, // inside: luma
    Weight { photo: -1.35, scan: -12.26 }, // largest cosine of a corner
    Weight { photo: 2.23, scan: 1.13 }, // colours of the two sides apart, mean
    Weight { photo: 2.15, scan: 1.98 }, // colours of the two sides apart, least
    Weight { photo: 0.79, scan: -3.19 }, // outside: unevenness along sides
    Weight { photo: -1.90, scan: -6.17 }, // share of clear edges lying outside
    Weight { photo: -7.12, scan: -2.74 }, // edges that are flanks of drawn lines, mean
    Weight { photo: -6.09, scan: -0.12 }, // edges that are flanks of drawn lines, least
    Weight { photo: 0.00, scan: -6.25 }, // drawn lines by their darkness, mean
    Weight { photo: 0.00, scan: 0.00 }, // surfaces some way off apart, least
    Weight { photo: 0.00, scan: -1.50 }, // drawn lines that lie inside; set by hand
];

/// What makes the best quad likely right, in the order of [`Evidence::confidence`].
#[rustfmt::skip]
const CONFIDENCE: [Weight; 10] = [
    Weight { photo: 0.44, scan: 0.16 }, // score
    Weight { photo: 1.04, scan: -20.98 }, // share of clear edges lying outside
    Weight { photo: -1.00, scan: 5.71 }, // edges that are flanks of drawn lines, mean
    Weight { photo: -0.30, scan: -1.17 }, // logarithm of the share of the frame covered
    Weight { photo: -6.07, scan: -1.62 }, // colours of the two sides apart, least
    Weight { photo: 1.86, scan: 0.89 }, // brighter inside than outside
    Weight { photo: -3.57, scan: -0.20 }, // sides that are edges of the frame
    Weight { photo: 0.00, scan: -9.72 }, // drawn lines by their darkness, mean
    Weight { photo: 0.00, scan: 5.91 }, // surfaces some way off apart, least
    Weight { photo: -4.06, scan: -3.05 }, // constant
];

/// Number of measures that are weighed besides when a sheet lies beside the main one.
pub const BESIDE_MEASURES: usize = 6;

/// What makes a quad beside the main sheet likely another sheet: the measures of [`Evidence::beside`] after those of the
/// quad itself, with the constant. Set by hand; on 113 generated captures 61 of 62 sheets that were surer than 0.8 were
/// there, on 300 with one sheet and the 56 evaluation pictures the only ones announced were papers of a heap.
#[rustfmt::skip]
const BESIDE: [Weight; 14] = [
    Weight { photo: 6.00, scan: 6.00 }, // support, mean of the sides
    Weight { photo: 4.00, scan: 4.00 }, // support, weakest side
    Weight { photo: -6.00, scan: -6.00 }, // going on beyond corners, mean
    Weight { photo: -1.00, scan: -1.00 }, // inside: spread of chroma between sides
    Weight { photo: 1.00, scan: 1.00 }, // brighter inside than outside
    Weight { photo: 3.00, scan: 3.00 }, // colours of the two sides apart, least
    Weight { photo: -2.00, scan: -2.00 }, // edges that are flanks of drawn lines, mean
    Weight { photo: 3.00, scan: 3.00 }, // print
    Weight { photo: -1.50, scan: -1.50 }, // darker than the main sheet
    Weight { photo: -1.50, scan: -1.50 }, // differs from the main sheet in colour
    Weight { photo: -1.00, scan: -1.00 }, // colourful
    Weight { photo: -0.30, scan: -0.30 }, // smaller than the main sheet
    Weight { photo: 4.00, scan: 4.00 }, // the other side of a card
    Weight { photo: -9.00, scan: -9.00 }, // constant
];

/// The measures of a quad, and its mean colour along the sides.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    measures: [f32; MEASURES],
    color: [f32; 3],
}

impl Evidence {
    /// Measures a quad with these sides: `area` is its share of the frame, `edges_outside` the share of all edges that lie
    /// outside it.
    pub(super) fn new(sides: &[Side], area: f32, corners: &[(f32, f32); 4], edges_outside: f32) -> Self {
        let real: Vec<&Side> = sides.iter().filter(|side| !side.virtual_side).collect();
        let over_real = |measure: &dyn Fn(&Side) -> f32| Summary::new(real.iter().map(|side| measure(side)));
        let over_all = |measure: &dyn Fn(&Side) -> f32| Summary::new(sides.iter().map(measure));
        let support = over_real(&Side::support);
        let contrast = over_real(&|side| (side.seen.difference / FULL_CONTRAST).min(1.0));
        let overrun = Summary::new(real.iter().flat_map(|side| side.overrun));
        let separation = over_all(&Side::separation);
        let ruled = over_real(&|side| side.seen.ruled);
        let (chroma_spread, luma_spread) = inner_spread(sides);
        let virtual_count = sides.len() - real.len();
        let color = [0, 1, 2].map(|c| over_all(&|side| side.inner()[c]).mean);
        let measures = [
            support.mean,
            support.least,
            support.second,
            contrast.mean,
            contrast.least,
            overrun.mean,
            overrun.most,
            area.ln(),
            virtual_count as f32,
            (chroma_spread / 40.0).min(1.5),
            (luma_spread / 80.0).min(1.5),
            (over_all(&|side| side.seen.deviation[side.inside]).mean / 30.0).min(1.5),
            over_all(&Side::brighter_inside).mean,
            over_all(&|side| luma(side.inner())).mean / 255.0,
            largest_cosine(corners),
            separation.mean,
            separation.least.min(1.0),
            (over_all(&|side| side.seen.deviation[1 - side.inside]).mean / 30.0).min(1.5),
            edges_outside,
            ruled.mean,
            ruled.least,
            over_real(&|side| side.seen.stroke).mean,
            over_real(&Side::far).least,
            over_real(&Side::stroke_inside).mean,
        ];
        Self { measures, color }
    }

    pub(super) fn measures(&self) -> [f32; MEASURES] {
        self.measures
    }

    /// What is weighed besides when the quad lies beside a main sheet: `print` is the share of its pixels that are
    /// edges, `sides` tells whether the two look like the sides of a card.
    pub(super) fn beside(&self, main: &Self, print: f32, sides: bool) -> [f32; BESIDE_MEASURES] {
        /// More edges prove no more, share of the pixels.
        const FULL_PRINT: f32 = 0.08;
        let brightness = luma(self.color) - luma(main.color);
        let scale = luma(main.color).max(1.0) / luma(self.color).max(1.0);
        let chroma = difference(self.color.map(|v| v * scale), main.color);
        let [r, g, b] = self.color;
        let colourful = r.max(g).max(b) - r.min(g).min(b);
        [
            (print / FULL_PRINT).min(1.0),
            (-brightness / 60.0).clamp(0.0, 2.0),
            (chroma / 40.0).min(2.0),
            (colourful / 60.0).min(2.0),
            (main.measures[7] - self.measures[7]).clamp(-1.0, 3.0),
            f32::from(u8::from(sides)),
        ]
    }

    /// How likely a quad beside the main sheet is another sheet: 0 to 1.
    pub(super) fn confidence_beside(&self, beside: &[f32; BESIDE_MEASURES], scanned: bool) -> f32 {
        let [support, weakest, overrun, chroma, brighter, separation, ruled] =
            [0, 1, 5, 9, 12, 16, 19].map(|i| self.measures[i]);
        let [print, darker, differs, colourful, smaller, sides] = *beside;
        let measures = [
            support, weakest, overrun, chroma, brighter, separation, ruled, print, darker, differs, colourful, smaller,
            sides, 1.0,
        ];
        1.0 / (1.0 + (-weighted(&measures, &BESIDE, scanned)).exp())
    }

    /// The evidence when the quad is one of several sheets outside which lies this share of the edges, and which together
    /// are larger than it by this logarithm.
    pub(super) fn among(&self, edges_outside: f32, larger: f32) -> Self {
        let mut among = self.clone();
        among.measures[7] += larger;
        among.measures[18] = edges_outside;
        among
    }

    /// How much the quad looks like the outline of a sheet.
    pub(super) fn score(&self, scanned: bool) -> f32 {
        weighted(&self.measures, &WEIGHTS, scanned)
    }

    /// How likely the quad is the outline of a sheet, if it is the best of its picture: 0 to 1.
    pub(super) fn confidence(&self, scanned: bool) -> f32 {
        let [outside, ruled, area, separation, brighter, virtual_count, stroke, far] =
            [18, 19, 7, 16, 12, 8, 21, 22].map(|i| self.measures[i]);
        let score = self.score(scanned);
        let measures = [score, outside, ruled, area, separation, brighter, virtual_count, stroke, far, 1.0];
        1.0 / (1.0 + (-weighted(&measures, &CONFIDENCE, scanned)).exp())
    }
}

fn weighted<const N: usize>(measures: &[f32; N], weights: &[Weight; N], scanned: bool) -> f32 {
    let weight = |w: &Weight| if scanned { w.scan } else { w.photo };
    measures.iter().zip(weights).map(|(measure, w)| measure * weight(w)).sum()
}

/// What is seen along one side.
#[derive(Clone, Debug)]
pub(super) struct Side {
    seen: Stretch,
    /// Which of the two sides of the line is inside the quad.
    inside: usize,
    virtual_side: bool,
    /// Support beyond the two corners.
    overrun: [f32; 2],
}

impl Side {
    /// The stretch of a line between two corners of a quad with this centre.
    pub(super) fn new(line: &Line, from: f32, to: f32, center: (f32, f32)) -> Self {
        let reach = OVERRUN_SHARE * (to - from);
        let overrun = [
            line.stretch(from - OVERRUN_GAP - reach, from - OVERRUN_GAP),
            line.stretch(to + OVERRUN_GAP, to + OVERRUN_GAP + reach),
        ];
        Self {
            seen: line.stretch(from, to),
            inside: usize::from(center.0 * line.nx + center.1 * line.ny > line.d),
            virtual_side: line.virtual_side,
            overrun: overrun.map(|s| if s.visible > OVERRUN_MIN_VISIBLE { s.support } else { OVERRUN_UNSEEN }),
        }
    }

    /// Share of the visible side that has an edge.
    pub(super) fn support(&self) -> f32 {
        self.seen.support
    }

    fn inner(&self) -> [f32; 3] {
        self.seen.color[self.inside]
    }

    /// How clearly plain surfaces some way off differ; 0 where there are none.
    fn far(&self) -> f32 {
        self.seen.far.map_or(0.0, tone)
    }

    /// Share of the edges that are the outer flank of a drawn line. The shadow in the gap between a sheet and the bed is
    /// such a line, and the sheet ends at its inner flank.
    fn stroke_inside(&self) -> f32 {
        if self.inside == 1 { self.seen.beyond.max(0.0) } else { (-self.seen.beyond).max(0.0) }
    }

    fn brighter_inside(&self) -> f32 {
        ((luma(self.inner()) - luma(self.seen.color[1 - self.inside])) / 30.0).clamp(-1.0, 1.0)
    }

    /// How far apart the mean colours of the two sides are, against how much they vary: 0 to 1.
    fn separation(&self) -> f32 {
        let apart = difference(self.seen.color[0], self.seen.color[1]);
        let noise = 10.0 + 0.5 * (self.seen.deviation[0] + self.seen.deviation[1]);
        apart / (noise + apart)
    }
}

/// Mean and extremes of a few numbers; zeros for none.
struct Summary {
    mean: f32,
    least: f32,
    second: f32,
    most: f32,
}

impl Summary {
    fn new(values: impl Iterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.collect();
        values.sort_by(f32::total_cmp);
        let at = |i: usize| values.get(i).copied().unwrap_or(0.0);
        Self {
            mean: values.iter().sum::<f32>() / values.len().max(1) as f32,
            least: at(0),
            second: at(1),
            most: values.last().copied().unwrap_or(0.0),
        }
    }
}

/// How clearly two plain surfaces differ: 0 to 1, one half where their noise ends.
fn tone(far: [f32; 3]) -> f32 {
    let most = far.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    most / (2.0 + most)
}

/// Largest differences between the insides of two sides: of colour at equal brightness, and of brightness.
fn inner_spread(sides: &[Side]) -> (f32, f32) {
    let (mut chroma, mut brightness) = (0.0f32, 0.0f32);
    for (i, side) in sides.iter().enumerate() {
        for other in &sides[i + 1..] {
            let (a, b) = (side.inner(), other.inner());
            let (la, lb) = (luma(a).max(1.0), luma(b).max(1.0));
            let bright = la.max(lb);
            brightness = brightness.max((la - lb).abs());
            chroma = chroma.max(difference(a.map(|v| v * bright / la), b.map(|v| v * bright / lb)));
        }
    }
    (chroma, brightness)
}

/// How far the least square corner is from square.
fn largest_cosine(corners: &[(f32, f32); 4]) -> f32 {
    let cosine = |i: usize| {
        let (a, b, c) = (corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]);
        let (u, v) = ((b.0 - a.0, b.1 - a.1), (c.0 - b.0, c.1 - b.1));
        ((u.0 * v.0 + u.1 * v.1) / (u.0.hypot(u.1) * v.0.hypot(v.1)).max(1e-6)).abs()
    };
    (0..4).map(cosine).fold(0.0, f32::max)
}
