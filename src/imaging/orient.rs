//! Which way up a page is.
//!
//! Method: every letter votes. Connected components of the size of letters are cut out with their surroundings (a
//! square twice their size, so marks above, neighbours left and right and the empty space between lines are seen),
//! brought to [`PATCH`] by [`PATCH`] pixels and given to a small network (one hidden layer, see [`weights`]) that says
//! how upright the patch looks. It is asked four times, once for each quarter turn; the softmax over the four answers
//! is the vote of the letter, and the votes are added up as log-likelihoods. Hundreds of weak votes make a sure
//! decision: no single feature such as ascenders, marks or margins has to be present, and digits and capitals vote too.
//! `models/orientation` has what the network was trained with.
//!
//! Limits: pages with a handful of letters, handwriting, letters under about 6 pixels.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pixel places and sums are bounded by the size of the picture and never negative"
)]

mod weights;

use crate::imaging::components::{Bounds, find_gray};
use crate::imaging::ink::strong_ink;
use crate::model::Orientation;
use image::GrayImage;
use weights::{BIAS, HIDDEN, INPUT, OUTPUT, SCALE};

/// A guess at the orientation of a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrientationGuess {
    /// By how much the content is turned clockwise, most probably.
    pub orientation: Orientation,
    /// 0 to 1, about the probability that [`Self::orientation`] is right; see [`MIN_CONFIDENCE`].
    pub confidence: f32,
    /// The second most probable.
    pub runner_up: Orientation,
}

/// Below this [`OrientationGuess::confidence`] the text itself should be asked.
pub const MIN_CONFIDENCE: f32 = 0.9;

/// Ink of at least this strength belongs to a letter, of 255.
const INK: u8 = 100;
/// Window of the top hat, pixels, as for the skew.
const INK_WINDOW: u32 = 15;
/// Components whose longer side is within these many pixels are taken for letters: 6 pt to 30 pt at 100 to 150 dpi.
const LETTER_SIDES: std::ops::RangeInclusive<i32> = 6..=50;
/// Components longer than this many times their breadth are rules, not letters.
const LONGEST: i32 = 8;
/// At most so many letters are asked, evenly spread over the page.
const MOST_LETTERS: usize = 500;
/// Side of a [`Patch`].
pub const PATCH: usize = 16;
/// Votes of letters are not independent (one font, one noise): each counts as this part of one.
const INDEPENDENCE: f64 = 0.05;

/// Guesses the orientation of a deskewed page of about 100 to 150 dpi.
pub fn estimate(gray: &GrayImage) -> OrientationGuess {
    let mut votes = [0.0f64; 4];
    for patch in letter_patches(gray) {
        for (sum, vote) in votes.iter_mut().zip(vote(&patch)) {
            *sum += f64::from(vote);
        }
    }
    let mut order = [0, 1, 2, 3];
    order.sort_by(|&a, &b| votes[b].total_cmp(&votes[a]));
    let best = votes[order[0]];
    let total: f64 = votes.iter().map(|vote| ((vote - best) * INDEPENDENCE).exp()).sum();
    OrientationGuess {
        orientation: Orientation::ALL[order[0]],
        confidence: (1.0 / total) as f32,
        runner_up: Orientation::ALL[order[1]],
    }
}

/// The surroundings of a letter as the network sees them: strength of the ink, row by row.
pub type Patch = [u8; PATCH * PATCH];

/// The surroundings of the letters of a page: up to 500, in the order in which they are found.
///
/// This is what the network is trained on, too; `models/orientation` tells how.
pub fn letter_patches(gray: &GrayImage) -> Vec<Patch> {
    let ink = strong_ink(gray, INK_WINDOW);
    let letters: Vec<Bounds> = find_gray(&ink, INK)
        .list
        .into_iter()
        .map(|component| component.bounds)
        .filter(|b| {
            let (long, short) = (b.width().max(b.height()), b.width().min(b.height()));
            LETTER_SIDES.contains(&long) && short * LONGEST >= long
        })
        .collect();
    let sums = Integral::new(&ink);
    let step = letters.len().div_ceil(MOST_LETTERS).max(1);
    letters.iter().step_by(step).map(|letter| sums.patch(letter)).collect()
}

/// Log-probabilities of the four orientations by one patch.
fn vote(patch: &Patch) -> [f32; 4] {
    let mut upright = [0f32; 4];
    let mut turned = *patch;
    // Content turned clockwise by n quarters stands upright after n quarters back.
    for answer in &mut upright {
        *answer = uprightness(&turned);
        let before = turned;
        for (i, pixel) in turned.iter_mut().enumerate() {
            let (x, y) = (i % PATCH, i / PATCH);
            *pixel = before[x * PATCH + PATCH - 1 - y];
        }
    }
    let most = upright.iter().fold(f32::MIN, |a, &b| a.max(b));
    let norm = upright.iter().map(|answer| (answer - most).exp()).sum::<f32>().ln() + most;
    upright.map(|answer| answer - norm)
}

fn uprightness(patch: &Patch) -> f32 {
    let mut answer = 0.0;
    for hidden in 0..HIDDEN {
        let sum: i32 = INPUT[hidden].iter().zip(patch).map(|(&w, &p)| i32::from(w) * i32::from(p)).sum();
        answer += OUTPUT[hidden] * (sum as f32 * SCALE[hidden] + BIAS[hidden]).max(0.0);
    }
    answer
}

/// Sums of all pixels above and left.
struct Integral {
    width: usize,
    height: usize,
    sums: Vec<u32>,
}

impl Integral {
    fn new(ink: &GrayImage) -> Self {
        let (width, height) = (ink.width() as usize, ink.height() as usize);
        let mut sums = vec![0u32; (width + 1) * (height + 1)];
        for (y, row) in ink.as_raw().chunks_exact(width.max(1)).enumerate() {
            let (before, after) = sums.split_at_mut((y + 1) * (width + 1));
            let (above, mut running) = (&before[y * (width + 1) + 1..], 0u32);
            for ((sum, &up), &value) in after[1..=width].iter_mut().zip(above).zip(row) {
                running = running.wrapping_add(u32::from(value));
                *sum = running.wrapping_add(up);
            }
        }
        Self { width, height, sums }
    }

    /// Means over the cells of a grid laid over a square twice the size of the letter around it; paper outside.
    fn patch(&self, letter: &Bounds) -> Patch {
        let side = 2.0 * letter.width().max(letter.height()) as f32;
        let cell = side / PATCH as f32;
        let edges = |low: i32, high: i32, limit: usize| -> [usize; PATCH + 1] {
            let start = (low + high) as f32 / 2.0 - side / 2.0;
            std::array::from_fn(|i| ((start + cell * i as f32).round().max(0.0) as usize).min(limit))
        };
        let columns = edges(letter.x0, letter.x1, self.width);
        let rows = edges(letter.y0, letter.y1, self.height);
        let at = |x: usize, y: usize| self.sums[y * (self.width + 1) + x];
        let mut patch = [0; PATCH * PATCH];
        for (i, value) in patch.iter_mut().enumerate() {
            // A cell narrower than a pixel takes the pixel that it lies in.
            let (left, top) = (columns[i % PATCH], rows[i / PATCH]);
            let right = columns[i % PATCH + 1].max(left + 1).min(self.width);
            let bottom = rows[i / PATCH + 1].max(top + 1).min(self.height);
            let area = ((right - left.min(right)) * (bottom - top.min(bottom))) as u32;
            let sum = at(right, bottom).wrapping_add(at(left, top)).wrapping_sub(at(left, bottom));
            // Cells outside the picture have no area.
            *value = sum.wrapping_sub(at(right, top)).checked_div(area).unwrap_or(0) as u8;
        }
        patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, imageops};

    /// Letters by strokes on a grid of 5 by 9 units: the baseline is at 6, the tops of small letters at 2.
    const LETTERS: [&[[i32; 4]]; 6] = [
        &[[0, 0, 0, 6], [0, 3, 3, 2], [3, 2, 3, 6]],
        &[[0, 2, 0, 9], [0, 2, 3, 2], [3, 2, 3, 6], [0, 6, 3, 6]],
        &[[0, 0, 0, 6], [0, 0, 3, 0], [0, 3, 3, 3], [0, 6, 3, 6]],
        &[[2, 0, 2, 6], [0, 0, 4, 0]],
        &[[0, 2, 2, 6], [4, 2, 2, 6]],
        &[[0, 2, 3, 2], [3, 2, 3, 6], [0, 4, 3, 4], [0, 4, 0, 6], [0, 6, 3, 6], [1, 0, 2, 1]],
    ];

    fn page() -> GrayImage {
        let mut gray = GrayImage::from_pixel(500, 400, Luma([235]));
        for (line, word) in (0..9).flat_map(|line| (0..12 - line % 3).map(move |word| (line, word))) {
            for i in 0..3 {
                let letter = LETTERS[(line * 5 + word * 7 + i * 3) % LETTERS.len()];
                let (left, top) = (30 + word * 36 + i * 11, 30 + line * 34);
                for &[x0, y0, x1, y1] in letter {
                    for step in 0..=20 {
                        let x = (left as i32 * 20 + 2 * (x0 * 20 + (x1 - x0) * step)) / 20;
                        let y = (top as i32 * 20 + 2 * (y0 * 20 + (y1 - y0) * step)) / 20;
                        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                            gray.put_pixel((x + dx) as u32, (y + dy) as u32, Luma([40]));
                        }
                    }
                }
            }
        }
        gray
    }

    #[test]
    fn turning_the_page_turns_the_guess() {
        let mut gray = page();
        for orientation in Orientation::ALL {
            let guess = estimate(&gray);
            assert_eq!(guess.orientation, orientation, "{guess:?}");
            assert_ne!(guess.runner_up, orientation);
            gray = imageops::rotate90(&gray);
        }
    }

    #[test]
    fn empty_page_has_no_confidence() {
        let guess = estimate(&GrayImage::from_pixel(300, 200, Luma([240])));
        assert!(guess.confidence < MIN_CONFIDENCE, "{guess:?}");
        assert_eq!(guess.orientation, Orientation::Deg0);
    }

    #[test]
    fn votes_are_probabilities() {
        let patches = letter_patches(&page());
        assert!(patches.len() > 200, "{}", patches.len());
        for patch in patches {
            let sum: f32 = vote(&patch).iter().map(|vote| vote.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        }
    }

    #[test]
    fn patch_shows_the_letter_in_the_middle() {
        let mut gray = GrayImage::from_pixel(40, 40, Luma([0]));
        for (x, y) in (12..20).flat_map(|x| (12..20).map(move |y| (x, y))) {
            gray.put_pixel(x, y, Luma([200]));
        }
        let letter = Bounds { x0: 12, y0: 12, x1: 20, y1: 20 };
        let patch = Integral::new(&gray).patch(&letter);
        for (i, value) in patch.iter().enumerate() {
            let inside = (4..12).contains(&(i % PATCH)) && (4..12).contains(&(i / PATCH));
            assert_eq!(*value, if inside { 200 } else { 0 }, "cell {i}");
        }
    }
}
