//! The curves of the network: logistic and hyperbolic tangent, and what the gates of an LSTM cell do with them.
//!
//! Both come from powers of two, `logistic(x) = 1 / (1 + 2^(-x log2 e))` and `tanh(x) = (p - 1) / (p + 1)` with
//! `p = 2^(2x log2 e)`; the scales of the sums hold the factors. A power is made from exponent bits and the Taylor series
//! of 2^r up to r^6, |r| <= 1/2, whose error of 1.2e-7 is that of `f32` (tesseract interpolates tables, with errors up to
//! 1.5e-6: now and then an output of 8 bits differs by one). Written without branches and calls, so that the compiler
//! makes vectors of it, and without fused operations, so that it gives the same bits on every CPU.

use super::matrix::LARGEST;

/// Exponent beyond which the curves are flat for `f32`; products of two such powers are still numbers.
const FLAT: f32 = 60.0;

/// Added and taken away it rounds to whole numbers, which then are the low bits: 1.5 * 2^23.
const ROUNDING: f32 = 12_582_912.0;

/// Coefficients of r to r^6 in 2^r: powers of ln 2 over factorials.
const SERIES: [f32; 6] = {
    use std::f32::consts::LN_2;
    let mut series = [LN_2; 6];
    let mut k = 1;
    while k < 6 {
        series[k] = series[k - 1] * LN_2 / (k + 1) as f32;
        k += 1;
    }
    series
};

/// 2^x, for x beyond [`FLAT`] that of the bound.
#[inline(always)]
fn power(x: f32) -> f32 {
    let x = if x < -FLAT { -FLAT } else { x };
    let x = if x > FLAT { FLAT } else { x };
    let shifted = x + ROUNDING;
    let r = x - (shifted - ROUNDING);
    let [c1, c2, c3, c4, c5, c6] = SERIES;
    let series = 1.0 + r * (c1 + r * (c2 + r * (c3 + r * (c4 + r * (c5 + r * c6)))));
    // The bits of ROUNDING itself fall out of the shift.
    f32::from_bits((shifted.to_bits() << 23).wrapping_add(series.to_bits()))
}

/// Scale of sums for a logistic curve: what is handed to [`step_scalar`] for gates.
pub(super) fn logistic_scale(scale: f32) -> f32 {
    -scale * std::f32::consts::LOG2_E
}

/// Scale of sums for a hyperbolic tangent.
pub(super) fn tanh_scale(scale: f32) -> f32 {
    2.0 * scale * std::f32::consts::LOG2_E
}

/// Scale of sums for [`softmax_scalar`].
pub(super) fn softmax_scale(scale: f32) -> f32 {
    scale * std::f32::consts::LOG2_E
}

/// A value of -1 ..= 1 in the 8 bits of the network.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are the number")]
fn quantize(value: f32) -> i8 {
    (value * LARGEST as f32 + ROUNDING).to_bits() as i8
}

/// Bound of a cell's state, tesseract's.
const STATE_BOUND: f32 = 100.0;

/// One step of as many cells as `state` has. `sums` are those of the cells' inputs, their input gates, their forget gates
/// and their output gates, one after the other; `scales` what they stand for, by [`tanh_scale`] for the inputs and
/// [`logistic_scale`] for the gates. Leaves the new state and output.
pub(super) type Step = fn(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]);

#[inline(always)]
pub(super) fn step_scalar(sums: &[i32], scales: &[f32], state: &mut [f32], output: &mut [i8]) {
    let cells = state.len();
    let (input, rest) = sums[..4 * cells].split_at(cells);
    let (admit, rest) = rest.split_at(cells);
    let (keep, emit) = rest.split_at(cells);
    let (input_scale, rest) = scales[..4 * cells].split_at(cells);
    let (admit_scale, rest) = rest.split_at(cells);
    let (keep_scale, emit_scale) = rest.split_at(cells);
    let output = &mut output[..cells];
    for i in 0..cells {
        let input = power(input[i] as f32 * input_scale[i]);
        let admit = power(admit[i] as f32 * admit_scale[i]);
        let keep = power(keep[i] as f32 * keep_scale[i]);
        let sum = state[i] / (1.0 + keep) + (input - 1.0) / ((input + 1.0) * (1.0 + admit));
        let sum = if sum < -STATE_BOUND { -STATE_BOUND } else { sum };
        let sum = if sum > STATE_BOUND { STATE_BOUND } else { sum };
        state[i] = sum;
        let emit = power(emit[i] as f32 * emit_scale[i]);
        let level = power(sum * (2.0 * std::f32::consts::LOG2_E));
        output[i] = quantize((level - 1.0) / ((level + 1.0) * (1.0 + emit)));
    }
}

/// Hyperbolic tangent of sums, in 8 bits; scales by [`tanh_scale`].
pub(super) type Tanh = fn(sums: &[i32], scales: &[f32], output: &mut [i8]);

#[inline(always)]
pub(super) fn tanh_scalar(sums: &[i32], scales: &[f32], output: &mut [i8]) {
    for ((&sum, &scale), output) in sums.iter().zip(scales).zip(output) {
        let power = power(sum as f32 * scale);
        *output = quantize((power - 1.0) / (power + 1.0));
    }
}

/// Probabilities from sums: powers over the sum of all; scales by [`softmax_scale`].
pub(super) type Softmax = fn(sums: &[i32], scales: &[f32], output: &mut [f32]);

#[inline(always)]
pub(super) fn softmax_scalar(sums: &[i32], scales: &[f32], output: &mut [f32]) {
    for ((&sum, &scale), value) in sums.iter().zip(scales).zip(output.iter_mut()) {
        *value = sum as f32 * scale;
    }
    let largest = output.iter().fold(f32::MIN, |largest, &value| if value > largest { value } else { largest });
    for value in output.iter_mut() {
        *value = power(*value - largest);
    }
    // Summed in eight lanes, whatever the width of the CPU's registers.
    let mut lanes = [0.0_f32; 8];
    let (eights, last) = output.as_chunks::<8>();
    for eight in eights {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane += value;
        }
    }
    let total = lanes.iter().chain(last).sum::<f32>();
    for value in output.iter_mut() {
        *value /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Exponents around the bounds and between them.
    fn exponents() -> impl Iterator<Item = f32> {
        (-70_000..=70_000).map(|i| i as f32 * 1e-3)
    }

    #[test]
    fn powers_are_those_of_two() {
        for x in exponents() {
            let truth = f64::from(x.clamp(-FLAT, FLAT)).exp2();
            assert!((f64::from(power(x)) / truth - 1.0).abs() < 4e-7, "2^{x}");
        }
        assert_eq!((power(0.0), power(1.0), power(-3.0)), (1.0, 2.0, 0.125));
    }

    #[test]
    fn cells_follow_their_gates() {
        let step = |sums: [i32; 4], state: f32| {
            let scales = [tanh_scale(0.01), logistic_scale(0.01), logistic_scale(0.01), logistic_scale(0.01)];
            let (mut state, mut output) = ([state], [0]);
            step_scalar(&sums, &scales, &mut state, &mut output);
            (state[0], output[0])
        };
        let logistic = |x: f32| 1.0 / (1.0 + (-x).exp());
        let (state, output) = step([50, 30, -20, 100], 0.7);
        let truth = 0.5_f32.tanh() * logistic(0.3) + 0.7 * logistic(-0.2);
        assert!((state - truth).abs() < 1e-6, "{state}");
        assert_eq!(f32::from(output), (127.0 * truth.tanh() * logistic(1.0)).round());
        // Gates wide open or shut, whatever the size of the sums.
        assert_eq!(step([i32::MAX, i32::MAX, i32::MIN, i32::MAX], 50.0), (1.0, quantize(1.0_f32.tanh())));
        assert_eq!(step([i32::MIN, i32::MAX, i32::MAX, i32::MAX], -99.5), (-STATE_BOUND, -127));
        assert_eq!(step([i32::MAX, i32::MIN, i32::MAX, i32::MIN], 50.0).1, 0);
    }

    #[test]
    fn probabilities_add_up_to_one() {
        let sums: Vec<i32> = (0..19).map(|i| i * 7 % 19 * 100).collect();
        let mut output = vec![0.0; 19];
        softmax_scalar(&sums, &[softmax_scale(0.01); 19], &mut output);
        assert!((output.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((output[0] / output[11] - (-1.0_f32).exp()).abs() < 1e-6, "sums of 0 and 100");
        softmax_scalar(&[i32::MIN, i32::MAX], &[softmax_scale(1.0); 2], &mut output[..2]);
        assert_eq!(output[1], 1.0);
    }

    #[test]
    fn values_are_rounded_to_the_nearest() {
        assert_eq!([-1.0, -0.5, 0.0, 0.003, 0.005, 1.0].map(quantize), [-127, -64, 0, 0, 1, 127]);
        let mut output = [0; 3];
        tanh_scalar(&[-10_000, 0, 50], &[tanh_scale(0.01); 3], &mut output);
        assert_eq!(output, [-127, 0, 59]);
    }
}
