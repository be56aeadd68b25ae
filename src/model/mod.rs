//! The nouns of the field. Plain values: no files, no sockets, no clocks.

mod dossier;
mod geometry;
mod lang;
mod text;

pub use dossier::{DossierCode, NotADossierCode};
pub use geometry::{Bend, Homography, Orientation, PageMap, Point, Quad, SizeMm};
pub use lang::{Lang, Localized, io_reason, shown};
pub use text::{PageText, Rect, TextLine, Word};
