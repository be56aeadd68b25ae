//! `sohoa serve` as an operator runs it: files dropped into a folder, and what becomes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Run, fresh, root, run, sohoa};

/// Longest that anything here may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) const CODE: &str = "H21.15.25-250701-0012";

/// A centre with a watched folder, a store and a folder of results.
pub(crate) struct Centre {
    pub(crate) folder: PathBuf,
    service: Option<Child>,
    /// What else the program's environment has.
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

impl Centre {
    pub(crate) fn new(name: &str) -> Self {
        let folder = fresh(name);
        fs::create_dir(folder.join("in")).expect("our own folder");
        let config = format!(
            "[ocr]\nenabled = false\n[service]\nout = {:?}\ndata = {:?}\ngap_seconds = 1\nmin_free_mib = 0\n\
             [[watch]]\nfolder = {:?}\nsettle_seconds = 0.2\nrescan_seconds = 1\n",
            folder.join("out"),
            folder.join("data"),
            folder.join("in"),
        );
        fs::write(folder.join("sohoa.toml"), config).expect("our own folder");
        Self { folder, service: None, variables: Vec::new() }
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = sohoa();
        command.arg("--config").arg(self.folder.join("sohoa.toml")).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(&mut self.program(arguments))
    }

    /// Starts the service; its events go to `events.jsonl`.
    pub(crate) fn start(&mut self, arguments: &[&str]) {
        let events = fs::File::options().create(true).append(true).open(self.folder.join("events.jsonl"));
        let events = events.expect("our own folder");
        let errors = events.try_clone().expect("a file has two handles");
        let mut command = self.program(&["serve", "--json"]);
        let service = command.args(arguments).stdout(Stdio::from(events)).stderr(Stdio::from(errors)).spawn();
        self.service = Some(service.expect("the program starts"));
    }

    /// The most memory that the service has had in the machine's, MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let id = self.service.as_ref().expect("it was started").id();
        let text = fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
    }

    /// Kills the service, as a power cut does.
    pub(crate) fn kill(&mut self) {
        let mut service = self.service.take().expect("it was started");
        service.kill().expect("our own child");
        service.wait().expect("our own child");
    }

    /// Asks the service to stop, and says how it ended.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut service = self.service.take().expect("it was started");
        signal(&service, "TERM");
        service.wait().expect("our own child").code()
    }

    /// Drops a file into the watched folder, whole at once.
    pub(crate) fn drop(&self, relative: &str, bytes: &[u8]) {
        let target = self.folder.join("in").join(relative);
        fs::create_dir_all(target.parent().expect("below the folder")).expect("our own folder");
        let temporary = self.folder.join("dropping");
        fs::write(&temporary, bytes).expect("our own folder");
        fs::rename(temporary, target).expect("our own folder");
    }

    /// The components of a dossier, or what waits; nothing where there is no such dossier.
    pub(crate) fn components(&self, code: Option<&str>) -> Vec<Value> {
        let mut arguments = vec!["dossier", "show", "--json"];
        arguments.extend(code);
        let shown = self.run(&arguments);
        if shown.code != Some(0) {
            return Vec::new();
        }
        let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
        shown["components"].as_array().expect("a list").clone()
    }

    /// The last line of `dossier list`: how things stand.
    pub(crate) fn status(&self) -> Value {
        let listed = self.run(&["dossier", "list", "--json"]);
        let last = listed.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|_| panic!("no status: {listed:?}"))
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("events.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    pub(crate) fn wait_for<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{what}: {:#?}", self.events());
            sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a dossier's newest components, or those that wait, have these names and states.
    pub(crate) fn wait_for_states(&self, code: Option<&str>, expected: &[(&str, u64, &str)]) -> Vec<Value> {
        self.wait_for(&format!("{expected:?}"), || {
            let components: Vec<Value> =
                self.components(code).into_iter().filter(|component| component["newest"] == true).collect();
            let found: Vec<(&str, u64, &str)> = components
                .iter()
                .map(|one| (text(&one["name"]), one["version"].as_u64().unwrap_or(0), text(&one["state"])))
                .collect();
            (found == expected).then(|| components.clone())
        })
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        if self.service.is_some() {
            self.kill();
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("every system has kill").success());
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("a sample")
}

#[test]
fn what_arrives_is_published_in_its_dossier_and_what_says_nothing_is_placed_by_hand() {
    let mut centre = Centre::new("serve");
    centre.start(&[]);
    centre.drop(&format!("{CODE}/Tờ khai/1.jpg"), &sample("to-khai/trang-1.jpg"));
    centre.drop(&format!("{CODE}_quyet dinh_1.jpg"), &sample("quyet-dinh/1-mat-truoc.jpg"));
    centre.drop(&format!("{CODE}_quyet dinh_2.jpg"), &sample("quyet-dinh/2-mat-sau-de-trong.jpg"));
    centre.drop("IMG_0001.jpg", &sample("danh-sach/trang-1.jpg"));
    // The office's own cover has its dossier's code as a symbol.
    centre.drop("quet.jpg", &sample("bia-ho-so.jpg"));
    centre.wait_for_states(Some("H40.26.18-250719-4923"), &[("quet", 1, "done")]);
    centre.wait_for_states(Some(CODE), &[("quyet-dinh", 1, "done"), ("To-khai", 1, "done")]);
    let waiting = centre.wait_for_states(None, &[("IMG_0001", 1, "unplaced")]);
    assert_eq!(waiting[0]["reason"], "no-code");
    let left: Vec<_> = files(&centre.folder.join("in"));
    assert!(left.is_empty(), "what is stored is taken away: {left:?}");
    let out = centre.folder.join("out");
    assert!(out.join("chua-xep/IMG_0001/IMG_0001.pdf").is_file());

    // Placed while the service runs; its directory among what waits goes.
    let capture = waiting[0]["captures"][0]["id"].to_string();
    let placed = centre.run(&["dossier", "attach", CODE, "Danh sách", &capture, "--result-code", "KQ.G15.000031"]);
    assert_eq!(placed.code, Some(0), "{placed:?}");
    centre.wait_for_states(Some(CODE), &[("Danh-sach", 1, "done"), ("quyet-dinh", 1, "done"), ("To-khai", 1, "done")]);
    centre.wait_for("what waited is gone", || (!out.join("chua-xep/IMG_0001").exists()).then_some(()));
    assert_eq!(centre.run(&["dossier", "attach", CODE, "Danh sách", &capture]).code, Some(5), "it waits no longer");

    let shown = centre.run(&["dossier", "show", CODE]);
    assert!(shown.stdout.contains("Tờ khai · V1 · xong"), "{shown:?}");
    assert_eq!(centre.stop(), Some(0));
    let events = centre.events();
    assert_eq!(events.last().map(|event| &event["event"]), Some(&"status".into()), "{events:?}");
    let said = fs::read_to_string(centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains("IMG_0001") && !said.contains("khai"), "no names in the log: {said}");
    let verified = run(sohoa().arg("verify").arg(out.join(CODE)));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let checked = centre.run(&["store", "check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn a_dossier_is_handed_on_as_folder_and_zip() {
    let mut centre = Centre::new("export");
    centre.start(&[]);
    centre.drop(&format!("{CODE}/a/1.jpg"), &sample("bia-ho-so.jpg"));
    centre.wait_for_states(Some(CODE), &[("a", 1, "done")]);
    assert_eq!(centre.stop(), Some(0));
    let to = centre.folder.join("handed on");
    let exported = run(centre.program(&["dossier", "export", CODE, "--to"]).arg(&to));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let names: Vec<String> = files(&to.join(CODE)).iter().map(|path| name(path)).collect();
    assert_eq!(names, ["GiayToKetQua.json", "TaiLieuNop.json", "a.pdf", "log.jsonl", "manifest.json"]);
    let verified = run(sohoa().arg("verify").arg(to.join(CODE)));
    assert_eq!(verified.code, Some(0), "an export is whole by itself: {verified:?}");
    let records = fs::read(to.join(CODE).join("TaiLieuNop.json")).expect("it was listed");
    let records: Value = serde_json::from_slice(&records).expect("JSON");
    assert_eq!(records[0]["DuocSoHoa"], 1);
    assert_eq!(records[0]["DuongDanTaiTepTin"], format!("{CODE}/a.pdf"));
    let again = run(centre.program(&["dossier", "export", CODE, "--to"]).arg(&to));
    assert_eq!(again.code, Some(7), "nothing is overwritten: {again:?}");

    let zip = centre.folder.join("x.zip");
    assert_eq!(run(centre.program(&["dossier", "export", CODE, "--to"]).arg(&zip)).code, Some(0));
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
                  z.extractall(sys.argv[2])";
    match Command::new("python3").args(["-c", script]).arg(&zip).arg(centre.folder.join("unzipped")).status() {
        Ok(status) => assert!(status.success()),
        Err(error) => return println!("skipped: no python3 to open the zip file ({error})"),
    }
    for name in names {
        let read = |folder: &str| fs::read(centre.folder.join(folder).join(CODE).join(&name)).expect("it was listed");
        assert!(read("handed on") == read("unzipped"), "{name}");
    }
    // A file that was changed is not handed on.
    fs::write(centre.folder.join("out").join(CODE).join("a.pdf"), b"x").expect("our own folder");
    let refused = run(centre.program(&["dossier", "export", CODE, "--to"]).arg(centre.folder.join("y.zip")));
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert!(!centre.folder.join("y.zip").exists());
}

#[test]
fn the_same_bytes_are_one_capture_and_a_rescan_is_version_2() {
    let mut centre = Centre::new("versions");
    centre.start(&[]);
    centre.drop(&format!("{CODE}/a/1.jpg"), &sample("bia-ho-so.jpg"));
    centre.drop(&format!("{CODE}/a/2.jpg"), &sample("bia-ho-so.jpg"));
    centre.drop("IMG_1.jpg", &sample("can-cuoc/anh-quet.jpg"));
    centre.wait_for_states(Some(CODE), &[("a", 1, "done")]);
    centre.drop("IMG_1.jpg", &sample("can-cuoc/anh-quet.jpg"));
    centre.drop(&format!("{CODE}/a/3.jpg"), &sample("to-khai/trang-1.jpg"));
    let components = centre.wait_for_states(Some(CODE), &[("a", 2, "done")]);
    assert_eq!(components[0]["captures"].as_array().map(Vec::len), Some(2));
    centre.wait_for_states(None, &[("IMG_1", 1, "unplaced")]);
    let duplicates = centre.events().iter().filter(|event| event["arrived"] == "duplicate").count();
    assert_eq!(duplicates, 2);
    assert_eq!(centre.stop(), Some(0));
    assert_eq!(names(&centre.folder.join("out").join(CODE)), ["a.pdf", "a.v2.pdf", "log.jsonl", "manifest.json"]);
}

#[test]
fn a_wrong_code_and_an_unreadable_capture_are_said_and_hold_up_nothing() {
    let mut centre = Centre::new("wrong-code");
    centre.drop("H21.15.25-251301-0012/to khai/1.jpg", &sample("bia-ho-so.jpg"));
    centre.drop(&format!("{CODE}/hong/1.jpg"), b"\xff\xd8\xff\xe0 no picture");
    centre.drop(&format!("{CODE}/tot/1.jpg"), &sample("can-cuoc/anh-quet.jpg"));
    centre.start(&["--no-sign"]);
    let waiting = centre.wait_for_states(None, &[("to-khai", 1, "unplaced")]);
    assert_eq!(waiting[0]["reason"], "not-a-code");
    let components = centre.wait_for_states(Some(CODE), &[("hong", 1, "rescan"), ("tot", 1, "unsigned")]);
    assert_eq!(components[0]["files"][0]["set_aside"][0]["file"], format!("{CODE}/hong/1.jpg"), "{components:#?}");
    assert_eq!(centre.stop(), Some(0));
    // Signed by hand, which the next service notices.
    let signed = run(sohoa().args(["sign", "--pending"]).arg(centre.folder.join("out").join(CODE)).args([
        "--key",
        "tests/data/sign/p256.p12",
        "--key-password-file",
        "/dev/stdin",
    ]));
    assert_eq!(signed.code, Some(8), "no password comes from nowhere: {signed:?}");
    let mut command = sohoa();
    command.args(["sign", "--key", "tests/data/sign/p256.p12", "--pending"]);
    let signed = run(command.arg(centre.folder.join("out").join(CODE)).env("SOHOA_KEY_PASSWORD", "mật khẩu"));
    assert_eq!(signed.code, Some(0), "{signed:?}");
    centre.start(&["--no-sign"]);
    centre.wait_for_states(Some(CODE), &[("hong", 1, "rescan"), ("tot", 1, "done")]);
    assert_eq!(centre.stop(), Some(0));
}

#[test]
fn a_store_is_backed_up_while_it_is_served_and_goes_on_elsewhere() {
    let mut centre = Centre::new("backup");
    centre.start(&[]);
    centre.drop(&format!("{CODE}/a/1.jpg"), &sample("bia-ho-so.jpg"));
    centre.wait_for_states(Some(CODE), &[("a", 1, "done")]);
    centre.drop(&format!("{CODE}/b/1.jpg"), &sample("can-cuoc/anh-quet.jpg"));
    centre.wait_for("both are stored", || (centre.status()["captures"] == 2).then_some(()));
    let backup = centre.folder.join("backup");
    let backed_up = run(centre.program(&["store", "backup"]).arg(&backup));
    assert_eq!(backed_up.code, Some(0), "{backed_up:?}");
    centre.kill();
    fs::remove_dir_all(centre.folder.join("data")).expect("our own folder");
    let restored = run(centre.program(&["store", "restore"]).arg(&backup));
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let refused = run(centre.program(&["store", "restore"]).arg(&backup));
    assert_eq!(refused.code, Some(7), "{refused:?}");
    centre.start(&[]);
    centre.wait_for_states(Some(CODE), &[("a", 1, "done"), ("b", 1, "done")]);
    assert_eq!(centre.stop(), Some(0));
    let pdfs = names(&centre.folder.join("out").join(CODE));
    assert_eq!(pdfs, ["a.pdf", "b.pdf", "log.jsonl", "manifest.json"], "nothing was made twice");
    assert_eq!(centre.run(&["store", "check"]).code, Some(0));
}

#[test]
fn a_store_of_a_later_version_and_a_second_service_are_refused() {
    let mut centre = Centre::new("refused");
    centre.start(&[]);
    centre.wait_for("it runs", || (!centre.events().is_empty()).then_some(()));
    let second = centre.run(&["serve"]);
    assert_eq!(second.code, Some(7), "{second:?}");
    assert!(second.stderr.contains("đang chạy"), "{second:?}");
    assert_eq!(centre.stop(), Some(0));
    // `user_version`: four bytes at 60 of an SQLite file.
    let database = centre.folder.join("data/store.sqlite");
    let mut bytes = fs::read(&database).expect("our own folder");
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&database, &bytes).expect("our own folder");
    for command in [&["serve"][..], &["dossier", "list"], &["store", "check"]] {
        let refused = centre.run(command);
        assert_eq!(refused.code, Some(9), "{refused:?}");
        assert!(refused.stderr.contains("mới hơn"), "{refused:?}");
    }
    assert_eq!(centre.run(&["dossier", "list", "--data", "/nowhere"]).code, Some(5));
    let nothing = run(sohoa().args(["serve", "--out", "x"]));
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

#[test]
fn an_output_that_cannot_be_written_is_waited_for_and_nothing_is_lost() {
    let mut centre = Centre::new("read-only");
    let out = centre.folder.join("out");
    fs::create_dir(&out).expect("our own folder");
    let mount = |arguments: &[&str]| {
        let status = Command::new("mount").args(arguments).arg(&out).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "ro", "tmpfs"]) {
        return println!("skipped: only root may mount a disk");
    }
    let _unmount = Unmount(out.clone());
    centre.start(&[]);
    centre.drop(&format!("{CODE}/a/1.jpg"), &sample("bia-ho-so.jpg"));
    centre.wait_for("it is said", || {
        centre.events().iter().any(|event| event["event"] == "trouble" && event["kind"] == "output").then_some(())
    });
    centre.drop(&format!("{CODE}/b/1.jpg"), &sample("to-khai/trang-1.jpg"));
    centre.wait_for("the next one is stored", || (centre.status()["captures"] == 2).then_some(()));
    assert!(mount(&["-o", "remount,rw"]));
    centre.wait_for_states(Some(CODE), &[("a", 1, "done"), ("b", 1, "done")]);
    assert_eq!(centre.stop(), Some(0));
    let verified = run(sohoa().arg("verify").arg(out.join(CODE)));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn a_full_disk_is_waited_for_and_nothing_is_lost() {
    let mut centre = Centre::new("disk-full");
    let data = centre.folder.join("data");
    fs::create_dir(&data).expect("our own folder");
    let mount = |options: &str| {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&data).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !mount("size=2m") {
        return println!("skipped: only root may mount a small disk");
    }
    let _unmount = Unmount(data.clone());
    centre.start(&[]);
    let picture = sample("bia-ho-so.jpg");
    let count = 3 + (2 << 20) / picture.len();
    for number in 0..count {
        // Bytes after the end of a JPEG picture are no part of it, and make it another file.
        let bytes = [&picture[..], number.to_string().as_bytes()].concat();
        centre.drop(&format!("{CODE}/c{number:02}/1.jpg"), &bytes);
    }
    centre.wait_for("the disk is full", || {
        centre.events().iter().any(|event| event["event"] == "trouble" || event["event"] == "busy").then_some(())
    });
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&data).status();
    assert!(grown.expect("root has mount").success());
    centre.wait_for("all are made", || {
        let components = centre.components(Some(CODE));
        (components.len() == count && components.iter().all(|one| one["state"] == "done" && one["version"] == 1))
            .then_some(())
    });
    assert_eq!(centre.stop(), Some(0));
    assert_eq!(centre.run(&["store", "check"]).code, Some(0));
}

/// Takes a mount away again, however the test ends.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l"]).arg(&self.0).status());
    }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).iter().map(|path| name(path)).collect()
}

/// The files below a folder that are no working files of ours.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = crate::program::files_below(folder, "");
    files.retain(|path| !path.components().any(|part| part.as_os_str() == ".sohoa"));
    files
}
