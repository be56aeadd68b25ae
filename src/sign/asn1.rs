//! ASN.1 structures that `cms` 0.2.3 lacks, or orders wrongly.
//!
//! `cms::signed_data::CertificateSet` compares its members as if each byte were an INTEGER, so that the set it writes is
//! often not in DER order. [`SignedData`] here is the same structure with sets of [`Any`], which compare as encoded.

use cms::content_info::CmsVersion;
use cms::signed_data::{EncapsulatedContentInfo, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, Sequence};
use spki::AlgorithmIdentifierOwned;

/// `id-aa-CMSAlgorithmProtection`, RFC 6211 section 2.
pub(super) const ID_AA_ALGORITHM_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");

/// `ContentInfo` with `SignedData` inside, RFC 5652 section 3.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SignedContentInfo {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: SignedData,
}

/// `SignedData`, RFC 5652 section 5.1.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SignedData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    pub(super) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) crls: Option<SetOfVec<Any>>,
    pub(super) signer_infos: SetOfVec<SignerInfo>,
}

/// `SigningCertificateV2`, RFC 5035 section 3.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SigningCertificateV2 {
    pub(super) certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<Any>,
}

/// `ESSCertIDv2`, RFC 5035 section 4. An absent algorithm means SHA-256, and DER demands that SHA-256 be left out.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct EssCertIdV2 {
    // Kept as `Option` rather than as a DEFAULT, so that an encoder which writes the default out is seen.
    #[asn1(optional = "true")]
    pub(super) hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(super) cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub(super) issuer_serial: Option<IssuerSerial>,
}

/// `IssuerSerial`, RFC 5035 section 5: the issuer as `GeneralNames`.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct IssuerSerial {
    pub(super) issuer: Any,
    pub(super) serial_number: Any,
}

/// `CMSAlgorithmProtection`, RFC 6211 section 2 (the signature form; the MAC form is for authenticated data).
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct AlgorithmProtection {
    pub(super) digest_algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    pub(super) signature_algorithm: AlgorithmIdentifierOwned,
}
