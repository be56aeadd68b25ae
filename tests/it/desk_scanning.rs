//! Scanning from the page of a dossier, with the test backend of SANE.

use crate::desk::{add, field, post, see, session};
use crate::http::Desk;
use crate::scanner::{Place, SLOW, scanimage_is_there};
use crate::scans::desk;
use crate::service::CODE;

fn press(desk: &Desk, cookie: &str, action: &str, fields: &[(&str, &str)]) -> crate::http::Answer {
    let form = field(&see(desk, &format!("/dossiers/{CODE}"), cookie).text(), "form");
    post(desk, &format!("/dossiers/{CODE}/{action}"), cookie, &[&[("form", &form[..])], fields].concat())
}

const FEEDER: [(&str, &str); 5] =
    [("component", "Tờ khai"), ("device", ""), ("source", "feeder"), ("colour", "gray"), ("dpi", "75")];

/// Waits until the page of the dossier says something.
fn wait_to_read(desk: &Desk, cookie: &str, said: &str) -> String {
    desk.centre.wait_for(said, || {
        Some(see(desk, &format!("/dossiers/{CODE}"), cookie).text()).filter(|page| page.contains(said))
    })
}

#[test]
fn papers_are_scanned_into_a_dossier_from_its_page() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("desk-scan-sane", "test-picture Grid");
    let mut desk = desk("desk-scan", &place, &[]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    let none = see(&desk, &format!("/dossiers/{CODE}"), &cookie).text();
    assert!(none.contains("accesskey=q") && none.contains("accesskey=b") && !none.contains("test:0"), "{none}");
    assert!(!see(&desk, &format!("/dossiers/{CODE}"), &keeper).text().contains("/scans"));
    let found = press(&desk, &cookie, "scanners", &[]);
    assert_eq!((found.status, found.header("Location")), (303, Some(&format!("/dossiers/{CODE}#quet")[..])));
    assert!(see(&desk, &format!("/dossiers/{CODE}"), &cookie).text().contains("<option value=\"test:0\">"));

    for (change, status) in
        [(("component", " "), 400), (("source", "adf"), 400), (("dpi", "7"), 400), (("colour", "x"), 400)]
    {
        let fields = FEEDER.map(|field| if field.0 == change.0 { change } else { field });
        assert_eq!(press(&desk, &cookie, "scans", &fields).status, status, "{change:?}");
    }
    let fields = FEEDER.map(|field| if field.0 == "device" { ("device", "test:0") } else { field });
    let begun = press(&desk, &cookie, "scans", &fields);
    assert_eq!((begun.status, begun.header("Location")), (303, Some(&format!("/dossiers/{CODE}")[..])), "{begun:?}");
    wait_to_read(&desk, &cookie, "Đã quét Tờ khai: 10 trang");
    desk.centre.wait_for("it is made of ten", || {
        let made = desk.centre.components(Some(CODE));
        made.iter().any(|one| one["captures"].as_array().is_some_and(|all| all.len() == 10)).then_some(())
    });
    let strange = FEEDER.map(|field| if field.0 == "device" { ("device", "net:10.0.0.1:x") } else { field });
    assert_eq!(press(&desk, &cookie, "scans", &strange).status, 303);
    let page = wait_to_read(&desk, &cookie, "role=alert");
    assert!(page.contains("Dừng quét Tờ khai sau 0 trang"), "{page}");
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    // Also the first, before which there was no dossier.
    let select =
        "SELECT count(*) FROM events WHERE kind = 'scan-begun' AND account = 1 AND detail IS NOT NULL AND dossier = 1";
    assert_eq!(store.query_row(select, [], |row| row.get::<_, i64>(0)).expect("a number"), 2);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_scan_is_stopped_from_the_page_and_its_pages_stay() {
    if !scanimage_is_there() {
        return;
    }
    let place = Place::with_test_backend("desk-scan-stop-sane", SLOW);
    let mut desk = desk("desk-scan-stop", &place, &[]);
    add(&desk.centre, "lan", "clerk");
    let cookie = session(&desk, "lan");
    assert_eq!(press(&desk, &cookie, "scans", &FEEDER).status, 303);
    let page = wait_to_read(&desk, &cookie, "Đang quét Tờ khai: 1 trang");
    let (_, rest) = page.split_once(&format!("/dossiers/{CODE}/scans/")).expect("a button");
    let scan = rest.split('/').next().expect("a number").to_owned();
    let busy = press(&desk, &cookie, "scans", &FEEDER);
    assert_eq!((busy.status, busy.text().contains("đang quét")), (409, true), "{busy:?}");
    assert_eq!(press(&desk, &cookie, "scans/7/stop", &[]).status, 404);
    assert_eq!(press(&desk, &cookie, &format!("scans/{scan}/stop"), &[]).status, 303);
    let page = wait_to_read(&desk, &cookie, "Dừng quét Tờ khai sau");
    assert!(!page.contains("sau 0 trang"), "{page}");
    assert!(place.processes().len() <= 1, "scanimage is gone");
    assert_eq!(desk.centre.stop(), Some(0));
}
