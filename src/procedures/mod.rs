//! The catalogue of administrative procedures (*danh mục thủ tục hành chính*): which papers a dossier of each has, and which of
//! them must be digitised. `table.rs` reads it from a table, as offices have it; `fault.rs` says what is wrong with one.

mod fault;
mod table;

use crate::gather::component_name;
use crate::model::Lang;

pub use fault::{CatalogueError, Fault, RowError};
pub use table::parse;

/// A procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// Its code (*mã thủ tục*).
    pub code: String,
    /// Its name.
    pub name: String,
    /// The papers of its dossiers, in the order of the catalogue.
    pub components: Vec<Listed>,
}

/// A paper of a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Code of the component (*mã thành phần hồ sơ*), where the catalogue has one.
    pub code: Option<String>,
    /// Its name.
    pub name: String,
    /// Of which class it is, where it must be digitised.
    pub class: Option<Class>,
    /// Type of result that it is (*mã loại giấy tờ kết quả*).
    pub result_type: Option<String>,
}

impl Listed {
    /// Whether a paper of the dossier is this one: by the code where both have one, else by the name, whatever its marks and
    /// case.
    pub fn is(&self, code: Option<&str>, title: &str) -> bool {
        match (self.code.as_deref(), code) {
            (Some(own), Some(code)) => own == code,
            _ => component_name(&self.name).eq_ignore_ascii_case(&component_name(title)),
        }
    }
}

/// Why a paper must be digitised (NĐ 61/2018/NĐ-CP Điều 21a, as amended by NĐ 107/2021/NĐ-CP); everything else is on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is the result of an earlier procedure.
    EarlierResult,
    /// The law of the sector asks for it.
    Law,
    /// A minister or a provincial chairman asks for it.
    Decision,
    /// It came of the processing.
    Processing,
    /// It is the result itself.
    Result,
}

impl Class {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] = [Self::EarlierResult, Self::Law, Self::Decision, Self::Processing, Self::Result];

    /// Its number, from 1.
    pub fn number(self) -> u8 {
        match self {
            Self::EarlierResult => 1,
            Self::Law => 2,
            Self::Decision => 3,
            Self::Processing => 4,
            Self::Result => 5,
        }
    }

    /// That of a number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// What people are told.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::EarlierResult => lang.pick("kết quả của thủ tục trước", "result of an earlier procedure"),
            Self::Law => lang.pick("theo pháp luật chuyên ngành", "by the law of the sector"),
            Self::Decision => {
                lang.pick("theo quyết định của bộ trưởng hoặc chủ tịch tỉnh", "by decision of a minister or chairman")
            }
            Self::Processing => lang.pick("kết quả xử lý", "of the processing"),
            Self::Result => lang.pick("kết quả giải quyết", "the result itself"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_known_by_its_code_or_its_name() {
        let listed = |code: Option<&str>| Listed {
            code: code.map(str::to_owned),
            name: "Tờ khai đăng ký khai sinh".to_owned(),
            class: None,
            result_type: None,
        };
        assert!(listed(Some("TP1")).is(Some("TP1"), "IMG 1"));
        assert!(!listed(Some("TP1")).is(Some("TP2"), "Tờ khai đăng ký khai sinh"));
        assert!(listed(Some("TP1")).is(None, "To khai dang ky khai sinh"));
        assert!(listed(None).is(Some("TP1"), "tờ khai đăng ký khai sinh") && !listed(None).is(None, "Giấy chứng sinh"));
    }

    #[test]
    fn classes_have_their_numbers() {
        assert_eq!(Class::ALL.map(|class| Class::of(class.number())), Class::ALL.map(Some));
        assert_eq!((Class::of(0), Class::of(6)), (None, None));
    }
}
