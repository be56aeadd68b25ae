//! Resumable upload by tus 1.0.0 (tus.io): the core protocol with the extensions creation and termination. A sender that was
//! cut off asks where its upload stands (`HEAD`) and goes on from there (`PATCH`), also after the service was killed. The
//! request that brings the last byte is answered when the capture is accepted.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64ct::{Base64, Encoding};

use crate::model::DossierCode;
use crate::store::{Accepted, Millis};

use super::arrive::{Capture, Incoming, disk, extension, file_name, tidy, write_down};
use super::phone::Opened;
use super::problem::Problem;
use super::uploads::{Info, name_of_key, random_name};
use super::{App, Shared};

/// The version spoken.
pub(super) const VERSION: &str = "1.0.0";
/// Media type of what `PATCH` brings.
const BYTES: &str = "application/offset+octet-stream";
/// Source of captures that come by the API.
pub(super) const API: &str = "api";
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What is spoken, for whoever asks.
pub(super) async fn options(State(app): State<Shared>) -> Response {
    let headers = [
        ("tus-resumable", VERSION.to_owned()),
        ("tus-version", VERSION.to_owned()),
        ("tus-extension", "creation,termination".to_owned()),
        ("tus-max-size", app.settings.limits.max_bytes.to_string()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begins an upload into the dossier and component of its metadata.
pub(super) async fn create_by_api(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    let metadata = metadata(&headers)?;
    let sent = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| &value[..]);
    let dossier = sent("dossier")
        .and_then(tidy)
        .map(|code| code.parse::<DossierCode>())
        .transpose()
        .map_err(|_| Problem::Code)?;
    let component = sent("component").and_then(tidy);
    let name = sent("filename").and_then(file_name);
    app.blocking(move |app| {
        let id = random_name().map_err(disk)?;
        app.create(&headers, &id, (API, "/api/v1"), dossier.as_ref(), component, name)
    })
    .await
}

/// Begins an upload by a phone.
pub(super) async fn create_by_phone(
    State(app): State<Shared>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let metadata = metadata(&headers)?;
    app.blocking(move |app| app.create_of_phone(&token, &headers, &metadata)).await
}

/// Goes on with an upload.
pub(super) async fn append_by_api(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    append(&app, id, API.to_owned(), &headers, body).await
}

/// Goes on with an upload of a phone.
pub(super) async fn append_by_phone(
    State(app): State<Shared>,
    Path((token, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let source = app.blocking(move |app| Ok(app.opened(&token)?.source)).await?;
    append(&app, id, source, &headers, body).await
}

/// Says where an upload stands.
pub(super) async fn look_by_api(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_version(&headers)?;
    app.blocking(move |app| app.stand(&id, API)).await
}

/// Says where an upload of a phone stands.
pub(super) async fn look_by_phone(
    State(app): State<Shared>,
    Path((token, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_version(&headers)?;
    app.blocking(move |app| app.stand(&id, &app.opened(&token)?.source)).await
}

/// Gives an upload up.
pub(super) async fn remove_by_api(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_version(&headers)?;
    app.blocking(move |app| app.give_up(&id, API)).await
}

/// Gives an upload of a phone up.
pub(super) async fn remove_by_phone(
    State(app): State<Shared>,
    Path((token, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_version(&headers)?;
    app.blocking(move |app| app.give_up(&id, &app.opened(&token)?.source)).await
}

async fn append(
    app: &Shared,
    id: String,
    source: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    check_version(headers)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != BYTES) {
        return Err(Problem::MediaType(BYTES));
    }
    let offset = number(headers, "upload-offset")
        .ok_or(Problem::Request("thiếu đầu mục Upload-Offset", "the header Upload-Offset is missing"))?;
    let begun = {
        let (id, source) = (id.clone(), source.clone());
        app.blocking(move |app| {
            let info = app.upload(&id, &source)?;
            let busy = app.uploads.lock(&id).ok_or(Problem::Locked)?;
            // Another request may have ended it before this one got hold of it.
            let info = app.uploads.info(&id).unwrap_or(info);
            let stands = app.uploads.offset(&id, &info).map_err(disk)?;
            if stands != offset {
                return Err(Problem::Offset(stands));
            }
            let file = match info.accepted {
                None => Some(std::fs::File::options().append(true).open(app.uploads.bytes(&id)).map_err(disk)?),
                Some(_) => None,
            };
            Ok((info, file, busy))
        })
        .await?
    };
    let (info, file, busy) = begun;
    if let Some(file) = file {
        let (room, limit) = (info.length - offset, app.settings.limits.max_bytes);
        write_down(Incoming::Body(body), file, room, limit, busy).await?;
    }
    app.blocking(move |app| app.stand(&id, &source)).await
}

impl App {
    /// Begins an upload by a phone, or finds the one that it began with the same `key`: an answer that was lost makes no second
    /// picture. `taken` is when the picture was taken, milliseconds since 1970 by the phone's clock, after which pages lie in
    /// order; `replaces` the number of the page that it takes the place of.
    fn create_of_phone(
        &self,
        token: &str,
        headers: &HeaderMap,
        metadata: &[(String, String)],
    ) -> Result<Response, Problem> {
        check_version(headers)?;
        let value = |key: &str| metadata.iter().find(|(name, _)| name == key).and_then(|(_, value)| tidy(value));
        let Opened { pairing, source } = self.opened(token)?;
        let base = format!("/p/{token}");
        let key = value("key");
        let id = match &key {
            Some(key) => name_of_key(&source, key),
            None => random_name().map_err(disk)?,
        };
        let busy = self.uploads.lock(&id).ok_or(Problem::Locked)?;
        if self.uploads.info(&id).is_some() {
            drop(busy);
            let mut response = self.stand(&id, &source)?;
            *response.status_mut() = StatusCode::CREATED;
            let place = HeaderValue::from_str(&format!("{base}/uploads/{id}")).map_err(|_| Problem::Internal)?;
            response.headers_mut().insert(header::LOCATION, place);
            return Ok(response);
        }
        self.opened_for_more(token)?;
        let replaced = value("replaces").and_then(|page| self.page_of(&pairing, &page).ok());
        let (component, name) = match replaced {
            Some((paper, page)) => (Some(paper.component.component.title), page.name),
            None => {
                let taken = value("taken").and_then(|taken| taken.parse().ok()).filter(|taken| *taken > 0);
                let taken = taken.unwrap_or_else(|| self.now());
                // Two that were taken in the same moment still differ.
                let index = key.as_ref().map_or(0, |_| usize::from_str_radix(&id[..4], 16).unwrap_or(0) % 1000);
                (value("component"), phone_name(&source, taken, index, &value("filename").unwrap_or_default()))
            }
        };
        let component = pairing.component.or(component);
        self.create(headers, &id, (&source, &base), Some(&pairing.dossier), component, Some(name))
    }

    fn create(
        &self,
        headers: &HeaderMap,
        id: &str,
        (source, base): (&str, &str),
        dossier: Option<&DossierCode>,
        component: Option<String>,
        name: Option<String>,
    ) -> Result<Response, Problem> {
        check_version(headers)?;
        let length = number(headers, "upload-length").filter(|length| *length > 0).ok_or(Problem::Request(
            "thiếu đầu mục Upload-Length, hoặc tệp rỗng",
            "the header Upload-Length is missing, or the file is empty",
        ))?;
        let created = self.now();
        let name = name.unwrap_or_else(|| format!("{created}-000"));
        let capture = Capture { source, dossier, component: component.as_deref(), name: &name, sent: 0 };
        self.admit(length, &self.place(&capture, false))?;
        let dossier = dossier.map(|code| code.as_str().to_owned());
        let info = Info { length, name, dossier, component, source: source.to_owned(), created, accepted: None };
        if !self.uploads.create(id, &info, self.settings.limits.max_bytes).map_err(disk)? {
            return Err(Problem::TooManyUploads);
        }
        let headers = [
            (header::LOCATION, format!("{base}/uploads/{id}")),
            (header::HeaderName::from_static("tus-resumable"), VERSION.to_owned()),
        ];
        Ok((StatusCode::CREATED, headers).into_response())
    }

    /// An upload of this sender.
    fn upload(&self, id: &str, source: &str) -> Result<Info, Problem> {
        self.uploads.info(id).filter(|info| info.source == source).ok_or(Problem::NotFound)
    }

    /// Where an upload stands; a whole one is accepted before that is said.
    fn stand(&self, id: &str, source: &str) -> Result<Response, Problem> {
        let mut info = self.upload(id, source)?;
        let offset = self.uploads.offset(id, &info).map_err(disk)?;
        if info.accepted.is_none() && offset == info.length {
            // Not as long as bytes are written still.
            let _busy = self.uploads.lock(id).ok_or(Problem::Locked)?;
            info.accepted = Some(self.finish_upload(id)?);
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert("tus-resumable", HeaderValue::from_static(VERSION));
        headers.insert("upload-offset", offset.into());
        headers.insert("upload-length", info.length.into());
        if let Some((capture, component)) = info.accepted {
            headers.insert("sohoa-capture", capture.into());
            headers.insert("sohoa-component", component.into());
        }
        Ok(response)
    }

    /// Accepts an upload that is whole, once, whoever asks and however often. The caller has it locked.
    pub(super) fn finish_upload(&self, id: &str) -> Result<(i64, i64), Problem> {
        let info = self.uploads.info(id).ok_or(Problem::NotFound)?;
        if let Some(accepted) = info.accepted {
            return Ok(accepted);
        }
        let dossier: Option<DossierCode> = info.dossier.as_ref().and_then(|code| code.parse().ok());
        let capture = Capture {
            source: &info.source,
            dossier: dossier.as_ref(),
            component: info.component.as_deref(),
            name: &info.name,
            // Fixed when the upload was begun: accepted a second time after a crash, it is known.
            sent: info.created.saturating_mul(NANOS_PER_MILLI),
        };
        match self.accept(&self.uploads.bytes(id), &capture) {
            Ok(Accepted { capture, component, .. }) => {
                let accepted = Some((capture, component));
                self.uploads.write(id, &Info { accepted, ..info }).map_err(disk)?;
                // Only space is lost where it cannot be removed now.
                drop(std::fs::remove_file(self.uploads.bytes(id)));
                Ok((capture, component))
            }
            Err(problem @ Problem::NotAPicture) => {
                self.uploads.remove(id).map_err(disk)?;
                Err(problem)
            }
            Err(problem) => Err(problem),
        }
    }

    fn give_up(&self, id: &str, source: &str) -> Result<Response, Problem> {
        self.upload(id, source)?;
        let _busy = self.uploads.lock(id).ok_or(Problem::Locked)?;
        self.uploads.remove(id).map_err(disk)?;
        Ok((StatusCode::NO_CONTENT, [("tus-resumable", VERSION)]).into_response())
    }
}

/// A name for a picture of a phone, which calls every picture alike: pages lie in the order in which they were taken,
/// milliseconds since 1970, and those of one moment in that of the index, below 1000.
pub(super) fn phone_name(source: &str, taken: Millis, index: usize, name: &str) -> String {
    format!("{source}/{taken:013}-{index:03}{}", extension(name))
}

fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("tus-resumable") {
        Some(version) if version == VERSION => Ok(()),
        _ => Err(Problem::TusVersion),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The pairs of `Upload-Metadata`: a key, and its value in Base64.
fn metadata(headers: &HeaderMap) -> Result<Vec<(String, String)>, Problem> {
    let wrong = || Problem::Request("đầu mục Upload-Metadata không đúng", "the header Upload-Metadata is wrong");
    let Some(value) = headers.get("upload-metadata") else { return Ok(Vec::new()) };
    let pairs = value.to_str().map_err(|_| wrong())?.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = Base64::decode_vec(value.trim()).map_err(|_| wrong())?;
            Ok((key.to_owned(), String::from_utf8(value).map_err(|_| wrong())?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_and_nonsense_refused() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("upload-metadata", HeaderValue::from_static(value));
            metadata(&headers)
        };
        let pairs = read("filename YS5qcGc=, component VOG7nSBraGFp,empty").unwrap();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        assert_eq!(pairs, [("filename", "a.jpg"), ("component", "Tờ khai"), ("empty", "")]);
        assert!(read("filename *").is_err() && read("filename /w==").is_err());
        assert!(metadata(&HeaderMap::new()).unwrap().is_empty());
    }
}
