//! The pictures of a component's pages: the page as it will be seen, and the capture as it came.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::gather;
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::input;
use crate::model::Edit;
use crate::page::screen;
use crate::service::listed;
use crate::store::{CaptureOf, PageOf, StoreError};

use super::{Sheet, name_of, page_of};

/// Longest side where the address says nothing, pixels: print of 10 pt can be read, and a page has less than 100 KB.
const SIDE: u32 = 1200;
/// Longest side that may be asked for.
const LARGEST_SIDE: u32 = 5000;
/// Longest side of a thumbnail, pixels.
pub(super) const THUMBNAIL: u32 = 220;
/// Thumbnails of one paper in a list: it is told from others by its first pages.
const SHOWN: usize = 3;

/// The address of a picture. It changes when the page does, as browsers show what they have.
pub(super) fn address_of(component: i64, page: PageOf, edit: &Edit, name: &str, side: Option<u32>) -> String {
    let edit = serde_json::to_vec(&edit.of_making()).unwrap_or_default();
    let version: String = Sha256::digest(edit)[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let side = side.map_or_else(String::new, |side| format!("&amp;side={side}"));
    format!("/components/{component}/pages/{}/{name}?v={version}{side}", name_of(page))
}

/// How large a picture is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Size {
    /// Longest side, pixels.
    side: Option<u32>,
}

/// Makes the picture of a page, its longest side no longer than so many pixels.
type Make = fn(&App, &Sheet, u32, &Visitor) -> Result<Vec<u8>, Problem>;
type Number = Result<Path<(i64, String)>, PathRejection>;
type Asked = Result<Query<Size>, QueryRejection>;

/// The page image.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    size: Asked,
) -> Result<Response, Problem> {
    picture(app, visitor, number, size, App::page_picture).await
}

/// The capture as it came, upright as its file says.
pub(super) async fn capture(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    size: Asked,
) -> Result<Response, Problem> {
    picture(app, visitor, number, size, App::capture_picture).await
}

async fn picture(
    app: Shared,
    visitor: Visitor,
    number: Number,
    size: Asked,
    picture: Make,
) -> Result<Response, Problem> {
    let Path((id, page)) = number.map_err(|_| Problem::NotFound)?;
    let page = page_of(&page).ok_or(Problem::NotFound)?;
    let size = size.map(|Query(size)| size).unwrap_or_default();
    let side = size.side.unwrap_or(SIDE).clamp(1, LARGEST_SIDE);
    // Whole pages are in memory meanwhile.
    let _turn = app.pictures.acquire().await.map_err(|_| Problem::Internal)?;
    let bytes = app.blocking(move |app| picture(app, &app.sheet(id, page, &visitor)?, side, &visitor)).await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response())
}

impl App {
    /// Where a page of what was published of a component is looked at, and the address of its picture; nothing where its capture is
    /// not known, as in files that came signed.
    pub(in crate::http::desk) fn published_page(
        &self,
        id: i64,
        number: u32,
    ) -> Result<Option<(String, String)>, Problem> {
        let component = self.store.component(id)?.component;
        let made = component.published.iter().filter(|published| published.file.is_some()).filter_map(listed);
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let Some(page) = index.and_then(|index| made.flat_map(|made| made.pages).nth(index)) else { return Ok(None) };
        let is_it = |capture: &&CaptureOf| capture.sha256 == page.source.file.sha256;
        let Some(capture) = component.captures.iter().find(is_it) else { return Ok(None) };
        let of = (capture.id, page.source.page);
        let edit = self.store.edits(capture.id)?.remove(&of.1).unwrap_or_default();
        let address = format!("/components/{id}/pages?page={}", name_of(of));
        Ok(Some((address, address_of(id, of, &edit, "page.jpg", None))))
    }

    /// The first pages of captures of a component, small, for a list.
    pub(in crate::http::desk) fn small_pictures(&self, id: i64, captures: &[CaptureOf]) -> Result<String, Problem> {
        let picture = |capture: &CaptureOf| {
            let page = (capture.id, capture.pages.as_ref().map_or(1, |pages| *pages.start()));
            let edit = self.store.edits(capture.id)?.remove(&page.1).unwrap_or_default();
            let address = address_of(id, page, &edit, "page.jpg", Some(THUMBNAIL));
            Ok(format!("<img src=\"{address}\" alt=\"\" loading=lazy>"))
        };
        let pictures = captures.iter().take(SHOWN).map(picture).collect::<Result<String, Problem>>()?;
        let more = match captures.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!("<span class=dim>+{more}</span>"),
        };
        Ok(format!("<div class=pictures>{pictures}{more}</div>"))
    }

    /// A page of a component, for who may read papers; also one that was left out.
    fn sheet(&self, id: i64, page: (i64, usize), visitor: &Visitor) -> Result<Sheet, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Err(Problem::Role);
        }
        let captures = match self.store.component(id) {
            Ok(listed) => listed.component.captures,
            // One that is none any more may have pages that were left out.
            Err(StoreError::NoComponent(_)) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let left_out = self.store.left_out(id)?;
        let is_it = |capture: &CaptureOf| {
            capture.id == page.0 && capture.pages.as_ref().is_none_or(|pages| pages.contains(&page.1))
        };
        let capture = captures.into_iter().chain(left_out).find(is_it).ok_or(Problem::NotFound)?;
        let edit = self.store.edits(capture.id)?.remove(&page.1).unwrap_or_default();
        Ok(Sheet { capture, page: page.1, edit, found: super::Found::Nothing })
    }

    fn page_picture(&self, sheet: &Sheet, side: u32, visitor: &Visitor) -> Result<Vec<u8>, Problem> {
        let page = self.page(sheet, visitor.lang)?.map_err(|_| Problem::NotFound)?;
        screen::page(&page, side, &self.settings.limits).map_err(|_| Problem::Internal)
    }

    fn capture_picture(&self, sheet: &Sheet, side: u32, _: &Visitor) -> Result<Vec<u8>, Problem> {
        let limits = &self.settings.limits;
        let bytes = gather::read(&self.capture_file(&sheet.capture)?, limits).map_err(|_| Problem::NotFound)?;
        let frames = input::open(bytes, limits).map_err(|_| Problem::NotFound)?;
        let frame = sheet.page.checked_sub(1).and_then(|index| frames.get(index)).ok_or(Problem::NotFound)?;
        screen::capture(frame, side, limits).map_err(|_| Problem::NotFound)
    }
}
