//! What is signed gets its code, once, with what its data say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::thread::sleep;
use std::time::Duration;

use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;
use sohoa::codes::symbols::qr;

use crate::desk::{add, see, session};
use crate::http::Desk;
use crate::program::run;
use crate::service::{CODE, Centre};

/// A person's number as it is printed on cards; nobody's.
const NUMBER: &str = "052090000123";
const OTHER: &str = "052190000456";

/// Data are written beside the files, and papers without a type of their own get one.
pub(crate) const CODED: (&str, &str) =
    ("[ocr]\nenabled = false\n", "[codes]\nother_type = 'GT'\n[ocr]\nenabled = false\ntranscripts = ['data']\n");

/// A picture of an identity card's QR code.
pub(crate) fn card(number: &str, sex: &str, name: &str) -> Vec<u8> {
    let text = format!("{number}|212345678|{name}|01021990|{sex}|thôn Trung Hòa, xã Mỹ Lộc|12032021");
    let rows = qr(&text).expect("it is short");
    let is_dark = |x: u32, y: u32| {
        let module = |at: u32| (at as usize / 6).checked_sub(8);
        let row = module(y).and_then(|y| rows.get(y));
        row.zip(module(x)).is_some_and(|(row, x)| row.get(x) == Some(&true))
    };
    let side = u32::try_from((rows.len() + 16) * 6).expect("it is small");
    png(&GrayImage::from_fn(side, side * 4 / 3, |x, y| Luma([if is_dark(x, y) { 25 } else { 240 }])))
}

/// A picture that says nothing.
pub(crate) fn blots(number: u32) -> Vec<u8> {
    png(&GrayImage::from_fn(160, 224, |x, y| {
        Luma([u8::try_from(140 + (x / 20 * 7 + y / 28 * 13 + number * 31) % 90).expect("a byte")])
    }))
}

fn png(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
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
    desk.centre.drop(&format!("{CODE}/the/1.png"), &card(NUMBER, "Nam", "Nguyễn Văn An"));
    desk.centre.drop(&format!("{CODE}/don/1.png"), &blots(1));
    desk.centre.wait_for_states(Some(CODE), &[("don", 1, "done"), ("the", 1, "done")]);
    let given = wait_for_codes(&desk.centre, 2);
    assert_eq!(given["the"], format!("{NUMBER}.GT.1"));
    assert_eq!(given["don"], ".GT.1", "an owner who is not known is left empty");

    // A rescan is the same paper.
    desk.centre.drop(&format!("{CODE}/don/1.png"), &blots(2));
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
        centre.drop(&format!("{CODE}/giay {number:02}/1.png"), &picture);
    }
    let coded = |centre: &Centre| centre.events().iter().filter(|event| event["event"] == "coded").count();
    let signed = |centre: &Centre| {
        centre.events().iter().filter(|event| event["event"] == "made" && event["state"] == "done").count()
    };
    // Killed as soon as one more paper is signed, which nobody has had time to give a code to.
    let (mut kills, mut behind) = (0, 0);
    while signed(&centre) < PAPERS && kills < 3 * PAPERS {
        let before = signed(&centre);
        centre.start(&[]);
        centre.wait_for("one more is signed", || (signed(&centre) > before).then_some(()));
        centre.kill();
        kills += 1;
        behind += usize::from(signed(&centre) > coded(&centre));
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
    centre.start(&[]);
    assert_eq!(wait_for_codes(&centre, PAPERS), given, "they stay");
    assert_eq!(centre.stop(), Some(0));
    println!("{kills} kills, {behind} of them between a signature and its code");
}
