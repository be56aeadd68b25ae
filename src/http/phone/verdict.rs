//! Is the picture good enough? Told while the paper still lies there: a picture that a phone has sent is made into a page as
//! the service will make it, of which the phone is shown a small picture and what is wrong, in one line each.
//!
//! As many are judged at a time as there are processors, the rest waits. What was found is kept in memory, bounded; whoever
//! asks for more than that has it judged anew.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::http::problem::Problem;
use crate::http::{App, Shared};
use crate::imaging::quality::{BlurCause, Flag};
use crate::imaging::{encode, reduce};
use crate::input;
use crate::model::{Lang, Localized, Notice};
use crate::ocr::OcrEngine;
use crate::page::{self, Page, PageError, encoding};

/// Long side of the small picture, pixels: as wide as most phones show it, and A4 at 40 dpi, where lines can be counted.
const LONG_SIDE: u32 = 480;
/// JPEG quality of the small picture. A typed A4 page has 15 to 30 KB.
const QUALITY: u8 = 60;
/// Verdicts kept: about 12 MB.
const KEPT: usize = 500;

/// What is known of a picture.
#[derive(Clone)]
pub(super) enum Seen {
    /// It is being looked at, or waits for that.
    Checking,
    /// It can be made no page of; Vietnamese, English.
    Unreadable(String, String),
    /// A page.
    Page(Arc<Verdict>),
}

/// What was found of a page.
pub(super) struct Verdict {
    /// What is wrong, the gravest first.
    flags: Vec<Flag>,
    /// What a person should know.
    notices: Vec<Notice>,
    /// Whether there is nothing on it.
    blank: bool,
    /// The small picture, a JPEG.
    pub(super) thumbnail: Vec<u8>,
}

/// The verdicts of the last pictures.
pub(in crate::http) struct Verdicts {
    known: Mutex<BTreeMap<i64, Seen>>,
    at_a_time: Semaphore,
}

impl Default for Verdicts {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { known: Mutex::default(), at_a_time: Semaphore::new(cores) }
    }
}

impl Verdicts {
    fn put(&self, capture: i64, seen: Seen) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(capture, seen);
        while known.len() > KEPT {
            // Captures are numbered as they come: the first is the oldest.
            known.pop_first();
        }
    }

    fn get(&self, capture: i64) -> Option<Seen> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&capture).cloned()
    }
}

/// What is known of a picture; one that nobody has looked at is from now on.
pub(super) fn seen(app: &Shared, capture: i64, sha256: &str) -> Seen {
    if let Some(seen) = app.verdicts.get(capture) {
        return seen;
    }
    app.verdicts.put(capture, Seen::Checking);
    let (app, sha256) = (Arc::clone(app), sha256.to_owned());
    tokio::spawn(async move {
        let Ok(_turn) = app.verdicts.at_a_time.acquire().await else { return };
        let judging = Arc::clone(&app);
        let judged = tokio::task::spawn_blocking(move || judging.judge(&sha256)).await;
        // A defect is confined to this picture.
        let seen = judged.unwrap_or_else(|_| {
            Seen::Unreadable(Problem::Internal.message(Lang::Vi), Problem::Internal.message(Lang::En))
        });
        app.verdicts.put(capture, seen);
        app.changes.ring();
    });
    Seen::Checking
}

impl App {
    /// Makes the first page of a capture, and says what is wrong with it.
    fn judge(&self, sha256: &str) -> Seen {
        let engine = self.settings.reader.as_deref();
        match verdict(&self.store.blobs().path(sha256), &self.settings.page, engine) {
            Ok(verdict) => Seen::Page(Arc::new(verdict)),
            Err(error) => Seen::Unreadable(error.message(Lang::Vi), error.message(Lang::En)),
        }
    }
}

fn verdict(
    file: &std::path::Path,
    settings: &page::Settings,
    engine: Option<&dyn OcrEngine>,
) -> Result<Verdict, PageError> {
    let unreadable = |error: std::io::Error| input::InputError::Unreadable(error.kind());
    let bytes = fs::read(file).map_err(unreadable)?;
    let frames = input::open(bytes.into(), &settings.limits)?;
    let frame = frames.first().ok_or(input::InputError::Unreadable(std::io::ErrorKind::UnexpectedEof))?;
    let page = page::process(frame, settings, engine)?;
    Ok(Verdict { thumbnail: thumbnail(&page, settings)?, flags: page.flags, notices: page.notices, blank: page.blank })
}

/// The page image, small.
fn thumbnail(page: &Page, settings: &page::Settings) -> Result<Vec<u8>, PageError> {
    let image = encoding::shown(&page.image.picture, &settings.limits)?;
    let (width, height) = image.dimensions();
    let long = width.max(height);
    if long <= LONG_SIDE {
        return Ok(encode::jpeg(&image, QUALITY, page.image.dpi)?);
    }
    let side = |side: u32| (u64::from(side) * u64::from(LONG_SIDE) / u64::from(long)).max(1);
    let side = |pixels: u32| u32::try_from(side(pixels)).unwrap_or(LONG_SIDE);
    let small = reduce::area(&image, side(width), side(height));
    let dpi = page.image.dpi * f64::from(LONG_SIDE) / f64::from(long);
    Ok(encode::packed_jpeg(&small, QUALITY, dpi, encode::Packing::Small)?)
}

impl Seen {
    /// The word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Unreadable(..) => "unreadable",
            Self::Page(verdict) if verdict.flags.is_empty() => "good",
            Self::Page(_) => "retake",
        }
    }

    /// What people are told, the gravest first: what to do in one line each.
    pub(super) fn lines(&self, lang: Lang) -> Vec<String> {
        match self {
            Self::Checking => Vec::new(),
            Self::Unreadable(vietnamese, english) => vec![lang.pick(vietnamese, english).to_owned()],
            Self::Page(verdict) => {
                let flags = verdict.flags.iter().map(|flag| cure(flag, lang).to_owned());
                let blank = lang.pick("Trang trắng, vẫn giữ", "Blank page, kept");
                let notices = verdict.notices.iter().map(|notice| notice_line(notice, lang));
                flags.chain(verdict.blank.then(|| blank.to_owned())).chain(notices).collect()
            }
        }
    }
}

/// What to do about a flag, in one line.
fn cure(flag: &Flag, lang: Lang) -> &'static str {
    let (vietnamese, english) = match flag {
        Flag::CutOff => ("Thiếu góc: lùi ra, lấy đủ bốn góc", "Corner missing: move back, show all four"),
        Flag::Blurred { cause: BlurCause::Focus } => {
            ("Mờ: chạm vào giấy cho nét rồi chụp lại", "Blurred: tap the paper to focus, capture again")
        }
        Flag::Blurred { cause: BlurCause::Motion } => {
            ("Nhòe: giữ chắc máy rồi chụp lại", "Smeared: hold still, capture again")
        }
        Flag::PartlyBlurred => {
            ("Mờ một phần: vuốt phẳng giấy rồi chụp lại", "Partly blurred: flatten the paper, capture again")
        }
        Flag::TooDark => ("Tối quá: thêm ánh sáng rồi chụp lại", "Too dark: add light, capture again"),
        Flag::TooBright => {
            ("Cháy sáng: tắt đèn flash rồi chụp lại", "Overexposed: switch off the flash, capture again")
        }
        Flag::Glare => ("Chói sáng: tránh bóng đèn rồi chụp lại", "Glare: avoid the lamp, capture again"),
        Flag::LowResolution { .. } => ("Quá xa: đưa máy lại gần rồi chụp lại", "Too far: come closer, capture again"),
    };
    lang.pick(vietnamese, english)
}

fn notice_line(notice: &Notice, lang: Lang) -> String {
    match notice {
        Notice::SeveralSheets { .. } => {
            lang.pick("Thấy nhiều tờ giấy: chụp riêng từng tờ", "Several papers: capture them one by one").to_owned()
        }
        Notice::CardSides => {
            lang.pick("Hai mặt thẻ, ghép thành một trang", "Both sides of a card, on one page").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn of(sample: &str) -> Result<Verdict, PageError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        verdict(&root.join(sample), &page::Settings::default(), None)
    }

    #[test]
    fn a_blurred_photo_is_to_be_taken_again_and_a_good_one_is_not() {
        let good = of("samples/to-khai-chup-dien-thoai/nguoc-dau.jpg").unwrap();
        assert_eq!(good.flags, [], "a sharp photo");
        let blurred = of("samples/to-khai-chup-dien-thoai/bi-mo.jpg").unwrap();
        let size = blurred.thumbnail.len();
        let seen = Seen::Page(Arc::new(blurred));
        let lines = seen.lines(Lang::Vi);
        assert!(seen.code() == "retake" && lines[0].contains("chụp lại"), "{lines:?}");
        assert!((5_000..40_000).contains(&size), "{size}");
    }

    #[test]
    fn a_picture_of_an_iphone_is_judged_and_what_is_none_is_told() {
        assert!(of("tests/data/quarter-turn.heic").is_ok());
        assert!(of("Cargo.toml").is_err());
    }

    #[test]
    fn every_flag_has_a_short_line_in_both_languages() {
        let flags = [
            Flag::CutOff,
            Flag::Blurred { cause: BlurCause::Focus },
            Flag::Blurred { cause: BlurCause::Motion },
            Flag::PartlyBlurred,
            Flag::TooDark,
            Flag::TooBright,
            Flag::Glare,
            Flag::LowResolution { dpi: 100.0 },
        ];
        for flag in flags {
            assert!(cure(&flag, Lang::Vi).chars().count() <= 48 && cure(&flag, Lang::En).len() <= 52, "{flag:?}");
        }
    }
}
