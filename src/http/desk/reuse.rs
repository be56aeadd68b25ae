//! Papers that need not be brought again (*tái sử dụng*): those of a dossier's owner, and of whoever its papers are of, that lie
//! signed in other dossiers. Which they are is a look into other dossiers: who looks is written down before it is shown.

use std::fs;
use std::path::Path as FilePath;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use time::Date;
use time::format_description::well_known::Iso8601;

use crate::http::api::code;
use crate::http::arrive::{Capture, tidy};
use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::{Visitor, to, wrong_form};
use crate::http::{App, Shared};
use crate::manifest::sha256_hex;
use crate::model::{DossierCode, Lang};
use crate::search::{Index, Paper, SearchError};
use crate::service::SEARCH_FOLDER;
use crate::store::{ComponentShown, State as ComponentState, StoreError};

use super::page;

/// Where the files of papers come from that are used again.
const REUSE: &str = "reuse";

/// Which paper is used again.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Chosen {
    form: String,
    paper: i64,
}

/// The papers that could be used again.
pub(super) async fn papers(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let code = code(&text)?;
    let (account, path) = (visitor.account.id, format!("/dossiers/{}", in_path(code.as_str())));
    let today = (app.clock)().date();
    let dossier = code.clone();
    let offers = app
        .blocking(move |app| {
            let offers = app.offers(&dossier, &app.papers_of(&dossier)?)?;
            let count = offers.len().to_string();
            app.store.did(account, "looked-for-papers", Some(dossier.as_str()), Some(&count), app.now())?;
            Ok(offers)
        })
        .await?;
    let lang = visitor.lang;
    let entries: String = offers.iter().map(|offer| entry(offer, &path, today, &visitor)).collect();
    let list = match entries.is_empty() {
        true => format!(
            "<p>{}</p>",
            lang.pick(
                "Không có giấy tờ nào của người này trong các hồ sơ khác.",
                "There are no papers of this person in other dossiers."
            )
        ),
        false => format!("<ul class=components>{entries}</ul>"),
    };
    let title = lang.pick("Giấy tờ đã có", "Papers that are there");
    let body = format!(
        "<p><a href=\"{path}\">← {}</a></p><h1>{title}</h1><p class=dim>{}</p>{list}",
        escaped(code.as_str()),
        lang.pick(
            "Bản đã ký được đưa nguyên vẹn vào hồ sơ này, không phải quét lại. Người tiếp nhận kiểm tra giấy tờ còn hiệu lực.",
            "The signed file comes into this dossier as it is, and nothing is scanned again. Whether the paper is still valid is for \
             who receives it to check."
        ),
    );
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), &path, &body))
}

/// Brings the signed file of a paper into a dossier, and leads back to it.
pub(super) async fn reuse(
    State(app): State<Shared>,
    visitor: Visitor,
    Path(text): Path<String>,
    headers: HeaderMap,
    typed: Result<Form<Chosen>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(Chosen { form, paper }) = typed.map_err(|_| wrong_form())?;
    visitor.check(&headers, &form)?;
    if !visitor.account.role.may_read_papers() {
        return Err(Problem::Role);
    }
    let code = code(&text)?;
    let (account, path) = (visitor.account.id, format!("/dossiers/{}", in_path(code.as_str())));
    app.blocking(move |app| app.use_again(&code, paper, account)).await?;
    Ok(to(&path))
}

/// A paper that could be used again.
struct Offer {
    paper: Paper,
    /// Its newest version is signed.
    is_signed: bool,
}

impl App {
    /// What a dossier's page says of papers that could be used again: how many there are. Which ones is on a page of its own.
    pub(super) fn offer_part(
        &self,
        code: &DossierCode,
        papers: &[ComponentShown],
        visitor: &Visitor,
    ) -> Result<String, Problem> {
        if !visitor.account.role.may_read_papers() {
            return Ok(String::new());
        }
        let (lang, count) = (visitor.lang, self.offers(code, papers)?.len());
        let told = match (count, lang) {
            (0, _) => return Ok(String::new()),
            (count, Lang::Vi) => format!("{count} giấy tờ của người này đã có trong hồ sơ khác"),
            (1, Lang::En) => "1 paper of this person is in another dossier".to_owned(),
            (count, Lang::En) => format!("{count} papers of this person are in other dossiers"),
        };
        Ok(format!(
            "<p class=note>{told}. <a href=\"/dossiers/{}/reuse\">{}</a></p>",
            in_path(code.as_str()),
            lang.pick("Xem và dùng lại", "Look, and use them again"),
        ))
    }

    /// The components of a dossier; none where it has not begun.
    fn papers_of(&self, code: &DossierCode) -> Result<Vec<ComponentShown>, Problem> {
        match self.store.dossier(Some(code.as_str())) {
            Ok(dossier) => Ok(dossier.components),
            Err(StoreError::NoDossier(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Papers in other dossiers that are of the owner of this one, or of the person and the kind of a paper in it, but for those that are
    /// used again here already.
    fn offers(&self, code: &DossierCode, papers: &[ComponentShown]) -> Result<Vec<Offer>, Problem> {
        // Without an index nobody knows whose the papers are.
        let Ok(index) = Index::open_to_ask(&self.store.directory().join(SEARCH_FOLDER)) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        if let Some(owner) = self.store.said_of_dossier(code.as_str())?.owner {
            match index.papers_of(&owner) {
                // An organisation is the owner.
                Err(SearchError::Identity) => {}
                papers => found.extend(papers.map_err(searching)?),
            }
        }
        for paper in papers.iter().filter(|paper| paper.is_newest && paper.reused.is_none()) {
            found.extend(index.papers_like(paper.id).map_err(searching)?);
        }
        let is_used = |paper: &Paper| {
            papers.iter().filter_map(|one| one.reused.as_ref()).any(|reused| reused.original == paper.component)
        };
        found.retain(|paper| paper.dossier.as_deref() != Some(code.as_str()) && !is_used(paper));
        found.sort_by_key(|paper| std::cmp::Reverse(paper.component));
        found.dedup();
        let mut offers = Vec::new();
        for paper in found {
            let component = match self.store.component(paper.component) {
                Ok(listed) => listed.component,
                Err(StoreError::NoComponent(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            // Of a paper that was used again the original is offered.
            if component.reused.is_none() {
                offers.push(Offer { paper, is_signed: component.state == ComponentState::Done });
            }
        }
        Ok(offers)
    }

    /// Takes the signed files of a paper in as a component of a dossier. Done twice, the second time changes nothing.
    fn use_again(&self, code: &DossierCode, paper: i64, account: i64) -> Result<(), Problem> {
        let papers = self.papers_of(code)?;
        if papers.iter().filter_map(|one| one.reused.as_ref()).any(|reused| reused.original == paper) {
            return Ok(());
        }
        let original = self.store.component(paper)?.component;
        let files: Vec<_> = original.published.iter().filter_map(|one| Some((one, one.file.as_ref()?))).collect();
        if original.state != ComponentState::Done || files.is_empty() {
            return Err(Problem::Request(
                "giấy tờ này chưa ký số nên chưa dùng lại được; hãy ký trước",
                "this paper is not signed, so it cannot be used again yet; sign it first",
            ));
        }
        let is_taken = papers.iter().any(|one| one.title.to_lowercase() == original.title.to_lowercase());
        // What was scanned here already stays what it is.
        let title = if is_taken { format!("{} (dùng lại)", original.title) } else { original.title };
        let title = tidy(&title).unwrap_or(title);
        for (published, (file, sha256)) in files {
            let path = FilePath::new(&published.directory).join(file);
            if fs::read(&path).map(|bytes| sha256_hex(&bytes)).ok().as_ref() != Some(sha256) {
                return Err(Problem::Request(
                    "tệp đã ký của giấy tờ này đã bị sửa hoặc mất; hãy chạy `sohoa verify` ở hồ sơ gốc",
                    "the signed file of this paper was changed or is gone; run `sohoa verify` on its dossier",
                ));
            }
            let name = format!("{code}/{file}");
            let capture =
                Capture { source: REUSE, dossier: Some(code), component: Some(&title), name: &name, sent: paper };
            let accepted = self.accept(&path, &capture)?;
            self.store.reuse(account, accepted, paper, self.now())?;
        }
        Ok(())
    }
}

fn searching(error: SearchError) -> Problem {
    match error {
        SearchError::Database(error) => Problem::Store(StoreError::Database(error)),
        _ => Problem::Internal,
    }
}

/// A paper with the button that brings it.
fn entry(offer: &Offer, path: &str, today: Date, visitor: &Visitor) -> String {
    let (lang, paper) = (visitor.lang, &offer.paper);
    let until = paper.valid_until.as_deref().map(|until| match Date::parse(until, &Iso8601::DATE) {
        Ok(day) if day < today => (true, format!("{:02}/{:02}/{}", day.day(), u8::from(day.month()), day.year())),
        Ok(day) => (false, format!("{:02}/{:02}/{}", day.day(), u8::from(day.month()), day.year())),
        Err(_) => (false, until.to_owned()),
    });
    let valid = match &until {
        None => lang.pick("không ghi thời hạn", "no end of validity is written on it").to_owned(),
        Some((true, day)) => format!("{} {day}", lang.pick("đã hết hạn", "not valid since")),
        Some((false, day)) => format!("{} {day}", lang.pick("có giá trị đến", "valid until")),
    };
    let is_expired = matches!(until, Some((true, _)));
    let known = [paper.kind.clone(), paper.number.clone(), paper.day(), paper.dossier.clone(), Some(valid)];
    let known: Vec<String> = known.into_iter().flatten().map(|text| escaped(&text)).collect();
    let act = match (offer.is_signed, is_expired) {
        (_, true) => String::new(),
        (false, _) => format!("<p class=dim>{}</p>", lang.pick("chưa ký", "not signed yet")),
        (true, false) => format!(
            "<form method=post action=\"{path}/reuse\"><input type=hidden name=form value={}>\
             <input type=hidden name=paper value={}><button>{}</button></form>",
            visitor.form_token,
            paper.component,
            lang.pick("Dùng lại trong hồ sơ này", "Use it again in this dossier"),
        ),
    };
    let state = if is_expired { "failed" } else { "done" };
    format!(
        "<li class={state}><h2><a href=\"/components/{}/pages\">{}</a></h2><p class=dim>{}</p>{act}</li>",
        paper.component,
        escaped(&paper.title),
        known.join(" · "),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::account::Role;
    use crate::http::desk::tests::visitor;

    #[test]
    fn a_paper_is_offered_with_its_validity_and_brought_only_where_it_is_of_use() {
        let paper = Paper {
            component: 7,
            version: 1,
            title: "<b>".to_owned(),
            dossier: Some("H21-250701-0012".to_owned()),
            kind: None,
            number: Some("12/2025".to_owned()),
            date: Some("2025-03-14".to_owned()),
            valid_until: Some("2030-01-15".to_owned()),
        };
        let visitor = visitor(Role::Clerk);
        let shown = |paper: &Paper, is_signed| {
            entry(&Offer { paper: paper.clone(), is_signed }, "/dossiers/a", date!(2026 - 12 - 01), &visitor)
        };
        let valid = shown(&paper, true);
        assert!(valid.contains("15/01/2030") && valid.contains("14/03/2025") && valid.contains("<button>"), "{valid}");
        assert!(!valid.contains("<b>"), "{valid}");
        assert!(!shown(&paper, false).contains("<button>"));
        let expired = shown(&Paper { valid_until: Some("2026-11-30".to_owned()), ..paper.clone() }, true);
        assert!(!expired.contains("<button>") && expired.contains("30/11/2026"), "{expired}");
        let lasting = shown(&Paper { valid_until: Some("Lâu dài".to_owned()), ..paper }, true);
        assert!(lasting.contains("Lâu dài") && lasting.contains("<button>"), "{lasting}");
    }
}
