//! What a person is told of folders and files that wait or are refused.

use crate::model::{Lang, Localized, io_reason, shown};

use super::{Refusal, Trouble, Waiting, WatchError};

impl Localized for Waiting {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Unfinished(format) => match lang {
                Lang::Vi => format!("tệp {format} chưa ghi xong; đang đợi máy quét ghi tiếp"),
                Lang::En => format!("the {format} file has no end yet; waiting for the scanner to go on"),
            },
            Self::Empty => lang
                .pick("tệp còn rỗng; đang đợi máy quét ghi", "the file is empty so far; waiting for the scanner")
                .to_owned(),
            Self::Open => lang
                .pick(
                    "phần mềm quét vẫn đang mở tệp để ghi; đang đợi đóng tệp",
                    "the scanning program still has it open; waiting for it to be closed",
                )
                .to_owned(),
            Self::Unreachable(error) => io_reason(error.kind(), lang),
            Self::OtherDisk => lang
                .pick(
                    "thư mục con nằm trên ổ đĩa khác; hãy khai báo nó thành một thư mục theo dõi riêng",
                    "the sub-folder is another disk; name it as a watched folder of its own",
                )
                .to_owned(),
            Self::Busy => {
                lang.pick("đang có nhiều việc; tệp được xếp hàng", "much to do; the file is in line").to_owned()
            }
        }
    }
}

impl Localized for Refusal {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::NotAFile => lang
                .pick(
                    "không phải tệp thường (liên kết hoặc tệp đặc biệt); hãy chép tệp thật vào thư mục",
                    "not a regular file but a link or special file; copy the real file into the folder",
                )
                .to_owned(),
            Self::Empty => {
                lang.pick("tệp rỗng; hãy quét hoặc chép lại", "the file is empty; scan or copy it again").to_owned()
            }
            Self::NotACapture(seen) => match lang {
                Lang::Vi => format!("không phải ảnh hay PDF mà là {}; {}", seen.name(lang), seen.cure(lang)),
                Lang::En => format!("neither a picture nor a PDF but {}; {}", seen.name(lang), seen.cure(lang)),
            },
            Self::Sink(reason) => reason.clone(),
        }
    }
}

impl Refusal {
    /// What the file beside a refused file says: in both languages, as nobody knows who opens it.
    pub(super) fn note(&self, relative: &str) -> String {
        let (vietnamese, english) = (self.message(Lang::Vi), self.message(Lang::En));
        format!(
            "{relative}\n\nsohoa không nhận tệp này: {vietnamese}.\nTệp nằm bên cạnh, không bị thay đổi; sửa xong hãy thả lại vào thư mục.\n\n\
             sohoa does not take this file: {english}.\nIt lies beside, unchanged; once put right, drop it into the folder again.\n"
        )
    }
}

impl Localized for Trouble {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Unreachable(error) => io_reason(error.kind(), lang),
            Self::Replaced => lang
                .pick(
                    "thư mục đã bị thay bằng thư mục khác; đang mở lại",
                    "another directory took its place; opening it again",
                )
                .to_owned(),
            Self::InUse => lang
                .pick(
                    "một chương trình sohoa khác đang theo dõi; sẽ thử lại",
                    "another sohoa is watching it; will try again",
                )
                .to_owned(),
            Self::Forbidden => lang
                .pick(
                    "dẫn vào thư mục kết quả; hãy chọn thư mục khác",
                    "leads into a directory of results; choose another",
                )
                .to_owned(),
        }
    }
}

impl Localized for WatchError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Nested { inner, outer }, Lang::Vi) => {
                format!("{}: nằm trong thư mục theo dõi {}; hãy chỉ theo dõi một trong hai", shown(inner), shown(outer))
            }
            (Self::Forbidden { folder, results }, Lang::Vi) => format!(
                "{}: thư mục theo dõi và thư mục kết quả {} không được nằm trong nhau; hãy chọn nơi khác",
                shown(folder),
                shown(results)
            ),
            (error, Lang::En) => error.to_string(),
        }
    }
}
