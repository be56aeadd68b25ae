//! Pages of a batch are made on as many machines as there are, by an existing engine: NATS JetStream.
//!
//! The machine that has source, output and key stays the one that plans, assembles, signs and writes; only the making of a page
//! goes elsewhere ([`Coordinator`]). Others take pages, one after the other, for as long as they run ([`work`]):
//!
//! - a page to make is a message of the work queue [`PAGES`], acknowledged when it is made; as long as a worker is at it it says
//!   so, and a message of a worker that fell silent goes to the next;
//! - the capture lies in the object store [`CAPTURES`] under its SHA-256, the page in [`MADE`] under the hash of all that decides
//!   how it looks ([`crate::shelf`]), so that what is made twice is the same thing in the same place;
//! - a page that ended so many workers is put on a list ([`DEAD`]) and set aside with the reason.
//!
//! Messages go only to workers of the same release: program, reader and models have one hash, which is part of their subject.

mod coordinator;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{self, RetentionPolicy};
use async_nats::jetstream::{self, Context, ErrorCode, context::GetStreamErrorKind};
use async_nats::{Client, ConnectOptions};
use serde::{Deserialize, Serialize};

use crate::model::{Edit, Lang, Localized};
use crate::page::{Page, PageError, Settings};
use crate::shelf;

pub use coordinator::Coordinator;
pub use worker::{Worked, work};

/// Stream of the pages to make.
pub const PAGES: &str = "SOHOA_PAGES";
/// Stream of the pages that were given up.
pub const DEAD: &str = "SOHOA_DEAD";
/// Stream of how often workers began a page: the last message of each says so.
pub const TRIED: &str = "SOHOA_TRIED";
/// Bucket of captures.
pub const CAPTURES: &str = "sohoa-captures";
/// Bucket of pages that are made.
pub const MADE: &str = "sohoa-made";

/// A worker that said nothing for so long has its page given to another.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a worker says that it is still at a page.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
/// How often a page is tried on a worker before it is given up.
const TRIES: u32 = 5;
/// Second thoughts about a page that is long in coming.
const LOOK: Duration = Duration::from_secs(5);
/// Longest that a server may take to be connected.
const CONNECT: Duration = Duration::from_secs(10);
/// How often a server is asked whether it is there: after three times without an answer another is taken.
const PING: Duration = Duration::from_secs(5);
/// Pause after the server refused something.
const PAUSE: Duration = Duration::from_secs(1);
/// Publishing the same message again within this time does nothing.
const SAME: Duration = Duration::from_secs(600);
/// What nobody fetched for so long is removed: a batch that was given up leaves nothing for ever.
const KEPT: Duration = Duration::from_secs(14 * 24 * 3600);
/// Tries to set up streams and buckets before a submitter gives up.
const FIRST_TRIES: u32 = 20;
/// How often workers say that they are there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Where the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// `nats://HOST:PORT` or `tls://HOST:PORT`, several separated by commas.
    pub url: String,
    /// Credentials file (JWT and key) of an account.
    pub credentials: Option<PathBuf>,
    /// Certificates (PEM) that servers must descend from, in place of the system's.
    pub authority: Option<PathBuf>,
    /// Certificate and key (PEM) of this machine, where servers ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Copies of everything in a cluster, 1 to 5.
    pub replicas: usize,
}

/// Why the engine cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// No server answers, or it refuses.
    #[error("cannot connect to {url}: {reason}")]
    Connect {
        /// The address, without what is secret in it.
        url: String,
        /// What the library says.
        reason: String,
    },
    /// JetStream is not there, or refuses.
    #[error("JetStream: {0}")]
    JetStream(String),
    /// This machine has no runtime for it.
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Localized for NatsError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Connect { url, reason }, Lang::Vi) => {
                format!("không kết nối được với {url} ({reason}); hãy kiểm tra địa chỉ, mạng và quyền truy cập")
            }
            (Self::JetStream(reason), Lang::Vi) => {
                format!("JetStream từ chối ({reason}); hãy bật JetStream và kiểm tra quyền, dung lượng của máy chủ")
            }
            (Self::Runtime(error), Lang::Vi) => format!("không khởi động được: {error}"),
            (_, Lang::En) => self.to_string(),
        }
    }
}

/// A page to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    /// The batch.
    batch: String,
    /// What the page is called ([`shelf::Shelf::name`]).
    name: String,
    /// SHA-256 of its capture, hex.
    sha256: String,
    /// Its number in it, from 1.
    page: usize,
    /// How it is processed.
    settings: Settings,
    /// What a person decided of it.
    edit: Edit,
}

/// A worker says that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Heartbeat {
    worker: String,
    release: String,
    version: String,
}

/// A page that was given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Dead {
    task: Task,
    tries: u32,
    reason: String,
}

fn subject(release: &str, batch: &str) -> String {
    format!("sohoa.pages.{release}.{batch}")
}

/// Where a batch hears of pages that are made: their names.
fn made_subject(batch: &str) -> String {
    format!("sohoa.made.{batch}")
}

const HEARTBEATS: &str = "sohoa.workers";

/// What a worker answers: a page, or why there is none.
fn packed(outcome: &Result<Page, PageError>) -> Vec<u8> {
    match outcome {
        Ok(page) => [&b"+"[..], &shelf::pack(page).concat()].concat(),
        Err(PageError::Secret(mark)) => [b"!", mark.as_bytes()].concat(),
        Err(error) => {
            let told = (error.message(Lang::Vi), error.message(Lang::En), error.is_passing());
            [&b"-"[..], &serde_json::to_vec(&told).expect("texts are plain values")].concat()
        }
    }
}

/// What a worker answered, if its bytes are whole.
fn unpacked(bytes: &[u8]) -> Option<Result<Page, PageError>> {
    let (kind, rest) = bytes.split_first()?;
    match kind {
        b'+' => shelf::unpack(rest).map(Ok),
        b'!' => Some(Err(PageError::Secret(String::from_utf8(rest.to_vec()).ok()?))),
        b'-' => {
            serde_json::from_slice(rest).ok().map(|(vi, en, passing)| Err(PageError::Elsewhere { vi, en, passing }))
        }
        _ => None,
    }
}

/// Where it stands how often workers began a page.
fn tried_subject(name: &str) -> String {
    format!("sohoa.tried.{name}")
}

/// How long so many bytes may take over a slow network.
fn time_for(bytes: usize) -> Duration {
    const SLOWEST: u64 = 64 << 10;
    SILENCE + Duration::from_secs(bytes as u64 / SLOWEST)
}

/// An address without user and password.
fn without_secrets(url: &str) -> String {
    // A password may hold a comma: what stands before an `@` is looked for up to the next address.
    let mut told = String::new();
    for part in url.split_inclusive("://") {
        let is_scheme = part.ends_with("://");
        let body = part.strip_suffix("://").unwrap_or(part);
        let (before, scheme) = match is_scheme {
            true => body.split_at(body.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1)),
            false => (body, ""),
        };
        told.push_str(before.rsplit('@').next().unwrap_or_default().trim());
        told.push_str(scheme);
        told.push_str(if is_scheme { "://" } else { "" });
    }
    told
}

/// The engine, with all that it needs made.
#[derive(Clone)]
struct Engine {
    client: Client,
    jetstream: Context,
    captures: ObjectStore,
    made: ObjectStore,
    replicas: usize,
}

impl Engine {
    /// Connects. `gives_up` is asked after each try that failed, with their number. A worker `waits`, for the first connection and for
    /// what a submitter sets up.
    async fn connect(
        server: &Server,
        name: &str,
        waits: bool,
        gives_up: impl Fn(u32) -> bool,
    ) -> Result<Self, NatsError> {
        let refused = |reason: String| NatsError::Connect { url: without_secrets(&server.url), reason };
        let mut options = ConnectOptions::new().name(name).connection_timeout(CONNECT).ping_interval(PING);
        if let Some(file) = &server.credentials {
            options = options.credentials_file(file).await.map_err(|error| refused(error.to_string()))?;
        }
        if let Some(file) = &server.authority {
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        if let Some((certificate, key)) = &server.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        if waits {
            options = options.retry_on_initial_connect();
        }
        let servers: Vec<&str> = server.url.split(',').map(str::trim).collect();
        let client = options.connect(servers).await.map_err(|error| refused(error.to_string()))?;
        let jetstream = jetstream::new(client.clone());
        // A cluster that has just started has no leader for a while.
        let mut tries = 0;
        loop {
            let engine = match waits {
                true => Self::open(&client, &jetstream, server.replicas).await,
                false => Self::set_up(&client, &jetstream, server.replicas).await,
            };
            match engine {
                Ok(engine) => return Ok(engine),
                Err(error) => {
                    tries += 1;
                    if gives_up(tries) {
                        return Err(error);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// What a submitter has set up. Workers leave that to it: two that make a stream at the same time can spoil it for good (seen with
    /// nats-server 2.9.10: "error opening msg block file").
    async fn open(client: &Client, jetstream: &Context, replicas: usize) -> Result<Self, NatsError> {
        let refused = |error: &dyn std::fmt::Display| NatsError::JetStream(error.to_string());
        // The last that is made.
        jetstream.get_stream(TRIED).await.map_err(|error| refused(&error))?;
        let captures = jetstream.get_object_store(CAPTURES).await.map_err(|error| refused(&error))?;
        let made = jetstream.get_object_store(MADE).await.map_err(|error| refused(&error))?;
        Ok(Self { client: client.clone(), jetstream: jetstream.clone(), captures, made, replicas })
    }

    async fn set_up(client: &Client, jetstream: &Context, replicas: usize) -> Result<Self, NatsError> {
        let refused = |error: &dyn std::fmt::Display| NatsError::JetStream(error.to_string());
        let queue = stream::Config {
            name: PAGES.to_owned(),
            subjects: vec!["sohoa.pages.>".to_owned()],
            retention: RetentionPolicy::WorkQueue,
            num_replicas: replicas,
            duplicate_window: SAME,
            max_age: KEPT,
            ..stream::Config::default()
        };
        jetstream.get_or_create_stream(queue).await.map_err(|error| refused(&error))?;
        let dead = stream::Config {
            name: DEAD.to_owned(),
            subjects: vec!["sohoa.dead.>".to_owned()],
            num_replicas: replicas,
            max_age: KEPT,
            ..stream::Config::default()
        };
        jetstream.get_or_create_stream(dead).await.map_err(|error| refused(&error))?;
        let bucket = async |name: &str| match jetstream.get_object_store(name).await {
            Ok(store) => Ok(store),
            Err(_) => {
                let config = object_store::Config {
                    bucket: name.to_owned(),
                    max_age: KEPT,
                    num_replicas: replicas,
                    ..object_store::Config::default()
                };
                jetstream.create_object_store(config).await.map_err(|error| refused(&error))
            }
        };
        let (captures, made) = (bucket(CAPTURES).await?, bucket(MADE).await?);
        let tried = stream::Config {
            name: TRIED.to_owned(),
            subjects: vec!["sohoa.tried.>".to_owned()],
            max_messages_per_subject: 1,
            num_replicas: replicas,
            max_age: KEPT,
            ..stream::Config::default()
        };
        jetstream.get_or_create_stream(tried).await.map_err(|error| refused(&error))?;
        Ok(Self { client: client.clone(), jetstream: jetstream.clone(), captures, made, replicas })
    }

    /// Sets up again what is gone.
    async fn mend(&self) -> Result<(), NatsError> {
        let buckets = [CAPTURES, MADE].map(|name| format!("OBJ_{name}"));
        for name in [PAGES, DEAD, TRIED].into_iter().chain(buckets.iter().map(String::as_str)) {
            match self.jetstream.get_stream(name).await.map_err(|error| error.kind()) {
                Ok(_) => {}
                Err(GetStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    return Self::set_up(&self.client, &self.jetstream, self.replicas).await.map(drop);
                }
                Err(error) => return Err(NatsError::JetStream(error.to_string())),
            }
        }
        Ok(())
    }

    /// What the workers of a release take their pages from.
    async fn queue(&self, release: &str) -> Result<PullConsumer, NatsError> {
        let refused = |error: &dyn std::fmt::Display| NatsError::JetStream(error.to_string());
        let stream = self.jetstream.get_stream(PAGES).await.map_err(|error| refused(&error))?;
        let name = format!("workers-{}", &release[..16]);
        let config = pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: subject(release, "*"),
            ack_policy: AckPolicy::Explicit,
            ack_wait: SILENCE,
            max_ack_pending: 100_000,
            ..pull::Config::default()
        };
        stream.get_or_create_consumer(&name, config).await.map_err(|error| refused(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_not_told() {
        assert_eq!(without_secrets("nats://a:b@h:4222, tls://h2"), "nats://h:4222,tls://h2");
        assert_eq!(without_secrets("token@h"), "h");
        assert_eq!(without_secrets("nats://u:pa,ss@h,nats://u:pa,ss@i"), "nats://h,nats://i");
    }

    #[test]
    fn a_failure_is_told_in_both_languages() {
        let told = PageError::Elsewhere { vi: "hỏng".to_owned(), en: "broken".to_owned(), passing: true };
        let answer = unpacked(&packed(&Err(told))).unwrap().unwrap_err();
        assert!(answer.is_passing());
        assert_eq!((answer.message(Lang::Vi), answer.message(Lang::En)), ("hỏng".to_owned(), "broken".to_owned()));
        let secret = unpacked(&packed(&Err(PageError::Secret("MẬT".to_owned())))).unwrap().unwrap_err();
        assert!(matches!(secret, PageError::Secret(mark) if mark == "MẬT"), "it stays what stops its component");
        assert!(unpacked(b"").is_none() && unpacked(b"+short").is_none() && unpacked(b"?").is_none());
    }
}
