//! Scanning into a dossier from its page: which scanner and how, how the scans go, and stopping one.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use crate::http::api::code;
use crate::http::arrive::tidy;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::scans::{NewScan, ScanShown, begin_wanted};
use crate::http::session::{Proof, Visitor, to, wrong_form};
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang};
use crate::scanner::{Colour, Source};

use super::keys::{FIND_SCANNERS, SCAN, START_SCAN, STOP_SCAN};

/// Scans that the page of a dossier tells of.
const SHOWN: usize = 3;
/// Resolutions to choose from, dots per inch: papers of the law want 200 at least, small print 400.
const RESOLUTIONS: [u32; 4] = [200, 300, 400, 600];

/// What is to be scanned; empty is what `[scanner]` says.
#[derive(Deserialize)]
pub(super) struct Wanted {
    form: String,
    component: String,
    device: String,
    source: String,
    colour: String,
    dpi: String,
}

/// Begins a scan, and leads back to the dossier, which shows how it goes.
pub(super) async fn begin(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    typed: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(wanted) = typed.map_err(|_| wrong_form())?;
    let code = allowed(&visitor, &headers, &wanted.form, &text)?;
    let Some(component) = tidy(&wanted.component) else {
        return Err(Problem::Request("hãy ghi tên giấy tờ", "write what the paper is"));
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let new = NewScan {
        dossier: Some(code.to_string()),
        component: Some(component),
        device: given(wanted.device),
        source: given(wanted.source).map(|word| source(&word)).transpose()?,
        dpi: given(wanted.dpi).map(|dpi| dpi.parse().map_err(|_| wrong_form())).transpose()?,
        colour: given(wanted.colour).map(|word| colour(&word)).transpose()?,
        paper: None,
        pages: None,
    };
    let (back, begun) = (dossier_path(&code), Arc::clone(&app));
    app.blocking(move |app| {
        let scan = begin_wanted(&begun, new)?;
        // The journal tells of dossiers that there are: one begins with its scan, as with a phone that is paired.
        app.store.create_dossier(&code, app.now())?;
        let detail = Some(scan.to_string());
        Ok(app.store.did(visitor.account.id, "scan-begun", Some(code.as_str()), detail.as_deref(), app.now())?)
    })
    .await?;
    Ok(to(&back))
}

/// Has a scan end.
pub(super) async fn stop(
    State(app): State<Shared>,
    visitor: Visitor,
    path: Result<Path<(String, i64)>, PathRejection>,
    headers: HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    let Path((text, scan)) = path.map_err(|_| Problem::NotFound)?;
    let Form(proof) = proof.map_err(|_| wrong_form())?;
    let code = allowed(&visitor, &headers, &proof.form, &text)?;
    let back = dossier_path(&code);
    app.blocking(move |app| {
        app.scans.cancel_of(scan, code.as_str())?;
        let detail = scan.to_string();
        Ok(app.store.did(visitor.account.id, "scan-stopped", Some(code.as_str()), Some(&detail), app.now())?)
    })
    .await?;
    Ok(to(&back))
}

/// Looks for scanners, some seconds, and leads back to the dossier.
pub(super) async fn search(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(proof) = proof.map_err(|_| wrong_form())?;
    let code = allowed(&visitor, &headers, &proof.form, &text)?;
    let found = app.blocking(App::search_scanners).await?;
    if found.is_empty() {
        return Err(Problem::Scanner(crate::scanner::Fault::NoDevice));
    }
    Ok(to(&format!("{}#quet", dossier_path(&code))))
}

/// The dossier of a form that this person may send.
fn allowed(visitor: &Visitor, headers: &HeaderMap, form: &str, text: &str) -> Result<DossierCode, Problem> {
    visitor.check(headers, form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    code(text)
}

fn dossier_path(code: &DossierCode) -> String {
    format!("/dossiers/{}", in_path(code.as_str()))
}

fn source(word: &str) -> Result<Source, Problem> {
    [Source::Flatbed, Source::Feeder, Source::Duplex]
        .into_iter()
        .find(|source| source.name() == word)
        .ok_or_else(wrong_form)
}

fn colour(word: &str) -> Result<Colour, Problem> {
    match word {
        "colour" => Ok(Colour::Colour),
        "gray" => Ok(Colour::Gray),
        _ => Err(wrong_form()),
    }
}

impl App {
    /// How the scans of a dossier go, and the form for the next; nothing for who may not.
    pub(super) fn scanning_part(&self, code: &DossierCode, visitor: &Visitor) -> String {
        if !visitor.account.role.may_read_papers() {
            return String::new();
        }
        let (lang, path) = (visitor.lang, dossier_path(code));
        let scans = self.scans.of_dossier(code.as_str(), lang);
        let shown: String = scans.iter().take(SHOWN).map(|scan| told(scan, &path, visitor)).collect();
        let usual = &self.settings.scanner;
        let only = lang.pick("Máy quét duy nhất đang có", "The only scanner there is").to_owned();
        let devices = [(String::new(), usual.device.clone().unwrap_or(only))].into_iter().chain(
            self.scans.found().into_iter().map(|found| (found.name, format!("{} {}", found.vendor, found.model))),
        );
        let devices: String = devices.map(|(name, shown)| option(&name, &shown, false)).collect();
        let sources = [
            ("", lang.pick("Theo cấu hình", "As configured")),
            ("feeder", lang.pick("Khay nạp, một mặt", "Feeder, one side")),
            ("duplex", lang.pick("Khay nạp, hai mặt", "Feeder, both sides")),
            ("flatbed", lang.pick("Mặt kính", "Glass")),
        ];
        let sources: String = sources.iter().map(|(word, name)| option(word, name, false)).collect();
        let colours = [
            ("colour", lang.pick("Màu", "Colour"), usual.colour == Colour::Colour),
            ("gray", lang.pick("Xám", "Grey"), usual.colour != Colour::Colour),
        ];
        let colours: String = colours.iter().map(|(word, name, chosen)| option(word, name, *chosen)).collect();
        let mut resolutions = RESOLUTIONS.to_vec();
        resolutions.push(usual.dpi);
        resolutions.sort_unstable();
        resolutions.dedup();
        let resolutions: String =
            resolutions.iter().map(|dpi| option(&dpi.to_string(), &format!("{dpi} dpi"), *dpi == usual.dpi)).collect();
        let proof = format!("<input type=hidden name=form value={}>", visitor.form_token);
        format!(
            "{shown}<details id=quet><summary{}>{}</summary>\
             <form method=post action=\"{path}/scans\" class=scan>{proof}\
             <label for=quet-giay>{}</label><input id=quet-giay name=component list=cac-giay autocomplete=off maxlength=120 required>\
             <label for=may-quet>{}</label><select id=may-quet name=device>{devices}</select>\
             <label for=nguon>{}</label><select id=nguon name=source>{sources}</select>\
             <label for=mau>{}</label><select id=mau name=colour>{colours}</select>\
             <label for=dpi>{}</label><select id=dpi name=dpi>{resolutions}</select>\
             <button{}>{}</button></form>\
             <form method=post action=\"{path}/scanners\">{proof}<button class=quiet{}>{}</button></form></details>",
            SCAN.attribute(),
            SCAN.label(lang),
            lang.pick("Tên giấy tờ", "Which paper"),
            lang.pick("Máy quét", "Scanner"),
            lang.pick("Nguồn giấy", "Papers from"),
            lang.pick("Màu", "Colours"),
            lang.pick("Độ phân giải", "Resolution"),
            START_SCAN.attribute(),
            START_SCAN.label(lang),
            FIND_SCANNERS.attribute(),
            FIND_SCANNERS.label(lang),
        )
    }
}

fn option(value: &str, shown: &str, is_chosen: bool) -> String {
    let chosen = if is_chosen { " selected" } else { "" };
    format!("<option value=\"{}\"{chosen}>{}</option>", escaped(value), escaped(shown))
}

/// How a scan goes, or went.
fn told(scan: &ScanShown, path: &str, visitor: &Visitor) -> String {
    let (lang, pages, title) = (visitor.lang, scan.pages, escaped(&scan.component));
    if scan.is_running {
        let head = match lang {
            Lang::Vi => format!("Đang quét {title}: {pages} trang"),
            Lang::En => format!("Scanning {title}: {pages} pages"),
        };
        return format!(
            "<form method=post action=\"{path}/scans/{}/stop\" class=\"note act\" role=status>\
             <input type=hidden name=form value={}><span>{head}</span><button class=quiet{}>{}</button></form>",
            scan.id,
            visitor.form_token,
            STOP_SCAN.attribute(),
            STOP_SCAN.label(lang),
        );
    }
    let head = match (&scan.fault, lang) {
        (None, Lang::Vi) => format!("Đã quét {title}: {pages} trang"),
        (None, Lang::En) => format!("Scanned {title}: {pages} pages"),
        (Some(_), Lang::Vi) => format!("Dừng quét {title} sau {pages} trang."),
        (Some(_), Lang::En) => format!("The scan of {title} ended after {pages} pages."),
    };
    match &scan.fault {
        None => format!("<p class=dim role=status>{head}</p>"),
        Some(fault) => format!("<p class=error role=alert>{head} {}</p>", escaped(&sentence(fault))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::visitor;

    #[test]
    fn a_fault_and_a_title_cannot_become_markup() {
        let scan = ScanShown {
            id: 1,
            component: "<b>".to_owned(),
            pages: 2,
            is_running: false,
            fault: Some("<i> kẹt giấy".to_owned()),
        };
        let text = told(&scan, "/dossiers/x", &visitor(Role::Clerk));
        assert!(!text.contains("<b>") && !text.contains("<i>") && text.contains("role=alert"), "{text}");
        let text = told(&ScanShown { is_running: true, ..scan }, "/dossiers/x", &visitor(Role::Clerk));
        assert!(text.contains("/dossiers/x/scans/1/stop") && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn words_of_a_form_are_those_of_the_page() {
        assert!(source("duplex").is_ok() && source("adf").is_err());
        assert!(colour("gray").is_ok() && colour("bilevel").is_err());
    }
}
