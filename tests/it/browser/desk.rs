//! The desk as a clerk uses it, with mouse or keyboard.

use crate::desk::PASSWORD;
use crate::program::root;
use crate::service::CODE;

use super::Scene;
use super::scene::{sample, sha256};

/// Whether a person sees which element has the focus.
const FOCUS_IS_VISIBLE: &str = "(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)\
                                (getComputedStyle(document.activeElement))";

/// Goes on with the Tab key until an element has the focus, which is visible all the way.
pub(super) fn tab_to(scene: &mut Scene, selector: &str) {
    for _ in 0..60 {
        scene.browser.press("Tab");
        let place = scene.browser.evaluate("document.activeElement.outerHTML");
        // After the last element the browser's own begin, and the focus is on the page as a whole.
        let is_visible =
            scene.browser.evaluate(&format!("document.activeElement === document.body || {FOCUS_IS_VISIBLE}"));
        assert_eq!(is_visible, true, "the focus cannot be seen: {place}");
        if scene.browser.evaluate(&format!("document.activeElement.matches({selector:?})")) == true {
            return;
        }
    }
    panic!("Tab does not lead to {selector}: {}", scene.browser.text());
}

#[test]
fn a_clerk_works_by_keyboard_alone() {
    let Some(mut scene) = Scene::open("browser-keyboard", &[], &[]) else { return };
    scene.go("/");
    assert!(scene.browser.url().ends_with("/login"));
    scene.browser.wait_for("the field is ready to type in", "document.activeElement.name === 'name'");
    scene.browser.type_text("lan");
    tab_to(&mut scene, "input[name=password]");
    scene.browser.type_text("sai mật khẩu rồi");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is refused", "document.querySelector('[role=alert]')?.innerText.includes('không đúng')");
    // What was wrong is read out with the field.
    let described = "document.getElementById(document.activeElement.getAttribute('aria-describedby'))?.innerText";
    scene.browser.wait_for("the field says why", described);
    scene.browser.type_text("lan");
    tab_to(&mut scene, "input[name=password]");
    scene.browser.type_text(PASSWORD);
    tab_to(&mut scene, "main button");
    scene.browser.press(" ");
    scene.browser.wait_for("the clerk is in", "location.pathname === '/' && !!document.querySelector('h1')");

    tab_to(&mut scene, "a.skip");
    scene.browser.press("Enter");
    tab_to(&mut scene, "main input[name=code]");
    scene.browser.type_text("chưa rõ");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is no code", "!!document.querySelector('[role=alert]')");
    assert_eq!(scene.browser.evaluate("document.querySelector('input[name=code]').value"), "chưa rõ", "it stays");
    tab_to(&mut scene, "main input[name=code]");
    scene.browser.type_text(CODE);
    scene.browser.press("Enter");
    scene.browser.wait_for("the dossier", &format!("document.querySelector('h1')?.innerText.includes({CODE:?})"));
    tab_to(&mut scene, "header form[action='/logout'] button");
    scene.browser.press("Enter");
    scene.browser.wait_for("the clerk is out", "location.pathname === '/login'");
    scene.go("/dossiers");
    assert!(scene.browser.url().ends_with("/login"));
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn a_picture_brought_by_the_form_becomes_a_component() {
    let Some(mut scene) = Scene::open("browser-bringing", &[], &[]) else { return };
    scene.log_in();
    scene.go(&format!("/dossiers/{CODE}"));
    let picture = sample("to-khai/trang-1.jpg");
    scene.browser.click("#giay");
    scene.browser.type_text("Tờ khai");
    // The list of known names, if one is open, does not swallow the next click.
    scene.browser.press("Tab");
    scene.browser.choose_files("form[enctype] input[type=file]", std::slice::from_ref(&picture));
    scene.browser.click("form[enctype] button");
    scene.browser.wait_for("it is there", "document.querySelector('.components h2')?.innerText === 'Tờ khai'");
    let made = scene.wait_for_component("Tờ khai", |one| one["state"] == "done");
    assert_eq!(made["captures"][0]["sha256"], sha256(&std::fs::read(picture).expect("a sample")));
    scene.browser.reload();
    assert_eq!(scene.browser.evaluate("document.querySelector('.components .badge').innerText"), "xong");
    assert_eq!(scene.browser.evaluate("document.querySelectorAll('.components a[download]').length"), 1);
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn the_language_is_switched_where_one_is() {
    let Some(mut scene) = Scene::open("browser-language", &[], &[]) else { return };
    scene.log_in();
    for (path, vietnamese, english) in [
        ("/unplaced", "Chưa xếp", "Not placed"),
        ("/dossiers", "Mọi hồ sơ", "All dossiers"),
        (&format!("/dossiers/{CODE}"), "Hồ sơ", "Dossier"),
    ] {
        scene.go(path);
        for (lang, heading) in [("en", english), ("vi", vietnamese)] {
            scene.browser.click("form[action='/language'] button");
            scene.browser.wait_for(
                heading,
                &format!("document.documentElement.lang === {lang:?} && document.querySelector('h1')?.innerText.startsWith({heading:?})"),
            );
            assert_eq!(scene.browser.evaluate("location.pathname"), path);
        }
    }
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn what_waits_is_placed_in_a_dossier() {
    let Some(mut scene) = Scene::open("browser-placing", &[], &[]) else { return };
    let picture = std::fs::read(root().join("samples/danh-sach/trang-1.jpg")).expect("a sample");
    scene.desk.centre.drop("IMG_0001.jpg", &picture);
    scene.desk.centre.wait_for("it waits", || {
        scene.desk.centre.components(None).iter().any(|one| one["state"] == "unplaced").then_some(())
    });
    scene.log_in();
    scene.browser.click(".note a[href='/unplaced']");
    scene.browser.wait_for("what waits", "document.querySelector('.components h2')?.innerText.includes('IMG_0001')");
    scene.browser.click("input[name=dossier]");
    scene.browser.type_text(CODE);
    scene.browser.click("input[name=title]");
    scene.browser.evaluate("document.activeElement.select()");
    scene.browser.type_text("Danh sách");
    scene.browser.click(".components form button");
    scene.browser.wait_for("its dossier", &format!("location.pathname === '/dossiers/{CODE}'"));
    let placed = scene.wait_for_component("Danh sách", |one| one["state"] == "done");
    assert_eq!(placed["captures"][0]["sha256"], sha256(&picture));
    scene.go("/unplaced");
    assert!(scene.browser.text().contains("Không có gì chờ xếp"));
    assert_eq!(scene.desk.centre.stop(), Some(0));
}
