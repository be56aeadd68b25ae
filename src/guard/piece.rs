//! A stamp cut out of its page: its ink told from what it lies on, laid level, its frame taken off, read.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use image::{GrayImage, RgbImage};

use super::shape::Way;
use super::stamps::{Cells, EXCESS, Ink};
use crate::imaging::gray::luma_of;
use crate::imaging::warp;
use crate::model::{Homography, PageMap, Point, Quad, TextLine};
use crate::ocr::{self, OcrEngine, OcrError};

/// Resolution of what is read, the reader's own.
const PIECE_DPI: f64 = 200.0;

/// Room around the ink, millimetres: what was found on the reduced page is a cell narrower than it is.
const MARGIN_MM: f64 = 0.8;

/// How far in from its edge the lines of a frame may lie, millimetres: a double line, and what is not quite level.
const FRAME_MM: f64 = 2.4;

/// Share of a row or column of a piece that is ink where it is a frame's.
const FRAME_COVER: f64 = 0.5;

/// Share of the strongest ink of a stamp at which it counts as black, and at which as paper.
const FULL: f64 = 0.85;
const FAINT: f64 = 0.22;

/// Ink is darker than this.
const IS_INK: u8 = 150;

/// Largest piece, pixels: a stamp of 110 by 100 mm.
const MOST_PIXELS: f64 = 800_000.0;

/// What a stamp says, read in one of its ways: its lines, in two sizes.
pub(super) fn read(
    (page, cells): (&RgbImage, &Cells),
    (ink, is_framed): (Ink, bool),
    way: Way,
    dpi: f64,
    engine: &dyn OcrEngine,
) -> Result<[Vec<TextLine>; 2], OcrError> {
    let Some(level) = cut((page, cells), ink, way, dpi) else { return Ok([const { Vec::new() }; 2]) };
    let piece = if is_framed { without_frame(&level) } else { level };
    ocr::read_piece(&piece, PIECE_DPI, engine)
}

/// The ink within a rectangle, dark on white, laid level.
fn cut((page, cells): (&RgbImage, &Cells), ink: Ink, way: Way, dpi: f64) -> Option<GrayImage> {
    let margin = MARGIN_MM * dpi / 25.4;
    let (width, height) = (way.width + 2.0 * margin, way.height + 2.0 * margin);
    let scale = PIECE_DPI / dpi;
    if width * scale * height * scale > MOST_PIXELS {
        return None;
    }
    let (sin, cos) = way.degrees.to_radians().sin_cos();
    let corner = |u: f64, v: f64| Point::new(way.x + u * cos - v * sin, way.y + u * sin + v * cos);
    let (u, v) = (width / 2.0, height / 2.0);
    let corners = [corner(-u, -v), corner(u, -v), corner(u, v), corner(-u, v)];
    // Only what the rectangle lies on is told apart.
    let least = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::MAX, f64::min).floor().max(0.0);
    let most = |of: fn(&Point) -> f64, end: u32| corners.iter().map(of).fold(0.0, f64::max).ceil().min(f64::from(end));
    let (x0, y0) = (least(|point| point.x), least(|point| point.y));
    let (x1, y1) = (most(|point| point.x, page.width()), most(|point| point.y, page.height()));
    if x1 - x0 < 2.0 || y1 - y0 < 2.0 {
        return None;
    }
    let gray = gray_of(page, cells, ink, [x0, y0, x1, y1].map(|place| place as u32));
    let (width, height) = ((width * scale).round() as u32, (height * scale).round() as u32);
    let from = Quad(corners.map(|point| Point::new(point.x - x0, point.y - y0)));
    let homography = Homography::between(&Quad::of_frame(width, height), &from)?;
    Some(warp::rectify_gray(&gray, &PageMap::flat(width, height, homography)))
}

/// A part of the page with the ink dark and all else white. Black print below a coloured stamp has none of its colour.
fn gray_of(page: &RgbImage, cells: &Cells, ink: Ink, [x0, y0, x1, y1]: [u32; 4]) -> GrayImage {
    let part = |of: &dyn Fn(&[u8; 3]) -> u8| {
        GrayImage::from_fn(x1 - x0, y1 - y0, |x, y| image::Luma([of(&page.get_pixel(x0 + x, y0 + y).0)]))
    };
    if ink == Ink::Dark {
        return part(&|pixel| luma_of(pixel));
    }
    let excess = |pixel: &[u8; 3]| cells.excess(ink, pixel).clamp(0, 255);
    let mut histogram = [0_u32; 256];
    for y in y0..y1 {
        for x in x0..x1 {
            histogram[excess(&page.get_pixel(x, y).0) as usize] += 1;
        }
    }
    // Of the ink that is clearly coloured the most is that of full strokes.
    let inked: u32 = histogram[EXCESS as usize..].iter().sum();
    let mut left = inked / 5;
    let strong = (0..256).rev().find(|&value| {
        left = left.saturating_sub(histogram[value]);
        left == 0
    });
    let strong = strong.unwrap_or(255).max(1) as f64;
    let (faint, full) = (FAINT * strong, FULL * strong);
    part(&|pixel| 255 - ((f64::from(excess(pixel)) - faint) / (full - faint) * 255.0).clamp(0.0, 255.0) as u8)
}

/// What lies within the lines of a frame, where there are such near the edges.
fn without_frame(piece: &GrayImage) -> GrayImage {
    let (width, height) = piece.dimensions();
    let reach = |side: u32| ((FRAME_MM + MARGIN_MM) * PIECE_DPI / 25.4).min(f64::from(side) / 3.0) as u32;
    let is_ink = |x: u32, y: u32| piece.get_pixel(x, y).0[0] < IS_INK;
    // The frame's own length: a row of it does not fill the margins.
    let margin = (2.0 * MARGIN_MM * PIECE_DPI / 25.4) as u32;
    let least = |side: u32| (f64::from(side.saturating_sub(margin)) * FRAME_COVER) as usize;
    let is_row = |y: &u32| (0..width).filter(|&x| is_ink(x, *y)).count() > least(width);
    let is_column = |x: &u32| (0..height).filter(|&y| is_ink(*x, y)).count() > least(height);
    let top = (0..reach(height)).rev().find(is_row).map_or(0, |y| y + 1);
    let bottom = (height - reach(height)..height).find(is_row).unwrap_or(height);
    let left = (0..reach(width)).rev().find(is_column).map_or(0, |x| x + 1);
    let right = (width - reach(width)..width).find(is_column).unwrap_or(width);
    let inside = image::imageops::crop_imm(piece, left, top, right - left, bottom - top).to_image();
    // Letters need some paper around them.
    let room = (MARGIN_MM * PIECE_DPI / 25.4) as u32;
    let mut padded = GrayImage::from_pixel(inside.width() + 2 * room, inside.height() + 2 * room, image::Luma([255]));
    image::imageops::replace(&mut padded, &inside, i64::from(room), i64::from(room));
    padded
}
