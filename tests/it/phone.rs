//! Phones as they meet the service: the page of a QR code, pictures that are cut off and sent again, what is told of them, and
//! what is changed; with plain sockets.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{add, field, post, see, session};
use crate::http::{Answer, Desk, base64, sample, text};
use crate::program::{files_below, root, run};
use crate::service::CODE;

const OTHER: &str = "H21.15.25-250701-0099";

/// The path of a phone's page, paired at the command line.
fn pair(desk: &Desk, code: &str, more: &[&str]) -> String {
    let paired = run(&mut desk.centre.program(&[&["dossier", "pair", code, "--json"], more].concat()));
    assert_eq!(paired.code, Some(0), "{paired:?}");
    let paired: Value = serde_json::from_str(&paired.stdout).expect("JSON");
    let start = format!("http://{}", desk.address);
    text(&paired["url"]).strip_prefix(&start).expect("the address that it listens on").to_owned()
}

/// Begins an upload with metadata.
fn begin(desk: &Desk, path: &str, length: usize, metadata: &[(&str, &str)]) -> Answer {
    let pairs: Vec<String> = metadata.iter().map(|(key, value)| format!("{key} {}", base64(value))).collect();
    let headers = [("Upload-Length", &length.to_string()[..]), ("Upload-Metadata", &pairs.join(","))];
    desk.tus("POST", &format!("{path}/uploads"), &headers, b"")
}

/// Sends a picture; says which page it became.
fn send(desk: &Desk, path: &str, bytes: &[u8], metadata: &[(&str, &str)]) -> String {
    let begun = begin(desk, path, bytes.len(), metadata);
    assert_eq!(begun.status, 201, "{begun:?}");
    let sent = desk.append(begun.header("Location").expect("a place"), 0, bytes);
    assert_eq!(sent.status, 204, "{sent:?}");
    let number = |name| sent.number(name).expect("it is accepted");
    format!("{}-{}", number("Sohoa-Component"), number("Sohoa-Capture"))
}

/// What the phone is told, once it is so.
fn told(desk: &Desk, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    desk.centre.wait_for(what, || Some(desk.get(&format!("{path}/pages")).json()).filter(|told| is_so(told)))
}

/// The pages of what is told, in order.
fn pages(told: &Value) -> Vec<&str> {
    let papers = told["papers"].as_array().expect("a list").iter();
    papers.flat_map(|paper| paper["pages"].as_array().expect("a list")).map(|page| text(&page["id"])).collect()
}

/// Width and height of a JPEG, from its frame header.
fn jpeg_size(bytes: &[u8]) -> (u16, u16) {
    let at = bytes.windows(2).position(|two| matches!(two, b"\xff\xc0" | b"\xff\xc2")).expect("a frame header");
    let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    (number(at + 7), number(at + 5))
}

/// A component waits for its last page long enough that a test can change it.
const SLOW: &[(&str, &str)] = &[("gap_seconds = 1", "gap_seconds = 600")];

#[test]
fn a_phone_sends_pictures_by_a_qr_code() {
    let mut desk = Desk::open("http-phone", &[]);
    let path = pair(&desk, CODE, &["--component", "Tờ <khai>"]);
    let shown = run(&mut desk.centre.program(&["dossier", "pair", CODE]));
    assert!(shown.stdout.contains("▀") && shown.stdout.contains("/p/"), "{shown:?}");

    let page = desk.get(&path);
    let html = page.text();
    assert_eq!(page.status, 200);
    assert!(html.contains(CODE) && html.contains("Tờ &lt;khai&gt;") && !html.contains("<khai>"), "{html}");
    let policy = page.header("Content-Security-Policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let no_file: &[(&str, &[u8])] = &[("", b"")];
    assert_eq!(desk.send(&path, no_file).status, 400);
    // Phones call every picture alike, and a picker that was not used sends an empty part.
    let pictures = [sample("to-khai/trang-1.jpg"), sample("bia-ho-so.jpg")];
    let sent = desk.send(&path, &[("image.jpg", &pictures[0]), ("image.jpg", &pictures[1]), ("", b"")]);
    assert_eq!((sent.status, sent.header("Location")), (303, Some(&format!("{path}#da-gui")[..])), "{sent:?}");
    desk.wait_to_read(&path, "Đã nhận 2 trang");
    desk.wait_to_read(&path, "xong");

    // With scripts: the same by tus, and what is no readable picture is told with its reason.
    let broken = b"\xff\xd8\xff\xe0 no picture";
    let begun = begin(&desk, &path, broken.len(), &[]);
    let upload = begun.header("Location").expect("a place").to_owned();
    assert!(upload.starts_with(&path));
    let stranger = upload.replace(&path, "/api/v1");
    assert_eq!(desk.tus("HEAD", &stranger, &[], b"").status, 404, "an upload is its sender's");
    assert_eq!(desk.append(&upload, 0, broken).status, 204);
    let html = desk.wait_to_read(&path, "cần chụp lại");
    assert!(html.contains("không đọc được"), "{html}");

    let other = pair(&desk, OTHER, &[]);
    assert!(desk.get(&other).text().contains("Chưa có trang nào"), "nothing of other dossiers");
    let revoked = run(&mut desk.centre.program(&["dossier", "pair", CODE, "--revoke"]));
    assert!(revoked.stdout.contains("2 mã QR"), "{revoked:?}");
    let upload = format!("{path}/uploads/{}", "0".repeat(32));
    for (method, path) in [("GET", &path), ("POST", &path), ("HEAD", &upload)] {
        assert_eq!(desk.tus(method, path, &[], b"").status, 410, "{method} {path}");
    }
    let ended = desk.ask("GET", &path, &[("Accept", "text/html")], b"");
    assert!(ended.text().contains("Mã QR đã hết hạn, xin mã mới tại quầy"), "{ended:?}");
    let token = path.rsplit('/').next().expect("a token").as_bytes();
    for file in files_below(&desk.centre.folder.join("data"), "") {
        let bytes = fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(token.len()).any(|window| window == token), "{} has the token", file.display());
    }
    assert_eq!(desk.centre.stop(), Some(0));
    let refused = run(&mut desk.centre.program(&["dossier", "pair", CODE]));
    assert!(refused.stderr.contains("--listen"), "no address when nothing listens: {refused:?}");
}

#[test]
fn a_verdict_comes_while_the_paper_still_lies_there() {
    let mut desk = Desk::open("phone-verdict", SLOW);
    let path = pair(&desk, CODE, &[]);
    let known = desk.get(&format!("{path}/pages")).json();
    assert_eq!(known["papers"], json!([]));
    // Whoever waits for news is answered when there is some.
    let since = format!("{path}/pages?since={}", known["version"]);
    let (asked, news) = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let answer = desk.get(&since);
            (answer, Instant::now())
        });
        std::thread::sleep(Duration::from_millis(300));
        let page = send(&desk, &path, &sample("to-khai-chup-dien-thoai/bi-mo.jpg"), &[("filename", "a.jpg")]);
        let sent = Instant::now();
        let (answer, answered) = waiting.join().expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(pages(&answer.json()), [&page[..]], "{answer:?}");
        ((page, sent), answered)
    });
    let (blurred, sent) = asked;
    assert!(news.saturating_duration_since(sent) < Duration::from_secs(2), "told while it waits");
    let answer = told(&desk, &path, "a verdict", |told| told["papers"][0]["pages"][0]["verdict"] == "retake");
    println!("verdict after {} ms", sent.elapsed().as_millis());
    let page = &answer["papers"][0]["pages"][0];
    assert!(page["lines"].as_array().expect("lines").iter().any(|line| text(line).contains("chụp lại")), "{page}");
    let english = desk.ask("GET", &format!("{path}/pages"), &[("Accept-Language", "en")], b"").json();
    let line = text(&english["papers"][0]["pages"][0]["lines"][0]).to_owned();
    assert!(line.contains("capture again"), "{line}");

    let small = desk.get(&format!("{path}/pages/{blurred}.jpg"));
    assert_eq!((small.status, small.header("Content-Type")), (200, Some("image/jpeg")), "{:?}", small.header("x"));
    assert!(small.body.starts_with(b"\xff\xd8") && (4_000..60_000).contains(&small.body.len()), "{}", small.body.len());

    // Taken again it lies where it lay, and is good.
    let next = send(&desk, &path, &sample("to-khai/trang-2.jpg"), &[("filename", "a.jpg"), ("key", "page two")]);
    let again = send(&desk, &path, &sample("to-khai/trang-1.jpg"), &[("replaces", &blurred), ("component", "Khác")]);
    let answer = told(&desk, &path, "good pages", |told| {
        pages(told) == [&again[..], &next]
            && told["papers"][0]["pages"].as_array().is_some_and(|all| all.iter().all(|page| page["verdict"] == "good"))
    });
    assert_eq!(answer["papers"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(desk.get(&format!("{path}/pages/{blurred}.jpg")).status, 404, "it was replaced");

    // Turned by a quarter it stands as high as it was wide.
    let picture = |told: &Value| told["papers"][0]["pages"][0]["thumbnail"].clone();
    let before = picture(&answer);
    let upright = jpeg_size(&desk.get(&format!("{path}/pages/{again}.jpg")).body);
    assert_eq!(desk.ask("POST", &format!("{path}/pages/{again}/turn"), &[], b"").status, 204);
    told(&desk, &path, "it is turned", |told| picture(told).is_string() && picture(told) != before);
    let turned = jpeg_size(&desk.get(&format!("{path}/pages/{again}.jpg")).body);
    assert!(
        upright.1 > upright.0 && turned.0.abs_diff(upright.1) < 3 && turned.1.abs_diff(upright.0) < 3,
        "{turned:?}"
    );

    // An iPhone's picture, and one that is none.
    let heic = fs::read(root().join("tests/data/quarter-turn.heic")).expect("a sample");
    let heic = send(&desk, &path, &heic, &[("filename", "IMG_1.HEIC"), ("component", "Ảnh iPhone")]);
    told(&desk, &path, "the HEIC is judged", |told| {
        told["papers"][1]["pages"][0]["id"] == heic[..] && told["papers"][1]["pages"][0]["thumbnail"].is_string()
    });
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_picture_is_never_lost_and_never_there_twice() {
    let mut desk = Desk::open("phone-twice", SLOW);
    let (path, picture) = (pair(&desk, CODE, &[]), sample("bia-ho-so.jpg"));
    let metadata = [("filename", "image.jpg"), ("key", "0123456789abcdef"), ("taken", "1700000000000")];
    let begun = begin(&desk, &path, picture.len(), &metadata);
    let upload = begun.header("Location").expect("a place").to_owned();
    // The answer was lost, and the phone begins again: it is the same upload.
    let again = begin(&desk, &path, picture.len(), &metadata);
    assert_eq!(
        (again.status, again.header("Location"), again.number("Upload-Offset")),
        (201, Some(&upload[..]), Some(0))
    );
    desk.append(&upload, 0, &picture[..1000]);
    desk.centre.kill();
    desk.start();
    let again = begin(&desk, &path, picture.len(), &metadata);
    assert_eq!((again.header("Location"), again.number("Upload-Offset")), (Some(&upload[..]), Some(1000)), "{again:?}");
    let sent = desk.append(&upload, 1000, &picture[1000..]);
    let capture = sent.number("Sohoa-Capture").expect("it is accepted");
    // The last answer was lost, too.
    let again = begin(&desk, &path, picture.len(), &metadata);
    assert_eq!((again.status, again.number("Sohoa-Capture")), (201, Some(capture)), "{again:?}");
    // The key is the phone's own: of another it is another picture.
    let other = pair(&desk, CODE, &[]);
    let elsewhere = begin(&desk, &other, picture.len(), &metadata);
    assert!(elsewhere.header("Location").is_some_and(|place| place.starts_with(&other)), "{elsewhere:?}");
    assert_eq!(elsewhere.number("Sohoa-Capture"), None);
    let name = upload.rsplit('/').next().expect("a name");
    assert_eq!(desk.tus("HEAD", &format!("{other}/uploads/{name}"), &[], b"").status, 404);
    assert_eq!(pages(&desk.get(&format!("{path}/pages")).json()).len(), 1);
    // A page that came late lies where it was taken.
    let early = send(&desk, &path, &sample("to-khai/trang-1.jpg"), &[("key", "early"), ("taken", "1600000000000")]);
    let told = desk.get(&format!("{path}/pages")).json();
    assert_eq!((pages(&told).len(), pages(&told)[0]), (2, &early[..]), "{told}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_phone_orders_deletes_and_finishes_what_it_sent() {
    let mut desk = Desk::open("phone-edit", SLOW);
    let path = pair(&desk, CODE, &[]);
    let names = ["bia-ho-so.jpg", "to-khai/trang-1.jpg", "to-khai/trang-2.jpg"];
    let sent: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| send(&desk, &path, &sample(name), &[("taken", &format!("160000000000{index}"))]))
        .collect();
    let second = send(&desk, &path, &sample("danh-sach/trang-1.jpg"), &[("component", "Danh <b>sách")]);
    let told = desk.get(&format!("{path}/pages")).json();
    assert_eq!(pages(&told), [&sent[0], &sent[1], &sent[2], &second], "{told}");
    assert_eq!(
        (&told["papers"][0]["title"], &told["papers"][1]["title"]),
        (&json!("Tài liệu"), &json!("Danh <b>sách"))
    );
    let paper = &told["papers"][0]["id"];
    let order = |path: &str, pages: &[&String]| {
        desk.post_json(&format!("{path}/papers/{paper}/order"), &json!({"pages": pages}).to_string()).status
    };
    assert_eq!(order(&path, &[&sent[2], &sent[0], &sent[1]]), 204);
    let other = pair(&desk, OTHER, &[]);
    let foreign = pair(&desk, CODE, &[]);
    for (path, pages, status) in [
        (&path, &[&sent[0], &sent[0]][..], 404),
        (&path, &[&second], 404),
        (&other, &[&sent[0]], 404),
        (&foreign, &[&sent[0]], 404),
    ] {
        assert_eq!(order(path, pages), status, "{path} {pages:?}");
    }
    assert_eq!(desk.post_json(&format!("{path}/papers/{paper}/order"), "{}").status, 400);
    assert_eq!(pages(&desk.get(&format!("{path}/pages")).json())[..3], [&sent[2], &sent[0], &sent[1]]);
    for stranger in [&other, &foreign] {
        assert_eq!(desk.ask("DELETE", &format!("{stranger}/pages/{}", sent[0]), &[], b"").status, 404);
        assert_eq!(desk.get(&format!("{stranger}/pages/{}.jpg", sent[0])).status, 404);
        assert_eq!(pages(&desk.get(&format!("{stranger}/pages")).json()).len(), 0);
        // To finish what one has not sent finishes nothing.
        assert_eq!(desk.ask("POST", &format!("{stranger}/finish"), &[], b"").json(), json!({"papers": 0}));
    }
    assert_eq!(desk.ask("DELETE", &format!("{path}/pages/{}", sent[0]), &[], b"").status, 204);
    assert_eq!(desk.ask("DELETE", &format!("{path}/pages/nonsense"), &[], b"").status, 404);
    let told = desk.get(&format!("{path}/pages")).json();
    assert_eq!(pages(&told), [&sent[2], &sent[1], &second]);

    // The clerk sees what was taken away, also where nothing is left of a paper, and can put it back.
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    let review = see(&desk, &format!("/components/{paper}/pages"), &cookie).text();
    assert!(review.contains("Trang đã bỏ (1)") && review.contains("Lấy lại"), "{review}");
    assert_eq!(desk.ask("DELETE", &format!("{path}/pages/{second}"), &[], b"").status, 204);
    assert_eq!(pages(&desk.get(&format!("{path}/pages")).json()).len(), 2);
    let dossier = format!("/dossiers/{CODE}");
    let shown = see(&desk, &dossier, &cookie).text();
    let (_, emptied) = shown.split_once("Giấy tờ đã bỏ hết trang (1)").expect("it is told");
    assert!(emptied.contains("Danh &lt;b&gt;sách") && emptied.contains("1 trang đã bỏ"), "{emptied}");
    let (_, picture) = emptied.split_once("<img src=\"").expect("a picture");
    let picture = picture.split('"').next().unwrap_or_default().replace("&amp;", "&");
    assert_eq!(see(&desk, &picture, &cookie).header("Content-Type"), Some("image/jpeg"), "{picture}");
    let (id, _) = second.split_once('-').expect("two numbers");
    let restore = format!("/components/{id}/restore");
    assert!(emptied.contains(&restore), "{emptied}");
    let shown = see(&desk, &dossier, &keeper).text();
    assert!(!shown.contains("đã bỏ hết trang"), "{shown}");
    assert_eq!(post(&desk, &restore, &keeper, &[("form", &field(&shown, "form"))]).status, 403);
    assert_eq!(post(&desk, &restore, &cookie, &[("form", "0")]).status, 403);
    let form = field(&review, "form");
    let restored = post(&desk, &restore, &cookie, &[("form", &form)]);
    assert_eq!((restored.status, restored.header("Location")), (303, Some(&format!("/components/{id}/pages")[..])));
    assert_eq!(post(&desk, &restore, &cookie, &[("form", &form)]).status, 404, "it is there again");
    assert_eq!(pages(&desk.get(&format!("{path}/pages")).json()), [&sent[2], &sent[1], &second]);
    assert!(!see(&desk, &dossier, &cookie).text().contains("đã bỏ hết trang"));

    assert_eq!(desk.ask("POST", &format!("{path}/finish"), &[], b"").json(), json!({"papers": 2}));
    self::told(&desk, &path, "all is made", |told| {
        told["papers"].as_array().is_some_and(|all| all.iter().all(|paper| paper["state"] == "done"))
    });
    let back = desk.ask("POST", &format!("{path}/finish?lang=en"), &[("Accept", "text/html")], b"");
    assert_eq!((back.status, back.header("Location")), (303, Some(&format!("{path}?lang=en#da-gui")[..])), "{back:?}");
    // What is made already is made anew without the page.
    assert_eq!(desk.ask("DELETE", &format!("{path}/pages/{}", sent[1]), &[], b"").status, 204);
    let told = desk.get(&format!("{path}/pages")).json();
    assert_eq!((told["papers"].as_array().map(Vec::len), pages(&told).len()), (Some(2), 2), "{told}");
    assert!(told["papers"].as_array().expect("papers").iter().any(|paper| paper["version"] == 2), "{told}");
    assert_eq!(desk.centre.stop(), Some(0));
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let kinds = "SELECT group_concat(kind || ' ' || detail, ', ') FROM
        (SELECT kind, detail FROM events WHERE kind IN ('removed', 'ordered', 'finished') ORDER BY id)";
    let kinds: String = store.query_row(kinds, [], |row| row.get(0)).expect("rows");
    assert_eq!(
        kinds,
        "ordered phone/1, removed phone/1, removed phone/1, finished phone/1, finished phone/1, removed phone/1"
    );
}

#[test]
fn every_address_of_a_phone_wants_its_token() {
    let mut desk = Desk::open("phone-tokens", SLOW);
    let open = pair(&desk, CODE, &[]);
    let upload = begin(&desk, &open, 10, &[]).header("Location").expect("a place").to_owned();
    let ended = pair(&desk, CODE, &[]);
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    store.execute("UPDATE pairings SET expires = 1 WHERE id = 2", []).expect("it is there");
    let unknown = format!("/p/{}", "0".repeat(32));
    let of = |path: &str| -> Vec<(&str, String)> {
        vec![
            ("GET", path.to_owned()),
            ("POST", path.to_owned()),
            ("GET", format!("{path}/pages")),
            ("GET", format!("{path}/pages/1-1.jpg")),
            ("DELETE", format!("{path}/pages/1-1")),
            ("POST", format!("{path}/pages/1-1/turn")),
            ("POST", format!("{path}/papers/1/order")),
            ("POST", format!("{path}/finish")),
            ("POST", format!("{path}/outline")),
            ("POST", format!("{path}/uploads")),
            ("HEAD", upload.replace(&open, path)),
            ("PATCH", upload.replace(&open, path)),
            ("DELETE", upload.replace(&open, path)),
        ]
    };
    let headers = [
        ("Content-Type", "application/json"),
        ("Upload-Length", "10"),
        ("Upload-Offset", "0"),
        ("Accept", "application/json"),
    ];
    for (path, status) in [(&ended, 410), (&unknown, 404)] {
        for (method, place) in of(path) {
            let kind = if method == "PATCH" { "application/offset+octet-stream" } else { "application/json" };
            let headers = [&[("Content-Type", kind)], &headers[1..]].concat();
            let refused = desk.tus(method, &place, &headers, b"{\"pages\":[]}");
            assert_eq!(refused.status, status, "{method} {place}: {refused:?}");
        }
        // A page of another site sends nothing, whatever it knows.
        let foreign = desk.ask("POST", &format!("{path}/finish"), &[("Origin", "http://elsewhere.example")], b"");
        assert_eq!(foreign.status, 403, "{foreign:?}");
    }
    // Five hundred pictures, and no more; those that were begun go on.
    let fill = "INSERT INTO captures (id, sha256, bytes, received) SELECT 1000, 'x', 1, 1;
        INSERT INTO arrivals (capture, source, relative, bytes, modified, received)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT 1000, 'phone/1', i, 1, i, 1 FROM n";
    store.execute_batch(fill).expect("rows");
    let full = begin(&desk, &open, 10, &[("key", "one more")]);
    assert_eq!((full.status, full.json()["code"].as_str()), (403, Some("pages")), "{full:?}");
    assert_eq!(desk.tus("HEAD", &upload, &[], b"").status, 204);
    assert_eq!(desk.get(&format!("{open}/pages")).json()["left"], 0);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn the_page_is_light_and_its_files_are_kept() {
    let mut desk = Desk::open("phone-files", &[]);
    let path = pair(&desk, CODE, &[]);
    let page = desk.get(&path);
    let html = page.text();
    assert!(!html.contains(" style=") && !html.contains(" onclick") && !html.contains("<script>"), "{html}");
    let mut bytes = page.body.len();
    for start in ["src=\"", "href=\"", "data-camera=\""] {
        for rest in html.split(start).skip(1) {
            let file = rest.split('"').next().unwrap_or_default();
            if file.starts_with("/p/static/") {
                let found = desk.get(file);
                assert_eq!(found.status, 200, "{file}");
                assert!(found.header("Cache-Control").is_some_and(|keep| keep.contains("immutable")), "{found:?}");
                bytes += found.body.len();
                let of_another_version = desk.get(&file.replace("/p/static/", "/p/static/0"));
                assert_eq!(of_another_version.header("Cache-Control"), Some("no-store"));
            }
        }
    }
    println!("{bytes} bytes with all files");
    assert!((20_000..100_000).contains(&bytes), "{bytes}");
    let worker = desk.get("/p/worker.js");
    assert!(worker.header("Content-Type").is_some_and(|kind| kind.starts_with("text/javascript")), "{worker:?}");
    assert!(worker.text().contains("/p/static/") && !worker.text().contains("{{"));
    let english = desk.get(&format!("{path}?lang=en")).text();
    assert!(english.contains("<html lang=en>") && english.contains("Photograph a paper"), "{english}");

    // The live camera.
    let photo = fs::read(root().join("samples/to-khai/trang-1.jpg")).expect("a sample");
    assert_eq!(desk.ask("POST", &format!("{path}/outline"), &[], &photo).status, 413, "no frame is so large");
    assert_eq!(desk.ask("POST", &format!("{path}/outline"), &[], b"no picture").status, 415);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn phones_are_paired_and_ended_at_the_desk() {
    let mut desk = Desk::open("phone-desk", SLOW);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    let phones = format!("/dossiers/{CODE}/phones");
    // Also where the dossier begins with what the phone sends.
    assert!(see(&desk, &format!("/dossiers/{CODE}"), &cookie).text().contains(&phones));
    let page = see(&desk, &format!("{phones}?component=T%E1%BB%9D%20%3Ckhai%3E"), &cookie).text();
    assert!(page.contains("value=\"Tờ &lt;khai&gt;\"") && page.contains("value=\"480\""), "{page}");
    assert!(page.contains("chỉ nghe trên máy này"), "phones do not reach a loopback address: {page}");
    let form = field(&page, "form");
    let refused = see(&desk, &phones, &keeper);
    assert_eq!(refused.status, 403, "{refused:?}");
    for (fields, status) in [
        (&[("form", "0"), ("minutes", "60")][..], 403),
        (&[("form", &form[..]), ("minutes", "1")], 400),
        (&[("form", &form[..])], 400),
    ] {
        assert_eq!(post(&desk, &phones, &cookie, fields).status, status, "{fields:?}");
    }
    let fields = [("form", &form[..]), ("minutes", "60"), ("component", "Tờ <khai>")];
    let paired = post(&desk, &phones, &cookie, &fields);
    let html = paired.text();
    assert_eq!(paired.status, 200, "{html}");
    assert!(html.contains("<svg") && html.contains("60 phút") && html.contains("Tờ &lt;khai&gt;"), "{html}");
    let start = format!("http://{}", desk.address);
    let path = html.split(&start).nth(1).and_then(|rest| rest.split('<').next()).expect("an address").to_owned();
    send(&desk, &path, &sample("bia-ho-so.jpg"), &[]);
    let html = see(&desk, &phones, &cookie).text();
    assert!(html.contains("đã gửi 1 ảnh") && !html.contains(&path) && !html.contains("<svg"), "shown once: {html}");
    let newest = see(&desk, &format!("/dossiers/{CODE}"), &cookie).text();
    assert!(newest.contains(&format!("{phones}?component=T%E1%BB%9D%20%3Ckhai%3E")), "of a component: {newest}");
    assert_eq!(post(&desk, &format!("{phones}/1/revoke"), &cookie, &[("form", "0")]).status, 403);
    assert_eq!(desk.get(&path).status, 200);
    let ended = post(&desk, &format!("{phones}/1/revoke"), &cookie, &[("form", &form)]);
    assert_eq!((ended.status, ended.header("Location")), (303, Some(&phones[..])), "{ended:?}");
    assert_eq!(desk.get(&path).status, 410);
    assert!(see(&desk, &phones, &cookie).text().contains("Chưa có điện thoại nào"));
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let by = "SELECT group_concat(kind || account || ' ' || detail, ', ') FROM
        (SELECT * FROM events WHERE kind IN ('paired', 'unpaired') ORDER BY id)";
    let by: String = store.query_row(by, [], |row| row.get(0)).expect("rows");
    assert_eq!(by, "paired1 1, unpaired1 1");
    assert_eq!(desk.centre.stop(), Some(0));
}
