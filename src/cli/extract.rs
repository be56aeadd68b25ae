//! `sohoa extract`: what papers say, as data: a summary for people, JSON and a table for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Deserialize;
use sohoa::config::Config;
use sohoa::exit::ExitCode;
use sohoa::extract::{self, Band, Check, Document, Example, Rules, Said, Sheet, Subject};
use sohoa::gather::{self, CaptureFile, GatherError, Gathered};
use sohoa::input::{self, Frame, InputError};
use sohoa::model::{Edit, Lang, Localized, io_reason, shown};
use sohoa::page::{self, Page, PageError};
use sohoa::publish::{OutputDir, PublishError};
use sohoa::shelf::Tools;

use super::args::{Extract, Shared};
use super::{Failure, environment, print, remark, stdout_failure};

/// Files of a component that are open at a time, for each thread.
const FILES_PER_THREAD: usize = 2;
/// Names of the table and of the workbook.
const TABLE: &str = "data.csv";
const WORKBOOK: &str = "data.xlsx";

/// A component with its data.
struct Read {
    name: String,
    document: Document,
}

/// Takes the data out of the inputs, or runs the tests of kinds.
pub(super) fn run(command: &Extract, shared: &Shared, lang: Lang) -> Result<ExitCode, Failure> {
    let config = environment::configuration(shared, lang, |raw| {
        let kinds = command.check_kinds.as_ref().or(command.kinds.as_ref());
        raw.extract.kinds = kinds.cloned().or(raw.extract.kinds.take());
        raw.extract.examples = command.examples.clone().or(raw.extract.examples.take());
    })?;
    let rules = environment::rules(&config)?;
    if command.check_kinds.is_some() {
        return check_kinds(&rules, lang);
    }
    let reader = environment::reader(&config)?.ok_or_else(|| {
        let message = lang.pick(
            "không có gì để bóc tách khi ocr.enabled = false; hãy bật lại trong tệp cấu hình",
            "there is nothing to take data from with ocr.enabled = false; switch it on in the configuration",
        );
        Failure::new(ExitCode::Usage, message)
    })?;
    let gathered = gathered(command, lang)?;
    let said = command.teach.as_deref().map(|path| said(path, &gathered, lang)).transpose()?;
    // Before the work: whoever has the directory, or a file there, is told at once.
    let output = command.out.as_deref().map(|out| output(out, &gathered, lang)).transpose()?;
    let tools = environment::tools(&config, Some(reader))?;
    let mut code = ExitCode::Done;
    let mut all = Vec::new();
    for (at, component) in gathered.into_iter().enumerate() {
        let pages = pages(&component, &tools, &config, &mut code);
        if pages.is_empty() {
            continue;
        }
        let sheets: Vec<Sheet<'_>> = pages.iter().map(sheet).collect();
        let read = Read { name: component.name, document: extract::read(&sheets, &rules.kinds) };
        match &said {
            Some(said) => teach(&Example::of(&sheets, &rules.kinds, &said[at]))?,
            None => tell(&read, &rules, command.json, lang)?,
        }
        all.push(read);
    }
    if all.is_empty() && code != ExitCode::Secret {
        code = ExitCode::NoInput;
    }
    if let Some(output) = output {
        write(&output, &all, &rules, lang)?;
    }
    Ok(code)
}

/// A line of what somebody said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The component; may be left out where there is one.
    component: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

/// What somebody said of each of the components.
fn said(path: &Path, gathered: &[Gathered], lang: Lang) -> Result<Vec<Said>, Failure> {
    let failure = |message: String| Failure::new(ExitCode::Configuration, format!("{}: {message}", shown(path)));
    let text = fs::read_to_string(path).map_err(|error| failure(io_reason(error.kind(), lang)))?;
    let lines: Vec<Line> = environment::json_lines(&text).collect::<Result<_, _>>().map_err(|(line, error)| {
        let form = r#"{"component": "…", "kind": "…", "values": {"field": "…"}}"#;
        failure(match lang {
            Lang::Vi => format!("dòng {line} phải có dạng {form} ({error})"),
            Lang::En => format!("line {line} must have the form {form} ({error})"),
        })
    })?;
    let of = |component: &Gathered| {
        let is_its = |line: &&Line| match &line.component {
            Some(name) => *name == component.name,
            None => gathered.len() == 1,
        };
        let Some(Line { kind, values, .. }) = lines.iter().find(is_its) else {
            let name = &component.name;
            return Err(failure(match lang {
                Lang::Vi => format!("không có dòng nào nói về thành phần {name}; hãy thêm \"component\": \"{name}\""),
                Lang::En => format!("no line is of the component {name}; add one with \"component\": \"{name}\""),
            }));
        };
        Ok(Said { kind: kind.clone(), values: values.clone() })
    };
    gathered.iter().map(of).collect()
}

fn teach(example: &Example) -> Result<(), Failure> {
    let text = serde_json::to_string(example).map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    print(format!("{text}\n").as_bytes()).map(|_| ())
}

fn gathered(command: &Extract, lang: Lang) -> Result<Vec<Gathered>, Failure> {
    let (gathered, passed_over) = gather::gather(&command.inputs, command.out.as_deref()).map_err(|error| {
        let code = match error {
            GatherError::OutputInsideInput(_) => ExitCode::Usage,
            _ => ExitCode::NoInput,
        };
        Failure::new(code, error.message(lang))
    })?;
    for item in passed_over {
        remark(&format!("{}: {}", shown(item.path()), item.message(lang)));
    }
    if gathered.is_empty() {
        let message = lang.pick("không có ảnh nào trong đầu vào", "there is no picture in the input");
        return Err(Failure::new(ExitCode::NoInput, message));
    }
    Ok(gathered)
}

/// The output, in which nothing has a name that will be needed.
fn output(path: &Path, gathered: &[Gathered], lang: Lang) -> Result<OutputDir, Failure> {
    let output = OutputDir::open(path).map_err(|error| publish_failure(&error, lang))?;
    let names = gathered.iter().map(|component| data_name(&component.name)).chain([TABLE, WORKBOOK].map(str::to_owned));
    for path in names.map(|name| output.path().join(name)) {
        if fs::symlink_metadata(&path).is_ok() {
            return Err(publish_failure(&PublishError::InTheWay(path), lang));
        }
    }
    Ok(output)
}

fn publish_failure(error: &PublishError, lang: Lang) -> Failure {
    Failure::new(ExitCode::Output, error.message(lang))
}

fn data_name(component: &str) -> String {
    format!("{component}.data.json")
}

/// The pages of a component in their order, none where one bears a mark of secrecy. What cannot be read is told, and makes the end
/// another.
fn pages(component: &Gathered, tools: &Tools, config: &Config, code: &mut ExitCode) -> Vec<Page> {
    let limits = &tools.settings.limits;
    let mut pages = Vec::new();
    let mut is_secret = false;
    // So many files at a time are in memory, enough to keep all threads busy.
    for files in component.files.chunks(FILES_PER_THREAD * tools.pool.workers()) {
        let open = |file: &CaptureFile| input::open(gather::read(&file.path, limits)?, limits);
        let opened: Vec<Result<Vec<Frame>, InputError>> = files.iter().map(open).collect();
        let places =
            || files.iter().zip(&opened).flat_map(|(file, frames)| frames.iter().flatten().map(move |f| (file, f)));
        let items: Vec<&Frame> = places().map(|(_, frame)| frame).collect();
        let mut made: Vec<Option<Result<Page, PageError>>> = items.iter().map(|_| None).collect();
        tools.pool.run(
            &items,
            |frame| page::memory_bytes(frame),
            |frame| page::process(frame, &tools.settings, &Edit::default(), tools.engine()),
            |index, result| {
                made[index] = Some(result.map_err(PageError::from).flatten());
                ControlFlow::Continue(())
            },
        );
        let unopened = files
            .iter()
            .zip(&opened)
            .filter_map(|(file, frames)| Some((file, frames.as_ref().err()?.message(config.lang))));
        let mut failed: Vec<(&CaptureFile, String)> = unopened.collect();
        for ((file, _), result) in places().zip(made.into_iter().flatten()) {
            match result {
                Ok(page) => pages.push(page),
                Err(error) => {
                    is_secret |= matches!(error, PageError::Secret(_));
                    failed.push((file, error.message(config.lang)));
                }
            }
        }
        for (file, message) in failed {
            remark(&format!("{}: {message}", shown(&file.name)));
            *code = if *code == ExitCode::Secret { ExitCode::Secret } else { ExitCode::Incomplete };
        }
    }
    if is_secret {
        *code = ExitCode::Secret;
        pages.clear();
    }
    pages
}

fn sheet(page: &Page) -> Sheet<'_> {
    Sheet { width: page.width, height: page.height, text: &page.text, codes: &page.codes }
}

fn tell(read: &Read, rules: &Rules, json: bool, lang: Lang) -> Result<(), Failure> {
    let text = match json {
        true => format!("{}\n", extract::json(&read.document, subject(read), &rules.records)),
        false => summary(read, lang),
    };
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_failure(&error))
}

fn subject(read: &Read) -> Subject<'_> {
    Subject { component: &read.name, ..Subject::default() }
}

/// A paper for people: its kind, then a line for each value with how far to trust it.
fn summary(read: &Read, lang: Lang) -> String {
    let kind = match &read.document.kind {
        Some(kind) => {
            let trust = trust(kind.confidence, Band::of(kind.confidence), lang);
            format!("{} ({trust})", lang.pick(&kind.name, &kind.name_en))
        }
        None => lang.pick("không rõ loại giấy tờ", "of no known kind").to_owned(),
    };
    let mut text = format!("{}: {kind}\n", read.name);
    for value in &read.document.values {
        let trust = trust(value.confidence, value.band, lang);
        let doubt = if value.check == Check::Failed { lang.pick(", KHÔNG KHỚP", ", DOES NOT FIT") } else { "" };
        let page = if read.document.pages > 1 {
            format!(", {} {}", lang.pick("trang", "page"), value.page)
        } else {
            String::new()
        };
        let title = lang.pick(&value.title, &value.title_en);
        // What is read may hold what a terminal obeys.
        let shown = shown(Path::new(&extract::as_people_write(&value.value)));
        _ = writeln!(text, "  {title}: {shown}  [{trust}{doubt}{page}]");
    }
    text
}

fn trust(confidence: f32, band: Band, lang: Lang) -> String {
    format!("{:.0} %, {}", confidence * 100.0, band.advice(lang))
}

fn write(output: &OutputDir, all: &[Read], rules: &Rules, lang: Lang) -> Result<(), Failure> {
    let text = |read: &Read| extract::text(&read.document, subject(read), &rules.records).into_bytes();
    let mut files: Vec<(String, Vec<u8>)> = all.iter().map(|read| (data_name(&read.name), text(read))).collect();
    let rows = || all.iter().map(|read| (read.name.as_str(), &read.document));
    let table = extract::table(rows()).map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    let book = extract::workbook(rows(), lang).map_err(|error| Failure::new(ExitCode::Internal, error.to_string()))?;
    files.extend([(TABLE.to_owned(), table), (WORKBOOK.to_owned(), book)]);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    output.write(&files).map_err(|error| publish_failure(&error, lang))
}

/// Runs the tests of all kinds, and says what is not found as they want it.
fn check_kinds(rules: &Rules, lang: Lang) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let mut code = ExitCode::Done;
    for checked in extract::check(&rules.kinds) {
        let verdict = match (checked.problems.is_empty(), checked.tests) {
            (_, 0) => lang.pick("không có phép thử", "has no tests"),
            (true, _) => lang.pick("đạt", "passes"),
            (false, _) => {
                code = ExitCode::Unmet;
                lang.pick("KHÔNG ĐẠT", "FAILS")
            }
        };
        _ = writeln!(text, "{}: {verdict} ({})", checked.kind, checked.tests);
        for (number, what, expected, found) in &checked.problems {
            _ = match lang {
                Lang::Vi => writeln!(text, "  phép thử {number}, {what}: cần {expected:?}, có {found:?}"),
                Lang::En => writeln!(text, "  test {number}, {what}: wanted {expected:?}, found {found:?}"),
            };
        }
    }
    print(text.as_bytes()).map(|_| code)
}
