//! The pictures of a component's pages: the page as it will be seen, and the capture as it came.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use image::RgbImage;
use serde::Deserialize;

use crate::gather;
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::imaging::{encode, reduce};
use crate::input;
use crate::page::encoding;

use super::{Sheet, page_of};

/// Quality of the JPEG that is sent: for a look, not for keeping.
const QUALITY: u8 = 72;
/// Resolution that is written into it, pixels an inch: screens do not ask.
const SCREEN_DPI: f64 = 96.0;
/// Longest side where the address says nothing, pixels: a page as high as a large screen.
const SIDE: u32 = 1400;
/// Longest side that may be asked for.
const LARGEST_SIDE: u32 = 5000;

/// How large a picture is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Size {
    /// Longest side, pixels.
    side: Option<u32>,
}

type Number = Result<Path<(i64, String)>, PathRejection>;
type Asked = Result<Query<Size>, QueryRejection>;

/// The page image.
pub(super) async fn page(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    size: Asked,
) -> Result<Response, Problem> {
    picture(app, visitor, number, size, App::page_image).await
}

/// The capture as it came, upright as its file says.
pub(super) async fn capture(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    size: Asked,
) -> Result<Response, Problem> {
    picture(app, visitor, number, size, App::capture_image).await
}

async fn picture(
    app: Shared,
    visitor: Visitor,
    number: Number,
    size: Asked,
    image: fn(&App, &Sheet, &Visitor) -> Result<RgbImage, Problem>,
) -> Result<Response, Problem> {
    let Path((id, page)) = number.map_err(|_| Problem::NotFound)?;
    let page = page_of(&page).ok_or(Problem::NotFound)?;
    let size = size.map(|Query(size)| size).unwrap_or_default();
    let side = size.side.unwrap_or(SIDE).clamp(1, LARGEST_SIDE);
    let bytes = app
        .blocking(move |app| {
            let image = image(app, &app.sheet(id, page, &visitor)?, &visitor)?;
            let (width, height) = within(image.dimensions(), side);
            let image = reduce::area(&image, width, height);
            encode::jpeg(&image, QUALITY, SCREEN_DPI).map_err(|_| Problem::Internal)
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response())
}

/// The size reduced to this longest side, where it has more.
fn within((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let reduced = |length: u32| match longest <= side {
        true => length,
        false => u32::try_from(u64::from(length) * u64::from(side) / u64::from(longest)).unwrap_or(side).max(1),
    };
    (reduced(width), reduced(height))
}

impl App {
    /// A page of a component, for who may read papers; also one that was left out.
    fn sheet(&self, id: i64, page: (i64, usize), visitor: &Visitor) -> Result<Sheet, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Err(Problem::Role);
        }
        let captures = self.store.component(id)?.component.captures;
        let left_out = self.store.left_out(id)?;
        let is_it = |capture: &crate::store::CaptureOf| {
            capture.id == page.0 && capture.pages.as_ref().is_none_or(|pages| pages.contains(&page.1))
        };
        let capture = captures.into_iter().chain(left_out).find(is_it).ok_or(Problem::NotFound)?;
        let edit = self.store.edits(capture.id)?.remove(&page.1).unwrap_or_default();
        Ok(Sheet { capture, page: page.1, edit, found: super::Found::Nothing })
    }

    fn page_image(&self, sheet: &Sheet, visitor: &Visitor) -> Result<RgbImage, Problem> {
        let page = self.page(sheet, visitor.lang)?.map_err(|_| Problem::NotFound)?;
        encoding::shown(&page.image.picture, &self.settings.limits).map_err(|_| Problem::Internal)
    }

    fn capture_image(&self, sheet: &Sheet, _: &Visitor) -> Result<RgbImage, Problem> {
        let limits = &self.settings.limits;
        let bytes = gather::read(&self.capture_file(&sheet.capture)?, limits).map_err(|_| Problem::NotFound)?;
        let frames = input::open(bytes, limits).map_err(|_| Problem::NotFound)?;
        let frame = sheet.page.checked_sub(1).and_then(|index| frames.get(index)).ok_or(Problem::NotFound)?;
        Ok(frame.decode(limits).map_err(|_| Problem::NotFound)?.image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_reduced_and_never_enlarged() {
        assert_eq!(within((2480, 3508), 1400), (989, 1400));
        assert_eq!(within((300, 200), 1400), (300, 200));
        assert_eq!(within((10_000, 1), 100), (100, 1));
    }
}
