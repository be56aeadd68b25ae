//! Reading pixels between pixels.

use image::GrayImage;

use crate::model::Point;

/// The bilinear value at a position, clamped to the picture's edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the picture first")]
fn bilinear(gray: &GrayImage, at: Point) -> f32 {
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

/// Adds the bilinear values at `from`, `from + step`, … to `sums`, in 1/256 grey levels; clamped to the picture's edge.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions inside the picture")]
pub(super) fn add_line(gray: &GrayImage, from: Point, step: Point, sums: &mut [u32]) {
    /// Bits behind the point of a position.
    const BITS: u32 = 32;
    let (width, height) = (f64::from(gray.width()), f64::from(gray.height()));
    let last = sums.len().saturating_sub(1) as f64;
    let inside = |p: Point| p.x >= 1.0 && p.y >= 1.0 && p.x < width - 2.0 && p.y < height - 2.0;
    if !inside(from) || !inside(Point::new(from.x + last * step.x, from.y + last * step.y)) {
        for (i, sum) in sums.iter_mut().enumerate() {
            let at = Point::new(from.x + i as f64 * step.x, from.y + i as f64 * step.y);
            *sum += (bilinear(gray, at) * 256.0) as u32;
        }
        return;
    }
    let fixed = |value: f64| (value * (1u64 << BITS) as f64) as i64;
    let (mut x, mut y, x_step, y_step) = (fixed(from.x), fixed(from.y), fixed(step.x), fixed(step.y));
    let (pixels, stride) = (gray.as_raw(), gray.width() as usize);
    for sum in sums {
        let at = (y >> BITS) as usize * stride + (x >> BITS) as usize;
        let (fx, fy) = ((x >> (BITS - 8)) as u32 & 255, (y >> (BITS - 8)) as u32 & 255);
        let mix = |pair: &[u8]| u32::from(pair[0]) * (256 - fx) + u32::from(pair[1]) * fx;
        *sum += (mix(&pixels[at..at + 2]) * (256 - fy) + mix(&pixels[at + stride..at + stride + 2]) * fy) >> 8;
        (x, y) = (x + x_step, y + y_step);
    }
}
