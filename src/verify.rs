//! Checking what was published: hashes, signatures, structure, sources.
//!
//! [`directory`] checks an output directory against its manifest, [`file`] a single PDF by itself. What is wrong comes
//! back as values; nothing is repaired.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::log::{self, LogFault};
use crate::manifest::{self, Component, Manifest, ManifestError, Sealed, Signature, State};
use crate::model::{Lang, Localized, io_reason};
use crate::pdf::signature::{self, EmbeddedSignature};
use crate::pdf::structure;
use crate::sign::Certificate;
use crate::sign::verify::{Problem, Verdict, verify as verify_cms};

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
    /// Signatures checked.
    pub signatures: usize,
    /// Everything worth telling, in the order found.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Whether something is wrong.
    pub fn has_faults(&self) -> bool {
        self.findings.iter().any(|finding| finding.issue.is_fault())
    }

    fn add(&mut self, path: &Path, issue: Issue) {
        self.findings.push(Finding { path: path.to_owned(), issue });
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
    /// Bytes after the signed part.
    NotCovered,
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
            Self::NotCovered => {
                ("có phần được thêm vào sau khi ký".to_owned(), "has something added after it was signed".to_owned())
            }
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
            if check_signatures(&mut verification, path, &bytes, trust).is_empty() {
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
        let verdict = verify_cms(der, &[&sealed.body], &trust.roots, trust.at);
        tell_verdict(verification, path, verdict, trust);
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
    let verdicts = check_signatures(verification, &path, &bytes, trust);
    match component.state {
        State::Signed if verdicts.is_empty() => verification.add(&path, Issue::NotSigned),
        State::Signed => {
            let found =
                |verdict: &Verdict| verdict.signing_certificate.as_ref().map(crate::sign::certificate::sha256_hex);
            let listed = |signature: &Option<Signature>| signature.as_ref().map(|one| one.certificate_sha256.clone());
            if verdicts.first().and_then(found) != listed(&component.signature) {
                verification.add(&path, Issue::OtherSigner);
            }
            if let Some(expected) = listed(&component.countersignature)
                && !verdicts[1..].iter().any(|verdict| found(verdict).as_deref() == Some(expected.as_str()))
            {
                verification.add(&path, Issue::OtherSigner);
            }
        }
        State::Unsigned => verification.add(&path, Issue::Pending),
        State::Incomplete => verification.add(&path, Issue::Incomplete(component.set_aside.len())),
        // Such a component says what was kept, else there is nothing to hold it to.
        State::Kept => verification.add(&path, Issue::Changed),
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
        if !same_size || manifest::sha256_hex(&page.jpeg) != listed.image.sha256 {
            verification.add(path, Issue::Page(listed.number));
        }
    }
}

/// Verifies every signature in a PDF; the last must cover the whole file.
fn check_signatures(verification: &mut Verification, path: &Path, bytes: &[u8], trust: &Trust) -> Vec<Verdict> {
    let signatures = match signature::list(bytes) {
        Ok(signatures) => signatures,
        Err(error) => {
            verification.add(path, Issue::Structure(error.to_string()));
            return Vec::new();
        }
    };
    if signatures.last().is_some_and(|last| !last.covers_whole_file) {
        verification.add(path, Issue::NotCovered);
    }
    signatures.iter().map(|signature| check_signature(verification, path, bytes, signature, trust)).collect()
}

fn check_signature(
    verification: &mut Verification,
    path: &Path,
    bytes: &[u8],
    signature: &EmbeddedSignature,
    trust: &Trust,
) -> Verdict {
    verification.signatures += 1;
    let verdict = verify_cms(&signature.cms, &signature.digest_input(bytes), &trust.roots, trust.at);
    tell_verdict(verification, path, verdict.clone(), trust);
    verdict
}

fn tell_verdict(verification: &mut Verification, path: &Path, verdict: Verdict, trust: &Trust) {
    if verdict.development {
        verification.add(path, Issue::Development);
    }
    for problem in verdict.problems {
        let only_unknown = matches!(problem, Problem::NotTrusted(_)) && !trust.required;
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
