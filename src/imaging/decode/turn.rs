//! Turning pictures upright as their orientation tag says.

use image::RgbImage;

/// One of the eight ways in which stored rows and columns make the displayed picture, numbered as in the EXIF and TIFF
/// tag `Orientation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(u8);

/// Side of the squares in which pixels are transposed: 32 × 32 × 3 bytes twice stay in a first-level cache.
const BLOCK: usize = 32;

impl Turn {
    /// Stored as displayed.
    pub const NONE: Self = Self(0);

    /// From the tag; values outside 1 to 8 mean 1, as in every viewer.
    pub fn from_tag(tag: u16) -> Self {
        match u8::try_from(tag) {
            Ok(tag @ 1..=8) => Self(tag - 1),
            _ => Self::NONE,
        }
    }

    /// From what is done to the stored picture: mirrored left to right first, then turned clockwise.
    pub fn from_mirror_and_quarters(mirrored: bool, quarter_turns: usize) -> Self {
        Self(match (mirrored, quarter_turns % 4) {
            (false, 0) => 0,
            (false, 1) => 5,
            (false, 2) => 2,
            (false, _) => 7,
            (true, 0) => 1,
            (true, 1) => 6,
            (true, 2) => 3,
            (true, _) => 4,
        })
    }

    /// Whether nothing has to be done.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The displayed size of a picture stored with this size.
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.0 >= 4 { (height, width) } else { (width, height) }
    }
}

/// The displayed picture.
pub fn turned(mut image: RgbImage, turn: Turn) -> RgbImage {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (pixels, _) = image.as_chunks_mut::<3>();
    match turn.0 {
        0 => {}
        1 => pixels.chunks_exact_mut(width.max(1)).for_each(<[_]>::reverse),
        2 => pixels.reverse(),
        3 => {
            for row in 0..height / 2 {
                let (upper, lower) = pixels.split_at_mut((height - 1 - row) * width);
                upper[row * width..(row + 1) * width].swap_with_slice(&mut lower[..width]);
            }
        }
        code => {
            // Displayed row `y` is the stored column `y` counted from one end, and likewise the other way round.
            let columns_reversed = matches!(code, 6 | 7);
            let rows_reversed = matches!(code, 5 | 6);
            let pixels = transposed(pixels, width, height, columns_reversed, rows_reversed);
            let (width, height) = (image.height(), image.width());
            return RgbImage::from_raw(width, height, pixels.into_flattened()).expect("as many pixels as before");
        }
    }
    image
}

fn transposed(
    stored: &[[u8; 3]],
    width: usize,
    height: usize,
    columns_reversed: bool,
    rows_reversed: bool,
) -> Vec<[u8; 3]> {
    let mut displayed = vec![[0; 3]; width * height];
    for top in (0..width).step_by(BLOCK) {
        for left in (0..height).step_by(BLOCK) {
            let columns = BLOCK.min(height - left);
            for y in top..(top + BLOCK).min(width) {
                let column = if columns_reversed { width - 1 - y } else { y };
                let targets = &mut displayed[y * height + left..][..columns];
                for (x, target) in (left..).zip(targets) {
                    let row = if rows_reversed { height - 1 - x } else { x };
                    *target = stored[row * width + column];
                }
            }
        }
    }
    displayed
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "colours of small test pictures")]
mod tests {
    use super::*;

    /// Letters instead of pixels: `ab` over `cd` over `ef`.
    fn letters(turn: Turn) -> String {
        let image = RgbImage::from_raw(2, 3, b"abcdef".iter().flat_map(|&letter| [letter; 3]).collect()).unwrap();
        let image = turned(image, turn);
        let rows: Vec<String> = image.rows().map(|row| row.map(|pixel| char::from(pixel[0])).collect()).collect();
        rows.join(" ")
    }

    #[test]
    fn every_tag_gives_the_picture_that_the_standard_draws() {
        let displayed = ["ab cd ef", "ba dc fe", "fe dc ba", "ef cd ab", "ace bdf", "eca fdb", "fdb eca", "bdf ace"];
        for (tag, expected) in (1..).zip(displayed) {
            assert_eq!(letters(Turn::from_tag(tag)), expected, "tag {tag}");
        }
    }

    #[test]
    fn invalid_tags_change_nothing() {
        for tag in [0, 9, 2049, u16::MAX] {
            assert!(Turn::from_tag(tag).is_none());
        }
    }

    #[test]
    fn mirror_and_quarter_turns_name_the_same_eight() {
        let displayed = ["ab cd ef", "eca fdb", "fe dc ba", "bdf ace"];
        let mirrored = ["ba dc fe", "fdb eca", "ef cd ab", "ace bdf"];
        for (quarters, (plain, mirror)) in (0..).zip(displayed.iter().zip(mirrored)) {
            assert_eq!(&letters(Turn::from_mirror_and_quarters(false, quarters)), plain);
            assert_eq!(letters(Turn::from_mirror_and_quarters(true, quarters)), mirror);
        }
    }

    #[test]
    fn pictures_larger_than_a_block_turn_back_and_forth() {
        let image = RgbImage::from_fn(70, 41, |x, y| image::Rgb([x as u8, y as u8, 7]));
        for (tag, inverse) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
            let there = turned(image.clone(), Turn::from_tag(tag));
            assert_eq!((there.width(), there.height()), Turn::from_tag(tag).size(70, 41));
            assert_eq!(turned(there, Turn::from_tag(inverse)), image);
        }
    }
}
