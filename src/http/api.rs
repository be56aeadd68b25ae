//! The REST API below `/api/v1`, as `docs/openapi.json` describes it. JSON names are those of `sohoa dossier --json`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::DossierCode;
use crate::service::{component_json, dossier_json};
use crate::store::{Accepted, ComponentListed, DossierListed, Pick, State as ComponentState, Status};

use super::arrive::{Capture, Incoming, disk, file_name, tidy, write_down};
use super::form::{Parts, is_form};
use super::problem::Problem;
use super::tus::API;
use super::{OPENAPI, Shared};

/// Entries of a list where nothing is said, and the most.
const PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 500;
/// Files in one request.
pub(super) const FILES: usize = 100;

/// The description of the API.
pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// How things stand.
pub(super) async fn status(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    app.blocking(|app| Ok(Json(status_json(&app.store.status(app.now())?)))).await
}

fn status_json(status: &Status) -> Value {
    let components: Map<String, Value> =
        ComponentState::ALL.iter().map(|state| (state.code().to_owned(), status.of(*state).into())).collect();
    json!({
        "captures": status.captures, "unmade_captures": status.unmade_captures, "components": components,
        "queued": status.queued, "running": status.running, "retried": status.retried,
        "oldest_queued_ms": status.oldest_queued, "oldest_unsigned_ms": status.oldest_unsigned,
    })
}

/// Which part of a list is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    after: Option<String>,
    limit: Option<u32>,
    state: Option<String>,
}

impl Part {
    /// As many as are shown, at most, and one more, which tells whether there are more.
    fn limits(&self) -> Result<(usize, u32), Problem> {
        match self.limit.unwrap_or(PAGE) {
            limit @ 1..=LARGEST_PAGE => Ok((limit as usize, limit + 1)),
            _ => Err(Problem::Request("`limit` phải từ 1 đến 500", "`limit` must be 1 to 500")),
        }
    }

    fn after_number(&self) -> Result<i64, Problem> {
        let number = self.after.as_deref().map_or(Ok(0), str::parse).ok().filter(|number| *number >= 0);
        number.ok_or(Problem::Request("`after` phải là số", "`after` must be a number"))
    }
}

type Asked = Result<Query<Part>, axum::extract::rejection::QueryRejection>;

fn part(asked: Asked) -> Result<Part, Problem> {
    let wrong = |_| Problem::Request("tham số trên địa chỉ không đúng", "the query is wrong");
    asked.map(|Query(part)| part).map_err(wrong)
}

/// The dossiers by code.
pub(super) async fn dossiers(State(app): State<Shared>, asked: Asked) -> Result<Json<Value>, Problem> {
    let part = part(asked)?;
    let (shown, limit) = part.limits()?;
    let mut dossiers = app
        .blocking(move |app| Ok(app.store.dossiers_after(part.after.as_deref().unwrap_or_default(), limit)?))
        .await?;
    let has_more = dossiers.len() > shown;
    dossiers.truncate(shown);
    let next = dossiers.last().filter(|_| has_more).map(|last| last.code.clone());
    let dossiers: Vec<Value> = dossiers.iter().map(listed_json).collect();
    Ok(Json(json!({"dossiers": dossiers, "next": next})))
}

fn listed_json(dossier: &DossierListed) -> Value {
    let components: Map<String, Value> = ComponentState::ALL
        .iter()
        .zip(dossier.components)
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| (state.code().to_owned(), count.into()))
        .collect();
    json!({"dossier": dossier.code, "created_ms": dossier.created, "components": components})
}

/// What is to be begun.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDossier {
    dossier: String,
}

/// Begins a dossier: 201, or 200 where there is one.
pub(super) async fn create_dossier(
    State(app): State<Shared>,
    body: Result<Json<NewDossier>, JsonRejection>,
) -> Result<Response, Problem> {
    let code = code(&json_body(body)?.dossier)?;
    let place = format!("/api/v1/dossiers/{code}");
    let body = json!({"dossier": code.as_str()});
    let is_new = app.blocking(move |app| Ok(app.store.create_dossier(&code, app.now())?)).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::LOCATION, place)], Json(body)).into_response())
}

/// A dossier with its components, every version.
pub(super) async fn dossier(State(app): State<Shared>, Path(text): Path<String>) -> Result<Json<Value>, Problem> {
    let code = code(&text)?;
    app.blocking(move |app| Ok(Json(dossier_json(&app.store.dossier(Some(code.as_str()))?)))).await
}

/// What is placed where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placing {
    title: String,
    #[serde(default)]
    captures: Vec<i64>,
    #[serde(default)]
    waiting: Vec<i64>,
    component_code: Option<String>,
    result_code: Option<String>,
}

/// Places waiting captures in a component of a dossier.
pub(super) async fn place(
    State(app): State<Shared>,
    Path(text): Path<String>,
    body: Result<Json<Placing>, JsonRejection>,
) -> Result<Response, Problem> {
    let (code, placing) = (code(&text)?, json_body(body)?);
    let title = tidy(&placing.title).ok_or(Problem::Request("thiếu `title`", "`title` is missing"))?;
    let is_code = |text: &String| !text.is_empty() && text.chars().count() <= 50 && !text.chars().any(char::is_control);
    if ![&placing.component_code, &placing.result_code].into_iter().flatten().all(is_code) {
        return Err(Problem::Request("mã phải có từ 1 đến 50 ký tự", "codes have 1 to 50 characters"));
    }
    let component = app
        .blocking(move |app| {
            let captures = placing.captures.into_iter().map(Pick::Capture);
            let picks: Vec<Pick> = captures.chain(placing.waiting.into_iter().map(Pick::Component)).collect();
            if picks.is_empty() {
                return Err(Problem::Request("chưa nêu ảnh gốc nào", "no capture is named"));
            }
            let codes = (placing.component_code.as_deref(), placing.result_code.as_deref());
            let (id, _) = app.store.attach(&code, &title, &picks, codes, None, app.now())?;
            Ok(of(&app.store.component(id)?))
        })
        .await?;
    Ok((StatusCode::CREATED, Json(component)).into_response())
}

/// Components, newest versions, by number.
pub(super) async fn components(State(app): State<Shared>, asked: Asked) -> Result<Json<Value>, Problem> {
    let part = part(asked)?;
    let (shown, limit) = part.limits()?;
    let after = part.after_number()?;
    let wrong = Problem::Request(
        "`state` phải là unplaced, in-work, rescan, unsigned, done hoặc failed",
        "`state` must be unplaced, in-work, rescan, unsigned, done or failed",
    );
    let state = match part.state.as_deref() {
        None => None,
        Some(word) => Some(ComponentState::ALL.into_iter().find(|state| state.code() == word).ok_or(wrong)?),
    };
    let mut found = app.blocking(move |app| Ok(app.store.components_after(state, after, limit)?)).await?;
    let has_more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| has_more).map(|last| last.component.id.to_string());
    let components: Vec<Value> = found.iter().map(of).collect();
    Ok(Json(json!({"components": components, "next": next})))
}

/// A component.
pub(super) async fn component(State(app): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let id = number(&id)?;
    app.blocking(move |app| Ok(Json(of(&app.store.component(id)?)))).await
}

/// Tries a component that failed once more.
pub(super) async fn retry(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = number(&id)?;
    let component = app
        .blocking(move |app| {
            app.store.retry(id, app.now())?;
            Ok(of(&app.store.component(id)?))
        })
        .await?;
    Ok((StatusCode::ACCEPTED, Json(component)).into_response())
}

/// Components that wait to be placed, with their captures.
pub(super) async fn waiting(State(app): State<Shared>) -> Result<Json<Value>, Problem> {
    let waiting = app.blocking(|app| Ok(app.store.dossier(None)?)).await?;
    let components: Vec<Value> = waiting.components.iter().map(component_json).collect();
    Ok(Json(json!({"components": components})))
}

/// Where captures of a request go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    dossier: Option<String>,
    component: Option<String>,
    name: Option<String>,
}

/// Takes captures in: the files of a form, or the body itself. Each is stored before the answer.
pub(super) async fn upload(
    State(app): State<Shared>,
    target: Result<Query<Target>, axum::extract::rejection::QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let wrong = |_| Problem::Request("tham số trên địa chỉ không đúng", "the query is wrong");
    let target = target.map_err(wrong)?.0;
    let dossier = target.dossier.as_deref().map(code).transpose()?;
    let component = target.component.as_deref().and_then(tidy);
    let destination = Destination { source: API.to_owned(), dossier, component };
    let mut taken = Vec::new();
    if is_form(request.headers()) {
        let mut form = Parts::of(request, &app).await?;
        while let Some(field) = form.next_field().await.map_err(|_| Problem::Broken)? {
            let Some(sent_name) = field.file_name().map(str::to_owned) else { continue };
            if taken.len() == FILES {
                return Err(Problem::Request("quá nhiều tệp trong một lần gửi", "too many files in one request"));
            }
            let name = file_name(&sent_name).unwrap_or_else(|| format!("{}-{:03}", app.now(), taken.len()));
            taken.push(take_in(&app, Incoming::Part(Box::new(field)), 0, &destination, name).await?);
        }
    } else {
        let length = length(request.headers());
        let name = target.name.as_deref().and_then(file_name).unwrap_or_else(|| format!("{}-000", app.now()));
        taken.push(take_in(&app, Incoming::Body(request.into_body()), length, &destination, name).await?);
    }
    if taken.is_empty() {
        return Err(Problem::Request("không có tệp nào trong yêu cầu", "there is no file in the request"));
    }
    let json =
        |one: &Accepted| json!({"capture": one.capture, "component": one.component, "arrived": one.arrived.code()});
    let captures: Vec<Value> = taken.iter().map(json).collect();
    Ok((StatusCode::CREATED, Json(json!({"captures": captures}))).into_response())
}

/// Who sends captures where.
#[derive(Clone)]
pub(super) struct Destination {
    pub(super) source: String,
    pub(super) dossier: Option<DossierCode>,
    pub(super) component: Option<String>,
}

impl Destination {
    pub(super) fn capture<'a>(&'a self, name: &'a str, sent: i64) -> Capture<'a> {
        let (source, component) = (&self.source, self.component.as_deref());
        Capture { source, dossier: self.dossier.as_ref(), component, name, sent }
    }
}

/// Takes one file in. `length` is what is said of its size, 0 where nothing is.
pub(super) async fn take_in(
    app: &Shared,
    incoming: Incoming<'_>,
    length: u64,
    destination: &Destination,
    name: String,
) -> Result<Accepted, Problem> {
    let sent = i64::try_from((app.clock)().unix_timestamp_nanos()).unwrap_or(i64::MAX);
    let path = {
        let (destination, name) = (destination.clone(), name.clone());
        app.blocking(move |app| {
            app.admit(length, &app.place(&destination.capture(&name, sent), false))?;
            app.uploads.direct().map_err(disk)
        })
        .await?
    };
    let scrap = Scrap(path.clone());
    let file = std::fs::File::create_new(&path).map_err(disk)?;
    let limit = app.settings.limits.max_bytes;
    if write_down(incoming, file, limit, limit, ()).await? == 0 {
        return Err(Problem::Request("tệp rỗng", "the file is empty"));
    }
    let destination = destination.clone();
    app.blocking(move |app| {
        let _scrap = scrap;
        app.accept(&path, &destination.capture(&name, sent))
    })
    .await
}

/// A file that is of no use after the request.
pub(super) struct Scrap(pub(super) std::path::PathBuf);

impl Drop for Scrap {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// What a request says of the size of its body; 0 where nothing.
pub(super) fn length(headers: &HeaderMap) -> u64 {
    headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0)
}

pub(super) fn json_body<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Problem> {
    let wrong =
        |_| Problem::Request("nội dung JSON không đúng; xem openapi.json", "the JSON is wrong; see openapi.json");
    body.map(|Json(body)| body).map_err(wrong)
}

pub(super) fn code(text: &str) -> Result<DossierCode, Problem> {
    text.parse().map_err(|_| Problem::Code)
}

pub(super) fn number(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::NotFound)
}

/// A component with the code of its dossier.
fn of(listed: &ComponentListed) -> Value {
    let mut value = component_json(&listed.component);
    value["dossier"] = listed.dossier.clone().into();
    value
}
