//! What a file may grow by after it was signed: further signatures and timestamps with their fields, and the security
//! store. Anything else, though it leaves the signed bytes as they are, may show a reader something that nobody signed
//! ("shadow attacks": hide, replace, hide and replace).
//!
//! The signed revision is compared with the whole file. An object whose cross-reference entry is the same in both is the
//! same, for its bytes are signed. An object with another entry must be one of the few that may change, and differ only in
//! the ways listed here; a new object must belong to a new field or to the store, and must not be one that the signed
//! revision names without having it. This is stricter than ISO 32000-2 (12.8.2.2), which lets forms be filled in.

use std::collections::BTreeSet;

use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, Document, Object, ObjectId};

use super::incremental::load_filtered;
use super::signature::{EmbeddedSignature, SignatureError, catalog, fields, resolve};

/// Stands in the dictionaries that streams are reduced to; no file can have this key, which is no name.
const STREAM_MARK: &str = "\0stream";
/// `DocMDP` permission 1: no changes at all (ISO 32000-1, table 254).
const NO_CHANGES: i64 = 1;
/// Deepest nesting of an object that is walked through.
const MAX_DEPTH: usize = 64;

/// A change that may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of the object concerned, where it is one.
    pub object: Option<u32>,
    /// What about it, in a few words.
    pub what: &'static str,
}

/// The first forbidden change in what follows the revision that `signature` signs; `None` when there is none, or nothing
/// follows.
///
/// # Errors
///
/// When the file, or that revision of it, cannot be read.
pub fn forbidden(pdf: &[u8], signature: &EmbeddedSignature) -> Result<Option<Change>, SignatureError> {
    if signature.covers_whole_file {
        return Ok(None);
    }
    let end = signature.revision_end();
    let (old, new) = (load_filtered(&pdf[..end], without_contents)?, load_filtered(pdf, without_contents)?);
    if new.xref_start < end {
        return Ok(Some(Change { object: None, what: "bytes that belong to no revision" }));
    }
    Ok(Comparison::new(pdf, &old, &new).and_then(|mut comparison| comparison.run()).err())
}

/// Streams become dictionaries with a mark: what they refer to counts, their contents do not.
fn without_contents(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    if let Object::Stream(stream) = object {
        if stream.dict.has_type(b"ObjStm") {
            return Some((id, Object::Null));
        }
        let mut dictionary = std::mem::take(&mut stream.dict);
        dictionary.set(STREAM_MARK, true);
        *object = Object::Dictionary(dictionary);
    }
    Some((id, object.clone()))
}

type Verdict = Result<(), Change>;

fn refuse<T>(object: u32, what: &'static str) -> Result<T, Change> {
    Err(Change { object: Some(object), what })
}

struct Comparison<'a> {
    pdf: &'a [u8],
    old: &'a Document,
    new: &'a Document,
    /// Objects of the old revision that are other ones now.
    changed: BTreeSet<u32>,
    /// Objects that the old revision does not have.
    added: BTreeSet<u32>,
    /// Those of both that may be as they are.
    explained: BTreeSet<u32>,
    /// Objects of new fields.
    new_fields: BTreeSet<ObjectId>,
    only_timestamps: bool,
}

impl<'a> Comparison<'a> {
    fn new(pdf: &'a [u8], old: &'a Document, new: &'a Document) -> Result<Self, Change> {
        let (mut changed, mut added) = (BTreeSet::new(), BTreeSet::new());
        for (&number, entry) in &old.reference_table.entries {
            let now = new.reference_table.get(number).filter(|now| in_use(now));
            match now {
                None if in_use(entry) => return refuse(number, "it was removed"),
                Some(now) if in_use(entry) && !same_entry(entry, now) => drop(changed.insert(number)),
                _ => {}
            }
        }
        let entries = new.reference_table.entries.values();
        let offsets: BTreeSet<usize> = entries
            .filter_map(|entry| match entry {
                XrefEntry::Normal { offset, .. } => Some(*offset as usize),
                _ => None,
            })
            .collect();
        for (&number, entry) in &new.reference_table.entries {
            if in_use(entry) && !old.reference_table.get(number).is_some_and(in_use) {
                added.insert(number);
            }
            // An entry that leads to an object of another number, or to one without an end, would show each reader
            // something else.
            if let XrefEntry::Normal { offset, generation } = entry
                && (changed.contains(&number) || added.contains(&number))
            {
                let start = *offset as usize;
                if !is_object_at(pdf, start, number, *generation) {
                    return refuse(number, "its cross-reference leads elsewhere");
                }
                let next = offsets.range(start + 1..).next().map_or(pdf.len(), |next| *next);
                let is_stream = new
                    .get_dictionary((number, *generation))
                    .is_ok_and(|dictionary| dictionary.has(STREAM_MARK.as_bytes()));
                if !pdf.get(start..next).is_some_and(|object| ends_properly(object, is_stream)) {
                    return refuse(number, "it has no proper end");
                }
            }
        }
        let only_timestamps = forbids_signatures(old);
        let (explained, new_fields) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { pdf, old, new, changed, added, explained, new_fields, only_timestamps })
    }

    fn run(&mut self) -> Verdict {
        self.trailer()?;
        self.dangling()?;
        self.catalog()?;
        self.form()?;
        self.fields()?;
        self.pages()?;
        self.store()?;
        self.information()?;
        self.metadata()?;
        if let Some(&number) = self.changed.difference(&self.explained).next() {
            return refuse(number, "it was replaced");
        }
        for &number in self.added.difference(&self.explained) {
            // Cross-reference and object streams hold no content of their own.
            let object = self.new.objects.range((number, 0)..=(number, u16::MAX)).next().map(|(_, object)| object);
            let is_structure = match object {
                Some(Object::Null) => true,
                Some(Object::Dictionary(dictionary)) => {
                    dictionary.has(STREAM_MARK.as_bytes()) && dictionary.has_type(b"XRef")
                }
                _ => false,
            };
            if !is_structure {
                return refuse(number, "it was added and belongs to no signature");
            }
        }
        Ok(())
    }

    fn trailer(&self) -> Verdict {
        let first_identifier = |document: &'a Document| {
            let parts = document.trailer.get(b"ID").and_then(Object::as_array).ok();
            parts.and_then(|parts| parts.first()).cloned()
        };
        let entry = |document: &'a Document, key: &[u8]| document.trailer.get(key).ok().cloned();
        let same = [b"Root".as_slice(), b"Info"].iter().all(|key| entry(self.old, key) == entry(self.new, key));
        if !same || first_identifier(self.old) != first_identifier(self.new) {
            return Err(Change { object: None, what: "the trailer names other objects" });
        }
        Ok(())
    }

    /// What the old revision refers to without having it must not appear later.
    fn dangling(&self) -> Verdict {
        let mut named = BTreeSet::new();
        self.old.objects.values().for_each(|object| references(object, &mut named, 0));
        match named.iter().find(|(number, _)| self.added.contains(number)) {
            Some((number, _)) => refuse(*number, "it was added where the signed revision has a gap"),
            None => Ok(()),
        }
    }

    fn catalog(&mut self) -> Verdict {
        let Some(number) = root(self.new).filter(|number| self.changed.contains(number)) else { return Ok(()) };
        let (old, new) = (self.catalog_of(self.old)?, self.catalog_of(self.new)?);
        // Which version and extensions of PDF are used shows nothing.
        if !same_but(old, new, &[b"AcroForm", b"DSS", b"Extensions", b"Version"]) {
            return refuse(number, "the catalog was changed");
        }
        self.explained.insert(number);
        Ok(())
    }

    fn catalog_of(&self, document: &'a Document) -> Result<&'a Dictionary, Change> {
        catalog(document).map(|(_, catalog)| catalog).map_err(|_| Change { object: None, what: "there is no catalog" })
    }

    fn form(&mut self) -> Verdict {
        let entry = |document: &'a Document| self.catalog_of(document).map(|catalog| catalog.get(b"AcroForm").ok());
        let (old_entry, new_entry) = (entry(self.old)?, entry(self.new)?);
        let Some(new_entry) = new_entry else {
            return match old_entry {
                Some(_) => Err(Change { object: None, what: "the form was removed" }),
                None => Ok(()),
            };
        };
        let wrong = Change { object: reference_of(Some(new_entry)), what: "the form was changed" };
        if !self.may_stand_for(old_entry, Some(new_entry)) {
            return Err(wrong);
        }
        let as_form = |document: &'a Document, entry: &'a Object| {
            resolve(document, entry).and_then(Object::as_dict).map_err(|_| wrong.clone())
        };
        let empty = Dictionary::new();
        let old = old_entry.map(|entry| as_form(self.old, entry)).transpose()?;
        let new = as_form(self.new, new_entry)?;
        // A form made for signatures may bring default resources and appearance, which nothing old can use.
        let free: &[&[u8]] = match old {
            Some(_) => &[b"Fields", b"SigFlags"],
            None => &[b"Fields", b"SigFlags", b"DR", b"DA"],
        };
        let old = old.unwrap_or(&empty);
        if !same_but(old, new, free) {
            return Err(wrong);
        }
        let (old_list, new_list) = (old.get(b"Fields").ok(), new.get(b"Fields").ok());
        let grown = self.grown(old_list, new_list).ok_or(wrong)?;
        self.new_fields.extend(&grown);
        self.explained.extend(reference_of(Some(new_entry)));
        self.explained.extend(reference_of(new_list));
        Ok(())
    }

    /// The references that were appended to a list; `None` when it changed in another way.
    fn grown(&self, old: Option<&'a Object>, new: Option<&'a Object>) -> Option<Vec<ObjectId>> {
        if !self.may_stand_for(old, new) {
            return None;
        }
        let list = |document: &'a Document, entry: Option<&'a Object>| match entry {
            None => Some(&[][..]),
            Some(entry) => match resolve(document, entry).ok()? {
                Object::Array(array) => Some(array.as_slice()),
                Object::Null => Some(&[][..]),
                _ => None,
            },
        };
        let (old, new) = (list(self.old, old)?, list(self.new, new)?);
        let appended = new.strip_prefix(old)?;
        appended.iter().map(|item| item.as_reference().ok().filter(|(n, _)| self.added.contains(n))).collect()
    }

    /// What was an object of its own must still be the same one, and what becomes one must be a new one: it is explained
    /// afterwards, and nothing that the signed revision shows may be explained so.
    fn may_stand_for(&self, old: Option<&Object>, new: Option<&Object>) -> bool {
        match (reference_of(old), reference_of(new)) {
            (None, None) => true,
            (None, Some(new)) => self.added.contains(&new),
            (old, new) => old == new,
        }
    }

    /// New fields must be signatures; a prepared signature field may be signed.
    fn fields(&mut self) -> Verdict {
        for &id in &self.new_fields.clone() {
            self.signature_field(id)?;
            self.explain_all(&[Object::Reference(id)]);
        }
        for &number in &self.changed.clone() {
            let of = |document: &'a Document| {
                let mut objects = document.objects.range((number, 0)..=(number, u16::MAX));
                objects.next().and_then(|(id, object)| Some((*id, object.as_dict().ok()?)))
            };
            let (Some((_, old)), Some((id, new))) = (of(self.old), of(self.new)) else { continue };
            let is_signature = old.get(b"FT").and_then(Object::as_name).is_ok_and(|kind| kind == b"Sig");
            if is_signature && !old.has(b"V") && same_but(old, new, &[b"V", b"AP"]) {
                self.signature_field(id)?;
                let parts: Vec<Object> =
                    [b"V".as_slice(), b"AP"].iter().filter_map(|key| new.get(key).ok().cloned()).collect();
                self.explain_all(&parts);
                self.explained.insert(number);
            }
        }
        Ok(())
    }

    fn signature_field(&self, id: ObjectId) -> Verdict {
        let field =
            self.new.get_dictionary(id).map_err(|_| Change { object: Some(id.0), what: "a field is missing" })?;
        let is_name =
            |key: &[u8], name: &[u8]| field.get(key).and_then(Object::as_name).is_ok_and(|found| found == name);
        if !is_name(b"FT", b"Sig") {
            return refuse(id.0, "a field was added that is no signature");
        }
        if [b"A".as_slice(), b"AA", b"Kids", b"Parent", STREAM_MARK.as_bytes()].iter().any(|key| field.has(key)) {
            return refuse(id.0, "a signature field does more than sign");
        }
        let value = field.get(b"V").and_then(|value| resolve(self.new, value)).and_then(Object::as_dict);
        let Ok(value) = value else { return refuse(id.0, "a signature field was added without a signature") };
        if self.only_timestamps && !value.has_type(b"DocTimeStamp") {
            return refuse(id.0, "an earlier signature forbids further ones");
        }
        let is_new = self.added.contains(&id.0);
        if is_new && is_certified(self.old) && is_seen(self.new, field) {
            return refuse(id.0, "a visible signature was added to a certified file");
        }
        Ok(())
    }

    /// Pages may get the annotations of new fields, and nothing else.
    fn pages(&mut self) -> Verdict {
        for (_, id) in self.old.get_pages() {
            let page = |document: &'a Document| {
                document.get_dictionary(id).map_err(|_| Change { object: Some(id.0), what: "a page is missing" })
            };
            let (old, new) = (page(self.old)?, page(self.new)?);
            let (old_list, new_list) = (old.get(b"Annots").ok(), new.get(b"Annots").ok());
            let list = reference_of(new_list);
            let touched = self.changed.contains(&id.0) || list.is_some_and(|list| self.changed.contains(&list));
            if !touched {
                continue;
            }
            if !same_but(old, new, &[b"Annots"]) {
                return refuse(id.0, "a page was changed");
            }
            match self.grown(old_list, new_list) {
                Some(grown) if grown.iter().all(|one| self.new_fields.contains(one)) => {}
                _ => return refuse(id.0, "annotations of a page were changed"),
            }
            self.explained.insert(id.0);
            self.explained.extend(list);
        }
        Ok(())
    }

    /// The security store may change as a whole, for nobody sees it, but it holds nothing else.
    fn store(&mut self) -> Verdict {
        let entry = |document: &'a Document| catalog(document).ok().and_then(|(_, catalog)| catalog.get(b"DSS").ok());
        let mut before = BTreeSet::new();
        if let Some(old) = entry(self.old) {
            reach(self.old, old, &|_| true, &mut before);
        }
        let Some(new) = entry(self.new) else { return Ok(()) };
        let store = resolve(self.new, new).and_then(Object::as_dict);
        let keys: [&[u8]; 5] = [b"Type", b"Certs", b"OCSPs", b"CRLs", b"VRI"];
        if !store.is_ok_and(|store| store.iter().all(|(key, _)| keys.contains(&key.as_slice()))) {
            return Err(Change { object: reference_of(Some(new)), what: "the security store holds something else" });
        }
        let mut now = BTreeSet::new();
        let mine = |number: u32| self.added.contains(&number) || before.contains(&number);
        reach(self.new, new, &mine, &mut now);
        self.explained.extend(now);
        Ok(())
    }

    /// Programs tell in the information dictionary when they wrote, which no page shows.
    fn information(&mut self) -> Verdict {
        let number = reference_of(self.new.trailer.get(b"Info").ok());
        let Some(number) = number.filter(|number| self.changed.contains(number)) else { return Ok(()) };
        let of = |document: &'a Document| {
            let entry = document.trailer.get(b"Info").and_then(|entry| resolve(document, entry));
            entry.and_then(Object::as_dict).map_err(|_| Change { object: Some(number), what: "it was replaced" })
        };
        let (old, new) = (of(self.old)?, of(self.new)?);
        let told: [&[u8]; 2] = [b"ModDate", b"Producer"];
        if !same_but(old, new, &told)
            || !told.iter().all(|key| new.get(key).map_or(true, |value| value.as_str().is_ok()))
        {
            return refuse(number, "the information dictionary was changed");
        }
        self.explained.insert(number);
        Ok(())
    }

    /// Programs keep the XMP metadata in step with the information dictionary. Viewers show the title of it, which must
    /// stay.
    fn metadata(&mut self) -> Verdict {
        let number = reference_of(self.catalog_of(self.new)?.get(b"Metadata").ok());
        let Some(number) = number.filter(|number| self.changed.contains(number)) else { return Ok(()) };
        let is_metadata = self.new.get_dictionary((number, 0)).is_ok_and(|dictionary| {
            dictionary.has(STREAM_MARK.as_bytes()) && dictionary.has_type(b"Metadata") && !dictionary.has(b"Filter")
        });
        let title = |document: &Document| match document.reference_table.get(number) {
            Some(XrefEntry::Normal { offset, .. }) => self.pdf.get(*offset as usize..).and_then(xmp_title),
            _ => None,
        };
        let (before, now) = (title(self.old), title(self.new));
        if !is_metadata || before.is_none() || before != now {
            return refuse(number, "the metadata was changed");
        }
        self.explained.insert(number);
        Ok(())
    }

    /// Explains the new objects that hang on these.
    fn explain_all(&mut self, from: &[Object]) {
        let mut found = BTreeSet::new();
        for object in from {
            reach(self.new, object, &|number| self.added.contains(&number), &mut found);
        }
        self.explained.extend(found);
    }
}

/// Whether the box of a field has an area.
fn is_seen(document: &Document, field: &Dictionary) -> bool {
    let corners = field.get(b"Rect").and_then(|rect| resolve(document, rect)).and_then(Object::as_array);
    let numbers = corners
        .into_iter()
        .flatten()
        .map(|number| resolve(document, number).and_then(Object::as_float).unwrap_or(f32::NAN));
    match numbers.collect::<Vec<f32>>()[..] {
        [left, bottom, right, top] => left != right && bottom != top,
        _ => true,
    }
}

fn in_use(entry: &XrefEntry) -> bool {
    !matches!(entry, XrefEntry::Free | XrefEntry::UnusableFree)
}

fn same_entry(one: &XrefEntry, other: &XrefEntry) -> bool {
    match (one, other) {
        (XrefEntry::Normal { offset, generation }, XrefEntry::Normal { offset: o, generation: g }) => {
            offset == o && generation == g
        }
        (XrefEntry::Compressed { container, index }, XrefEntry::Compressed { container: c, index: i }) => {
            container == c && index == i
        }
        _ => false,
    }
}

/// Does `NUMBER GENERATION obj` stand there?
fn is_object_at(pdf: &[u8], offset: usize, number: u32, generation: u16) -> bool {
    let head = format!("{number} {generation} obj");
    let rest = pdf.get(offset..).and_then(|rest| rest.trim_ascii_start().strip_prefix(head.as_bytes()));
    rest.and_then(<[u8]>::first).is_some_and(|next| next.is_ascii_whitespace() || b"<[(/".contains(next))
}

/// Does an excerpt that begins with an object have an `endobj` that is a word of its own, with a whole object before it?
/// Objects of the same update that a later one replaced may follow.
fn ends_properly(excerpt: &[u8], is_stream: bool) -> bool {
    const END: &[u8] = b"endobj";
    let mut ends = excerpt.windows(END.len()).enumerate().filter(|(_, window)| *window == END);
    ends.any(|(end, _)| {
        let (before, after) = (&excerpt[..end], &excerpt[end + END.len()..]);
        let body = before.trim_ascii_end();
        let is_apart = body.len() < before.len() || [b'>', b']', b')'].iter().any(|one| body.ends_with(&[*one]));
        let is_whole = match is_stream {
            true => body.ends_with(b"endstream"),
            false => body.last().is_some_and(u8::is_ascii_graphic),
        };
        is_apart && is_whole && after.first().is_none_or(u8::is_ascii_whitespace)
    })
}

fn root(document: &Document) -> Option<u32> {
    reference_of(document.trailer.get(b"Root").ok())
}

fn reference_of(object: Option<&Object>) -> Option<u32> {
    object.and_then(|object| object.as_reference().ok()).map(|(number, _)| number)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The text of `dc:title` in the metadata stream that begins an excerpt, without its tags; `None` when it is no XMP packet.
fn xmp_title(object: &[u8]) -> Option<Vec<u8>> {
    let stream = &object[..find(object, b"endstream")?];
    let packet = &stream[find(stream, b"stream")? + b"stream".len()..];
    if !packet.trim_ascii_start().starts_with(b"<?xpacket") {
        return None;
    }
    let Some(start) = find(packet, b"<dc:title") else { return Some(Vec::new()) };
    let title = &packet[start..start + find(&packet[start..], b"</dc:title>")?];
    let mut inside_tag = false;
    let text = title.iter().filter(|byte| {
        let is_text = !inside_tag && **byte != b'<';
        inside_tag = **byte == b'<' || inside_tag && **byte != b'>';
        is_text
    });
    Some(text.copied().collect::<Vec<u8>>().trim_ascii().to_vec())
}

/// Are two dictionaries equal but for these keys?
fn same_but(old: &Dictionary, new: &Dictionary, free: &[&[u8]]) -> bool {
    let is_free = |key: &[u8]| free.contains(&key);
    old.iter().all(|(key, value)| is_free(key) || new.get(key).is_ok_and(|now| now == value))
        && new.iter().all(|(key, _)| is_free(key) || old.has(key))
}

/// Every reference inside an object.
fn references(object: &Object, found: &mut BTreeSet<ObjectId>, depth: usize) {
    match object {
        _ if depth > MAX_DEPTH => {}
        Object::Reference(id) => drop(found.insert(*id)),
        Object::Array(items) => items.iter().for_each(|item| references(item, found, depth + 1)),
        Object::Dictionary(dictionary) => dictionary.iter().for_each(|(_, value)| references(value, found, depth + 1)),
        _ => {}
    }
}

/// Numbers of the objects that hang on one, directly or through others, as far as `follow` allows.
fn reach(document: &Document, from: &Object, follow: &dyn Fn(u32) -> bool, found: &mut BTreeSet<u32>) {
    let mut waiting = BTreeSet::new();
    references(from, &mut waiting, 0);
    while let Some(id) = waiting.pop_first() {
        if follow(id.0)
            && found.insert(id.0)
            && let Ok(object) = document.get_object(id)
        {
            references(object, &mut waiting, 0);
        }
    }
}

/// Did a signature of this revision forbid others (`DocMDP` with permission 1, or `FieldMDP`, which locks fields)?
fn forbids_signatures(document: &Document) -> bool {
    transforms(document).any(|transform| {
        let parameters = transform.get(b"TransformParams").and_then(|entry| resolve(document, entry));
        let permission = parameters.and_then(Object::as_dict).and_then(|dict| dict.get(b"P")).and_then(Object::as_i64);
        match transform.get(b"TransformMethod").and_then(Object::as_name) {
            Ok(b"DocMDP") => permission.is_ok_and(|permission| permission == NO_CHANGES),
            _ => true,
        }
    })
}

/// Did a signature of this revision certify it (ISO 32000-2, 12.8.2.2)? Signatures that are seen may then no longer be
/// added: the norm leaves it open, pyHanko refuses them.
pub(super) fn is_certified(document: &Document) -> bool {
    let is_certification = |transform: &Dictionary| {
        transform.get(b"TransformMethod").and_then(Object::as_name).is_ok_and(|name| name == b"DocMDP")
    };
    transforms(document).any(is_certification)
}

/// What the signatures of this revision say of later changes.
fn transforms(document: &Document) -> impl Iterator<Item = &Dictionary> {
    let values = fields(document).unwrap_or_default().into_iter().filter_map(|field| field.value);
    let signatures = values.filter_map(|value| resolve(document, value).and_then(Object::as_dict).ok());
    let entries = signatures.filter_map(|signature| signature.get(b"Reference").ok());
    entries.flat_map(|entry| {
        let array = resolve(document, entry).and_then(Object::as_array).map(Vec::as_slice).unwrap_or_default();
        array.iter().filter_map(|item| resolve(document, item).and_then(Object::as_dict).ok())
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pdf::dss::{self, SecurityStore};
    use crate::pdf::signature::{self, SignatureField};

    const CMS: [u8; 6] = [0x30, 4, 2, 2, 0x12, 0];

    /// A page with contents, an old unused object, and a reference to an object that is not there.
    fn plain_pdf() -> Vec<u8> {
        let mut pdf = pdf_writer::Pdf::new();
        let [catalog, tree, page, contents, hidden, missing] = [1, 2, 3, 4, 5, 60].map(pdf_writer::Ref::new);
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids([page]).count(1);
        pdf.page(page)
            .parent(tree)
            .media_box(pdf_writer::Rect::new(0.0, 0.0, 99.0, 99.0))
            .pair(pdf_writer::Name(b"Contents"), contents)
            .pair(pdf_writer::Name(b"Thumb"), missing);
        pdf.stream(contents, b"0 0 9 9 re f");
        pdf.stream(hidden, b"1 1 5 5 re f");
        pdf.finish()
    }

    fn signed(pdf: &[u8], name: &str) -> Vec<u8> {
        let field = SignatureField {
            appearance: None,
            name: name.to_owned(),
            signer_name: "A".to_owned(),
            reason: None,
            location: None,
            contact: None,
            time: datetime!(2026-11-21 20:30:01 UTC),
        };
        signature::prepare(pdf, &field, 40).unwrap().fill(&CMS).unwrap()
    }

    fn stamped(pdf: &[u8]) -> Vec<u8> {
        signature::prepare_timestamp(pdf, 40).unwrap().fill(&CMS).unwrap()
    }

    fn found(pdf: &[u8]) -> Vec<Option<&'static str>> {
        let signatures = signature::list(pdf).unwrap();
        signatures.iter().map(|one| forbidden(pdf, one).unwrap().map(|change| change.what)).collect()
    }

    /// Appends objects, with the root that the trailer names, by a hand-made update.
    fn appended(pdf: &[u8], objects: &[(u32, &str)]) -> Vec<u8> {
        let mut bytes = pdf.to_vec();
        let document = load_filtered(pdf, without_contents).unwrap();
        let entries: Vec<(u32, usize)> = objects
            .iter()
            .map(|(number, body)| {
                let offset = bytes.len();
                bytes.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
                (*number, offset)
            })
            .collect();
        with_table(bytes, document.xref_start, &entries)
    }

    fn with_table(mut bytes: Vec<u8>, previous: usize, entries: &[(u32, usize)]) -> Vec<u8> {
        let start = bytes.len();
        let rows: String =
            entries.iter().map(|(number, offset)| format!("{number} 1\n{offset:010} 00000 n \n")).collect();
        bytes.extend(format!("xref\n{rows}trailer\n<</Root 1 0 R/Size 99/Prev {previous}").bytes());
        let id = bytes.windows(4).rposition(|window| window == b"/ID ").map(|at| bytes[at..].to_vec());
        let id = id.map_or_else(Vec::new, |rest| rest[..=rest.iter().position(|byte| *byte == b']').unwrap()].to_vec());
        bytes.extend(id);
        bytes.extend(format!(">>\nstartxref\n{start}\n%%EOF\n").bytes());
        bytes
    }

    #[test]
    fn signatures_timestamps_and_the_store_may_follow() {
        let mut pdf = signed(&plain_pdf(), "a");
        assert_eq!(found(&pdf), [None]);
        pdf =
            dss::append(pdf, &SecurityStore { certificates: vec![vec![0x30, 0]], ..SecurityStore::default() }).unwrap();
        assert_eq!(found(&pdf), [None]);
        pdf = stamped(&pdf);
        pdf = signed(&pdf, "b");
        pdf =
            dss::append(pdf, &SecurityStore { certificates: vec![vec![0x30, 0]], ..SecurityStore::default() }).unwrap();
        pdf = stamped(&pdf);
        assert_eq!(found(&pdf), [None; 4]);
    }

    #[test]
    fn no_signature_is_seen_that_follows_a_certification() {
        let plain = signed(&plain_pdf(), "a");
        let box_at = |edges: &str| format!("<</FT/Sig/Rect[{edges}]>>");
        let document = load_filtered(&plain, without_contents).unwrap();
        for (edges, seen) in [("0 0 0 0", false), ("10 10 60 30", true), ("10 10 60 10", false), ("1 2", true)] {
            let field = appended(&plain, &[(70, &box_at(edges))]);
            let field = load_filtered(&field, without_contents).unwrap();
            assert_eq!(is_seen(&field, field.get_dictionary((70, 0)).unwrap()), seen, "{edges}");
        }
        assert!(!is_certified(&document));
    }

    #[test]
    fn what_a_page_shows_may_not_be_replaced() {
        let pdf = signed(&plain_pdf(), "a");
        let stream = "<</Length 12>>\nstream\n9 9 9 9 re f\nendstream";
        assert_eq!(found(&appended(&pdf, &[(4, stream)])), [Some("it was replaced")]);
        let tree = "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>";
        assert_eq!(found(&appended(&pdf, &[(2, tree)])), [Some("it was replaced")]);
        // An object that nothing used before: belongs to nothing now, either.
        assert_eq!(found(&appended(&pdf, &[(50, stream)])), [Some("it was added and belongs to no signature")]);
    }

    #[test]
    fn an_older_object_is_not_shown_in_place_of_another() {
        let pdf = signed(&plain_pdf(), "a");
        let document = load_filtered(&pdf, without_contents).unwrap();
        let Some(XrefEntry::Normal { offset, .. }) = document.reference_table.get(5) else { panic!("a table") };
        let swapped = with_table(pdf.clone(), document.xref_start, &[(4, *offset as usize)]);
        assert_eq!(found(&swapped), [Some("its cross-reference leads elsewhere")]);
    }

    #[test]
    fn a_gap_of_the_signed_revision_is_not_filled() {
        let pdf = signed(&plain_pdf(), "a");
        let filled = appended(&pdf, &[(60, "<</Length 1>>\nstream\nx\nendstream")]);
        assert_eq!(found(&filled), [Some("it was added where the signed revision has a gap")]);
    }

    #[test]
    fn an_object_ends_with_a_word_of_its_own() {
        for good in
            ["1 0 obj<<>>endobj\n", "1 0 obj\n5 endobj", "1 0 obj<<>>\nstream\nendobj x\nendstream\nendobj\n13 0"]
        {
            assert!(ends_properly(good.as_bytes(), good.contains("stream")), "{good}");
        }
        for bad in [
            "1 0 obj<<>>enRobj\n",
            "1 0 obj<<>>endobjx",
            "1 0 obj 5endobj\n",
            "1 0 obj<<>>stream\nx endstream\u{f}endobj\n",
        ] {
            assert!(!ends_properly(bad.as_bytes(), bad.contains("stream")), "{bad}");
        }
        assert!(is_object_at(b"%\n1 0 obj<<>>", 2, 1, 0) && is_object_at(b"\n11 0 obj\n5", 0, 11, 0));
        assert!(!is_object_at(b"1 0 objx", 0, 1, 0) && !is_object_at(b"11 0 obj ", 0, 1, 0));
    }

    #[test]
    fn bytes_without_a_revision_are_found() {
        let pdf = [&signed(&plain_pdf(), "a")[..], b"% more\n"].concat();
        assert_eq!(found(&pdf), [Some("bytes that belong to no revision")]);
    }

    #[test]
    fn titles_are_read_without_tags() {
        let object =
            |title: &str| format!("4 0 obj<<>>\nstream\n<?xpacket?><a><dc:title>{title}</dc:title></a>endstream");
        let title = |text: &str| xmp_title(object(text).as_bytes()).unwrap();
        assert_eq!(title("<rdf:Alt><rdf:li xml:lang=\"x\">to khai</rdf:li></rdf:Alt>"), b"to khai");
        assert_eq!(title("\n<rdf:Alt>\n<rdf:li>to khai</rdf:li>\n</rdf:Alt>"), b"to khai");
        assert_eq!(xmp_title(b"4 0 obj<<>>\nstream\n0 0 9 9 re f\nendstream"), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

        #[test]
        fn damaged_files_are_judged_without_panic(
            changes in proptest::collection::vec((proptest::num::usize::ANY, proptest::num::u8::ANY), 1..6),
        ) {
            let mut pdf = stamped(&signed(&plain_pdf(), "a"));
            for (place, value) in changes {
                let place = place % pdf.len();
                pdf[place] = value;
            }
            for one in signature::list(&pdf).unwrap_or_default() {
                let _judged = forbidden(&pdf, &one);
            }
            let _store = dss::read(&pdf);
        }
    }
}
