//! Kernels for particular CPUs, chosen at run time. The portable kernels are the reference: the others compute the same
//! integers, or are the same code compiled for the CPU, and give the same bits.
//!
//! JUSTIFICATION of the `unsafe` code
//!  Benefit
//!      Reading a line of 440 pixels takes 17.6 ms of CPU with the portable kernels, 4.5 ms with the products in SSE2, 2.7 ms
//!      in SSSE3, 1.9 ms in AVX2 and 1.4 ms in AVX-512 VNNI (`benches/as-cpu CPU cargo bench --bench page -- line`). Of the
//!      latter two a fifth more would be spent without the curves compiled for AVX2 (1.41 for 1.14 ms on 149 lines of
//!      evaluation pages, when they were written).
//!  Correctness
//!      A function with `#[target_feature]` may be called on a CPU that has the feature. `Kernels::runnable` hands out the
//!      wrappers, which are private to this module, only after `is_x86_feature_detected!` has said so.
//!      Loads and stores go through references to arrays of the very length that is read or written.

use super::gates::{Softmax, Step, Tanh, softmax_scalar, step_scalar, tanh_scalar};
use super::matrix::{Product, product_scalar};

/// What a network runs on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kernels {
    pub(super) product: Product,
    pub(super) step: Step,
    pub(super) tanh: Tanh,
    pub(super) softmax: Softmax,
}

impl Kernels {
    pub(super) const PORTABLE: Self =
        Self { product: product_scalar, step: step_scalar, tanh: tanh_scalar, softmax: softmax_scalar };

    /// The fastest that this CPU can run.
    pub(super) fn best() -> Self {
        Self::runnable()[0].1
    }

    /// All that this CPU can run with the names of their instructions, the fastest first.
    pub(super) fn runnable() -> Vec<(&'static str, Self)> {
        let mut kernels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
                kernels.push(("AVX-512 VNNI", x86::VNNI));
            }
            if is_x86_feature_detected!("avx2") {
                kernels.push(("AVX2", x86::AVX2));
            }
            if is_x86_feature_detected!("ssse3") {
                kernels.push(("SSSE3", x86::SSSE3));
            }
            if is_x86_feature_detected!("sse2") {
                kernels.push(("SSE2", x86::SSE2));
            }
        }
        kernels.push(("portable", Self::PORTABLE));
        kernels
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Kernels, softmax_scalar, step_scalar, tanh_scalar};
    use crate::ocr::lstm::matrix::{GROUP, Matrix, QUAD, Tile};

    pub(super) const VNNI: Kernels = Kernels { product: product_vnni, ..AVX2 };
    pub(super) const AVX2: Kernels =
        Kernels { product: product_avx2, step: step_avx2, tanh: tanh_avx2, softmax: softmax_avx2 };
    pub(super) const SSSE3: Kernels = Kernels { product: product_ssse3, ..Kernels::PORTABLE };
    pub(super) const SSE2: Kernels = Kernels { product: product_sse2, ..Kernels::PORTABLE };

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn product_vnni(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `runnable` hands this function out, after it has found AVX-512 VNNI and VL.
        unsafe { in_vnni(matrix, inputs, sums) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn product_avx2(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `runnable` hands this function out, after it has found AVX2.
        unsafe { in_avx2(matrix, inputs, sums) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn product_ssse3(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `runnable` hands this function out, after it has found SSSE3.
        unsafe { in_ssse3(matrix, inputs, sums) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn product_sse2(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `runnable` hands this function out, after it has found SSE2.
        unsafe { in_sse2(matrix, inputs, sums) }
    }

    #[target_feature(enable = "sse2")]
    fn in_sse2(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        let (input_len, output_len) = (matrix.input_len(), matrix.output_len());
        for (group, tiles) in matrix.tiles.chunks_exact(matrix.quads).enumerate() {
            for (input, output) in inputs.chunks_exact(input_len).zip(sums.chunks_exact_mut(output_len)) {
                let (halves, _) = output[group * GROUP..].as_chunks_mut::<{ GROUP / 2 }>();
                for (half, sums) in halves[..2].iter_mut().enumerate() {
                    half_row_sse2(tiles, half, input, sums.as_chunks_mut().0.first_chunk_mut().expect("half a group"));
                }
            }
        }
    }

    /// One vector for half a group: with products of 16 bits each sum takes two lanes.
    #[target_feature(enable = "sse2")]
    fn half_row_sse2(tiles: &[Tile], half: usize, input: &[i8], sums: &mut [[i32; 4]; 4]) {
        let mut totals = [[_mm_setzero_si128(); 2]; 4];
        for (tile, &quad) in tiles.iter().zip(input.as_chunks::<QUAD>().0) {
            let [values, _] = widened(_mm_set1_epi32(bits(quad)));
            let (halves, _) = tile.as_flattened().as_chunks::<{ GROUP / 2 * QUAD }>();
            for (totals, weights) in totals.iter_mut().zip(halves[half].as_chunks().0) {
                for (total, weights) in totals.iter_mut().zip(widened(load_half(weights))) {
                    *total = _mm_add_epi32(*total, _mm_madd_epi16(weights, values));
                }
            }
        }
        for (sum, totals) in sums.iter_mut().zip(totals) {
            let [low, high] = totals.map(|total| _mm_castsi128_ps(total));
            let even = _mm_castps_si128(_mm_shuffle_ps::<0b10_00_10_00>(low, high));
            let odd = _mm_castps_si128(_mm_shuffle_ps::<0b11_01_11_01>(low, high));
            store_half(sum, _mm_add_epi32(load_half_sums(sum), _mm_add_epi32(even, odd)));
        }
    }

    /// Bytes with 16 bits each, the first eight and the others.
    #[target_feature(enable = "sse2")]
    fn widened(bytes: __m128i) -> [__m128i; 2] {
        [_mm_unpacklo_epi8(bytes, bytes), _mm_unpackhi_epi8(bytes, bytes)].map(|twice| _mm_srai_epi16::<8>(twice))
    }

    #[target_feature(enable = "ssse3")]
    fn in_ssse3(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        let (input_len, output_len) = (matrix.input_len(), matrix.output_len());
        for (group, tiles) in matrix.tiles.chunks_exact(matrix.quads).enumerate() {
            for (input, output) in inputs.chunks_exact(input_len).zip(sums.chunks_exact_mut(output_len)) {
                let (registers, _) = output[group * GROUP..].as_chunks_mut::<4>();
                row_ssse3(tiles, input, registers.first_chunk_mut().expect("a whole group"));
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn in_avx2(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        let (input_len, output_len) = (matrix.input_len(), matrix.output_len());
        for (group, tiles) in matrix.tiles.chunks_exact(matrix.quads).enumerate() {
            let mut pairs = inputs.chunks_exact(2 * input_len);
            let mut outputs = sums.chunks_exact_mut(2 * output_len);
            for (input, output) in pairs.by_ref().zip(outputs.by_ref()) {
                let (a, b) = input.split_at(input_len);
                let (c, d) = output.split_at_mut(output_len);
                rows_avx2(tiles, [a, b], [part(c, group), part(d, group)]);
            }
            let rest = pairs.remainder().chunks_exact(input_len);
            for (input, output) in rest.zip(outputs.into_remainder().chunks_exact_mut(output_len)) {
                rows_avx2(tiles, [input], [part(output, group)]);
            }
        }
    }

    #[target_feature(enable = "avx512vnni,avx512vl,avx2")]
    fn in_vnni(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        let (input_len, output_len) = (matrix.input_len(), matrix.output_len());
        for (group, tiles) in matrix.tiles.chunks_exact(matrix.quads).enumerate() {
            let (offsets, _) = matrix.offsets[group * GROUP..].as_chunks::<8>();
            let offsets: &[[i32; 8]; 4] = offsets.first_chunk().expect("a whole group");
            let mut fours = inputs.chunks_exact(4 * input_len);
            let mut outputs = sums.chunks_exact_mut(4 * output_len);
            for (input, output) in fours.by_ref().zip(outputs.by_ref()) {
                let row = |i: usize| &input[i * input_len..(i + 1) * input_len];
                let (a, rest) = output.split_at_mut(output_len);
                let (b, rest) = rest.split_at_mut(output_len);
                let (c, d) = rest.split_at_mut(output_len);
                let outputs = [part(a, group), part(b, group), part(c, group), part(d, group)];
                rows_vnni(tiles, offsets, [row(0), row(1), row(2), row(3)], outputs);
            }
            let rest = fours.remainder().chunks_exact(input_len);
            for (input, output) in rest.zip(outputs.into_remainder().chunks_exact_mut(output_len)) {
                rows_vnni(tiles, offsets, [input], [part(output, group)]);
            }
        }
    }

    /// The registers of a group in a vector of sums.
    fn part(sums: &mut [i32], group: usize) -> &mut [[i32; 8]; 4] {
        let (registers, _) = sums[group * GROUP..].as_chunks_mut::<8>();
        registers.first_chunk_mut().expect("a whole group")
    }

    /// The values of a quad in each lane.
    #[target_feature(enable = "avx2")]
    fn broadcast(quads: &[[i8; QUAD]], q: usize) -> __m256i {
        _mm256_set1_epi32(bits(quads[q]))
    }

    fn bits(quad: [i8; QUAD]) -> i32 {
        i32::from_ne_bytes(quad.map(i8::cast_unsigned))
    }

    /// `R` vectors at once, so that a weight once loaded serves them all.
    #[target_feature(enable = "avx2")]
    fn rows_avx2<const R: usize>(tiles: &[Tile], inputs: [&[i8]; R], sums: [&mut [[i32; 8]; 4]; R]) {
        let inputs = inputs.map(|input| &input.as_chunks::<QUAD>().0[..tiles.len()]);
        let ones = _mm256_set1_epi16(1);
        let mut totals = [[_mm256_setzero_si256(); 4]; R];
        for (q, tile) in tiles.iter().enumerate() {
            let weights = [load(&tile[0]), load(&tile[1]), load(&tile[2]), load(&tile[3])];
            for r in 0..R {
                let values = broadcast(inputs[r], q);
                // One factor of the instruction has no sign: the values give theirs to the weights. Two products of at
                // most 127 * 127 do not saturate its 16 bits.
                let sizes = _mm256_abs_epi8(values);
                for (total, &weights) in totals[r].iter_mut().zip(&weights) {
                    let pairs = _mm256_maddubs_epi16(sizes, _mm256_sign_epi8(weights, values));
                    *total = _mm256_add_epi32(*total, _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        for (sums, totals) in sums.into_iter().zip(totals) {
            for (sum, total) in sums.iter_mut().zip(totals) {
                store(sum, _mm256_add_epi32(load_sums(sum), total));
            }
        }
    }

    /// [`rows_avx2`] for one vector in registers of half the width: the sixteen of the CPU hold no more sums.
    #[target_feature(enable = "ssse3")]
    fn row_ssse3(tiles: &[Tile], input: &[i8], sums: &mut [[i32; 4]; 8]) {
        let ones = _mm_set1_epi16(1);
        let mut totals = [_mm_setzero_si128(); 8];
        for (tile, &quad) in tiles.iter().zip(input.as_chunks::<QUAD>().0) {
            let values = _mm_set1_epi32(bits(quad));
            let sizes = _mm_abs_epi8(values);
            for (total, weights) in totals.iter_mut().zip(tile.as_flattened().as_chunks().0) {
                let pairs = _mm_maddubs_epi16(sizes, _mm_sign_epi8(load_half(weights), values));
                *total = _mm_add_epi32(*total, _mm_madd_epi16(pairs, ones));
            }
        }
        for (sum, total) in sums.iter_mut().zip(totals) {
            store_half(sum, _mm_add_epi32(load_half_sums(sum), total));
        }
    }

    #[target_feature(enable = "avx512vnni,avx512vl,avx2")]
    fn rows_vnni<const R: usize>(
        tiles: &[Tile],
        offsets: &[[i32; 8]; 4],
        inputs: [&[i8]; R],
        sums: [&mut [[i32; 8]; 4]; R],
    ) {
        let inputs = inputs.map(|input| &input.as_chunks::<QUAD>().0[..tiles.len()]);
        // One factor of the instruction has no sign: 128 is added to the values, and its share taken away at the end.
        let shift = _mm256_set1_epi8(i8::MIN);
        let mut totals = [[_mm256_setzero_si256(); 4]; R];
        for (q, tile) in tiles.iter().enumerate() {
            let weights = [load(&tile[0]), load(&tile[1]), load(&tile[2]), load(&tile[3])];
            for r in 0..R {
                let values = _mm256_xor_si256(broadcast(inputs[r], q), shift);
                for (total, &weights) in totals[r].iter_mut().zip(&weights) {
                    *total = _mm256_dpbusd_epi32(*total, values, weights);
                }
            }
        }
        for (sums, totals) in sums.into_iter().zip(totals) {
            for ((sum, total), offset) in sums.iter_mut().zip(totals).zip(offsets) {
                let total = _mm256_sub_epi32(total, load_sums(offset));
                store(sum, _mm256_add_epi32(load_sums(sum), total));
            }
        }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "avx2")]
    fn load(values: &[i8; 32]) -> __m256i {
        // SAFETY: the array has the 32 bytes that are read, at any alignment.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "avx2")]
    fn load_sums(values: &[i32; 8]) -> __m256i {
        // SAFETY: the array has the 32 bytes that are read, at any alignment.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "avx2")]
    fn store(values: &mut [i32; 8], register: __m256i) {
        // SAFETY: the array has the 32 bytes that are written, at any alignment.
        unsafe { _mm256_storeu_si256(values.as_mut_ptr().cast(), register) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "sse2")]
    fn load_half(values: &[i8; 16]) -> __m128i {
        // SAFETY: the array has the 16 bytes that are read, at any alignment.
        unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "sse2")]
    fn load_half_sums(values: &[i32; 4]) -> __m128i {
        // SAFETY: the array has the 16 bytes that are read, at any alignment.
        unsafe { _mm_loadu_si128(values.as_ptr().cast()) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    #[target_feature(enable = "sse2")]
    fn store_half(values: &mut [i32; 4], register: __m128i) {
        // SAFETY: the array has the 16 bytes that are written, at any alignment.
        unsafe { _mm_storeu_si128(values.as_mut_ptr().cast(), register) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn step_avx2(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]) {
            step_scalar(sums, scales, state, output);
        }
        // SAFETY: only `runnable` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, state, output) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn tanh_avx2(sums: &[i32], scales: &[f32], output: &mut [i8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], output: &mut [i8]) {
            tanh_scalar(sums, scales, output);
        }
        // SAFETY: only `runnable` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, output) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn softmax_avx2(sums: &[i32], scales: &[f32], output: &mut [f32]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], output: &mut [f32]) {
            softmax_scalar(sums, scales, output);
        }
        // SAFETY: only `runnable` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, output) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::lstm::gates::{logistic_scale, tanh_scale};
    use crate::ocr::lstm::matrix::{Matrix, Tile};
    use crate::ocr::lstm::random::Noise;

    fn values(noise: &mut Noise, count: usize) -> Vec<i8> {
        (0..count).map(|_| noise.value()).collect()
    }

    #[test]
    fn products_are_the_same_on_every_cpu() {
        let mut noise = Noise::new(7);
        for (groups, quads) in [(1, 1), (1, 3), (2, 12), (3, 5), (9, 48)] {
            let mut matrix = Matrix { tiles: vec![[[0; 32]; 4]; groups * quads], quads, offsets: Vec::new() };
            for weights in matrix.tiles.as_flattened_mut().as_flattened_mut() {
                *weights = noise.value();
            }
            let sum = |output: usize| {
                let tiles = &matrix.tiles[output / 32 * quads..][..quads];
                let weights = |tile: &Tile| {
                    let register = tile[output % 32 / 8];
                    register[output % 8 * 4..][..4].iter().map(|&weight| i32::from(weight)).sum::<i32>()
                };
                tiles.iter().map(weights).sum::<i32>()
            };
            let offsets = (0..groups * 32).map(|output| 128 * sum(output)).collect();
            matrix.offsets = offsets;
            for rows in 0..=9 {
                let mut inputs = values(&mut noise, rows * matrix.input_len());
                // The largest sums, too.
                inputs.iter_mut().take(matrix.input_len() / 2).for_each(|value| *value = -127);
                let start: Vec<i32> =
                    values(&mut noise, rows * matrix.output_len()).into_iter().map(|v| i32::from(v) << 20).collect();
                let mut expected = start.clone();
                product_scalar(&matrix, &inputs, &mut expected);
                for (name, kernels) in Kernels::runnable() {
                    let mut sums = start.clone();
                    (kernels.product)(&matrix, &inputs, &mut sums);
                    assert_eq!(sums, expected, "{name}: {groups} groups, {quads} quads, {rows} rows");
                }
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        for (weight, value) in [(127_i8, 127_i8), (127, -127), (-127, 127), (-127, -127)] {
            let offsets = vec![128 * 256 * i32::from(weight); 32];
            let matrix = Matrix { tiles: vec![[[weight; 32]; 4]; 64], quads: 64, offsets };
            for (name, kernels) in Kernels::runnable() {
                let mut sums = [5; 32];
                (kernels.product)(&matrix, &[value; 256], &mut sums);
                assert_eq!(sums, [5 + 256 * i32::from(weight) * i32::from(value); 32], "{name}");
            }
        }
    }

    #[test]
    fn curves_are_the_same_on_every_cpu() {
        let mut noise = Noise::new(9);
        for cells in [1, 7, 8, 16, 48, 101] {
            let sums: Vec<i32> = (0..4 * cells).map(|_| i32::from(noise.value()) * i32::from(noise.value())).collect();
            let scale = |i: usize| if i < cells { tanh_scale(1e-3) } else { logistic_scale(1e-3) };
            let scales: Vec<f32> = (0..4 * cells).map(scale).collect();
            let run = |kernels: Kernels| {
                let (mut state, mut output) = (vec![0.3; cells], vec![0; cells]);
                (kernels.step)(&sums, &scales, &mut state, &mut output);
                (kernels.step)(&sums, &scales, &mut state, &mut output);
                let (mut values, mut probabilities) = (vec![0; 4 * cells], vec![0.0; 4 * cells]);
                (kernels.tanh)(&sums, &scales, &mut values);
                (kernels.softmax)(&sums, &scales, &mut probabilities);
                (state, output, values, probabilities)
            };
            let expected = run(Kernels::PORTABLE);
            for (name, kernels) in Kernels::runnable() {
                assert_eq!(run(kernels), expected, "{name}: {cells} cells");
            }
        }
    }
}
