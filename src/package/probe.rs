//! A PDF file read through once, in pieces: whether it is what the manifest says, and what it says it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::PackageError;
use crate::manifest;

/// Bytes read at once.
pub(super) const PIECE: usize = 1 << 16;
/// What stands before the part of PDF/A in the XMP packet, which is never packed in PDF/A-1 and -2 files that sohoa
/// writes.
const PART: &[u8] = b"<pdfaid:part>";
const CONFORMANCE: &[u8] = b"<pdfaid:conformance>";
/// Bytes of a piece that are looked at again with the next: what is sought may lie across the border.
const OVERLAP: usize = 32;

/// What a file says that it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Probe {
    /// Version of PDF in its first line.
    pub(super) version: Option<String>,
    /// Level of PDF/A that it claims, such as `2u`.
    pub(super) claim: Option<String>,
}

impl Probe {
    /// Name and version of the format.
    pub(super) fn format(&self) -> (&'static str, Option<&str>) {
        match &self.claim {
            Some(claim) => ("PDF/A", Some(claim)),
            None => ("PDF", self.version.as_deref()),
        }
    }
}

/// Reads a file of the directory.
///
/// # Errors
/// When it is not the one of the manifest.
pub(super) fn read(path: &Path, listed: &manifest::File) -> Result<Probe, PackageError> {
    let mut seeker = Seeker::default();
    let sha256 = pieces(path, |piece| {
        seeker.see(piece);
        Ok(())
    })?;
    if sha256 != listed.sha256 { Err(PackageError::Altered(path.to_owned())) } else { Ok(seeker.probe()) }
}

/// Hands on a file in pieces; the result is its SHA-256, hex.
pub(super) fn pieces(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), PackageError>,
) -> Result<String, PackageError> {
    let failure = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => PackageError::Altered(path.to_owned()),
        _ => PackageError::io(path.to_owned(), error),
    };
    let mut file = File::open(path).map_err(failure)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).map_err(failure)?;
        if length == 0 {
            return Ok(manifest::hex(&hash.finalize()));
        }
        hash.update(&piece[..length]);
        each(&piece[..length])?;
    }
}

/// Looks for what the file says that it is.
#[derive(Default)]
struct Seeker {
    version: Option<String>,
    part: Option<u8>,
    conformance: Option<u8>,
    /// The end of the piece before.
    tail: Vec<u8>,
}

impl Seeker {
    fn see(&mut self, piece: &[u8]) {
        if self.version.is_none() {
            let version = piece.strip_prefix(b"%PDF-").and_then(|rest| rest.get(..3));
            self.version = Some(version.map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned()));
        }
        let window = [&self.tail, piece].concat();
        self.part = self.part.or_else(|| following(&window, PART));
        self.conformance = self.conformance.or_else(|| following(&window, CONFORMANCE));
        self.tail = window[window.len().saturating_sub(OVERLAP)..].to_vec();
    }

    fn probe(self) -> Probe {
        let is_version = |text: &String| matches!(text.as_bytes(), [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit());
        let claim = self.part.filter(u8::is_ascii_digit).map(|part| {
            let conformance = self.conformance.filter(u8::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase());
            [Some(part), conformance].into_iter().flatten().map(char::from).collect()
        });
        Probe { version: self.version.filter(is_version), claim }
    }
}

/// The byte after the first place where `key` stands.
fn following(bytes: &[u8], key: &[u8]) -> Option<u8> {
    let at = bytes.windows(key.len() + 1).position(|window| window.starts_with(key))?;
    bytes.get(at + key.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pieces: &[&[u8]]) -> Probe {
        let mut seeker = Seeker::default();
        pieces.iter().for_each(|piece| seeker.see(piece));
        seeker.probe()
    }

    #[test]
    fn the_claim_is_found_wherever_pieces_end() {
        let text = b"%PDF-1.7\n% <pdfaid:part>2</pdfaid:part> <pdfaid:conformance>U</pdfaid:conformance> %";
        let expected = Probe { version: Some("1.7".to_owned()), claim: Some("2u".to_owned()) };
        for at in 8..text.len() {
            assert_eq!(seen(&[&text[..at], &text[at..]]), expected, "{at}");
        }
    }

    #[test]
    fn what_claims_nothing_has_no_claim() {
        assert_eq!(seen(&[b"%PDF-1.4\n"]), Probe { version: Some("1.4".to_owned()), claim: None });
        assert_eq!(seen(&[b"GIF89a", b"%PDF-1.4"]), Probe::default());
        assert_eq!(seen(&[]), Probe::default());
    }
}
