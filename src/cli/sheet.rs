//! `sohoa sheet`: cover and separator sheets to print.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use sohoa::codes::sheet::Sheet as Kind;
use sohoa::exit::ExitCode;
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::pdf::writer::DocumentInfo;
use sohoa::sheet::{self, Printed};

use super::args::Sheet;
use super::{Failure, environment, print};

/// Writes the sheets of the command line into one PDF file.
pub(super) fn run(command: &Sheet, lang: Lang) -> Result<ExitCode, Failure> {
    let separator = |component| Printed { sheet: Kind::Separator(component), procedure: None, components: Vec::new() };
    let each: Vec<Printed> = match &command.dossier {
        Some(code) => vec![Printed {
            sheet: Kind::Cover(code.clone()),
            procedure: command.procedure.clone(),
            components: command.component.clone(),
        }],
        None if command.component.is_empty() => vec![separator(None)],
        None => command.component.iter().map(|name| separator(Some(name.clone()))).collect(),
    };
    let sheets: Vec<Printed> = each.iter().flat_map(|sheet| vec![sheet.clone(); usize::from(command.count)]).collect();
    let title = match &command.dossier {
        Some(code) => format!("{} {code}", lang.pick("Tờ bìa hồ sơ", "Cover sheet")),
        None => lang.pick("Tờ phân cách", "Separator sheets").to_owned(),
    };
    let info = DocumentInfo {
        title,
        language: lang.pick("vi-VN", "en").to_owned(),
        created: environment::now(lang)?,
        producer: concat!("sohoa ", env!("CARGO_PKG_VERSION")).to_owned(),
        subject: None,
        keywords: None,
    };
    let file = sheet::pdf(&sheets, &info, lang).map_err(|error| Failure::new(ExitCode::Usage, error.message(lang)))?;
    write(&command.out, &file).map_err(|error| {
        Failure::new(ExitCode::Output, format!("{}: {}", shown(&command.out), io_reason(error.kind(), lang)))
    })?;
    let (count, place) = (sheets.len(), shown(&command.out));
    let text = match lang {
        Lang::Vi => format!("{count} tờ → {place}\n"),
        Lang::En => format!("{count} sheets → {place}\n"),
    };
    print(text.as_bytes())
}

/// Writes a file beside and puts it in place whole.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = Path::new(&temporary);
    let written = File::create(temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(temporary, path));
    if placed.is_err() {
        // What is left of it is no sheet; the error is what counts.
        drop(fs::remove_file(temporary));
    }
    placed
}
