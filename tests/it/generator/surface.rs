//! What lies around a page: scanner beds and desks with things on them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "texels and places on a texture that repeats"
)]

use sohoa::model::SizeMm;

use super::random::Random;
use super::sheet::Colour;

/// Side of a texture, texels; a power of two.
const SIDE: usize = 512;

/// Smooth noise of about unit strength, with features of this size in texels.
fn clouds(random: &mut Random, across: f64, down: f64) -> Vec<f32> {
    let count = |size: f64| ((SIDE as f64 / size) as usize).max(1);
    let (columns, rows) = (count(across), count(down));
    let nodes: Vec<f32> = (0..columns * rows).map(|_| random.normal() as f32).collect();
    // Place among the nodes, which repeat, and how much the next one counts.
    let place = |texel: usize, nodes: usize| {
        let at = texel as f32 * nodes as f32 / SIDE as f32;
        let share = at.fract();
        (at as usize % nodes, (at as usize + 1) % nodes, share * share * (3.0 - 2.0 * share))
    };
    let horizontal: Vec<(usize, usize, f32)> = (0..SIDE).map(|x| place(x, columns)).collect();
    let mut values = Vec::with_capacity(SIDE * SIDE);
    for y in 0..SIDE {
        let (above, below, down) = place(y, rows);
        let line: Vec<f32> = (0..columns)
            .map(|x| nodes[above * columns + x] * (1.0 - down) + nodes[below * columns + x] * down)
            .collect();
        values.extend(horizontal.iter().map(|&(left, right, share)| line[left] * (1.0 - share) + line[right] * share));
    }
    values
}

/// A material that repeats.
#[derive(Clone, Debug)]
struct Texture {
    texels: Vec<Colour>,
    texels_per_mm: f32,
    turn: (f32, f32),
}

impl Texture {
    fn new(random: &mut Random, texels_per_mm: f64, colour: impl Fn(usize, usize, usize) -> Colour) -> Self {
        let texels = (0..SIDE * SIDE).map(|i| colour(i % SIDE, i / SIDE, i)).collect();
        let angle = random.within(0.0..std::f64::consts::TAU) as f32;
        Self { texels, texels_per_mm: texels_per_mm as f32, turn: (angle.cos(), angle.sin()) }
    }

    #[inline]
    fn at(&self, x: f32, y: f32) -> Colour {
        let u = (x * self.turn.0 - y * self.turn.1) * self.texels_per_mm + 8_192.0;
        let v = (x * self.turn.1 + y * self.turn.0) * self.texels_per_mm + 8_192.0;
        let (column, row) = (u as i32, v as i32);
        let (right, down) = (u - column as f32, v - row as f32);
        let (column, row) = (column as usize, row as usize);
        let texel = |column: usize, row: usize| self.texels[(row % SIDE) * SIDE + column % SIDE];
        let (a, b) = (texel(column, row), texel(column + 1, row));
        let (c, d) = (texel(column, row + 1), texel(column + 1, row + 1));
        let mix = |i: usize| {
            let above = a[i] + (b[i] - a[i]) * right;
            above + (c[i] + (d[i] - c[i]) * right - above) * down
        };
        [mix(0), mix(1), mix(2)]
    }
}

/// A thing on the desk, with round corners.
#[derive(Clone, Debug)]
struct Thing {
    middle: (f32, f32),
    turn: (f32, f32),
    half: (f32, f32),
    round: f32,
    colour: Colour,
    /// Distance of printed lines; nothing is printed on most.
    lines: Option<f32>,
}

/// What a page lies on.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    texture: Texture,
    things: Vec<Thing>,
    page: (f32, f32),
    /// How far the page's shadow is moved and how far it reaches, millimetres, and how dark it is.
    shadow: (f32, f32, f32, f32),
}

impl Surface {
    /// A scanner's bed or lid: even, with a thin shadow along the page's edges.
    pub(crate) fn bed(random: &mut Random, page: SizeMm) -> (Self, &'static str) {
        let (name, low, high) = random.weighted(&[
            (("black", 0.02, 0.12), 0.25),
            (("grey", 0.3, 0.7), 0.25),
            (("off-white", 0.82, 0.9), 0.2),
            (("white", 0.93, 0.99), 0.3),
        ]);
        let grey = random.within(low..high) as f32;
        let warm = if name == "off-white" { random.within(0.0..0.04) as f32 } else { 0.0 };
        let mottling = clouds(random, 170.0, 170.0);
        let texture = Texture::new(random, 1.0, |_, _, i| {
            [grey, grey - warm * 0.3, grey - warm].map(|value| value * (1.0 + 0.006 * mottling[i]))
        });
        let dark = if grey > 0.75 { random.within(0.10..0.35) } else { random.within(0.1..0.5) };
        let mut aside = || random.within(-0.4..0.4) as f32;
        let shadow = (aside(), aside(), random.within(0.3..1.2) as f32, dark as f32);
        (Self { texture, things: Vec::new(), page: extent(page), shadow }, name)
    }

    /// A desk, perhaps with other papers, pens and cups.
    pub(crate) fn desk(random: &mut Random, page: SizeMm) -> (Self, &'static str) {
        let name = random.weighted(&[("wood", 0.4), ("cloth", 0.2), ("plain", 0.25), ("stone", 0.15)]);
        let texture = match name {
            "wood" => wood(random),
            "cloth" => cloth(random),
            "stone" => stone(random),
            _ => plain(random),
        };
        let count = random.weighted(&[(0, 0.5), (1, 0.2), (2, 0.15), (4, 0.15)]);
        let things = (0..count).map(|_| Thing::new(random, page)).collect();
        let mut aside = || random.within(-2.5..2.5) as f32;
        let shadow = (aside(), aside(), random.within(1.0..6.0) as f32, random.within(0.1..0.5) as f32);
        (Self { texture, things, page: extent(page), shadow }, name)
    }

    /// The colour at a place given in millimetres from the page's top left, seen with so many pixels a millimetre.
    pub(crate) fn at(&self, x: f32, y: f32, pixels_per_mm: f32) -> Colour {
        let mut colour = self.texture.at(x, y);
        for thing in &self.things {
            thing.cover(&mut colour, x, y, pixels_per_mm);
        }
        let (right, down, reach, dark) = self.shadow;
        let (sx, sy) = (x - right, y - down);
        let out = (-sx).max(sx - self.page.0).max(-sy).max(sy - self.page.1).max(0.0);
        if out < 4.0 * reach {
            let light = 1.0 - dark * (-out / reach).exp();
            colour = [colour[0] * light, colour[1] * light, colour[2] * light];
        }
        colour
    }
}

fn extent(page: SizeMm) -> (f32, f32) {
    (page.width as f32, page.height as f32)
}

impl Thing {
    fn new(random: &mut Random, page: SizeMm) -> Self {
        let side = page.width.max(page.height);
        let (half, round, colour, lines) = match random.below(4) {
            // Another paper.
            0 => {
                let white = random.within(0.75..0.97) as f32;
                let half = (random.within(0.2..0.5) * side, random.within(0.3..0.7) * side);
                (half, 0.0, [white, white, white * 0.98], Some(random.within(5.0..9.0) as f32))
            }
            // A pen.
            1 => ((4.5, 70.0), 4.0, dye(random, 0.05..0.8), None),
            // A cup.
            2 => ((38.0, 38.0), 38.0, dye(random, 0.2..0.95), None),
            // A telephone, a folder.
            _ => ((random.within(30.0..90.0), random.within(60.0..140.0)), 6.0, dye(random, 0.03..0.7), None),
        };
        let angle = random.within(0.0..std::f64::consts::TAU);
        let from_middle = random.within(0.45..0.95) * side;
        let direction = random.within(0.0..std::f64::consts::TAU);
        let turn = random.within(0.0..std::f64::consts::PI);
        Self {
            middle: (
                (page.width / 2.0 + from_middle * direction.cos()) as f32,
                (page.height / 2.0 + from_middle * direction.sin()) as f32,
            ),
            turn: ((turn + angle).cos() as f32, (turn + angle).sin() as f32),
            half: (half.0 as f32, half.1 as f32),
            round: round as f32,
            colour,
            lines,
        }
    }

    fn cover(&self, under: &mut Colour, x: f32, y: f32, pixels_per_mm: f32) {
        const SHADOW_MM: f32 = 4.0;
        let (dx, dy) = (x - self.middle.0, y - self.middle.1);
        let (u, v) = (dx * self.turn.0 + dy * self.turn.1, dy * self.turn.0 - dx * self.turn.1);
        let (out_u, out_v) = (u.abs() - self.half.0 + self.round, v.abs() - self.half.1 + self.round);
        if out_u.max(out_v) > self.round + SHADOW_MM {
            return;
        }
        let away = out_u.max(0.0).hypot(out_v.max(0.0)) + out_u.max(out_v).min(0.0) - self.round;
        let coverage = (0.5 - away * pixels_per_mm * 0.6).clamp(0.0, 1.0);
        let printed = |pitch: f32| {
            let inside = self.half.0 - u.abs() > 12.0 && self.half.1 - v.abs() > 14.0;
            inside && v.rem_euclid(pitch) < 1.8 && (u * 0.7).sin() + (u * 0.23 + (v / pitch).floor() * 9.0).sin() > -0.9
        };
        let colour = if self.lines.is_some_and(printed) { self.colour.map(|value| value * 0.45) } else { self.colour };
        let light = 1.0 - 0.35 * (1.0 - away.max(0.0) / SHADOW_MM).max(0.0);
        for (under, over) in under.iter_mut().zip(colour) {
            *under = *under * light * (1.0 - coverage) + over * coverage;
        }
    }
}

fn dye(random: &mut Random, range: std::ops::Range<f64>) -> Colour {
    let grey = random.within(range);
    [0; 3].map(|_| (grey * random.within(0.75..1.25)).min(1.0) as f32)
}

fn wood(random: &mut Random) -> Texture {
    let browns = [[0.58, 0.39, 0.23], [0.33, 0.20, 0.12], [0.78, 0.63, 0.44], [0.86, 0.76, 0.62], [0.50, 0.31, 0.31]];
    let base = random.pick(&browns).map(|value| value * random.within(0.85..1.1) as f32);
    let strength = random.within(0.04..0.11) as f32;
    let (broad, fine, pores) = (clouds(random, 250.0, 12.0), clouds(random, 120.0, 3.0), clouds(random, 25.0, 1.0));
    let rings = random.within(0.05..0.2) as f32;
    Texture::new(random, 2.2, |_, y, i| {
        let ring = (y as f32 * rings + 2.5 * broad[i]).sin();
        let grain = 1.0 + strength * (0.6 * ring + 0.7 * broad[i] + 0.5 * fine[i] + 0.35 * pores[i]);
        base.map(|value| (value * grain).clamp(0.0, 1.0))
    })
}

fn cloth(random: &mut Random) -> Texture {
    let (base, other) = (dye(random, 0.1..0.85), dye(random, 0.1..0.85));
    let (folds, fuzz) = (clouds(random, 130.0, 90.0), clouds(random, 1.5, 1.5));
    let check = random.chance(0.4).then(|| random.pick(&[32, 64, 128]));
    let weave = random.within(0.02..0.07) as f32;
    Texture::new(random, 2.5, |x, y, i| {
        let thread = weave * ((x as f32 * 1.571).sin() + (y as f32 * 1.571).sin()) + 0.04 * fuzz[i];
        let light = 1.0 + 0.06 * folds[i] + thread;
        let mix = check.map_or(0.0, |period: usize| ((x / period % 2 + y / period % 2) as f32) * 0.35);
        [0, 1, 2].map(|c| ((base[c] * (1.0 - mix) + other[c] * mix) * light).clamp(0.0, 1.0))
    })
}

fn stone(random: &mut Random) -> Texture {
    let base = dye(random, 0.35..0.85);
    let (veins, grain, speckle) = (clouds(random, 90.0, 70.0), clouds(random, 12.0, 12.0), clouds(random, 1.5, 1.5));
    Texture::new(random, 2.0, |_, _, i| {
        let vein = (-10.0 * (veins[i] + 0.3 * grain[i]).abs()).exp();
        let light = 1.0 - 0.22 * vein + 0.03 * grain[i] + 0.04 * speckle[i];
        base.map(|value| (value * light).clamp(0.0, 1.0))
    })
}

fn plain(random: &mut Random) -> Texture {
    let base = if random.chance(0.25) { [random.within(0.8..0.95) as f32; 3] } else { dye(random, 0.1..0.9) };
    let (broad, fine) = (clouds(random, 170.0, 170.0), clouds(random, 2.0, 2.0));
    Texture::new(random, 1.5, |_, _, i| {
        base.map(|value| (value * (1.0 + 0.02 * broad[i] + 0.008 * fine[i])).clamp(0.0, 1.0))
    })
}
