//! Three servers, and everything that can happen to them: whatever is killed, stopped, cut off or full, each page is in the output
//! once, and nothing stands still.
//!
//! `SOHOA_MINUTES` says how long. As root each server has a network namespace of its own, joined by a bridge, and is cut off by
//! taking its link down; and one server's disk, a small file system in memory, gets full. A server that says for 75 seconds that it is
//! not well (`/healthz`) is restarted, as its service manager would: Debian's nats-server 2.9.10 can stand still for ever after
//! its disk was full.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;

use crate::batch::Archive;
use crate::generator::random::Random;
use crate::judges::may_be_asked;
use crate::program::sohoa;
use crate::service::signal;

use super::Running;

const NODES: usize = 3;
const WORKERS: usize = 2;
/// Minutes in which faults happen, where nobody says otherwise.
const MINUTES: u64 = 3;
/// Nobody panics while holding one.
const WHOLE: &str = "no thread panicked";
/// Longest that no page may come.
const STILL: Duration = Duration::from_secs(180);
/// How often a node is asked whether it is well, and how long it may be unwell, longer than any fault takes.
const ASK: Duration = Duration::from_secs(5);
const UNWELL: Duration = Duration::from_secs(75);

/// Where a node is: for clients, for the other nodes, and for who asks whether it is well.
struct Place {
    client: String,
    route: String,
    health: String,
}

/// Namespaces of the nodes, joined by a bridge: 10.77.N.0/24, the bridge is .1.
struct Network(u32);

impl Network {
    /// Nothing where they cannot be made.
    fn make() -> Option<Self> {
        let network = Self(std::process::id() % 200 + 20);
        network.remove();
        let bridge = network.bridge();
        let mut all = ip(&["link", "add", &bridge, "type", "bridge"])
            && ip(&["addr", "add", &format!("10.77.{}.1/24", network.0), "dev", &bridge])
            && ip(&["link", "set", &bridge, "up"]);
        for node in 0..NODES {
            let (space, link, address) = (network.space(node), network.link(node), network.address(node));
            all = all
                && ip(&["netns", "add", &space])
                && ip(&["link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &space])
                && ip(&["link", "set", &link, "master", &bridge, "up"])
                && ip(&["-n", &space, "addr", "add", &format!("{address}/24"), "dev", "eth0"])
                && ip(&["-n", &space, "link", "set", "eth0", "up"])
                && ip(&["-n", &space, "link", "set", "lo", "up"]);
        }
        all.then_some(network)
    }

    fn bridge(&self) -> String {
        format!("sohoa{}", self.0)
    }

    fn space(&self, node: usize) -> String {
        format!("sohoa{}-{node}", self.0)
    }

    fn link(&self, node: usize) -> String {
        format!("sohoa{}v{node}", self.0)
    }

    fn address(&self, node: usize) -> String {
        format!("10.77.{}.{}", self.0, node + 2)
    }

    fn remove(&self) {
        // What is not there need not go.
        for node in 0..NODES {
            ip(&["netns", "del", &self.space(node)]);
        }
        ip(&["link", "del", &self.bridge()]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.remove();
    }
}

fn ip(arguments: &[&str]) -> bool {
    let done = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

struct Cluster {
    archive: Archive,
    places: [Place; NODES],
    network: Option<Network>,
    nodes: [Mutex<Option<Running>>; NODES],
    workers: [Mutex<Option<Running>>; WORKERS],
    /// Starts of workers, for names of their logs.
    starts: Mutex<usize>,
    /// Held by whoever does something to a node.
    turn: Mutex<()>,
    /// The last node's disk, where it is one of its own.
    disk: Option<PathBuf>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter().for_each(|node| drop(node.lock().expect(WHOLE).take()));
        if let Some(disk) = &self.disk {
            drop(Command::new("umount").arg(disk).status());
        }
    }
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

impl Cluster {
    fn start(name: &str) -> Self {
        let archive = Archive::new(name);
        let disk = archive.folder.join("node-2");
        fs::create_dir(&disk).expect("our own folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=192m", "tmpfs"]).arg(&disk).status();
        let disk = mounted.is_ok_and(|status| status.success()).then_some(disk);
        let network = Network::make();
        let places = std::array::from_fn(|node| match &network {
            Some(network) => {
                let address = network.address(node);
                let at = |port: u16| format!("{address}:{port}");
                Place { client: at(4222), route: at(6222), health: at(8222) }
            }
            None => {
                let free = || format!("127.0.0.1:{}", port());
                Place { client: free(), route: free(), health: free() }
            }
        });
        let cluster = Self {
            archive,
            places,
            network,
            nodes: Default::default(),
            workers: Default::default(),
            starts: Mutex::new(0),
            turn: Mutex::new(()),
            disk,
        };
        (0..NODES).for_each(|node| cluster.serve(node));
        cluster
    }

    fn serve(&self, node: usize) {
        let Place { client, route, health } = &self.places[node];
        let (address, port) = client.split_once(':').expect("it has a port");
        let (_, health) = health.split_once(':').expect("it has a port");
        let routes: Vec<String> = self.places.iter().map(|place| format!("nats://{}", place.route)).collect();
        let file = |name: &str| self.archive.folder.join(name);
        let mut command = match &self.network {
            Some(network) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &network.space(node), "nats-server"]);
                command
            }
            None => Command::new("nats-server"),
        };
        let child = command
            .args(["-js", "-a", address, "-p", port, "-m", health, "-n", &format!("node-{node}")])
            .args(["--cluster_name", "sohoa", "--cluster", &format!("nats://{route}")])
            .args(["--routes", &routes.join(",")])
            .arg("-sd")
            .arg(file(&format!("node-{node}")).join("store"))
            .arg("-l")
            .arg(file(&format!("node-{node}.log")))
            .spawn()
            .expect("it is installed");
        *self.nodes[node].lock().expect(WHOLE) = Some(Running(child));
    }

    /// Whether a node says that it is well.
    fn is_well(&self, node: usize) -> bool {
        let ask = || -> Option<bool> {
            let mut stream = TcpStream::connect_timeout(&self.places[node].health.parse().ok()?, ASK).ok()?;
            stream.set_read_timeout(Some(ASK)).ok()?;
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").ok()?;
            let mut said = [0; 12];
            stream.read_exact(&mut said).ok()?;
            Some(said.ends_with(b" 200"))
        };
        ask().unwrap_or(false)
    }

    /// Restarts nodes that are unwell for too long, as a service manager does; how often.
    fn supervise(&self, is_over: &AtomicBool) -> usize {
        let (mut restarts, mut well) = (0, [Instant::now(); NODES]);
        while !is_over.load(Ordering::Relaxed) {
            for (node, well) in well.iter_mut().enumerate() {
                if self.is_well(node) {
                    *well = Instant::now();
                } else if well.elapsed() > UNWELL {
                    // Not in the middle of a fault.
                    let _turn = self.turn.lock().expect(WHOLE);
                    if !self.is_well(node) {
                        self.nodes[node].lock().expect(WHOLE).take().expect("it runs").kill();
                        self.serve(node);
                        restarts += 1;
                    }
                    *well = Instant::now();
                }
            }
            std::thread::sleep(ASK);
        }
        restarts
    }

    fn url(&self) -> String {
        let urls: Vec<String> = self.places.iter().map(|place| format!("nats://{}", place.client)).collect();
        urls.join(",")
    }

    fn work(&self, worker: usize) {
        let number = {
            let mut starts = self.starts.lock().expect(WHOLE);
            *starts += 1;
            *starts
        };
        let log = fs::File::create(self.archive.folder.join(format!("worker-{number}.jsonl"))).expect("our own folder");
        let mut command = sohoa();
        command.args(["worker", "--jobs", "1", "--json", "--replicas", "3", "--nats", &self.url()]);
        let child = command.stdout(log).stderr(Stdio::null()).spawn().expect("it starts");
        *self.workers[worker].lock().expect(WHOLE) = Some(Running(child));
    }

    /// Pages that workers made, in all their lives.
    fn made(&self) -> usize {
        let starts = *self.starts.lock().expect(WHOLE);
        let logs = (1..=starts).map(|number| self.archive.folder.join(format!("worker-{number}.jsonl")));
        logs.map(|log| fs::read_to_string(log).unwrap_or_default().matches(r#""event":"page""#).count()).sum()
    }

    /// The node that leads the queue.
    fn leader(&self) -> Option<usize> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asked = async {
            let servers: Vec<String> = self.url().split(',').map(str::to_owned).collect();
            let client = async_nats::connect(servers).await.ok()?;
            let mut stream = jetstream::new(client).get_stream("SOHOA_PAGES").await.ok()?;
            let leader = stream.info().await.ok()?.cluster.as_ref()?.leader.clone()?;
            leader.strip_prefix("node-")?.parse().ok()
        };
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(5), asked).await.ok().flatten() })
    }

    /// Does something bad, and mends it; says what it was.
    fn fault(&self, random: &mut Random) -> &'static str {
        let pause = |random: &mut Random, seconds: std::ops::Range<usize>| {
            std::thread::sleep(Duration::from_secs(random.whole(seconds) as u64));
        };
        let _turn = self.turn.lock().expect(WHOLE);
        let kinds = 4 + usize::from(self.disk.is_some()) + usize::from(self.network.is_some());
        match random.below(kinds) {
            0 => {
                let worker = random.below(WORKERS);
                self.workers[worker].lock().expect(WHOLE).take().expect("it runs").kill();
                self.work(worker);
                "worker killed"
            }
            1 => {
                let node = self.leader().unwrap_or(0);
                self.nodes[node].lock().expect(WHOLE).take().expect("it runs").kill();
                pause(random, 2..10);
                self.serve(node);
                "leader killed"
            }
            2 => {
                let node = random.below(NODES);
                self.nodes[node].lock().expect(WHOLE).take().expect("it runs").kill();
                pause(random, 2..10);
                self.serve(node);
                "node killed"
            }
            3 => {
                let node = self.leader().unwrap_or(0);
                let running = self.nodes[node].lock().expect(WHOLE);
                let running = running.as_ref().expect("it runs");
                signal(&running.0, "STOP");
                pause(random, 8..25);
                signal(&running.0, "CONT");
                "leader stopped"
            }
            4 if self.network.is_some() => {
                let (network, node) = (self.network.as_ref().expect("it has one"), self.leader().unwrap_or(0));
                assert!(ip(&["link", "set", &network.link(node), "down"]));
                pause(random, 10..60);
                assert!(ip(&["link", "set", &network.link(node), "up"]));
                "leader cut off"
            }
            _ => {
                let file = self.disk.as_ref().expect("it has one").join("full");
                // It fails when there is no room any more, as it should.
                drop(fs::write(&file, vec![0; 192 << 20]));
                pause(random, 5..15);
                fs::remove_file(file).expect("our own file");
                "disk full"
            }
        }
    }
}

#[test]
#[ignore = "minutes of faults: SOHOA_MINUTES=30 cargo test --release --test it -- --ignored --nocapture jetstream::cluster"]
fn whatever_happens_to_a_cluster_each_page_comes_once() {
    if !may_be_asked(Command::new("nats-server").arg("--version").output().is_ok()) {
        return;
    }
    let minutes = std::env::var("SOHOA_MINUTES").map_or(MINUTES, |minutes| minutes.parse().expect("minutes"));
    let cluster = Cluster::start("jetstream-cluster");
    cluster.archive.fill(2, 10, 5);
    let local = cluster.archive.digitise("local", &[]);
    assert_eq!(local.code, Some(0), "{local:?}");
    let expected = cluster.archive.files("local");
    (0..WORKERS).for_each(|worker| cluster.work(worker));

    let is_over = AtomicBool::new(false);
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let (faults, restarts, rounds, kills) = std::thread::scope(|scope| {
        let supervisor = scope.spawn(|| cluster.supervise(&is_over));
        let faults = scope.spawn(|| {
            let mut random = Random::new(minutes);
            let mut faults: Vec<(&'static str, Duration)> = Vec::new();
            while Instant::now() < until {
                std::thread::sleep(Duration::from_secs(random.whole(4..15) as u64));
                let what = cluster.fault(&mut random);
                // Until the next page comes.
                let (begun, before) = (Instant::now(), cluster.made());
                while cluster.made() == before && !is_over.load(Ordering::Relaxed) && begun.elapsed() < STILL {
                    std::thread::sleep(Duration::from_millis(50));
                }
                faults.push((what, begun.elapsed()));
            }
            faults
        });
        let (mut rounds, mut kills) = (0, 0);
        let mut random = Random::new(5);
        while Instant::now() < until || rounds == 0 {
            let out = format!("out-{rounds}");
            kills += submit(&cluster, &out, &mut random);
            assert_eq!(cluster.archive.files(&out), expected, "round {rounds}: byte by byte");
            fs::remove_dir_all(cluster.archive.folder.join(&out)).expect("our own folder");
            rounds += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        (faults.join().expect("it only makes faults"), supervisor.join().expect("it only asks"), rounds, kills)
    });
    println!(
        "{minutes} minutes: {rounds} rounds of {} pages, each whole and equal; {} pages made by workers, {kills} submitters killed, {restarts} servers restarted for being unwell",
        100,
        cluster.made()
    );
    for kind in ["worker killed", "leader killed", "node killed", "leader stopped", "leader cut off", "disk full"] {
        let mut times: Vec<Duration> = faults.iter().filter(|(what, _)| *what == kind).map(|(_, time)| *time).collect();
        times.sort();
        if let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) {
            println!("{kind}: {} times; next page after {median:.1?} (median), {longest:.1?} (longest)", times.len());
        }
    }
    assert!(faults.iter().all(|(_, time)| *time < STILL), "it stood still: {faults:?}");
}

/// Submits until all is done, through a kill now and then; how many there were.
fn submit(cluster: &Cluster, out: &str, random: &mut Random) -> usize {
    let mut kills = 0;
    loop {
        let url = cluster.url();
        let arguments =
            ["submit", "source", "--no-sign", "--quiet", "--replicas", "3", "--in-flight", "12", "--out", out];
        let mut command = cluster.archive.batch(&[&arguments[..], &["--nats", &url]].concat());
        let mut child = Running(command.stderr(Stdio::null()).spawn().expect("it starts"));
        let is_killed = kills < 1 && random.chance(0.5);
        let ends = Instant::now() + Duration::from_secs(random.whole(5..20) as u64);
        let patience = Instant::now() + 4 * STILL;
        let status = loop {
            if let Some(status) = child.0.try_wait().expect("our own child") {
                break Some(status);
            }
            if is_killed && Instant::now() > ends {
                child.kill();
                break None;
            }
            assert!(Instant::now() < patience, "{out} does not end");
            std::thread::sleep(Duration::from_millis(100));
        };
        match status {
            Some(status) if status.code() == Some(0) => return kills,
            // No server answered just then.
            Some(status) => assert_eq!(status.code(), Some(10), "{out}"),
            None => kills += 1,
        }
    }
}
