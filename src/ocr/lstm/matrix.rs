//! Matrices of 8-bit weights, laid out for the kernels, and their products with 8-bit vectors.

use super::file::{Cursor, Malformed};

/// Outputs that the kernels compute together, in four registers of eight.
pub(super) const GROUP: usize = 32;

/// Inputs whose products are summed at once, one 32-bit lane.
pub(super) const QUAD: usize = 4;

/// Weights of [`GROUP`] outputs for [`QUAD`] inputs: four registers, in each eight outputs, of each the four inputs.
pub(super) type Tile = [[i8; 8 * QUAD]; 4];

/// Most rows or columns of a matrix: twenty times those of the largest matrix in vie of tessdata_fast (768).
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
        if !(1..=MOST).contains(&outputs) || !(2..=MOST).contains(&columns) {
            return Err(Malformed("a matrix of a wrong size"));
        }
        let values: Vec<i8> = file.bytes(outputs * columns)?.iter().map(|byte| byte.cast_signed()).collect();
        if values.contains(&i8::MIN) {
            return Err(Malformed("a weight out of range"));
        }
        // Later versions of tesseract write zeros behind the scales of the outputs, up to whole registers.
        let written = file.size()?;
        if !(outputs..=outputs.next_multiple_of(GROUP)).contains(&written) {
            return Err(Malformed("a matrix without its scales"));
        }
        // Vectors hold their values times LARGEST.
        #[expect(clippy::cast_possible_truncation, reason = "f32 is as exact as the weights")]
        let scale = |file: &mut Cursor<'_>| file.f64().map(|scale| (scale / f64::from(LARGEST)) as f32);
        let mut scales = (0..written).map(|_| scale(file)).collect::<Result<Vec<_>, _>>()?;
        scales.truncate(outputs);
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

    /// Length of a vector of inputs for a [`Product`].
    pub(super) fn input_len(&self) -> usize {
        self.quads * QUAD
    }

    /// Length of a vector of outputs.
    pub(super) fn output_len(&self) -> usize {
        self.offsets.len()
    }
}

/// Adds the product of the matrix with each vector of `inputs`, [`Matrix::input_len`] values each, to the sums in `sums`,
/// [`Matrix::output_len`] each. Values are of [`LARGEST`] at most; those beyond the inputs of the matrix may be any.
pub(super) type Product = fn(matrix: &Matrix, inputs: &[i8], sums: &mut [i32]);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix as a file has it: flags, rows, columns, a filler, the weights, the scales.
    fn file(outputs: u32, columns: u32, weights: &[i8], scales: &[f64]) -> Vec<u8> {
        let mut bytes = vec![INT8 | DOUBLE];
        bytes.extend([outputs, columns].iter().flat_map(|size| size.to_le_bytes()));
        bytes.push(0);
        bytes.extend(weights.iter().map(|weight| weight.cast_unsigned()));
        bytes.extend(u32::try_from(scales.len()).unwrap().to_le_bytes());
        bytes.extend(scales.iter().flat_map(|scale| scale.to_le_bytes()));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Weights, Malformed> {
        Weights::read(&mut Cursor::new(bytes))
    }

    #[test]
    fn products_add_to_the_sums() {
        let weights = read(&file(2, 4, &[1, -2, 3, 10, -127, 127, 5, -1], &[127.0, 254.0])).unwrap();
        assert_eq!((weights.inputs(), weights.scales.as_slice()), (3, &[1.0, 2.0][..]));
        assert_eq!(weights.biases().collect::<Vec<_>>(), [1270, -127]);
        let matrix = Matrix::new(&[&weights, &weights], &(1..3));
        assert_eq!((matrix.input_len(), matrix.output_len()), (4, 32));
        let mut sums = vec![100; 32];
        // The last two values belong to no input.
        product_scalar(&matrix, &[4, -5, 77, 78], &mut sums);
        assert_eq!(sums[..5], [100 - 23, 100 + 483, 100 - 23, 100 + 483, 100]);
    }

    #[test]
    fn scales_may_be_filled_up_to_whole_registers() {
        let weights = read(&file(2, 2, &[1; 4], &[127.0, 254.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])).unwrap();
        assert_eq!(weights.scales, [1.0, 2.0]);
    }

    #[test]
    fn matrices_that_are_none_are_refused() {
        let good = file(2, 2, &[1; 4], &[1.0; 2]);
        assert!(read(&good).is_ok());
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{end} bytes");
        }
        let flagged = |flags| [&[flags], &good[1..]].concat();
        assert!(read(&flagged(DOUBLE)).is_err(), "32 bits");
        assert!(read(&flagged(INT8)).is_err(), "old scales");
        assert!(read(&file(u32::MAX, u32::MAX, &[], &[])).is_err(), "huge");
        assert!(read(&file(0, 2, &[], &[])).is_err(), "empty");
        assert!(read(&file(2, 2, &[1, 1, 1, -128], &[1.0; 2])).is_err(), "-128");
        assert!(read(&file(2, 2, &[1; 4], &[1.0; 1])).is_err(), "too few scales");
        assert!(read(&file(2, 2, &[1; 4], &[1.0; 33])).is_err(), "too many scales");
        assert!(read(&file(2, 2, &[1; 4], &[1.0, f64::NAN])).is_err(), "no number");
        assert!(read(&file(2, 2, &[1; 4], &[1.0, -1.0])).is_err(), "negative");
    }
}
