//! `sohoa dossier`: what there is in the store, placing what waits, handing a dossier on.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::export::{self, ExportError, Records};
use sohoa::ledger::LedgerError;
use sohoa::manifest;
use sohoa::model::{DossierCode, Lang, Localized, io_reason, shown};
use sohoa::service;
use sohoa::store::{ComponentShown, DossierCount, DossierShown, Published, State, Store};

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
    let parts: Vec<&str> = text.split('.').collect();
    let fits = matches!(parts[..], ["KQ", level, number]
        if level.len() == 3 && level.starts_with(|c| ('A'..='K').contains(&c))
            && level[1..].bytes().all(|byte| byte.is_ascii_digit())
            && number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()));
    if fits { Ok(text.to_owned()) } else { Err("KQ.G15.000031") }
}

/// Runs one of the commands.
pub(super) fn run(command: &Dossier, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    match &command.command {
        Command::List { shown } => list(&open(&config, shown, lang)?, shown.json, lang),
        Command::Show { dossier_code, shown } => {
            let code = dossier_code.as_ref().map(DossierCode::as_str);
            let dossier = open(&config, shown, lang)?.dossier(code).map_err(|error| store_failure(&error, lang))?;
            let text = if shown.json { format!("{}\n", dossier_json(&dossier)) } else { dossier_text(&dossier, lang) };
            print(text.as_bytes())
        }
        Command::Attach(attach) => place(&open(&config, &attach.shown, lang)?, attach, lang),
        Command::Export { dossier_code, to, shown } => {
            hand_on(&open(&config, shown, lang)?, &config, dossier_code, to, shown.json)
        }
    }
}

fn open(config: &Config, shown: &ShownOptions, lang: Lang) -> Result<Store, Failure> {
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
    let mut captures = attach.captures.clone();
    for component in &attach.waiting {
        captures.extend(store.waiting_captures(*component).map_err(failure)?);
    }
    let codes = (attach.component_code.as_deref(), attach.result_code.as_deref());
    let now = service::millis(environment::vietnam_time());
    let component = store.attach(&attach.dossier_code, &attach.component, &captures, codes, now).map_err(failure)?;
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

fn hand_on(store: &Store, config: &Config, code: &DossierCode, to: &Path, json: bool) -> Result<ExitCode, Failure> {
    let lang = config.lang;
    let records = match &config.service.records {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
            Failure::new(ExitCode::Configuration, format!("{}: {}", shown(path), io_reason(error.kind(), lang)))
        })?),
    };
    let failure = |error: ExportError| {
        let exit = match &error {
            ExportError::Nothing => ExitCode::NoInput,
            ExportError::Altered(_) | ExportError::Ledger(LedgerError::Manifest { .. } | LedgerError::Log { .. }) => {
                ExitCode::Tampered
            }
            ExportError::Records(_) => ExitCode::Configuration,
            _ => ExitCode::Output,
        };
        Failure::new(exit, error.message(lang))
    };
    let records = Records::parse(records.as_deref()).map_err(failure)?;
    let dossier = store.dossier(Some(code.as_str())).map_err(|error| store_failure(&error, lang))?;
    let exported = export::export(&dossier, &records, to).map_err(failure)?;
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

fn dossier_json(dossier: &DossierShown) -> Value {
    let components: Vec<Value> = dossier.components.iter().map(component_json).collect();
    json!({"dossier": dossier.code, "components": components})
}

fn component_json(component: &ComponentShown) -> Value {
    let captures: Vec<Value> = component
        .captures
        .iter()
        .map(|one| json!({"id": one.id, "name": one.name, "sha256": one.sha256, "bytes": one.bytes}))
        .collect();
    let files: Vec<Value> = component
        .published
        .iter()
        .map(|one| {
            let listed = listed(one);
            let sha256 = listed.as_ref().and_then(|listed| Some(&listed.file.as_ref()?.sha256));
            let set_aside = listed.as_ref().map_or(&[][..], |listed| &listed.set_aside);
            let set_aside: Vec<Value> =
                set_aside.iter().map(|aside| json!({"file": aside.file.path, "reason": aside.reason})).collect();
            json!({
                "directory": one.directory, "file": one.file.as_ref().map(|(file, _)| file), "version": one.version,
                "sha256": sha256,
                "set_aside": set_aside,
            })
        })
        .collect();
    json!({
        "id": component.id, "title": component.title, "name": component.name, "version": component.version,
        "newest": component.is_newest, "state": component.state.code(), "reason": component.reason,
        "code": component.code, "result_code": component.result_code, "captures": captures, "files": files,
    })
}

fn dossier_text(dossier: &DossierShown, lang: Lang) -> String {
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
        for published in &component.published {
            if let Some((file, _)) = &published.file {
                line(format!("     {}", shown(&PathBuf::from(&published.directory).join(file))));
            }
            for aside in listed(published).map(|listed| listed.set_aside).unwrap_or_default() {
                line(format!("     ! {}: {}", shown(&PathBuf::from(aside.file.path)), aside.reason));
            }
        }
        if component.state == State::Unplaced || dossier.code.is_none() {
            for capture in &component.captures {
                let word = lang.pick("ảnh gốc", "capture");
                line(format!("     {word} {}: {}", capture.id, shown(&PathBuf::from(&capture.name))));
            }
        }
    }
    text
}

/// What the directory's manifest says of a component, as it is now; nothing where it cannot be read.
fn listed(published: &Published) -> Option<manifest::Component> {
    let path = PathBuf::from(&published.directory).join(manifest::FILE_NAME);
    let components = manifest::open(&std::fs::read(path).ok()?).ok()?.manifest.components;
    components.into_iter().find(|one| one.name == published.name && one.version == published.version)
}

/// Why a component waits or failed.
fn reason_text(reason: &str, lang: Lang) -> &str {
    match reason {
        "no-code" => lang.pick("không có mã hồ sơ", "no dossier code"),
        "not-a-code" => lang.pick("mã hồ sơ không đúng", "not a dossier code"),
        "two-codes" => lang.pick("có hai mã hồ sơ khác nhau", "two dossier codes"),
        "capture-damaged" => {
            lang.pick("ảnh gốc trong kho bị hỏng; hãy quét lại", "a stored capture is damaged; scan it again")
        }
        "in-the-way" => lang.pick(
            "thư mục kết quả có tệp lạ cùng tên; hãy chuyển nó đi rồi khởi động lại dịch vụ",
            "a strange file of this name is in the directory; move it and start the service anew",
        ),
        "altered" => lang.pick(
            "thư mục kết quả đã bị sửa; hãy chạy `sohoa verify`, sửa rồi khởi động lại dịch vụ",
            "the directory was altered; run `sohoa verify`, mend it and start the service anew",
        ),
        "other-dossier" => lang.pick("thư mục kết quả là của hồ sơ khác", "the directory is another dossier's"),
        other => other,
    }
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
