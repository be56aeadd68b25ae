//! What became of a batch: a page for people, and tables and JSON for programs, in a folder of the output.
//!
//! `dossiers.csv`, `findings.csv` and `report.json` have everything; `report.html` has all of it but at most so many
//! pictures. They are made of the journal row by row, so that a batch of any size is reported in the same memory.

mod html;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use time::OffsetDateTime;

use crate::ledger::rfc3339;
use crate::model::{Lang, in_cell};
use crate::store::Millis;

use super::journal::{BoxShown, FindingShown, State, Tick, Totals, Unit};
use super::{Batch, BatchError, REPORT};

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file of the report.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A table.
    #[error(transparent)]
    Table(#[from] csv::Error),
    /// The journal.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// What stands at the top of a report.
struct Summary {
    totals: Totals,
    boxes: Vec<BoxShown>,
    ticks: Vec<Tick>,
    /// How many findings there are of each kind, the most frequent first.
    kinds: Vec<(String, u64)>,
    made: OffsetDateTime,
}

/// Words of a state, for programs and for people.
fn state(unit: &Unit) -> (&'static str, [&'static str; 2]) {
    match unit.state {
        State::Waiting => ("waiting", ["chưa làm", "waiting"]),
        State::Working => ("working", ["đang làm", "in work"]),
        State::Done => ("done", ["xong", "done"]),
        State::Failed => ("failed", ["lỗi", "failed"]),
    }
}

/// What a kind of finding is called.
fn kind_name(kind: &str, lang: Lang) -> &str {
    let (vi, en) = match kind {
        "quality" => ("Trang cần quét lại", "Pages that want a rescan"),
        "set-aside" => ("Tệp không đọc được", "Files that cannot be read"),
        "blank" => ("Trang trắng", "Blank pages"),
        "turned" => ("Trang đặt ngược hoặc ngang, đã xoay", "Pages that were turned"),
        "same-page" => ("Có vẻ quét trùng một tờ", "Papers captured twice, it seems"),
        "same-file" => ("Tệp trùng", "Files that are there twice"),
        "order" => ("Sai thứ tự trang", "Pages out of order"),
        "page-missing" => ("Thiếu trang theo số trang in", "Pages missing by the printed numbers"),
        "page-twice" => ("Trùng số trang in", "Printed numbers that come twice"),
        "other-dossier" => ("Mã hồ sơ khác trên trang", "Pages that bear another dossier's code"),
        "page-count" => ("Số trang khác mục lục", "Page counts that differ from the index"),
        "dossier-missing" => ("Hồ sơ trong mục lục không có trong nguồn", "Dossiers of the index that are not there"),
        "dossier-extra" => ("Hồ sơ không có trong mục lục", "Dossiers that the index has not"),
        "dossier-twice" => ("Mã hồ sơ trùng trong nguồn", "Dossiers whose code is there twice"),
        "row-twice" => ("Mã hồ sơ trùng trong mục lục", "Codes that the index has twice"),
        "passed-over" => ("Liên kết hoặc thư mục bị bỏ qua", "Links and folders that were passed over"),
        "dossier-gone" => {
            ("Hồ sơ đã số hóa nhưng không còn trong nguồn", "Dossiers made that are gone from the source")
        }
        "loose" => ("Tệp không thuộc hồ sơ nào", "Files in no dossier"),
        "notice" => ("Lưu ý", "Notices"),
        other => (other, other),
    };
    lang.pick(vi, en)
}

/// Writes the report of a batch, as it is at `now`.
///
/// # Errors
/// When a file cannot be written or the journal not be read.
pub fn write(batch: &Batch, lang: Lang, now: OffsetDateTime) -> Result<(), ReportError> {
    let folder = batch.output.join(REPORT);
    fs::create_dir_all(&folder)?;
    let mut kinds: Vec<(String, u64)> = Vec::new();
    batch.at(batch.journal.each_finding(|finding| match kinds.iter_mut().find(|(kind, _)| *kind == finding.kind) {
        Some((_, count)) => *count += 1,
        None => kinds.push((finding.kind, 1)),
    }))?;
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let summary = Summary {
        totals: batch.totals()?,
        boxes: batch.at(batch.journal.boxes())?,
        ticks: batch.at(batch.journal.ticks())?,
        kinds,
        made: now,
    };
    replace(&folder.join("dossiers.csv"), |out| dossiers(batch, lang, now, out))?;
    replace(&folder.join("findings.csv"), |out| findings(batch, lang, out))?;
    replace(&folder.join("report.json"), |out| program(batch, &summary, out))?;
    replace(&folder.join("report.html"), |out| html::write(batch, &summary, lang, out))
}

/// Writes a file beside and puts it in place.
fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let temporary = path.with_extension("part");
    let mut out = BufWriter::new(File::create(&temporary)?);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(fs::rename(&temporary, path)?)
}

/// A time of the journal in the zone of `now`.
fn written(time: Option<Millis>, now: OffsetDateTime) -> String {
    let time = time.and_then(|time| OffsetDateTime::from_unix_timestamp(time / 1000).ok());
    time.map_or_else(String::new, |time| rfc3339(time.to_offset(now.offset())))
}

/// The first failure of a walk through the journal, which itself cannot be broken off.
struct First<E>(Option<E>);

impl<E> First<E> {
    fn hear<T>(&mut self, result: Result<T, E>) {
        if self.0.is_none() {
            self.0 = result.err();
        }
    }
}

fn dossiers(batch: &Batch, lang: Lang, now: OffsetDateTime, out: &mut BufWriter<File>) -> Result<(), ReportError> {
    // Excel takes a table for UTF-8 only when it begins so.
    out.write_all("\u{feff}".as_bytes())?;
    let mut table = csv::Writer::from_writer(out);
    table.write_record(match lang {
        Lang::Vi => [
            "Hộp",
            "Mã hồ sơ",
            "Tiêu đề",
            "Năm",
            "Thư mục kết quả",
            "Nguồn",
            "Trạng thái",
            "Số trang đếm được",
            "Thành phần",
            "Trang đã số hóa",
            "Trang cần quét lại",
            "Tệp bỏ ra",
            "Chờ ký",
            "Xong lúc",
            "Lý do",
        ],
        Lang::En => [
            "Box",
            "Dossier",
            "Title",
            "Year",
            "Directory",
            "Source",
            "State",
            "Pages counted",
            "Components",
            "Pages made",
            "Pages to rescan",
            "Files set aside",
            "Unsigned",
            "Ended",
            "Reason",
        ],
    })?;
    let mut first = First(None);
    batch.at(batch.journal.each_unit(|unit, listed| {
        let reason = unit.reason.as_ref().map_or("", |(vi, en)| lang.pick(vi, en));
        let [vi, en] = state(&unit).1;
        let made = unit.made;
        let cells = [
            &unit.in_box,
            unit.code.as_deref().unwrap_or_default(),
            listed.title.as_deref().unwrap_or_default(),
            listed.year.as_deref().unwrap_or_default(),
            &unit.name,
            &unit.source,
            lang.pick(vi, en),
            &unit.pages.to_string(),
            &made.components.to_string(),
            &made.pages.to_string(),
            &made.doubted.to_string(),
            &made.set_aside.to_string(),
            &made.unsigned.to_string(),
            &written(unit.time.1, now),
            reason,
        ];
        first.hear(table.write_record(cells.map(in_cell)));
    }))?;
    first.0.map_or(Ok(()), |error| Err(error.into())).and_then(|()| Ok(table.flush()?))
}

fn findings(batch: &Batch, lang: Lang, out: &mut BufWriter<File>) -> Result<(), ReportError> {
    out.write_all("\u{feff}".as_bytes())?;
    let mut table = csv::Writer::from_writer(out);
    table.write_record(match lang {
        Lang::Vi => ["Hộp", "Hồ sơ", "Thành phần", "Trang", "Loại", "Chi tiết", "Ảnh"],
        Lang::En => ["Box", "Dossier", "Component", "Page", "Kind", "Detail", "Picture"],
    })?;
    let mut first = First(None);
    batch.at(batch.journal.each_finding(|finding| {
        let FindingShown { unit, place: (component, page), kind, detail: (vi, en), picture } = &finding;
        let (in_box, name) = unit.as_ref().map_or(("", ""), |(in_box, name)| (in_box, name));
        let cells = [
            in_box,
            name,
            component.as_deref().unwrap_or_default(),
            &page.map_or_else(String::new, |page| page.to_string()),
            kind_name(kind, lang),
            lang.pick(vi, en),
            picture.as_deref().unwrap_or_default(),
        ];
        first.hear(table.write_record(cells.map(in_cell)));
    }))?;
    first.0.map_or(Ok(()), |error| Err(error.into())).and_then(|()| Ok(table.flush()?))
}

/// Everything as JSON; `docs/batch.md` describes it.
fn program(batch: &Batch, summary: &Summary, out: &mut BufWriter<File>) -> Result<(), ReportError> {
    let now = summary.made;
    let head = json!({
        "schema": "sohoa-batch-report/1",
        "made": rfc3339(now),
        "source": batch.options.source.to_string_lossy(),
        "totals": totals_json(&summary.totals),
        "boxes": summary.boxes.iter().map(|one| json!({
            "box": one.name, "totals": totals_json(&one.totals), "samples": one.samples,
            "verdict": one.verdict.as_ref().map(|verdict| json!({
                "accepted": verdict.accepted, "reason": verdict.reason, "who": verdict.who,
                "time": written(Some(verdict.time), now), "outdated": one.is_outdated,
            })),
        })).collect::<Vec<_>>(),
        "progress": summary.ticks.iter().map(|tick| json!({
            "time": written(Some(tick.time), now), "pages": tick.pages, "left_ms": tick.left_ms,
        })).collect::<Vec<_>>(),
    });
    let head = head.to_string();
    write!(out, "{},\n\"dossiers\": [", head.strip_suffix('}').unwrap_or(&head))?;
    let mut first = First(None);
    let mut between = "\n";
    batch.at(batch.journal.each_unit(|unit, listed| {
        let row = json!({
            "box": unit.in_box, "code": unit.code, "title": listed.title, "year": listed.year, "directory": unit.name, "source": unit.source,
            "state": state(&unit).0, "counted": unit.pages, "components": unit.made.components,
            "pages": unit.made.pages, "doubted": unit.made.doubted, "set_aside": unit.made.set_aside,
            "unsigned": unit.made.unsigned, "began": written(unit.time.0, now), "ended": written(unit.time.1, now),
            "reason": unit.reason.as_ref().map(|(vi, _)| vi),
        });
        first.hear(write!(out, "{between}{row}"));
        between = ",\n";
    }))?;
    first.hear(write!(out, "],\n\"findings\": ["));
    between = "\n";
    batch.at(batch.journal.each_finding(|finding| {
        let row = json!({
            "box": finding.unit.as_ref().map(|(in_box, _)| in_box), "dossier": finding.unit.as_ref().map(|(_, name)| name),
            "component": finding.place.0, "page": finding.place.1, "kind": finding.kind, "detail": finding.detail.0,
            "picture": finding.picture,
        });
        first.hear(write!(out, "{between}{row}"));
        between = ",\n";
    }))?;
    first.hear(writeln!(out, "]}}"));
    first.0.map_or(Ok(()), |error| Err(error.into()))
}

/// How far everything is, for programs.
pub fn totals_json(totals: &Totals) -> serde_json::Value {
    let made = totals.made;
    json!({
        "dossiers": totals.dossiers, "done": totals.done, "failed": totals.failed, "files": totals.files,
        "counted": totals.pages, "bytes": totals.bytes, "left": totals.left, "components": made.components,
        "pages": made.pages, "doubted": made.doubted, "set_aside": made.set_aside, "unsigned": made.unsigned,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::batch::Options;
    use crate::batch::journal::Finding;

    #[test]
    fn names_do_not_become_formulas() {
        let folder = tempfile::tempdir().unwrap();
        let source = fs::canonicalize(folder.path()).unwrap().join("in");
        fs::create_dir(&source).unwrap();
        let options = Options { source, ..Options::default() };
        let (batch, _lock) = Batch::begin(&folder.path().join("out"), options).unwrap();
        let text = "=HYPERLINK(\"http://x\")".to_owned();
        let finding =
            Finding { place: (None, None), kind: "loose", detail: text.clone(), detail_en: text, picture: None };
        batch.at(batch.journal.end_plan(1, &[finding])).unwrap();
        write(&batch, Lang::Vi, datetime!(2026-11-30 12:00 +7)).unwrap();
        let table = fs::read_to_string(batch.output.join(REPORT).join("findings.csv")).unwrap();
        assert!(table.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{table}");
    }
}
