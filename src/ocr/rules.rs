//! Ruled lines: underlines, form lines, table borders and frames.
//!
//! A rule is a chain of thin, long components: thin means few ink pixels across. Working on chains of components, not
//! on projections, follows lines that are slightly skewed or bent, and leaves letters that cross a rule whole because
//! their columns are not thin there.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "picture coordinates are small")]

use super::ratio::Ratio;
use crate::imaging::components::{self, Bitmap, Bits, Bounds};

/// A rule, by its box. Half-open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// From left to right.
    pub(crate) horizontal: Vec<Bounds>,
    /// From top to bottom.
    pub(crate) vertical: Vec<Bounds>,
}

/// What counts as a rule, in pixels at 200 dpi.
#[derive(Clone, Copy)]
struct Kind {
    /// Thickest.
    thick: usize,
    /// Shortest piece that may be part of one.
    piece: i32,
    /// Shortest.
    length: i32,
}

/// Heavy frames, up to 2 mm thick and from 50 mm on.
const HEAVY: Kind = Kind { thick: 16, piece: 64, length: 400 };

/// Rules up to 0.9 mm thick and from 11 mm on; serifs and bars of letters at 14 points are shorter than the pieces (2
/// mm), and strokes of large capitals, which may be thicker, shorter than the whole.
const FINE: Kind = Kind { thick: 7, piece: 16, length: 88 };

/// A piece may be higher than thick by this part of its length: skewed or bent.
const TILT: Ratio = Ratio(1, 8);

/// Least length of ink in a piece against its whole length: a dotted line leaves more white than ink.
const PIECE_FILL: Ratio = Ratio(1, 3);

/// Least length of the pieces of a rule against its own; a chain of serifs leaves most of its length open.
const COVERED: Ratio = Ratio(7, 10);

/// Stems of letters that stand below each other on close lines cover up to 0.85 of a chain's length. So an upright rule
/// has a piece longer than any stem (6 mm), or is nearly closed, broken by the rules that cross it alone.
const STEM: i32 = 48;
const CLOSED: Ratio = Ratio(9, 10);

/// Measures in pixels at 200 dpi; millimetres in brackets.
mod size {
    /// Longest gap inside a rule, where letters or other rules cross it (2 mm).
    pub(super) const GAP: i32 = 16;
    /// White gap that dots of a dotted line may leave (0.5 mm).
    pub(super) const DOT_GAP: i32 = 3;
    /// Largest step between the ends of neighbouring pieces (0.4 mm), half the thickness of a fine rule.
    pub(super) const STEP: i32 = 3;
    /// What a column of a rule may be thicker than most: the soft edge of a scan.
    pub(super) const SOFT_EDGE: usize = 1;
}

/// Finds the rules and clears them from the ink. `cleared` receives 1 where a rule was.
pub(crate) fn remove(ink: &mut Bitmap, cleared: &mut Bitmap) -> Rules {
    let turn = |b: &Bounds| Bounds { x0: b.y0, y0: b.x0, x1: b.y1, y1: b.x1 };
    let mut rules = Rules::default();
    for kind in [HEAVY, FINE] {
        let bits = Bits::new(ink);
        let horizontal = find(&bits, kind, |_, _| true);
        let closed = |pieces: &[i32], length| {
            pieces.iter().any(|&piece| piece > STEM) || CLOSED.is_reached(pieces.iter().sum(), length)
        };
        let turned = find(&bits.transposed(), kind, closed);
        horizontal.iter().for_each(|(_, pixels)| erase(ink, cleared, pixels, false));
        turned.iter().for_each(|(_, pixels)| erase(ink, cleared, pixels, true));
        rules.horizontal.extend(horizontal.iter().map(|(b, _)| *b));
        rules.vertical.extend(turned.iter().map(|(b, _)| turn(b)));
    }
    rules
}

type Pixels = Vec<components::Run>;

fn erase(ink: &mut Bitmap, cleared: &mut Bitmap, pixels: &Pixels, turned: bool) {
    let width = ink.width;
    for run in pixels {
        for x in run.x0..run.x1 {
            let index = if turned { x as usize * width + run.y as usize } else { run.y as usize * width + x as usize };
            ink.data[index] = 0;
            cleared.data[index] = 1;
        }
    }
}

/// Horizontal rules of a bitmap with the runs they consist of. `is_rule` has the last word on a chain: the lengths of its
/// pieces and its own.
fn find(ink: &Bits, kind: Kind, is_rule: impl Fn(&[i32], i32) -> bool) -> Vec<(Bounds, Pixels)> {
    // Thin: few ink pixels in the column, without interruption.
    let found = components::find_bits(&ink.without_long_columns(kind.thick), size::DOT_GAP);
    let mut pieces: Vec<usize> = (0..found.list.len())
        .filter(|&i| {
            let c = &found.list[i];
            let (w, h) = (c.bounds.width(), c.bounds.height());
            let thick = kind.thick as i32;
            w >= kind.piece && c.area <= w * thick && h <= thick + TILT.of(w) && PIECE_FILL.is_reached(c.area, w)
        })
        .collect();
    pieces.sort_by_key(|&i| (found.list[i].bounds.x0, found.list[i].bounds.y0));
    let chain_of = chain(&pieces.iter().map(|&i| found.list[i].bounds).collect::<Vec<_>>(), &found, &pieces);
    let chains = chain_of.iter().copied().max().map_or(0, |n| n + 1);
    let mut boxes: Vec<Option<Bounds>> = vec![None; chains];
    let mut lengths: Vec<Vec<i32>> = vec![Vec::new(); chains];
    for (&piece, &chain) in pieces.iter().zip(&chain_of) {
        let b = found.list[piece].bounds;
        boxes[chain] = Some(boxes[chain].map_or(b, |all| all.union(&b)));
        lengths[chain].push(b.width());
    }
    let mut rule_of = vec![usize::MAX; found.list.len()];
    let mut rules: Vec<(Bounds, Pixels)> = Vec::new();
    let mut number = vec![usize::MAX; chains];
    for (&piece, &chain) in pieces.iter().zip(&chain_of) {
        let Some(b) = boxes[chain] else { continue };
        let covered = lengths[chain].iter().sum();
        if b.width() < kind.length || !COVERED.is_reached(covered, b.width()) || !is_rule(&lengths[chain], b.width()) {
            continue;
        }
        if number[chain] == usize::MAX {
            number[chain] = rules.len();
            rules.push((b, Vec::new()));
        }
        rule_of[piece] = number[chain];
    }
    for run in &found.runs {
        if let Some((_, pixels)) = rules.get_mut(rule_of[run.component as usize]) {
            pixels.push(*run);
        }
    }
    for (bounds, pixels) in &mut rules {
        spare_thick_columns(bounds, pixels);
    }
    rules
}

/// Keeps of a rule's pixels those in columns about as thick as most: elsewhere a mark or a letter's foot stands on it.
fn spare_thick_columns(bounds: &Bounds, pixels: &mut Pixels) {
    let mut thickness = vec![0_usize; bounds.width() as usize];
    for run in pixels.iter() {
        thickness[(run.x0 - bounds.x0) as usize..(run.x1 - bounds.x0) as usize].iter_mut().for_each(|t| *t += 1);
    }
    let mut sorted: Vec<usize> = thickness.iter().copied().filter(|&t| t > 0).collect();
    sorted.sort_unstable();
    let limit = sorted.get(sorted.len() / 2).map_or(0, |&median| median + size::SOFT_EDGE);
    let mut kept = Vec::with_capacity(pixels.len());
    for run in pixels.iter() {
        let mut start = run.x0;
        for x in run.x0..=run.x1 {
            if x == run.x1 || thickness[(x - bounds.x0) as usize] > limit {
                if x > start {
                    kept.push(components::Run { x0: start, x1: x, ..*run });
                }
                start = x + 1;
            }
        }
    }
    *pixels = kept;
}

/// Numbers the chains that collinear neighbouring pieces (sorted by left edge) form.
fn chain(pieces: &[Bounds], found: &components::Components, ids: &[usize]) -> Vec<usize> {
    // Heights of the ends: a bent or skewed piece does not end where its box is centred.
    let mut ends = vec![(0_i32, 0_i32, i32::MAX, i32::MIN); found.list.len()];
    for run in &found.runs {
        let end = &mut ends[run.component as usize];
        if run.x0 < end.2 {
            (end.0, end.2) = (run.y, run.x0);
        }
        if run.x1 > end.3 {
            (end.1, end.3) = (run.y, run.x1);
        }
    }
    let mut chain_of: Vec<usize> = Vec::with_capacity(pieces.len());
    let mut tails: Vec<(i32, i32)> = Vec::new();
    for (piece, &id) in pieces.iter().zip(ids) {
        let (left_y, right_y, ..) = ends[id];
        let fits = |tail: &(i32, i32)| {
            let gap = piece.x0 - tail.0;
            (-size::GAP..=size::GAP).contains(&gap) && (left_y - tail.1).abs() <= size::STEP
        };
        let best = (0..tails.len()).rev().filter(|&c| fits(&tails[c])).min_by_key(|&c| (left_y - tails[c].1).abs());
        let chain = best.unwrap_or(tails.len());
        if chain == tails.len() {
            tails.push((piece.x1, right_y));
        } else if piece.x1 > tails[chain].0 {
            tails[chain] = (piece.x1, right_y);
        }
        chain_of.push(chain);
    }
    chain_of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(paint: impl Fn(usize, usize) -> bool) -> Bitmap {
        let (width, height) = (400, 120);
        let data = (0..width * height).map(|i| u8::from(paint(i % width, i / width))).collect();
        Bitmap { width, height, data }
    }

    fn removed(mut ink: Bitmap) -> (Bitmap, Rules) {
        let mut cleared = Bitmap::new(ink.width, ink.height);
        let rules = remove(&mut ink, &mut cleared);
        (ink, rules)
    }

    #[test]
    fn skewed_dotted_line_is_a_rule() {
        let (ink, rules) = removed(page(|x, y| x % 5 < 2 && y.wrapping_sub(50 + x / 40) < 2 && x > 20));
        assert_eq!(rules.horizontal.len(), 1);
        assert_eq!(ink.data.iter().filter(|&&v| v != 0).count(), 0);
    }

    #[test]
    fn letter_on_a_rule_keeps_its_stroke() {
        let (ink, rules) =
            removed(page(|x, y| (60..63).contains(&y) || ((100..104).contains(&x) && (40..80).contains(&y))));
        assert_eq!(rules.horizontal.len(), 1);
        assert_eq!(ink.data.iter().filter(|&&v| v != 0).count(), 4 * 40);
    }

    #[test]
    fn row_of_letter_strokes_is_no_rule() {
        let (ink, rules) = removed(page(|x, y| x % 9 < 3 && (40..56).contains(&y)));
        assert!(rules.horizontal.is_empty() && rules.vertical.is_empty());
        assert!(ink.data.iter().any(|&v| v != 0));
    }

    #[test]
    fn stems_below_each_other_on_close_lines_are_no_rule() {
        let (ink, rules) = removed(page(|x, y| (100..103).contains(&x) && y % 29 < 23));
        assert!(rules.vertical.is_empty());
        assert!(ink.data.iter().any(|&v| v != 0));
        // The same with the gaps that crossing rules leave.
        let (_, rules) = removed(page(|x, y| (100..103).contains(&x) && y % 40 < 36));
        assert_eq!(rules.vertical.len(), 1);
    }

    #[test]
    fn table_borders_are_found_both_ways() {
        let (_, rules) = removed(page(|x, y| {
            (10..390).contains(&x)
                && (10..110).contains(&y)
                && (x % 190 < 12 && x % 190 >= 10 || y % 49 < 12 && y % 49 >= 10)
        }));
        assert_eq!(rules.vertical.len(), 2);
        assert_eq!(rules.horizontal.len(), 3);
    }
}
