//! Signatures brought to a higher level afterwards: a timestamp (B-T), revocation data kept in the file (B-LT), a document
//! timestamp over it all (B-LTA), and its renewal.
//!
//! Everything is signed as B-B without a network; this is the step that needs one. [`in_place`] changes a file and the
//! manifest that lists it together, [`pdf`] only bytes. Nothing is written before the new file was verified to have the
//! level.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::ledger::{Ledger, LedgerError};
use crate::manifest::{self, ManifestError, Sealed};
use crate::model::{Lang, Localized, SignatureLevel, io_reason, shown};
use crate::online::{Client, OnlineError};
use crate::pdf::changes::Change;
use crate::pdf::dss::{self, SecurityStore};
use crate::pdf::signature::{self, SignatureError};
use crate::publish::{OutputDir, PublishError};
use crate::sign::cms;
use crate::sign::revocation::{self, Evidence, RevokedCertificate};
use crate::sign::timestamp::{self, Request, Stamped, TimestampError};
use crate::sign::verify::Problem;
use crate::sign::{self, Certificate, OsRng, RunKey, SignError, Signer, certificate, crl, ocsp};
use crate::verify::Trust;
use crate::verify::document::{self, Document, Judged, Kind};

/// Room beyond a token's size when another from the same service is expected.
const TOKEN_MARGIN: usize = 512;

/// What is asked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The level to reach.
    pub level: SignatureLevel,
    /// Whether a file that has it gets fresh revocation data and another document timestamp all the same: before the
    /// certificate of the last one expires.
    pub renew: bool,
    /// Address of the timestamp service.
    pub service: Option<&'a str>,
    /// Policy to ask of it.
    pub policy: Option<&'a str>,
    /// Roots of the signers and of the timestamp service, and the time now.
    pub trust: &'a Trust,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgraded {
    /// The lowest level of its signatures before.
    pub before: SignatureLevel,
    /// And now.
    pub now: SignatureLevel,
    /// Whether the file was changed.
    pub changed: bool,
}

/// Why a file keeps its level. It was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(io::Error),
    /// The PDF, or a signature in it, is not sound.
    #[error(transparent)]
    Pdf(#[from] SignatureError),
    /// There is nothing to be timestamped.
    #[error("the file carries no PAdES signature: sign it first")]
    NotSigned,
    /// A signature is not valid, and no timestamp makes it so.
    #[error("a signature is not valid, see `sohoa verify`: {}", .0.message(Lang::En))]
    Invalid(Problem),
    /// Something was appended that may not follow a signature.
    #[error("the file was changed after it was signed ({}): get the original back", .0.what)]
    Changed(Change),
    /// Stored revocation data is damaged or of unknown origin: its kind.
    #[error("revocation data kept in the file is damaged or of unknown origin ({0}): get the original back")]
    Evidence(&'static str),
    /// The roots given do not vouch for a signer or service: the issuer.
    #[error("no trusted root certificate for {0}: name it with --trust")]
    Untrusted(String),
    /// A certificate was revoked.
    #[error(transparent)]
    Revoked(#[from] RevokedCertificate),
    /// No timestamp service is named.
    #[error("a timestamp is needed: name the service with --timestamp or sign.timestamp")]
    NoService,
    /// A service does not answer.
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// A timestamp service answers wrongly.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// Nothing proves that a certificate was not revoked.
    #[error("no proof that the certificate of {holder} is not revoked: {}", .lacking.message(Lang::En))]
    NoEvidence {
        /// Its holder.
        holder: String,
        /// What became of the last try.
        lacking: Lacking,
    },
    /// The manifest beside the file is damaged.
    #[error("{}: {source}", shown(path))]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// The file is not the one that the manifest lists.
    #[error("the file is not the one that the manifest lists, see `sohoa verify`")]
    NotAsListed,
    /// The manifest must be sealed anew by the same signer: its name.
    #[error("the manifest that lists the file is sealed by {0}: give the same key with --key")]
    SealKey(String),
    /// The manifest cannot be sealed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The file cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The directory's log was altered, or the directory cannot be written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file made does not verify at the level wanted.
    #[error("the level was not reached, only {0}")]
    NotReached(SignatureLevel),
}

/// Why there is no evidence for a certificate.
#[derive(Debug)]
#[non_exhaustive]
pub enum Lacking {
    /// The certificate names neither a responder nor a list.
    NoAddress,
    /// Nobody answers.
    NoAnswer(OnlineError),
    /// What came from this address proves nothing.
    Useless(String),
}

impl Localized for Lacking {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::NoAddress, Lang::Vi) => {
                "chứng thư không ghi địa chỉ tra cứu thu hồi, chữ ký chỉ đạt được mức B-T".to_owned()
            }
            (Self::NoAddress, Lang::En) => {
                "it names no revocation service, so that its signatures can reach B-T only".to_owned()
            }
            (Self::NoAnswer(error), lang) => error.message(lang),
            (Self::Useless(address), Lang::Vi) => {
                format!("trả lời của {address} không chứng minh được; hãy thử lại sau")
            }
            (Self::Useless(address), Lang::En) => format!("what {address} answers proves nothing; try again later"),
        }
    }
}

impl Localized for UpgradeError {
    fn message(&self, lang: Lang) -> String {
        if lang == Lang::En {
            return match self {
                Self::Unreadable(error) => io_reason(error.kind(), lang),
                Self::Online(error) => error.message(lang),
                Self::Sign(error) => error.message(lang),
                Self::Pdf(error) => error.message(lang),
                other => other.to_string(),
            };
        }
        match self {
            Self::Unreadable(error) => io_reason(error.kind(), lang),
            Self::Pdf(error) => error.message(lang),
            Self::NotSigned => "tệp chưa có chữ ký PAdES; hãy ký trước".to_owned(),
            Self::Invalid(problem) => {
                format!("chữ ký không hợp lệ, hãy xem `sohoa verify`: {}", problem.message(lang))
            }
            Self::Changed(change) => format!("tệp đã bị thay đổi sau khi ký ({}); hãy lấy lại bản gốc", change.what),
            Self::Evidence(kind) => format!(
                "dữ liệu kiểm tra thu hồi lưu trong tệp bị hỏng hoặc không rõ nguồn ({kind}); hãy lấy lại bản gốc"
            ),
            Self::Untrusted(issuer) => {
                format!("không có chứng thư gốc tin cậy cho {issuer}; hãy thêm bằng --trust")
            }
            Self::Revoked(RevokedCertificate { holder, since }) => {
                Problem::Revoked { holder: holder.clone(), since: *since }.message(lang)
            }
            Self::NoService => {
                "cần dấu thời gian; hãy chỉ địa chỉ dịch vụ bằng --timestamp hoặc sign.timestamp".to_owned()
            }
            Self::Online(error) => error.message(lang),
            Self::Timestamp(error) => error.message(lang),
            Self::NoEvidence { holder, lacking } => {
                format!("không có bằng chứng chứng thư của {holder} chưa bị thu hồi: {}", lacking.message(lang))
            }
            Self::Manifest { path, .. } => {
                format!("{}: tệp kê khai bị hỏng hoặc đã bị sửa; hãy chạy `sohoa verify`", shown(path))
            }
            Self::NotAsListed => "tệp không còn đúng như bản kê khai; hãy chạy `sohoa verify`".to_owned(),
            Self::SealKey(signer) => {
                format!("bản kê khai có tệp này do {signer} niêm phong; hãy dùng --key với cùng khóa đó")
            }
            Self::Sign(error) => error.message(lang),
            Self::Publish(error) => error.message(lang),
            Self::Ledger(error) => error.message(lang),
            Self::NotReached(level) => format!("không đạt được mức yêu cầu, chỉ đạt {level}"),
        }
    }
}

/// The signed components that a directory's manifest lists, and whether its seal needs a key.
///
/// # Errors
///
/// When there is no sound manifest.
pub fn listed(directory: &Path) -> Result<(Vec<PathBuf>, bool), UpgradeError> {
    let sealed = open_manifest(directory)?.ok_or_else(|| UpgradeError::Unreadable(io::ErrorKind::NotFound.into()))?;
    let signed = sealed.manifest.components.iter().filter(|component| component.signature.is_some());
    let files = signed.filter_map(|component| component.file.as_ref()).map(|file| directory.join(&file.path));
    Ok((files.collect(), sealed.cms.is_some()))
}

/// Whether a manifest beside a file lists it under a seal, so that its key is needed.
///
/// # Errors
///
/// When the manifest is damaged.
pub fn needs_key(file: &Path) -> Result<bool, UpgradeError> {
    let sealed = open_manifest(directory_of(file))?;
    let name = name_of(file);
    Ok(sealed.is_some_and(|sealed| sealed.cms.is_some() && entry_of(&sealed, &name).is_some()))
}

/// Brings the signatures of a file to the level wanted, and the manifest that lists it up to date: both or none are
/// replaced. `seal` is the key that the manifest was sealed with.
///
/// # Errors
///
/// See [`UpgradeError`]; the file is then as it was.
pub fn in_place(
    file: &Path,
    wanted: &Wanted<'_>,
    client: &Client,
    seal: Option<&dyn Signer>,
) -> Result<Upgraded, UpgradeError> {
    let directory = directory_of(file);
    let name = name_of(file);
    // Before anything is locked: a directory that is not there is not to be made.
    fs::metadata(file).map_err(UpgradeError::Unreadable)?;
    let output = OutputDir::open(directory)?;
    if open_manifest(directory)?.is_some() {
        Ledger::read(&output)?;
    }
    let bytes = fs::read(file).map_err(UpgradeError::Unreadable)?;
    let sealed = open_manifest(directory)?.filter(|sealed| entry_of(sealed, &name).is_some());
    if let Some(sealed) = &sealed {
        check_listed(sealed, &name, &bytes, seal, wanted.trust)?;
    }
    let (upgraded, new) = pdf(&bytes, wanted, client)?;
    let Some(new) = new else { return Ok(upgraded) };
    match sealed {
        None => output.write(&[(&name, &new)])?,
        Some(sealed) => {
            let mut key = RunKey::new(seal.filter(|_| sealed.cms.is_some()));
            Ledger::new(output, sealed.manifest).upgrade_in_place(
                &name,
                new,
                upgraded.now,
                &mut key,
                wanted.trust.at,
            )?;
            key.into_failure().map_or(Ok(()), Err)?;
        }
    }
    Ok(upgraded)
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn name_of(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn open_manifest(directory: &Path) -> Result<Option<Sealed>, UpgradeError> {
    let path = directory.join(manifest::FILE_NAME);
    match fs::read(&path) {
        Ok(bytes) => manifest::open(&bytes).map(Some).map_err(|source| UpgradeError::Manifest { path, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(UpgradeError::Unreadable(error)),
    }
}

fn entry_of<'a>(sealed: &'a Sealed, name: &str) -> Option<&'a manifest::File> {
    sealed.manifest.components.iter().filter_map(|component| component.file.as_ref()).find(|file| file.path == name)
}

/// Before anything is asked for: is the file the one listed, and can the manifest be sealed again as it was?
fn check_listed(
    sealed: &Sealed,
    name: &str,
    bytes: &[u8],
    seal: Option<&dyn Signer>,
    trust: &Trust,
) -> Result<(), UpgradeError> {
    if entry_of(sealed, name).is_none_or(|file| file.sha256 != manifest::sha256_hex(bytes)) {
        return Err(UpgradeError::NotAsListed);
    }
    let Some(cms) = &sealed.cms else { return Ok(()) };
    let verdict = sign::verify::verify(cms, &[&sealed.body], &trust.roots, &Evidence::default(), trust.at);
    let sealed_by = verdict.signing_certificate.as_ref().map(certificate::sha256_hex);
    match seal.map(sign::certificate_sha256) {
        Some(key) if Some(&key) == sealed_by.as_ref() => Ok(()),
        _ => Err(UpgradeError::SealKey(verdict.signer)),
    }
}

/// Brings all signatures of a PDF to the level wanted; no bytes when they have it.
///
/// # Errors
///
/// See [`UpgradeError`].
pub fn pdf(bytes: &[u8], wanted: &Wanted<'_>, client: &Client) -> Result<(Upgraded, Option<Vec<u8>>), UpgradeError> {
    let mut work = Work { wanted, client, pdf: bytes.to_vec(), token_size: timestamp::USUAL_SIZE };
    let before = work.level()?;
    let renew = wanted.renew && before == SignatureLevel::Archive;
    if before >= wanted.level && !renew {
        return Ok((Upgraded { before, now: before, changed: false }, None));
    }
    if before < SignatureLevel::Time {
        work.stamp_signature()?;
        if work.level()? < SignatureLevel::Time {
            work.stamp_document()?;
        }
    }
    if wanted.level >= SignatureLevel::LongTerm {
        work.store_evidence()?;
    }
    if wanted.level >= SignatureLevel::Archive {
        work.stamp_document()?;
    }
    let now = work.level()?;
    if now < wanted.level {
        return Err(UpgradeError::NotReached(now));
    }
    Ok((Upgraded { before, now, changed: true }, Some(work.pdf)))
}

struct Work<'a> {
    wanted: &'a Wanted<'a>,
    client: &'a Client,
    pdf: Vec<u8>,
    /// What the service's tokens have taken so far.
    token_size: usize,
}

impl Work<'_> {
    fn judged(&self) -> Result<Document, UpgradeError> {
        Ok(document::judge(&self.pdf, self.wanted.trust)?)
    }

    /// The lowest level of the signatures, all of which must be valid.
    fn level(&self) -> Result<SignatureLevel, UpgradeError> {
        let document = self.judged()?;
        if let Some(change) = document.signatures.iter().find_map(|one| one.change.clone()) {
            return Err(UpgradeError::Changed(change));
        }
        if let Some(kind) = document.bad_evidence {
            return Err(UpgradeError::Evidence(kind));
        }
        for judged in &document.signatures {
            if let Some(problem) = judged.verdict.problems().first() {
                return Err(match problem {
                    Problem::NotTrusted(issuer) => UpgradeError::Untrusted(issuer.clone()),
                    Problem::Timestamp(inner) => match &**inner {
                        Problem::NotTrusted(issuer) => UpgradeError::Untrusted(issuer.clone()),
                        _ => UpgradeError::Invalid(problem.clone()),
                    },
                    other => UpgradeError::Invalid(other.clone()),
                });
            }
        }
        let signatures = document.signatures.iter().filter(|one| !one.signature.is_timestamp());
        let levels: Option<Vec<SignatureLevel>> = signatures.map(|one| one.level).collect();
        levels.and_then(|levels| levels.into_iter().min()).ok_or(UpgradeError::NotSigned)
    }

    /// Puts a timestamp into the last signature, where there is room and nothing covers it.
    fn stamp_signature(&mut self) -> Result<(), UpgradeError> {
        let document = self.judged()?;
        let Some(Judged { signature, verdict: Kind::Signature(verdict), .. }) = document.signatures.last() else {
            return Ok(());
        };
        let room = signature.capacity() - signature.cms.len();
        if !verdict.timestamps.is_empty() || !signature.covers_whole_file || room == 0 {
            return Ok(());
        }
        let token = self.stamp(&[&cms::signature_value(&signature.cms)?])?;
        let stamped = cms::with_timestamp(&signature.cms, &token)?;
        if stamped.len() <= signature.capacity() {
            self.pdf = signature.refill(&self.pdf, &stamped)?;
        }
        Ok(())
    }

    /// Appends a document timestamp over the whole file.
    fn stamp_document(&mut self) -> Result<(), UpgradeError> {
        let prepared = signature::prepare_timestamp(self.pdf.as_slice(), self.token_size)?;
        let token = self.stamp(&prepared.digest_input())?;
        self.pdf = match prepared.fill(&token) {
            // The first answer tells how much room the service needs.
            Err(SignatureError::TooLarge { .. }) => {
                let prepared = signature::prepare_timestamp(self.pdf.as_slice(), self.token_size)?;
                let token = self.stamp(&prepared.digest_input())?;
                prepared.fill(&token)?
            }
            filled => filled?,
        };
        Ok(())
    }

    fn stamp(&mut self, message: &[&[u8]]) -> Result<Vec<u8>, UpgradeError> {
        let Trust { roots, at, .. } = self.wanted.trust;
        let address = self.wanted.service.ok_or(UpgradeError::NoService)?;
        let request = Request::new(message, self.wanted.policy, &mut OsRng)?;
        let answer =
            self.client.post(address, timestamp::REQUEST_TYPE, timestamp::RESPONSE_TYPE, &request.to_der()?)?;
        let Stamped { token, verdict } = request.check(&answer, message, roots, &Evidence::default(), *at)?;
        if let Some(Problem::NotTrusted(issuer)) = verdict.problems.first() {
            return Err(UpgradeError::Untrusted(issuer.clone()));
        }
        self.token_size = token.len() + TOKEN_MARGIN;
        Ok(token)
    }

    /// Stores the certificates of all chains, and for each of them the proof that it was not revoked.
    fn store_evidence(&mut self) -> Result<(), UpgradeError> {
        let document = self.judged()?;
        let mut additions = SecurityStore::default();
        let mut certificates = Vec::new();
        for (chain, moment) in chains(&document) {
            certificates.extend(chain.iter().map(certificate::to_der).collect::<Result<Vec<_>, _>>()?);
            self.prove(&chain, moment, &document.store, &mut additions)?;
        }
        // Other verifiers want proof that a responder's certificate existed, too, not only the answer that it stands in.
        certificates.extend(additions.ocsp_responses.iter().flat_map(|response| ocsp::certificates(response)));
        for certificate in certificates {
            if !document.store.certificates.contains(&certificate) && !additions.certificates.contains(&certificate) {
                additions.certificates.push(certificate);
            }
        }
        if !additions.is_empty() {
            self.pdf = dss::append(std::mem::take(&mut self.pdf), &additions)?;
        }
        Ok(())
    }

    fn prove(
        &self,
        chain: &[Certificate],
        moment: OffsetDateTime,
        store: &SecurityStore,
        additions: &mut SecurityStore,
    ) -> Result<(), UpgradeError> {
        let now = self.wanted.trust.at;
        let known = evidence([store, additions], now);
        for (subject, issuer) in revocation::unproven(chain, &known, moment)? {
            let link = [subject.clone(), issuer.clone()];
            let holder = certificate::display_name(&subject.tbs_certificate.subject);
            let responders = ocsp::addresses(subject).into_iter().map(|address| (true, address));
            let lists = crl::addresses(subject).into_iter().map(|address| (false, address));
            let mut lacking = Some(Lacking::NoAddress);
            for (is_responder, address) in responders.chain(lists) {
                let mut found = SecurityStore::default();
                match self.fetch(is_responder, &address, subject, issuer) {
                    Ok(answer) if is_responder => found.ocsp_responses.push(answer),
                    Ok(answer) => found.revocation_lists.push(answer),
                    Err(UpgradeError::Online(error)) => {
                        lacking = Some(Lacking::NoAnswer(error));
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                if revocation::unproven(&link, &evidence([store, &found], now), moment)?.is_empty() {
                    additions.ocsp_responses.append(&mut found.ocsp_responses);
                    additions.revocation_lists.append(&mut found.revocation_lists);
                    lacking = None;
                    break;
                }
                lacking = Some(Lacking::Useless(address));
            }
            if let Some(lacking) = lacking {
                return Err(UpgradeError::NoEvidence { holder, lacking });
            }
        }
        Ok(())
    }

    fn fetch(
        &self,
        is_responder: bool,
        address: &str,
        subject: &Certificate,
        issuer: &Certificate,
    ) -> Result<Vec<u8>, UpgradeError> {
        if is_responder {
            let request = ocsp::request(subject, issuer)?;
            Ok(self.client.post(address, ocsp::REQUEST_TYPE, ocsp::RESPONSE_TYPE, &request)?)
        } else {
            Ok(self.client.get(address)?)
        }
    }
}

/// All chains of signers and timestamp services in a file, with the time at which each is judged.
fn chains(document: &Document) -> Vec<(Vec<Certificate>, OffsetDateTime)> {
    let mut chains = Vec::new();
    for judged in &document.signatures {
        match &judged.verdict {
            Kind::Signature(verdict) => {
                chains.push((verdict.chain.clone(), verdict.proven_time.unwrap_or(judged.at)));
                chains.extend(verdict.timestamps.iter().map(|stamp| (stamp.chain.clone(), judged.at)));
            }
            Kind::Timestamp(verdict) => chains.push((verdict.chain.clone(), judged.at)),
        }
    }
    chains.retain(|(chain, _)| !chain.is_empty());
    chains
}

/// What can be read of stores as evidence; an answer that is none proves nothing.
fn evidence(stores: [&SecurityStore; 2], now: OffsetDateTime) -> Evidence {
    let mut all = SecurityStore::default();
    for store in stores {
        all.certificates.extend(store.certificates.iter().cloned());
        all.ocsp_responses.extend(store.ocsp_responses.iter().cloned());
        all.revocation_lists.extend(store.revocation_lists.iter().cloned());
    }
    document::evidence(&all, now).unwrap_or_default()
}
