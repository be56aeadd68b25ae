//! Matrices of 8-bit weights, laid out for the kernels, and their products with 8-bit vectors.

use super::file::{Cursor, Malformed};
use super::simd;

/// Outputs that the kernels compute together, in four registers of eight.
pub(super) const GROUP: usize = 32;

/// Inputs whose products are summed at once, one 32-bit lane.
pub(super) const QUAD: usize = 4;

/// Weights of [`GROUP`] outputs for [`QUAD`] inputs: four registers, in each eight outputs, of each the four inputs.
pub(super) type Tile = [[i8; 8 * QUAD]; 4];

/// Most rows or columns of a matrix: twenty times those of the largest known model.
const MOST: usize = 16_384;

/// Largest magnitude of weights and values: one bit less than i8 holds, so that negation never overflows.
pub(super) const LARGEST: i32 = 127;

/// A matrix as the file has it, an output a row.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) outputs: usize,
    /// Columns; the bias, which is multiplied by [`LARGEST`], is the last.
    columns: usize,
    values: Vec<i8>,
    /// What a sum of products stands for.
    pub(super) scales: Vec<f32>,
}

/// Bits of the byte in front of a matrix.
const INT8: u8 = 1;
const DOUBLE: u8 = 128;

impl Weights {
    pub(super) fn read(file: &mut Cursor<'_>) -> Result<Self, Malformed> {
        if file.u8()? & (INT8 | DOUBLE) != INT8 | DOUBLE {
            return Err(Malformed("weights that are not of 8 bits"));
        }
        let (outputs, columns) = (file.size()?, file.size()?);
        let _filler = file.u8()?;
        if outputs == 0 || outputs > MOST || columns < 2 || columns > MOST {
            return Err(Malformed("a matrix of a wrong size"));
        }
        let values: Vec<i8> = file.bytes(outputs * columns)?.iter().map(|byte| byte.cast_signed()).collect();
        if values.contains(&i8::MIN) {
            return Err(Malformed("a weight out of range"));
        }
        if file.size()? != outputs {
            return Err(Malformed("a matrix without its scales"));
        }
        // Vectors hold their values times LARGEST.
        #[expect(clippy::cast_possible_truncation, reason = "f32 is as exact as the weights")]
        let scale = |file: &mut Cursor<'_>| file.f64().map(|scale| (scale / f64::from(LARGEST)) as f32);
        let scales = (0..outputs).map(|_| scale(file)).collect::<Result<Vec<_>, _>>()?;
        if scales.iter().any(|scale| !scale.is_finite() || *scale < 0.0) {
            return Err(Malformed("a scale out of range"));
        }
        Ok(Self { outputs, columns, values, scales })
    }

    /// Inputs, without the bias.
    pub(super) fn inputs(&self) -> usize {
        self.columns - 1
    }

    /// What each output's sum begins with.
    pub(super) fn biases(&self) -> impl Iterator<Item = i32> + '_ {
        self.values.chunks_exact(self.columns).map(|row| i32::from(row[self.columns - 1]) * LARGEST)
    }

    /// The weights of one output for some of the inputs.
    fn row(&self, output: usize, inputs: &std::ops::Range<usize>) -> &[i8] {
        &self.values[output * self.columns..][inputs.clone()]
    }
}

/// Weights laid out for the kernels. Outputs are filled up to whole groups, inputs to whole quads, with zeros.
#[derive(Debug)]
pub(super) struct Matrix {
    /// [`Tile`]s, for each group of outputs one a quad of inputs.
    pub(super) tiles: Vec<Tile>,
    /// Quads of inputs.
    pub(super) quads: usize,
    /// Sums of each output's weights times 128: what a kernel takes away that adds 128 to each value.
    pub(super) offsets: Vec<i32>,
}

impl Matrix {
    /// Some inputs of the outputs of several matrices, one below the other.
    pub(super) fn new(parts: &[&Weights], inputs: &std::ops::Range<usize>) -> Self {
        let rows: Vec<&[i8]> =
            parts.iter().flat_map(|part| (0..part.outputs).map(move |output| part.row(output, inputs))).collect();
        let quads = inputs.len().div_ceil(QUAD);
        let groups = rows.len().div_ceil(GROUP);
        let mut tiles = vec![[[0; 8 * QUAD]; 4]; groups * quads];
        let mut offsets = vec![0; groups * GROUP];
        for (output, row) in rows.into_iter().enumerate() {
            let (group, register, lane) = (output / GROUP, output % GROUP / 8, output % 8);
            for (input, &weight) in row.iter().enumerate() {
                tiles[group * quads + input / QUAD][register][lane * QUAD + input % QUAD] = weight;
                offsets[output] += 128 * i32::from(weight);
            }
        }
        Self { tiles, quads, offsets }
    }

    /// Length of a vector of inputs for [`Matrix::add_products`].
    pub(super) fn input_len(&self) -> usize {
        self.quads * QUAD
    }

    /// Length of a vector of outputs.
    pub(super) fn output_len(&self) -> usize {
        self.offsets.len()
    }

    /// Adds the product with each vector of `inputs`, [`Matrix::input_len`] values each, to the sums in `sums`,
    /// [`Matrix::output_len`] each. Values are of [`LARGEST`] at most; those beyond the inputs of the matrix may be any.
    pub(super) fn add_products(&self, inputs: &[i8], sums: &mut [i32]) {
        debug_assert_eq!(inputs.len() / self.input_len(), sums.len() / self.output_len());
        simd::best_product()(self, inputs, sums);
    }
}

/// The kernel for any CPU, and what the others are held against.
pub(super) fn product_scalar(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]) {
    for (input, sums) in inputs.chunks_exact(matrix.input_len()).zip(sums.chunks_exact_mut(matrix.output_len())) {
        let (quads, _) = input.as_chunks::<QUAD>();
        for (tiles, sums) in matrix.tiles.chunks_exact(matrix.quads).zip(sums.chunks_exact_mut(GROUP)) {
            for (tile, quad) in tiles.iter().zip(quads) {
                for (weights, sums) in tile.iter().zip(sums.chunks_exact_mut(8)) {
                    for (weights, sum) in weights.as_chunks::<QUAD>().0.iter().zip(sums) {
                        *sum += (0..QUAD).map(|i| i32::from(weights[i]) * i32::from(quad[i])).sum::<i32>();
                    }
                }
            }
        }
    }
}
