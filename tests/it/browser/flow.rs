//! A dossier from the paper to the signed file, as the people at a counter do it: the clerk shows a code, an official takes
//! pictures with a phone, the clerk looks at the pages and signs.

use std::fs;
use std::path::PathBuf;

use image::DynamicImage;

use crate::judges::{judge_against, judges_are_there};
use crate::program::root;
use crate::service::CODE;
use crate::signing::PASSWORD as KEY_PASSWORD;
use crate::tokens::root_certificate;

use super::desk::tab_to;
use super::phone::{ALL_IS_SENT, PICKER};
use super::scene::{PAPER, sample, sha256};
use super::{OFFICE, PHONE, Scene};

/// Ten pictures as an official takes them; the last is blurred.
const PICTURES: [&str; 10] = [
    "to-khai/trang-1.jpg",
    "to-khai/trang-2.jpg",
    "danh-sach/trang-1.jpg",
    "quyet-dinh/1-mat-truoc.jpg",
    "giay-khai-sinh/ban-chinh.jpg",
    "can-cuoc/anh-quet.jpg",
    "can-cuoc/anh-chup.jpg",
    "bia-ho-so.jpg",
    "can-cuoc-ban-sao/ban-quet.jpg",
    BLURRED,
];
const BLURRED: &str = "to-khai-chup-dien-thoai/bi-mo.jpg";
/// Taken in its place.
const SHARP: &str = "can-cuoc-ban-sao/to-giay-cong.jpg";

/// Whether so many pages are on the phone's page, and each has its verdict.
fn judged(pages: usize) -> String {
    format!(
        "document.querySelectorAll('#papers .page').length === {pages} && !document.querySelector('#papers .page.checking')"
    )
}

/// The address that the QR code on the browser's screen leads to, as a phone's camera sees it.
fn scanned(scene: &mut Scene) -> String {
    let screen = image::load_from_memory(&scene.browser.screenshot()).expect("a PNG");
    let codes = sohoa::codes::read(&DynamicImage::to_luma8(&screen));
    let code = codes.first().unwrap_or_else(|| panic!("no QR code: {}", scene.browser.text()));
    code.payload.strip_prefix(&scene.origin).unwrap_or_else(|| panic!("strange: {}", code.payload)).to_owned()
}

#[test]
fn from_a_phones_pictures_to_a_signed_file() {
    if !judges_are_there() {
        return;
    }
    let key = root().join("tests/data/sign/p256.p12");
    let section = format!("[sign]\nenabled = false\nkey = {key:?}\n[service]");
    let changes = [("[service]", &section[..]), ("gap_seconds = 1", "gap_seconds = 600")];
    let Some(mut scene) = Scene::open("browser-flow", &changes, &[]) else { return };

    // The clerk shows a code on the screen.
    scene.browser.resize(OFFICE);
    scene.log_in();
    scene.go(&format!("/dossiers/{CODE}"));
    tab_to(&mut scene, "main a[href$='/phones']");
    scene.browser.press("Enter");
    scene.browser.wait_for("the form", "!!document.querySelector('input[name=component]')");
    tab_to(&mut scene, "input[name=component]");
    scene.browser.type_text(PAPER);
    scene.browser.press("Enter");
    scene.browser.wait_for("the code is shown", "!!document.querySelector('.qr svg')");
    scene.browser.evaluate("document.querySelector('.qr').scrollIntoView()");
    let path = scanned(&mut scene);

    // An official takes ten pictures; one is blurred, and is taken again.
    scene.browser.resize(PHONE);
    scene.go(&path);
    let files: Vec<PathBuf> = PICTURES.iter().map(|name| sample(name)).collect();
    scene.browser.choose_files(PICKER, &files);
    scene.browser.wait_for("ten pages are judged", &judged(10));
    let bad = "[...document.querySelectorAll('#papers .page:not(.good)')].map(page => page.innerText)";
    let bad = scene.browser.evaluate(bad);
    assert_eq!(bad.as_array().map(Vec::len), Some(1), "{bad}");
    assert!(bad[0].as_str().is_some_and(|text| text.contains("Trang 10") && text.contains("chụp lại")), "{bad}");
    let thumbnails = "[...document.querySelectorAll('#papers .page img')].every(image => image.naturalWidth > 100)";
    scene.browser.evaluate("document.querySelectorAll('#papers img').forEach(image => { image.loading = 'eager'; })");
    scene.browser.wait_for("the pages are seen", thumbnails);
    scene.browser.choose_files("#papers .page.retake input[type=file]", &[sample(SHARP)]);
    let all_good = format!("{} && document.querySelectorAll('#papers .page.good').length === 10", judged(10));
    scene.browser.wait_for("ten pages are good", &all_good);
    scene.browser.wait_for("all is sent", ALL_IS_SENT);
    let sent = PICTURES.iter().map(|name| if *name == BLURRED { SHARP } else { name });
    let sent: Vec<String> = sent.map(|name| sha256(&fs::read(sample(name)).expect("a sample"))).collect();
    assert_eq!(scene.arrived(), sent, "once each, byte for byte, the one that was taken again in its place");
    scene.browser.click("#end button");
    let waiting = scene.wait_for_component(PAPER, |one| one["state"] == "unsigned");
    scene.browser.wait_for("the phone says so", "document.querySelector('#papers .badge')?.innerText === 'xong'");

    // The clerk looks at every page by keyboard, and turns one that the official held sideways on purpose.
    scene.browser.resize(OFFICE);
    scene.go(&format!("/dossiers/{CODE}"));
    tab_to(&mut scene, &format!("main a[href='/components/{}/pages']", waiting["id"]));
    scene.browser.press("Enter");
    for page in 1..=10 {
        let seen = format!(
            "document.querySelector('.tools')?.innerText.includes('Trang {page}/10') && \
             document.querySelector('.picture img')?.naturalWidth > 300"
        );
        scene.browser.wait_for(&format!("page {page} is seen"), &seen);
        if page < 10 {
            scene.browser.press("ArrowRight");
        }
    }
    scene.browser.type_text("u");
    scene.browser.wait_for("version 2 has it", "document.querySelector('h1')?.innerText.includes('V2')");
    scene.browser.type_text("f");
    let as_found = "!document.querySelector('button[value=found]') && !document.querySelector('main.busy')";
    scene.browser.wait_for("it is as it was found", as_found);
    scene.browser.press("Enter");
    scene.browser.wait_for("back at the dossier", "location.pathname.startsWith('/dossiers/')");
    scene.wait_for_component(PAPER, |one| one["state"] == "unsigned" && one["version"] == 2);

    // And signs, with the password typed once.
    tab_to(&mut scene, "header a[href='/sign']");
    scene.browser.press("Enter");
    scene.browser.wait_for("the form", "!!document.querySelector('input[name=secret]')");
    tab_to(&mut scene, "input[name=secret]");
    scene.browser.type_text(KEY_PASSWORD);
    tab_to(&mut scene, "button[name=all]");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is signed", "document.querySelector('main')?.innerText.includes('đã ký 1/1')");
    let done = scene.wait_for_component(PAPER, |one| one["state"] == "done");
    let complaints = scene.browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.desk.centre.stop(), Some(0));

    let text = |key: &str| done["files"][0][key].as_str().unwrap_or_default().to_owned();
    let file = PathBuf::from(text("directory")).join(text("file"));
    for (file, verdict) in judge_against(&[file], "2u", "verapdf,qpdf,pyhanko", &root_certificate()) {
        assert_eq!(verdict["verdict"], true, "{file}: {verdict:#}");
    }
}
