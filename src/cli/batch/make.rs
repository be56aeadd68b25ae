//! A batch is run: on this machine, or with its pages made by others.

use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sohoa::batch::journal::Totals;
use sohoa::batch::layout::Layout;
use sohoa::batch::nats::{Coordinator, Server};
use sohoa::batch::{self, BatchError, Clock, Event, Lock, Options};
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::gather;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::shelf::Elsewhere;

use super::super::args::{Making, Shared, Switch};
use super::super::worker::nats_failure;
use super::super::{Failure, environment, print};
use super::teller::Teller;
use super::{Run, Submit, failure, print_line, report, say_report, told};

/// The share of pages that a person looks at, percent, where nobody says otherwise.
const SAMPLE: f64 = 5.0;
/// One that goes on in the background is watched for so long.
const SOON: Duration = Duration::from_secs(3);

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
pub(super) fn detach(command: &Submit, lang: Lang) -> Result<ExitCode, Failure> {
    let folder = command.run.out.join(batch::FOLDER);
    let file = folder.join("submit.log");
    let failed = |error: std::io::Error| {
        Failure::new(ExitCode::Output, format!("{}: {}", shown(&file), io_reason(error.kind(), lang)))
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let log = std::fs::File::options().create(true).append(true).open(&file).map_err(failed)?;
    let before = usize::try_from(log.metadata().map_err(failed)?.len()).unwrap_or(usize::MAX);
    let program = std::env::current_exe().map_err(failed)?;
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--detach");
    // Out of the terminal's group: closing it ends nothing.
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    // What is wrong with arguments, key or address ends it at once.
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let said = std::fs::read(&file).map_err(failed)?;
            print(said.get(before..).unwrap_or_default())?;
            return Ok(status.code().and_then(ExitCode::of).unwrap_or(ExitCode::Internal));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let out = shown(&command.run.out);
    print(
        match lang {
            Lang::Vi => format!("Đang chạy nền (tiến trình {}); xem: sohoa batch status {out}\n", child.id()),
            Lang::En => format!("It runs in the background (process {}): sohoa batch status {out}\n", child.id()),
        }
        .as_bytes(),
    )
}

pub(super) fn digitize(
    command: Run,
    server: Option<&Server>,
    shared: &Shared,
    lang: Lang,
) -> Result<ExitCode, Failure> {
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
    let rules = environment::rules(config)?;
    let tools = environment::making(config, shelf, &rules, stamp.as_ref(), signer.as_deref());
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
    if result.is_err() {
        // Why it ended is what is told; the report has what came of it so far.
        drop(report(batch, lang));
    }
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
