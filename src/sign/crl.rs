//! Certificate revocation lists, RFC 5280 sections 5 and 6.3: complete lists that the issuer of the certificate signs
//! itself. Delta lists, lists of another issuer and lists of some reasons only prove nothing here.

use super::Certificate;
use super::algorithm;
use super::certificate::{Parsed, address, body, moment};
use super::revocation::{Statement, Status};
use const_oid::db::rfc5280::{ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS, ID_CE_ISSUING_DISTRIBUTION_POINT};
use der::Decode;
use time::OffsetDateTime;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::{BasicConstraints, CrlDistributionPoints, KeyUsage};

/// Where a certificate says that its issuer's lists are (RFC 5280 section 4.2.1.13); those signed by others are left out.
pub fn addresses(certificate: &Certificate) -> Vec<String> {
    let Ok(Some((_, points))) = certificate.tbs_certificate.get::<CrlDistributionPoints>() else { return Vec::new() };
    let own = points.0.into_iter().filter(|point| point.crl_issuer.is_none() && point.reasons.is_none());
    own.filter_map(|point| point.distribution_point).flat_map(|name| names(&name)).collect()
}

fn names(name: &DistributionPointName) -> Vec<String> {
    match name {
        DistributionPointName::FullName(names) => names.iter().filter_map(address).collect(),
        DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
    }
}

/// A list, read but not yet judged.
#[derive(Clone, Debug)]
pub(super) struct List {
    list: CertificateList,
    /// The bytes that the issuer signed.
    signed: Vec<u8>,
}

impl List {
    /// Reads a list of version 2; `None` when it is none.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        Some(Self { list: CertificateList::from_der(der).ok()?, signed: body(der).ok()?.to_vec() })
    }

    /// What this list says of `certificate`, which `issuer` has issued; `None` when it does not cover it, or is not the
    /// issuer's.
    pub(super) fn statement(&self, certificate: &Parsed, issuer: &Parsed) -> Option<Statement> {
        let list = &self.list.tbs_cert_list;
        if !self.covers(certificate) || !self.is_signed_by(issuer) {
            return None;
        }
        let serial = &certificate.certificate.tbs_certificate.serial_number;
        let mut entries = list.revoked_certificates.iter().flatten();
        let status = match entries.find(|entry| entry.serial_number == *serial) {
            None => Status::Good,
            Some(entry) => revoked(entry)?,
        };
        let issued = moment(list.this_update.to_unix_duration());
        Some(Statement { status, issued, next: list.next_update.map(|time| moment(time.to_unix_duration())) })
    }

    /// Is the certificate in the scope of the list (RFC 5280 section 6.3.3 (b) and section 5.2.5)?
    fn covers(&self, certificate: &Parsed) -> bool {
        let scoped = |extension: &Extension| match extension.extn_id {
            ID_CE_ISSUING_DISTRIBUTION_POINT => IssuingDistributionPoint::from_der(extension.extn_value.as_bytes())
                .is_ok_and(|scope| is_in_scope(&scope, certificate)),
            ID_CE_CRL_NUMBER => true,
            _ => !extension.critical,
        };
        self.list.tbs_cert_list.crl_extensions.iter().flatten().all(scoped)
    }

    /// Is the list the issuer's own, by its signature?
    pub(super) fn is_signed_by(&self, issuer: &Parsed) -> bool {
        let tbs = &issuer.certificate.tbs_certificate;
        let usage = tbs.get::<KeyUsage>();
        if self.list.tbs_cert_list.issuer != tbs.subject
            || !usage.is_ok_and(|usage| usage.is_none_or(|(_, usage)| usage.crl_sign()))
            || self.list.tbs_cert_list.signature != self.list.signature_algorithm
        {
            return false;
        }
        let Some(signature) = self.list.signature.as_bytes() else { return false };
        let (key, algorithm) = (&tbs.subject_public_key_info, &self.list.signature_algorithm);
        algorithm::verify(key, algorithm, None, &self.signed, signature).is_ok()
    }
}

fn is_in_scope(scope: &IssuingDistributionPoint, certificate: &Parsed) -> bool {
    let tbs = &certificate.certificate.tbs_certificate;
    let is_ca = tbs.get::<BasicConstraints>().ok().flatten().is_some_and(|(_, constraints)| constraints.ca);
    let point = scope.distribution_point.as_ref();
    let same_point = point.is_none_or(|point| {
        let stated = addresses(&certificate.certificate);
        names(point).iter().any(|name| stated.contains(name))
    });
    same_point
        && !scope.indirect_crl
        && !scope.only_contains_attribute_certs
        && scope.only_some_reasons.is_none()
        && (!scope.only_contains_user_certs || !is_ca)
        && (!scope.only_contains_ca_certs || is_ca)
}

/// A certificate on hold counts as revoked while it is listed; one that is taken off a delta list is not expected here.
fn revoked(entry: &RevokedCert) -> Option<Status> {
    for extension in entry.crl_entry_extensions.iter().flatten() {
        if extension.extn_id == ID_CE_CRL_REASONS {
            let reason = CrlReason::from_der(extension.extn_value.as_bytes()).ok()?;
            if reason == CrlReason::RemoveFromCRL {
                return None;
            }
        } else if extension.critical {
            return None;
        }
    }
    let since: OffsetDateTime = moment(entry.revocation_date.to_unix_duration());
    Some(Status::Revoked { since })
}
