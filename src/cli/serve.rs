//! `sohoa serve`: the service in the foreground, for a service manager to start and stop.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use sohoa::config::{Config, KeySource, PersonalStoreConfig, Priority, RawWatch, WatchMode};
use sohoa::exit::ExitCode;
use sohoa::grouping::Rules;
use sohoa::http::{self, Live, Metrics, PeoplesKey, Signing, Tls, Tokens};
use sohoa::intake::{Folder, Mode};
use sohoa::model::{Lang, Localized, shown};
use sohoa::service::{self, Connector, Event, ServiceError, Settings, Taught, Tools, Watched};
use sohoa::shelf::Shelf;
use sohoa::sign::{self, Signer};
use sohoa::store::{State, Status, Store, StoreError};

use super::args::{KeyOptions, Shared, Switch};
use super::{Failure, environment, remark, verify};

/// Folder of the pages in the store's directory.
const SHELF: &str = "pages";

#[derive(Debug, ClapArgs)]
pub(super) struct Serve {
    /// Folder to watch, in place of those of the configuration; may be repeated
    #[arg(long, value_name = "DIR")]
    watch: Vec<PathBuf>,
    /// Directory for the results
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Address to answer on over HTTP, such as 127.0.0.1:8080 [default: none]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    key: KeyOptions,
    /// Leave the components unsigned, to be signed later
    #[arg(long, conflicts_with_all = ["key", "token"])]
    no_sign: bool,
    /// Whether to read the text
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    ocr: Option<Switch>,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
}

/// Where the store is: an option of every command on it.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct DataOption {
    /// Directory of the store [default: /var/lib/sohoa where it exists, else sohoa in the user's data directory]
    #[arg(long, value_name = "DIR", env = "SOHOA_DATA", hide_env = true)]
    data: Option<PathBuf>,
}

impl DataOption {
    /// The directory of the store.
    pub(super) fn directory(&self, config: &Config) -> PathBuf {
        const SYSTEM: &str = "/var/lib/sohoa";
        let named = self.data.clone().or_else(|| config.service.data.clone());
        named.unwrap_or_else(|| match PathBuf::from(SYSTEM) {
            system if system.is_dir() => system,
            _ => environment::home(),
        })
    }
}

/// Serves until a signal stops it.
pub(super) fn run(command: &Serve, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        raw.ocr.enabled = command.ocr.map(|ocr| ocr == Switch::On).or(raw.ocr.enabled);
        command.key.overlay(&mut raw.sign);
        raw.sign.enabled = if command.no_sign { Some(false) } else { raw.sign.enabled };
        raw.http.listen = command.listen.clone().or(raw.http.listen.take());
        raw.service.out = command.out.clone().or(raw.service.out.take());
        if !command.watch.is_empty() {
            let folder = |folder: &PathBuf| RawWatch { folder: folder.clone(), ..RawWatch::default() };
            raw.watch = command.watch.iter().map(folder).collect();
        }
    })?;
    environment::check_secrets(&config, &command.key)?;
    let rules = environment::rules(&config)?;
    let settings = settings(&config, Taught::new(rules.clone()))?;
    let store = Store::open(&command.data.directory(&config)).map_err(|error| store_failure(&error, lang))?;
    let now = environment::now(lang)?;
    let reader = environment::reader(&config)?;
    let teller = Teller { json: command.json, lang };
    let shelf = Arc::new(environment::shelf(&config, store.directory().join(SHELF), reader)?);
    let mut web = Web::open(&config, &settings, &store, &shelf)?;
    let (signer, key_failure) = environment::usable_signer(&config, &command.key, now)?;
    if let Some(message) = key_failure {
        teller.tell(&Event::Trouble(service::Trouble::Key(message.clone(), message)));
    }
    let stamp = environment::stamp(&config, signer.is_some())?;
    if let Some(web) = &mut web {
        web.settings.signing = signing(&config, signer.as_deref())?;
    }
    let tools = environment::making(&config, shelf, &rules, stamp.as_ref(), signer.as_deref());
    serve(&store, &settings, &tools, &teller, web)
}

/// Runs the service on a thread of its own and obeys signals on this one.
fn serve(
    store: &Store,
    settings: &Settings,
    tools: &Tools<'_>,
    teller: &Teller,
    web: Option<Web>,
) -> Result<ExitCode, Failure> {
    let lang = teller.lang;
    let internal = |error: std::io::Error| Failure::new(ExitCode::Internal, error.to_string());
    let stop = environment::stop_by_signal()?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).map_err(internal)?;
    let handle = signals.handle();
    let metrics = Arc::new(Metrics::default());
    let live = Live::default();
    // Over the network nothing is taken before the service has cleared up.
    let (started, has_started) = std::sync::mpsc::sync_channel(1);
    let result = std::thread::scope(|scope| {
        let service = scope.spawn(|| {
            let started = started;
            let result = service::run(store, settings, tools, &environment::vietnam_time, &stop, &|event| {
                metrics.count(event);
                live.tell(event);
                teller.tell(event);
                if matches!(event, Event::Started { .. }) {
                    // Nobody waits where nothing is served.
                    started.try_send(()).unwrap_or_default();
                }
            });
            stop.store(true, Ordering::Relaxed);
            handle.close();
            result
        });
        if let Some(mut web) = web {
            web.settings.live = live.clone();
            let (metrics, stop) = (&metrics, &stop);
            scope.spawn(move || {
                if has_started.recv().is_ok() {
                    web.serve(metrics, stop, *teller);
                }
            });
        }
        for signal in signals.forever() {
            if signal != SIGUSR1 {
                break;
            }
            teller.tell_status(store);
        }
        service.join().expect("a panic of the service was told")
    });
    teller.tell_status(store);
    match result {
        Ok(()) => Ok(ExitCode::Done),
        Err(ServiceError::Store(error)) => Err(store_failure(&error, lang)),
        Err(error @ ServiceError::Output { .. }) => Err(Failure::new(ExitCode::Output, error.message(lang))),
        Err(error) => Err(Failure::new(ExitCode::Configuration, error.message(lang))),
    }
}

/// What is served over HTTP, with its door open already.
struct Web {
    listener: TcpListener,
    tls: Option<Tls>,
    store: Store,
    settings: http::Settings,
}

impl Web {
    /// Opens the door, where one is asked for.
    fn open(config: &Config, settings: &Settings, store: &Store, shelf: &Arc<Shelf>) -> Result<Option<Self>, Failure> {
        let Some(address) = config.http.listen else { return Ok(None) };
        let lang = config.lang;
        let refused = |what: String, why: String| Failure::new(ExitCode::Configuration, format!("{what}: {why}"));
        let tokens = match &config.http.token_file {
            None => Tokens::default(),
            Some(path) => Tokens::read(path).map_err(|error| refused(shown(path), error.message(lang)))?,
        };
        let tls = config.http.tls.as_ref().map(|certificate| {
            Tls::open(certificate, store.directory(), names(config), environment::vietnam_time())
                .map_err(|error| Failure::new(ExitCode::Configuration, error.message(lang)))
        });
        let tls = tls.transpose()?;
        let listener = TcpListener::bind(address).map_err(|error| refused(address.to_string(), error.to_string()))?;
        let trust = verify::trust(&[], lang)?;
        // A connection of its own: what it writes is noticed as another program's.
        let store = Store::open(store.directory()).map_err(|error| store_failure(&error, lang))?;
        let settings = http::Settings {
            service: settings.clone(),
            shelf: Arc::clone(shelf),
            limits: config.page.limits,
            scanner: config.scanner.clone(),
            tokens,
            http: config.http.clone(),
            signing: Signing::NoKey,
            live: Live::default(),
            roots: (trust.roots, trust.required),
            records: environment::records(config)?,
            points: config.points,
        };
        Ok(Some(Self { listener, tls, store, settings }))
    }

    /// Answers until the service stops.
    fn serve(self, metrics: &Arc<Metrics>, stop: &Arc<AtomicBool>, teller: Teller) {
        let (told, live) = (Arc::clone(metrics), self.settings.live.clone());
        let tell: http::Tell = Arc::new(move |event| {
            told.count(event);
            live.tell(event);
            teller.tell(event);
        });
        let Self { listener, tls, store, settings } = self;
        let served = http::run(
            (listener, tls),
            store,
            settings,
            Arc::clone(metrics),
            environment::vietnam_time,
            stop,
            Arc::clone(&tell),
        );
        if let Err(error) = served {
            let message = format!("HTTP: {error}");
            tell(&Event::Trouble(service::Trouble::Output(message.clone(), message)));
        }
    }
}

/// Who signs what waits: the service with the key that it has opened, or people with the one that is named.
fn signing(config: &Config, opened: Option<&dyn Signer>) -> Result<Signing, Failure> {
    if let Some(signer) = opened {
        return Ok(Signing::ByItself { is_development: sign::is_development(signer) });
    }
    let Some(source) = config.key.clone() else { return Ok(Signing::NoKey) };
    Ok(Signing::ByPeople(PeoplesKey {
        role: config.profile.signatory,
        stamp: environment::stamp(config, true)?,
        is_on_token: matches!(source, KeySource::Token { .. }),
        open: Box::new(move |typed, knows_final_try, now| environment::typed_key(&source, typed, knows_final_try, now)),
    }))
}

/// The names and addresses by which browsers may know this machine, for a certificate that it makes itself.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()));
    let listening = config.http.listen.map(|address| address.ip()).filter(|address| !address.is_unspecified());
    names.extend([listening, http::own_address()].into_iter().flatten().map(|address| address.to_string()));
    if let Some((_, rest)) = config.http.url.as_deref().and_then(|url| url.split_once("://")) {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(address) => address.split(']').next(),
            None => authority.split(':').next(),
        };
        names.extend(host.map(str::to_owned));
    }
    names.sort();
    names.dedup();
    names
}

/// The checked settings of the service.
fn settings(config: &Config, taught: Taught) -> Result<Settings, Failure> {
    let (lang, service) = (config.lang, &config.service);
    let usage = |vietnamese, english| Failure::new(ExitCode::Usage, lang.pick(vietnamese, english));
    if service.watch.is_empty() {
        return Err(usage(
            "chưa có thư mục nào để theo dõi; hãy dùng --watch hoặc đặt [[watch]] trong tệp cấu hình",
            "there is no folder to watch; use --watch, or set [[watch]] in the configuration file",
        ));
    }
    let Some(out) = &service.out else {
        return Err(usage(
            "chưa có thư mục kết quả; hãy dùng --out hoặc đặt service.out trong tệp cấu hình",
            "there is no directory for the results; use --out, or set service.out in the configuration file",
        ));
    };
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| Failure::new(ExitCode::Output, format!("{}: {error}", shown(path))))
    };
    let output = absolute(out)?;
    let personal_store = match &config.personal_store {
        Some(place) => Some(PersonalStoreConfig { path: absolute(&place.path)?, ..place.clone() }),
        None => None,
    };
    let rules = Rules::parse(service.file_names.as_deref()).map_err(|error| {
        let name = lang.pick("giá trị của `service.file_names` không đúng", "`service.file_names` is wrong");
        Failure::new(ExitCode::Configuration, format!("{name}: {error}"))
    })?;
    Ok(Settings {
        folders: service.watch.iter().map(watched).collect(),
        output,
        rules,
        gap: service.gap,
        max_unmade: service.max_waiting,
        min_free_bytes: service.min_free_bytes,
        attempts: service.attempts,
        keep_originals: service.keep_originals,
        connector: match &config.connector {
            Some(connector) => Some(Connector { config: connector.clone(), records: environment::records(config)? }),
            None => None,
        },
        codes: config.codes.clone(),
        personal_store,
        taught: Arc::new(taught),
    })
}

fn watched(raw: &RawWatch) -> Watched {
    let mode = match raw.mode {
        WatchMode::Events => Mode::Events,
        WatchMode::Polling => Mode::Polling,
        WatchMode::Both => Mode::Both,
    };
    // Files are known by their folder: its path must not depend on where the program was started.
    let path = std::path::absolute(&raw.folder).unwrap_or_else(|_| raw.folder.clone());
    let usual = Folder::new(path, mode);
    let seconds = |given: Option<f64>, usual| given.map_or(usual, Duration::from_secs_f64);
    let folder = Folder {
        settle: seconds(raw.settle_seconds, usual.settle),
        rescan: seconds(raw.rescan_seconds, usual.rescan),
        patience: seconds(raw.patience_seconds, usual.patience),
        keep: raw.keep,
        done: raw.done,
        ..usual
    };
    Watched { folder, priority: i64::from(raw.priority == Priority::Backlog) }
}

/// What a store that cannot be used means for the program.
pub(super) fn store_failure(error: &StoreError, lang: Lang) -> Failure {
    let code = match error {
        StoreError::Missing(_) | StoreError::NoDossier(_) | StoreError::NotWaiting(_) | StoreError::NoAccount(_) => {
            ExitCode::NoInput
        }
        StoreError::AccountThere(_) => ExitCode::Usage,
        StoreError::Newer { .. } | StoreError::NotOurs(_) => ExitCode::Configuration,
        StoreError::Damaged(_) => ExitCode::Tampered,
        _ => ExitCode::Output,
    };
    Failure::new(code, error.message(lang))
}

/// Tells events as lines: for programs on standard output, for people on standard error.
#[derive(Clone, Copy)]
struct Teller {
    json: bool,
    lang: Lang,
}

impl Teller {
    fn tell(&self, event: &Event) {
        match self.json {
            // For pages that show it; a line for each would hide the others.
            _ if matches!(event, Event::Page { .. }) => {}
            true => self.print(event.to_json(self.lang)),
            false => remark(&format!("{} {}", environment::time_now(), event.to_line(self.lang))),
        }
    }

    fn tell_status(&self, store: &Store) {
        let now = service::millis(environment::vietnam_time());
        match (store.status(now), self.json) {
            (Ok(status), true) => self.print(status_json(&status)),
            (Ok(status), false) => remark(&status_line(&status, self.lang)),
            (Err(error), _) => self.tell(&Event::Trouble(service::Trouble::Store(error))),
        }
    }

    fn print(&self, mut value: serde_json::Value) {
        value["time"] = environment::time_now().into();
        // A log that nobody can write is no reason to stop.
        drop(super::print(format!("{value}\n").as_bytes()));
    }
}

/// How things stand, for programs.
pub(super) fn status_json(status: &Status) -> serde_json::Value {
    let components: serde_json::Map<String, serde_json::Value> =
        State::ALL.iter().map(|state| (state.code().to_owned(), status.of(*state).into())).collect();
    json!({
        "event": "status", "captures": status.captures, "unmade_captures": status.unmade_captures,
        "components": components, "queued": status.queued, "running": status.running, "retried": status.retried,
        "oldest_queued_ms": status.oldest_queued, "oldest_unsigned_ms": status.oldest_unsigned,
    })
}

/// How things stand, for people.
fn status_line(status: &Status, lang: Lang) -> String {
    let components: Vec<String> =
        State::ALL.iter().map(|state| format!("{} {}", state.name(lang), status.of(*state))).collect();
    let minutes = status.oldest_queued.map_or(0, |age| age / 60_000);
    match lang {
        Lang::Vi => format!(
            "{} ảnh gốc · thành phần: {} · {} chờ xử lý, lâu nhất {minutes} phút",
            status.captures,
            components.join(", "),
            status.queued
        ),
        Lang::En => format!(
            "{} captures · components: {} · {} queued, the oldest for {minutes} minutes",
            status.captures,
            components.join(", "),
            status.queued
        ),
    }
}
