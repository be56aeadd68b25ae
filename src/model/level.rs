//! Levels of PAdES signatures.

use std::fmt;
use std::str::FromStr;

/// How long a signature can be judged (ETSI EN 319 142-1 section 6), each level with all that the one before has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignatureLevel {
    /// B-B: as long as the signer's certificate is valid.
    Basic,
    /// B-T: a timestamp proves when it existed.
    Time,
    /// B-LT: certificates and revocation data are kept in the file.
    LongTerm,
    /// B-LTA: a document timestamp keeps these from ageing; renewed before its certificate expires, for ever.
    Archive,
}

impl SignatureLevel {
    const ALL: [Self; 4] = [Self::Basic, Self::Time, Self::LongTerm, Self::Archive];

    /// The name in the standard: `B-LTA`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "B-B",
            Self::Time => "B-T",
            Self::LongTerm => "B-LT",
            Self::Archive => "B-LTA",
        }
    }
}

impl fmt::Display for SignatureLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Not the name of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of b-b, b-t, b-lt, b-lta")]
pub struct NotALevel;

impl FromStr for SignatureLevel {
    type Err = NotALevel;

    /// In either case: `b-lta`, `B-LTA`.
    fn from_str(text: &str) -> Result<Self, NotALevel> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text)).ok_or(NotALevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_either_case_and_levels_are_in_order() {
        for level in SignatureLevel::ALL {
            assert_eq!(level.name().parse(), Ok(level));
            assert_eq!(level.name().to_lowercase().parse(), Ok(level));
        }
        assert!(SignatureLevel::ALL.is_sorted());
        assert_eq!("B-X".parse::<SignatureLevel>(), Err(NotALevel));
    }
}
