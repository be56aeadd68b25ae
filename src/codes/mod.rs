//! QR and Code 128 symbols on a page, in any number and any orientation.
//!
//! Most pages carry no code, so looking must be cheap: places that look like a code (finder patterns of a QR, a patch of
//! parallel bars) are sought first, and only crops around them are decoded, at several scales and binarisations, by
//! `rxing`. Decoding whole pages costs 50 to 120 ms a symbology and finds one symbol at most.
//!
//! No false payloads: a QR symbol carries Reed-Solomon error correction; a Code 128 has only one check character of 103,
//! so its payload must also be read alike on two bands of the bars, and be at least six printable characters.

mod bars;
mod finder;
mod sample;
pub mod sheet;
pub mod symbols;

use image::GrayImage;
use serde::{Deserialize, Serialize};

use crate::model::Point;

/// The symbologies that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Symbology {
    /// QR code (ISO/IEC 18004, TCVN 7322).
    Qr,
    /// Code 128 (ISO/IEC 15417).
    Code128,
}

impl Symbology {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Qr, Self::Code128];

    /// How manifests call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qr => "QR",
            Self::Code128 => "CODE128",
        }
    }
}

/// One symbol read from a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Which kind.
    pub symbology: Symbology,
    /// The text, NFC.
    pub payload: String,
    /// The outline in pixels of the given picture, clockwise from the symbol's own top left corner.
    pub corners: Vec<Point>,
}

/// Reads all codes of a page, QR symbols first, each from top to bottom. Works best on a rectified page, but codes may be
/// turned by any angle and moderately distorted.
pub fn read(gray: &GrayImage) -> Vec<Code> {
    let mut codes = finder::read(gray);
    codes.extend(bars::read(gray));
    codes
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "test pictures are small")]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    /// "H40.28.07-250212-5119", version 1, level L.
    const QR: [&str; 21] = [
        "#######..#..#.#######",
        "#.....#..###..#.....#",
        "#.###.#.##..#.#.###.#",
        "#.###.#..#.##.#.###.#",
        "#.###.#...#.#.#.###.#",
        "#.....#.......#.....#",
        "#######.#.#.#.#######",
        "........##.#.........",
        "###.########.##...#..",
        "..##.#.####..###.#...",
        "#######..#####..#.#.#",
        ".#.#.#...#.#..##...#.",
        ".##..##.....#..####.#",
        "........#.####.##...#",
        "#######.###...###.#..",
        "#.....#.#.#.##...#.##",
        "#.###.#.##..#.#.###..",
        "#.###.#..#..###..###.",
        "#.###.#.##.#..#.#.#.#",
        "#.....#.###.##..#####",
        "#######.#..####..#..#",
    ];
    const PAYLOAD: &str = "H40.28.07-250212-5119";

    /// Widths of bars and spaces of "H40-250212" in code set B.
    const BARS: &str = "2112142311132212311231221221322232112132121231222232111232212232113321112331112";
    /// The same with another check character.
    const WRONG_BARS: &str = "2112142311132212311231221221322232112132121231222232111232212232113141112331112";
    /// "AB12".
    const SHORT_BARS: &str = "2112141113231311231232212232112211322331112";

    fn paper(width: u32, height: u32) -> GrayImage {
        GrayImage::from_pixel(width, height, Luma([225]))
    }

    /// Fills squares of a page that is turned by `degrees` around `(x, y)`.
    fn stamp(
        page: &mut GrayImage,
        (x, y): (f64, f64),
        size: (f64, f64),
        degrees: f64,
        dark: impl Fn(f64, f64) -> bool,
    ) {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        for (px, py, pixel) in page.enumerate_pixels_mut() {
            let mut sum = 0;
            // Four by four samples a pixel give smooth edges.
            for sub in 0..16 {
                let dx = f64::from(px) - x + f64::from(sub % 4) / 4.0 - 0.375;
                let dy = f64::from(py) - y + f64::from(sub / 4) / 4.0 - 0.375;
                let (u, v) = (dx * cosine + dy * sine, dy * cosine - dx * sine);
                let inside = (0.0..size.0).contains(&u) && (0.0..size.1).contains(&v);
                sum += u32::from(if inside && dark(u, v) { 40 } else { pixel[0] });
            }
            pixel[0] = (sum / 16) as u8;
        }
    }

    fn stamp_qr(page: &mut GrayImage, at: (f64, f64), module: f64, degrees: f64) {
        let size = 21.0 * module;
        stamp(page, at, (size, size), degrees, |u, v| {
            QR[(v / module) as usize].as_bytes()[(u / module) as usize] == b'#'
        });
    }

    fn stamp_bars(page: &mut GrayImage, widths: &str, at: (f64, f64), module: f64, degrees: f64) {
        let modules: Vec<bool> = widths
            .bytes()
            .enumerate()
            .flat_map(|(i, width)| std::iter::repeat_n(i % 2 == 0, usize::from(width - b'0')))
            .collect();
        let size = (modules.len() as f64 * module, 90.0);
        stamp(page, at, size, degrees, |u, _| modules[((u / module) as usize).min(modules.len() - 1)]);
    }

    fn payloads(page: &GrayImage) -> Vec<(Symbology, String)> {
        read(page).into_iter().map(|code| (code.symbology, code.payload)).collect()
    }

    #[test]
    fn a_qr_symbol_is_read_at_any_angle_and_its_corners_are_given() {
        for degrees in [0.0, 33.0, 90.0, 180.0, 250.0] {
            let mut page = paper(400, 400);
            stamp_qr(&mut page, (200.0, 200.0), 4.0, degrees);
            let codes = read(&page);
            assert_eq!(codes.len(), 1, "{degrees}");
            assert_eq!((codes[0].symbology, codes[0].payload.as_str()), (Symbology::Qr, PAYLOAD));
            assert!(codes[0].corners[0].distance(Point::new(200.0, 200.0)) < 4.0, "{:?}", codes[0].corners);
        }
    }

    #[test]
    fn modules_of_two_pixels_are_enough() {
        let mut page = paper(200, 200);
        stamp_qr(&mut page, (61.3, 70.7), 2.0, 4.0);
        assert_eq!(payloads(&page), [(Symbology::Qr, PAYLOAD.to_owned())]);
    }

    #[test]
    fn code_128_is_read_at_any_angle() {
        for degrees in [0.0, 20.0, 90.0, 180.0, 275.0] {
            let mut page = paper(900, 900);
            stamp_bars(&mut page, BARS, (450.0, 450.0), 2.5, degrees);
            assert_eq!(payloads(&page), [(Symbology::Code128, "H40-250212".to_owned())], "{degrees}");
        }
    }

    #[test]
    fn corners_of_bars_run_clockwise_from_their_start() {
        let mut page = paper(700, 400);
        stamp_bars(&mut page, BARS, (600.0, 250.0), 3.0, 180.0);
        let corners = &read(&page)[0].corners;
        assert!(corners[0].x > corners[1].x && corners[0].y > corners[3].y, "{corners:?}");
    }

    #[test]
    fn several_codes_of_a_page_are_all_read() {
        let mut page = paper(900, 700);
        stamp_qr(&mut page, (600.0, 60.0), 4.0, 0.0);
        stamp_qr(&mut page, (100.0, 80.0), 5.0, 2.0);
        stamp_bars(&mut page, BARS, (200.0, 400.0), 3.0, 0.0);
        let found = payloads(&page);
        assert_eq!(found.len(), 3);
        assert_eq!(found[2].0, Symbology::Code128);
    }

    #[test]
    fn wrong_check_characters_and_short_payloads_are_not_reported() {
        for widths in [WRONG_BARS, SHORT_BARS] {
            let mut page = paper(700, 300);
            stamp_bars(&mut page, widths, (150.0, 100.0), 3.0, 0.0);
            assert!(read(&page).is_empty());
        }
    }

    #[test]
    fn tiny_pictures_have_no_codes() {
        for (width, height) in [(0, 0), (1, 1), (1, 500), (500, 1), (20, 20), (33, 31)] {
            assert!(read(&paper(width, height)).is_empty());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn damaged_symbols_never_give_a_wrong_payload(
            spots in proptest::collection::vec((0..300u32, 0..300u32, 4..40u32, any::<u8>()), 0..24),
            module in 1.6..6.0f64, degrees in 0.0..360.0f64,
        ) {
            let mut page = paper(300, 300);
            stamp_qr(&mut page, (150.0, 150.0), module, degrees);
            stamp_bars(&mut page, BARS, (20.0, 30.0), module / 2.0, degrees / 40.0);
            for (x, y, size, level) in spots {
                for (px, py) in (x..x + size).flat_map(|px| (y..y + size).map(move |py| (px, py))) {
                    if px < 300 && py < 300 {
                        page.put_pixel(px, py, Luma([level]));
                    }
                }
            }
            for (_, payload) in payloads(&page) {
                prop_assert!(payload == PAYLOAD || payload == "H40-250212", "{payload}");
            }
        }
    }
}
