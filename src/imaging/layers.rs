//! Separates a page into print and the rest (mixed raster content, ITU-T T.44).
//!
//! Print is what is dark, without colour and thin on paper. It becomes a mask of the page's full resolution, painted in
//! coarse colours; what is left, with the print filled by the paper around it, becomes the background. Whatever is in
//! doubt stays in the background, which is a picture in colour of the whole page: seals, coloured signatures, photographs,
//! shaded cells, faint print. So nothing is lost that is not also lost in a JPEG of that resolution, and print is
//! sharper than there.
//!
//! What is print is decided twice. A pixel must be about darker than the middle between the paper and the darkest ink
//! around it, and most of what is around it must be paper. Then whole strokes are judged: one whose pixels together have
//! colour is a seal's or a pen's and stays in one piece.

use image::{GrayImage, Rgb, RgbImage};

use super::gray::luma;
use super::{components, decode, jbig2, reduce};
use crate::model::{Jpeg, Picture};

/// Side of the cells in which paper and ink are measured, millimetres: wider than strokes, narrower than most shades.
const CELL_MM: f64 = 1.4;
const MM_PER_INCH: f64 = 25.4;

/// Ink that is darker than the paper by less is no print, grey levels: noise, stains, the reverse side seen through.
const LEAST_CONTRAST: i32 = 70;
/// Print is darker than the paper by at least this share of the contrast around it, per cent. At 50 fine print beside bold
/// one comes out thinner than it is.
const PRINT_SHARE: i32 = 42;
/// What is darker than the paper by less than this share of the contrast is paper, per cent.
const PAPER_SHARE: i32 = 30;
/// Share of the surroundings that is paper, per cent. Running text covers 10 to 25; photographs and shades all.
const LEAST_PAPER: usize = 50;

/// The channels of a pixel of print differ by no more than this. Red seals and blue pens differ by 80 and more; the
/// colours of a JPEG are coarser than its strokes, so black print beside them takes some on.
const MOST_COLOUR: u8 = 70;
/// The mean over a whole stroke.
const MOST_STROKE_COLOUR: u64 = 32;

/// Resolution of the colours of print: about a letter. Print has no colour, so they only tell black from grey.
const FOREGROUND_DPI: f64 = 25.0;

/// A page in layers.
#[derive(Clone, Debug)]
pub struct Layers {
    /// 255 where there is print, else 0; as large as the page.
    pub mask: GrayImage,
    /// The page without print, reduced.
    pub background: RgbImage,
    /// The colours of print, reduced further.
    pub foreground: RgbImage,
}

/// Separates a page of `dpi` pixels an inch; the background gets as many pixels as `background_size` says.
pub fn separate(page: &RgbImage, dpi: f64, background_size: (u32, u32)) -> Layers {
    let mask = print(page, dpi);
    let (background_width, background_height) = background_size;
    let background = reduce::area_of(page, &weights(&grown(&mask), 1, 0), background_width, background_height);
    let coarse = |side: u32| scaled(side, (FOREGROUND_DPI / dpi).min(1.0));
    // Strokes have the colour of their middle, but the finest, which have none.
    let mut ink = weights(&mask, 0, 1);
    let middle = grown(&weights(&mask, 255, 0));
    ink.iter_mut().zip(middle.iter()).filter(|(_, edge)| **edge == 0).for_each(|(ink, _)| *ink = reduce::MOST_WEIGHT);
    let foreground = reduce::area_of(page, &ink, coarse(page.width()), coarse(page.height()));
    Layers { mask, background, foreground }
}

/// What is seen of a picture, at the resolution of its finest layer; `None` where it is not one that we stored.
pub fn shown(picture: &Picture, limits: &decode::Limits) -> Option<RgbImage> {
    let pixels = |jpeg: &Jpeg| decode::decode(&jpeg.bytes, 0, limits).ok().map(|decoded| decoded.image);
    match picture {
        Picture::Jpeg(jpeg) => pixels(jpeg),
        Picture::Bilevel(bilevel) => {
            let ink = jbig2::decode(bilevel)?;
            Some(RgbImage::from_fn(ink.width(), ink.height(), |x, y| Rgb([255 - ink.get_pixel(x, y)[0]; 3])))
        }
        Picture::Layers { background, foreground, mask } => {
            let (background, foreground, ink) = (pixels(background)?, pixels(foreground)?, jbig2::decode(mask)?);
            let at = |layer: &RgbImage, x: u32, y: u32| {
                let part = |at: u32, side: u32, of: u32| {
                    let place = u64::from(at) * u64::from(side) / u64::from(of);
                    u32::try_from(place).expect("inside the layer")
                };
                *layer.get_pixel(part(x, layer.width(), ink.width()), part(y, layer.height(), ink.height()))
            };
            Some(RgbImage::from_fn(ink.width(), ink.height(), |x, y| {
                at(if ink.get_pixel(x, y)[0] == 0 { &background } else { &foreground }, x, y)
            }))
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a picture's side, at least 1")]
fn scaled(side: u32, factor: f64) -> u32 {
    (f64::from(side) * factor).ceil().max(1.0) as u32
}

/// The mask of what is print.
fn print(page: &RgbImage, dpi: f64) -> GrayImage {
    let gray = luma(page);
    let cells = Cells::of(&gray, scaled(1, CELL_MM / MM_PER_INCH * dpi).max(4) as usize);
    let mut mask = GrayImage::new(page.width(), page.height());
    let width = page.width() as usize;
    let rows = mask.chunks_exact_mut(width.max(1)).zip(gray.chunks_exact(width.max(1)));
    for (y, ((mask, gray), pixels)) in rows.zip(page.chunks_exact(width.max(1) * 3)).enumerate() {
        let limits = cells.row(y);
        for (index, limit) in limits.iter().enumerate().filter(|(_, limit)| **limit > 0) {
            let end = ((index + 1) * cells.side).min(width);
            for x in index * cells.side..end {
                let pixel = &pixels[3 * x..3 * x + 3];
                if gray[x] < *limit && colourfulness(pixel) <= MOST_COLOUR {
                    mask[x] = 255;
                }
            }
        }
    }
    leave_coloured_strokes(&mut mask, page);
    mask
}

/// By how much the channels of a pixel differ.
fn colourfulness(pixel: &[u8]) -> u8 {
    let (least, most) = pixel.iter().fold((255, 0), |(least, most), &value| (value.min(least), value.max(most)));
    most - least
}

/// Takes strokes out of the mask whose pixels have colour on the whole.
fn leave_coloured_strokes(mask: &mut GrayImage, page: &RgbImage) {
    let found = components::find_gray(mask, 1);
    let width = page.width() as usize;
    let place = |run: &components::Run| {
        let [y, x0, x1] = [run.y, run.x0, run.x1].map(|value| usize::try_from(value).expect("inside the picture"));
        y * width + x0..y * width + x1
    };
    let mut colour = vec![0u64; found.list.len()];
    let pixels = page.as_raw().as_chunks::<3>().0;
    for run in &found.runs {
        let sum: u64 = pixels[place(run)].iter().map(|pixel| u64::from(colourfulness(pixel))).sum();
        colour[run.component as usize] += sum;
    }
    for run in &found.runs {
        let area = u64::try_from(found.list[run.component as usize].area).unwrap_or(0);
        if colour[run.component as usize] > MOST_STROKE_COLOUR * area {
            mask.as_mut()[place(run)].fill(0);
        }
    }
}

/// Below which grey level a pixel is print, cell by cell.
struct Cells {
    side: usize,
    columns: usize,
    /// 0 where nothing is.
    limits: Vec<u8>,
}

impl Cells {
    fn of(gray: &GrayImage, side: usize) -> Self {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
        // Brightest and darkest of each cell, then of each with its neighbours.
        let mut extremes = vec![(0u8, 255u8); columns * rows];
        for (y, row) in gray.chunks_exact(width.max(1)).enumerate() {
            for (cell, values) in extremes[y / side * columns..].iter_mut().zip(row.chunks(side)) {
                *cell = values.iter().fold(*cell, |(most, least), &value| (value.max(most), value.min(least)));
            }
        }
        let around = around(&extremes, columns, |(most, least), (other_most, other_least)| {
            (other_most.max(most), other_least.min(least))
        });
        let level = |index: usize, share: i32| {
            let (paper, ink) = around[index];
            let (paper, ink) = (i32::from(paper), i32::from(ink));
            u8::try_from(paper - (paper - ink) * share / 100).expect("between paper and ink")
        };
        let mut papers = vec![(0usize, 0usize); columns * rows];
        for (y, row) in gray.chunks_exact(width.max(1)).enumerate() {
            for (column, values) in row.chunks(side).enumerate() {
                let index = y / side * columns + column;
                let least = level(index, PAPER_SHARE);
                papers[index].0 += values.iter().filter(|value| **value >= least).count();
                papers[index].1 += values.len();
            }
        }
        let papers = self::around(&papers, columns, |(paper, all), (other, of)| (paper + other, all + of));
        let limit = |index: usize| {
            let ((paper, ink), (blank, all)) = (around[index], papers[index]);
            let has_print = i32::from(paper) - i32::from(ink) >= LEAST_CONTRAST && blank * 100 >= all * LEAST_PAPER;
            if has_print { level(index, PRINT_SHARE) } else { 0 }
        };
        Self { side, columns, limits: (0..columns * rows).map(limit).collect() }
    }

    /// The limits of the cells through which a row of pixels passes.
    fn row(&self, y: usize) -> &[u8] {
        &self.limits[y / self.side * self.columns..][..self.columns]
    }
}

/// Each value joined with its eight neighbours'.
fn around<T: Copy>(values: &[T], columns: usize, join: impl Fn(T, T) -> T) -> Vec<T> {
    let line = |values: &[T], at: usize, step: usize, count: usize, position: usize| {
        let mut joined = values[at];
        if position > 0 {
            joined = join(joined, values[at - step]);
        }
        if position + 1 < count {
            joined = join(joined, values[at + step]);
        }
        joined
    };
    let columns = columns.max(1);
    let rows = values.len() / columns;
    let across: Vec<T> = (0..values.len()).map(|at| line(values, at, 1, columns, at % columns)).collect();
    (0..values.len()).map(|at| line(&across, at, columns, rows, at / columns)).collect()
}

/// The mask with one pixel more on all sides, so that the grey edges of strokes are hidden with them.
fn grown(mask: &GrayImage) -> GrayImage {
    let width = mask.width() as usize;
    let either = |values: &mut [u8], of: &[u8]| values.iter_mut().zip(of).for_each(|(value, &other)| *value |= other);
    let mut wide = mask.clone();
    for (target, row) in wide.chunks_exact_mut(width.max(1)).zip(mask.chunks_exact(width.max(1))) {
        either(&mut target[1..], &row[..width - 1]);
        either(&mut target[..width - 1], &row[1..]);
    }
    let mut grown = wide.clone();
    if let Some(rest) = wide.as_raw().len().checked_sub(width) {
        either(&mut grown.as_mut()[width..], &wide.as_raw()[..rest]);
        either(&mut grown.as_mut()[..rest], &wide.as_raw()[width..]);
    }
    grown
}

/// One value outside the mask, another inside.
fn weights(mask: &GrayImage, outside: u8, inside: u8) -> GrayImage {
    let mut weights = mask.clone();
    weights.iter_mut().for_each(|value| *value = if *value == 0 { outside } else { inside });
    weights
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    const DPI: f64 = 300.0;

    /// Paper with a bar of print, a bar of a red seal and a photograph.
    fn page() -> RgbImage {
        RgbImage::from_fn(600, 600, |x, y| {
            Rgb(match (x, y) {
                (100..=107, 50..=250) => [20, 20, 20],
                (200..=207, 50..=250) => [200, 30, 40],
                (300..=599, 300..=599) => [(x % 90 + y % 50).to_le_bytes()[0]; 3],
                _ => [240, 238, 235],
            })
        })
    }

    #[test]
    fn print_goes_into_the_mask_and_nothing_else() {
        let mask = print(&page(), DPI);
        assert_eq!(mask.get_pixel(103, 100), &Luma([255]));
        assert_eq!(mask.get_pixel(203, 100), &Luma([0]), "the seal");
        assert_eq!(mask.get_pixel(110, 100), &Luma([0]), "the paper");
        let inside = (340..560).flat_map(|y| (340..560).map(move |x| (x, y)));
        assert!(inside.into_iter().all(|(x, y)| mask.get_pixel(x, y)[0] == 0), "the photograph");
    }

    #[test]
    fn seals_stay_in_the_background_and_print_leaves_no_trace_there() {
        let layers = separate(&page(), DPI, (400, 400));
        assert_eq!(layers.background.get_pixel(136, 80).0, [200, 30, 40]);
        for x in 60..80 {
            assert_eq!(layers.background.get_pixel(x, 100).0, [240, 238, 235], "{x}");
        }
        assert_eq!(layers.foreground.dimensions(), (50, 50));
        assert_eq!(layers.foreground.get_pixel(8, 10).0, [20, 20, 20]);
    }

    #[test]
    fn tiny_pictures_are_no_panic() {
        for (width, height) in [(1, 1), (1, 40), (40, 1)] {
            separate(&RgbImage::new(width, height), DPI, (1, 1));
        }
    }
}
