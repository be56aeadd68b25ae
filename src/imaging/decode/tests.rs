//! Every format read back, cut short, damaged and lied about.

#![expect(clippy::cast_possible_truncation, reason = "colours of small test pictures")]

use image::{ImageEncoder, Rgb};
use proptest::prelude::*;

use super::ccitt::tests::{group4, pattern};
use super::exif::tests::block;
use super::*;

const LIMITS: Limits = Limits { max_pixels: 4_000_000, max_side: 4_000, max_bytes: 40_000_000, max_frames: 20 };

/// 40 × 24 pixels, each of another colour.
fn picture() -> RgbImage {
    RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 10) as u8, (255 - x * 3 - y * 4) as u8]))
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>) -> image::ImageResult<()>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes).unwrap();
    bytes
}

fn png() -> Vec<u8> {
    let (image, kind) = (picture(), image::ExtendedColorType::Rgb8);
    encoded(|out| image::codecs::png::PngEncoder::new(out).write_image(&image, 40, 24, kind))
}

fn jpeg(progressive: bool) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::None).unwrap();
    compressor.set_progressive(progressive).unwrap();
    compress(&mut compressor, picture().as_raw(), 3, turbojpeg::PixelFormat::RGB)
}

fn compress(
    compressor: &mut turbojpeg::Compressor,
    pixels: &[u8],
    channels: usize,
    format: turbojpeg::PixelFormat,
) -> Vec<u8> {
    let image = turbojpeg::Image { pixels, width: 40, pitch: 40 * channels, height: 24, format };
    compressor.compress_to_vec(image).unwrap()
}

/// Puts a marker segment after the start marker.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, content, &jpeg[2..]].concat()
}

fn with_exif(jpeg: &[u8], fields: &[(u16, u16, u32)]) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", block(fields).as_slice()].concat())
}

type Fields = Vec<(u16, u16, Vec<u32>)>;

/// A TIFF file; each page is its fields `(tag, type, values)`, with its one strip where offsets stand.
fn tiff(pages: &[(Fields, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"II*\0".to_vec();
    let mut link = bytes.len();
    bytes.extend([0; 4]);
    for (fields, strip) in pages {
        let strip_at = u32::try_from(bytes.len()).unwrap();
        bytes.extend(strip);
        let mut fields = fields.clone();
        fields.push((273, 4, vec![strip_at]));
        fields.push((279, 4, vec![u32::try_from(strip.len()).unwrap()]));
        fields.sort();
        let mut directory = u16::try_from(fields.len()).unwrap().to_le_bytes().to_vec();
        for (tag, kind, values) in &fields {
            let packed: Vec<u8> = match kind {
                3 => values.iter().flat_map(|&value| u16::try_from(value).unwrap().to_le_bytes()).collect(),
                _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            };
            // A fraction is written as two numbers.
            let count = if *kind == 5 { values.len() / 2 } else { values.len() };
            directory.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            directory.extend(u32::try_from(count).unwrap().to_le_bytes());
            if packed.len() <= 4 {
                directory.extend([packed.as_slice(), &[0; 4]].concat()[..4].to_vec());
            } else {
                directory.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
                bytes.extend(packed);
            }
        }
        let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        bytes[link..link + 4].copy_from_slice(&at);
        bytes.extend(directory);
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
}

fn tiff_page(compression: u32, photometric: u32, bits: &[u32]) -> Fields {
    vec![
        (256, 4, vec![40]),
        (257, 4, vec![24]),
        (258, 3, bits.to_vec()),
        (259, 3, vec![compression]),
        (262, 3, vec![photometric]),
        (277, 3, vec![u32::try_from(bits.len()).unwrap()]),
    ]
}

fn plain_tiff() -> Vec<u8> {
    tiff(&[(tiff_page(1, 2, &[8, 8, 8]), picture().into_raw())])
}

fn fax_tiff() -> Vec<u8> {
    let mut fields = tiff_page(4, 0, &[1]);
    fields.extend([(282, 5, vec![200, 1]), (283, 5, vec![200, 1])]);
    tiff(&[(fields, group4(&pattern(40, 24), 40))])
}

const HEIC: &[u8] = include_bytes!("../../../tests/data/quarter-turn.heic");
const GROUP3: &[u8] = include_bytes!("../../../tests/data/group3-2d.tif");
const JPEG_TILES: &[u8] = include_bytes!("../../../tests/data/jpeg-tiles.tif");
const CMYK: &[u8] = include_bytes!("../../../tests/data/adobe-cmyk.jpg");

/// One valid file of each kind.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let (image, kind) = (picture(), image::ExtendedColorType::Rgb8);
    let webp = encoded(|out| image::codecs::webp::WebPEncoder::new_lossless(out).write_image(&image, 40, 24, kind));
    let bmp = encoded(|out| image::codecs::bmp::BmpEncoder::new(out).write_image(&image, 40, 24, kind));
    vec![
        ("png", png()),
        ("jpeg", jpeg(false)),
        ("progressive jpeg", jpeg(true)),
        ("exif jpeg", with_exif(&jpeg(false), &[(0x112, 3, 6)])),
        ("cmyk jpeg", CMYK.to_vec()),
        ("tiff", plain_tiff()),
        ("group 4 tiff", fax_tiff()),
        ("group 3 tiff", GROUP3.to_vec()),
        ("jpeg tiff", JPEG_TILES.to_vec()),
        ("webp", webp),
        ("bmp", bmp),
        ("heic", HEIC.to_vec()),
    ]
}

fn decoded(bytes: &[u8]) -> Decoded {
    decode(bytes, 0, &LIMITS).unwrap()
}

fn worst_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// The quarters of the files in `tests/data`: red, green, blue, white, from top left.
fn assert_quarters(image: &RgbImage, centres: [(u32, u32); 4]) {
    let colours = [[200, 0, 0], [0, 160, 0], [0, 0, 200], [255, 255, 255]];
    for ((x, y), colour) in centres.into_iter().zip(colours) {
        let found = image.get_pixel(x, y).0;
        assert!(found.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 12), "{found:?} at {x},{y}, not {colour:?}");
    }
}

#[test]
fn lossless_formats_give_the_pixels_back() {
    for (name, bytes) in samples() {
        if ["png", "tiff", "webp", "bmp"].contains(&name) {
            assert_eq!(decoded(&bytes).image, picture(), "{name}");
        }
    }
}

#[test]
fn probe_and_decode_agree_on_the_size() {
    for (name, bytes) in samples() {
        let (_, frames) = probe(&bytes, &LIMITS).unwrap();
        let image = decoded(&bytes).image;
        assert_eq!([FrameInfo { width: image.width(), height: image.height() }], *frames, "{name}");
    }
}

#[test]
fn jpeg_comes_close_and_orientation_is_applied() {
    for progressive in [false, true] {
        let plain = jpeg(progressive);
        assert!(worst_difference(&decoded(&plain).image, &picture()) <= 6);
        for tag in 1..=8 {
            let decoded = decoded(&with_exif(&plain, &[(0x112, 3, tag)]));
            let expected = turned(picture(), Turn::from_tag(u16::try_from(tag).unwrap()));
            assert!(worst_difference(&decoded.image, &expected) <= 6, "tag {tag}");
            assert_eq!(u32::from(decoded.exif_orientation), tag);
        }
    }
}

#[test]
fn invalid_orientation_is_reported_and_ignored() {
    let decoded = decoded(&with_exif(&jpeg(false), &[(0x112, 3, 2049), (0x10f, 4, 0)]));
    assert_eq!(decoded.exif_orientation, 2049);
    assert!(decoded.camera);
    assert_eq!(decoded.image.dimensions(), (40, 24));
}

#[test]
fn resolution_is_read_where_each_format_keeps_it() {
    let jfif = |unit, density: u8| {
        let mut bytes = jpeg(false);
        let at = bytes.windows(5).position(|window| window == b"JFIF\0").unwrap();
        bytes[at + 7..at + 12].copy_from_slice(&[unit, 0, density, 0, density]);
        decoded(&bytes).dpi
    };
    assert_eq!(jfif(1, 200), Some(200.0));
    assert_eq!(jfif(2, 100), Some(254.0));
    assert_eq!(jfif(0, 1), None);
    assert_eq!(decoded(&fax_tiff()).dpi, Some(200.0));
    let mut png = png();
    let chunk = [&[0, 0, 0, 9][..], b"pHYs", &11_811_u32.to_be_bytes(), &11_811_u32.to_be_bytes(), &[1]].concat();
    // The decoder checks the sum of this chunk, so give the real one.
    let sum = {
        let mut crc = flate2::Crc::new();
        crc.update(&chunk[4..]);
        crc.sum()
    };
    png.splice(33..33, [chunk, sum.to_be_bytes().to_vec()].concat());
    assert!((decoded(&png).dpi.unwrap() - 300.0).abs() < 0.01);
}

#[test]
fn gray_jpeg_is_gray_and_inks_become_light() {
    let gray: Vec<u8> = (0..40 * 24_u32).map(|index| (index % 40 * 6) as u8).collect();
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::Gray).unwrap();
    let bytes = compress(&mut compressor, &gray, 1, turbojpeg::PixelFormat::GRAY);
    let decoded_gray = decoded(&bytes);
    assert!(decoded_gray.gray && !decoded_gray.bilevel);
    assert_eq!(untouched_jpeg(&bytes, true), Some(bytes.as_slice()));

    assert_quarters(&decoded(CMYK).image, [(16, 8), (48, 8), (16, 24), (48, 24)]);
    assert_eq!(untouched_jpeg(CMYK, true), None);
}

#[test]
fn bytes_after_the_end_marker_are_fine_and_are_left_out_of_the_stream() {
    let whole = jpeg(false);
    let appended = [whole.as_slice(), b"\0\0\0\x18ftypmp42 a moving picture \xff\xd8\xff\xd9"].concat();
    assert_eq!(decoded(&appended).image, decoded(&whole).image);
    assert_eq!(untouched_jpeg(&appended, true), Some(whole.as_slice()));
}

#[test]
fn only_upright_streams_go_untouched() {
    let turned = with_exif(&jpeg(false), &[(0x112, 3, 6)]);
    assert_eq!(untouched_jpeg(&turned, true), None);
    assert!(untouched_jpeg(&turned, false).is_some());
    let rgb = with_segment(&jpeg(false), 0xee, b"Adobe\0\x64\0\0\0\0\0");
    assert_eq!(untouched_jpeg(&rgb, true), None);
    assert_eq!(untouched_jpeg(&plain_tiff(), true), None);
}

#[test]
fn a_missing_end_marker_alone_loses_nothing() {
    let whole = jpeg(false);
    assert_eq!(decoded(&whole[..whole.len() - 2]).image, decoded(&whole).image);
    assert_eq!(untouched_jpeg(&whole[..whole.len() - 2], true), None);
}

#[test]
fn a_file_cut_anywhere_is_an_error_or_the_whole_picture() {
    for (name, bytes) in samples() {
        let whole = decoded(&bytes).image;
        let step = (bytes.len() / 400).max(1);
        for length in (0..bytes.len()).step_by(step).chain(bytes.len().saturating_sub(40)..bytes.len()) {
            if let Ok(part) = decode(&bytes[..length], 0, &LIMITS) {
                assert!(part.image == whole, "{name} cut to {length} of {} bytes", bytes.len());
            }
        }
        let half = decode(&bytes[..bytes.len() * 2 / 3], 0, &LIMITS);
        assert!(matches!(half, Err(DecodeError::Incomplete(_) | DecodeError::Damaged { .. })), "{name}: {half:?}");
    }
}

#[test]
fn a_jpeg_with_an_empty_end_is_incomplete() {
    // What an interrupted copy leaves: the right length, zeros at the end.
    for progressive in [false, true] {
        let mut bytes = jpeg(progressive);
        let from = bytes.len() * 2 / 3;
        bytes[from..].fill(0);
        assert!(decode(&bytes, 0, &LIMITS).is_err(), "progressive {progressive}");
    }
}

#[test]
fn heic_rotation_is_applied_once() {
    // Stored 64 × 32, turned clockwise: red goes to the top right.
    let image = decoded(HEIC).image;
    assert_eq!(image.dimensions(), (32, 64));
    assert_quarters(&image, [(24, 16), (24, 48), (8, 16), (8, 48)]);
    assert!(decoded(HEIC).camera);
}

#[test]
fn tiff_fax_pages_have_black_on_white() {
    let page = decoded(&fax_tiff());
    assert!(page.bilevel && page.gray);
    let black = |x: u32, y: u32| pattern(40, 24)[(y * 5 + x / 8) as usize] >> (7 - x % 8) & 1 == 1;
    for (x, y, pixel) in page.image.enumerate_pixels() {
        assert_eq!(pixel.0 == [0; 3], black(x, y), "{x},{y}");
    }
    // The red channel over a threshold: white left above, black right above and left below, white right below.
    let image = decoded(GROUP3).image;
    let at = |x, y| image.get_pixel(x, y)[0];
    assert_eq!([at(16, 8), at(48, 8), at(16, 24), at(48, 24)], [255, 0, 0, 255]);
}

#[test]
fn tiff_tiles_in_jpeg_compression_are_put_together() {
    assert_quarters(&decoded(JPEG_TILES).image, [(16, 8), (48, 8), (16, 24), (48, 24)]);
}

#[test]
fn tiff_compressions_all_give_the_same_picture() {
    let raw = picture().into_raw();
    let deflated = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&raw).unwrap();
        encoder.finish().unwrap()
    };
    let lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&raw).unwrap();
    let packed: Vec<u8> = raw.chunks(100).flat_map(|run| [&[99][..], run].concat()).collect();
    for (compression, strip) in [(1, raw), (5, lzw), (8, deflated.clone()), (32946, deflated), (32773, packed)] {
        let file = tiff(&[(tiff_page(compression, 2, &[8, 8, 8]), strip)]);
        assert_eq!(decoded(&file).image, picture(), "compression {compression}");
    }
}

#[test]
fn tiff_pages_come_in_order_without_thumbnails() {
    let page = |value: u8| (tiff_page(1, 1, &[8]), vec![value; 960]);
    let mut thumbnail = page(99);
    thumbnail.0.push((254, 4, vec![1]));
    let file = tiff(&[page(1), thumbnail, page(2), page(3)]);
    assert_eq!(probe(&file, &LIMITS).unwrap().1.len(), 3);
    for (frame, value) in [(0, 1), (1, 2), (2, 3)] {
        assert_eq!(decode(&file, frame, &LIMITS).unwrap().image.get_pixel(5, 5).0, [value; 3]);
    }
    assert_eq!(decode(&file, 3, &LIMITS).unwrap_err(), DecodeError::NoSuchFrame { frame: 3, count: 3 });
}

#[test]
fn tiff_page_loops_and_floods_end() {
    let mut file = plain_tiff();
    let end = file.len() - 4;
    let first = file[4..8].to_vec();
    file[end..].copy_from_slice(&first);
    assert!(matches!(probe(&file, &LIMITS), Err(DecodeError::Damaged { .. })));
    let page = (tiff_page(1, 1, &[8]), vec![7; 960]);
    let many = tiff(&vec![page; 21]);
    assert_eq!(probe(&many, &LIMITS).unwrap_err(), DecodeError::TooManyFrames { limit: 20 });
}

#[test]
fn tiff_variants_that_are_not_read_say_so() {
    let old_jpeg = tiff(&[(tiff_page(6, 6, &[8, 8, 8]), vec![0; 100])]);
    for file in [old_jpeg, b"II\x2b\0\x08\0\0\0\0\0\0\0\0\0\0\0".to_vec()] {
        assert!(matches!(probe(&file, &LIMITS), Err(DecodeError::Unsupported { format: Format::Tiff, .. })));
    }
}

#[test]
fn bombs_are_refused_by_their_headers() {
    let limits = Limits::default();
    let mut tall_png = png();
    tall_png[16..24].copy_from_slice(&[30_000_u32.to_be_bytes(), 30_000_u32.to_be_bytes()].concat());
    let mut tall_jpeg = jpeg(false);
    let frame = tall_jpeg.windows(2).position(|window| window == [0xff, 0xc0]).unwrap();
    tall_jpeg[frame + 5..frame + 9].fill(0xff);
    let mut fields = tiff_page(4, 0, &[1]);
    (fields[0].2, fields[1].2) = (vec![30_000], vec![30_000]);
    let tall_tiff = tiff(&[(fields, vec![0; 10])]);
    let (_, mut tall_bmp) = samples().into_iter().find(|(name, _)| *name == "bmp").unwrap();
    tall_bmp[18..26].copy_from_slice(&[30_000_u32.to_le_bytes(), 30_000_u32.to_le_bytes()].concat());
    for (name, bytes) in [("png", tall_png), ("jpeg", tall_jpeg), ("tiff", tall_tiff), ("bmp", tall_bmp)] {
        assert!(matches!(probe(&bytes, &limits), Err(DecodeError::TooLarge { .. })), "{name}");
        assert!(matches!(decode(&bytes, 0, &limits), Err(DecodeError::TooLarge { .. })), "{name}");
    }
}

#[test]
fn specks_are_too_small() {
    let dot = |side| {
        let pixels = vec![0; (side * side * 3) as usize];
        let kind = image::ExtendedColorType::Rgb8;
        encoded(|out| image::codecs::png::PngEncoder::new(out).write_image(&pixels, side, side, kind))
    };
    for side in [1, MIN_SIDE - 1] {
        assert_eq!(probe(&dot(side), &LIMITS).unwrap_err(), DecodeError::TooSmall { width: side, height: side });
    }
    assert!(probe(&dot(MIN_SIDE), &LIMITS).is_ok());
}

#[test]
fn large_files_are_refused_before_they_are_read() {
    let limits = Limits { max_bytes: 100, ..LIMITS };
    assert!(matches!(probe(&png(), &limits), Err(DecodeError::TooManyBytes { limit: 100, .. })));
}

#[test]
fn strangers_are_refused_by_name() {
    assert_eq!(probe(b"", &LIMITS).unwrap_err(), DecodeError::Empty);
    let video = probe(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", &LIMITS);
    assert_eq!(video.unwrap_err(), DecodeError::NotAPicture(Seen::Video));
    assert_eq!(probe(b"%PDF-1.4", &LIMITS).unwrap_err(), DecodeError::NotAPicture(Seen::Pdf));
}

#[test]
fn transparency_is_laid_on_white_paper() {
    let pixels: Vec<u8> = (0..40 * 24).flat_map(|index| [0, 0, 0, if index % 2 == 0 { 0 } else { 255 }]).collect();
    let kind = image::ExtendedColorType::Rgba8;
    let bytes = encoded(|out| image::codecs::png::PngEncoder::new(out).write_image(&pixels, 40, 24, kind));
    let decoded = decoded(&bytes);
    assert_eq!([decoded.image.get_pixel(0, 0).0, decoded.image.get_pixel(1, 0).0], [[255; 3], [0; 3]]);
    assert!(decoded.bilevel);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_never_panic(
        start in prop::sample::select(vec![
            b"".as_slice(), b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08",
            b"RIFF\x40\0\0\0WEBPVP8X", b"BM\x40\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", b"\0\0\0\x10ftypheic\0\0\0\0",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, &rest].concat();
        std::hint::black_box(seen(&bytes));
        probe(&bytes, &LIMITS).ok();
        decode(&bytes, 0, &LIMITS).ok();
        std::hint::black_box(untouched_jpeg(&bytes, true));
    }

    #[test]
    fn damaged_files_never_panic(
        sample in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let samples = samples();
        let (_, mut bytes) = samples[sample.index(samples.len())].clone();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let probed = probe(&bytes, &LIMITS);
        let decoded = decode(&bytes, 0, &LIMITS);
        if let (Ok((_, frames)), Ok(decoded)) = (probed, decoded) {
            prop_assert_eq!((frames[0].width, frames[0].height), decoded.image.dimensions());
        }
    }
}
