//! Papers that are not to be digitised: those marked secret leave nothing behind, those marked as copies are told of.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sohoa::model::Point;

use crate::desk::{add, field, post, see, session};
use crate::generator::{page_saying, stamped_page};
use crate::http::Desk;
use crate::program::{Run, files_below, fresh, run, sohoa};
use crate::service::CODE;

/// Words that stand on the secret paper and nowhere else.
const CONTENT: &str = "Phương án kẻ ngạch ba mươi hai";

fn lines() -> [&'static str; 3] {
    ["QUYẾT ĐỊNH", CONTENT, "Điều 1. Giao bộ phận một cửa thực hiện."]
}

fn marked(word: &str, degrees: f64) -> Vec<u8> {
    stamped_page(&lines(), word, Point::new(60.0, 90.0), degrees)
}

fn open_page() -> Vec<u8> {
    page_saying(&["THÔNG BÁO", "Bảo vệ bí mật nhà nước; mật độ dân số; tài liệu mật.", "Nguyễn Văn Mật"])
}

fn put(folder: &Path, files: &[(&str, Vec<u8>)]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("our own folder");
        fs::write(path, bytes).expect("our own folder");
    }
}

fn digitize(folder: &Path, more: &[&str]) -> Run {
    run(sohoa()
        .args(["digitize", "--transcripts", "txt,data"])
        .arg(folder.join("in"))
        .arg("--out")
        .arg(folder.join("out"))
        .args(more))
}

fn components(out: &Path) -> Vec<Value> {
    let manifest: Value =
        serde_json::from_slice(&fs::read(out.join("manifest.json")).expect("it is there")).expect("JSON");
    manifest["components"].as_array().expect("a list").clone()
}

fn named<'a>(components: &'a [Value], name: &str) -> &'a Value {
    components.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {name}: {components:?}"))
}

/// Files in which words of the secret paper stand, or whose name is one of its component's.
fn traces(folder: &Path) -> Vec<PathBuf> {
    let word = CONTENT.as_bytes();
    let is_trace = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::read(path).expect("it is there");
        name.starts_with("phuong-an") || bytes.windows(word.len()).any(|window| window == word)
    };
    files_below(folder, "").into_iter().filter(is_trace).collect()
}

#[test]
fn of_a_secret_paper_nothing_is_left_and_the_rest_is_done() {
    let folder = fresh("guard-secret");
    put(
        &folder.join("in"),
        &[
            ("phuong-an/1.jpg", page_saying(&lines())),
            ("phuong-an/2.jpg", marked("TỐI MẬT", 7.0)),
            ("thong-bao/1.jpg", open_page()),
        ],
    );
    let done = digitize(&folder, &[]);
    assert_eq!(done.code, Some(13), "{done:?}");
    let told = "tài liệu có dấu TỐI MẬT: không được số hóa; giao người phụ trách bảo vệ bí mật nhà nước";
    assert!(done.stderr.contains("2.jpg") && done.stderr.contains(told), "{done:?}");

    let out = folder.join("out");
    let listed = components(&out);
    let (secret, open) = (named(&listed, "phuong-an"), named(&listed, "thong-bao"));
    assert_eq!(secret["state"], "secret");
    assert!(secret["pages"].as_array().is_some_and(Vec::is_empty) && secret["file"].is_null(), "{secret}");
    let aside = secret["set_aside"].as_array().expect("a list");
    assert_eq!((aside.len(), aside[0]["reason"].as_str()), (1, Some(told)));
    assert!(aside[0]["file"]["path"].as_str().is_some_and(|path| path.ends_with("2.jpg")), "{secret}");
    assert_eq!(open["state"], "signed");
    assert_eq!(open["pages"][0]["notices"], Value::Null, "{open}");
    assert_eq!(traces(&out), Vec::<PathBuf>::new());
    assert_eq!(files_below(&out, "pdf").len(), 1);
    assert_eq!(files_below(&out, "txt").len(), 1);

    let verified = run(sohoa().arg("verify").arg(&out));
    assert_eq!(verified.code, Some(0), "{verified:?}");
    // Found done by the next run, and said again.
    let again = digitize(&folder, &["--lang", "en"]);
    assert_eq!(again.code, Some(13), "{again:?}");
    assert_eq!(components(&out), listed);
}

#[test]
fn marks_are_found_at_angles_and_on_their_sides_and_look_alikes_are_not() {
    let folder = fresh("guard-angles");
    let input = folder.join("in");
    for (name, word, degrees) in [
        ("a-muoi-lam", "MẬT", 15.0),
        ("b-tru-muoi-ba", "MẬT", -13.0),
        ("c-dung", "MẬT", 90.0),
        ("d-dung-nguoc", "TUYỆT MẬT", 268.0),
        ("x-khan", "KHẨN", -6.0),
        ("x-den", "CÔNG VĂN ĐẾN", 4.0),
        ("x-dat", "ĐẠT", 3.0),
    ] {
        put(&input, &[(&format!("{name}/1.jpg"), marked(word, degrees))]);
    }
    let done = digitize(&folder, &[]);
    assert_eq!(done.code, Some(13), "{done:?}");
    let listed = components(&folder.join("out"));
    assert_eq!(listed.len(), 7);
    for component in listed {
        let is_secret = !component["name"].as_str().is_some_and(|name| name.starts_with("x-"));
        assert_eq!(component["state"] == "secret", is_secret, "{component}");
    }
}

#[test]
fn what_is_done_about_marks_is_set() {
    let folder = fresh("guard-set");
    put(&folder.join("in"), &[("phuong-an/1.jpg", marked("MẬT", 5.0)), ("don/1.jpg", marked("XEM XONG HỦY", -4.0))]);
    let config = folder.join("sohoa.toml");
    let codes = |component: &Value| component["pages"][0]["notices"].as_array().map(|notices| notices.to_vec());
    fs::write(&config, "[guard]\nsecrecy = \"warn\"\n").expect("our own folder");
    let done = digitize(&folder, &["--config", &config.to_string_lossy()]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let listed = components(&folder.join("out"));
    let notices = codes(named(&listed, "phuong-an")).expect("a notice");
    assert_eq!((notices[0]["code"].as_str(), notices[0]["mark"].as_str()), (Some("secrecy-mark"), Some("MẬT")));
    assert_eq!(codes(named(&listed, "don")), None);

    // Words of one's own.
    let marks = folder.join("marks.toml");
    fs::write(&marks, "secrecy = [\"XEM XONG HUỶ\"]\ncopies = []\nissued = []\n").expect("our own folder");
    fs::write(&config, format!("[guard]\nmarks = {marks:?}\n")).expect("our own folder");
    fs::remove_dir_all(folder.join("out")).expect("our own folder");
    let done = digitize(&folder, &["--config", &config.to_string_lossy()]);
    assert_eq!(done.code, Some(13), "{done:?}");
    let listed = components(&folder.join("out"));
    assert_eq!(
        (&named(&listed, "don")["state"], &named(&listed, "phuong-an")["state"]),
        (&"secret".into(), &"signed".into())
    );
}

#[test]
fn copies_and_missing_pages_are_told_of_and_stop_nothing() {
    let folder = fresh("guard-copies");
    let footer = |number: &str| page_saying(&["BIÊN BẢN", "Cuộc họp thôn ngày 02 tháng 3 năm 2025.", "", number]);
    put(
        &folder.join("in"),
        &[
            ("ban-sao/1.jpg", stamped_page(&["GIẤY PHÉP"], "BẢN SAO", Point::new(60.0, 90.0), -9.0)),
            ("in-san/1.jpg", page_saying(&["SAO Y BẢN CHÍNH", "GIẤY PHÉP", "Cấp cho ông Nguyễn Văn A."])),
            ("trich-luc/1.jpg", page_saying(&["TRÍCH LỤC KHAI SINH", "BẢN SAO", "Họ tên: Nguyễn Văn A"])),
            ("bien-ban/1.jpg", footer("Trang 1/3")),
            ("bien-ban/2.jpg", footer("Trang 2/3")),
        ],
    );
    let done = digitize(&folder, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("TT 01/2023/TT-VPCP"), "{done:?}");
    let listed = components(&folder.join("out"));
    for name in ["ban-sao", "in-san"] {
        let component = named(&listed, name);
        assert_eq!(component["pages"][0]["notices"][0]["code"], "copy-mark", "{component}");
        assert_eq!(component["state"], "signed");
    }
    assert_eq!(named(&listed, "trich-luc")["pages"][0]["notices"], Value::Null);
    let notice = &named(&listed, "bien-ban")["pages"][0]["notices"][0];
    assert_eq!((&notice["code"], &notice["said"], &notice["found"]), (&"page-count".into(), &3.into(), &2.into()));
}

#[test]
fn the_service_keeps_nothing_of_a_secret_paper_until_who_answers_says_it_is_none() {
    let desk = Desk::open("guard-desk", &[("enabled = false", "enabled = true")]);
    let centre = &desk.centre;
    add(centre, "lan", "clerk");
    add(centre, "minh", "supervisor");
    centre.drop(&format!("{CODE}/phuong-an/1.jpg"), &page_saying(&lines()));
    centre.drop(&format!("{CODE}/phuong-an/2.jpg"), &marked("MẬT", -8.0));
    let failed = centre
        .wait_for("it is withheld", || centre.components(Some(CODE)).into_iter().find(|one| one["state"] == "failed"));
    assert_eq!(failed["reason"], "secret", "{failed}");
    let id = failed["id"].as_u64().expect("a number");
    assert_eq!(traces(&centre.folder.join("out")), Vec::<PathBuf>::new());
    let shelf = centre.folder.join("data/pages");
    assert_eq!(files_below(&shelf, ""), Vec::<PathBuf>::new());

    let (clerk, supervisor) = (session(&desk, "lan"), session(&desk, "minh"));
    let path = format!("/components/{id}/pages");
    let shown = see(&desk, &path, &clerk).text();
    assert!(shown.contains("không được số hóa") && !shown.contains(CONTENT) && !shown.contains("khong-mat"), "{shown}");
    // Looking at it makes no pictures of it either.
    let pictures: Vec<&str> = shown.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for picture in pictures.iter().filter(|picture| picture.contains("page.jpg")) {
        let picture = picture.replace("&amp;", "&");
        assert_eq!(see(&desk, &picture, &clerk).status, 404);
        assert_eq!(see(&desk, &picture.replace("page.jpg", "capture.jpg"), &clerk).status, 404);
    }
    assert!(!pictures.is_empty(), "{shown}");
    assert_eq!(files_below(&shelf, ""), Vec::<PathBuf>::new());

    let act = |cookie: &str, reason: &str| {
        let form = field(&see(&desk, "/", cookie).text(), "form");
        post(&desk, &format!("/components/{id}/open"), cookie, &[("form", &form), ("reason", reason)])
    };
    assert_eq!(act(&clerk, "nhầm").status, 403);
    assert_eq!(act(&supervisor, " ").status, 400);
    assert_eq!(act(&supervisor, "đóng dấu nhầm").status, 303);
    let made = centre.wait_for("it is made", || {
        centre
            .components(Some(CODE))
            .into_iter()
            .find(|one| !["failed", "in-work"].contains(&one["state"].as_str().unwrap_or("")))
    });
    assert_eq!(made["captures"].as_array().map(Vec::len), Some(2), "{made}");
    assert_eq!(files_below(&centre.folder.join("out"), "pdf").len(), 1);
    let journal = see(&desk, "/audit", &supervisor).text();
    assert!(journal.contains("quyết định giấy tờ không mật"), "{journal}");
}
