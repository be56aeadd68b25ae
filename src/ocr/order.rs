//! Reading order (first version: rows).
use super::components::Bounds;
use super::lines::Line;
use super::rules::Rules;
use crate::model::TextLine;

pub(crate) fn arrange(lines: Vec<Line>, _rules: &Rules) -> Vec<(Line, u32)> {
    let _ = Bounds::default();
    lines.into_iter().map(|l| (l, 0)).collect()
}

pub(crate) fn join_rows(lines: Vec<TextLine>) -> Vec<TextLine> {
    lines
}
