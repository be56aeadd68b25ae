//! The catalogue as a table: CSV with a row for each paper. The first row names the columns, in any order; commas, semicolons or
//! tabs part the cells, as office programs write them. A table with a fault is refused as a whole, with all its faults.

use std::collections::BTreeMap;

use csv::{ReaderBuilder, StringRecord};

use crate::model::{is_result_type, unmarked};

use super::fault::{CatalogueError, Fault, RowError};
use super::{Class, Listed, Procedure};

/// Most characters of a code, and of a name.
const LONGEST_CODE: usize = 60;
const LONGEST_NAME: usize = 1_000;
/// Most rows; the national catalogue has some thousand procedures.
pub(super) const MOST_ROWS: usize = 500_000;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Procedure,
    ProcedureName,
    Component,
    ComponentName,
    Class,
    ResultType,
}

/// The columns, as they are named in messages, and by which names they are known: letters without marks and digits.
const COLUMNS: [(Column, &str, &[&str]); 6] = [
    (Column::Procedure, "Mã thủ tục", &["mathutuc", "matthc", "mathutuchanhchinh", "procedure", "procedurecode"]),
    (Column::ProcedureName, "Tên thủ tục", &["tenthutuc", "tentthc", "tenthutuchanhchinh", "procedurename"]),
    (Column::Component, "Mã thành phần", &["mathanhphan", "mathanhphanhoso", "component", "componentcode"]),
    (Column::ComponentName, "Tên thành phần", &["tenthanhphan", "tenthanhphanhoso", "tengiayto", "componentname"]),
    (Column::Class, "Nhóm số hóa", &["nhomsohoa", "nhom", "class"]),
    (Column::ResultType, "Mã loại kết quả", &["maloaiketqua", "maloaigiaytoketqua", "maketqua", "resulttype"]),
];

/// Columns without which there is no catalogue.
const NEEDED: [Column; 4] = [Column::Procedure, Column::ProcedureName, Column::ComponentName, Column::Class];

/// Reads a catalogue from the bytes of a table.
///
/// # Errors
/// When it is no such table, or rows have faults; all of these are named.
pub fn parse(bytes: &[u8]) -> Result<Vec<Procedure>, CatalogueError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CatalogueError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator(text)).from_reader(text.as_bytes());
    let mut records =
        reader.records().filter_map(Result::ok).filter(|record| record.iter().any(|cell| !cell.trim().is_empty()));
    let head = records.next().ok_or(CatalogueError::Empty)?;
    let columns = columns(&head)?;
    let mut reading =
        Reading { columns, width: head.len(), faults: Vec::new(), procedures: Vec::new(), known: BTreeMap::new() };
    let mut lines = Lines { text, byte: 0, line: 1 };
    for (count, record) in records.enumerate() {
        if count >= MOST_ROWS {
            return Err(CatalogueError::TooLong);
        }
        reading.take(&record, lines.of(&record));
    }
    match (reading.faults.is_empty(), reading.procedures.is_empty()) {
        (false, _) => Err(CatalogueError::Rows(reading.faults)),
        (true, true) => Err(CatalogueError::Empty),
        (true, false) => Ok(reading.procedures),
    }
}

/// What parts the cells: whichever the first row has most of.
fn separator(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: u8| first.bytes().filter(|byte| *byte == separator).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

/// Where each column is.
fn columns(head: &StringRecord) -> Result<BTreeMap<Column, usize>, CatalogueError> {
    let folded = |cell: &str| -> String {
        unmarked(cell).filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let of = |cell: &str| {
        let cell = folded(cell);
        COLUMNS.iter().find(|(_, _, names)| names.contains(&&cell[..])).map(|(column, ..)| *column)
    };
    // Of two columns of one name the first counts.
    let mut columns = BTreeMap::new();
    for (index, cell) in head.iter().enumerate() {
        if let Some(column) = of(cell) {
            columns.entry(column).or_insert(index);
        }
    }
    match NEEDED.iter().find(|column| !columns.contains_key(column)) {
        Some(missing) => Err(CatalogueError::NoColumn(title(*missing))),
        None => Ok(columns),
    }
}

fn title(column: Column) -> &'static str {
    COLUMNS.iter().find(|(one, ..)| *one == column).map_or("", |(_, title, _)| title)
}

/// The lines of a text, counted as far as its rows were read: the reader counts those that end with two characters too late.
struct Lines<'a> {
    text: &'a str,
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line in which a row begins.
    fn of(&mut self, record: &StringRecord) -> u64 {
        let from = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.byte);
        let ends = self.text.get(from..).map_or(0, |rest| rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let start = from + ends;
        let passed = self.text.get(self.byte..start).unwrap_or_default();
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.byte = start;
        self.line
    }
}

/// What was read so far.
struct Reading {
    columns: BTreeMap<Column, usize>,
    /// Cells of the first row.
    width: usize,
    faults: Vec<RowError>,
    procedures: Vec<Procedure>,
    /// Place and line of each procedure, and the line of each of its papers.
    known: BTreeMap<String, (usize, u64, BTreeMap<String, u64>)>,
}

impl Reading {
    fn take(&mut self, record: &StringRecord, line: u64) {
        if let Err(fault) = self.row(record, line) {
            self.faults.push(RowError { line, fault });
        }
    }

    fn row(&mut self, record: &StringRecord, line: u64) -> Result<(), Fault> {
        if record.len() != self.width {
            return Err(Fault::Cells);
        }
        let code = self.code(record, Column::Procedure)?.ok_or(Fault::Missing(title(Column::Procedure)))?;
        let name = self.name(record, Column::ProcedureName)?;
        let listed = Listed {
            code: self.code(record, Column::Component)?,
            name: self.name(record, Column::ComponentName)?,
            class: class(self.cell(record, Column::Class))?,
            result_type: self.code(record, Column::ResultType)?,
        };
        if !listed.result_type.as_deref().is_none_or(is_result_type) {
            return Err(Fault::ResultType);
        }
        let place = self.procedures.len();
        let (place, first, papers) = self.known.entry(code.clone()).or_insert_with(|| (place, line, BTreeMap::new()));
        match self.procedures.get(*place) {
            None => self.procedures.push(Procedure { code, name, components: Vec::new() }),
            Some(procedure) if procedure.name != name => return Err(Fault::OtherName(*first)),
            Some(_) => {}
        }
        let key = listed.code.clone().unwrap_or_else(|| format!(" {}", crate::gather::component_name(&listed.name)));
        if let Some(earlier) = papers.insert(key, line) {
            return Err(Fault::Twice(earlier));
        }
        self.procedures[*place].components.push(listed);
        Ok(())
    }

    fn cell<'a>(&self, record: &'a StringRecord, column: Column) -> &'a str {
        self.columns.get(&column).and_then(|index| record.get(*index)).unwrap_or_default().trim()
    }

    fn code(&self, record: &StringRecord, column: Column) -> Result<Option<String>, Fault> {
        let cell = self.cell(record, column);
        match cell {
            "" => Ok(None),
            _ if cell.chars().any(char::is_whitespace) => Err(Fault::Spaces(title(column))),
            _ if cell.chars().count() > LONGEST_CODE || cell.chars().any(char::is_control) => {
                Err(Fault::Text(title(column)))
            }
            _ => Ok(Some(cell.to_owned())),
        }
    }

    fn name(&self, record: &StringRecord, column: Column) -> Result<String, Fault> {
        let name = self.cell(record, column).split_whitespace().collect::<Vec<_>>().join(" ");
        match name.chars().count() {
            0 => Err(Fault::Missing(title(column))),
            1..=LONGEST_NAME if !name.chars().any(char::is_control) => Ok(name),
            _ => Err(Fault::Text(title(column))),
        }
    }
}

fn class(cell: &str) -> Result<Option<Class>, Fault> {
    match cell {
        "" => Ok(None),
        cell => cell.parse().ok().and_then(Class::of).map(Some).ok_or(Fault::Class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Lang, Localized};
    use crate::procedures::fault::MOST_TOLD;

    const HEAD: &str = "Mã thủ tục,Tên thủ tục,Mã thành phần,Tên thành phần,Nhóm số hóa,Mã loại kết quả\n";

    fn faults(rows: &str) -> Vec<(u64, Fault)> {
        match parse(format!("{HEAD}{rows}").as_bytes()) {
            Err(CatalogueError::Rows(rows)) => rows.into_iter().map(|row| (row.line, row.fault)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tables_of_office_programs_are_read() {
        let rows = "1.000894,Đăng ký kết hôn,TP1,Tờ khai đăng ký kết hôn,2,\n\
                    1.000894,Đăng ký kết hôn,KQ1,\"Giấy chứng nhận, kết hôn\",5,KQ.G15.000032\n\
                    1.001193,Đăng ký khai sinh,,Giấy chứng sinh,,\n\n";
        let plain = parse(format!("{HEAD}{rows}").as_bytes()).unwrap();
        assert_eq!((plain.len(), plain[0].components.len()), (2, 2));
        let result = &plain[0].components[1];
        assert_eq!((&result.name[..], result.class), ("Giấy chứng nhận, kết hôn", Some(Class::Result)));
        assert_eq!(result.result_type.as_deref(), Some("KQ.G15.000032"));
        assert_eq!((&plain[1].components[0].code, plain[1].components[0].class), (&None, None));
        let excel = "\u{feff}class;Mã TTHC;TÊN THỦ TỤC;Ghi chú;Tên giấy tờ;Mã thành phần hồ sơ;result_type\r\n\
                     2;1.000894;Đăng ký kết hôn;x;Tờ khai đăng ký kết hôn;TP1;\r\n\
                     5;1.000894;Đăng ký kết hôn;;Giấy chứng nhận, kết hôn;KQ1;KQ.G15.000032\r\n";
        assert_eq!(parse(excel.as_bytes()).unwrap(), plain[..1]);
        assert_eq!(parse(excel.replace(';', "\t").as_bytes()).unwrap(), plain[..1]);
    }

    #[test]
    fn every_row_with_a_fault_is_named() {
        let rows = ",Đăng ký kết hôn,TP1,Tờ khai,2,\n\
                    1.000894,,TP1,Tờ khai,2,\n\
                    1.000894,Đăng ký kết hôn,TP1,,2,\n\
                    1.000894,Đăng ký kết hôn,TP1,Tờ khai,6,\n\
                    1.000894,Đăng ký kết hôn,TP1,Tờ khai,hai,\n\
                    1.000894,Đăng ký kết hôn,TP 1,Tờ khai,2,\n\
                    1.000894,Đăng ký kết hôn,TP1,Tờ khai,2,KQ1\n\
                    1.000894,Đăng ký kết hôn,TP1,Tờ khai,2,\n\
                    1.000894,Đăng ký kết hôn,TP1,Tờ khai khác,2,\n\
                    1.000894,Đăng ký khai sinh,TP2,Giấy,2,\n\
                    1.000894,Đăng ký kết hôn,TP3,Giấy,2\n";
        let found = faults(rows);
        let expected = [
            (2, Fault::Missing("Mã thủ tục")),
            (3, Fault::Missing("Tên thủ tục")),
            (4, Fault::Missing("Tên thành phần")),
            (5, Fault::Class),
            (6, Fault::Class),
            (7, Fault::Spaces("Mã thành phần")),
            (8, Fault::ResultType),
            (10, Fault::Twice(9)),
            (11, Fault::OtherName(9)),
            (12, Fault::Cells),
        ];
        assert_eq!(found, expected);
        let windows = format!("\u{feff}{HEAD}{rows}").replace('\n', "\r\n");
        let Err(CatalogueError::Rows(same)) = parse(windows.as_bytes()) else { panic!("it has faults") };
        assert_eq!(same.into_iter().map(|row| (row.line, row.fault)).collect::<Vec<_>>(), expected);
        let error = parse(format!("{HEAD}{rows}").as_bytes()).unwrap_err();
        let (vietnamese, english) = (error.message(Lang::Vi), error.message(Lang::En));
        assert!(vietnamese.contains("dòng 2: ô `Mã thủ tục` để trống; hãy điền vào\n"), "{vietnamese}");
        assert!(english.contains("line 10: this component is in line 9 already") && english.ends_with("imported"));
    }

    #[test]
    fn many_faults_are_told_in_few_lines() {
        let rows = "1.000894,Đăng ký kết hôn,TP1,Tờ khai,9,\n".repeat(50);
        let error =
            CatalogueError::Rows(faults(&rows).into_iter().map(|(line, fault)| RowError { line, fault }).collect());
        assert_eq!(error.message(Lang::Vi).lines().count(), MOST_TOLD + 2);
        assert!(error.message(Lang::Vi).contains("và 30 dòng sai khác"));
    }

    #[test]
    fn what_is_no_such_table_is_refused_with_the_cure() {
        assert_eq!(parse(b"M\xe3 th\xfc t\xfc"), Err(CatalogueError::Encoding));
        assert_eq!(parse(b"\xff\xfeM\0"), Err(CatalogueError::Encoding));
        assert_eq!(parse(b""), Err(CatalogueError::Empty));
        assert_eq!(parse(HEAD.as_bytes()), Err(CatalogueError::Empty));
        assert_eq!(parse(b"a,b,c\n1,2,3\n"), Err(CatalogueError::NoColumn("Mã thủ tục")));
        let error = parse(HEAD.replace("Nhóm số hóa", "x").as_bytes()).unwrap_err();
        assert!(error.message(Lang::Vi).contains("`Nhóm số hóa`") && error.message(Lang::En).contains("`Nhóm số hóa`"));
    }
}
