//! Workers that sleep: what they say to the engine and what goes over the wire is that of real ones, but a page takes no CPU.
//!
//! `simulated_workers URL WORKERS MILLISECONDS PICTURES` makes the page of each JPEG file below PICTURES once, says `ready`, and then has so
//! many workers take pages from the queue of whatever batch is submitted, fetch the capture, sleep, and answer with the page that its picture
//! became. Captures are those of `benches/batch`: one of these pictures, with a comment of its own. `benches/batch --simulated` asks with them
//! what coordinator and queue cost.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::object_store::ObjectStore;
use async_nats::jetstream::{self, Context};
use futures_util::StreamExt;
use serde_json::Value;
use sohoa::batch::nats::{CAPTURES, MADE, PAGES};
use sohoa::gather;
use sohoa::input;
use sohoa::model::Edit;
use sohoa::ocr::lstm::Lstm;
use sohoa::page::{self, Settings};
use sohoa::shelf;
use tokio::io::AsyncReadExt;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, workers, milliseconds, pictures] = &arguments[..] else {
        return Err("simulated_workers URL WORKERS MILLISECONDS PICTURES".into());
    };
    let pause = Duration::from_millis(milliseconds.parse()?);
    let workers: usize = workers.parse()?;
    let answers = Arc::new(answers(Path::new(pictures))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let jetstream = jetstream::new(async_nats::connect(url).await?);
        writeln!(std::io::stdout(), "ready")?;
        let tasks = (0..workers).map(|_| tokio::spawn(work(jetstream.clone(), Arc::clone(&answers), pause)));
        for task in futures_util::future::join_all(tasks).await {
            task??;
        }
        Ok(())
    })
}

/// Pages, packed, by the bytes of their pictures after the marker that begins every JPEG file.
type Answers = HashMap<Vec<u8>, Vec<u8>>;

const MARKER: usize = 2;
/// A comment segment of eight bytes.
const COMMENT: usize = 2 + 2 + 8;

/// What each picture becomes.
fn answers(pictures: &Path) -> Result<Answers, Failure> {
    let model = std::env::var_os("SOHOA_MODELS").map_or_else(|| PathBuf::from("models"), PathBuf::from);
    let model = model.join("vie.traineddata");
    let engine = Lstm::new(&std::fs::read(&model)?, &model)?;
    let settings = Settings::default();
    let (gathered, _) = gather::gather(&[pictures.to_owned()], None)?;
    let mut answers = Answers::new();
    for capture in gathered.iter().flat_map(|component| &component.files) {
        let bytes = std::fs::read(&capture.path)?;
        if bytes.starts_with(b"\xff\xd8") {
            let frames = input::open(bytes.clone().into(), &settings.limits)?;
            let frame = frames.first().ok_or("no page")?;
            let page = page::process(frame, &settings, &Edit::default(), Some(&engine))?;
            answers.insert(bytes[MARKER..].to_vec(), [&b"+"[..], &shelf::pack(&page).concat()].concat());
        }
    }
    Ok(answers)
}

async fn work(jetstream: Context, answers: Arc<Answers>, pause: Duration) -> Result<(), Failure> {
    let queue = queue(&jetstream).await;
    let captures = jetstream.get_object_store(CAPTURES).await?;
    let made = jetstream.get_object_store(MADE).await?;
    loop {
        let mut batch = queue.batch().max_messages(1).expires(Duration::from_secs(5)).messages().await?;
        let Some(message) = batch.next().await else { continue };
        let message = message?;
        let task: Value = serde_json::from_slice(&message.payload)?;
        let text = |key: &str| task[key].as_str().unwrap_or_default().to_owned();
        let capture = fetch(&captures, &text("sha256")).await?;
        let answer = answers.get(&capture[MARKER + COMMENT..]).ok_or("not one of these pictures")?;
        tokio::time::sleep(pause).await;
        made.put(&*text("name"), &mut &answer[..]).await?;
        jetstream.client().publish(format!("sohoa.made.{}", text("batch")), text("name").into()).await?;
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
