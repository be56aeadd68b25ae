//! Why a PDF file cannot be taken as pages of pictures, and what a clerk can do about it.

use crate::model::{Lang, Localized};

/// Why a PDF file gives no page images. Pages count from 1, as people do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PdfReadError {
    /// The structure cannot be followed: cut off, cross-reference table wrong, objects missing.
    #[error("PDF file is damaged: {0}")]
    Broken(String),
    /// Protected by a password, even an empty one.
    #[error("PDF file is encrypted")]
    Encrypted,
    /// Carries a digital signature, which any conversion would destroy.
    #[error("PDF file is digitally signed")]
    Signed,
    /// More pages than allowed.
    #[error("PDF file has more than {limit} pages")]
    TooManyPages {
        /// What is allowed.
        limit: usize,
    },
    /// A page shows text of its own.
    #[error("page {page} shows text that is not part of a picture")]
    Text {
        /// Counted from 1.
        page: usize,
    },
    /// A page shows lines or fills of its own.
    #[error("page {page} shows a drawing that is not part of a picture")]
    Drawing {
        /// Counted from 1.
        page: usize,
    },
    /// Notes, stamps or form fields lie on a page.
    #[error("page {page} carries notes, stamps or form fields")]
    Notes {
        /// Counted from 1.
        page: usize,
    },
    /// A page is put together from several pictures.
    #[error("page {page} shows {count} pictures")]
    SeveralPictures {
        /// Counted from 1.
        page: usize,
        /// How many are visible.
        count: usize,
    },
    /// A page shows nothing.
    #[error("page {page} has no picture")]
    NoPicture {
        /// Counted from 1.
        page: usize,
    },
    /// A picture is stored in a way that is not read.
    #[error("the picture of page {page} is stored with {}, which is not read", .what.1)]
    Unsupported {
        /// Counted from 1.
        page: usize,
        /// What it is, Vietnamese and English.
        what: (&'static str, &'static str),
    },
    /// A page unpacks to more than is allowed.
    #[error("page {page} unpacks to more than is allowed")]
    TooLarge {
        /// Counted from 1.
        page: usize,
    },
}

impl Localized for PdfReadError {
    fn message(&self, lang: Lang) -> String {
        let vietnamese = lang == Lang::Vi;
        match self {
            Self::Broken(_) if vietnamese => "tệp PDF bị hỏng hoặc bị cụt; hãy chép lại, hoặc quét lại bản giấy".into(),
            Self::Broken(_) => "the PDF file is damaged or cut off; copy it again, or scan the paper again".into(),
            Self::Encrypted if vietnamese => {
                "tệp PDF có mật khẩu; hãy mở bằng mật khẩu rồi lưu một bản không mật khẩu, hoặc quét bản giấy".into()
            }
            Self::Encrypted => {
                "the PDF file is protected by a password; save a copy without one, or scan the paper".into()
            }
            Self::Signed if vietnamese => {
                "tệp PDF đã ký số, hãy giữ nguyên tệp này: mọi chuyển đổi sẽ làm mất hiệu lực chữ ký; nộp thẳng tệp gốc"
                    .into()
            }
            Self::Signed => {
                "the PDF file is already signed, keep it as it is: any conversion would break the signature; file the \
                 original"
                    .into()
            }
            Self::TooManyPages { limit } if vietnamese => {
                format!("tệp PDF có hơn {limit} trang; hãy chia thành nhiều tệp")
            }
            Self::TooManyPages { limit } => {
                format!("the PDF file has more than {limit} pages; split it into several files")
            }
            Self::Text { page } if vietnamese => {
                format!("trang {page} có chữ điện tử, không phải ảnh quét; hãy nộp thẳng tệp này, hoặc in ra rồi quét")
            }
            Self::Text { page } => {
                format!(
                    "page {page} holds electronic text, not a scan; file this document as it is, or print and scan it"
                )
            }
            Self::Drawing { page } if vietnamese => {
                format!("trang {page} có hình vẽ ngoài ảnh quét; hãy nộp thẳng tệp này, hoặc in ra rồi quét")
            }
            Self::Drawing { page } => {
                format!(
                    "page {page} holds a drawing beside the scan; file this document as it is, or print and scan it"
                )
            }
            Self::Notes { page } if vietnamese => format!(
                "trang {page} có ghi chú, dấu hoặc ô biểu mẫu đặt trên ảnh; hãy in tệp ra PDF mới rồi thử lại, hoặc quét \
                 bản giấy"
            ),
            Self::Notes { page } => format!(
                "page {page} carries notes, stamps or form fields on top of the scan; remove them, or print and scan it"
            ),
            Self::SeveralPictures { page, count } if vietnamese => {
                format!("trang {page} ghép từ {count} ảnh; hãy xuất từng trang thành JPEG, hoặc quét lại")
            }
            Self::SeveralPictures { page, count } => {
                format!("page {page} is put together from {count} pictures; export each page as JPEG, or scan again")
            }
            Self::NoPicture { page } if vietnamese => {
                format!("trang {page} không có ảnh nào; hãy bỏ trang này khỏi tệp, hoặc quét lại")
            }
            Self::NoPicture { page } => {
                format!("page {page} has no picture; take the page out of the file, or scan it again")
            }
            Self::Unsupported { page, what } if vietnamese => format!(
                "ảnh ở trang {page} lưu theo kiểu {}, chưa đọc được; hãy xuất từng trang thành JPEG, hoặc quét lại",
                what.0
            ),
            Self::Unsupported { page, what } => format!(
                "the picture of page {page} is stored with {}, which is not read; export each page as JPEG, or scan \
                 again",
                what.1
            ),
            Self::TooLarge { page } if vietnamese => {
                format!("trang {page} quá lớn khi giải nén; hãy quét lại ở 300 dpi")
            }
            Self::TooLarge { page } => format!("page {page} unpacks to too much data; scan it again at 300 dpi"),
        }
    }
}
