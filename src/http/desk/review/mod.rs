//! A component page by page: what was found on each, and what a person decides of it. `markup.rs` writes the page
//! and `panel.rs` what stands beside it, `pictures.rs` sends its pictures, `changes.rs` takes its forms,
//! `withheld.rs` that of papers marked secret.
//!
//! The page works without scripts, but for dragging the outline; `review.js` fetches the same pages and puts them in place, so
//! that a key is a click. Pages come from the shelf, where the service has put those of the counter as they came.

mod changes;
mod markup;
mod panel;
mod pictures;
mod withheld;

use std::path::PathBuf;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use serde::Deserialize;

use crate::gather;
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::imaging::quality::Flag;
use crate::input;
use crate::manifest;
use crate::model::{Edit, Lang, Localized, Notice};
use crate::page::Page;
use crate::service::{self, SECRET, listed};
use crate::shelf::Wanted;
use crate::store::{CaptureOf, ComponentListed, ComponentShown, Looked, PageOf, SESSION_LONGEST};

use super::{Topic, live_page};
use withheld::is_withheld;

const SCRIPT: &str = include_str!("review.js");
const CSS: &str = include_str!("review.css");

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let unlimited = DefaultBodyLimit::disable;
    vec![
        ("/review.css", get(style)),
        ("/review.js", get(script)),
        ("/components/{id}/pages", get(review)),
        ("/components/{id}/pages/{page}", post(changes::decide)),
        ("/components/{id}/pages/{page}/replacement", post(changes::replace).layer(unlimited())),
        ("/components/{id}/pages/{page}/page.jpg", get(pictures::page)),
        ("/components/{id}/pages/{page}/capture.jpg", get(pictures::capture)),
        ("/components/{id}/arrange", post(changes::arrange)),
        ("/components/{id}/move", post(changes::move_pages)),
        ("/components/{id}/close", post(changes::close)),
        ("/components/{id}/open", post(withheld::open)),
        ("/components/{id}/restore", post(changes::restore)),
    ]
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", CSS)
}

async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")], text).into_response()
}

/// A page of a component as the address names it: `12-1`, the number of its capture and that of the page in it.
fn page_of(text: &str) -> Option<PageOf> {
    let (capture, page) = text.split_once('-')?;
    Some((capture.parse().ok()?, page.parse().ok()?))
}

fn name_of((capture, page): PageOf) -> String {
    format!("{capture}-{page}")
}

/// A page of a component with what is known of it.
struct Sheet {
    capture: CaptureOf,
    /// Its number in the capture, from 1.
    page: usize,
    edit: Edit,
    /// Whether its component bears a mark of secrecy, so that nothing of it is shown.
    is_withheld: bool,
    found: Found,
}

impl Sheet {
    fn of(&self) -> PageOf {
        (self.capture.id, self.page)
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { sha256: &self.capture.sha256, page: self.page, edit: &self.edit }
    }

    /// Whether a person should look at it.
    fn wants_a_look(&self) -> bool {
        match &self.found {
            Found::Unreadable(_) => true,
            Found::Page { flags, .. } => !flags.is_empty() && self.edit.accepted.is_none(),
            Found::Nothing => false,
        }
    }
}

/// What was found on a page.
enum Found {
    /// Nothing yet.
    Nothing,
    /// The page is made.
    Page {
        /// Why it wants a rescan.
        flags: Vec<Flag>,
        /// What a person should know of it.
        notices: Vec<Notice>,
        blank: bool,
    },
    /// It cannot be read, for this reason.
    Unreadable(String),
}

impl Found {
    fn of(page: &Page) -> Self {
        Self::Page { flags: page.flags.clone(), notices: page.notices.clone(), blank: page.blank }
    }
}

/// A component with its pages.
struct Reviewed {
    listed: ComponentListed,
    sheets: Vec<Sheet>,
    /// Pages that were left out.
    left_out: Vec<CaptureOf>,
    /// Titles of the dossier's papers.
    titles: Vec<String>,
    /// Numbers of the papers before and after this one in the dossier.
    beside: [Option<i64>; 2],
}

impl Reviewed {
    fn is_withheld(&self) -> bool {
        is_withheld(&self.listed.component)
    }

    fn pages(&self) -> Vec<PageOf> {
        self.sheets.iter().map(Sheet::of).collect()
    }

    fn position(&self, page: PageOf) -> Option<usize> {
        self.sheets.iter().position(|sheet| sheet.of() == page)
    }
}

impl App {
    /// A component with its pages, for who may read papers.
    fn reviewed(&self, id: i64, visitor: &Visitor) -> Result<Reviewed, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Err(Problem::Role);
        }
        let listed = self.store.component(id)?;
        let papers = match listed.dossier.as_deref() {
            Some(code) => self.store.dossier(Some(code))?.components,
            None => Vec::new(),
        };
        let papers: Vec<ComponentShown> = papers.into_iter().filter(|paper| paper.is_newest).collect();
        let place = papers.iter().position(|paper| paper.id == id);
        let paper = |place: Option<usize>| Some(papers.get(place?)?.id);
        let beside = [paper(place.and_then(|place| place.checked_sub(1))), paper(place.map(|place| place + 1))];
        let titles = papers.iter().map(|paper| paper.title.clone()).collect();
        let sheets = self.sheets(&listed, visitor.lang)?;
        Ok(Reviewed { left_out: self.store.left_out(id)?, listed, sheets, titles, beside })
    }

    /// Writes down that a person looks at the pages of a component; a page that they have opened and that asks anew by itself is
    /// no other look.
    pub(super) fn note_look(&self, visitor: &Visitor, id: i64) -> Result<(), Problem> {
        let (account, now) = (visitor.account.id, self.now());
        if !(visitor.is_unattended && self.store.has_viewed_pages(account, id, now - SESSION_LONGEST)?) {
            self.store.looked(account, Looked::Pages(id), now)?;
        }
        Ok(())
    }

    fn sheets(&self, listed: &ComponentListed, lang: Lang) -> Result<Vec<Sheet>, Problem> {
        let made: Vec<manifest::Component> = listed.component.published.iter().filter_map(self::listed).collect();
        let mut sheets = Vec::new();
        for capture in &listed.component.captures {
            let mut edits = self.store.edits(capture.id)?;
            let (pages, unreadable) = match (&capture.pages, self.page_count(capture, lang)?) {
                (Some(pages), _) => (pages.clone(), None),
                (None, Ok(count)) => (1..=count, None),
                (None, Err(reason)) => (1..=1, Some(reason)),
            };
            for page in pages {
                let mut sheet = Sheet {
                    capture: capture.clone(),
                    page,
                    edit: edits.remove(&page).unwrap_or_default(),
                    is_withheld: is_withheld(&listed.component),
                    found: Found::Nothing,
                };
                sheet.found = match &unreadable {
                    _ if sheet.is_withheld => Found::Unreadable(service::reason_text(SECRET, lang).to_owned()),
                    Some(reason) => Found::Unreadable(reason.clone()),
                    None => self.found(&sheet, &made),
                };
                sheets.push(sheet);
            }
        }
        Ok(sheets)
    }

    /// What was found on a page: as the manifest has it, else as the shelf does.
    fn found(&self, sheet: &Sheet, made: &[manifest::Component]) -> Found {
        let is_it = |file: &manifest::File| file.sha256 == sheet.capture.sha256;
        let mut pages = made.iter().flat_map(|component| &component.pages);
        let page = pages.find(|page| is_it(&page.source.file) && page.source.page == sheet.page);
        if let Some(page) = page.filter(|page| page.decided.of_making() == sheet.edit.of_making()) {
            let (flags, notices) = (page.quality.flags.clone(), page.notices.clone());
            return Found::Page { flags, notices, blank: page.blank };
        }
        let mut set_aside = made.iter().flat_map(|component| &component.set_aside);
        let aside = set_aside.find(|aside| is_it(&aside.file) && aside.page.is_none_or(|page| page == sheet.page));
        if let Some(aside) = aside {
            return Found::Unreadable(aside.reason.clone());
        }
        match self.settings.shelf.get(sheet.wanted()) {
            Some(page) => Found::of(&page),
            None => Found::Nothing,
        }
    }

    /// How many pages a capture has, or why it cannot be opened.
    fn page_count(&self, capture: &CaptureOf, lang: Lang) -> Result<Result<usize, String>, Problem> {
        if let Some(pages) = self.store.pages_of(capture.id)? {
            return Ok(Ok(pages));
        }
        let limits = &self.settings.limits;
        let opened = gather::read(&self.store.blobs().path(&capture.sha256), limits)
            .and_then(|bytes| input::open(bytes, limits))
            .map_err(|error| error.message(lang));
        if let Ok(frames) = &opened {
            self.store.has_pages(capture.id, frames.len())?;
        }
        Ok(opened.map(|frames| frames.len()))
    }

    /// The file of a capture, whose bytes were just found to be what they should.
    fn capture_file(&self, capture: &CaptureOf) -> Result<PathBuf, Problem> {
        let verified = self.store.blobs().verified(&capture.sha256);
        verified.map_err(|error| Problem::Store(error.into()))
    }

    /// Size of a capture as displayed, pixels.
    fn capture_size(&self, sheet: &Sheet) -> Result<(u32, u32), Problem> {
        let limits = &self.settings.limits;
        let bytes = gather::read(&self.store.blobs().path(&sheet.capture.sha256), limits);
        let frames = bytes.and_then(|bytes| input::open(bytes, limits)).map_err(|_| Problem::NotFound)?;
        let frame = sheet.page.checked_sub(1).and_then(|index| frames.get(index)).ok_or(Problem::NotFound)?;
        Ok((frame.info().width, frame.info().height))
    }

    /// A page from the shelf, or made now; why it cannot be made otherwise.
    fn page(&self, sheet: &Sheet, lang: Lang) -> Result<Result<Page, String>, Problem> {
        if sheet.is_withheld {
            return Ok(Err(service::reason_text(SECRET, lang).to_owned()));
        }
        let shelf = &self.settings.shelf;
        if let Some(page) = shelf.get(sheet.wanted()) {
            return Ok(Ok(page));
        }
        let file = self.capture_file(&sheet.capture)?;
        Ok(shelf.page(&file, sheet.wanted()).map_err(|error| error.message(lang)))
    }
}

/// Which page is looked at, and how.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    page: Option<String>,
    /// `capture` shows the picture as it came, with the outline; else the page.
    view: Option<String>,
    /// Index of the page, where it is not known by name.
    place: Option<usize>,
}

/// The component with one of its pages: the one asked for, else the first that wants a look.
async fn review(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Result<Path<i64>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let now = (app.clock)();
    app.blocking(move |app| {
        let mut reviewed = app.reviewed(id, &visitor)?;
        app.note_look(&visitor, id)?;
        let wanted = asked.page.as_deref().and_then(page_of).and_then(|page| reviewed.position(page));
        let doubtful = || reviewed.sheets.iter().position(Sheet::wants_a_look);
        let place = || asked.place.filter(|place| *place < reviewed.sheets.len());
        let current = wanted.or_else(place).or_else(doubtful).unwrap_or(0);
        let page = reviewed.sheets.get(current).map(|sheet| app.page(sheet, visitor.lang)).transpose()?;
        if let (Some(sheet), Some(Ok(page))) = (reviewed.sheets.get_mut(current), &page)
            && matches!(sheet.found, Found::Nothing)
        {
            sheet.found = Found::of(page);
        }
        let shown = markup::Shown {
            reviewed: &reviewed,
            current,
            page: page.as_ref(),
            shows_capture: asked.view.as_deref() == Some("capture"),
            visitor: &visitor,
            offset: now.offset(),
        };
        let title = reviewed.listed.component.title.clone();
        let back = format!("/components/{id}/pages");
        let topic = match reviewed.listed.dossier.as_deref() {
            Some(code) => Topic::Dossier(code),
            None => Topic::All,
        };
        Ok(live_page(StatusCode::OK, &title, &visitor, &back, &topic, &shown.body(app)?))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_by_capture_and_number() {
        assert_eq!(page_of("12-3"), Some((12, 3)));
        assert_eq!(page_of(&name_of((7, 1))), Some((7, 1)));
        for wrong in ["", "12", "12-", "-1", "a-1", "1-1-1", "12-../x"] {
            assert_eq!(page_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn script_and_style_are_small_and_from_here() {
        for part in [SCRIPT, CSS] {
            assert!(part.len() < 12_000 && !part.contains("http:") && !part.contains("https:"), "{}", part.len());
        }
    }
}
