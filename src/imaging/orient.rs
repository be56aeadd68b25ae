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
use crate::imaging::ink::Ink;
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
/// Components whose longer side is within these many pixels are taken for letters: 6 pt to 30 pt at 100 to 150 dpi.
const LETTER_SIDES: std::ops::RangeInclusive<i32> = 6..=50;
/// Components longer than this many times their breadth are rules, not letters.
const LONGEST: i32 = 8;
/// At most so many letters are asked, evenly spread over the page.
const MOST_LETTERS: usize = 500;
/// Side of a [`Patch`].
pub const PATCH: usize = 16;
/// Letters are asked in so many passes, each spread over the page, until the guess is [`SURE`].
const PASSES: usize = 8;
/// More letters do not change a guess of this [`OrientationGuess::confidence`].
const SURE: f32 = 0.9999;
/// Votes of letters are not independent (one font, one noise): each counts as this part of one.
const INDEPENDENCE: f64 = 0.05;

/// Guesses the orientation of a page of about 100 to 150 dpi, deskewed within a few degrees.
pub fn estimate(ink: &Ink) -> OrientationGuess {
    let letters = letters(ink);
    let mut votes = [0.0f64; 4];
    let mut guess = guess(&votes);
    // Every pass is spread over the whole page.
    for first in 0..PASSES.min(letters.len()) {
        for letter in letters.iter().skip(first).step_by(PASSES) {
            for (sum, vote) in votes.iter_mut().zip(vote(&patch(&ink.0, letter))) {
                *sum += f64::from(vote);
            }
        }
        guess = self::guess(&votes);
        if guess.confidence >= SURE {
            break;
        }
    }
    guess
}

/// What the summed log-likelihoods say.
fn guess(votes: &[f64; 4]) -> OrientationGuess {
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
pub fn letter_patches(ink: &Ink) -> Vec<Patch> {
    letters(ink).iter().map(|letter| patch(&ink.0, letter)).collect()
}

/// Up to [`MOST_LETTERS`], spread evenly over the page.
fn letters(Ink(ink): &Ink) -> Vec<Bounds> {
    let letters: Vec<Bounds> = find_gray(ink, INK)
        .list
        .into_iter()
        .map(|component| component.bounds)
        .filter(|b| {
            let (long, short) = (b.width().max(b.height()), b.width().min(b.height()));
            LETTER_SIDES.contains(&long) && short * LONGEST >= long
        })
        .collect();
    let step = letters.len().div_ceil(MOST_LETTERS).max(1);
    letters.into_iter().step_by(step).collect()
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
    let patch = patch.map(i16::from);
    let mut answer = 0.0;
    for hidden in 0..HIDDEN {
        // Both 16 bits wide, the CPU multiplies eight at once.
        let products = WIDE_INPUT[hidden].iter().zip(&patch).map(|(&w, &p)| i32::from(w) * i32::from(p));
        let sum: i32 = products.sum();
        answer += OUTPUT[hidden] * (sum as f32 * SCALE[hidden] + BIAS[hidden]).max(0.0);
    }
    answer
}

/// [`INPUT`] in 16 bits.
static WIDE_INPUT: [[i16; PATCH * PATCH]; HIDDEN] = {
    let mut wide = [[0; PATCH * PATCH]; HIDDEN];
    let mut i = 0;
    while i < HIDDEN * PATCH * PATCH {
        wide[i / (PATCH * PATCH)][i % (PATCH * PATCH)] = INPUT[i / (PATCH * PATCH)][i % (PATCH * PATCH)] as i16;
        i += 1;
    }
    wide
};

/// Means over the cells of a grid laid over a square twice the size of the letter around it; paper outside.
fn patch(ink: &GrayImage, letter: &Bounds) -> Patch {
    let (width, height) = (ink.width() as usize, ink.height() as usize);
    let side = 2.0 * letter.width().max(letter.height()) as f32;
    let cell = side / PATCH as f32;
    let cells = |low: i32, high: i32, limit: usize| -> [(usize, usize); PATCH] {
        let start = (low + high) as f32 / 2.0 - side / 2.0;
        let edge = |i: usize| ((start + cell * i as f32).round().max(0.0) as usize).min(limit);
        // A cell narrower than a pixel takes the pixel that it lies in.
        std::array::from_fn(|i| (edge(i), edge(i + 1).max(edge(i) + 1).min(limit)))
    };
    let columns = cells(letter.x0, letter.x1, width);
    let rows = cells(letter.y0, letter.y1, height);
    let (left, right) = (columns[0].0, columns[PATCH - 1].1);
    let mut sums = vec![0u32; right - left];
    let mut patch = [0; PATCH * PATCH];
    for (values, (top, bottom)) in patch.as_chunks_mut::<PATCH>().0.iter_mut().zip(rows) {
        sums.fill(0);
        for row in ink.as_raw()[top * width..bottom * width].chunks_exact(width) {
            for (sum, &value) in sums.iter_mut().zip(&row[left..right]) {
                *sum += u32::from(value);
            }
        }
        for (value, (from, to)) in values.iter_mut().zip(columns) {
            let area = ((to - from) * (bottom - top)) as u32;
            // Cells outside the picture have no area.
            *value = sums[from - left..to - left].iter().sum::<u32>().checked_div(area).unwrap_or(0) as u8;
        }
    }
    patch
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
            let guess = estimate(&Ink::of(&gray));
            assert_eq!(guess.orientation, orientation, "{guess:?}");
            assert_ne!(guess.runner_up, orientation);
            gray = imageops::rotate90(&gray);
        }
    }

    #[test]
    fn empty_page_has_no_confidence() {
        let guess = estimate(&Ink::of(&GrayImage::from_pixel(300, 200, Luma([240]))));
        assert!(guess.confidence < MIN_CONFIDENCE, "{guess:?}");
        assert_eq!(guess.orientation, Orientation::Deg0);
    }

    #[test]
    fn votes_are_probabilities() {
        let patches = letter_patches(&Ink::of(&page()));
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
        let patch = patch(&gray, &letter);
        for (i, value) in patch.iter().enumerate() {
            let inside = (4..12).contains(&(i % PATCH)) && (4..12).contains(&(i / PATCH));
            assert_eq!(*value, if inside { 200 } else { 0 }, "cell {i}");
        }
    }
}
