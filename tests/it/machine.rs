//! The machine around the program: keys and passwords, the development identity, the clock, closed pipes and full
//! disks behind the standard streams, the language of the configuration, the manual.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{fresh, root, run, sohoa};

/// The password of the keys in `tests/data/sign`, as `make.sh` there sets it.
const RIGHT: &str = "mật khẩu";

fn digitize(folder: &Path) -> Command {
    let mut command = sohoa();
    command.args(["digitize", "--ocr", "off", "--quiet", "samples/bia-ho-so.jpg", "--out"]).arg(folder.join("out"));
    command
}

fn key(name: &str) -> PathBuf {
    root().join("tests/data/sign").join(name)
}

/// Whether the one component of an output is signed or waits.
fn state(folder: &Path) -> String {
    let manifest = fs::read(folder.join("out/manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    manifest["components"][0]["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_wrong_password_is_tried_once_and_its_component_waits() {
    let folder = fresh("wrong-password");
    let file = folder.join("password");
    fs::write(&file, "sai\n").expect("our own folder");
    let refused = run(digitize(&folder).arg("--key").arg(key("p256.p12")).arg("--key-password-file").arg(&file));
    assert_eq!(refused.code, Some(8), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "told once, tried once: {refused:?}");
    assert_eq!(state(&folder), "unsigned");
    // The right one, for a key that the configuration names, signs what waits.
    fs::write(&file, format!("{RIGHT}\r\n")).expect("our own folder");
    let config = folder.join("sohoa.toml");
    fs::write(&config, format!("[sign]\nkey = {:?}\n", key("p256.p12"))).expect("our own folder");
    let signed = run(digitize(&folder).arg("--config").arg(&config).arg("--key-password-file").arg(&file));
    assert_eq!(signed.code, Some(0), "{signed:?}");
    let manifest = fs::read_to_string(folder.join("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"development\": false") && state(&folder) == "signed");
}

#[test]
fn a_password_file_without_a_key_is_a_mistake() {
    let folder = fresh("password-alone");
    let refused = run(digitize(&folder).args(["--key-password-file", "Cargo.toml"]));
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn an_expired_key_leaves_its_component_waiting() {
    let folder = fresh("expired-key");
    // A development identity of 1970, its three years long over.
    let home = folder.join("home");
    let first = run(digitize(&folder.join("first")).env("SOHOA_HOME", &home).env("SOURCE_DATE_EPOCH", "86400"));
    assert_eq!(first.code, Some(0), "{first:?}");
    let mut command = digitize(&folder);
    command.env("SOHOA_KEY_PASSWORD", "sohoa-development");
    let refused = run(command.arg("--key").arg(home.join("development-identity.p12")));
    assert!(refused.stderr.contains("hết hạn"), "{refused:?}");
    assert_eq!(refused.code, Some(8), "{refused:?}");
    assert_eq!(state(&folder), "unsigned");
}

#[test]
fn a_damaged_or_expired_development_identity_is_told_with_its_cure_and_kept() {
    let folder = fresh("damaged-identity");
    let home = folder.join("home");
    let identity = home.join("development-identity.p12");
    assert_eq!(run(digitize(&folder).env("SOHOA_HOME", &home)).code, Some(0));
    let whole = fs::read(&identity).expect("made on first use");
    assert_eq!(fs::metadata(&identity).expect("it is there").permissions().mode() & 0o777, 0o600);
    for damaged in [&whole[..0], &whole[..whole.len() / 2]] {
        fs::write(&identity, damaged).expect("our own folder");
        let refused = run(digitize(&folder).args(["--lang", "en"]).env("SOHOA_HOME", &home));
        assert_eq!(refused.code, Some(8), "{refused:?}");
        assert!(refused.stderr.contains("without this file a new development key is made"), "{refused:?}");
        assert_eq!(fs::read(&identity).expect("kept"), damaged);
    }
    fs::write(&identity, &whole).expect("our own folder");
    let expired = run(digitize(&folder).env("SOHOA_HOME", &home).env("SOURCE_DATE_EPOCH", "86400"));
    assert_eq!(expired.code, Some(8), "{expired:?}");
    // What cannot be read is not replaced (a directory stands for it, as root may read everything).
    fs::remove_file(&identity).expect("our own folder");
    fs::create_dir(&identity).expect("our own folder");
    assert_eq!(run(digitize(&folder).env("SOHOA_HOME", &home)).code, Some(8));
    assert!(identity.is_dir());
}

#[test]
fn programs_that_start_at_once_make_one_identity() {
    let folder = fresh("first-use");
    let home = folder.join("home");
    let start = |number: usize| {
        digitize(&folder.join(number.to_string())).env("SOHOA_HOME", &home).stderr(Stdio::piped()).spawn()
    };
    let children: Vec<_> = (0..6).map(|number| start(number).expect("the program starts")).collect();
    let mut made = 0;
    for child in children {
        let output = child.wait_with_output().expect("our child");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        made += usize::from(!output.stderr.is_empty());
    }
    assert_eq!(made, 1, "each says so when it makes one");
    for number in 0..6 {
        let out = folder.join(number.to_string()).join("out");
        let trust = home.join("development-ca.pem");
        let good = run(sohoa().arg("verify").arg(out).arg("--trust").arg(trust));
        assert_eq!(good.code, Some(0), "{good:?}");
    }
}

#[test]
fn a_clock_that_cannot_be_is_a_mistake() {
    let folder = fresh("clock");
    for wrong in ["", "abc", "-1", "253402300799", "99999999999999999999"] {
        let refused = run(digitize(&folder).arg("--no-sign").env("SOURCE_DATE_EPOCH", wrong));
        assert_eq!(refused.code, Some(9), "{wrong}: {refused:?}");
        assert!(refused.stderr.contains("SOURCE_DATE_EPOCH"), "{refused:?}");
    }
    let made = run(digitize(&folder).arg("--no-sign").env("SOURCE_DATE_EPOCH", "0"));
    assert_eq!(made.code, Some(0), "{made:?}");
    let manifest = fs::read_to_string(folder.join("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"1970-01-01T07:00:00+07:00\""));
}

#[test]
fn a_reader_that_leaves_changes_nothing_about_the_job() {
    let folder = fresh("closed-pipe");
    // A pipe whose other end is closed before the program writes.
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let mut command = digitize(&folder);
    let status = command.arg("--json").stdout(closed()).stderr(closed()).status().expect("the program starts");
    assert_eq!(status.code(), Some(0));
    assert_eq!(run(sohoa().arg("verify").arg(folder.join("out"))).code, Some(0));
    // A job that fails says so by its code all the same.
    fs::write(folder.join("file"), b"").expect("our own folder");
    let mut failing = sohoa();
    failing.args(["digitize", "--ocr", "off", "--no-sign", "--json", "samples/bia-ho-so.jpg", "--out"]);
    failing.arg(folder.join("file")).stdout(closed()).stderr(closed());
    assert_eq!(failing.status().expect("the program starts").code(), Some(7));
    let full = || File::options().write(true).open("/dev/full").expect("Linux has it");
    for arguments in [&["completions", "bash"][..], &["manpage"]] {
        assert_eq!(sohoa().args(arguments).stdout(closed()).status().expect("it starts").code(), Some(0));
        let status = sohoa().args(arguments).stdout(full()).stderr(full()).status();
        assert_eq!(status.expect("it starts").code(), Some(7), "{arguments:?}");
    }
}

#[test]
fn the_configuration_may_choose_the_language() {
    let folder = fresh("language");
    let config = folder.join("sohoa.toml");
    fs::write(&config, "lang = 'en'\n").expect("our own folder");
    let said =
        |arguments: &[&str]| run(sohoa().args(["verify", "nowhere", "--config"]).arg(&config).args(arguments)).stderr;
    assert!(said(&[]).contains("not found"), "{}", said(&[]));
    assert!(said(&["--lang", "vi"]).contains("không tìm thấy"));
}

#[test]
fn help_and_manual_speak_the_language_asked_for_and_name_every_option() {
    for command in [&["--help"][..], &["digitize", "--help"], &["verify", "-h"], &["help", "inspect"], &["manpage"]] {
        let said = run(sohoa().args(command));
        assert_eq!(said.code, Some(0), "{said:?}");
        for english in ["Usage:", "Options:", "Arguments:", "Commands:", "Print ", "possible values"] {
            assert!(!said.stdout.contains(english), "{command:?} says {english}: {}", said.stdout);
        }
        let said = run(sohoa().args(["--lang", "en"]).args(command));
        let vietnamese = |c: &char| "ảạấầẩẫậắằặẻẽẹếềểễệịọốồổỗộớờởợụứừửữựđĐ".contains(*c);
        assert_eq!(said.stdout.chars().find(vietnamese), None, "{command:?}: {}", said.stdout);
    }
    let manual = run(sohoa().args(["--lang", "en", "manpage"])).stdout.replace("\\-", "-");
    for named in ["SOHOA DIGITIZE", "--out", "--key-password-file", "--trust", "--pdfa", "SOHOA INSPECT"] {
        assert!(manual.contains(named), "{named}: {manual}");
    }
}
