//! The few EXIF fields that matter for papers: orientation, resolution, focal length, and whether a
//! camera took the picture.
//!
//! EXIF 2.32 (CIPA DC-008) tags, read from the TIFF structure that JPEG, PNG, WebP and HEIC files embed; TIFF files
//! carry the same tags in their own directories.

use super::ifd::{Directory, Tagged};
use super::{Turn, square_dpi};

const MAKE: u16 = 0x010f;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const X_RESOLUTION: u16 = 0x011a;
const Y_RESOLUTION: u16 = 0x011b;
const RESOLUTION_UNIT: u16 = 0x0128;
const EXPOSURE_TIME: u16 = 0x829a;
const F_NUMBER: u16 = 0x829d;
const EXIF_DIRECTORY: u16 = 0x8769;
const ISO_SPEED: u16 = 0x8827;
const FOCAL_LENGTH: u16 = 0x920a;
const PIXEL_WIDTH: u16 = 0xa002;
const PIXEL_HEIGHT: u16 = 0xa003;
const FILE_SOURCE: u16 = 0xa300;
const FOCAL_LENGTH_IN_35_MM_FILM: u16 = 0xa405;

/// `FileSource` of a digital still camera; 1 and 2 are film and flatbed scanners.
const FILE_SOURCE_CAMERA: u32 = 3;

/// Cameras store 72, some 96, whatever they took; scanners a real resolution, 100 and more.
const CAMERA_DPI: f64 = 99.0;

/// Diagonal of the 36 × 24 mm frame of 35 mm film. CIPA DCG-001 defines equivalent focal lengths by the angle of view over
/// the diagonal, not over the width.
const FILM_DIAGONAL_MM: f64 = 43.27;
/// Longer over shorter side of frames whose focal length is believed: 4:3 and 3:2 as sensors have them, and 16:9. Squares
/// are cut out by cameras that may keep the sensor's focal length (18 % off), and panoramas have none.
const FRAMES: std::ops::RangeInclusive<f64> = 1.3..=1.8;
/// Aspects that differ by no more than this are those of one picture in two sizes, rounded to pixels.
const SAME_ASPECT: f64 = 0.01;

/// What one directory tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exif {
    /// As stored; 1 when absent.
    pub(super) orientation: u16,
    /// Dots per inch, when the axes agree.
    pub(super) dpi: Option<f64>,
    /// `Make` or `Model` is present.
    named_device: bool,
    /// Exposure data is present.
    exposure: bool,
    /// `FileSource` names a scanner.
    scanner: bool,
    /// Equivalent focal length, millimetres, digital zoom included; `None` when absent or 0 (unknown).
    focal_in_35_mm: Option<u32>,
    /// Width and height of the picture as the camera wrote it.
    taken: Option<(u32, u32)>,
}

impl Default for Exif {
    fn default() -> Self {
        Self {
            orientation: 1,
            dpi: None,
            named_device: false,
            exposure: false,
            scanner: false,
            focal_in_35_mm: None,
            taken: None,
        }
    }
}

impl Exif {
    /// Reads an EXIF block: a TIFF structure, with or without the `Exif\0\0` that JPEG puts before it. Damaged blocks
    /// tell nothing.
    pub(super) fn parse(block: &[u8]) -> Self {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        let directory = Tagged::open(block).and_then(|(data, first)| Some((data, data.directory(first)?.0)));
        directory.map_or_else(Self::default, |(data, directory)| Self::from_directory(&data, &directory))
    }

    /// Reads the fields of a TIFF directory.
    pub(super) fn from_directory(data: &Tagged, directory: &Directory) -> Self {
        let unit = match data.find_uint(directory, RESOLUTION_UNIT) {
            Some(1) => None,
            Some(3) => Some(2.54),
            _ => Some(1.0),
        };
        let resolution = |tag| Some(data.find_number(directory, tag)? * unit?);
        let camera_fields = data
            .find_uint(directory, EXIF_DIRECTORY)
            .and_then(|at| data.directory(at as usize))
            .map_or_else(Directory::default, |(fields, _)| fields);
        let exposure_tags = [EXPOSURE_TIME, F_NUMBER, ISO_SPEED, FOCAL_LENGTH];
        let orientation = data.find_uint(directory, ORIENTATION).unwrap_or(1);
        let camera_uint = |tag| data.find_uint(&camera_fields, tag).filter(|&value| value > 0);
        Self {
            orientation: u16::try_from(orientation).unwrap_or(0),
            dpi: square_dpi(resolution(X_RESOLUTION), resolution(Y_RESOLUTION)),
            named_device: [MAKE, MODEL].iter().any(|&tag| directory.find(tag).is_some()),
            exposure: exposure_tags.iter().any(|&tag| camera_fields.find(tag).is_some()),
            scanner: data.find_uint(&camera_fields, FILE_SOURCE).is_some_and(|source| source < FILE_SOURCE_CAMERA),
            focal_in_35_mm: camera_uint(FOCAL_LENGTH_IN_35_MM_FILM),
            taken: camera_uint(PIXEL_WIDTH).zip(camera_uint(PIXEL_HEIGHT)),
        }
    }

    /// How the picture is turned.
    pub(super) fn turn(&self) -> Turn {
        Turn::from_tag(self.orientation)
    }

    /// Focal length as a share of the longer side of a picture of this size, turned or not, by `FocalLengthIn35mmFilm`.
    /// `None` when that is absent, when the picture has another aspect than the camera wrote (then it was cropped since;
    /// a smaller one of the same aspect was only reduced), and for frames of unusual aspect.
    pub(super) fn focal(&self, width: u32, height: u32) -> Option<f64> {
        let aspect = |width: u32, height: u32| f64::from(width.max(height)) / f64::from(width.min(height));
        let now = aspect(width, height);
        let cropped = self.taken.is_some_and(|(width, height)| (now / aspect(width, height)).ln().abs() > SAME_ASPECT);
        let equivalent = self.focal_in_35_mm.filter(|_| !cropped && FRAMES.contains(&now))?;
        let diagonal = f64::from(width).hypot(f64::from(height)) / f64::from(width.max(height));
        Some(f64::from(equivalent) / FILM_DIAGONAL_MM * diagonal)
    }

    /// Whether a camera took it, given the resolution that the file claims. Scanners name their make too, and give
    /// themselves away by a real resolution.
    pub(super) fn camera(&self, dpi: Option<f64>) -> bool {
        !self.scanner && (self.exposure || (self.named_device && dpi.is_none_or(|dpi| dpi < CAMERA_DPI)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A little-endian EXIF block with whole-number fields `(tag, type, value)`, type 3 or 4.
    pub(in super::super) fn block(fields: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0".to_vec();
        bytes.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
        for (tag, kind, value) in fields {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn orientation_is_kept_as_stored_even_when_invalid() {
        assert_eq!(Exif::parse(&block(&[(ORIENTATION, 3, 6)])).orientation, 6);
        let invalid = Exif::parse(&block(&[(ORIENTATION, 3, 2049)]));
        assert_eq!(invalid.orientation, 2049);
        assert!(invalid.turn().is_none());
    }

    #[test]
    fn a_scanner_with_a_make_is_no_camera() {
        let scanner = Exif::parse(&block(&[(MAKE, 4, 0), (X_RESOLUTION, 4, 300)]));
        assert!(!scanner.camera(scanner.dpi));
        let phone = Exif::parse(&block(&[(MAKE, 4, 0), (X_RESOLUTION, 4, 72)]));
        assert!(phone.camera(phone.dpi));
    }

    #[test]
    fn focal_length_is_told_by_the_diagonal_of_an_uncropped_frame() {
        // The camera's directory is the one that leads there itself.
        let told = |fields: &[(u16, u16, u32)]| {
            let itself = [(EXIF_DIRECTORY, 4, 8), (FOCAL_LENGTH_IN_35_MM_FILM, 3, 26)];
            Exif::parse(&block(&[&itself, fields].concat()))
        };
        let taken = [(PIXEL_WIDTH, 4, 4032), (PIXEL_HEIGHT, 4, 3024)];
        let share = 26.0 / 43.27 * 1.25;
        for (width, height) in [(4032, 3024), (3024, 4032), (1600, 1200), (960, 1280)] {
            let focal = told(&taken).focal(width, height).unwrap();
            assert!((focal - share).abs() < 1e-9, "{focal} in {width} × {height}");
        }
        assert_eq!(told(&taken).focal(3024, 2016), None, "cropped");
        assert!(told(&[]).focal(3024, 2016).is_some(), "not known to be cropped");
        assert_eq!(told(&[]).focal(3024, 3024), None, "a square");
        let unknown = [(EXIF_DIRECTORY, 4, 8), (FOCAL_LENGTH_IN_35_MM_FILM, 3, 0)];
        assert_eq!(Exif::parse(&block(&unknown)).focal(4032, 3024), None);
        assert_eq!(Exif::default().focal(4032, 3024), None);
    }

    #[test]
    fn centimetres_are_converted() {
        let exif = Exif::parse(&block(&[(X_RESOLUTION, 4, 100), (RESOLUTION_UNIT, 3, 3)]));
        assert_eq!(exif.dpi, Some(254.0));
        assert_eq!(Exif::parse(&block(&[(X_RESOLUTION, 4, 100), (RESOLUTION_UNIT, 3, 1)])).dpi, None);
    }

    #[test]
    fn damaged_blocks_tell_nothing() {
        let whole = block(&[(ORIENTATION, 3, 6), (EXIF_DIRECTORY, 4, 8), (MAKE, 2, 0xffff_ffff)]);
        for length in 0..whole.len() - 4 {
            assert_eq!(Exif::parse(&whole[..length]), Exif::default(), "{length} bytes");
        }
    }
}
