//! `sohoa personal`: the store of owners' papers, checked and copied out.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;
use sohoa::config::{Config, FolderNames, PersonalStoreConfig};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, shown};
use sohoa::personal::{self, Folders, PersonalError};
use sohoa::store::Store;

use super::args::Shared;
use super::dossier::{ShownOptions, open};
use super::serve::store_failure;
use super::{Failure, environment, print, remark};

#[derive(Debug, ClapArgs)]
pub(super) struct Personal {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read every paper in the store and say what is damaged
    Check {
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Copy the papers of one owner or of all to a folder, and compare every byte
    Export {
        /// Folder for the papers
        #[arg(long = "to", value_name = "DIR")]
        papers_to: PathBuf,
        /// Identification of one owner [default: all]
        #[arg(long, value_name = "NUMBER")]
        owner: Option<String>,
        #[command(flatten)]
        shown: ShownOptions,
    },
}

/// Runs one of the commands.
pub(super) fn run(command: &Personal, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    let place = place(&config)?;
    match &command.command {
        Command::Check { shown } => check(&open(&config, shown, lang)?, &place.path, shown.json, lang),
        Command::Export { papers_to, owner, shown } => {
            let store = open(&config, shown, lang)?;
            let folders = match (owner, place.folders) {
                (None, _) => None,
                (Some(owner), FolderNames::Number) => Some(Folders::Numbers.of(owner)),
                (Some(owner), FolderNames::Hash) => {
                    let key = store.folder_key().map_err(|error| store_failure(&error, lang))?;
                    Some(Folders::Hashed(key).of(owner))
                }
            };
            export(&store, (&place.path, papers_to), folders.as_deref(), shown.json, lang)
        }
    }
}

fn place(config: &Config) -> Result<&PersonalStoreConfig, Failure> {
    config.personal_store.as_ref().ok_or_else(|| {
        let message = config.lang.pick(
            "chưa có kho giấy tờ; hãy đặt personal_store.path trong tệp cấu hình",
            "there is no store of owners' papers; set personal_store.path in the configuration file",
        );
        Failure::new(ExitCode::Configuration, message)
    })
}

fn check(store: &Store, root: &Path, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let folders = store.filed_folders().map_err(|error| store_failure(&error, lang))?;
    let mut damaged = 0;
    for folder in &folders {
        for flaw in personal::check(&root.join(folder)) {
            damaged += 1;
            let message = flaw.message(lang);
            if json {
                print(format!("{}\n", json!({"event": "finding", "message": message})).as_bytes())?;
            } else {
                remark(&message);
            }
        }
    }
    let papers = folders.len();
    let text = match (json, lang) {
        (true, _) => json!({"event": "done", "papers": papers, "damaged": damaged}).to_string(),
        (false, Lang::Vi) => format!("{papers} giấy tờ, {damaged} chỗ hỏng"),
        (false, Lang::En) => format!("{papers} papers, damaged in {damaged} places"),
    };
    print(format!("{text}\n").as_bytes())?;
    Ok(if damaged == 0 { ExitCode::Done } else { ExitCode::Tampered })
}

fn export(
    store: &Store,
    (root, to): (&Path, &Path),
    owner: Option<&str>,
    json: bool,
    lang: Lang,
) -> Result<ExitCode, Failure> {
    let failure = |error: PersonalError| {
        let code = match &error {
            PersonalError::Altered(_) => ExitCode::Tampered,
            _ => ExitCode::Output,
        };
        Failure::new(code, error.message(lang))
    };
    let folders = store.filed_folders().map_err(|error| store_failure(&error, lang))?;
    let is_wanted = |folder: &&String| owner.is_none_or(|owner| folder.split('/').next() == Some(owner));
    let wanted: Vec<&String> = folders.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        let message = lang.pick("kho không có giấy tờ nào của chủ này", "the store has no paper of this owner");
        return Err(Failure::new(ExitCode::NoInput, message));
    }
    let mut files = 0;
    for folder in &wanted {
        files += personal::copy_out(&root.join(folder), &to.join(folder)).map_err(failure)?;
    }
    let papers = wanted.len();
    let text = match (json, lang) {
        (true, _) => {
            json!({"event": "exported", "path": to.to_string_lossy(), "papers": papers, "files": files}).to_string()
        }
        (false, Lang::Vi) => format!("{}: {papers} giấy tờ, {files} tệp, giống từng byte", shown(to)),
        (false, Lang::En) => format!("{}: {papers} papers, {files} files, the same byte for byte", shown(to)),
    };
    print(format!("{text}\n").as_bytes())
}
