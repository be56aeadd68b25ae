//! Forms with files (RFC 7578), read piece by piece. The reader of forms keeps what it has not understood yet, so what is
//! given to it is counted: the head of a part that never ends would else fill the memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures_core::Stream;

use super::Shared;
use super::problem::Problem;

/// Bytes that may come without bringing the form on, beside those of one read of a connection: far more than the head of any
/// part has.
const UNREAD_BYTES: usize = 1 << 20;
/// Longest text field of a form, bytes.
const FIELD_BYTES: usize = 4096;

/// Whether the body is a form with files.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("multipart/form-data"))
}

/// The parts of a form, one after the other.
pub(super) struct Parts {
    parts: Multipart,
    unread: Arc<AtomicUsize>,
}

impl Parts {
    /// Of a request.
    ///
    /// # Errors
    /// Where its body is no form with files.
    pub(super) async fn of(request: Request, app: &Shared) -> Result<Self, Problem> {
        let unread = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&unread);
        let count = |body: Body| Counted { body: body.into_data_stream(), unread: counted, pauses: false };
        let request = request.map(|body| Body::from_stream(count(body)));
        let wrong = |_| Problem::Request("biểu mẫu không đúng", "the form is wrong");
        Ok(Self { parts: Multipart::from_request(request, app).await.map_err(wrong)?, unread })
    }

    /// The next part; `None` at the end.
    pub(super) async fn next_field(&mut self) -> Result<Option<Part<'_>>, MultipartError> {
        self.unread.store(0, Ordering::Relaxed);
        let field = self.parts.next_field().await?;
        Ok(field.map(|field| Part { field, unread: Arc::clone(&self.unread) }))
    }
}

/// A part of a form.
pub(super) struct Part<'a> {
    field: Field<'a>,
    unread: Arc<AtomicUsize>,
}

impl Part<'_> {
    /// The name of the field.
    pub(super) fn name(&self) -> Option<&str> {
        self.field.name()
    }

    /// The name of the file; `None` where the part is none.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        self.unread.store(0, Ordering::Relaxed);
        self.field.chunk().await
    }

    /// A text field, no longer than one may be.
    pub(super) async fn text(mut self) -> Result<String, Problem> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await.map_err(|_| Problem::Broken)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > FIELD_BYTES {
                return Err(Problem::Request("một trường của biểu mẫu quá dài", "a field of the form is too long"));
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A body that breaks off where too much of it came to nothing. It pauses after each piece: the reader of forms would else
/// take all that has come at once.
struct Counted {
    body: BodyDataStream,
    unread: Arc<AtomicUsize>,
    pauses: bool,
}

impl Stream for Counted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            if self.unread.fetch_add(bytes.len(), Ordering::Relaxed) > UNREAD_BYTES {
                return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other("a part without an end")))));
            }
            self.pauses = true;
        }
        polled
    }
}
