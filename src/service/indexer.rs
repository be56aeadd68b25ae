//! What was published becomes searchable: the store has a note of each component that the index lacks, and a note goes when
//! the index has it on disk. The words are those of the published files, so an index can be made anew when captures are gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::pdf::reader;
use crate::search::{Entry, Index, Page, SearchError};
use crate::store::{ComponentListed, Published, StoreError, Unindexed};

use super::{Event, Service, Trouble};

/// Folder of the index, in the store's.
pub const FOLDER: &str = "search";

/// Components that are put in with one commit.
const BATCH: u32 = 16;
/// Time between two looks for something to do.
const ROUND: Duration = Duration::from_secs(1);
/// Time until the index is tried again.
const REST: Duration = Duration::from_secs(10);
/// Most pages of a file.
const MOST_PAGES: usize = 100_000;

/// Indexes until the service stops.
pub(super) fn run(service: &Service<'_>) {
    let mut index = None;
    while !service.is_stopping() {
        let done = match &mut index {
            Some(index) => work(service, index),
            None => open(service).map(|opened| {
                index = Some(opened);
                true
            }),
        };
        match done {
            Ok(true) => {}
            Ok(false) => service.sleep(ROUND),
            Err(trouble) => {
                index = None;
                let is_damaged = matches!(&trouble, Trouble::Search(error) if error.is_damage());
                service.tell(&Event::Trouble(trouble));
                if !(is_damaged && Index::discard(&folder(service)).is_ok()) {
                    service.sleep(REST);
                }
            }
        }
    }
}

impl From<SearchError> for Trouble {
    fn from(error: SearchError) -> Self {
        Self::Search(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn folder(service: &Service<'_>) -> PathBuf {
    service.store.directory().join(FOLDER)
}

fn open(service: &Service<'_>) -> Result<Index, Trouble> {
    let (mut index, is_new) = Index::open(&folder(service))?;
    if is_new {
        service.store.index_all()?;
        index.begun()?;
    }
    Ok(index)
}

/// Indexes some components; `false` when there are none.
fn work(service: &Service<'_>, index: &mut Index) -> Result<bool, Trouble> {
    let waiting = service.store.unindexed(BATCH)?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let (mut entries, mut gone) = (Vec::new(), Vec::new());
    for Unindexed { component, .. } in &waiting {
        match entry(service, *component)? {
            Some(entry) => entries.push(entry),
            None => gone.push(*component),
        }
    }
    gone.into_iter().try_for_each(|component| index.remove(component))?;
    index.put(&entries)?;
    service.store.indexed(&waiting)?;
    service.tell(&Event::Indexed { components: waiting.len() });
    Ok(true)
}

/// What is known of a component; `None` when nothing of it is published any more.
fn entry(service: &Service<'_>, component: i64) -> Result<Option<Entry>, StoreError> {
    let ComponentListed { dossier, component, .. } = match service.store.component(component) {
        Ok(listed) => listed,
        Err(StoreError::NoComponent(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    if component.published.is_empty() {
        return Ok(None);
    }
    let pages = component.published.iter().flat_map(words);
    let pages = (1..).zip(pages).map(|(number, page)| Page { number, size: page.size, lines: page.lines });
    Ok(Some(Entry {
        component: component.id,
        dossier,
        name: component.name,
        version: component.version,
        title: component.title,
        pages: pages.collect(),
        ..Entry::default()
    }))
}

/// The words of a published file. One that is gone or damaged has none: `sohoa verify` says what is wrong with it.
fn words(published: &Published) -> Vec<reader::PageWords> {
    let path = published.file.as_ref().map(|(file, _)| Path::new(&published.directory).join(file));
    let file = path.and_then(|path| fs::read(path).ok());
    file.and_then(|file| reader::words(&file, MOST_PAGES).ok()).unwrap_or_default()
}
