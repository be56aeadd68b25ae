//! Colour edges of the working picture.
//!
//! Gradients are taken in red, green and blue and each pixel keeps the channel where it is strongest: white paper on
//! light wood differs in blue far more than in luma. Edges are thinned by non-maximum suppression across the gradient
//! and located to a fraction of a pixel by a parabola.

use image::RgbImage;

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
        let stride = width * 3;
        let raw = image.as_raw();
        let mut columns = Columns::new(stride);
        let mut rows = [0; 3].map(|_| Gradients::new(stride));
        for y in 0..height {
            let row = |k: usize| &raw[(y + k).saturating_sub(2).min(height - 1) * stride..][..stride];
            columns.gather([row(0), row(1), row(2), row(3), row(4)]);
            columns.box_sums(&mut map.boxes[y * stride..][..stride]);
            columns.gradients(&mut rows[2]);
            if y >= 2 {
                map.thin(y - 1, &rows, threshold);
            }
            rows.rotate_left(1);
        }
        map
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
                *index = NONE;
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
    pub(super) fn color(&self, x: f32, y: f32) -> [f32; 3] {
        self.sums(x, y).map(|sum| f32::from(sum) * (1.0 / BOX_AREA))
    }

    /// Largest difference among the channels between the mean colours of two boxes.
    pub(super) fn difference(&self, a: (f32, f32), b: (f32, f32)) -> f32 {
        let (a, b) = (self.sums(a.0, a.1), self.sums(b.0, b.1));
        let most = a[0].abs_diff(b[0]).max(a[1].abs_diff(b[1])).max(a[2].abs_diff(b[2]));
        f32::from(most) * (1.0 / BOX_AREA)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped into the frame first")]
    fn sums(&self, x: f32, y: f32) -> [u16; 3] {
        let column = (x + 0.5).clamp(0.0, (self.width - 1) as f32) as usize;
        let row = (y + 0.5).clamp(0.0, (self.height - 1) as f32) as usize;
        let at = (row * self.width + column) * 3;
        let pixel = &self.boxes[at..at + 3];
        [pixel[0], pixel[1], pixel[2]]
    }

    /// Keeps the pixels of the middle one of three rows that are strongest across their gradient.
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer pixels than u32 counts")]
    fn thin(&mut self, y: usize, rows: &[Gradients; 3], threshold: f32) {
        let here = &rows[1];
        for x in 1..self.width - 1 {
            let power = here.power[3 * x];
            if power < threshold {
                continue;
            }
            let (gx, gy) = here.strongest(x);
            let (dx, dy) = neighbour(gx, gy);
            let before = rows[1usize.wrapping_add_signed(-dy)].power[3 * x.wrapping_add_signed(-dx)];
            let after = rows[1usize.wrapping_add_signed(dy)].power[3 * x.wrapping_add_signed(dx)];
            if power < before || power <= after {
                continue;
            }
            let magnitude = power.sqrt();
            let (before, after) = (before.sqrt(), after.sqrt());
            let shift = 0.5 * (before - after) / (before - 2.0 * magnitude + after).min(-1e-3);
            self.index[y * self.width + x] = self.points.len() as u32;
            extend(&mut self.row_ends[y], x as u32);
            extend(&mut self.column_ends[x], y as u32);
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

/// Gradients of one row, interleaved RGB.
struct Gradients {
    gx: Vec<i16>,
    gy: Vec<i16>,
    /// Squared magnitudes; from the start of a pixel, the greatest of its channels. All three are told at every position,
    /// which costs less than telling pixels apart: it needs no shuffles.
    power: Vec<f32>,
    squared: Vec<f32>,
}

impl Gradients {
    fn new(stride: usize) -> Self {
        Self { gx: vec![0; stride], gy: vec![0; stride], power: vec![0.0; stride], squared: vec![0.0; stride + 2] }
    }

    /// The gradient of a pixel's strongest channel.
    fn strongest(&self, x: usize) -> (f32, f32) {
        let squared = &self.squared[3 * x..3 * x + 3];
        let mut best = if squared[1] > squared[0] { 1 } else { 0 };
        if squared[2] > squared[best] {
            best = 2;
        }
        (f32::from(self.gx[3 * x + best]), f32::from(self.gy[3 * x + best]))
    }

    fn measure(&mut self) {
        let components = self.gx.iter().zip(&self.gy);
        for (squared, (&gx, &gy)) in self.squared.iter_mut().zip(components) {
            let (gx, gy) = (f32::from(gx), f32::from(gy));
            *squared = gx * gx + gy * gy;
        }
        let (a, b, c) = (&self.squared, &self.squared[1..], &self.squared[2..]);
        let greater = |a: f32, b: f32| if a > b { a } else { b };
        for (power, ((&a, &b), &c)) in self.power.iter_mut().zip(a.iter().zip(b).zip(c)) {
            *power = greater(greater(a, b), c);
        }
    }
}

/// One row of vertically filtered pixels, padded by two pixels at both ends: the separable 5×5 derivative (binomial
/// smoothing times central difference) and the 5×5 box, before their horizontal part.
struct Columns {
    smooth: Vec<i16>,
    slope: Vec<i16>,
    sum: Vec<u16>,
}

/// Two pixels.
const PADDING: usize = 6;

impl Columns {
    fn new(stride: usize) -> Self {
        let padded = stride + 2 * PADDING;
        Self { smooth: vec![0; padded], slope: vec![0; padded], sum: vec![0; padded] }
    }

    fn gather(&mut self, rows: [&[u8]; 5]) {
        let stride = rows[0].len();
        let [r0, r1, r2, r3, r4] = rows.map(|row| &row[..stride]);
        let smooth = &mut self.smooth[PADDING..][..stride];
        let slope = &mut self.slope[PADDING..][..stride];
        let sum = &mut self.sum[PADDING..][..stride];
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
        let [a, b, c, d, e] = taps(&self.sum, out.len());
        for (i, value) in out.iter_mut().enumerate() {
            *value = a[i] + b[i] + c[i] + d[i] + e[i];
        }
    }

    fn gradients(&self, out: &mut Gradients) {
        let stride = out.gx.len();
        let [a, b, _, d, e] = taps(&self.smooth, stride);
        for (i, value) in out.gx.iter_mut().enumerate() {
            *value = e[i] - a[i] + 2 * (d[i] - b[i]);
        }
        let [a, b, c, d, e] = taps(&self.slope, stride);
        for (i, value) in out.gy.iter_mut().enumerate() {
            *value = a[i] + e[i] + 4 * (b[i] + d[i]) + 6 * c[i];
        }
        out.measure();
    }
}

/// A padded row, shifted by minus two to two pixels.
fn taps<T>(row: &[T], stride: usize) -> [&[T]; 5] {
    [0, 3, 6, 9, 12].map(|shift| &row[shift..shift + stride])
}

/// Repeats the first and the last pixel twice outwards.
fn pad<T: Copy>(row: &mut [T], stride: usize) {
    for c in 0..3 {
        (row[c], row[3 + c]) = (row[6 + c], row[6 + c]);
        let last = row[stride + 3 + c];
        (row[stride + 6 + c], row[stride + 9 + c]) = (last, last);
    }
}
