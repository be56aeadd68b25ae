//! JBIG2 without loss (ITU-T T.88): one generic region, template 0, typical prediction, the MQ arithmetic coder.
//!
//! Every pixel is coded as it is. Symbols are never looked for, let alone replaced by others that look alike: such coders
//! have changed digits on papers. About 100 ms a page of A4 at 300 dpi, blank rows cost nothing.

use image::GrayImage;

use super::mq::{Coder, Decoder};
use crate::model::Bilevel;

/// Segment types (T.88, 7.3).
const IMMEDIATE_GENERIC_REGION: u8 = 38;
const PAGE_INFORMATION: u8 = 48;

/// Page flags: the page is without loss in the end (T.88, 7.4.8.5).
const LOSSLESS: u8 = 1;
/// Flags of a generic region: template 0, typical prediction (T.88, 7.4.6.2).
const TYPICAL_PREDICTION: u8 = 1 << 3;
/// Adaptive pixels of template 0 in their usual places (T.88, 6.2.5.4, table 5), x and y of each.
const ADAPTIVE: [i8; 8] = [3, -1, -3, -1, 2, -2, -2, -2];

/// Contexts of template 0: 16 pixels.
const CONTEXTS: usize = 1 << 16;
/// The context in which is coded whether a row is like the one above (T.88, figure 8).
const TYPICAL_CONTEXT: usize = 0x9B25;

/// Pixels of the row above and of the one above that are seen to the right of the coded one.
const SEEN_ABOVE: usize = 3;
const SEEN_TWO_ABOVE: usize = 2;

/// Encodes a picture in which everything but 0 is ink.
pub fn encode(picture: &GrayImage) -> Bilevel {
    let (width, height) = picture.dimensions();
    let mut coder = Coder::new(CONTEXTS);
    walk(&mut picture.clone(), |context, is_ink| {
        coder.encode(context, is_ink);
        is_ink
    });
    let data = coder.finish();
    let jbig2 = [headers(width, height, &data), data].concat();
    Bilevel { jbig2, width, height }
}

/// All but the data of the region itself.
fn headers(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let adaptive = ADAPTIVE.map(|place| place.to_le_bytes()[0]);
    let mut headers = Vec::new();
    // Unknown resolution, which the PDF page knows; no stripes.
    let page = [&sides[..], &[0; 8], &[LOSSLESS], &[0; 2]].concat();
    segment(&mut headers, 0, PAGE_INFORMATION, &page, 0);
    let region = [&sides[..], &[0; 8], &[0], &[TYPICAL_PREDICTION], &adaptive].concat();
    segment(&mut headers, 1, IMMEDIATE_GENERIC_REGION, &region, data.len());
    headers
}

/// The beginning of a segment of page 1 that refers to no other (T.88, 7.2); `more` bytes of its data follow.
fn segment(out: &mut Vec<u8>, number: u32, kind: u8, data: &[u8], more: usize) {
    out.extend(number.to_be_bytes());
    out.extend([kind, 0, 1]);
    out.extend(u32::try_from(data.len() + more).expect("a coded picture is far below 4 GB").to_be_bytes());
    out.extend_from_slice(data);
}

/// The picture of [`encode`], ink 255; `None` where it is not of this form.
pub fn decode(coded: &Bilevel) -> Option<GrayImage> {
    /// From the start of the page information to the data of the region.
    const HEADERS: usize = 11 + 19 + 11 + 18 + ADAPTIVE.len();
    let data = coded.jbig2.get(HEADERS..)?;
    // Everything before the data is known but the length of the region, which is what is left.
    let blank = Bilevel { jbig2: headers(coded.width, coded.height, data), ..*coded };
    if !coded.jbig2.starts_with(&blank.jbig2) {
        return None;
    }
    let mut picture = GrayImage::new(coded.width, coded.height);
    let mut decoder = Decoder::new(CONTEXTS, data);
    walk(&mut picture, |context, _| decoder.decode(context));
    Some(picture)
}

/// T.88, 6.2.5.7: row by row, each pixel in the context of 16 before it. `code` gets the context and the pixel as it is
/// there, and answers what it is to be: the same when a picture is encoded, any when it is decoded.
fn walk(picture: &mut GrayImage, mut code: impl FnMut(usize, bool) -> bool) {
    let width = picture.width() as usize;
    // Rows of zeros and ones with white to their right, so that contexts need no edge.
    let padded = width + SEEN_ABOVE;
    let (mut two_above, mut above, mut row) = (vec![0u8; padded], vec![0u8; padded], vec![0u8; padded]);
    let mut was_typical = false;
    for pixels in picture.chunks_exact_mut(width.max(1)) {
        row.iter_mut().zip(&*pixels).for_each(|(bit, &pixel)| *bit = u8::from(pixel != 0));
        let changes = code(TYPICAL_CONTEXT, (row == above) != was_typical);
        was_typical ^= changes;
        if was_typical {
            row.copy_from_slice(&above);
        } else {
            walk_row(&two_above, &above, &mut row, width, &mut code);
        }
        pixels.iter_mut().zip(&row).for_each(|(pixel, &bit)| *pixel = if bit == 0 { 0 } else { 255 });
        std::mem::swap(&mut two_above, &mut above);
        std::mem::swap(&mut above, &mut row);
    }
}

/// The context (T.88, figure 3): five pixels of the row two above, seven of the row above, four before the coded one.
fn walk_row(two_above: &[u8], above: &[u8], row: &mut [u8], width: usize, code: &mut impl FnMut(usize, bool) -> bool) {
    let first = |pixels: &[u8], count: usize| pixels[..count].iter().fold(0, |bits, &bit| bits << 1 | usize::from(bit));
    let mut far = first(two_above, SEEN_TWO_ABOVE);
    let mut near = first(above, SEEN_ABOVE);
    let mut before = 0;
    for x in 0..width {
        far = (far << 1 | usize::from(two_above[x + SEEN_TWO_ABOVE])) & 0x1F;
        near = (near << 1 | usize::from(above[x + SEEN_ABOVE])) & 0x7F;
        let is_ink = code(far << 11 | near << 4 | before, row[x] != 0);
        row[x] = u8::from(is_ink);
        before = (before << 1 | usize::from(is_ink)) & 0xF;
    }
}

#[cfg(test)]
mod tests {
    use image::Luma;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_say_the_size_of_the_picture() {
        let coded = encode(&GrayImage::from_pixel(300, 200, Luma([0])));
        assert_eq!((coded.width, coded.height), (300, 200));
        assert_eq!(coded.jbig2[..11], [0, 0, 0, 0, 48, 0, 1, 0, 0, 0, 19]);
        assert_eq!(coded.jbig2[11..19], [0, 0, 1, 44, 0, 0, 0, 200]);
        let region = &coded.jbig2[30..];
        assert_eq!(region[..7], [0, 0, 0, 1, 38, 0, 1]);
        assert_eq!(u32::from_be_bytes(*region[7..].first_chunk().unwrap()) as usize, region.len() - 11);
        // All rows are like the one above: next to nothing is left.
        assert!(region.len() < 50);
    }

    proptest! {
        #[test]
        fn any_picture_comes_back_pixel_for_pixel(
            width in 1u32..70,
            pixels in prop::collection::vec(prop::bool::weighted(0.3), 0..3000),
            repeated in 0usize..6,
        ) {
            let mut raw: Vec<u8> = pixels.iter().map(|&ink| if ink { 255 } else { 0 }).collect();
            raw.truncate(raw.len() / width as usize * width as usize);
            let last = raw.len().saturating_sub(width as usize);
            let row = raw[last..].to_vec();
            (0..repeated).for_each(|_| raw.extend_from_slice(&row));
            let height = u32::try_from(raw.len()).unwrap() / width;
            let picture = GrayImage::from_raw(width, height, raw).unwrap();
            prop_assert_eq!(decode(&encode(&picture)), Some(picture));
        }
    }

    #[test]
    fn what_is_of_another_form_is_not_decoded() {
        let coded = encode(&GrayImage::new(30, 20));
        assert!(decode(&Bilevel { width: 31, ..coded.clone() }).is_none());
        assert!(decode(&Bilevel { jbig2: coded.jbig2[..40].to_vec(), ..coded }).is_none());
    }

    #[test]
    fn pictures_without_pixels_are_no_panic() {
        assert_eq!(decode(&encode(&GrayImage::new(0, 0))), Some(GrayImage::new(0, 0)));
    }
}
