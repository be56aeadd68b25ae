//! Reading back published files: how many pages, and in our own the picture on each.

use lopdf::content::Content;
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

use super::MAX_STRUCTURE;
use super::picture::NAMES;
use crate::model::{Bilevel, Jpeg, Picture, SizeMm};

/// Millimetres in a point.
const MM_PER_POINT: f64 = 25.4 / 72.0;

/// Why a file is not one of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// The file does not parse.
    #[error("the PDF is damaged: {0}")]
    Damaged(#[from] lopdf::Error),
    /// A page does not carry one picture, whole or in layers.
    #[error("page {0} does not carry one picture")]
    NotOnePicture(u32),
}

/// A page of a component file.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPage {
    /// The streams of its picture, one after the other as in [`crate::model::Picture::streams`].
    pub streams: Vec<u8>,
    /// Physical size of the picture, which is that of the paper.
    pub size: SizeMm,
}

/// Opens any PDF; what it is made of may unpack to so much.
fn load(pdf: &[u8]) -> lopdf::Result<Document> {
    let options = LoadOptions { max_decompressed_size: Some(MAX_STRUCTURE), ..LoadOptions::default() };
    Document::load_mem_with_options(pdf, options)
}

/// Number of pages of any PDF.
///
/// # Errors
/// When the file does not parse.
pub fn page_count(pdf: &[u8]) -> Result<usize, StructureError> {
    Ok(load(pdf)?.get_pages().len())
}

/// The pages of a component file, in order.
///
/// # Errors
/// When the file does not parse, or a page has not one picture, whole or in layers.
pub fn pages(pdf: &[u8]) -> Result<Vec<ReadPage>, StructureError> {
    let document = load(pdf)?;
    document.get_pages().into_iter().map(|(number, id)| read_page(&document, number, id)).collect()
}

/// The picture of the first page of a file of ours, if it is not one JPEG, and its size on the page, whose lower left corner it fills.
pub fn first_picture(pdf: &[u8]) -> Option<(Picture, SizeMm)> {
    let document = load(pdf).ok()?;
    let id = document.page_iter().next()?;
    let resources = dictionary(&document, document.get_dictionary(id).ok()?.get(b"Resources").ok()?).ok()?;
    let objects = dictionary(&document, resources.get(b"XObject").ok()?).ok()?;
    let named = |name: &str| stream(&document, objects.get(name.as_bytes()).ok()?);
    let side = |picture: &Stream, key: &[u8]| u32::try_from(picture.dict.get(key).ok()?.as_i64().ok()?).ok();
    let jpeg = |picture: &Stream| {
        let (width, height) = (side(picture, b"Width")?, side(picture, b"Height")?);
        has_filter(picture, b"DCTDecode").then(|| Jpeg { bytes: picture.content.clone(), width, height })
    };
    let bilevel = |picture: &Stream| {
        let (width, height) = (side(picture, b"Width")?, side(picture, b"Height")?);
        has_filter(picture, b"JBIG2Decode").then(|| Bilevel { jbig2: picture.content.clone(), width, height })
    };
    let [first, over] = NAMES.map(named);
    let picture = match (first?, over) {
        (first, None) => Picture::Bilevel(bilevel(first)?),
        (first, Some(over)) => Picture::Layers {
            background: jpeg(first)?,
            foreground: jpeg(over)?,
            mask: bilevel(stream(&document, over.dict.get(b"Mask").ok()?)?)?,
        },
    };
    Some((picture, placed_size(&document, id).ok()??))
}

fn stream<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Stream> {
    document.dereference(object).ok()?.1.as_stream().ok()
}

fn has_filter(picture: &Stream, name: &[u8]) -> bool {
    picture.dict.get(b"Filter").and_then(Object::as_name).is_ok_and(|filter| filter == name)
}

fn read_page(document: &Document, number: u32, id: ObjectId) -> Result<ReadPage, StructureError> {
    let page = document.get_dictionary(id)?;
    let resources = dictionary(document, page.get(b"Resources")?)?;
    let objects = dictionary(document, resources.get(b"XObject")?)?;
    let (mut streams, mut whole) = (Vec::new(), 0);
    for picture in
        objects.iter().filter_map(|(_, object)| stream(document, object)).filter(|stream| is_picture(&stream.dict))
    {
        streams.extend_from_slice(&picture.content);
        match picture.dict.get(b"Mask").ok().and_then(|mask| stream(document, mask)) {
            Some(mask) => streams.extend_from_slice(&mask.content),
            None => whole += 1,
        }
    }
    if whole != 1 {
        return Err(StructureError::NotOnePicture(number));
    }
    Ok(ReadPage { streams, size: placed_size(document, id)?.ok_or(StructureError::NotOnePicture(number))? })
}

/// Size of the picture as our pages place it, by the first matrix of their content. The page itself may be larger: a
/// visible signature that finds no room adds a margin.
fn placed_size(document: &Document, page: ObjectId) -> Result<Option<SizeMm>, lopdf::Error> {
    let content = Content::decode(&document.get_page_content(page))?;
    let Some(matrix) = content.operations.iter().find(|operation| operation.operator == "cm") else { return Ok(None) };
    let [width, _, _, height, ..] = matrix.operands.as_slice() else { return Ok(None) };
    let mm = |points: &Object| Ok::<_, lopdf::Error>(f64::from(points.as_float()?) * MM_PER_POINT);
    Ok(Some(SizeMm { width: mm(width)?, height: mm(height)? }))
}

fn dictionary<'a>(document: &'a Document, object: &'a Object) -> Result<&'a Dictionary, lopdf::Error> {
    document.dereference(object)?.1.as_dict()
}

fn is_picture(dictionary: &Dictionary) -> bool {
    dictionary.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Image")
}
