//! The pages of the desk: the door, today's dossiers, all dossiers, a dossier, its files, what waits to be placed. Made on the
//! server, without scripts.
//!
//! Who opens a dossier or a file is written down before it is shown.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Form;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path as UrlPath, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use futures_core::Stream;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, Time, UtcOffset};
use tokio::sync::mpsc;

use crate::model::{DossierCode, Lang, Localized};
use crate::service::{listed, millis, reason_text};
use crate::store::{
    ComponentShown, DossierListed, DossierShown, Looked, Millis, Pick, Published, State as ComponentState, StoreError,
};

use super::api::{Destination, FILES, code, field_text, form, take_in};
use super::arrive::{Incoming, tidy};
use super::html::{escaped, in_path, sentence};
use super::phone::reasons;
use super::problem::Problem;
use super::session::{Visitor, door_page, log_in, log_out, switch_language, to, wrong_form};
use super::{App, Shared};

const CSS: &str = include_str!("desk.css");

/// Dossiers on a page: some days' work of a centre, and less than 100 KB.
const DOSSIERS: u32 = 200;
/// Where captures that people bring come from.
const DESK: &str = "desk";
/// Bytes of a file read at a time, and pieces of it on their way to the browser.
const PIECE: usize = 1 << 16;
const IN_FLIGHT: usize = 2;

/// Nothing from elsewhere, no script, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/", get(today)),
        ("/login", get(door_page).post(log_in)),
        ("/logout", post(log_out)),
        ("/language", post(switch_language)),
        ("/desk.css", get(style)),
        ("/dossiers", get(all)),
        ("/dossiers/{code}", get(dossier)),
        ("/dossiers/{code}/captures", post(bring).layer(DefaultBodyLimit::disable())),
        ("/components/{id}/files/{number}", get(file)),
        ("/unplaced", get(unplaced)),
        ("/unplaced/{id}", post(place)),
    ]
}

/// Whether a path is of the desk, whose pages know themselves who may see them.
pub(super) fn is_of_desk(path: &str) -> bool {
    let alone = ["/", "/login", "/logout", "/language", "/desk.css", "/dossiers", "/unplaced"];
    alone.contains(&path) || ["/dossiers/", "/components/", "/unplaced/"].iter().any(|below| path.starts_with(below))
}

async fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, CSS).into_response()
}

/// The page where people log in.
pub(super) fn door(lang: Lang, has_accounts: bool, problem: Option<&Problem>) -> Response {
    let told = problem.map_or_else(String::new, |problem| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&problem.message(lang))))
    });
    let described = if problem.is_some() { " aria-describedby=loi aria-invalid=true" } else { "" };
    let form = match has_accounts {
        true => format!(
            "<form method=post action=/login class=door>{told}\
             <label for=ten>{}</label>\
             <input id=ten name=name autocomplete=username autocapitalize=none spellcheck=false maxlength=64 required autofocus{described}>\
             <label for=mk>{}</label>\
             <input id=mk name=password type=password autocomplete=current-password maxlength=512 required{described}>\
             <button>{}</button></form>",
            lang.pick("Tên tài khoản", "Account"),
            lang.pick("Mật khẩu", "Password"),
            lang.pick("Đăng nhập", "Log in"),
        ),
        false => format!(
            "<p>{}</p><pre>sohoa user add TEN --role clerk</pre>",
            lang.pick(
                "Chưa có tài khoản nào. Người quản trị tạo tài khoản trên máy chủ:",
                "There is no account yet. The administrator makes one on the server:"
            )
        ),
    };
    let title = lang.pick("Đăng nhập", "Log in");
    let status = problem.map_or(StatusCode::OK, |problem| problem.kind().0);
    page(status, lang, title, None, "/login", &format!("<h1>{title}</h1>{form}"))
}

/// What stands in place of a page that cannot be shown.
pub(super) fn refusal(problem: &Problem, lang: Lang) -> Response {
    let title = lang.pick("Không thực hiện được", "This cannot be done");
    let body = format!(
        "<h1>{title}</h1><p class=error role=alert>{}</p><p><a href=/>{}</a></p>",
        escaped(&sentence(&problem.message(lang))),
        lang.pick("Về trang đầu", "To the first page"),
    );
    let mut response = page(problem.kind().0, lang, title, None, "/", &body);
    problem.add_headers(&mut response);
    response
}

/// The dossiers that something happened to today.
async fn today(State(app): State<Shared>, visitor: Visitor) -> Result<Response, Problem> {
    let now = (app.clock)();
    let since = millis(now.replace_time(Time::MIDNIGHT));
    let (mut dossiers, unplaced) = app
        .blocking(move |app| {
            let dossiers = app.store.dossiers_since(since, DOSSIERS + 1)?;
            Ok((dossiers, app.store.status(app.now())?.of(ComponentState::Unplaced)))
        })
        .await?;
    let has_more = dossiers.len() > DOSSIERS as usize;
    dossiers.truncate(DOSSIERS as usize);
    let lang = visitor.lang;
    let title = lang.pick("Hồ sơ hôm nay", "Dossiers of today");
    let day = format!("{:02}/{:02}/{}", now.day(), u8::from(now.month()), now.year());
    let waiting = match (unplaced, lang) {
        (0, _) => String::new(),
        (_, Lang::Vi) => format!("<p class=note><a href=/unplaced>{unplaced} thành phần chờ xếp vào hồ sơ</a></p>"),
        (_, Lang::En) => {
            format!("<p class=note><a href=/unplaced>{unplaced} components wait to be placed in a dossier</a></p>")
        }
    };
    let more = match has_more {
        true => format!("<p><a href=/dossiers>{}</a></p>", lang.pick("Xem mọi hồ sơ", "See all dossiers")),
        false => String::new(),
    };
    let body = format!(
        "<h1>{title} <span class=dim>{day}</span></h1>{waiting}{}{}{}{more}",
        tally(&dossiers, lang),
        search("", None, lang),
        list(&dossiers, now, lang),
    );
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), "/", &body))
}

/// Which dossiers are asked for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    code: Option<String>,
    after: Option<String>,
}

/// All dossiers by code; or the one whose code was typed.
async fn all(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let lang = visitor.lang;
    let typed = asked.code.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let wrong = match typed.parse::<DossierCode>() {
        Ok(code) => return Ok(to(&format!("/dossiers/{}", in_path(code.as_str())))),
        Err(error) => (!typed.is_empty()).then(|| error.message(lang)),
    };
    let after = asked.after.unwrap_or_default();
    let mut dossiers = app.blocking(move |app| Ok(app.store.dossiers_after(&after, DOSSIERS + 1)?)).await?;
    let has_more = dossiers.len() > DOSSIERS as usize;
    dossiers.truncate(DOSSIERS as usize);
    let more = match dossiers.last().filter(|_| has_more) {
        Some(last) => format!(
            "<p><a href=\"/dossiers?after={}\" rel=next>{}</a></p>",
            in_path(&last.code),
            lang.pick("Trang sau", "Next page")
        ),
        None => String::new(),
    };
    let title = lang.pick("Mọi hồ sơ", "All dossiers");
    let list = list(&dossiers, (app.clock)(), lang);
    let body = format!("<h1>{title}</h1>{}{list}{more}", search(&typed, wrong.as_deref(), lang));
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), "/dossiers", &body))
}

/// A dossier with its components.
async fn dossier(
    State(app): State<Shared>,
    visitor: Visitor,
    UrlPath(code): UrlPath<String>,
) -> Result<Response, Problem> {
    let code = self::code(&code)?;
    let offset = (app.clock)().offset();
    let back = format!("/dossiers/{}", in_path(code.as_str()));
    let title = code.to_string();
    let (visitor, status, components) = app
        .blocking(move |app| match app.store.dossier(Some(code.as_str())) {
            Ok(shown) => {
                app.store.looked(visitor.account.id, Looked::Dossier(code.as_str()), app.now())?;
                let titles: Vec<&str> = shown.components.iter().map(|component| &component.title[..]).collect();
                let components = components(&shown, &visitor, offset) + &bringing_form(&code, &titles, &visitor);
                Ok((visitor, StatusCode::OK, components))
            }
            // It begins with its first paper.
            Err(error @ StoreError::NoDossier(_)) => {
                let told = escaped(&sentence(&error.message(visitor.lang)));
                let form = bringing_form(&code, &[], &visitor);
                Ok((visitor, StatusCode::NOT_FOUND, format!("<p class=note>{told}</p>{form}")))
            }
            Err(error) => Err(error.into()),
        })
        .await?;
    let lang = visitor.lang;
    let closed = match visitor.account.role.may_read_papers() {
        true => String::new(),
        false => format!("<p class=note>{}</p>", escaped(&sentence(&Problem::Role.message(lang)))),
    };
    let body = format!(
        "<p><a href=/>{}</a></p><h1><span class=dim>{}</span> {}</h1>{closed}{components}",
        lang.pick("← Hồ sơ hôm nay", "← Dossiers of today"),
        lang.pick("Hồ sơ", "Dossier"),
        escaped(&title),
    );
    Ok(page(status, lang, &title, Some(&visitor), &back, &body))
}

/// The form that brings files into a dossier; nothing for who may not.
fn bringing_form(code: &DossierCode, titles: &[&str], visitor: &Visitor) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let lang = visitor.lang;
    let mut titles = titles.to_vec();
    titles.sort_unstable();
    titles.dedup();
    let titles: String = titles.iter().map(|title| format!("<option value=\"{}\">", escaped(title))).collect();
    // The form's token comes first: nothing is read before it.
    format!(
        "<h2>{}</h2><form method=post action=\"/dossiers/{}/captures\" enctype=multipart/form-data class=door>\
         <input type=hidden name=form value={}>\
         <label for=giay>{}</label><input id=giay name=component list=cac-giay autocomplete=off maxlength=120 required>\
         <datalist id=cac-giay>{titles}</datalist>\
         <label for=tep>{}</label><input id=tep type=file name=files multiple required><button>{}</button></form>",
        lang.pick("Thêm giấy tờ", "Add papers"),
        in_path(code.as_str()),
        visitor.form_token,
        lang.pick("Tên giấy tờ", "Which paper"),
        lang.pick("Các ảnh hoặc tệp PDF, theo thứ tự trang", "Pictures or PDF files, in page order"),
        lang.pick("Gửi", "Send"),
    )
}

/// Takes files of the form in, and leads back to the dossier.
async fn bring(
    State(app): State<Shared>,
    visitor: Visitor,
    UrlPath(code): UrlPath<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let code = self::code(&code)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let back = format!("/dossiers/{}", in_path(code.as_str()));
    let mut destination = Destination { source: DESK.to_owned(), dossier: Some(code), component: None };
    let mut form = form(request, &app).await?;
    let (mut is_ours, mut taken) = (false, Vec::new());
    while let Some(field) = form.next_field().await.map_err(|_| Problem::Broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(str::to_owned) {
            None if name == "form" => {
                visitor.check(&headers, &field_text(field).await?)?;
                is_ours = true;
            }
            None if name == "component" => destination.component = tidy(&field_text(field).await?),
            // A picker that was not used sends a part without a name.
            None => {}
            Some(file) if file.is_empty() => {}
            Some(_) if !is_ours => return Err(Problem::Foreign),
            Some(_) if destination.component.is_none() => {
                return Err(Problem::Request("hãy ghi tên giấy tờ", "write what the paper is"));
            }
            Some(_) if taken.len() == FILES => {
                return Err(Problem::Request("quá nhiều tệp trong một lần gửi", "too many files in one request"));
            }
            Some(file) => {
                let file = tidy(&file).unwrap_or_else(|| format!("{}-{:03}", app.now(), taken.len()));
                taken.push(take_in(&app, Incoming::Part(Box::new(field)), 0, &destination, file).await?);
            }
        }
    }
    if taken.is_empty() {
        return Err(Problem::Request("chưa chọn tệp nào", "no file was chosen"));
    }
    let account = visitor.account.id;
    app.blocking(move |app| Ok(app.store.brought(account, &taken, app.now())?)).await?;
    Ok(to(&back))
}

/// A published file: the bytes that the manifest speaks of, or none.
async fn file(
    State(app): State<Shared>,
    visitor: Visitor,
    numbers: Result<UrlPath<(i64, usize)>, PathRejection>,
) -> Result<Response, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let UrlPath((id, number)) = numbers.map_err(|_| Problem::NotFound)?;
    let (name, file, length) = app.blocking(move |app| app.open_published(visitor.account.id, id, number)).await?;
    let disposition = format!("attachment; filename*=UTF-8''{}", in_path(&name));
    let mut response = Body::from_stream(pieces(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| Problem::Internal)?);
    Ok(response)
}

/// What is typed to place a component.
#[derive(Clone, Debug, Default, Deserialize)]
struct Placing {
    form: String,
    dossier: String,
    title: String,
}

/// The components that wait to be placed.
async fn unplaced(State(app): State<Shared>, visitor: Visitor) -> Result<Response, Problem> {
    unplaced_page(&app, visitor, None).await
}

/// Places a component that waits, and leads to its dossier; back to the page where something typed is wrong.
async fn place(
    State(app): State<Shared>,
    visitor: Visitor,
    number: Result<UrlPath<i64>, PathRejection>,
    headers: HeaderMap,
    typed: Result<Form<Placing>, FormRejection>,
) -> Result<Response, Problem> {
    let UrlPath(component) = number.map_err(|_| Problem::NotFound)?;
    let Form(placing) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &placing.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let Ok(code) = placing.dossier.trim().parse::<DossierCode>() else {
        return unplaced_page(&app, visitor, Some((component, placing, Problem::Code))).await;
    };
    let Some(title) = tidy(&placing.title) else {
        let problem = Problem::Request("hãy ghi tên giấy tờ", "write what the paper is");
        return unplaced_page(&app, visitor, Some((component, placing, problem))).await;
    };
    let (account, path) = (visitor.account.id, format!("/dossiers/{}", in_path(code.as_str())));
    let picks = [Pick::Component(component)];
    let placed = app
        .blocking(move |app| Ok(app.store.attach(&code, &title, &picks, (None, None), Some(account), app.now())?))
        .await;
    match placed {
        Ok(_) => Ok(to(&path)),
        Err(problem) if problem.kind().0 == StatusCode::CONFLICT => {
            unplaced_page(&app, visitor, Some((component, placing, problem))).await
        }
        Err(problem) => Err(problem),
    }
}

/// The page of what waits; with what was typed for one of them, and what is wrong with it.
async fn unplaced_page(
    app: &Shared,
    visitor: Visitor,
    wrong: Option<(i64, Placing, Problem)>,
) -> Result<Response, Problem> {
    let waiting = app.blocking(|app| Ok(app.store.dossier(None)?)).await?;
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    let title = lang.pick("Chưa xếp", "Not placed");
    let count = waiting.components.iter().filter(|component| component.is_newest).count();
    let told = match &wrong {
        Some((.., problem)) => {
            format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(&problem.message(lang))))
        }
        None => String::new(),
    };
    let entries: String = waiting
        .components
        .iter()
        .filter(|component| component.is_newest)
        .take(DOSSIERS as usize)
        .map(|one| {
            let typed = wrong.as_ref().filter(|(id, ..)| *id == one.id).map(|(_, typed, _)| typed);
            component(one, &visitor, offset, &placing_form(one, &visitor, typed))
        })
        .collect();
    let list = match entries.is_empty() {
        true => format!("<p class=none>{}</p>", lang.pick("Không có gì chờ xếp.", "Nothing waits to be placed.")),
        false => format!("<ul class=components>{entries}</ul>"),
    };
    let status = wrong.map_or(StatusCode::OK, |(.., problem)| problem.kind().0);
    let body = format!("<h1>{title} <span class=dim>{count}</span></h1>{told}{list}");
    Ok(page(status, lang, title, Some(&visitor), "/unplaced", &body))
}

/// The form that places a component; nothing for who may not.
fn placing_form(component: &ComponentShown, visitor: &Visitor, typed: Option<&Placing>) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let (id, lang) = (component.id, visitor.lang);
    let (code, title) = typed.map_or(("", &component.title[..]), |typed| (&typed.dossier[..], &typed.title[..]));
    let described = if typed.is_some() { " aria-describedby=loi aria-invalid=true autofocus" } else { "" };
    format!(
        "<form method=post action=/unplaced/{id} class=search><input type=hidden name=form value={}>\
         <label for=ma{id}>{}</label>\
         <input id=ma{id} name=dossier value=\"{}\" placeholder=H21.15.25-250701-0012 autocomplete=off spellcheck=false maxlength=60 required{described}>\
         <label for=ten{id}>{}</label>\
         <input id=ten{id} name=title value=\"{}\" autocomplete=off maxlength=120 required><button>{}</button></form>",
        visitor.form_token,
        lang.pick("Mã hồ sơ", "Code of a dossier"),
        escaped(code),
        lang.pick("Giấy tờ", "Paper"),
        escaped(title),
        lang.pick("Xếp vào hồ sơ", "Place in the dossier"),
    )
}

impl App {
    /// The name of a published file, the file at its beginning, and its size; written down as downloaded. Files are replaced as
    /// a whole, never changed: what was hashed is what is sent.
    fn open_published(&self, account: i64, component: i64, number: usize) -> Result<(String, File, u64), Problem> {
        let shown = self.store.component(component)?.component;
        let published = shown.published.get(number).ok_or(Problem::NotFound)?;
        let (name, sha256) = current(published).ok_or(Problem::NotFound)?;
        let changed = |_: io::Error| Problem::FileChanged;
        let mut file = File::open(Path::new(&published.directory).join(&name)).map_err(changed)?;
        let mut hash = Sha256::new();
        let length = io::copy(&mut file, &mut hash).map_err(changed)?;
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(Problem::FileChanged);
        }
        file.rewind().map_err(changed)?;
        self.store.looked(account, Looked::File { component, sha256: &sha256 }, self.now())?;
        Ok((name, file, length))
    }
}

/// Name and hash of a published file as its directory's manifest has them now: signing replaces a file.
fn current(published: &Published) -> Option<(String, String)> {
    let now = listed(published).and_then(|listed| listed.file).map(|file| (file.path, file.sha256));
    now.or_else(|| published.file.clone())
}

/// A file, read no faster than it is taken.
fn pieces(mut file: File) -> Pieces {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = match file.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    piece.truncate(read);
                    Ok(Bytes::from(piece))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_error = read.is_err();
            // A browser that is gone wants no more.
            if sender.blocking_send(read).is_err() || is_error {
                break;
            }
        }
    });
    Pieces(receiver)
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// How many components of these dossiers are in each state.
fn tally(dossiers: &[DossierListed], lang: Lang) -> String {
    let entry = |(index, state): (usize, &ComponentState)| {
        let count: u64 = dossiers.iter().map(|dossier| dossier.components[index]).sum();
        format!("<li class={}><b>{count}</b> {}</li>", state.code(), state.name(lang))
    };
    // Without a dossier there is nothing to count in it.
    let placed = ComponentState::ALL.iter().enumerate().filter(|(_, state)| **state != ComponentState::Unplaced);
    let entries: String = placed.map(entry).collect();
    format!(
        "<ul class=tally aria-label=\"{}\">{entries}</ul>",
        lang.pick("Thành phần theo trạng thái", "Components by state")
    )
}

/// The form that finds a dossier by its code.
fn search(typed: &str, wrong: Option<&str>, lang: Lang) -> String {
    let told = wrong.map_or_else(String::new, |wrong| {
        format!("<p class=error role=alert id=loi>{}</p>", escaped(&sentence(wrong)))
    });
    let described = if wrong.is_some() { " aria-describedby=loi aria-invalid=true" } else { "" };
    format!(
        "<form method=get action=/dossiers class=search role=search><label for=ma>{}</label>\
         <input id=ma name=code value=\"{}\" placeholder=H21.15.25-250701-0012 autocomplete=off spellcheck=false maxlength=60{described}>\
         <button>{}</button>{told}</form>",
        lang.pick("Mã hồ sơ", "Code of a dossier"),
        escaped(typed),
        lang.pick("Mở", "Open"),
    )
}

fn list(dossiers: &[DossierListed], now: OffsetDateTime, lang: Lang) -> String {
    if dossiers.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Chưa có hồ sơ nào.", "There are no dossiers yet."));
    }
    let entry = |dossier: &DossierListed| {
        let states: String = ComponentState::ALL
            .iter()
            .zip(dossier.components)
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| {
                format!("<span class=\"badge {}\">{} {count}</span> ", state.code(), state.name(lang))
            })
            .collect();
        format!(
            "<li><a href=\"/dossiers/{}\">{}</a> <span class=dim>{}</span> <span class=states>{states}</span></li>",
            in_path(&dossier.code),
            escaped(&dossier.code),
            moment(dossier.created, now.offset()),
        )
    };
    format!("<ul class=dossiers>{}</ul>", dossiers.iter().map(entry).collect::<String>())
}

/// The components of a dossier: newest versions, then those before them.
fn components(dossier: &DossierShown, visitor: &Visitor, offset: UtcOffset) -> String {
    let lang = visitor.lang;
    if dossier.components.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Chưa có giấy tờ nào.", "There are no papers yet."));
    }
    let (newest, before): (Vec<_>, Vec<_>) = dossier.components.iter().partition(|one| one.is_newest);
    let shown = |one: &&ComponentShown| component(one, visitor, offset, "");
    let before: String = match before.is_empty() {
        true => String::new(),
        false => format!(
            "<details><summary>{}</summary><ul class=components>{}</ul></details>",
            lang.pick("Các phiên bản trước", "Earlier versions"),
            before.iter().map(shown).collect::<String>()
        ),
    };
    format!("<ul class=components>{}</ul>{before}", newest.iter().map(shown).collect::<String>())
}

/// One component; `more` is markup that comes last.
fn component(component: &ComponentShown, visitor: &Visitor, offset: UtcOffset, more: &str) -> String {
    let lang = visitor.lang;
    let (state, count) = (component.state, component.captures.len());
    let why: Vec<String> = match state {
        ComponentState::Rescan => reasons(component, lang),
        ComponentState::Failed | ComponentState::Unplaced => {
            component.reason.iter().map(|reason| sentence(reason_text(reason, lang))).collect()
        }
        _ => Vec::new(),
    };
    let why: String = why.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
    let why = if why.is_empty() { why } else { format!("<ul class=why>{why}</ul>") };
    let files: String = match visitor.account.role.may_read_papers() {
        true => component.published.iter().enumerate().filter_map(|one| link(component, one, lang)).collect(),
        false => String::new(),
    };
    let version = match component.version {
        1 => String::new(),
        version => format!(" <span class=dim>V{version}</span>"),
    };
    format!(
        "<li class={}><h2>{}{version}</h2> <span class=\"badge {}\">{}</span>\
         <p class=dim>{count} {} · {}</p>{why}{files}{more}</li>",
        state.code(),
        escaped(&component.title),
        state.code(),
        state.name(lang),
        lang.pick("ảnh gốc", if count == 1 { "capture" } else { "captures" }),
        moment(component.changed, offset),
    )
}

fn link(component: &ComponentShown, (number, published): (usize, &Published), lang: Lang) -> Option<String> {
    let (name, _) = current(published)?;
    Some(format!(
        "<p><a class=file href=\"/components/{}/files/{number}\" download>{} {}</a></p>",
        component.id,
        lang.pick("Tải về", "Download"),
        escaped(&name),
    ))
}

/// A moment as people write it, `08:15 30/11/2026`.
fn moment(time: Millis, offset: UtcOffset) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(time.div_euclid(1000)) else { return String::new() };
    let time = time.to_offset(offset);
    format!("{:02}:{:02} {:02}/{:02}/{}", time.hour(), time.minute(), time.day(), u8::from(time.month()), time.year())
}

/// A whole page. `back` is its path, which the switch of languages leads back to.
fn page(status: StatusCode, lang: Lang, title: &str, visitor: Option<&Visitor>, back: &str, body: &str) -> Response {
    let (other, other_name) = match lang {
        Lang::Vi => ("en", "English"),
        Lang::En => ("vi", "Tiếng Việt"),
    };
    let switch = format!(
        "<form method=post action=/language><input type=hidden name=lang value={other}>\
         <input type=hidden name=back value=\"{}\"><button lang={other}>{other_name}</button></form>",
        escaped(back)
    );
    let who = visitor.map_or_else(String::new, |visitor| {
        format!(
            "<nav aria-label=\"{}\"><a href=/>{}</a><a href=/dossiers>{}</a><a href=/unplaced>{}</a></nav>\
             <span class=who>{} · {}</span>\
             <form method=post action=/logout><input type=hidden name=form value={}><button>{}</button></form>",
            lang.pick("Các trang", "Pages"),
            lang.pick("Hôm nay", "Today"),
            lang.pick("Mọi hồ sơ", "All dossiers"),
            lang.pick("Chưa xếp", "Not placed"),
            escaped(&visitor.account.name),
            visitor.account.role.name(lang),
            visitor.form_token,
            lang.pick("Đăng xuất", "Log out"),
        )
    });
    let text = format!(
        "<!doctype html><html lang={}><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{} · sohoa</title>\
         <link rel=icon href=\"data:,\"><link rel=stylesheet href=/desk.css></head><body>\
         <a class=skip href=#trang>{}</a><header><b class=brand>sohoa</b>{who}{switch}</header>\
         <main id=trang>{body}</main></body></html>",
        lang.pick("vi", "en"),
        escaped(title),
        lang.pick("Đến nội dung", "To the content"),
    );
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.pick("vi", "en")));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::store::Account;

    fn visitor(role: Role) -> Visitor {
        let account = Account { id: 1, name: "lan".to_owned(), role, is_disabled: false, created: 0 };
        Visitor { account, lang: Lang::Vi, form_token: "f".to_owned() }
    }

    fn shown(title: &str) -> ComponentShown {
        let file = Some(("a <b>.pdf".to_owned(), "0".to_owned()));
        let published = Published { directory: "/nowhere".to_owned(), name: "a".to_owned(), version: 1, file };
        ComponentShown {
            id: 7,
            title: title.to_owned(),
            name: "a".to_owned(),
            version: 2,
            is_newest: true,
            state: ComponentState::Failed,
            reason: Some("<i>".to_owned()),
            code: None,
            result_code: None,
            changed: 0,
            captures: Vec::new(),
            published: vec![published],
        }
    }

    #[test]
    fn what_people_named_cannot_become_markup() {
        let text = component(&shown("<script>"), &visitor(Role::Clerk), UtcOffset::UTC, "");
        for wrong in ["<script>", "<i>", "<b>"] {
            assert!(!text.contains(wrong), "{text}");
        }
        assert!(text.contains("&lt;script&gt;") && text.contains("/components/7/files/0"), "{text}");
        let text = search("\"><b>", Some("<b>"), Lang::En);
        assert!(!text.contains("<b>"), "{text}");
    }

    #[test]
    fn an_administrator_is_shown_no_files() {
        let text = component(&shown("a"), &visitor(Role::Admin), UtcOffset::UTC, "");
        assert!(!text.contains("/files/"), "{text}");
        assert!(placing_form(&shown("a"), &visitor(Role::Admin), None).is_empty());
        let typed = Placing { dossier: "\"><b>".to_owned(), title: "<i>".to_owned(), ..Placing::default() };
        let text = placing_form(&shown("a"), &visitor(Role::Clerk), Some(&typed));
        assert!(!text.contains("<b>") && !text.contains("<i>") && text.contains("value=f>"), "{text}");
    }

    #[test]
    fn moments_are_those_of_the_clock_on_the_wall() {
        assert_eq!(moment(1_000, UtcOffset::from_hms(7, 0, 0).unwrap()), "07:00 01/01/1970");
    }

    #[test]
    fn every_page_of_the_desk_passes_the_gate_as_one() {
        assert!(routes().iter().all(|(path, _)| is_of_desk(path)));
        for other in ["/p/x", "/api/v1/dossiers", "/healthz", "/metrics", "/x"] {
            assert!(!is_of_desk(other), "{other}");
        }
        assert!(!CSS.contains("http:") && !CSS.contains("https:") && !CSS.contains("@import"));
    }
}
