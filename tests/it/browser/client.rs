//! Chromium without a window, driven by the Chrome DevTools Protocol (CDP) over a pipe: it reads our messages from file
//! descriptor 3 and writes its own to 4, each ended by a zero byte (`--remote-debugging-pipe`). So there is no port to race
//! for, no WebSocket to speak, and a browser whose tests are gone reads the end of its pipe and ends as well.
//!
//! One browser has one tab. Keys and the mouse go the way that a person's go (`Input.dispatch…Event`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

/// Longest wait for anything in the browser, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(50);
/// A browser that was asked to end is killed after this.
const FAREWELL: Duration = Duration::from_secs(10);

/// Switches of every browser: as root and in containers it has no sandbox and little shared memory, and nothing of its own
/// leaves the machine, not even a question for a name.
const SWITCHES: [&str; 14] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/// A size of screen: width and height in CSS pixels, and whether it is a phone's.
pub(crate) type Screen = (u32, u32, bool);
/// A small phone.
pub(crate) const PHONE: Screen = (360, 740, true);
/// The common laptop of an office.
pub(crate) const OFFICE: Screen = (1366, 768, false);

/// What the browser finds wrong with a page.
#[derive(Clone, Debug)]
pub(crate) struct Complaint {
    /// `console`, `exception`, or what the browser's log names: `network`, `security` (also of the policy), …
    pub(crate) source: String,
    pub(crate) text: String,
    /// What it is about, where the browser says so.
    pub(crate) url: String,
}

/// A request that the page made.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Value,
}

/// What opening a page took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// All that came over the wire with nothing in the cache, headers too, but for pictures of papers.
    pub(crate) bytes: u64,
    /// Those pictures.
    pub(crate) picture_bytes: u64,
    pub(crate) requests: usize,
    /// From the start of the navigation to the end of the page's `load` event.
    pub(crate) milliseconds: f64,
}

/// A browser with one tab.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    log: PathBuf,
    calls: u64,
    /// Of the tab.
    session: String,
    complaints: Vec<Complaint>,
    requests: Vec<Request>,
    /// Requests without an end yet, by their numbers.
    in_flight: BTreeMap<String, String>,
    bytes: u64,
    /// Requests for pictures of papers, by their numbers, and what has come of them.
    pictures: BTreeSet<String>,
    picture_bytes: u64,
}

impl Browser {
    /// Starts a browser whose profile is in this folder, with more switches.
    pub(crate) fn start(folder: &Path, switches: &[&str]) -> Self {
        fs::create_dir_all(folder).expect("our own folder");
        let log = folder.join("chromium.log");
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "chromium"]);
        command.args(SWITCHES).arg(format!("--user-data-dir={}", folder.join("profile").display()));
        command.args(switches).arg("about:blank").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(fs::File::create(&log).expect("our own folder"));
        let mut child = command.spawn().expect("every system has a shell");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (sender, messages) = channel();
        std::thread::spawn(move || read(output, &sender));
        let mut browser = Self {
            child,
            input,
            messages,
            log,
            calls: 0,
            session: String::new(),
            complaints: Vec::new(),
            requests: Vec::new(),
            in_flight: BTreeMap::new(),
            bytes: 0,
            pictures: BTreeSet::new(),
            picture_bytes: 0,
        };
        let target = browser.ask("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = text(&attached["sessionId"]);
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        // Bars at the side lie over the page, as on phones: a picture of it has the whole width.
        browser.ask("Emulation.setScrollbarsHidden", json!({"hidden": true}));
        browser.resize(OFFICE);
        browser
    }

    /// Makes the window of this size.
    pub(crate) fn resize(&mut self, (width, height, mobile): Screen) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// Opens an address, and waits until its page is loaded and nothing of it is on its way any more.
    pub(crate) fn open(&mut self, url: &str) {
        // What is on its way to the page before is given up, and the browser need not tell of that.
        self.in_flight.clear();
        let opened = self.ask("Page.navigate", json!({"url": url}));
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
        self.wait_until_loaded();
    }

    /// As [`Self::open`], with nothing in the cache; tells what it took.
    pub(crate) fn open_first(&mut self, url: &str) -> Load {
        self.open("about:blank");
        self.ask("Network.setCacheDisabled", json!({"cacheDisabled": true}));
        (self.bytes, self.picture_bytes) = (0, 0);
        self.requests.clear();
        self.open(url);
        self.ask("Network.setCacheDisabled", json!({"cacheDisabled": false}));
        let timing = self.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd");
        let milliseconds = timing.as_f64().expect("a time");
        // What is in the page itself costs nothing more.
        let requests = self.requests.iter().filter(|request| !request.url.starts_with("data:")).count();
        Load { bytes: self.bytes, picture_bytes: self.picture_bytes, requests, milliseconds }
    }

    /// Opens the page anew.
    pub(crate) fn reload(&mut self) {
        let url = self.url();
        self.open(&url);
    }

    fn wait_until_loaded(&mut self) {
        self.wait_for(
            "the page is loaded",
            "document.readyState === 'complete' \
            && performance.getEntriesByType('navigation')[0]?.loadEventEnd !== 0",
        );
        let until = Instant::now() + PATIENCE;
        while !self.in_flight.is_empty() {
            assert!(Instant::now() < until, "still on their way: {:?}", self.in_flight);
            self.hear();
            sleep(LOOK);
        }
    }

    /// The address of the page.
    pub(crate) fn url(&mut self) -> String {
        text(&self.evaluate("location.href"))
    }

    /// The text of the page as a person sees it.
    pub(crate) fn text(&mut self) -> String {
        text(&self.evaluate("document.body.innerText"))
    }

    /// The value of an expression in the page; of a promise, what it brings.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|problem| panic!("{problem}: {expression:.300}"))
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let question = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", question)?;
        match answer.get("exceptionDetails") {
            Some(exception) => Err(exception.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Waits until an expression is true in the page (as JavaScript sees it), also while one page follows another. `what` is
    /// told where it does not become so.
    pub(crate) fn wait_for(&mut self, what: &str, expression: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.try_evaluate(expression);
            match &found {
                Ok(value) if is_true(value) => return value.clone(),
                _ if Instant::now() < until => sleep(LOOK),
                _ => panic!("waited for: {what}; {found:?}, {} says\n{}", self.url(), self.text()),
            }
        }
    }

    /// Clicks into the middle of an element, once it is there and nothing lies over it.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const one = document.querySelector({selector:?}); if (!one) return null;
            one.scrollIntoView({{ block: 'center', inline: 'center' }});
            const box = one.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
            return one.contains(document.elementFromPoint(x, y)) && [x, y]; }})()"
        );
        let place = self.wait_for(&format!("{selector} can be clicked"), &place);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", event);
        }
    }

    /// Types text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        for letter in text.chars() {
            let key = json!({"type": "keyDown", "text": letter.to_string(), "key": letter.to_string()});
            self.ask("Input.dispatchKeyEvent", key);
            self.ask("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": letter.to_string()}));
        }
    }

    /// Presses a key that is no letter, by its name (`KeyboardEvent.key`), where it says so with Shift held: `Shift+Tab`.
    pub(crate) fn press(&mut self, name: &str) {
        let (shift, key) = name.strip_prefix("Shift+").map_or((0, name), |key| (8, key));
        // `KeyboardEvent.keyCode`, and the text that the key writes.
        let (code, written) = match key {
            "Backspace" => (8, ""),
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            " " => (32, " "),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            _ => panic!("no key {name}"),
        };
        let kind = if written.is_empty() { "rawKeyDown" } else { "keyDown" };
        let code_name = if key == " " { "Space" } else { key };
        for kind in [kind, "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": code_name, "windowsVirtualKeyCode": code,
                "modifiers": shift});
            if kind == "keyDown" {
                event["text"] = written.into();
            }
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Chooses files in an `<input type=file>`, as its dialog does.
    pub(crate) fn choose_files(&mut self, selector: &str, files: &[PathBuf]) {
        self.wait_for(&format!("{selector} is there"), &format!("!!document.querySelector({selector:?})"));
        let question = json!({"expression": format!("document.querySelector({selector:?})")});
        let input = self.ask("Runtime.evaluate", question)["result"]["objectId"].clone();
        self.ask("DOM.setFileInputFiles", json!({"objectId": input, "files": files}));
    }

    /// A picture (PNG) of the whole page at the window's width.
    pub(crate) fn screenshot(&mut self) -> Vec<u8> {
        let size = self.ask("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let taken = self.ask("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip}));
        Base64::decode_vec(taken["data"].as_str().unwrap_or_default()).expect("Base64")
    }

    /// The network as the tab finds it: offline, or with this latency in milliseconds and so many bytes a second at most.
    pub(crate) fn set_network(&mut self, offline: bool, latency: u32, bytes_per_second: Option<u32>) {
        let rate = bytes_per_second.map_or(-1, i64::from);
        let conditions = json!({"offline": offline, "latency": latency, "downloadThroughput": rate,
            "uploadThroughput": rate});
        self.ask("Network.emulateNetworkConditions", conditions);
    }

    /// What the browser has found wrong since it was last asked.
    pub(crate) fn complaints(&mut self) -> Vec<Complaint> {
        self.hear();
        std::mem::take(&mut self.complaints)
    }

    /// The requests since [`Self::open_first`], or of all the time.
    pub(crate) fn requests(&mut self) -> &[Request] {
        self.hear();
        &self.requests
    }

    /// Takes note of all that the browser has told so far.
    fn hear(&mut self) {
        self.ask("Page.getFrameTree", json!({}));
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.call(method, parameters).unwrap_or_else(|problem| panic!("{method}: {problem}"))
    }

    /// Calls a method of the protocol and waits for its answer; what the browser tells meanwhile is noted.
    fn call(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        let call = self.send(method, parameters);
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let message = match self.messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => panic!("{method} has no answer"),
                Err(RecvTimeoutError::Disconnected) => {
                    let log = fs::read_to_string(&self.log).unwrap_or_default();
                    panic!("{method}: the browser has ended:\n{log}")
                }
            };
            if message["id"] == call {
                return match message.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.note(&message);
        }
    }

    fn send(&mut self, method: &str, parameters: Value) -> u64 {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": parameters});
        if !self.session.is_empty() && !method.starts_with("Target.") {
            message["sessionId"] = self.session.clone().into();
        }
        let mut bytes = serde_json::to_vec(&message).expect("JSON");
        bytes.push(0);
        // A browser that has ended is told of where its answer is waited for.
        drop(self.input.write_all(&bytes));
        self.calls
    }

    /// Takes note of what the browser tells by itself.
    fn note(&mut self, event: &Value) {
        let told = &event["params"];
        let number = || text(&told["requestId"]);
        match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complain("exception", &told["exceptionDetails"].to_string(), ""),
            "Runtime.consoleAPICalled" if ["error", "assert"].contains(&text(&told["type"]).as_str()) => {
                self.complain("console", &told["args"].to_string(), "");
            }
            "Log.entryAdded" if told["entry"]["level"] == "error" => {
                let entry = &told["entry"];
                self.complain(&text(&entry["source"]), &text(&entry["text"]), &text(&entry["url"]));
            }
            "Network.requestWillBeSent" => {
                let (url, method) = (text(&told["request"]["url"]), text(&told["request"]["method"]));
                self.bytes += told["redirectResponse"]["encodedDataLength"].as_u64().unwrap_or(0);
                // What a script asks for may wait for news as long as its page is open.
                if !["EventSource", "XHR", "Fetch"].contains(&text(&told["type"]).as_str()) {
                    self.in_flight.insert(number(), url.clone());
                }
                if url.split('?').next().is_some_and(|path| path.ends_with(".jpg")) {
                    self.pictures.insert(number());
                }
                self.requests.push(Request { method, url, headers: told["request"]["headers"].clone() });
            }
            "Network.loadingFinished" => {
                let bytes = told["encodedDataLength"].as_u64().expect("whole bytes");
                let of = if self.pictures.contains(&number()) { &mut self.picture_bytes } else { &mut self.bytes };
                *of += bytes;
                self.in_flight.remove(&number());
            }
            "Network.loadingFailed" => {
                self.in_flight.remove(&number());
            }
            // Whether to leave a page that still sends something.
            "Page.javascriptDialogOpening" => {
                self.send("Page.handleJavaScriptDialog", json!({"accept": true}));
            }
            _ => {}
        }
    }

    fn complain(&mut self, source: &str, text: &str, url: &str) {
        self.complaints.push(Complaint { source: source.to_owned(), text: text.to_owned(), url: url.to_owned() });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session.clear();
        self.send("Browser.close", json!({}));
        let until = Instant::now() + FAREWELL;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(LOOK);
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Hands on what the browser writes, until it or the test has ended.
fn read(mut output: impl BufRead, to: &Sender<Value>) {
    let mut bytes = Vec::new();
    while output.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
        bytes.pop();
        let Ok(message) = serde_json::from_slice(&bytes) else { return };
        if to.send(message).is_err() {
            return;
        }
        bytes.clear();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
