//! The command line: one file a command, and what they share.

mod args;
mod digitize;
mod environment;
mod inspect;
mod verify;

use std::io::Write;

use clap::{CommandFactory, FromArgMatches};
use sohoa::exit::ExitCode;
use sohoa::model::Lang;

use args::{Args, Command};

/// What a command that cannot go on says, and how the program then ends.
#[derive(Debug)]
struct Failure {
    code: ExitCode,
    message: String,
}

impl Failure {
    fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Runs the program on its arguments.
pub(crate) fn main() -> std::process::ExitCode {
    let lang = args::wanted_language(std::env::args_os());
    let matches = args::localized(Args::command(), lang).get_matches();
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let result = match args.command {
        Command::Digitize(command) => digitize::run(command, args.shared, lang),
        Command::Verify(command) => verify::run(&command, &args.shared, lang),
        Command::Inspect(command) => inspect::run(&command, args.shared, lang),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut args::localized(Args::command(), lang),
                "sohoa",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::Done)
        }
        Command::Manpage => print_manpage(lang),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                eprintln!("sohoa: {}", failure.message);
            }
            failure.code.into()
        }
    }
}

fn print_manpage(lang: Lang) -> Result<ExitCode, Failure> {
    let mut page = Vec::new();
    let written = clap_mangen::Man::new(args::localized(Args::command(), lang)).render(&mut page);
    written.and_then(|()| std::io::stdout().write_all(&page)).map_err(|error| stdout_failure(&error))?;
    Ok(ExitCode::Done)
}

/// Standard output cannot be written: a full disk behind a redirection, or a reader that has seen enough and closed
/// the pipe, which is no error.
fn stdout_failure(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Failure::new(ExitCode::Done, "");
    }
    Failure::new(ExitCode::Output, format!("stdout: {error}"))
}
