//! Finished components delivered, one after the other, for as long as the service runs: the store's outbox is what is to be
//! done, and what a killed service had sent without an answer is sent again under its key.

use std::time::Duration;

use crate::connector::{self, Outcome};
use crate::model::{Lang, Localized};
use crate::store::{Delivery, DeliveryState, Millis};

use super::{Connector, Event, Service, Trouble};

/// Delivers until the service stops. A delivery in hand is finished first, or ends with the connector's timeout.
pub(super) fn run(service: &Service<'_>, connector: &Connector) {
    let config = &connector.config;
    let mut failures = 0;
    while !service.is_stopping() {
        let due = match service.store.due_deliveries(service.now(), config.batch) {
            Ok(due) => due,
            Err(error) => {
                service.tell(&Event::Trouble(Trouble::Store(error)));
                Vec::new()
            }
        };
        if due.is_empty() {
            service.sleep(config.interval);
            continue;
        }
        let rest = match connector::endpoint(config) {
            Ok(endpoint) => due.iter().find_map(|delivery| {
                if service.is_stopping() {
                    return Some(Duration::ZERO);
                }
                let outcome = connector::deliver(&endpoint, delivery, &connector.records, (service.clock)());
                let Outcome::Later { after, concerns_all, .. } = &outcome else {
                    failures = 0;
                    note(service, connector, delivery, outcome, Duration::ZERO);
                    return None;
                };
                // The other side is spared by all; a file of ours that is not right holds up nothing else.
                failures += u32::from(*concerns_all);
                let after = after.unwrap_or_default();
                let rest = concerns_all.then(|| connector::pause(failures, config).max(after));
                note(service, connector, delivery, outcome, after);
                rest
            }),
            Err(error) => {
                failures += 1;
                let trouble = Trouble::Connector(error.message(Lang::Vi), error.message(Lang::En));
                service.tell(&Event::Trouble(trouble));
                Some(connector::pause(failures, config))
            }
        };
        service.sleep(rest.unwrap_or_default());
    }
}

/// Writes down what came of an attempt, and tells it. `after` is what the other side asks to wait at least.
fn note(service: &Service<'_>, connector: &Connector, delivery: &Delivery, outcome: Outcome, after: Duration) {
    let component = delivery.component.id;
    let pause = connector::pause(delivery.attempts.saturating_add(1), &connector.config).max(after);
    let after_ms = Millis::try_from(pause.as_millis()).unwrap_or(Millis::MAX);
    let (state, answer, not_before) = match &outcome {
        Outcome::Accepted(status) => (DeliveryState::Accepted, status.to_string(), 0),
        Outcome::Refused(answer) => (DeliveryState::Refused, answer.clone(), 0),
        Outcome::Later { answer, .. } => (DeliveryState::Waiting, answer.clone(), service.now() + after_ms),
    };
    let written = service.insist(|store| store.delivered(delivery, state, &answer, not_before, service.now()));
    if written.is_some() {
        service.tell(&match state {
            DeliveryState::Accepted => Event::Delivered { component, answer },
            DeliveryState::Refused => Event::DeliveryRefused { component, answer },
            DeliveryState::Waiting => Event::DeliveryWaits { component, answer, after_ms },
        });
    }
}
