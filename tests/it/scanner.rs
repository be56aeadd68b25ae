//! `sohoa scan` with real drivers: SANE's own test backend, and sane-airscan talking to a network scanner that
//! `tests/judges/escl.py` plays on loopback. Each kind of failure is made to happen; what is kept and said is checked.
//!
//! `scripts/setup --tests` installs scanimage and the drivers. Without them these tests say so and pass, unless
//! `SOHOA_JUDGES=required`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sohoa::imaging::decode::{Limits, decode};

use crate::program::{Run, fresh, root, run, sohoa};

/// Longest time that anything here may take; a machine that is busy with other things is slow, none is this slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn scanimage_is_there() -> bool {
    let required = std::env::var("SOHOA_JUDGES").is_ok_and(|value| value == "required");
    let there = Command::new("scanimage").arg("--version").output().is_ok();
    assert!(there || !required, "scanimage is missing: scripts/setup --tests installs it");
    if !there {
        eprintln!("skipped: scripts/setup --tests installs scanimage");
    }
    there
}

/// A place for one test: the configuration of SANE, and the folder for the pages.
pub(crate) struct Place {
    folder: PathBuf,
}

impl Place {
    /// With the test backend, configured by these lines on top of a bed of 300 by 300 mm.
    pub(crate) fn with_test_backend(name: &str, lines: &str) -> Self {
        let place = Self { folder: fresh(name) };
        let defaults = "number_of_devices 1\ngeometry_min 0.0\ngeometry_max 300.0\ngeometry_quant 1.0\n\
             resolution_min 1.0\nresolution_max 1200.0\nresolution_quant 1.0\n";
        place.write("dll.conf", "test\n");
        place.write("test.conf", &format!("{defaults}{lines}\n"));
        place
    }

    /// With sane-airscan, which knows this scanner and looks for no other.
    pub(crate) fn with_network_scanner(name: &str, scanner: &NetworkScanner) -> Self {
        let place = Self { folder: fresh(name) };
        place.write("dll.conf", "airscan\n");
        place.connect(scanner);
        place
    }

    pub(crate) fn connect(&self, scanner: &NetworkScanner) {
        let url = format!("http://127.0.0.1:{}/eSCL", scanner.port);
        self.write("airscan.conf", &format!("[devices]\n\"May quet\" = {url}, eSCL\n[options]\ndiscovery = disable\n"));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.sane()).expect("our own folder");
        fs::write(self.sane().join(name), text).expect("our own folder");
    }

    pub(crate) fn sane(&self) -> PathBuf {
        self.folder.join("sane")
    }

    fn pages(&self) -> PathBuf {
        self.folder.join("pages")
    }

    fn scan(&self, arguments: &[&str]) -> Command {
        let mut command = sohoa();
        command.env("SANE_CONFIG_DIR", self.sane()).args(["scan", "--lang", "en", "--to"]).arg(self.pages());
        command.args(arguments);
        command
    }

    /// Names in the folder of the pages, sorted.
    fn names(&self) -> Vec<String> {
        names(&self.pages())
    }

    /// The processes that were started with this place's configuration and have not ended.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let ours = format!("SANE_CONFIG_DIR={}\0", self.sane().display());
        let ids = fs::read_dir("/proc").expect("Linux has it").flatten();
        let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_ours = |id: &u32| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            environment.windows(ours.len()).any(|bytes| bytes == ours.as_bytes())
        };
        ids.filter(is_ours).collect()
    }

    /// The `scanimage` of this place.
    fn scanimage(&self) -> u32 {
        let is_scanimage =
            |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "scanimage");
        wait_for(|| self.processes().into_iter().filter(is_scanimage).min())
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII")).collect();
    names.sort();
    names
}

/// `0001.tif` to the last.
fn numbered(last: usize) -> Vec<String> {
    (1..=last).map(|number| format!("{number:04}.tif")).collect()
}

fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status();
    assert!(sent.expect("every system has it").success());
}

fn finish(mut child: Child) -> Run {
    let started = Instant::now();
    while child.try_wait().expect("our own child").is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().expect("our own child");
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("our own child").into()
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// A network scanner on loopback, as long as the value lives.
pub(crate) struct NetworkScanner {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl NetworkScanner {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        let log = fresh(&format!("{name}-device")).join("log");
        let mut process = Command::new("python3")
            .arg(root().join("tests/judges/escl.py"))
            .arg(root().join("samples/quyet-dinh/1-mat-truoc.jpg"))
            .args(arguments)
            .arg("--log")
            .arg(&log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is a judge's tool");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it prints its port");
        let port = line.trim().parse().expect("it prints its port");
        Self { process, port, log }
    }
}

impl Drop for NetworkScanner {
    fn drop(&mut self) {
        // It ends with its standard input; a test that fails must not wait for it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_feeder_gives_its_ten_pages_and_the_next_stack_goes_on_after_them() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-feeder", "test-picture \"Color pattern\"");
    let arguments = ["--source", "feeder", "--dpi", "100", "--colour", "gray"];
    let first = run(&mut place.scan(&arguments));
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.starts_with("10 pages scanned"), "{first:?}");
    assert_eq!(place.names(), numbered(10));
    for name in place.names() {
        let bytes = fs::read(place.pages().join(&name)).expect("a page");
        let page = decode(&bytes, 0, &Limits::default()).expect("every page is whole");
        assert!(page.dpi.is_some_and(|dpi| (dpi - 100.0).abs() < 0.5), "{name}: {:?}", page.dpi);
        assert!(page.gray && page.image.width().abs_diff(827) < 3 && page.image.height().abs_diff(1169) < 5);
    }
    let before = fs::read(place.pages().join("0010.tif")).expect("a page");
    let second = run(&mut place.scan(&arguments));
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(place.names(), numbered(20));
    assert_eq!(fs::read(place.pages().join("0010.tif")).expect("a page"), before);
}

#[test]
fn pages_land_in_the_folders_of_dossier_and_component() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-folders", "test-picture Grid");
    let code = "H21.15.25-250701-0012";
    let arguments = ["--source", "flatbed", "--dpi", "75", "--dossier", code, "--component", "Tờ  khai", "--json"];
    let done = run(&mut place.scan(&arguments));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(names(&place.pages().join(code).join("Tờ khai")), ["0001.tif"], "one page lies on a flatbed");
    let lines: Vec<serde_json::Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0], serde_json::json!({"event": "scan-started", "device": "test:0", "source": "flatbed"}));
    assert_eq!(lines[1]["event"], "scan-page");
    assert_eq!(lines[2], serde_json::json!({"event": "scan-done", "pages": 1}));
}

#[test]
fn bilevel_pages_have_one_bit_and_several_pages_of_a_flatbed_are_taken_when_asked_for() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-bilevel", "test-picture Grid");
    let arguments = ["--source", "flatbed", "--dpi", "75", "--colour", "bilevel", "--paper", "a5", "--pages", "3"];
    let done = run(&mut place.scan(&arguments));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(place.names(), numbered(3));
    let bytes = fs::read(place.pages().join("0002.tif")).expect("a page");
    assert!(decode(&bytes, 0, &Limits::default()).expect("whole").bilevel);
    assert!(bytes.len() < 60_000, "{} bytes: A5 at 75 dpi has 271,000 pixels", bytes.len());
}

#[test]
fn scanned_pages_are_digitised_right_afterwards() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-digitise", "test-picture Grid");
    let out = place.folder.join("out");
    let arguments = ["--source", "feeder", "--dpi", "100", "--pages", "2", "--component", "Tờ khai", "--no-sign"];
    let done = run(place.scan(&arguments).arg("--out").arg(&out));
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
    let manifest = fs::read(out.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["components"][0]["name"], "To-khai");
    assert_eq!(manifest["components"][0]["pages"].as_array().map(Vec::len), Some(2));
}

#[test]
fn every_status_of_a_driver_is_told_with_its_cure_and_leaves_nothing_half_done() {
    if !scanimage_is_there() {
        return;
    }
    for (status, english, vietnamese) in [
        ("SANE_STATUS_JAMMED", "paper jam", "kẹt giấy"),
        ("SANE_STATUS_NO_DOCS", "feeder is empty", "khay nạp không có giấy"),
        ("SANE_STATUS_COVER_OPEN", "cover is open", "nắp máy quét đang mở"),
        ("SANE_STATUS_IO_ERROR", "no connection", "mất liên lạc với máy quét"),
        ("SANE_STATUS_DEVICE_BUSY", "busy", "máy quét đang bận"),
        ("SANE_STATUS_NO_MEM", "out of memory", "hết bộ nhớ"),
        ("SANE_STATUS_ACCESS_DENIED", "no permission", "không có quyền dùng máy quét"),
        ("SANE_STATUS_CANCELLED", "stopped at the scanner", "đã bấm dừng trên máy quét"),
        ("SANE_STATUS_INVAL", "Invalid argument", "báo lỗi"),
        // scanimage takes this for a page and says that all went well.
        ("SANE_STATUS_EOF", "page 1 of this scan is dropped", "trang thứ 1 của lần quét này bị bỏ"),
    ] {
        let place = Place::with_test_backend("scan-status", &format!("read-status-code \"{status}\""));
        let refused = run(&mut place.scan(&["--source", "feeder", "--dpi", "75"]));
        assert_eq!(refused.code, Some(12), "{status}: {refused:?}");
        assert!(refused.stderr.contains(english), "{status}: {refused:?}");
        assert!(place.names().is_empty(), "{status}: {:?}", place.names());
        let mut command = sohoa();
        command.env("SANE_CONFIG_DIR", place.sane()).args(["scan", "--source", "feeder", "--dpi", "75", "--to"]);
        let refused = run(command.arg(place.pages()));
        assert!(refused.stderr.contains(vietnamese), "{status}: {refused:?}");
    }
}

/// SANE's test backend itself does so, seldom.
#[test]
fn a_driver_that_hangs_after_the_scan_is_not_waited_for() {
    use std::os::unix::fs::PermissionsExt;
    if !scanimage_is_there() {
        return;
    }
    for (status, code) in [("SANE_STATUS_JAMMED", 12), ("SANE_STATUS_GOOD", 0)] {
        let place = Place::with_test_backend("scan-closing", &format!("read-status-code \"{status}\""));
        if code == 0 {
            place.write(
                "test.conf",
                &fs::read_to_string(place.sane().join("test.conf"))
                    .expect("our own file")
                    .replace("read-status-code", "#"),
            );
        }
        let path = std::env::var("PATH").expect("a PATH");
        place.write(
            "scanimage",
            &format!("#!/bin/sh\nPATH='{path}'\nscanimage \"$@\"\ncase \"$*\" in *--batch=*) exec sleep 600 ;; esac\n"),
        );
        let hanging = place.sane().join("scanimage");
        fs::set_permissions(&hanging, fs::Permissions::from_mode(0o755)).expect("our own file");
        let mut command = place.scan(&["--source", "flatbed", "--dpi", "75"]);
        let ended = run(command.env("PATH", format!("{}:{path}", place.sane().display())));
        assert_eq!(ended.code, Some(code), "{status}: {ended:?}");
        assert_eq!(ended.stderr.contains("paper jam"), code != 0, "{status}: {ended:?}");
        assert_eq!(place.names().len(), usize::from(code == 0), "{status}");
        assert!(place.processes().is_empty(), "{status}");
    }
}

#[test]
fn devices_are_listed_and_must_be_chosen_where_there_are_several() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-list", "");
    let list = |place: &Place| {
        run(sohoa().env("SANE_CONFIG_DIR", place.sane()).args(["scan", "--list", "--json", "--lang", "en"]))
    };
    let one = list(&place);
    assert_eq!(one.code, Some(0), "{one:?}");
    let device: serde_json::Value = serde_json::from_str(one.stdout.trim()).expect("one line of JSON");
    assert_eq!(device["name"], "test:0");
    assert_eq!(device["model"], "frontend-tester");

    let conf = fs::read_to_string(place.sane().join("test.conf")).expect("our own file");
    place.write("test.conf", &conf.replace("number_of_devices 1", "number_of_devices 2"));
    assert_eq!(list(&place).stdout.lines().count(), 2);
    let refused = run(&mut place.scan(&["--dpi", "75"]));
    assert_eq!(refused.code, Some(12), "{refused:?}");
    assert!(refused.stderr.contains("--device: test:0, test:1"), "{refused:?}");
    let chosen = run(&mut place.scan(&["--dpi", "75", "--device", "test:1", "--source", "flatbed"]));
    assert_eq!(chosen.code, Some(0), "{chosen:?}");

    let unknown = run(&mut place.scan(&["--dpi", "75", "--device", "nosuch:0"]));
    assert_eq!(unknown.code, Some(12), "{unknown:?}");
    assert!(unknown.stderr.contains("nosuch:0: cannot be opened"), "{unknown:?}");
    place.write("dll.conf", "\n");
    for none in [list(&place), run(&mut place.scan(&[]))] {
        assert_eq!(none.code, Some(12), "{none:?}");
        assert!(none.stderr.contains("no scanner found"), "{none:?}");
    }
}

#[test]
fn what_a_device_lacks_is_said_with_what_it_has() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-lacks", "");
    for (arguments, words) in [
        (["--source", "duplex"], "it has: feeder, flatbed"),
        (["--dpi", "2400"], "it has: 1 – 1200"),
        (["--paper", "a3"], "it has: 300 × 300"),
    ] {
        let refused = run(&mut place.scan(&arguments));
        assert_eq!(refused.code, Some(12), "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
        assert!(place.names().is_empty());
    }
    let wrong = run(&mut place.scan(&["--paper", "a9"]));
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[test]
fn a_machine_without_scanimage_says_what_to_install() {
    let folder = fresh("scan-not-installed");
    let mut command = sohoa();
    let refused = run(command.env("PATH", "/nowhere").args(["scan", "--lang", "en", "--to"]).arg(folder.join("pages")));
    assert_eq!(refused.code, Some(9), "{refused:?}");
    assert!(refused.stderr.contains("apt install sane-utils sane-airscan"), "{refused:?}");
}

/// Slow enough for something to happen during each page: 30 buffers of 32 KiB with 20 ms each.
pub(crate) const SLOW: &str = "read-delay true\nread-delay-duration 20000";

#[test]
fn a_cancelled_scan_keeps_its_whole_pages_and_leaves_no_process() {
    if !scanimage_is_there() {
        return;
    }
    for name in ["INT", "TERM"] {
        let place = Place::with_test_backend("scan-cancel", SLOW);
        let child = start(&mut place.scan(&["--source", "feeder", "--dpi", "100", "--colour", "gray"]));
        wait_for(|| (place.pages().is_dir() && place.names().contains(&"0002.tif".to_owned())).then_some(()));
        signal(child.id(), name);
        let stopped = finish(child);
        assert_eq!(stopped.code, Some(12), "{stopped:?}");
        assert!(stopped.stderr.contains("stopped, the page in work is dropped"), "{stopped:?}");
        let kept = place.names();
        assert!((2..10).contains(&kept.len()) && kept == numbered(kept.len()), "{kept:?}");
        assert!(stopped.stderr.contains(&format!("{} pages are kept", kept.len())), "{stopped:?}");
        assert!(place.processes().is_empty());
    }
}

#[test]
fn a_killed_scanimage_is_told_and_its_page_in_work_is_dropped() {
    if !scanimage_is_there() {
        return;
    }
    for name in ["KILL", "TERM", "SEGV"] {
        let place = Place::with_test_backend("scan-killed", SLOW);
        let child = start(&mut place.scan(&["--source", "feeder", "--dpi", "100", "--colour", "gray"]));
        wait_for(|| (place.pages().is_dir() && place.names().contains(&"0001.tif".to_owned())).then_some(()));
        signal(place.scanimage(), name);
        let stopped = finish(child);
        assert_eq!(stopped.code, Some(12), "{name}: {stopped:?}");
        assert!(stopped.stderr.contains("scanimage) ended abruptly"), "{name}: {stopped:?}");
        let kept = place.names();
        assert!((1..10).contains(&kept.len()) && kept == numbered(kept.len()), "{kept:?}");
    }
}

#[test]
fn after_a_kill_of_sohoa_the_scan_ends_by_itself_and_the_next_goes_on() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-kill-9", SLOW);
    let arguments = ["--source", "feeder", "--dpi", "100", "--colour", "gray"];
    let mut child = start(&mut place.scan(&arguments));
    wait_for(|| (place.pages().is_dir() && place.names().contains(&"0002.tif".to_owned())).then_some(()));
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    wait_for(|| place.processes().is_empty().then_some(()));
    let whole: Vec<String> = place.names().into_iter().filter(|name| !name.ends_with(".part")).collect();
    assert_eq!(whole, numbered(whole.len()));
    assert!(whole.len() < 10, "scanimage must not have gone on to the last page");
    let next = run(&mut place.scan(&[&arguments[..], &["--pages", "1"]].concat()));
    assert_eq!(next.code, Some(0), "{next:?}");
    assert_eq!(place.names(), numbered(whole.len() + 1), "what was half-written is gone");
}

#[test]
fn a_device_that_hangs_is_given_up() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-hang", "read-delay true\nread-delay-duration 200000");
    let hung = finish(start(&mut place.scan(&["--source", "feeder", "--dpi", "300", "--timeout", "2"])));
    assert_eq!(hung.code, Some(12), "{hung:?}");
    assert!(hung.stderr.contains("no page came for 2 seconds"), "{hung:?}");
    assert!(place.names().is_empty() && place.processes().is_empty());
}

#[test]
fn two_scans_do_not_share_a_folder() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-two", SLOW);
    let arguments = ["--source", "feeder", "--dpi", "75", "--pages", "3"];
    let first = start(&mut place.scan(&arguments));
    wait_for(|| place.processes().iter().any(|id| *id != first.id()).then_some(()));
    let second = run(&mut place.scan(&arguments));
    assert_eq!(second.code, Some(7), "{second:?}");
    assert!(second.stderr.contains("another scan is writing there"), "{second:?}");
    assert_eq!(finish(first).code, Some(0));
    assert_eq!(place.names(), numbered(3));
}

#[test]
fn a_full_disk_keeps_the_pages_before() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scan-full", "");
    fs::create_dir(place.pages()).expect("our own folder");
    // A file system of its own, seen by nobody else: 6 MB hold two colour pages of A4 at 100 dpi (2.9 MB) and no third.
    let script = "mount -t tmpfs -o size=6m none \"$0\" || exit 99; \"$@\"; code=$?; ls \"$0\"; exit $code";
    let scan = place.scan(&["--source", "feeder", "--dpi", "100"]);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(place.pages());
    command.arg(scan.get_program()).args(scan.get_args()).env("SANE_CONFIG_DIR", place.sane());
    let full = run(&mut command);
    if full.code == Some(99) || full.stderr.contains("unshare") {
        eprintln!("skipped: this machine does not let us mount a file system: {full:?}");
        return;
    }
    assert_eq!(full.code, Some(7), "{full:?}");
    assert!(full.stderr.contains("no space left"), "{full:?}");
    assert!(full.stderr.contains("2 pages are kept"), "{full:?}");
    assert_eq!(full.stdout.lines().collect::<Vec<_>>(), ["0001.tif", "0002.tif"]);
}

/// What a network scanner is asked for: a resolution that is quick.
const NETWORK: [&str; 4] = ["--source", "feeder", "--dpi", "75"];

#[test]
fn a_network_scanner_is_found_and_feeds_ten_pages() {
    if !scanimage_is_there() {
        return;
    }
    let scanner = NetworkScanner::start("escl-feeder", &["--pages", "10"]);
    let place = Place::with_network_scanner("escl-feeder", &scanner);
    let found = run(sohoa().env("SANE_CONFIG_DIR", place.sane()).args(["scan", "--list"]));
    assert_eq!(found.stdout, "airscan:e0:May quet\teSCL May quet, ip=127.0.0.1\n", "{found:?}");
    let done = run(&mut place.scan(&NETWORK));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(place.names(), numbered(10));
    let empty = run(&mut place.scan(&NETWORK));
    assert_eq!(empty.code, Some(12), "{empty:?}");
    assert!(empty.stderr.contains("the feeder is empty"), "{empty:?}");
    assert_eq!(place.names(), numbered(10));
    let glass = run(&mut place.scan(&["--source", "flatbed", "--dpi", "75"]));
    assert_eq!(glass.code, Some(0), "{glass:?}");
    assert_eq!(place.names(), numbered(11));
}

#[test]
fn both_sides_of_five_sheets_are_ten_pages() {
    if !scanimage_is_there() {
        return;
    }
    let scanner = NetworkScanner::start("escl-duplex", &["--pages", "5"]);
    let place = Place::with_network_scanner("escl-duplex", &scanner);
    let done = run(&mut place.scan(&["--source", "duplex", "--dpi", "75", "--colour", "gray"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(place.names(), numbered(10));
    let asked = fs::read_to_string(&scanner.log).expect("the device's log");
    for wanted in ["<scan:Duplex>true", "Grayscale8", "<scan:XResolution>75"] {
        assert!(asked.contains(wanted), "{wanted}: {asked}");
    }
}

#[test]
fn failures_of_a_network_scanner_keep_the_pages_before_and_the_scan_goes_on() {
    if !scanimage_is_there() {
        return;
    }
    for (fail, words) in [
        ("jam", "paper jam"),
        ("cover", "cover is open"),
        ("gone", "no connection to the scanner"),
        ("cut", "no connection to the scanner"),
        ("hang", "no page came for 10 seconds"),
    ] {
        let name = format!("escl-{fail}");
        let failing = NetworkScanner::start(&name, &["--pages", "10", "--fail", fail, "--after", "4"]);
        let place = Place::with_network_scanner(&name, &failing);
        let timeout: &[&str] = if fail == "hang" { &["--timeout", "10"] } else { &[] };
        let stopped = finish(start(&mut place.scan(&[&NETWORK[..], timeout].concat())));
        assert_eq!(stopped.code, Some(12), "{fail}: {stopped:?}");
        assert!(stopped.stderr.contains(words), "{fail}: {stopped:?}");
        assert!(stopped.stderr.contains("4 pages are kept, the last is 0004.tif"), "{fail}: {stopped:?}");
        assert_eq!(place.names(), numbered(4), "{fail}");
        assert!(place.processes().is_empty(), "{fail}");

        let mended = NetworkScanner::start(&name, &["--pages", "6"]);
        place.connect(&mended);
        let rest = run(&mut place.scan(&NETWORK));
        assert_eq!(rest.code, Some(0), "{fail}: {rest:?}");
        assert_eq!(place.names(), numbered(10), "{fail}");
    }
}

#[test]
fn a_busy_and_an_absent_network_scanner_are_told() {
    if !scanimage_is_there() {
        return;
    }
    let scanner = NetworkScanner::start("escl-busy", &["--fail", "busy"]);
    let place = Place::with_network_scanner("escl-busy", &scanner);
    let busy = finish(start(&mut place.scan(&NETWORK)));
    assert_eq!(busy.code, Some(12), "{busy:?}");
    assert!(busy.stderr.contains("the scanner is busy"), "{busy:?}");
    drop(scanner);
    let device = ["--device", "airscan:e0:May quet"];
    let absent = finish(start(&mut place.scan(&[&NETWORK[..], &device].concat())));
    assert_eq!(absent.code, Some(12), "{absent:?}");
    assert!(absent.stderr.contains("cannot be opened"), "{absent:?}");
    assert!(place.names().is_empty());
}

#[test]
fn a_network_scan_is_cancelled_or_killed_without_a_false_page() {
    if !scanimage_is_there() {
        return;
    }
    for (name, words) in
        [("cancel", "stopped, the page in work"), ("kill", "ended abruptly"), ("term", "ended abruptly")]
    {
        let folder = format!("escl-{name}");
        let scanner = NetworkScanner::start(&folder, &["--pages", "10", "--fail", "hang", "--after", "2"]);
        let place = Place::with_network_scanner(&folder, &scanner);
        let child = start(&mut place.scan(&NETWORK));
        wait_for(|| (place.pages().is_dir() && place.names().contains(&"0002.tif".to_owned())).then_some(()));
        match name {
            "cancel" => signal(child.id(), "TERM"),
            "kill" => signal(place.scanimage(), "KILL"),
            _ => signal(place.scanimage(), "TERM"),
        }
        let stopped = finish(child);
        assert_eq!(stopped.code, Some(12), "{name}: {stopped:?}");
        assert!(stopped.stderr.contains(words), "{name}: {stopped:?}");
        assert_eq!(place.names(), numbered(2), "{name}");
        assert!(place.processes().is_empty(), "{name}");
    }
}
