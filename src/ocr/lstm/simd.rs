//! Kernels for particular CPUs, chosen at run time. The portable kernels are the reference: the others compute the same
//! integers, or are the same code compiled for the CPU, and give the same bits.

use super::gates::{Softmax, Step, Tanh, softmax_scalar, step_scalar, tanh_scalar};
use super::matrix::{Matrix, product_scalar};

/// Adds products of a matrix, see [`Matrix::add_products`].
pub(super) type Product = fn(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]);

/// The fastest kernel for products that this CPU can run.
pub(super) fn best_product() -> Product {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
            return x86::product_vnni;
        }
        if is_x86_feature_detected!("avx2") {
            return x86::product_avx2;
        }
    }
    product_scalar
}

/// The kernels for the curves of the network.
#[derive(Clone, Copy)]
pub(super) struct Curves {
    pub(super) step: Step,
    pub(super) tanh: Tanh,
    pub(super) softmax: Softmax,
}

pub(super) const CURVES_SCALAR: Curves = Curves { step: step_scalar, tanh: tanh_scalar, softmax: softmax_scalar };

/// The fastest kernels for the curves of the network that this CPU can run.
pub(super) fn best_curves() -> Curves {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return x86::CURVES_AVX2;
    }
    CURVES_SCALAR
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Curves, softmax_scalar, step_scalar, tanh_scalar};
    use crate::ocr::lstm::matrix::{GROUP, Matrix, QUAD, Tile};

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn product_avx2(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `best_product` hands this function out, after it has found AVX2.
        unsafe { in_avx2(matrix, inputs, sums) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    pub(super) fn product_vnni(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
        // SAFETY: only `best_product` hands this function out, after it has found AVX-512 VNNI and VL.
        unsafe { in_vnni(matrix, inputs, sums) }
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
        let [a, b, c, d] = quads[q];
        _mm256_set1_epi32(i32::from_ne_bytes([
            a.cast_unsigned(),
            b.cast_unsigned(),
            c.cast_unsigned(),
            d.cast_unsigned(),
        ]))
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

    pub(super) const CURVES_AVX2: Curves = Curves { step: step_avx2, tanh: tanh_avx2, softmax: softmax_avx2 };

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn step_avx2(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]) {
            step_scalar(sums, scales, state, output);
        }
        // SAFETY: only `best_curves` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, state, output) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn tanh_avx2(sums: &[i32], scales: &[f32], output: &mut [i8]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], output: &mut [i8]) {
            tanh_scalar(sums, scales, output);
        }
        // SAFETY: only `best_curves` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, output) }
    }

    #[expect(unsafe_code, reason = "see the JUSTIFICATION of the module")]
    fn softmax_avx2(sums: &[i32], scales: &[f32], output: &mut [f32]) {
        #[target_feature(enable = "avx2")]
        fn compiled_for_avx2(sums: &[i32], scales: &[f32], output: &mut [f32]) {
            softmax_scalar(sums, scales, output);
        }
        // SAFETY: only `best_curves` hands this function out, after it has found AVX2.
        unsafe { compiled_for_avx2(sums, scales, output) }
    }
}
