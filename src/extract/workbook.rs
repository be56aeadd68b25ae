//! The data of papers as a workbook, as offices keep their lists: a sheet for each kind with a column for each field, and
//! one with every value.

use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::model::Lang;

use super::Document;
use super::table::{HEADER, row};
use super::value::{Band, Value};

/// Most letters of a sheet's name, and of a cell's text (ECMA-376, what programs take of it).
const NAME_LETTERS: usize = 31;
const CELL_LETTERS: usize = 32_767;
/// Letters that the name of a sheet cannot have.
const FORBIDDEN: [char; 8] = ['[', ']', ':', '*', '?', '/', '\\', '\''];
/// The ground of a value that somebody must look at.
const DOUBTED: u32 = 0x00FF_F2CC;

/// Why there is no workbook.
#[derive(Debug, thiserror::Error)]
#[error("the workbook of the data: {0}")]
pub struct WorkbookError(#[from] XlsxError);

/// The workbook of papers, by component. Every cell is text, so that numbers keep their leading noughts and nothing is
/// a formula; a value that somebody must confirm has a ground of its own. The same papers give the same bytes.
///
/// # Errors
/// When there are more papers than a sheet has rows.
pub fn workbook<'a>(
    papers: impl IntoIterator<Item = (&'a str, &'a Document)>,
    lang: Lang,
) -> Result<Vec<u8>, WorkbookError> {
    let papers: Vec<(&str, &Document)> = papers.into_iter().collect();
    let mut book = Workbook::new();
    // Without it the clock would be asked.
    let time = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&time));
    let mut names: Vec<String> = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    for (_, document) in &papers {
        let id = id_of(document);
        if ids.contains(&id) {
            continue;
        }
        ids.push(id);
        let title = document
            .kind
            .as_ref()
            .map_or(lang.pick("Không rõ loại", "Of no known kind"), |kind| lang.pick(&kind.name, &kind.name_en));
        let own: Vec<(&str, &Document)> = papers.iter().filter(|(_, other)| id_of(other) == id).copied().collect();
        let name = name_of(title, &names);
        names.push(name.to_lowercase());
        of_kind(book.add_worksheet().set_name(&name)?, &own, lang)?;
    }
    let sheet = book.add_worksheet();
    sheet.set_name(name_of(lang.pick("Tất cả giá trị", "All values"), &names))?;
    all(sheet, &papers)?;
    Ok(book.save_to_buffer()?)
}

fn id_of(document: &Document) -> &str {
    document.kind.as_ref().map_or("", |kind| kind.id.as_str())
}

/// A row for each paper, a column for each field that any of them has, in the order in which they come first.
fn of_kind(sheet: &mut Worksheet, papers: &[(&str, &Document)], lang: Lang) -> Result<(), XlsxError> {
    let mut columns: Vec<&Value> = Vec::new();
    for value in papers.iter().flat_map(|(_, document)| &document.values) {
        if !columns.iter().any(|known| known.field == value.field) {
            columns.push(value);
        }
    }
    let titles = columns.iter().map(|value| lang.pick(&value.title, &value.title_en));
    head(sheet, [lang.pick("Thành phần", "Component")].into_iter().chain(titles))?;
    for (line, (component, document)) in (1..).zip(papers) {
        put(sheet, line, 0, component, &Format::new())?;
        for (column, known) in (1..).zip(&columns) {
            if let Some(value) = document.get(&known.field) {
                put(sheet, line, column, &value.value, &ground(value.band))?;
            }
        }
    }
    sheet.autofit();
    Ok(())
}

/// Every value with all that is known of it, as the table has it.
fn all(sheet: &mut Worksheet, papers: &[(&str, &Document)]) -> Result<(), XlsxError> {
    head(sheet, HEADER)?;
    let values = papers.iter().flat_map(|(component, document)| {
        document.values.iter().map(move |value| (value.band, row(component, document, value)))
    });
    for (line, (band, cells)) in (1..).zip(values) {
        for (column, text) in (0..).zip(&cells) {
            put(sheet, line, column, text, &ground(band))?;
        }
    }
    sheet.autofit();
    Ok(())
}

fn head<'a>(sheet: &mut Worksheet, titles: impl IntoIterator<Item = &'a str>) -> Result<(), XlsxError> {
    for (column, title) in (0..).zip(titles) {
        put(sheet, 0, column, title, &Format::new().set_bold())?;
    }
    sheet.set_freeze_panes(1, 0).map(|_| ())
}

/// Text as text, whatever a program would take it for.
fn put(sheet: &mut Worksheet, line: u32, column: u16, text: &str, format: &Format) -> Result<(), XlsxError> {
    let text: String = text.chars().take(CELL_LETTERS).collect();
    // "@": who edits the cell finds text there, too.
    sheet.write_string_with_format(line, column, text, &format.clone().set_num_format("@")).map(|_| ())
}

fn ground(band: Band) -> Format {
    match band {
        Band::Accept | Band::Glance => Format::new(),
        Band::Confirm | Band::Retype => Format::new().set_background_color(Color::RGB(DOUBTED)),
    }
}

/// A name that a sheet can have and none has yet; case does not part names.
fn name_of(title: &str, taken: &[String]) -> String {
    let clean: String = title.chars().map(|c| if FORBIDDEN.contains(&c) { ' ' } else { c }).collect();
    let cut = |letters: usize| clean.trim().chars().take(letters).collect::<String>().trim().to_owned();
    let numbered = (2..).map(|number: u32| {
        let end = format!(" {number}");
        format!("{}{end}", cut(NAME_LETTERS - end.len())).trim().to_owned()
    });
    let names = [cut(NAME_LETTERS)].into_iter().chain(numbered);
    names.into_iter().find(|name| !name.is_empty() && !taken.contains(&name.to_lowercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::super::{Kinds, Sheet, read};
    use super::*;

    #[test]
    fn names_of_sheets_are_short_plain_and_their_own() {
        let long = "Giấy tiếp nhận hồ sơ và hẹn trả kết quả";
        let first = name_of(long, &[]);
        let second = name_of(long, &[first.to_lowercase()]);
        assert_eq!([first.as_str(), &second], ["Giấy tiếp nhận hồ sơ và hẹn trả", "Giấy tiếp nhận hồ sơ và hẹn t 2"]);
        assert_eq!(name_of("a/b: [c]", &[]), "a b   c");
        assert_eq!(name_of("///", &[]), "2");
    }

    #[test]
    fn the_same_papers_give_the_same_bytes() {
        let page = page_of("GIẤY ỦY QUYỀN\nTôi ủy quyền cho ông:\nHọ và tên: Lê Văn An");
        let document = read(&[Sheet::of(&page)], &Kinds::shipped());
        let made = || workbook([("a", &document)], Lang::Vi).unwrap();
        assert_eq!(made(), made());
        assert!(made().starts_with(b"PK"));
    }
}
