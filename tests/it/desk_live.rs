//! Pages that stay up to date: what they hear, for whom, and that hearing is no use of a session and no view of a dossier.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::{add, field, post, see, session};
use crate::http::Desk;
use crate::program::root;
use crate::service::CODE;

/// A stream of events.
struct Stream {
    socket: TcpStream,
    heard: String,
}

impl Stream {
    fn open(desk: &Desk, cookie: &str) -> Self {
        let mut socket = TcpStream::connect(desk.address).expect("it listens");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket has a timeout");
        let request = format!("GET /live HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", desk.address);
        socket.write_all(request.as_bytes()).expect("it reads");
        let mut stream = Self { socket, heard: String::new() };
        stream.wait_for(|heard| heard.contains("\r\n\r\n"));
        stream
    }

    /// Reads on until it says this; whether it did, or ended or took too long.
    fn wait_for(&mut self, said: impl Fn(&str) -> bool) -> bool {
        let started = Instant::now();
        let mut bytes = [0; 4096];
        while !said(&self.heard) {
            match self.socket.read(&mut bytes) {
                Ok(0) => return false,
                Ok(read) => self.heard.push_str(&String::from_utf8_lossy(&bytes[..read])),
                Err(_) => assert!(started.elapsed() < Duration::from_secs(120), "{}", self.heard),
            }
        }
        true
    }

    fn messages(&self) -> Vec<Value> {
        let lines = self.heard.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn a_page_hears_what_happens_to_its_dossier() {
    let mut desk = Desk::open("desk-live", &[]);
    add(&desk.centre, "lan", "clerk");
    let cookie = session(&desk, "lan");
    let stranger = desk.get("/live");
    assert_eq!((stranger.status, stranger.header("Location")), (303, Some("/login")), "{stranger:?}");
    let mut stream = Stream::open(&desk, &cookie);
    assert!(stream.heard.starts_with("HTTP/1.1 200") && stream.heard.contains("text/event-stream"), "{}", stream.heard);
    let picture = fs::read(root().join("samples/bia-ho-so.jpg")).expect("a sample");
    desk.centre.drop(&format!("{CODE}/Tờ khai/1.jpg"), &picture);
    assert!(stream.wait_for(|heard| heard.contains("\"made\"")));
    let messages = stream.messages();
    let kinds: Vec<_> = messages.iter().map(|message| message["kind"].as_str().unwrap_or_default()).collect();
    assert!(["stored", "pages", "page", "made"].iter().all(|kind| kinds.contains(kind)), "{messages:?}");
    assert!(messages.iter().all(|message| message["dossier"] == CODE && message["component"] == 1), "{messages:?}");
    assert!(!stream.heard.contains("khai"), "no names: {}", stream.heard);

    // What asks by itself is no view, after the first one.
    let path = format!("/dossiers/{CODE}");
    let headers = [("Cookie", &cookie[..]), ("Sohoa-Live", "1")];
    let views = || {
        let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
        let select = "SELECT count(*) FROM events WHERE kind = 'viewed'";
        store.query_row(select, [], |row| row.get::<_, i64>(0)).expect("a number")
    };
    for expected in [1, 1] {
        assert_eq!(desk.ask("GET", &path, &headers, b"").status, 200);
        assert_eq!(views(), expected, "by itself");
    }
    let page = see(&desk, &path, &cookie).text();
    assert!(views() == 2 && page.contains(&format!("data-live=\"{CODE}\"")), "{page}");
    let script = desk.get("/desk.js");
    assert_eq!((script.status, script.header("Content-Type")), (200, Some("text/javascript; charset=utf-8")));

    // The stream ends with the session.
    post(&desk, "/logout", &cookie, &[("form", &field(&page, "form"))]);
    assert!(!stream.wait_for(|heard| heard.contains("never said")), "{}", stream.heard);
    let cookie = session(&desk, "lan");
    let mut stream = Stream::open(&desk, &cookie);
    let started = Instant::now();
    assert_eq!(desk.centre.stop(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(4), "an open stream holds up nobody");
    assert!(!stream.wait_for(|heard| heard.contains("never said")));
}

#[test]
fn only_so_many_pages_hear_at_a_time() {
    let mut desk = Desk::open("desk-live-many", &[]);
    add(&desk.centre, "lan", "clerk");
    let cookie = session(&desk, "lan");
    let mut streams: Vec<Stream> = (0..25).map(|_| Stream::open(&desk, &cookie)).collect();
    let last = streams.pop().expect("25");
    assert!(
        last.heard.starts_with("HTTP/1.1 503") && last.heard.to_lowercase().contains("retry-after"),
        "{}",
        last.heard
    );
    assert!(streams.iter().all(|stream| stream.heard.starts_with("HTTP/1.1 200")));
    assert_eq!(see(&desk, "/", &cookie).status, 200, "pages are there for all");
    drop(streams);
    desk.centre.wait_for("room again", || Stream::open(&desk, &cookie).heard.starts_with("HTTP/1.1 200").then_some(()));
    assert_eq!(desk.centre.stop(), Some(0));
}
