//! The heading of a paper, which says what it is: rows in capitals below the letterhead, before the text.

use std::ops::Range;

use super::flow::Flow;
use super::labels::MOST_GAP;
use super::letterhead::{begins_name, head, motto, names_rows};
use super::phrase::folded;
use super::{grammar, signer};

/// Most rows of a heading.
const MOST_ROWS: usize = 4;
/// Fewest letters of it, and the most.
const LEAST: usize = 6;
const MOST: usize = 90;
/// How far left of the middle names of agencies stand, as a share of the page's width.
const LEFT: f64 = 0.42;
/// Beginnings of rows in capitals that are no heading's, folded: the abstract, and who issues.
const OTHERS: [&str; 5] = ["veviec", "vv", "kinhgui", "chutich", "uybannhandan"];
/// Beginnings of headings with which names of people might begin, too, folded.
const NO_NAMES: [&str; 9] = ["tokhai", "totrinh", "hoso", "hotich", "hova", "hoten", "hochu", "chungnhan", "chungthuc"];

/// The words of the heading; `None` where there is none.
pub(super) fn find(flow: &Flow<'_>) -> Option<Range<usize>> {
    let letterhead = [motto(flow), names_rows(flow)].concat();
    let is_free = |row: usize| {
        let pieces = &flow.rows[row].pieces;
        let is_left = flow.place(row).0 < LEFT && begins_name(flow, pieces);
        !is_left && !letterhead.iter().any(|other| pieces.start < other.end && other.start < pieces.end)
    };
    let first = head(flow).find(|row| is_free(*row) && may_be(flow, *row))?;
    let mut last = first;
    while last + 1 < flow.rows.len() && last + 1 - first < MOST_ROWS && goes_on(flow, last) {
        last += 1;
    }
    let words = flow.rows[first].pieces.start..flow.rows[last].pieces.end;
    (LEAST..=MOST).contains(&folded(&flow.text(words.clone())).len()).then_some(words)
}

/// Whether a row may be one of a heading: some words, all in capitals, without digits, and nobody's name.
fn may_be(flow: &Flow<'_>, row: usize) -> bool {
    let text = flow.row_text(row);
    let letters = folded(&text);
    let is_plain = !text.contains(|c: char| c.is_ascii_digit() || "/(=".contains(c)) && !text.ends_with(':');
    let words = text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1).count();
    is_plain
        && words >= 2
        && letters.len() >= LEAST
        && flow.is_capitals(flow.rows[row].pieces.clone())
        && !OTHERS.iter().any(|other| letters.starts_with(other))
        && !signer::is_title(flow, row)
        && !is_name(&text)
}

fn goes_on(flow: &Flow<'_>, row: usize) -> bool {
    let (above, below) = (&flow.rows[row].bounds, &flow.rows[row + 1].bounds);
    let gap = f64::from(below.y) - f64::from(above.y + above.height);
    let is_close = gap < f64::from(above.height) * MOST_GAP && below.y > above.y;
    flow.rows[row].page == flow.rows[row + 1].page && is_close && may_be(flow, row + 1)
}

/// Whether a text looks like somebody's name and nothing else.
pub(super) fn is_name(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let letters = folded(text);
    (2..=5).contains(&words.len())
        && grammar::is_surname(words[0])
        && !NO_NAMES.iter().any(|begin| letters.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::super::Sheet;
    use super::super::typeset::page_of;
    use super::*;

    fn heading(text: &str) -> Option<String> {
        let page = page_of(text);
        let flow = Flow::new(&[Sheet::of(&page)]);
        find(&flow).map(|words| flow.text(words))
    }

    #[test]
    fn it_is_below_the_letterhead_and_above_the_text() {
        let head = "ỦY BAN NHÂN DÂN          CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nXÃ MỸ LỘC\nSố: 12/GP-UBND\n\n";
        let text =
            format!("{head}                    GIẤY PHÉP\n                 XÂY DỰNG TẠM\n\nCấp cho ông: NGUYỄN VĂN AN");
        assert_eq!(heading(&text).as_deref(), Some("GIẤY PHÉP XÂY DỰNG TẠM"));
        let text =
            format!("{head}                 QUYẾT ĐỊNH\n             VỀ VIỆC HỌP THÔN\nCHỦ TỊCH ỦY BAN NHÂN DÂN");
        assert_eq!(heading(&text).as_deref(), Some("QUYẾT ĐỊNH"));
        assert_eq!(heading(&format!("{head}Kính gửi: Các thôn\nThôn họp vào sáng mai")), None);
    }

    #[test]
    fn nobodys_name_is_a_heading() {
        assert_eq!(heading("GIẤY CAM KẾT\nNGUYỄN VĂN AN").as_deref(), Some("GIẤY CAM KẾT"));
        assert_eq!(heading("TRẦN THỊ LAN\nSinh năm 1990"), None);
        assert_eq!(heading("TỜ KHAI ĐĂNG KÝ KHAI SINH").as_deref(), Some("TỜ KHAI ĐĂNG KÝ KHAI SINH"));
        assert!(is_name("Hồ Văn An") && !is_name("HỒ SƠ ĐẤT ĐAI"));
    }
}
