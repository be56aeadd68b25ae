//! `sohoa batch`: whole archives.

use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::{Args as ClapArgs, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sohoa::batch::journal::{Totals, Verdict};
use sohoa::batch::layout::Layout;
use sohoa::batch::nats::{Coordinator, Server};
use sohoa::batch::{self, BatchError, Clock, Event, Lock, Options, Progress, REPORT, ReportError};
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::gather;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::shelf::Elsewhere;

use super::args::{KeyOptions, Making, Shared, Switch};
use super::worker::{NatsOptions, nats_failure};
use super::{Failure, environment, print, remark, stdout_failure};

/// The share of pages that a person looks at, percent, where nobody says otherwise.
const SAMPLE: f64 = 5.0;

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

/// Workers that are there have said so by then.
const FIRST_SIGNS: Duration = Duration::from_secs(12);
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

/// The options of this run: those that the batch was begun with, and over them what is said now.
fn options(command: &Run, lang: Lang) -> Result<Options, Failure> {
    let earlier = match batch::Batch::open(&command.out) {
        Ok(batch) => Some(batch.options().clone()),
        Err(BatchError::NoBatch(_)) => None,
        Err(error) => return Err(failure(&error, lang)),
    };
    let Some(source) = command.source.as_deref().map(gather::absolute).or(earlier.as_ref().map(|o| o.source.clone()))
    else {
        return Err(Failure::new(
            ExitCode::Usage,
            lang.pick(
                "chưa có đợt số hóa nào trong thư mục kết quả; hãy cho biết thư mục nguồn",
                "no batch was begun in this output; name the source",
            ),
        ));
    };
    let earlier = earlier.unwrap_or_else(|| Options { sample: SAMPLE / 100.0, ..Options::default() });
    let making = &command.making;
    let layout = command.layout.clone().unwrap_or_else(|| match earlier.layout.as_str() {
        "" => "auto".to_owned(),
        layout => layout.to_owned(),
    });
    layout.parse::<Layout>().map_err(|error| Failure::new(ExitCode::Usage, error.message(lang)))?;
    let sample = command.sample.map_or(earlier.sample, |percent| percent / 100.0);
    if !(0.0..=1.0).contains(&sample) {
        let message = lang.pick("--sample phải từ 0 đến 100", "--sample must be 0 to 100");
        return Err(Failure::new(ExitCode::Usage, message));
    }
    Ok(Options {
        source,
        index: command.index.as_deref().map(gather::absolute).or(earlier.index),
        layout,
        sample,
        profile: making.profile.clone().or(earlier.profile),
        pdfa: making.pdfa.clone().or(earlier.pdfa),
        ocr: making.ocr.map(|ocr| ocr == Switch::On).or(earlier.ocr),
        mrc: making.mrc || earlier.mrc,
        transcripts: making.transcripts.clone().or(earlier.transcripts),
        no_sign: making.no_sign || earlier.no_sign && command.key.key.is_none() && command.key.token.is_none(),
    })
}

/// How components are made by these options.
fn making(options: &Options) -> Making {
    Making {
        no_sign: options.no_sign,
        profile: options.profile.clone(),
        pdfa: options.pdfa.clone(),
        ocr: options.ocr.map(|is_on| if is_on { Switch::On } else { Switch::Off }),
        transcripts: options.transcripts.clone(),
        mrc: options.mrc,
    }
}

/// Goes on in the background, with what is told in a file of the batch.
fn detach(command: &Submit, lang: Lang) -> Result<ExitCode, Failure> {
    let folder = command.run.out.join(batch::FOLDER);
    let file = folder.join("submit.log");
    let failed = |error: std::io::Error| {
        Failure::new(ExitCode::Output, format!("{}: {}", shown(&file), io_reason(error.kind(), lang)))
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let log = std::fs::File::options().create(true).append(true).open(&file).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    // Out of the terminal's group: closing it ends nothing.
    let child = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let out = shown(&command.run.out);
    print(
        match lang {
            Lang::Vi => format!("Đang chạy nền (tiến trình {}); xem: sohoa batch status {out}\n", child.id()),
            Lang::En => format!("It runs in the background (process {}): sohoa batch status {out}\n", child.id()),
        }
        .as_bytes(),
    )
}

fn digitize(command: Run, server: Option<&Server>, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let options = options(&command, lang)?;
    let config = environment::configuration(shared, lang, |raw| {
        making(&options).overlay(raw);
        command.key.overlay(&mut raw.sign);
    })?;
    environment::check_secrets(&config, &command.key)?;
    let now = environment::now(lang)?;
    let (batch, lock) = batch::Batch::begin(&command.out, options).map_err(|error| failure(&error, lang))?;
    let teller = Teller::new(&command, lang);
    let totals = batch.plan(&config.page.limits, |_| teller.bar.inc(1)).map_err(|error| failure(&error, lang))?;
    teller.bar.reset();
    teller.tell_plan(&batch, &totals)?;
    let summary = match totals.left {
        0 => batch::Summary { totals, ..batch::Summary::default() },
        _ => make(&command, (&batch, &lock), server, &config, now, &teller)?,
    };
    if command.plan {
        return Ok(ExitCode::Done);
    }
    let code = code(&summary);
    finished(&command, &batch, summary.totals, code, lang)?;
    Ok(code)
}

/// Makes what is left, or says how long it would take.
fn make(
    command: &Run,
    (batch, lock): (&batch::Batch, &Lock),
    server: Option<&Server>,
    config: &Config,
    now: time::OffsetDateTime,
    teller: &Teller,
) -> Result<batch::Summary, Failure> {
    let lang = config.lang;
    let reader = environment::reader(config)?;
    let shelf = Arc::new(environment::shelf(config, batch.pages(), reader)?);
    if server.is_none() {
        let estimate = batch::estimate(batch, &shelf).map_err(|error| failure(&error, lang))?;
        teller.tell_estimate(estimate)?;
    }
    let totals = batch.totals().map_err(|error| failure(&error, lang))?;
    if command.plan {
        return Ok(batch::Summary { totals, ..batch::Summary::default() });
    }
    let (signer, key_failure) = environment::usable_signer(config, &command.key, now)?;
    if let Some(message) = &key_failure {
        teller.tell_waiting(message);
    }
    let stamp = environment::stamp(config, signer.is_some())?;
    let tools = environment::making(config, shelf, stamp.as_ref(), signer.as_deref());
    let stop = environment::stop_by_signal()?;
    let coordinator = server.map(|server| {
        let (id, run) =
            (batch.id(), format!("{}-{}", std::process::id(), environment::vietnam_time().unix_timestamp_nanos()));
        let connected = Coordinator::connect(server, Arc::clone(&tools.shelf), &id, &run, Arc::clone(&stop));
        connected.map_err(|error| nats_failure(&error, lang))
    });
    let coordinator = coordinator.transpose()?;
    let elsewhere = coordinator.as_ref().map(|coordinator| coordinator as &dyn Elsewhere);
    let clock = Clock { now: &environment::vietnam_time, of_files: environment::fixed_time(lang)? };
    let result = batch::run((batch, lock), &tools, elsewhere, &clock, &stop, &|event| {
        if let (Event::Progress(_), Some(coordinator)) = (event, &coordinator) {
            teller.tell_workers(coordinator);
        }
        teller.tell(event);
    });
    teller.bar.finish_and_clear();
    let summary = result.map_err(|error| failure(&error, lang))?;
    Ok(batch::Summary { key_failed: summary.key_failed || key_failure.is_some(), ..summary })
}

fn code(summary: &batch::Summary) -> ExitCode {
    let (totals, made) = (summary.totals, summary.totals.made);
    if summary.stopped || made.set_aside > 0 || totals.failed > 0 {
        ExitCode::Incomplete
    } else if summary.key_failed {
        ExitCode::Key
    } else if made.doubted > 0 {
        ExitCode::NeedsRescan
    } else {
        ExitCode::Done
    }
}

/// Writes the report and tells the end.
fn finished(command: &Run, batch: &batch::Batch, totals: Totals, code: ExitCode, lang: Lang) -> Result<(), Failure> {
    report(batch, lang)?;
    if command.json {
        let mut line = batch::totals_json(&totals);
        line["event"] = "done".into();
        line["exit_code"] = (code as u8).into();
        print_line(&line)?;
    } else if !command.quiet {
        print(told(batch, &totals, lang).as_bytes())?;
        say_report(batch, false, lang)?;
    }
    Ok(())
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
        let sign = lang.pick("Ký bằng", "Sign them with");
        text.push_str(&format!("{sign}: sohoa sign --pending {}/*/\n", shown(batch.output())));
    }
    text
}

fn print_line(value: &Value) -> Result<(), Failure> {
    print(format!("{value}\n").as_bytes()).map(drop)
}

/// A time as people say it.
fn duration(time: Duration, lang: Lang) -> String {
    let minutes = time.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} {}", lang.pick("phút", "min")),
        (hours, minutes) if hours < 48 => {
            format!("{hours} {} {minutes} {}", lang.pick("giờ", "h"), lang.pick("phút", "min"))
        }
        (hours, _) => format!("{} {} {} {}", hours / 24, lang.pick("ngày", "d"), hours % 24, lang.pick("giờ", "h")),
    }
}

/// Tells events as they come: a bar on standard error, or JSON lines on standard output.
struct Teller {
    lang: Lang,
    json: bool,
    quiet: bool,
    bar: ProgressBar,
    /// Lines are whole.
    out: Mutex<()>,
    begun: Instant,
    /// Workers that were there when it was last told, one more than there were; 0 = nothing was told yet.
    workers: AtomicUsize,
    /// Refusals of the server that were told.
    troubles: AtomicU64,
}

impl Teller {
    fn new(command: &Run, lang: Lang) -> Self {
        let shown = !command.json && !command.quiet && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = "{bar:30} {pos}/{len} · {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸─"),
        );
        Self {
            lang,
            json: command.json,
            quiet: command.quiet,
            bar,
            out: Mutex::new(()),
            begun: Instant::now(),
            workers: AtomicUsize::new(0),
            troubles: AtomicU64::new(0),
        }
    }

    fn line(&self, value: &Value) {
        let _whole = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A reader that has seen enough changes nothing about the job.
        drop(std::io::stdout().lock().write_all(format!("{value}\n").as_bytes()));
    }

    fn tell_plan(&self, batch: &batch::Batch, totals: &Totals) -> Result<(), Failure> {
        if self.json {
            let mut line = batch::totals_json(totals);
            line["event"] = "planned".into();
            self.line(&line);
        } else if !self.quiet {
            let gigabytes = totals.bytes as f64 / 1e9;
            let text = match self.lang {
                Lang::Vi => format!(
                    "{} hồ sơ, {} tệp, {} trang, {gigabytes:.1} GB; còn {} trang\n",
                    totals.dossiers, totals.files, totals.pages, totals.left
                ),
                Lang::En => format!(
                    "{} dossiers, {} files, {} pages, {gigabytes:.1} GB; {} pages left\n",
                    totals.dossiers, totals.files, totals.pages, totals.left
                ),
            };
            std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))?;
        }
        let mut findings = Vec::new();
        let gone = batch.journal().each_finding(|finding| {
            if finding.unit.is_none() {
                findings.push(finding.detail);
            }
        });
        gone.map_err(|error| Failure::new(ExitCode::Output, error.to_string()))?;
        if !self.json {
            findings.iter().for_each(|(vi, en)| remark(self.lang.pick(vi, en)));
        }
        Ok(())
    }

    fn tell_estimate(&self, estimate: Option<Duration>) -> Result<(), Failure> {
        let Some(time) = estimate else { return Ok(()) };
        if self.json {
            self.line(&json!({"event": "estimated", "left_ms": time.as_millis()}));
        } else if !self.quiet {
            let text = format!("{}: {}\n", self.lang.pick("Ước tính", "Estimated"), duration(time, self.lang));
            std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))?;
        }
        Ok(())
    }

    fn tell_waiting(&self, message: &str) {
        let waits = self.lang.pick("các thành phần sẽ chờ ký", "the components will wait for their signature");
        self.bar.suspend(|| remark(&format!("sohoa: {message}; {waits}")));
    }

    fn tell(&self, event: &Event) {
        match event {
            Event::Progress(progress) => self.tell_progress(progress),
            Event::Failed { unit, reason: (vi, en) } => {
                self.remark(&format!("{}: {}", unit.name, self.lang.pick(vi, en)));
            }
            Event::SigningStopped { reason: (vi, en) } => self.tell_waiting(self.lang.pick(vi, en)),
            _ => {}
        }
        if self.json {
            let line = match event {
                Event::Progress(progress) => json!({
                    "event": "progress", "pages": progress.pages, "left": progress.left, "rate": progress.rate,
                    "left_ms": progress.left_time.map(|left| left.as_millis()), "failed": progress.totals.failed,
                    "set_aside": progress.totals.made.set_aside, "paused": progress.is_paused,
                }),
                Event::Page { dossier, component, number, was_kept } => json!({
                    "event": "page", "dossier": dossier, "component": component, "number": number, "kept": was_kept,
                }),
                Event::Made { unit, made } => json!({
                    "event": "dossier", "box": unit.in_box, "dossier": unit.name, "components": made.components,
                    "pages": made.pages, "doubted": made.doubted, "set_aside": made.set_aside,
                }),
                Event::Failed { unit, reason: (reason, _) } => {
                    json!({"event": "failed", "box": unit.in_box, "dossier": unit.name, "reason": reason})
                }
                Event::SigningStopped { reason: (reason, _) } => json!({"event": "signing-stopped", "reason": reason}),
                _ => return,
            };
            self.line(&line);
        }
    }

    /// Tells when workers come and go, and when the server refuses.
    fn tell_workers(&self, coordinator: &Coordinator) {
        let (workers, others) = coordinator.workers();
        if workers == 0 && self.begun.elapsed() < FIRST_SIGNS {
            return;
        }
        let before = self.workers.swap(workers + 1, Ordering::Relaxed);
        let troubles = coordinator.troubles();
        let is_troubled = self.troubles.swap(troubles, Ordering::Relaxed) < troubles;
        if self.json {
            if before != workers + 1 {
                self.line(&json!({"event": "workers", "workers": workers, "others": others}));
            }
            if is_troubled {
                self.line(&json!({"event": "trouble", "count": troubles}));
            }
            return;
        }
        if before != workers + 1 {
            self.remark(&match self.lang {
                Lang::Vi => format!("{workers} máy cùng bản sẵn sàng"),
                Lang::En => format!("{workers} workers of the same release are there"),
            });
            if workers == 0 && !others.is_empty() {
                let others = others.join(", ");
                self.remark(&match self.lang {
                    Lang::Vi => format!("các máy khác bản hoặc khác mô hình, không nhận trang: {others}"),
                    Lang::En => format!("workers of other releases or models, which get no pages: {others}"),
                });
            }
        }
        if is_troubled {
            self.remark(
                self.lang.pick("máy chủ NATS không nhận; đang thử lại", "the NATS server refuses; trying again"),
            );
        }
    }

    fn tell_progress(&self, progress: &Progress) {
        self.bar.set_length(progress.pages + progress.left);
        self.bar.set_position(progress.pages);
        let lang = self.lang;
        let errors = progress.totals.failed + progress.totals.made.set_aside;
        let errors = format!("{errors} {}", lang.pick("lỗi", "errors"));
        let left = progress
            .left_time
            .map_or_else(String::new, |left| format!("{} {} · ", lang.pick("còn", "left"), duration(left, lang)));
        self.bar.set_message(match progress.is_paused {
            true => format!("{} · {errors}", lang.pick("tạm dừng", "paused")),
            false => format!("{:.1} {} · {left}{errors}", progress.rate, lang.pick("trang/giây", "pages/s")),
        });
    }

    fn remark(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| remark(text));
        }
    }
}
