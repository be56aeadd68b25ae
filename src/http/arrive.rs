//! Bytes in: from the body of a request into a file, and from there the way of a watched file into the store.

use std::fs::{self, File};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::mpsc;

use crate::gather::component_name;
use crate::grouping::{self, Naming, Place, Unit};
use crate::imaging::decode::{self, Seen};
use crate::model::DossierCode;
use crate::service::{Event, free_bytes, has_several_pages};
use crate::store::{Accepted, Blob, BlobError, NewCapture, StoreError};

use super::App;
use super::form::Part;
use super::problem::Problem;

/// A body that brings nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(45);
/// Chunks of a body on their way to the disk.
const IN_FLIGHT: usize = 8;
/// Enough of a file to tell its format.
const HEAD_BYTES: u64 = 4096;
/// Longest name of a capture and title of a component, characters.
const NAME_CHARS: usize = 120;

/// Where bytes come from.
pub(super) enum Incoming<'a> {
    /// The body itself.
    Body(Body),
    /// A part of it.
    Part(Box<Part<'a>>),
}

impl Incoming<'_> {
    /// The next bytes; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        match self {
            Self::Part(field) => field.chunk().await.map_err(|_| Problem::Broken).transpose(),
            Self::Body(body) => loop {
                match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
                    Err(_) => return Some(Err(Problem::Broken)),
                    // Trailers say nothing here.
                    Ok(frame) => match frame.into_data() {
                        Ok(bytes) => return Some(Ok(bytes)),
                        Err(_) => continue,
                    },
                }
            },
        }
    }
}

/// Writes what comes to the end of a file, at most `room` bytes, and flushes it, however the coming ends. `held` is let go
/// after that, also where the client is gone and nobody waits for this any more.
pub(super) async fn write_down(
    mut incoming: Incoming<'_>,
    mut file: File,
    room: u64,
    limit: u64,
    held: impl Send + 'static,
) -> Result<u64, Problem> {
    let (sender, mut receiver) = mpsc::channel::<Bytes>(IN_FLIGHT);
    let writer = tokio::task::spawn_blocking(move || -> io::Result<()> {
        let _held = held;
        while let Some(bytes) = receiver.blocking_recv() {
            file.write_all(&bytes)?;
        }
        file.sync_all()
    });
    let mut received = 0;
    let ended = loop {
        match tokio::time::timeout(SILENCE, incoming.next()).await {
            Err(_) => break Err(Problem::Broken),
            Ok(None) => break Ok(received),
            Ok(Some(Err(problem))) => break Err(problem),
            Ok(Some(Ok(bytes))) => {
                received += bytes.len() as u64;
                if received > room {
                    break Err(Problem::TooLarge(limit));
                }
                // A writer that ended says why below.
                if sender.send(bytes).await.is_err() {
                    break Err(Problem::Internal);
                }
            }
        }
    };
    drop(sender);
    match writer.await {
        Ok(Ok(())) => ended,
        Ok(Err(error)) => Err(disk(error)),
        Err(_) => Err(Problem::Internal),
    }
}

/// What a disk that refuses means for a client.
pub(super) fn disk(source: io::Error) -> Problem {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Problem::DiskFull,
        _ => Problem::Store(StoreError::Io { path: "uploads".into(), source }),
    }
}

/// A capture that has come whole.
#[derive(Clone, Copy)]
pub(super) struct Capture<'a> {
    /// Who sent it.
    pub(super) source: &'a str,
    /// Its dossier; without one its name may say so, or it waits.
    pub(super) dossier: Option<&'a DossierCode>,
    /// Title of its component.
    pub(super) component: Option<&'a str>,
    /// Its name.
    pub(super) name: &'a str,
    /// When it was sent, nanoseconds since 1970: with the rest it tells this capture from others.
    pub(super) sent: i64,
}

/// Title of a component that nobody named.
const UNTITLED: &str = "Tài liệu";

impl App {
    /// Whether so many more bytes may come for this place now.
    pub(super) fn admit(&self, bytes: u64, place: &Place) -> Result<(), Problem> {
        if bytes > self.settings.limits.max_bytes {
            return Err(Problem::TooLarge(self.settings.limits.max_bytes));
        }
        let settings = &self.settings.service;
        // Once as an upload and once as a blob, for a moment.
        let wanted = bytes.saturating_mul(2).saturating_add(self.uploads.wanted());
        let free = free_bytes(self.store.directory()).unwrap_or(u64::MAX);
        if free < settings.min_free_bytes.saturating_add(wanted) {
            return Err(Problem::DiskFull);
        }
        // The rest of what is collected already may come: nothing would be gained by making half of it.
        let is_full = self.store.unmade_captures()? >= settings.max_unmade;
        if is_full && !self.store.is_collecting(place)? {
            return Err(Problem::QueueFull);
        }
        Ok(())
    }

    /// Where a capture belongs.
    pub(super) fn place(&self, capture: &Capture<'_>, several_pages: bool) -> Place {
        let title = capture.component.unwrap_or(UNTITLED);
        match (capture.dossier, capture.component) {
            // The key of a watched folder of this title, and of what is placed by hand: it is the same component.
            (Some(code), _) => Place {
                key: format!("{code}\nnamed\n{}", component_name(title)),
                dossier: Naming::Code(code.clone()),
                unit: Unit::Named,
                title: title.to_owned(),
            },
            (None, None) => grouping::place(capture.source, capture.name, several_pages, &self.settings.service.rules),
            (None, Some(title)) => {
                let path = format!("{}/{}", title.replace('/', "-"), capture.name);
                grouping::place(capture.source, &path, several_pages, &self.settings.service.rules)
            }
        }
    }

    /// Stores the bytes of a file that is a capture.
    pub(super) fn store_capture(&self, file: &Path) -> Result<Blob, Problem> {
        let bytes = fs::metadata(file).map_err(disk)?.len();
        if !is_capture(file).map_err(disk)? {
            self.metrics.refused_upload();
            return Err(Problem::NotAPicture);
        }
        self.store.blobs().take_in(file, bytes).map_err(|error| match error {
            BlobError::Io { source, .. } => disk(source),
            error => Problem::Store(error.into()),
        })
    }

    /// Stores a file as a capture and puts it into its component.
    pub(super) fn accept(&self, file: &Path, capture: &Capture<'_>) -> Result<Accepted, Problem> {
        let blob = self.store_capture(file)?;
        let place = self.place(capture, has_several_pages(file, &self.settings.limits));
        let gap = i64::try_from(self.settings.service.gap.as_millis()).unwrap_or(i64::MAX);
        let new = NewCapture {
            blob: &blob,
            source: capture.source,
            relative: capture.name,
            modified: capture.sent,
            priority: 0,
        };
        let accepted = self.store.accept(&new, &place, gap, self.now())?;
        let arrived = accepted.arrived.code();
        (self.tell)(&Event::Stored { capture: accepted.capture, component: accepted.component, arrived });
        Ok(accepted)
    }
}

/// Whether a file begins as a picture that is read, or as a PDF.
fn is_capture(file: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(decode::sniff(&head).is_some() || decode::seen(&head) == Seen::Pdf)
}

/// The name of a file as it was sent, fit to be kept. Some browsers send its path, which says nothing here.
pub(super) fn file_name(text: &str) -> Option<String> {
    tidy(text.rsplit(['/', '\\']).next().unwrap_or_default())
}

/// What a person typed as a title, fit to be kept: one line, no longer than a name may be. `None` where nothing is left. It names
/// no file: whatever does is made of it by [`component_name`].
pub(super) fn tidy(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    let text = text.trim();
    (!text.is_empty() && text.chars().any(|c| !matches!(c, '.' | '/' | '\\'))).then(|| text.to_owned())
}

/// The extension of a name with its dot, if it is a short word.
pub(super) fn extension(name: &str) -> &str {
    let dot = name.rfind('.').filter(|dot| (2..=5).contains(&(name.len() - dot)));
    dot.map(|dot| &name[dot..]).filter(|end| end[1..].bytes().all(|byte| byte.is_ascii_alphanumeric())).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_without_paths_and_titles_as_they_were_typed() {
        assert_eq!(file_name("C:\\ảnh\\IMG 1.jpg").as_deref(), Some("IMG 1.jpg"));
        assert_eq!(file_name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(file_name(&format!("{}/a.jpg", "a".repeat(500))).as_deref(), Some("a.jpg"));
        assert_eq!(tidy(" đất / nhà ở ").as_deref(), Some("đất / nhà ở"));
        assert_eq!(tidy("a\u{0}\nb").as_deref(), Some("ab"));
        assert_eq!(tidy(&"a".repeat(500)).map(|name| name.len()), Some(NAME_CHARS));
        for nothing in ["", "..", "../", "\\", " \n"] {
            assert_eq!((tidy(nothing), file_name(nothing)), (None, None), "{nothing:?}");
        }
        assert_eq!(file_name("a/"), None);
    }

    #[test]
    fn an_extension_is_a_short_word() {
        let found = ["image.JPG", "a.heic", "a", ".jpg", "a.", "a.jp-g", "a.abcdef"].map(extension);
        assert_eq!(found, [".JPG", ".heic", "", ".jpg", "", "", ""]);
    }
}
