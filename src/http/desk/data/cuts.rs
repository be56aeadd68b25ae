//! Places of values, cut out of the pictures of their pages: a picture is loaded once, and each value shows its part of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::extract::Value;
use crate::http::App;
use crate::http::html::escaped;
use crate::http::problem::Problem;
use crate::model::Rect;
use crate::service::Data;

/// Share of the page's width that is shown at least: so print has one size, however short the value is.
const LEAST_WIDTH: f64 = 0.45;
/// What is shown around a value, as a share of its height, and at most of the page's: marks stand above and below letters.
const AROUND: f64 = 0.7;
const MOST_AROUND: f64 = 0.01;
/// Share of the page's height that is shown at most.
const MOST_HEIGHT: f64 = 0.25;

/// The pictures of the pages that have values, by the page's number.
pub(super) struct Cuts(BTreeMap<usize, Picture>);

struct Picture {
    address: String,
    size: (u32, u32),
}

impl App {
    /// The pictures of pages that have values.
    pub(super) fn cuts(&self, data: &Data) -> Result<Cuts, Problem> {
        let mut pictures = BTreeMap::new();
        for value in &data.found.document.values {
            let size = value.page.checked_sub(1).and_then(|index| data.found.sizes.get(index));
            let Some(size) = size.filter(|size| size.0 > 0 && size.1 > 0) else { continue };
            if value.bounds.width == 0 || pictures.contains_key(&value.page) {
                continue;
            }
            let number = u32::try_from(data.found.before + value.page).unwrap_or(u32::MAX);
            if let Some((_, address)) = self.published_page(data.paper.component.id, number)? {
                pictures.insert(value.page, Picture { address, size: *size });
            }
        }
        Ok(Cuts(pictures))
    }
}

impl Cuts {
    /// The place of a value; nothing where it is not known. `title` is the name of its field.
    pub(super) fn of(&self, value: &Value, title: &str) -> String {
        let picture = self.0.get(&value.page).filter(|_| value.bounds.width > 0);
        picture.map_or_else(String::new, |picture| picture.cut(value.bounds, title))
    }
}

impl Picture {
    fn cut(&self, place: Rect, title: &str) -> String {
        let (x, y, width, height) = view(place, self.size);
        let mut text = format!(
            "<svg class=cut viewBox=\"{x:.0} {y:.0} {width:.0} {height:.0}\" role=img aria-label=\"{}\">",
            escaped(title)
        );
        let (page_width, page_height) = self.size;
        // Around the letters, so that it hides no mark of theirs.
        let frame = place.height.div_ceil(4);
        let (left, top) = (place.x.saturating_sub(frame), place.y.saturating_sub(frame));
        _ = write!(
            text,
            "<image href=\"{}\" width={page_width} height={page_height} preserveAspectRatio=none />\
             <rect x={} y={} width={} height={} /></svg>",
            self.address,
            left,
            top,
            place.x + place.width + frame - left,
            place.y + place.height + frame - top,
        );
        text
    }
}

/// What is shown of a page around a place: left, top, width, height.
fn view(place: Rect, (page_width, page_height): (u32, u32)) -> (f64, f64, f64, f64) {
    let (page_width, page_height) = (f64::from(page_width), f64::from(page_height));
    let [x, y, width, height] = [place.x, place.y, place.width, place.height].map(f64::from);
    let around = (AROUND * height).min(MOST_AROUND * page_height);
    let shown = (width + 4.0 * around).max(LEAST_WIDTH * page_width).min(page_width);
    let left = (x + width / 2.0 - shown / 2.0).clamp(0.0, page_width - shown);
    let top = (y - around).max(0.0);
    let bottom = (y + height + around).min(page_height).min(top + MOST_HEIGHT * page_height);
    (left, top, shown, (bottom - top).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: (u32, u32) = (1654, 2339);

    #[test]
    fn a_value_is_seen_whole_with_what_is_around_it() {
        for place in [
            Rect { x: 800, y: 300, width: 90, height: 30 },
            Rect { x: 5, y: 2, width: 1600, height: 90 },
            Rect { x: 1600, y: 2300, width: 54, height: 39 },
        ] {
            let (x, y, width, height) = view(place, PAGE);
            let [left, top, own_width, own_height] = [place.x, place.y, place.width, place.height].map(f64::from);
            assert!(x <= left && y <= top, "{place:?}: {x} {y}");
            assert!(left + own_width <= x + width + 0.5 && top + own_height <= y + height + 0.5, "{place:?}");
            assert!(x >= 0.0 && y >= 0.0 && x + width <= 1654.5 && y + height <= 2339.5, "{place:?}");
            assert!(width >= 0.45 * 1654.0 - 0.5, "{width}");
        }
        let (.., height) = view(Rect { x: 0, y: 0, width: 1654, height: 2339 }, PAGE);
        assert!(height < 600.0, "{height}");
    }

    #[test]
    fn the_picture_is_that_of_the_page_and_names_cannot_become_markup() {
        let picture = Picture { address: "/p.jpg?v=1".to_owned(), size: PAGE };
        let text = picture.cut(Rect { x: 800, y: 300, width: 90, height: 30 }, "\"><b>");
        assert!(text.contains("href=\"/p.jpg?v=1\" width=1654 height=2339") && !text.contains("<b>"), "{text}");
    }
}
