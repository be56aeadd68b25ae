//! The desk: what its pages have in common, and the door. Made on the server; one script keeps pages up to date, and nothing
//! depends on it.
//!
//! `lists.rs` has today's dossiers and all; `dossiers.rs` one, `checklist.rs` what its procedure asks for, `reuse.rs` the papers that
//! are there already; `files.rs` its files; `papers.rs` brings papers in and places what waits; [`review`] shows a component page by
//! page, [`data`] what was found on it, to be confirmed or corrected; `scanning.rs` scans; `searching.rs` searches; `pairing.rs` lets phones send; `signing.rs` signs; `handing.rs` checks and
//! hands on; `figures` counts, `points.rs` scores and `journal.rs` lists what a day brought; `live.rs` tells pages what happens;
//! `keys.rs` has the letters of the actions. Who opens a dossier or a file is written down before it is shown.

mod checklist;
mod data;
mod days;
mod dossiers;
mod figures;
mod files;
mod handing;
mod journal;
mod keys;
mod lists;
mod live;
mod pairing;
mod papers;
mod points;
mod reuse;
mod review;
mod scanning;
mod searching;
mod signing;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::model::{Lang, Localized};

use super::Shared;
use super::html::{escaped, sentence};
use super::problem::Problem;
use super::session::{Visitor, door_page, log_in, log_out, switch_language};

pub(super) use handing::clear_exports;
pub(super) use live::STREAMS;

const CSS: &str = include_str!("desk.css");

/// Entries of a list on a page: some days' work of a centre, and less than 100 KB.
const ENTRIES: u32 = 200;

/// Nothing from elsewhere, no script in a page, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Where pages hear what happens.
pub(super) const LIVE: &str = "/live";

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let own = vec![
        ("/", get(lists::today)),
        ("/login", get(door_page).post(log_in)),
        ("/logout", post(log_out)),
        ("/language", post(switch_language)),
        ("/desk.css", get(style)),
        ("/desk.js", get(live::script)),
        (LIVE, get(live::live)),
        ("/dossiers", get(lists::all)),
        ("/dossiers/{code}", get(dossiers::dossier)),
        ("/dossiers/{code}/captures", post(papers::bring).layer(DefaultBodyLimit::disable())),
        ("/dossiers/{code}/scans", post(scanning::begin)),
        ("/dossiers/{code}/scans/{id}/stop", post(scanning::stop)),
        ("/dossiers/{code}/scanners", post(scanning::search)),
        ("/dossiers/{code}/procedure", post(checklist::describe)),
        ("/dossiers/{code}/reuse", get(reuse::papers).post(reuse::reuse)),
        ("/dossiers/{code}/verify", post(handing::check)),
        ("/dossiers/{code}/export", post(handing::hand_on)),
        ("/dossiers/{code}/phones", get(pairing::phones).post(pairing::pair)),
        ("/dossiers/{code}/phones/{phone}/revoke", post(pairing::revoke)),
        ("/components/{id}/files/{number}", get(files::file)),
        ("/unplaced", get(papers::unplaced)),
        ("/unplaced/{id}", post(papers::place)),
        ("/search", get(searching::search_page).post(searching::search)),
        ("/sign", get(signing::waiting).post(signing::sign)),
        ("/figures", get(figures::figures)),
        ("/figures.csv", get(figures::figures_csv)),
        ("/points", get(points::points)),
        ("/points.csv", get(points::points_csv)),
        ("/audit", get(journal::journal)),
        ("/audit.csv", get(journal::journal_csv)),
    ];
    own.into_iter().chain(review::routes()).chain(data::routes()).collect()
}

/// Whether a path is of the desk, whose pages know themselves who may see them.
pub(super) fn is_of_desk(path: &str) -> bool {
    let door = ["/", "/login", "/logout", "/language", "/desk.css", "/desk.js", "/review.css", "/review.js", LIVE];
    let pages = [
        "/dossiers",
        "/unplaced",
        "/search",
        "/sign",
        "/figures",
        "/figures.csv",
        "/points",
        "/points.csv",
        "/audit",
        "/audit.csv",
    ];
    door.contains(&path)
        || pages.contains(&path)
        || ["/dossiers/", "/components/", "/unplaced/"].iter().any(|below| path.starts_with(below))
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

/// What a page that stays up to date shows.
enum Topic<'a> {
    /// Something of all dossiers.
    All,
    /// A dossier of this code.
    Dossier(&'a str),
}

/// A whole page that stays up to date, where scripts run.
fn live_page(
    status: StatusCode,
    title: &str,
    visitor: &Visitor,
    back: &str,
    topic: &Topic<'_>,
    body: &str,
) -> Response {
    let topic = match topic {
        Topic::All => "",
        Topic::Dossier(code) => code,
    };
    let attribute = format!(" data-live=\"{}\"", escaped(topic));
    whole(status, visitor.lang, title, Some(visitor), back, (&attribute, body))
}

/// A whole page. `back` is its path, which the switch of languages leads back to, and which is marked among the pages.
fn page(status: StatusCode, lang: Lang, title: &str, visitor: Option<&Visitor>, back: &str, body: &str) -> Response {
    whole(status, lang, title, visitor, back, ("", body))
}

/// `live` is the attribute of what stays up to date; with it the script comes.
fn whole(
    status: StatusCode,
    lang: Lang,
    title: &str,
    visitor: Option<&Visitor>,
    back: &str,
    (live, body): (&str, &str),
) -> Response {
    let (other, other_name) = match lang {
        Lang::Vi => ("en", "English"),
        Lang::En => ("vi", "Tiếng Việt"),
    };
    let switch = format!(
        "<form method=post action=/language><input type=hidden name=lang value={other}>\
         <input type=hidden name=back value=\"{}\"><button lang={other}>{other_name}</button></form>",
        escaped(back)
    );
    let here = back.split('?').next().unwrap_or_default();
    let who = visitor.map_or_else(String::new, |visitor| {
        let link = |(path, act): &(&str, keys::Act)| {
            let current = if *path == here { " aria-current=page" } else { "" };
            format!("<a href={path}{}{current}>{}</a>", act.attribute(), act.label(lang))
        };
        let links: String = places(visitor).iter().map(link).collect();
        format!(
            "<nav aria-label=\"{}\">{links}</nav><span class=who>{}<span> · {}</span></span>\
             <form method=post action=/logout><input type=hidden name=form value={}><button{}>{}</button></form>",
            lang.pick("Các trang", "Pages"),
            escaped(&visitor.account.name),
            visitor.account.role.name(lang),
            visitor.form_token,
            keys::LOG_OUT.attribute(),
            keys::LOG_OUT.label(lang),
        )
    });
    let help = visitor.map_or_else(String::new, |_| format!("<footer>{}</footer>", keys::help(lang)));
    let script = if live.is_empty() { "" } else { "<script src=/desk.js defer></script>" };
    let text = format!(
        "<!doctype html><html lang={}><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{} · sohoa</title>\
         <link rel=icon href=\"data:,\"><link rel=stylesheet href=/desk.css>{script}</head><body>\
         <a class=skip href=#trang>{}</a><header><b class=brand>sohoa</b>{who}{switch}</header>\
         <main id=trang{live}>{body}</main>{help}</body></html>",
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

/// The pages that this person may go to from everywhere.
fn places(visitor: &Visitor) -> Vec<(&'static str, keys::Act)> {
    let mut places = vec![("/", keys::TODAY), ("/dossiers", keys::DOSSIERS), ("/unplaced", keys::UNPLACED)];
    if visitor.account.role.may_read_papers() {
        places.push(("/search", keys::FIND));
        places.push(("/sign", keys::SIGNING));
    }
    places.push(("/figures", keys::FIGURES));
    if visitor.account.role.may_read_journal() {
        places.push(("/audit", keys::AUDIT));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::store::{Account, ComponentShown, Published, State};

    pub(super) fn visitor(role: Role) -> Visitor {
        let account = Account { id: 1, name: "lan".to_owned(), role, is_disabled: false, created: 0 };
        Visitor { account, lang: Lang::Vi, form_token: "f".to_owned(), is_unattended: false }
    }

    pub(super) fn shown(title: &str) -> ComponentShown {
        let file = Some(("a <b>.pdf".to_owned(), "0".to_owned()));
        let published = Published { directory: "/nowhere".to_owned(), name: "a".to_owned(), version: 1, file };
        ComponentShown {
            id: 7,
            title: title.to_owned(),
            name: "a".to_owned(),
            version: 2,
            is_newest: true,
            state: State::Failed,
            reason: Some("<i>".to_owned()),
            code: None,
            result_code: None,
            digital_code: None,
            reused: None,
            changed: 0,
            captures: Vec::new(),
            published: vec![published],
        }
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
