//! The machine around a command: configuration, models, keys, the clock.

use std::fs;
use std::io::{BufRead, IsTerminal};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::de::DeserializeOwned;
use signal_hook::consts::{SIGINT, SIGTERM};
use sohoa::config::{Config, KeySource, RawConfig};
use sohoa::exit::ExitCode;
use sohoa::export::Records;
use sohoa::extract::{self, Example, Kinds, Rules};
use sohoa::guard::Marks;
use sohoa::http::KeyRefusal;
use sohoa::imaging::seal;
use sohoa::manifest::{self, Model};
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::ocr::OcrEngine;
use sohoa::ocr::lstm::Lstm;
use sohoa::pool::Pool;
use sohoa::service::Tools;
use sohoa::shelf::{self, Shelf};
use sohoa::sign::pkcs12::Pkcs12;
use sohoa::sign::{Certificate, SignError, Signer, TokenFault, certificate, identity};
use sohoa::stamp::Stamp;
use sohoa::token::{Found, PinState};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use zeroize::Zeroizing;

use super::args::{KeyOptions, Shared};
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
    if let Some(path) = &config.marks {
        let text = fs::read_to_string(path).map_err(|error| failure(path, io_reason(error.kind(), lang)))?;
        config.page.guard.marks = Marks::of(&text).map_err(|error| failure(path, error.message().to_owned()))?;
    }
    Ok(config)
}

/// The language that the configuration file asks for; what is wrong with the file is told by [`configuration`].
pub(super) fn configured_language(shared: &Shared) -> Option<Lang> {
    let text = fs::read_to_string(shared.config.as_ref()?).ok()?;
    RawConfig::parse(&text).ok()?.lang
}

/// Memory of the machine as Linux tells it; 2 GiB where it does not.
pub(super) fn total_memory_bytes() -> u64 {
    const UNKNOWN: u64 = 2 << 30;
    let Ok(text) = fs::read_to_string("/proc/meminfo") else { return UNKNOWN };
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map_or(UNKNOWN, |kib| kib << 10)
}

/// The portal's records: those of the configuration, or the built-in ones.
pub(super) fn records(config: &Config) -> Result<Records, Failure> {
    let failure = |message| Failure::new(ExitCode::Configuration, message);
    let text = match &config.service.records {
        None => None,
        Some(path) => Some(
            fs::read_to_string(path)
                .map_err(|error| failure(format!("{}: {}", shown(path), io_reason(error.kind(), config.lang))))?,
        ),
    };
    Records::parse(text.as_deref()).map_err(|error| failure(error.message(config.lang)))
}

/// By what papers are read: the shipped kinds and records, with those of the configuration.
pub(super) fn rules(config: &Config) -> Result<Rules, Failure> {
    let lang = config.lang;
    let failure = |message| Failure::new(ExitCode::Configuration, message);
    let unreadable =
        |path: &Path, error: std::io::Error| failure(format!("{}: {}", shown(path), io_reason(error.kind(), lang)));
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| unreadable(path, error));
    let mut files = Vec::new();
    if let Some(folder) = &config.extract.kinds {
        let listing = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        let mut paths: Vec<PathBuf> = listing.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        for path in paths {
            files.push((shown(&path), read(&path)?));
        }
    }
    let mut kinds = Kinds::with(&files).map_err(|error| failure(error.message(lang)))?;
    if let Some(path) = &config.extract.examples {
        kinds = kinds.taught(&examples(path, &read(path)?, lang)?);
    }
    let records = config.extract.records.as_deref().map(read).transpose()?;
    let records = extract::Records::parse(records.as_deref()).map_err(|error| failure(error.message(lang)))?;
    Ok(Rules { kinds, records })
}

fn examples(path: &Path, text: &str, lang: Lang) -> Result<Vec<Example>, Failure> {
    json_lines(text).collect::<Result<_, _>>().map_err(|(line, error)| {
        let problem = match lang {
            Lang::Vi => format!("dòng {line} không phải là ví dụ do sohoa extract --teach in ra, hãy xóa dòng đó"),
            Lang::En => format!("line {line} is no example as sohoa extract --teach prints them, delete it"),
        };
        Failure::new(ExitCode::Configuration, format!("{}: {problem} ({error})", shown(path)))
    })
}

/// What the lines of a file say, each a value of JSON; those that are wrong with their number.
pub(super) fn json_lines<T: DeserializeOwned>(
    text: &str,
) -> impl Iterator<Item = Result<T, (usize, serde_json::Error)>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| serde_json::from_str(line).map_err(|error| (number, error)))
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

/// The time now in Vietnam, or the one that is fixed.
pub(super) fn now(lang: Lang) -> Result<OffsetDateTime, Failure> {
    let time = fixed_time(lang)?.unwrap_or_else(vietnam_time);
    Ok(time.replace_nanosecond(0).expect("zero is a valid nanosecond"))
}

/// The time of `SOURCE_DATE_EPOCH` (seconds since 1970) for reproducible files. A value that is no such time is an error: files
/// would silently not be reproducible.
pub(super) fn fixed_time(lang: Lang) -> Result<Option<OffsetDateTime>, Failure> {
    let Some(seconds) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = seconds.to_str().and_then(|seconds| seconds.parse::<u32>().ok());
    let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds.into()).ok());
    time.map(in_vietnam).map(Some).ok_or_else(|| {
        let message = lang.pick(
            "SOURCE_DATE_EPOCH phải là số giây từ 1970, từ 0 đến 4294967295",
            "SOURCE_DATE_EPOCH must be seconds since 1970, 0 to 4294967295",
        );
        Failure::new(ExitCode::Configuration, message)
    })
}

/// The time now in Vietnam.
pub(super) fn vietnam_time() -> OffsetDateTime {
    in_vietnam(OffsetDateTime::now_utc())
}

/// The time now as lines of a log begin with it.
pub(super) fn time_now() -> String {
    let time = vietnam_time();
    let time = time.replace_millisecond(time.millisecond()).expect("its own milliseconds are valid");
    time.format(&Rfc3339).expect("years from 0 to 9999 have an RFC 3339 form")
}

fn in_vietnam(time: OffsetDateTime) -> OffsetDateTime {
    let offset = UtcOffset::from_hms(VIETNAM_OFFSET_HOURS, 0, 0).expect("seven hours are a valid offset");
    time.to_offset(offset)
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
pub(super) fn development_roots() -> Vec<Certificate> {
    let bytes = fs::read(home().join(CA_FILE)).unwrap_or_default();
    certificate::read_all(&bytes).unwrap_or_default()
}

/// What pages are made with, and the folder where they are kept.
pub(super) fn shelf(config: &Config, folder: PathBuf, reader: Option<Reader>) -> Result<Shelf, Failure> {
    Shelf::open(folder.clone(), tools(config, reader)?)
        .map_err(|error| Failure::new(ExitCode::Output, format!("{}: {error}", shown(&folder))))
}

/// What pages are made with.
pub(super) fn tools(config: &Config, reader: Option<Reader>) -> Result<shelf::Tools, Failure> {
    let pool = Pool::new(config.jobs, config.memory_bytes)
        .map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    let (engine, models) = reader.map_or((None, Vec::new()), |reader| {
        let engine: Arc<dyn OcrEngine> = Arc::new(reader.engine);
        (Some(engine), reader.models)
    });
    Ok(shelf::Tools { pool: Arc::new(pool), settings: config.page.clone(), engine, models })
}

/// What components are made with.
pub(super) fn making<'a>(
    config: &'a Config,
    shelf: Arc<Shelf>,
    rules: &'a Rules,
    stamp: Option<&'a Stamp>,
    signer: Option<&'a dyn Signer>,
) -> Tools<'a> {
    let transcripts = if shelf.tools().engine.is_some() { &config.transcripts[..] } else { &[] };
    Tools { profile: &config.profile, level: config.level, stamp, transcripts, rules, shelf, signer }
}

/// A flag that SIGINT and SIGTERM set. The second order to stop is obeyed at once: nothing is lost by that either.
pub(super) fn stop_by_signal() -> Result<Arc<AtomicBool>, Failure> {
    let internal = |error: std::io::Error| Failure::new(ExitCode::Internal, error.to_string());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop)).map_err(internal)?;
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(internal)?;
    }
    Ok(stop)
}

/// A signer, or why the key that is named cannot be used.
type UsableSigner = (Option<Box<dyn Signer>>, Option<String>);

/// The signer, if anything is to be signed. A key that cannot be used holds up nothing: what it was to sign waits (*chờ ký*),
/// and why is the second that is answered.
pub(super) fn usable_signer(
    config: &Config,
    options: &KeyOptions,
    now: OffsetDateTime,
) -> Result<UsableSigner, Failure> {
    match config.sign.then(|| signer(config, options, now)) {
        None => Ok((None, None)),
        Some(Ok(signer)) => Ok((Some(signer), None)),
        Some(Err(failure)) if failure.code == ExitCode::Key => Ok((None, Some(failure.message))),
        Some(Err(failure)) => Err(failure),
    }
}

/// The signer: the key named in a file or on a token, or the development identity of this machine, made on first use.
/// Says on standard error when the latter was made.
pub(super) fn signer(config: &Config, options: &KeyOptions, now: OffsetDateTime) -> Result<Box<dyn Signer>, Failure> {
    let lang = config.lang;
    let Some(source) = &config.key else { return Ok(Box::new(development_signer(lang, now)?)) };
    let ask = |state: Option<PinState>| match (state, source) {
        (Some(state), KeySource::Token { selector, .. }) => {
            pin(state, &selector.module, options.pin_file.as_deref(), lang)
        }
        _ => password(options.key_password_file.as_deref(), lang).map(Some),
    };
    open_key(source, now, ask, |path, error| match error {
        KeyError::Chain(_) => {
            Failure::new(ExitCode::Configuration, format!("{}: {}", shown(path), error.message(lang)))
        }
        error => key_failure(path, error.message(lang)),
    })
}

/// Why a key that is named cannot be opened, beside what is asked for to open it.
#[derive(Debug)]
pub(super) enum KeyError {
    /// Its file cannot be read.
    Io(std::io::ErrorKind),
    /// The certificates that complete its chain cannot be read.
    Chain(Box<KeyError>),
    /// It cannot be used.
    Sign(SignError),
}

impl Localized for KeyError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Io(kind) => io_reason(*kind, lang),
            Self::Chain(error) => error.message(lang),
            Self::Sign(error) => error.message(lang),
        }
    }
}

/// Opens a key. `ask` says what it is opened with: the password of a file (`None`), or the PIN of a token in this state; it is
/// presented once. `fail` makes the error of what fails, which is of this file.
fn open_key<E>(
    source: &KeySource,
    now: OffsetDateTime,
    ask: impl FnOnce(Option<PinState>) -> Result<Option<String>, E>,
    fail: impl Fn(&Path, KeyError) -> E,
) -> Result<Box<dyn Signer>, E> {
    let (path, signer): (&Path, Box<dyn Signer>) = match source {
        KeySource::File(path) => {
            let bytes = fs::read(path).map_err(|error| fail(path, KeyError::Io(error.kind())))?;
            let password = Zeroizing::new(ask(None)?.unwrap_or_default());
            let key = Pkcs12::load(&bytes, &password).map_err(|error| fail(path, KeyError::Sign(error)))?;
            (path, Box::new(key))
        }
        KeySource::Token { selector, chain } => {
            let extra = match chain {
                Some(path) => {
                    let failed = |error| fail(path, KeyError::Chain(Box::new(error)));
                    let bytes = fs::read(path).map_err(|error| failed(KeyError::Io(error.kind())))?;
                    certificate::read_all(&bytes).map_err(|error| failed(KeyError::Sign(error)))?
                }
                None => Vec::new(),
            };
            let failed = |error| fail(&selector.module, KeyError::Sign(error));
            let found = Found::find(selector).map_err(failed)?;
            let pin = ask(Some(found.pin_state()))?.map(Zeroizing::new);
            let pin = pin.as_ref().map(|pin| pin.as_str());
            (&selector.module, Box::new(found.log_in(pin, &extra, now).map_err(failed)?))
        }
    };
    let checked = certificate::check_chain_for_signing(signer.chain(), now);
    checked.map_err(|error| fail(path, KeyError::Sign(error)))?;
    Ok(signer)
}

/// Opens a key with what a person typed at the desk. What they did not type, and the last try of a token of which they do not
/// know, is asked of nobody.
pub(super) fn typed_key(
    source: &KeySource,
    typed: &str,
    knows_final_try: bool,
    now: OffsetDateTime,
) -> Result<Box<dyn Signer>, KeyRefusal> {
    let ask = |state: Option<PinState>| match state {
        Some(PinState::Keypad) => Ok(None),
        _ if typed.is_empty() => Err(KeyRefusal::Missing),
        Some(PinState::FinalTry) if !knows_final_try => Err(KeyRefusal::FinalTry),
        _ => Ok(Some(typed.to_owned())),
    };
    open_key(source, now, ask, |_, error| KeyRefusal::Key(Box::new(error)))
}

/// What is seen of the signatures by the configured profile; `None` where it shows none. `signs` says whether there will
/// be signatures at all: without, a missing seal is no error.
pub(super) fn stamp(config: &Config, signs: bool) -> Result<Option<Stamp>, Failure> {
    let lang = config.lang;
    let Some(mark) = config.profile.mark.value.clone().filter(|_| signs) else { return Ok(None) };
    let failure = |message: String| Failure::new(ExitCode::Configuration, message);
    let seal = match &config.seal {
        _ if !mark.seal => None,
        None => {
            let name = config.profile.name;
            return Err(failure(match lang {
                Lang::Vi => {
                    format!("bộ quy định {name} cần ảnh con dấu: đặt profile.seal trong tệp cấu hình (tệp PNG)")
                }
                Lang::En => {
                    format!("the profile {name} shows the agency's seal: set profile.seal in the configuration (a PNG)")
                }
            }));
        }
        Some((path, width_mm)) => {
            let bytes = fs::read(path)
                .map_err(|error| failure(format!("{}: {}", shown(path), io_reason(error.kind(), lang))))?;
            let decoded = seal::decode(&bytes, *width_mm);
            Some(decoded.map_err(|error| failure(format!("{}: {}", shown(path), error.message(lang))))?)
        }
    };
    let (agency, form, role) = (config.agency.clone(), config.form.clone(), config.profile.signatory);
    Ok(Some(Stamp { role, mark, agency, form, seal }))
}

fn key_failure(path: &Path, message: String) -> Failure {
    Failure::new(ExitCode::Key, format!("{}: {message}", shown(path)))
}

/// Reads certificates named on the command line or in the configuration.
pub(super) fn certificates(path: &Path, lang: Lang) -> Result<Vec<Certificate>, Failure> {
    let failure = |message: String| Failure::new(ExitCode::Configuration, format!("{}: {message}", shown(path)));
    let bytes = fs::read(path).map_err(|error| failure(io_reason(error.kind(), lang)))?;
    certificate::read_all(&bytes).map_err(|error| failure(error.message(lang)))
}

/// Refuses a password for a key that is in no file, and a PIN for a key that is on no token.
pub(super) fn check_secrets(config: &Config, options: &KeyOptions) -> Result<(), Failure> {
    let message = if options.key_password_file.is_some() && !matches!(config.key, Some(KeySource::File(_))) {
        config.lang.pick(
            "--key-password-file cần có khóa: dùng --key hoặc đặt sign.key trong tệp cấu hình",
            "--key-password-file needs a key: use --key, or set sign.key in the configuration file",
        )
    } else if options.pin_file.is_some() && !matches!(config.key, Some(KeySource::Token { .. })) {
        config.lang.pick(
            "--pin-file cần có thiết bị ký: dùng --token hoặc đặt sign.token trong tệp cấu hình",
            "--pin-file needs a token: use --token, or set sign.token in the configuration file",
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(ExitCode::Usage, message))
}

fn development_signer(lang: Lang, now: OffsetDateTime) -> Result<Pkcs12, Failure> {
    let directory = home();
    let path = directory.join(IDENTITY_FILE);
    let failure = |message: String| Failure::new(ExitCode::Key, format!("{}: {message}", shown(&path)));
    let unusable = |error: SignError| {
        let cure =
            lang.pick("xóa tệp này thì khóa ký thử mới được tạo", "without this file a new development key is made");
        failure(format!("{}; {cure}", error.message(lang)))
    };
    let load = |bytes: &[u8]| -> Result<Pkcs12, Failure> {
        let key = Pkcs12::load(bytes, identity::DEVELOPMENT_PASSWORD).map_err(unusable)?;
        certificate::check_chain_for_signing(key.chain(), now).map_err(unusable)?;
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

/// The key's password, if it is written down where a service finds it.
pub(super) fn stored_password(options: &KeyOptions, lang: Lang) -> Result<Option<String>, Failure> {
    stored_secret(options.key_password_file.as_deref(), "SOHOA_KEY_PASSWORD", lang)
}

/// The key's password: from the file named, the environment, or the person at the terminal. Asked for once; a wrong
/// one is an error, never tried again.
fn password(file: Option<&Path>, lang: Lang) -> Result<String, Failure> {
    match stored_secret(file, "SOHOA_KEY_PASSWORD", lang)? {
        Some(password) => Ok(password),
        None if std::io::stdin().is_terminal() => typed_secret(lang.pick("Mật khẩu khóa: ", "Key password: ")),
        None => Err(Failure::new(
            ExitCode::Key,
            lang.pick(
                "cần mật khẩu khóa: đặt SOHOA_KEY_PASSWORD hoặc dùng --key-password-file",
                "the key's password is needed: set SOHOA_KEY_PASSWORD or use --key-password-file",
            ),
        )),
    }
}

/// The token's PIN, from the same places; `None` for a token with a keypad of its own. The last try before the token locks
/// itself is only for a PIN that a person types now.
fn pin(state: PinState, module: &Path, file: Option<&Path>, lang: Lang) -> Result<Option<String>, Failure> {
    let terminal = std::io::stdin().is_terminal();
    let typed = || typed_secret(lang.pick("Mã PIN: ", "PIN: ")).map(Some);
    let warn = |text: &str| remark(&format!("{}: {text}", shown(module)));
    match state {
        PinState::Keypad => {
            warn(lang.pick("hãy nhập mã PIN trên thiết bị ký", "enter the PIN at the token"));
            return Ok(None);
        }
        PinState::FinalTry if !terminal => {
            return Err(key_failure(module, SignError::from(TokenFault::FinalTry).message(lang)));
        }
        PinState::FinalTry => {
            warn(lang.pick(
                "CHỈ CÒN MỘT LẦN THỬ mã PIN, sai nữa thiết bị sẽ bị khóa",
                "ONE TRY IS LEFT: another wrong PIN locks the token",
            ));
            return typed();
        }
        PinState::WrongBefore => warn(lang.pick(
            "lần trước mã PIN đã nhập sai; hãy kiểm tra kỹ, sai nhiều lần thiết bị sẽ bị khóa",
            "the PIN was wrong the last time; check it, several wrong ones lock the token",
        )),
        PinState::Good => {}
    }
    match stored_secret(file, "SOHOA_PIN", lang)? {
        Some(pin) => Ok(Some(pin)),
        None if terminal => typed(),
        None => Err(key_failure(
            module,
            lang.pick(
                "cần mã PIN: đặt SOHOA_PIN hoặc dùng --pin-file",
                "the token's PIN is needed: set SOHOA_PIN or use --pin-file",
            )
            .to_owned(),
        )),
    }
}

/// The first line of the file named, or the environment variable.
pub(super) fn stored_secret(file: Option<&Path>, variable: &str, lang: Lang) -> Result<Option<String>, Failure> {
    let Some(path) = file else { return Ok(std::env::var(variable).ok()) };
    let failure = |error: std::io::Error| key_failure(path, io_reason(error.kind(), lang));
    let mut line = String::new();
    std::io::BufReader::new(fs::File::open(path).map_err(failure)?).read_line(&mut line).map_err(failure)?;
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What a person types at the terminal, unseen.
pub(super) fn typed_secret(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt).map_err(|error| Failure::new(ExitCode::Key, error.to_string()))
}
