//! Numbers of citizens' papers (*số định danh*, CMND: 12 digits, 9 in old papers). They are never kept in clear: an index has
//! their HMAC under a key of the installation, for those who know the number, and shows a few digits of them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Mac, SimpleHmac};
use sha2::Sha256;

use super::words::pieces;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the MAC that are kept: no two of a nation's numbers share them by chance.
const MAC_BYTES: usize = 16;
/// Stands for a digit that is not shown.
const HIDDEN: char = '•';

/// The key of an installation.
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// Reads the key, which is made where it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) if bytes.len() == KEY_BYTES => Ok(Self(bytes.try_into().expect("the length was looked at"))),
            Ok(_) => Self::make(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error),
        }
    }

    fn make(path: &Path) -> io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        // Whole or not there: half a key would be another key.
        let beside = path.with_extension("new");
        drop(fs::remove_file(&beside));
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        Ok(Self(key))
    }

    /// What a number is looked up by, hex.
    pub(super) fn hash(&self, digits: &str) -> String {
        let mut mac = SimpleHmac::<Sha256>::new_from_slice(&self.0).expect("any length is a key");
        mac.update(digits.as_bytes());
        mac.finalize().into_bytes()[..MAC_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A number found among words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) digits: String,
    /// Which word, and where in it.
    pub(super) parts: Vec<(usize, Range<usize>)>,
}

/// The digits of a number that is given as one; `None` when it cannot be one.
pub(super) fn digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && !".-".contains(*c)).collect();
    as_number(&digits)
}

/// A number with most of its digits hidden: `0520••••0123`.
pub(super) fn masked(digits: &str) -> String {
    let mut place = 0;
    hide(digits, &mut place, digits.len())
}

/// Hides the numbers among the words of a line, and says which they were.
pub(super) fn hide_all(words: &mut [String]) -> Vec<Identity> {
    let found = find(words);
    for identity in &found {
        let (mut place, all) = (0, identity.digits.len());
        // From the end, so that places before stay where they are.
        let mut parts: Vec<(usize, Range<usize>, String)> = Vec::new();
        for (word, range) in &identity.parts {
            parts.push((*word, range.clone(), hide(&words[*word][range.clone()], &mut place, all)));
        }
        for (word, range, shown) in parts.into_iter().rev() {
            words[word].replace_range(range, &shown);
        }
    }
    found
}

/// Hides the middle digits of a number of which `place` characters came before.
fn hide(part: &str, place: &mut usize, all: usize) -> String {
    let shown = all / 3;
    let one = |c| {
        let at = *place;
        *place += 1;
        if at < shown || at >= all - shown { c } else { HIDDEN }
    };
    part.chars().map(one).collect()
}

/// Twelve or nine digits, some of which may have been read as the letters that they look like.
fn as_number(text: &str) -> Option<String> {
    let digit = |c: char| match c {
        '0'..='9' => Some(c),
        'o' | 'O' => Some('0'),
        'l' | 'I' | 'i' => Some('1'),
        'S' | 's' => Some('5'),
        'B' => Some('8'),
        _ => None,
    };
    if text.len() != 12 && text.len() != 9 {
        return None;
    }
    let read = text.bytes().filter(u8::is_ascii_digit).count();
    if 3 * read < 2 * text.len() {
        return None;
    }
    text.chars().map(digit).collect()
}

/// The numbers among words: in one piece, or in groups of three or four digits.
fn find(words: &[String]) -> Vec<Identity> {
    let mut found = Vec::new();
    let mut group: Vec<(usize, Range<usize>)> = Vec::new();
    let text = |(word, range): &(usize, Range<usize>)| words[*word].get(range.clone()).unwrap_or_default();
    let all = words.iter().enumerate().flat_map(|(number, word)| pieces(word).map(move |range| (number, range)));
    for piece in all {
        if let Some(digits) = as_number(text(&piece)) {
            found.push(Identity { digits, parts: vec![piece] });
            close(&mut group, &mut found, text);
            continue;
        }
        let is_digits = text(&piece).bytes().all(|byte| byte.is_ascii_digit());
        let goes_on = group.last().is_none_or(|last| {
            text(last).len() == text(&piece).len() && between(words, last, &piece).chars().all(|c| ".-".contains(c))
        });
        if !is_digits || !goes_on {
            close(&mut group, &mut found, text);
        }
        if is_digits && matches!(text(&piece).len(), 3 | 4) {
            group.push(piece);
        }
    }
    close(&mut group, &mut found, text);
    found
}

/// What stands between two pieces, without white space.
fn between(words: &[String], first: &(usize, Range<usize>), second: &(usize, Range<usize>)) -> String {
    match first.0 == second.0 {
        true => words[first.0][first.1.end..second.1.start].split_whitespace().collect(),
        false => words[first.0][first.1.end..].chars().chain(words[second.0][..second.1.start].chars()).collect(),
    }
}

/// Ends a group of digits; one that is as long as a number is one.
fn close<'a>(
    group: &mut Vec<(usize, Range<usize>)>,
    found: &mut Vec<Identity>,
    text: impl Fn(&(usize, Range<usize>)) -> &'a str,
) {
    let digits: String = group.iter().map(&text).collect();
    let parts = std::mem::take(group);
    if let Some(digits) = as_number(&digits) {
        found.push(Identity { digits, parts });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(line: &str) -> (String, Vec<String>) {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found = hide_all(&mut words).into_iter().map(|identity| identity.digits).collect();
        (words.join(" "), found)
    }

    #[test]
    fn numbers_are_hidden_in_whatever_groups_they_stand() {
        assert_eq!(masked("052012340123"), "0520••••0123");
        assert_eq!(masked("031456789"), "031•••789");
        for (line, shown, digits) in [
            ("số 052012340123.", "số 0520••••0123.", "052012340123"),
            ("CCCD:052012340123", "CCCD:0520••••0123", "052012340123"),
            ("số 052 012 340 123, cấp", "số 052 0•• ••0 123, cấp", "052012340123"),
            ("0520-1234-0123", "0520-••••-0123", "052012340123"),
            ("O52o12340l23", "O52o••••0l23", "052012340123"),
            ("CMND 031456789", "CMND 031•••789", "031456789"),
            // An amount of money could be one, too.
            ("1.234.567.890 đồng", "1.234.•••.890 đồng", "234567890"),
        ] {
            assert_eq!(hidden(line), (shown.to_owned(), vec![digits.to_owned()]), "{line}");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for line in [
            "17/05/2024",
            "0912345678",
            "1234567890123",
            "năm 2024 số 1234 và 5678",
            "123, 456, 789",
            "12 345 678",
            "abcdefghi",
        ] {
            assert_eq!(hidden(line), (line.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn a_number_is_given_as_people_write_it() {
        assert_eq!(digits(" 052 012 340 123 ").as_deref(), Some("052012340123"));
        assert_eq!(digits("031.456.789").as_deref(), Some("031456789"));
        assert_eq!((digits("0520••••0123"), digits("12345"), digits("")), (None, None, None));
    }

    #[test]
    fn a_key_stays_and_another_one_gives_other_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let hash = Key::open(&path).unwrap().hash("052012340123");
        assert_eq!(Key::open(&path).unwrap().hash("052012340123"), hash);
        assert_eq!(hash.len(), 2 * MAC_BYTES);
        fs::remove_file(&path).unwrap();
        assert_ne!(Key::open(&path).unwrap().hash("052012340123"), hash);
        // RFC 4231, test case 2, has a shorter key: SimpleHmac pads it, so the first bytes are known for a key of ours, too.
        let zero = Key([0; KEY_BYTES]);
        assert_eq!(zero.hash("a"), zero.hash("a"));
        assert_ne!(zero.hash("a"), zero.hash("b"));
    }
}
