//! The data of papers as people confirm and correct them: at the desk and over the API, and what follows from it everywhere.

use std::fs;

use serde_json::{Value, json};

use crate::codes::{blots, card, codes, wait_for_codes};
use crate::desk::{add, field, post, see, session};
use crate::http::{Answer, Desk, sample};
use crate::program::{fresh, root, run, sohoa};
use crate::service::{CODE, Centre};

/// A person's number; nobody's.
const NUMBER: &str = "052090000123";

/// Data lie beside the files, and papers get codes as soon as their type is known.
const CODED: (&str, &str) = ("[ocr]\nenabled = false\n", "[codes]\nenabled = true\n[ocr]\ntranscripts = ['data']\n");

/// The number of a component of the dossier.
fn number(centre: &Centre, name: &str) -> i64 {
    let components = centre.components(Some(CODE));
    let newest = components.iter().find(|one| one["name"] == name && one["newest"] == true);
    newest.and_then(|one| one["id"].as_i64()).unwrap_or_else(|| panic!("no {name}: {components:#?}"))
}

fn titles(centre: &Centre, arguments: &[&str]) -> Vec<String> {
    let found = centre.run(&[&["search", "--json"], arguments].concat());
    let hits = found.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    hits.map(|hit| hit["title"].as_str().unwrap_or_default().to_owned()).collect()
}

fn wait_until_found(centre: &Centre, arguments: &[&str], title: &str) {
    centre.wait_for(&format!("{arguments:?}"), || (titles(centre, arguments) == [title]).then_some(()));
}

/// What the API says of a value.
fn value(data: &Value, field: &str) -> Value {
    let values = data["values"].as_array().expect("values");
    values.iter().find(|value| value["field"] == field).cloned().unwrap_or_default()
}

/// Says something at the desk, in the form that the page has.
fn say(desk: &Desk, cookie: &str, component: i64, fields: &[(&str, &str)]) -> Answer {
    let path = format!("/components/{component}/data");
    let page = see(desk, &path, cookie).text();
    let kind = page.split(" selected>").next().and_then(|before| before.rsplit("<option value=").next());
    let kind = kind.filter(|kind| kind.len() < 40 && page.contains(" selected>")).unwrap_or_default().to_owned();
    let mut form = vec![("form", field(&page, "form"))];
    form.extend((!fields.iter().any(|(name, _)| *name == "kind")).then_some(("kind", kind)));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, &value[..])).collect();
    post(desk, &path, cookie, &[&form, fields].concat())
}

/// What the store has written down of what was said and seen of data.
fn written_down(centre: &Centre) -> Vec<(String, bool, Option<String>)> {
    let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
    let select = "SELECT kind, account IS NOT NULL, detail FROM events WHERE kind LIKE 'data-%' ORDER BY id";
    let mut select = store.prepare(select).expect("the store");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("the store")
}

#[test]
fn what_a_person_says_of_a_paper_is_used_everywhere() {
    let mut desk = Desk::open("data", &[CODED]);
    for (name, role) in [("lan", "clerk"), ("son", "officer"), ("minh", "admin")] {
        add(&desk.centre, name, role);
    }
    desk.centre.drop(&format!("{CODE}/Thẻ/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.drop(&format!("{CODE}/Giấy/1.tif"), &blots(1));
    desk.centre.wait_for_states(Some(CODE), &[("Giay", 1, "done"), ("The", 1, "done")]);
    wait_until_found(&desk.centre, &["--owner", "Nguyễn Văn An"], "Thẻ");
    let before = fs::read(desk.centre.folder.join("out").join(CODE).join("The.data.json")).expect("it was made");
    let (card, blank) = (number(&desk.centre, "The"), number(&desk.centre, "Giay"));
    let clerk = session(&desk, "lan");
    let path = format!("/components/{card}/data");

    // It is linked from its dossier and its pages, and seen by who may read papers.
    for page in [format!("/dossiers/{CODE}"), format!("/components/{card}/pages")] {
        assert!(see(&desk, &page, &clerk).text().contains(&format!("href={path}")), "{page}");
    }
    let page = see(&desk, &path, &clerk).text();
    assert!(page.contains(&format!("value=\"{NUMBER}\"")) && page.contains("từ mã QR"), "{page}");
    assert!(page.contains("name=\"v.birth_date\"") && page.contains("value=\"01/02/1990\""), "{page}");
    let officer = see(&desk, &path, &session(&desk, "son")).text();
    assert!(officer.contains(NUMBER) && officer.contains("readonly") && !officer.contains("<button accesskey=y"));
    assert_eq!(see(&desk, &path, &session(&desk, "minh")).status, 403);
    let theirs = session(&desk, "son");
    let form = field(&see(&desk, "/search", &theirs).text(), "form");
    assert_eq!(post(&desk, &path, &theirs, &[("form", &form), ("v.owner", "x")]).status, 403);
    assert_eq!(post(&desk, &path, &clerk, &[("form", "x"), ("v.owner", "x")]).status, 403, "not from our own form");

    // As it is seen it is confirmed, what is changed is corrected, and what does not fit is told once.
    let seen = [("v.owner", "Nguyễn Văn An"), ("v.birth_date", "01/02/1990")];
    assert_eq!(say(&desk, &clerk, card, &seen).status, 303);
    let wrong = say(&desk, &clerk, card, &[("v.owner", "Trần Thị Bình"), ("v.birth_date", "31/02/1990")]);
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("Không có ngày này trong lịch") && wrong.text().contains("aria-invalid=true"));
    assert!(titles(&desk.centre, &["--owner", "Trần Thị Bình"]).is_empty(), "nothing of it is kept");
    let again = [("v.owner", "Trần Thị Bình"), ("v.birth_date", "31/02/1990"), ("s.birth_date", "31/02/1990")];
    assert_eq!(say(&desk, &clerk, card, &again).status, 303);
    wait_until_found(&desk.centre, &["--owner", "Trần Thị Bình"], "Thẻ");
    assert!(titles(&desk.centre, &["--owner", "Nguyễn Văn An"]).is_empty());
    let told = desk.get(&format!("/api/v1{path}")).json();
    let owner = value(&told, "owner");
    assert_eq!((&owner["value"], &owner["method"]), (&"Trần Thị Bình".into(), &"person".into()));
    assert_eq!(
        (&owner["said"]["by"], value(&told, "birth_date")["value"].as_str()),
        (&"lan".into(), Some("31/02/1990"))
    );
    assert_eq!(value(&told, "id_number")["said"], Value::Null, "what was not on the form was not said");
    let page = see(&desk, &path, &clerk).text();
    assert!(page.contains("máy đọc “Nguyễn Văn An”") && page.contains("đã xác nhận: lan"), "{page}");

    // A paper that said nothing is told what it is, and gets its code by that; the code stays.
    assert!(codes(&desk.centre).is_empty());
    let kind = say(&desk, &clerk, blank, &[("kind", "giay-khai-sinh")]);
    assert!(kind.header("Location").is_some_and(|path| path.ends_with("?told=kind")), "{kind:?}");
    let said = [("v.id_number", NUMBER), ("v.owner", "phạm đức hạnh"), ("v.sex", "")];
    assert_eq!(say(&desk, &clerk, blank, &said).status, 303);
    let given = wait_for_codes(&desk.centre, 1);
    assert_eq!(given["Giay"][..].rsplit_once('.'), Some((&format!("{NUMBER}.KQ.G15.000031")[..], "1")));
    assert_eq!(say(&desk, &clerk, blank, &[("v.id_number", "052090000999")]).status, 303);
    wait_until_found(&desk.centre, &["--id", "052090000999"], "Giấy");
    assert_eq!(codes(&desk.centre), given);
    assert_eq!(say(&desk, &clerk, blank, &[("v.id_number", "")]).status, 303);
    desk.centre
        .wait_for("it is on no paper", || titles(&desk.centre, &["--id", "052090000999"]).is_empty().then_some(()));
    let told = desk.get(&format!("/api/v1/components/{blank}/data")).json();
    assert_eq!((&told["absent"], &told["kind"]["id"]), (&json!(["id_number"]), &"giay-khai-sinh".into()));

    // It is handed on beside what was published, which stays as it is.
    let to = desk.centre.folder.join("handed on");
    let exported = run(desk.centre.program(&["dossier", "export", CODE, "--to"]).arg(&to));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let read = |name: &str| fs::read(to.join(CODE).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let records: Vec<Value> = serde_json::from_slice(&read("KetQuaSoHoa.json")).expect("JSON");
    assert_eq!(records[0]["TenChuGiayTo"], "Phạm Đức Hạnh");
    let corrected: Value = serde_json::from_slice(&read("The.data.corrected.json")).expect("JSON");
    assert_eq!(value(&corrected, "owner")["value"], "Trần Thị Bình");
    assert_eq!(read("The.data.json"), before);
    assert_eq!(run(sohoa().arg("verify").arg(to.join(CODE))).code, Some(0));

    // Who did it is written down, and nothing of what it was.
    let events = written_down(&desk.centre);
    assert!(events.iter().all(|(_, has_account, detail)| *has_account && detail.is_none()), "{events:?}");
    let kinds: Vec<&str> = events.iter().map(|(kind, ..)| &kind[..]).collect();
    assert_eq!(kinds[..2], ["data-confirmed", "data-corrected"], "{events:?}");
    assert_eq!(desk.centre.stop(), Some(0));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    for text in ["Bình", "Hạnh", NUMBER, "052090000999"] {
        assert!(!said.contains(text), "{text}: {said}");
    }
}

#[test]
fn nothing_that_was_said_is_lost_when_the_service_is_killed() {
    let mut desk = Desk::open("data-killed", &[CODED]);
    add(&desk.centre, "lan", "clerk");
    desk.centre.drop(&format!("{CODE}/Thẻ/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.wait_for_states(Some(CODE), &[("The", 1, "done")]);
    wait_until_found(&desk.centre, &["--owner", "Nguyễn Văn An"], "Thẻ");
    let card = number(&desk.centre, "The");
    let cookie = session(&desk, "lan");
    for (index, name) in ["Trần Thị Bình", "Lê Văn Cường", "Phạm Thị Dung"].into_iter().enumerate() {
        assert_eq!(say(&desk, &cookie, card, &[("v.owner", name)]).status, 303);
        std::thread::sleep(std::time::Duration::from_millis(400 * index as u64));
        desk.centre.kill();
        desk.start();
        wait_until_found(&desk.centre, &["--owner", name], "Thẻ");
        assert_eq!(value(&desk.get(&format!("/api/v1/components/{card}/data")).json(), "owner")["value"], name);
    }
    // A rescan is the same paper.
    desk.centre.drop(&format!("{CODE}/Thẻ/1.tif"), &self::card(NUMBER, "Nam", "Nguyễn Văn Ân"));
    desk.centre.wait_for_states(Some(CODE), &[("The", 2, "done")]);
    let second = number(&desk.centre, "The");
    assert_ne!(second, card);
    assert_eq!(
        value(&desk.get(&format!("/api/v1/components/{second}/data")).json(), "owner")["value"],
        "Phạm Thị Dung"
    );
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn programs_say_it_and_search_over_the_api() {
    let mut desk = Desk::open("data-api", &[CODED]);
    desk.centre.drop(&format!("{CODE}/Thẻ/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.wait_for_states(Some(CODE), &[("The", 1, "done")]);
    wait_until_found(&desk.centre, &["--owner", "Nguyễn Văn An"], "Thẻ");
    let path = format!("/api/v1/components/{}/data", number(&desk.centre, "The"));
    let told = desk.get(&path).json();
    assert_eq!((&told["schema"], &told["kind"]["id"]), (&"sohoa-data/1".into(), &"can-cuoc".into()));
    assert_eq!((&told["kind"]["said"], &told["absent"]), (&Value::Null, &json!([])));
    // What was told can be sent back, and is confirmed by that.
    let back = desk.post_json(&path, &told.to_string()).json();
    assert_eq!(value(&back, "owner")["said"]["by"], Value::Null);
    assert!(value(&back, "owner")["said"]["ms"].is_i64() && back["kind"]["said"]["ms"].is_i64(), "{back}");
    let said = json!({"values": [{"field": "birth_date", "value": "02/01/1990"}, {"field": "sex", "value": ""}]});
    let back = desk.post_json(&path, &said.to_string()).json();
    assert_eq!((&value(&back, "birth_date")["value"], &back["absent"]), (&"1990-01-02".into(), &json!(["sex"])));
    for wrong in [
        json!({"values": [{"field": "height", "value": "1"}]}),
        json!({"kind": {"id": "nothing"}}),
        json!({"values": [{"field": "sex"}]}),
        json!({"values": [{"field": "sex", "value": "x".repeat(1001)}]}),
    ] {
        assert_eq!(desk.post_json(&path, &wrong.to_string()).status, 400, "{wrong}");
    }
    assert_eq!(desk.get("/api/v1/components/999/data").status, 404);

    let found = desk.get(&format!("/api/v1/search?id={NUMBER}&limit=5"));
    let hits = found.json()["hits"].clone();
    assert_eq!((hits.as_array().map(Vec::len), &hits[0]["title"]), (Some(1), &"Thẻ".into()), "{found:?}");
    assert!(!found.text().contains(NUMBER) && hits[0]["id"] == "0520••••0123", "{found:?}");
    assert_eq!(desk.get("/api/v1/search?owner=tran").json()["hits"], json!([]));
    for wrong in ["", "?id=12", "?from=2025-02-31&text=a", "?limit=0&text=a", "?x=1", "?exact=maybe&text=a"] {
        assert_eq!(desk.get(&format!("/api/v1/search{wrong}")).status, 400, "{wrong}");
    }
    // A look and a search are written down, whoever it was.
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let select = "SELECT group_concat(kind || ' ' || coalesce(substr(detail, 1, 4), ''), ',') FROM
        (SELECT kind, detail FROM events WHERE kind IN ('viewed', 'searched') AND account IS NULL AND id > 
            (SELECT max(id) FROM events WHERE kind LIKE 'data-%') ORDER BY id)";
    let events: String = store.query_row(select, [], |row| row.get(0)).expect("events");
    assert!(events.starts_with("searched id f"), "{events}");
    let views: i64 = store
        .query_row("SELECT count(*) FROM events WHERE kind = 'viewed' AND account IS NULL", [], |row| row.get(0))
        .expect("events");
    assert_eq!(views, 1);
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn what_was_said_of_a_paper_teaches_how_the_next_is_read() {
    const LATER: &str = "H21.15.25-250901-0007";
    // Birth certificates without the label that is printed before the ethnicity.
    let kinds = fresh("data-taught-kinds");
    let text = fs::read_to_string(root().join("assets/kinds/giay-khai-sinh.toml")).expect("a kind");
    let label = "[\"Dân tộc\"]";
    assert!(text.contains(label), "{text}");
    fs::write(kinds.join("a.toml"), text.replace(label, "[\"Thuộc sắc dân\"]")).expect("our own folder");
    let section = format!("[extract]\nkinds = {kinds:?}\n[ocr]\ntranscripts = ['data']\n");
    let mut desk = Desk::open("data-taught", &[("[ocr]\nenabled = false\n", &section)]);
    add(&desk.centre, "lan", "clerk");
    let picture = sample("giay-khai-sinh/ban-chinh.jpg");
    desk.centre.drop(&format!("{CODE}/Khai sinh/1.jpg"), &picture);
    desk.centre.wait_for_states(Some(CODE), &[("Khai-sinh", 1, "done")]);
    let first = number(&desk.centre, "Khai-sinh");
    let data = |desk: &Desk, id: i64| desk.get(&format!("/api/v1/components/{id}/data")).json();
    assert_eq!(value(&data(&desk, first), "ethnicity"), Value::Null);
    let cookie = session(&desk, "lan");
    assert_eq!(say(&desk, &cookie, first, &[("v.ethnicity", "Khmer")]).status, 303);

    // Another copy: the same words, other bytes.
    let copy = [&picture[..2], &[0xff, 0xfe, 0, 6], b"0002", &picture[2..]].concat();
    desk.centre.drop(&format!("{LATER}/Khai sinh/1.jpg"), &copy);
    let made = desk.centre.wait_for_states(Some(LATER), &[("Khai-sinh", 1, "done")]);
    let second = made[0]["id"].as_i64().expect("a number");
    let learnt = value(&data(&desk, second), "ethnicity");
    assert_eq!((&learnt["value"], &learnt["method"]), (&"Khmer".into(), &"print-label".into()), "{learnt}");
    assert_eq!((&learnt["taught"], &learnt["said"]), (&1.into(), &Value::Null));
    let page = see(&desk, &format!("/components/{second}/data"), &cookie).text();
    assert!(page.contains("học từ 1 giấy tờ trước"), "{page}");
    // It teaches nothing of the person, and nothing is made anew for it.
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let example: String = store.query_row("SELECT example FROM examples", [], |row| row.get(0)).expect("an example");
    assert!(!example.contains("Hạnh") && !example.contains("Khmer") && example.contains("Dân tộc"), "{example}");
    assert_eq!(desk.centre.stop(), Some(0));
    desk.start();
    let listed = desk.centre.components(Some(CODE));
    assert_eq!((listed.len(), &listed[0]["version"], &listed[0]["state"]), (1, &1.into(), &"done".into()));
    assert_eq!(desk.centre.stop(), Some(0));
}
