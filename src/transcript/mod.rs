//! The text of a component for other programs: plain text, hOCR, ALTO and TSV, and what it says as data, beside the signed PDF.
//!
//! Every format has the pages of the component in order and on them the lines as a person reads them; boxes are pixels
//! of the page image in the PDF, from its top left. One file holds the whole component, as the PDF does.

mod alto;
mod hocr;
mod tsv;

use std::io;
use std::str::FromStr;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};
use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::extract::{self, Rules, Sheet, Subject};
use crate::model::{PageText, Rect, TextLine};

/// A file format for recognised text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Plain text, UTF-8: a row a line, an empty row between blocks, a form feed after each page as `pdftotext` has it.
    Txt,
    /// [hOCR 1.2](https://kba.github.io/hocr-spec/1.2/): XHTML with boxes and confidences.
    Hocr,
    /// [ALTO 4](https://www.loc.gov/standards/alto/), the Library of Congress' XML of libraries and archives.
    Alto,
    /// The table of tesseract's `tsv` output.
    Tsv,
    /// What the paper says, as checked data ([`crate::extract`]).
    Data,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Txt, Self::Hocr, Self::Alto, Self::Tsv, Self::Data];

    /// How the format is called on the command line and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Hocr => "hocr",
            Self::Alto => "alto",
            Self::Tsv => "tsv",
            Self::Data => "data",
        }
    }

    /// What follows the component's name in the name of the file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Alto => "alto.xml",
            Self::Data => "data.json",
            other => other.name(),
        }
    }

    /// The text of a component in this format, UTF-8.
    pub fn write(self, transcript: &Transcript<'_>) -> String {
        match self {
            Self::Txt => plain(transcript),
            Self::Hocr => hocr::write(transcript),
            Self::Alto => alto::write(transcript),
            Self::Tsv => tsv::write(transcript),
            Self::Data => data(transcript),
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

/// A name that is no format's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a format must be one of txt, hocr, alto, tsv, data")]
pub struct UnknownFormat;

/// The text of a component.
#[derive(Debug)]
pub struct Transcript<'a> {
    /// Name of the component's PDF, beside which the transcript lies.
    pub file: &'a str,
    /// Title of the document.
    pub title: &'a str,
    /// The recogniser, as [`crate::ocr::OcrEngine::name`] calls it.
    pub engine: &'a str,
    /// Code of the dossier, where it is known.
    pub dossier: Option<&'a str>,
    /// By what data are found in the text.
    pub rules: &'a Rules,
    /// The pages in order.
    pub pages: Vec<TranscriptPage<'a>>,
}

/// The text of one page.
#[derive(Debug)]
pub struct TranscriptPage<'a> {
    /// Width of the page image, pixels.
    pub width: u32,
    /// Height of the page image, pixels.
    pub height: u32,
    /// Resolution of the page image, pixels an inch.
    pub dpi: f64,
    /// The words.
    pub text: &'a PageText,
    /// The codes.
    pub codes: &'a [Code],
}

impl TranscriptPage<'_> {
    /// The lines of each block, blocks in reading order.
    fn blocks(&self) -> impl Iterator<Item = &[TextLine]> {
        self.text.lines.chunk_by(|one, next| one.block == next.block)
    }
}

/// The box around lines; empty without lines.
fn around(lines: &[TextLine]) -> Rect {
    lines.iter().map(|line| line.bounds).reduce(Rect::union).unwrap_or_default()
}

/// Writes XML into memory.
pub(crate) type Xml = Writer<Vec<u8>>;

/// An XML document, written by `content` after its declaration.
pub(crate) fn xml(content: impl FnOnce(&mut Xml) -> io::Result<()>) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
        .and_then(|()| content(&mut xml))
        .expect("writing into memory does not fail");
    String::from_utf8(xml.into_inner()).expect("the parts are UTF-8")
}

fn plain(transcript: &Transcript<'_>) -> String {
    let mut text = String::new();
    for page in &transcript.pages {
        for (number, block) in page.blocks().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            for line in block {
                text.push_str(&line.text());
                text.push('\n');
            }
        }
        text.push('\u{c}');
    }
    text
}

fn data(transcript: &Transcript<'_>) -> String {
    let pages = transcript.pages.iter();
    let sheets: Vec<Sheet<'_>> =
        pages.map(|&TranscriptPage { width, height, text, codes, .. }| Sheet { width, height, text, codes }).collect();
    let subject = Subject { component: transcript.title, file: Some(transcript.file), dossier: transcript.dossier };
    extract::text(&extract::read(&sheets, &transcript.rules.kinds), subject, &transcript.rules.records)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::model::Word;

    fn line(block: u32, y: u32, words: &[&str]) -> TextLine {
        let words: Vec<Word> = (0u32..)
            .zip(words)
            .map(|(i, text)| Word {
                text: (*text).to_owned(),
                bounds: Rect { x: 100 + 60 * i, y, width: 50, height: 20 },
                confidence: 0.875,
                blue: 0,
            })
            .collect();
        let bounds = words.iter().map(|word| word.bounds).reduce(Rect::union).unwrap();
        TextLine { words, bounds, block }
    }

    /// Two blocks on the first page, none on the second.
    pub(super) fn texts() -> [PageText; 2] {
        let lines =
            vec![line(0, 50, &["CỘNG", "HÒA"]), line(0, 80, &["<a>&\"b\"'"]), line(1, 200, &["Số:", "12/QĐ-UBND"])];
        [PageText { lines }, PageText::default()]
    }

    pub(super) fn transcript(texts: &[PageText]) -> Transcript<'_> {
        static RULES: LazyLock<Rules> = LazyLock::new(Rules::shipped);
        let page = |text| TranscriptPage { width: 1654, height: 2339, dpi: 200.0, text, codes: &[] };
        Transcript {
            file: "quyết-định.pdf",
            title: "quyết-định",
            engine: "tesseract vie",
            dossier: None,
            rules: &RULES,
            pages: texts.iter().map(page).collect(),
        }
    }

    #[test]
    fn plain_text_has_blocks_apart_and_pages_end_with_a_form_feed() {
        let text = Format::Txt.write(&transcript(&texts()));
        assert_eq!(text, "CỘNG HÒA\n<a>&\"b\"'\n\nSố: 12/QĐ-UBND\n\u{c}\u{c}");
    }

    #[test]
    fn data_name_the_file_that_they_lie_beside() {
        let data: serde_json::Value = serde_json::from_str(&Format::Data.write(&transcript(&texts()))).unwrap();
        assert_eq!((&data["file"], &data["pages"]), (&"quyết-định.pdf".into(), &2.into()));
        assert_eq!(data["values"][0]["value"], "12/QĐ-UBND");
    }

    #[test]
    fn names_and_formats_belong_together() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(format.extension().starts_with(format.name()));
        }
        assert_eq!("pdf".parse::<Format>(), Err(UnknownFormat));
    }

    #[test]
    fn a_box_goes_around_its_lines() {
        let [text, _] = texts();
        assert_eq!(around(&text.lines[..2]), Rect { x: 100, y: 50, width: 110, height: 50 });
        assert_eq!(around(&[]), Rect::default());
    }
}
