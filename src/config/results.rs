//! What becomes of finished components: their codes, the store of owners' papers, and the points that dossiers are worth.

use std::path::PathBuf;

use serde::Deserialize;

use crate::digital_code::{Pattern, Rules};

use super::{ConfigError, within};

/// Section `[codes]`: codes of digitised results.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawCodes {
    /// Whether signed components get codes; default yes.
    pub enabled: Option<bool>,
    /// How a code is written, default `{owner}.{type}.{number}`.
    pub pattern: Option<String>,
    /// Type of the papers that have none of their own; without one these get no code.
    pub other_type: Option<String>,
}

impl RawCodes {
    pub(super) fn check(self) -> Result<Option<Rules>, ConfigError> {
        let allowed = "{owner}.{type}.{number}";
        let pattern = self.pattern.as_deref().map_or(Ok(Pattern::default()), str::parse);
        let pattern = pattern.map_err(|_| ConfigError::Value { key: "codes.pattern", allowed })?;
        let is_word = |text: &String| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if !self.other_type.as_ref().is_none_or(is_word) {
            return Err(ConfigError::Value { key: "codes.other_type", allowed: "GT" });
        }
        let rules = Rules { pattern, other_type: self.other_type };
        Ok(self.enabled.unwrap_or(true).then_some(rules))
    }
}

/// Section `[points]`: points of the index by QĐ 766/QĐ-TTg, for reference.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPoints {
    /// Results issued as files (4.1); default 6 points from 100 %.
    pub result: RawItem,
    /// Dossiers with both sides (4.2); default 4 points from 80 %.
    pub both: RawItem,
    /// Digitised data used again (4.3); default 2 points from 80 %.
    pub reuse: RawItem,
    /// Results that the national portal's store has (4.4); default 4 points from 100 %.
    pub synced: RawItem,
}

/// An item of the index.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawItem {
    /// Its maximum, 0 to 100 points.
    pub max: Option<f64>,
    /// The share from which all points are given, 1 to 100 percent; below it they are in proportion.
    pub full_percent: Option<u32>,
}

/// How the items of the index are scored, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointsConfig {
    /// Results issued as files.
    pub result: ItemConfig,
    /// Dossiers with both sides.
    pub both: ItemConfig,
    /// Digitised data used again.
    pub reuse: ItemConfig,
    /// Results that the national portal's store has.
    pub synced: ItemConfig,
}

/// How an item of the index is scored, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemConfig {
    /// Its maximum, in hundredths of a point.
    pub max_hundredths: u32,
    /// The share from which all points are given, percent; below it they are in proportion.
    pub full_percent: u32,
}

impl RawPoints {
    pub(super) fn check(self) -> Result<PointsConfig, ConfigError> {
        Ok(PointsConfig {
            result: self.result.check(6.0, 100)?,
            both: self.both.check(4.0, 80)?,
            reuse: self.reuse.check(2.0, 80)?,
            synced: self.synced.check(4.0, 100)?,
        })
    }
}

impl RawItem {
    fn check(self, max: f64, full_percent: u32) -> Result<ItemConfig, ConfigError> {
        let max = within(self.max.unwrap_or(max), 0.0..=100.0, "points.max", "0..100")?;
        let full_percent = self.full_percent.unwrap_or(full_percent);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100 points")]
        let max_hundredths = (max * 100.0).round() as u32;
        Ok(ItemConfig { max_hundredths, full_percent: within(full_percent, 1..=100, "points.full_percent", "1..100")? })
    }
}

/// Section `[personal_store]`: the store of owners' papers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawPersonalStore {
    /// Its root; without one there is no such store.
    pub path: Option<PathBuf>,
    /// What folders of owners are called: `hash` or `number`; default `hash`.
    pub folders: Option<FolderNames>,
}

/// What folders of owners are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FolderNames {
    /// A keyed hash of the owner's number.
    #[default]
    Hash,
    /// The owner's number.
    Number,
}

/// The store of owners' papers, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalStoreConfig {
    /// Its root.
    pub path: PathBuf,
    /// What folders of owners are called.
    pub folders: FolderNames,
}

impl RawPersonalStore {
    pub(super) fn check(self) -> Result<Option<PersonalStoreConfig>, ConfigError> {
        match (self.path, self.folders) {
            (Some(path), folders) => Ok(Some(PersonalStoreConfig { path, folders: folders.unwrap_or_default() })),
            (None, Some(_)) => Err(ConfigError::Needs { key: "personal_store.folders", needed: "personal_store.path" }),
            (None, None) => Ok(None),
        }
    }
}
