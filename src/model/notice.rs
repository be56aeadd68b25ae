use serde::{Deserialize, Serialize};

use super::{Lang, Localized};

/// What a person should know of a capture though its page is good: no reason for a rescan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The page bears a mark of a copy, or of a paper that is only to be shown: such papers are not to be digitised.
    CopyMark {
        /// The mark, as the settings have it.
        mark: String,
    },
    /// The page bears a mark of secrecy, which by the settings is no reason to stop.
    SecrecyMark {
        /// The mark, as the settings have it.
        mark: String,
    },
    /// The paper has another number of pages than it says.
    PageCount {
        /// What it says, pages or sheets.
        said: usize,
        /// How many pages there are.
        found: usize,
    },
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
            (Self::CopyMark { mark }, Lang::Vi) => format!(
                "trang có dấu \u{201c}{mark}\u{201d}: bản sao, bản chụp và giấy tờ chỉ để xuất trình không thuộc diện số hóa \
                 (TT 01/2023/TT-VPCP); hãy kiểm tra, trả lại người nộp nếu đúng"
            ),
            (Self::CopyMark { mark }, Lang::En) => format!(
                "the page bears \u{201c}{mark}\u{201d}: copies and papers that are only to be shown are not to be digitised \
                 (TT 01/2023/TT-VPCP); look at it, and give it back if so"
            ),
            (Self::SecrecyMark { mark }, Lang::Vi) => {
                format!("trang có dấu {mark}: không được số hóa; giao người phụ trách bảo vệ bí mật nhà nước")
            }
            (Self::SecrecyMark { mark }, Lang::En) => format!(
                "the page is marked {mark} (secret): it is not to be digitised; hand it to whoever is in charge of state secrets"
            ),
            (Self::PageCount { said, found }, Lang::Vi) => format!(
                "giấy tờ ghi có {said} trang (tờ), ở đây có {found} trang: hãy kiểm tra có thiếu hoặc thừa trang không"
            ),
            (Self::PageCount { said, found }, Lang::En) => format!(
                "the paper says that it has {said} pages (sheets), here are {found}: see whether some are missing or too many"
            ),
        }
    }
}
