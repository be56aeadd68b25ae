//! Why a batch cannot go on, and the cure.

use std::io;
use std::path::PathBuf;

use crate::model::{Lang, Localized, io_reason, shown};

use super::index::IndexError;
use super::journal::JournalError;

/// Why a batch cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A file or folder cannot be used.
    #[error("{}: {source}", shown(path))]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The journal cannot be used.
    #[error("{}: {source}", shown(path))]
    Journal {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: JournalError,
    },
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// There is no batch.
    #[error("{}: no batch was begun here; begin one with: sohoa batch run SOURCE --out DIR", shown(.0))]
    NoBatch(PathBuf),
    /// The output belongs to a batch of another source.
    #[error(
        "{}: a batch of another source was begun here ({}); choose another --out",
        shown(output),
        shown(source_of_it)
    )]
    OtherSource {
        /// The output.
        output: PathBuf,
        /// The source that it was begun with.
        source_of_it: PathBuf,
    },
    /// Another program works on it.
    #[error("{}: another sohoa works on this batch", shown(.0))]
    InUse(PathBuf),
    /// One is inside the other.
    #[error("{}: the output is inside the source or the source in the output", shown(.0))]
    Nested(PathBuf),
    /// There is no dossier in the source.
    #[error("{}: there is no dossier in the source; name a folder of folders with pictures", shown(.0))]
    Nothing(PathBuf),
    /// The output refuses, for example because the disk is full. Finished components stay.
    #[error("{1}")]
    Output(String, String),
}

impl Localized for BatchError {
    fn message(&self, lang: Lang) -> String {
        if let Self::Io { path, source } = self {
            return format!("{}: {}", shown(path), io_reason(source.kind(), lang));
        }
        if lang == Lang::En {
            return self.to_string();
        }
        match self {
            Self::Index(error) => error.message(lang),
            Self::Output(vi, _) => vi.clone(),
            Self::Journal { path, source: JournalError::NotOurs } => format!(
                "{}: không phải sổ theo dõi của một đợt số hóa, hoặc của phiên bản mới hơn; hãy chọn --out khác",
                shown(path)
            ),
            Self::Journal { path, source } => format!("{}: không ghi được sổ theo dõi ({source})", shown(path)),
            Self::NoBatch(path) => format!(
                "{}: chưa có đợt số hóa nào ở đây; hãy bắt đầu bằng: sohoa batch run NGUỒN --out THƯ_MỤC",
                shown(path)
            ),
            Self::OtherSource { output, source_of_it } => format!(
                "{}: ở đây đã có đợt số hóa của nguồn khác ({}); hãy chọn --out khác",
                shown(output),
                shown(source_of_it)
            ),
            Self::InUse(path) => {
                format!("{}: một chương trình sohoa khác đang làm đợt số hóa này; hãy đợi nó xong", shown(path))
            }
            Self::Nested(path) => {
                format!("{}: thư mục kết quả và nguồn nằm trong nhau; hãy chọn nơi khác", shown(path))
            }
            Self::Nothing(path) => {
                format!("{}: nguồn không có hồ sơ nào; hãy chọn thư mục có các thư mục ảnh", shown(path))
            }
            Self::Io { .. } => self.to_string(),
        }
    }
}
