//! `sohoa batch`: whole archives. `make.rs` runs one, `teller.rs` tells how it goes on; here are the arguments, and what is asked of
//! a batch that is there.

mod make;
mod teller;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};
use sohoa::batch::journal::{Totals, Verdict};
use sohoa::batch::{self, BatchError, REPORT, ReportError};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, io_reason, shown};

use super::args::{KeyOptions, Making, Shared};
use super::worker::NatsOptions;
use super::{Failure, environment, print};
use make::{detach, digitize};
use teller::duration;

#[derive(Debug, ClapArgs)]
pub(super) struct Batch {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Digitise all dossiers of a source, or go on with a batch that was begun
    Run(Box<Run>),
    /// As run, but with the pages made by machines that run `sohoa worker`, through NATS JetStream
    Submit(Box<Submit>),
    /// Say how far a batch is
    Status {
        #[command(flatten)]
        of: Of,
    },
    /// Have it pause: pages in work are finished, and it waits
    Pause {
        #[command(flatten)]
        of: Of,
    },
    /// Have it go on
    Resume {
        #[command(flatten)]
        of: Of,
    },
    /// Give dossiers that failed, or lack files that could not be read, another turn
    Retry {
        #[command(flatten)]
        of: Of,
        /// Only the dossier of this code or directory
        #[arg(value_name = "CODE")]
        name: Option<String>,
    },
    /// Write the report: a page, tables and JSON
    Report {
        #[command(flatten)]
        of: Of,
    },
    /// Accept a box after looking at its sampled pages
    Accept(Judge),
    /// Send a box back, with the reason
    Reject(Judge),
}

/// Which batch, and how it is told of.
#[derive(Debug, ClapArgs)]
struct Of {
    /// Directory of the batch
    #[arg(value_name = "DIR")]
    output: PathBuf,
    /// Results for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
}

#[derive(Debug, ClapArgs)]
struct Judge {
    #[command(flatten)]
    of: Of,
    /// Name of the box; '' for what is in none
    #[arg(value_name = "BOX")]
    box_name: String,
    /// Who says so
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, ClapArgs)]
struct Run {
    /// Folder with boxes or dossiers; left out, the batch that was begun goes on
    #[arg(value_name = "SOURCE")]
    source: Option<PathBuf>,
    /// Directory for the results
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// The archive's index (.csv, .xlsx, .xls, .ods) with a column for the dossiers' codes
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// What the folders of the source are: auto, box/dossier/component, dossier/component, box/dossier/file, dossier/file
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<String>,
    /// Share of the pages that a person looks at, percent [default: 5]
    #[arg(long, value_name = "PERCENT")]
    sample: Option<f64>,
    /// Only count dossiers, files and pages and estimate the time
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    key: KeyOptions,
    #[command(flatten)]
    making: Making,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
    /// No progress bar and no summary
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, ClapArgs)]
struct Submit {
    #[command(flatten)]
    run: Run,
    #[command(flatten)]
    nats: NatsOptions,
    /// Pages that are on their way at the same time
    #[arg(long, value_name = "N", default_value_t = IN_FLIGHT, hide_default_value = true)]
    in_flight: usize,
    /// Do not wait: go on in the background
    #[arg(long, conflicts_with = "json")]
    detach: bool,
}

/// Pages that are on their way to workers at the same time, where nobody says otherwise.
const IN_FLIGHT: usize = 32;

/// Does what is asked of a batch.
pub(super) fn run(command: Batch, shared: Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let open = |of: &Of| batch::Batch::open(&of.output).map_err(|error| failure(&error, lang));
    match command.command {
        Command::Run(command) => digitize(*command, None, &shared, lang),
        Command::Submit(command) if command.detach => detach(&command, lang),
        Command::Submit(command) => {
            let Submit { run, nats, in_flight, .. } = *command;
            let shared = Shared { jobs: Some(in_flight.max(1)), ..shared };
            digitize(run, Some(&nats.server()), &shared, lang)
        }
        Command::Status { of } => status(&open(&of)?, of.json, lang),
        Command::Pause { of } => pause(&open(&of)?, true, of.json, lang),
        Command::Resume { of } => pause(&open(&of)?, false, of.json, lang),
        Command::Retry { of, name } => retry(&open(&of)?, name.as_deref(), of.json, lang),
        Command::Report { of } => {
            let batch = open(&of)?;
            report(&batch, lang)?;
            say_report(&batch, of.json, lang)
        }
        Command::Accept(judge) => verdict(&open(&judge.of)?, &judge, true, lang),
        Command::Reject(judge) if judge.reason.is_none() => Err(Failure::new(
            ExitCode::Usage,
            lang.pick("hãy cho biết lý do trả lại bằng --reason", "say with --reason why it is sent back"),
        )),
        Command::Reject(judge) => verdict(&open(&judge.of)?, &judge, false, lang),
    }
}

fn failure(error: &BatchError, lang: Lang) -> Failure {
    let code = match error {
        BatchError::Nothing(_) | BatchError::NoBatch(_) | BatchError::Io { .. } => ExitCode::NoInput,
        BatchError::Index(_) | BatchError::OtherSource { .. } | BatchError::Nested(_) => ExitCode::Usage,
        BatchError::Journal { .. } | BatchError::InUse(_) | BatchError::Output(..) => ExitCode::Output,
        _ => ExitCode::Internal,
    };
    Failure::new(code, error.message(lang))
}

fn report(batch: &batch::Batch, lang: Lang) -> Result<(), Failure> {
    let now = environment::now(lang)?;
    batch::write_report(batch, lang, now).map_err(|error| {
        let place = shown(&batch.output().join(REPORT));
        match error {
            ReportError::Batch(error) => failure(&error, lang),
            ReportError::Io(error) => {
                Failure::new(ExitCode::Output, format!("{place}: {}", io_reason(error.kind(), lang)))
            }
            error => Failure::new(ExitCode::Output, format!("{place}: {error}")),
        }
    })
}

fn say_report(batch: &batch::Batch, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let page = batch.output().join(REPORT).join("report.html");
    if json {
        print_line(&json!({"event": "report", "file": page.to_string_lossy()}))?;
        return Ok(ExitCode::Done);
    }
    print(format!("{}: {}\n", lang.pick("Báo cáo", "Report"), shown(&page)).as_bytes())
}

fn status(batch: &batch::Batch, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let failed = |error| failure(&error, lang);
    let totals = batch.totals().map_err(failed)?;
    let is_paused = batch.is_paused().map_err(failed)?;
    let is_running = batch.is_running();
    let ticks = batch.journal().ticks().unwrap_or_default();
    let left = ticks.last().filter(|_| is_running && !is_paused).and_then(|tick| tick.left_ms);
    if json {
        let mut line = batch::totals_json(&totals);
        line["event"] = "status".into();
        line["running"] = is_running.into();
        line["paused"] = is_paused.into();
        line["left_ms"] = left.into();
        print_line(&line)?;
        return Ok(ExitCode::Done);
    }
    let state = match (totals.left, is_running, is_paused) {
        (0, ..) => lang.pick("Đã xong.", "Finished."),
        (_, true, true) => {
            lang.pick("Đang tạm dừng; làm tiếp bằng: sohoa batch resume", "Paused; go on with: sohoa batch resume")
        }
        (_, true, false) => lang.pick("Đang chạy.", "Running."),
        (_, false, _) => lang.pick(
            "Không chạy; làm tiếp bằng: sohoa batch run --out THƯ_MỤC",
            "Not running; go on with: sohoa batch run --out DIR",
        ),
    };
    let mut text = format!("{state}\n{}", told(batch, &totals, lang));
    if let Some(left) = left {
        let left = duration(Duration::from_millis(left), lang);
        text.push_str(&format!("{}: {left}\n", lang.pick("Còn khoảng", "About left")));
    }
    print(text.as_bytes())
}

fn pause(batch: &batch::Batch, pauses: bool, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    batch.pause(pauses).map_err(|error| failure(&error, lang))?;
    if json {
        print_line(&json!({"event": if pauses { "paused" } else { "resumed" }, "running": batch.is_running()}))?;
        return Ok(ExitCode::Done);
    }
    let text = match (pauses, batch.is_running()) {
        (true, true) => lang.pick("Sẽ dừng sau các trang đang làm.", "It stops after the pages in work."),
        (true, false) => lang.pick("Đã ghi nhận; hiện không có chương trình nào chạy.", "Noted; nothing runs now."),
        (false, true) => lang.pick("Đang làm tiếp.", "It goes on."),
        (false, false) => lang.pick(
            "Không có chương trình nào chạy; làm tiếp bằng: sohoa batch run --out THƯ_MỤC",
            "Nothing runs; go on with: sohoa batch run --out DIR",
        ),
    };
    print(format!("{text}\n").as_bytes())
}

fn retry(batch: &batch::Batch, name: Option<&str>, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let count = batch.journal().retry(name).map_err(|error| Failure::new(ExitCode::Output, error.to_string()))?;
    if json {
        print_line(&json!({"event": "retry", "dossiers": count}))?;
    } else {
        let text = match lang {
            Lang::Vi => {
                format!("{count} hồ sơ sẽ được làm lại; chạy: sohoa batch run --out {}\n", shown(batch.output()))
            }
            Lang::En => format!("{count} dossiers get another turn: sohoa batch run --out {}\n", shown(batch.output())),
        };
        print(text.as_bytes())?;
    }
    Ok(if count == 0 && name.is_some() { ExitCode::NoInput } else { ExitCode::Done })
}

fn verdict(batch: &batch::Batch, judge: &Judge, accepted: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let time = i64::try_from(environment::now(lang)?.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let verdict = Verdict { accepted, reason: judge.reason.clone(), who: judge.by.clone(), time };
    let judged = batch.journal().judge(&judge.box_name, &verdict);
    if !judged.map_err(|error| Failure::new(ExitCode::Output, error.to_string()))? {
        let message = match lang {
            Lang::Vi => format!("không có hộp nào tên {:?}; xem tên hộp trong báo cáo", judge.box_name),
            Lang::En => format!("there is no box {:?}; the report has their names", judge.box_name),
        };
        return Err(Failure::new(ExitCode::Usage, message));
    }
    report(batch, lang)?;
    say_report(batch, judge.of.json, lang)
}

/// How far it is, in a few lines.
fn told(batch: &batch::Batch, totals: &Totals, lang: Lang) -> String {
    let (Totals { dossiers, done, failed, left, .. }, made) = (*totals, totals.made);
    let mut text = match lang {
        Lang::Vi => {
            format!("{done}/{dossiers} hồ sơ, {} thành phần, {} trang; còn {left} trang\n", made.components, made.pages)
        }
        Lang::En => format!(
            "{done} of {dossiers} dossiers, {} components, {} pages; {left} pages left\n",
            made.components, made.pages
        ),
    };
    let remarks = [
        (failed, "hồ sơ lỗi", "dossiers failed"),
        (made.set_aside, "tệp không đọc được", "files could not be read"),
        (made.doubted, "trang cần quét lại", "pages want a rescan"),
        (made.unsigned, "thành phần chờ ký", "components wait for their signature"),
    ];
    for (count, vi, en) in remarks.into_iter().filter(|(count, ..)| *count > 0) {
        text.push_str(&format!("{count} {}\n", lang.pick(vi, en)));
    }
    if made.unsigned > 0 && left == 0 {
        let place = shown(batch.output());
        text.push_str(&match lang {
            Lang::Vi => format!("Ký bằng: sohoa sign --pending với thư mục của từng hồ sơ trong {place}\n"),
            Lang::En => format!("Sign them with: sohoa sign --pending and the dossiers' directories in {place}\n"),
        });
    }
    text
}

fn print_line(value: &Value) -> Result<(), Failure> {
    print(format!("{value}\n").as_bytes()).map(drop)
}
