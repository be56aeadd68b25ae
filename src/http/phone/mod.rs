//! The page that a phone opens by a QR code: pictures into one dossier, what is wrong with them, and what became of them.
//!
//! `page.html` is the page; it works without scripts. With them (`outbox.js`, `send.js`, `phone.js`) a picture is kept on the
//! phone until the service has it, and each page is shown with its verdict: `pages.rs` tells of the pages and changes them,
//! `verdict.rs` judges one, `outline.rs` finds the paper in a frame of the live camera (`camera.js`). Over trusted TLS the page
//! also opens without a network (`worker.js`). Nothing comes from elsewhere (`assets.rs`).

mod assets;
mod outline;
mod pages;
mod verdict;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, patch, post};

use crate::model::{Lang, Localized};
use crate::service::{listed, reason_text};
use crate::store::{ComponentListed, ComponentShown, Opening, Pairing, State as ComponentState};

use super::api::{Destination, FILES, take_in};
use super::arrive::{Incoming, tidy};
use super::form::Parts;
use super::html::{escaped, sentence};
use super::problem::Problem;
use super::tus::{self, phone_name};
use super::{App, Shared};

pub(super) use outline::Outlines;
pub(super) use pages::{Changes, watch_store};
pub(super) use verdict::Verdicts;

/// Where the pages of phones are.
pub const PATH: &str = "/p/";
/// Pictures that one token may bring.
const PAGES: u64 = 500;

/// The page; `{{…}}` are filled in.
const HTML: &str = include_str!("page.html");

/// What may be on the page: all of it from here, pictures that the phone shows of its own, and the live camera.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
                      img-src 'self' blob: data:; media-src 'self' blob:; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// What answers where.
pub(super) fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let unlimited = DefaultBodyLimit::disable;
    vec![
        ("/p/worker.js", get(assets::worker)),
        ("/p/static/{version}/{file}", get(assets::file)),
        ("/p/{token}", get(page).post(upload).layer(unlimited())),
        ("/p/{token}/pages", get(pages::pages)),
        ("/p/{token}/pages/{page}", get(pages::thumbnail).delete(pages::remove)),
        ("/p/{token}/pages/{page}/turn", post(pages::turn)),
        ("/p/{token}/papers/{paper}/order", post(pages::order)),
        ("/p/{token}/finish", post(pages::finish)),
        ("/p/{token}/outline", post(outline::outline).layer(DefaultBodyLimit::max(outline::FRAME_BYTES))),
        ("/p/{token}/uploads", post(tus::create_by_phone).options(tus::options)),
        (
            "/p/{token}/uploads/{id}",
            patch(tus::append_by_phone).head(tus::look_by_phone).delete(tus::remove_by_phone).layer(unlimited()),
        ),
    ]
}

/// A token that opens something.
pub(super) struct Opened {
    pub(super) pairing: Pairing,
    /// The source of its captures.
    pub(super) source: String,
}

impl App {
    /// What a token opens.
    pub(super) fn opened(&self, token: &str) -> Result<Opened, Problem> {
        match self.store.pairing(token, self.now())? {
            Opening::Open(pairing) => {
                let source = pairing.source();
                Ok(Opened { pairing, source })
            }
            Opening::Ended => Err(Problem::LinkEnded),
            Opening::Unknown => Err(Problem::NoLink),
        }
    }

    /// What a token opens, if it may bring more.
    pub(super) fn opened_for_more(&self, token: &str) -> Result<Opened, Problem> {
        let opened = self.opened(token)?;
        match self.store.arrivals_of(&opened.source)? {
            PAGES.. => Err(Problem::TooManyPages),
            _ => Ok(opened),
        }
    }
}

/// The language of a page by its address: Vietnamese, or English where the switch on the page led. Phones often ask for
/// English, whoever holds them.
pub(super) fn language(uri: &Uri) -> Lang {
    let english = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "lang=en"));
    if english { Lang::En } else { Lang::Vi }
}

/// The page of a token.
async fn page(State(app): State<Shared>, Path(token): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let lang = language(&uri);
    let asked = token.clone();
    let (pairing, sent) = app
        .blocking(move |app| {
            let Opened { pairing, .. } = app.opened(&asked)?;
            let sent = app.store.sent_by(&pairing)?;
            Ok((pairing, sent))
        })
        .await?;
    let papers: Vec<ComponentListed> = sent.into_iter().map(|sent| sent.component).collect();
    Ok(html(StatusCode::OK, lang, &filled(&token, &pairing, &papers, lang), true))
}

/// The page of a token, filled in.
fn filled(token: &str, pairing: &Pairing, papers: &[ComponentListed], lang: Lang) -> String {
    let component = match &pairing.component {
        Some(title) => format!("<p class=title>{}</p>", escaped(title)),
        None => String::new(),
    };
    let title_field = match &pairing.component {
        Some(_) => String::new(),
        None => format!(
            "<label class=name>{} <span>{}</span><input id=paper name=component maxlength=120 placeholder=\"{}\" autocomplete=off></label>",
            lang.pick("Tên giấy tờ", "Which paper"),
            lang.pick("(không bắt buộc)", "(optional)"),
            lang.pick("Ví dụ: Tờ khai", "Such as: Tờ khai"),
        ),
    };
    let texts = [
        ("dossier", escaped(pairing.dossier.as_str())),
        ("component", component),
        ("field", title_field),
        ("papers", states(papers, lang)),
        ("expires", pairing.expires.to_string()),
        ("other", lang.pick("?lang=en", "?").to_owned()),
        ("other-lang", lang.pick("en", "vi").to_owned()),
        ("other-name", lang.pick("English", "Tiếng Việt").to_owned()),
        ("title", escaped(pairing.component.as_deref().unwrap_or_default())),
        ("camera", assets::path("camera.js")),
        ("finish-path", format!("{PATH}{token}/finish{}", lang.pick("", "?lang=en"))),
        ("dossier-word", lang.pick("Hồ sơ", "Dossier").to_owned()),
        ("take", lang.pick("Chụp ảnh giấy tờ", "Photograph a paper").to_owned()),
        ("pick", lang.pick("Chọn ảnh có sẵn", "Choose pictures").to_owned()),
        ("live", lang.pick("Chụp tự động", "Capture by itself").to_owned()),
        ("send", lang.pick("Gửi ảnh", "Send").to_owned()),
        (
            "hint",
            lang.pick(
                "Đặt giấy trên nền sẫm màu, đủ sáng, thấy cả bốn góc. Mỗi ảnh một trang.",
                "Put the paper on something dark, in good light, with all four corners in view. One page a picture.",
            )
            .to_owned(),
        ),
        ("waiting", lang.pick("Trong điện thoại này", "On this phone").to_owned()),
        ("sent", lang.pick("Đã gửi", "Sent").to_owned()),
        ("again", lang.pick("Cập nhật", "Update").to_owned()),
        ("next", lang.pick("Giấy tờ tiếp theo", "Next paper").to_owned()),
        ("finish", lang.pick("Xong, đã gửi đủ", "Done, all is sent").to_owned()),
    ];
    texts.iter().fold(HTML.to_owned(), |page, (gap, text)| page.replace(&format!("{{{{{gap}}}}}"), text))
}

/// Takes the pictures of the form in, and shows the page again.
async fn upload(
    State(app): State<Shared>,
    Path(token): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let english = if language(&uri) == Lang::En { "?lang=en" } else { "" };
    let back = format!("{PATH}{token}{english}#da-gui");
    let Opened { pairing, source } = app.blocking(move |app| app.opened_for_more(&token)).await?;
    let mut destination =
        Destination { source: source.clone(), dossier: Some(pairing.dossier), component: pairing.component.clone() };
    let mut form = Parts::of(request, &app).await?;
    let mut taken = 0;
    while let Some(field) = form.next_field().await.map_err(|_| Problem::Broken)? {
        match field.file_name().map(str::to_owned) {
            None if field.name() == Some("component") && pairing.component.is_none() => {
                destination.component = tidy(&field.text().await?);
            }
            // A picker that was not used sends a part without a name.
            None => {}
            Some(name) if name.is_empty() => {}
            Some(_) if taken == FILES => {
                return Err(Problem::Request("quá nhiều ảnh trong một lần gửi", "too many files in one request"));
            }
            Some(name) => {
                let name = phone_name(&source, app.now(), taken, &name);
                take_in(&app, Incoming::Part(Box::new(field)), 0, &destination, name).await?;
                taken += 1;
            }
        }
    }
    if taken == 0 {
        return Err(Problem::Request("chưa chọn ảnh nào; hãy quay lại và chụp ảnh", "no picture was chosen"));
    }
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response())
}

/// What a phone sees in place of the page.
pub(super) fn refusal(problem: &Problem, lang: Lang) -> Response {
    let kept = match problem {
        Problem::LinkEnded => lang.pick(
            "<p>Ảnh chưa gửi vẫn còn trong điện thoại này và sẽ gửi tiếp khi quét mã mới của cùng hồ sơ.</p>",
            "<p>Pictures that are not sent stay on this phone, and go on when you scan a new code of the same dossier.</p>",
        ),
        _ => "",
    };
    let body = format!(
        "<main class=card><h1>{}</h1><p class=error>{}</p>{kept}<p><a class=again href=\"\">{}</a></p></main>",
        lang.pick("Chưa nhận được", "Not received"),
        escaped(&sentence(&problem.message(lang))),
        lang.pick("Thử lại", "Try again"),
    );
    let mut response = html(problem.kind().0, lang, &body, false);
    problem.add_headers(&mut response);
    response
}

/// What became of what was sent, for whom no script tells it.
fn states(components: &[ComponentListed], lang: Lang) -> String {
    if components.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Chưa có trang nào.", "No page yet."));
    }
    components.iter().map(|component| state(component, lang)).collect()
}

fn state(listed: &ComponentListed, lang: Lang) -> String {
    let component = &listed.component;
    let why = why(component, lang);
    let why: String = why.iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect();
    let why = if why.is_empty() { why } else { format!("<ul>{why}</ul>") };
    let (class, word) = stage(component.state, lang);
    let count = component.captures.len();
    let received = match lang {
        Lang::Vi => format!("Đã nhận {count} trang"),
        Lang::En => format!("{count} received"),
    };
    format!(
        "<div class=\"row {class}\"><div class=line><b>{}</b><span class=badge>{word}</span></div>\
         <p>{received}</p>{why}</div>",
        escaped(&component.title),
    )
}

/// How far a component is, for whoever sent it: a class of `phone.css`, and the words.
fn stage(state: ComponentState, lang: Lang) -> (&'static str, &'static str) {
    match state {
        ComponentState::InWork | ComponentState::Unplaced => ("work", lang.pick("đang xử lý", "in work")),
        ComponentState::Rescan => ("rescan", lang.pick("cần chụp lại", "capture again")),
        // A signature is the office's matter: the pages are good.
        ComponentState::Unsigned | ComponentState::Done => ("done", lang.pick("xong", "done")),
        ComponentState::Failed => {
            ("failed", lang.pick("lỗi, hãy báo cán bộ tại quầy", "failed; tell the clerk at the counter"))
        }
    }
}

/// What is wrong with a component.
fn why(component: &ComponentShown, lang: Lang) -> Vec<String> {
    match component.state {
        ComponentState::Rescan => reasons(component, lang),
        ComponentState::Failed => component.reason.iter().map(|reason| sentence(reason_text(reason, lang))).collect(),
        _ => Vec::new(),
    }
}

/// Why pages want a rescan: the manifest's words.
pub(super) fn reasons(component: &ComponentShown, lang: Lang) -> Vec<String> {
    let mut reasons = Vec::new();
    for made in component.published.iter().filter_map(listed) {
        for page in &made.pages {
            for flag in &page.quality.flags {
                reasons.push(format!("{} {}: {}", lang.pick("Trang", "Page"), page.number, flag.message(lang)));
            }
        }
        let unread = lang.pick("Một ảnh không đọc được", "A picture cannot be read");
        reasons.extend(made.set_aside.iter().map(|aside| format!("{unread}: {}", aside.reason)));
    }
    reasons
}

/// A whole page of this body.
fn html(status: StatusCode, lang: Lang, body: &str, with_script: bool) -> Response {
    let script = |name| format!("<script src=\"{}\" defer></script>", assets::path(name));
    let scripts = if with_script { script("phone.js") } else { String::new() };
    let text = format!(
        "<!doctype html><html lang={}><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>{}</title>\
         <link rel=icon href=\"data:,\"><link rel=stylesheet href=\"{}\">{scripts}</head><body>{body}</body></html>",
        lang.pick("vi", "en"),
        lang.pick("Gửi ảnh giấy tờ", "Send papers"),
        assets::path("phone.css"),
    );
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.pick("vi", "en")));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let permissions = HeaderValue::from_static("camera=(self), microphone=(), geolocation=()");
    headers.insert(HeaderName::from_static("permissions-policy"), permissions);
    response
}

/// Whether a browser asks for a page to show, rather than a script for an answer.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|text| text.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairing(component: Option<&str>) -> Pairing {
        Pairing {
            id: 1,
            dossier: "H21.15.25-250701-0012".parse().unwrap(),
            component: component.map(str::to_owned),
            expires: 1,
        }
    }

    #[test]
    fn every_gap_of_the_page_is_filled_in_both_languages() {
        for lang in [Lang::Vi, Lang::En] {
            let page = filled("0f", &pairing(None), &[], lang);
            assert!(!page.contains("{{") && !page.contains("}}"), "{page}");
            assert!(page.contains("H21.15.25-250701-0012") && page.contains("name=component"), "{page}");
        }
        assert!(HTML.contains("capture=environment") && HTML.contains("multipart/form-data"));
    }

    #[test]
    fn titles_cannot_become_markup() {
        let page = filled("0f", &pairing(Some("<b>&")), &[], Lang::Vi);
        assert!(
            page.contains("&lt;b&gt;&amp;") && !page.contains("<b>&") && !page.contains("name=component"),
            "{page}"
        );
    }

    #[test]
    fn the_language_is_that_of_the_address() {
        for (uri, lang) in [("/p/x", Lang::Vi), ("/p/x?lang=en", Lang::En), ("/p/x?lang=english", Lang::Vi)] {
            assert_eq!(language(&uri.parse().unwrap()), lang, "{uri}");
        }
    }
}
