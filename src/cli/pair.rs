//! `sohoa dossier pair`: a QR code that lets a phone send pictures into a dossier.

use std::io::IsTerminal;

use clap::Args as ClapArgs;
use serde_json::json;
use sohoa::codes::symbols::{self, QR_QUIET_MODULES};
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::http::{PHONE_PATH, base_url, random_name};
use sohoa::model::{DossierCode, Lang};
use sohoa::service;
use sohoa::store::Store;

use super::dossier::{ShownOptions, open};
use super::serve::store_failure;
use super::{Failure, environment, print};

#[derive(Debug, ClapArgs)]
pub(super) struct Pair {
    /// Code of the dossier
    #[arg(value_name = "CODE")]
    dossier_code: DossierCode,
    /// Title of the component; without one the phone may name it
    #[arg(long, value_name = "TITLE")]
    component: Option<String>,
    /// Hours for which the QR code is good, 1 to 168 [default: http.pair_minutes, 8 hours]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: Option<u32>,
    /// How phones reach the service, http://host:port [default: the address that it listens on]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// End all QR codes of the dossier instead of making one
    #[arg(long, conflicts_with_all = ["component", "hours", "url"])]
    revoke: bool,
    #[command(flatten)]
    shown: ShownOptions,
}

/// Makes a token and shows its address, or ends those of a dossier.
pub(super) fn run(pair: &Pair, config: &Config, lang: Lang) -> Result<ExitCode, Failure> {
    let store = open(config, &pair.shown, lang)?;
    let failure = |error| store_failure(&error, lang);
    let now = service::millis(environment::vietnam_time());
    let dossier = &pair.dossier_code;
    if pair.revoke {
        let ended = store.revoke_pairings(dossier, None, now).map_err(failure)?;
        let text = match (pair.shown.json, lang) {
            (true, _) => json!({"event": "revoked", "dossier": dossier.as_str(), "pairings": ended}).to_string(),
            (false, Lang::Vi) => format!("Đã thu hồi {ended} mã QR của hồ sơ {dossier}"),
            (false, Lang::En) => format!("Ended {ended} QR codes of dossier {dossier}"),
        };
        return print(format!("{text}\n").as_bytes());
    }
    let base = base(pair, config, &store, lang)?;
    let token = random_name().map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    let minutes = pair.hours.map_or(config.http.pair_minutes, |hours| hours * 60);
    let expires = now + i64::from(minutes) * 60_000;
    store.pair(&token, dossier, pair.component.as_deref(), expires, None, now).map_err(failure)?;
    let url = format!("{base}{PHONE_PATH}{token}");
    if pair.shown.json {
        let value = json!({"event": "paired", "dossier": dossier.as_str(), "url": url, "expires_ms": expires});
        return print(format!("{value}\n").as_bytes());
    }
    let symbol = symbols::qr(&url).map_or_else(String::new, |rows| drawn(&rows, std::io::stdout().is_terminal()));
    let text = match lang {
        Lang::Vi => format!(
            "{symbol}\nHồ sơ {dossier}: quét mã QR bằng điện thoại, hoặc mở\n  {url}\nCó hiệu lực {minutes} phút. Ai có địa chỉ này \
             đều gửi được ảnh vào hồ sơ; thu hồi: sohoa dossier pair {dossier} --revoke\n"
        ),
        Lang::En => format!(
            "{symbol}\nDossier {dossier}: scan the QR code with a phone, or open\n  {url}\nGood for {minutes} minutes. Whoever has \
             this address can send pictures into the dossier; to end it: sohoa dossier pair {dossier} --revoke\n"
        ),
    };
    print(text.as_bytes())
}

/// How phones reach the service: as said, or as the running service wrote down.
fn base(pair: &Pair, config: &Config, store: &Store, lang: Lang) -> Result<String, Failure> {
    let said = pair.url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
    said.or_else(|| base_url(&config.http, store.directory())).ok_or_else(|| {
        let message = lang.pick(
            "dịch vụ chưa mở HTTP: hãy chạy `sohoa serve` với --listen, hoặc nêu địa chỉ bằng --url",
            "the service does not answer over HTTP: run `sohoa serve` with --listen, or name an address with --url",
        );
        Failure::new(ExitCode::Configuration, message)
    })
}

/// A QR symbol in half blocks, two rows of modules a line, dark on light whatever the terminal's colours are.
fn drawn(rows: &[Vec<bool>], in_colour: bool) -> String {
    let quiet = QR_QUIET_MODULES as usize;
    let side = rows.len() + 2 * quiet;
    let is_dark = |y: usize, x: usize| {
        let at = |value: usize| value.checked_sub(quiet);
        at(y).zip(at(x)).and_then(|(y, x)| rows.get(y)?.get(x).copied()).unwrap_or(false)
    };
    let mut text = String::new();
    for y in (0..side).step_by(2) {
        // Black on white; without colours light modules are drawn, as most terminals are dark.
        text.push_str(if in_colour { "\u{1b}[30;107m" } else { "" });
        for x in 0..side {
            let (upper, lower) = (is_dark(y, x) == in_colour, is_dark(y + 1, x) == in_colour);
            text.push(match (upper, lower) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        text.push_str(if in_colour { "\u{1b}[0m\n" } else { "\n" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_has_its_quiet_zone_and_two_rows_a_line() {
        let text = drawn(&[vec![true, false], vec![false, true]], true);
        let lines: Vec<String> =
            text.lines().map(|line| line.replace("\u{1b}[30;107m", "").replace("\u{1b}[0m", "")).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[2], "    ▀▄    ");
        assert!(lines.iter().enumerate().all(|(at, line)| at == 2 || line == "          "));
        assert_eq!(drawn(&[vec![true]], false).lines().nth(2), Some("████▄████"));
    }
}
