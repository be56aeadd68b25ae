//! What people and papers say stays text: in pages, in headers, in logs, in names of files.

use std::path::PathBuf;

use crate::desk::{add, see, session};
use crate::generator::page_saying;
use crate::http::{TOKEN, base64, sample};
use crate::program::files_below;
use crate::service::CODE;

use super::{captures, guarded, paired, still_works, stored};

const TITLE: &str = "\"'><img src=x onerror=alert(1)>";

/// Whether text became markup.
fn is_injected(page: &str) -> bool {
    ["<script>alert", "<img src=x", "<svg onload", "<b onmouseover"].iter().any(|markup| page.contains(markup))
}

#[test]
fn what_a_paper_and_its_names_say_is_never_markup() {
    let mut desk = guarded("security-markup", &[("enabled = false", "enabled = true")]);
    add(&desk.centre, "lan", "clerk");
    let page = page_saying(&["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "<script>alert(1)</script>", "Tờ khai đăng ký"]);
    let phone = paired(&desk, CODE);
    assert_eq!(desk.send(&phone, &[("<svg onload=alert(1)>.jpg", &sample("danh-sach/trang-1.jpg"))]).status, 303);
    desk.token = Some(TOKEN);
    let sent = desk.send(&captures(TITLE), &[("<b onmouseover=alert(1)>.jpg", &page)]);
    assert_eq!(sent.status, 201, "{sent:?}");
    let loose = desk.send("/api/v1/captures", &[("<svg onload=alert(1)>.jpg", &sample("to-khai/trang-1.jpg"))]);
    assert_eq!(loose.status, 201, "{loose:?}");
    desk.token = None;
    let made = desk.centre.wait_for("it is made", || {
        let components = desk.centre.components(Some(CODE));
        components.into_iter().find(|one| one["title"] == TITLE && one["state"] != "in-work")
    });
    desk.centre.wait_for("it waits", || (!desk.centre.components(None).is_empty()).then_some(()));
    let cookie = session(&desk, "lan");
    let review = format!("/components/{}/pages", made["id"]);
    let shown = see(&desk, &review, &cookie).text();
    // What was read is on the page: the words of the print, and not the markup that they would be.
    let read = shown.split("class=text").nth(1).unwrap_or_else(|| panic!("no text was read: {shown}"));
    assert!(read.contains("alert(1)") && read.contains("&lt;"), "{read}");
    let dossier = format!("/dossiers/{CODE}");
    for path in [&review[..], &dossier, "/", "/dossiers", "/unplaced", &phone, "/dossiers?code=%3Cscript%3Ealert(1)"] {
        let page = see(&desk, path, &cookie);
        assert!(page.status < 500 && !is_injected(&page.text()), "{path}: {}", page.text());
    }
    assert!(see(&desk, &dossier, &cookie).text().contains("&lt;img src=x"), "it is shown as text");
    let file = see(&desk, &format!("/components/{}/files/0", made["id"]), &cookie);
    let disposition = file.header("Content-Disposition").unwrap_or_default();
    assert!(
        disposition.starts_with("attachment; filename*=UTF-8''") && !disposition.contains(['<', '"']),
        "{disposition}"
    );
    assert_eq!(file.status, 200, "{file:?}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn names_write_no_headers_no_lines_of_a_log_and_no_other_files() {
    let mut desk = guarded("security-names-in", &[]);
    let phone = paired(&desk, CODE);
    desk.token = Some(TOKEN);
    let pages = ["bia-ho-so.jpg", "danh-sach/trang-1.jpg", "to-khai/trang-1.jpg", "to-khai/trang-2.jpg"].map(sample);
    let line = "a\r\nX-Evil: 1\r\n\r\n{\"event\":\"forged\"}\n\u{1b}[31m\u{2028}\0evil";
    for (title, name, picture) in [
        ("../../evil", "../../../../evil.jpg", &pages[0]),
        ("/etc/evil", "/etc/evil.jpg", &pages[1]),
        ("..\\..\\evil", "..\\..\\evil.jpg", &pages[2]),
        (line, "evil.jpg", &pages[3]),
    ] {
        let sent = desk.send(&captures(title), &[(name, picture)]);
        assert_eq!(sent.status, 201, "{title:?}: {sent:?}");
    }
    let picture = sample("can-cuoc/anh-quet.jpg");
    let words = ["filename ../../../evil.jpg", "component ../../evil"].map(|pair| {
        let (key, value) = pair.split_once(' ').expect("a pair");
        format!("{key} {}", base64(value))
    });
    let length = picture.len().to_string();
    for base in ["/api/v1", &phone] {
        let headers = [("Upload-Length", &length[..]), ("Upload-Metadata", &words.join(","))];
        let begun = desk.tus("POST", &format!("{base}/uploads"), &headers, b"");
        assert_eq!(desk.append(begun.header("Location").expect("a place"), 0, &picture).status, 204, "{begun:?}");
    }
    let wrong = format!("dossier {}", base64("../../evil"));
    let refused = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "5"), ("Upload-Metadata", &wrong)], b"");
    assert_eq!(refused.status, 400, "{refused:?}");
    desk.centre.wait_for("all is made", || {
        let components = desk.centre.components(Some(CODE));
        (components.len() >= 2 && components.iter().all(|one| one["state"] != "in-work")).then_some(())
    });
    let (out, data) = (desk.centre.folder.join("out"), desk.centre.folder.join("data"));
    let named: Vec<PathBuf> = files_below(&desk.centre.folder, "")
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("evil"))
        .collect();
    assert!(!named.is_empty() && named.iter().all(|path| path.starts_with(&out)), "{named:?}");
    assert!(files_below(&data.join("uploads"), "jpg").is_empty());

    // Whatever is published is sent under its own name, in one line.
    let answers = desk.get(&format!("/api/v1/dossiers/{CODE}"));
    assert!(answers.header("X-Evil").is_none());
    let log = std::fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    for line in log.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no event: {line}"));
        assert!(event["event"] != "forged" && !line.contains("evil"), "{line}");
    }
    still_works(&mut desk);
}

#[test]
fn paths_lead_to_what_is_routed_and_nowhere_else() {
    let mut desk = guarded("security-paths", &[]);
    add(&desk.centre, "lan", "clerk");
    let cookie = session(&desk, "lan");
    let before = stored(&desk);
    let up =
        ["../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%5c..%5cetc"];
    let odd = [
        "%00",
        "%ff%fe",
        "%0d%0aX-Evil:%201",
        "1%00.jpg",
        ".",
        "..",
        "%c0%ae%c0%ae%2f",
        "1e3",
        "-1",
        "99999999999999999999",
    ];
    let places = [
        "/",
        "/p/",
        "/dossiers/",
        "/components/",
        "/components/1/files/",
        "/components/1/pages/",
        "/unplaced/",
        "/api/v1/dossiers/",
        "/api/v1/components/",
        "/api/v1/uploads/",
        "/api/v1/scans/",
        "/p/x/uploads/",
        "/desk.css/",
    ];
    for place in places {
        for end in up.iter().chain(&odd) {
            let path = format!("{place}{end}");
            for (method, token) in [("GET", false), ("HEAD", true), ("POST", false), ("DELETE", true)] {
                desk.token = token.then_some(TOKEN);
                let own = format!("http://{}", desk.address);
                let headers = [("Cookie", &cookie[..]), ("Origin", &own), ("Tus-Resumable", "1.0.0")];
                let answer = desk.ask(method, &path, &headers, b"");
                let is_refused = (400..500).contains(&answer.status) || answer.status == 303;
                // A single `.` is a name like another, and `HEAD` of a list is one.
                assert!(is_refused || (answer.status == 200 && place == "/"), "{method} {path}: {answer:?}");
                assert!(!answer.text().contains("root:") && answer.header("X-Evil").is_none(), "{method} {path}");
            }
        }
    }
    assert_eq!(stored(&desk), before);
    still_works(&mut desk);
}
