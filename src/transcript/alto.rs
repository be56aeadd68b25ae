//! ALTO 4.2: one `Page` a page, a `TextBlock` a block, lines with their words and the spaces between them.
//!
//! 4.2 is the first with what we write; readers of later 4.x take it as well. Measures are pixels of the page image.

use quick_xml::events::BytesText;

use crate::model::{Rect, TextLine};

use super::{Transcript, TranscriptPage, Xml, around};

const NAMESPACE: &str = "http://www.loc.gov/standards/alto/ns-v4#";
const SCHEMA: &str = "http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-2.xsd";

type Result = std::io::Result<()>;

pub(super) fn write(transcript: &Transcript<'_>) -> String {
    super::xml(|xml| document(xml, transcript))
}

fn document(xml: &mut Xml, transcript: &Transcript<'_>) -> Result {
    let root = [
        ("xmlns", NAMESPACE),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
        ("xsi:schemaLocation", SCHEMA),
        ("SCHEMAVERSION", "4.2"),
    ];
    xml.create_element("alto").with_attributes(root).write_inner_content(|xml| {
        xml.create_element("Description").write_inner_content(|xml| description(xml, transcript))?;
        xml.create_element("Layout").write_inner_content(|xml| {
            (1..).zip(&transcript.pages).try_for_each(|(number, sheet)| page(xml, number, sheet))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn description(xml: &mut Xml, transcript: &Transcript<'_>) -> Result {
    text(xml, "MeasurementUnit", "pixel")?;
    xml.create_element("sourceImageInformation").write_inner_content(|xml| text(xml, "fileName", transcript.file))?;
    xml.create_element("Processing").with_attribute(("ID", "OCR")).write_inner_content(|xml| {
        text(xml, "processingStepDescription", "contentGeneration")?;
        text(xml, "processingStepSettings", transcript.engine)?;
        xml.create_element("processingSoftware").write_inner_content(|xml| {
            text(xml, "softwareName", env!("CARGO_PKG_NAME"))?;
            text(xml, "softwareVersion", env!("CARGO_PKG_VERSION"))
        })?;
        Ok(())
    })?;
    Ok(())
}

fn text(xml: &mut Xml, tag: &str, content: &str) -> Result {
    xml.create_element(tag).write_text_content(BytesText::new(content))?;
    Ok(())
}

fn page(xml: &mut Xml, number: usize, sheet: &TranscriptPage<'_>) -> Result {
    let whole = Rect { x: 0, y: 0, width: sheet.width, height: sheet.height };
    let [width, height] = [sheet.width, sheet.height].map(|side| side.to_string());
    let (id, number) = (format!("page_{number}"), number.to_string());
    let confidence = sheet.text.mean_confidence().map(|mean| format!("{mean:.4}"));
    let attributes = [
        ("ID", id.as_str()),
        ("PHYSICAL_IMG_NR", &number),
        ("WIDTH", &width),
        ("HEIGHT", &height),
        ("PROCESSING", "OCR"),
    ];
    xml.create_element("Page")
        .with_attributes(attributes)
        .with_attributes(confidence.as_deref().map(|mean| ("PC", mean)))
        .write_inner_content(|xml| {
            placed(xml, "PrintSpace", None, whole, |xml| {
                (1..).zip(sheet.blocks()).try_for_each(|(index, lines)| {
                    let id = format!("{number}_{index}");
                    placed(xml, "TextBlock", Some(&format!("block_{id}")), around(lines), |xml| {
                        (1..).zip(lines).try_for_each(|(row, text)| line(xml, &format!("{id}_{row}"), text))
                    })
                })
            })
        })?;
    Ok(())
}

fn line(xml: &mut Xml, id: &str, text: &TextLine) -> Result {
    placed(xml, "TextLine", Some(&format!("line_{id}")), text.bounds, |xml| {
        for (index, word) in text.words.iter().enumerate() {
            let id = format!("word_{id}_{}", index + 1);
            if let Some(before) = index.checked_sub(1) {
                let gap = gap(text.words[before].bounds, word.bounds);
                let gap = gap.iter().map(|(key, value)| (*key, value.as_str()));
                xml.create_element("SP").with_attributes(gap).write_empty()?;
            }
            let confidence = format!("{:.4}", word.confidence);
            xml.create_element("String")
                .with_attribute(("ID", id.as_str()))
                .with_attributes(place(word.bounds).iter().map(|(key, value)| (*key, value.as_str())))
                .with_attributes([("WC", confidence.as_str()), ("CONTENT", &word.text)])
                .write_empty()?;
        }
        Ok(())
    })
}

/// Where the space between two words stands; boxes of words may touch and overlap.
fn gap(left: Rect, right: Rect) -> [(&'static str, String); 3] {
    let start = left.x + left.width;
    let width = right.x.saturating_sub(start);
    [("HPOS", start.to_string()), ("VPOS", right.y.to_string()), ("WIDTH", width.to_string())]
}

fn place(at: Rect) -> [(&'static str, String); 4] {
    let Rect { x, y, width, height } = at;
    [("HPOS", x), ("VPOS", y), ("WIDTH", width), ("HEIGHT", height)].map(|(key, value)| (key, value.to_string()))
}

fn placed(xml: &mut Xml, tag: &str, id: Option<&str>, at: Rect, content: impl FnOnce(&mut Xml) -> Result) -> Result {
    xml.create_element(tag)
        .with_attributes(id.map(|id| ("ID", id)))
        .with_attributes(place(at).iter().map(|(key, value)| (*key, value.as_str())))
        .write_inner_content(content)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{texts, transcript};

    #[test]
    fn words_carry_place_confidence_and_escaped_content() {
        let xml = Format::Alto.write(&transcript(&texts()));
        for expected in [
            "<String ID=\"word_1_2_1_2\" HPOS=\"160\" VPOS=\"200\" WIDTH=\"50\" HEIGHT=\"20\" WC=\"0.8750\" CONTENT=\"12/QĐ-UBND\"/>",
            "<SP HPOS=\"150\" VPOS=\"200\" WIDTH=\"10\"/>",
            "<TextBlock ID=\"block_1_2\" HPOS=\"100\" VPOS=\"200\" WIDTH=\"110\" HEIGHT=\"20\">",
            "CONTENT=\"&lt;a&gt;&amp;&quot;b&quot;&apos;\"",
            "<Page ID=\"page_1\" PHYSICAL_IMG_NR=\"1\" WIDTH=\"1654\" HEIGHT=\"2339\" PROCESSING=\"OCR\" PC=\"0.8750\">",
            "<fileName>quyết-định.pdf</fileName>",
        ] {
            assert!(xml.contains(expected), "{expected}\n{xml}");
        }
        assert_eq!(xml.matches("<Page ").count(), 2);
    }
}
