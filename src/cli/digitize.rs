//! `sohoa digitize`: the main job with a progress bar, a summary, or events for programs.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sohoa::config::Config;
use sohoa::digitize::{self, DigitizeError, Event, Job, Outcome, Report};
use sohoa::exit::ExitCode;
use sohoa::gather::GatherError;
use sohoa::ledger::LedgerError;
use sohoa::manifest::{Component, Kept, State};
use sohoa::model::{Lang, Localized, shown};
use sohoa::ocr::OcrEngine;
use sohoa::pool::Pool;

use super::args::{Digitize, Shared};
use super::sizes::megabytes;
use super::{Failure, environment, remark, sizes, stdout_failure};

/// Digitises the inputs of the command line.
pub(super) fn run(command: Digitize, shared: Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(&shared, lang, |raw| {
        command.making.overlay(raw);
        command.key.overlay(&mut raw.sign);
    })?;
    environment::check_secrets(&config, &command.key)?;
    if config.ocr_language.is_none() && !config.transcripts.is_empty() {
        let message = lang.pick(
            "không có văn bản để ghi vì --ocr off; hãy bỏ --transcripts hoặc bật --ocr on",
            "there is no text to write with --ocr off; leave --transcripts out, or --ocr on",
        );
        return Err(Failure::new(ExitCode::Usage, message));
    }
    let now = environment::now(lang)?;
    let reader = environment::reader(&config)?;
    let rules = environment::rules(&config)?;
    let (signer, key_failure) = environment::usable_signer(&config, &command.key, now)?;
    let stamp = environment::stamp(&config, signer.is_some())?;
    let pool = Pool::new(config.jobs, config.memory_bytes)
        .map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    let job = Job {
        inputs: &command.inputs,
        output: &command.out,
        dossier: command.dossier.as_ref().map(|code| code.as_str()),
        settings: &config.page,
        profile: &config.profile,
        level: config.level,
        stamp: stamp.as_ref(),
        engine: reader.as_ref().map(|reader| &reader.engine as &dyn OcrEngine),
        transcripts: &config.transcripts,
        rules: &rules,
        models: reader.as_ref().map_or_else(Vec::new, |reader| reader.models.clone()),
        signer: signer.as_deref(),
        size_report: command.size_report,
        divides: None,
        shelf: None,
        shelves_all: false,
        elsewhere: None,
        now,
        stop: None,
    };

    let started = Instant::now();
    let mut teller = Teller::new(&command, lang);
    if let Some(message) = &key_failure {
        teller.tell_waiting(message);
    }
    let report = digitize::run(&job, &pool, &mut |event| teller.tell(event));
    teller.bar.finish_and_clear();
    let report = report.map_err(|error| Failure::new(exit_code(&error), error.message(lang)))?;
    let code = verdict(&report, key_failure.is_some() || report.key_failure.is_some());
    let told = match teller.failed {
        Some(error) => Err(error),
        None if command.json => print_done(&report, code, started.elapsed()),
        None if command.quiet => Ok(()),
        None => print_summary(&report, &teller.sizes, &command, &config, started.elapsed()),
    };
    match told {
        // A reader that has seen enough changes nothing about what became of the job.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(stdout_failure(&error)),
        _ => Ok(code),
    }
}

/// The code for a job that stopped.
fn exit_code(error: &DigitizeError) -> ExitCode {
    match error {
        DigitizeError::Gather(GatherError::OutputInsideInput(_))
        | DigitizeError::OtherDossier(_)
        | DigitizeError::NoDossier(_) => ExitCode::Usage,
        DigitizeError::Gather(_) | DigitizeError::Nothing => ExitCode::NoInput,
        DigitizeError::Ledger(LedgerError::Publish(_)) => ExitCode::Output,
        DigitizeError::Ledger(LedgerError::Manifest { .. } | LedgerError::Log { .. }) => ExitCode::Tampered,
        _ => ExitCode::Internal,
    }
}

/// The code for a job that finished.
fn verdict(report: &Report, key_failed: bool) -> ExitCode {
    let components = || report.outcomes.iter().map(|outcome| &outcome.component);
    if components().any(|component| component.state == State::Secret) {
        ExitCode::Secret
    } else if components().all(|component| component.pages.is_empty() && component.kept.is_none()) {
        ExitCode::NoInput
    } else if key_failed {
        ExitCode::Key
    } else if components().any(|component| component.state == State::Incomplete) {
        ExitCode::Incomplete
    } else if components().any(|component| component.exceeds.is_some()) {
        ExitCode::Unmet
    } else if components().any(|component| component.pages.iter().any(|page| !page.quality.flags.is_empty())) {
        ExitCode::NeedsRescan
    } else {
        ExitCode::Done
    }
}

/// Tells events as they come: a bar and remarks on standard error, or JSON lines on standard output.
struct Teller {
    lang: Lang,
    json: bool,
    bar: ProgressBar,
    /// What was told of sizes, for the end.
    sizes: Vec<Event>,
    failed: Option<std::io::Error>,
}

impl Teller {
    fn new(command: &Digitize, lang: Lang) -> Self {
        let shown = !command.json && !command.quiet && std::io::stderr().is_terminal();
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let template = lang.pick(
            "{bar:30} {pos}/{len} trang · {per_sec} · còn {eta} · {msg}",
            "{bar:30} {pos}/{len} pages · {per_sec} · {eta} left · {msg}",
        );
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let pages_per_second = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            // A rate that cannot be written is no reason to stop.
            out.write_fmt(format_args!("{:.1}/s", state.per_sec())).unwrap_or_default();
        };
        bar.set_style(style.with_key("per_sec", pages_per_second).progress_chars("━╸─"));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { lang, json: command.json, bar, sizes: Vec::new(), failed: None }
    }

    fn tell(&mut self, event: &Event) {
        match event {
            Event::Planned { pages, .. } => self.bar.set_length(*pages as u64),
            Event::Page { component, .. } => {
                self.bar.inc(1);
                self.bar.set_message(component.clone());
            }
            Event::SetAside { file, reason, reason_en, .. } => {
                let reason = self.lang.pick(reason, reason_en);
                self.remark(&format!("{}: {reason}", shown(file)));
            }
            Event::SigningStopped { reason, reason_en } => {
                let waits =
                    self.lang.pick("các thành phần còn lại sẽ chờ ký", "what is left will wait for its signature");
                self.remark(&format!("{}; {waits}", self.lang.pick(reason, reason_en)));
            }
            Event::TooLarge { component, bytes, least, limit } => {
                let [bytes, least, limit] = [bytes, least, limit].map(|bytes| megabytes(*bytes));
                self.remark(&match self.lang {
                    Lang::Vi => format!(
                        "{component}: tệp {bytes} vượt quá {limit}, nén hết mức cho phép vẫn còn {least}; hãy tách thành \
                         nhiều thành phần, dùng --mrc, hoặc tăng profile.max_mb nếu nơi nhận cho phép"
                    ),
                    Lang::En => format!(
                        "{component}: the file has {bytes}, more than {limit}, and would still have {least} at the least; \
                         split it into several components, use --mrc, or raise profile.max_mb if the receiver allows"
                    ),
                });
            }
            Event::Sizes { .. } if !self.json => self.sizes.push(event.clone()),
            Event::PassedOver(item) => self.remark(&format!("{}: {}", shown(item.path()), item.message(self.lang))),
            _ => {}
        }
        if self.json && self.failed.is_none() {
            self.failed = print_event(event).err();
        }
    }

    /// The key cannot be used from the start. This is said with `--json` and `--quiet` as well.
    fn tell_waiting(&mut self, message: &str) {
        let waits = self.lang.pick(
            "không ký được nên các thành phần sẽ chờ ký",
            "nothing can be signed, the components will wait for their signature",
        );
        self.bar.suspend(|| remark(&format!("sohoa: {message}; {waits}")));
        if self.json {
            self.failed = print_line(&json!({"event": "signing-stopped", "reason": message})).err();
        }
    }

    fn remark(&self, text: &str) {
        if !self.json {
            self.bar.suspend(|| remark(text));
        }
    }
}

fn print_line(value: &serde_json::Value) -> std::io::Result<()> {
    std::io::stdout().lock().write_all(format!("{value}\n").as_bytes())
}

/// Events as programs read them; `docs/events.md` describes them.
fn print_event(event: &Event) -> std::io::Result<()> {
    print_line(&match event {
        Event::Planned { components, pages } => json!({"event": "planned", "components": components, "pages": pages}),
        Event::PassedOver(item) => {
            json!({"event": "passed-over", "file": item.path().to_string_lossy(), "reason": item.message(Lang::Vi)})
        }
        Event::Page { component, number, flagged, elapsed, .. } => json!({
            "event": "page", "component": component, "number": number, "flagged": flagged,
            "ms": elapsed.as_millis(),
        }),
        Event::Sizes { component, pages, rest, limit, costs } => sizes::event(component, *pages, *rest, *limit, costs),
        Event::TooLarge { component, bytes, least, limit } => json!({
            "event": "too-large", "component": component, "bytes": bytes, "least": least, "limit": limit,
        }),
        Event::SigningStopped { reason, .. } => json!({"event": "signing-stopped", "reason": reason}),
        Event::SetAside { component, file, reason, .. } => {
            json!({"event": "set-aside", "component": component, "file": file.to_string_lossy(), "reason": reason})
        }
        Event::Component(outcome) => {
            let component = &outcome.component;
            json!({
                "event": "component", "name": component.name, "version": component.version, "state": component.state,
                "file": component.file.as_ref().map(|file| &file.path), "pages": component.pages.len(),
                "set_aside": component.set_aside.len(), "unchanged": outcome.unchanged, "exceeds": component.exceeds,
            })
        }
        _ => return Ok(()),
    })
}

fn print_done(report: &Report, code: ExitCode, elapsed: Duration) -> std::io::Result<()> {
    let changed = report.outcomes.iter().filter(|outcome| !outcome.unchanged);
    print_line(&json!({
        "event": "done", "components": report.outcomes.len(), "changed": changed.count(),
        "seconds": elapsed.as_secs_f64(), "exit_code": code as u8,
    }))
}

/// The table at the end.
fn print_summary(
    report: &Report,
    sizes: &[Event],
    command: &Digitize,
    config: &Config,
    elapsed: Duration,
) -> std::io::Result<()> {
    let lang = config.lang;
    let header = match lang {
        Lang::Vi => ["Thành phần", "Trang", "Trắng", "Cần quét lại", "Bỏ ra", "Trạng thái"],
        Lang::En => ["Component", "Pages", "Blank", "Rescan", "Set aside", "State"],
    };
    let rows: Vec<[String; 6]> = report.outcomes.iter().map(|outcome| row(outcome, lang)).collect();
    let mut text = table(&header.map(str::to_owned), &rows);
    for outcome in &report.outcomes {
        for page in &outcome.component.pages {
            let reasons = page.quality.flags.iter().map(|flag| flag.message(lang));
            let remarks: Vec<String> = reasons.chain(page.notices.iter().map(|notice| notice.message(lang))).collect();
            if !remarks.is_empty() {
                let (label, name) = (lang.pick("trang", "page"), &outcome.component.name);
                text.push_str(&format!("{name}, {label} {}: {}\n", page.number, remarks.join("; ")));
            }
        }
    }
    for outcome in &report.outcomes {
        if let Some(kept) = &outcome.component.kept {
            text.push_str(&format!("{}: {}\n", outcome.component.name, signatures(kept, lang)));
        }
    }
    let components: Vec<&Component> = report.outcomes.iter().map(|outcome| &outcome.component).collect();
    sizes.iter().for_each(|event| text.push_str(&sizes::table(event, &components, lang)));
    let made: Vec<&Outcome> = report.outcomes.iter().filter(|outcome| !outcome.unchanged).collect();
    let pages: usize = made.iter().map(|outcome| outcome.component.pages.len()).sum();
    let seconds = elapsed.as_secs_f64();
    let place = shown(&command.out);
    text.push_str(&match (made.is_empty(), lang) {
        (true, Lang::Vi) => format!("Không có gì thay đổi so với lần trước: {place}\n"),
        (true, Lang::En) => format!("Nothing has changed since the last run: {place}\n"),
        (false, Lang::Vi) => format!("{pages} trang trong {seconds:.1} giây → {place}\n"),
        (false, Lang::En) => format!("{pages} pages in {seconds:.1} s → {place}\n"),
    });
    let waiting = report.outcomes.iter().filter(|outcome| outcome.component.state == State::Unsigned).count();
    if waiting > 0 {
        text.push_str(&match lang {
            Lang::Vi => format!("{waiting} thành phần chờ ký; khi có khóa hãy chạy: sohoa sign --pending {place}\n"),
            Lang::En => format!("{waiting} components wait for a signature: sohoa sign --pending {place}\n"),
        });
    }
    if report.development_signature {
        text.push_str(lang.pick(
            "Chữ ký thử nghiệm, KHÔNG CÓ GIÁ TRỊ PHÁP LÝ: hãy dùng --key với khóa của người ký\n",
            "Development signatures, NO LEGAL VALUE: use --key with the signer's own key\n",
        ));
    }
    std::io::stdout().lock().write_all(text.as_bytes())
}

/// What a file came with, in numbers: who signed is for the manifest to say.
fn signatures(kept: &Kept, lang: Lang) -> String {
    let all = kept.signatures.len();
    let count = |verdict: Option<bool>| kept.signatures.iter().filter(|signature| signature.intact == verdict).count();
    let (intact, broken, unknown) = (count(Some(true)), count(Some(false)), count(None));
    match lang {
        Lang::Vi if all == 0 => "có chữ ký sẵn nhưng không đọc được cấu trúc chữ ký".to_owned(),
        Lang::En if all == 0 => "came with signatures whose structure cannot be read".to_owned(),
        Lang::Vi => format!(
            "{all} chữ ký có sẵn: {intact} còn nguyên vẹn, {broken} KHÔNG còn đúng, {unknown} chưa kiểm tra được; người ký ghi \
             trong manifest.json"
        ),
        Lang::En => format!(
            "came with {all} signatures: {intact} intact, {broken} NOT intact, {unknown} of a form not checked; \
             manifest.json names the signers"
        ),
    }
}

fn row(outcome: &Outcome, lang: Lang) -> [String; 6] {
    let component = &outcome.component;
    let flagged = component.pages.iter().filter(|page| !page.quality.flags.is_empty()).count();
    let blank = component.pages.iter().filter(|page| page.blank).count();
    let state = component.state.name(lang);
    let unchanged = if outcome.unchanged { lang.pick(", không đổi", ", unchanged") } else { "" };
    let version = if component.version > 1 { format!(" (v{})", component.version) } else { String::new() };
    [
        format!("{}{version}", component.name),
        component.kept.as_ref().map_or(component.pages.len(), |kept| kept.pages).to_string(),
        blank.to_string(),
        flagged.to_string(),
        component.set_aside.len().to_string(),
        format!("{state}{unchanged}"),
    ]
}

/// Columns padded to their widest cell; the second to the fifth hold numbers and stand right.
fn table(header: &[String; 6], rows: &[[String; 6]]) -> String {
    let mut text = String::new();
    let all = || std::iter::once(header).chain(rows);
    let widths: [usize; 6] =
        std::array::from_fn(|column| all().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in all() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 | 5 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
