//! `sohoa store`: check, back up and restore what the service keeps, and count what dossiers are worth.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;
use sohoa::config::PointsConfig;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, csv_text, shown};
use sohoa::points::{self, Item, Report};
use sohoa::service;
use sohoa::store::{self, Store};

use time::Date;
use time::macros::format_description;

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
    /// Count how far dossiers are digitised, with their points in the index, for reference
    Figures {
        /// First day of receipt, such as 2026-11-01 [default: first of this month]
        #[arg(long, value_name = "DAY", value_parser = day)]
        from: Option<Date>,
        /// Last day of receipt [default: today]
        #[arg(long = "to", value_name = "DAY", value_parser = day)]
        until: Option<Date>,
        /// A table for office programs on standard output
        #[arg(long, conflicts_with = "json")]
        csv: bool,
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
        Command::Figures { from, until, csv, shown } => {
            let now = environment::vietnam_time();
            let first = now.date().replace_day(1).expect("every month has a first day");
            let (from, until) = (from.unwrap_or(first), until.unwrap_or(now.date()));
            let store = Store::open_existing(&directory(shown)).map_err(failure)?;
            let dossiers = store.digitised(&points::day_in_code(from), &points::day_in_code(until)).map_err(failure)?;
            let report = points::report(&dossiers);
            let text = match (csv, shown.json) {
                (true, _) => csv_text(&points::table(&report, &config.points, lang)),
                (false, true) => format!("{}\n", report_json(&report, &config.points)),
                (false, false) => report_text(&report, &config.points, lang),
            };
            print(text.as_bytes())
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

/// A day as programs write it.
fn day(text: &str) -> Result<Date, &'static str> {
    Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| "a day looks like 2026-11-30")
}

fn report_json(report: &Report, rules: &PointsConfig) -> serde_json::Value {
    let counted = |counts: &points::Counts| {
        let points: serde_json::Map<String, serde_json::Value> = Item::ALL
            .iter()
            .map(|item| {
                let points = counts.points(*item, rules).map(|points| f64::from(points.0) / 100.0);
                let max = f64::from(item.rule(rules).max_hundredths) / 100.0;
                (item.number().to_owned(), json!({"points": points, "max": max}))
            })
            .collect();
        json!({
            "dossiers": counts.dossiers, "returning": counts.returning, "with_result": counts.with_result,
            "with_both": counts.with_both, "with_reused": counts.with_reused, "delivered": counts.delivered, "points": points,
        })
    };
    let rows: Vec<serde_json::Value> = report
        .rows
        .iter()
        .map(|(day, unit, counts)| json!({"day": day.to_string(), "unit": unit, "counted": counted(counts)}))
        .collect();
    let missing: Vec<serde_json::Value> = report
        .missing
        .iter()
        .map(|one| json!({"dossier": one.code, "has_component": one.has_component, "has_result": one.has_result}))
        .collect();
    json!({
        "rule": "for reference", "days": rows, "total": counted(&report.total), "missing": missing,
        "undated": report.undated,
    })
}

fn report_text(report: &Report, rules: &PointsConfig, lang: Lang) -> String {
    let mut text = String::new();
    for item in Item::ALL {
        let (part, whole) = report.total.of(item);
        let max = points::Points(item.rule(rules).max_hundredths).text(lang);
        let points = report.total.points(item, rules).map_or_else(|| "–".to_owned(), |points| points.text(lang));
        let what = lang.pick("điểm, tham khảo", "points, for reference");
        text.push_str(&format!("{} {}: {part} / {whole} ({points} / {max} {what})\n", item.number(), item.name(lang)));
    }
    for one in &report.missing {
        text.push_str(&format!("  {}: {}\n", one.code, one.lacks(lang)));
    }
    text
}

fn tell_copied(event: &str, directory: &Path, copied: usize, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let text = match (json, lang) {
        (true, _) => json!({"event": event, "directory": directory.to_string_lossy(), "captures": copied}).to_string(),
        (false, Lang::Vi) => format!("{}: đã chép {copied} ảnh gốc", shown(directory)),
        (false, Lang::En) => format!("{}: copied {copied} captures", shown(directory)),
    };
    print(format!("{text}\n").as_bytes())
}
