//! A paper of many pages looked through at the desk, by keyboard alone.

use std::fs;

use crate::service::CODE;

use super::scene::sample;
use super::{OFFICE, Scene};

const PAPER: &str = "Danh sách";
const PAGES: usize = 20;

/// A JPEG of the samples in a file of its own bytes: with a comment (ITU-T T.81, B.2.4.5) that has this number.
fn numbered(jpeg: &[u8], number: usize) -> Vec<u8> {
    let comment = format!("{number:04}");
    [&jpeg[..2], &[0xff, 0xfe, 0, 6], comment.as_bytes(), &jpeg[2..]].concat()
}

/// A service with a paper of so many pages, whose clerk looks at the first.
fn look_at(name: &str, pages: usize) -> Option<Scene> {
    let mut scene = Scene::open(name, &[("gap_seconds = 1", "gap_seconds = 600")], &[])?;
    let samples =
        ["danh-sach/trang-1.jpg", "to-khai/trang-1.jpg"].map(|name| fs::read(sample(name)).expect("a sample"));
    for number in 1..=pages {
        let bytes = numbered(&samples[number % samples.len()], number);
        scene.desk.centre.drop(&format!("{CODE}/{PAPER}/{number:02}.jpg"), &bytes);
    }
    let has_all = |one: &serde_json::Value| one["captures"].as_array().map(Vec::len) == Some(pages);
    let paper = scene.wait_for_component(PAPER, has_all);
    scene.browser.resize(OFFICE);
    scene.log_in();
    scene.go(&format!("/components/{}/pages", paper["id"]));
    Some(scene)
}

/// Whether the page that is shown is this one of so many, with its picture.
fn shows(page: usize, of: usize) -> String {
    format!(
        "document.querySelector('.tools')?.innerText.includes('Trang {page}/{of}\\n') && \
         document.querySelector('.picture img')?.naturalWidth > 300 && !document.querySelector('main.busy')"
    )
}

#[test]
fn twenty_pages_are_looked_through_by_keys() {
    let Some(mut scene) = look_at("browser-twenty", PAGES) else { return };
    for page in 1..=PAGES {
        scene.browser.wait_for(&format!("page {page} is seen"), &shows(page, PAGES));
        match page {
            3 => {
                scene.browser.type_text("u");
                scene.browser.wait_for("it is turned", "!!document.querySelector('button[value=found]')");
            }
            7 => {
                scene.browser.type_text("b");
                scene.browser.wait_for("it is blank", "!!document.querySelector('button[value=found]')");
            }
            _ => {}
        }
        match page % 2 {
            0 => scene.browser.press("ArrowRight"),
            _ => scene.browser.type_text("j"),
        }
    }
    scene.browser.type_text("x");
    scene.browser.wait_for("the last is left out", &shows(PAGES - 1, PAGES - 1));
    scene.browser.press("Enter");
    scene.browser.wait_for("back at the dossier", "location.pathname.startsWith('/dossiers/')");
    let made = scene.wait_for_component(PAPER, |one| one["state"] == "done");
    assert_eq!(made["captures"].as_array().map(Vec::len), Some(PAGES - 1));
    let manifest = fs::read(scene.desk.centre.folder.join("out").join(CODE).join("manifest.json")).expect("it is made");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let pages = manifest["components"][0]["pages"].as_array().expect("a list");
    let decided: Vec<usize> = (1..).zip(pages).filter(|(_, page)| !page["decided"].is_null()).map(|(n, _)| n).collect();
    assert_eq!(decided, [3, 7], "{manifest:#}");
    assert_eq!(pages[6]["decided"]["blank"], true);
    let complaints = scene.browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn what_comes_late_of_a_page_does_not_replace_the_next() {
    let Some(mut scene) = look_at("browser-late", 3) else { return };
    scene.browser.wait_for("the first page is seen", &shows(1, 3));
    // What the page asks for to stay up to date is answered, but comes only when it is let go.
    scene.browser.evaluate(
        "(() => {
            const real = window.fetch, letGo = new Promise(done => { window.letGo = done; });
            window.asked = [];
            window.fetch = async (url, options) => {
                const answer = await real(url, options);
                if (options?.headers?.['Sohoa-Live']) { window.asked.push(String(url)); await letGo; }
                return answer;
            };
        })()",
    );
    scene
        .desk
        .centre
        .drop(&format!("{CODE}/Tờ khai/1.jpg"), &fs::read(sample("to-khai/trang-2.jpg")).expect("a sample"));
    scene.browser.wait_for("the page asks what is new", "window.asked.length === 1");
    scene.browser.press("ArrowRight");
    scene.browser.wait_for("page 2 is seen", &shows(2, 3));
    scene.browser.evaluate("window.letGo()");
    scene.browser.wait_for("it asks again", "window.asked.length > 1 && window.asked.at(-1) === location.href");
    scene.browser.wait_for("page 2 is still seen", &shows(2, 3));
    let complaints = scene.browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.desk.centre.stop(), Some(0));
}
