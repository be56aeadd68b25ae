//! hOCR 1.2 as XHTML: `ocr_page`, `ocr_carea` and `ocr_par` (each block is both), `ocr_line`, `ocrx_word`.

use quick_xml::events::{BytesText, Event};

use crate::model::{Rect, TextLine, Word};

use super::{Transcript, TranscriptPage, Xml, around};

const CAPABILITIES: &str = "ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_lang";

type Result = std::io::Result<()>;

pub(super) fn write(transcript: &Transcript<'_>) -> String {
    super::xml(|xml| document(xml, transcript))
}

fn document(xml: &mut Xml, transcript: &Transcript<'_>) -> Result {
    xml.write_event(Event::DocType(BytesText::from_escaped("html")))?;
    let root = [("xmlns", "http://www.w3.org/1999/xhtml"), ("lang", "vi"), ("xml:lang", "vi")];
    xml.create_element("html").with_attributes(root).write_inner_content(|xml| {
        xml.create_element("head").write_inner_content(|xml| {
            xml.create_element("title").write_text_content(BytesText::new(transcript.title))?;
            let system = format!("sohoa {}; {}", env!("CARGO_PKG_VERSION"), transcript.engine);
            let pages = transcript.pages.len().to_string();
            for (name, content) in [
                ("ocr-system", system.as_str()),
                ("ocr-capabilities", CAPABILITIES),
                ("ocr-langs", "vi"),
                ("ocr-scripts", "Latn"),
                ("ocr-number-of-pages", &pages),
            ] {
                let meta = [("name", name), ("content", content)];
                xml.create_element("meta").with_attributes(meta).write_empty()?;
            }
            Ok(())
        })?;
        xml.create_element("body").write_inner_content(|xml| {
            (0..).zip(&transcript.pages).try_for_each(|(number, sheet)| page(xml, transcript.file, number, sheet))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn page(xml: &mut Xml, file: &str, number: usize, sheet: &TranscriptPage<'_>) -> Result {
    let bounds = bbox(Rect { x: 0, y: 0, width: sheet.width, height: sheet.height });
    // A double quote would end the property's own quotes.
    let file = file.replace('"', "'");
    let title = format!("image \"{file}\"; {bounds}; ppageno {number}; scan_res {0:.0} {0:.0}", sheet.dpi);
    element(xml, "div", "ocr_page", &format!("page_{}", number + 1), &title, |xml| {
        (1..).zip(sheet.blocks()).try_for_each(|(index, lines)| {
            let id = format!("{}_{index}", number + 1);
            element(xml, "div", "ocr_carea", &format!("block_{id}"), &bbox(around(lines)), |xml| {
                element(xml, "p", "ocr_par", &format!("par_{id}"), &bbox(around(lines)), |xml| {
                    (1..).zip(lines).try_for_each(|(row, text)| line(xml, &format!("{id}_{row}"), text))
                })
            })
        })
    })
}

fn line(xml: &mut Xml, id: &str, text: &TextLine) -> Result {
    element(xml, "span", "ocr_line", &format!("line_{id}"), &bbox(text.bounds), |xml| {
        (1..).zip(&text.words).try_for_each(|(index, read)| word(xml, &format!("word_{id}_{index}"), read))
    })
}

fn word(xml: &mut Xml, id: &str, word: &Word) -> Result {
    let title = format!("{}; x_wconf {:.0}", bbox(word.bounds), word.confidence * 100.0);
    xml.create_element("span")
        .with_attributes([("class", "ocrx_word"), ("id", id), ("title", &title)])
        .write_text_content(BytesText::new(&word.text))?;
    Ok(())
}

fn element(
    xml: &mut Xml,
    tag: &str,
    class: &str,
    id: &str,
    title: &str,
    content: impl FnOnce(&mut Xml) -> Result,
) -> Result {
    let attributes = [("class", class), ("id", id), ("title", title)];
    xml.create_element(tag).with_attributes(attributes).write_inner_content(content)?;
    Ok(())
}

fn bbox(Rect { x, y, width, height }: Rect) -> String {
    format!("bbox {x} {y} {} {}", x + width, y + height)
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{texts, transcript};

    #[test]
    fn words_stand_in_lines_in_blocks_on_pages() {
        let html = Format::Hocr.write(&transcript(&texts()));
        for expected in [
            "<div class=\"ocr_page\" id=\"page_1\" title=\"image &quot;quyết-định.pdf&quot;; bbox 0 0 1654 2339; ppageno 0; scan_res 200 200\">",
            "<div class=\"ocr_carea\" id=\"block_1_1\" title=\"bbox 100 50 210 100\">",
            "<span class=\"ocrx_word\" id=\"word_1_2_1_2\" title=\"bbox 160 200 210 220; x_wconf 88\">12/QĐ-UBND</span>",
            "id=\"page_2\"",
        ] {
            assert!(html.contains(expected), "{expected}\n{html}");
        }
        assert_eq!(html.matches("ocrx_word\" id").count(), 5);
    }

    #[test]
    fn what_is_markup_is_escaped() {
        let html = Format::Hocr.write(&transcript(&texts()));
        assert!(html.contains("&lt;a&gt;&amp;"), "{html}");
    }
}
