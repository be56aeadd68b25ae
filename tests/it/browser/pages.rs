//! What every page owes to everybody, whatever it is for: nothing that the browser complains of, no barrier that axe-core calls
//! serious, a first load below 100 KB, and no scrolling sideways, on a phone and on an office's laptop.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::codes::card;
use crate::desk::add;
use crate::program::run;
use crate::service::CODE;

use super::client::Screen;
use super::scene::{PAPER, axe, sample};
use super::{OFFICE, PHONE, Scene};

/// Every page, by a name for its pictures and its path. `{code}` is a dossier, `{component}` the number of a component of it
/// that is done, `{card}` that of one with data, `{token}` that of a phone's link; `{doubted}` is the number of one with pages that want a
/// look. The supervisor is logged in.
const PAGES: [(&str, &str); 18] = [
    ("login", "/login"),
    ("today", "/"),
    ("dossiers", "/dossiers"),
    ("dossier", "/dossiers/{code}"),
    ("new-dossier", "/dossiers/H21.15.25-250701-0099"),
    ("unplaced", "/unplaced"),
    ("paper", "/components/{component}/pages"),
    ("capture", "/components/{component}/pages?view=capture"),
    ("doubted-paper", "/components/{doubted}/pages"),
    ("data", "/components/{card}/data"),
    ("reuse", "/dossiers/{code}/reuse"),
    ("phones", "/dossiers/{code}/phones"),
    ("search", "/search"),
    ("sign", "/sign"),
    ("figures", "/figures"),
    ("points", "/points?from=2025-07-01&to=2025-07-31"),
    ("audit", "/audit"),
    ("phone", "/p/{token}"),
];

pub(super) const SCREENS: [(&str, Screen); 2] = [("phone", PHONE), ("office", OFFICE)];

/// All that a first visit may load, bytes, but for pictures of papers.
const HEAVIEST: u64 = 100_000;
/// Pictures of papers on a page, bytes: one large and some small ones.
const HEAVIEST_PICTURES: u64 = 300_000;

/// The folder that the pictures of `scripts/screenshots` go to.
const PICTURES: &str = "SOHOA_SCREENSHOTS";

#[test]
fn every_page_is_light_and_open_to_everybody() {
    let Some(mut scene) = Scene::open("browser-pages", &[], &[]) else { return };
    let paths = filled(&mut scene);
    println!("{:<14}{:<8}{:>14}{:>12}{:>13}{:>10}", "page", "screen", "bytes", "pictures", "requests", "ms");
    let mut wrong = Vec::new();
    for (name, path) in &paths {
        for (screen_name, screen) in SCREENS {
            scene.browser.resize(screen);
            scene.browser.complaints();
            let load = scene.browser.open_first(&format!("{}{path}", scene.origin));
            println!(
                "{name:<14}{screen_name:<8}{:>14}{:>12}{:>13}{:>10.0}",
                load.bytes, load.picture_bytes, load.requests, load.milliseconds
            );
            let mut found = found_wrong(&mut scene);
            if load.bytes == 0 || load.bytes >= HEAVIEST {
                found.push(format!("{} bytes", load.bytes));
            }
            if load.picture_bytes >= HEAVIEST_PICTURES {
                found.push(format!("{} bytes of pictures", load.picture_bytes));
            }
            wrong.extend(found.iter().map(|problem| format!("{name} ({screen_name}): {problem}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    let Some(mut scene) = Scene::open("browser-wrong", &[], &[]) else { return };
    for (change, said) in [
        ("document.querySelector('label[for=ten]').remove()", "axe: label"),
        ("document.querySelector('main').append(Object.assign(new Image(), { src: 'data:,' }))", "axe: image-alt"),
        ("document.querySelector('h1').style.color = '#ddd'", "axe: color-contrast"),
        ("document.querySelector('h1').style.width = '9999px'", "wider than its window"),
        ("console.error('so')", "console: "),
        ("setTimeout(() => { throw new Error('so'); })", "exception: "),
        ("document.querySelector('h1').insertAdjacentHTML('beforeend', '<i style=color:red>a</i>')", "security: "),
        (
            "document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = 1' }))",
            "security: ",
        ),
        ("document.body.append(Object.assign(new Image(), { alt: '', src: '/nothing' }))", "network: "),
    ] {
        scene.go("/login");
        assert_eq!(found_wrong(&mut scene), [] as [String; 0], "before {change}");
        scene.browser.evaluate(&format!("{change}; new Promise(done => setTimeout(done, 200))"));
        let found = found_wrong(&mut scene);
        assert!(found.iter().any(|problem| problem.contains(said)), "{change}: {found:?}");
    }
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Takes pictures of all pages: `scripts/screenshots` runs it.
#[test]
#[ignore = "makes pictures to look at: scripts/screenshots OUT"]
fn pictures_of_every_page() {
    let folder = PathBuf::from(std::env::var_os(PICTURES).unwrap_or_else(|| panic!("{PICTURES} names no folder")));
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let Some(mut scene) = Scene::open("browser-pictures", &[], &[]) else { return };
    for (name, path) in filled(&mut scene) {
        for (screen_name, screen) in SCREENS {
            scene.browser.resize(screen);
            scene.go(&path);
            keep(&folder, &format!("{name}-{screen_name}"), &scene.browser.screenshot());
        }
    }
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Keeps a picture to look at.
fn keep(folder: &Path, name: &str, picture: &[u8]) {
    let file = folder.join(format!("{name}.png"));
    fs::write(&file, picture).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Keeps pictures of the page that is open, where `scripts/screenshots` wants some.
pub(super) fn keep_pictures(scene: &mut Scene, name: &str) {
    let Some(folder) = std::env::var_os(PICTURES).map(PathBuf::from) else { return };
    for (screen_name, screen) in SCREENS {
        scene.browser.resize(screen);
        keep(&folder, &format!("{name}-{screen_name}"), &scene.browser.screenshot());
    }
}

/// Fills the scene with papers in several states and logs the clerk in; the pages with their paths.
fn filled(scene: &mut Scene) -> Vec<(&'static str, String)> {
    let read = |name: &str| fs::read(sample(name)).expect("a sample");
    let centre = &scene.desk.centre;
    centre.drop(&format!("{CODE}/Tờ khai đăng ký khai sinh/1.jpg"), &read("to-khai/trang-1.jpg"));
    centre.drop(&format!("{CODE}/Tờ khai đăng ký khai sinh/2.jpg"), &read("to-khai/trang-2.jpg"));
    centre.drop(&format!("{CODE}/Quyết định/1.jpg"), &read("tep-hong/anh-chep-do-dang.jpg"));
    centre.drop(&format!("{CODE}/Đơn/1.jpg"), &read("to-khai-chup-dien-thoai/bi-mo.jpg"));
    centre.drop(&format!("{CODE}/Căn cước/1.tif"), &card("052090000123", "Nữ", "Nguyễn Thị An"));
    centre.drop("bia.jpg", &read("bia-ho-so.jpg"));
    centre.drop("IMG_0001.jpg", &read("danh-sach/trang-1.jpg"));
    let phone = scene.pair();
    let sent = scene.desk.send(&phone, &[("image.jpg", &read("giay-khai-sinh/ban-chinh.jpg"))]);
    assert_eq!(sent.status, 303, "{sent:?}");
    let made = scene.wait_for_component("Tờ khai đăng ký khai sinh", |one| one["state"] == "done");
    scene.wait_for_component("Quyết định", |one| one["state"] == "rescan");
    let card = scene.wait_for_component("Căn cước", |one| one["state"] == "done");
    let doubted = scene.wait_for_component("Đơn", |one| one["state"] == "rescan");
    scene.wait_for_component(PAPER, |one| one["state"] == "done");
    centre.wait_for("one waits to be placed", || {
        centre.components(None).iter().any(|one| one["state"] == "unplaced").then_some(())
    });
    let table = centre.folder.join("danh-muc.csv");
    let rows = "procedure,procedure_name,component,component_name,class,result_type\n\
                1.001193,Đăng ký khai sinh,TK,Tờ khai đăng ký khai sinh,2,\n1.001193,Đăng ký khai sinh,CS,Giấy chứng sinh,1,\n\
                1.001193,Đăng ký khai sinh,,Ảnh,,\n";
    fs::write(&table, rows).expect("our own folder");
    let imported = run(centre.program(&["procedures", "import"]).arg(&table));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let store = rusqlite::Connection::open(centre.folder.join("data/store.sqlite")).expect("the store");
    let update = "UPDATE dossiers SET procedure = '1.001193' WHERE code = ?1";
    assert_eq!(store.execute(update, [CODE]).expect("the store"), 1);
    // Who may see all that there is to see.
    add(&scene.desk.centre, "thu", "supervisor");
    scene.log_in_as("thu");
    let token = phone.rsplit('/').next().expect("a token");
    let fill = |path: &str| {
        let path = path.replace("{code}", CODE).replace("{token}", token);
        path.replace("{component}", &made["id"].to_string())
            .replace("{doubted}", &doubted["id"].to_string())
            .replace("{card}", &card["id"].to_string())
    };
    PAGES.iter().map(|(name, path)| (*name, fill(path))).collect()
}

/// What is wrong with the page that is open.
pub(super) fn found_wrong(scene: &mut Scene) -> Vec<String> {
    let complaints = scene.browser.complaints().into_iter();
    let mut wrong: Vec<String> = complaints.map(|one| format!("{}: {} {}", one.source, one.text, one.url)).collect();
    let width = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    if scene.browser.evaluate(width) == true {
        wrong.push("the page is wider than its window".to_owned());
    }
    wrong.extend(barriers(scene));
    wrong
}

/// What axe-core calls serious or critical; lesser things are only printed.
fn barriers(scene: &mut Scene) -> Vec<String> {
    let axe = fs::read_to_string(axe().expect("the scene has looked for it")).expect("it can be read");
    scene.browser.evaluate(&format!("{axe};0"));
    // Without `preload` it asks for nothing, which the policy of our pages would refuse.
    let found = scene.browser.evaluate("axe.run({ preload: false }).then(found => found.violations)");
    let mut wrong = Vec::new();
    for violation in found.as_array().expect("a list") {
        let text = |key: &str| violation[key].as_str().unwrap_or_default();
        let nodes = violation["nodes"].as_array().map_or(&[][..], |nodes| nodes);
        let targets: Vec<String> = nodes.iter().map(|node: &Value| node["target"].to_string()).collect();
        let told = format!("axe: {} ({}): {} at {}", text("id"), text("impact"), text("help"), targets.join(" "));
        match text("impact") {
            "serious" | "critical" => wrong.push(told),
            _ => eprintln!("{told}"),
        }
    }
    wrong
}
