use super::SizeMm;

/// The picture of a seal (*con dấu*), with what shows through.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// True size.
    pub size: SizeMm,
    /// Red, green and blue of each pixel, row by row.
    pub rgb: Vec<u8>,
    /// Opacity of each pixel, 0 (paper shows through) to 255.
    pub alpha: Vec<u8>,
}

impl Seal {
    /// The seal on white paper, nothing showing through.
    #[must_use]
    pub fn on_white(&self) -> Self {
        let mix = |colour: u8, alpha: u8| {
            let (colour, alpha) = (u32::from(colour), u32::from(alpha));
            let mixed = (colour * alpha + 255 * (255 - alpha) + 127) / 255;
            u8::try_from(mixed).expect("a mean of two bytes")
        };
        let pixels = self.rgb.as_chunks::<3>().0.iter().zip(&self.alpha);
        let rgb = pixels.flat_map(|(colours, &alpha)| colours.map(|colour| mix(colour, alpha))).collect();
        Self { rgb, alpha: vec![u8::MAX; self.alpha.len()], ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_paper_takes_the_place_of_what_shows_through() {
        let size = SizeMm { width: 1.0, height: 1.0 };
        let seal = Seal { width: 3, height: 1, size, rgb: [200, 0, 0].repeat(3), alpha: vec![0, 255, 51] };
        let flat = seal.on_white();
        assert_eq!(flat.rgb, [255, 255, 255, 200, 0, 0, 244, 204, 204]);
        assert_eq!(flat.alpha, [255; 3]);
    }
}
