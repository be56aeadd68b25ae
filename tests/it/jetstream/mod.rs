//! Batches whose pages other machines make: nats-server from Debian is the engine, workers are programs of their own.

mod cluster;
mod secure;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{self, AckKind};
use futures_util::StreamExt;
use serde_json::Value;

use crate::batch::Archive;
use crate::judges::may_be_asked;
use crate::program::{run, sohoa};
use crate::service::signal;

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(240);

/// A child that ends with its test.
struct Running(Child);

impl Running {
    fn kill(&mut self) {
        self.0.kill().expect("our own child");
        self.0.wait().expect("our own child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A server with its store, and the archive whose pages go through it.
struct Engine {
    archive: Archive,
    port: u16,
    server: Option<Running>,
}

impl Engine {
    /// Nothing where no nats-server is installed.
    fn start(name: &str) -> Option<Self> {
        Self::start_with(name, |_| String::new())
    }

    /// A server that is told more, in its own language, by `config`, which gets the test's folder.
    fn start_with(name: &str, config: impl FnOnce(&Path) -> String) -> Option<Self> {
        if !may_be_asked(Command::new("nats-server").arg("--version").output().is_ok()) {
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut engine = Self { archive: Archive::new(name), port, server: None };
        let config = config(&engine.archive.folder);
        fs::write(engine.file("nats.conf"), config).expect("our own folder");
        engine.serve();
        Some(engine)
    }

    fn serve(&mut self) {
        let log = self.file("server.log");
        let child = Command::new("nats-server")
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(self.archive.folder.join("jetstream"))
            .args([Path::new("-l"), &log, Path::new("-c"), &self.file("nats.conf")])
            .spawn()
            .expect("it is installed");
        self.server = Some(Running(child));
        let until = Instant::now() + PATIENCE;
        while !fs::read_to_string(&log).unwrap_or_default().contains("Server is ready") {
            assert!(Instant::now() < until, "{:?}", fs::read_to_string(&log));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the server as a power cut does, and starts it anew.
    fn restart(&mut self) {
        self.stop();
        self.serve();
    }

    fn stop(&mut self) {
        self.server.take().expect("it runs").kill();
        fs::remove_file(self.file("server.log")).expect("our own folder");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.archive.folder.join(name)
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn worker(&self, name: &str, more: &[&str]) -> Running {
        let log = fs::File::create(self.file(&format!("{name}.jsonl"))).expect("our own folder");
        let mut command = sohoa();
        command.args(["worker", "--jobs", "1", "--json", "--name", name, "--nats", &self.url()]).args(more);
        Running(command.stdout(log).spawn().expect("it starts"))
    }

    /// Pages that a worker made.
    fn made_by(&self, name: &str) -> usize {
        let log = fs::read_to_string(self.file(&format!("{name}.jsonl"))).unwrap_or_default();
        log.lines().filter(|line| line.contains(r#""event":"page""#)).count()
    }

    fn submit(&self, out: &str) -> Running {
        let url = self.url();
        let log = fs::File::create(self.file(&format!("{out}.jsonl"))).expect("our own folder");
        let arguments = ["submit", "source", "--no-sign", "--json", "--in-flight", "8", "--out", out, "--nats", &url];
        let mut command = self.archive.batch(&arguments);
        Running(command.stdout(log).stderr(Stdio::inherit()).spawn().expect("it starts"))
    }

    fn events(&self, out: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.file(&format!("{out}.jsonl"))).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn wait_for(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < until, "waited for: {what}; {:#?}", self.events("out"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Messages in the queue.
    fn sent(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let jetstream = jetstream::new(async_nats::connect(self.url()).await.expect("the server runs"));
            match jetstream.get_stream("SOHOA_PAGES").await {
                Ok(mut stream) => stream.info().await.expect("the server runs").state.messages,
                Err(_) => 0,
            }
        })
    }

    fn wait(&self, mut submitted: Running) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = submitted.0.try_wait().expect("our own child") {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end: {:#?}", self.events("out"));
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn workers_make_the_same_files_whoever_is_killed() {
    let Some(mut engine) = Engine::start("jetstream-killed") else { return };
    engine.archive.fill(2, 4, 3);
    let local = engine.archive.digitise("local", &[]);
    assert_eq!(local.code, Some(0), "{local:?}");

    let mut first = engine.worker("first", &[]);
    let submitted = engine.submit("out");
    engine.wait_for("some pages are made", || engine.made_by("first") >= 3);
    first.kill();
    let _second = engine.worker("second", &[]);
    let _third = engine.worker("third", &[]);
    engine.wait_for("others go on", || engine.made_by("second") + engine.made_by("third") >= 4);
    engine.restart();
    assert_eq!(engine.wait(submitted), Some(0), "{:#?}", engine.events("out"));
    assert_eq!(engine.archive.files("out"), engine.archive.files("local"), "byte by byte");
    assert!(engine.made_by("second") > 0 && engine.made_by("third") > 0);
}

#[test]
fn a_submitter_that_was_killed_goes_on_with_what_was_made() {
    let Some(engine) = Engine::start("jetstream-resubmitted") else { return };
    engine.archive.fill(1, 4, 3);
    let _worker = engine.worker("worker", &[]);
    let mut submitted = engine.submit("out");
    engine.wait_for("some pages are made", || engine.made_by("worker") >= 3);
    submitted.kill();
    assert_eq!(engine.wait(engine.submit("out")), Some(0), "{:#?}", engine.events("out"));
    assert_eq!(engine.archive.files("out").len(), 4);
    // The worker may have been at one page whose capture was sent anew, and at its next.
    assert!(engine.made_by("worker") <= 12 + 2, "{} pages were made for 12", engine.made_by("worker"));
}

#[test]
fn a_submitter_that_is_told_to_stop_leaves_nothing_half_done() {
    let Some(engine) = Engine::start("jetstream-stopped") else { return };
    engine.archive.fill(1, 5, 3);
    let local = engine.archive.digitise("local", &[]);
    assert_eq!(local.code, Some(0), "{local:?}");
    let _worker = engine.worker("worker", &[]);
    let submitted = engine.submit("out");
    engine.wait_for("some pages are made", || engine.made_by("worker") >= 2);
    signal(&submitted.0, "TERM");
    assert_eq!(engine.wait(submitted), Some(3), "not all is done: {:#?}", engine.events("out"));
    let there = engine.archive.files("out");
    assert!(there.keys().all(|path| !path.to_string_lossy().contains("incomplete")), "{:?}", there.keys());
    assert_eq!(engine.wait(engine.submit("out")), Some(0), "{:#?}", engine.events("out"));
    assert_eq!(engine.archive.files("out"), engine.archive.files("local"), "byte by byte");
}

#[test]
fn a_page_that_ends_every_worker_is_set_aside() {
    let Some(engine) = Engine::start("jetstream-poison") else { return };
    engine.archive.fill(1, 1, 2);
    let submitted = engine.submit("out");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Five workers that began the same page and ended: each had written down that it began.
    runtime.block_on(async {
        let jetstream = jetstream::new(async_nats::connect(engine.url()).await.expect("the server runs"));
        let queue: PullConsumer = loop {
            let found = async {
                let stream = jetstream.get_stream("SOHOA_PAGES").await.ok()?;
                let name = stream.consumer_names().next().await?.ok()?;
                stream.get_consumer(&name).await.ok()
            };
            match found.await {
                Some(queue) => break queue,
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        loop {
            let mut batch =
                queue.batch().max_messages(1).expires(Duration::from_secs(5)).messages().await.expect("a page");
            let Some(Ok(message)) = batch.next().await else { continue };
            let task: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let subject = format!("sohoa.tried.{}", task["name"].as_str().expect("a name"));
            let written = jetstream.publish(subject, "5".into()).await.expect("the server runs");
            written.await.expect("it is there");
            message.ack_with(AckKind::Nak(None)).await.expect("the server runs");
            break;
        }
    });
    let _worker = engine.worker("worker", &[]);
    assert_eq!(engine.wait(submitted), Some(3), "{:#?}", engine.events("out"));
    let findings = engine.archive.report("out")["findings"].clone();
    let aside: Vec<&Value> =
        findings.as_array().expect("a list").iter().filter(|one| one["kind"] == "set-aside").collect();
    assert_eq!(aside.len(), 1, "{findings:#}");
    assert!(aside[0]["detail"].as_str().is_some_and(|text| text.contains("máy đã dừng")), "{findings:#}");
    let dead = runtime.block_on(async {
        let jetstream = jetstream::new(async_nats::connect(engine.url()).await.expect("the server runs"));
        let mut stream = jetstream.get_stream("SOHOA_DEAD").await.expect("it is there");
        stream.info().await.expect("the server runs").state.messages
    });
    assert_eq!(dead, aside.len() as u64);
}

#[test]
fn pages_go_only_to_workers_of_the_same_release() {
    let Some(engine) = Engine::start("jetstream-release") else { return };
    engine.archive.fill(1, 1, 2);
    fs::write(engine.file("other.toml"), "[ocr]\nenabled = false\n").expect("our own folder");
    let config = engine.file("other.toml").to_string_lossy().into_owned();
    let _other = engine.worker("other", &["--config", &config]);
    let submitted = engine.submit("out");
    let is_told = |event: &Value| {
        let other = event["others"][0].as_str().unwrap_or_default();
        event["event"] == "workers" && event["workers"] == 0 && other.starts_with("other (")
    };
    engine.wait_for("it is told", || engine.events("out").iter().any(is_told));
    assert_eq!(engine.made_by("other"), 0);
    let _same = engine.worker("same", &[]);
    assert_eq!(engine.wait(submitted), Some(0));
    assert_eq!((engine.made_by("other"), engine.made_by("same")), (0, 2));
}

#[test]
fn what_a_server_lost_is_sent_again() {
    let Some(mut engine) = Engine::start("jetstream-lost") else { return };
    engine.archive.fill(1, 2, 2);
    let submitted = engine.submit("out");
    engine.wait_for("pages are on their way", || engine.sent() >= 4);
    engine.stop();
    fs::remove_dir_all(engine.file("jetstream")).expect("our own folder");
    engine.serve();
    let _worker = engine.worker("worker", &[]);
    assert_eq!(engine.wait(submitted), Some(0), "{:#?}", engine.events("out"));
    assert_eq!(engine.made_by("worker"), 4);
}

#[test]
fn a_capture_that_the_server_damaged_is_sent_anew() {
    let Some(engine) = Engine::start("jetstream-damaged") else { return };
    engine.archive.fill(1, 1, 1);
    let submitted = engine.submit("out");
    engine.wait_for("it is on its way", || engine.sent() >= 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let jetstream = jetstream::new(async_nats::connect(engine.url()).await.expect("the server runs"));
        let captures = jetstream.get_object_store("sohoa-captures").await.expect("it is there");
        let object = captures.list().await.expect("it can be listed").next().await.expect("one").expect("whole");
        let subject = format!("$O.sohoa-captures.C.{}", object.nuid);
        let stream = jetstream.get_stream("OBJ_sohoa-captures").await.expect("it is there");
        stream.purge().filter(&subject).await.expect("it can be purged");
        for _ in 0..object.chunks {
            let put = jetstream.publish(subject.clone(), "something else".into()).await.expect("the server runs");
            put.await.expect("it is stored");
        }
    });
    let _worker = engine.worker("worker", &[]);
    assert_eq!(engine.wait(submitted), Some(0), "{:#?}", engine.events("out"));
    assert_eq!(engine.made_by("worker"), 1);
}

#[test]
fn a_submitter_goes_on_in_the_background() {
    let Some(engine) = Engine::start("jetstream-detached") else { return };
    engine.archive.fill(1, 1, 2);
    let detach = |url: &str| {
        let arguments = ["submit", "source", "--no-sign", "--detach", "--out", "out", "--nats", url];
        run(&mut engine.archive.batch(&arguments))
    };
    let told = detach("nats://127.0.0.1:9");
    assert!(told.code == Some(10) && told.stdout.contains("127.0.0.1:9"), "what ends at once is told: {told:?}");
    let told = detach(&engine.url());
    assert!(told.code == Some(0) && told.stdout.contains("sohoa batch status out"), "{told:?}");
    let _worker = engine.worker("worker", &[]);
    let report = engine.file("out/bao-cao/report.json");
    engine.wait_for("it is done", || {
        let report = fs::read(&report).ok().and_then(|report| serde_json::from_slice::<Value>(&report).ok());
        report.is_some_and(|report| report["totals"]["pages"] == 2)
    });
    assert_eq!(engine.archive.files("out").len(), 1);
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let archive = Archive::new("jetstream-none");
    archive.fill(1, 1, 1);
    let url = "nats://somebody:secret@127.0.0.1:9";
    let told = run(&mut archive.batch(&["submit", "source", "--no-sign", "--out", "out", "--nats", url]));
    assert!(told.code == Some(10) && told.stderr.contains("127.0.0.1:9"), "{told:?}");
    assert!(!told.stderr.contains("secret") && !told.stdout.contains("secret"), "{told:?}");
}
