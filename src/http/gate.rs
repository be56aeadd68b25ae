//! What every request passes: who may ask, in which language problems are told, and the headers of every answer.

use std::net::IpAddr;
use std::path::Path;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::model::{Lang, Localized, io_reason};

use super::problem::{Problem, Untold};
use super::{Settings, Shared, desk, phone, session};

/// Least length of a token: 16 characters of hexadecimal digits are 64 bits, as much as nobody tries out over a network.
const LEAST_TOKEN: usize = 16;

/// The tokens that open the API, as hashes.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<[u8; 32]>);

/// Why a file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A token is too short.
    #[error("line {0} has fewer than {LEAST_TOKEN} characters")]
    Short(usize),
    /// There is none in it.
    #[error("no token in it")]
    Empty,
}

impl Localized for TokensError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io(error), lang) => io_reason(error.kind(), lang),
            (Self::Short(line), Lang::Vi) => {
                format!(
                    "mã truy cập ở dòng {line} quá ngắn, cần ít nhất {LEAST_TOKEN} ký tự; hãy dùng `openssl rand -hex 32`"
                )
            }
            (Self::Short(_), Lang::En) => format!("{self}; use `openssl rand -hex 32`"),
            (Self::Empty, Lang::Vi) => "không có mã truy cập nào; hãy ghi mỗi dòng một mã".to_owned(),
            (Self::Empty, Lang::En) => format!("{self}; write one a line"),
        }
    }
}

impl Tokens {
    /// Reads a file with a token a line; empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// When it cannot be read, has none, or has one that can be guessed.
    pub fn read(path: &Path) -> Result<Self, TokensError> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    fn parse(text: &str) -> Result<Self, TokensError> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let tokens = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let hashes: Result<Vec<_>, _> = tokens
            .map(|(number, token)| match token.chars().count() < LEAST_TOKEN {
                true => Err(TokensError::Short(number)),
                false => Ok(Sha256::digest(token).into()),
            })
            .collect();
        match hashes? {
            hashes if hashes.is_empty() => Err(TokensError::Empty),
            hashes => Ok(Self(hashes)),
        }
    }

    /// Whether there are none: everybody who reaches the address may ask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token is among them. Hashes are compared, each to its end and with all of them: how long that takes tells
    /// nothing of the tokens.
    fn has(&self, token: &str) -> bool {
        let asked: [u8; 32] = Sha256::digest(token).into();
        let differ = |known: &[u8; 32]| known.iter().zip(&asked).fold(0, |differ, (a, b)| differ | (a ^ b));
        self.0.iter().fold(false, |has, known| has | (differ(known) == 0))
    }
}

/// Lets a request pass or not, and dresses the answer.
pub(super) async fn gate(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let lang = language(request.headers());
    let at_desk = desk::is_of_desk(request.uri().path()).then(|| session::language(request.headers()));
    let at_phone = phone::language(request.uri());
    let is_navigation = request.uri().path().starts_with(phone::PATH)
        && text(request.headers(), &header::ACCEPT).is_some_and(|accepted| accepted.contains("text/html"));
    let mut response = match check(&app.settings, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(Untold(problem)) = response.extensions_mut().remove() {
        response = match at_desk {
            Some(lang) => desk::refusal(&problem, lang),
            None if is_navigation => phone::refusal(&problem, at_phone),
            None => problem.told(lang),
        };
    }
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // With `no-referrer` browsers send forms with `Origin: null`, which is nobody's.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in always {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn check(settings: &Settings, request: &Request) -> Result<(), Problem> {
    let tokens = &settings.tokens;
    let (headers, path) = (request.headers(), request.uri().path());
    let host = text(headers, &header::HOST).unwrap_or_default();
    // A browser says which site a page that sends something is of: only our own page may.
    let origin = text(headers, &header::ORIGIN);
    let is_ours = origin.is_none_or(|origin| origin.split_once("://").is_some_and(|(_, authority)| authority == host));
    if !is_ours && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::Foreign);
    }
    if path == "/healthz" || path.starts_with(phone::PATH) || desk::is_of_desk(path) {
        return Ok(());
    }
    if tokens.is_empty() && settings.http.is_local() {
        // Only this machine reaches the address, but so does any page in its browser, by a name that leads here.
        return if is_this_machine(host) { Ok(()) } else { Err(Problem::Foreign) };
    }
    let given = text(headers, &header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    match given {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && tokens.has(token.trim()) => Ok(()),
        _ => Err(Problem::Unauthorized),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the name of a `Host` header is that of the loopback.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The first of our languages that the client likes (RFC 9110, 12.5.4); Vietnamese where it says nothing of them.
pub(super) fn language(headers: &HeaderMap) -> Lang {
    let Some(wanted) = text(headers, &header::ACCEPT_LANGUAGE) else { return Lang::Vi };
    let weigh = |range: &str| {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.trim().parse::<f32>().ok())?;
        let lang = match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
            "vi" => Lang::Vi,
            "en" => Lang::En,
            _ => return None,
        };
        (weight > 0.0).then_some((lang, weight))
    };
    let first_best = |best: Option<(Lang, f32)>, next: (Lang, f32)| match best {
        Some(best) if best.1 >= next.1 => Some(best),
        _ => Some(next),
    };
    wanted.split(',').filter_map(weigh).fold(None, first_best).map_or(Lang::Vi, |(lang, _)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_tokens_open() {
        let tokens = Tokens::parse("# counter\n0123456789abcdef\n\n fedcba9876543210 \n").unwrap();
        assert!(tokens.has("0123456789abcdef") && tokens.has("fedcba9876543210"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "# counter"] {
            assert!(!tokens.has(wrong), "{wrong}");
        }
        assert!(matches!(Tokens::parse("short"), Err(TokensError::Short(1))));
        assert!(matches!(Tokens::parse("# none\n"), Err(TokensError::Empty)));
    }

    #[test]
    fn the_clients_language_is_told() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(value));
            language(&headers)
        };
        assert_eq!(language(&HeaderMap::new()), Lang::Vi);
        assert_eq!(of("en-GB,en;q=0.9,vi;q=0.8"), Lang::En);
        assert_eq!(of("fr, en;q=0.5, vi-VN;q=0.7"), Lang::Vi);
        assert_eq!(of("en;q=0, vi;q=0.1"), Lang::Vi);
        assert_eq!(of("*"), Lang::Vi);
    }

    #[test]
    fn only_names_of_the_loopback_are_this_machine() {
        for host in ["localhost:80", "127.0.0.1", "127.0.0.1:8080", "[::1]:1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "example.org", "127.0.0.1.example.org", "10.0.0.1:80"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
