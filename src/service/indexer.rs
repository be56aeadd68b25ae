//! What was published becomes searchable: the store has a note of each component that the index lacks, and a note goes when
//! the index has it on disk. The words are those of the published files and the codes those of their manifests, and what is known of
//! a paper is taken out of these two ([`crate::extract`]), so an index can be made anew when captures are gone.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::codes::{Code, Symbology};
use crate::extract::{self, Band, Document, Kinds, Sheet};
use crate::manifest;
use crate::model::PageText;
use crate::pdf::reader;
use crate::search::{Entry, Index, Page, SearchError, date};
use crate::store::{ComponentListed, Published, StoreError, Unindexed};

use super::{Event, Service, Trouble, listed};

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
    let pages: Vec<Read> = component.published.iter().flat_map(pages).collect();
    let document = said(&pages, &service.tools.rules.kinds);
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

/// What is on a published page.
struct Read {
    size: (u32, u32),
    text: PageText,
    codes: Vec<Code>,
}

/// The pages of a published file. One that is gone or damaged has none: `sohoa verify` says what is wrong with it.
fn pages(published: &Published) -> Vec<Read> {
    let path = published.file.as_ref().map(|(file, _)| Path::new(&published.directory).join(file));
    let file = path.and_then(|path| fs::read(path).ok());
    let words = file.and_then(|file| reader::words(&file, MOST_PAGES).ok()).unwrap_or_default();
    // A file that came with signatures is listed without pages.
    let listed = listed(published).map(|component| component.pages).unwrap_or_default();
    let mut codes = listed.into_iter().map(|page| page.codes.into_iter().filter_map(code).collect::<Vec<_>>());
    let read = |reader::PageWords { size, lines }| Read {
        size,
        text: PageText { lines },
        codes: codes.next().unwrap_or_default(),
    };
    words.into_iter().map(read).collect()
}

/// A code as the manifest has it: where it stood is not known.
fn code(listed: manifest::Code) -> Option<Code> {
    let symbology = Symbology::ALL.into_iter().find(|one| one.name() == listed.kind)?;
    Some(Code { symbology, payload: listed.payload, corners: Vec::new() })
}

/// What the pages say of the paper; nothing where reading it fails on a defect: it is found by its words then, and other papers
/// are indexed all the same.
fn said(pages: &[Read], kinds: &Kinds) -> Document {
    let pages = pages.iter();
    let sheets: Vec<Sheet<'_>> = pages
        .map(|Read { size: (width, height), text, codes }| Sheet { width: *width, height: *height, text, codes })
        .collect();
    catch_unwind(AssertUnwindSafe(|| extract::read(&sheets, kinds))).unwrap_or_default()
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

    use super::*;
    use crate::model::{Rect, TextLine, Word};

    fn read(text: &str, payload: Option<&str>) -> Entry {
        let line = |(row, line): (u32, &str)| {
            let word = |(place, text): (u32, &str)| {
                let bounds = Rect { x: 100 * place, y: 40 * row, width: 90, height: 20 };
                Word { text: text.to_owned(), bounds, confidence: 1.0, blue: 0 }
            };
            let words: Vec<Word> = (0..).zip(line.split(' ')).map(word).collect();
            let bounds = words.iter().map(|word| word.bounds).reduce(Rect::union).unwrap();
            TextLine { words, bounds, block: 0 }
        };
        let text = PageText { lines: (1..).zip(text.lines()).map(line).collect() };
        let listed = payload.map(|payload| manifest::Code { kind: "QR".to_owned(), payload: payload.to_owned() });
        let page = Read { size: (1190, 1684), text, codes: listed.into_iter().filter_map(code).collect() };
        known(said(&[page], &Kinds::shipped()))
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

    #[test]
    fn codes_are_those_of_the_manifest() {
        let of = |kind: &str| code(manifest::Code { kind: kind.to_owned(), payload: "a".to_owned() });
        for symbology in Symbology::ALL {
            assert_eq!(of(symbology.name()).map(|code| code.symbology), Some(symbology));
        }
        assert_eq!(of("EAN13"), None);
    }
}
