//! `sohoa package`: archive packages of dossiers.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use sohoa::exit::ExitCode;
use sohoa::ledger::LedgerError;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::package::{self, Metadata, PackageError, Packaged, Pattern, Wanted};

use super::args::Shared;
use super::{Failure, environment, remark, stdout_failure};

#[derive(Debug, ClapArgs)]
pub(super) struct Package {
    /// Output directories of `digitize`, one dossier each
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Folder for the packages
    #[arg(long, short, value_name = "FOLDER")]
    out: PathBuf,
    /// What describes the dossiers and documents: a TOML or CSV file (docs/packages.md)
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Names of the files in the package: tt05-2025, tt02-2019, cv7197, or a pattern such as {dossier}.{number:3}
    /// [default: tt05-2025]
    #[arg(long, value_name = "NAME|PATTERN")]
    file_name: Option<String>,
    /// Leave out components that are not signed or not complete
    #[arg(long)]
    leave_out: bool,
    /// Package although fields are empty that must be filled in
    #[arg(long)]
    allow_missing: bool,
    /// Results for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
}

/// Packages each directory of the command line; one that cannot be packaged is told and the others go on.
pub(super) fn run(command: &Package, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        raw.package.file_name = command.file_name.clone().or(raw.package.file_name.take());
    })?;
    let pattern: Pattern = config.package.file_name.parse().map_err(|error: package::NotAPattern| {
        Failure::new(ExitCode::Configuration, format!("package.file_name: {}", error.message(lang)))
    })?;
    let metadata = match &command.metadata {
        None => Metadata::default(),
        Some(path) => metadata(path, &pattern, lang)?,
    };
    let wanted = Wanted {
        config: &config.package,
        pattern: &pattern,
        metadata: &metadata,
        leave_out: command.leave_out,
        allow_missing: command.allow_missing,
        now: environment::now(lang)?,
    };
    let say =
        |text: String| std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error));
    let mut code = ExitCode::Done;
    let mut packaged = Vec::new();
    for directory in &command.directories {
        match package::package(directory, &command.out, &wanted) {
            Ok(one) => {
                if !one.left_out.is_empty() && code == ExitCode::Done {
                    code = ExitCode::Incomplete;
                }
                say(if command.json { format!("{}\n", event(directory, &one)) } else { text(directory, &one, lang) })?;
                packaged.push(one);
            }
            Err(error) => {
                code = exit_code(&error);
                remark(&format!("{}: {}", shown(directory), error.message(lang)));
                if command.json {
                    let reason = error.message(Lang::Vi);
                    say(format!("{}\n", json!({"event": "refused", "directory": path(directory), "reason": reason})))?;
                }
            }
        }
    }
    if packaged.len() == command.directories.len() {
        tell_strangers(&metadata, &packaged, lang);
    }
    if command.json {
        let last = json!({"event": "done", "packages": packaged.len(), "exit_code": code as u8});
        say(format!("{last}\n"))?;
    }
    Ok(code)
}

/// Reads what describes the dossiers: CSV by its name, otherwise TOML.
fn metadata(path: &Path, pattern: &Pattern, lang: Lang) -> Result<Metadata, Failure> {
    let failure = |reason: String| Failure::new(ExitCode::Configuration, format!("{}: {reason}", shown(path)));
    let text = fs::read_to_string(path).map_err(|error| failure(io_reason(error.kind(), lang)))?;
    let read = match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        true => Metadata::from_csv(&text, pattern),
        false => Metadata::from_toml(&text, pattern),
    };
    read.map_err(|error| failure(error.message(lang)))
}

fn exit_code(error: &PackageError) -> ExitCode {
    match error {
        PackageError::NoManifest | PackageError::Nothing => ExitCode::NoInput,
        PackageError::Ledger(LedgerError::Publish(_)) | PackageError::Publish(_) | PackageError::InTheWay(_) => {
            ExitCode::Output
        }
        PackageError::Ledger(_) | PackageError::Altered(_) => ExitCode::Tampered,
        PackageError::NotReady(_) => ExitCode::Incomplete,
        PackageError::Missing(_) | PackageError::NoName { .. } => ExitCode::Unmet,
        PackageError::Metadata(_) | PackageError::SameName(_) => ExitCode::Configuration,
        PackageError::OwnFolder => ExitCode::Usage,
        _ => ExitCode::Internal,
    }
}

/// Components that the file of metadata describes and no directory has: most likely misspelt.
fn tell_strangers(metadata: &Metadata, packaged: &[Packaged], lang: Lang) {
    let known: Vec<_> = packaged.iter().map(|one| (one.dossier.clone(), one.components.clone())).collect();
    let strangers = metadata.strangers(&known);
    if !strangers.is_empty() {
        let names = strangers.into_iter().collect::<Vec<_>>().join(", ");
        remark(&match lang {
            Lang::Vi => format!("dữ liệu đặc tả nói đến thành phần không có trong hồ sơ: {names}"),
            Lang::En => format!("the metadata describe components that are not there: {names}"),
        });
    }
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn event(directory: &Path, packaged: &Packaged) -> Value {
    let Packaged { bytes, documents, missing, development, unchanged, .. } = packaged;
    let left_out: Vec<Value> =
        packaged.left_out.iter().map(|(name, state)| json!({"name": name, "state": state})).collect();
    let missing: Vec<Value> =
        missing.iter().map(|one| json!({"field": one.field, "components": one.components})).collect();
    json!({
        "event": "packaged", "directory": path(directory), "package": path(&packaged.path), "id": packaged.id,
        "dossier": packaged.dossier, "documents": documents, "bytes": bytes, "left_out": left_out, "missing": missing,
        "development": development, "unchanged": unchanged,
    })
}

fn text(directory: &Path, packaged: &Packaged, lang: Lang) -> String {
    let Packaged { documents, missing, development, unchanged, .. } = packaged;
    let (from, to) = (shown(directory), shown(&packaged.path));
    let size = super::sizes::megabytes(packaged.bytes);
    let mut text = match (unchanged, lang) {
        (false, Lang::Vi) => format!("{from} → {to}: {documents} tài liệu, {size}\n"),
        (false, Lang::En) => format!("{from} → {to}: {documents} documents, {size}\n"),
        (true, Lang::Vi) => format!("{from}: đã đóng gói từ trước, không đổi: {to}\n"),
        (true, Lang::En) => format!("{from}: packaged before, unchanged: {to}\n"),
    };
    for (name, state) in &packaged.left_out {
        let word = lang.pick("không có trong gói", "left out");
        text.push_str(&format!("  · {name}: {word} ({})\n", state.name(lang)));
    }
    if !missing.is_empty() {
        let word = lang.pick("còn trống", "empty");
        let fields = missing.iter().map(|missing| missing.message(lang)).collect::<Vec<_>>().join("; ");
        text.push_str(&format!("  · {word}: {fields}\n"));
    }
    if *development > 0 {
        text.push_str(&match lang {
            Lang::Vi => format!("  · {development} tài liệu ký bằng khóa thử nghiệm: KHÔNG CÓ GIÁ TRỊ PHÁP LÝ\n"),
            Lang::En => format!("  · {development} documents signed by a development identity: NO LEGAL VALUE\n"),
        });
    }
    text
}
