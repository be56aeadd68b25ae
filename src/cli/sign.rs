//! `sohoa sign`: PDF files, and components that wait for their signature.

use std::io::Write;

use serde_json::json;
use sohoa::exit::ExitCode;
use sohoa::ledger::LedgerError;
use sohoa::model::{Lang, Localized, Role, shown};
use sohoa::sign::RunKey;
use sohoa::signing::{self, Outcome, PendingError, Refusal};

use super::args::{Shared, Sign};
use super::{Failure, environment, remark, stdout_failure};

/// Signs what the command line names.
pub(super) fn run(command: &Sign, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        raw.profile.name = command.profile.clone().or(raw.profile.name.take());
        command.key.overlay(&mut raw.sign);
    })?;
    environment::check_secrets(&config, &command.key)?;
    if config.key.is_none() {
        let message = lang.pick(
            "cần khóa của người ký: dùng --key hoặc --token, hoặc đặt [sign] trong tệp cấu hình",
            "a signer's key is needed: use --key or --token, or set [sign] in the configuration file",
        );
        return Err(Failure::new(ExitCode::Usage, message));
    }
    let now = environment::now(lang)?;
    let role = command.role.map_or(config.profile.signatory, Role::from);
    let stamp = environment::stamp(&config, role == config.profile.signatory)?;
    let mut teller = Teller {
        lang,
        json: command.json,
        wants_box: stamp.is_some(),
        signed: 0,
        failure_told: false,
        code: ExitCode::Done,
        stdout: Ok(()),
    };
    // Looked through without a key first: where nothing waits no password or PIN is asked for.
    let mut waiting = Vec::new();
    for directory in &command.pending {
        let mut waits = false;
        match signing::pending(directory, role, None, &mut RunKey::new(None), now, &mut |_| waits = true) {
            Ok(()) if waits => waiting.push(directory),
            Ok(()) => {}
            Err(error) => teller.tell_error(&error),
        }
    }
    if command.pdfs.is_empty() && waiting.is_empty() {
        return teller.finish();
    }
    let signer = environment::signer(&config, &command.key, now)?;
    let mut key = RunKey::new(Some(signer.as_ref()));
    for path in &command.pdfs {
        let outcome = signing::file(path, command.out.as_deref(), role, stamp.as_ref(), &mut key, now);
        teller.tell_failure(&key);
        teller.tell(&outcome);
    }
    for directory in waiting {
        let result = signing::pending(directory, role, stamp.as_ref(), &mut key, now, &mut |one| teller.tell(one));
        teller.tell_failure(&key);
        if let Err(error) = result {
            teller.tell_error(&error);
        }
    }
    teller.finish()
}

/// Tells outcomes as they come, and keeps the exit code.
struct Teller {
    lang: Lang,
    json: bool,
    /// Whether a box is to be seen of each signature.
    wants_box: bool,
    signed: usize,
    failure_told: bool,
    code: ExitCode,
    stdout: std::io::Result<()>,
}

impl Teller {
    fn tell(&mut self, outcome: &Outcome) {
        let (state, text) = match &outcome.result {
            Ok(false) if self.wants_box => (
                "signed",
                self.lang
                    .pick(
                        "đã ký; trang đầu không có chỗ cho ô chữ ký nên chữ ký không hiển thị",
                        "signed; the first page has no place for its box, so it is not seen",
                    )
                    .to_owned(),
            ),
            Ok(_) => ("signed", self.lang.pick("đã ký", "signed").to_owned()),
            Err(refusal @ Refusal::SignedAlready) => ("signed-before", refusal.message(self.lang)),
            Err(refusal) => ("refused", refusal.message(self.lang)),
        };
        match &outcome.result {
            Ok(_) => self.signed += 1,
            Err(Refusal::SignedAlready) => {}
            Err(Refusal::Waiting) => self.worsen(ExitCode::Key),
            Err(Refusal::Altered) => self.worsen(ExitCode::Tampered),
            Err(Refusal::Unwritable(_)) => self.worsen(ExitCode::Output),
            Err(_) => self.worsen(ExitCode::Incomplete),
        }
        if self.json {
            let reason = (state == "refused").then_some(&text);
            self.print(&format!(
                "{}\n",
                json!({
                    "event": state, "file": outcome.path.to_string_lossy(), "reason": reason,
                    "visible": outcome.result.as_ref().ok(),
                })
            ));
        } else if state == "refused" {
            remark(&format!("{}: {text}", shown(&outcome.path)));
        } else {
            self.print(&format!("{}: {text}\n", shown(&outcome.path)));
        }
    }

    /// Tells why a directory as a whole cannot be signed in.
    fn tell_error(&mut self, error: &PendingError) {
        remark(&format!("sohoa: {}", error.message(self.lang)));
        self.worsen(match error {
            PendingError::NoManifest(_) => ExitCode::NoInput,
            PendingError::Ledger(LedgerError::Manifest { .. } | LedgerError::Log { .. }) => ExitCode::Tampered,
            _ => ExitCode::Output,
        });
    }

    /// Tells once that the key failed.
    fn tell_failure(&mut self, key: &RunKey<'_>) {
        if let Some(error) = key.failure().filter(|_| !self.failure_told) {
            self.failure_told = true;
            self.worsen(ExitCode::Key);
            remark(&format!("sohoa: {}", error.message(self.lang)));
        }
    }

    /// The gravest code stays: a key that fails before files that are altered, unwritable or unfit.
    fn worsen(&mut self, code: ExitCode) {
        let rank = |code: ExitCode| match code {
            ExitCode::Done => 0,
            ExitCode::Incomplete => 1,
            ExitCode::NoInput => 2,
            ExitCode::Output => 3,
            ExitCode::Tampered => 4,
            _ => 5,
        };
        if rank(code) > rank(self.code) {
            self.code = code;
        }
    }

    fn print(&mut self, text: &str) {
        if self.stdout.is_ok() {
            self.stdout = std::io::stdout().lock().write_all(text.as_bytes());
        }
    }

    fn finish(mut self) -> Result<ExitCode, Failure> {
        let signed = self.signed;
        let text = match (self.json, self.lang) {
            (true, _) => format!("{}\n", json!({"event": "done", "signed": signed, "exit_code": self.code as u8})),
            (false, Lang::Vi) => format!("Đã ký {signed} tệp\n"),
            (false, Lang::En) => format!("Signed {signed} files\n"),
        };
        self.print(&text);
        match self.stdout {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(stdout_failure(&error)),
            _ => Ok(self.code),
        }
    }
}
