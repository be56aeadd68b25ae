//! The data of a paper confirmed and corrected at the desk, by keyboard alone, each value beside its place on the page.

use std::fs;

use crate::service::CODE;

use super::desk::tab_to;
use super::pages::{SCREENS, found_wrong, keep_pictures};
use super::scene::{PAPER, sample};
use super::{OFFICE, Scene};

#[test]
fn a_clerk_confirms_and_corrects_data_by_keyboard_alone() {
    let Some(mut scene) = Scene::open("browser-data", &[("enabled = false", "enabled = true")], &[]) else { return };
    let picture = fs::read(sample("giay-khai-sinh/ban-chinh.jpg")).expect("a sample");
    scene.desk.centre.drop(&format!("{CODE}/{PAPER}/1.jpg"), &picture);
    let paper = scene.wait_for_component(PAPER, |one| one["state"] == "done");
    let path = format!("/components/{}/data", paper["id"]);
    scene.log_in();
    scene.go(&path);
    keep_pictures(&mut scene, "values");
    for (name, screen) in SCREENS {
        scene.browser.resize(screen);
        scene.browser.complaints();
        scene.browser.open_first(&format!("{}{path}", scene.origin));
        assert_eq!(found_wrong(&mut scene), [] as [String; 0], "{name}");
    }
    scene.browser.resize(OFFICE);
    scene.go(&path);
    // Each value shows its own part of one picture.
    let cuts = "[...document.querySelectorAll('.cut')].map(cut => cut.getAttribute('viewBox'))";
    let cuts = scene.browser.evaluate(cuts);
    let mut cuts: Vec<&str> = cuts.as_array().expect("a list").iter().filter_map(|cut| cut.as_str()).collect();
    let count = cuts.len();
    cuts.sort_unstable();
    cuts.dedup();
    assert!(count > 8 && cuts.len() > count / 2, "{cuts:?}");
    let loaded = scene.browser.evaluate(
        "fetch(document.querySelector('.cut image').href.baseVal).then(answer => answer.headers.get('Content-Type'))",
    );
    assert_eq!(loaded, "image/jpeg");

    tab_to(&mut scene, "#m-father");
    scene.browser.type_text("lê quốc sáng");
    tab_to(&mut scene, "#m-birth_date");
    scene.browser.type_text("31/02/2025");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is told", "document.querySelector('[role=alert]')?.innerText.includes('Chưa lưu')");
    let is_there = "document.activeElement.matches('#m-birth_date[aria-invalid=true]') && \
                    document.querySelector('#m-father').value === 'lê quốc sáng'";
    scene.browser.wait_for("the field is ready, and nothing is lost", is_there);
    // That it is refused is no complaint.
    scene.browser.complaints();
    assert_eq!(found_wrong(&mut scene), [] as [String; 0], "with a value that does not fit");
    scene.browser.type_text("17/03/2025");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is saved", "document.querySelector('[role=status]')?.innerText.includes('Đã lưu')");
    let kept = "['father', 'birth_date'].map(name => document.querySelector(`#m-${name}`).value).join()";
    assert_eq!(scene.browser.evaluate(kept), "Lê Quốc Sáng,17/03/2025");
    let open = scene.browser.evaluate("document.querySelectorAll('.doubted').length");
    assert_eq!(open, 0, "all that was seen is confirmed");
    // With another kind its fields are to be seen.
    scene.browser.evaluate("document.querySelector('#loai').value = 'thong-bao'");
    tab_to(&mut scene, ".kind button");
    scene.browser.press("Enter");
    scene.browser.wait_for("it is of another kind", "location.search === '?told=kind'");
    let kind = "document.querySelector('#loai').value + ' ' + !!document.querySelector('#m-abstract')";
    assert_eq!(scene.browser.evaluate(kind), "thong-bao true");
    assert_eq!(scene.desk.centre.stop(), Some(0));
}
