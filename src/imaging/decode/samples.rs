//! Rows of packed samples to RGB: what TIFF pages and PDF page images have in common.

use image::RgbImage;

/// How colours are made of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Colour {
    /// One sample, 0 is black.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Inks, 0 is none.
    Cmyk,
    /// One sample, a place in a list of colours.
    Palette(Vec<[u8; 3]>),
}

impl Colour {
    /// Samples a pixel, alpha not counted.
    pub fn samples(&self) -> usize {
        match self {
            Self::Gray | Self::Palette(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// How the sample after the colour is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpha {
    /// Colours are independent of it.
    Straight,
    /// Colours are multiplied by it already.
    Premultiplied,
}

/// The make-up of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleLayout {
    /// Bits a sample: 1, 2, 4, 8 or 16.
    pub bits: u8,
    /// Samples a pixel, those included that are not used.
    pub samples: usize,
    /// What the first samples mean.
    pub colour: Colour,
    /// What the sample after the colour means; the picture is laid on white.
    pub alpha: Option<Alpha>,
    /// Colour samples count from white to black or from full ink to none. Not for palettes.
    pub inverted: bool,
    /// Byte order of 16-bit samples.
    pub big_endian: bool,
}

impl SampleLayout {
    /// Bytes of a row of so many pixels; rows start at whole bytes.
    pub fn row_bytes(&self, width: u32) -> usize {
        (width as usize * self.samples * usize::from(self.bits)).div_ceil(8)
    }
}

/// Converts whole rows; `None` when `data` is too short.
pub fn unpack(data: &[u8], width: u32, height: u32, layout: &SampleLayout) -> Option<RgbImage> {
    let stride = layout.row_bytes(width);
    let data = data.get(..stride.checked_mul(height as usize)?)?;
    let mut image = RgbImage::new(width, height);
    let mut rows = Rows::new(layout, width);
    for (row, target) in data.chunks_exact(stride.max(1)).zip(image.chunks_exact_mut(3 * width.max(1) as usize)) {
        rows.convert(row, target);
    }
    Some(image)
}

/// Converts rows of one layout.
pub(super) struct Rows<'a> {
    layout: &'a SampleLayout,
    /// Unpacked samples of a row.
    values: Vec<u8>,
    /// Sample to grey or colour component.
    levels: [u8; 256],
    /// For one-bit rows: the eight pixels of each byte.
    octets: Option<Box<[[u8; 24]; 256]>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(layout: &'a SampleLayout, width: u32) -> Self {
        // 16-bit samples are rounded to 8 when they are unpacked.
        let top = (1_u32 << layout.bits.min(8)) - 1;
        let level = |value: usize| {
            let value = u32::try_from(value).map_or(top, |value| value.min(top));
            let level = u8::try_from((value * 255 + top / 2) / top).unwrap_or(u8::MAX);
            if layout.inverted { 255 - level } else { level }
        };
        let levels = std::array::from_fn(level);
        let one_bit = layout.bits == 1 && layout.samples == 1;
        let octets = one_bit.then(|| {
            let tones = [0, 1].map(|value| match &layout.colour {
                Colour::Palette(colours) => colours.get(value).copied().unwrap_or_default(),
                _ => [levels[value]; 3],
            });
            let mut octets = Box::new([[0; 24]; 256]);
            for (byte, pixels) in octets.iter_mut().enumerate() {
                for (place, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    *pixel = tones[byte >> (7 - place) & 1];
                }
            }
            octets
        });
        Self { layout, values: vec![0; width as usize * layout.samples], levels, octets }
    }

    /// One row of packed samples to one row of RGB; both have the width given to [`Rows::new`].
    pub(super) fn convert(&mut self, row: &[u8], target: &mut [u8]) {
        if let Some(octets) = &self.octets {
            for (&byte, pixels) in row.iter().zip(target.chunks_mut(24)) {
                pixels.copy_from_slice(&octets[usize::from(byte)][..pixels.len()]);
            }
            return;
        }
        unpack_values(row, self.layout, &mut self.values);
        if matches!(self.layout.colour, Colour::Palette(_)) {
            self.colour(target);
            return;
        }
        let colours = self.layout.colour.samples();
        for pixel in self.values.chunks_exact_mut(self.layout.samples) {
            for value in &mut pixel[..colours] {
                *value = self.levels[usize::from(*value)];
            }
        }
        self.colour(target);
    }

    /// Levels to colours.
    fn colour(&self, target: &mut [u8]) {
        let (targets, _) = target.as_chunks_mut::<3>();
        let samples = self.layout.samples;
        for (pixel, target) in self.values.chunks_exact(samples).zip(targets) {
            *target = match &self.layout.colour {
                Colour::Gray => [pixel[0]; 3],
                Colour::Rgb => [pixel[0], pixel[1], pixel[2]],
                Colour::Palette(colours) => colours.get(usize::from(pixel[0])).copied().unwrap_or_default(),
                Colour::Cmyk => light_of_inks([pixel[0], pixel[1], pixel[2], pixel[3]]),
            };
            if let (Some(alpha), Some(&share)) = (self.layout.alpha, pixel.get(self.layout.colour.samples())) {
                *target = on_white(*target, self.alpha_level(share), alpha);
            }
        }
    }

    fn alpha_level(&self, value: u8) -> u8 {
        let level = self.levels[usize::from(value)];
        if self.layout.inverted { 255 - level } else { level }
    }
}

/// A colour laid on white paper.
pub(super) fn on_white(colour: [u8; 3], share: u8, alpha: Alpha) -> [u8; 3] {
    colour.map(|light| match alpha {
        Alpha::Straight => scaled(light, share).saturating_add(255 - share),
        Alpha::Premultiplied => light.saturating_add(255 - share),
    })
}

/// The usual conversion without a profile: each ink takes its share of the light, black takes it from all.
pub(super) fn light_of_inks([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    [c, m, y].map(|ink| scaled(255 - ink, 255 - k))
}

/// `light * share / 255`, rounded.
fn scaled(light: u8, share: u8) -> u8 {
    let product = u32::from(light) * u32::from(share) + 128;
    u8::try_from((product + (product >> 8)) >> 8).unwrap_or(u8::MAX)
}

fn unpack_values(row: &[u8], layout: &SampleLayout, values: &mut [u8]) {
    match layout.bits {
        8 => values.copy_from_slice(&row[..values.len()]),
        16 => {
            for (&pair, value) in row.as_chunks::<2>().0.iter().zip(values) {
                *value =
                    eight_bits(if layout.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
            }
        }
        bits => {
            let (bits, mask) = (usize::from(bits), 0xff_u8 >> (8 - bits));
            for (index, value) in values.iter_mut().enumerate() {
                let at = index * bits;
                *value = row[at / 8] >> (8 - bits - at % 8) & mask;
            }
        }
    }
}

/// A 16-bit sample as the nearest 8-bit one.
pub(super) fn eight_bits(value: u16) -> u8 {
    u8::try_from((u32::from(value) + 128) / 257).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bits: u8, samples: usize, colour: Colour) -> SampleLayout {
        SampleLayout { bits, samples, colour, alpha: None, inverted: false, big_endian: true }
    }

    fn pixels(data: &[u8], width: u32, layout: &SampleLayout) -> Vec<u8> {
        unpack(data, width, 1, layout).unwrap().into_raw()
    }

    #[test]
    fn few_bits_spread_over_the_whole_range() {
        assert_eq!(pixels(&[0b1010_0000], 3, &layout(1, 1, Colour::Gray)), [255, 255, 255, 0, 0, 0, 255, 255, 255]);
        assert_eq!(pixels(&[0b0001_1011], 4, &layout(2, 1, Colour::Gray))[3..6], [85; 3]);
        assert_eq!(pixels(&[0x1f], 2, &layout(4, 1, Colour::Gray)), [17, 17, 17, 255, 255, 255]);
    }

    #[test]
    fn inversion_turns_tones_but_not_alpha() {
        let inverted = SampleLayout { inverted: true, ..layout(8, 1, Colour::Gray) };
        assert_eq!(pixels(&[0, 55], 2, &inverted), [255, 255, 255, 200, 200, 200]);
        let clear = SampleLayout { samples: 2, alpha: Some(Alpha::Straight), ..inverted };
        assert_eq!(pixels(&[255, 0], 1, &clear), [255; 3]);
        assert_eq!(pixels(&[255, 255], 1, &clear), [0; 3]);
    }

    #[test]
    fn sixteen_bits_round_in_either_byte_order() {
        let big = layout(16, 1, Colour::Gray);
        assert_eq!(pixels(&[0x80, 0x00], 1, &big), [128; 3]);
        let little = SampleLayout { big_endian: false, ..big };
        assert_eq!(pixels(&[0xff, 0xff], 1, &little), [255; 3]);
        assert_eq!(pixels(&[0x00, 0x01], 1, &little), [1; 3]);
    }

    #[test]
    fn palettes_and_inks_become_colours() {
        let palette = layout(8, 1, Colour::Palette(vec![[1, 2, 3], [4, 5, 6]]));
        assert_eq!(pixels(&[1, 0, 9], 3, &palette), [4, 5, 6, 1, 2, 3, 0, 0, 0]);
        let inks = layout(8, 4, Colour::Cmyk);
        assert_eq!(pixels(&[255, 0, 0, 0], 1, &inks), [0, 255, 255]);
        assert_eq!(pixels(&[0, 0, 0, 255], 1, &inks), [0, 0, 0]);
    }

    #[test]
    fn alpha_lies_on_white() {
        let straight = SampleLayout { alpha: Some(Alpha::Straight), ..layout(8, 4, Colour::Rgb) };
        assert_eq!(pixels(&[0, 100, 200, 0], 1, &straight), [255; 3]);
        assert_eq!(pixels(&[0, 100, 200, 128], 1, &straight), [127, 177, 227]);
        let multiplied = SampleLayout { alpha: Some(Alpha::Premultiplied), ..straight };
        assert_eq!(pixels(&[0, 50, 100, 128], 1, &multiplied), [127, 177, 227]);
    }

    #[test]
    fn short_data_is_no_picture() {
        assert!(unpack(&[0; 5], 3, 2, &layout(8, 1, Colour::Gray)).is_none());
    }
}
