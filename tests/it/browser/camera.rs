//! The live camera of the phone's page, over TLS: what it draws over the picture, and when it captures.

use std::fs;

use serde_json::Value;
use sohoa::imaging::decode::{Limits, decode};

use crate::program::{fresh, root};

use super::lens::{Frame, Lens};
use super::phone::ALL_IS_SENT;
use super::scene::sample;
use super::{PHONE, Scene};

/// What lies before the camera: a photo of a decision, a little too far away to be good.
const PHOTO: &str = "quyet-dinh-chup-dien-thoai/trang-1";

/// The button of the page that opens the camera, and the one that closes it.
const OPEN: &str = "#live";
const CLOSE: &str = ".camera .bar button:first-child";

/// How many frames the service has searched for this page.
const LOOKS: &str = "performance.getEntriesByName(location.href + '/outline').length";

/// The outline as it is drawn over the camera's picture: the furthest of its points to the top left, top right, bottom right and
/// bottom left, as shares of the picture's sides. Nothing where none is drawn.
const OUTLINE: &str = "(() => {
    const lines = document.querySelector('.camera canvas'), small = document.createElement('canvas');
    const width = small.width = lines.width / 4, height = small.height = lines.height / 4;
    const context = small.getContext('2d', { willReadFrequently: true });
    context.drawImage(lines, 0, 0, width, height);
    const drawn = context.getImageData(0, 0, width, height).data;
    const far = [(x, y) => -x - y, (x, y) => x - y, (x, y) => x + y, (x, y) => y - x];
    const corners = far.map(() => null), most = far.map(() => -Infinity);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        if (drawn[(y * width + x) * 4 + 3] < 128) continue;
        far.forEach((of, corner) => {
            if (of(x, y) > most[corner]) { most[corner] = of(x, y); corners[corner] = [x / width, y / height]; }
        });
    }
    return corners[0] && corners;
})()";

/// How far a drawn corner may be from the true one, as a share of the picture's sides: half the line's width, and what the search
/// of a small frame is off.
const NEAR: f64 = 0.02;

#[test]
fn the_camera_captures_a_paper_by_itself_once_it_lies_still() {
    let photo = fs::read(sample(PHOTO).with_extension("jpg")).expect("a sample");
    let paper = frame(&photo);
    let nothing = paper.moved(paper.width(), 0);
    let lens = Lens::new(&fresh("browser-live-camera").join("camera.y4m"), &nothing);
    let switches = lens.switches();
    let switches: Vec<&str> = switches.iter().map(String::as_str).collect();
    // What has come is not made into a component meanwhile.
    let changes = [("gap_seconds = 1", "gap_seconds = 3600")];
    let Some(mut scene) = Scene::open_trusted("browser-live", &changes, &switches) else { return };
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.go(&path);
    scene.browser.evaluate("performance.setResourceTimingBufferSize(9999)");
    scene.browser.click(OPEN);

    look(&mut scene, 3);
    assert_eq!(scene.browser.evaluate(OUTLINE), Value::Null, "there is no paper");
    lens.while_moving(&paper, || {
        scene.browser.wait_for("the paper is found as it moves", OUTLINE);
        look(&mut scene, 6);
    });
    assert_nothing_is_new(&mut scene, 0);

    lens.show(&paper);
    let near = format!(
        "(found => found && found.every((one, at) => Math.hypot(one[0] - {true_corners}[at][0], \
         one[1] - {true_corners}[at][1]) < {NEAR}))({OUTLINE})",
        true_corners = corners()
    );
    scene.browser.wait_for("the outline is that of the paper", &near);
    let lies_over = "(([one, other]) => ['x', 'y', 'width', 'height'].every(of => one[of] === other[of]))(
        ['video', 'canvas'].map(name => document.querySelector('.camera ' + name).getBoundingClientRect()))";
    assert_eq!(scene.browser.evaluate(lies_over), true, "and lies over its picture");
    let captured = captured(&mut scene, 1);
    assert!(captured.difference(&paper) < 4.0, "{}", captured.difference(&paper));
    // It is captured once, however long it lies there.
    look(&mut scene, 6);
    assert_nothing_is_new(&mut scene, 1);
    lens.show(&nothing);
    look(&mut scene, 4);
    assert_nothing_is_new(&mut scene, 1);
    scene.browser.click(CLOSE);
    scene.browser.wait_for("the camera is closed", "!document.querySelector('.camera')");

    // Most browsers of iPhones have no `ImageCapture`: theirs is the picture that is seen.
    scene.browser.evaluate("delete window.ImageCapture");
    let elsewhere = paper.moved(paper.width() / 40 * 2, -100);
    lens.show(&elsewhere);
    scene.browser.click(OPEN);
    let captured = self::captured(&mut scene, 2);
    assert!(captured.difference(&elsewhere) < 4.0, "{}", captured.difference(&elsewhere));
    let complaints = scene.browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

#[test]
fn a_paper_that_is_missed_in_one_frame_is_still_the_one_that_was_captured() {
    let Some(mut scene) = Scene::open("browser-steady", &[], &[]) else { return };
    let path = scene.pair();
    scene.go(&path);
    scene.browser.evaluate(
        "new Promise(done => document.head.append(Object.assign(document.createElement('script'),
        { src: document.getElementById('main').dataset.camera, onload: () => done() })))",
    );
    // What it makes of a paper, nothing, and a paper elsewhere, three tenths of a second each.
    let steps = scene.browser.evaluate(
        "(() => {
            const box = at => [[at, at], [at + .5, at], [at + .5, at + .5], [at, at + .5]], steady = sohoa.steadiness();
            const frames = { p: box(.1), '-': null, q: box(.3), w: box(.11) };
            return Array.from('pwpppp-pp----ppppqqqqq', (name, time) => name + ' ' + steady.next(frames[name], time * 300));
        })()",
    );
    let steps: Vec<&str> = steps.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let expected = [
        "p moving",
        "w still",
        "p still",
        "p capture",
        "p done",
        "p done",
        "- none",
        "p done",
        "p done",
        "- none",
        "- none",
        "- none",
        "- none",
        "p moving",
        "p still",
        "p still",
        "p capture",
        "q moving",
        "q still",
        "q still",
        "q capture",
        "q done",
    ];
    assert_eq!(steps, expected);
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Waits until the service has searched so many more frames.
fn look(scene: &mut Scene, times: u64) {
    let before = scene.browser.evaluate(LOOKS).as_u64().expect("a number");
    // One may be on its way.
    scene.browser.wait_for("frames are searched", &format!("{LOOKS} > {}", before + times));
}

/// Waits until there are so many pages, and each is judged; what was stored of the last.
fn captured(scene: &mut Scene, pages: usize) -> Frame {
    let judged = format!(
        "(lines => lines.length === {pages} && lines.every(line => line.startsWith('Quá xa')))(
        Array.from(document.querySelectorAll('#papers .page.retake .lines li'), line => line.innerText))"
    );
    scene.browser.wait_for("pages are judged", &judged);
    let arrived = scene.arrived();
    assert_eq!(arrived.len(), pages, "{arrived:?}");
    let name = &arrived[pages - 1];
    let stored = scene.desk.centre.folder.join("data/blobs").join(&name[..2]).join(name);
    frame(&fs::read(stored).expect("it is stored"))
}

/// Fails when there are other pages than so many, or some on the way.
fn assert_nothing_is_new(scene: &mut Scene, pages: usize) {
    assert_eq!(scene.browser.evaluate(ALL_IS_SENT), true);
    assert_eq!(scene.arrived().len(), pages);
}

fn frame(picture: &[u8]) -> Frame {
    Frame::of(&decode(picture, 0, &Limits::default()).expect("a picture").image)
}

/// The true corners of the paper on the photo, from the top left on clockwise, as shares of the photo's sides.
fn corners() -> Value {
    let path = root().join("tests/samples").join(PHOTO).with_extension("expected.json");
    let expected: Value = serde_json::from_str(&fs::read_to_string(path).expect("its truth")).expect("JSON");
    let [width, height] = [0, 1].map(|at| expected["size"][at].as_f64().expect("pixels"));
    let corners = expected["quad"].as_array().expect("four corners").iter();
    corners
        .map(|corner| {
            Value::from(vec![corner[0].as_f64().expect("pixels") / width, corner[1].as_f64().expect("pixels") / height])
        })
        .collect()
}
