use serde::{Deserialize, Serialize};

/// For whom a signature stands. Each has a field of its own, so that a file can carry both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The person who copied the paper (*người sao chụp*, TT 01/2023/TT-VPCP Điều 8.1).
    #[default]
    Clerk,
    /// The agency that vouches for the copy (*cơ quan*, NĐ 30/2020/NĐ-CP), after the clerk or alone.
    Agency,
}

impl Role {
    /// Name of the signature field.
    pub fn field_name(self) -> &'static str {
        match self {
            Self::Clerk => "NguoiSoHoa",
            Self::Agency => "CoQuan",
        }
    }
}
