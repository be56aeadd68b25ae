//! Where a value that a person said stands on the paper, and which words before it are its label.

use std::ops::Range;

use super::flow::{Flow, Row};
use super::grammar::Grammar;
use super::heading::is_name;
use super::labels::{MOST_GAP, is_mark};
use super::phrase::folded;

/// Fewest letters of a label that is learnt, and the most.
pub(super) const LEAST: usize = 5;
const MOST: usize = 48;
/// Most words of it.
const MOST_WORDS: usize = 10;
/// A gap between words that parts columns, in heights of the row.
const COLUMN_GAP: f64 = 1.5;
/// Beginnings of running text, folded.
const RUNNING: [&str; 8] = ["cancu", "theo", "xet", "vi", "dieu", "nay", "tai", "viec"];

/// The places of a value, in the order of the paper.
pub(super) fn places(flow: &Flow<'_>, grammar: Grammar, value: &str) -> Vec<Range<usize>> {
    if matches!(grammar, Grammar::Text | Grammar::Name) {
        return flow.find(value).into_iter().map(|found| found.pieces).collect();
    }
    // Days and numbers are written in several ways: where the rest of a row is read so, and without its first word is not.
    let is_it = |words: Range<usize>| {
        let reading = grammar.read(&flow.text(words));
        reading.check.is_ok() && reading.value == value
    };
    let of_row = |row: &Row| {
        let end = row.pieces.end;
        let begins = |start: &usize| is_it(*start..end) && (*start + 1 == end || !is_it(*start + 1..end));
        // The word for day is the value's.
        let is_day = |piece: usize| piece >= row.pieces.start && folded(flow.pieces[piece].text) == "ngay";
        let whole = |start: usize| if start > 0 && is_day(start - 1) { start - 1 } else { start };
        row.pieces.clone().filter(begins).map(|start| whole(start)..end).collect::<Vec<_>>()
    };
    flow.rows.iter().flat_map(of_row).collect()
}

/// The words before a value that may be its label: those on its row, or the row above where it begins one.
pub(super) fn label(flow: &Flow<'_>, value: usize) -> Option<String> {
    let row = flow.pieces[value].row;
    let before = flow.rows[row].pieces.start..value;
    match before.clone().any(|piece| flow.has_letters(piece)) {
        true => on_row(flow, before),
        false => above(flow, row, value),
    }
}

/// Back from a value to the beginning of its row, a wide gap, or the colon of another label, behind which a value begins.
fn on_row(flow: &Flow<'_>, before: Range<usize>) -> Option<String> {
    let end = before.clone().rev().find(|piece| flow.has_letters(*piece))? + 1;
    let has_colon = (end - 1..before.end).any(|piece| flow.pieces[piece].text.ends_with(':'));
    let mut start = end - 1;
    let mut is_bounded = true;
    while start > before.start && !is_apart(flow, start) {
        if flow.pieces[start - 1].text.ends_with(':') {
            is_bounded = false;
            break;
        }
        start -= 1;
    }
    if !is_bounded {
        // A value and the next label with nothing between: the label has its colon, and begins with a capital.
        let is_capital = |piece: &usize| flow.pieces[*piece].text.starts_with(char::is_uppercase);
        start = (start..end).rev().find(is_capital).filter(|_| has_colon)?;
    }
    start = (start..end).find(|piece| !is_mark(flow, *piece))?;
    // Words in capitals are a heading's unless a colon follows.
    of(&flow.text(start..end)).filter(|_| has_colon || !flow.is_capitals(start..end))
}

/// Whether a wide gap is before a word.
fn is_apart(flow: &Flow<'_>, piece: usize) -> bool {
    let (before, own) = (&flow.pieces[piece - 1].bounds, &flow.pieces[piece].bounds);
    let gap = f64::from(own.x) - f64::from(before.x + before.width);
    gap > f64::from(flow.rows[flow.pieces[piece].row].bounds.height) * COLUMN_GAP
}

/// The words above a value: of its column, to the next wide gap.
fn above(flow: &Flow<'_>, row: usize, value: usize) -> Option<String> {
    let (own, label) = (&flow.rows[row], flow.rows.get(row.checked_sub(1)?)?);
    let gap = f64::from(own.bounds.y) - f64::from(label.bounds.y + label.bounds.height);
    let height = f64::from(label.bounds.height);
    if own.page != label.page || gap > height * MOST_GAP {
        return None;
    }
    let left = f64::from(flow.pieces[value].bounds.x) - height;
    let start = label.pieces.clone().find(|piece| f64::from(flow.pieces[*piece].bounds.x) >= left)?;
    let start =
        (label.pieces.start..=start).rev().find(|piece| *piece == label.pieces.start || is_apart(flow, *piece))?;
    let end = (start + 1..label.pieces.end).find(|piece| is_apart(flow, *piece)).unwrap_or(label.pieces.end);
    let start = (start..end).find(|piece| !is_mark(flow, *piece))?;
    of(&flow.text(start..end)).filter(|_| flow.pieces[end - 1].text.ends_with(':') || !flow.is_capitals(start..end))
}

/// The words as a label; `None` where they are too few or too many, have digits, or look like running text or a name.
fn of(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || ".…:-–*•/,;".contains(c));
    let words: Vec<&str> = text.split_whitespace().collect();
    let letters = folded(text);
    let has_marks = text.contains(|c: char| c.is_ascii_digit() || ":;.?!=<>|".contains(c));
    let is_long = words.len() > MOST_WORDS || !(LEAST..=MOST).contains(&letters.len());
    let begins = |count: usize| folded(&words[..count.min(words.len())].concat());
    let is_running = RUNNING.iter().any(|begin| begins(1) == *begin || begins(2) == *begin);
    let is_cut = text.matches('(').count() != text.matches(')').count();
    let is_low = !text.starts_with(char::is_uppercase);
    // Names within a sentence have capitals; short forms (`CCCD`) have nothing else, and so has a label in capitals.
    let is_proper = |pair: &[&str]| {
        let is_second = pair[0].ends_with('/') || pair[1].starts_with('/');
        pair[1].starts_with(char::is_uppercase) && pair[1].contains(char::is_lowercase) && !is_second
    };
    let has_names = words.windows(2).any(is_proper) || is_name(text);
    (!has_marks && !is_cut && !is_long && !is_running && !is_low && !has_names).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Sheet;
    use super::super::typeset::page_of;
    use super::*;

    fn label_of(text: &str, grammar: Grammar, value: &str) -> Option<String> {
        let page = page_of(text);
        let flow = Flow::new(&[Sheet::of(&page)]);
        let place = places(&flow, grammar, value).into_iter().next().expect("the value is there");
        label(&flow, place.start)
    }

    #[test]
    fn a_label_is_before_its_value_or_above() {
        let name = |text: &str| label_of(text, Grammar::Name, "Nguyễn Văn An");
        assert_eq!(name("1. Cấp cho ông/bà: NGUYEN VAN AN").as_deref(), Some("Cấp cho ông/bà"));
        assert_eq!(name("Sinh năm: 1980 Người được cấp: Nguyễn Văn An").as_deref(), Some("Người được cấp"));
        assert_eq!(name("Chủ đầu tư        Nguyễn Văn An").as_deref(), Some("Chủ đầu tư"));
        assert_eq!(
            name("Chủ đầu tư:         Ngày cấp:\nNguyễn Văn An       02/03/2020").as_deref(),
            Some("Chủ đầu tư")
        );
        let day = |text: &str| label_of(text, Grammar::Date, "2024-01-14");
        assert_eq!(day("Có hiệu lực từ: ngày 14 tháng 01 năm 2024").as_deref(), Some("Có hiệu lực từ"));
        assert_eq!(day("Được cấp ngày 14/01/2024").as_deref(), Some("Được cấp"));
    }

    #[test]
    fn running_text_names_and_numbers_are_no_labels() {
        for text in [
            "Căn cứ đơn của Nguyễn Văn An",
            "hộ ông Nguyễn Văn An",
            "Số 12 cấp cho Nguyễn Văn An",
            "Bà Lê Thị Bưởi vợ Nguyễn Văn An",
            "LÊ THỊ BƯỞI: Nguyễn Văn An",
            "CỘNG HÒA XÃ HỘI Nguyễn Văn An",
            "Bên nhận (bên mua Nguyễn Văn An",
            "Ông: Nguyễn Văn An",
            "Nguyễn Văn An",
        ] {
            assert_eq!(label_of(text, Grammar::Name, "Nguyễn Văn An"), None, "{text}");
        }
    }
}
