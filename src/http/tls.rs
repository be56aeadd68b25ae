//! The certificate that the service speaks TLS with: the one of the configuration, or one that it makes for itself and makes
//! anew before its end. Both are looked at again while the service runs.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsCertificate;
use crate::model::{Lang, Localized, io_reason, shown};
use crate::service::{Event, Trouble};
use crate::sign::certificate::{read_der, sha256_hex, validity};
use crate::sign::{OsRng, SignError, server};

/// Name of the file in the store's directory that has the certificate made here and its key.
const SELF_MADE: &str = "server.pem";
/// A certificate made here is made anew so long before its end.
const RENEWED_BEFORE: Duration = Duration::days(30);

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no certificate or no key in a file.
    #[error("{}: no certificate or private key (PEM) in it", shown(.0))]
    Pem(PathBuf),
    /// Certificate and key do not belong together, or are of a kind that is not known.
    #[error("{}: the certificate cannot be used: {reason}", shown(path))]
    Refused {
        /// The file of the certificate.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// No certificate can be made.
    #[error("no certificate can be made: {0}")]
    Make(#[from] SignError),
}

impl TlsError {
    /// The event that tells of it.
    pub(super) fn trouble(&self) -> Trouble {
        Trouble::Output(self.message(Lang::Vi), self.message(Lang::En))
    }
}

impl Localized for TlsError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Pem(path), Lang::Vi) => {
                format!("{}: không có chứng thư hoặc khóa (PEM); hãy sửa http.cert và http.key", shown(path))
            }
            (Self::Pem(_), Lang::En) => format!("{self}; mend http.cert and http.key"),
            (Self::Refused { path, reason }, Lang::Vi) => {
                format!("{}: chứng thư không dùng được; hãy kiểm tra http.cert và http.key ({reason})", shown(path))
            }
            (Self::Refused { .. }, Lang::En) => format!("{self}; check http.cert and http.key"),
            (Self::Make(error), lang) => error.message(lang),
        }
    }
}

/// TLS with the certificate of now.
pub struct Tls {
    source: Source,
    current: RwLock<Current>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tls").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    Own { certificate: PathBuf, key: PathBuf },
    SelfMade { file: PathBuf, names: Vec<String> },
}

struct Current {
    acceptor: TlsAcceptor,
    sha256: String,
    until: OffsetDateTime,
}

impl Tls {
    /// Reads the certificate, or makes one under these names of the machine where none is given, in the directory of the
    /// store.
    ///
    /// # Errors
    /// When it cannot be read, made or used.
    pub fn open(
        certificate: &TlsCertificate,
        data: &Path,
        names: Vec<String>,
        now: OffsetDateTime,
    ) -> Result<Self, TlsError> {
        let source = match certificate {
            TlsCertificate::Own { certificate, key } => {
                Source::Own { certificate: certificate.clone(), key: key.clone() }
            }
            TlsCertificate::SelfMade => Source::SelfMade { file: data.join(SELF_MADE), names },
        };
        let current = RwLock::new(source.load(now)?);
        Ok(Self { source, current })
    }

    /// What greets the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).acceptor.clone()
    }

    /// The event that tells of the certificate.
    pub(super) fn event(&self) -> Event {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let until = current.until.format(&Rfc3339).unwrap_or_default();
        Event::Certificate { sha256: current.sha256.clone(), until }
    }

    /// Takes up the certificate that is there now, made anew where it ends soon; the event that tells of another one. On an
    /// error the one before is kept.
    pub(super) fn renew(&self, now: OffsetDateTime) -> Result<Option<Event>, TlsError> {
        let found = self.source.load(now)?;
        let is_other = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let is_other = current.sha256 != found.sha256;
            *current = found;
            is_other
        };
        Ok(is_other.then(|| self.event()))
    }
}

impl Source {
    fn load(&self, now: OffsetDateTime) -> Result<Current, TlsError> {
        match self {
            Self::Own { certificate, key } => current(certificate, &read(certificate)?, &read(key)?),
            Self::SelfMade { file, names } => {
                let made = match fs::read(file) {
                    Ok(pem) => Some(current(file, &pem, &pem)?),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(source) => return Err(TlsError::Io { path: file.clone(), source }),
                };
                if let Some(made) = made.filter(|made| now + RENEWED_BEFORE < made.until) {
                    return Ok(made);
                }
                let pem = server::generate(names, now, &mut OsRng)?;
                write_private(file, pem.as_bytes()).map_err(|source| TlsError::Io { path: file.clone(), source })?;
                current(file, pem.as_bytes(), pem.as_bytes())
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Io { path: path.to_owned(), source })
}

/// What TLS needs of a certificate with those above it, and its key.
fn current(path: &Path, certificates: &[u8], key: &[u8]) -> Result<Current, TlsError> {
    let pem = |_| TlsError::Pem(path.to_owned());
    let refused = |reason: String| TlsError::Refused { path: path.to_owned(), reason };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificates).collect::<Result<_, _>>().map_err(pem)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(pem)?;
    let first = chain.first().ok_or_else(|| TlsError::Pem(path.to_owned()))?;
    let first = read_der(first).map_err(|error| refused(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| refused(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (_, until) = validity(&first);
    Ok(Current { acceptor: TlsAcceptor::from(Arc::new(config)), sha256: sha256_hex(&first), until })
}

/// Writes a file that only its owner may read; whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-02 0:00 UTC);

    fn open(folder: &Path, now: OffsetDateTime) -> Tls {
        Tls::open(&TlsCertificate::SelfMade, folder, vec!["localhost".to_owned()], now).unwrap()
    }

    fn fingerprint(tls: &Tls) -> String {
        tls.event().to_json(Lang::En)["sha256"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_certificate_is_made_once_kept_private_and_renewed_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let tls = open(folder.path(), NOW);
        let mode = fs::metadata(folder.path().join(SELF_MADE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let first = fingerprint(&tls);
        assert_eq!((first.len(), fingerprint(&open(folder.path(), NOW))), (64, first.clone()));
        let last_day = NOW + server::LIFETIME - RENEWED_BEFORE;
        assert!(tls.renew(last_day - Duration::days(1)).unwrap().is_none());
        assert!(tls.renew(last_day).unwrap().is_some());
        assert_ne!(fingerprint(&tls), first);
        assert_eq!(fingerprint(&open(folder.path(), last_day)), fingerprint(&tls));
    }

    #[test]
    fn files_that_are_no_certificate_are_named_and_the_one_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for path in [&one, &two] {
            fs::write(path, server::generate(&["a".to_owned()], NOW, &mut OsRng).unwrap()).unwrap();
        }
        let own = |certificate: &Path, key: &Path| {
            let own = TlsCertificate::Own { certificate: certificate.to_owned(), key: key.to_owned() };
            Tls::open(&own, folder.path(), Vec::new(), NOW)
        };
        assert!(matches!(own(&one, &two), Err(TlsError::Refused { .. })), "another's key");
        let tls = own(&one, &one).unwrap();
        let first = fingerprint(&tls);
        fs::write(&one, "").unwrap();
        assert!(matches!(tls.renew(NOW), Err(TlsError::Pem(_))));
        assert_eq!(fingerprint(&tls), first);
        fs::copy(&two, &one).unwrap();
        assert!(tls.renew(NOW).unwrap().is_some());
        assert_ne!(fingerprint(&tls), first);
        assert!(own(&folder.path().join("none"), &one).unwrap_err().message(Lang::Vi).contains("không tìm thấy"));
    }
}
