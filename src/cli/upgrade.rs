//! `sohoa upgrade`: timestamps and revocation data for signatures that were made without a network.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::ledger::LedgerError;
use sohoa::model::{Lang, Localized, shown};
use sohoa::online::Client;
use sohoa::upgrade::{self, UpgradeError, Upgraded, Wanted};

use super::args::{Shared, Upgrade};
use super::{Failure, environment, remark, stdout_failure, verify};

/// Upgrades each path of the command line; one that cannot be upgraded is told and the others go on.
pub(super) fn run(command: &Upgrade, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        command.key.overlay(&mut raw.sign);
        raw.sign.timestamp = command.timestamp.clone().or(raw.sign.timestamp.take());
        raw.sign.level = command.level.clone().or(raw.sign.level.take());
    })?;
    environment::check_secrets(&config, &command.key)?;
    let mut trust = verify::trust(&command.trust, lang)?;
    trust.roots.extend(environment::development_roots());
    trust.required = true;

    let mut code = ExitCode::Done;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut sealed = false;
    for path in &command.paths {
        let found = match path.is_dir() {
            true => upgrade::listed(path),
            false => upgrade::needs_key(path).map(|sealed| (vec![path.clone()], sealed)),
        };
        match found {
            Ok((found, needs_key)) => {
                files.extend(found);
                sealed |= needs_key;
            }
            Err(error) => code = refused(path, &error, lang),
        }
    }
    let signer = match sealed {
        true => Some(environment::signer(&config, &command.key, trust.at)?),
        false => None,
    };
    let signer = signer.as_deref();
    let wanted = Wanted {
        level: config.signature_level,
        renew: command.renew,
        service: config.timestamp.as_deref(),
        policy: config.timestamp_policy.as_deref(),
        trust: &trust,
    };
    let client = Client::default();
    for path in &files {
        match upgrade::in_place(path, &wanted, &client, signer) {
            Ok(upgraded) => tell(path, upgraded, command.json, lang).map_err(|error| stdout_failure(&error))?,
            Err(error) => code = refused(path, &error, lang),
        }
    }
    Ok(code)
}

fn refused(path: &std::path::Path, error: &UpgradeError, lang: Lang) -> ExitCode {
    remark(&format!("{}: {}", shown(path), error.message(lang)));
    match error {
        UpgradeError::Unreadable(_) | UpgradeError::Pdf(_) | UpgradeError::NotSigned => ExitCode::NoInput,
        UpgradeError::Invalid(_)
        | UpgradeError::Changed(_)
        | UpgradeError::Evidence(_)
        | UpgradeError::Revoked(_)
        | UpgradeError::Manifest { .. }
        | UpgradeError::NotAsListed => ExitCode::Tampered,
        UpgradeError::Untrusted(_) | UpgradeError::NoService => ExitCode::Configuration,
        UpgradeError::Online(_) | UpgradeError::Timestamp(_) | UpgradeError::NoEvidence { .. } => ExitCode::Online,
        UpgradeError::SealKey(_) | UpgradeError::Sign(_) => ExitCode::Key,
        UpgradeError::Publish(_) | UpgradeError::Ledger(LedgerError::Publish(_)) => ExitCode::Output,
        UpgradeError::Ledger(_) => ExitCode::Tampered,
        _ => ExitCode::Internal,
    }
}

fn tell(path: &std::path::Path, upgraded: Upgraded, json: bool, lang: Lang) -> std::io::Result<()> {
    let Upgraded { before, now, changed } = upgraded;
    let line = match (json, changed, lang) {
        (true, ..) => json!({
            "event": "upgraded", "file": path.to_string_lossy(), "before": before.name(), "level": now.name(),
            "changed": changed,
        })
        .to_string(),
        (false, false, Lang::Vi) => format!("{}: đã ở mức {now}, không đổi", shown(path)),
        (false, false, Lang::En) => format!("{}: has level {now}, unchanged", shown(path)),
        (false, true, Lang::Vi) => format!("{}: mức {before} → {now}", shown(path)),
        (false, true, Lang::En) => format!("{}: level {before} → {now}", shown(path)),
    };
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes())
}
