//! `sohoa.toml` and its checked form.
//!
//! [`RawConfig`] is what a person writes; [`Config`] is what the program uses. Everything is checked once, in
//! [`RawConfig::check`]; nothing reads the raw form afterwards.

mod results;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::digital_code;
use crate::guard::Secrecy;
use crate::model::{Lang, Localized, SignatureLevel};
use crate::page::{MIN_DPI, Settings};
use crate::pdf::writer::PdfaLevel;
use crate::profile::{self, Changes, Corner, FileName, Item, Profile};
use crate::scanner::{Colour, DEFAULT_PAGE_TIME, Paper, Source};
use crate::token::{Selector, SlotChoice};
use crate::transcript::Format;

pub use results::{
    FolderNames, ItemConfig, PersonalStoreConfig, PointsConfig, RawCodes, RawItem, RawPersonalStore, RawPoints,
};

/// Share of the machine's memory that pages in flight may use where the config says nothing: the other half is for the
/// desktop that runs beside it on an office PC.
const MEMORY_SHARE: u64 = 2;
/// Bounds of the default memory budget, MiB: a 12 MP photo in flight needs about 150 MiB.
const DEFAULT_MEMORY_MIB: std::ops::RangeInclusive<u64> = 256..=4096;

/// PDF/A levels, for messages.
const LEVELS: &str = "1b, 2b, 2u, 3b";
/// [`profile::NAMES`], for messages.
const PROFILE_NAMES: &str = "tt01-2023, nd30-2020, tt05-2025, tt02-2019, custom";

/// Form of copy (*hình thức sao*) of most electronic copies.
const DEFAULT_FORM: &str = "Sao y";

/// The file as written. Every key is optional; unknown keys are errors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    /// Language of messages: `vi` or `en`.
    pub lang: Option<Lang>,
    /// Worker threads; 0 = as many as processors.
    pub jobs: usize,
    /// Memory for pages in flight, MiB.
    pub memory_mib: Option<u64>,
    /// Directory of the recognition models.
    pub models: Option<PathBuf>,
    /// Page images.
    pub image: RawImage,
    /// The PDF files.
    pub pdf: RawPdf,
    /// What files must satisfy.
    pub profile: RawProfile,
    /// Reading.
    pub ocr: RawOcr,
    /// Signing.
    pub sign: RawSign,
    /// Bounds on what a capture may ask for.
    pub limits: RawLimits,
    /// Scanners.
    pub scanner: RawScanner,
    /// The service.
    pub service: RawService,
    /// The service over HTTP.
    pub http: RawHttp,
    /// Folders that the service watches.
    pub watch: Vec<RawWatch>,
    /// Where the service delivers finished components.
    pub connector: RawConnector,
    /// Archive packages.
    pub package: RawPackage,
    /// Data of papers.
    pub extract: RawExtract,
    /// Codes of digitised results.
    pub codes: RawCodes,
    /// Points of the index.
    pub points: RawPoints,
    /// The store of owners' papers.
    pub personal_store: RawPersonalStore,
    /// Marks by which papers are not to be digitised.
    pub guard: RawGuard,
}

/// Section `[image]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawImage {
    /// JPEG quality, 30 to 100.
    pub jpeg_quality: Option<u8>,
    /// Highest resolution of a page image, 200 to 1200.
    pub max_dpi: Option<f64>,
    /// Whether pages are stored in layers where that is smaller; default no.
    pub mrc: Option<bool>,
}

/// Section `[pdf]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPdf {
    /// `1b`, `2b`, `2u` or `3b`.
    pub level: Option<String>,
}

/// Section `[profile]`. Every key but the first and the last four changes a value of the named profile.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawProfile {
    /// One of [`profile::NAMES`].
    pub name: Option<String>,
    /// Least version of PDF, such as `1.4`.
    pub least_pdf: Option<String>,
    /// PDF/A levels that files may claim; none = no PDF/A is asked for.
    pub levels: Option<Vec<String>>,
    /// Whether page images must be in colour.
    pub colour: Option<bool>,
    /// Least resolution of page images, 72 to 1200.
    pub least_dpi: Option<f64>,
    /// Whether pages must have the size of the paper.
    pub true_scale: Option<bool>,
    /// Whether the text must be searchable.
    pub text: Option<bool>,
    /// Whether a visible signature must be there.
    pub signature: Option<bool>,
    /// Where its box stands: `top-left`, `top-right`.
    pub corner: Option<Corner>,
    /// Its lines: `name`, `form`, `agency`, `time`.
    pub lines: Option<Vec<Item>>,
    /// Names of files: `any`, `dossier-ordinal`.
    pub file_name: Option<FileName>,
    /// Largest file, millions of bytes, 0.1 to 1000.
    pub max_mb: Option<f64>,
    /// Name of the agency in the box; without one that of the certificate.
    pub agency: Option<String>,
    /// Form of copy in the box; default `Sao y`.
    pub form: Option<String>,
    /// PNG picture of the seal, for profiles that show one; `custom` shows one where it is given.
    pub seal: Option<PathBuf>,
    /// Width of the seal, millimetres, where the picture does not tell.
    pub seal_width_mm: Option<f64>,
}

/// Section `[ocr]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawOcr {
    /// Whether to read the text; default yes.
    pub enabled: Option<bool>,
    /// Model, the stem of a `.traineddata` file; default `vie`.
    pub language: Option<String>,
    /// Files of the text beside each component: `txt`, `hocr`, `alto`, `tsv`, `data`; default none.
    pub transcripts: Vec<String>,
}

/// Section `[sign]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawSign {
    /// Whether to sign at all; default yes.
    pub enabled: Option<bool>,
    /// PKCS#12 file; without it and without a token a development identity signs.
    pub key: Option<PathBuf>,
    /// PKCS#11 module of a token, a shared library.
    pub token: Option<PathBuf>,
    /// Number of the slot that holds the token.
    pub slot: Option<u64>,
    /// Label of the token.
    pub token_label: Option<String>,
    /// Label of the key or its certificate on the token.
    pub key_label: Option<String>,
    /// File of certificates (PEM or DER) that the token's certificate descends from, where the token lacks them.
    pub chain: Option<PathBuf>,
    /// Address of the timestamp service (RFC 3161) that `sohoa upgrade` asks; default none.
    pub timestamp: Option<String>,
    /// Policy to ask of it, an object identifier; default its own.
    pub timestamp_policy: Option<String>,
    /// Level that `sohoa upgrade` brings signatures to: `b-t`, `b-lt` or `b-lta`; default `b-lta`.
    pub level: Option<String>,
}

/// Where the signer's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a PKCS#12 file.
    File(PathBuf),
    /// On a token.
    Token {
        /// Which token and key.
        selector: Selector,
        /// File of certificates that complete the chain.
        chain: Option<PathBuf>,
    },
}

impl RawSign {
    fn check(self) -> Result<Option<KeySource>, ConfigError> {
        if self.key.is_some() && self.token.is_some() {
            return Err(ConfigError::Exclusive { one: "sign.key", other: "sign.token" });
        }
        if self.slot.is_some() && self.token_label.is_some() {
            return Err(ConfigError::Exclusive { one: "sign.slot", other: "sign.token_label" });
        }
        let Some(module) = self.token else {
            let of_a_token = [
                (self.slot.is_some(), "sign.slot"),
                (self.token_label.is_some(), "sign.token_label"),
                (self.key_label.is_some(), "sign.key_label"),
                (self.chain.is_some(), "sign.chain"),
            ];
            return match of_a_token.iter().find(|(given, _)| *given) {
                Some((_, key)) => Err(ConfigError::Needs { key, needed: "sign.token" }),
                None => Ok(self.key.map(KeySource::File)),
            };
        };
        let slot = self.slot.map(SlotChoice::Number).or(self.token_label.map(SlotChoice::TokenLabel));
        let selector = Selector { module, slot, key_label: self.key_label };
        Ok(Some(KeySource::Token { selector, chain: self.chain }))
    }
}

/// Section `[limits]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Pixels of one page, millions.
    pub megapixels: Option<u64>,
    /// Size of a capture file, MiB.
    pub file_mib: Option<u64>,
    /// Pages in a capture file.
    pub pages: Option<usize>,
}

/// Section `[scanner]`: what is scanned where a command or request does not say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawScanner {
    /// SANE's name of the device; default the only one there is.
    pub device: Option<String>,
    /// `flatbed`, `feeder` or `duplex`; default the feeder where there is one, otherwise the flatbed.
    pub source: Option<Source>,
    /// Resolution, dots per inch, 50 to 2400; default 300.
    pub dpi: Option<u32>,
    /// `colour`, `gray` or `bilevel`; default `colour`.
    pub colour: Option<Colour>,
    /// Size of the papers: `a4`, `a5`, `a3`, `letter` or `WIDTHxHEIGHT` in millimetres; default `a4`.
    pub paper: Option<String>,
    /// Seconds without a page after which the device is taken to hang, 1 to 3600; default 180.
    pub page_seconds: Option<u64>,
}

/// What is scanned where a command or request does not say, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ScannerConfig {
    /// SANE's name of the device; `None` = the only one there is.
    pub device: Option<String>,
    /// Where the papers are; `None` = the feeder where there is one, otherwise the flatbed.
    pub source: Option<Source>,
    /// Resolution, dots per inch.
    pub dpi: u32,
    /// Which colours.
    pub colour: Colour,
    /// Size of the papers.
    pub paper: Paper,
    /// Longest time without a page.
    pub page_time: Duration,
}

/// Resolutions that may be asked for, dots per inch: below 50 nothing can be read, above 2400 no device for papers goes.
pub const SCANNER_DPI: std::ops::RangeInclusive<u32> = 50..=2400;

impl RawScanner {
    fn check(self) -> Result<ScannerConfig, ConfigError> {
        let paper = self.paper.as_deref().unwrap_or("a4").parse();
        let seconds = |seconds| within(seconds, 1..=3600, "scanner.page_seconds", "1..3600").map(Duration::from_secs);
        Ok(ScannerConfig {
            device: self.device,
            source: self.source,
            dpi: within(self.dpi.unwrap_or(300), SCANNER_DPI, "scanner.dpi", "50..2400")?,
            colour: self.colour.unwrap_or_default(),
            paper: paper
                .map_err(|_| ConfigError::Value { key: "scanner.paper", allowed: "a4, a5, a3, letter, 86x54" })?,
            page_time: self.page_seconds.map_or(Ok(DEFAULT_PAGE_TIME), seconds)?,
        })
    }
}

/// Section `[package]`: what `sohoa package` makes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPackage {
    /// Names of the files in the package: `tt05-2025`, `tt02-2019`, `cv7197`, or a pattern; default `tt05-2025`.
    pub file_name: Option<String>,
    /// How the dossier is described: `tt05-2025` or `ead3`; default `tt05-2025`.
    pub description: Option<Description>,
    /// Whether preservation metadata (PREMIS) is in the package; default yes.
    pub preservation: Option<bool>,
    /// Address of the METS profile that the package names; default that of E-ARK CSIP.
    pub profile: Option<String>,
    /// Folder of XML schemas (.xsd) that are to be in the package, too.
    pub schemas: Option<PathBuf>,
    /// Name of the agency that submits; default `profile.agency`.
    pub agency: Option<String>,
    /// Code of its fonds (*mã phông*) or its own.
    pub agency_code: Option<String>,
    /// Name of the archive that receives.
    pub archive: Option<String>,
    /// Its code.
    pub archive_code: Option<String>,
    /// Code of the registered submission.
    pub agreement: Option<String>,
}

/// How an archive package describes its dossier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Description {
    /// The fields of TT 05/2025/TT-BNV below `simpledc`, of the dossier and of each document.
    #[default]
    #[serde(rename = "tt05-2025")]
    Tt05,
    /// Encoded Archival Description, version 3.
    #[serde(rename = "ead3")]
    Ead3,
}

/// What `sohoa package` makes, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageConfig {
    /// Names of the files in the package: one of those known, or a pattern.
    pub file_name: String,
    /// How the dossier is described.
    pub description: Description,
    /// Whether preservation metadata is in the package.
    pub preservation: bool,
    /// Address of the METS profile that the package names.
    pub profile: String,
    /// Folder of further XML schemas.
    pub schemas: Option<PathBuf>,
    /// The agency that submits, and its code.
    pub agency: Party,
    /// The archive that receives, and its code.
    pub archive: Party,
    /// Code of the registered submission.
    pub agreement: Option<String>,
}

/// An organisation that a package names, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: Option<String>,
    /// Its code.
    pub code: Option<String>,
}

/// METS profile of E-ARK CSIP, which packages by TT 05/2025/TT-BNV name.
const CSIP_PROFILE: &str = "https://earkcsip.dilcis.eu/profile/E-ARK-CSIP.xml";

impl RawPackage {
    fn check(self, agency: Option<&String>) -> Result<PackageConfig, ConfigError> {
        let profile = self.profile.unwrap_or_else(|| CSIP_PROFILE.to_owned());
        if !profile.starts_with("https://") && !profile.starts_with("http://") {
            return Err(ConfigError::Value { key: "package.profile", allowed: "https://..." });
        }
        Ok(PackageConfig {
            file_name: self.file_name.unwrap_or_else(|| "tt05-2025".to_owned()),
            description: self.description.unwrap_or_default(),
            preservation: self.preservation.unwrap_or(true),
            profile,
            schemas: self.schemas,
            agency: Party { name: self.agency.or(agency.cloned()), code: self.agency_code },
            archive: Party { name: self.archive, code: self.archive_code },
            agreement: self.agreement,
        })
    }
}

/// Section `[extract]`: what papers say, as data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawExtract {
    /// Folder of further kinds of papers, a TOML file each.
    pub kinds: Option<PathBuf>,
    /// The records that are filled of the data, in place of the built-in ones.
    pub records: Option<PathBuf>,
    /// What people said of other papers, as `sohoa extract --teach` prints it.
    pub examples: Option<PathBuf>,
}

/// What papers say, as data, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtractConfig {
    /// Folder of further kinds of papers.
    pub kinds: Option<PathBuf>,
    /// File of records in place of the built-in ones.
    pub records: Option<PathBuf>,
    /// File of examples by which papers are read.
    pub examples: Option<PathBuf>,
}

/// Section `[guard]`: marks by which papers are not to be digitised.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawGuard {
    /// What is done about a mark of secrecy: `stop`, `warn` or `off`; default `stop`.
    pub secrecy: Option<Secrecy>,
    /// Whether marks of copies get a notice; default yes.
    pub copies: Option<bool>,
    /// Whether a paper that says another number of pages than it has gets one; default yes.
    pub pages: Option<bool>,
    /// The words, in place of the built-in ones.
    pub marks: Option<PathBuf>,
}

/// Section `[service]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawService {
    /// Directory for the results.
    pub out: Option<PathBuf>,
    /// Directory of the store.
    pub data: Option<PathBuf>,
    /// A component has all its captures when none came for so many seconds, 0.1 to 3600; default 30.
    pub gap_seconds: Option<f64>,
    /// What names of files say: a regular expression with the groups `dossier`, `component`, `page`.
    pub file_names: Option<String>,
    /// Captures in components that are not made yet; folders wait beyond. Default 2000.
    pub max_waiting: Option<u64>,
    /// Free space on the store's disk below which folders wait, MiB; default 512.
    pub min_free_mib: Option<u64>,
    /// How often a passing failure is tried, 1 to 100; default 5.
    pub attempts: Option<u32>,
    /// Days after which captures of signed components are removed from the store; default never.
    pub keep_originals_days: Option<u32>,
    /// The portal's records, in place of `assets/portal.toml`.
    pub records: Option<PathBuf>,
}

/// Section `[http]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawHttp {
    /// Address to listen on, such as `127.0.0.1:8080`; default none.
    pub listen: Option<String>,
    /// File of tokens, one a line, any of which opens the API; needed where others than this machine reach the address.
    pub token_file: Option<PathBuf>,
    /// How phones reach the service, `http://host:port`; default the address that it listens on.
    pub url: Option<String>,
    /// Whether TLS is spoken; default where `cert` is given. Without one a certificate is made.
    pub tls: Option<bool>,
    /// Certificate of the server and those above it (PEM).
    pub cert: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// Whether people may log in over plain HTTP from other machines; default no.
    pub plain: bool,
    /// Minutes for which the QR code of a phone is good, 5 to 10080; default 480.
    pub pair_minutes: Option<u32>,
}

/// The service over HTTP, checked.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Address to listen on.
    pub listen: Option<SocketAddr>,
    /// File of tokens.
    pub token_file: Option<PathBuf>,
    /// How phones reach the service, without a slash at its end.
    pub url: Option<String>,
    /// The certificate that TLS is spoken with; `None` = plain HTTP.
    pub tls: Option<TlsCertificate>,
    /// Whether people may log in over plain HTTP from other machines.
    pub plain: bool,
    /// Minutes for which the QR code of a phone is good where nothing else is said.
    pub pair_minutes: u32,
}

/// Minutes for which the QR code of a phone may be good: from the walk to a shelf to a week.
pub const PAIR_MINUTES: std::ops::RangeInclusive<u32> = 5..=10_080;
/// Where nothing is said: a working day.
const USUAL_PAIR_MINUTES: u32 = 480;

/// The certificate of the service over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsCertificate {
    /// Given in files (PEM).
    Own {
        /// Certificate of the server and those above it.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made by the service itself.
    SelfMade,
}

impl HttpConfig {
    /// Whether this machine alone reaches the address.
    pub fn is_local(&self) -> bool {
        self.listen.is_none_or(|address| address.ip().is_loopback())
    }

    /// Whether browsers see it by TLS: its own, or that of a proxy.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some() || self.url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether people may log in: passwords do not cross a network readable, unless the configuration says so.
    pub fn has_desk(&self) -> bool {
        self.is_local() || self.tls.is_some() || self.plain
    }
}

impl RawHttp {
    fn certificate(&self) -> Result<Option<TlsCertificate>, ConfigError> {
        let source = match (&self.cert, &self.key) {
            (Some(certificate), Some(key)) => {
                TlsCertificate::Own { certificate: certificate.clone(), key: key.clone() }
            }
            (Some(_), None) => return Err(ConfigError::Needs { key: "http.cert", needed: "http.key" }),
            (None, Some(_)) => return Err(ConfigError::Needs { key: "http.key", needed: "http.cert" }),
            (None, None) => TlsCertificate::SelfMade,
        };
        let is_wanted = self.tls.unwrap_or(source != TlsCertificate::SelfMade);
        if is_wanted && self.plain {
            return Err(ConfigError::Exclusive { one: "http.tls", other: "http.plain" });
        }
        Ok(is_wanted.then_some(source))
    }

    fn check(self) -> Result<HttpConfig, ConfigError> {
        let wrong = |_| ConfigError::Value { key: "http.listen", allowed: "127.0.0.1:8080" };
        let listen: Option<SocketAddr> = self.listen.as_deref().map(str::parse).transpose().map_err(wrong)?;
        let tls = self.certificate()?;
        let is_protected = self.token_file.is_some() || tls.is_some() || self.plain;
        if listen.is_some_and(|address| !address.ip().is_loopback()) && !is_protected {
            return Err(ConfigError::OpenToAll);
        }
        let url = self.url.map(|url| url.trim_end_matches('/').to_owned());
        if url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(ConfigError::Value { key: "http.url", allowed: "http://..." });
        }
        let usual = self.pair_minutes.unwrap_or(USUAL_PAIR_MINUTES);
        let pair_minutes = within(usual, PAIR_MINUTES, "http.pair_minutes", "5..10080")?;
        Ok(HttpConfig { listen, token_file: self.token_file, url, tls, plain: self.plain, pair_minutes })
    }
}

/// One `[[watch]]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWatch {
    /// The folder.
    pub folder: PathBuf,
    /// `events`, `polling` or `both`; default `events`.
    pub mode: WatchMode,
    /// `counter` or `backlog`; default `counter`.
    pub priority: Priority,
    /// A file is taken when it has stood still for so many seconds, 0.1 to 3600; default 2.
    pub settle_seconds: Option<f64>,
    /// Seconds between two looks through the folder, 1 to 86400; default 60, or 5 where it is polled.
    pub rescan_seconds: Option<f64>,
    /// Seconds that a file without its end stands still before it is taken as it is, 1 to 86400; default 60.
    pub patience_seconds: Option<f64>,
    /// Files stay where they are.
    pub keep: bool,
    /// Files are moved to `.sohoa/done` instead of being removed.
    pub done: bool,
}

/// Section `[connector]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConnector {
    /// Address that finished components are sent to, `http://` or `https://`; without one no connection is made.
    pub url: Option<String>,
    /// File whose first line is sent as `Authorization: Bearer`.
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that an `https://` server must descend from; default the system's.
    pub ca_file: Option<PathBuf>,
    /// Deliveries taken from the store at a time, 1 to 1000; default 50.
    pub batch: Option<usize>,
    /// Seconds between two looks for something to deliver, 0.1 to 86400; default 10.
    pub interval_seconds: Option<f64>,
    /// Longest that an exchange takes, 1 to 3600 seconds; default 60.
    pub timeout_seconds: Option<f64>,
    /// First pause after a failure, 0.01 to 3600 seconds; default 2. Each is twice as long as the one before.
    pub first_pause_seconds: Option<f64>,
    /// Longest pause, 0.01 to 86400 seconds; default 300.
    pub longest_pause_seconds: Option<f64>,
}

/// Where finished components are delivered, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorConfig {
    /// The address, `http://…` or `https://…`.
    pub url: String,
    /// File whose first line is the token.
    pub token_file: Option<PathBuf>,
    /// Certificates (PEM) that the server must descend from; `None` = the system's.
    pub ca_file: Option<PathBuf>,
    /// Deliveries taken from the store at a time.
    pub batch: usize,
    /// Time between two looks for something to deliver.
    pub interval: Duration,
    /// Longest that an exchange takes.
    pub timeout: Duration,
    /// First pause after a failure; each is twice as long as the one before.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl RawConnector {
    fn check(self) -> Result<Option<ConnectorConfig>, ConfigError> {
        let Some(url) = self.url else {
            let others =
                [(self.token_file.is_some(), "connector.token_file"), (self.ca_file.is_some(), "connector.ca_file")];
            return match others.iter().find(|(given, _)| *given) {
                Some((_, key)) => Err(ConfigError::Needs { key, needed: "connector.url" }),
                None => Ok(None),
            };
        };
        if !["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme)) {
            return Err(ConfigError::Value { key: "connector.url", allowed: "http://... / https://..." });
        }
        let seconds = |given: Option<f64>, usual, range, key, allowed| {
            within(given.unwrap_or(usual), range, key, allowed).map(Duration::from_secs_f64)
        };
        let first_pause =
            seconds(self.first_pause_seconds, 2.0, 0.01..=3600.0, "connector.first_pause_seconds", "0.01..3600")?;
        let key = "connector.longest_pause_seconds";
        let longest_pause = seconds(self.longest_pause_seconds, 300.0, 0.01..=86400.0, key, "0.01..86400")?;
        if longest_pause < first_pause {
            return Err(ConfigError::Value { key, allowed: "connector.first_pause_seconds or more" });
        }
        Ok(Some(ConnectorConfig {
            url,
            token_file: self.token_file,
            ca_file: self.ca_file,
            batch: within(self.batch.unwrap_or(50), 1..=1000, "connector.batch", "1..1000")?,
            interval: seconds(self.interval_seconds, 10.0, 0.1..=86400.0, "connector.interval_seconds", "0.1..86400")?,
            timeout: seconds(self.timeout_seconds, 60.0, 1.0..=3600.0, "connector.timeout_seconds", "1..3600")?,
            first_pause,
            longest_pause,
        }))
    }
}

/// How changes in a folder are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchMode {
    /// By the system's events.
    #[default]
    Events,
    /// By looking, for network shares.
    Polling,
    /// By both.
    Both,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Somebody waits at the counter.
    #[default]
    Counter,
    /// Whenever there is time.
    Backlog,
}

/// The service, checked.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Directory for the results.
    pub out: Option<PathBuf>,
    /// Directory of the store.
    pub data: Option<PathBuf>,
    /// A component has all its captures when none came for so long.
    pub gap: Duration,
    /// What names of files say, a regular expression.
    pub file_names: Option<String>,
    /// Captures in components that are not made yet.
    pub max_waiting: u64,
    /// Free bytes on the store's disk below which folders wait.
    pub min_free_bytes: u64,
    /// How often a passing failure is tried.
    pub attempts: u32,
    /// Time after which captures of signed components are removed.
    pub keep_originals: Option<Duration>,
    /// The portal's records, in place of the built-in ones.
    pub records: Option<PathBuf>,
    /// Watched folders.
    pub watch: Vec<RawWatch>,
}

impl RawService {
    fn check(self, watch: Vec<RawWatch>) -> Result<ServiceConfig, ConfigError> {
        let gap = within(self.gap_seconds.unwrap_or(30.0), 0.1..=3600.0, "service.gap_seconds", "0.1..3600")?;
        for folder in &watch {
            if folder.folder.as_os_str().is_empty() {
                return Err(ConfigError::Needs { key: "watch", needed: "watch.folder" });
            }
            within(folder.settle_seconds.unwrap_or(2.0), 0.1..=3600.0, "watch.settle_seconds", "0.1..3600")?;
            within(folder.rescan_seconds.unwrap_or(60.0), 1.0..=86400.0, "watch.rescan_seconds", "1..86400")?;
            within(folder.patience_seconds.unwrap_or(60.0), 1.0..=86400.0, "watch.patience_seconds", "1..86400")?;
        }
        let days = |days: u32| within(days, 1..=36500, "service.keep_originals_days", "1..36500");
        let keep_originals = self.keep_originals_days.map(days).transpose()?;
        let max_waiting = within(self.max_waiting.unwrap_or(2000), 1..=1_000_000, "service.max_waiting", "1..1000000")?;
        let min_free = within(self.min_free_mib.unwrap_or(512), 0..=1 << 20, "service.min_free_mib", "0..1048576")?;
        Ok(ServiceConfig {
            out: self.out,
            data: self.data,
            gap: Duration::from_secs_f64(gap),
            file_names: self.file_names,
            max_waiting,
            min_free_bytes: min_free << 20,
            attempts: within(self.attempts.unwrap_or(5), 1..=100, "service.attempts", "1..100")?,
            keep_originals: keep_originals.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
            records: self.records,
            watch,
        })
    }
}

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Language of messages.
    pub lang: Lang,
    /// Worker threads, at least one.
    pub jobs: usize,
    /// Memory for pages in flight, bytes.
    pub memory_bytes: u64,
    /// Directory of the models, if given.
    pub models: Option<PathBuf>,
    /// Page settings.
    pub page: Settings,
    /// PDF/A level of the files.
    pub level: PdfaLevel,
    /// What the files must satisfy.
    pub profile: Profile,
    /// Name of the agency in the box of its signature; `None` = that of the certificate.
    pub agency: Option<String>,
    /// Form of copy in the box of the signature.
    pub form: String,
    /// PNG picture of the seal, and its width in millimetres where that is known.
    pub seal: Option<(PathBuf, Option<f64>)>,
    /// Model to read with; `None` = no OCR.
    pub ocr_language: Option<String>,
    /// Formats of the text files beside each component, each once.
    pub transcripts: Vec<Format>,
    /// Whether components are signed.
    pub sign: bool,
    /// The signer's key; `None` = a development identity.
    pub key: Option<KeySource>,
    /// Address of the timestamp service, `http://…`.
    pub timestamp: Option<String>,
    /// Policy to ask of it.
    pub timestamp_policy: Option<String>,
    /// Level that signatures are brought to afterwards.
    pub signature_level: SignatureLevel,
    /// Scanners.
    pub scanner: ScannerConfig,
    /// The service.
    pub service: ServiceConfig,
    /// Where finished components are delivered; `None` = nowhere.
    pub connector: Option<ConnectorConfig>,
    /// Archive packages.
    pub package: PackageConfig,
    /// Data of papers.
    pub extract: ExtractConfig,
    /// How digitised results get codes; `None` = not at all.
    pub codes: Option<digital_code::Rules>,
    /// How the items of the index are scored.
    pub points: PointsConfig,
    /// The store of owners' papers; `None` = there is none.
    pub personal_store: Option<PersonalStoreConfig>,
    /// File of the marks that are looked for, in place of the built-in ones.
    pub marks: Option<PathBuf>,
    /// The service over HTTP.
    pub http: HttpConfig,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML, or a key we do not know.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A value out of its range.
    #[error("`{key}` must be {allowed}")]
    Value {
        /// Dotted key.
        key: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Two keys of which only one can be meant.
    #[error("`{one}` and `{other}` exclude each other")]
    Exclusive {
        /// Dotted key.
        one: &'static str,
        /// Dotted key.
        other: &'static str,
    },
    /// An address that others reach, and nothing that they must know.
    #[error(
        "`http.listen` is an address that other machines reach: this needs `http.tls = true` for people, or `http.token_file` for programs, a file with a token a line (`openssl rand -hex 32`); or listen on 127.0.0.1"
    )]
    OpenToAll,
    /// A key that means nothing without another.
    #[error("`{key}` needs `{needed}`")]
    Needs {
        /// Dotted key.
        key: &'static str,
        /// Dotted key.
        needed: &'static str,
    },
}

impl Localized for ConfigError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Syntax(error), Lang::Vi) => format!("tệp cấu hình sai cú pháp hoặc có khóa lạ: {error}"),
            (Self::Value { key, allowed }, Lang::Vi) => format!("giá trị của `{key}` phải là {allowed}"),
            (Self::Exclusive { one, other }, Lang::Vi) => format!("`{one}` và `{other}` không dùng cùng nhau"),
            (Self::OpenToAll, Lang::Vi) => "`http.listen` là địa chỉ mà máy khác vào được nên phải có `http.tls = true` cho người dùng, hoặc `http.token_file` cho chương trình: tệp mỗi dòng một mã truy cập (`openssl rand -hex 32`); hoặc chỉ nghe ở 127.0.0.1".to_owned(),
            (Self::Needs { key, needed }, Lang::Vi) => format!("`{key}` chỉ dùng được khi có `{needed}`"),
            (error, Lang::En) => error.to_string(),
        }
    }
}

impl RawConfig {
    /// Reads the text of a `sohoa.toml`.
    ///
    /// # Errors
    /// When it is no TOML or has unknown keys.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Ok(toml::from_str(text)?)
    }

    /// Checks every value and fills in the defaults. `processors` and `memory_bytes` describe the machine.
    ///
    /// # Errors
    /// Names the first value that is out of range.
    pub fn check(self, processors: NonZeroUsize, memory_bytes: u64) -> Result<Config, ConfigError> {
        let mut page = Settings::default();
        if let Some(quality) = self.image.jpeg_quality {
            page.jpeg_quality = within(quality, 30..=100, "image.jpeg_quality", "30..100")?;
        }
        if let Some(dpi) = self.image.max_dpi {
            page.max_dpi = within(dpi, MIN_DPI..=1200.0, "image.max_dpi", "200..1200")?;
        }
        if let Some(megapixels) = self.limits.megapixels {
            page.limits.max_pixels = within(megapixels, 1..=1000, "limits.megapixels", "1..1000")? * 1_000_000;
        }
        if let Some(mib) = self.limits.file_mib {
            page.limits.max_bytes = within(mib, 1..=4096, "limits.file_mib", "1..4096")? << 20;
        }
        if let Some(pages) = self.limits.pages {
            page.limits.max_frames = within(pages, 1..=100_000, "limits.pages", "1..100000")?;
        }
        let (least, most) = (*DEFAULT_MEMORY_MIB.start(), *DEFAULT_MEMORY_MIB.end());
        let default_mib = ((memory_bytes / MEMORY_SHARE) >> 20).clamp(least, most);
        let memory_mib = within(self.memory_mib.unwrap_or(default_mib), 64..=1 << 20, "memory_mib", "64..1048576")?;
        let profile = self.profile.check()?;
        page.least_dpi = profile.least_dpi.value.max(MIN_DPI);
        page.mrc = self.image.mrc.unwrap_or(false);
        page.bilevel = !profile.colour.value;
        page.guard.secrecy = self.guard.secrecy.unwrap_or_default();
        page.guard.copies = self.guard.copies.unwrap_or(true);
        page.guard.pages = self.guard.pages.unwrap_or(true);
        if page.max_dpi < page.least_dpi {
            if self.image.max_dpi.is_some() {
                return Err(ConfigError::Value { key: "image.max_dpi", allowed: "profile.least_dpi or more" });
            }
            page.max_dpi = page.least_dpi;
        }
        let permitted = &profile.levels.value;
        let level = match self.pdf.level.as_deref() {
            None => permitted.first().copied().unwrap_or_default(),
            Some(name) => {
                let level = name.parse().map_err(|_| ConfigError::Value { key: "pdf.level", allowed: LEVELS })?;
                if !permitted.is_empty() && !permitted.contains(&level) {
                    return Err(ConfigError::Value { key: "pdf.level", allowed: "one of profile.levels" });
                }
                level
            }
        };
        let jobs = if self.jobs == 0 { processors.get() } else { within(self.jobs, 1..=256, "jobs", "0..256")? };
        let language = self.ocr.language.unwrap_or_else(|| "vie".to_owned());
        if language.is_empty() || !language.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
            return Err(ConfigError::Value { key: "ocr.language", allowed: "vie" });
        }
        let mut transcripts = Vec::new();
        for name in &self.ocr.transcripts {
            transcripts.push(
                name.parse().map_err(|_| ConfigError::Value {
                    key: "ocr.transcripts",
                    allowed: "txt, hocr, alto, tsv, data",
                })?,
            );
        }
        transcripts.sort_unstable();
        transcripts.dedup();
        let timestamp = self.sign.timestamp.clone();
        if timestamp.as_ref().is_some_and(|address| !address.starts_with("http://")) {
            return Err(ConfigError::Value { key: "sign.timestamp", allowed: "http://..." });
        }
        let is_identifier = |text: &String| text.contains('.') && text.chars().all(|c| c == '.' || c.is_ascii_digit());
        if !self.sign.timestamp_policy.as_ref().is_none_or(is_identifier) {
            return Err(ConfigError::Value { key: "sign.timestamp_policy", allowed: "1.2.3.4" });
        }
        let signature_level = match self.sign.level.as_deref().map(str::parse) {
            None => SignatureLevel::Archive,
            Some(Ok(level)) if level > SignatureLevel::Basic => level,
            Some(_) => return Err(ConfigError::Value { key: "sign.level", allowed: "b-t, b-lt, b-lta" }),
        };
        Ok(Config {
            lang: self.lang.unwrap_or_default(),
            jobs,
            memory_bytes: memory_mib << 20,
            models: self.models,
            page,
            level,
            profile,
            agency: self.profile.agency.clone(),
            form: self.profile.form.unwrap_or_else(|| DEFAULT_FORM.to_owned()),
            seal: self.profile.seal.map(|path| (path, self.profile.seal_width_mm)),
            ocr_language: self.ocr.enabled.unwrap_or(true).then_some(language),
            transcripts,
            sign: self.sign.enabled.unwrap_or(true),
            timestamp,
            timestamp_policy: self.sign.timestamp_policy.clone(),
            signature_level,
            scanner: self.scanner.check()?,
            service: self.service.check(self.watch)?,
            connector: self.connector.check()?,
            codes: self.codes.check()?,
            points: self.points.check()?,
            personal_store: self.personal_store.check()?,
            extract: ExtractConfig {
                kinds: self.extract.kinds,
                records: self.extract.records,
                examples: self.extract.examples,
            },
            marks: self.guard.marks,
            package: self.package.check(self.profile.agency.as_ref())?,
            http: self.http.check()?,
            key: self.sign.check()?,
        })
    }
}

impl RawProfile {
    fn check(&self) -> Result<Profile, ConfigError> {
        let name = self.name.as_deref().unwrap_or(profile::NAMES[0]);
        let profile = Profile::named(name).ok_or(ConfigError::Value { key: "profile.name", allowed: PROFILE_NAMES })?;
        let bad_version = ConfigError::Value { key: "profile.least_pdf", allowed: "1.4 .. 2.0" };
        let least_version = match &self.least_pdf {
            None => None,
            Some(text) => match text.split_once('.').map(|(major, minor)| (major.parse(), minor.parse())) {
                Some((Ok(major @ 1..=2), Ok(minor @ 0..=9))) => Some((major, minor)),
                _ => return Err(bad_version),
            },
        };
        let levels = match &self.levels {
            None => None,
            Some(names) => {
                let parsed: Result<Vec<PdfaLevel>, _> = names.iter().map(|name| name.parse()).collect();
                Some(parsed.map_err(|_| ConfigError::Value { key: "profile.levels", allowed: LEVELS })?)
            }
        };
        let least_dpi = self.least_dpi.map(|dpi| within(dpi, 72.0..=1200.0, "profile.least_dpi", "72..1200"));
        let max_mb = self.max_mb.map(|mb| within(mb, 0.1..=1000.0, "profile.max_mb", "0.1..1000"));
        if let Some(width) = self.seal_width_mm {
            within(width, 5.0..=100.0, "profile.seal_width_mm", "5..100")?;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.1 to 1000 millions")]
        let max_bytes = max_mb.transpose()?.map(|mb| (mb * 1e6).round() as u64);
        Ok(profile.changed(Changes {
            least_version,
            levels,
            colour: self.colour,
            least_dpi: least_dpi.transpose()?,
            true_scale: self.true_scale,
            text: self.text,
            signature: self.signature,
            corner: self.corner,
            lines: self.lines.clone(),
            // A regulation says itself whether there is a seal.
            seal: self.seal.as_ref().map(|_| true).filter(|_| name == "custom"),
            file_name: self.file_name,
            max_bytes,
        }))
    }
}

fn within<T: PartialOrd>(
    value: T,
    range: std::ops::RangeInclusive<T>,
    key: &'static str,
    allowed: &'static str,
) -> Result<T, ConfigError> {
    if range.contains(&value) { Ok(value) } else { Err(ConfigError::Value { key, allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, ConfigError> {
        RawConfig::parse(text)?.check(NonZeroUsize::new(2).unwrap(), 4 << 30)
    }

    #[test]
    fn an_empty_config_is_complete() {
        let config = check("").unwrap();
        assert_eq!((config.jobs, config.memory_bytes, config.lang), (2, 2 << 30, Lang::Vi));
        assert_eq!(config.ocr_language.as_deref(), Some("vie"));
    }

    #[test]
    fn values_are_taken_over() {
        let config = check(
            "jobs = 1\nlang = 'en'\n[pdf]\nlevel = '1b'\n[ocr]\nenabled = false\ntranscripts = ['tsv', 'txt', 'tsv']",
        )
        .unwrap();
        assert_eq!((config.jobs, config.lang, config.level), (1, Lang::En, PdfaLevel::A1b));
        assert_eq!((config.ocr_language, config.transcripts), (None, vec![Format::Txt, Format::Tsv]));
    }

    #[test]
    fn a_key_is_in_a_file_or_on_a_token() {
        assert_eq!(check("[sign]\nkey = 'a.p12'").unwrap().key, Some(KeySource::File("a.p12".into())));
        let token = check("[sign]\ntoken = 'm.so'\ntoken_label = 'VGCA'\nkey_label = 'k'\nchain = 'c.pem'").unwrap();
        let selector = Selector {
            module: "m.so".into(),
            slot: Some(SlotChoice::TokenLabel("VGCA".to_owned())),
            key_label: Some("k".to_owned()),
        };
        assert_eq!(token.key, Some(KeySource::Token { selector, chain: Some("c.pem".into()) }));
        assert_eq!(check("").unwrap().key, None);
    }

    #[test]
    fn a_profile_is_named_and_changed() {
        let config = check("[profile]\nname = 'tt02-2019'\nleast_dpi = 400\nmax_mb = 8.5\nlevels = ['3b']").unwrap();
        assert_eq!((config.profile.name, config.profile.max_bytes.value), ("tt02-2019", 8_500_000));
        assert_eq!((config.page.least_dpi, config.page.max_dpi, config.level), (400.0, 400.0, PdfaLevel::A3b));
        assert_eq!(check("").unwrap().profile, Profile::default());
        assert!(PROFILE_NAMES == profile::NAMES.join(", "));
    }

    #[test]
    fn a_scanner_is_described_as_far_as_wanted() {
        let usual = check("").unwrap().scanner;
        assert_eq!((usual.device, usual.source, usual.dpi, usual.colour), (None, None, 300, Colour::Colour));
        assert_eq!((usual.paper, usual.page_time), ("a4".parse().unwrap(), DEFAULT_PAGE_TIME));
        let text = "[scanner]\ndevice = 'test:0'\nsource = 'duplex'\ndpi = 200\ncolour = 'gray'\npaper = '86x54'";
        let said = check(text).unwrap().scanner;
        assert_eq!((said.device.as_deref(), said.source, said.dpi), (Some("test:0"), Some(Source::Duplex), 200));
        assert_eq!((said.colour, said.paper), (Colour::Gray, "86x54".parse().unwrap()));
    }

    #[test]
    fn a_package_is_that_of_the_circular_where_nothing_else_is_said() {
        let usual = check("[profile]\nagency = 'UBND xã Ia Le'").unwrap().package;
        assert_eq!((usual.file_name.as_str(), usual.description), ("tt05-2025", Description::Tt05));
        assert_eq!((usual.preservation, usual.agency.name.as_deref()), (true, Some("UBND xã Ia Le")));
        let text =
            "[package]\nfile_name = '{dossier}-{number}'\ndescription = 'ead3'\nagency = 'A'\nagency_code = 'G09'";
        let said = check(text).unwrap().package;
        assert_eq!((said.file_name.as_str(), said.description), ("{dossier}-{number}", Description::Ead3));
        assert_eq!(said.agency, Party { name: Some("A".to_owned()), code: Some("G09".to_owned()) });
    }

    #[test]
    fn people_log_in_over_tls_unless_said_otherwise() {
        let desk = |text: &str| {
            let http = check(&format!("[http]\nlisten = '0.0.0.0:1'\n{text}")).unwrap().http;
            (http.has_desk(), http.is_encrypted(), http.tls.is_some())
        };
        assert_eq!(desk("token_file = 't'"), (false, false, false));
        assert_eq!(desk("token_file = 't'\nurl = 'https://a'"), (false, true, false));
        assert_eq!(desk("tls = true"), (true, true, true));
        assert_eq!(desk("cert = 'a'\nkey = 'b'"), (true, true, true));
        assert_eq!(desk("cert = 'a'\nkey = 'b'\ntls = false\nplain = true"), (true, false, false));
        let local = check("[http]\nlisten = '127.0.0.1:1'").unwrap().http;
        assert!(local.has_desk() && local.is_local() && !local.is_encrypted());
    }

    #[test]
    fn unknown_keys_and_values_out_of_range_are_named() {
        for (text, named) in [
            ("jobz = 1", "jobz"),
            ("[image]\njpeg_quality = 5", "image.jpeg_quality"),
            ("[image]\nmax_dpi = 100", "image.max_dpi"),
            ("[pdf]\nlevel = '4'", "pdf.level"),
            ("[pdf]\nlevel = '1b'\n[profile]\nlevels = ['2u']", "pdf.level"),
            ("[profile]\nname = 'tt99'", "profile.name"),
            ("[profile]\nlevels = ['2x']", "profile.levels"),
            ("[profile]\nleast_pdf = '4'", "profile.least_pdf"),
            ("[profile]\nleast_dpi = 40", "profile.least_dpi"),
            ("[profile]\nmax_mb = 0", "profile.max_mb"),
            ("[profile]\nseal_width_mm = 1", "profile.seal_width_mm"),
            ("[profile]\ncorner = 'bottom'", "corner"),
            ("[image]\nmax_dpi = 250\n[profile]\nleast_dpi = 300", "image.max_dpi"),
            ("[ocr]\nlanguage = '../x'", "ocr.language"),
            ("[ocr]\ntranscripts = ['doc']", "ocr.transcripts"),
            ("[sign]\nkey = 'a.p12'\ntoken = 'm.so'", "sign.token"),
            ("[sign]\ntoken = 'm.so'\nslot = 1\ntoken_label = 'x'", "sign.slot"),
            ("[sign]\nkey = 'a.p12'\nkey_label = 'x'", "sign.key_label"),
            ("[sign]\ntimestamp = 'https://a'", "sign.timestamp"),
            ("[sign]\ntimestamp_policy = 'a'", "sign.timestamp_policy"),
            ("[sign]\nlevel = 'b-b'", "sign.level"),
            ("[scanner]\ndpi = 30", "scanner.dpi"),
            ("[scanner]\npaper = 'a9'", "scanner.paper"),
            ("[scanner]\npage_seconds = 0", "scanner.page_seconds"),
            ("[scanner]\nsource = 'tray'", "source"),
            ("[service]\ngap_seconds = 0", "service.gap_seconds"),
            ("[service]\nattempts = 0", "service.attempts"),
            ("[connector]\nurl = 'ftp://a'", "connector.url"),
            ("[connector]\nca_file = 'a'", "connector.url"),
            ("[connector]\nurl = 'http://a'\nbatch = 0", "connector.batch"),
            ("[connector]\nurl = 'http://a'\nlongest_pause_seconds = 1", "connector.longest_pause_seconds"),
            ("[http]\nlisten = '8080'", "http.listen"),
            ("[http]\nlisten = '0.0.0.0:8080'", "http.token_file"),
            ("[http]\nurl = 'ftp://a'", "http.url"),
            ("[http]\ncert = 'a.pem'", "http.key"),
            ("[http]\nkey = 'a.pem'", "http.cert"),
            ("[http]\ntls = true\nplain = true", "http.plain"),
            ("[http]\npair_minutes = 1", "http.pair_minutes"),
            ("[package]\nprofile = 'CSIP'", "package.profile"),
            ("[package]\ndescription = 'ead'", "description"),
            ("[codes]\npattern = '{owner}.{type}'", "codes.pattern"),
            ("[codes]\nother_type = 'a b'", "codes.other_type"),
            ("[points]\nboth = { max = -1 }", "points.max"),
            ("[personal_store]\nfolders = 'number'", "personal_store.path"),
            ("[personal_store]\npath = 'a'\nfolders = 'name'", "folders"),
            ("[points]\nresult = { full_percent = 0 }", "points.full_percent"),
            ("[[watch]]\nmode = 'polling'", "watch.folder"),
            ("[[watch]]\nfolder = 'a'\nsettle_seconds = 0", "watch.settle_seconds"),
            ("[[watch]]\nfolder = 'a'\npriority = 'x'", "priority"),
        ] {
            assert!(check(text).unwrap_err().to_string().contains(named), "{text}");
        }
    }
}
