//! Identity cards (*căn cước công dân*, *thẻ căn cước*): the QR code on the front and the machine-readable zone on the back,
//! each compared with what is printed and with the other.
//!
//! The QR code holds seven fields parted by `|`: number, number of the old card (may be empty), name, day of birth, sex,
//! residence, day of issue. Newer cards add fields, which are passed over.

use super::Sheet;
use super::flow::{Cut, Flow};
use super::grammar::{self, Fault, Grammar, Reading};
use super::mrz;
use super::phrase::{distance, folded};
use super::value::{Check, Method, Named, OF_A_CODE, Value, place_of};

pub(super) const IDENTITY: Named<'static> = ("id_number", "Số định danh cá nhân", "Personal identification number");
pub(super) const OLD_IDENTITY: Named<'static> = ("old_id_number", "Số CMND", "Old card's number");
pub(super) const OWNER: Named<'static> = ("owner", "Họ và tên", "Name");
pub(super) const BIRTH: Named<'static> = ("birth_date", "Ngày sinh", "Date of birth");
pub(super) const SEX: Named<'static> = ("sex", "Giới tính", "Sex");
pub(super) const RESIDENCE: Named<'static> = ("residence", "Nơi thường trú", "Residence");
pub(super) const ISSUED: Named<'static> = ("date", "Ngày cấp", "Date of issue");
pub(super) const EXPIRY: Named<'static> = ("valid_until", "Có giá trị đến", "Valid until");

/// Trust in print from which it can gainsay a code where it has its form: else it is rather the print that was misread.
const READ_WELL: f32 = 0.7;
/// Letters of a text for each that print may have wrong and still say the same.
const LETTERS_PER_ERROR: usize = 8;

/// The seven fields of the code.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CardCode<'a> {
    pub(super) identity: &'a str,
    pub(super) old_identity: &'a str,
    pub(super) name: &'a str,
    pub(super) birth: &'a str,
    pub(super) sex: &'a str,
    pub(super) residence: &'a str,
    /// Empty where the code does not say it.
    pub(super) issued: &'a str,
}

/// The payload of a card's QR code; `None` of any other.
pub(super) fn parse(payload: &str) -> Option<CardCode<'_>> {
    let fields: Vec<&str> = payload.trim().split('|').map(str::trim).collect();
    let [identity, old_identity, name, birth, sex, residence, rest @ ..] = &fields[..] else { return None };
    let is_number = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let is_card = is_number(identity, 12)
        && (old_identity.is_empty() || is_number(old_identity, 9))
        && name.chars().any(char::is_alphabetic)
        && matches!(folded(sex).as_str(), "nam" | "nu");
    let issued = rest.first().copied().unwrap_or_default();
    is_card.then_some(CardCode { identity, old_identity, name, birth, sex, residence, issued })
}

/// Adds what the card's codes say, in place of what was read of the print, and holds all of it against each other.
pub(super) fn read(flow: &Flow<'_>, sheets: &[Sheet<'_>], values: &mut Vec<Value>) {
    if let Some((zone, cut)) = mrz::find(flow) {
        of_zone(&zone, &cut, values);
    }
    for (page, sheet) in (1..).zip(sheets) {
        let found = sheet.codes.iter().find_map(|code| Some((code, parse(&code.payload)?)));
        if let Some((code, card)) = found {
            let place = |text: &str| place_of(code, page, text);
            of_code(&card, place, values);
            break;
        }
    }
}

fn of_code(card: &CardCode<'_>, place: impl Fn(&str) -> Cut, values: &mut Vec<Value>) {
    let fields = [
        (IDENTITY, card.identity, Grammar::Identity),
        (OLD_IDENTITY, card.old_identity, Grammar::Identity),
        (OWNER, card.name, Grammar::Name),
        (BIRTH, card.birth, Grammar::Date),
        (SEX, card.sex, Grammar::Sex),
        (RESIDENCE, card.residence, Grammar::Text),
        (ISSUED, card.issued, Grammar::Date),
    ];
    for (named, text, grammar) in fields {
        if !text.is_empty() {
            put(values, Value::new(named, place(text), grammar.read(text), Method::Qr, 1.0));
        }
    }
}

fn of_zone(zone: &mrz::Mrz, cut: &Cut, values: &mut Vec<Value>) {
    let [number, birth, expiry] = zone.fits;
    // No check digit is that of the sex; the number has it, too.
    let is_of_sex = zone.sex.is_some_and(|sex| (sex == "Nam") == zone.identity.as_bytes()[3].is_multiple_of(2));
    let fields = [
        (IDENTITY, Some(zone.identity.as_str()), number),
        (BIRTH, zone.birth.as_deref(), birth),
        (SEX, zone.sex, number && is_of_sex),
        (EXPIRY, zone.expiry.as_deref(), expiry),
    ];
    for (named, text, fits) in fields {
        let Some(text) = text else { continue };
        let check = if fits { Ok(true) } else { Err(Fault::CheckDigit) };
        let cut =
            Cut { text: text.to_owned(), confidence: if fits { OF_A_CODE } else { cut.confidence }, ..cut.clone() };
        put(values, Value::new(named, cut, Reading { value: text.to_owned(), check }, Method::Mrz, 1.0));
    }
    // The zone has no marks: it cannot confirm a name, only gainsay one, and give one where nothing else does.
    let name = folded(&zone.name);
    // A row that only looks like a name yields to the zone.
    let is_guess = |value: &Value| value.field == OWNER.0 && value.method == Method::PrintPattern;
    values.retain(|value| !is_guess(value) || agree(&folded(&value.value), &name));
    match values.iter_mut().find(|value| value.field == OWNER.0) {
        Some(owner) if agree(&folded(&owner.value), &name) => {}
        Some(owner) => owner.doubt(Fault::Contradicted),
        None if name.is_empty() => {}
        None => {
            let words: Vec<String> = zone.name.split_whitespace().map(grammar::capitalised).collect();
            let cut = Cut { text: zone.name.clone(), ..cut.clone() };
            let reading = Reading { value: words.join(" "), check: Ok(false) };
            values.push(Value::new(OWNER, cut, reading, Method::Mrz, 1.0));
        }
    }
}

/// Puts what a code says in the place of what was read before, and says whether that agrees.
pub(super) fn put(values: &mut Vec<Value>, mut value: Value) {
    let Some(before) = values.iter_mut().find(|before| before.field == value.field) else {
        values.push(value);
        return;
    };
    if agree(&folded(&before.value), &folded(&value.value)) {
        value.confirm(before.confidence);
    } else if before.check == Check::Passed && before.confidence >= READ_WELL {
        value.doubt(Fault::Contradicted);
    }
    *before = value;
}

/// Whether two folded texts say the same: of digits all must be alike.
fn agree(one: &str, other: &str) -> bool {
    let has_words = one.contains(|c: char| c.is_ascii_alphabetic());
    let forgiven = if has_words { one.len().max(other.len()) / LETTERS_PER_ERROR } else { 0 };
    distance(one, other) <= forgiven
}

/// Holds a personal identification number of twelve digits against sex and day of birth of its owner: the fourth digit is
/// even for men and odd for women, 0 or 1 of those born from 1900, 2 or 3 from 2000 and so on; the year's last two digits
/// follow it (NĐ 137/2015/NĐ-CP Điều 13).
pub(super) fn check_structure(values: &mut [Value]) {
    let of = |field: &str| values.iter().find(|value| value.field == field && value.check != Check::Failed);
    let (birth, sex) = (of(BIRTH.0).map(|value| value.value.clone()), of(SEX.0).map(|value| value.value.clone()));
    let Some(identity) = values.iter_mut().find(|value| value.field == IDENTITY.0 && value.value.len() == 12) else {
        return;
    };
    let digits: Vec<u32> = identity.value.chars().filter_map(|c| c.to_digit(10)).collect();
    let [_, _, _, century_and_sex, tens, ones, ..] = digits[..] else { return };
    let year = 1900 + century_and_sex / 2 * 100 + tens * 10 + ones;
    let born_then = birth.as_ref().is_none_or(|birth| birth.starts_with(&format!("{year}-")));
    let is_of_sex = sex.as_ref().is_none_or(|sex| (sex == "Nam") == (century_and_sex % 2 == 0));
    if !born_then || !is_of_sex {
        identity.doubt(Fault::NumberStructure);
    } else if birth.is_some() {
        identity.confirm(0.5);
    }
}

#[cfg(test)]
mod tests {
    use super::super::mrz;
    use super::super::typeset::page_of;
    use super::*;
    use crate::codes::{Code, Symbology};

    /// Invented.
    const PAYLOAD: &str =
        "052090000123|212345678|Nguyễn Văn An|15011990|Nam|xóm Đình, xã Tân Hưng, tỉnh Bình Minh|12032021";

    fn values_of(text: &str, payloads: &[&str]) -> Vec<Value> {
        let code =
            |payload: &&str| Code { symbology: Symbology::Qr, payload: (*payload).to_owned(), corners: Vec::new() };
        let (page, codes): (_, Vec<Code>) = (page_of(text), payloads.iter().map(code).collect());
        let sheets = [Sheet { codes: &codes, ..Sheet::of(&page) }];
        let document = super::super::read(&sheets, &super::super::Kinds::shipped());
        assert_eq!(document.kind.as_ref().map(|kind| kind.id.as_str()), Some("can-cuoc"));
        document.values
    }

    fn value<'a>(values: &'a [Value], field: &str) -> &'a Value {
        values.iter().find(|value| value.field == field).unwrap()
    }

    #[test]
    fn seven_fields_are_read_and_further_ones_passed_over() {
        for payload in [PAYLOAD.to_owned(), format!("{PAYLOAD}|x|y||")] {
            let card = parse(&payload).unwrap();
            assert_eq!((card.identity, card.old_identity, card.issued), ("052090000123", "212345678", "12032021"));
        }
        assert_eq!(parse(&PAYLOAD.replace("212345678", "")).unwrap().old_identity, "");
        assert_eq!(parse("052090000123||Nguyễn Văn An|15/01/1990|Nữ|Hà Nội").unwrap().issued, "");
        for other in ["H40.28.07-250212-5119", "a|b|c|d|e|f|g", "052090000123|x|An|15011990|Nam|b|c", ""] {
            assert_eq!(parse(other), None);
        }
    }

    #[test]
    fn code_and_print_that_agree_confirm_each_other() {
        let print = "CĂN CƯỚC CÔNG DÂN\nSố / No.: 052090000123\nHọ và tên / Full name:\nNGUYỄN VĂN AN\n\
                     Ngày sinh / Date of birth: 15/01/1990\nGiới tính / Sex: Nam";
        let values = values_of(print, &[PAYLOAD]);
        let identity = value(&values, "id_number");
        assert_eq!(
            (identity.value.as_str(), identity.method, identity.check),
            ("052090000123", Method::Qr, Check::Passed)
        );
        assert_eq!(value(&values, "owner").value, "Nguyễn Văn An");
        assert_eq!(value(&values, "birth_date").value, "1990-01-15");
        assert_eq!(value(&values, "date").value, "2021-03-12");
        assert_eq!(value(&values, "old_id_number").value, "212345678");
        assert!(values.iter().all(|value| value.faults.is_empty()), "{values:?}");
    }

    #[test]
    fn what_contradicts_is_kept_and_marked() {
        let print = "CĂN CƯỚC CÔNG DÂN\nSố / No.: 052090000124\nHọ và tên / Full name:\nLÊ THỊ BÌNH";
        let values = values_of(print, &[PAYLOAD]);
        for field in ["id_number", "owner"] {
            let value = value(&values, field);
            assert_eq!((value.check, value.faults.as_slice()), (Check::Failed, &[Fault::Contradicted][..]), "{field}");
            assert!(value.confidence < 0.7);
        }
        assert_eq!(value(&values, "birth_date").check, Check::Passed);
    }

    #[test]
    fn sex_and_year_of_birth_are_in_the_number() {
        let payload = PAYLOAD.replace("15011990", "15011991");
        assert_eq!(value(&values_of("CĂN CƯỚC CÔNG DÂN", &[&payload]), "id_number").faults, [Fault::NumberStructure]);
        let payload = PAYLOAD.replace("|Nam|", "|Nữ|");
        assert_eq!(value(&values_of("CĂN CƯỚC CÔNG DÂN", &[&payload]), "id_number").faults, [Fault::NumberStructure]);
    }

    #[test]
    fn the_zone_is_held_against_the_code() {
        let zone = mrz::tests::ZONE.join("\n");
        let values = values_of(&format!("CỤC TRƯỞNG CỤC CẢNH SÁT\n{zone}"), &[PAYLOAD]);
        assert_eq!(value(&values, "valid_until").value, "2030-01-15");
        assert_eq!(value(&values, "id_number").check, Check::Passed);
        let alone = values_of(&zone, &[]);
        assert_eq!(
            (value(&alone, "owner").value.as_str(), value(&alone, "owner").method),
            ("Nguyen Van An", Method::Mrz)
        );
        let other = values_of(&zone, &[&PAYLOAD.replace("0123|", "0124|")]);
        assert_eq!(value(&other, "id_number").faults, [Fault::Contradicted]);
    }
}
