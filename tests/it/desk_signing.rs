//! Signing at the desk: what waits, with a key that a person opens for one act, in a file and on a token.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::desk::{add, field, post, see, session};
use crate::http::{Answer, Desk};
use crate::judges::judges_are_there;
use crate::program::{fresh, root, run, sohoa};
use crate::service::{CODE, Centre};
use crate::signing::PASSWORD;
use crate::tokens::{PIN, SOFTHSM, Token, WRONG_PIN, chain, faults, root_certificate, spy};

const SAMPLES: [&str; 3] = ["bia-ho-so.jpg", "to-khai/trang-1.jpg", "can-cuoc/anh-quet.jpg"];

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("a sample")
}

/// A desk with this section of the configuration, accounts, and three components of a dossier that wait.
fn waiting_desk(centre: Centre, section: &str) -> Desk {
    let section = format!("{section}\n[service]");
    let mut desk = Desk::of(centre, &[("[service]", &section)]);
    desk.start();
    add(&desk.centre, "lan", "clerk");
    for (name, title) in SAMPLES.iter().zip(["a", "b <i>", "c"]) {
        desk.centre.drop(&format!("{CODE}/{title}/1.jpg"), &sample(name));
    }
    wait_for(&desk, &[(1, "unsigned"); 3]);
    desk
}

/// Waits until the dossier's newest components have these versions and states, and says what they are.
fn wait_for(desk: &Desk, expected: &[(u64, &str)]) -> Vec<Value> {
    desk.centre.wait_for(&format!("{expected:?}"), || {
        let mut all = desk.centre.components(Some(CODE));
        all.retain(|one| one["newest"] == true);
        all.sort_by_key(|one| one["id"].as_i64());
        let found: Vec<_> = all.iter().map(|one| (one["version"].as_u64(), one["state"].as_str())).collect();
        let expected: Vec<_> = expected.iter().map(|(version, state)| (Some(*version), Some(*state))).collect();
        (found == expected).then_some(all)
    })
}

/// Fills the form of the page in.
fn sign(desk: &Desk, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let form = field(&see(desk, "/sign", cookie).text(), "form");
    post(desk, "/sign", cookie, &[&[("form", &form[..])], fields].concat())
}

/// The page once no act runs.
fn ended(desk: &Desk, cookie: &str) -> String {
    desk.centre.wait_for("the act ends", || {
        Some(see(desk, "/sign", cookie).text()).filter(|page| !page.contains("<progress") && page.contains("ượt ký"))
    })
}

/// Accounts of the store's events of this kind, with their components.
fn noted(desk: &Desk, kind: &str) -> Vec<(Option<i64>, Option<i64>)> {
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let mut select = store.prepare("SELECT account, component FROM events WHERE kind = ?1 ORDER BY id").expect("SQL");
    let rows = select.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?))).expect("the store");
    rows.collect::<Result<_, _>>().expect("the store")
}

fn nothing_has(folder: &Path, secret: &str) {
    for file in crate::program::files_below(folder, "") {
        let bytes = fs::read(&file).unwrap_or_default();
        let has = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!has, "{} has a secret", file.display());
    }
}

#[test]
fn what_waits_is_signed_with_a_key_file_whose_password_is_typed_once() {
    let key = root().join("tests/data/sign/p256.p12");
    let mut desk = waiting_desk(Centre::new("desk-sign"), &format!("[sign]\nenabled = false\nkey = {key:?}"));
    add(&desk.centre, "minh", "admin");
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    // A second version takes the place of the first, which nobody signs any more.
    desk.centre.drop(&format!("{CODE}/c/2.jpg"), &sample("to-khai/trang-2.jpg"));
    let all = wait_for(&desk, &[(1, "unsigned"), (1, "unsigned"), (2, "unsigned")]);
    let ids: Vec<String> = all.iter().map(|one| one["id"].to_string()).collect();

    let page = see(&desk, "/sign", &cookie).text();
    assert!(page.contains("b &lt;i&gt;") && !page.contains("b <i>") && page.contains("type=password"), "{page}");
    assert_eq!((page.matches("name=component").count(), page.matches("/files/0").count()), (3, 3), "{page}");
    assert!(page.contains("2 trang") && page.contains("accesskey=s"), "{page}");
    let refused = see(&desk, "/sign", &keeper);
    assert_eq!((refused.status, refused.text().contains("Vai trò")), (403, true), "{refused:?}");

    assert_eq!(post(&desk, "/sign", &cookie, &[("form", "0"), ("all", "1"), ("secret", PASSWORD)]).status, 403);
    let none = sign(&desk, &cookie, &[("secret", PASSWORD)]);
    assert_eq!((none.status, none.text().contains("Chưa chọn")), (400, true), "{none:?}");
    for (secret, told) in [("", "Chưa nhập"), ("sai mat khau", "mật khẩu")] {
        let begun = sign(&desk, &cookie, &[("all", "1"), ("secret", secret)]);
        assert_eq!((begun.status, begun.header("Location")), (303, Some("/sign")), "{begun:?}");
        let page = ended(&desk, &cookie);
        assert!(page.contains(told) && page.contains("đã ký 0/3") && page.contains("role=alert"), "{page}");
        assert!(!page.contains("sai mat khau"));
        wait_for(&desk, &[(1, "unsigned"), (1, "unsigned"), (2, "unsigned")]);
    }
    // One alone, whatever is ticked.
    let fields = [("secret", PASSWORD), ("component", &ids[0]), ("component", &ids[2]), ("one", &ids[1])];
    assert_eq!(sign(&desk, &cookie, &fields).status, 303);
    assert!(ended(&desk, &cookie).contains("đã ký 1/1"));
    wait_for(&desk, &[(1, "unsigned"), (1, "done"), (2, "unsigned")]);
    // While somebody writes in the dossier's directory the act waits; as long as it runs there is no other, by whomever.
    let form = field(&see(&desk, "/sign", &cookie).text(), "form");
    let again = [("form", &form[..]), ("secret", PASSWORD), ("all", "1")];
    let directory = fs::File::open(desk.centre.folder.join("out").join(CODE)).expect("it is published");
    desk.centre.wait_for("nobody else writes there", || directory.try_lock().ok());
    assert_eq!(sign(&desk, &cookie, &[("secret", PASSWORD), ("all", "1")]).status, 303);
    let refused = post(&desk, "/sign", &cookie, &again);
    assert_eq!((refused.status, refused.text().contains("một lượt ký khác")), (409, true), "{refused:?}");
    assert!(see(&desk, "/sign", &cookie).text().contains("<progress"), "it goes on");
    directory.unlock().expect("our own lock");
    let page = ended(&desk, &cookie);
    assert!(page.contains("đã ký 2/2") && page.contains("Không có gì chờ ký"), "{page}");
    wait_for(&desk, &[(1, "done"), (1, "done"), (2, "done")]);
    let by: Vec<_> = noted(&desk, "signed");
    assert_eq!(by.iter().map(|(account, _)| *account).collect::<Vec<_>>(), [Some(1); 3], "{by:?}");

    // Another act of one that is signed says so, and signs nothing; the version that was replaced is as it was made.
    let old = desk.centre.components(Some(CODE)).into_iter().find(|one| one["newest"] == false).expect("version 1");
    assert_eq!((&old["version"], &old["state"]), (&1.into(), &"unsigned".into()), "{old}");
    for id in [&ids[0], &old["id"].to_string()] {
        let fields = [("form", &form[..]), ("secret", PASSWORD), ("one", id)];
        assert_eq!(post(&desk, "/sign", &cookie, &fields).status, 303);
        let page = ended(&desk, &cookie);
        assert!(page.contains("đã ký 0/1") && page.contains("không còn chờ chữ ký này"), "{page}");
    }
    assert_eq!(noted(&desk, "signed").len(), 3);
    assert_eq!(desk.centre.stop(), Some(0));
    let out = desk.centre.folder.join("out").join(CODE);
    let verified = run(sohoa().arg("verify").arg(&out).arg("--trust").arg(root_certificate()));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).expect("it")).expect("JSON");
    let states: Vec<_> = manifest["components"].as_array().expect("a list").iter().map(|one| &one["state"]).collect();
    assert_eq!(states.iter().filter(|state| **state == "signed").count(), 3, "{states:?}");
    nothing_has(&desk.centre.folder, PASSWORD);
}

#[test]
fn a_version_that_was_replaced_is_not_signed_later() {
    let folder = fresh("desk-sign-versions");
    let digitize = |name: &str| {
        let capture = folder.join("a");
        fs::create_dir_all(&capture).expect("our own folder");
        fs::copy(root().join("samples").join(name), capture.join("1.jpg")).expect("our own folder");
        let made = run(sohoa()
            .arg("digitize")
            .arg(folder.join("a"))
            .args(["--no-sign", "--ocr", "off", "--out"])
            .arg(folder.join("out")));
        assert!(matches!(made.code, Some(0 | 4)), "{made:?}");
    };
    digitize(SAMPLES[0]);
    digitize(SAMPLES[1]);
    let key = root().join("tests/data/sign/p256.p12");
    let mut command = sohoa();
    command.arg("sign").arg("--key").arg(key).env("SOHOA_KEY_PASSWORD", PASSWORD);
    let signed = run(command.arg("--pending").arg(folder.join("out")));
    assert_eq!((signed.code, signed.stdout.contains("Đã ký 1 tệp")), (Some(0), true), "{signed:?}");
    let manifest = fs::read(folder.join("out/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let states: Vec<_> = manifest["components"].as_array().expect("a list").iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["unsigned", "signed"]);
}

/// A centre whose token is asked through this module.
fn with_token(name: &str, token: &Token, module: &Path) -> (Centre, String) {
    let mut centre = Centre::new(name);
    centre.variables.push(("SOFTHSM2_CONF", token.folder.join("softhsm2.conf")));
    centre.variables.push(("PKCS11SPY", SOFTHSM.into()));
    centre.variables.push(("PKCS11SPY_OUTPUT", token.folder.join("spy.log")));
    centre.variables.push(("FAULTS_MODULE", SOFTHSM.into()));
    centre.variables.push(("FAULTS_LOG", token.folder.join("logins")));
    let section = format!("[sign]\nenabled = false\ntoken = {module:?}\nchain = {:?}", chain());
    (centre, section)
}

#[test]
fn a_pin_is_presented_once_an_act_and_a_wrong_one_leaves_everything_waiting() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("desk-sign-token", &["p256"]);
    let (centre, section) = with_token("desk-sign-pin", &token, spy());
    let mut desk = waiting_desk(centre, &section);
    let cookie = session(&desk, "lan");
    assert!(see(&desk, "/sign", &cookie).text().contains("Mã PIN"));
    assert!(!token.folder.join("spy.log").exists(), "nobody asks the token before a person does");
    assert_eq!(sign(&desk, &cookie, &[("all", "1"), ("secret", "")]).status, 303);
    assert!(ended(&desk, &cookie).contains("Chưa nhập"));
    assert_eq!(token.spied_calls("C_Login"), 0);
    assert_eq!(sign(&desk, &cookie, &[("all", "1"), ("secret", WRONG_PIN)]).status, 303);
    let page = desk.centre.wait_for("it is refused", || {
        Some(see(&desk, "/sign", &cookie).text()).filter(|page| page.contains("PIN không đúng"))
    });
    assert!(page.contains("vẫn chờ ký") && !page.contains(WRONG_PIN), "{page}");
    assert_eq!(token.spied_calls("C_Login"), 1);
    assert!(token.flags().contains("user PIN count low"), "the token saw it");
    wait_for(&desk, &[(1, "unsigned"); 3]);

    assert_eq!(sign(&desk, &cookie, &[("all", "1"), ("secret", PIN)]).status, 303);
    wait_for(&desk, &[(1, "done"); 3]);
    assert!(ended(&desk, &cookie).contains("đã ký 3/3"));
    assert_eq!(token.spied_calls("C_Login"), 2, "one more");
    assert_eq!(desk.centre.stop(), Some(0));
    let out = desk.centre.folder.join("out").join(CODE);
    let verified = run(sohoa().arg("verify").arg(&out).arg("--trust").arg(root_certificate()));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    nothing_has(&desk.centre.folder.join("data"), WRONG_PIN);
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains(WRONG_PIN) && said.contains("signing-ended"), "{said}");
}

#[test]
fn the_last_try_is_made_only_for_who_says_that_they_know() {
    if !judges_are_there() {
        return;
    }
    let token = Token::with("desk-sign-final", &["p256"]);
    let (mut centre, section) = with_token("desk-sign-last", &token, faults());
    centre.variables.push(("FAULTS", "final-try".into()));
    let mut desk = waiting_desk(centre, &section);
    let cookie = session(&desk, "lan");
    let logins = || fs::read_to_string(token.folder.join("logins")).map_or(0, |log| log.lines().count());
    assert!(!see(&desk, "/sign", &cookie).text().contains("name=final"));
    assert_eq!(sign(&desk, &cookie, &[("all", "1"), ("secret", PIN)]).status, 303);
    let page = ended(&desk, &cookie);
    assert!(page.contains("một lần thử") && page.contains("name=final"), "{page}");
    assert_eq!(logins(), 0);
    assert_eq!(sign(&desk, &cookie, &[("all", "1"), ("secret", PIN), ("final", "1")]).status, 303);
    wait_for(&desk, &[(1, "done"); 3]);
    assert_eq!(logins(), 1);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_service_that_signs_by_itself_says_so() {
    let mut desk = Desk::open("desk-sign-itself", &[]);
    add(&desk.centre, "lan", "clerk");
    let page = see(&desk, "/sign", &session(&desk, "lan")).text();
    assert!(page.contains("tự ký") && page.contains("không có giá trị pháp lý") && !page.contains("secret"), "{page}");
    assert_eq!(desk.centre.stop(), Some(0));
    let mut desk = Desk::open("desk-sign-nobody", &[("[service]", "[sign]\nenabled = false\n[service]")]);
    add(&desk.centre, "lan", "clerk");
    let page = see(&desk, "/sign", &session(&desk, "lan")).text();
    assert!(page.contains("sign.token") && !page.contains("name=secret"), "{page}");
    assert_eq!(desk.centre.stop(), Some(0));
}
