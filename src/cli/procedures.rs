//! `sohoa procedures`: the catalogue of procedures in the store.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::procedures::{self, CatalogueError, Class};
use sohoa::service;
use sohoa::store::Store;

use super::args::Shared;
use super::dossier::{ShownOptions, open};
use super::serve::store_failure;
use super::{Failure, environment, print};

/// Procedures asked for at a time.
const PART: u32 = 500;

#[derive(Debug, ClapArgs)]
pub(super) struct Procedures {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put the procedures of a CSV file into the catalogue, all or none
    Import {
        /// The table; docs/codes.md names its columns
        #[arg(value_name = "FILE.csv")]
        table: PathBuf,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// List the procedures of the catalogue, or the papers of one
    List {
        /// Code of a procedure
        #[arg(value_name = "CODE")]
        procedure_code: Option<String>,
        #[command(flatten)]
        shown: ShownOptions,
    },
}

/// Runs one of the commands.
pub(super) fn run(command: &Procedures, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    match &command.command {
        Command::Import { table, shown } => import(&open(&config, shown, lang)?, table, shown.json, lang),
        Command::List { procedure_code: None, shown } => list(&open(&config, shown, lang)?, shown.json, lang),
        Command::List { procedure_code: Some(code), shown } => {
            papers(&open(&config, shown, lang)?, code, shown.json, lang)
        }
    }
}

fn import(store: &Store, table: &Path, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(ExitCode::NoInput, format!("{}: {}", shown(table), io_reason(error.kind(), lang)))
    };
    let bytes = fs::read(table).map_err(unreadable)?;
    let refused =
        |error: CatalogueError| Failure::new(ExitCode::NoInput, format!("{}: {}", shown(table), error.message(lang)));
    let procedures = procedures::parse(&bytes).map_err(refused)?;
    let now = service::millis(environment::vietnam_time());
    store.import_procedures(&procedures, now).map_err(|error| store_failure(&error, lang))?;
    let (count, papers) = (procedures.len(), procedures.iter().map(|one| one.components.len()).sum::<usize>());
    let text = match (json, lang) {
        (true, _) => json!({"event": "imported", "procedures": count, "components": papers}).to_string(),
        (false, Lang::Vi) => format!("Đã nhập {count} thủ tục với {papers} giấy tờ"),
        (false, Lang::En) => format!("Imported {count} procedures with {papers} papers"),
    };
    print(format!("{text}\n").as_bytes())
}

fn list(store: &Store, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let (mut text, mut after) = (String::new(), String::new());
    loop {
        let part = store.procedures_after(&after, PART).map_err(|error| store_failure(&error, lang))?;
        let Some(last) = part.last() else { break };
        after.clone_from(&last.code);
        for one in &part {
            let (code, name, components, compulsory) = (&one.code, &one.name, one.components, one.compulsory);
            text.push_str(&match (json, lang) {
                (true, _) => {
                    let value =
                        json!({"procedure": code, "name": name, "components": components, "compulsory": compulsory});
                    format!("{value}\n")
                }
                (false, Lang::Vi) => format!("{code}  {name} · {components} giấy tờ, {compulsory} bắt buộc số hóa\n"),
                (false, Lang::En) => format!("{code}  {name} · {components} papers, {compulsory} to be digitised\n"),
            });
        }
    }
    if text.is_empty() && !json {
        text.push_str(lang.pick("Danh mục chưa có thủ tục nào\n", "The catalogue has no procedure yet\n"));
    }
    print(text.as_bytes())
}

fn papers(store: &Store, code: &str, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let found = store.procedure(code).map_err(|error| store_failure(&error, lang))?;
    let Some(procedure) = found else {
        let message = match lang {
            Lang::Vi => format!("danh mục không có thủ tục {code}; xem `sohoa procedures list`"),
            Lang::En => format!("the catalogue has no procedure {code}; see `sohoa procedures list`"),
        };
        return Err(Failure::new(ExitCode::NoInput, message));
    };
    let mut text = if json { String::new() } else { format!("{}  {}\n", procedure.code, procedure.name) };
    for listed in &procedure.components {
        let class = listed.class.map(Class::number);
        text.push_str(&match json {
            true => {
                let value =
                    json!({"code": listed.code, "name": listed.name, "class": class, "result_type": listed.result_type});
                format!("{value}\n")
            }
            false => {
                let why = listed.class.map_or(lang.pick("khi có yêu cầu", "on request"), |class| class.name(lang));
                let codes: Vec<&str> = [&listed.code, &listed.result_type].into_iter().flatten().map(String::as_str).collect();
                format!("  {} ({why}) {}\n", listed.name, codes.join(" "))
            }
        });
    }
    print(text.as_bytes())
}
