//! Why a table of the catalogue is refused: each fault with its line and the cure.

use crate::model::{Lang, Localized};

use super::table::MOST_ROWS;

/// Faults that are told.
pub(super) const MOST_TOLD: usize = 20;

/// Why a table is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// Not in UTF-8.
    #[error("not in UTF-8; save the table as \"CSV UTF-8\"")]
    Encoding,
    /// A column is missing.
    #[error(
        "no column `{0}` in the first row; the columns are Mã thủ tục, Tên thủ tục, Mã thành phần, Tên thành phần, Nhóm số hóa, Mã loại kết quả"
    )]
    NoColumn(&'static str),
    /// Nothing below the first row.
    #[error("there is no row below the names of the columns")]
    Empty,
    /// More rows than any catalogue has.
    #[error("more than {MOST_ROWS} rows; import it in parts")]
    TooLong,
    /// Rows with faults.
    #[error("{}", told(.0, Lang::En))]
    Rows(Vec<RowError>),
}

impl Localized for CatalogueError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Encoding, Lang::Vi) => "không phải UTF-8; hãy lưu bảng dạng \"CSV UTF-8\"".to_owned(),
            (Self::NoColumn(name), Lang::Vi) => format!(
                "dòng đầu không có cột `{name}`; các cột là Mã thủ tục, Tên thủ tục, Mã thành phần, Tên thành phần, Nhóm số \
                 hóa, Mã loại kết quả"
            ),
            (Self::Empty, Lang::Vi) => "không có dòng nào dưới dòng tên cột".to_owned(),
            (Self::TooLong, Lang::Vi) => format!("quá {MOST_ROWS} dòng; hãy chia bảng ra để nhập"),
            (Self::Rows(rows), lang) => told(rows, lang),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// A row with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A cell that must say something is empty: its column.
    Missing(&'static str),
    /// A cell says more than there is room for, or has characters that no text has.
    Text(&'static str),
    /// A code with spaces.
    Spaces(&'static str),
    /// No class has this number.
    Class,
    /// No code of a type of result.
    ResultType,
    /// The procedure has another name in an earlier line.
    OtherName(u64),
    /// The procedure has this paper in an earlier line.
    Twice(u64),
    /// More or fewer cells than the first row has.
    Cells,
}

impl Fault {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Missing(column), Lang::Vi) => format!("ô `{column}` để trống; hãy điền vào"),
            (Self::Missing(column), Lang::En) => format!("`{column}` is empty; fill it in"),
            (Self::Text(column), Lang::Vi) => format!("ô `{column}` quá dài hoặc có ký tự lạ; hãy sửa lại"),
            (Self::Text(column), Lang::En) => format!("`{column}` is too long or has odd characters; mend it"),
            (Self::Spaces(column), Lang::Vi) => format!("mã trong ô `{column}` có khoảng trắng; hãy bỏ đi"),
            (Self::Spaces(column), Lang::En) => format!("the code in `{column}` has spaces; take them out"),
            (Self::Class, Lang::Vi) => {
                "ô `Nhóm số hóa` phải là số từ 1 đến 5, hoặc để trống nếu chỉ số hóa khi có yêu cầu".to_owned()
            }
            (Self::Class, Lang::En) => "`Nhóm số hóa` must be 1 to 5, or empty for papers on request".to_owned(),
            (Self::ResultType, Lang::Vi) => "ô `Mã loại kết quả` phải có dạng KQ.G15.000031, hoặc để trống".to_owned(),
            (Self::ResultType, Lang::En) => "`Mã loại kết quả` must look like KQ.G15.000031, or be empty".to_owned(),
            (Self::OtherName(line), Lang::Vi) => {
                format!("thủ tục này có tên khác ở dòng {line}; hãy ghi tên giống nhau")
            }
            (Self::OtherName(line), Lang::En) => {
                format!("the procedure has another name in line {line}; write the same name")
            }
            (Self::Twice(line), Lang::Vi) => format!("thành phần này đã có ở dòng {line}; hãy bỏ một dòng"),
            (Self::Twice(line), Lang::En) => format!("this component is in line {line} already; take one out"),
            (Self::Cells, Lang::Vi) => "số ô khác dòng đầu; hãy xem lại dấu phân cách và dấu nháy kép".to_owned(),
            (Self::Cells, Lang::En) => {
                "it has not as many cells as the first row; look at separators and quotes".to_owned()
            }
        }
    }
}

fn told(rows: &[RowError], lang: Lang) -> String {
    let word = lang.pick("dòng", "line");
    let told = rows.iter().take(MOST_TOLD).map(|row| format!("{word} {}: {}", row.line, row.fault.message(lang)));
    let mut lines: Vec<String> = told.collect();
    if let Some(more) = rows.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        lines.push(match lang {
            Lang::Vi => format!("và {more} dòng sai khác"),
            Lang::En => format!("and {more} more lines with faults"),
        });
    }
    lines.push(lang.pick("chưa nhập gì vào kho", "nothing was imported").to_owned());
    lines.join("\n")
}
