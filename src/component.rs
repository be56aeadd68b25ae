//! A component (*thành phần hồ sơ*): pages become an unsigned PDF, an unsigned PDF becomes a signed one.
//!
//! The two are distinct types, so that an unsigned file cannot be published as a signed one by mistake. The text is in
//! the file before the signature (TT 01/2023 Điều 7, 8.1), and a signature is an incremental update of the very bytes
//! whose hash was frozen at assembly.

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::model::{Lang, Localized, Role};
use crate::page::Page;
use crate::pdf::signature::{self, SignatureError, SignatureField};
use crate::pdf::writer::{self, DocumentInfo, PdfError, PdfPage, PdfaLevel};
use crate::sign::cms::Form;
use crate::sign::{self, SignError, Signer};
use crate::stamp::Stamp;

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
            Self::Place(error) => error.message(lang),
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

/// A file that carries a signature over all that was in it.
#[derive(Clone, Debug)]
pub struct SignedPdf {
    bytes: Vec<u8>,
    is_visible: bool,
}

impl UnsignedPdf {
    /// Lays pages into a file, in order.
    ///
    /// # Errors
    /// When the pages do not fit into a PDF (none at all, a page larger than 14,400 points).
    pub fn assemble(pages: &[Page], info: &DocumentInfo, level: PdfaLevel) -> Result<Self, ComponentError> {
        let pages: Vec<PdfPage<'_>> = pages
            .iter()
            .map(|page| PdfPage {
                picture: &page.image.picture,
                width: page.width,
                height: page.height,
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

    /// The file itself.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// SHA-256 of the file: what is frozen at assembly.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    /// Takes up a file again that was assembled before, when its hash is still the one frozen then (lower-case hex).
    pub fn frozen(bytes: Vec<u8>, sha256: &str) -> Option<Self> {
        let file = Self(bytes);
        let digest = file.digest().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        (digest == sha256).then_some(file)
    }

    /// Signs, see [`sign_pdf`].
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(
        &self,
        role: Role,
        stamp: Option<&Stamp>,
        signer: &dyn Signer,
        time: OffsetDateTime,
    ) -> Result<SignedPdf, ComponentError> {
        sign_pdf(&self.0, role, stamp, signer, time)
    }
}

/// Signs any PDF with PAdES B-B (`ETSI.CAdES.detached`) in an incremental update, `time` being the signer's claim:
/// signatures that are there stay valid. `stamp` says what is seen of signatures of its role.
///
/// # Errors
/// When the file cannot be signed (damaged, encrypted, signed in this role already, closed by a certification), or the
/// key cannot.
pub fn sign_pdf(
    pdf: &[u8],
    role: Role,
    stamp: Option<&Stamp>,
    signer: &dyn Signer,
    time: OffsetDateTime,
) -> Result<SignedPdf, ComponentError> {
    let appearance = stamp.filter(|stamp| stamp.role == role).and_then(|stamp| stamp.on(pdf, signer, time));
    let is_visible = appearance.is_some();
    let field = SignatureField {
        appearance,
        signer_name: sign::signer_name(signer),
        reason: sign::is_development(signer).then(|| NO_LEGAL_VALUE.to_owned()),
        name: role.field_name().to_owned(),
        location: None,
        contact: None,
        time,
    };
    let reserve = sign::cms::size_bound(signer)? + sign::timestamp::USUAL_SIZE;
    let prepared = signature::prepare(pdf, &field, reserve)?;
    let signature = sign::cms::detached(&prepared.digest_input(), signer, time, Form::Pdf)?;
    Ok(SignedPdf { bytes: prepared.fill(&signature)?, is_visible })
}

impl SignedPdf {
    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file itself.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether the signature is seen on the first page.
    pub fn is_visible(&self) -> bool {
        self.is_visible
    }
}
