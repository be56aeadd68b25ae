//! Who signs: below the last heading that is the title of one who does (*CHỦ TỊCH*, *NGƯỜI KÝ*), a name by itself.

use std::ops::Range;

use super::flow::Flow;
use super::grammar::{self, Grammar, Reading};
use super::phrase::{distance, folded};
use super::value::{Method, Named, Value};

pub(super) const SIGNER: Named<'static> = ("signer", "Người ký", "Signer");
pub(super) const TITLE: Named<'static> = ("signer_title", "Chức vụ người ký", "Signer's title");

/// Words with which the titles of signers begin, folded, behind `TM.`, `KT.` and the like.
const TITLES: [&str; 23] = [
    "ketoantruong",
    "chutich",
    "phochutich",
    "giamdoc",
    "phogiamdoc",
    "truongphong",
    "photruongphong",
    "nguoiky",
    "nguoiyeucau",
    "nguoikhai",
    "nguoilambieu",
    "nguoilap",
    "nguoidoichieu",
    "nguoilamdon",
    "nguoiviet",
    "nguoiuyquyen",
    "hieutruong",
    "congchuctuphap",
    "congchungvien",
    "cuctruong",
    "bitthu",
    "chanhvanphong",
    "nguoitiepnhan",
];
/// Those of people who sign for themselves.
const OF_CITIZENS: [&str; 6] = ["nguoiyeucau", "nguoikhai", "nguoilamdon", "nguoiviet", "nguoiuyquyen", "nguoilambieu"];
/// Words that stand for another signer before a title.
const FOR_OTHERS: [&str; 5] = ["tm", "kt", "tl", "tuq", "q"];
/// Letters of a title that a seal must leave for it to be known.
const LEAST_LEFT: usize = 4;
/// Rows below a title in which the name is looked for: instructions and what is left of seal and signature are between.
const MOST_ROWS: usize = 7;
/// Trust in a name that stands below a title, and in a title by its place.
const BELOW_TITLE: f32 = 0.97;
/// Trust in one whose first word is not known as a surname.
const ODD_NAME: f32 = 0.7;

/// The signer and the title.
pub(super) fn read(flow: &Flow<'_>) -> Vec<Value> {
    let Some(title) = (0..flow.rows.len()).rev().find(|row| is_title(flow, *row)) else { return Vec::new() };
    let titles = titles_up_to(flow, title);
    let name = (title + 1..flow.rows.len())
        .take(MOST_ROWS)
        .filter(|row| !is_title(flow, *row))
        .find_map(|row| name(flow, row));
    let Some(name) = name else { return Vec::new() };
    let title = flow.cut(titles).map(|cut| {
        let reading = Reading { value: sentence(&cut.text), check: Ok(false) };
        Value::new(TITLE, cut, reading, Method::PrintPlace, BELOW_TITLE)
    });
    [Some(name), title].into_iter().flatten().collect()
}

/// Whether a row is the title of one who signs, by itself and on the lower part of what is written.
pub(super) fn is_title(flow: &Flow<'_>, row: usize) -> bool {
    let pieces = flow.rows[row].pieces.clone();
    let words: Vec<String> = flow.pieces[pieces.clone()].iter().map(|piece| folded(piece.text)).collect();
    let own = words.iter().skip_while(|word| FOR_OTHERS.contains(&word.as_str()));
    let letters: String = own.map(String::as_str).collect();
    let is_one = TITLES.iter().any(|title| letters.starts_with(title)) && pieces.len() <= 9;
    let is_capitals = flow.is_capitals(pieces.clone());
    let is_heading = is_capitals || letters.starts_with("nguoi");
    // The seal hides letters, most of all the first.
    let is_rest = |title: &str| title.ends_with(&letters) || (letters.len() > 4 && distance(title, &letters) <= 1);
    let is_hidden = is_capitals && letters.len() >= LEAST_LEFT && TITLES.iter().any(|title| is_rest(title));
    let is_value = |text: &str| text.contains(|c: char| c.is_ascii_digit() || ",:".contains(c));
    let has_value = flow.pieces[pieces].iter().any(|piece| is_value(piece.text.trim_end_matches(',')));
    (is_one || is_hidden) && is_heading && !has_value
}

/// Whether a title is that of an office, whose name stands on all its papers: what is known of it, none of a citizen's.
pub(super) fn is_of_office(title: &str) -> bool {
    let letters = folded(title);
    let ends = |titles: &[&str]| {
        let is_it = |one: &&str| letters.contains(*one) || (letters.len() >= LEAST_LEFT && one.ends_with(&letters));
        titles.iter().any(is_it)
    };
    ends(&TITLES) && !ends(&OF_CITIZENS)
}

/// The rows of a title: `TM. ỦY BAN NHÂN DÂN` and `KT. CHỦ TỊCH` stand above the last.
fn titles_up_to(flow: &Flow<'_>, last: usize) -> Range<usize> {
    let belongs = |row: usize| {
        let pieces = flow.rows[row].pieces.clone();
        let first = folded(flow.pieces[pieces.start].text);
        flow.is_capitals(pieces) && (FOR_OTHERS.contains(&first.as_str()) || is_title(flow, row))
    };
    let mut first = last;
    while first > 0 && flow.rows[first - 1].page == flow.rows[last].page && belongs(first - 1) {
        first -= 1;
    }
    flow.rows[first].pieces.start..flow.rows[last].pieces.end
}

/// A row that is a name and nothing else.
fn name(flow: &Flow<'_>, row: usize) -> Option<Value> {
    let pieces = flow.rows[row].pieces.clone();
    let is_name_word = |piece: usize| {
        let text = flow.pieces[piece].text.trim_end_matches(['.', ',']);
        text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphabetic)
    };
    if !(2..=5).contains(&pieces.len()) || !pieces.clone().all(is_name_word) {
        return None;
    }
    let cut = flow.cut(pieces)?;
    let mut reading = Grammar::Name.read(&cut.text);
    reading.value = grammar::with_surname(&reading.value);
    let trust = if reading.check == Ok(true) { BELOW_TITLE } else { ODD_NAME };
    reading.check.is_ok().then(|| Value::new(SIGNER, cut, reading, Method::PrintPlace, trust))
}

/// Capitals only at the beginning, and at what stands for another.
fn sentence(text: &str) -> String {
    let words = text.split_whitespace().map(|word| match word.ends_with('.') {
        true => word.to_owned(),
        false => word.to_lowercase(),
    });
    grammar::sentence(&words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::Sheet;
    use super::super::typeset::page_of;
    use super::*;

    fn signer(text: &str) -> Vec<String> {
        let page = page_of(text);
        read(&Flow::new(&[Sheet::of(&page)])).into_iter().map(|value| value.value).collect()
    }

    #[test]
    fn the_name_below_the_last_title_signs() {
        let text = "CHỦ TỊCH ỦY BAN NHÂN DÂN XÃ A\nCăn cứ Luật\nTM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH\n\nvì\n\nLê Thị An";
        assert_eq!(signer(text), ["Lê Thị An", "TM. ủy ban nhân dân KT. chủ tịch phó chủ tịch"]);
        assert_eq!(signer("Người yêu cầu\n(Ký, ghi rõ họ tên)\n\nPhan Văn Dũng")[0], "Phan Văn Dũng");
    }

    #[test]
    fn a_seal_may_hide_the_beginning_of_a_title() {
        for title in ["TỊCH", "Ủ TỊCH", "CH TỊCH", "NH VĂN PHÒNG", "_GIÁM ĐỘC,"] {
            assert_eq!(
                signer(&format!("{title}\n\nLê Thị An")).first().map(String::as_str),
                Some("Lê Thị An"),
                "{title}"
            );
        }
        assert!(signer("CÔNG\n\nLê Thị An").is_empty());
    }

    #[test]
    fn titles_of_offices_are_told_from_those_of_citizens() {
        assert!(["KT. Chủ tịch Phó chủ tịch", "NH VĂN PHÒNG", "Công chức tư pháp"].into_iter().all(is_of_office));
        assert!(!["Người yêu cầu", "NGƯỜI LÀM ĐƠN", "ười khai", "Bên A", ""].into_iter().any(is_of_office));
    }

    #[test]
    fn without_a_title_or_name_nobody_signs() {
        assert!(signer("Nơi nhận:\nLê Thị An").is_empty());
        assert!(signer("CHỦ TỊCH\n(Đã ký)\nxã Tân Hưng").is_empty());
    }
}
