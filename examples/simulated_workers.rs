//! Workers that sleep: what they say to the engine and what goes over the wire is that of real ones, but a page takes no CPU.
//!
//! `simulated_workers URL WORKERS MILLISECONDS CAPTURE` has so many workers take pages from the queue of whatever batch is submitted,
//! fetch the capture, sleep, and answer with the page that `CAPTURE` (a picture) became once at the start. `benches/batch --simulated` asks
//! with them what coordinator and queue cost. What comes out is of course not what went in.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::object_store::ObjectStore;
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use serde_json::Value;
use sohoa::batch::nats::{CAPTURES, MADE, PAGES};
use sohoa::input;
use sohoa::model::Edit;
use sohoa::ocr::lstm::Lstm;
use sohoa::page::{self, Settings};
use sohoa::shelf;
use tokio::io::AsyncReadExt;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, workers, milliseconds, capture] = &arguments[..] else {
        return Err("simulated_workers URL WORKERS MILLISECONDS CAPTURE".into());
    };
    let pause = Duration::from_millis(milliseconds.parse()?);
    let workers: usize = workers.parse()?;
    let answer: Arc<[u8]> = [&b"+"[..], &page_of(capture)?].concat().into();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let jetstream = jetstream::new(async_nats::connect(url).await?);
        let tasks = (0..workers).map(|_| tokio::spawn(work(jetstream.clone(), Arc::clone(&answer), pause)));
        for task in futures_util::future::join_all(tasks).await {
            task??;
        }
        Ok(())
    })
}

/// What a capture becomes, packed.
fn page_of(capture: &str) -> Result<Vec<u8>, Failure> {
    let model = std::env::var_os("SOHOA_MODELS").map_or_else(|| PathBuf::from("models"), PathBuf::from);
    let model = model.join("vie.traineddata");
    let engine = Lstm::new(&std::fs::read(&model)?, &model)?;
    let settings = Settings::default();
    let frames = input::open(std::fs::read(capture)?.into(), &settings.limits)?;
    let frame = frames.first().ok_or("no page")?;
    Ok(shelf::pack(&page::process(frame, &settings, &Edit::default(), Some(&engine))?).concat())
}

async fn work(jetstream: Context, answer: Arc<[u8]>, pause: Duration) -> Result<(), Failure> {
    let queue = queue(&jetstream).await;
    let captures = jetstream.get_object_store(CAPTURES).await?;
    let made = jetstream.get_object_store(MADE).await?;
    loop {
        let mut batch = queue.batch().max_messages(1).expires(Duration::from_secs(5)).messages().await?;
        let Some(message) = batch.next().await else { continue };
        let message = message?;
        let task: Value = serde_json::from_slice(&message.payload)?;
        let text = |key: &str| task[key].as_str().unwrap_or_default().to_owned();
        fetch(&captures, &text("sha256")).await?;
        tokio::time::sleep(pause).await;
        made.put(&*text("name"), &mut &answer[..]).await?;
        let note = format!("made {}", text("name"));
        jetstream.client().publish(format!("sohoa.made.{}", text("batch")), note.into()).await?;
        message.double_ack().await?;
    }
}

/// The queue of whatever release is submitted first.
async fn queue(jetstream: &Context) -> PullConsumer {
    loop {
        let found = async {
            let stream = jetstream.get_stream(PAGES).await.ok()?;
            let name = stream.consumer_names().next().await?.ok()?;
            stream.get_consumer(&name).await.ok()
        };
        match found.await {
            Some(queue) => return queue,
            None => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn fetch(captures: &ObjectStore, sha256: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    captures.get(sha256).await?.read_to_end(&mut bytes).await?;
    Ok(bytes)
}
