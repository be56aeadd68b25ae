//! What is made is entered: the data that lie beside its file are read, and what is signed gets its code. The store has a note of each
//! component that is still to be entered, and one transaction gives the code, so that it does not matter where a service is
//! killed.

use std::time::Duration;

use crate::digital_code::PaperData;
use crate::store::{ComponentListed, Known, Millis, StoreError, Unentered};

use super::{Event, Service, Trouble, paper_data};

/// Components taken from the store at a time.
const BATCH: u32 = 32;
/// Time between two looks for something to do.
const ROUND: Duration = Duration::from_millis(250);
/// The first pause until a component is looked at again whose data cannot be read, and the longest, milliseconds. Each is twice as
/// long as the one before.
const FIRST_PAUSE: Millis = 2_000;
const LONGEST_PAUSE: Millis = 3_600_000;

/// Enters until the service stops.
pub(super) fn run(service: &Service<'_>) {
    while !service.is_stopping() {
        let due = match service.store.unentered(service.now(), BATCH) {
            Ok(due) => due,
            Err(error) => {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                Vec::new()
            }
        };
        if due.is_empty() {
            service.sleep(ROUND);
        }
        for one in due {
            if service.is_stopping() {
                break;
            }
            if let Err(error) = enter(service, one) {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                service.sleep(Duration::from_secs(2));
            }
        }
    }
}

fn pause(attempts: u32) -> Millis {
    FIRST_PAUSE.saturating_mul(1 << attempts.min(20)).min(LONGEST_PAUSE)
}

/// Enters one component.
fn enter(service: &Service<'_>, one: Unentered) -> Result<(), StoreError> {
    let listed = match service.store.component(one.component) {
        Ok(listed) => listed,
        // Its pages have moved to another paper.
        Err(StoreError::NoComponent(_)) => return service.store.entered(&one),
        Err(error) => return Err(error),
    };
    // Of a component with several files the first that has data speaks; they are of one paper.
    let data = match data(&listed) {
        Ok(data) => data,
        Err(_) => return service.store.put_off(&one, service.now() + pause(one.attempts)),
    };
    let known = data.map_or_else(Known::default, |data| Known {
        type_code: data.type_code().map(str::to_owned),
        owner: data.owner(),
        procedure: data.procedure().map(str::to_owned),
    });
    let entered = service.store.enter(one.component, &known, service.settings.codes.as_ref(), service.now())?;
    service.store.entered(&one)?;
    if entered.is_some_and(|entered| entered.is_new) {
        service.tell(&Event::Coded { component: one.component });
    }
    Ok(())
}

/// The data of a component.
fn data(listed: &ComponentListed) -> std::io::Result<Option<PaperData>> {
    for published in &listed.component.published {
        if let Some(data) = paper_data(published)? {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
