//! What happens in the service, as one line each: numbers of the store, words of the program, folders and directories of the
//! configuration; no names of files and no texts.

use serde_json::{Value, json};

use crate::intake;
use crate::model::{Lang, Localized};
use crate::search::SearchError;
use crate::store::{State, StoreError};

/// What happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The service runs; so many components were in work when the last one ended.
    Started {
        /// Their number.
        interrupted: usize,
    },
    /// The service answers over HTTP.
    Listening {
        /// Where.
        address: std::net::SocketAddr,
    },
    /// The service speaks TLS with this certificate.
    Certificate {
        /// SHA-256 of it, hex: its fingerprint, which browsers show.
        sha256: String,
        /// Its last second, RFC 3339.
        until: String,
    },
    /// A watched folder is told of.
    Watch {
        /// Index of the folder.
        folder: usize,
        /// The word for what happened.
        what: &'static str,
    },
    /// A capture is stored.
    Stored {
        /// Its number.
        capture: i64,
        /// The component it is in.
        component: i64,
        /// How it got there: `first`, `joined`, `version`, `duplicate`, `known`.
        arrived: &'static str,
    },
    /// The pages of a capture are made, before its component has all its captures.
    Pages {
        /// Its number.
        capture: i64,
        /// The component it is in.
        component: i64,
        /// How many pages it has.
        pages: usize,
    },
    /// Files must wait.
    Busy {
        /// Index of the folder.
        folder: usize,
        /// The word for why: `queue`, `disk`, `changing`, `store`.
        reason: &'static str,
    },
    /// Components got all their captures.
    Queued {
        /// Their number.
        components: usize,
    },
    /// A component was a stack of several, or of a dossier, by the sheets and codes in it.
    Divided {
        /// Its number.
        component: i64,
        /// How many it became; none where there was nothing but sheets.
        parts: usize,
    },
    /// A page of a component in work is finished.
    Page {
        /// The component's number.
        component: i64,
        /// Pages finished.
        done: usize,
        /// Pages in all.
        pages: usize,
    },
    /// A component is made and published.
    Made {
        /// Its number.
        component: i64,
        /// How far it is now.
        state: State,
        /// Its pages.
        pages: usize,
        /// It had been published by a run that was killed.
        unchanged: bool,
        /// Time it took, milliseconds.
        elapsed_ms: u64,
    },
    /// A component is tried again later.
    Retry {
        /// Its number.
        component: i64,
        /// The word for why.
        reason: &'static str,
        /// When, milliseconds from now.
        after_ms: i64,
    },
    /// A component cannot be made.
    Failed {
        /// Its number.
        component: i64,
        /// The word for why.
        reason: &'static str,
    },
    /// A component that waited is signed.
    Signed {
        /// Its number.
        component: i64,
    },
    /// An act of signing at the desk has ended.
    SigningEnded,
    /// The directory of a component that was placed is gone.
    Withdrawn {
        /// The component's number.
        component: i64,
    },
    /// Bytes of captures were removed by the rule.
    Purged {
        /// Number of captures.
        captures: usize,
    },
    /// Components can be searched, or no longer where nothing of them is published.
    Indexed {
        /// Their number.
        components: usize,
    },
    /// The other side has a component.
    Delivered {
        /// The component's number.
        component: i64,
        /// The HTTP status that said so.
        answer: String,
    },
    /// The other side does not take a component.
    DeliveryRefused {
        /// The component's number.
        component: i64,
        /// The word or HTTP status.
        answer: String,
    },
    /// A component is delivered again later.
    DeliveryWaits {
        /// The component's number.
        component: i64,
        /// The word or HTTP status of the last attempt.
        answer: String,
        /// When at the earliest, milliseconds from now.
        after_ms: i64,
    },
    /// A scan begins.
    ScanStarted {
        /// Its number.
        scan: i64,
    },
    /// A scan has ended.
    ScanEnded {
        /// Its number.
        scan: i64,
        /// How: `done`, `stopped`, `failed`.
        state: &'static str,
        /// Pages that have become captures.
        pages: usize,
        /// The word for why, where it ended before its papers did.
        fault: Option<&'static str>,
    },
    /// Something that a person should see to.
    Trouble(Trouble),
    /// The service has stopped.
    Stopped,
}

/// Something that a person should see to. The service goes on, and tries again.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The store cannot be written or read.
    Store(StoreError),
    /// The output cannot be written; in Vietnamese and English.
    Output(String, String),
    /// The key failed and is not asked again until the service is started anew; in Vietnamese and English.
    Key(String, String),
    /// Nothing can be delivered; in Vietnamese and English.
    Connector(String, String),
    /// Pages of scans cannot be stored; in Vietnamese and English.
    Scans(String, String),
    /// The search index cannot be written.
    Search(SearchError),
}

impl Localized for Trouble {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Store(error) => error.message(lang),
            Self::Search(error) => error.message(lang),
            Self::Output(vietnamese, english)
            | Self::Connector(vietnamese, english)
            | Self::Scans(vietnamese, english) => lang.pick(vietnamese, english).to_owned(),
            Self::Key(vietnamese, english) => {
                let waits = lang.pick(
                    "các thành phần sẽ chờ ký; sửa xong hãy khởi động lại dịch vụ",
                    "components wait for their signature; mend it and start the service anew",
                );
                format!("{}; {waits}", lang.pick(vietnamese, english))
            }
        }
    }
}

impl Event {
    /// The event for programs.
    pub fn to_json(&self, lang: Lang) -> Value {
        match self {
            Self::Started { interrupted } => json!({"event": "started", "interrupted": interrupted}),
            Self::Listening { address } => json!({"event": "listening", "address": address.to_string()}),
            Self::Certificate { sha256, until } => {
                json!({"event": "certificate", "sha256": sha256, "until": until})
            }
            Self::Watch { folder, what } => json!({"event": "watch", "folder": folder, "what": what}),
            Self::Stored { capture, component, arrived } => {
                json!({"event": "stored", "capture": capture, "component": component, "arrived": arrived})
            }
            Self::Pages { capture, component, pages } => {
                json!({"event": "pages", "capture": capture, "component": component, "pages": pages})
            }
            Self::Busy { folder, reason } => json!({"event": "busy", "folder": folder, "reason": reason}),
            Self::Divided { component, parts } => {
                json!({"event": "divided", "component": component, "parts": parts})
            }
            Self::Queued { components } => json!({"event": "queued", "components": components}),
            Self::Page { component, done, pages } => {
                json!({"event": "page", "component": component, "done": done, "pages": pages})
            }
            Self::Made { component, state, pages, unchanged, elapsed_ms } => json!({
                "event": "made", "component": component, "state": state.code(), "pages": pages,
                "unchanged": unchanged, "ms": elapsed_ms,
            }),
            Self::Retry { component, reason, after_ms } => {
                json!({"event": "retry", "component": component, "reason": reason, "after_ms": after_ms})
            }
            Self::Failed { component, reason } => {
                json!({"event": "failed", "component": component, "reason": reason})
            }
            Self::Signed { component } => json!({"event": "signed", "component": component}),
            Self::SigningEnded => json!({"event": "signing-ended"}),
            Self::Withdrawn { component } => json!({"event": "withdrawn", "component": component}),
            Self::Purged { captures } => json!({"event": "purged", "captures": captures}),
            Self::Indexed { components } => json!({"event": "indexed", "components": components}),
            Self::Delivered { component, answer } => {
                json!({"event": "delivered", "component": component, "answer": answer})
            }
            Self::DeliveryRefused { component, answer } => {
                json!({"event": "delivery-refused", "component": component, "answer": answer})
            }
            Self::DeliveryWaits { component, answer, after_ms } => {
                json!({"event": "delivery-waits", "component": component, "answer": answer, "after_ms": after_ms})
            }
            Self::ScanStarted { scan } => json!({"event": "scan-started", "scan": scan}),
            Self::ScanEnded { scan, state, pages, fault } => {
                json!({"event": "scan-ended", "scan": scan, "state": state, "pages": pages, "fault": fault})
            }
            Self::Trouble(trouble) => {
                let kind = match trouble {
                    Trouble::Store(_) => "store",
                    Trouble::Output(..) => "output",
                    Trouble::Key(..) => "key",
                    Trouble::Connector(..) => "connector",
                    Trouble::Scans(..) => "scans",
                    Trouble::Search(_) => "search",
                };
                json!({"event": "trouble", "kind": kind, "message": trouble.message(lang)})
            }
            Self::Stopped => json!({"event": "stopped"}),
        }
    }

    /// The event for people: its word, then `key=value`.
    pub fn to_line(&self, lang: Lang) -> String {
        let value = self.to_json(lang);
        let fields = value.as_object().expect("an event is an object");
        let mut line = fields["event"].as_str().unwrap_or_default().to_owned();
        for (key, value) in fields.iter().filter(|(key, _)| *key != "event") {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            line.push_str(&format!(" {key}={text}"));
        }
        line
    }
}

/// What of a watcher's events is worth a line: what goes wrong, and that it is over. `group` are the folders it watches.
pub(super) fn of_watch(event: &intake::Event, group: &[usize]) -> Option<Event> {
    use intake::Event as Seen;
    let (folder, what) = match event {
        Seen::Recovered { folder, .. } => (*folder, "recovered"),
        Seen::Waiting { folder, .. } => (*folder, "waiting"),
        Seen::Refused { folder, .. } => (*folder, "refused"),
        Seen::FolderGone { folder, .. } => (*folder, "folder-gone"),
        Seen::FolderBack { folder } => (*folder, "folder-back"),
        Seen::NoHints { folder, .. } => (*folder, "no-hints"),
        _ => return None,
    };
    Some(Event::Watch { folder: group.get(folder).copied().unwrap_or(folder), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_either_way() {
        let event = Event::Stored { capture: 3, component: 2, arrived: "joined" };
        assert_eq!(event.to_line(Lang::En), "stored arrived=joined capture=3 component=2");
        assert_eq!(event.to_json(Lang::En)["capture"], 3);
        let trouble = Event::Trouble(Trouble::Key("hỏng".to_owned(), "broken".to_owned()));
        assert!(trouble.to_line(Lang::Vi).contains("khởi động lại"), "{}", trouble.to_line(Lang::Vi));
    }
}
