//! The way of one page: from the bytes of a capture to a straight, evenly lit, checked and read page.
//!
//! [`process`] is the whole of it, in order. Everything is estimated on small pictures and composed into one
//! homography; the pixels of the capture are resampled once.

use std::time::{Duration, Instant};

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::codes::{self, Code};
use crate::guard::{self, Secrecy};
use crate::imaging::bounds::Bounds;
use crate::imaging::decode::{Decoded, Limits};
use crate::imaging::gray::luma;
use crate::imaging::illumination::{self, Light};
use crate::imaging::proxy::Proxy;
use crate::imaging::quality::{self, Flag, Measures};
use crate::imaging::{bed, blank, bounds, encode};
use crate::input::{Frame, InputError};
use crate::model::{Edit, Lang, Localized, Notice, Orientation, PageMap, PageText, Quad, SizeMm};
use crate::ocr::{self, OcrEngine, OcrError};
use encoding::Encoded;
use layout::View;

pub mod debug;
pub mod encoding;
mod layout;
pub mod screen;

/// Memory of a page in work, bytes a pixel of the capture: the capture 3, proxy and previews about 2, the
/// page image 3, its grey 1, reading picture and lines about 2, encoder 1.
const BYTES_PER_PIXEL: u64 = 12;

/// The legal minimum (NĐ 30/2020 Phụ lục I, Phần II, Mục I.2). A photo taken from too far is enlarged to this or to what a
/// profile asks for, so that the reader has letters of normal size, and flagged.
pub const MIN_DPI: f64 = 200.0;

/// A resolution stored in a file is believed from here on: cameras and screenshots write 72 or 96 without meaning it.
const MIN_TRUSTED_DPI: f64 = 100.0;

/// How a page is processed. The same settings and capture give the same page, whatever the number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What a decoder may be asked for.
    #[serde(skip)]
    pub limits: Limits,
    /// JPEG quality of the page image, 1 to 100.
    pub jpeg_quality: u8,
    /// Captures of more are reduced to this resolution; papers up to A6 may have twice as much.
    pub max_dpi: f64,
    /// Photos of less are enlarged to this resolution, and no page is reduced below it.
    pub least_dpi: f64,
    /// Whether pages of white paper are stored in layers where that is smaller.
    pub mrc: bool,
    /// Whether captures of one bit a pixel stay that: colour is not required.
    pub bilevel: bool,
    /// By which marks pages are not to be digitised.
    #[serde(default)]
    pub guard: guard::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            jpeg_quality: 80,
            max_dpi: 300.0,
            least_dpi: MIN_DPI,
            mrc: false,
            bilevel: false,
            guard: guard::Settings::default(),
        }
    }
}

/// Where the page was found on its capture and how it was laid flat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageGeometry {
    /// The paper's outline on the display-oriented capture, from the content's own top left clockwise; `None` when no
    /// page edge was in the frame.
    pub quad: Option<Quad>,
    /// Trust in the outline, 0 to 1; 0 without one.
    pub quad_confidence: f32,
    /// Rotation of the content that remained after `orientation`, clockwise positive, degrees.
    pub skew_degrees: f64,
    /// By how much the content was turned clockwise on the capture.
    pub orientation: Orientation,
    /// Physical size of the paper as it is read.
    pub size: SizeMm,
    /// Resolution of the page image as it was read, pixels an inch.
    pub dpi: f64,
    /// Pixels of the capture to an inch of paper, where there are fewest: what the paper was really seen with.
    pub effective_dpi: f64,
}

/// A part of a page image that shows one sheet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The sheet's outline on the display-oriented capture, from the content's own top left clockwise; `None` when no
    /// page edge was in the frame.
    pub quad: Option<Quad>,
    /// Where each pixel of the part was taken from.
    pub map: PageMap,
    /// Where the part stands on the page image, pixels from the left.
    pub left: u32,
    /// Pixels from the top.
    pub top: u32,
}

/// A finished page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The page image as it is stored.
    pub image: Encoded,
    /// Width of the page image as it was read, pixels: those of the text.
    pub width: u32,
    /// Height of the page image as it was read, pixels.
    pub height: u32,
    /// Resolution below which the page image is not to be stored, pixels an inch.
    pub least_dpi: f64,
    /// Geometry of the capture.
    pub geometry: PageGeometry,
    /// Where the page image was taken from: one sheet, or the two sides of a card.
    pub parts: Vec<Part>,
    /// What a person should know of the capture, though the page is good.
    pub notices: Vec<Notice>,
    /// Whether the page carries nothing (it is kept all the same).
    pub blank: bool,
    /// Codes found on the page.
    pub codes: Vec<Code>,
    /// The text in reading order; empty without OCR.
    pub text: PageText,
    /// What was measured of the picture's quality.
    pub measures: Measures,
    /// What makes the page unfit and wants a rescan (*cần quét lại*); empty on a good page.
    pub flags: Vec<Flag>,
    /// Time from the capture's bytes to the encoded page.
    pub elapsed: Duration,
}

/// A capture that could not become a page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The capture cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The recogniser failed.
    #[error(transparent)]
    Ocr(#[from] OcrError),
    /// The page image cannot be encoded.
    #[error(transparent)]
    Encode(#[from] encode::EncodeError),
    /// It bears a mark of secrecy and is not to be digitised.
    #[error("the page is marked {0}")]
    Secret(String),
    /// A stored picture that cannot be shown.
    #[error("a stored page image is not of this program's form")]
    Stored,
    /// It was to be made on another machine, which says why not.
    #[error("{en}")]
    Elsewhere {
        /// In Vietnamese.
        vi: String,
        /// In English.
        en: String,
        /// Whether it may be made another time.
        passing: bool,
    },
    /// It was to be made on another machine, and nobody waits for it any more.
    #[error("stopped")]
    Stopped,
    /// A bug, confined to this page.
    #[error(transparent)]
    Panicked(#[from] crate::pool::Panicked),
}

impl PageError {
    /// Whether the same bytes may do better another time: the file could not be read just then.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Input(InputError::Unreadable(_) | InputError::Changed)
                | Self::Elsewhere { passing: true, .. }
                | Self::Stopped
        )
    }
}

impl Localized for PageError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Input(error) => error.message(lang),
            Self::Ocr(error) => error.message(lang),
            Self::Encode(error) => error.message(lang),
            Self::Secret(mark) => match lang {
                Lang::Vi => {
                    format!("tài liệu có dấu {mark}: không được số hóa; giao người phụ trách bảo vệ bí mật nhà nước")
                }
                Lang::En => format!(
                    "the paper is marked {mark} (secret): it is not to be digitised; hand it to whoever is in charge of state \
                     secrets"
                ),
            },
            Self::Elsewhere { vi, en, .. } => lang.pick(vi, en).to_owned(),
            Self::Stopped => lang.pick("đã dừng", "stopped").to_owned(),
            Self::Panicked(_) | Self::Stored => lang
                .pick(
                    "lỗi bên trong chương trình khi xử lý trang này; hãy gửi tệp cho người bảo trì",
                    "internal error while working on this page; please send the file to the maintainers",
                )
                .to_owned(),
        }
    }
}

/// What [`process`] needs for a frame while it is in work, bytes.
pub fn memory_bytes(frame: &Frame) -> u64 {
    let info = frame.info();
    u64::from(info.width) * u64::from(info.height) * BYTES_PER_PIXEL
}

/// Turns one capture into a page. What a person decided (`edit`) stands in place of what would be found. `engine` reads the
/// text; without one the page has none, and a doubtful orientation stays as the picture alone suggests.
///
/// # Errors
/// When the capture cannot be decoded within the limits, or the recogniser or encoder fails.
pub fn process(
    frame: &Frame,
    settings: &Settings,
    edit: &Edit,
    engine: Option<&dyn OcrEngine>,
) -> Result<Page, PageError> {
    let started = Instant::now();
    let capture = frame.decode(&settings.limits)?;
    let scan_dpi = scanner_resolution(&capture);
    let proxy = Proxy::new(&capture.image);

    let mut sheets = match edit.outline {
        Some(quad) => vec![Bounds::given(quad, capture.image.dimensions())],
        None => bounds::find(&capture.image, &proxy, scan_dpi, capture.focal),
    };
    let others = sheets.len().saturating_sub(1);
    let mut notices =
        if let Some(sides) = bounds::card_sides(&sheets, capture.image.dimensions(), scan_dpi, capture.focal) {
            sheets = sides.map(|side| sheets[side].clone()).into();
            vec![Notice::CardSides]
        } else {
            sheets.truncate(1);
            Vec::from_iter((others > 0).then_some(Notice::SeveralSheets { others }))
        };
    let view = View { scan_dpi, focal: capture.focal };
    let layout = layout::lay_out(&capture.image, &proxy, &sheets, view, edit.orientation, engine, settings)?;

    let mut image = layout.rectify(&capture.image);
    let gray = luma(&image);
    let cut_off = sheets.iter().any(|sheet| sheet.cut_off);
    let measures = quality::measure(&gray, layout.dpi, layout.effective_dpi, cut_off);
    let blank = edit.blank.unwrap_or_else(|| blank::is_blank(&gray, layout.dpi));
    let codes = if blank { Vec::new() } else { codes::read(&gray) };
    let light = if scan_dpi.is_some() { Light::Scanner } else { Light::Room };
    let paper = layout.white_paper().filter(|_| !capture.bilevel);
    let filled = paper.is_some_and(|map| bed::fill(&mut image, &capture.image, map, layout.dpi).any());
    let relit = paper.is_some() && illumination::normalize(&mut image, light);
    let text = match engine {
        Some(engine) => guarded(&image, layout.dpi, blank, (&settings.guard, edit), engine, &mut notices)?,
        None => PageText::default(),
    };
    let untouched = frame.jpeg().filter(|_| layout.is_identity && !filled && !relit && !capture.gray);
    let whole = match untouched {
        _ if capture.bilevel && settings.bilevel => encoding::bilevel(&image, layout.dpi),
        Some(stream) => encoding::of_stream(encode::without_metadata(stream), image.dimensions(), layout.dpi),
        None => encoding::jpeg(&image, settings.jpeg_quality, layout.dpi)?,
    };
    let least_dpi = layout::least_dpi(layout.size, settings);
    let image = match settings.mrc && paper.is_some() && !blank {
        true => encoding::smallest(whole, encoding::in_layers(&image, layout.dpi, least_dpi)?),
        false => whole,
    };
    Ok(Page {
        image,
        width: layout.width,
        height: layout.height,
        least_dpi,
        geometry: PageGeometry {
            quad: layout.parts[0].quad,
            quad_confidence: sheets.first().map_or(0.0, |sheet| sheet.confidence),
            skew_degrees: layout.skew_degrees,
            orientation: layout.orientation,
            size: layout.size,
            dpi: layout.dpi,
            effective_dpi: layout.effective_dpi,
        },
        parts: layout.parts,
        notices,
        blank,
        codes,
        text,
        flags: if blank { Vec::new() } else { quality::flags(&measures) },
        measures,
        elapsed: started.elapsed(),
    })
}

/// The text of a page, after its stamps were looked at: one that may not be digitised is read no further.
fn guarded(
    image: &RgbImage,
    dpi: f64,
    blank: bool,
    (settings, edit): (&guard::Settings, &Edit),
    engine: &dyn OcrEngine,
    notices: &mut Vec<Notice>,
) -> Result<PageText, PageError> {
    let stamped = guard::in_picture(image, dpi, settings, engine)?;
    let stops =
        |mark: &Option<String>| mark.clone().filter(|_| settings.secrecy == Secrecy::Stop && edit.open.is_none());
    if let Some(mark) = stops(&stamped.secrecy) {
        return Err(PageError::Secret(mark));
    }
    let text = if blank { PageText::default() } else { ocr::read(image, dpi, engine)? };
    let found = stamped.or(guard::in_text(&text, settings));
    if let Some(mark) = stops(&found.secrecy) {
        return Err(PageError::Secret(mark));
    }
    notices.extend(found.secrecy.filter(|_| edit.open.is_none()).map(|mark| Notice::SecrecyMark { mark }));
    notices.extend(found.copy.map(|mark| Notice::CopyMark { mark }));
    Ok(text)
}

/// The resolution of a flat capture, pixels an inch; `None` for photos and for files that do not say it believably.
fn scanner_resolution(capture: &Decoded) -> Option<f64> {
    capture.dpi.filter(|&dpi| !capture.camera && dpi >= MIN_TRUSTED_DPI)
}
