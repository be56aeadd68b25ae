//! Looks for room on a page where nothing is printed, written or stamped, for the box of a visible signature.
//!
//! The page is divided into cells of half a millimetre. A cell has ink where its darkest pixel, in any of the three
//! colours, is clearly darker than the paper near it; seals and marker pens of any colour count. A box fits where no cell
//! below it, nor within [`CLEARANCE_MM`] of it, has ink. On noisy or patterned paper too much counts as ink: then there is
//! no room, and the page grows by a margin instead.

use image::RgbImage;

use crate::model::{Point, SizeMm};

/// Side of a cell, millimetres: a third of the height of small letters.
const CELL_MM: f64 = 0.5;

/// Distance of the box from all ink, millimetres. More than the quiet zone of the QR symbols in use (four modules of
/// 0.33 to 0.5 mm, ISO/IEC 18004).
pub const CLEARANCE_MM: f64 = 2.0;

/// Distance of the box from the page's edges, millimetres: slivers of the desk end before, and most printers print from
/// there on.
pub const EDGE_MM: f64 = 3.0;

/// A pixel darker than the paper by this much in one of its colours is ink. The noise of evened photos stays below 20,
/// pencil differs by 30 and more.
const LEAST_CONTRAST: u8 = 24;

/// The paper is as bright as this share of the cells around it is at most.
const PAPER_QUANTILE: f64 = 0.75;

/// The box stands in the upper part of the page: this share of its height.
const REACH: f64 = 0.2;

/// Corner of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Top left.
    Left,
    /// Top right.
    Right,
}

/// The top left corner, in millimetres from that of the page, of the place for a box of this size that is nearest to the
/// corner of the page at the given side, so that the box's middle is in that half of the page; `None` without such a
/// place. `size` is that of the page which the picture fills.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cells of a page, checked to be positive")]
pub fn find(picture: &RgbImage, size: SizeMm, wanted: SizeMm, side: Side) -> Option<Point> {
    let rows = (size.height * REACH / CELL_MM).floor();
    let columns = (size.width / CELL_MM).floor();
    if rows < 1.0 || columns < 1.0 || picture.width() == 0 || picture.height() == 0 {
        return None;
    }
    let (columns, rows) = (columns as usize, rows as usize);
    let cells = Cells::of(picture, size, columns, rows);
    let ink = cells.ink(side);
    let filled = Sums::of(&ink, columns, rows);
    let in_cells = |mm: f64| (mm / CELL_MM).ceil() as usize;
    let (width, height) = (in_cells(wanted.width), in_cells(wanted.height));
    let (edge, clearance) = (in_cells(EDGE_MM), in_cells(CLEARANCE_MM));
    let last_left = columns.checked_sub(width + edge)?;
    let last_top = rows.checked_sub(height)?;
    // Twice the middle of the box, compared with twice the middle of the page.
    let lefts = (edge..=last_left).filter(|left| match side {
        Side::Left => 2 * left + width <= columns,
        Side::Right => 2 * left + width >= columns,
    });
    let away = |left: usize, top: usize| {
        let across = match side {
            Side::Left => left - edge,
            Side::Right => last_left - left,
        };
        across * across + (top - edge) * (top - edge)
    };
    let (left, top) = lefts
        .flat_map(|left| (edge..=last_top).map(move |top| (left, top)))
        .filter(|&(left, top)| {
            let across = left.saturating_sub(clearance)..(left + width + clearance).min(columns);
            let down = top.saturating_sub(clearance)..(top + height + clearance).min(rows);
            filled.none_within(across, down)
        })
        .min_by_key(|&(left, top)| (away(left, top), top, left))?;
    Some(Point::new(left as f64 * CELL_MM, top as f64 * CELL_MM))
}

/// Darkest and mean value of each cell over the least of its three colours.
struct Cells {
    darkest: Vec<u8>,
    mean: Vec<u8>,
    columns: usize,
}

impl Cells {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of the picture, clamped to it")]
    fn of(picture: &RgbImage, size: SizeMm, columns: usize, rows: usize) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (across, down) = (width as f64 / size.width, height as f64 / size.height);
        let edges = |count: usize, scale: f64, most: usize| -> Vec<usize> {
            (0..=count).map(|cell| ((cell as f64 * CELL_MM * scale).round() as usize).min(most)).collect()
        };
        let (xs, ys) = (edges(columns, across, width), edges(rows, down, height));
        let (mut darkest, mut mean) = (Vec::new(), Vec::new());
        for band in ys.windows(2) {
            let (mut least, mut sums) = (vec![u8::MAX; columns], vec![0_u64; columns]);
            for row in picture.as_raw()[band[0] * width * 3..band[1] * width * 3].chunks_exact(width * 3) {
                for (cell, ends) in xs.windows(2).enumerate() {
                    for &[red, green, blue] in row[ends[0] * 3..ends[1] * 3].as_chunks().0 {
                        let value = red.min(green).min(blue);
                        least[cell] = least[cell].min(value);
                        sums[cell] += u64::from(value);
                    }
                }
            }
            let pixels = |cell: usize| ((band[1] - band[0]) * (xs[cell + 1] - xs[cell])) as u64;
            // Cells of pictures so coarse that no pixel falls into them count as paper.
            let mean_of = |(cell, sum): (usize, &u64)| sum.checked_div(pixels(cell)).map_or(u8::MAX, |mean| mean as u8);
            mean.extend(sums.iter().enumerate().map(mean_of));
            darkest.extend(least);
        }
        Self { darkest, mean, columns }
    }

    /// Whether each cell has ink, judged by the paper of the half that the box is to stand in.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of the cells")]
    fn ink(&self, side: Side) -> Vec<bool> {
        let half = self.columns.div_ceil(2);
        let of_half = |row: &[u8]| match side {
            Side::Left => row[..half].to_vec(),
            Side::Right => row[self.columns - half..].to_vec(),
        };
        let mut means: Vec<u8> = self.mean.chunks_exact(self.columns).flat_map(of_half).collect();
        let at = ((means.len() - 1) as f64 * PAPER_QUANTILE) as usize;
        let (_, &mut paper, _) = means.select_nth_unstable(at);
        self.darkest.iter().map(|&darkest| darkest < paper.saturating_sub(LEAST_CONTRAST)).collect()
    }
}

/// Numbers of filled cells above and left of each corner.
struct Sums {
    sums: Vec<u32>,
    stride: usize,
}

impl Sums {
    fn of(filled: &[bool], columns: usize, rows: usize) -> Self {
        let stride = columns + 1;
        let mut sums = vec![0; stride * (rows + 1)];
        for row in 0..rows {
            let mut before = 0;
            for column in 0..columns {
                before += u32::from(filled[row * columns + column]);
                sums[(row + 1) * stride + column + 1] = sums[row * stride + column + 1] + before;
            }
        }
        Self { sums, stride }
    }

    fn none_within(&self, across: std::ops::Range<usize>, down: std::ops::Range<usize>) -> bool {
        let at = |row: usize, column: usize| self.sums[row * self.stride + column];
        at(down.end, across.end) + at(down.start, across.start)
            == at(down.end, across.start) + at(down.start, across.end)
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    const A4: SizeMm = SizeMm { width: 210.0, height: 297.0 };
    const BOX: SizeMm = SizeMm { width: 60.0, height: 10.0 };

    /// A white A4 page at four pixels a millimetre with these rectangles of ink: left, top, width, height in millimetres.
    fn page(ink: &[([f64; 4], [u8; 3])]) -> RgbImage {
        let mut page = RgbImage::from_pixel(840, 1188, Rgb([250, 248, 240]));
        for ([left, top, width, height], colour) in ink {
            for (x, y, pixel) in page.enumerate_pixels_mut() {
                let (x, y) = (f64::from(x) / 4.0, f64::from(y) / 4.0);
                if (*left..left + width).contains(&x) && (*top..top + height).contains(&y) {
                    *pixel = Rgb(*colour);
                }
            }
        }
        page
    }

    #[test]
    fn an_empty_page_has_room_in_its_corner() {
        assert_eq!(find(&page(&[]), A4, BOX, Side::Left), Some(Point::new(3.0, 3.0)));
        assert_eq!(find(&page(&[]), A4, BOX, Side::Right), Some(Point::new(210.0 - 3.0 - 60.0, 3.0)));
    }

    #[test]
    fn ink_of_any_colour_is_kept_clear_of() {
        for colour in [[30, 30, 30], [225, 215, 210], [255, 150, 160], [250, 248, 120]] {
            let place = find(&page(&[([20.0, 8.0, 30.0, 10.0], colour)]), A4, BOX, Side::Left).unwrap();
            assert!(place.y >= 20.0 || place.x >= 52.0, "{place:?}");
            assert!(place.x + BOX.width / 2.0 <= 105.0 && place.y + BOX.height <= 59.4, "{place:?}");
        }
    }

    #[test]
    fn a_full_corner_has_no_room_and_the_other_does_not_matter() {
        let lines: Vec<_> = (0..12).map(|line| ([10.0, 5.0 * f64::from(line), 90.0, 2.0], [40; 3])).collect();
        assert_eq!(find(&page(&lines), A4, BOX, Side::Left), None);
        assert!(find(&page(&lines), A4, BOX, Side::Right).is_some());
    }

    #[test]
    fn what_is_larger_than_its_place_has_no_room() {
        let card = SizeMm { width: 85.6, height: 54.0 };
        assert_eq!(find(&page(&[]), card, BOX, Side::Left), None);
        assert_eq!(find(&page(&[]), A4, SizeMm { width: 300.0, height: 5.0 }, Side::Left), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_ink_is_ever_covered(
            blots in prop::collection::vec((0.0..200.0, 0.0..60.0, 0.5..40.0, 0.5..8.0, 0_u8..200), 0..12),
            right in any::<bool>(),
        ) {
            let ink: Vec<_> = blots.iter().map(|&(x, y, w, h, value)| ([x, y, w, h], [value; 3])).collect();
            let picture = page(&ink);
            let side = if right { Side::Right } else { Side::Left };
            if let Some(place) = find(&picture, A4, BOX, side) {
                for (x, y, pixel) in picture.enumerate_pixels() {
                    let (x, y) = (f64::from(x) / 4.0, f64::from(y) / 4.0);
                    let below = (place.x..place.x + BOX.width).contains(&x) && (place.y..place.y + BOX.height).contains(&y);
                    prop_assert!(!below || pixel[0] == 250, "({x}, {y}) below the box at {place:?}");
                }
            }
        }
    }
}
