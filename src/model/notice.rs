use serde::{Deserialize, Serialize};

use super::{Lang, Localized};

/// What a person should know of a capture though its page is good: no reason for a rescan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Notice {
    /// There were other papers beside the one that became the page.
    SeveralSheets {
        /// How many others.
        others: usize,
    },
    /// Both sides of a card were on the capture and stand one below the other on the page.
    CardSides,
}

impl Localized for Notice {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::SeveralSheets { others }, Lang::Vi) => format!(
                "trong ảnh còn {others} tờ giấy khác, chỉ lấy tờ chính: nếu cần các tờ kia, hãy chụp hoặc quét riêng từng \
                 tờ"
            ),
            (Self::SeveralSheets { others }, Lang::En) => format!(
                "{others} more papers in the picture, only the main one was taken: capture the others one by one if they \
                 are needed"
            ),
            (Self::CardSides, Lang::Vi) => "hai mặt thẻ trong một ảnh, đã ghép thành một trang".to_owned(),
            (Self::CardSides, Lang::En) => "both sides of a card in one picture, put on one page".to_owned(),
        }
    }
}
