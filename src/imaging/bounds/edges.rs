//! Colour edges of the working picture.
//!
//! Gradients are taken in red, green and blue and each pixel keeps the channel where it is strongest: white paper on
//! light wood differs in blue far more than in luma. Edges are thinned by non-maximum suppression across the gradient
//! and located to a fraction of a pixel by a parabola.

use image::RgbImage;

/// Response of the 5×5 derivative kernel to an ideal step of height 1.
const STEP_GAIN: f32 = 48.0;
/// Half width of the box over which local colour is averaged, pixels.
const BOX_RADIUS: usize = 2;
/// No edge.
const NONE: u32 = u32::MAX;

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
    /// Index into `points`, or `NONE`.
    index: Vec<u32>,
    /// For every row the first and the last column with an edge, for every column the first and the last row.
    row_ends: Vec<(u32, u32)>,
    column_ends: Vec<(u32, u32)>,
    /// Sums over 5×5 boxes, interleaved RGB.
    boxes: Vec<u16>,
}

impl EdgeMap {
    /// Finds edges at least `min_strength` grey levels high, or twice the picture's typical gradient where that is more.
    pub(super) fn new(image: &RgbImage, min_strength: f32) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut map = Self {
            width,
            height,
            points: Vec::new(),
            index: vec![NONE; width * height],
            row_ends: vec![(u32::MAX, 0); height],
            column_ends: vec![(u32::MAX, 0); width],
            boxes: Vec::new(),
        };
        let field = Gradients::new(image, &mut map.boxes);
        map.thin(&field, (min_strength * STEP_GAIN).max(1.0));
        map
    }

    /// The edge at a pixel.
    fn at(&self, x: usize, y: usize) -> Option<&EdgePoint> {
        let index = self.index[y * self.width + x];
        (index != NONE).then(|| &self.points[index as usize])
    }

    /// The edge at the pixel nearest to a position, if that lies in the frame.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the frame")]
    pub(super) fn near(&self, x: f32, y: f32) -> Option<&EdgePoint> {
        let (x, y) = (x + 0.5, y + 0.5);
        if x < 0.0 || y < 0.0 || x >= self.width as f32 || y >= self.height as f32 {
            return None;
        }
        self.at(x as usize, y as usize)
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
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the frame first")]
    pub(super) fn color(&self, x: f32, y: f32) -> [f32; 3] {
        let column = (x + 0.5).clamp(0.0, (self.width - 1) as f32) as usize;
        let row = (y + 0.5).clamp(0.0, (self.height - 1) as f32) as usize;
        let at = (row * self.width + column) * 3;
        let area = ((2 * BOX_RADIUS + 1) * (2 * BOX_RADIUS + 1)) as f32;
        [0, 1, 2].map(|c| f32::from(self.boxes[at + c]) / area)
    }

    #[expect(clippy::cast_possible_truncation, reason = "there are fewer pixels than u32 counts")]
    fn thin(&mut self, field: &Gradients, threshold: f32) {
        let width = self.width;
        if width < 3 || self.height < 3 {
            return;
        }
        let threshold = threshold * threshold;
        for y in 1..self.height - 1 {
            for x in 1..width - 1 {
                let at = y * width + x;
                let here = field.power[at];
                if here < threshold {
                    continue;
                }
                let (gx, gy) = (f32::from(field.gx[at]), f32::from(field.gy[at]));
                let (dx, dy) = neighbour(gx, gy);
                let offset = dy * width as isize + dx;
                let before = field.power[at.wrapping_add_signed(-offset)];
                let after = field.power[at.wrapping_add_signed(offset)];
                if here < before || here <= after {
                    continue;
                }
                let magnitude = here.sqrt();
                let (before, after) = (before.sqrt(), after.sqrt());
                let shift = 0.5 * (before - after) / (before - 2.0 * magnitude + after).min(-1e-3);
                self.index[at] = self.points.len() as u32;
                let (row, column) = (&mut self.row_ends[y], &mut self.column_ends[x]);
                *row = (row.0.min(x as u32), row.1.max(x as u32));
                *column = (column.0.min(y as u32), column.1.max(y as u32));
                self.points.push(EdgePoint {
                    x: x as f32 + shift * dx as f32,
                    y: y as f32 + shift * dy as f32,
                    nx: gx / magnitude,
                    ny: gy / magnitude,
                    strength: magnitude / STEP_GAIN,
                });
            }
        }
    }
}

/// The neighbour that lies most nearly along the gradient, among eight.
fn neighbour(gx: f32, gy: f32) -> (isize, isize) {
    const TAN_22_5: f32 = 0.414_213_57;
    let (ax, ay) = (gx.abs(), gy.abs());
    if ay < ax * TAN_22_5 {
        (if gx > 0.0 { 1 } else { -1 }, 0)
    } else if ax < ay * TAN_22_5 {
        (0, if gy > 0.0 { 1 } else { -1 })
    } else {
        (if gx > 0.0 { 1 } else { -1 }, if gy > 0.0 { 1 } else { -1 })
    }
}

/// The strongest channel's gradient at every pixel.
struct Gradients {
    gx: Vec<i16>,
    gy: Vec<i16>,
    /// Squared magnitude.
    power: Vec<f32>,
}

impl Gradients {
    /// Separable 5×5 derivative (binomial smoothing times central difference), row by row; fills the box sums on the way.
    fn new(image: &RgbImage, boxes: &mut Vec<u16>) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let pixels = width * height;
        let mut field = Self { gx: vec![0; pixels], gy: vec![0; pixels], power: vec![0.0; pixels] };
        boxes.resize(pixels * 3, 0);
        if width == 0 || height == 0 {
            return field;
        }
        let stride = width * 3;
        let raw = image.as_raw();
        let mut columns = Columns::new(stride + 12);
        for y in 0..height {
            let row = |k: usize| {
                let clamped = (y + k).saturating_sub(2).min(height - 1);
                &raw[clamped * stride..][..stride]
            };
            columns.gather([row(0), row(1), row(2), row(3), row(4)]);
            columns.box_sums(&mut boxes[y * stride..][..stride]);
            let at = y * width;
            columns.strongest(
                &mut field.gx[at..at + width],
                &mut field.gy[at..at + width],
                &mut field.power[at..at + width],
            );
        }
        field
    }
}

/// One row of vertically filtered pixels, padded by two pixels at both ends.
struct Columns {
    smooth: Vec<i16>,
    slope: Vec<i16>,
    sum: Vec<u16>,
    gx: Vec<i16>,
    gy: Vec<i16>,
}

impl Columns {
    fn new(padded: usize) -> Self {
        Self {
            smooth: vec![0; padded],
            slope: vec![0; padded],
            sum: vec![0; padded],
            gx: vec![0; padded - 12],
            gy: vec![0; padded - 12],
        }
    }

    fn gather(&mut self, rows: [&[u8]; 5]) {
        let stride = rows[0].len();
        let [r0, r1, r2, r3, r4] = rows;
        let (smooth, slope, sum) = (&mut self.smooth[6..], &mut self.slope[6..], &mut self.sum[6..]);
        for i in 0..stride {
            let [a, b, c, d, e] = [r0[i], r1[i], r2[i], r3[i], r4[i]].map(i16::from);
            smooth[i] = a + e + 4 * (b + d) + 6 * c;
            slope[i] = e - a + 2 * (d - b);
            sum[i] = (a + b + c + d + e).unsigned_abs();
        }
        pad(&mut self.smooth, stride);
        pad(&mut self.slope, stride);
        pad(&mut self.sum, stride);
    }

    fn box_sums(&self, out: &mut [u16]) {
        let s = &self.sum;
        for (i, value) in out.iter_mut().enumerate() {
            *value = s[i] + s[i + 3] + s[i + 6] + s[i + 9] + s[i + 12];
        }
    }

    fn strongest(&mut self, gx: &mut [i16], gy: &mut [i16], power: &mut [f32]) {
        let (s, d) = (&self.smooth, &self.slope);
        for (i, value) in self.gx.iter_mut().enumerate() {
            *value = s[i + 12] - s[i] + 2 * (s[i + 9] - s[i + 3]);
        }
        for (i, value) in self.gy.iter_mut().enumerate() {
            *value = d[i] + d[i + 12] + 4 * (d[i + 3] + d[i + 9]) + 6 * d[i + 6];
        }
        let channels = self.gx.chunks_exact(3).zip(self.gy.chunks_exact(3));
        for ((x, y), ((gx, gy), power)) in channels.zip(gx.iter_mut().zip(gy.iter_mut()).zip(power)) {
            for c in 0..3 {
                let (fx, fy) = (f32::from(x[c]), f32::from(y[c]));
                let squared = fx * fx + fy * fy;
                if squared > *power {
                    (*gx, *gy, *power) = (x[c], y[c], squared);
                }
            }
        }
    }
}

/// Repeats the first and the last pixel twice outwards.
fn pad<T: Copy>(row: &mut [T], stride: usize) {
    for c in 0..3 {
        (row[c], row[3 + c]) = (row[6 + c], row[6 + c]);
        let last = row[stride + 3 + c];
        (row[stride + 6 + c], row[stride + 9 + c]) = (last, last);
    }
}
