//! A TrueType font of two empty glyphs, for text that is there to be searched and copied, not seen.
//!
//! Glyph 0 is `.notdef`, which PDF/A-2 forbids text to use; glyph 1 is the blank that stands for every character.
//! Both are [`ADVANCE`] wide, so one default width describes the whole font.

use super::truetype::{self, words};

/// Units of the em square; PDF measures glyph widths in thousandths of the em too, so the numbers agree.
pub(super) const UNITS_PER_EM: u16 = 1000;
/// Width of both glyphs.
pub(super) const ADVANCE: u16 = 500;
/// Height above the baseline that the font claims.
pub(super) const ASCENT: i16 = 800;
/// Depth below the baseline that the font claims, negative.
pub(super) const DESCENT: i16 = -200;
/// The glyph that every character is shown with.
pub(super) const BLANK_GLYPH: u16 = 1;

const GLYPHS: u16 = 2;
const POST_SCRIPT_NAME: &str = "SohoaBlank";

/// The font program, below 1 KB. Besides the tables that PDF asks for (ISO 32000-1, 9.9) it has `cmap`, `name`,
/// `OS/2` and `post`, without which some readers reject a font.
pub(super) fn font() -> Vec<u8> {
    // Sorted by tag, as the table directory must be.
    let tables: [(&[u8; 4], Vec<u8>); 10] = [
        (b"OS/2", os2()),
        (b"cmap", cmap()),
        // Both outlines are empty; one padding word, because readers distrust a table without bytes.
        (b"glyf", vec![0; 4]),
        (b"head", head()),
        (b"hhea", hhea()),
        (b"hmtx", words(&[ADVANCE, 0, ADVANCE, 0])),
        (b"loca", words(&[0; GLYPHS as usize + 1])),
        (b"maxp", maxp()),
        (b"name", name()),
        (b"post", post()),
    ];
    truetype::assemble(&tables)
}

fn head() -> Vec<u8> {
    let mut head = words(&[1, 0, 1, 0, 0, 0, 0x5F0F, 0x3CF5, 0, UNITS_PER_EM]);
    head.extend_from_slice(&[0; 16]);
    // Bounding box, style, smallest readable size, direction hint, short offsets in `loca`, glyph format.
    head.extend(words(&[0, 0, 0, 0, 0, 8, 2, 0, 0]));
    head
}

fn hhea() -> Vec<u8> {
    let mut hhea = words(&[1, 0, ASCENT.cast_unsigned(), DESCENT.cast_unsigned(), 0, ADVANCE, 0, 0, 0, 1]);
    hhea.extend(words(&[0; 7]));
    hhea.extend(words(&[GLYPHS]));
    hhea
}

fn maxp() -> Vec<u8> {
    let mut maxp = words(&[1, 0, GLYPHS, 0, 0, 0, 0, 2]);
    maxp.extend(words(&[0; 8]));
    maxp
}

/// Format 4 with two segments: the space is the blank glyph, and the end mark that the format asks for.
fn cmap() -> Vec<u8> {
    let mut cmap = words(&[0, 1, 3, 1, 0, 12]);
    let delta = BLANK_GLYPH.wrapping_sub(0x20);
    cmap.extend(words(&[4, 32, 0, 4, 4, 1, 0, 0x20, 0xFFFF, 0, 0x20, 0xFFFF, delta, 1, 0, 0]));
    cmap
}

fn name() -> Vec<u8> {
    let records: [(u16, &str); 4] =
        [(1, POST_SCRIPT_NAME), (2, "Regular"), (4, POST_SCRIPT_NAME), (6, POST_SCRIPT_NAME)];
    let count = u16::try_from(records.len()).expect("four records");
    let mut name = words(&[0, count, 6 + 12 * count]);
    let mut strings: Vec<u8> = Vec::new();
    for (kind, value) in records {
        let utf16: Vec<u8> = value.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let (size, at) = (utf16.len(), strings.len());
        let short = |value: usize| u16::try_from(value).expect("names are short");
        name.extend(words(&[3, 1, 0x409, kind, short(size), short(at)]));
        strings.extend(utf16);
    }
    name.extend(strings);
    name
}

fn os2() -> Vec<u8> {
    let mut os2 = words(&[3, ADVANCE, 400, 5, 0]);
    // Subscripts, superscripts, strike-out, family class.
    os2.extend(words(&[650, 600, 0, 75, 650, 600, 0, 350, 50, 300, 0]));
    // Panose: not classified; no Unicode ranges claimed.
    os2.extend_from_slice(&[0; 10 + 16]);
    os2.extend_from_slice(b"NONE");
    os2.extend(words(&[0x40, 0x20, 0x20, ASCENT.cast_unsigned(), DESCENT.cast_unsigned(), 0]));
    os2.extend(words(&[ASCENT.cast_unsigned(), DESCENT.unsigned_abs(), 0, 0, 0, 0, 500, 700, 0, 0x20, 1]));
    os2
}

/// Version 3: no glyph names; fixed pitch.
fn post() -> Vec<u8> {
    let mut post = words(&[3, 0, 0, 0, (-100_i16).cast_unsigned(), 50, 0, 1]);
    post.extend_from_slice(&[0; 16]);
    post
}

#[cfg(test)]
mod tests {
    use super::super::truetype::{checksum, table};
    use super::*;

    #[test]
    fn tables_have_the_sizes_of_the_opentype_standard() {
        let font = font();
        for (tag, size) in [
            (b"head", 54),
            (b"hhea", 36),
            (b"maxp", 32),
            (b"OS/2", 96),
            (b"post", 32),
            (b"hmtx", 8),
            (b"loca", 6),
            (b"cmap", 44),
        ] {
            assert_eq!(table(&font, tag).unwrap().len(), size, "{}", String::from_utf8_lossy(tag));
        }
        assert!(font.len() < 1024);
    }

    #[test]
    fn whole_file_sums_to_the_magic_number() {
        assert_eq!(checksum(&font()), 0xB1B0_AFBA);
    }
}
