//! The page that a phone opens by the QR code of `sohoa dossier pair`: pictures into one dossier, and what became of them.
//! One page without anything from elsewhere; it works without scripts, and with them goes on with pictures cut off.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::model::{Lang, Localized};
use crate::service::{listed, reason_text};
use crate::store::{ComponentListed, ComponentShown, Pairing, State as ComponentState};

use super::api::{Destination, FILES, take_in};
use super::arrive::{Incoming, tidy};
use super::form::Parts;
use super::html::{escaped, sentence};
use super::problem::Problem;
use super::uploads::random_name;
use super::{App, Shared};

/// Where the pages of phones are.
pub const PATH: &str = "/p/";
/// Pictures that one token may bring.
const PAGES: u64 = 500;

/// The page; `{{…}}` are filled in.
const HTML: &str = include_str!("phone.html");
const CSS: &str = include_str!("phone.css");
const SCRIPT: &str = include_str!("phone.js");

/// A token that opens something.
pub(super) struct Opened {
    pub(super) pairing: Pairing,
    /// The source of its captures.
    pub(super) source: String,
}

impl App {
    /// What a token opens.
    pub(super) fn opened(&self, token: &str) -> Result<Opened, Problem> {
        let pairing = self.store.pairing(token, self.now())?.ok_or(Problem::NoLink)?;
        let source = pairing.source();
        Ok(Opened { pairing, source })
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

/// The page of a token.
pub(super) async fn page(State(app): State<Shared>, Path(token): Path<String>) -> Result<Response, Problem> {
    let (pairing, components) = app
        .blocking(move |app| {
            let Opened { pairing, source } = app.opened(&token)?;
            Ok((pairing, app.store.components_fed_by(&source)?))
        })
        .await?;
    let component = match &pairing.component {
        Some(title) => format!("<p class=title>{}</p>", escaped(title)),
        None => String::new(),
    };
    let title_field = match &pairing.component {
        Some(_) => "",
        None => {
            "<label class=name>Tên giấy tờ <span>(không bắt buộc)</span>\
             <input name=component maxlength=120 placeholder=\"Ví dụ: Tờ khai\" autocomplete=off></label>"
        }
    };
    let body = HTML
        .replace("{{dossier}}", &escaped(pairing.dossier.as_str()))
        .replace("{{component}}", &component)
        .replace("{{title}}", title_field)
        .replace("{{state}}", &states(&components));
    Ok(html(StatusCode::OK, &body, true))
}

/// Takes the pictures of the form in, and shows the page again.
pub(super) async fn upload(
    State(app): State<Shared>,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let back = format!("{PATH}{token}#da-gui");
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
                let name = app.phone_name(&source, taken, &name);
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
pub(super) fn refusal(problem: &Problem) -> Response {
    let body = format!(
        "<main class=card><h1>Chưa nhận được</h1><p class=error>{}</p><p><a class=again href=\"\">Thử lại</a></p></main>",
        escaped(&sentence(&problem.message(Lang::Vi)))
    );
    let mut response = html(problem.kind().0, &body, false);
    problem.add_headers(&mut response);
    response
}

/// What became of what was sent.
fn states(components: &[ComponentListed]) -> String {
    if components.is_empty() {
        return "<p class=none>Chưa có trang nào.</p>".to_owned();
    }
    components.iter().map(state).collect()
}

fn state(listed: &ComponentListed) -> String {
    let component = &listed.component;
    let (class, word) = match component.state {
        ComponentState::InWork | ComponentState::Unplaced => ("work", "đang xử lý"),
        ComponentState::Rescan => ("rescan", "cần quét lại"),
        // A signature is the office's matter: the pages are good.
        ComponentState::Unsigned | ComponentState::Done => ("done", "xong"),
        ComponentState::Failed => ("failed", "lỗi, hãy báo cán bộ tại quầy"),
    };
    let reasons: String = match component.state {
        ComponentState::Rescan => {
            reasons(component, Lang::Vi).iter().map(|reason| format!("<li>{}</li>", escaped(reason))).collect()
        }
        ComponentState::Failed => {
            let reason = component.reason.as_deref().map(|reason| sentence(reason_text(reason, Lang::Vi)));
            reason.map_or_else(String::new, |reason| format!("<li>{}</li>", escaped(&reason)))
        }
        _ => String::new(),
    };
    let reasons = if reasons.is_empty() { reasons } else { format!("<ul>{reasons}</ul>") };
    format!(
        "<div class=\"row {class}\"><div class=line><b>{}</b><span class=badge>{word}</span></div>\
         <p>Đã nhận {} trang</p>{reasons}</div>",
        escaped(&component.title),
        component.captures.len(),
    )
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

/// A whole page of this body, which may have the one script.
fn html(status: StatusCode, body: &str, with_script: bool) -> Response {
    // Without randomness there is no page: a nonce that can be guessed protects nothing.
    let Ok(nonce) = random_name() else { return Problem::Internal.told(Lang::Vi) };
    let script = if with_script { format!("<script nonce={nonce}>{SCRIPT}</script>") } else { String::new() };
    let text = format!(
        "<!doctype html><html lang=vi><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><title>Gửi ảnh giấy tờ</title>\
         <link rel=icon href=\"data:,\"><style nonce={nonce}>{CSS}</style></head><body>{body}{script}</body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_of_the_page_is_filled_and_nothing_comes_from_elsewhere() {
        for gap in ["{{dossier}}", "{{component}}", "{{title}}", "{{state}}"] {
            assert!(HTML.contains(gap), "{gap}");
        }
        for part in [HTML, CSS, SCRIPT] {
            assert!(!part.contains("http:") && !part.contains("https:") && !part.contains("//"), "{part}");
        }
        assert!(HTML.contains("capture=environment") && HTML.contains("multipart/form-data"));
    }
}
