//! The index of an archive (*mục lục hồ sơ*): a table of its dossiers, or of the files in them, as CSV or a spreadsheet.
//!
//! The first row with a column for the dossier's code names the columns; their order and what else stands there do not
//! matter. A row without a code has that of the row above, as in tables with merged cells.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use calamine::{Data, Reader};

use crate::gather;
use crate::model::{Lang, Localized, io_reason, shown};

/// Rows above the one that names the columns: titles of the table.
const MOST_ROWS_ABOVE: usize = 20;
/// A code of more characters is a sentence.
const LONGEST_CODE: usize = 60;

/// A row of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it stands, from 1.
    pub line: usize,
    /// The dossier's code.
    pub code: String,
    /// Title of the dossier.
    pub title: Option<String>,
    /// Its year or years.
    pub year: Option<String>,
    /// Its box.
    pub in_box: Option<String>,
    /// Its pages, or those of the file.
    pub pages: Option<u64>,
    /// Title of a paper in it.
    pub component: Option<String>,
    /// A file or folder, relative to the source.
    pub path: Option<PathBuf>,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The file cannot be read.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The index.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not in UTF-8.
    #[error("{}: not in UTF-8; save the table as CSV UTF-8, or as .xlsx", shown(.0))]
    Encoding(PathBuf),
    /// Neither CSV nor a spreadsheet.
    #[error("{}: cannot be read as a table ({reason}); save it as .xlsx or as CSV UTF-8", shown(path))]
    Table {
        /// The index.
        path: PathBuf,
        /// What its reader says.
        reason: String,
    },
    /// No row names the columns.
    #[error("{}: no column has the dossiers' codes; name one `Mã hồ sơ`", shown(.0))]
    NoCodes(PathBuf),
    /// A row whose code cannot be one.
    #[error("{}, row {line}: the code is missing or is none", shown(path))]
    Code {
        /// The index.
        path: PathBuf,
        /// The row.
        line: usize,
    },
    /// A number of pages that is none.
    #[error("{}, row {line}: the number of pages is no number", shown(path))]
    Pages {
        /// The index.
        path: PathBuf,
        /// The row.
        line: usize,
    },
    /// A path that leads out of the source.
    #[error("{}, row {line}: the path leads out of the source", shown(path))]
    Outside {
        /// The index.
        path: PathBuf,
        /// The row.
        line: usize,
    },
}

impl Localized for IndexError {
    fn message(&self, lang: Lang) -> String {
        if lang == Lang::En && !matches!(self, Self::Io { .. }) {
            return self.to_string();
        }
        match self {
            Self::Io { path, source } => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            Self::Encoding(path) => {
                format!("{}: không phải UTF-8; hãy lưu bảng thành CSV UTF-8 hoặc .xlsx", shown(path))
            }
            Self::Table { path, reason } => {
                format!("{}: không đọc được như một bảng ({reason}); hãy lưu thành .xlsx hoặc CSV UTF-8", shown(path))
            }
            Self::NoCodes(path) => {
                format!("{}: không có cột nào ghi mã hồ sơ; hãy đặt tên một cột là `Mã hồ sơ`", shown(path))
            }
            Self::Code { path, line } => format!("{}, dòng {line}: thiếu mã hồ sơ hoặc mã không đúng", shown(path)),
            Self::Pages { path, line } => format!("{}, dòng {line}: số trang không phải là số", shown(path)),
            Self::Outside { path, line } => {
                format!("{}, dòng {line}: đường dẫn ra ngoài thư mục đầu vào", shown(path))
            }
        }
    }
}

/// Which column of a row says what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Code,
    Title,
    Year,
    Box,
    Pages,
    Component,
    Path,
}

/// Names of columns, folded as [`gather::component_name`] does and in lower case.
const NAMES: [(&str, Column); 35] = [
    ("ma-ho-so", Column::Code),
    ("ho-so-so", Column::Code),
    ("so-ho-so", Column::Code),
    ("so-va-ky-hieu-ho-so", Column::Code),
    ("ky-hieu-ho-so", Column::Code),
    ("dossier", Column::Code),
    ("dossier-code", Column::Code),
    ("code", Column::Code),
    ("tieu-de", Column::Title),
    ("tieu-de-ho-so", Column::Title),
    ("ten-ho-so", Column::Title),
    ("title", Column::Title),
    ("nam", Column::Year),
    ("thoi-gian", Column::Year),
    ("year", Column::Year),
    ("hop", Column::Box),
    ("hop-so", Column::Box),
    ("so-hop", Column::Box),
    ("box", Column::Box),
    ("so-trang", Column::Pages),
    ("pages", Column::Pages),
    ("thanh-phan", Column::Component),
    ("thanh-phan-ho-so", Column::Component),
    ("ten-tai-lieu", Column::Component),
    ("ten-van-ban", Column::Component),
    ("ten-giay-to", Column::Component),
    ("component", Column::Component),
    ("duong-dan", Column::Path),
    ("tep", Column::Path),
    ("ten-tep", Column::Path),
    ("tep-tin", Column::Path),
    ("thu-muc", Column::Path),
    ("file", Column::Path),
    ("folder", Column::Path),
    ("path", Column::Path),
];

/// Reads an index.
///
/// # Errors
/// When it is no table, has no codes, or a row cannot be what it should be.
pub fn read(path: &Path) -> Result<Vec<Row>, IndexError> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let cells = match extension.as_deref() {
        Some("xlsx" | "xlsm" | "xls" | "ods") => spreadsheet(path)?,
        _ => text(path)?,
    };
    rows(path, &cells)
}

/// The rows of the first sheet that has any.
fn spreadsheet(path: &Path) -> Result<Vec<Vec<String>>, IndexError> {
    let bad = |reason: String| IndexError::Table { path: path.to_owned(), reason };
    let bytes = fs::read(path).map_err(|source| IndexError::Io { path: path.to_owned(), source })?;
    let mut book = calamine::open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| bad(error.to_string()))?;
    for name in book.sheet_names() {
        let sheet = book.worksheet_range(&name).map_err(|error| bad(error.to_string()))?;
        if !sheet.is_empty() {
            // Rows above the first that has something are not in the range, but count.
            let above = sheet.start().map_or(0, |(row, _)| row as usize);
            let rows = sheet.rows().map(|row| row.iter().map(cell).collect());
            return Ok(std::iter::repeat_n(Vec::new(), above).chain(rows).collect());
        }
    }
    Ok(Vec::new())
}

/// A cell as a person reads it.
fn cell(data: &Data) -> String {
    match data {
        Data::Float(number) if number.fract() == 0.0 => format!("{number:.0}"),
        other => other.to_string().trim().to_owned(),
    }
}

/// Rows of CSV (RFC 4180), separated by what makes a row of columns of them.
fn text(path: &Path) -> Result<Vec<Vec<String>>, IndexError> {
    let bytes = fs::read(path).map_err(|source| IndexError::Io { path: path.to_owned(), source })?;
    let text = std::str::from_utf8(&bytes).map_err(|_| IndexError::Encoding(path.to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut separated = b",;\t".iter().map(|separator| separated(text, *separator));
    let found = separated.find(|rows| rows.as_ref().map_or(true, |rows| head(rows).is_some()));
    let bad = |error: csv::Error| IndexError::Table { path: path.to_owned(), reason: error.to_string() };
    found.unwrap_or_else(|| Ok(Vec::new())).map_err(bad)
}

fn separated(text: &str, separator: u8) -> Result<Vec<Vec<String>>, csv::Error> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        // Empty lines are passed over by the reader, but count.
        let start = record.position().expect("it was read from somewhere");
        let before = &text[usize::try_from(start.byte()).unwrap_or(text.len()).min(text.len())..];
        let empty = before.bytes().take_while(u8::is_ascii_whitespace).filter(|byte| *byte == b'\n').count();
        let line = usize::try_from(start.line()).unwrap_or(1) + empty;
        rows.resize(rows.len().max(line - 1), Vec::new());
        rows.push(record.iter().map(|field| field.trim().to_owned()).collect());
    }
    Ok(rows)
}

/// The row that names the columns.
fn head(cells: &[Vec<String>]) -> Option<usize> {
    let has_codes = |row: &Vec<String>| row.iter().any(|cell| column(cell) == Some(Column::Code));
    cells.iter().take(MOST_ROWS_ABOVE).position(has_codes)
}

fn rows(path: &Path, cells: &[Vec<String>]) -> Result<Vec<Row>, IndexError> {
    let head = head(cells).ok_or_else(|| IndexError::NoCodes(path.to_owned()))?;
    let columns: Vec<Option<Column>> = cells[head].iter().map(|cell| column(cell)).collect();
    let mut found: Vec<Row> = Vec::new();
    for (line, cells) in (1..).zip(cells).skip(head + 1) {
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let of = |wanted: Column| {
            let mut of = columns.iter().zip(cells).filter(|(column, _)| **column == Some(wanted));
            of.next().map(|(_, cell)| cell.as_str()).filter(|cell| !cell.is_empty())
        };
        let above = found.last().map(|row| row.code.as_str());
        let code = of(Column::Code).or(above.filter(|_| of(Column::Path).is_some())).unwrap_or_default();
        if !is_code(code) {
            return Err(IndexError::Code { path: path.to_owned(), line });
        }
        let pages = of(Column::Pages).map(str::parse).transpose();
        let relative = of(Column::Path).map(|cell| PathBuf::from(cell.replace('\\', "/")));
        let is_inside = |path: &PathBuf| path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if relative.as_ref().is_some_and(|path| !is_inside(path)) {
            return Err(IndexError::Outside { path: path.to_owned(), line });
        }
        found.push(Row {
            line,
            code: code.to_owned(),
            title: of(Column::Title).map(str::to_owned),
            year: of(Column::Year).map(str::to_owned),
            in_box: of(Column::Box).map(str::to_owned),
            pages: pages.map_err(|_| IndexError::Pages { path: path.to_owned(), line })?,
            component: of(Column::Component).map(str::to_owned),
            path: relative,
        });
    }
    Ok(found)
}

/// What a column is called, if it is one that is known.
fn column(name: &str) -> Option<Column> {
    let folded = gather::component_name(name).to_lowercase();
    NAMES.iter().find(|(known, _)| *known == folded).map(|(_, column)| *column)
}

/// Whether a text may be the code of a dossier: one word that names a directory.
pub fn is_code(text: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !text.is_empty() && text.len() <= LONGEST_CODE && text.chars().all(is_fit) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8]) -> Result<Vec<Row>, IndexError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("muc-luc.csv");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let text = "\u{feff}MỤC LỤC HỒ SƠ\n\nSTT;Tiêu đề hồ sơ;Mã hồ sơ;Năm;Số trang;Hộp số\n\
                    1;\"Đất; nhà\";G09.2021.01.001;2021;12;3\n\n2;;G09.2021.01.002;;;\n";
        let rows = read_text(text.as_bytes()).unwrap();
        let first = Row {
            line: 4,
            code: "G09.2021.01.001".to_owned(),
            title: Some("Đất; nhà".to_owned()),
            year: Some("2021".to_owned()),
            in_box: Some("3".to_owned()),
            pages: Some(12),
            ..Row::default()
        };
        assert_eq!(rows, [first, Row { line: 6, code: "G09.2021.01.002".to_owned(), ..Row::default() }]);
    }

    #[test]
    fn a_list_of_files_may_name_its_dossier_once() {
        let rows = read_text(b"code,component,path\nA-1,To khai,a\\1.jpg\n,Don,a/2.jpg\n").unwrap();
        let shown: Vec<_> = rows.iter().map(|row| (&row.code[..], row.path.clone().unwrap())).collect();
        assert_eq!(shown, [("A-1", PathBuf::from("a/1.jpg")), ("A-1", PathBuf::from("a/2.jpg"))]);
    }

    #[test]
    fn a_spreadsheet_is_read_as_people_fill_it_in() {
        // Made by openpyxl: a title, an empty row, numbers as numbers, and a code in merged cells.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/batch/muc-luc.xlsx");
        let rows = read(&path).unwrap();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.line, &row.code[..], row.year.as_deref(), row.pages, row.path.clone().unwrap()))
            .collect();
        assert_eq!(
            shown,
            [
                (4, "G09.2021.01.001", Some("2021"), Some(12), PathBuf::from("a/1.tif")),
                (5, "G09.2021.01.001", None, Some(3), PathBuf::from("a/2.tif")),
                (6, "G09.2021.01.002", Some("2022"), Some(7), PathBuf::from("b/1.pdf")),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_row() {
        assert!(matches!(read_text(b"a,b\n1,2\n"), Err(IndexError::NoCodes(_))));
        assert!(matches!(read_text(b"code\nA 1\n"), Err(IndexError::Code { line: 2, .. })));
        assert!(matches!(read_text(b"code,title\n,x\n"), Err(IndexError::Code { line: 2, .. })));
        assert!(matches!(read_text(b"code,pages\nA,ten\n"), Err(IndexError::Pages { line: 2, .. })));
        for path in ["../x", "/etc/passwd", "a/../../b"] {
            let text = format!("code,path\nA,{path}\n");
            assert!(matches!(read_text(text.as_bytes()), Err(IndexError::Outside { line: 2, .. })), "{path}");
        }
        assert!(matches!(read_text(b"M\xe3 h\xf4 s\xf4\n"), Err(IndexError::Encoding(_))));
        let missing = read(Path::new("/nowhere/index.xlsx"));
        assert!(matches!(missing, Err(IndexError::Io { .. })));
    }

    #[test]
    fn codes_name_directories() {
        assert!(["H21.15.25-250701-0012", "G09.2021.01.001", "12"].iter().all(|code| is_code(code)));
        assert!(["", "..", ".a", "-a", "a/b", "a b", "Đ1"].iter().all(|code| !is_code(code)));
    }
}
