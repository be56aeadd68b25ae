//! For those who watch the service: does it live, can it work, and what has it done.

use std::fs;
use std::path::Path;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::service::free_bytes;

use super::metrics::Now;
use super::problem::Problem;
use super::{App, Shared};

/// Longest look at the folders: a share that hangs answers never.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether files and uploads are taken now, and if not why.
pub(super) async fn ready(State(app): State<Shared>) -> Response {
    let Ok(_permit) = app.looking.try_acquire() else { return unready(&["folders"]) };
    let looking = app.blocking(|app| Ok(app.reasons()));
    match tokio::time::timeout(PATIENCE, looking).await {
        Ok(Ok(reasons)) if reasons.is_empty() => Json(json!({"ready": true})).into_response(),
        Ok(Ok(reasons)) => unready(&reasons),
        _ => unready(&["folders"]),
    }
}

fn unready(reasons: &[&'static str]) -> Response {
    let body = Json(json!({"ready": false, "reasons": reasons}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "10")], body).into_response()
}

/// Counts and gauges for Prometheus.
pub(super) async fn metrics(State(app): State<Shared>) -> Result<Response, Problem> {
    let text = app.blocking(|app| Ok(app.metrics.text(&app.now_counted()?))).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

impl App {
    /// The words for what keeps the service from working: `store`, `folders`, `disk`.
    fn reasons(&self) -> Vec<&'static str> {
        let settings = &self.settings.service;
        let mut reasons = Vec::new();
        if self.store.check_writable().is_err() || self.uploads.check_writable().is_err() {
            reasons.push("store");
        }
        if !self.folders().iter().all(|folder| folder.is_dir()) {
            reasons.push("folders");
        }
        if free_bytes(self.store.directory()).unwrap_or(0) < settings.min_free_bytes {
            reasons.push("disk");
        }
        reasons
    }

    fn now_counted(&self) -> Result<Now, Problem> {
        let free = |path: &Path| free_bytes(path).unwrap_or(0);
        Ok(Now {
            status: self.store.status(self.now())?,
            queued: self.store.queued_by_priority()?,
            disk_free: [("store", free(self.store.directory())), ("output", free(&self.settings.service.output))],
            memory: resident_bytes(),
            scans: self.scans.running(),
        })
    }
}

/// Memory of this process that is in the machine's, as Linux tells it; 0 where it does not.
fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_memory_is_known() {
        assert!(resident_bytes() > 1 << 20);
    }
}
