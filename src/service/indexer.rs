//! What was published becomes searchable: the store has a note of each component that the index lacks, and a note goes when
//! the index has it on disk. The words are those of the published files, and what is known of a paper is taken out of these and the
//! codes in their manifests, with what people said (`data.rs`), so an index can be made anew when captures are gone.

use std::path::PathBuf;
use std::time::Duration;

use crate::extract::{Band, Document};
use crate::search::{Entry, Index, Page, SearchError, date};
use crate::store::{ComponentListed, StoreError, Unindexed};

use super::data::{all_pages, of_pages};
use super::{Event, Service, Trouble};

/// Folder of the index, in the store's.
pub const FOLDER: &str = "search";

/// Components that are put in with one commit.
const BATCH: u32 = 16;
/// Time between two looks for something to do.
const ROUND: Duration = Duration::from_secs(1);
/// Time until the index is tried again.
const REST: Duration = Duration::from_secs(10);

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
    let pages = all_pages(&component);
    let rules = service.settings.taught.rules(service.store);
    let listed = ComponentListed { dossier, component };
    let document = of_pages(service.store, &listed, &pages, &rules.kinds)?;
    let ComponentListed { dossier, component } = listed;
    let pages = (1..).zip(pages).map(|(number, page)| Page { number, size: page.size, lines: page.text.lines });
    Ok(Some(Entry {
        component: component.id,
        dossier,
        name: component.name,
        version: component.version,
        title: component.title,
        pages: pages.collect(),
        ..known(document)
    }))
}

/// The fields that a paper is found by. What would have to be keyed in by hand is not known.
fn known(document: Document) -> Entry {
    let value = |field: &str| {
        let value = document.get(field).filter(|value| value.band > Band::Retype)?;
        Some(value.value.clone()).filter(|value| !value.is_empty())
    };
    Entry {
        number: value("number"),
        date: value("date").and_then(|value| date(&value)),
        valid_until: value("valid_until"),
        owner: value("owner"),
        identity: value("id_number"),
        kind: document.kind.map(|kind| kind.name),
        ..Entry::default()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::super::pages::{self, tests::page};
    use super::*;
    use crate::extract::{self, Kinds};

    fn read(text: &str, payload: Option<&str>) -> Entry {
        known(pages::said(&[page(text, payload)], |sheets| extract::read(sheets, &Kinds::shipped())))
    }

    #[test]
    fn a_paper_is_found_by_what_its_words_and_codes_say() {
        let decision = read("Số: 697/QĐ-UBND\nMỹ Lộc, ngày 03 tháng 08 năm 2024\nQUYẾT ĐỊNH", None);
        let expected = Entry {
            kind: Some("Quyết định".to_owned()),
            number: Some("697/QĐ-UBND".to_owned()),
            date: Some(date!(2024 - 08 - 03)),
            ..Entry::default()
        };
        assert_eq!(decision, expected);
        let payload = "052090000123|212345678|Nguyễn Văn An|01021990|Nam|thôn Trung Hòa, xã Mỹ Lộc|12032021";
        let card = read("CĂN CƯỚC CÔNG DÂN", Some(payload));
        assert_eq!((card.owner.as_deref(), card.identity.as_deref()), (Some("Nguyễn Văn An"), Some("052090000123")));
        assert_eq!(read("Hôm nay trời đẹp", None), Entry::default());
    }
}
