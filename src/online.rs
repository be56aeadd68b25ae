//! HTTP for timestamps and revocation data: a question out, an answer in, bounded in time and size.
//!
//! This is the only module that makes connections, and only `sohoa upgrade` uses it: to the timestamp service that the
//! configuration or command line names, and to the addresses in the certificates of signers and services. These are plain
//! HTTP (RFC 3161 section 3.4, RFC 5280 section 8): every answer is signed, and judged by `sign`.

use std::time::Duration;

use crate::model::{Lang, Localized};

/// A whole exchange at most. Lists of some megabytes come in seconds over an office line.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of an answer at most.
const MAX_ANSWER_BYTES: u64 = 32 << 20;
/// Redirects followed at most.
const MAX_REDIRECTS: u32 = 3;

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
            .user_agent(concat!("sohoa/", env!("CARGO_PKG_VERSION")))
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
        assert!(matches!(client.get(&format!("http://127.0.0.1:{port}/")), Err(OnlineError::Failed { .. })));
    }
}
