//! Capture files to frames: a frame is one page, whether it is a whole picture file, a page of a TIFF file or the
//! picture on a page of a PDF file.

use std::io;
use std::sync::Arc;

use crate::imaging::decode::{
    self, Colour, DecodeError, Decoded, FaxScheme, FrameInfo, Ink, Limits, SampleLayout, Turn, is_pdf, turned,
};
use crate::model::{Lang, Localized, SizeMm, io_reason};
use crate::pdf::reader::{self, Packing, PageImage, PdfColour, PdfReadError};

/// Millimetres in an inch.
const INCH: f64 = 25.4;

/// Bytes that a page picture may unpack to beyond its rows: predictor bytes and line ends of careless writers.
const SLACK: usize = 1 << 20;

/// Why a capture file gives no frames, or a frame no pixels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A picture file, or the file as a whole.
    #[error(transparent)]
    Picture(#[from] DecodeError),
    /// A PDF file.
    #[error(transparent)]
    Pdf(#[from] PdfReadError),
    /// The picture on a page of a PDF file.
    #[error("page {page}: {source}")]
    Page {
        /// Counted from 1.
        page: usize,
        /// What is wrong with the picture.
        source: DecodeError,
    },
    /// The file cannot be read at all.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The file was rewritten between planning and reading.
    #[error("the file changed while it was being read")]
    Changed,
}

impl Localized for InputError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Picture(error) => error.message(lang),
            Self::Pdf(error) => error.message(lang),
            Self::Page { page, source } => {
                format!("{} {page}: {}", lang.pick("trang", "page"), source.message(lang))
            }
            Self::Unreadable(kind) => io_reason(*kind, lang),
            Self::Changed => lang
                .pick(
                    "tệp bị thay đổi trong khi đang đọc; hãy đợi máy quét ghi xong rồi chạy lại",
                    "the file changed while it was being read; wait until the scanner is done and run again",
                )
                .to_owned(),
        }
    }
}

/// One page of a capture file; cheap to clone, shares the file's bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Arc<[u8]>,
    source: Source,
    info: FrameInfo,
}

#[derive(Clone, Debug)]
enum Source {
    /// The picture with this index in a picture file.
    Picture { index: usize, alone: bool },
    /// The page with this number, from 1, of a PDF file.
    Page { number: usize, image: Arc<PageImage> },
}

/// Finds the pages of a capture file by reading its headers.
///
/// # Errors
/// [`InputError`]: not a picture or PDF file, a PDF file that is not image-only, sizes and counts out of bounds.
pub fn open(bytes: Arc<[u8]>, limits: &Limits) -> Result<Vec<Frame>, InputError> {
    if decode::sniff(&bytes).is_none() && is_pdf(&bytes) {
        return open_pdf(bytes, limits);
    }
    let (_, infos) = decode::probe(&bytes, limits)?;
    let alone = infos.len() == 1;
    let frame = |(index, info)| Frame { bytes: Arc::clone(&bytes), source: Source::Picture { index, alone }, info };
    Ok(infos.into_iter().enumerate().map(frame).collect())
}

fn open_pdf(bytes: Arc<[u8]>, limits: &Limits) -> Result<Vec<Frame>, InputError> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limits.max_bytes {
        return Err(DecodeError::TooManyBytes { bytes: length, limit: limits.max_bytes }.into());
    }
    let pages = reader::page_images(&bytes, limits.max_frames)?;
    let frame = |(number, image): (usize, PageImage)| {
        let in_page = |source| InputError::Page { page: number, source };
        // The stream knows its size better than the dictionary does.
        let (width, height) = match image.jpeg(&bytes) {
            Some(stream) => decode::jpeg_stream_size(stream, limits).map_err(in_page)?,
            None => (image.width, image.height),
        };
        limits.check_size(width, height).map_err(in_page)?;
        let info = FrameInfo::upright(width, height, display_turn(&image));
        Ok(Frame { bytes: Arc::clone(&bytes), source: Source::Page { number, image: Arc::new(image) }, info })
    };
    (1..).zip(pages).map(frame).collect()
}

impl Frame {
    /// Size as displayed.
    pub fn info(&self) -> FrameInfo {
        self.info
    }

    /// The size that the file gives the picture on paper: PDF pages only.
    pub fn size(&self) -> Option<SizeMm> {
        match &self.source {
            Source::Picture { .. } => None,
            Source::Page { image, .. } => Some(image.size),
        }
    }

    /// The pixels as displayed.
    ///
    /// # Errors
    /// [`InputError`]: damaged or incomplete data, or more of it than the limits allow.
    pub fn decode(&self, limits: &Limits) -> Result<Decoded, InputError> {
        match &self.source {
            Source::Picture { index, .. } => Ok(decode::decode(&self.bytes, *index, limits)?),
            Source::Page { number, image } => decode_page(&self.bytes, *number, image, limits),
        }
    }

    /// The JPEG stream that holds exactly the displayed picture, when there is one that can go into a PDF page
    /// untouched: 8-bit grey or YCbCr, whole, upright as stored.
    pub fn jpeg(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Picture { alone: true, .. } => decode::untouched_jpeg(&self.bytes, true),
            Source::Picture { .. } => None,
            Source::Page { image, .. } => {
                let plain = matches!(image.colour, PdfColour::Gray | PdfColour::Rgb) && !image.inverted;
                let upright = display_turn(image).is_none();
                image
                    .jpeg(&self.bytes)
                    .filter(|_| plain && upright)
                    .and_then(|stream| decode::untouched_jpeg(stream, false))
            }
        }
    }
}

fn display_turn(image: &PageImage) -> Turn {
    Turn::from_mirror_and_quarters(image.mirrored, image.turn.quarter_turns())
}

/// The pixels, as displayed, of the picture of a page of a PDF file: the page with this number, from 1, of these bytes.
///
/// # Errors
/// [`InputError`]: damaged or incomplete data, or more of it than the limits allow.
pub fn decode_page(bytes: &[u8], number: usize, image: &PageImage, limits: &Limits) -> Result<Decoded, InputError> {
    let in_page = |source| InputError::Page { page: number, source };
    limits.check_size(image.width, image.height).map_err(in_page)?;
    let limit = match image.packing {
        Packing::Samples => layout(image).row_bytes(image.width).saturating_mul(image.height as usize) + SLACK,
        Packing::Jpeg | Packing::Fax { .. } => usize::try_from(limits.max_bytes / 2).unwrap_or(usize::MAX),
    };
    let pixels = u64::from(image.width) * u64::from(image.height);
    limits.check_memory(image.width, image.height, 3 * pixels + limit as u64).map_err(in_page)?;
    let content = image.content(bytes, limit)?;
    let mut decoded = match image.packing {
        Packing::Jpeg => {
            let ink = if image.inverted { Ink::Inverted } else { Ink::Straight };
            let mut decoded = decode::decode_jpeg_stream(&content, ink, limits).map_err(in_page)?;
            if image.inverted && image.colour != PdfColour::Cmyk {
                decoded.image.iter_mut().for_each(|value| *value = 255 - *value);
            }
            decoded
        }
        Packing::Fax { k, columns, byte_aligned, black_is_one } => {
            let scheme = match k {
                0 => FaxScheme::Group3,
                1.. => FaxScheme::Group3TwoDimensional,
                _ => FaxScheme::Group4,
            };
            let packed = decode::unpack_fax(&content, scheme, columns, image.height, byte_aligned);
            let mut packed = packed.ok_or_else(|| PdfReadError::Broken("fax data breaks off".into()))?;
            if !black_is_one {
                packed.iter_mut().for_each(|byte| *byte = !*byte);
            }
            samples(&packed, image)?
        }
        Packing::Samples => samples(&content, image)?,
    };
    let turn = display_turn(image);
    let shown = turn.size(decoded.image.width(), decoded.image.height());
    decoded.image = turned(decoded.image, turn);
    decoded.dpi = page_dpi(shown, image.size);
    decoded.exif_orientation = 1;
    decoded.icc = image.icc.as_deref().map(<[u8]>::to_vec);
    Ok(decoded)
}

/// The resolution at which a picture lies on its page, when it is the same both ways.
fn page_dpi((width, height): (u32, u32), size: SizeMm) -> Option<f64> {
    let (x, y) = (f64::from(width) / size.width * INCH, f64::from(height) / size.height * INCH);
    (x.is_finite() && y.is_finite() && x > 0.0 && (x / y - 1.0).abs() < 0.1).then_some(x)
}

fn samples(packed: &[u8], image: &PageImage) -> Result<Decoded, InputError> {
    let pixels = decode::unpack_samples(packed, image.width, image.height, &layout(image))
        .ok_or_else(|| PdfReadError::Broken("picture data breaks off".into()))?;
    Ok(decode::lossless(pixels))
}

fn layout(image: &PageImage) -> SampleLayout {
    let colour = match &image.colour {
        PdfColour::Gray => Colour::Gray,
        PdfColour::Rgb => Colour::Rgb,
        PdfColour::Cmyk => Colour::Cmyk,
        PdfColour::Palette(colours) => Colour::Palette(colours.clone()),
    };
    let samples = colour.samples();
    SampleLayout { bits: image.bits, samples, colour, alpha: None, inverted: image.inverted, big_endian: true }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "colours of small test pictures")]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { max_pixels: 4_000_000, max_side: 4_000, max_bytes: 40_000_000, max_frames: 20 };

    /// A PDF file of these objects, numbered from 1; the first is the catalog.
    fn pdf(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
        let mut bytes = b"%PDF-1.4\n".to_vec();
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
        for (number, object) in (1..).zip(objects) {
            table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
            bytes.extend(format!("{number} 0 obj\n").as_bytes());
            bytes.extend(object);
            bytes.extend(b"\nendobj\n");
        }
        let start = bytes.len();
        bytes.extend(table.as_bytes());
        let size = objects.len() + 1;
        bytes.extend(format!("trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
        bytes
    }

    fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("<<{dictionary}/Length {}>>\nstream\n", content.len());
        [head.as_bytes(), content, b"\nendstream"].concat()
    }

    /// A file of one page, 120 × 72 units, that draws `/P` as `content` says; `page` goes into its dictionary.
    fn one_page(content: &str, page: &str, picture: Vec<u8>) -> Vec<u8> {
        let leaf = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 120 72]/Contents 4 0 R\
             /Resources<</XObject<</P 5 0 R>>/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Courier>>>>>>{page}>>"
        );
        pdf(
            &[
                b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
                b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
                leaf.into_bytes(),
                stream("", content.as_bytes()),
                picture,
            ],
            "",
        )
    }

    const WHOLE: &str = "q 120 0 0 72 0 0 cm /P Do Q";

    /// 40 × 24 pixels.
    fn pixels() -> RgbImage {
        RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 10) as u8, 90]))
    }

    fn raw() -> Vec<u8> {
        let dictionary = "/Subtype/Image/Width 40/Height 24/BitsPerComponent 8/ColorSpace/DeviceRGB";
        stream(dictionary, pixels().as_raw())
    }

    fn jpeg() -> Vec<u8> {
        let image = pixels();
        let image = turbojpeg::Image {
            pixels: image.as_raw().as_slice(),
            width: 40,
            pitch: 120,
            height: 24,
            format: turbojpeg::PixelFormat::RGB,
        };
        turbojpeg::compress(image, 95, turbojpeg::Subsamp::None).unwrap().to_vec()
    }

    fn jpeg_page(page: &str) -> Vec<u8> {
        let dictionary = "/Subtype/Image/Width 40/Height 24/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode";
        one_page(WHOLE, page, stream(dictionary, &jpeg()))
    }

    fn open_all(bytes: Vec<u8>) -> Result<Vec<Frame>, InputError> {
        open(bytes.into(), &LIMITS)
    }

    fn only(bytes: Vec<u8>) -> Decoded {
        let frames = open_all(bytes).unwrap();
        assert_eq!(frames.len(), 1);
        frames[0].decode(&LIMITS).unwrap()
    }

    fn refusal(bytes: Vec<u8>) -> PdfReadError {
        match open_all(bytes) {
            Err(InputError::Pdf(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_whole_picture_file_is_one_frame_with_its_stream() {
        let bytes = jpeg();
        let frames = open_all(bytes.clone()).unwrap();
        assert_eq!(frames[0].jpeg(), Some(bytes.as_slice()));
        assert_eq!(frames[0].size(), None);
        assert_eq!(frames[0].info(), FrameInfo { width: 40, height: 24 });
    }

    #[test]
    fn a_jpeg_page_gives_the_stream_untouched_and_its_size_on_paper() {
        let frames = open_all(jpeg_page("")).unwrap();
        assert_eq!(frames[0].jpeg(), Some(jpeg().as_slice()));
        let size = frames[0].size().unwrap();
        assert!((size.width - 42.333).abs() < 0.01 && (size.height - 25.4).abs() < 0.01);
        // 40 pixels on 120/72 inch.
        assert!((frames[0].decode(&LIMITS).unwrap().dpi.unwrap() - 24.0).abs() < 1e-9);
    }

    #[test]
    fn page_rotation_and_flips_are_applied() {
        assert_eq!(only(one_page(WHOLE, "", raw())).image, pixels());
        for (degrees, tag) in [("90", 6), ("180", 3), ("270", 8), ("-90", 8), ("450", 6)] {
            let bytes = one_page(WHOLE, &format!("/Rotate {degrees}"), raw());
            assert_eq!(only(bytes).image, turned(pixels(), Turn::from_tag(tag)), "{degrees}");
        }
        let flipped = one_page("q 120 0 0 -72 0 72 cm /P Do Q", "", raw());
        assert_eq!(only(flipped).image, turned(pixels(), Turn::from_tag(4)));
        let sideways = one_page("q 0 72 -120 0 120 0 cm /P Do Q", "", raw());
        assert_eq!(only(sideways).image, turned(pixels(), Turn::from_tag(8)));
        assert_eq!(open_all(jpeg_page("/Rotate 90")).unwrap()[0].jpeg(), None);
    }

    #[test]
    fn hidden_text_and_white_ground_leave_a_page_image_only() {
        let text = "BT /F 9 Tf 5 5 Td (chu) Tj ET";
        let hidden = text.replace("BT", "BT 3 Tr");
        for content in [
            format!("{WHOLE} {hidden}"),
            format!("{text} {WHOLE}"),
            format!("1 g 0 0 120 72 re f {WHOLE}"),
            "1 1 1 rg 0 0 120 72 re f q 60 0 0 36 9 9 cm /P Do Q".to_owned(),
        ] {
            assert_eq!(only(one_page(&content, "", raw())).image, pixels(), "{content}");
        }
    }

    #[test]
    fn pages_that_show_more_than_one_picture_are_refused() {
        let page = |content: &str| refusal(one_page(content, "", raw()));
        let text = "BT /F 9 Tf 5 5 Td (chu) Tj ET";
        assert_eq!(page(&format!("{WHOLE} {text}")), PdfReadError::Text { page: 1 });
        assert_eq!(page(text), PdfReadError::Text { page: 1 });
        assert_eq!(page(&format!("{WHOLE} 0 0 m 9 9 l S")), PdfReadError::Drawing { page: 1 });
        let half = "q 60 0 0 36 0 0 cm /P Do Q";
        assert_eq!(page(&format!("{half} {half}")), PdfReadError::SeveralPictures { page: 1, count: 2 });
        assert_eq!(page(""), PdfReadError::NoPicture { page: 1 });
        let stamp = "/Annots[<</Subtype/Stamp/Rect[0 0 9 9]/AP<</N 5 0 R>>>>]";
        assert_eq!(refusal(one_page(WHOLE, stamp, raw())), PdfReadError::Notes { page: 1 });
        assert!(open_all(one_page(WHOLE, "/Annots[<</Subtype/Link/Rect[0 0 9 9]>>]", raw())).is_ok());
    }

    #[test]
    fn signed_and_encrypted_files_are_left_alone() {
        let signed = one_page(WHOLE, "/X<</Type/Sig/ByteRange [0 1 2 3]/Contents<00>>>", raw());
        assert_eq!(refusal(signed), PdfReadError::Signed);
        let objects = [b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), b"<</Type/Pages/Count 0/Kids[]>>".to_vec()];
        let password = "00".repeat(32);
        let lock = format!("/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/O<{password}>/U<{password}>/P -4>>");
        assert_eq!(refusal(pdf(&objects, &lock)), PdfReadError::Encrypted);
    }

    #[test]
    fn colours_and_tones_of_page_pictures() {
        let dictionary = "/Subtype/Image/Width 40/Height 24/ColorSpace";
        let picture =
            |rest: &str, data: &[u8]| only(one_page(WHOLE, "", stream(&format!("{dictionary}{rest}"), data))).image;
        let gray = picture("/DeviceGray/BitsPerComponent 8/Decode[1 0]", &[55; 960]);
        assert_eq!(gray.get_pixel(3, 3).0, [200; 3]);
        let inks = picture("/DeviceCMYK/BitsPerComponent 8", &[255, 0, 0, 0].repeat(960));
        assert_eq!(inks.get_pixel(3, 3).0, [0, 255, 255]);
        let palette = picture("[/Indexed/DeviceRGB 1<0102030a0b0c>]/BitsPerComponent 1", &[0x7f; 120]);
        assert_eq!([palette.get_pixel(0, 0).0, palette.get_pixel(1, 0).0], [[1, 2, 3], [10, 11, 12]]);
        // Group 4: eight white, eight black, 24 white, then the end of the block: black is 0 unless told otherwise.
        let group4 = [0x33, 0x16, 0x00, 0x20, 0x02];
        let fax = |rest: &str| {
            let parameters = format!("/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 40{rest}>>");
            picture(&parameters, &group4)
        };
        assert_eq!([fax("").get_pixel(0, 0)[0], fax("").get_pixel(9, 0)[0]], [255, 0]);
        assert_eq!([fax("/BlackIs1 true").get_pixel(0, 0)[0], fax("/BlackIs1 true").get_pixel(9, 0)[0]], [0, 255]);
    }

    #[test]
    fn flate_with_predictor_is_undone_and_bombs_are_not() {
        use std::io::Write;
        let deflated = |data: &[u8]| {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(data).unwrap();
            encoder.finish().unwrap()
        };
        let head = "/Subtype/Image/Width 40/Height 24/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode";
        // Predictor 15, each row with filter type 0.
        let rows: Vec<u8> = pixels().as_raw().chunks(120).flat_map(|row| [&[0][..], row].concat()).collect();
        let predicted = format!("{head}/DecodeParms<</Predictor 15/Colors 3/Columns 40>>");
        assert_eq!(only(one_page(WHOLE, "", stream(&predicted, &deflated(&rows)))).image, pixels());
        let bomb = one_page(WHOLE, "", stream(head, &deflated(&vec![0; 30_000_000])));
        let frames = open_all(bomb).unwrap();
        assert_eq!(frames[0].decode(&LIMITS).unwrap_err(), PdfReadError::TooLarge { page: 1 }.into());
        let huge = raw().to_vec();
        let huge = String::from_utf8_lossy(&huge[..60]).replace("Width 40", "Width 40000").into_bytes();
        let frames = open_all(one_page(WHOLE, "", [huge, raw()[60..].to_vec()].concat()));
        assert!(matches!(frames, Err(InputError::Page { page: 1, source: DecodeError::TooLarge { .. } })));
    }

    #[test]
    fn loops_floods_and_cuts_are_errors() {
        let catalog = b"<</Type/Catalog/Pages 2 0 R>>".to_vec();
        let looped = pdf(&[catalog.clone(), b"<</Type/Pages/Count 1/Kids[2 0 R]>>".to_vec()], "");
        assert!(matches!(refusal(looped), PdfReadError::Broken(_)));
        let leaf = b"<</Type/Page/MediaBox[0 0 9 9]>>".to_vec();
        let kids: String = (3..24).map(|number| format!("{number} 0 R ")).collect();
        let mut objects = vec![catalog, format!("<</Type/Pages/Count 21/Kids[{kids}]>>").into_bytes()];
        objects.extend(vec![leaf; 21]);
        assert_eq!(refusal(pdf(&objects, "")), PdfReadError::TooManyPages { limit: 20 });
        let form = stream("/Subtype/Form/Resources<</XObject<</P 5 0 R>>>>", b"/P Do /P Do");
        assert!(matches!(refusal(one_page(WHOLE, "", form)), PdfReadError::Broken(_)));
        let whole = jpeg_page("");
        for length in (0..whole.len() - 30).step_by(7) {
            if let Ok(frames) = open_all(whole[..length].to_vec()) {
                panic!("{} pages of {length} bytes", frames.len());
            }
        }
    }

    #[test]
    fn a_page_whose_jpeg_is_cut_is_named() {
        let cut = &jpeg()[..300];
        let dictionary = "/Subtype/Image/Width 40/Height 24/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode";
        let bytes = one_page(WHOLE, "", stream(dictionary, cut));
        let error = open_all(bytes).and_then(|frames| frames[0].decode(&LIMITS)).unwrap_err();
        assert!(matches!(error, InputError::Page { page: 1, source: DecodeError::Incomplete(_) }), "{error:?}");
        assert!(error.message(Lang::Vi).starts_with("trang 1: "));
    }

    proptest! {
        #[test]
        fn damaged_pdf_files_never_panic(
            sample in 0..4,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        ) {
            let mut bytes = match sample {
                0 => jpeg_page(""),
                1 => one_page(WHOLE, "/Rotate 90", raw()),
                2 => one_page("BT /F 9 Tf (x) Tj ET q 1 0 0 1 0 0 cm /P Do Q", "", raw()),
                _ => pdf(&[b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), b"<</Kids[2 0 R 1 0 R]>>".to_vec()], ""),
            };
            for (place, value) in damage {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            if let Ok(frames) = open_all(bytes) {
                for frame in frames {
                    std::hint::black_box(frame.jpeg());
                    frame.decode(&LIMITS).ok();
                }
            }
        }

        #[test]
        fn any_bytes_after_a_pdf_header_never_panic(rest in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(open_all([b"%PDF-1.7\n".as_slice(), &rest].concat()).is_err());
        }
    }
}
