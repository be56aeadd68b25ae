//! A dossier checked, as `sohoa verify` does, and handed on as a ZIP file, as `sohoa dossier export` does.

use std::fs::{self, File};
use std::io;
use std::path::Path as OnDisk;
use std::time::Duration;

use axum::Form;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::export::{ExportError, export};
use crate::http::api::code;
use crate::http::arrive::disk;
use crate::http::html::{escaped, in_path, sentence};
use crate::http::problem::Problem;
use crate::http::session::{Proof, Visitor, wrong_form};
use crate::http::uploads::random_name;
use crate::http::{App, Shared};
use crate::model::{DossierCode, Lang, Localized};
use crate::publish::{OutputDir, PublishError};
use crate::service::corrected;
use crate::verify::{self, Trust, Verification};

use super::files::pieces;
use super::keys::{EXPORT, VERIFY};
use super::page;

/// Folder of ZIP files on their way, in the store's directory.
const FOLDER: &str = "exports";
/// How often and how long the directory is waited for while the service writes there.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// The buttons on the page of a dossier; none for who may not.
pub(super) fn buttons(code: &DossierCode, visitor: &Visitor) -> String {
    if !visitor.account.role.may_read_papers() {
        return String::new();
    }
    let (path, lang) = (in_path(code.as_str()), visitor.lang);
    let button = |action: &str, act: &super::keys::Act| {
        format!(
            "<form method=post action=\"/dossiers/{path}/{action}\"><input type=hidden name=form value={}>\
             <button class=quiet{}>{}</button></form>",
            visitor.form_token,
            act.attribute(),
            act.label(lang),
        )
    };
    let left_out =
        lang.pick("Gói ZIP không có giấy tờ chưa xử lý xong.", "Papers that are not made yet are not in the ZIP file.");
    format!(
        "<div class=act>{}{}<p class=dim>{left_out}</p></div>",
        button("verify", &VERIFY),
        button("export", &EXPORT)
    )
}

/// Checks a dossier's directory, and says what was found.
pub(super) async fn check(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    let code = allowed(&visitor, &headers, proof, &text)?;
    let (account, lang) = (visitor.account.id, visitor.lang);
    let (back, title) = (format!("/dossiers/{}", in_path(code.as_str())), code.to_string());
    let body = app
        .blocking(move |app| {
            let found = app.verified(&code)?;
            let kind = if found.has_faults() { "found-faulty" } else { "verified" };
            app.store.did(account, kind, Some(code.as_str()), None, app.now())?;
            Ok(told(&found, lang))
        })
        .await?;
    let name = lang.pick("Kiểm tra hồ sơ", "Verification of dossier");
    let again = lang.pick("← Về hồ sơ", "← To the dossier");
    let body = format!("<p><a href=\"{back}\">{again}</a></p><h1>{name} {}</h1>{body}", escaped(&title));
    Ok(page(StatusCode::OK, lang, name, Some(&visitor), &back, &body))
}

/// A dossier as a ZIP file.
pub(super) async fn hand_on(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
) -> Result<Response, Problem> {
    let code = allowed(&visitor, &headers, proof, &text)?;
    let name = format!("{}.zip", in_path(code.as_str()));
    // A dossier is in memory while it is packed: one at a time.
    let _alone = app.exporting.acquire().await.map_err(|_| Problem::Internal)?;
    let (file, length) = app.blocking(move |app| app.packed(&code, visitor.account.id)).await?;
    let mut response = Body::from_stream(pieces(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CONTENT_LENGTH, length.into());
    let disposition = format!("attachment; filename={name}");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&disposition).map_err(|_| Problem::Internal)?);
    Ok(response)
}

fn allowed(
    visitor: &Visitor,
    headers: &HeaderMap,
    proof: Result<Form<Proof>, FormRejection>,
    text: &str,
) -> Result<DossierCode, Problem> {
    visitor.check(headers, &proof.map_err(|_| wrong_form())?.form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    code(text)
}

/// Makes the folder of ZIP files, without those that a killed service left.
pub(in crate::http) fn clear_exports(directory: &OnDisk) -> io::Result<()> {
    let folder = directory.join(FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir(folder)
}

impl App {
    /// What is found in a dossier's directory, while nobody writes there.
    fn verified(&self, code: &DossierCode) -> Result<Verification, Problem> {
        let dossier = self.store.dossier(Some(code.as_str()))?;
        let newest = dossier.components.iter().filter(|component| component.is_newest);
        let published = newest.flat_map(|component| &component.published).next();
        let directory = published.ok_or(Problem::Export(ExportError::Nothing))?.directory.clone();
        let directory = OnDisk::new(&directory);
        // It would be made anew by being taken up.
        if !directory.is_dir() {
            return Err(Problem::FileChanged);
        }
        let mut tries = 0;
        let _held = loop {
            match OutputDir::open(directory) {
                Err(PublishError::InUse(_)) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                opened => break opened.map_err(|error| Problem::Export(ExportError::Ledger(error.into())))?,
            }
        };
        let (roots, required) = self.settings.roots.clone();
        Ok(verify::directory(directory, &Trust { roots, required, at: (self.clock)() }))
    }

    /// A dossier packed: the file, which no name leads to any more, and its size.
    fn packed(&self, code: &DossierCode, account: i64) -> Result<(File, u64), Problem> {
        let dossier = self.store.dossier(Some(code.as_str()))?;
        let name = random_name().map_err(|_| Problem::Internal)?;
        let path = self.store.directory().join(FOLDER).join(format!("{name}.zip"));
        let rules = self.settings.service.taught.rules(&self.store);
        let corrected = corrected(&self.store, &dossier, &rules)?;
        let packed = export(&dossier, &self.settings.records, &corrected, &path).map_err(refused)?;
        let opened = File::open(&packed.path);
        fs::remove_file(&packed.path).map_err(disk)?;
        let file = opened.map_err(disk)?;
        let length = file.metadata().map_err(disk)?.len();
        self.store.did(account, "exported", Some(code.as_str()), None, self.now())?;
        Ok((file, length))
    }
}

/// What an export that fails means for the person.
fn refused(error: ExportError) -> Problem {
    match error {
        ExportError::Io { source, .. } => disk(source),
        ExportError::Nothing | ExportError::Altered(_) | ExportError::Ledger(_) => Problem::Export(error),
        _ => Problem::Internal,
    }
}

/// What was found, in words.
fn told(found: &Verification, lang: Lang) -> String {
    let Verification { files, pages, sources, signatures, .. } = found;
    let counts = match lang {
        Lang::Vi => format!("{files} tệp, {pages} trang, {signatures} chữ ký, {sources} ảnh gốc"),
        Lang::En => format!("{files} files, {pages} pages, {signatures} signatures, {sources} sources"),
    };
    let name = |path: &OnDisk| escaped(&path.file_name().unwrap_or_default().to_string_lossy());
    let faults: String = found
        .findings
        .iter()
        .filter(|finding| finding.issue.is_fault())
        .map(|finding| format!("<li>{}: {}</li>", name(&finding.path), escaped(&finding.issue.message(lang))))
        .collect();
    let remarks: String = found
        .remarks(lang)
        .iter()
        .map(|remark| {
            let what = match (remark.count, lang) {
                (1, _) => name(remark.path),
                (count, Lang::Vi) => format!("{count} tệp"),
                (count, Lang::En) => format!("{count} files"),
            };
            format!("<li>{what}: {}</li>", escaped(&remark.message))
        })
        .collect();
    let verdict = match found.has_faults() {
        false => {
            format!("<p class=\"note good\" role=status><b>{}</b> {counts}.</p>", lang.pick("Đúng:", "Good:"))
        }
        true => format!(
            "<p class=error role=alert>{} {counts}. {}</p><ul class=why>{faults}</ul>",
            lang.pick("Có sai lệch:", "Not good:"),
            sentence(lang.pick(
                "hãy báo người quản trị và không gửi hồ sơ này đi",
                "tell the administrator, and do not hand this dossier on"
            )),
        ),
    };
    let remarks = match remarks.is_empty() {
        true => remarks,
        false => format!("<h2>{}</h2><ul>{remarks}</ul>", lang.pick("Ghi chú", "Remarks")),
    };
    format!("{verdict}{remarks}")
}
