//! Even, white light on a page: shadow, fall-off and the cast of lamp or old paper are divided out, colours stay.
//!
//! Method: the paper's colour is estimated in tiles of [`TILE`]² pixels (mean of the pixels above the mean of the
//! brighter ones, so that ink does not count). Starting from the usual bright tiles, paper is grown from tile to tile as
//! long as brightness and tint change softly, as light does and print does not: photographs, seals, fingers, grey table
//! heads and the desk are left out and filled from their surroundings. A morphological closing and a blur make the
//! surface smooth at the scale of [`REACH`], so that a watermark is not taken for a shadow. Each pixel is then
//! multiplied by [`PAPER`] over the local paper colour, bilinearly between tile centres, in fixed point. A colour that
//! would leave the range of bytes is dimmed as a whole and keeps its hue: a red seal never turns pink by clipping.
//!
//! The page is left alone when it is evenly lit and white already, or when little of it looks like paper (cards,
//! photographs). Nothing is thresholded: what was on the paper keeps its contrast to the paper around it.
//!
//! Limits: a shadow with a hard edge (direct sun) stays; so does one narrower than twice [`REACH`].

use image::RgbImage;

/// Side of a tile, pixels: 1.4 mm at 300 dpi, about a letter, so that a tile inside a text line still shows paper.
const TILE: usize = 16;

/// Paper comes out at this brightness: white to the eye, with room above for the paper's own texture (noise of
/// ±3 standard deviations on phone photos is about ±10 levels).
const PAPER: f32 = 246.0;

/// Strongest amplification. Paper in deep shadow is noise, and three times noise is all that a page can bear.
const LARGEST_GAIN: f32 = 3.0;

/// Largest relative step of paper brightness between neighbouring tiles. A shadow that halves the light over 15 mm
/// changes 6 % a tile; the edge of a photograph or of a light grey table head (85 %) is steeper.
const SOFT_STEP: f32 = 0.07;

/// Largest step of tint (channel over brightness) between neighbouring tiles.
const SOFT_TINT_STEP: f32 = 0.05;

/// Largest departure of a tile's tint from the page's paper; stains and mixed light stay within it, blue and red print
/// does not (0.3 and more).
const SAME_PAPER_TINT: f32 = 0.16;

/// Half width of the closing, as a share of the shorter side: 8 mm on A4, more than the strokes of a watermark.
const REACH: f32 = 0.04;

/// Pages with less paper than this share of their tiles are photographs or cards.
const LEAST_PAPER: f32 = 0.4;

/// Light that varies less than this between the darkest and the brightest 2 % of the paper is even.
const EVEN: f32 = 0.04;

/// Paper at least this bright, and with no more cast than [`NO_CAST`], is white already.
const WHITE: f32 = 236.0;

/// Largest departure of a channel from brightness that nobody sees as a tint.
const NO_CAST: f32 = 0.02;

/// Casts up to the first are taken out whole (lamps, camera white balance, yellowed paper: up to 0.12 on the phone
/// pictures of the evaluation set); beyond the second it is the paper that is coloured, and stays so.
const CAST_REMOVED: (f32, f32) = (0.10, 0.25);

/// Corrects the light of a page in place: shadow and uneven light removed, paper near white, colours kept. Returns
/// whether anything was changed; evenly lit white pages and pictures without dominant paper are left as they are.
pub fn normalize(page: &mut RgbImage) -> bool {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let Some(mut paper) = Paper::<3>::of(page.as_raw(), width, height) else { return false };
    if paper.is_white() {
        return false;
    }
    paper.keep_coloured_paper();
    let gains = paper.gains(PAPER);
    gains.apply(page, width);
    true
}

/// The colour of the paper in every tile, row by row.
struct Paper<const C: usize> {
    columns: usize,
    rows: usize,
    colour: Vec<[f32; C]>,
    /// Tiles in which paper was seen, not filled in.
    seen: Vec<bool>,
}

impl<const C: usize> Paper<C> {
    /// Estimates the paper of a page, `None` where there is little of it.
    fn of(pixels: &[u8], width: usize, height: usize) -> Option<Self> {
        let (columns, rows) = (width / TILE, height / TILE);
        if columns < 4 || rows < 4 {
            return None;
        }
        let mut colour = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                colour.push(tile_paper::<C>(pixels, width, column * TILE, row * TILE));
            }
        }
        let mut paper = Self { columns, rows, colour, seen: vec![false; columns * rows] };
        paper.grow();
        let seen = paper.seen.iter().filter(|&&seen| seen).count();
        if (seen as f32) < LEAST_PAPER * paper.seen.len() as f32 {
            return None;
        }
        paper.fill();
        paper.smooth();
        Some(paper)
    }

    /// Marks as seen all tiles that are joined to the usual bright ones by soft steps.
    fn grow(&mut self) {
        let mut levels: Vec<f32> = self.colour.iter().map(brightness).collect();
        let usual = percentile(&mut levels, 0.8);
        let starts = |colour: &[f32; C]| (0.92..1.08).contains(&(brightness(colour) / usual));
        let mut tint = [0.0; C];
        let started: Vec<usize> = (0..self.colour.len()).filter(|&i| starts(&self.colour[i])).collect();
        for (channel, value) in tint.iter_mut().enumerate() {
            let mut tints: Vec<f32> = started.iter().map(|&i| tint_of(&self.colour[i])[channel]).collect();
            *value = percentile(&mut tints, 0.5);
        }
        let same_paper = |colour: &[f32; C]| tint_distance(&tint_of(colour), &tint) < SAME_PAPER_TINT;
        let mut open: Vec<usize> = started.into_iter().filter(|&i| same_paper(&self.colour[i])).collect();
        for &i in &open {
            self.seen[i] = true;
        }
        while let Some(from) = open.pop() {
            for to in self.neighbours(from).into_iter().flatten() {
                let (a, b) = (&self.colour[from], &self.colour[to]);
                let (la, lb) = (brightness(a), brightness(b));
                let soft = (la - lb).abs() <= SOFT_STEP * la.max(lb)
                    && tint_distance(&tint_of(a), &tint_of(b)) <= SOFT_TINT_STEP;
                if !self.seen[to] && soft && same_paper(b) {
                    self.seen[to] = true;
                    open.push(to);
                }
            }
        }
    }

    fn neighbours(&self, i: usize) -> [Option<usize>; 4] {
        let (column, row) = (i % self.columns, i / self.columns);
        [
            (column > 0).then(|| i - 1),
            (column + 1 < self.columns).then(|| i + 1),
            (row > 0).then(|| i - self.columns),
            (row + 1 < self.rows).then(|| i + self.columns),
        ]
    }

    /// Gives tiles without paper the mean of the seen ones around them, from the smallest block up that has any
    /// (push-pull interpolation after Gortler et al. 1996, "The Lumigraph").
    fn fill(&mut self) {
        let weights = self.seen.iter().map(|&seen| if seen { 1.0 } else { 0.0 }).collect();
        let colour = self.colour.iter().zip(&self.seen).map(|(c, &s)| if s { *c } else { [0.0; C] }).collect();
        let filled = pull(Level { columns: self.columns, rows: self.rows, colour, weights });
        for ((colour, filled), seen) in self.colour.iter_mut().zip(filled).zip(&self.seen) {
            if !seen {
                *colour = filled;
            }
        }
    }

    /// Closes dark features narrower than twice the reach, then blurs.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number of tiles")]
    fn smooth(&mut self) {
        let reach = (REACH * self.columns.min(self.rows) as f32).round().max(1.0) as usize;
        self.sweep(|line, out| close(line, reach, out));
        self.sweep(|line, out| blur(line, reach.div_ceil(2), out));
        self.sweep(|line, out| blur(line, reach.div_ceil(2), out));
    }

    /// Replaces every row, then every column of the surface by a filtered one.
    fn sweep(&mut self, filter: impl Fn(&[f32], &mut Vec<f32>)) {
        let (columns, rows) = (self.columns, self.rows);
        let (mut line, mut filtered) = (Vec::new(), Vec::new());
        let mut along = |start: usize, step: usize, count: usize, channel: usize| {
            line.clear();
            line.extend((0..count).map(|k| self.colour[start + k * step][channel]));
            filtered.clear();
            filter(&line, &mut filtered);
            for (k, &value) in filtered.iter().enumerate() {
                self.colour[start + k * step][channel] = value;
            }
        };
        for channel in 0..C {
            (0..rows).for_each(|row| along(row * columns, 1, columns, channel));
            (0..columns).for_each(|column| along(column, columns, rows, channel));
        }
    }

    fn is_white(&self) -> bool {
        let mut levels: Vec<f32> = self.colour.iter().map(brightness).collect();
        let (dark, bright) = (percentile(&mut levels, 0.02), percentile(&mut levels, 0.98));
        let cast = self.colour.iter().map(|c| tint_distance(&tint_of(c), &[1.0; C])).sum::<f32>();
        dark >= WHITE && bright - dark <= EVEN * bright && cast <= NO_CAST * levels.len() as f32
    }

    /// Weakens strong casts, so that paper which is coloured on purpose is lightened but not bleached.
    fn keep_coloured_paper(&mut self) {
        let (from, to) = CAST_REMOVED;
        for colour in &mut self.colour {
            let (level, tint) = (brightness(colour), tint_of(colour));
            let kept = ((tint_distance(&tint, &[1.0; C]) - from) / (to - from)).clamp(0.0, 1.0);
            let removed = tint.map(|t| 1.0 + (t - 1.0) * (1.0 - kept));
            // The brightest channel of the paper comes out at the paper's target, not above it.
            let excess = tint.iter().zip(&removed).map(|(t, r)| t / r).fold(1.0, f32::max);
            for (value, removed) in colour.iter_mut().zip(removed) {
                *value = level * removed * excess;
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and LARGEST_GAIN")]
    fn gains(&self, target: f32) -> Gains<C> {
        let fixed = |colour: &[f32; C]| {
            let gains = colour.map(|value| (target / value.max(1.0)).max(1.0));
            let excess = gains.iter().fold(1.0, |most: f32, gain| most.max(gain / LARGEST_GAIN));
            gains.map(|gain| ((gain / excess).max(1.0) * f32::from(UNIT)).round() as u16)
        };
        Gains { columns: self.columns, rows: self.rows, values: self.colour.iter().map(fixed).collect() }
    }
}

/// The mean colour of the paper in a tile: of 32 pixels, those above the mean of the ones above the mean.
fn tile_paper<const C: usize>(pixels: &[u8], width: usize, left: usize, top: usize) -> [f32; C] {
    const STEP_X: usize = 2;
    const STEP_Y: usize = 4;
    const SAMPLES: usize = TILE / STEP_X * (TILE / STEP_Y);
    let mut samples = [[0u16; C]; SAMPLES];
    for (row, samples) in samples.chunks_exact_mut(TILE / STEP_X).enumerate() {
        // Alternate rows look at the odd columns, so that vertical rules of one pixel cannot fill a tile.
        let start = ((top + row * STEP_Y + 1) * width + left + row % 2) * C;
        let line = &pixels[start..start + (TILE - STEP_X + 1) * C];
        for (sample, pixel) in samples.iter_mut().zip(line.chunks(STEP_X * C)) {
            for (value, &byte) in sample.iter_mut().zip(pixel) {
                *value = u16::from(byte);
            }
        }
    }
    let totals = samples.map(|sample| sample.iter().sum::<u16>());
    let mut least = 0;
    for _ in 0..2 {
        let (mut sum, mut count) = (0, 0);
        for total in totals {
            let counts = u16::from(total >= least);
            // At most 32 · 765, which fits.
            sum += counts * total;
            count += counts;
        }
        least = sum / count.max(1);
    }
    let (mut sums, mut count) = ([0u16; C], 0u16);
    for (sample, total) in samples.iter().zip(totals) {
        let counts = u16::from(total >= least);
        count += counts;
        for (sum, &value) in sums.iter_mut().zip(sample) {
            *sum += counts * value;
        }
    }
    sums.map(|sum| f32::from(sum) / f32::from(count.max(1)))
}

/// Morphological closing of a line, its ends repeated outwards, so that a slope at the end stays as it is.
fn close(line: &[f32], reach: usize, out: &mut Vec<f32>) {
    let window = 2 * reach + 1;
    let [Some(&first), Some(&last)] = [line.first(), line.last()] else { return };
    let mut padded = vec![first; 2 * reach];
    padded.extend_from_slice(line);
    padded.resize(padded.len() + 2 * reach, last);
    let most = |a: f32, b: f32| if a > b { a } else { b };
    let least = |a: f32, b: f32| if a < b { a } else { b };
    let dilated: Vec<f32> = padded.windows(window).map(|w| w.iter().copied().fold(f32::MIN, most)).collect();
    out.extend(dilated.windows(window).map(|w| w.iter().copied().fold(f32::MAX, least)));
}

/// Running mean of a line; the window shrinks on both sides near the ends, so that a slope stays as it is.
fn blur(line: &[f32], reach: usize, out: &mut Vec<f32>) {
    out.extend((0..line.len()).map(|k| {
        let reach = reach.min(k).min(line.len() - 1 - k);
        line[k - reach..=k + reach].iter().sum::<f32>() / (2 * reach + 1) as f32
    }));
}

/// Mean of the channels; no weights, as it is compared only with itself.
fn brightness<const C: usize>(colour: &[f32; C]) -> f32 {
    colour.iter().sum::<f32>() / C as f32
}

/// The channels over their mean: 1 is neutral.
fn tint_of<const C: usize>(colour: &[f32; C]) -> [f32; C] {
    let level = brightness(colour).max(1.0);
    colour.map(|value| value / level)
}

fn tint_distance<const C: usize>(a: &[f32; C], b: &[f32; C]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
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
struct Level<const C: usize> {
    columns: usize,
    rows: usize,
    /// Colours times weights.
    colour: Vec<[f32; C]>,
    weights: Vec<f32>,
}

fn pull<const C: usize>(level: Level<C>) -> Vec<[f32; C]> {
    let (columns, rows) = (level.columns.div_ceil(2), level.rows.div_ceil(2));
    let coarser = if level.weights.contains(&0.0) && level.weights.len() > 1 {
        let mut coarse =
            Level { columns, rows, colour: vec![[0.0; C]; columns * rows], weights: vec![0.0; columns * rows] };
        for (i, (colour, weight)) in level.colour.iter().zip(&level.weights).enumerate() {
            let target = i / level.columns / 2 * columns + i % level.columns / 2;
            coarse.weights[target] += weight;
            for (sum, value) in coarse.colour[target].iter_mut().zip(colour) {
                *sum += value;
            }
        }
        pull(coarse)
    } else {
        Vec::new()
    };
    let filled = |(i, (colour, &weight)): (usize, (&[f32; C], &f32))| {
        let above = i / level.columns / 2 * columns + i % level.columns / 2;
        if weight > 0.0 {
            colour.map(|value| value / weight)
        } else {
            coarser.get(above).copied().unwrap_or([255.0; C])
        }
    };
    level.colour.iter().zip(&level.weights).enumerate().map(filled).collect()
}

/// A gain of 1 in the fixed point of [`Gains`]: sixteen times the largest gain still fits 16 bits.
const UNIT: u16 = 1 << 10;

/// What to multiply the channels with at each tile's centre.
struct Gains<const C: usize> {
    columns: usize,
    rows: usize,
    values: Vec<[u16; C]>,
}

impl<const C: usize> Gains<C> {
    fn apply(&self, pixels: &mut [u8], width: usize) {
        // Gains along the rows of tile centres above and below the current row of pixels.
        let (mut above, mut below) = (vec![0; width * C], vec![0; width * C]);
        let mut current = usize::MAX;
        for (y, line) in pixels.chunks_exact_mut(width * C).enumerate() {
            let (row, weight) = place(y, self.rows);
            if row != current {
                self.spread(row, &mut above);
                self.spread((row + 1).min(self.rows - 1), &mut below);
                current = row;
            }
            let cells = above.chunks(CELL * C).zip(below.chunks(CELL * C));
            for (bytes, (above, below)) in line.chunks_mut(CELL * C).zip(cells) {
                multiply::<C>(bytes, above, below, weight);
            }
        }
    }

    /// The gains along a row of tile centres, interpolated to every pixel.
    fn spread(&self, row: usize, line: &mut [u16]) {
        let nodes = &self.values[row * self.columns..][..self.columns];
        for (x, gains) in line.chunks_exact_mut(C).enumerate() {
            let (left, weight) = place(x, self.columns);
            let (left, right) = (&nodes[left], &nodes[(left + 1).min(self.columns - 1)]);
            for (channel, gain) in gains.iter_mut().enumerate() {
                *gain = (left[channel] * (TILE_WEIGHT - weight) + right[channel] * weight) / TILE_WEIGHT;
            }
        }
    }
}

/// Sum of the weights of two neighbouring tile centres: [`TILE`].
const TILE_WEIGHT: u16 = 16;

/// The tile centre before a pixel and the weight of the one after it, of [`TILE_WEIGHT`].
#[expect(clippy::cast_possible_truncation, reason = "a remainder by TILE")]
fn place(pixel: usize, tiles: usize) -> (usize, u16) {
    let position = pixel.saturating_sub(TILE / 2).min((tiles - 1) * TILE);
    (position / TILE, (position % TILE) as u16)
}

/// Pixels that are multiplied together.
const CELL: usize = 64;

/// Multiplies up to a cell of pixels with the mixture of two rows of gains.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "products are limited to bytes at the end")]
fn multiply<const C: usize>(bytes: &mut [u8], above: &[u16], below: &[u16], weight: u16) {
    /// Paper noise may clip up to here; what lies above is a colour that must keep its hue.
    const CLIPS_UNSEEN: i16 = 263;
    let mut products = [0i16; CELL * 3];
    let mut most = 0;
    for (((product, &byte), &above), &below) in products.iter_mut().zip(&*bytes).zip(above).zip(below) {
        *product = times(byte, above * (TILE_WEIGHT - weight) + below * weight);
        most = most.max(*product);
    }
    if C > 1 && most > CLIPS_UNSEEN {
        for pixel in products.chunks_exact_mut(C) {
            dim(pixel);
        }
    }
    for (byte, product) in bytes.iter_mut().zip(products) {
        *byte = product.min(255) as u8;
    }
}

/// A byte times a gain in units of `1 / (UNIT * TILE_WEIGHT)`, that is 2⁻¹⁴; rounded, not yet limited to a byte. Written
/// as the upper half of a 16-bit product, for which CPUs have an instruction.
fn times(byte: u8, gain: u16) -> i16 {
    let shifted = ((u32::from(u16::from(byte) << 8) * u32::from(gain)) >> 16) as u16;
    ((shifted + 32) >> 6) as i16
}

/// Brings a colour back into range as a whole.
#[expect(clippy::cast_possible_truncation, reason = "no value is larger than the largest")]
fn dim(pixel: &mut [i16]) {
    let most = i32::from(pixel.iter().copied().max().unwrap_or(0));
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
        assert!(!normalize(&mut normalized));
        assert_eq!(normalized, original);
    }

    #[test]
    fn shadow_and_cast_are_removed_from_the_paper() {
        let mut page = page(|x, y| [1.0, 0.96, 0.9].map(|tint| tint * shadow(x, y, 0.45)));
        assert!(normalize(&mut page));
        for (x, y, pixel) in page.enumerate_pixels().filter(|(x, y, _)| y % 40 > 18 && *x > 20 && *y > 20) {
            assert!(pixel.0.iter().all(|v| (232..=255).contains(v)), "{pixel:?} at {x},{y}");
        }
    }

    #[test]
    fn a_red_seal_keeps_its_hue_when_the_page_gets_lighter() {
        let mut page = page(|_, _| grey_light(0.75));
        paint(&mut page, [215, 50, 60], 300..420, 300..420);
        normalize(&mut page);
        let [r, g, b] = page.get_pixel(360, 360).0.map(f32::from);
        assert!((g / r - 50.0 / 215.0).abs() < 0.02 && (b / r - 60.0 / 215.0).abs() < 0.02, "{r} {g} {b}");
        assert!(r > 240.0);
    }

    #[test]
    fn faint_pencil_and_a_broad_watermark_keep_their_contrast() {
        let mut page = page(|_, _| grey_light(0.8));
        paint(&mut page, [188; 3], 100..500, 20..22);
        paint(&mut page, [191; 3], 400..420, 100..500);
        normalize(&mut page);
        let paper = f32::from(page.get_pixel(20, 20)[0]);
        assert!(f32::from(page.get_pixel(300, 21)[0]) / paper < 0.96);
        assert!(f32::from(page.get_pixel(410, 298)[0]) / paper < 0.975);
    }

    #[test]
    fn a_photograph_on_the_page_is_not_bleached() {
        let mut page = page(|_, _| grey_light(0.8));
        paint(&mut page, [120, 118, 116], 100..300, 100..340);
        normalize(&mut page);
        assert!(page.get_pixel(200, 220)[0] < 160);
    }

    #[test]
    fn a_picture_without_paper_is_left_alone() {
        let original = RgbImage::from_fn(320, 320, |x, y| {
            let value = |n: u32| ((x / 24 * (37 + n) + y / 24 * (91 + n)) % 200).to_le_bytes()[0];
            Rgb([value(3), value(40), value(77)])
        });
        let mut picture = original.clone();
        assert!(!normalize(&mut picture));
        assert_eq!(picture, original);
    }

    #[test]
    fn paper_that_is_coloured_on_purpose_stays_coloured() {
        let mut page = page(|_, _| [0.9, 0.62, 0.66]);
        normalize(&mut page);
        let [r, g, _] = page.get_pixel(20, 20).0.map(f32::from);
        assert!((g / r - 0.62 / 0.9).abs() < 0.04 && r > 235.0, "{r} {g}");
    }

    #[test]
    fn the_gain_is_continuous_from_tile_to_tile() {
        let mut page = page(|x, y| grey_light(shadow(x, y, 0.45)));
        let before = page.clone();
        normalize(&mut page);
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
            normalize(&mut page);
            for (after, before) in page.pixels().zip(original.pixels()) {
                prop_assert!(after.0.iter().max() >= before.0.iter().max());
            }
        }
    }
}
