//! Whether a file that stands still is whole, as far as its format tells cheaply: a gate against writers that pause.
//!
//! Headers and ends are read at their positions, the pictures themselves are not decoded. A JPEG must reach its end marker, a
//! PNG its last chunk, a PDF its `%%EOF` with a cross-reference table where `startxref` says, and the directories, strips and
//! tiles of a TIFF must lie within the file. Programs that set a file's size before its content (Windows Explorer onto a
//! share) leave zeros, which pass none of these. Limits: pages that will be appended to a whole TIFF or PDF cannot be
//! foreseen, and picture data of a TIFF, HEIC, WebP or BMP file that is zeros so far passes; stillness is all there is for
//! those.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::imaging::decode::{Format, Seen, is_pdf, seen, sniff};

/// What is read from the start, bytes: as much as `sniff` and `seen` look at.
const HEAD: usize = 4096;

/// Where the end marks of a PDF are looked for, bytes from its end. ISO 32000 readers look at the last 1,024; scanners pad.
const PDF_TAIL: usize = 2048;

/// Fewer bytes than the longest mark that tells a format (`ftyp` with a brand) say nothing.
const SHORTEST: u64 = 12;

/// Most directories of a TIFF that are followed, and most strips or tiles of one that are looked at. Beyond, the file counts
/// as whole: the reader has limits of its own.
const MAX_DIRECTORIES: usize = 10_000;
const MAX_CHUNKS: u64 = 1 << 20;

/// Bytes looked through at a time for the end of a JPEG.
const STRIDE: usize = 64 << 10;

/// What the content says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A picture or a PDF file with an end.
    Whole,
    /// The end is missing; the name of the format.
    Unfinished(&'static str),
    /// A few bytes, or zeros: nothing can be said yet.
    Nothing(Seen),
    /// Something else.
    Other(Seen),
}

/// Looks at a file of `bytes` bytes, more than none.
pub(super) fn content(file: &File, bytes: u64) -> io::Result<Content> {
    let file = Reader { file, bytes };
    let head = file.range(0, HEAD as u64)?;
    let Some(format) = sniff(&head) else {
        return Ok(match seen(&head) {
            _ if is_pdf(&head) && pdf(&file, &head)? => Content::Whole,
            _ if is_pdf(&head) => Content::Unfinished("PDF"),
            other if bytes < SHORTEST || other == Seen::Zeros => Content::Nothing(other),
            other => Content::Other(other),
        });
    };
    let whole = match format {
        Format::Jpeg => jpeg(&file)?,
        Format::Png => png(&file)?,
        Format::Tiff => tiff(&file, &head)?,
        Format::WebP => u64::from(le32(&head, 4)) + 8 <= bytes,
        Format::Bmp => u64::from(le32(&head, 2)) <= bytes,
        Format::Heic => heic(&file)?,
    };
    Ok(if whole { Content::Whole } else { Content::Unfinished(format.name()) })
}

/// A file by positions.
struct Reader<'a> {
    file: &'a File,
    bytes: u64,
}

impl Reader<'_> {
    /// The bytes from `at`, fewer than `count` at the end of the file.
    fn range(&self, at: u64, count: u64) -> io::Result<Vec<u8>> {
        let count = count.min(self.bytes.saturating_sub(at));
        let mut bytes = vec![0; usize::try_from(count).map_err(io::Error::other)?];
        match self.file.read_exact_at(&mut bytes, at) {
            // Cut shorter since it was looked at.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
            read => read.map(|()| bytes),
        }
    }

    fn array<const N: usize>(&self, at: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.range(at, N as u64)?.try_into().ok())
    }
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(u32::MAX, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

/// The end marker stands at the end, or is reached marker by marker: cameras append more after it, and thumbnails within
/// the header have end markers of their own.
fn jpeg(file: &Reader) -> io::Result<bool> {
    if file.array(file.bytes - 2)? == Some([0xff, 0xd9]) {
        return Ok(true);
    }
    let mut at = 2;
    loop {
        let Some([0xff, marker, high, low]) = file.array(at)? else { return Ok(false) };
        at = match marker {
            0xd9 => return Ok(true),
            0xff => at + 1,
            0x01 | 0xd0..=0xd7 => at + 2,
            0xda => {
                let data = at + 2 + u64::from(u16::from_be_bytes([high, low]));
                let Some(next) = after_scan(file, data)? else { return Ok(false) };
                next
            }
            _ => at + 2 + u64::from(u16::from_be_bytes([high, low])),
        };
        // Two bytes are left of an end marker at the very end, which was looked at first.
        if at + 4 > file.bytes {
            return Ok(file.array(at)? == Some([0xff, 0xd9]));
        }
    }
}

/// The first marker after entropy-coded data; in there `ff` is followed by a zero or is a restart marker.
fn after_scan(file: &Reader, mut at: u64) -> io::Result<Option<u64>> {
    loop {
        let part = file.range(at, STRIDE as u64)?;
        let marker = part.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff));
        match marker {
            Some(offset) => return Ok(Some(at + offset as u64)),
            None if part.len() < STRIDE => return Ok(None),
            None => at += part.len() as u64 - 1,
        }
    }
}

fn png(file: &Reader) -> io::Result<bool> {
    let mut at = 8;
    loop {
        let Some([a, b, c, d, kind @ ..]) = file.array::<8>(at)? else { return Ok(false) };
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Ok(false);
        }
        // Length, kind, content, checksum.
        at += 12 + u64::from(u32::from_be_bytes([a, b, c, d]));
        if at > file.bytes || &kind == b"IEND" {
            return Ok(at <= file.bytes);
        }
    }
}

/// Boxes up to the end of the file, the pictures' (`mdat`) among them.
fn heic(file: &Reader) -> io::Result<bool> {
    let (mut at, mut data) = (0, false);
    while let Some([a, b, c, d, kind @ ..]) = file.array::<8>(at)? {
        data |= &kind == b"mdat";
        let size = match u32::from_be_bytes([a, b, c, d]) {
            0 => return Ok(data),
            1 => file.array(at + 8)?.map_or(u64::MAX, u64::from_be_bytes),
            size => u64::from(size),
        };
        at = at.saturating_add(size.max(8));
        if at > file.bytes {
            return Ok(false);
        }
    }
    Ok(data)
}

fn pdf(file: &Reader, head: &[u8]) -> io::Result<bool> {
    let tail = file.range(file.bytes.saturating_sub(PDF_TAIL as u64), PDF_TAIL as u64)?;
    let last = |mark: &[u8]| tail.windows(mark.len()).rposition(|window| window == mark);
    let (Some(end), Some(start)) = (last(b"%%EOF"), last(b"startxref")) else { return Ok(false) };
    // What follows the end is padding, or the beginning of a further section.
    if tail[end + 5..].iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0) {
        return Ok(false);
    }
    let digits = tail[start + 9..].trim_ascii_start();
    let digits = &digits[..digits.iter().take_while(|byte| byte.is_ascii_digit()).count()];
    let position = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    let Some(position) = position.filter(|_| start < end) else { return Ok(false) };
    // Positions count from the header where bytes stand before it.
    let header = head.windows(5).position(|window| window == b"%PDF-").unwrap_or(0) as u64;
    for at in [position, position.saturating_add(header)] {
        let table = file.range(at, 32)?;
        let table = table.trim_ascii_start();
        if table.starts_with(b"xref") || table.first().is_some_and(u8::is_ascii_digit) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Directories, and the strips and tiles that they name, within the file (TIFF 6.0, section 2).
fn tiff(file: &Reader, head: &[u8]) -> io::Result<bool> {
    if matches!(head, [_, _, 43, 0, ..] | [_, _, 0, 43, ..]) {
        // BigTIFF is not read; the reader says so.
        return Ok(true);
    }
    let order = ByteOrder { big_endian: head.starts_with(b"MM") };
    // 0 where the header is cut off, or the first directory is yet to be written.
    let mut at = u64::from(order.u32(head, 4));
    if at == 0 {
        return Ok(false);
    }
    for _ in 0..MAX_DIRECTORIES {
        let Some(count) = file.array::<2>(at)?.map(|bytes| order.u16(&bytes, 0)) else { return Ok(false) };
        let fields = file.range(at + 2, u64::from(count) * 12)?;
        if count == 0 || fields.len() < usize::from(count) * 12 {
            return Ok(false);
        }
        if !fields.chunks_exact(12).all(|field| value_end(order, field) <= file.bytes) {
            return Ok(false);
        }
        let field = |tag| fields.chunks_exact(12).find(|field| order.u16(field, 0) == tag);
        for (offsets, counts) in [(273, 279), (324, 325)] {
            if let (Some(offsets), Some(counts)) = (field(offsets), field(counts))
                && !chunks_within(file, order, offsets, counts)?
            {
                return Ok(false);
            }
        }
        let Some(next) = file.array::<4>(at + 2 + u64::from(count) * 12)? else { return Ok(false) };
        at = u64::from(order.u32(&next, 0));
        if at == 0 {
            break;
        }
    }
    Ok(true)
}

/// Where the values of a field end, 0 where they lie in the field itself.
fn value_end(order: ByteOrder, field: &[u8]) -> u64 {
    let size = match order.u16(field, 2) {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => 1,
    };
    let bytes = size * u64::from(order.u32(field, 4));
    if bytes > 4 { u64::from(order.u32(field, 8)) + bytes } else { 0 }
}

fn chunks_within(file: &Reader, order: ByteOrder, offsets: &[u8], counts: &[u8]) -> io::Result<bool> {
    let (Some(offsets), Some(counts)) = (values(file, order, offsets)?, values(file, order, counts)?) else {
        return Ok(false);
    };
    Ok(offsets.zip(counts).all(|(offset, count)| offset + count <= file.bytes))
}

/// The whole numbers of a field; `None` when they lie outside the file.
fn values(file: &Reader, order: ByteOrder, field: &[u8]) -> io::Result<Option<impl Iterator<Item = u64>>> {
    let short = order.u16(field, 2) == 3;
    let size = if short { 2 } else { 4 };
    let count = u64::from(order.u32(field, 4)).min(MAX_CHUNKS);
    let bytes = if count * size <= 4 {
        field[8..8 + usize::try_from(count * size).unwrap_or(0)].to_vec()
    } else {
        file.range(u64::from(order.u32(field, 8)), count * size)?
    };
    let missing = (bytes.len() as u64) < count * size;
    let read = move |at| if short { u64::from(order.u16(&bytes, at)) } else { u64::from(order.u32(&bytes, at)) };
    let step = usize::from(if short { 2u8 } else { 4 });
    let count = usize::try_from(count).unwrap_or(0);
    Ok((!missing).then(|| (0..count).map(move |index| read(index * step))))
}

#[derive(Clone, Copy)]
struct ByteOrder {
    big_endian: bool,
}

impl ByteOrder {
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let pair = bytes.get(at..at + 2).map_or([0; 2], |pair| [pair[0], pair[1]]);
        if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..at + 4).map_or([0; 4], |four| [four[0], four[1], four[2], four[3]]);
        if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn look(bytes: &[u8]) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        content(&file, bytes.len() as u64).unwrap()
    }

    fn sample(path: &str) -> Vec<u8> {
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    fn png_file() -> Vec<u8> {
        let mut bytes = io::Cursor::new(Vec::new());
        image::GrayImage::new(40, 40).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    const PDF: &[u8] =
        b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<<>>\nstartxref\n29\n%%EOF\n";

    /// One directory with two strips of three bytes, and a second one.
    fn tiff_file(order: fn(u32) -> [u8; 4], short: fn(u16) -> [u8; 2], mark: &[u8]) -> Vec<u8> {
        let field = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&short(tag)[..], &short(kind), &order(count), &value].concat()
        };
        let directory = |strips: u32, next: u32| {
            let counts = [short(3), short(3)].concat().try_into().unwrap();
            [&short(2)[..], &field(273, 4, 2, order(strips)), &field(279, 3, 2, counts), &order(next)].concat()
        };
        // 8 header, 30 directory, 30 directory, 8 offsets, 6 of strips.
        let offsets = [order(76), order(79)].concat();
        [mark, &order(8), &directory(68, 38), &directory(68, 0), &offsets, b"stripe"].concat()
    }

    #[test]
    fn whole_files_are_whole_and_no_beginning_of_one_is() {
        let files = [
            ("JPEG", sample("samples/bia-ho-so.jpg"), 997),
            ("PNG", png_file(), 1),
            ("PDF", PDF.to_vec(), 1),
            ("TIFF", tiff_file(u32::to_le_bytes, u16::to_le_bytes, b"II*\0"), 1),
            ("TIFF", tiff_file(u32::to_be_bytes, u16::to_be_bytes, b"MM\0*"), 1),
            ("TIFF", sample("tests/data/jpeg-tiles.tif"), 101),
            ("HEIC", sample("tests/data/quarter-turn.heic"), 101),
        ];
        for (name, bytes, step) in files {
            assert_eq!(look(&bytes), Content::Whole, "{name}");
            // The final line break of a PDF is of no account.
            for length in (1..bytes.len() - 1).step_by(step) {
                let part = look(&bytes[..length]);
                assert!(
                    matches!(part, Content::Unfinished(_) | Content::Nothing(_)),
                    "{name} cut at {length}: {part:?}"
                );
                // As Windows writes it: the size is there first.
                let mut zeros = bytes[..length].to_vec();
                zeros.resize(bytes.len(), 0);
                if !matches!(name, "TIFF" | "HEIC") && (12..bytes.len() - 4).contains(&length) {
                    let part = look(&zeros);
                    assert!(
                        matches!(part, Content::Unfinished(_) | Content::Nothing(_)),
                        "{name} zeros after {length}: {part:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn bytes_after_the_end_do_no_harm() {
        for (bytes, more) in [
            (sample("samples/bia-ho-so.jpg"), &b"SEFT trailer of a phone"[..]),
            (png_file(), b"more"),
            (PDF.to_vec(), &[0; 900]),
        ] {
            assert_eq!(look(&[&bytes, more].concat()), Content::Whole);
        }
        assert_eq!(look(&[b"\r\n\r\n", PDF].concat()), Content::Whole, "positions count from the header");
    }

    #[test]
    fn the_thumbnail_of_a_cut_jpeg_is_not_its_end() {
        let inner = [&b"\xff\xd8\xff\xd9"[..], &[0; 40]].concat();
        let segment = [&b"\xff\xd8\xff\xe1\x00\x2e"[..], &inner].concat();
        assert_eq!(look(&segment), Content::Unfinished("JPEG"));
    }

    #[test]
    fn strangers_are_named() {
        assert_eq!(look(b"Xin chao cac ban"), Content::Other(Seen::Text));
        assert_eq!(look(b"PK\x03\x04....word/document.xml"), Content::Other(Seen::Word));
        assert_eq!(look(&[0; 5000]), Content::Nothing(Seen::Zeros));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes in proptest::collection::vec(0u8.., 1..600), kind in 0usize..6) {
            let marks: [&[u8]; 6] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"\0\0\0\x18ftypheic", b"%PDF-", b""];
            look(&[marks[kind], &bytes].concat());
        }
    }
}
