//! `sohoa scan`: a scanner's pages into a folder, and from there on as `sohoa digitize`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, shown};
use sohoa::scanner::{self, Device, Event, Fault, Report, Request};

use super::args::{Digitize, Making, Scan, Shared};
use super::{Failure, digitize, environment, print, remark, stdout_failure};

/// Lists the scanners, or scans and then digitises.
pub(super) fn run(command: Scan, shared: Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let cancel = cancel_flag()?;
    if command.list {
        let devices = scanner::list(&cancel).map_err(|fault| failure(&fault, fault.message(lang)))?;
        return list(&devices, command.json, lang);
    }
    let config = environment::configuration(&shared, lang, |_| {})?;
    let folder = folder(&command);
    let usual = &config.scanner;
    let request = Request {
        device: command.device.clone().or_else(|| usual.device.clone()),
        folder: folder.clone(),
        source: command.source.map(Into::into).or(usual.source),
        dpi: command.dpi.unwrap_or(usual.dpi),
        colour: command.colour.map_or(usual.colour, Into::into),
        paper: command.paper.unwrap_or(usual.paper),
        pages: command.pages,
        page_time: command.timeout.map_or(usual.page_time, Duration::from_secs),
        limits: config.page.limits,
        mark: format!("sohoa scan {}", environment::vietnam_time().unix_timestamp_nanos()),
    };
    let mut unheard = None;
    let result = scanner::scan(&request, &cancel, &mut |event| {
        if unheard.is_none() {
            unheard = tell(event, command.json, lang).err();
        }
    });
    // From here on a signal does what it always does.
    cancel.store(true, Ordering::Relaxed);
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            let message = error.message(lang);
            if command.json {
                let line = json!({
                    "event": "scan-stopped", "fault": error.fault.name(), "reason": message, "pages": error.kept.len(),
                });
                // The exit code says the same to whoever does not hear it.
                drop(print(format!("{line}\n").as_bytes()));
            }
            return Err(failure(&error.fault, message));
        }
    };
    // Who has seen enough and closed the pipe stops nothing.
    if let Some(error) = unheard.filter(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
        return Err(stdout_failure(&error));
    }
    summary(&report, &folder, command.json, lang)?;
    match command.out {
        None => Ok(ExitCode::Done),
        Some(out) => digitize::run(
            Digitize {
                size_report: false,
                inputs: vec![folder],
                out,
                dossier: command.dossier,
                key: command.key,
                making: Making { no_sign: command.no_sign, ..Making::default() },
                json: command.json,
                quiet: false,
            },
            shared,
            lang,
        ),
    }
}

/// Set by Ctrl-C, and by whoever ends the program or its terminal. Once it is set, the next signal ends the program at once.
fn cancel_flag() -> Result<Arc<AtomicBool>, Failure> {
    let cancel = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&cancel))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&cancel)))
            .map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    }
    Ok(cancel)
}

/// The folder of the pages: below the one named, that of the dossier and in it that of the component.
fn folder(command: &Scan) -> PathBuf {
    let mut folder = command.to.clone().expect("clap asks for it unless scanners are listed");
    folder.extend(command.dossier.as_ref().map(|code| code.as_str()));
    folder.extend(command.component.as_ref().map(|name| name.as_str()));
    folder
}

fn failure(fault: &Fault, message: String) -> Failure {
    let code = match fault {
        Fault::NotInstalled => ExitCode::Configuration,
        Fault::Folder { .. } | Fault::InUse(_) => ExitCode::Output,
        _ => ExitCode::Scanner,
    };
    Failure::new(code, message)
}

fn list(devices: &[Device], json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let line = |device: &Device| match json {
        true => format!("{}\n", json!(device)),
        false => format!("{}\t{} {}, {}\n", device.name, device.vendor, device.model, device.kind),
    };
    if devices.is_empty() {
        return Err(failure(&Fault::NoDevice, Fault::NoDevice.message(lang)));
    }
    print(devices.iter().map(line).collect::<String>().as_bytes())
}

/// Events as they come: remarks on standard error, or lines on standard output that `docs/events.md` describes.
fn tell(event: &Event, json: bool, lang: Lang) -> std::io::Result<()> {
    let line = match event {
        Event::Started { device, source } if json => {
            json!({"event": "scan-started", "device": device, "source": source})
        }
        Event::Page { path, width, height } if json => {
            json!({"event": "scan-page", "file": path.to_string_lossy(), "width": width, "height": height})
        }
        Event::Started { device, .. } => {
            remark(&format!("{device}: {}", lang.pick("đang quét, nhấn Ctrl-C để dừng", "scanning, Ctrl-C stops")));
            return Ok(());
        }
        Event::Page { path, .. } => {
            remark(&shown(path));
            return Ok(());
        }
        _ => return Ok(()),
    };
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes())
}

fn summary(report: &Report, folder: &std::path::Path, json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let (count, place) = (report.pages.len(), shown(folder));
    let text = match (json, lang) {
        (true, _) => json!({"event": "scan-done", "pages": count}).to_string(),
        (false, Lang::Vi) => format!("đã quét {count} trang → {place}"),
        (false, Lang::En) => format!("{count} pages scanned → {place}"),
    };
    print(format!("{text}\n").as_bytes())
}
