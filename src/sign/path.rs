//! Chains from a signer to a trusted root: RFC 5280 section 6.1, without revocation, name constraints and policies.

use super::algorithm::{self, SignatureFault};
use super::certificate::{CertificateFault, Parsed};
use time::OffsetDateTime;

/// Certificates in a chain at most, the signer's and the root's included. Real ones have two to four.
const MAX_CHAIN: usize = 8;
/// Signatures verified at most while chains are sought, so that a crafted heap of certificates cannot cost more than
/// some tens of milliseconds.
const MAX_SIGNATURES: usize = 64;

/// A fault of one certificate of the chain.
#[derive(Debug)]
pub(super) struct PathFault {
    /// Place in the chain; 0 is the signer.
    pub(super) index: usize,
    pub(super) fault: CertificateFault,
}

/// The chain that was found and all that is wrong with it.
#[derive(Debug)]
pub(super) struct Path<'a> {
    /// Signer first, root last.
    pub(super) certificates: Vec<&'a Parsed>,
    pub(super) faults: Vec<PathFault>,
}

/// Finds the chain from `leaf` through `pool` to one of `roots`: a faultless one, else the first that is signed
/// throughout, else `None`.
pub(super) fn find<'a>(
    leaf: &'a Parsed,
    pool: &'a [Parsed],
    roots: &'a [Parsed],
    at: OffsetDateTime,
) -> Option<Path<'a>> {
    let mut search = Search { pool, roots, at, signatures_left: MAX_SIGNATURES, best: None };
    search.extend(&mut vec![leaf]);
    search.best
}

/// The issuers of `leaf` in `pool`, in order, as far as they are there: what goes into a signature.
pub(super) fn issuers<'a>(leaf: &'a Parsed, pool: &'a [Parsed]) -> Vec<&'a Parsed> {
    let mut chain = vec![leaf];
    while chain.len() < MAX_CHAIN {
        let last = chain[chain.len() - 1];
        let next = pool.iter().find(|issuer| !chain.contains(issuer) && has_issued(issuer, last) == Ok(true));
        match next {
            Some(issuer) if !last.is_self_issued() => chain.push(issuer),
            _ => break,
        }
    }
    chain
}

struct Search<'a> {
    pool: &'a [Parsed],
    roots: &'a [Parsed],
    at: OffsetDateTime,
    signatures_left: usize,
    best: Option<Path<'a>>,
}

impl<'a> Search<'a> {
    /// Depth first; stops at the first faultless chain.
    fn extend(&mut self, chain: &mut Vec<&'a Parsed>) {
        let last = chain[chain.len() - 1];
        if let Some(root) = self.roots.iter().find(|root| *root == last) {
            let end = chain.len() - 1;
            chain[end] = root;
            self.judge(chain);
            return;
        }
        if chain.len() == MAX_CHAIN {
            return;
        }
        for issuer in self.roots.iter().chain(self.pool) {
            if self.is_done() {
                return;
            }
            if chain.contains(&issuer) || !names_match(issuer, last) {
                continue;
            }
            self.signatures_left -= 1;
            if has_issued(issuer, last) == Ok(true) {
                chain.push(issuer);
                self.extend(chain);
                chain.pop();
            }
        }
    }

    fn is_done(&self) -> bool {
        self.signatures_left == 0 || self.best.as_ref().is_some_and(|path| path.faults.is_empty())
    }

    fn judge(&mut self, chain: &[&'a Parsed]) {
        let faults = faults(chain, self.at);
        if self.best.is_none() || faults.is_empty() {
            self.best = Some(Path { certificates: chain.to_vec(), faults });
        }
    }
}

/// What is wrong with the certificates of a chain, signer first, beyond the signatures that link them.
pub(super) fn faults(chain: &[&Parsed], at: OffsetDateTime) -> Vec<PathFault> {
    let mut faults = Vec::new();
    // CA certificates below the one looked at, which path length constraints count.
    let mut below = 0;
    for (index, certificate) in chain.iter().enumerate() {
        let mut found = certificate.common_faults(at);
        if index > 0 {
            found.extend(certificate.issuer_faults(below));
            below += usize::from(!certificate.is_self_issued());
        }
        faults.extend(found.into_iter().map(|fault| PathFault { index, fault }));
    }
    faults
}

fn names_match(issuer: &Parsed, issued: &Parsed) -> bool {
    // Compared as encoded: what every CA we know does, and safer than guessing at equal spellings.
    issuer.certificate.tbs_certificate.subject == issued.certificate.tbs_certificate.issuer
}

/// Did `issuer` sign `issued`? `Err` names an algorithm or a key that is not allowed.
pub(super) fn has_issued(issuer: &Parsed, issued: &Parsed) -> Result<bool, CertificateFault> {
    if !names_match(issuer, issued) {
        return Ok(false);
    }
    let certificate = &issued.certificate;
    let Some(signature) = certificate.signature.as_bytes() else { return Ok(false) };
    let key = &issuer.certificate.tbs_certificate.subject_public_key_info;
    match algorithm::verify(key, &certificate.signature_algorithm, None, issued.tbs(), signature) {
        Ok(()) => Ok(true),
        Err(SignatureFault::Mismatch) => Ok(false),
        Err(SignatureFault::Algorithm(oid)) => Err(CertificateFault::Algorithm(oid.to_string())),
        Err(SignatureFault::Key(found)) => Err(CertificateFault::Key(found)),
    }
}
