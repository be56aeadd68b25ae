//! The command line: one file a command, and what they share.

mod args;
mod batch;
mod check;
mod digitize;
mod doctor;
mod dossier;
mod environment;
mod extract;
mod inspect;
mod log;
mod package;
mod pair;
mod scan;
mod search;
mod serve;
mod sheet;
mod sign;
mod sizes;
mod store;
mod upgrade;
mod user;
mod verify;
mod worker;

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
    sohoa::pool::keep_freed_memory();
    let wanted = args::wanted_language(std::env::args_os());
    let matches = args::localized(Args::command(), wanted.unwrap_or_default()).get_matches();
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let lang = wanted.or_else(|| environment::configured_language(&args.shared)).unwrap_or_default();
    let result = match args.command {
        Command::Digitize(command) => digitize::run(command, args.shared, lang),
        Command::Batch(command) => batch::run(command, args.shared, lang),
        Command::Worker(command) => worker::run(&command, &args.shared, lang),
        Command::Sign(command) => sign::run(&command, &args.shared, lang),
        Command::Verify(command) => verify::run(&command, &args.shared, lang),
        Command::Upgrade(command) => upgrade::run(&command, &args.shared, lang),
        Command::Serve(command) => serve::run(&command, &args.shared, lang),
        Command::Dossier(command) => dossier::run(&command, &args.shared, lang),
        Command::Doctor(command) => doctor::run(&command, &args.shared, lang),
        Command::Store(command) => store::run(&command, &args.shared, lang),
        Command::User(command) => user::run(&command, &args.shared, lang),
        Command::Check(command) => check::run(&command, &args.shared, lang),
        Command::Log(command) => log::run(&command, &args.shared, lang),
        Command::Package(command) => package::run(&command, &args.shared, lang),
        Command::Extract(command) => extract::run(&command, &args.shared, lang),
        Command::Inspect(command) => inspect::run(&command, args.shared, lang),
        Command::Scan(command) => scan::run(command, args.shared, lang),
        Command::Search(command) => search::run(&command, &args.shared, lang),
        Command::Sheet(command) => sheet::run(&command, lang),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::localized(Args::command(), lang), "sohoa", &mut script);
            print(&script)
        }
        Command::Manpage => print_manpage(lang),
    };
    match result {
        Ok(code) => code.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                remark(&format!("sohoa: {}", failure.message));
            }
            failure.code.into()
        }
    }
}

fn print_manpage(lang: Lang) -> Result<ExitCode, Failure> {
    let page = manpage(args::localized(Args::command(), lang)).map_err(|error| stdout_failure(&error))?;
    print(&page)
}

/// One page for the whole program: the commands follow the options that all share, each with its own.
fn manpage(mut command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    command.build();
    let shared: Vec<clap::Id> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
    for (title, sub) in subcommands("sohoa", &command) {
        let own = sub.mut_args(|argument| {
            let is_shared = shared.contains(argument.get_id());
            argument.hide(is_shared)
        });
        let man = clap_mangen::Man::new(own.bin_name(title.clone()));
        let mut section = Vec::new();
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        let section = String::from_utf8_lossy(&section)
            .replace(".SH DESCRIPTION", ".PP")
            .replace(".SH ", ".SS ")
            .replace(".SS SYNOPSIS", &format!(".SH {}", title.to_uppercase()));
        page.extend_from_slice(section.as_bytes());
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// The commands below one, each followed by its own, with their full names.
fn subcommands(parent: &str, command: &clap::Command) -> Vec<(String, clap::Command)> {
    let subs = command.get_subcommands().filter(|sub| sub.get_name() != "help");
    subs.flat_map(|sub| {
        let title = format!("{parent} {}", sub.get_name());
        let below = subcommands(&title, sub);
        [(title, sub.clone())].into_iter().chain(below)
    })
    .collect()
}

fn print(bytes: &[u8]) -> Result<ExitCode, Failure> {
    std::io::stdout().lock().write_all(bytes).map_err(|error| stdout_failure(&error))?;
    Ok(ExitCode::Done)
}

/// A line on standard error. When nobody can read it there is nobody left to tell: that is no reason to stop.
fn remark(text: &str) {
    drop(std::io::stderr().lock().write_all(format!("{text}\n").as_bytes()));
}

/// Standard output cannot be written: a full disk behind a redirection, or a reader that has seen enough and closed
/// the pipe, which is no error.
fn stdout_failure(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Failure::new(ExitCode::Done, "");
    }
    Failure::new(ExitCode::Output, format!("stdout: {error}"))
}
