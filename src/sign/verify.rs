//! The reader's side: is this CMS a signature over these bytes, by whom, and does a trusted root vouch for them?
//!
//! The check is strict. The CMS must be DER and encode again to the same bytes, so that there is one way only to write a
//! given signature; every field must have the value that follows from the others; what no signature protects (unsigned
//! attributes but timestamps, revocation lists, certificates that are not in the chain) must not be there. A byte changed
//! anywhere is found. (Who holds no key can still turn an ECDSA signature `(r, s)` into `(r, n−s)`; that changes neither
//! document nor signer.)
//!
//! A timestamp over the signature proves that it existed at a time; its certificates are judged at that time, for they may
//! expire or be revoked later. See `docs/security.md`.

use super::Certificate;
use super::algorithm::{self, Hash, SignatureFault};
use super::asn1::{
    AlgorithmProtection, ID_AA_ALGORITHM_PROTECTION, ID_AA_SIGNING_CERTIFICATE, ID_AA_TIME_STAMP_TOKEN, IssuerSerial,
    SignedContentInfo, SignedData, SigningCertificate, SigningCertificateV2,
};
use super::certificate::{CertificateFault, Parsed, check_signing_usage, display_name};
use super::error::local_date;
use super::identity::is_development;
use super::path;
use super::revocation::{Evidence, Revocation, Standing};
use super::timestamp::{self, TimestampVerdict};
use crate::model::{Lang, Localized};
use cms::content_info::CmsVersion;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME,
};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Decode, Encode};
use sha1::Sha1;
use sha2::Digest;
use time::OffsetDateTime;
use x509_cert::attr::Attributes;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// Bytes of a CMS at most. Real ones have 2 to 30 KB.
const MAX_CMS_BYTES: usize = 4 << 20;
/// Certificates in a CMS at most. Real ones have one to four.
const MAX_CERTIFICATES: usize = 32;
/// Timestamps over a signature at most. Real ones have one.
const MAX_TIMESTAMPS: usize = 4;

/// What [`verify`] found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// Name of the signer as its certificate states it; empty when no certificate was found.
    pub signer: String,
    /// The signer's certificate.
    pub signing_certificate: Option<Certificate>,
    /// The chain, signer first and root last; empty when no trusted root was reached.
    pub chain: Vec<Certificate>,
    /// The time of signing that the signer claims in a signed attribute. Nobody vouches for it.
    pub signing_time: Option<OffsetDateTime>,
    /// Timestamps over the signature, in the order in which they stand.
    pub timestamps: Vec<TimestampVerdict>,
    /// The earliest time at which a valid timestamp over the signature proves that it existed.
    pub proven_time: Option<OffsetDateTime>,
    /// What is known of the revocation of the certificates at the time that counts: the proven one, else the one looked at.
    pub revocation: Revocation,
    /// Does a faultless chain lead from the signer to a given root?
    pub trusted: bool,
    /// Was the certificate made by [`super::identity::generate`]? Such a signature has no legal value, trusted or not.
    pub development: bool,
    /// All that is wrong, in the order found. Empty for a valid signature.
    pub problems: Vec<Problem>,
}

impl Verdict {
    /// Nothing is wrong: the bytes are unchanged, the signature is the signer's, and a trusted root vouches for them.
    pub fn is_valid(&self) -> bool {
        self.trusted && self.problems.is_empty()
    }

    /// The bytes are those that the holder of the certificate signed, whether or not we trust the certificate.
    pub fn is_intact(&self) -> bool {
        self.signing_certificate.is_some() && self.problems.iter().all(Problem::concerns_trust)
    }
}

/// Something wrong with a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The CMS is not DER, or not the structure that is expected: the part in a few words.
    Malformed(&'static str),
    /// There must be one signer; there are this many.
    SignerCount(usize),
    /// A hash or signature algorithm that is not allowed (SHA-1, for one): its object identifier.
    Algorithm(String),
    /// The signer's key is of a type or size that is not allowed.
    Key(String),
    /// The content is not what was signed.
    ContentChanged,
    /// The signature does not belong to the certificate and the signed attributes.
    SignatureInvalid,
    /// A signed attribute that must be there is missing or wrong: its name.
    Attribute(&'static str),
    /// The signed attributes name another signing certificate, or none.
    SigningCertificate,
    /// The signer's certificate is not in the CMS.
    NoSignerCertificate,
    /// A certificate in the CMS that the chain does not need: its holder.
    UnusedCertificate(String),
    /// Parts that no signature protects and that are not understood yet: their name.
    Unprotected(&'static str),
    /// Something is wrong with a timestamp over the signature.
    Timestamp(Box<Problem>),
    /// The timestamp is of a time that is still to come.
    FutureTime(OffsetDateTime),
    /// A certificate of the chain was revoked at the time that counts.
    Revoked {
        /// Its holder.
        holder: String,
        /// Since when.
        since: OffsetDateTime,
    },
    /// No chain leads to a trusted root: who issued the signer's certificate.
    NotTrusted(String),
    /// A certificate of the chain has a fault.
    Certificate {
        /// Its holder.
        holder: String,
        /// The fault.
        fault: CertificateFault,
    },
}

impl Problem {
    /// Is it about who signed (`true`), or about what was signed (`false`)?
    pub fn concerns_trust(&self) -> bool {
        match self {
            Self::NotTrusted(_) | Self::Certificate { .. } | Self::UnusedCertificate(_) | Self::Revoked { .. } => true,
            Self::Timestamp(problem) => problem.concerns_trust(),
            _ => false,
        }
    }

    /// Is it only that no root was given that vouches for the signer, or for the timestamp service?
    pub fn is_unknown_issuer(&self) -> bool {
        match self {
            Self::NotTrusted(_) => true,
            Self::Timestamp(problem) => problem.is_unknown_issuer(),
            _ => false,
        }
    }
}

/// Verifies a detached CMS over `message` (its parts in order) against trusted roots.
///
/// `at` is when the signature is known to exist: the time of a later timestamp over the whole, else now. Certificates are
/// judged at that time, or at the earlier one that a valid timestamp in the signature proves. `evidence` may have missing
/// certificates and say what was revoked.
pub fn verify(
    cms: &[u8],
    message: &[&[u8]],
    roots: &[Certificate],
    evidence: &Evidence,
    at: OffsetDateTime,
) -> Verdict {
    let mut verdict = Verdict::default();
    if let Err(problem) = examine(&mut verdict, cms, message, roots, evidence, at) {
        verdict.problems.push(problem);
        verdict.trusted = false;
    }
    verdict
}

/// Collects problems in the verdict; returns early with one after which nothing more can be said.
fn examine(
    verdict: &mut Verdict,
    cms: &[u8],
    message: &[&[u8]],
    roots: &[Certificate],
    evidence: &Evidence,
    at: OffsetDateTime,
) -> Result<(), Problem> {
    let content = read(cms)?;
    let info = only_signer(&content)?;
    let certificates = read_certificates(&content)?;
    let attributes = info.signed_attrs.as_ref().ok_or(Problem::Attribute("signed attributes"))?;
    let hash = stated_hash(&content, info)?;
    verdict.problems.extend(unprotected(&content));
    let tokens = timestamp_tokens(info).unwrap_or_else(|problem| {
        verdict.problems.push(problem);
        Vec::new()
    });

    let leaf = find_signer(info, &certificates)?;
    verdict.signer = display_name(&leaf.certificate.tbs_certificate.subject);
    verdict.signing_certificate = Some(leaf.certificate.clone());
    verdict.development = is_development(&leaf.certificate);

    verdict.problems.extend(check_attributes(attributes, ID_DATA, info, leaf, &hash.digest(message)));
    match value::<Time>(attributes, ID_SIGNING_TIME) {
        None => {}
        Some(Some(time)) => verdict.signing_time = Some(time.to_system_time().into()),
        Some(None) => verdict.problems.push(Problem::Attribute("signing time")),
    }
    check_signature(info, attributes, hash, leaf).unwrap_or_else(|problem| verdict.problems.push(problem));
    if let Err(fault) = check_signing_usage(&leaf.certificate) {
        verdict.problems.push(Problem::Certificate { holder: verdict.signer.clone(), fault });
    }

    for token in tokens {
        let stamp = timestamp::verify(&token, &[info.signature.as_bytes()], roots, evidence, at);
        verdict.problems.extend(stamp.problems.iter().map(|problem| Problem::Timestamp(Box::new(problem.clone()))));
        verdict.proven_time = verdict.proven_time.into_iter().chain(stamp.proven_time()).min();
        verdict.timestamps.push(stamp);
    }
    let moment = verdict.proven_time.unwrap_or(at);
    let judged = judge_chain(leaf, &certificates, &parse_roots(roots)?, evidence, moment, false);
    verdict.trusted = judged.trusted && check_signing_usage(&leaf.certificate).is_ok();
    verdict.problems.extend(judged.problems);
    verdict.chain = judged.chain;
    verdict.revocation = judged.revocation;
    Ok(())
}

/// The timestamps over a signature: values of the one unsigned attribute that is known.
fn timestamp_tokens(info: &SignerInfo) -> Result<Vec<Vec<u8>>, Problem> {
    let mut tokens = Vec::new();
    for attribute in info.unsigned_attrs.iter().flat_map(|attributes| attributes.iter()) {
        if attribute.oid != ID_AA_TIME_STAMP_TOKEN {
            return Err(Problem::Unprotected("unsigned attributes"));
        }
        for value in attribute.values.iter() {
            tokens.push(value.to_der().map_err(|_| Problem::Malformed("timestamp"))?);
        }
    }
    if info.unsigned_attrs.is_some() && tokens.is_empty() || tokens.len() > MAX_TIMESTAMPS {
        return Err(Problem::Malformed("number of timestamps"));
    }
    Ok(tokens)
}

pub(super) fn parse_roots(roots: &[Certificate]) -> Result<Vec<Parsed>, Problem> {
    let parsed = roots.iter().map(|root| root.to_der().and_then(|bytes| Parsed::read(&bytes)));
    parsed.collect::<Result<_, _>>().map_err(|_| Problem::Malformed("trusted root"))
}

fn read(cms: &[u8]) -> Result<SignedData, Problem> {
    if cms.len() > MAX_CMS_BYTES {
        return Err(Problem::Malformed("size"));
    }
    let info = SignedContentInfo::from_der(cms).map_err(|_| Problem::Malformed("CMS structure"))?;
    // Sets are sorted when they are read: bytes that were not DER do not come back.
    if info.to_der().ok().as_deref() != Some(cms) {
        return Err(Problem::Malformed("encoding, which is not DER"));
    }
    if info.content_type != ID_SIGNED_DATA {
        return Err(Problem::Malformed("content type"));
    }
    let content = info.content;
    // RFC 5652 section 5.1: version 1 for plain certificates, data content and version 1 signers.
    if content.version != CmsVersion::V1 {
        return Err(Problem::Malformed("version"));
    }
    if content.encap_content_info.econtent_type != ID_DATA {
        return Err(Problem::Malformed("type of the signed content"));
    }
    if content.encap_content_info.econtent.is_some() {
        return Err(Problem::Malformed("content, which should be detached"));
    }
    Ok(content)
}

pub(super) fn only_signer(content: &SignedData) -> Result<&SignerInfo, Problem> {
    let signers = content.signer_infos.as_slice();
    let [info] = signers else { return Err(Problem::SignerCount(signers.len())) };
    // RFC 5652 section 5.3: version 1 goes with issuer and serial number.
    if info.version != CmsVersion::V1 {
        return Err(Problem::Malformed("version of the signer information"));
    }
    Ok(info)
}

pub(super) fn read_certificates(content: &SignedData) -> Result<Vec<Parsed>, Problem> {
    let set = content.certificates.as_ref().ok_or(Problem::NoSignerCertificate)?;
    if set.len() > MAX_CERTIFICATES {
        return Err(Problem::Malformed("number of certificates"));
    }
    let certificates = set.iter().map(|any| any.to_der().and_then(|bytes| Parsed::read(&bytes)));
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|_| Problem::Malformed("certificate"))?;
    if certificates.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Problem::Malformed("certificate, which occurs twice"));
    }
    Ok(certificates)
}

pub(super) fn stated_hash(content: &SignedData, info: &SignerInfo) -> Result<Hash, Problem> {
    let refused = || Problem::Algorithm(info.digest_alg.oid.to_string());
    let hash = Hash::from_identifier(&info.digest_alg).ok_or_else(refused)?;
    match content.digest_algorithms.as_slice() {
        [listed] if Hash::from_identifier(listed) == Some(hash) => Ok(hash),
        _ => Err(Problem::Malformed("list of hash algorithms")),
    }
}

pub(super) fn unprotected(content: &SignedData) -> Option<Problem> {
    content.crls.is_some().then_some(Problem::Unprotected("revocation lists"))
}

pub(super) fn find_signer<'a>(info: &SignerInfo, certificates: &'a [Parsed]) -> Result<&'a Parsed, Problem> {
    let SignerIdentifier::IssuerAndSerialNumber(sid) = &info.sid else {
        return Err(Problem::Malformed("signer identifier"));
    };
    let named = |parsed: &&Parsed| {
        let tbs = &parsed.certificate.tbs_certificate;
        tbs.issuer == sid.issuer && tbs.serial_number == sid.serial_number
    };
    certificates.iter().find(named).ok_or(Problem::NoSignerCertificate)
}

/// Checks the signed attributes of a signature over content of a type with this digest.
pub(super) fn check_attributes(
    attributes: &Attributes,
    content_type: ObjectIdentifier,
    info: &SignerInfo,
    leaf: &Parsed,
    digest: &[u8],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if attributes.iter().any(|one| attributes.iter().filter(|other| other.oid == one.oid).count() > 1) {
        problems.push(Problem::Attribute("an attribute that occurs twice"));
    }
    match value::<ObjectIdentifier>(attributes, ID_CONTENT_TYPE) {
        Some(Some(stated)) if stated == content_type => {}
        _ => problems.push(Problem::Attribute("content type")),
    }
    match value::<OctetString>(attributes, ID_MESSAGE_DIGEST) {
        Some(Some(stated)) if stated.as_bytes() == digest => {}
        Some(Some(_)) => problems.push(Problem::ContentChanged),
        _ => problems.push(Problem::Attribute("message digest")),
    }
    let named = match value::<SigningCertificateV2>(attributes, ID_AA_SIGNING_CERTIFICATE_V_2) {
        Some(stated) => stated.is_some_and(|stated| names_certificate(&stated, leaf)),
        // Documents are signed with version 2 (EN 319 142-1 section 6.3); RFC 3161 knows only version 1.
        None if content_type != ID_DATA => value::<SigningCertificate>(attributes, ID_AA_SIGNING_CERTIFICATE)
            .flatten()
            .is_some_and(|stated| names_certificate_by_sha1(&stated, leaf)),
        None => false,
    };
    if !named {
        problems.push(Problem::SigningCertificate);
    }
    // Not demanded, since few other programs write it.
    match value::<AlgorithmProtection>(attributes, ID_AA_ALGORITHM_PROTECTION) {
        None => {}
        Some(Some(stated))
            if stated.digest_algorithm == info.digest_alg && stated.signature_algorithm == info.signature_algorithm => {
        }
        Some(_) => problems.push(Problem::Attribute("algorithm protection")),
    }
    problems
}

/// The single value of a signed attribute; `None` when the attribute is absent, `Some(None)` when it cannot be read or is
/// not DER.
fn value<T: for<'a> Decode<'a> + Encode>(attributes: &Attributes, oid: ObjectIdentifier) -> Option<Option<T>> {
    let attribute = attributes.iter().find(|attribute| attribute.oid == oid)?;
    let [only] = attribute.values.as_slice() else { return Some(None) };
    let Ok(bytes) = only.to_der() else { return Some(None) };
    Some(T::from_der(&bytes).ok().filter(|value| value.to_der().is_ok_and(|again| again == bytes)))
}

/// Does the first `ESSCertIDv2` stand for this certificate? Any others speak of its issuers (RFC 5035 section 3).
fn names_certificate(stated: &SigningCertificateV2, leaf: &Parsed) -> bool {
    let Some(first) = stated.certs.first() else { return false };
    let hash = match &first.hash_algorithm {
        None => Some(Hash::Sha256),
        Some(identifier) => Hash::from_identifier(identifier),
    };
    let Some(hash) = hash else { return false };
    first.cert_hash.as_bytes() == hash.digest(&[&leaf.der])
        && first.issuer_serial.as_ref().is_none_or(|named| names_issuer(named, leaf))
}

/// The same for `ESSCertID`, whose SHA-1 tells certificates apart; what is signed has hashes of its own.
fn names_certificate_by_sha1(stated: &SigningCertificate, leaf: &Parsed) -> bool {
    let Some(first) = stated.certs.first() else { return false };
    first.cert_hash.as_bytes() == Sha1::digest(&leaf.der).as_slice()
        && first.issuer_serial.as_ref().is_none_or(|named| names_issuer(named, leaf))
}

fn names_issuer(named: &IssuerSerial, leaf: &Parsed) -> bool {
    let tbs = &leaf.certificate.tbs_certificate;
    let expected = vec![GeneralName::DirectoryName(tbs.issuer.clone())].to_der();
    named.issuer.to_der() == expected && named.serial_number.to_der() == tbs.serial_number.to_der()
}

pub(super) fn check_signature(
    info: &SignerInfo,
    attributes: &Attributes,
    hash: Hash,
    leaf: &Parsed,
) -> Result<(), Problem> {
    // RFC 5652 section 5.4: the SET OF in DER, with its own tag in place of the implicit one.
    let signed = attributes.to_der().map_err(|_| Problem::Malformed("signed attributes"))?;
    let key = &leaf.certificate.tbs_certificate.subject_public_key_info;
    algorithm::verify(key, &info.signature_algorithm, Some(hash), &signed, info.signature.as_bytes()).map_err(|fault| {
        match fault {
            SignatureFault::Mismatch => Problem::SignatureInvalid,
            SignatureFault::Algorithm(oid) => Problem::Algorithm(oid.to_string()),
            SignatureFault::Key(found) => Problem::Key(found),
        }
    })
}

/// What is to be said of the chain of a signer or of a timestamp service.
#[derive(Default)]
pub(super) struct JudgedChain {
    /// Signer first, root last; empty when no trusted root was reached.
    pub(super) chain: Vec<Certificate>,
    pub(super) trusted: bool,
    pub(super) revocation: Revocation,
    pub(super) problems: Vec<Problem>,
}

/// Seeks the chain from `leaf` to a root, by the certificates `own` to the CMS and those in `evidence`, and judges it at
/// `at`. `own` may hold nothing that the chain does not need, but cross-certificates where they are allowed.
pub(super) fn judge_chain(
    leaf: &Parsed,
    own: &[Parsed],
    roots: &[Parsed],
    evidence: &Evidence,
    at: OffsetDateTime,
    with_cross_certificates: bool,
) -> JudgedChain {
    let mut judged = JudgedChain::default();
    let further = evidence.certificates().iter().filter(|one| !own.contains(one));
    let pool: Vec<Parsed> = own.iter().chain(further).cloned().collect();
    let Some(path) = path::find(leaf, &pool, roots, at) else {
        let issuer = display_name(&leaf.certificate.tbs_certificate.issuer);
        judged.problems.push(Problem::NotTrusted(issuer));
        // Without a chain, the signer's own dates are still worth telling.
        judged.problems.extend(leaf.common_faults(at).into_iter().map(|fault| certificate_problem(leaf, fault)));
        return judged;
    };
    let mut proven = true;
    for pair in path.certificates.windows(2) {
        match evidence.standing(pair[0], pair[1], at) {
            Standing::Good => {}
            Standing::Unknown => proven = false,
            Standing::Revoked { since } => {
                let holder = display_name(&pair[0].certificate.tbs_certificate.subject);
                judged.revocation = Revocation::Revoked;
                judged.problems.push(Problem::Revoked { holder, since });
            }
        }
    }
    if proven && judged.revocation != Revocation::Revoked {
        judged.revocation = Revocation::Good;
    }
    judged.trusted = path.faults.is_empty() && judged.problems.is_empty();
    for fault in path.faults {
        judged.problems.push(certificate_problem(path.certificates[fault.index], fault.fault));
    }
    let is_needed = |one: &&Parsed| {
        path.certificates.contains(one) || with_cross_certificates && is_cross_certificate(one, &path.certificates)
    };
    for unused in own.iter().filter(|one| !is_needed(one)) {
        judged.problems.push(Problem::UnusedCertificate(display_name(&unused.certificate.tbs_certificate.subject)));
    }
    judged.chain = path.certificates.into_iter().map(|parsed| parsed.certificate.clone()).collect();
    judged
}

/// Another authority's certificate for a holder in the chain: timestamp services add such, for readers with other roots.
/// Nothing checks its bytes, so it has no place in a signature of ours.
fn is_cross_certificate(one: &Parsed, chain: &[&Parsed]) -> bool {
    let of = |parsed: &Parsed| parsed.certificate.tbs_certificate.clone();
    let one_of = of(one);
    let is_other = |other: &&Parsed| {
        let other = of(other);
        // A copy of a certificate of the chain in which something was changed has its authority's name or its number.
        other.subject == one_of.subject
            && other.subject_public_key_info == one_of.subject_public_key_info
            && other.issuer != one_of.issuer
            && other.serial_number != one_of.serial_number
    };
    !one.is_self_issued() && chain.iter().any(is_other)
}

fn certificate_problem(parsed: &Parsed, fault: CertificateFault) -> Problem {
    Problem::Certificate { holder: display_name(&parsed.certificate.tbs_certificate.subject), fault }
}

impl Localized for Problem {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::Malformed(part) => (
                format!("dữ liệu chữ ký sai cấu trúc ({part}); hãy xin lại tệp gốc"),
                format!("the signature data is malformed ({part}); ask for the original file"),
            ),
            Self::SignerCount(count) => (
                format!("dữ liệu chữ ký phải có đúng một người ký nhưng có {count}"),
                format!("the signature data must have one signer but has {count}"),
            ),
            Self::Algorithm(oid) => (
                format!("thuật toán {oid} không an toàn hoặc không được hỗ trợ; hãy ký lại bằng SHA-256"),
                format!("algorithm {oid} is unsafe or not supported; sign again with SHA-256"),
            ),
            Self::Key(found) => (
                format!("khóa của người ký ({found}) không an toàn hoặc không được hỗ trợ; hãy ký lại bằng khóa khác"),
                format!("the signer's key ({found}) is unsafe or not supported; sign again with another"),
            ),
            Self::ContentChanged => (
                "nội dung đã bị thay đổi sau khi ký; hãy xin lại tệp gốc".into(),
                "the content was changed after signing; ask for the original file".into(),
            ),
            Self::SignatureInvalid => (
                "chữ ký không đúng với chứng thư; hãy xin lại tệp gốc".into(),
                "the signature does not belong to the certificate; ask for the original file".into(),
            ),
            Self::Attribute(name) => (
                format!("thuộc tính được ký thiếu hoặc sai ({name}); hãy ký lại"),
                format!("a signed attribute is missing or wrong ({name}); sign again"),
            ),
            Self::SigningCertificate => (
                "chữ ký không ghi rõ chứng thư đã ký (ESS v2) hoặc ghi chứng thư khác; hãy ký lại theo PAdES".into(),
                "the signature names no signing certificate (ESS v2), or another; sign again as PAdES".into(),
            ),
            Self::NoSignerCertificate => (
                "không có chứng thư của người ký trong chữ ký; hãy ký lại".into(),
                "the signer's certificate is not in the signature; sign again".into(),
            ),
            Self::UnusedCertificate(holder) => (
                format!("chữ ký kèm chứng thư không liên quan của {holder}"),
                format!("the signature carries an unrelated certificate of {holder}"),
            ),
            Self::Unprotected(name) => (
                format!("chữ ký có phần chưa kiểm tra được ({name})"),
                format!("the signature has parts that cannot be checked yet ({name})"),
            ),
            Self::Timestamp(problem) => (
                format!("dấu thời gian: {}", problem.message(Lang::Vi)),
                format!("timestamp: {}", problem.message(Lang::En)),
            ),
            Self::FutureTime(time) => (
                format!(
                    "dấu thời gian ghi thời điểm chưa tới ({}); hãy kiểm tra đồng hồ của máy",
                    local_date(*time, Lang::Vi)
                ),
                format!(
                    "the timestamp is of a time still to come ({}); check the clock of this machine",
                    local_date(*time, Lang::En)
                ),
            ),
            Self::Revoked { holder, since } => (
                format!("chứng thư của {holder} đã bị thu hồi từ ngày {}", local_date(*since, Lang::Vi)),
                format!("the certificate of {holder} was revoked on {}", local_date(*since, Lang::En)),
            ),
            Self::NotTrusted(issuer) => (
                format!("nơi cấp chứng thư ({issuer}) không có trong danh sách tin cậy; hãy thêm chứng thư gốc"),
                format!("the issuer of the certificate ({issuer}) is not trusted; add its root certificate"),
            ),
            Self::Certificate { holder, fault } => (
                format!("chứng thư của {holder}: {}", fault.message(Lang::Vi)),
                format!("certificate of {holder}: {}", fault.message(Lang::En)),
            ),
        };
        match lang {
            Lang::Vi => vietnamese,
            Lang::En => english,
        }
    }
}

impl Localized for CertificateFault {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::Malformed(part) => (format!("sai cấu trúc ({part})"), format!("malformed ({part})")),
            Self::NotYetValid { from } => (
                format!("chưa có hiệu lực trước ngày {}", local_date(*from, lang)),
                format!("not valid before {}", local_date(*from, lang)),
            ),
            Self::Expired { until } => (
                format!("đã hết hạn ngày {}", local_date(*until, lang)),
                format!("expired on {}", local_date(*until, lang)),
            ),
            Self::KeyUsage => {
                ("không được cấp để ký".into(), "its key usage does not allow this kind of signature".into())
            }
            Self::Purpose => (
                "được cấp cho máy móc, không phải để ký văn bản".into(),
                "issued to machines, not for documents".into(),
            ),
            Self::NotForTimestamps => (
                "không được cấp riêng để cấp dấu thời gian".into(),
                "not issued, critically and alone, for timestamps".into(),
            ),
            Self::NotCa => ("không phải của cơ quan chứng thực".into(), "not that of a certificate authority".into()),
            Self::PathLength => {
                ("chuỗi chứng thư dài quá mức cho phép".into(), "the chain is longer than it allows".into())
            }
            Self::CriticalExtension(oid) => (
                format!("có phần mở rộng bắt buộc chưa được hỗ trợ ({oid})"),
                format!("has a critical extension that is not supported ({oid})"),
            ),
            Self::Algorithm(oid) => (
                format!("được ký bằng thuật toán không an toàn ({oid})"),
                format!("signed with an algorithm that is not allowed ({oid})"),
            ),
            Self::Key(found) => {
                (format!("khóa không được chấp nhận ({found})"), format!("its key is not accepted ({found})"))
            }
        };
        match lang {
            Lang::Vi => vietnamese,
            Lang::En => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::verify as verify_with_evidence;
    use super::*;
    use crate::sign::certificate::read_all;
    use crate::sign::cms::{Form, detached};
    use crate::sign::identity::{self, Draft};
    use crate::sign::pkcs12::Pkcs12;
    use crate::sign::{Algorithm, OsRng, SignError, Signer};
    use der::Any;
    use der::asn1::SetOfVec;
    use p256::ecdsa::SigningKey;
    use std::str::FromStr;
    use time::macros::datetime;
    use x509_cert::ext::Extension;
    use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
    use x509_cert::name::Name;
    use x509_cert::time::Validity;

    const NOW: OffsetDateTime = datetime!(2027-01-02 03:04:05 +7);
    const MESSAGE: &[&[u8]] = &[b"two parts", b" of a file"];

    fn verify(cms: &[u8], message: &[&[u8]], roots: &[Certificate], at: OffsetDateTime) -> Verdict {
        verify_with_evidence(cms, message, roots, &Evidence::default(), at)
    }

    fn root() -> Vec<Certificate> {
        read_all(include_bytes!("../../tests/data/sign/root.pem")).unwrap()
    }

    fn key(file: &[u8]) -> Pkcs12 {
        Pkcs12::load(file, "mật khẩu").unwrap()
    }

    fn rsa() -> Pkcs12 {
        key(include_bytes!("../../tests/data/sign/rsa2048.p12"))
    }

    /// A development key and its root.
    fn development() -> (Pkcs12, Vec<Certificate>) {
        let identity = identity::generate(NOW, &mut OsRng).unwrap();
        let key = Pkcs12::load(&identity.p12, identity::DEVELOPMENT_PASSWORD).unwrap();
        (key, read_all(identity.ca_pem.as_bytes()).unwrap())
    }

    #[test]
    fn signatures_of_each_key_type_and_form_are_valid() {
        for file in [
            include_bytes!("../../tests/data/sign/rsa2048.p12").as_slice(),
            include_bytes!("../../tests/data/sign/rsa4096.p12"),
            include_bytes!("../../tests/data/sign/p256.p12"),
            include_bytes!("../../tests/data/sign/p384.p12"),
        ] {
            for form in [Form::Pdf, Form::File] {
                let cms = detached(MESSAGE, &key(file), NOW, form).unwrap();
                let verdict = verify(&cms, &[b"two parts of a file"], &root(), NOW);
                assert_eq!(verdict.problems, []);
                assert!(verdict.is_valid() && verdict.is_intact() && !verdict.development);
                assert_eq!(verdict.chain.len(), 3);
                assert_eq!(verdict.signing_time, (form == Form::File).then_some(NOW));
                assert!(verdict.signer.starts_with("Nguyễn Văn"));
            }
        }
    }

    #[test]
    fn development_signature_is_marked_even_when_its_root_is_trusted() {
        let (key, root) = development();
        let cms = detached(MESSAGE, &key, NOW, Form::Pdf).unwrap();
        let verdict = verify(&cms, MESSAGE, &root, NOW);
        assert!(verdict.is_valid() && verdict.development);
        assert_eq!(verdict.signer, identity::DEVELOPMENT_SIGNER);
    }

    #[test]
    fn changed_content_is_found() {
        let cms = detached(MESSAGE, &rsa(), NOW, Form::Pdf).unwrap();
        for other in [&[b"two parts of a filf".as_slice()] as &[&[u8]], &[], &[b"two parts of a file "]] {
            let verdict = verify(&cms, other, &root(), NOW);
            assert_eq!(verdict.problems, [Problem::ContentChanged]);
            assert!(!verdict.is_intact());
        }
    }

    #[test]
    fn any_flipped_byte_is_found() {
        let (ecdsa, ecdsa_root) = development();
        // One bit; the pattern that turns the identifier of RSA with SHA-256 into that of plain RSA; the sign bit. All 255
        // patterns: `every_pattern_of_a_flipped_byte_is_found_with_…`.
        for (key, root, form, patterns) in [
            (&ecdsa, &ecdsa_root, Form::Pdf, [0x01, 0x0a, 0x80].as_slice()),
            (&ecdsa, &ecdsa_root, Form::File, &[0x01]),
            (&rsa(), &root(), Form::Pdf, &[0x0a]),
        ] {
            let cms = detached(MESSAGE, key, NOW, form).unwrap();
            assert!(verify(&cms, MESSAGE, root, NOW).is_valid());
            for &pattern in patterns {
                assert_eq!(undetected(&cms, root, pattern), Vec::<usize>::new());
            }
        }
    }

    #[test]
    #[ignore = "some minutes"]
    fn every_pattern_of_a_flipped_byte_is_found_with_ecdsa() {
        let (key, root) = development();
        flip_all_patterns(&key, &root);
    }

    #[test]
    #[ignore = "some minutes"]
    fn every_pattern_of_a_flipped_byte_is_found_with_rsa() {
        flip_all_patterns(&rsa(), &root());
    }

    /// All 255 patterns of each byte outside the certificates, where the fields without a signature of their own are.
    fn flip_all_patterns(key: &Pkcs12, root: &[Certificate]) {
        let cms = detached(MESSAGE, key, NOW, Form::Pdf).unwrap();
        let certificates: Vec<_> = key.chain().iter().map(|certificate| certificate.to_der().unwrap()).collect();
        let inside: Vec<_> = certificates
            .iter()
            .map(|one| {
                let start = cms.windows(one.len()).position(|window| window == one).unwrap();
                start..start + one.len()
            })
            .collect();
        let mut bytes = cms.clone();
        for index in (0..cms.len()).filter(|index| !inside.iter().any(|range| range.contains(index))) {
            for pattern in 1..=255 {
                bytes[index] = cms[index] ^ pattern;
                assert!(!verify(&bytes, MESSAGE, root, NOW).problems.is_empty(), "byte {index} pattern {pattern:#x}");
            }
            bytes[index] = cms[index];
        }
    }

    /// Places where a byte can be changed without a problem being reported.
    fn undetected(cms: &[u8], root: &[Certificate], pattern: u8) -> Vec<usize> {
        let mut bytes = cms.to_vec();
        let mut places = Vec::new();
        for index in 0..bytes.len() {
            bytes[index] ^= pattern;
            if verify(&bytes, MESSAGE, root, NOW).problems.is_empty() {
                places.push(index);
            }
            bytes[index] ^= pattern;
        }
        places
    }

    #[test]
    fn truncated_or_extended_data_is_refused() {
        let cms = detached(MESSAGE, &rsa(), NOW, Form::Pdf).unwrap();
        for length in 0..cms.len() {
            assert!(!verify(&cms[..length], MESSAGE, &root(), NOW).problems.is_empty());
        }
        let mut longer = cms;
        longer.push(0);
        assert_eq!(verify(&longer, MESSAGE, &root(), NOW).problems, [Problem::Malformed("CMS structure")]);
    }

    #[test]
    fn unknown_root_leaves_the_signature_intact_but_not_valid() {
        let (_, other) = development();
        let cms = detached(MESSAGE, &rsa(), NOW, Form::Pdf).unwrap();
        for roots in [&other[..], &[]] {
            let verdict = verify(&cms, MESSAGE, roots, NOW);
            assert_eq!(verdict.problems, [Problem::NotTrusted("Trung gian thử nghiệm".into())]);
            assert!(verdict.is_intact() && !verdict.is_valid() && !verdict.trusted);
        }
    }

    #[test]
    fn chain_is_judged_at_the_given_time() {
        let (key, root) = development();
        let cms = detached(MESSAGE, &key, NOW, Form::Pdf).unwrap();
        for at in [datetime!(2031-01-01 0:00 UTC), datetime!(2020-01-01 0:00 UTC)] {
            let verdict = verify(&cms, MESSAGE, &root, at);
            assert!(!verdict.trusted && !verdict.is_valid());
            assert_eq!(verdict.problems.len(), 2, "signer and root");
        }
    }

    /// A CMS taken apart, changed and put together again; what is signed can be signed again.
    fn rebuilt(key: &Pkcs12, change: impl FnOnce(&mut SignedData), sign_again: bool) -> Vec<u8> {
        let cms = detached(MESSAGE, key, NOW, Form::Pdf).unwrap();
        let mut info = SignedContentInfo::from_der(&cms).unwrap();
        change(&mut info.content);
        if sign_again {
            let mut signer = info.content.signer_infos.get(0).unwrap().clone();
            let signed = signer.signed_attrs.to_der().unwrap();
            signer.signature = OctetString::new(key.sign(&signed).unwrap()).unwrap();
            info.content.signer_infos = SetOfVec::try_from(vec![signer]).unwrap();
        }
        info.to_der().unwrap()
    }

    fn change_signer(content: &mut SignedData, change: impl FnOnce(&mut SignerInfo)) {
        let mut signer = content.signer_infos.get(0).unwrap().clone();
        change(&mut signer);
        content.signer_infos = SetOfVec::try_from(vec![signer]).unwrap();
    }

    fn drop_attribute(signer: &mut SignerInfo, oid: ObjectIdentifier) {
        let left: Vec<_> = signer.signed_attrs.take().unwrap().into_vec();
        let left: Vec<_> = left.into_iter().filter(|attribute| attribute.oid != oid).collect();
        signer.signed_attrs = Some(SetOfVec::try_from(left).unwrap());
    }

    #[test]
    fn each_required_attribute_is_missed() {
        for (oid, problem) in [
            (ID_CONTENT_TYPE, Problem::Attribute("content type")),
            (ID_MESSAGE_DIGEST, Problem::Attribute("message digest")),
            (ID_AA_SIGNING_CERTIFICATE_V_2, Problem::SigningCertificate),
        ] {
            let cms = rebuilt(&rsa(), |content| change_signer(content, |signer| drop_attribute(signer, oid)), true);
            assert_eq!(verify(&cms, MESSAGE, &root(), NOW).problems, [problem]);
        }
    }

    #[test]
    fn signature_without_algorithm_protection_is_accepted() {
        let drop = |signer: &mut SignerInfo| drop_attribute(signer, ID_AA_ALGORITHM_PROTECTION);
        let cms = rebuilt(&rsa(), |content| change_signer(content, drop), true);
        assert_eq!(verify(&cms, MESSAGE, &root(), NOW).problems, []);
    }

    #[test]
    fn sha1_is_refused_by_name() {
        let sha1 = |identifier: &mut spki::AlgorithmIdentifierOwned| identifier.oid = const_oid::db::rfc5912::ID_SHA_1;
        let cms = rebuilt(&rsa(), |content| change_signer(content, |signer| sha1(&mut signer.digest_alg)), false);
        assert_eq!(verify(&cms, MESSAGE, &root(), NOW).problems, [Problem::Algorithm("1.3.14.3.2.26".into())]);
    }

    #[test]
    fn unprotected_parts_are_refused() {
        let attribute = x509_cert::attr::Attribute { oid: ID_CONTENT_TYPE, values: SetOfVec::new() };
        let unsigned = |signer: &mut SignerInfo| {
            signer.unsigned_attrs = Some(SetOfVec::try_from(vec![attribute]).unwrap());
        };
        let cms = rebuilt(&rsa(), |content| change_signer(content, unsigned), false);
        let problems = verify(&cms, MESSAGE, &root(), NOW).problems;
        assert_eq!(problems, [Problem::Unprotected("unsigned attributes")]);

        let cms = rebuilt(&rsa(), |content| content.crls = Some(SetOfVec::new()), false);
        assert_eq!(verify(&cms, MESSAGE, &root(), NOW).problems, [Problem::Unprotected("revocation lists")]);
    }

    #[test]
    fn certificates_out_of_order_are_not_der() {
        let cms = detached(MESSAGE, &rsa(), NOW, Form::Pdf).unwrap();
        let info = SignedContentInfo::from_der(&cms).unwrap();
        let set = info.content.certificates.unwrap();
        let [one, two] = [0, 1].map(|index| set.get(index).unwrap().to_der().unwrap());
        let start = cms.windows(one.len()).position(|window| window == one).unwrap();
        let swapped = [&cms[..start], &two, &one, &cms[start + one.len() + two.len()..]].concat();
        let problems = verify(&swapped, MESSAGE, &root(), NOW).problems;
        assert_eq!(problems, [Problem::Malformed("encoding, which is not DER")]);
    }

    #[test]
    fn certificate_that_the_chain_does_not_need_is_refused() {
        let stranger = Any::from_der(&development().1[0].to_der().unwrap()).unwrap();
        let add = |content: &mut SignedData| content.certificates.as_mut().unwrap().insert(stranger).unwrap();
        let verdict = verify(&rebuilt(&rsa(), add, false), MESSAGE, &root(), NOW);
        assert_eq!(verdict.problems, [Problem::UnusedCertificate(identity::DEVELOPMENT_AUTHORITY.into())]);
    }

    #[test]
    fn two_signers_or_none_are_refused() {
        let none = |content: &mut SignedData| content.signer_infos = SetOfVec::new();
        assert_eq!(verify(&rebuilt(&rsa(), none, false), MESSAGE, &root(), NOW).problems, [Problem::SignerCount(0)]);
        let two = |content: &mut SignedData| {
            let mut second = content.signer_infos.get(0).unwrap().clone();
            second.signature = OctetString::new([1]).unwrap();
            content.signer_infos.insert(second).unwrap();
        };
        assert_eq!(verify(&rebuilt(&rsa(), two, false), MESSAGE, &root(), NOW).problems, [Problem::SignerCount(2)]);
    }

    /// A signer with any chain.
    struct Forged {
        key: SigningKey,
        chain: Vec<Certificate>,
    }

    impl Signer for Forged {
        fn chain(&self) -> &[Certificate] {
            &self.chain
        }
        fn algorithm(&self) -> Algorithm {
            Algorithm::EcdsaP256Sha256
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            use p256::ecdsa::signature::Signer as _;
            let signature: p256::ecdsa::DerSignature = self.key.sign(message);
            Ok(signature.as_bytes().to_vec())
        }
    }

    /// Signer, authorities, root: each certificate with the extensions given, in that order.
    fn forged(extensions: &[Vec<Extension>]) -> Forged {
        let keys: Vec<_> = extensions.iter().map(|_| SigningKey::random(&mut OsRng)).collect();
        let name = |index: usize| Name::from_str(&format!("CN=Holder {index}")).unwrap();
        let time = |moment| crate::sign::cms::asn1_time(moment).unwrap();
        let validity =
            Validity { not_before: time(NOW - time::Duration::DAY), not_after: time(NOW + time::Duration::DAY) };
        let last = extensions.len() - 1;
        let certificate = |index: usize| {
            let issuer = (index + 1).min(last);
            let draft = Draft {
                serial: 7_u8.into(),
                subject: name(index),
                spki: identity::public_key(&keys[index]).unwrap(),
                extensions: extensions[index].clone(),
            };
            identity::issue(draft, &name(issuer), validity, &keys[issuer]).unwrap()
        };
        let chain = (0..=last).map(certificate).collect();
        Forged { key: keys[0].clone(), chain }
    }

    fn problems(extensions: &[Vec<Extension>]) -> Vec<Problem> {
        let signer = forged(extensions);
        let cms = detached(MESSAGE, &signer, NOW, Form::Pdf).unwrap();
        let root = signer.chain.last().unwrap().clone();
        verify(&cms, MESSAGE, &[root], NOW).problems
    }

    fn fault(index: usize, fault: CertificateFault) -> Vec<Problem> {
        vec![Problem::Certificate { holder: format!("Holder {index}"), fault }]
    }

    fn constraints(ca: bool, most: Option<u8>) -> Extension {
        identity::extension(true, &BasicConstraints { ca, path_len_constraint: most }).unwrap()
    }

    fn usage(usage: KeyUsages) -> Extension {
        identity::extension(true, &KeyUsage(usage.into())).unwrap()
    }

    fn authority() -> Vec<Extension> {
        vec![constraints(true, None), usage(KeyUsages::KeyCertSign)]
    }

    fn signer() -> Vec<Extension> {
        vec![usage(KeyUsages::DigitalSignature)]
    }

    fn odd(oid: &str, critical: bool) -> Extension {
        let extn_id = ObjectIdentifier::from_str(oid).unwrap();
        Extension { extn_id, critical, extn_value: OctetString::new([5, 0]).unwrap() }
    }

    #[test]
    fn plain_chains_are_trusted() {
        assert_eq!(problems(&[signer(), authority()]), []);
        assert_eq!(problems(&[signer(), authority(), authority(), authority()]), []);
        assert_eq!(problems(&[vec![], authority()]), [], "absent key usage forbids nothing");
        assert_eq!(problems(&[signer()]), [], "a self-signed certificate that is itself trusted");
    }

    #[test]
    fn issuer_must_be_an_authority() {
        let no_usage = vec![constraints(true, None), usage(KeyUsages::CRLSign)];
        assert_eq!(problems(&[signer(), signer(), authority()])[0], fault(1, CertificateFault::NotCa)[0]);
        assert_eq!(
            problems(&[signer(), vec![constraints(false, None)], authority()]),
            fault(1, CertificateFault::NotCa)
        );
        assert_eq!(problems(&[signer(), vec![], authority()]), fault(1, CertificateFault::NotCa));
        assert_eq!(problems(&[signer(), no_usage, authority()]), fault(1, CertificateFault::KeyUsage));
    }

    #[test]
    fn path_length_counts_the_authorities_below() {
        let limited = |most| vec![constraints(true, Some(most)), usage(KeyUsages::KeyCertSign)];
        assert_eq!(problems(&[signer(), limited(0)]), []);
        assert_eq!(problems(&[signer(), authority(), limited(1)]), []);
        assert_eq!(problems(&[signer(), authority(), limited(0)]), fault(2, CertificateFault::PathLength));
    }

    #[test]
    fn critical_extension_must_be_understood() {
        let oid = "1.2.3.4";
        let with = |extension: Extension| [signer(), vec![extension]].concat();
        assert_eq!(problems(&[with(odd(oid, false)), authority()]), []);
        let expected = fault(0, CertificateFault::CriticalExtension(oid.into()));
        assert_eq!(problems(&[with(odd(oid, true)), authority()]), expected);
        let names = [authority(), vec![odd("2.5.29.30", false)]].concat();
        let expected = fault(1, CertificateFault::CriticalExtension("2.5.29.30".into()));
        assert_eq!(problems(&[signer(), names]), expected);
    }

    #[test]
    fn certificate_of_a_machine_signs_no_documents() {
        use const_oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
        let with = |purposes: &[ObjectIdentifier]| {
            let purposes = identity::extension(false, &ExtendedKeyUsage(purposes.to_vec())).unwrap();
            let parsed = forged(&[[signer(), vec![purposes]].concat(), authority()]).chain[0].clone();
            check_signing_usage(&parsed)
        };
        assert_eq!(with(&[ID_KP_SERVER_AUTH]), Err(CertificateFault::Purpose));
        assert_eq!(with(&[ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]), Ok(()));
        let wrong = forged(&[vec![usage(KeyUsages::KeyAgreement)], authority()]).chain[0].clone();
        assert_eq!(check_signing_usage(&wrong), Err(CertificateFault::KeyUsage));
    }

    #[test]
    fn crafted_heap_of_certificates_costs_little() {
        // Every certificate has the same name and key, so that each could have issued each.
        let key = SigningKey::random(&mut OsRng);
        let name = Name::from_str("CN=Same").unwrap();
        let time = |moment| crate::sign::cms::asn1_time(moment).unwrap();
        let validity = Validity { not_before: time(NOW), not_after: time(NOW + time::Duration::DAY) };
        let certificate = |serial: u8| {
            let spki = identity::public_key(&key).unwrap();
            let draft = Draft { serial: serial.into(), subject: name.clone(), spki, extensions: signer() };
            identity::issue(draft, &name, validity, &key).unwrap()
        };
        let chain = (1..=32).map(certificate).collect();
        let cms = detached(MESSAGE, &Forged { key, chain }, NOW, Form::Pdf).unwrap();
        let verdict = verify(&cms, MESSAGE, &root(), NOW);
        assert_eq!(verdict.problems, [Problem::NotTrusted("Same".into())]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            proptest::prop_assert!(!verify(&bytes, MESSAGE, &[], NOW).problems.is_empty());
        }
    }
}
