//! Even, white light on a page: shadow, fall-off, the cast of lamp or old paper and stains are divided out, colours stay.
//!
//! Method: the paper's colour is estimated in tiles of [`TILE`]² pixels (mean of the pixels within the noise of the
//! brighter ones, so that ink does not count). Starting from the usual bright tiles, paper is grown from tile to tile as
//! long as brightness and tint change softly, as light does and print does not: photographs, seals, fingers, grey table
//! heads and the desk are left out and filled from their surroundings. Soft spots more yellow or brown than the paper
//! around them are stains and followed tile by tile; everything else goes through a morphological closing and a blur,
//! which make the surface smooth at the scale of [`REACH`], so that a watermark is not taken for a shadow. Each pixel is
//! then multiplied by the white of [`PAPER`] over the local paper colour, bilinearly between tile centres, in fixed
//! point. A colour that would leave the range of bytes is dimmed as a whole and keeps its hue: a red seal never turns
//! pink by clipping.
//!
//! Whether a tint is of the light or of the paper is told by its direction: lamps, daylight, cameras' white balance and
//! old paper go from amber to blue, a colour of the paper mostly not ([`Light`]).
//!
//! The page is left alone when it is evenly lit and white already, or when little of it looks like paper (cards,
//! photographs). Nothing is thresholded: what was on the paper keeps its contrast to the paper around it, print that
//! shines through from the back as well, because from faint pencil it cannot be told for certain.
//!
//! Limits: a shadow whose edge lies within two tiles (direct sun) stays; so does a grey one narrower than twice
//! [`REACH`]. Pale blue paper under a camera is taken for white paper in daylight.

use image::RgbImage;

use super::simd;

/// Side of a tile, pixels: 1.4 mm at 300 dpi, about a letter, so that a tile inside a text line still shows paper.
const TILE: usize = 16;

/// Paper comes out at this brightness: white to the eye, with room above for the paper's own texture (noise of
/// ±3 standard deviations on phone photos is about ±10 levels). Where its strongest channel is brighter already, the
/// others are brought up to that one, at most to the second.
const PAPER: (f32, f32) = (246.0, 250.0);

/// Strongest amplification. Paper in deep shadow is noise, and three times noise is all that a page can bear.
const LARGEST_GAIN: f32 = 3.0;

/// Largest relative step of paper brightness between neighbouring tiles. A shadow that halves the light over 15 mm
/// changes 6 % a tile; the edge of a photograph or of a light grey table head (85 %) is steeper.
const SOFT_STEP: f32 = 0.07;

/// The same where the steps before and after go the same way, at least [`STEADY`] as far: the edge of print lies within
/// two tiles and never makes three steps. A hand 20 cm below a lamp of 10 cm has shadow edges of 2 cm.
const STEADY_STEP: f32 = 0.2;
/// See [`STEADY_STEP`].
const STEADY: f32 = 0.3;

/// Paper of less than this share of the usual brightness lies in a shadow, not in a fold or in falling light.
const SHADOW: f32 = 0.8;

/// A blur that changes the brightness by more than the second goes across the edge of a shadow, by less than the first
/// only across noise: tiles of paper scatter by up to 1 %.
const SHADOW_EDGE: (f32, f32) = (0.015, 0.04);

/// Seen tiles on both sides of a shadow's edge are looked for this far, tiles.
const BRIDGE: usize = 3;

/// How far the estimate of a tile under falling light lies from its centre, tiles: between 0.18 where the light falls by
/// 15 % over the tile and 0.3 where it falls by 40 %, as follows from [`paper_of`].
const BRIGHT_PART: f32 = 0.25;

/// Largest step of tint between neighbouring tiles. Stains of the evaluation set reach 0.065, print starts at 0.1.
const SOFT_TINT_STEP: f32 = 0.075;

/// Largest departure of a tile's tint from the page's paper; stains (to 0.18) and mixed light stay within it, blue and
/// red print does not (0.3 and more).
const SAME_PAPER_TINT: f32 = 0.25;

/// Half width of the closing, as a share of the shorter side: 8 mm on A4, more than the strokes of a watermark.
const REACH: f32 = 0.04;

/// The same for finding what is around a stain: 25 mm on A4.
const STAIN_REACH: f32 = 0.12;

/// What is more amber than its surroundings by the second is stain, by less than the first is not. JPEG and sensors
/// scatter tiles by about 0.005.
const STAIN: (f32, f32) = (0.015, 0.045);

/// Stains turn no more pink or green than this share of their amber (0.25 in the evaluation set); seals do.
const STAIN_PINK: (f32, f32) = (0.5, 0.7);

/// Pages with less paper than this share of their tiles are photographs or cards.
const LEAST_PAPER: f32 = 0.4;

/// Light that varies less than this between the darkest and the brightest 2 % of the paper is even.
const EVEN: f32 = 0.04;

/// Paper at least this bright, and with no more cast than [`NO_CAST`] in all but 2 % of the tiles, is white already.
const WHITE: f32 = 236.0;

/// Largest tint that nobody sees.
const NO_CAST: f32 = 0.035;

/// What lit the page, which decides whose tint the paper's is. A tint up to the first of each pair is taken out whole,
/// beyond the second it is the paper's own and stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// The lamp of a scanner, which is white: any tint is the paper's. Old paper is amber (to 0.1 in the evaluation set,
    /// 0.2 on newsprint) and is made white; pink, green and blue paper is coloured on purpose.
    Scanner,
    /// Whatever was in the room, seen through a camera's guess of it: papers of the evaluation set are amber by -0.05
    /// to 0.16, pink by -0.12 to 0.07. A land certificate is pink by 0.13.
    Room,
}

impl Light {
    /// The share of a tint that is the paper's own.
    fn kept(self, tint: Tint) -> f32 {
        let (amber, blue, pink, green) = match self {
            Self::Scanner => ((0.2, 0.35), (0.03, 0.08), (0.03, 0.07), (0.06, 0.12)),
            Self::Room => ((0.2, 0.35), (0.1, 0.16), (0.08, 0.13), (0.13, 0.2)),
        };
        share(tint.amber, amber).max(share(-tint.amber, blue)).max(share(tint.pink, pink)).max(share(-tint.pink, green))
    }
}

/// Corrects the light of a page in place: shadow, uneven light and stains removed, paper white, colours kept. Returns
/// whether anything was changed; evenly lit white pages and pictures without dominant paper are left as they are.
pub fn normalize(page: &mut RgbImage, light: Light) -> bool {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let kernels = simd::best_light();
    let Some(mut paper) = Paper::of(page.as_raw(), width, height, kernels) else { return false };
    if paper.is_white() {
        return false;
    }
    paper.keep_own_colour(light);
    paper.gains().apply(page, width, kernels);
    true
}

/// Red, green and blue; the fourth lane is unused and makes a colour fill a register.
pub(super) type Colour = [f32; 4];

/// How far a colour is from grey, as differences of red and blue to green, shares of green: along the line from
/// blue daylight to the amber of lamps and old paper, and across it. A black-body radiator between 3000 and 10000 K
/// stays within ±0.04 of the line while it goes from 0.5 to -0.15 along it (sRGB values).
#[derive(Clone, Copy, Debug)]
struct Tint {
    amber: f32,
    pink: f32,
}

impl Tint {
    fn of([red, green, blue, _]: &Colour) -> Self {
        let green = green.max(1.0);
        let (red, blue) = (red / green - 1.0, blue / green - 1.0);
        Self { amber: 0.6 * red - 0.8 * blue, pink: 0.8 * red + 0.6 * blue }
    }

    fn distance(self, other: Self) -> f32 {
        (self.amber - other.amber).abs().max((self.pink - other.pink).abs())
    }

    fn strength(self) -> f32 {
        self.amber.abs().max(self.pink.abs())
    }
}

/// The colour of the paper in every tile, row by row.
struct Paper {
    columns: usize,
    rows: usize,
    colour: Vec<Colour>,
    /// Tiles in which paper was seen, not filled in.
    seen: Vec<bool>,
}

impl Paper {
    /// Estimates the paper of a page, `None` where there is little of it.
    fn of(pixels: &[u8], width: usize, height: usize, kernels: Kernels) -> Option<Self> {
        let (columns, rows) = (width / TILE, height / TILE);
        if columns < 4 || rows < 4 {
            return None;
        }
        let mut colour = vec![[0.0; 4]; columns * rows];
        for (lines, row) in pixels.chunks_exact(TILE * width * 3).zip(colour.chunks_exact_mut(columns)) {
            (kernels.tiles)(lines, width, row);
        }
        let mut paper = Self { columns, rows, colour, seen: vec![false; columns * rows] };
        paper.grow();
        let seen = paper.seen.iter().filter(|&&seen| seen).count();
        if (seen as f32) < LEAST_PAPER * paper.seen.len() as f32 {
            return None;
        }
        paper.fill();
        let stains = paper.stains();
        paper.colour.iter_mut().zip(&stains).for_each(|(colour, stain)| *colour = lanes(*colour, *stain, |c, s| c / s));
        paper.smooth();
        paper.colour.iter_mut().zip(&stains).for_each(|(colour, stain)| *colour = lanes(*colour, *stain, |c, s| c * s));
        Some(paper)
    }

    /// Marks as seen all tiles that are joined to the usual bright ones by soft steps.
    fn grow(&mut self) {
        let mut levels: Vec<f32> = self.colour.iter().map(brightness).collect();
        let tints: Vec<Tint> = self.colour.iter().map(Tint::of).collect();
        let usual = percentile(&mut levels.clone(), 0.8);
        let started: Vec<usize> = (0..levels.len()).filter(|&i| (0.92..1.08).contains(&(levels[i] / usual))).collect();
        let median = |part: fn(&Tint) -> f32| {
            let mut values: Vec<f32> = started.iter().map(|&i| part(&tints[i])).collect();
            percentile(&mut values, 0.5)
        };
        let tint = Tint { amber: median(|tint| tint.amber), pink: median(|tint| tint.pink) };
        let same_paper = |i: usize| tints[i].distance(tint) < SAME_PAPER_TINT;
        let mut open: Vec<usize> = started.into_iter().filter(|&i| same_paper(i)).collect();
        for &i in &open {
            self.seen[i] = true;
        }
        while let Some(from) = open.pop() {
            for direction in DIRECTIONS {
                let Some(to) = self.neighbour(from, direction).filter(|&to| !self.seen[to] && same_paper(to)) else {
                    continue;
                };
                if tints[from].distance(tints[to]) <= SOFT_TINT_STEP && self.is_soft(&levels, from, to, direction) {
                    self.seen[to] = true;
                    open.push(to);
                }
            }
        }
        levels.iter_mut().for_each(|level| *level /= usual);
        self.forget_enclosed(&levels);
        self.bridge(&levels);
        self.centre_edges(&levels);
    }

    /// Whether the brightness changes between two neighbours as light does.
    fn is_soft(&self, levels: &[f32], from: usize, to: usize, direction: Direction) -> bool {
        let step = |a: usize, b: usize| (levels[b] - levels[a]) / levels[a].max(levels[b]).max(1.0);
        let here = step(from, to);
        let goes_on = |a: Option<usize>, b: Option<usize>| match (a, b) {
            (Some(a), Some(b)) => step(a, b) / here >= STEADY,
            _ => false,
        };
        here.abs() <= SOFT_STEP
            || here.abs() <= STEADY_STEP
                && goes_on(self.neighbour(from, direction.reversed()), Some(from))
                && goes_on(Some(to), self.neighbour(to, direction))
    }

    /// Takes back dark areas that do not reach the page's edge: shadows come in from outside, pictures do not.
    fn forget_enclosed(&mut self, levels: &[f32]) {
        let is_dark = |i: usize| levels[i] < SHADOW;
        let mut visited = vec![false; levels.len()];
        for start in 0..levels.len() {
            if visited[start] || !self.seen[start] || !is_dark(start) {
                continue;
            }
            visited[start] = true;
            let (mut area, mut next, mut reaches_edge) = (vec![start], 0, false);
            while let Some(&from) = area.get(next) {
                next += 1;
                for direction in DIRECTIONS {
                    match self.neighbour(from, direction) {
                        None => reaches_edge = true,
                        Some(to) if !visited[to] && self.seen[to] && is_dark(to) => {
                            visited[to] = true;
                            area.push(to);
                        }
                        Some(_) => {}
                    }
                }
            }
            if !reaches_edge {
                area.into_iter().for_each(|i| self.seen[i] = false);
            }
        }
    }

    /// Takes the steepest part of a shadow's edge for paper: tiles between seen ones that are clearly brighter on one side
    /// and darker on the other.
    fn bridge(&mut self, levels: &[f32]) {
        let nearest = |from: usize, direction: Direction| {
            let mut at = Some(from);
            for _ in 0..BRIDGE {
                at = self.neighbour(at?, direction);
                if self.seen[at?] {
                    return at;
                }
            }
            None
        };
        let between = |i: usize, direction: Direction| {
            let (Some(a), Some(b)) = (nearest(i, direction), nearest(i, direction.reversed())) else { return false };
            let (dark, bright) = (levels[a].min(levels[b]), levels[a].max(levels[b]));
            dark < SHADOW * bright && (dark..=bright).contains(&levels[i])
        };
        let bridged: Vec<usize> = (0..levels.len())
            .filter(|&i| !self.seen[i] && (between(i, Direction::Left) || between(i, Direction::Up)))
            .collect();
        bridged.into_iter().for_each(|i| self.seen[i] = true);
    }

    /// On the edge of a shadow a tile's estimate is that of its brighter part. Moves it to the tile's centre.
    fn centre_edges(&mut self, levels: &[f32]) {
        let colours = self.colour.clone();
        for row in 1..self.rows - 1 {
            for i in row * self.columns + 1..(row + 1) * self.columns - 1 {
                for (a, b) in [(i - 1, i + 1), (i - self.columns, i + self.columns)] {
                    let (dark, bright) = if levels[a] < levels[b] { (a, b) } else { (b, a) };
                    let falls = levels[dark] < (1.0 - SOFT_STEP) * levels[i] && levels[i] <= levels[bright];
                    if falls && self.seen[i] && self.seen[a] && self.seen[b] {
                        let off = lanes(colours[dark], colours[i], |dark, here| BRIGHT_PART * (dark - here));
                        self.colour[i] = lanes(self.colour[i], off, |colour, off| colour + off);
                    }
                }
            }
        }
    }

    fn neighbour(&self, i: usize, direction: Direction) -> Option<usize> {
        let (column, row) = (i % self.columns, i / self.columns);
        match direction {
            Direction::Left => (column > 0).then(|| i - 1),
            Direction::Right => (column + 1 < self.columns).then(|| i + 1),
            Direction::Up => (row > 0).then(|| i - self.columns),
            Direction::Down => (row + 1 < self.rows).then(|| i + self.columns),
        }
    }

    /// Gives tiles without paper the mean of the seen ones around them, from the smallest block up that has any
    /// (push-pull interpolation after Gortler et al. 1996, "The Lumigraph").
    fn fill(&mut self) {
        let weights = self.seen.iter().map(|&seen| if seen { 1.0 } else { 0.0 }).collect();
        let colour = self.colour.iter().zip(&self.seen).map(|(c, &s)| if s { *c } else { [0.0; 4] }).collect();
        let filled = pull(Level { columns: self.columns, rows: self.rows, colour, weights });
        for ((colour, filled), seen) in self.colour.iter_mut().zip(filled).zip(&self.seen) {
            if !seen {
                *colour = filled;
            }
        }
    }

    /// What stains let through of the paper's colour, tile by tile; 1 where there is none.
    fn stains(&self) -> Vec<Colour> {
        let around = sweep(&self.colour, self.columns, |line| close(line, self.reach(STAIN_REACH)));
        let stain = |(here, around): (&Colour, &Colour)| {
            let (tint, clean) = (Tint::of(here), Tint::of(around));
            let (amber, pink) = (tint.amber - clean.amber, (tint.pink - clean.pink).abs());
            let certain = share(amber, STAIN) * (1.0 - share(pink / amber.max(STAIN.0), STAIN_PINK));
            lanes(*here, *around, |here, around| 1.0 + certain * (here / around.max(1.0) - 1.0))
        };
        self.colour.iter().zip(&around).map(stain).collect()
    }

    /// Closes dark features narrower than twice the reach, then blurs, but not across the edges of shadows: there a blur
    /// would leave a dark and a bright band.
    fn smooth(&mut self) {
        let reach = self.reach(REACH);
        let closed = sweep(&self.colour, self.columns, |line| close(line, reach));
        let blurred = (0..2)
            .fold(closed.clone(), |surface, _| sweep(&surface, self.columns, |line| blur(line, reach.div_ceil(2))));
        let mixed = |(closed, blurred): (&Colour, &Colour)| {
            let off = (brightness(closed) / brightness(blurred).max(1.0) - 1.0).abs();
            let edge = share(off, SHADOW_EDGE);
            lanes(*closed, *blurred, |closed, blurred| blurred + (closed - blurred) * edge)
        };
        self.colour = closed.iter().zip(&blurred).map(mixed).collect();
    }

    /// A share of the shorter side, tiles.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number of tiles")]
    fn reach(&self, share: f32) -> usize {
        (share * self.columns.min(self.rows) as f32).round().max(1.0) as usize
    }

    fn is_white(&self) -> bool {
        let mut levels: Vec<f32> = self.colour.iter().map(brightness).collect();
        let (dark, bright) = (percentile(&mut levels, 0.02), percentile(&mut levels, 0.98));
        let mut casts: Vec<f32> = self.colour.iter().map(|colour| Tint::of(colour).strength()).collect();
        dark >= WHITE && bright - dark <= EVEN * bright && percentile(&mut casts, 0.98) <= NO_CAST
    }

    /// Takes the colour that is the paper's own out of the surface, so that it is not divided out.
    fn keep_own_colour(&mut self, light: Light) {
        for colour in &mut self.colour {
            let kept = light.kept(Tint::of(colour));
            // The strongest channel comes out at the paper's target, not above it.
            let strongest = colour.iter().copied().fold(1.0, f32::max);
            *colour = colour.map(|value| value + (strongest - value) * kept);
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and LARGEST_GAIN")]
    fn gains(&self) -> Gains {
        let mut strongest: Vec<f32> = self.colour.iter().map(|c| c.iter().copied().fold(0.0, f32::max)).collect();
        let target = percentile(&mut strongest, 0.98).clamp(PAPER.0, PAPER.1);
        let fixed = |&[red, green, blue, _]: &Colour| {
            let gains = [red, green, blue].map(|value| (target / value.max(1.0)).max(1.0));
            let excess = gains.iter().fold(1.0, |most: f32, gain| most.max(gain / LARGEST_GAIN));
            gains.map(|gain| ((gain / excess).max(1.0) * f32::from(UNIT) + 0.5) as u16)
        };
        Gains { columns: self.columns, rows: self.rows, values: self.colour.iter().map(fixed).collect() }
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Left,
    Right,
    Up,
    Down,
}

const DIRECTIONS: [Direction; 4] = [Direction::Left, Direction::Right, Direction::Up, Direction::Down];

impl Direction {
    fn reversed(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// The two loops over all pixels, compiled for a CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernels {
    /// Paper colours of a row of tiles: its lines of pixels, their width, the colours.
    pub(super) tiles: fn(&[u8], usize, &mut [Colour]),
    /// Multiplies a line of pixels by gains that move on from line to line: bytes, gains, their steps.
    pub(super) multiply: fn(&mut [u8], &mut [u16], &[u16]),
}

/// Pixels of a tile that are looked at: every second one of every fourth line.
const SAMPLES: usize = 32;

/// The paper colours of a row of tiles. `inline(always)`, so that it is compiled anew for the CPU of whoever calls it.
#[inline(always)]
pub(super) fn tiles_scalar(lines: &[u8], width: usize, out: &mut [Colour]) {
    for (column, colour) in out.iter_mut().enumerate() {
        let mut samples = [[0u16; SAMPLES]; 3];
        for row in 0..SAMPLES / 8 {
            let start = ((row * 4 + 1) * width + column * TILE) * 3;
            let pairs = lines[start..start + TILE * 3].as_chunks::<6>().0;
            // Alternate rows look at the odd columns, so that vertical rules of one pixel cannot fill a tile.
            let odd = row % 2 * 3;
            for (k, pair) in pairs.iter().enumerate() {
                for (channel, samples) in samples.iter_mut().enumerate() {
                    samples[row * 8 + k] = u16::from(pair[odd + channel]);
                }
            }
        }
        *colour = paper_of(&samples);
    }
}

/// The mean colour of the paper among the samples of a tile: of those that are no darker than the mean of the ones
/// above the mean by more than the noise shows, which is how far the brightest go beyond it.
#[inline(always)]
fn paper_of([red, green, blue]: &[[u16; SAMPLES]; 3]) -> Colour {
    /// Of evenly distributed noise the mean of the upper half is 0.8 and that of the upper fifth 1.4 standard deviations
    /// above the mean: four times their difference takes in all but the lowest 7 %.
    const SPREAD: u16 = 4;
    /// Noise of more than this share of the brightness is print.
    const MOST_NOISE: u16 = 16;
    let mut totals = [0u16; SAMPLES];
    for (k, total) in totals.iter_mut().enumerate() {
        *total = red[k] + green[k] + blue[k];
    }
    let above = |values: &[u16; SAMPLES], least: u16| {
        let (mut sum, mut count) = (0u16, 0u16);
        for (value, &total) in values.iter().zip(&totals) {
            // At most 32 · 765, which fits.
            let counts = if total >= least { u16::MAX } else { 0 };
            sum += value & counts;
            count += counts & 1;
        }
        (sum, count.max(1))
    };
    let mean_above = |least: u16| {
        let (sum, count) = above(&totals, least);
        sum / count
    };
    let bright = mean_above(mean_above(0));
    let noise = SPREAD * (mean_above(bright) - bright).min(bright / (SPREAD * MOST_NOISE));
    let least = bright - noise;
    let mean = |channel: &[u16; SAMPLES]| {
        let (sum, count) = above(channel, least);
        f32::from(sum) / f32::from(count)
    };
    [mean(red), mean(green), mean(blue), 0.0]
}

/// Filters every row, then every column of a surface.
fn sweep(surface: &[Colour], columns: usize, filter: impl Fn(&[Colour]) -> Vec<Colour>) -> Vec<Colour> {
    let rows = surface.len() / columns;
    let mut swept: Vec<Colour> = surface.chunks_exact(columns).flat_map(&filter).collect();
    let mut line = Vec::with_capacity(rows);
    for column in 0..columns {
        line.clear();
        line.extend((0..rows).map(|row| swept[row * columns + column]));
        for (row, colour) in filter(&line).into_iter().enumerate() {
            swept[row * columns + column] = colour;
        }
    }
    swept
}

/// Morphological closing of a line, its ends repeated outwards, so that a slope at the end stays as it is.
fn close(line: &[Colour], reach: usize) -> Vec<Colour> {
    let [Some(&first), Some(&last)] = [line.first(), line.last()] else { return Vec::new() };
    let mut padded = vec![first; 2 * reach];
    padded.extend_from_slice(line);
    padded.resize(padded.len() + 2 * reach, last);
    slide(&mut padded, 2 * reach + 1, |a, b| if a > b { a } else { b });
    slide(&mut padded, 2 * reach + 1, |a, b| if a < b { a } else { b });
    padded
}

/// Combines every window of a line, of the least or largest, in a logarithmic number of passes: windows of twice the
/// length are made of two, and the last two overlap.
fn slide(line: &mut Vec<Colour>, window: usize, pick: impl Fn(f32, f32) -> f32) {
    let mut length = 1;
    while length < window {
        let further = length.min(window - length);
        for i in 0..line.len() - further {
            line[i] = lanes(line[i], line[i + further], &pick);
        }
        line.truncate(line.len() - further);
        length += further;
    }
}

/// Running mean of a line; the window shrinks on both sides near the ends, so that a slope stays as it is.
fn blur(line: &[Colour], reach: usize) -> Vec<Colour> {
    let mut sums = Vec::with_capacity(line.len() + 1);
    sums.push([0.0; 4]);
    for (k, &colour) in line.iter().enumerate() {
        sums.push(lanes(sums[k], colour, |sum, value| sum + value));
    }
    let mean = |k: usize| {
        let reach = reach.min(k).min(line.len() - 1 - k);
        let count = (2 * reach + 1) as f32;
        lanes(sums[k + reach + 1], sums[k - reach], |end, start| (end - start) / count)
    };
    (0..line.len()).map(mean).collect()
}

/// How far a value is on the way from one to another, 0 to 1.
fn share(value: f32, (from, to): (f32, f32)) -> f32 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

/// Combines two colours channel by channel.
fn lanes(a: Colour, b: Colour, combine: impl Fn(f32, f32) -> f32) -> Colour {
    [combine(a[0], b[0]), combine(a[1], b[1]), combine(a[2], b[2]), combine(a[3], b[3])]
}

/// Mean of the channels; no weights, as it is compared only with itself.
fn brightness([red, green, blue, _]: &Colour) -> f32 {
    (red + green + blue) / 3.0
}

/// The value below which a share of the others lies; 0 for none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length is an index")]
fn percentile(values: &mut [f32], share: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let index = ((values.len() - 1) as f32 * share) as usize;
    *values.select_nth_unstable_by(index, f32::total_cmp).1
}

/// One resolution of the push-pull pyramid.
struct Level {
    columns: usize,
    rows: usize,
    /// Colours times weights.
    colour: Vec<Colour>,
    weights: Vec<f32>,
}

fn pull(level: Level) -> Vec<Colour> {
    let (columns, rows) = (level.columns.div_ceil(2), level.rows.div_ceil(2));
    let coarser = if level.weights.contains(&0.0) && level.weights.len() > 1 {
        let mut coarse =
            Level { columns, rows, colour: vec![[0.0; 4]; columns * rows], weights: vec![0.0; columns * rows] };
        for (i, (colour, weight)) in level.colour.iter().zip(&level.weights).enumerate() {
            let target = i / level.columns / 2 * columns + i % level.columns / 2;
            coarse.weights[target] += weight;
            coarse.colour[target] = lanes(coarse.colour[target], *colour, |sum, value| sum + value);
        }
        pull(coarse)
    } else {
        Vec::new()
    };
    let filled = |(i, (colour, &weight)): (usize, (&Colour, &f32))| {
        let above = i / level.columns / 2 * columns + i % level.columns / 2;
        if weight > 0.0 {
            colour.map(|value| value / weight)
        } else {
            coarser.get(above).copied().unwrap_or([255.0; 4])
        }
    };
    level.colour.iter().zip(&level.weights).enumerate().map(filled).collect()
}

/// A gain of 1 in the fixed point of [`Gains`]: sixteen times the largest gain still fits 16 bits.
const UNIT: u16 = 1 << 10;

/// What to multiply the channels with at each tile's centre.
struct Gains {
    columns: usize,
    rows: usize,
    values: Vec<[u16; 3]>,
}

impl Gains {
    fn apply(&self, pixels: &mut [u8], width: usize, kernels: Kernels) {
        let (first, rest) = pixels.split_at_mut(TILE / 2 * width * 3);
        let (mut above, mut below) = (self.spread(0, width), vec![0; width * 3]);
        let (mut gains, mut steps) = (above.clone(), vec![0; width * 3]);
        let mut multiply = |lines: &mut [u8], above: &[u16], below: &[u16]| {
            for (((gain, step), &above), &below) in gains.iter_mut().zip(&mut steps).zip(above).zip(below) {
                *gain = above * TILE_WEIGHT;
                *step = below.wrapping_sub(above);
            }
            lines.chunks_exact_mut(width * 3).for_each(|line| (kernels.multiply)(line, &mut gains, &steps));
        };
        multiply(first, &above, &above);
        for (row, lines) in rest.chunks_mut(TILE * width * 3).enumerate() {
            self.spread_into((row + 1).min(self.rows - 1), &mut below);
            multiply(lines, &above, &below);
            std::mem::swap(&mut above, &mut below);
        }
    }

    fn spread(&self, row: usize, width: usize) -> Vec<u16> {
        let mut line = vec![0; width * 3];
        self.spread_into(row, &mut line);
        line
    }

    /// The gains along a row of tile centres, interpolated to every pixel.
    fn spread_into(&self, row: usize, line: &mut [u16]) {
        let nodes = &self.values[row * self.columns..][..self.columns];
        let (first, rest) = line.split_at_mut(TILE / 2 * 3);
        first.chunks_exact_mut(3).for_each(|gains| gains.copy_from_slice(&nodes[0]));
        for (column, gains) in rest.chunks_mut(TILE * 3).enumerate() {
            let (left, right) = (nodes[column.min(self.columns - 1)], nodes[(column + 1).min(self.columns - 1)]);
            let mut sum = left.map(|gain| gain * TILE_WEIGHT);
            for gains in gains.chunks_exact_mut(3) {
                for (channel, gain) in gains.iter_mut().enumerate() {
                    *gain = sum[channel] / TILE_WEIGHT;
                    sum[channel] = sum[channel].wrapping_add(right[channel].wrapping_sub(left[channel]));
                }
            }
        }
    }
}

/// Sum of the weights of two neighbouring tile centres: [`TILE`].
const TILE_WEIGHT: u16 = 16;

/// Pixels that are multiplied together.
const CELL: usize = 64;

/// Multiplies a line of pixels by gains in units of `1 / (UNIT * TILE_WEIGHT)` and moves these on to the next line.
/// `inline(always)`, so that it is compiled anew for the CPU of whoever calls it.
#[inline(always)]
pub(super) fn multiply_scalar(bytes: &mut [u8], gains: &mut [u16], steps: &[u16]) {
    let (bytes, last_bytes) = bytes.as_chunks_mut();
    let (gains, last_gains) = gains.as_chunks_mut();
    let (steps, last_steps) = steps.as_chunks();
    for ((bytes, gains), steps) in bytes.iter_mut().zip(gains).zip(steps) {
        multiply_cell(bytes, gains, steps);
    }
    let (mut bytes, mut gains, mut steps) = ([0; CELL * 3], [0; CELL * 3], [0; CELL * 3]);
    let count = last_bytes.len();
    bytes[..count].copy_from_slice(last_bytes);
    gains[..count].copy_from_slice(last_gains);
    steps[..count].copy_from_slice(last_steps);
    multiply_cell(&mut bytes, &mut gains, &steps);
    last_bytes.copy_from_slice(&bytes[..count]);
    last_gains.copy_from_slice(&gains[..count]);
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "products are limited to bytes at the end")]
fn multiply_cell(bytes: &mut [u8; CELL * 3], gains: &mut [u16; CELL * 3], steps: &[u16; CELL * 3]) {
    /// Paper noise may clip up to here; what lies above is a colour that must keep its hue.
    const CLIPS_UNSEEN: i16 = 263;
    let mut products = [0i16; CELL * 3];
    let mut most = 0;
    for (((product, &byte), gain), &step) in products.iter_mut().zip(&*bytes).zip(gains).zip(steps) {
        *product = times(byte, *gain);
        most = most.max(*product);
        *gain = gain.wrapping_add(step);
    }
    if most > CLIPS_UNSEEN {
        products.as_chunks_mut::<3>().0.iter_mut().for_each(dim);
    }
    for (byte, product) in bytes.iter_mut().zip(&products) {
        *byte = (*product).min(255) as u8;
    }
}

/// A byte times a gain in units of `1 / (UNIT * TILE_WEIGHT)`, rounded, not yet limited to a byte. The bytes of the gain
/// are multiplied apart, so that all fits 16 bits: twice as many at a time as with products of 32 bits.
#[inline(always)]
fn times(byte: u8, gain: u16) -> i16 {
    let byte = u16::from(byte);
    ((byte * (gain >> 8) + ((byte * (gain & 255)) >> 8) + 32) >> 6) as i16
}

/// Brings a colour back into range as a whole.
#[expect(clippy::cast_possible_truncation, reason = "no value is larger than the largest")]
fn dim(pixel: &mut [i16; 3]) {
    let most = i32::from(pixel[0].max(pixel[1]).max(pixel[2]));
    if most > 255 {
        for value in pixel {
            *value = ((i32::from(*value) * 255 + most / 2) / most) as i16;
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test pictures are small")]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    const SIZE: u32 = 640;

    /// A page with lines of "text" (dark strokes over a quarter of the area), lit by `light`, in 0 to 1.
    fn page(light: impl Fn(u32, u32) -> [f32; 3]) -> RgbImage {
        RgbImage::from_fn(SIZE, SIZE, |x, y| {
            let ink = y % 40 < 16 && x % 12 < 4 && (60..580).contains(&x);
            let reflectance = if ink { 30.0 } else { 250.0 };
            Rgb(light(x, y).map(|light| (reflectance * light) as u8))
        })
    }

    fn grey_light(level: f32) -> [f32; 3] {
        [level; 3]
    }

    /// Light falling off to `deepest` in the lower right corner, softly.
    fn shadow(x: u32, y: u32, deepest: f32) -> f32 {
        let distance = (SIZE - x) as f32 + (SIZE - y) as f32;
        deepest + (0.95 - deepest) * (distance / 500.0).min(1.0)
    }

    fn paint(page: &mut RgbImage, colour: [u8; 3], x: std::ops::Range<u32>, y: std::ops::Range<u32>) {
        x.for_each(|x| y.clone().for_each(|y| page.put_pixel(x, y, Rgb(colour))));
    }

    #[test]
    fn an_even_white_page_is_left_alone() {
        let original = page(|_, _| grey_light(0.99));
        let mut normalized = original.clone();
        assert!(!normalize(&mut normalized, Light::Room));
        assert_eq!(normalized, original);
    }

    #[test]
    fn shadow_and_cast_are_removed_from_the_paper() {
        let mut page = page(|x, y| [1.0, 0.96, 0.9].map(|tint| tint * shadow(x, y, 0.45)));
        assert!(normalize(&mut page, Light::Room));
        for (x, y, pixel) in page.enumerate_pixels().filter(|(x, y, _)| y % 40 > 18 && *x > 20 && *y > 20) {
            assert!(pixel.0.iter().all(|v| (232..=255).contains(v)), "{pixel:?} at {x},{y}");
        }
    }

    #[test]
    fn a_red_seal_keeps_its_hue_when_the_page_gets_lighter() {
        let mut page = page(|_, _| grey_light(0.75));
        paint(&mut page, [215, 50, 60], 300..420, 300..420);
        normalize(&mut page, Light::Room);
        let [r, g, b] = page.get_pixel(360, 360).0.map(f32::from);
        assert!((g / r - 50.0 / 215.0).abs() < 0.02 && (b / r - 60.0 / 215.0).abs() < 0.02, "{r} {g} {b}");
        assert!(r > 240.0);
    }

    #[test]
    fn faint_pencil_and_a_broad_watermark_keep_their_contrast() {
        let mut page = page(|_, _| grey_light(0.8));
        paint(&mut page, [188; 3], 100..500, 20..22);
        paint(&mut page, [191; 3], 400..420, 100..500);
        normalize(&mut page, Light::Room);
        let paper = f32::from(page.get_pixel(20, 20)[0]);
        assert!(f32::from(page.get_pixel(300, 21)[0]) / paper < 0.96);
        assert!(f32::from(page.get_pixel(410, 298)[0]) / paper < 0.975);
    }

    #[test]
    fn a_photograph_on_the_page_is_not_bleached() {
        let mut page = page(|_, _| grey_light(0.8));
        paint(&mut page, [120, 118, 116], 100..300, 100..340);
        normalize(&mut page, Light::Room);
        assert!(page.get_pixel(200, 220)[0] < 160);
    }

    #[test]
    fn a_picture_without_paper_is_left_alone() {
        let original = RgbImage::from_fn(320, 320, |x, y| {
            let value = |n: u32| ((x / 24 * (37 + n) + y / 24 * (91 + n)) % 200).to_le_bytes()[0];
            Rgb([value(3), value(40), value(77)])
        });
        let mut picture = original.clone();
        assert!(!normalize(&mut picture, Light::Room));
        assert_eq!(picture, original);
    }

    #[test]
    fn paper_that_is_coloured_on_purpose_stays_coloured() {
        let mut page = page(|_, _| [0.9, 0.62, 0.66]);
        normalize(&mut page, Light::Room);
        let [r, g, _] = page.get_pixel(20, 20).0.map(f32::from);
        assert!((g / r - 0.62 / 0.9).abs() < 0.04 && r > 235.0, "{r} {g}");
    }

    #[test]
    fn old_paper_becomes_neutral_and_pink_paper_stays_pink() {
        let mut old = page(|_, _| [0.93, 0.87, 0.75]);
        assert!(normalize(&mut old, Light::Scanner));
        let paper = old.get_pixel(20, 20).0;
        assert!(paper.iter().max().unwrap() - paper.iter().min().unwrap() <= 2 && paper[0] >= 244, "{paper:?}");
        let mut pink = page(|_, _| [0.96, 0.86, 0.88]);
        normalize(&mut pink, Light::Scanner);
        let [r, g, _] = pink.get_pixel(20, 20).0.map(f32::from);
        assert!((g / r - 0.86 / 0.96).abs() < 0.02, "{r} {g}");
    }

    /// A soft round spot of 12 mm that lets through the given shares of the light in its middle.
    fn spot(x: u32, y: u32, middle: [f32; 3]) -> [f32; 3] {
        let distance = (x as f32 - 400.0).hypot(y as f32 - 300.0);
        let depth = (1.5 - distance / 60.0).clamp(0.0, 1.0);
        middle.map(|share| 0.98 - (1.0 - share) * depth)
    }

    #[test]
    fn stains_are_removed_and_other_soft_colours_kept() {
        let after = |middle: [f32; 3]| {
            let mut page = page(|x, y| spot(x, y, middle));
            normalize(&mut page, Light::Scanner);
            page.get_pixel(402, 300).0.map(f32::from)
        };
        assert!(after([0.96, 0.92, 0.82]).into_iter().all(|value| value > 240.0));
        let [r, g, _] = after([0.96, 0.84, 0.88]);
        assert!(g / r < 0.92, "{r} {g}");
        let [r, _, b] = after([0.86, 0.9, 0.96]);
        assert!(r / b < 0.94, "{r} {b}");
    }

    #[test]
    fn a_shadow_with_an_edge_of_a_few_millimetres_is_removed() {
        let mut page = page(|x, y| grey_light((0.95 - (x + y / 4) as f32 / 160.0 + 1.9).clamp(0.5, 0.95)));
        assert!(normalize(&mut page, Light::Room));
        let margin = |x: u32| page.get_pixel(x, 30)[0];
        assert!((20..620).all(|x| (225..=255).contains(&margin(x))), "{:?}", (20..620).map(margin).min());
    }

    #[test]
    fn a_dark_area_with_soft_edges_inside_the_page_is_a_picture() {
        let mut page = page(|x, y| {
            let distance = (x as f32 - 320.0).hypot(y as f32 - 320.0);
            grey_light((distance / 240.0).clamp(0.4, 0.95))
        });
        normalize(&mut page, Light::Room);
        assert!(page.get_pixel(318, 318)[0] < 180);
    }

    #[test]
    fn noise_does_not_lift_the_estimate() {
        let mut noisy = page(|x, y| {
            let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(2_246_822_519)) >> 28;
            grey_light(0.85 + noise as f32 / 255.0 - 7.5 / 255.0)
        });
        normalize(&mut noisy, Light::Room);
        let margin = |(_, y, _): &(u32, u32, &Rgb<u8>)| y % 40 > 18;
        let levels: Vec<f32> = noisy.enumerate_pixels().filter(margin).map(|(_, _, p)| f32::from(p[0])).collect();
        let mean = levels.iter().sum::<f32>() / levels.len() as f32;
        assert!((243.0..249.0).contains(&mean), "{mean}");
    }

    #[test]
    fn a_second_correction_finds_nothing_to_do() {
        let mut page = page(|x, y| [1.0, 0.95, 0.85].map(|tint| tint * shadow(x, y, 0.45)));
        assert!(normalize(&mut page, Light::Room));
        assert!(!normalize(&mut page, Light::Room));
    }

    #[test]
    fn the_gain_is_continuous_from_tile_to_tile() {
        let mut page = page(|x, y| grey_light(shadow(x, y, 0.45)));
        let before = page.clone();
        normalize(&mut page, Light::Room);
        for x in 1..SIZE {
            let gain = |x: u32| f32::from(page.get_pixel(x, 30)[0]) / f32::from(before.get_pixel(x, 30)[0]);
            assert!((gain(x) - gain(x - 1)).abs() < 0.02, "at {x}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_picture_of_any_size_is_accepted_and_never_darkened(
            (width, height) in (0..150u32, 0..150u32), seed in any::<u32>(), spread in 1..255u32,
        ) {
            let original = RgbImage::from_fn(width, height, |x, y| {
                let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)).wrapping_add(seed);
                Rgb([0, 8, 16].map(|shift| (255 - (noise >> shift) % spread).to_le_bytes()[0]))
            });
            let mut page = original.clone();
            normalize(&mut page, Light::Room);
            for (after, before) in page.pixels().zip(original.pixels()) {
                prop_assert!(after.0.iter().max() >= before.0.iter().max());
            }
        }
    }
}
