//! Why a capture cannot be read, and what a clerk can do about it.

use crate::model::{Lang, Localized};

use super::{Format, MIN_SIDE};

/// Why a file gives no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The content is none of the formats that are read.
    #[error("not a picture that can be read: {}", .0.name(Lang::En))]
    NotAPicture(Seen),
    /// The format is read, but not this kind of it.
    #[error("{} with {} is not read", .format.name(), .what.1)]
    Unsupported {
        /// The file's format.
        format: Format,
        /// The name of the feature, Vietnamese and English.
        what: (&'static str, &'static str),
    },
    /// A side is shorter than [`MIN_SIDE`].
    #[error("picture of {width} x {height} pixels is too small")]
    TooSmall {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// More pixels, or a longer side, or more memory than the limits allow.
    #[error("picture of {width} x {height} pixels is too large")]
    TooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The file is larger than the limits allow.
    #[error("file of {bytes} bytes is larger than the limit of {limit}")]
    TooManyBytes {
        /// Size of the file.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// More pictures in one file than the limits allow.
    #[error("more than {limit} pages in one file")]
    TooManyFrames {
        /// What is allowed.
        limit: usize,
    },
    /// The file ends before its picture does.
    #[error("{} file is cut off: a part of the picture is missing", .0.name())]
    Incomplete(Format),
    /// The content contradicts itself.
    #[error("{} file is damaged: {detail}", .format.name())]
    Damaged {
        /// The file's format.
        format: Format,
        /// What was found, for logs.
        detail: String,
    },
    /// A page number beyond the last page.
    #[error("no picture {frame} in a file of {count}")]
    NoSuchFrame {
        /// Asked for, counted from 0.
        frame: usize,
        /// How many there are.
        count: usize,
    },
}

impl DecodeError {
    pub(super) fn damaged(format: Format, detail: impl ToString) -> Self {
        Self::Damaged { format, detail: detail.to_string() }
    }
}

impl Localized for DecodeError {
    fn message(&self, lang: Lang) -> String {
        let vietnamese = lang == Lang::Vi;
        match self {
            Self::Empty if vietnamese => "tệp rỗng; hãy quét hoặc chép lại".into(),
            Self::Empty => "the file is empty; scan or copy it again".into(),
            Self::NotAPicture(seen) if vietnamese => {
                format!("không phải ảnh đọc được mà là {}; {}", seen.name(lang), seen.cure(lang))
            }
            Self::NotAPicture(seen) => {
                format!("not a picture that can be read but {}; {}", seen.name(lang), seen.cure(lang))
            }
            Self::Unsupported { format, what } if vietnamese => {
                format!("chưa đọc được ảnh {} kiểu {}; hãy lưu lại thành JPEG hoặc PNG", format.name(), what.0)
            }
            Self::Unsupported { format, what } => {
                format!("{} pictures with {} are not read; save it as JPEG or PNG", format.name(), what.1)
            }
            Self::TooSmall { width, height } if vietnamese => format!(
                "ảnh quá nhỏ ({width} × {height} điểm ảnh, cạnh ngắn dưới {MIN_SIDE}); hãy quét lại với độ phân giải \
                 ít nhất 200 dpi"
            ),
            Self::TooSmall { width, height } => format!(
                "the picture is too small ({width} × {height} pixels, shorter side under {MIN_SIDE}); scan it again \
                 at 200 dpi or more"
            ),
            Self::TooLarge { width, height } if vietnamese => {
                format!("ảnh quá lớn ({width} × {height} điểm ảnh); hãy quét lại ở 300 dpi, mỗi trang một ảnh")
            }
            Self::TooLarge { width, height } => {
                format!("the picture is too large ({width} × {height} pixels); scan it again at 300 dpi, one page each")
            }
            Self::TooManyBytes { bytes, limit } => {
                let (size, most) = (bytes.div_ceil(1 << 20), limit >> 20);
                if vietnamese {
                    format!("tệp quá lớn ({size} MiB, tối đa {most} MiB); hãy chia thành nhiều tệp")
                } else {
                    format!("the file is too large ({size} MiB, at most {most} MiB); split it into several files")
                }
            }
            Self::TooManyFrames { limit } if vietnamese => {
                format!("tệp có hơn {limit} trang; hãy chia thành nhiều tệp")
            }
            Self::TooManyFrames { limit } => {
                format!("the file has more than {limit} pages; split it into several files")
            }
            Self::Incomplete(format) if vietnamese => {
                format!("tệp {} bị cụt, thiếu một phần ảnh; hãy chép lại hoặc quét lại", format.name())
            }
            Self::Incomplete(format) => {
                format!(
                    "the {} file is cut off, a part of the picture is missing; copy or scan it again",
                    format.name()
                )
            }
            Self::Damaged { format, .. } if vietnamese => {
                format!("tệp {} bị hỏng; hãy chép lại hoặc quét lại", format.name())
            }
            Self::Damaged { format, .. } => {
                format!("the {} file is damaged; copy or scan it again", format.name())
            }
            Self::NoSuchFrame { frame, count } if vietnamese => {
                format!("tệp chỉ có {count} trang, không có trang {}", frame + 1)
            }
            Self::NoSuchFrame { frame, count } => format!("the file has only {count} pages, no page {}", frame + 1),
        }
    }
}

/// What a file that is no readable picture looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// AVIF picture.
    Avif,
    /// HEIF container with pictures that are not HEVC.
    OtherHeif,
    /// GIF picture.
    Gif,
    /// JPEG 2000 picture.
    Jpeg2000,
    /// JPEG XL picture.
    JpegXl,
    /// A camera's raw file.
    CameraRaw,
    /// Vector drawing.
    Svg,
    /// Photoshop file.
    Photoshop,
    /// PDF file, where only pictures are accepted.
    Pdf,
    /// PostScript file.
    PostScript,
    /// MOV or MP4 video, as phones record it.
    Video,
    /// Sound recording.
    Sound,
    /// Word document.
    Word,
    /// Spreadsheet.
    Spreadsheet,
    /// Presentation.
    Presentation,
    /// An old Office file or mail message (OLE).
    OldOffice,
    /// Archive: ZIP, RAR, 7z, gzip.
    Archive,
    /// Web page or XML.
    Markup,
    /// Plain text.
    Text,
    /// A program.
    Program,
    /// Nothing but zero bytes, as an interrupted copy leaves.
    Zeros,
    /// None of these.
    Unknown,
}

impl Seen {
    /// What people call it, with an article where the language has one.
    pub fn name(self, lang: Lang) -> &'static str {
        let (vietnamese, english) = match self {
            Self::Avif => ("ảnh AVIF", "an AVIF picture"),
            Self::OtherHeif => ("ảnh HEIF kiểu lạ", "a HEIF picture of another kind"),
            Self::Gif => ("ảnh GIF", "a GIF picture"),
            Self::Jpeg2000 => ("ảnh JPEG 2000", "a JPEG 2000 picture"),
            Self::JpegXl => ("ảnh JPEG XL", "a JPEG XL picture"),
            Self::CameraRaw => ("ảnh thô (RAW) của máy ảnh", "a camera's raw picture"),
            Self::Svg => ("hình vẽ SVG", "an SVG drawing"),
            Self::Photoshop => ("tệp Photoshop", "a Photoshop file"),
            Self::Pdf => ("tệp PDF", "a PDF file"),
            Self::PostScript => ("tệp PostScript", "a PostScript file"),
            Self::Video => ("video (MOV/MP4)", "a video (MOV/MP4)"),
            Self::Sound => ("tệp âm thanh", "a sound recording"),
            Self::Word => ("văn bản Word", "a Word document"),
            Self::Spreadsheet => ("bảng tính Excel", "a spreadsheet"),
            Self::Presentation => ("tệp trình chiếu", "a presentation"),
            Self::OldOffice => ("tệp Office đời cũ (doc, xls)", "an old Office file (doc, xls)"),
            Self::Archive => ("tệp nén (ZIP, RAR)", "an archive (ZIP, RAR)"),
            Self::Markup => ("trang web (HTML/XML)", "a web page (HTML/XML)"),
            Self::Text => ("tệp văn bản thuần", "a plain text file"),
            Self::Program => ("tệp chương trình", "a program"),
            Self::Zeros => ("tệp toàn byte 0 (chép dở)", "only zero bytes (an interrupted copy)"),
            Self::Unknown => ("tệp không rõ loại", "a file of unknown kind"),
        };
        lang.pick(vietnamese, english)
    }

    /// What to do about it.
    pub fn cure(self, lang: Lang) -> &'static str {
        let (vietnamese, english) = match self {
            Self::Avif | Self::OtherHeif | Self::Gif | Self::Jpeg2000 | Self::JpegXl | Self::CameraRaw => {
                ("hãy lưu lại thành JPEG hoặc PNG", "save it as JPEG or PNG")
            }
            Self::Svg | Self::Photoshop | Self::PostScript => {
                ("hãy xuất ra JPEG hoặc PNG 300 dpi", "export it as JPEG or PNG at 300 dpi")
            }
            Self::Pdf => ("hãy đưa vào như một tệp PDF", "hand it in as a PDF file"),
            Self::Video | Self::Sound => ("hãy chụp ảnh tờ giấy", "take a photo of the paper"),
            Self::Word | Self::Spreadsheet | Self::Presentation | Self::OldOffice | Self::Markup | Self::Text => {
                ("hãy quét bản giấy, hoặc nộp thẳng tệp điện tử này", "scan the paper, or file this document as it is")
            }
            Self::Archive => ("hãy giải nén rồi đưa từng ảnh vào", "unpack it and hand in the pictures"),
            Self::Program | Self::Unknown => ("hãy kiểm tra lại tệp hoặc quét lại", "check the file or scan again"),
            Self::Zeros => ("hãy chép lại từ máy quét", "copy it from the scanner again"),
        };
        lang.pick(vietnamese, english)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_differ_between_the_languages_and_name_a_cure() {
        let errors = [
            DecodeError::Empty,
            DecodeError::NotAPicture(Seen::Video),
            DecodeError::Unsupported { format: Format::Tiff, what: ("nén lạ", "strange compression") },
            DecodeError::TooSmall { width: 1, height: 1 },
            DecodeError::TooLarge { width: 30_000, height: 30_000 },
            DecodeError::TooManyBytes { bytes: 1 << 31, limit: 1 << 30 },
            DecodeError::TooManyFrames { limit: 5 },
            DecodeError::Incomplete(Format::Jpeg),
            DecodeError::damaged(Format::Png, "x"),
        ];
        for error in errors {
            let (vietnamese, english) = (error.message(Lang::Vi), error.message(Lang::En));
            assert_ne!(vietnamese, english);
            assert!(vietnamese.contains("; hãy "), "{vietnamese}");
            assert!(english.contains("; ") && !english.ends_with('.'), "{english}");
        }
    }
}
