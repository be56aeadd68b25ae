//! Why a package cannot be made.

use std::io;
use std::path::PathBuf;

use super::{MetadataError, Missing, describe};
use crate::ledger::LedgerError;
use crate::manifest::State;
use crate::model::{Lang, Localized, shown};
use crate::publish::PublishError;

/// Why a directory does not become a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// It is no output directory.
    #[error("there is no manifest.json; name an output directory of sohoa digitize")]
    NoManifest,
    /// Its manifest or log is broken, or it cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A file is not what the manifest says.
    #[error("{}: was changed or is gone; run `sohoa verify` and get the original back", shown(.0))]
    Altered(PathBuf),
    /// Components are not signed or not complete.
    #[error("not ready: {}; sign or scan them again, or leave them out with --leave-out", listed(.0, Lang::En))]
    NotReady(Vec<(String, State)>),
    /// No component is ready.
    #[error("nothing of this dossier can be packaged yet")]
    Nothing,
    /// What people say of the dossiers cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Fields that must be filled in are empty.
    #[error("the description lacks {}; give it with --metadata, or package without by --allow-missing", describe::listed(.0, Lang::En))]
    Missing(Vec<Missing>),
    /// A field in the pattern of file names has no value.
    #[error("the name of the file of {component} needs `{field}`; give it with --metadata or in [package]")]
    NoName {
        /// The component.
        component: String,
        /// The field.
        field: String,
    },
    /// Two files would have the same name.
    #[error("several documents would be called {0:?}; use another --file-name, such as one with {{number}}")]
    SameName(String),
    /// Packages are not put into the directory that they are made of.
    #[error("--out is the directory itself; choose another folder")]
    OwnFolder,
    /// Something else has the package's name.
    #[error("{}: is there already and is not the package that would be made now; move it away", shown(.0))]
    InTheWay(PathBuf),
    /// A file of the package cannot be read or written.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl PackageError {
    pub(super) fn io(path: PathBuf, source: io::Error) -> Self {
        Self::Publish(PublishError::Io { path, source })
    }
}

impl Localized for PackageError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Ledger(error), lang) => error.message(lang),
            (Self::Publish(error), lang) => error.message(lang),
            (Self::Metadata(error), lang) => error.message(lang),
            (Self::NoManifest, Lang::Vi) => {
                "không có manifest.json; hãy chỉ thư mục kết quả của sohoa digitize".to_owned()
            }
            (Self::Altered(path), Lang::Vi) => {
                format!("{}: tệp đã bị sửa hoặc mất; hãy chạy `sohoa verify` và lấy lại bản đúng", shown(path))
            }
            (Self::NotReady(components), Lang::Vi) => format!(
                "chưa sẵn sàng: {}; hãy ký hoặc quét lại, hoặc bỏ ra ngoài gói bằng --leave-out",
                listed(components, Lang::Vi)
            ),
            (Self::Nothing, Lang::Vi) => "hồ sơ này chưa có thành phần nào đóng gói được".to_owned(),
            (Self::Missing(fields), Lang::Vi) => format!(
                "dữ liệu đặc tả thiếu {}; hãy bổ sung bằng --metadata, hoặc đóng gói khi còn thiếu bằng --allow-missing",
                describe::listed(fields, Lang::Vi)
            ),
            (Self::NoName { component, field }, Lang::Vi) => format!(
                "tên tệp của {component} cần trường `{field}`; hãy cho biết bằng --metadata hoặc trong [package]"
            ),
            (Self::SameName(name), Lang::Vi) => {
                format!("nhiều tài liệu sẽ cùng tên {name:?}; hãy dùng --file-name khác, ví dụ có {{number}}")
            }
            (Self::OwnFolder, Lang::Vi) => "--out chính là thư mục kết quả; hãy chọn thư mục khác".to_owned(),
            (Self::InTheWay(path), Lang::Vi) => {
                format!("{}: đã có và không phải gói sẽ được tạo bây giờ; hãy chuyển nó đi", shown(path))
            }
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Components with their states in words.
fn listed(components: &[(String, State)], lang: Lang) -> String {
    let one = |(name, state): &(String, State)| format!("{name} ({})", state.name(lang));
    components.iter().map(one).collect::<Vec<_>>().join(", ")
}
