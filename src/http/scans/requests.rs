//! What programs and people ask of scanners: which there are, a scan, how it goes, and its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path as OfPath, State as Of};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::SCANNER_DPI;
use crate::http::api::{code, json_body, number};
use crate::http::arrive::tidy;
use crate::http::gate::language;
use crate::http::problem::Problem;
use crate::http::scanned::Card;
use crate::http::{App, Shared};
use crate::scanner::{Colour, Device, MAX_PAGES, Paper, Request, Source};

use super::Scan;
use super::work::begin_scan;

/// Longest name of a device, bytes; those of network scanners have an address in them.
const DEVICE_BYTES: usize = 500;

/// The scanners that there are now.
pub(in crate::http) async fn scanners(Of(app): Of<Shared>) -> Result<Json<Value>, Problem> {
    let devices = app.blocking(App::search_scanners).await?;
    Ok(Json(json!({"scanners": devices})))
}

/// What is to be scanned; what is left out is that of `[scanner]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewScan {
    pub(in crate::http) dossier: Option<String>,
    pub(in crate::http) component: Option<String>,
    pub(in crate::http) device: Option<String>,
    pub(in crate::http) source: Option<Source>,
    pub(in crate::http) dpi: Option<u32>,
    pub(in crate::http) colour: Option<Colour>,
    pub(in crate::http) paper: Option<String>,
    pub(in crate::http) pages: Option<u32>,
}

/// Begins a scan.
pub(in crate::http) async fn begin(
    Of(app): Of<Shared>,
    headers: HeaderMap,
    body: Result<Json<NewScan>, JsonRejection>,
) -> Result<Response, Problem> {
    let wanted = json_body(body)?;
    let lang = language(&headers);
    let begun = Arc::clone(&app);
    app.blocking(move |app| {
        let id = begin_wanted(&begun, wanted)?;
        let scan = app.scans.with(id, |scan| scan.to_json(id, lang))?;
        Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/v1/scans/{id}"))], Json(scan)).into_response())
    })
    .await
}

/// How a scan goes.
pub(in crate::http) async fn scan(
    Of(app): Of<Shared>,
    OfPath(id): OfPath<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let (id, lang) = (number(&id)?, language(&headers));
    app.blocking(move |app| app.scans.with(id, |scan| Json(scan.to_json(id, lang)))).await
}

/// Has a scan end: 202, or 200 where it has ended.
pub(in crate::http) async fn cancel(
    Of(app): Of<Shared>,
    OfPath(id): OfPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, lang) = (number(&id)?, language(&headers));
    let look = move |scan: &mut Scan| {
        scan.cancel.store(true, Ordering::Relaxed);
        let status = if scan.is_running() { StatusCode::ACCEPTED } else { StatusCode::OK };
        (status, Json(scan.to_json(id, lang))).into_response()
    };
    app.blocking(move |app| app.scans.with(id, look)).await
}

/// Begins what is wanted, unless it is wrong or must wait; says its number.
pub(in crate::http) fn begin_wanted(app: &Shared, wanted: NewScan) -> Result<i64, Problem> {
    let (card, request) = app.wanted(wanted)?;
    begin_scan(app, card, request)
}

impl App {
    /// Looks for the scanners that there are now, unless somebody does already.
    pub(in crate::http) fn search_scanners(&self) -> Result<Vec<Device>, Problem> {
        let Ok(_searching) = self.scans.searching.try_lock() else { return Err(Problem::Searching) };
        self.scans.search(&self.scans.stopping).map_err(Problem::Scanner)
    }

    /// What is scanned for a request, and where its pages belong.
    fn wanted(&self, wanted: NewScan) -> Result<(Card, Request), Problem> {
        let dossier = wanted.dossier.as_deref().map(code).transpose()?;
        let nameless = Problem::Request("`component` không thành tên giấy tờ", "`component` is no name of a paper");
        let component = wanted.component.as_deref().map(|title| tidy(title).ok_or(nameless)).transpose()?;
        if dossier.is_some() != component.is_some() {
            return Err(Problem::Request(
                "phải nêu cả `dossier` và `component`, hoặc bỏ cả hai",
                "both `dossier` and `component` are to be named, or neither",
            ));
        }
        let usual = &self.settings.scanner;
        let paper = wanted.paper.as_deref().map_or(Ok(usual.paper), str::parse::<Paper>).map_err(|_| {
            Problem::Request(
                "`paper` phải là a4, a5, a3, letter hoặc RỘNGxCAO tính bằng mm",
                "`paper` must be a4, a5, a3, letter or WIDTHxHEIGHT in mm",
            )
        })?;
        let dpi = wanted.dpi.unwrap_or(usual.dpi);
        if !SCANNER_DPI.contains(&dpi) || wanted.pages.is_some_and(|pages| !(1..=MAX_PAGES).contains(&pages)) {
            return Err(Problem::Request(
                "`dpi` phải từ 50 đến 2400 và `pages` từ 1 đến 2000",
                "`dpi` must be 50 to 2400, and `pages` 1 to 2000",
            ));
        }
        let is_name =
            |name: &String| !name.is_empty() && name.len() <= DEVICE_BYTES && !name.contains(char::is_control);
        if !wanted.device.as_ref().is_none_or(is_name) {
            return Err(Problem::Request("tên máy quét không đúng", "not the name of a scanner"));
        }
        let card = Card { dossier: dossier.map(|code| code.to_string()), component, ..Card::default() };
        let request = Request {
            device: wanted.device.or_else(|| usual.device.clone()),
            folder: PathBuf::new(),
            source: wanted.source.or(usual.source),
            dpi,
            colour: wanted.colour.unwrap_or(usual.colour),
            paper,
            pages: wanted.pages,
            page_time: usual.page_time,
            limits: self.settings.limits,
            mark: String::new(),
        };
        Ok((card, request))
    }
}
