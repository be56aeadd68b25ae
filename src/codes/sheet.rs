//! The codes on sheets that tell a stack of papers apart: the cover of a dossier, and separators between components.
//!
//! Grammar, version 1:
//!
//! ```text
//! payload   = "SOHOA:1:" ( "D:" dossier / "S:" [ component ] ) ":" check
//! dossier   = a dossier code (model::DossierCode)
//! component = a component's name (model::ComponentName; has no colon)
//! check     = CRC-32 (ISO 3309, as in zlib) of the UTF-8 bytes before the last colon, 8 upper-case hex digits
//! ```
//!
//! The prefix and the check keep any other code of a paper, and a symbol misread, from being taken for a sheet. A CRC-32
//! finds every change of one ASCII character for certain, and lets one of four thousand million other changes pass.
//! All of a dossier's payload is in QR's alphanumeric set, so that it fits a small symbol.

use flate2::Crc;

use super::Code;
use crate::model::{ComponentName, DossierCode};

const PREFIX: &str = "SOHOA:1:";

/// What a sheet says to whoever meets it in a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// The papers that follow are those of this dossier.
    Cover(DossierCode),
    /// The papers that follow are the next component, of this name where one is given.
    Separator(Option<ComponentName>),
}

/// What the symbols of a sheet carry.
pub fn payload(sheet: &Sheet) -> String {
    let content = match sheet {
        Sheet::Cover(code) => format!("{PREFIX}D:{code}"),
        Sheet::Separator(name) => format!("{PREFIX}S:{}", name.as_ref().map_or("", |name| name.as_str())),
    };
    let check = check(&content);
    format!("{content}:{check}")
}

/// The sheet that a payload says; `None` for the payload of anything else, or one with a single wrong character.
pub fn parse(payload: &str) -> Option<Sheet> {
    let (content, found) = payload.rsplit_once(':')?;
    let (kind, value) = content.strip_prefix(PREFIX)?.split_once(':')?;
    if found != check(content) {
        return None;
    }
    let sheet = match kind {
        "D" => Sheet::Cover(value.parse().ok()?),
        "S" if value.is_empty() => Sheet::Separator(None),
        "S" => Sheet::Separator(Some(value.parse().ok()?)),
        _ => return None,
    };
    // A name that is not written in the one form that `payload` gives it was not written by it.
    (self::payload(&sheet) == payload).then_some(sheet)
}

/// The sheet that a page is, by the codes read on it: all that are a sheet's must agree.
pub fn of_page(codes: &[Code]) -> Option<Sheet> {
    let mut sheets = codes.iter().filter_map(|code| parse(&code.payload));
    let first = sheets.next()?;
    sheets.all(|other| other == first).then_some(first)
}

fn check(content: &str) -> String {
    let mut crc = Crc::new();
    crc.update(content.as_bytes());
    format!("{:08X}", crc.sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codes::Symbology;

    fn cover(code: &str) -> Sheet {
        Sheet::Cover(code.parse().unwrap())
    }

    fn separator(name: &str) -> Sheet {
        Sheet::Separator(Some(name.parse().unwrap()))
    }

    fn code(payload: &str) -> Code {
        Code { symbology: Symbology::Qr, payload: payload.to_owned(), corners: Vec::new() }
    }

    #[test]
    fn the_check_is_the_crc_32_that_everybody_has() {
        // python3 -c "import zlib; print('%08X' % zlib.crc32(b'SOHOA:1:D:H21.15.25-250701-0012'))"
        assert_eq!(payload(&cover("H21.15.25-250701-0012")), "SOHOA:1:D:H21.15.25-250701-0012:75397882");
        assert_eq!(check("123456789"), "CBF43926", "the check value that catalogues of CRCs give");
        assert_eq!(parse(&payload(&Sheet::Separator(None))), Some(Sheet::Separator(None)));
    }

    #[test]
    fn other_codes_of_papers_are_no_sheets() {
        for text in [
            "",
            "SOHOA",
            "SOHOA:1:S:",
            "H21.15.25-250701-0012",
            "SOHOA:1:D:H21.15.25-250701-0012",
            "SOHOA:1:D:H21.15.25-250701-0012:00000000",
            "000000000000|000000000|Nguyễn Văn A|01011990|Nam|Hà Nội|01012021",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        // Of a right check, but no dossier code, no name, an unknown kind or another version.
        for content in
            ["SOHOA:1:D:H21.15.25-251301-0012", "SOHOA:1:S:a/b", "SOHOA:1:S: a", "SOHOA:1:X:a", "SOHOA:2:S:a"]
        {
            assert_eq!(parse(&format!("{content}:{}", check(content))), None, "{content}");
        }
    }

    #[test]
    fn a_page_is_the_sheet_on_which_its_codes_agree() {
        let one = payload(&cover("H21.15.25-250701-0012"));
        let two = payload(&separator("Tờ khai"));
        assert_eq!(of_page(&[]), None);
        assert_eq!(of_page(&[code("0123456789")]), None);
        assert_eq!(of_page(&[code("0123456789"), code(&one), code(&one)]), Some(cover("H21.15.25-250701-0012")));
        assert_eq!(of_page(&[code(&one), code(&two)]), None, "two sheets on one page are none");
    }

    fn sheets() -> impl Strategy<Value = Sheet> {
        let covers = "[A-K][0-9]{2}(\\.[0-9]{1,3}){0,5}-[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])-[0-9]{4,6}";
        let names = "[a-zA-ZĐđƯưƠơấềộựỳ0-9_()-][a-zA-ZĐđƯưƠơấềộựỳ0-9 _.()-]{0,40}[a-zA-ZĐđƯưƠơấềộựỳ0-9_()-]";
        prop_oneof![
            covers.prop_map(|code| cover(&code)),
            names.prop_map(|name| separator(&name)),
            Just(Sheet::Separator(None)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_printed_is_what_is_read(sheet in sheets()) {
            prop_assert_eq!(parse(&payload(&sheet)), Some(sheet));
        }

        #[test]
        fn one_changed_character_never_parses(sheet in sheets(), at in any::<prop::sample::Index>(), other in any::<char>()) {
            let mut changed: Vec<char> = payload(&sheet).chars().collect();
            let at = at.index(changed.len());
            prop_assume!(changed[at] != other);
            changed[at] = other;
            prop_assert_eq!(parse(&changed.into_iter().collect::<String>()), None);
        }

        #[test]
        fn one_lost_added_or_swapped_character_never_parses(sheet in sheets(), at in any::<prop::sample::Index>()) {
            let whole: Vec<char> = payload(&sheet).chars().collect();
            let at = at.index(whole.len() - 1);
            let (mut lost, mut doubled, mut swapped) = (whole.clone(), whole.clone(), whole.clone());
            lost.remove(at);
            doubled.insert(at, whole[at]);
            swapped.swap(at, at + 1);
            for changed in [lost, doubled, swapped].into_iter().filter(|changed| *changed != whole) {
                prop_assert_eq!(parse(&changed.into_iter().collect::<String>()), None);
            }
        }
    }
}
