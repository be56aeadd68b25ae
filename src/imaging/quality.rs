//! Is a page good enough to be kept? Measures on the rectified page, before its light is evened out, and the flags that
//! follow from them, each with a reason and a cure for the clerk.
//!
//! Focus is measured as the spread of edges in millimetres on the paper (see `quality/focus.rs`), whatever the contrast, so a faint
//! page is not taken for a blurred one. Rows and columns are judged apart and the worse one counts, as a moving camera
//! smears in one direction; the page is judged as a whole and region by region.
//!
//! `examples/quality_ladder.rs` spoils pages step by step and counts the words that are still read; where a threshold says
//! that so many words are lost, it is by `quality_ladder models samples/quyet-dinh/1-mat-truoc.jpg`.
//!
//! Limits: a page without print has no focus measure; reflections on paper that is white itself are not seen.

use std::f64::consts::FRAC_1_SQRT_2;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use crate::model::{Lang, Localized};

mod focus;

use focus::Focus;

/// Blur (standard deviation on the paper) above which a page is flagged, millimetres. Out of focus by 0.23 mm a page
/// measures 0.17 and 8 % of its words are lost, by 0.3 mm 0.22 and 21 %; moved by 0.8 mm it measures 0.17 (7 %), by 1.0 mm
/// 0.18 (67 %). Sharp scans and photos measure 0.05 to 0.13.
const BLURRED_MM: f64 = 0.16;

/// Blur above which a page is flagged when its print is pale as well: motion spreads thin strokes to grey, their slopes
/// stay. Same measurement; pale sharp print (contrast 0.55) measures 0.11.
const PALE_BLURRED_MM: f64 = 0.135;

/// Contrast below which print is pale; smeared by 1.0 mm it is 0.39 to 0.43, sharp 0.64 to 0.88.
const PALE: f64 = 0.5;

/// A blurred page whose blur differs this much between directions was moved, not out of focus. Four samples moved along an
/// axis by 0.6 mm or more measured 0.33 to 0.71, slanted by 1.0 mm 0.35 to 0.67; out of focus 0.03 to 0.08, the blurred
/// phone picture of the samples 0.16.
const SMEARED: f64 = 0.25;

/// Share of the printed regions that are too blurred from which a page that is sharp as a whole is flagged. With the right
/// quarter out of focus by 0.25 mm 7 % of the words are lost, with the right half 15 %; the former measured 0.2 to 0.25 on
/// four samples, good pages of the evaluation set at most 0.11.
const BLURRED_SHARE: f64 = 0.2;

/// Blur below this many source pixels is that of any camera or scanner: what it lacks is resolution.
const PIXEL_BLUR: f64 = 1.2;

/// Least resolution of a kept page: NĐ 30/2020/NĐ-CP, Phụ lục I, Phần II, Mục I.2.
const LEAST_DPI: f64 = 200.0;

/// Estimates of a photo's resolution are good to about a hundredth (paper size from the corners).
const DPI_TOLERANCE: f64 = 0.01;

/// Paper darker than this has too little light: two stops below the phone pictures of the evaluation set (179 to 234,
/// in the gamma of sRGB), where noise begins to cover faint strokes.
const DARK_PAPER: f64 = 64.0;

/// Paper as bright as this is cut off by the sensor.
const BURNT_PAPER: f64 = 253.0;

/// Contrast of print on such paper below which strokes vanish. On that sample and on `danh-sach/trang-1.jpg` 4 to 5 % of
/// the words are lost at 0.42 to 0.47, 25 % at 0.36, 43 % at 0.33, 55 to 70 % at 0.27. Scans with white paper have 0.65 and
/// more.
const BURNT_PRINT: f64 = 0.4;

/// Share of the page burnt out by a lamp's reflection above which text is likely lost. A lamp of 3.5 cm in the middle of an
/// A4 page measures 0.016 to 0.018 and costs 4 to 7 % of the words, one of 5 cm 0.034 to 0.038 and 10 to 14 %.
const GLARE_SHARE: f64 = 0.02;

/// Paper that is lit like this cannot show glare apart from itself: a scanner's white.
const WHITE_PAPER: f64 = 232.0;

/// Pixels at least this bright are burnt out.
const BURNT_OUT: u8 = 253;

const MM_PER_INCH: f64 = 25.4;

/// What was measured on a page.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Standard deviation of the blur on the paper, millimetres, in the worse direction; `None` without print.
    pub blur_mm: Option<f64>,
    /// How much more the page is blurred in one direction than in another, 0 (out of focus) to 1 (moved); `None` on a
    /// sharp page.
    pub smear: Option<f64>,
    /// Share of the printed regions of the page, of about 7 cm square, that are too blurred beside sharp ones, 0 to 1.
    pub blurred_share: f64,
    /// Brightness of the paper, 0 to 255.
    pub exposure: f64,
    /// Brightness of print over that of paper, taken from one: 1 is black on white; 0 without print.
    pub contrast: f64,
    /// Share of the page burnt out by reflections, 0 to 1.
    pub glare_share: f64,
    /// Source pixels per inch of paper.
    pub effective_dpi: f64,
    /// Whether a part of the paper lies outside the picture.
    pub cut_off: bool,
}

/// Why a page should be captured again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Flag {
    /// Out of focus or smeared by motion.
    Blurred {
        /// Why.
        cause: BlurCause,
    },
    /// A part of the page is blurred, the rest sharp.
    PartlyBlurred,
    /// Corners or edges of the paper are missing.
    CutOff,
    /// Fewer dots per inch than the law asks for.
    LowResolution {
        /// Dots per inch on the paper.
        dpi: f64,
    },
    /// Too little light.
    TooDark,
    /// So much light that strokes vanish.
    TooBright,
    /// A reflection hides a part of the page.
    Glare,
}

/// Why a page is blurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlurCause {
    /// The lens was out of focus.
    Focus,
    /// The camera or the page moved.
    Motion,
}

impl Flag {
    /// Whether the page, or a part of it, is blurred.
    pub fn is_blur(&self) -> bool {
        matches!(self, Self::Blurred { .. } | Self::PartlyBlurred)
    }
}

impl Localized for Flag {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Blurred { cause: BlurCause::Focus } => lang
                .pick(
                    "ảnh mờ vì sai nét: chạm vào trang giấy để lấy nét, không đưa máy quá gần, rồi chụp lại",
                    "the picture is out of focus: tap the page to focus, do not come closer than the camera can focus, \
                     and capture it again",
                )
                .to_owned(),
            Self::Blurred { cause: BlurCause::Motion } => lang
                .pick(
                    "ảnh nhòe vì rung: giữ máy chắc tay, thêm ánh sáng rồi chụp lại",
                    "the picture is smeared by motion: hold the camera still, add light and capture it again",
                )
                .to_owned(),
            Self::PartlyBlurred => lang
                .pick(
                    "một phần trang bị mờ: vuốt phẳng giấy, giữ máy song song với trang, chạm vào chỗ mờ để lấy nét \
                     rồi chụp lại",
                    "a part of the page is blurred: flatten the paper, hold the camera parallel to it, tap the blurred \
                     part to focus and capture it again",
                )
                .to_owned(),
            Self::CutOff => lang
                .pick(
                    "thiếu góc hoặc mép trang: đặt cả trang giấy vào khung hình rồi chụp hoặc quét lại",
                    "a corner or edge of the page is missing: capture it again with the whole page in the frame",
                )
                .to_owned(),
            Self::LowResolution { dpi } => match lang {
                Lang::Vi => format!(
                    "độ phân giải {dpi:.0} dpi, dưới 200 dpi: đưa máy lại gần hơn cho trang giấy đầy khung hình, \
                     hoặc quét lại từ 200 dpi trở lên"
                ),
                Lang::En => format!(
                    "{dpi:.0} dpi is below 200 dpi: bring the camera closer so that the page fills the frame, or scan \
                     again at 200 dpi or more"
                ),
            },
            Self::TooDark => lang
                .pick(
                    "ảnh quá tối: bật thêm đèn hoặc ra chỗ sáng hơn rồi chụp lại",
                    "the picture is too dark: add light or move to a brighter place and capture it again",
                )
                .to_owned(),
            Self::TooBright => lang
                .pick(
                    "ảnh cháy sáng, mất nét chữ: giảm độ sáng hoặc tắt đèn flash rồi chụp hoặc quét lại",
                    "the picture is overexposed and strokes are lost: lower the brightness or switch off the flash and \
                     capture or scan it again",
                )
                .to_owned(),
            Self::Glare => lang
                .pick(
                    "ảnh chói sáng: tắt đèn flash, tránh bóng đèn phản chiếu trên giấy rồi chụp lại",
                    "glare hides a part of the page: switch off the flash, avoid reflections and capture it again",
                )
                .to_owned(),
        }
    }
}

/// Measures a rectified page of `page_dpi` pixels per inch. `effective_dpi` are the source's pixels per inch of paper;
/// `cut_off` comes from page detection.
pub fn measure(page: &GrayImage, page_dpi: f64, effective_dpi: f64, cut_off: bool) -> Measures {
    let exposure = paper_level(page);
    let focus = Focus::of(page, page_dpi, exposure);
    let (along_axes, contrast) = (focus.blur_mm(), focus.contrast(exposure));
    let limit = blur_limit_mm(contrast, effective_dpi);
    // A slanted way shows by its parts along the axes, of which the larger is at least 0.7 of it.
    let smear = along_axes.filter(|&blur| blur > FRAC_1_SQRT_2 * limit).map(|_| focus.smear(page));
    let slanted = smear.as_ref().is_some_and(|smear| smear.slanted >= SMEARED);
    Measures {
        blur_mm: if slanted { focus.slanted_blur_mm() } else { along_axes },
        smear: smear.map(|smear| smear.uneven.max(smear.slanted)),
        blurred_share: focus.blurred_share(limit),
        exposure,
        contrast,
        glare_share: burnt_tiles(page, exposure).share(),
        effective_dpi,
        cut_off,
    }
}

/// Blur above which print of this contrast is flagged, millimetres.
fn blur_limit_mm(contrast: f64, effective_dpi: f64) -> f64 {
    let unresolved = PIXEL_BLUR * MM_PER_INCH / effective_dpi.max(1.0);
    let limit = if contrast < PALE { PALE_BLURRED_MM } else { BLURRED_MM };
    limit.max(unresolved)
}

/// What is wrong with a page, the gravest first; empty when it is good.
pub fn flags(measures: &Measures) -> Vec<Flag> {
    let low = measures.effective_dpi < LEAST_DPI * (1.0 - DPI_TOLERANCE);
    let limit = blur_limit_mm(measures.contrast, measures.effective_dpi);
    let blurred = measures.blur_mm.is_some_and(|blur| blur > limit);
    let partly = !blurred && measures.blurred_share >= BLURRED_SHARE;
    let moved = measures.smear.is_some_and(|smear| smear >= SMEARED);
    let cause = if moved { BlurCause::Motion } else { BlurCause::Focus };
    let printed = measures.contrast > 0.0;
    let checks = [
        (measures.cut_off, Flag::CutOff),
        (blurred, Flag::Blurred { cause }),
        (partly, Flag::PartlyBlurred),
        (measures.exposure < DARK_PAPER, Flag::TooDark),
        (printed && measures.exposure >= BURNT_PAPER && measures.contrast < BURNT_PRINT, Flag::TooBright),
        (measures.glare_share > GLARE_SHARE, Flag::Glare),
        (low, Flag::LowResolution { dpi: measures.effective_dpi }),
    ];
    checks.into_iter().filter_map(|(wrong, flag)| wrong.then_some(flag)).collect()
}

/// The level below which four fifths of the page lie: paper, unless most of the page is printed black.
fn paper_level(page: &GrayImage) -> f64 {
    let mut counts = [0usize; 256];
    for row in page.as_raw().chunks(page.width().max(1) as usize).step_by(8) {
        row.iter().step_by(4).for_each(|&value| counts[usize::from(value)] += 1);
    }
    let total: usize = counts.iter().sum();
    let mut below = 0;
    let level = counts.iter().position(|&count| {
        below += count;
        below * 5 >= total * 4
    });
    level.unwrap_or(255) as f64
}

/// Where a page is burnt out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurntTiles {
    /// Tiles in a row; tile `i` covers the square of [`Self::SIDE`] pixels at column `i % columns`, row `i / columns`.
    pub columns: usize,
    /// Row by row, whether the tile is burnt out throughout.
    pub burnt: Vec<bool>,
}

impl BurntTiles {
    /// Side of a tile, pixels of the page.
    pub const SIDE: usize = 16;

    /// Share of the tiles that are burnt out, 0 to 1.
    pub fn share(&self) -> f64 {
        self.burnt.iter().filter(|&&burnt| burnt).count() as f64 / self.burnt.len().max(1) as f64
    }
}

/// Finds the tiles that a reflection burnt out, on a page whose paper is as bright as [`Measures::exposure`]; none on
/// paper that is white itself.
pub fn burnt_tiles(page: &GrayImage, exposure: f64) -> BurntTiles {
    let (width, side) = (page.width() as usize, BurntTiles::SIDE);
    let columns = width.div_ceil(side);
    if exposure >= WHITE_PAPER || page.is_empty() {
        return BurntTiles { columns, burnt: vec![false; columns * (page.height() as usize / side)] };
    }
    let tile = |band: &[u8], left: usize| {
        let cell = left..(left + side).min(width);
        band.chunks_exact(width).step_by(5).all(|row| row[cell.clone()].iter().all(|&value| value >= BURNT_OUT))
    };
    let bands = page.as_raw().chunks_exact(width * side);
    let burnt = bands.flat_map(|band| (0..width).step_by(side).map(move |left| tile(band, left))).collect();
    BurntTiles { columns, burnt }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "test pictures are small")]
mod tests {
    use image::{Luma, imageops};

    use super::*;

    const DPI: f64 = 200.0;
    const OUT_OF_FOCUS: Flag = Flag::Blurred { cause: BlurCause::Focus };
    const MOVED: Flag = Flag::Blurred { cause: BlurCause::Motion };

    /// Lines of upright and level strokes of 3 px, as of letters at 200 dpi; every second letter is mirrored, as print
    /// leans to neither side.
    fn print(ink: u8, paper: u8) -> GrayImage {
        GrayImage::from_fn(700, 700, |x, y| {
            let across = if x % 36 < 18 { x % 36 } else { 28u32.wrapping_sub(x % 36) };
            let letter = y % 40 < 20 && across < 11;
            let stroke = across < 3 || y % 40 < 3 || (9..12).contains(&(y % 40));
            Luma([if letter && stroke { ink } else { paper }])
        })
    }

    /// Letters at 300 dpi, out of focus by 0.06 mm.
    fn thin_print() -> GrayImage {
        let page = GrayImage::from_fn(700, 700, |x, y| {
            let stroke = [0..4, 11..15].iter().any(|s| s.contains(&(x % 24))) && y % 60 < 30;
            Luma([if stroke { 30 } else { 240 }])
        });
        imageops::blur(&page, 0.7)
    }

    fn blurred(page: &GrayImage, sigma_mm: f64) -> GrayImage {
        imageops::blur(page, (sigma_mm / 25.4 * DPI) as f32)
    }

    /// Mean over `length` pixels, each a step further.
    fn smeared(page: &GrayImage, length: u32, step: (u32, u32)) -> GrayImage {
        let (right, bottom) = (page.width() - 1, page.height() - 1);
        GrayImage::from_fn(page.width(), page.height(), |x, y| {
            let at = |i: u32| page.get_pixel((x + i * step.0).min(right), (y + i * step.1).min(bottom))[0];
            Luma([((0..length).map(|i| u32::from(at(i))).sum::<u32>() / length) as u8])
        })
    }

    fn flags_of(page: &GrayImage) -> Vec<Flag> {
        flags(&measure(page, DPI, DPI, false))
    }

    #[test]
    fn a_sharp_page_has_no_flags() {
        assert!(flags_of(&print(30, 240)).is_empty());
        assert!(flags_of(&blurred(&print(30, 240), 0.08)).is_empty());
    }

    #[test]
    fn a_faint_page_is_not_taken_for_a_blurred_one() {
        assert!(flags_of(&blurred(&print(170, 230), 0.08)).is_empty());
    }

    #[test]
    fn noise_does_not_hide_blur() {
        let mut page = blurred(&print(30, 220), 0.35);
        let mut state = 1u32;
        for pixel in page.pixels_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            pixel[0] = pixel[0].saturating_add((state >> 28) as u8);
        }
        assert_eq!(flags_of(&page), [OUT_OF_FOCUS]);
    }

    #[test]
    fn defocus_and_motion_are_flagged_and_told_apart() {
        assert_eq!(flags_of(&blurred(&print(30, 240), 0.3)), [OUT_OF_FOCUS]);
        for (page, step) in [(thin_print(), (1, 0)), (thin_print(), (0, 1)), (print(30, 240), (1, 1))] {
            let moved = measure(&smeared(&page, 12, step), 300.0, 300.0, false);
            assert_eq!(flags(&moved), [MOVED], "{step:?} {moved:?}");
        }
    }

    #[test]
    fn blur_of_a_part_of_the_page_is_flagged() {
        let mut page = print(30, 240);
        let soft = blurred(&page, 0.3);
        for (x, y, pixel) in page.enumerate_pixels_mut().filter(|(x, ..)| *x >= 467) {
            *pixel = *soft.get_pixel(x, y);
        }
        assert_eq!(flags_of(&page), [Flag::PartlyBlurred]);
    }

    #[test]
    fn burnt_out_print_is_flagged_and_pale_print_on_grey_paper_is_not() {
        assert_eq!(flags_of(&print(180, 255)), [Flag::TooBright]);
        assert!(flags_of(&print(180, 235)).is_empty());
    }

    #[test]
    fn burnt_tiles_lie_where_the_lamp_is() {
        let mut lamp = print(30, 180);
        (96..144).for_each(|x| (64..96).for_each(|y| lamp.put_pixel(x, y, Luma([255]))));
        let tiles = burnt_tiles(&lamp, 180.0);
        let burnt: Vec<_> = (0..tiles.burnt.len()).filter(|&i| tiles.burnt[i]).collect();
        let expected: Vec<_> = [4, 5].iter().flat_map(|row| (6..9).map(move |x| row * tiles.columns + x)).collect();
        assert_eq!((tiles.columns, burnt), (44, expected));
    }

    #[test]
    fn the_measure_is_the_blur_on_the_paper() {
        for sigma in [0.1, 0.15] {
            let measured = measure(&blurred(&print(30, 240), sigma), DPI, DPI, false).blur_mm.unwrap();
            assert!((measured - sigma).abs() < 0.35 * sigma, "{measured} for {sigma}");
        }
    }

    #[test]
    fn pages_without_print_are_not_judged_for_focus() {
        let blank = measure(&GrayImage::from_pixel(500, 500, Luma([240])), DPI, DPI, false);
        assert_eq!((blank.blur_mm, blank.contrast), (None, 0.0));
        assert!(flags(&blank).is_empty());
    }

    #[test]
    fn darkness_glare_cut_and_resolution_are_flagged() {
        assert_eq!(flags_of(&print(5, 50)), [Flag::TooDark]);
        let mut lamp = print(30, 180);
        (100..260).for_each(|x| (100..260).for_each(|y| lamp.put_pixel(x, y, Luma([255]))));
        assert_eq!(flags_of(&lamp), [Flag::Glare]);
        assert_eq!(flags(&measure(&print(30, 240), DPI, DPI, true)), [Flag::CutOff]);
        assert_eq!(flags(&measure(&print(30, 240), DPI, 150.0, false)), [Flag::LowResolution { dpi: 150.0 }]);
        assert!(flags(&measure(&print(30, 240), DPI, 198.5, false)).is_empty());
    }

    #[test]
    fn white_paper_of_a_scanner_is_not_glare() {
        assert!(flags_of(&print(30, 255)).is_empty());
    }

    #[test]
    fn every_flag_names_a_cure_in_both_languages() {
        let low = Flag::LowResolution { dpi: 150.0 };
        let light = [Flag::TooDark, Flag::TooBright, Flag::Glare];
        let all = [OUT_OF_FOCUS, MOVED, Flag::PartlyBlurred, Flag::CutOff, low].into_iter().chain(light);
        for flag in all {
            assert!(flag.message(Lang::Vi).contains(": "), "{flag:?}");
            assert!(flag.message(Lang::En).contains("capture") || flag.message(Lang::En).contains("scan"), "{flag:?}");
        }
    }

    #[test]
    fn tiny_pictures_do_not_panic() {
        for (width, height) in [(0, 0), (1, 1), (3, 400), (400, 3), (6, 6)] {
            let measures = measure(&GrayImage::new(width, height), DPI, DPI, false);
            assert_eq!(measures.blur_mm, None);
        }
    }
}
