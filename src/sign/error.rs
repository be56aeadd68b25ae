//! Why something could not be signed, or a key could not be used.

use super::certificate::CertificateFault;
use crate::model::{Lang, Localized};
use time::OffsetDateTime;
use time::macros::offset;

/// Why a key could not be loaded or a signature could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The password does not open the key file. It was tried once and is not tried again.
    #[error("wrong password for the key file; it was tried once")]
    WrongPassword,
    /// The key file states no integrity check and cannot be deciphered: a wrong password or an unknown cipher.
    #[error("the key file cannot be deciphered: wrong password or unsupported encryption")]
    Undecipherable,
    /// The bytes are no PKCS#12 file.
    #[error("not a PKCS#12 key file, or a damaged one")]
    NotPkcs12,
    /// The key file is protected by an algorithm that is not supported.
    #[error("the key file is encrypted in an unsupported way; export it again with AES-256 and SHA-256")]
    UnsupportedEncryption,
    /// The key file holds certificates but no private key with a certificate.
    #[error("no private key with its certificate in the key file")]
    NoPrivateKey,
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The key is of a type or size that is not supported; `found` names it.
    #[error("unsupported key: {found}; RSA 2048 to 4096, ECDSA P-256 or P-384 is needed")]
    UnsupportedKey {
        /// What the key is, in a few words or as an object identifier.
        found: String,
    },
    /// The certificate is not valid yet.
    #[error("the certificate is valid only from {from}")]
    NotYetValid {
        /// Start of validity.
        from: OffsetDateTime,
    },
    /// The certificate has expired.
    #[error("the certificate expired at {until}")]
    Expired {
        /// End of validity.
        until: OffsetDateTime,
    },
    /// The certificate's key usage allows neither digital signature nor non-repudiation.
    #[error("the certificate's key usage does not allow signing")]
    KeyUsage,
    /// A certificate does not parse, or a value does not fit its field.
    #[error("a certificate cannot be read: {0}")]
    Certificate(der::Error),
    /// No certificate was found where some were expected.
    #[error("no certificate in the file; PEM or DER is needed")]
    NoCertificate,
    /// The key or its device made no signature.
    #[error("the key made no signature")]
    KeyRefused,
    /// The signature made does not fit the certificate; it was thrown away.
    #[error("the signature made does not fit the certificate")]
    SignatureRejected,
    /// A certificate that the signer's descends from must not vouch for it at the time of signing.
    #[error("the certificate of the signer's issuer is not fit: {0:?}")]
    Issuer(CertificateFault),
    /// A PKCS#11 token.
    #[error(transparent)]
    Token(#[from] TokenFault),
}

/// Why a PKCS#11 token makes no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFault {
    /// The module is no PKCS#11 library, or cannot be loaded.
    #[error("the PKCS#11 module cannot be loaded")]
    Module,
    /// No token is plugged in, or none with the number or label asked for.
    #[error("no such token")]
    NoToken,
    /// Several tokens, and none was named.
    #[error("several tokens")]
    SeveralTokens,
    /// The PIN was wrong. It was presented once.
    #[error("wrong PIN")]
    WrongPin {
        /// One more wrong PIN locks the token.
        final_try: bool,
    },
    /// The PIN is locked.
    #[error("the PIN is locked")]
    Locked,
    /// One try is left before the token locks itself, and nobody is there to type the PIN.
    #[error("one try is left for the PIN")]
    FinalTry,
    /// The PIN must be changed first.
    #[error("the PIN has expired")]
    PinExpired,
    /// No PIN was ever set.
    #[error("no PIN was set")]
    PinNotSet,
    /// No private key with its certificate, or none of the label asked for.
    #[error("no key with a certificate")]
    NoKey,
    /// Several keys could sign, and none was named.
    #[error("several keys")]
    SeveralKeys,
    /// The token cannot make this kind of signature.
    #[error("the token cannot make this kind of signature")]
    Mechanism,
    /// The key wants the PIN with each signature, in a way that this token does not support.
    #[error("the key wants its PIN with each signature")]
    AlwaysAuthenticate,
    /// The person declined at the token's keypad.
    #[error("declined at the token")]
    Cancelled,
    /// The token was pulled out or has closed the session.
    #[error("the token is gone")]
    Removed,
    /// The token has no memory or no session left.
    #[error("the token is full")]
    Full,
    /// Any other failure: the name of the return code.
    #[error("the token failed: {0}")]
    Failed(&'static str),
}

impl Localized for TokenFault {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::Module => (
                "không nạp được mô-đun PKCS#11; hãy cài phần mềm của thiết bị ký và kiểm tra đường dẫn tệp .so".into(),
                "the PKCS#11 module cannot be loaded; install the token's software and check the path of its .so file"
                    .into(),
            ),
            Self::NoToken => (
                "không thấy thiết bị ký (token); hãy cắm thiết bị vào, hoặc kiểm tra --slot, --token-label".into(),
                "no such token; plug it in, or check --slot and --token-label".into(),
            ),
            Self::SeveralTokens => (
                "có nhiều thiết bị ký; hãy chỉ rõ bằng --token-label hoặc --slot".into(),
                "there are several tokens; name one with --token-label or --slot".into(),
            ),
            Self::WrongPin { final_try: false } => (
                "mã PIN không đúng; chỉ thử một lần và không thử lại: hãy kiểm tra mã PIN trước khi nhập, sai nhiều \
                 lần thiết bị sẽ bị khóa"
                    .into(),
                "wrong PIN; it was tried once and is not tried again: check the PIN first, several wrong ones lock the \
                 token"
                    .into(),
            ),
            Self::WrongPin { final_try: true } => (
                "mã PIN không đúng và thiết bị CHỈ CÒN MỘT LẦN THỬ: đừng đoán mã PIN, hãy liên hệ nơi cấp thiết bị nếu \
                 không nhớ"
                    .into(),
                "wrong PIN, and ONE TRY IS LEFT before the token is locked: do not guess, ask its issuer if the PIN is \
                 forgotten"
                    .into(),
            ),
            Self::Locked => (
                "thiết bị ký đã bị khóa vì nhập sai mã PIN nhiều lần; hãy liên hệ nơi cấp thiết bị để mở khóa".into(),
                "the token is locked after several wrong PINs; ask its issuer to unlock it".into(),
            ),
            Self::FinalTry => (
                "thiết bị ký chỉ còn một lần thử mã PIN, nên mã PIN trong tệp hay biến môi trường không được dùng; hãy \
                 chạy lệnh từ cửa sổ dòng lệnh và tự nhập mã PIN"
                    .into(),
                "one try is left for the token's PIN, so a PIN from a file or the environment is not used; run the \
                 command in a terminal and type the PIN"
                    .into(),
            ),
            Self::PinExpired => (
                "mã PIN đã hết hạn; hãy đổi mã PIN bằng phần mềm của thiết bị".into(),
                "the PIN has expired; change it with the token's software".into(),
            ),
            Self::PinNotSet => (
                "thiết bị ký chưa được đặt mã PIN; hãy đặt bằng phần mềm của thiết bị".into(),
                "the token has no PIN yet; set one with its software".into(),
            ),
            Self::NoKey => (
                "thiết bị ký không có khóa kèm chứng thư, hoặc không có khóa mang nhãn đã chỉ; hãy kiểm tra --key-label"
                    .into(),
                "the token holds no key with a certificate, or none of that label; check --key-label".into(),
            ),
            Self::SeveralKeys => (
                "thiết bị ký có nhiều khóa dùng được; hãy chỉ rõ bằng --key-label".into(),
                "several keys of the token could sign; name one with --key-label".into(),
            ),
            Self::Mechanism => (
                "thiết bị ký không hỗ trợ kiểu ký cần thiết (RSA SHA-256, ECDSA); hãy dùng khóa hoặc thiết bị khác"
                    .into(),
                "the token does not support the signature needed (RSA with SHA-256, ECDSA); use another key or token"
                    .into(),
            ),
            Self::AlwaysAuthenticate => (
                "khóa này đòi mã PIN cho từng chữ ký theo cách chưa được hỗ trợ; hãy dùng khóa khác".into(),
                "this key wants its PIN with each signature in a way that is not supported; use another key".into(),
            ),
            Self::Cancelled => (
                "người ký đã từ chối trên thiết bị".into(),
                "the signer declined at the token".into(),
            ),
            Self::Removed => (
                "thiết bị ký đã bị rút ra hoặc mất kết nối; hãy cắm lại rồi ký tiếp".into(),
                "the token was pulled out or lost its connection; plug it in again, then go on signing".into(),
            ),
            Self::Full => (
                "thiết bị ký báo hết bộ nhớ hoặc hết phiên; hãy đóng chương trình khác đang dùng thiết bị, rút ra cắm lại"
                    .into(),
                "the token is out of memory or sessions; close other programs that use it, plug it in again".into(),
            ),
            Self::Failed(code) => (
                format!("thiết bị ký báo lỗi ({code}); hãy rút ra cắm lại, nếu vẫn lỗi hãy liên hệ nơi cấp thiết bị"),
                format!("the token failed ({code}); plug it in again, and ask its issuer if that does not help"),
            ),
        };
        match lang {
            Lang::Vi => vietnamese,
            Lang::En => english,
        }
    }
}

impl From<der::Error> for SignError {
    fn from(error: der::Error) -> Self {
        Self::Certificate(error)
    }
}

impl Localized for SignError {
    fn message(&self, lang: Lang) -> String {
        let (vietnamese, english) = match self {
            Self::WrongPassword => (
                "mật khẩu của tệp khóa không đúng; chỉ thử một lần, hãy nhập lại mật khẩu".into(),
                "the password of the key file is wrong; it was tried once only, enter it again".into(),
            ),
            Self::Undecipherable => (
                "không giải mã được tệp khóa: sai mật khẩu hoặc kiểu mã hóa không được hỗ trợ; hãy nhập lại mật khẩu \
                 hoặc xuất lại tệp với AES-256"
                    .into(),
                "the key file cannot be deciphered: wrong password or unsupported encryption; enter the password \
                 again or export the file again with AES-256"
                    .into(),
            ),
            Self::NotPkcs12 => (
                "tệp không phải là tệp khóa PKCS#12 (.p12, .pfx) hoặc đã hỏng; hãy chọn tệp khác".into(),
                "the file is no PKCS#12 key file (.p12, .pfx) or is damaged; choose another".into(),
            ),
            Self::UnsupportedEncryption => (
                "kiểu mã hóa của tệp khóa không được hỗ trợ; hãy xuất lại tệp với AES-256 và SHA-256".into(),
                "the key file is encrypted in an unsupported way; export it again with AES-256 and SHA-256".into(),
            ),
            Self::NoPrivateKey => (
                "tệp khóa không có khóa bí mật kèm chứng thư; khi xuất hãy chọn xuất cả khóa bí mật".into(),
                "the key file has no private key with its certificate; export it with the private key".into(),
            ),
            Self::KeyMismatch => (
                "khóa bí mật không khớp với chứng thư; hãy xin tệp khóa khác từ nơi cấp".into(),
                "the private key does not belong to the certificate; ask the issuer for another key file".into(),
            ),
            Self::UnsupportedKey { found } => (
                format!("loại khóa {found} không được hỗ trợ; cần RSA 2048 đến 4096, ECDSA P-256 hoặc P-384"),
                format!("key type {found} is not supported; RSA 2048 to 4096, ECDSA P-256 or P-384 is needed"),
            ),
            Self::NotYetValid { from } => (
                format!("chứng thư chỉ có hiệu lực từ {}; hãy kiểm tra ngày giờ của máy", local_date(*from, Lang::Vi)),
                format!("the certificate is valid only from {}; check the clock", local_date(*from, Lang::En)),
            ),
            Self::Expired { until } => (
                format!("chứng thư đã hết hạn ngày {}; hãy gia hạn rồi ký lại", local_date(*until, Lang::Vi)),
                format!("the certificate expired on {}; renew it, then sign again", local_date(*until, Lang::En)),
            ),
            Self::KeyUsage => (
                "chứng thư không được cấp để ký số; hãy dùng chứng thư ký số".into(),
                "the certificate was not issued for signing; use a signing certificate".into(),
            ),
            Self::Certificate(_) => (
                "không đọc được chứng thư; hãy xin lại chứng thư từ nơi cấp".into(),
                "a certificate cannot be read; ask the issuer for it again".into(),
            ),
            Self::NoCertificate => (
                "tệp không có chứng thư nào; cần tệp PEM hoặc DER".into(),
                "the file holds no certificate; a PEM or DER file is needed".into(),
            ),
            Self::KeyRefused => (
                "khóa không ký được; hãy kiểm tra thiết bị hoặc tệp khóa rồi thử lại".into(),
                "the key made no signature; check the device or the key file, then try again".into(),
            ),
            Self::Issuer(fault) => (
                format!("chứng thư của nơi cấp {}; hãy lấy chuỗi chứng thư mới từ nơi cấp", fault.message(Lang::Vi)),
                format!(
                    "the issuer's certificate is not fit: {}; get the new chain from the issuer",
                    fault.message(Lang::En)
                ),
            ),
            Self::Token(fault) => (fault.message(Lang::Vi), fault.message(Lang::En)),
            Self::SignatureRejected => (
                "chữ ký vừa tạo không khớp với chứng thư nên đã bị hủy; hãy kiểm tra thiết bị hoặc tệp khóa".into(),
                "the signature made does not fit the certificate and was thrown away; check the device or the key file"
                    .into(),
            ),
        };
        match lang {
            Lang::Vi => vietnamese,
            Lang::En => english,
        }
    }
}

/// The day in Vietnam on which `time` falls: `05/02/2026` or `2026-02-05`.
pub(super) fn local_date(time: OffsetDateTime, lang: Lang) -> String {
    let date = time.to_offset(offset!(+7)).date();
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    match lang {
        Lang::Vi => format!("{day:02}/{month:02}/{year}"),
        Lang::En => format!("{year}-{month:02}-{day:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn expiry_is_told_as_the_day_in_vietnam() {
        let error = SignError::Expired { until: datetime!(2026-02-04 17:30 UTC) };
        assert!(error.message(Lang::Vi).contains("05/02/2026"), "{}", error.message(Lang::Vi));
        assert!(error.message(Lang::En).contains("2026-02-05"), "{}", error.message(Lang::En));
    }
}
