//! A machine that makes pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;

use crate::imaging::decode::Limits;
use crate::input;
use crate::manifest::sha256_hex;
use crate::page::{Page, PageError, Settings};
use crate::shelf::Tools;

use super::{
    Dead, Engine, HEARTBEAT, HEARTBEATS, Heartbeat, NatsError, PAUSE, SIGN_OF_LIFE, Server, TRIED, TRIES, Task,
    made_subject, packed, tried_subject,
};

/// How long a worker waits for a page before it asks anew.
const WAIT: Duration = Duration::from_secs(5);

/// What a worker did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Worked {
    /// It is connected and takes pages.
    Ready,
    /// A page is made.
    Made {
        /// How long it took, milliseconds.
        ms: u64,
    },
    /// A page cannot be made, and that is said.
    Failed,
    /// A page was given up: it ended too many workers.
    GivenUp,
    /// The server refused something; it is tried again.
    Trouble,
}

/// Makes pages until `stop` is set; those in hand are finished then. `on_event` hears of each.
///
/// # Errors
/// When the engine cannot be reached at all.
pub fn work(
    server: &Server,
    name: &str,
    tools: &Arc<Tools>,
    stop: &AtomicBool,
    on_event: &(dyn Fn(Worked) + Sync),
) -> Result<(), NatsError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let gives_up = |_| {
            on_event(Worked::Trouble);
            stop.load(Ordering::Relaxed)
        };
        let engine = match Engine::connect(server, name, true, gives_up).await {
            Err(_) if stop.load(Ordering::Relaxed) => return Ok(()),
            connected => connected?,
        };
        let release = tools.release();
        let heartbeat = Heartbeat {
            worker: name.to_owned(),
            release: release.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let heartbeats = tokio::spawn(beat(engine.clone(), heartbeat));
        on_event(Worked::Ready);
        let captures = Captures(tokio::sync::Mutex::default());
        // One page more than there are threads: its capture is fetched meanwhile.
        let slots = (0..=tools.pool.workers()).map(|_| serve(&engine, &captures, &release, tools, stop, on_event));
        futures_util::future::join_all(slots).await;
        heartbeats.abort();
        Ok(())
    })
}

async fn beat(engine: Engine, heartbeat: Heartbeat) {
    let payload = serde_json::to_vec(&heartbeat).expect("plain values");
    loop {
        // Nobody needs to hear a single one.
        drop(engine.client.publish(HEARTBEATS, payload.clone().into()).await);
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// Takes one page after the other.
async fn serve(
    engine: &Engine,
    captures: &Captures,
    release: &str,
    tools: &Arc<Tools>,
    stop: &AtomicBool,
    on_event: &(dyn Fn(Worked) + Sync),
) {
    let mut queue: Option<PullConsumer> = None;
    while !stop.load(Ordering::Relaxed) {
        let taken = match &queue {
            None => match engine.queue(release).await {
                Ok(found) => {
                    queue = Some(found);
                    continue;
                }
                Err(_) => Err(()),
            },
            Some(queue) => take(queue).await,
        };
        let done = match taken {
            Ok(None) => continue,
            Ok(Some(message)) => handle(engine, captures, message, tools).await,
            Err(()) => Err(()),
        };
        match done {
            Ok(worked) => on_event(worked),
            Err(()) => {
                on_event(Worked::Trouble);
                // The queue may have gone with its server.
                queue = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The next message, if one comes in time.
async fn take(queue: &PullConsumer) -> Result<Option<Message>, ()> {
    let mut batch = queue.batch().max_messages(1).expires(WAIT).messages().await.map_err(drop)?;
    match batch.next().await {
        None => Ok(None),
        Some(message) => message.map(Some).map_err(drop),
    }
}

/// Makes the page of a message. An error is one of the server: the message comes again.
async fn handle(engine: &Engine, captures: &Captures, message: Message, tools: &Arc<Tools>) -> Result<Worked, ()> {
    let is_first = message.info().map_err(drop)?.delivered <= 1;
    let (message, acker) = message.split();
    let acker = Arc::new(acker);
    let Ok(task) = serde_json::from_slice::<Task>(&message.payload) else {
        // Not ours, and never will be.
        acker.ack_with(AckKind::Term).await.map_err(drop)?;
        return Ok(Worked::Failed);
    };
    if engine.made.info(&task.name).await.is_ok_and(|info| !info.deleted) {
        told(engine, &task, &acker).await?;
        return Ok(Worked::Made { ms: 0 });
    }
    // Only tries that came to the page itself count: a server that refuses is not the page's fault.
    let tries = if is_first { 0 } else { tried(engine, &task).await? };
    if tries >= TRIES {
        give_up(engine, &task, tries).await?;
        told(engine, &task, &acker).await?;
        return Ok(Worked::GivenUp);
    }
    let working = Arc::clone(&acker);
    let signs = tokio::spawn(async move {
        loop {
            tokio::time::sleep(SIGN_OF_LIFE).await;
            // Where it is not heard, another makes the page, too.
            drop(working.ack_with(AckKind::Progress).await);
        }
    });
    let done = make(engine, captures, &task, tries, tools).await;
    signs.abort();
    match done? {
        // Nobody waits for it any more, or who does sees that it is off the queue and sends it again.
        None => {
            acker.ack_with(AckKind::Term).await.map_err(drop)?;
            Ok(Worked::Failed)
        }
        Some(worked) => {
            told(engine, &task, &acker).await?;
            Ok(worked)
        }
    }
}

/// Fetches the capture, makes the page and puts it where it is looked for; `None` when the capture is gone or damaged.
async fn make(
    engine: &Engine,
    captures: &Captures,
    task: &Task,
    tries: u32,
    tools: &Arc<Tools>,
) -> Result<Option<Worked>, ()> {
    let started = Instant::now();
    let Some(bytes) = captures.fetch(engine, &task.sha256).await? else { return Ok(None) };
    write_tries(engine, task, tries + 1).await?;
    let (tools, page, settings, edit) = (Arc::clone(tools), task.page, task.settings.clone(), task.edit.clone());
    let outcome =
        tokio::task::spawn_blocking(move || process(&tools, bytes, page, settings, &edit)).await.map_err(drop)?;
    put(engine, &task.name, &packed(&outcome)).await?;
    Ok(Some(match outcome {
        Ok(_) => Worked::Made { ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) },
        Err(_) => Worked::Failed,
    }))
}

fn process(
    tools: &Tools,
    bytes: Arc<[u8]>,
    page: usize,
    settings: Settings,
    edit: &crate::model::Edit,
) -> Result<Page, PageError> {
    // What a decoder may be asked for is this machine's to say.
    let limits: Limits = tools.settings.limits;
    let settings = Settings { limits, ..settings };
    let frames = input::open(bytes, &limits)?;
    let frame = frames.get(page.wrapping_sub(1)).ok_or(PageError::Input(input::InputError::Changed))?;
    tools.make(frame, &settings, edit)
}

/// The capture that was wanted last: the pages of a long one come one after the other.
struct Captures(tokio::sync::Mutex<Option<(String, Arc<[u8]>)>>);

impl Captures {
    /// A capture, if it is there whole.
    async fn fetch(&self, engine: &Engine, sha256: &str) -> Result<Option<Arc<[u8]>>, ()> {
        // One at a time: more would not come sooner over one network.
        let mut last = self.0.lock().await;
        if let Some((_, bytes)) = last.as_ref().filter(|(name, _)| name == sha256) {
            return Ok(Some(Arc::clone(bytes)));
        }
        // Not held while its successor comes.
        *last = None;
        let Some(bytes) = fetch(engine, sha256).await? else { return Ok(None) };
        let bytes: Arc<[u8]> = bytes.into();
        *last = Some((sha256.to_owned(), Arc::clone(&bytes)));
        Ok(Some(bytes))
    }
}

/// A capture from the server; `None` where it is not there or cannot be read whole, and is to be sent anew.
async fn fetch(engine: &Engine, sha256: &str) -> Result<Option<Vec<u8>>, ()> {
    use async_nats::jetstream::object_store::GetErrorKind;
    let mut object = match engine.captures.get(sha256).await {
        Ok(object) => object,
        Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(()),
    };
    let mut bytes = Vec::with_capacity(object.info().size);
    let time = super::time_for(object.info().size);
    let is_read = tokio::time::timeout(time, object.read_to_end(&mut bytes)).await.is_ok_and(|read| read.is_ok());
    Ok((is_read && sha256_hex(&bytes) == sha256).then_some(bytes))
}

async fn put(engine: &Engine, name: &str, bytes: &[u8]) -> Result<(), ()> {
    let mut bytes = bytes;
    engine.made.put(name, &mut bytes).await.map(drop).map_err(drop)
}

/// How often workers began a page.
async fn tried(engine: &Engine, task: &Task) -> Result<u32, ()> {
    let stream = engine.jetstream.get_stream(TRIED).await.map_err(drop)?;
    match stream.get_last_raw_message_by_subject(&tried_subject(&task.name)).await {
        Ok(message) => Ok(std::str::from_utf8(&message.payload).ok().and_then(|count| count.parse().ok()).unwrap_or(0)),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
        Err(_) => Err(()),
    }
}

async fn write_tries(engine: &Engine, task: &Task, tries: u32) -> Result<(), ()> {
    let written = engine.jetstream.publish(tried_subject(&task.name), tries.to_string().into()).await.map_err(drop)?;
    written.await.map(drop).map_err(drop)
}

/// A page that ended so many workers is not tried again, unless a person wants it.
async fn give_up(engine: &Engine, task: &Task, tries: u32) -> Result<(), ()> {
    let vi = format!("{tries} máy đã dừng khi xử lý trang này nên không thử nữa; hãy gửi tệp cho người bảo trì");
    let en = format!("{tries} workers ended at this page, and it is not tried again; send the file to the maintainers");
    let dead = Dead { task: task.clone(), tries, reason: en.clone() };
    let payload = serde_json::to_vec(&dead).expect("plain values");
    let subject = format!("sohoa.dead.{}", task.batch);
    let published = engine.jetstream.publish(subject, payload.into()).await.map_err(drop)?;
    published.await.map_err(drop)?;
    write_tries(engine, task, 0).await?;
    put(engine, &task.name, &packed(&Err(PageError::Elsewhere { vi, en, passing: true }))).await
}

/// Says that a page is there, and takes it off the queue.
async fn told(engine: &Engine, task: &Task, acker: &Acker) -> Result<(), ()> {
    engine.client.publish(made_subject(&task.batch), task.name.clone().into()).await.map_err(drop)?;
    acker.double_ack().await.map_err(drop)
}
