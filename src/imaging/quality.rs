use crate::model::{Lang, Localized};
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)] pub struct Measures { pub focus: f32 }
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)] #[serde(rename_all = "kebab-case")] pub enum Flag { Blurred, CutOff }
impl Localized for Flag { fn message(&self, _: Lang) -> String { String::new() } }
pub fn measure(_: &image::GrayImage, _: f64, _: bool) -> Measures { Measures { focus: 0.0 } }
pub fn flags(_: &Measures) -> Vec<Flag> { vec![] }
