//! The `.traineddata` file: a table of components, and in them the network, its alphabet and its word lists.
//!
//! The format is tesseract's (`src/ccutil/tessdatamanager.cpp`, `src/lstm/network.cpp`, `weightmatrix.cpp`,
//! `unicharcompress.cpp`): little-endian numbers, strings and lists with their length in front. Read is what line
//! recognisers with 8-bit weights and one code a character have; the rest is refused by name. Nothing is allocated
//! beyond the length of the file, whatever it says.

use std::str;

/// Why a model is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// Number of a component in the table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Component {
    Network = 17,
    Punctuation = 18,
    Words = 19,
    Numbers = 20,
    Alphabet = 21,
    Codes = 22,
}

/// More components than any tesseract has known.
const MOST_COMPONENTS: u32 = 256;

/// The bytes of a component; `None` when the file has no such one.
pub(super) fn component(file: &[u8], wanted: Component) -> Result<Option<Cursor<'_>>, Malformed> {
    let mut table = Cursor::new(file);
    let count = table.u32()?;
    if count > MOST_COMPONENTS {
        return Err(Malformed("not a tesseract model"));
    }
    let starts = (0..count).map(|_| table.i64()).collect::<Result<Vec<_>, _>>()?;
    // A component that is missing has the offset -1; one ends where the next begins.
    let Some(start) = starts.get(wanted as usize).and_then(|&start| usize::try_from(start).ok()) else {
        return Ok(None);
    };
    let later = starts.iter().filter_map(|&other| usize::try_from(other).ok()).filter(|&other| other > start);
    let end = later.min().unwrap_or(file.len());
    file.get(start..end).map(Cursor::new).map(Some).ok_or(Malformed("the table of components leads outside the file"))
}

/// What is left to read of a component.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("the file ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.bytes(N).map(|bytes| bytes.try_into().expect("as many as asked for"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, Malformed> {
        self.array().map(f64::from_le_bytes)
    }

    /// A number of things, as a size.
    pub(super) fn size(&mut self) -> Result<usize, Malformed> {
        self.u32().map(|count| count as usize)
    }

    /// A string with its length in front.
    pub(super) fn string(&mut self) -> Result<&'a str, Malformed> {
        let length = self.size()?;
        str::from_utf8(self.bytes(length)?).map_err(|_| Malformed("a name is not UTF-8"))
    }
}

/// A character of the alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) text: String,
    pub(super) is_digit: bool,
}

/// Bit of a character's properties.
const DIGIT: u32 = 8;

/// The alphabet: a line with their number, then a line a character, `text properties ...`, properties hexadecimal. The
/// first, named NULL, is the space.
pub(super) fn alphabet(component: &Cursor<'_>) -> Result<Vec<Character>, Malformed> {
    let broken = Malformed("the alphabet is damaged");
    let text = str::from_utf8(component.rest()).map_err(|_| broken)?;
    let mut lines = text.lines();
    let count: usize = lines.next().and_then(|line| line.trim().parse().ok()).ok_or(broken)?;
    let mut characters = Vec::new();
    for line in lines.take(count) {
        let mut fields = line.split(' ');
        let (Some(text), Some(properties)) = (fields.next(), fields.next()) else { return Err(broken) };
        let properties = u32::from_str_radix(properties, 16).map_err(|_| broken)?;
        let text = if text == "NULL" { " " } else { text };
        characters.push(Character { text: text.to_owned(), is_digit: properties & DIGIT != 0 });
    }
    if characters.len() == count && count > 0 { Ok(characters) } else { Err(broken) }
}

/// For each output of the network the character that it stands for, or `None`: of the `outputs` at most. Characters
/// that the network spells with several outputs (Chinese, Indian scripts) are refused.
pub(super) fn codes(
    mut component: Cursor<'_>,
    alphabet: usize,
    outputs: usize,
    null: usize,
) -> Result<Vec<Option<u16>>, Malformed> {
    let mut characters = vec![None; outputs];
    for character in 0..component.size()? {
        let _is_used = component.u8()?;
        if component.u32()? != 1 {
            return Err(Malformed("characters of several codes"));
        }
        let code = component.size()?;
        let slot = characters.get_mut(code).ok_or(Malformed("a code beyond the outputs of the network"))?;
        if character < alphabet && code != null {
            *slot = u16::try_from(character).ok();
        }
    }
    Ok(characters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_by_their_number() {
        let mut file = vec![0; 4 + 24 * 8 + 3];
        file[0] = 24;
        for entry in 0..24 {
            file[4 + entry * 8..12 + entry * 8].copy_from_slice(&(-1_i64).to_le_bytes());
        }
        file[4 + 17 * 8..12 + 17 * 8].copy_from_slice(&196_i64.to_le_bytes());
        file[4 + 22 * 8..12 + 22 * 8].copy_from_slice(&198_i64.to_le_bytes());
        file[196..].copy_from_slice(&[7, 8, 9]);
        let bytes = |wanted| component(&file, wanted).map(|found| found.map(|cursor| cursor.rest().to_vec()));
        assert_eq!(bytes(Component::Network), Ok(Some(vec![7, 8])));
        assert_eq!(bytes(Component::Codes), Ok(Some(vec![9])));
        assert_eq!(bytes(Component::Words), Ok(None));
        assert!(component(&file[..190], Component::Network).is_err());
        file[4 + 17 * 8..12 + 17 * 8].copy_from_slice(&900_i64.to_le_bytes());
        assert!(component(&file, Component::Network).is_err());
        assert!(component(&[255; 64], Component::Network).is_err());
    }

    #[test]
    fn alphabet_knows_its_space_and_digits() {
        let read = |text: &str| alphabet(&Cursor::new(text.as_bytes()));
        let characters = read("3\nNULL 0 Common 0\n\u{1ee6} 5 0,255 Latin\n1 8 0,255 Common\n").unwrap();
        let shown: Vec<_> = characters.iter().map(|c| (c.text.as_str(), c.is_digit)).collect();
        assert_eq!(shown, [(" ", false), ("\u{1ee6}", false), ("1", true)]);
        assert!(read("4\nNULL 0 Common 0\n").is_err());
        assert!(read("1\nA x\n").is_err());
        assert!(read("").is_err());
    }

    #[test]
    fn codes_of_several_parts_are_refused() {
        let one = [2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0];
        assert_eq!(codes(Cursor::new(&one), 2, 4, 3), Ok(vec![Some(0), None, Some(1), None]));
        assert_eq!(codes(Cursor::new(&one), 2, 4, 2), Ok(vec![Some(0), None, None, None]));
        assert!(codes(Cursor::new(&one), 2, 2, 1).is_err());
        let two = [1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(codes(Cursor::new(&two), 1, 4, 3), Err(Malformed("characters of several codes")));
    }
}
