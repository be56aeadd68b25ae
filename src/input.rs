//! Capture files to frames: a frame is one page, whether it is a whole picture file, a page of a TIFF file or the
//! picture on a page of a PDF file.

use std::io;
use std::sync::Arc;

use crate::imaging::decode::{
    self, Colour, DecodeError, Decoded, FaxScheme, FrameInfo, Ink, Limits, SampleLayout, Turn, is_pdf, turned,
};
use crate::model::{Lang, Localized, SizeMm};
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
            Self::Unreadable(kind) => match lang {
                Lang::Vi => format!("không đọc được tệp ({kind}); hãy kiểm tra quyền đọc và ổ đĩa"),
                Lang::En => format!("the file cannot be read ({kind}); check its permissions and the disk"),
            },
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

fn decode_page(bytes: &[u8], number: usize, image: &PageImage, limits: &Limits) -> Result<Decoded, InputError> {
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
