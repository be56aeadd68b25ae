//! A certificate that a server makes for itself (RFC 5280, RFC 6125), for TLS where nobody gave it one: nobody vouches for it, so
//! browsers ask once, and people compare its fingerprint.

use std::net::IpAddr;

use const_oid::db::rfc4519::COMMON_NAME;
use const_oid::db::rfc5280::ID_KP_SERVER_AUTH;
use der::asn1::{Ia5String, OctetString, SetOfVec, Utf8StringRef};
use der::pem::LineEnding;
use der::{Any, EncodePem};
use p256::ecdsa::SigningKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::CryptoRngCore;
use time::{Duration, OffsetDateTime};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::time::Validity;

use super::SignError;
use super::cms::asn1_time;
use super::identity::{CLOCK_TOLERANCE, Draft, extension, issue, public_key, serial_number};

/// Validity. Each new certificate has to be trusted anew, so it is as long as Apple's systems take from anybody: 825 days.
pub const LIFETIME: Duration = Duration::days(825);

/// Common name; which server it is say the alternative names.
const COMMON: &str = "sohoa";

/// Makes a key (ECDSA P-256) and a certificate for it that is valid from `now` for [`LIFETIME`], under these names of hosts and
/// addresses; both as PEM, the certificate first. Names that a certificate cannot have are left out.
///
/// # Errors
///
/// When `now` cannot be written into a certificate.
pub fn generate(names: &[String], now: OffsetDateTime, rng: &mut impl CryptoRngCore) -> Result<String, SignError> {
    let key = SigningKey::random(rng);
    let common_name = AttributeTypeAndValue { oid: COMMON_NAME, value: Any::from(Utf8StringRef::new(COMMON)?) };
    let subject = RdnSequence(vec![RelativeDistinguishedName(SetOfVec::try_from(vec![common_name])?)]);
    let names: Vec<GeneralName> = names.iter().filter_map(|name| general_name(name)).collect();
    let draft = Draft {
        serial: serial_number(rng)?,
        subject: subject.clone(),
        spki: public_key(&key)?,
        extensions: vec![
            extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
            extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
            extension(false, &ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH]))?,
            extension(false, &SubjectAltName(names))?,
        ],
    };
    let validity = Validity { not_before: asn1_time(now - CLOCK_TOLERANCE)?, not_after: asn1_time(now + LIFETIME)? };
    let certificate = issue(draft, &subject, validity, &key)?.to_pem(LineEnding::LF)?;
    let secret = key.to_pkcs8_der().map_err(|_| SignError::KeyRefused)?;
    let secret =
        der::pem::encode_string("PRIVATE KEY", LineEnding::LF, secret.as_bytes()).map_err(|_| SignError::KeyRefused)?;
    Ok(certificate + &secret)
}

fn general_name(name: &str) -> Option<GeneralName> {
    if let Ok(address) = name.parse::<IpAddr>() {
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        return OctetString::new(bytes).ok().map(GeneralName::IpAddress);
    }
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    Ia5String::new(name).ok().filter(|_| is_name).map(GeneralName::DnsName)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::certificate::{read_all, validity};
    use crate::sign::{OsRng, certificate};
    use time::macros::datetime;

    #[test]
    fn a_server_has_its_names_and_a_key_of_its_own() {
        let now = datetime!(2026-01-02 0:00 UTC);
        let names = ["localhost", "10.0.0.1", "::1", "quầy", "a_b", ""].map(str::to_owned);
        let pem = generate(&names, now, &mut OsRng).unwrap();
        let (certificate, key) = pem.split_at(pem.find("-----BEGIN PRIVATE KEY").unwrap());
        assert!(key.ends_with("-----END PRIVATE KEY-----\n"), "{}", key.len());
        let certificate = read_all(certificate.as_bytes()).unwrap().remove(0);
        assert_eq!(validity(&certificate), (now - CLOCK_TOLERANCE, now + LIFETIME));
        let der = certificate::to_der(&certificate).unwrap();
        let has = |part: &[u8]| der.windows(part.len()).any(|window| window == part);
        assert!(has(b"\x82\x09localhost") && has(&[0x87, 4, 10, 0, 0, 1]) && has(&[0x87, 16, 0]));
        assert!(!has(b"a_b"), "no name of a host");
        assert_ne!(pem, generate(&names, now, &mut OsRng).unwrap());
    }
}
