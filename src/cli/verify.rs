//! `sohoa verify`: what was published, checked again.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::manifest;
use sohoa::model::{Lang, Localized, SignatureLevel, io_reason, shown};
use sohoa::sign::revocation::Revocation;
use sohoa::verify::{self, Remark, Trust, Verification};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{Shared, Verify};
use super::{Failure, environment, stdout_failure};

/// Verifies each path of the command line.
pub(super) fn run(command: &Verify, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    environment::configuration(shared, lang, |_| {})?;
    let trust = trust(&command.trust, lang)?;
    let mut code = ExitCode::Done;
    for path in &command.paths {
        let reason = if !path.exists() {
            io_reason(std::io::ErrorKind::NotFound, lang)
        } else if path.is_dir() && !path.join(manifest::FILE_NAME).exists() {
            let vi = "không có manifest.json; hãy chỉ thư mục kết quả của sohoa digitize";
            lang.pick(vi, "there is no manifest.json; name an output directory of sohoa digitize").to_owned()
        } else {
            continue;
        };
        return Err(Failure::new(ExitCode::NoInput, format!("{}: {reason}", shown(path))));
    }
    for path in &command.paths {
        let verification = if path.is_dir() { verify::directory(path, &trust) } else { verify::file(path, &trust) };
        if verification.has_faults() {
            code = ExitCode::Tampered;
        }
        let text = if command.json {
            json_lines(&verification)
        } else {
            format!("{}: {}\n{}", shown(path), summary(&verification, lang), remarks(&verification, lang))
        };
        std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))?;
    }
    Ok(code)
}

/// The roots named, or the development authority of this machine.
pub(super) fn trust(named: &[PathBuf], lang: Lang) -> Result<Trust, Failure> {
    let mut roots = Vec::new();
    for path in named {
        roots.extend(environment::certificates(path, lang)?);
    }
    let required = !roots.is_empty();
    if !required {
        roots.extend(environment::development_roots());
    }
    Ok(Trust { roots, required, at: environment::now(lang)? })
}

fn summary(verification: &Verification, lang: Lang) -> String {
    let Verification { files, pages, sources, signatures, .. } = verification;
    let verdict = match verification.has_faults() {
        false => lang.pick("ĐÚNG", "GOOD"),
        true => lang.pick("CÓ SAI LỆCH", "NOT GOOD"),
    };
    match lang {
        Lang::Vi => format!("{verdict} ({files} tệp, {pages} trang, {signatures} chữ ký, {sources} ảnh gốc)"),
        Lang::En => format!("{verdict} ({files} files, {pages} pages, {signatures} signatures, {sources} sources)"),
    }
}

/// One line a finding: faults first, then remarks.
fn remarks(verification: &Verification, lang: Lang) -> String {
    let mut text = String::new();
    let faults = verification.findings.iter().filter(|finding| finding.issue.is_fault());
    for finding in faults {
        text.push_str(&format!("  ✗ {}: {}\n", shown(&finding.path), finding.issue.message(lang)));
    }
    for remark in verification.remarks(lang) {
        let Remark { message, count, path } = remark;
        match (count, lang) {
            (1, _) => text.push_str(&format!("  · {}: {message}\n", shown(path))),
            (_, Lang::Vi) => text.push_str(&format!("  · {count} tệp: {message}\n")),
            (_, Lang::En) => text.push_str(&format!("  · {count} files: {message}\n")),
        }
    }
    text
}

fn json_lines(verification: &Verification) -> String {
    let findings = verification.findings.iter().map(|finding| {
        json!({
            "event": "finding", "file": finding.path.to_string_lossy(), "fault": finding.issue.is_fault(),
            "message": finding.issue.message(Lang::Vi), "message_en": finding.issue.message(Lang::En),
        })
    });
    let signatures = verification.reports.iter().map(|report| {
        json!({
            "event": if report.is_timestamp { "timestamp" } else { "signature" },
            "file": report.path.to_string_lossy(), "field": report.field, "signer": report.signer,
            "level": report.level.map(SignatureLevel::name), "valid": report.valid,
            "claimed_time": report.claimed_time.and_then(rfc3339), "proven_time": report.proven_time.and_then(rfc3339),
            "revocation": match report.revocation {
                Revocation::Good => "good",
                Revocation::Revoked => "revoked",
                Revocation::Unknown => "unknown",
            },
            "covers_whole_file": report.covers_whole_file,
        })
    });
    let findings = signatures.chain(findings);
    let Verification { files, pages, sources, signatures, .. } = verification;
    let last = json!({
        "event": "verified", "good": !verification.has_faults(), "files": files, "pages": pages, "sources": sources,
        "signatures": signatures,
    });
    findings.chain([last]).map(|line| format!("{line}\n")).collect()
}

fn rfc3339(time: OffsetDateTime) -> Option<String> {
    time.format(&Rfc3339).ok()
}
