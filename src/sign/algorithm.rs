//! Hashes, key types and signatures: what is allowed, how it is named, how it is verified.
//!
//! Allowed are SHA-256, SHA-384 and SHA-512 with RSA 2048–4096 (PKCS#1 v1.5, RFC 8017) and with ECDSA on P-256 and P-384
//! (FIPS 186): the part of ETSI TS 119 312 that the Vietnamese authorities issue and that every validator we know reads.
//! SHA-1, RSA-PSS and other curves are refused by name.

use super::SignError;
use const_oid::db::{rfc5912, rfc8410};
use der::asn1::ObjectIdentifier;
use der::{Any, Decode, Encode};
use rsa::RsaPublicKey;
use rsa::pkcs1v15;
use rsa::signature::Verifier;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// Smallest RSA modulus, bits: ETSI TS 119 312 lets nothing smaller be used.
pub const MIN_RSA_BITS: usize = 2048;
/// Largest RSA modulus, bits: the limit of the `rsa` crate, and of the keys this program promises to use.
pub const MAX_RSA_BITS: usize = 4096;

/// What precedes a SHA-256 hash in a `DigestInfo` (RFC 8017 section 9.2, note 1).
const SHA256_DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A hash function of the SHA-2 family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl Hash {
    /// Hash of the parts, as if they were one run of bytes.
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    /// The `DigestAlgorithmIdentifier`; parameters are absent, as RFC 5754 section 2 asks of writers.
    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::Sha256 => rfc5912::ID_SHA_256,
            Self::Sha384 => rfc5912::ID_SHA_384,
            Self::Sha512 => rfc5912::ID_SHA_512,
        };
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    /// The hash an identifier names, if it is allowed. Parameters may be absent or NULL (RFC 5754 section 2).
    pub(super) fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        if !identifier.parameters.as_ref().is_none_or(Any::is_null) {
            return None;
        }
        match identifier.oid {
            rfc5912::ID_SHA_256 => Some(Self::Sha256),
            rfc5912::ID_SHA_384 => Some(Self::Sha384),
            rfc5912::ID_SHA_512 => Some(Self::Sha512),
            _ => None,
        }
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}

/// A way to sign, fixed by the type of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384: FIPS 186-5 section 6.1.1 discourages a hash weaker than the curve.
    EcdsaP384Sha384,
}

impl Algorithm {
    /// The hash that goes with it, for the document as for the signed attributes (RFC 5652 section 5.4 has one field for
    /// both).
    pub fn hash(self) -> Hash {
        match self {
            Self::RsaSha256 | Self::EcdsaP256Sha256 => Hash::Sha256,
            Self::EcdsaP384Sha384 => Hash::Sha384,
        }
    }

    /// The `SignatureAlgorithmIdentifier`: NULL parameters for RSA (RFC 4055), none for ECDSA (RFC 5758).
    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::RsaSha256 => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
            Self::EcdsaP256Sha256 => (rfc5912::ECDSA_WITH_SHA_256, None),
            Self::EcdsaP384Sha384 => (rfc5912::ECDSA_WITH_SHA_384, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// What a device that does not hash is to sign: the hash (`CKM_ECDSA`), or a `DigestInfo` with it (`CKM_RSA_PKCS`; RFC
    /// 8017 section 9.2).
    pub fn hashed_for_device(self, message: &[u8]) -> Vec<u8> {
        let hash = self.hash().digest(&[message]);
        match self {
            Self::RsaSha256 => [SHA256_DIGEST_INFO.as_slice(), &hash].concat(),
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha384 => hash,
        }
    }

    /// A signature as devices give it, in the form of [`super::Signer::sign`]: PKCS#11 writes ECDSA as `r ‖ s`, each as long
    /// as the curve's order.
    ///
    /// # Errors
    ///
    /// [`SignError::SignatureRejected`] when it has the wrong length.
    pub fn signature_from_device(self, signature: &[u8]) -> Result<Vec<u8>, SignError> {
        let rejected = |_| SignError::SignatureRejected;
        Ok(match self {
            Self::RsaSha256 => signature.to_vec(),
            Self::EcdsaP256Sha256 => {
                p256::ecdsa::Signature::from_slice(signature).map_err(rejected)?.to_der().as_bytes().to_vec()
            }
            Self::EcdsaP384Sha384 => {
                p384::ecdsa::Signature::from_slice(signature).map_err(rejected)?.to_der().as_bytes().to_vec()
            }
        })
    }

    /// The algorithm that fits a public key, or what the key is instead, in a few words.
    ///
    /// # Errors
    ///
    /// A name of the key type or size that is not supported.
    pub fn for_key(key: &SubjectPublicKeyInfoOwned) -> Result<Self, String> {
        Ok(match PublicKey::read(key)? {
            PublicKey::Rsa(_) => Self::RsaSha256,
            PublicKey::P256(_) => Self::EcdsaP256Sha256,
            PublicKey::P384(_) => Self::EcdsaP384Sha384,
        })
    }
}

/// Bytes that a signature by this key can take at most: the RSA modulus, or DER of two INTEGERs of the curve's size.
pub(super) fn max_signature_len(key: &SubjectPublicKeyInfoOwned) -> Result<usize, String> {
    Ok(match PublicKey::read(key)? {
        PublicKey::Rsa(key) => key.size(),
        PublicKey::P256(_) => 72,
        PublicKey::P384(_) => 104,
    })
}

/// Why a signature was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignatureFault {
    /// The algorithm is not allowed, or not known: its object identifier.
    Algorithm(ObjectIdentifier),
    /// The public key is not allowed: what it is.
    Key(String),
    /// The signature does not belong to this message and key.
    Mismatch,
}

/// Verifies `signature` over `message`.
///
/// `hash` is the one stated beside the signature (CMS), `None` for certificates. It must be the hash that the signature
/// algorithm names; plain `rsaEncryption`, which names none and which RFC 3370 allows in CMS, takes it.
pub(super) fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    hash: Option<Hash>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    let refused = || SignatureFault::Algorithm(algorithm.oid);
    let named = named_hash(algorithm).ok_or_else(refused)?;
    let used = match (named, hash) {
        (Some(named), Some(stated)) if named != stated => return Err(refused()),
        (Some(used), _) | (None, Some(used)) => used,
        (None, None) => return Err(refused()),
    };
    let is_ecdsa = [rfc5912::ECDSA_WITH_SHA_256, rfc5912::ECDSA_WITH_SHA_384, rfc5912::ECDSA_WITH_SHA_512]
        .contains(&algorithm.oid);
    let valid = match PublicKey::read(key).map_err(SignatureFault::Key)? {
        PublicKey::Rsa(key) if !is_ecdsa => verify_rsa(key, used, message, signature),
        PublicKey::P256(key) if is_ecdsa => verify_p256(&key, &used.digest(&[message]), signature),
        PublicKey::P384(key) if is_ecdsa => verify_p384(&key, &used.digest(&[message]), signature),
        _ => return Err(refused()),
    };
    if valid { Ok(()) } else { Err(SignatureFault::Mismatch) }
}

/// The hash a signature algorithm names: `None` when it is not allowed, `Some(None)` when it leaves the hash open.
fn named_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<Option<Hash>> {
    // RFC 4055 section 5: RSA parameters are NULL. RFC 5758 section 3.2: ECDSA parameters are absent.
    let null = algorithm.parameters.as_ref().is_some_and(Any::is_null);
    let absent = algorithm.parameters.is_none();
    match algorithm.oid {
        rfc5912::RSA_ENCRYPTION if null => Some(None),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION if null => Some(Some(Hash::Sha256)),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION if null => Some(Some(Hash::Sha384)),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION if null => Some(Some(Hash::Sha512)),
        rfc5912::ECDSA_WITH_SHA_256 if absent => Some(Some(Hash::Sha256)),
        rfc5912::ECDSA_WITH_SHA_384 if absent => Some(Some(Hash::Sha384)),
        rfc5912::ECDSA_WITH_SHA_512 if absent => Some(Some(Hash::Sha512)),
        _ => None,
    }
}

fn verify_rsa(key: RsaPublicKey, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
    if signature.len() != key.size() {
        return false;
    }
    let Ok(signature) = pkcs1v15::Signature::try_from(signature) else { return false };
    match hash {
        Hash::Sha256 => pkcs1v15::VerifyingKey::<Sha256>::new(key).verify(message, &signature).is_ok(),
        Hash::Sha384 => pkcs1v15::VerifyingKey::<Sha384>::new(key).verify(message, &signature).is_ok(),
        Hash::Sha512 => pkcs1v15::VerifyingKey::<Sha512>::new(key).verify(message, &signature).is_ok(),
    }
}

fn verify_p256(key: &p256::ecdsa::VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::Signature;
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    let Ok(parsed) = Signature::from_der(signature) else { return false };
    parsed.to_der().as_bytes() == signature && key.verify_prehash(digest, &parsed).is_ok()
}

fn verify_p384(key: &p384::ecdsa::VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    use p384::ecdsa::Signature;
    use p384::ecdsa::signature::hazmat::PrehashVerifier;
    let Ok(parsed) = Signature::from_der(signature) else { return false };
    parsed.to_der().as_bytes() == signature && key.verify_prehash(digest, &parsed).is_ok()
}

/// A public key of a supported type and size.
enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    fn read(key: &SubjectPublicKeyInfoOwned) -> Result<Self, String> {
        let bytes = key.subject_public_key.as_bytes().ok_or_else(|| "damaged public key".to_owned())?;
        match key.algorithm.oid {
            rfc5912::RSA_ENCRYPTION => read_rsa(bytes).map(Self::Rsa),
            rfc5912::ID_EC_PUBLIC_KEY => read_curve(key.algorithm.parameters.as_ref(), bytes),
            rfc8410::ID_ED_25519 => Err("Ed25519".to_owned()),
            other => Err(other.to_string()),
        }
    }
}

fn read_rsa(bytes: &[u8]) -> Result<RsaPublicKey, String> {
    let damaged = |_| "damaged RSA key".to_owned();
    let parts = rsa::pkcs1::RsaPublicKey::from_der(bytes).map_err(damaged)?;
    let bits = parts.modulus.as_bytes().len().saturating_mul(8);
    // The size is judged before the numbers are used: arithmetic on a huge modulus would take unbounded time.
    if bits > MAX_RSA_BITS {
        return Err(format!("RSA {bits}"));
    }
    let integer = rsa::BigUint::from_bytes_be;
    let key = RsaPublicKey::new(integer(parts.modulus.as_bytes()), integer(parts.public_exponent.as_bytes()))
        .map_err(|_| "damaged RSA key".to_owned())?;
    let bits = key.n().bits();
    if bits < MIN_RSA_BITS {
        return Err(format!("RSA {bits}"));
    }
    Ok(key)
}

fn read_curve(parameters: Option<&Any>, point: &[u8]) -> Result<PublicKey, String> {
    let damaged = || "damaged elliptic curve key".to_owned();
    let encoded = parameters.map(Encode::to_der).transpose().map_err(|_| damaged())?.unwrap_or_default();
    let curve = ObjectIdentifier::from_der(&encoded).map_err(|_| "elliptic curve without a name".to_owned())?;
    match curve {
        rfc5912::SECP_256_R_1 => {
            p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P256).map_err(|_| damaged())
        }
        rfc5912::SECP_384_R_1 => {
            p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(PublicKey::P384).map_err(|_| damaged())
        }
        rfc5912::SECP_521_R_1 => Err("ECDSA P-521".to_owned()),
        other => Err(format!("elliptic curve {other}")),
    }
}
