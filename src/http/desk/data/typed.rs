//! What a person typed into the form of a paper's data.

use std::collections::BTreeMap;

use crate::extract::Fault;
use crate::http::data::LONGEST;
use crate::http::problem::Problem;
use crate::http::session::wrong_form;

use super::{Field, Known};

/// What fields of the form are called: the values, and the values that are kept although they do not fit.
pub(super) const VALUE: &str = "v.";
pub(super) const KEPT: &str = "s.";

/// The form.
pub(super) struct Typed {
    pub(super) form: String,
    /// Which kind the paper is; empty: none that is known.
    kind: String,
    values: BTreeMap<String, String>,
    /// What was told not to fit before.
    kept: BTreeMap<String, String>,
}

/// What is taken of it.
pub(super) struct Taken {
    /// What is said now and was not before.
    pub(super) values: Vec<(Option<String>, String)>,
    /// Whether the paper is of another kind now, so that other fields are to be seen.
    pub(super) is_other_kind: bool,
    /// Why what was typed does not fit, by field.
    pub(super) misfits: BTreeMap<String, Fault>,
}

impl Typed {
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        let mut typed =
            Self { form: String::new(), kind: String::new(), values: BTreeMap::new(), kept: BTreeMap::new() };
        for (name, value) in pairs {
            match (&name[..], name.strip_prefix(VALUE), name.strip_prefix(KEPT)) {
                ("form", ..) => typed.form = value,
                ("kind", ..) => typed.kind = value,
                (_, Some(field), _) => drop(typed.values.insert(field.to_owned(), tidy(&value))),
                (_, _, Some(field)) => drop(typed.kept.insert(field.to_owned(), tidy(&value))),
                _ => {}
            }
        }
        typed
    }

    /// What is to be kept of it. With another kind only what was changed is: nobody has seen the fields of that kind yet.
    pub(super) fn take(&self, known: &Known) -> Result<Taken, Problem> {
        if !self.kind.is_empty() && known.rules.kinds.get(&self.kind).is_none() {
            return Err(wrong_form());
        }
        let now = known.data.document.kind.as_ref().map_or("", |kind| &kind.id);
        let is_other_kind = now != self.kind;
        let mut taken = Taken { values: Vec::new(), is_other_kind, misfits: BTreeMap::new() };
        let said = known.data.statement(None).map(|said| &said.value[..]);
        let is_silent = self.kind.is_empty() && known.data.found.document.kind.is_none();
        if said != Some(&self.kind[..]) && !(said.is_none() && is_silent) {
            taken.values.push((None, self.kind.clone()));
        }
        for field in &known.fields {
            let Some(typed) = self.values.get(&field.shape.name) else { continue };
            match self.value(field, typed, is_other_kind) {
                Ok(None) => {}
                Ok(Some(value)) => taken.take(field, value),
                Err(fault) => drop(taken.misfits.insert(field.shape.name.clone(), fault)),
            }
        }
        Ok(taken)
    }

    /// Has the page show the form as it was filled in, with what does not fit.
    pub(super) fn put_back(self, known: &mut Known, taken: &Taken) {
        let Self { kind, mut values, .. } = self;
        known.chosen = Some(kind);
        for field in &mut known.fields {
            field.typed = values.remove(&field.shape.name);
            field.misfit = taken.misfits.get(&field.shape.name).copied();
        }
    }

    /// What is said of a field by what was typed there; `None` where nothing is.
    fn value(&self, field: &Field, typed: &str, is_other_kind: bool) -> Result<Option<String>, Fault> {
        let is_changed = typed != tidy(&field.shown());
        match field.value() {
            // A field that was not found is not said to be empty: nobody may have looked for it.
            None if typed.is_empty() => Ok(None),
            Some(_) if !is_changed && is_other_kind => Ok(None),
            Some(value) if !is_changed => Ok(Some(value.to_owned())),
            _ if typed.is_empty() => Ok(Some(String::new())),
            _ => {
                let (value, fault) = field.shape.read(typed);
                let is_kept = self.kept.get(&field.shape.name).is_some_and(|kept| kept == typed);
                fault.filter(|_| !is_kept).map_or(Ok(Some(value)), Err)
            }
        }
    }
}

impl Taken {
    fn take(&mut self, field: &Field, value: String) {
        if field.said.as_ref().is_none_or(|said| said.value != value) {
            self.values.push((Some(field.shape.name.clone()), value));
        }
    }
}

/// A value on one line, no longer than it may be.
fn tidy(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}
