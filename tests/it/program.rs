//! Runs the built `sohoa` the way a user does, in a home of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What one run did.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; `None` when a signal ended the program.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("sohoa prints UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the development identity that all runs of this test process share.
pub(crate) fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(|| fresh("home"))
}

/// An empty folder of this name below the build folder; what an earlier test process left there is removed.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("our own folder can be removed");
    }
    fs::create_dir_all(&folder).expect("the build folder is writable");
    folder
}

/// `sohoa` with a home of its own, no terminal and no settings of the person who runs the tests.
pub(crate) fn sohoa() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sohoa"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LANG", "C.UTF-8")
        .env("SOHOA_HOME", home())
        .env("SOHOA_MODELS", root().join("models"))
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    command.output().expect("the program starts").into()
}

/// `samples/` digitised once for all tests of this process, signed with the development identity.
///
/// The development CA is at [`home`]`/development-ca.pem`.
pub(crate) fn digitized_samples() -> &'static Path {
    static OUT: OnceLock<PathBuf> = OnceLock::new();
    OUT.get_or_init(|| {
        let out = fresh("digitized-samples").join("out");
        let run = run(sohoa().args(["digitize", "samples", "--out"]).arg(&out));
        assert_eq!(run.code, Some(3), "one sample is bad on purpose: {run:?}");
        out
    })
}

/// The files below a folder with this extension, sorted.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if extension.is_empty() || path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}
