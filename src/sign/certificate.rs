//! One certificate: reading it, naming its holder, and the checks of RFC 5280 that need nothing but itself.

use super::SignError;
use super::{algorithm, path};
use der::asn1::{BmpString, Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use der::{Any, Decode, DecodePem, Encode, Header, Reader, SliceReader, Tag, Tagged};
use sha2::{Digest, Sha256};
use std::ops::Range;
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;

use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::{
    ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS,
    ID_CE_SUBJECT_ALT_NAME, ID_KP_CODE_SIGNING, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH, ID_KP_TIME_STAMPING,
};

/// Critical extensions whose meaning is taken into account. Policies are known in the sense of RFC 5280 section 6.1.1
/// (d): any policy is acceptable to us, so that none can be violated.
const KNOWN_CRITICAL: [ObjectIdentifier; 5] =
    [ID_CE_BASIC_CONSTRAINTS, ID_CE_CERTIFICATE_POLICIES, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME];

/// Purposes of machines. A certificate issued for these alone signs no documents.
const MACHINE_PURPOSES: [ObjectIdentifier; 4] =
    [ID_KP_SERVER_AUTH, ID_KP_CODE_SIGNING, ID_KP_TIME_STAMPING, ID_KP_OCSP_SIGNING];

/// What is wrong with one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It does not follow RFC 5280: the part in a few words.
    Malformed(&'static str),
    /// It is not valid yet at the time looked at.
    NotYetValid {
        /// Start of validity.
        from: OffsetDateTime,
    },
    /// It has expired at the time looked at.
    Expired {
        /// End of validity.
        until: OffsetDateTime,
    },
    /// Key usage allows neither digital signature nor non-repudiation (signer), or no certificate signing (issuer).
    KeyUsage,
    /// The extended key usage names only purposes of machines (TLS server, code, time stamps, OCSP).
    Purpose,
    /// The extended key usage is not, critically, that of timestamps and nothing else.
    NotForTimestamps,
    /// It issued another certificate but is no CA.
    NotCa,
    /// More CAs follow it than its path length allows.
    PathLength,
    /// A critical extension that is not understood.
    CriticalExtension(String),
    /// Its own signature uses an algorithm that is not allowed: the object identifier.
    Algorithm(String),
    /// Its key is of a type or size that is not allowed.
    Key(String),
}

/// A certificate with the very bytes that its issuer signed.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) certificate: Certificate,
    pub(super) der: Vec<u8>,
    tbs: Range<usize>,
}

impl PartialEq for Parsed {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Parsed {
    /// Reads one certificate; the bytes must be exactly one DER `Certificate`.
    pub(super) fn read(bytes: &[u8]) -> der::Result<Self> {
        let certificate = Certificate::from_der(bytes)?;
        Ok(Self { certificate, der: bytes.to_vec(), tbs: body_range(bytes)? })
    }

    /// The bytes the issuer signed.
    pub(super) fn tbs(&self) -> &[u8] {
        &self.der[self.tbs.clone()]
    }

    /// Checks that hold for signer and issuers alike: form, dates, critical extensions, own algorithms.
    pub(super) fn common_faults(&self, at: OffsetDateTime) -> Vec<CertificateFault> {
        let mut faults = Vec::new();
        if let Err(fault) = check_validity(&self.certificate, at) {
            faults.push(fault);
        }
        let tbs = &self.certificate.tbs_certificate;
        if tbs.signature != self.certificate.signature_algorithm {
            faults.push(CertificateFault::Malformed("signature algorithm stated twice, differently"));
        }
        let extensions = tbs.extensions.as_deref().unwrap_or_default();
        for (index, extension) in extensions.iter().enumerate() {
            if extensions[..index].iter().any(|earlier| earlier.extn_id == extension.extn_id) {
                faults.push(CertificateFault::Malformed("an extension occurs twice"));
            }
            // Name constraints must be critical and are not implemented: refuse them in either form.
            let unknown = extension.critical && !KNOWN_CRITICAL.contains(&extension.extn_id);
            if unknown || extension.extn_id == ID_CE_NAME_CONSTRAINTS {
                faults.push(CertificateFault::CriticalExtension(extension.extn_id.to_string()));
            }
        }
        if let Err(found) = algorithm::Algorithm::for_key(&tbs.subject_public_key_info) {
            faults.push(CertificateFault::Key(found));
        }
        faults
    }

    /// Checks as the issuer of another certificate, with `below` CA certificates between it and the signer (self-issued
    /// ones not counted).
    pub(super) fn issuer_faults(&self, below: usize) -> Vec<CertificateFault> {
        let tbs = &self.certificate.tbs_certificate;
        let mut faults = Vec::new();
        match tbs.get::<BasicConstraints>() {
            Err(_) => faults.push(CertificateFault::Malformed("basic constraints")),
            Ok(Some((_, BasicConstraints { ca: true, path_len_constraint }))) => {
                if path_len_constraint.is_some_and(|most| below > usize::from(most)) {
                    faults.push(CertificateFault::PathLength);
                }
            }
            Ok(_) => faults.push(CertificateFault::NotCa),
        }
        match tbs.get::<KeyUsage>() {
            Err(_) => faults.push(CertificateFault::Malformed("key usage")),
            Ok(Some((_, usage))) if !usage.key_cert_sign() => faults.push(CertificateFault::KeyUsage),
            Ok(_) => {}
        }
        faults
    }

    /// Is the subject also the issuer (by name)?
    pub(super) fn is_self_issued(&self) -> bool {
        self.certificate.tbs_certificate.subject == self.certificate.tbs_certificate.issuer
    }
}

/// The first element inside a SEQUENCE, with its header: what is signed in certificates, revocation lists and OCSP
/// responses.
pub(super) fn body(bytes: &[u8]) -> der::Result<&[u8]> {
    Ok(&bytes[body_range(bytes)?])
}

fn body_range(bytes: &[u8]) -> der::Result<Range<usize>> {
    let mut reader = SliceReader::new(bytes)?;
    Header::decode(&mut reader)?.tag.assert_eq(Tag::Sequence)?;
    let start = usize::try_from(reader.position())?;
    let length = reader.tlv_bytes()?.len();
    Ok(start..start + length)
}

/// A web address, where a name is one.
pub(super) fn address(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(address) => Some(address.as_str().to_owned()),
        _ => None,
    }
}

/// A time as ASN.1 types give it.
pub(super) fn moment(since_1970: std::time::Duration) -> OffsetDateTime {
    i64::try_from(since_1970.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Is the certificate valid at `at`? Both ends belong to the validity (RFC 5280 section 4.1.2.5).
///
/// # Errors
///
/// [`CertificateFault::NotYetValid`] or [`CertificateFault::Expired`].
pub fn check_validity(certificate: &Certificate, at: OffsetDateTime) -> Result<(), CertificateFault> {
    let (from, until) = validity(certificate);
    // Validity counts whole seconds: 12:00:00.7 still belongs to a certificate that ends at 12:00:00.
    let now = at.unix_timestamp();
    if now < from.unix_timestamp() {
        return Err(CertificateFault::NotYetValid { from });
    }
    if now > until.unix_timestamp() {
        return Err(CertificateFault::Expired { until });
    }
    Ok(())
}

/// First and last second of validity.
pub fn validity(certificate: &Certificate) -> (OffsetDateTime, OffsetDateTime) {
    let validity = &certificate.tbs_certificate.validity;
    (moment(validity.not_before.to_unix_duration()), moment(validity.not_after.to_unix_duration()))
}

/// May the holder sign documents? Key usage, where stated, must allow digital signature or non-repudiation; an extended
/// key usage must not be limited to purposes of machines.
///
/// # Errors
///
/// [`CertificateFault::KeyUsage`], [`CertificateFault::Purpose`], or [`CertificateFault::Malformed`].
pub fn check_signing_usage(certificate: &Certificate) -> Result<(), CertificateFault> {
    let tbs = &certificate.tbs_certificate;
    let usage = tbs.get::<KeyUsage>().map_err(|_| CertificateFault::Malformed("key usage"))?;
    let signing = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
    if usage.is_some_and(|(_, usage)| usage.0.is_disjoint(signing)) {
        return Err(CertificateFault::KeyUsage);
    }
    let purposes = tbs.get::<ExtendedKeyUsage>().map_err(|_| CertificateFault::Malformed("extended key usage"))?;
    if purposes.is_some_and(|(_, purposes)| purposes.0.iter().all(|purpose| MACHINE_PURPOSES.contains(purpose))) {
        return Err(CertificateFault::Purpose);
    }
    Ok(())
}

/// May the holder make timestamps? The extended key usage must be critical and name this purpose alone (RFC 3161 section
/// 2.3); key usage, where stated, must allow digital signature or non-repudiation.
///
/// # Errors
///
/// [`CertificateFault::NotForTimestamps`], [`CertificateFault::KeyUsage`], or [`CertificateFault::Malformed`].
pub(super) fn check_timestamp_usage(certificate: &Certificate) -> Result<(), CertificateFault> {
    let tbs = &certificate.tbs_certificate;
    let usage = tbs.get::<KeyUsage>().map_err(|_| CertificateFault::Malformed("key usage"))?;
    let signing = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
    if usage.is_some_and(|(_, usage)| usage.0.is_disjoint(signing)) {
        return Err(CertificateFault::KeyUsage);
    }
    match tbs.get::<ExtendedKeyUsage>().map_err(|_| CertificateFault::Malformed("extended key usage"))? {
        Some((true, purposes)) if purposes.0 == [ID_KP_TIME_STAMPING] => Ok(()),
        _ => Err(CertificateFault::NotForTimestamps),
    }
}

/// The checks before signing: dates, usage, key type and size.
///
/// # Errors
///
/// The first that fails.
pub fn check_for_signing(certificate: &Certificate, at: OffsetDateTime) -> Result<(), SignError> {
    check_validity(certificate, at).and_then(|()| check_signing_usage(certificate)).map_err(|fault| match fault {
        CertificateFault::NotYetValid { from } => SignError::NotYetValid { from },
        CertificateFault::Expired { until } => SignError::Expired { until },
        _ => SignError::KeyUsage,
    })?;
    algorithm::Algorithm::for_key(&certificate.tbs_certificate.subject_public_key_info)
        .map_err(|found| SignError::UnsupportedKey { found })?;
    Ok(())
}

/// [`check_for_signing`] on the signer's certificate; those it descends from must be valid then, too, and be authorities
/// that may issue certificates (RFC 5280 section 6.1). What else a verifier might not like in them is left to it.
///
/// # Errors
///
/// The first check that fails; [`SignError::Issuer`] for the certificates after the first.
pub fn check_chain_for_signing(chain: &[Certificate], at: OffsetDateTime) -> Result<(), SignError> {
    check_for_signing(chain.first().ok_or(SignError::NoCertificate)?, at)?;
    let parsed = chain.iter().map(|one| Parsed::read(&one.to_der()?)).collect::<Result<Vec<_>, _>>()?;
    let faults = path::faults(&parsed.iter().collect::<Vec<_>>(), at);
    let is_grave = |fault: &CertificateFault| {
        matches!(
            fault,
            CertificateFault::NotYetValid { .. }
                | CertificateFault::Expired { .. }
                | CertificateFault::NotCa
                | CertificateFault::PathLength
                | CertificateFault::KeyUsage
        )
    };
    match faults.into_iter().find(|fault| fault.index > 0 && is_grave(&fault.fault)) {
        Some(fault) => Err(SignError::Issuer(fault.fault)),
        None => Ok(()),
    }
}

/// The signer's certificate and, out of `pool` (DER) and `extra`, those it descends from, as far as they are there, each
/// linked to the next by signature.
///
/// # Errors
///
/// [`SignError::Certificate`] when the signer's certificate cannot be read; what cannot be read of the others is passed over.
pub fn chain(
    leaf: &[u8],
    pool: impl Iterator<Item = Vec<u8>>,
    extra: &[Certificate],
) -> Result<Vec<Certificate>, SignError> {
    let leaf = Parsed::read(leaf)?;
    let extra = extra.iter().filter_map(|one| one.to_der().ok());
    let pool: Vec<Parsed> = pool.chain(extra).filter_map(|der| Parsed::read(&der).ok()).collect();
    Ok(path::issuers(&leaf, &pool).into_iter().map(|parsed| parsed.certificate.clone()).collect())
}

/// Reads one certificate in DER.
///
/// # Errors
///
/// [`SignError::Certificate`] when the bytes are anything else.
pub fn read_der(bytes: &[u8]) -> Result<Certificate, SignError> {
    Ok(Certificate::from_der(bytes)?)
}

/// The name to show for a holder: common name, else organisation, else the whole distinguished name.
pub fn display_name(name: &Name) -> String {
    attribute_text(name, COMMON_NAME)
        .or_else(|| attribute_text(name, ORGANIZATION_NAME))
        .unwrap_or_else(|| name.to_string())
}

/// A certificate in DER.
///
/// # Errors
///
/// Never in practice: what was read can be written.
pub fn to_der(certificate: &Certificate) -> Result<Vec<u8>, SignError> {
    Ok(certificate.to_der()?)
}

/// SHA-256 of a certificate's DER, hex: what other programs call its fingerprint.
pub fn sha256_hex(certificate: &Certificate) -> String {
    let der = certificate.to_der().expect("a certificate that was read can be written");
    Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last value of an attribute of a name (the most specific one), where it is text.
pub(super) fn attribute_text(name: &Name, attribute: ObjectIdentifier) -> Option<String> {
    let values = name.0.iter().rev().flat_map(|relative| relative.0.iter());
    values.filter(|pair| pair.oid == attribute).find_map(|pair| text(&pair.value))
}

fn text(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::TeletexString => value.decode_as::<TeletexStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::BmpString => value.decode_as::<BmpString>().ok().map(|text| text.to_string()),
        _ => None,
    }
}

/// Reads certificates from a PEM file (any text between them is passed over) or from one DER certificate.
///
/// # Errors
///
/// [`SignError::NoCertificate`] when there is none, [`SignError::Certificate`] when one is damaged.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Certificate>, SignError> {
    if let Ok(certificate) = Certificate::from_der(bytes) {
        return Ok(vec![certificate]);
    }
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(bytes);
    let mut rest: &str = &text;
    let mut certificates = Vec::new();
    while let Some(begin) = rest.find(BEGIN) {
        let length = rest[begin..].find(END).ok_or(SignError::NoCertificate)? + END.len();
        certificates.push(Certificate::from_pem(&rest[begin..begin + length])?);
        rest = &rest[begin + length..];
    }
    if certificates.is_empty() { Err(SignError::NoCertificate) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::Encode;
    use std::str::FromStr;

    const ROOT: &[u8] = include_bytes!("../../tests/data/sign/root.pem");

    #[test]
    fn pem_with_text_around_it_and_der_are_both_read() {
        let one = read_all(ROOT).unwrap();
        let both = read_all(&[b"# roots\n".as_slice(), ROOT, b"and again\n", ROOT].concat()).unwrap();
        assert_eq!(both, [one[0].clone(), one[0].clone()]);
        assert_eq!(read_all(&one[0].to_der().unwrap()).unwrap(), one);
    }

    #[test]
    fn file_without_a_whole_certificate_is_an_error() {
        for bytes in [b"".as_slice(), b"\n", b"text", &ROOT[..ROOT.len() / 2]] {
            assert!(read_all(bytes).is_err());
        }
    }

    #[test]
    fn signed_bytes_are_those_of_the_file() {
        let der = read_all(ROOT).unwrap()[0].to_der().unwrap();
        let parsed = Parsed::read(&der).unwrap();
        assert_eq!(parsed.tbs(), parsed.certificate.tbs_certificate.to_der().unwrap());
        assert!(Parsed::read(&[&der[..], &[0]].concat()).is_err());
    }

    #[test]
    fn holder_is_shown_by_common_name_then_organisation() {
        let shown = |name: &str| display_name(&Name::from_str(name).unwrap());
        assert_eq!(shown("CN=Nguyễn Văn An,O=UBND xã,C=VN"), "Nguyễn Văn An");
        assert_eq!(shown("O=UBND xã,C=VN"), "UBND xã");
        assert_eq!(shown("C=VN"), "C=VN");
    }
}
