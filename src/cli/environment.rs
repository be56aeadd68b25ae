//! The machine around a command: configuration, models, keys, the clock.

use std::fs;
use std::io::{BufRead, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use sohoa::config::{Config, RawConfig};
use sohoa::exit::ExitCode;
use sohoa::manifest::{self, Model};
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::ocr::lstm::Lstm;
use sohoa::sign::identity;
use sohoa::sign::pkcs12::Pkcs12;
use time::{OffsetDateTime, UtcOffset};

use super::args::Shared;
use super::{Failure, remark};

/// Time zone of Vietnam: times are written with `+07:00` (NĐ 30/2020, FACTS on e-copies).
const VIETNAM_OFFSET_HOURS: i8 = 7;

/// Names of the development identity's files.
const IDENTITY_FILE: &str = "development-identity.p12";
const CA_FILE: &str = "development-ca.pem";

/// Reads the configuration file, lays the command line over it and checks the whole.
pub(super) fn configuration(
    shared: &Shared,
    lang: Lang,
    overlay: impl FnOnce(&mut RawConfig),
) -> Result<Config, Failure> {
    let failure =
        |path: &Path, message: String| Failure::new(ExitCode::Configuration, format!("{}: {message}", shown(path)));
    let mut raw = match &shared.config {
        None => RawConfig::default(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| failure(path, io_reason(error.kind(), lang)))?;
            RawConfig::parse(&text).map_err(|error| failure(path, error.message(lang)))?
        }
    };
    raw.jobs = shared.jobs.unwrap_or(raw.jobs);
    raw.memory_mib = shared.memory.or(raw.memory_mib);
    raw.models = shared.models.clone().or(raw.models);
    overlay(&mut raw);
    let processors = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut config = raw
        .check(processors, total_memory_bytes())
        .map_err(|error| Failure::new(ExitCode::Configuration, error.message(lang)))?;
    config.lang = lang;
    Ok(config)
}

/// The language that the configuration file asks for; what is wrong with the file is told by [`configuration`].
pub(super) fn configured_language(shared: &Shared) -> Option<Lang> {
    let text = fs::read_to_string(shared.config.as_ref()?).ok()?;
    RawConfig::parse(&text).ok()?.lang
}

/// Memory of the machine as Linux tells it; 2 GiB where it does not.
fn total_memory_bytes() -> u64 {
    const UNKNOWN: u64 = 2 << 30;
    let Ok(text) = fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(UNKNOWN, |kib| kib << 10)
}

/// A reader with its model.
pub(super) struct Reader {
    pub(super) engine: Lstm,
    pub(super) models: Vec<Model>,
}

/// Loads the reader that the configuration asks for; `None` with OCR switched off.
pub(super) fn reader(config: &Config) -> Result<Option<Reader>, Failure> {
    let Some(language) = &config.ocr_language else { return Ok(None) };
    let lang = config.lang;
    let file = format!("{language}.traineddata");
    let directory = models_directory(config, &file).ok_or_else(|| {
        Failure::new(
            ExitCode::Configuration,
            match lang {
                Lang::Vi => {
                    format!("không tìm thấy mô hình {file}; hãy chỉ thư mục mô hình bằng --models hoặc SOHOA_MODELS")
                }
                Lang::En => format!("model {file} not found; name the models' directory with --models or SOHOA_MODELS"),
            },
        )
    })?;
    let bytes = fs::read(directory.join(&file)).map_err(|error| {
        Failure::new(
            ExitCode::Configuration,
            format!("{}: {}", shown(&directory.join(&file)), io_reason(error.kind(), lang)),
        )
    })?;
    let engine = Lstm::new(&bytes, &directory.join(&file))
        .map_err(|error| Failure::new(ExitCode::Configuration, error.message(lang)))?;
    Ok(Some(Reader { engine, models: vec![Model { file, sha256: manifest::sha256_hex(&bytes) }] }))
}

/// The directory named, or `models` beside the program or above it, or the system's.
fn models_directory(config: &Config, file: &str) -> Option<PathBuf> {
    if let Some(named) = &config.models {
        return named.join(file).is_file().then(|| named.clone());
    }
    let program = std::env::current_exe().and_then(fs::canonicalize).ok();
    let beside =
        program.iter().flat_map(|program| program.ancestors().skip(1)).map(|directory| directory.join("models"));
    beside.chain([PathBuf::from("/usr/share/sohoa/models")]).find(|directory| directory.join(file).is_file())
}

/// The time now in Vietnam, or that of `SOURCE_DATE_EPOCH` (seconds since 1970) for reproducible files. A value that
/// is no such time is an error: files would silently not be reproducible.
pub(super) fn now(lang: Lang) -> Result<OffsetDateTime, Failure> {
    let time = match std::env::var_os("SOURCE_DATE_EPOCH") {
        None => OffsetDateTime::now_utc(),
        Some(seconds) => seconds
            .to_str()
            .and_then(|seconds| seconds.parse::<u32>().ok())
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds.into()).ok())
            .ok_or_else(|| {
                let message = lang.pick(
                    "SOURCE_DATE_EPOCH phải là số giây từ 1970, từ 0 đến 4294967295",
                    "SOURCE_DATE_EPOCH must be seconds since 1970, 0 to 4294967295",
                );
                Failure::new(ExitCode::Configuration, message)
            })?,
    };
    let offset = UtcOffset::from_hms(VIETNAM_OFFSET_HOURS, 0, 0).expect("seven hours are a valid offset");
    Ok(time.to_offset(offset).replace_nanosecond(0).expect("zero is a valid nanosecond"))
}

/// Directory for what sohoa keeps between runs: `SOHOA_HOME`, or the user's data directory.
pub(super) fn home() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("SOHOA_HOME")
        .or_else(|| from("XDG_DATA_HOME").map(|data| data.join("sohoa")))
        .or_else(|| from("HOME").map(|home| home.join(".local/share/sohoa")))
        .unwrap_or_else(|| PathBuf::from(".sohoa"))
}

/// The certificate that development identities descend from, if one was made on this machine. A damaged one only means
/// that development signatures are of unknown descent.
pub(super) fn development_roots() -> Vec<sohoa::sign::Certificate> {
    let bytes = fs::read(home().join(CA_FILE)).unwrap_or_default();
    sohoa::sign::certificate::read_all(&bytes).unwrap_or_default()
}

/// The signer: the key named, or the development identity of this machine, made on first use. Says on standard error
/// when the latter was made.
pub(super) fn signer(config: &Config, password_file: Option<&Path>, now: OffsetDateTime) -> Result<Pkcs12, Failure> {
    let lang = config.lang;
    match &config.key {
        Some(path) => {
            let failure = |message: String| Failure::new(ExitCode::Key, format!("{}: {message}", shown(path)));
            let bytes = fs::read(path).map_err(|error| failure(io_reason(error.kind(), lang)))?;
            let password = password(password_file, lang)?;
            let key = Pkcs12::load(&bytes, &password).map_err(|error| failure(error.message(lang)))?;
            sohoa::sign::certificate::check_for_signing(&sohoa::sign::Signer::chain(&key)[0], now)
                .map_err(|error| failure(error.message(lang)))?;
            Ok(key)
        }
        None => development_signer(lang, now),
    }
}

fn development_signer(lang: Lang, now: OffsetDateTime) -> Result<Pkcs12, Failure> {
    let directory = home();
    let path = directory.join(IDENTITY_FILE);
    let failure = |message: String| Failure::new(ExitCode::Key, format!("{}: {message}", shown(&path)));
    let unusable = |error: sohoa::sign::SignError| {
        let cure =
            lang.pick("xóa tệp này thì khóa ký thử mới được tạo", "without this file a new development key is made");
        failure(format!("{}; {cure}", error.message(lang)))
    };
    let load = |bytes: &[u8]| -> Result<Pkcs12, Failure> {
        let key = Pkcs12::load(bytes, identity::DEVELOPMENT_PASSWORD).map_err(unusable)?;
        sohoa::sign::certificate::check_for_signing(&sohoa::sign::Signer::chain(&key)[0], now).map_err(unusable)?;
        Ok(key)
    };
    // Only a missing identity is made: one that cannot be read is not replaced.
    let existing = || match fs::read(&path) {
        Ok(bytes) => load(&bytes).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(io_reason(error.kind(), lang))),
    };
    if let Some(key) = existing()? {
        return Ok(key);
    }
    // Of programs that start for the first time at once, one makes the identity and the others wait for it.
    let refused = |error: std::io::Error| failure(io_reason(error.kind(), lang));
    fs::create_dir_all(&directory).map_err(refused)?;
    let handle = fs::File::open(&directory).map_err(refused)?;
    handle.lock().map_err(refused)?;
    if let Some(key) = existing()? {
        return Ok(key);
    }
    let made = identity::generate(now, &mut sohoa::sign::OsRng).map_err(|error| failure(error.message(lang)))?;
    write_private(&directory.join(CA_FILE), made.ca_pem.as_bytes())
        .and_then(|()| write_private(&path, &made.p12))
        .and_then(|()| handle.sync_all())
        .map_err(refused)?;
    remark(&format!(
        "{}: {}",
        shown(&path),
        lang.pick(
            "đã tạo khóa ký thử; chữ ký của khóa này KHÔNG CÓ GIÁ TRỊ PHÁP LÝ",
            "made a development key; what it signs has NO LEGAL VALUE",
        )
    ));
    load(&made.p12)
}

/// Writes a file that only its owner may read; whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

/// The key's password: from the file named, the environment, or the person at the terminal. Asked for once; a wrong
/// one is an error, never tried again.
fn password(file: Option<&Path>, lang: Lang) -> Result<String, Failure> {
    let failure = |message: String| Failure::new(ExitCode::Key, message);
    if let Some(path) = file {
        let open = fs::File::open(path)
            .map_err(|error| failure(format!("{}: {}", shown(path), io_reason(error.kind(), lang))))?;
        let mut line = String::new();
        std::io::BufReader::new(open)
            .read_line(&mut line)
            .map_err(|error| failure(format!("{}: {}", shown(path), io_reason(error.kind(), lang))))?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    if let Ok(password) = std::env::var("SOHOA_KEY_PASSWORD") {
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        return Err(failure(
            lang.pick(
                "cần mật khẩu khóa: đặt SOHOA_KEY_PASSWORD hoặc dùng --key-password-file",
                "the key's password is needed: set SOHOA_KEY_PASSWORD or use --key-password-file",
            )
            .to_owned(),
        ));
    }
    rpassword::prompt_password(lang.pick("Mật khẩu khóa: ", "Key password: "))
        .map_err(|error| failure(error.to_string()))
}
