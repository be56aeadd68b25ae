//! Which files are which component: a sub-folder is one component, the loose pictures of a folder are the pages of one
//! component in natural order, and a file named by itself is a component of its own.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::imaging::decode::{DecodeError, Limits};
use crate::input::InputError;
use crate::model::{Edit, Lang, Localized, io_reason, shown, unmarked};

/// Longest component name; with version and extension it stays within the 255 bytes of a file name on every system.
const MAX_NAME_CHARS: usize = 100;

/// Files beside pictures that never hold a page. Everything else in a folder counts as a capture, so that a paper
/// saved in an odd format is reported and not passed over.
const NOT_CAPTURES: [&str; 14] =
    ["json", "txt", "md", "xml", "csv", "ini", "db", "log", "p7s", "sha256", "lnk", "toml", "html", "url"];

/// Names of half-written files and of what file systems and programs leave behind.
const UNFINISHED: [&str; 8] = ["part", "partial", "tmp", "temp", "crdownload", "opdownload", "download", "filepart"];
const LEFTOVERS: [&str; 9] = [
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "@eadir",
    "__macosx",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
];

/// The captures of one component, in page order.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    /// Name of the component, fit for a file name (ASCII).
    pub name: String,
    /// Capture files in page order.
    pub files: Vec<CaptureFile>,
    /// Whether they were found in a folder, or named by themselves.
    pub is_folder: bool,
}

/// Where the bytes of a capture are, and what it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFile {
    /// The file to read.
    pub path: PathBuf,
    /// What the manifest and messages call it: the path itself, or, for a capture kept elsewhere, the name it came with.
    pub name: PathBuf,
    /// Which of its pages, from 1; `None` are all.
    pub pages: Option<RangeInclusive<usize>>,
    /// What a person decided of its pages, by their number.
    pub edits: BTreeMap<usize, Edit>,
}

impl From<PathBuf> for CaptureFile {
    fn from(path: PathBuf) -> Self {
        Self { name: path.clone(), path, pages: None, edits: BTreeMap::new() }
    }
}

/// Something in the input that was passed over, and is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassedOver {
    /// A symbolic link: what it points to may be outside the folder, or the folder itself.
    Link(PathBuf),
    /// A pipe, socket or device.
    Special(PathBuf),
    /// A directory that cannot be listed.
    Unlistable(PathBuf),
}

impl PassedOver {
    /// The file or directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Link(path) | Self::Special(path) | Self::Unlistable(path) => path,
        }
    }
}

impl Localized for PassedOver {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Link(_) => lang.pick(
                "bỏ qua vì là liên kết; hãy chép tệp thật vào thư mục",
                "passed over: a symbolic link; copy the real file into the folder",
            ),
            Self::Special(_) => lang.pick("bỏ qua vì không phải tệp thường", "passed over: not a regular file"),
            Self::Unlistable(_) => lang.pick(
                "không mở được thư mục; hãy kiểm tra quyền đọc",
                "the folder cannot be listed; check its permissions",
            ),
        }
        .to_owned()
    }
}

/// Why an input named on the command line cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatherError {
    /// Not there, or not to be reached.
    #[error("{}: {source}", shown(path))]
    Unreachable {
        /// As named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pipe, socket or device.
    #[error("{}: not a regular file or folder", shown(.0))]
    Special(PathBuf),
    /// The output directory is the input or inside it: its files would become input of the next run.
    #[error("{}: the output is inside the input", shown(.0))]
    OutputInsideInput(PathBuf),
}

impl Localized for GatherError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Unreachable { path, source }, lang) => {
                format!("{}: {}", shown(path), io_reason(source.kind(), lang))
            }
            (Self::Special(path), Lang::Vi) => format!("{}: không phải tệp hay thư mục thường", shown(path)),
            (Self::OutputInsideInput(path), Lang::Vi) => {
                format!("{}: thư mục kết quả nằm trong thư mục đầu vào; hãy chọn nơi khác", shown(path))
            }
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Gathers the components of the inputs, in the order given. `output` is the directory that will be written, if any.
///
/// # Errors
/// When an input does not exist, is no file or folder, or holds the output.
pub fn gather(inputs: &[PathBuf], output: Option<&Path>) -> Result<(Vec<Gathered>, Vec<PassedOver>), GatherError> {
    let output = output.map(absolute);
    let mut found = Vec::new();
    let mut passed_over = Vec::new();
    for input in inputs {
        let unreachable = |source| GatherError::Unreachable { path: input.clone(), source };
        let metadata = fs::metadata(input).map_err(unreachable)?;
        let path = fs::canonicalize(input).map_err(unreachable)?;
        if metadata.is_dir() {
            if let Some(output) = output.as_ref().filter(|output| output.starts_with(&path)) {
                return Err(GatherError::OutputInsideInput(output.clone()));
            }
            let title = file_name(&path);
            gather_folder(&path, &title, &mut found, &mut passed_over);
        } else if metadata.is_file() {
            let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            found.push((stem, vec![path], false));
        } else {
            return Err(GatherError::Special(input.clone()));
        }
    }
    let mut taken = BTreeSet::new();
    let gathered = found.into_iter().map(|(title, files, is_folder)| Gathered {
        name: unique(&component_name(&title), &mut taken),
        files: files.into_iter().map(CaptureFile::from).collect(),
        is_folder,
    });
    Ok((gathered.collect(), passed_over))
}

/// The components below a folder: its loose files, then each sub-folder.
fn gather_folder(
    folder: &Path,
    title: &str,
    found: &mut Vec<(String, Vec<PathBuf>, bool)>,
    passed_over: &mut Vec<PassedOver>,
) {
    let Ok(listing) = fs::read_dir(folder) else {
        passed_over.push(PassedOver::Unlistable(folder.to_owned()));
        return;
    };
    let mut paths: Vec<PathBuf> = listing.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort_by(|a, b| natural_order(&file_name(a), &file_name(b)));
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in paths {
        if is_leftover(&file_name(&path)) {
            continue;
        }
        match fs::symlink_metadata(&path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_symlink() => passed_over.push(PassedOver::Link(path)),
            Ok(kind) if kind.is_dir() => folders.push(path),
            Ok(kind) if kind.is_file() => {
                if may_be_capture(&path) {
                    files.push(path);
                }
            }
            Ok(_) => passed_over.push(PassedOver::Special(path)),
            // Vanished between listing and looking: somebody took it away.
            Err(_) => {}
        }
    }
    if !files.is_empty() {
        found.push((title.to_owned(), files, true));
    }
    for sub_folder in folders {
        let name = file_name(&sub_folder);
        gather_folder(&sub_folder, &name, found, passed_over);
    }
}

/// The bytes of a capture file.
///
/// # Errors
/// When it cannot be read or is larger than the limit.
pub fn read(path: &Path, limits: &Limits) -> Result<Arc<[u8]>, InputError> {
    let unreadable = |error: io::Error| InputError::Unreadable(error.kind());
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > limits.max_bytes {
        return Err(DecodeError::TooManyBytes { bytes, limit: limits.max_bytes }.into());
    }
    Ok(fs::read(path).map_err(unreadable)?.into())
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Whether a file or directory of this name is hidden, temporary or the system's.
pub fn is_leftover(name: &str) -> bool {
    let lower = name.to_lowercase();
    let unfinished = lower.rsplit_once('.').is_some_and(|(_, extension)| UNFINISHED.contains(&extension));
    name.starts_with('.') || name.starts_with('~') || name.ends_with('~') || unfinished || LEFTOVERS.contains(&&*lower)
}

/// Whether a file of this name may hold pictures of papers.
pub fn may_be_capture(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_none_or(|extension| !NOT_CAPTURES.contains(&extension.as_str()))
}

/// An absolute path with links resolved as far as the path exists.
pub fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut existing = absolute.as_path();
    loop {
        if let Ok(resolved) = fs::canonicalize(existing) {
            let rest = absolute.strip_prefix(existing).unwrap_or(Path::new(""));
            return if rest.as_os_str().is_empty() { resolved } else { resolved.join(rest) };
        }
        match existing.parent() {
            Some(parent) => existing = parent,
            None => return absolute,
        }
    }
}

/// A name that every file system and portal takes: ASCII letters, digits, `-` and `_`, marks folded away
/// (`Tờ khai` becomes `To-khai`). No full stop: it separates the version and the state from the name.
pub fn component_name(title: &str) -> String {
    let mut name = String::new();
    for c in unmarked(title) {
        let c = match c {
            c if c.is_ascii_alphanumeric() || c == '_' => c,
            _ => '-',
        };
        if c != '-' || !name.ends_with('-') {
            name.push(c);
        }
    }
    let name: String = name.trim_matches('-').chars().take(MAX_NAME_CHARS).collect();
    if name.is_empty() { "ho-so".to_owned() } else { name }
}

/// The name of a component that one file of a folder becomes by itself: that of the folder's and its own.
pub fn name_within(folder: &str, file: &Path, taken: &mut BTreeSet<String>) -> String {
    let stem = file.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    unique(&component_name(&format!("{folder}-{stem}")), taken)
}

/// The same files, each a component of its own that is called after it.
pub fn by_file(gathered: Vec<Gathered>) -> Vec<Gathered> {
    let mut taken = BTreeSet::new();
    let files = gathered.into_iter().flat_map(|component| component.files);
    files
        .map(|file| {
            let stem = file.name.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
            Gathered { name: unique(&component_name(&stem), &mut taken), files: vec![file], is_folder: false }
        })
        .collect()
}

/// The name, with `-2`, `-3` … where it is taken (also in other case: file systems differ in that).
pub fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.to_lowercase()) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

/// Order of names as people count: `trang 2` before `trang 10`, letter case aside.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        match (take_token(&mut rest_a), take_token(&mut rest_b)) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(token_a), Some(token_b)) => {
                let order = match (is_number(token_a), is_number(token_b)) {
                    (true, true) => compare_numbers(token_a, token_b),
                    _ => token_a.to_lowercase().cmp(&token_b.to_lowercase()),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

/// The next run of digits, or the next run of anything else.
fn take_token<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let first = rest.chars().next()?;
    let end = rest.find(|c: char| c.is_ascii_digit() != first.is_ascii_digit()).unwrap_or(rest.len());
    let (token, tail) = rest.split_at(end);
    *rest = tail;
    Some(token)
}

fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
}

/// Numbers of any length by value.
fn compare_numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_in_the_order_people_count() {
        let mut names =
            ["trang 10.jpg", "Trang 2.jpg", "trang 1.jpg", "a99999999999999999999", "a100000000000000000000"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["a99999999999999999999", "a100000000000000000000", "trang 1.jpg", "Trang 2.jpg", "trang 10.jpg"]
        );
    }

    #[test]
    fn names_are_folded_to_ascii() {
        assert_eq!(component_name("Tờ khai  ĐĂNG KÝ khai sinh"), "To-khai-DANG-KY-khai-sinh");
        assert_eq!(component_name("../../etc"), "etc");
        assert_eq!(component_name("日本"), "ho-so");
        assert_eq!(component_name(&"a".repeat(300)).len(), MAX_NAME_CHARS);
    }

    #[test]
    fn a_folder_is_a_component_and_each_sub_folder_another() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("Hồ sơ");
        for file in
            ["2.jpg", "10.jpg", "ghi chu.txt", "x.part", ".an.jpg", "Thumbs.db", "Giấy ủy quyền/1.tif", "b/c/1.png"]
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let (gathered, passed_over) =
            gather(&[root.clone(), root.join("2.jpg")], Some(&directory.path().join("out"))).unwrap();
        let names: Vec<(&str, usize)> = gathered.iter().map(|g| (g.name.as_str(), g.files.len())).collect();
        assert_eq!(names, [("Ho-so", 2), ("c", 1), ("Giay-uy-quyen", 1), ("2", 1)]);
        assert!(gathered[0].files[0].path.ends_with("2.jpg"));
        assert!(passed_over.is_empty());
    }

    #[test]
    fn links_are_passed_over_and_told() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("in");
        fs::create_dir(&root).unwrap();
        std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
        let (gathered, passed_over) = gather(std::slice::from_ref(&root), Some(&directory.path().join("out"))).unwrap();
        assert!(gathered.is_empty());
        assert!(matches!(&passed_over[..], [PassedOver::Link(path)] if path.ends_with("loop")));
    }

    #[test]
    fn the_output_is_never_inside_an_input() {
        let directory = tempfile::tempdir().unwrap();
        for output in [directory.path().to_owned(), directory.path().join("a/b/out")] {
            let result = gather(&[directory.path().to_owned()], Some(&output));
            assert!(matches!(result, Err(GatherError::OutputInsideInput(_))));
        }
    }

    #[test]
    fn equal_names_are_told_apart() {
        let mut taken = BTreeSet::new();
        let names: Vec<String> = ["a", "A", "a"].iter().map(|name| unique(name, &mut taken)).collect();
        assert_eq!(names, ["a", "A-2", "a-3"]);
    }
}
