//! The box of a visible signature on the first page: what it says by the profile, and where it stands so that it covers
//! nothing.
//!
//! [`Stamp::on`] is the whole of it: the lines, the free place nearest to the corner that the profile names, and where
//! there is none a margin above the page, which keeps its true scale. A page that is signed already cannot grow any more;
//! without room on it the next signature stays invisible.

use image::{GenericImage, Rgb, RgbImage};
use time::OffsetDateTime;
use time::macros::{format_description, offset};

use crate::imaging::decode::Limits;
use crate::imaging::free_space::{self, EDGE_MM, Side};
use crate::imaging::layers;
use crate::input;
use crate::model::{Role, Seal, SizeMm};
use crate::pdf::appearance::{Appearance, SignatureBox};
use crate::pdf::reader::{self, FirstPage};
use crate::pdf::structure;
use crate::profile::{Corner, Item, Mark};
use crate::sign::{self, Signer};

/// Widest box, millimetres: a name of 40 letters at 10 points. Smaller pages give half their width, but no less than
/// [`LEAST_WIDTH_MM`], which a time on one line needs.
const WIDEST_MM: f64 = 80.0;
const LEAST_WIDTH_MM: f64 = 62.0;

/// Longest side of a page, units (ISO 32000-1, annex C.2).
const LONGEST_SIDE: f64 = 14_400.0;

/// A PDF unit, millimetres; pages with a unit of their own get no box.
const UNIT_MM: f64 = 25.4 / 72.0;

/// In the box of a development identity.
const NO_LEGAL_VALUE: &str = "KHÔNG CÓ GIÁ TRỊ PHÁP LÝ";

/// What is seen of the signatures of one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// Whose signatures it is for.
    pub role: Role,
    /// What the profile asks for.
    pub mark: Mark,
    /// Name of the agency (*tên cơ quan*); `None` takes the name in the certificate.
    pub agency: Option<String>,
    /// Form of the copy (*hình thức sao*).
    pub form: String,
    /// The picture of the seal, where the profile has one.
    pub seal: Option<Seal>,
}

impl Stamp {
    /// The box for a signature of this file at this time, in its place; `None` where no place can be had: on a signed page
    /// without room, in certified files, on pages that are displayed turned or in a unit of their own, in files that cannot be read.
    pub fn on(&self, pdf: &[u8], signer: &dyn Signer, time: OffsetDateTime) -> Option<Appearance> {
        let page = reader::first_page(pdf).ok()?;
        if !page.may_show || !page.is_upright || (page.unit_mm / UNIT_MM - 1.0).abs() > 1e-6 {
            return None;
        }
        let [left, bottom, right, top] = page.edges;
        let size = SizeMm { width: (right - left) * UNIT_MM, height: (top - bottom) * UNIT_MM };
        let seal = self.seal.as_ref().map(|seal| if page.has_transparency { seal.clone() } else { seal.on_white() });
        let content = SignatureBox::new(&self.lines(signer, time), seal, widest(size.width));
        let wanted = content.size();
        let side = match self.mark.corner {
            Corner::TopLeft => Side::Left,
            Corner::TopRight => Side::Right,
        };
        if let Some(place) = look(&page, pdf).and_then(|look| free_space::find(&look, size, wanted, side)) {
            let corner = [left + place.x / UNIT_MM, top - (place.y + wanted.height) / UNIT_MM];
            return Some(Appearance { content, corner, media_box: None });
        }
        let grown = top + (wanted.height + 2.0 * EDGE_MM) / UNIT_MM;
        if !page.may_grow || grown - bottom > LONGEST_SIDE || wanted.width + 2.0 * EDGE_MM > size.width {
            return None;
        }
        let across = match side {
            Side::Left => left + EDGE_MM / UNIT_MM,
            Side::Right => right - (EDGE_MM + wanted.width) / UNIT_MM,
        };
        let corner = [across, top + EDGE_MM / UNIT_MM];
        Some(Appearance { content, corner, media_box: Some([left, bottom, right, grown]) })
    }

    fn lines(&self, signer: &dyn Signer, time: OffsetDateTime) -> Vec<String> {
        let name = sign::signer_name(signer);
        let line = |item: &Item| match item {
            Item::Name => format!("Người sao chụp: {name}"),
            Item::Form => self.form.clone(),
            Item::Agency => self.agency.clone().unwrap_or_else(|| name.clone()),
            Item::Time => format!("Thời gian ký: {}", iso_8601(time)),
        };
        let mut lines: Vec<String> = self.mark.lines.iter().map(line).collect();
        // Their own names say so, where they are shown.
        if sign::is_development(signer) && !lines.iter().any(|line| line.contains(NO_LEGAL_VALUE)) {
            lines.push(NO_LEGAL_VALUE.to_owned());
        }
        lines
    }
}

/// A time in Vietnam's zone, as NĐ 30/2020/NĐ-CP has it on electronic copies.
fn iso_8601(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+07:00");
    time.to_offset(offset!(+7)).format(format).expect("years from 0 to 9999 can be written")
}

fn widest(page_mm: f64) -> f64 {
    (page_mm / 2.0 - EDGE_MM).clamp(LEAST_WIDTH_MM, WIDEST_MM).min(page_mm - 2.0 * EDGE_MM)
}

/// What is displayed of the page, boxes of other annotations filled in; `None` where that is not one picture.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of a page, clamped to it")]
fn look(page: &FirstPage, pdf: &[u8]) -> Option<RgbImage> {
    let one = page
        .picture
        .as_ref()
        .and_then(|(image, edges)| Some((input::decode_page(pdf, 1, image, &Limits::default()).ok()?.image, *edges)));
    let (picture, [left, _, right, top]) = one.or_else(|| stored(pdf))?;
    let scale = f64::from(picture.width()) / (right - left);
    let pixels = |units: f64| (units * scale).round().clamp(0.0, f64::from(u32::MAX)) as u32;
    let edges = page.edges;
    let (across, down) = (pixels(left - edges[0]), pixels(edges[3] - top));
    let (width, height) = (pixels(edges[2] - edges[0]), pixels(edges[3] - edges[1]));
    let fills =
        (across, down) == (0, 0) && width.abs_diff(picture.width()) <= 1 && height.abs_diff(picture.height()) <= 1;
    let mut look = match fills {
        true => picture,
        // The page has grown by a margin, which is white.
        false => {
            let limits = Limits::default();
            limits.check_size(width, height).ok()?;
            let mut canvas = RgbImage::from_pixel(width, height, Rgb([u8::MAX; 3]));
            canvas.copy_from(&picture, across, down).ok()?;
            canvas
        }
    };
    for [left, bottom, right, top] in &page.notes {
        let clamp = |pixels: u32, most: u32| pixels.min(most);
        let xs = clamp(pixels(left - edges[0]), look.width())..clamp(pixels(right - edges[0]), look.width());
        let ys = clamp(pixels(edges[3] - top), look.height())..clamp(pixels(edges[3] - bottom), look.height());
        for y in ys {
            xs.clone().for_each(|x| look.put_pixel(x, y, Rgb([0; 3])));
        }
    }
    Some(look)
}

/// The first page of a file that we stored in another form than one JPEG, with its edges.
fn stored(pdf: &[u8]) -> Option<(RgbImage, [f64; 4])> {
    let (picture, size) = structure::first_picture(pdf)?;
    let edges = [0.0, 0.0, size.width / UNIT_MM, size.height / UNIT_MM];
    Some((layers::shown(&picture, &Limits::default())?, edges))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_vietnams() {
        assert_eq!(iso_8601(datetime!(2026-11-30 18:02:03 UTC)), "2026-12-01T01:02:03+07:00");
    }

    #[test]
    fn boxes_fit_half_of_large_pages_and_all_of_small_ones() {
        assert_eq!(widest(297.0), WIDEST_MM);
        assert_eq!(widest(148.0), 71.0);
        assert_eq!(widest(85.6), LEAST_WIDTH_MM);
        assert_eq!(widest(54.0), 48.0);
    }
}
