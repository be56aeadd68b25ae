//! A sheet of paper that can be printed on: lengths in millimetres from its top left corner, colours from 0 to 1.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places on the sheet and colours, both clamped before they become whole numbers"
)]

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use image::RgbImage;
use sohoa::model::Point;

/// Red, green, blue.
pub(crate) type Colour = [f32; 3];

/// Millimetres in a typographic point.
const POINT_MM: f64 = 25.4 / 72.0;

/// What text is set with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub(crate) bold: bool,
    /// Size in points.
    pub(crate) points: f64,
    pub(crate) ink: Colour,
}

impl Pen {
    fn font(self) -> &'static FontRef<'static> {
        static REGULAR: LazyLock<FontRef<'static>> =
            LazyLock::new(|| font(include_bytes!("../../fonts/LiberationSerif-Regular.ttf")));
        static BOLD: LazyLock<FontRef<'static>> =
            LazyLock::new(|| font(include_bytes!("../../fonts/LiberationSerif-Bold.ttf")));
        if self.bold { &BOLD } else { &REGULAR }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { points: self.points * factor, ..self }
    }

    /// Width of a text, millimetres.
    pub(crate) fn width(self, text: &str) -> f64 {
        let font = self.font();
        let units: f32 = text.chars().map(|letter| font.h_advance_unscaled(font.glyph_id(letter))).sum();
        f64::from(units / font.units_per_em().expect("the font says it")) * self.points * POINT_MM
    }

    /// Distance of the baselines of running text, millimetres.
    pub(crate) fn leading(self) -> f64 {
        self.points * POINT_MM * 1.3
    }
}

fn font(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("a font of the repository")
}

/// A sheet as a picture.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) image: RgbImage,
    pub(crate) pixels_per_mm: f64,
}

impl Sheet {
    /// Bare paper.
    pub(crate) fn new(width: f64, height: f64, pixels_per_mm: f64, paper: Colour) -> Self {
        let pixels = |mm: f64| (mm * pixels_per_mm).round().max(1.0) as u32;
        let image = RgbImage::from_pixel(pixels(width), pixels(height), image::Rgb(paper.map(byte)));
        Self { image, pixels_per_mm }
    }

    /// Sets a text from the left end of its baseline and returns its width.
    pub(crate) fn text(&mut self, pen: Pen, left: f64, baseline: f64, text: &str) -> f64 {
        let font = pen.font();
        let em = pen.points * POINT_MM * self.pixels_per_mm;
        let per_em = font.height_unscaled() / font.units_per_em().expect("the font says it");
        let scale = PxScale::from(em as f32 * per_em);
        let scaled = font.as_scaled(scale);
        let mut x = left * self.pixels_per_mm;
        let y = baseline * self.pixels_per_mm;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            let glyph = id.with_scale_and_position(scale, point(x as f32, y as f32));
            x += f64::from(scaled.h_advance(id));
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, coverage| {
                self.blend(corner.x as i64 + i64::from(column), corner.y as i64 + i64::from(row), pen.ink, coverage);
            });
        }
        pen.width(text)
    }

    /// A rectangle.
    pub(crate) fn fill(&mut self, [left, top, right, bottom]: [f64; 4], ink: Colour, opacity: f32) {
        self.paint([left, top, right, bottom], ink, opacity, |x, y| {
            (left - x).max(x - right).max(top - y).max(y - bottom)
        });
    }

    /// What lies between two circles about one point.
    pub(crate) fn ring(&mut self, centre: Point, inner: f64, outer: f64, ink: Colour, opacity: f32) {
        let bounds = [centre.x - outer, centre.y - outer, centre.x + outer, centre.y + outer];
        self.paint(bounds, ink, opacity, |x, y| {
            let distance = centre.distance(Point::new(x, y));
            (distance - outer).max(inner - distance)
        });
    }

    /// A line through these points.
    pub(crate) fn stroke(&mut self, points: &[Point], width: f64, ink: Colour, opacity: f32) {
        for pair in points.windows(2) {
            let (a, b, half) = (pair[0], pair[1], width / 2.0);
            let bounds = [a.x.min(b.x) - half, a.y.min(b.y) - half, a.x.max(b.x) + half, a.y.max(b.y) + half];
            let squared = a.distance(b).powi(2).max(1e-12);
            self.paint(bounds, ink, opacity, |x, y| {
                let along = ((x - a.x) * (b.x - a.x) + (y - a.y) * (b.y - a.y)) / squared;
                let along = along.clamp(0.0, 1.0);
                let nearest = Point::new(a.x + along * (b.x - a.x), a.y + along * (b.y - a.y));
                nearest.distance(Point::new(x, y)) - half
            });
        }
    }

    /// Inks what has a negative distance, and its edge in part.
    fn paint(&mut self, bounds: [f64; 4], ink: Colour, opacity: f32, distance: impl Fn(f64, f64) -> f64) {
        let scale = self.pixels_per_mm;
        let (width, height) = (f64::from(self.image.width()), f64::from(self.image.height()));
        let first = |mm: f64, end: f64| (mm * scale - 2.0).clamp(0.0, end) as i64;
        let last = |mm: f64, end: f64| (mm * scale + 2.0).clamp(0.0, end) as i64;
        for row in first(bounds[1], height)..last(bounds[3], height) {
            for column in first(bounds[0], width)..last(bounds[2], width) {
                let away = distance((column as f64 + 0.5) / scale, (row as f64 + 0.5) / scale) * scale;
                let coverage = (0.5 - away).clamp(0.0, 1.0) as f32;
                self.blend(column, row, ink, coverage * opacity);
            }
        }
    }

    fn blend(&mut self, column: i64, row: i64, ink: Colour, coverage: f32) {
        let (Ok(column), Ok(row)) = (u32::try_from(column), u32::try_from(row)) else { return };
        if coverage > 0.0
            && let Some(pixel) = self.image.get_pixel_mut_checked(column, row)
        {
            for (value, ink) in pixel.0.iter_mut().zip(ink) {
                *value = byte(f32::from(*value) / 255.0 * (1.0 - coverage) + ink * coverage);
            }
        }
    }

    /// Blurs as a lens does, with this standard deviation in pixels up to 1: a kernel of three pixels each way.
    pub(crate) fn soften(&mut self, sigma: f64) {
        let side = (sigma * sigma / 2.0 * 256.0).round().clamp(0.0, 85.0) as u16;
        let middle = 256 - 2 * side;
        let mix = |before: u8, here: u8, after: u8| {
            ((side * (u16::from(before) + u16::from(after)) + middle * u16::from(here) + 128) >> 8) as u8
        };
        let length = self.image.width() as usize * 3;
        let pixels: &mut [u8] = &mut self.image;
        let mut above = pixels[..length].to_vec();
        let mut line = above.clone();
        for row in 0..pixels.len() / length {
            let below = pixels.len().min((row + 2) * length) - length;
            let here = row * length;
            for (column, value) in line.iter_mut().enumerate() {
                *value = mix(above[column], pixels[here + column], pixels[below + column]);
            }
            above.copy_from_slice(&pixels[here..here + length]);
            pixels[here..here + 3].copy_from_slice(&line[..3]);
            for column in 3..length - 3 {
                pixels[here + column] = mix(line[column - 3], line[column], line[column + 3]);
            }
            pixels[here + length - 3..here + length].copy_from_slice(&line[length - 3..]);
        }
    }
}

fn byte(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}
