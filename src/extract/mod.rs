//! What papers say, as checked data (*bóc tách dữ liệu*, TT 01/2023/TT-VPCP Điều 7): the kind of a paper and its values,
//! taken from the words and codes that were read on its pages.
//!
//! [`read`] goes from outside inwards: the kind is told by phrases and codes (`classify.rs`), kinds are files ([`Kinds`]);
//! the kind says which readers look at the paper and which labels stand before its values. Each value is held against the
//! grammar of its form and, where it stands in several places, against the others. What fails is kept, trusted less and
//! marked: a person decides. Nothing here changes the paper's file, and no value goes into a message.

mod agency;
mod before;
mod card;
mod check;
mod classify;
mod codes;
mod columns;
mod correct;
mod digits;
mod example;
mod flow;
mod grammar;
mod heading;
mod insurance;
mod json;
mod kind;
mod labels;
mod lessons;
mod letterhead;
mod mrz;
mod pattern;
mod phrase;
mod private;
mod shape;
mod signer;
mod subject;
mod table;
mod typeset;
mod value;
mod workbook;

pub use check::{Checked, check};
pub use example::{Example, Said};
pub use grammar::{Fault, Grammar};
pub use json::{RecordError, Records, Rules, SCHEMA, Subject, json, parse, text};
pub use kind::{Anchor, CodeKind, Field, Kind, KindError, Kinds, Pattern, Reader, Test};
pub use shape::{Shape, as_people_write};
pub use table::table;
pub use value::{Band, Check, Method, Value};
pub use workbook::{WorkbookError, workbook};

use serde::Deserialize;

use crate::codes::Code;
use crate::model::PageText;

use classify::Class;
use flow::Flow;

/// What was read of one page.
#[derive(Clone, Copy, Debug)]
pub struct Sheet<'a> {
    /// Width of the page image, pixels.
    pub width: u32,
    /// Height of the page image, pixels.
    pub height: u32,
    /// The words, with boxes on the page image.
    pub text: &'a PageText,
    /// The codes.
    pub codes: &'a [Code],
}

/// The kind that a paper was found to be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct KindFound {
    /// What programs call it.
    pub id: String,
    /// What people call it, in Vietnamese.
    pub name: String,
    /// The same in English.
    pub name_en: String,
    /// Code of the type of document.
    pub type_code: Option<String>,
    /// Code of the type of result.
    pub result_code: Option<String>,
    /// Trust in it, 0 to 1.
    pub confidence: f32,
}

/// What a paper says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its kind; `None` where it is none that is known.
    pub kind: Option<KindFound>,
    /// Number of its pages.
    pub pages: usize,
    /// Its values.
    pub values: Vec<Value>,
}

impl Document {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.iter().find(|value| value.field == field)
    }
}

/// Readers of a paper whose kind is not known: whatever administrative papers have alike.
const USUAL_READERS: [Reader; 6] =
    [Reader::Number, Reader::PlaceDate, Reader::Agency, Reader::Abstract, Reader::Signer, Reader::Codes];

/// A paper says what it is on one of so many pages: the search takes time with every page.
const PAGES_OF_KIND: usize = 3;

/// Reads the data of a paper from its pages.
pub fn read(sheets: &[Sheet<'_>], kinds: &Kinds) -> Document {
    let flow = Flow::new(sheets);
    let first = Flow::new(&sheets[..sheets.len().min(PAGES_OF_KIND)]);
    let class = classify::best(&first, sheets, kinds);
    with(&flow, sheets, class, kinds)
}

/// Reads the data of a paper that somebody said to be of this kind, by its id; of one that is not known as a paper of no kind.
pub fn read_as(sheets: &[Sheet<'_>], kinds: &Kinds, kind: &str) -> Document {
    let flow = Flow::new(sheets);
    let first = Flow::new(&sheets[..sheets.len().min(PAGES_OF_KIND)]);
    let class = kinds.get(kind).map(|kind| classify::said(&first, sheets, kind));
    with(&flow, sheets, class, kinds)
}

fn with(flow: &Flow<'_>, sheets: &[Sheet<'_>], class: Option<Class<'_>>, kinds: &Kinds) -> Document {
    let kind = class.as_ref().map(|class| class.kind);
    let heading = class.as_ref().and_then(|class| class.heading.clone());
    let mut values = Vec::new();
    for reader in kind.map_or(&USUAL_READERS[..], |kind| &kind.readers) {
        match reader {
            Reader::Number => values.extend(letterhead::number(flow, kind)),
            Reader::PlaceDate => values.extend(letterhead::place_date(flow)),
            Reader::Agency => values.extend(agency::read(flow)),
            Reader::Abstract => values.extend(subject::read(flow, heading.clone())),
            Reader::Signer => values.extend(signer::read(flow)),
            Reader::Codes => values.extend(codes::read(flow, sheets)),
            Reader::IdentityCard | Reader::InsuranceCard => {}
        }
    }
    agency::settle_area(&mut values);
    if let Some(kind) = kind {
        values.extend(labels::read(flow, kind));
        // Codes are compared with what is printed, which is read by now.
        if kind.readers.contains(&Reader::IdentityCard) {
            card::read(flow, sheets, &mut values);
        }
        if kind.readers.contains(&Reader::InsuranceCard) {
            insurance::read(sheets, &mut values);
        }
        card::check_structure(&mut values);
    }
    if let Some(lessons) = &kinds.lessons {
        lessons.settle(&mut values);
    }
    Document { kind: class.map(Class::found), pages: sheets.len(), values }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::typeset::page_of;
    use super::*;

    /// Pieces of papers, whole and broken.
    const PIECES: [&str; 22] = [
        "Số:",
        "12/QĐ-UBND",
        "/",
        "-",
        ":",
        "…",
        "ngày",
        "31",
        "tháng",
        "02",
        "năm",
        "2025",
        "QUYẾT ĐỊNH",
        "Họ và tên:",
        "CĂN CƯỚC",
        "IDVNM0900001233052090000123<<0",
        "9001158M3001156VNM<<<<<<<<<<<0",
        "NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<",
        "052090000123",
        "\n",
        "\n\n",
        "    ",
    ];

    proptest! {
        #[test]
        fn no_text_is_too_odd(
            parts in prop::collection::vec(prop_oneof![prop::sample::select(&PIECES[..]).prop_map(str::to_owned), "\\PC{0,12}"], 0..60),
            payload in "\\PC{0,80}|[0-9]{12}\\|[0-9]{0,9}\\|[A-Za-zĐ ]{0,9}\\|[0-9/]{0,10}\\|Nam\\|\\PC{0,9}(\\|[0-9]{0,8}){0,3}",
        ) {
            let codes = [Code { symbology: crate::codes::Symbology::Qr, payload, corners: Vec::new() }];
            let (first, second) = (page_of(&parts.join(" ")), page_of(&parts.concat()));
            let sheets = [Sheet { codes: &codes, ..Sheet::of(&first) }, Sheet::of(&second)];
            let document = read(&sheets, &Kinds::shipped());
            for value in &document.values {
                prop_assert!((0.0..=1.0).contains(&value.confidence) && (1..=2).contains(&value.page), "{value:?}");
            }
        }
    }
}
