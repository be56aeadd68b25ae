//! Files that are small and want to be large: each is set aside with its reason, at once and in bounded memory.

use std::time::{Duration, Instant};

use crate::broken::{jpeg_claiming, pdf, png_bomb, tiff_entries, zlib_zeros};
use crate::http::TOKEN;

use super::{captures, guarded, still_works};

const MIB: u64 = 1 << 20;
/// More memory than all of them may cost, MiB: less than what any unpacks to.
const SPARE_MIB: u64 = 300;
/// Longest that one may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of zeros that unpacks to this, compressed as often.
fn flate(entries: &str, bytes: u64, times: u32) -> Vec<u8> {
    let mut data = zlib_zeros(bytes);
    for _ in 1..times {
        data = twice(&data);
    }
    let filters = "/FlateDecode ".repeat(times as usize);
    [format!("<< {entries} /Filter [{filters}] /Length {} >>\nstream\n", data.len()).as_bytes(), &data, b"\nendstream"]
        .concat()
}

/// Bytes that are compressed already, once more.
fn twice(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A PDF of one page that draws object 5; `content` and `object` are the objects 4 and 5.
fn drawing(content: &[u8], object: &[u8]) -> Vec<u8> {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
                /Resources << /XObject << /I 5 0 R >> >> >>";
    let (root, tree) = ("<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>");
    pdf(&[root.as_bytes(), tree.as_bytes(), page.as_bytes(), content, object], "")
}

fn image(side: u32, bytes: u64, times: u32) -> Vec<u8> {
    let entries = format!(
        "/Type /XObject /Subtype /Image /Width {side} /Height {side} /BitsPerComponent 8 /ColorSpace /DeviceGray"
    );
    flate(&entries, bytes, times)
}

/// A TIFF of so many small pages.
fn tiff_of_pages(count: u32) -> Vec<u8> {
    let entries = tiff_entries(100, 100, 1);
    let size = u32::try_from(2 + 12 * entries.len() + 4).expect("a few");
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for page in 1..=count {
        bytes.extend(u16::try_from(entries.len()).expect("a few").to_le_bytes());
        for (tag, kind, value) in &entries {
            bytes.extend(
                [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat(),
            );
        }
        bytes.extend(if page < count { 8 + size * page } else { 0 }.to_le_bytes());
    }
    bytes
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let draw = b"<< /Length 31 >>\nstream\nq 595 0 0 842 0 0 cm /I Do Q   \nendstream";
    let nested = |open: &str, close: &str, count: usize| (open.repeat(count) + &close.repeat(count)).into_bytes();
    vec![
        ("PNG of 65,535 × 65,535", png_bomb(65_535, 65_535)),
        ("JPEG that claims 60,000 × 60,000", jpeg_claiming(60_000, 60_000)),
        ("TIFF of 300,000 pages", tiff_of_pages(300_000)),
        (
            "PDF with objects that unpack to 512 MiB",
            drawing(draw, &flate("/Type /ObjStm /N 100 /First 10", 512 * MIB, 1)),
        ),
        ("PDF picture that unpacks to 512 MiB", drawing(draw, &image(1000, 512 * MIB, 1))),
        ("PDF picture of 60,000 × 60,000", drawing(draw, &image(60_000, 512 * MIB, 1))),
        ("PDF picture packed twice", drawing(draw, &image(1000, 512 * MIB, 2))),
        ("PDF page description that unpacks to 512 MiB", drawing(&flate("", 512 * MIB, 1), &image(10, 100, 1))),
        ("PDF nested a million deep", drawing(draw, &nested("[", "]", 1_000_000))),
        ("PDF with 300,000 dictionaries in one another", drawing(draw, &nested("<</A ", ">>", 300_000))),
    ]
}

#[test]
fn bombs_are_set_aside_in_bounded_memory_while_other_work_goes_on() {
    let mut desk = guarded("security-bombs", &[]);
    desk.token = Some(TOKEN);
    let good = crate::http::sample("danh-sach/trang-1.jpg");
    assert_eq!(desk.send(&captures("tốt"), &[("1.jpg", &good)]).status, 201);
    desk.centre.wait_for_states(Some(crate::service::CODE), &[("tot", 1, "done")]);
    let before = desk.centre.peak_mib();
    for (name, bytes) in bombs() {
        let started = Instant::now();
        let sent = desk.ask("POST", &captures(name), &[("Content-Type", "application/octet-stream")], &bytes);
        assert_eq!(sent.status, 201, "{name}: {sent:?}");
        let path = format!("/api/v1/components/{}", sent.json()["captures"][0]["component"]);
        let made = desk.centre.wait_for(name, || {
            assert_eq!(desk.get("/healthz").status, 200);
            Some(desk.get(&path).json()).filter(|component| component["state"] != "in-work")
        });
        assert_eq!(made["state"], "rescan", "{name}: {made}");
        let reason = made["files"][0]["set_aside"][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(' ') && reason.contains("hãy"), "{name}: what is wrong and the cure: {made}");
        assert!(started.elapsed() < PATIENCE, "{name} took {:?}", started.elapsed());
        let after = desk.centre.peak_mib();
        assert!(after < before + SPARE_MIB, "{name}: {before} MiB before, {after} MiB after");
    }
    still_works(&mut desk);
}
