//! Image-only PDF files, as scanners and phone apps write them: one picture a page.
//!
//! A page counts as image-only when one picture is all that can be seen on it. Hidden text (render mode 3, or painted
//! under a picture that covers the page) is allowed, as is white fill under it; visible text, drawings, several
//! pictures, notes and stamps are typed errors, because taking only the picture would lose a part of the document.
//! Encrypted files are not opened; signed files are refused so that no signature is lost.
//!
//! Nothing is decoded here but container filters: a JPEG stream stays as it is, fax data stays packed, and pages are
//! unpacked one at a time.

mod colour;
mod content;
mod error;
mod facts;
mod first_page;
mod text;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

use super::MAX_STRUCTURE;
use crate::model::{Orientation, SizeMm};

pub use colour::PdfColour;
pub use error::PdfReadError;
pub use facts::{Facts, PageFacts, PictureFacts, SignatureFacts, facts};
pub use first_page::{FirstPage, first_page};
pub use text::{PARTS_OF_MM, PageWords, words};

/// Millimetres in a PDF unit (1/72 inch).
const MM: f64 = 25.4 / 72.0;

/// Depth of page trees that is followed; writers need three levels for a million pages.
const MAX_TREE_DEPTH: usize = 32;

/// How the picture of a page is packed once the filters before are undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Rows of samples.
    Samples,
    /// A JPEG stream.
    Jpeg,
    /// Fax data (`CCITTFaxDecode`).
    Fax {
        /// Negative: Group 4; 0: Group 3; positive: Group 3 in two dimensions.
        k: i64,
        /// Pixels a row.
        columns: u32,
        /// Rows start at whole bytes.
        byte_aligned: bool,
        /// 1 is black.
        black_is_one: bool,
    },
}

/// The one picture of a page.
#[derive(Clone, Debug)]
pub struct PageImage {
    /// Stored width by the dictionary, pixels.
    pub width: u32,
    /// Stored height by the dictionary, pixels.
    pub height: u32,
    /// Size of the picture on the page as displayed, page rotation applied.
    pub size: SizeMm,
    /// Stored pixels are to be mirrored left to right before they are turned.
    pub mirrored: bool,
    /// How far stored pixels are to be turned clockwise for display.
    pub turn: Orientation,
    /// How the picture is packed.
    pub packing: Packing,
    /// What its samples mean.
    pub colour: PdfColour,
    /// Bits a sample.
    pub bits: u8,
    /// The `Decode` array turns the range of every sample round.
    pub inverted: bool,
    /// The colour profile.
    pub icc: Option<Arc<[u8]>>,
    /// Number of the page, from 1.
    page: usize,
    /// Filters and their parameters only.
    dictionary: Dictionary,
    data: Data,
}

/// Where the packed bytes are.
#[derive(Clone, Debug)]
enum Data {
    /// In the file.
    At(Range<usize>),
    /// Only here: the parser found them somewhere else.
    Own(Arc<[u8]>),
}

impl PageImage {
    /// The stored bytes.
    fn packed<'a>(&'a self, file: &'a [u8]) -> &'a [u8] {
        match &self.data {
            Data::At(range) => file.get(range.clone()).unwrap_or_default(),
            Data::Own(bytes) => bytes,
        }
    }

    /// The JPEG stream as it stands in the file, when no other filter lies around it. `file` is the file that the
    /// page was read from.
    pub fn jpeg<'a>(&'a self, file: &'a [u8]) -> Option<&'a [u8]> {
        (self.packing == Packing::Jpeg && self.dictionary.get(b"Filter").is_err()).then(|| self.packed(file))
    }

    /// The picture's bytes with all filters undone but JPEG and fax, at most `limit`.
    ///
    /// # Errors
    /// [`PdfReadError::TooLarge`] when the data unpacks to more, [`PdfReadError::Broken`] when it does not unpack.
    pub fn content<'a>(&'a self, file: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, PdfReadError> {
        if self.dictionary.get(b"Filter").is_err() {
            return Ok(Cow::Borrowed(self.packed(file)));
        }
        let stream = Stream::new(self.dictionary.clone(), self.packed(file).to_vec());
        unpacked(&stream, limit, self.page).map(Cow::Owned)
    }
}

fn broken(detail: impl ToString) -> PdfReadError {
    PdfReadError::Broken(detail.to_string())
}

fn unpacked(stream: &Stream, limit: usize, page: usize) -> Result<Vec<u8>, PdfReadError> {
    stream.decompressed_content_with_limit(limit).map_err(|error| match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => PdfReadError::TooLarge { page },
        error => broken(error),
    })
}

/// The pictures of an image-only PDF file, page by page.
///
/// # Errors
/// See [`PdfReadError`]; the first page that is not one picture decides.
pub fn page_images(file: &[u8], max_pages: usize) -> Result<Vec<PageImage>, PdfReadError> {
    let loaded = load(file);
    if matches!(loaded, Err(PdfReadError::Encrypted)) {
        return Err(PdfReadError::Encrypted);
    }
    if is_signed(file) {
        return Err(PdfReadError::Signed);
    }
    let document = loaded?;
    let pages = leaves(&document, max_pages)?;
    let mut profiles = BTreeMap::new();
    (1..).zip(&pages).map(|(number, page)| page_image(&document, file, page, number, &mut profiles)).collect()
}

/// Opens a file whose structure can be trusted.
fn load(file: &[u8]) -> Result<Document, PdfReadError> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_STRUCTURE), ..LoadOptions::default() };
    let document = Document::load_mem_with_options(file, options).map_err(|error| match error {
        lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_) | lopdf::Error::UnsupportedSecurityHandler(_) => {
            PdfReadError::Encrypted
        }
        error => broken(error),
    })?;
    if document.trailer.has(b"Encrypt") || document.encryption_state.is_some() {
        return Err(PdfReadError::Encrypted);
    }
    // A table made up by scanning may leave pages out or bring old ones back: better no page than one too few.
    if document.xref_recovery == Some(lopdf::xref::XrefRecovery::Reconstructed) {
        return Err(broken("cross-reference table is unreadable"));
    }
    Ok(document)
}

/// The pages in order, at least one.
fn leaves(document: &Document, max_pages: usize) -> Result<Vec<Page<'_>>, PdfReadError> {
    let mut pages = Vec::new();
    let root = document.catalog().and_then(|catalog| catalog.get(b"Pages")).map_err(broken)?;
    let mut tree = Tree { document, max_pages, visited: BTreeSet::new(), pages: &mut pages };
    tree.walk(root, &Inherited::default(), 0)?;
    if pages.is_empty() { Err(broken("no pages")) } else { Ok(pages) }
}

/// A signature names the byte range it covers in plain text: it could not be filled in otherwise.
fn is_signed(file: &[u8]) -> bool {
    let mark = b"/ByteRange";
    let mut rest = file;
    while let Some(at) = rest.iter().position(|&byte| byte == b'/') {
        rest = &rest[at..];
        if rest.starts_with(mark) && rest[mark.len()..].trim_ascii_start().starts_with(b"[") {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Page attributes that children take over.
#[derive(Clone, Default)]
struct Inherited<'a> {
    resources: Option<&'a Dictionary>,
    media_box: Option<&'a Object>,
    crop_box: Option<&'a Object>,
    rotate: Option<i64>,
}

/// A leaf of the page tree.
struct Page<'a> {
    dictionary: &'a Dictionary,
    attributes: Inherited<'a>,
}

struct Tree<'a, 'p> {
    document: &'a Document,
    max_pages: usize,
    visited: BTreeSet<ObjectId>,
    pages: &'p mut Vec<Page<'a>>,
}

impl<'a> Tree<'a, '_> {
    fn walk(&mut self, node: &'a Object, inherited: &Inherited<'a>, depth: usize) -> Result<(), PdfReadError> {
        if depth > MAX_TREE_DEPTH {
            return Err(broken("page tree too deep"));
        }
        let (id, node) = self.document.dereference(node).map_err(broken)?;
        if id.is_some_and(|id| !self.visited.insert(id)) {
            return Err(broken("page tree forms a loop"));
        }
        let dictionary = node.as_dict().map_err(broken)?;
        let find = |key: &[u8]| dictionary.get_deref(key, self.document).ok();
        let attributes = Inherited {
            resources: find(b"Resources").and_then(|value| value.as_dict().ok()).or(inherited.resources),
            media_box: find(b"MediaBox").or(inherited.media_box),
            crop_box: find(b"CropBox").or(inherited.crop_box),
            rotate: find(b"Rotate").and_then(|value| value.as_i64().ok()).or(inherited.rotate),
        };
        match find(b"Kids") {
            Some(kids) => {
                for kid in kids.as_array().map_err(broken)? {
                    self.walk(kid, &attributes, depth + 1)?;
                }
            }
            None if self.pages.len() >= self.max_pages => {
                return Err(PdfReadError::TooManyPages { limit: self.max_pages });
            }
            None => self.pages.push(Page { dictionary, attributes }),
        }
        Ok(())
    }
}

/// A rectangle as left, bottom, right, top in page units.
type Box4 = [f64; 4];

fn rectangle(document: &Document, value: Option<&Object>) -> Option<Box4> {
    let corners = value?.as_array().ok()?;
    let corners: Vec<f64> = corners.iter().filter_map(|corner| number(document, corner)).collect();
    let [x0, y0, x1, y1] = corners[..] else { return None };
    Some([x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
}

fn number(document: &Document, value: &Object) -> Option<f64> {
    let (_, value) = document.dereference(value).ok()?;
    value.as_float().ok().map(f64::from).filter(|value| value.is_finite())
}

type Profiles = BTreeMap<ObjectId, Arc<[u8]>>;

fn page_image(
    document: &Document,
    file: &[u8],
    page: &Page,
    number: usize,
    profiles: &mut Profiles,
) -> Result<PageImage, PdfReadError> {
    check_notes(document, page.dictionary, number)?;
    let media = rectangle(document, page.attributes.media_box).unwrap_or([0.0, 0.0, 612.0, 792.0]);
    let visible = rectangle(document, page.attributes.crop_box).unwrap_or(media);
    let shown = content::look(document, page, number, visible)?;
    let placed = match shown.pictures.as_slice() {
        _ if shown.text => return Err(PdfReadError::Text { page: number }),
        _ if shown.drawing => return Err(PdfReadError::Drawing { page: number }),
        [] => return Err(PdfReadError::NoPicture { page: number }),
        [picture] => picture,
        pictures => return Err(PdfReadError::SeveralPictures { page: number, count: pictures.len() }),
    };
    oriented(document, file, page, placed, number, profiles)
}

/// A picture as it stands on its page.
fn oriented(
    document: &Document,
    file: &[u8],
    page: &Page,
    placed: &content::Placed<'_>,
    number: usize,
    profiles: &mut Profiles,
) -> Result<PageImage, PdfReadError> {
    let mut image = read_picture(document, file, placed.stream, number, page.attributes.resources, profiles)?;
    let quarters = page.attributes.rotate.unwrap_or(0).rem_euclid(360) / 90;
    let unit = page.dictionary.get_deref(b"UserUnit", document).ok().and_then(|unit| unit.as_float().ok());
    let unit = f64::from(unit.unwrap_or(1.0)).max(0.01) * MM;
    let (across, down) = placed.matrix.picture_axes();
    let mirrored = across.0 * down.1 - across.1 * down.0 < 0.0;
    let (x, y) = if mirrored { (-across.0, -across.1) } else { across };
    let turned = if x.abs() >= y.abs() {
        if x >= 0.0 { 0 } else { 2 }
    } else if y > 0.0 {
        1
    } else {
        3
    };
    let turn = Orientation::ALL[(turned + usize::try_from(quarters).unwrap_or(0)) % 4];
    let (width, height) = (across.0.hypot(across.1) * unit, down.0.hypot(down.1) * unit);
    let sideways = turn.quarter_turns() % 2 == 1;
    image.size = if sideways { SizeMm { width: height, height: width } } else { SizeMm { width, height } };
    (image.mirrored, image.turn) = (mirrored, turn);
    Ok(image)
}

/// Refuses pages with annotations that can be seen.
fn check_notes(document: &Document, page: &Dictionary, number: usize) -> Result<(), PdfReadError> {
    const HIDDEN: i64 = 0b10_0010; // Hidden and NoView.
    let notes = page.get_deref(b"Annots", document).ok().and_then(|notes| notes.as_array().ok());
    for note in notes.into_iter().flatten() {
        let Some(note) = document.dereference(note).ok().and_then(|(_, note)| note.as_dict().ok()) else { continue };
        let subtype = note.get_deref(b"Subtype", document).and_then(Object::as_name).unwrap_or_default();
        let flags = note.get_deref(b"F", document).and_then(Object::as_i64).unwrap_or(0);
        if !matches!(subtype, b"Link" | b"Popup") && flags & HIDDEN == 0 && note.has(b"AP") {
            return Err(PdfReadError::Notes { page: number });
        }
    }
    Ok(())
}

fn read_picture(
    document: &Document,
    file: &[u8],
    stream: &Stream,
    page: usize,
    resources: Option<&Dictionary>,
    profiles: &mut Profiles,
) -> Result<PageImage, PdfReadError> {
    let unsupported = |what| PdfReadError::Unsupported { page, what };
    let find = |key: &[u8]| stream.dict.get_deref(key, document).ok();
    let side = |key: &[u8]| {
        let side = find(key).and_then(|side| side.as_i64().ok()).and_then(|side| u32::try_from(side).ok());
        side.ok_or_else(|| broken("picture without a size"))
    };
    let (width, height) = (side(b"Width")?, side(b"Height")?);
    if find(b"SMask").is_some() || find(b"Mask").is_some() {
        return Err(unsupported(("mặt nạ trong suốt", "a transparency mask")));
    }
    let (packing, dictionary) = filters(document, stream, width, page)?;
    let stencil = find(b"ImageMask").and_then(|mask| mask.as_bool().ok()).unwrap_or(false);
    let bits = if stencil || matches!(packing, Packing::Fax { .. }) {
        1
    } else {
        find(b"BitsPerComponent").and_then(|bits| bits.as_i64().ok()).unwrap_or(8)
    };
    let bits = match u8::try_from(bits) {
        Ok(bits @ (1 | 2 | 4 | 8 | 16)) => bits,
        _ => return Err(unsupported(("số bit mỗi mẫu lạ", "an unusual number of bits a sample"))),
    };
    // Where a stencil lets paint through its sample is 0, so it reads like grey.
    let (colour, icc) = if stencil {
        (PdfColour::Gray, None)
    } else {
        colour::read(document, find(b"ColorSpace"), resources, page, profiles)?
    };
    let inverted = match find(b"Decode").and_then(|decode| decode.as_array().ok()) {
        None => false,
        Some(decode) => {
            let ends: Vec<f64> = decode.iter().filter_map(|end| number(document, end)).collect();
            match (&colour, ends.chunks_exact(2).all(|ends| ends == [1.0, 0.0])) {
                (PdfColour::Palette(_), _) => {
                    let top = f64::from((1_u32 << bits.min(8)) - 1);
                    if ends != [0.0, top] {
                        return Err(unsupported(("bảng màu xếp lại", "a rearranged palette")));
                    }
                    false
                }
                (_, true) => true,
                _ if ends.chunks_exact(2).all(|ends| ends == [0.0, 1.0]) => false,
                _ => return Err(unsupported(("dải sắc độ bị đổi", "a changed range of tones"))),
            }
        }
    };
    let placeholder = SizeMm { width: 0.0, height: 0.0 };
    let data = match stream.start_position {
        Some(start) if file.get(start..start + stream.content.len()) == Some(&stream.content) => {
            Data::At(start..start + stream.content.len())
        }
        _ => Data::Own(stream.content.as_slice().into()),
    };
    Ok(PageImage {
        width,
        height,
        size: placeholder,
        mirrored: false,
        turn: Orientation::Deg0,
        packing,
        colour,
        bits,
        inverted,
        icc,
        page,
        dictionary,
        data,
    })
}

/// Splits the filters into those that are undone here and the picture's own packing.
fn filters(
    document: &Document,
    stream: &Stream,
    width: u32,
    page: usize,
) -> Result<(Packing, Dictionary), PdfReadError> {
    let list = |key: &[u8]| match stream.dict.get_deref(key, document) {
        Ok(Object::Array(values)) => values.iter().collect(),
        Ok(value) => vec![value],
        Err(_) => Vec::new(),
    };
    let resolve = |value| document.dereference(value).map(|(_, value)| value).map_err(broken);
    let parameters = list(b"DecodeParms");
    let mut filters = Vec::new();
    for (index, filter) in list(b"Filter").into_iter().enumerate() {
        let own = parameters.get(index).copied().map(resolve).transpose()?.and_then(|own| own.as_dict().ok());
        filters.push((resolve(filter)?.as_name().map_err(broken)?, own));
    }
    let find = |own: Option<&Dictionary>, key: &[u8]| own?.get_deref(key, document).ok().cloned();
    let integer = |own, key, default| find(own, key).and_then(|value| value.as_i64().ok()).unwrap_or(default);
    let flag = |own, key| find(own, key).and_then(|value| value.as_bool().ok()).unwrap_or(false);
    let packing = match filters.last().copied() {
        Some((b"DCTDecode" | b"DCT", _)) => Packing::Jpeg,
        Some((b"CCITTFaxDecode" | b"CCF", own)) => Packing::Fax {
            k: integer(own, b"K", 0),
            columns: u32::try_from(integer(own, b"Columns", 1728)).map_err(broken)?,
            byte_aligned: flag(own, b"EncodedByteAlign"),
            black_is_one: flag(own, b"BlackIs1"),
        },
        Some((b"JBIG2Decode", _)) => return Err(PdfReadError::Unsupported { page, what: ("nén JBIG2", "JBIG2") }),
        Some((b"JPXDecode", _)) => {
            return Err(PdfReadError::Unsupported { page, what: ("nén JPEG 2000", "JPEG 2000") });
        }
        _ => Packing::Samples,
    };
    if let Packing::Fax { columns, .. } = packing
        && columns != width
    {
        return Err(broken("fax rows as wide as no picture"));
    }
    if packing != Packing::Samples {
        filters.pop();
    }
    let mut dictionary = Dictionary::new();
    if !filters.is_empty() {
        let known = |name: &[u8]| {
            matches!(name, b"FlateDecode" | b"LZWDecode" | b"ASCII85Decode" | b"ASCIIHexDecode" | b"RunLengthDecode")
        };
        if filters.iter().any(|(name, _)| !known(name)) {
            return Err(PdfReadError::Unsupported { page, what: ("nén lạ", "an unknown filter") });
        }
        let names = filters.iter().map(|(name, _)| Object::Name(name.to_vec())).collect();
        let parameters = filters.iter().map(|(_, own)| {
            let own = own.map(|own| own.iter().filter_map(|(key, value)| Some((key, resolve(value).ok()?.clone()))));
            own.map_or(Object::Null, |own| {
                let mut dictionary = Dictionary::new();
                own.for_each(|(key, value)| dictionary.set(key.clone(), value));
                Object::Dictionary(dictionary)
            })
        });
        let parameters = parameters.collect();
        dictionary.set("Filter", Object::Array(names));
        dictionary.set("DecodeParms", Object::Array(parameters));
    }
    Ok((packing, dictionary))
}
