//! Colour spaces of page pictures (ISO 32000-1, 8.6).

use std::sync::Arc;

use lopdf::{Dictionary, Document, Object};

use super::{PdfReadError, Profiles, broken, unpacked};

/// Largest colour profile that is kept; those of printers are the largest and rarely exceed 3 MB.
const MAX_PROFILE: usize = 8 << 20;

/// What the samples of a picture mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PdfColour {
    /// One sample, 0 is black.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Inks, 0 is none.
    Cmyk,
    /// One sample, a place in a list of RGB colours.
    Palette(Vec<[u8; 3]>),
}

/// A colour space with its profile.
pub(super) type Profiled = (PdfColour, Option<Arc<[u8]>>);

/// Reads a colour space. Calibrated spaces are taken as device spaces: their difference on paper is small
/// and the pixels stay as they are.
pub(super) fn read(
    document: &Document,
    space: Option<&Object>,
    resources: Option<&Dictionary>,
    page: usize,
    profiles: &mut Profiles,
) -> Result<Profiled, PdfReadError> {
    let unsupported = |what| PdfReadError::Unsupported { page, what };
    let space = space.ok_or_else(|| unsupported(("thiếu hệ màu", "no colour space")))?;
    match space {
        Object::Name(name) => match name.as_slice() {
            b"DeviceGray" | b"CalGray" | b"G" => Ok((PdfColour::Gray, None)),
            b"DeviceRGB" | b"CalRGB" | b"RGB" => Ok((PdfColour::Rgb, None)),
            b"DeviceCMYK" | b"CMYK" => Ok((PdfColour::Cmyk, None)),
            name => {
                let spaces = resources.and_then(|all| all.get_deref(b"ColorSpace", document).ok()?.as_dict().ok());
                // A name stands for an array here; names of names could go round in circles.
                match spaces.and_then(|spaces| spaces.get_deref(name, document).ok()) {
                    Some(array @ Object::Array(_)) => read(document, Some(array), None, page, profiles),
                    _ => Err(unsupported(("hệ màu lạ", "an unknown colour space"))),
                }
            }
        },
        Object::Array(parts) => {
            let part = |index: usize| {
                let part = parts.get(index).ok_or_else(|| broken("short colour space"))?;
                document.dereference(part).map_err(broken)
            };
            match part(0)?.1.as_name().map_err(broken)? {
                b"Indexed" | b"I" => Ok((palette(document, &part, resources, page, profiles)?, None)),
                b"ICCBased" => profiled(document, part(1)?, page, profiles),
                b"Lab" | b"Separation" | b"DeviceN" | b"Pattern" => {
                    Err(unsupported(("mực đặc biệt hoặc màu Lab", "special inks or Lab colours")))
                }
                name => read(document, Some(&Object::Name(name.to_vec())), None, page, profiles),
            }
        }
        _ => Err(broken("colour space of a wrong type")),
    }
}

type Part<'a> = (Option<lopdf::ObjectId>, &'a Object);

fn profiled(
    document: &Document,
    (id, profile): Part,
    page: usize,
    profiles: &mut Profiles,
) -> Result<Profiled, PdfReadError> {
    let stream = profile.as_stream().map_err(broken)?;
    let colour = match stream.dict.get_deref(b"N", document).and_then(Object::as_i64) {
        Ok(1) => PdfColour::Gray,
        Ok(3) => PdfColour::Rgb,
        Ok(4) => PdfColour::Cmyk,
        _ => return Err(broken("colour profile without a number of components")),
    };
    if let Some(known) = id.and_then(|id| profiles.get(&id)) {
        return Ok((colour, Some(Arc::clone(known))));
    }
    // A broken profile does not spoil the picture.
    let Ok(bytes) = unpacked(stream, MAX_PROFILE, page) else { return Ok((colour, None)) };
    let bytes: Arc<[u8]> = bytes.into();
    if let Some(id) = id {
        profiles.insert(id, Arc::clone(&bytes));
    }
    Ok((colour, Some(bytes)))
}

fn palette<'a>(
    document: &'a Document,
    part: &impl Fn(usize) -> Result<Part<'a>, PdfReadError>,
    resources: Option<&Dictionary>,
    page: usize,
    profiles: &mut Profiles,
) -> Result<PdfColour, PdfReadError> {
    let base = part(1)?.1;
    let nested =
        base.as_array().is_ok_and(|base| matches!(base.first(), Some(Object::Name(name)) if name == b"Indexed"));
    if nested {
        return Err(broken("palette of a palette"));
    }
    let (base, _) = read(document, Some(base), resources, page, profiles)?;
    let table = match part(3)?.1 {
        Object::String(bytes, _) => bytes.clone(),
        Object::Stream(stream) => unpacked(stream, 4 * 256 + 64, page)?,
        _ => return Err(broken("palette of a wrong type")),
    };
    Ok(PdfColour::Palette(match base {
        PdfColour::Gray => table.iter().map(|&gray| [gray; 3]).collect(),
        PdfColour::Rgb => table.as_chunks::<3>().0.to_vec(),
        PdfColour::Cmyk => table.as_chunks::<4>().0.iter().map(|&inks| rgb_of_inks(inks)).collect(),
        PdfColour::Palette(_) => return Err(broken("palette of a palette")),
    }))
}

/// The usual conversion without a profile.
fn rgb_of_inks([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let light = |ink: u8| u16::from(255 - ink) * u16::from(255 - k);
    [c, m, y].map(|ink| u8::try_from((light(ink) + 127) / 255).unwrap_or(u8::MAX))
}
