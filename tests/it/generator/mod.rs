//! Captures whose truth is known: papers are printed, laid on beds and desks, scanned and photographed, all as a seed
//! says, on every machine alike.
//!
//! Half of the judging is left to the page itself: its [`mark::Mark`]s are looked for on the finished page, which
//! measures rotation and scale there without any word of the program about what it did.

use image::RgbImage;
use sohoa::imaging::encode;
use sohoa::model::{Orientation, Point, Quad, SizeMm};

use exposure::{Light, Scene, Sensor};
use mark::Mark;
use page::{Paper, Template};
use random::Random;
use surface::Surface;
use view::{Pose, View};

mod exposure;
pub(crate) mod mark;
pub(crate) mod page;
pub(crate) mod random;
mod sheet;
mod surface;
mod view;
mod words;

const INCH: f64 = 25.4;
/// What cameras write as resolution.
const CAMERA_DPI: f64 = 72.0;
/// Of 35 mm film, by which equivalent focal lengths are told (CIPA DCG-001).
const FILM_DIAGONAL_MM: f64 = 43.27;

/// How a capture was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A flat scan with bed around the page.
    Scan,
    /// A scan that ends where the page does, as sheet feeders make them.
    Fed,
    Photo,
    /// A photo of a page that is not flat.
    Curled,
}

/// What is known of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) kind: Kind,
    pub(crate) template: Template,
    /// Bed or desk.
    pub(crate) surface: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The paper's corners, from the content's top left clockwise, capture pixels.
    pub(crate) quad: Quad,
    pub(crate) orientation: Orientation,
    /// Clockwise turn of the content that remains after the orientation, degrees.
    pub(crate) skew_degrees: f64,
    /// How much of it is that of the print on its paper.
    pub(crate) print_degrees: f64,
    pub(crate) size: SizeMm,
    /// On the paper as if its print were straight.
    pub(crate) marks: [Mark; 4],
}

/// A capture and its truth.
#[derive(Clone, Debug)]
pub(crate) struct Capture {
    /// A JPEG file.
    pub(crate) file: Vec<u8>,
    pub(crate) truth: Truth,
}

/// Makes the capture of this seed.
pub(crate) fn capture(seed: u64) -> Capture {
    let mut random = Random::new(seed);
    if random.chance(0.6) { scan(&mut random) } else { photo(&mut random) }
}

/// Resolution of flat pages, dots an inch.
const FLAT_DPI: f64 = 200.0;
/// The ink of flat pages.
const PEN: sheet::Pen = sheet::Pen { bold: false, points: 14.0, ink: [0.1; 3] };

/// A flat A4 page at 200 dpi with these lines, as a JPEG file.
pub(crate) fn page_saying(lines: &[&str]) -> Vec<u8> {
    flat_jpeg(&flat(lines).image)
}

/// A flat A4 page at 200 dpi that bears the code of its dossier, words of its own and, from the second page of its document
/// on, its number in the middle of the upper margin.
pub(crate) fn document_page(code: &str, number: usize, random: &mut Random) -> RgbImage {
    let words: Vec<String> = (0..22).map(|_| words::sentence(random, 8)).collect();
    let first = format!("Hồ sơ {code}");
    let lines: Vec<&str> = std::iter::once(&first).chain(&words).map(String::as_str).collect();
    let mut sheet = flat(&lines);
    if number > 1 {
        sheet.text(PEN, 104.0, 15.0, &number.to_string());
    }
    sheet.image
}

fn flat(lines: &[&str]) -> sheet::Sheet {
    let mut sheet = sheet::Sheet::new(210.0, 297.0, FLAT_DPI / INCH, [1.0; 3]);
    for (row, line) in (1..).zip(lines) {
        sheet.text(PEN, 25.0, 25.0 + 9.0 * f64::from(row), line);
    }
    sheet.soften(0.4);
    sheet
}

/// The ink of stamps.
const STAMP: sheet::Pen = sheet::Pen { bold: true, points: 14.0, ink: [0.8, 0.14, 0.17] };
/// Height of their frames, millimetres, and room to either side of the word.
const STAMP_HEIGHT: f64 = 8.0;
const STAMP_ROOM: f64 = 4.0;

/// [`page_saying`] with a word in a red frame about a place, millimetres, turned clockwise by so many degrees.
pub(crate) fn stamped_page(lines: &[&str], word: &str, at: Point, degrees: f64) -> Vec<u8> {
    let mut page = flat(lines).image;
    let (width, fine) = (STAMP.width(word) + 2.0 * STAMP_ROOM, 3.0 * FLAT_DPI / INCH);
    let mut stamp = sheet::Sheet::new(width, STAMP_HEIGHT, fine, [1.0; 3]);
    stamp.fill([0.0, 0.0, width, STAMP_HEIGHT], STAMP.ink, 1.0);
    stamp.fill([0.6, 0.6, width - 0.6, STAMP_HEIGHT - 0.6], [1.0; 3], 1.0);
    stamp.text(STAMP, STAMP_ROOM, STAMP_HEIGHT * 0.7, word);
    let (sin, cos) = degrees.to_radians().sin_cos();
    for (x, y, pixel) in page.enumerate_pixels_mut() {
        let (dx, dy) = (f64::from(x) * INCH / FLAT_DPI - at.x, f64::from(y) * INCH / FLAT_DPI - at.y);
        let place = [dx * cos + dy * sin + width / 2.0, dy * cos - dx * sin + STAMP_HEIGHT / 2.0];
        let [column, row] = place.map(|length| (length * fine).floor());
        let inside = |place: f64, end: u32| (0.0..f64::from(end)).contains(&place);
        if inside(column, stamp.image.width()) && inside(row, stamp.image.height()) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just found to be inside")]
            let ink = stamp.image.get_pixel(column as u32, row as u32);
            // Ink lets print through.
            pixel.0.iter_mut().zip(ink.0).for_each(|(channel, ink)| *channel = (*channel).min(ink));
        }
    }
    flat_jpeg(&page)
}

/// A flat page as a JPEG file.
pub(crate) fn flat_jpeg(image: &RgbImage) -> Vec<u8> {
    encode::jpeg(image, 90, FLAT_DPI).expect("a proper picture")
}

fn template(random: &mut Random) -> Template {
    random.weighted(&[
        (Template::Decision, 0.27),
        (Template::Letter, 0.12),
        (Template::Form, 0.2),
        (Template::Table, 0.15),
        (Template::Sparse, 0.1),
        (Template::Receipt, 0.08),
        (Template::Card, 0.08),
    ])
}

/// Evenly within ±45°, half of them within ±5°.
fn skew(random: &mut Random) -> f64 {
    let most = if random.chance(0.5) { 5.0 } else { 45.0 };
    random.within(-most..most)
}

/// Pages lie as they should more often than not.
fn orientation(random: &mut Random) -> Orientation {
    if random.chance(0.4) { Orientation::Deg0 } else { random.pick(&Orientation::ALL) }
}

fn scan(random: &mut Random) -> Capture {
    /// Larger captures take long to draw.
    const MOST_PIXELS: f64 = 11e6;
    let template = template(random);
    let size = template.size(random);
    let fed = random.chance(0.15) && template != Template::Card;
    // An A3 fills the glass.
    let straight = fed || size.width > 300.0;
    let skew_degrees = if straight { random.within(-2.0..2.0) } else { skew(random) };
    let orientation = orientation(random);
    let degrees = f64::from(orientation.degrees()) + skew_degrees;
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let outer = |a: f64, b: f64| (a * cosine).abs() + (b * sine).abs();
    let (wide, tall) = (outer(size.width, size.height), outer(size.height, size.width));
    let mut margin = || random.within(3.0..20.0);
    let margins = if fed { [0.0; 4] } else { [margin(), margin(), margin(), margin()] };
    // A feeder's frame has the size of the sheet, so the corners of a skewed one are cut off.
    let (mut frame_width, mut frame_height) = match (fed, orientation.quarter_turns() % 2) {
        (false, _) => (wide + margins[0] + margins[2], tall + margins[1] + margins[3]),
        (true, 0) => (size.width, size.height),
        (true, _) => (size.height, size.width),
    };
    let mut middle =
        if fed { (frame_width / 2.0, frame_height / 2.0) } else { (margins[0] + wide / 2.0, margins[1] + tall / 2.0) };
    // Small papers lie somewhere on a glass of the size of an A4.
    if !fed && wide < 200.0 && tall < 285.0 && random.chance(0.6) {
        (frame_width, frame_height) = (210.0, 297.0);
        middle =
            (random.within(wide / 2.0 + 3.0..207.0 - wide / 2.0), random.within(tall / 2.0 + 3.0..294.0 - tall / 2.0));
    }
    let small = size.width.max(size.height) < 100.0;
    let choices: &[(f64, f64)] =
        if small { &[(200.0, 0.5), (300.0, 0.5)] } else { &[(150.0, 0.35), (200.0, 0.35), (240.0, 0.1), (300.0, 0.2)] };
    let pixels = |mm: f64, dpi: f64| (mm / INCH * dpi).round();
    let mut dpi = random.weighted(choices);
    if pixels(frame_width, dpi) * pixels(frame_height, dpi) > MOST_PIXELS {
        dpi = 150.0;
    }
    let scale = dpi / INCH;
    let (width, height) = (whole(pixels(frame_width, dpi)), whole(pixels(frame_height, dpi)));
    let view = View::flat(size, scale, degrees, Point::new(middle.0 * scale - 0.5, middle.1 * scale - 0.5));
    let (surface, bed) = Surface::bed(random, size);
    let blur = random.within(0.3..0.75);
    let sensor = Sensor { noise: random.within(0.3..3.5), edge: 1.0 + blur, gray: random.chance(0.25) };
    let mut paper = page::print(template, size, scale, random);
    paper.sheet.soften(blur);
    let light = Light::lamp(random);
    let scene = Scene::new(&paper, &view, &surface, &light);
    let image = scene.expose(width, height, &sensor, random);
    let kind = if fed { Kind::Fed } else { Kind::Scan };
    let file = encode::jpeg(&image, quality(random), dpi).expect("a proper picture");
    Capture { file, truth: truth(kind, &paper, bed, &image, &view, orientation, skew_degrees) }
}

fn photo(random: &mut Random) -> Capture {
    let template = template(random);
    let size = match template.size(random) {
        // An A3 is taken for an A4, which says nothing about the camera's work.
        size if size.width > 300.0 => SizeMm { width: 297.0, height: 210.0 },
        size => size,
    };
    let megapixels = random.weighted(&[(3.0, 0.35), (5.0, 0.35), (8.0, 0.2), (12.0, 0.1)]);
    let (long, short) = (f64::sqrt(megapixels * 4.0 / 3.0 * 1e6).round(), f64::sqrt(megapixels * 0.75e6).round());
    let (width, height) = if random.chance(0.7) { (short, long) } else { (long, short) };
    let orientation = orientation(random);
    let curled = random.chance(0.2) && template != Template::Card;
    let (view, skew_degrees, focal) = pose(random, size, (width, height), orientation, curled);
    let (surface, desk) = Surface::desk(random, size);
    let blur = random.within(0.35..0.8);
    let sensor = Sensor { noise: random.within(0.8..6.0), edge: 1.0 + blur, gray: false };
    let scale = (view.quad().area() / (size.width * size.height)).sqrt();
    let mut paper = page::print(template, size, scale, random);
    paper.sheet.soften(blur);
    if random.chance(0.15) {
        paper.sheet.soften(random.within(0.5..0.8));
    }
    let light = Light::room(random);
    let scene = Scene::new(&paper, &view, &surface, &light);
    let image = scene.expose(whole(width), whole(height), &sensor, random);
    let kind = if curled { Kind::Curled } else { Kind::Photo };
    let file = encode::jpeg(&image, quality(random), CAMERA_DPI).expect("a proper picture");
    let truth = truth(kind, &paper, desk, &image, &view, orientation, skew_degrees);
    // Messengers strip what the camera wrote of the lens; half of the photos come that way.
    let told = random.chance(0.5).then(|| whole((focal / width.hypot(height) * FILM_DIAGONAL_MM).round()));
    Capture { file: with_camera(&file, told), truth }
}

/// A way of holding the camera that has the whole page in the frame, the roll that remains after the orientation, and
/// the focal length in pixels.
fn pose(
    random: &mut Random,
    size: SizeMm,
    (width, height): (f64, f64),
    orientation: Orientation,
    curled: bool,
) -> (View, f64, f64) {
    let small = size.width.min(size.height) < 100.0;
    let mut covered = if small { random.within(0.12..0.45) } else { random.within(0.3..0.75) };
    let roll = skew(random);
    let middle = Point::new((width - 1.0) / 2.0, (height - 1.0) / 2.0);
    let curl = curled.then(|| (random.within(0.01..0.05) * size.height.max(size.width) / 2.0, random.chance(0.6)));
    loop {
        let focal = random.within(0.7..1.1) * width.max(height);
        let pose = Pose {
            roll: f64::from(orientation.degrees()) + roll,
            tilt: random.within(0.0..30.0),
            towards: random.within(0.0..360.0),
            focal,
            away: focal * (size.width * size.height / (covered * width * height)).sqrt(),
            middle,
            page_middle: Point::new(
                middle.x + random.within(-0.1..0.1) * width,
                middle.y + random.within(-0.1..0.1) * height,
            ),
            curl,
        };
        let view = View::photo(size, &pose);
        let margin = 0.012 * width.max(height);
        let inside = |p: &Point| p.x > margin && p.y > margin && p.x < width - margin && p.y < height - margin;
        let edge = (0..=8).map(f64::from).flat_map(|i| {
            let (x, y) = (size.width * i / 8.0, size.height * i / 8.0);
            [(x, 0.0), (x, size.height), (0.0, y), (size.width, y)]
        });
        if edge.map(|(x, y)| view.to_capture(Point::new(x, y))).all(|p| inside(&p)) {
            return (view, roll, focal);
        }
        covered *= 0.97;
    }
}

fn truth(
    kind: Kind,
    paper: &Paper,
    surface: &'static str,
    image: &RgbImage,
    view: &View,
    orientation: Orientation,
    paper_degrees: f64,
) -> Truth {
    Truth {
        kind,
        template: paper.template,
        surface,
        width: image.width(),
        height: image.height(),
        quad: view.quad(),
        orientation,
        skew_degrees: paper_degrees + paper.print_degrees,
        print_degrees: paper.print_degrees,
        size: paper.size,
        marks: paper.marks,
    }
}

fn quality(random: &mut Random) -> u8 {
    u8::try_from(random.whole(60..96)).expect("a small number")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a picture's side")]
fn whole(pixels: f64) -> u32 {
    pixels.max(1.0) as u32
}

/// The JPEG file with an EXIF block that names a camera and, where it is told, the equivalent focal length in millimetres.
fn with_camera(jpeg: &[u8], focal_in_35_mm: Option<u32>) -> Vec<u8> {
    let mut block = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    // Fields are tag, type, count and value. `Make` is four letters with the closing zero.
    let mut fields = vec![[&[0x0f, 0x01, 2, 0, 4, 0, 0, 0], &b"Cam\0"[..]].concat()];
    if focal_in_35_mm.is_some() {
        // Where the camera's own directory is: after this one's count, two fields and link to the next.
        fields.push(vec![0x69, 0x87, 4, 0, 1, 0, 0, 0, 8 + 2 + 24 + 4, 0, 0, 0]);
    }
    block.extend([u8::try_from(fields.len()).expect("two at most"), 0]);
    block.extend(fields.concat());
    block.extend([0; 4]);
    if let Some(focal) = focal_in_35_mm {
        // `FocalLengthIn35mmFilm` alone.
        block.extend([1, 0, 0x05, 0xa4, 3, 0, 1, 0, 0, 0]);
        block.extend(focal.to_le_bytes());
        block.extend([0; 4]);
    }
    let length = u16::try_from(block.len() + 2).expect("a short block").to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &block, &jpeg[2..]].concat()
}

#[test]
fn a_seed_makes_the_same_capture_again() {
    let (one, again, other) = (capture(3), capture(3), capture(4));
    assert!(one.file == again.file, "the same seed gives the same bytes");
    assert!(one.file != other.file, "another seed gives another capture");
}
