//! Reading pixels between pixels.

use image::GrayImage;

use crate::model::Point;

/// The bilinear value at a position, clamped to the picture's edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture first")]
pub(super) fn bilinear(gray: &GrayImage, at: Point) -> f32 {
    let (width, height) = gray.dimensions();
    let x = at.x.clamp(0.0, f64::from(width - 1));
    let y = at.y.clamp(0.0, f64::from(height - 1));
    let (left, top) = (x as u32, y as u32);
    let (fx, fy) = ((x - f64::from(left)) as f32, (y - f64::from(top)) as f32);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let value = |x: u32, y: u32| f32::from(gray.get_pixel(x, y)[0]);
    let above = value(left, top) * (1.0 - fx) + value(right, top) * fx;
    let below = value(left, bottom) * (1.0 - fx) + value(right, bottom) * fx;
    above * (1.0 - fy) + below * fy
}
