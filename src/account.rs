//! Who may use the counter desk: names, roles, and passwords as their argon2id hashes (RFC 9106).
//!
//! Salts are arguments; nothing here reads a file or a clock. A password is normalised (NFC) before it is hashed: keyboards
//! compose Vietnamese letters in two ways, and both are the same password.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;

use crate::model::{Lang, Localized};

/// RFC 9106 section 4, second recommended option: 64 MiB, three passes, four lanes, a tag of 256 bits. The lanes are computed
/// one after the other; a check takes 0.2 s of a core (`docs/decisions.md`).
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// Bytes of a salt: 128 bits, as RFC 9106 section 3.1 recommends.
pub const SALT_BYTES: usize = 16;

/// Fewest characters of a password. NIST SP 800-63B asks for 8 at least; names of people and places are longer than that.
const LEAST_CHARS: usize = 10;
/// Most bytes of a password: room for any sentence, and none to keep the hash busy.
const MOST_BYTES: usize = 512;
/// A hash that no password is known to have, with the parameters of all others.
const NOBODY: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Longest name of an account.
const MOST_NAME: usize = 32;

/// The name that a person gives at the door: lower-case letters and digits of ASCII, `.`, `_` and `-`, a letter first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for AccountName {
    type Err = AccountError;

    /// Capitals are taken for small letters: phones begin words with them.
    fn from_str(text: &str) -> Result<Self, AccountError> {
        let name = text.trim().to_ascii_lowercase();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits);
        if is_name && name.len() <= MOST_NAME { Ok(Self(name)) } else { Err(AccountError::Name) }
    }
}

/// What a person may do at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Digitises papers at the counter (*cán bộ số hóa*).
    Clerk,
    /// Works on dossiers (*cán bộ xử lý*).
    Officer,
    /// Answers for the desk (*người phụ trách*).
    Supervisor,
    /// Keeps the machine and its accounts (*quản trị*).
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clerk, Self::Officer, Self::Supervisor, Self::Admin];

    /// What programs are told, and what the store keeps.
    pub fn code(self) -> &'static str {
        match self {
            Self::Clerk => "clerk",
            Self::Officer => "officer",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// The role of a code.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// What people are told.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Clerk => lang.pick("cán bộ số hóa", "clerk"),
            Self::Officer => lang.pick("cán bộ xử lý", "officer"),
            Self::Supervisor => lang.pick("người phụ trách", "supervisor"),
            Self::Admin => lang.pick("quản trị", "administrator"),
        }
    }

    /// Whether it may see who did what at the desk.
    pub fn may_read_journal(self) -> bool {
        matches!(self, Self::Supervisor | Self::Admin)
    }

    /// Whether it may decide that a paper is no secret that seemed to be marked so.
    pub fn may_open_marked(self) -> bool {
        self == Self::Supervisor
    }

    /// Whether it may say what stands on a paper, in place of what was read.
    pub fn may_correct_data(self) -> bool {
        matches!(self, Self::Clerk | Self::Supervisor)
    }

    /// Whether the papers themselves are open to it. Who keeps the machine needs no citizen's papers for that.
    pub fn may_read_papers(self) -> bool {
        self != Self::Admin
    }
}

/// Why a name or password cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Not a name.
    #[error(
        "not a name of an account: a letter, then up to {} letters, digits, `.`, `_` or `-`, without accents",
        MOST_NAME - 1
    )]
    Name,
    /// Too short.
    #[error("the password is too short: at least {LEAST_CHARS} characters, a sentence of some words is best")]
    Short,
    /// Too long.
    #[error("the password is too long: at most {MOST_BYTES} bytes")]
    Long,
    /// The password says the name.
    #[error("the password must not contain the name of the account")]
    HasName,
}

impl Localized for AccountError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Name, Lang::Vi) => format!(
                "tên tài khoản không đúng: một chữ cái, rồi tối đa {} chữ cái, chữ số, `.`, `_` hoặc `-`, không dấu",
                MOST_NAME - 1
            ),
            (Self::Short, Lang::Vi) => {
                format!("mật khẩu quá ngắn: cần ít nhất {LEAST_CHARS} ký tự, tốt nhất là một câu vài từ")
            }
            (Self::Long, Lang::Vi) => format!("mật khẩu quá dài: tối đa {MOST_BYTES} byte"),
            (Self::HasName, Lang::Vi) => "mật khẩu không được chứa tên tài khoản".to_owned(),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// A password as the store keeps it: its hash with salt and parameters, in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(String);

impl fmt::Debug for StoredPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredPassword")
    }
}

impl StoredPassword {
    /// Hashes a new password of an account.
    ///
    /// # Errors
    /// When it can be guessed, or is too long.
    pub fn new(password: &str, name: &AccountName, salt: [u8; SALT_BYTES]) -> Result<Self, AccountError> {
        let password = normalised(password);
        if password.len() > MOST_BYTES {
            return Err(AccountError::Long);
        }
        if password.chars().count() < LEAST_CHARS {
            return Err(AccountError::Short);
        }
        if password.to_lowercase().contains(name.as_str()) {
            return Err(AccountError::HasName);
        }
        let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
        let hash = hasher().hash_password(password.as_bytes(), &salt).expect("the parameters are those of RFC 9106");
        Ok(Self(hash.to_string()))
    }

    /// From the store.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    /// For the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the password. Takes 64 MiB and as long for a wrong one as for the right one.
    pub fn is(&self, password: &str) -> bool {
        let password = normalised(password);
        let stored = PasswordHash::new(&self.0);
        password.len() <= MOST_BYTES
            && stored.is_ok_and(|stored| hasher().verify_password(password.as_bytes(), &stored).is_ok())
    }

    /// Does the work of [`Self::is`] for an account that is not there, so that the time tells nothing of which are.
    pub fn work_for_nobody(password: &str) {
        std::hint::black_box(Self(NOBODY.to_owned()).is(password));
    }
}

fn normalised(password: &str) -> String {
    password.nfc().collect()
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are those of RFC 9106");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_plain_words() {
        assert_eq!(name(" Lan.Nguyen-2 ").as_str(), "lan.nguyen-2");
        for wrong in ["", "1a", ".a", "lần", "a b", "a/b", "<b>", &"a".repeat(33)] {
            assert_eq!(wrong.parse::<AccountName>(), Err(AccountError::Name), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_known_again_however_its_letters_were_composed() {
        let stored = StoredPassword::new("một hai ba bốn", &name("lan"), [7; SALT_BYTES]).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=65536,t=3,p=4$"), "{}", stored.as_str());
        let decomposed: String = "một hai ba bốn".nfd().collect();
        assert!(stored.is("một hai ba bốn") && stored.is(&decomposed));
        assert!(!stored.is("một hai ba bon") && !stored.is("") && !stored.is(&"a".repeat(513)));
        assert_ne!(stored, StoredPassword::new("một hai ba bốn", &name("lan"), [8; SALT_BYTES]).unwrap());
        assert_eq!(format!("{stored:?}"), "StoredPassword");
        assert!(!StoredPassword::from_store("no hash".to_owned()).is(""));
        let parameters = |text: &str| text.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(parameters(NOBODY), parameters(stored.as_str()), "the work for nobody is that for somebody");
        assert!(PasswordHash::new(NOBODY).is_ok_and(|hash| hash.hash.is_some_and(|hash| hash.len() == 32)));
    }

    #[test]
    fn passwords_that_can_be_guessed_are_refused() {
        let new = |password: &str| StoredPassword::new(password, &name("lan"), [7; SALT_BYTES]).unwrap_err();
        assert_eq!(new("ngắn quá"), AccountError::Short);
        assert_eq!(new("Lan dang nhap"), AccountError::HasName);
        assert_eq!(new(&"a".repeat(513)), AccountError::Long);
    }

    #[test]
    fn every_role_has_its_code() {
        assert!(Role::ALL.into_iter().all(|role| Role::of(role.code()) == Some(role)));
        assert_eq!(Role::of("root"), None);
    }
}
