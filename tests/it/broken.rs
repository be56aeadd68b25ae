//! Files that are wrong on purpose, made byte by byte so that each is wrong in one known way.

use std::fs;

use crate::program::root;

/// A good picture, small as JPEG photos of a page go.
pub(crate) fn good_jpeg() -> Vec<u8> {
    fs::read(root().join("samples/bia-ho-so.jpg")).expect("the sample exists")
}

/// A good colour PNG of this size, one grey everywhere.
pub(crate) fn plain_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([200, 200, 200]));
    picture.write_to(&mut bytes, image::ImageFormat::Png).expect("a small picture can be written to memory");
    bytes.into_inner()
}

/// A correct 1-bit PNG of all black pixels: a bomb when it is large, as a row compresses to a few bytes.
pub(crate) fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let row = 1 + u64::from(width).div_ceil(8);
    png(width, height, &zlib_zeros(row * u64::from(height)))
}

/// A PNG that claims this size and has next to no pixels.
pub(crate) fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    png(width, height, &zlib_zeros(16))
}

fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([1, 0, 0, 0, 0]); // 1 bit, grey, the only compression, filter and no interlace
    for (kind, body) in [(b"IHDR", header.as_slice()), (b"IDAT", data), (b"IEND", &[])] {
        bytes.extend(u32::try_from(body.len()).expect("a bomb is small").to_be_bytes());
        let from = bytes.len();
        bytes.extend(kind);
        bytes.extend(body);
        let sum = crc32(&bytes[from..]);
        bytes.extend(sum.to_be_bytes());
    }
    bytes
}

/// The zlib stream of `count` zero bytes: one literal, then matches of length 258 at distance 1.
pub(crate) fn zlib_zeros(count: u64) -> Vec<u8> {
    let mut bits = BitWriter { bytes: vec![0x78, 0x01], used: 0 };
    bits.push(0b011, 3); // the last block, with the fixed code (RFC 1951, 3.2.6)
    let mut left = count;
    while left > 0 {
        if left <= 258 || left == count {
            bits.push(0b0000_1100, 8); // literal 0: code 00110000, written from its first bit
            left -= 1;
        } else {
            bits.push(0b1010_0011, 8); // symbol 285, length 258: code 11000101
            bits.push(0, 5); // distance 1
            left -= 258;
        }
    }
    bits.push(0, 7); // end of block
    let mut bytes = bits.bytes;
    // Adler-32 of zeros: the first sum stays 1, the second counts the bytes.
    let second = u32::try_from(count % 65_521).expect("below 65521");
    bytes.extend(((second << 16) | 1).to_be_bytes());
    bytes
}

struct BitWriter {
    bytes: Vec<u8>,
    /// Bits used of the last byte; 0 means that a new byte must be started.
    used: u32,
}

impl BitWriter {
    /// Appends the `count` low bits of `value`, the lowest first.
    fn push(&mut self, value: u8, count: u32) {
        for bit in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("just pushed");
            *last |= ((value >> bit) & 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1)))
    })
}

/// The header of a JPEG that claims this size, and nothing after it.
pub(crate) fn jpeg_claiming(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    bytes
}

/// A little-endian TIFF with one directory of these (tag, type, value) entries, each with a count of 1.
///
/// `next` is where the next directory is said to be; 8 is this one again.
pub(crate) fn tiff(entries: &[(u16, u16, u32)], next: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend(u16::try_from(entries.len()).expect("a few").to_le_bytes());
    for &(tag, kind, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(next.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The entries of an uncompressed 8-bit grey TIFF with its pixels right after the directory.
pub(crate) fn tiff_entries(width: u32, height: u32, compression: u32) -> Vec<(u16, u16, u32)> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const COUNT: u32 = 8;
    vec![
        (256, LONG, width),
        (257, LONG, height),
        (258, SHORT, 8),
        (259, SHORT, compression),
        (262, SHORT, 1),
        (273, LONG, 8 + 2 + COUNT * 12 + 4),
        (278, LONG, height),
        (279, LONG, width.saturating_mul(height)),
    ]
}

/// A PDF of these objects, the first of which is the catalogue, with a correct cross-reference table.
pub(crate) fn pdf<T: AsRef<[u8]>>(objects: &[T], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (number, object) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", bytes.len());
        bytes.extend(format!("{number} 0 obj\n").into_bytes());
        bytes.extend(object.as_ref());
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    let end =
        format!("{table}trailer\n<< /Size {} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1);
    [bytes, end.into_bytes()].concat()
}

/// A PDF with one page of written text and no picture.
pub(crate) fn text_pdf() -> Vec<u8> {
    let content = "BT /F1 24 Tf 72 700 Td (Xin chao) Tj ET";
    let stream = format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len());
    pdf(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
             /Resources << /Font << /F1 5 0 R >> >> >>",
            &stream,
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ],
        "",
    )
}

/// The same behind a password that nobody knows.
pub(crate) fn encrypted_pdf() -> Vec<u8> {
    let key = "0123456789abcdef".repeat(4);
    let encrypt = format!("<< /Filter /Standard /V 1 /R 2 /Length 40 /P -44 /O <{key}> /U <{key}> >>");
    pdf(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
            &encrypt,
        ],
        "/Encrypt 4 0 R /ID [<00> <00>]",
    )
}

/// A PDF whose page tree is its own child.
pub(crate) fn pdf_with_page_loop() -> Vec<u8> {
    pdf(&["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"], "")
}

/// A PDF without a page.
pub(crate) fn pdf_without_pages() -> Vec<u8> {
    pdf(&["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 0 >>"], "")
}

#[test]
fn the_bomb_is_a_correct_picture() {
    let picture = image::load_from_memory(&png_bomb(1000, 700)).expect("any PNG reader takes it");
    assert_eq!((picture.width(), picture.height()), (1000, 700));
    assert!(picture.to_luma8().pixels().all(|pixel| pixel.0 == [0]));
    assert!(png_bomb(30_000, 30_000).len() < 1_000_000);
}
