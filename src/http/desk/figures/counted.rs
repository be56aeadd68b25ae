//! The numbers of a day: what the store found, and the pages and their faults in the manifests.

use std::collections::BTreeMap;

use crate::http::App;
use crate::http::problem::Problem;
use crate::imaging::quality::Flag;
use crate::model::Lang;
use crate::service::listed;
use crate::store::{Figures, Millis, State as ComponentState};

/// Where captures come from, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Folder,
    Scan,
    Phone,
    Desk,
    Program,
}

impl Origin {
    pub(super) const ALL: [Self; 5] = [Self::Folder, Self::Scan, Self::Phone, Self::Desk, Self::Program];

    fn of(source: &str) -> Self {
        match source.split('/').next() {
            Some("phone") => Self::Phone,
            Some("scan") => Self::Scan,
            Some("desk") => Self::Desk,
            Some("api") => Self::Program,
            _ => Self::Folder,
        }
    }

    pub(super) fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Folder => lang.pick("Thư mục máy quét", "Scanners' folders"),
            Self::Scan => lang.pick("Quét từ quầy", "Scans from the desk"),
            Self::Phone => lang.pick("Điện thoại", "Phones"),
            Self::Desk => lang.pick("Tệp đưa vào tại quầy", "Files brought at the desk"),
            Self::Program => lang.pick("Phần mềm khác (API)", "Other programs (API)"),
        }
    }
}

/// The numbers of a day.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) captures: BTreeMap<Origin, u64>,
    pub(super) pages: BTreeMap<Origin, u64>,
    pub(super) hours: [u64; 24],
    pub(super) states: [u64; ComponentState::ALL.len()],
    pub(super) reasons: BTreeMap<&'static str, u64>,
    pub(super) made_after: Vec<Millis>,
    pub(super) waited: Vec<Millis>,
    pub(super) signed_at_once: u64,
    pub(super) unsigned: (u64, Option<Millis>),
    pub(super) dossiers: u64,
    pub(super) both: u64,
    /// Dossiers with one side only; whether that is the components'.
    pub(super) missing: Vec<(String, bool)>,
}

impl App {
    /// Counts what the store found, and the pages and their faults in the manifests.
    pub(super) fn count(&self, figures: &Figures) -> Result<Counted, Problem> {
        let mut counted = Counted {
            waited: figures.waited.clone(),
            signed_at_once: figures.signed_at_once,
            unsigned: figures.unsigned,
            dossiers: figures.dossiers.len() as u64,
            ..Counted::default()
        };
        for (source, hour, count) in &figures.captures {
            *counted.captures.entry(Origin::of(source)).or_default() += count;
            counted.hours[(*hour).min(23)] += count;
        }
        for made in &figures.made {
            let index = ComponentState::ALL.iter().position(|state| *state == made.state);
            counted.states[index.expect("every state is in the list")] += 1;
            counted.made_after.extend(made.first_capture.map(|first| made.made - first));
            for listed in made.published.iter().filter_map(listed) {
                for page in &listed.pages {
                    let origin =
                        self.store.origin(&page.source.file.sha256)?.as_deref().map_or(Origin::Folder, Origin::of);
                    *counted.pages.entry(origin).or_default() += 1;
                    for flag in &page.quality.flags {
                        *counted.reasons.entry(word(flag)).or_default() += 1;
                    }
                }
                *counted.reasons.entry("unread").or_default() += listed.set_aside.len() as u64;
            }
        }
        counted.reasons.retain(|_, count| *count > 0);
        for sides in &figures.dossiers {
            match (sides.has_component, sides.has_result) {
                (true, true) => counted.both += 1,
                (has_component, _) => counted.missing.push((sides.code.clone(), has_component)),
            }
        }
        Ok(counted)
    }
}

/// The word for why a page wants a rescan.
fn word(flag: &Flag) -> &'static str {
    match flag {
        flag if flag.is_blur() => "blurred",
        Flag::CutOff => "cut-off",
        Flag::LowResolution { .. } => "low-resolution",
        Flag::TooDark => "too-dark",
        Flag::TooBright => "too-bright",
        Flag::Glare => "glare",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let origins = ["phone/3", "scan/17", "desk", "api", "/srv/quet"].map(Origin::of);
        assert_eq!(origins, [Origin::Phone, Origin::Scan, Origin::Desk, Origin::Program, Origin::Folder]);
    }
}
