//! `sohoa check`: any PDF file judged by a legal profile.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::json;
use sohoa::check::{self, Finding};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::profile::Profile;

use super::args::{Check, Shared};
use super::{Failure, environment, remark, stdout_failure};

/// Checks each file of the command line.
pub(super) fn run(command: &Check, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        raw.profile.name = command.profile.clone().or(raw.profile.name.take());
    })?;
    let mut code = ExitCode::Done;
    for path in &command.pdfs {
        let found = match judge(path, &config.profile, lang) {
            Ok(found) => found,
            Err(reason) => {
                remark(&format!("{}: {reason}", shown(path)));
                if command.json {
                    let line = json!({"event": "unreadable", "file": path.to_string_lossy(), "reason": reason});
                    print(&format!("{line}\n"))?;
                }
                code = ExitCode::NoInput;
                continue;
            }
        };
        if code == ExitCode::Done && found.iter().any(|finding| !finding.met) {
            code = ExitCode::Unmet;
        }
        print(&match command.json {
            true => json_lines(path, &config.profile, &found),
            false => text(path, &config.profile, &found, lang),
        })?;
    }
    Ok(code)
}

fn judge(path: &Path, profile: &Profile, lang: Lang) -> Result<Vec<Finding>, String> {
    let bytes = fs::read(path).map_err(|error| io_reason(error.kind(), lang))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    check::check(&name, &bytes, profile).map_err(|error| error.message(lang))
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))
}

/// One line a requirement, with its clause.
fn text(path: &Path, profile: &Profile, found: &[Finding], lang: Lang) -> String {
    let unmet = found.iter().filter(|finding| !finding.met).count();
    let verdict = match (unmet, lang) {
        (0, Lang::Vi) => "ĐẠT".to_owned(),
        (0, Lang::En) => "MET".to_owned(),
        (_, Lang::Vi) => format!("KHÔNG ĐẠT {unmet} yêu cầu"),
        (_, Lang::En) => format!("{unmet} NOT MET"),
    };
    let mut text = format!("{}: {}, {verdict}\n", shown(path), profile.name);
    for finding in found {
        let mark = if finding.met { "✓" } else { "✗" };
        text.push_str(&format!("  {mark} {} ({})\n", finding.message(lang), finding.source.shown(lang)));
    }
    text
}

fn json_lines(path: &Path, profile: &Profile, found: &[Finding]) -> String {
    let lines = found.iter().map(|finding| {
        json!({
            "event": "requirement", "file": path.to_string_lossy(), "requirement": finding.requirement,
            "met": finding.met, "source": finding.source,
            "message": finding.message(Lang::Vi), "message_en": finding.message(Lang::En),
        })
    });
    let last = json!({
        "event": "checked", "file": path.to_string_lossy(), "profile": profile.name,
        "met": found.iter().all(|finding| finding.met),
    });
    lines.chain([last]).map(|line| format!("{line}\n")).collect()
}
