//! Telling formats apart by content; file names are never looked at.

use super::{Format, Seen};

/// How much of a file is looked at where a mark has no fixed place: the PDF header may follow other bytes, an Office
/// file names its kind among its first entries.
const WINDOW: usize = 4096;

/// The picture format, when it is one that is read.
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', ..] => Some(Format::Png),
        // 43 is BigTIFF: the reader says that it is not read.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => (!is_camera_raw(bytes)).then_some(Format::Tiff),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::WebP),
        // The word after the size is reserved and zero: "BM" alone begins many a text.
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some(Format::Bmp),
        _ => (brands(bytes)? == Container::Heic).then_some(Format::Heic),
    }
}

/// What a file that [`sniff`] does not know looks like.
pub fn seen(bytes: &[u8]) -> Seen {
    let start = &bytes[..bytes.len().min(WINDOW)];
    let has = |needle: &[u8]| start.windows(needle.len()).any(|window| window == needle);
    if let Some(container) = brands(bytes) {
        return match container {
            Container::Heic | Container::OtherHeif => Seen::OtherHeif,
            Container::Avif => Seen::Avif,
            Container::CameraRaw => Seen::CameraRaw,
            Container::Video => Seen::Video,
            Container::Sound => Seen::Sound,
            Container::Jpeg2000 => Seen::Jpeg2000,
            Container::JpegXl => Seen::JpegXl,
        };
    }
    match start {
        [b'G', b'I', b'F', b'8', ..] => Seen::Gif,
        [0xff, 0x4f, 0xff, 0x51, ..] | [0, 0, 0, 12, b'j', b'P', ..] => Seen::Jpeg2000,
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', ..] => Seen::JpegXl,
        [b'8', b'B', b'P', b'S', ..] => Seen::Photoshop,
        [b'I', b'I', 42, 0, ..] | [b'I', b'I', b'U' | b'R', ..] => Seen::CameraRaw,
        [b'%', b'!', b'P', b'S', ..] => Seen::PostScript,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Seen::Video,
        [
            _,
            _,
            _,
            _,
            b'm' | b'w' | b'f',
            b'o' | b'd' | b'i' | b'r',
            b'o' | b'a' | b'd' | b'e',
            b'v' | b't' | b'e',
            ..,
        ] if matches!(&start[4..8], b"moov" | b"mdat" | b"wide" | b"free") => Seen::Video,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..] => Seen::Video,
        [b'R', b'I', b'F', b'F', ..] | [b'I', b'D', b'3', ..] | [b'O', b'g', b'g', b'S', ..] => Seen::Sound,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Seen::OldOffice,
        [b'{', b'\\', b'r', b't', b'f', ..] => Seen::Word,
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            if has(b"word/") || has(b"opendocument.text") {
                Seen::Word
            } else if has(b"xl/") || has(b"opendocument.spreadsheet") {
                Seen::Spreadsheet
            } else if has(b"ppt/") || has(b"opendocument.presentation") {
                Seen::Presentation
            } else {
                Seen::Archive
            }
        }
        [b'R', b'a', b'r', b'!', ..] | [b'7', b'z', 0xbc, 0xaf, ..] | [0x1f, 0x8b, ..] => Seen::Archive,
        [b'M', b'Z', ..] | [0x7f, b'E', b'L', b'F', ..] => Seen::Program,
        _ if is_pdf(bytes) => Seen::Pdf,
        _ if start.iter().all(|&byte| byte == 0) => Seen::Zeros,
        _ if has(b"<svg") => Seen::Svg,
        _ => text(start),
    }
}

/// Whether a PDF header stands within the first kilobyte, where readers look for it.
pub(crate) fn is_pdf(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-")
}

fn text(start: &[u8]) -> Seen {
    let readable = match std::str::from_utf8(start) {
        Ok(_) => true,
        // A letter cut by the window's end is no fault.
        Err(error) => error.valid_up_to() + 4 > start.len() && start.len() == WINDOW,
    };
    let trimmed = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let controls = start.iter().filter(|&&byte| byte < 9 || (14..27).contains(&byte)).count();
    match trimmed {
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] if readable => Seen::Markup,
        _ if readable && controls == 0 => Seen::Text,
        _ => Seen::Unknown,
    }
}

/// Raw files that pretend to be TIFF: Canon CR2 and, by the digits of their version tag, DNG.
fn is_camera_raw(bytes: &[u8]) -> bool {
    bytes.get(8..10) == Some(b"CR".as_slice())
}

/// Kinds of ISO base media files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Heic,
    Avif,
    OtherHeif,
    CameraRaw,
    Video,
    Sound,
    Jpeg2000,
    JpegXl,
}

/// Reads the `ftyp` box: the major brand decides, the compatible ones where that is a general one.
fn brands(bytes: &[u8]) -> Option<Container> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let major = bytes.get(8..12)?;
    let compatible = bytes.get(16..size.min(bytes.len()).min(WINDOW)).unwrap_or_default();
    let is_compatible = |brands: &[&[u8]]| compatible.chunks_exact(4).any(|brand| brands.contains(&brand));
    let heic: &[&[u8]] = &[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"];
    let avif: &[&[u8]] = &[b"avif", b"avis"];
    Some(match major {
        brand if heic.contains(&brand) => Container::Heic,
        brand if avif.contains(&brand) => Container::Avif,
        b"mif1" | b"mif2" | b"msf1" | b"miaf" => {
            if is_compatible(heic) {
                Container::Heic
            } else if is_compatible(avif) {
                Container::Avif
            } else {
                Container::OtherHeif
            }
        }
        b"crx " => Container::CameraRaw,
        b"M4A " | b"M4B " => Container::Sound,
        b"jp2 " | b"jpx " => Container::Jpeg2000,
        b"jxl " => Container::JpegXl,
        _ => Container::Video,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(sniff(b"\xff\xd8\xff\xe0"), Some(Format::Jpeg));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n"), Some(Format::Png));
        assert_eq!(sniff(b"MM\0*\0\0\0\x08"), Some(Format::Tiff));
        assert_eq!(sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Format::WebP));
        assert_eq!(sniff(b"BM\x10\0\0\0\0\0\0\0\x36\0\0\0"), Some(Format::Bmp));
        assert_eq!(sniff(b"BMW is a make of car"), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn heic_avif_and_video_share_a_container_and_are_told_apart() {
        assert_eq!(sniff(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(seen(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), Seen::Avif);
        assert_eq!(seen(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), Seen::Avif);
        assert_eq!(seen(b"\0\0\0\x14ftypqt  \0\0\0\0qt  "), Seen::Video);
        assert_eq!(seen(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"), Seen::Video);
        assert_eq!(seen(b"\0\0\0\x08wide\0\0\0\0mdat"), Seen::Video);
        assert_eq!(sniff(b"\0\0\0\x14ftypqt  \0\0\0\0qt  "), None);
    }

    #[test]
    fn strangers_are_named() {
        assert_eq!(seen(b"PK\x03\x04....[Content_Types].xml....word/document.xml"), Seen::Word);
        assert_eq!(seen(b"PK\x03\x04....photos/1.jpg"), Seen::Archive);
        assert_eq!(seen(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Seen::OldOffice);
        assert_eq!(seen(b"\n<!DOCTYPE html><html>"), Seen::Markup);
        assert_eq!(seen("Cộng hòa xã hội chủ nghĩa Việt Nam".as_bytes()), Seen::Text);
        assert_eq!(seen(b"junk %PDF-1.4"), Seen::Pdf);
        assert_eq!(seen(&[0; 100]), Seen::Zeros);
        assert_eq!(seen(&[3, 1, 200, 7, 0]), Seen::Unknown);
    }
}
