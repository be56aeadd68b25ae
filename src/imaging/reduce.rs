//! Reduces pictures by any factor: each pixel is the mean of the area it stands for, so thin strokes pale but never vanish.
//!
//! Pixels may be hidden, as those are that another layer shows. What stands for hidden ones only takes the colour that is
//! around it, found on ever smaller pictures, so that nothing of it is left for an encoder to spend bytes on.

use image::{GrayImage, RgbImage};

/// Shares of a pixel are counted in this many parts.
const PARTS: u64 = 64;

/// The picture with so many pixels, no more than it has.
pub fn area(image: &RgbImage, width: u32, height: u32) -> RgbImage {
    means(image, None, width, height).0
}

/// [`area`] of the pixels that are not hidden, where `hidden` is 0; white where there are none at all.
pub fn area_without(image: &RgbImage, hidden: &GrayImage, width: u32, height: u32) -> RgbImage {
    let (mut small, known) = means(image, Some(hidden), width, height);
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

/// Means of what is not hidden, and which output pixels have any of it.
#[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is a byte")]
fn means(image: &RgbImage, hidden: Option<&GrayImage>, width: u32, height: u32) -> (RgbImage, Vec<bool>) {
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
            let hidden = hidden.map(|hidden| &hidden.as_raw()[part.source * source_width..][..source_width]);
            add_row(&mut sums, pixels, hidden, part.weight);
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

fn add_row(sums: &mut [[u32; 4]], pixels: &[[u8; 3]], hidden: Option<&[u8]>, weight: u32) {
    let add = |sum: &mut [u32; 4], &[red, green, blue]: &[u8; 3], weight: u32| {
        let values = [u32::from(red), u32::from(green), u32::from(blue), 1];
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * weight);
    };
    match hidden {
        None => sums.iter_mut().zip(pixels).for_each(|(sum, pixel)| add(sum, pixel, weight)),
        Some(hidden) => {
            for ((sum, pixel), &hidden) in sums.iter_mut().zip(pixels).zip(hidden) {
                add(sum, pixel, if hidden == 0 { weight } else { 0 });
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
    fn nothing_is_left_of_what_is_hidden() {
        let stroke = |x: u32| (20..30).contains(&x);
        let image = RgbImage::from_fn(90, 60, |x, y| {
            Rgb(if stroke(x) { [0; 3] } else { [200, 150, u8::try_from(y).unwrap()] })
        });
        let hidden = GrayImage::from_fn(90, 60, |x, _| Luma([if stroke(x) { 255 } else { 0 }]));
        let small = area_without(&image, &hidden, 60, 40);
        assert!(small.pixels().all(|pixel| pixel[0] == 200 && pixel[1] == 150));
        let nothing = area_without(&image, &GrayImage::from_pixel(90, 60, Luma([1])), 6, 4);
        assert!(nothing.pixels().all(|pixel| pixel.0 == [255; 3]));
    }
}
