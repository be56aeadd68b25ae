//! The data of papers over the API: what was found on a paper with what people said of it, and a way to say more.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{Rules, Shape};
use crate::service::Data;
use crate::store::{Looked, Saying, Statement};

use super::api::{json_body, number};
use super::problem::Problem;
use super::{App, Shared};

/// Longest value, characters.
pub(super) const LONGEST: usize = 1_000;
/// Values that are said at a time.
const MOST: usize = 200;

/// What is said, in the shape in which data are told; other members are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    kind: Option<SaidKind>,
    #[serde(default)]
    values: Vec<SaidValue>,
}

#[derive(Debug, Deserialize)]
struct SaidKind {
    id: String,
}

#[derive(Debug, Deserialize)]
struct SaidValue {
    field: String,
    value: String,
}

/// The data of a component's paper. That they are asked for is written down as a look at the paper is.
pub(super) async fn data(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = number(&id)?;
    app.blocking(move |app| {
        let (data, rules) = app.data(id)?;
        app.store.looked(None, Looked::Pages(id), app.now())?;
        Ok(Json(told(&data, &rules)))
    })
    .await
}

/// Takes up what is said of a paper's data, and tells them as they are then.
pub(super) async fn say(
    State(app): State<Shared>,
    Path(id): Path<String>,
    body: Result<Json<Said>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let id = number(&id)?;
    let said = json_body(body)?;
    app.blocking(move |app| {
        let (data, rules) = app.data(id)?;
        let values = said.values(&data, &rules)?;
        app.say_of_data(id, (&data, &rules), &values, None)?;
        let (data, rules) = app.data(id)?;
        Ok(Json(told(&data, &rules)))
    })
    .await
}

impl App {
    /// The data of a component's paper, and the rules by which it is read.
    pub(super) fn data(&self, id: i64) -> Result<(Data, Arc<Rules>), Problem> {
        let rules = self.settings.service.taught.rules(&self.store);
        Ok((Data::of(&self.store, self.store.component(id)?, &rules.kinds)?, rules))
    }

    /// Keeps what an account says of a component's data, or, without one, a program; and learns from it.
    pub(super) fn say_of_data(
        &self,
        id: i64,
        (data, rules): (&Data, &Rules),
        values: &[(Option<String>, String)],
        account: Option<i64>,
    ) -> Result<(), Problem> {
        let found = |field: &Option<String>| match field {
            Some(field) => data.found.document.get(field).map(|value| &value.value[..]),
            None => data.found.document.kind.as_ref().map(|kind| &kind.id[..]),
        };
        let is_correction = values.iter().any(|(field, value)| found(field).unwrap_or_default() != value);
        let example = data.example(values, &rules.kinds);
        let saying = Saying { values, is_correction, example: example.as_deref() };
        Ok(self.store.say_of_data(id, saying, account, self.now())?)
    }
}

impl Said {
    /// Fields and values as they are kept: in the one way in which such values are written, where they have their form.
    fn values(self, data: &Data, rules: &Rules) -> Result<Vec<(Option<String>, String)>, Problem> {
        let too_long = |one: &SaidValue| one.value.chars().count() > LONGEST;
        if self.values.len() > MOST || self.values.iter().any(too_long) {
            return Err(Problem::Request("quá nhiều giá trị, hoặc có giá trị quá dài", "too many or too long values"));
        }
        let kind = self.kind.map(|kind| kind.id);
        let is_known = |id: &String| id.is_empty() || rules.kinds.get(id).is_some();
        if !kind.as_ref().is_none_or(is_known) {
            return Err(Problem::Request("không có loại giấy tờ này", "there is no such kind of paper"));
        }
        let now = kind.as_deref().or(data.document.kind.as_ref().map(|kind| &kind.id[..]));
        let mut shapes = Shape::all(&rules.kinds, now.filter(|kind| !kind.is_empty()));
        shapes.extend(data.found.document.values.iter().map(Shape::of));
        let value = |one: SaidValue| {
            let unknown =
                Problem::Request("loại giấy tờ này không có mục như vậy", "papers of this kind have no such field");
            let shape = shapes.iter().find(|shape| shape.name == one.field).ok_or(unknown)?;
            let value = if one.value.trim().is_empty() { String::new() } else { shape.read(&one.value).0 };
            Ok((Some(one.field), value))
        };
        let values = self.values.into_iter().map(value).collect::<Result<Vec<_>, Problem>>()?;
        Ok(kind.map(|kind| (None, kind)).into_iter().chain(values).collect())
    }
}

/// The data as `NAME.data.json` has them; each value says by whom it was said, and `absent` names the fields that are said not to
/// be on the paper.
fn told(data: &Data, rules: &Rules) -> Value {
    let mut told = data.json(rules);
    let said = |one: Option<&Statement>| one.map(|one| json!({"by": one.by, "ms": one.time}));
    if told["kind"].is_object() {
        told["kind"]["said"] = said(data.statement(None)).into();
    }
    for value in told["values"].as_array_mut().into_iter().flatten() {
        let statement = value["field"].as_str().and_then(|field| data.statement(Some(field)));
        value["said"] = said(statement).into();
    }
    let absent = data.said.iter().filter(|one| one.value.is_empty()).filter_map(|one| one.field.as_deref());
    told["absent"] = absent.collect::<Vec<_>>().into();
    told
}
