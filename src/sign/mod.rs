//! Electronic signatures: keys in, CMS out, and the strict check of a CMS.
//!
//! The layers follow the standards: [`algorithm`] (hashes, key types, RFC 8017 and FIPS 186 signatures), `asn1` (the
//! few structures the RustCrypto crates lack or get wrong), [`certificate`] (RFC 5280 checks of one certificate), `path`
//! (RFC 5280 chains), [`cms`] (RFC 5652, CAdES and PAdES B-B), [`timestamp`] (RFC 3161), [`ocsp`] (RFC 6960), [`crl`] and
//! [`revocation`] (what they prove together), [`verify`] (the reader's side), and two sources of keys: [`pkcs12`] files and
//! the [`identity`] that development machines make for themselves. A third, tokens, is in [`crate::token`], as it is a
//! device. [`server`] makes the certificate of a server of TLS.
//!
//! Nothing here opens a file, asks a clock or talks to a network: bytes and times are arguments. `docs/security.md` says
//! what is checked and what is not.

pub mod algorithm;
mod asn1;
mod ber;
pub mod certificate;
pub mod cms;
pub mod crl;
mod error;
pub mod identity;
pub mod ocsp;
mod path;
pub mod pkcs12;
pub mod revocation;
mod run_key;
pub mod server;
pub mod timestamp;
pub mod verify;

pub use algorithm::{Algorithm, Hash};
pub use error::{SignError, TokenFault};
pub use rsa::rand_core::OsRng;
pub use run_key::RunKey;
pub use x509_cert::Certificate;

/// The hole a key is seen through: bytes in, signature out.
///
/// Implementations hold the key (a PKCS#12 file) or know the device that holds it (a token).
pub trait Signer: Send + Sync {
    /// The certificates of the key: the signer's own first, then each issuer as far as they are known. Never empty.
    fn chain(&self) -> &[Certificate];

    /// The signature algorithm that fits the key.
    fn algorithm(&self) -> Algorithm;

    /// Signs `message` (which the implementation hashes with [`Algorithm::hash`]). RSA signatures are as long as the
    /// modulus; ECDSA signatures are the DER `SEQUENCE { r, s }`.
    ///
    /// # Errors
    ///
    /// When the key, or the device that holds it, refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The name that the signer's certificate states.
pub fn signer_name(signer: &dyn Signer) -> String {
    signer.chain().first().map_or_else(String::new, |leaf| certificate::display_name(&leaf.tbs_certificate.subject))
}

/// Whether the signer is a development identity, whose signatures have no legal value.
pub fn is_development(signer: &dyn Signer) -> bool {
    signer.chain().first().is_some_and(identity::is_development)
}

/// SHA-256 of the signer's certificate, hex.
pub fn certificate_sha256(signer: &dyn Signer) -> String {
    signer.chain().first().map_or_else(String::new, certificate::sha256_hex)
}
