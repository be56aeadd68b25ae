//! What is signed gets its code, once, with what its data say of it; is held against the catalogue; is counted; and is filed by its
//! owner.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};
use serde_json::Value;
use sohoa::codes::symbols::qr;

use crate::desk::{add, field, post, see, session};
use crate::http::Desk;
use crate::program::run;
use crate::service::{CODE, Centre, files};
use crate::sheets::tiff;

/// A person's number as it is printed on cards; nobody's.
const NUMBER: &str = "052090000123";
const OTHER: &str = "052190000456";

/// Data are written beside the files, and papers without a type of their own get one.
pub(crate) const CODED: (&str, &str) =
    ("[ocr]\nenabled = false\n", "[codes]\nother_type = 'GT'\n[ocr]\ntranscripts = ['data']\n");

/// A scan of an identity card's QR code.
pub(crate) fn card(number: &str, sex: &str, name: &str) -> Vec<u8> {
    let text = format!("{number}|212345678|{name}|01021990|{sex}|thôn Trung Hòa, xã Mỹ Lộc|12032021");
    let rows = qr(&text).expect("it is short");
    let is_dark = |x: u32, y: u32| {
        let module = |at: u32| (at as usize / 4).checked_sub(10);
        let row = module(y).and_then(|y| rows.get(y));
        row.zip(module(x)).is_some_and(|(row, x)| row.get(x) == Some(&true))
    };
    tiff(&[GrayImage::from_fn(400, 560, |x, y| Luma([if is_dark(x, y) { 30 } else { 235 }]))])
}

/// A scan that says nothing.
pub(crate) fn blots(number: u32) -> Vec<u8> {
    tiff(&[GrayImage::from_fn(160, 224, |x, y| {
        let block = x / 20 + 8 * (y / 28) + 64 * number;
        Luma([128 + u8::try_from((block.wrapping_mul(2_654_435_761) >> 13) % 128).expect("a byte")])
    })])
}

/// The codes of a dossier's newest components, by name.
pub(crate) fn codes(centre: &Centre) -> BTreeMap<String, String> {
    let newest = centre.components(Some(CODE)).into_iter().filter(|one| one["newest"] == true);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    newest.filter_map(|one| Some((text(&one["name"])?, text(&one["digital_code"])?))).collect()
}

pub(crate) fn wait_for_codes(centre: &Centre, count: usize) -> BTreeMap<String, String> {
    centre.wait_for("they have codes", || Some(codes(centre)).filter(|codes| codes.len() == count))
}

#[test]
fn what_is_signed_gets_its_code_and_keeps_it() {
    let mut desk = Desk::open("codes", &[CODED]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    desk.centre.drop(&format!("{CODE}/the/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.drop(&format!("{CODE}/don/1.tif"), &blots(1));
    desk.centre.wait_for_states(Some(CODE), &[("don", 1, "done"), ("the", 1, "done")]);
    let given = wait_for_codes(&desk.centre, 2);
    assert_eq!(given["the"], format!("{NUMBER}.GT.1"));
    assert_eq!(given["don"], ".GT.1", "an owner who is not known is left empty");

    // A rescan is the same paper.
    desk.centre.drop(&format!("{CODE}/don/1.tif"), &blots(2));
    desk.centre.wait_for_states(Some(CODE), &[("don", 2, "done"), ("the", 1, "done")]);
    assert_eq!(wait_for_codes(&desk.centre, 2), given);

    // Those who may read papers see the code, nobody else, and it is in no log and no event.
    let page = |name| see(&desk, &format!("/dossiers/{CODE}"), &session(&desk, name)).text();
    assert!(page("lan").contains(&given["the"]) && !page("minh").contains(NUMBER));
    let said = fs::read_to_string(desk.centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(said.contains("\"coded\"") && !said.contains(NUMBER), "{said}");
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let told: i64 = store
        .query_row("SELECT count(*) FROM events WHERE detail LIKE '%' || ?1 || '%'", [NUMBER], |row| row.get(0))
        .expect("the store");
    assert_eq!(told, 0);

    let to = desk.centre.folder.join("handed on");
    let exported = run(desk.centre.program(&["dossier", "export", CODE, "--to"]).arg(&to));
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let records = fs::read(to.join(CODE).join("KetQuaSoHoa.json")).expect("it has codes");
    let records: Vec<Value> = serde_json::from_slice(&records).expect("JSON");
    let of_card = records.iter().find(|one| one["MaKetQuaSoHoa"] == given["the"][..]).expect("its record");
    assert_eq!((&of_card["SoDinhDanh"], &of_card["TenChuGiayTo"]), (&NUMBER.into(), &"Nguyễn Văn An".into()));
    assert_eq!((&of_card["TenGiayTo"], &of_card["MaLoaiGiayTo"]), (&"Căn cước".into(), &"GT".into()));
    let other = records.iter().find(|one| one["MaKetQuaSoHoa"] == ".GT.1").expect("its record");
    assert_eq!((&other["SoDinhDanh"], &other["TenGiayTo"]), (&"".into(), &"don".into()));
    let papers = fs::read_to_string(to.join(CODE).join("TaiLieuNop.json")).expect("it is there");
    assert!(!papers.contains(NUMBER), "what portals are given stays as it was: {papers}");
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn a_service_killed_between_signature_and_code_gives_each_code_once() {
    const PAPERS: usize = 12;
    let mut centre = Centre::new("codes-killed");
    let path = centre.folder.join("sohoa.toml");
    let config = fs::read_to_string(&path).expect("our own folder");
    fs::write(&path, config.replace(CODED.0, CODED.1)).expect("our own folder");
    for number in 0..PAPERS {
        let picture = match number % 3 {
            0 => card(NUMBER, "Nam", &format!("Nguyễn Văn {number}")),
            1 => card(OTHER, "Nữ", &format!("Trần Thị {number}")),
            _ => blots(u32::try_from(number).expect("small")),
        };
        centre.drop(&format!("{CODE}/giay {number:02}/1.tif"), &picture);
    }
    // Signed papers without a code, as the killed service left them.
    let without = |centre: &Centre| -> u64 {
        let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
        let select = "SELECT count(*) FROM components c WHERE c.state = 'done'
            AND NOT EXISTS (SELECT 1 FROM results r WHERE r.dossier = c.dossier AND r.name = c.name)";
        store.query_row(select, [], |row| row.get(0)).expect("the store")
    };
    let signed = |centre: &Centre| {
        centre.events().iter().filter(|event| event["event"] == "made" && event["state"] == "done").count()
    };
    // Killed as soon as one more paper is signed, which nobody has had time to give a code to.
    let (mut kills, mut behind) = (0, 0);
    while signed(&centre) < PAPERS && kills < 3 * PAPERS {
        let before = signed(&centre);
        centre.start(&[]);
        // Looked for more often than the service looks for what wants a code.
        let started = Instant::now();
        while signed(&centre) == before {
            assert!(started.elapsed() < Duration::from_secs(300), "one more is signed: {:#?}", centre.events());
            sleep(Duration::from_millis(2));
        }
        centre.kill();
        kills += 1;
        behind += usize::from(without(&centre) > 0);
        sleep(Duration::from_millis(10));
    }
    assert!(behind > 0, "no kill came between a signature and its code in {kills}");
    centre.start(&[]);
    let given = wait_for_codes(&centre, PAPERS);
    let different: BTreeSet<&String> = given.values().collect();
    assert_eq!(different.len(), PAPERS, "{given:?}");
    for owner in [NUMBER, OTHER, ""] {
        let mut of_owner: Vec<&str> = given.values().filter_map(|code| code.strip_prefix(owner)).collect();
        of_owner.retain(|code| code.starts_with(".GT."));
        of_owner.sort_unstable();
        assert_eq!(of_owner, [".GT.1", ".GT.2", ".GT.3", ".GT.4"], "{owner:?}: none is left out");
    }
    assert_eq!(centre.stop(), Some(0));
    let started = |centre: &Centre| centre.events().iter().filter(|event| event["event"] == "started").count();
    let before = started(&centre);
    centre.start(&[]);
    centre.wait_for("it runs", || (started(&centre) > before).then_some(()));
    assert_eq!(wait_for_codes(&centre, PAPERS), given, "they stay");
    assert_eq!(centre.stop(), Some(0));
    println!("{kills} kills, {behind} of them between a signature and its code");
}

/// Sets what a person sets on a dossier's page.
fn describe(desk: &Desk, cookie: &str, procedure: &str, owner: &str) -> u16 {
    let path = format!("/dossiers/{CODE}");
    let form = field(&see(desk, &path, cookie).text(), "form");
    let typed = [("form", &form[..]), ("procedure", procedure), ("owner", owner)];
    post(desk, &format!("{path}/procedure"), cookie, &typed).status
}

#[test]
fn a_dossier_is_held_against_the_catalogue_of_its_procedure() {
    let mut desk = Desk::open("checklist", &[CODED]);
    add(&desk.centre, "lan", "clerk");
    add(&desk.centre, "minh", "admin");
    let table = desk.centre.folder.join("danh mục.csv");
    let import = |text: &str| {
        fs::write(&table, text).expect("our own folder");
        run(desk.centre.program(&["procedures", "import"]).arg(&table))
    };
    // As Excel writes it, with a mistake: nothing of it is taken.
    let head = "\u{feff}Mã thủ tục;Tên thủ tục;Mã thành phần;Tên thành phần;Nhóm số hóa;Mã loại kết quả\r\n";
    let rows = "1.001193;Đăng ký khai sinh;TK1;Tờ khai đăng ký khai sinh;2;\r\n\
                1.001193;Đăng ký khai sinh;GCS;Giấy chứng sinh;1;\r\n\
                1.001193;Đăng ký khai sinh;;Ảnh;;\r\n\
                1.001193;Đăng ký khai sinh;KS;Giấy khai sinh;5;KQ.G15.000031\r\n";
    let refused = import(&format!("{head}{}", rows.replace(";2;", ";7;")));
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("dòng 2: ô `Nhóm số hóa` phải là số từ 1 đến 5"), "{refused:?}");
    assert!(desk.centre.run(&["procedures", "list"]).stdout.contains("chưa có thủ tục"));
    let imported = import(&format!("{head}{rows}"));
    assert_eq!((imported.code, &imported.stdout[..]), (Some(0), "Đã nhập 1 thủ tục với 4 giấy tờ\n"));
    assert!(
        desk.centre.run(&["procedures", "list", "1.001193"]).stdout.contains("Giấy khai sinh (kết quả giải quyết)")
    );
    assert_eq!(desk.centre.run(&["procedures", "list", "9"]).code, Some(5));

    desk.centre.drop(&format!("{CODE}/to khai dang ky khai sinh/1.tif"), &blots(1));
    desk.centre.wait_for_states(Some(CODE), &[("to-khai-dang-ky-khai-sinh", 1, "done")]);
    let (cookie, keeper) = (session(&desk, "lan"), session(&desk, "minh"));
    let page = |cookie| see(&desk, &format!("/dossiers/{CODE}"), cookie).text();
    assert!(page(&cookie).contains("name=procedure") && !page(&keeper).contains("name=procedure"));
    assert_eq!(describe(&desk, &cookie, "1.001193", "Nguyễn Văn An"), 400, "no number");
    assert_eq!(describe(&desk, &cookie, "9.999999", ""), 303);
    assert!(page(&cookie).contains("không có trong danh mục"), "{}", page(&cookie));
    assert_eq!(describe(&desk, &cookie, "1.001193", NUMBER), 303);
    let shown = page(&cookie);
    assert!(shown.contains("Giấy tờ bắt buộc số hóa 1/3") && shown.matches("còn thiếu").count() == 2, "{shown}");
    assert!(shown.contains("Giấy tờ chỉ số hóa khi có yêu cầu") && !page(&keeper).contains(NUMBER), "{shown}");

    // The result comes: the catalogue says of which type it is, the person whose.
    desk.centre.drop(&format!("{CODE}/Giấy khai sinh/1.tif"), &blots(2));
    let given = wait_for_codes(&desk.centre, 2);
    assert_eq!(given["Giay-khai-sinh"], format!("{NUMBER}.KQ.G15.000031.1"));
    assert!(page(&cookie).contains("Giấy tờ bắt buộc số hóa 2/3"));
    assert_eq!(desk.centre.stop(), Some(0));
}

#[test]
fn dossiers_are_counted_by_day_and_unit_with_their_points() {
    let mut desk = Desk::open("points", &[]);
    add(&desk.centre, "thu", "supervisor");
    // Five dossiers of a day, four with both sides: exactly 80 %.
    for number in 1..=5 {
        let code = format!("H21.15.25-250701-000{number}");
        desk.centre.drop(&format!("{code}/don/1.tif"), &blots(number));
        if number < 5 {
            desk.centre.drop(&format!("{code}/ket qua/1.tif"), &blots(100 + number));
        }
    }
    // Another unit, another day; and a day that there is not.
    desk.centre.drop("H21.15.26-250702-0001/don/1.tif", &blots(50));
    desk.centre.drop("H21.15.26-250231-0001/don/1.tif", &blots(51));
    desk.centre.wait_for("all are made", || (desk.centre.status()["components"]["done"] == 11).then_some(()));
    let store = rusqlite::Connection::open(desk.centre.folder.join("data/store.sqlite")).expect("the store");
    let update = "UPDATE components SET result_code = 'KQ.G15.000031' WHERE name = 'ket-qua'";
    assert_eq!(store.execute(update, []).expect("the store"), 4);

    let figures = |arguments: &[&str]| {
        let all: Vec<&str> = ["store", "figures"].iter().chain(arguments).copied().collect();
        let told = desk.centre.run(&all);
        assert_eq!(told.code, Some(0), "{told:?}");
        told.stdout
    };
    let json: Value =
        serde_json::from_str(&figures(&["--from", "2025-07-01", "--to", "2025-07-01", "--json"])).expect("JSON");
    assert_eq!((&json["total"]["dossiers"], &json["total"]["with_both"]), (&5.into(), &4.into()));
    assert_eq!(json["total"]["points"]["4.2"], serde_json::json!({"points": 4.0, "max": 4.0}), "80 % is all");
    assert_eq!(json["total"]["points"]["4.1"]["points"], 4.8);
    assert_eq!((&json["total"]["points"]["4.3"]["points"], &json["rule"]), (&0.0.into(), &"for reference".into()));
    assert_eq!(json["missing"][0]["dossier"], "H21.15.25-250701-0005");
    let both: Value =
        serde_json::from_str(&figures(&["--from", "2025-02-01", "--to", "2025-07-31", "--json"])).expect("JSON");
    assert_eq!(
        (&both["total"]["dossiers"], &both["undated"]),
        (&6.into(), &1.into()),
        "without a day it is not counted"
    );
    assert_eq!(both["total"]["points"]["4.2"]["points"], 3.33, "4 of 6 is below 80 %");
    assert_eq!(both["days"].as_array().map(Vec::len), Some(2));
    let table = figures(&["--from", "2025-07-01", "--to", "2025-07-02", "--csv"]);
    assert!(table.starts_with("\u{feff}ngày tiếp nhận,đơn vị,"), "{table}");
    assert!(table.contains("2025-07-01,H21.15.25,5,5,4,4,0,0,4.80,4.00,0.00,0.00,,\r\n"), "{table}");
    assert!(figures(&[]).contains("4.2 Hồ sơ số hóa đủ hai phần: 0 / 0 (– / 4,00 điểm, tham khảo)"));
    assert_eq!(desk.centre.run(&["store", "figures", "--from", "1/7/2025"]).code, Some(2));

    let cookie = session(&desk, "thu");
    assert!(see(&desk, "/figures", &cookie).text().contains("href=/points"));
    let page = see(&desk, "/points?from=2025-07-01&to=2025-07-02", &cookie).text();
    assert!(page.contains("4,00 / 4,00") && page.contains("3,33 / 4,00"), "{page}");
    assert!(page.contains("<th scope=col>4.3<th scope=col>4.4"), "every item by day: {page}");
    assert!(page.contains("tham khảo") && page.contains("/dossiers/H21.15.26-250702-0001"), "{page}");
    let csv = see(&desk, "/points.csv?from=2025-07-01&to=2025-07-02", &cookie);
    assert_eq!((csv.header("Content-Type"), csv.text()), (Some("text/csv; charset=utf-8"), table));
    assert_eq!(desk.get("/points").status, 303, "not for strangers");
    assert_eq!(desk.centre.stop(), Some(0));
}

/// The files below a folder with their bytes, by their path in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = files(folder).into_iter();
    let relative = |path: &Path| path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned();
    paths.map(|path| (relative(&path), fs::read(&path).expect("it was listed"))).collect()
}

#[test]
fn papers_are_filed_by_their_owner_and_come_out_as_they_went_in() {
    let mut centre = Centre::new("personal");
    let (path, root) = (centre.folder.join("sohoa.toml"), centre.folder.join("kho"));
    let config = fs::read_to_string(&path).expect("our own folder").replace(CODED.0, CODED.1);
    fs::write(&path, &config).expect("our own folder");
    for number in 0..6 {
        let picture = match number % 3 {
            0 => card(NUMBER, "Nam", &format!("Nguyễn Văn {number}")),
            1 => card(OTHER, "Nữ", &format!("Trần Thị {number}")),
            _ => blots(number),
        };
        centre.drop(&format!("{CODE}/giay {number}/1.tif"), &picture);
    }
    centre.start(&[]);
    wait_for_codes(&centre, 6);
    assert_eq!(centre.stop(), Some(0));
    assert_eq!(centre.run(&["personal", "check"]).code, Some(9), "there is no such store yet");

    // The store is asked for later; the service is killed while it fills it, again and again.
    fs::write(&path, format!("{config}[personal_store]\npath = {root:?}\n")).expect("our own folder");
    let complete = || match root.exists() {
        true => files(&root).iter().filter(|path| path.ends_with("metadata.json")).count(),
        false => 0,
    };
    let mut kills = 0;
    while complete() < 4 && kills < 40 {
        centre.start(&[]);
        sleep(Duration::from_millis(30 + 20 * kills));
        centre.kill();
        kills += 1;
    }
    centre.start(&[]);
    centre.wait_for("four are filed", || (complete() == 4).then_some(()));
    centre.drop(&format!("{CODE}/giay 0/1.tif"), &card(NUMBER, "Nam", "Nguyễn Văn Hai"));
    centre.wait_for("its second version is filed", || (complete() == 5).then_some(()));
    assert_eq!(centre.stop(), Some(0));
    let owners: BTreeSet<String> =
        contents(&root).keys().map(|path| path.split('/').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(owners.len(), 2, "papers whose owner is not known are not filed");
    assert!(
        contents(&root).keys().all(|path| !path.contains(NUMBER) && !path.contains(OTHER)),
        "names of folders tell nothing"
    );
    let said = fs::read_to_string(centre.folder.join("events.jsonl")).expect("our own folder");
    assert!(!said.contains(NUMBER) && !said.contains(OTHER));

    // Each PDF is the published one, byte for byte, and its metadata are those of its code.
    let published = contents(&centre.folder.join("out").join(CODE));
    let filed = contents(&root);
    for (path, bytes) in filed.iter().filter(|(path, _)| !path.ends_with("metadata.json")) {
        let name = path.rsplit('/').next().expect("a name");
        assert!(published.get(name) == Some(bytes), "{path}");
    }
    let metadata = filed.iter().filter(|(path, _)| path.ends_with("giay-0/metadata.json"));
    let metadata: Vec<Value> = metadata.map(|(_, bytes)| serde_json::from_slice(bytes).expect("JSON")).collect();
    assert_eq!((metadata.len(), &metadata[0]["metadata"]["owner"]), (1, &NUMBER.into()));
    assert_eq!(metadata[0]["digital_code"], codes(&centre)["giay-0"][..]);

    // Out again: nothing is lost.
    let to = centre.folder.join("ra");
    let out = run(centre.program(&["personal", "export", "--to"]).arg(&to));
    assert!(out.code == Some(0) && out.stdout.contains("5 giấy tờ, 15 tệp, giống từng byte"), "{out:?}");
    assert!(contents(&to) == filed);
    let one = centre.folder.join("mot");
    let of_one = run(centre.program(&["personal", "export", "--owner", OTHER, "--to"]).arg(&one));
    assert!(of_one.code == Some(0) && contents(&one).len() == 6, "{of_one:?}");
    assert_eq!(run(centre.program(&["personal", "export", "--owner", "H55", "--to"]).arg(&one)).code, Some(5));
    assert_eq!(centre.run(&["personal", "check"]).stdout, "5 giấy tờ, 0 chỗ hỏng\n");
    let damaged =
        files(&root).into_iter().find(|path| path.extension().is_some_and(|kind| kind == "pdf")).expect("a PDF");
    fs::write(&damaged, b"x").expect("our own folder");
    assert_eq!(centre.run(&["personal", "check"]).code, Some(6));
    assert_eq!(run(centre.program(&["personal", "export", "--to"]).arg(centre.folder.join("hai"))).code, Some(6));
    println!("{kills} kills while the store was filled");
}
