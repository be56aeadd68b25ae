//! Papers of which nothing is made because a page bears a mark of secrecy, until who answers for the desk says that it is none.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::http::Shared;
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::model::Edit;
use crate::service::SECRET;
use crate::store::{ComponentShown, State as Made};

use super::changes::{Number, REASON_CHARS};
use super::markup::Shown;

/// Whether nothing is made of a component because a page of it bears a mark of secrecy.
pub(super) fn is_withheld(component: &ComponentShown) -> bool {
    component.state == Made::Failed && component.reason.as_deref() == Some(SECRET)
}

impl Shown<'_> {
    /// The form by which who answers for the desk says that the paper is no secret.
    pub(super) fn opening(&self) -> String {
        let (lang, component) = (self.lang(), &self.reviewed.listed.component);
        if !self.reviewed.is_withheld() || !component.is_newest || !self.visitor.account.role.may_open_marked() {
            return String::new();
        }
        format!(
            "<form method=post action=/components/{}/open class=stack>{}<label for=khong-mat>{}</label>\
             <input id=khong-mat name=reason maxlength=200 autocomplete=off required><button>{}</button></form>",
            self.id(),
            self.proof(),
            lang.pick("Vì sao giấy tờ này không mật", "Why this paper is no secret"),
            lang.pick("Không mật, làm tiếp", "No secret, go on"),
        )
    }
}

/// Why a paper that seemed to be marked is no secret.
#[derive(Deserialize)]
pub(super) struct Opening {
    form: String,
    #[serde(default)]
    reason: String,
}

/// Lets a component be made although a page seems to bear a mark of secrecy: who answers for the desk says that it is none.
pub(super) async fn open(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Number,
    headers: HeaderMap,
    typed: Result<Form<Opening>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(typed) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &typed.form)?;
    if !visitor.account.role.may_open_marked() {
        return Err(Problem::Role);
    }
    let reason: String = typed.reason.trim().chars().take(REASON_CHARS).collect();
    if reason.is_empty() {
        return Err(Problem::Request("hãy ghi vì sao giấy tờ này không mật", "write why this paper is no secret"));
    }
    let Path(id) = number.map_err(|_| Problem::NotFound)?;
    app.blocking(move |app| {
        let reviewed = app.reviewed(id, &visitor)?;
        if !reviewed.is_withheld() {
            return Err(Problem::NotFound);
        }
        let mut component = id;
        for page in reviewed.pages() {
            let change = |edit: &mut Edit| edit.open = Some(reason.clone());
            component = app.store.decide(component, page, change, Some(visitor.account.id), app.now())?;
        }
        app.store.close(component, app.now())?;
        Ok(to(&format!("/components/{component}/pages")))
    })
    .await
}
