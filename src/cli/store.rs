//! `sohoa store`: check, back up and restore what the service keeps.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, shown};
use sohoa::service;
use sohoa::store::{self, Store};

use super::args::Shared;
use super::dossier::ShownOptions;
use super::serve::store_failure;
use super::{Failure, environment, print, remark};

#[derive(Debug, ClapArgs)]
pub(super) struct StoreCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything in the store and say what is damaged
    Check {
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Copy the store, also while the service runs
    Backup {
        /// Directory for the copy; an earlier one there is brought up to date
        #[arg(value_name = "DIR")]
        target: PathBuf,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Make a store of a copy
    Restore {
        /// Directory of the copy
        #[arg(value_name = "DIR")]
        copy: PathBuf,
        #[command(flatten)]
        shown: ShownOptions,
    },
}

/// Runs one of the commands.
pub(super) fn run(command: &StoreCommand, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    let failure = |error| store_failure(&error, lang);
    let directory = |shown: &ShownOptions| shown.data.directory(&config);
    match &command.command {
        Command::Check { shown } => check(&Store::open_existing(&directory(shown)).map_err(failure)?, shown.json, lang),
        Command::Backup { target, shown } => {
            let store = Store::open_existing(&directory(shown)).map_err(failure)?;
            let now = service::millis(environment::vietnam_time());
            let copied = store.back_up(target, now).map_err(failure)?;
            tell_copied("backed-up", target, copied, shown.json, lang)
        }
        Command::Restore { copy, shown } => {
            let directory = directory(shown);
            let copied = store::restore(copy, &directory).map_err(failure)?;
            tell_copied("restored", &directory, copied, shown.json, lang)
        }
    }
}

fn check(store: &Store, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let (mut damaged, mut told) = (0, Ok(ExitCode::Done));
    let checked = store.check(&mut |finding| {
        damaged += usize::from(finding.is_damage());
        let message = finding.message(lang);
        match json {
            true => {
                let line = json!({"event": "finding", "kind": finding.code(), "message": message});
                told = print(format!("{line}\n").as_bytes());
            }
            false => remark(&message),
        }
    });
    checked.map_err(|error| store_failure(&error, lang))?;
    told?;
    let text = match (json, lang) {
        (true, _) => json!({"event": "done", "damaged": damaged}).to_string(),
        (false, Lang::Vi) if damaged == 0 => "Kho nguyên vẹn".to_owned(),
        (false, Lang::Vi) => format!("Kho có {damaged} chỗ hỏng"),
        (false, Lang::En) if damaged == 0 => "The store is intact".to_owned(),
        (false, Lang::En) => format!("The store is damaged in {damaged} places"),
    };
    print(format!("{text}\n").as_bytes())?;
    Ok(if damaged == 0 { ExitCode::Done } else { ExitCode::Tampered })
}

fn tell_copied(event: &str, directory: &Path, copied: usize, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let text = match (json, lang) {
        (true, _) => json!({"event": event, "directory": directory.to_string_lossy(), "captures": copied}).to_string(),
        (false, Lang::Vi) => format!("{}: đã chép {copied} ảnh gốc", shown(directory)),
        (false, Lang::En) => format!("{}: copied {copied} captures", shown(directory)),
    };
    print(format!("{text}\n").as_bytes())
}
