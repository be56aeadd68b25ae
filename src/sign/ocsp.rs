//! The Online Certificate Status Protocol, RFC 6960: questions as bytes, answers judged.
//!
//! The question names its certificate with SHA-1 hashes of the issuer, as RFC 6960 appendix B.1 and the profile for large
//! scale (RFC 5019 section 2.1.1) have it: deployed responders answer no other. The hash secures nothing; who answers must
//! sign. A question has no nonce, for most responders hand out answers made in advance: what makes an answer fresh are its
//! dates, and it is stored for others to judge later anyway.

use super::algorithm;
use super::certificate::{Parsed, body, check_validity, moment};
use super::path::has_issued;
use super::revocation::{Evidence, Standing, Statement, Status};
use super::{Certificate, SignError};
use const_oid::db::rfc5280::{ID_AD_OCSP, ID_KP_OCSP_SIGNING};
use const_oid::db::rfc5912;
use const_oid::db::rfc6960::{ID_PKIX_OCSP_BASIC, ID_PKIX_OCSP_NOCHECK};
use der::asn1::{Null, OctetString};
use der::{Any, Decode, Encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, ExtendedKeyUsage};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse, OcspResponseStatus, Request,
    ResponderId, TbsRequest,
};

/// Content type of a question, RFC 6960 appendix A.
pub const REQUEST_TYPE: &str = "application/ocsp-request";
/// Content type of an answer.
pub const RESPONSE_TYPE: &str = "application/ocsp-response";

/// Certificates of a response that are looked at; real ones have one to three.
const MAX_CERTIFICATES: usize = 8;

/// The responders that a certificate names (RFC 5280 section 4.2.2.1).
pub fn addresses(certificate: &Certificate) -> Vec<String> {
    let Ok(Some((_, access))) = certificate.tbs_certificate.get::<AuthorityInfoAccessSyntax>() else {
        return Vec::new();
    };
    let responders = access.0.iter().filter(|description| description.access_method == ID_AD_OCSP);
    responders.filter_map(|description| super::certificate::address(&description.access_location)).collect()
}

/// The question whether `issuer` has revoked `certificate`, DER.
///
/// # Errors
///
/// When a certificate cannot be encoded.
pub fn request(certificate: &Certificate, issuer: &Certificate) -> Result<Vec<u8>, SignError> {
    let tbs = &issuer.tbs_certificate;
    let named = CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: rfc5912::ID_SHA_1, parameters: Some(Any::from(Null)) },
        issuer_name_hash: OctetString::new(Sha1::digest(tbs.subject.to_der()?).to_vec())?,
        issuer_key_hash: OctetString::new(key_hash(issuer))?,
        serial_number: certificate.tbs_certificate.serial_number.clone(),
    };
    let request_list = vec![Request { req_cert: named, single_request_extensions: None }];
    let request =
        OcspRequest { tbs_request: TbsRequest { request_list, ..TbsRequest::default() }, optional_signature: None };
    Ok(request.to_der()?)
}

/// The certificates inside an answer, DER: those of its responder. None where it cannot be read.
pub fn certificates(response: &[u8]) -> Vec<Vec<u8>> {
    let certificates = Response::read(response).and_then(|response| response.basic.certs).unwrap_or_default();
    certificates.iter().filter_map(|certificate| certificate.to_der().ok()).collect()
}

/// SHA-1 of the bits of a public key: `KeyHash` in RFC 6960 section 4.2.1.
fn key_hash(certificate: &Certificate) -> Vec<u8> {
    Sha1::digest(certificate.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes()).to_vec()
}

/// A successful answer, read but not yet judged.
#[derive(Clone, Debug)]
pub(super) struct Response {
    basic: BasicOcspResponse,
    /// The bytes that the responder signed.
    signed: Vec<u8>,
}

impl Response {
    /// Reads an `OCSPResponse`; `None` when it is none, says that the responder failed, or is of another type than basic.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let outer = OcspResponse::from_der(der).ok()?;
        let inner = outer.response_bytes.filter(|_| outer.response_status == OcspResponseStatus::Successful)?;
        if inner.response_type != ID_PKIX_OCSP_BASIC {
            return None;
        }
        let basic = BasicOcspResponse::from_der(inner.response.as_bytes()).ok()?;
        Some(Self { basic, signed: body(inner.response.as_bytes()).ok()?.to_vec() })
    }

    /// What a rightful responder says here of `certificate`, which `issuer` has issued; `None` when this answer does not
    /// speak of it, or when nobody entitled has signed it.
    pub(super) fn statement(&self, certificate: &Parsed, issuer: &Parsed, evidence: &Evidence) -> Option<Statement> {
        let data = &self.basic.tbs_response_data;
        let single = data.responses.iter().find(|single| is_named(&single.cert_id, certificate, issuer))?;
        let known = |extension: &x509_cert::ext::Extension| !extension.critical;
        if !single.single_extensions.iter().chain(&data.response_extensions).flatten().all(known)
            || !self.is_signed_for(issuer, evidence)
        {
            return None;
        }
        let status = match single.cert_status {
            CertStatus::Good(_) => Status::Good,
            CertStatus::Revoked(info) => Status::Revoked { since: time_of(info.revocation_time) },
            CertStatus::Unknown(_) => return None,
        };
        Some(Statement { status, issued: time_of(single.this_update), next: single.next_update.map(time_of) })
    }

    /// Did the issuer, or a responder that it has certified for this (RFC 6960 section 4.2.2.2), sign the answer?
    pub(super) fn is_signed_for(&self, issuer: &Parsed, evidence: &Evidence) -> bool {
        if self.is_by(issuer) {
            return true;
        }
        let certificates = self.basic.certs.iter().flatten().take(MAX_CERTIFICATES);
        let mut responders = certificates.filter_map(|one| one.to_der().and_then(|der| Parsed::read(&der)).ok());
        responders.any(|responder| {
            self.is_by(&responder)
                && has_issued(issuer, &responder) == Ok(true)
                && self.may_respond(&responder, issuer, evidence)
        })
    }

    fn is_by(&self, responder: &Parsed) -> bool {
        let tbs = &responder.certificate.tbs_certificate;
        let named = match &self.basic.tbs_response_data.responder_id {
            ResponderId::ByName(name) => *name == tbs.subject,
            ResponderId::ByKey(hash) => hash.as_bytes() == key_hash(&responder.certificate),
        };
        let Some(signature) = self.basic.signature.as_bytes().filter(|_| named) else { return false };
        let (key, algorithm) = (&tbs.subject_public_key_info, &self.basic.signature_algorithm);
        algorithm::verify(key, algorithm, None, &self.signed, signature).is_ok()
    }

    /// Is the certificate meant for answering, valid then, and either exempt from revocation or shown by a list not to be
    /// revoked (RFC 6960 section 4.2.2.2.1)?
    fn may_respond(&self, responder: &Parsed, issuer: &Parsed, evidence: &Evidence) -> bool {
        let produced = time_of(self.basic.tbs_response_data.produced_at);
        let tbs = &responder.certificate.tbs_certificate;
        let purposes = tbs.get::<ExtendedKeyUsage>().ok().flatten();
        let meant = purposes.is_some_and(|(_, purposes)| purposes.0.contains(&ID_KP_OCSP_SIGNING));
        let exempt = tbs.extensions.iter().flatten().any(|extension| extension.extn_id == ID_PKIX_OCSP_NOCHECK);
        meant
            && check_validity(&responder.certificate, produced).is_ok()
            && (exempt || evidence.listed(responder, issuer, produced) == Standing::Good)
    }
}

/// Is this certificate meant? Answers repeat the hashes of the question; those of others may have SHA-256.
fn is_named(named: &CertId, certificate: &Parsed, issuer: &Parsed) -> bool {
    let tbs = &issuer.certificate.tbs_certificate;
    let Ok(name) = tbs.subject.to_der() else { return false };
    let key = tbs.subject_public_key_info.subject_public_key.raw_bytes();
    let (name_hash, key_hash) = match named.hash_algorithm.oid {
        rfc5912::ID_SHA_1 => (Sha1::digest(&name).to_vec(), Sha1::digest(key).to_vec()),
        rfc5912::ID_SHA_256 => (Sha256::digest(&name).to_vec(), Sha256::digest(key).to_vec()),
        _ => return false,
    };
    named.serial_number == certificate.certificate.tbs_certificate.serial_number
        && named.issuer_name_hash.as_bytes() == name_hash
        && named.issuer_key_hash.as_bytes() == key_hash
}

fn time_of(time: OcspGeneralizedTime) -> OffsetDateTime {
    moment(time.0.to_unix_duration())
}
