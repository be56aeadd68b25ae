//! Keys in PKCS#12 files (`.p12`, `.pfx`): RSA 2048–4096, ECDSA P-256 and P-384.
//!
//! `p12-keystore` reads what Java, Windows and OpenSSL write: PBES2 with AES, and the older PBE with 3DES or 40-bit RC2. The
//! MAC is checked here before (RFC 7292 section 5.1 and appendix B), as that crate knows SHA-1 and SHA-256 only; the BER of
//! NSS (Firefox) is turned into DER. The private key is wiped from memory when a [`Pkcs12`] is dropped; the copy inside
//! `p12-keystore` is freed without being wiped (the crate offers no way).

use super::algorithm::Algorithm;
use super::certificate::{Parsed, check_signing_usage, display_name};
use super::{SignError, Signer, ber, path};
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_224, ID_SHA_256, ID_SHA_384, ID_SHA_512};
use der::asn1::OctetString;
use der::{Decode, Encode};
use hmac::digest::core_api::BlockSizeUser;
use hmac::digest::{Digest, FixedOutputReset};
use hmac::{Mac, SimpleHmac};
use p12_keystore::error::Error as KeyStoreError;
use p12_keystore::{KeyStore, KeyStoreEntry, PrivateKeyChain};
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use pkcs12::mac_data::MacData;
use pkcs12::pfx::Pfx;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15;
use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use std::fmt;
use x509_cert::Certificate;

/// Bytes a key file can have at most; real ones have 2 to 10 KB.
const MAX_FILE_BYTES: usize = 1 << 20;
/// Rounds of the MAC's key derivation at most: half a second where the processor has SHA instructions, some seconds where
/// not. Writers use 1 to 100,000 (Java 10,000, Windows and OpenSSL 2,048 or less).
const MAX_MAC_ROUNDS: i32 = 10_000_000;

/// A private key with its certificates, read from a PKCS#12 file.
pub struct Pkcs12 {
    key: Key,
    algorithm: Algorithm,
    chain: Vec<Certificate>,
}

/// All three kinds wipe themselves when dropped.
enum Key {
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
    P256(p256::ecdsa::SigningKey),
    P384(Box<p384::ecdsa::SigningKey>),
}

impl Pkcs12 {
    /// Opens a PKCS#12 file with a password, which is tried once and not kept.
    ///
    /// Of several keys, the first (by name) whose certificate is meant for signing is taken. Dates are not looked at
    /// here: [`super::cms::detached`] does, with the time of signing.
    ///
    /// # Errors
    ///
    /// [`SignError::WrongPassword`] and the other ways a key file can be unusable.
    pub fn load(file: &[u8], password: &str) -> Result<Self, SignError> {
        if file.len() > MAX_FILE_BYTES {
            return Err(SignError::NotPkcs12);
        }
        let store = open(file, password)?;
        let mut first_error = None;
        for (_, entry) in store.entries() {
            let KeyStoreEntry::PrivateKeyChain(entry) = entry else { continue };
            match Self::from_entry(entry) {
                Ok(loaded) => return Ok(loaded),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or(SignError::NoPrivateKey))
    }

    fn from_entry(entry: &PrivateKeyChain) -> Result<Self, SignError> {
        let pool = entry
            .chain()
            .iter()
            .map(|certificate| Parsed::read(certificate.as_der()))
            .collect::<Result<Vec<_>, _>>()?;
        let leaf = pool.first().ok_or(SignError::NoPrivateKey)?;
        check_signing_usage(&leaf.certificate).map_err(|_| SignError::KeyUsage)?;
        let public = &leaf.certificate.tbs_certificate.subject_public_key_info;
        let algorithm = Algorithm::for_key(public).map_err(|found| SignError::UnsupportedKey { found })?;
        let key = Key::read(algorithm, entry.key())?;
        if !key.fits(public.subject_public_key.raw_bytes())? {
            return Err(SignError::KeyMismatch);
        }
        // The key store links issuers by name alone; a chain goes into signatures, so it is linked by signature here.
        let chain = path::issuers(leaf, &pool).into_iter().map(|parsed| parsed.certificate.clone()).collect();
        Ok(Self { key, algorithm, chain })
    }
}

impl Key {
    fn read(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SignError> {
        Ok(match algorithm {
            Algorithm::RsaSha256 => {
                let key = RsaPrivateKey::from_pkcs8_der(pkcs8).map_err(|_| SignError::KeyMismatch)?;
                key.validate().map_err(|_| SignError::KeyMismatch)?;
                Self::Rsa(Box::new(pkcs1v15::SigningKey::new(key)))
            }
            Algorithm::EcdsaP256Sha256 => {
                Self::P256(p256::ecdsa::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| SignError::KeyMismatch)?)
            }
            Algorithm::EcdsaP384Sha384 => Self::P384(Box::new(
                p384::ecdsa::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| SignError::KeyMismatch)?,
            )),
        })
    }

    /// Is this the private half of the public key in a certificate (the content of its BIT STRING)?
    fn fits(&self, public: &[u8]) -> Result<bool, SignError> {
        use rsa::signature::Keypair;
        let own = match self {
            Self::Rsa(key) => key.verifying_key().to_public_key_der(),
            Self::P256(key) => key.verifying_key().to_public_key_der(),
            Self::P384(key) => key.verifying_key().to_public_key_der(),
        }
        .map_err(|_| SignError::KeyMismatch)?;
        let own: spki::SubjectPublicKeyInfoOwned = own.decode_msg()?;
        Ok(own.subject_public_key.raw_bytes() == public)
    }
}

impl Signer for Pkcs12 {
    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.key {
            // Randomness only blinds the private key operation against timing (RUSTSEC-2023-0071): the signature is the
            // same each time.
            Key::Rsa(key) => key
                .try_sign_with_rng(&mut OsRng, message)
                .map(|signature| signature.to_vec())
                .map_err(|_| SignError::KeyRefused),
            // RFC 6979: the nonce comes from key and message.
            Key::P256(key) => {
                let signature: p256::ecdsa::DerSignature =
                    p256::ecdsa::signature::Signer::try_sign(key, message).map_err(|_| SignError::KeyRefused)?;
                Ok(signature.as_bytes().to_vec())
            }
            Key::P384(key) => {
                let signature: p384::ecdsa::DerSignature =
                    p384::ecdsa::signature::Signer::try_sign(key.as_ref(), message)
                        .map_err(|_| SignError::KeyRefused)?;
                Ok(signature.as_bytes().to_vec())
            }
        }
    }
}

impl fmt::Debug for Pkcs12 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = self.chain.first().map(|leaf| display_name(&leaf.tbs_certificate.subject));
        formatter
            .debug_struct("Pkcs12")
            .field("holder", &holder)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Opens the file, in DER or in the BER that NSS writes.
fn open(file: &[u8], password: &str) -> Result<KeyStore, SignError> {
    // The outer layer in DER leaves the bytes under the MAC as they were.
    let der = match Pfx::from_der(file) {
        Ok(_) => file.to_vec(),
        Err(_) => ber::to_der(file).ok_or(SignError::NotPkcs12)?,
    };
    let mut pfx = Pfx::from_der(&der).map_err(|_| SignError::NotPkcs12)?;
    if let Some(mac) = pfx.mac_data.take() {
        let content: OctetString = pfx.auth_safe.content.decode_as().map_err(|_| SignError::NotPkcs12)?;
        check_mac(&mac, content.as_bytes(), password)?;
    }
    // From here on the password is known to be right, or the file has no MAC.
    let without_mac = pfx.to_der().map_err(|_| SignError::NotPkcs12)?;
    match KeyStore::from_pkcs12(&without_mac, password).map_err(key_store_error) {
        Err(SignError::NotPkcs12) => {}
        result => return result,
    }
    let inner = ber::pfx_to_der(file).ok_or(SignError::NotPkcs12)?;
    KeyStore::from_pkcs12(&inner, password).map_err(key_store_error)
}

/// Checks the MAC over the content of the file, and with it the password.
fn check_mac(mac: &MacData, content: &[u8], password: &str) -> Result<(), SignError> {
    if !(1..=MAX_MAC_ROUNDS).contains(&mac.iterations) {
        return Err(SignError::UnsupportedEncryption);
    }
    match mac.mac.algorithm.oid {
        ID_SHA_1 => check_hmac::<Sha1>(mac, content, password),
        ID_SHA_224 => check_hmac::<Sha224>(mac, content, password),
        ID_SHA_256 => check_hmac::<Sha256>(mac, content, password),
        ID_SHA_384 => check_hmac::<Sha384>(mac, content, password),
        ID_SHA_512 => check_hmac::<Sha512>(mac, content, password),
        _ => Err(SignError::UnsupportedEncryption),
    }
}

fn check_hmac<D>(mac: &MacData, content: &[u8], password: &str) -> Result<(), SignError>
where
    D: Digest + FixedOutputReset + BlockSizeUser,
{
    let (salt, length) = (mac.mac_salt.as_bytes(), <D as Digest>::output_size());
    // The password is written in UTF-16 without surrogates (BMPString): others cannot be right.
    let key = derive_key_utf8::<D>(password, salt, Pkcs12KeyType::Mac, mac.iterations, length)
        .map_err(|_| SignError::WrongPassword)?;
    let mut hmac = SimpleHmac::<D>::new_from_slice(&key).map_err(|_| SignError::UnsupportedEncryption)?;
    hmac.update(content);
    hmac.verify_slice(mac.mac.digest.as_bytes()).map_err(|_| SignError::WrongPassword)
}

fn key_store_error(error: KeyStoreError) -> SignError {
    match error {
        KeyStoreError::UnpadError | KeyStoreError::Pkcs5Error(_) => SignError::Undecipherable,
        KeyStoreError::UnsupportedEncryptionScheme | KeyStoreError::InvalidParameters => {
            SignError::UnsupportedEncryption
        }
        _ => SignError::NotPkcs12,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Password of all files in `tests/data/sign`: not ASCII, which is where readers differ.
    const PASSWORD: &str = "mật khẩu";

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/data/sign/", $name)).as_slice()
        };
    }

    fn load(file: &[u8]) -> Result<Pkcs12, SignError> {
        Pkcs12::load(file, PASSWORD)
    }

    #[test]
    fn keys_of_each_kind_load_with_their_chain_leaf_first() {
        for (file, algorithm, name) in [
            (file!("rsa2048.p12"), Algorithm::RsaSha256, "Nguyễn Văn rsa2048"),
            (file!("rsa4096.p12"), Algorithm::RsaSha256, "Nguyễn Văn rsa4096"),
            (file!("p256.p12"), Algorithm::EcdsaP256Sha256, "Nguyễn Văn p256"),
            (file!("p384.p12"), Algorithm::EcdsaP384Sha384, "Nguyễn Văn p384"),
        ] {
            let key = load(file).unwrap();
            let names: Vec<_> = key.chain().iter().map(|one| display_name(&one.tbs_certificate.subject)).collect();
            assert_eq!(names, [name, "Trung gian thử nghiệm", "Gốc thử nghiệm"]);
            assert_eq!(key.algorithm(), algorithm);
        }
    }

    #[test]
    fn files_in_older_and_newer_encryption_load() {
        for file in [
            file!("rsa2048-rc2-3des.p12"),
            file!("rsa2048-3des.p12"),
            file!("p256-aes128.p12"),
            file!("p256-plain-certs.p12"),
            file!("p256-no-mac.p12"),
        ] {
            assert_eq!(load(file).unwrap().chain().len(), 3);
        }
    }

    #[test]
    fn file_in_ber_as_firefox_exports_it_loads() {
        assert_eq!(load(file!("p256-nss.p12")).unwrap().chain().len(), 3);
        assert!(matches!(Pkcs12::load(file!("p256-nss.p12"), "mat khau"), Err(SignError::WrongPassword)));
    }

    #[test]
    fn integrity_check_of_any_sha2_is_verified() {
        let file = file!("p256-sha512-mac.p12");
        assert_eq!(load(file).unwrap().chain().len(), 3);
        assert!(matches!(Pkcs12::load(file, "mat khau"), Err(SignError::WrongPassword)));
        // The first content byte behind the headers is under the MAC; a changed one is told as a wrong password.
        let mut changed = file.to_vec();
        let at = file.len() / 2;
        changed[at] ^= 1;
        assert!(load(&changed).is_err());
    }

    #[test]
    fn endless_key_derivation_is_refused() {
        let mut pfx = Pfx::from_der(file!("p256.p12")).unwrap();
        let mac = pfx.mac_data.as_mut().unwrap();
        for iterations in [i32::MAX, 0, -1] {
            mac.iterations = iterations;
            assert!(matches!(check_mac(mac, b"", PASSWORD), Err(SignError::UnsupportedEncryption)));
        }
    }

    #[test]
    fn wrong_password_is_told_from_a_damaged_file() {
        for file in [file!("p256.p12"), file!("rsa2048-rc2-3des.p12")] {
            assert!(matches!(Pkcs12::load(file, "mat khau"), Err(SignError::WrongPassword)));
            assert!(matches!(Pkcs12::load(file, ""), Err(SignError::WrongPassword)));
            assert!(matches!(load(&file[..file.len() - 1]), Err(SignError::NotPkcs12)));
        }
        assert!(matches!(Pkcs12::load(file!("p256-no-mac.p12"), "mat khau"), Err(SignError::Undecipherable)));
        assert!(matches!(load(b"%PDF-1.7"), Err(SignError::NotPkcs12)));
        assert!(matches!(load(b""), Err(SignError::NotPkcs12)));
    }

    #[test]
    fn keys_that_must_not_sign_are_refused_with_the_reason() {
        let unsupported = |file, name: &str| match load(file) {
            Err(SignError::UnsupportedKey { found }) => assert_eq!(found, name),
            other => panic!("{other:?}"),
        };
        unsupported(file!("rsa1024.p12"), "RSA 1024");
        unsupported(file!("p521.p12"), "ECDSA P-521");
        assert!(matches!(load(file!("sealed.p12")), Err(SignError::KeyUsage)));
        assert!(matches!(load(file!("no-key.p12")), Err(SignError::NoPrivateKey)));
    }

    #[test]
    fn key_of_another_certificate_is_refused() {
        let (one, two) = (load(file!("rsa2048.p12")).unwrap(), load(file!("rsa4096.p12")).unwrap());
        let public =
            |key: &Pkcs12| key.chain[0].tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        assert!(one.key.fits(&public(&one)).unwrap());
        assert!(!one.key.fits(&public(&two)).unwrap());
    }

    #[test]
    fn debug_output_holds_no_key() {
        let text = format!("{:?}", load(file!("p256.p12")).unwrap());
        assert_eq!(text, "Pkcs12 { holder: Some(\"Nguyễn Văn p256\"), algorithm: EcdsaP256Sha256, .. }");
    }
}
