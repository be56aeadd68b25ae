//! The values of a package's descriptive fields: what people say, and where they say nothing what the manifest knows.

use std::collections::BTreeMap;

use super::fields::{CONFIDENCE, DOCUMENT, DOSSIER, FILE_CODE, Field, INHERITED, Need};
use super::{Metadata, pages};
use crate::manifest::{Component, Manifest, State};
use crate::model::{Lang, Localized};

/// Values by field; days as `YYYY-MM-DD`, no empty ones.
pub(super) type Values = BTreeMap<&'static str, String>;

/// Digits of a document's number in its code.
const CODE_DIGITS: usize = 7;
/// Origin of papers that were digitised, of files that came as files, and of both.
const DIGITISED: &str = "02";
const BORN_DIGITAL: &str = "01";
const MIXED: &str = "03";

/// Documents that a message names of those that lack a field.
const NAMED: usize = 3;

/// A field that must be filled in and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub field: &'static str,
    /// Its name in Vietnamese.
    pub vietnamese: &'static str,
    /// The components that lack it; none where the dossier does.
    pub components: Vec<String>,
}

impl Missing {
    fn new(field: &Field, components: Vec<String>) -> Self {
        Self { field: field.name, vietnamese: field.vietnamese, components }
    }
}

impl Localized for Missing {
    fn message(&self, lang: Lang) -> String {
        let field = match lang {
            Lang::Vi => format!("{} (`{}`)", self.vietnamese, self.field),
            Lang::En => format!("`{}`", self.field),
        };
        let more = self.components.len().saturating_sub(NAMED);
        let named = self.components.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match (self.components.len(), more, lang) {
            (0, ..) => field,
            (_, 0, Lang::Vi) => format!("{field} của {named}"),
            (_, 0, Lang::En) => format!("{field} of {named}"),
            (.., Lang::Vi) => format!("{field} của {named} và {more} thành phần khác"),
            (.., Lang::En) => format!("{field} of {named} and {more} others"),
        }
    }
}

/// Several fields in a sentence.
pub(super) fn listed(missing: &[Missing], lang: Lang) -> String {
    missing.iter().map(|one| one.message(lang)).collect::<Vec<_>>().join("; ")
}

/// Values of the dossier. Fields that must be filled in and are empty are added to `missing`.
pub(super) fn dossier(
    manifest: &Manifest,
    ready: &[(usize, &Component)],
    metadata: &Metadata,
    missing: &mut Vec<Missing>,
) -> Values {
    let code = manifest.dossier.as_deref();
    let kept = ready.iter().filter(|(_, component)| component.state == State::Kept).count();
    let known = |field: &str| match field {
        FILE_CODE => code.map(str::to_owned),
        "totalDoc" => Some(ready.len().to_string()),
        "numberOfPage" => Some(ready.iter().map(|(_, component)| pages(component)).sum::<usize>().to_string()),
        CONFIDENCE if kept == 0 => Some(DIGITISED.to_owned()),
        CONFIDENCE if kept == ready.len() => Some(BORN_DIGITAL.to_owned()),
        CONFIDENCE => Some(MIXED.to_owned()),
        _ => None,
    };
    let values = values(&DOSSIER, |field| metadata.of_dossier(code, field).map(str::to_owned).or_else(|| known(field)));
    missing.extend(lacking(&DOSSIER, &values).map(|field| Missing::new(field, Vec::new())));
    values
}

/// Values of a document in its dossier, whose file has the name `name` in the package.
pub(super) fn document(
    (number, component): (usize, &Component),
    name: &str,
    dossier: &Values,
    manifest: &Manifest,
    metadata: &Metadata,
    missing: &mut Vec<Missing>,
) -> Values {
    let code = manifest.dossier.as_deref();
    let known = |field: &str| match field {
        "docId" => Some(name.to_owned()),
        "docCode" => dossier.get(FILE_CODE).map(|code| format!("{code}.{number:0CODE_DIGITS$}")),
        "numberOfPage" => Some(pages(component).to_string()),
        CONFIDENCE if component.state == State::Kept => Some(BORN_DIGITAL.to_owned()),
        CONFIDENCE => Some(DIGITISED.to_owned()),
        field if INHERITED.contains(&field) => dossier.get(field).cloned(),
        _ => None,
    };
    let said = |field: &str| metadata.of_document(code, &component.name, field).map(str::to_owned);
    let values = values(&DOCUMENT, |field| said(field).or_else(|| known(field)));
    // What the dossier lacks is told of the dossier alone.
    for field in lacking(&DOCUMENT, &values).filter(|field| !INHERITED.contains(&field.name)) {
        let name = component.name.clone();
        match missing.iter_mut().find(|known| known.field == field.name && !known.components.is_empty()) {
            Some(known) => known.components.push(name),
            None => missing.push(Missing::new(field, vec![name])),
        }
    }
    values
}

fn values(fields: &'static [Field], value: impl Fn(&str) -> Option<String>) -> Values {
    fields.iter().filter_map(|field| Some((field.name, value(field.name)?))).collect()
}

/// Fields that must be filled in and are not.
fn lacking<'a>(fields: &'static [Field], values: &'a Values) -> impl Iterator<Item = &'static Field> + use<'a> {
    let is_needed = |field: &&Field| match field.need {
        Need::Always => true,
        Need::Optional => false,
        Need::With(other, wanted) => values.get(other).is_some_and(|value| wanted.contains(&value.as_str())),
    };
    fields.iter().filter(is_needed).filter(|field| !values.contains_key(field.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_needed_always_or_with_others() {
        let mut values = Values::from([(CONFIDENCE, "01".to_owned()), ("riskRecovery", "1".to_owned())]);
        let names = |values: &Values| lacking(&DOSSIER, values).map(|field| field.name).collect::<Vec<_>>();
        assert!(names(&values).contains(&"riskRecoveryStatus") && !names(&values).contains(&"paperFileCode"));
        values.extend([(CONFIDENCE, "02".to_owned()), ("riskRecovery", "0".to_owned())]);
        assert!(!names(&values).contains(&"riskRecoveryStatus") && names(&values).contains(&"paperFileCode"));
        assert!(!names(&values).contains(&"keyword"));
    }

    #[test]
    fn what_many_lack_is_told_in_short() {
        let components = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        let missing = Missing { field: "subject", vietnamese: "trích yếu nội dung", components };
        assert_eq!(missing.message(Lang::En), "`subject` of a, b, c and 2 others");
        assert_eq!(missing.message(Lang::Vi), "trích yếu nội dung (`subject`) của a, b, c và 2 thành phần khác");
    }
}
