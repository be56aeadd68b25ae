//! What people say of papers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::{Kind, Kinds};
use super::shape::Shape;
use super::value::{Band, Check, Method, Value};
use super::{Document, KindFound, Sheet};
use crate::model::Rect;

/// What a person says of a paper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Which kind it is.
    pub kind: Option<String>,
    /// Fields with their values; an empty one is not on the paper.
    pub values: BTreeMap<String, String>,
}

/// A paper of which people said something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    said: Said,
}

impl Example {
    /// That of a paper.
    pub fn of(_sheets: &[Sheet<'_>], _kinds: &Kinds, said: &Said) -> Self {
        Self { said: said.clone() }
    }
}

impl Kinds {
    /// The kinds with what examples teach.
    #[must_use]
    pub fn taught(&self, _examples: &[Example]) -> Self {
        self.clone()
    }
}

impl Document {
    /// Puts what people said in the place of what was found.
    pub fn correct(&mut self, said: &Said, kinds: &Kinds) {
        if let Some(id) = &said.kind {
            let found = |kind: &Kind| KindFound {
                id: kind.id.clone(),
                name: kind.name.clone(),
                name_en: kind.name_en.clone(),
                type_code: kind.type_code.clone(),
                result_code: kind.result_code.clone(),
                confidence: 1.0,
            };
            self.kind = kinds.all().iter().find(|kind| kind.id == *id).map(found);
        }
        let shapes = Shape::all(kinds, self.kind.as_ref().map(|kind| &kind.id[..]));
        for (field, text) in &said.values {
            let place = self.values.iter().position(|value| value.field == *field);
            match (place, text.is_empty()) {
                (Some(place), true) => drop(self.values.remove(place)),
                (None, true) => {}
                (place, false) => {
                    let shape = shapes.iter().find(|shape| shape.name == *field);
                    let index = place.unwrap_or(self.values.len());
                    if place.is_none() {
                        self.values.push(Value {
                            field: field.clone(),
                            title: shape.map_or(field, |shape| &shape.title).clone(),
                            title_en: shape.map_or(field, |shape| &shape.title_en).clone(),
                            text: text.clone(),
                            value: String::new(),
                            confidence: 0.0,
                            band: Band::Accept,
                            page: 1,
                            bounds: Rect::default(),
                            method: Method::Person,
                            check: Check::Passed,
                            handwritten: false,
                            faults: Vec::new(),
                        });
                    }
                    let value = &mut self.values[index];
                    value.value.clone_from(text);
                    value.method = Method::Person;
                    value.check = Check::Passed;
                    value.faults = Vec::new();
                    value.trust(1.0);
                }
            }
        }
    }
}
