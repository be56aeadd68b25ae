//! `sohoa search`: pages that have what is looked for.

use clap::Args as ClapArgs;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized};
use sohoa::search::{Found, Hit, How, Index, Question, SearchError, date};
use sohoa::service::{self, SEARCH_FOLDER};
use sohoa::store::Store;
use time::Date;

use super::args::Shared;
use super::dossier::ShownOptions;
use super::serve::store_failure;
use super::{Failure, environment, print, remark};

#[derive(Debug, ClapArgs)]
pub(super) struct Search {
    /// Words, with or without marks; those in quotation marks stand side by side
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Name of the owner, or words of it
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Number or symbol of the paper
    #[arg(long, value_name = "TEXT")]
    number: Option<String>,
    /// The owner's number, 12 digits or 9
    #[arg(long = "id", value_name = "DIGITS")]
    identity: Option<String>,
    /// Kind of paper
    #[arg(long, value_name = "TEXT")]
    kind: Option<String>,
    /// Code of the dossier
    #[arg(long, value_name = "CODE")]
    dossier: Option<String>,
    /// First date of the paper, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Date>,
    /// Last date of the paper, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = day)]
    until: Option<Date>,
    /// Only words with the very marks that are typed
    #[arg(long)]
    exact: bool,
    /// Hits to pass over [default: 0]
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    skip: usize,
    /// Hits to show [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200), default_value = "20",
          hide_default_value = true)]
    most: u16,
    #[command(flatten)]
    shown: ShownOptions,
}

fn day(text: &str) -> Result<Date, &'static str> {
    date(text).ok_or("YYYY-MM-DD, DD/MM/YYYY")
}

/// Answers one question. That it was asked is written down before the answer is shown.
pub(super) fn run(command: &Search, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |_| {})?;
    let store = Store::open_existing(&command.shown.data.directory(&config));
    let store = store.map_err(|error| store_failure(&error, lang))?;
    let index = Index::open_to_ask(&store.directory().join(SEARCH_FOLDER)).map_err(|error| failure(&error, lang))?;
    let question = Question {
        text: command.words.join(" "),
        owner: command.owner.clone(),
        number: command.number.clone(),
        identity: command.identity.clone(),
        kind: command.kind.clone(),
        dossier: command.dossier.clone(),
        from: command.from,
        until: command.until,
        is_strict: command.exact,
        skip: command.skip,
    };
    let found = index.find(&question, command.most.into()).map_err(|error| failure(&error, lang))?;
    let now = service::millis(environment::vietnam_time());
    store.searched(None, &index.trace(&question, &found), now).map_err(|error| store_failure(&error, lang))?;
    let lines: String = match command.shown.json {
        true => found.hits.iter().map(|hit| format!("{}\n", hit.to_json())).collect(),
        false => found.hits.iter().map(|hit| shown(hit, lang)).collect(),
    };
    if !command.shown.json {
        remark(&summary(&found, lang));
    }
    print(lines.as_bytes())
}

fn failure(error: &SearchError, lang: Lang) -> Failure {
    let code = match error {
        SearchError::Nothing | SearchError::Identity => ExitCode::Usage,
        SearchError::Missing(_) => ExitCode::NoInput,
        _ => ExitCode::Configuration,
    };
    Failure::new(code, error.message(lang))
}

/// A hit in two lines or more: which page, and its words, those found in square brackets.
fn shown(hit: &Hit, lang: Lang) -> String {
    let place =
        [hit.paper.dossier.as_deref(), Some(&hit.paper.title)].into_iter().flatten().collect::<Vec<_>>().join(" / ");
    let page = lang.pick("trang", "page");
    let fields = hit.known();
    let fields = if fields.is_empty() { String::new() } else { format!("  {}\n", fields.join(" · ")) };
    let near = if hit.how == How::Near { lang.pick(" (gần đúng)", " (like it)") } else { "" };
    format!("{place}, {page} {}{near}\n{fields}  {}\n", hit.page, hit.marked())
}

fn summary(found: &Found, lang: Lang) -> String {
    match (found.hits.len(), found.has_more || found.is_cut, lang) {
        (0, _, Lang::Vi) => "Không tìm thấy trang nào".to_owned(),
        (0, _, Lang::En) => "No page was found".to_owned(),
        (count, true, Lang::Vi) => format!("{count} trang, còn nữa"),
        (count, true, Lang::En) => format!("{count} pages, and there are more"),
        (count, false, Lang::Vi) => format!("{count} trang"),
        (count, false, Lang::En) => format!("{count} pages"),
    }
}
