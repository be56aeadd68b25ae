//! `sohoa dossier`: what there is in the store, placing what waits, handing a dossier on.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::export::{self, ExportError};
use sohoa::ledger::LedgerError;
use sohoa::model::{DossierCode, Lang, Localized, is_result_type, shown};
use sohoa::service::{self, dossier_json, listed, reason_text};
use sohoa::store::{ComponentShown, DeliveryShown, DeliveryState, DossierCount, DossierShown, Pick, State, Store};

use super::args::Shared;
use super::serve::{DataOption, status_json, store_failure};
use super::{Failure, environment, print};

#[derive(Debug, ClapArgs)]
pub(super) struct Dossier {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the dossiers and what waits to be placed
    List {
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Show the components of a dossier, or what waits to be placed
    Show {
        /// Code of the dossier; without one what waits to be placed
        #[arg(value_name = "CODE")]
        dossier_code: Option<DossierCode>,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Place waiting captures in a component of a dossier
    Attach(Attach),
    /// Deliver anew what the connector's endpoint refused or does not have yet
    Deliver {
        /// Code of the dossier; without one of all
        #[arg(value_name = "CODE")]
        dossier_code: Option<DossierCode>,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Let a phone send pictures into a dossier, by a QR code
    Pair(super::pair::Pair),
    /// Write a dossier's files and the portal's records into a folder or a zip file
    Export {
        /// Code of the dossier
        #[arg(value_name = "CODE")]
        dossier_code: DossierCode,
        /// Folder, or zip file (.zip)
        #[arg(long, value_name = "DIR|FILE.zip")]
        to: PathBuf,
        #[command(flatten)]
        shown: ShownOptions,
    },
}

#[derive(Debug, ClapArgs)]
struct Attach {
    /// Code of the dossier
    #[arg(value_name = "CODE")]
    dossier_code: DossierCode,
    /// Title of the component
    #[arg(value_name = "COMPONENT")]
    component: String,
    /// Numbers of captures that wait, in page order
    #[arg(value_name = "CAPTURE", required_unless_present = "waiting")]
    captures: Vec<i64>,
    /// Number of a component that waits: all its captures, in their order
    #[arg(long, value_name = "N")]
    waiting: Vec<i64>,
    /// Code of the component in the catalogue of the procedure
    #[arg(long, value_name = "TEXT", value_parser = component_code)]
    component_code: Option<String>,
    /// Code of the kind of result, where the paper is one, such as KQ.G15.000031
    #[arg(long, value_name = "CODE", value_parser = result_code)]
    result_code: Option<String>,
    #[command(flatten)]
    shown: ShownOptions,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ShownOptions {
    #[command(flatten)]
    pub(super) data: DataOption,
    /// Results for programs on standard output, one JSON line each
    #[arg(long)]
    pub(super) json: bool,
}

/// An opaque word of the province's catalogue.
fn component_code(text: &str) -> Result<String, &'static str> {
    let fits = !text.is_empty() && text.chars().count() <= 50 && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("1 to 50 characters") }
}

/// `KQ.G15.000031`: the ministry or province, and six digits.
fn result_code(text: &str) -> Result<String, &'static str> {
    if is_result_type(text) { Ok(text.to_owned()) } else { Err("KQ.G15.000031") }
}

/// Runs one of the commands.
pub(super) fn run(command: &Dossier, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    match &command.command {
        Command::List { shown } => list(&open(&config, shown, lang)?, shown.json, lang),
        Command::Show { dossier_code, shown } => {
            let code = dossier_code.as_ref().map(DossierCode::as_str);
            let store = open(&config, shown, lang)?;
            let dossier = store.dossier(code).map_err(|error| store_failure(&error, lang))?;
            let deliveries = |component: &ComponentShown| store.deliveries(component.id).unwrap_or_default();
            // Without a connector what waits to be delivered waits for nothing.
            let tells = |one: &DeliveryShown| config.connector.is_some() || one.state != DeliveryState::Waiting;
            let deliveries = |component: &ComponentShown| deliveries(component).into_iter().filter(tells).collect();
            let text = match shown.json {
                true => format!("{}\n", with_deliveries(&dossier, &deliveries)),
                false => dossier_text(&dossier, &deliveries, lang),
            };
            print(text.as_bytes())
        }
        Command::Deliver { dossier_code, shown } => {
            let code = dossier_code.as_ref().map(DossierCode::as_str);
            deliver_again(&open(&config, shown, lang)?, code, config.connector.is_some(), shown.json, lang)
        }
        Command::Pair(pair) => super::pair::run(pair, &config, lang),
        Command::Attach(attach) => place(&open(&config, &attach.shown, lang)?, attach, lang),
        Command::Export { dossier_code, to, shown } => {
            hand_on(&open(&config, shown, lang)?, &config, dossier_code, to, shown.json)
        }
    }
}

pub(super) fn open(config: &Config, shown: &ShownOptions, lang: Lang) -> Result<Store, Failure> {
    Store::open_existing(&shown.data.directory(config)).map_err(|error| store_failure(&error, lang))
}

fn list(store: &Store, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let failure = |error| store_failure(&error, lang);
    let dossiers = store.dossiers().map_err(failure)?;
    let mut text = String::new();
    for DossierCount { code, states } in &dossiers {
        if json {
            let states: serde_json::Map<String, Value> =
                states.iter().map(|(state, count)| (state.code().to_owned(), (*count).into())).collect();
            text.push_str(&format!("{}\n", json!({"dossier": code, "components": states})));
        } else {
            let states: Vec<String> =
                states.iter().map(|(state, count)| format!("{} {count}", state.name(lang))).collect();
            let code = code.as_deref().unwrap_or(lang.pick("(chưa xếp)", "(not placed)"));
            text.push_str(&format!("{code}  {}\n", states.join(" · ")));
        }
    }
    if json {
        let now = service::millis(environment::vietnam_time());
        text.push_str(&format!("{}\n", status_json(&store.status(now).map_err(failure)?)));
    } else if dossiers.is_empty() {
        text.push_str(lang.pick("Chưa có hồ sơ nào\n", "There is no dossier yet\n"));
    }
    print(text.as_bytes())
}

fn place(store: &Store, attach: &Attach, lang: Lang) -> Result<ExitCode, Failure> {
    let failure = |error| store_failure(&error, lang);
    let captures = attach.captures.iter().copied().map(Pick::Capture);
    let picks: Vec<Pick> = captures.chain(attach.waiting.iter().copied().map(Pick::Component)).collect();
    let codes = (attach.component_code.as_deref(), attach.result_code.as_deref());
    let now = service::millis(environment::vietnam_time());
    let placed = store.attach(&attach.dossier_code, &attach.component, &picks, codes, None, now);
    let (component, captures) = placed.map_err(failure)?;
    let (dossier, count) = (&attach.dossier_code, captures.len());
    let text = match (attach.shown.json, lang) {
        (true, _) => {
            json!({"event": "placed", "dossier": dossier.as_str(), "component": component, "captures": captures})
                .to_string()
        }
        (false, Lang::Vi) => format!("Đã xếp {count} ảnh gốc vào hồ sơ {dossier}; dịch vụ sẽ số hóa"),
        (false, Lang::En) => format!("Placed {count} captures in dossier {dossier}; the service will digitise them"),
    };
    print(format!("{text}\n").as_bytes())
}

fn deliver_again(
    store: &Store,
    code: Option<&str>,
    has_connector: bool,
    json: bool,
    lang: Lang,
) -> Result<ExitCode, Failure> {
    if !has_connector {
        return Err(Failure::new(
            ExitCode::Configuration,
            lang.pick(
                "chưa có nơi nhận; hãy đặt connector.url trong tệp cấu hình",
                "there is nowhere to deliver to; set connector.url in the configuration file",
            ),
        ));
    }
    let now = service::millis(environment::vietnam_time());
    let files = store.deliver_again(code, now).map_err(|error| store_failure(&error, lang))?;
    let text = match (json, lang) {
        (true, _) => json!({"event": "deliver", "dossier": code, "files": files}).to_string(),
        (false, Lang::Vi) => format!("{files} tệp sẽ được dịch vụ giao lại"),
        (false, Lang::En) => format!("the service will deliver {files} files"),
    };
    print(format!("{text}\n").as_bytes())
}

fn hand_on(store: &Store, config: &Config, code: &DossierCode, to: &Path, json: bool) -> Result<ExitCode, Failure> {
    let lang = config.lang;
    let failure = |error: ExportError| {
        let exit = match &error {
            ExportError::Nothing => ExitCode::NoInput,
            ExportError::Altered(_) | ExportError::Ledger(LedgerError::Manifest { .. } | LedgerError::Log { .. }) => {
                ExitCode::Tampered
            }
            _ => ExitCode::Output,
        };
        Failure::new(exit, error.message(lang))
    };
    let records = environment::records(config)?;
    let dossier = store.dossier(Some(code.as_str())).map_err(|error| store_failure(&error, lang))?;
    let rules = environment::rules(config)?;
    let corrected = service::corrected(store, &dossier, &rules).map_err(|error| store_failure(&error, lang))?;
    let exported = export::export(&dossier, &records, &corrected, to).map_err(failure)?;
    let now = service::millis(environment::vietnam_time());
    store.exported(code.as_str(), now).map_err(|error| store_failure(&error, lang))?;
    let left_out: Vec<Value> =
        exported.left_out.iter().map(|(name, state)| json!({"name": name, "state": state.code()})).collect();
    let mut text = match (json, lang) {
        (true, _) => {
            let (path, files) = (exported.path.to_string_lossy(), exported.files);
            format!("{}\n", json!({"event": "exported", "path": path, "files": files, "left_out": left_out}))
        }
        (false, Lang::Vi) => format!("{}: {} tệp\n", shown(&exported.path), exported.files),
        (false, Lang::En) => format!("{}: {} files\n", shown(&exported.path), exported.files),
    };
    for (name, state) in exported.left_out.iter().filter(|_| !json) {
        let word = lang.pick("chưa có trong gói", "left out");
        text.push_str(&format!("  {name}: {word} ({})\n", state.name(lang)));
    }
    print(text.as_bytes())?;
    Ok(if exported.left_out.is_empty() { ExitCode::Done } else { ExitCode::Incomplete })
}

/// How far the deliveries of a component are, as far as they are to be told.
type Deliveries<'a> = dyn Fn(&ComponentShown) -> Vec<DeliveryShown> + 'a;

fn with_deliveries(dossier: &DossierShown, deliveries: &Deliveries<'_>) -> Value {
    let mut value = dossier_json(dossier);
    let components = value["components"].as_array_mut().into_iter().flatten();
    for (told, component) in components.zip(&dossier.components) {
        let one = |one: DeliveryShown| {
            json!({
                "name": one.name, "version": one.version, "state": one.state.code(), "attempts": one.attempts,
                "answer": one.answer,
            })
        };
        told["deliveries"] = deliveries(component).into_iter().map(one).collect();
    }
    value
}

fn delivery_text(delivery: &DeliveryShown, lang: Lang) -> String {
    let answer = match delivery.answer.as_deref() {
        None => return lang.pick("chờ giao", "to be delivered").to_owned(),
        Some("network") => lang.pick("không kết nối được", "no connection"),
        Some("altered") => lang.pick("tệp đã bị sửa hoặc mất", "the file was changed or is gone"),
        Some("unreadable") => lang.pick("không đọc được tệp", "the file cannot be read"),
        Some(status) => status,
    };
    let attempts = delivery.attempts;
    match (delivery.state, lang) {
        (DeliveryState::Accepted, Lang::Vi) => "đã giao".to_owned(),
        (DeliveryState::Accepted, Lang::En) => "delivered".to_owned(),
        (DeliveryState::Waiting, Lang::Vi) => format!("chờ giao (đã thử {attempts} lần: {answer})"),
        (DeliveryState::Waiting, Lang::En) => format!("to be delivered (tried {attempts} times: {answer})"),
        (DeliveryState::Refused, Lang::Vi) => {
            format!("nơi nhận từ chối ({answer}); sửa xong hãy chạy `sohoa dossier deliver`")
        }
        (DeliveryState::Refused, Lang::En) => {
            format!("refused ({answer}); mend it and run `sohoa dossier deliver`")
        }
    }
}

fn dossier_text(dossier: &DossierShown, deliveries: &Deliveries<'_>, lang: Lang) -> String {
    let mut text = String::new();
    let title = dossier.code.as_deref().unwrap_or(lang.pick("Chưa xếp", "Not placed"));
    // A String takes whatever is written to it.
    let mut line = |line: String| text.write_fmt(format_args!("{line}\n")).unwrap_or_default();
    line(title.to_owned());
    for component in dossier.components.iter().filter(|component| component.is_newest) {
        let ComponentShown { id, title, version, state, .. } = component;
        let reason = component.reason.as_deref().map(|reason| reason_text(reason, lang));
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        line(format!("  {id}. {title} · V{version} · {}{reason}", state.name(lang)));
        if let Some(code) = &component.digital_code {
            line(format!("     {}: {}", lang.pick("mã kết quả số hóa", "code of the result"), code.text));
        }
        for published in &component.published {
            if let Some((file, _)) = &published.file {
                line(format!("     {}", shown(&PathBuf::from(&published.directory).join(file))));
            }
            for aside in listed(published).map(|listed| listed.set_aside).unwrap_or_default() {
                line(format!("     ! {}: {}", shown(&PathBuf::from(aside.file.path)), aside.reason));
            }
        }
        for delivery in deliveries(component) {
            line(format!("     → {}", delivery_text(&delivery, lang)));
        }
        if component.state == State::Unplaced || dossier.code.is_none() {
            for capture in &component.captures {
                let word = lang.pick("ảnh gốc", "capture");
                let pages = capture.pages.as_ref().map_or_else(String::new, |pages| {
                    format!(", {} {}–{}", lang.pick("trang", "pages"), pages.start(), pages.end())
                });
                line(format!("     {word} {}: {}{pages}", capture.id, shown(&PathBuf::from(&capture.name))));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_have_one_form() {
        assert!(result_code("KQ.G15.000031").is_ok());
        for wrong in
            ["", "KQ.G15.31", "KQ.Z15.000031", "kq.G15.000031", "KQ.G1.000031", "KQ.G15.000031.1", "KQ.Đ5.000031"]
        {
            assert!(result_code(wrong).is_err(), "{wrong}");
        }
    }
}
