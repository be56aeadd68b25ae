//! Incremental updates: new and changed objects, a cross-reference section and a trailer appended to an untouched file
//! (ISO 32000-1, 7.5.6).
//!
//! The section has the form of the one before it, table or stream, as readers expect. lopdf reads; what is appended is
//! serialised here, so that not one byte before it changes and every byte of it is ours.

use std::collections::BTreeMap;
use std::io::Write as _;

use lopdf::xref::{XrefEntry, XrefType};
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};

use super::MAX_STRUCTURE;
use sha2::{Digest, Sha256};

/// Why a PDF cannot be read or appended to.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// Not a PDF file, or one too damaged to trust.
    #[error("not a sound PDF file ({0})")]
    Broken(String),
    /// Protected by a password or a certificate.
    #[error("the PDF file is encrypted")]
    Encrypted,
    /// Offsets of four gigabytes and more are not supported.
    #[error("the PDF file is larger than 4 GB")]
    TooLarge,
}

/// Reads the dictionaries of a file; streams are left out, for the pictures of a long document would double its
/// memory. A file whose cross-references need repair is refused: what a repair finds is a guess, and other readers may
/// guess differently.
pub(super) fn load(pdf: &[u8]) -> Result<Document, ReadError> {
    load_filtered(pdf, keep_dictionaries)
}

/// [`load`] with the objects that `keep` lets pass.
pub(super) fn load_filtered(
    pdf: &[u8],
    keep: fn(ObjectId, &mut Object) -> Option<(ObjectId, Object)>,
) -> Result<Document, ReadError> {
    if u32::try_from(pdf.len()).is_err() {
        return Err(ReadError::TooLarge);
    }
    if !pdf.starts_with(b"%PDF-") {
        return Err(broken("no PDF header at its start"));
    }
    let options =
        LoadOptions { filter: Some(keep), max_decompressed_size: Some(MAX_STRUCTURE), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(pdf, options).map_err(|error| match error {
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) | lopdf::Error::UnsupportedSecurityHandler(_) => {
            ReadError::Encrypted
        }
        other => broken(&other.to_string()),
    })?;
    if document.encryption_state.is_some() || document.trailer.has(b"Encrypt") {
        return Err(ReadError::Encrypted);
    }
    if document.xref_recovery.is_some() {
        return Err(broken("damaged cross-reference table"));
    }
    Ok(document)
}

/// A stream is kept only while its objects are unpacked; objects unpacked are taken from the answer.
fn keep_dictionaries(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    match object {
        Object::Stream(stream) => stream.dict.has_type(b"ObjStm").then_some((id, Object::Null)),
        other => Some((id, other.clone())),
    }
}

pub(super) fn broken(reason: &str) -> ReadError {
    ReadError::Broken(reason.to_owned())
}

/// Objects to be appended to a file.
pub(super) struct Update<'a> {
    document: &'a Document,
    base: usize,
    tail: Vec<u8>,
    offsets: BTreeMap<u32, (u16, usize)>,
    next: u32,
}

impl<'a> Update<'a> {
    /// An empty update of the file that `document` was read from.
    pub(super) fn new(pdf: &[u8], document: &'a Document) -> Result<Self, ReadError> {
        let declared = document.trailer.get(b"Size").and_then(Object::as_i64).unwrap_or(0);
        let declared = u32::try_from(declared).map_err(|_| broken("absurd object count"))?;
        let next = document.max_id.saturating_add(1).max(declared).max(1);
        // Far above any real file, far below overflow (PDF/A-1, 6.1.12, allows 8,388,607 objects).
        if next > 8_000_000 {
            return Err(broken("absurd object count"));
        }
        let tail = if pdf.last() == Some(&b'\n') { Vec::new() } else { vec![b'\n'] };
        Ok(Self { document, base: pdf.len(), tail, offsets: BTreeMap::new(), next })
    }

    /// Whether only readers of cross-reference streams see this object: in a hybrid file (ISO 32000-1, 7.5.8.4), whose table
    /// calls it free. Such an object cannot be replaced in a table; what refers to it must refer to another.
    pub(super) fn is_hidden(&self, id: ObjectId) -> bool {
        let table = &self.document.reference_table;
        matches!(table.cross_reference_type, XrefType::CrossReferenceTable)
            && matches!(table.get(id.0), Some(XrefEntry::Compressed { .. }))
    }

    /// A number that no object has yet.
    pub(super) fn allocate(&mut self) -> ObjectId {
        self.next += 1;
        (self.next - 1, 0)
    }

    /// Appends a new or changed object.
    pub(super) fn object(&mut self, id: ObjectId, object: &Object) {
        self.raw(id, |tail| serialize(tail, object));
    }

    /// Appends an object whose body the caller writes; answers the offset in the whole file at which it begins.
    pub(super) fn raw(&mut self, id: ObjectId, body: impl FnOnce(&mut Vec<u8>)) -> usize {
        self.offsets.insert(id.0, (id.1, self.base + self.tail.len()));
        print(&mut self.tail, format_args!("{} {} obj\n", id.0, id.1));
        let start = self.base + self.tail.len();
        body(&mut self.tail);
        self.tail.extend_from_slice(b"\nendobj\n");
        start
    }

    /// Writes the cross-reference section and the trailer; answers all that is to be appended.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut trailer = Dictionary::new();
        for key in [b"Root".as_slice(), b"Info"] {
            if let Ok(value) = self.document.trailer.get(key) {
                trailer.set(key, value.clone());
            }
        }
        trailer.set("ID", self.identifier());
        trailer.set("Prev", Object::Integer(self.document.xref_start.try_into().unwrap_or(i64::MAX)));
        let start = match self.document.reference_table.cross_reference_type {
            XrefType::CrossReferenceTable => self.table(trailer),
            XrefType::CrossReferenceStream => self.stream(trailer),
        };
        print(&mut self.tail, format_args!("startxref\n{start}\n%%EOF\n"));
        self.tail
    }

    /// The first half of the identifier stays, the second becomes the digest of the update (ISO 32000-1, 14.4).
    fn identifier(&self) -> Object {
        let changed = Sha256::digest(&self.tail)[..16].to_vec();
        let first = match self.document.trailer.get(b"ID").and_then(Object::as_array) {
            Ok(parts) => parts.first().and_then(|part| part.as_str().ok()).map(<[u8]>::to_vec),
            Err(_) => None,
        };
        let first = first.unwrap_or_else(|| changed.clone());
        let hexadecimal = |bytes| Object::String(bytes, lopdf::StringFormat::Hexadecimal);
        Object::Array(vec![hexadecimal(first), hexadecimal(changed)])
    }

    fn table(&mut self, mut trailer: Dictionary) -> usize {
        let start = self.base + self.tail.len();
        self.tail.extend_from_slice(b"xref\n");
        for run in self.runs() {
            print(&mut self.tail, format_args!("{} {}\n", run[0].0, run.len()));
            for (_, generation, offset) in run {
                print(&mut self.tail, format_args!("{offset:010} {generation:05} n \n"));
            }
        }
        trailer.set("Size", i64::from(self.next));
        self.tail.extend_from_slice(b"trailer\n");
        serialize(&mut self.tail, &Object::Dictionary(trailer));
        self.tail.push(b'\n');
        start
    }

    fn stream(&mut self, mut trailer: Dictionary) -> usize {
        let (id, _) = self.allocate();
        let start = self.base + self.tail.len();
        self.offsets.insert(id, (0, start));
        let (mut index, mut rows) = (Vec::new(), Vec::new());
        for run in self.runs() {
            index.push(Object::Integer(run[0].0.into()));
            index.push(Object::Integer(run.len().try_into().unwrap_or(i64::MAX)));
            for (_, generation, offset) in run {
                rows.push(1);
                rows.extend_from_slice(&(offset as u64).to_be_bytes());
                rows.extend_from_slice(&generation.to_be_bytes());
            }
        }
        trailer.set("Type", "XRef");
        trailer.set("Size", i64::from(self.next));
        trailer.set("W", vec![1.into(), 8.into(), 2.into()]);
        trailer.set("Index", index);
        trailer.set("Length", Object::Integer(rows.len().try_into().unwrap_or(i64::MAX)));
        print(&mut self.tail, format_args!("{id} 0 obj\n"));
        serialize(&mut self.tail, &Object::Dictionary(trailer));
        self.tail.extend_from_slice(b"\nstream\n");
        self.tail.extend_from_slice(&rows);
        self.tail.extend_from_slice(b"\nendstream\nendobj\n");
        start
    }

    /// The appended objects as (number, generation, offset), cut into runs of consecutive numbers.
    fn runs(&self) -> Vec<Vec<(u32, u16, usize)>> {
        let mut runs: Vec<Vec<(u32, u16, usize)>> = Vec::new();
        for (&number, &(generation, offset)) in &self.offsets {
            match runs.last_mut() {
                Some(run) if run.last().is_some_and(|last| last.0 + 1 == number) => {
                    run.push((number, generation, offset));
                }
                _ => runs.push(vec![(number, generation, offset)]),
            }
        }
        runs
    }
}

/// A text string: ASCII as it is, anything else as UTF-16 with a byte order mark (ISO 32000-1, 7.9.2.2).
pub(super) fn text_string(text: &str) -> Object {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Object::string_literal(text);
    }
    let utf16 = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    Object::String(utf16, lopdf::StringFormat::Hexadecimal)
}

/// The text of a text string, either encoding; bytes above ASCII in the one-byte encoding are read as Latin-1.
pub(super) fn text_of(string: &[u8]) -> String {
    match string.strip_prefix(&[0xFE, 0xFF]) {
        Some(utf16) => {
            let units: Vec<u16> = utf16.as_chunks().0.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            String::from_utf16_lossy(&units)
        }
        None => match string.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
            Some(utf8) => String::from_utf8_lossy(utf8).into_owned(),
            None => string.iter().copied().map(char::from).collect(),
        },
    }
}

/// Writes an object in the plainest form. Streams have no place inside the objects we change.
pub(super) fn serialize(out: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null | Object::Stream(_) => out.extend_from_slice(b"null"),
        Object::Boolean(value) => print(out, format_args!("{value}")),
        Object::Integer(value) => print(out, format_args!("{value}")),
        Object::Real(value) => print(out, format_args!("{value}")),
        Object::Name(name) => serialize_name(out, name),
        Object::String(bytes, lopdf::StringFormat::Literal) => serialize_literal(out, bytes),
        Object::String(bytes, lopdf::StringFormat::Hexadecimal) => {
            out.push(b'<');
            for byte in bytes {
                print(out, format_args!("{byte:02X}"));
            }
            out.push(b'>');
        }
        Object::Reference((number, generation)) => print(out, format_args!("{number} {generation} R")),
        Object::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                serialize(out, item);
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => {
            out.extend_from_slice(b"<<");
            for (key, value) in dictionary.iter() {
                serialize_name(out, key);
                out.push(b' ');
                serialize(out, value);
            }
            out.extend_from_slice(b">>");
        }
    }
}

fn serialize_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for &byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(&byte) {
            out.push(byte);
        } else {
            print(out, format_args!("#{byte:02X}"));
        }
    }
}

fn serialize_literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'(');
    for &byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
    out.push(b')');
}

pub(super) fn print(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_written_in_plain_form() {
        let mut dictionary = Dictionary::new();
        dictionary
            .set("A b", vec![Object::Null, true.into(), (-3).into(), Object::Real(0.5), Object::Reference((7, 1))]);
        dictionary.set("S", Object::string_literal("a(\\)\r"));
        let mut out = Vec::new();
        serialize(&mut out, &Object::Dictionary(dictionary));
        assert_eq!(String::from_utf8(out).unwrap(), "<</A#20b [null true -3 0.5 7 1 R]/S (a\\(\\\\\\)\\r)>>");
    }

    #[test]
    fn text_strings_keep_vietnamese_and_emoji() {
        for text in ["", "plain", "Nguyễn Thị Ánh", "😀"] {
            let Object::String(bytes, _) = text_string(text) else { panic!("not a string") };
            assert_eq!(text_of(&bytes), text);
        }
    }

    #[test]
    fn files_that_are_no_pdf_are_refused() {
        for bytes in [&b""[..], b"%PDF-1.7", b"junk%PDF-1.7\n", b"%PDF-1.7\nstartxref\n9\n%%EOF"] {
            assert!(matches!(load(bytes), Err(ReadError::Broken(_))), "{bytes:?}");
        }
    }
}
