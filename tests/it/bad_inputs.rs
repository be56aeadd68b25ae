//! Bad inputs: each gets its exit code and a message in either language, none makes the program panic, hang or grow
//! beyond bounds, and none costs an original.
//!
//! `docs/bad-inputs.md` is the table that this test makes. `UPDATE_GOLDEN=1` rewrites it and fails all the same, so that
//! a rewrite is looked at.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::broken::{
    encrypted_pdf, good_jpeg, jpeg_claiming, pdf_with_page_loop, pdf_without_pages, plain_png, png_bomb, png_claiming,
    text_pdf, tiff, tiff_entries,
};
use crate::program::{Run, fresh, root, run, sohoa};

/// Address space of one run: far below what a decoded bomb would take, enough for the program itself.
const ADDRESS_SPACE_BYTES: u64 = 2 << 30;
/// No bad input may take longer, in seconds.
const TIME_LIMIT: &str = "60";
/// The user that no file belongs to.
const NOBODY: &str = "65534";

const INCOMPLETE: i32 = 3;
const NO_INPUT: i32 = 5;
const USAGE: i32 = 2;
const TAMPERED: i32 = 6;
const OUTPUT: i32 = 7;
const KEY: i32 = 8;
const CONFIGURATION: i32 = 9;

/// One bad input. The program runs in a folder of its own, where `prepare` has made `in`, and writes to `out`.
struct Case {
    name: &'static str,
    code: i32,
    arguments: Vec<&'static str>,
    prepare: Box<dyn Fn(&Path)>,
    how: How,
}

/// Under what conditions the program runs.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Plainly,
    /// As a user that may not read or write what others keep to themselves.
    WithoutRights,
    /// With `out` on a file system of this size, or unable to write a file of more than a few blocks.
    WithoutSpace,
}

impl Case {
    fn new(name: &'static str, code: i32, prepare: impl Fn(&Path) + 'static) -> Self {
        let arguments = vec!["digitize", "in", "--out", "out", "--no-sign", "--ocr", "off", "--quiet"];
        Self { name, code, arguments, prepare: Box::new(prepare), how: How::Plainly }
    }

    /// A folder with this one file.
    fn file(name: &'static str, code: i32, file: &'static str, bytes: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self::new(name, code, move |folder| put(folder, file, &bytes()))
    }

    /// The same with other arguments.
    fn arguments(self, arguments: &[&'static str]) -> Self {
        Self { arguments: arguments.to_vec(), ..self }
    }

    fn how(self, how: How) -> Self {
        Self { how, ..self }
    }
}

fn put(folder: &Path, name: impl AsRef<OsStr>, bytes: &[u8]) {
    let path = folder.join("in").join(name.as_ref());
    fs::create_dir_all(path.parent().expect("in is its parent")).expect("our own folder");
    fs::write(path, bytes).expect("our own folder");
}

fn cut(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes[..length.min(bytes.len())].to_vec()
}

/// A file of `samples/`, or the start of one.
fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("the sample exists")
}

fn cases() -> Vec<Case> {
    let mut cases = broken_pictures();
    cases.extend(wrong_kinds());
    cases.extend(pdfs());
    cases.extend(places());
    cases.extend(arguments());
    cases
}

fn broken_pictures() -> Vec<Case> {
    vec![
        Case::file("empty file", NO_INPUT, "a.jpg", Vec::new),
        Case::file("JPEG cut after 1 byte", NO_INPUT, "a.jpg", || cut(&good_jpeg(), 1)),
        Case::file("JPEG cut after 2 bytes", NO_INPUT, "a.jpg", || cut(&good_jpeg(), 2)),
        Case::file("JPEG cut after 20 bytes", NO_INPUT, "a.jpg", || cut(&good_jpeg(), 20)),
        Case::file("JPEG cut after 600 bytes, in its tables", NO_INPUT, "a.jpg", || cut(&good_jpeg(), 600)),
        Case::file("JPEG cut after 10 kB", NO_INPUT, "a.jpg", || cut(&good_jpeg(), 10_000)),
        Case::file("JPEG cut in the middle", NO_INPUT, "a.jpg", || cut(&good_jpeg(), good_jpeg().len() / 2)),
        Case::file("JPEG with its last 5 kB missing", NO_INPUT, "a.jpg", || {
            cut(&good_jpeg(), good_jpeg().len() - 5_000)
        }),
        Case::file("JPEG header that claims 65,500 × 65,500", NO_INPUT, "a.jpg", || jpeg_claiming(65_500, 65_500)),
        Case::file("JPEG header that claims 0 × 0", NO_INPUT, "a.jpg", || jpeg_claiming(0, 0)),
        Case::file("PNG cut in the middle", NO_INPUT, "a.png", || {
            let png = plain_png(1000, 1400);
            cut(&png, png.len() / 2)
        }),
        Case::file("PNG of 30,000 × 30,000 pixels in 440 kB (decompression bomb)", NO_INPUT, "a.png", || {
            png_bomb(30_000, 30_000)
        }),
        Case::file("PNG that claims 2,147,483,647 × 2,147,483,647", NO_INPUT, "a.png", || {
            png_claiming(0x7FFF_FFFF, 0x7FFF_FFFF)
        }),
        Case::file("PNG that claims 8,000 × 8,000 and has no pixels", NO_INPUT, "a.png", || {
            png_claiming(8_000, 8_000)
        }),
        Case::file("picture of 1 × 1", NO_INPUT, "a.png", || plain_png(1, 1)),
        Case::file("picture of 1 × 20,000", NO_INPUT, "a.png", || plain_png(1, 20_000)),
        Case::file("TIFF cut in the middle", NO_INPUT, "a.tif", || {
            let tiff = sample("quyet-dinh-den-trang/trang-1.tif");
            cut(&tiff, tiff.len() / 2)
        }),
        Case::file("TIFF whose list of pages goes round in a circle", NO_INPUT, "a.tif", || {
            tiff(&tiff_entries(100, 100, 1), 8, &[0; 10_000])
        }),
        Case::file("TIFF that claims 4,294,967,295 × 4,294,967,295", NO_INPUT, "a.tif", || {
            tiff(&tiff_entries(u32::MAX, u32::MAX, 1), 0, &[])
        }),
        Case::file("TIFF with Group 3 compression and no data", NO_INPUT, "a.tif", || {
            tiff(&tiff_entries(1000, 1000, 3), 0, &[])
        }),
        Case::file("TIFF with an unknown compression", NO_INPUT, "a.tif", || {
            tiff(&tiff_entries(100, 100, 60_000), 0, &[0; 10_000])
        }),
        Case::file("WebP header and nothing after it", NO_INPUT, "a.webp", || b"RIFF\xff\xff\xff\x7fWEBPVP8 ".to_vec()),
        Case::file("BMP header and nothing after it", NO_INPUT, "a.bmp", || {
            let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
            bmp.extend([0xFF, 0x7F, 0, 0, 0xFF, 0x7F, 0, 0, 1, 0, 24, 0]);
            bmp.extend([0; 24]);
            bmp
        }),
        Case::file("HEIC header and nothing after it", NO_INPUT, "a.heic", || {
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()
        }),
        Case::new("one bad picture among good ones", INCOMPLETE, |folder| {
            put(folder, "1.jpg", &good_jpeg());
            put(folder, "2.jpg", &cut(&good_jpeg(), 10_000));
            put(folder, "3.jpg", &good_jpeg());
        }),
    ]
}

fn wrong_kinds() -> Vec<Case> {
    vec![
        Case::file("text named as a picture", NO_INPUT, "a.jpg", || "đây là văn bản\n".repeat(100).into_bytes()),
        Case::file("program named as a picture", NO_INPUT, "a.jpg", || {
            cut(&fs::read("/bin/sh").expect("a shell"), 50_000)
        }),
        Case::file("zeros named as a picture", NO_INPUT, "a.jpg", || vec![0; 100_000]),
        Case::file("picture with the name of another kind", 0, "a.png", good_jpeg),
        Case::file("Word file", NO_INPUT, "don.docx", || b"PK\x03\x04\x14\0\x06\0[Content_Types].xml".to_vec()),
        Case::file("GIF, a kind that is not taken", NO_INPUT, "a.gif", || b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
        Case::file("SVG, a kind that is not taken", NO_INPUT, "a.svg", || {
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()
        }),
    ]
}

fn pdfs() -> Vec<Case> {
    vec![
        Case::file("PDF behind a password", NO_INPUT, "a.pdf", encrypted_pdf),
        Case::file("PDF of text, not of pictures", NO_INPUT, "a.pdf", text_pdf),
        Case::file("PDF without a page", NO_INPUT, "a.pdf", pdf_without_pages),
        Case::file("PDF whose page tree goes round in a circle", NO_INPUT, "a.pdf", pdf_with_page_loop),
        Case::file("PDF cut in the middle", NO_INPUT, "a.pdf", || cut(&text_pdf(), text_pdf().len() / 2)),
        Case::file("PDF header and nothing after it", NO_INPUT, "a.pdf", || b"%PDF-1.7\n".to_vec()),
    ]
}

fn places() -> Vec<Case> {
    vec![
        Case::new("input that does not exist", NO_INPUT, |_| {}),
        Case::new("empty folder", NO_INPUT, |folder| fs::create_dir(folder.join("in")).expect("our own folder")),
        Case::new("folder with nothing but notes", NO_INPUT, |folder| put(folder, "ghi-chu.txt", b"x")),
        Case::new("folder named like a picture", NO_INPUT, |folder| {
            fs::create_dir_all(folder.join("in/a.jpg")).expect("our own folder");
        }),
        Case::new("folder that contains itself by a link", 0, |folder| {
            put(folder, "a.jpg", &good_jpeg());
            symlink(folder.join("in"), folder.join("in/loop")).expect("our own folder");
        }),
        Case::new("link to nowhere", NO_INPUT, |folder| {
            fs::create_dir(folder.join("in")).expect("our own folder");
            symlink("nowhere.jpg", folder.join("in/a.jpg")).expect("our own folder");
        }),
        Case::new("link that points to itself", NO_INPUT, |folder| {
            symlink("in", folder.join("in")).expect("our own folder");
        }),
        Case::new("named pipe that nobody writes to", NO_INPUT, |folder| {
            fs::create_dir(folder.join("in")).expect("our own folder");
            let made = Command::new("mkfifo").arg(folder.join("in/a.jpg")).status();
            assert!(made.expect("coreutils are installed").success());
        }),
        Case::new("endless device", NO_INPUT, |_| {}).arguments(&[
            "digitize",
            "/dev/zero",
            "--out",
            "out",
            "--no-sign",
        ]),
        Case::new("picture that may not be read", INCOMPLETE, |folder| {
            put(folder, "1.jpg", &good_jpeg());
            put(folder, "2.jpg", &good_jpeg());
            forbid(&folder.join("in/2.jpg"));
        })
        .how(How::WithoutRights),
        Case::new("folder that may not be listed", NO_INPUT, |folder| {
            put(folder, "1.jpg", &good_jpeg());
            forbid(&folder.join("in"));
        })
        .how(How::WithoutRights),
        Case::new("name in Vietnamese, decomposed, with spaces", 0, |folder| {
            put(folder, "To\u{31b}\u{300} khai \u{111}a\u{306}ng ky\u{301} (ba\u{309}n 2).jpg", &good_jpeg());
        }),
        Case::new("name of 255 bytes", 0, |folder| put(folder, "ờ".repeat(83) + "aa.jpg", &good_jpeg())),
        Case::new("name that is not UTF-8", 0, |folder| {
            put(folder, OsStr::from_bytes(b"trang\xff1.jpg"), &good_jpeg());
        }),
        Case::new("name with a line break and an escape sequence", NO_INPUT, |folder| {
            put(folder, "a\n\x1b[31mđỏ.jpg", b"x");
        }),
        Case::new("two folders of the same name", 0, |folder| {
            put(folder, "a/to-khai/1.jpg", &good_jpeg());
            put(folder, "b/to-khai/1.jpg", &good_jpeg());
        }),
        Case::new("output inside the input", USAGE, |folder| put(folder, "a.jpg", &good_jpeg())).arguments(&[
            "digitize",
            "in",
            "--out",
            "in/out",
            "--no-sign",
        ]),
        Case::new("output that is the input", USAGE, |folder| put(folder, "a.jpg", &good_jpeg())).arguments(&[
            "digitize",
            "in",
            "--out",
            "in",
            "--no-sign",
        ]),
        Case::new("output that is a file", OUTPUT, |folder| {
            put(folder, "a.jpg", &good_jpeg());
            fs::write(folder.join("out"), b"mine").expect("our own folder");
        }),
        Case::new("output that may not be written", OUTPUT, |folder| {
            put(folder, "a.jpg", &good_jpeg());
            fs::create_dir(folder.join("out")).expect("our own folder");
            fs::set_permissions(folder.join("out"), fs::Permissions::from_mode(0o555)).expect("our own folder");
        })
        .how(How::WithoutRights),
        Case::new("no space left for the output", OUTPUT, |folder| put(folder, "a.jpg", &good_jpeg()))
            .how(How::WithoutSpace),
        Case::new("output with a manifest of something else", TAMPERED, |folder| {
            put(folder, "a.jpg", &good_jpeg());
            fs::create_dir(folder.join("out")).expect("our own folder");
            fs::write(folder.join("out/manifest.json"), b"{}").expect("our own folder");
        }),
    ]
}

fn arguments() -> Vec<Case> {
    let good = |folder: &Path| put(folder, "a.jpg", &good_jpeg());
    vec![
        Case::new("no argument", USAGE, good).arguments(&[]),
        Case::new("unknown option", USAGE, good).arguments(&["digitize", "in", "--out", "out", "--nhanh"]),
        Case::new("dossier code that is none", USAGE, good).arguments(&[
            "digitize",
            "in",
            "--out",
            "out",
            "--dossier",
            "12/13",
        ]),
        Case::new("unknown PDF/A level", CONFIGURATION, good)
            .arguments(&["digitize", "in", "--out", "out", "--pdfa", "4"]),
        Case::new("more jobs than allowed", CONFIGURATION, good)
            .arguments(&["digitize", "in", "--out", "out", "--jobs", "100000"]),
        Case::new("configuration that does not exist", CONFIGURATION, good).arguments(&[
            "digitize",
            "in",
            "--out",
            "out",
            "--config",
            "sohoa.toml",
        ]),
        Case::new("configuration with an unknown key", CONFIGURATION, move |folder| {
            good(folder);
            fs::write(folder.join("sohoa.toml"), "nhanh = true\n").expect("our own folder");
        })
        .arguments(&["digitize", "in", "--out", "out", "--config", "sohoa.toml"]),
        Case::new("examples of papers that are none", CONFIGURATION, move |folder| {
            good(folder);
            fs::write(folder.join("examples.jsonl"), "{}\n{\"kin\": 1}\n").expect("our own folder");
        })
        .arguments(&["extract", "in", "--examples", "examples.jsonl"]),
        Case::new("correction of another paper", CONFIGURATION, move |folder| {
            good(folder);
            fs::write(folder.join("said.jsonl"), "{\"component\": \"khac\"}\n").expect("our own folder");
        })
        .arguments(&["extract", "in", "--teach", "said.jsonl"]),
        Case::new("no recognition model", CONFIGURATION, move |folder| {
            good(folder);
            fs::create_dir(folder.join("empty")).expect("our own folder");
        })
        .arguments(&["digitize", "in", "--out", "out", "--models", "empty"]),
        Case::new("broken recognition model", CONFIGURATION, move |folder| {
            good(folder);
            fs::create_dir(folder.join("models")).expect("our own folder");
            fs::write(folder.join("models/vie.traineddata"), b"x").expect("our own folder");
        })
        .arguments(&["digitize", "in", "--out", "out", "--models", "models"]),
        Case::new("signing key that does not exist", KEY, good)
            .arguments(&["digitize", "in", "--out", "out", "--ocr", "off", "--quiet", "--key", "key.p12"]),
        Case::new("signing key that is none", KEY, move |folder| {
            good(folder);
            fs::write(folder.join("key.p12"), b"not a key").expect("our own folder");
            fs::write(folder.join("password"), b"x\n").expect("our own folder");
        })
        .arguments(&[
            "digitize",
            "in",
            "--out",
            "out",
            "--ocr",
            "off",
            "--quiet",
            "--key",
            "key.p12",
            "--key-password-file",
            "password",
        ]),
        Case::new("token whose module is none", KEY, good).arguments(&[
            "digitize",
            "in",
            "--out",
            "out",
            "--ocr",
            "off",
            "--quiet",
            "--token",
            "/dev/null",
        ]),
        Case::new("nothing to sign with", USAGE, good).arguments(&["sign", "in/1.jpg"]),
        Case::new("nothing to verify", NO_INPUT, good).arguments(&["verify", "in"]),
        Case::new("verify what does not exist", NO_INPUT, good).arguments(&["verify", "nowhere"]),
        Case::new("verify a PDF without a signature", TAMPERED, move |folder| {
            fs::write(folder.join("a.pdf"), text_pdf()).expect("our own folder");
        })
        .arguments(&["verify", "a.pdf"]),
        Case::new("inspect what does not exist", INCOMPLETE, good).arguments(&["inspect", "nowhere.jpg"]),
    ]
}

fn forbid(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("our own folder");
}

#[test]
fn every_bad_input_gets_its_code_and_message_and_keeps_its_originals() {
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    let cases = cases();
    assert!(cases.len() >= 25);
    for (number, case) in cases.iter().enumerate() {
        let mut messages = Vec::new();
        for lang in ["vi", "en"] {
            let folder = fresh(&format!("bad-{number}-{lang}"));
            let mut complain = |what: String| wrong.push(format!("{} ({lang}): {what}", case.name));
            let Some(run) = attempt(case, &folder, lang, &mut complain) else { break };
            if run.code != Some(case.code) {
                complain(format!("exit code {:?}, not {}\n{}{}", run.code, case.code, run.stdout, run.stderr));
            }
            let message = message(&run, &folder);
            if message.contains("panicked") || message.contains("RUST_BACKTRACE") {
                complain(format!("panicked: {message}"));
            }
            // clap words the errors of the command line itself, in English.
            if lang == "vi" && case.code != USAGE && !message.is_empty() && !message.contains(is_vietnamese) {
                complain(format!("no Vietnamese in: {message}"));
            }
            if message.is_empty() && case.code != 0 {
                complain("no message".to_owned());
            }
            if message.contains(|c: char| c.is_control() && c != '\n') {
                complain("a control character of the name reached the terminal".to_owned());
            }
            messages.push(message);
        }
        match messages.as_slice() {
            [vi, en] => rows.push(format!("| {} | {} | {} | {} |", case.name, case.code, cell(vi), cell(en))),
            _ => println!("{}: skipped, this machine cannot make it", case.name),
        }
    }
    println!("{}", rows.join("\n"));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    compare_with_document(&rows);
}

/// Runs the program on the case in `folder`; `None` where the machine cannot make the case.
fn attempt(case: &Case, folder: &Path, lang: &str, complain: &mut dyn FnMut(String)) -> Option<Run> {
    (case.prepare)(folder);
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("our own folder");
    let before = originals(&folder.join("in"));
    let mounted = case.how == How::WithoutSpace && mount_tiny(&folder.join("out"));
    let mut command = limited(case.how, mounted)?;
    command.args(&case.arguments).args(["--lang", lang]).current_dir(folder);
    let run = run(&mut command);
    if mounted {
        assert!(Command::new("umount").arg(folder.join("out")).status().expect("umount is there").success());
    }
    if originals(&folder.join("in")) != before {
        complain("an original was changed".to_owned());
    }
    Some(run)
}

/// The program under a limit of time and memory, run as the case wants it.
fn limited(how: How, mounted: bool) -> Option<Command> {
    let program = sohoa();
    let mut words: Vec<String> = vec!["timeout".into(), "--kill-after=5".into(), TIME_LIMIT.into()];
    words.extend(["prlimit".into(), format!("--as={ADDRESS_SPACE_BYTES}")]);
    if how == How::WithoutRights && is_root() {
        words.extend(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"].map(String::from));
        let can = Command::new(&words[5]).args(&words[6..]).arg(program.get_program()).arg("--version").output();
        if !can.is_ok_and(|output| output.status.success()) {
            return None;
        }
    }
    if how == How::WithoutSpace && !mounted {
        // Ignoring the signal turns the limit into an error of the write, as a full disk is.
        let script = "trap '' XFSZ; ulimit -f 16; exec \"$@\"";
        words.extend(["bash", "-c", script, "bash"].map(String::from));
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(program.get_program()).stdin(Stdio::null()).env_clear();
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(command)
}

fn is_root() -> bool {
    static ROOT: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ROOT.get_or_init(|| Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n"))
}

/// Puts a file system of 64 KiB there, where the user may.
fn mount_tiny(folder: &Path) -> bool {
    fs::create_dir(folder).expect("our own folder");
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder).stderr(Stdio::null());
    is_root() && mount.status().is_ok_and(|status| status.success())
}

/// Everything below a folder with its content; what is no file is told by its kind only.
fn originals(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(kind) = fs::symlink_metadata(folder).map(|metadata| metadata.file_type()) else { return found };
    if kind.is_dir() {
        // A folder that root may list and the program may not is read here all the same.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            found.extend(originals(&entry.expect("the folder is readable").path()));
        }
    }
    let content = if kind.is_symlink() {
        fs::read_link(folder).expect("it is a link").into_os_string().as_bytes().to_vec()
    } else if kind.is_fifo() || kind.is_dir() {
        Vec::new()
    } else {
        fs::read(folder).unwrap_or_default()
    };
    found.insert(folder.to_owned(), content);
    found
}

/// What the program said to the person, without the place where the test happens to run. What `verify` finds is its
/// result and stands on standard output.
fn message(run: &Run, folder: &Path) -> String {
    let folder = folder.to_str().expect("our names are ASCII");
    format!("{}{}", run.stdout, run.stderr).replace(&format!("{folder}/"), "").replace(folder, ".").trim().to_owned()
}

fn is_vietnamese(c: char) -> bool {
    matches!(c, '\u{1EA0}'..='\u{1EF9}' | 'ă' | 'â' | 'đ' | 'ê' | 'ô' | 'ơ' | 'ư' | 'Đ' | 'à' | 'á' | 'ã' | 'ì' | 'í')
}

/// A text as a cell of a table, on one line.
fn cell(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("<br>").replace('|', "\\|")
}

const DOCUMENT: &str = "docs/bad-inputs.md";
const HEAD: &str = "# Bad inputs

What `sohoa` does with inputs that are wrong. `tests/it/bad_inputs.rs` makes each of them, runs the program under a limit
of 2 GiB of address space and 60 seconds, checks the exit code, that the message is there in either language, that
nothing panics and that every original is byte for byte what it was, and compares this table
(`UPDATE_GOLDEN=1 scripts/test bad_input` rewrites it).

| input | exit code | message | in English (`--lang en`) |
| --- | --: | --- | --- |
";

/// A row that was not made on this machine is kept as it stands in the document.
fn compare_with_document(rows: &[String]) {
    let path = root().join(DOCUMENT);
    let name = |row: &str| row.split(" | ").next().unwrap_or_default().to_owned();
    let written = fs::read_to_string(&path).unwrap_or_default();
    let kept: BTreeMap<String, &str> =
        written.lines().filter(|line| line.starts_with("| ")).map(|row| (name(row), row)).collect();
    let made: BTreeMap<String, &str> = rows.iter().map(|row| (name(row), row.as_str())).collect();
    let table: Vec<&str> = cases()
        .iter()
        .map(|case| format!("| {}", case.name))
        .filter_map(|name| made.get(&name).or_else(|| kept.get(&name)).copied())
        .collect();
    let document = format!("{HEAD}{}\n", table.join("\n"));
    if document != written {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, document).expect("the tree is writable");
            panic!("{DOCUMENT} was rewritten: look at what changed, then run again");
        }
        let old: Vec<&str> = written.lines().collect();
        let changed: Vec<&&str> = table.iter().filter(|row| !old.contains(row)).collect();
        panic!("{DOCUMENT} is not what the program does now (UPDATE_GOLDEN=1 rewrites it): {changed:#?}");
    }
}
