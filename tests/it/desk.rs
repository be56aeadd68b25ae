//! The desk as people at the counter meet it: accounts, the door, what each may see, and what is written down.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::http::{Answer, Desk, TOKEN};
use crate::program::{Run, root, run};
use crate::service::{CODE, Centre};

pub(crate) const PASSWORD: &str = "mưa rơi trên mái";

/// Makes an account.
pub(crate) fn add(centre: &Centre, name: &str, role: &str) {
    let mut command = centre.program(&["user", "add", name, "--role", role]);
    let added = run(command.env("SOHOA_PASSWORD", PASSWORD));
    assert_eq!(added.code, Some(0), "{added:?}");
}

fn user(centre: &Centre, arguments: &[&str]) -> Run {
    run(centre.program(&[&["user"], arguments].concat()).env("SOHOA_PASSWORD", "nắng lên ngoài hiên"))
}

/// A form as a browser sends it.
pub(crate) fn post(desk: &Desk, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let origin = format!("http://{}", desk.address);
    send(desk, path, &[("Origin", &origin), ("Cookie", cookie)], fields)
}

pub(crate) fn send(desk: &Desk, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    desk.ask("POST", path, &[&form, headers].concat(), body.join("&").as_bytes())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

pub(crate) fn log_in(desk: &Desk, name: &str, password: &str) -> Answer {
    post(desk, "/login", "", &[("name", name), ("password", password)])
}

/// The cookie of a new session.
pub(crate) fn session(desk: &Desk, name: &str) -> String {
    let answer = log_in(desk, name, PASSWORD);
    assert_eq!((answer.status, answer.header("Location")), (303, Some("/")), "{answer:?}");
    answer.header("Set-Cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned()
}

pub(crate) fn see(desk: &Desk, path: &str, cookie: &str) -> Answer {
    desk.ask("GET", path, &[("Cookie", cookie), ("Accept", "text/html")], b"")
}

/// The value of the first hidden field of this name.
pub(crate) fn field(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name={name} value=")).unwrap_or_else(|| panic!("no {name}: {page}"));
    rest.split(['>', ' ']).next().unwrap_or_default().to_owned()
}

/// A row of the store's events: kind, account, component, dossier.
type Row = (String, Option<i64>, Option<i64>, Option<i64>);

/// What the store has written down of people.
fn written_down(centre: &Centre) -> Vec<Row> {
    let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
    let select = "SELECT e.kind, e.account, e.component, e.dossier FROM events e WHERE e.kind IN ('logged-in',
        'logged-out', 'login-refused', 'viewed', 'downloaded', 'account-added') ORDER BY e.id";
    let mut select = store.prepare(select).expect("the store");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.expect("the store").collect::<Result<_, _>>().expect("the store")
}

#[test]
fn people_log_in_and_see_what_their_role_opens() {
    let mut desk = Desk::open("desk-people", &[]);
    assert_eq!((desk.get("/").status, desk.get("/").header("Location")), (303, Some("/login")));
    assert!(desk.get("/login").text().contains("sohoa user add"), "without an account it says how to make one");
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let sheet = fs::read(root().join("samples/bia-ho-so.jpg")).expect("a sample");
    desk.centre.drop(&format!("{CODE}/Tờ <b>khai/1.jpg"), &sheet);
    let made = desk.centre.wait_for("it is made", || {
        let components = desk.centre.components(Some(CODE));
        components.into_iter().find(|component| component["state"] == "done")
    });

    let door = desk.get("/login").text();
    assert!(door.contains("type=password") && door.contains("<html lang=vi>"), "{door}");
    let refused = log_in(&desk, "lan", "sai mật khẩu rồi");
    assert_eq!((refused.status, refused.header("Set-Cookie")), (403, None), "{refused:?}");
    assert!(refused.text().contains("không đúng") && !refused.text().contains("sai mật khẩu rồi"), "{refused:?}");
    assert_eq!(log_in(&desk, "nobody", PASSWORD).text(), refused.text(), "nothing tells which names there are");

    let entered = log_in(&desk, "Lan", PASSWORD);
    let cookie = entered.header("Set-Cookie").expect("a cookie").to_owned();
    let (pair, flags) = cookie.split_once("; ").expect("flags");
    assert_eq!(flags, "Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(pair.len(), "sohoa=".len() + 32, "128 bits, hex");
    let today = see(&desk, "/", pair);
    let page = today.text();
    assert!(page.contains(&format!("/dossiers/{CODE}")) && page.contains("xong 1") && page.contains("lan"), "{page}");
    let policy = today.header("Content-Security-Policy").unwrap_or_default();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe") && policy.contains("script-src 'self';"),
        "{policy}"
    );
    assert_eq!(
        (page.matches("<script").count(), page.matches("<script src=/desk.js defer>").count()),
        (1, 1),
        "{page}"
    );
    assert!(!page.contains(" style=") && !page.contains(" onclick"), "{page}");
    assert_eq!(today.header("Cache-Control"), Some("no-store"));
    let style = desk.get("/desk.css");
    assert_eq!(style.header("Content-Type"), Some("text/css; charset=utf-8"));
    assert!(today.body.len() + style.body.len() < 100_000);

    // What is counted leads to the dossiers that have it, and the page that is open is marked among the pages.
    assert!(page.contains("<a href=\"/?state=done\"><b>1</b> xong</a>") && page.contains("<b>0</b> chờ ký"), "{page}");
    let current = |page: &str| page.matches(" aria-current=page").count();
    assert!(page.contains("<a href=/ accesskey=h aria-current=page>") && current(&page) == 1, "{page}");
    for (state, is_shown) in [("done", true), ("failed", false), ("unplaced", true), ("nothing", true)] {
        let page = see(&desk, &format!("/?state={state}"), pair).text();
        assert_eq!(page.contains(&format!("/dossiers/{CODE}")), is_shown, "{state}: {page}");
        assert!(page.contains("<b>1</b> xong") && current(&page) == 1, "{page}");
        assert_eq!(page.contains("Xem cả ngày"), ["done", "failed"].contains(&state), "{state}: {page}");
    }
    let page = see(&desk, &format!("/dossiers/{CODE}"), pair).text();
    assert_eq!(current(&page), 0, "{page}");

    let page = see(&desk, &format!("/dossiers/{CODE}"), pair).text();
    assert!(page.contains("Tờ &lt;b&gt;khai") && !page.contains("<b>khai"), "{page}");
    let path = format!("/components/{}/files/0", made["id"]);
    assert!(page.contains(&path), "{page}");
    let file = see(&desk, &path, pair);
    assert_eq!((file.status, file.header("Content-Type")), (200, Some("application/pdf")), "{file:?}");
    let disposition = file.header("Content-Disposition").unwrap_or_default();
    assert!(disposition.starts_with("attachment; filename*=UTF-8''"), "{disposition}");
    let published = &made["files"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lies = std::path::Path::new(&text(&published["directory"])).join(text(&published["file"]));
    assert!(file.body == fs::read(&lies).expect("it is published"), "byte for byte");

    let keeper = session(&desk, "minh");
    let refused = see(&desk, &path, &keeper);
    assert_eq!((refused.status, refused.text().contains("Vai trò")), (403, true), "{refused:?}");
    let page = see(&desk, &format!("/dossiers/{CODE}"), &keeper).text();
    assert!(page.contains("khai") && !page.contains("/files/"), "{page}");

    // Nobody gets what was not published, nor what is no longer what was.
    for (nothing, status) in [
        (path.replace("files/0", "files/1"), 404),
        ("/components/0/files/0".to_owned(), 404),
        ("/components/1/files/..%2F..%2Fmanifest.json".to_owned(), 404),
        (format!("{path}/../../../manifest.json"), 404),
        ("/dossiers/..%2F..%2Fetc%2Fpasswd".to_owned(), 400),
        ("/api/v1/dossiers/H21.15.25-250701-9999".to_owned(), 404),
    ] {
        let refused = see(&desk, &nothing, pair);
        assert_eq!(refused.status, status, "{nothing}: {refused:?}");
    }
    fs::write(&lies, b"%PDF-1.7 another").expect("our own folder");
    let refused = see(&desk, &path, pair);
    assert_eq!((refused.status, refused.text().contains("another")), (409, false), "{refused:?}");

    let (lan, minh, component) = (Some(1), Some(2), made["id"].as_i64());
    let kinds = written_down(&desk.centre);
    assert!(kinds.contains(&("viewed".to_owned(), lan, None, Some(1))), "{kinds:?}");
    assert!(kinds.contains(&("viewed".to_owned(), minh, None, Some(1))), "{kinds:?}");
    let downloads: Vec<_> = kinds.iter().filter(|(kind, ..)| kind == "downloaded").collect();
    assert_eq!(downloads, [&("downloaded".to_owned(), lan, component, Some(1))], "{kinds:?}");
    let refused: Vec<_> = kinds.iter().filter(|(kind, ..)| kind == "login-refused").map(|(_, who, ..)| *who).collect();
    assert_eq!(refused, [lan, None], "{kinds:?}");
    assert_eq!(desk.centre.stop(), Some(0));
    for file in crate::program::files_below(&desk.centre.folder, "") {
        let bytes = fs::read(&file).unwrap_or_default();
        for secret in [PASSWORD, &pair["sohoa=".len()..]] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} has a secret", file.display());
        }
    }
}

#[test]
fn what_waits_is_placed_at_the_desk() {
    let mut desk = Desk::open("desk-placing", &[]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    desk.centre.drop("IMG_0001.jpg", &fs::read(root().join("samples/danh-sach/trang-1.jpg")).expect("a sample"));
    let waiting = desk.centre.wait_for("it waits", || {
        desk.centre.components(None).into_iter().find(|component| component["state"] == "unplaced")
    });
    let path = format!("/unplaced/{}", waiting["id"]);
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    assert!(see(&desk, "/", &cookie).text().contains("<a href=/unplaced>1 "));
    let page = see(&desk, "/unplaced", &cookie).text();
    assert!(page.contains("IMG_0001") && page.contains("Không có mã hồ sơ") && page.contains(&path), "{page}");
    let form = field(&page, "form");
    let (_, rest) = page.split_once("<img src=\"").expect("a picture");
    let (picture, rest) = rest.split_once('"').expect("its end");
    assert!(rest.starts_with(" alt=\"\" loading=lazy>"), "{rest}");
    let picture = picture.replace("&amp;", "&");
    let small = see(&desk, &picture, &cookie);
    assert_eq!((small.status, small.header("Content-Type")), (200, Some("image/jpeg")), "{picture}: {small:?}");
    assert!(small.body.len() < 20_000, "{}", small.body.len());
    let page = see(&desk, "/unplaced", &keeper).text();
    assert!(page.contains("IMG_0001") && !page.contains(&path) && !page.contains("<img"), "{page}");
    assert_eq!(see(&desk, &picture, &keeper).status, 403);
    let refused = post(&desk, &path, &keeper, &[("form", &field(&page, "form")), ("dossier", CODE), ("title", "a")]);
    assert_eq!(refused.status, 403, "{refused:?}");
    let forged = post(&desk, &path, &cookie, &[("form", "0"), ("dossier", CODE), ("title", "a")]);
    assert_eq!(forged.status, 403, "{forged:?}");

    // What was typed stays, and what is wrong with it is said.
    let wrong = post(&desk, &path, &cookie, &[("form", &form), ("dossier", "H21 <b>"), ("title", "Danh sách")]);
    let page = wrong.text();
    assert!(wrong.status == 400 && page.contains("H21 &lt;b&gt;") && page.contains("Danh sách"), "{page}");
    assert!(page.contains("role=alert"), "{page}");
    let nameless = post(&desk, &path, &cookie, &[("form", &form), ("dossier", CODE), ("title", " ")]);
    assert_eq!(nameless.status, 400, "{nameless:?}");
    let placed = post(&desk, &path, &cookie, &[("form", &form), ("dossier", CODE), ("title", "Danh sách")]);
    assert_eq!((placed.status, placed.header("Location")), (303, Some(&format!("/dossiers/{CODE}")[..])), "{placed:?}");
    desk.centre.wait_for("it is made", || {
        desk.centre.components(Some(CODE)).into_iter().find(|one| one["title"] == "Danh sách" && one["state"] == "done")
    });
    assert!(see(&desk, "/unplaced", &cookie).text().contains("Không có gì chờ xếp"));
    let again = post(&desk, &path, &cookie, &[("form", &form), ("dossier", CODE), ("title", "Danh sách")]);
    assert_eq!(again.status, 409, "{again:?}");

    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let by: Option<i64> =
        store.query_row("SELECT account FROM events WHERE kind = 'placed'", [], |row| row.get(0)).expect("one row");
    assert_eq!(by, Some(1));

    // A page of many is light; the others are on the next.
    let fill = "INSERT INTO components (key, title, name, version, state, reason, priority, created, changed, modified)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70)
            SELECT 'k' || i, 'Giấy chứng nhận quyền sử dụng đất số ' || i, 'g' || i, 1, 'done', 'no-code', 0, 1, 1, 1 FROM n;
        INSERT INTO captures (sha256, bytes, received) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)
            SELECT printf('%064d', i), 1, 1 FROM n;
        INSERT INTO component_captures (component, capture, name)
            SELECT k.id, c.id, c.id FROM components k, captures c WHERE k.key LIKE 'k%' AND c.bytes = 1";
    store.execute_batch(fill).expect("rows");
    let first = see(&desk, "/unplaced", &cookie);
    let page = first.text();
    assert_eq!((page.matches("class=pictures").count(), page.matches("<img").count()), (40, 3 * 40), "{page}");
    assert!(page.contains("<span class=dim>+2</span>"), "of five captures three are shown: {page}");
    let weight = first.body.len() + desk.get("/desk.css").body.len() + desk.get("/desk.js").body.len();
    println!("{weight} bytes of a page of what waits");
    assert!(weight < 100_000, "{weight}");
    let (_, next) = page.split_once("<a href=\"/unplaced?after=").expect("a way to the others");
    let next = next.split('"').next().unwrap_or_default();
    assert_eq!(see(&desk, &format!("/unplaced?after={next}"), &cookie).text().matches("class=pictures").count(), 30);
    assert_eq!(desk.centre.stop(), Some(0));
}

/// A form with files as a browser sends it: fields, then files by name.
fn bring(desk: &Desk, cookie: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.as_bytes());
    }
    for (name, bytes) in files {
        let head = format!("Content-Disposition: form-data; name=\"files\"; filename=\"{name}\"");
        body.extend(format!("--frontier\r\n{head}\r\n\r\n").as_bytes());
        body.extend([bytes, &b"\r\n"[..]].concat());
    }
    body.extend(b"--frontier--\r\n");
    let origin = format!("http://{}", desk.address);
    let kind = "multipart/form-data; boundary=frontier";
    let headers = [("Origin", &origin[..]), ("Cookie", cookie), ("Content-Type", kind)];
    desk.ask("POST", &format!("/dossiers/{CODE}/captures"), &headers, &body)
}

#[test]
fn papers_are_brought_to_a_dossier_at_the_desk() {
    let mut desk = Desk::open("desk-bringing", &[]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    // A new code is no error at the desk: its page says how the dossier begins. Programs are told that there is none.
    let path = format!("/dossiers/{CODE}");
    let none = see(&desk, &path, &cookie);
    let page = none.text();
    assert!(none.status == 200 && page.contains("Hồ sơ mới") && page.contains("đưa tệp vào, quét"), "{none:?}");
    assert!(
        !page.contains("role=alert") && !page.contains("class=error") && page.contains(&format!("{path}/phones")),
        "{page}"
    );
    let of_keeper = see(&desk, &path, &keeper).text();
    assert!(of_keeper.contains("Hồ sơ mới") && !of_keeper.contains("đưa tệp vào"), "{of_keeper}");
    assert_eq!(desk.get(&format!("/api/v1{path}")).status, 404);
    let form = field(&page, "form");
    let form = ("form", &form[..]);
    let page = fs::read(root().join("samples/to-khai/trang-1.jpg")).expect("a sample");
    let other = fs::read(root().join("samples/to-khai/trang-2.jpg")).expect("a sample");
    let files: [(&str, &[u8]); 3] = [("trang 1.jpg", &page), ("../trang 2.jpg", &other), ("", b"")];
    for (fields, files, status) in [
        (&[("form", "0"), ("component", "Tờ khai")][..], &files[..], 403),
        (&[("component", "Tờ khai")], &files, 403),
        (&[form], &files, 400),
        (&[form, ("component", "Tờ khai")], &files[2..], 400),
        (&[form, ("component", "Tờ khai")], &[("a.txt", b"abc")], 415),
    ] {
        let refused = bring(&desk, &cookie, fields, files);
        assert_eq!(refused.status, status, "{fields:?}: {refused:?}");
    }
    assert_eq!(bring(&desk, &keeper, &[form, ("component", "a")], &files).status, 403);
    assert!(see(&desk, &path, &cookie).text().contains("Hồ sơ mới"), "nothing came");
    assert_eq!(desk.get(&format!("/api/v1{path}")).status, 404, "a page that was looked at begins nothing");

    let brought = bring(&desk, &cookie, &[form, ("component", "Tờ khai đất / nhà ở")], &files);
    assert_eq!(
        (brought.status, brought.header("Location")),
        (303, Some(&format!("/dossiers/{CODE}")[..])),
        "{brought:?}"
    );
    let made = desk
        .centre
        .wait_for("it is made", || desk.centre.components(Some(CODE)).into_iter().find(|one| one["state"] == "done"));
    let names: Vec<_> = made["captures"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert!(made["title"] == "Tờ khai đất / nhà ở" && names == ["trang 1.jpg", "trang 2.jpg"], "{made}");
    let file = made["files"][0]["file"].as_str().unwrap_or_default();
    assert!(file.starts_with("To-khai-dat-nha-o"), "{made}");
    let shown = see(&desk, &path, &cookie);
    let page = shown.text();
    assert!(shown.status == 200 && page.contains("<option value=\"Tờ khai đất / nhà ở\">"), "{page}");
    assert!(page.contains("Hồ sơ</span>") && !page.contains("Hồ sơ mới"), "{page}");
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let select = "SELECT count(*) FROM events WHERE kind = 'brought' AND account = 1 AND capture IS NOT NULL";
    let rows = || store.query_row(select, [], |row| row.get::<_, i64>(0)).expect("a number");
    assert_eq!(rows(), 2);
    // What came before a file that is refused has come.
    let third = fs::read(root().join("samples/quyet-dinh/1-mat-truoc.jpg")).expect("a sample");
    let half = bring(&desk, &cookie, &[form, ("component", "Khác")], &[("1.jpg", &third), ("a.txt", b"abc")]);
    assert_eq!((half.status, rows()), (415, 3), "{half:?}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_form_is_taken_from_our_own_pages_alone() {
    let mut desk = Desk::open("desk-forms", &[]);
    add(&desk.centre, "lan", "clerk");
    let fields = [("name", "lan"), ("password", PASSWORD)];
    let host = format!("http://{}", desk.address);
    let strangers: [&[(&str, &str)]; 4] =
        [&[], &[("Origin", "http://example.org")], &[("Origin", "null")], &[("Sec-Fetch-Site", "cross-site")]];
    for strange in strangers {
        let refused = send(&desk, "/login", strange, &fields);
        assert_eq!((refused.status, refused.header("Set-Cookie")), (403, None), "{strange:?}: {refused:?}");
    }
    assert_eq!(send(&desk, "/login", &[("Sec-Fetch-Site", "same-origin")], &fields).status, 303);
    let cookie = session(&desk, "lan");
    let form = field(&see(&desk, "/", &cookie).text(), "form");
    let other = field(&see(&desk, "/", &session(&desk, "lan")).text(), "form");
    let own: [(&str, &str); 2] = [("Origin", &host), ("Cookie", &cookie)];
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let forged: [(Fields<'_>, Fields<'_>); 5] = [
        (&own, &[]),
        (&own, &[("form", "0")]),
        (&own, &[("form", &other)]),
        (&[("Origin", "http://example.org"), ("Cookie", &cookie)], &[("form", &form)]),
        (&[("Cookie", &cookie)], &[("form", &form)]),
    ];
    for (headers, fields) in forged {
        let refused = send(&desk, "/logout", headers, fields);
        assert!([400, 403].contains(&refused.status), "{fields:?}: {refused:?}");
    }
    assert_eq!(see(&desk, "/", &cookie).status, 200, "still there");
    let left = send(&desk, "/logout", &own, &[("form", &form)]);
    assert_eq!((left.status, left.header("Location")), (303, Some("/login")), "{left:?}");
    assert!(left.header("Set-Cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")), "{left:?}");
    for forged in [&cookie[..], "sohoa=", "sohoa=0123456789abcdef0123456789abcdef", "sohoa=' OR 1=1 --"] {
        let away = see(&desk, &format!("/dossiers/{CODE}"), forged);
        assert_eq!((away.status, away.header("Location")), (303, Some("/login")), "{forged}");
    }
    assert_eq!(desk.ask("GET", "/logout", &own, b"").status, 405, "a link logs nobody out");

    let english = post(&desk, "/language", "", &[("lang", "en"), ("back", "/login")]);
    assert_eq!((english.status, english.header("Location")), (303, Some("/login")));
    let cookie = english.header("Set-Cookie").expect("a cookie").to_owned();
    assert!(see(&desk, "/login", &cookie).text().contains("Password"));
    for away in ["//example.org", "https://example.org", "/\\example.org", "/a\r\nX: y"] {
        let answer = post(&desk, "/language", "", &[("lang", "en"), ("back", away)]);
        assert_eq!(answer.header("Location"), Some("/"), "{away}");
    }
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn passwords_are_tried_slowly_and_closed_accounts_stay_out() {
    let mut desk = Desk::open("desk-tries", &[]);
    for name in ["lan", "minh", "thu"] {
        add(&desk.centre, name, "officer");
    }
    // On a slow machine tries come back meanwhile, so some more are made.
    let wait = |answer: &Answer| answer.number("Retry-After").unwrap_or(0);
    let tries: Vec<Answer> = (0..7).map(|_| log_in(&desk, "lan", "sai mật khẩu rồi")).collect();
    assert!(tries[..5].iter().all(|answer| answer.status == 403), "{tries:?}");
    let slowed = tries.last().expect("seven tries");
    assert_eq!((slowed.status, (1..=30).contains(&wait(slowed))), (429, true), "{slowed:?}");
    let slowed = log_in(&desk, "lan", PASSWORD);
    assert_eq!((slowed.status, slowed.header("Set-Cookie")), (429, None), "also with the right one: {slowed:?}");
    let cookie = session(&desk, "minh");

    assert_eq!(see(&desk, "/", &cookie).status, 200);
    assert_eq!(user(&desk.centre, &["disable", "minh"]).code, Some(0));
    assert_eq!(see(&desk, "/", &cookie).status, 303, "the session ended");
    let closed = log_in(&desk, "minh", PASSWORD);
    assert_eq!((closed.status, closed.header("Set-Cookie")), (403, None), "{closed:?}");
    let listed = user(&desk.centre, &["list"]);
    assert!(listed.stdout.contains("minh: cán bộ xử lý, đã khóa"), "{listed:?}");
    assert_eq!(user(&desk.centre, &["disable", "minh", "--undo"]).code, Some(0));
    session(&desk, "minh");

    let cookie = session(&desk, "thu");
    assert_eq!(user(&desk.centre, &["passwd", "thu"]).code, Some(0));
    assert_eq!(see(&desk, "/", &cookie).status, 303, "the session ended");
    assert_eq!(log_in(&desk, "thu", PASSWORD).status, 403);
    assert_eq!(log_in(&desk, "thu", "nắng lên ngoài hiên").status, 303);

    // One address thinks of many names.
    let statuses: Vec<u16> = (0..40).map(|number| log_in(&desk, &format!("a{number}"), "x").status).collect();
    assert!(statuses.contains(&403) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn accounts_are_made_with_care() {
    let desk = Desk::closed("desk-accounts", &[]);
    let centre = &desk.centre;
    add(centre, "lan", "clerk");
    assert_eq!(user(centre, &["add", "lan", "--role", "admin"]).code, Some(2), "there is one");
    assert_eq!(user(centre, &["add", "Lần", "--role", "admin"]).code, Some(2), "not a name");
    assert_eq!(user(centre, &["passwd", "minh"]).code, Some(5), "there is none");
    let none = run(&mut centre.program(&["user", "passwd", "lan"]));
    assert_eq!((none.code, none.stderr.contains("--password-file")), (Some(2), true), "{none:?}");
    let short = run(centre.program(&["user", "passwd", "lan"]).env("SOHOA_PASSWORD", "ngắn"));
    assert_eq!((short.code, short.stderr.contains("ngắn quá") || short.stderr.contains("quá ngắn")), (Some(2), true));
    // From a descriptor that another program handed over.
    let mut command = centre.program(&["user", "passwd", "lan", "--password-file", "/dev/stdin", "--json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all("nắng lên ngoài hiên\nmore".as_bytes()).expect("it reads");
    let changed = Run::from(child.wait_with_output().expect("our child"));
    assert_eq!((changed.code, changed.stdout.contains("password-changed")), (Some(0), true), "{changed:?}");
    let listed = user(centre, &["list", "--json"]).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("one line");
    assert_eq!(
        (&listed["account"], &listed["role"], &listed["disabled"]),
        (&"lan".into(), &"clerk".into(), &false.into())
    );
    assert_eq!(listed.get("password"), None);
}

#[test]
fn passwords_cross_the_network_by_tls_unless_said_otherwise() {
    let tokens = crate::program::fresh("desk-token-file").join("tokens");
    fs::write(&tokens, format!("{TOKEN}\n")).expect("our own folder");
    let section = format!("[http]\ntoken_file = {tokens:?}\n[service]");
    let mut desk = Desk::closed("desk-plain", &[("[service]", &section)]);
    add(&desk.centre, "lan", "clerk");
    desk.listen = "0.0.0.0:0";
    desk.start();
    for path in ["/", "/login", "/dossiers"] {
        let refused = desk.get(path);
        assert_eq!((refused.status, refused.text().contains("http.tls")), (403, true), "{path}: {refused:?}");
    }
    assert_eq!(log_in(&desk, "lan", PASSWORD).status, 403);
    assert_eq!(desk.get("/api/v1/status").status, 401);
    desk.token = Some(TOKEN);
    assert_eq!(desk.get("/api/v1/status").status, 200, "programs go on");
    assert_eq!(desk.centre.stop(), Some(0));

    let mut desk = Desk::closed("desk-wanted-plain", &[("[service]", "[http]\nplain = true\n[service]")]);
    add(&desk.centre, "lan", "clerk");
    desk.listen = "0.0.0.0:0";
    desk.start();
    session(&desk, "lan");
    let host = [("Host", "127.0.0.1")];
    assert_eq!(desk.ask("GET", "/api/v1/status", &host, b"").status, 401, "without a token file the API is closed");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn tls_is_spoken_with_the_certificate_whose_fingerprint_is_told() {
    let mut desk = Desk::open("desk-tls", &[("[service]", "[http]\ntls = true\n[service]")]);
    let told = |desk: &Desk| {
        let events = desk.centre.events();
        let told = events.iter().rev().find(|event| event["event"] == "certificate").cloned();
        told.and_then(|event| event["sha256"].as_str().map(str::to_owned))
    };
    let sha256 = desk.centre.wait_for("the fingerprint", || told(&desk));
    let pem = desk.centre.folder.join("data/server.pem");
    let shown = run(Command::new("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(&pem));
    let fingerprint = shown.stdout.trim().rsplit('=').next().unwrap_or_default().replace(':', "").to_lowercase();
    assert_eq!(fingerprint, sha256, "{shown:?}");
    add(&desk.centre, "lan", "clerk");
    let fields = format!("name=lan&password={}", encoded(PASSWORD));
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: {0}\r\nOrigin: https://{0}\r\nConnection: close\r\nContent-Length: {1}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{fields}",
        desk.address,
        fields.len()
    );
    let speak = |host: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-ign_eof", "-verify_return_error", "-verify_hostname", host, "-CAfile"]);
        command.arg(&pem).args(["-connect", &desk.address.to_string()]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("openssl");
        // One that does not trust hangs up before it reads.
        drop(child.stdin.take().expect("a pipe").write_all(request.as_bytes()));
        let output = child.wait_with_output().expect("our child");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let answer = speak("localhost");
    assert!(answer.contains("HTTP/1.1 303") && answer.contains("TLSv1.3"), "{answer}");
    assert!(answer.contains("__Host-sohoa=") && answer.contains("SameSite=Strict; Secure"), "{answer}");
    assert!(!speak("example.org").contains("HTTP/1.1"), "a name that is not in it");
    // Plain HTTP gets no answer, and a greeting that never ends holds up nobody.
    let silent = std::net::TcpStream::connect(desk.address).expect("it listens");
    assert!(speak("localhost").contains("HTTP/1.1 303"));
    drop(silent);
    let paired = run(&mut desk.centre.program(&["dossier", "pair", CODE, "--json"]));
    assert!(paired.stdout.contains(&format!("https://{}/p/", desk.address)), "{paired:?}");
    assert_eq!(desk.centre.stop(), Some(0));
    desk.start();
    assert_eq!(desk.centre.wait_for("the fingerprint", || told(&desk)), sha256, "the same certificate");
    assert_eq!(desk.centre.stop(), Some(0));
}
