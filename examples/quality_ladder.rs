//! Spoils pages step by step and says what the quality check measures and how many of the words are still read: the
//! ladder by which the thresholds of `imaging::quality` were set.
//!
//! `quality_ladder MODELS CAPTURE...`, where `MODELS` holds `vie.traineddata` (`models`) and the captures are good ones
//! (`samples`). For each page a line gives the kind and amount of damage, the share of its words that are lost, and the
//! measures.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "brightnesses and places in pictures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use image::{GrayImage, Rgb, RgbImage};
use sohoa::imaging::gray::luma;
use sohoa::imaging::{decode, illumination, quality};
use sohoa::input;
use sohoa::model::Edit;
use sohoa::ocr::lstm::Lstm;
use sohoa::page::{self, Settings};

/// What is done to a page.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// Standard deviation, millimetres.
    Defocus(f64),
    /// The right part of the page out of focus: standard deviation, millimetres, and share of the width.
    PartlyDefocused(f64, f64),
    /// Length, millimetres, and direction, degrees.
    Motion(f64, f64),
    /// Times as much light as whitens the paper, a twelfth of it strayed within 0.8 mm.
    Bright(f64),
    /// Part of the light that whitens the paper.
    Dark(f64),
    /// Diameter of a lamp's reflection, millimetres.
    Glare(f64),
}

const LADDER: [Damage; 35] = {
    use Damage::{Bright, Dark, Defocus, Glare, Motion, PartlyDefocused};
    [
        Damage::None,
        Defocus(0.1),
        Defocus(0.13),
        Defocus(0.16),
        Defocus(0.2),
        Defocus(0.23),
        Defocus(0.26),
        Defocus(0.3),
        PartlyDefocused(0.25, 0.25),
        PartlyDefocused(0.25, 0.5),
        Motion(0.6, 0.0),
        Motion(0.8, 0.0),
        Motion(1.0, 0.0),
        Motion(1.3, 0.0),
        Motion(0.6, 45.0),
        Motion(0.8, 45.0),
        Motion(1.0, 45.0),
        Motion(1.3, 45.0),
        Motion(0.8, 90.0),
        Motion(1.0, 90.0),
        Bright(2.0),
        Bright(3.0),
        Bright(4.0),
        Bright(6.0),
        Bright(8.0),
        Bright(11.0),
        Dark(0.1),
        Dark(0.05),
        Dark(0.03),
        Dark(0.02),
        Dark(0.01),
        Glare(20.0),
        Glare(35.0),
        Glare(50.0),
        Glare(80.0),
    ]
};

/// Linear light, 0 to 1.
struct Light {
    width: usize,
    height: usize,
    pixels: Vec<f32>,
}

/// Exponent of the response of a picture.
const GAMMA: f32 = 2.2;
/// Spread of a camera's noise, grey levels.
const NOISE: f32 = 2.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let models = arguments.next().ok_or("which models?")?;
    let model = models.join("vie.traineddata");
    let engine = Lstm::new(&std::fs::read(&model)?, &model)?;
    let settings = Settings::default();
    for path in arguments {
        let frame = input::open(std::fs::read(&path)?.into(), &settings.limits)?.remove(0);
        let page = page::process(&frame, &settings, &Edit::default(), None)?;
        let clean = luma(&decode::decode(page.image.picture.streams()[0], 0, &settings.limits)?.image);
        let dpi = page.geometry.dpi;
        let light = Light::of(&clean);
        let mut known = BTreeMap::new();
        for damage in LADDER {
            let gray = light.damaged(damage, dpi / 25.4).picture();
            let measures = quality::measure(&gray, dpi, dpi, false);
            let mut image = RgbImage::from_fn(gray.width(), gray.height(), |x, y| Rgb([gray.get_pixel(x, y)[0]; 3]));
            illumination::normalize(&mut image, illumination::Light::Scanner);
            let words = words(&sohoa::ocr::read(&image, dpi, &engine)?.text());
            if let Damage::None = damage {
                known = words.clone();
            }
            let total: usize = known.values().sum();
            let kept: usize = known.iter().map(|(word, &n)| n.min(words.get(word).copied().unwrap_or(0))).sum();
            let lost = 1.0 - kept as f64 / total.max(1) as f64;
            println!("{} {damage:?}: lost {lost:.2} {measures:?} {:?}", path.display(), quality::flags(&measures));
        }
    }
    Ok(())
}

/// How often each word occurs.
fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 1) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

impl Light {
    fn of(gray: &GrayImage) -> Self {
        let pixels = gray.as_raw().iter().map(|&value| (f32::from(value) / 255.0).powf(GAMMA)).collect();
        Self { width: gray.width() as usize, height: gray.height() as usize, pixels }
    }

    /// The picture that a camera makes of it, with noise.
    fn picture(&self) -> GrayImage {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let values = self.pixels.iter().map(|&light| {
            let noise = 2.0 * NOISE * (random() + random() + random());
            (light.powf(1.0 / GAMMA) * 255.0 + noise).round().clamp(0.0, 255.0) as u8
        });
        let values = values.collect();
        GrayImage::from_raw(self.width as u32, self.height as u32, values).expect("one value for every pixel")
    }

    fn damaged(&self, damage: Damage, mm: f64) -> Self {
        match damage {
            Damage::None => self.scaled(1.0),
            Damage::Defocus(sigma) => self.blurred(sigma * mm),
            Damage::PartlyDefocused(sigma, share) => {
                let (sharp, mut mixed) = ((self.width as f64 * (1.0 - share)) as usize, self.blurred(sigma * mm));
                for (to, from) in mixed.pixels.chunks_exact_mut(self.width).zip(self.pixels.chunks_exact(self.width)) {
                    to[..sharp].copy_from_slice(&from[..sharp]);
                }
                mixed
            }
            Damage::Motion(length, degrees) => self.smeared(length * mm, degrees),
            Damage::Bright(gain) => {
                let mut stray = self.blurred(0.8 * mm);
                for (to, from) in stray.pixels.iter_mut().zip(&self.pixels) {
                    *to = gain as f32 * (from * 11.0 + *to) / 12.0;
                }
                stray
            }
            Damage::Dark(gain) => self.scaled(gain),
            Damage::Glare(diameter) => {
                let mut lit = self.scaled(0.6);
                let (x0, y0) = (self.width as f64 / 2.0, self.height as f64 / 3.0);
                for (at, light) in lit.pixels.iter_mut().enumerate() {
                    let (x, y) = ((at % self.width) as f64 - x0, (at / self.width) as f64 - y0);
                    *light += 3.0 * (-(x.hypot(y) / (diameter / 2.0 * mm)).powi(4)).exp() as f32;
                }
                lit
            }
        }
    }

    fn scaled(&self, gain: f64) -> Self {
        Self { pixels: self.pixels.iter().map(|light| light * gain as f32).collect(), ..*self }
    }

    /// A lens out of focus, by a Gaussian.
    fn blurred(&self, sigma: f64) -> Self {
        let reach = (3.0 * sigma).ceil() as i32;
        let weights: Vec<f64> = (-reach..=reach).map(|i| (-0.5 * (f64::from(i) / sigma).powi(2)).exp()).collect();
        let total: f64 = weights.iter().sum();
        let taps = |level: bool| {
            let place = move |i: i32| if level { (f64::from(i), 0.0) } else { (0.0, f64::from(i)) };
            (-reach..=reach).zip(&weights).map(move |(i, weight)| (place(i), (weight / total) as f32))
        };
        self.gathered(taps(true)).gathered(taps(false))
    }

    /// A camera that moves evenly.
    fn smeared(&self, length: f64, degrees: f64) -> Self {
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let count = 2 * length.ceil() as i32 + 1;
        let tap = |i: i32| {
            let along = (f64::from(i) / f64::from(count - 1) - 0.5) * length;
            ((along * cosine, along * sine), 1.0 / count as f32)
        };
        self.gathered((0..count).map(tap))
    }

    /// Weighted sum of the picture moved by each of the taps.
    fn gathered(&self, taps: impl Iterator<Item = ((f64, f64), f32)>) -> Self {
        let mut pixels = vec![0f32; self.pixels.len()];
        for ((dx, dy), weight) in taps {
            let (fx, fy) = (dx.rem_euclid(1.0) as f32, dy.rem_euclid(1.0) as f32);
            let inside =
                |at: usize, by: f64, size: usize| (at as i64 + by.floor() as i64).clamp(0, size as i64 - 2) as usize;
            for (y, row) in pixels.chunks_exact_mut(self.width).enumerate() {
                let above = &self.pixels[inside(y, dy, self.height) * self.width..][..2 * self.width];
                for (x, sum) in row.iter_mut().enumerate() {
                    let at = inside(x, dx, self.width);
                    let mix = |at: usize| above[at] * (1.0 - fx) + above[at + 1] * fx;
                    *sum += weight * (mix(at) * (1.0 - fy) + mix(at + self.width) * fy);
                }
            }
        }
        Self { pixels, ..*self }
    }
}
