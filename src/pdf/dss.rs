//! The document security store (ETSI EN 319 142-1, 5.4.2): certificates, OCSP responses and revocation lists that are kept
//! in a file, so that its signatures can be judged when nobody answers any more.
//!
//! Entries by signature (`/VRI`) are optional there and are neither written nor needed: all evidence is for all signatures.

use lopdf::{Dictionary, Document, Object, ObjectId};

use super::incremental::{ReadError, Update, load, load_filtered, print};
use super::signature::{SignatureError, catalog, dictionary, resolve};

/// Bytes of one piece of evidence at most: the lists of large authorities have a few megabytes.
const MAX_PIECE_BYTES: usize = 32 << 20;

/// What the store of a file holds, each piece DER.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityStore {
    /// Certificates of chains.
    pub certificates: Vec<Vec<u8>>,
    /// Whole OCSP responses.
    pub ocsp_responses: Vec<Vec<u8>>,
    /// Revocation lists.
    pub revocation_lists: Vec<Vec<u8>>,
}

impl SecurityStore {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(_, pieces)| pieces.is_empty())
    }

    fn kinds(&self) -> [(&'static str, &Vec<Vec<u8>>); 3] {
        [("Certs", &self.certificates), ("OCSPs", &self.ocsp_responses), ("CRLs", &self.revocation_lists)]
    }
}

/// The store of a file; an empty one where there is none.
///
/// # Errors
///
/// When the file cannot be read, or its store is not what it must be.
pub fn read(pdf: &[u8]) -> Result<SecurityStore, SignatureError> {
    let document = load_filtered(pdf, keep_small_streams)?;
    let Ok(entry) = catalog(&document)?.1.get(b"DSS") else { return Ok(SecurityStore::default()) };
    let store = dictionary(&document, entry, "its security store is not a dictionary")?;
    Ok(SecurityStore {
        certificates: pieces(&document, store, b"Certs")?,
        ocsp_responses: pieces(&document, store, b"OCSPs")?,
        revocation_lists: pieces(&document, store, b"CRLs")?,
    })
}

/// Pictures and fonts' descriptions name what they are; what has neither type nor subtype may be evidence.
fn keep_small_streams(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    match object {
        Object::Stream(stream) if stream.dict.has_type(b"ObjStm") => Some((id, Object::Null)),
        Object::Stream(stream) if stream.dict.has(b"Subtype") || stream.dict.has(b"Type") => None,
        Object::Stream(stream) if stream.content.len() > MAX_PIECE_BYTES => None,
        other => Some((id, other.clone())),
    }
}

fn pieces(document: &Document, store: &Dictionary, key: &[u8]) -> Result<Vec<Vec<u8>>, SignatureError> {
    let Ok(entry) = store.get(key) else { return Ok(Vec::new()) };
    let reason = SignatureError::Structure("a list of its security store is not an array of streams");
    let array = resolve(document, entry).and_then(Object::as_array).map_err(|_| reason.clone())?;
    let piece = |item: &Object| {
        let stream = resolve(document, item).and_then(Object::as_stream).ok()?;
        match stream.dict.has(b"Filter") {
            true => stream.decompressed_content_with_limit(MAX_PIECE_BYTES).ok(),
            false => Some(stream.content.clone()),
        }
    };
    array.iter().map(|item| piece(item).ok_or_else(|| reason.clone())).collect()
}

/// Appends evidence to the store of a file, or a store with it, as an incremental update. What is there stays.
///
/// # Errors
///
/// When the file cannot be read, or its store is not what it must be.
pub fn append(pdf: impl Into<Vec<u8>>, additions: &SecurityStore) -> Result<Vec<u8>, SignatureError> {
    let mut bytes = pdf.into();
    let document = load(&bytes)?;
    let mut update = Update::new(&bytes, &document)?;
    let (catalog_id, catalog) = catalog(&document)?;
    let entry = catalog.get(b"DSS").ok();
    let mut store = match entry {
        Some(entry) => dictionary(&document, entry, "its security store is not a dictionary")?.clone(),
        None => Dictionary::new(),
    };
    for (key, pieces) in additions.kinds() {
        let mut references = match store.get(key.as_bytes()).and_then(|entry| resolve(&document, entry)) {
            Ok(Object::Array(array)) => array.clone(),
            _ => Vec::new(),
        };
        for piece in pieces {
            let id = update.allocate();
            update.raw(id, |out| {
                print(out, format_args!("<</Length {}>>\nstream\n", piece.len()));
                out.extend_from_slice(piece);
                out.extend_from_slice(b"\nendstream");
            });
            references.push(Object::Reference(id));
        }
        if !references.is_empty() {
            store.set(key, references);
        }
    }
    match entry {
        Some(Object::Reference(id)) => update.object(*id, &Object::Dictionary(store)),
        _ => {
            let id = update.allocate();
            update.object(id, &Object::Dictionary(store));
            let mut catalog = catalog.clone();
            catalog.set("DSS", Object::Reference(id));
            update.object(catalog_id, &Object::Dictionary(catalog));
        }
    }
    bytes.extend(update.finish());
    if u32::try_from(bytes.len()).is_err() {
        return Err(ReadError::TooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_pdf() -> Vec<u8> {
        let mut pdf = pdf_writer::Pdf::new();
        let [catalog, tree, page] = [1, 2, 3].map(pdf_writer::Ref::new);
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids([page]).count(1);
        pdf.page(page).parent(tree).media_box(pdf_writer::Rect::new(0.0, 0.0, 595.28, 841.89)).resources();
        pdf.finish()
    }

    fn store(marks: &[u8]) -> SecurityStore {
        SecurityStore {
            certificates: marks.iter().map(|mark| vec![0x30, 1, *mark]).collect(),
            ocsp_responses: vec![b"endstream endobj".to_vec()],
            revocation_lists: vec![],
        }
    }

    #[test]
    fn what_was_stored_is_read_and_stays_when_more_is_added() {
        let plain = plain_pdf();
        assert!(read(&plain).unwrap().is_empty());
        let first = append(plain.as_slice(), &store(&[1, 2])).unwrap();
        assert!(first.starts_with(&plain));
        assert_eq!(read(&first).unwrap(), store(&[1, 2]));
        let second = append(first.as_slice(), &store(&[3])).unwrap();
        assert!(second.starts_with(&first));
        let found = read(&second).unwrap();
        assert_eq!(found.certificates, store(&[1, 2, 3]).certificates);
        assert_eq!(found.ocsp_responses.len(), 2);
    }
}
