//! Pictures of what was found on a capture, for people who would rather look than read.
//!
//! [`pictures`] draws over the capture: the paper's outline, a millimetre grid that shows how the page was laid flat, the
//! lines of text, ruled lines, codes, and a tint where the reading picture leaves something out (seals, signatures,
//! rules). Beside it come the finished page and the picture that text was read from.

use image::{GrayImage, Rgb, RgbImage};

use super::{Page, PageError, Part, Settings, encoding};
use crate::imaging::encode;
use crate::imaging::gray::luma;
use crate::imaging::proxy::reduce;
use crate::input::Frame;
use crate::model::{PageMap, Point, Quad, Rect};
use crate::ocr::Reading;

/// The overlay's long side is at most this many pixels: what a large screen shows whole.
const OVERLAY_SIDE: u32 = 2000;

/// Distance between the lines of the grid on the paper, millimetres.
const GRID_MM: f64 = 10.0;

/// Pieces in which lines of the page are drawn on the capture, where they may be bent.
const PIECES: usize = 64;

/// Reading leaves a pixel out when the page is darker there than this and the reading picture is brighter than the other,
/// grey levels: ink against paper.
const INK: u8 = 150;
const PAPER: u8 = 220;

/// Quality of the pictures, JPEG 1 to 100.
const JPEG_QUALITY: u8 = 85;

const OUTLINE: Rgb<u8> = Rgb([0, 200, 70]);
const DOUBTFUL: Rgb<u8> = Rgb([255, 150, 0]);
const GRID: Rgb<u8> = Rgb([0, 170, 220]);
const RULE: Rgb<u8> = Rgb([160, 90, 0]);
const CODE: Rgb<u8> = Rgb([220, 0, 220]);
const LINE: Rgb<u8> = Rgb([30, 60, 255]);
const BADLY_READ: Rgb<u8> = Rgb([230, 0, 0]);
const LEFT_OUT: Rgb<u8> = Rgb([255, 60, 120]);

/// Outlines less sure than this are drawn as doubtful.
const SURE: f32 = 0.9;

/// Words less sure than this are drawn as badly read.
const WELL_READ: f32 = 0.7;

/// A picture for people.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What it shows: `found` over the capture, `page` as it was made, `reading` as text was read from it.
    pub shows: &'static str,
    /// The picture.
    pub jpeg: Vec<u8>,
}

/// Draws what [`super::process`] made of a capture.
///
/// # Errors
/// When the capture cannot be decoded again or a picture not be encoded.
pub fn pictures(frame: &Frame, page: &Page, settings: &Settings) -> Result<Vec<Picture>, PageError> {
    let capture = frame.decode(&settings.limits)?.image;
    let image = encoding::shown(&page.image.picture, &settings.limits)?;
    let reading = Reading::new(&image, page.geometry.dpi);
    let mut canvas = Canvas::new(&capture);
    draw(&mut canvas, page, &image, &reading);
    let encoded = |image: &RgbImage| encode::jpeg(image, JPEG_QUALITY, page.geometry.dpi);
    Ok(vec![
        Picture { shows: "found", jpeg: encoded(&canvas.image)? },
        Picture { shows: "page", jpeg: encoded(&image)? },
        Picture { shows: "reading", jpeg: encoded(&coloured(&reading.gray))? },
    ])
}

fn draw(canvas: &mut Canvas, page: &Page, image: &RgbImage, reading: &Reading) {
    let sheets = Sheets(&page.parts);
    tint_left_out(canvas, &sheets, image, reading);
    for part in &page.parts {
        draw_grid(canvas, &part.map, page.geometry.dpi);
    }
    for &rule in &reading.rules {
        canvas.outline(&sheets, rule, RULE, 1);
    }
    if page.text.lines.is_empty() {
        for &line in &reading.lines {
            canvas.outline(&sheets, line, LINE, 2);
        }
    }
    for line in &page.text.lines {
        canvas.outline(&sheets, line.bounds, LINE, 2);
        for word in line.words.iter().filter(|word| word.confidence < WELL_READ) {
            canvas.outline(&sheets, word.bounds, BADLY_READ, 2);
        }
    }
    for code in &page.codes {
        let corners: Vec<Point> = code.corners.iter().map(|&corner| sheets.to_capture(corner)).collect();
        canvas.polygon(&corners, CODE, 4);
    }
    let colour = if page.geometry.quad_confidence < SURE { DOUBTFUL } else { OUTLINE };
    for Quad(corners) in page.parts.iter().filter_map(|part| part.quad) {
        canvas.polygon(&corners, colour, 5);
    }
}

/// The sheets that a page image was put together from.
#[derive(Clone, Copy, Debug)]
pub struct Sheets<'a>(pub &'a [Part]);

impl Sheets<'_> {
    /// Where a pixel of the page image lies on the display-oriented capture.
    pub fn to_capture(&self, p: Point) -> Point {
        let below = |part: &&Part| p.y >= f64::from(part.top) - 0.5;
        let part = self.0.iter().rfind(below).unwrap_or(&self.0[0]);
        part.map.to_capture(Point::new(p.x - f64::from(part.left), p.y - f64::from(part.top)))
    }
}

/// Lines every [`GRID_MM`] on a sheet, as they lie on the capture.
fn draw_grid(canvas: &mut Canvas, map: &PageMap, dpi: f64) {
    let (right, bottom) = (f64::from(map.width) - 0.5, f64::from(map.height) - 0.5);
    let step = GRID_MM / 25.4 * dpi;
    let places = |end: f64| (0..).map(move |i| f64::from(i) * step - 0.5).take_while(move |&at| at <= end);
    let to_capture = |p| map.to_capture(p);
    for x in places(right) {
        canvas.line(to_capture, Point::new(x, -0.5), Point::new(x, bottom), GRID, 1);
    }
    for y in places(bottom) {
        canvas.line(to_capture, Point::new(-0.5, y), Point::new(right, y), GRID, 1);
    }
}

/// Tints ink of the page that is white on the reading picture.
fn tint_left_out(canvas: &mut Canvas, sheets: &Sheets, image: &RgbImage, reading: &Reading) {
    let gray = luma(image);
    let scale = |page: u32, work: u32| f64::from(page) / f64::from(work.max(1));
    let across = scale(gray.width(), reading.gray.width());
    let down = scale(gray.height(), reading.gray.height());
    for (x, y, seen) in reading.gray.enumerate_pixels() {
        if seen[0] <= PAPER {
            continue;
        }
        let p = Point::new((f64::from(x) + 0.5) * across - 0.5, (f64::from(y) + 0.5) * down - 0.5);
        if nearest(&gray, p) < INK {
            canvas.tint(sheets.to_capture(p), LEFT_OUT);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture")]
fn nearest(gray: &GrayImage, p: Point) -> u8 {
    let at = |v: f64, size: u32| (v.round().max(0.0) as u32).min(size - 1);
    gray.get_pixel(at(p.x, gray.width()), at(p.y, gray.height()))[0]
}

fn coloured(gray: &GrayImage) -> RgbImage {
    RgbImage::from_fn(gray.width(), gray.height(), |x, y| Rgb([gray.get_pixel(x, y)[0]; 3]))
}

/// A reduced capture that is drawn on in capture pixels.
struct Canvas {
    image: RgbImage,
    factor: f64,
}

impl Canvas {
    fn new(capture: &RgbImage) -> Self {
        let (long, short) = (capture.width().max(capture.height()), capture.width().min(capture.height()));
        let factor = long.div_ceil(OVERLAY_SIDE).clamp(1, short.max(1));
        Self { image: reduce(capture, factor), factor: f64::from(factor) }
    }

    /// The pixel at a place on the capture, unless that is outside.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the picture")]
    fn pixel(&mut self, p: Point) -> Option<&mut Rgb<u8>> {
        let (x, y) = (((p.x + 0.5) / self.factor).floor(), ((p.y + 0.5) / self.factor).floor());
        let inside = x >= 0.0 && y >= 0.0 && x < f64::from(self.image.width()) && y < f64::from(self.image.height());
        inside.then(|| self.image.get_pixel_mut(x as u32, y as u32))
    }

    fn tint(&mut self, p: Point, colour: Rgb<u8>) {
        if let Some(pixel) = self.pixel(p) {
            for (value, wanted) in pixel.0.iter_mut().zip(colour.0) {
                *value = value.midpoint(wanted);
            }
        }
    }

    /// A straight stroke on the capture, `width` overlay pixels wide.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length in pixels")]
    fn stroke(&mut self, from: Point, to: Point, colour: Rgb<u8>, width: u8) {
        let length = from.distance(to);
        // Lines that run off to the horizon are not drawn.
        let longest = self.factor * f64::from(self.image.width() + self.image.height());
        if !length.is_finite() || length > longest {
            return;
        }
        let steps = (length / self.factor * 2.0).ceil().max(1.0) as u32;
        let half = f64::from(width - 1) / 2.0;
        for i in 0..=steps {
            let share = f64::from(i) / f64::from(steps);
            let at = Point::new(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share);
            for (dx, dy) in (0..width).flat_map(|x| (0..width).map(move |y| (f64::from(x), f64::from(y)))) {
                let p = Point::new(at.x + (dx - half) * self.factor, at.y + (dy - half) * self.factor);
                if let Some(pixel) = self.pixel(p) {
                    *pixel = colour;
                }
            }
        }
    }

    /// A closed figure given in capture pixels.
    fn polygon(&mut self, corners: &[Point], colour: Rgb<u8>, width: u8) {
        for (i, &corner) in corners.iter().enumerate() {
            self.stroke(corner, corners[(i + 1) % corners.len()], colour, width);
        }
    }

    /// A straight line of a page.
    fn line(&mut self, to_capture: impl Fn(Point) -> Point, from: Point, to: Point, colour: Rgb<u8>, width: u8) {
        let at = |i: usize| {
            let share = i as f64 / PIECES as f64;
            to_capture(Point::new(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share))
        };
        for i in 0..PIECES {
            self.stroke(at(i), at(i + 1), colour, width);
        }
    }

    /// A box of the page.
    fn outline(&mut self, sheets: &Sheets, rect: Rect, colour: Rgb<u8>, width: u8) {
        let (left, top) = (f64::from(rect.x) - 0.5, f64::from(rect.y) - 0.5);
        let (right, bottom) = (left + f64::from(rect.width), top + f64::from(rect.height));
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)].map(|(x, y)| Point::new(x, y));
        for i in 0..4 {
            self.line(|p| sheets.to_capture(p), corners[i], corners[(i + 1) % 4], colour, width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Homography;

    const GREEN: Rgb<u8> = Rgb([0, 255, 0]);

    #[test]
    fn figures_are_drawn_where_they_lie_on_the_capture() {
        let mut canvas = Canvas::new(&RgbImage::from_pixel(4000, 3000, Rgb([255; 3])));
        assert_eq!(canvas.image.dimensions(), (2000, 1500));
        canvas.polygon(&Quad::of_frame(2000, 1000).0, GREEN, 1);
        assert_eq!(*canvas.image.get_pixel(500, 0), GREEN);
        assert_eq!(*canvas.image.get_pixel(0, 250), GREEN);
        assert_eq!(*canvas.image.get_pixel(500, 250), Rgb([255; 3]));
    }

    #[test]
    fn boxes_of_the_page_follow_its_map() {
        let mut canvas = Canvas::new(&RgbImage::from_pixel(600, 400, Rgb([255; 3])));
        let shifted = Homography([[2.0, 0.0, 100.0], [0.0, 2.0, 50.0], [0.0, 0.0, 1.0]]);
        let whole = Part { quad: None, map: PageMap::flat(200, 150, shifted), left: 0, top: 0 };
        canvas.outline(&Sheets(&[whole]), Rect { x: 10, y: 20, width: 30, height: 40 }, GREEN, 1);
        assert_eq!(*canvas.image.get_pixel(150, 89), GREEN);
        assert_eq!(*canvas.image.get_pixel(150, 120), Rgb([255; 3]));
    }

    #[test]
    fn lines_beyond_the_picture_and_the_horizon_do_no_harm() {
        let mut canvas = Canvas::new(&RgbImage::from_pixel(60, 40, Rgb([255; 3])));
        canvas.stroke(Point::new(-500.0, -500.0), Point::new(f64::INFINITY, 0.0), GREEN, 3);
        canvas.stroke(Point::new(-20.0, 20.0), Point::new(79.0, 20.0), GREEN, 3);
        assert_eq!(*canvas.image.get_pixel(30, 20), GREEN);
    }
}
