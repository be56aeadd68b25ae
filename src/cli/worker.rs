//! `sohoa worker`: makes pages of batches that other machines submit.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::Args as ClapArgs;
use serde_json::json;
use sohoa::batch::nats::{self, NatsError, Server, Worked};
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized};

use super::args::Shared;
use super::{Failure, environment, print, remark};

#[derive(Debug, ClapArgs)]
pub(super) struct Worker {
    #[command(flatten)]
    nats: NatsOptions,
    /// What this machine is called [default: its name]
    #[arg(long = "name", value_name = "TEXT")]
    worker_name: Option<String>,
    /// Events for programs on standard output, one JSON line each
    #[arg(long)]
    json: bool,
}

/// Where NATS is, and who we are to it.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct NatsOptions {
    /// Servers, nats://HOST:PORT or tls://HOST:PORT, separated by commas
    #[arg(long, value_name = "URL", env = "SOHOA_NATS", hide_env = true, hide_env_values = true)]
    nats: String,
    /// Credentials file of the account
    #[arg(long, value_name = "FILE")]
    nats_creds: Option<PathBuf>,
    /// Certificates (PEM) that the servers descend from [default: the system's]
    #[arg(long, value_name = "FILE")]
    nats_ca: Option<PathBuf>,
    /// Certificate (PEM) of this machine, where the servers ask for one
    #[arg(long, value_name = "FILE", requires = "nats_key")]
    nats_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", requires = "nats_cert")]
    nats_key: Option<PathBuf>,
    /// Copies of everything in a cluster, 1 to 5
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5), hide_default_value = true)]
    replicas: u8,
}

impl NatsOptions {
    pub(super) fn server(&self) -> Server {
        Server {
            url: self.nats.clone(),
            credentials: self.nats_creds.clone(),
            authority: self.nats_ca.clone(),
            identity: self.nats_cert.clone().zip(self.nats_key.clone()),
            replicas: self.replicas.into(),
        }
    }
}

/// What is said of an engine that cannot be used.
pub(super) fn nats_failure(error: &NatsError, lang: Lang) -> Failure {
    let code = if matches!(error, NatsError::Runtime(_)) { ExitCode::Internal } else { ExitCode::Online };
    Failure::new(code, error.message(lang))
}

/// Makes pages until it is stopped.
pub(super) fn run(command: &Worker, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    let reader = environment::reader(&config)?;
    let tools = Arc::new(environment::tools(&config, reader)?);
    let stop = environment::stop_by_signal()?;
    let name = command.worker_name.clone().unwrap_or_else(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", host.trim(), std::process::id())
    });
    let release = tools.release();
    if !command.json {
        let text = match lang {
            Lang::Vi => format!("sohoa worker {name}: {} luồng, bản {}", tools.pool.workers(), &release[..16]),
            Lang::En => format!("sohoa worker {name}: {} threads, release {}", tools.pool.workers(), &release[..16]),
        };
        remark(&text);
    }
    let (made, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_troubled = AtomicBool::new(false);
    let worked = nats::work(&command.nats.server(), &name, &tools, &stop, &|worked| {
        let line = match worked {
            Worked::Ready => json!({"event": "ready", "worker": name, "release": release}),
            Worked::Made { ms } => {
                made.fetch_add(1, Ordering::Relaxed);
                json!({"event": "page", "ms": ms})
            }
            Worked::Failed | Worked::GivenUp => {
                failed.fetch_add(1, Ordering::Relaxed);
                json!({"event": "failed", "given_up": worked == Worked::GivenUp})
            }
            Worked::Trouble => json!({"event": "trouble"}),
            _ => return,
        };
        let was_troubled = is_troubled.swap(worked == Worked::Trouble, Ordering::Relaxed);
        if worked == Worked::Trouble && !was_troubled && !command.json {
            let text = "máy chủ NATS không trả lời, hoặc chưa có đợt nào được gửi; đang thử lại";
            remark(lang.pick(text, "the NATS server does not answer, or no batch was submitted yet; trying again"));
        }
        if command.json {
            // A reader that has seen enough changes nothing about the work.
            drop(print(format!("{line}\n").as_bytes()));
        }
    });
    worked.map_err(|error| nats_failure(&error, lang))?;
    let (made, failed) = (made.into_inner(), failed.into_inner());
    if !command.json {
        remark(&match lang {
            Lang::Vi => format!("{made} trang đã làm, {failed} trang không làm được"),
            Lang::En => format!("{made} pages made, {failed} could not be made"),
        });
    }
    Ok(ExitCode::Done)
}
