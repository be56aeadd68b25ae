//! ASN.1 structures that `cms` 0.2.3 lacks, or orders wrongly, and those of RFC 3161.
//!
//! `cms::signed_data::CertificateSet` compares its members as if each byte were an INTEGER, so that the set it writes is
//! often not in DER order. [`SignedData`] here is the same structure with sets of [`Any`], which compare as encoded.
//!
//! The crate `x509-tsp` 0.1 reads no time of a fraction of a second (RFC 3161 section 2.4.2), which many services write.

use cms::content_info::CmsVersion;
use cms::signed_data::{EncapsulatedContentInfo, SignerInfo};
use der::asn1::{BitString, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Any, DerOrd, Sequence};
use spki::AlgorithmIdentifierOwned;
use std::cmp::Ordering;
use x509_cert::ext::Extension;

/// `id-aa-CMSAlgorithmProtection`, RFC 6211 section 2.
pub(super) const ID_AA_ALGORITHM_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.52");

/// `id-aa-timeStampToken`, RFC 3161 appendix A: the timestamp over a signature.
pub(super) const ID_AA_TIME_STAMP_TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// `id-ct-TSTInfo`, RFC 3161 section 2.4.2.
pub(super) const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// `id-aa-signingCertificate`, RFC 2634 section 5.4, which older timestamp services write in place of version 2.
pub(super) const ID_AA_SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");

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

/// [`SignedContentInfo`] as timestamp services write it: certificates in any order, some twice.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct TokenContentInfo {
    pub(super) content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub(super) content: TokenData,
}

/// [`SignedData`] of a timestamp token.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct TokenData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    pub(super) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) certificates: Option<Vec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) crls: Option<Vec<Any>>,
    pub(super) signer_infos: SetOfVec<SignerInfo>,
}

impl TokenData {
    /// The same with each certificate once, in order.
    pub(super) fn tidied(self) -> der::Result<SignedData> {
        let set = |list: Option<Vec<Any>>| {
            list.map(|mut list| {
                list.sort_by(|one, other| one.der_cmp(other).unwrap_or(Ordering::Equal));
                list.dedup();
                SetOfVec::try_from(list)
            })
        };
        Ok(SignedData {
            version: self.version,
            digest_algorithms: self.digest_algorithms,
            encap_content_info: self.encap_content_info,
            certificates: set(self.certificates).transpose()?,
            crls: set(self.crls).transpose()?,
            signer_infos: self.signer_infos,
        })
    }
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

/// `SigningCertificate`, RFC 2634 section 5.4.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct SigningCertificate {
    pub(super) certs: Vec<EssCertId>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<Any>,
}

/// `ESSCertID`, RFC 2634 section 5.4.1; the hash is SHA-1.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct EssCertId {
    pub(super) cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub(super) issuer_serial: Option<IssuerSerial>,
}

/// `MessageImprint`, RFC 3161 section 2.4.1.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct MessageImprint {
    pub(super) hash_algorithm: AlgorithmIdentifierOwned,
    pub(super) hashed_message: OctetString,
}

/// `TimeStampReq`, RFC 3161 section 2.4.1, without extensions.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct TimeStampReq {
    pub(super) version: u8,
    pub(super) message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    pub(super) req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    pub(super) cert_req: bool,
}

/// `TimeStampResp`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct TimeStampResp {
    pub(super) status: PkiStatusInfo,
    #[asn1(optional = "true")]
    pub(super) time_stamp_token: Option<Any>,
}

/// `PKIStatusInfo`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct PkiStatusInfo {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) status_string: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    pub(super) fail_info: Option<BitString>,
}

/// `TSTInfo`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct TstInfo {
    pub(super) version: u8,
    pub(super) policy: ObjectIdentifier,
    pub(super) message_imprint: MessageImprint,
    pub(super) serial_number: Int,
    /// A GeneralizedTime, perhaps with a fraction of a second.
    pub(super) gen_time: Any,
    #[asn1(optional = "true")]
    pub(super) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(super) ordering: bool,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    pub(super) extensions: Option<Vec<Extension>>,
}

/// `Accuracy`, RFC 3161 section 2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
pub(super) struct Accuracy {
    #[asn1(optional = "true")]
    pub(super) seconds: Option<u64>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) micros: Option<u16>,
}
