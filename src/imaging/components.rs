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

    /// Rows become columns; done in blocks that stay in the cache.
    pub(crate) fn transposed(&self) -> Self {
        const BLOCK: usize = 32;
        let mut out = Self::new(self.height, self.width);
        for y0 in (0..self.height).step_by(BLOCK) {
            for x0 in (0..self.width).step_by(BLOCK) {
                for y in y0..(y0 + BLOCK).min(self.height) {
                    for x in x0..(x0 + BLOCK).min(self.width) {
                        out.data[x * self.height + y] = self.data[y * self.width + x];
                    }
                }
            }
        }
        out
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

/// All components of a bitmap and the runs they consist of (by row, left to right).
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

/// Components are numbered in the order of their first run.
fn find_where(pixels: &[u8], width: usize, bridge: i32, is_ink: impl Fn(u8) -> bool) -> Components {
    let mut runs: Vec<Run> = Vec::new();
    let mut sets = Sets::default();
    let (mut above, mut above_end) = (0, 0);
    for (y, row) in pixels.chunks_exact(width.max(1)).enumerate() {
        let start = runs.len();
        scan_row(row, y as i32, bridge, &is_ink, &mut runs, &mut sets);
        let mut j = above;
        for i in start..runs.len() {
            while j < above_end && runs[j].x1 < runs[i].x0 {
                j += 1;
            }
            let mut k = j;
            while k < above_end && runs[k].x0 <= runs[i].x1 {
                sets.join(i as u32, k as u32);
                k += 1;
            }
        }
        (above, above_end) = (start, runs.len());
    }
    number(runs, sets)
}

fn scan_row(row: &[u8], y: i32, bridge: i32, is_ink: impl Fn(u8) -> bool, runs: &mut Vec<Run>, sets: &mut Sets) {
    let mut x = 0;
    let mut last_end = i32::MIN / 2;
    while x < row.len() {
        let Some(skip) = row[x..].iter().position(|&v| is_ink(v)) else { break };
        let x0 = x + skip;
        let x1 = row[x0..].iter().position(|&v| !is_ink(v)).map_or(row.len(), |n| x0 + n);
        let id = runs.len() as u32;
        let bridged = x0 as i32 - last_end <= bridge;
        sets.0.push(if bridged { id - 1 } else { id });
        runs.push(Run { y, x0: x0 as i32, x1: x1 as i32, component: id });
        last_end = x1 as i32;
        x = x1;
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

    #[test]
    fn transposing_twice_changes_nothing() {
        let picture = bitmap(&["#.##", "..#."]);
        let turned = picture.transposed();
        assert_eq!((turned.width, turned.height), (2, 4));
        assert_eq!(turned.transposed().data, picture.data);
    }
}
