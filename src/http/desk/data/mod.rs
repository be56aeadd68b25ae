//! The data of a paper (*dữ liệu bóc tách*): what was found on it, each value beside the place where it stands, and what a person
//! says of it. `markup.rs` writes the page, `typed.rs` reads what was typed, `cuts.rs` cuts places out of the pictures of pages.
//!
//! The page works without scripts. It is a form: pressed once it confirms all that is seen and takes up what was changed.

mod cuts;
mod markup;
mod typed;

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde::Deserialize;

use crate::extract::{Fault, Rules, Shape, Value, as_people_write};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::http::{App, Shared};
use crate::service::Data;
use crate::store::{ComponentListed, Statement};

use super::page;
use markup::Shown;
use typed::Typed;

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![("/components/{id}/data", get(data).post(say))]
}

/// The address of a paper's data.
pub(super) fn address(component: i64) -> String {
    format!("/components/{component}/data")
}

/// A component with the data of its paper.
struct Known {
    listed: ComponentListed,
    data: Data,
    rules: Arc<Rules>,
    fields: Vec<Field>,
    /// The id of the kind that was chosen, where the form comes back as it was filled in.
    chosen: Option<String>,
}

/// A field of a paper.
#[derive(Clone, Debug)]
struct Field {
    shape: Shape,
    /// What was found.
    found: Option<Value>,
    /// What a person said.
    said: Option<Statement>,
    /// What was typed, where the form comes back as it was filled in, and why it does not fit.
    typed: Option<String>,
    misfit: Option<Fault>,
}

impl Field {
    /// Its value by now; `None` where nobody found or said any.
    fn value(&self) -> Option<&str> {
        let said = self.said.as_ref().map(|said| &said.value[..]);
        said.or(self.found.as_ref().map(|found| &found.value[..]))
    }

    /// The value as it is shown and keyed in.
    fn shown(&self) -> String {
        as_people_write(self.value().unwrap_or_default())
    }

    /// Whether a person should look at it: it was not read surely, and nobody said it.
    fn wants_a_look(&self) -> bool {
        let is_unsure = |found: &Value| found.band < crate::extract::Band::Accept;
        self.misfit.is_some() || self.said.is_none() && self.found.as_ref().is_some_and(is_unsure)
    }
}

impl App {
    /// A component with its data, for who may read papers.
    fn known(&self, id: i64, visitor: &Visitor) -> Result<Known, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Err(Problem::Role);
        }
        let listed = self.store.component(id)?;
        let (data, rules) = self.data(id)?;
        let fields = fields(&data, &rules);
        Ok(Known { listed, data, rules, fields, chosen: None })
    }
}

/// The fields of a paper: those that papers of its kind have, and whatever else was found or said.
fn fields(data: &Data, rules: &Rules) -> Vec<Field> {
    let mut shapes = Shape::all(&rules.kinds, data.document.kind.as_ref().map(|kind| &kind.id[..]));
    let found = |name: &str| data.found.document.get(name);
    for value in &data.found.document.values {
        if !shapes.iter().any(|shape| shape.name == value.field) {
            shapes.push(Shape::of(value));
        }
    }
    let field = |shape: Shape| Field {
        found: found(&shape.name).cloned(),
        said: data.statement(Some(&shape.name)).cloned(),
        typed: None,
        misfit: None,
        shape,
    };
    shapes.into_iter().map(field).collect()
}

/// What is told above the data.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// `saved`: all was taken up; `kind`: the paper is of another kind now.
    #[serde(default)]
    told: String,
}

type Number = Result<Path<i64>, PathRejection>;

/// The data of a component's paper.
async fn data(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    app.blocking(move |app| {
        let known = app.known(id, &visitor)?;
        app.note_look(&visitor, id)?;
        app.data_page(&known, &visitor, &asked.told, StatusCode::OK)
    })
    .await
}

/// Takes up what a person says of a paper's data; where something does not fit, the page says so, and takes it when it is said again.
async fn say(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    typed: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    let typed = Typed::of(typed);
    visitor.check(&headers, &typed.form)?;
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    app.blocking(move |app| {
        let mut known = app.known(id, &visitor)?;
        if !visitor.account.role.may_correct_data() {
            return Err(Problem::NoCorrecting);
        }
        let taken = typed.take(&known)?;
        if !taken.misfits.is_empty() {
            typed.put_back(&mut known, &taken);
            return app.data_page(&known, &visitor, "misfit", StatusCode::BAD_REQUEST);
        }
        app.say_of_data(id, (&known.data, &known.rules), &taken.values, Some(visitor.account.id))?;
        let told = if taken.is_other_kind { "kind" } else { "saved" };
        Ok(to(&format!("{}?told={told}", address(id))))
    })
    .await
}

impl App {
    fn data_page(&self, known: &Known, visitor: &Visitor, told: &str, status: StatusCode) -> Result<Response, Problem> {
        let cuts = self.cuts(&known.data)?;
        let shown = Shown { known, cuts: &cuts, visitor, told };
        let back = address(known.listed.component.id);
        let title = visitor.lang.pick("Dữ liệu bóc tách", "Data of the paper");
        Ok(page(status, visitor.lang, title, Some(visitor), &back, &shown.body()))
    }
}
