//! The noise around the picture that the network was trained with.

/// Park and Miller's generator with the multiplier 48271 (C++ `minstd_rand`), tesseract's.
pub(super) struct Noise(u64);

const MODULUS: u64 = (1 << 31) - 1;
const MULTIPLIER: u64 = 48_271;

impl Noise {
    /// Each line begins from the same seed, so that it reads the same after any other.
    pub(super) fn new(seed: u64) -> Self {
        let mut noise = Self((seed % MODULUS).max(1));
        noise.next();
        noise
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0 * MULTIPLIER % MODULUS;
        self.0
    }

    /// Uniform over -127 ..= 127.
    #[expect(clippy::cast_possible_truncation, reason = "within the range of i8 by construction")]
    pub(super) fn value(&mut self) -> i8 {
        let share = self.next() as f64 / MODULUS as f64;
        (127.0 * (2.0 * share - 1.0)).round() as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_that_of_the_generator() {
        // The ten thousandth number from the seed 1 is 399268537 (C++ standard, [rand.predef]).
        let mut noise = Noise::new(1);
        for _ in 0..9_998 {
            noise.next();
        }
        assert_eq!(noise.next(), 399_268_537);
        // The first multiple of the modulus counts as 1.
        assert_eq!(Noise::new(MODULUS).next(), Noise::new(1).next());
    }

    #[test]
    fn noise_covers_its_range_evenly() {
        let mut noise = Noise::new(5);
        let values: Vec<i32> = (0..100_000).map(|_| i32::from(noise.value())).collect();
        assert_eq!((values.iter().min(), values.iter().max()), (Some(&-127), Some(&127)));
        assert!(values.iter().sum::<i32>().abs() < 100_000);
    }
}
