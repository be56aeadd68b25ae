//! Colour edges of the working picture.
//!
//! Gradients are taken in red, green and blue and each pixel keeps the channel where it is strongest: white paper on
//! light wood differs in blue far more than in luma. Edges are thinned by non-maximum suppression across the gradient
//! and located to a fraction of a pixel by a parabola.

use image::RgbImage;

use crate::imaging::simd;

/// Response of the 5×5 derivative kernel to an ideal step of height 1.
const STEP_GAIN: f32 = 48.0;
/// Pixels of the box over which local colour is averaged.
const BOX_AREA: f32 = 25.0;
/// No edge.
const NONE: u32 = u32::MAX;
/// Ends of a row or column without edges.
const NO_ENDS: (u32, u32) = (u32::MAX, 0);

/// A thinned edge pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct EdgePoint {
    /// Sub-pixel position.
    pub x: f32,
    pub y: f32,
    /// Unit gradient: from dark to bright in the strongest channel.
    pub nx: f32,
    pub ny: f32,
    /// Height of the equivalent sharp step, grey levels.
    pub strength: f32,
}

/// Edges and local colour of a picture.
pub(super) struct EdgeMap {
    pub width: usize,
    pub height: usize,
    pub points: Vec<EdgePoint>,
    /// Strength in whole grey levels, 0 for no edge: most places have none, and this small list tells so from the cache.
    levels: Vec<u8>,
    /// Index into `points`, or `NONE`.
    index: Vec<u32>,
    /// For every row the first and the last column with an edge, for every column the first and the last row.
    row_ends: Vec<(u32, u32)>,
    column_ends: Vec<(u32, u32)>,
    /// Sums over 5×5 boxes, interleaved RGB.
    boxes: Vec<u16>,
    /// A part of the picture that is left out.
    cover: Option<Outline>,
}

impl EdgeMap {
    /// Finds edges at least `min_strength` grey levels high.
    pub(super) fn new(image: &RgbImage, min_strength: f32) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut map = Self {
            width,
            height,
            points: Vec::new(),
            levels: vec![0; width * height],
            index: vec![NONE; width * height],
            row_ends: vec![NO_ENDS; height],
            column_ends: vec![NO_ENDS; width],
            boxes: vec![0; width * height * 3],
            cover: None,
        };
        if width < 3 || height < 3 {
            return map;
        }
        let threshold = (min_strength * STEP_GAIN).max(1.0).powi(2);
        let (raw, planes) = (image.as_raw(), simd::best_planes()(image.as_raw()));
        let step = simd::best_edges();
        let mut filter = Filter::new(width, threshold);
        for y in 0..height {
            let around = |k: usize| (y + k).saturating_sub(2).min(height - 1);
            let rows = [0, 1, 2, 3, 4].map(|k| &raw[around(k) * width * 3..][..width * 3]);
            let plane_rows =
                [0, 1, 2].map(|c: usize| [0, 1, 2, 3, 4].map(|k| &planes[c][around(k) * width..][..width]));
            step(&mut filter, plane_rows);
            filter.sums.boxes(rows, &mut map.boxes[y * width * 3..][..width * 3]);
            if y >= 2 {
                map.take(y - 1, &filter);
            }
        }
        map
    }

    /// Takes in the edges of a row.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "fewer pixels than u32 counts; levels")]
    fn take(&mut self, y: usize, filter: &Filter) {
        let (peaks, row) = (&filter.peaks, &filter.rows[1]);
        let index = &mut self.index[y * self.width..][..self.width];
        let levels = &mut self.levels[y * self.width..][..self.width];
        for at in peaks.columns() {
            let [before, magnitude, after] = [peaks.before[at], row.power[at], peaks.after[at]].map(f32::sqrt);
            index[at] = self.points.len() as u32;
            levels[at] = ((magnitude / STEP_GAIN) as u8).max(1);
            extend(&mut self.row_ends[y], at as u32);
            extend(&mut self.column_ends[at], y as u32);
            let shift = 0.5 * (before - after) / (before - 2.0 * magnitude + after).min(-1e-3);
            let (gx, gy) = (row.gx[at], row.gy[at]);
            let (dx, dy) = neighbour(gx, gy);
            self.points.push(EdgePoint {
                x: at as f32 + shift * dx,
                y: y as f32 + shift * dy,
                nx: gx / magnitude,
                ny: gy / magnitude,
                strength: magnitude / STEP_GAIN,
            });
        }
    }

    /// Leaves out what lies on a sheet: its edges are no more, and lines are not seen there.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer pixels than u32 counts")]
    pub(super) fn cover(&mut self, sheet: &[(f32, f32); 4]) {
        /// Edges this far outside an outline are still those of the sheet and its shadow, working pixels.
        const MARGIN: f32 = 5.0;
        let outline = Outline::new(sheet, MARGIN);
        let points = std::mem::take(&mut self.points);
        self.row_ends.fill(NO_ENDS);
        self.column_ends.fill(NO_ENDS);
        for (at, index) in self.index.iter_mut().enumerate() {
            if *index == NONE {
                continue;
            }
            let point = points[*index as usize];
            if outline.holds(point.x, point.y) {
                (*index, self.levels[at]) = (NONE, 0);
                continue;
            }
            *index = self.points.len() as u32;
            self.points.push(point);
            let (x, y) = (at % self.width, at / self.width);
            extend(&mut self.row_ends[y], x as u32);
            extend(&mut self.column_ends[x], y as u32);
        }
        self.cover = Some(outline);
    }

    /// Whether a position is left out.
    pub(super) fn is_covered(&self, x: f32, y: f32) -> bool {
        self.cover.as_ref().is_some_and(|outline| outline.holds(x, y))
    }

    /// The edge at the pixel nearest to a position, if that lies in the frame.
    #[inline]
    pub(super) fn near(&self, x: f32, y: f32) -> Option<&EdgePoint> {
        let at = self.pixel(x, y)?;
        (self.levels[at] > 0).then(|| &self.points[self.index[at] as usize])
    }

    /// Strength of the edge there in whole grey levels, 0 without one.
    #[inline]
    pub(super) fn level_near(&self, x: f32, y: f32) -> u8 {
        self.pixel(x, y).map_or(0, |at| self.levels[at])
    }

    /// The number of the pixel nearest to a position, if that lies in the frame.
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the frame")]
    fn pixel(&self, x: f32, y: f32) -> Option<usize> {
        let (x, y) = (x + 0.5, y + 0.5);
        let inside = (x >= 0.0) & (y >= 0.0) & (x < self.width as f32) & (y < self.height as f32);
        inside.then(|| y as usize * self.width + x as usize)
    }

    /// Whether nothing, or only the soft outer flank of a shadow, lies between an edge and the frame, leftwards,
    /// rightwards, upwards or downwards.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "edges lie inside the frame")]
    pub(super) fn is_outermost(&self, point: &EdgePoint) -> bool {
        /// Width of a shadow beside a sheet, working pixels.
        const SHADOW: f32 = 5.0;
        let near = |end: u32, at: f32| (end as f32 - at).abs() < SHADOW;
        let row = self.row_ends[(point.y + 0.5) as usize];
        let column = self.column_ends[(point.x + 0.5) as usize];
        if point.nx.abs() > point.ny.abs() {
            near(row.0, point.x) || near(row.1, point.x)
        } else {
            near(column.0, point.y) || near(column.1, point.y)
        }
    }

    /// Mean colour of the 5×5 box around a position, clamped into the frame.
    #[inline]
    pub(super) fn color(&self, x: f32, y: f32) -> [f32; 3] {
        self.sums(x, y).map(|sum| f32::from(sum) * (1.0 / BOX_AREA))
    }

    /// Largest difference among the channels between the mean colours of two boxes.
    #[inline]
    pub(super) fn difference(&self, a: (f32, f32), b: (f32, f32)) -> f32 {
        let (a, b) = (self.sums(a.0, a.1), self.sums(b.0, b.1));
        let most = a[0].abs_diff(b[0]).max(a[1].abs_diff(b[1])).max(a[2].abs_diff(b[2]));
        f32::from(most) * (1.0 / BOX_AREA)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the frame first")]
    fn sums(&self, x: f32, y: f32) -> [u16; 3] {
        let column = (x + 0.5).clamp(0.0, (self.width - 1) as f32) as usize;
        let row = (y + 0.5).clamp(0.0, (self.height - 1) as f32) as usize;
        let at = (row * self.width + column) * 3;
        let pixel = &self.boxes[at..at + 3];
        [pixel[0], pixel[1], pixel[2]]
    }
}

/// A convex outline as the insides of four lines.
pub(super) struct Outline([(f32, f32, f32); 4]);

impl Outline {
    /// The outline with these clockwise corners, moved outwards by `margin` pixels.
    pub(super) fn new(corners: &[(f32, f32); 4], margin: f32) -> Self {
        Self([0, 1, 2, 3].map(|i| {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-3);
            let (nx, ny) = ((a.1 - b.1) / length, (b.0 - a.0) / length);
            (nx, ny, a.0 * nx + a.1 * ny - margin)
        }))
    }

    pub(super) fn holds(&self, x: f32, y: f32) -> bool {
        // Without a branch, so that many positions are told at once.
        self.0.iter().fold(true, |inside, (nx, ny, d)| inside & (x * nx + y * ny >= *d))
    }
}

/// Takes a position into a range.
fn extend(ends: &mut (u32, u32), at: u32) {
    *ends = (ends.0.min(at), ends.1.max(at));
}

/// What finds the edges of one row after the other: three rows of gradients and what they are made from.
pub(in crate::imaging) struct Filter {
    pub channels: [Columns; 3],
    pub rows: [Gradients; 3],
    pub threshold: f32,
    pub peaks: Peaks,
    sums: ColumnSums,
}

impl Filter {
    pub(in crate::imaging) fn new(width: usize, threshold: f32) -> Self {
        Self {
            channels: [0; 3].map(|_| Columns::new(width)),
            rows: [0; 3].map(|_| Gradients::new(width)),
            threshold,
            peaks: Peaks::new(width),
            sums: ColumnSums(vec![0; 3 * (width + 2 * PADDING)]),
        }
    }

    /// Takes in the five rows around the next one; that one's gradients are still to be chosen.
    #[inline(always)]
    pub(in crate::imaging) fn gather(&mut self, rows: [[&[u8]; 5]; 3]) {
        self.rows.rotate_left(1);
        for (channel, rows) in self.channels.iter_mut().zip(rows) {
            channel.gather(rows);
            channel.gradients();
        }
    }
}

/// A kernel: takes in the five rows around the next one, in red, green and blue, and finds the edges of the row before.
pub(in crate::imaging) type Step = fn(filter: &mut Filter, rows: [[&[u8]; 5]; 3]);

/// The portable kernel.
pub(in crate::imaging) fn step_scalar(filter: &mut Filter, rows: [[&[u8]; 5]; 3]) {
    filter.gather(rows);
    filter.rows[2].choose(&filter.channels);
    filter.peaks.find(&filter.rows, filter.threshold);
}

/// A kernel: RGB bytes to three planes.
pub(in crate::imaging) type Planes = fn(&[u8]) -> [Vec<u8>; 3];

/// The portable kernel. `inline(always)`, so that it is compiled anew for the CPU of whoever calls it.
#[inline(always)]
pub(in crate::imaging) fn planes_scalar(rgb: &[u8]) -> [Vec<u8>; 3] {
    let pixels = rgb.as_chunks::<3>().0;
    let mut planes = [0; 3].map(|_| vec![0; pixels.len()]);
    let [red, green, blue] = &mut planes;
    for (((pixel, red), green), blue) in pixels.iter().zip(red).zip(green).zip(blue) {
        [*red, *green, *blue] = *pixel;
    }
    planes
}

/// Pixels that a kernel may work on together; rows have room for so many from each of their own pixels on.
pub(in crate::imaging) const LANES: usize = 8;

/// Where the gradient of a row is strongest across its direction.
pub(in crate::imaging) struct Peaks {
    width: usize,
    /// A bit for each pixel from the second on, eight to a byte.
    pub is_peak: Vec<u8>,
    /// Squared magnitudes of the neighbours along the gradient.
    pub before: Vec<f32>,
    pub after: Vec<f32>,
}

impl Peaks {
    fn new(width: usize) -> Self {
        let [before, after] = [0; 2].map(|_| vec![0.0; width + LANES]);
        Self { width, is_peak: vec![0; width.div_ceil(LANES)], before, after }
    }

    /// The columns of the peaks, ascending.
    pub(in crate::imaging) fn columns(&self) -> impl Iterator<Item = usize> {
        let bytes = self.is_peak.iter().enumerate();
        bytes.flat_map(|(number, &byte)| {
            let mut bits = byte;
            std::iter::from_fn(move || {
                let first = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                (first < LANES).then_some(1 + number * LANES + first)
            })
        })
    }

    /// The columns that can be peaks: all but the outermost.
    pub(in crate::imaging) fn inner(&self) -> std::ops::Range<usize> {
        1..self.width - 1
    }

    /// Keeps the pixels of the middle one of three rows that are strongest across their gradient.
    fn find(&mut self, rows: &[Gradients; 3], threshold: f32) {
        self.is_peak.fill(0);
        let here = &rows[1];
        for x in self.inner() {
            let power = here.power[x];
            if power < threshold {
                continue;
            }
            let (dx, dy) = neighbour(here.gx[x], here.gy[x]);
            let at = |dx: f32, dy: f32| {
                let row = if dy < 0.0 {
                    0
                } else if dy > 0.0 {
                    2
                } else {
                    1
                };
                let column = if dx < 0.0 {
                    x - 1
                } else if dx > 0.0 {
                    x + 1
                } else {
                    x
                };
                rows[row].power[column]
            };
            (self.before[x], self.after[x]) = (at(-dx, -dy), at(dx, dy));
            if power >= self.before[x] && power > self.after[x] {
                self.is_peak[(x - 1) / LANES] |= 1 << ((x - 1) % LANES);
            }
        }
    }
}

/// Tangent of 22.5°, beyond which a neighbour is nearer to the direction of a gradient than that beside it.
pub(in crate::imaging) const DIAGONAL: f32 = 0.414_213_57;

/// The neighbour that lies most nearly along the gradient, among eight.
fn neighbour(gx: f32, gy: f32) -> (f32, f32) {
    let (ax, ay) = (gx.abs(), gy.abs());
    let sign = |g: f32| if g > 0.0 { 1.0 } else { -1.0 };
    (if ax < ay * DIAGONAL { 0.0 } else { sign(gx) }, if ay < ax * DIAGONAL { 0.0 } else { sign(gy) })
}

/// Gradients of one row.
pub(in crate::imaging) struct Gradients {
    /// Components and squared magnitude, of the strongest channel.
    pub gx: Vec<f32>,
    pub gy: Vec<f32>,
    pub power: Vec<f32>,
}

impl Gradients {
    fn new(width: usize) -> Self {
        let [gx, gy, power] = [0; 3].map(|_| vec![0.0; width + LANES]);
        Self { gx, gy, power }
    }

    /// Takes each pixel's from the channel where it is strongest.
    fn choose(&mut self, channels: &[Columns; 3]) {
        let width = self.power.len() - LANES;
        for x in 0..width {
            let [red, green, blue] = channels.each_ref().map(|channel| {
                let (gx, gy) = (f32::from(channel.gx[x]), f32::from(channel.gy[x]));
                (gx * gx + gy * gy, gx, gy)
            });
            let stronger = |a: (f32, f32, f32), b: (f32, f32, f32)| if b.0 > a.0 { b } else { a };
            (self.power[x], self.gx[x], self.gy[x]) = stronger(stronger(red, green), blue);
        }
    }
}

/// One row of a channel: the separable 5×5 derivative (binomial smoothing times central difference), before its horizontal
/// part, padded by two pixels at both ends, and after it.
pub(in crate::imaging) struct Columns {
    smooth: Vec<i16>,
    slope: Vec<i16>,
    pub gx: Vec<i16>,
    pub gy: Vec<i16>,
}

/// Pixels at both ends of a row.
const PADDING: usize = 2;

impl Columns {
    fn new(width: usize) -> Self {
        let [smooth, slope] = [0; 2].map(|_| vec![0; width + 2 * PADDING]);
        Self { smooth, slope, gx: vec![0; width + LANES], gy: vec![0; width + LANES] }
    }

    #[inline(always)]
    fn gather(&mut self, rows: [&[u8]; 5]) {
        let width = rows[0].len();
        let [r0, r1, r2, r3, r4] = rows.map(|row| &row[..width]);
        let smooth = &mut self.smooth[PADDING..][..width];
        let slope = &mut self.slope[PADDING..][..width];
        for i in 0..width {
            let [a, b, c, d, e] = [r0[i], r1[i], r2[i], r3[i], r4[i]].map(i16::from);
            smooth[i] = a + e + 4 * (b + d) + 6 * c;
            slope[i] = e - a + 2 * (d - b);
        }
        pad::<_, 1>(&mut self.smooth);
        pad::<_, 1>(&mut self.slope);
    }

    #[inline(always)]
    fn gradients(&mut self) {
        let width = self.smooth.len() - 2 * PADDING;
        let [a, b, _, d, e] = taps::<_, 1>(&self.smooth, width);
        for (i, value) in self.gx[..width].iter_mut().enumerate() {
            *value = e[i] - a[i] + 2 * (d[i] - b[i]);
        }
        let [a, b, c, d, e] = taps::<_, 1>(&self.slope, width);
        for (i, value) in self.gy[..width].iter_mut().enumerate() {
            *value = a[i] + e[i] + 4 * (b[i] + d[i]) + 6 * c[i];
        }
    }
}

/// One row of sums over five rows, interleaved RGB, padded by two pixels at both ends.
struct ColumnSums(Vec<u16>);

impl ColumnSums {
    /// The sums over 5×5 boxes around a row.
    fn boxes(&mut self, rows: [&[u8]; 5], out: &mut [u16]) {
        let [r0, r1, r2, r3, r4] = rows.map(|row| &row[..out.len()]);
        let sums = &mut self.0[3 * PADDING..][..out.len()];
        for (i, sum) in sums.iter_mut().enumerate() {
            let [a, b, c, d, e] = [r0[i], r1[i], r2[i], r3[i], r4[i]].map(u16::from);
            *sum = a + b + c + d + e;
        }
        pad::<_, 3>(&mut self.0);
        let [a, b, c, d, e] = taps::<_, 3>(&self.0, out.len());
        for (i, value) in out.iter_mut().enumerate() {
            *value = a[i] + b[i] + c[i] + d[i] + e[i];
        }
    }
}

/// A padded row of pixels of `C` channels, shifted by minus two to two pixels.
#[inline(always)]
fn taps<T, const C: usize>(row: &[T], length: usize) -> [&[T]; 5] {
    [0, 1, 2, 3, 4].map(|shift| &row[shift * C..][..length])
}

/// Repeats the first and the last pixel twice outwards.
#[inline(always)]
fn pad<T: Copy, const C: usize>(row: &mut [T]) {
    let last = row.len() - 3 * C;
    for c in 0..C {
        (row[c], row[C + c]) = (row[2 * C + c], row[2 * C + c]);
        (row[last + C + c], row[last + 2 * C + c]) = (row[last + c], row[last + c]);
    }
}
