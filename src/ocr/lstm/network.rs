//! The network: a convolution, LSTM layers along the line, a probability for each character.
//!
//! Read and run is tesseract's family `[1,H,0,1 Ct3,3,F Mpx,y Lfys S (Lfx N | Lrx N)... O1c N]` in 8 bits (its `VGSL`
//! notation; vie of tessdata_fast is `Ct3,3,16 Mp3,3 Lfys48 Lfx96 Lrx96 Lfx192`). Values between layers are of 8 bits and
//! sums of 32, so results equal tesseract's but for the last bits of the curves, and are the same on every CPU.

use std::ops::Range;

use super::file::{Cursor, Malformed};
use super::gates::{logistic_scale, softmax_scale, tanh_scale};
use super::matrix::{Matrix, Product, Weights};
use super::picture::Input;
use super::random::Noise;
use super::simd::Kernels;

/// Vectors of sums that are computed together: enough to use each weight often, few enough to stay in the cache.
const CHUNK: usize = 32;

/// Pixels to each side of the middle that the convolution sees.
const REACH: usize = 1;
const WINDOW: usize = (2 * REACH + 1) * (2 * REACH + 1);

/// A network with its weights.
#[derive(Debug)]
pub(super) struct Network {
    height: usize,
    convolution: Dense,
    /// Columns and rows of which the largest value is kept.
    pool: [usize; 2],
    /// From top to bottom of each column.
    summary: Lstm,
    layers: Vec<(Direction, Lstm)>,
    output: Dense,
    /// Outputs of the last layer.
    pub(super) outputs: usize,
    /// The output that stands for no character.
    pub(super) null: usize,
    seed: u64,
    pub(super) kernels: Kernels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Probabilities of the outputs at each time step.
#[derive(Debug)]
pub(super) struct Probabilities {
    pub(super) outputs: usize,
    values: Vec<f32>,
}

impl Probabilities {
    #[cfg(test)]
    pub(super) fn new(outputs: usize, values: Vec<f32>) -> Self {
        Self { outputs, values }
    }

    pub(super) fn steps(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.outputs)
    }
}

impl Network {
    /// Reads the component of the network.
    pub(super) fn read(file: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let series = Header::read(file)?.expect_kind("Series")?;
        let count = file.size()?;
        let height = read_input(file)?;
        let convolution = read_convolution(file)?;
        let pool = read_pool(file)?;
        let transposed = Header::read(file)?.expect_kind("XYTranspose")?;
        let summary = read_only_child(file, &transposed, "SummLSTM")?;
        let mut layers = Vec::new();
        let softmax = loop {
            let header = Header::read(file)?;
            match header.kind {
                "LSTM" => layers.push((Direction::Forward, Lstm::read(file, &header)?)),
                "RTLReversed" => layers.push((Direction::Backward, read_only_child(file, &header, "LSTM")?)),
                _ => break header.expect_kind("Softmax")?,
            }
        };
        let output = Weights::read(file)?;
        series.skip_rates(file)?;
        // Input, convolution, pool, summary and output.
        if count != 5 + layers.len() || output.outputs != softmax.outputs {
            return Err(UNKNOWN);
        }
        let _specification = file.string()?;
        let (_flags, _iteration) = (file.u32()?, file.u32()?);
        let samples = u64::from(file.u32()?);
        let null = file.size()?;
        let mut inputs = convolution.outputs;
        for lstm in std::iter::once(&summary).chain(layers.iter().map(|(_, lstm)| lstm)) {
            if lstm.inputs != inputs {
                return Err(MISFIT);
            }
            inputs = lstm.cells;
        }
        if output.inputs() != inputs || height % pool[1] != 0 || null >= output.outputs {
            return Err(MISFIT);
        }
        Ok(Self {
            height,
            convolution: Dense::new(&convolution, tanh_scale),
            pool,
            summary,
            layers,
            outputs: output.outputs,
            output: Dense::new(&output, softmax_scale),
            null,
            // Tesseract's seed for a line.
            seed: samples * 0x1000_0001,
            kernels: Kernels::best(),
        })
    }

    /// Rows of the picture that it wants.
    pub(super) fn height(&self) -> u32 {
        u32::try_from(self.height).expect("a few rows")
    }

    /// Pixels a time step.
    pub(super) fn columns_a_step(&self) -> usize {
        self.pool[0]
    }

    /// Probabilities of the outputs at each step, one step for [`Network::columns_a_step`] columns.
    pub(super) fn run(&self, input: &Input) -> Probabilities {
        let steps = input.width / self.pool[0];
        let features = self.convolve(input);
        let columns = self.summary.run(&features, steps, Direction::Forward, self.kernels);
        let last_row = columns.len() - steps * self.summary.output_stride();
        let mut sequence = columns[last_row..].to_vec();
        for (direction, lstm) in &self.layers {
            sequence = lstm.run(&sequence, 1, *direction, self.kernels);
        }
        let mut values = vec![0.0; steps * self.outputs];
        let stride = self.output.matrix.input_len();
        let mut sums = Vec::new();
        for (inputs, values) in sequence.chunks(CHUNK * stride).zip(values.chunks_mut(CHUNK * self.outputs)) {
            self.output.sums(inputs, &mut sums, self.kernels.product);
            let sums = sums.chunks_exact(self.output.matrix.output_len());
            for (sums, values) in sums.zip(values.chunks_exact_mut(self.outputs)) {
                (self.kernels.softmax)(&sums[..self.outputs], &self.output.scales, values);
            }
        }
        Probabilities { outputs: self.outputs, values }
    }

    /// Convolution and pool: for each row of cells, for each column, the features.
    fn convolve(&self, input: &Input) -> Vec<i8> {
        let [across, down] = self.pool;
        let steps = input.width / across;
        let stride = self.summary.from_inputs.input_len();
        let features = self.summary.inputs;
        let mut noise = Noise::new(self.seed);
        let (window_len, sums_len) = (self.convolution.matrix.input_len(), self.convolution.matrix.output_len());
        let mut windows = vec![0; down * input.width * window_len];
        let mut sums = Vec::new();
        let mut out = vec![0; self.height / down * steps * stride];
        let mut largest = vec![0; features];
        for (band, out) in out.chunks_exact_mut((steps * stride).max(1)).enumerate() {
            for (row, windows) in windows.chunks_exact_mut(input.width * window_len).enumerate() {
                fill_windows(input, band * down + row, window_len, &mut noise, windows);
            }
            self.convolution.sums(&windows, &mut sums, self.kernels.product);
            for (step, out) in out.chunks_exact_mut(stride).enumerate() {
                largest.fill(i32::MIN);
                for row in 0..down {
                    let from = (row * input.width + step * across) * sums_len;
                    for sums in sums[from..from + across * sums_len].chunks_exact(sums_len) {
                        for (largest, &sum) in largest.iter_mut().zip(sums) {
                            *largest = sum.max(*largest);
                        }
                    }
                }
                // The curve rises: of the largest sum comes the largest value.
                (self.kernels.tanh)(&largest, &self.convolution.scales, &mut out[..features]);
            }
        }
        out
    }
}

/// The neighbourhoods of a row's pixels, column by column; noise outside the picture, drawn in tesseract's order.
fn fill_windows(input: &Input, y: usize, window_len: usize, noise: &mut Noise, windows: &mut [i8]) {
    let row = |y: usize| input.rows.get(y * input.width..(y + 1) * input.width);
    let rows = [y.checked_sub(1).and_then(row), row(y), row(y + 1)];
    let last = input.width - 1;
    let whole = rows.map(|row| row.unwrap_or_default());
    for (x, window) in windows.chunks_exact_mut(window_len).enumerate() {
        let inner = x > 0 && x < last && rows[0].is_some() && rows[2].is_some();
        for (column, part) in window[..WINDOW].chunks_exact_mut(3).enumerate() {
            if inner {
                for (value, row) in part.iter_mut().zip(whole) {
                    *value = row[x + column - REACH];
                }
                continue;
            }
            let source = (x + column).checked_sub(REACH).filter(|&x| x <= last);
            for (value, row) in part.iter_mut().zip(rows) {
                *value = source.and_then(|x| row.map(|row| row[x])).unwrap_or_else(|| noise.value());
            }
        }
    }
}

/// A matrix with its biases, and what its sums stand for in the curve that follows.
#[derive(Debug)]
struct Dense {
    matrix: Matrix,
    biases: Vec<i32>,
    scales: Vec<f32>,
}

impl Dense {
    fn new(weights: &Weights, curve: fn(f32) -> f32) -> Self {
        let matrix = Matrix::new(&[weights], &(0..weights.inputs()));
        Self {
            biases: padded(weights.biases(), matrix.output_len()),
            scales: weights.scales.iter().map(|&scale| curve(scale)).collect(),
            matrix,
        }
    }

    /// The sums for each of `inputs`, in place of what is in `sums`.
    fn sums(&self, inputs: &[i8], sums: &mut Vec<i32>, product: Product) {
        begin(sums, &self.biases, inputs.len() / self.matrix.input_len());
        product(&self.matrix, inputs, sums);
    }
}

fn padded(values: impl Iterator<Item = i32>, len: usize) -> Vec<i32> {
    let mut values: Vec<i32> = values.collect();
    values.resize(len, 0);
    values
}

/// Lets `count` vectors of sums begin with the biases.
fn begin(sums: &mut Vec<i32>, biases: &[i32], count: usize) {
    sums.clear();
    for _ in 0..count {
        sums.extend_from_slice(biases);
    }
}

/// A layer of LSTM cells.
#[derive(Debug)]
struct Lstm {
    inputs: usize,
    cells: usize,
    from_inputs: Matrix,
    from_outputs: Matrix,
    /// Of the cells' inputs, input gates, forget gates and output gates.
    biases: Vec<i32>,
    scales: Vec<f32>,
}

impl Lstm {
    fn read(file: &mut Cursor<'_>, header: &Header<'_>) -> Result<Self, Malformed> {
        let width = file.size()?;
        let gates = [Weights::read(file)?, Weights::read(file)?, Weights::read(file)?, Weights::read(file)?];
        let cells = header.outputs;
        let inputs = width.checked_sub(cells).filter(|&inputs| inputs > 0).ok_or(MISFIT)?;
        if gates.iter().any(|gate| gate.outputs != cells || gate.inputs() != width) || inputs != header.inputs {
            return Err(MISFIT);
        }
        let parts = gates.each_ref();
        let curves = [tanh_scale, logistic_scale, logistic_scale, logistic_scale];
        let from_inputs = Matrix::new(&parts, &(0..inputs));
        Ok(Self {
            inputs,
            cells,
            biases: padded(gates.iter().flat_map(Weights::biases), from_inputs.output_len()),
            scales: gates
                .iter()
                .zip(curves)
                .flat_map(|(gate, curve)| gate.scales.iter().map(move |&s| curve(s)))
                .collect(),
            from_outputs: Matrix::new(&parts, &(inputs..width)),
            from_inputs,
        })
    }

    /// Length of a vector of outputs.
    fn output_stride(&self) -> usize {
        self.from_outputs.input_len()
    }

    /// Runs `lines` lines side by side; `inputs` holds for each step a vector a line. Outputs lie likewise.
    fn run(&self, inputs: &[i8], lines: usize, direction: Direction, kernels: Kernels) -> Vec<i8> {
        let (input_len, output_len) = (lines * self.from_inputs.input_len(), lines * self.output_stride());
        if lines == 0 {
            return Vec::new();
        }
        let steps = inputs.len() / input_len;
        let mut outputs = vec![0; steps * output_len];
        let mut output = vec![0; output_len];
        let mut states = vec![0.0; lines * self.cells];
        let mut sums = Vec::new();
        let sums_len = self.from_inputs.output_len();
        for chunk in chunks(steps, (CHUNK / lines).max(1), direction) {
            begin(&mut sums, &self.biases, chunk.len() * lines);
            let chunk_inputs = &inputs[chunk.start * input_len..chunk.end * input_len];
            (kernels.product)(&self.from_inputs, chunk_inputs, &mut sums);
            for i in 0..chunk.len() {
                let i = if direction == Direction::Forward { i } else { chunk.len() - 1 - i };
                let sums = &mut sums[i * lines * sums_len..(i + 1) * lines * sums_len];
                (kernels.product)(&self.from_outputs, &output, sums);
                let per_line = sums.chunks_exact(sums_len).zip(states.chunks_exact_mut(self.cells));
                for ((sums, state), output) in per_line.zip(output.chunks_exact_mut(self.output_stride())) {
                    (kernels.step)(sums, &self.scales, state, output);
                }
                outputs[(chunk.start + i) * output_len..][..output_len].copy_from_slice(&output);
            }
        }
        outputs
    }
}

/// Steps in ranges of `len` at most, in the order in which a direction comes to them.
fn chunks(steps: usize, len: usize, direction: Direction) -> impl Iterator<Item = Range<usize>> {
    let count = steps.div_ceil(len);
    (0..count).map(move |i| match direction {
        Direction::Forward => i * len..((i + 1) * len).min(steps),
        Direction::Backward => (count - 1 - i) * len..((count - i) * len).min(steps),
    })
}

const UNKNOWN: Malformed = Malformed("a network of another kind");
const MISFIT: Malformed = Malformed("layers that do not fit each other");

/// Layers may carry a learning rate for each of their parts.
const OWN_RATES: u32 = 64;

/// What stands in front of each layer.
struct Header<'a> {
    kind: &'a str,
    flags: u32,
    inputs: usize,
    outputs: usize,
}

impl<'a> Header<'a> {
    fn read(file: &mut Cursor<'a>) -> Result<Self, Malformed> {
        if file.u8()? != 0 {
            return Err(UNKNOWN);
        }
        let kind = file.string()?;
        let is_in_training = file.u8()? != 0;
        let _needs_gradient = file.u8()?;
        let flags = file.u32()?;
        let (inputs, outputs) = (file.size()?, file.size()?);
        let _weights = file.u32()?;
        let _name = file.string()?;
        if is_in_training { Err(UNKNOWN) } else { Ok(Self { kind, flags, inputs, outputs }) }
    }

    fn expect_kind(self, kind: &str) -> Result<Self, Malformed> {
        if self.kind == kind { Ok(self) } else { Err(UNKNOWN) }
    }

    fn skip_rates(&self, file: &mut Cursor<'_>) -> Result<(), Malformed> {
        if self.flags & OWN_RATES != 0 {
            let count = file.size()?;
            file.bytes(count.saturating_mul(size_of::<f32>()))?;
        }
        Ok(())
    }
}

/// Height of the picture that a network takes: gray, of any width.
fn read_input(file: &mut Cursor<'_>) -> Result<usize, Malformed> {
    Header::read(file)?.expect_kind("Input")?;
    let (_batch, height, width, depth, _loss) = (file.u32()?, file.size()?, file.u32()?, file.u32()?, file.u32()?);
    if (1..=MOST_ROWS).contains(&height) && width == 0 && depth == 1 { Ok(height) } else { Err(UNKNOWN) }
}

/// Rows that a picture of a line may have: tesseract's models have 36 and 48.
const MOST_ROWS: usize = 256;

/// A stack of neighbourhoods and the matrix that is applied to it.
fn read_convolution(file: &mut Cursor<'_>) -> Result<Weights, Malformed> {
    let series = Header::read(file)?.expect_kind("Series")?;
    let parts = file.size()?;
    Header::read(file)?.expect_kind("Convolve")?;
    let reach = [file.size()?, file.size()?];
    Header::read(file)?.expect_kind("Tanh")?;
    let weights = Weights::read(file)?;
    series.skip_rates(file)?;
    if parts == 2 && reach == [REACH; 2] && weights.inputs() == WINDOW { Ok(weights) } else { Err(UNKNOWN) }
}

fn read_pool(file: &mut Cursor<'_>) -> Result<[usize; 2], Malformed> {
    Header::read(file)?.expect_kind("Maxpool")?;
    let pool = [file.size()?, file.size()?];
    if pool.iter().all(|side| (1..=MOST_ROWS).contains(side)) { Ok(pool) } else { Err(UNKNOWN) }
}

/// The LSTM that a layer has inside.
fn read_only_child(file: &mut Cursor<'_>, outer: &Header<'_>, kind: &str) -> Result<Lstm, Malformed> {
    if file.size()? != 1 {
        return Err(UNKNOWN);
    }
    let header = Header::read(file)?.expect_kind(kind)?;
    let lstm = Lstm::read(file, &header)?;
    outer.skip_rates(file)?;
    Ok(lstm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_see_the_neighbours_and_noise_outside() {
        let input = Input { width: 3, rows: (1..=9).collect(), step: 1.0 };
        let mut windows = vec![0; 3 * 12];
        let mut again = Noise::new(1);
        let drawn: Vec<i8> = (0..13).map(|_| again.value()).collect();
        let mut noise = Noise::new(1);
        fill_windows(&input, 0, 12, &mut noise, &mut windows);
        let d = |i: usize| drawn[i];
        // Column by column: three rows of the column to the left, of its own, of that to the right.
        assert_eq!(windows[..9], [d(0), d(1), d(2), d(3), 1, 4, d(4), 2, 5]);
        assert_eq!(windows[12..21], [d(5), 1, 4, d(6), 2, 5, d(7), 3, 6]);
        assert_eq!(windows[24..33], [d(8), 2, 5, d(9), 3, 6, d(10), d(11), d(12)]);
        fill_windows(&input, 1, 12, &mut noise, &mut windows);
        assert_eq!(windows[12..21], [1, 4, 7, 2, 5, 8, 3, 6, 9]);
    }

    #[test]
    fn chunks_cover_all_steps_from_either_end() {
        assert_eq!(chunks(7, 3, Direction::Forward).collect::<Vec<_>>(), [0..3, 3..6, 6..7]);
        assert_eq!(chunks(7, 3, Direction::Backward).collect::<Vec<_>>(), [6..7, 3..6, 0..3]);
        assert_eq!(chunks(0, 3, Direction::Forward).count(), 0);
    }
}
