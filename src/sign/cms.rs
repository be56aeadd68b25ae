//! Signatures as CMS `SignedData` (RFC 5652) with the attributes of CAdES and PAdES baseline B (ETSI EN 319 122-1, EN
//! 319 142-1).
//!
//! The signature is detached. Its signed attributes are content type, message digest, signing certificate v2 (RFC 5035,
//! SHA-256) and algorithm protection (RFC 6211). The last is what makes the identifiers of the algorithms, which no
//! signature covers by itself, unchangeable. In a PDF the claimed time of signing stands in `/M` and must not be repeated
//! (EN 319 142-1 section 6.3); beside a plain file it is a signed attribute.
//!
//! Measured sizes with a chain of two: ECDSA P-256 about 1.7 KB, RSA 2048 about 2.5 KB; RSA 4096 with a chain of three
//! about 5 KB. [`size_bound`] gives the exact upper bound for a key.

use super::algorithm::{self, Hash};
use super::asn1::{
    AlgorithmProtection, EssCertIdV2, ID_AA_ALGORITHM_PROTECTION, SignedContentInfo, SignedData, SigningCertificateV2,
};
use super::certificate::check_for_signing;
use super::{Certificate, SignError, Signer};
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::CmsVersion;
use cms::signed_data::{EncapsulatedContentInfo, SignerIdentifier, SignerInfo};
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME,
};
use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, DateTime, Encode, ErrorKind};
use std::time::Duration;
use time::OffsetDateTime;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::time::Time;

/// What is signed, which decides where the claimed time of signing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A PDF (PAdES): the time stands in the signature dictionary.
    Pdf,
    /// A plain file (CAdES): the time is a signed attribute.
    File,
}

/// Signs `message` (its parts in order) with a detached CMS in DER.
///
/// `at` is the time of signing: the certificate must be valid then. The finished signature is verified before it is
/// returned, so that a fault of the key's device is not published.
///
/// # Errors
///
/// When the certificate must not sign at that time, or the key makes no (right) signature.
pub fn detached(message: &[&[u8]], signer: &dyn Signer, at: OffsetDateTime, form: Form) -> Result<Vec<u8>, SignError> {
    let leaf = leaf(signer)?;
    check_for_signing(leaf, at)?;
    let hash = signer.algorithm().hash();
    let attributes = signed_attributes(&hash.digest(message), signer, at, form)?;
    let signed = attributes.to_der()?;
    let signature = signer.sign(&signed)?;
    let key = &leaf.tbs_certificate.subject_public_key_info;
    algorithm::verify(key, &signer.algorithm().identifier(), Some(hash), &signed, &signature)
        .map_err(|_| SignError::SignatureRejected)?;
    assemble(signer, attributes, signature)
}

/// Bytes that [`detached`] returns at most for this signer: the room to reserve in a PDF (twice as many hexadecimal
/// digits).
///
/// # Errors
///
/// When the signer's certificate has an unsupported key or cannot be encoded.
pub fn size_bound(signer: &dyn Signer) -> Result<usize, SignError> {
    let key = &leaf(signer)?.tbs_certificate.subject_public_key_info;
    let signature = algorithm::max_signature_len(key).map_err(|found| SignError::UnsupportedKey { found })?;
    let digest = signer.algorithm().hash().digest(&[]);
    let attributes = signed_attributes(&digest, signer, OffsetDateTime::UNIX_EPOCH, Form::File)?;
    // GeneralizedTime, from 2050 on, is two bytes longer than UTCTime.
    Ok(assemble(signer, attributes, vec![0; signature])?.len() + 2)
}

fn leaf(signer: &dyn Signer) -> Result<&Certificate, SignError> {
    signer.chain().first().ok_or(SignError::NoCertificate)
}

fn signed_attributes(
    digest: &[u8],
    signer: &dyn Signer,
    at: OffsetDateTime,
    form: Form,
) -> Result<Attributes, SignError> {
    let certificate = leaf(signer)?.to_der()?;
    let signing_certificate = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(Hash::Sha256.digest(&[&certificate]))?,
            issuer_serial: None,
        }],
        policies: None,
    };
    let protection = AlgorithmProtection {
        digest_algorithm: signer.algorithm().hash().identifier(),
        signature_algorithm: signer.algorithm().identifier(),
    };
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, &ID_DATA)?,
        attribute(ID_MESSAGE_DIGEST, &OctetString::new(digest)?)?,
        attribute(ID_AA_SIGNING_CERTIFICATE_V_2, &signing_certificate)?,
        attribute(ID_AA_ALGORITHM_PROTECTION, &protection)?,
    ];
    if form == Form::File {
        attributes.push(attribute(ID_SIGNING_TIME, &asn1_time(at)?)?);
    }
    Ok(SetOfVec::try_from(attributes)?)
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Result<Attribute, SignError> {
    use der::Decode;
    let value = Any::from_der(&value.to_der()?)?;
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// RFC 5652 section 11.3 and RFC 5280 section 4.1.2.5 agree: UTCTime through 2049, GeneralizedTime after it.
pub(super) fn asn1_time(time: OffsetDateTime) -> Result<Time, der::Error> {
    let seconds = u64::try_from(time.unix_timestamp()).map_err(|_| ErrorKind::DateTime)?;
    let duration = Duration::from_secs(seconds);
    if DateTime::from_unix_duration(duration)?.year() <= UtcTime::MAX_YEAR {
        Ok(Time::UtcTime(UtcTime::from_unix_duration(duration)?))
    } else {
        Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(duration)?))
    }
}

fn assemble(signer: &dyn Signer, attributes: Attributes, signature: Vec<u8>) -> Result<Vec<u8>, SignError> {
    use der::Decode;
    let leaf = leaf(signer)?;
    let certificates = signer
        .chain()
        .iter()
        .map(|certificate| Any::from_der(&certificate.to_der()?))
        .collect::<Result<Vec<_>, der::Error>>()?;
    let digest_algorithm = signer.algorithm().hash().identifier();
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.tbs_certificate.issuer.clone(),
            serial_number: leaf.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: digest_algorithm.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: signer.algorithm().identifier(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let content = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest_algorithm])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(SetOfVec::try_from(certificates)?),
        crls: None,
        signer_infos: SetOfVec::try_from(vec![info])?,
    };
    Ok(SignedContentInfo { content_type: ID_SIGNED_DATA, content }.to_der()?)
}
