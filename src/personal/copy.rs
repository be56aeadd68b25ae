//! Papers of the store of owners' papers checked, and copied out again: what comes out is compared with what went in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::{Lang, Localized, shown};
use crate::publish::OutputDir;

use super::{METADATA, PersonalError, SCHEMA, Said, whole};

/// What is wrong with a paper in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// `metadata.json` is not there or none.
    Metadata(PathBuf),
    /// A file is changed or gone.
    File(PathBuf),
}

impl Localized for Flaw {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Metadata(path), Lang::Vi) => format!("{}: không có hoặc không đọc được", shown(path)),
            (Self::Metadata(path), Lang::En) => format!("{}: is not there or cannot be read", shown(path)),
            (Self::File(path), Lang::Vi) => format!("{}: tệp đã bị sửa hoặc mất", shown(path)),
            (Self::File(path), Lang::En) => format!("{}: was changed or is gone", shown(path)),
        }
    }
}

/// Checks the paper in a folder; the flaws that it has.
pub fn check(folder: &Path) -> Vec<Flaw> {
    let Some((said, _)) = said(folder) else { return vec![Flaw::Metadata(folder.join(METADATA))] };
    let paths = said.files.iter().map(|file| (folder.join(&file.path), file));
    paths.filter(|(path, file)| whole(path, file).is_err()).map(|(path, _)| Flaw::File(path)).collect()
}

/// Copies the paper in a folder to another folder, and compares what came out with what went in, byte for byte. A copy that is there
/// is compared only. Says how many files that are.
///
/// # Errors
/// When the paper has a flaw, or the copy cannot be made or is not the same.
pub fn copy_out(from: &Path, to: &Path) -> Result<usize, PersonalError> {
    let altered = |name: &str| PersonalError::Altered(from.join(name));
    let (said, metadata) = said(from).ok_or_else(|| altered(METADATA))?;
    let mut files = Vec::new();
    for file in &said.files {
        files.push((file.path.as_str(), whole(&from.join(&file.path), file)?));
    }
    files.push((METADATA, metadata));
    let output = OutputDir::open(to)?;
    let missing = files.iter().filter(|(name, _)| fs::symlink_metadata(to.join(name)).is_err());
    let missing: Vec<(&str, &[u8])> = missing.map(|(name, bytes)| (*name, &bytes[..])).collect();
    output.write(&missing)?;
    for (name, bytes) in &files {
        let path = to.join(name);
        let there = fs::read(&path).map_err(|source| PersonalError::Io { path: path.clone(), source })?;
        if there != *bytes {
            return Err(PersonalError::InTheWay(path));
        }
    }
    Ok(files.len())
}

/// What is said of the paper in a folder, and its bytes.
fn said(folder: &Path) -> Option<(Said, Vec<u8>)> {
    let bytes = fs::read(folder.join(METADATA)).ok()?;
    let said: Said = serde_json::from_slice(&bytes).ok().filter(|said: &Said| said.schema == SCHEMA)?;
    // Names of files, not ways out of the folder.
    let is_name = |name: &str| Path::new(name).file_name().is_some_and(|own| own == name);
    said.files.iter().all(|file| is_name(&file.path)).then_some((said, bytes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::published;
    use super::super::{Folders, Paper, file};
    use super::*;

    fn filed() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (out, root) = (folder.path().join("out"), folder.path().join("kho"));
        fs::create_dir(&out).unwrap();
        let (pdf, data, said) = published(&out);
        let paper = Paper { directory: &out, file: &pdf, data: Some(&data), said: &said };
        let place = root.join(file(&root, &Folders::Numbers, "1", paper).unwrap());
        (folder, place)
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        let (folder, place) = filed();
        let to = folder.path().join("to");
        assert_eq!((copy_out(&place, &to).unwrap(), copy_out(&place, &to).unwrap()), (3, 3));
        for name in ["a.pdf", "a.data.json", METADATA] {
            assert_eq!(fs::read(place.join(name)).unwrap(), fs::read(to.join(name)).unwrap(), "{name}");
        }
        assert_eq!(fs::read(folder.path().join("out/a.pdf")).unwrap(), fs::read(to.join("a.pdf")).unwrap());
        assert!(check(&place).is_empty() && check(&to).is_empty());
        fs::write(to.join("a.pdf"), b"x").unwrap();
        assert!(matches!(copy_out(&place, &to), Err(PersonalError::InTheWay(_))));
    }

    #[test]
    fn every_flaw_is_found() {
        let (folder, place) = filed();
        fs::write(place.join("a.pdf"), b"%PDF-1.7 b").unwrap();
        assert_eq!(check(&place), [Flaw::File(place.join("a.pdf"))]);
        assert!(matches!(copy_out(&place, &folder.path().join("to")), Err(PersonalError::Altered(_))));
        let outside = fs::read_to_string(place.join(METADATA)).unwrap().replace("a.data.json", "../a.data.json");
        fs::write(place.join(METADATA), outside).unwrap();
        assert_eq!(check(&place), [Flaw::Metadata(place.join(METADATA))]);
        fs::remove_file(place.join(METADATA)).unwrap();
        assert_eq!(check(&place), [Flaw::Metadata(place.join(METADATA))]);
    }
}
