//! Symbols to be printed: QR as dark and light modules, without its quiet zone.

use rxing::common::BitMatrix;
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, EncodeHints, Writer};

/// Light modules that must stay free around a QR symbol (ISO/IEC 18004, 6.3.8).
pub const QR_QUIET_MODULES: u32 = 4;

/// The rows of a QR symbol from top to bottom, true for dark modules. Level Q: a quarter of the symbol may be spoilt.
/// `None` when the text does not fit into a symbol.
pub fn qr(text: &str) -> Option<Vec<Vec<bool>>> {
    let hints = EncodeHints {
        ErrorCorrection: Some("Q".to_owned()),
        // Anything but ASCII is said to be UTF-8; without that readers guess.
        CharacterSet: (!text.is_ascii()).then(|| "UTF-8".to_owned()),
        Margin: Some("0".to_owned()),
        ..EncodeHints::default()
    };
    // The least size asked for gives one pixel a module.
    let matrix: BitMatrix = QRCodeWriter.encode_with_hints(text, &BarcodeFormat::QR_CODE, 1, 1, &hints).ok()?;
    let row = |y: u32| (0..matrix.width()).map(|x| matrix.get(x, y)).collect();
    Some((0..matrix.height()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;
    use crate::codes::{Symbology, read};

    /// Modules printed on white paper, `scale` pixels each.
    fn printed(rows: &[Vec<bool>], scale: u32) -> GrayImage {
        let side = |modules: usize| (u32::try_from(modules).unwrap() + 20) * scale;
        GrayImage::from_fn(side(rows[0].len()), side(rows.len()), |x, y| {
            let at = |value: u32| usize::try_from((value / scale).wrapping_sub(10)).unwrap();
            let dark = rows.get(at(y)).and_then(|row| row.get(at(x))).copied().unwrap_or(false);
            Luma([if dark { 30 } else { 240 }])
        })
    }

    #[test]
    fn a_symbol_is_read_as_what_was_written() {
        for text in ["SOHOA:1:S::0D3C1C57", "Giấy xác nhận tình trạng hôn nhân", "H21.15.25-250701-0012"] {
            let codes = read(&printed(&qr(text).unwrap(), 4));
            assert_eq!(codes.len(), 1, "{text}");
            assert_eq!((codes[0].symbology, codes[0].payload.as_str()), (Symbology::Qr, text));
        }
    }

    #[test]
    fn a_dossiers_payload_fits_a_small_symbol() {
        let rows = qr("SOHOA:1:D:H21.15.25-250701-0012:00C0FFEE").unwrap();
        assert_eq!(rows.len(), 29, "version 3");
    }

    #[test]
    fn what_a_symbol_cannot_hold_is_none() {
        assert_eq!(qr(&"a".repeat(4000)), None);
    }
}
