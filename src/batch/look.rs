//! A dossier that is made is looked at: what a person should know of it is written down, with small pictures.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::PoisonError;

use crate::digitize::{self, Report};
use crate::gather::PassedOver;
use crate::manifest::{self, State};
use crate::model::{Edit, Lang, Localized, io_reason, shown};
use crate::page::{Page, screen};
use crate::shelf::Wanted;

use super::checks::{self, Placed, Trace};
use super::journal::{Finding, Made, Sample, Unit};
use super::run::{Event, Running};
use super::{BatchError, REPORT};

/// Longest side of the small pictures in the report, pixels.
const PICTURE: u32 = 360;
/// Kinds of findings that a picture helps to understand.
const SEEN: [&str; 6] = ["quality", "same-page", "order", "page-twice", "page-missing", "other-dossier"];

impl Running<'_> {
    /// Writes down what became of a dossier, and takes its pages off the shelf.
    pub(super) fn finish(&self, unit: &Unit, report: &Report, passed_over: &[PassedOver]) -> Result<(), BatchError> {
        let (batch, shelf) = (self.batch, &self.tools.shelf);
        let components: Vec<&manifest::Component> = report.outcomes.iter().map(|outcome| &outcome.component).collect();
        let mut looked = Looked::default();
        for item in passed_over {
            let path = self.relative(&item.path().to_string_lossy());
            let [detail, detail_en] = [Lang::Vi, Lang::En].map(|lang| format!("{path}: {}", item.message(lang)));
            let place = (None, None);
            looked.findings.push(Finding { place, kind: "passed-over", detail, detail_en, picture: None });
        }
        for outcome in &report.outcomes {
            self.look(unit, outcome, &mut looked)?;
        }
        looked.findings.extend(checks::of_pages(&looked.traces));
        self.picture(unit, &components, &mut looked)?;
        let made = Made {
            components: components.len() as u64,
            pages: components.iter().map(|one| one.pages.len() as u64).sum(),
            doubted: components.iter().flat_map(|one| &one.pages).filter(|page| page.wants_rescan()).count() as u64,
            set_aside: components.iter().map(|one| one.set_aside.len() as u64).sum(),
            unsigned: components.iter().filter(|one| one.state == State::Unsigned).count() as u64,
        };
        let captures: BTreeSet<(String, String)> = components
            .iter()
            .flat_map(|component| &component.pages)
            .map(|page| (self.relative(&page.source.file.path), page.source.file.sha256.clone()))
            .collect();
        let captures: Vec<(String, String)> = captures.into_iter().collect();
        // Of two dossiers with the same file that end at the same time, one finds the other's written down.
        let one = self.finishing.lock().unwrap_or_else(PoisonError::into_inner);
        self.compare(unit, &components, &mut looked)?;
        let Looked { findings, samples, unseen, .. } = &looked;
        batch.at(batch.journal.finish(unit.id, made, &captures, (findings, samples), unseen, self.now()))?;
        drop(one);
        for page in components.iter().flat_map(|component| &component.pages) {
            shelf.remove(wanted(page, &Edit::default()));
        }
        self.tell(&Event::Made { unit: unit.clone(), made });
        Ok(())
    }

    /// The path of a capture as people know it: from the source on.
    fn relative(&self, path: &str) -> String {
        let path = Path::new(path);
        shown(path.strip_prefix(&self.batch.options.source).unwrap_or(path))
    }

    /// A page of a component. One that another dossier with the same capture took off the shelf is made again; of a component
    /// that is as it was, only what still lies there.
    fn page(&self, entry: &manifest::Page, was_made: bool) -> Option<Page> {
        let (edit, shelf) = (Edit::default(), &self.tools.shelf);
        let wanted = wanted(entry, &edit);
        match was_made {
            true => shelf.page(Path::new(&entry.source.file.path), wanted).ok(),
            false => shelf.get(wanted),
        }
    }

    /// Looks at the pages of a component.
    fn look(&self, unit: &Unit, outcome: &digitize::Outcome, looked: &mut Looked) -> Result<(), BatchError> {
        let component = &outcome.component;
        let name = &component.name;
        let edit = Edit::default();
        let is_there = |entry: &manifest::Page| self.tools.shelf.has(wanted(entry, &edit));
        // As it was, and looked at by an earlier run: what that found stays.
        if outcome.unchanged && !component.pages.is_empty() && !component.pages.iter().all(is_there) {
            looked.unseen.push(name.clone());
            return Ok(());
        }
        for aside in &component.set_aside {
            let file = self.relative(&aside.file.path);
            looked.findings.push(Finding {
                place: (Some(name.clone()), None),
                kind: "set-aside",
                detail: format!("{file}: {}", aside.reason),
                detail_en: match component.state {
                    State::Secret => format!("{file}: {}", aside.reason),
                    _ => format!("{file}: could not be read: {}", aside.reason),
                },
                picture: None,
            });
        }
        let has_sample = self.batch.at(self.batch.journal.has_sample(unit))?;
        for entry in &component.pages {
            let Some(page) = self.page(entry, !outcome.unchanged) else { continue };
            let accepted = entry.decided.accepted.is_some();
            let placed = Placed { component: name, number: entry.number, page: &page, accepted };
            looked.findings.extend(checks::of_page(&placed, unit.code.as_deref()));
            looked.traces.push(Trace::of(&placed));
            // Of each box at least one page is looked at.
            let is_sampled = !has_sample && looked.samples.is_empty() || self.is_sampled(unit, name, entry.number);
            if is_sampled && self.batch.options.sample > 0.0 {
                let picture = self.put_picture(unit, name, entry.number, &page)?;
                looked.samples.push(Sample { component: name.clone(), page: entry.number, picture });
            }
        }
        Ok(())
    }

    /// Whether a page is among those that a person looks at: the same ones in every run.
    fn is_sampled(&self, unit: &Unit, component: &str, page: usize) -> bool {
        let mut hasher = DefaultHasher::new();
        (&unit.source, component, page).hash(&mut hasher);
        (hasher.finish() as f64 / u64::MAX as f64) < self.batch.options.sample
    }

    /// What other dossiers and the index say of this one.
    fn compare(&self, unit: &Unit, components: &[&manifest::Component], looked: &mut Looked) -> Result<(), BatchError> {
        let Looked { findings, unseen, .. } = looked;
        let journal = &self.batch.journal;
        let mut within: Vec<(&str, &str, usize)> = Vec::new();
        for component in components.iter().filter(|component| !unseen.contains(&component.name)) {
            for page in &component.pages {
                let sha256 = &page.source.file.sha256;
                let here = within.iter().find(|(other, _, _)| other == sha256).filter(|_| page.source.page == 1);
                let elsewhere = self.batch.at(journal.seen_before(unit.id, sha256))?;
                let place = match (here, elsewhere) {
                    (Some((_, component, number)), _) => [
                        format!("cùng một tệp với {component}, trang {number}"),
                        format!("the same file as page {number} of {component}"),
                    ],
                    (None, Some((dossier, file))) => [
                        format!("cùng một tệp với {file} của hồ sơ {dossier}"),
                        format!("the same file as {file} of the dossier {dossier}"),
                    ],
                    (None, None) => {
                        within.push((sha256, &component.name, page.number));
                        continue;
                    }
                };
                let [detail, detail_en] = place;
                let at = (Some(component.name.clone()), Some(page.number));
                findings.push(Finding { place: at, kind: "same-file", detail, detail_en, picture: None });
            }
        }
        let listed = unit.code.as_deref().map(|code| self.batch.at(journal.listed_pages(code))).transpose()?.flatten();
        let pages: usize = components.iter().map(|component| component.pages.len()).sum();
        if let Some(listed) = listed.filter(|listed| *listed != pages as u64) {
            findings.push(Finding {
                place: (None, None),
                kind: "page-count",
                detail: format!("mục lục ghi {listed} trang, số hóa được {pages} trang"),
                detail_en: format!("the index says {listed} pages, {pages} were digitised"),
                picture: None,
            });
        }
        Ok(())
    }

    /// Makes the pictures that belong to findings.
    fn picture(&self, unit: &Unit, components: &[&manifest::Component], looked: &mut Looked) -> Result<(), BatchError> {
        for finding in looked.findings.iter_mut().filter(|finding| SEEN.contains(&finding.kind)) {
            let (Some(name), Some(number)) = &finding.place else { continue };
            let entry = components.iter().find(|one| one.name == *name).and_then(|one| one.pages.get(number - 1));
            if let Some(page) = entry.and_then(|entry| self.page(entry, false)) {
                finding.picture = Some(self.put_picture(unit, name, *number, &page)?);
            }
        }
        Ok(())
    }

    /// Writes a small picture of a page for the report: its name there.
    fn put_picture(&self, unit: &Unit, component: &str, number: usize, page: &Page) -> Result<String, BatchError> {
        let name = format!("anh/{:06}-{component}-{number}.jpg", unit.id);
        let path = self.batch.output.join(REPORT).join(&name);
        let limits = &self.tools.shelf.tools().settings.limits;
        let Ok(picture) = screen::page(page, PICTURE, limits) else { return Ok(name) };
        let written = fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| fs::write(&path, picture));
        written.map_err(|error| {
            let at = shown(&path);
            let [vi, en] = [Lang::Vi, Lang::En].map(|lang| format!("{at}: {}", io_reason(error.kind(), lang)));
            BatchError::Output(vi, en)
        })?;
        Ok(name)
    }
}

/// What was seen of a dossier.
#[derive(Default)]
struct Looked {
    findings: Vec<Finding>,
    samples: Vec<Sample>,
    traces: Vec<Trace>,
    /// Components that are as they were, and whose pages were looked at by an earlier run.
    unseen: Vec<String>,
}

fn wanted<'a>(page: &'a manifest::Page, edit: &'a Edit) -> Wanted<'a> {
    Wanted { sha256: &page.source.file.sha256, page: page.source.page, edit }
}
