//! Files of components, as they were published.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::http::html::in_path;
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::service::listed;
use crate::store::{Looked, Published};

/// Bytes of a file read at a time, and pieces of it on their way to the browser.
const PIECE: usize = 1 << 16;
const IN_FLIGHT: usize = 2;

/// A published file: the bytes that the manifest speaks of, or none.
pub(super) async fn file(
    State(app): State<Shared>,
    visitor: Visitor,
    numbers: Result<UrlPath<(i64, usize)>, PathRejection>,
) -> Result<Response, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let UrlPath((id, number)) = numbers.map_err(|_| Problem::NotFound)?;
    let (name, file, length) = app.blocking(move |app| app.open_published(visitor.account.id, id, number)).await?;
    let disposition = format!("attachment; filename*=UTF-8''{}", in_path(&name));
    let mut response = Body::from_stream(pieces(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| Problem::Internal)?);
    Ok(response)
}

impl App {
    /// The name of a published file, the file at its beginning, and its size; written down as downloaded. Files are replaced as
    /// a whole, never changed: what was hashed is what is sent.
    fn open_published(&self, account: i64, component: i64, number: usize) -> Result<(String, File, u64), Problem> {
        let shown = self.store.component(component)?.component;
        let published = shown.published.get(number).ok_or(Problem::NotFound)?;
        let (name, sha256) = current(published).ok_or(Problem::NotFound)?;
        let changed = |_: io::Error| Problem::FileChanged;
        let mut file = File::open(Path::new(&published.directory).join(&name)).map_err(changed)?;
        let mut hash = Sha256::new();
        let length = io::copy(&mut file, &mut hash).map_err(changed)?;
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(Problem::FileChanged);
        }
        file.rewind().map_err(changed)?;
        self.store.looked(account, Looked::File { component, sha256: &sha256 }, self.now())?;
        Ok((name, file, length))
    }
}

/// Name and hash of a published file as its directory's manifest has them now: signing replaces a file.
pub(super) fn current(published: &Published) -> Option<(String, String)> {
    let now = listed(published).and_then(|listed| listed.file).map(|file| (file.path, file.sha256));
    now.or_else(|| published.file.clone())
}

/// A file, read no faster than it is taken.
pub(super) fn pieces(mut file: File) -> Pieces {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    piece.truncate(read);
                    Ok(Bytes::from(piece))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_error = read.is_err();
            // A browser that is gone wants no more.
            if sender.blocking_send(read).is_err() || is_error {
                break;
            }
        }
    });
    Pieces(receiver)
}

/// A body in pieces, as they come.
pub(super) struct Pieces(pub(super) mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
