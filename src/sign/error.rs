//! Why something could not be signed, or a key could not be used.

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
