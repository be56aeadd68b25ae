//! Finished components handed to an endpoint by HTTP: what is sent, and what each answer means. `docs/connector.md` is the
//! same for those who write the other side.
//!
//! A delivery is sent until the other side has answered. As nobody knows what became of one without an answer, each has a
//! key that stays the same, by which the other side tells what it has already.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::config::ConnectorConfig;
use crate::export::Records;
use crate::manifest::{self, sha256_hex};
use crate::model::{Lang, Localized, io_reason, shown};
use crate::online::{Endpoint, OnlineError, Receipt};
use crate::store::Delivery;

/// Certificates that servers descend from where the configuration names none: Debian's.
pub const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The longest that an answer may ask to wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// How often a file that is not what was published is looked at again: it may be changing at that moment, as it is when
/// `sohoa upgrade` puts timestamps into it.
const LOOKS: u32 = 5;

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it, with this HTTP status: 2xx, or 409 when it had it before.
    Accepted(u16),
    /// It is not taken as it is, for this word or HTTP status.
    Refused(String),
    /// It is to be tried again.
    Later {
        /// The word or HTTP status.
        answer: String,
        /// What the other side asks to wait.
        after: Option<Duration>,
        /// Others would fare no better now.
        concerns_all: bool,
    },
}

/// Why the connector cannot send anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorError {
    /// A file that the configuration names.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A token that cannot be sent.
    #[error("{}: the first line must be a token of printable ASCII characters", shown(.0))]
    Token(std::path::PathBuf),
    /// An address or certificates that do not fit.
    #[error(transparent)]
    Endpoint(#[from] OnlineError),
}

impl Localized for ConnectorError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Token(path), Lang::Vi) => {
                format!("{}: dòng đầu phải là mã truy cập gồm các ký tự ASCII in được", shown(path))
            }
            (Self::Endpoint(error), lang) => error.message(lang),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Makes the endpoint ready: token and certificates are read anew each time, as they may have been exchanged.
///
/// # Errors
/// When one of the files is not there or not right.
pub fn endpoint(config: &ConnectorConfig) -> Result<Endpoint, ConnectorError> {
    let error = |path: &Path, source| ConnectorError::Io { path: path.to_owned(), source };
    let token = match &config.token_file {
        None => None,
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| error(path, source))?;
            let token = text.lines().next().unwrap_or_default().trim();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ConnectorError::Token(path.clone()));
            }
            Some(token.to_owned())
        }
    };
    let roots = match &config.ca_file {
        Some(path) => fs::read(path).map_err(|source| error(path, source))?,
        None if config.url.starts_with("https://") => {
            let path = Path::new(SYSTEM_ROOTS);
            fs::read(path).map_err(|source| error(path, source))?
        }
        None => Vec::new(),
    };
    Ok(Endpoint::new(&config.url, &roots, token, config.timeout)?)
}

/// Sends one component and waits for the answer.
pub fn deliver(endpoint: &Endpoint, delivery: &Delivery, records: &Records, now: OffsetDateTime) -> Outcome {
    let key = key(delivery);
    let (file, bytes) = match read(delivery) {
        Ok(read) => read,
        Err(outcome) => return outcome,
    };
    let boundary = format!("sohoa-{key}");
    let body = body(delivery, records, &key, &boundary, (&file, bytes));
    let content_type = format!("multipart/form-data; boundary={boundary}");
    match endpoint.post(&[("Content-Type", &content_type), ("Idempotency-Key", &key)], &body) {
        Ok(receipt) => outcome(&receipt, now),
        Err(_) => Outcome::Later { answer: "network".to_owned(), after: None, concerns_all: true },
    }
}

/// How long to wait after so many failures on end.
pub fn pause(failures: u32, config: &ConnectorConfig) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    config.first_pause.saturating_mul(doubled).min(config.longest_pause)
}

/// What tells a delivery from all others, however often it is sent: SHA-256 of dossier code, name and version of the
/// component, and hash of its file when it was finished, a line each.
pub fn key(delivery: &Delivery) -> String {
    let published = &delivery.published;
    let sha256 = published.file.as_ref().map_or("", |(_, sha256)| sha256);
    sha256_hex(format!("{}\n{}\n{}\n{sha256}\n", delivery.dossier, published.name, published.version).as_bytes())
}

/// The file as it is now, with its name: as it was finished, or as its directory's manifest has it since, with timestamps
/// that were put into it.
fn read(delivery: &Delivery) -> Result<(String, Vec<u8>), Outcome> {
    let published = &delivery.published;
    let directory = Path::new(&published.directory);
    let Some((file, sha256)) = &published.file else { return Err(Outcome::Refused("altered".to_owned())) };
    let look = |file: &str| match fs::read(directory.join(file)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(Outcome::Later { answer: "unreadable".to_owned(), after: None, concerns_all: false }),
    };
    if let Some(bytes) = look(file)?.filter(|bytes| sha256_hex(bytes) == *sha256) {
        return Ok((file.clone(), bytes));
    }
    let manifest = look(manifest::FILE_NAME)?.and_then(|bytes| manifest::open(&bytes).ok());
    let listed = manifest.and_then(|sealed| {
        let mut components = sealed.manifest.components.into_iter();
        components.find(|one| one.name == published.name && one.version == published.version)?.file
    });
    if let Some(listed) = listed
        && let Some(bytes) = look(&listed.path)?.filter(|bytes| sha256_hex(bytes) == listed.sha256)
    {
        return Ok((listed.path, bytes));
    }
    let answer = "altered".to_owned();
    Err(match delivery.attempts < LOOKS {
        true => Outcome::Later { answer, after: None, concerns_all: false },
        false => Outcome::Refused(answer),
    })
}

/// `multipart/form-data` (RFC 7578): `metadata`, and `file`.
fn body(
    delivery: &Delivery,
    records: &Records,
    key: &str,
    boundary: &str,
    (file, mut bytes): (&str, Vec<u8>),
) -> Vec<u8> {
    let sha256 = sha256_hex(&bytes);
    let (component, published) = (&delivery.component, &delivery.published);
    let metadata = json!({
        "key": key, "dossier": delivery.dossier, "component": component.id, "title": component.title,
        "name": published.name, "version": published.version, "code": component.code,
        "result_code": component.result_code, "digital_code": component.digital_code.as_ref().map(|code| &code.text), "file": file, "bytes": bytes.len(), "sha256": sha256,
        "record": records.record(&delivery.dossier, component, published, (file, &sha256)),
    });
    // As forms of web pages write names that have such characters.
    let name = file.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n\
         {metadata}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/pdf\r\n\r\n"
    );
    let mut body = head.into_bytes();
    body.append(&mut bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// What an answer means (RFC 9110 section 15).
fn outcome(receipt: &Receipt, now: OffsetDateTime) -> Outcome {
    let answer = receipt.status.to_string();
    match receipt.status {
        status @ (200..=299 | 409) => Outcome::Accepted(status),
        408 | 429 => later(answer, receipt, now),
        400..=499 => Outcome::Refused(answer),
        _ => later(answer, receipt, now),
    }
}

fn later(answer: String, receipt: &Receipt, now: OffsetDateTime) -> Outcome {
    let after = receipt.retry_after.as_deref().and_then(|text| retry_after(text, now));
    Outcome::Later { answer, after, concerns_all: true }
}

/// `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3); at most a day.
fn retry_after(text: &str, now: OffsetDateTime) -> Option<Duration> {
    let after = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => Duration::try_from(OffsetDateTime::parse(text.trim(), &Rfc2822).ok()? - now).ok()?,
    };
    Some(after.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ComponentShown, Published, State};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-30 08:00 +7);

    fn delivery(directory: &Path, sha256: &str, attempts: u32) -> Delivery {
        let component = ComponentShown {
            id: 7,
            title: "Tờ khai".to_owned(),
            name: "To-khai".to_owned(),
            version: 1,
            is_newest: true,
            state: State::Done,
            reason: None,
            code: Some("TP1".to_owned()),
            result_code: None,
            digital_code: None,
            reused: None,
            changed: 0,
            captures: Vec::new(),
            published: Vec::new(),
        };
        let published = Published {
            directory: directory.to_string_lossy().into_owned(),
            name: "To-khai".to_owned(),
            version: 1,
            file: Some(("To-khai.pdf".to_owned(), sha256.to_owned())),
        };
        Delivery { id: 1, dossier: "H21-250701-0012".to_owned(), component, published, attempts }
    }

    #[test]
    fn each_status_has_its_meaning() {
        let of = |status, retry_after: Option<&str>| {
            outcome(&Receipt { status, retry_after: retry_after.map(str::to_owned) }, NOW)
        };
        for status in [200, 201, 204, 409] {
            assert_eq!(of(status, None), Outcome::Accepted(status));
        }
        for status in [400, 401, 404, 413, 422] {
            assert_eq!(of(status, None), Outcome::Refused(status.to_string()));
        }
        for status in [408, 429, 500, 502, 503, 301, 307] {
            let (answer, after) = (status.to_string(), Some(Duration::from_secs(7)));
            assert_eq!(of(status, Some("7")), Outcome::Later { answer, after, concerns_all: true });
        }
    }

    #[test]
    fn an_answer_may_ask_for_a_pause_of_a_day_at_most() {
        let seconds = |text| retry_after(text, NOW).map(|after| after.as_secs());
        assert_eq!((seconds("120"), seconds("99999999"), seconds("soon")), (Some(120), Some(86_400), None));
        assert_eq!(seconds("Mon, 30 Nov 2026 01:02:00 GMT"), Some(120));
        assert_eq!(seconds("Mon, 30 Nov 2026 00:59:00 GMT"), None, "in the past");
    }

    #[test]
    fn the_file_is_what_was_finished_and_the_key_stays() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = b"%PDF-1.7 x";
        let good = delivery(folder.path(), &sha256_hex(bytes), 0);
        let altered = Outcome::Later { answer: "altered".to_owned(), after: None, concerns_all: false };
        assert_eq!(read(&good).unwrap_err(), altered, "not there");
        fs::write(folder.path().join("To-khai.pdf"), bytes).unwrap();
        assert_eq!(read(&good).unwrap().1, bytes);
        let changed = delivery(folder.path(), "00", LOOKS);
        assert_eq!(read(&changed).unwrap_err(), Outcome::Refused("altered".to_owned()));
        assert_eq!(key(&good), key(&good.clone()));
        assert!(key(&good) != key(&changed));

        let body = body(&good, &Records::parse(None).unwrap(), "k", "b", ("a\"\n.pdf", bytes.to_vec()));
        let text = String::from_utf8(body).unwrap();
        assert!(text.ends_with("\r\n\r\n%PDF-1.7 x\r\n--b--\r\n"), "{text}");
        assert!(text.contains("filename=\"a%22%0A.pdf\""), "{text}");
        let json = text.lines().find(|line| line.starts_with('{')).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!((&metadata["title"], &metadata["version"]), (&"Tờ khai".into(), &1.into()));
        assert_eq!(metadata["record"]["MaThanhPhanHoSo"], "TP1");
    }
}
