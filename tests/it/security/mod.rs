//! Attacks on the service over HTTP, each against the real program: what they must not get, and what goes on meanwhile.
//! `docs/security.md` has the table of them.

mod bombs;
mod floods;
mod forms;
mod markup;
mod strangers;
mod wire;

use std::fs;

use crate::http::{Desk, TOKEN};
use crate::program::fresh;
use crate::service::CODE;

/// A service whose API wants a token.
fn guarded(name: &str, changes: &[(&str, &str)]) -> Desk {
    let tokens = fresh(&format!("{name}-token-file")).join("tokens");
    fs::write(&tokens, format!("{TOKEN}\n")).expect("our own folder");
    let section = format!("[http]\ntoken_file = {tokens:?}\n[service]");
    Desk::open(name, &[&[("[service]", &section[..])], changes].concat())
}

/// Pairs a phone with a dossier; says the path of its page.
fn paired(desk: &Desk, code: &str) -> String {
    let paired = desk.centre.run(&["dossier", "pair", code, "--json"]);
    let told: serde_json::Value = serde_json::from_str(&paired.stdout).unwrap_or_else(|_| panic!("{paired:?}"));
    let url = told["url"].as_str().expect("an address");
    url[url.find("/p/").expect("a path")..].to_owned()
}

/// The path that takes a capture of this component.
fn captures(component: &str) -> String {
    let component: String = component.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/api/v1/captures?dossier={CODE}&component={component}")
}

/// How many captures the store has.
fn stored(desk: &Desk) -> i64 {
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    store.query_row("SELECT count(*) FROM captures", [], |row| row.get(0)).expect("a number")
}

/// Whether the service still does its work.
fn still_works(desk: &mut Desk) {
    desk.token = Some(TOKEN);
    let sent = desk.send(&captures("sau cung"), &[("1.jpg", &crate::http::sample("quyet-dinh/1-mat-truoc.jpg"))]);
    assert_eq!(sent.status, 201, "{sent:?}");
    let path = format!("/api/v1/components/{}", sent.json()["captures"][0]["component"]);
    desk.centre.wait_for("other work goes on", || (desk.get(&path).json()["state"] == "done").then_some(()));
    assert_eq!(desk.centre.stop(), Some(0));
}
