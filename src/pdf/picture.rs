//! The picture of a page in a PDF file: checked, written, painted.
//!
//! Streams are placed unchanged. Layers are painted without transparency, as every level of PDF/A allows: the background,
//! then over it the foreground through a stencil (ISO 32000-1, 8.9.6.3).

use pdf_writer::{Filter, Finish, Name, Pdf, Ref};

use crate::model::{Bilevel, Jpeg, Picture};

/// Names of the pictures among the resources of a page: all of it, and what is painted over it.
pub(super) const NAMES: [&str; 2] = ["Im0", "Im1"];

/// How many of [`NAMES`] a picture takes.
pub(super) fn count(picture: &Picture) -> usize {
    match picture {
        Picture::Jpeg(_) | Picture::Bilevel(_) => 1,
        Picture::Layers { .. } => 2,
    }
}

/// Checks that the JPEG streams are what PDF/A may hold and what they are said to be.
pub(super) fn check(picture: &Picture) -> Result<(), &'static str> {
    match picture {
        Picture::Jpeg(jpeg) => check_jpeg(jpeg),
        Picture::Bilevel(_) => Ok(()),
        Picture::Layers { background, foreground, .. } => check_jpeg(background).and(check_jpeg(foreground)),
    }
}

/// Writes a picture; answers what is to stand among the resources, in the order of [`NAMES`].
pub(super) fn write(pdf: &mut Pdf, next: &mut impl FnMut() -> Ref, picture: &Picture) -> Vec<Ref> {
    let first = next();
    match picture {
        Picture::Jpeg(jpeg) => {
            write_jpeg(pdf, first, jpeg, None);
            vec![first]
        }
        Picture::Bilevel(bilevel) => {
            write_bilevel(pdf, first, bilevel, false);
            vec![first]
        }
        Picture::Layers { background, foreground, mask } => {
            let (over, stencil) = (next(), next());
            write_jpeg(pdf, first, background, None);
            write_jpeg(pdf, over, foreground, Some(stencil));
            write_bilevel(pdf, stencil, mask, true);
            vec![first, over]
        }
    }
}

fn write_jpeg(pdf: &mut Pdf, id: Ref, jpeg: &Jpeg, stencil: Option<Ref>) {
    let mut picture = pdf.image_xobject(id, &jpeg.bytes);
    picture.filter(Filter::DctDecode);
    picture.width(side(jpeg.width)).height(side(jpeg.height)).bits_per_component(8);
    if JpegHeader::read(&jpeg.bytes).is_some_and(|header| header.channels == 1) {
        picture.color_space().device_gray();
    } else {
        picture.color_space().device_rgb();
    }
    if let Some(stencil) = stencil {
        picture.stencil_mask(stencil);
    }
}

/// Ink is coded as 1 and comes out of the filter as 0 (ISO 32000-1, 7.4.7): black, and painted through a stencil.
fn write_bilevel(pdf: &mut Pdf, id: Ref, bilevel: &Bilevel, is_stencil: bool) {
    let mut picture = pdf.image_xobject(id, &bilevel.jbig2);
    picture.filter(Filter::Jbig2Decode);
    picture.width(side(bilevel.width)).height(side(bilevel.height)).bits_per_component(1);
    if is_stencil {
        picture.image_mask(true);
    } else {
        picture.color_space().device_gray();
    }
    picture.finish();
}

fn side(pixels: u32) -> i32 {
    i32::try_from(pixels).expect("a picture in memory has shorter sides")
}

/// The names as they stand in a dictionary.
pub(super) fn names() -> impl Iterator<Item = Name<'static>> {
    NAMES.iter().map(|name| Name(name.as_bytes()))
}

fn check_jpeg(jpeg: &Jpeg) -> Result<(), &'static str> {
    let header = JpegHeader::read(&jpeg.bytes).ok_or("the picture is not a JPEG file PDF can hold")?;
    if header.width == 0 || header.height == 0 {
        return Err("the JPEG file does not say how large it is");
    }
    if (u32::from(header.width), u32::from(header.height)) != (jpeg.width, jpeg.height) {
        return Err("the JPEG file has another size than the page says");
    }
    match header.channels {
        1 | 3 => Ok(()),
        _ => Err("a JPEG file with four channels (CMYK) does not fit the sRGB output intent"),
    }
}

/// What the frame header of a JPEG file says (ITU-T T.81, B.2.2).
struct JpegHeader {
    width: u16,
    height: u16,
    channels: u8,
}

impl JpegHeader {
    /// `None` unless the file is baseline, extended or progressive Huffman with 8 bits, which is what `DCTDecode`
    /// reads (ISO 32000-1, 7.4.8).
    fn read(jpeg: &[u8]) -> Option<Self> {
        let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
        loop {
            rest = rest.strip_prefix(&[0xFF])?;
            let (&marker, after) = rest.split_first()?;
            match marker {
                0xFF => continue,
                0x01 | 0xD0..=0xD7 => rest = after,
                0xC0..=0xC2 => {
                    let &[l0, l1, 8, h0, h1, w0, w1, channels, ..] = after else { return None };
                    after.get(..usize::from(u16::from_be_bytes([l0, l1])))?;
                    let (width, height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                    return Some(Self { width, height, channels });
                }
                // Other processes (lossless, arithmetic), or scan data before any frame header.
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xD8..=0xDA => return None,
                _ => {
                    let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
                    rest = after.get(length.max(2)..)?;
                }
            }
        }
    }
}
