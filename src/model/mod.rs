//! The nouns of the field. Plain values: no files, no sockets, no clocks.

mod dossier;
mod edit;
mod geometry;
mod lang;
mod level;
mod name;
mod notice;
mod picture;
mod role;
mod seal;
mod text;

pub use dossier::{DossierCode, NotADossierCode, is_result_type};
pub use edit::Edit;
pub use geometry::{Bend, Homography, Orientation, PageMap, Point, Quad, SizeMm};
pub use lang::{Lang, Localized, csv_text, in_cell, io_reason, shown, unmarked};
pub use level::{NotALevel, SignatureLevel};
pub use name::{ComponentName, MAX_COMPONENT_NAME_CHARACTERS, NotAComponentName};
pub use notice::Notice;
pub use picture::{Bilevel, Jpeg, Picture};
pub use role::Role;
pub use seal::Seal;
pub use text::{PageText, Rect, TextLine, Word};
