//! JPEG through libjpeg-turbo, and what its headers say (ITU-T T.81; JFIF 1.02; Adobe Technical Note 5116).
//!
//! libjpeg-turbo finishes a picture whatever is missing and reports a warning; the turbojpeg binding makes every
//! warning an error whose text is the first warning. Measured on baseline and progressive files cut at every length:
//! each cut gives "Premature end of JPEG file" or "premature end of data segment", so these two mean *incomplete*.
//! Bytes after the end marker give no warning at all. A file that lacks only its end marker is whole: it is decoded
//! again with one.

use image::RgbImage;
use turbojpeg::{Decompressor, PixelFormat, ScalingFactor};

use super::exif::Exif;
use super::samples::light_of_inks;
use super::{DecodeError, Decoded, Format, FrameInfo, Limits, square_dpi, turned};

/// Scans allowed in a progressive file. Encoders write about ten; a hostile file can ask for thousands of passes over
/// the whole picture ("Two Issues with the JPEG Standard", libjpeg-turbo project).
const MAX_SCANS: u32 = 100;

/// Padding bytes that may stand before the end marker: some cameras round the scan up to an even or 4-byte length.
const MAX_PADDING: u32 = 64;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// How the four components of a CMYK picture are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Inverted when an Adobe marker is present, as in files of their own.
    ByMarker,
    /// 255 is full ink, as in PDF without a `Decode` array.
    Straight,
    /// 0 is full ink.
    Inverted,
}

/// What stands before the first scan.
#[derive(Debug, Default)]
struct Header<'a> {
    width: u32,
    height: u32,
    precision: u8,
    /// Number of the start-of-frame marker, 0 to 15; 2 is progressive.
    process: u8,
    /// Identifier and sampling byte of each component.
    components: Vec<(u8, u8)>,
    jfif: bool,
    jfif_dpi: Option<f64>,
    /// The colour transform of the Adobe marker.
    adobe_transform: Option<u8>,
    exif: Option<&'a [u8]>,
    icc: Option<Vec<u8>>,
    /// Components in the first scan.
    scan_components: u8,
    /// Where the entropy-coded data starts.
    scan_start: usize,
    /// Ranges of the application segments, marker included.
    application: Vec<(usize, usize)>,
}

/// One marker segment: its number, where it starts, and its content.
struct Segment<'a> {
    marker: u8,
    start: usize,
    content: &'a [u8],
    end: usize,
}

fn incomplete() -> DecodeError {
    DecodeError::Incomplete(Format::Jpeg)
}

fn unsupported(what: (&'static str, &'static str)) -> DecodeError {
    DecodeError::Unsupported { format: Format::Jpeg, what }
}

/// The next marker segment at or after a position; stray bytes before it are skipped, as libjpeg does.
fn segment(bytes: &[u8], from: usize) -> Result<Segment<'_>, DecodeError> {
    let mut at = from;
    loop {
        let skipped = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff));
        let start = at + skipped.ok_or_else(incomplete)?;
        let fill = bytes[start..].iter().position(|&byte| byte != 0xff).ok_or_else(incomplete)?;
        let marker = bytes[start + fill];
        at = start + fill + 1;
        match marker {
            0 => {}
            SOI | EOI | 0x01 | 0xd0..=0xd7 => return Ok(Segment { marker, start, content: &[], end: at }),
            _ => {
                let length = bytes.get(at..at + 2).ok_or_else(incomplete)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                if length < 2 {
                    return Err(DecodeError::damaged(Format::Jpeg, "marker segment without length"));
                }
                let content = bytes.get(at + 2..at + length).ok_or_else(incomplete)?;
                return Ok(Segment { marker, start, content, end: at + length });
            }
        }
    }
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if !bytes.starts_with(&[0xff, SOI]) {
            return Err(DecodeError::damaged(Format::Jpeg, "no start marker"));
        }
        let mut header = Self::default();
        let mut profile = Vec::new();
        let mut at = 2;
        loop {
            let segment = segment(bytes, at)?;
            at = segment.end;
            match segment.marker {
                // Huffman tables, the reserved extension and arithmetic conditioning lie among the frame markers.
                0xc4 | 0xc8 | 0xcc => {}
                0xc0..=0xcf => header.read_frame(segment.marker & 15, segment.content)?,
                0xe0..=0xef => {
                    header.application.push((segment.start, segment.end));
                    header.read_application(segment.marker, segment.content, &mut profile);
                }
                EOI => return Err(incomplete()),
                SOS if header.components.is_empty() => {
                    return Err(DecodeError::damaged(Format::Jpeg, "scan before frame header"));
                }
                SOS => {
                    header.scan_components = segment.content.first().copied().unwrap_or(0);
                    header.scan_start = segment.end;
                    header.icc = joined(profile);
                    return Ok(header);
                }
                _ => {}
            }
        }
    }

    fn read_frame(&mut self, process: u8, content: &[u8]) -> Result<(), DecodeError> {
        let &[precision, h1, h0, w1, w0, count, ref specifications @ ..] = content else {
            return Err(DecodeError::damaged(Format::Jpeg, "short frame header"));
        };
        self.precision = precision;
        self.process = process;
        self.width = u32::from(u16::from_be_bytes([w1, w0]));
        self.height = u32::from(u16::from_be_bytes([h1, h0]));
        self.components =
            specifications.chunks_exact(3).take(usize::from(count)).map(|fields| (fields[0], fields[1])).collect();
        Ok(())
    }

    fn read_application(&mut self, marker: u8, content: &'a [u8], profile: &mut Vec<(u8, u8, &'a [u8])>) {
        match (marker, content) {
            (0xe0, [b'J', b'F', b'I', b'F', 0, _, _, unit, x1, x0, y1, y0, ..]) => {
                self.jfif = true;
                let scale = match unit {
                    1 => Some(1.0),
                    2 => Some(2.54),
                    _ => None,
                };
                let density = |high, low| scale.map(|scale| scale * f64::from(u16::from_be_bytes([high, low])));
                self.jfif_dpi = square_dpi(density(*x1, *x0), density(*y1, *y0));
            }
            (0xe1, block) if block.starts_with(b"Exif\0\0") && self.exif.is_none() => self.exif = Some(block),
            (0xe2, [b'I', b'C', b'C', b'_', b'P', b'R', b'O', b'F', b'I', b'L', b'E', 0, number, count, part @ ..]) => {
                profile.push((*number, *count, part));
            }
            (0xee, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                self.adobe_transform = Some(*transform);
            }
            _ => {}
        }
    }

    fn exif(&self) -> Exif {
        self.exif.map_or_else(Exif::default, Exif::parse)
    }

    fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        if self.height == 0 && self.width > 0 {
            return Err(unsupported(("chiều cao ghi sau (DNL)", "height in a later marker (DNL)")));
        }
        limits.check_size(self.width, self.height)?;
        self.check_kind()?;
        // Output, and for progressive files the coefficients of all scans at two bytes each.
        let pixels = u64::from(self.width) * u64::from(self.height);
        let channels = if self.components.len() == 4 { 7 } else { 3 };
        let coefficients = if self.process == 2 { 2 * self.components.len() as u64 } else { 0 };
        limits.check_memory(self.width, self.height, pixels * (channels + coefficients))
    }

    fn check_kind(&self) -> Result<(), DecodeError> {
        if self.precision != 8 {
            return Err(unsupported(("hơn 8 bit mỗi mẫu", "more than 8 bits a sample")));
        }
        if !matches!(self.process, 0 | 1 | 2 | 3 | 9 | 10) {
            return Err(unsupported((
                "phân cấp hoặc số học không mất dữ liệu",
                "a hierarchical or lossless arithmetic process",
            )));
        }
        if !matches!(self.components.len(), 1 | 3 | 4) {
            return Err(unsupported(("hai hoặc hơn bốn kênh màu", "two or more than four components")));
        }
        Ok(())
    }
}

/// The colour profile, if all its parts are there.
fn joined(mut parts: Vec<(u8, u8, &[u8])>) -> Option<Vec<u8>> {
    parts.sort_by_key(|&(number, ..)| number);
    let whole = (1..=parts.len())
        .zip(&parts)
        .all(|(place, &(number, count, _))| usize::from(number) == place && usize::from(count) == parts.len());
    (whole && !parts.is_empty()).then(|| parts.iter().flat_map(|&(.., part)| part).copied().collect())
}

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<FrameInfo, DecodeError> {
    let header = Header::parse(bytes)?;
    header.check(limits)?;
    Ok(FrameInfo::upright(header.width, header.height, header.exif().turn()))
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, DecodeError> {
    let header = Header::parse(bytes)?;
    let exif = header.exif();
    let image = turned(pixels(bytes, &header, limits, Ink::ByMarker)?, exif.turn());
    // JFIF first: scanners fill it, and where both stand there cameras write the same 72 into both.
    let dpi = header.jfif_dpi.or(exif.dpi);
    Ok(Decoded {
        image,
        dpi,
        camera: exif.camera(dpi),
        focal: exif.focal(header.width, header.height),
        bilevel: false,
        gray: header.components.len() == 1,
        exif_orientation: exif.orientation,
        icc: header.icc,
    })
}

/// Decodes a JPEG stream found inside another file, as stored: the orientation in its EXIF block has no say there and
/// is not applied.
///
/// # Errors
/// Those of a JPEG file.
pub fn decode_stream(bytes: &[u8], ink: Ink, limits: &Limits) -> Result<Decoded, DecodeError> {
    let header = Header::parse(bytes)?;
    let exif = header.exif();
    Ok(Decoded {
        image: pixels(bytes, &header, limits, ink)?,
        dpi: None,
        camera: exif.camera(None),
        focal: exif.focal(header.width, header.height),
        bilevel: false,
        gray: header.components.len() == 1,
        exif_orientation: exif.orientation,
        icc: header.icc,
    })
}

/// Width and height as stored, checked against the limits.
///
/// # Errors
/// Those of a JPEG file's headers.
pub fn stream_size(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), DecodeError> {
    let header = Header::parse(bytes)?;
    header.check(limits)?;
    Ok((header.width, header.height))
}

/// The picture of a stream at the least of 1/8, 1/4, 1/2 and all of its size at which its longest side still has `side` pixels, or at
/// all where it has fewer: libjpeg leaves out the finest frequencies, for a fraction of the whole's time. As stored: no
/// orientation is applied.
///
/// # Errors
/// Those of a JPEG file; CMYK is not decoded.
pub fn decode_reduced(bytes: &[u8], side: u32, limits: &Limits) -> Result<RgbImage, DecodeError> {
    let header = Header::parse(bytes)?;
    header.check(limits)?;
    let (width, height) = (header.width as usize, header.height as usize);
    let factors = [ScalingFactor::ONE_EIGHTH, ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF];
    let is_enough = |factor: &ScalingFactor| factor.scale(width.max(height)) >= side as usize;
    let factor = factors.into_iter().find(is_enough).unwrap_or(ScalingFactor::ONE);
    let (width, height) = (factor.scale(width), factor.scale(height));
    let mut buffer = vec![0; width * height * 3];
    decompress(bytes, (width, height), factor, PixelFormat::RGB, &mut buffer)
        .map_err(|message| DecodeError::damaged(Format::Jpeg, message))?;
    let side = |length: usize| u32::try_from(length).expect("no more than the header's 16 bits");
    Ok(RgbImage::from_raw(side(width), side(height), buffer).expect("three bytes a pixel"))
}

/// The stream from its start to its end marker when it can go into a PDF page as it is: whole, 8-bit Huffman-coded
/// grey or YCbCr, and, if its EXIF orientation counts where it is, upright as stored. What cameras append after the
/// end marker (videos, second pictures) is left out.
pub fn untouched(bytes: &[u8], orientation_counts: bool) -> Option<&[u8]> {
    let header = Header::parse(bytes).ok()?;
    let identifiers: Vec<u8> = header.components.iter().map(|&(identifier, _)| identifier).collect();
    let plain_colour = match identifiers.len() {
        1 => true,
        // PDF readers and libjpeg agree on YCbCr here; a transform of 0 or the letters mean RGB to one or both.
        3 => header.adobe_transform.is_none_or(|transform| transform == 1) && identifiers != *b"RGB",
        _ => false,
    };
    let upright = !orientation_counts || header.exif().turn().is_none();
    if header.precision != 8 || header.process > 2 || !plain_colour || !upright {
        return None;
    }
    Some(&bytes[..end_marker(bytes, header.scan_start)?])
}

/// The position after the end-of-image marker.
fn end_marker(bytes: &[u8], scan_start: usize) -> Option<usize> {
    let mut at = scan_start;
    loop {
        let segment = segment(bytes, at).ok()?;
        if segment.marker == EOI {
            return Some(segment.end);
        }
        at = segment.end;
    }
}

fn pixels(bytes: &[u8], header: &Header, limits: &Limits, ink: Ink) -> Result<RgbImage, DecodeError> {
    header.check(limits)?;
    let channels = if header.components.len() == 4 { 4 } else { 3 };
    let mut buffer = vec![0; header.width as usize * header.height as usize * channels];
    decompress_whole(bytes, header, channels, &mut buffer)?;
    if channels == 4 {
        let inverted = match ink {
            Ink::ByMarker => header.adobe_transform.is_some(),
            Ink::Straight => false,
            Ink::Inverted => true,
        };
        buffer = rgb_from_cmyk(&buffer, inverted);
    }
    Ok(RgbImage::from_raw(header.width, header.height, buffer).expect("three bytes a pixel"))
}

/// What a warning of libjpeg means for the picture.
#[derive(PartialEq, Eq)]
enum Warning {
    /// Data or end marker missing.
    Short,
    /// A header field that libjpeg does not know; nothing was decoded.
    Header,
    /// Padding before the end marker; all was decoded.
    Padding,
    /// Anything else.
    Fatal,
}

fn classify(message: &str) -> Warning {
    let extraneous =
        || message.split("Corrupt JPEG data: ").nth(1)?.split(" extraneous bytes before marker 0xd9").next();
    if message.contains("Premature end of JPEG file") || message.contains("premature end of data segment") {
        Warning::Short
    } else if message.contains("JFIF revision") || message.contains("Adobe color transform") {
        Warning::Header
    } else if extraneous().and_then(|count| count.parse().ok()).is_some_and(|count: u32| count <= MAX_PADDING) {
        Warning::Padding
    } else {
        Warning::Fatal
    }
}

fn decompress_whole(bytes: &[u8], header: &Header, channels: usize, buffer: &mut [u8]) -> Result<(), DecodeError> {
    let size = (header.width as usize, header.height as usize);
    let format = if channels == 4 { PixelFormat::CMYK } else { PixelFormat::RGB };
    let Err(message) = decompress(bytes, size, ScalingFactor::ONE, format, buffer) else { return Ok(()) };
    let second = match classify(&message) {
        Warning::Padding => return Ok(()),
        Warning::Fatal => return Err(DecodeError::damaged(Format::Jpeg, message)),
        // With all components in its one scan a picture is whole if no data segment runs dry; later scans could be
        // missing without any sign.
        Warning::Short if header.process == 2 || usize::from(header.scan_components) < header.components.len() => {
            return Err(incomplete());
        }
        Warning::Short => [bytes, &[0xff, EOI]].concat(),
        Warning::Header => without_application_segments(bytes, header),
    };
    match decompress(&second, size, ScalingFactor::ONE, format, buffer) {
        Ok(()) => Ok(()),
        Err(message) => match classify(&message) {
            Warning::Padding => Ok(()),
            Warning::Short => Err(incomplete()),
            Warning::Header | Warning::Fatal => Err(DecodeError::damaged(Format::Jpeg, message)),
        },
    }
}

fn without_application_segments(bytes: &[u8], header: &Header) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for &(start, end) in &header.application {
        kept.extend_from_slice(&bytes[from..start]);
        from = end;
    }
    kept.extend_from_slice(&bytes[from..]);
    kept
}

/// Decompresses into a buffer of this size, which is that of the header by the factor.
fn decompress(
    bytes: &[u8],
    (width, height): (usize, usize),
    factor: ScalingFactor,
    format: PixelFormat,
    buffer: &mut [u8],
) -> Result<(), String> {
    let output = turbojpeg::Image { pixels: buffer, width, pitch: width * format.size(), height, format };
    let mut decompressor = Decompressor::new().map_err(|error| error.to_string())?;
    decompressor.set_scaling_factor(factor).map_err(|error| error.to_string())?;
    decompressor.set_scan_limit(MAX_SCANS).map_err(|error| error.to_string())?;
    decompressor.decompress(bytes, output).map_err(|error| error.to_string())
}

/// One strip or tile of a TIFF file: a stream whose tables may stand elsewhere and whose colours the file declares.
pub(super) fn decode_tiff_chunk(
    tables: Option<&[u8]>,
    chunk: &[u8],
    rgb: bool,
    max_side: u32,
) -> Result<RgbImage, DecodeError> {
    // An Adobe marker settles what libjpeg would guess from component numbers.
    let transform = u8::from(!rgb);
    let mut stream = vec![0xff, SOI, 0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform];
    if let Some(tables) = tables {
        let tables = tables.strip_prefix(&[0xff, SOI]).unwrap_or(tables);
        stream.extend_from_slice(tables.strip_suffix(&[0xff, EOI]).unwrap_or(tables));
    }
    stream.extend_from_slice(chunk.strip_prefix(&[0xff, SOI]).unwrap_or(chunk));
    let header = Header::parse(&stream)?;
    header.check_kind()?;
    if header.width.max(header.height) > max_side || header.width.min(header.height) == 0 {
        return Err(DecodeError::TooLarge { width: header.width, height: header.height });
    }
    if header.components.len() == 4 {
        return Err(DecodeError::Unsupported {
            format: Format::Tiff,
            what: ("CMYK nén JPEG", "CMYK in JPEG compression"),
        });
    }
    let mut buffer = vec![0; header.width as usize * header.height as usize * 3];
    decompress_whole(&stream, &header, 3, &mut buffer)?;
    Ok(RgbImage::from_raw(header.width, header.height, buffer).expect("three bytes a pixel"))
}

fn rgb_from_cmyk(cmyk: &[u8], inverted: bool) -> Vec<u8> {
    let (pixels, _) = cmyk.as_chunks::<4>();
    let mut rgb = vec![[0; 3]; pixels.len()];
    for (&[c, m, y, k], target) in pixels.iter().zip(&mut rgb) {
        *target =
            if inverted { light_of_inks([255 - c, 255 - m, 255 - y, 255 - k]) } else { light_of_inks([c, m, y, k]) };
    }
    rgb.into_flattened()
}
