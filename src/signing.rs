//! Signing what is there already: PDF files where they lie, and the components of output directories that wait.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::component::{ComponentError, sign_pdf};
use crate::ledger::{Became, Ledger, LedgerError, waits_for};
use crate::manifest::{self, Component};
use crate::model::{Lang, Localized, Role, io_reason, shown};
use crate::pdf::signature;
use crate::publish::{OutputDir, PublishError};
use crate::sign::RunKey;
use crate::stamp::Stamp;

/// What became of one file.
#[derive(Debug)]
pub struct Outcome {
    /// The file, or the signed copy.
    pub path: PathBuf,
    /// What became of it: whether its new signature is seen on the first page.
    pub result: Result<Visible, Refusal>,
}

/// Whether a signature is seen on the first page. One that should be and is not found no room on a signed page.
pub type Visible = bool;

/// Why one file was not signed. The others are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// It carries a signature of this role: nothing was to be done.
    #[error("carries this signature already")]
    SignedAlready,
    /// It cannot carry the signature.
    #[error(transparent)]
    Unfit(ComponentError),
    /// It belongs to a manifest, which would no longer fit.
    #[error("belongs to a manifest; sign it with `sohoa sign --pending`")]
    Listed,
    /// It is not what the manifest says.
    #[error("was changed after it was digitised")]
    Altered,
    /// The key failed, now or before.
    #[error("waits: the key failed")]
    Waiting,
    /// The signed file cannot be written.
    #[error(transparent)]
    Unwritable(PublishError),
}

impl Localized for Refusal {
    fn message(&self, lang: Lang) -> String {
        let text = |vi: &str, en: &str| lang.pick(vi, en).to_owned();
        match self {
            Self::Unreadable(kind) => io_reason(*kind, lang),
            Self::SignedAlready => text("đã có chữ ký này", "carries this signature already"),
            Self::Unfit(error) => error.message(lang),
            Self::Unwritable(error) => error.message(lang),
            Self::Listed => text(
                "thuộc một bản kê khai (manifest.json), ký riêng sẽ làm sai bản kê khai; hãy dùng --pending với thư mục này, \
                 hoặc --out để ký bản sao",
                "belongs to a manifest.json, which would no longer fit; use --pending with its directory, or --out for a \
                 signed copy",
            ),
            Self::Altered => text(
                "đã bị thay đổi sau khi số hóa nên không được ký; hãy lấy lại bản gốc hoặc số hóa lại",
                "was changed after it was digitised and is not signed; get the original back or digitise it again",
            ),
            Self::Waiting => text("chưa ký được, vẫn chờ ký", "not signed, still waiting"),
        }
    }
}

/// Signs one file where it lies, or as a copy of the same name in `out`. The file is replaced whole or not at all.
pub fn file(
    path: &Path,
    out: Option<&Path>,
    role: Role,
    stamp: Option<&Stamp>,
    key: &mut RunKey<'_>,
    now: OffsetDateTime,
) -> Outcome {
    match sign_file(path, out, role, stamp, key, now) {
        Ok((path, visible)) => Outcome { path, result: Ok(visible) },
        Err(refusal) => Outcome { path: path.to_owned(), result: Err(refusal) },
    }
}

fn sign_file(
    path: &Path,
    out: Option<&Path>,
    role: Role,
    stamp: Option<&Stamp>,
    key: &mut RunKey<'_>,
    now: OffsetDateTime,
) -> Result<(PathBuf, Visible), Refusal> {
    let signer = key.signer().ok_or(Refusal::Waiting)?;
    let unreadable = |error: io::Error| Refusal::Unreadable(error.kind());
    // A link is followed: the file itself is replaced, not what points to it.
    let real = fs::canonicalize(path).map_err(unreadable)?;
    let name = path.file_name().ok_or(Refusal::Unreadable(io::ErrorKind::IsADirectory))?;
    let (target, name) = match out {
        Some(out) => (out.join(name), name),
        None => (path.to_owned(), real.file_name().unwrap_or(name)),
    };
    let folder = out.or(real.parent()).ok_or(Refusal::Unreadable(io::ErrorKind::NotFound))?;
    if out.is_none() && is_listed(folder, &name.to_string_lossy()) {
        return Err(Refusal::Listed);
    }
    // Locked before the file is read: no other sohoa changes it in between.
    let output = OutputDir::open(folder).map_err(Refusal::Unwritable)?;
    if out.is_some() && fs::symlink_metadata(&target).is_ok() {
        return Err(Refusal::Unwritable(PublishError::InTheWay(target)));
    }
    let bytes = fs::read(&real).map_err(unreadable)?;
    let earlier = signature::list(&bytes).unwrap_or_default();
    if earlier.iter().any(|one| one.field == role.field_name()) {
        return Err(Refusal::SignedAlready);
    }
    match sign_pdf(&bytes, role, stamp, signer, now) {
        Ok(signed) => {
            let name = name.to_str().ok_or(Refusal::Unreadable(io::ErrorKind::InvalidFilename))?;
            output.write(&[(name, signed.bytes())]).map_err(Refusal::Unwritable)?;
            Ok((target, signed.is_visible()))
        }
        Err(ComponentError::Sign(error)) => {
            key.fail(error);
            Err(Refusal::Waiting)
        }
        Err(error) => Err(Refusal::Unfit(error)),
    }
}

/// Whether a manifest in the folder names the file. Other programs have files called `manifest.json`, too.
fn is_listed(folder: &Path, name: &str) -> bool {
    let sealed = fs::read(folder.join(manifest::FILE_NAME)).ok().and_then(|bytes| manifest::open(&bytes).ok());
    sealed.is_some_and(|sealed| {
        sealed.manifest.components.iter().flat_map(Component::files).any(|file| file.path == name)
    })
}

/// Why a directory as a whole cannot be signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PendingError {
    /// It holds no manifest.
    #[error("{}: there is no manifest.json; name an output directory of `sohoa digitize`", shown(.0))]
    NoManifest(PathBuf),
    /// It cannot be taken up or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Localized for PendingError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Ledger(error), lang) => error.message(lang),
            (Self::NoManifest(path), Lang::Vi) => {
                format!("{}: không có manifest.json; hãy chỉ thư mục kết quả của sohoa digitize", shown(path))
            }
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Signs the newest version of every component of a directory that waits for this role ([`waits_for`]); versions that a later
/// one has replaced go on without. Each is checked against the hash that was frozen, signed, and put in place with the manifest
/// before the next: a run killed at any moment is completed by the next one, and signs nothing twice.
///
/// # Errors
/// When there is no manifest, it was altered, or the directory cannot be written.
pub fn pending(
    directory: &Path,
    role: Role,
    stamp: Option<&Stamp>,
    key: &mut RunKey<'_>,
    now: OffsetDateTime,
    on_outcome: &mut dyn FnMut(&Outcome),
) -> Result<(), PendingError> {
    let mut ledger = take_up(directory)?;
    let waiting: Vec<usize> =
        (0..ledger.manifest().components.len()).filter(|&index| is_waiting(&ledger, index, role)).collect();
    for index in waiting {
        on_outcome(&sign_listed(&mut ledger, index, role, stamp, key, now)?);
    }
    Ok(())
}

/// Signs one version of one component of a directory, as [`pending`] does. `None` where it does not wait for this role, or a
/// later version has replaced it.
///
/// # Errors
/// As [`pending`].
pub fn component(
    directory: &Path,
    (name, version): (&str, u32),
    role: Role,
    stamp: Option<&Stamp>,
    key: &mut RunKey<'_>,
    now: OffsetDateTime,
) -> Result<Option<Outcome>, PendingError> {
    let mut ledger = take_up(directory)?;
    let mut listed = ledger.manifest().components.iter();
    let index = listed.position(|listed| listed.name == name && listed.version == version);
    match index.filter(|&index| is_waiting(&ledger, index, role)) {
        Some(index) => Ok(Some(sign_listed(&mut ledger, index, role, stamp, key, now)?)),
        None => Ok(None),
    }
}

/// Takes a directory up that must have a manifest.
fn take_up(directory: &Path) -> Result<Ledger, PendingError> {
    if !directory.is_dir() {
        return Err(PendingError::NoManifest(directory.to_owned()));
    }
    let output = OutputDir::open(directory).map_err(LedgerError::from)?;
    let manifest = Ledger::read(&output)?.ok_or_else(|| PendingError::NoManifest(directory.to_owned()))?;
    Ok(Ledger::new(output, manifest))
}

/// Whether what is listed here waits for this role and is the newest version of its component.
fn is_waiting(ledger: &Ledger, index: usize, role: Role) -> bool {
    let component = &ledger.manifest().components[index];
    let is_newest = ledger.latest(&component.name).is_some_and(|(latest, _)| latest == index);
    is_newest && waits_for(component, role)
}

fn sign_listed(
    ledger: &mut Ledger,
    index: usize,
    role: Role,
    stamp: Option<&Stamp>,
    key: &mut RunKey<'_>,
    now: OffsetDateTime,
) -> Result<Outcome, PendingError> {
    let file = ledger.manifest().components[index].file.as_ref();
    let path = ledger.path().join(file.map_or("", |file| file.path.as_str()));
    let result = match ledger.sign_in_place(index, role, stamp, key, now)? {
        Became::Signed => {
            let component = &ledger.manifest().components[index];
            let newest = component.countersignature.as_ref().or(component.signature.as_ref());
            Ok(newest.is_some_and(|signature| signature.visible))
        }
        Became::Altered => Err(Refusal::Altered),
        Became::Unfit(error) => Err(Refusal::Unfit(error)),
        Became::Waiting => Err(Refusal::Waiting),
    };
    Ok(Outcome { path, result })
}
