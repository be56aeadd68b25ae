//! How phones reach the service: the address that a QR code has.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use crate::config::HttpConfig;

/// Name of the file in the store's directory that says where the service listens.
pub(super) const ADDRESS_FILE: &str = "http-address";

/// The beginning of the service's address for other machines, without a slash at its end: that of the configuration, or where
/// the running service of this store listens. `None` where it does not answer over HTTP.
pub fn base_url(config: &HttpConfig, store: &Path) -> Option<String> {
    if let Some(url) = &config.url {
        return Some(url.clone());
    }
    let written = std::fs::read_to_string(store.join(ADDRESS_FILE)).ok();
    let address = written.and_then(|text| text.parse::<SocketAddr>().ok()).or(config.listen)?;
    let host = if address.ip().is_unspecified() { own_address().unwrap_or(address.ip()) } else { address.ip() };
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    Some(format!("{scheme}://{}", SocketAddr::new(host, address.port())))
}

/// The address by which this machine leaves for others, as its table of routes says: the socket is only bound, no packet is
/// sent. The far address is one of those set apart for documents (RFC 5737).
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_led_where_the_configuration_says_or_where_the_service_listens() {
        let folder = tempfile::tempdir().unwrap();
        let mut config =
            HttpConfig { listen: None, token_file: None, url: None, tls: None, plain: false, pair_minutes: 60 };
        assert_eq!(base_url(&config, folder.path()), None);
        config.listen = Some(([127, 0, 0, 1], 80).into());
        assert_eq!(base_url(&config, folder.path()).as_deref(), Some("http://127.0.0.1:80"));
        std::fs::write(folder.path().join(ADDRESS_FILE), "127.0.0.1:4000").unwrap();
        assert_eq!(base_url(&config, folder.path()).as_deref(), Some("http://127.0.0.1:4000"));
        config.url = Some("https://so.example".to_owned());
        assert_eq!(base_url(&config, folder.path()).as_deref(), Some("https://so.example"));
    }
}
