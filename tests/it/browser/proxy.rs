//! A bad network between a browser and the service: a TCP proxy that cuts connections, is slow, far away, or loses bytes.
//!
//! What packets lost look like above TCP: the system sends them again, so a connection stands still, and where too many are
//! lost it dies. So does one here, each chunk of at most [`CHUNK`] bytes with the chance given; while it stands still neither
//! end hears of the other, not even that it has closed. Chances come from a seeded generator; which connection draws which of
//! them the threads decide, so a seed repeats a mood, not a run.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::generator::random::Random;

/// Most bytes that go on at once: about what a packet carries.
const CHUNK: usize = 1400;

/// What a network does to what it carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// Time from one end to the other.
    pub(crate) delay: Duration,
    /// Bytes a second in each direction, of all connections together.
    pub(crate) bytes_per_second: Option<u32>,
    /// Chance that a connection is cut within a chunk.
    pub(crate) cut: f64,
    /// Chance that a connection stands still at a chunk, and dies.
    pub(crate) loss: f64,
    /// For how long it stands still before it dies.
    pub(crate) stall: Duration,
}

/// A network that does nothing to it.
pub(crate) const CALM: Conditions =
    Conditions { delay: Duration::ZERO, bytes_per_second: None, cut: 0.0, loss: 0.0, stall: Duration::from_secs(3) };

/// What has happened so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    /// Connections cut.
    pub(crate) cuts: u64,
    /// Connections that came to a stand.
    pub(crate) losses: u64,
    /// Bytes that came from the browser and went on.
    pub(crate) sent: u64,
}

/// The proxy. Its threads end with the connections, those with the browser or the service.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    link: Arc<Link>,
}

struct Link {
    conditions: Mutex<Conditions>,
    random: Mutex<Random>,
    /// When the line to the service and the line back are free again.
    free: [Mutex<Instant>; 2],
    cuts: AtomicU64,
    losses: AtomicU64,
    sent: AtomicU64,
    is_over: AtomicBool,
}

/// To the service, or back from it: the place in [`Link::free`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    To = 0,
    Back = 1,
}

/// What becomes of a chunk.
enum Fate {
    Passes,
    /// Only so many of its bytes do, then the connection is cut.
    Cut(usize),
    Lost,
}

impl Proxy {
    /// A proxy to the service at this address.
    pub(crate) fn to(service: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let link = Arc::new(Link {
            conditions: Mutex::new(CALM),
            random: Mutex::new(Random::new(seed)),
            free: [Mutex::new(Instant::now()), Mutex::new(Instant::now())],
            cuts: AtomicU64::new(0),
            losses: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&link);
        spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                if accepting.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // While the service is down its address refuses, and the browser finds the connection closed.
                if let Ok(service) = TcpStream::connect(service) {
                    carry(&accepting, &browser, &service);
                }
            }
        });
        Self { address, link }
    }

    /// Changes the network.
    pub(crate) fn set(&self, conditions: Conditions) {
        *self.link.conditions.lock().unwrap_or_else(PoisonError::into_inner) = conditions;
    }

    /// What has happened since the beginning.
    pub(crate) fn happened(&self) -> Happened {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Happened { cuts: count(&self.link.cuts), losses: count(&self.link.losses), sent: count(&self.link.sent) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.link.is_over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// Carries a connection on threads of its own.
fn carry(link: &Arc<Link>, browser: &TcpStream, service: &TcpStream) {
    let still_until = Arc::new(Mutex::new(None));
    for (from, to, direction) in [(browser, service, Direction::To), (service, browser, Direction::Back)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let (link, still_until) = (Arc::clone(link), Arc::clone(&still_until));
        spawn(move || link.pump(from, to, direction, &still_until));
    }
}

impl Link {
    /// Carries one direction to its end. `still_until` is shared by both: when the connection, that stands still, dies.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, direction: Direction, still_until: &Mutex<Option<Instant>>) {
        let mut chunk = [0; CHUNK];
        let mut last = None::<Instant>;
        loop {
            let read = from.read(&mut chunk);
            let conditions = *self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
            let until = *still_until.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(until) = until {
                sleep(until.saturating_duration_since(Instant::now()));
                break;
            }
            let Ok(count @ 1..) = read else { break };
            // What follows closely is on its way already.
            if last.is_none_or(|last| last.elapsed() > conditions.delay) {
                sleep(conditions.delay);
            }
            self.wait_for_line(count, direction, &conditions);
            let fate = self.fate(count, &conditions);
            let passing = match fate {
                Fate::Passes => count,
                Fate::Cut(passing) => passing,
                Fate::Lost => 0,
            };
            let is_through = to.write_all(&chunk[..passing]).is_ok();
            if direction == Direction::To {
                self.sent.fetch_add(passing as u64, Ordering::Relaxed);
            }
            match fate {
                Fate::Passes if is_through => last = Some(Instant::now()),
                Fate::Passes => break,
                Fate::Cut(_) => {
                    self.cuts.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Fate::Lost => {
                    let until = Instant::now() + conditions.stall;
                    *still_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                    self.losses.fetch_add(1, Ordering::Relaxed);
                    sleep(conditions.stall);
                    break;
                }
            }
        }
        drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
    }

    /// Waits until a line of this speed has taken so many bytes.
    fn wait_for_line(&self, count: usize, direction: Direction, conditions: &Conditions) {
        let Some(rate) = conditions.bytes_per_second else { return };
        let taken = {
            let mut free = self.free[direction as usize].lock().unwrap_or_else(PoisonError::into_inner);
            *free = (*free).max(Instant::now()) + Duration::from_secs_f64(count as f64 / f64::from(rate));
            *free
        };
        sleep(taken.saturating_duration_since(Instant::now()));
    }

    fn fate(&self, count: usize, conditions: &Conditions) -> Fate {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if random.chance(conditions.cut) {
            Fate::Cut(random.below(count + 1))
        } else if random.chance(conditions.loss) {
            Fate::Lost
        } else {
            Fate::Passes
        }
    }
}
