//! A phone on a bad network: pictures that the page's own script sends arrive once each, byte for byte and in their order,
//! whatever cuts, loses or slows the connection, and however often the service is killed meanwhile.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use image::{GrayImage, Luma};

use crate::generator::random::Random;

use super::phone::{ALL_IS_SENT, PICKER};
use super::proxy::{CALM, Conditions, Proxy};
use super::scene::sha256;
use super::{PHONE, Scene};

/// Longest that a picture may take on any of these networks.
const PATIENCE: Duration = Duration::from_secs(90);

/// 64 kbit/s.
const SLOW: Option<u32> = Some(8_000);

/// Where a network is not slow pictures are so many times as large.
const LARGER: usize = 5;

/// The networks, by name. Chances are per packet: a picture and the questions about it take ten to eighty.
const NETWORKS: [(&str, Conditions); 5] = [
    ("cut", Conditions { cut: 0.03, ..CALM }),
    ("far", Conditions { delay: Duration::from_millis(200), cut: 0.01, ..CALM }),
    ("losing 1 %", Conditions { loss: 0.01, delay: Duration::from_millis(20), ..CALM }),
    ("64 kbit/s", Conditions { bytes_per_second: SLOW, ..CALM }),
    (
        "all of it",
        Conditions { bytes_per_second: SLOW, delay: Duration::from_millis(100), cut: 0.01, loss: 0.003, ..CALM },
    ),
];

#[test]
fn pictures_arrive_once_each_through_a_bad_network_and_killed_services() {
    send("browser-network", 4, 1, 2_000..9_000, 20_250_701);
}

#[test]
#[ignore = "200 pictures, a quarter of an hour: cargo test --release --test it -- --ignored --nocapture browser::network"]
fn two_hundred_pictures_arrive_once_each_through_a_bad_network_and_killed_services() {
    let seed = std::env::var("SOHOA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    send("browser-network-long", 40, 3, 2_000..20_000, seed);
}

#[test]
fn a_connection_that_is_dead_without_saying_so_is_given_up() {
    let Some(mut scene) = Scene::open("browser-dead", &[], &[]) else { return };
    let proxy = Proxy::to(scene.desk.address, 1);
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.browser.open(&format!("http://{}{path}", proxy.address));
    let picture = picture(&scene.desk.centre.folder.join("picture.png"), 200_000, &mut Random::new(1));
    proxy.set(Conditions { bytes_per_second: Some(50_000), ..CALM });
    let before = proxy.happened();
    scene.browser.choose_files(PICKER, std::slice::from_ref(&picture));
    wait_for(&mut scene, "it is being sent", |_| proxy.happened().sent > before.sent + 50_000);
    // Until long after both ends should have noticed.
    proxy.set(Conditions { loss: 1.0, stall: Duration::from_secs(600), ..CALM });
    wait_for(&mut scene, "the connection dies", |_| proxy.happened().losses > before.losses);
    proxy.set(CALM);
    wait_for(&mut scene, "the picture arrives", |arrived| arrived > 0);
    assert_eq!(scene.arrived(), [sha256(&fs::read(&picture).expect("our own folder"))]);
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Sends so many pictures of these sizes (bytes) over each network, and kills the service so often meanwhile.
fn send(name: &str, each: usize, kills: usize, sizes: Range<usize>, seed: u64) {
    // What has come is not made into pages before all is there.
    let Some(mut scene) = Scene::open(name, &[("gap_seconds = 1", "gap_seconds = 3600")], &[]) else { return };
    // The service comes back where it was.
    scene.desk.listen = scene.desk.address.to_string().leak();
    let mut random = Random::new(seed);
    let pictures = pictures(&scene.desk.centre.folder, each, sizes, &mut random);
    let expected: Vec<String> = pictures.iter().map(|file| sha256(&fs::read(file).expect("our own folder"))).collect();
    let proxy = Proxy::to(scene.desk.address, seed);
    let path = scene.pair();
    scene.browser.resize(PHONE);
    scene.browser.open(&format!("http://{}{path}", proxy.address));
    eprintln!("seed {seed}\nnetwork      pictures    time   cuts  losses  kills  resumed");
    for ((network, conditions), batch) in NETWORKS.iter().zip(pictures.chunks(each)) {
        proxy.set(*conditions);
        let (before, started, resumed) = (proxy.happened(), Instant::now(), resumed(&mut scene));
        carry(&mut scene, &proxy, batch, kills, &mut random);
        let (now, seconds) = (proxy.happened(), started.elapsed().as_secs());
        let (cuts, losses) = (now.cuts - before.cuts, now.losses - before.losses);
        let resumed = self::resumed(&mut scene) - resumed;
        eprintln!("{network:<12}{each:>9}{seconds:>6} s{cuts:>7}{losses:>8}{kills:>7}{resumed:>9}");
    }
    proxy.set(CALM);
    scene.browser.wait_for("the page says that all is sent", ALL_IS_SENT);
    assert_eq!(scene.arrived(), expected, "once each, byte for byte, in their order");
    assert!(proxy.happened().cuts > 0 && resumed(&mut scene) > 0, "the network was bad");
    let complaints = scene.browser.complaints();
    let others: Vec<_> = complaints.iter().filter(|complaint| complaint.source != "network").collect();
    assert!(others.is_empty(), "{others:?}");
    eprintln!("begun and never gone on with: {}", left_over(&scene.desk.centre.folder));
    assert_eq!(scene.desk.centre.stop(), Some(0));
}

/// Sends these pictures and kills the service so often meanwhile, each time somewhere in the middle of what is left.
fn carry(scene: &mut Scene, proxy: &Proxy, batch: &[PathBuf], kills: usize, random: &mut Random) {
    let wanted = scene.arrived().len() + batch.len();
    let bytes: u64 = batch.iter().map(|file| fs::metadata(file).expect("our own folder").len()).sum();
    let mut sent = proxy.happened().sent;
    scene.browser.choose_files(PICKER, batch);
    for _ in 0..kills {
        sent += bytes / kills as u64 * random.whole(10..80) as u64 / 100;
        wait_for(scene, "bytes go through", |_| proxy.happened().sent > sent);
        scene.desk.centre.kill();
        scene.desk.start();
    }
    wait_for(scene, "pictures arrive", |arrived| arrived >= wanted);
}

/// Waits for something, of which the number of pictures that have arrived is told, for as long as pictures keep arriving.
fn wait_for(scene: &mut Scene, what: &str, is_so: impl Fn(usize) -> bool) {
    const LOOK: Duration = Duration::from_millis(10);
    const COUNT: Duration = Duration::from_millis(500);
    let (mut last, mut counted, mut arrived) = (Instant::now(), Instant::now(), scene.arrived().len());
    while !is_so(arrived) {
        sleep(LOOK);
        if counted.elapsed() > COUNT {
            let before = std::mem::replace(&mut arrived, scene.arrived().len());
            counted = Instant::now();
            if arrived > before {
                last = counted;
            }
        }
        if last.elapsed() > PATIENCE {
            let (text, complaints) = (scene.browser.text(), scene.browser.complaints());
            let last = &complaints[complaints.len().saturating_sub(10)..];
            panic!("{what}: {arrived} have arrived; the page says\n{text}\n{last:#?}");
        }
    }
}

/// How often the page went on with a picture from where it was cut off.
fn resumed(scene: &mut Scene) -> usize {
    let offset =
        |headers: &serde_json::Value| headers["Upload-Offset"].as_str().and_then(|text| text.parse::<u64>().ok());
    let requests = scene.browser.requests().iter();
    requests.filter(|one| one.method == "PATCH" && offset(&one.headers).is_some_and(|offset| offset > 0)).count()
}

/// Uploads whose sender never heard that they were begun.
fn left_over(folder: &Path) -> usize {
    let files = crate::program::files_below(&folder.join("data/uploads"), "");
    files.iter().filter(|file| file.extension().is_none()).count()
}

/// So many pictures for each network, in a folder of their own.
fn pictures(folder: &Path, each: usize, sizes: Range<usize>, random: &mut Random) -> Vec<PathBuf> {
    let folder = folder.join("pictures");
    fs::create_dir(&folder).expect("our own folder");
    let times = NETWORKS.iter().map(|(_, conditions)| if conditions.bytes_per_second.is_some() { 1 } else { LARGER });
    let times = times.flat_map(|times| std::iter::repeat_n(times, each));
    times
        .enumerate()
        .map(|(number, times)| {
            picture(&folder.join(format!("{number:03}.png")), random.whole(sizes.clone()) * times, random)
        })
        .collect()
}

/// Writes a picture of noise, which no compression makes smaller than about so many bytes.
fn picture(file: &Path, bytes: usize, random: &mut Random) -> PathBuf {
    let (width, height) = (50, u32::try_from(bytes / 50).expect("it is small"));
    let noise = GrayImage::from_fn(width, height, |_, _| Luma([(random.bits() & 0xff) as u8]));
    noise.save(file).expect("our own folder");
    file.to_owned()
}
