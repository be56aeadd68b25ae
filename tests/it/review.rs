//! Components page by page at the desk: what people see of pages, what they decide, and what becomes of it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::desk::{add, field, post, see, session};
use crate::http::{Answer, Desk};
use crate::program::root;
use crate::service::CODE;

/// A desk with a clerk, whose components collect until they are closed.
struct Review {
    desk: Desk,
    cookie: String,
}

impl Review {
    fn open(name: &str) -> Self {
        let desk = Desk::open(name, &[("gap_seconds = 1", "gap_seconds = 600")]);
        add(&desk.centre, "lan", "clerk");
        let cookie = session(&desk, "lan");
        Self { desk, cookie }
    }

    /// Drops samples as the pages of a paper, and waits until they are made.
    fn drop(&self, paper: &str, samples: &[&str]) -> u64 {
        let pages =
            |review: &Self| review.desk.centre.events().iter().filter(|event| event["event"] == "pages").count();
        let before = pages(self);
        for (number, sample) in (1..).zip(samples) {
            let bytes = fs::read(root().join("samples").join(sample)).expect("a sample");
            let extension = sample.rsplit('.').next().unwrap_or_default();
            self.desk.centre.drop(&format!("{CODE}/{paper}/{number}.{extension}"), &bytes);
        }
        self.desk.centre.wait_for("the pages are made", || (pages(self) == before + samples.len()).then_some(()));
        self.newest(paper)["id"].as_u64().expect("a number")
    }

    /// The newest version of a paper.
    fn newest(&self, paper: &str) -> Value {
        let components = self.desk.centre.components(Some(CODE));
        let found = components.into_iter().rfind(|one| one["title"] == paper && one["newest"] == true);
        found.unwrap_or_else(|| panic!("no {paper}"))
    }

    fn see(&self, path: &str) -> Answer {
        see(&self.desk, path, &self.cookie)
    }

    /// The pages of a component as its page names them, in order.
    fn pages(&self, id: u64) -> Vec<String> {
        let page = self.see(&format!("/components/{id}/pages")).text();
        let strip =
            page.split("<nav class=strip").nth(1).and_then(|rest| rest.split("</ol>").next()).unwrap_or_default();
        let links = strip.split("?page=").skip(1);
        links.map(|link| link.split('"').next().unwrap_or_default().to_owned()).collect()
    }

    /// Sends a form of the review page, and says which component it leads to.
    fn act(&self, path: &str, fields: &[(&str, &str)]) -> u64 {
        let answer = self.send(path, fields);
        let location = answer.header("Location").unwrap_or_else(|| panic!("{path}: {}", answer.text()));
        let id = location.strip_prefix("/components/").and_then(|rest| rest.split('/').next());
        id.and_then(|id| id.parse().ok()).unwrap_or(0)
    }

    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = field(&self.see("/").text(), "form");
        post(&self.desk, path, &self.cookie, &[&[("form", &form[..])], fields].concat())
    }

    /// Has a paper made at once, and says how far it is then, with the manifest's entry of it.
    fn close(&self, paper: &str) -> (String, Value) {
        let id = self.newest(paper)["id"].as_u64().expect("a number");
        self.act(&format!("/components/{id}/close"), &[]);
        self.made(paper)
    }

    fn made(&self, paper: &str) -> (String, Value) {
        let made = self.desk.centre.wait_for("it is made", || {
            let newest = self.newest(paper);
            (newest["state"] != "in-work").then_some(newest)
        });
        let manifest: Value =
            serde_json::from_slice(&fs::read(self.folder().join("manifest.json")).expect("it is there")).expect("JSON");
        let components = manifest["components"].as_array().expect("a list").clone();
        let name = made["name"].as_str().unwrap_or_default();
        let entry = components.into_iter().rfind(|component| component["name"] == name).expect("it is listed");
        (made["state"].as_str().unwrap_or_default().to_owned(), entry)
    }

    fn folder(&self) -> PathBuf {
        self.desk.centre.folder.join("out").join(CODE)
    }

    /// What `sohoa verify` says of the dossier.
    fn verify(&self) {
        let verified = self.desk.centre.run(&["verify", &self.folder().to_string_lossy()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// Size of a JPEG, pixels.
fn size(answer: &Answer) -> (u32, u32) {
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("image/jpeg")), "{answer:?}");
    let image = image_size(&answer.body);
    image.unwrap_or_else(|| panic!("no JPEG of {} bytes", answer.body.len()))
}

/// From the frame header (ITU-T T.81, B.2.2).
fn image_size(jpeg: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let segment = jpeg.get(at..at + 9)?;
        let length = usize::from(u16::from_be_bytes([segment[2], segment[3]]));
        if matches!(segment[1], 0xC0..=0xC2) {
            let side = |index: usize| u32::from(u16::from_be_bytes([segment[index], segment[index + 1]]));
            return Some((side(7), side(5)));
        }
        at += 2 + length;
    }
}

#[test]
fn pages_are_seen_before_their_paper_is_complete_and_turned() {
    let review = Review::open("review-turn");
    let id = review.drop("Tờ <b>khai", &["to-khai/trang-1.jpg", "danh-sach/trang-1.jpg"]);
    let pages = review.pages(id);
    assert_eq!(pages.len(), 2);
    let page = review.see(&format!("/components/{id}/pages?page={}", pages[1])).text();
    assert!(page.contains("Tờ &lt;b&gt;khai") && page.contains("Trang 2/2") && !page.contains("<b>khai"), "{page}");
    assert!(page.len() < 60_000 && page.contains("/review.js") && !page.contains(" style="), "{}", page.len());

    let picture = format!("/components/{id}/pages/{}/page.jpg", pages[0]);
    let (width, height) = size(&review.see(&picture));
    assert_eq!((width.max(height), width < height), (1200, true));
    assert_eq!(size(&review.see(&format!("{picture}?side=220"))).1, 220);
    let capture = size(&review.see(&format!("/components/{id}/pages/{}/capture.jpg?side=5000", pages[0])));
    assert!(capture.0 > 1000, "{capture:?}");
    let shown = review.see(&format!("/components/{id}/pages?page={}&view=capture", pages[0])).text();
    assert!(shown.contains(&format!("viewBox=\"0 0 {} {}\" data-outline", capture.0, capture.1)), "{shown}");

    // What collects still takes it up itself.
    assert_eq!(review.act(&format!("/components/{id}/pages/{}", pages[0]), &[("do", "right")]), id);
    let (turned, turned_height) = size(&review.see(&picture));
    assert!(turned > turned_height, "{turned} x {turned_height}");
    let (state, entry) = review.close("Tờ <b>khai");
    assert_eq!(state, "done");
    assert_eq!(entry["pages"][0]["decided"]["orientation"], entry["pages"][0]["orientation"]);
    assert!(entry["pages"][1].get("decided").is_none());
    assert!(entry["pages"][0]["image"]["width"].as_u64() > entry["pages"][0]["image"]["height"].as_u64());

    // What is made stays; the next version has the page as it was found.
    let later = review.act(&format!("/components/{id}/pages/{}", pages[0]), &[("do", "found")]);
    assert_ne!(later, id);
    let (state, entry) = review.close("Tờ <b>khai");
    assert_eq!((&state[..], entry["version"].as_u64()), ("done", Some(2)));
    assert!(entry["pages"][0].get("decided").is_none());
    let older = review.see(&format!("/components/{id}/pages")).text();
    assert!(older.contains("phiên bản mới hơn") && !older.contains("value=right"), "{older}");
    let refused = review.send(&format!("/components/{id}/pages/{}", pages[0]), &[("do", "left")]);
    assert_eq!((refused.status, refused.text().contains("phiên bản mới hơn")), (409, true), "{refused:?}");
    review.verify();
}

#[test]
fn a_doubted_page_is_accepted_with_a_reason_and_its_file_stays() {
    let review = Review::open("review-accept");
    let id = review.drop("Đơn", &["to-khai-chup-dien-thoai/bi-mo.jpg"]);
    let (state, before) = review.close("Đơn");
    assert_eq!(state, "rescan");
    let page = format!("/components/{id}/pages/{}", review.pages(id)[0]);
    let shown = review.see(&format!("/components/{id}/pages")).text();
    assert!(shown.contains("Lý do chấp nhận") && shown.contains("class=why"), "{shown}");
    assert_eq!(review.send(&page, &[("do", "accept"), ("reason", "  ")]).status, 400);
    let reason = "Bản gốc <i>mờ</i>";
    assert_eq!(review.act(&page, &[("do", "accept"), ("reason", reason)]), id);
    let (state, after) = review.made("Đơn");
    assert_eq!((&state[..], &after["pages"][0]["decided"]["accepted"]), ("done", &Value::from(reason)));
    assert_eq!((&after["version"], &after["file"]), (&before["version"], &before["file"]));
    let shown = review.see(&format!("/components/{id}/pages")).text();
    assert!(shown.contains("Bản gốc &lt;i&gt;mờ") && !shown.contains("<i>mờ"), "{shown}");
    let log = fs::read_to_string(review.folder().join("log.jsonl")).expect("it is there");
    assert!(log.contains("\"event\":\"accept\"") && !log.contains("mờ"), "{log}");
    review.verify();

    assert_eq!(review.act(&page, &[("do", "not-accept")]), id);
    assert_eq!(review.made("Đơn").0, "rescan");
    review.verify();
}

#[test]
fn pages_are_put_into_order_left_out_and_moved() {
    let review = Review::open("review-order");
    let id = review.drop("a", &["to-khai/trang-1.jpg", "to-khai/trang-2.jpg", "danh-sach/trang-1.jpg"]);
    let pages = review.pages(id);
    let arrange = |id: u64, what: &str, page: &str| {
        review.act(&format!("/components/{id}/arrange"), &[("do", what), ("page", page)])
    };
    assert_eq!(arrange(id, "up", &pages[1]), id);
    assert_eq!(review.pages(id), [&pages[1][..], &pages[0], &pages[2]]);
    arrange(id, "out", &pages[0]);
    let shown = review.see(&format!("/components/{id}/pages")).text();
    assert!(shown.contains("Trang đã bỏ") && shown.contains(&format!("name=page value={}", pages[0])), "{shown}");
    assert_eq!(review.see(&format!("/components/{id}/pages/{}/page.jpg?side=220", pages[0])).status, 200);
    let (_, entry) = review.close("a");
    let hashes = |entry: &Value| -> Vec<Value> {
        entry["pages"].as_array().expect("a list").iter().map(|page| page["image"]["sha256"].clone()).collect()
    };
    let two = hashes(&entry);
    assert_eq!(two.len(), 2);

    // Put back, as the last one; then the first goes to another paper.
    let later = arrange(id, "back", &pages[0]);
    assert_eq!(review.pages(later), [&pages[1][..], &pages[2], &pages[0]]);
    let to = [("page", &pages[1][..]), ("which", "one"), ("title", "b"), ("dossier", CODE)];
    let other = review.act(&format!("/components/{later}/move"), &to);
    assert_eq!(review.pages(other), [&pages[1][..]]);
    let moved = hashes(&review.close("b").1);
    assert_eq!(moved, two[..1], "its page was not made anew");
    assert_eq!(hashes(&review.close("a").1)[0], two[1]);

    // All of it: the papers are one, and the other is gone from the dossier.
    let rest = review.newest("a")["id"].as_u64().expect("a number");
    let all = [("page", &pages[2][..]), ("which", "all"), ("title", "B"), ("dossier", CODE)];
    let whole = review.act(&format!("/components/{rest}/move"), &all);
    assert_eq!(review.pages(whole), [&pages[1][..], &pages[2], &pages[0]]);
    assert_eq!(hashes(&review.close("b").1).len(), 3);
    let titles: Vec<Value> = review.desk.centre.components(Some(CODE)).iter().map(|one| one["title"].clone()).collect();
    assert!(titles.iter().all(|title| title == "b"), "{titles:?}");
    assert!(review.folder().join("a.pdf").is_file(), "what was published stays");
    review.verify();
}

#[test]
fn a_page_is_replaced_and_its_outline_drawn() {
    let review = Review::open("review-replace");
    let id = review.drop("a", &["to-khai-chup-dien-thoai/bi-mo.jpg", "danh-sach/trang-1.jpg"]);
    let pages = review.pages(id);
    let new = fs::read(root().join("samples/to-khai-chup-dien-thoai/nguoc-dau.jpg")).expect("a sample");
    let form = field(&review.see("/").text(), "form");
    let replace = |form: &str, name: &str, bytes: &[u8]| {
        let head = |name: &str| format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"");
        let mut body =
            format!("{}\r\n\r\n{form}\r\n{}; filename=\"{name}\"\r\n\r\n", head("form"), head("file")).into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--frontier--\r\n");
        let origin = format!("http://{}", review.desk.address);
        let headers = [
            ("Content-Type", "multipart/form-data; boundary=frontier"),
            ("Cookie", &review.cookie[..]),
            ("Origin", &origin[..]),
        ];
        review.desk.ask("POST", &format!("/components/{id}/pages/{}/replacement", pages[0]), &headers, &body)
    };
    assert_eq!(replace("0", "a.jpg", &new).status, 403);
    assert_eq!(replace(&form, "a.exe", b"MZ\x90\0").status, 415);
    let replaced = replace(&form, "../../a.jpg", &new);
    assert_eq!(replaced.header("Location"), Some(&format!("/components/{id}/pages?place=0")[..]), "{replaced:?}");
    let now = review.pages(id);
    assert!(now[0] != pages[0] && now[1] == pages[1], "{now:?}");

    // A corner of the page, as a person draws it.
    let outline = "10,10 510,10 510,710 10,710";
    let page = format!("/components/{id}/pages/{}", now[1]);
    for wrong in ["10,10 510,10 510,710", "10,10 10,710 510,710 510,10", "a"] {
        assert_eq!(review.send(&page, &[("do", "outline"), ("outline", wrong)]).status, 400, "{wrong}");
    }
    assert_eq!(review.act(&page, &[("do", "outline"), ("outline", outline), ("view", "capture")]), id);
    let (_, entry) = review.close("a");
    let outlined = &entry["pages"][1];
    assert_eq!((outlined["quad"][2]["x"].as_f64(), outlined["quad_confidence"].as_f64()), (Some(510.0), Some(1.0)));
    let (width, height) = (outlined["image"]["width"].as_f64(), outlined["image"]["height"].as_f64());
    let ratio = height.unwrap_or_default() / width.unwrap_or(1.0);
    assert!((1.3..1.5).contains(&ratio), "{ratio}");
    review.verify();
}

#[test]
fn pages_are_open_to_who_may_and_to_our_own_forms_alone() {
    let review = Review::open("review-closed");
    add(&review.desk.centre, "minh", "admin");
    let id = review.drop("a", &["danh-sach/trang-1.jpg"]);
    let other = review.drop("b", &["to-khai/trang-1.jpg"]);
    let (page, strange) = (review.pages(id)[0].clone(), review.pages(other)[0].clone());
    let keeper = session(&review.desk, "minh");
    let shown = [
        format!("/components/{id}/pages"),
        format!("/components/{id}/pages/{page}/page.jpg"),
        format!("/components/{id}/pages/{page}/capture.jpg"),
    ];
    for path in &shown {
        assert_eq!(see(&review.desk, path, &keeper).status, 403, "{path}");
        assert_eq!(see(&review.desk, path, "").header("Location"), Some("/login"), "{path}");
    }
    let forms = [
        (format!("/components/{id}/pages/{page}"), vec![("do", "right")]),
        (format!("/components/{id}/arrange"), vec![("do", "up"), ("page", &page[..])]),
        (
            format!("/components/{id}/move"),
            vec![("page", &page[..]), ("which", "all"), ("title", "c"), ("dossier", CODE)],
        ),
        (format!("/components/{id}/close"), Vec::new()),
    ];
    for (path, fields) in &forms {
        let forged = post(&review.desk, path, &review.cookie, &[&[("form", "0")], &fields[..]].concat());
        assert_eq!(forged.status, 403, "{path}: {forged:?}");
        let form = field(&see(&review.desk, "/", &keeper).text(), "form");
        let refused = post(&review.desk, path, &keeper, &[&[("form", &form[..])], &fields[..]].concat());
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
    }
    // Pages of other components, and what is no page.
    for wrong in [&strange[..], "0-1", "1-0", "x", "..%2F..%2Fx", "1-1-1"] {
        assert_eq!(review.see(&format!("/components/{id}/pages/{wrong}/page.jpg")).status, 404, "{wrong}");
        let refused = review.send(&format!("/components/{id}/pages/{wrong}"), &[("do", "right")]);
        assert!(matches!(refused.status, 404 | 409), "{wrong}: {refused:?}");
    }
    assert_eq!(review.see("/components/99/pages").status, 404);
    assert_eq!(review.pages(id), [page], "nothing was changed");
    let kinds: Vec<String> = {
        let store = rusqlite::Connection::open(review.desk.centre.folder.join("data/store.sqlite")).expect("the store");
        let mut select =
            store.prepare("SELECT DISTINCT kind FROM events WHERE account IS NOT NULL").expect("the store");
        let rows = select.query_map([], |row| row.get(0)).expect("the store");
        rows.collect::<Result<_, _>>().expect("the store")
    };
    assert!(kinds.contains(&"viewed".to_owned()), "{kinds:?}");
    for changed in ["turned", "arranged", "moved"] {
        assert!(!kinds.contains(&changed.to_owned()), "{kinds:?}");
    }
}
