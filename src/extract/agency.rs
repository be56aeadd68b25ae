//! The agency that issues a paper and the one above it, which stand top left in capitals (NĐ 30/2020/NĐ-CP Phụ lục I).

use std::ops::Range;

use super::flow::Flow;
use super::grammar::{self, Reading};
use super::letterhead::{PLACE, SYMBOLS, head};
use super::phrase::{distance, folded};
use super::value::{Method, Named, Value};

/// Most rows of the names of agencies.
const MOST_ROWS: usize = 4;

pub(super) const AGENCY: Named<'static> = ("agency", "Cơ quan ban hành", "Issuing agency");
pub(super) const SUPERIOR: Named<'static> = ("superior_agency", "Cơ quan chủ quản", "Superior agency");

/// The words of the national motto, which stands beside the agency.
const MOTTO: [&str; 2] = ["cộng hòa xã hội chủ nghĩa việt nam", "độc lập tự do hạnh phúc"];

/// Trust in each of two that say the same, one of them wrong.
const UNSETTLED: f32 = 0.5;

/// Words with which the names of agencies begin, folded, as a row has them first.
const AGENCIES: [&str; 34] = [
    "uy ban",
    "ubnd",
    "hoi dong",
    "hdnd",
    "so",
    "bo",
    "cuc",
    "chi cuc",
    "tong cuc",
    "phong",
    "van phong",
    "ban",
    "trung tam",
    "chi nhanh",
    "cong an",
    "cong ty",
    "toa an",
    "vien",
    "benh vien",
    "tram",
    "truong",
    "hat",
    "quy",
    "dang uy",
    "dang bo",
    "huyen uy",
    "tinh uy",
    "hoi lien",
    "hoi nong",
    "hoi cuu",
    "mat tran",
    "doan",
    "thanh tra",
    "kho bac",
];
/// The same of areas, which agencies above are called by.
const AREAS: [&str; 8] = ["tinh", "thanh pho", "huyen", "quan", "thi xa", "xa", "phuong", "thi tran"];

/// The agency and the one above it.
pub(super) fn read(flow: &Flow<'_>) -> Vec<Value> {
    let mut names: Vec<Range<usize>> = Vec::new();
    for pieces in names_rows(flow) {
        match names.last_mut() {
            // What does not begin a name goes on with the one above.
            Some(last) if !begins(flow, &pieces, &AGENCIES) => last.end = pieces.end,
            _ => names.push(pieces),
        }
    }
    let value = |named, pieces: Range<usize>| {
        let cut = flow.cut(pieces)?;
        let reading = Reading { value: agency_name(&cut.text), check: Ok(false) };
        Some(Value::new(named, cut, reading, Method::PrintPlace, 1.0))
    };
    match &names[..] {
        [] => Vec::new(),
        [only] => value(AGENCY, only.clone()).into_iter().collect(),
        [above, own, ..] => value(SUPERIOR, above.clone()).into_iter().chain(value(AGENCY, own.clone())).collect(),
    }
}

/// Holds the place of a paper against its agency: the name of a commune's area stands in both, `Mỹ Lộc` and `Ủy ban nhân dân xã Mỹ
/// Lộc`. Said alike by both it is surer; where they differ by a letter a word, one of them is misread.
pub(super) fn settle_area(values: &mut [Value]) {
    let at = |field: &str| values.iter().position(|value| value.field == field);
    let (Some(agency), Some(place)) = (at(AGENCY.0), at(PLACE.0)) else { return };
    let Ok([agency, place]) = values.get_disjoint_mut([agency, place]) else { return };
    let area = place.value.split_whitespace().rev();
    let pairs: Vec<(&str, &str)> = agency.value.split_whitespace().rev().zip(area).collect();
    let is_alike = |(one, other): &(&str, &str)| distance(&folded(one), &folded(other)) <= 1;
    if pairs.is_empty() || !pairs.iter().all(is_alike) {
        return;
    }
    if pairs.iter().all(|(one, other)| one.to_lowercase() == other.to_lowercase()) {
        let sure = agency.confidence.min(place.confidence);
        agency.confirm(sure);
        place.confirm(sure);
    } else {
        agency.trust(agency.confidence.min(UNSETTLED));
        place.trust(place.confidence.min(UNSETTLED));
    }
}

/// The words of the national motto.
pub(super) fn motto(flow: &Flow<'_>) -> Vec<Range<usize>> {
    MOTTO.iter().flat_map(|motto| flow.find(motto)).map(|found| found.pieces).collect()
}

/// Whether words begin as the names of agencies and areas do.
pub(super) fn begins_name(flow: &Flow<'_>, pieces: &Range<usize>) -> bool {
    begins(flow, pieces, &AGENCIES) || begins(flow, pieces, &AREAS)
}

/// The rows of the agencies' names: capitals on the left of the head, from where a name begins.
pub(super) fn names_rows(flow: &Flow<'_>) -> Vec<Range<usize>> {
    let motto = motto(flow);
    let mut rows: Vec<Range<usize>> = Vec::new();
    for row in head(flow) {
        let pieces = flow.rows[row].pieces.clone();
        let end = motto.iter().filter(|words| pieces.contains(&words.start)).map(|words| words.start).min();
        let pieces = pieces.start..end.unwrap_or(pieces.end);
        let has_digits = flow.pieces[pieces.clone()]
            .iter()
            .any(|piece| piece.text.contains(|c: char| c.is_ascii_digit() || c == ':'));
        let is_name = !pieces.is_empty() && !has_digits && flow.is_capitals(pieces.clone()) && flow.place(row).0 <= 0.5;
        match rows.last() {
            None if is_name && begins_name(flow, &pieces) => rows.push(pieces),
            None => {}
            // Number, heading, anything in small letters and what stands apart ends the names.
            Some(last)
                if is_name && rows.len() < MOST_ROWS && flow.block_of(last.start) == flow.block_of(pieces.start) =>
            {
                rows.push(pieces);
            }
            Some(_) => break,
        }
    }
    rows
}

/// Whether words begin with one of these.
fn begins(flow: &Flow<'_>, pieces: &Range<usize>, all: &[&str]) -> bool {
    let words: Vec<String> = flow.pieces[pieces.clone()].iter().take(2).map(|piece| folded(piece.text)).collect();
    all.iter().any(|name| name.split(' ').eq(words.iter().take(name.split(' ').count()).map(String::as_str)))
}

/// `ỦY BAN NHÂN DÂN XÃ MỸ LỘC` as people write it: `Ủy ban nhân dân xã Mỹ Lộc`. Capitals are for the names of areas.
fn agency_name(text: &str) -> String {
    let mut in_name = false;
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters = folded(word);
        let is_area = ["xa", "phuong", "tinh", "huyen", "quan", "tran", "pho", "khu"].contains(&letters.as_str());
        // `UBND`, `HĐND`: a short form stays as it is.
        let is_short = word.chars().count() > 3 && SYMBOLS.split_whitespace().any(|symbol| symbol == word);
        words.push(match in_name && !is_area {
            _ if is_short => word.to_owned(),
            true => grammar::capitalised(word),
            false => word.to_lowercase(),
        });
        in_name = (is_area || in_name) && !word.ends_with(',');
    }
    grammar::sentence(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::super::Sheet;
    use super::super::letterhead::place_date;
    use super::super::typeset::page_of;
    use super::*;

    #[test]
    fn the_area_of_an_agency_is_the_place() {
        let settled = |text: &str| {
            let mut page = page_of(text);
            page.lines.iter_mut().flat_map(|line| &mut line.words).for_each(|word| word.confidence = 0.9);
            let flow = Flow::new(&[Sheet::of(&page)]);
            let values = || -> Vec<Value> { read(&flow).into_iter().chain(place_date(&flow)).collect() };
            let (before, mut after) = (values(), values());
            settle_area(&mut after);
            let change = |field: &str| {
                let of = |values: &[Value]| values.iter().find(|value| value.field == field).unwrap().confidence;
                of(&after).partial_cmp(&of(&before)).unwrap()
            };
            (change("agency"), change("place"))
        };
        let date = "ngày 3 tháng 8 năm 2024";
        assert_eq!(settled(&format!("UBND XÃ MỸ LỘC\n    Mỹ Lộc, {date}")), (Ordering::Greater, Ordering::Greater));
        assert_eq!(settled(&format!("UBND XÃ MỸ LỘC\n    Mỹ Lọc, {date}")), (Ordering::Less, Ordering::Less));
        let other = settled(&format!("SỞ TƯ PHÁP TỈNH BÌNH MINH\n    Phú Thọ, {date}"));
        assert_eq!(other, (Ordering::Equal, Ordering::Equal));
    }

    #[test]
    fn an_agency_may_have_one_above_it() {
        let agencies = |text: &str| {
            let page = page_of(text);
            let values = read(&Flow::new(&[Sheet::of(&page)]));
            values.into_iter().map(|value| (value.field, value.value)).collect::<Vec<_>>()
        };
        let own = |name: &str| ("agency".to_owned(), name.to_owned());
        let above = |name: &str| ("superior_agency".to_owned(), name.to_owned());
        assert_eq!(
            agencies("TỈNH HẢI VÂN\nỦY BAN NHÂN DÂN XÃ ĐÔNG\nPHÚ\nSố: 1/QĐ-UBND"),
            [above("Tỉnh Hải Vân"), own("Ủy ban nhân dân xã Đông Phú")]
        );
        assert_eq!(agencies("ỦY BAN NHÂN DÂN\nXÃ TÂN HƯNG\nSố: 1"), [own("Ủy ban nhân dân xã Tân Hưng")]);
        assert_eq!(
            agencies("UBND TỈNH BÌNH MINH\nSỞ NỘI VỤ  CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc"),
            [above("UBND tỉnh Bình Minh"), own("Sở nội vụ")]
        );
        assert!(agencies("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc").is_empty());
    }
}
