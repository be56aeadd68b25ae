//! Identifiers within a package: UUIDs made from what the package holds, so that the same package has the same ones.

use sha2::{Digest, Sha256};

/// Where identifiers of one package come from.
#[derive(Clone, Debug)]
pub(super) struct Ids(Sha256);

impl Ids {
    /// Those of the package that holds these parts.
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ids = Self(Sha256::new());
        parts.into_iter().for_each(|part| ids.add(part));
        ids
    }

    /// One more part; its length before it keeps neighbours apart.
    fn add(&mut self, part: &str) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// A UUID in upper case: the first bits of a SHA-256 over the parts and the label, marked as version 8 of RFC 9562,
    /// which has that as its example of a UUID by name (version 5 is bound to SHA-1).
    pub(super) fn uuid(&self, label: &str) -> String {
        let mut all = self.clone();
        all.add(label);
        let digest: [u8; 32] = all.0.finalize().into();
        let mut uuid: [u8; 16] = std::array::from_fn(|index| digest[index]);
        uuid[6] = uuid[6] & 0x0F | 0x80;
        uuid[8] = uuid[8] & 0x3F | 0x80;
        let hex: String = uuid.iter().map(|byte| format!("{byte:02X}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// The identifier of the package or of a part of a METS file.
    pub(super) fn id(&self, label: &str) -> String {
        format!("uuid-{}", self.uuid(label))
    }

    /// The identifier of a file in a METS file.
    pub(super) fn file(&self, path: &str) -> String {
        format!("ID-{}", self.uuid(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_have_the_same_identifiers_and_others_have_others() {
        let one = Ids::new(["H21", "a.pdf"]);
        assert_eq!(one.uuid("x"), Ids::new(["H21", "a.pdf"]).uuid("x"));
        assert_ne!(one.uuid("x"), one.uuid("y"));
        assert_ne!(one.uuid("x"), Ids::new(["H21a", ".pdf"]).uuid("x"));
        let uuid = one.uuid("x");
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(uuid[14..].starts_with('8') && uuid[19..].starts_with(['8', '9', 'A', 'B']), "{uuid}");
        assert!(uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
    }
}
