//! `sohoa extract` on the samples: real values with their places, in every form of output, and new kinds as files.

use std::fs;
use std::path::Path;

use calamine::{Data, Reader, Xlsx, open_workbook};
use serde_json::Value;

use crate::judges::{DATA, against_schema, judges_are_there};
use crate::program::{Run, fresh, root, run, sohoa};

/// The data of some samples, a component each.
fn extracted(samples: &[&str], more: &[&str]) -> (Run, Vec<Value>) {
    extracted_as(samples, &[&["--json"], more].concat())
}

/// What the program prints of some samples, lines of JSON.
fn extracted_as(samples: &[&str], options: &[&str]) -> (Run, Vec<Value>) {
    let mut command = sohoa();
    command.arg("extract").args(options);
    command.args(samples.iter().map(|sample| root().join("samples").join(sample)));
    let run = run(&mut command);
    let data = run.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    (run, data)
}

fn value<'a>(data: &'a Value, field: &str) -> &'a Value {
    let values = data["values"].as_array().expect("values");
    values.iter().find(|value| value["field"] == field).unwrap_or_else(|| panic!("no {field} in {values:#?}"))
}

#[test]
fn a_decision_has_its_head_abstract_and_signer() {
    let (run, data) = extracted(&["quyet-dinh/1-mat-truoc.jpg", "quyet-dinh-chup-dien-thoai"], &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for data in &data {
        let kind = &data["kind"];
        assert_eq!((&kind["id"], &kind["band"]), (&"quyet-dinh".into(), &"accept".into()));
        for field in ["number", "place", "date", "agency", "abstract", "signer"] {
            let value = value(data, field);
            let bounds = &value["bounds"];
            assert!(bounds["width"].as_u64() > Some(20) && bounds["height"].as_u64() > Some(8), "{value}");
            assert!(value["confidence"].as_f64() > Some(0.5) && value["page"] == 1, "{value}");
        }
        assert_eq!(value(data, "date")["check"], "passed");
        assert_eq!(data["record"]["GiayToKetQua"]["SoKyHieu"], value(data, "number")["value"]);
        assert_eq!(data["record"]["VanBan"]["TypeDoc"], "02");
    }
    for (field, expected) in [
        ("number", "697/QĐ-UBND"),
        ("place", "Mỹ Lộc"),
        ("date", "2024-08-03"),
        ("superior_agency", "Tỉnh An Bình"),
        ("agency", "Ủy ban nhân dân xã Mỹ Lộc"),
        ("abstract", "Phê duyệt danh mục hồ sơ số hóa năm 2026"),
        ("signer", "Trần Hữu Oanh"),
    ] {
        assert_eq!(value(&data[0], field)["value"], expected);
    }
    assert_eq!(value(&data[1], "number")["value"], "174/QĐ-UBND");
    assert_eq!(value(&data[1], "agency")["value"], "Ủy ban nhân dân xã Đông Phú");
}

#[test]
fn a_card_is_read_from_its_code_and_held_against_its_print() {
    let (run, data) = extracted(&["can-cuoc"], &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let data = &data[0];
    assert_eq!((&data["kind"]["id"], &data["pages"]), (&"can-cuoc".into(), &2.into()));
    let identity = value(data, "id_number");
    assert_eq!(identity["method"], "qr");
    assert_eq!(identity["value"], "044041385391");
    // The card is invented: its number says a man born in 1941.
    assert_eq!((&identity["check"], &identity["faults"][0]), (&"failed".into(), &"number-structure".into()));
    for (field, expected) in [
        ("owner", "Huỳnh Văn Quỳnh"),
        ("birth_date", "2003-06-25"),
        ("sex", "Nam"),
        ("date", "2021-03-12"),
        ("old_id_number", "397492171"),
        ("residence", "thôn Trung Hòa, phường Long Thạnh, thành phố Sông Cái"),
    ] {
        let value = value(data, field);
        assert_eq!(
            (&value["value"], &value["method"], &value["band"]),
            (&expected.into(), &"qr".into(), &"accept".into())
        );
    }
    assert_eq!(value(data, "home_town")["value"], "xã Mỹ Lộc, tỉnh An Bình");
}

#[test]
fn data_are_written_beside_and_never_over_anything() {
    let folder = fresh("extract-out");
    let out = folder.join("out");
    let extract =
        || run(sohoa().arg("extract").arg(root().join("samples/giay-khai-sinh/ban-chinh.jpg")).arg("--out").arg(&out));
    let first = extract();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stdout.contains("Giấy khai sinh"), "{}", first.stdout);
    let text = fs::read_to_string(out.join("ban-chinh.data.json")).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(data["schema"], "sohoa-data/1");
    for (field, expected) in [
        ("number", "143/2025"),
        ("owner", "Phạm Đức Hạnh"),
        ("birth_date", "2025-03-16"),
        ("ethnicity", "Khmer"),
        ("mother", "Nguyễn Hữu An"),
        ("mother_birth_year", "1993"),
        ("father", "Lê Quốc Sơn"),
        ("father_birth_year", "1994"),
        ("father_residence", "thôn Trung Hòa, xã Đông Phú, tỉnh Hải Vân"),
        ("agency", "Ủy ban nhân dân xã Mỹ Lộc"),
        ("date", "2025-09-28"),
        ("signer", "Huỳnh Thị Dũng"),
    ] {
        assert_eq!(value(&data, field)["value"], expected, "{field}");
    }
    let table = fs::read_to_string(out.join("data.csv")).unwrap();
    assert!(table.contains("ban-chinh,giay-khai-sinh,number,Số,143/2025,"), "{table}");
    let second = extract();
    assert_eq!(second.code, Some(7), "{}", second.stdout);
    // Messages name files, not what is in them.
    assert!(!second.stderr.contains("Hạnh"), "{}", second.stderr);
    assert_eq!(fs::read_to_string(out.join("ban-chinh.data.json")).unwrap(), text);
}

#[test]
fn the_workbook_has_a_sheet_for_each_kind_and_only_texts() {
    let out = fresh("extract-workbook").join("out");
    let samples = ["giay-khai-sinh/ban-chinh.jpg", "quyet-dinh/1-mat-truoc.jpg", "can-cuoc"];
    let mut command = sohoa();
    command.arg("extract").args(samples.map(|sample| root().join("samples").join(sample))).arg("--out").arg(&out);
    let made = run(&mut command);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let mut book: Xlsx<_> = open_workbook(out.join("data.xlsx")).unwrap();
    assert_eq!(book.sheet_names(), ["Giấy khai sinh", "Quyết định", "Căn cước", "Tất cả giá trị"]);
    let mut values = 0;
    for name in &book.sheet_names()[..3] {
        let sheet = book.worksheet_range(name).unwrap();
        assert_eq!(sheet.height(), 2, "{name}");
        values += sheet.rows().nth(1).unwrap().iter().skip(1).filter(|cell| **cell != Data::Empty).count();
        assert_eq!(book.worksheet_formula(name).unwrap().used_cells().count(), 0, "{name}");
        let is_text = |cell: &Data| matches!(cell, Data::String(_) | Data::Empty);
        assert!(sheet.rows().flatten().all(is_text), "{sheet:?}");
    }
    let cards = book.worksheet_range("Căn cước").unwrap();
    let column = cards.rows().next().unwrap().iter().position(|cell| *cell == "Số định danh cá nhân").unwrap();
    // With its leading nought.
    assert_eq!(cards.get((1, column)).unwrap(), "044041385391");
    let all = book.worksheet_range("Tất cả giá trị").unwrap();
    let table = fs::read_to_string(out.join("data.csv")).unwrap();
    assert_eq!((all.height(), values), (table.lines().count(), all.height() - 1));
    let header: Vec<String> = all.rows().next().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(header.join(","), table.lines().next().unwrap().trim_start_matches('\u{feff}').replace('"', ""));
}

#[test]
fn the_data_follow_their_schema() {
    if !judges_are_there() {
        return;
    }
    let out = fresh("extract-schema").join("out");
    let samples =
        ["bia-ho-so.jpg", "can-cuoc", "can-cuoc-ban-sao", "danh-sach", "giay-khai-sinh", "quyet-dinh", "to-khai"];
    let mut command = sohoa();
    command.arg("extract").args(samples.map(|sample| root().join("samples").join(sample))).arg("--out").arg(&out);
    let made = run(&mut command);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    let data: Vec<_> = names.iter().filter(|path| path.to_string_lossy().ends_with(".data.json")).collect();
    assert_eq!(data.len(), samples.len(), "{names:?}");
    for path in &data {
        let (code, said) = against_schema(DATA, path);
        assert_eq!(code, Some(0), "{}: {said}", path.display());
    }
    // Of the values and of the record both.
    let text = fs::read_to_string(out.join("giay-khai-sinh.data.json")).unwrap();
    for (right, wrong) in [("\"check\": \"passed\"", "\"check\": \"yes\""), ("\"NgayCap\": \"", "\"NgayCap\": \"ngày ")]
    {
        assert!(text.contains(right), "{text}");
        let path = out.join("wrong.json");
        fs::write(&path, text.replacen(right, wrong, 1)).unwrap();
        assert_eq!(against_schema(DATA, &path).0, Some(1), "the schema must refuse {wrong}");
    }
}

/// A kind that the program does not know by itself.
const KIND: &str = r#"
id = "danh-sach-tro-cap"
name = "Danh sách hưởng trợ cấp"
name_en = "List of social allowances"
readers = ["number", "place-date"]
anchors = [{ phrase = "danh sách đối tượng hưởng trợ cấp xã hội", weight = 12, heading = true }]

[[fields]]
name = "proposal"
title = "Tờ trình"
title_en = "Proposal"
patterns = ['[Tt]ờ trình số ([0-9]+/TTr-UBND)']

[[tests]]
text = "DANH SÁCH ĐỐI TƯỢNG HƯỞNG TRỢ CẤP XÃ HỘI\n(Kèm theo Tờ trình số 5/TTr-UBND)"
[tests.expect]
proposal = "5/TTr-UBND"
"#;

#[test]
fn a_new_kind_is_a_file() {
    let folder = fresh("extract-kinds");
    let file = folder.join("tro-cap.toml");
    fs::write(&file, KIND).unwrap();
    let kinds = folder.to_string_lossy().into_owned();
    let (run, data) = extracted(&["danh-sach"], &[]);
    assert_eq!((run.code, &data[0]["kind"]["id"]), (Some(0), &"danh-sach".into()), "{}", run.stderr);
    let (run, data) = extracted(&["danh-sach"], &["--kinds", &kinds]);
    assert_eq!((run.code, &data[0]["kind"]["id"]), (Some(0), &"danh-sach-tro-cap".into()), "{}", run.stderr);
    assert_eq!(value(&data[0], "proposal")["value"], "27/TTr-UBND");
    let checked = check(&folder);
    assert_eq!(checked.code, Some(0), "{}", checked.stdout);
    assert!(checked.stdout.contains("danh-sach-tro-cap: đạt (1)"), "{}", checked.stdout);

    fs::write(&file, KIND.replace("proposal = \"5", "proposal = \"6")).unwrap();
    let checked = check(&folder);
    assert_eq!(checked.code, Some(11), "{}", checked.stdout);
    assert!(checked.stdout.contains("danh-sach-tro-cap: KHÔNG ĐẠT"), "{}", checked.stdout);

    fs::write(&file, "id = 'x'").unwrap();
    let wrong = check(&folder);
    assert_eq!(wrong.code, Some(9));
    assert!(wrong.stderr.contains("tro-cap.toml"), "{}", wrong.stderr);
}

#[test]
fn what_people_said_of_papers_teaches_how_the_next_are_read() {
    let folder = fresh("extract-examples");
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let samples = ["danh-sach", "quyet-dinh/1-mat-truoc.jpg"];
    // A kind whose file has not the heading of its papers.
    fs::create_dir(folder.join("kinds")).unwrap();
    fs::write(folder.join("kinds/a.toml"), KIND.replace("danh sách đối tượng", "sổ theo dõi đối tượng")).unwrap();
    let kinds = ["--kinds", &path("kinds")];
    let (run_before, before) = extracted(&samples, &kinds);
    assert_eq!((run_before.code, &before[0]["kind"]["id"]), (Some(0), &"danh-sach".into()), "{}", run_before.stderr);
    assert_eq!(value(&before[1], "agency")["value"], "Ủy ban nhân dân xã Mỹ Lộc");

    let said = r#"{"component": "danh-sach", "kind": "danh-sach-tro-cap"}
{"component": "1-mat-truoc", "values": {"agency": "Ủy ban nhân dân phường Mỹ Lộc", "signer": "Trần Hữu Oanh", "date": ""}}
"#;
    fs::write(folder.join("said.jsonl"), said).unwrap();
    let (taught, _) = extracted_as(&samples, &[&kinds[..], &["--teach", &path("said.jsonl")]].concat());
    assert_eq!((taught.code, taught.stdout.lines().count()), (Some(0), 2), "{}", taught.stderr);
    assert!(taught.stdout.contains("DANH SÁCH ĐỐI TƯỢNG") && !taught.stdout.contains("697"), "{}", taught.stdout);
    fs::write(folder.join("examples.jsonl"), &taught.stdout).unwrap();

    let out = folder.join("out");
    let (examples, written) = (path("examples.jsonl"), path("out"));
    let more = [&kinds[..], &["--examples", &examples]].concat();
    let (run_after, after) = extracted(&samples, &[&more[..], &["--out", &written]].concat());
    assert_eq!(run_after.code, Some(0), "{}", run_after.stderr);
    let kind = &after[0]["kind"];
    assert_eq!((&kind["id"], &kind["band"]), (&"danh-sach-tro-cap".into(), &"glance".into()));
    let agency = value(&after[1], "agency");
    assert_eq!((&agency["value"], &agency["taught"]), (&"Ủy ban nhân dân phường Mỹ Lộc".into(), &1.into()));
    assert_eq!((&agency["band"], &agency["text"]), (&"glance".into(), &value(&before[1], "agency")["text"]));
    assert_eq!(value(&after[1], "signer")["check"], "passed");
    assert_eq!(value(&after[1], "date"), value(&before[1], "date"));
    if judges_are_there() {
        let (code, said) = against_schema(DATA, &out.join("1-mat-truoc.data.json"));
        assert_eq!(code, Some(0), "{said}");
    }

    // Whoever wrote a file wrongly is told where, and what to do.
    fs::write(folder.join("examples.jsonl"), format!("{}{{\"kin\": 1}}\n", taught.stdout)).unwrap();
    let (wrong, _) = extracted(&samples, &more);
    assert_eq!(wrong.code, Some(9));
    assert!(wrong.stderr.contains("examples.jsonl: dòng 3"), "{}", wrong.stderr);
    fs::write(folder.join("said.jsonl"), said.replace("1-mat-truoc", "khác")).unwrap();
    let (wrong, _) = extracted_as(&samples, &["--teach", &path("said.jsonl")]);
    assert_eq!(wrong.code, Some(9));
    assert!(wrong.stderr.contains("said.jsonl") && wrong.stderr.contains("1-mat-truoc"), "{}", wrong.stderr);
}

fn check(folder: &Path) -> Run {
    run(sohoa().arg("extract").arg("--check-kinds").arg(folder))
}

#[test]
fn digitize_writes_data_beside_the_pdf_and_into_the_manifest() {
    let out = fresh("extract-digitize").join("out");
    let mut command = sohoa();
    command.arg("digitize").arg(root().join("samples/quyet-dinh-chup-dien-thoai")).arg("--out").arg(&out);
    let made = run(command.args(["--no-sign", "--transcripts", "data", "--quiet"]));
    // The photo wants another try; its data are there all the same.
    assert_eq!(made.code, Some(4), "{}", made.stderr);
    let manifest: Value = serde_json::from_slice(&fs::read(out.join("manifest.json")).unwrap()).unwrap();
    let component = &manifest["components"][0];
    let listed = component["transcripts"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    let text = fs::read(out.join(listed[0]["path"].as_str().unwrap())).unwrap();
    assert_eq!(listed[0]["bytes"], text.len());
    let data: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&data["file"], &data["kind"]["id"]), (&component["file"]["path"], &"quyet-dinh".into()));
    assert_eq!(value(&data, "date")["check"], "passed");
    fs::write(out.join(listed[0]["path"].as_str().unwrap()), "{}").unwrap();
    assert_eq!(run(sohoa().arg("verify").arg(&out)).code, Some(6));
}
