//! What is known of a paper with a code: the metadata of a digitised result (TT 01/2023/TT-VPCP Điều 9), out of the data that
//! lie beside its file (`NAME.data.json`, `docs/extract.md`).
//!
//! Only what was read surely counts: a code is never changed again, and metadata of an owner who is another are worse than none.

use serde::{Deserialize, Serialize};

use crate::extract::{self, Band, Check, Document, Method};

use super::DigitalCode;

/// The end of the names of data files.
const DATA_SUFFIX: &str = ".data.json";

/// The data of a paper, as far as they are of use here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaperData(Document);

/// What is known of a paper with a code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Type of paper (*mã loại giấy tờ*).
    pub type_code: Option<String>,
    /// Identification of its owner (*số định danh*).
    pub owner: Option<String>,
    /// What it is called (*tên giấy tờ*).
    pub title: String,
    /// Who its owner is (*tên chủ giấy tờ*).
    pub owner_name: Option<String>,
    /// What it is about (*trích yếu*).
    pub subject: Option<String>,
    /// How long it is valid (*thời hạn hiệu lực*).
    pub valid_until: Option<String>,
    /// Where it is valid (*phạm vi hiệu lực*).
    pub scope: Option<String>,
}

impl PaperData {
    /// Whether a file of this name has data.
    pub fn is_named(file: &str) -> bool {
        file.ends_with(DATA_SUFFIX)
    }

    /// Those of a paper.
    pub fn of(document: Document) -> Self {
        Self(document)
    }

    /// Reads a data file; `None` where it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        extract::parse(bytes).map(Self)
    }

    /// The type of result that the paper's kind is, where the kind is sure.
    pub fn type_code(&self) -> Option<&str> {
        self.0.kind.as_ref().filter(|kind| is_sure(Band::of(kind.confidence)))?.result_code.as_deref()
    }

    /// The identification of the paper's owner, where it needs no second look: a paper is filed by it, and a code has it for good.
    pub fn owner(&self) -> Option<String> {
        self.known("id_number", Band::Accept).and_then(super::owner)
    }

    /// The code of the procedure that the paper is of.
    pub fn procedure(&self) -> Option<&str> {
        self.value("procedure")
    }

    /// What is known of a paper that people call `title`; the parts of its code, where it has one, come first.
    pub fn metadata(data: Option<&Self>, title: &str, code: Option<&DigitalCode>) -> Metadata {
        let value = |field: &str| data.and_then(|data| data.value(field)).map(str::to_owned);
        let kind = data.and_then(|data| data.0.kind.as_ref()).filter(|kind| is_sure(Band::of(kind.confidence)));
        let type_code = code.map(|code| &code.type_code[..]).or(data.and_then(Self::type_code));
        Metadata {
            type_code: type_code.map(str::to_owned),
            owner: code.and_then(|code| code.owner.clone()).or_else(|| data.and_then(Self::owner)),
            title: kind.map_or(title, |kind| &kind.name).to_owned(),
            owner_name: value("owner"),
            subject: value("abstract"),
            valid_until: value("valid_until"),
            scope: value("scope"),
        }
    }

    /// A value that was read surely, or that a person said.
    fn value(&self, field: &str) -> Option<&str> {
        self.known(field, Band::Glance)
    }

    /// A value of this band or a surer one, or that a person said.
    fn known(&self, field: &str, least: Band) -> Option<&str> {
        let mut values = self.0.values.iter().filter(|value| value.field == field && !value.value.is_empty());
        let is_known = |value: &&extract::Value| {
            value.method == Method::Person || value.band >= least && value.check != Check::Failed
        };
        values.find(is_known).map(|value| &value.value[..])
    }
}

/// Whether what has this band is taken.
fn is_sure(band: Band) -> bool {
    band >= Band::Glance
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(band: &str, check: &str) -> PaperData {
        said("print-label", band, check)
    }

    fn said(method: &str, band: &str, check: &str) -> PaperData {
        let confidence = match band {
            "accept" => 0.95,
            "glance" => 0.8,
            "confirm" => 0.5,
            _ => 0.1,
        };
        let value = |field: &str, value: &str, band: &str, check: &str| {
            format!(
                r#"{{"field": "{field}", "title": "x", "title_en": "x", "text": "{value}", "value": "{value}",
                "confidence": {confidence}, "band": "{band}", "page": 1,
                "bounds": {{"x": 1, "y": 1, "width": 1, "height": 1}}, "method": "{method}", "check": "{check}"}}"#
            )
        };
        let (owner, number) =
            (value("owner", "Nguyễn Văn An", "accept", "none"), value("id_number", "052090000123", band, check));
        let text = format!(
            r#"{{"schema": "sohoa-data/1", "component": "a", "file": "a.pdf", "pages": 1,
            "kind": {{"id": "giay-khai-sinh", "name": "Giấy khai sinh", "name_en": "x", "confidence": {confidence},
                "band": "{band}", "type_code": null, "result_code": "KQ.G15.000031"}},
            "values": [{owner}, {number}], "record": {{}}}}"#
        );
        PaperData::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_read_surely_is_known() {
        let sure = data("accept", "passed");
        assert_eq!((sure.type_code(), sure.owner().as_deref()), (Some("KQ.G15.000031"), Some("052090000123")));
        let known = PaperData::metadata(Some(&sure), "IMG 1", None);
        assert_eq!((&known.title[..], known.owner_name.as_deref()), ("Giấy khai sinh", Some("Nguyễn Văn An")));
        assert_eq!((known.owner.as_deref(), known.subject), (Some("052090000123"), None));
        let (text, owner) = ("H55.242.KQ.H21.000001.1".to_owned(), Some("H55.242".to_owned()));
        let code = DigitalCode { text, owner, type_code: "KQ.H21.000001".to_owned() };
        let said = PaperData::metadata(Some(&sure), "IMG 1", Some(&code));
        assert_eq!((said.type_code.as_deref(), said.owner.as_deref()), (Some("KQ.H21.000001"), Some("H55.242")));
    }

    #[test]
    fn what_a_person_said_is_known_whatever_the_check_says() {
        assert_eq!(said("person", "confirm", "failed").owner().as_deref(), Some("052090000123"));
    }

    #[test]
    fn what_is_doubted_is_not() {
        for doubted in [data("glance", "passed"), data("confirm", "passed"), data("accept", "failed")] {
            assert_eq!(doubted.owner(), None);
        }
        let doubted = data("retype", "none");
        assert_eq!(doubted.type_code(), None);
        assert_eq!(PaperData::metadata(Some(&doubted), "Giấy tờ", None).title, "Giấy tờ");
        assert_eq!(PaperData::metadata(None, "Giấy tờ", None).owner, None);
        assert_eq!((PaperData::parse(b"{}"), PaperData::parse(b"\xff")), (None, None));
    }

    #[test]
    fn data_files_are_those_that_extraction_writes() {
        assert!(PaperData::is_named(&format!("a{DATA_SUFFIX}")) && !PaperData::is_named("a.pdf"));
        let text = extract::text(
            &Document::default(),
            extract::Subject { component: "a", ..extract::Subject::default() },
            &extract::Records::parse(None).unwrap(),
        );
        assert!(PaperData::parse(text.as_bytes()).is_some());
    }
}
