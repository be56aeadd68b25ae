//! What a finished program says to the program that started it.

/// Exit codes of `sohoa`, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All done, nothing to remark.
    Done = 0,
    /// An error of sohoa itself.
    Internal = 1,
    /// The command line is wrong (also clap's own code).
    Usage = 2,
    /// Finished, but some captures could not be read and were set aside: their components are incomplete. Or not all of
    /// what was asked for could be done: a batch that was stopped, a package that leaves something out.
    Incomplete = 3,
    /// Finished, but some pages need a rescan (*cần quét lại*).
    NeedsRescan = 4,
    /// Nothing in the input could be used.
    NoInput = 5,
    /// `verify` found something changed, missing or untrusted.
    Tampered = 6,
    /// The output cannot be written: no space, no permission, in use.
    Output = 7,
    /// The signing key cannot be used: wrong password, expired, unfit.
    Key = 8,
    /// The configuration or a model is missing or wrong.
    Configuration = 9,
    /// A timestamp or revocation service or a NATS server cannot be reached, refuses, or answers wrongly.
    Online = 10,
    /// A file does not satisfy its profile: `check` found a requirement that is not met, or `digitize` could not make a
    /// file small enough. Or what a package must say is not known.
    Unmet = 11,
    /// The scanner cannot be used, or stopped before its papers were through; the pages so far are kept.
    Scanner = 12,
    /// Finished, but a paper bears a mark of secrecy: nothing was made of its component.
    Secret = 13,
}

impl ExitCode {
    /// What a program of ours that ended with this number said.
    pub fn of(number: i32) -> Option<Self> {
        use ExitCode::{Configuration, Done, Incomplete, Internal, Key, NeedsRescan, NoInput, Online, Output};
        use ExitCode::{Scanner, Secret, Tampered, Unmet, Usage};
        let all = [
            Done,
            Internal,
            Usage,
            Incomplete,
            NeedsRescan,
            NoInput,
            Tampered,
            Output,
            Key,
            Configuration,
            Online,
            Unmet,
            Scanner,
            Secret,
        ];
        all.into_iter().find(|code| *code as i32 == number)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
