//! Signatures in PDF files: room for one is prepared by an incremental update, and those present are listed.
//!
//! Only the place of a signature is dealt with here: field, dictionary, `/ByteRange` and the hole for the CMS bytes.
//! What the CMS says is the business of `sign`. The way of a signature: [`prepare`] → hash [`Prepared::digest_input`] →
//! sign → [`Prepared::fill`]. Each is an update of its own, so an earlier signature stays valid.
//!
//! The fields are invisible unless they are given an [`Appearance`], and follow PAdES (ETSI EN 319 142-1) and PDF/A
//! (ISO 19005-2, 6.4): `ETSI.CAdES.detached`, signing time in `/M`, one byte range over the whole file but the hole.
//! Document timestamps (section 5.4.3 there) stand in fields of the same kind, with an RFC 3161 token for the CMS:
//! [`prepare_timestamp`]. What a file may grow by after it was signed is in [`super::changes`], the stored revocation data
//! in [`super::dss`].

use std::collections::BTreeSet;
use std::ops::Range;

use lopdf::{Dictionary, Document, Object, ObjectId};
use sha2::{Digest, Sha256};
use time::macros::{format_description, offset};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use super::appearance::Appearance;
use super::incremental::{self, Update, load, text_of, text_string};
use crate::model::{Lang, Localized};

pub use super::incremental::ReadError;

/// Room for the CMS bytes that suits a chain of three certificates with a timestamp (2–6 KB without one).
pub const DEFAULT_RESERVE: usize = 16 * 1024;
/// Most room: a string of PDF/A-2 has at most 32,767 bytes (6.1.13).
pub const MAX_RESERVE: usize = 32_767;

/// Format of document timestamps.
const TIMESTAMP_SUB_FILTER: &str = "ETSI.RFC3161";

/// Annotation flags Print and Locked (ISO 32000-1, table 165); PDF/A wants Print (6.5.3 in part 1, 6.3.2 in part 2).
const WIDGET_FLAGS: i64 = 4 + 128;
/// `SignaturesExist` and `AppendOnly` (ISO 32000-1, table 219).
const SIGNATURE_FLAGS: i64 = 3;
/// Digits left for each number of a byte range: files end below 4 GB.
const OFFSET_DIGITS: usize = 10;
/// Deepest tree and largest number of form fields that are looked through.
const MAX_FIELD_DEPTH: usize = 32;
const MAX_FIELDS: usize = 100_000;

/// What a signature says in plain text beside the certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureField {
    /// Name of the form field, unique in the file, without full stops.
    pub name: String,
    /// Who signs.
    pub signer_name: String,
    /// Why.
    pub reason: Option<String>,
    /// Where.
    pub location: Option<String>,
    /// How to reach the signer.
    pub contact: Option<String>,
    /// The claimed time; written in Vietnam's time, `+07'00'`.
    pub time: OffsetDateTime,
    /// What is seen of the signature on the first page; `None` leaves it invisible.
    pub appearance: Option<Appearance>,
}

/// A file with a signature field whose CMS bytes are still missing.
#[derive(Debug)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// The hole with its angle brackets.
    hole: Range<usize>,
}

impl Prepared {
    /// What is signed: the file before and after the hole.
    pub fn digest_input(&self) -> [&[u8]; 2] {
        [&self.bytes[..self.hole.start], &self.bytes[self.hole.end..]]
    }

    /// SHA-256 of [`digest_input`](Self::digest_input).
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.digest_input())
    }

    /// The most CMS bytes that fit.
    pub fn capacity(&self) -> usize {
        (self.hole.len() - 2) / 2
    }

    /// Puts the CMS bytes into the hole.
    ///
    /// # Errors
    ///
    /// [`SignatureError::NotDer`] when `cms` is not exactly one DER structure, [`SignatureError::TooLarge`] when it
    /// does not fit.
    pub fn fill(self, cms: &[u8]) -> Result<Vec<u8>, SignatureError> {
        if der_length(cms) != Some(cms.len()) {
            return Err(SignatureError::NotDer);
        }
        if cms.len() > self.capacity() {
            return Err(SignatureError::TooLarge { needed: cms.len(), reserved: self.capacity() });
        }
        let Self { mut bytes, hole } = self;
        for (pair, byte) in bytes[hole.start + 1..].chunks_exact_mut(2).zip(cms) {
            pair.copy_from_slice(&hex_pair(*byte));
        }
        Ok(bytes)
    }
}

/// A signature found in a file whose structure is sound; whether it is *valid* only its CMS can tell.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddedSignature {
    /// Full name of the form field.
    pub field: String,
    /// Offset and length of the two signed parts.
    pub byte_range: [usize; 4],
    /// The CMS bytes without the padding of the hole.
    pub cms: Vec<u8>,
    /// Whether nothing follows the signed bytes. Of several signatures only the last one covers the whole file.
    pub covers_whole_file: bool,
    /// The format, for example `ETSI.CAdES.detached`.
    pub sub_filter: String,
    /// Claimed name of the signer.
    pub signer_name: Option<String>,
    /// Claimed reason.
    pub reason: Option<String>,
    /// Claimed place.
    pub location: Option<String>,
    /// Claimed contact.
    pub contact: Option<String>,
    /// Claimed time.
    pub time: Option<OffsetDateTime>,
}

impl EmbeddedSignature {
    /// What is signed, out of the file this signature was found in.
    pub fn digest_input<'a>(&self, pdf: &'a [u8]) -> [&'a [u8]; 2] {
        let [start, length, second_start, second_length] = self.byte_range;
        [&pdf[start..start + length], &pdf[second_start..second_start + second_length]]
    }

    /// SHA-256 of [`digest_input`](Self::digest_input).
    pub fn digest(&self, pdf: &[u8]) -> [u8; 32] {
        sha256(self.digest_input(pdf))
    }

    /// Whether it is a document timestamp (ETSI EN 319 142-1, 5.4.3), which nobody signs: its CMS is an RFC 3161 token.
    pub fn is_timestamp(&self) -> bool {
        self.sub_filter == TIMESTAMP_SUB_FILTER
    }

    /// The most CMS bytes that fit into its hole.
    pub fn capacity(&self) -> usize {
        (self.byte_range[2] - self.byte_range[1] - 2) / 2
    }

    /// The file with other CMS bytes in the hole of this signature: the same ones with a timestamp over them. The file must
    /// be the one that this signature was found in, and nothing later may cover the hole.
    ///
    /// # Errors
    ///
    /// As [`Prepared::fill`].
    pub fn refill(&self, pdf: &[u8], cms: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let hole = self.byte_range[1]..self.byte_range[2];
        let mut bytes = pdf.to_vec();
        bytes[hole.start + 1..hole.end - 1].fill(b'0');
        Prepared { bytes, hole }.fill(cms)
    }

    /// Where the revision that was signed ends; a reader of that revision sees the bytes up to here.
    pub fn revision_end(&self) -> usize {
        self.byte_range[2] + self.byte_range[3]
    }
}

/// Why a signature cannot be placed or read.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A part of the file that a signature needs is not as it must be.
    #[error("the PDF file cannot be signed: {0}")]
    Structure(&'static str),
    /// Another field has this name.
    #[error("the PDF file already has a field named {0:?}: choose another name")]
    FieldExists(String),
    /// The name of the field is empty or has a full stop, or the time is out of range.
    #[error("the {0} of the signature is not valid")]
    Value(&'static str),
    /// Less than one or more than [`MAX_RESERVE`] bytes asked for.
    #[error("cannot reserve {0} bytes for a signature, at most {MAX_RESERVE}")]
    Reserve(usize),
    /// The CMS bytes do not fit into the hole.
    #[error("the signature has {needed} bytes, {reserved} were reserved: reserve more and sign again")]
    TooLarge {
        /// Bytes of the CMS structure.
        needed: usize,
        /// Bytes that would have fitted.
        reserved: usize,
    },
    /// A signature in the file forbids further ones.
    #[error("the PDF file was certified with no further signature allowed: {0}")]
    Closed(&'static str),
    /// The CMS bytes are not one DER structure.
    #[error("the signature is not one DER structure")]
    NotDer,
    /// A signature in the file has a broken structure: it was damaged, or tampered with.
    #[error("signature {field:?}: {reason}")]
    Malformed {
        /// Full name of the field.
        field: String,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Localized for SignatureError {
    fn message(&self, lang: Lang) -> String {
        match (lang, self) {
            (Lang::En, _) => self.to_string(),
            (Lang::Vi, Self::Read(ReadError::Broken(_))) => "tệp PDF bị hỏng, hãy lấy lại tệp gốc".to_owned(),
            (Lang::Vi, Self::Read(ReadError::Encrypted)) => {
                "tệp PDF đang được bảo vệ, hãy bỏ mật khẩu rồi làm lại".to_owned()
            }
            (Lang::Vi, Self::Read(ReadError::TooLarge)) => "tệp PDF lớn hơn 4 GB, hãy tách tệp".to_owned(),
            (Lang::Vi, Self::Structure(_)) => "cấu trúc tệp PDF không cho phép ký, hãy tạo lại tệp".to_owned(),
            (Lang::Vi, Self::FieldExists(name)) => format!("tệp đã có trường tên {name:?}, hãy chọn tên khác"),
            (Lang::Vi, Self::Value(_)) => "tên trường hoặc thời gian ký không hợp lệ, hãy sửa lại".to_owned(),
            (Lang::Vi, Self::Reserve(count)) => {
                format!("không thể dành {count} byte cho chữ ký, tối đa {MAX_RESERVE} byte")
            }
            (Lang::Vi, Self::TooLarge { needed, reserved }) => {
                format!("chữ ký dài {needed} byte nhưng chỉ dành {reserved} byte, hãy dành nhiều hơn rồi ký lại")
            }
            (Lang::Vi, Self::Closed(by)) => format!(
                "tệp PDF đã được chứng nhận và không cho phép ký thêm ({by}); hãy xin người ký trước tệp cho phép ký thêm"
            ),
            (Lang::Vi, Self::NotDer) => "dữ liệu chữ ký không đúng định dạng DER, hãy ký lại".to_owned(),
            (Lang::Vi, Self::Malformed { field, .. }) => {
                format!("chữ ký {field:?} có cấu trúc sai, tệp có thể đã bị sửa: hãy lấy lại tệp gốc")
            }
        }
    }
}

/// Appends a signature field with a hole of `reserve` bytes to a file, which is not changed otherwise.
///
/// A vector is extended in place, a slice is copied.
///
/// # Errors
///
/// See [`SignatureError`]: an unreadable or encrypted file, a field name in use, a `reserve` out of bounds.
pub fn prepare(pdf: impl Into<Vec<u8>>, field: &SignatureField, reserve: usize) -> Result<Prepared, SignatureError> {
    let time = pdf_time(field.time).ok_or(SignatureError::Value("time"))?;
    let pdf = pdf.into();
    // Document timestamps stay allowed on a closed file.
    check_open(&load(&pdf)?, &field.name)?;
    place(pdf, &field.name, field.appearance.as_ref(), reserve, |out| signature_dictionary(out, field, &time, reserve))
}

/// Appends a document timestamp with a hole of `reserve` bytes for its token, in a field with a name of its own
/// (`Timestamp1`, or the first number not in use).
///
/// # Errors
///
/// As [`prepare`].
pub fn prepare_timestamp(pdf: impl Into<Vec<u8>>, reserve: usize) -> Result<Prepared, SignatureError> {
    let pdf = pdf.into();
    let document = load(&pdf)?;
    let known: BTreeSet<String> = fields(&document)?.into_iter().map(|field| field.name).collect();
    let name = (1..).map(|number| format!("Timestamp{number}")).find(|name| !known.contains(name));
    let name = name.ok_or(SignatureError::Value("field name"))?;
    place(pdf, &name, None, reserve, |out| timestamp_dictionary(out, reserve))
}

fn place(
    mut bytes: Vec<u8>,
    name: &str,
    look: Option<&Appearance>,
    reserve: usize,
    dictionary: impl FnOnce(&mut Vec<u8>) -> Places,
) -> Result<Prepared, SignatureError> {
    if !(1..=MAX_RESERVE).contains(&reserve) {
        return Err(SignatureError::Reserve(reserve));
    }
    if name.is_empty() || name.contains('.') {
        return Err(SignatureError::Value("field name"));
    }
    let document = load(&bytes)?;
    if fields(&document)?.iter().any(|known| known.name == name) {
        return Err(SignatureError::FieldExists(name.to_owned()));
    }
    let mut update = Update::new(&bytes, &document)?;
    let (value, widget, appearance) = (update.allocate(), update.allocate(), update.allocate());
    let page = document.page_iter().next().ok_or(SignatureError::Structure("it has no page"))?;
    add_to_form(&document, &mut update, widget)?;
    add_to_page(&document, &mut update, page, widget, look)?;
    update.object(widget, &widget_dictionary(name, value, page, appearance, look));
    match look {
        Some(look) => look.write(&mut update, appearance),
        // PDF/A-1 (6.9) wants an appearance for every field, even one without area.
        None => {
            update.raw(appearance, |out| {
                out.extend_from_slice(
                    b"<</Type/XObject/Subtype/Form/BBox[0 0 0 0]/Resources<<>>/Length 0>>\nstream\n\nendstream",
                );
            });
        }
    }
    let mut places = Places::default();
    let start = update.raw(value, |out| places = dictionary(out));
    bytes.extend(update.finish());
    if u32::try_from(bytes.len()).is_err() {
        return Err(ReadError::TooLarge.into());
    }
    let hole = start + places.hole.start..start + places.hole.end;
    write_byte_range(&mut bytes, start + places.byte_range, &hole);
    Ok(Prepared { bytes, hole })
}

/// Lists the signatures of a file, earliest first. Fields not yet signed are left out.
///
/// # Errors
///
/// [`SignatureError::Read`] when the file cannot be read, [`SignatureError::Malformed`] when the structure of any
/// signature is not sound: a byte range out of bounds, a hole that is not exactly the signature's contents, bytes
/// hidden in its padding, a signed part that does not end where a revision ends, or overlapping signatures.
pub fn list(pdf: &[u8]) -> Result<Vec<EmbeddedSignature>, SignatureError> {
    let document = load(pdf)?;
    let mut signatures = Vec::new();
    for field in fields(&document)?.into_iter().filter(|field| field.signature) {
        if let Some(value) = field.value {
            let value = resolve(&document, value).and_then(Object::as_dict);
            let malformed = |reason| SignatureError::Malformed { field: field.name.clone(), reason };
            let value = value.map_err(|_| malformed("its value is not a dictionary"))?;
            signatures.push(read_signature(&document, pdf, &field.name, value).map_err(malformed)?);
        }
    }
    signatures.sort_by_key(EmbeddedSignature::revision_end);
    for pair in signatures.windows(2) {
        let hole_start = pair[1].byte_range[1];
        if pair[0].revision_end() > hole_start {
            return Err(SignatureError::Malformed { field: pair[1].field.clone(), reason: "it overlaps another one" });
        }
    }
    Ok(signatures)
}

/// Checks that no signature in the file forbids one in a new field: by a certification or a lock that permits no change
/// at all (`DocMDP` or a lock dictionary with `/P 1`; ISO 32000-2, 12.8.2.2 and table 237), or by locking fields of this
/// name (`FieldMDP`, 12.8.2.4).
fn check_open(document: &Document, name: &str) -> Result<(), SignatureError> {
    for value in fields(document)?.iter().filter(|field| field.signature).filter_map(|field| field.value) {
        let Ok(value) = resolve(document, value).and_then(Object::as_dict) else { continue };
        let references = value.get(b"Reference").and_then(|list| resolve(document, list)).and_then(Object::as_array);
        for reference in references.into_iter().flatten() {
            let Ok(reference) = resolve(document, reference).and_then(Object::as_dict) else { continue };
            let get = |key: &[u8]| reference.get(key).and_then(|object| resolve(document, object));
            let Ok(parameters) = get(b"TransformParams").and_then(Object::as_dict) else { continue };
            let parameter = |key: &[u8]| parameters.get(key).and_then(|object| resolve(document, object));
            // Table 257: 2 where it is not stated.
            let permits_nothing = parameter(b"P").and_then(Object::as_i64).unwrap_or(2) == 1;
            match get(b"TransformMethod").and_then(Object::as_name) {
                Ok(b"DocMDP") if permits_nothing => return Err(SignatureError::Closed("DocMDP /P 1")),
                Ok(b"FieldMDP") if permits_nothing => return Err(SignatureError::Closed("FieldMDP /P 1")),
                Ok(b"FieldMDP") => {
                    let listed = parameter(b"Fields").and_then(Object::as_array).is_ok_and(|names| {
                        let named = |one: &Object| resolve(document, one).and_then(Object::as_str).ok().map(text_of);
                        names.iter().any(|one| named(one).as_deref() == Some(name))
                    });
                    let locked = match parameter(b"Action").and_then(Object::as_name) {
                        Ok(b"All") => true,
                        Ok(b"Include") => listed,
                        Ok(b"Exclude") => !listed,
                        _ => false,
                    };
                    if locked {
                        return Err(SignatureError::Closed("FieldMDP"));
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A form field, full name included.
pub(super) struct Field<'a> {
    pub(super) name: String,
    pub(super) signature: bool,
    pub(super) value: Option<&'a Object>,
}

/// All named fields of the form, by a walk over its tree.
pub(super) fn fields(document: &Document) -> Result<Vec<Field<'_>>, SignatureError> {
    let Ok(form) = catalog(document)?.1.get(b"AcroForm") else { return Ok(Vec::new()) };
    let form = dictionary(document, form, "its form is not a dictionary")?;
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    if let Ok(roots) = form.get(b"Fields") {
        let roots = resolve(document, roots).and_then(Object::as_array);
        let roots = roots.map_err(|_| SignatureError::Structure("its list of fields is not an array"))?;
        for root in roots {
            collect_fields(document, root, &Inherited::default(), &mut seen, &mut found)?;
        }
    }
    Ok(found)
}

/// What a field takes over from its parent.
#[derive(Clone, Default)]
struct Inherited {
    name: String,
    signature: bool,
    depth: usize,
}

fn collect_fields<'a>(
    document: &'a Document,
    node: &'a Object,
    parent: &Inherited,
    seen: &mut BTreeSet<ObjectId>,
    found: &mut Vec<Field<'a>>,
) -> Result<(), SignatureError> {
    if let Object::Reference(id) = node
        && !seen.insert(*id)
    {
        return Err(SignatureError::Structure("its form has a loop"));
    }
    if parent.depth > MAX_FIELD_DEPTH || found.len() > MAX_FIELDS {
        return Err(SignatureError::Structure("its form is too deep or too large"));
    }
    let field = dictionary(document, node, "a form field is not a dictionary")?;
    let mut here = Inherited { depth: parent.depth + 1, ..parent.clone() };
    if let Ok(part) = field.get(b"T").and_then(|part| resolve(document, part)).and_then(Object::as_str) {
        let dot = if parent.name.is_empty() { "" } else { "." };
        here.name = format!("{}{dot}{}", parent.name, text_of(part));
    }
    if let Ok(kind) = field.get(b"FT").and_then(|kind| resolve(document, kind)).and_then(Object::as_name) {
        here.signature = kind == b"Sig";
    }
    if let Ok(kids) = field.get(b"Kids").and_then(|kids| resolve(document, kids)).and_then(Object::as_array) {
        for kid in kids {
            collect_fields(document, kid, &here, seen, found)?;
        }
    }
    let value = field.get(b"V").ok().filter(|value| !value.is_null());
    if field.has(b"T") || value.is_some() {
        found.push(Field { name: here.name, signature: here.signature, value });
    }
    Ok(())
}

fn read_signature(
    document: &Document,
    pdf: &[u8],
    field: &str,
    value: &Dictionary,
) -> Result<EmbeddedSignature, &'static str> {
    let get = |key: &[u8]| value.get(key).and_then(|object| resolve(document, object));
    let byte_range = get(b"ByteRange").and_then(Object::as_array).map_err(|_| "it has no byte range")?;
    let numbers: Vec<usize> = byte_range
        .iter()
        .map(|number| number.as_i64().ok().and_then(|number| usize::try_from(number).ok()))
        .collect::<Option<_>>()
        .ok_or("its byte range has something other than offsets and lengths")?;
    let byte_range = <[usize; 4]>::try_from(numbers).map_err(|_| "its byte range is not two parts")?;
    let hole = check_byte_range(pdf, byte_range)?;
    let contents = decode_hole(&pdf[hole])?;
    if !get(b"Contents").and_then(Object::as_str).is_ok_and(|string| string == contents) {
        return Err("the gap in its byte range is not its contents");
    }
    let length = der_length(&contents).ok_or("its contents are not one DER structure")?;
    let (cms, padding) = contents.split_at(length);
    if padding.iter().any(|byte| *byte != 0) {
        return Err("its contents are followed by hidden bytes");
    }
    let text = |key: &[u8]| get(key).and_then(Object::as_str).ok().map(text_of);
    Ok(EmbeddedSignature {
        field: field.to_owned(),
        byte_range,
        cms: cms.to_vec(),
        covers_whole_file: byte_range[2] + byte_range[3] == pdf.len(),
        sub_filter: get(b"SubFilter").and_then(Object::as_name).map(text_of).unwrap_or_default(),
        signer_name: text(b"Name"),
        reason: text(b"Reason"),
        location: text(b"Location"),
        contact: text(b"ContactInfo"),
        time: text(b"M").and_then(|time| parse_pdf_time(&time)),
    })
}

/// Checks that the two parts lie in order within the file and end where a revision ends; answers the gap.
fn check_byte_range(pdf: &[u8], range: [usize; 4]) -> Result<Range<usize>, &'static str> {
    let [start, length, second_start, second_length] = range;
    let end = second_start.checked_add(second_length).filter(|end| *end <= pdf.len());
    let end = end.ok_or("its byte range reaches beyond the file")?;
    if start != 0 {
        return Err("its byte range does not begin at the first byte");
    }
    if length >= second_start {
        return Err("its byte range leaves no gap for its contents");
    }
    if !pdf[..end].trim_ascii_end().ends_with(b"%%EOF") {
        return Err("its byte range does not end where a revision of the file ends");
    }
    Ok(length..second_start)
}

/// The bytes of a hexadecimal string in strict form: brackets, digits of one case, nothing else. Anything looser
/// would leave room for changes that no signature sees.
fn decode_hole(hole: &[u8]) -> Result<Vec<u8>, &'static str> {
    let digits = hole.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">"));
    let digits = digits.ok_or("the gap in its byte range is not one hexadecimal string")?;
    let (upper, lower) = (digits.iter().any(u8::is_ascii_uppercase), digits.iter().any(u8::is_ascii_lowercase));
    if !digits.len().is_multiple_of(2) || (upper && lower) {
        return Err("the hexadecimal string of its contents is irregular");
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits
        .as_chunks()
        .0
        .iter()
        .map(|&[high, low]| Some((nibble(high)? << 4) | nibble(low)?))
        .collect::<Option<_>>()
        .ok_or("the hexadecimal string of its contents is irregular")
}

/// Puts the widget into the list of form fields, and marks the file as signed.
fn add_to_form(document: &Document, update: &mut Update<'_>, widget: ObjectId) -> Result<(), SignatureError> {
    let (catalog_id, catalog) = catalog(document)?;
    let form_entry = catalog.get(b"AcroForm").ok();
    let mut form = match form_entry {
        Some(entry) => dictionary(document, entry, "its form is not a dictionary")?.clone(),
        None => Dictionary::new(),
    };
    let flags = form.get(b"SigFlags").and_then(Object::as_i64).unwrap_or(0);
    form.set("SigFlags", flags | SIGNATURE_FLAGS);
    append_reference(document, update, &mut form, "Fields", widget)?;
    match form_entry {
        Some(Object::Reference(id)) if !update.is_hidden(*id) => update.object(*id, &Object::Dictionary(form)),
        _ => {
            let mut catalog = catalog.clone();
            catalog.set("AcroForm", form);
            update.object(catalog_id, &Object::Dictionary(catalog));
        }
    }
    Ok(())
}

fn add_to_page(
    document: &Document,
    update: &mut Update<'_>,
    page: ObjectId,
    widget: ObjectId,
    appearance: Option<&Appearance>,
) -> Result<(), SignatureError> {
    if update.is_hidden(page) {
        return Err(SignatureError::Structure("its first page is hidden from older readers"));
    }
    let reason = SignatureError::Structure("its first page is not a dictionary");
    let mut dictionary = document.get_dictionary(page).map_err(|_| reason)?.clone();
    let grown = appearance.and_then(|appearance| appearance.media_box);
    if let Some(edges) = grown {
        dictionary.set("MediaBox", edges.map(real).to_vec());
    }
    let holder = append_reference(document, update, &mut dictionary, "Annots", widget)?;
    if holder == Holder::Owner || grown.is_some() {
        update.object(page, &Object::Dictionary(dictionary));
    }
    Ok(())
}

/// What was changed when a reference was appended to an array.
#[derive(PartialEq)]
enum Holder {
    /// The dictionary that holds the array.
    Owner,
    /// The array, an object of its own, which is in the update already.
    Array,
}

fn append_reference(
    document: &Document,
    update: &mut Update<'_>,
    owner: &mut Dictionary,
    key: &str,
    widget: ObjectId,
) -> Result<Holder, SignatureError> {
    let reason = SignatureError::Structure("a list that must take the signature is not an array");
    let entry = owner.get(key.as_bytes()).cloned().unwrap_or(Object::Null);
    let mut array = match resolve(document, &entry) {
        Ok(Object::Array(array)) => array.clone(),
        Ok(Object::Null) => Vec::new(),
        _ => return Err(reason),
    };
    array.push(Object::Reference(widget));
    if let Object::Reference(id) = entry
        && !update.is_hidden(id)
    {
        update.object(id, &Object::Array(array));
        return Ok(Holder::Array);
    }
    owner.set(key, array);
    Ok(Holder::Owner)
}

fn widget_dictionary(
    name: &str,
    value: ObjectId,
    page: ObjectId,
    appearance: ObjectId,
    look: Option<&Appearance>,
) -> Object {
    let mut appearances = Dictionary::new();
    appearances.set("N", Object::Reference(appearance));
    let mut widget = Dictionary::new();
    widget.set("Type", "Annot");
    widget.set("Subtype", "Widget");
    widget.set("FT", "Sig");
    widget.set("T", text_string(name));
    widget.set("V", Object::Reference(value));
    widget.set("F", WIDGET_FLAGS);
    let rectangle = look.map_or([0.0; 4], Appearance::rectangle);
    widget.set("Rect", rectangle.map(real).to_vec());
    widget.set("P", Object::Reference(page));
    widget.set("AP", appearances);
    Object::Dictionary(widget)
}

/// Hundredths of a point (4 µm) keep numbers short.
#[expect(clippy::cast_possible_truncation, reason = "PDF numbers are single precision: 14,400.00 still has its cents")]
fn real(value: f64) -> Object {
    Object::Real(((value * 100.0).round() / 100.0) as f32)
}

/// Offsets of the blanks in a signature dictionary, from its start.
#[derive(Default)]
struct Places {
    /// First byte of room for the numbers of the byte range.
    byte_range: usize,
    /// The hole with its angle brackets.
    hole: Range<usize>,
}

fn signature_dictionary(out: &mut Vec<u8>, field: &SignatureField, time: &str, reserve: usize) -> Places {
    let places = begin_dictionary(out, "Sig", "ETSI.CAdES.detached", reserve);
    let texts = [
        (&b"/M"[..], Some(time)),
        (b"/Name", Some(field.signer_name.as_str())),
        (b"/Reason", field.reason.as_deref()),
        (b"/Location", field.location.as_deref()),
        (b"/ContactInfo", field.contact.as_deref()),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            out.extend_from_slice(key);
            incremental::serialize(out, &text_string(text));
        }
    }
    out.extend_from_slice(b">>");
    places
}

fn timestamp_dictionary(out: &mut Vec<u8>, reserve: usize) -> Places {
    let places = begin_dictionary(out, "DocTimeStamp", TIMESTAMP_SUB_FILTER, reserve);
    out.extend_from_slice(b">>");
    places
}

/// What both kinds of signature dictionaries begin with, up to the hole.
fn begin_dictionary(out: &mut Vec<u8>, kind: &str, sub_filter: &str, reserve: usize) -> Places {
    let start = out.len();
    let head = format!("<</Type/{kind}/Filter/Adobe.PPKLite/SubFilter/{sub_filter}/ByteRange[");
    out.extend_from_slice(head.as_bytes());
    let byte_range = out.len() - start;
    out.resize(out.len() + 4 * (OFFSET_DIGITS + 1), b' ');
    out.extend_from_slice(b"]/Contents");
    let hole = out.len() - start;
    out.push(b'<');
    out.resize(out.len() + 2 * reserve, b'0');
    out.push(b'>');
    Places { byte_range, hole: hole..out.len() - start }
}

fn write_byte_range(bytes: &mut [u8], at: usize, hole: &Range<usize>) {
    let numbers = format!("0 {} {} {}", hole.start, hole.end, bytes.len() - hole.end);
    bytes[at..at + numbers.len()].copy_from_slice(numbers.as_bytes());
}

pub(super) fn catalog(document: &Document) -> Result<(ObjectId, &Dictionary), SignatureError> {
    let id = document.trailer.get(b"Root").and_then(Object::as_reference);
    let id = id.map_err(|_| SignatureError::Structure("it has no catalog"))?;
    let catalog = document.get_dictionary(id).map_err(|_| SignatureError::Structure("it has no catalog"))?;
    Ok((id, catalog))
}

pub(super) fn dictionary<'a>(
    document: &'a Document,
    object: &'a Object,
    reason: &'static str,
) -> Result<&'a Dictionary, SignatureError> {
    resolve(document, object).and_then(Object::as_dict).map_err(|_| SignatureError::Structure(reason))
}

pub(super) fn resolve<'a>(document: &'a Document, object: &'a Object) -> lopdf::Result<&'a Object> {
    document.dereference(object).map(|(_, object)| object)
}

/// Length of the DER structure that the bytes begin with, header included; `None` when it is not a definite-length
/// sequence or is cut off.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let (&0x30, rest) = bytes.split_first()? else { return None };
    let (&first, rest) = rest.split_first()?;
    let (header, length) = match first {
        0..=0x7F => (2, usize::from(first)),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let length = rest.get(..count)?.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            (2 + count, length)
        }
        _ => return None,
    };
    Some(header + length).filter(|length| *length <= bytes.len())
}

fn hex_pair(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
    [digit(byte >> 4), digit(byte & 0xF)]
}

fn sha256(parts: [&[u8]; 2]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// A date string in Vietnam's time (ISO 32000-1, 7.9.4).
fn pdf_time(time: OffsetDateTime) -> Option<String> {
    let local = time.checked_to_offset(offset!(+7)).filter(|local| (0..=9999).contains(&local.year()))?;
    let digits = local.format(format_description!("[year][month][day][hour][minute][second]")).ok()?;
    Some(format!("D:{digits}+07'00'"))
}

/// Reads a date string; parts left out count as the first month, day or second, a zone left out as UTC.
fn parse_pdf_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.strip_prefix("D:").unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count().min(14);
    let part = |from: usize, to: usize, default: u8| {
        if digits < to { Some(default) } else { text[from..to].parse::<u8>().ok() }
    };
    let year = text.get(..4).filter(|_| digits >= 4)?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(part(4, 6, 1)?).ok()?, part(6, 8, 1)?).ok()?;
    let time = Time::from_hms(part(8, 10, 0)?, part(10, 12, 0)?, part(12, 14, 0)?).ok()?;
    let zone: Vec<i8> = text[digits..]
        .trim_start_matches(['+', '-', 'Z'])
        .split_terminator('\'')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let sign = if text[digits..].starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = [0, 1].map(|i| zone.get(i).copied().unwrap_or(0));
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?;
    Some(date.with_time(time).assume_offset(offset))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    /// A page without content, cross-referenced by a table.
    fn plain_pdf() -> Vec<u8> {
        let mut pdf = pdf_writer::Pdf::new();
        let [catalog, tree, page] = [1, 2, 3].map(pdf_writer::Ref::new);
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids([page]).count(1);
        pdf.page(page).parent(tree).media_box(pdf_writer::Rect::new(0.0, 0.0, 595.28, 841.89)).resources();
        pdf.finish()
    }

    /// The same with a cross-reference stream, and with the form and the annotations as objects of their own.
    fn pdf_with_references() -> Vec<u8> {
        let mut pdf = pdf_writer::Pdf::new();
        let [catalog, tree, page, form, fields, annotations, xref] = [1, 2, 3, 4, 5, 6, 7].map(pdf_writer::Ref::new);
        pdf.catalog(catalog).pages(tree).pair(pdf_writer::Name(b"AcroForm"), form);
        pdf.pages(tree).kids([page]).count(1);
        pdf.page(page)
            .parent(tree)
            .media_box(pdf_writer::Rect::new(0.0, 0.0, 9.0, 9.0))
            .pair(pdf_writer::Name(b"Annots"), annotations);
        pdf.indirect(form).dict().pair(pdf_writer::Name(b"Fields"), fields);
        pdf.indirect(fields).array();
        pdf.indirect(annotations).array();
        pdf.finish_with_xref_stream(xref)
    }

    fn field(name: &str) -> SignatureField {
        SignatureField {
            appearance: None,
            name: name.to_owned(),
            signer_name: "Nguyễn Thị Ánh".to_owned(),
            reason: Some("Số hóa (thử)".to_owned()),
            location: None,
            contact: Some("a@b.vn".to_owned()),
            time: datetime!(2026-11-21 20:30:01 UTC),
        }
    }

    const CMS: [u8; 6] = [0x30, 4, 2, 2, 0x12, 0];

    fn sign(pdf: &[u8], name: &str) -> Vec<u8> {
        prepare(pdf, &field(name), 40).unwrap().fill(&CMS).unwrap()
    }

    #[test]
    fn list_finds_what_was_filled_in() {
        for pdf in [plain_pdf(), pdf_with_references()] {
            let signed = sign(&pdf, "Chữ ký 1");
            assert!(signed.starts_with(&pdf));
            let found = list(&signed).unwrap();
            let expected = EmbeddedSignature {
                field: "Chữ ký 1".to_owned(),
                byte_range: found[0].byte_range,
                cms: CMS.to_vec(),
                covers_whole_file: true,
                sub_filter: "ETSI.CAdES.detached".to_owned(),
                signer_name: Some("Nguyễn Thị Ánh".to_owned()),
                reason: Some("Số hóa (thử)".to_owned()),
                location: None,
                contact: Some("a@b.vn".to_owned()),
                time: Some(datetime!(2026-11-22 03:30:01 +7)),
            };
            assert_eq!(found, [expected]);
            assert_eq!(signed.len() - found[0].digest_input(&signed).concat().len(), 2 * 40 + 2);
        }
    }

    #[test]
    fn filling_does_not_change_what_was_signed() {
        let prepared = prepare(plain_pdf(), &field("a"), 40).unwrap();
        let digest = prepared.digest();
        let signed = prepared.fill(&CMS).unwrap();
        assert_eq!(list(&signed).unwrap()[0].digest(&signed), digest);
    }

    #[test]
    fn a_second_signature_leaves_the_first_as_it_was() {
        for pdf in [plain_pdf(), pdf_with_references()] {
            let first = sign(&pdf, "a");
            let second = sign(&first, "b");
            assert!(second.starts_with(&first));
            let (before, after) = (list(&first).unwrap(), list(&second).unwrap());
            assert_eq!(after.len(), 2);
            assert_eq!(after[0], EmbeddedSignature { covers_whole_file: false, ..before[0].clone() });
            assert_eq!(after[0].digest(&second), before[0].digest(&first));
            assert_eq!(after[0].revision_end(), first.len());
            assert!(after[1].covers_whole_file);
        }
    }

    #[test]
    fn any_change_of_a_byte_shows() {
        let signed = sign(&plain_pdf(), "a");
        let original = list(&signed).unwrap();
        let digest = original[0].digest(&signed);
        for at in 0..signed.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut changed = signed.clone();
                changed[at] ^= mask;
                if let Ok(found) = list(&changed)
                    && found == original
                {
                    assert_ne!(found[0].digest(&changed), digest, "byte {at} ^ {mask}");
                }
            }
        }
    }

    #[test]
    fn names_in_use_and_holes_of_no_use_are_refused() {
        let signed = sign(&plain_pdf(), "a");
        let error = |pdf: &[u8], name: &str, reserve| prepare(pdf, &field(name), reserve).unwrap_err();
        assert_eq!(error(&signed, "a", 40), SignatureError::FieldExists("a".to_owned()));
        assert_eq!(error(&signed, "", 40), SignatureError::Value("field name"));
        assert_eq!(error(&signed, "b.c", 40), SignatureError::Value("field name"));
        assert_eq!(error(&signed, "b", 0), SignatureError::Reserve(0));
        assert_eq!(error(&signed, "b", MAX_RESERVE + 1), SignatureError::Reserve(MAX_RESERVE + 1));
        assert!(matches!(error(b"%PDF-1.4 nothing", "b", 40), SignatureError::Read(ReadError::Broken(_))));
    }

    #[test]
    fn only_one_whole_der_structure_is_filled_in() {
        let fill = |cms: &[u8]| prepare(plain_pdf(), &field("a"), 8).unwrap().fill(cms).unwrap_err();
        for cms in [&b""[..], &CMS[..5], &[0x30, 0x80, 0, 0], &[0x31, 0], &[0x30, 0, 0]] {
            assert_eq!(fill(cms), SignatureError::NotDer, "{cms:?}");
        }
        assert_eq!(fill(&[0x30, 7, 0, 0, 0, 0, 0, 0, 0]), SignatureError::TooLarge { needed: 9, reserved: 8 });
    }

    /// Replaces text of the same length.
    fn replaced(pdf: &[u8], from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let at = pdf.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut pdf = pdf.to_vec();
        pdf[at..at + to.len()].copy_from_slice(to.as_bytes());
        pdf
    }

    #[test]
    fn byte_ranges_that_lie_are_malformed() {
        let signed = sign(&plain_pdf(), "a");
        let [_, start, end, rest] = list(&signed).unwrap()[0].byte_range;
        let honest = format!("[0 {start} {end} {rest}");
        for lie in [
            format!("[1 {start} {end} {rest}"),
            format!("[0 {} {end} {rest}", start - 1),
            format!("[0 {start} {} {rest}", end - 1),
            format!("[0 {start} {end} {}", rest - 9),
            format!("[0 {start} {end} {}", rest + 1),
            format!("[0 {end} {start} {rest}"),
            format!("[0 {start} {end} -{}", rest % 100),
        ] {
            let error = list(&replaced(&signed, &honest, &lie));
            assert!(matches!(error, Err(SignatureError::Malformed { .. })), "{lie}: {error:?}");
        }
    }

    #[test]
    fn bytes_hidden_behind_the_signature_are_malformed() {
        let signed = sign(&plain_pdf(), "a");
        for (from, to) in [("1200000", "1200001"), ("1200000", "120000g"), ("0000>/M", "00 0>/M")] {
            let error = list(&replaced(&signed, from, to));
            assert!(matches!(error, Err(SignatureError::Malformed { .. })), "{from} {to}: {error:?}");
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let time = datetime!(2026-11-21 20:30:01 UTC);
        assert_eq!(pdf_time(time).unwrap(), "D:20261122033001+07'00'");
        assert_eq!(parse_pdf_time("D:20261122033001+07'00'"), Some(time));
        assert_eq!(parse_pdf_time("D:20261121203001Z"), Some(time));
        assert_eq!(parse_pdf_time("2026"), Some(datetime!(2026-01-01 0:00 UTC)));
        for text in ["", "D:", "D:20261", "D:20261322", "D:20261122+99'00'", "D:2026112203300199é", "D:+07"] {
            assert_eq!(parse_pdf_time(text).filter(|_| text != "D:20261"), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn damaged_files_give_errors_not_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in any::<prop::sample::Index>(),
            streams in any::<bool>(),
        ) {
            let pdf = if streams { pdf_with_references() } else { plain_pdf() };
            let mut pdf = sign(&sign(&pdf, "a"), "b");
            for (at, value) in changes {
                let at = at.index(pdf.len());
                pdf[at] = value;
            }
            if cut.index(4) == 0 {
                pdf.truncate(cut.index(pdf.len()));
            }
            let _listed = list(&pdf);
            let _prepared = prepare(pdf.as_slice(), &field("c"), 40);
        }
    }
}
