//! The first page of any PDF file, as far as a visible signature must know it: its edges, what stands on it, and
//! whether it may still grow.

use std::collections::BTreeMap;

use lopdf::{Document, Object};

use super::facts::{claim, quarters, user_unit, visible};
use super::{Box4, MM, Page, PageImage, PdfReadError, content, is_signed, leaves, load, oriented, rectangle};
use crate::model::Orientation;
use crate::pdf::changes::is_certified;

/// What a signature must know of the page that its box stands on. Boxes are left, bottom, right and top in units of the
/// page.
#[derive(Clone, Debug)]
pub struct FirstPage {
    /// What is displayed of the page.
    pub edges: [f64; 4],
    /// Millimetres a unit.
    pub unit_mm: f64,
    /// Whether it is displayed as it is written, not turned.
    pub is_upright: bool,
    /// The picture that is all the page shows, and its edges; `None` on pages that show anything else.
    pub picture: Option<(PageImage, [f64; 4])>,
    /// Annotations, boxes of other signatures among them.
    pub notes: Vec<[f64; 4]>,
    /// Whether a signature may be seen on it: not on a file that was certified.
    pub may_show: bool,
    /// Whether it may be made larger: no signature covers it, and no second box says what is displayed.
    pub may_grow: bool,
    /// Whether pictures may let the page show through: not in PDF/A-1.
    pub has_transparency: bool,
}

/// Most pages of a file whose first one is looked at.
const MAX_PAGES: usize = 100_000;

/// Reads the first page of a file.
///
/// # Errors
/// [`PdfReadError`]: damaged, encrypted.
pub fn first_page(file: &[u8]) -> Result<FirstPage, PdfReadError> {
    let document = load(file)?;
    let pages = leaves(&document, MAX_PAGES)?;
    let page = &pages[0];
    let edges = visible(&document, page);
    let is_upright = quarters(page) == 0;
    Ok(FirstPage {
        edges,
        unit_mm: user_unit(&document, page) * MM,
        is_upright,
        picture: only_picture(&document, file, page, edges).filter(|_| is_upright),
        notes: notes(&document, page),
        may_show: !is_certified(&document),
        may_grow: !is_signed(file) && page.attributes.crop_box.is_none(),
        has_transparency: claim(&document).is_none_or(|level| !level.starts_with('1')),
    })
}

/// The one picture of a page, when it stands upright and nothing else is seen.
fn only_picture(document: &Document, file: &[u8], page: &Page<'_>, edges: Box4) -> Option<(PageImage, Box4)> {
    let shown = content::look(document, page, 1, edges).ok()?;
    let [placed] = shown.pictures.as_slice() else { return None };
    if shown.text || shown.drawing {
        return None;
    }
    let image = oriented(document, file, page, placed, 1, &mut BTreeMap::new()).ok()?;
    let is_straight = image.turn == Orientation::Deg0 && !image.mirrored;
    is_straight.then(|| (image, placed.matrix.edges()))
}

fn notes(document: &Document, page: &Page<'_>) -> Vec<Box4> {
    let notes = page.dictionary.get_deref(b"Annots", document).ok().and_then(|notes| notes.as_array().ok());
    let place = |note: &Object| {
        let (_, note) = document.dereference(note).ok()?;
        rectangle(document, note.as_dict().ok()?.get_deref(b"Rect", document).ok())
    };
    notes.into_iter().flatten().filter_map(place).filter(|[left, _, right, _]| left < right).collect()
}
