//! A signing identity for development and trials, made on the spot: a certificate authority and a signer's certificate
//! that say in both languages that they have no legal value.
//!
//! The key is ECDSA P-256: it is made in well under a millisecond, where RSA 2048 took 0.5 to 3.5 s (ten tries, two busy
//! cores), and OpenSSL, pyHanko and NSS (`pdfsig`) accept its signatures. The key of the authority signs one certificate and is
//! thrown away, so that nobody can issue more under a root that somebody came to trust.

use super::certificate::attribute_text;
use super::cms::asn1_time;
use super::{Algorithm, Certificate, SignError};
use const_oid::AssociatedOid;
use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::ID_KP_EMAIL_PROTECTION;
use der::asn1::{BitString, ObjectIdentifier, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef};
use der::pem::LineEnding;
use der::{Any, Encode, EncodePem};
use p12_keystore::{KeyStore, KeyStoreEntry, PrivateKeyChain};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::CryptoRngCore;
use spki::SubjectPublicKeyInfoOwned;
use time::{Duration, OffsetDateTime};
use x509_cert::TbsCertificate;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

/// Organisation in both certificates; [`is_development`] goes by it.
pub const DEVELOPMENT_ORGANIZATION: &str = "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ / NO LEGAL VALUE";
/// Common name of the signer. RFC 5280 allows 64 characters.
pub const DEVELOPMENT_SIGNER: &str = "sohoa DEVELOPMENT, NO LEGAL VALUE - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ";
/// Common name of the authority.
pub const DEVELOPMENT_AUTHORITY: &str = "sohoa DEV CA, NO LEGAL VALUE - KHÔNG CÓ GIÁ TRỊ PHÁP LÝ";
/// Password of the PKCS#12 file. It is public: the key guards nothing, and file permissions must do what can be done.
pub const DEVELOPMENT_PASSWORD: &str = "sohoa-development";

/// Validity of both certificates: long enough for a trial, short enough to be noticed.
const LIFETIME: Duration = Duration::days(3 * 365);
/// The certificates begin a little in the past, for machines whose clocks differ.
pub(super) const CLOCK_TOLERANCE: Duration = Duration::hours(1);

/// `id-kp-documentSigning`, RFC 9336.
const DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
/// Microsoft's document signing purpose, which office programs look for.
const MICROSOFT_DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12");

/// A development identity, ready to be stored.
pub struct DevIdentity {
    /// Private key, signer's certificate and authority, under [`DEVELOPMENT_PASSWORD`].
    pub p12: Vec<u8>,
    /// The authority's certificate: the root a verifier has to trust.
    pub ca_pem: String,
}

impl std::fmt::Debug for DevIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DevIdentity").field("ca_pem", &self.ca_pem).finish_non_exhaustive()
    }
}

/// Makes a new identity, valid from `now` for three years.
///
/// Keys and serial numbers come from `rng`; only the salts of the PKCS#12 encryption come from the crate that writes it.
///
/// # Errors
///
/// When `now` cannot be written into a certificate (before 1970 or after 9999).
pub fn generate(now: OffsetDateTime, rng: &mut impl CryptoRngCore) -> Result<DevIdentity, SignError> {
    let authority_key = SigningKey::random(rng);
    let signer_key = SigningKey::random(rng);
    let validity = Validity { not_before: asn1_time(now - CLOCK_TOLERANCE)?, not_after: asn1_time(now + LIFETIME)? };
    let authority_name = name(DEVELOPMENT_AUTHORITY)?;
    let authority_spki = public_key(&authority_key)?;
    let signer_spki = public_key(&signer_key)?;

    let authority = issue(
        Draft {
            serial: serial_number(rng)?,
            subject: authority_name.clone(),
            extensions: authority_extensions(&authority_spki)?,
            spki: authority_spki.clone(),
        },
        &authority_name,
        validity,
        &authority_key,
    )?;
    let signer = issue(
        Draft {
            serial: serial_number(rng)?,
            subject: name(DEVELOPMENT_SIGNER)?,
            extensions: signer_extensions(&signer_spki, &authority_spki)?,
            spki: signer_spki,
        },
        &authority_name,
        validity,
        &authority_key,
    )?;
    Ok(DevIdentity { p12: pack(&signer_key, &signer, &authority)?, ca_pem: authority.to_pem(LineEnding::LF)? })
}

/// Was this certificate made by [`generate`]? Signatures with it have no legal value, whoever trusts its root.
pub fn is_development(certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    [&tbs.subject, &tbs.issuer]
        .into_iter()
        .any(|name| attribute_text(name, ORGANIZATION_NAME).as_deref() == Some(DEVELOPMENT_ORGANIZATION))
}

/// The parts in which the two certificates differ.
pub(super) struct Draft {
    pub(super) serial: SerialNumber,
    pub(super) subject: Name,
    pub(super) spki: SubjectPublicKeyInfoOwned,
    pub(super) extensions: Vec<Extension>,
}

pub(super) fn issue(
    draft: Draft,
    issuer: &Name,
    validity: Validity,
    key: &SigningKey,
) -> Result<Certificate, SignError> {
    let algorithm = Algorithm::EcdsaP256Sha256.identifier();
    let tbs_certificate = TbsCertificate {
        version: Version::V3,
        serial_number: draft.serial,
        signature: algorithm.clone(),
        issuer: issuer.clone(),
        validity,
        subject: draft.subject,
        subject_public_key_info: draft.spki,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(draft.extensions),
    };
    let signature: DerSignature = key.try_sign(&tbs_certificate.to_der()?).map_err(|_| SignError::KeyRefused)?;
    let signature = BitString::from_bytes(signature.as_bytes())?;
    Ok(Certificate { tbs_certificate, signature_algorithm: algorithm, signature })
}

fn authority_extensions(own: &SubjectPublicKeyInfoOwned) -> Result<Vec<Extension>, SignError> {
    Ok(vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
        extension(false, &SubjectKeyIdentifier(key_identifier(own)?))?,
    ])
}

/// The e-mail purpose is there because NSS, OpenSSL's `cms -verify` and older readers ask for it in documents too.
fn signer_extensions(
    own: &SubjectPublicKeyInfoOwned,
    issuer: &SubjectPublicKeyInfoOwned,
) -> Result<Vec<Extension>, SignError> {
    let purposes = vec![DOCUMENT_SIGNING, MICROSOFT_DOCUMENT_SIGNING, ID_KP_EMAIL_PROTECTION];
    Ok(vec![
        extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
        extension(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?,
        extension(false, &ExtendedKeyUsage(purposes))?,
        extension(false, &SubjectKeyIdentifier(key_identifier(own)?))?,
        extension(
            false,
            &AuthorityKeyIdentifier { key_identifier: Some(key_identifier(issuer)?), ..Default::default() },
        )?,
    ])
}

pub(super) fn extension<E: AssociatedOid + Encode>(critical: bool, value: &E) -> Result<Extension, SignError> {
    Ok(Extension { extn_id: E::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// RFC 7093 section 2 (1): the leftmost 160 bits of the SHA-256 hash of the key.
fn key_identifier(key: &SubjectPublicKeyInfoOwned) -> Result<OctetString, SignError> {
    let mut hash = super::Hash::Sha256.digest(&[key.subject_public_key.raw_bytes()]);
    hash.truncate(20);
    Ok(OctetString::new(hash)?)
}

/// 16 random bytes, the first of them kept positive and not zero (RFC 5280 section 4.1.2.2).
pub(super) fn serial_number(rng: &mut impl CryptoRngCore) -> Result<SerialNumber, SignError> {
    let mut bytes = [0; 16];
    rng.try_fill_bytes(&mut bytes).map_err(|_| SignError::KeyRefused)?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::new(&bytes)?)
}

fn name(common_name: &str) -> Result<Name, SignError> {
    let country = Any::from(PrintableStringRef::new("VN")?);
    let organization = Any::from(Utf8StringRef::new(DEVELOPMENT_ORGANIZATION)?);
    let common_name = Any::from(Utf8StringRef::new(common_name)?);
    let parts = [(COUNTRY_NAME, country), (ORGANIZATION_NAME, organization), (COMMON_NAME, common_name)];
    let relative =
        |(oid, value)| SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map(RelativeDistinguishedName);
    Ok(x509_cert::name::RdnSequence(parts.into_iter().map(relative).collect::<Result<_, _>>()?))
}

pub(super) fn public_key(key: &SigningKey) -> Result<SubjectPublicKeyInfoOwned, SignError> {
    let document = key.verifying_key().to_public_key_der().map_err(|_| SignError::KeyRefused)?;
    Ok(document.decode_msg()?)
}

fn pack(key: &SigningKey, signer: &Certificate, authority: &Certificate) -> Result<Vec<u8>, SignError> {
    let secret = key.to_pkcs8_der().map_err(|_| SignError::KeyRefused)?;
    let certificates = [signer, authority]
        .into_iter()
        .map(|certificate| {
            p12_keystore::Certificate::from_der(&certificate.to_der()?).map_err(|_| SignError::NoCertificate)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let key_id = key_identifier(&signer.tbs_certificate.subject_public_key_info)?;
    let entry = PrivateKeyChain::new(secret.as_bytes(), key_id.as_bytes(), certificates);
    let mut store = KeyStore::new();
    store.add_entry(DEVELOPMENT_SIGNER, KeyStoreEntry::PrivateKeyChain(entry));
    store.writer(DEVELOPMENT_PASSWORD).write().map_err(|_| SignError::UnsupportedEncryption)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::certificate::{check_for_signing, display_name, read_all};
    use crate::sign::pkcs12::Pkcs12;
    use crate::sign::{OsRng, Signer};
    use time::macros::datetime;

    #[test]
    fn identity_is_valid_for_three_years_and_loads_with_its_password() {
        let now = datetime!(2026-01-02 03:04:05.6 +7);
        let identity = generate(now, &mut OsRng).unwrap();
        let key = Pkcs12::load(&identity.p12, DEVELOPMENT_PASSWORD).unwrap();
        assert_eq!(key.chain().len(), 2);
        assert_eq!(key.chain()[1], read_all(identity.ca_pem.as_bytes()).unwrap()[0]);
        assert!(check_for_signing(&key.chain()[0], now).is_ok());
        assert!(check_for_signing(&key.chain()[0], now + Duration::days(1094)).is_ok());
        assert!(check_for_signing(&key.chain()[0], now + Duration::days(1096)).is_err());
        assert!(check_for_signing(&key.chain()[0], now - Duration::days(1)).is_err());
    }

    #[test]
    fn both_certificates_say_in_both_languages_that_they_have_no_legal_value() {
        let identity = generate(datetime!(2026-01-02 0:00 UTC), &mut OsRng).unwrap();
        let key = Pkcs12::load(&identity.p12, DEVELOPMENT_PASSWORD).unwrap();
        for certificate in key.chain() {
            let subject = &certificate.tbs_certificate.subject;
            for text in [display_name(subject), attribute_text(subject, ORGANIZATION_NAME).unwrap()] {
                assert!(text.contains("KHÔNG CÓ GIÁ TRỊ PHÁP LÝ") && text.contains("NO LEGAL VALUE"), "{text}");
                assert!(text.chars().count() <= 64, "{text}");
            }
            assert!(is_development(certificate));
        }
    }

    #[test]
    fn other_certificates_are_not_taken_for_development() {
        let root = read_all(include_bytes!("../../tests/data/sign/root.pem")).unwrap();
        assert!(!is_development(&root[0]));
    }

    #[test]
    fn two_identities_share_nothing() {
        let now = datetime!(2026-01-02 0:00 UTC);
        let (one, two) = (generate(now, &mut OsRng).unwrap(), generate(now, &mut OsRng).unwrap());
        assert_ne!(one.ca_pem, two.ca_pem);
    }

    #[test]
    fn debug_output_holds_no_key() {
        let identity = generate(datetime!(2026-01-02 0:00 UTC), &mut OsRng).unwrap();
        assert!(!format!("{identity:?}").contains("p12"));
    }
}
