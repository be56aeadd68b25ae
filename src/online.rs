//! HTTP for timestamps and revocation data: a question out, an answer in, bounded in time and size.
//!
//! This is the only module that makes connections. `sohoa upgrade` makes them to the timestamp service that the
//! configuration or command line names, and to the addresses in the certificates of signers and services: [`Client`]. These
//! are plain HTTP (RFC 3161 section 3.4, RFC 5280 section 8): every answer is signed, and judged by `sign`. The service makes
//! them to the one [`Endpoint`] of its configuration, which takes finished components, by HTTP or HTTPS.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig};

use crate::model::{Lang, Localized};

/// A whole exchange at most. Lists of some megabytes come in seconds over an office line.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const MAX_ANSWER_BYTES: u64 = 32 << 20;
/// Redirects followed at most.
const MAX_REDIRECTS: u32 = 3;
/// Bytes of an endpoint's answer that are read: nothing is taken from them but that they came whole.
const MAX_RECEIPT_BYTES: u64 = 64 << 10;

const USER_AGENT: &str = concat!("sohoa/", env!("CARGO_PKG_VERSION"));

/// Why there is no answer. The address is part of each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnlineError {
    /// Not an address of plain HTTP.
    #[error("{address}: only http:// addresses are supported")]
    Address {
        /// The address.
        address: String,
    },
    /// No certificate that the server could descend from.
    #[error("{address}: there is no certificate (PEM) that the server could descend from")]
    Roots {
        /// The address.
        address: String,
    },
    /// The server says that it does not answer.
    #[error("{address}: the server answers with HTTP status {status}")]
    Status {
        /// The address.
        address: String,
        /// What the server says.
        status: u16,
    },
    /// No connection, no answer in time, or too long an answer.
    #[error("{address}: {reason}")]
    Failed {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
}

impl Localized for OnlineError {
    fn message(&self, lang: Lang) -> String {
        match (lang, self) {
            (Lang::En, error) => format!("{error}; check the address and the network, then try again"),
            (Lang::Vi, Self::Address { address }) => format!("{address}: chỉ hỗ trợ địa chỉ http://"),
            (Lang::Vi, Self::Roots { address }) => {
                format!("{address}: không có chứng thư gốc (PEM) để kiểm tra máy chủ; hãy đặt connector.ca_file")
            }
            (Lang::Vi, Self::Status { address, status }) => {
                format!("{address}: máy chủ từ chối (mã HTTP {status}); hãy kiểm tra địa chỉ rồi thử lại")
            }
            (Lang::Vi, Self::Failed { address, .. }) => {
                format!("{address}: không kết nối được hoặc quá thời gian chờ; hãy kiểm tra mạng rồi thử lại")
            }
        }
    }
}

/// Asks servers, one question after the other.
#[derive(Debug)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(MAX_REDIRECTS)
            .user_agent(USER_AGENT)
            .build();
        Self(config.into())
    }
}

impl Client {
    /// Sends `body` of the type `content_type` and answers what comes back.
    ///
    /// # Errors
    ///
    /// When nothing usable comes back.
    pub fn post(&self, address: &str, content_type: &str, accept: &str, body: &[u8]) -> Result<Vec<u8>, OnlineError> {
        check_address(address)?;
        let request = self.0.post(address).header("Content-Type", content_type).header("Accept", accept);
        read(address, request.send(body))
    }

    /// Fetches what is at an address.
    ///
    /// # Errors
    ///
    /// When nothing usable comes back.
    pub fn get(&self, address: &str) -> Result<Vec<u8>, OnlineError> {
        check_address(address)?;
        read(address, self.0.get(address).call())
    }
}

/// A server that takes what it is sent, and says so by its status. No redirect is followed: what is sent is for it alone.
#[derive(Debug)]
pub struct Endpoint {
    agent: ureq::Agent,
    address: String,
    token: Option<String>,
}

/// What an endpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// HTTP status.
    pub status: u16,
    /// Value of the header `Retry-After`, if it is there.
    pub retry_after: Option<String>,
}

impl Endpoint {
    /// Makes ready to send to `address`; no connection is made yet. `roots` are the certificates (PEM) that the server of an
    /// `https://` address must descend from; `token` goes with everything as `Authorization: Bearer`. A whole exchange takes
    /// `timeout` at most.
    ///
    /// # Errors
    ///
    /// When the address is neither `http://` nor `https://`, or `https://` and there is no certificate in `roots`.
    pub fn new(address: &str, roots: &[u8], token: Option<String>, timeout: Duration) -> Result<Self, OnlineError> {
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(USER_AGENT);
        if address.starts_with("https://") {
            let items = ureq::tls::parse_pem(roots).filter_map(Result::ok);
            let roots: Vec<_> = items
                .filter_map(|item| match item {
                    PemItem::Certificate(certificate) => Some(certificate),
                    _ => None,
                })
                .collect();
            if roots.is_empty() {
                return Err(OnlineError::Roots { address: address.to_owned() });
            }
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::Specific(Arc::new(roots)))
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
            config = config.tls_config(tls.build());
        } else {
            check_address(address)?;
        }
        Ok(Self { agent: config.build().into(), address: address.to_owned(), token })
    }

    /// Sends `body` with these headers and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// When no whole answer comes back: nobody knows then whether the server has taken what it was sent.
    pub fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Result<Receipt, OnlineError> {
        let failed = |reason: String| OnlineError::Failed { address: self.address.clone(), reason };
        let mut request = self.agent.post(&self.address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send(body).map_err(|error| failed(error.to_string()))?;
        let retry_after = answer.headers().get("Retry-After").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let receipt = Receipt { status: answer.status().as_u16(), retry_after };
        let mut rest = answer.into_body().into_reader().take(MAX_RECEIPT_BYTES);
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(|error| failed(error.to_string()))?;
        Ok(receipt)
    }
}

fn check_address(address: &str) -> Result<(), OnlineError> {
    match address.starts_with("http://") {
        true => Ok(()),
        false => Err(OnlineError::Address { address: address.to_owned() }),
    }
}

fn read(address: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Vec<u8>, OnlineError> {
    let address = || address.to_owned();
    let failed = |error: ureq::Error| match error {
        ureq::Error::StatusCode(status) => OnlineError::Status { address: address(), status },
        other => OnlineError::Failed { address: address(), reason: other.to_string() },
    };
    answer.map_err(failed)?.into_body().into_with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_is_spoken_and_a_closed_port_is_an_error() {
        let client = Client::default();
        for address in ["https://127.0.0.1/", "ldap://127.0.0.1/", "file:///etc/passwd"] {
            assert!(matches!(client.get(address), Err(OnlineError::Address { .. })), "{address}");
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let closed = format!("http://127.0.0.1:{port}/");
        assert!(matches!(client.get(&closed), Err(OnlineError::Failed { .. })));
        let endpoint = |address: &str| Endpoint::new(address, b"", None, Duration::from_secs(5));
        assert!(matches!(endpoint(&closed).unwrap().post(&[], b"x"), Err(OnlineError::Failed { .. })));
        assert!(matches!(endpoint("https://127.0.0.1/"), Err(OnlineError::Roots { .. })));
        assert!(matches!(endpoint("ftp://127.0.0.1/"), Err(OnlineError::Address { .. })));
    }
}
