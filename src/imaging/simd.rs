//! Kernels for particular CPUs, chosen at run time. The portable kernel is the reference: the others do the same
//! integer arithmetic in the same order and give the same bits, so that a page does not depend on the CPU.
//!
//! JUSTIFICATION of the five `unsafe` calls
//!  Benefit
//!      Interpolating an A4 page at 300 dpi takes, in RGB and gray, 0.37 and 0.43 of the portable kernel's time with
//!      AVX2, 0.42 and 0.46 with SSE4.1 (86 and 52 ms portable; measured as by the `warp` group of
//!      `benches/kernels.rs`).
//!      Correcting the light of the page takes 0.88 of the time with AVX2, with all that is not in these kernels (14 ms
//!      portable; the `illumination` group).
//!      The brightness of the page takes 0.17 of the portable kernel's time with AVX2 (11 ms portable; `benches/page.rs`).
//!  Correctness
//!      A function with `#[target_feature]` may be called on a CPU that has the feature. `best_run`, `best_luma` and
//!      `best_light` hand out the wrappers, which are private to this module, only after `is_x86_feature_detected!` has
//!      said so. Nothing else here is unsafe: pixels are read and written through slices, with bounds checks, never through pointers.

use super::gray::{Luma, luma_scalar};
use super::illumination::{Kernels, multiply_scalar, tiles_scalar};
use super::warp::{Run, run_scalar};

/// The fastest interpolation kernel that this CPU can run.
pub(super) fn best_run<const C: usize>() -> Run<C> {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            return x86::run_avx2::<C>;
        }
        if is_x86_feature_detected!("sse4.1") {
            return x86::run_sse41::<C>;
        }
    }
    run_scalar::<C>
}

/// The fastest brightness kernel that this CPU can run.
pub(super) fn best_luma() -> Luma {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::luma_avx2;
    }
    luma_scalar
}

/// The fastest kernels for the light of a page that this CPU can run.
pub(super) fn best_light() -> Kernels {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::LIGHT_AVX2;
    }
    LIGHT_SCALAR
}

const LIGHT_SCALAR: Kernels = Kernels { tiles: tiles_scalar, multiply: multiply_scalar };

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use crate::imaging::gray::luma_scalar;
    use crate::imaging::illumination::{Colour, Kernels, multiply_scalar, tiles_scalar};
    use crate::imaging::warp::{Anchor, CHUNK, POSITION_BITS, Plane, WEIGHT_BITS, run_scalar};

    const HALF_WEIGHT: i32 = 1 << (POSITION_BITS - WEIGHT_BITS - 1);
    const ONE: i32 = 1 << WEIGHT_BITS;
    const HALF: i32 = ONE * ONE / 2;
    const FRACTION_SHIFT: i32 = (POSITION_BITS - WEIGHT_BITS).cast_signed();
    const WHOLE_SHIFT: i32 = POSITION_BITS.cast_signed();
    const CHUNK_SHIFT: i32 = CHUNK.ilog2().cast_signed();
    const PRODUCT_SHIFT: i32 = 2 * WEIGHT_BITS.cast_signed();
    const ONE_SHIFT: i32 = WEIGHT_BITS.cast_signed();

    /// Byte shuffle: removes the fourth byte of four pixels.
    const DROP_FOURTH: Shuffle = Shuffle([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1]);
    /// Byte shuffle: interleaves the channels of two neighbouring RGB pixels, 16 bits each.
    const PAIR_CHANNELS: Shuffle = Shuffle([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1]);

    struct Shuffle([i8; 16]);

    impl Shuffle {
        #[inline]
        #[target_feature(enable = "sse2")]
        fn vector(&self) -> __m128i {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
            _mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
        }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn run_avx2<const C: usize>(source: &Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]) {
        // SAFETY: only `best_run` hands this function out, after it has found AVX2.
        unsafe { avx2::<C>(source, anchors, out) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn run_sse41<const C: usize>(source: &Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]) {
        // SAFETY: only `best_run` hands this function out, after it has found SSE4.1.
        unsafe { sse41::<C>(source, anchors, out) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn luma_avx2(rgb: &[u8], gray: &mut [u8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(rgb: &[u8], gray: &mut [u8]) {
            luma_scalar(rgb, gray);
        }
        // SAFETY: only `best_luma` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(rgb, gray) }
    }

    pub(super) const LIGHT_AVX2: Kernels = Kernels { tiles: tiles_avx2, multiply: multiply_avx2 };

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn tiles_avx2(lines: &[u8], width: usize, colours: &mut [Colour]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(lines: &[u8], width: usize, colours: &mut [Colour]) {
            tiles_scalar(lines, width, colours);
        }
        // SAFETY: only `best_light` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(lines, width, colours) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn multiply_avx2(bytes: &mut [u8], gains: &mut [u16], steps: &[u16]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(bytes: &mut [u8], gains: &mut [u16], steps: &[u16]) {
            multiply_scalar(bytes, gains, steps);
        }
        // SAFETY: only `best_light` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(bytes, gains, steps) }
    }

    /// The row stride, if byte offsets into the picture fit 32-bit lanes (they do within the decoder's limits).
    fn stride_in_lanes<const C: usize>(source: &Plane<'_, C>) -> Option<i32> {
        i32::try_from(source.pixels.len()).ok()?;
        i32::try_from(source.stride()).ok()
    }

    /// Reads the 2×2 gray pixels right of and below an offset: above left, above right, below left, below right.
    #[inline]
    fn gray_corners<const C: usize>(source: &Plane<'_, C>, offset: usize) -> i32 {
        let corners = &source.pixels[offset..offset + source.width + 2];
        let [above, below] = [corners.first_chunk::<2>(), corners.last_chunk::<2>()]
            .map(|pair| u16::from_le_bytes(*pair.expect("the slice has at least two bytes")));
        (u32::from(above) | u32::from(below) << 16).cast_signed()
    }

    /// Two rows from an RGB pixel on, long enough for eight bytes (that pixel, its neighbour and two bytes) of each.
    #[inline]
    fn rgb_rows<'a, const C: usize>(source: &Plane<'a, C>, offset: usize) -> &'a [u8] {
        &source.pixels[offset..offset + source.stride() + 8]
    }

    /// The first eight bytes. Not read together with the last ones: a pair of results would be put together in memory,
    /// and the CPU stalls where a wide load follows narrow stores (twice the time for the whole kernel).
    #[inline]
    #[target_feature(enable = "sse2")]
    fn top(rows: &[u8]) -> __m128i {
        let bytes = rows.first_chunk().expect("rows hold at least eight bytes");
        _mm_cvtsi64_si128(i64::from_le_bytes(*bytes))
    }

    /// The last eight bytes.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn bottom(rows: &[u8]) -> __m128i {
        let bytes = rows.last_chunk().expect("rows hold at least eight bytes");
        _mm_cvtsi64_si128(i64::from_le_bytes(*bytes))
    }

    /// Writes up to four RGB pixels.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    fn store_rgb(packed: __m128i, out: &mut [u8]) {
        let low = _mm_cvtsi128_si64(packed).to_le_bytes();
        let high = _mm_extract_epi32::<2>(packed).to_le_bytes();
        if let Some((first, rest)) = out.split_first_chunk_mut::<8>()
            && let Ok(rest) = <&mut [u8; 4]>::try_from(rest)
        {
            *first = low;
            *rest = high;
        } else {
            for (value, byte) in out.iter_mut().zip(low.into_iter().chain(high)) {
                *value = byte;
            }
        }
    }

    /// Interpolates two RGB pixels, one in each half: `fraction` fills the 16-bit lanes, `x_weights` pairs of them.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn blend_two<const C: usize>(
        source: &Plane<'_, C>,
        at: [usize; 2],
        fraction: __m256i,
        x_weights: __m256i,
    ) -> __m256i {
        let (first, second) = (rgb_rows(source, at[0]), rgb_rows(source, at[1]));
        let above = _mm_unpacklo_epi64(top(first), top(second));
        let below = _mm_unpacklo_epi64(bottom(first), bottom(second));
        let (above, below) = (_mm256_cvtepu8_epi16(above), _mm256_cvtepu8_epi16(below));
        let change = _mm256_mullo_epi16(_mm256_sub_epi16(below, above), fraction);
        let column = _mm256_add_epi16(_mm256_slli_epi16::<ONE_SHIFT>(above), change);
        let channels = _mm256_shuffle_epi8(column, _mm256_broadcastsi128_si256(PAIR_CHANNELS.vector()));
        let sum = _mm256_madd_epi16(channels, x_weights);
        _mm256_srli_epi32::<PRODUCT_SHIFT>(_mm256_add_epi32(sum, _mm256_set1_epi32(HALF)))
    }

    #[target_feature(enable = "avx2")]
    fn avx2<const C: usize>(source: &Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]) {
        let Some(stride) = stride_in_lanes(source) else { return run_scalar(source, anchors, out) };
        let k = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let lanes = |from: i32, to: i32| {
            let offset = _mm256_srai_epi32::<CHUNK_SHIFT>(_mm256_mullo_epi32(_mm256_set1_epi32(to - from), k));
            _mm256_add_epi32(_mm256_set1_epi32(from + HALF_WEIGHT), offset)
        };
        let fraction = |position: __m256i| {
            _mm256_and_si256(_mm256_srli_epi32::<FRACTION_SHIFT>(position), _mm256_set1_epi32(ONE - 1))
        };
        let halves = |low: __m256i, high: __m256i| _mm256_or_si256(low, _mm256_slli_epi32::<16>(high));
        let rest = |fraction: __m256i| _mm256_sub_epi32(_mm256_set1_epi32(ONE), fraction);
        let rounded = |sum: __m256i| _mm256_srli_epi32::<PRODUCT_SHIFT>(_mm256_add_epi32(sum, _mm256_set1_epi32(HALF)));
        // Pixels i and i + 4 share a register, so that four packed registers are in order.
        let pick = |i: i32| _mm256_setr_epi32(i, i, i, i, i + 4, i + 4, i + 4, i + 4);
        let picks = [pick(0), pick(1), pick(2), pick(3)];
        for (pair, part) in anchors.windows(2).zip(out.chunks_mut(CHUNK * C)) {
            let (x, y) = (lanes(pair[0].x, pair[1].x), lanes(pair[0].y, pair[1].y));
            let (fx, fy) = (fraction(x), fraction(y));
            let x_weights = halves(rest(fx), fx);
            let rows = _mm256_mullo_epi32(_mm256_srli_epi32::<WHOLE_SHIFT>(y), _mm256_set1_epi32(stride));
            let columns = _mm256_srli_epi32::<WHOLE_SHIFT>(x);
            if C == 1 {
                let at = offsets(_mm256_add_epi32(rows, columns)).map(|offset| gray_corners(source, offset));
                let corners = _mm256_setr_epi32(at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7]);
                let y_weights = halves(rest(fy), fy);
                let left = _mm256_and_si256(corners, _mm256_set1_epi32(0x00FF_00FF));
                let right = _mm256_and_si256(_mm256_srli_epi32::<8>(corners), _mm256_set1_epi32(0x00FF_00FF));
                let columns = halves(_mm256_madd_epi16(left, y_weights), _mm256_madd_epi16(right, y_weights));
                let mean = rounded(_mm256_madd_epi16(columns, x_weights));
                let words = _mm_packus_epi32(_mm256_castsi256_si128(mean), _mm256_extracti128_si256::<1>(mean));
                let bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)).to_le_bytes();
                part.copy_from_slice(&bytes[..part.len()]);
            } else {
                let columns = _mm256_add_epi32(columns, _mm256_slli_epi32::<1>(columns));
                let at = offsets(_mm256_add_epi32(rows, columns));
                let y_fractions = halves(fy, fy);
                let blend = |i: usize| {
                    let fraction = _mm256_permutevar8x32_epi32(y_fractions, picks[i]);
                    let x_weights = _mm256_permutevar8x32_epi32(x_weights, picks[i]);
                    blend_two(source, [at[i], at[i + 4]], fraction, x_weights)
                };
                let (first, second) =
                    (_mm256_packus_epi32(blend(0), blend(1)), _mm256_packus_epi32(blend(2), blend(3)));
                let packed = _mm256_packus_epi16(first, second);
                let packed = _mm256_shuffle_epi8(packed, _mm256_broadcastsi128_si256(DROP_FOURTH.vector()));
                let fours = [_mm256_castsi256_si128(packed), _mm256_extracti128_si256::<1>(packed)];
                for (four, part) in fours.into_iter().zip(part.chunks_mut(12)) {
                    store_rgb(four, part);
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "offsets into a slice are positive")]
    fn offsets(lanes: __m256i) -> [usize; 8] {
        let pairs = [
            _mm256_extract_epi64::<0>(lanes),
            _mm256_extract_epi64::<1>(lanes),
            _mm256_extract_epi64::<2>(lanes),
            _mm256_extract_epi64::<3>(lanes),
        ];
        let [a, b, c, d] = pairs.map(|pair| [pair as u32 as usize, (pair as u64 >> 32) as usize]);
        [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
    }

    /// Interpolates one RGB pixel: `fraction` fills the eight 16-bit lanes, `x_weights` the four pairs of them.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    fn blend_one<const C: usize>(source: &Plane<'_, C>, at: usize, fraction: __m128i, x_weights: __m128i) -> __m128i {
        let rows = rgb_rows(source, at);
        let (above, below) = (_mm_cvtepu8_epi16(top(rows)), _mm_cvtepu8_epi16(bottom(rows)));
        let change = _mm_mullo_epi16(_mm_sub_epi16(below, above), fraction);
        let column = _mm_add_epi16(_mm_slli_epi16::<ONE_SHIFT>(above), change);
        let sum = _mm_madd_epi16(_mm_shuffle_epi8(column, PAIR_CHANNELS.vector()), x_weights);
        _mm_srli_epi32::<PRODUCT_SHIFT>(_mm_add_epi32(sum, _mm_set1_epi32(HALF)))
    }

    #[target_feature(enable = "sse4.1")]
    fn sse41<const C: usize>(source: &Plane<'_, C>, anchors: &[Anchor], out: &mut [u8]) {
        let Some(stride) = stride_in_lanes(source) else { return run_scalar(source, anchors, out) };
        let fours = [_mm_setr_epi32(0, 1, 2, 3), _mm_setr_epi32(4, 5, 6, 7)];
        let lanes = |from: i32, to: i32, k: __m128i| {
            let offset = _mm_srai_epi32::<CHUNK_SHIFT>(_mm_mullo_epi32(_mm_set1_epi32(to - from), k));
            _mm_add_epi32(_mm_set1_epi32(from + HALF_WEIGHT), offset)
        };
        let fraction =
            |position: __m128i| _mm_and_si128(_mm_srli_epi32::<FRACTION_SHIFT>(position), _mm_set1_epi32(ONE - 1));
        let halves = |low: __m128i, high: __m128i| _mm_or_si128(low, _mm_slli_epi32::<16>(high));
        let rest = |fraction: __m128i| _mm_sub_epi32(_mm_set1_epi32(ONE), fraction);
        let rounded = |sum: __m128i| _mm_srli_epi32::<PRODUCT_SHIFT>(_mm_add_epi32(sum, _mm_set1_epi32(HALF)));
        for (pair, part) in anchors.windows(2).zip(out.chunks_mut(CHUNK * C)) {
            for (k, part) in fours.into_iter().zip(part.chunks_mut(CHUNK / 2 * C)) {
                let (x, y) = (lanes(pair[0].x, pair[1].x, k), lanes(pair[0].y, pair[1].y, k));
                let (fx, fy) = (fraction(x), fraction(y));
                let x_weights = halves(rest(fx), fx);
                let rows = _mm_mullo_epi32(_mm_srli_epi32::<WHOLE_SHIFT>(y), _mm_set1_epi32(stride));
                let columns = _mm_srli_epi32::<WHOLE_SHIFT>(x);
                if C == 1 {
                    let at = offsets4(_mm_add_epi32(rows, columns)).map(|offset| gray_corners(source, offset));
                    let corners = _mm_setr_epi32(at[0], at[1], at[2], at[3]);
                    let y_weights = halves(rest(fy), fy);
                    let left = _mm_and_si128(corners, _mm_set1_epi32(0x00FF_00FF));
                    let right = _mm_and_si128(_mm_srli_epi32::<8>(corners), _mm_set1_epi32(0x00FF_00FF));
                    let columns = halves(_mm_madd_epi16(left, y_weights), _mm_madd_epi16(right, y_weights));
                    let mean = rounded(_mm_madd_epi16(columns, x_weights));
                    let words = _mm_packus_epi32(mean, mean);
                    let bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
                    part.copy_from_slice(&bytes[..part.len()]);
                } else {
                    let columns = _mm_add_epi32(columns, _mm_slli_epi32::<1>(columns));
                    let at = offsets4(_mm_add_epi32(rows, columns));
                    let y_fractions = halves(fy, fy);
                    let pixels = [
                        blend_one(
                            source,
                            at[0],
                            _mm_shuffle_epi32::<0x00>(y_fractions),
                            _mm_shuffle_epi32::<0x00>(x_weights),
                        ),
                        blend_one(
                            source,
                            at[1],
                            _mm_shuffle_epi32::<0x55>(y_fractions),
                            _mm_shuffle_epi32::<0x55>(x_weights),
                        ),
                        blend_one(
                            source,
                            at[2],
                            _mm_shuffle_epi32::<0xAA>(y_fractions),
                            _mm_shuffle_epi32::<0xAA>(x_weights),
                        ),
                        blend_one(
                            source,
                            at[3],
                            _mm_shuffle_epi32::<0xFF>(y_fractions),
                            _mm_shuffle_epi32::<0xFF>(x_weights),
                        ),
                    ];
                    let (first, second) =
                        (_mm_packus_epi32(pixels[0], pixels[1]), _mm_packus_epi32(pixels[2], pixels[3]));
                    store_rgb(_mm_shuffle_epi8(_mm_packus_epi16(first, second), DROP_FOURTH.vector()), part);
                }
            }
        }
    }

    #[target_feature(enable = "sse4.1")]
    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "offsets into a slice are positive")]
    fn offsets4(lanes: __m128i) -> [usize; 4] {
        let pairs = [_mm_extract_epi64::<0>(lanes), _mm_extract_epi64::<1>(lanes)];
        let [a, b] = pairs.map(|pair| [pair as u32 as usize, (pair as u64 >> 32) as usize]);
        [a[0], a[1], b[0], b[1]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::warp::{Anchor, CHUNK, POSITION_BITS, Plane};
    use super::*;

    /// The kernels that this CPU can run, besides the portable one.
    fn others<const C: usize>() -> Vec<Run<C>> {
        let mut runs: Vec<Run<C>> = vec![best_run::<C>()];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                runs.push(x86::run_avx2::<C>);
            }
            if is_x86_feature_detected!("sse4.1") {
                runs.push(x86::run_sse41::<C>);
            }
        }
        runs
    }

    fn assert_equal<const C: usize>(pixels: &[u8], anchors: &[Anchor], count: usize) {
        let plane = Plane::<C> { pixels, width: 61, height: 43 };
        let mut expected = vec![0; count * C];
        run_scalar(&plane, anchors, &mut expected);
        for run in others::<C>() {
            let mut out = vec![0; count * C];
            run(&plane, anchors, &mut out);
            assert_eq!(out, expected);
        }
    }

    proptest! {
        #[test]
        fn all_kernels_give_the_same_bits(
            pixels in proptest::collection::vec(any::<u8>(), 61 * 43 * 3),
            positions in proptest::collection::vec((0..=(52 << POSITION_BITS), 0..=(41 << POSITION_BITS)), 2..6),
            missing in 0..CHUNK,
        ) {
            let anchors: Vec<Anchor> = positions.into_iter().map(|(x, y)| Anchor { x, y }).collect();
            let count = (anchors.len() - 1) * CHUNK - missing;
            assert_equal::<3>(&pixels, &anchors, count);
            assert_equal::<1>(&pixels[..61 * 43], &anchors, count);
        }
    }

    proptest! {
        #[test]
        fn both_brightness_kernels_give_the_same_bits(rgb in proptest::collection::vec(any::<u8>(), 0..700)) {
            let (mut expected, mut gray) = (vec![0; rgb.len() / 3], vec![0; rgb.len() / 3]);
            luma_scalar(&rgb, &mut expected);
            best_luma()(&rgb, &mut gray);
            prop_assert_eq!(gray, expected);
        }
    }

    proptest! {
        #[test]
        fn all_kernels_for_light_give_the_same_bits(
            lines in proptest::collection::vec(any::<u8>(), 16 * 150 * 3),
            gains in proptest::collection::vec(1024 * 16..=3 * 1024 * 16u16, 150 * 3),
            steps in proptest::collection::vec(-500..500i16, 150 * 3),
        ) {
            let steps: Vec<u16> = steps.into_iter().map(i16::cast_unsigned).collect();
            let results = [LIGHT_SCALAR, best_light()].map(|kernels| {
                let (mut lines, mut gains, mut colours) = (lines.clone(), gains.clone(), [[0.0; 4]; 9]);
                (kernels.tiles)(&lines, 150, &mut colours);
                lines.chunks_exact_mut(150 * 3).for_each(|line| (kernels.multiply)(line, &mut gains, &steps));
                (lines, gains, colours)
            });
            prop_assert_eq!(&results[0], &results[1]);
        }
    }

    #[test]
    fn extreme_pixels_and_weights_do_not_wrap() {
        for (a, b) in [(0u8, 255u8), (255, 0), (255, 255)] {
            let pixels: Vec<u8> = (0..61 * 43 * 3).map(|i| if i % 2 == 0 { a } else { b }).collect();
            for fraction in 0..1 << POSITION_BITS >> 6 {
                let start =
                    Anchor { x: (5 << POSITION_BITS) + (fraction << 6), y: (7 << POSITION_BITS) - (fraction << 5) };
                let anchors = [start, Anchor { x: start.x + (8 << POSITION_BITS), y: start.y + 77 }];
                assert_equal::<3>(&pixels, &anchors, CHUNK);
                assert_equal::<1>(&pixels[..61 * 43], &anchors, CHUNK);
            }
        }
    }
}
