//! Which folders of a source are dossiers, and in which box.
//!
//! Everything is asked of the disk one dossier at a time, so that a source of any size is planned in the same memory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::gather::{self, Gathered, PassedOver};
use crate::imaging::decode::Limits;
use crate::input;
use crate::manifest::hex;
use crate::model::{DossierCode, Lang, Localized};
use crate::service::has_several_pages;

/// What the folders of a source are, from above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Whether the first folders are boxes (*hộp*); `None` = as it looks.
    pub boxes: Option<bool>,
    /// Whether each file is a component, and not the files of a folder together.
    pub file_components: bool,
}

/// The text is no layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no layout; it is auto, box/dossier/component, dossier/component, box/dossier/file or dossier/file")]
pub struct NotALayout;

impl Localized for NotALayout {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => "không phải cách xếp thư mục; hãy chọn auto, box/dossier/component, dossier/component, \
                         box/dossier/file hoặc dossier/file"
                .to_owned(),
            Lang::En => self.to_string(),
        }
    }
}

impl FromStr for Layout {
    type Err = NotALayout;

    fn from_str(text: &str) -> Result<Self, NotALayout> {
        let (boxes, file_components) = match text {
            "auto" => (None, false),
            "box/dossier/component" => (Some(true), false),
            "box/dossier/file" => (Some(true), true),
            "dossier/component" => (Some(false), false),
            "dossier/file" => (Some(false), true),
            _ => return Err(NotALayout),
        };
        Ok(Self { boxes, file_components })
    }
}

/// A dossier's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Name of its box; empty where there is none.
    pub in_box: String,
    /// The folder, relative to the source.
    pub path: PathBuf,
}

/// What lies in a source beside dossiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walked {
    /// The dossiers, in the order in which people count.
    pub folders: Vec<Folder>,
    /// Files that lie above all dossiers, relative to the source: nobody can say whose they are.
    pub loose: Vec<PathBuf>,
}

/// Finds the dossiers of a source. `is_code` says whether a folder's name is known for that of a dossier.
///
/// # Errors
/// When the source cannot be listed.
pub fn walk(source: &Path, layout: Layout, is_code: impl Fn(&str) -> bool) -> io::Result<Walked> {
    let is_code = |name: &str| name.parse::<DossierCode>().is_ok() || is_code(name);
    let mut walked = Walked::default();
    let (folders, loose) = listed(source)?;
    walked.loose.extend(loose.into_iter().map(PathBuf::from));
    for name in folders {
        let inside = listed(&source.join(&name));
        let is_box = match (layout.boxes, &inside) {
            (Some(boxes), _) => boxes,
            (None, _) if is_code(&name) => false,
            (None, Ok((below, files))) => {
                below.iter().any(|one| is_code(one))
                    || files.is_empty() && below.iter().any(|one| has_folders(&source.join(&name).join(one)))
            }
            (None, Err(_)) => false,
        };
        match inside {
            Ok((below, files)) if is_box => {
                walked.loose.extend(files.iter().map(|file| Path::new(&name).join(file)));
                let path = |dossier| Path::new(&name).join(dossier);
                walked.folders.extend(below.into_iter().map(|one| Folder { in_box: name.clone(), path: path(one) }));
            }
            _ => walked.folders.push(Folder { in_box: String::new(), path: PathBuf::from(name) }),
        }
    }
    Ok(walked)
}

/// The folders and the files of a folder, as people count them.
fn listed(folder: &Path) -> io::Result<(Vec<String>, Vec<String>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if gather::is_leftover(&name) {
            continue;
        }
        if kind.is_dir() {
            folders.push(name);
        } else if (kind.is_file() || kind.is_symlink()) && gather::may_be_capture(Path::new(&name)) {
            files.push(name);
        }
    }
    folders.sort_by(|a, b| gather::natural_order(a, b));
    files.sort_by(|a, b| gather::natural_order(a, b));
    Ok((folders, files))
}

fn has_folders(folder: &Path) -> bool {
    listed(folder).is_ok_and(|(folders, _)| !folders.is_empty())
}

/// The components of a dossier's folder or file, with what was passed over.
///
/// # Errors
/// When it is not there.
pub fn components(
    path: &Path,
    output: &Path,
    layout: Layout,
) -> Result<(Vec<Gathered>, Vec<PassedOver>), gather::GatherError> {
    let (gathered, passed_over) = gather::gather(&[path.to_owned()], Some(output))?;
    Ok((if layout.file_components { gather::by_file(gathered) } else { gathered }, passed_over))
}

/// How much there is of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Files.
    pub files: u64,
    /// Their pages.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Hash of their names, sizes and times: as long as it is the same, so are they.
    pub mark: String,
}

/// Counts what components have. Only files that may hold several pages are opened.
pub fn measure(components: &[Gathered], limits: &Limits) -> Size {
    let (mut size, mut hash) = (Size::default(), Sha256::new());
    for component in components {
        hash.update(format!("{}\0", component.name));
        for file in &component.files {
            let metadata = fs::metadata(&file.path).ok();
            let bytes = metadata.as_ref().map_or(0, fs::Metadata::len);
            let since = metadata.and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
            hash.update(format!("{}\0{bytes}\0{}\0", file.path.display(), since.unwrap_or_default().as_nanos()));
            size.files += 1;
            size.bytes += bytes;
            size.pages += pages(&file.path, limits);
        }
    }
    size.mark = hex(&hash.finalize());
    size
}

/// The pages of a file; one that cannot be read counts as one, and is set aside when its turn comes.
fn pages(file: &Path, limits: &Limits) -> u64 {
    if !has_several_pages(file, limits) {
        return 1;
    }
    let frames = gather::read(file, limits).and_then(|bytes| input::open(bytes, limits));
    frames.map_or(1, |frames| frames.len().max(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    fn walked(folder: &tempfile::TempDir, layout: &str) -> Vec<(String, String)> {
        let layout: Layout = layout.parse().unwrap();
        let walked = walk(folder.path(), layout, |name| name == "HS-07").unwrap();
        let shown = |folder: Folder| (folder.in_box, folder.path.to_string_lossy().into_owned());
        walked.folders.into_iter().map(shown).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn boxes_and_dossiers_are_told_apart_as_they_look() {
        let folder = tree(&[
            "Hộp 1/H21.15.25-250701-0012/Tờ khai/1.jpg",
            "Hộp 2/HS-07/1.jpg",
            "Hộp 10/A/Tờ khai/1.jpg",
            "H21.15.25-250701-0013/Tờ khai/1.jpg",
            "HS-07/x/1.jpg",
            "Đơn/1.jpg",
            "Nhà/Tờ khai/1.jpg",
            ".an/1.jpg",
        ]);
        let expected = [
            ("", "H21.15.25-250701-0013"),
            ("", "HS-07"),
            ("Hộp 1", "Hộp 1/H21.15.25-250701-0012"),
            ("Hộp 2", "Hộp 2/HS-07"),
            ("Hộp 10", "Hộp 10/A"),
            ("", "Nhà"),
            ("", "Đơn"),
        ];
        assert_eq!(walked(&folder, "auto"), pairs(&expected));
        assert_eq!(walked(&folder, "dossier/component").len(), 7);
        assert!(walked(&folder, "box/dossier/component").contains(&("Nhà".to_owned(), "Nhà/Tờ khai".to_owned())));
        assert_eq!("hop".parse::<Layout>(), Err(NotALayout));
    }

    #[test]
    fn files_above_the_dossiers_are_told() {
        let folder = tree(&["la.jpg", "ghi chu.txt", "Hộp 1/le.jpg", "Hộp 1/H21-250701-0012/1.jpg"]);
        let walked = walk(folder.path(), Layout::default(), |_| false).unwrap();
        assert_eq!(walked.loose, [PathBuf::from("la.jpg"), PathBuf::from("Hộp 1/le.jpg")]);
        assert_eq!(walked.folders.len(), 1);
    }

    #[test]
    fn a_change_of_a_file_changes_the_mark() {
        let folder = tree(&["d/1.jpg", "d/2.jpg"]);
        let output = folder.path().join("out");
        let of = |layout: &str| components(&folder.path().join("d"), &output, layout.parse().unwrap()).unwrap().0;
        let limits = Limits::default();
        let before = measure(&of("auto"), &limits);
        assert_eq!((before.files, before.pages, before.bytes), (2, 2, 14));
        assert_eq!(measure(&of("auto"), &limits), before);
        assert_eq!(of("dossier/file").len(), 2);
        fs::write(folder.path().join("d/2.jpg"), "longer now").unwrap();
        assert_ne!(measure(&of("auto"), &limits).mark, before.mark);
    }
}
