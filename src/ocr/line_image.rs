//! One line cut out of the page for the engine: straightened, scaled, other ink painted white.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use image::GrayImage;

use super::lines::{Baseline, Line};
use super::prepare::Prepared;
use crate::imaging::components::Bounds;

/// Height of a line image, pixels. The network sees 36 rows; handing it 48 and letting it scale down itself reads
/// better than 36 (CER 0.32 against 0.39 % on seven pages), 72 costs a quarter more and gains nothing.
const IMAGE_HEIGHT: u32 = 48;

/// White columns left and right. The recogniser takes wider margins for marks: with 10 it puts quotes before lines and
/// colons after them (word F1 0.89 against 0.96 on six pages).
const MARGIN: u32 = 3;

/// Room above the baseline in multiples of the letter height: at least, so that lines without ascenders are not blown
/// up; at most, so that a stray speck does not shrink the line.
const RISE: [f64; 2] = [1.4, 2.3];

/// Most room below the baseline in multiples of the letter height.
const MOST_FALL: f64 = 0.7;

/// How large a line stands in its image: the network reads the same print at one size and misreads it at another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    /// Least room below the baseline in multiples of the letter height.
    fall: f64,
    /// White rows above and below, as a share of the height of the ink.
    margin: f64,
}

impl Framing {
    /// What reads best if it is the only one: of 60 generated pages printed scans 2.54 % of the
    /// characters wrong, 3.42 with 0.3 and 0.04, 2.59 with 0.5 and 0.08.
    pub(crate) const FIRST: Self = Self { fall: 0.4, margin: 0.08 };
    /// A smaller print for a second look: 2.54 to 1.83 % on the same pages where either reading that is surer is taken.
    pub(crate) const SECOND: Self = Self { fall: 0.5, margin: 0.15 };
}

/// A dot below a letter: largest side, and least distance from the baseline, in multiples of the letter height. Commas and
/// points begin on the baseline or above it.
const DOT_BELOW: [f64; 2] = [0.4, 0.04];

/// Widest line image, pixels: 400 times its height is no line of print.
const LONGEST: f64 = 20_000.0;

/// Samples a side that a pixel of the line image is averaged over, at most: reductions by more than this are of print
/// so large that none of it is lost.
const MOST_SAMPLES: u32 = 4;

/// A line cut out for the engine: straightened along its baseline, other lines' ink painted white.
pub(crate) struct LineImage {
    /// Dark on white.
    pub(crate) pixels: GrayImage,
    /// Working pixels per pixel of the image.
    step: f64,
    left: f64,
    parts: Vec<Bounds>,
    size: f64,
    baseline: Baseline,
}

impl LineImage {
    /// Cuts a line out; `None` for one without extent.
    pub(crate) fn cut(page: &Prepared, line: &Line, framing: Framing) -> Option<Self> {
        let list = &page.components.list;
        let parts: Vec<Bounds> = line.members.iter().map(|&m| list[m as usize].bounds).collect();
        let from_baseline = |b: &Bounds| line.baseline_at(b.center_x());
        let own = || {
            let shared = |m: &&u32| line.shared.binary_search(m).is_ok();
            line.members.iter().filter(move |m| !shared(m)).map(|&m| list[m as usize].bounds)
        };
        let rise = own().map(|b| from_baseline(&b) - f64::from(b.y0)).fold(0.0, f64::max);
        let fall = own().map(|b| f64::from(b.y1) - from_baseline(&b)).fold(0.0, f64::max);
        let rise = rise.clamp(RISE[0] * line.size, RISE[1] * line.size);
        let fall = fall.clamp(framing.fall * line.size, MOST_FALL * line.size);
        let height = (rise + fall) * (1.0 + 2.0 * framing.margin);
        let step = height / f64::from(IMAGE_HEIGHT);
        let width = (f64::from(line.bounds.width()) / step).ceil();
        if !(1.0..=LONGEST).contains(&width) || step <= 0.0 {
            return None;
        }
        let patch = Patch::copy(page, line, height.ceil() as i32 + 2);
        let left = f64::from(line.bounds.x0) - f64::from(MARGIN) * step;
        let top = |x: f64| line.baseline.at(x) - rise - (rise + fall) * framing.margin;
        let mut pixels = patch.resample(width as u32 + 2 * MARGIN, step, left, top);
        even_ink(&mut pixels);
        Some(Self { pixels, step, left, parts, size: line.size, baseline: line.baseline })
    }

    /// Whether a dot stands below the baseline between two columns of the image: apart from the letter above it, as high as
    /// wide, and no larger than such dots are.
    pub(crate) fn has_dot_below(&self, x0: u32, x1: u32) -> bool {
        let columns = self.column(x0)..self.column(x1);
        let is_dot = |b: &Bounds| {
            let (least, most) = (b.width().min(b.height()), b.width().max(b.height()));
            most <= least * 2
                && f64::from(most) <= DOT_BELOW[0] * self.size
                && f64::from(b.y0) >= self.baseline.at(f64::from(b.center_x())) + DOT_BELOW[1] * self.size
        };
        self.parts.iter().any(|b| columns.contains(&b.center_x()) && is_dot(b))
    }

    /// The column of the page at a column of the image, working pixels.
    fn column(&self, x: u32) -> i32 {
        (self.left + f64::from(x) * self.step).round() as i32
    }

    /// Box of the ink between two columns of the image, working pixels; `None` when there is no width.
    pub(crate) fn ink_between(&self, x0: u32, x1: u32) -> Option<Bounds> {
        let (from, to) = (self.column(x0), self.column(x1));
        let inside = |b: &&Bounds| (from..to).contains(&b.center_x());
        let ink = self.parts.iter().filter(inside).copied().reduce(|a, b| a.union(&b));
        let all = self.parts.iter().copied().reduce(|a, b| a.union(&b))?;
        let found = ink.unwrap_or(Bounds { x0: from, x1: to, ..all });
        (found.width() > 0).then_some(found)
    }
}

/// Columns to either side among which the darkest tells how dark print is there: half a letter.
const INK_REACH: usize = 10;

/// Print at least this dark is raised: what is lighter is dirt, and dark enough is left alone. Most that it is raised by.
const FAINT_INK: f32 = 190.0;
const MOST_GAIN: f32 = 2.5;

/// Makes print that is fainter in places (worn ribbons, uneven toner) as dark as the rest of its line: the network has
/// seen lines of one darkness.
fn even_ink(pixels: &mut GrayImage) {
    let width = pixels.width() as usize;
    let mut darkest = vec![255_u8; width];
    for row in pixels.as_raw().chunks_exact(width) {
        darkest.iter_mut().zip(row).for_each(|(dark, &value)| *dark = value.min(*dark));
    }
    let around = |x: usize| x.saturating_sub(INK_REACH)..(x + INK_REACH + 1).min(width);
    let local: Vec<f32> =
        (0..width).map(|x| f32::from(darkest[around(x)].iter().copied().min().unwrap_or(255))).collect();
    let mut sorted: Vec<u8> = darkest.iter().copied().filter(|&dark| f32::from(dark) < FAINT_INK).collect();
    sorted.sort_unstable();
    let Some(&full) = sorted.get(sorted.len() / 4) else { return };
    let gain: Vec<f32> =
        local
            .iter()
            .map(|&dark| {
                if dark > FAINT_INK { 1.0 } else { ((255.0 - f32::from(full)) / (255.0 - dark)).clamp(1.0, MOST_GAIN) }
            })
            .collect();
    let smooth: Vec<f32> = (0..width).map(|x| gain[around(x)].iter().sum::<f32>() / around(x).len() as f32).collect();
    for row in pixels.chunks_exact_mut(width) {
        for (value, gain) in row.iter_mut().zip(&smooth) {
            *value = (255.0 - (255.0 - f32::from(*value)) * gain).max(0.0).round() as u8;
        }
    }
}

/// A copy of the surroundings of a line without the ink of others, white rows and columns around it.
struct Patch {
    /// Of the first pixel that is no border.
    x0: i32,
    y0: i32,
    width: usize,
    height: usize,
    data: Vec<u8>,
}

/// White rows and columns around a patch: one for interpolation to either side, one to be cut down to.
const BORDER: usize = 2;

impl Patch {
    fn copy(page: &Prepared, line: &Line, margin: i32) -> Self {
        let (page_width, page_height) = (page.gray.width() as i32, page.gray.height() as i32);
        let x0 = (line.bounds.x0 - 2).max(0);
        let x1 = (line.bounds.x1 + 2).min(page_width);
        let y0 = (line.bounds.y0 - margin / 4).max(0);
        let y1 = (line.bounds.y1 + margin / 4).min(page_height);
        let (inner_width, inner_height) = ((x1 - x0) as usize, (y1 - y0) as usize);
        let (width, height) = (inner_width + 2 * BORDER, inner_height + 2 * BORDER);
        let mut is_member = vec![false; page.components.list.len() + 1];
        line.members.iter().for_each(|&member| is_member[member as usize + 1] = true);
        let mut data = vec![255; width * height];
        // Ink of others and its edges go; what touches ink of this line stays.
        let mut foreign = vec![false; width * height];
        let mut own = vec![false; width * height];
        for y in 0..inner_height {
            let from = (y0 as usize + y) * page_width as usize + x0 as usize;
            let at = (y + BORDER) * width + BORDER;
            data[at..at + inner_width].copy_from_slice(&page.gray.as_raw()[from..from + inner_width]);
            for (x, &label) in page.labels[from..from + inner_width].iter().enumerate() {
                if label > 0 {
                    let is_own = is_member[label as usize];
                    (own[at + x], foreign[at + x]) = (is_own, !is_own);
                }
            }
        }
        for at in (0..foreign.len()).filter(|&at| foreign[at]) {
            for row in [at - width, at, at + width] {
                for near in row - 1..=row + 1 {
                    if !own[near] {
                        data[near] = 255;
                    }
                }
            }
        }
        Self { x0, y0, width, height, data }
    }

    /// An image of [`IMAGE_HEIGHT`] rows, `step` pixels apart, whose first column lies at `left` and whose first row at
    /// `top` of each column's place. Down the columns, then along the rows: linear interpolation of a few samples each.
    fn resample(&self, width: u32, step: f64, left: f64, top: impl Fn(f64) -> f64) -> GrayImage {
        let samples = (step.ceil() as u32).clamp(1, MOST_SAMPLES);
        let places = |count: u32, from: f64| {
            let place = move |k: u32| (from + (f64::from(k) + 0.5) / f64::from(samples) * step) as f32;
            (0..count * samples).map(place)
        };
        // Places count from the middle of the first pixel of the patch.
        let border = BORDER as f64 - 0.5;
        let tops: Vec<f32> = (0..self.width)
            .map(|x| x as f64 - border + f64::from(self.x0))
            .map(|x| (top(x) - f64::from(self.y0) + border) as f32)
            .collect();
        let mut columns = vec![0.0_f32; IMAGE_HEIGHT as usize * self.width];
        let rows: Vec<f32> = places(IMAGE_HEIGHT, 0.0).collect();
        let lowest = (self.height - 2) as f32;
        for (row, rows) in columns.chunks_exact_mut(self.width).zip(rows.chunks_exact(samples as usize)) {
            for down in rows {
                for (x, (sum, top)) in row.iter_mut().zip(&tops).enumerate() {
                    let y = (top + down).clamp(0.0, lowest);
                    let upper = y as usize;
                    let part = y - upper as f32;
                    let at = upper * self.width + x;
                    let (a, b) = (f32::from(self.data[at]), f32::from(self.data[at + self.width]));
                    *sum += a + (b - a) * part;
                }
            }
        }
        let rightmost = (self.width - 2) as f32;
        let across: Vec<(usize, f32)> = places(width, left - f64::from(self.x0) + border)
            .map(|x| x.clamp(0.0, rightmost))
            .map(|x| (x as usize, x.fract()))
            .collect();
        let scale = 1.0 / (samples * samples) as f32;
        let mut pixels = Vec::with_capacity((width * IMAGE_HEIGHT) as usize);
        for row in columns.chunks_exact(self.width) {
            pixels.extend(across.chunks_exact(samples as usize).map(|across| {
                let sum: f32 = across.iter().map(|&(x, part)| row[x] + (row[x + 1] - row[x]) * part).sum();
                (sum * scale).round() as u8
            }));
        }
        GrayImage::from_raw(width, IMAGE_HEIGHT, pixels).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};

    /// Letters on a bent baseline with the foot of a taller stranger just above.
    fn bent_page() -> RgbImage {
        let mut page = RgbImage::from_pixel(1654, 400, Rgb([250; 3]));
        for letter in 0..60_u32 {
            let (x0, bend) = (200 + letter * 20, letter * (60 - letter) / 60);
            for (x, y) in (0..12).flat_map(|x| (0..18).map(move |y| (x, y))) {
                if x < 3 || y < 3 {
                    page.put_pixel(x0 + x, 200 + bend + y, Rgb([10; 3]));
                }
            }
        }
        page
    }

    #[test]
    fn bent_line_is_straightened() {
        let prepared = Prepared::new(&bent_page(), 200.0);
        let lines = super::super::lines::find(&prepared);
        assert_eq!(lines.len(), 1);
        let image = LineImage::cut(&prepared, &lines[0], Framing::FIRST).unwrap();
        assert_eq!(image.pixels.height(), IMAGE_HEIGHT);
        // The top bars of all letters lie on the same rows, although they are 15 pixels apart on the page.
        let top = |from: u32, to: u32| {
            (0..IMAGE_HEIGHT).find(|&y| (from..to).any(|x| image.pixels.get_pixel(x, y).0[0] < 100)).unwrap_or(0)
        };
        let width = image.pixels.width();
        let tops = [top(0, width / 8), top(width * 3 / 8, width / 2), top(width * 7 / 8, width)];
        assert!(tops.iter().max().unwrap() - tops.iter().min().unwrap() <= 3, "{tops:?}");
    }

    #[test]
    fn columns_of_the_image_lead_back_to_the_ink() {
        let prepared = Prepared::new(&bent_page(), 200.0);
        let line = &super::super::lines::find(&prepared)[0];
        let image = LineImage::cut(&prepared, line, Framing::FIRST).unwrap();
        assert_eq!(image.ink_between(0, image.pixels.width()), Some(line.bounds));
        let left = image.ink_between(0, image.pixels.width() / 2).unwrap();
        assert!(left.x0 == line.bounds.x0 && (left.x1 - line.bounds.center_x()).abs() < 30);
    }

    #[test]
    fn faint_print_becomes_as_dark_as_the_rest_and_dirt_stays_faint() {
        // Strokes 40 dark, 140 faint from column 200 on, and a speck of 210 at the end.
        let mut pixels = GrayImage::from_fn(400, IMAGE_HEIGHT, |x, y| {
            let stroke = x % 12 < 4 && (12..36).contains(&y);
            image::Luma([match (stroke, x) {
                (true, 0..200) => 40,
                (true, 200..340) => 140,
                _ if x > 380 && y == 20 => 210,
                _ => 250,
            }])
        });
        even_ink(&mut pixels);
        let at = |x: u32, y: u32| pixels.get_pixel(x, y).0[0];
        assert_eq!((at(98, 20), at(390, 20)), (40, 210));
        assert!((35..=60).contains(&at(266, 20)), "{}", at(266, 20));
    }
}
