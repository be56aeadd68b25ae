//! Signatures as CMS `SignedData` (RFC 5652) with the attributes of CAdES and PAdES baseline B (ETSI EN 319 122-1, EN
//! 319 142-1).
//!
//! The signature is detached. Its signed attributes are content type, message digest, signing certificate v2 (RFC 5035,
//! SHA-256) and algorithm protection (RFC 6211). The last is what makes the identifiers of the algorithms, which no
//! signature covers by itself, unchangeable. In a PDF the claimed time of signing stands in `/M` and must not be repeated
//! (EN 319 142-1 section 6.3); beside a plain file it is a signed attribute. A timestamp over a finished signature is added
//! as an unsigned attribute, which makes it B-T: [`with_timestamp`].
//!
//! Measured sizes: 1.8 KB for ECDSA P-256 with a chain of two; with a chain of three 2.5 KB for P-256, 2.9 KB for RSA 2048
//! and 3.5 KB for RSA 4096. [`size_bound`] gives the upper bound for a key.

use super::algorithm::{self, Hash};
use super::asn1::{
    AlgorithmProtection, EssCertIdV2, ID_AA_ALGORITHM_PROTECTION, ID_AA_TIME_STAMP_TOKEN, SignedContentInfo,
    SignedData, SigningCertificateV2,
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
use der::{Any, DateTime, Decode, Encode, ErrorKind};
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

/// The signature value in a CMS of one signer: what a timestamp of level B-T is over (EN 319 122-1 section 5.3).
///
/// # Errors
///
/// When `cms` is not such a structure.
pub fn signature_value(cms: &[u8]) -> Result<Vec<u8>, SignError> {
    let info = SignedContentInfo::from_der(cms)?;
    let signer = info.content.signer_infos.get(0).ok_or(SignError::NoCertificate)?;
    Ok(signer.signature.as_bytes().to_vec())
}

/// The same CMS with a timestamp token over its signature, as the unsigned attribute `id-aa-timeStampToken`. What is signed
/// does not change.
///
/// # Errors
///
/// When either is not the structure it must be.
pub fn with_timestamp(cms: &[u8], token: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut info = SignedContentInfo::from_der(cms)?;
    let mut signer = info.content.signer_infos.get(0).ok_or(SignError::NoCertificate)?.clone();
    let stamp = Attribute { oid: ID_AA_TIME_STAMP_TOKEN, values: SetOfVec::try_from(vec![Any::from_der(token)?])? };
    signer.unsigned_attrs = Some(SetOfVec::try_from(vec![stamp])?);
    info.content.signer_infos = SetOfVec::try_from(vec![signer])?;
    Ok(info.to_der()?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::pkcs12::Pkcs12;
    use crate::sign::{Algorithm, identity};
    use der::{Reader, SliceReader};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 +7);

    fn keys() -> Vec<Pkcs12> {
        [
            include_bytes!("../../tests/data/sign/rsa2048.p12").as_slice(),
            include_bytes!("../../tests/data/sign/rsa4096.p12"),
            include_bytes!("../../tests/data/sign/p256.p12"),
            include_bytes!("../../tests/data/sign/p384.p12"),
        ]
        .map(|file| Pkcs12::load(file, "mật khẩu").unwrap())
        .into()
    }

    fn attribute_oids(cms: &[u8]) -> Vec<ObjectIdentifier> {
        let info = SignedContentInfo::from_der(cms).unwrap();
        let signer = info.content.signer_infos.get(0).unwrap();
        signer.signed_attrs.as_ref().unwrap().iter().map(|attribute| attribute.oid).collect()
    }

    #[test]
    fn only_a_plain_file_gets_a_signing_time_attribute() {
        for key in keys() {
            let pdf = attribute_oids(&detached(&[b"x"], &key, NOW, Form::Pdf).unwrap());
            let file = attribute_oids(&detached(&[b"x"], &key, NOW, Form::File).unwrap());
            assert_eq!((pdf.len(), file.len()), (4, 5));
            assert!(!pdf.contains(&ID_SIGNING_TIME) && file.contains(&ID_SIGNING_TIME));
        }
    }

    #[test]
    fn size_bound_holds_and_is_close() {
        for key in keys() {
            let bound = size_bound(&key).unwrap();
            for message in 0..20_u8 {
                let size = detached(&[&[message]], &key, NOW, Form::File).unwrap().len();
                assert!(size <= bound && bound < size + 16, "{size} {bound}");
            }
        }
    }

    #[test]
    fn certificates_stand_in_der_order() {
        for key in keys() {
            let cms = detached(&[b"x"], &key, NOW, Form::Pdf).unwrap();
            let info = SignedContentInfo::from_der(&cms).unwrap();
            let bytes: Vec<_> =
                info.content.certificates.unwrap().iter().map(|certificate| certificate.to_der().unwrap()).collect();
            assert_eq!(bytes.len(), 3);
            assert!(bytes.is_sorted());
        }
    }

    #[test]
    fn parts_of_the_message_are_one_message() {
        let key = &keys()[0];
        let whole = detached(&[b"one message"], key, NOW, Form::Pdf).unwrap();
        assert_eq!(whole, detached(&[b"one ", b"", b"message"], key, NOW, Form::Pdf).unwrap());
    }

    #[test]
    fn expired_or_future_certificate_signs_nothing() {
        let identity = identity::generate(NOW, &mut crate::sign::OsRng).unwrap();
        let key = Pkcs12::load(&identity.p12, identity::DEVELOPMENT_PASSWORD).unwrap();
        let sign = |at| detached(&[b"x"], &key, at, Form::Pdf);
        assert!(sign(NOW).is_ok());
        assert!(matches!(sign(datetime!(2031-01-01 0:00 UTC)), Err(SignError::Expired { .. })));
        assert!(matches!(sign(datetime!(2025-01-01 0:00 UTC)), Err(SignError::NotYetValid { .. })));
    }

    /// A device that answers with the signature of something else.
    struct Faulty(Pkcs12);

    impl Signer for Faulty {
        fn chain(&self) -> &[Certificate] {
            self.0.chain()
        }
        fn algorithm(&self) -> Algorithm {
            self.0.algorithm()
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            self.0.sign(b"something else")
        }
    }

    #[test]
    fn wrong_answer_of_a_device_is_not_published() {
        for key in keys() {
            let result = detached(&[b"x"], &Faulty(key), NOW, Form::Pdf);
            assert!(matches!(result, Err(SignError::SignatureRejected)));
        }
    }

    #[test]
    fn times_switch_to_four_digit_years_in_2050() {
        assert!(matches!(asn1_time(datetime!(2049-12-31 23:59:59 UTC)), Ok(Time::UtcTime(_))));
        assert!(matches!(asn1_time(datetime!(2050-01-01 0:00 UTC)), Ok(Time::GeneralTime(_))));
        assert!(asn1_time(datetime!(1969-12-31 0:00 UTC)).is_err());
    }

    #[test]
    fn nothing_follows_the_outer_sequence() {
        let cms = detached(&[b"x"], &keys()[0], NOW, Form::Pdf).unwrap();
        let mut reader = SliceReader::new(&cms).unwrap();
        assert_eq!(reader.tlv_bytes().unwrap().len(), cms.len());
        assert!(reader.is_finished());
    }
}
