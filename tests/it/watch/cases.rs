//! The cases of the matrix: what is done to a folder, and what must come of it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use sohoa::intake::{Answer, Mode};

use super::{Lab, below, jpeg, pdf, spawn, wait_for};

type Case = (&'static str, fn(&mut Lab) -> &'static str);

pub(super) const CASES: &[Case] = &[
    ("10,000 files at once", ten_thousand),
    ("written at once", written_at_once),
    ("lay there before the start", before_the_start),
    ("moved in with an old date", old_date),
    ("slow JPEG, pauses longer than settling", slow_jpeg),
    ("slow PNG", slow_png),
    ("slow TIFF, directory last", slow_tiff),
    ("slow PDF", slow_pdf),
    ("size first, content later (Windows copy)", preallocated),
    ("pages appended to one PDF", appended_pdf),
    ("overwritten while it settles", overwritten),
    ("`.part` renamed into place", renamed_into_place),
    ("temporary and system names", temporary_names),
    ("vanishes before it settles", vanishes),
    ("kept open between pages, each leaves a whole PDF", kept_open),
    ("writer goes on after the claim", writer_goes_on),
    ("writer goes on while it is stored", written_while_stored),
    ("same name again while claimed", same_name_again),
    ("names in NFC and NFD", unicode_names),
    ("names that are no UTF-8", names_without_utf8),
    ("new sub-folders", new_sub_folders),
    ("a folder with files renamed into place", folder_moved_in),
    ("sub-folder removed and made again", sub_folder_again),
    ("folder made after the start", folder_made_later),
    ("share unmounted and back", share_unmounted),
    ("share away and back between two looks", share_blinks),
    ("links, pipes, sockets", special_files),
    ("a link replaced by a file", link_replaced),
    ("other kinds of files", other_kinds),
    ("content decides, not the extension", wrong_extension),
    ("empty, then written", empty_then_written),
    ("empty for ever", empty_for_ever),
    ("cut off for ever", cut_off_for_ever),
    ("pages dropped in disorder", page_order),
    ("busy sink", busy_sink),
    ("sink refuses, twice the same name", sink_refuses),
    ("read-only share, files stay", kept),
    ("done files kept by day", done),
    ("killed with a file claimed", claimed_before),
    ("two programs on one folder", two_programs),
    ("nothing can be claimed for a while", cannot_claim),
    ("unreadable for a while", unreadable),
];

fn ten_thousand(lab: &mut Lab) -> &'static str {
    lab.start();
    let names: Vec<String> = (0..10_000).map(|number| format!("scan_{number:05}.jpg")).collect();
    let files: Vec<Vec<u8>> = (0..10_000).map(|number| jpeg(number, 100)).collect();
    for (name, bytes) in names.iter().zip(&files) {
        fs::write(lab.folder.join(name), bytes).unwrap();
    }
    let expected: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(files.iter().map(Vec::as_slice)).collect();
    lab.finish(&expected);
    "all stored, once each"
}

fn written_at_once(lab: &mut Lab) -> &'static str {
    lab.start();
    lab.drop_file("tờ khai.jpg", &jpeg(1, 5000));
    lab.finish(&[("tờ khai.jpg", &jpeg(1, 5000))]);
    "stored"
}

fn before_the_start(lab: &mut Lab) -> &'static str {
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.drop_file("a/b/c/2.jpg", &jpeg(2, 10));
    lab.start();
    lab.finish(&[("1.jpg", &jpeg(1, 10)), ("a/b/c/2.jpg", &jpeg(2, 10))]);
    "stored"
}

fn old_date(lab: &mut Lab) -> &'static str {
    lab.start();
    let outside = lab.beside("old.jpg");
    fs::write(&outside, jpeg(1, 10)).unwrap();
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(&outside).unwrap().set_modified(old).unwrap();
    fs::rename(outside, lab.folder.join("old.jpg")).unwrap();
    lab.finish(&[("old.jpg", &jpeg(1, 10))]);
    "stored"
}

/// Writes a file part by part, with pauses in which it has settled long ago.
fn write_slowly(lab: &mut Lab, name: &str, bytes: &[u8]) {
    lab.start();
    let mut file = File::create(lab.folder.join(name)).unwrap();
    let parts = bytes.chunks(bytes.len().div_ceil(3));
    for (number, part) in parts.enumerate() {
        file.write_all(part).unwrap();
        if number == 0 {
            lab.wait("noticed as unfinished", |lab| lab.said("Unfinished") > 0);
        }
        sleep(lab.settings.settle * 2);
    }
    drop(file);
    lab.finish(&[(name, bytes)]);
}

fn slow_jpeg(lab: &mut Lab) -> &'static str {
    write_slowly(lab, "slow.jpg", &jpeg(1, 300_000));
    "waited for, stored whole"
}

fn png() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_fn(300, 300, |x, y| image::Luma([u8::try_from((x * y) % 256).unwrap()]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

fn slow_png(lab: &mut Lab) -> &'static str {
    write_slowly(lab, "slow.png", &png());
    "waited for, stored whole"
}

/// A bilevel picture of one strip, its directory after it.
fn tiff() -> Vec<u8> {
    let strip = vec![0x55; 3000];
    let field = |tag: u16, value: u32| {
        [&tag.to_le_bytes()[..], &4u16.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let fields = [field(256, 240), field(257, 100), field(273, 8), field(279, 3000)];
    let at = 8 + u32::try_from(strip.len()).unwrap();
    [b"II*\0", &at.to_le_bytes()[..], &strip, &4u16.to_le_bytes(), &fields.concat(), &[0; 4]].concat()
}

fn slow_tiff(lab: &mut Lab) -> &'static str {
    write_slowly(lab, "slow.tif", &tiff());
    "waited for, stored whole"
}

fn slow_pdf(lab: &mut Lab) -> &'static str {
    write_slowly(lab, "slow.pdf", &pdf(1));
    "waited for, stored whole"
}

fn preallocated(lab: &mut Lab) -> &'static str {
    lab.start();
    let bytes = jpeg(1, 200_000);
    let mut file = File::create(lab.folder.join("copy.jpg")).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    lab.wait("waits for content", |lab| lab.said("Empty") > 0);
    file.write_all(&bytes[..100_000]).unwrap();
    lab.wait("waits for the end", |lab| lab.said("Unfinished") > 0);
    file.write_all(&bytes[100_000..]).unwrap();
    drop(file);
    lab.finish(&[("copy.jpg", &bytes)]);
    "waited for, stored whole"
}

fn appended_pdf(lab: &mut Lab) -> &'static str {
    // Each section leaves a whole file, so only stillness tells: far more of it than the pauses of the writer.
    lab.settings.settle = Duration::from_secs(3);
    lab.start();
    let (mut written, bytes) = (0, pdf(5));
    for sections in 1..=5 {
        let mut file = OpenOptions::new().create(true).append(true).open(lab.folder.join("hồ sơ.pdf")).unwrap();
        let length = pdf(sections).len();
        file.write_all(&bytes[written..length]).unwrap();
        written = length;
        drop(file);
        sleep(Duration::from_millis(30));
    }
    lab.finish(&[("hồ sơ.pdf", &bytes)]);
    "waited for, stored whole, once"
}

fn overwritten(lab: &mut Lab) -> &'static str {
    lab.settings.settle = Duration::from_secs(3);
    lab.start();
    for number in 0..5 {
        lab.drop_file("scan.jpg", &jpeg(number, 1000 * number));
        sleep(Duration::from_millis(30));
    }
    lab.finish(&[("scan.jpg", &jpeg(4, 4000))]);
    "the last stored, once"
}

fn renamed_into_place(lab: &mut Lab) -> &'static str {
    lab.start();
    let part = lab.folder.join("out1.tif.part");
    fs::write(&part, tiff()).unwrap();
    lab.drop_file("other.jpg", &jpeg(1, 10));
    lab.wait("the other", |lab| lab.names() == ["other.jpg"]);
    fs::rename(part, lab.folder.join("out1.tif")).unwrap();
    lab.finish(&[("other.jpg", &jpeg(1, 10)), ("out1.tif", &tiff())]);
    "seen once renamed"
}

fn temporary_names(lab: &mut Lab) -> &'static str {
    let temporary = [
        "a.part",
        "b.PART",
        "c.tmp",
        "d.jpg.crdownload",
        "~$e.jpg",
        "f.jpg~",
        "._g.jpg",
        ".DS_Store",
        "Thumbs.db",
        "THUMBS.DB",
        "desktop.ini",
        "@eaDir/h.jpg",
        "#recycle/i.jpg",
        ".hidden/j.jpg",
        "sub/.k.jpg",
        ".sohoa/claimed.jpg",
        "$RECYCLE.BIN/l.jpg",
    ];
    lab.start();
    for name in temporary {
        lab.drop_file(name, &jpeg(1, 10));
    }
    lab.drop_file("zz.jpg", &jpeg(2, 10));
    lab.finish(&[("zz.jpg", &jpeg(2, 10))]);
    assert!(temporary.iter().all(|name| lab.folder.join(name).exists()));
    "left alone"
}

fn vanishes(lab: &mut Lab) -> &'static str {
    lab.settings.settle = Duration::from_secs(2);
    lab.start();
    lab.drop_file("gone.jpg", &jpeg(1, 10));
    lab.wait("seen", |lab| lab.said("Seen") == 1);
    fs::remove_file(lab.folder.join("gone.jpg")).unwrap();
    lab.drop_file("stays.jpg", &jpeg(2, 10));
    lab.finish(&[("stays.jpg", &jpeg(2, 10))]);
    "forgotten, no error"
}

fn kept_open(lab: &mut Lab) -> &'static str {
    if lab.settings.mode == Mode::Polling {
        return "cannot be known: settle must be longer than pauses";
    }
    lab.start();
    let bytes = pdf(3);
    let mut file = File::create(lab.folder.join("hồ sơ.pdf")).unwrap();
    file.write_all(&bytes[..pdf(1).len()]).unwrap();
    lab.wait("waits for the writer", |lab| lab.said("Open") == 1);
    file.write_all(&bytes[pdf(1).len()..pdf(2).len()]).unwrap();
    sleep(lab.settings.settle * 3);
    file.write_all(&bytes[pdf(2).len()..]).unwrap();
    drop(file);
    lab.finish(&[("hồ sơ.pdf", &bytes)]);
    "waited for, stored whole, once"
}

/// A file that was written and closed, and that its writer opened once more.
fn opened_again(lab: &Lab, name: &str, bytes: &[u8]) -> File {
    lab.drop_file(name, bytes);
    OpenOptions::new().append(true).open(lab.folder.join(name)).unwrap()
}

fn writer_goes_on(lab: &mut Lab) -> &'static str {
    lab.sink.busy.store(true, Ordering::SeqCst);
    lab.start();
    let bytes = pdf(2);
    let first = pdf(1).len();
    let mut file = opened_again(lab, "open.pdf", &bytes[..first]);
    lab.wait("claimed", |lab| lab.said("Claimed") == 1 && lab.said("Busy") == 1);
    // Unfinished again, in the claimed place.
    file.write_all(&bytes[first..first + 10]).unwrap();
    lab.sink.busy.store(false, Ordering::SeqCst);
    lab.wait("waits for the end", |lab| lab.said("Unfinished") > 0 || !lab.names().is_empty());
    file.write_all(&bytes[first + 10..]).unwrap();
    drop(file);
    lab.finish(&[("open.pdf", &bytes)]);
    "noticed, waited for, stored whole"
}

fn written_while_stored(lab: &mut Lab) -> &'static str {
    let bytes = pdf(2);
    let first = pdf(1).len();
    lab.start();
    let file = opened_again(lab, "open.pdf", &bytes[..first]);
    let rest = bytes[first..].to_vec();
    let file = Mutex::new(file);
    *lab.sink.hook.lock().unwrap() = Some(Box::new(move |_| file.lock().unwrap().write_all(&rest).unwrap()));
    lab.wait("stored twice", |lab| lab.names().len() == 2 && lab.said("Stored") == 1);
    lab.halt();
    let got = lab.sink.got.lock().unwrap().clone();
    assert_eq!([got[0].bytes.len(), got[1].bytes.len()], [first, bytes.len()]);
    assert!(got[1].bytes == bytes);
    "noticed, handed on again whole"
}

fn same_name_again(lab: &mut Lab) -> &'static str {
    lab.sink.busy.store(true, Ordering::SeqCst);
    lab.start();
    lab.drop_file("scan.jpg", &jpeg(1, 10));
    lab.wait("claimed", |lab| lab.said("Claimed") == 1);
    lab.drop_file("scan.jpg", &jpeg(2, 20));
    lab.wait("seen", |lab| lab.said("Seen") == 2);
    lab.sink.busy.store(false, Ordering::SeqCst);
    lab.finish(&[("scan.jpg", &jpeg(1, 10)), ("scan.jpg", &jpeg(2, 20))]);
    "both stored"
}

fn unicode_names(lab: &mut Lab) -> &'static str {
    let (composed, decomposed) = ("Giấy khai sinh.jpg", "Gia\u{302}\u{301}y khai sinh.jpg");
    lab.start();
    lab.drop_file(composed, &jpeg(1, 10));
    lab.drop_file(decomposed, &jpeg(2, 10));
    lab.drop_file("Đơn/Tơ\u{300} 1.jpg", &jpeg(3, 10));
    lab.finish(&[(composed, &jpeg(1, 10)), (composed, &jpeg(2, 10)), ("Đơn/Tờ 1.jpg", &jpeg(3, 10))]);
    "all stored, told in NFC"
}

fn names_without_utf8(lab: &mut Lab) -> &'static str {
    lab.start();
    let name = OsStr::from_bytes(b"t\xec kh\xe1i.jpg");
    fs::write(lab.folder.join(name), jpeg(1, 10)).unwrap();
    lab.finish(&[("t\u{fffd} kh\u{fffd}i.jpg", &jpeg(1, 10))]);
    assert!(!lab.folder.join(name).exists());
    "stored, bytes replaced in the name told"
}

fn new_sub_folders(lab: &mut Lab) -> &'static str {
    lab.start();
    lab.drop_file("2026-11-30/hồ sơ 1/trang 1.jpg", &jpeg(1, 10));
    lab.wait("the first", |lab| lab.said("Stored") == 1);
    lab.drop_file("2026-11-30/hồ sơ 1/trang 2.jpg", &jpeg(2, 10));
    lab.drop_file("2026-11-30/hồ sơ 2/trang 1.jpg", &jpeg(3, 10));
    lab.finish(&[
        ("2026-11-30/hồ sơ 1/trang 1.jpg", &jpeg(1, 10)),
        ("2026-11-30/hồ sơ 1/trang 2.jpg", &jpeg(2, 10)),
        ("2026-11-30/hồ sơ 2/trang 1.jpg", &jpeg(3, 10)),
    ]);
    "watched at once"
}

fn folder_moved_in(lab: &mut Lab) -> &'static str {
    lab.start();
    let outside = lab.beside("batch");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("1.jpg"), jpeg(1, 10)).unwrap();
    fs::write(outside.join("deep/2.jpg"), jpeg(2, 10)).unwrap();
    fs::rename(outside, lab.folder.join("batch")).unwrap();
    lab.wait("the first two", |lab| lab.said("Stored") == 2);
    lab.drop_file("batch/deep/3.jpg", &jpeg(3, 10));
    lab.finish(&[
        ("batch/1.jpg", &jpeg(1, 10)),
        ("batch/deep/2.jpg", &jpeg(2, 10)),
        ("batch/deep/3.jpg", &jpeg(3, 10)),
    ]);
    "stored, watched from then on"
}

fn sub_folder_again(lab: &mut Lab) -> &'static str {
    lab.start();
    for number in 0..3 {
        lab.drop_file("sub/scan.jpg", &jpeg(number, 10));
        lab.wait("stored", |lab| lab.said("Stored") == number + 1);
        fs::remove_dir(lab.folder.join("sub")).unwrap();
    }
    lab.finish(&[("sub/scan.jpg", &jpeg(0, 10)), ("sub/scan.jpg", &jpeg(1, 10)), ("sub/scan.jpg", &jpeg(2, 10))]);
    "watched again"
}

fn folder_made_later(lab: &mut Lab) -> &'static str {
    fs::remove_dir(&lab.folder).unwrap();
    lab.launch();
    lab.wait("said to be missing", |lab| lab.said("FolderGone") == 1);
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    assert_eq!(lab.said("FolderBack"), 1);
    "told, then stored"
}

fn share_unmounted(lab: &mut Lab) -> &'static str {
    // The share's directory is moved away and an empty mount point lies in its place.
    if lab.settings.mode == Mode::Events {
        lab.settings.rescan = Duration::from_millis(300);
    }
    lab.sink.busy.store(true, Ordering::SeqCst);
    lab.start();
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.wait("claimed", |lab| lab.said("Claimed") == 1);
    let share = lab.beside("share");
    fs::rename(&lab.folder, &share).unwrap();
    fs::write(share.join("2.jpg"), jpeg(2, 10)).unwrap();
    lab.wait("said to be gone", |lab| lab.said("FolderGone") == 1);
    fs::create_dir(&lab.folder).unwrap();
    lab.wait("the mount point", |lab| lab.said("FolderBack") == 1);
    lab.drop_file("3.jpg", &jpeg(3, 10));
    lab.sink.busy.store(false, Ordering::SeqCst);
    lab.wait("what lies in the mount point", |lab| lab.said("Stored") == 1);
    fs::rename(&lab.folder, lab.beside("mount point")).unwrap();
    fs::rename(&share, &lab.folder).unwrap();
    lab.finish(&[("1.jpg", &jpeg(1, 10)), ("2.jpg", &jpeg(2, 10)), ("3.jpg", &jpeg(3, 10))]);
    "told, all stored once back"
}

fn share_blinks(lab: &mut Lab) -> &'static str {
    lab.settings.rescan = Duration::from_secs(3600);
    lab.sink.busy.store(true, Ordering::SeqCst);
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.start();
    lab.wait("claimed", |lab| lab.said("Claimed") == 1);
    let share = lab.beside("share");
    fs::rename(&lab.folder, &share).unwrap();
    lab.wait("missed", |lab| lab.said("FolderGone") == 1);
    fs::rename(&share, &lab.folder).unwrap();
    lab.wait("opened anew", |lab| lab.said("FolderBack") == 1);
    lab.sink.busy.store(false, Ordering::SeqCst);
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    assert_eq!(lab.said("Recovered"), 1);
    "opened anew, stored"
}

fn special_files(lab: &mut Lab) -> &'static str {
    fs::create_dir(lab.beside("outside")).unwrap();
    let secret = lab.beside("outside/secret.jpg");
    fs::write(&secret, jpeg(9, 10)).unwrap();
    lab.start();
    symlink(&secret, lab.folder.join("link.jpg")).unwrap();
    symlink(lab.beside("outside"), lab.folder.join("directory")).unwrap();
    symlink(lab.beside("nowhere"), lab.folder.join("dangling.jpg")).unwrap();
    let made = Command::new("mkfifo").arg(lab.folder.join("pipe.jpg")).status().unwrap();
    assert!(made.success());
    let _socket = UnixListener::bind(lab.folder.join("s.jpg")).unwrap();
    lab.drop_file("real.jpg", &jpeg(1, 10));
    lab.wait("refused", |lab| lab.said("NotAFile") == 5);
    lab.finish(&[("real.jpg", &jpeg(1, 10))]);
    assert_eq!(below(&lab.folder).iter().filter(|name| !name.starts_with(".sohoa")).count(), 5);
    assert!(fs::read(&secret).unwrap() == jpeg(9, 10));
    "refused, never followed"
}

fn link_replaced(lab: &mut Lab) -> &'static str {
    lab.start();
    symlink("/nowhere", lab.folder.join("1.jpg")).unwrap();
    lab.wait("refused", |lab| lab.said("NotAFile") == 1);
    let outside = lab.beside("1.jpg");
    fs::write(&outside, jpeg(1, 10)).unwrap();
    fs::rename(outside, lab.folder.join("1.jpg")).unwrap();
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    "refused, then stored"
}

fn other_kinds(lab: &mut Lab) -> &'static str {
    lab.start();
    lab.drop_file("a/ghi chú.txt", "Xin chào các bạn".as_bytes());
    lab.drop_file("b.jpg", b"PK\x03\x04 [Content_Types].xml word/document.xml");
    lab.drop_file("c.jpg", &jpeg(1, 10));
    lab.wait("refused", |lab| lab.said("NotACapture") == 2);
    lab.finish(&[("c.jpg", &jpeg(1, 10))]);
    assert_eq!(lab.refused(), ["a/ghi chú.txt", "a/ghi chú.txt.txt", "b.jpg", "b.jpg.txt"]);
    let reason = fs::read_to_string(lab.folder.join(".sohoa/refused/b.jpg.txt")).unwrap();
    assert!(reason.contains("không phải ảnh hay PDF") && reason.contains("Word"), "{reason}");
    "refused with the reason"
}

fn wrong_extension(lab: &mut Lab) -> &'static str {
    lab.start();
    lab.drop_file("a.txt", &png());
    lab.drop_file("KHÔNG ĐUÔI", &jpeg(1, 10));
    lab.drop_file("B.JPG", &pdf(1));
    lab.finish(&[("a.txt", &png()), ("KHÔNG ĐUÔI", &jpeg(1, 10)), ("B.JPG", &pdf(1))]);
    "stored"
}

fn empty_then_written(lab: &mut Lab) -> &'static str {
    lab.start();
    lab.drop_file("1.jpg", b"");
    lab.wait("waits", |lab| lab.said("Empty") == 1);
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    "waited for, stored"
}

fn empty_for_ever(lab: &mut Lab) -> &'static str {
    lab.settings.patience = Duration::from_millis(100);
    lab.start();
    lab.drop_file("1.jpg", b"");
    lab.wait("refused", |lab| lab.said("Refused") == 1);
    lab.finish(&[]);
    assert_eq!(lab.refused(), ["1.jpg", "1.jpg.txt"]);
    "refused after long patience"
}

fn cut_off_for_ever(lab: &mut Lab) -> &'static str {
    lab.settings.patience = Duration::from_millis(900);
    lab.start();
    let cut = &jpeg(1, 1000)[..500];
    lab.drop_file("1.jpg", cut);
    lab.wait("handed on", |lab| lab.said("Stored") == 1);
    lab.halt();
    let got = lab.sink.got.lock().unwrap().clone();
    assert!(got.len() == 1 && got[0].bytes == cut && !got[0].complete);
    assert_eq!(lab.said("Unfinished"), 1);
    "handed on as incomplete after patience"
}

fn page_order(lab: &mut Lab) -> &'static str {
    let ordered =
        ["1F.jpg", "1B.jpg", "2F.jpg", "2B.jpg", "3F.jpg", "9F.jpg", "9B.jpg", "10F.jpg", "10B.jpg", "100F.jpg"];
    // Pages wait for earlier ones that are not still, eight times the settling time: far longer than dropping takes.
    lab.settings.settle = Duration::from_secs(2);
    lab.start();
    for at in [7, 0, 9, 3, 5, 8, 1, 6, 2, 4] {
        lab.drop_file(ordered[at], &jpeg(at, 10));
        sleep(Duration::from_millis(20));
    }
    let bytes: Vec<Vec<u8>> = (0..10).map(|at| jpeg(at, 10)).collect();
    let expected: Vec<(&str, &[u8])> = ordered.iter().copied().zip(bytes.iter().map(Vec::as_slice)).collect();
    lab.finish(&expected);
    assert_eq!(lab.names(), ordered);
    "handed on in page order"
}

fn busy_sink(lab: &mut Lab) -> &'static str {
    lab.sink.answers.lock().unwrap().extend((0..3).map(|_| Answer::Busy(Duration::from_millis(50))));
    lab.start();
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.drop_file("2.jpg", &jpeg(2, 10));
    lab.finish(&[("1.jpg", &jpeg(1, 10)), ("2.jpg", &jpeg(2, 10))]);
    assert_eq!((lab.said("Claimed"), lab.said("Busy")), (2, 1));
    "claimed once, asked again, stored"
}

fn sink_refuses(lab: &mut Lab) -> &'static str {
    lab.sink.answers.lock().unwrap().extend((0..2).map(|_| Answer::Refused("có mật khẩu".into())));
    lab.start();
    for number in 1..3 {
        lab.drop_file("x.pdf", &pdf(number));
        lab.wait("refused", |lab| lab.said("Refused") == number);
    }
    lab.finish(&[]);
    assert_eq!(lab.refused(), ["x (2).pdf", "x (2).pdf.txt", "x.pdf", "x.pdf.txt"]);
    assert!(fs::read(lab.folder.join(".sohoa/refused/x.pdf")).unwrap() == pdf(1));
    assert!(fs::read_to_string(lab.folder.join(".sohoa/refused/x.pdf.txt")).unwrap().contains("có mật khẩu"));
    "put aside with the reason, nothing overwritten"
}

fn kept(lab: &mut Lab) -> &'static str {
    lab.settings.keep = true;
    lab.drop_file("a/1.jpg", &jpeg(1, 10));
    lab.start();
    lab.wait("stored", |lab| lab.said("Stored") == 1);
    lab.halt();
    // A second run knows it; a changed file is a new one.
    lab.start();
    lab.drop_file("2.jpg", &jpeg(2, 10));
    lab.wait("stored", |lab| lab.said("Stored") == 1);
    lab.drop_file("2.jpg", &jpeg(3, 20));
    lab.wait("stored", |lab| lab.said("Stored") == 2);
    lab.halt();
    assert_eq!(lab.names(), ["a/1.jpg", "2.jpg", "2.jpg"]);
    assert_eq!(below(&lab.folder), ["2.jpg", "a/1.jpg"], "nothing is moved or made");
    "stored once each, files untouched"
}

fn done(lab: &mut Lab) -> &'static str {
    lab.settings.done = true;
    lab.start();
    lab.drop_file("a/1.jpg", &jpeg(1, 10));
    lab.finish(&[("a/1.jpg", &jpeg(1, 10))]);
    let done = below(&lab.folder.join(".sohoa/done"));
    assert!(matches!(&done[..], [path] if path.ends_with("/a/1.jpg")), "{done:?}");
    "stored, moved to its day"
}

fn claimed_before(lab: &mut Lab) -> &'static str {
    lab.sink.busy.store(true, Ordering::SeqCst);
    lab.start();
    lab.drop_file("a/1.jpg", &jpeg(1, 10));
    lab.wait("claimed", |lab| lab.said("Claimed") == 1);
    lab.halt();
    assert!(!lab.folder.join("a/1.jpg").exists());
    lab.sink.busy.store(false, Ordering::SeqCst);
    lab.start();
    lab.finish(&[("a/1.jpg", &jpeg(1, 10))]);
    assert_eq!(lab.said("Recovered"), 1);
    "found again, stored"
}

fn two_programs(lab: &mut Lab) -> &'static str {
    lab.start();
    let (stop, events) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let second = spawn(&lab.settings, &lab.sink, &stop, &events);
    let said = |words: &str| events.lock().unwrap().iter().filter(|event| event.contains(words)).count();
    wait_for(|| said("InUse") == 1, || "the second is told".into());
    for number in 0..5 {
        lab.drop_file(&format!("{number}.jpg"), &jpeg(number, 10));
    }
    lab.wait("the first takes them", |lab| lab.said("Stored") == 5);
    lab.halt();
    lab.drop_file("5.jpg", &jpeg(5, 10));
    wait_for(|| said("Stored") == 1, || "the second takes over".into());
    stop.store(true, Ordering::SeqCst);
    second.join().unwrap();
    let mut names = lab.names();
    names.sort();
    assert_eq!(names, ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"]);
    "one works, the other takes over; once each"
}

fn cannot_claim(lab: &mut Lab) -> &'static str {
    lab.start();
    let (claimed, away) = (lab.folder.join(".sohoa/claimed"), lab.folder.join(".sohoa/away"));
    fs::rename(&claimed, &away).unwrap();
    fs::write(&claimed, b"in the way").unwrap();
    lab.drop_file("1.jpg", &jpeg(1, 10));
    lab.wait("told", |lab| lab.said("Unreachable") == 1);
    assert!(lab.folder.join("1.jpg").exists());
    fs::remove_file(&claimed).unwrap();
    fs::rename(&away, &claimed).unwrap();
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    "told, tried again, stored"
}

fn unreadable(lab: &mut Lab) -> &'static str {
    let path = lab.folder.join("1.jpg");
    fs::write(&path, jpeg(1, 10)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator may read anything: there is nothing to be seen then.
    let anything = File::open(&path).is_ok();
    lab.start();
    if !anything {
        lab.wait("told", |lab| lab.said("Unreachable") == 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    lab.finish(&[("1.jpg", &jpeg(1, 10))]);
    if anything { "not to be tried as root" } else { "told, tried again, stored" }
}
