//! The curves of the network: logistic and hyperbolic tangent, and what the gates of an LSTM cell do with them.
//!
//! Both curves come from one exponential: a power of two from the exponent bits and the Taylor series of 2^r up to r^6,
//! |r| <= 1/2, whose error of 1.2e-7 is that of `f32`. Written without branches and calls, so that the compiler makes
//! vectors of it, and without fused operations, so that it gives the same bits on every CPU.

use super::matrix::LARGEST;

/// Beyond this the logistic is 0 or 1 for `f32`; keeps the exponent within its bits.
const FLAT: f32 = 80.0;

/// Added and taken away it rounds to whole numbers, which then are the low bits: 1.5 * 2^23.
const ROUNDING: f32 = 12_582_912.0;

/// `e^x` for `-`[`FLAT`]` <= x <= `[`FLAT`].
#[inline(always)]
fn exp(x: f32) -> f32 {
    use std::f32::consts::{LN_2, LOG2_E};
    let shifted = x * LOG2_E + ROUNDING;
    let r = (x * LOG2_E - (shifted - ROUNDING)) * LN_2;
    let series = 1.0 + r * (1.0 + r * (1.0 / 2.0 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    // The bits of ROUNDING itself fall out of the shift.
    f32::from_bits((shifted.to_bits() << 23).wrapping_add(series.to_bits()))
}

#[inline(always)]
fn logistic(x: f32) -> f32 {
    let x = if x < -FLAT { -FLAT } else { x };
    let x = if x > FLAT { FLAT } else { x };
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    2.0 * logistic(2.0 * x) - 1.0
}

/// A value of -1 ..= 1 in the 8 bits of the network.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are the number")]
pub(super) fn quantize(value: f32) -> i8 {
    (value * LARGEST as f32 + ROUNDING).to_bits() as i8
}

/// Bound of a cell's state, tesseract's.
const STATE_BOUND: f32 = 100.0;

/// One step of as many cells as `state` has. `sums` are those of the cells' inputs, their input gates, their forget gates
/// and their output gates, one after the other; `scales` what they stand for. Leaves the new state and output.
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
        let new = tanh(input[i] as f32 * input_scale[i]) * logistic(admit[i] as f32 * admit_scale[i]);
        let old = state[i] * logistic(keep[i] as f32 * keep_scale[i]);
        let sum = old + new;
        let sum = if sum < -STATE_BOUND { -STATE_BOUND } else { sum };
        let sum = if sum > STATE_BOUND { STATE_BOUND } else { sum };
        state[i] = sum;
        output[i] = quantize(tanh(sum) * logistic(emit[i] as f32 * emit_scale[i]));
    }
}

/// Hyperbolic tangent of sums, in 8 bits.
pub(super) type Tanh = fn(sums: &[i32], scales: &[f32], output: &mut [i8]);

#[inline(always)]
pub(super) fn tanh_scalar(sums: &[i32], scales: &[f32], output: &mut [i8]) {
    for ((&sum, &scale), output) in sums.iter().zip(scales).zip(output) {
        *output = quantize(tanh(sum as f32 * scale));
    }
}

/// Probabilities from sums: `e^x` over the sum of all.
pub(super) type Softmax = fn(sums: &[i32], scales: &[f32], output: &mut [f32]);

#[inline(always)]
pub(super) fn softmax_scalar(sums: &[i32], scales: &[f32], output: &mut [f32]) {
    for ((&sum, &scale), value) in sums.iter().zip(scales).zip(output.iter_mut()) {
        *value = sum as f32 * scale;
    }
    let largest = output.iter().fold(f32::MIN, |largest, &value| if value > largest { value } else { largest });
    for value in output.iter_mut() {
        let below = *value - largest;
        *value = exp(if below < -FLAT { -FLAT } else { below });
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
