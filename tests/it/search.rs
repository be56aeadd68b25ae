//! Searching as people do: by the command and at the desk, in papers that the service has published.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::desk::{add, field, post, see, session};
use crate::http::Desk;
use crate::program::root;
use crate::service::{CODE, Centre};

/// A citizen's number on `to-khai/trang-1.jpg`.
const NUMBER: &str = "007374297129";
const READING: (&str, &str) = ("enabled = false", "enabled = true");

fn sample(name: &str) -> Vec<u8> {
    fs::read(root().join("samples").join(name)).expect("a sample")
}

fn find(centre: &Centre, arguments: &[&str]) -> Vec<Value> {
    let found = centre.run(&[&["search", "--json"], arguments].concat());
    assert!(matches!(found.code, Some(0 | 5)), "{found:?}");
    found.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn titles(centre: &Centre, arguments: &[&str]) -> Vec<String> {
    find(centre, arguments).iter().map(|hit| hit["title"].as_str().unwrap_or_default().to_owned()).collect()
}

fn wait_until_found(centre: &Centre, arguments: &[&str]) -> Vec<Value> {
    centre.wait_for(&format!("{arguments:?} is found"), || {
        let hits = find(centre, arguments);
        (!hits.is_empty()).then_some(hits)
    })
}

/// What was asked, as the store has it.
fn written_down(centre: &Centre) -> Vec<(Option<i64>, String)> {
    let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
    let select = store.prepare("SELECT account, detail FROM events WHERE kind = 'searched' ORDER BY id");
    let mut select = select.expect("a table of events");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).expect("rows of events")
}

fn notes(centre: &Centre) -> i64 {
    let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
    store.query_row("SELECT count(*) FROM unindexed", [], |row| row.get(0)).expect("a count")
}

#[test]
fn papers_are_found_as_they_are_published_and_searches_are_written_down() {
    let mut desk = Desk::closed("search", &[READING]);
    let centre = &desk.centre;
    centre.drop(&format!("{CODE}/Tờ khai/1.jpg"), &sample("to-khai/trang-1.jpg"));
    centre.drop(&format!("{CODE}/Quyết định/1.jpg"), &sample("quyet-dinh/1-mat-truoc.jpg"));
    assert_eq!(centre.run(&["search", "x"]).code, Some(5), "there is no store yet");
    desk.start();
    let centre = &desk.centre;
    centre.wait_for_states(Some(CODE), &[("Quyet-dinh", 1, "done"), ("To-khai", 1, "done")]);
    wait_until_found(centre, &["đề nghị đăng ký khai sinh"]);
    wait_until_found(centre, &["niêm yết công khai"]);

    for (asked, expected) in [
        ("bệnh viện đa khoa", "Tờ khai"),
        ("benh vien da khoa", "Tờ khai"),
        ("bẹnh viện đa khoa", "Tờ khai"),
        ("bennh vien da khoaa", "Tờ khai"),
        ("\"Hộ tịch tại Tờ trình\"", "Quyết định"),
        ("27/TTr-TP", "Quyết định"),
        ("697/QĐ-UBND", "Quyết định"),
        ("phê duyệt danh mụ", "Quyết định"),
        (NUMBER, "Tờ khai"),
        ("007 374 297 129", "Tờ khai"),
    ] {
        assert_eq!(titles(centre, &[asked]), [expected], "{asked}");
    }
    for nothing in ["\"đa khoa bệnh viện\"", "007374297120", "xyzwkq", "27/TTr-XP"] {
        assert_eq!(titles(centre, &[nothing]), [""; 0], "{nothing}");
    }
    assert_eq!(titles(centre, &["benh", "--exact"]), [""; 0]);
    assert_eq!(titles(centre, &["--id", NUMBER]), ["Tờ khai"]);
    assert_eq!(titles(centre, &["ngày", "--dossier", "H21.15.25-250701-0013"]), [""; 0]);
    assert_eq!(titles(centre, &["ngày", "--dossier", CODE]).len(), 2);
    assert_eq!(titles(centre, &["ngày", "--most", "1", "--skip", "1"]).len(), 1);
    let wrong = centre.run(&["search", "--id", "123"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("12 chữ số"), "{wrong:?}");
    assert_eq!(centre.run(&["search"]).code, Some(2));

    // The number is shown in part, in the very place where it stands on the paper.
    let hit = &find(centre, &[NUMBER])[0];
    let shown = hit["snippet"].to_string();
    assert!(shown.contains("0073••••7129") && !hit.to_string().contains(NUMBER), "{hit}");
    assert_eq!(
        (hit["dossier"].as_str(), hit["page"].as_u64(), hit["version"].as_u64()),
        (Some(CODE), Some(1), Some(1))
    );
    let (size, place) = (&hit["size"], &hit["boxes"][0]);
    let share = |index: usize, side: usize| place[index].as_f64().unwrap() / size[side].as_f64().unwrap();
    // Line 8 of 24, in its right half.
    assert!((0.3..0.9).contains(&share(0, 0)) && (0.1..0.5).contains(&share(1, 1)), "{place} of {size}");
    let told = centre.run(&["search", "bệnh viện"]);
    assert!(told.stdout.contains("[Bệnh viện]") || told.stdout.contains("[bệnh viện]"), "{told:?}");
    assert!(!centre.run(&["search", NUMBER]).stdout.contains(NUMBER));

    // At the desk, for those who may read papers.
    add(centre, "lan", "clerk");
    add(centre, "quan", "admin");
    let (clerk, keeper) = (session(&desk, "lan"), session(&desk, "quan"));
    let form = see(&desk, "/search", &clerk);
    assert_eq!((form.status, see(&desk, "/search", &keeper).status), (200, 403));
    assert!(
        see(&desk, "/", &clerk).text().contains("href=/search")
            && !see(&desk, "/", &keeper).text().contains("href=/search")
    );
    let token = field(&form.text(), "form");
    let search = |fields: &[(&str, &str)]| post(&desk, "/search", &clerk, &[&[("form", &token[..])], fields].concat());
    let found = search(&[("text", "benh vien da khoa")]);
    assert!(found.status == 200 && found.text().contains("<mark>Bệnh viện đa khoa</mark>"), "{}", found.text());
    assert!(found.text().contains("<rect ") && found.text().contains("page.jpg"), "{}", found.text());
    let picture = found.text().split("<img src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert_eq!(see(&desk, &picture.replace("&amp;", "&"), &clerk).header("Content-Type"), Some("image/jpeg"));
    assert!(search(&[("text", ""), ("identity", NUMBER)]).text().contains("Tờ khai, trang 1"));
    assert!(search(&[("text", "xyzwkq")]).text().contains("Không tìm thấy"));
    assert_eq!(search(&[("text", "  ")]).status, 400);
    assert_eq!(post(&desk, "/search", &clerk, &[("form", "x"), ("text", "a")]).status, 403);
    let keepers = see(&desk, "/figures", &keeper);
    assert_eq!(
        post(&desk, "/search", &keeper, &[("form", &field(&keepers.text(), "form")), ("text", "a")]).status,
        403
    );

    // Who, when, by which fields and how many; what was asked is nowhere.
    let written = written_down(&desk.centre);
    let traces: Vec<(bool, &str, &str)> = written
        .iter()
        .map(|(who, what)| {
            let (named, hash) = what.split_once(" hash=").expect("fields, then the hash");
            (who.is_some(), named, hash)
        })
        .collect();
    let of_clerk: Vec<&str> = traces.iter().filter(|one| one.0).map(|(_, named, _)| *named).collect();
    assert_eq!(of_clerk, ["text found=1", "id found=1", "text found=0"]);
    let by_id: Vec<&str> = traces.iter().filter(|one| one.1 == "id found=1").map(|(.., hash)| *hash).collect();
    assert!(by_id.len() == 2 && by_id[0] == by_id[1], "at the desk and by the command: {written:?}");
    assert!(
        traces.iter().any(|one| one.1 == "text,exact found=0")
            && traces.iter().any(|one| one.1 == "text,dossier found=2")
    );
    for (_, named, hash) in traces {
        let (fields, found) = named.split_once(" found=").expect("fields, then how many");
        assert!(fields.split(',').all(|field| ["text", "id", "dossier", "exact"].contains(&field)), "{named}");
        assert!(
            found.parse::<u32>().is_ok() && hash.len() == 32 && u128::from_str_radix(hash, 16).is_ok(),
            "{named} {hash}"
        );
    }
    assert_eq!(desk.centre.stop(), Some(0));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains("benh") && !said.contains("khai"), "no text in the log: {said}");
}

#[test]
fn papers_are_found_by_what_they_say_of_themselves() {
    let mut desk = Desk::closed("search-fields", &[READING]);
    for (title, picture) in [
        ("Giấy khai sinh", "giay-khai-sinh/ban-chinh.jpg"),
        ("Quyết định", "quyet-dinh/1-mat-truoc.jpg"),
        ("Thẻ", "can-cuoc/anh-chup.jpg"),
    ] {
        desk.centre.drop(&format!("{CODE}/{title}/1.jpg"), &sample(picture));
    }
    desk.start();
    let centre = &desk.centre;
    centre.wait_for_states(Some(CODE), &[("Giay-khai-sinh", 1, "done"), ("Quyet-dinh", 1, "done"), ("The", 1, "done")]);
    centre.wait_for("all is indexed", || (find(centre, &["--dossier", CODE]).len() == 3).then_some(()));
    let papers: [(&[&str], &str); 10] = [
        (&["--number", "697 / qd-ubnd"], "Quyết định"),
        (&["--number", "143/2025"], "Giấy khai sinh"),
        (&["--kind", "quyet dinh"], "Quyết định"),
        (&["--kind", "Giấy khai sinh", "--owner", "hạnh"], "Giấy khai sinh"),
        (&["--owner", "Phạm Đức Hạnh"], "Giấy khai sinh"),
        (&["--from", "2024-08-01", "--until", "31/08/2024"], "Quyết định"),
        (&["--from", "2025-09-28", "--until", "2025-09-28"], "Giấy khai sinh"),
        (&["--id", "007128826852"], "Giấy khai sinh"),
        // On the card these stand in its code.
        (&["--id", "044041385391"], "Thẻ"),
        (&["--owner", "huynh van quynh"], "Thẻ"),
    ];
    for (asked, expected) in papers {
        assert_eq!(titles(centre, asked), [expected], "{asked:?}");
    }
    for nothing in [&["--number", "697"][..], &["--owner", "Nguyễn Hữu An"], &["--from", "2026-01-01"]] {
        assert_eq!(titles(centre, nothing), [""; 0], "{nothing:?}");
    }
    let hit = &find(centre, &["--number", "143/2025"])[0];
    let known = ["kind", "number", "date", "owner", "id"].map(|field| hit[field].as_str().unwrap_or_default());
    assert_eq!(known, ["Giấy khai sinh", "143/2025", "2025-09-28", "Phạm Đức Hạnh", "0071••••6852"]);
    let told = centre.run(&["search", "--number", "143/2025"]).stdout;
    assert!(told.contains("Giấy khai sinh · 143/2025 · 28/09/2025 · Phạm Đức Hạnh · 0071••••6852\n"), "{told}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_and_nothing_is_lost_when_the_service_is_killed() {
    let mut desk = Desk::closed("search-versions", &[READING]);
    // Nothing can be indexed where the index's folder is a file.
    fs::create_dir_all(desk.centre.folder.join("data")).expect("our own folder");
    let folder = desk.centre.folder.join("data/search");
    fs::write(&folder, b"").expect("our own folder");
    desk.centre.start(&[]);
    desk.centre.drop(&format!("{CODE}/a/1.jpg"), &sample("to-khai/trang-1.jpg"));
    desk.centre.wait_for_states(Some(CODE), &[("a", 1, "done")]);
    desk.centre
        .wait_for("it is told", || desk.centre.events().iter().any(|event| event["kind"] == "search").then_some(()));
    assert_eq!(notes(&desk.centre), 1);
    desk.centre.kill();
    fs::remove_file(&folder).expect("our own folder");
    desk.centre.start(&[]);
    wait_until_found(&desk.centre, &["bệnh viện đa khoa"]);
    desk.centre.drop(&format!("{CODE}/a/2.jpg"), &sample("quyet-dinh/1-mat-truoc.jpg"));
    desk.centre.wait_for_states(Some(CODE), &[("a", 2, "done")]);
    let second = wait_until_found(&desk.centre, &["niêm yết công khai"]);
    assert_eq!((second.len(), second[0]["version"].as_u64(), second[0]["page"].as_u64()), (1, Some(2), Some(2)));
    let first = find(&desk.centre, &["bệnh viện đa khoa"]);
    assert_eq!((first.len(), first[0]["version"].as_u64()), (1, Some(2)), "the first version is found no more");
    desk.centre.drop(&format!("{CODE}/b/1.jpg"), &sample("danh-sach/trang-1.jpg"));
    desk.centre.wait_for_states(Some(CODE), &[("a", 2, "done"), ("b", 1, "done")]);
    desk.centre.kill();

    // The index is gone, and is made anew by services that are killed while they make it.
    fs::remove_dir_all(&folder).expect("our own folder");
    for pause in [0, 20, 50, 100, 200, 400] {
        let before = desk.centre.events().iter().filter(|event| event["event"] == "started").count();
        desk.centre.start(&[]);
        desk.centre.wait_for("it starts", || {
            (desk.centre.events().iter().filter(|event| event["event"] == "started").count() > before).then_some(())
        });
        sleep(Duration::from_millis(pause));
        desk.centre.kill();
    }
    desk.centre.start(&[]);
    desk.centre.wait_for("all is indexed", || {
        let is_there = folder.join("index.sqlite").is_file() && notes(&desk.centre) == 0;
        (is_there && find(&desk.centre, &["--dossier", CODE]).len() == 3).then_some(())
    });
    assert_eq!(find(&desk.centre, &["bệnh viện đa khoa"]).len(), 1);
    assert_eq!(find(&desk.centre, &["niêm yết công khai"]).len(), 1);
    assert_eq!(desk.centre.stop(), Some(0));
}
