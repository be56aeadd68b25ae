//! The data of papers as a table that people open in a spreadsheet.

use crate::model::in_cell;

use super::Document;
use super::value::Value;

pub(super) const HEADER: [&str; 14] = [
    "component",
    "kind",
    "field",
    "title",
    "value",
    "text",
    "confidence",
    "band",
    "page",
    "x,y,width,height",
    "method",
    "check",
    "faults",
    "handwritten",
];

/// A row for each value of each paper, by component; UTF-8 with the mark by which office programs know it. Cells that such a
/// program would take for formulas are guarded.
///
/// # Errors
/// Never in practice: the table is made in memory.
pub fn table<'a>(papers: impl IntoIterator<Item = (&'a str, &'a Document)>) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    table.write_record(HEADER)?;
    for (component, document) in papers {
        for value in &document.values {
            table.write_record(row(component, document, value).map(|cell| in_cell(&cell)))?;
        }
    }
    Ok(table.into_inner().map_err(|error| error.into_error())?)
}

/// What the table says of a value.
pub(super) fn row(component: &str, document: &Document, value: &Value) -> [String; HEADER.len()] {
    let bounds = value.bounds;
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let faults = value.faults.iter().map(|fault| word(serde_json::json!(fault))).collect::<Vec<_>>().join(" ");
    [
        component.to_owned(),
        document.kind.as_ref().map_or("", |kind| kind.id.as_str()).to_owned(),
        value.field.clone(),
        value.title.clone(),
        value.value.clone(),
        value.text.clone(),
        format!("{:.3}", value.confidence),
        word(serde_json::json!(value.band)),
        value.page.to_string(),
        format!("{},{},{},{}", bounds.x, bounds.y, bounds.width, bounds.height),
        word(serde_json::json!(value.method)),
        word(serde_json::json!(value.check)),
        faults,
        if value.handwritten { "yes".to_owned() } else { String::new() },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::super::{Kinds, Sheet, read};
    use super::*;

    #[test]
    fn every_value_is_a_row_and_none_a_formula() {
        let page = page_of("GIẤY ỦY QUYỀN\nTôi ủy quyền cho ông:\nHọ và tên: =HYPERLINK Văn An");
        let mut document = read(&[Sheet::of(&page)], &Kinds::shipped());
        document.values.iter_mut().for_each(|value| value.text = "=1+1".to_owned());
        let text = String::from_utf8(table([("a", &document)]).unwrap()).unwrap();
        assert!(text.starts_with("\u{feff}component,kind,"));
        assert_eq!(text.lines().count(), 1 + document.values.len());
        assert!(!document.values.is_empty() && text.lines().skip(1).all(|row| row.contains(",'=1+1,")), "{text}");
    }
}
