//! Checking what was published: hashes, signatures, structure, sources.
//!
//! [`directory`] checks an output directory against its manifest, [`file`] a single PDF by itself. Findings are values;
//! nothing is repaired.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::manifest::{self, Component, ManifestError, State};
use crate::model::{Lang, Localized};
use crate::pdf::signature::{self, SignatureError};
use crate::pdf::structure::{self, StructureError};
use crate::sign::verify::{self as cms_verify, Form, Problem, Verdict};
use crate::sign::Certificate;

/// Whom and when to believe.
#[derive(Debug)]
pub struct Trust {
    /// Certificates that signers must descend from.
    pub roots: Vec<Certificate>,
    /// Whether a signer of unknown descent is a finding rather than a remark.
    pub roots_required: bool,
    /// The time at which certificates must be valid, where a signature does not say its own.
    pub at: OffsetDateTime,
}
