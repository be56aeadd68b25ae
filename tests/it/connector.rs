//! The connector against servers that fail in every way: what is finished is accepted, all of it, once each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::Value;
use sohoa::grouping::{Rules, place};
use sohoa::manifest::sha256_hex;
use sohoa::store::{NewCapture, Published, State, Store};

use crate::program::run;
use crate::service::Centre;
use crate::tamper::SplitMix64;

const PATIENCE: Duration = Duration::from_secs(120);
const SEED: u64 = 0x434F_4E4E;

#[test]
fn a_thousand_components_are_accepted_once_each_whatever_the_server_does() {
    const COMPONENTS: usize = 1_000;
    let mut centre = Centre::new("connector");
    finish(&centre, COMPONENTS);
    let server = Server::start("127.0.0.1:0", random_mood);
    configure(&centre, &format!("url = 'http://{}/x'\nfirst_pause_seconds = 0.01\n", server.address));
    centre.start(&[]);
    // Killed at any moment, with deliveries whose answer was never written down.
    for killed_at in [150, 400, 650, 900] {
        server.wait_for(|seen| seen.accepted.len() >= killed_at);
        centre.kill();
        centre.start(&[]);
    }
    server.wait_for(|seen| seen.accepted.len() >= COMPONENTS);
    wait_until("all answers are written down", || delivered(&centre) == COMPONENTS);
    assert_eq!(centre.stop(), Some(0));

    let seen = server.seen();
    let papers: BTreeSet<&(String, String)> = seen.accepted.values().collect();
    assert_eq!((seen.accepted.len(), papers.len()), (COMPONENTS, COMPONENTS), "once each, by key and by paper");
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    println!("{} requests for {COMPONENTS} components: {:?}", seen.requests, seen.moods);
    for mood in Mood::ALL {
        assert!(seen.moods.contains_key(&format!("{mood:?}")), "{mood:?} was never tried: {:?}", seen.moods);
    }
    assert!(seen.known > 0, "nothing was ever sent twice: lost answers were not tried");
}

#[test]
fn what_is_refused_is_said_and_sent_again_when_it_is_asked_for() {
    let mut centre = Centre::new("connector-refused");
    finish(&centre, 1);
    let code = dossier(0);
    let server = Server::start("127.0.0.1:0", |_, earlier| if earlier == 0 { Mood::Refuse } else { Mood::Take });
    configure(&centre, &format!("url = 'http://{}/x'\n", server.address));
    centre.start(&[]);
    wait_until("it is refused", || delivery(&centre, &code)["state"] == "refused");
    assert_eq!(delivery(&centre, &code)["answer"], "422");
    let shown = run(&mut centre.program(&["dossier", "show", &code]));
    assert!(shown.stdout.contains("nơi nhận từ chối (422)"), "{shown:?}");
    let again = run(&mut centre.program(&["dossier", "deliver", &code, "--json"]));
    assert!(again.stdout.contains("\"files\":1"), "{again:?}");
    wait_until("it is delivered", || delivery(&centre, &code)["state"] == "accepted");
    assert_eq!(server.seen().accepted.len(), 1);
    assert_eq!(centre.stop(), Some(0));
    let again = run(&mut centre.program(&["dossier", "deliver", "--json"]));
    assert!(again.stdout.contains("\"files\":0"), "what was accepted is never sent again: {again:?}");
    assert_eq!(run(&mut centre.program(&["dossier", "deliver", "H21-250101-9999"])).code, Some(5));
}

#[test]
fn without_a_network_what_is_finished_waits_and_a_changed_file_is_never_sent() {
    let mut centre = Centre::new("connector-offline");
    finish(&centre, 2);
    let (good, changed) = (dossier(0), dossier(1));
    // A port that nobody listens on, until later.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("loopback");
    let show = run(&mut centre.program(&["dossier", "show", &good, "--json"]));
    assert!(show.stdout.contains("\"deliveries\":[]"), "without a connector nothing is said to wait: {show:?}");
    let unconfigured = run(&mut centre.program(&["dossier", "deliver"]));
    assert_eq!(unconfigured.code, Some(9), "{unconfigured:?}");
    configure(&centre, &format!("url = 'http://{address}/x'\nlongest_pause_seconds = 2\n"));
    centre.start(&[]);
    wait_until("it waits for the network", || delivery(&centre, &good)["answer"] == "network");
    assert_eq!(delivery(&centre, &good)["state"], "waiting");
    fs::write(centre.folder.join("out").join(&changed).join("a1.pdf"), b"changed").expect("our own folder");
    let server = Server::start(&address.to_string(), |_, _| Mood::Take);
    wait_until("it is delivered", || delivery(&centre, &good)["state"] == "accepted");
    wait_until("the other is told", || delivery(&centre, &changed)["answer"] == "altered");
    assert_eq!(server.seen().accepted.len(), 1);
    assert_eq!(centre.stop(), Some(0));
}

#[test]
fn an_https_server_must_descend_from_the_certificates_that_are_named() {
    let mut centre = Centre::new("connector-https");
    finish(&centre, 1);
    let Some((_server, port)) = https_server(&centre.folder) else {
        return println!("skipped: no python3 with TLS, or no openssl");
    };
    let url = format!("url = 'https://localhost:{port}/x'\nlongest_pause_seconds = 2\n");
    let token = centre.folder.join("token");
    fs::write(&token, "bí mật\n").expect("our own folder");
    configure(&centre, &format!("{url}token_file = {token:?}\nca_file = {:?}\n", centre.folder.join("other.pem")));
    centre.start(&[]);
    let troubled = |centre: &Centre| centre.events().iter().any(|event| event["kind"] == "connector");
    wait_until("a token that cannot be sent is told", || troubled(&centre));
    fs::write(&token, "geheim\n").expect("our own folder");
    wait_until("a strange server gets nothing", || delivery(&centre, &dossier(0))["answer"] == "network");
    assert!(!centre.folder.join("got").exists());
    assert_eq!(centre.stop(), Some(0));
    let text = fs::read_to_string(centre.folder.join("sohoa.toml")).expect("our own folder");
    fs::write(centre.folder.join("sohoa.toml"), text.replace("other.pem", "ca.pem")).expect("our own folder");
    centre.start(&[]);
    wait_until("it is delivered", || delivery(&centre, &dossier(0))["state"] == "accepted");
    let got = fs::read_to_string(centre.folder.join("got")).expect("the server wrote it");
    assert_eq!(got, "Bearer geheim");
    assert_eq!(centre.stop(), Some(0));
}

/// Code of the dossier of a finished component.
fn dossier(number: usize) -> String {
    format!("H21.15.25-250701-{:04}", number % 40 + 1)
}

/// Puts finished components into the centre's store, as workers do, with tiny files for PDFs.
fn finish(centre: &Centre, count: usize) {
    let store = Store::open(&centre.folder.join("data")).expect("our own folder");
    let file = centre.folder.join("capture");
    for number in 0..count {
        let (code, bytes) = (dossier(number), format!("%PDF-1.7 {number}"));
        fs::write(&file, &bytes).expect("our own folder");
        let blob = store.blobs().take_in(&file, bytes.len() as u64).expect("a whole file");
        let relative = format!("{code}/a{number}.pdf");
        let place = place("in", &relative, true, &Rules::default());
        let new = NewCapture { blob: &blob, source: "in", relative: &relative, modified: 0, priority: 0 };
        store.accept(&new, &place, 0, 1).expect("a good capture");
        let work = store.claim(1).expect("a good store").expect("it was queued");
        let directory = centre.folder.join("out").join(&code);
        fs::create_dir_all(&directory).expect("our own folder");
        let name = format!("{}.pdf", work.name);
        fs::write(directory.join(&name), &bytes).expect("our own folder");
        let published = Published {
            directory: directory.to_string_lossy().into_owned(),
            name: work.name,
            version: 1,
            file: Some((name, sha256_hex(bytes.as_bytes()))),
        };
        store.finish(work.component, State::Done, "f", &[published], 2).expect("a good store");
    }
}

fn configure(centre: &Centre, connector: &str) {
    let path = centre.folder.join("sohoa.toml");
    let text = fs::read_to_string(&path).expect("our own folder");
    let connector = format!("[connector]\ninterval_seconds = 0.2\ntimeout_seconds = 2\n{connector}");
    let longest = if connector.contains("longest_pause") { "" } else { "longest_pause_seconds = 0.05\n" };
    let first = if connector.contains("first_pause") { "" } else { "first_pause_seconds = 0.01\n" };
    fs::write(path, format!("{text}{connector}{first}{longest}")).expect("our own folder");
}

/// The delivery of the first component of a dossier.
fn delivery(centre: &Centre, code: &str) -> Value {
    centre.components(Some(code)).first().map_or(Value::Null, |component| component["deliveries"][0].clone())
}

fn delivered(centre: &Centre) -> usize {
    let shown = |number| centre.components(Some(&dossier(number)));
    let is_accepted = |component: &Value| component["deliveries"][0]["state"] == "accepted";
    (0..40).map(|number| shown(number).iter().filter(|component| is_accepted(component)).count()).sum()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// What the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Take,
    TakeSlowly,
    DropUnread,
    DropRead,
    TakeAndDrop,
    TakeAndDieInHead,
    TakeAndDieInBody,
    Fail,
    TakeAndFail,
    TooMany,
    Refuse,
}

impl Mood {
    /// Those of a server that means well.
    const ALL: [Self; 10] = [
        Self::Take,
        Self::TakeSlowly,
        Self::DropUnread,
        Self::DropRead,
        Self::TakeAndDrop,
        Self::TakeAndDieInHead,
        Self::TakeAndDieInBody,
        Self::Fail,
        Self::TakeAndFail,
        Self::TooMany,
    ];
}

/// Three of four requests are simply taken.
fn random_mood(random: &mut SplitMix64, _earlier: usize) -> Mood {
    match random.below(40) {
        number @ 0..10 => Mood::ALL[number],
        _ => Mood::Take,
    }
}

type Decide = fn(&mut SplitMix64, usize) -> Mood;

/// What a server has seen.
#[derive(Default)]
struct Seen {
    requests: usize,
    /// Dossier and name by key.
    accepted: BTreeMap<String, (String, String)>,
    /// Requests with a key that had been accepted.
    known: usize,
    moods: BTreeMap<String, usize>,
    /// What was wrong with requests.
    wrong: Vec<String>,
}

struct Server {
    address: String,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(address: &str, decide: Decide) -> Self {
        let listener = TcpListener::bind(address).expect("loopback");
        let address = listener.local_addr().expect("it is bound").to_string();
        listener.set_nonblocking(true).expect("every system can");
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let (theirs, order) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut random = SplitMix64(SEED);
            while !order.load(Ordering::Relaxed) {
                match listener.accept() {
                    // The connector makes one connection after the other: none is served beside another.
                    Ok((stream, _)) => serve(stream, &theirs, &mut random, decide, &order),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => sleep(Duration::from_millis(1)),
                    Err(error) => panic!("{error}"),
                }
            }
        });
        Self { address, seen, stop, thread: Some(thread) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no thread of the server panicked")
    }

    fn wait_for(&self, is_so: impl Fn(&Seen) -> bool) {
        wait_until("the server has what it is to have", || is_so(&self.seen()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Serves a connection until either side drops it.
fn serve(stream: TcpStream, seen: &Mutex<Seen>, random: &mut SplitMix64, decide: Decide, stop: &AtomicBool) {
    stream.set_nonblocking(false).expect("every system can");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("every system can");
    let mut writer = stream.try_clone().expect("a socket has two handles");
    let mut reader = BufReader::new(stream);
    while !stop.load(Ordering::Relaxed) {
        let mood = {
            let mut seen = seen.lock().expect("no panic");
            let mood = decide(random, seen.requests);
            if mood == Mood::DropUnread {
                // Known only when something comes.
                if reader.fill_buf().map_or(true, <[u8]>::is_empty) {
                    return;
                }
                seen.requests += 1;
                *seen.moods.entry(format!("{mood:?}")).or_default() += 1;
                return;
            }
            mood
        };
        let Some((key, body)) = request(&mut reader) else { return };
        let answer = {
            let mut seen = seen.lock().expect("no panic");
            seen.requests += 1;
            *seen.moods.entry(format!("{mood:?}")).or_default() += 1;
            take(&mut seen, mood, &key, &body)
        };
        if mood == Mood::TakeSlowly {
            sleep(Duration::from_millis(50));
        }
        let Some(answer) = answer else { return };
        if writer.write_all(answer.as_bytes()).is_err()
            || matches!(mood, Mood::TakeAndDieInHead | Mood::TakeAndDieInBody)
        {
            return;
        }
    }
}

/// Reads a request to its end: key and body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return None,
            Ok(_) if line == "\r\n" => break,
            Ok(_) => {}
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match &name.to_ascii_lowercase()[..] {
            "idempotency-key" => key = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().expect("a number"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key, body))
}

/// Takes a paper where the mood is so, and answers; nothing where the connection is to be dropped.
fn take(seen: &mut Seen, mood: Mood, key: &str, body: &[u8]) -> Option<String> {
    let status = |line: &str, more: &str| Some(format!("HTTP/1.1 {line}\r\n{more}Content-Length: 0\r\n\r\n"));
    match mood {
        Mood::DropUnread | Mood::DropRead => return None,
        Mood::Fail => return status("500 Internal Server Error", ""),
        Mood::TooMany => return status("429 Too Many Requests", "Retry-After: 0\r\n"),
        Mood::Refuse => return status("422 Unprocessable Content", ""),
        _ => {}
    }
    let is_known = seen.accepted.contains_key(key);
    seen.known += usize::from(is_known);
    match paper(key, body) {
        Ok(paper) if !is_known => drop(seen.accepted.insert(key.to_owned(), paper)),
        Ok(paper) if seen.accepted[key] == paper => {}
        Ok(paper) => seen.wrong.push(format!("{key} came with another paper: {paper:?}")),
        Err(wrong) => seen.wrong.push(wrong),
    }
    match mood {
        Mood::TakeAndDrop => None,
        Mood::TakeAndDieInHead => Some("HTTP/1.1 201 Cre".to_owned()),
        Mood::TakeAndDieInBody => Some("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf".to_owned()),
        Mood::TakeAndFail => status("503 Service Unavailable", "Retry-After: 0\r\n"),
        // Either way of saying that it is known.
        _ if is_known && seen.known.is_multiple_of(2) => status("409 Conflict", ""),
        _ => status("201 Created", ""),
    }
}

/// Dossier and name of a component as they came, with everything checked that can be.
fn paper(key: &str, body: &[u8]) -> Result<(String, String), String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let boundary = text.lines().next().unwrap_or_default();
    let parts: Vec<&str> = text.split(boundary).collect();
    let [_, metadata, file, "--\r\n"] = parts[..] else { return Err(format!("no two parts: {text}")) };
    let content = |part: &str| {
        let (_, content) = part.split_once("\r\n\r\n").unwrap_or_default();
        content.strip_suffix("\r\n").unwrap_or_default().to_owned()
    };
    let (metadata, file) = (content(metadata), content(file));
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
    let field = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
    if field("key") != key || key.len() != 64 {
        return Err(format!("the key is not {key}: {metadata}"));
    }
    if field("sha256") != sha256_hex(file.as_bytes()) || metadata["record"]["DuocSoHoa"] != 1 {
        return Err(format!("not this file: {metadata}"));
    }
    Ok((field("dossier"), field("name")))
}

/// A server with a certificate for `localhost` by `ca.pem` in the folder, and another certificate `other.pem`; its port.
fn https_server(folder: &Path) -> Option<(Stop, u16)> {
    let script = "set -e
        make() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=$1 \
            -keyout $1.key -out $1.pem; }
        make ca; make other
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout k.pem -out r.csr
        printf 'subjectAltName=DNS:localhost' > ext
        openssl x509 -req -in r.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out c.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output().ok()?;
    if !made.status.success() {
        return None;
    }
    let script = "
import http.server, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        open('got', 'w').write(self.headers['Authorization'])
        self.send_response(201)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('c.pem', 'k.pem')
server = Server(('127.0.0.1', 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()";
    let mut command = Command::new("python3");
    command.args(["-c", script]).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Stop(command.spawn().ok()?);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take()?).read_line(&mut line).ok()?;
    let port = line.trim().parse().ok()?;
    Some((server, port))
}

/// Ends a child of ours, however the test ends.
struct Stop(Child);

impl Drop for Stop {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
