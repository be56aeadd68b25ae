//! Makes the page images of a component smaller until its file fits, no smaller than that.
//!
//! Only pages of a file that is too large are touched. All go down the steps of [`encoding::STEPS`] together, so that a
//! document looks the same throughout, and stop at the first at which the file fits; then as many as possible stay one
//! step above, those first that would gain least. At most two encodings of each page are held at a time.

use std::ops::ControlFlow;

use crate::model::Picture;
use crate::page::encoding::{self, Encoded, STEPS, Step};
use crate::page::{Page, Settings};
use crate::pool::Pool;

/// Memory of a page whose image is decoded and encoded again, bytes a pixel: the picture twice, and the encoder's.
const BYTES_PER_PIXEL: u64 = 10;

/// Whether a component fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// As it is.
    Untouched,
    /// Some pages were made smaller.
    Smaller,
    /// Not even with every page as small as the profile allows: all stay as they are.
    TooLarge {
        /// What the pictures would still take, bytes.
        least: u64,
    },
}

/// Makes page images smaller until all together take no more than `room` bytes, if they can.
pub fn fit(pages: &mut [Page], room: u64, settings: &Settings, pool: &Pool) -> Fit {
    let now: u64 = pages.iter().map(|page| bytes(&page.image)).sum();
    if now <= room {
        return Fit::Untouched;
    }
    let total = |made: &[Option<Encoded>]| -> u64 { sizes(pages, made).iter().sum() };
    let enough = |(_, usual): &(Step, f64)| now as f64 * usual <= room as f64;
    let mut step = STEPS.iter().position(enough).unwrap_or(STEPS.len() - 1);
    let mut harder = encode(pages, STEPS[step].0, settings, pool);
    let mut milder: Vec<Option<Encoded>> = vec![None; pages.len()];
    if total(&harder) <= room {
        while step > 0 {
            step -= 1;
            let next = encode(pages, STEPS[step].0, settings, pool);
            if total(&next) > room {
                milder = next;
                break;
            }
            harder = next;
        }
    } else {
        while total(&harder) > room {
            step += 1;
            if step == STEPS.len() {
                return Fit::TooLarge { least: total(&harder) };
            }
            milder = std::mem::replace(&mut harder, encode(pages, STEPS[step].0, settings, pool));
        }
    }
    let choice = choose(&sizes(pages, &milder), &sizes(pages, &harder), room);
    for (((page, milder), harder), is_harder) in pages.iter_mut().zip(milder).zip(harder).zip(choice) {
        if let Some(made) = if is_harder { harder } else { milder } {
            page.image = made;
        }
    }
    Fit::Smaller
}

/// Which pages take the harder of two steps, so that all together fit into `room`: as few as possible, those first that
/// gain most.
fn choose(milder: &[u64], harder: &[u64], room: u64) -> Vec<bool> {
    let gain = |index: usize| milder[index].saturating_sub(harder[index]);
    let mut order: Vec<usize> = (0..milder.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(gain(index)), index));
    let mut total: u64 = milder.iter().sum();
    let mut choice = vec![false; milder.len()];
    for index in order {
        if total <= room {
            break;
        }
        choice[index] = true;
        total -= gain(index);
    }
    choice
}

/// What a way of storing the pages would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Which; `None` stands for what the pages are stored as now.
    pub way: Option<Way>,
    /// Bytes of all page images.
    pub bytes: u64,
}

/// A way of storing pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One of [`STEPS`].
    Step(Step),
    /// In layers.
    Layers,
}

/// What each way of storing the pages would cost; pages that would not gain stay as they are.
pub fn costs(pages: &[Page], settings: &Settings, pool: &Pool) -> Vec<Cost> {
    let cost = |way, made: &[Option<Encoded>]| Cost { way, bytes: sizes(pages, made).iter().sum() };
    let mut costs = vec![cost(None, &vec![None; pages.len()])];
    for (step, _) in STEPS {
        costs.push(cost(Some(Way::Step(step)), &encode(pages, step, settings, pool)));
    }
    costs.push(cost(Some(Way::Layers), &each(pages, pool, |page| layered(page, settings))));
    costs
}

/// A page that is not stored in layers yet, so stored.
fn layered(page: &Page, settings: &Settings) -> Option<Encoded> {
    let Picture::Jpeg(_) = page.image.picture else { return None };
    let image = encoding::shown(&page.image.picture, &settings.limits).ok()?;
    encoding::in_layers(&image, page.image.dpi, page.least_dpi).ok().filter(|made| bytes(made) < bytes(&page.image))
}

/// Every page at one step; `None` where it would not be smaller.
fn encode(pages: &[Page], step: Step, settings: &Settings, pool: &Pool) -> Vec<Option<Encoded>> {
    each(pages, pool, |page| {
        // A picture of ours can be decoded and encoded; were it not so, the page would stay as it is.
        encoding::smaller(&page.image, step, page.least_dpi, &settings.limits).ok().flatten()
    })
}

fn each(pages: &[Page], pool: &Pool, work: impl Fn(&Page) -> Option<Encoded> + Sync) -> Vec<Option<Encoded>> {
    let mut made: Vec<Option<Encoded>> = vec![None; pages.len()];
    let cost = |page: &Page| u64::from(page.width) * u64::from(page.height) * BYTES_PER_PIXEL;
    pool.run(pages, cost, work, |index, result| {
        made[index] = result.ok().flatten();
        ControlFlow::Continue(())
    });
    made
}

fn bytes(encoded: &Encoded) -> u64 {
    encoded.picture.bytes() as u64
}

fn sizes(pages: &[Page], made: &[Option<Encoded>]) -> Vec<u64> {
    pages.iter().zip(made).map(|(page, made)| bytes(made.as_ref().unwrap_or(&page.image))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_pages_that_gain_most_are_chosen_first() {
        assert_eq!(choose(&[10, 90, 50], &[5, 30, 20], 150), [false, false, false]);
        assert_eq!(choose(&[10, 90, 50], &[5, 30, 20], 100), [false, true, false]);
        assert_eq!(choose(&[10, 90, 50], &[5, 30, 20], 60), [false, true, true]);
        assert_eq!(choose(&[10, 90, 50], &[5, 30, 20], 55), [true, true, true]);
        assert_eq!(choose(&[], &[], 0), [true; 0]);
    }

    proptest! {
        #[test]
        fn what_can_fit_fits_and_no_page_is_chosen_in_vain(
            pages in prop::collection::vec((0u64..1000, 0u64..1000), 0..20),
            share in 0.0f64..1.2,
        ) {
            let (milder, harder): (Vec<u64>, Vec<u64>) = pages.iter().map(|&(a, b)| (a.max(b), a.min(b))).unzip();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of thousands")]
            let room = (milder.iter().sum::<u64>() as f64 * share) as u64;
            let choice = choose(&milder, &harder, room);
            let taken = |choice: &[bool]| -> u64 {
                choice.iter().enumerate().map(|(i, &chosen)| if chosen { harder[i] } else { milder[i] }).sum()
            };
            prop_assert_eq!(taken(&choice) <= room, harder.iter().sum::<u64>() <= room);
            let least = choice.iter().enumerate().filter(|(_, chosen)| **chosen).min_by_key(|(i, _)| milder[*i] - harder[*i]);
            if let Some((index, _)) = least {
                let mut fewer = choice.clone();
                fewer[index] = false;
                prop_assert!(taken(&fewer) > room);
            }
        }
    }
}
