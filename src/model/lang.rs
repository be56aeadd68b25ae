//! The two languages sohoa speaks to people. Code, logs and `Display` of errors are English.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Language of messages for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Vietnamese, the default: the staff of a commune centre read it.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// The text in this language.
    pub fn pick<'a>(self, vietnamese: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::Vi => vietnamese,
            Self::En => english,
        }
    }
}

/// Something a person may be told, with what to do about it, in either language.
pub trait Localized {
    /// One sentence or two: what is wrong and the cure. No final full stop, no file name (the caller names it).
    fn message(&self, lang: Lang) -> String;
}

/// A path as it may be shown to a person: control characters, which a terminal would obey, are escaped.
pub fn shown(path: &Path) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.to_string_lossy().chars().map(escape).collect()
}

/// The letters of a text without marks: `Đ` is `D`, `ệ` is `e`.
pub fn unmarked(text: &str) -> impl Iterator<Item = char> {
    text.nfd().filter(|c| !is_combining_mark(*c)).map(|c| match c {
        'Đ' => 'D',
        'đ' => 'd',
        c => c,
    })
}

/// A text as a cell of a table that people open in a spreadsheet, which would take some beginnings for those of a formula.
pub fn in_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

/// Rows as CSV (RFC 4180) with the mark by which office programs know UTF-8; no cell is a formula to them.
pub fn csv_text(rows: &[Vec<String>]) -> String {
    let mut text = "\u{feff}".to_owned();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn csv_cell(text: &str) -> String {
    let guarded = in_cell(text);
    match guarded.contains([',', '"', '\n', '\r', ';']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

/// What went wrong with a file, and the cure where there is one.
pub fn io_reason(kind: io::ErrorKind, lang: Lang) -> String {
    let (vietnamese, english) = match kind {
        io::ErrorKind::NotFound => ("không tìm thấy; hãy kiểm tra lại đường dẫn", "not found; check the path"),
        io::ErrorKind::PermissionDenied => {
            ("không có quyền đọc hoặc ghi; hãy kiểm tra quyền", "permission denied; check the permissions")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => (
            "hết chỗ trên đĩa; hãy giải phóng dung lượng rồi chạy lại, các tệp đã xong vẫn còn",
            "no space left; free some and run again, finished files are kept",
        ),
        io::ErrorKind::ReadOnlyFilesystem => ("ổ đĩa chỉ cho đọc; hãy chọn nơi khác", "the disk is read-only"),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            ("không phải thư mục; hãy chọn nơi khác", "not a directory; choose another place")
        }
        kind => {
            return match lang {
                Lang::Vi => format!("không đọc hoặc ghi được ({kind})"),
                Lang::En => format!("cannot be read or written ({kind})"),
            };
        }
    };
    lang.pick(vietnamese, english).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(shown(Path::new("a/\u{1b}[31mđỏ\n.jpg")), "a/\\u{1b}[31mđỏ\\n.jpg");
    }

    #[test]
    fn cells_are_text_to_every_program() {
        assert_eq!(csv_cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(csv_cell("=1+2"), "'=1+2");
        assert_eq!(csv_cell("Tờ khai"), "Tờ khai");
    }
}
