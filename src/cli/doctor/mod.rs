//! `sohoa doctor`: whether everything that the service needs is there and fits, and the cure for what does not. Nothing is
//! changed but for files of no content that are written, flushed and removed again; a token's PIN is never asked for.

mod machine;
mod places;

use std::path::Path;

use clap::Args as ClapArgs;
use serde_json::json;
use sohoa::config::{Config, KeySource};
use sohoa::connector;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::sign::pkcs12::Pkcs12;
use sohoa::sign::{Certificate, SignError, certificate};
use sohoa::token::{Found, PinState};
use time::{Duration, OffsetDateTime};

use super::args::{KeyOptions, Shared};
use super::serve::DataOption;
use super::{Failure, environment, print};

/// The model in `models/`, by `models/README.md`.
const KNOWN_MODEL: (&str, &str) =
    ("vie.traineddata", "79df64caf7bcfb2a27df5042ecb6121e196eada34da774956995747636d5bfa1");

/// A certificate that ends within this time is warned of: a new one takes weeks.
const SOON: Duration = Duration::days(30);

#[derive(Debug, ClapArgs)]
pub(super) struct Doctor {
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    key: KeyOptions,
    /// Look for scanners, too
    #[arg(long)]
    scanner: bool,
    /// Results for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Ok,
    /// The service runs, but a person should know.
    Warning,
    /// The service does not run with this, or does not do what it is for.
    Wrong,
}

impl Level {
    fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Ok => lang.pick("tốt", "ok"),
            Self::Warning => lang.pick("lưu ý", "warning"),
            Self::Wrong => lang.pick("HỎNG", "WRONG"),
        }
    }
}

/// What is found, in the order in which it is told.
#[derive(Debug)]
struct Findings {
    lang: Lang,
    lines: Vec<(Level, &'static str, String)>,
}

impl Findings {
    fn add(&mut self, level: Level, what: &'static str, text: impl Into<String>) {
        self.lines.push((level, what, text.into()));
    }

    /// Adds one of two texts.
    fn say(&mut self, level: Level, what: &'static str, vietnamese: impl Into<String>, english: impl Into<String>) {
        let text = match self.lang {
            Lang::Vi => vietnamese.into(),
            Lang::En => english.into(),
        };
        self.add(level, what, text);
    }
}

/// What people are told is looked at.
fn what_name(what: &str, lang: Lang) -> &str {
    match what {
        "configuration" => lang.pick("cấu hình", "configuration"),
        "models" => lang.pick("mô hình", "models"),
        "key" => lang.pick("khóa ký", "key"),
        "folder" => lang.pick("thư mục quét", "folder"),
        "output" => lang.pick("kết quả", "output"),
        "store" => lang.pick("kho", "store"),
        "connector" => lang.pick("nơi nhận", "connector"),
        "clock" => lang.pick("đồng hồ", "clock"),
        "scanner" => lang.pick("máy quét", "scanner"),
        "machine" => lang.pick("máy tính", "machine"),
        other => other,
    }
}

/// Looks at everything.
pub(super) fn run(command: &Doctor, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let mut findings = Findings { lang, lines: Vec::new() };
    let now = environment::vietnam_time();
    let mut newest = None;
    match environment::configuration(shared, lang, |raw| command.key.overlay(&mut raw.sign)) {
        // What depends on it cannot be looked at.
        Err(failure) => findings.add(Level::Wrong, "configuration", failure.message),
        Ok(config) => {
            configuration(&config, shared.config.as_deref(), &mut findings);
            models(&config, &mut findings);
            key(&config, &command.key, now, &mut findings);
            newest = places::look(&config, &command.data.directory(&config), &mut findings);
            connector_files(&config, &mut findings);
        }
    }
    machine::clock(now, newest, &mut findings);
    if command.scanner {
        machine::scanner(&mut findings);
    }
    machine::look(&mut findings);
    tell(&findings, command.json)
}

fn tell(findings: &Findings, json: bool) -> Result<ExitCode, Failure> {
    let (lang, mut text) = (findings.lang, String::new());
    for (level, what, message) in &findings.lines {
        text.push_str(&match json {
            true => {
                format!("{}\n", json!({"event": "check", "what": what, "level": level.code(), "message": message}))
            }
            false => format!("{:<7} {:<14} {message}\n", level.name(lang), what_name(what, lang)),
        });
    }
    print(text.as_bytes())?;
    let is_wrong = findings.lines.iter().any(|(level, ..)| *level == Level::Wrong);
    Ok(if is_wrong { ExitCode::Configuration } else { ExitCode::Done })
}

fn configuration(config: &Config, path: Option<&Path>, findings: &mut Findings) {
    match path {
        Some(path) => findings.add(Level::Ok, "configuration", shown(path)),
        None => findings.say(
            Level::Ok,
            "configuration",
            "không có tệp cấu hình, dùng giá trị mặc định",
            "no configuration file: the defaults",
        ),
    }
    if let Err(failure) = environment::records(config) {
        findings.add(Level::Wrong, "configuration", failure.message);
    }
}

fn models(config: &Config, findings: &mut Findings) {
    match environment::reader(config) {
        Err(failure) => findings.add(Level::Wrong, "models", failure.message),
        Ok(None) => findings.say(Level::Ok, "models", "không nhận dạng chữ", "the text is not read"),
        Ok(Some(reader)) => {
            for model in &reader.models {
                let (file, known) = KNOWN_MODEL;
                match model.file == file && model.sha256 != known {
                    false => findings.add(Level::Ok, "models", format!("{} {}", model.file, &model.sha256[..12])),
                    true => findings.say(
                        Level::Warning,
                        "models",
                        format!("{file}: không phải bản đi kèm sohoa (SHA-256 khác); nếu không cố ý đổi, hãy cài lại gói sohoa"),
                        format!("{file}: is not the one that comes with sohoa (its SHA-256 differs); unless that is meant, install it anew"),
                    ),
                }
            }
        }
    }
}

fn key(config: &Config, options: &KeyOptions, now: OffsetDateTime, findings: &mut Findings) {
    let lang = config.lang;
    match &config.key {
        _ if !config.sign => findings.say(
            Level::Ok,
            "key",
            "không ký: các thành phần sẽ chờ ký",
            "nothing is signed: components wait for their signature",
        ),
        None => findings.say(
            Level::Warning,
            "key",
            "chưa có khóa: sẽ ký thử, KHÔNG CÓ GIÁ TRỊ PHÁP LÝ; hãy đặt sign.key hoặc sign.token",
            "no key: a development identity signs, with NO LEGAL VALUE; set sign.key or sign.token",
        ),
        Some(KeySource::File(path)) => {
            let wrong = |message: String| (Level::Wrong, format!("{}: {message}", shown(path)));
            let (level, text) = match std::fs::read(path) {
                Err(error) => wrong(io_reason(error.kind(), lang)),
                Ok(bytes) => match environment::stored_password(options, lang) {
                    Err(failure) => (Level::Wrong, failure.message),
                    Ok(None) => {
                        let cure = lang.pick(
                            "không xem được bên trong khi chưa có mật khẩu; dịch vụ cần SOHOA_KEY_PASSWORD hoặc \
                             --key-password-file",
                            "cannot be looked into without its password; the service needs SOHOA_KEY_PASSWORD or \
                             --key-password-file",
                        );
                        (Level::Warning, format!("{}: {cure}", shown(path)))
                    }
                    Ok(Some(password)) => match Pkcs12::load(&bytes, &password) {
                        Err(error) => wrong(error.message(lang)),
                        Ok(key) => fitness(sohoa::sign::Signer::chain(&key), now, &shown(path), lang),
                    },
                },
            };
            findings.add(level, "key", text);
        }
        Some(KeySource::Token { selector, .. }) => {
            let module = shown(&selector.module);
            let (level, text) = match Found::find(selector) {
                Err(error) => (Level::Wrong, format!("{module}: {}", error.message(lang))),
                Ok(found) => token(&found, now, &module, lang),
            };
            findings.add(level, "key", text);
        }
    }
}

/// What a token shows to everybody: the state of its PIN, and certificates.
fn token(found: &Found, now: OffsetDateTime, module: &str, lang: Lang) -> (Level, String) {
    match found.pin_state() {
        PinState::FinalTry => {
            let text = lang.pick(
                "CHỈ CÒN MỘT LẦN THỬ mã PIN; người giữ thiết bị hãy tự nhập mã đúng một lần",
                "ONE TRY IS LEFT for the PIN; its holder must enter the right one once",
            );
            return (Level::Wrong, format!("{module}: {text}"));
        }
        PinState::WrongBefore => {
            let text = lang.pick(
                "lần trước mã PIN đã nhập sai; hãy kiểm tra mã PIN của dịch vụ",
                "the PIN was wrong the last time; check the one that the service has",
            );
            return (Level::Warning, format!("{module}: {text}"));
        }
        PinState::Good | PinState::Keypad => {}
    }
    let certificates = match found.certificates() {
        Err(error) => return (Level::Wrong, format!("{module}: {}", error.message(lang))),
        Ok(certificates) => certificates,
    };
    if certificates.is_empty() {
        let text = lang.pick(
            "tìm thấy thiết bị ký; chứng thư chỉ xem được sau khi nhập mã PIN",
            "the token is there; its certificates are seen with its PIN only",
        );
        return (Level::Warning, format!("{module}: {text}"));
    }
    // Old certificates and those of authorities lie beside the one that signs.
    let fits = |one: &&Certificate| certificate::check_for_signing(one, now).is_ok();
    let best = certificates.iter().find(fits).unwrap_or(&certificates[0]);
    fitness(std::slice::from_ref(best), now, module, lang)
}

/// Whether a certificate may sign now, and for how long.
fn fitness(chain: &[Certificate], now: OffsetDateTime, name: &str, lang: Lang) -> (Level, String) {
    let checked: Result<(), SignError> = certificate::check_chain_for_signing(chain, now);
    if let Err(error) = checked {
        return (Level::Wrong, format!("{name}: {}", error.message(lang)));
    }
    let until = certificate::validity(&chain[0]).1;
    let date = until.to_offset(now.offset()).date();
    match (until - now < SOON, lang) {
        (false, Lang::Vi) => (Level::Ok, format!("{name}: ký được đến {date}")),
        (false, Lang::En) => (Level::Ok, format!("{name}: may sign until {date}")),
        (true, Lang::Vi) => (Level::Warning, format!("{name}: chứng thư hết hạn {date}; hãy xin gia hạn ngay")),
        (true, Lang::En) => (Level::Warning, format!("{name}: the certificate ends on {date}; have it renewed now")),
    }
}

/// The connector's files and address. The other side is not asked.
fn connector_files(config: &Config, findings: &mut Findings) {
    let Some(connector) = &config.connector else { return };
    let is_local = ["http://127.", "http://localhost", "http://[::1]"].iter().any(|own| connector.url.starts_with(own));
    match connector::endpoint(connector) {
        Err(error) => findings.add(Level::Wrong, "connector", error.message(config.lang)),
        Ok(_) if connector.url.starts_with("http://") && !is_local => findings.say(
            Level::Warning,
            "connector",
            "giấy tờ được gửi không mã hóa; hãy dùng địa chỉ https:// trong connector.url",
            "papers are sent unencrypted; use an https:// address for connector.url",
        ),
        Ok(_) => findings.add(Level::Ok, "connector", &*connector.url),
    }
}
