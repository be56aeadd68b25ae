//! Fax compression: Group 3 in one and two dimensions and Group 4 (ITU-T T.4 and T.6), and TIFF's byte-aligned
//! "compression 2".
//!
//! The code tables are those of the `fax` crate; its own loops need an end-of-line code before every Group 3 row, know
//! no two-dimensional Group 3, and lose the last rows of streams that end without padding, so the rows are read here.

use fax::{BitReader, Bits, maps};

/// The variants of fax compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaxScheme {
    /// Group 3, one dimension; end-of-line codes are skipped where they stand.
    Group3,
    /// Group 3, two dimensions: a bit after each end-of-line code says how the row is coded.
    Group3TwoDimensional,
    /// Group 4.
    Group4,
}

/// Bits of a slice, most significant first; zeros follow the end.
struct SliceBits<'a> {
    data: &'a [u8],
    /// Position in bits.
    at: usize,
}

impl SliceBits<'_> {
    fn exhausted(&self) -> bool {
        self.at >= self.data.len() * 8
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }

    /// Consumes an end-of-line code with the fill bits before it, if that is what comes next.
    fn end_of_line(&mut self) -> bool {
        let mut zeros = 0;
        while !self.exhausted() {
            let at = self.at + zeros;
            let Some(byte) = self.data.get(at / 8) else { return false };
            if byte >> (7 - at % 8) & 1 == 0 {
                zeros += 1;
                continue;
            }
            let found = zeros >= 11;
            if found {
                self.at = at + 1;
            }
            return found;
        }
        false
    }
}

impl BitReader for SliceBits<'_> {
    type Error = std::convert::Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let first = self.at / 8;
        let byte = |index| u32::from(self.data.get(first + index).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        let shift = 24_usize.checked_sub(self.at % 8 + usize::from(bits))?;
        u16::try_from(window >> shift & ((1 << bits) - 1)).ok()
    }

    fn consume(&mut self, bits: u8) -> Result<(), Self::Error> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        u8::try_from((8 - self.at % 8) % 8).unwrap_or(0)
    }

    fn expect(&mut self, bits: Bits) -> Result<(), Option<Bits>> {
        match self.peek(bits.len) {
            Some(data) if data == bits.data => Ok(()),
            found => Err(found.map(|data| Bits { data, len: bits.len })),
        }
    }
}

/// What came instead of a row.
enum NoRow {
    EndOfBlock,
    Broken,
}

/// Unpacks `rows` rows of `columns` pixels into rows of whole bytes, black is 1. `None` when the data breaks off or
/// makes no sense before the last row; rows after an explicit end-of-block code are white, as writers mean it that
/// leave out trailing white rows.
pub fn unpack(data: &[u8], scheme: FaxScheme, columns: u32, rows: u32, byte_aligned: bool) -> Option<Vec<u8>> {
    let stride = (columns as usize).div_ceil(8);
    let mut packed = vec![0; stride * rows as usize];
    let mut bits = SliceBits { data, at: 0 };
    let mut reference = Vec::new();
    let mut current = Vec::new();
    for row in packed.chunks_exact_mut(stride.max(1)) {
        current.clear();
        match read_row(&mut bits, scheme, byte_aligned, columns, &reference, &mut current) {
            Ok(()) => blacken(row, columns, &current),
            Err(NoRow::EndOfBlock) => return Some(packed),
            Err(NoRow::Broken) => return None,
        }
        std::mem::swap(&mut reference, &mut current);
    }
    // Codes read from the zeros after the end are no picture.
    (bits.at <= data.len() * 8).then_some(packed)
}

fn read_row(
    bits: &mut SliceBits,
    scheme: FaxScheme,
    byte_aligned: bool,
    columns: u32,
    reference: &[u32],
    current: &mut Vec<u32>,
) -> Result<(), NoRow> {
    if scheme == FaxScheme::Group4 {
        if byte_aligned {
            bits.align();
        }
        return two_dimensional(bits, columns, reference, current);
    }
    let mut row_codes = 0;
    let mut two = false;
    loop {
        // Writers that align end-of-line codes fill up with zeros, which `end_of_line` takes as part of the code.
        if !bits.end_of_line() {
            break;
        }
        row_codes += 1;
        if scheme == FaxScheme::Group3TwoDimensional {
            two = bits.peek(1) == Some(0);
            bits.at += 1;
        }
        if row_codes == 6 {
            return Err(NoRow::EndOfBlock);
        }
    }
    if row_codes >= 2 {
        return Err(NoRow::EndOfBlock);
    }
    if row_codes == 0 && byte_aligned {
        bits.align();
    }
    if two { two_dimensional(bits, columns, reference, current) } else { one_dimensional(bits, columns, current) }
}

fn one_dimensional(bits: &mut SliceBits, columns: u32, current: &mut Vec<u32>) -> Result<(), NoRow> {
    if bits.exhausted() {
        return Err(NoRow::Broken);
    }
    let (mut at, mut black) = (0, false);
    while at < columns {
        at += run(bits, black)?;
        if at > columns {
            return Err(NoRow::Broken);
        }
        current.push(at);
        black = !black;
    }
    Ok(())
}

/// One run: make-up codes of 64 and more, then a terminating code.
fn run(bits: &mut SliceBits, black: bool) -> Result<u32, NoRow> {
    let mut length = 0;
    loop {
        let code = if black { maps::black::decode(bits) } else { maps::white::decode(bits) };
        let code = u32::from(code.ok_or(NoRow::Broken)?);
        length += code;
        if code < 64 {
            return Ok(length);
        }
        if length > u32::from(u16::MAX) || bits.exhausted() {
            return Err(NoRow::Broken);
        }
    }
}

/// T.6 section 2.2, with its names: a0 is the place reached, b1 the next change to the other colour in the row above,
/// b2 the change after it.
fn two_dimensional(bits: &mut SliceBits, columns: u32, reference: &[u32], current: &mut Vec<u32>) -> Result<(), NoRow> {
    let change = |index: usize| reference.get(index).copied().unwrap_or(columns).min(columns);
    let (mut a0, mut black, mut started, mut index) = (0_u32, false, false, 0_usize);
    while a0 < columns {
        if bits.exhausted() {
            return Err(NoRow::Broken);
        }
        // Changes to black have even numbers, to white odd ones. A vertical code may step back, so look back too.
        while index > 0 && change(index - 1) > a0 {
            index -= 1;
        }
        while index < reference.len() && (change(index) < a0 || (started && change(index) == a0)) {
            index += 1;
        }
        // The crate's table takes any seven zeros for the end-of-block code, half of which looks like an end of line.
        if bits.peek(7) == Some(0) {
            let whole = bits.peek(12) == Some(1) && bits.at + 12 <= bits.data.len() * 8;
            return Err(if whole && !started { NoRow::EndOfBlock } else { NoRow::Broken });
        }
        let b1_index = if index % 2 == usize::from(black) { index } else { index + 1 };
        match maps::mode::decode(bits).ok_or(NoRow::Broken)? {
            maps::Mode::Pass => a0 = change(b1_index + 1),
            maps::Mode::Vertical(delta) => {
                let a1 = change(b1_index).checked_add_signed(i32::from(delta)).ok_or(NoRow::Broken)?;
                if a1 < a0 || a1 > columns {
                    return Err(NoRow::Broken);
                }
                current.push(a1);
                a0 = a1;
                black = !black;
            }
            maps::Mode::Horizontal => {
                for colour in [black, !black] {
                    a0 += run(bits, colour)?;
                    if a0 > columns {
                        return Err(NoRow::Broken);
                    }
                    current.push(a0);
                }
            }
            maps::Mode::EOF | maps::Mode::Extension => return Err(NoRow::Broken),
        }
        started = true;
    }
    Ok(())
}

/// Sets the black runs of a row: from each change with an even number to the next one.
fn blacken(row: &mut [u8], columns: u32, changes: &[u32]) {
    for pair in changes.chunks(2) {
        let (start, end) = (pair[0] as usize, pair.get(1).copied().unwrap_or(columns) as usize);
        if start >= end {
            continue;
        }
        let (first, last) = (start / 8, (end - 1) / 8);
        let (head, tail) = (0xff_u8 >> (start % 8), 0xff_u8 << (7 - (end - 1) % 8));
        if first == last {
            row[first] |= head & tail;
        } else {
            row[first] |= head;
            row[first + 1..last].fill(0xff);
            row[last] |= tail;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use fax::{Color, VecWriter, encoder::Encoder};

    /// A picture with runs of many lengths, rows of whole bytes.
    pub(in super::super) fn pattern(columns: u32, rows: u32) -> Vec<u8> {
        let mut packed = vec![0; (columns as usize).div_ceil(8) * rows as usize];
        for (y, row) in packed.chunks_exact_mut((columns as usize).div_ceil(8)).enumerate() {
            for x in 0..columns as usize {
                let black = (x * x / 37 + y * 5) % 11 < 3 || (y % 7 == 0 && x > 20) || (x < 9 && y % 3 == 0);
                row[x / 8] |= u8::from(black) << (7 - x % 8);
            }
        }
        packed
    }

    pub(in super::super) fn group4(packed: &[u8], columns: u32) -> Vec<u8> {
        let mut encoder = Encoder::new(VecWriter::new());
        for row in packed.chunks_exact((columns as usize).div_ceil(8)) {
            let pixel = |x: u32| row[x as usize / 8] >> (7 - x % 8) & 1 == 1;
            let pixels = (0..columns).map(|x| if pixel(x) { Color::Black } else { Color::White });
            encoder.encode_line(pixels, u16::try_from(columns).unwrap()).unwrap();
        }
        encoder.finish().unwrap().finish()
    }

    #[test]
    fn group_4_comes_back_as_it_was() {
        for columns in [1, 7, 8, 64, 333, 2560] {
            let packed = pattern(columns, 40);
            let data = group4(&packed, columns);
            let unpacked = unpack(&data, FaxScheme::Group4, columns, 40, false).unwrap();
            assert_eq!(unpacked, packed, "{columns} columns");
        }
    }

    #[test]
    fn a_cut_stream_is_no_picture() {
        let packed = pattern(333, 40);
        let data = group4(&packed, 333);
        // The last three bytes hold only the end-of-block code.
        for length in 0..data.len() - 4 {
            assert_eq!(unpack(&data[..length], FaxScheme::Group4, 333, 40, false), None, "{length} bytes");
        }
    }

    #[test]
    fn rows_after_the_end_of_block_are_white() {
        let packed = pattern(64, 10);
        let unpacked = unpack(&group4(&packed, 64), FaxScheme::Group4, 64, 12, false).unwrap();
        assert_eq!(unpacked[..80], packed);
        assert_eq!(unpacked[80..], [0; 16]);
    }

    #[test]
    fn group_3_rows_are_read_with_and_without_end_of_line_codes() {
        // White 4 = 1011, black 4 = 011, white 8 = 10011; end of line = 000000000001.
        let with_codes = [0x00, 0x1b, 0x73, 0x00, 0x1b, 0x73];
        let bare = [0b1011_0111, 0b0011_1011, 0b0111_0011];
        let expected = Some(vec![0x0f, 0x00, 0x0f, 0x00]);
        assert_eq!(unpack(&with_codes, FaxScheme::Group3, 16, 2, false), expected);
        assert_eq!(unpack(&bare, FaxScheme::Group3, 16, 2, false), expected);
        assert_eq!(unpack(&bare[..2], FaxScheme::Group3, 16, 2, false), None);
    }
}
