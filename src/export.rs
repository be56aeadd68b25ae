//! A dossier handed on: its files with their manifest and log as they lie in its directory, and the records that portals
//! ask for, in a folder or a zip file. Everything is checked against the manifest on the way; a half of it is never seen.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use toml::Table;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::digital_code::PaperData;
use crate::ledger::{Ledger, LedgerError};
use crate::log;
use crate::manifest::{self, Component, Manifest};
use crate::model::{Lang, Localized, io_reason, shown};
use crate::publish::{OutputDir, PublishError};
use crate::store::{ComponentShown, DossierShown, Published, State};

/// The records where the configuration names no other file.
const RECORDS: &str = include_str!("../assets/portal.toml");
/// Of these names, results go into the second and all else into the first.
const PAPERS: &str = "TaiLieuNop";
const RESULTS: &str = "GiayToKetQua";
/// What has a code as a digitised result goes into this, too, with its metadata (TT 01/2023/TT-VPCP Điều 9).
const DIGITISED: &str = "KetQuaSoHoa";

/// The end of the names of files with data as people corrected them.
const CORRECTED: &str = ".data.corrected.json";

/// How often and how long the directory is waited for while the service writes there.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Why a dossier cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Nothing of it is published.
    #[error("nothing of this dossier is finished yet")]
    Nothing,
    /// Its directory cannot be read, or was altered.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file is not what the manifest says.
    #[error("{}: was changed or is gone", shown(.0))]
    Altered(PathBuf),
    /// The target cannot be written.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The target is there already.
    #[error("{}: is there already; remove it or choose another name", shown(.0))]
    InTheWay(PathBuf),
    /// The file of records is wrong.
    #[error("the records of the portal: {0}")]
    Records(String),
}

impl Localized for ExportError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Ledger(error), lang) => error.message(lang),
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Nothing, Lang::Vi) => "hồ sơ này chưa có thành phần nào xong".to_owned(),
            (Self::Altered(path), Lang::Vi) => {
                format!("{}: tệp đã bị sửa hoặc mất; hãy chạy `sohoa verify` và lấy lại bản đúng", shown(path))
            }
            (Self::InTheWay(path), Lang::Vi) => {
                format!("{}: đã có; hãy xóa đi hoặc chọn tên khác", shown(path))
            }
            (Self::Records(text), Lang::Vi) => format!("tệp bản ghi cho cổng dịch vụ công sai: {text}"),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// The fields of the portal's records.
#[derive(Clone, Debug)]
pub struct Records(Table);

impl Records {
    /// Reads the file of records, or the built-in one.
    ///
    /// # Errors
    /// When it is no TOML or lacks one of the two tables.
    pub fn parse(text: Option<&str>) -> Result<Self, ExportError> {
        let records: Table = text
            .unwrap_or(RECORDS)
            .parse()
            .map_err(|error: toml::de::Error| ExportError::Records(error.message().to_owned()))?;
        for name in [PAPERS, RESULTS] {
            if !records.get(name).is_some_and(toml::Value::is_table) {
                return Err(ExportError::Records(format!("[{name}]")));
            }
        }
        Ok(Self(records))
    }

    /// The record of one file of a component, by name and SHA-256: among the results where the component is one.
    pub fn record(
        &self,
        dossier: &str,
        component: &ComponentShown,
        published: &Published,
        file: (&str, &str),
    ) -> Value {
        let table = if component.result_code.is_some() { RESULTS } else { PAPERS };
        self.fill(table, &fields(dossier, component, published, file))
    }

    fn has(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    fn fill(&self, table: &str, fields: &[(&str, Value)]) -> Value {
        let empty = Table::new();
        let template = self.0.get(table).and_then(toml::Value::as_table).unwrap_or(&empty);
        let filled = template.iter().map(|(name, value)| {
            let value = match value {
                toml::Value::String(text) => filled(text, fields),
                other => serde_json::to_value(other).unwrap_or(Value::Null),
            };
            (name.clone(), value)
        });
        Value::Object(filled.collect::<Map<_, _>>())
    }
}

/// A text with its words filled in; a word alone is what it stands for, which may be a number.
fn filled(text: &str, fields: &[(&str, Value)]) -> Value {
    let alone = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    if let Some((_, value)) = fields.iter().find(|(word, _)| Some(*word) == alone) {
        return value.clone();
    }
    let fill = |text: String, (word, value): &(&str, Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("{{{word}}}"), &value)
    };
    Value::from(fields.iter().fold(text.to_owned(), fill))
}

/// What the words in the records stand for.
type Fields = Vec<(&'static str, Value)>;

fn fields(dossier: &str, component: &ComponentShown, published: &Published, (file, sha256): (&str, &str)) -> Fields {
    let text = |text: Option<&String>| Value::from(text.map_or("", String::as_str));
    let replaced_by = component.reused.as_ref().and_then(|reused| reused.code.as_ref());
    let reused = match (&component.reused, replaced_by) {
        (None, _) => 0,
        (Some(_), None) => 1,
        (Some(_), Some(_)) => 2,
    };
    vec![
        ("dossier", dossier.into()),
        ("id", component.id.to_string().into()),
        ("code", text(component.code.as_ref())),
        ("result_code", text(component.result_code.as_ref())),
        ("digital_code", text(component.digital_code.as_ref().map(|code| &code.text))),
        ("reused", reused.into()),
        ("replaced_by", text(replaced_by)),
        ("title", component.title.clone().into()),
        ("name", published.name.clone().into()),
        ("version", published.version.to_string().into()),
        ("file", file.into()),
        ("path", format!("{dossier}/{file}").into()),
        ("sha256", sha256.into()),
    ]
}

/// What is known of a paper with a code, for its record.
fn known(component: &ComponentShown, data: Option<&PaperData>) -> Fields {
    let metadata = PaperData::metadata(data, &component.title, component.digital_code.as_ref());
    let text = |text: Option<String>| Value::from(text.unwrap_or_default());
    vec![
        ("type", text(metadata.type_code)),
        ("owner", text(metadata.owner)),
        ("owner_name", text(metadata.owner_name)),
        ("paper", metadata.title.into()),
        ("subject", text(metadata.subject)),
        ("valid_until", text(metadata.valid_until)),
        ("scope", text(metadata.scope)),
    ]
}

/// The data of a component of which people said something.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// What a file of data has of them.
    pub json: String,
    /// The same.
    pub data: PaperData,
}

/// What was exported.
#[derive(Debug)]
pub struct Exported {
    /// The folder or zip file.
    pub path: PathBuf,
    /// Number of files in it.
    pub files: usize,
    /// Components that are not in it as they are not made yet, by name, and how far they are.
    pub left_out: Vec<(String, State)>,
}

/// Exports a dossier: into a zip file where `to` ends in `.zip`, else into a folder called by its code in the folder `to`. What people
/// said of data (`corrected`, by the component's number) lies beside the files, which are as they were published.
///
/// # Errors
/// When nothing is published, a file is not what the manifest says, or the target cannot be written; it is not there then.
pub fn export(
    dossier: &DossierShown,
    records: &Records,
    corrected: &BTreeMap<i64, Corrected>,
    to: &Path,
) -> Result<Exported, ExportError> {
    let code = dossier.code.as_deref().unwrap_or_default();
    let newest = || dossier.components.iter().filter(|component| component.is_newest);
    let is_made = |component: &&ComponentShown| !component.published.is_empty();
    let directory = newest().find_map(|component| component.published.first()).ok_or(ExportError::Nothing)?;
    let directory = Path::new(&directory.directory);
    let (output, manifest) = take_up(directory)?;

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for listed in manifest.components.iter().flat_map(Component::files) {
        let path = directory.join(&listed.path);
        let bytes = fs::read(&path).map_err(|_| ExportError::Altered(path.clone()))?;
        if manifest::sha256_hex(&bytes) != listed.sha256 {
            return Err(ExportError::Altered(path));
        }
        files.push((listed.path.clone(), bytes));
    }
    for name in [log::FILE_NAME, manifest::FILE_NAME] {
        let path = directory.join(name);
        files.push((name.to_owned(), fs::read(&path).map_err(|source| ExportError::Io { path, source })?));
    }
    // From here on the copies count, whoever writes the directory.
    drop(output);
    let made: Vec<&ComponentShown> = newest().filter(is_made).collect();
    let said = made.iter().filter_map(|component| Some((*component, corrected.get(&component.id)?)));
    let said: Vec<_> = said.filter_map(|(component, one)| Some((beside(component, &manifest)?, &one.json))).collect();
    files.extend(said.into_iter().map(|(name, json)| (name, json.clone().into_bytes())));
    for table in [PAPERS, RESULTS, DIGITISED] {
        let belongs = |component: &&&ComponentShown| match table {
            DIGITISED => component.digital_code.is_some(),
            table => component.result_code.is_some() == (table == RESULTS),
        };
        let in_table = made.iter().filter(belongs);
        let records: Vec<Value> = in_table
            .flat_map(|one| records_of(one, (&manifest, &files), corrected.get(&one.id), records, table))
            .collect();
        if table == DIGITISED && records.is_empty() {
            continue;
        }
        let json = serde_json::to_vec_pretty(&records).expect("records are plain values");
        files.push((format!("{table}.json"), json));
    }
    let is_zip = to.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    let path = if is_zip { to.to_owned() } else { to.join(code) };
    if fs::symlink_metadata(&path).is_ok() {
        return Err(ExportError::InTheWay(path));
    }
    let written = if is_zip { write_zip(&path, code, &files) } else { write_folder(&path, &files) };
    written.map_err(|source| ExportError::Io { path: path.clone(), source })?;
    let left_out = newest().filter(|component| !is_made(component)).map(|one| (one.name.clone(), one.state)).collect();
    Ok(Exported { path, files: files.len(), left_out })
}

/// Takes up a dossier's directory, waiting for the service to finish what it writes.
fn take_up(directory: &Path) -> Result<(OutputDir, Manifest), ExportError> {
    let mut tries = 0;
    let output = loop {
        match OutputDir::open(directory) {
            Err(PublishError::InUse(_)) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            opened => break opened.map_err(LedgerError::from)?,
        }
    };
    let manifest = Ledger::read(&output)?.ok_or(ExportError::Nothing)?;
    Ok((output, manifest))
}

fn records_of(
    component: &ComponentShown,
    (manifest, files): (&Manifest, &[(String, Vec<u8>)]),
    corrected: Option<&Corrected>,
    records: &Records,
    table: &str,
) -> Vec<Value> {
    let dossier = manifest.dossier.clone().unwrap_or_default();
    let published = component.published.iter().filter(|_| records.has(table)).filter_map(|published| {
        let mut listed = manifest.components.iter();
        let listed = listed.find(|one| one.name == published.name && one.version == published.version)?;
        Some((published, listed, listed.file.as_ref()?))
    });
    let record = |(published, listed, file): (&Published, &Component, &manifest::File)| {
        let mut fields = fields(&dossier, component, published, (&file.path, &file.sha256));
        if table == DIGITISED {
            let data = listed.transcripts.iter().find(|file| PaperData::is_named(&file.path));
            let data = data.and_then(|data| files.iter().find(|(name, _)| *name == data.path));
            let read = || data.and_then(|(_, bytes)| PaperData::parse(bytes));
            let data = corrected.map(|one| one.data.clone()).or_else(read);
            fields.extend(known(component, data.as_ref()));
        }
        records.fill(table, &fields)
    };
    published.map(record).collect()
}

/// The name of the file with what people said of a component's data, called like its PDF.
fn beside(component: &ComponentShown, manifest: &Manifest) -> Option<String> {
    let is_it = |listed: &&Component| {
        component.published.iter().any(|one| listed.name == one.name && listed.version == one.version)
    };
    let pdf = &manifest.components.iter().filter(is_it).find_map(|listed| listed.file.as_ref())?.path;
    Some(format!("{}{CORRECTED}", pdf.strip_suffix(".pdf").unwrap_or(pdf)))
}

/// A name beside the target, on the same disk.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    path.with_file_name(format!(".sohoa-{name}.tmp"))
}

fn write_folder(path: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let temporary = temporary(path);
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    fs::create_dir(&temporary)?;
    let written = files.iter().try_for_each(|(name, bytes)| {
        let mut file = File::create_new(temporary.join(name))?;
        file.write_all(bytes)?;
        file.sync_all()
    });
    let placed = written
        .and_then(|()| File::open(&temporary)?.sync_all())
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| File::open(parent)?.sync_all());
    if placed.is_err() {
        drop(fs::remove_dir_all(&temporary));
    }
    placed
}

/// The PDF files are packed already: they are stored as they are.
fn write_zip(path: &Path, folder: &str, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let temporary = temporary(path);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let write = || -> io::Result<()> {
        let mut zip = ZipWriter::new(File::create(&temporary)?);
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, bytes) in files {
            let options = options.large_file(bytes.len() >= u32::MAX as usize);
            zip.start_file(format!("{folder}/{name}"), options)?;
            zip.write_all(bytes)?;
        }
        zip.finish()?.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(parent)?.sync_all()
    };
    let written = write();
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_filled_in() {
        let records = Records::parse(None).unwrap();
        let record = records.fill(PAPERS, &[("code", "TP1".into()), ("path", "c/a.pdf".into()), ("reused", 2.into())]);
        assert_eq!((&record["MaThanhPhanHoSo"], &record["DuongDanTaiTepTin"]), (&"TP1".into(), &"c/a.pdf".into()));
        assert_eq!((&record["DuocSoHoa"], &record["DuocTaiSuDung"]), (&1.into(), &2.into()));
        let own = Records::parse(Some("[TaiLieuNop]\nX = '{title}!'\n[GiayToKetQua]\n")).unwrap();
        assert_eq!(own.fill(PAPERS, &[("title", "a".into())]), serde_json::json!({"X": "a!"}));
        assert!(matches!(Records::parse(Some("[TaiLieuNop]")), Err(ExportError::Records(_))));
    }

    #[test]
    fn a_target_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a.pdf".to_owned(), b"one".to_vec()), ("sub/b.pdf".to_owned(), b"two".to_vec())];
        let target = folder.path().join("x/C");
        assert!(write_folder(&target, &files).is_err(), "its second file has no folder");
        assert_eq!(fs::read_dir(folder.path().join("x")).unwrap().count(), 0);
        write_folder(&target, &files[..1]).unwrap();
        assert_eq!(fs::read(target.join("a.pdf")).unwrap(), b"one");
        write_zip(&folder.path().join("x.zip"), "C", &files).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
