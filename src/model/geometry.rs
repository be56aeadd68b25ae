//! Points, quads, plane projective maps and the way from a page to its capture.
//!
//! One convention everywhere: pixel centres lie at whole numbers, so a picture of width `w` covers `-0.5 ..= w - 0.5`;
//! `y` grows downwards; angles are degrees, clockwise positive as seen on the picture.

use serde::{Deserialize, Serialize};

/// A position in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Rightwards.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// A point from its coordinates.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Euclidean distance, pixels.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Where a point of a picture reduced by `1/factor` lies on the large one; pixels keep their outer edges.
    pub fn scaled(self, factor: f64) -> Self {
        Self::new((self.x + 0.5) * factor - 0.5, (self.y + 0.5) * factor - 0.5)
    }
}

/// Four corners: the first is the content's own top left, the others follow clockwise. Corners may lie outside the
/// picture when the paper is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quad(pub [Point; 4]);

impl Quad {
    /// The outline of a whole picture of the given size.
    pub fn of_frame(width: u32, height: u32) -> Self {
        let (right, bottom) = (f64::from(width) - 0.5, f64::from(height) - 0.5);
        Self([Point::new(-0.5, -0.5), Point::new(right, -0.5), Point::new(right, bottom), Point::new(-0.5, bottom)])
    }

    /// Signed area in square pixels, positive when the corners run clockwise on the picture.
    pub fn area(&self) -> f64 {
        let p = &self.0;
        (0..4).map(|i| p[i].x * p[(i + 1) % 4].y - p[(i + 1) % 4].x * p[i].y).sum::<f64>() / 2.0
    }

    /// Whether the corners turn right at every step, that is, form a convex figure run clockwise.
    pub fn is_convex(&self) -> bool {
        let p = &self.0;
        (0..4).all(|i| {
            let (a, b, c) = (p[i], p[(i + 1) % 4], p[(i + 2) % 4]);
            (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x) > 0.0
        })
    }

    /// Lengths of the sides top, right, bottom, left, pixels.
    pub fn sides(&self) -> [f64; 4] {
        let p = &self.0;
        [p[0].distance(p[1]), p[1].distance(p[2]), p[2].distance(p[3]), p[3].distance(p[0])]
    }

    /// Multiplies all coordinates, keeping the outer edge of the pixels: a corner of a picture reduced by `1/factor`
    /// goes to the same corner of the large one.
    pub fn scaled(&self, factor: f64) -> Self {
        Self(self.0.map(|p| p.scaled(factor)))
    }

    /// The same outline starting `quarter_turns` corners later.
    pub fn rotated_start(&self, quarter_turns: usize) -> Self {
        let mut corners = self.0;
        corners.rotate_left(quarter_turns % 4);
        Self(corners)
    }
}

/// By how much the content is turned clockwise on the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub enum Orientation {
    /// Upright.
    #[default]
    Deg0,
    /// The top of the text points right.
    Deg90,
    /// Upside down.
    Deg180,
    /// The top of the text points left.
    Deg270,
}

impl Orientation {
    /// All four, in clockwise order.
    pub const ALL: [Self; 4] = [Self::Deg0, Self::Deg90, Self::Deg180, Self::Deg270];

    /// Number of clockwise quarter turns, 0 to 3.
    pub fn quarter_turns(self) -> usize {
        match self {
            Self::Deg0 => 0,
            Self::Deg90 => 1,
            Self::Deg180 => 2,
            Self::Deg270 => 3,
        }
    }

    /// Degrees clockwise.
    pub fn degrees(self) -> u16 {
        match self {
            Self::Deg0 => 0,
            Self::Deg90 => 90,
            Self::Deg180 => 180,
            Self::Deg270 => 270,
        }
    }

    /// This turn followed by another.
    pub fn then(self, other: Self) -> Self {
        Self::ALL[(self.quarter_turns() + other.quarter_turns()) % 4]
    }
}

impl From<Orientation> for u16 {
    fn from(orientation: Orientation) -> Self {
        orientation.degrees()
    }
}

impl TryFrom<u16> for Orientation {
    type Error = String;

    fn try_from(degrees: u16) -> Result<Self, Self::Error> {
        Self::ALL
            .into_iter()
            .find(|orientation| orientation.degrees() == degrees)
            .ok_or_else(|| format!("orientation must be 0, 90, 180 or 270, not {degrees}"))
    }
}

/// Physical size of a paper, millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeMm {
    /// Width as the content is read.
    pub width: f64,
    /// Height as the content is read.
    pub height: f64,
}

/// A plane projective map `p -> M p`, row-major 3×3, normalised so that the last entry is 1 where possible.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Homography(pub [[f64; 3]; 3]);

impl Homography {
    /// The map that leaves all points where they are.
    pub const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// The map that takes the corners of `from` to those of `to`; `None` when three corners lie on one line.
    pub fn between(from: &Quad, to: &Quad) -> Option<Self> {
        let from_unit = Self::from_unit_square(from)?;
        let to_unit = Self::from_unit_square(to)?;
        Some(to_unit.after(&from_unit.inverse()?))
    }

    /// The map from the unit square (0,0) (1,0) (1,1) (0,1) to a quad (Heckbert 1989, "Fundamentals of Texture
    /// Mapping and Image Warping", section 2.2.3).
    fn from_unit_square(quad: &Quad) -> Option<Self> {
        let [p0, p1, p2, p3] = quad.0;
        let (dx1, dx2, sx) = (p1.x - p2.x, p3.x - p2.x, p0.x - p1.x + p2.x - p3.x);
        let (dy1, dy2, sy) = (p1.y - p2.y, p3.y - p2.y, p0.y - p1.y + p2.y - p3.y);
        let denominator = dx1 * dy2 - dx2 * dy1;
        if denominator.abs() < 1e-12 {
            return None;
        }
        let g = (sx * dy2 - dx2 * sy) / denominator;
        let h = (dx1 * sy - sx * dy1) / denominator;
        Some(Self([
            [p1.x - p0.x + g * p1.x, p3.x - p0.x + h * p3.x, p0.x],
            [p1.y - p0.y + g * p1.y, p3.y - p0.y + h * p3.y, p0.y],
            [g, h, 1.0],
        ]))
    }

    /// Where a point goes. Points on the horizon go to infinity.
    pub fn apply(&self, p: Point) -> Point {
        let m = &self.0;
        let w = m[2][0] * p.x + m[2][1] * p.y + m[2][2];
        Point::new((m[0][0] * p.x + m[0][1] * p.y + m[0][2]) / w, (m[1][0] * p.x + m[1][1] * p.y + m[1][2]) / w)
    }

    /// `self` applied to the result of `first`.
    pub fn after(&self, first: &Self) -> Self {
        let (a, b) = (&self.0, &first.0);
        let mut product = [[0.0; 3]; 3];
        for (row, target) in product.iter_mut().enumerate() {
            for (column, value) in target.iter_mut().enumerate() {
                *value = (0..3).map(|k| a[row][k] * b[k][column]).sum();
            }
        }
        Self(product)
    }

    /// The inverse map; `None` when the map is singular.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        let cofactor = |r: usize, c: usize| {
            let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let determinant: f64 = (0..3).map(|c| m[0][c] * cofactor(0, c)).sum();
        if determinant.abs() < 1e-15 {
            return None;
        }
        let mut inverse = [[0.0; 3]; 3];
        for (row, target) in inverse.iter_mut().enumerate() {
            for (column, value) in target.iter_mut().enumerate() {
                *value = cofactor(column, row) / determinant;
            }
        }
        Some(Self(inverse))
    }
}

/// How a page that is curled or folded departs from its homography: the shift of the place each of its parts is taken
/// from, on a regular grid over the page whose outermost nodes lie on the page's edges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bend {
    columns: usize,
    rows: usize,
    shifts: Vec<[f32; 2]>,
}

impl Bend {
    /// A bend from the shifts at the nodes, row by row, `[right, down]` as shares of the page's width and height.
    ///
    /// # Panics
    /// When there are fewer than two columns or rows, or not one shift for each node.
    pub fn new(columns: usize, rows: usize, shifts: Vec<[f32; 2]>) -> Self {
        assert!(columns > 1 && rows > 1 && shifts.len() == columns * rows, "a grid has a shift at each of its nodes");
        Self { columns, rows, shifts }
    }

    /// Number of nodes along a row, at least two.
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Number of nodes down a column, at least two.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The shift at a place on the page, both as shares of its width and height from the top left corner; between the
    /// nodes it is interpolated bilinearly, beyond the edges it is that of the edge.
    pub fn at(&self, u: f64, v: f64) -> [f64; 2] {
        let (column, fu) = cell(u, self.columns);
        let (row, fv) = cell(v, self.rows);
        let node = |row: usize, column: usize| self.shifts[row * self.columns + column].map(f64::from);
        let mix = |a: [f64; 2], b: [f64; 2], f: f64| [a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f];
        let above = mix(node(row, column), node(row, column + 1), fu);
        let below = mix(node(row + 1, column), node(row + 1, column + 1), fu);
        mix(above, below, fv)
    }
}

/// The cell of a grid of `nodes` that holds a share of its extent, and the place in it, 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the grid")]
fn cell(share: f64, nodes: usize) -> (usize, f64) {
    let last = nodes - 1;
    let place = (share * last as f64).clamp(0.0, last as f64);
    let cell = (place as usize).min(last - 1);
    (cell, place - cell as f64)
}

/// Where the pixels of a page image are taken from on the capture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageMap {
    /// Width of the page image, pixels.
    pub width: u32,
    /// Height of the page image, pixels.
    pub height: u32,
    /// Takes page pixels to capture pixels, for a flat page.
    pub homography: Homography,
    /// What is to be added to the page pixel first when the page is not flat.
    pub bend: Option<Bend>,
}

impl PageMap {
    /// The map of a flat page.
    pub const fn flat(width: u32, height: u32, homography: Homography) -> Self {
        Self { width, height, homography, bend: None }
    }

    /// Where a page pixel lies on the capture.
    pub fn to_capture(&self, p: Point) -> Point {
        self.homography.apply(self.unbent(p))
    }

    /// Where a page pixel would lie on the page if that were flat.
    pub fn unbent(&self, p: Point) -> Point {
        let Some(bend) = &self.bend else { return p };
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let [right, down] = bend.at((p.x + 0.5) / width, (p.y + 0.5) / height);
        Point::new(p.x + right * width, p.y + down * height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quad(corners: [(f64, f64); 4]) -> Quad {
        Quad(corners.map(|(x, y)| Point::new(x, y)))
    }

    #[test]
    fn homography_takes_corners_to_corners_and_back() {
        let from = Quad::of_frame(100, 140);
        let to = quad([(10.0, 12.0), (90.0, 20.0), (95.0, 130.0), (4.0, 120.0)]);
        let map = Homography::between(&from, &to).unwrap();
        let back = map.inverse().unwrap();
        for (a, b) in from.0.iter().zip(&to.0) {
            assert!(map.apply(*a).distance(*b) < 1e-9);
            assert!(back.apply(*b).distance(*a) < 1e-9);
        }
    }

    #[test]
    fn degenerate_quad_has_no_homography() {
        let line = quad([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
        assert!(Homography::between(&line, &Quad::of_frame(3, 3)).is_none());
    }

    #[test]
    fn clockwise_quads_have_positive_area_and_are_convex() {
        let frame = Quad::of_frame(10, 20);
        assert_eq!(frame.area(), 200.0);
        assert!(frame.is_convex());
        let crossed = quad([(0.0, 0.0), (5.0, 5.0), (5.0, 0.0), (0.0, 5.0)]);
        assert!(!crossed.is_convex());
    }

    #[test]
    fn scaling_keeps_the_frame_a_frame() {
        assert_eq!(Quad::of_frame(25, 50).scaled(4.0), Quad::of_frame(100, 200));
    }

    #[test]
    fn bend_shifts_between_its_nodes() {
        let mut shifts = vec![[0.0; 2]; 9];
        shifts[4] = [0.25, -0.5];
        let bend = Bend::new(3, 3, shifts);
        assert_eq!(bend.at(0.5, 0.5), [0.25, -0.5]);
        assert_eq!(bend.at(0.25, 0.5), [0.125, -0.25]);
        assert_eq!(bend.at(-1.0, 0.5), [0.0, 0.0]);
        let map = PageMap { bend: Some(bend), ..PageMap::flat(200, 100, Homography::IDENTITY) };
        assert!(map.to_capture(Point::new(99.5, 49.5)).distance(Point::new(149.5, -0.5)) < 1e-9);
    }

    #[test]
    fn orientation_round_trips_through_degrees() {
        for orientation in Orientation::ALL {
            assert_eq!(Orientation::try_from(orientation.degrees()), Ok(orientation));
        }
        assert!(Orientation::try_from(45).is_err());
        assert_eq!(Orientation::Deg270.then(Orientation::Deg180), Orientation::Deg90);
    }
}
