//! Checking what was published: hashes, signatures, structure, sources.
//!
//! [`directory`] checks an output directory against its manifest, [`file`] a single PDF by itself. What is wrong comes
//! back as values; nothing is repaired.

pub mod document;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::log::{self, LogFault};
use crate::manifest::{self, Component, Manifest, ManifestError, Sealed, Signature, State};
use crate::model::{Lang, Localized, SignatureLevel, io_reason};
use crate::pdf::changes::Change;
use crate::pdf::structure;
use crate::sign::Certificate;
use crate::sign::revocation::{Evidence, Revocation};
use crate::sign::verify::{Problem, verify as verify_cms};
use document::{Judged, Kind};

/// Page sizes in the manifest and in the PDF may differ by rounding: millimetres.
const SIZE_TOLERANCE_MM: f64 = 0.1;

/// Whom to believe, and when.
#[derive(Debug)]
pub struct Trust {
    /// Certificates that signers must descend from.
    pub roots: Vec<Certificate>,
    /// Whether a signer of unknown descent is a fault, or only a remark.
    pub required: bool,
    /// The time at which certificates must be valid.
    pub at: OffsetDateTime,
}

/// What was looked at and what was found.
#[derive(Debug, Default)]
pub struct Verification {
    /// PDF files checked.
    pub files: usize,
    /// Pages checked.
    pub pages: usize,
    /// Source captures checked.
    pub sources: usize,
    /// Signatures and document timestamps checked.
    pub signatures: usize,
    /// What was found of each signature and document timestamp of the PDF files.
    pub reports: Vec<SignatureReport>,
    /// Everything worth telling, in the order found.
    pub findings: Vec<Finding>,
}

/// A remark on one file or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark<'a> {
    /// What it says.
    pub message: String,
    /// Of how many files or signatures.
    pub count: usize,
    /// The first of them.
    pub path: &'a Path,
}

impl Verification {
    /// The remarks, on signatures first. Those that say the same of several files are told once.
    pub fn remarks(&self, lang: Lang) -> Vec<Remark<'_>> {
        let mut told: Vec<Remark<'_>> = Vec::new();
        let remarks = self.findings.iter().filter(|finding| !finding.issue.is_fault());
        let remarks = remarks.map(|finding| (&finding.path, finding.issue.message(lang)));
        for (path, message) in self.reports.iter().map(|one| (&one.path, one.message(lang))).chain(remarks) {
            match told.iter_mut().find(|known| known.message == message) {
                Some(known) => known.count += 1,
                None => told.push(Remark { message, count: 1, path }),
            }
        }
        told
    }

    /// Whether something is wrong.
    pub fn has_faults(&self) -> bool {
        self.findings.iter().any(|finding| finding.issue.is_fault())
    }

    fn add(&mut self, path: &Path, issue: Issue) {
        self.findings.push(Finding { path: path.to_owned(), issue });
    }
}

/// A signature or document timestamp of a file, and what was found of it.
#[derive(Debug)]
pub struct SignatureReport {
    /// The file.
    pub path: PathBuf,
    /// Name of the form field.
    pub field: String,
    /// Whether it is a document timestamp.
    pub is_timestamp: bool,
    /// The signer, or the timestamp service.
    pub signer: String,
    /// The time that the signer claims.
    pub claimed_time: Option<OffsetDateTime>,
    /// The time at which a timestamp proves that it existed.
    pub proven_time: Option<OffsetDateTime>,
    /// What is known of the revocation of the certificates.
    pub revocation: Revocation,
    /// Whether nothing follows the signed bytes.
    pub covers_whole_file: bool,
    /// The level of a signature that is intact; a document timestamp has none.
    pub level: Option<SignatureLevel>,
    /// Whether nothing is wrong and a trusted root vouches for it.
    pub valid: bool,
}

impl Localized for SignatureReport {
    fn message(&self, lang: Lang) -> String {
        let revocation = match self.revocation {
            Revocation::Good => lang.pick("chưa bị thu hồi", "not revoked"),
            Revocation::Revoked => lang.pick("đã bị thu hồi", "revoked"),
            Revocation::Unknown => lang.pick("chưa rõ có bị thu hồi hay không", "revocation unknown"),
        };
        let time = match self.proven_time {
            Some(_) => lang.pick("có dấu thời gian", "timestamped"),
            None => lang.pick("chưa có dấu thời gian", "no timestamp"),
        };
        match (self.is_timestamp, self.level, lang) {
            (true, _, Lang::Vi) => format!("dấu thời gian của tài liệu; chứng thư {revocation}"),
            (true, _, Lang::En) => format!("document timestamp; its certificate: {revocation}"),
            (false, Some(level), Lang::Vi) => format!("chữ ký mức {level}: {time}; chứng thư {revocation}"),
            (false, Some(level), Lang::En) => {
                format!("signature of level {level}: {time}; its certificate: {revocation}")
            }
            (false, None, Lang::Vi) => format!("chữ ký không theo mức PAdES nào: {time}; chứng thư {revocation}"),
            (false, None, Lang::En) => format!("signature of no PAdES level: {time}; its certificate: {revocation}"),
        }
    }
}

/// One thing found.
#[derive(Debug)]
pub struct Finding {
    /// The file concerned.
    pub path: PathBuf,
    /// What about it.
    pub issue: Issue,
}

/// What may be found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Issue {
    /// The file cannot be read.
    Unreadable(io::ErrorKind),
    /// The manifest is damaged or altered.
    Manifest(ManifestError),
    /// The log is not the one that the manifest holds, or leads to other files.
    Log(LogFault),
    /// The directory was made before there was a log: a remark.
    NoLog,
    /// The bytes are not those of the manifest.
    Changed,
    /// A PDF that the manifest does not know.
    Unlisted,
    /// The PDF does not parse, or its signatures are malformed.
    Structure(String),
    /// A page is not the one in the manifest: its number from 1.
    Page(usize),
    /// The PDF has another number of pages than the manifest.
    PageCount {
        /// In the PDF.
        found: usize,
        /// In the manifest.
        listed: usize,
    },
    /// A component that should be signed is not.
    NotSigned,
    /// Something that may not follow a signature was appended to it.
    ChangedAfterSigning(Change),
    /// Stored revocation data that cannot be read, or that nobody known has signed: its kind.
    Evidence(&'static str),
    /// Something is wrong with a signature.
    Signature(Problem),
    /// The signer is another than the manifest says.
    OtherSigner,
    /// Who signed cannot be traced to a trusted root; a remark unless trust is required.
    UnknownSigner(Problem),
    /// A development identity signed: a remark.
    Development,
    /// The component waits for its signature (*chờ ký*): a remark.
    Pending,
    /// Captures were set aside: a remark.
    Incomplete(usize),
    /// A capture is no longer where it was: a remark, the copy is not affected.
    SourceGone,
    /// A capture of an earlier version has made way for another, which a later version was made of: a remark.
    SourceReplaced,
}

impl Issue {
    /// Whether it is a fault, or a remark.
    pub fn is_fault(&self) -> bool {
        !matches!(
            self,
            Self::UnknownSigner(_)
                | Self::Development
                | Self::Pending
                | Self::Incomplete(_)
                | Self::SourceGone
                | Self::SourceReplaced
                | Self::NoLog
        )
    }
}

impl Localized for Issue {
    fn message(&self, lang: Lang) -> String {
        let (vi, en) = match self {
            Self::Unreadable(kind) => (io_reason(*kind, Lang::Vi), io_reason(*kind, Lang::En)),
            Self::Manifest(error) => (
                "bản kê khai bị hỏng hoặc đã bị sửa; hãy lấy lại bản gốc".to_owned(),
                format!("{error}; get the original back"),
            ),
            Self::Log(fault) => (fault.message(Lang::Vi), fault.message(Lang::En)),
            Self::NoLog => (
                "chưa có nhật ký; lần chạy sau có thay đổi sẽ bắt đầu nhật ký".to_owned(),
                "there is no log yet; the next run that changes something begins it".to_owned(),
            ),
            Self::Changed => (
                "đã bị thay đổi sau khi số hóa; hãy lấy lại bản gốc".to_owned(),
                "was changed after it was digitised; get the original back".to_owned(),
            ),
            Self::Unlisted => (
                "không có trong bản kê khai; hãy chuyển tệp này đi".to_owned(),
                "is not in the manifest; move it away".to_owned(),
            ),
            Self::Structure(error) => (format!("cấu trúc PDF hỏng ({error})"), format!("damaged PDF ({error})")),
            Self::Page(number) => (
                format!("trang {number} không phải trang trong bản kê khai"),
                format!("page {number} is not the page of the manifest"),
            ),
            Self::PageCount { found, listed } => (
                format!("có {found} trang, bản kê khai ghi {listed}"),
                format!("has {found} pages, the manifest says {listed}"),
            ),
            Self::NotSigned => ("không có chữ ký".to_owned(), "carries no signature".to_owned()),
            Self::ChangedAfterSigning(Change { object, what }) => {
                let object = object.map_or_else(String::new, |number| format!("{number}: "));
                (
                    format!("có phần không được phép thêm vào sau khi ký ({object}{what}); hãy lấy lại bản gốc"),
                    format!(
                        "has something added after signing that may not be ({object}{what}); get the original back"
                    ),
                )
            }
            Self::Evidence(kind) => (
                format!(
                    "dữ liệu kiểm tra thu hồi lưu trong tệp bị hỏng hoặc không rõ nguồn ({kind}); hãy lấy lại bản gốc"
                ),
                format!(
                    "revocation data kept in the file is damaged or of unknown origin ({kind}); get the original back"
                ),
            ),
            Self::Signature(problem) | Self::UnknownSigner(problem) => {
                (problem.message(Lang::Vi), problem.message(Lang::En))
            }
            Self::OtherSigner => (
                "người ký không phải người ghi trong bản kê khai".to_owned(),
                "the signer is not the one in the manifest".to_owned(),
            ),
            Self::Development => (
                "ký bằng khóa thử nghiệm: KHÔNG CÓ GIÁ TRỊ PHÁP LÝ".to_owned(),
                "signed by a development identity: NO LEGAL VALUE".to_owned(),
            ),
            Self::Pending => ("chưa ký (chờ ký)".to_owned(), "not signed yet".to_owned()),
            Self::Incomplete(count) => (
                format!("thiếu {count} ảnh không đọc được; hãy quét lại"),
                format!("{count} captures could not be read; scan them again"),
            ),
            Self::SourceGone => {
                ("ảnh gốc không còn ở chỗ cũ".to_owned(), "the source is no longer where it was".to_owned())
            }
            Self::SourceReplaced => (
                "ảnh gốc của bản trước đã được thay bằng ảnh quét lại".to_owned(),
                "the source of an earlier version was replaced by a rescan".to_owned(),
            ),
        };
        match lang {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

/// Checks an output directory: manifest, log, components, sources.
pub fn directory(directory: &Path, trust: &Trust) -> Verification {
    let mut verification = Verification::default();
    let path = directory.join(manifest::FILE_NAME);
    let sealed = match fs::read(&path) {
        Ok(bytes) => manifest::open(&bytes),
        Err(error) => {
            verification.add(&path, Issue::Unreadable(error.kind()));
            return verification;
        }
    };
    match sealed {
        Ok(sealed) => {
            check_seal(&mut verification, &path, &sealed, trust);
            check_log(&mut verification, directory, &sealed.manifest);
            for component in &sealed.manifest.components {
                check_component(&mut verification, directory, component, trust);
            }
            check_sources(&mut verification, &sealed.manifest.components);
            check_unlisted(&mut verification, directory, &sealed.manifest.components);
        }
        Err(error) => verification.add(&path, Issue::Manifest(error)),
    }
    verification
}

/// Checks a PDF by itself: structure and signatures.
pub fn file(path: &Path, trust: &Trust) -> Verification {
    let mut verification = Verification::default();
    match fs::read(path) {
        Ok(bytes) => {
            verification.files += 1;
            match structure::page_count(&bytes) {
                Ok(pages) => verification.pages += pages,
                Err(error) => {
                    verification.add(path, Issue::Structure(error.to_string()));
                    return verification;
                }
            }
            let judged = check_signatures(&mut verification, path, &bytes, trust);
            if judged.iter().all(|one| one.signature.is_timestamp()) && !verification.has_faults() {
                verification.add(path, Issue::NotSigned);
            }
        }
        Err(error) => verification.add(path, Issue::Unreadable(error.kind())),
    }
    verification
}

fn check_seal(verification: &mut Verification, path: &Path, sealed: &Sealed, trust: &Trust) {
    if let Some(der) = &sealed.cms {
        verification.signatures += 1;
        let verdict = verify_cms(der, &[&sealed.body], &trust.roots, &Evidence::default(), trust.at);
        tell_problems(verification, path, &verdict.problems, verdict.development, trust);
    }
}

/// Checks the chain of the log, its end and the files that it leads to.
fn check_log(verification: &mut Verification, directory: &Path, manifest: &Manifest) {
    let path = directory.join(log::FILE_NAME);
    let log = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return verification.add(&path, Issue::Unreadable(error.kind())),
    };
    if log.is_none() && manifest.log.is_none() {
        verification.add(&path, Issue::NoLog);
    }
    log::check(log.as_deref(), manifest).1.into_iter().for_each(|fault| verification.add(&path, Issue::Log(fault)));
}

fn check_component(verification: &mut Verification, directory: &Path, component: &Component, trust: &Trust) {
    for listed in &component.transcripts {
        let path = directory.join(&listed.path);
        match fs::read(&path) {
            Ok(bytes) if manifest::sha256_hex(&bytes) == listed.sha256 => verification.files += 1,
            Ok(_) => verification.add(&path, Issue::Changed),
            Err(error) => verification.add(&path, Issue::Unreadable(error.kind())),
        }
    }
    let Some(listed) = &component.file else { return };
    let path = directory.join(&listed.path);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return verification.add(&path, Issue::Unreadable(error.kind())),
    };
    verification.files += 1;
    if manifest::sha256_hex(&bytes) != listed.sha256 {
        verification.add(&path, Issue::Changed);
    }
    if let Some(kept) = &component.kept {
        // Its signatures are others': a file by itself has them judged.
        match structure::page_count(&bytes) {
            Ok(found) if found == kept.pages => verification.pages += found,
            Ok(found) => verification.add(&path, Issue::PageCount { found, listed: kept.pages }),
            Err(error) => verification.add(&path, Issue::Structure(error.to_string())),
        }
        return;
    }
    check_pages(verification, &path, &bytes, component);
    let judged = check_signatures(verification, &path, &bytes, trust);
    let signers = judged.iter().filter_map(|one| match &one.verdict {
        Kind::Signature(verdict) => Some(verdict.signing_certificate.as_ref()),
        Kind::Timestamp(_) => None,
    });
    let signers: Vec<Option<String>> = signers.map(|signer| signer.map(crate::sign::certificate::sha256_hex)).collect();
    match component.state {
        State::Signed if signers.is_empty() => verification.add(&path, Issue::NotSigned),
        State::Signed => {
            let listed = |signature: &Option<Signature>| signature.as_ref().map(|one| one.certificate_sha256.clone());
            if signers[0] != listed(&component.signature) {
                verification.add(&path, Issue::OtherSigner);
            }
            if let Some(expected) = listed(&component.countersignature)
                && !signers[1..].iter().any(|found| found.as_deref() == Some(expected.as_str()))
            {
                verification.add(&path, Issue::OtherSigner);
            }
        }
        State::Unsigned => verification.add(&path, Issue::Pending),
        State::Incomplete => verification.add(&path, Issue::Incomplete(component.set_aside.len())),
        // Such a component says what was kept, else there is nothing to hold it to; of a secret paper there is no file.
        State::Kept | State::Secret => verification.add(&path, Issue::Changed),
    }
}

/// Compares the pages of a PDF with the manifest.
fn check_pages(verification: &mut Verification, path: &Path, bytes: &[u8], component: &Component) {
    let pages = match structure::pages(bytes) {
        Ok(pages) => pages,
        Err(error) => return verification.add(path, Issue::Structure(error.to_string())),
    };
    verification.pages += pages.len();
    if pages.len() != component.pages.len() {
        verification.add(path, Issue::PageCount { found: pages.len(), listed: component.pages.len() });
    }
    for (page, listed) in pages.iter().zip(&component.pages) {
        let size = listed.image.size_mm;
        let same_size = (page.size.width - size.width).abs() <= SIZE_TOLERANCE_MM
            && (page.size.height - size.height).abs() <= SIZE_TOLERANCE_MM;
        if !same_size || manifest::sha256_hex(&page.streams) != listed.image.sha256 {
            verification.add(path, Issue::Page(listed.number));
        }
    }
}

/// Verifies every signature and timestamp in a PDF, and what follows each.
fn check_signatures(verification: &mut Verification, path: &Path, bytes: &[u8], trust: &Trust) -> Vec<Judged> {
    let document = match document::judge(bytes, trust) {
        Ok(document) => document,
        Err(error) => {
            verification.add(path, Issue::Structure(error.to_string()));
            return Vec::new();
        }
    };
    if let Some(kind) = document.bad_evidence {
        verification.add(path, Issue::Evidence(kind));
    }
    // One change is seen from each signature before it.
    let mut changes: Vec<&Change> = document.signatures.iter().filter_map(|one| one.change.as_ref()).collect();
    changes.dedup();
    for change in changes {
        verification.add(path, Issue::ChangedAfterSigning(change.clone()));
    }
    for judged in &document.signatures {
        verification.signatures += 1;
        let development = matches!(&judged.verdict, Kind::Signature(verdict) if verdict.development);
        tell_problems(verification, path, judged.verdict.problems(), development, trust);
        verification.reports.push(report(path, judged));
    }
    document.signatures
}

fn report(path: &Path, judged: &Judged) -> SignatureReport {
    SignatureReport {
        path: path.to_owned(),
        field: judged.signature.field.clone(),
        is_timestamp: judged.signature.is_timestamp(),
        signer: judged.verdict.signer().to_owned(),
        claimed_time: judged.signature.time,
        proven_time: judged.proven_time,
        revocation: judged.verdict.revocation(),
        covers_whole_file: judged.signature.covers_whole_file,
        level: judged.level,
        valid: judged.is_valid(),
    }
}

fn tell_problems(verification: &mut Verification, path: &Path, problems: &[Problem], development: bool, trust: &Trust) {
    if development {
        verification.add(path, Issue::Development);
    }
    for problem in problems {
        let problem = problem.clone();
        let only_unknown = problem.is_unknown_issuer() && !trust.required;
        verification.add(path, if only_unknown { Issue::UnknownSigner(problem) } else { Issue::Signature(problem) });
    }
}

/// Hashes the captures again. At one path there can be several, each of its version: the file is one of them.
fn check_sources(verification: &mut Verification, components: &[Component]) {
    let used = components.iter().flat_map(|component| component.pages.iter().map(|page| &page.source.file));
    let set_aside = components.iter().flat_map(|component| component.set_aside.iter().map(|item| &item.file));
    let kept = components.iter().filter_map(|component| component.kept.as_ref().map(|kept| &kept.source));
    let sources: BTreeSet<_> = used.chain(set_aside).chain(kept).map(|file| (&file.path, &file.sha256)).collect();
    let mut rescanned = BTreeSet::new();
    for newest in components.iter().filter(|c| components.iter().all(|o| o.name != c.name || o.version <= c.version)) {
        let files = newest.pages.iter().map(|page| &page.source.file).chain(newest.set_aside.iter().map(|s| &s.file));
        let files = files.chain(newest.kept.iter().map(|kept| &kept.source));
        rescanned.extend(files.map(|file| (&file.path, &file.sha256)));
    }
    for source in &sources {
        let (path, sha256) = (Path::new(source.0), source.1);
        match fs::read(path) {
            Ok(bytes) => {
                verification.sources += 1;
                let found = manifest::sha256_hex(&bytes);
                if found != *sha256 {
                    let replaced = !rescanned.contains(source) && rescanned.contains(&(source.0, &found));
                    verification.add(path, if replaced { Issue::SourceReplaced } else { Issue::Changed });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => verification.add(path, Issue::SourceGone),
            Err(error) => verification.add(path, Issue::Unreadable(error.kind())),
        }
    }
}

/// PDFs in the directory that the manifest does not name.
fn check_unlisted(verification: &mut Verification, directory: &Path, components: &[Component]) {
    let listed: BTreeSet<&str> =
        components.iter().filter_map(|c| c.file.as_ref()).map(|file| file.path.as_str()).collect();
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for name in names.iter().filter(|name| name.to_lowercase().ends_with(".pdf") && !listed.contains(name.as_str())) {
        verification.add(&directory.join(name), Issue::Unlisted);
    }
}
