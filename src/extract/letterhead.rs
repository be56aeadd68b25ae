//! What the head of an administrative paper says (NĐ 30/2020/NĐ-CP Phụ lục I): number and symbol, place and date.

use std::ops::Range;

use super::flow::Flow;
use super::grammar::{self, Grammar, Reading, regex};
use super::kind::Kind;
use super::phrase::{distance, folded};
use super::value::{Method, Named, Value};

/// The head ends here at the latest, as a share of the page's height.
const HEAD: f64 = 0.45;
/// Trust in a number before which `Số` was not read.
const WITHOUT_WORD: f32 = 0.8;
/// Trust in a symbol of which a letter was put right.
const PUT_RIGHT: f32 = 0.9;
/// Trust in a date that stands elsewhere than a letterhead has it.
const ELSEWHERE: f32 = 0.9;
/// Pieces in which the word for day may have been read.
const MOST_OF_DAY: usize = 3;

pub(super) const NUMBER: Named<'static> = ("number", "Số, ký hiệu", "Number and symbol");
pub(super) const PLACE: Named<'static> = ("place", "Địa danh", "Place");
pub(super) const DATE: Named<'static> = ("date", "Ngày ban hành", "Date");

/// Parts of symbols in use: types of papers, agencies, and who drafted.
pub(super) const SYMBOLS: &str = "QĐ NQ CT QC TT TTr TB BC KH HD CV GM GGT GXN BB DS HĐ TTLT CĐ CTr PA ĐA DA BTT BGN PT PG PC UBND HĐND \
    UBMTTQ SNV STP STC SXD TTPVHCC PVHCC VP VPUB VPCP TP TC KT NV LĐTBXH BQL TTHC VHXH KTHT MTTQ BCH CA CP TTg BTP BNV BCA \
    BTC STTT CNTT BCVT TNMT SNNMT ĐKĐĐ VPĐKĐĐ GP GCN GKS CCKH TLKH QSDĐ CNQSDĐ TCQSDĐ TKQSDĐ";

regex!(
    WHOLE_NUMBER,
    r"^\W*([0-9OoIl]{1,5})/(?:([12][0-9OoIl]{3})/)?([A-ZĐƯƠ][A-Za-zĐđƯưƠơ&.]*(?:-[A-ZĐƯƠ0-9][A-Za-zĐđƯưƠơ&.0-9]*)*)[.,;]*$"
);

/// Rows that belong to the head of the first page.
pub(super) fn head<'a>(flow: &'a Flow<'_>) -> impl Iterator<Item = usize> + 'a {
    (0..flow.rows.len()).filter(|row| flow.rows[*row].page == 1 && flow.place(*row).1 < HEAD)
}

/// Number and symbol.
pub(super) fn number(flow: &Flow<'_>, kind: Option<&Kind>) -> Option<Value> {
    let symbols = kind.map_or(&[][..], |kind| &kind.symbols);
    let with_word = head(flow).find_map(|row| {
        let pieces = flow.rows[row].pieces.clone();
        let word = pieces.clone().find(|piece| ["so", "s0"].contains(&&*folded(flow.pieces[*piece].text)))?;
        // In running text other papers are referred to.
        if word > pieces.start + 1 {
            return None;
        }
        number_at(flow, word + 1..pieces.end, symbols, 1.0)
    });
    with_word
        .or_else(|| head(flow).find_map(|row| number_at(flow, flow.rows[row].pieces.clone(), symbols, WITHOUT_WORD)))
}

/// The number that begins with the first of the pieces: what belongs to it may be several words.
fn number_at(flow: &Flow<'_>, pieces: Range<usize>, symbols: &[String], trust: f32) -> Option<Value> {
    let mut joined = String::new();
    let mut longest = None;
    for piece in pieces.clone() {
        let text = flow.pieces[piece].text;
        let goes_on = |c: char| "-/–".contains(c);
        if longest.is_some() && !joined.ends_with(goes_on) && !text.starts_with(goes_on) {
            break;
        }
        joined.push_str(&text.replace('–', "-"));
        if let Some(found) = WHOLE_NUMBER.captures(&joined) {
            let year = found.get(2).map_or(String::new(), |year| format!("{}/", grammar::digits(year.as_str())));
            longest = Some((piece + 1, format!("{}/{year}", grammar::digits(&found[1])), found[3].to_owned()));
        }
    }
    let (end, number, symbol) = longest?;
    let parts: Vec<Part> = symbol
        .trim_end_matches('.')
        .split('-')
        .enumerate()
        .map(|(at, part)| right(part, if at == 0 { symbols } else { &[] }))
        .collect();
    let trust = if parts.iter().any(|part| part.changed) { trust * PUT_RIGHT } else { trust };
    let words: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
    let is_known = parts.iter().all(|part| part.known);
    let reading = Reading { value: format!("{number}{}", words.join("-")), check: Ok(is_known) };
    Some(Value::new(NUMBER, flow.cut(pieces.start..end)?, reading, Method::PrintPattern, trust))
}

/// A part of a symbol.
struct Part {
    text: String,
    known: bool,
    /// Whether more than marks was put right.
    changed: bool,
}

/// A part of a symbol with the marks that it must have, and one wrong letter put right where that leads to what is known.
fn right(part: &str, own: &[String]) -> Part {
    let letters = folded(part);
    let known = || own.iter().map(String::as_str).chain(SYMBOLS.split_whitespace());
    let written = |text: &str, changed| Part { text: text.to_owned(), known: true, changed };
    if let Some(same) = known().find(|symbol| folded(symbol) == letters) {
        return written(same, false);
    }
    let near = |symbol: &&str| distance(&folded(symbol), &letters) == 1;
    let long = |symbol: &&str| symbol.chars().count() > 3;
    match own.iter().map(String::as_str).find(near).or_else(|| known().filter(long).find(near)) {
        Some(symbol) => written(symbol, true),
        None => Part { text: part.to_owned(), known: false, changed: false },
    }
}

/// Place and date: `Hà Nội, ngày 14 tháng 4 năm 2025`, in the head or, on forms, above the signature.
pub(super) fn place_date(flow: &Flow<'_>) -> Vec<Value> {
    let found: Vec<Dated> = (0..flow.rows.len()).filter_map(|row| dated(flow, row)).collect();
    let in_head =
        |dated: &&Dated| dated.place.is_some() && flow.rows[dated.row].page == 1 && flow.place(dated.row).1 < HEAD;
    let with_place = |dated: &&Dated| dated.place.is_some() && dated.ends_row;
    let alone = |dated: &&Dated| dated.ends_row && dated.begins_row;
    let (dated, trust) = match found.iter().find(in_head) {
        Some(dated) => (dated, 1.0),
        None => match found.iter().find(with_place).or_else(|| found.iter().find(alone)) {
            Some(dated) => (dated, ELSEWHERE),
            None => return Vec::new(),
        },
    };
    let date = flow.cut(dated.date.clone()).map(|cut| {
        let reading = Grammar::Date.read(&dated.text);
        Value::new(DATE, cut, reading, Method::PrintPattern, trust)
    });
    let place = dated.place.clone().and_then(|pieces| flow.cut(pieces)).map(|cut| {
        let value = cut.text.trim_end_matches([',', '.', ';', ' ']).to_owned();
        Value::new(PLACE, cut, Reading { value, check: Ok(false) }, Method::PrintPattern, trust)
    });
    place.into_iter().chain(date).collect()
}

/// A date in words on a row.
struct Dated {
    row: usize,
    date: Range<usize>,
    text: String,
    place: Option<Range<usize>>,
    begins_row: bool,
    ends_row: bool,
}

fn dated(flow: &Flow<'_>, row: usize) -> Option<Dated> {
    let (pieces, found) = flow.matched(row, &grammar::WRITTEN_DATE)?;
    let text = found[0].to_owned();
    let all = flow.rows[row].pieces.clone();
    // What is left of the word for day may be several pieces: `n à`.
    let is_day = |start: &usize| {
        let letters = folded(&flow.text(*start..pieces.start));
        let behind_comma = *start > all.start && flow.pieces[start - 1].text.ends_with([',', ';']);
        letters.starts_with('n') && letters.len() <= 4 && (distance(&letters, "ngay") <= 2 || behind_comma)
    };
    let earliest = all.start.max(pieces.start.saturating_sub(MOST_OF_DAY));
    let start = (earliest..pieces.start).find(is_day).unwrap_or(pieces.start);
    let is_name = |piece: &usize| {
        let text = flow.pieces[*piece].text;
        text.chars().all(|c| c.is_alphabetic() || ",.;'-".contains(c)) && text.chars().any(char::is_alphabetic)
    };
    let first = (all.start..start).rev().take_while(is_name).take(6).last();
    let has_comma = start > all.start && flow.pieces[start - 1].text.ends_with([',', '.', ';']);
    let is_capital = |piece: usize| flow.pieces[piece].text.starts_with(char::is_uppercase);
    // A comma that was not read: then the row is a name of capitals from its beginning on.
    let is_row = |first: usize| first == all.start && (first..start).all(is_capital);
    let place = first.filter(|first| (has_comma && is_capital(*first)) || is_row(*first)).map(|first| first..start);
    let ends_row = pieces.end == all.end && !flow.pieces[pieces.end - 1].text.ends_with([';', ',']);
    Some(Dated { row, date: start..pieces.end, text, place, begins_row: start == all.start, ends_row })
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kinds;
    use super::super::typeset::page_of;
    use super::super::value::Check;
    use super::super::{Fault, Sheet};
    use super::*;

    fn number_of(text: &str) -> Option<(String, Check)> {
        let (page, kinds) = (page_of(text), Kinds::shipped());
        let decision = kinds.all().iter().find(|kind| kind.id == "quyet-dinh");
        number(&Flow::new(&[Sheet::of(&page)]), decision).map(|value| (value.value, value.check))
    }

    #[test]
    fn numbers_have_the_marks_of_known_symbols() {
        for (text, expected) in [
            ("Số: 69/QĐ-UBND", "69/QĐ-UBND"),
            ("Số:69/QD - UBND", "69/QĐ-UBND"),
            ("So: 6O/OD-UBNO", "60/QĐ-UBND"),
            ("Số: 20/2020/QĐ-TTg", "20/2020/QĐ-TTg"),
            ("Số: 686/STTT-CNTT&BCVT", "686/STTT-CNTT&BCVT"),
            ("7/QĐ-UBND", "7/QĐ-UBND"),
            ("Số: 85/QĐ-UBND Đông Phú, ngày 18 tháng 01 năm 2025", "85/QĐ-UBND"),
        ] {
            assert_eq!(number_of(text).map(|(value, _)| value).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(number_of("Số: 69/QĐ-UBND").unwrap().1, Check::Passed);
        assert_eq!(number_of("Số: 5/XYZ-ABC").unwrap(), ("5/XYZ-ABC".to_owned(), Check::None));
    }

    #[test]
    fn papers_that_are_referred_to_have_other_numbers() {
        assert_eq!(number_of("(Kèm theo Tờ trình số 27/TTr-UBND)\nCăn cứ Nghị định số 61/2018/NĐ-CP"), None);
        assert_eq!(number_of("Số: 217/2025"), None);
    }

    fn dates_of(text: &str) -> Vec<(String, Vec<Fault>)> {
        let page = page_of(text);
        place_date(&Flow::new(&[Sheet::of(&page)])).into_iter().map(|value| (value.value, value.faults)).collect()
    }

    #[test]
    fn the_date_of_the_paper_has_its_place() {
        let text = "Căn cứ Luật Hộ tịch ngày 20 tháng 11 năm 2014;\nLong Thạnh, ngày 26 tháng 10 năm 2025";
        let found = [("Long Thạnh".to_owned(), vec![]), ("2025-10-26".to_owned(), vec![])];
        assert_eq!(dates_of(text), found);
        assert_eq!(dates_of("Long Thanh, ngay 26 thảng l0 nam 2025")[1].0, "2025-10-26");
        assert_eq!(dates_of("Nghĩa Khê, n à_ 22 tháng 01 năm 2020"), dates_of("Nghĩa Khê; ngày 22 tháng 01 năm 2020"));
        assert_eq!(dates_of("Mỹ Lộc, ngày 31 tháng 02 năm 2025")[1].1, [Fault::Calendar]);
        assert!(dates_of("theo Luật ngày 16 tháng 6 năm 2025 của Quốc hội").is_empty());
    }
}
