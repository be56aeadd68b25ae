use serde::{Deserialize, Serialize};

use super::{Orientation, Quad};

/// What a person decided of a page of a capture, in place of what was found on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The paper's corners on the display-oriented capture, clockwise, pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outline: Option<Quad>,
    /// By how much the content is turned clockwise on the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<Orientation>,
    /// Whether the page carries nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blank: Option<bool>,
    /// Why the page is good enough although its quality was doubted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// Why the page is no secret although it seemed to be marked so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
}

impl Edit {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What of it decides how the page is made: all but its acceptance.
    #[must_use]
    pub fn of_making(&self) -> Self {
        Self { accepted: None, ..self.clone() }
    }
}
