//! The fields that describe a dossier and its documents in a package, as implementations of TT 05/2025/TT-BNV have them
//! (Phụ lục III): names, lengths, codes, and which must be filled in.

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name, which is the element's, too.
    pub(super) name: &'static str,
    /// Its name in Vietnamese.
    pub(super) vietnamese: &'static str,
    /// What stands in it.
    pub(super) form: Form,
    /// Most characters.
    pub(super) length: usize,
    /// Whether it must be filled in.
    pub(super) need: Need,
}

/// What stands in a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Any text.
    Text,
    /// A day.
    Date,
    /// A number.
    Number,
    /// A code of two digits, from 01 to this one.
    Code(u8),
    /// Several such codes, with commas between them.
    Codes(u8),
    /// `0` or `1`.
    Switch,
}

/// Whether a field must be filled in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Need {
    /// Always.
    Always,
    /// Never.
    Optional,
    /// When this field has one of these values.
    With(&'static str, &'static [&'static str]),
}

impl Form {
    /// The forms of values, for messages.
    pub(super) fn allowed(self) -> String {
        match self {
            Self::Text => "text without control characters".to_owned(),
            Self::Date => "YYYY-MM-DD, DD/MM/YYYY".to_owned(),
            Self::Number => "0, 1, 2, …".to_owned(),
            Self::Code(last) => format!("01 … {last:02}"),
            Self::Codes(last) => format!("01 … {last:02}, or several: 01,02"),
            Self::Switch => "0, 1".to_owned(),
        }
    }
}

const fn field(name: &'static str, vietnamese: &'static str, form: Form, length: usize, need: Need) -> Field {
    Field { name, vietnamese, form, length, need }
}

/// Codes of the retention period (*thời hạn lưu trữ*): 01 for ever … 07 another.
const RETENTION: Form = Form::Code(7);
/// Codes of the use (*chế độ sử dụng*): 01 public, 02 with conditions, 03 secret.
const USE: Form = Form::Code(3);
/// Codes of languages: 01 Vietnamese … 11 another.
const LANGUAGES: Form = Form::Codes(11);
/// Codes of the origin (*mức độ tin cậy*): 01 born digital, 02 digitised, 03 both.
const ORIGIN: Form = Form::Code(3);
/// Codes of the kind of document (*tên loại tài liệu*).
const KIND: Form = Form::Code(32);

/// Field of the dossier's code.
pub(super) const FILE_CODE: &str = "fileCode";
/// Field of the dossier's title.
pub(super) const TITLE: &str = "title";
/// Field of the origin.
pub(super) const CONFIDENCE: &str = "confidenceLevel";

/// The fields of a dossier (*hồ sơ*), in their order.
pub(super) const DOSSIER: [Field; 18] = [
    field(FILE_CODE, "mã hồ sơ", Form::Text, 100, Need::Always),
    field(TITLE, "tiêu đề hồ sơ", Form::Text, 1000, Need::Always),
    field("maintenance", "thời hạn lưu trữ", RETENTION, 100, Need::Always),
    field("mode", "chế độ sử dụng", USE, 30, Need::Always),
    field("language", "ngôn ngữ", LANGUAGES, 100, Need::Always),
    field("startDate", "thời gian bắt đầu", Form::Date, 10, Need::Always),
    field("endDate", "thời gian kết thúc", Form::Date, 10, Need::Always),
    field("keyword", "từ khóa", Form::Text, 100, Need::Optional),
    field("totalDoc", "tổng số tài liệu", Form::Number, 10, Need::Always),
    field("numberOfPaper", "số lượng tờ", Form::Number, 10, Need::Always),
    field("numberOfPage", "số lượng trang", Form::Number, 10, Need::Always),
    field("format", "tình trạng vật lý", Form::Text, 50, Need::Optional),
    field("inforSign", "ký hiệu thông tin", Form::Text, 30, Need::Optional),
    field(CONFIDENCE, "mức độ tin cậy", ORIGIN, 40, Need::Optional),
    field("paperFileCode", "mã hồ sơ gốc giấy", Form::Text, 100, Need::With(CONFIDENCE, &["02"])),
    field("riskRecovery", "chế độ dự phòng", Form::Switch, 1, Need::Always),
    field("riskRecoveryStatus", "tình trạng dự phòng", Form::Code(2), 2, Need::With("riskRecovery", &["1"])),
    field("description", "ghi chú", Form::Text, 2000, Need::Optional),
];

/// The fields of a document (*tài liệu*), in their order.
pub(super) const DOCUMENT: [Field; 21] = [
    // Derived from the file's name, which may be longer than the 25 characters that are given for it.
    field("docId", "mã định danh tài liệu", Form::Text, 100, Need::Always),
    field("docCode", "mã lưu trữ của tài liệu", Form::Text, 110, Need::Always),
    field("maintenance", "thời hạn lưu trữ", RETENTION, 100, Need::Always),
    field("typeName", "tên loại tài liệu", KIND, 10, Need::Always),
    field("codeNumber", "số của tài liệu", Form::Text, 11, Need::Optional),
    field("codeNotation", "ký hiệu của tài liệu", Form::Text, 30, Need::Optional),
    field("issuedDate", "ngày, tháng, năm tài liệu", Form::Date, 10, Need::Always),
    field("organName", "cơ quan, tổ chức, cá nhân ban hành", Form::Text, 200, Need::Always),
    field("subject", "trích yếu nội dung", Form::Text, 500, Need::Always),
    field("language", "ngôn ngữ", LANGUAGES, 100, Need::Always),
    field("numberOfPage", "số lượng trang", Form::Number, 4, Need::Always),
    field("inforSign", "ký hiệu thông tin", Form::Text, 30, Need::Optional),
    field("keyword", "từ khóa", Form::Text, 100, Need::Optional),
    field("mode", "chế độ sử dụng", USE, 20, Need::Always),
    field(CONFIDENCE, "mức độ tin cậy", ORIGIN, 30, Need::Optional),
    field("autograph", "bút tích", Form::Text, 2000, Need::Optional),
    field("format", "tình trạng vật lý", Form::Text, 50, Need::Optional),
    field("process", "quy trình xử lý", Form::Switch, 1, Need::With(CONFIDENCE, &["01", "03"])),
    field("riskRecovery", "chế độ dự phòng", Form::Switch, 1, Need::Always),
    field("riskRecoveryStatus", "tình trạng dự phòng", Form::Code(2), 2, Need::With("riskRecovery", &["1"])),
    field("description", "ghi chú", Form::Text, 500, Need::Optional),
];

/// Fields that a document has from its dossier where nothing else is said.
pub(super) const INHERITED: [&str; 5] = ["maintenance", "language", "mode", "riskRecovery", "riskRecoveryStatus"];

/// The field of this name.
pub(super) fn named(fields: &'static [Field], name: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == name)
}
