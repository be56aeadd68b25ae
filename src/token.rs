//! Keys on PKCS#11 tokens (OASIS PKCS#11 2.40): USB tokens, smart cards, HSMs. The private key never leaves the device.
//!
//! A token is somebody's: three wrong PINs lock most of them for good. So a PIN is presented once and never again by
//! itself ([`Found::log_in`]); after any failure the token is left alone ([`Token`] answers with the same fault), and its
//! last try is not spent on a PIN that nobody typed ([`PinState::FinalTry`]).
//!
//! The manufacturer's module is a shared library that is loaded into this program (`dlopen`, in `cryptoki`) and may do
//! whatever the program may: name only one that you trust. All `unsafe` of it lies in `cryptoki` and `cryptoki-sys`.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use time::OffsetDateTime;

use crate::sign::{Algorithm, Certificate, SignError, Signer, TokenFault, certificate};

/// Which token, and which key on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The manufacturer's PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The slot; needed where there are several tokens.
    pub slot: Option<SlotChoice>,
    /// `CKA_LABEL` of the key or of its certificate; needed where several keys could sign.
    pub key_label: Option<String>,
}

/// How a slot is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotChoice {
    /// By its number, as `pkcs11-tool --list-slots` shows it.
    Number(u64),
    /// By the label of the token in it.
    TokenLabel(String),
}

/// What the token says of its PIN before one is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// Nothing to remark.
    Good,
    /// A wrong PIN was presented since the last right one (`CKF_USER_PIN_COUNT_LOW`).
    WrongBefore,
    /// One more wrong PIN locks the token (`CKF_USER_PIN_FINAL_TRY`): only a PIN that a person types now may be tried.
    FinalTry,
    /// The token's own keypad asks for the PIN (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    Keypad,
}

/// A token that was found and not logged into.
#[derive(Debug)]
pub struct Found {
    context: Pkcs11,
    slot: Slot,
    key_label: Option<String>,
    pin_state: PinState,
}

impl Found {
    /// Loads the module and finds the token. No PIN is presented yet.
    ///
    /// # Errors
    /// [`SignError::Token`]: the module cannot be loaded, there is no such token or there are several, its PIN is
    /// locked or was never set.
    pub fn find(selector: &Selector) -> Result<Self, SignError> {
        let context = Pkcs11::new(&selector.module).map_err(|error| match error {
            Error::Pkcs11(..) => fault(&error),
            _ => TokenFault::Module,
        })?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Another user of the module in this process has done it.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, Function::Initialize)) => {}
            Err(error) => return Err(fault(&error).into()),
        }
        let slots = context.get_slots_with_initialized_token().map_err(|error| fault(&error))?;
        let mut named = Vec::new();
        for slot in slots {
            let is_named = match &selector.slot {
                None => true,
                Some(SlotChoice::Number(number)) => slot.id() == *number,
                Some(SlotChoice::TokenLabel(label)) => {
                    context.get_token_info(slot).map_err(|error| fault(&error))?.label() == label
                }
            };
            if is_named {
                named.push(slot);
            }
        }
        let slot = match named[..] {
            [slot] => slot,
            [] => return Err(TokenFault::NoToken.into()),
            _ => return Err(TokenFault::SeveralTokens.into()),
        };
        let info = context.get_token_info(slot).map_err(|error| fault(&error))?;
        if info.user_pin_locked() {
            return Err(TokenFault::Locked.into());
        }
        if !info.user_pin_initialized() {
            return Err(TokenFault::PinNotSet.into());
        }
        let pin_state = if info.protected_authentication_path() {
            PinState::Keypad
        } else if info.user_pin_final_try() {
            PinState::FinalTry
        } else if info.user_pin_count_low() {
            PinState::WrongBefore
        } else {
            PinState::Good
        };
        Ok(Self { context, slot, key_label: selector.key_label.clone(), pin_state })
    }

    /// What the token says of its PIN.
    pub fn pin_state(&self) -> PinState {
        self.pin_state
    }

    /// The certificates that the token shows to everybody, those with the label of the key where one was named. No PIN is
    /// presented.
    ///
    /// # Errors
    /// [`SignError::Token`] when the device fails.
    pub fn certificates(&self) -> Result<Vec<Certificate>, SignError> {
        let session = self.context.open_ro_session(self.slot).map_err(|error| fault(&error))?;
        let held = Objects::read(&session).map_err(|error| fault(&error))?.certificates;
        let label = self.key_label.as_deref().map(str::as_bytes);
        let is_named = |one: &&Held| label.is_none_or(|label| one.label == label);
        let named: Vec<&Held> = held.iter().filter(is_named).collect();
        // The label may be that of the key, which is seen with the PIN only.
        let chosen = if named.is_empty() { held.iter().collect() } else { named };
        Ok(chosen.into_iter().filter_map(|one| certificate::read_der(&one.der).ok()).collect())
    }

    /// Presents the PIN, once, and takes the key that may sign at `at`. `pin` is `None` for a token with a keypad of its
    /// own. `extra` are certificates that complete the chain where the token holds only the signer's.
    ///
    /// # Errors
    /// [`SignError::Token`] when the PIN is wrong or the device fails; the ways in which no key can be chosen, or its
    /// certificate must not sign.
    pub fn log_in(self, pin: Option<&str>, extra: &[Certificate], at: OffsetDateTime) -> Result<Token, SignError> {
        let session = self.context.open_ro_session(self.slot).map_err(|error| fault(&error))?;
        let pin = pin.map(|pin| AuthPin::new(pin.into()));
        if let Err(error) = session.login(UserType::User, pin.as_ref()) {
            return Err(self.login_fault(&error).into());
        }
        let objects = Objects::read(&session).map_err(|error| fault(&error))?;
        let (key, leaf) = objects.choose(self.key_label.as_deref(), at)?;
        let pool = objects.certificates.iter().map(|one| one.der.clone());
        let chain = certificate::chain(&leaf.der, pool, extra)?;
        let algorithm = Algorithm::for_key(&chain[0].tbs_certificate.subject_public_key_info)
            .map_err(|found| SignError::UnsupportedKey { found })?;
        let mechanisms = self.context.get_mechanism_list(self.slot).map_err(|error| fault(&error))?;
        let way = Way::choose(algorithm, &mechanisms, key.always_authenticate)?;
        let device = Device {
            key: key.handle,
            // Kept for keys that want it with each signature, and for no others.
            pin: if key.always_authenticate { Some(pin) } else { None },
            session,
            way,
            stopped: None,
        };
        Ok(Token { device: Mutex::new(device), chain, algorithm })
    }

    /// What a refused PIN means: the token's own flags tell how near it is to being locked. Reading them is no attempt.
    fn login_fault(&self, error: &Error) -> TokenFault {
        let found = fault(error);
        let TokenFault::WrongPin { .. } = found else { return found };
        match self.context.get_token_info(self.slot) {
            Ok(info) if info.user_pin_locked() => TokenFault::Locked,
            Ok(info) => TokenFault::WrongPin { final_try: info.user_pin_final_try() },
            Err(_) => found,
        }
    }
}

/// A private key on a token.
struct Key {
    handle: ObjectHandle,
    id: Vec<u8>,
    label: Vec<u8>,
    always_authenticate: bool,
}

/// A certificate on a token.
struct Held {
    der: Vec<u8>,
    id: Vec<u8>,
    label: Vec<u8>,
}

/// What a token holds for signing.
struct Objects {
    keys: Vec<Key>,
    certificates: Vec<Held>,
}

impl Objects {
    fn read(session: &Session) -> Result<Self, Error> {
        let mut keys = Vec::new();
        for handle in session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)])? {
            let mut key = Key { handle, id: Vec::new(), label: Vec::new(), always_authenticate: false };
            let mut may_sign = true;
            let wanted =
                [AttributeType::Id, AttributeType::Label, AttributeType::Sign, AttributeType::AlwaysAuthenticate];
            for attribute in session.get_attributes(handle, &wanted)? {
                match attribute {
                    Attribute::Id(id) => key.id = id,
                    Attribute::Label(label) => key.label = label,
                    Attribute::Sign(sign) => may_sign = sign,
                    Attribute::AlwaysAuthenticate(always) => key.always_authenticate = always,
                    _ => {}
                }
            }
            if may_sign {
                keys.push(key);
            }
        }
        let mut certificates = Vec::new();
        let x509 = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::CertificateType(CertificateType::X_509)];
        for handle in session.find_objects(&x509)? {
            let mut held = Held { der: Vec::new(), id: Vec::new(), label: Vec::new() };
            let wanted = [AttributeType::Value, AttributeType::Id, AttributeType::Label];
            for attribute in session.get_attributes(handle, &wanted)? {
                match attribute {
                    Attribute::Value(der) => held.der = der,
                    Attribute::Id(id) => held.id = id,
                    Attribute::Label(label) => held.label = label,
                    _ => {}
                }
            }
            certificates.push(held);
        }
        Ok(Self { keys, certificates })
    }

    /// The key and the certificate that share an identifier (`CKA_ID`) and may sign at `at`. A token whose certificate
    /// was renewed holds the old one as well: only keys that may still sign count.
    fn choose(&self, label: Option<&str>, at: OffsetDateTime) -> Result<(&Key, &Held), SignError> {
        let is_named = |found: &[u8]| label.is_none_or(|label| found == label.as_bytes());
        let pairs = self.keys.iter().flat_map(|key| {
            let own = self.certificates.iter().filter(|held| !key.id.is_empty() && held.id == key.id);
            own.filter(|held| is_named(&key.label) || is_named(&held.label)).map(move |held| (key, held))
        });
        let mut usable = Vec::new();
        let mut first_error = None;
        for (key, held) in pairs {
            match certificate::read_der(&held.der).and_then(|leaf| certificate::check_for_signing(&leaf, at)) {
                Ok(()) => usable.push((key, held)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match usable[..] {
            [chosen] => Ok(chosen),
            [] => Err(first_error.unwrap_or(TokenFault::NoKey.into())),
            _ => Err(TokenFault::SeveralKeys.into()),
        }
    }
}

/// How the key is asked for a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The token hashes the message.
    Whole(MechanismType),
    /// The hash is made here (`CKM_ECDSA`), or a `DigestInfo` with it (`CKM_RSA_PKCS`).
    Hashed(MechanismType),
}

impl Way {
    /// The best way that the token offers. A key that wants the PIN with each signature is used in parts, since it must be
    /// given between the start and the data: that works only where the token hashes.
    fn choose(algorithm: Algorithm, offered: &[MechanismType], in_parts: bool) -> Result<Self, TokenFault> {
        let ways = match algorithm {
            Algorithm::RsaSha256 => {
                [Self::Whole(MechanismType::SHA256_RSA_PKCS), Self::Hashed(MechanismType::RSA_PKCS)]
            }
            Algorithm::EcdsaP256Sha256 => {
                [Self::Hashed(MechanismType::ECDSA), Self::Whole(MechanismType::ECDSA_SHA256)]
            }
            Algorithm::EcdsaP384Sha384 => {
                [Self::Hashed(MechanismType::ECDSA), Self::Whole(MechanismType::ECDSA_SHA384)]
            }
        };
        let offers = |way: &Self| match way {
            Self::Whole(mechanism) => offered.contains(mechanism),
            Self::Hashed(mechanism) => offered.contains(mechanism) && !in_parts,
        };
        let refused = if in_parts { TokenFault::AlwaysAuthenticate } else { TokenFault::Mechanism };
        ways.into_iter().find(offers).ok_or(refused)
    }

    fn mechanism(self) -> Result<Mechanism<'static>, TokenFault> {
        let (Self::Whole(kind) | Self::Hashed(kind)) = self;
        Ok(match kind {
            MechanismType::SHA256_RSA_PKCS => Mechanism::Sha256RsaPkcs,
            MechanismType::RSA_PKCS => Mechanism::RsaPkcs,
            MechanismType::ECDSA => Mechanism::Ecdsa,
            MechanismType::ECDSA_SHA256 => Mechanism::EcdsaSha256,
            MechanismType::ECDSA_SHA384 => Mechanism::EcdsaSha384,
            _ => return Err(TokenFault::Mechanism),
        })
    }
}

/// The open session with the key in it.
struct Device {
    session: Session,
    key: ObjectHandle,
    way: Way,
    /// The PIN for a key that wants it with each signature (`CKA_ALWAYS_AUTHENTICATE`); the inner `None` is a keypad.
    pin: Option<Option<AuthPin>>,
    /// What went wrong: the token is not asked again.
    stopped: Option<TokenFault>,
}

impl Device {
    fn sign(&self, message: &[u8], algorithm: Algorithm) -> Result<Vec<u8>, TokenFault> {
        let mechanism = self.way.mechanism()?;
        let data = match self.way {
            Way::Whole(_) => message.to_vec(),
            Way::Hashed(_) => algorithm.hashed_for_device(message),
        };
        let answer = match &self.pin {
            None => self.session.sign(&mechanism, self.key, &data),
            Some(pin) => self.sign_with_pin(&mechanism, &data, pin.as_ref()),
        };
        answer.map_err(|error| fault(&error))
    }

    /// The PIN was right when the session began; should the token refuse it now, it is not presented again.
    fn sign_with_pin(&self, mechanism: &Mechanism<'_>, data: &[u8], pin: Option<&AuthPin>) -> Result<Vec<u8>, Error> {
        self.session.sign_init(mechanism, self.key)?;
        self.session.login(UserType::ContextSpecific, pin)?;
        self.session.sign_update(data)?;
        self.session.sign_final()
    }
}

/// A key on a token, logged in: one session for all signatures of a run.
pub struct Token {
    device: Mutex<Device>,
    chain: Vec<Certificate>,
    algorithm: Algorithm,
}

impl Signer for Token {
    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = device.stopped {
            return Err(fault.into());
        }
        match device.sign(message, self.algorithm) {
            Ok(signature) => self.algorithm.signature_from_device(&signature),
            Err(fault) => {
                device.stopped = Some(fault);
                Err(fault.into())
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What an error of the module means to a person.
fn fault(error: &Error) -> TokenFault {
    let Error::Pkcs11(code, _) = error else { return TokenFault::Failed("module") };
    match code {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => TokenFault::WrongPin { final_try: false },
        RvError::PinLocked => TokenFault::Locked,
        RvError::PinExpired => TokenFault::PinExpired,
        RvError::UserPinNotInitialized => TokenFault::PinNotSet,
        RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::DeviceRemoved
        | RvError::SlotIdInvalid
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::UserNotLoggedIn => TokenFault::Removed,
        RvError::FunctionCanceled | RvError::Cancel => TokenFault::Cancelled,
        RvError::HostMemory | RvError::DeviceMemory | RvError::SessionCount => TokenFault::Full,
        RvError::MechanismInvalid | RvError::FunctionNotSupported | RvError::KeyFunctionNotPermitted => {
            TokenFault::Mechanism
        }
        RvError::DeviceError => TokenFault::Failed("CKR_DEVICE_ERROR"),
        RvError::GeneralError => TokenFault::Failed("CKR_GENERAL_ERROR"),
        RvError::FunctionFailed => TokenFault::Failed("CKR_FUNCTION_FAILED"),
        _ => TokenFault::Failed("PKCS#11"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_always_wants_its_pin_is_used_only_where_the_token_hashes() {
        let offered = [MechanismType::SHA256_RSA_PKCS, MechanismType::RSA_PKCS, MechanismType::ECDSA];
        let rsa = |in_parts| Way::choose(Algorithm::RsaSha256, &offered, in_parts);
        assert_eq!(rsa(false), Ok(Way::Whole(MechanismType::SHA256_RSA_PKCS)));
        assert_eq!(rsa(true), Ok(Way::Whole(MechanismType::SHA256_RSA_PKCS)));
        let old = [MechanismType::RSA_PKCS];
        assert_eq!(Way::choose(Algorithm::RsaSha256, &old, false), Ok(Way::Hashed(MechanismType::RSA_PKCS)));
        assert_eq!(Way::choose(Algorithm::RsaSha256, &old, true), Err(TokenFault::AlwaysAuthenticate));
        let ecdsa = |offered: &[_], in_parts| Way::choose(Algorithm::EcdsaP384Sha384, offered, in_parts);
        assert_eq!(ecdsa(&offered, false), Ok(Way::Hashed(MechanismType::ECDSA)));
        assert_eq!(ecdsa(&offered, true), Err(TokenFault::AlwaysAuthenticate));
        assert_eq!(ecdsa(&[], false), Err(TokenFault::Mechanism));
        let hashing = [MechanismType::ECDSA_SHA384];
        assert_eq!(ecdsa(&hashing, true), Ok(Way::Whole(MechanismType::ECDSA_SHA384)));
    }

    #[test]
    fn what_the_module_answers_is_told_apart() {
        let of = |code| fault(&Error::Pkcs11(code, Function::Sign));
        assert_eq!(of(RvError::PinIncorrect), TokenFault::WrongPin { final_try: false });
        assert_eq!(of(RvError::PinLocked), TokenFault::Locked);
        assert_eq!(of(RvError::DeviceRemoved), TokenFault::Removed);
        assert_eq!(of(RvError::DeviceMemory), TokenFault::Full);
        assert_eq!(of(RvError::DeviceError), TokenFault::Failed("CKR_DEVICE_ERROR"));
    }

    #[test]
    fn a_file_that_is_no_module_is_named_as_one() {
        let selector = Selector { module: "/dev/null".into(), slot: None, key_label: None };
        assert!(matches!(Found::find(&selector), Err(SignError::Token(TokenFault::Module))));
    }
}
