//! The container of TrueType fonts: a directory of tables with their checksums (OpenType, "font file").

/// A font file of these tables, which must be sorted by tag and hold a `head`.
pub(super) fn assemble(tables: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut font = directory(tables);
    for (_, table) in tables {
        font.extend_from_slice(table);
        font.resize(font.len().next_multiple_of(4), 0);
    }
    let head_at = tables
        .iter()
        .take_while(|(tag, _)| *tag != b"head")
        .fold(12 + 16 * tables.len(), |at, (_, table)| at + table.len().next_multiple_of(4));
    let adjustment = 0xB1B0_AFBA_u32.wrapping_sub(checksum(&font));
    font[head_at + 8..head_at + 12].copy_from_slice(&adjustment.to_be_bytes());
    font
}

fn directory(tables: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = u16::try_from(tables.len()).expect("a font has some ten tables");
    let selector = u16::try_from(count.ilog2()).expect("a logarithm is small");
    let mut directory = vec![0, 1, 0, 0];
    directory.extend(words(&[count, 16 << selector, selector, 16 * count - (16 << selector)]));
    let mut offset = 12 + 16 * tables.len();
    for (tag, table) in tables {
        directory.extend_from_slice(*tag);
        for value in [checksum(table), length(offset), length(table.len())] {
            directory.extend_from_slice(&value.to_be_bytes());
        }
        offset += table.len().next_multiple_of(4);
    }
    directory
}

/// Big-endian 16-bit numbers.
pub(super) fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn length(value: usize) -> u32 {
    u32::try_from(value).expect("fonts are far below 4 GB")
}

/// Sum of the big-endian words, the last one padded with zeros (OpenType, "calculating checksums").
pub(super) fn checksum(table: &[u8]) -> u32 {
    table.chunks(4).fold(0, |sum: u32, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_be_bytes(word))
    })
}

/// The bytes of a table.
pub(super) fn table<'a>(font: &'a [u8], tag: &[u8; 4]) -> Option<&'a [u8]> {
    let count = usize::from(u16::from_be_bytes(*font.get(4..6)?.first_chunk()?));
    let records = font.get(12..12 + 16 * count)?;
    let record = records.chunks_exact(16).find(|record| record.starts_with(tag))?;
    let word = |at: usize| Some(u32::from_be_bytes(*record[at..].first_chunk()?) as usize);
    font.get(word(8)?..)?.get(..word(12)?)
}
