//! Access keys: with Alt (in Firefox Alt and Shift) and its letter each action of the desk is done without a mouse. One table, so
//! that no letter has two meanings; D, E and F are left to browsers' own menus.

use crate::model::Lang;

/// An action with a letter.
pub(super) struct Act {
    letter: char,
    vietnamese: &'static str,
    english: &'static str,
}

impl Act {
    const fn new(letter: char, vietnamese: &'static str, english: &'static str) -> Self {
        Self { letter, vietnamese, english }
    }

    /// The attribute of the link or button, with a space before it.
    pub(super) fn attribute(&self) -> String {
        format!(" accesskey={}", self.letter)
    }

    /// What stands on it: markup, as the letter is shown.
    pub(super) fn label(&self, lang: Lang) -> String {
        format!("{} <kbd>{}</kbd>", self.name(lang), self.letter.to_ascii_uppercase())
    }

    /// What it does.
    pub(super) fn name(&self, lang: Lang) -> &'static str {
        lang.pick(self.vietnamese, self.english)
    }
}

pub(super) const TODAY: Act = Act::new('h', "Hôm nay", "Today");
pub(super) const DOSSIERS: Act = Act::new('m', "Mọi hồ sơ", "All dossiers");
pub(super) const UNPLACED: Act = Act::new('x', "Chưa xếp", "Not placed");
pub(super) const SIGNING: Act = Act::new('k', "Ký số", "Signing");
pub(super) const LOG_OUT: Act = Act::new('o', "Đăng xuất", "Log out");
pub(super) const OPEN: Act = Act::new('p', "Mở", "Open");
pub(super) const SEND: Act = Act::new('g', "Gửi", "Send");
pub(super) const SIGN_TICKED: Act = Act::new('s', "Ký mục đã chọn", "Sign what is ticked");
pub(super) const SIGN_ALL: Act = Act::new('a', "Ký tất cả", "Sign all");

pub(super) const SCAN: Act = Act::new('q', "Quét", "Scan");
pub(super) const START_SCAN: Act = Act::new('b', "Bắt đầu quét", "Start the scan");
pub(super) const STOP_SCAN: Act = Act::new('u', "Dừng quét", "Stop the scan");
pub(super) const FIND_SCANNERS: Act = Act::new('c', "Tìm máy quét", "Look for scanners");
pub(super) const FIGURES: Act = Act::new('l', "Số liệu", "Figures");
pub(super) const AUDIT: Act = Act::new('n', "Nhật ký", "Journal");
pub(super) const CONFIRM: Act = Act::new('y', "Xác nhận", "Confirm");
pub(super) const FIND: Act = Act::new('i', "Tìm kiếm", "Search");
pub(super) const VERIFY: Act = Act::new('v', "Kiểm tra", "Verify");
pub(super) const EXPORT: Act = Act::new('t', "Tải hồ sơ (ZIP)", "Download the dossier (ZIP)");

/// All of them, in the order in which the help names them.
const ALL: [&Act; 19] = [
    &TODAY,
    &DOSSIERS,
    &FIND,
    &UNPLACED,
    &SIGNING,
    &FIGURES,
    &AUDIT,
    &OPEN,
    &SEND,
    &SCAN,
    &START_SCAN,
    &STOP_SCAN,
    &FIND_SCANNERS,
    &VERIFY,
    &EXPORT,
    &CONFIRM,
    &SIGN_TICKED,
    &SIGN_ALL,
    &LOG_OUT,
];

/// The line of help at the end of each page.
pub(super) fn help(lang: Lang) -> String {
    let keys: String = ALL
        .iter()
        .map(|act| format!("<li><kbd>{}</kbd> {}</li>", act.letter.to_ascii_uppercase(), act.name(lang)))
        .collect();
    format!(
        "<details class=keys><summary accesskey=\"?\">{} <kbd>?</kbd></summary><p>{}</p><ul>{keys}</ul></details>",
        lang.pick("Phím tắt", "Keys"),
        lang.pick(
            "Giữ Alt (Firefox: Alt+Shift) và bấm chữ. Phím chỉ dùng được khi nút có trên trang.",
            "Hold Alt (Firefox: Alt+Shift) and press the letter. A key works where its button is on the page."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_has_one_meaning_and_none_is_the_browsers() {
        let mut letters: Vec<char> = ALL.iter().map(|act| act.letter).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), ALL.len());
        assert!(letters.iter().all(|letter| letter.is_ascii_lowercase() && !"def".contains(*letter)));
    }
}
