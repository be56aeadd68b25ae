//! What can be read off any PDF file without judging it: version, PDF/A claim, pictures and their resolution, text,
//! signatures and where they are seen. Whether a signature is valid is not asked here.

use std::collections::{BTreeMap, BTreeSet};

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::{
    MAX_TREE_DEPTH, MM, Page, PdfReadError, broken, colour, content, leaves, load, number, rectangle, unpacked,
};
use crate::model::SizeMm;

/// Most pages that are looked at.
const MAX_PAGES: usize = 100_000;
/// Most bytes of an XMP packet.
const MAX_PACKET: usize = 4 << 20;
/// Resolutions that a picture states count from here on: cameras and screenshots write 72 or 96 without meaning it.
const LEAST_STATED_DPI: f64 = 100.0;

/// What a file says and shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Version of PDF, the later of header and catalog.
    pub version: (u8, u8),
    /// Part and conformance level of PDF/A that the file claims, the level in lower case: `2u`.
    pub pdfa: Option<String>,
    /// The pages in order, at least one.
    pub pages: Vec<PageFacts>,
    /// The signatures, in the order of the form. Document timestamps are not among them.
    pub signatures: Vec<SignatureFacts>,
}

/// One page.
#[derive(Clone, Debug, PartialEq)]
pub struct PageFacts {
    /// Size as displayed.
    pub size: SizeMm,
    /// Size of a unit of the page, 1/72 inch; 1 on pages that do not say.
    pub user_unit: f64,
    /// The pictures that can be seen.
    pub pictures: Vec<PictureFacts>,
    /// Whether there are letters, seen or hidden.
    pub has_text: bool,
}

/// One picture on a page.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureFacts {
    /// Pixels an inch along its rows and down its columns, as it is placed; of a picture seen through a stencil those of
    /// the stencil, which has its shapes.
    pub dpi: [f64; 2],
    /// Pixels an inch that the picture itself states, along and down.
    pub stated_dpi: Option<[f64; 2]>,
    /// Whether it is in colour, at 8 bits a channel or with a palette of colours.
    pub is_colour: bool,
}

/// One signature.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureFacts {
    /// Number of the page with its box, from 1; `None` where nothing is seen of it.
    pub page: Option<usize>,
    /// Left, top, right and bottom of its box as displayed, millimetres from the page's top left corner.
    pub place: [f64; 4],
}

/// Reads a file.
///
/// # Errors
/// [`PdfReadError`]: damaged, encrypted, or with content that is not followed.
pub fn facts(file: &[u8]) -> Result<Facts, PdfReadError> {
    let document = load(file)?;
    let leaves = leaves(&document, MAX_PAGES)?;
    let pages = (1..).zip(&leaves).map(|(number, page)| page_facts(&document, page, number));
    Ok(Facts {
        version: version(&document),
        pdfa: claim(&document),
        pages: pages.collect::<Result<_, _>>()?,
        signatures: signatures(&document, &leaves),
    })
}

fn version(document: &Document) -> (u8, u8) {
    let parse = |text: &str| {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let catalog = document.catalog().and_then(|catalog| catalog.get(b"Version")).and_then(Object::as_name).ok();
    let catalog = catalog.and_then(|name| parse(std::str::from_utf8(name).ok()?));
    parse(&document.version).max(catalog).unwrap_or((0, 0))
}

/// The claim in the XMP packet (ISO 19005-2, 6.6.4), as elements or as attributes.
pub(super) fn claim(document: &Document) -> Option<String> {
    let packet = document.catalog().ok()?.get_deref(b"Metadata", document).ok()?.as_stream().ok()?;
    let packet = match packet.dict.has(b"Filter") {
        true => unpacked(packet, MAX_PACKET, 0).ok()?,
        false => packet.content.clone(),
    };
    let packet = String::from_utf8_lossy(&packet);
    let value = |name: &str| {
        let (_, rest) = packet.split_once(&format!("pdfaid:{name}"))?;
        let rest = rest.trim_start();
        let value = match rest.strip_prefix('=') {
            Some(attribute) => attribute.trim_start().get(1..)?,
            None => rest.strip_prefix('>')?,
        };
        let value: String = value.trim_start().chars().take_while(char::is_ascii_alphanumeric).collect();
        (!value.is_empty()).then(|| value.to_ascii_lowercase())
    };
    // PDF/A-4 has a part and no level.
    Some(format!("{}{}", value("part")?, value("conformance").unwrap_or_default()))
}

/// Edges of what is displayed of a page, units.
pub(super) fn visible(document: &Document, page: &Page<'_>) -> [f64; 4] {
    let media = rectangle(document, page.attributes.media_box).unwrap_or([0.0, 0.0, 612.0, 792.0]);
    rectangle(document, page.attributes.crop_box).unwrap_or(media)
}

pub(super) fn user_unit(document: &Document, page: &Page<'_>) -> f64 {
    let unit = page.dictionary.get_deref(b"UserUnit", document).ok().and_then(|unit| number(document, unit));
    unit.filter(|unit| *unit > 0.0).unwrap_or(1.0)
}

pub(super) fn quarters(page: &Page<'_>) -> i64 {
    page.attributes.rotate.unwrap_or(0).rem_euclid(360) / 90
}

fn page_facts(document: &Document, page: &Page<'_>, number: usize) -> Result<PageFacts, PdfReadError> {
    let edges = visible(document, page);
    let user_unit = user_unit(document, page);
    let unit = user_unit * MM;
    let (across, up) = ((edges[2] - edges[0]) * unit, (edges[3] - edges[1]) * unit);
    let size = if quarters(page) % 2 == 0 {
        SizeMm { width: across, height: up }
    } else {
        SizeMm { width: up, height: across }
    };
    let shown = content::look(document, page, number, edges)?;
    let pictures = shown.pictures.iter().map(|placed| {
        let (along, down) = placed.matrix.picture_axes();
        let inches = [along, down].map(|(x, y)| x.hypot(y) * user_unit / 72.0);
        picture_facts(document, page, placed.stream, inches, number)
    });
    Ok(PageFacts { size, user_unit, pictures: pictures.collect::<Result<_, _>>()?, has_text: shown.letters })
}

fn picture_facts(
    document: &Document,
    page: &Page<'_>,
    stream: &Stream,
    inches: [f64; 2],
    number: usize,
) -> Result<PictureFacts, PdfReadError> {
    let find = |key: &[u8]| stream.dict.get_deref(key, document).ok();
    let stencil = find(b"Mask").and_then(|mask| mask.as_stream().ok()).map(|mask| &mask.dict);
    let shape = |key: &[u8]| stencil.unwrap_or(&stream.dict).get_deref(key, document).ok();
    let integer = |key: &[u8]| find(key).and_then(|value| value.as_i64().ok());
    let side = |key: &[u8]| shape(key)?.as_i64().ok().and_then(|side| u32::try_from(side).ok()).map(f64::from);
    let sides = [side(b"Width"), side(b"Height")].map(|side| side.ok_or_else(|| broken("picture without a size")));
    let [width, height] = sides;
    let pixels = [width?, height?];
    let mut profiles = BTreeMap::new();
    let resources = page.attributes.resources;
    let space = colour::read(document, find(b"ColorSpace"), resources, number, &mut profiles);
    let deep = integer(b"BitsPerComponent").is_none_or(|bits| bits >= 8);
    let is_colour = match space {
        Ok((colour::PdfColour::Palette(colours), _)) => colours.iter().any(|[r, g, b]| r != g || g != b),
        Ok((colour::PdfColour::Rgb | colour::PdfColour::Cmyk, _)) => deep,
        Ok((colour::PdfColour::Gray, _)) => false,
        // JPEG 2000 may leave the colours to the stream, which is not decoded here.
        Err(_) => find(b"ColorSpace").is_none() && has_filter(document, &stream.dict, b"JPXDecode"),
    };
    let states_dpi = stencil.is_none() && has_filter(document, &stream.dict, b"DCTDecode");
    let stated_dpi = states_dpi.then(|| jfif_dpi(&stream.content)).flatten();
    let dpi = [0, 1].map(|axis| pixels[axis] / inches[axis].max(f64::MIN_POSITIVE));
    Ok(PictureFacts { dpi, stated_dpi, is_colour })
}

/// Whether the stream is packed with this filter alone.
fn has_filter(document: &Document, dictionary: &Dictionary, name: &[u8]) -> bool {
    match dictionary.get_deref(b"Filter", document) {
        Ok(Object::Name(filter)) => filter == name,
        Ok(Object::Array(filters)) => matches!(&filters[..], [Object::Name(filter)] if filter == name),
        _ => false,
    }
}

/// Resolution in the header of a JFIF file (ITU-T T.871, 10.1).
fn jfif_dpi(jpeg: &[u8]) -> Option<[f64; 2]> {
    let header = jpeg.strip_prefix(b"\xFF\xD8\xFF\xE0")?.get(2..)?.strip_prefix(b"JFIF\0")?;
    let &[_, _, unit, x1, x0, y1, y0, ..] = header else { return None };
    let scale = match unit {
        1 => 1.0,
        2 => 2.54,
        _ => return None,
    };
    let density = [[x1, x0], [y1, y0]].map(|bytes| f64::from(u16::from_be_bytes(bytes)) * scale);
    density.iter().all(|&dpi| dpi >= LEAST_STATED_DPI).then_some(density)
}

/// The signatures of the form.
fn signatures(document: &Document, pages: &[Page<'_>]) -> Vec<SignatureFacts> {
    let mut places = BTreeMap::new();
    for (index, page) in pages.iter().enumerate() {
        let notes = page.dictionary.get_deref(b"Annots", document).ok().and_then(|notes| notes.as_array().ok());
        places.extend(notes.into_iter().flatten().filter_map(|note| Some((note.as_reference().ok()?, index))));
    }
    let mut walk = Walk { document, pages, places, visited: BTreeSet::new(), found: Vec::new() };
    let form = document.catalog().and_then(|catalog| catalog.get_deref(b"AcroForm", document));
    let fields = form.and_then(Object::as_dict).and_then(|form| form.get_deref(b"Fields", document));
    for field in fields.and_then(Object::as_array).into_iter().flatten() {
        walk.field(field, false, false, 0);
    }
    walk.found
}

/// A walk over the tree of form fields.
struct Walk<'a> {
    document: &'a Document,
    pages: &'a [Page<'a>],
    /// Annotations of the pages.
    places: BTreeMap<ObjectId, usize>,
    visited: BTreeSet<ObjectId>,
    found: Vec<SignatureFacts>,
}

impl Walk<'_> {
    /// `signature` and `signed` say what the field takes over from its parent.
    fn field(&mut self, node: &Object, signature: bool, signed: bool, depth: usize) {
        let Ok((id, node)) = self.document.dereference(node) else { return };
        let Ok(field) = node.as_dict() else { return };
        if depth > MAX_TREE_DEPTH || id.is_some_and(|id| !self.visited.insert(id)) {
            return;
        }
        let kind = field.get_deref(b"FT", self.document).and_then(Object::as_name);
        let signature = kind.map_or(signature, |kind| kind == b"Sig");
        let value = field.get_deref(b"V", self.document).and_then(Object::as_dict);
        let signed = value.map_or(signed, |value| {
            let kind = value.get_deref(b"SubFilter", self.document).and_then(Object::as_name).unwrap_or_default();
            value.has(b"Contents") && kind != b"ETSI.RFC3161"
        });
        match field.get_deref(b"Kids", self.document).and_then(Object::as_array) {
            Ok(kids) => kids.iter().for_each(|kid| self.field(kid, signature, signed, depth + 1)),
            Err(_) if signature && signed => self.found.push(self.seen(id, field)),
            Err(_) => {}
        }
    }

    /// Where the widget of a signature is seen.
    fn seen(&self, id: Option<ObjectId>, widget: &Dictionary) -> SignatureFacts {
        const HIDDEN: i64 = 0b10_0010; // Hidden and NoView.
        let nowhere = SignatureFacts { page: None, place: [0.0; 4] };
        let flags = widget.get_deref(b"F", self.document).and_then(Object::as_i64).unwrap_or(0);
        let Some(&index) = id.and_then(|id| self.places.get(&id)) else { return nowhere };
        let rectangle = rectangle(self.document, widget.get_deref(b"Rect", self.document).ok());
        let Some([x0, y0, x1, y1]) = rectangle.filter(|[x0, y0, x1, y1]| x1 > x0 && y1 > y0) else { return nowhere };
        if flags & HIDDEN != 0 || !widget.has(b"AP") {
            return nowhere;
        }
        let page = &self.pages[index];
        let [left, bottom, right, top] = visible(self.document, page);
        let place = match quarters(page) {
            0 => [x0 - left, top - y1, x1 - left, top - y0],
            1 => [y0 - bottom, x0 - left, y1 - bottom, x1 - left],
            2 => [right - x1, y0 - bottom, right - x0, y1 - bottom],
            _ => [top - y1, right - x1, top - y0, right - x0],
        };
        let unit = user_unit(self.document, page) * MM;
        SignatureFacts { page: Some(index + 1), place: place.map(|edge| edge * unit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_believable_resolutions_count() {
        let header = |unit: u8, x: u16, y: u16| {
            let density = [x.to_be_bytes(), y.to_be_bytes()].concat();
            [b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01".as_slice(), &[unit], &density, &[0, 0]].concat()
        };
        assert_eq!(jfif_dpi(&header(1, 300, 300)), Some([300.0, 300.0]));
        assert_eq!(jfif_dpi(&header(2, 100, 100)), Some([254.0, 254.0]));
        assert_eq!(jfif_dpi(&header(1, 72, 72)), None);
        assert_eq!(jfif_dpi(&header(0, 1, 1)), None);
        assert_eq!(jfif_dpi(b"\xFF\xD8\xFF\xE1"), None);
    }
}
