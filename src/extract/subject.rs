//! The abstract (*trích yếu*): below the heading of the paper, or `V/v …` below its number.

use std::ops::Range;

use super::flow::Flow;
use super::grammar::{self, Reading, regex};
use super::letterhead::head;
use super::phrase::folded;
use super::value::{Method, Named, Value};

pub(super) const ABSTRACT: Named<'static> = ("abstract", "Trích yếu", "Abstract");

/// Most rows of an abstract.
const MOST_ROWS: usize = 4;

/// Beginnings of rows at which an abstract has ended, folded.
const AFTER_ABSTRACT: [&str; 16] = [
    "cancu",
    "dieu1",
    "kinhgui",
    "chutich",
    "uybannhandan",
    "hoidong",
    "noinhan",
    "thuchien",
    "homnay",
    "xetde",
    "trennoi",
    "quyetdinh",
    "kemtheo",
    "giamdoc",
    "stt",
    "thanhphan",
];

/// The abstract, of a paper with this heading.
pub(super) fn read(flow: &Flow<'_>, heading: Option<Range<usize>>) -> Option<Value> {
    let below_number = head(flow).find(|row| {
        let text = folded(&flow.row_text(*row));
        let first = flow.pieces[flow.rows[*row].pieces.start].text.to_lowercase().replace('⁄', "/");
        first == "v/" || (text.starts_with("vv") && (first.starts_with("v/v") || first.starts_with("vv")))
    });
    let (start, trust) = match (heading, below_number) {
        (_, Some(row)) => (flow.rows[row].pieces.start, 1.0),
        (Some(heading), None) => (heading.end, 1.0),
        (None, None) => return None,
    };
    let first = flow.pieces.get(start)?.row;
    let mut end = start;
    let mut block = None;
    for row in (first..flow.rows.len()).take(MOST_ROWS + 1) {
        let here = &flow.rows[row];
        let text = folded(&flow.row_text(row));
        let has_label = here.pieces.start >= start
            && !text.starts_with("vv")
            && flow.pieces[here.pieces.clone()].iter().any(|piece| piece.text.ends_with(':'));
        let is_other = AFTER_ABSTRACT.iter().any(|begin| text.starts_with(begin)) || text.is_empty() || has_label;
        let is_elsewhere = block.is_some_and(|block| block != here.block) || is_apart(flow, row, start);
        if here.page != flow.rows[first].page || (here.pieces.start >= start && (is_other || is_elsewhere)) {
            break;
        }
        end = here.pieces.end;
        // The heading and what is below it may be two blocks.
        block = (here.pieces.end > start && here.pieces.start >= start).then_some(here.block);
    }
    let cut = flow.cut(start..end)?;
    let value = without_opening(&cut.text);
    (folded(&value).len() > 3).then(|| {
        let reading = Reading { value, check: Ok(false) };
        Value::new(ABSTRACT, cut, reading, Method::PrintPlace, trust)
    })
}

/// Whether a row stands apart from that of the abstract above it: by more than a row's height, or to its left as the text of
/// a paper stands below its centred abstract.
fn is_apart(flow: &Flow<'_>, row: usize, start: usize) -> bool {
    let Some(above) = row.checked_sub(1).map(|above| &flow.rows[above]).filter(|above| above.pieces.start >= start)
    else {
        return false;
    };
    let here = &flow.rows[row].bounds;
    let gap = i64::from(here.y) - i64::from(above.bounds.y + above.bounds.height);
    gap > i64::from(above.bounds.height) || here.x + 2 * here.height < above.bounds.x
}

regex!(OPENING, r"^\(?(?:[Vv][/⁄][Vv]?\.?|[Vv][ềê]\s+việc)[:\s]+");

fn without_opening(text: &str) -> String {
    let opened = OPENING.replace(text, "");
    let is_in_brackets = text.starts_with('(') && opened.len() < text.len();
    grammar::sentence(if is_in_brackets { opened.trim_end_matches(')') } else { &opened }.trim())
}

#[cfg(test)]
mod tests {
    use super::super::Sheet;
    use super::super::typeset::page_of;
    use super::*;

    fn subject(text: &str, heading: Option<Range<usize>>) -> Option<String> {
        let page = page_of(text);
        read(&Flow::new(&[Sheet::of(&page)]), heading).map(|value| value.value)
    }

    #[test]
    fn it_follows_the_heading_until_the_text_begins() {
        let text = "QUYẾT ĐỊNH\n\nVề việc công nhận hộ gia đình\nvăn hóa năm 2025\nCăn cứ Luật";
        assert_eq!(subject(text, Some(0..2)).as_deref(), Some("Công nhận hộ gia đình văn hóa năm 2025"));
        let text = "TỜ KHAI ĐĂNG KÝ KHAI SINH\nKính gửi: Ủy ban";
        assert_eq!(subject(text, Some(0..2)).as_deref(), Some("ĐĂNG KÝ KHAI SINH"));
        assert_eq!(subject("QUYẾT ĐỊNH\nCăn cứ Luật", Some(0..2)), None);
        let text = "     THÔNG BÁO\n    Về việc họp thôn\nNgười dân đến nhà văn hóa vào sáng mai";
        assert_eq!(subject(text, Some(0..2)).as_deref(), Some("Họp thôn"));
    }

    #[test]
    fn of_letters_it_stands_below_the_number() {
        let text = "Số: 5/UBND-VP\nV/v rà soát hồ sơ\ntồn đọng\n\nKính gửi: Các thôn";
        assert_eq!(subject(text, None).as_deref(), Some("Rà soát hồ sơ tồn đọng"));
        assert_eq!(subject("Kính gửi: Các thôn", None), None);
    }
}
