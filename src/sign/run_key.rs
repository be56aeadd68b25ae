//! The key of one run.

use super::{SignError, Signer};

/// The key of one run. After its first failure it is not asked again: what is wrong with it (a locked token, an expired
/// certificate) does not mend itself, and each further try may cost one of the token's. What it did not sign waits.
#[expect(missing_debug_implementations, reason = "a key has nothing to show")]
pub struct RunKey<'a> {
    signer: Option<&'a dyn Signer>,
    failure: Option<SignError>,
}

impl<'a> RunKey<'a> {
    /// `None` signs nothing.
    pub fn new(signer: Option<&'a dyn Signer>) -> Self {
        Self { signer, failure: None }
    }

    /// The key, as long as it has not failed.
    pub fn signer(&self) -> Option<&'a dyn Signer> {
        self.signer
    }

    /// Gives the key up for the rest of the run.
    pub fn fail(&mut self, error: SignError) {
        self.signer = None;
        self.failure.get_or_insert(error);
    }

    /// Why it was given up.
    pub fn failure(&self) -> Option<&SignError> {
        self.failure.as_ref()
    }

    /// The failure, after the run.
    pub fn into_failure(self) -> Option<SignError> {
        self.failure
    }
}
