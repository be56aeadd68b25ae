//! Who has no right, or no longer: addresses of phones, tokens of programs, cookies, names of machines.

use crate::desk::{PASSWORD, add, field, log_in, post, see, session};
use crate::http::{Desk, TOKEN, sample};
use crate::service::CODE;

use super::{guarded, paired, stored};

const OTHER: &str = "H21.15.25-250701-0099";

/// All that a phone can ask for, with an upload of it.
fn requests(path: &str, upload: &str) -> Vec<(&'static str, String)> {
    let uploads = format!("{path}/uploads");
    let of_one = format!("{uploads}/{upload}");
    vec![
        ("GET", path.to_owned()),
        ("POST", path.to_owned()),
        ("POST", uploads),
        ("HEAD", of_one.clone()),
        ("PATCH", of_one.clone()),
        ("DELETE", of_one),
    ]
}

/// Asks as a phone does, each time with all that the request needs.
fn ask(desk: &Desk, method: &str, path: &str) -> u16 {
    let picture = sample("danh-sach/trang-1.jpg");
    let length = picture.len().to_string();
    match method {
        "POST" if path.ends_with("/uploads") => desk.tus(method, path, &[("Upload-Length", &length)], b"").status,
        "POST" => desk.send(path, &[("1.jpg", &picture)]).status,
        "PATCH" => desk.append(path, 0, &picture).status,
        _ => desk.tus(method, path, &[], b"").status,
    }
}

#[test]
fn a_phones_address_opens_its_own_dossier_and_only_as_long_as_it_may() {
    let mut desk = guarded("security-phones", &[]);
    let (ours, theirs) = (paired(&desk, CODE), paired(&desk, OTHER));
    let begin = |path: &str| {
        let begun = desk.tus("POST", &format!("{path}/uploads"), &[("Upload-Length", "1000")], b"");
        begun.header("Location").unwrap_or_else(|| panic!("{begun:?}")).rsplit('/').next().expect("a name").to_owned()
    };
    let upload = begin(&ours);

    // An upload is its sender's: neither another phone's, nor a guesser's, nor a program's.
    let guessed = format!("/p/{}", "0".repeat(32));
    let as_program = format!("/p/{TOKEN}");
    for (method, path) in [&theirs, &guessed, &as_program].into_iter().flat_map(|path| requests(path, &upload)) {
        if path.ends_with(&upload) || !path.starts_with(&theirs) {
            assert_eq!(ask(&desk, method, &path), 404, "{method} {path}");
        }
    }
    let bearer = [("Authorization", &format!("Bearer {TOKEN}")[..]), ("Tus-Resumable", "1.0.0")];
    for method in ["HEAD", "DELETE"] {
        let path = format!("/api/v1/uploads/{upload}");
        assert_eq!(desk.ask(method, &path, &bearer, b"").status, 404, "{method}");
    }
    let stands = desk.tus("HEAD", &format!("{ours}/uploads/{upload}"), &[], b"");
    assert_eq!(stands.number("Upload-Offset"), Some(0), "{stands:?}");

    // The address of a phone is no token of a program, and a program's token no person.
    let as_token = format!("Bearer {}", &ours["/p/".len()..]);
    assert_eq!(desk.ask("GET", "/api/v1/status", &[("Authorization", &as_token)], b"").status, 401);
    for path in ["/", "/dossiers", &format!("/dossiers/{CODE}")] {
        assert_eq!(desk.ask("GET", path, &bearer, b"").header("Location"), Some("/login"), "{path}");
    }

    // A dossier named by the phone is not believed.
    let picture = sample("bia-ho-so.jpg");
    let metadata = format!("dossier {}", crate::http::base64(OTHER));
    let headers = [("Upload-Length", &picture.len().to_string()[..]), ("Upload-Metadata", &metadata)];
    let begun = desk.tus("POST", &format!("{ours}/uploads"), &headers, b"");
    assert_eq!(desk.append(begun.header("Location").expect("a place"), 0, &picture).status, 204);
    assert!(desk.centre.components(Some(OTHER)).is_empty());
    assert_eq!(desk.centre.components(Some(CODE)).len(), 1);

    let of_theirs = begin(&theirs);
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    store.execute("UPDATE pairings SET expires = 1 WHERE dossier = ?1", [CODE]).expect("the store");
    assert_eq!(desk.centre.run(&["dossier", "pair", OTHER, "--revoke"]).code, Some(0));
    let before = stored(&desk);
    for (path, upload) in [(&ours, &upload), (&theirs, &of_theirs)] {
        for (method, path) in requests(path, upload) {
            assert_eq!(ask(&desk, method, &path), 410, "{method} {path}");
        }
    }
    assert_eq!(stored(&desk), before);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_stolen_cookie_opens_nothing_when_its_person_has_left() {
    let mut desk = guarded("security-cookies", &[]);
    add(&desk.centre, "lan", "clerk");
    let stolen = session(&desk, "lan");
    let form = field(&see(&desk, "/", &stolen).text(), "form");
    // A new login in the same browser ends the session before it.
    let again = post(&desk, "/login", &stolen, &[("name", "lan"), ("password", PASSWORD)]);
    let cookie = again.header("Set-Cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned();
    assert_ne!(cookie, stolen);
    for (cookie, leaves) in [(&stolen, false), (&cookie, true)] {
        if leaves {
            let form = field(&see(&desk, "/", cookie).text(), "form");
            assert_eq!(post(&desk, "/logout", cookie, &[("form", &form)]).status, 303);
        }
        for path in ["/", "/dossiers", "/unplaced", &format!("/dossiers/{CODE}"), "/components/1/files/0"] {
            assert_eq!(see(&desk, path, cookie).header("Location"), Some("/login"), "{path}");
        }
        let refused = post(&desk, "/unplaced/1", cookie, &[("form", &form), ("dossier", CODE), ("title", "a")]);
        assert_eq!(refused.header("Location"), Some("/login"), "{refused:?}");
    }
    // Sessions of a person are few: the ninth ends the first.
    let first = session(&desk, "lan");
    let nine: Vec<String> = (0..8).map(|_| session(&desk, "lan")).collect();
    assert_eq!(see(&desk, "/", &first).status, 303);
    assert_eq!(see(&desk, "/", &nine[7]).status, 200);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn other_sites_and_other_names_get_nothing() {
    let mut desk = Desk::open("security-names", &[]);
    add(&desk.centre, "lan", "clerk");
    let own = format!("http://{}", desk.address);
    let port = desk.address.port();
    for host in ["example.org", "127.0.0.1.example.org", &format!("example.org:{port}"), "", "localhost.example.org"] {
        for path in ["/api/v1/status", "/metrics", "/readyz", "/api/v1/openapi.json"] {
            let rebound = desk.ask("GET", path, &[("Host", host)], b"");
            assert!([400, 403].contains(&rebound.status), "{host} {path}: {rebound:?}");
        }
    }
    let longer = format!("{own}0");
    for origin in ["null", "http://example.org", &longer, "http://", &format!("{own}.example.org"), "file://"] {
        for (path, kind) in [("/api/v1/dossiers", "application/json"), ("/login", "application/x-www-form-urlencoded")]
        {
            let refused = desk.ask("POST", path, &[("Origin", origin), ("Content-Type", kind)], b"{}");
            assert_eq!(refused.status, 403, "{origin} {path}: {refused:?}");
            assert!(refused.header("Access-Control-Allow-Origin").is_none(), "{refused:?}");
        }
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
            let refused = desk.ask(method, "/api/v1/uploads/0", &[("Origin", origin)], b"");
            assert_eq!(refused.status, 403, "{origin} {method}: {refused:?}");
        }
    }
    assert_eq!(log_in(&desk, "lan", PASSWORD).status, 303, "our own page goes on");
    assert_eq!(desk.centre.stop(), Some(0));
}
