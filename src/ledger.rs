//! An output directory with its manifest: taking it up, adding components, signing what waits there.
//!
//! Files and manifest are put in place together ([`OutputDir::write_logged`]): first the log speaks of them, the manifest
//! is last. A run that was killed in between is completed by the next one that opens the directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::component::{self, ComponentError, SignedPdf, UnsignedPdf};
use crate::log::{self, Entry, LogFault};
use crate::manifest::{self, Component, Manifest, ManifestError, State};
use crate::model::{Lang, Localized, Role, SignatureLevel, shown};
use crate::profile::{FileName, Profile};
use crate::publish::{OutputDir, PublishError};
use crate::sign::cms::Form;
use crate::sign::{self, RunKey, Signer};
use crate::stamp::Stamp;

/// Why an output directory cannot be taken up or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The manifest that is there was altered; writing on would hide it.
    #[error("{}: {source}", shown(path))]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// The log that is there was altered; writing on would hide it.
    #[error("{}: {fault}", shown(path))]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: LogFault,
    },
}

impl Localized for LedgerError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Publish(error), lang) => error.message(lang),
            (Self::Manifest { path, .. }, Lang::Vi) => format!(
                "{}: tệp kê khai đã bị sửa; hãy chạy `sohoa verify` và chuyển thư mục này đi trước khi làm tiếp",
                shown(path)
            ),
            (Self::Manifest { path, .. }, Lang::En) => format!(
                "{}: the manifest was altered; run `sohoa verify` and move the directory away first",
                shown(path)
            ),
            (Self::Log { path, fault }, lang) => format!("{}: {}", shown(path), fault.message(lang)),
        }
    }
}

/// What became of a component that was to be signed where it lies.
#[derive(Debug)]
#[non_exhaustive]
pub enum Became {
    /// Signed and written into the manifest.
    Signed,
    /// Its file is no longer the one that the manifest names: it was not signed.
    Altered,
    /// The file cannot carry the signature.
    Unfit(ComponentError),
    /// The key failed, now or before: it still waits.
    Waiting,
}

/// The output directory and its manifest.
#[derive(Debug)]
pub struct Ledger {
    output: OutputDir,
    manifest: Manifest,
}

impl Ledger {
    /// Completes what a killed run had begun and reads the manifest, if there is one.
    ///
    /// # Errors
    /// When the directory cannot be read or written, or its manifest was altered.
    pub fn read(output: &OutputDir) -> Result<Option<Manifest>, LedgerError> {
        complete_killed_run(output)?;
        let path = output.path().join(manifest::FILE_NAME);
        let log = read_log(output)?;
        let log_path = output.path().join(log::FILE_NAME);
        match fs::read(&path) {
            Ok(bytes) => {
                let opened = manifest::open(&bytes);
                let manifest = opened.map_err(|source| LedgerError::Manifest { path, source })?.manifest;
                match log::check(log.as_deref(), &manifest).1.into_iter().next() {
                    Some(fault) => Err(LedgerError::Log { path: log_path, fault }),
                    None => Ok(Some(manifest)),
                }
            }
            // A killed first run may have made the log and written nothing yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => match log.is_some_and(|log| !log.is_empty()) {
                true => Err(LedgerError::Log { path: log_path, fault: LogFault::Unknown }),
                false => Ok(None),
            },
            Err(source) => Err(PublishError::Io { path, source }.into()),
        }
    }

    /// Takes a directory up with the manifest that it is to have from now on.
    pub fn new(output: OutputDir, manifest: Manifest) -> Self {
        Self { output, manifest }
    }

    /// The manifest as it stands.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.output.path()
    }

    /// The newest version of a component, and its place in the manifest.
    pub fn latest(&self, name: &str) -> Option<(usize, &Component)> {
        let all = self.manifest.components.iter().enumerate();
        all.filter(|(_, component)| component.name == name).max_by_key(|(_, component)| component.version)
    }

    /// Whether the component's files are still what was written.
    pub fn is_intact(&self, component: &Component) -> bool {
        component.files().all(|file| is_in_place(&self.output, file))
    }

    /// Adds a component: enters it into the log, puts its files in place and the manifest after them, sealed.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn record(
        &mut self,
        component: Component,
        files: &[(String, Vec<u8>)],
        key: &mut RunKey<'_>,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let replaced = self.latest(&component.name).map(|(_, replaced)| replaced);
        let entries = log::entries(&component, None, replaced, &rfc3339(now));
        self.manifest.components.push(component);
        self.write(files, entries, key, now)
    }

    /// Numbers that documents have in the dossier by the names of their files, where those are numbered.
    pub fn numbers(&self) -> BTreeMap<&str, usize> {
        let number = |component: &Component| FileName::number(&component.file.as_ref()?.path);
        let all = self.manifest.components.iter();
        all.filter_map(|component| Some((component.name.as_str(), number(component)?))).collect()
    }

    /// Signs a component where it lies: what waits (*chờ ký*), and for the agency what a person has signed. The file must
    /// still be what was frozen at assembly, or what that person signed. `stamp` says what is seen of the signature.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn sign_in_place(
        &mut self,
        index: usize,
        role: Role,
        stamp: Option<&Stamp>,
        key: &mut RunKey<'_>,
        now: OffsetDateTime,
    ) -> Result<Became, LedgerError> {
        let Some(signer) = key.signer() else { return Ok(Became::Waiting) };
        let component = &self.manifest.components[index];
        let Some(listed) = component.file.clone() else { return Ok(Became::Altered) };
        let path = self.output.path().join(&listed.path);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Became::Altered),
            Err(source) => return Err(PublishError::Io { path, source }.into()),
        };
        if manifest::sha256_hex(&bytes) != listed.sha256 {
            return Ok(Became::Altered);
        }
        let is_first = component.state == State::Unsigned;
        let signed = if is_first {
            let frozen = component.unsigned_sha256.as_deref().unwrap_or_default();
            let Some(unsigned) = UnsignedPdf::frozen(bytes, frozen) else { return Ok(Became::Altered) };
            unsigned.sign(role, stamp, signer, now)
        } else {
            component::sign_pdf(&bytes, role, stamp, signer, now)
        };
        let signed = match signed {
            Ok(signed) => signed,
            Err(ComponentError::Sign(error)) => {
                key.fail(error);
                return Ok(Became::Waiting);
            }
            Err(error) => return Ok(Became::Unfit(error)),
        };
        let component = &mut self.manifest.components[index];
        let before = component.clone();
        component.file = Some(file_entry(&listed.path, signed.bytes()));
        let entry = Some(signature_entry(&signed, role, signer, now));
        if is_first {
            component.state = State::Signed;
            component.signature = entry;
        } else {
            component.countersignature = entry;
        }
        let entries = log::entries(component, Some(&before), None, &rfc3339(now));
        self.write(&[(listed.path, signed.into_bytes())], entries, key, now)?;
        Ok(Became::Signed)
    }

    /// Writes down what a person accepted of a component's pages, one by one: the reason, or nothing.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn accept(
        &mut self,
        index: usize,
        accepted: &[Option<String>],
        key: &mut RunKey<'_>,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let component = &mut self.manifest.components[index];
        set_accepted(component, accepted);
        let entry = log::accepted(component, &rfc3339(now));
        self.write(&[], vec![entry], key, now)
    }

    /// Puts a component's file in place, its signatures now of a higher level. `key` is the one that the manifest was sealed
    /// with, none where it was sealed by its hash alone.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn upgrade_in_place(
        &mut self,
        name: &str,
        pdf: Vec<u8>,
        level: SignatureLevel,
        key: &mut RunKey<'_>,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let mut entries = Vec::new();
        for component in &mut self.manifest.components {
            let Some(before) = component.file.take_if(|file| file.path == name) else { continue };
            component.file = Some(file_entry(name, &pdf));
            if let Some(signature) = &mut component.signature {
                signature.level = level.to_string();
            }
            entries.push(log::upgraded(component, &before, &rfc3339(now)));
        }
        self.write(&[(name.to_owned(), pdf)], entries, key, now)
    }

    /// Seals the manifest with the key, or by its hash alone where the key fails, and puts the files in place after the log
    /// has got its entries.
    fn write(
        &mut self,
        files: &[(String, Vec<u8>)],
        entries: Vec<Entry>,
        key: &mut RunKey<'_>,
        now: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        self.manifest.updated = rfc3339(now);
        let entries = match self.manifest.log {
            Some(_) => entries,
            None => self.beginning(now)?.into_iter().chain(entries).collect(),
        };
        let (lines, head) = log::chained(self.manifest.log.as_ref(), entries).expect("what is written is an event");
        self.manifest.log = Some(head);
        let sealed = manifest::seal(&self.manifest, |body| {
            let signer = key.signer();
            let cms = signer.map(|signer| sign::cms::detached(&[body], signer, now, Form::File)).transpose();
            Ok::<_, std::convert::Infallible>(cms.unwrap_or_else(|error| {
                key.fail(error);
                None
            }))
        });
        let Ok(bytes) = sealed;
        let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let files: Vec<_> = files.chain([(manifest::FILE_NAME, &bytes[..])]).collect();
        self.output.write_logged(&files, log::FILE_NAME, &lines)?;
        Ok(())
    }

    /// What the log begins with: nothing in a new directory, else what the manifest in place says.
    fn beginning(&self, now: OffsetDateTime) -> Result<Vec<Entry>, LedgerError> {
        let path = self.output.path().join(manifest::FILE_NAME);
        match fs::read(&path) {
            Ok(bytes) => match manifest::open(&bytes) {
                Ok(sealed) => Ok(log::beginning(&bytes, &sealed.manifest, &rfc3339(now))),
                Err(source) => Err(LedgerError::Manifest { path, source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(PublishError::Io { path, source }.into()),
        }
    }
}

/// Puts what a person accepted of a component's pages, one by one, into its entry.
pub fn set_accepted(component: &mut Component, accepted: &[Option<String>]) {
    for (page, accepted) in component.pages.iter_mut().zip(accepted) {
        page.decided.accepted.clone_from(accepted);
    }
}

/// Whether a component waits for a signature of this role: unsigned ones for the one that their profile has first, those
/// that a person signed for the agency.
pub fn waits_for(component: &Component, role: Role) -> bool {
    match component.state {
        State::Unsigned => {
            let profile = component.profile.as_deref().and_then(Profile::named).unwrap_or_default();
            component.file.is_some() && role == profile.signatory
        }
        State::Signed => {
            let is_a_persons = component.signature.as_ref().is_some_and(|signature| signature.role == Role::Clerk);
            role == Role::Agency && is_a_persons && component.countersignature.is_none()
        }
        State::Incomplete | State::Kept | State::Secret => false,
    }
}

/// The manifest's entry of a file in the directory.
pub fn file_entry(name: &str, bytes: &[u8]) -> manifest::File {
    manifest::File { path: name.to_owned(), bytes: bytes.len() as u64, sha256: manifest::sha256_hex(bytes) }
}

/// The manifest's entry of a signature made now.
pub fn signature_entry(
    signed: &SignedPdf,
    role: Role,
    signer: &dyn Signer,
    now: OffsetDateTime,
) -> manifest::Signature {
    manifest::Signature {
        role,
        visible: signed.is_visible(),
        signer: sign::signer_name(signer),
        certificate_sha256: sign::certificate_sha256(signer),
        level: "B-B".to_owned(),
        development: sign::is_development(signer),
        time: rfc3339(now),
    }
}

/// A time as manifests have it.
pub fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).expect("years from 0 to 9999 have an RFC 3339 form")
}

/// The log of a directory, `None` where there is none.
fn read_log(output: &OutputDir) -> Result<Option<Vec<u8>>, PublishError> {
    let path = output.path().join(log::FILE_NAME);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PublishError::Io { path, source }),
    }
}

/// A run that was killed while it put files in place had written all of them before, and the lines of the log: the rest is
/// put in place now, if all that its manifest names anew is there. Other leftovers are removed, also of a line.
fn complete_killed_run(output: &OutputDir) -> Result<(), PublishError> {
    let open = |bytes: Vec<u8>| manifest::open(&bytes).ok().map(|sealed| sealed.manifest);
    let files = |manifest: &Manifest| -> Vec<manifest::File> {
        manifest.components.iter().flat_map(Component::files).cloned().collect()
    };
    let earlier = fs::read(output.path().join(manifest::FILE_NAME)).ok().and_then(open);
    let sealed = earlier.as_ref().and_then(|earlier| earlier.log.as_ref()).map_or(0, |head| head.entries);
    let log = read_log(output)?.unwrap_or_default();
    if let Some(newest) = output.leftover(manifest::FILE_NAME).and_then(open) {
        let known = earlier.as_ref().map(files).unwrap_or_default();
        let waiting: Vec<manifest::File> =
            files(&newest).into_iter().filter(|file| !known.contains(file) && !is_in_place(output, file)).collect();
        let is_written = |file: &manifest::File| {
            output.leftover(&file.path).is_some_and(|bytes| manifest::sha256_hex(&bytes) == file.sha256)
        };
        let lines = output.leftover(log::FILE_NAME).unwrap_or_default();
        let unwritten = match &newest.log {
            Some(head) => log::unwritten(&log, sealed, &lines, head),
            // Left by a version that kept no log.
            None => log.is_empty().then_some(&[][..]),
        };
        if let Some(unwritten) = unwritten.filter(|_| waiting.iter().all(is_written)) {
            if !unwritten.is_empty() {
                output.append(log::FILE_NAME, unwritten)?;
            }
            waiting.iter().try_for_each(|file| output.adopt(&file.path))?;
            output.adopt(manifest::FILE_NAME)?;
            return output.clear_leftovers();
        }
    }
    // The beginning of a line is no entry yet.
    if let Some(end) = log::sealed_end(&log, sealed).filter(|&end| end < log.len() && !log[end..].contains(&b'\n')) {
        output.cut(log::FILE_NAME, end as u64)?;
    }
    output.clear_leftovers()
}

fn is_in_place(output: &OutputDir, file: &manifest::File) -> bool {
    fs::read(output.path().join(&file.path)).is_ok_and(|bytes| manifest::sha256_hex(&bytes) == file.sha256)
}
