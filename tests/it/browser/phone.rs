//! The phone's page as a person with a phone meets it.

use std::fs;
use std::path::PathBuf;

use super::scene::{PAPER, sample, sha256};
use super::{PHONE, Scene};

/// The picker of pictures that are there already.
pub(super) const PICKER: &str = "#pick input";
/// Whether nothing that was chosen is still to be sent.
pub(super) const ALL_IS_SENT: &str = "document.getElementById('waiting').hidden";
/// Whether the page says that the network is gone.
const IS_OFFLINE: &str = "document.getElementById('note').innerText.includes('Mất mạng')";

#[test]
fn three_pictures_chosen_at_once_arrive_once_each() {
    let Some(mut scene) = Scene::open("browser-phone", &[], &[]) else { return };
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.go(&path);
    let names = ["to-khai/trang-2.jpg", "to-khai/trang-1.jpg", "bia-ho-so.jpg"];
    let pictures = names.map(|name| fs::read(sample(name)).expect("a sample"));
    // Phones call all pictures alike.
    let files: Vec<PathBuf> =
        (0..3).map(|number| scene.desk.centre.folder.join(format!("{number}/image.jpg"))).collect();
    for (file, bytes) in files.iter().zip(&pictures) {
        fs::create_dir(file.parent().expect("below our folder")).expect("our own folder");
        fs::write(file, bytes).expect("our own folder");
    }
    scene.browser.choose_files(PICKER, &files);
    scene.browser.wait_for("three pages are there", "document.querySelectorAll('#papers .page').length === 3");
    scene.browser.wait_for("all is sent", ALL_IS_SENT);
    assert_eq!(scene.arrived(), pictures.map(|bytes| sha256(&bytes)), "once each, in their order, byte for byte");
    scene
        .browser
        .wait_for("the page tells by itself", "document.querySelector('#papers .badge')?.innerText === 'xong'");
    assert_eq!(
        scene.wait_for_component(PAPER, |one| one["state"] == "done")["captures"].as_array().map(Vec::len),
        Some(3)
    );
    let complaints = scene.browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn a_phone_without_network_goes_on_when_it_is_back() {
    let Some(mut scene) = Scene::open("browser-offline", &[], &[]) else { return };
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.go(&path);
    scene.browser.set_network(true, 0, None);
    let picture = sample("bia-ho-so.jpg");
    scene.browser.choose_files(PICKER, std::slice::from_ref(&picture));
    scene.browser.wait_for("it is said", IS_OFFLINE);
    assert_eq!(scene.arrived(), [] as [String; 0]);
    // Slow at first: 64 KB a second.
    scene.browser.set_network(false, 100, Some(64 * 1024));
    scene.browser.wait_for("it is there", "document.querySelectorAll('#papers .page').length === 1");
    assert_eq!(scene.arrived(), [sha256(&fs::read(picture).expect("a sample"))]);
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn a_page_opens_without_network_and_has_the_pictures_that_wait() {
    let Some(mut scene) = Scene::open_trusted("browser-reload", &[("gap_seconds = 1", "gap_seconds = 3600")], &[])
    else {
        return;
    };
    // The service comes back where it was.
    scene.desk.listen = scene.desk.address.to_string().leak();
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.go(&path);
    // The first visit is enough: each code has an address of its own.
    let is_kept = "navigator.serviceWorker.controller && caches.match(location.href).then(Boolean)";
    scene.browser.wait_for("the phone has the page", is_kept);
    assert_eq!(scene.desk.centre.stop(), Some(0));
    scene.browser.set_network(true, 0, None);
    let pictures = ["to-khai/trang-2.jpg", "to-khai/trang-1.jpg", "bia-ho-so.jpg"].map(sample);
    scene.browser.choose_files(PICKER, &pictures[..2]);
    let waiting = |count: usize| {
        format!(
            "document.querySelectorAll('#queue .item').length === {count} \
             && sohoa.outbox.list().then(kept => kept.length === {count})"
        )
    };
    scene.browser.wait_for("two wait", &waiting(2));
    scene.browser.wait_for("it is said", IS_OFFLINE);

    scene.browser.reload();
    let worker = scene.browser.evaluate("performance.getEntriesByType('navigation')[0].workerStart");
    assert!(worker.as_f64() > Some(0.0), "{worker}");
    scene.browser.wait_for("they wait still", &waiting(2));
    scene.browser.wait_for("it is said", IS_OFFLINE);
    scene.browser.choose_files(PICKER, &pictures[2..]);
    scene.browser.wait_for("one more waits", &waiting(3));

    scene.desk.start();
    scene.browser.set_network(false, 0, None);
    scene.browser.wait_for("three pages are there", "document.querySelectorAll('#papers .page').length === 3");
    scene.browser.wait_for("all is sent", ALL_IS_SENT);
    let expected = pictures.map(|picture| sha256(&fs::read(picture).expect("a sample")));
    assert_eq!(scene.arrived(), expected, "once each, in their order, byte for byte");
    scene.browser.wait_for("nothing is left on the phone", &waiting(0));
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Tests of pages that open the camera rely on this.
#[test]
fn the_cameras_picture_is_that_of_the_file() {
    let video = crate::program::fresh("browser-camera-file").join("camera.mjpeg");
    fs::copy(sample("to-khai-chup-dien-thoai/bi-mo.jpg"), &video).expect("our own folder");
    let file = format!("--use-file-for-fake-video-capture={}", video.display());
    let switches = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", &file];
    let Some(mut scene) = Scene::open("browser-camera", &[], &switches) else { return };
    scene.go("/login");
    scene.browser.evaluate(
        "navigator.mediaDevices.getUserMedia({ video: { width: 4096, height: 4096 } }).then(stream => {
            const video = document.createElement('video'); video.id = 'camera'; video.muted = true;
            video.srcObject = stream; document.body.append(video); return video.play(); })",
    );
    // Before its first frame a video is 2 pixels wide.
    let size =
        "(video => video.videoWidth > 2 && [video.videoWidth, video.videoHeight])(document.getElementById('camera'))";
    assert_eq!(
        scene.browser.wait_for("the camera has a picture", size),
        serde_json::json!([2448, 3264]),
        "the sample's"
    );
    assert_eq!(scene.desk.centre.stop(), Some(0));
}
