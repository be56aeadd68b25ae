//! Reading order: tables cell by cell, columns one after the other, all else row by row.
//!
//! The page is a tree. Ruled lines that touch form grids; lines inside a grid belong to its cells, cells are read row
//! by row; a grid with one cell is a frame and read like a page. What lies in one cell (or outside all grids) is cut
//! into rows from the top. Consecutive rows with a common white corridor form a band of two columns when they look like
//! what stands side by side in official papers: letterheads and signatures are centred on their own axis, lists of
//! recipients have another line pitch than the signature beside them. An upright rule that meets no other parts columns
//! whatever they look like. Labels with fill-ins and unruled tables, whose
//! parts share baselines and left edges, are read along the row. Working after recognition has two advantages: what the
//! recogniser rejected disturbs nothing, and a colon marks a label.

#![expect(clippy::cast_possible_truncation, reason = "picture coordinates are small")]

use super::ratio::Ratio;
use super::rules::Rules;
use crate::imaging::components::Bounds;
use crate::model::{Rect, TextLine};

/// A recognised line with its geometry in working pixels.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Letters without marks.
    pub(crate) body: Bounds,
    /// Height of letters.
    pub(crate) size: f64,
    /// Baseline at both ends.
    pub(crate) ends: [f64; 2],
    /// What it says.
    pub(crate) text: TextLine,
}

/// A corridor is at least this multiple of the letter height wide.
const CORRIDOR: f64 = 1.0;

/// Letter heights that part a list from a signature beside it, but no label from its fill-in.
const WIDE_CORRIDOR: f64 = 4.0;

/// Lines are centred when their centres agree within the first multiple of the letter height and their edges differ by
/// more than the second.
const CENTERED: [f64; 2] = [0.9, 1.4];

/// A line goes on in its column after the others have ended when it is no further below than this multiple of its
/// height.
const SAME_COLUMN_GAP: f64 = 1.9;

/// The same between lines on one axis, where letterheads have short rules, as long as the other column is no further
/// above than the second multiple; and between paragraphs of columns of prose.
const CENTERED_GAP: f64 = 2.4;
const BESIDE_GAP: f64 = 1.5;
const PARAGRAPH_GAP: f64 = 3.5;

/// Room for signature and seal between a title and the name below, in letter heights.
const SIGNATURE_GAP: f64 = 16.0;

/// Widest text in letter heights that a form or unruled table has in its left column; wider ones are columns of prose.
const PROSE_WIDTH: f64 = 16.0;

/// Lines stand side by side when their baselines differ by no more than this multiple of the letter height, or when
/// they share more than this part of the height of the higher one (a letterhead's large print beside small).
const LEVEL_STEP: f64 = 0.6;
const LEVEL_OVERLAP: Ratio = Ratio(3, 5);

/// Lines side by side overlap by less than this part of the narrower one: boxes of slanted print touch.
const BESIDE_OVERLAP: Ratio = Ratio(1, 4);

/// Rows back from the lowest that a line may belong to: stacked lines of a letterhead lie between.
const OPEN_ROWS: usize = 4;

/// A block ends at a gap of this multiple of the letter height (print is spaced up to 1.5 lines), or when the size of
/// print changes by this factor.
const BLOCK_GAP: f64 = 2.0;
const BLOCK_RATIO: f64 = 1.35;

/// A name stands below its title when their centres agree within this multiple of the letter height.
const AXIS: f64 = 2.0;

/// Lines that show how a column is set: from the first on that it is prose, from the second on that its pitch is its
/// own, and from the third on that it stands beside a column of any length.
const PROSE_LINES: usize = 4;
const LIST_LINES: usize = 3;
const COLUMN_LINES: usize = 2;

/// Least letter height that centres are compared with, working pixels: below it rounding counts.
const CENTERED_SIZE: f64 = 12.0;

/// Rules this close, working pixels, touch each other: crossings are cleared by pieces.
const TOUCH: i32 = 12;

/// Puts recognised lines in reading order, joins the parts of a row and numbers the blocks.
pub(crate) fn arrange(pieces: Vec<Piece>, rules: &Rules) -> Vec<TextLine> {
    let mut out = Output { rows: Vec::new(), block: 0 };
    let grids = grids(rules);
    let mut home = vec![None; pieces.len()];
    for (piece, home) in pieces.iter().zip(&mut home) {
        let (x, y) = (piece.body.center_x(), piece.body.center_y());
        let inside = |g: &&Grid| g.bounds.contains(x, y);
        *home =
            grids.iter().enumerate().filter(|(_, g)| inside(g)).min_by_key(|(_, g)| area(&g.bounds)).map(|(i, _)| i);
    }
    let mut nodes: Vec<Vec<Node>> = (0..=grids.len()).map(|_| Vec::new()).collect();
    for (i, (piece, home)) in pieces.iter().zip(&home).enumerate() {
        nodes[home.unwrap_or(grids.len())].push(Node {
            body: piece.body,
            size: piece.size,
            ends: piece.ends,
            what: What::Line(i),
        });
    }
    // Small grids first: each becomes one node of the smallest grid around it.
    let mut by_area: Vec<usize> = (0..grids.len()).collect();
    by_area.sort_by_key(|&g| area(&grids[g].bounds));
    for (at, &g) in by_area.iter().enumerate() {
        let content = std::mem::take(&mut nodes[g]);
        if content.is_empty() {
            continue;
        }
        let (x, y) = (grids[g].bounds.center_x(), grids[g].bounds.center_y());
        let parent = by_area[at + 1..].iter().copied().find(|&p| grids[p].bounds.contains(x, y)).unwrap_or(grids.len());
        let size = content[0].size;
        let cells = grids[g].cells(content);
        let body = grids[g].bounds;
        let node = Node { body, size, ends: [f64::from(body.y1); 2], what: What::Cells(cells) };
        nodes[parent].push(node);
    }
    let page = Page { pieces: &pieces, rules: &rules.horizontal, dividers: dividers(rules) };
    flow(std::mem::take(&mut nodes[grids.len()]), &page, &mut out);
    out.finish(pieces)
}

/// What the order of a page is told by.
struct Page<'a> {
    pieces: &'a [Piece],
    /// Level rules.
    rules: &'a [Bounds],
    /// Upright rules between columns.
    dividers: Vec<Bounds>,
}

impl Page<'_> {
    /// Whether a rule runs through below `above` and above `below`, across the corridor between `from` and `to`: nobody
    /// reads down a column past it and comes back for the other.
    fn ruled_across(&self, above: &[Node], below: &[Node], from: i32, to: i32) -> bool {
        let middle = |row: &[Node]| row.iter().map(|n| n.body.center_y()).sum::<i32>() / row.len() as i32;
        let between = middle(above)..middle(below);
        self.rules.iter().any(|rule| between.contains(&rule.center_y()) && rule.x0 < from && rule.x1 > to)
    }
}

fn area(b: &Bounds) -> i64 {
    i64::from(b.width()) * i64::from(b.height())
}

#[derive(Debug)]
struct Node {
    body: Bounds,
    size: f64,
    ends: [f64; 2],
    what: What,
}

impl Node {
    /// Whether both stand on one baseline, measured where they meet (pages may be bent), or side by side.
    fn level_with(&self, other: &Self) -> bool {
        let (left, right) = if self.body.x0 < other.body.x0 { (self, other) } else { (other, self) };
        let step = (left.ends[1] - right.ends[0]).abs();
        let height = self.body.height().max(other.body.height());
        step <= LEVEL_STEP * left.size.max(right.size) || self.body.overlap_y(&other.body) > LEVEL_OVERLAP.of(height)
    }
}

#[derive(Debug)]
enum What {
    Line(usize),
    Cells(Vec<Vec<Node>>),
}

/// Rows of piece numbers, each with its block.
struct Output {
    rows: Vec<(u32, Vec<usize>)>,
    block: u32,
}

impl Output {
    fn finish(self, pieces: Vec<Piece>) -> Vec<TextLine> {
        let mut lines: Vec<Option<TextLine>> = pieces.into_iter().map(|piece| Some(piece.text)).collect();
        let mut blocks: Vec<u32> = Vec::new();
        let mut out = Vec::with_capacity(self.rows.len());
        for (block, row) in self.rows {
            if blocks.last() != Some(&block) {
                blocks.push(block);
            }
            let parts: Vec<TextLine> = row.into_iter().filter_map(|i| lines[i].take()).collect();
            let Some(bounds) = parts.iter().map(|line| line.bounds).reduce(Rect::union) else { continue };
            let words = parts.into_iter().flat_map(|line| line.words).collect();
            out.push(TextLine { words, bounds, block: blocks.len() as u32 - 1 });
        }
        out
    }
}

/// Boxes of the ruled tables: grids of at least two cells either way; one cell is a frame.
pub(crate) fn tables(rules: &Rules) -> Vec<Bounds> {
    let is_table = |grid: &Grid| grid.horizontal.len() > 2 && grid.vertical.len() > 2;
    grids(rules).into_iter().filter(is_table).map(|grid| grid.bounds).collect()
}

/// Rules that touch each other.
#[derive(Debug)]
struct Grid {
    bounds: Bounds,
    horizontal: Vec<Bounds>,
    vertical: Vec<Bounds>,
}

fn grids(rules: &Rules) -> Vec<Grid> {
    let all: Vec<(bool, Bounds)> =
        rules.horizontal.iter().map(|b| (true, *b)).chain(rules.vertical.iter().map(|b| (false, *b))).collect();
    let mut group: Vec<usize> = (0..all.len()).collect();
    for i in 0..all.len() {
        for j in 0..i {
            let touch = all[i].1.overlap_x(&all[j].1) >= -TOUCH && all[i].1.overlap_y(&all[j].1) >= -TOUCH;
            if touch && group[i] != group[j] {
                let (from, to) = (group[i], group[j]);
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
    }
    let mut out = Vec::new();
    for root in 0..all.len() {
        let members = || all.iter().zip(&group).filter(move |&(_, &g)| g == root).map(|(rule, _)| rule);
        let pick = |wanted: bool| members().filter(|(h, _)| *h == wanted).map(|(_, b)| *b).collect::<Vec<_>>();
        let (horizontal, vertical) = (pick(true), pick(false));
        if horizontal.len() >= 2 && vertical.len() >= 2 {
            let bounds = members().map(|(_, b)| *b).reduce(|a, b| a.union(&b)).unwrap_or_default();
            out.push(Grid { bounds, horizontal, vertical });
        }
    }
    out
}

impl Grid {
    /// Content by cells, in reading order.
    fn cells(&self, content: Vec<Node>) -> Vec<Vec<Node>> {
        let mut cells: Vec<((i32, i32), Vec<Node>)> = Vec::new();
        for node in content {
            let key = self.cell(node.body.center_x(), node.body.center_y());
            let near = |k: &(i32, i32)| (k.0 - key.0).abs() <= TOUCH && (k.1 - key.1).abs() <= TOUCH;
            match cells.iter_mut().find(|(k, _)| near(k)) {
                Some((_, nodes)) => nodes.push(node),
                None => cells.push((key, vec![node])),
            }
        }
        cells.sort_by_key(|&((top, left), _)| (top, left));
        // Borders of one row of cells differ by some pixels on bent pages.
        let mut tops: Vec<i32> = cells.iter().map(|((top, _), _)| *top).collect();
        for i in 1..tops.len() {
            if cells[i].0.0 - cells[i - 1].0.0 <= TOUCH {
                tops[i] = tops[i - 1];
            }
        }
        let mut order: Vec<(i32, i32, Vec<Node>)> =
            cells.into_iter().zip(tops).map(|(((_, left), nodes), top)| (top, left, nodes)).collect();
        order.sort_by_key(|&(top, left, _)| (top, left));
        order.into_iter().map(|(_, _, nodes)| nodes).collect()
    }

    /// Upper and left border of the cell at a point.
    fn cell(&self, x: i32, y: i32) -> (i32, i32) {
        let over = |r: &&Bounds| (r.x0 - TOUCH..r.x1 + TOUCH).contains(&x);
        let beside = |r: &&Bounds| (r.y0 - TOUCH..r.y1 + TOUCH).contains(&y);
        let top = self.horizontal.iter().filter(over).map(Bounds::center_y).filter(|&top| top < y).max();
        let left = self.vertical.iter().filter(beside).map(Bounds::center_x).filter(|&left| left < x).max();
        (top.unwrap_or(self.bounds.y0), left.unwrap_or(self.bounds.x0))
    }
}

/// Upright rules that no level rule touches: what bounds a cell meets others.
fn dividers(rules: &Rules) -> Vec<Bounds> {
    let touches = |a: &Bounds, b: &Bounds| a.overlap_x(b) >= -TOUCH && a.overlap_y(b) >= -TOUCH;
    let alone = |rule: &&Bounds| !rules.horizontal.iter().any(|level| touches(rule, level));
    rules.vertical.iter().filter(alone).copied().collect()
}

/// The divider, if any, that stands between two columns of several lines and runs through none.
fn divided(nodes: &[Node], page: &Page<'_>) -> Option<Bounds> {
    let parts = |rule: &&Bounds| {
        let beside = || nodes.iter().filter(|node| (rule.y0..rule.y1).contains(&node.body.center_y()));
        let left = beside().filter(|node| node.body.x1 <= rule.x1 + TOUCH).count();
        let right = beside().filter(|node| node.body.x0 >= rule.x0 - TOUCH).count();
        left.min(right) >= PROSE_LINES && left + right == beside().count()
    };
    page.dividers.iter().find(parts).copied()
}

/// Emits nodes of one cell, column or page.
fn flow(nodes: Vec<Node>, page: &Page<'_>, out: &mut Output) {
    let Some(divider) = divided(&nodes, page) else { return flow_undivided(nodes, page, out) };
    let mut parts: [Vec<Node>; 4] = Default::default();
    for node in nodes {
        let y = node.body.center_y();
        let part = match (y < divider.y0, y >= divider.y1) {
            (true, _) => 0,
            (_, true) => 3,
            _ => 1 + usize::from(node.body.center_x() >= divider.center_x()),
        };
        parts[part].push(node);
    }
    for part in parts {
        flow(part, page, out);
        out.block += 1;
    }
}

/// The same without rules between columns.
fn flow_undivided(nodes: Vec<Node>, page: &Page<'_>, out: &mut Output) {
    let mut rows = rows(nodes);
    let mut last: Option<(i32, f64)> = None;
    while !rows.is_empty() {
        if let Some(band) = two_columns(&rows, page) {
            let rest = rows.split_off(band.rows);
            let (left, right): (Vec<Node>, Vec<Node>) =
                rows.into_iter().flatten().partition(|node| node.body.center_x() < band.corridor);
            out.block += 1;
            flow(left, page, out);
            out.block += 1;
            flow(right, page, out);
            out.block += 1;
            (rows, last) = (rest, None);
            continue;
        }
        let row = rows.remove(0);
        let (top, size) = (row.iter().map(|n| n.body.y0).min().unwrap_or(0), row[0].size);
        let starts_block = |(bottom, above): (i32, f64)| {
            f64::from(top - bottom) > BLOCK_GAP * above || size > BLOCK_RATIO * above || above > BLOCK_RATIO * size
        };
        if last.is_some_and(starts_block) {
            out.block += 1;
        }
        last = Some((row.iter().map(|n| n.body.y1).max().unwrap_or(0), size));
        emit_row(row, page, out);
    }
}

fn emit_row(row: Vec<Node>, page: &Page<'_>, out: &mut Output) {
    let mut parts = Vec::new();
    for node in row {
        match node.what {
            What::Line(i) => parts.push(i),
            What::Cells(cells) => {
                push_row(&mut parts, out);
                for cell in cells {
                    out.block += 1;
                    flow(cell, page, out);
                }
                out.block += 1;
            }
        }
    }
    push_row(&mut parts, out);
}

fn push_row(parts: &mut Vec<usize>, out: &mut Output) {
    if !parts.is_empty() {
        out.rows.push((out.block, std::mem::take(parts)));
    }
}

/// Nodes that stand side by side, rows from the top, nodes from the left.
fn rows(mut nodes: Vec<Node>) -> Vec<Vec<Node>> {
    nodes.sort_by_key(|n| (n.body.center_y(), n.body.x0));
    let mut rows: Vec<Vec<Node>> = Vec::new();
    for node in nodes {
        let fits = |row: &Vec<Node>| {
            let clear = |other: &Node| {
                let narrower = node.body.width().min(other.body.width());
                !BESIDE_OVERLAP.is_reached(node.body.overlap_x(&other.body), narrower)
            };
            let nearest = row.iter().min_by_key(|other| -node.body.overlap_x(&other.body));
            row.iter().all(clear) && nearest.is_some_and(|other| node.level_with(other))
        };
        match rows.iter_mut().rev().take(OPEN_ROWS).find(|row| fits(row)) {
            Some(row) => row.push(node),
            None => rows.push(vec![node]),
        }
    }
    for row in &mut rows {
        row.sort_by_key(|n| n.body.x0);
    }
    rows.sort_by_key(|row| row.iter().map(|n| n.body.center_y()).sum::<i32>() / row.len() as i32);
    rows
}

/// Rows `..rows` are two columns, left and right of `corridor`.
struct Band {
    rows: usize,
    corridor: i32,
}

/// Rows from the top among which a band's first row with two sides is sought.
const LEAD: usize = 8;

/// The band of two columns that begins with the first row, if any.
fn two_columns(rows: &[Vec<Node>], page: &Page<'_>) -> Option<Band> {
    for (seed, row) in rows.iter().enumerate().take(LEAD) {
        let gaps = row.windows(2).map(|pair| (pair[0].body.x1, pair[1].body.x0, pair[0].size.max(pair[1].size)));
        let bands = gaps.filter(|(from, to, size)| f64::from(to - from) >= CORRIDOR * size);
        let band = bands.filter_map(|(from, to, size)| grow(rows, from, to, size, page)).max_by_key(|band| band.rows);
        if band.is_some() {
            return band;
        }
        // Rows before the seed must lead to it without a gap.
        let next = rows.get(seed + 1).map(|next| next[0].body.y0);
        if row.len() > 1 || next.is_none_or(|y| f64::from(y - row[0].body.y1) > SAME_COLUMN_GAP * row[0].size) {
            return None;
        }
    }
    None
}

fn grow(rows: &[Vec<Node>], mut from: i32, mut to: i32, size: f64, page: &Page<'_>) -> Option<Band> {
    let mut corridors = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        if number > 0 && page.ruled_across(&rows[number - 1], row, from, to) {
            break;
        }
        let (mut low, mut high) = (from, to);
        for node in row {
            // A node belongs to the side on which more of it lies.
            if node.body.center_x() * 2 < from + to {
                low = low.max(node.body.x1);
            } else {
                high = high.min(node.body.x0);
            }
        }
        if f64::from(high - low) < CORRIDOR * size {
            break;
        }
        (from, to) = (low, high);
        corridors.push((low + high) / 2);
    }
    let corridor = *corridors.last()?;
    let count = trim(&rows[..corridors.len()], corridor);
    let band = &rows[..count];
    // What one row has on one side counts as one line.
    let side = |left: bool| -> Vec<Side> {
        let part = |row: &Vec<Node>| {
            row.iter()
                .filter(|node| (node.body.center_x() < corridor) == left)
                .map(|node| Side {
                    body: node.body,
                    size: node.size,
                    is_line: matches!(node.what, What::Line(_)),
                    parts: 1,
                })
                .reduce(|a, b| Side {
                    body: a.body.union(&b.body),
                    size: a.size.max(b.size),
                    is_line: a.is_line && b.is_line,
                    parts: a.parts + b.parts,
                })
        };
        band.iter().filter_map(part).collect()
    };
    let (left, right) = (side(true), side(false));
    let columns = looks_like_columns(band, &left, &right, corridor, f64::from(to - from) / size, page);
    columns.then_some(Band { rows: count, corridor })
}

/// One line of one column.
struct Side {
    body: Bounds,
    size: f64,
    is_line: bool,
    /// Pieces that it consists of.
    parts: usize,
}

fn sides(row: &[Node], corridor: i32) -> (bool, bool) {
    (row.iter().any(|n| n.body.center_x() < corridor), row.iter().any(|n| n.body.center_x() >= corridor))
}

/// Number of rows that the band keeps: as long as each row goes on closely in a column, or on the axes of both, as the
/// names below signatures do.
fn trim(rows: &[Vec<Node>], corridor: i32) -> usize {
    let first = rows.iter().position(|row| sides(row, corridor) == (true, true)).map_or(0, |i| i + 1);
    let part = |row: &[Node], left: bool| {
        let side = row.iter().filter(|n| (n.body.center_x() < corridor) == left);
        side.map(|n| (n.body, n.size)).reduce(|a, b| (a.0.union(&b.0), b.1))
    };
    let is_prose = |kept: usize| {
        let wide = |left: bool| {
            let parts = rows[..kept].iter().filter_map(|row| part(row, left));
            parts.filter(|(body, size)| f64::from(body.width()) > PROSE_WIDTH * size).count()
        };
        wide(true).min(wide(false)) >= PROSE_LINES
    };
    let goes_on = |kept: usize, row: &[Node], left: bool| {
        let above = rows[..kept].iter().rev().find_map(|row| part(row, left));
        let (Some((here, here_size)), Some((above, size))) = (part(row, left), above) else { return (false, false) };
        let is_centered = f64::from((here.center_x() - above.center_x()).abs()) <= AXIS * size.max(here_size);
        // Far below the other column something else begins.
        let other = rows[..kept].iter().rev().find_map(|row| part(row, !left));
        let is_beside = other.is_some_and(|(other, _)| f64::from(here.y0 - other.y1) <= BESIDE_GAP * size);
        let gap = match (is_prose(kept), is_centered && is_beside) {
            (true, _) => PARAGRAPH_GAP,
            (_, true) => CENTERED_GAP,
            _ => SAME_COLUMN_GAP,
        };
        let close = f64::from(here.y0 - above.y1) <= gap * size.min(here_size);
        let on_axis = is_centered && f64::from(here.y0 - above.y1) <= SIGNATURE_GAP * size;
        (close, on_axis)
    };
    let mut kept = first;
    while kept < rows.len() {
        let row = &rows[kept];
        let ((left, left_axis), (right, right_axis)) = (goes_on(kept, row, true), goes_on(kept, row, false));
        let keeps = match sides(row, corridor) {
            (true, true) => left || right || (left_axis && right_axis),
            (true, false) => left,
            // Room for the signature, beside which the other column has ended.
            _ => right || right_axis,
        };
        if !keeps {
            break;
        }
        kept += 1;
    }
    kept
}

/// Whether two sides of a band are columns and not labels with fill-ins or an unruled table. `width` is that of the
/// corridor in letter heights.
fn looks_like_columns(
    band: &[Vec<Node>],
    left: &[Side],
    right: &[Side],
    corridor: i32,
    width: f64,
    page: &Page<'_>,
) -> bool {
    let (few, many) = (left.len().min(right.len()), left.len().max(right.len()));
    if few == 0 || many < COLUMN_LINES || left.iter().chain(right).any(|side| !side.is_line) {
        return false;
    }
    let both: Vec<&Vec<Node>> = band.iter().filter(|row| sides(row, corridor) == (true, true)).collect();
    // Titles of signatories on their own axis, well apart, are no fill-ins, whatever stands on the left; nor is what
    // stands beside the recipients, who have the left column to themselves (NĐ 30/2020/NĐ-CP Phụ lục I).
    let recipients = band[0].first().is_some_and(|node| says(node, page).starts_with(RECIPIENTS));
    if width > WIDE_CORRIDOR && (centered(right) || recipients) {
        return true;
    }
    let labels = both.iter().filter(|row| {
        let (on_left, on_right): (Vec<&Node>, Vec<&Node>) = row.iter().partition(|n| n.body.center_x() < corridor);
        let colon = |nodes: &[&Node]| nodes.iter().any(|node| has_colon(node, page));
        on_left.last().is_some_and(|node| ends_with_colon(node, page)) || (colon(&on_left) && colon(&on_right))
    });
    if labels.count() * 2 > both.len() {
        return false;
    }
    if centered(left) || centered(right) {
        return true;
    }
    let size = left[0].size;
    // Cells side by side are no lines of prose, however wide together.
    let prose = |side: &[Side]| {
        let wide = |n: &&Side| n.parts == 1 && f64::from(n.body.width()) > PROSE_WIDTH * size;
        side.len() >= PROSE_LINES && side.iter().filter(wide).count() * 2 > side.len()
    };
    // Baselines that do not agree cannot be read along a row.
    (prose(left) && prose(right))
        || (few >= COLUMN_LINES && both.len() * 2 < few)
        || (many >= LIST_LINES && both.len() * 3 <= many && width > WIDE_CORRIDOR)
}

/// How the list of recipients begins.
const RECIPIENTS: &str = "nơi nhận";

/// What a line says, in small letters.
fn says(node: &Node, page: &Page<'_>) -> String {
    let What::Line(i) = node.what else { return String::new() };
    page.pieces[i].text.text().to_lowercase()
}

/// "Label: fill-in" as a whole.
fn has_colon(node: &Node, page: &Page<'_>) -> bool {
    let What::Line(i) = node.what else { return false };
    page.pieces[i].text.words.iter().any(|word| word.text.ends_with(':'))
}

fn ends_with_colon(node: &Node, page: &Page<'_>) -> bool {
    let What::Line(i) = node.what else { return false };
    page.pieces[i].text.words.last().is_some_and(|word| word.text.ends_with(':'))
}

/// Whether lines of different lengths share an axis.
fn centered(side: &[Side]) -> bool {
    if side.len() < COLUMN_LINES {
        return false;
    }
    let size = side.iter().map(|n| n.size).sum::<f64>() / side.len() as f64;
    let spread = |of: &dyn Fn(&Side) -> i32| {
        let values = || side.iter().map(of);
        f64::from(values().max().unwrap_or(0) - values().min().unwrap_or(0))
    };
    // Numbers set flush right have nearly one axis, too.
    spread(&|n| n.body.center_x()) <= CENTERED[0] * size.max(CENTERED_SIZE)
        && spread(&|n| n.body.x0).min(spread(&|n| n.body.x1)) >= CENTERED[1] * size
}

#[cfg(test)]
#[expect(clippy::cast_sign_loss, reason = "places in these tests are positive")]
mod tests {
    use super::*;
    use crate::model::Word;

    /// A line of letters 20 pixels high at a place.
    fn piece(text: &str, x: i32, y: i32, width: i32) -> Piece {
        let bounds = Rect { x: x as u32, y: y as u32, width: width as u32, height: 20 };
        let words = text.split(' ').map(|w| Word { text: w.to_owned(), bounds, confidence: 1.0, blue: 0 }).collect();
        let body = Bounds { x0: x, y0: y, x1: x + width, y1: y + 20 };
        Piece { body, size: 20.0, ends: [f64::from(y + 20); 2], text: TextLine { words, bounds, block: 0 } }
    }

    /// The same with the middle at `x`.
    fn centered_piece(text: &str, x: i32, y: i32, width: i32) -> Piece {
        piece(text, x - width / 2, y, width)
    }

    fn read(pieces: Vec<Piece>) -> Vec<String> {
        arrange(pieces, &Rules::default()).iter().map(TextLine::text).collect()
    }

    /// Pieces, handed over from the top of the page down, are read in the listed order.
    fn assert_read_as_listed(listed: &[Piece]) {
        let mut pieces = listed.to_vec();
        pieces.sort_by_key(|piece| (piece.body.y0, piece.body.x0));
        let expected: Vec<String> = listed.iter().map(|piece| piece.text.text()).collect();
        assert_eq!(read(pieces), expected);
    }

    #[test]
    fn letterhead_is_read_column_by_column() {
        assert_read_as_listed(&[
            centered_piece("TỈNH", 400, 102, 150),
            centered_piece("ỦY BAN", 400, 140, 400),
            centered_piece("Số: 5", 400, 190, 120),
            centered_piece("CỘNG HÒA", 1100, 100, 600),
            centered_piece("Độc lập", 1100, 142, 300),
            centered_piece("Mỹ Lộc, ngày", 1100, 190, 400),
            centered_piece("QUYẾT ĐỊNH", 827, 300, 240),
        ]);
    }

    #[test]
    fn labels_are_read_with_their_fill_ins() {
        let pieces = vec![
            piece("Họ tên:", 200, 100, 100),
            piece("Phan Văn An", 330, 101, 200),
            piece("Giới tính: Nam", 200, 160, 180),
            piece("Dân tộc: Kinh", 900, 160, 180),
            piece("Ngày sinh: 1/1", 200, 220, 180),
            piece("Quốc tịch: Lào", 900, 220, 180),
        ];
        let expected = ["Họ tên: Phan Văn An", "Giới tính: Nam Dân tộc: Kinh", "Ngày sinh: 1/1 Quốc tịch: Lào"];
        assert_eq!(read(pieces), expected);
    }

    #[test]
    fn recipients_come_before_the_signatory() {
        let recipients = [("Nơi nhận:", 1000), ("- Như trên;", 1034), ("- Lưu: VT.", 1066)];
        let signatory = [("TM. ỦY BAN", 1000, 300), ("CHỦ TỊCH", 1042, 180), ("Lê An", 1300, 100)];
        let left = recipients.map(|(text, y)| piece(text, 200, y, 115));
        let right = signatory.map(|(text, y, width)| centered_piece(text, 1200, y, width));
        assert_read_as_listed(&[left, right].concat());
    }

    #[test]
    fn recipients_come_first_whatever_stands_beside_them() {
        // Two lines of like width with one name far below, in a larger pitch than the list.
        let left = [("Nơi nhận:", 1000), ("- Như trên;", 1038), ("- Lưu: VT.", 1072)];
        let right = [("TM. ỦY BAN NHÂN DÂN", 1002, 416), ("PHÓ TRƯỞNG PHÒNG", 1042, 400), ("Lê Văn An", 1272, 390)];
        let left = left.map(|(text, y)| piece(text, 200, y, 150));
        let right = right.map(|(text, y, width)| centered_piece(text, 1200, y, width));
        assert_read_as_listed(&[left, right].concat());
    }

    #[test]
    fn number_below_the_rule_of_a_letterhead_belongs_to_its_column() {
        let left = [("ỦY BAN NHÂN DÂN", 100, 300), ("TRẠM Y TẾ", 140, 180), ("Số: 432/BPTN", 203, 240)];
        let right = [("CỘNG HÒA", 100, 600), ("Độc lập", 140, 320), ("Thạnh Luật, ngày 22", 185, 420)];
        let column =
            |x: i32, lines: [(&str, i32, i32); 3]| lines.map(|(text, y, width)| centered_piece(text, x, y, width));
        let title = centered_piece("GIẤY TIẾP NHẬN", 827, 330, 500);
        assert_read_as_listed(&[column(400, left).to_vec(), column(1100, right).to_vec(), vec![title]].concat());
    }

    #[test]
    fn what_follows_below_a_letterhead_is_no_part_of_its_left_column() {
        let left =
            [("ỦY BAN", 100, 300), ("Số: 5", 140, 180)].map(|(text, y, width)| centered_piece(text, 400, y, width));
        let right = [("CỘNG HÒA", 100, 600), ("Độc lập", 140, 320)];
        let right = right.map(|(text, y, width)| centered_piece(text, 1100, y, width));
        let stamp = centered_piece("CÔNG VĂN ĐẾN", 400, 207, 200);
        assert_read_as_listed(&[left.to_vec(), right.to_vec(), vec![stamp]].concat());
    }

    #[test]
    fn columns_of_prose_go_on_over_gaps_between_paragraphs() {
        let column = |x: i32| {
            let paragraph =
                move |top: i32| (0..5).map(move |row| piece(&format!("{x} {top} {row}"), x, top + 30 * row, 600));
            paragraph(100).chain(paragraph(305))
        };
        assert_read_as_listed(&column(100).chain(column(800)).collect::<Vec<_>>());
    }

    #[test]
    fn one_field_beside_three_is_read_in_its_row() {
        let listed = [
            ("Sinh ngày: 9/1", 200, 100),
            ("Dân tộc: Thái", 900, 100),
            ("Số: 1", 200, 140),
            ("Nơi cư trú: ấp", 200, 180),
        ];
        let pieces = listed.iter().map(|&(text, x, y)| piece(text, x, y, 220)).collect();
        assert_eq!(read(pieces), ["Sinh ngày: 9/1 Dân tộc: Thái", "Số: 1", "Nơi cư trú: ấp"]);
    }

    #[test]
    fn two_signatories_are_read_one_after_the_other_down_to_their_names() {
        assert_read_as_listed(&[
            centered_piece("NGƯỜI KHAI", 400, 1000, 180),
            centered_piece("Lê An", 400, 1250, 100),
            centered_piece("XÁC NHẬN", 1200, 1000, 400),
            centered_piece("Vũ Bình Minh", 1200, 1250, 180),
        ]);
    }

    #[test]
    fn columns_of_prose_are_read_one_after_the_other() {
        let column = |x: i32| (0..5).map(move |row| piece(&format!("{x} {row}"), x, 100 + 40 * row, 600));
        assert_read_as_listed(&column(100).chain(column(800)).collect::<Vec<_>>());
    }

    #[test]
    fn rule_between_columns_parts_lines_of_any_length_and_baseline() {
        let left = [(100, 550), (140, 40), (180, 550), (220, 200), (260, 550)].map(|(y, w)| piece("trái", 100, y, w));
        let right = [(112, 500), (152, 540), (192, 20), (232, 540)].map(|(y, w)| piece("phải", 700, y, w));
        let listed: Vec<Piece> = left.into_iter().chain(right).chain([piece("– 3 –", 640, 400, 80)]).collect();
        let pieces = |listed: &[Piece]| {
            let mut pieces = listed.to_vec();
            pieces.sort_by_key(|piece| (piece.body.y0, piece.body.x0));
            pieces
        };
        let divider = Bounds { x0: 674, y0: 90, x1: 676, y1: 300 };
        let text = arrange(pieces(&listed), &Rules { horizontal: Vec::new(), vertical: vec![divider] });
        let said: Vec<String> = text.iter().map(TextLine::text).collect();
        assert_eq!(said, [["trái"; 5].as_slice(), &["phải"; 4], &["– 3 –"]].concat());

        // The same rule met by a level one is the side of a cell.
        let level = Bounds { x0: 90, y0: 300, x1: 1300, y1: 302 };
        assert!(dividers(&Rules { horizontal: vec![level], vertical: vec![divider] }).is_empty());
    }

    #[test]
    fn contents_are_read_with_their_page_numbers() {
        let rows = (0..6).flat_map(|row| {
            let (y, number) = (100 + 40 * row, 8 + 24 * row);
            let width = if number < 10 { 10 } else { 22 };
            [piece(&format!("{row}. Quyết định"), 200, y, 500), piece(&number.to_string(), 1400 - width, y, width)]
        });
        let expected: Vec<String> = (0..6).map(|row| format!("{row}. Quyết định {}", 8 + 24 * row)).collect();
        assert_eq!(read(rows.collect()), expected);
    }

    #[test]
    fn tables_with_level_rules_alone_are_read_row_by_row() {
        let row = |y: i32| {
            let (name, plan) = (piece(&format!("việc {y}"), 150, y, 380), piece("1.000.000", 700, y, 90));
            [name, plan, piece("2.000.000", 950, y, 90), piece("88,5", 1300, y, 300)]
        };
        let pieces: Vec<Piece> = (0..6).flat_map(|n| row(100 + 40 * n)).collect();
        let expected: Vec<String> = (0..6).map(|n| format!("việc {} 1.000.000 2.000.000 88,5", 100 + 40 * n)).collect();
        assert_eq!(read(pieces.clone()), expected);

        // Columns as they may be, side by side, but ruled across.
        let column = |x: i32| (0..5).map(move |row| piece(&format!("{x} {row}"), x, 100 + 40 * row, 600));
        let rule = |y: i32| Bounds { x0: 90, y0: y, x1: 1410, y1: y + 2 };
        let rules = Rules { horizontal: (0..6).map(|n| rule(90 + 40 * n)).collect(), vertical: Vec::new() };
        let text = arrange(column(100).chain(column(800)).collect(), &rules);
        let rows: Vec<String> = text.iter().map(TextLine::text).collect();
        assert_eq!(rows, (0..5).map(|row| format!("100 {row} 800 {row}")).collect::<Vec<_>>());
    }

    #[test]
    fn tables_are_read_cell_by_cell_with_all_lines_of_a_cell() {
        let h = |y: i32| Bounds { x0: 100, y0: y, x1: 1000, y1: y + 3 };
        let v = |x: i32| Bounds { x0: x, y0: 200, x1: x + 3, y1: 403 };
        let rules = Rules { horizontal: vec![h(200), h(300), h(400)], vertical: vec![v(100), v(500), v(997)] };
        let pieces = vec![
            piece("before", 100, 100, 200),
            piece("one", 120, 240, 60),
            piece("two", 520, 220, 60),
            piece("lines", 520, 260, 60),
            piece("three", 120, 340, 60),
            piece("four", 520, 340, 60),
            piece("after", 100, 500, 200),
        ];
        let text = arrange(pieces, &rules);
        let words: Vec<String> = text.iter().map(TextLine::text).collect();
        assert_eq!(words, ["before", "one", "two", "lines", "three", "four", "after"]);
        assert_eq!(text[2].block, text[3].block);
        assert!(text[1].block < text[2].block && text[3].block < text[4].block);
    }
}
