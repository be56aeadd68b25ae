//! The data of a paper as programs read it (`docs/extract.md`), with records in the shapes that portals use.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json as object};
use toml::Table;

use crate::model::{Lang, Localized};

use super::grammar::Fault;
use super::kind::Kinds;
use super::value::{Band, Value, rounded};
use super::{Document, KindFound};

/// Name and version of the form.
pub const SCHEMA: &str = "sohoa-data/1";

/// The records where the configuration names no other file.
const RECORDS: &str = include_str!("../../assets/records.toml");

/// Of what the data are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The component.
    pub component: &'a str,
    /// Its file, where there is one.
    pub file: Option<&'a str>,
    /// Code of the dossier, where it is known.
    pub dossier: Option<&'a str>,
}

/// The fields of the records.
#[derive(Clone, Debug)]
pub struct Records {
    tables: Table,
    source: String,
}

/// Why a file of records cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the records of papers: {0}")]
pub struct RecordError(String);

impl Localized for RecordError {
    fn message(&self, lang: Lang) -> String {
        match lang {
            Lang::Vi => format!("tệp bản ghi giấy tờ sai: {}", self.0),
            Lang::En => self.to_string(),
        }
    }
}

impl Records {
    /// Reads a file of records, or the built-in one: a table for each, of texts with words in braces and other values.
    ///
    /// # Errors
    /// When it is no TOML, or has something else than tables.
    pub fn parse(text: Option<&str>) -> Result<Self, RecordError> {
        let source = text.unwrap_or(RECORDS);
        let tables: Table = source.parse().map_err(|error: toml::de::Error| RecordError(error.message().to_owned()))?;
        match tables.iter().find(|(_, table)| !table.is_table()) {
            Some((name, _)) => Err(RecordError(format!("[{name}]"))),
            None => Ok(Self { tables, source: source.to_owned() }),
        }
    }

    /// The text of the file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The records of a paper. What is not known is not there.
    fn fill(&self, words: &[(String, String)]) -> Json {
        let record = |table: &toml::Value| {
            let fields = table.as_table().into_iter().flatten();
            let filled = fields.filter_map(|(name, value)| Some((name.clone(), filled(value, words)?)));
            Json::Object(filled.collect::<Map<_, _>>())
        };
        Json::Object(self.tables.iter().map(|(name, table)| (name.clone(), record(table))).collect())
    }
}

/// A value of a record; `None` where a word in it is not known.
fn filled(value: &toml::Value, words: &[(String, String)]) -> Option<Json> {
    let toml::Value::String(text) = value else { return serde_json::to_value(value).ok() };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let (word, behind) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(words.iter().find(|(known, _)| known == word).map(|(_, value)| value.as_str())?);
        rest = behind;
    }
    out.push_str(rest);
    Some(Json::from(out))
}

/// By what papers are read: kinds of papers, and records that are filled of what is found.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The kinds.
    pub kinds: Kinds,
    /// The records.
    pub records: Records,
}

impl Rules {
    /// The rules that come with the program.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn shipped() -> Self {
        Self { kinds: Kinds::shipped(), records: Records::parse(None).expect("the shipped records are tested") }
    }
}

/// The data of a paper as the text of a file.
///
/// # Panics
/// Never: the data are plain values.
pub fn text(document: &Document, subject: Subject<'_>, records: &Records) -> String {
    let mut text = serde_json::to_string_pretty(&json(document, subject, records)).expect("the data are plain values");
    text.push('\n');
    text
}

/// The data of a paper.
pub fn json(document: &Document, subject: Subject<'_>, records: &Records) -> Json {
    let kind = document.kind.as_ref().map(|kind| {
        object!({
            "id": kind.id, "name": kind.name, "name_en": kind.name_en, "confidence": rounded(kind.confidence),
            "band": Band::of(kind.confidence), "type_code": kind.type_code, "result_code": kind.result_code,
        })
    });
    object!({
        "schema": SCHEMA,
        "component": subject.component,
        "file": subject.file,
        "pages": document.pages,
        "kind": kind,
        "values": document.values,
        "record": records.fill(&words(document, subject)),
    })
}

/// The data in a file; `None` where it has none of this form.
pub fn parse(bytes: &[u8]) -> Option<Document> {
    #[derive(Deserialize)]
    struct File {
        schema: String,
        kind: Option<KindFound>,
        pages: usize,
        values: Vec<Value>,
    }
    let File { schema, kind, pages, values } = serde_json::from_slice(bytes).ok()?;
    (schema == SCHEMA).then_some(Document { kind, pages, values })
}

/// What the words in braces stand for: every field by its name, and what is known of the paper.
fn words(document: &Document, subject: Subject<'_>) -> Vec<(String, String)> {
    let kind = document.kind.as_ref();
    let known = [
        ("component", Some(subject.component)),
        ("file", subject.file),
        ("dossier_code", subject.dossier),
        ("kind", kind.map(|kind| kind.id.as_str())),
        ("kind_name", kind.map(|kind| kind.name.as_str())),
        ("type_code", kind.and_then(|kind| kind.type_code.as_deref())),
        ("result_code", kind.and_then(|kind| kind.result_code.as_deref())),
    ];
    let of_paper = known.into_iter().filter_map(|(word, value)| Some((word.to_owned(), value?.to_owned())));
    // What is not even of the form of such values is no number or day for another program.
    let has_form = |value: &&Value| !value.faults.iter().any(|fault| matches!(fault, Fault::Form | Fault::Calendar));
    let number = document.get("number").filter(has_form).and_then(|number| number.value.split_once('/'));
    let parts = number.into_iter().flat_map(|(number, symbol)| [("number_only", number), ("symbol_only", symbol)]);
    let values = document.values.iter().filter(has_form).map(|value| (value.field.clone(), value.value.clone()));
    of_paper.chain(parts.map(|(word, value)| (word.to_owned(), value.to_owned()))).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::super::{Sheet, read};
    use super::*;

    #[test]
    fn a_record_has_what_is_known_and_nothing_else() {
        let text = "TỈNH AN BÌNH\nỦY BAN NHÂN DÂN XÃ MỸ LỘC\nSố: 69/QĐ-UBND\n\nMỹ Lộc, ngày 03 tháng 08 năm 2024\n\nQUYẾT ĐỊNH\nVề việc \
                    phê duyệt danh mục";
        let page = page_of(text);
        let document = read(&[Sheet::of(&page)], &Kinds::shipped());
        let records = Records::parse(None).unwrap();
        let subject = Subject { component: "quyet-dinh", file: Some("quyet-dinh.pdf"), dossier: None };
        let data = json(&document, subject, &records);
        assert_eq!((&data["schema"], &data["kind"]["id"]), (&SCHEMA.into(), &"quyet-dinh".into()));
        let result = &data["record"]["GiayToKetQua"];
        assert_eq!((&result["SoKyHieu"], &result["NgayCap"]), (&"69/QĐ-UBND".into(), &"2024-08-03".into()));
        assert_eq!(result["TrichYeuNoiDung"], "Phê duyệt danh mục");
        assert!(result.get("MaHoSo").is_none() && result.get("MaChuGiayTo").is_none());
        assert_eq!(data["record"]["TaiLieuNop"]["DuocSoHoa"], 1);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let page =
            page_of("Số: 69/QĐ-UBND\n\nMỹ Lộc, ngày 31 tháng 02 năm 2024\n\nQUYẾT ĐỊNH\nVề việc phê duyệt danh mục");
        let document = read(&[Sheet::of(&page)], &Kinds::shipped());
        let text = text(&document, Subject { component: "a", ..Subject::default() }, &Records::parse(None).unwrap());
        assert!(document.values.iter().any(|value| !value.faults.is_empty()));
        let subject = Subject { component: "a", ..Subject::default() };
        let again = super::text(&parse(text.as_bytes()).unwrap(), subject, &Records::parse(None).unwrap());
        assert_eq!(again, text);
        assert_eq!(
            (parse(b"{}"), parse(b"\xff"), parse(text.replace("data/1", "data/2").as_bytes())),
            (None, None, None)
        );
    }

    #[test]
    fn a_record_has_no_day_that_does_not_exist() {
        let page = page_of("Số: 69/QĐ-UBND\n\nMỹ Lộc, ngày 31 tháng 02 năm 2024\n\nQUYẾT ĐỊNH");
        let document = read(&[Sheet::of(&page)], &Kinds::shipped());
        assert_eq!(document.get("date").unwrap().faults, [Fault::Calendar]);
        let result = &json(&document, Subject::default(), &Records::parse(None).unwrap())["record"]["GiayToKetQua"];
        assert!(result.get("NgayCap").is_none() && result["SoKyHieu"] == "69/QĐ-UBND");
    }

    #[test]
    fn records_are_configurable() {
        let records = Records::parse(Some("[A]\nX = '{number_only} of {kind}'\nY = '{owner}'\nZ = 2")).unwrap();
        let words = [("kind", "k"), ("number_only", "5")].map(|(word, value)| (word.to_owned(), value.to_owned()));
        assert_eq!(records.fill(&words), object!({"A": {"X": "5 of k", "Z": 2}}));
        assert!(Records::parse(Some("A = 1")).is_err() && Records::parse(Some("[")).is_err());
    }
}
