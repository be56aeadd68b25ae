//! Colour of the ink: what of a colour page is text, and what was stamped or signed over it.
//!
//! The gray that text is read from is the luma, except where a pixel is only faintly coloured: there it is the
//! brightest channel, which lets stains, guilloches and watermarks of pastel colours fade into the paper while red
//! titles and blue ballpoint stay dark. Seals are found by their size in the red ink and bleached; large strokes of
//! blue ink are signatures and erased. Black print below both stays, because it is dark in every channel.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "channel values and picture coordinates are small"
)]

use image::{GrayImage, RgbImage};

use super::prepare::Steps;
use crate::imaging::components::{self, Bitmap, Bounds, Components};
use crate::imaging::gray::{luma, luma_of};
use crate::model::Rect;

/// Up to this difference of channels a pixel counts as tinted paper, from the second on as coloured ink; between them
/// the two grays are mixed. Papers and their prints measure 5 to 60, ink 90 to 170.
const TINT: [i32; 2] = [60, 100];

/// Least excess of red over the other channels in ink of a seal; pink papers measure up to 40.
const RED_EXCESS: i32 = 50;

/// The same for the soft edges of a seal that has been found.
const RED_EDGE_EXCESS: i32 = 20;

/// Least excess of blue over red in ballpoint; also over green, by the second.
const BLUE_EXCESS: [i32; 2] = [40, 20];

/// Sides of a seal or a stamp, millimetres: the smallest official ones measure 20, the largest 45; parts may be faint.
const SEAL_MM: [f64; 2] = [14.0, 60.0];

/// A blue stroke is a signature from this width and height on, millimetres. Fill-in letters are written smaller.
const SIGNATURE_MM: [f64; 2] = [9.0, 4.0];

/// And covers no more of its box than this share: letters grown together cover more.
const SIGNATURE_FILL: f64 = 0.22;

/// Pixels at which the ink of a word is looked at lie so far apart.
const LOOK_STEP: usize = 2;

/// A pixel of ink is by so much darker than the paper of its word, of 255.
const INK_DEPTH: i32 = 50;

/// Fewest pixels of ink that say something about its colour.
const LEAST_INK: i32 = 8;

/// How much bluer the ink of a word is than its paper, 0 to 255: ballpoint beside print, whatever the light.
pub(crate) fn blueness(page: &RgbImage, word: Rect) -> u8 {
    let columns = (word.x..(word.x + word.width).min(page.width())).step_by(LOOK_STEP);
    let rows = (word.y..(word.y + word.height).min(page.height())).step_by(LOOK_STEP);
    let pixels = || rows.clone().flat_map(|y| columns.clone().map(move |x| page.get_pixel(x, y).0));
    let paper = pixels().map(|pixel| luma_of(&pixel)).max().unwrap_or(0);
    let (mut ink, mut ground) = ((0, 0), (0, 0));
    for pixel in pixels() {
        let side = if i32::from(luma_of(&pixel)) + INK_DEPTH <= i32::from(paper) { &mut ink } else { &mut ground };
        *side = (side.0 + i32::from(pixel[2]) - i32::from(pixel[0]), side.1 + 1);
    }
    match (ink, ground) {
        ((blue, count), (pale, around)) if count >= LEAST_INK && around > 0 => {
            (blue / count - pale / around).clamp(0, 255) as u8
        }
        _ => 0,
    }
}

/// The gray of a pixel, as the module documentation says.
fn gray_of(pixel: &[u8]) -> u8 {
    let (r, g, b) = (i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2]));
    let brightest = r.max(g).max(b);
    let chroma = brightest - r.min(g).min(b);
    let luma = i32::from(luma_of(pixel));
    let coloured = (chroma - TINT[0]).clamp(0, TINT[1] - TINT[0]);
    (brightest - (brightest - luma) * coloured / (TINT[1] - TINT[0])) as u8
}

fn red_excess(pixel: &[u8]) -> i32 {
    i32::from(pixel[0]) - i32::from(pixel[1].max(pixel[2]))
}

fn is_blue(pixel: &[u8]) -> bool {
    let (r, g, b) = (i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2]));
    b - r > BLUE_EXCESS[0] && b - g > BLUE_EXCESS[1]
}

/// The gray image of the text: seals bleached, blue signatures erased.
pub(crate) fn text_gray(page: &RgbImage, dpi: f64, steps: Steps) -> GrayImage {
    if page.is_empty() {
        return GrayImage::new(page.width(), page.height());
    }
    let Colours { mut gray, blue, red } = Colours::of(page);
    if !steps.tints {
        gray = luma(page);
    }
    if steps.colour_seals {
        for seal in seals(page, &red, dpi) {
            bleach(page, &mut gray, &seal);
        }
    }
    if steps.signatures {
        erase_signatures(page, &mut gray, &blue, dpi);
    }
    gray
}

/// What a page's pixels are one by one.
struct Colours {
    gray: GrayImage,
    /// 1 where [`is_blue`].
    blue: Bitmap,
    /// Red pixels of each cell.
    red: Vec<u8>,
}

/// Pixels that are looked at together: whole cells.
const TOGETHER: usize = 4 * CELL;

/// Up to this difference of channels a pixel is no ink of a seal or a ballpoint, and its gray is its brightest channel.
const COLOURLESS: u8 = 40;
const _: () =
    assert!(COLOURLESS as i32 <= TINT[0] && COLOURLESS as i32 <= RED_EXCESS && COLOURLESS as i32 <= BLUE_EXCESS[0]);

impl Colours {
    fn of(page: &RgbImage) -> Self {
        let (width, height) = (page.width() as usize, page.height() as usize);
        let mut gray = GrayImage::new(page.width(), page.height());
        let mut blue = Bitmap::new(width, height);
        let columns = width / CELL;
        let mut red = vec![0; columns * (height / CELL)];
        let rows = page.as_raw().chunks_exact(width * 3).zip(gray.chunks_exact_mut(width));
        for (y, ((row, gray), blue)) in rows.zip(blue.data.chunks_exact_mut(width)).enumerate() {
            let red = red.get_mut(y / CELL * columns..(y / CELL + 1) * columns).unwrap_or_default();
            for (i, (gray, blue)) in gray.chunks_mut(TOGETHER).zip(blue.chunks_mut(TOGETHER)).enumerate() {
                let pixels = &row[3 * TOGETHER * i..];
                if let Some(whole) = pixels.first_chunk()
                    && let (brightest, ..=COLOURLESS) = brightest_and_colour(whole)
                {
                    gray.copy_from_slice(&brightest);
                    continue;
                }
                for (x, pixel) in pixels.chunks_exact(3).take(gray.len()).enumerate() {
                    gray[x] = gray_of(pixel);
                    blue[x] = u8::from(is_blue(pixel));
                    if let Some(cell) = red.get_mut((TOGETHER * i + x) / CELL) {
                        *cell += u8::from(red_excess(pixel) > RED_EXCESS);
                    }
                }
            }
        }
        Self { gray, blue, red }
    }
}

/// The brightest channel of each pixel, and the largest difference of channels in any.
#[inline(always)]
fn brightest_and_colour(pixels: &[u8; 3 * TOGETHER]) -> ([u8; TOGETHER], u8) {
    // Of each three bytes in a row, which the compiler makes vectors of; those of a pixel count.
    const OF_PIXEL: [u8; 3 * TOGETHER] = {
        let mut mask = [0; 3 * TOGETHER];
        let mut i = 0;
        while i < mask.len() {
            mask[i] = u8::MAX;
            i += 3;
        }
        mask
    };
    let mut bytes = [0; 3 * TOGETHER + 2];
    bytes[..3 * TOGETHER].copy_from_slice(pixels);
    let (mut threes, mut differences) = ([0; 3 * TOGETHER], [0; 3 * TOGETHER]);
    for i in 0..3 * TOGETHER {
        let (a, b, c) = (bytes[i], bytes[i + 1], bytes[i + 2]);
        threes[i] = a.max(b).max(c);
        differences[i] = (threes[i] - a.min(b).min(c)) & OF_PIXEL[i];
    }
    let mut brightest = [0; TOGETHER];
    brightest.iter_mut().zip(threes.iter().step_by(3)).for_each(|(brightest, &three)| *brightest = three);
    (brightest, differences.into_iter().fold(0, u8::max))
}

/// Darkest and lightest level of a seal's ink to stretch between, as shares (percent) of its median: print below a seal
/// is darker than the first, its soft edges lighter than the second. In a gray scan print is nearer to the seal.
const RED_STRETCH: [i32; 2] = [35, 80];
const GRAY_STRETCH: [i32; 2] = [40, 80];

/// Cell side of the coarse red mask, pixels.
const CELL: usize = 4;

/// Red pixels that make a cell red, of 16: a stroke through it, not the noise of compression.
const RED_PIXELS: u8 = 3;

/// White cells that do not part a seal: faint stretches of its rings.
const SEAL_BRIDGE: i32 = 2;

/// Cells around a seal that are bleached with it: the mask of its first and last ink, and soft edges.
const SEAL_MARGIN: i32 = 2;

/// White pixels that do not part the strokes of a signature, and pixels around them that are erased with them when they
/// have half of the ink's blue: their soft edges.
const SIGNATURE_BRIDGE: i32 = 2;
const SIGNATURE_EDGE: i32 = 2;

/// Boxes of red seals; `counts` are the red pixels of each cell.
fn seals(page: &RgbImage, counts: &[u8], dpi: f64) -> Vec<Bounds> {
    let (width, height) = (page.width() as usize / CELL, page.height() as usize / CELL);
    let mut mask = Bitmap::new(width, height);
    for y in 1..height.saturating_sub(1) {
        for x in 1..width.saturating_sub(1) {
            let near = |dx: usize, dy: usize| counts[(y + dy - 1) * width + x + dx - 1] >= RED_PIXELS;
            mask.data[y * width + x] = u8::from((0..9).any(|i| near(i % 3, i / 3)));
        }
    }
    let mm = dpi / 25.4 / CELL as f64;
    let size = |side: i32| (SEAL_MM[0] * mm..SEAL_MM[1] * mm).contains(&f64::from(side));
    components::find(&mask, SEAL_BRIDGE)
        .list
        .iter()
        .filter(|c| size(c.bounds.width()) && size(c.bounds.height()))
        .map(|c| {
            let scale = CELL as i32;
            let b = c.bounds;
            let (right, bottom) = (page.width() as i32, page.height() as i32);
            Bounds {
                x0: ((b.x0 - SEAL_MARGIN) * scale).max(0),
                y0: ((b.y0 - SEAL_MARGIN) * scale).max(0),
                x1: ((b.x1 + SEAL_MARGIN) * scale).min(right),
                y1: ((b.y1 + SEAL_MARGIN) * scale).min(bottom),
            }
        })
        .collect()
}

/// Turns red ink inside a seal to white and leaves what is dark in the red channel too.
fn bleach(page: &RgbImage, gray: &mut GrayImage, seal: &Bounds) {
    let mut histogram = [0_u32; 256];
    let pixels = || (seal.y0..seal.y1).flat_map(|y| (seal.x0..seal.x1).map(move |x| (x as u32, y as u32)));
    for (x, y) in pixels() {
        let pixel = page.get_pixel(x, y).0;
        if red_excess(&pixel) > RED_EXCESS {
            histogram[usize::from(pixel[0])] += 1;
        }
    }
    let stretched = stretch(median_level(&histogram), RED_STRETCH);
    for (x, y) in pixels() {
        let pixel = page.get_pixel(x, y).0;
        if red_excess(&pixel) > RED_EDGE_EXCESS {
            let target = &mut gray.get_pixel_mut(x, y).0[0];
            *target = (*target).max(stretched[usize::from(pixel[0])]);
        }
    }
}

/// Darkest level of a seal that can be told from black print by its gray.
const GRAY_SEAL: u8 = 75;

/// Ink share of a seal's box: table borders cover less, photographs more.
const SEAL_FILL: [f64; 2] = [0.07, 0.40];

/// Bleaches seals of a gray scan: components of a seal's size whose ink is clearly lighter than print. Says whether
/// there were any.
pub(crate) fn bleach_gray_seals(gray: &mut GrayImage, ink: &Components, dpi: f64) -> bool {
    let mm = dpi / 25.4;
    let size = |side: i32| (SEAL_MM[0] * mm..SEAL_MM[1] * mm).contains(&f64::from(side));
    let mut any = false;
    for (number, component) in ink.list.iter().enumerate() {
        let b = component.bounds;
        let fill = f64::from(component.area) / (f64::from(b.width()) * f64::from(b.height()));
        if !size(b.width()) || !size(b.height()) || !(SEAL_FILL[0]..SEAL_FILL[1]).contains(&fill) {
            continue;
        }
        let mut histogram = [0_u32; 256];
        for run in ink.runs.iter().filter(|run| run.component as usize == number) {
            for x in run.x0..run.x1 {
                histogram[usize::from(gray.get_pixel(x as u32, run.y as u32).0[0])] += 1;
            }
        }
        let level = median_level(&histogram);
        if level < GRAY_SEAL {
            continue;
        }
        any = true;
        let stretched = stretch(level, GRAY_STRETCH);
        for y in b.y0..b.y1 {
            for x in b.x0..b.x1 {
                let value = &mut gray.get_pixel_mut(x as u32, y as u32).0[0];
                *value = stretched[usize::from(*value)];
            }
        }
    }
    any
}

/// For each value how light it is between two shares, percent, of a level: 0 to 255.
fn stretch(level: u8, [black, white]: [i32; 2]) -> [u8; 256] {
    let (black, white) = (i32::from(level) * black / 100, i32::from(level) * white / 100);
    let range = (white - black).max(1);
    std::array::from_fn(|value| ((value as i32 - black) * 255 / range).clamp(0, 255) as u8)
}

fn median_level(histogram: &[u32; 256]) -> u8 {
    let half = histogram.iter().sum::<u32>() / 2;
    let mut seen = 0;
    let level = histogram.iter().position(|&n| {
        seen += n;
        seen > half
    });
    level.unwrap_or(255) as u8
}

/// Turns large thin strokes of blue ink to white.
fn erase_signatures(page: &RgbImage, gray: &mut GrayImage, blue: &Bitmap, dpi: f64) {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let found = components::find(blue, SIGNATURE_BRIDGE);
    let mm = dpi / 25.4;
    let signature: Vec<bool> = found
        .list
        .iter()
        .map(|c| {
            let (w, h) = (f64::from(c.bounds.width()), f64::from(c.bounds.height()));
            w > SIGNATURE_MM[0] * mm && h > SIGNATURE_MM[1] * mm && f64::from(c.area) < SIGNATURE_FILL * w * h
        })
        .collect();
    for run in found.runs.iter().filter(|run| signature[run.component as usize]) {
        for y in (run.y - SIGNATURE_EDGE).max(0)..(run.y + 1 + SIGNATURE_EDGE).min(height as i32) {
            for x in (run.x0 - SIGNATURE_EDGE).max(0)..(run.x1 + SIGNATURE_EDGE).min(width as i32) {
                let pixel = page.get_pixel(x as u32, y as u32).0;
                if i32::from(pixel[2]) - i32::from(pixel[0]) > BLUE_EXCESS[0] / 2 {
                    gray.put_pixel(x as u32, y as u32, image::Luma([255]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ballpoint_is_bluer_than_its_paper_and_print_is_not() {
        let of = |paper: [u8; 3], ink: [u8; 3]| {
            let mut page = RgbImage::from_pixel(40, 20, image::Rgb(paper));
            (10..30).for_each(|x| (4..12).for_each(|y| page.put_pixel(x, y, image::Rgb(ink))));
            blueness(&page, Rect { x: 5, y: 2, width: 30, height: 16 })
        };
        assert_eq!([of([250; 3], [20, 22, 24]), of([250; 3], [30, 40, 120])], [4, 90]);
        // In the light of a lamp, and on paper that is blue itself.
        assert_eq!([of([250, 235, 210], [30, 36, 90]), of([200, 215, 250], [20, 22, 60])], [100, 0]);
        assert_eq!(blueness(&RgbImage::new(0, 0), Rect::default()), 0);
    }

    #[test]
    fn pastel_fades_and_ink_stays_dark() {
        assert_eq!(gray_of(&[230, 190, 180]), 230);
        assert!(gray_of(&[190, 30, 40]) < 90);
        assert!(gray_of(&[30, 50, 150]) < 90);
        assert_eq!(gray_of(&[20, 20, 20]), 20);
    }

    #[test]
    fn pixels_seen_together_are_those_seen_alone() {
        // Paper with coloured pixels on it here and there, of a width that ends within a cell.
        let mut noise = 1_u32;
        let page = RgbImage::from_fn(75, 10, |x, _| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, _] = noise.to_be_bytes();
            image::Rgb(if x % 32 < 16 { [a / 8 + 200, b / 8 + 200, c / 8 + 200] } else { [a, b, c] })
        });
        let Colours { gray, blue, red } = Colours::of(&page);
        let alone = |of: fn(&[u8]) -> u8| page.pixels().map(|pixel| of(&pixel.0)).collect::<Vec<_>>();
        assert_eq!(gray.as_raw(), &alone(gray_of));
        assert_eq!(blue.data, alone(|pixel| u8::from(is_blue(pixel))));
        let reds = alone(|pixel| u8::from(red_excess(pixel) > RED_EXCESS));
        let cell = |i: usize| (0..CELL * CELL).map(move |k| (i / 18 * CELL + k / CELL) * 75 + i % 18 * CELL + k % CELL);
        let expected: Vec<u8> = (0..18 * 2).map(|i| cell(i).map(|at| reds[at]).sum()).collect();
        assert_eq!(red, expected);
    }

    #[test]
    fn red_ring_vanishes_and_black_text_under_it_stays() {
        let dpi = 200.0;
        let mut page = RgbImage::from_pixel(500, 500, image::Rgb([250, 250, 245]));
        for (x, y, pixel) in page.enumerate_pixels_mut() {
            let radius = (f64::from(x) - 250.0).hypot(f64::from(y) - 250.0);
            if (120.0..128.0).contains(&radius) {
                *pixel = image::Rgb([210, 50, 60]);
            }
            if (100..400).contains(&x) && (250..254).contains(&y) {
                *pixel = image::Rgb([if (120.0..128.0).contains(&radius) { 60 } else { 20 }, 20, 20]);
            }
        }
        let gray = text_gray(&page, dpi, Steps::ALL);
        assert!(gray.get_pixel(250, 126).0[0] > 220, "ring");
        assert!(gray.get_pixel(126, 252).0[0] < 100, "text under the ring");
        assert!(gray.get_pixel(300, 252).0[0] < 40, "text beside the ring");
    }
}
