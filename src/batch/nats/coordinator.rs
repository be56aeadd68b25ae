//! The machine that has pages made by others, and waits for them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::object_store::GetErrorKind;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::input::InputError;
use crate::manifest::sha256_hex;
use crate::page::{Page, PageError};
use crate::shelf::{Elsewhere, Shelf, Wanted};

use super::{
    Engine, FIRST_TRIES, HEARTBEAT, HEARTBEATS, Heartbeat, LOOK, NatsError, PAGES, PAUSE, Server, Task, made_subject,
    subject, time_for, unpacked,
};

/// Tries to read a page before it is made again.
const READS: u32 = 3;
/// How often it is looked whether the server still has what was set up.
const MEND: Duration = Duration::from_secs(10);
/// How often the order to stop is looked for.
const STEP: Duration = Duration::from_millis(250);

/// Has pages made by workers.
#[expect(missing_debug_implementations, reason = "a connection has nothing to show")]
pub struct Coordinator {
    runtime: Runtime,
    engine: Engine,
    shelf: Arc<Shelf>,
    release: String,
    batch: String,
    /// Of this run: a message that is published again by it is the same, one of another run is not.
    run: String,
    messages: AtomicU64,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
}

/// What listeners tell those who wait.
#[derive(Default)]
struct Shared {
    /// Pages that are waited for.
    waiting: Mutex<HashMap<String, Arc<Notify>>>,
    /// Captures and pages that are wanted, each by so many at a time.
    captures: Users,
    pages: Users,
    /// Workers that were heard: name, release and version, and when.
    workers: Mutex<BTreeMap<String, (Heartbeat, Instant)>>,
    /// Times that the server refused something, and what it said last.
    troubles: Mutex<(u64, String)>,
}

impl Shared {
    fn refuse(&self, reason: String) {
        let mut troubles = locked(&self.troubles);
        *troubles = (troubles.0 + 1, reason);
    }
}

/// What several threads want, one at a time.
#[derive(Default)]
struct Users(Mutex<HashMap<String, User>>);

#[derive(Default)]
struct User {
    turn: Arc<tokio::sync::Mutex<()>>,
    count: usize,
}

impl Users {
    /// One more wants it: the right to be at it, to wait for.
    fn join(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut users = locked(&self.0);
        let user = users.entry(name.to_owned()).or_default();
        user.count += 1;
        Arc::clone(&user.turn)
    }

    /// One wants it no more; whether nobody does.
    fn leave(&self, name: &str) -> bool {
        let mut users = locked(&self.0);
        let Some(user) = users.get_mut(name) else { return true };
        user.count -= 1;
        if user.count > 0 {
            return false;
        }
        users.remove(name);
        true
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Coordinator {
    /// Connects for the batch of this name. `run` is another text in every run.
    ///
    /// # Errors
    /// When the engine cannot be reached.
    pub fn connect(
        server: &Server,
        shelf: Arc<Shelf>,
        batch: &str,
        run: &str,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, NatsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let engine = runtime.block_on(Engine::connect(server, "sohoa batch", false, |tries| tries >= FIRST_TRIES))?;
        let release = shelf.tools().release();
        // There before the first worker comes: pages wait for it.
        runtime.block_on(engine.queue(&release))?;
        let shared = Arc::new(Shared::default());
        let refused = |error: async_nats::SubscribeError| NatsError::JetStream(error.to_string());
        let made = runtime.block_on(engine.client.subscribe(made_subject(batch))).map_err(refused)?;
        let beats = runtime.block_on(engine.client.subscribe(HEARTBEATS)).map_err(refused)?;
        runtime.spawn(hear_pages(made, Arc::clone(&shared)));
        runtime.spawn(hear_workers(beats, Arc::clone(&shared)));
        runtime.spawn(mend(engine.clone(), release.clone(), Arc::clone(&shared)));
        let (batch, run) = (batch.to_owned(), run.to_owned());
        Ok(Self { runtime, engine, shelf, release, batch, run, messages: AtomicU64::new(0), shared, stop })
    }

    /// Workers that were heard lately: those of this release, and the versions of others.
    pub fn workers(&self) -> (usize, Vec<String>) {
        let workers = locked(&self.shared.workers);
        let heard = workers.values().filter(|(_, time)| time.elapsed() < 3 * HEARTBEAT).map(|(beat, _)| beat);
        let (ours, others): (Vec<_>, Vec<_>) = heard.partition(|beat| beat.release == self.release);
        (ours.len(), others.into_iter().map(|beat| format!("{} ({})", beat.worker, beat.version)).collect())
    }

    /// How often the server refused something, and it was tried again; what it said last.
    pub fn troubles(&self) -> (u64, String) {
        locked(&self.shared.troubles).clone()
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Does something until the server takes it.
    async fn insist<T, E: std::fmt::Display>(
        &self,
        mut what: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, PageError> {
        loop {
            match what().await {
                Ok(done) => return Ok(done),
                Err(_) if self.is_stopping() => return Err(PageError::Stopped),
                Err(error) => {
                    self.shared.refuse(error.to_string());
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn made_elsewhere(
        &self,
        file: &Path,
        wanted: Wanted<'_>,
        task: &Task,
        sending: &tokio::sync::Mutex<()>,
    ) -> Result<Page, PageError> {
        let arrived = Arc::new(Notify::new());
        locked(&self.shared.waiting).insert(task.name.clone(), Arc::clone(&arrived));
        let result = self.wait_for(file, wanted, task, sending, &arrived).await;
        locked(&self.shared.waiting).remove(&task.name);
        result
    }

    async fn wait_for(
        &self,
        file: &Path,
        wanted: Wanted<'_>,
        task: &Task,
        sending: &tokio::sync::Mutex<()>,
        arrived: &Notify,
    ) -> Result<Page, PageError> {
        // A run before this one may have had it made.
        if let Some(outcome) = self.take(wanted, &task.name).await? {
            return outcome;
        }
        let mut sequence = self.send(file, task, sending, false).await?;
        let mut looked = Instant::now();
        loop {
            let is_there = tokio::time::timeout(STEP, arrived.notified()).await.is_ok();
            if self.is_stopping() {
                return Err(PageError::Stopped);
            }
            if !is_there && looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            let is_in_queue = self.is_in_queue(sequence).await?;
            // Looked for after the queue: a worker puts a page first, and takes its message off the queue then.
            if let Some(outcome) = self.take(wanted, &task.name).await? {
                return outcome;
            }
            if !is_in_queue {
                // The capture was not there whole, the page was damaged, or the server lost something. Made twice it is the same.
                sequence = self.send(file, task, sending, true).await?;
            }
        }
    }

    /// Whether a message waits for a worker, or for one to be done with it.
    async fn is_in_queue(&self, sequence: u64) -> Result<bool, PageError> {
        self.insist(async || {
            let stream = self.engine.jetstream.get_stream_no_info(PAGES).await.map_err(|error| error.to_string())?;
            match stream.get_raw_message(sequence).await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(false),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Puts a capture where workers find it, and its page into their queue: the number of its message. A capture that lies there
    /// stays, but not when it is sent `again`: it may be damaged.
    async fn send(
        &self,
        file: &Path,
        task: &Task,
        sending: &tokio::sync::Mutex<()>,
        again: bool,
    ) -> Result<u64, PageError> {
        // The pages of one capture are sent one after the other: the first sends it, the others find it there.
        let one = sending.lock().await;
        if again || !self.engine.captures.info(&task.sha256).await.is_ok_and(|info| !info.deleted) {
            let bytes = std::fs::read(file).map_err(|error| InputError::Unreadable(error.kind()))?;
            if sha256_hex(&bytes) != task.sha256 {
                return Err(InputError::Changed.into());
            }
            self.insist(async || self.engine.captures.put(&*task.sha256, &mut &bytes[..]).await).await?;
        }
        drop(one);
        let payload = serde_json::to_vec(task).expect("plain values");
        let mut headers = HeaderMap::new();
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        headers.insert("Nats-Msg-Id", format!("{}.{number}", self.run));
        let sent = self
            .insist(async || {
                let subject = subject(&self.release, &self.batch);
                let sent = self.engine.jetstream.publish_with_headers(subject, headers.clone(), payload.clone().into());
                sent.await?.await
            })
            .await?;
        Ok(sent.sequence)
    }

    /// What workers made of a page, if it is there; it is taken away.
    async fn take(&self, wanted: Wanted<'_>, name: &str) -> Result<Option<Result<Page, PageError>>, PageError> {
        let mut failures = 0;
        let bytes = self
            .insist(async || match self.engine.made.get(name).await {
                Ok(mut object) => {
                    let size = object.info().size;
                    let mut bytes = Vec::with_capacity(size);
                    let read = tokio::time::timeout(time_for(size), object.read_to_end(&mut bytes)).await;
                    failures += 1;
                    match read.map_err(std::io::Error::from).flatten() {
                        Err(reason) if failures < READS => Err(reason.to_string()),
                        // What cannot be read is to be made again.
                        Err(_) => Ok(Some(Vec::new())),
                        Ok(_) => Ok(Some(bytes)),
                    }
                }
                Err(error) if error.kind() == GetErrorKind::NotFound => Ok(None),
                Err(error) => Err(error.to_string()),
            })
            .await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let outcome = unpacked(&bytes);
        // One that is damaged is sent again: its message is off the queue.
        if let Some(Ok(_)) = &outcome {
            self.shelf.put_packed(wanted, &bytes[1..]);
        }
        // What is not removed now goes with its age.
        drop(self.engine.made.delete(name).await);
        Ok(outcome)
    }
}

impl Elsewhere for Coordinator {
    fn page(&self, file: &Path, wanted: Wanted<'_>) -> Result<Page, PageError> {
        let task = Task {
            batch: self.batch.clone(),
            name: self.shelf.name(wanted),
            sha256: wanted.sha256.to_owned(),
            page: wanted.page,
            settings: self.shelf.tools().settings.clone(),
            edit: wanted.edit.clone(),
        };
        // The same page of two dossiers is made once.
        let (name, sha256) = (&task.name, &task.sha256);
        let (turn, sending) = (self.shared.pages.join(name), self.shared.captures.join(sha256));
        let result = self.runtime.block_on(async {
            let _one = turn.lock().await;
            match self.shelf.get(wanted) {
                Some(page) => Ok(page),
                None => self.made_elsewhere(file, wanted, &task, &sending).await,
            }
        });
        self.shared.pages.leave(name);
        if self.shared.captures.leave(sha256) && !self.is_stopping() {
            // What is not removed now goes with its age.
            drop(self.runtime.block_on(self.engine.captures.delete(sha256)));
        }
        result
    }
}

async fn hear_pages(mut notes: async_nats::Subscriber, shared: Arc<Shared>) {
    while let Some(note) = notes.next().await {
        let name = String::from_utf8_lossy(&note.payload);
        if let Some(arrived) = locked(&shared.waiting).get(&*name) {
            arrived.notify_one();
        }
    }
}

/// Sets up again what the server lost, as one that came back with an empty disk; what lay there is sent again by those who wait
/// for it.
async fn mend(engine: Engine, release: String, shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(MEND).await;
        let mended = match engine.mend().await {
            Ok(()) => engine.queue(&release).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = mended {
            shared.refuse(error.to_string());
        }
    }
}

async fn hear_workers(mut beats: async_nats::Subscriber, shared: Arc<Shared>) {
    while let Some(beat) = beats.next().await {
        if let Ok(beat) = serde_json::from_slice::<Heartbeat>(&beat.payload) {
            locked(&shared.workers).insert(beat.worker.clone(), (beat, Instant::now()));
        }
    }
}
