//! Writes PDF/A: one picture a page at true physical size, with the recognised text hidden over it.
//!
//! pdf-writer serialises; this module decides what is written. A file is checked while it is made (sizes, JPEG headers,
//! metadata), never half valid. Its identifier is the SHA-256 of its content,
//! so the same input gives the same bytes. Memory: the finished file, beside the pages the caller holds.

use pdf_writer::types::{CidFontType, FontFlags, OutputIntentSubtype};
use pdf_writer::{Date, Filter, Finish, Name, Pdf, Rect, Ref, Settings, TextStr};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::macros::{format_description, offset};
use unicode_normalization::UnicodeNormalization;

use super::blank_font::{self, ADVANCE, ASCENT, DESCENT};
use super::text_layer::{self, CharacterCodes, PageScale};
use super::{icc, picture, xmp};
use crate::model::{Lang, Localized, PageText, Picture, SizeMm};

/// Most pages of one file.
pub const MAX_PAGES: usize = 2_000;
/// Longest title, subject and list of keywords, characters: far below the 32,767 bytes of PDF/A-2 (6.1.13).
pub const MAX_METADATA_CHARACTERS: usize = 2_000;

/// Shortest and longest side of a page, points (ISO 32000-1, annex C.2; binding in PDF/A-2, 6.1.13).
const PAGE_SIDE_POINTS: std::ops::RangeInclusive<f64> = 3.0..=14_400.0;
const POINTS_PER_INCH: f64 = 72.0;
const MM_PER_INCH: f64 = 25.4;

/// Name of the blank font; the six letters mark a subset, as a font without a drawn glyph may well be called.
const FONT_NAME: Name = Name(b"AAAAAA+SohoaBlank");
const SRGB: &str = "sRGB IEC61966-2.1";

/// A page: one picture that fills it, and the words on that picture.
#[derive(Clone, Copy, Debug)]
pub struct PdfPage<'a> {
    /// The picture.
    pub picture: &'a Picture,
    /// Width of the page in the pixels of its words, which may be finer than the picture's.
    pub width: u32,
    /// Height of the page in the pixels of its words.
    pub height: u32,
    /// Physical size of the page.
    pub size: SizeMm,
    /// Words in reading order.
    pub text: &'a PageText,
}

/// Which part and conformance level of ISO 19005 the file claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum PdfaLevel {
    /// PDF/A-1b: PDF 1.4, the look is preserved.
    #[serde(rename = "1b")]
    A1b,
    /// PDF/A-2b: PDF 1.7, the look is preserved.
    #[serde(rename = "2b")]
    A2b,
    /// PDF/A-2u: PDF 1.7, and all text maps to Unicode.
    #[default]
    #[serde(rename = "2u")]
    A2u,
    /// PDF/A-3b: as 2b, and other files may be attached.
    #[serde(rename = "3b")]
    A3b,
}

/// The text is no level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of 1b, 2b, 2u, 3b")]
pub struct NotALevel;

impl std::str::FromStr for PdfaLevel {
    type Err = NotALevel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::A1b, Self::A2b, Self::A2u, Self::A3b].into_iter().find(|level| level.name() == name).ok_or(NotALevel)
    }
}

impl PdfaLevel {
    /// The short name: part and conformance in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::A1b => "1b",
            Self::A2b => "2b",
            Self::A2u => "2u",
            Self::A3b => "3b",
        }
    }

    /// Whether pictures may let the page show through (not in part 1, 6.4).
    pub fn has_transparency(self) -> bool {
        self != Self::A1b
    }

    fn part(self) -> u8 {
        match self {
            Self::A1b => 1,
            Self::A2b | Self::A2u => 2,
            Self::A3b => 3,
        }
    }

    fn conformance(self) -> char {
        match self {
            Self::A1b | Self::A2b | Self::A3b => 'B',
            Self::A2u => 'U',
        }
    }

    fn pdf_version(self) -> (u8, u8) {
        match self {
            Self::A1b => (1, 4),
            Self::A2b | Self::A2u | Self::A3b => (1, 7),
        }
    }
}

/// What the document says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentInfo {
    /// Shown by viewers as the name of the window.
    pub title: String,
    /// Language of the text as a BCP 47 tag, for example `vi-VN`.
    pub language: String,
    /// When the file was made; written in Vietnam's time, `+07:00`.
    pub created: OffsetDateTime,
    /// The program that wrote it.
    pub producer: String,
    /// What the document is about.
    pub subject: Option<String>,
    /// Words to find it by.
    pub keywords: Option<String>,
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum PdfError {
    /// There is nothing to write.
    #[error("a PDF needs at least one page")]
    NoPages,
    /// More than [`MAX_PAGES`].
    #[error("{0} pages, at most {MAX_PAGES} fit into one file: split the document")]
    TooManyPages(usize),
    /// A page side outside what PDF allows.
    #[error("page {page}: {width_mm:.1} × {height_mm:.1} mm is not a page size PDF allows (1.1 to 5080 mm)")]
    PageSize {
        /// Counted from 1.
        page: usize,
        /// Width asked for.
        width_mm: f64,
        /// Height asked for.
        height_mm: f64,
    },
    /// The picture is not a JPEG that may stand in PDF/A, or not the one described.
    #[error("page {page}: {reason}")]
    Jpeg {
        /// Counted from 1.
        page: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More distinct characters than a font can number.
    #[error("more than 65,535 distinct characters: the text is not the text of a document")]
    TooManyCharacters,
    /// A field of [`DocumentInfo`] that cannot be written.
    #[error("{field}: {reason}")]
    Metadata {
        /// Name of the field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Localized for PdfError {
    fn message(&self, lang: Lang) -> String {
        match (lang, self) {
            (Lang::En, _) => self.to_string(),
            (Lang::Vi, Self::NoPages) => "tệp PDF phải có ít nhất một trang".to_owned(),
            (Lang::Vi, Self::TooManyPages(count)) => {
                format!("{count} trang, mỗi tệp tối đa {MAX_PAGES} trang: hãy tách tài liệu")
            }
            (Lang::Vi, Self::PageSize { page, width_mm, height_mm }) => {
                format!(
                    "trang {page}: khổ {width_mm:.1} × {height_mm:.1} mm không hợp lệ, hãy quét lại hoặc chọn khổ giấy"
                )
            }
            (Lang::Vi, Self::Jpeg { page, .. }) => {
                format!("trang {page}: ảnh JPEG không dùng được trong PDF/A, hãy quét lại trang này")
            }
            (Lang::Vi, Self::TooManyCharacters) => "văn bản có quá nhiều ký tự khác nhau, hãy tách tài liệu".to_owned(),
            (Lang::Vi, Self::Metadata { field, .. }) => {
                format!("thông tin tài liệu không hợp lệ ({field}), hãy sửa lại cho ngắn và đúng")
            }
        }
    }
}

/// Writes a document.
///
/// # Errors
///
/// See [`PdfError`]: no or too many pages, a page size or a picture that PDF/A does not allow, metadata out of bounds.
pub fn write(pages: &[PdfPage<'_>], info: &DocumentInfo, level: PdfaLevel) -> Result<Vec<u8>, PdfError> {
    if pages.is_empty() {
        return Err(PdfError::NoPages);
    }
    if pages.len() > MAX_PAGES {
        return Err(PdfError::TooManyPages(pages.len()));
    }
    let info = CheckedInfo::new(info)?;
    let sizes = check_pages(pages)?;
    let codes =
        CharacterCodes::of(pages.iter().flat_map(|page| &page.text.lines)).ok_or(PdfError::TooManyCharacters)?;

    let mut refs = (1..).map(Ref::new);
    let mut next = || refs.next().expect("2,000 pages need some thousand objects");
    let mut pdf = Pdf::with_settings_and_capacity(Settings { pretty: false }, capacity(pages));
    let (major, minor) = level.pdf_version();
    pdf.set_version(major, minor);
    let document = DocumentRefs { catalog: next(), tree: next(), info: next(), metadata: next(), profile: next() };
    write_catalog(&mut pdf, &document, &info);
    write_metadata(&mut pdf, &document, &info, level);
    write_profile(&mut pdf, document.profile);
    let font = (!codes.is_empty()).then(|| write_font(&mut pdf, &mut next, &codes, level));

    let page_refs: Vec<Ref> = pages.iter().map(|_| next()).collect();
    let count = i32::try_from(pages.len()).expect("the number of pages was checked");
    pdf.pages(document.tree).kids(page_refs.iter().copied()).count(count);
    for ((page, scale), id) in pages.iter().zip(sizes).zip(page_refs) {
        let pictures = picture::write(&mut pdf, &mut next, page.picture);
        let content = next();
        write_page(&mut pdf, &PageRefs { id, tree: document.tree, pictures, content, font }, scale);
        let names = &picture::NAMES[..picture::count(page.picture)];
        write_stream(&mut pdf, content, text_layer::page_content(names, &page.text.lines, scale, &codes));
    }

    let id = Sha256::digest(pdf.as_bytes())[..16].to_vec();
    pdf.set_file_id((id.clone(), id));
    Ok(pdf.finish())
}

/// Room for the whole file, so that the buffer is not copied while it grows. Per page: a dictionary, a picture header
/// and packed text.
fn capacity(pages: &[PdfPage<'_>]) -> usize {
    let words: usize = pages.iter().flat_map(|page| &page.text.lines).map(|line| line.words.len()).sum();
    let pictures: usize = pages.iter().map(|page| page.picture.bytes()).sum();
    pictures + 1_500 * pages.len() + 30 * words + 16_384
}

pub(super) struct DocumentRefs {
    pub(super) catalog: Ref,
    pub(super) tree: Ref,
    pub(super) info: Ref,
    pub(super) metadata: Ref,
    pub(super) profile: Ref,
}

struct PageRefs {
    id: Ref,
    tree: Ref,
    pictures: Vec<Ref>,
    content: Ref,
    font: Option<Ref>,
}

/// [`DocumentInfo`] in the form in which both the information dictionary and XMP hold it.
pub(super) struct CheckedInfo {
    title: String,
    language: String,
    subject: Option<String>,
    keywords: Option<String>,
    producer: String,
    date: Date,
    iso_date: String,
}

impl CheckedInfo {
    pub(super) fn new(info: &DocumentInfo) -> Result<Self, PdfError> {
        let is_tag = |text: &str| {
            (2..=35).contains(&text.len())
                && text.split('-').all(|part| (1..=8).contains(&part.len()))
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_tag(&info.language) {
            return Err(PdfError::Metadata { field: "language", reason: "not a language tag such as vi-VN" });
        }
        let optional = |field, text: &Option<String>| {
            text.as_deref().map(|text| clean(field, text)).transpose().map(|text| text.filter(|text| !text.is_empty()))
        };
        let (date, iso_date) = dates(info.created)?;
        Ok(Self {
            title: clean("title", &info.title)?,
            language: info.language.clone(),
            subject: optional("subject", &info.subject)?,
            keywords: optional("keywords", &info.keywords)?,
            producer: clean("producer", &info.producer)?,
            date,
            iso_date,
        })
    }
}

/// NFC, one line, no control characters and nothing that XML cannot hold.
fn clean(field: &'static str, text: &str) -> Result<String, PdfError> {
    let text: String = text
        .nfc()
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .filter(|character| !character.is_control() && !matches!(character, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}'))
        .collect();
    if text.chars().count() > MAX_METADATA_CHARACTERS {
        return Err(PdfError::Metadata { field, reason: "longer than 2,000 characters" });
    }
    Ok(text.trim().to_owned())
}

/// The same second for the information dictionary and for XMP, in Vietnam's time.
fn dates(created: OffsetDateTime) -> Result<(Date, String), PdfError> {
    let error = PdfError::Metadata { field: "created", reason: "not a date of the years 0 to 9999" };
    let Some(local) = created.checked_to_offset(offset!(+7)) else { return Err(error) };
    let format = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]"
    );
    let (Ok(year), Ok(iso)) = (u16::try_from(local.year()), local.format(format)) else { return Err(error) };
    let date = Date::new(year)
        .month(local.month().into())
        .day(local.day())
        .hour(local.hour())
        .minute(local.minute())
        .second(local.second())
        .utc_offset_hour(7)
        .utc_offset_minute(0);
    Ok((date, iso))
}

/// Checks what PDF/A asks of each page and turns millimetres into points.
fn check_pages(pages: &[PdfPage<'_>]) -> Result<Vec<PageScale>, PdfError> {
    let check = |(i, page): (usize, &PdfPage<'_>)| {
        // Hundredths of a point (4 µm) keep the numbers short.
        let points = |mm: f64| (mm / MM_PER_INCH * POINTS_PER_INCH * 100.0).round() / 100.0;
        let (width_pt, height_pt) = (points(page.size.width), points(page.size.height));
        if !PAGE_SIDE_POINTS.contains(&width_pt) || !PAGE_SIDE_POINTS.contains(&height_pt) {
            return Err(PdfError::PageSize { page: i + 1, width_mm: page.size.width, height_mm: page.size.height });
        }
        picture::check(page.picture).map_err(|reason| PdfError::Jpeg { page: i + 1, reason })?;
        Ok(PageScale { width_px: page.width, height_px: page.height, width_pt, height_pt })
    };
    pages.iter().enumerate().map(check).collect()
}

pub(super) fn write_catalog(pdf: &mut Pdf, refs: &DocumentRefs, info: &CheckedInfo) {
    let mut catalog = pdf.catalog(refs.catalog);
    catalog.pages(refs.tree).metadata(refs.metadata).lang(TextStr(&info.language));
    catalog.viewer_preferences().display_doc_title(true);
    let mut intents = catalog.output_intents();
    let mut intent = intents.push();
    intent
        .subtype(OutputIntentSubtype::PDFA)
        .output_condition_identifier(TextStr(SRGB))
        .registry_name(TextStr("http://www.color.org"))
        .info(TextStr(SRGB))
        .dest_output_profile(refs.profile);
}

pub(super) fn write_metadata(pdf: &mut Pdf, refs: &DocumentRefs, info: &CheckedInfo, level: PdfaLevel) {
    let mut dictionary = pdf.document_info(refs.info);
    dictionary.title(TextStr(&info.title)).producer(TextStr(&info.producer));
    if let Some(subject) = &info.subject {
        dictionary.subject(TextStr(subject));
    }
    if let Some(keywords) = &info.keywords {
        dictionary.keywords(TextStr(keywords));
    }
    dictionary.creation_date(info.date).modified_date(info.date);
    dictionary.finish();

    let packet = xmp::packet(&xmp::Metadata {
        part: level.part(),
        conformance: level.conformance(),
        title: &info.title,
        language: &info.language,
        subject: info.subject.as_deref(),
        keywords: info.keywords.as_deref(),
        producer: &info.producer,
        date: &info.iso_date,
    });
    // Never compressed: PDF/A-1, 6.7.2, forbids it, and so any program can find the packet.
    pdf.metadata(refs.metadata, packet.as_bytes());
}

pub(super) fn write_profile(pdf: &mut Pdf, id: Ref) {
    let (data, filter) = packed(icc::srgb());
    let mut profile = pdf.icc_profile(id, &data);
    profile.n(3);
    if let Some(filter) = filter {
        profile.filter(filter);
    }
}

/// The blank font: a composite font whose codes are character numbers, described in `text_layer`.
fn write_font(pdf: &mut Pdf, next: &mut impl FnMut() -> Ref, codes: &CharacterCodes, level: PdfaLevel) -> Ref {
    let (font, descendant, descriptor, program, to_unicode, to_glyphs) =
        (next(), next(), next(), next(), next(), next());
    pdf.type0_font(font)
        .base_font(FONT_NAME)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(to_unicode);
    pdf.cid_font(descendant)
        .subtype(CidFontType::Type2)
        .base_font(FONT_NAME)
        .system_info(text_layer::IDENTITY)
        .font_descriptor(descriptor)
        .default_width(f32::from(ADVANCE))
        .cid_to_gid_map_stream(to_glyphs);
    // PDF/A-1, 6.3.5, asks for the set of a subset's codes; PDF/A-2 made it optional.
    let set = (level == PdfaLevel::A1b).then(&mut *next);
    let mut description = pdf.font_descriptor(descriptor);
    description
        .name(FONT_NAME)
        .flags(FontFlags::FIXED_PITCH | FontFlags::SYMBOLIC)
        .bbox(Rect::new(0.0, f32::from(DESCENT), f32::from(ADVANCE), f32::from(ASCENT)))
        .italic_angle(0.0)
        .ascent(f32::from(ASCENT))
        .descent(f32::from(DESCENT))
        .cap_height(f32::from(ASCENT))
        .stem_v(80.0)
        .font_file2(program);
    if let Some(set) = set {
        description.cid_set(set);
    }
    description.finish();

    let file = blank_font::font();
    write_font_file(pdf, program, file);
    write_stream(pdf, to_unicode, codes.to_unicode());
    write_stream(pdf, to_glyphs, codes.to_glyphs());
    if let Some(set) = set {
        write_stream(pdf, set, codes.set());
    }
    font
}

#[expect(clippy::cast_possible_truncation, reason = "PDF numbers are single precision: 14,400.00 still has its cents")]
fn write_page(pdf: &mut Pdf, refs: &PageRefs, scale: PageScale) {
    let mut page = pdf.page(refs.id);
    page.parent(refs.tree).media_box(Rect::new(0.0, 0.0, scale.width_pt as f32, scale.height_pt as f32));
    page.contents(refs.content);
    let mut resources = page.resources();
    resources.x_objects().pairs(picture::names().zip(refs.pictures.iter().copied()));
    if let Some(font) = refs.font {
        resources.fonts().pair(Name(text_layer::FONT.as_bytes()), font);
    }
}

/// A TrueType font program with the length that it has unpacked (ISO 32000-1, table 127).
pub(super) fn write_font_file(pdf: &mut Pdf, id: Ref, file: Vec<u8>) {
    let length = i32::try_from(file.len()).expect("a part of a font of some hundred kilobytes");
    let (data, filter) = packed(file);
    let mut stream = pdf.stream(id, &data);
    stream.pair(Name(b"Length1"), length);
    if let Some(filter) = filter {
        stream.filter(filter);
    }
}

pub(super) fn write_stream(pdf: &mut Pdf, id: Ref, data: Vec<u8>) {
    let (data, filter) = packed(data);
    let mut stream = pdf.stream(id, &data);
    if let Some(filter) = filter {
        stream.filter(filter);
    }
}

/// Deflates through lopdf, which brings the codec anyway; data that would not shrink stays as it is.
pub(super) fn packed(data: Vec<u8>) -> (Vec<u8>, Option<Filter>) {
    let mut stream = lopdf::Stream::new(lopdf::Dictionary::new(), data);
    let packed = stream.compress().is_ok() && stream.dict.has(b"Filter");
    (stream.content, packed.then_some(Filter::FlateDecode))
}

#[cfg(test)]
mod tests {
    use lopdf::{Document, Object};
    use time::macros::datetime;

    use super::*;
    use crate::model::{Bilevel, Jpeg, Rect as Box, TextLine, Word};

    /// As much of a JPEG file as the writer reads: its frame header.
    fn jpeg(width: u16, height: u16, channels: u8) -> Vec<u8> {
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0, 0xFF, 0xC0, 0, 8 + 3 * channels, 8];
        file.extend(height.to_be_bytes());
        file.extend(width.to_be_bytes());
        file.push(channels);
        file.extend(vec![0; usize::from(channels) * 3]);
        file.extend([0xFF, 0xD9]);
        file
    }

    fn text(lines: &[&str]) -> PageText {
        let line = |(row, text): (usize, &&str)| {
            let bounds =
                |i: u32| Box { x: 10 + 30 * i, y: 10 + 20 * u32::try_from(row).unwrap(), width: 25, height: 10 };
            let words = (0_u32..).zip(text.split(' '));
            let words =
                words.map(|(i, word)| Word { text: word.to_owned(), bounds: bounds(i), confidence: 0.9, blue: 0 });
            TextLine { words: words.collect(), bounds: Box::default(), block: 0 }
        };
        PageText { lines: lines.iter().enumerate().map(line).collect() }
    }

    fn info() -> DocumentInfo {
        DocumentInfo {
            title: "Tờ khai <1>".to_owned(),
            language: "vi-VN".to_owned(),
            created: datetime!(2026-11-21 20:30:00 UTC),
            producer: "sohoa".to_owned(),
            subject: None,
            keywords: Some("khai sinh".to_owned()),
        }
    }

    fn picture(width: u16, height: u16, channels: u8) -> Picture {
        Picture::Jpeg(Jpeg { bytes: jpeg(width, height, channels), width: width.into(), height: height.into() })
    }

    const A4: SizeMm = SizeMm { width: 210.0, height: 297.0 };

    fn one_page(text: &PageText, level: PdfaLevel) -> Vec<u8> {
        let page = PdfPage { picture: &picture(210, 297, 3), width: 210, height: 297, size: A4, text };
        write(&[page], &info(), level).unwrap()
    }

    fn find<'a>(document: &'a Document, kind: &[u8]) -> &'a lopdf::Dictionary {
        let dictionaries = document.objects.values().filter_map(|object| object.as_dict().ok());
        dictionaries.into_iter().find(|dictionary| dictionary.has_type(kind)).unwrap()
    }

    /// The words of the first page, read back as an extractor does: strings through the `ToUnicode` map.
    fn words_of(pdf: &[u8]) -> String {
        let document = Document::load_mem(pdf).unwrap();
        let map = find(&document, b"Font").get(b"ToUnicode").unwrap().as_reference().unwrap();
        let map = document.get_object(map).unwrap().as_stream().unwrap().get_plain_content().unwrap();
        let characters: std::collections::BTreeMap<String, String> = String::from_utf8(map)
            .unwrap()
            .lines()
            .filter_map(|line| line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <"))
            .map(|(code, utf16)| {
                let units: Vec<u16> = utf16
                    .as_bytes()
                    .chunks(4)
                    .map(|digits| u16::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
                    .collect();
                (code.to_owned(), String::from_utf16(&units).unwrap())
            })
            .collect();
        let page = document.page_iter().next().unwrap();
        let content = String::from_utf8(document.get_page_content(page)).unwrap();
        assert!(content.contains("BT\n3 Tr\n"));
        let shown = content.lines().filter_map(|line| line.strip_suffix(">Tj")?.split_once('<'));
        shown
            .flat_map(|(_, codes)| codes.as_bytes().chunks(4))
            .map(|code| characters[std::str::from_utf8(code).unwrap()].as_str())
            .collect()
    }

    #[test]
    fn a_page_has_its_true_size_and_its_picture_untouched() {
        let pdf = one_page(&PageText::default(), PdfaLevel::A2u);
        let document = Document::load_mem(&pdf).unwrap();
        let page = document.get_dictionary(document.page_iter().next().unwrap()).unwrap();
        let sides: Vec<f32> =
            page.get(b"MediaBox").unwrap().as_array().unwrap().iter().map(|side| side.as_float().unwrap()).collect();
        assert_eq!(sides, [0.0, 0.0, 595.28, 841.89]);
        let picture = jpeg(210, 297, 3);
        assert!(pdf.windows(picture.len()).any(|window| window == picture));
    }

    #[test]
    fn text_comes_back_in_order_through_the_unicode_map() {
        let pdf = one_page(&text(&["Quyết định 😀", "Nguyễn Thị Ánh"]), PdfaLevel::A2u);
        assert_eq!(words_of(&pdf), "Quyết định 😀 Nguyễn Thị Ánh ");
    }

    #[test]
    fn same_input_gives_same_bytes_and_other_input_another_identifier() {
        let id = |pdf: &[u8]| Document::load_mem(pdf).unwrap().trailer.get(b"ID").unwrap().clone();
        let (a, b) = (text(&["một"]), text(&["hai"]));
        assert_eq!(one_page(&a, PdfaLevel::A2u), one_page(&a, PdfaLevel::A2u));
        assert_ne!(id(&one_page(&a, PdfaLevel::A2u)), id(&one_page(&b, PdfaLevel::A2u)));
    }

    #[test]
    fn information_and_xmp_agree() {
        let pdf = one_page(&PageText::default(), PdfaLevel::A1b);
        assert!(pdf.starts_with(b"%PDF-1.4\n"));
        let document = Document::load_mem(&pdf).unwrap();
        let id = document.trailer.get(b"Info").unwrap().as_reference().unwrap();
        let dictionary = document.get_dictionary(id).unwrap();
        assert_eq!(dictionary.get(b"CreationDate").unwrap().as_str().unwrap(), b"D:20261122033000+07'00");
        assert_eq!(lopdf::decode_text_string(dictionary.get(b"Title").unwrap()).unwrap(), "Tờ khai <1>");
        let packet = String::from_utf8_lossy(&pdf).into_owned();
        for part in [
            "<pdfaid:part>1</pdfaid:part>",
            "<pdfaid:conformance>B</pdfaid:conformance>",
            "<xmp:CreateDate>2026-11-22T03:30:00+07:00</xmp:CreateDate>",
            "Tờ khai &lt;1&gt;",
            "<pdf:Keywords>khai sinh</pdf:Keywords>",
        ] {
            assert!(packet.contains(part), "{part}");
        }
    }

    #[test]
    fn only_part_one_has_a_set_of_codes() {
        let descriptor = |level| {
            let document = Document::load_mem(&one_page(&text(&["a"]), level)).unwrap();
            find(&document, b"FontDescriptor").clone()
        };
        assert!(descriptor(PdfaLevel::A1b).has(b"CIDSet"));
        assert!(!descriptor(PdfaLevel::A2b).has(b"CIDSet"));
    }

    #[test]
    fn a_document_without_text_needs_no_font() {
        let document = Document::load_mem(&one_page(&PageText::default(), PdfaLevel::A2u)).unwrap();
        assert!(!document.objects.values().any(|object| object.as_dict().is_ok_and(|found| found.has_type(b"Font"))));
    }

    #[test]
    fn gray_pages_are_device_gray() {
        let none = PageText::default();
        let page = PdfPage { picture: &picture(8, 9, 1), width: 8, height: 9, size: A4, text: &none };
        let document = Document::load_mem(&write(&[page], &info(), PdfaLevel::A2b).unwrap()).unwrap();
        let spaces: Vec<&Object> = document
            .objects
            .values()
            .filter_map(|object| object.as_stream().ok()?.dict.get(b"ColorSpace").ok())
            .collect();
        assert_eq!(spaces, [&Object::Name(b"DeviceGray".to_vec())]);
    }

    #[test]
    fn layers_are_painted_through_a_stencil() {
        let none = PageText::default();
        let stored = |bytes, width, height| Jpeg { bytes, width, height };
        let layers = Picture::Layers {
            background: stored(jpeg(20, 30, 3), 20, 30),
            foreground: stored(jpeg(4, 6, 3), 4, 6),
            mask: Bilevel { jbig2: vec![1, 2, 3], width: 40, height: 60 },
        };
        let page = PdfPage { picture: &layers, width: 40, height: 60, size: A4, text: &none };
        let pdf = write(&[page], &info(), PdfaLevel::A1b).unwrap();
        let document = Document::load_mem(&pdf).unwrap();
        let content = document.get_page_content(document.page_iter().next().unwrap());
        assert!(String::from_utf8(content).unwrap().contains("cm\n/Im0 Do\n/Im1 Do\nQ"));
        let masked = document.objects.values().filter_map(|object| object.as_stream().ok()?.dict.get(b"Mask").ok());
        let masks: Vec<_> = masked.map(|mask| document.dereference(mask).unwrap().1.as_stream().unwrap()).collect();
        assert_eq!(masks.len(), 1);
        assert!(masks[0].dict.get(b"ImageMask").unwrap().as_bool().unwrap() && masks[0].content == [1, 2, 3]);
        assert_eq!(crate::pdf::structure::pages(&pdf).unwrap()[0].streams, layers.streams().concat());
    }

    #[test]
    fn what_pdfa_does_not_allow_is_an_error() {
        let none = PageText::default();
        let (good, cmyk) = (picture(8, 9, 3), picture(8, 9, 4));
        fn page<'a>(picture: &'a Picture, text: &'a PageText) -> PdfPage<'a> {
            PdfPage { picture, width: 8, height: 9, size: A4, text }
        }
        let try_page = |page: PdfPage<'_>| write(&[page], &info(), PdfaLevel::A2u).unwrap_err();
        assert!(matches!(write(&[], &info(), PdfaLevel::A2u), Err(PdfError::NoPages)));
        let many = vec![page(&good, &none); MAX_PAGES + 1];
        assert!(matches!(write(&many, &info(), PdfaLevel::A2u), Err(PdfError::TooManyPages(2001))));
        for size in [SizeMm { width: f64::NAN, ..A4 }, SizeMm { height: 0.5, ..A4 }, SizeMm { height: 6e3, ..A4 }] {
            assert!(matches!(try_page(PdfPage { size, ..page(&good, &none) }), PdfError::PageSize { page: 1, .. }));
        }
        let broken = |bytes: &[u8], width| Picture::Jpeg(Jpeg { bytes: bytes.to_vec(), width, height: 9 });
        let whole = jpeg(8, 9, 3);
        assert!(matches!(try_page(page(&broken(&whole, 9), &none)), PdfError::Jpeg { .. }));
        assert!(matches!(try_page(page(&cmyk, &none)), PdfError::Jpeg { .. }));
        for end in 0..whole.len() - 2 {
            assert!(matches!(try_page(page(&broken(&whole[..end], 8), &none)), PdfError::Jpeg { .. }), "cut at {end}");
        }
        for language in ["", "vi VN", "-", "tiếng"] {
            let info = DocumentInfo { language: language.to_owned(), ..info() };
            let error = write(&[page(&good, &none)], &info, PdfaLevel::A2u).unwrap_err();
            assert!(matches!(error, PdfError::Metadata { field: "language", .. }));
        }
    }
}
