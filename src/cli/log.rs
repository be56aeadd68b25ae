//! `sohoa log`: what was done to the files of an output directory, and whether the log still says so.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::log::{self, Entry, LogFault};
use sohoa::manifest::{self, Manifest};
use sohoa::model::{Lang, Localized, io_reason, shown};

use super::args::{Log, Shared};
use super::{Failure, environment, stdout_failure};

/// Where the zone begins in a time, always Vietnam's.
const TIME_LENGTH: usize = "2026-11-30T08:00:00".len();
/// Digits of a hash that are shown to people.
const SHOWN_DIGITS: usize = 12;

/// Prints the log of a directory and checks it against the manifest.
pub(super) fn run(command: &Log, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    environment::configuration(shared, lang, |_| {})?;
    let manifest = manifest(&command.directory, lang)?;
    let path = command.directory.join(log::FILE_NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failure(ExitCode::NoInput, &path, &io_reason(error.kind(), lang))),
    };
    let (entries, faults) = log::check(bytes.as_deref(), &manifest);
    let text = match command.json {
        true => json_lines(&entries, &faults, &path),
        false => table(&entries, &faults, &path, lang),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))?;
    Ok(if faults.is_empty() { ExitCode::Done } else { ExitCode::Tampered })
}

fn manifest(directory: &Path, lang: Lang) -> Result<Manifest, Failure> {
    let path = directory.join(manifest::FILE_NAME);
    match fs::read(&path) {
        Ok(bytes) => match manifest::open(&bytes) {
            Ok(sealed) => Ok(sealed.manifest),
            Err(_) => {
                let vi = "bản kê khai bị hỏng hoặc đã bị sửa; hãy lấy lại bản gốc";
                let en = "the manifest is damaged or was altered; get the original back";
                Err(failure(ExitCode::Tampered, &path, lang.pick(vi, en)))
            }
        },
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let vi = "không có manifest.json; hãy chỉ thư mục kết quả của sohoa digitize";
            let en = "there is no manifest.json; name an output directory of sohoa digitize";
            Err(failure(ExitCode::NoInput, directory, lang.pick(vi, en)))
        }
        Err(error) => Err(failure(ExitCode::NoInput, &path, &io_reason(error.kind(), lang))),
    }
}

fn failure(code: ExitCode, path: &Path, reason: &str) -> Failure {
    Failure::new(code, format!("{}: {reason}", shown(path)))
}

/// A line an entry: number, time, event, file with its version, hash afterwards; then the verdict.
fn table(entries: &[Entry], faults: &[LogFault], path: &Path, lang: Lang) -> String {
    let mut text = String::new();
    for entry in entries {
        let subject = entry.file.as_ref().or(entry.component.as_ref()).map_or("", String::as_str);
        let hash = entry.after_sha256.as_deref().map_or("", |hash| hash.get(..SHOWN_DIGITS).unwrap_or(hash));
        let time = entry.time.get(..TIME_LENGTH).unwrap_or(&entry.time).replace('T', " ");
        let line = format!("{:>5}  {time}  {:<20}  {subject}  {hash}", entry.seq, entry.event.name(lang));
        // Escaped as a path is: an altered log may hold anything.
        writeln!(text, "{}", shown(Path::new(&line))).expect("a string can be written");
    }
    for fault in faults {
        writeln!(text, "  ✗ {}: {}", shown(path), fault.message(lang)).expect("a string can be written");
    }
    let count = entries.len();
    text + &match (faults.is_empty(), count, lang) {
        (true, 0, Lang::Vi) => "Chưa có nhật ký\n".to_owned(),
        (true, 0, Lang::En) => "There is no log yet\n".to_owned(),
        (true, _, Lang::Vi) => format!("Nhật ký ĐÚNG ({count} dòng)\n"),
        (true, _, Lang::En) => format!("The log is GOOD ({count} lines)\n"),
        (false, _, Lang::Vi) => format!("Nhật ký CÓ SAI LỆCH ({count} dòng đọc được)\n"),
        (false, _, Lang::En) => format!("The log is NOT GOOD ({count} lines can be read)\n"),
    }
}

fn json_lines(entries: &[Entry], faults: &[LogFault], path: &Path) -> String {
    let entries_as_they_are = entries.iter().map(|entry| json!(entry));
    let findings = faults.iter().map(|fault| {
        json!({
            "event": "finding", "file": path.to_string_lossy(), "fault": true,
            "message": fault.message(Lang::Vi), "message_en": fault.message(Lang::En),
        })
    });
    let last = json!({"event": "checked", "good": faults.is_empty(), "entries": entries.len()});
    entries_as_they_are.chain(findings).chain([last]).map(|line| format!("{line}\n")).collect()
}
