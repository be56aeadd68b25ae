//! The store of owners' papers (*Kho quản lý dữ liệu điện tử của tổ chức, cá nhân*): a folder for each owner, in it one for each
//! version of each paper, with the signed PDF, the data that lie beside it, and `metadata.json`, which comes last.
//!
//! Nothing in it is ever overwritten: a folder with its `metadata.json` is complete, and one without is completed by whoever comes
//! next. Folders are called by a keyed hash of the owner's number, as names of folders are seen by many, unless the configuration
//! wants the number itself. `copy.rs` checks papers and copies them out again.

mod copy;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hmac::{Mac, SimpleHmac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::digital_code::Metadata;
use crate::manifest::{File, sha256_hex};
use crate::model::{Lang, Localized, io_reason, shown};
use crate::publish::{OutputDir, PublishError};

pub use copy::{Flaw, check, copy_out};

/// Name and version of the form of `metadata.json`.
pub const SCHEMA: &str = "sohoa-personal/1";
/// Name of the file that completes a folder.
pub const METADATA: &str = "metadata.json";

/// Bytes of a hash that folders are called by: no two of a nation's numbers share them by chance.
const HASH_BYTES: usize = 16;

/// What folders of owners are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folders {
    /// A hash of the owner's number, keyed with this.
    Hashed(Vec<u8>),
    /// The owner's number.
    Numbers,
}

impl Folders {
    /// The folder of an owner.
    pub fn of(&self, owner: &str) -> String {
        match self {
            Self::Numbers => owner.to_owned(),
            Self::Hashed(key) => {
                let mut mac = SimpleHmac::<Sha256>::new_from_slice(key).expect("any length is a key");
                mac.update(owner.as_bytes());
                mac.finalize().into_bytes()[..HASH_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

/// A paper on its way into the store.
#[derive(Clone, Copy, Debug)]
pub struct Paper<'a> {
    /// Directory where it was published.
    pub directory: &'a Path,
    /// Its signed PDF there.
    pub file: &'a File,
    /// The data beside it, if there are any.
    pub data: Option<&'a File>,
    /// What is known of it.
    pub said: &'a Said,
}

/// What `metadata.json` says of a paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// [`SCHEMA`].
    pub schema: String,
    /// Code of the digitised result (*mã kết quả số hóa*), where it has one.
    pub digital_code: Option<String>,
    /// Code of the dossier that it was handed in with.
    pub dossier: String,
    /// Name of its component's files.
    pub name: String,
    /// As a person wrote it.
    pub component: String,
    /// Code of the component (*mã thành phần hồ sơ*).
    pub component_code: Option<String>,
    /// Version, from 1.
    pub version: u32,
    /// What is known of the paper (TT 01/2023/TT-VPCP Điều 9).
    pub metadata: Metadata,
    /// The files beside this one.
    pub files: Vec<File>,
}

/// Why a paper cannot be filed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalError {
    /// A file is not what the manifest or `metadata.json` says.
    #[error("{}: was changed or is gone", shown(.0))]
    Altered(PathBuf),
    /// A file with other bytes has the name of one of the paper's.
    #[error("{}: another file has this name and is not overwritten; move it away", shown(.0))]
    InTheWay(PathBuf),
    /// The system refuses.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Localized for PersonalError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Altered(path), Lang::Vi) => format!("{}: tệp đã bị sửa hoặc mất", shown(path)),
            (Self::InTheWay(path), Lang::Vi) => {
                format!("{}: tệp khác đang mang tên này nên không bị ghi đè; hãy chuyển nó đi", shown(path))
            }
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Publish(error), lang) => error.message(lang),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Puts a paper into the folder of its owner, if it is not there yet, and says which folder that is, below the root.
///
/// # Errors
/// When a file is not what the manifest says, or the folder cannot be written; what is not complete then is completed by the
/// next try.
pub fn file(root: &Path, folders: &Folders, owner: &str, paper: Paper<'_>) -> Result<String, PersonalError> {
    let said = paper.said;
    let version = if said.version == 1 { String::new() } else { format!(".v{}", said.version) };
    let folder = format!("{}/{}/{}{version}", folders.of(owner), said.dossier, said.name);
    let path = root.join(&folder);
    if path.join(METADATA).is_file() {
        return Ok(folder);
    }
    let io = |path: &Path, source| PersonalError::Io { path: path.to_owned(), source };
    if !root.exists() {
        fs::create_dir_all(root).map_err(|source| io(root, source))?;
        // Papers of citizens: for the service's user alone.
        fs::set_permissions(root, fs::Permissions::from_mode(0o700)).map_err(|source| io(root, source))?;
    }
    let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
    for file in [Some(paper.file), paper.data].into_iter().flatten() {
        files.push((&file.path, whole(&paper.directory.join(&file.path), file)?));
    }
    let metadata = serde_json::to_vec_pretty(said).expect("plain values");
    let output = OutputDir::open(&path)?;
    output.clear_leftovers()?;
    let mut missing: Vec<(&str, &[u8])> = Vec::new();
    for (name, bytes) in &files {
        match fs::read(path.join(name)) {
            Ok(there) if there == *bytes => {}
            Ok(_) => return Err(PersonalError::InTheWay(path.join(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push((name, bytes)),
            Err(source) => return Err(io(&path.join(name), source)),
        }
    }
    missing.push((METADATA, &metadata));
    output.write(&missing)?;
    Ok(folder)
}

/// The bytes of a file, which must be those that were listed.
fn whole(path: &Path, listed: &File) -> Result<Vec<u8>, PersonalError> {
    let bytes = fs::read(path).map_err(|_| PersonalError::Altered(path.to_owned()))?;
    match sha256_hex(&bytes) == listed.sha256 {
        true => Ok(bytes),
        false => Err(PersonalError::Altered(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A published paper with data, and what is said of it.
    pub(super) fn published(directory: &Path) -> (File, File, Said) {
        let listed = |name: &str, bytes: &[u8]| {
            fs::write(directory.join(name), bytes).unwrap();
            File { path: name.to_owned(), bytes: bytes.len() as u64, sha256: sha256_hex(bytes) }
        };
        let (pdf, data) = (listed("a.pdf", b"%PDF-1.7 a"), listed("a.data.json", b"{}"));
        let said = Said {
            schema: SCHEMA.to_owned(),
            digital_code: Some("052090000123.GT.1".to_owned()),
            dossier: "H21-250701-0012".to_owned(),
            name: "a".to_owned(),
            component: "Tờ khai".to_owned(),
            component_code: None,
            version: 1,
            metadata: Metadata { title: "Tờ khai".to_owned(), ..Metadata::default() },
            files: vec![pdf.clone(), data.clone()],
        };
        (pdf, data, said)
    }

    #[test]
    fn folders_do_not_tell_whose_they_are() {
        let hashed = Folders::Hashed(vec![7; 32]);
        let folder = hashed.of("052090000123");
        assert!(folder.len() == 32 && folder == hashed.of("052090000123") && folder != hashed.of("052090000124"));
        assert_ne!(folder, Folders::Hashed(vec![8; 32]).of("052090000123"));
        assert_eq!(Folders::Numbers.of("052090000123"), "052090000123");
    }

    #[test]
    fn a_paper_is_filed_once_and_what_was_begun_is_completed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, root) = (folder.path().join("out"), folder.path().join("kho"));
        fs::create_dir(&out).unwrap();
        let (pdf, data, said) = published(&out);
        let paper = Paper { directory: &out, file: &pdf, data: Some(&data), said: &said };
        // A service that was killed had put the PDF in place, and had begun the rest.
        let place = root.join("052090000123/H21-250701-0012/a");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("a.pdf"), b"%PDF-1.7 a").unwrap();
        fs::write(place.join(".sohoa-metadata.json.tmp"), b"{").unwrap();
        for _ in 0..2 {
            let filed = file(&root, &Folders::Numbers, "052090000123", paper).unwrap();
            assert_eq!(root.join(filed), place);
        }
        let mut names: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.data.json", "a.pdf", METADATA]);
        let read: Said = serde_json::from_slice(&fs::read(place.join(METADATA)).unwrap()).unwrap();
        assert_eq!(read, said);
        // Another version has a folder of its own.
        let second = Said { version: 2, ..said.clone() };
        let filed = file(&root, &Folders::Numbers, "052090000123", Paper { said: &second, ..paper }).unwrap();
        assert!(filed.ends_with("/a.v2"), "{filed}");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_altered_is_filed() {
        let folder = tempfile::tempdir().unwrap();
        let (out, root) = (folder.path().join("out"), folder.path().join("kho"));
        fs::create_dir(&out).unwrap();
        let (pdf, _, said) = published(&out);
        let paper = Paper { directory: &out, file: &pdf, data: None, said: &said };
        let place = root.join("1/H21-250701-0012/a");
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("a.pdf"), b"mine").unwrap();
        assert!(matches!(file(&root, &Folders::Numbers, "1", paper), Err(PersonalError::InTheWay(_))));
        assert_eq!(fs::read(place.join("a.pdf")).unwrap(), b"mine");
        fs::write(out.join("a.pdf"), b"altered").unwrap();
        assert!(matches!(file(&root, &Folders::Numbers, "2", paper), Err(PersonalError::Altered(_))));
        assert!(!root.join("2").exists());
    }
}
