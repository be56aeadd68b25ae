//! What the reader sees of a page, for people to look at.

use image::{GrayImage, RgbImage};

use super::lines;
use super::prepare::Prepared;
use crate::model::Rect;

/// The picture that text is read from, with what was found on it.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Grey text on white at the reader's own resolution: without rules, seals, signatures and codes.
    pub gray: GrayImage,
    /// Ruled lines, boxes in pixels of the page.
    pub rules: Vec<Rect>,
    /// Lines of text, boxes in pixels of the page, in no particular order.
    pub lines: Vec<Rect>,
}

impl Reading {
    /// Prepares a page of `dpi` pixels an inch as [`super::read`] does, but reads nothing.
    pub fn new(page: &RgbImage, dpi: f64) -> Self {
        let prepared = Prepared::new(page, dpi);
        let rules = prepared.rules.horizontal.iter().chain(&prepared.rules.vertical);
        Self {
            rules: rules.map(|&rule| prepared.to_page(rule)).collect(),
            lines: lines::find(&prepared).iter().map(|line| prepared.to_page(line.bounds)).collect(),
            gray: prepared.gray,
        }
    }
}
