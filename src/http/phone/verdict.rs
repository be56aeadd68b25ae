//! Is the picture good enough? Told while the paper still lies there: of the page that the service makes of a picture as soon as
//! it has come, a phone is shown a small picture and what is wrong, in one line each.
//!
//! The page is taken from the shelf. One that nobody is about to make is made here, as many at a time as there are processors.
//! What was found is kept in memory, bounded; whoever asks for more than that has it looked up anew.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::gather;
use crate::http::problem::Problem;
use crate::http::{App, Shared};
use crate::imaging::decode::Limits;
use crate::imaging::quality::{BlurCause, Flag};
use crate::input;
use crate::model::{Edit, Lang, Localized, Notice, Orientation};
use crate::page::{Page, PageError, screen};
use crate::shelf::Wanted;

/// Long side of the small picture, pixels: as wide as most phones show it, and A4 at 40 dpi, where lines can be counted.
const LONG_SIDE: u32 = 480;
/// Verdicts kept: about 12 MB.
const KEPT: usize = 500;
/// How long a page is waited for that the service makes as it comes, before it is made here: longer than it takes where many
/// came at once.
const GRACE: Duration = Duration::from_secs(60);
/// Time between two looks for it.
const LOOK: Duration = Duration::from_millis(100);
/// Which page of a capture is judged: phones send pictures, of which each has one.
const FIRST: usize = 1;

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
    /// Whether a person said that it is good enough.
    accepted: bool,
    /// The small picture, a JPEG.
    pub(super) thumbnail: Vec<u8>,
}

/// The verdicts of the last pictures, each with what a person had decided of the page.
pub(in crate::http) struct Verdicts {
    known: Mutex<BTreeMap<i64, (Edit, Seen)>>,
    at_a_time: Semaphore,
}

impl Default for Verdicts {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { known: Mutex::default(), at_a_time: Semaphore::new(cores) }
    }
}

impl Verdicts {
    fn put(&self, capture: i64, edit: Edit, seen: Seen) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(capture, (edit, seen));
        while known.len() > KEPT {
            // Captures are numbered as they come: the first is the oldest.
            known.pop_first();
        }
    }

    fn get(&self, capture: i64, edit: &Edit) -> Option<Seen> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&capture).filter(|(of, _)| of == edit).map(|(_, seen)| seen.clone())
    }
}

/// What is known of a picture; one that nobody has looked at is from now on. `is_awaited` where its component is not made yet, so
/// that the service makes the page in any case.
pub(super) fn seen(app: &Shared, capture: i64, sha256: &str, is_awaited: bool) -> Result<Seen, Problem> {
    let edit = app.store.edits(capture)?.remove(&FIRST).unwrap_or_default();
    if let Some(seen) = app.verdicts.get(capture, &edit) {
        return Ok(seen);
    }
    app.verdicts.put(capture, edit.clone(), Seen::Checking);
    let (app, sha256) = (Arc::clone(app), sha256.to_owned());
    tokio::spawn(async move {
        if is_awaited {
            wait(&app, capture, &sha256, &edit).await;
        }
        let Ok(_turn) = app.verdicts.at_a_time.acquire().await else { return };
        let (judging, decided) = (Arc::clone(&app), edit.clone());
        let judged = tokio::task::spawn_blocking(move || judging.judge(&sha256, &decided)).await;
        // A defect is confined to this picture.
        let seen = judged.unwrap_or_else(|_| {
            Seen::Unreadable(Problem::Internal.message(Lang::Vi), Problem::Internal.message(Lang::En))
        });
        app.verdicts.put(capture, edit, seen);
        app.changes.ring();
    });
    Ok(Seen::Checking)
}

/// Waits until the page lies on the shelf, or nobody is about to make it.
async fn wait(app: &Shared, capture: i64, sha256: &str, edit: &Edit) {
    let until = Instant::now() + GRACE;
    let blob = sha256.to_owned();
    let opens = app.blocking(move |app| Ok(app.opens(&blob))).await.unwrap_or(false);
    while opens && Instant::now() < until {
        let (sha256, edit) = (sha256.to_owned(), edit.clone());
        let is_over = app.blocking(move |app| {
            let wanted = Wanted { sha256: &sha256, page: FIRST, edit: &edit };
            Ok(app.settings.shelf.has(wanted) || app.store.pages_of(capture)?.is_some())
        });
        if is_over.await.unwrap_or(true) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl App {
    /// Whether a capture can be opened, so that pages will be made of it.
    fn opens(&self, sha256: &str) -> bool {
        let limits = self.limits();
        gather::read(&self.store.blobs().path(sha256), limits).is_ok_and(|bytes| input::open(bytes, limits).is_ok())
    }

    fn limits(&self) -> &Limits {
        &self.settings.shelf.tools().settings.limits
    }

    /// What is wrong with the first page of a capture.
    fn judge(&self, sha256: &str, edit: &Edit) -> Seen {
        let wanted = Wanted { sha256, page: FIRST, edit };
        let page = self.settings.shelf.page(&self.store.blobs().path(sha256), wanted);
        match page.and_then(|page| verdict(page, edit.accepted.is_some(), self.limits())) {
            Ok(verdict) => Seen::Page(Arc::new(verdict)),
            Err(error) => Seen::Unreadable(error.message(Lang::Vi), error.message(Lang::En)),
        }
    }

    /// Turns the page of a picture clockwise by a quarter.
    pub(super) fn turn(&self, component: i64, capture: i64, sha256: &str) -> Result<(), Problem> {
        let edit = self.store.edits(capture)?.remove(&FIRST).unwrap_or_default();
        let page = self.settings.shelf.get(Wanted { sha256, page: FIRST, edit: &edit }).ok_or(Problem::NotFound)?;
        // The content is turned by less then, as it lies on the capture.
        let turned = page.geometry.orientation.then(Orientation::Deg270);
        let change = |edit: &mut Edit| edit.orientation = Some(turned);
        self.store.decide(component, (capture, FIRST), change, None, self.now())?;
        Ok(())
    }
}

fn verdict(page: Page, accepted: bool, limits: &Limits) -> Result<Verdict, PageError> {
    Ok(Verdict {
        thumbnail: screen::page(&page, LONG_SIDE, limits)?,
        flags: page.flags,
        notices: page.notices,
        blank: page.blank,
        accepted,
    })
}

impl Seen {
    /// The word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Unreadable(..) => "unreadable",
            Self::Page(verdict) if verdict.flags.is_empty() || verdict.accepted => "good",
            Self::Page(_) => "retake",
        }
    }

    /// What tells the small picture from others of the same page; `None` where there is none.
    pub(super) fn picture(&self) -> Option<String> {
        match self {
            Self::Page(verdict) => {
                let hash = Sha256::digest(&verdict.thumbnail);
                Some(hash[..4].iter().map(|byte| format!("{byte:02x}")).collect())
            }
            _ => None,
        }
    }

    /// What people are told, the gravest first: what to do in one line each.
    pub(super) fn lines(&self, lang: Lang) -> Vec<String> {
        match self {
            Self::Checking => Vec::new(),
            Self::Unreadable(vietnamese, english) => vec![lang.pick(vietnamese, english).to_owned()],
            Self::Page(verdict) if verdict.accepted => {
                vec![lang.pick("Cán bộ đã chấp nhận", "Accepted at the counter").to_owned()]
            }
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
        Notice::CopyMark { mark } => match lang {
            Lang::Vi => format!("Có dấu \u{201c}{mark}\u{201d}: bản sao không thuộc diện số hóa"),
            Lang::En => format!("Marked \u{201c}{mark}\u{201d}: copies are not to be digitised"),
        },
        Notice::SecrecyMark { mark } => match lang {
            Lang::Vi => format!("Có dấu {mark}: không được số hóa"),
            Lang::En => format!("Marked {mark} (secret): not to be digitised"),
        },
        Notice::PageCount { said, found } => match lang {
            Lang::Vi => format!("Giấy ghi {said} trang, ở đây có {found}"),
            Lang::En => format!("The paper says {said} pages, here are {found}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::page;

    fn of(sample: &str) -> Result<Verdict, PageError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let settings = page::Settings::default();
        let frames = input::open(gather::read(&root.join(sample), &settings.limits)?, &settings.limits)?;
        verdict(page::process(&frames[0], &settings, &Edit::default(), None)?, false, &settings.limits)
    }

    #[test]
    fn a_blurred_photo_is_to_be_taken_again_and_a_good_one_is_not() {
        let good = of("samples/to-khai/trang-1.jpg").unwrap();
        assert_eq!(good.flags, [], "a sharp scan");
        let blurred = of("samples/to-khai-chup-dien-thoai/bi-mo.jpg").unwrap();
        let size = blurred.thumbnail.len();
        let accepted = Verdict { accepted: true, ..of("samples/to-khai-chup-dien-thoai/bi-mo.jpg").unwrap() };
        let seen = Seen::Page(Arc::new(blurred));
        let lines = seen.lines(Lang::Vi);
        assert!(seen.code() == "retake" && lines[0].contains("chụp lại"), "{lines:?}");
        assert!((5_000..40_000).contains(&size), "{size}");
        assert_eq!(Seen::Page(Arc::new(accepted)).code(), "good");
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
