//! Connected components (8-neighbourhood) of a bitmap, found over horizontal runs with union-find.

#![expect(clippy::cast_possible_truncation, reason = "picture coordinates lie far below 2^31")]

use image::GrayImage;

/// A half-open box in pixels of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) x0: i32,
    pub(crate) y0: i32,
    pub(crate) x1: i32,
    pub(crate) y1: i32,
}

impl Bounds {
    pub(crate) fn width(&self) -> i32 {
        self.x1 - self.x0
    }

    pub(crate) fn height(&self) -> i32 {
        self.y1 - self.y0
    }

    pub(crate) fn center_x(&self) -> i32 {
        (self.x0 + self.x1) / 2
    }

    pub(crate) fn center_y(&self) -> i32 {
        (self.y0 + self.y1) / 2
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// Length of the common part of the two x ranges; negative: the gap between them.
    pub(crate) fn overlap_x(&self, other: &Self) -> i32 {
        self.x1.min(other.x1) - self.x0.max(other.x0)
    }

    /// Length of the common part of the two y ranges; negative: the gap between them.
    pub(crate) fn overlap_y(&self, other: &Self) -> i32 {
        self.y1.min(other.y1) - self.y0.max(other.y0)
    }

    pub(crate) fn contains(&self, x: i32, y: i32) -> bool {
        (self.x0..self.x1).contains(&x) && (self.y0..self.y1).contains(&y)
    }
}

/// A picture of zeros and ones, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<u8>,
}

impl Bitmap {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0; width * height] }
    }

    pub(crate) fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..(y + 1) * self.width]
    }
}

/// Pixels of a word.
const WORD: usize = u64::BITS as usize;

/// A [`Bitmap`] in bits, for what passes over whole pages: each row in whole words, its first pixel the lowest bit, zeros
/// behind its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) width: usize,
    pub(crate) height: usize,
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(bitmap: &Bitmap) -> Self {
        let mut bits = Self::blank(bitmap.width, bitmap.height);
        let rows = bitmap.data.chunks_exact(bitmap.width.max(1));
        for (row, words) in rows.zip(bits.words.chunks_exact_mut(bitmap.width.div_ceil(WORD).max(1))) {
            pack(row, |value| value != 0, words);
        }
        bits
    }

    fn blank(width: usize, height: usize) -> Self {
        Self { width, height, words: vec![0; width.div_ceil(WORD) * height] }
    }

    /// Words of a row.
    fn stride(&self) -> usize {
        self.width.div_ceil(WORD)
    }

    /// Rows become columns.
    pub(crate) fn transposed(&self) -> Self {
        let mut out = Self::blank(self.height, self.width);
        let (stride, out_stride) = (self.stride(), out.stride());
        for y in (0..self.height).step_by(WORD) {
            for column in 0..stride {
                let mut block = [0; WORD];
                let rows = self.words[y * stride..].chunks_exact(stride.max(1));
                block.iter_mut().zip(rows).for_each(|(word, row)| *word = row[column]);
                transpose(&mut block);
                let rows = out.words[column * WORD * out_stride..].chunks_exact_mut(out_stride.max(1));
                rows.zip(block).for_each(|(row, word)| row[y / WORD] = word);
            }
        }
        out
    }

    /// What is left without the columns' runs longer than `longest`: a run of that many is kept.
    pub(crate) fn without_long_columns(&self, longest: usize) -> Self {
        let stride = self.stride();
        // Opening by a column of one more, in steps that double.
        let steps = || {
            let mut length = 1;
            std::iter::from_fn(move || {
                let step = length.min(longest + 1 - length);
                length += step;
                (step > 0).then_some(step * stride)
            })
        };
        let mut long = self.words.clone();
        let len = long.len();
        for offset in steps().map(|offset| offset.min(len)) {
            for i in 0..len - offset {
                long[i] &= long[i + offset];
            }
            long[len - offset..].fill(0);
        }
        for offset in steps().map(|offset| offset.min(len)) {
            for i in (offset..len).rev() {
                long[i] |= long[i - offset];
            }
        }
        let words = self.words.iter().zip(long).map(|(word, long)| word & !long).collect();
        Self { words, ..*self }
    }
}

/// The pixels of a row in bits.
fn pack(row: &[u8], is_ink: impl Fn(u8) -> bool, words: &mut [u64]) {
    // Multiplied by this, the lowest bits of eight bytes come together in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (whole, rest) = row.as_chunks::<WORD>();
    for (pixels, word) in whole.iter().zip(&mut *words) {
        let ink = pixels.map(|value| u8::from(is_ink(value)));
        let eights = ink.as_chunks::<8>().0.iter().rev();
        *word = eights.fold(0, |word, &eight| word << 8 | u64::from_le_bytes(eight).wrapping_mul(GATHER) >> 56);
    }
    if let Some(word) = words.get_mut(whole.len()) {
        *word = rest.iter().rev().fold(0, |word, &value| word << 1 | u64::from(is_ink(value)));
    }
}

/// Makes rows of a block columns: exchanges its upper right and lower left quarters, then those of each quarter (Warren,
/// "Hacker's Delight", 7-3).
fn transpose(block: &mut [u64; WORD]) {
    let mut side = WORD / 2;
    let mut mask = u64::MAX >> side;
    while side > 0 {
        for row in (0..WORD).filter(|row| row & side == 0) {
            let differing = (block[row] >> side ^ block[row + side]) & mask;
            block[row] ^= differing << side;
            block[row + side] ^= differing;
        }
        side /= 2;
        mask ^= mask << side;
    }
}

/// One component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    pub(crate) bounds: Bounds,
    /// Number of its pixels.
    pub(crate) area: i32,
}

/// A horizontal run of black pixels `x0..x1` of row `y`, part of component `component`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) y: i32,
    pub(crate) x0: i32,
    pub(crate) x1: i32,
    pub(crate) component: u32,
}

/// All components of a bitmap, in the order of their first run, and the runs they consist of (by row, left to right).
#[derive(Debug)]
pub(crate) struct Components {
    pub(crate) list: Vec<Component>,
    pub(crate) runs: Vec<Run>,
}

/// Finds the components of a bitmap. White gaps of up to `bridge` pixels inside a row do not part a component (they are
/// not counted as area); 0 for plain 8-connectivity.
pub(crate) fn find(bitmap: &Bitmap, bridge: i32) -> Components {
    find_where(&bitmap.data, bitmap.width, bridge, |value| value != 0)
}

/// [`find`] for the pixels of at least the value `least` in a gray picture, without bridges.
pub(crate) fn find_gray(gray: &GrayImage, least: u8) -> Components {
    find_where(gray.as_raw(), gray.width() as usize, 0, |value| value >= least)
}

/// [`find`] for a picture in bits.
pub(crate) fn find_bits(bits: &Bits, bridge: i32) -> Components {
    let mut finder = Finder::default();
    for row in bits.words.chunks_exact(bits.stride().max(1)) {
        finder.add_row(row, bits.width, bridge);
    }
    number(finder.runs, finder.sets)
}

fn find_where(pixels: &[u8], width: usize, bridge: i32, is_ink: impl Fn(u8) -> bool) -> Components {
    let mut finder = Finder::default();
    let mut words = vec![0; width.div_ceil(WORD)];
    for row in pixels.chunks_exact(width.max(1)) {
        pack(row, &is_ink, &mut words);
        finder.add_row(&words, width, bridge);
    }
    number(finder.runs, finder.sets)
}

/// The runs of the rows so far and which of them touch.
#[derive(Default)]
struct Finder {
    runs: Vec<Run>,
    sets: Sets,
    rows: i32,
    /// First run of the last row.
    above: usize,
}

impl Finder {
    fn add_row(&mut self, words: &[u64], width: usize, bridge: i32) {
        let start = self.runs.len();
        self.scan(words, width, bridge);
        let mut j = self.above;
        for i in start..self.runs.len() {
            while j < start && self.runs[j].x1 < self.runs[i].x0 {
                j += 1;
            }
            let mut k = j;
            while k < start && self.runs[k].x0 <= self.runs[i].x1 {
                self.sets.join(i as u32, k as u32);
                k += 1;
            }
        }
        self.above = start;
        self.rows += 1;
    }

    /// Appends the runs of a row.
    fn scan(&mut self, words: &[u64], width: usize, bridge: i32) {
        let mut last_end = i32::MIN / 2;
        let mut begun = None;
        let mut add = |x0: i32, x1: i32| {
            let id = self.runs.len() as u32;
            self.sets.0.push(if x0 - last_end <= bridge { id - 1 } else { id });
            self.runs.push(Run { y: self.rows, x0, x1, component: id });
            last_end = x1;
        };
        let mut last_pixel = 0;
        for (word, base) in words.iter().zip((0..).step_by(WORD)) {
            // Where a pixel differs from the one before it.
            let mut edges = word ^ (word << 1 | last_pixel);
            last_pixel = word >> (WORD - 1);
            while edges != 0 {
                let x = base + edges.trailing_zeros() as i32;
                edges &= edges - 1;
                match begun.take() {
                    None => begun = Some(x),
                    Some(x0) => add(x0, x),
                }
            }
        }
        if let Some(x0) = begun {
            add(x0, width as i32);
        }
    }
}

/// Disjoint sets of numbers. The root of a set is its smallest member.
#[derive(Debug, Default)]
pub(crate) struct Sets(Vec<u32>);

impl Sets {
    /// The numbers from 0, each by itself.
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count as u32).collect())
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number that stands for a number's set.
    pub(crate) fn root(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            self.0[i as usize] = self.0[self.0[i as usize] as usize];
            i = self.0[i as usize];
        }
        i
    }

    /// Makes one set of two.
    pub(crate) fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

fn number(mut runs: Vec<Run>, mut sets: Sets) -> Components {
    let mut list: Vec<Component> = Vec::new();
    let mut ids = vec![u32::MAX; runs.len()];
    for (i, run) in runs.iter_mut().enumerate() {
        let top = sets.root(i as u32) as usize;
        let bounds = Bounds { x0: run.x0, y0: run.y, x1: run.x1, y1: run.y + 1 };
        if ids[top] == u32::MAX {
            ids[top] = list.len() as u32;
            list.push(Component { bounds, area: 0 });
        }
        run.component = ids[top];
        let component = &mut list[ids[top] as usize];
        component.bounds = component.bounds.union(&bounds);
        component.area += run.x1 - run.x0;
    }
    Components { list, runs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(rows: &[&str]) -> Bitmap {
        let data = rows.iter().flat_map(|row| row.bytes().map(|b| u8::from(b == b'#'))).collect();
        Bitmap { width: rows[0].len(), height: rows.len(), data }
    }

    #[test]
    fn diagonal_neighbours_are_one_component() {
        let found = find(&bitmap(&["#..#", ".#..", "..#."]), 0);
        let mut areas: Vec<i32> = found.list.iter().map(|c| c.area).collect();
        areas.sort_unstable();
        assert_eq!(areas, [1, 3]);
        assert_eq!(find(&bitmap(&["#..#", ".#..", "...."]), 0).list.len(), 2);
    }

    #[test]
    fn bridged_dots_are_one_component_of_their_own_area() {
        let found = find(&bitmap(&["#..#..#"]), 2);
        assert_eq!(found.list.len(), 1);
        assert_eq!(found.list[0].area, 3);
        assert_eq!(found.list[0].bounds, Bounds { x0: 0, y0: 0, x1: 7, y1: 1 });
        assert_eq!(find(&bitmap(&["#..#..#"]), 1).list.len(), 3);
    }

    #[test]
    fn fainter_pixels_part_components_of_a_gray_picture() {
        let rows: [&[u8]; 4] = [&[9, 0, 9, 0, 0], &[9, 0, 9, 0, 0], &[0, 9, 0, 0, 9], &[0, 0, 0, 0, 1]];
        let gray = GrayImage::from_raw(5, 4, rows.concat()).unwrap();
        let found: Vec<(Bounds, i32)> = find_gray(&gray, 5).list.iter().map(|c| (c.bounds, c.area)).collect();
        let bounds = |x0, y0, x1, y1| Bounds { x0, y0, x1, y1 };
        assert_eq!(found, [(bounds(0, 0, 3, 3), 5), (bounds(4, 2, 5, 3), 1)]);
        assert!(find_gray(&GrayImage::new(0, 7), 1).list.is_empty());
    }

    #[test]
    fn arms_that_meet_below_are_joined() {
        let found = find(&bitmap(&["#.#", "#.#", "###"]), 0);
        assert_eq!(found.list.len(), 1);
        assert_eq!(found.list[0].area, 7);
    }

    /// Ink with runs of all lengths, over the ends of words.
    fn speckled(width: usize, height: usize) -> Bitmap {
        let mut noise = 1_u32;
        let data = (0..width * height).map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::from(noise >> 30 > 0)
        });
        Bitmap { width, height, data: data.collect() }
    }

    #[test]
    fn runs_are_those_of_the_rows() {
        for width in [1, 63, 64, 65, 128, 200] {
            let picture = speckled(width, 9);
            let found = find(&picture, 0);
            let mut again = Bitmap::new(width, 9);
            for run in &found.runs {
                let [y, x0, x1] = [run.y, run.x0, run.x1].map(|at| usize::try_from(at).unwrap());
                let row = &mut again.data[y * width..][..width];
                assert!(x0 == 0 || row[x0 - 1] == 0, "runs do not touch");
                row[x0..x1].fill(1);
            }
            assert_eq!(again.data, picture.data, "{width}");
            let of_bits = find_bits(&Bits::new(&picture), 0);
            assert_eq!(format!("{of_bits:?}"), format!("{found:?}"));
        }
    }

    #[test]
    fn rows_become_columns() {
        for (width, height) in [(1, 1), (4, 2), (64, 64), (130, 67), (7, 200), (0, 3), (3, 0)] {
            let picture = speckled(width, height);
            let turned = Bits::new(&picture).transposed();
            let data = (0..width * height).map(|i| picture.data[i % height * width + i / height]).collect();
            assert_eq!(turned, Bits::new(&Bitmap { width: height, height: width, data }), "{width}x{height}");
        }
    }

    #[test]
    fn long_columns_are_left_out() {
        // One column with runs of these lengths, those that are not kept white.
        let column = |keep: &dyn Fn(usize) -> bool| {
            let lengths = [1, 9, 2, 8, 3, 7, 16, 4, 17, 18, 2];
            let runs = lengths.iter().flat_map(|&length| [&[0][..], &vec![u8::from(keep(length)); length]].concat());
            let data: Vec<u8> = runs.collect();
            Bits::new(&Bitmap { width: 1, height: data.len(), data })
        };
        for longest in [1, 2, 3, 7, 16] {
            let kept = column(&|length| length <= longest);
            assert_eq!(column(&|_| true).without_long_columns(longest), kept, "{longest}");
        }
    }
}
