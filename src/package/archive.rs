//! The zip file of a package: where what lies in it, and its writing.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use time::OffsetDateTime;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::probe::{PIECE, pieces};
use super::{Document, PackageError, simpledc};
use crate::config::{Description, PackageConfig};
use crate::manifest;

pub(super) const METS: &str = "METS.xml";
pub(super) const DESCRIPTION: &str = "metadata/descriptive/EAD.xml";
pub(super) const PRESERVATION: &str = "metadata/preservation/PREMIS.xml";
pub(super) const REPRESENTATION: &str = "representations/rep1";
pub(super) const REPRESENTATION_METS: &str = "representations/rep1/METS.xml";
pub(super) const DATA: &str = "representations/rep1/data";
pub(super) const DOCUMENT_DESCRIPTIONS: &str = "representations/rep1/metadata/descriptive";
pub(super) const SCHEMAS: &str = "schemas";

/// METS 1.12.1, whose makers gave it away (CC0): `assets/schemas/README.md`.
const METS_SCHEMA: (&str, &str) = ("mets1_12.xsd", include_str!("../../assets/schemas/mets1_12.xsd"));

/// Most bytes of a METS file that is read back.
const MOST_METS: u64 = 64 << 20;

/// A file of the package that is made, or a schema.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Where it lies, from the package's folder.
    pub(super) path: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Their SHA-256, hex.
    pub(super) sha256: String,
}

impl Item {
    fn new(path: String, bytes: Vec<u8>) -> Self {
        Self { path, sha256: manifest::sha256_hex(&bytes), bytes }
    }

    pub(super) fn xml(path: String, text: String) -> Self {
        Self::new(path, text.into_bytes())
    }
}

/// The schemas in the package by name: those of the description, that of METS, and those of the folder that the
/// configuration names, which come first.
pub(super) fn schemas(config: &PackageConfig) -> Result<Vec<Item>, PackageError> {
    let mut schemas = Vec::new();
    if let Some(folder) = &config.schemas {
        let failure = |source| PackageError::io(folder.clone(), source);
        for entry in fs::read_dir(folder).map_err(failure)? {
            let path = entry.map_err(failure)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_portable = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if path.extension().is_some_and(|extension| extension == "xsd") && is_portable {
                let bytes = fs::read(&path).map_err(|source| PackageError::io(path.clone(), source))?;
                schemas.push(Item::new(format!("{SCHEMAS}/{name}"), bytes));
            }
        }
    }
    let of_description = match config.description {
        Description::Tt05 => simpledc::schemas().to_vec(),
        Description::Ead3 => Vec::new(),
    };
    let ours = of_description.into_iter().chain([(METS_SCHEMA.0, METS_SCHEMA.1.to_owned())]);
    for (name, text) in ours {
        let path = format!("{SCHEMAS}/{name}");
        if !schemas.iter().any(|known: &Item| known.path.eq_ignore_ascii_case(&path)) {
            schemas.push(Item::xml(path, text));
        }
    }
    schemas.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(schemas)
}

/// Writes the zip file: one folder with the items and the documents' files. Everything is stored as it is: the PDF
/// files are packed already.
pub(super) fn write(
    file: &mut File,
    folder: &str,
    items: &[Item],
    documents: &[Document<'_>],
    directory: &Path,
    time: OffsetDateTime,
) -> Result<(), PackageError> {
    let failure = |error: zip::result::ZipError| PackageError::io(folder.into(), error.into());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(dos_time(time))
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(BufWriter::with_capacity(PIECE, file));
    for item in items {
        zip.start_file(format!("{folder}/{}", item.path), options).map_err(failure)?;
        zip.write_all(&item.bytes).map_err(|error| PackageError::io(folder.into(), error))?;
    }
    for document in documents {
        let path = directory.join(&document.file.path);
        let options = options.large_file(document.file.bytes >= u32::MAX.into());
        zip.start_file(format!("{folder}/{}", document.path()), options).map_err(failure)?;
        let sha256 =
            pieces(&path, |piece| zip.write_all(piece).map_err(|error| PackageError::io(folder.into(), error)))?;
        if sha256 != document.file.sha256 {
            return Err(PackageError::Altered(path));
        }
    }
    let mut written = zip.finish().map_err(failure)?;
    written.flush().map_err(|error| PackageError::io(folder.into(), error))
}

/// A time as zip files have it, without a zone; what lies outside their years is their first moment.
fn dos_time(time: OffsetDateTime) -> DateTime {
    let year = u16::try_from(time.year()).unwrap_or_default();
    let (month, day) = (u8::from(time.month()), time.day());
    DateTime::from_date_and_time(year, month, day, time.hour(), time.minute(), time.second()).unwrap_or_default()
}

/// The time at which a package was made, as its METS file has it; `None` where it is none with this folder.
pub(super) fn time(path: &Path, folder: &str) -> Option<String> {
    let mut zip = ZipArchive::new(File::open(path).ok()?).ok()?;
    let entry = zip.by_name(&format!("{folder}/{METS}")).ok()?;
    let mut text = String::new();
    entry.take(MOST_METS).read_to_string(&mut text).ok()?;
    let (_, rest) = text.split_once(" CREATEDATE=\"")?;
    rest.split_once('"').map(|(time, _)| time.to_owned())
}
