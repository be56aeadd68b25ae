//! Whether a page is empty.
//!
//! Method: ink is what is thin and clearly darker than the paper next to it (black top hat, relative to the local
//! brightness, with hysteresis), in connected pieces. Pieces are judged by what can be on an empty sheet too:
//!
//! * bleed-through and stains are weak: no part of them reaches [`SEED_CONTRAST`];
//! * speckle is small and scattered: pieces under [`LETTER_MM`] do not count, and letters come in groups;
//! * folds are long, thin and weak;
//! * punch holes and scanner borders are edges of something large and dark, or lie at the margin.
//!
//! What is left is content: a few letters near each other, one larger figure (signature, stamp, drawing), or a large
//! area with hard edges (photograph). When in doubt a page is not blank: a blank page kept costs a click, a page of
//! writing taken for blank may be overlooked.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths in pixels are positive and bounded by the size of the picture"
)]

use crate::imaging::components::{Bounds, Component, find_gray};
use crate::imaging::ink::{closing, histogram};
use crate::imaging::proxy::reduce_gray;
use image::GrayImage;

/// Ink must somewhere be darker than the paper around it by this part of its brightness. Bleed-through of 80 g/m²
/// office paper and stains stay below 0.16 in the samples seen, pencil and worn print reach 0.25.
const SEED_CONTRAST: f64 = 0.19;
/// Ink reaches out from there as far as it keeps this contrast.
const SPREAD_CONTRAST: f64 = 0.08;
/// The contrast of a piece must exceed the typical top hat of the paper (its noise) this many times.
const NOISE_FACTOR: f64 = 5.0;
/// Ink reaches out into noise up to this part of what it must exceed.
const NOISE_SPREAD: f64 = 0.6;
/// However noisy the paper, ink of these contrasts, of 255, starts and continues a piece.
const SURE_SEED: f64 = 200.0;
const SURE_SPREAD: f64 = 150.0;
/// Surroundings darker than this grey level are not paper: contrasts are not measured against less.
const DARKEST_PAPER: u32 = 32;
/// Widest strokes, millimetres.
const STROKE_MM: f64 = 2.5;
/// The smallest pieces that may be letters (x-height of 6 pt print), and the largest specks, millimetres.
const LETTER_MM: f64 = 0.9;
/// So many letters, each within [`GROUP_MM`] of the next, are writing.
const LETTERS: usize = 3;
/// Distance within which letters belong together, millimetres.
const GROUP_MM: f64 = 12.0;
/// A single piece of this size is content by itself: a signature, a stamp, a word in script. Larger than hairs and
/// creases of corners mostly are.
const FIGURE_MM: f64 = 5.0;
/// Rims of punch holes are pieces up to this size, millimetres.
const HOLE_MM: f64 = 9.0;
/// A straight piece longer than this, thinner than [`FOLD_BREADTH_MM`] and weaker than [`FOLD_CONTRAST`], is a fold.
const FOLD_MM: f64 = 3.5;
/// Breadth of folds: the area of the piece over its diagonal, which is larger for anything curved, millimetres.
const FOLD_BREADTH_MM: f64 = 0.5;
/// Contrast that a fold does not reach.
const FOLD_CONTRAST: f64 = 0.4;
/// At this margin scanners leave shadows and frames of the bed, millimetres.
const MARGIN_MM: f64 = 3.0;
/// A step of the brightness of the paper itself within a millimetre, relative, makes a hard edge.
const HARD_EDGE: f64 = 0.2;
/// Areas bounded by hard edges of at least this size in both directions are pictures; punch holes are 5 to 8 mm.
const PICTURE_MM: f64 = 11.0;
/// A band of the page with so many pieces is full of writing, and the rest of the page need not be looked at: as many words
/// as in a line of print, where three letters would do. Bands of this height at these places, as shares of that of the
/// page, are looked at first, one after the other.
const PLENTY: usize = 12;
const BAND_MM: f64 = 15.0;
const BANDS: [f64; 5] = [0.3, 0.17, 0.42, 0.1, 0.55];
/// Work is done at about this resolution.
const WORKING_DPI: f64 = 130.0;

/// Whether nothing was written, printed, stamped or drawn on a page of the given resolution.
///
/// The picture should hold the page alone; a little scanner bed along the edges does no harm.
pub fn is_blank(gray: &GrayImage, dpi: f64) -> bool {
    let factor = (dpi / WORKING_DPI).round().clamp(1.0, f64::from(gray.width().min(gray.height()).max(1))) as u32;
    let mm = (dpi / f64::from(factor) / 25.4).max(1.0);
    let full_of_writing = |band: GrayImage| {
        let band = reduce_gray(&band, factor);
        let paper = closing(&band, (STROKE_MM * mm) as u32);
        pieces(&band, &paper, mm).len() >= PLENTY
    };
    if bands(gray, dpi).any(full_of_writing) {
        return false;
    }
    let page = reduce_gray(gray, factor);
    if page.width().min(page.height()) < (4.0 * MARGIN_MM * mm) as u32 {
        return false;
    }
    let paper = closing(&page, (STROKE_MM * mm) as u32);
    !has_picture(&paper, mm) && !has_writing(&page, &paper, mm)
}

/// Bands across the page where most pages carry text.
fn bands(gray: &GrayImage, dpi: f64) -> impl Iterator<Item = GrayImage> {
    let (width, rows) = (gray.width() as usize, (BAND_MM / 25.4 * dpi) as usize);
    let tops = BANDS.map(|place| (f64::from(gray.height()) * place) as usize);
    tops.into_iter().filter_map(move |top| {
        let band = gray.as_raw().get(top * width..(top + rows) * width)?;
        GrayImage::from_raw(gray.width(), rows as u32, band.to_vec())
    })
}

/// Whether there are letters in a group or a figure.
fn has_writing(page: &GrayImage, paper: &GrayImage, mm: f64) -> bool {
    let pieces = pieces(page, paper, mm);
    let is_figure = |piece: &Bounds| f64::from(piece.width().max(piece.height())) >= FIGURE_MM * mm;
    pieces.iter().any(is_figure) || has_group(&pieces, GROUP_MM * mm)
}

/// What may be letters or figures.
fn pieces(page: &GrayImage, paper: &GrayImage, mm: f64) -> Vec<Bounds> {
    let contrast = relative_contrast(page, paper);
    let counts = histogram(&contrast);
    let mut half = contrast.as_raw().len() as u64 / 2;
    let noise = counts.iter().position(|&count| {
        let reached = half <= u64::from(count);
        half = half.saturating_sub(u64::from(count));
        reached
    });
    let noise = noise.unwrap_or(0) as f64 / 255.0 * NOISE_FACTOR;
    let seed = (SEED_CONTRAST.max(noise) * 255.0).min(SURE_SEED) as u8;
    let spread = (SPREAD_CONTRAST.max(noise * NOISE_SPREAD) * 255.0).min(SURE_SPREAD) as u8;
    let is_piece = |component: &Component| {
        let piece = component.bounds;
        let long = f64::from(piece.width().max(piece.height()));
        if long < LETTER_MM * mm || at_margin(&piece, page, mm) {
            return false;
        }
        let strongest = strongest_within(&contrast, &piece);
        let diagonal = f64::from(piece.width()).hypot(f64::from(piece.height()));
        let straight = diagonal > FOLD_MM * mm && f64::from(component.area) < diagonal * FOLD_BREADTH_MM * mm;
        let is_fold = straight && f64::from(strongest) < FOLD_CONTRAST * 255.0;
        let is_hole = || long < HOLE_MM * mm && beside_something_dark(paper, &piece, mm);
        strongest >= seed && !is_fold && !is_hole()
    };
    let components = find_gray(&contrast, spread).list;
    components.into_iter().filter(is_piece).map(|component| component.bounds).collect()
}

/// How much darker than the paper, 0 to 255 for 0 to 1.
fn relative_contrast(page: &GrayImage, paper: &GrayImage) -> GrayImage {
    // 1/paper in fixed point.
    let scale: Vec<u32> = (0u32..256).map(|value| (255 << 16) / value.max(DARKEST_PAPER)).collect();
    let contrast = page
        .as_raw()
        .iter()
        .zip(paper.as_raw())
        .map(|(&value, &around)| ((u32::from(around - value) * scale[usize::from(around)]) >> 16).min(255) as u8);
    GrayImage::from_raw(page.width(), page.height(), contrast.collect()).expect("one value for every pixel")
}

fn at_margin(piece: &Bounds, page: &GrayImage, mm: f64) -> bool {
    !is_inside(piece, (MARGIN_MM * mm) as i32, page)
}

/// Whether a box keeps at least this distance from the borders of a picture.
fn is_inside(b: &Bounds, margin: i32, page: &GrayImage) -> bool {
    b.x0 >= margin && b.y0 >= margin && b.x1 + margin <= page.width() as i32 && b.y1 + margin <= page.height() as i32
}

fn strongest_within(contrast: &GrayImage, piece: &Bounds) -> u8 {
    let [left, top, right, bottom] = [piece.x0, piece.y0, piece.x1, piece.y1].map(|at| at as usize);
    let rows = contrast.as_raw().chunks_exact(contrast.width() as usize).take(bottom).skip(top);
    rows.flat_map(|row| &row[left..right]).max().copied().unwrap_or(0)
}

/// Whether the paper around the piece has a step, as at the rim of a hole.
fn beside_something_dark(paper: &GrayImage, piece: &Bounds, mm: f64) -> bool {
    let reach = mm as usize;
    let (left, top) = ((piece.x0 as usize).saturating_sub(reach), (piece.y0 as usize).saturating_sub(reach));
    let right = (piece.x1 as usize + reach).min(paper.width() as usize);
    let bottom = (piece.y1 as usize + reach).min(paper.height() as usize);
    let width = paper.width() as usize;
    let (mut darkest, mut lightest) = (255u8, 0u8);
    for row in paper.as_raw().chunks_exact(width).take(bottom).skip(top) {
        for &value in &row[left..right] {
            darkest = darkest.min(value);
            lightest = lightest.max(value);
        }
    }
    f64::from(darkest) < f64::from(lightest) * (1.0 - HARD_EDGE)
}

/// Whether [`LETTERS`] of the pieces form a chain with steps of at most `reach`.
fn has_group(letters: &[Bounds], reach: f64) -> bool {
    let near = |a: &Bounds, b: &Bounds| {
        let distance = |overlap: i32| f64::from((1 - overlap).max(0));
        distance(a.overlap_x(b)).hypot(distance(a.overlap_y(b))) <= reach
    };
    letters.iter().any(|letter| letters.iter().filter(|other| near(letter, other)).count() >= LETTERS)
}

/// Whether there is an area with hard edges, larger than a punch hole, away from the margin.
fn has_picture(paper: &GrayImage, mm: f64) -> bool {
    let cell = mm.round().max(1.0) as u32;
    let (columns, rows) = (paper.width() / cell, paper.height() / cell);
    let grid = reduce_gray(paper, cell);
    let at = |x: u32, y: u32| f64::from(grid.get_pixel(x.min(columns - 1), y.min(rows - 1)).0[0]);
    let mut edges = GrayImage::new(columns, rows);
    for (x, y, edge) in edges.enumerate_pixels_mut() {
        // Two cells apart, because an edge may fall within a cell.
        let here = at(x, y);
        let hard = [at(x + 2, y), at(x, y + 2)].iter().any(|&there| (here - there).abs() > HARD_EDGE * here.max(there));
        edge.0[0] = u8::from(hard);
    }
    // Edges are seen from two cells away; one more for rounding.
    let margin = MARGIN_MM as i32 + 3;
    find_gray(&edges, 1).list.iter().any(|area| {
        let (b, size) = (area.bounds, PICTURE_MM as i32);
        let inside = b.x0 > margin && b.y0 > margin && is_inside(&b, margin, &edges);
        inside && b.width() >= size && b.height() >= size
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Luma, imageops};
    use proptest::prelude::*;

    const DPI: f64 = 127.0; // 5 pixels a millimetre

    fn sheet() -> GrayImage {
        GrayImage::from_pixel(500, 700, Luma([238]))
    }

    fn fill(gray: &mut GrayImage, [left, top, width, height]: [u32; 4], value: u8) {
        for (x, y) in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
            gray.put_pixel(x, y, Luma([value]));
        }
    }

    /// A word of eight letters of 2 mm.
    fn write(gray: &mut GrayImage, value: u8) {
        for i in 0..8 {
            fill(gray, [200 + 9 * i, 300, 2, 10], value);
            fill(gray, [200 + 9 * i, 304, 6, 2], value);
        }
    }

    fn disc(gray: &mut GrayImage, x: f64, y: f64, radius: f64, value: u8) {
        for (px, py, pixel) in gray.enumerate_pixels_mut() {
            if (f64::from(px) - x).hypot(f64::from(py) - y) < radius {
                *pixel = Luma([value]);
            }
        }
    }

    #[test]
    fn single_short_word_is_content() {
        let mut gray = sheet();
        write(&mut gray, 60);
        assert!(!is_blank(&gray, DPI));
    }

    #[test]
    fn faint_pencil_is_content_and_bleed_through_is_not() {
        let (mut pencil, mut bleed) = (sheet(), sheet());
        write(&mut pencil, 175);
        write(&mut bleed, 208);
        assert!(!is_blank(&pencil, DPI));
        assert!(is_blank(&bleed, DPI));
    }

    #[test]
    fn photograph_is_content() {
        let mut gray = sheet();
        fill(&mut gray, [150, 200, 120, 160], 110);
        assert!(!is_blank(&gray, DPI));
    }

    #[test]
    fn signature_is_content() {
        let mut gray = sheet();
        for x in 0..120u32 {
            let y = 400.0 + 20.0 * (f64::from(x) / 9.0).sin();
            fill(&mut gray, [220 + x, y as u32, 2, 6], 70);
        }
        assert!(!is_blank(&gray, DPI));
    }

    #[test]
    fn holes_bed_folds_and_stains_are_not_content() {
        let mut gray = sheet();
        disc(&mut gray, 60.0, 200.0, 15.0, 20);
        disc(&mut gray, 60.0, 480.0, 15.0, 20);
        fill(&mut gray, [0, 0, 500, 7], 10);
        fill(&mut gray, [0, 350, 500, 2], 195);
        for (x, y, pixel) in gray.enumerate_pixels_mut() {
            let far = (f64::from(x) - 350.0).hypot(f64::from(y) - 550.0) / 60.0;
            pixel.0[0] = (f64::from(pixel.0[0]) * (1.0 - 0.25 * (-far * far).exp())) as u8;
        }
        assert!(is_blank(&gray, DPI));
    }

    #[test]
    fn resolution_of_the_scan_does_not_matter() {
        let (mut written, empty) = (sheet(), sheet());
        write(&mut written, 100);
        for factor in [2, 3] {
            let scale =
                |gray: &GrayImage| imageops::resize(gray, 500 * factor, 700 * factor, imageops::FilterType::Triangle);
            assert!(!is_blank(&scale(&written), DPI * f64::from(factor)));
            assert!(is_blank(&scale(&empty), DPI * f64::from(factor)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn noise_and_specks_leave_a_blank_page_blank(
            seed in any::<u32>(),
            strength in 0i32..16,
            specks in prop::collection::vec((20u32..480, 20u32..680, 1u32..4), 0..60),
        ) {
            let mut gray = sheet();
            let mut state = seed | 1;
            for pixel in gray.pixels_mut() {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                let noise = (state % 256) as i32 * strength / 256 - strength / 2;
                pixel.0[0] = (i32::from(pixel.0[0]) + noise).clamp(0, 255) as u8;
            }
            for (x, y, size) in specks {
                fill(&mut gray, [x / 5 * 5, y / 5 * 5, size, size], 90);
            }
            prop_assert!(is_blank(&gray, DPI));
        }
    }
}
