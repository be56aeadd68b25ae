//! `sohoa user`: accounts of the people at the desk.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde_json::json;
use sohoa::account::{AccountName, Role, SALT_BYTES, StoredPassword};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized};
use sohoa::service;
use sohoa::store::{Account, Store};

use super::args::Shared;
use super::dossier::ShownOptions;
use super::serve::store_failure;
use super::{Failure, environment, print};

#[derive(Debug, ClapArgs)]
pub(super) struct User {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an account for a person
    Add {
        /// Name of the account: letters without accents, digits, `.`, `_`, `-`
        #[arg(value_name = "NAME")]
        account: String,
        /// What its person may do
        #[arg(long, value_enum, value_name = "clerk|officer|supervisor|admin", hide_possible_values = true)]
        role: RoleArg,
        #[command(flatten)]
        password: PasswordOption,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Give an account another password and end its sessions
    Passwd {
        /// Name of the account
        #[arg(value_name = "NAME")]
        account: String,
        #[command(flatten)]
        password: PasswordOption,
        #[command(flatten)]
        shown: ShownOptions,
    },
    /// Close an account and end its sessions
    Disable {
        /// Name of the account
        #[arg(value_name = "NAME")]
        account: String,
        /// Open it again instead
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        shown: ShownOptions,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    Clerk,
    Officer,
    Supervisor,
    Admin,
}

impl From<RoleArg> for Role {
    fn from(arg: RoleArg) -> Self {
        match arg {
            RoleArg::Clerk => Self::Clerk,
            RoleArg::Officer => Self::Officer,
            RoleArg::Supervisor => Self::Supervisor,
            RoleArg::Admin => Self::Admin,
        }
    }
}

#[derive(Debug, ClapArgs)]
struct PasswordOption {
    /// File whose first line is the password, also /dev/fd/N [default: SOHOA_PASSWORD, or asked for]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Runs one of the commands.
pub(super) fn run(command: &User, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    let failure = |error| store_failure(&error, lang);
    let now = service::millis(environment::vietnam_time());
    match &command.command {
        Command::Add { account, role, password, shown } => {
            let (name, role) = (name(account, lang)?, Role::from(*role));
            // The first account is made before the service runs for the first time.
            let store = Store::open(&shown.data.directory(&config)).map_err(failure)?;
            let password = new_password(password.password_file.as_deref(), &name, lang)?;
            store.add_account(&name, &password, role, now).map_err(failure)?;
            tell("account-added", &name, shown.json, lang, ("đã tạo", "made"))
        }
        Command::List { shown } => {
            let store = Store::open_existing(&shown.data.directory(&config)).map_err(failure)?;
            list(&store.accounts().map_err(failure)?, shown.json, lang)
        }
        Command::Passwd { account, password, shown } => {
            let name = name(account, lang)?;
            let store = Store::open_existing(&shown.data.directory(&config)).map_err(failure)?;
            store
                .account(&name)
                .map_err(failure)?
                .ok_or_else(|| store_failure(&sohoa::store::StoreError::NoAccount(name.to_string()), lang))?;
            let password = new_password(password.password_file.as_deref(), &name, lang)?;
            store.set_password(&name, &password, now).map_err(failure)?;
            tell("password-changed", &name, shown.json, lang, ("đã đổi mật khẩu", "has another password"))
        }
        Command::Disable { account, undo, shown } => {
            let name = name(account, lang)?;
            let store = Store::open_existing(&shown.data.directory(&config)).map_err(failure)?;
            store.set_disabled(&name, !undo, now).map_err(failure)?;
            match undo {
                true => tell("account-enabled", &name, shown.json, lang, ("đã mở lại", "open again")),
                false => tell("account-disabled", &name, shown.json, lang, ("đã khóa", "closed")),
            }
        }
    }
}

fn name(text: &str, lang: Lang) -> Result<AccountName, Failure> {
    text.parse::<AccountName>().map_err(|error| Failure::new(ExitCode::Usage, error.message(lang)))
}

/// A new password: from the file named, the environment, or typed twice at the terminal.
fn new_password(file: Option<&Path>, name: &AccountName, lang: Lang) -> Result<StoredPassword, Failure> {
    let usage = |message: String| Failure::new(ExitCode::Usage, message);
    let password = match environment::stored_secret(file, "SOHOA_PASSWORD", lang)? {
        Some(password) => password,
        None if std::io::stdin().is_terminal() => {
            let first = environment::typed_secret(lang.pick("Mật khẩu mới: ", "New password: "))?;
            if environment::typed_secret(lang.pick("Nhập lại: ", "Once more: "))? != first {
                return Err(usage(lang.pick("hai lần nhập khác nhau", "the two are not the same").to_owned()));
            }
            first
        }
        None => {
            let message = lang.pick(
                "cần mật khẩu: đặt SOHOA_PASSWORD hoặc dùng --password-file",
                "a password is needed: set SOHOA_PASSWORD or use --password-file",
            );
            return Err(usage(message.to_owned()));
        }
    };
    let mut salt = [0; SALT_BYTES];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut salt))
        .map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    StoredPassword::new(&password, name, salt).map_err(|error| usage(error.message(lang)))
}

fn tell(event: &str, name: &AccountName, json: bool, lang: Lang, text: (&str, &str)) -> Result<ExitCode, Failure> {
    let line = match json {
        true => json!({"event": event, "account": name.as_str()}).to_string(),
        false => format!("{name}: {}", lang.pick(text.0, text.1)),
    };
    print(format!("{line}\n").as_bytes())
}

fn list(accounts: &[Account], json: bool, lang: Lang) -> Result<ExitCode, Failure> {
    let line = |account: &Account| match json {
        true => json!({
            "account": account.name, "role": account.role.code(), "disabled": account.is_disabled,
            "created_ms": account.created,
        })
        .to_string(),
        false => {
            let closed = if account.is_disabled { lang.pick(", đã khóa", ", closed") } else { "" };
            format!("{}: {}{closed}", account.name, account.role.name(lang))
        }
    };
    let lines: String = accounts.iter().map(|account| line(account) + "\n").collect();
    print(lines.as_bytes())
}
