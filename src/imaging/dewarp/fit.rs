//! The shape of a sheet from its text lines and its sides.
//!
//! **Model.** A point of the paper that is lifted by `z` above the plane of the four corners is seen by a camera at
//! height `h` where the plane lies farther out from the camera's foot `c` (the point of the plane below the camera):
//! laid flat by the corners' homography, the point `p` of the page appears at `p + q (p - c)` with `q = z / (h - z)`.
//! One number for each point so explains the shift across and along the lines: what lines and sides cannot show, the
//! spacing along a curl, follows from what they do. Corners that lie in no common plane change the homography itself;
//! to first order this is a projective change `H` that returns the corners to their places:
//!
//! `shift(p) = q(p) (p - c) + H(p)`, `shift(corner) = 0`.
//!
//! **Fit.** `q` is given at the nodes of a grid and bilinear between them (a fold is a kink that a polynomial could not
//! follow). Unknown besides `q`: the height of each line and one slope common to all, as print may be askew on its
//! paper. Weighted least squares with a penalty on second differences of `q` (thin plate); weights that forgive lines
//! of another direction (Geman and McClure). The heights are eliminated, so that the system has the size of the grid. The
//! camera's foot is known roughly and improved by a search.
//!
//! Left out: that a bent sheet covers less of the desk than a flat one (second order in its slope). It shifts print by 0.4 mm
//! on a sheet that bulges by 18 mm, along the curl.

use std::ops::RangeInclusive;

use super::lines::{Line, median};
use crate::model::Point;

/// Distance of the nodes of the grid, millimetres, and their least and greatest number in a direction. Nodes 20 mm apart
/// change the errors on the sheets of the tests by less than 0.05 mm and double the time.
const NODE_MM: f64 = 26.0;
const NODES: RangeInclusive<usize> = 4..=12;
/// Standard deviations: of a point of a baseline, in letter heights; of a traced side, millimetres; of a side that was
/// not traced because it is straight within the tolerance of the outline, millimetres.
const LINE_SIGMA: f64 = 0.06;
const CURVE_SIGMA_MM: f64 = 0.15;
const STRAIGHT_SIGMA_MM: f64 = 0.4;
/// The same where no side is known and only the gross of the shape is to stay in place, millimetres.
const UNKNOWN_SIGMA_MM: f64 = 4.0;
/// Every so many traced points are used; there are 96 on a side.
const CURVE_STEP: usize = 3;
/// Rounds that find the place of what is seen: the shift changes by up to a twentieth of itself from one to the next.
const PLACING_ROUNDS: usize = 4;
/// Positions along a straight side that say so.
const STRAIGHT_POINTS: usize = 7;
/// Residuals of this many standard deviations begin to be forgiven, round by round.
const FORGIVEN: [f64; 4] = [40.0, 12.0, 6.0, 4.0];
/// Usual second derivative of `q`, per square millimetre: a sheet that bulges by a twentieth of the camera's height over
/// its width has 1.2e-5.
const BENDING: f64 = 1.0e-5;
/// Area over which bending is about the same, square millimetres.
const BENDING_AREA: f64 = 1000.0;
/// Usual `q`. It only keeps the part of `q` that has no effect, a tilted plane, from running away.
const LIFT: f64 = 0.3;
/// Standard deviation of a common slope of the print: a quarter of a degree, as sheets are fed by hand.
const PRINT_SLOPE: f64 = 0.0044;
/// Standard deviation of the camera's foot, millimetres, and the steps of its search. The focal length is known to about
/// 15 %, which moves the foot by 20 mm on a sheet seen from 400 mm at 20 degrees; a little less, because what the model
/// leaves out (below) pulls at the foot where lines and sides do not determine it.
const FOOT_SIGMA_MM: f64 = 15.0;
const FOOT_STEPS_MM: [f64; 2] = [20.0, 8.0];

/// What is known of a page, millimetres from its top left corner.
pub(super) struct Evidence {
    pub width: f64,
    pub height: f64,
    /// The camera's foot, roughly.
    pub foot: Point,
    pub lines: Vec<Line>,
    /// Points of the sides top, right, bottom, left; none along a straight side, `None` where no outline is known.
    pub sides: Option<[Vec<Point>; 4]>,
}

/// A regular grid over a page, outermost nodes on its edges.
#[derive(Clone, Copy, Debug)]
struct Grid {
    columns: usize,
    rows: usize,
}

impl Grid {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a few nodes")]
    fn over(width: f64, height: f64) -> Self {
        let nodes = |length: f64| ((length / NODE_MM).round() as usize + 1).clamp(*NODES.start(), *NODES.end());
        Self { columns: nodes(width), rows: nodes(height) }
    }

    fn nodes(self) -> usize {
        self.columns * self.rows
    }

    fn node(self, row: usize, column: usize) -> usize {
        row * self.columns + column
    }

    /// Nodes at the corners top left, top right, bottom right, bottom left.
    fn corners(self) -> [usize; 4] {
        let (bottom, right) = (self.rows - 1, self.columns - 1);
        [self.node(0, 0), self.node(0, right), self.node(bottom, right), self.node(bottom, 0)]
    }
}

/// The shape of a page.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    width: f64,
    height: f64,
    grid: Grid,
    foot: Point,
    /// `q` at the nodes.
    lift: Vec<f64>,
    corners: [[f64; 8]; 4],
    /// Common slope of the lines on the flat page.
    print_slope: f64,
}

impl Shape {
    fn flat(evidence: &Evidence, foot: Point) -> Self {
        let (width, height) = (evidence.width, evidence.height);
        let grid = Grid::over(width, height);
        let corners = corner_changes(width, height, foot);
        Self { width, height, grid, foot, lift: vec![0.0; grid.nodes()], corners, print_slope: 0.0 }
    }

    /// The camera's foot.
    pub(super) fn foot(&self) -> Point {
        self.foot
    }

    /// Rotation of the lines on the flat page, clockwise.
    pub(super) fn print_degrees(&self) -> f64 {
        self.print_slope.atan().to_degrees()
    }

    /// How far from its place a point of the page appears, millimetres.
    pub(super) fn shift(&self, p: Point) -> [f64; 2] {
        let mut shift = [0.0; 2];
        for (node, [x, y]) in self.terms(p) {
            shift[0] += self.lift[node] * x;
            shift[1] += self.lift[node] * y;
        }
        shift
    }

    /// The place on the page of what appears at a point, improved from a guess.
    fn place(&self, seen: Point, guess: Point) -> Point {
        let [x, y] = self.shift(guess);
        Point::new(seen.x - x, seen.y - y)
    }

    /// A place on the page, less the common slope of the print.
    fn unsloped(&self, place: Point) -> Point {
        Point::new(place.x, place.y - self.print_slope * (place.x - self.width / 2.0))
    }

    /// Effects of the nodes on the shift of a point: the four around it, and the four corners.
    fn terms(&self, p: Point) -> [(usize, [f64; 2]); 8] {
        let (column, fx) = cell(p.x / self.width, self.grid.columns);
        let (row, fy) = cell(p.y / self.height, self.grid.rows);
        let arm = [p.x - self.foot.x, p.y - self.foot.y];
        let node = |down: usize, right: usize, weight: f64| {
            (self.grid.node(row + down, column + right), [weight * arm[0], weight * arm[1]])
        };
        let corner_nodes = self.grid.corners();
        let [across, along] = monomials(p);
        let corner = |i: usize| {
            let sum = |terms: &[f64; 8]| terms.iter().zip(&self.corners[i]).map(|(a, b)| a * b).sum();
            (corner_nodes[i], [sum(&across), sum(&along)])
        };
        [
            node(0, 0, (1.0 - fx) * (1.0 - fy)),
            node(0, 1, fx * (1.0 - fy)),
            node(1, 0, (1.0 - fx) * fy),
            node(1, 1, fx * fy),
            corner(0),
            corner(1),
            corner(2),
            corner(3),
        ]
    }
}

/// Scale that keeps the monomials of a page near 1.
const UNIT_MM: f64 = 100.0;

/// What each of the eight numbers of a small projective change does to a point, rightwards and downwards.
fn monomials(p: Point) -> [[f64; 8]; 2] {
    let (x, y) = (p.x / UNIT_MM, p.y / UNIT_MM);
    [[1.0, x, y, 0.0, 0.0, 0.0, x * x, x * y], [0.0, 0.0, 0.0, 1.0, x, y, x * y, y * y]]
}

/// For each corner the projective change that takes back its shift by a lift of 1 and leaves the other corners.
fn corner_changes(width: f64, height: f64, foot: Point) -> [[f64; 8]; 4] {
    let corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)].map(|(x, y)| Point::new(x, y));
    [0, 1, 2, 3].map(|lifted| {
        let mut system = Normal::new(8);
        for (i, &corner) in corners.iter().enumerate() {
            let wanted = if i == lifted { [foot.x - corner.x, foot.y - corner.y] } else { [0.0; 2] };
            for (row, wanted) in monomials(corner).iter().zip(wanted) {
                system.add(row, wanted, 1.0);
            }
        }
        let solved = system.solve().unwrap_or_default();
        std::array::from_fn(|i| solved.get(i).copied().unwrap_or(0.0))
    })
}

/// The flat page with the slope that suits its lines best.
pub(super) fn level(evidence: &Evidence) -> Shape {
    let shape = Shape::flat(evidence, evidence.foot);
    let slope = |line: &Line| {
        let (first, last) = (line.points[0], line.points[line.points.len() - 1]);
        (last.y - first.y) / (last.x - first.x).max(1.0)
    };
    let print_slope = median(evidence.lines.iter().map(slope).collect());
    Shape { print_slope, ..shape }
}

/// Finds the shape that straightens the sides and those lines that are `used`.
pub(super) fn fit(evidence: &Evidence, foot: Point, used: impl Fn(usize) -> bool) -> Option<Shape> {
    let mut shape = Shape::flat(evidence, foot);
    let mut rows = Rows::new(evidence, used);
    for forgiven in FORGIVEN {
        rows.weigh(&shape, forgiven);
        shape = rows.solve(&shape, foot)?.1;
        rows.place(&shape);
    }
    Some(shape)
}

/// [`fit`] to all lines, with a search for the camera's foot.
pub(super) fn fit_with_foot(evidence: &Evidence) -> Option<Shape> {
    let first = fit(evidence, evidence.foot, |_| true)?;
    let mut rows = Rows::new(evidence, |_| true);
    for _ in 0..PLACING_ROUNDS {
        rows.place(&first);
    }
    rows.weigh(&first, FORGIVEN[FORGIVEN.len() - 1]);
    let solve = |foot: Point| {
        let (cost, shape) = rows.solve(&first, foot)?;
        Some((cost + (foot.distance(evidence.foot) / FOOT_SIGMA_MM).powi(2), shape))
    };
    let (mut least, mut best) = solve(evidence.foot)?;
    for step in FOOT_STEPS_MM {
        for (x, y) in [(step, 0.0), (0.0, step)] {
            let moved = |by: f64| Point::new(best.foot.x + by * x, best.foot.y + by * y);
            let (before, after) = (solve(moved(-1.0))?.0, solve(moved(1.0))?.0);
            // Lowest place of the parabola through the three.
            let curvature = before - 2.0 * least + after;
            let by = if curvature > 0.0 { 0.5 * (before - after) / curvature } else { (before - after).signum() };
            let (cost, shape) = solve(moved(by.clamp(-2.0, 2.0)))?;
            if cost < least {
                (least, best) = (cost, shape);
            }
        }
    }
    rows.place(&best);
    rows.weigh(&best, FORGIVEN[FORGIVEN.len() - 1]);
    Some(rows.solve(&best, best.foot)?.1)
}

/// How far the traced sides are from straight on the flattened page, millimetres, root mean square.
pub(super) fn side_error(evidence: &Evidence, shape: &Shape) -> f64 {
    let mut rows = Rows::new(evidence, |_| false);
    for _ in 0..PLACING_ROUNDS {
        rows.place(shape);
    }
    let squares = rows.sides.iter().map(|(row, wanted)| (row.coordinate() - wanted).powi(2)).sum::<f64>();
    (squares / rows.sides.len().max(1) as f64).sqrt()
}

/// A point where a coordinate is known: that of its line, or that of its side.
struct Row {
    seen: Point,
    place: Point,
    /// Which coordinate, 0 rightwards, 1 downwards.
    axis: usize,
    sigma: f64,
    weight: f64,
}

impl Row {
    fn new(seen: Point, axis: usize, sigma: f64) -> Self {
        Self { seen, place: seen, axis, sigma, weight: 1.0 }
    }

    /// The known coordinate of its place.
    fn coordinate(&self) -> f64 {
        if self.axis == 0 { self.place.x } else { self.place.y }
    }
}

/// Rows of the equation system.
struct Rows {
    /// Of each line, whose height is unknown.
    lines: Vec<Vec<Row>>,
    /// Of the sides, with the coordinate they must have.
    sides: Vec<(Row, f64)>,
}

impl Rows {
    fn new(evidence: &Evidence, used: impl Fn(usize) -> bool) -> Self {
        let of_line = |line: &Line| {
            let sigma = LINE_SIGMA * line.letter_height;
            line.points.iter().map(|&p| Row::new(p, 1, sigma)).collect()
        };
        let chosen = evidence.lines.iter().enumerate().filter(|(i, _)| used(*i));
        let lines = chosen.map(|(_, line)| of_line(line)).collect();
        let mut sides = Vec::new();
        let straight = if evidence.sides.is_some() { STRAIGHT_SIGMA_MM } else { UNKNOWN_SIGMA_MM };
        for (i, wanted) in [0.0, evidence.width, evidence.height, 0.0].into_iter().enumerate() {
            let axis = (i + 1) % 2;
            let traced = evidence.sides.as_ref().map_or(&[][..], |sides| sides[i].as_slice());
            sides.extend(traced.iter().step_by(CURVE_STEP).map(|&p| (Row::new(p, axis, CURVE_SIGMA_MM), wanted)));
            for k in 1..=if traced.is_empty() { STRAIGHT_POINTS } else { 0 } {
                let share = k as f64 / (STRAIGHT_POINTS + 1) as f64;
                let (x, y) = (evidence.width * share, evidence.height * share);
                let point = if axis == 1 { Point::new(x, wanted) } else { Point::new(wanted, y) };
                sides.push((Row::new(point, axis, straight), wanted));
            }
        }
        Self { lines, sides }
    }

    /// Moves the rows to where they belong on the page.
    fn place(&mut self, shape: &Shape) {
        for row in self.lines.iter_mut().flatten().chain(self.sides.iter_mut().map(|(row, _)| row)) {
            row.place = shape.place(row.seen, row.place);
        }
    }

    /// Weighs the rows by how far off they are.
    fn weigh(&mut self, shape: &Shape, forgiven: f64) {
        let weight = |off: f64, sigma: f64| (1.0 + (off / (forgiven * sigma)).powi(2)).powi(-2) / (sigma * sigma);
        for line in &mut self.lines {
            for (row, off) in heights_off(shape, line) {
                row.weight = weight(off, row.sigma);
            }
        }
        for (row, wanted) in &mut self.sides {
            row.weight = weight(row.coordinate() - *wanted, row.sigma);
        }
    }

    /// The shape of least cost for a camera's foot, and that cost.
    fn solve(&self, shape: &Shape, foot: Point) -> Option<(f64, Shape)> {
        let mut shape = Shape { foot, corners: corner_changes(shape.width, shape.height, foot), ..shape.clone() };
        let slope = shape.grid.nodes();
        let mut system = Normal::new(slope + 1);
        let mut sum = vec![0.0; slope + 1];
        for line in &self.lines {
            sum.fill(0.0);
            let (mut weights, mut heights) = (0.0, 0.0);
            for row in line {
                let mut terms = [(slope, row.place.x - shape.width / 2.0); 9];
                for (term, (node, effect)) in terms.iter_mut().zip(shape.terms(row.place)) {
                    *term = (node, effect[row.axis]);
                }
                system.add_sparse(&terms, row.seen.y, row.weight);
                for (node, effect) in terms {
                    sum[node] += row.weight * effect;
                }
                weights += row.weight;
                heights += row.weight * row.seen.y;
            }
            if weights > 0.0 {
                system.eliminate(&sum, heights, weights);
            }
        }
        for (row, wanted) in &self.sides {
            let terms = shape.terms(row.place).map(|(node, effect)| (node, effect[row.axis]));
            let seen = if row.axis == 0 { row.seen.x } else { row.seen.y };
            system.add_sparse(&terms, seen - wanted, row.weight);
        }
        penalize(&mut system, &shape);
        system.add_sparse(&[(slope, 1.0)], 0.0, PRINT_SLOPE.powi(-2));
        let mut solved = system.solve()?;
        let cost = system.cost(&solved);
        shape.print_slope = solved.pop()?;
        shape.lift = solved;
        Some((cost, shape))
    }
}

/// Makes bent shapes dear.
fn penalize(system: &mut Normal, shape: &Shape) {
    let grid = shape.grid;
    let (dx, dy) = (shape.width / (grid.columns - 1) as f64, shape.height / (grid.rows - 1) as f64);
    let share = dx * dy / BENDING_AREA;
    let weight = share / (BENDING * BENDING);
    for row in 0..grid.rows {
        for column in 0..grid.columns {
            let node = |down: usize, right: usize| grid.node(row + down, column + right);
            system.add_sparse(&[(node(0, 0), 1.0)], 0.0, share / (LIFT * LIFT));
            if column + 2 < grid.columns {
                let [a, b, c] = [0, 1, 2].map(|i| node(0, i));
                system.add_sparse(&[(a, 1.0), (b, -2.0), (c, 1.0)], 0.0, weight / dx.powi(4));
            }
            if row + 2 < grid.rows {
                let [a, b, c] = [0, 1, 2].map(|i| node(i, 0));
                system.add_sparse(&[(a, 1.0), (b, -2.0), (c, 1.0)], 0.0, weight / dy.powi(4));
            }
            if column + 1 < grid.columns && row + 1 < grid.rows {
                let twist = [(node(0, 0), 1.0), (node(0, 1), -1.0), (node(1, 0), -1.0), (node(1, 1), 1.0)];
                system.add_sparse(&twist, 0.0, 2.0 * weight / (dx * dy).powi(2));
            }
        }
    }
}

/// How far the points of a line are from their middle height on the flattened page, millimetres.
fn heights_off<'a>(shape: &Shape, line: &'a mut [Row]) -> impl Iterator<Item = (&'a mut Row, f64)> {
    let heights: Vec<f64> = line.iter().map(|row| shape.unsloped(row.place).y).collect();
    let middle = median(heights.clone());
    line.iter_mut().zip(heights).map(move |(row, height)| (row, height - middle))
}

/// Points of a line as they lie on the flattened page, less the common slope of the print.
pub(super) fn flattened(shape: &Shape, line: &Line) -> Vec<Point> {
    let place = |&seen: &Point| (0..PLACING_ROUNDS).fold(seen, |place, _| shape.place(seen, place));
    line.points.iter().map(|seen| shape.unsloped(place(seen))).collect()
}

/// The cell of a grid of `nodes` in which a share lies, and where in it; beyond the edges the last cell goes on.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the grid")]
fn cell(share: f64, nodes: usize) -> (usize, f64) {
    let last = (nodes - 1) as f64;
    let place = share * last;
    let cell = place.clamp(0.0, last - 1.0) as usize;
    (cell, (place - cell as f64).clamp(-0.5, 1.5))
}

/// Normal equations of a weighted least squares problem, solved by Cholesky's method.
pub(super) struct Normal {
    size: usize,
    /// Lower triangle, row by row, in a full square.
    matrix: Vec<f64>,
    right: Vec<f64>,
    squares: f64,
}

impl Normal {
    pub(super) fn new(size: usize) -> Self {
        Self { size, matrix: vec![0.0; size * size], right: vec![0.0; size], squares: 0.0 }
    }

    /// Adds an equation `row · x = value`.
    pub(super) fn add(&mut self, row: &[f64], value: f64, weight: f64) {
        for (i, &a) in row.iter().enumerate() {
            let scaled = weight * a;
            for (sum, &b) in self.matrix[i * self.size..=i * self.size + i].iter_mut().zip(row) {
                *sum += scaled * b;
            }
            self.right[i] += scaled * value;
        }
        self.squares += weight * value * value;
    }

    /// [`Self::add`] for an equation given by its terms; a number may come twice.
    fn add_sparse(&mut self, terms: &[(usize, f64)], value: f64, weight: f64) {
        for &(i, a) in terms {
            for &(j, b) in terms {
                if j <= i {
                    self.matrix[i * self.size + j] += weight * a * b;
                }
            }
            self.right[i] += weight * a * value;
        }
        self.squares += weight * value * value;
    }

    /// Takes out an unknown that is added to each of some equations: their weighted sums are given.
    fn eliminate(&mut self, sums: &[f64], values: f64, weights: f64) {
        let scale = -1.0 / weights;
        for (i, &a) in sums.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let scaled = scale * a;
            for (sum, &b) in self.matrix[i * self.size..=i * self.size + i].iter_mut().zip(sums) {
                *sum += scaled * b;
            }
            self.right[i] += scaled * values;
        }
        self.squares += scale * values * values;
    }

    /// The solution; `None` when the equations do not determine it.
    pub(super) fn solve(&self) -> Option<Vec<f64>> {
        let n = self.size;
        let mut lower = self.matrix.clone();
        for i in 0..n {
            let (before, rest) = lower.split_at_mut(i * n);
            let own = &mut rest[..=i];
            for j in 0..i {
                let other = &before[j * n..j * n + j];
                let dot: f64 = own[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                own[j] = (own[j] - dot) / before[j * n + j];
            }
            let pivot = own[i] - own[..i].iter().map(|a| a * a).sum::<f64>();
            if pivot <= self.matrix[i * n + i] * 1e-13 || pivot.is_nan() {
                return None;
            }
            own[i] = pivot.sqrt();
        }
        let mut x = self.right.clone();
        for i in 0..n {
            let dot: f64 = lower[i * n..i * n + i].iter().zip(&x).map(|(a, b)| a * b).sum();
            x[i] = (x[i] - dot) / lower[i * n + i];
        }
        for i in (0..n).rev() {
            x[i] /= lower[i * n + i];
            let (value, row) = (x[i], &lower[i * n..i * n + i]);
            for (x, a) in x.iter_mut().zip(row) {
                *x -= value * a;
            }
        }
        Some(x)
    }

    /// Weighted sum of squares that a solution leaves.
    fn cost(&self, solution: &[f64]) -> f64 {
        self.squares - solution.iter().zip(&self.right).map(|(x, b)| x * b).sum::<f64>()
    }
}
