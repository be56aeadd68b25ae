//! The signatures and timestamps of one PDF, judged together (after ETSI EN 319 102-1 section 5.6.3).
//!
//! They are gone through from the last to the first. A valid document timestamp proves that everything before it existed at
//! its time: what it covers is judged at that time, the last one now. So a signature outlives its certificate, and a
//! timestamp its own.

use time::OffsetDateTime;

use super::Trust;
use crate::model::SignatureLevel;
use crate::pdf::changes::{self, Change};
use crate::pdf::dss::{self, SecurityStore};
use crate::pdf::signature::{self, EmbeddedSignature, SignatureError};
use crate::sign::Certificate;
use crate::sign::revocation::{Evidence, Revocation};
use crate::sign::timestamp::{self, TimestampVerdict};
use crate::sign::verify::{Problem, Verdict, verify};

/// Format of PAdES signatures; others have no level.
const PADES: &str = "ETSI.CAdES.detached";

/// A signature or a document timestamp with its verdict.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Where it stands and what it covers.
    pub signature: EmbeddedSignature,
    /// What was found of it.
    pub verdict: Kind,
    /// The first thing appended after it that may not be.
    pub change: Option<Change>,
    /// When it is known to exist by what stands after it: the time of the nearest valid document timestamp, else the time of
    /// looking.
    pub at: OffsetDateTime,
    /// When it is proven to have existed: by a timestamp of its own or a later one over it.
    pub proven_time: Option<OffsetDateTime>,
    /// The level of a PAdES signature that is intact.
    pub level: Option<SignatureLevel>,
}

/// The two kinds of signatures in a PDF.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Somebody's signature.
    Signature(Box<Verdict>),
    /// A document timestamp.
    Timestamp(Box<TimestampVerdict>),
}

impl Kind {
    /// All that is wrong, but for changes after it.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Signature(verdict) => &verdict.problems,
            Self::Timestamp(verdict) => &verdict.problems,
        }
    }

    /// What is known of the revocation of its certificates.
    pub fn revocation(&self) -> Revocation {
        match self {
            Self::Signature(verdict) => verdict.revocation,
            Self::Timestamp(verdict) => verdict.revocation,
        }
    }

    /// The signer, or the timestamp service.
    pub fn signer(&self) -> &str {
        match self {
            Self::Signature(verdict) => &verdict.signer,
            Self::Timestamp(verdict) => &verdict.authority,
        }
    }

    /// The chains to trusted roots that were found: its own, and those of the timestamps in it.
    pub fn chains(&self) -> Vec<&[Certificate]> {
        match self {
            Self::Signature(verdict) => {
                let stamps = verdict.timestamps.iter().map(|stamp| stamp.chain.as_slice());
                std::iter::once(verdict.chain.as_slice()).chain(stamps).collect()
            }
            Self::Timestamp(verdict) => vec![&verdict.chain],
        }
    }

    /// Nothing is wrong with it and a trusted root vouches for it.
    fn is_valid(&self) -> bool {
        match self {
            Self::Signature(verdict) => verdict.is_valid(),
            Self::Timestamp(verdict) => verdict.proven_time().is_some(),
        }
    }
}

impl Judged {
    /// Nothing is wrong with it, nor with what follows it, and a trusted root vouches for it.
    pub fn is_valid(&self) -> bool {
        self.change.is_none() && self.verdict.is_valid()
    }
}

/// What was found in a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Signatures and document timestamps, earliest first.
    pub signatures: Vec<Judged>,
    /// Stored revocation data that cannot be read (all is left out then), or that nobody known has signed: its kind.
    pub bad_evidence: Option<&'static str>,
    /// What the file keeps for its signatures.
    pub store: SecurityStore,
}

/// Judges all signatures and timestamps of a file.
///
/// # Errors
///
/// When the file, or the structure of any of its signatures, is not sound.
pub fn judge(pdf: &[u8], trust: &Trust) -> Result<Document, SignatureError> {
    let found = signature::list(pdf)?;
    let store = if found.is_empty() { SecurityStore::default() } else { dss::read(pdf)? };
    let (evidence, unreadable) = match evidence(&store, trust.at) {
        Ok(evidence) => (evidence, None),
        Err(kind) => (Evidence::default(), Some(kind)),
    };
    let mut signatures = judge_all(pdf, found, &evidence, trust)?;
    let chains = signatures.iter().flat_map(|one| one.verdict.chains()).flatten();
    let known: Vec<Certificate> = trust.roots.iter().chain(chains).cloned().collect();
    let bad_evidence = unreadable.or_else(|| evidence.unfounded(&known));

    // What the last timestamp keeps from ageing is what stood before it.
    let last = signatures.iter().rposition(|one| matches!(one.verdict, Kind::Timestamp(_)) && one.is_valid());
    if let Some(last) = last {
        let end = signatures[last].signature.revision_end();
        let kept = dss::read(&pdf[..end]).map(|store| self::evidence(&store, trust.at));
        if let Ok(Ok(kept)) = kept {
            let listed = signatures.iter().map(|one| one.signature.clone()).collect();
            let archived = judge_all(pdf, listed, &kept, trust)?;
            for (one, archived) in signatures.iter_mut().zip(&archived[..last]) {
                if one.level >= Some(SignatureLevel::LongTerm) && archived.level >= Some(SignatureLevel::LongTerm) {
                    one.level = Some(SignatureLevel::Archive);
                }
            }
        }
    }
    Ok(Document { signatures, bad_evidence, store })
}

/// The stored data as evidence.
pub(crate) fn evidence(store: &SecurityStore, now: OffsetDateTime) -> Result<Evidence, &'static str> {
    Evidence::read(
        store.certificates.iter().map(Vec::as_slice),
        store.ocsp_responses.iter().map(Vec::as_slice),
        store.revocation_lists.iter().map(Vec::as_slice),
        now,
    )
}

/// Verdicts with levels up to B-LT.
fn judge_all(
    pdf: &[u8],
    found: Vec<EmbeddedSignature>,
    evidence: &Evidence,
    trust: &Trust,
) -> Result<Vec<Judged>, SignatureError> {
    let mut judged = Vec::new();
    // The nearest later timestamp that is valid: its time, and whether its own certificates are known to be good.
    let mut covering: Option<(OffsetDateTime, Revocation)> = None;
    for signature in found.into_iter().rev() {
        let message = signature.digest_input(pdf);
        let at = covering.map_or(trust.at, |(time, _)| time);
        let change = changes::forbidden(pdf, &signature)?;
        let (verdict, proven_time, level) = if signature.is_timestamp() {
            let verdict = timestamp::verify(&signature.cms, &message, &trust.roots, evidence, at);
            let proven = verdict.proven_time().filter(|_| change.is_none());
            let covered = covering;
            covering = proven.map(|time| (time, verdict.revocation)).or(covering);
            (Kind::Timestamp(Box::new(verdict)), proven.or(covered.map(|(time, _)| time)), None)
        } else {
            let verdict = verify(&signature.cms, &message, &trust.roots, evidence, at);
            let level = level(&signature, &verdict, covering);
            let proven = verdict.proven_time.into_iter().chain(covering.map(|(time, _)| time)).min();
            (Kind::Signature(Box::new(verdict)), proven, level)
        };
        judged.push(Judged { signature, verdict, change, at, proven_time, level });
    }
    judged.reverse();
    Ok(judged)
}

/// The level of a signature, given the document timestamp that covers it.
fn level(
    signature: &EmbeddedSignature,
    verdict: &Verdict,
    covering: Option<(OffsetDateTime, Revocation)>,
) -> Option<SignatureLevel> {
    if signature.sub_filter != PADES || !verdict.is_intact() {
        return None;
    }
    let own = verdict.timestamps.iter().find(|stamp| stamp.proven_time().is_some()).map(|stamp| stamp.revocation);
    Some(match own.or(covering.map(|(_, revocation)| revocation)) {
        None => SignatureLevel::Basic,
        Some(Revocation::Good) if verdict.is_valid() && verdict.revocation == Revocation::Good => {
            SignatureLevel::LongTerm
        }
        Some(_) => SignatureLevel::Time,
    })
}
