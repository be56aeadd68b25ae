//! Shares of lengths in whole pixels, without rounding errors.

/// A share of a length or an area: numerator and denominator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio(pub(super) i32, pub(super) i32);

impl Ratio {
    /// This share of a whole, rounded down. Whole pixels are at most the share when they are at most this many.
    pub(super) fn of(self, whole: i32) -> i32 {
        whole * self.0 / self.1
    }

    /// Whether a part is at least this share of its whole.
    pub(super) fn is_reached(self, part: i32, whole: i32) -> bool {
        part * self.1 >= whole * self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_at_their_border() {
        let third = Ratio(1, 3);
        assert_eq!((third.of(9), third.of(11)), (3, 3));
        assert!(third.is_reached(3, 9) && !third.is_reached(3, 10));
    }
}
