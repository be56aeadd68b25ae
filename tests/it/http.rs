//! `sohoa serve --listen` as programs and phones meet it: plain sockets against the real program.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::program::{root, run, sohoa};
use crate::service::{CODE, Centre};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }
}

/// A centre that answers over HTTP.
pub(crate) struct Desk {
    pub(crate) centre: Centre,
    pub(crate) address: SocketAddr,
    pub(crate) listen: &'static str,
    pub(crate) token: Option<&'static str>,
}

pub(crate) const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

impl Desk {
    /// `changes` are made to the configuration: what is replaced, and by what.
    pub(crate) fn open(name: &str, changes: &[(&str, &str)]) -> Self {
        let mut desk = Self::closed(name, changes);
        desk.start();
        desk
    }

    /// Before it is started.
    pub(crate) fn closed(name: &str, changes: &[(&str, &str)]) -> Self {
        Self::of(Centre::new(name), changes)
    }

    /// Of a centre that is there, before it is started.
    pub(crate) fn of(centre: Centre, changes: &[(&str, &str)]) -> Self {
        let path = centre.folder.join("sohoa.toml");
        let mut config = fs::read_to_string(&path).expect("our own folder");
        for (old, new) in changes {
            assert!(config.contains(old), "{old}");
            config = config.replace(old, new);
        }
        fs::write(path, config).expect("our own folder");
        Self { centre, address: ([127, 0, 0, 1], 0).into(), listen: "127.0.0.1:0", token: None }
    }

    pub(crate) fn start(&mut self) {
        let before = self.addresses().len();
        self.centre.start(&["--listen", self.listen]);
        let address = self.centre.wait_for("it listens", || self.addresses().get(before).copied());
        self.address = address;
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        let events = self.centre.events();
        let heard = events.iter().filter(|event| event["event"] == "listening");
        heard.map(|event| event["address"].as_str().unwrap_or_default().parse().expect("an address")).collect()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a socket has a timeout");
        stream
    }

    pub(crate) fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        if let Some(token) = self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head + "\r\n"
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(self.head(method, path, headers, body.len()).as_bytes()).expect("it reads");
        // Whoever is refused may find the door closed before all is said.
        drop(stream.write_all(body));
        answer(stream)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn post_json(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// Sends files as a form.
    pub(crate) fn send(&self, path: &str, files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
            body.extend_from_slice(format!("--frontier\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--frontier--\r\n");
        self.ask("POST", path, &[("Content-Type", "multipart/form-data; boundary=frontier")], &body)
    }

    pub(crate) fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers: Vec<(&str, &str)> =
            [("Tus-Resumable", "1.0.0")].into_iter().chain(headers.iter().copied()).collect();
        self.ask(method, path, &headers, body)
    }

    pub(crate) fn append(&self, path: &str, offset: u64, body: &[u8]) -> Answer {
        let offset = offset.to_string();
        let headers = [("Upload-Offset", &offset[..]), ("Content-Type", "application/offset+octet-stream")];
        self.tus("PATCH", path, &headers, body)
    }

    /// Waits until a page says something.
    pub(crate) fn wait_to_read(&self, path: &str, said: &str) -> String {
        self.centre.wait_for(said, || Some(self.get(path).text()).filter(|text| text.contains(said)))
    }
}

pub(crate) fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer is no failure of the answer.
    drop(stream.read_to_end(&mut bytes));
    let end =
        bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {bytes:?}"));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let mut body = bytes[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answer { status, head, body }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        match size {
            Some(size) if size > 0 => {
                whole.extend_from_slice(&body[line + 2..line + 2 + size]);
                body = &body[line + 2 + size + 2..];
            }
            _ => break,
        }
    }
    whole
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("a sample")
}

#[test]
fn what_is_uploaded_is_published_and_the_api_tells_of_it() {
    let mut desk = Desk::open("http-api", &[]);
    assert_eq!(desk.get("/healthz").status, 200);
    assert_eq!(desk.get("/readyz").json()["ready"], true);
    let begun = desk.post_json("/api/v1/dossiers", &format!("{{\"dossier\": \"{CODE}\"}}"));
    assert_eq!((begun.status, begun.header("Location")), (201, Some(&format!("/api/v1/dossiers/{CODE}")[..])));
    assert_eq!(desk.post_json("/api/v1/dossiers", &format!("{{\"dossier\": \"{CODE}\"}}")).status, 200);

    let picture = sample("bia-ho-so.jpg");
    let target = format!("/api/v1/captures?dossier={CODE}&component=B%C3%ACa");
    let sent = desk.send(&target, &[("bìa.jpg", &picture)]);
    assert_eq!(sent.status, 201, "{sent:?}");
    let component = sent.json()["captures"][0]["component"].clone();
    let again = desk.ask("POST", &format!("{target}&name=other.jpg"), &[("Content-Type", "image/jpeg")], &picture);
    assert_eq!(again.json()["captures"][0]["arrived"], "duplicate", "{again:?}");
    let path = format!("/api/v1/components/{component}");
    let shown: Value = serde_json::from_str(&desk.wait_to_read(&path, "\"state\":\"done\"")).expect("JSON");
    assert_eq!((&shown["title"], &shown["dossier"]), (&"Bìa".into(), &CODE.into()));
    let published = std::path::Path::new(shown["files"][0]["directory"].as_str().expect("a directory"));
    assert!(published.join(shown["files"][0]["file"].as_str().expect("a file")).is_file());
    let listed = desk.get("/api/v1/dossiers?limit=1").json();
    assert_eq!((&listed["dossiers"][0]["components"]["done"], &listed["next"]), (&1.into(), &Value::Null));
    assert_eq!(desk.get("/api/v1/components?state=done").json()["components"][0]["id"], component);
    assert_eq!(desk.get("/api/v1/components?state=rescan").json()["components"], serde_json::json!([]));

    // A loose picture waits, and is placed.
    let loose = desk.send("/api/v1/captures", &[("IMG_1.jpg", &sample("to-khai/trang-1.jpg"))]).json();
    let waits = format!("/api/v1/components/{}", loose["captures"][0]["component"]);
    desk.wait_to_read(&waits, "\"state\":\"unplaced\"");
    assert_eq!(
        desk.get("/api/v1/captures").json()["components"][0]["captures"][0]["id"],
        loose["captures"][0]["capture"]
    );
    let placing = format!("{{\"title\": \"Tờ khai\", \"captures\": [{}]}}", loose["captures"][0]["capture"]);
    let placed = desk.post_json(&format!("/api/v1/dossiers/{CODE}/components"), &placing);
    assert_eq!(placed.status, 201, "{placed:?}");
    let path = format!("/api/v1/components/{}", placed.json()["id"]);
    desk.wait_to_read(&path, "\"state\":\"done\"");
    assert_eq!(desk.post_json(&format!("{path}/retry"), "").status, 409, "it has not failed");
    let gone = desk.centre.folder.join("out/chua-xep/IMG_1");
    desk.centre.wait_for("where it waited is gone", || (!gone.exists()).then_some(()));

    // Problems are told in the client's language, and headers are on every answer.
    let refused = desk.ask("GET", "/api/v1/dossiers/nonsense", &[("Accept-Language", "en")], b"");
    assert_eq!((refused.status, &refused.json()["code"]), (400, &"dossier-code".into()));
    assert_eq!(refused.header("Content-Type"), Some("application/problem+json"));
    assert!(refused.text().contains("not a dossier code"), "{refused:?}");
    assert!(desk.get("/api/v1/components/99").text().contains("không có thành phần"));
    for answer in [&refused, &desk.get("/healthz")] {
        assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{answer:?}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{answer:?}");
    }
    let nonsense = desk.send(&target, &[("a.jpg", b"this is no picture")]);
    assert_eq!((nonsense.status, &nonsense.json()["code"]), (415, &"not-a-picture".into()));

    let metrics = desk.get("/metrics").text();
    let value = |name: &str| -> f64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {metrics}")).parse().expect("a number")
    };
    assert_eq!((value("sohoa_captures_stored_total"), value("sohoa_captures_duplicate_total")), (2.0, 1.0));
    assert_eq!((value("sohoa_components{state=\"done\"}"), value("sohoa_uploads_refused_total")), (2.0, 1.0));
    assert!(value("sohoa_pages_made_total") >= 3.0 && value("sohoa_memory_resident_bytes") > 1e6);
    for line in metrics.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        assert!(name.starts_with("sohoa_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(desk.centre.stop(), Some(0));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains("bìa.jpg") && !said.contains("IMG_1"), "no names in the log: {said}");
}

#[test]
fn an_upload_cut_off_goes_on_also_after_the_service_was_killed() {
    let mut desk = Desk::open("http-tus", &[]);
    let picture = sample("bia-ho-so.jpg");
    let half = picture.len() / 2;
    let spoken = desk.ask("OPTIONS", "/api/v1/uploads", &[], b"");
    assert_eq!((spoken.status, spoken.header("Tus-Extension")), (204, Some("creation,termination")));
    // "Tờ khai" in Base64.
    let metadata = format!("filename YS5qcGc=,component VOG7nSBraGFp,dossier {}", base64(CODE));
    let length = picture.len().to_string();
    let headers = [("Upload-Length", &length[..]), ("Upload-Metadata", &metadata)];
    assert_eq!(desk.ask("POST", "/api/v1/uploads", &headers, b"").status, 412, "the version must be said");
    let begun = desk.tus("POST", "/api/v1/uploads", &headers, b"");
    assert_eq!(begun.status, 201, "{begun:?}");
    let path = begun.header("Location").expect("a place").to_owned();

    // The connection breaks within the first half.
    let mut stream = desk.connect();
    let headers =
        [("Tus-Resumable", "1.0.0"), ("Upload-Offset", "0"), ("Content-Type", "application/offset+octet-stream")];
    stream.write_all(desk.head("PATCH", &path, &headers, picture.len()).as_bytes()).expect("it reads");
    stream.write_all(&picture[..half]).expect("it reads");
    drop(stream);
    let stands = desk.centre.wait_for("the half is there", || {
        let stands = desk.tus("HEAD", &path, &[], b"").number("Upload-Offset")?;
        (stands == half as u64).then_some(stands)
    });
    desk.centre.kill();
    desk.start();
    let found = desk.tus("HEAD", &path, &[], b"");
    assert_eq!(
        (found.number("Upload-Offset"), found.number("Upload-Length")),
        (Some(stands), Some(picture.len() as u64))
    );
    assert_eq!(desk.append(&path, 0, &picture).status, 409, "it stands elsewhere");
    let too_much = [&picture[half..], b"x"].concat();
    assert_eq!(desk.append(&path, stands, &too_much).status, 413);
    let stands = desk.tus("HEAD", &path, &[], b"").number("Upload-Offset").expect("it is there still");
    let rest = desk.append(&path, stands, &picture[usize::try_from(stands).expect("it is small")..]);
    assert_eq!((rest.status, rest.number("Upload-Offset")), (204, Some(picture.len() as u64)), "{rest:?}");
    let capture = rest.number("Sohoa-Capture");
    assert!(capture.is_some(), "{rest:?}");
    let asked_again = desk.tus("HEAD", &path, &[], b"");
    assert_eq!(
        (asked_again.number("Sohoa-Capture"), asked_again.number("Upload-Offset")),
        (capture, rest.number("Upload-Offset"))
    );
    let component = format!("/api/v1/components/{}", rest.number("Sohoa-Component").expect("a component"));
    let made: Value = serde_json::from_str(&desk.wait_to_read(&component, "\"state\":\"done\"")).expect("JSON");
    assert_eq!((&made["title"], made["captures"].as_array().map(Vec::len)), (&"Tờ khai".into(), Some(1)));
    assert_eq!(made["captures"][0]["bytes"].as_u64(), Some(picture.len() as u64));
    let stored = desk.centre.folder.join("data/blobs").join(&text(&made["captures"][0]["sha256"])[..2]);
    assert!(fs::read(stored.join(text(&made["captures"][0]["sha256"]))).expect("a blob") == picture, "byte for byte");

    // One that came whole when the service was killed is accepted by the next.
    let other = sample("can-cuoc/anh-quet.jpg");
    let length = other.len().to_string();
    let begun = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", &length), ("Upload-Metadata", &metadata)], b"");
    let path = begun.header("Location").expect("a place").to_owned();
    desk.centre.kill();
    let id = path.rsplit('/').next().expect("a name");
    fs::write(desk.centre.folder.join("data/uploads").join(id), &other).expect("our own folder");
    desk.start();
    desk.centre.wait_for("it is accepted", || desk.tus("HEAD", &path, &[], b"").number("Sohoa-Capture"));
    let given_up = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "5")], b"");
    let given_up = given_up.header("Location").expect("a place").to_owned();
    assert_eq!(desk.tus("DELETE", &given_up, &[], b"").status, 204);
    assert_eq!(desk.tus("HEAD", &given_up, &[], b"").status, 404);
    assert_eq!(desk.get("/api/v1/status").json()["captures"], 2);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn only_who_has_a_token_may_ask() {
    let tokens = crate::program::fresh("http-token-file").join("tokens");
    fs::write(&tokens, format!("# the desk\n{TOKEN}\n")).expect("our own folder");
    let section = format!("[http]\ntoken_file = {tokens:?}\n[service]");
    let mut desk = Desk::open("http-tokens", &[("[service]", &section)]);
    assert_eq!(desk.get("/healthz").status, 200);
    for path in ["/api/v1/status", "/metrics", "/readyz", "/api/v1/openapi.json", "/nowhere"] {
        let refused = desk.get(path);
        assert_eq!((refused.status, refused.header("WWW-Authenticate")), (401, Some("Bearer")), "{path}");
    }
    let wrong = ("Authorization", "Bearer 0f1e2d3c4b5a69788796a5b4c3d2e1f1");
    assert_eq!(desk.ask("GET", "/api/v1/status", &[wrong], b"").status, 401);
    desk.token = Some(TOKEN);
    assert_eq!(desk.get("/api/v1/status").status, 200);
    assert_eq!(desk.get("/nowhere").json()["code"], "not-found");
    let foreign = desk.ask("POST", "/api/v1/dossiers", &[("Origin", "http://example.org")], b"{}");
    assert_eq!((foreign.status, &foreign.json()["code"]), (403, &"foreign".into()));
    let link = desk.ask("GET", "/p/0123", &[("Accept", "text/html")], b"");
    assert_eq!((link.status, link.text().contains("quét lại mã QR")), (404, true), "{link:?}");
    assert_eq!(desk.centre.stop(), Some(0));

    let centre = Centre::new("http-open-to-all");
    let refused = run(centre.program(&["serve", "--listen", "0.0.0.0:0"]).env("LANG", "C"));
    assert_eq!(refused.code, Some(9), "{refused:?}");
    assert!(refused.stderr.contains("http.token_file"), "{refused:?}");
}

#[test]
fn a_page_of_another_site_gets_nothing_where_no_token_is_asked_for() {
    let mut desk = Desk::open("http-foreign", &[]);
    assert_eq!(desk.get("/api/v1/status").status, 200);
    let rebound = desk.ask("GET", "/api/v1/status", &[("Host", "example.org")], b"");
    assert_eq!((rebound.status, &rebound.json()["code"]), (403, &"foreign".into()));
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn too_much_is_refused_with_a_time_to_come_again() {
    let changes = [
        ("[service]", "[limits]\nfile_mib = 1\n[service]\nmax_waiting = 1"),
        ("gap_seconds = 1", "gap_seconds = 3600"),
    ];
    let mut desk = Desk::open("http-full", &changes);
    let picture = sample("bia-ho-so.jpg");
    let target = |component: &str| format!("/api/v1/captures?dossier={CODE}&component={component}");
    assert_eq!(desk.send(&target("a"), &[("1.jpg", &picture)]).status, 201);
    let full = desk.send(&target("b"), &[("1.jpg", &picture)]);
    assert_eq!((full.status, &full.json()["code"]), (503, &"queue".into()), "{full:?}");
    assert!(full.number("Retry-After").is_some_and(|seconds| seconds > 0), "{full:?}");
    let begun = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "5")], b"");
    assert_eq!((begun.status, begun.number("Retry-After").is_some()), (503, true), "{begun:?}");
    let rest = sample("can-cuoc/anh-quet.jpg");
    assert_eq!(desk.send(&target("a"), &[("2.jpg", &rest)]).status, 201, "what is begun goes on");

    let large = vec![0xff; (1 << 20) + 1];
    let refused = desk.send(&target("a"), &[("3.jpg", &large)]);
    assert_eq!((refused.status, &refused.json()["code"]), (413, &"too-large".into()));
    let refused = desk.ask("POST", &target("a"), &[("Content-Type", "image/jpeg")], &large);
    assert_eq!(refused.status, 413);
    let refused = desk.tus("POST", "/api/v1/uploads", &[("Upload-Length", "1048577")], b"");
    assert_eq!(refused.status, 413);
    let left: Vec<_> = fs::read_dir(desk.centre.folder.join("data/uploads")).expect("it is there").collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(desk.centre.stop(), Some(0));

    let mut desk = Desk::open("http-disk", &[("min_free_mib = 0", "min_free_mib = 1048576")]);
    let ready = desk.get("/readyz");
    assert_eq!((ready.status, &ready.json()["reasons"]), (503, &serde_json::json!(["disk"])));
    let full = desk.send("/api/v1/captures", &[("1.jpg", &picture)]);
    assert_eq!((full.status, &full.json()["code"]), (503, &"disk".into()), "{full:?}");
    assert!(full.number("Retry-After").is_some(), "{full:?}");
    fs::remove_dir(desk.centre.folder.join("in"))
        .or_else(|_| fs::remove_dir_all(desk.centre.folder.join("in")))
        .expect("ours");
    assert_eq!(desk.get("/readyz").json()["reasons"], serde_json::json!(["folders", "disk"]));
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn the_description_has_the_methods_that_are_there_and_no_other() {
    let mut desk = Desk::open("http-openapi", &[]);
    let described = desk.get("/api/v1/openapi.json").json();
    let mut asked = 0;
    for (path, methods) in described["paths"].as_object().expect("paths") {
        let place = path.replace("{code}", CODE).replace("{id}", "0");
        for method in ["get", "post", "put", "patch", "delete", "options", "head"] {
            // What answers GET answers HEAD.
            let is_described = methods.get(method).is_some() || (method == "head" && methods.get("get").is_some());
            let status = desk.ask(&method.to_uppercase(), &place, &[], b"").status;
            assert_eq!(status != 405, is_described, "{method} {path}: {status}");
            asked += 1;
        }
    }
    assert!(asked > 80, "{asked}");
    assert_eq!(desk.centre.stop(), Some(0));
    let missing = run(sohoa().args(["serve", "--listen", "nowhere", "--watch", "x", "--out", "y"]));
    assert_eq!((missing.code, missing.stderr.contains("http.listen")), (Some(9), true), "{missing:?}");
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Base64 (RFC 4648) of a text.
pub(crate) fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
