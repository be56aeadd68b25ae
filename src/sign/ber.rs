//! BER to DER, for key files: Firefox and everything else made with NSS write PKCS#12 with indefinite lengths and octet
//! strings in pieces, which DER readers refuse.

/// Nesting at most; real files have about 12 levels.
const MAX_DEPTH: usize = 32;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;
const OBJECT_IDENTIFIER: u8 = 0x06;
const NULL: u8 = 0x05;
/// 1.2.840.113549.2, the arc of hmacWithSHA256 and its like.
const DIGEST_ALGORITHMS: [u8; 7] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02];
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;

/// One BER element with its children, or its value.
enum Element {
    Primitive(u8, Vec<u8>),
    Constructed(u8, Vec<Element>),
}

/// The same values in DER, as far as PKCS#12 needs: definite lengths and octet strings in one piece. `None` when the bytes
/// are not one BER element.
pub(super) fn to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    let (element, rest) = read(bytes, 0)?;
    rest.is_empty().then(|| encoded(&element))
}

/// [`to_der`] also inside the outer octet string of a PFX (RFC 7292 section 4) and the data parts in it. The MAC, which is
/// over the former bytes, is left out: call this only after it was verified.
pub(super) fn pfx_to_der(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut pfx, rest) = read(bytes, 0)?;
    let Element::Constructed(SEQUENCE, parts) = &mut pfx else { return None };
    parts.truncate(2);
    open_data(parts.get_mut(1)?, 2);
    rest.is_empty().then(|| encoded(&pfx))
}

/// Converts what is inside the octet string of a `data` ContentInfo, and of the ContentInfos it holds.
fn open_data(content_info: &mut Element, levels: usize) {
    let Element::Constructed(SEQUENCE, parts) = content_info else { return };
    let [Element::Primitive(OBJECT_IDENTIFIER, _), Element::Constructed(CONTEXT_0, explicit)] = parts.as_mut_slice()
    else {
        return;
    };
    let [Element::Primitive(OCTET_STRING, value)] = explicit.as_mut_slice() else { return };
    let Some((mut inner, [])) = read(value, 0) else { return };
    if let Element::Constructed(SEQUENCE, parts) = &mut inner
        && levels > 1
    {
        parts.iter_mut().for_each(|part| open_data(part, levels - 1));
    }
    *value = encoded(&inner);
}

fn read(bytes: &[u8], depth: usize) -> Option<(Element, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    // Tags of several bytes do not occur in PKCS#12.
    if depth > MAX_DEPTH || tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, rest) = rest.split_first()?;
    if first == 0x80 {
        let (children, rest) = read_until_end(tag, rest, depth)?;
        return Some((joined(tag, children), rest));
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let (digits, rest) = rest.split_at_checked(count).filter(|_| count <= 4)?;
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    let (mut value, rest) = rest.split_at_checked(length)?;
    if tag & CONSTRUCTED == 0 {
        return Some((Element::Primitive(tag, value.to_vec()), rest));
    }
    let mut children = Vec::new();
    while !value.is_empty() {
        let (child, after) = read(value, depth + 1)?;
        children.push(child);
        value = after;
    }
    Some((joined(tag, children), rest))
}

fn read_until_end(tag: u8, mut rest: &[u8], depth: usize) -> Option<(Vec<Element>, &[u8])> {
    if tag & CONSTRUCTED == 0 {
        return None;
    }
    let mut children = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            return Some((children, after));
        }
        let (child, after) = read(rest, depth + 1)?;
        children.push(child);
        rest = after;
    }
}

/// Joins the pieces of an octet string: one with its own tag, or the `[0] IMPLICIT` one of EncryptedContentInfo, which
/// follows an object identifier and an algorithm (RFC 5652 section 8).
fn joined(tag: u8, mut children: Vec<Element>) -> Element {
    if tag == OCTET_STRING | CONSTRUCTED
        && let Some(value) = pieces(&children)
    {
        return Element::Primitive(OCTET_STRING, value);
    }
    if let (SEQUENCE, [Element::Primitive(OBJECT_IDENTIFIER, _), Element::Constructed(SEQUENCE, _), last]) =
        (tag, children.as_mut_slice())
        && let Element::Constructed(CONTEXT_0, parts) = last
        && let Some(value) = pieces(parts)
    {
        *last = Element::Primitive(CONTEXT_0 & !CONSTRUCTED, value);
    }
    // NSS leaves out the NULL parameters of the PRF in PBKDF2 that RFC 8018 appendix B.1 demands.
    if let (SEQUENCE, [Element::Primitive(OBJECT_IDENTIFIER, oid)]) = (tag, children.as_slice())
        && oid.starts_with(&DIGEST_ALGORITHMS)
    {
        children.push(Element::Primitive(NULL, Vec::new()));
    }
    Element::Constructed(tag, children)
}

fn pieces(children: &[Element]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    for child in children {
        let Element::Primitive(OCTET_STRING, value) = child else { return None };
        whole.extend_from_slice(value);
    }
    Some(whole)
}

fn encoded(element: &Element) -> Vec<u8> {
    let (tag, value) = match element {
        Element::Primitive(tag, value) => (*tag, value.clone()),
        Element::Constructed(tag, children) => (*tag, children.iter().flat_map(encoded).collect()),
    };
    let digits = value.len().to_be_bytes();
    let digits = &digits[digits.iter().position(|&digit| digit != 0).unwrap_or(digits.len() - 1)..];
    let mut bytes = vec![tag];
    match digits {
        [small @ 0..0x80] => bytes.push(*small),
        _ => {
            // A usize has at most eight bytes.
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            bytes.extend_from_slice(digits);
        }
    }
    bytes.extend(value);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indefinite_lengths_become_definite() {
        assert_eq!(to_der(&[0x30, 0x80, 2, 1, 5, 0, 0]).unwrap(), [0x30, 3, 2, 1, 5]);
        assert_eq!(to_der(&[0x30, 0x81, 3, 2, 1, 5]).unwrap(), [0x30, 3, 2, 1, 5]);
    }

    #[test]
    fn octet_strings_are_joined() {
        assert_eq!(to_der(&[0x24, 0x80, 4, 1, 7, 4, 2, 8, 9, 0, 0]).unwrap(), [4, 3, 7, 8, 9]);
        let implicit = [0x30, 0x80, 6, 1, 1, 0x30, 0, 0xa0, 0x80, 4, 1, 7, 4, 1, 8, 0, 0, 0, 0];
        assert_eq!(to_der(&implicit).unwrap(), [0x30, 9, 6, 1, 1, 0x30, 0, 0x80, 2, 7, 8]);
    }

    #[test]
    fn broken_or_bottomless_data_is_refused() {
        for bytes in [&[][..], &[0x30], &[0x30, 0x80], &[4, 0x80, 0, 0], &[0x30, 5, 1], &[0x30, 0, 0], &[0x1f, 1, 1]] {
            assert!(to_der(bytes).is_none(), "{bytes:?}");
        }
        assert!(to_der(&[0x30, 0x80].repeat(10_000)).is_none());
    }

    proptest::proptest! {
        #[test]
        fn der_stays_as_it_is(value in proptest::collection::vec(proptest::num::u8::ANY, 0..70_000)) {
            let der = encoded(&Element::Constructed(SEQUENCE, vec![Element::Primitive(OCTET_STRING, value)]));
            proptest::prop_assert_eq!(to_der(&der).unwrap(), der);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            to_der(&bytes);
            pfx_to_der(&bytes);
        }
    }
}
