//! The desk: what its pages have in common, and the door. Made on the server, without scripts.
//!
//! `dossiers.rs` has today's dossiers, all dossiers and one; `files.rs` its files; `papers.rs` brings papers in and places
//! what waits, `pairing.rs` lets phones send. Who opens a dossier or a file is written down before it is shown.

mod dossiers;
mod files;
mod pairing;
mod papers;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::model::{Lang, Localized};

use super::Shared;
use super::html::{escaped, sentence};
use super::problem::Problem;
use super::session::{Visitor, door_page, log_in, log_out, switch_language};

const CSS: &str = include_str!("desk.css");

/// Entries of a list on a page: some days' work of a centre, and less than 100 KB.
const ENTRIES: u32 = 200;

/// Nothing from elsewhere, no script, in no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/", get(dossiers::today)),
        ("/login", get(door_page).post(log_in)),
        ("/logout", post(log_out)),
        ("/language", post(switch_language)),
        ("/desk.css", get(style)),
        ("/dossiers", get(dossiers::all)),
        ("/dossiers/{code}", get(dossiers::dossier)),
        ("/dossiers/{code}/captures", post(papers::bring).layer(DefaultBodyLimit::disable())),
        ("/dossiers/{code}/phones", get(pairing::phones).post(pairing::pair)),
        ("/dossiers/{code}/phones/{phone}/revoke", post(pairing::revoke)),
        ("/components/{id}/files/{number}", get(files::file)),
        ("/unplaced", get(papers::unplaced)),
        ("/unplaced/{id}", post(papers::place)),
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
    use crate::store::{Account, ComponentShown, Published, State};

    pub(super) fn visitor(role: Role) -> Visitor {
        let account = Account { id: 1, name: "lan".to_owned(), role, is_disabled: false, created: 0 };
        Visitor { account, lang: Lang::Vi, form_token: "f".to_owned() }
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
