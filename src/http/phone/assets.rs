//! The files of the page: styles and scripts, from the binary, each under an address that changes with what they are, so that
//! phones may keep them.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::problem::Problem;

const CSS: &str = include_str!("phone.css");
/// The page's script: what keeps pictures on the phone, what sends them, and what is seen.
const SCRIPT: &str = concat!(include_str!("outbox.js"), include_str!("send.js"), include_str!("phone.js"));
/// The live camera, fetched by whoever opens it.
const CAMERA: &str = include_str!("camera.js");
/// Opens the page where there is no network; `{{…}}` are filled in.
const WORKER: &str = include_str!("worker.js");

/// How long a file may be kept: its address is another one when it changes.
const FOREVER: &str = "max-age=31536000, immutable";

/// A file by its name: its media type and text.
fn found(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "phone.css" => Some(("text/css; charset=utf-8", CSS)),
        "phone.js" => Some(("text/javascript; charset=utf-8", SCRIPT)),
        "camera.js" => Some(("text/javascript; charset=utf-8", CAMERA)),
        _ => None,
    }
}

/// What tells these files from those of another version of the program.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let hash = [CSS, SCRIPT, CAMERA, WORKER].iter().fold(Sha256::new(), |hash, text| hash.chain_update(text));
        hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// The address of a file.
pub(super) fn path(name: &str) -> String {
    format!("/p/static/{}/{name}", version())
}

/// A file. Under the address of another version it is the one of today, not to be kept: a page that lay open over an upgrade
/// goes on.
pub(super) async fn file(Path((asked, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let (kind, text) = found(&name).ok_or(Problem::NotFound)?;
    let keep = if asked == version() { FOREVER } else { "no-store" };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], text).into_response())
}

/// The service worker of the pages of phones.
pub(super) async fn worker() -> Response {
    let files: Vec<String> = ["phone.css", "phone.js", "camera.js"].map(|name| format!("\"{}\"", path(name))).into();
    let text = WORKER.replace("{{version}}", version()).replace("{{files}}", &files.join(","));
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        // What the worker itself may do: ask us.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; connect-src 'self'"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_from_elsewhere_and_the_page_is_light() {
        for part in [CSS, SCRIPT, CAMERA, WORKER] {
            assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("//"), "{part}");
            assert!(!part.contains("innerHTML") && !part.contains("eval("), "text is never markup");
        }
        assert!(CSS.len() + SCRIPT.len() + CAMERA.len() + WORKER.len() < 80_000);
    }

    /// Phones of 2018 (iOS 12, Android 8 with the Chrome of then) read the page's script: no syntax younger than ES2018.
    #[test]
    fn old_phones_read_the_scripts() {
        for part in [SCRIPT, CAMERA, WORKER] {
            for young in ["?.", "??", "replaceChildren", ".at(", "allSettled", "structuredClone", "#"] {
                assert!(!part.contains(young), "{young}");
            }
        }
    }
}
