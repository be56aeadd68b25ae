//! Papers that need not be brought again: offered by person and kind, brought byte for byte, said to be so, and written down.

use std::fs;

use serde_json::Value;

use crate::codes::{CODED, blots, card, wait_for_codes};
use crate::desk::{add, field, post, see, session};
use crate::http::Desk;
use crate::program::run;
use crate::service::{CODE, Centre};

/// The dossier of a later day.
const LATER: &str = "H21.15.25-250901-0007";
/// A person's number; nobody's.
const NUMBER: &str = "052090000123";

fn file_of(centre: &Centre, code: &str, name: &str) -> Vec<u8> {
    fs::read(centre.folder.join("out").join(code).join(name)).unwrap_or_else(|error| panic!("{code}/{name}: {error}"))
}

#[test]
fn a_paper_that_is_there_is_offered_and_comes_into_the_dossier_as_it_is() {
    let mut desk = Desk::open("reuse", &[CODED]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    desk.centre.drop(&format!("{CODE}/Căn cước/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.drop(&format!("{CODE}/Căn cước khác/1.tif"), &card("052190000456", "Nữ", "Trần Thị Bình"));
    let given = wait_for_codes(&desk.centre, 2);
    desk.centre.drop(&format!("{LATER}/Đơn/1.tif"), &blots(3));
    desk.centre.wait_for_states(Some(LATER), &[("Don", 1, "done")]);

    // As soon as the clerk has said whose the dossier is, its page says what need not be brought.
    let cookie = session(&desk, "lan");
    let (dossier, offers) = (format!("/dossiers/{LATER}"), format!("/dossiers/{LATER}/reuse"));
    let page = see(&desk, &dossier, &cookie).text();
    assert!(!page.contains(&offers), "nobody knows whose it is: {page}");
    let form = field(&page, "form");
    let said = [("form", &form[..]), ("procedure", ""), ("owner", NUMBER)];
    assert_eq!(post(&desk, &format!("{dossier}/procedure"), &cookie, &said).status, 303);
    let offered = || {
        let page = see(&desk, &dossier, &cookie).text();
        (page.contains(&offers) && page.contains("1 giấy tờ của người này đã có trong hồ sơ khác")).then_some(())
    };
    desk.centre.wait_for("the paper is offered", offered);
    let keeper = session(&desk, "minh");
    assert_eq!(see(&desk, &offers, &keeper).status, 403, "not for who may not read papers");
    let page = see(&desk, &offers, &cookie).text();
    assert!(page.contains("Căn cước") && page.contains(CODE) && !page.contains("Căn cước khác"), "{page}");
    assert!(!page.contains(NUMBER), "{page}");
    let paper = field(&page, "paper");

    // Only from our own form.
    let forged = post(&desk, &offers, &cookie, &[("form", "x"), ("paper", &paper)]);
    assert_eq!(forged.status, 403, "{forged:?}");
    let chosen = [("form", &form[..]), ("paper", &paper)];
    for _ in 0..2 {
        assert_eq!(post(&desk, &offers, &cookie, &chosen).status, 303, "again changes nothing");
    }
    desk.centre.wait_for_states(Some(LATER), &[("Can-cuoc", 1, "done"), ("Don", 1, "done")]);
    assert_eq!(file_of(&desk.centre, LATER, "Can-cuoc.pdf"), file_of(&desk.centre, CODE, "Can-cuoc.pdf"));
    let page = see(&desk, &dossier, &cookie).text();
    assert!(page.contains("dùng lại") && !page.contains(&offers), "it is offered once: {page}");

    // The portal is told, by the code of the original; it has no second one.
    let to = desk.centre.folder.join("handed on");
    let exported = run(desk.centre.program(&["dossier", "export", LATER, "--to"]).arg(&to));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let papers = fs::read(to.join(LATER).join("TaiLieuNop.json")).expect("it is there");
    let papers: Vec<Value> = serde_json::from_slice(&papers).expect("JSON");
    let told: Vec<_> = papers.iter().map(|one| (&one["DuocTaiSuDung"], &one["MaKetQuaThayThe"])).collect();
    assert_eq!(told, [(&2.into(), &given["Can-cuoc"][..].into()), (&0.into(), &"".into())]);
    let later = desk.centre.components(Some(LATER));
    let card = later.iter().find(|one| one["name"] == "Can-cuoc").expect("it is there");
    assert_eq!(card["digital_code"], Value::Null);

    // Points for it, and a line for who looked and who did; no number in either.
    let figures = desk.centre.run(&["store", "figures", "--from", "2025-09-01", "--to", "2025-09-01", "--json"]);
    let figures: Value = serde_json::from_str(&figures.stdout).expect("JSON");
    assert_eq!(figures["total"]["points"]["4.3"]["points"], 2.0);
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let count = |kind: &str| -> i64 {
        let select = "SELECT count(*) FROM events WHERE kind = ?1 AND account IS NOT NULL";
        store.query_row(select, [kind], |row| row.get(0)).expect("the store")
    };
    assert_eq!((count("looked-for-papers"), count("reused")), (1, 1));
    assert_eq!(desk.centre.stop(), Some(0));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains(NUMBER), "{said}");
}

#[test]
fn a_paper_that_was_altered_is_not_brought() {
    let mut desk = Desk::open("reuse-altered", &[CODED]);
    add(&desk.centre, "lan", "clerk");
    desk.centre.drop(&format!("{CODE}/Căn cước/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    wait_for_codes(&desk.centre, 1);
    desk.centre.drop(&format!("{LATER}/Căn cước/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn  An"));
    desk.centre.wait_for_states(Some(LATER), &[("Can-cuoc", 1, "done")]);
    let (cookie, offers) = (session(&desk, "lan"), format!("/dossiers/{LATER}/reuse"));
    // It is of the same kind and person as what was scanned.
    let page = desk.centre.wait_for("the paper is offered", || {
        let page = see(&desk, &offers, &cookie).text();
        page.contains("name=paper").then_some(page)
    });
    let path = desk.centre.folder.join("out").join(CODE).join("Can-cuoc.pdf");
    let mut bytes = fs::read(&path).expect("it is published");
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).expect("our own folder");
    let chosen = [("form", &field(&page, "form")[..]), ("paper", &field(&page, "paper"))];
    let refused = post(&desk, &offers, &cookie, &chosen);
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.text().contains("đã bị sửa hoặc mất"), "{}", refused.text());
    assert_eq!(desk.centre.components(Some(LATER)).len(), 1);

    // Put right, it comes beside what was scanned.
    bytes[last] ^= 1;
    fs::write(&path, &bytes).expect("our own folder");
    assert_eq!(post(&desk, &offers, &cookie, &chosen).status, 303);
    desk.centre.wait_for_states(Some(LATER), &[("Can-cuoc", 1, "done"), ("Can-cuoc-dung-lai", 1, "done")]);
    assert_eq!(file_of(&desk.centre, LATER, "Can-cuoc-dung-lai.pdf"), bytes);
    assert_eq!(desk.centre.stop(), Some(0));
}
