//! TIFF 6.0 pages, one picture each.
//!
//! Directories come from [`super::ifd`]; strips and tiles are unpacked here, because the usual crates lack palettes,
//! JPEG through libjpeg-turbo, Group 3 or bit-reversed fax data, all of which office scanners write. Read: bilevel,
//! grey, palette, RGB, CMYK with 1, 2, 4, 8 or 16 bits, alpha, strips and tiles, chunky and planar; no compression,
//! fax 2, 3 and 4, LZW, Deflate, PackBits, JPEG. Not read, with a message: BigTIFF, old-style JPEG, Lab, uncompressed
//! YCbCr, floating point.

use std::io::Read;

use image::RgbImage;

use super::ccitt::{self, FaxScheme};
use super::exif::Exif;
use super::ifd::{Directory, Tagged};
use super::samples::{Alpha, Colour, Rows, SampleLayout};
use super::{DecodeError, Decoded, Format, FrameInfo, Limits, jpeg, tones, turned};

const NEW_SUBFILE_TYPE: u16 = 254;
const SUBFILE_TYPE: u16 = 255;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const PLANAR: u16 = 284;
const FAX_OPTIONS: u16 = 292;
const PREDICTOR: u16 = 317;
const COLOUR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
const JPEG_TABLES: u16 = 347;
const ICC_PROFILE: u16 = 34675;

/// Samples a pixel that are worth reading; multispectral files have more.
const MAX_SAMPLES: usize = 8;

/// A tile larger than this many pixels must not be larger than four whole pictures: a small file could ask for much
/// memory otherwise.
const LARGE_TILE: u64 = 1 << 20;

fn damaged(detail: &str) -> DecodeError {
    DecodeError::damaged(Format::Tiff, detail)
}

fn unsupported(what: (&'static str, &'static str)) -> DecodeError {
    DecodeError::Unsupported { format: Format::Tiff, what }
}

/// How strips and tiles are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Fax { scheme: FaxScheme, byte_aligned: bool },
    Lzw,
    Deflate,
    PackBits,
    Jpeg { rgb: bool },
}

/// One page, ready to decode.
#[derive(Debug)]
struct Page<'a> {
    width: u32,
    height: u32,
    packing: Packing,
    layout: SampleLayout,
    planar: bool,
    predicted: bool,
    bits_reversed: bool,
    /// Size of a strip or tile, pixels.
    chunk_width: u32,
    chunk_height: u32,
    /// Packed strips or tiles, plane by plane, row by row.
    chunks: Vec<&'a [u8]>,
    jpeg_tables: Option<&'a [u8]>,
}

/// The pages of a file: its directories but for thumbnails and masks.
fn pages<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Tagged<'a>, Vec<Directory>), DecodeError> {
    let Some((data, mut at)) = Tagged::open(bytes) else {
        return Err(match bytes.get(2..4) {
            Some([43, 0] | [0, 43]) => unsupported(("địa chỉ 64 bit (BigTIFF)", "64-bit addresses (BigTIFF)")),
            _ => DecodeError::Incomplete(Format::Tiff),
        });
    };
    let (mut pages, mut small) = (Vec::new(), Vec::new());
    let mut visited = std::collections::BTreeSet::new();
    while at != 0 {
        if !visited.insert(at) {
            return Err(damaged("directories form a loop"));
        }
        if visited.len() > 2 * limits.max_frames.saturating_add(1) || pages.len() >= limits.max_frames {
            return Err(DecodeError::TooManyFrames { limit: limits.max_frames });
        }
        let (directory, next) = data.directory(at).ok_or(DecodeError::Incomplete(Format::Tiff))?;
        let reduced_or_mask = data.find_uint(&directory, NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 0b101 != 0)
            || data.find_uint(&directory, SUBFILE_TYPE) == Some(2);
        (if reduced_or_mask { &mut small } else { &mut pages }).push(directory);
        at = next;
    }
    // A file of nothing but "reduced" pictures means them as pages.
    let pages = if pages.is_empty() { small } else { pages };
    if pages.is_empty() { Err(damaged("no page")) } else { Ok((data, pages)) }
}

pub(super) fn probe(bytes: &[u8], limits: &Limits) -> Result<Vec<FrameInfo>, DecodeError> {
    let (data, pages) = pages(bytes, limits)?;
    let info = |directory: &Directory| {
        let page = Page::read(bytes, &data, directory, limits)?;
        Ok(FrameInfo::upright(page.width, page.height, Exif::from_directory(&data, directory).turn()))
    };
    pages.iter().map(info).collect()
}

pub(super) fn decode(bytes: &[u8], frame: usize, limits: &Limits) -> Result<Decoded, DecodeError> {
    let (data, pages) = pages(bytes, limits)?;
    let directory = pages.get(frame).ok_or(DecodeError::NoSuchFrame { frame, count: pages.len() })?;
    let page = Page::read(bytes, &data, directory, limits)?;
    let image = page.decode(limits)?;
    let exif = Exif::from_directory(&data, directory);
    let (gray, bilevel) = match page.layout {
        SampleLayout { bits: 1, samples: 1, colour: Colour::Gray, .. } => (true, true),
        _ => tones(&image),
    };
    Ok(Decoded {
        image: turned(image, exif.turn()),
        dpi: exif.dpi,
        camera: exif.camera(exif.dpi),
        focal: exif.focal(page.width, page.height),
        bilevel,
        gray,
        exif_orientation: exif.orientation,
        icc: directory.find(ICC_PROFILE).and_then(|entry| data.bytes(entry)).map(<[u8]>::to_vec),
    })
}

impl<'a> Page<'a> {
    fn read(bytes: &'a [u8], data: &Tagged<'a>, directory: &Directory, limits: &Limits) -> Result<Self, DecodeError> {
        let required = |tag| data.find_uint(directory, tag).ok_or_else(|| damaged("no width or height"));
        let (width, height) = (required(WIDTH)?, required(HEIGHT)?);
        limits.check_size(width, height)?;
        let field = |tag, default| data.find_uint(directory, tag).unwrap_or(default);
        let packing = packing(field(COMPRESSION, 1), field(PHOTOMETRIC, 0), field(FAX_OPTIONS, 0))?;
        let layout = layout(data, directory, packing)?;
        let planar = field(PLANAR, 1) == 2 && layout.samples > 1;
        if planar && !matches!(packing, Packing::None | Packing::Lzw | Packing::Deflate | Packing::PackBits) {
            return Err(unsupported((
                "tách kênh màu kèm nén JPEG hoặc fax",
                "separate colour planes in JPEG or fax compression",
            )));
        }
        let predicted = match field(PREDICTOR, 1) {
            2 if matches!(packing, Packing::Lzw | Packing::Deflate) && layout.bits >= 8 => true,
            2 | 3 if matches!(packing, Packing::Lzw | Packing::Deflate) => {
                return Err(unsupported(("bộ dự đoán lạ", "this predictor")));
            }
            _ => false,
        };
        let tiled = directory.find(TILE_OFFSETS).is_some();
        let (chunk_width, chunk_height) = if tiled {
            (field(TILE_WIDTH, 0), field(TILE_HEIGHT, 0))
        } else {
            (width, field(ROWS_PER_STRIP, height).min(height))
        };
        let area = u64::from(chunk_width) * u64::from(chunk_height);
        if area == 0 || (area > LARGE_TILE && area > 4 * u64::from(width) * u64::from(height)) {
            return Err(damaged("impossible size of strips or tiles"));
        }
        let mut page = Self {
            width,
            height,
            packing,
            layout,
            planar,
            predicted,
            bits_reversed: field(FILL_ORDER, 1) == 2,
            chunk_width,
            chunk_height,
            chunks: Vec::new(),
            jpeg_tables: directory.find(JPEG_TABLES).and_then(|entry| data.bytes(entry)),
        };
        let pixels = u64::from(width) * u64::from(height);
        let chunk_bytes = page.chunk_row_bytes() as u64 * u64::from(chunk_height);
        let planes = if planar { pixels * page.layout.samples as u64 * 2 } else { 0 };
        limits.check_memory(width, height, 3 * pixels + chunk_bytes + planes)?;
        page.chunks = page.find_chunks(bytes, data, directory, tiled)?;
        Ok(page)
    }

    fn across(&self) -> usize {
        self.width.div_ceil(self.chunk_width) as usize
    }

    fn chunks_per_plane(&self) -> usize {
        self.across() * self.height.div_ceil(self.chunk_height) as usize
    }

    /// Layout of the rows inside a chunk: of one plane, if planes are stored apart.
    fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.layout.samples }
    }

    fn chunk_row_bytes(&self) -> usize {
        (self.chunk_width as usize * self.chunk_samples() * usize::from(self.layout.bits)).div_ceil(8)
    }

    fn find_chunks(
        &self,
        bytes: &'a [u8],
        data: &Tagged<'a>,
        directory: &Directory,
        tiled: bool,
    ) -> Result<Vec<&'a [u8]>, DecodeError> {
        let (offsets, counts) =
            if tiled { (TILE_OFFSETS, TILE_BYTE_COUNTS) } else { (STRIP_OFFSETS, STRIP_BYTE_COUNTS) };
        let expected = self.chunks_per_plane() * if self.planar { self.layout.samples } else { 1 };
        let offsets = directory.find(offsets).ok_or_else(|| damaged("no strips"))?;
        if offsets.count() < expected {
            return Err(damaged("fewer strips than the height needs"));
        }
        let counts = directory.find(counts);
        (0..expected)
            .map(|index| {
                let offset = data.uint(offsets, index).ok_or(DecodeError::Incomplete(Format::Tiff))? as usize;
                let rest = bytes.get(offset..).unwrap_or_default();
                // Old writers leave the counts out, or write 0, where there is one strip.
                let count = counts.and_then(|counts| data.uint(counts, index)).filter(|&count| count > 0);
                Ok(count.and_then(|count| rest.get(..count as usize)).unwrap_or(rest))
            })
            .collect()
    }

    fn decode(&self, limits: &Limits) -> Result<RgbImage, DecodeError> {
        let mut image = RgbImage::new(self.width, self.height);
        if self.planar {
            self.decode_planes(&mut image)?;
            return Ok(image);
        }
        let mut rows = Rows::new(&self.layout, self.chunk_width);
        let mut row_pixels = vec![0; 3 * self.chunk_width as usize];
        for (index, chunk) in self.chunks.iter().enumerate() {
            let (left, top, width, height) = self.place(index);
            if let Packing::Jpeg { rgb } = self.packing {
                let decoded = jpeg::decode_tiff_chunk(self.jpeg_tables, chunk, rgb, limits.max_side)?;
                if decoded.width() < width || decoded.height() < height {
                    return Err(damaged("JPEG strip smaller than its place"));
                }
                for y in 0..height {
                    let source = &decoded.as_raw()[3 * (y * decoded.width()) as usize..][..3 * width as usize];
                    self.row(&mut image, left, top + y, width).copy_from_slice(source);
                }
                continue;
            }
            let unpacked = self.unpack(chunk, height)?;
            for (y, row) in (0..height).zip(unpacked.chunks_exact(self.chunk_row_bytes())) {
                rows.convert(row, &mut row_pixels);
                self.row(&mut image, left, top + y, width).copy_from_slice(&row_pixels[..3 * width as usize]);
            }
        }
        Ok(image)
    }

    /// Puts the samples of separate planes together, then converts them like chunky ones.
    fn decode_planes(&self, image: &mut RgbImage) -> Result<(), DecodeError> {
        let sample_bytes = usize::from(self.layout.bits / 8);
        if sample_bytes == 0 {
            return Err(unsupported(("tách kênh màu dưới 8 bit", "separate colour planes of less than 8 bits")));
        }
        let pixel_bytes = sample_bytes * self.layout.samples;
        let stride = pixel_bytes * self.width as usize;
        let mut chunky = vec![0; stride * self.height as usize];
        for (index, chunk) in self.chunks.iter().enumerate() {
            let plane = index / self.chunks_per_plane();
            let (left, top, width, height) = self.place(index % self.chunks_per_plane());
            let unpacked = self.unpack(chunk, height)?;
            for (y, row) in (0..height as usize).zip(unpacked.chunks_exact(self.chunk_row_bytes())) {
                let start = (top as usize + y) * stride + left as usize * pixel_bytes;
                let targets = chunky[start..start + width as usize * pixel_bytes].chunks_exact_mut(pixel_bytes);
                for (sample, target) in row.chunks_exact(sample_bytes).zip(targets) {
                    target[plane * sample_bytes..(plane + 1) * sample_bytes].copy_from_slice(sample);
                }
            }
        }
        let mut rows = Rows::new(&self.layout, self.width);
        for (row, target) in chunky.chunks_exact(stride).zip(image.chunks_exact_mut(3 * self.width as usize)) {
            rows.convert(row, target);
        }
        Ok(())
    }

    /// Left, top, width and height of the part of the picture that a chunk covers.
    fn place(&self, index: usize) -> (u32, u32, u32, u32) {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let left = number(index % self.across()) * self.chunk_width;
        let top = number(index / self.across()) * self.chunk_height;
        (left, top, self.chunk_width.min(self.width - left), self.chunk_height.min(self.height - top))
    }

    fn row<'p>(&self, image: &'p mut RgbImage, left: u32, y: u32, width: u32) -> &'p mut [u8] {
        let start = 3 * (y as usize * self.width as usize + left as usize);
        &mut (**image)[start..start + 3 * width as usize]
    }

    /// The first `rows` rows of a chunk, prediction undone.
    fn unpack(&self, chunk: &[u8], rows: u32) -> Result<Vec<u8>, DecodeError> {
        let row_bytes = self.chunk_row_bytes();
        let size = row_bytes * rows as usize;
        let reversed: Vec<u8>;
        let chunk = if self.bits_reversed {
            reversed = chunk.iter().map(|byte| byte.reverse_bits()).collect();
            &reversed
        } else {
            chunk
        };
        let mut unpacked = match self.packing {
            Packing::None => chunk.get(..size).unwrap_or_default().to_vec(),
            Packing::Fax { scheme, byte_aligned } => {
                ccitt::unpack(chunk, scheme, self.chunk_width, rows, byte_aligned).unwrap_or_default()
            }
            Packing::PackBits => unpack_bits(chunk, size),
            Packing::Deflate => inflate(chunk, size)?,
            Packing::Lzw => unpack_lzw(chunk, size)?,
            Packing::Jpeg { .. } => Vec::new(),
        };
        if unpacked.len() < size {
            return Err(DecodeError::Incomplete(Format::Tiff));
        }
        if self.predicted {
            for row in unpacked.chunks_exact_mut(row_bytes) {
                undo_prediction(row, self.chunk_samples(), self.layout.bits, self.layout.big_endian);
            }
        }
        Ok(unpacked)
    }
}

fn packing(compression: u32, photometric: u32, fax_options: u32) -> Result<Packing, DecodeError> {
    Ok(match compression {
        1 => Packing::None,
        2 => Packing::Fax { scheme: FaxScheme::Group3, byte_aligned: true },
        3 if fax_options & 1 == 1 => Packing::Fax { scheme: FaxScheme::Group3TwoDimensional, byte_aligned: false },
        3 => Packing::Fax { scheme: FaxScheme::Group3, byte_aligned: false },
        4 => Packing::Fax { scheme: FaxScheme::Group4, byte_aligned: false },
        5 => Packing::Lzw,
        6 => return Err(unsupported(("nén JPEG đời cũ", "old-style JPEG compression"))),
        7 => Packing::Jpeg { rgb: photometric == 2 },
        8 | 32946 => Packing::Deflate,
        32773 => Packing::PackBits,
        34661 | 34663 => return Err(unsupported(("nén JBIG", "JBIG compression"))),
        34712 => return Err(unsupported(("nén JPEG 2000", "JPEG 2000 compression"))),
        _ => return Err(unsupported(("nén lạ", "an unknown compression"))),
    })
}

fn layout(data: &Tagged, directory: &Directory, packing: Packing) -> Result<SampleLayout, DecodeError> {
    let bits = match directory.find(BITS_PER_SAMPLE) {
        None => 1,
        Some(entry) => {
            let each = data.uints(entry).ok_or(DecodeError::Incomplete(Format::Tiff))?;
            if each.iter().any(|&bits| bits != each[0]) {
                return Err(unsupported(("các kênh màu khác số bit", "samples of unequal size")));
            }
            each[0]
        }
    };
    let bits = match u8::try_from(bits) {
        Ok(bits @ (1 | 2 | 4 | 8 | 16)) => bits,
        _ => return Err(unsupported(("số bit mỗi mẫu lạ", "an unusual number of bits a sample"))),
    };
    if data.find_uint(directory, SAMPLE_FORMAT).is_some_and(|format| !matches!(format, 1 | 4)) {
        return Err(unsupported(("mẫu có dấu hoặc số thực", "signed or floating-point samples")));
    }
    let is_fax = matches!(packing, Packing::Fax { .. });
    let is_jpeg = matches!(packing, Packing::Jpeg { .. });
    let (colour, inverted) = match data.find_uint(directory, PHOTOMETRIC) {
        // The standard's default for fax pages that do not say: 0 is white.
        Some(0) => (Colour::Gray, true),
        None if is_fax => (Colour::Gray, true),
        Some(1 | 4) | None => (Colour::Gray, false),
        Some(2) => (Colour::Rgb, false),
        Some(3) => (Colour::Palette(colour_map(data, directory, bits)?), false),
        Some(5) => (Colour::Cmyk, false),
        Some(6) if is_jpeg => (Colour::Rgb, false),
        Some(6) => return Err(unsupported(("YCbCr không nén JPEG", "YCbCr without JPEG compression"))),
        Some(8..=10) => return Err(unsupported(("màu Lab", "Lab colours"))),
        Some(_) => return Err(unsupported(("hệ màu lạ", "an unknown colour model"))),
    };
    let samples = data.find_uint(directory, SAMPLES_PER_PIXEL).unwrap_or(1) as usize;
    if samples < colour.samples() || (is_fax && (samples, bits) != (1, 1)) || (is_jpeg && bits != 8) {
        return Err(damaged("too few or wrong samples for the colour model"));
    }
    if samples > MAX_SAMPLES {
        return Err(unsupported(("hơn 8 kênh mỗi điểm ảnh", "more than 8 samples a pixel")));
    }
    let alpha = match data.find_uint(directory, EXTRA_SAMPLES) {
        Some(1) if samples > colour.samples() => Some(Alpha::Premultiplied),
        Some(2) if samples > colour.samples() => Some(Alpha::Straight),
        _ => None,
    };
    Ok(SampleLayout { bits, samples, colour, alpha, inverted, big_endian: data.big_endian })
}

/// Red, green and blue lists one after the other, 16 bits each. Some writers store 8-bit values there.
fn colour_map(data: &Tagged, directory: &Directory, bits: u8) -> Result<Vec<[u8; 3]>, DecodeError> {
    let values = directory.find(COLOUR_MAP).and_then(|entry| data.uints(entry));
    let size = 1_usize << bits.min(8);
    let values =
        values.filter(|values| values.len() >= 3 * size && bits <= 8).ok_or_else(|| damaged("no colour map"))?;
    // Whether a writer stores 256 or 257 times the 8-bit value, its high byte is that value.
    let shift = if values.iter().all(|&value| value < 256) { 0 } else { 8 };
    let component = |value: u32| u8::try_from(value >> shift).unwrap_or(u8::MAX);
    Ok((0..size).map(|index| [0, 1, 2].map(|plane| component(values[plane * size + index]))).collect())
}

/// PackBits (TIFF 6.0, section 9), at most `size` bytes.
fn unpack_bits(packed: &[u8], size: usize) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let mut rest = packed;
    while let [control, tail @ ..] = rest {
        if unpacked.len() >= size {
            break;
        }
        let control = usize::from(*control);
        rest = match (control, tail) {
            (0..=127, _) => {
                let (literal, tail) = tail.split_at((control + 1).min(tail.len()));
                unpacked.extend_from_slice(literal);
                tail
            }
            (129.., [value, tail @ ..]) => {
                unpacked.resize(unpacked.len() + 257 - control, *value);
                tail
            }
            _ => tail,
        };
    }
    unpacked
}

fn inflate(packed: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
    let mut unpacked = Vec::new();
    match flate2::read::ZlibDecoder::new(packed).take(size as u64).read_to_end(&mut unpacked) {
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(DecodeError::Incomplete(Format::Tiff)),
        Err(error) => Err(damaged(&error.to_string())),
    }
}

fn unpack_lzw(packed: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let mut unpacked = vec![0; size];
    let (mut read, mut written) = (0, 0);
    while written < size {
        let result = decoder.decode_bytes(&packed[read..], &mut unpacked[written..]);
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) => {}
            Ok(_) => break,
            Err(error) => return Err(damaged(&error.to_string())),
        }
    }
    unpacked.truncate(written);
    Ok(unpacked)
}

/// Horizontal differencing (TIFF 6.0, section 14).
fn undo_prediction(row: &mut [u8], samples: usize, bits: u8, big_endian: bool) {
    if bits == 8 {
        for index in samples..row.len() {
            row[index] = row[index].wrapping_add(row[index - samples]);
        }
        return;
    }
    let (words, _) = row.as_chunks_mut::<2>();
    let value = |word: [u8; 2]| if big_endian { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) };
    for index in samples..words.len() {
        let sum = value(words[index]).wrapping_add(value(words[index - samples]));
        words[index] = if big_endian { sum.to_be_bytes() } else { sum.to_le_bytes() };
    }
}
