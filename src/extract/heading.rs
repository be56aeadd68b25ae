//! The heading of a paper, which says what it is: rows in capitals below the letterhead, before the text.

use std::ops::Range;

use super::agency::{begins_name, motto, names_rows};
use super::flow::Flow;
use super::labels::MOST_GAP;
use super::letterhead::head;
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
const OTHERS: [&str; 6] = ["tmuyban", "veviec", "vv", "kinhgui", "chutich", "uybannhandan"];
/// Words with which headings begin, and but for their marks the names of agencies (*ban*, *quỹ*, *sở*).
const NO_AGENCIES: [&str; 3] = ["bản", "quy", "sổ"];
/// Surnames that are hardly ever words of a heading, beyond those that [`grammar`] knows by their marks.
const SURNAMES: &str = "Phan Vũ Hồ Dương Mai Trương Lâm";
/// Middle names by which others are known, folded.
const MIDDLE: [&str; 4] = ["thi", "van", "huu", "duc"];
/// What begins like a name and is none, folded.
const NO_NAMES: [&str; 6] = ["hoso", "hotich", "hova", "hoten", "hochu", "hogia"];

/// The words of the heading; `None` where there is none.
pub(super) fn find(flow: &Flow<'_>) -> Option<Range<usize>> {
    let (motto, names) = (motto(flow), names_rows(flow));
    let is_free = |row: usize| {
        let pieces = &flow.rows[row].pieces;
        let is_in = |all: &[Range<usize>]| all.iter().any(|one| pieces.start < one.end && one.start < pieces.end);
        let is_of_agency = is_in(&names) || (flow.place(row).0 < LEFT && begins_name(flow, pieces));
        let first = flow.pieces[pieces.start].text.to_lowercase();
        !is_in(&motto) && (!is_of_agency || NO_AGENCIES.contains(&first.as_str()))
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
    let is_plain = !text.contains(|c: char| c.is_ascii_digit() || "/(=:".contains(c));
    let words = text.split_whitespace().filter(|word| word.chars().filter(|c| c.is_alphabetic()).count() > 1).count();
    is_plain
        && words >= 2
        && letters.len() >= LEAST
        && is_in_capitals(&text)
        && !OTHERS.iter().any(|other| letters.starts_with(other))
        && !signer::is_title(flow, row)
        && !is_name(&text)
}

/// Whether the letters of a text are capitals, but for a tenth that may be misread.
fn is_in_capitals(text: &str) -> bool {
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    letters().filter(|c| c.is_uppercase()).count() * 10 >= letters().count() * 9
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
    let [first, second, ..] = words[..] else { return false };
    let own = grammar::capitalised(first);
    let is_marked = grammar::MARKED.split_whitespace().chain(SURNAMES.split_whitespace()).any(|name| name == own);
    let has_middle = grammar::is_surname(first) && MIDDLE.contains(&folded(second).as_str());
    words.len() <= 5
        && words.iter().all(|word| word.starts_with(char::is_uppercase))
        && (is_marked || has_middle)
        && !NO_NAMES.contains(&folded(&format!("{first}{second}")).as_str())
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
        assert!(["Hồ Văn An", "LÝ THỊ MẬN", "Trần Oanh"].into_iter().all(is_name));
        assert!(!["HỒ SƠ ĐẤT ĐAI", "BẢN TIN THÔN", "Chủ hộ kinh doanh", "LÝ LỊCH"].into_iter().any(is_name));
    }
}
