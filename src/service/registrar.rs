//! What is made is entered: its data are taken (`data.rs`), and what is signed gets its code and is filed by its owner.
//! The store has a note of each component that is still to be entered, which goes when all of that is done. One transaction gives
//! the code, and a paper that is filed already is left alone, so that it does not matter where a service is killed.

use std::path::Path;
use std::time::Duration;

use crate::config::FolderNames;
use crate::digital_code::{DigitalCode, PaperData};
use crate::model::Lang;
use crate::personal::{self, Folders, Paper, PersonalError, Said};
use crate::publish::PublishError;
use crate::store::{ComponentListed, Entered, Known, Millis, Published, State, Store, StoreError, Unentered};

use super::{Event, Service, Trouble, data, listed};

/// Components taken from the store at a time.
const BATCH: u32 = 32;
/// Time between two looks for something to do.
const ROUND: Duration = Duration::from_millis(250);
/// Time until the store is asked again that refused.
const REST: Duration = Duration::from_secs(2);
/// The first pause until a component is looked at again whose data cannot be read or which cannot be filed, and the longest,
/// milliseconds. Each is twice as long as the one before.
const FIRST_PAUSE: Millis = 2_000;
const LONGEST_PAUSE: Millis = 3_600_000;

/// Enters until the service stops.
pub(super) fn run(service: &Service<'_>) {
    let Ok(folders) = folders(service) else { return };
    while !service.is_stopping() {
        match enter_some(service, folders.as_ref()) {
            Ok(true) => {}
            Ok(false) => service.sleep(ROUND),
            Err(error) => {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                service.sleep(REST);
            }
        }
    }
}

/// Enters what is due, some at a time; `false` when nothing is.
fn enter_some(service: &Service<'_>, folders: Option<&Folders>) -> Result<bool, StoreError> {
    let due = service.store.unentered(service.now(), BATCH)?;
    let mut done = Vec::new();
    for one in &due {
        if service.is_stopping() {
            break;
        }
        if enter(service, folders, *one)? {
            done.push(*one);
        }
    }
    if !done.is_empty() {
        service.store.entered(&done)?;
    }
    Ok(!due.is_empty())
}

/// The service stops.
struct Stopping;

/// What folders of owners are called, where papers are filed by them; what was finished before is to be filed, too.
fn folders(service: &Service<'_>) -> Result<Option<Folders>, Stopping> {
    let Some(place) = &service.settings.personal_store else { return Ok(None) };
    service.insist(Store::file_all).ok_or(Stopping)?;
    Ok(Some(match place.folders {
        FolderNames::Number => Folders::Numbers,
        FolderNames::Hash => Folders::Hashed(service.insist(Store::folder_key).ok_or(Stopping)?),
    }))
}

fn pause(attempts: u32) -> Millis {
    FIRST_PAUSE.saturating_mul(1 << attempts.min(20)).min(LONGEST_PAUSE)
}

/// Enters one component; `false` when it must be tried again later.
fn enter(service: &Service<'_>, folders: Option<&Folders>, one: Unentered) -> Result<bool, StoreError> {
    let listed = match service.store.component(one.component) {
        Ok(listed) => listed,
        // Its pages have moved to another paper.
        Err(StoreError::NoComponent(_)) => return Ok(true),
        Err(error) => return Err(error),
    };
    let later = || service.store.put_off(&one, service.now() + pause(one.attempts)).map(|()| false);
    let rules = service.settings.taught.rules(service.store);
    let Ok(data) = data::of_files(service.store, &listed, &rules.kinds)? else { return later() };
    let known = data.as_ref().map_or_else(Known::default, |data| Known {
        type_code: data.type_code().map(str::to_owned),
        owner: data.owner(),
        procedure: data.procedure().map(str::to_owned),
    });
    let entered = service.store.enter(one.component, &known, service.settings.codes.as_ref(), service.now())?;
    if entered.as_ref().is_some_and(|entered| entered.is_new) {
        service.tell(&Event::Coded { component: one.component });
    }
    if let (Some(folders), Some(entered), State::Done) = (folders, &entered, listed.component.state) {
        match file(service, folders, &listed, (entered, data.as_ref())) {
            Ok(folders) => service.store.filed(one.component, &folders)?,
            Err(error) => {
                service.tell(&Event::Trouble(trouble(&error)));
                return later();
            }
        }
    }
    Ok(true)
}

/// Files a component by its owner, and says in which folders; none where nobody knows whose it is.
fn file(
    service: &Service<'_>,
    folders: &Folders,
    listed: &ComponentListed,
    (entered, data): (&Entered, Option<&PaperData>),
) -> Result<Vec<String>, PersonalError> {
    let (Some(place), Some(owner), Some(dossier)) = (&service.settings.personal_store, &entered.owner, &listed.dossier)
    else {
        return Ok(Vec::new());
    };
    let component = &listed.component;
    let code = entered.code.as_ref().zip(entered.type_code.as_ref()).map(|(text, type_code)| DigitalCode {
        text: text.clone(),
        owner: Some(owner.clone()),
        type_code: type_code.clone(),
    });
    let mut metadata = PaperData::metadata(data, &component.title, code.as_ref());
    metadata.owner = Some(owner.clone());
    let mut filed = Vec::new();
    for published in &component.published {
        let Some(found) = self::listed(published) else { continue };
        let Some(pdf) = &found.file else { continue };
        let data = found.transcripts.iter().find(|file| PaperData::is_named(&file.path));
        let said = Said {
            schema: personal::SCHEMA.to_owned(),
            digital_code: entered.code.clone(),
            dossier: dossier.clone(),
            name: published.name.clone(),
            component: component.title.clone(),
            component_code: component.code.clone(),
            version: published.version,
            metadata: metadata.clone(),
            files: [Some(pdf), data].into_iter().flatten().cloned().collect(),
        };
        let Published { directory, .. } = published;
        let paper = Paper { directory: Path::new(directory), file: pdf, data, said: &said };
        filed.push(personal::file(&place.path, folders, owner, paper)?);
    }
    Ok(filed)
}

/// What is told of a paper that cannot be filed: nothing of its path, which may have the owner's number.
fn trouble(error: &PersonalError) -> Trouble {
    let reason = |lang: Lang| match error {
        PersonalError::Io { source, .. } | PersonalError::Publish(PublishError::Io { source, .. }) => {
            crate::model::io_reason(source.kind(), lang)
        }
        PersonalError::Altered(_) => lang.pick("tệp kết quả đã bị sửa", "a published file was altered").to_owned(),
        _ => lang.pick("có tệp khác ở đó", "another file is there").to_owned(),
    };
    let text = |lang: Lang| {
        let what = lang.pick(
            "không đưa được giấy tờ vào kho của tổ chức, cá nhân; hãy chạy `sohoa personal check`",
            "a paper cannot be put into the store of owners' papers; run `sohoa personal check`",
        );
        format!("{what}: {}", reason(lang))
    };
    Trouble::Output(text(Lang::Vi), text(Lang::En))
}
