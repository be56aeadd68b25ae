//! How a batch goes on, as it does: a bar and remarks on standard error, or JSON lines on standard output.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sohoa::batch::journal::Totals;
use sohoa::batch::nats::Coordinator;
use sohoa::batch::{self, Event, Progress};
use sohoa::exit::ExitCode;
use sohoa::model::Lang;

use super::super::{Failure, remark, stdout_failure};
use super::Run;

/// Workers that are there have said so by then.
const FIRST_SIGNS: Duration = Duration::from_secs(12);

/// A time as people say it.
pub(super) fn duration(time: Duration, lang: Lang) -> String {
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
pub(super) struct Teller {
    lang: Lang,
    json: bool,
    quiet: bool,
    pub(super) bar: ProgressBar,
    /// Lines are whole.
    out: Mutex<()>,
    begun: Instant,
    was_paused: AtomicBool,
    /// Workers that were there when it was last told, one more than there were; 0 = nothing was told yet.
    workers: AtomicUsize,
    /// Refusals of the server that were told.
    troubles: AtomicU64,
}

impl Teller {
    pub(super) fn new(command: &Run, lang: Lang) -> Self {
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
            was_paused: AtomicBool::new(false),
            workers: AtomicUsize::new(0),
            troubles: AtomicU64::new(0),
        }
    }

    fn line(&self, value: &Value) {
        let _whole = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that has seen enough changes nothing about the job.
        drop(std::io::stdout().lock().write_all(format!("{value}\n").as_bytes()));
    }

    pub(super) fn tell_plan(&self, batch: &batch::Batch, totals: &Totals) -> Result<(), Failure> {
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

    pub(super) fn tell_estimate(&self, estimate: Option<Duration>) -> Result<(), Failure> {
        let Some(time) = estimate else { return Ok(()) };
        if self.json {
            self.line(&json!({"event": "estimated", "left_ms": time.as_millis()}));
        } else if !self.quiet {
            let text = format!("{}: {}\n", self.lang.pick("Ước tính", "Estimated"), duration(time, self.lang));
            std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))?;
        }
        Ok(())
    }

    pub(super) fn tell_waiting(&self, message: &str) {
        let waits = self.lang.pick("các thành phần sẽ chờ ký", "the components will wait for their signature");
        self.bar.suspend(|| remark(&format!("sohoa: {message}; {waits}")));
    }

    pub(super) fn tell(&self, event: &Event) {
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
    pub(super) fn tell_workers(&self, coordinator: &Coordinator) {
        let (workers, others) = coordinator.workers();
        if workers == 0 && self.begun.elapsed() < FIRST_SIGNS {
            return;
        }
        let before = self.workers.swap(workers + 1, Ordering::Relaxed);
        let (troubles, reason) = coordinator.troubles();
        let is_troubled = self.troubles.swap(troubles, Ordering::Relaxed) < troubles;
        if self.json {
            if before != workers + 1 {
                self.line(&json!({"event": "workers", "workers": workers, "others": others}));
            }
            if is_troubled {
                self.line(&json!({"event": "trouble", "count": troubles, "reason": reason}));
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
            let text = self.lang.pick("máy chủ NATS không nhận; đang thử lại", "the NATS server refuses; trying again");
            self.remark(&format!("{text} ({reason})"));
        }
    }

    fn tell_progress(&self, progress: &Progress) {
        if progress.is_paused && !self.was_paused.swap(progress.is_paused, Ordering::Relaxed) {
            let text = "đang tạm dừng; làm tiếp bằng: sohoa batch resume";
            self.remark(self.lang.pick(text, "paused; go on with: sohoa batch resume"));
        }
        self.was_paused.store(progress.is_paused, Ordering::Relaxed);
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
