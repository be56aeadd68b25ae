//! A component (*thành phần hồ sơ*): pages become an unsigned PDF, an unsigned PDF becomes a signed one.
//!
//! The two are distinct types, so that an unsigned file cannot be published as a signed one by mistake. The text is in
//! the file before the signature (TT 01/2023 Điều 7, 8.1), and a signature is an incremental update of the very bytes
//! whose hash was frozen at assembly.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::model::{Lang, Localized};
use crate::page::Page;
use crate::pdf::signature::{self, SignatureError, SignatureField};
use crate::pdf::writer::{self, DocumentInfo, PdfError, PdfPage, PdfaLevel};
use crate::sign::cms::Form;
use crate::sign::{self, SignError, Signer};

/// Name of the signature field of the person who copied the paper (TT 01/2023/TT-VPCP Điều 8.1).
const FIELD_NAME: &str = "NguoiSoHoa";

/// Said in every signature of a development identity.
pub const NO_LEGAL_VALUE: &str =
    "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ - chữ ký thử nghiệm / NO LEGAL VALUE - development signature";

/// Why a component could not be assembled or signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The PDF cannot be written.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// The signature cannot be placed.
    #[error(transparent)]
    Place(#[from] SignatureError),
    /// The key refused.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Localized for ComponentError {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Sign(error) => error.message(lang),
            other => match lang {
                Lang::Vi => format!("không tạo được tệp PDF ({other})"),
                Lang::En => format!("cannot make the PDF ({other})"),
            },
        }
    }
}

/// A PDF/A file with pictures and text, not signed.
#[derive(Clone, Debug)]
pub struct UnsignedPdf(Vec<u8>);

/// A PDF/A file that carries a signature over all that was in it.
#[derive(Clone, Debug)]
pub struct SignedPdf(Vec<u8>);

impl UnsignedPdf {
    /// Lays pages into a file, in order.
    ///
    /// # Errors
    /// When the pages do not fit into a PDF (none at all, a page larger than 14,400 points).
    pub fn assemble(pages: &[Page], info: &DocumentInfo, level: PdfaLevel) -> Result<Self, ComponentError> {
        let pages: Vec<PdfPage<'_>> = pages
            .iter()
            .map(|page| PdfPage {
                jpeg: &page.jpeg,
                width: page.width,
                height: page.height,
                gray: false,
                size: page.geometry.size,
                text: &page.text,
            })
            .collect();
        Ok(Self(writer::write(&pages, info, level)?))
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the file: what is frozen at assembly.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// Signs with PAdES B-B (`ETSI.CAdES.detached`), `time` being the signer's claim. The room left in the signature takes a
    /// timestamp later, without a further revision of the file.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, signer: &dyn Signer, time: OffsetDateTime) -> Result<SignedPdf, ComponentError> {
        let field = SignatureField {
            signer_name: sign::signer_name(signer),
            reason: sign::is_development(signer).then(|| NO_LEGAL_VALUE.to_owned()),
            name: FIELD_NAME.to_owned(),
            location: None,
            contact: None,
            time,
        };
        let reserve = sign::cms::size_bound(signer)? + sign::timestamp::USUAL_SIZE;
        let prepared = signature::prepare(self.0.as_slice(), &field, reserve)?;
        let signature = sign::cms::detached(&prepared.digest_input(), signer, time, Form::Pdf)?;
        Ok(SignedPdf(prepared.fill(&signature)?))
    }
}

impl SignedPdf {
    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
