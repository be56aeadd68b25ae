//! Scanning from the service: programs ask over HTTP, real drivers scan (SANE's test backend, and a network scanner played on
//! loopback), and every page is in its component once, whatever ends the scan or the service.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::http::Desk;
use crate::program::run;
use crate::scanner::{NetworkScanner, Place, SLOW, scanimage_is_there};
use crate::service::{CODE, Centre};

/// A service whose scanners are those of a place.
pub(crate) fn desk(name: &str, place: &Place, changes: &[(&str, &str)]) -> Desk {
    let mut centre = Centre::new(name);
    centre.variables.push(("SANE_CONFIG_DIR", place.sane()));
    let quick = ("[service]", "[scanner]\ndpi = 75\ncolour = \"gray\"\n[service]");
    let mut desk = Desk::of(centre, &[&[quick], changes].concat());
    desk.start();
    desk
}

fn wanted(changes: Value) -> Value {
    let mut wanted = json!({"dossier": CODE, "component": "Tờ khai", "source": "feeder"});
    for (key, value) in changes.as_object().expect("an object") {
        wanted[key] = value.clone();
    }
    wanted
}

/// Begins a scan; says where it is told of.
fn begin(desk: &Desk, wanted: &Value) -> String {
    let begun = desk.post_json("/api/v1/scans", &wanted.to_string());
    assert_eq!(begun.status, 202, "{begun:?}");
    assert_eq!(begun.json()["state"], "running");
    begun.header("Location").expect("a place").to_owned()
}

/// Waits until a scan has ended.
fn ended(desk: &Desk, scan: &str) -> Value {
    desk.centre.wait_for("the scan ends", || {
        let scan = desk.ask("GET", scan, &[("Accept-Language", "en")], b"");
        assert_eq!(scan.status, 200, "{scan:?}");
        Some(scan.json()).filter(|scan| scan["state"] != "running")
    })
}

fn pages(scan: &Value) -> Vec<i64> {
    scan["pages"].as_array().expect("a list").iter().map(|page| page.as_i64().expect("a number")).collect()
}

/// The numbers of the captures of the newest version of the one component, in order, once it is made with as many.
fn made(desk: &Desk, count: usize) -> Vec<i64> {
    desk.centre.wait_for(&format!("{count} pages are published"), || {
        let shown = desk.get(&format!("/api/v1/dossiers/{CODE}")).json();
        let components = shown["components"].as_array()?;
        let newest = components.iter().find(|one| one["newest"] == true)?;
        let captures: Vec<i64> = newest["captures"].as_array()?.iter().filter_map(|one| one["id"].as_i64()).collect();
        let is_made = matches!(newest["state"].as_str(), Some("done" | "rescan"));
        (is_made && captures.len() == count).then_some(captures)
    })
}

/// The folders of scans that are left in the store's directory.
fn left(desk: &Desk) -> Vec<String> {
    let entries = fs::read_dir(desk.centre.folder.join("data/scans")).expect("it is there").flatten();
    entries.filter(|entry| entry.path().is_dir()).filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[test]
fn ten_pages_of_a_feeder_are_published_in_their_component() {
    if !scanimage_is_there() {
        return;
    }
    // All its pages are equal: they are ten all the same.
    let place = Place::with_test_backend("scans-feeder-sane", "test-picture Grid");
    let mut desk = desk("scans-feeder", &place, &[]);
    let found = desk.get("/api/v1/scanners").json();
    assert_eq!(found["scanners"][0]["name"], "test:0", "{found}");
    let scan = ended(&desk, &begin(&desk, &wanted(json!({"device": "test:0"}))));
    assert_eq!((&scan["state"], &scan["fault"], pages(&scan).len()), (&"done".into(), &Value::Null, 10), "{scan}");
    assert_eq!((&scan["device"], &scan["source"]), (&"test:0".into(), &"feeder".into()));
    assert_eq!(made(&desk, 10), pages(&scan));
    assert!(left(&desk).is_empty(), "{:?}", left(&desk));

    // Without a dossier a scan is a stack that waits.
    let waiting = ended(&desk, &begin(&desk, &json!({"source": "flatbed"})));
    assert_eq!((pages(&waiting).len(), &waiting["state"]), (1, &"done".into()), "{waiting}");
    let captures = desk.get("/api/v1/captures").json();
    assert_eq!(captures["components"][0]["id"], waiting["component_id"], "{captures}");
    for (wrong, words) in [
        (json!({"dossier": CODE}), "`component`"),
        (wanted(json!({"dpi": 10})), "`dpi`"),
        (wanted(json!({"paper": "a9"})), "`paper`"),
        (wanted(json!({"colors": "gray"})), "openapi"),
    ] {
        let refused = desk.post_json("/api/v1/scans", &wrong.to_string());
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.text().contains(words), "{refused:?}");
    }
    let strange = ended(&desk, &begin(&desk, &wanted(json!({"device": "test:7"}))));
    assert_eq!((&strange["state"], &strange["fault"]["name"]), (&"failed".into(), &"cannot-open".into()), "{strange}");
    let metrics = desk.get("/metrics").text();
    for line in ["sohoa_scans_total{state=\"done\"} 2", "sohoa_scanned_pages_total 11", "sohoa_scans_running 0"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert_eq!(desk.centre.stop(), Some(0));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(said.contains("\"scan-ended\"") && !said.contains("khai") && !said.contains("test:0"), "{said}");
}

#[test]
fn after_a_jam_the_rest_of_the_stack_follows_in_order() {
    if !scanimage_is_there() {
        return;
    }
    let jamming = NetworkScanner::start("scans-jam", &["--pages", "10", "--fail", "jam", "--after", "4"]);
    let place = Place::with_network_scanner("scans-jam-sane", &jamming);
    let mut desk = desk("scans-jam", &place, &[]);
    let first = ended(&desk, &begin(&desk, &wanted(json!({}))));
    assert_eq!(
        (&first["state"], &first["fault"]["name"], pages(&first).len()),
        (&"failed".into(), &"jammed".into(), 4)
    );
    assert!(first["fault"]["message"].as_str().is_some_and(|text| text.starts_with("paper jam")), "{first}");
    drop(jamming);
    let mended = NetworkScanner::start("scans-jam", &["--pages", "6"]);
    place.connect(&mended);
    let second = ended(&desk, &begin(&desk, &wanted(json!({}))));
    assert_eq!((&second["state"], pages(&second).len()), (&"done".into(), 6), "{second}");
    assert_eq!(made(&desk, 10), [pages(&first), pages(&second)].concat());
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_scan_is_cancelled_and_its_scanner_is_nobody_elses_meanwhile() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scans-cancel-sane", SLOW);
    let mut desk = desk("scans-cancel", &place, &[]);
    let scan = begin(&desk, &wanted(json!({"dpi": 100})));
    desk.centre.wait_for("two pages", || (pages(&desk.get(&scan).json()).len() >= 2).then_some(()));
    for device in [json!({"device": "test:0"}), json!({})] {
        let busy = desk.post_json("/api/v1/scans", &wanted(device).to_string());
        assert_eq!((busy.status, &busy.json()["code"]), (409, &"busy".into()), "{busy:?}");
    }
    let told = desk.ask("DELETE", &scan, &[], b"");
    assert_eq!(told.status, 202, "{told:?}");
    let stopped = ended(&desk, &scan);
    assert_eq!((&stopped["state"], &stopped["fault"]["name"]), (&"stopped".into(), &"cancelled".into()), "{stopped}");
    let kept = pages(&stopped);
    assert!((2..10).contains(&kept.len()), "{stopped}");
    assert!(place.processes().iter().all(|id| is_ours(*id)), "scanimage is gone");
    assert_eq!(desk.ask("DELETE", &scan, &[], b"").status, 200);
    assert_eq!(made(&desk, kept.len()), kept);

    // A service that stops has its scans stop, and keeps what is whole.
    let scan = begin(&desk, &wanted(json!({"dpi": 100, "component": "b"})));
    let got = desk.centre.wait_for("a page", || Some(pages(&desk.get(&scan).json())).filter(|got| !got.is_empty()));
    assert_eq!(desk.centre.stop(), Some(0));
    assert!(place.processes().is_empty() && left(&desk).is_empty(), "{:?}", left(&desk));
    let components = desk.centre.components(Some(CODE));
    let kept = components.iter().find(|one| one["title"] == "b").expect("it is there")["captures"].clone();
    assert!(kept.as_array().is_some_and(|kept| (got.len()..10).contains(&kept.len())), "{kept}");
}

/// Whether a process is the service itself.
fn is_ours(id: u32) -> bool {
    fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "sohoa")
}

#[test]
fn a_killed_service_loses_and_doubles_no_page() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scans-kill-sane", SLOW);
    let mut desk = desk("scans-kill", &place, &[("gap_seconds = 1", "gap_seconds = 5")]);
    let mut count = 0;
    for round in 1..=3 {
        let scan = begin(&desk, &wanted(json!({"dpi": 100})));
        desk.centre.wait_for("pages", || (pages(&desk.get(&scan).json()).len() >= round).then_some(()));
        desk.centre.kill();
        desk.centre.wait_for("scanimage ends by itself", || place.processes().is_empty().then_some(()));
        // As if it had been killed between landing and acceptance, of a page that is stored already (its file came back),
        // and of one that is not.
        let folder = desk.centre.folder.join("data/scans").join(scan.rsplit('/').next().expect("a number"));
        lay_down(&folder, &desk.centre.folder);
        desk.start();
        let told = desk.ask("GET", &scan, &[("Accept-Language", "en")], b"").json();
        assert_eq!((&told["state"], &told["fault"]["name"]), (&"stopped".into(), &"interrupted".into()), "{told}");
        let got = pages(&told).len();
        assert!(got > round, "what was told is there, and what lay: {told}");
        count += got;
        desk.centre.wait_for("its folder is gone", || left(&desk).is_empty().then_some(()));
    }
    let captures = made(&desk, count);
    let mut each_once = captures.clone();
    each_once.sort_unstable();
    each_once.dedup();
    assert_eq!((each_once.len(), each_once == captures), (count, true), "{captures:?}");
    assert_eq!(desk.get("/api/v1/status").json()["captures"], count);
    assert_eq!(desk.centre.stop(), Some(0));
    let checked = run(&mut desk.centre.program(&["store", "check"]));
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

/// Puts a page that no capture has behind those of a scan, and the first one back that is a capture already.
fn lay_down(scan: &Path, centre: &Path) {
    let blobs = crate::program::files_below(&centre.join("data/blobs"), "");
    let marked = |path: &&std::path::PathBuf, page: u32| {
        let end = format!("\nsohoa scan {} {page}\n", scan.file_name().expect("a number").to_string_lossy());
        fs::read(path).unwrap_or_default().ends_with(end.as_bytes())
    };
    let first = blobs.iter().find(|path| marked(path, 1)).expect("the first page is stored");
    fs::copy(first, scan.join("0001.tif")).expect("our own folder");
    let next = [fs::read(first).expect("a blob"), b"\nanother page\n".to_vec()].concat();
    fs::write(scan.join("0900.tif"), next).expect("our own folder");
}

#[test]
fn a_scan_is_refused_where_uploads_are() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("scans-full-sane", "");
    let mut desk = desk("scans-full", &place, &[("min_free_mib = 0", "min_free_mib = 1048576")]);
    let full = desk.post_json("/api/v1/scans", &wanted(json!({})).to_string());
    assert_eq!((full.status, &full.json()["code"]), (503, &"disk".into()), "{full:?}");
    assert!(full.number("Retry-After").is_some() && left(&desk).is_empty(), "{full:?}");
    assert_eq!(desk.centre.stop(), Some(0));
}
