//! The machine that has pages made by others, and waits for them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::object_store::GetErrorKind;
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::input::InputError;
use crate::page::{Page, PageError};
use crate::shelf::{Elsewhere, Shelf, Wanted};

use super::{
    Engine, HEARTBEAT, HEARTBEATS, Heartbeat, LOOK, NatsError, PAUSE, Server, Task, made_subject, subject, unpacked,
};

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
    /// Pages that are waited for; the flag says that the capture was gone.
    waiting: Mutex<HashMap<String, (Arc<Notify>, bool)>>,
    /// Captures whose pages are waited for, and by how many.
    captures: Mutex<HashMap<String, (Arc<tokio::sync::Mutex<()>>, usize)>>,
    /// Workers that were heard: name, release and version, and when.
    workers: Mutex<BTreeMap<String, (Heartbeat, Instant)>>,
    /// Times that the server refused something.
    troubles: AtomicU64,
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
        let engine = runtime.block_on(Engine::connect(server, "sohoa batch", false))?;
        let release = shelf.tools().release();
        // There before the first worker comes: pages wait for it.
        runtime.block_on(engine.queue(&release))?;
        let shared = Arc::new(Shared::default());
        let refused = |error: async_nats::SubscribeError| NatsError::JetStream(error.to_string());
        let made = runtime.block_on(engine.client.subscribe(made_subject(batch))).map_err(refused)?;
        let beats = runtime.block_on(engine.client.subscribe(HEARTBEATS)).map_err(refused)?;
        runtime.spawn(hear_pages(made, Arc::clone(&shared)));
        runtime.spawn(hear_workers(beats, Arc::clone(&shared)));
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

    /// How often the server refused something, and it was tried again.
    pub fn troubles(&self) -> u64 {
        self.shared.troubles.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Does something until the server takes it.
    async fn insist<T, E>(&self, mut what: impl AsyncFnMut() -> Result<T, E>) -> Result<T, PageError> {
        loop {
            match what().await {
                Ok(done) => return Ok(done),
                Err(_) if self.is_stopping() => return Err(stopped()),
                Err(_) => {
                    self.shared.troubles.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn made_elsewhere(&self, file: &Path, task: &Task) -> Result<Page, PageError> {
        let arrived = Arc::new(Notify::new());
        locked(&self.shared.waiting).insert(task.name.clone(), (Arc::clone(&arrived), false));
        let result = self.wait_for(file, task, &arrived).await;
        locked(&self.shared.waiting).remove(&task.name);
        result
    }

    async fn wait_for(&self, file: &Path, task: &Task, arrived: &Notify) -> Result<Page, PageError> {
        // A run before this one may have had it made.
        if let Some(outcome) = self.take(&task.name).await? {
            return outcome;
        }
        self.send(file, task).await?;
        let mut looked = Instant::now();
        loop {
            let is_there = tokio::time::timeout(STEP, arrived.notified()).await.is_ok();
            if self.is_stopping() {
                return Err(stopped());
            }
            if !is_there && looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            if let Some(outcome) = self.take(&task.name).await? {
                return outcome;
            }
            let is_gone = match locked(&self.shared.waiting).get_mut(&task.name) {
                Some((_, is_gone)) => std::mem::take(is_gone),
                None => false,
            };
            if is_gone {
                self.send(file, task).await?;
            }
        }
    }

    /// Puts a capture where workers find it, and its page into their queue.
    async fn send(&self, file: &Path, task: &Task) -> Result<(), PageError> {
        let lock = locked(&self.shared.captures).get(&task.sha256).map(|(lock, _)| Arc::clone(lock));
        if let Some(lock) = lock {
            let _one = lock.lock().await;
            let is_there = async || self.engine.captures.info(&task.sha256).await.is_ok_and(|info| !info.deleted);
            if !is_there().await {
                let bytes = std::fs::read(file).map_err(|error| InputError::Unreadable(error.kind()))?;
                self.insist(async || self.engine.captures.put(&*task.sha256, &mut &bytes[..]).await).await?;
            }
        }
        let payload = serde_json::to_vec(task).expect("plain values");
        let mut headers = HeaderMap::new();
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        headers.insert("Nats-Msg-Id", format!("{}.{number}", self.run));
        self.insist(async || {
            let subject = subject(&self.release, &self.batch);
            let sent = self.engine.jetstream.publish_with_headers(subject, headers.clone(), payload.clone().into());
            sent.await?.await
        })
        .await?;
        Ok(())
    }

    /// What workers made of a page, if it is there; it is taken away.
    async fn take(&self, name: &str) -> Result<Option<Result<Page, PageError>>, PageError> {
        let bytes = self
            .insist(async || match self.engine.made.get(name).await {
                Ok(mut object) => {
                    let mut bytes = Vec::with_capacity(object.info().size);
                    let read = tokio::time::timeout(super::SILENCE, object.read_to_end(&mut bytes)).await;
                    read.map_err(drop)?.map_err(drop)?;
                    Ok(Some(bytes))
                }
                Err(error) if error.kind() == GetErrorKind::NotFound => Ok(None),
                Err(_) => Err(()),
            })
            .await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let outcome = unpacked(&bytes);
        self.remove(self.engine.made.delete(name)).await;
        Ok(outcome)
    }

    /// What is not removed now goes with its age.
    async fn remove<E>(&self, removing: impl Future<Output = Result<(), E>>) {
        if removing.await.is_err() {
            self.shared.troubles.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn stopped() -> PageError {
    InputError::Unreadable(std::io::ErrorKind::Interrupted).into()
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
        locked(&self.shared.captures).entry(task.sha256.clone()).or_default().1 += 1;
        let result = self.runtime.block_on(self.made_elsewhere(file, &task));
        let is_last = {
            let mut captures = locked(&self.shared.captures);
            let users = captures.get_mut(&task.sha256).map_or(0, |(_, users)| {
                *users -= 1;
                *users
            });
            if users == 0 {
                captures.remove(&task.sha256);
            }
            users == 0
        };
        if is_last && !self.is_stopping() {
            self.runtime.block_on(self.remove(self.engine.captures.delete(&task.sha256)));
        }
        result
    }
}

async fn hear_pages(mut notes: async_nats::Subscriber, shared: Arc<Shared>) {
    while let Some(note) = notes.next().await {
        let text = String::from_utf8_lossy(&note.payload).into_owned();
        let Some((what, name)) = text.split_once(' ') else { continue };
        if let Some((arrived, is_gone)) = locked(&shared.waiting).get_mut(name) {
            *is_gone |= what == "gone";
            arrived.notify_one();
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
