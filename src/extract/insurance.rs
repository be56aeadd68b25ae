//! Health-insurance cards (*thẻ bảo hiểm y tế*): a QR code of fields parted by `|`, name and address as hexadecimal digits of
//! their UTF-8, sex as 1 for men. What follows the address differs between issues, but for the day from which the card is good.

use super::Sheet;
use super::card::{BIRTH, OWNER, RESIDENCE, SEX, put};
use super::grammar::{Grammar, Reading};
use super::value::{Method, Named, Value, place_of};

pub(super) const NUMBER: Named<'static> = ("insurance_number", "Mã số BHYT", "Health-insurance number");
pub(super) const FROM: Named<'static> = ("valid_from", "Giá trị sử dụng từ", "Valid from");

/// What the code says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Insurance {
    number: String,
    name: String,
    birth: String,
    sex: &'static str,
    address: Option<String>,
    from: Option<String>,
}

/// The payload of such a card; `None` of any other.
pub(super) fn parse(payload: &str) -> Option<Insurance> {
    let fields: Vec<&str> = payload.trim().split('|').map(str::trim).collect();
    let [number, name, birth, sex, rest @ ..] = &fields[..] else { return None };
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let has_prefix = number.len() == 15 && number.is_ascii() && number[..2].bytes().all(|b| b.is_ascii_uppercase());
    let is_number = if has_prefix { is_digits(&number[2..]) } else { number.len() == 10 && is_digits(number) };
    if !is_number {
        return None;
    }
    let sex = match *sex {
        "1" => "Nam",
        "2" => "Nữ",
        _ => return None,
    };
    let is_day = |text: &&&str| text.contains('/');
    Some(Insurance {
        number: (*number).to_owned(),
        name: text_of(name)?,
        birth: (*birth).to_owned(),
        sex,
        address: rest.first().and_then(|address| text_of(address)),
        from: rest.get(2).filter(is_day).map(|day| (*day).to_owned()),
    })
}

/// Hexadecimal digits as the text that they stand for.
fn text_of(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok().filter(|_| pair.len() == 2))
        .collect();
    let text = String::from_utf8(bytes?).ok()?;
    text.chars().any(char::is_alphabetic).then_some(text)
}

/// Adds what the card's code says.
pub(super) fn read(sheets: &[Sheet<'_>], values: &mut Vec<Value>) {
    let codes = (1..).zip(sheets).flat_map(|(page, sheet)| sheet.codes.iter().map(move |code| (page, code)));
    let Some((page, code, card)) = codes.filter_map(|(page, code)| Some((page, code, parse(&code.payload)?))).next()
    else {
        return;
    };
    let born = if card.birth.len() == 4 { Grammar::Year } else { Grammar::Date };
    let mut fields = vec![
        (NUMBER, card.number.clone(), Reading { value: card.number.clone(), check: Ok(true) }),
        (OWNER, card.name.clone(), Grammar::Name.read(&card.name)),
        (BIRTH, card.birth.clone(), born.read(&card.birth)),
        (SEX, card.sex.to_owned(), Grammar::Sex.read(card.sex)),
    ];
    fields.extend(card.address.map(|address| (RESIDENCE, address.clone(), Grammar::Text.read(&address))));
    fields.extend(card.from.map(|day| (FROM, day.clone(), Grammar::Date.read(&day))));
    for (named, text, reading) in fields {
        put(values, Value::new(named, place_of(code, page, &text), reading, Method::Qr, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invented: "Nguyễn Văn An", "Hà Nội".
    const PAYLOAD: &str = "GD4010112345678|4e677579e1bb856e2056c4836e20416e|15/01/1990|1|48c3a0204ee1bb9969|01 - 001|01/01/2024|-|02/01/2024|x$";

    #[test]
    fn name_and_address_are_hexadecimal() {
        let card = parse(PAYLOAD).unwrap();
        assert_eq!((card.number.as_str(), card.name.as_str(), card.sex), ("GD4010112345678", "Nguyễn Văn An", "Nam"));
        assert_eq!((card.address.as_deref(), card.from.as_deref()), (Some("Hà Nội"), Some("01/01/2024")));
    }

    #[test]
    fn other_payloads_are_no_insurance() {
        for payload in [
            "052090000123||Nguyễn Văn An|15011990|Nam|Hà Nội|12032021",
            "GD4010112345678|4e67z|15/01/1990|1",
            "GD4010112345678|4e677|15/01/1990|1",
            "GD4010112345678|4e6775|15/01/1990|3",
            "GD40101|4e6775|15/01/1990|1",
            "",
        ] {
            assert_eq!(parse(payload), None, "{payload}");
        }
    }
}
