//! A capture's pixels from the page, what it lies on, the light and the sensor.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places clamped to the picture and values clamped to a byte"
)]

use image::RgbImage;
use sohoa::model::Point;

use super::page::Paper;
use super::random::Random;
use super::sheet::Colour;
use super::surface::Surface;
use super::view::View;

/// Pixels between the places where the way to the page and the light are computed; between them both are interpolated,
/// which is wrong by less than 0.01 pixels for the steepest tilt.
const SPAN: u32 = 8;
/// Their values.
const SAMPLES: usize = 3 * SPAN as usize;

/// A shadow of something outside the frame: dark on one side of a wavy line.
#[derive(Clone, Copy, Debug)]
struct Shade {
    normal: (f64, f64),
    offset: f64,
    waves: (f64, f64),
    softness: f64,
    strength: f64,
}

/// Light and lens; places are shares of the frame's width and height.
#[derive(Clone, Debug)]
pub(crate) struct Light {
    gain: [f64; 3],
    slope: (f64, f64),
    falling: f64,
    shades: Vec<Shade>,
    /// How much brighter or darker a curled sheet is where it leans.
    lean: f64,
}

impl Light {
    /// A scanner's lamp: nearly even.
    pub(crate) fn lamp(random: &mut Random) -> Self {
        let level = random.within(0.92..1.02);
        let gain = [0; 3].map(|_| level * random.within(0.985..1.015));
        let slope = (random.within(-0.05..0.05), random.within(-0.05..0.05));
        Self { gain, slope, falling: 0.0, shades: Vec::new(), lean: 0.0 }
    }

    /// A room's light: from one side, with shadows of the person and the telephone.
    pub(crate) fn room(random: &mut Random) -> Self {
        let level = random.within(0.62..1.0);
        let warmth = random.within(-0.10..0.08);
        let gain = [level * (1.0 - warmth * 0.4), level, level * (1.0 + warmth)];
        let slope = (random.within(-0.35..0.35), random.within(-0.35..0.35));
        let count = random.weighted(&[(0, 0.6), (1, 0.3), (2, 0.1)]);
        let shades = (0..count).map(|_| {
            let direction = random.within(0.0..std::f64::consts::TAU);
            Shade {
                normal: (direction.cos(), direction.sin()),
                offset: random.within(-0.35..0.35),
                waves: (random.within(0.0..0.12), random.within(3.0..9.0)),
                softness: random.within(0.01..0.12),
                strength: random.within(0.15..0.5),
            }
        });
        let shades = shades.collect();
        Self { gain, slope, falling: random.within(0.0..0.25), shades, lean: random.within(0.4..1.2) }
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        let (x, y) = (x - 0.5, y - 0.5);
        let mut light = 1.0 + self.slope.0 * x + self.slope.1 * y - self.falling * (x * x + y * y);
        for shade in &self.shades {
            let along = x * shade.normal.1 - y * shade.normal.0;
            let across = x * shade.normal.0 + y * shade.normal.1 - shade.offset;
            let into = (across + shade.waves.0 * (along * shade.waves.1).sin()) / shade.softness;
            light *= 1.0 - shade.strength * (0.5 + 0.5 * (into / (1.0 + into.abs())));
        }
        light
    }
}

/// What a sensor adds.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    /// Standard deviation of the noise, 0 to 255.
    pub(crate) noise: f64,
    /// Width over which an edge passes, pixels.
    pub(crate) edge: f64,
    /// Without colour.
    pub(crate) gray: bool,
}

/// What is known where a span of pixels ends.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Millimetres from the page's top left.
    at: (f32, f32),
    light: f32,
    /// Light on the page against that on the desk.
    lean: f32,
}

/// Everything in front of the camera.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    paper: &'a Paper,
    view: &'a View,
    surface: &'a Surface,
    light: &'a Light,
    /// Cosine and sine of the turn of the print on the paper.
    print_turn: (f32, f32),
    /// Half of the paper's width and height, millimetres.
    half: (f32, f32),
}

impl<'a> Scene<'a> {
    pub(crate) fn new(paper: &'a Paper, view: &'a View, surface: &'a Surface, light: &'a Light) -> Self {
        let (sine, cosine) = paper.print_degrees.to_radians().sin_cos();
        let half = (paper.size.width as f32 / 2.0, paper.size.height as f32 / 2.0);
        Self { paper, view, surface, light, print_turn: (cosine as f32, sine as f32), half }
    }

    /// Takes the picture.
    pub(crate) fn expose(&self, width: u32, height: u32, sensor: &Sensor, random: &mut Random) -> RgbImage {
        let grain = Grain::new(sensor, random);
        let gain = self.light.gain.map(|gain| (gain * 255.0) as f32);
        let mut image = RgbImage::new(width, height);
        let rows: &mut [u8] = &mut image;
        for (y, row) in (0..height).zip(rows.chunks_exact_mut(width as usize * 3)) {
            let mut noise = grain.from(random);
            let mut start = self.node(0, y, width, height);
            for (left, pixels) in (0..width).step_by(SPAN as usize).zip(row.chunks_mut(SAMPLES)) {
                let end = self.node(left + SPAN, y, width, height);
                let span = Span::new(self, &start, &end);
                let mut light = [0.0; SAMPLES];
                for (place, pixel) in light.chunks_exact_mut(3).enumerate() {
                    let colour = self.colour(&span, place as f32, sensor.edge as f32);
                    let lit = span.start.light + span.light_step * place as f32;
                    for channel in 0..3 {
                        pixel[channel] = colour[channel] * gain[channel] * lit;
                    }
                }
                let (here, rest) = noise.split_at(SAMPLES);
                let mut bytes = [0; SAMPLES];
                for ((byte, light), noise) in bytes.iter_mut().zip(&light).zip(here) {
                    *byte = (light + noise + 0.5) as u8;
                }
                noise = if rest.len() < SAMPLES { &grain.0 } else { rest };
                if sensor.gray {
                    bytes.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = [pixel[1]; 3]);
                }
                pixels.copy_from_slice(&bytes[..pixels.len()]);
                start = end;
            }
        }
        image
    }

    fn node(&self, x: u32, y: u32, width: u32, height: u32) -> Node {
        let (x, y) = (f64::from(x), f64::from(y));
        let page = self.view.to_page(Point::new(x, y));
        let light = self.light.at(x / f64::from(width), y / f64::from(height));
        let lean = 1.0 + self.light.lean * self.view.slope(page);
        Node { at: (page.x as f32, page.y as f32), light: light as f32, lean: lean as f32 }
    }

    #[inline]
    fn colour(&self, span: &Span, place: f32, edge: f32) -> Colour {
        let page = || self.page_colour(span, place);
        let at = (span.start.at.0 + span.step.0 * place, span.start.at.1 + span.step.1 * place);
        let around = || self.surface.at(at.0, at.1, span.pixels_per_mm);
        match span.part {
            Part::Page => page(),
            Part::Around => around(),
            Part::Edge => {
                let coverage = (self.inside(at) * span.pixels_per_mm / edge + 0.5).clamp(0.0, 1.0);
                let (page, around) = (page(), around());
                let mix = |i: usize| around[i] + (page[i] - around[i]) * coverage;
                [mix(0), mix(1), mix(2)]
            }
        }
    }

    /// Distance of a place from the page's edge, positive on it.
    fn inside(&self, (x, y): (f32, f32)) -> f32 {
        let (half_width, half_height) = self.half;
        let (right, down) = (half_width - (x - half_width).abs(), half_height - (y - half_height).abs());
        let rounding = self.paper.rounding as f32;
        if right < rounding && down < rounding {
            return rounding - (rounding - right).hypot(rounding - down);
        }
        right.min(down)
    }

    /// Where a place of the paper is on the printed sheet, pixels.
    fn on_sheet(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let ((half_width, half_height), (cosine, sine)) = (self.half, self.print_turn);
        let (right, down) = (x - half_width, y - half_height);
        let scale = self.paper.sheet.pixels_per_mm as f32;
        let (x, y) = (half_width + right * cosine + down * sine, half_height + down * cosine - right * sine);
        (x * scale - 0.5, y * scale - 0.5)
    }

    /// The print between its pixels, to 1/256 of one, as the light falls on it.
    #[inline]
    fn page_colour(&self, span: &Span, place: f32) -> Colour {
        let image = &self.paper.sheet.image;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let fixed = |at: f32, side: usize| (at.clamp(0.0, (side - 2) as f32) * 256.0) as i32;
        let x = fixed(span.sheet.0 + span.sheet_step.0 * place, width);
        let y = fixed(span.sheet.1 + span.sheet_step.1 * place, height);
        let (right, down) = (x & 255, y & 255);
        let from = ((y >> 8) as usize * width + (x >> 8) as usize) * 3;
        let pixels = image.as_raw();
        let (above, below) = (&pixels[from..from + 6], &pixels[from + width * 3..from + width * 3 + 6]);
        // Written out: `map` over an array is not inlined here, which doubles the time.
        let mix = |i: usize| {
            let above = i32::from(above[i]) * (256 - right) + i32::from(above[i + 3]) * right;
            let below = i32::from(below[i]) * (256 - right) + i32::from(below[i + 3]) * right;
            (above * (256 - down) + below * down) as f32 * (span.start.lean / (255.0 * 65_536.0))
        };
        [mix(0), mix(1), mix(2)]
    }
}

/// What the pixels of a span show.
#[derive(Clone, Copy, Debug)]
enum Part {
    Page,
    Around,
    /// Some of both.
    Edge,
}

/// A row's pixels between two nodes: values at its start and their change from pixel to pixel.
struct Span {
    start: Node,
    step: (f32, f32),
    sheet: (f32, f32),
    sheet_step: (f32, f32),
    light_step: f32,
    pixels_per_mm: f32,
    part: Part,
}

impl Span {
    fn new(scene: &Scene, start: &Node, end: &Node) -> Self {
        let step = |from: (f32, f32), to: (f32, f32)| ((to.0 - from.0) / SPAN as f32, (to.1 - from.1) / SPAN as f32);
        let (sheet, sheet_end) = (scene.on_sheet(start.at), scene.on_sheet(end.at));
        let along = step(start.at, end.at);
        let mm_per_pixel = along.0.hypot(along.1).max(1e-6);
        // Both ends so far away that no pixel between them touches the page's edge.
        let clear = SPAN as f32 * 2.0 * mm_per_pixel;
        let part = match (scene.inside(start.at), scene.inside(end.at)) {
            (a, b) if a > clear && b > clear => Part::Page,
            (a, b) if a < -clear && b < -clear => Part::Around,
            _ => Part::Edge,
        };
        Self {
            start: *start,
            step: along,
            sheet,
            sheet_step: step(sheet, sheet_end),
            light_step: (end.light - start.light) / SPAN as f32,
            pixels_per_mm: 1.0 / mm_per_pixel,
            part,
        }
    }
}

/// Noise that is drawn once and read from random places on: red, green and blue in turn, half of it common to them.
struct Grain(Vec<f32>);

impl Grain {
    const PIXELS: usize = 1 << 14;

    fn new(sensor: &Sensor, random: &mut Random) -> Self {
        let own = if sensor.gray { 0.0 } else { 0.5 };
        let pixels = (0..Self::PIXELS).map(|_| {
            let mut draw = || random.normal() * sensor.noise;
            let common = draw();
            [common + own * draw(), common, common + own * draw()].map(|value| value as f32)
        });
        Self(pixels.collect::<Vec<_>>().into_flattened())
    }

    /// At least one span of it.
    fn from(&self, random: &mut Random) -> &[f32] {
        &self.0[3 * random.below(Self::PIXELS - SPAN as usize)..]
    }
}
