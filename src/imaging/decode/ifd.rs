//! The tagged directories that TIFF files and EXIF blocks are made of (TIFF 6.0, section 2).
//!
//! Every read is checked against the data; an entry that points outside it has no values.

/// Data with a byte order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tagged<'a> {
    data: &'a [u8],
    /// Most significant byte first.
    pub(super) big_endian: bool,
}

/// One field of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    tag: u16,
    kind: u16,
    count: usize,
    /// Where the values start.
    at: usize,
}

/// One directory: its fields in file order.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory(Vec<Entry>);

impl Directory {
    /// The first field with this tag.
    pub(super) fn find(&self, tag: u16) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.tag == tag)
    }
}

impl<'a> Tagged<'a> {
    /// Reads the 8-byte header; gives the position of the first directory too.
    pub(super) fn open(data: &'a [u8]) -> Option<(Self, usize)> {
        let big_endian = match data.get(..4)? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        let this = Self { data, big_endian };
        Some((this, this.u32(4)? as usize))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The directory at a position and the position of the next one, 0 after the last. `None` when it is cut off.
    pub(super) fn directory(&self, at: usize) -> Option<(Directory, usize)> {
        let count = usize::from(self.u16(at)?);
        let entries = (0..count).map(|index| self.entry(at + 2 + 12 * index)).collect::<Option<_>>()?;
        // Writers of EXIF blocks leave the last link out.
        let next = self.u32(at + 2 + 12 * count).map_or(0, |next| next as usize);
        Some((Directory(entries), next))
    }

    fn entry(&self, at: usize) -> Option<Entry> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)? as usize);
        let inline = Entry { tag, kind, count, at: at + 8 };
        let offset = self.u32(at + 8)? as usize;
        let fits = inline.value_size().checked_mul(count).is_some_and(|size| size <= 4);
        Some(if fits { inline } else { Entry { at: offset, ..inline } })
    }

    /// The value at an index, for the whole-number types.
    pub(super) fn uint(&self, entry: &Entry, index: usize) -> Option<u32> {
        if index >= entry.count {
            return None;
        }
        let at = entry.at.checked_add(index.checked_mul(entry.value_size())?)?;
        match entry.kind {
            1 | 7 => self.data.get(at).map(|&byte| u32::from(byte)),
            3 => self.u16(at).map(u32::from),
            4 | 13 => self.u32(at),
            _ => None,
        }
    }

    /// All values of a whole-number field; `None` when any lies outside the data.
    pub(super) fn uints(&self, entry: &Entry) -> Option<Vec<u32>> {
        // Looked up first so that a false count cannot reserve memory.
        self.uint(entry, entry.count.checked_sub(1)?)?;
        (0..entry.count).map(|index| self.uint(entry, index)).collect()
    }

    /// The first value of a fraction or whole-number field.
    pub(super) fn number(&self, entry: &Entry) -> Option<f64> {
        if entry.kind != 5 {
            return self.uint(entry, 0).map(f64::from);
        }
        let (top, bottom) = (self.u32(entry.at)?, self.u32(entry.at.checked_add(4)?)?);
        (entry.count > 0 && bottom != 0).then(|| f64::from(top) / f64::from(bottom))
    }

    /// The values as bytes.
    pub(super) fn bytes(&self, entry: &Entry) -> Option<&'a [u8]> {
        let size = entry.count.checked_mul(entry.value_size())?;
        self.data.get(entry.at..entry.at.checked_add(size)?)
    }

    /// First value of the field with this tag, if it is a whole number.
    pub(super) fn find_uint(&self, directory: &Directory, tag: u16) -> Option<u32> {
        self.uint(directory.find(tag)?, 0)
    }

    /// First value of the field with this tag, as a number.
    pub(super) fn find_number(&self, directory: &Directory, tag: u16) -> Option<f64> {
        self.number(directory.find(tag)?)
    }
}

impl Entry {
    /// Bytes of one value of each type of TIFF 6.0; unknown types count as bytes.
    fn value_size(&self) -> usize {
        match self.kind {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 => 8,
            _ => 1,
        }
    }

    /// How many values the field claims.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}
