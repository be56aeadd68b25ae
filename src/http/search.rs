//! Searching in the papers that were published, for the desk and over the API: that it was asked is written down before it is
//! answered, and not what, which is names of people.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Date;

use crate::search::{Found, Hit, Index, Question, SearchError, date};
use crate::service::SEARCH_FOLDER;

use super::problem::Problem;
use super::{App, Shared};

/// Longest text of a field, characters.
pub(super) const LONGEST: usize = 200;

/// Hits where nothing is said, and the most.
const HITS: u16 = 20;
const MOST_HITS: u16 = 200;
/// Hits that may be passed over: of more nobody asks.
const MOST_SKIPPED: u16 = 10_000;

impl App {
    /// Answers a question of this account; `None` asks over the API. The inner error is what is wrong with the question or the index.
    pub(super) fn find(
        &self,
        question: &Question,
        most: usize,
        account: Option<i64>,
    ) -> Result<Result<Found, SearchError>, Problem> {
        let folder = self.store.directory().join(SEARCH_FOLDER);
        let found = Index::open_to_ask(&folder).and_then(|index| {
            let found = index.find(question, most)?;
            Ok((index.trace(question, &found), found))
        });
        let (trace, found) = match found {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        self.store.searched(account, &trace, self.now())?;
        Ok(Ok(found))
    }
}

/// What is asked in the address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    text: String,
    owner: Option<String>,
    number: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    dossier: Option<String>,
    from: Option<String>,
    until: Option<String>,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    skip: u16,
    limit: Option<u16>,
}

impl Asked {
    fn question(self) -> Result<(Question, u16), Problem> {
        let limit = self.limit.unwrap_or(HITS);
        if !(1..=MOST_HITS).contains(&limit) || self.skip > MOST_SKIPPED {
            return Err(Problem::Request(
                "`limit` phải từ 1 đến 200, `skip` đến 10000",
                "`limit` must be 1 to 200, `skip` up to 10000",
            ));
        }
        let texts = [&self.owner, &self.number, &self.id, &self.kind, &self.dossier].into_iter().flatten();
        if texts.chain([&self.text]).any(|text| text.chars().count() > LONGEST) {
            return Err(Problem::Request("từ cần tìm quá dài", "what is looked for is too long"));
        }
        let day = |text: Option<String>| -> Result<Option<Date>, Problem> {
            let wrong = Problem::Request("ngày phải có dạng 2025-03-14", "a date must look like 2025-03-14");
            text.map(|text| date(&text).ok_or(wrong)).transpose()
        };
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let question = Question {
            text: self.text,
            owner: given(self.owner),
            number: given(self.number),
            identity: given(self.id),
            kind: given(self.kind),
            dossier: given(self.dossier),
            from: day(self.from)?,
            until: day(self.until)?,
            is_strict: self.exact,
            skip: self.skip.into(),
        };
        Ok((question, limit))
    }
}

/// The pages that are found.
pub(super) async fn search(
    State(app): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let wrong = |_| Problem::Request("tham số trên địa chỉ không đúng", "the query is wrong");
    let (question, limit) = asked.map_err(wrong)?.0.question()?;
    let found = app.blocking(move |app| app.find(&question, limit.into(), None)).await?.map_err(Problem::Search)?;
    let hits: Vec<Value> = found.hits.iter().map(Hit::to_json).collect();
    Ok(Json(json!({"hits": hits, "more": found.has_more, "cut": found.is_cut})))
}
