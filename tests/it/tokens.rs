//! Keys on PKCS#11 tokens. SoftHSM is the token, OpenSC's `pkcs11-tool` fills it and says what it thinks of itself, OpenSC's
//! `pkcs11-spy` counts what is asked of it, and `tests/data/pkcs11-faults.c` stands in front of it and fails as tokens do.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::judges::{judge_against, judges_are_there};
use crate::program::{Run, fresh, root, run, sohoa};
use crate::signing::{PASSWORD, pdfsig_counts_valid};

/// Where Debian and Ubuntu install SoftHSM.
pub(crate) const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const PIN: &str = "123456";
pub(crate) const WRONG_PIN: &str = "654321";

/// A SoftHSM of its own, with one token.
pub(crate) struct Token {
    pub(crate) folder: PathBuf,
}

impl Token {
    /// A token with these keys of `tests/data/sign`, each with its certificate under the key's name.
    pub(crate) fn with(name: &str, keys: &[&str]) -> Self {
        let token = Self::empty(name);
        for (id, key) in (1..).zip(keys) {
            token.add(key, id, &[]);
        }
        token
    }

    /// A token with the key of a PKCS#12 file that has the password of all test keys.
    pub(crate) fn holding(name: &str, p12: &Path) -> Self {
        let token = Self::empty(name);
        let (key, certificate) = material(p12, &token.folder);
        token.write(&stem(p12), 1, &key, &certificate, &[]);
        token
    }

    /// A token labelled `clerk`.
    fn empty(name: &str) -> Self {
        let folder = fresh(name);
        fs::create_dir(folder.join("tokens")).expect("our own folder");
        let configuration = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            folder.join("tokens").display()
        );
        fs::write(folder.join("softhsm2.conf"), configuration).expect("our own folder");
        let token = Self { folder };
        token.tool(
            Command::new("softhsm2-util")
                .args(["--init-token", "--free", "--label", "clerk"])
                .args(["--so-pin", "12345678", "--pin", PIN]),
        );
        token
    }

    /// Has a program sign with this token; `chain` names the certificates above its own.
    pub(crate) fn used_by<'a>(&self, program: &'a mut Command, chain: &Path) -> &'a mut Command {
        program.arg("--token").arg(SOFTHSM).arg("--chain").arg(chain);
        program.env("SOFTHSM2_CONF", self.folder.join("softhsm2.conf")).env("SOHOA_PIN", PIN)
    }

    /// Puts a key of `tests/data/sign` and its certificate on the token.
    fn add(&self, name: &str, id: u8, attributes: &[&str]) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("token-material");
        fs::create_dir_all(&folder).expect("the build folder is writable");
        let (key, certificate) = material(&root().join(format!("tests/data/sign/{name}.p12")), &folder);
        self.write(name, id, &key, &certificate, attributes);
    }

    fn write(&self, name: &str, id: u8, key: &Path, certificate: &Path, attributes: &[&str]) {
        let id = format!("{id:02x}");
        let write = |path: &Path, kind: &str, more: &[&str]| {
            let mut command = Command::new("pkcs11-tool");
            command.args(["--module", SOFTHSM, "--login", "--pin", PIN, "--type", kind, "--id", &id, "--label", name]);
            self.tool(command.arg("--write-object").arg(path).args(more));
        };
        write(key, "privkey", &[&["--usage-sign"], attributes].concat());
        write(certificate, "cert", &[]);
    }

    fn tool(&self, command: &mut Command) -> Run {
        let done = run(command.env("SOFTHSM2_CONF", self.folder.join("softhsm2.conf")));
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }

    /// What the token says of itself.
    pub(crate) fn flags(&self) -> String {
        let listed = self.tool(Command::new("pkcs11-tool").args(["--module", SOFTHSM, "--list-slots"]));
        let flags = listed.stdout.lines().find(|line| line.contains("token flags") && line.contains("PIN initialized"));
        flags.expect("one token is initialised").to_owned()
    }

    /// The program with this token, asked for through the spy, which writes what it sees to `spy.log`.
    fn spied(&self, command: &str, key: &str) -> Command {
        drop(fs::remove_file(self.folder.join("spy.log")));
        let mut program = self.program(command, spy(), key);
        program.env("PKCS11SPY", SOFTHSM).env("PKCS11SPY_OUTPUT", self.folder.join("spy.log"));
        program
    }

    /// The program with this token behind a module that fails.
    fn failing(&self, command: &str, key: &str, fault: &str) -> Command {
        drop(fs::remove_file(self.folder.join("logins")));
        let mut program = self.program(command, faults(), key);
        program.envs([("FAULTS", fault), ("FAULTS_MODULE", SOFTHSM)]).env("FAULTS_LOG", self.folder.join("logins"));
        program
    }

    fn program(&self, command: &str, module: &Path, key: &str) -> Command {
        let mut program = sohoa();
        program.arg(command).arg("--token").arg(module).args(["--key-label", key, "--chain"]).arg(chain());
        program.env("SOFTHSM2_CONF", self.folder.join("softhsm2.conf")).env("SOHOA_PIN", PIN);
        program
    }

    pub(crate) fn spied_calls(&self, function: &str) -> usize {
        let log = fs::read_to_string(self.folder.join("spy.log")).expect("the spy wrote");
        log.lines().filter(|line| line.ends_with(function)).count()
    }

    fn logins(&self) -> usize {
        fs::read_to_string(self.folder.join("logins")).map_or(0, |log| log.lines().count())
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a file").to_string_lossy().into_owned()
}

/// Private key and certificate of a PKCS#12 file, as DER in this folder; made once.
fn material(p12: &Path, folder: &Path) -> (PathBuf, PathBuf) {
    let name = stem(p12);
    // Several tests may make the same files at once: each writes its own and renames.
    let made = |suffix: &str, make: &dyn Fn(&Path)| {
        let path = folder.join(format!("{name}.{suffix}"));
        if !path.exists() {
            let own = folder.join(format!("{name}.{suffix}.{:?}", std::thread::current().id()));
            make(&own);
            fs::rename(own, &path).expect("our own folder");
        }
        path
    };
    let openssl = |command: &str, out: &Path| {
        let done = run(Command::new("sh").args(["-c", command]).env("P12", p12).env("PASS", PASSWORD).env("OUT", out));
        assert_eq!(done.code, Some(0), "{done:?}");
    };
    let key = made("key", &|out| {
        openssl("openssl pkcs12 -in $P12 -passin env:PASS -nocerts -nodes | openssl pkey -outform DER -out $OUT", out);
    });
    let certificate = made("certificate", &|out| {
        openssl("openssl pkcs12 -in $P12 -passin env:PASS -nokeys -clcerts | openssl x509 -outform DER -out $OUT", out);
    });
    (key, certificate)
}

/// The certificates above those of the keys, PEM.
pub(crate) fn chain() -> &'static Path {
    static CHAIN: OnceLock<PathBuf> = OnceLock::new();
    CHAIN.get_or_init(|| {
        let path = fresh("token-chain").join("chain.pem");
        let done = run(Command::new("openssl")
            .args(["pkcs12", "-nokeys", "-cacerts", "-passin", "env:PASS", "-in", "tests/data/sign/p256.p12", "-out"])
            .arg(&path)
            .env("PASS", PASSWORD)
            .current_dir(root()));
        assert_eq!(done.code, Some(0), "{done:?}");
        path
    })
}

/// OpenSC's spy: below the folder of the machine's architecture.
pub(crate) fn spy() -> &'static Path {
    static SPY: OnceLock<PathBuf> = OnceLock::new();
    SPY.get_or_init(|| {
        let folders = fs::read_dir("/usr/lib").expect("a folder of Linux").flatten();
        let mut modules = folders.map(|folder| folder.path().join("pkcs11/pkcs11-spy.so"));
        modules.find(|module| module.exists()).expect("scripts/setup --tests installs it")
    })
}

/// The module that fails as it is told to.
pub(crate) fn faults() -> &'static Path {
    static MODULE: OnceLock<PathBuf> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = fresh("token-faults").join("faults.so");
        let source = root().join("tests/data/pkcs11-faults.c");
        let done = run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&path).arg(source));
        assert_eq!(done.code, Some(0), "{done:?}");
        path
    })
}

pub(crate) fn root_certificate() -> PathBuf {
    root().join("tests/data/sign/root.pem")
}

/// Three components of one page, without reading.
fn digitize(program: &mut Command, out: &Path) -> Run {
    let inputs = ["samples/bia-ho-so.jpg", "samples/to-khai/trang-1.jpg", "samples/to-khai/trang-2.jpg"];
    run(program.args(inputs).args(["--ocr", "off", "--out"]).arg(out))
}

/// One component.
fn digitize_one(program: &mut Command, out: &Path) -> Run {
    run(program.args(["samples/bia-ho-so.jpg", "--ocr", "off", "--out"]).arg(out))
}

/// State of each component of one page, in the order in which they were made.
fn states(out: &Path) -> Vec<String> {
    let manifest: Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).expect("a manifest")).expect("JSON");
    let components = manifest["components"].as_array().expect("components").iter();
    components.map(|component| component["state"].as_str().expect("a state").to_owned()).collect()
}

fn assert_verified(out: &Path) {
    let good = run(sohoa().arg("verify").arg(out).arg("--trust").arg(root_certificate()));
    assert_eq!(good.code, Some(0), "{good:?}");
}

#[test]
fn keys_of_each_kind_on_a_token_sign_what_the_judges_accept() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-kinds", &["rsa2048", "p256", "p384"]);
    let mut files = Vec::new();
    for key in ["rsa2048", "p256", "p384"] {
        let out = token.folder.join(key);
        let done = digitize(&mut token.spied("digitize", key), &out);
        assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
        // One session and one PIN for all of it: three components, and the manifest after each.
        assert_eq!(token.spied_calls("C_OpenSession"), 1);
        assert_eq!(token.spied_calls("C_Login"), 1);
        assert_eq!(token.spied_calls("C_SignInit"), 6);
        assert_verified(&out);
        let file = out.join("bia-ho-so.pdf");
        assert_eq!(pdfsig_counts_valid(&file), 1);
        files.push(file);
    }
    // An old token leaves the hash to us.
    let out = token.folder.join("no-hash");
    let done = digitize_one(&mut token.failing("digitize", "rsa2048", "no-hash"), &out);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_verified(&out);
    files.push(out.join("bia-ho-so.pdf"));
    for (file, verdict) in judge_against(&files, "2u", "verapdf,qpdf,pyhanko", &root_certificate()) {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
    }
}

#[test]
fn a_wrong_pin_is_presented_once_and_what_waits_is_signed_later() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-wrong-pin", &["p256"]);
    let out = token.folder.join("out");
    assert!(!token.flags().contains("user PIN count low"));
    let wrong = digitize(token.spied("digitize", "p256").env("SOHOA_PIN", WRONG_PIN), &out);
    assert_eq!(wrong.code, Some(8), "{wrong:?}");
    assert_eq!(token.spied_calls("C_Login"), 1);
    assert!(token.flags().contains("user PIN count low"), "the token saw it");
    assert!(wrong.stderr.contains("mã PIN không đúng") && wrong.stderr.contains("chờ ký"), "{wrong:?}");
    assert!(wrong.stdout.contains("sohoa sign --pending"), "{wrong:?}");
    assert!(!format!("{wrong:?}").contains(WRONG_PIN));
    assert_eq!(states(&out), ["unsigned"; 3]);
    assert_verified(&out);

    // Another wrong one: once again, and nothing is lost.
    let pending = |pin: &str| {
        let mut program = token.spied("sign", "p256");
        run(program.env("SOHOA_PIN", pin).arg("--pending").arg(&out))
    };
    let wrong = pending(WRONG_PIN);
    assert_eq!((wrong.code, token.spied_calls("C_Login")), (Some(8), 1), "{wrong:?}");
    assert!(wrong.stderr.contains("lần trước mã PIN đã nhập sai"), "{wrong:?}");
    assert_eq!(states(&out), ["unsigned"; 3]);

    let right = pending(PIN);
    assert_eq!((right.code, token.spied_calls("C_Login")), (Some(0), 1), "{right:?}");
    assert_eq!(states(&out), ["signed"; 3]);
    assert!(!token.flags().contains("user PIN count low"), "the right PIN cleared it");
    assert_verified(&out);
    // Once more: nothing waits, nothing is asked, nothing changes.
    let before = fs::read(out.join("manifest.json")).expect("a manifest");
    assert_eq!(pending(PIN).code, Some(0));
    assert!(!token.folder.join("spy.log").exists(), "the token was not even looked at");
    assert!(fs::read(out.join("manifest.json")).expect("a manifest") == before);
}

#[test]
fn a_run_with_the_right_pin_signs_what_an_earlier_one_left() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-again", &["rsa2048"]);
    let out = token.folder.join("out");
    let wrong = digitize(token.spied("digitize", "rsa2048").env("SOHOA_PIN", WRONG_PIN), &out);
    assert_eq!((wrong.code, states(&out)), (Some(8), vec!["unsigned".to_owned(); 3]));
    // The PIN from a file that is none: a pipe, as programs hand it over.
    let mut program = token.spied("digitize", "rsa2048");
    program.env_remove("SOHOA_PIN").args(["--pin-file", "/dev/stdin"]).stdin(Stdio::piped());
    let inputs = ["samples/bia-ho-so.jpg", "samples/to-khai/trang-1.jpg", "samples/to-khai/trang-2.jpg"];
    program.args(inputs).args(["--ocr", "off", "--out"]).arg(&out);
    let mut child = program.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(format!("{PIN}\n").as_bytes()).expect("the program reads");
    drop(stdin);
    let right: Run = child.wait_with_output().expect("our child").into();
    assert!(matches!(right.code, Some(0 | 4)), "{right:?}");
    // The same versions, signed where they lay.
    assert_eq!(states(&out), ["signed"; 3]);
    assert_verified(&out);
}

#[test]
fn a_token_that_fails_is_left_alone_and_everything_waits() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-faults-seen", &["p256"]);
    for (fault, logins, told) in [
        ("locked", 0, "đã bị khóa"),
        ("final-try", 0, "chỉ còn một lần thử"),
        ("pin-locked", 1, "đã bị khóa"),
        ("pin-expired", 1, "hết hạn"),
        ("full", 0, "hết bộ nhớ hoặc hết phiên"),
        ("removed=0", 1, "đã bị rút ra"),
        ("wrong", 1, "không khớp với chứng thư"),
    ] {
        let out = token.folder.join(fault);
        let done = digitize_one(&mut token.failing("digitize", "p256", fault), &out);
        assert_eq!((done.code, token.logins()), (Some(8), logins), "{fault}: {done:?}");
        assert!(done.stderr.contains(told) && done.stderr.contains("chờ ký"), "{fault}: {done:?}");
        assert_eq!(states(&out), ["unsigned"], "{fault}");
        assert_verified(&out);
    }
    assert!(!token.flags().contains("user PIN count low"), "no PIN was wasted");
    // No module, and no token of that name.
    for (arguments, told) in [
        (["--token", "/dev/null", "--token-label", "clerk"], "không nạp được mô-đun"),
        (["--token", SOFTHSM, "--token-label", "nobody"], "không thấy thiết bị ký"),
        (["--token", SOFTHSM, "--key-label", "nobody"], "không có khóa"),
    ] {
        let mut program = sohoa();
        program.env("SOFTHSM2_CONF", token.folder.join("softhsm2.conf")).env("SOHOA_PIN", PIN);
        let out = token.folder.join(told);
        let done = digitize_one(program.arg("digitize").args(arguments), &out);
        assert!(done.code == Some(8) && done.stderr.contains(told), "{done:?}");
        assert_eq!(states(&out), ["unsigned"]);
    }
}

#[test]
fn the_last_try_is_for_a_pin_that_a_person_types() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-final-try", &["p256"]);
    let out = token.folder.join("out");
    // `script` gives the program a terminal and types what it is given. The PIN of the environment would be a wrong one.
    let inner = token.failing("digitize", "p256", "final-try");
    let words =
        std::iter::once(inner.get_program()).chain(inner.get_args()).map(|word| word.to_string_lossy().into_owned());
    let typed =
        format!("{} samples/bia-ho-so.jpg --ocr off --out {}", words.collect::<Vec<_>>().join(" "), out.display());
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &typed, "/dev/null"]).current_dir(root()).env_clear();
    for (name, value) in inner.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    terminal.env("SOHOA_PIN", WRONG_PIN).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = terminal.spawn().expect("script is part of Debian");
    let (mut keyboard, mut screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    // Typed when it is asked for.
    let mut shown = Vec::new();
    let mut byte = [0];
    while screen.read(&mut byte).expect("our child") == 1 {
        shown.push(byte[0]);
        if shown.ends_with("Mã PIN: ".as_bytes()) {
            keyboard.write_all(format!("{PIN}\n").as_bytes()).expect("the terminal reads");
        }
    }
    let code = child.wait().expect("our child").code();
    let shown = String::from_utf8(shown).expect("UTF-8");
    assert_eq!((code, token.logins()), (Some(0), 1), "{shown}");
    assert!(shown.contains("CHỈ CÒN MỘT LẦN THỬ"), "{shown}");
    assert_eq!(states(&out), ["signed"]);
}

#[test]
fn a_token_pulled_out_in_the_middle_leaves_the_rest_waiting() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-pulled", &["p256"]);
    // After the first component and its manifest, and between a component and its manifest.
    for (finished, signed) in [(2, 1), (1, 1), (3, 2)] {
        let out = token.folder.join(finished.to_string());
        let mut program = token.failing("digitize", "p256", &format!("removed={finished}"));
        let done = digitize(program.args(["--jobs", "1"]), &out);
        assert_eq!((done.code, token.logins()), (Some(8), 1), "{done:?}");
        assert_eq!(done.stderr.matches("đã bị rút ra").count(), 1, "told once: {done:?}");
        let states = states(&out);
        assert_eq!(states.iter().filter(|state| *state == "signed").count(), signed, "{states:?}");
        assert_verified(&out);
        let pulled = run(token.failing("sign", "p256", "removed=0").arg("--pending").arg(&out));
        assert_eq!((pulled.code, token.logins()), (Some(8), 1), "{pulled:?}");
        assert_eq!(pulled.stderr.matches("đã bị rút ra").count(), 1, "{pulled:?}");
        let later = run(token.spied("sign", "p256").arg("--pending").arg(&out));
        assert_eq!(later.code, Some(0), "{later:?}");
        assert_eq!(self::states(&out), ["signed"; 3]);
        assert_verified(&out);
    }
}

#[test]
fn a_key_that_wants_its_pin_each_time_gets_it_or_is_refused() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-always", &[]);
    token.add("rsa2048", 1, &["--always-auth"]);
    token.add("p256", 2, &["--always-auth"]);
    let out = token.folder.join("rsa");
    let done = digitize(&mut token.spied("digitize", "rsa2048"), &out);
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
    // At the start, and with each of six signatures.
    assert_eq!(token.spied_calls("C_Login"), 1 + 6);
    assert_verified(&out);
    // SoftHSM does not hash for ECDSA, and its key could be used only between hash and signature.
    let out = token.folder.join("ecdsa");
    let refused = digitize_one(&mut token.spied("digitize", "p256"), &out);
    assert_eq!((refused.code, token.spied_calls("C_Login")), (Some(8), 1), "{refused:?}");
    assert!(refused.stderr.contains("đòi mã PIN cho từng chữ ký"), "{refused:?}");
    assert_eq!(states(&out), ["unsigned"]);
}

#[test]
fn the_configuration_names_the_token_and_several_keys_need_a_name() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("token-configured", &["p256", "p384"]);
    let sign = |sign: &str| {
        let file = token.folder.join("sohoa.toml");
        fs::write(&file, format!("[sign]\ntoken = '{SOFTHSM}'\nchain = '{}'\n{sign}", chain().display()))
            .expect("ours");
        let out = fresh("token-configured-out").join("out");
        let mut program = sohoa();
        program.env("SOFTHSM2_CONF", token.folder.join("softhsm2.conf")).env("SOHOA_PIN", PIN);
        let done = run(program
            .args(["digitize", "samples/bia-ho-so.jpg", "--ocr", "off", "--config"])
            .arg(&file)
            .arg("--out")
            .arg(&out));
        (done, out)
    };
    let (several, _) = sign("");
    assert!(several.code == Some(8) && several.stderr.contains("--key-label"), "{several:?}");
    let (good, out) = sign("token_label = 'clerk'\nkey_label = 'p384'\n");
    assert_eq!(good.code, Some(0), "{good:?}");
    assert_verified(&out);
    let (wrong, _) = sign("key = 'a.p12'\n");
    assert!(wrong.code == Some(9) && wrong.stderr.contains("sign.token"), "{wrong:?}");
}
