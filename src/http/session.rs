//! Who sits at the desk: logging in and out, the session that a browser's cookie names, and the proof that a form was ours.
//!
//! A session's token has 128 random bits, is in the cookie alone (`HttpOnly`, `SameSite=Strict`, over TLS `Secure` with the
//! prefix `__Host-`) and in the store as a hash. Whatever changes something comes from a page of ours, as the browser itself
//! says (`Origin`, `Sec-Fetch-Site`), and within a session also with a token that only our pages have.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::account::{AccountName, StoredPassword};
use crate::config::HttpConfig;
use crate::model::Lang;
use crate::store::Account;

use super::desk;
use super::listener::Peer;
use super::problem::Problem;
use super::uploads::random_name;
use super::{App, Shared};

/// Passwords checked at a time: each takes 64 MiB and a core for a fifth of a second.
pub(super) const CHECKS: usize = 2;

const LANGUAGE_COOKIE: &str = "sohoa-lang";

/// The name of the cookie. With its prefix browsers take it from this host and over TLS alone (RFC 6265bis, 4.1.3.2).
fn cookie_name(config: &HttpConfig) -> &'static str {
    if config.is_encrypted() { "__Host-sohoa" } else { "sohoa" }
}

fn cookie(config: &HttpConfig, token: &str, more: &str) -> Result<HeaderValue, Problem> {
    let secure = if config.is_encrypted() { "; Secure" } else { "" };
    let text = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", cookie_name(config));
    HeaderValue::from_str(&text).map_err(|_| Problem::Internal)
}

/// The value of a cookie of the request.
fn cookie_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The language of the desk: Vietnamese unless a person has switched. Browsers in offices often ask for English, whoever sits
/// there.
pub(super) fn language(headers: &HeaderMap) -> Lang {
    if cookie_value(headers, LANGUAGE_COOKIE) == Some("en") { Lang::En } else { Lang::Vi }
}

/// A person who is logged in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) account: Account,
    pub(super) lang: Lang,
    /// What forms of their pages bring back.
    pub(super) form_token: String,
    /// Whether a page of theirs asks by itself, to stay up to date.
    pub(super) is_unattended: bool,
}

/// The token of the session that a browser's cookie names; nothing where it names none.
pub(super) fn token(config: &HttpConfig, headers: &HeaderMap) -> String {
    cookie_value(headers, cookie_name(config)).unwrap_or_default().to_owned()
}

/// What pages that ask by themselves say.
const UNATTENDED: &str = "sohoa-live";

/// What a session's forms bring back: from the cookie's token alone, and without telling it.
fn form_token(session: &str) -> String {
    let hash = Sha256::new().chain_update("form\n").chain_update(session).finalize();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    /// Whoever is not logged in is led to the door.
    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Response> {
        if !app.settings.http.has_desk() {
            return Err(Problem::NoDesk.into_response());
        }
        let lang = language(&parts.headers);
        let token = token(&app.settings.http, &parts.headers);
        let form_token = form_token(&token);
        let is_unattended = parts.headers.contains_key(UNATTENDED) || parts.uri.path() == desk::LIVE;
        match app.blocking(move |app| Ok(app.store.session(&token, app.now(), !is_unattended)?)).await {
            Ok(Some(account)) => Ok(Self { account, lang, form_token, is_unattended }),
            Ok(None) => Err(to("/login")),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// Leads to a page of ours.
pub(super) fn to(path: &str) -> Response {
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

/// Whether the browser says that a page of ours sends this. That another `Origin` is refused is the gate's matter; every
/// browser of the last years sends one with a form.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site == "same-origin")
}

/// The page at the door.
pub(super) async fn door_page(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Problem> {
    if !app.settings.http.has_desk() {
        return Err(Problem::NoDesk);
    }
    let has_accounts = app.blocking(|app| Ok(app.store.has_accounts()?)).await?;
    Ok(desk::door(language(&headers), has_accounts, None))
}

/// What is typed at the door.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// Logs a person in. Names that are not there, wrong passwords and closed accounts get the same answer after the same work.
pub(super) async fn log_in(
    State(app): State<Shared>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    typed: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Problem> {
    if !app.settings.http.has_desk() {
        return Err(Problem::NoDesk);
    }
    if !is_from_our_page(&headers) {
        return Err(Problem::Foreign);
    }
    let Form(Credentials { name, password }) = typed.map_err(|_| wrong_form())?;
    let (name, lang) = (name.parse::<AccountName>().ok(), language(&headers));
    if let Err(wait) = app.attempts.take(name.as_ref(), peer.ip(), app.now()) {
        let problem = Problem::Tries(u32::try_from((wait + 999) / 1000).unwrap_or(u32::MAX));
        let mut response = desk::door(lang, true, Some(&problem));
        problem.add_headers(&mut response);
        return Ok(response);
    }
    let _check = app.checks.acquire().await.map_err(|_| Problem::Internal)?;
    let old = cookie_value(&headers, cookie_name(&app.settings.http)).map(str::to_owned);
    let logging_in = name.clone();
    let entered = app.blocking(move |app| app.log_in(logging_in.as_ref(), &password, old.as_deref())).await?;
    let Some(token) = entered else {
        return Ok(desk::door(lang, true, Some(&Problem::Password)));
    };
    if let Some(name) = &name {
        app.attempts.succeeded(name, peer.ip());
    }
    let mut response = to("/");
    response.headers_mut().append(header::SET_COOKIE, cookie(&app.settings.http, &token, "")?);
    Ok(response)
}

impl App {
    /// The token of a new session, where the password is right. The browser's session before it ends.
    fn log_in(&self, name: Option<&AccountName>, password: &str, old: Option<&str>) -> Result<Option<String>, Problem> {
        let found = name.map(|name| self.store.account(name)).transpose()?.flatten();
        let is_right = match &found {
            Some((_, stored)) => stored.is(password),
            None => {
                StoredPassword::work_for_nobody(password);
                false
            }
        };
        if let Some((account, stored)) = found.as_ref().filter(|_| is_right) {
            let token = random_name().map_err(|_| Problem::Internal)?;
            if self.store.log_in(account.id, stored, &token, self.now())? {
                if let Some(old) = old {
                    self.store.log_out(old, self.now())?;
                }
                return Ok(Some(token));
            }
        }
        self.store.login_refused(found.map(|(account, _)| account.id), self.now())?;
        Ok(None)
    }
}

/// What a form of a page brings beside its own fields.
#[derive(Deserialize)]
pub(super) struct Proof {
    pub(super) form: String,
}

/// Ends the session.
pub(super) async fn log_out(
    State(app): State<Shared>,
    visitor: Visitor,
    headers: HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    visitor.check(&headers, &proof.map_err(|_| wrong_form())?.form)?;
    let token = token(&app.settings.http, &headers);
    app.blocking(move |app| Ok(app.store.log_out(&token, app.now())?)).await?;
    let mut response = to("/login");
    response.headers_mut().append(header::SET_COOKIE, cookie(&app.settings.http, "", "; Max-Age=0")?);
    Ok(response)
}

impl Visitor {
    /// Whether a form comes from a page that this person was shown. Hashes are compared: the time tells nothing.
    pub(super) fn check(&self, headers: &HeaderMap, form: &str) -> Result<(), Problem> {
        let is_ours = Sha256::digest(form) == Sha256::digest(&self.form_token);
        if is_ours && is_from_our_page(headers) { Ok(()) } else { Err(Problem::Foreign) }
    }
}

/// Which language, and the page to go back to.
#[derive(Deserialize)]
pub(super) struct Choice {
    lang: Lang,
    back: String,
}

/// Switches the language of this browser.
pub(super) async fn switch_language(
    headers: HeaderMap,
    choice: Result<Form<Choice>, FormRejection>,
) -> Result<Response, Problem> {
    if !is_from_our_page(&headers) {
        return Err(Problem::Foreign);
    }
    let Form(Choice { lang, back }) = choice.map_err(|_| wrong_form())?;
    let is_ours = back.starts_with('/')
        && !back.contains("//")
        && back.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let mut response = to(if is_ours { &back } else { "/" });
    let cookie =
        format!("{LANGUAGE_COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict", lang.pick("vi", "en"));
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| Problem::Internal)?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

pub(super) fn wrong_form() -> Problem {
    Problem::Request("biểu mẫu không đúng", "the form is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsCertificate;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = headers(&["a=1; xsohoa=2", "sohoa=3; sohoa-lang=en; sohoa=4"]);
        assert_eq!(cookie_value(&headers, "sohoa"), Some("3"));
        assert_eq!(cookie_value(&headers, "soho"), None);
        assert_eq!(language(&headers), Lang::En);
        assert_eq!(language(&HeaderMap::new()), Lang::Vi);
    }

    #[test]
    fn the_cookie_is_for_this_host_and_no_script() {
        let mut config =
            HttpConfig { listen: None, token_file: None, url: None, tls: None, plain: false, pair_minutes: 480 };
        assert_eq!(cookie(&config, "t", "").unwrap(), "sohoa=t; Path=/; HttpOnly; SameSite=Strict");
        config.tls = Some(TlsCertificate::SelfMade);
        assert_eq!(cookie(&config, "t", "").unwrap(), "__Host-sohoa=t; Path=/; HttpOnly; SameSite=Strict; Secure");
    }

    #[test]
    fn a_forms_token_is_its_sessions() {
        assert_ne!(form_token("a"), form_token("b"));
        assert_eq!(form_token("a").len(), 64);
    }
}
