//! Kernels for particular CPUs, chosen at run time. The portable kernel is the reference: the others do the same
//! integer arithmetic in the same order and give the same bits, so that a page does not depend on the CPU.
//!
//! JUSTIFICATION of the `unsafe` code
//!  Benefit
//!      Interpolating an A4 page at 300 dpi takes, in RGB and gray, 0.18 and 0.16 of the portable kernel's time with AVX2,
//!      0.28 and 0.23 with SSE4.1 (75 and 45 ms portable; the `warp` group of `benches/kernels.rs`). Kernels that read
//!      through slices, with bounds checks, took 34 and 33 ms where these take 14 and 7.
//!      Correcting the light of the page takes 0.88 of the time with AVX2, with all that is not in these kernels (14 ms
//!      portable; the `illumination` group).
//!      Reducing a capture of 9.6 MP in colour and brightness takes 0.5 of the time of the portable kernels compiled for
//!      AVX2 (7 ms; `proxy` of `examples/imaging_timings.rs`); finding the edges of its working picture 0.6 of that of
//!      plain code (5 ms, timed within `outline` on a busy machine).
//!      The brightness of the page takes 0.17 of the portable kernel's time with AVX2, 0.26 with SSSE3 (11 ms portable;
//!      `benches/page.rs`, on CPUs of `benches/as-cpu`).
//!  Correctness
//!      A function with `#[target_feature]` may be called on a CPU that has the feature. The `best_` functions hand out
//!      the wrappers, which are private to this module, only after `is_x86_feature_detected!` has said so.
//!      The interpolation kernels read the source through pointers, in `load` and `far_gray`, at offsets that `Corners`,
//!      `Box8` and `Boxes` compute from the anchors of a `Stretch` and nothing else. `Stretch::new` has checked that the
//!      anchors `(x, y)` lie in `0 ..= width - 2` and `0 ..= height - 4`. A pixel between two of them lies, as eighths of
//!      their distance are rounded down, up to 7 units before the lesser or up to the greater; half a weight (16 units)
//!      is added, less than a pixel in all. So its whole parts lie in the same ranges, as does the corner of a box, which
//!      has the column of one such pixel and the row of another. With the two rows below, the last byte read is at most
//!      number `(height - 2) * stride + (width - 2) * C + 15` from 0, which is below `height * stride`, the length of the
//!      slice, because `stride` is at least 16. `far_gray` reads two bytes of the same row and the one below.
//!      All other loads and stores are from and to arrays or slices of the very length that is read or written.

use super::bounds::{Planes, Step, planes_scalar, step_scalar};
use super::gray::{Luma, luma_scalar};
use super::illumination::{Kernels, multiply_scalar, tiles_scalar};
use super::proxy::{Boxes, boxes_scalar};
use super::warp::{Anchors, Line, POSITION_BITS, Plane, Positions, Run, run_scalar};

/// Bytes that a kernel may read from a pixel on, and rows below it.
const READ_AHEAD: usize = 16;
const READ_BELOW: usize = 2;

/// A stretch of a line whose pixels all lie well inside the source, so that the kernels read there without looking.
#[derive(Debug)]
pub(super) struct Stretch<'a, const C: usize> {
    source: Plane<'a, C>,
    anchors: Anchors<'a>,
}

impl<'a, const C: usize> Stretch<'a, C> {
    /// `None` unless all anchors lie inside the source with a pixel and [`READ_BELOW`]` + 1` rows to spare. Nothing is
    /// inside a source too narrow to read ahead or whose bytes cannot be counted in 31 bits.
    pub(super) fn new(source: &Plane<'a, C>, anchors: Anchors<'a>) -> Option<Self> {
        let size = source.stride().checked_mul(source.height)?;
        if size != source.pixels.len() || i32::try_from(size).is_err() || source.stride() < READ_AHEAD {
            return None;
        }
        let are_inside = |positions: &[i32], size: usize, spare: usize| {
            let last = i32::try_from(size.saturating_sub(1 + spare)).unwrap_or(i32::MAX).min(i32::MAX >> POSITION_BITS);
            // Not `all`, which stops at the first and is four times slower.
            positions.iter().fold(true, |inside, &p| inside & (0..=last << POSITION_BITS).contains(&p))
        };
        (anchors.x.len() == anchors.y.len()
            && are_inside(anchors.x, source.width, 1)
            && are_inside(anchors.y, source.height, 1 + READ_BELOW))
        .then_some(Self { source: *source, anchors })
    }

    pub(super) fn source(&self) -> &Plane<'a, C> {
        &self.source
    }

    pub(super) fn anchors(&self) -> Anchors<'a> {
        self.anchors
    }
}

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

/// The fastest kernel for source positions that this CPU can run.
pub(super) fn best_positions() -> Positions {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::positions_avx2;
    }
    Line::positions
}

/// The fastest kernel for box means that this CPU can run.
pub(super) fn best_boxes<const C: usize>() -> Boxes {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::boxes_avx2::<C>;
    }
    boxes_scalar::<C>
}

/// The fastest brightness kernel that this CPU can run.
pub(super) fn best_luma() -> Luma {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            return x86::luma_avx2;
        }
        if is_x86_feature_detected!("ssse3") {
            return x86::luma_ssse3;
        }
    }
    luma_scalar
}

/// The fastest kernel for edges that this CPU can run.
pub(super) fn best_edges() -> Step {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::edges_avx2;
    }
    step_scalar
}

/// The fastest kernel that splits colours which this CPU can run.
pub(super) fn best_planes() -> Planes {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::planes_avx2;
    }
    planes_scalar
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

    use super::Stretch;
    use crate::imaging::bounds::{Columns, DIAGONAL, Filter, Gradients, LANES, Peaks, planes_scalar};
    use crate::imaging::gray::luma_scalar;
    use crate::imaging::illumination::{Colour, Kernels, multiply_scalar, tiles_scalar};
    use crate::imaging::proxy::boxes_from;
    use crate::imaging::warp::{Ahead, Anchors, CHUNK, Line, POSITION_BITS, WEIGHT_BITS};

    const HALF_WEIGHT: i32 = 1 << (POSITION_BITS - WEIGHT_BITS - 1);
    const WHOLE_SHIFT: i32 = POSITION_BITS.cast_signed();
    const FRACTION_SHIFT: i32 = (POSITION_BITS - WEIGHT_BITS).cast_signed();
    const FRACTION_MASK: i32 = (1 << WEIGHT_BITS) - 1;
    const WORD_MASK: i16 = (1 << WEIGHT_BITS) - 1;
    const CHUNK_SHIFT: i32 = CHUNK.ilog2().cast_signed();
    const PRODUCT_SHIFT: i32 = 2 * WEIGHT_BITS.cast_signed();
    const GRAY_HALF: i32 = 1 << (PRODUCT_SHIFT - 1);
    /// Extent of a box of gray pixels that is read at once, without the right and bottom corners of the last ones.
    const BOX_WIDTH: i32 = 16 - 1;
    const BOX_HEIGHT: i32 = 2;

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn run_avx2<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        // SAFETY: only `best_run` hands this function out, after it has found AVX2.
        unsafe { if C == 1 { gray_avx2(stretch, ahead, out) } else { rgb_avx2(stretch, ahead, out) } }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn run_sse41<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        // SAFETY: only `best_run` hands this function out, after it has found SSE4.1.
        unsafe { if C == 1 { gray_sse41(stretch, ahead, out) } else { rgb_sse41(stretch, ahead, out) } }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn positions_avx2(line: &Line, x: &mut [i32], y: &mut [i32]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(line: &Line, x: &mut [i32], y: &mut [i32]) {
            line.positions(x, y);
        }
        // SAFETY: only `best_positions` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(line, x, y) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn boxes_avx2<const C: usize>(band: &[u8], factor: usize, sums: &mut [u16], out_row: &mut [u8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2<const C: usize>(band: &[u8], factor: usize, sums: &mut [u16], out_row: &mut [u8]) {
            let done = match (C, factor) {
                (1, 2) => halves(band, sums.len(), out_row),
                (3, 2) => small_boxes::<2>(band, sums.len(), out_row),
                (3, 3) => small_boxes::<3>(band, sums.len(), out_row),
                (3, 4) => small_boxes::<4>(band, sums.len(), out_row),
                _ => 0,
            };
            boxes_from::<C>(done, band, factor, sums, out_row);
        }
        // SAFETY: only `best_boxes` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2::<C>(band, factor, sums, out_row) }
    }

    /// Means of 2×2 bytes, 32 at a time; returns how many. The band has one or two rows.
    #[target_feature(enable = "avx2")]
    fn halves(band: &[u8], stride: usize, out_row: &mut [u8]) -> usize {
        let (outs, _) = out_row.as_chunks_mut::<32>();
        let (first, second) = (&band[..stride], &band[band.len() - stride..]);
        let pairs = first.as_chunks::<64>().0.iter().zip(second.as_chunks::<64>().0);
        let ones = _mm256_set1_epi8(1);
        let mut done = 0;
        for (out, (first, second)) in outs.iter_mut().zip(pairs) {
            let means = |at: usize| {
                let [first, second] = [first, second].map(|row| {
                    let bytes = row[at..at + 32].try_into().expect("32 bytes");
                    _mm256_maddubs_epi16(load_32(bytes), ones)
                });
                let sum = _mm256_add_epi16(_mm256_add_epi16(first, second), _mm256_set1_epi16(2));
                _mm256_srli_epi16::<2>(sum)
            };
            let packed = _mm256_packus_epi16(means(0), means(32));
            store_32(_mm256_permute4x64_epi64::<0b11_01_10_00>(packed), out);
            done += out.len();
        }
        done
    }

    /// Largest factor of [`small_boxes`]: boxes of up to 16 pixels have a mean that one multiplication in 16 bits gives.
    const MAX_SMALL: usize = 4;
    /// Boxes that [`small_boxes`] tells together.
    const BOXES: usize = 8;
    /// Bytes of a row that must be left for them, at most: from the start of the last box on, sixteen are read.
    const BOXES_BYTES: usize = (BOXES - 1) * 3 * MAX_SMALL + 16;

    /// Means of boxes of `F`×`F` RGB pixels, eight at a time; returns how many. The boxes at the foot of a picture, which
    /// may have fewer rows, are left.
    #[target_feature(enable = "avx2")]
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    fn small_boxes<const F: usize>(band: &[u8], stride: usize, out_row: &mut [u8]) -> usize {
        if band.len() != F * stride {
            return 0;
        }
        let rows: [&[u8]; F] = std::array::from_fn(|row| &band[row * stride..][..stride]);
        let half = _mm256_set1_epi16((F * F / 2) as i16);
        let reciprocal = _mm256_set1_epi16(((1 << 16) / (F * F) as u32 + 1) as i16);
        // The channels of the first two pixels side by side, then those of the others.
        let pick = |pixel: usize, c: usize| if pixel < F { (3 * pixel + c) as i8 } else { -1 };
        #[rustfmt::skip]
        let pick = _mm256_broadcastsi128_si256(vector([
            pick(0, 0), pick(1, 0), pick(0, 1), pick(1, 1), pick(0, 2), pick(1, 2), -1, -1,
            pick(2, 0), pick(3, 0), pick(2, 1), pick(3, 1), pick(2, 2), pick(3, 2), -1, -1,
        ]));
        let ones = _mm256_set1_epi8(1);
        // A box and the one that stands four later.
        let sums_of = |bytes: [&[u8; BOXES_BYTES]; F], number: usize| {
            bytes.into_iter().fold(_mm256_setzero_si256(), |sum, bytes| {
                let [low, high] = [number, number + 4].map(|number| {
                    let start = number * 3 * F;
                    load_16(bytes[start..start + 16].try_into().expect("16 bytes"))
                });
                let picked = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), pick);
                _mm256_add_epi16(sum, _mm256_maddubs_epi16(picked, ones))
            })
        };
        let means_of = |bytes: [&[u8; BOXES_BYTES]; F], number: usize| {
            let (first, second) = (sums_of(bytes, number), sums_of(bytes, number + 1));
            let total = _mm256_add_epi16(_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second));
            _mm256_mulhi_epu16(_mm256_add_epi16(total, half), reciprocal)
        };
        let squeeze = _mm256_broadcastsi128_si256(vector([0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1]));
        let step = 3 * F * BOXES;
        let outs = out_row.as_chunks_mut::<{ 3 * BOXES }>().0;
        let count = outs.len().min((stride + step).saturating_sub(BOXES_BYTES) / step);
        for (number, out) in outs[..count].iter_mut().enumerate() {
            let at = number * step;
            let bytes = rows.map(|row| {
                // What the next band will need.
                prefetch_at(row.as_ptr().wrapping_add(at + F * stride));
                row[at..at + BOXES_BYTES].try_into().expect("as many bytes")
            });
            let means = _mm256_packus_epi16(means_of(bytes, 0), means_of(bytes, 2));
            let squeezed = _mm256_shuffle_epi8(means, squeeze);
            let joined = _mm256_permutevar8x32_epi32(squeezed, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
            let mut with_rest = [0; 32];
            store_32(joined, &mut with_rest);
            out.copy_from_slice(&with_rest[..3 * BOXES]);
        }
        count * BOXES
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn luma_avx2(rgb: &[u8], gray: &mut [u8]) {
        // SAFETY: only `best_luma` hands this function out, after it has found AVX2.
        unsafe { luma_by_32(rgb, gray) }
    }

    /// Brightness, 32 pixels at a time.
    #[target_feature(enable = "avx2")]
    fn luma_by_32(rgb: &[u8], gray: &mut [u8]) {
        let colours = rgb.as_chunks::<96>().0;
        let count = colours.len().min(gray.len() / 32);
        let (outs, last) = gray.split_at_mut(32 * count);
        for (bytes, out) in colours.iter().zip(outs.as_chunks_mut::<32>().0) {
            let (first, second) = bytes.split_at(48);
            let [first, second] = [first, second].map(|half| luma_of_16(half.try_into().expect("48 bytes")));
            store_32(_mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(first, second)), out);
        }
        luma_scalar(&rgb[96 * count..], last);
    }

    /// Weights of the bytes of a pixel. Green comes twice, so that its weight of 150 becomes two that fit.
    const LUMA_WEIGHTS: i32 = i32::from_le_bytes([77, 75, 75, 29]);
    /// Where those bytes are in four pixels.
    const LUMA_PICK: [i8; 16] = [0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 10, 10, 11];

    /// The brightness of 16 pixels, 16 bits each.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn luma_of_16(bytes: &[u8; 48]) -> __m256i {
        let weights = _mm256_set1_epi32(LUMA_WEIGHTS);
        let pick = vector(LUMA_PICK);
        let pick_last = _mm_add_epi8(pick, _mm_set1_epi8(4));
        let part = |start: usize| load_16(bytes[start..start + 16].try_into().expect("16 bytes"));
        // Pixels 0 to 3 and 8 to 11, then 4 to 7 and 12 to 15; the last of these lie four bytes into what is read.
        let even = _mm256_shuffle_epi8(_mm256_set_m128i(part(24), part(0)), _mm256_set_m128i(pick, pick));
        let odd = _mm256_shuffle_epi8(_mm256_set_m128i(part(32), part(12)), _mm256_set_m128i(pick_last, pick));
        // Less 128, as the product wants one factor with a sign; the weights add up to 256.
        let [even, odd] =
            [even, odd].map(|pixels| _mm256_maddubs_epi16(weights, _mm256_xor_si256(pixels, _mm256_set1_epi8(-128))));
        let sums = _mm256_xor_si256(_mm256_hadd_epi16(even, odd), _mm256_set1_epi16(i16::MIN));
        _mm256_srli_epi16::<8>(sums)
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn luma_ssse3(rgb: &[u8], gray: &mut [u8]) {
        // SAFETY: only `best_luma` hands this function out, after it has found SSSE3.
        unsafe { luma_by_16(rgb, gray) }
    }

    /// Brightness, 16 pixels at a time; see [`luma_of_16`].
    #[target_feature(enable = "ssse3")]
    fn luma_by_16(rgb: &[u8], gray: &mut [u8]) {
        let colours = rgb.as_chunks::<48>().0;
        let count = colours.len().min(gray.len() / 16);
        let (outs, last) = gray.split_at_mut(16 * count);
        let weights = _mm_set1_epi32(LUMA_WEIGHTS);
        let pick = vector(LUMA_PICK);
        let pick_last = _mm_add_epi8(pick, _mm_set1_epi8(4));
        for (bytes, out) in colours.iter().zip(outs.as_chunks_mut::<16>().0) {
            let four = |start: usize, pick: __m128i| {
                let pixels = load_16(bytes[start..start + 16].try_into().expect("16 bytes"));
                let pixels = _mm_xor_si128(_mm_shuffle_epi8(pixels, pick), _mm_set1_epi8(i8::MIN));
                _mm_maddubs_epi16(weights, pixels)
            };
            let eight = |even: __m128i, odd: __m128i| {
                let sums = _mm_xor_si128(_mm_hadd_epi16(even, odd), _mm_set1_epi16(i16::MIN));
                _mm_srli_epi16::<8>(sums)
            };
            let first = eight(four(0, pick), four(12, pick));
            let second = eight(four(24, pick), four(32, pick_last));
            store_16(_mm_packus_epi16(first, second), out);
        }
        luma_scalar(&rgb[48 * count..], last);
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_16(value: __m128i, bytes: &mut [u8; 16]) {
        // SAFETY: 16 bytes of 16.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn load_16(bytes: &[u8; 16]) -> __m128i {
        // SAFETY: 16 bytes of 16.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn load_words(words: &[i16; 8]) -> __m128i {
        // SAFETY: 16 bytes of 16.
        unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn load_floats(floats: &[f32; 8]) -> __m256 {
        // SAFETY: 8 floats of 8.
        unsafe { _mm256_loadu_ps(floats.as_ptr()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_floats(values: __m256, floats: &mut [f32; 8]) {
        // SAFETY: 8 floats of 8.
        unsafe { _mm256_storeu_ps(floats.as_mut_ptr(), values) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn load_32(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes of 32.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_32(value: __m256i, bytes: &mut [u8; 32]) {
        // SAFETY: 32 bytes of 32.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), value) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn edges_avx2(filter: &mut Filter, rows: [[&[u8]; 5]; 3]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(filter: &mut Filter, rows: [[&[u8]; 5]; 3]) {
            filter.gather(rows);
            choose(&filter.channels, &mut filter.rows[2]);
            find_peaks(&filter.rows, filter.threshold, &mut filter.peaks);
        }
        // SAFETY: only `best_edges` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(filter, rows) }
    }

    /// Takes each pixel's gradient from the channel where it is strongest.
    #[target_feature(enable = "avx2")]
    fn choose(channels: &[Columns; 3], row: &mut Gradients) {
        let width = row.power.len() - LANES;
        for x in (0..width).step_by(LANES) {
            let [red, green, blue] = channels.each_ref().map(|channel| {
                let [gx, gy] = [&channel.gx, &channel.gy].map(|row| {
                    let words = load_words(row[x..x + LANES].try_into().expect("as many pixels"));
                    _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(words))
                });
                [_mm256_add_ps(_mm256_mul_ps(gx, gx), _mm256_mul_ps(gy, gy)), gx, gy]
            });
            let [power, gx, gy] = stronger(stronger(red, green), blue);
            for (row, values) in [(&mut row.power, power), (&mut row.gx, gx), (&mut row.gy, gy)] {
                store_floats(values, (&mut row[x..x + LANES]).try_into().expect("as many pixels"));
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn stronger(a: [__m256; 3], b: [__m256; 3]) -> [__m256; 3] {
        let is_stronger = _mm256_cmp_ps::<_CMP_GT_OQ>(b[0], a[0]);
        [0, 1, 2].map(|k| _mm256_blendv_ps(a[k], b[k], is_stronger))
    }

    /// Keeps the pixels of the middle one of three rows that are strongest across their gradient.
    #[target_feature(enable = "avx2")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mask of eight bits")]
    fn find_peaks(rows: &[Gradients; 3], threshold: f32, peaks: &mut Peaks) {
        let load = |row: &[f32], x: usize| load_floats(row[x..x + LANES].try_into().expect("as many pixels"));
        let diagonal = _mm256_set1_ps(DIAGONAL);
        let zero = _mm256_setzero_ps();
        let absolute = |values: __m256| _mm256_andnot_ps(_mm256_set1_ps(-0.0), values);
        let inner = peaks.inner();
        for (number, x) in inner.clone().step_by(LANES).enumerate() {
            let (gx, gy, here) = (load(&rows[1].gx, x), load(&rows[1].gy, x), load(&rows[1].power, x));
            let strong = _mm256_cmp_ps::<_CMP_GE_OQ>(here, _mm256_set1_ps(threshold));
            let mut mask = _mm256_movemask_ps(strong) as u8;
            if mask != 0 {
                let (ax, ay) = (absolute(gx), absolute(gy));
                let right = _mm256_cmp_ps::<_CMP_GT_OQ>(gx, zero);
                let down = _mm256_cmp_ps::<_CMP_GT_OQ>(gy, zero);
                let level = _mm256_cmp_ps::<_CMP_LT_OQ>(ay, _mm256_mul_ps(ax, diagonal));
                let upright = _mm256_cmp_ps::<_CMP_LT_OQ>(ax, _mm256_mul_ps(ay, diagonal));
                let rising = _mm256_xor_ps(right, down);
                // The neighbours above and below on the line along the gradient; left and right on a level one.
                let above = _mm256_blendv_ps(load(&rows[0].power, x - 1), load(&rows[0].power, x + 1), rising);
                let below = _mm256_blendv_ps(load(&rows[2].power, x + 1), load(&rows[2].power, x - 1), rising);
                let above = _mm256_blendv_ps(above, load(&rows[0].power, x), upright);
                let below = _mm256_blendv_ps(below, load(&rows[2].power, x), upright);
                let above = _mm256_blendv_ps(above, load(&rows[1].power, x - 1), level);
                let below = _mm256_blendv_ps(below, load(&rows[1].power, x + 1), level);
                let forward = _mm256_blendv_ps(down, right, level);
                let before = _mm256_blendv_ps(below, above, forward);
                let after = _mm256_blendv_ps(above, below, forward);
                let highest =
                    _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(here, before), _mm256_cmp_ps::<_CMP_GT_OQ>(here, after));
                mask &= _mm256_movemask_ps(highest) as u8;
                store_floats(before, (&mut peaks.before[x..x + LANES]).try_into().expect("as many pixels"));
                store_floats(after, (&mut peaks.after[x..x + LANES]).try_into().expect("as many pixels"));
            }
            let left = inner.end - x;
            peaks.is_peak[number] = if left < LANES { mask & ((1 << left) - 1) } else { mask };
        }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn planes_avx2(rgb: &[u8]) -> [Vec<u8>; 3] {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(rgb: &[u8]) -> [Vec<u8>; 3] {
            planes_scalar(rgb)
        }
        // SAFETY: only `best_planes` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(rgb) }
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

    /// Byte shuffle: puts the channels of two neighbouring RGB pixels, 16 bits each, side by side.
    const PAIR_CHANNELS: [i8; 16] = [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, -1, -1, -1, -1];
    /// Byte shuffle: four RGB pixels whose channels lie side by side, those of the first and second, third and fourth.
    const UNPAIR_CHANNELS: [i8; 16] = [0, 2, 4, 1, 3, 5, 8, 10, 12, 9, 11, 13, -1, -1, -1, -1];

    #[inline]
    #[target_feature(enable = "sse2")]
    fn vector(bytes: [i8; 16]) -> __m128i {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        _mm_setr_epi8(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
    }

    /// Sixteen bytes of the source.
    ///
    /// # Safety
    /// The offset is that of a pixel between the anchors, or of one up to two rows below such a pixel.
    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    unsafe fn load<const C: usize>(stretch: &Stretch<'_, C>, offset: usize) -> __m128i {
        debug_assert!(offset + 16 <= stretch.source.pixels.len());
        // SAFETY: `Stretch::new` has left room for sixteen bytes from there on, see the module.
        unsafe { _mm_loadu_si128(stretch.source.pixels.as_ptr().add(offset).cast()) }
    }

    /// Asks for the pixels that a row further down will need.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn prefetch<const C: usize>(stretch: &Stretch<'_, C>, offset: usize, ahead: Ahead) {
        prefetch_at(stretch.source.pixels.as_ptr().wrapping_add(offset).wrapping_offset(ahead.bytes));
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[allow(unused_unsafe, reason = "newer compilers know that the hint is safe")]
    fn prefetch_at(address: *const u8) {
        // SAFETY: a prefetch is a hint; it reads nothing and may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }

    /// An offset into the source that was counted in a lane.
    #[inline]
    #[expect(clippy::cast_sign_loss, reason = "offsets into a slice are not negative")]
    fn offset(lane: i32) -> usize {
        lane as usize
    }

    /// A number for a lane that counts offsets.
    #[inline]
    fn in_lane(number: usize) -> i32 {
        i32::try_from(number).expect("a stretch's source is counted in 31 bits")
    }

    /// The first anchor's position, ready to be cut off at a weight, and the step from pixel to pixel.
    #[inline]
    fn start_and_step(anchors: &[i32]) -> [i32; 2] {
        [anchors[0] + HALF_WEIGHT, (anchors[1] - anchors[0]) >> CHUNK_SHIFT]
    }

    /// Where RGB pixels are to be taken from, eight of them or two times four, and the weights of their corners: those
    /// of the two rows as bytes in both halves of a lane, those of the two columns a half each. Weights are negative, as
    /// 128 does not fit a signed byte; the two signs cancel out. Those of the columns are quadrupled, so that the mean
    /// is the third byte of the weighted sum.
    #[derive(Clone, Copy)]
    struct Corners<V, const N: usize> {
        at: [i32; N],
        rows: V,
        columns: V,
    }

    impl Corners<__m256i, 8> {
        #[inline]
        #[target_feature(enable = "avx2")]
        #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
        fn eight(x: &[i32], y: &[i32], stride: __m256i) -> Self {
            let k = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let ([x, x_step], [y, y_step]) = (start_and_step(x), start_and_step(y));
            let x = _mm256_add_epi32(_mm256_set1_epi32(x), _mm256_mullo_epi32(_mm256_set1_epi32(x_step), k));
            let y = _mm256_add_epi32(_mm256_set1_epi32(y), _mm256_mullo_epi32(_mm256_set1_epi32(y_step), k));
            let column = _mm256_srli_epi32::<WHOLE_SHIFT>(x);
            let column = _mm256_add_epi32(column, _mm256_slli_epi32::<1>(column));
            let row = _mm256_mullo_epi32(_mm256_srli_epi32::<WHOLE_SHIFT>(y), stride);
            let mut at = [0; 8];
            // SAFETY: the array holds the 32 bytes of a register.
            unsafe { _mm256_storeu_si256(at.as_mut_ptr().cast(), _mm256_add_epi32(row, column)) };
            let fx = _mm256_srli_epi32::<{ FRACTION_SHIFT - 2 }>(x);
            let fx = _mm256_and_si256(fx, _mm256_set1_epi32(FRACTION_MASK << 2));
            let fy = _mm256_and_si256(_mm256_srli_epi32::<FRACTION_SHIFT>(y), _mm256_set1_epi32(FRACTION_MASK));
            let fy = _mm256_or_si256(fy, _mm256_slli_epi32::<16>(fy));
            let minus_fx = _mm256_sub_epi32(fx, _mm256_slli_epi32::<16>(fx));
            Self {
                at,
                rows: _mm256_add_epi16(_mm256_mullo_epi16(fy, _mm256_set1_epi16(-255)), _mm256_set1_epi16(128)),
                columns: _mm256_add_epi32(minus_fx, _mm256_set1_epi32((1 << 16) - (128 << 2))),
            }
        }
    }

    impl Corners<__m128i, 4> {
        /// Those of the pixels `k` from an anchor on.
        #[inline]
        #[target_feature(enable = "sse4.1")]
        #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
        fn four(x: &[i32], y: &[i32], k: __m128i, stride: __m128i) -> Self {
            let ([x, x_step], [y, y_step]) = (start_and_step(x), start_and_step(y));
            let x = _mm_add_epi32(_mm_set1_epi32(x), _mm_mullo_epi32(_mm_set1_epi32(x_step), k));
            let y = _mm_add_epi32(_mm_set1_epi32(y), _mm_mullo_epi32(_mm_set1_epi32(y_step), k));
            let column = _mm_srli_epi32::<WHOLE_SHIFT>(x);
            let column = _mm_add_epi32(column, _mm_slli_epi32::<1>(column));
            let row = _mm_mullo_epi32(_mm_srli_epi32::<WHOLE_SHIFT>(y), stride);
            let mut at = [0; 4];
            // SAFETY: the array holds the 16 bytes of a register.
            unsafe { _mm_storeu_si128(at.as_mut_ptr().cast(), _mm_add_epi32(row, column)) };
            let fx = _mm_srli_epi32::<{ FRACTION_SHIFT - 2 }>(x);
            let fx = _mm_and_si128(fx, _mm_set1_epi32(FRACTION_MASK << 2));
            let fy = _mm_and_si128(_mm_srli_epi32::<FRACTION_SHIFT>(y), _mm_set1_epi32(FRACTION_MASK));
            let fy = _mm_or_si128(fy, _mm_slli_epi32::<16>(fy));
            let minus_fx = _mm_sub_epi32(fx, _mm_slli_epi32::<16>(fx));
            Self {
                at,
                rows: _mm_add_epi16(_mm_mullo_epi16(fy, _mm_set1_epi16(-255)), _mm_set1_epi16(128)),
                columns: _mm_add_epi32(minus_fx, _mm_set1_epi32((1 << 16) - (128 << 2))),
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn rgb_avx2<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        /// Chunks whose positions are computed together, so that their loads do not wait for addresses.
        const BLOCK: usize = 8;
        let stride = stretch.source.stride();
        let stride_lanes = _mm256_set1_epi32(in_lane(stride));
        let zero = _mm256_setzero_si256();
        let mut block = [Corners { at: [0; 8], rows: zero, columns: zero }; BLOCK];
        let (mut xs, mut ys) = (stretch.anchors.x, stretch.anchors.y);
        for part in out.chunks_mut(BLOCK * CHUNK * 3) {
            let count = part.len().div_ceil(CHUNK * 3);
            for ((x, y), eight) in xs.windows(2).zip(ys.windows(2)).zip(&mut block[..count]) {
                *eight = Corners::eight(x, y, stride_lanes);
            }
            (xs, ys) = (&xs[count..], &ys[count..]);
            for (part, eight) in part.chunks_mut(CHUNK * 3).zip(&block) {
                prefetch(stretch, offset(eight.at[ahead.pixel]), ahead);
                let pixels = blend_avx2(stretch, stride, eight);
                let (low, high) = (_mm256_castsi256_si128(pixels), _mm256_extracti128_si256::<1>(pixels));
                store_rgb(low, high, part);
            }
        }
    }

    /// The eight RGB pixels, in the first 24 bytes.
    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn blend_avx2<const C: usize>(stretch: &Stretch<'_, C>, stride: usize, eight: &Corners<__m256i, 8>) -> __m256i {
        let pair_channels = _mm256_broadcastsi128_si256(vector(PAIR_CHANNELS));
        let unpair_channels = _mm256_broadcastsi128_si256(vector(UNPAIR_CHANNELS));
        let (half, join) = (_mm256_set1_epi32(1 << 15), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        let at = eight.at.map(offset);
        // Pixels i and i + 4 share a register, so that four packed registers are in order.
        let both = |i: usize, below: usize| {
            // SAFETY: the offsets are those of pixels between the anchors.
            let (low, high) = unsafe { (load(stretch, at[i] + below), load(stretch, at[i + 4] + below)) };
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
        };
        let blend = |i: usize, rows: __m256i, columns: __m256i| {
            let mixed = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(both(i, 0), both(i, stride)), rows);
            _mm256_add_epi32(_mm256_madd_epi16(_mm256_shuffle_epi8(mixed, pair_channels), columns), half)
        };
        let (rows, columns) = (eight.rows, eight.columns);
        let sums = [
            blend(0, _mm256_shuffle_epi32::<0x00>(rows), _mm256_shuffle_epi32::<0x00>(columns)),
            blend(1, _mm256_shuffle_epi32::<0x55>(rows), _mm256_shuffle_epi32::<0x55>(columns)),
            blend(2, _mm256_shuffle_epi32::<0xAA>(rows), _mm256_shuffle_epi32::<0xAA>(columns)),
            blend(3, _mm256_shuffle_epi32::<0xFF>(rows), _mm256_shuffle_epi32::<0xFF>(columns)),
        ];
        let pair = |a: __m256i, b: __m256i| _mm256_blend_epi16::<0xAA>(_mm256_srli_epi32::<16>(a), b);
        let packed = _mm256_packus_epi16(pair(sums[0], sums[1]), pair(sums[2], sums[3]));
        _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(packed, unpair_channels), join)
    }

    /// Writes the pixels of a chunk.
    #[inline]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_rgb(low: __m128i, high: __m128i, out: &mut [u8]) {
        if let Ok(whole) = <&mut [u8; CHUNK * 3]>::try_from(&mut *out) {
            // SAFETY: 16 and 8 bytes of 24.
            unsafe {
                _mm_storeu_si128(whole.as_mut_ptr().cast(), low);
                _mm_storel_epi64(whole.as_mut_ptr().add(16).cast(), high);
            }
        } else {
            store_some(low, high, out);
        }
    }

    /// Writes the first pixels of a chunk.
    #[cold]
    #[target_feature(enable = "sse2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_some(low: __m128i, high: __m128i, out: &mut [u8]) {
        let mut bytes = [0; 32];
        // SAFETY: twice 16 bytes of 32.
        unsafe {
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), low);
            _mm_storeu_si128(bytes.as_mut_ptr().add(16).cast(), high);
        }
        out.copy_from_slice(&bytes[..out.len()]);
    }

    /// As [`rgb_avx2`], four pixels to a register.
    #[target_feature(enable = "sse4.1")]
    fn rgb_sse41<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        let stride = stretch.source.stride();
        let stride_lanes = _mm_set1_epi32(in_lane(stride));
        let (xs, ys) = (stretch.anchors.x.windows(2), stretch.anchors.y.windows(2));
        let join = vector([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -1, -1, -1, -1]);
        for ((x, y), part) in xs.zip(ys).zip(out.chunks_mut(CHUNK * 3)) {
            let left = Corners::four(x, y, _mm_setr_epi32(0, 1, 2, 3), stride_lanes);
            let right = Corners::four(x, y, _mm_setr_epi32(4, 5, 6, 7), stride_lanes);
            prefetch(stretch, offset(left.at[ahead.pixel % 4]), ahead);
            prefetch(stretch, offset(right.at[ahead.pixel % 4]), ahead);
            let (low, high) = (blend_sse41(stretch, stride, &left), blend_sse41(stretch, stride, &right));
            // 12 and 12 bytes become 16 and 8.
            let first = _mm_or_si128(_mm_shuffle_epi8(low, join), _mm_slli_si128::<12>(high));
            store_rgb(first, _mm_srli_si128::<4>(high), part);
        }
    }

    /// The four RGB pixels, in the first 12 bytes.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn blend_sse41<const C: usize>(stretch: &Stretch<'_, C>, stride: usize, four: &Corners<__m128i, 4>) -> __m128i {
        let (pair_channels, half) = (vector(PAIR_CHANNELS), _mm_set1_epi32(1 << 15));
        let blend = |i: usize, rows: __m128i, columns: __m128i| {
            let at = offset(four.at[i]);
            // SAFETY: the offset is that of a pixel between the anchors.
            let (above, below) = unsafe { (load(stretch, at), load(stretch, at + stride)) };
            let mixed = _mm_maddubs_epi16(_mm_unpacklo_epi8(above, below), rows);
            _mm_add_epi32(_mm_madd_epi16(_mm_shuffle_epi8(mixed, pair_channels), columns), half)
        };
        let (rows, columns) = (four.rows, four.columns);
        let sums = [
            blend(0, _mm_shuffle_epi32::<0x00>(rows), _mm_shuffle_epi32::<0x00>(columns)),
            blend(1, _mm_shuffle_epi32::<0x55>(rows), _mm_shuffle_epi32::<0x55>(columns)),
            blend(2, _mm_shuffle_epi32::<0xAA>(rows), _mm_shuffle_epi32::<0xAA>(columns)),
            blend(3, _mm_shuffle_epi32::<0xFF>(rows), _mm_shuffle_epi32::<0xFF>(columns)),
        ];
        let pair = |a: __m128i, b: __m128i| _mm_blend_epi16::<0xAA>(_mm_srli_epi32::<16>(a), b);
        let packed = _mm_packus_epi16(pair(sums[0], sums[1]), pair(sums[2], sums[3]));
        _mm_shuffle_epi8(packed, vector(UNPAIR_CHANNELS))
    }

    /// Gray pixels, sixteen to a register: eight in each half, as [`near_gray`] does them.
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn gray_avx2<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        const BLOCK: usize = 8;
        let stride = stretch.source.stride();
        let Anchors { mut x, mut y } = stretch.anchors;
        let (blocks, rest) = out.as_chunks_mut::<{ BLOCK * CHUNK }>();
        for block in blocks {
            let boxes = Boxes::new(x, y, stride);
            if let Some(boxes) = boxes {
                for (i, half) in block.as_chunks_mut::<32>().0.iter_mut().enumerate() {
                    prefetch(stretch, offset(boxes.at[4 * i + ahead.pixel % 4]), ahead);
                    let words = [2 * i, 2 * i + 1].map(|pair| near_gray_pair(stretch, stride, &boxes, pair));
                    let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(words[0], words[1]));
                    // SAFETY: 32 bytes of 32.
                    unsafe { _mm256_storeu_si256(half.as_mut_ptr().cast(), bytes) };
                }
            } else {
                gray_chunks(stretch, x, y, ahead, block);
            }
            (x, y) = (&x[BLOCK..], &y[BLOCK..]);
        }
        gray_chunks(stretch, x, y, ahead, rest);
    }

    /// Eight [`Box8`] that are all small. Places and steps stand in 16 bits, in both halves.
    struct Boxes {
        at: [i32; 8],
        x: __m256i,
        y: __m256i,
        x_step: __m256i,
        y_step: __m256i,
    }

    impl Boxes {
        /// `None` when one of the first eight boxes is not small.
        #[inline]
        #[target_feature(enable = "avx2")]
        #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
        fn new(x: &[i32], y: &[i32], stride: usize) -> Option<Self> {
            let axis = |anchors: &[i32], limit: i32| {
                let (from, to) = (&anchors[..8], &anchors[1..9]);
                // SAFETY: both slices hold the 32 bytes of a register.
                let [from, to] = [from, to].map(|part| unsafe { _mm256_loadu_si256(part.as_ptr().cast()) });
                let start = _mm256_add_epi32(from, _mm256_set1_epi32(HALF_WEIGHT));
                let step = _mm256_srai_epi32::<CHUNK_SHIFT>(_mm256_sub_epi32(to, from));
                let end = _mm256_add_epi32(start, _mm256_sub_epi32(_mm256_slli_epi32::<3>(step), step));
                let edge = _mm256_srai_epi32::<WHOLE_SHIFT>(_mm256_min_epi32(start, end));
                let edge_place = _mm256_slli_epi32::<WHOLE_SHIFT>(edge);
                let extent = _mm256_sub_epi32(_mm256_max_epi32(start, end), edge_place);
                let is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(limit << WHOLE_SHIFT), extent);
                (edge, _mm256_sub_epi32(start, edge_place), step, is_small)
            };
            let (left, x, x_step, is_narrow) = axis(x, BOX_WIDTH);
            let (top, y, y_step, is_low) = axis(y, BOX_HEIGHT);
            if _mm256_movemask_epi8(_mm256_and_si256(is_narrow, is_low)) != -1 {
                return None;
            }
            let mut at = [0; 8];
            let stride = _mm256_set1_epi32(in_lane(stride));
            // SAFETY: the array holds the 32 bytes of a register.
            unsafe {
                _mm256_storeu_si256(at.as_mut_ptr().cast(), _mm256_add_epi32(_mm256_mullo_epi32(top, stride), left));
            }
            let twice = |words: __m256i| _mm256_permute4x64_epi64::<0b10_00_10_00>(words);
            Some(Self {
                at,
                x: twice(_mm256_packus_epi32(x, x)),
                y: twice(_mm256_packus_epi32(y, y)),
                x_step: twice(_mm256_packs_epi32(x_step, x_step)),
                y_step: twice(_mm256_packs_epi32(y_step, y_step)),
            })
        }
    }

    /// The eight pixels of two boxes, in 16 bits each.
    #[inline]
    #[target_feature(enable = "avx2")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn near_gray_pair<const C: usize>(stretch: &Stretch<'_, C>, stride: usize, boxes: &Boxes, pair: usize) -> __m256i {
        let k = _mm256_broadcastsi128_si256(_mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7));
        // The box's word in all places of its half.
        let [low, high] = [4 * pair, 4 * pair + 2].map(|byte| {
            let byte = i8::try_from(byte).expect("four pairs have 16 bytes");
            _mm_set1_epi16(i16::from_le_bytes([byte.cast_unsigned(), byte.cast_unsigned() + 1]))
        });
        let pick = _mm256_set_m128i(high, low);
        let [x, y] = [(boxes.x, boxes.x_step), (boxes.y, boxes.y_step)].map(|(start, step)| {
            let step = _mm256_mullo_epi16(_mm256_shuffle_epi8(step, pick), k);
            _mm256_add_epi16(_mm256_shuffle_epi8(start, pick), step)
        });
        let at = [boxes.at[2 * pair], boxes.at[2 * pair + 1]].map(offset);
        let rows = [0, stride, 2 * stride].map(|below| {
            // SAFETY: the box has the row of one pixel between the anchors and the column of another.
            let [low, high] = at.map(|at| unsafe { load(stretch, at + below) });
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
        });
        let column = _mm256_srli_epi16::<WHOLE_SHIFT>(x);
        let right = _mm256_slli_epi16::<8>(_mm256_add_epi16(column, _mm256_set1_epi16(1)));
        let pairs = _mm256_or_si256(column, right);
        let is_lower = _mm256_cmpgt_epi16(y, _mm256_set1_epi16((1 << WHOLE_SHIFT) - 1));
        let [first, second, third] = rows.map(|row| _mm256_shuffle_epi8(row, pairs));
        let above = _mm256_blendv_epi8(first, second, is_lower);
        let below = _mm256_blendv_epi8(second, third, is_lower);
        let [fx, fy] = [x, y].map(|position| {
            _mm256_and_si256(_mm256_srli_epi16::<FRACTION_SHIFT>(position), _mm256_set1_epi16(WORD_MASK))
        });
        let columns = _mm256_add_epi16(_mm256_mullo_epi16(fx, _mm256_set1_epi16(-255)), _mm256_set1_epi16(128));
        let upper = _mm256_sub_epi16(fy, _mm256_set1_epi16(128));
        let lower = _mm256_sub_epi16(_mm256_setzero_si256(), fy);
        let (above, below) = (_mm256_maddubs_epi16(above, columns), _mm256_maddubs_epi16(below, columns));
        let mean = |values: __m256i, weights: __m256i| {
            let sum = _mm256_add_epi32(_mm256_madd_epi16(values, weights), _mm256_set1_epi32(GRAY_HALF));
            _mm256_srli_epi32::<PRODUCT_SHIFT>(sum)
        };
        let first = mean(_mm256_unpacklo_epi16(above, below), _mm256_unpacklo_epi16(upper, lower));
        let second = mean(_mm256_unpackhi_epi16(above, below), _mm256_unpackhi_epi16(upper, lower));
        _mm256_packus_epi32(first, second)
    }

    /// Eight gray pixels from anchor to anchor: the top left corner of the box that holds them, and where in it the first
    /// one lies and how far it is to the next.
    #[derive(Clone, Copy)]
    struct Box8 {
        at: usize,
        x: i32,
        y: i32,
        x_step: i32,
        y_step: i32,
    }

    impl Box8 {
        #[inline]
        #[expect(clippy::cast_sign_loss, reason = "positions between anchors are not negative")]
        fn new(x: &[i32], y: &[i32], stride: usize) -> Self {
            let ([x, x_step], [y, y_step]) = (start_and_step(x), start_and_step(y));
            let left = x.min(x + 7 * x_step) >> WHOLE_SHIFT;
            let top = y.min(y + 7 * y_step) >> WHOLE_SHIFT;
            let at = top as usize * stride + left as usize;
            Self { at, x: x - (left << WHOLE_SHIFT), y: y - (top << WHOLE_SHIFT), x_step, y_step }
        }

        /// Whether all corners lie within [`READ_AHEAD`] pixels of three rows.
        #[inline]
        fn is_small(&self) -> bool {
            self.x.max(self.x + 7 * self.x_step) < BOX_WIDTH << WHOLE_SHIFT
                && self.y.max(self.y + 7 * self.y_step) < BOX_HEIGHT << WHOLE_SHIFT
        }

        /// Positions in the box, if it is small; their fractions in any case.
        #[inline]
        #[target_feature(enable = "sse4.1")]
        #[expect(clippy::cast_possible_truncation, reason = "sums and products below 2^16 are right, fractions always")]
        fn positions(&self) -> [__m128i; 2] {
            let k = _mm_setr_epi16(0, 1, 2, 3, 4, 5, 6, 7);
            [(self.x, self.x_step), (self.y, self.y_step)].map(|(start, step)| {
                _mm_add_epi16(_mm_set1_epi16(start as i16), _mm_mullo_epi16(_mm_set1_epi16(step as i16), k))
            })
        }
    }

    #[target_feature(enable = "sse4.1")]
    fn gray_sse41<const C: usize>(stretch: &Stretch<'_, C>, ahead: Ahead, out: &mut [u8]) {
        gray_chunks(stretch, stretch.anchors.x, stretch.anchors.y, ahead, out);
    }

    /// Gray pixels, eight to a register. The anchors are some of the stretch's.
    #[target_feature(enable = "sse4.1")]
    fn gray_chunks<const C: usize>(stretch: &Stretch<'_, C>, x: &[i32], y: &[i32], ahead: Ahead, out: &mut [u8]) {
        let stride = stretch.source.stride();
        for ((x, y), part) in x.windows(2).zip(y.windows(2)).zip(out.chunks_mut(CHUNK)) {
            let eight = Box8::new(x, y, stride);
            prefetch(stretch, eight.at, ahead);
            if eight.is_small() {
                store_gray(near_gray(stretch, stride, &eight), part);
            } else {
                store_gray(far_gray(stretch, stride, &eight), part);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn store_gray(bytes: __m128i, out: &mut [u8]) {
        if let Ok(whole) = <&mut [u8; CHUNK]>::try_from(&mut *out) {
            // SAFETY: 8 bytes of 8.
            unsafe { _mm_storel_epi64(whole.as_mut_ptr().cast(), bytes) };
        } else {
            store_some(bytes, bytes, out);
        }
    }

    /// Eight pixels whose corners three loads fetch, as on pages that are about straight.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn near_gray<const C: usize>(stretch: &Stretch<'_, C>, stride: usize, eight: &Box8) -> __m128i {
        let [x, y] = eight.positions();
        // SAFETY: the box has the row of one pixel between the anchors and the column of another.
        let rows = unsafe { [0, stride, 2 * stride].map(|below| load(stretch, eight.at + below)) };
        let column = _mm_srli_epi16::<WHOLE_SHIFT>(x);
        let pairs = _mm_or_si128(column, _mm_slli_epi16::<8>(_mm_add_epi16(column, _mm_set1_epi16(1))));
        let is_lower = _mm_cmpgt_epi16(y, _mm_set1_epi16((1 << WHOLE_SHIFT) - 1));
        let [first, second, third] = rows.map(|row| _mm_shuffle_epi8(row, pairs));
        blend_gray(_mm_blendv_epi8(first, second, is_lower), _mm_blendv_epi8(second, third, is_lower), x, y)
    }

    /// Eight pixels anywhere.
    #[inline(never)]
    #[target_feature(enable = "sse4.1")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places in the source, not negative")]
    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn far_gray<const C: usize>(stretch: &Stretch<'_, C>, stride: usize, eight: &Box8) -> __m128i {
        let at = std::array::from_fn::<_, CHUNK, _>(|k| {
            let (x, y) = (eight.x + k as i32 * eight.x_step, eight.y + k as i32 * eight.y_step);
            eight.at + (y >> WHOLE_SHIFT) as usize * stride + (x >> WHOLE_SHIFT) as usize
        });
        let corners = |below: usize| {
            let pair = |k: usize| {
                debug_assert!(at[k] + below + 2 <= stretch.source.pixels.len());
                // SAFETY: that of a pixel between the anchors, or of the one below it; see the module.
                unsafe { stretch.source.pixels.as_ptr().add(at[k] + below).cast::<i16>().read_unaligned() }
            };
            _mm_setr_epi16(pair(0), pair(1), pair(2), pair(3), pair(4), pair(5), pair(6), pair(7))
        };
        let [x, y] = eight.positions();
        blend_gray(corners(0), corners(stride), x, y)
    }

    /// The means of eight pairs of pixels and those below them, in the lower eight bytes.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    fn blend_gray(above: __m128i, below: __m128i, x: __m128i, y: __m128i) -> __m128i {
        let [fx, fy] =
            [x, y].map(|position| _mm_and_si128(_mm_srli_epi16::<FRACTION_SHIFT>(position), _mm_set1_epi16(WORD_MASK)));
        // Negative weights: those of the columns a byte each, those of the rows in 16 bits each.
        let columns = _mm_add_epi16(_mm_mullo_epi16(fx, _mm_set1_epi16(-255)), _mm_set1_epi16(128));
        let (upper, lower) = (_mm_sub_epi16(fy, _mm_set1_epi16(128)), _mm_sub_epi16(_mm_setzero_si128(), fy));
        let (above, below) = (_mm_maddubs_epi16(above, columns), _mm_maddubs_epi16(below, columns));
        let mean = |values: __m128i, weights: __m128i| {
            let sum = _mm_add_epi32(_mm_madd_epi16(values, weights), _mm_set1_epi32(GRAY_HALF));
            _mm_srli_epi32::<PRODUCT_SHIFT>(sum)
        };
        let first = mean(_mm_unpacklo_epi16(above, below), _mm_unpacklo_epi16(upper, lower));
        let second = mean(_mm_unpackhi_epi16(above, below), _mm_unpackhi_epi16(upper, lower));
        let words = _mm_packus_epi32(first, second);
        _mm_packus_epi16(words, words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bounds::Filter;
    use super::super::warp::{Ahead, CHUNK};
    use super::*;

    const WIDTH: usize = 131;
    const HEIGHT: usize = 67;

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

    fn assert_equal<const C: usize>(pixels: &[u8], x: &[i32], y: &[i32], count: usize) {
        let plane = Plane::<C> { pixels: &pixels[..WIDTH * HEIGHT * C], width: WIDTH, height: HEIGHT };
        let stretch = Stretch::new(&plane, Anchors { x, y }).expect("the anchors are inside");
        let ahead = Ahead { bytes: 4000, pixel: count % CHUNK };
        let mut expected = vec![0; count * C];
        run_scalar(&stretch, ahead, &mut expected);
        for run in others::<C>() {
            let mut out = vec![0; count * C];
            run(&stretch, ahead, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a small picture")]
    const LAST_X: i32 = (WIDTH as i32 - 2) << POSITION_BITS;
    #[expect(clippy::cast_possible_truncation, reason = "a small picture")]
    const LAST_Y: i32 = (HEIGHT as i32 - 4) << POSITION_BITS;

    /// Anchors anywhere, or on a line that is about straight, as on most pages.
    fn anchors() -> impl Strategy<Value = (Vec<i32>, Vec<i32>)> {
        let anywhere =
            proptest::collection::vec((0..=LAST_X, 0..=LAST_Y), 2..30).prop_map(|list| list.into_iter().unzip());
        let start = (0..LAST_X / 10, LAST_Y / 3..LAST_Y / 2);
        let step = (4 << POSITION_BITS..9 << POSITION_BITS, -1500..1500);
        let line = (start, step, 2..12i32).prop_map(|((x, y), (dx, dy), count)| {
            ((0..count).map(|i| x + i * dx).collect(), (0..count).map(|i| y + i * dy).collect())
        });
        prop_oneof![anywhere, line]
    }

    proptest! {
        #[test]
        fn all_kernels_give_the_same_bits(
            pixels in proptest::collection::vec(any::<u8>(), WIDTH * HEIGHT * 3),
            (x, y) in anchors(),
            missing in 0..CHUNK,
        ) {
            let count = (x.len() - 1) * CHUNK - missing;
            assert_equal::<3>(&pixels, &x, &y, count);
            assert_equal::<1>(&pixels, &x, &y, count);
        }
    }

    #[test]
    fn only_anchors_well_inside_make_a_stretch() {
        let pixels = vec![0; WIDTH * HEIGHT];
        let plane = Plane::<1> { pixels: &pixels, width: WIDTH, height: HEIGHT };
        let is_inside = |x: [i32; 2], y: [i32; 2]| Stretch::new(&plane, Anchors { x: &x, y: &y }).is_some();
        assert!(is_inside([0, LAST_X], [LAST_Y, 0]));
        assert!(!is_inside([-1, LAST_X], [LAST_Y, 0]) && !is_inside([0, LAST_X + 1], [LAST_Y, 0]));
        assert!(!is_inside([0, LAST_X], [LAST_Y, -1]) && !is_inside([0, LAST_X], [LAST_Y + 1, 0]));
        let short = Plane::<1> { pixels: &pixels[1..], ..plane };
        assert!(Stretch::new(&short, Anchors { x: &[0, 0], y: &[0, 0] }).is_none());
        let narrow = Plane::<1> { pixels: &pixels[..15 * HEIGHT], width: 15, height: HEIGHT };
        assert!(Stretch::new(&narrow, Anchors { x: &[0, 0], y: &[0, 0] }).is_none());
    }

    proptest! {
        #[test]
        fn all_brightness_kernels_give_the_same_bits(rgb in proptest::collection::vec(any::<u8>(), 0..700)) {
            let mut expected = vec![0; rgb.len() / 3];
            luma_scalar(&rgb, &mut expected);
            let mut kernels = vec![best_luma()];
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("ssse3") {
                kernels.push(x86::luma_ssse3);
            }
            for kernel in kernels {
                let mut gray = vec![0; rgb.len() / 3];
                kernel(&rgb, &mut gray);
                prop_assert_eq!(&gray, &expected);
            }
        }
    }

    proptest! {
        #[test]
        fn both_kernels_for_edges_find_the_same(
            pixels in proptest::collection::vec(any::<u8>(), 5 * 67 * 3),
            width in 3..67usize,
            threshold in 1f32..1e7,
        ) {
            let planes = [planes_scalar(&pixels), best_planes()(&pixels)];
            prop_assert_eq!(&planes[0], &planes[1]);
            let found = [step_scalar as Step, best_edges()].map(|step| {
                let mut filter = Filter::new(width, threshold);
                for last in [2, 3, 4] {
                    let row = |c: usize, k: usize| &planes[0][c][(last + k).saturating_sub(4) * 67..][..width];
                    step(&mut filter, [0, 1, 2].map(|c| [0, 1, 2, 3, 4].map(|k| row(c, k))));
                }
                let columns: Vec<usize> = filter.peaks.columns().collect();
                let around = columns.iter().map(|&x| [filter.peaks.before[x], filter.peaks.after[x]]).collect::<Vec<_>>();
                (columns, around, filter.rows[2].power[..width].to_vec())
            });
            prop_assert_eq!(&found[0], &found[1]);
        }

        #[test]
        fn all_box_kernels_of_wide_rows_give_the_same_bits(
            pixels in proptest::collection::vec(any::<u8>(), 130 * 4 * 3),
            width in 1..130usize,
            factor in 1..5usize,
        ) {
            let whole = |band: &[u8], boxes: [Boxes; 2], channels: usize| boxes.map(|boxes| {
                let stride = width * channels;
                let mut out = vec![0; width.div_ceil(factor) * channels];
                boxes(&band[..stride * factor], factor, &mut vec![0; stride], &mut out);
                out
            });
            let [expected, out] = whole(&pixels, [boxes_scalar::<3>, best_boxes::<3>()], 3);
            prop_assert_eq!(out, expected);
            let [expected, out] = whole(&pixels, [boxes_scalar::<1>, best_boxes::<1>()], 1);
            prop_assert_eq!(out, expected);
        }

        #[test]
        fn both_box_kernels_give_the_same_bits(
            pixels in proptest::collection::vec(any::<u8>(), 90 * 7 * 3),
            factor in 1..8usize,
        ) {
            let (band, width) = (&pixels[..90 * 3 * factor.min(7)], 90usize.div_ceil(factor));
            let (mut expected, mut out, mut sums) = (vec![0; width * 3], vec![0; width * 3], vec![0; 90 * 3]);
            boxes_scalar::<3>(band, factor, &mut sums, &mut expected);
            best_boxes::<3>()(band, factor, &mut sums, &mut out);
            prop_assert_eq!(out, expected);
        }

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
            let pixels: Vec<u8> = (0..WIDTH * HEIGHT * 3).map(|i| if i % 2 == 0 { a } else { b }).collect();
            for fraction in 0..1 << POSITION_BITS >> 4 {
                let x = (5 << POSITION_BITS) + (fraction << 4);
                let y = (7 << POSITION_BITS) - (fraction << 3);
                let (x, y) = ([x, x + (8 << POSITION_BITS)], [y, y + 77]);
                assert_equal::<3>(&pixels, &x, &y, CHUNK);
                assert_equal::<1>(&pixels, &x, &y, CHUNK);
            }
        }
    }
}
