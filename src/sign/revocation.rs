//! Was a certificate revoked? What OCSP responses and revocation lists prove, for a chain and a moment.
//!
//! Evidence proves something for a moment when it was issued after it (a certificate that is good now was good before), or
//! when it was in force then: issued before, and the next one due after it. A revocation is told whatever its age. Where
//! evidence disagrees, revoked counts.

use super::Certificate;
use super::certificate::{Parsed, display_name};
use super::crl::List;
use super::ocsp::Response;
use super::path::has_issued;
use der::Encode;
use time::{Duration, OffsetDateTime};

/// Pieces of evidence of each kind at most, so that a crafted heap of them costs no more than some seconds. Real files have
/// a handful for each signature and timestamp.
const MAX_PIECES: usize = 128;
/// Evidence may be this much ahead of our clock.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

/// What is known of the revocation of a signer's or a timestamp service's certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// For some certificate of the chain nothing proves anything.
    #[default]
    Unknown,
    /// Every certificate below the root is proven not to have been revoked at the time.
    Good,
    /// Some certificate was revoked at the time: see the problems.
    Revoked,
}

/// What evidence says of one certificate at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Unknown,
    Good,
    Revoked { since: OffsetDateTime },
}

/// What one piece of evidence says of one certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    pub(super) status: Status,
    /// `thisUpdate`.
    pub(super) issued: OffsetDateTime,
    /// `nextUpdate`.
    pub(super) next: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked { since: OffsetDateTime },
}

/// Certificates, OCSP responses and revocation lists that may help to judge signatures: those stored in a file (`/DSS`),
/// or just fetched.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    certificates: Vec<Parsed>,
    responses: Vec<Response>,
    lists: Vec<List>,
    /// When it is looked at; evidence of a later date is not believed. `None` only where there is no evidence.
    now: Option<OffsetDateTime>,
}

impl Evidence {
    /// Reads evidence, each piece DER: certificates, whole OCSP responses, complete revocation lists. Nothing is judged yet.
    ///
    /// # Errors
    ///
    /// Names the kind of the first piece that cannot be read, or of which there are too many.
    pub fn read<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
        responses: impl IntoIterator<Item = &'a [u8]>,
        lists: impl IntoIterator<Item = &'a [u8]>,
        now: OffsetDateTime,
    ) -> Result<Self, &'static str> {
        let evidence = Self {
            certificates: all(certificates, |der| Parsed::read(der).ok()).ok_or("certificate")?,
            responses: all(responses, Response::read).ok_or("OCSP response")?,
            lists: all(lists, List::read).ok_or("revocation list")?,
            now: Some(now),
        };
        Ok(evidence)
    }

    /// Is there anything that nobody known vouches for? Nothing protects stored evidence before a timestamp covers it, so
    /// every piece must bear the signature of a certificate that is stored as well or `known` otherwise; answers its kind.
    pub fn unfounded(&self, known: &[Certificate]) -> Option<&'static str> {
        let known = known.iter().filter_map(|one| one.to_der().and_then(|der| Parsed::read(&der)).ok());
        let pool: Vec<Parsed> = known.chain(self.certificates.iter().cloned()).collect();
        let issued = |one: &Parsed| pool.iter().any(|issuer| has_issued(issuer, one) == Ok(true));
        if !self.certificates.iter().all(issued) {
            return Some("certificate");
        }
        if !self.responses.iter().all(|one| pool.iter().any(|issuer| one.is_signed_for(issuer, self))) {
            return Some("OCSP response");
        }
        let unsigned = self.lists.iter().any(|one| !pool.iter().any(|issuer| one.is_signed_by(issuer)));
        unsigned.then_some("revocation list")
    }

    /// The certificates, which may be missing links of a chain.
    pub(super) fn certificates(&self) -> &[Parsed] {
        &self.certificates
    }

    /// What all evidence says of `certificate`, which `issuer` has issued, at `moment`.
    pub(super) fn standing(&self, certificate: &Parsed, issuer: &Parsed, moment: OffsetDateTime) -> Standing {
        let answered = self.responses.iter().filter_map(|response| response.statement(certificate, issuer, self));
        let listed = self.lists.iter().filter_map(|list| list.statement(certificate, issuer));
        self.weigh(answered.chain(listed), moment)
    }

    /// What the lists alone say.
    pub(super) fn listed(&self, certificate: &Parsed, issuer: &Parsed, moment: OffsetDateTime) -> Standing {
        self.weigh(self.lists.iter().filter_map(|list| list.statement(certificate, issuer)), moment)
    }

    fn weigh(&self, statements: impl Iterator<Item = Statement>, moment: OffsetDateTime) -> Standing {
        let mut standing = Standing::Unknown;
        for Statement { status, issued, next } in statements {
            if self.now.is_none_or(|now| issued > now + CLOCK_TOLERANCE) {
                continue;
            }
            match status {
                Status::Revoked { since } if since <= moment => return Standing::Revoked { since },
                // Revoked later only: it was good before.
                Status::Revoked { .. } => standing = Standing::Good,
                Status::Good if issued >= moment || next.is_some_and(|next| next >= moment) => {
                    standing = Standing::Good;
                }
                Status::Good => {}
            }
        }
        standing
    }
}

fn all<'a, T>(pieces: impl IntoIterator<Item = &'a [u8]>, read: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<T>> {
    let pieces: Vec<T> = pieces.into_iter().take(MAX_PIECES + 1).map(read).collect::<Option<_>>()?;
    Some(pieces).filter(|pieces| pieces.len() <= MAX_PIECES)
}

/// The certificates of a chain (signer first, root last) of which it is not proven that they were good at `moment`, with
/// the issuer of each: what evidence has to be fetched for.
///
/// # Errors
///
/// When one is proven to be revoked.
pub fn unproven<'a>(
    chain: &'a [Certificate],
    evidence: &Evidence,
    moment: OffsetDateTime,
) -> Result<Vec<(&'a Certificate, &'a Certificate)>, RevokedCertificate> {
    let parsed: Vec<Parsed> =
        chain.iter().filter_map(|one| one.to_der().and_then(|der| Parsed::read(&der)).ok()).collect();
    let mut unproven = Vec::new();
    for (index, pair) in parsed.windows(2).enumerate() {
        match evidence.standing(&pair[0], &pair[1], moment) {
            Standing::Good => {}
            Standing::Unknown => unproven.push((&chain[index], &chain[index + 1])),
            Standing::Revoked { since } => {
                let holder = display_name(&pair[0].certificate.tbs_certificate.subject);
                return Err(RevokedCertificate { holder, since });
            }
        }
    }
    Ok(unproven)
}

/// A certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate of {holder} was revoked at {since}")]
pub struct RevokedCertificate {
    /// Its holder.
    pub holder: String,
    /// Since when.
    pub since: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

    fn statement(status: Status, issued_hours: i64, next_hours: Option<i64>) -> Statement {
        let after = |hours| NOON + Duration::hours(hours);
        Statement { status, issued: after(issued_hours), next: next_hours.map(after) }
    }

    fn weighed(statements: &[Statement]) -> Standing {
        let evidence = Evidence { now: Some(NOON + Duration::hours(10)), ..Evidence::default() };
        evidence.weigh(statements.iter().copied(), NOON)
    }

    #[test]
    fn good_needs_evidence_from_later_or_in_force() {
        let good = |issued, next| weighed(&[statement(Status::Good, issued, next)]);
        assert_eq!(good(1, None), Standing::Good, "issued after the moment");
        assert_eq!(good(-1, Some(1)), Standing::Good, "in force at the moment");
        assert_eq!(good(-2, Some(-1)), Standing::Unknown, "a newer one was due");
        assert_eq!(good(-1, None), Standing::Unknown, "newer ones are always due");
        assert_eq!(good(11, None), Standing::Unknown, "from the future");
        assert_eq!(weighed(&[]), Standing::Unknown);
        assert_eq!(Evidence::default().weigh([statement(Status::Good, 1, None)].into_iter(), NOON), Standing::Unknown);
    }

    #[test]
    fn revoked_counts_from_its_time_on_and_outweighs_good() {
        let since = |hours| Status::Revoked { since: NOON + Duration::hours(hours) };
        let earlier = Standing::Revoked { since: NOON - Duration::hours(1) };
        assert_eq!(weighed(&[statement(since(-1), -1, Some(-1))]), earlier, "old news, but news");
        assert_eq!(weighed(&[statement(since(1), 2, None)]), Standing::Good, "revoked only later");
        let both = [statement(Status::Good, 1, None), statement(since(-1), 1, None), statement(Status::Good, 1, None)];
        assert_eq!(weighed(&both), earlier);
    }

    #[test]
    fn damaged_pieces_are_named_by_their_kind() {
        let none = || std::iter::empty::<&[u8]>();
        let bad = || std::iter::once(&b"no"[..]);
        assert_eq!(Evidence::read(bad(), none(), none(), NOON).unwrap_err(), "certificate");
        assert_eq!(Evidence::read(none(), bad(), none(), NOON).unwrap_err(), "OCSP response");
        assert_eq!(Evidence::read(none(), none(), bad(), NOON).unwrap_err(), "revocation list");
        let many = std::iter::repeat_n(&include_bytes!("../../tests/data/sign/root.pem")[..], MAX_PIECES + 1);
        assert_eq!(Evidence::read(many, none(), none(), NOON).unwrap_err(), "certificate");
    }
}
