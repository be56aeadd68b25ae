//! Reduces pictures by any factor: each pixel is the mean of the area it stands for, so thin strokes pale but never vanish.
//!
//! Pixels may have weights, 0 for those that another layer shows. What stands for such only takes the colour that is around
//! it, found on ever smaller pictures, so that nothing of them is left for an encoder to spend bytes on.

use image::{GrayImage, RgbImage};

/// Shares of a pixel are counted in this many parts.
const PARTS: u64 = 16;
/// Largest weight of a pixel. Sums stay in 32 bits up to a factor of 64 a side.
pub const MOST_WEIGHT: u8 = 16;

/// The picture with so many pixels, no more than it has.
pub fn area(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    means(image, None, width, height).0
}

/// [`area`] by the weights of the pixels, up to [`MOST_WEIGHT`]; white where all are 0.
pub fn area_of(image: &RgbImage, weights: &GrayImage, width: u32, height: u32) -> RgbImage {
    let (mut small, known) = means(image, Some(weights), width, height);
    fill(small.as_mut(), &known, width as usize, height as usize);
    small
}

/// The share of a source pixel in an output pixel.
#[derive(Clone, Copy)]
struct Part {
    source: usize,
    weight: u32,
}

/// The source pixels that each of `count` output pixels stands for, along one side.
fn parts(length: u32, count: u32) -> Vec<Vec<Part>> {
    let (length, count) = (u64::from(length), u64::from(count.max(1)));
    let edge = |index: u64| index * length * PARTS / count;
    let of = |index: u64| {
        let (start, end) = (edge(index), edge(index + 1).max(edge(index) + 1));
        let sources = start / PARTS..end.div_ceil(PARTS);
        let part = |source: u64| {
            let weight = end.min((source + 1) * PARTS) - start.max(source * PARTS);
            Part {
                source: usize::try_from(source).expect("a pixel of a picture in memory"),
                weight: u32::try_from(weight).expect("at most a whole pixel"),
            }
        };
        sources.map(part).collect()
    };
    (0..count).map(of).collect()
}

/// Weighted means, and which output pixels have any of it.
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
fn means(image: &RgbImage, weights: Option<&GrayImage>, width: u32, height: u32) -> (RgbImage, Vec<bool>) {
    let source_width = image.width() as usize;
    let (columns, rows) = (parts(image.width(), width), parts(image.height(), height));
    let mut small = RgbImage::new(width, height);
    let mut known = Vec::with_capacity(width as usize * height as usize);
    let mut sums = vec![[0u32; 4]; source_width];
    let targets = small.as_mut().chunks_exact_mut((width as usize * 3).max(1));
    for (parts, target) in rows.iter().zip(targets) {
        sums.fill([0; 4]);
        for part in parts {
            let pixels = &image.as_raw().as_chunks::<3>().0[part.source * source_width..][..source_width];
            let weights = weights.map(|weights| &weights.as_raw()[part.source * source_width..][..source_width]);
            add_row(&mut sums, pixels, weights, part.weight);
        }
        for (parts, pixel) in columns.iter().zip(target.as_chunks_mut::<3>().0) {
            let mut sum = [0u32; 4];
            for part in parts {
                sum.iter_mut().zip(sums[part.source]).for_each(|(sum, value)| *sum += value * part.weight);
            }
            let [red, green, blue, weight] = sum;
            known.push(weight > 0);
            if weight > 0 {
                *pixel = [red, green, blue].map(|sum| ((sum + weight / 2) / weight) as u8);
            }
        }
    }
    (small, known)
}

fn add_row(sums: &mut [[u32; 4]], pixels: &[[u8; 3]], weights: Option<&[u8]>, share: u32) {
    let add = |sum: &mut [u32; 4], &[red, green, blue]: &[u8; 3], weight: u32| {
        let values = [red, green, blue, 1].map(u32::from);
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
    };
    match weights {
        None => sums.iter_mut().zip(pixels).for_each(|(sum, pixel)| add(sum, pixel, share)),
        Some(weights) => {
            for ((sum, pixel), &weight) in sums.iter_mut().zip(pixels).zip(weights) {
                add(sum, pixel, share * u32::from(weight.min(MOST_WEIGHT)));
            }
        }
    }
}

/// Gives unknown pixels the mean of the known ones around them: those of a picture of half the size, filled likewise.
fn fill(pixels: &mut [u8], known: &[bool], width: usize, height: usize) {
    if known.iter().all(|known| *known) {
        return;
    }
    if !known.iter().any(|known| *known) {
        pixels.fill(255);
        return;
    }
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let mut sums = vec![[0u32; 4]; half_width * half_height];
    for (index, pixel) in pixels.as_chunks::<3>().0.iter().enumerate().filter(|(index, _)| known[*index]) {
        let sum = &mut sums[index / width / 2 * half_width + index % width / 2];
        let values = [pixel[0], pixel[1], pixel[2], 1].map(u32::from);
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
    let mut half: Vec<u8> =
        sums.iter().flat_map(|&[r, g, b, count]| [r, g, b].map(|sum| (sum / count.max(1)) as u8)).collect();
    let half_known: Vec<bool> = sums.iter().map(|sum| sum[3] > 0).collect();
    fill(&mut half, &half_known, half_width, half_height);
    for (index, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate().filter(|(index, _)| !known[*index]) {
        *pixel = half.as_chunks::<3>().0[index / width / 2 * half_width + index % width / 2];
    }
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn every_pixel_is_the_mean_of_its_area() {
        let image = RgbImage::from_fn(3, 3, |x, _| Rgb([[0, 90, 180][x as usize]; 3]));
        let row: Vec<u8> = area(&image, 2, 1).pixels().map(|pixel| pixel[0]).collect();
        assert_eq!(row, [30, 150]);
        assert_eq!(area(&image, 3, 3), image);
    }

    #[test]
    fn nothing_is_left_of_what_has_no_weight() {
        let stroke = |x: u32| (20..30).contains(&x);
        let image = RgbImage::from_fn(90, 60, |x, y| {
            Rgb(if stroke(x) { [0; 3] } else { [200, 150, u8::try_from(y).unwrap()] })
        });
        let weights = GrayImage::from_fn(90, 60, |x, _| Luma([if stroke(x) { 0 } else { 1 }]));
        let small = area_of(&image, &weights, 60, 40);
        assert!(small.pixels().all(|pixel| pixel[0] == 200 && pixel[1] == 150));
        let nothing = area_of(&image, &GrayImage::new(90, 60), 6, 4);
        assert!(nothing.pixels().all(|pixel| pixel.0 == [255; 3]));
    }
}
