//! The sRGB profile of the output intent, built from the numbers of IEC 61966-2-1.
//!
//! An ICC version 2.1 display profile (matrix and tone curves), the newest version that PDF/A-1 allows. Colorants are
//! adapted to the D50 white of the connection space with the Bradford transform, as the ICC asks.

/// Colorants of sRGB under D50 (X, Y, Z): IEC 61966-2-1 primaries, Bradford-adapted from D65.
const COLORANTS: [(&[u8; 4], [f64; 3]); 3] = [
    (b"rXYZ", [0.436_074_7, 0.222_504_5, 0.013_932_2]),
    (b"gXYZ", [0.385_064_9, 0.716_878_6, 0.097_104_5]),
    (b"bXYZ", [0.143_080_4, 0.060_616_9, 0.714_173_3]),
];
/// White of the profile connection space (ICC.1:2001-04, 6.1.9).
const D50: [f64; 3] = [0.9642, 1.0, 0.8249];
/// Points of the tone curve. Linear interpolation between 256 of them errs by at most 6e-6 of full scale, less than
/// the 16-bit rounding of the table.
const CURVE_POINTS: u16 = 256;
const NAME: &str = "sRGB IEC61966-2.1";
const HEADER_BYTES: usize = 128;

/// The profile's bytes, about 1 KB.
pub(super) fn srgb() -> Vec<u8> {
    let mut tags: Vec<(&[u8; 4], Vec<u8>)> =
        vec![(b"desc", description(NAME)), (b"cprt", text("No copyright")), (b"wtpt", xyz(D50))];
    tags.extend(COLORANTS.iter().map(|(name, value)| (*name, xyz(*value))));
    let curve = tone_curve();
    tags.extend([(b"rTRC", curve.clone()), (b"gTRC", curve.clone()), (b"bTRC", curve)]);
    assemble(&tags)
}

/// Header, tag table and tag data; equal data is stored once.
fn assemble(tags: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let table_bytes = 4 + 12 * tags.len();
    let mut table = be32(tags.len()).to_vec();
    let mut data: Vec<u8> = Vec::new();
    let mut placed: Vec<(&[u8], usize)> = Vec::new();
    for (signature, content) in tags {
        let offset = match placed.iter().find(|(other, _)| other == content) {
            Some((_, offset)) => *offset,
            None => {
                let offset = HEADER_BYTES + table_bytes + data.len();
                placed.push((content, offset));
                data.extend_from_slice(content);
                data.resize(data.len().next_multiple_of(4), 0);
                offset
            }
        };
        table.extend_from_slice(*signature);
        table.extend_from_slice(&be32(offset));
        table.extend_from_slice(&be32(content.len()));
    }
    let mut profile = header(HEADER_BYTES + table.len() + data.len());
    profile.append(&mut table);
    profile.append(&mut data);
    profile
}

fn header(size: usize) -> Vec<u8> {
    let mut header = vec![0; HEADER_BYTES];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &be32(size));
    put(8, &[2, 0x10, 0, 0]);
    put(12, b"mntrRGB XYZ ");
    // A fixed creation date (2026-01-01): the profile must not change from run to run.
    put(24, &[0x07, 0xEA, 0, 1, 0, 1]);
    put(36, b"acsp");
    for (i, value) in D50.iter().enumerate() {
        put(68 + 4 * i, &fixed(*value));
    }
    header
}

/// `textDescriptionType`: the ASCII name, no Unicode and no Macintosh one.
fn description(name: &str) -> Vec<u8> {
    let mut tag = b"desc\0\0\0\0".to_vec();
    tag.extend_from_slice(&be32(name.len() + 1));
    tag.extend_from_slice(name.as_bytes());
    tag.push(0);
    tag.extend_from_slice(&[0; 8 + 3 + 67]);
    tag
}

fn text(value: &str) -> Vec<u8> {
    let mut tag = b"text\0\0\0\0".to_vec();
    tag.extend_from_slice(value.as_bytes());
    tag.push(0);
    tag
}

fn xyz(value: [f64; 3]) -> Vec<u8> {
    let mut tag = b"XYZ \0\0\0\0".to_vec();
    for component in value {
        tag.extend_from_slice(&fixed(component));
    }
    tag
}

/// The sRGB decoding curve (IEC 61966-2-1, 5.2) as a table of 16-bit values.
fn tone_curve() -> Vec<u8> {
    let mut tag = b"curv\0\0\0\0".to_vec();
    tag.extend_from_slice(&be32(usize::from(CURVE_POINTS)));
    for i in 0..CURVE_POINTS {
        let encoded = f64::from(i) / f64::from(CURVE_POINTS - 1);
        let linear = if encoded <= 0.040_45 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) };
        tag.extend_from_slice(&rounded_u16(linear * 65535.0).to_be_bytes());
    }
    tag
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "arguments lie within 0..=65535")]
fn rounded_u16(value: f64) -> u16 {
    value.round() as u16
}

/// An `s15Fixed16Number`.
#[expect(clippy::cast_possible_truncation, reason = "arguments lie within 0..=1")]
fn fixed(value: f64) -> [u8; 4] {
    ((value * 65536.0).round() as i32).to_be_bytes()
}

/// A `uInt32Number`; everything counted here is a few kilobytes at most.
fn be32(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("the profile is a few kilobytes").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_states_its_own_size_and_every_tag_lies_inside() {
        let profile = srgb();
        let word = |at: usize| u32::from_be_bytes(profile[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!(word(0), profile.len());
        assert_eq!(&profile[36..40], b"acsp");
        let count = word(128);
        assert_eq!(count, 9);
        for i in 0..count {
            let (offset, size) = (word(132 + 12 * i + 4), word(132 + 12 * i + 8));
            assert!(offset % 4 == 0 && offset + size <= profile.len());
        }
        assert!(profile.len() < 1200);
    }

    #[test]
    fn colorants_add_up_to_white() {
        for axis in 0..3 {
            let sum: f64 = COLORANTS.iter().map(|(_, value)| value[axis]).sum();
            // The colorants are rounded from another rounding of D50, Z 0.8252 against 0.8249.
            assert!((sum - D50[axis]).abs() < 5e-4, "axis {axis}: {sum}");
        }
    }
}
