//! `manifest.json`: what was made of which captures, with a hash of everything.
//!
//! The schema is `docs/manifest.schema.json`. The file ends with a seal, its last member: the SHA-256 of all bytes
//! before it and, where a key was at hand, a CMS signature over the same bytes. The seal's own spelling is fixed, so
//! one changed byte anywhere in the file is found.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::imaging::quality::{Flag, Measures};
use crate::model::{Edit, Lang, Notice, Orientation, Quad, Role, SizeMm};

/// Identifies the schema; a reader refuses others.
pub const SCHEMA: &str = "sohoa-manifest/1";

/// Name of the file in the output directory.
pub const FILE_NAME: &str = "manifest.json";

/// The whole manifest, without its seal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program that wrote it.
    pub tool: Tool,
    /// Code of the dossier (*mã hồ sơ*) that the components belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dossier: Option<String>,
    /// When the directory was first written, RFC 3339 with `+07:00`.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
    /// Where the log ends; absent in directories made before there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogHead>,
    /// Components, each version an entry, in the order in which they were made.
    pub components: Vec<Component>,
}

/// The end of the log (`log.jsonl`): under the manifest's seal, so that a log cut off is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// Number of entries.
    pub entries: u64,
    /// SHA-256 of the last line without its line break, hex.
    pub sha256: String,
}

/// The program and the models that it read with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// `sohoa`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Recognition models by file name.
    pub models: Vec<Model>,
}

/// A recognition model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// File name.
    pub file: String,
    /// SHA-256 of the file, hex.
    pub sha256: String,
}

/// How far a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Complete and signed (*xong*).
    Signed,
    /// Complete, waiting for a signature (*chờ ký*).
    Unsigned,
    /// Some captures were set aside: what could be read, never signed.
    Incomplete,
    /// A PDF that came with signatures of others: kept byte for byte (*giữ nguyên*).
    Kept,
    /// A page bears a mark of secrecy: nothing was made of it (*có dấu mật*).
    Secret,
}

impl State {
    /// In a person's words.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Signed => lang.pick("đã ký", "signed"),
            Self::Unsigned => lang.pick("chờ ký", "unsigned"),
            Self::Incomplete => lang.pick("thiếu trang", "incomplete"),
            Self::Kept => lang.pick("đã có chữ ký, giữ nguyên", "came signed, kept as it is"),
            Self::Secret => lang.pick("có dấu mật, không số hóa", "marked secret, not digitised"),
        }
    }
}

/// One version of one component (*thành phần hồ sơ*).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Name; also the stem of the file name, where the profile does not number files.
    pub name: String,
    /// 1 for the first scan; a rescan makes the next, the earlier file stays.
    pub version: u32,
    /// State of this version.
    pub state: State,
    /// Name of the legal profile that it follows; absent for files kept as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// File name in the directory; absent when no page could be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// Files of its text beside it; absent where none were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transcripts: Vec<File>,
    /// What the profile allows, bytes, where the file has more even so; absent where it fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceeds: Option<u64>,
    /// SHA-256 of the PDF as it was assembled, before it was signed, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned_sha256: Option<String>,
    /// The first signature, if there is one: of the person who made the copy, or of the agency by profiles that ask for it
    /// alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// The agency's signature after that of a person, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub countersignature: Option<Signature>,
    /// What is known of a file that came with signatures; absent for files made here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// SHA-256 over the captures, the settings and the tool: the same again means nothing to do.
    pub fingerprint: String,
    /// When this version was made.
    pub created: String,
    /// The pages in order; as many as there are images in the PDF.
    pub pages: Vec<Page>,
    /// Captures that could not be read, or may not be digitised.
    pub set_aside: Vec<SetAside>,
}

impl Page {
    /// Whether the page wants a rescan (*cần quét lại*): its quality is doubted, and nobody accepted it as it is.
    pub fn wants_rescan(&self) -> bool {
        !self.quality.flags.is_empty() && self.decided.accepted.is_none()
    }
}

impl Component {
    /// A version with nothing in it yet.
    pub fn begun(name: String, version: u32, state: State, fingerprint: String, created: String) -> Self {
        Self {
            name,
            version,
            profile: None,
            state,
            file: None,
            transcripts: Vec::new(),
            exceeds: None,
            unsigned_sha256: None,
            signature: None,
            countersignature: None,
            kept: None,
            fingerprint,
            created,
            pages: Vec::new(),
            set_aside: Vec::new(),
        }
    }

    /// The files of this version in the directory: its transcripts and its PDF.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.transcripts.iter().chain(&self.file)
    }
}

/// A file with its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Name, relative to the manifest, or the absolute path of a source.
    pub path: String,
    /// Size, bytes.
    pub bytes: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

/// Who signed, with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// For whom it stands.
    #[serde(default)]
    pub role: Role,
    /// Whether it is seen on the first page.
    #[serde(default)]
    pub visible: bool,
    /// Common name in the certificate.
    pub signer: String,
    /// SHA-256 of the certificate, hex.
    pub certificate_sha256: String,
    /// PAdES level: `B-B`, or what it was brought to afterwards: `B-T`, `B-LT`, `B-LTA`.
    pub level: String,
    /// Whether the key is a development identity, whose signatures have no legal value.
    pub development: bool,
    /// Time claimed in the signature.
    pub time: String,
}

/// A PDF that came with signatures and was kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The file as it was found.
    pub source: File,
    /// Its pages.
    pub pages: usize,
    /// Its signatures, earliest first; empty when their structure cannot be read.
    pub signatures: Vec<FoundSignature>,
}

/// A signature that a file came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundSignature {
    /// Full name of its form field.
    pub field: String,
    /// Its format, for example `ETSI.CAdES.detached`.
    pub format: String,
    /// Common name in the signer's certificate; absent when the certificate cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// SHA-256 of that certificate, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// The time it claims, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether the file still is what was signed, whoever signed; absent where sohoa cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intact: Option<bool>,
    /// Whether it covers the file up to its end.
    pub covers_whole_file: bool,
}

/// One page of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Position in the PDF, from 1.
    pub number: usize,
    /// The capture it was made of.
    pub source: Source,
    /// The page image inside the PDF.
    pub image: Image,
    /// The paper's outline on the capture, from the content's top left clockwise, pixels; null without a page edge.
    pub quad: Option<Quad>,
    /// Trust in the outline, 0 to 1.
    pub quad_confidence: f32,
    /// Rotation taken out after orientation, degrees clockwise.
    pub skew_deg: f64,
    /// Turn of the content on the capture, degrees clockwise.
    pub orientation: Orientation,
    /// Nothing on the page.
    pub blank: bool,
    /// Quality of the capture.
    pub quality: Quality,
    /// What a person should know of the capture though the page is good; absent when there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
    /// Codes on the page.
    pub codes: Vec<Code>,
    /// What a person decided of it, in place of what was found; absent where nobody did.
    #[serde(default, skip_serializing_if = "Edit::is_empty")]
    pub decided: Edit,
    /// How well it was read; absent without OCR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocr: Option<Ocr>,
}

/// A page of a capture file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The capture file as it was found.
    pub file: File,
    /// Which page of it, from 1.
    pub page: usize,
}

/// A page image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// SHA-256 of its streams in the PDF, one after the other (of layers: background, foreground, mask), hex.
    pub sha256: String,
    /// How it is stored; absent in manifests made before there was a choice: a JPEG.
    #[serde(default)]
    pub form: ImageForm,
    /// Quality of its JPEG, 1 to 100, of layers that of the background; absent where the capture's own stream was kept and
    /// for one bit a pixel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Resolution, pixels an inch.
    pub dpi: f64,
    /// Paper size, millimetres.
    pub size_mm: SizeMm,
}

/// How a page image is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageForm {
    /// A JPEG.
    #[default]
    Jpeg,
    /// One bit a pixel, JBIG2 without loss.
    Jbig2,
    /// Print as a mask (JBIG2 without loss) over a background (JPEG).
    Layers,
}

/// Quality of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    /// Reasons for a rescan (*cần quét lại*); empty on a good page.
    pub flags: Vec<Flag>,
    /// What was measured.
    pub measures: Measures,
}

/// A code that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// `QR` or `CODE128`.
    pub kind: String,
    /// What it says.
    pub payload: String,
}

/// Result of the reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ocr {
    /// Recogniser.
    pub engine: String,
    /// Words found.
    pub words: usize,
    /// Mean confidence by character, 0 to 1; null on a page without words.
    pub confidence: Option<f32>,
}

/// A capture that could not become a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetAside {
    /// The capture file.
    pub file: File,
    /// Which page of it, from 1; absent when the whole file is unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<usize>,
    /// Why, in Vietnamese, with the cure.
    pub reason: String,
}

/// Why bytes are no valid manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The end of the file is not a seal.
    #[error("the seal at the end of the manifest is missing or altered")]
    SealMissing,
    /// The hash in the seal is not that of the file.
    #[error("the manifest was changed after it was sealed")]
    Changed,
    /// Not the JSON of the schema.
    #[error("the manifest does not follow the schema {SCHEMA}: {0}")]
    Schema(#[from] serde_json::Error),
    /// Another schema version.
    #[error("the manifest has the schema {0}, this version reads {SCHEMA}")]
    Version(String),
}

/// What stands before the seal.
const SEAL_KEY: &str = ",\n  \"seal\": ";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    sha256: String,
    cms: Option<String>,
}

/// A manifest read back.
#[derive(Debug)]
pub struct Sealed {
    /// The content.
    pub manifest: Manifest,
    /// The bytes under the seal.
    pub body: Vec<u8>,
    /// CMS signature over them, DER; `None` where no key was at hand.
    pub cms: Option<Vec<u8>>,
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of bytes, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        })
        .collect();
    let digits = digits?;
    (digits.len() % 2 == 0).then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// The bytes of `manifest.json`. `sign` makes the CMS over the bytes it is given, or `None` without a key.
///
/// # Errors
/// Those of `sign`; a manifest itself can always be written.
pub fn seal<E>(manifest: &Manifest, sign: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, E>) -> Result<Vec<u8>, E> {
    let json = serde_json::to_string_pretty(manifest).expect("a manifest has only string keys");
    let mut bytes = json.into_bytes();
    let body = bytes.trim_ascii_end().strip_suffix(b"}").expect("a manifest is an object").trim_ascii_end().len();
    bytes.truncate(body);
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    let cms = sign(&bytes)?;
    bytes.extend_from_slice(render_seal(&digest, cms.as_deref()).as_bytes());
    Ok(bytes)
}

fn render_seal(digest: &[u8; 32], cms: Option<&[u8]>) -> String {
    let cms = cms.map_or_else(|| "null".to_owned(), |der| format!("\"{}\"", hex(der)));
    format!("{SEAL_KEY}{{\n    \"sha256\": \"{}\",\n    \"cms\": {cms}\n  }}\n}}\n", hex(digest))
}

/// Reads `manifest.json` and checks its hash. The CMS is returned for the caller to verify.
///
/// # Errors
/// When any byte was changed, or the schema is not ours.
pub fn open(bytes: &[u8]) -> Result<Sealed, ManifestError> {
    let key = SEAL_KEY.as_bytes();
    let start = bytes.windows(key.len()).rposition(|window| window == key).ok_or(ManifestError::SealMissing)?;
    let (body, tail) = bytes.split_at(start);
    let seal_text = tail[key.len()..].trim_ascii_end().strip_suffix(b"}").ok_or(ManifestError::SealMissing)?;
    let seal: Seal = serde_json::from_slice(seal_text).map_err(|_| ManifestError::SealMissing)?;
    let digest: [u8; 32] = Sha256::digest(body).into();
    let cms = seal.cms.map(|text| unhex(&text).ok_or(ManifestError::SealMissing)).transpose()?;
    if seal.sha256 != hex(&digest) {
        return Err(ManifestError::Changed);
    }
    if tail != render_seal(&digest, cms.as_deref()).as_bytes() {
        return Err(ManifestError::SealMissing);
    }
    let json = [body, b"}"].concat();
    let schema = serde_json::from_slice::<serde_json::Value>(&json)?;
    match schema.get("schema").and_then(serde_json::Value::as_str) {
        Some(SCHEMA) => {}
        other => return Err(ManifestError::Version(other.unwrap_or("none").to_owned())),
    }
    Ok(Sealed { manifest: serde_json::from_slice(&json)?, body: body.to_vec(), cms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn sample() -> Manifest {
        Manifest {
            schema: SCHEMA.to_owned(),
            tool: Tool { name: "sohoa".into(), version: "0.1.0".into(), models: vec![] },
            dossier: Some("H21.15.25-250701-0012".into()),
            created: "2026-01-02T03:04:05+07:00".into(),
            updated: "2026-01-02T03:04:05+07:00".into(),
            log: Some(LogHead { entries: 1, sha256: "cd".into() }),
            components: vec![Component {
                name: "to-khai".into(),
                version: 1,
                state: State::Incomplete,
                profile: Some("tt01-2023".into()),
                transcripts: Vec::new(),
                file: None,
                exceeds: None,
                unsigned_sha256: None,
                signature: None,
                countersignature: None,
                kept: None,
                fingerprint: "00".into(),
                created: "2026-01-02T03:04:05+07:00".into(),
                pages: vec![],
                set_aside: vec![SetAside {
                    file: File { path: "/a/ảnh.jpg".into(), bytes: 3, sha256: "ab".into() },
                    page: None,
                    reason: "tệp rỗng".into(),
                }],
            }],
        }
    }

    #[test]
    fn a_sealed_manifest_reads_back() {
        let bytes = seal(&sample(), |_| Ok::<_, Infallible>(Some(vec![0x30, 0x03, 1, 2, 3]))).unwrap();
        let sealed = open(&bytes).unwrap();
        assert_eq!(sealed.manifest, sample());
        assert_eq!(sealed.cms, Some(vec![0x30, 0x03, 1, 2, 3]));
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
    }

    #[test]
    fn any_changed_byte_outside_the_cms_is_found() {
        let bytes = seal(&sample(), |_| Ok::<_, Infallible>(None)).unwrap();
        for position in 0..bytes.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = bytes.clone();
                changed[position] ^= flip;
                assert!(open(&changed).is_err(), "byte {position} xor {flip:#x} passed");
            }
        }
    }

    #[test]
    fn a_truncated_or_extended_manifest_is_refused() {
        let bytes = seal(&sample(), |_| Ok::<_, Infallible>(None)).unwrap();
        assert!((0..bytes.len()).all(|length| open(&bytes[..length]).is_err()));
        assert!(open(&[&bytes[..], b" "].concat()).is_err());
    }
}
