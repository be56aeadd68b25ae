//! Sheets that a counter prints and puts into a stack of papers, A4: the cover of a dossier, and separators between its
//! components. What their codes say is `codes::sheet`; here is what they look like.
//!
//! A sheet carries its payload twice, as a large and as a small QR symbol, so that it is still told when one of them is
//! stained or torn.

use crate::codes::sheet::{Sheet, payload};
use crate::codes::symbols;
use crate::model::{ComponentName, Lang, Localized, SizeMm};
use crate::pdf::print::{self, Mark, text_width};
use crate::pdf::writer::{DocumentInfo, PdfError};

/// Most components that a cover lists: two columns of a page.
pub const MAX_COMPONENTS: usize = 24;

const A4: SizeMm = SizeMm { width: 210.0, height: 297.0 };

/// Free paper on all sides, millimetres: what printers cannot reach and feeders smear.
const MARGIN: f64 = 15.0;

/// Side of a module of the large symbol, millimetres: 7 pixels at 200 dpi, 11 at 300. `codes` tells dark from light by the
/// mean of 48 pixels around, which must hold several modules: symbols of 2.5 mm a module are not found.
const MODULE: f64 = 0.9;

/// A sheet with what stands on it for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Printed {
    /// What its codes say.
    pub sheet: Sheet,
    /// Code of the administrative procedure (*mã thủ tục hành chính*), on covers.
    pub procedure: Option<String>,
    /// The components that the dossier is to have, on covers.
    pub components: Vec<ComponentName>,
}

/// Why a sheet cannot be printed.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// More than [`MAX_COMPONENTS`].
    #[error("{0} components, a cover has room for {MAX_COMPONENTS}: leave some out, the stack may hold them anyway")]
    TooManyComponents(usize),
    /// The file.
    #[error(transparent)]
    Pdf(#[from] PdfError),
}

impl Localized for SheetError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::TooManyComponents(count), Lang::Vi) => format!(
                "{count} thành phần, tờ bìa chỉ đủ chỗ cho {MAX_COMPONENTS}: hãy bớt đi, trong tập giấy vẫn có thể có chúng"
            ),
            (Self::Pdf(error), lang) => error.message(lang),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// Writes the sheets as PDF/A-2u, one a page, in the language that people at the counter read.
///
/// # Errors
/// [`SheetError`]: too many components, or metadata that a PDF cannot hold.
pub fn pdf(sheets: &[Printed], info: &DocumentInfo, lang: Lang) -> Result<Vec<u8>, SheetError> {
    let crowded = sheets.iter().find(|sheet| sheet.components.len() > MAX_COMPONENTS);
    if let Some(sheet) = crowded {
        return Err(SheetError::TooManyComponents(sheet.components.len()));
    }
    let pages: Vec<Vec<Mark>> = sheets.iter().map(|sheet| page(sheet, lang)).collect();
    Ok(print::write(&pages, A4, info)?)
}

fn page(printed: &Printed, lang: Lang) -> Vec<Mark> {
    let mut marks = Vec::new();
    match &printed.sheet {
        Sheet::Cover(code) => {
            centred(&mut marks, lang.pick("TỜ BÌA HỒ SƠ", "DOSSIER COVER SHEET"), 34.0, 32.0, true);
            let what_to_do = lang.pick(
                "Đặt tờ này trên cùng tập giấy của hồ sơ rồi cho cả tập vào khay nạp của máy quét.",
                "Put this sheet on top of the dossier's papers and the whole stack into the scanner's feeder.",
            );
            centred(&mut marks, what_to_do, 46.0, 14.0, false);
            rule(&mut marks, 52.0);
            centred(&mut marks, lang.pick("Mã hồ sơ", "Dossier code"), 64.0, 14.0, false);
            centred(&mut marks, code.as_str(), 80.0, 40.0, true);
            large_qr(&mut marks, printed, 126.0);
            let procedure = printed.procedure.as_ref();
            if let Some(procedure) = procedure {
                let label = lang.pick("Mã thủ tục hành chính", "Procedure code");
                centred(&mut marks, &format!("{label}: {procedure}"), 174.0, 14.0, false);
            }
            list(&mut marks, &printed.components, lang);
            foot(&mut marks, &payload(&printed.sheet), 20.0);
        }
        Sheet::Separator(name) => {
            centred(&mut marks, lang.pick("TỜ PHÂN CÁCH", "SEPARATOR SHEET"), 34.0, 32.0, true);
            let what_to_do = lang.pick(
                "Đặt tờ này trước trang đầu của mỗi giấy tờ trong tập đưa vào máy quét. Dùng lại được nhiều lần.",
                "Put this sheet before the first page of each paper in the feeder's stack. It can be used again.",
            );
            centred(&mut marks, what_to_do, 46.0, 14.0, false);
            rule(&mut marks, 52.0);
            centred(&mut marks, lang.pick("Từ đây là thành phần", "From here on the component"), 68.0, 14.0, false);
            let next = lang.pick("TIẾP THEO", "NEXT");
            block(&mut marks, name.as_ref().map_or(next, ComponentName::as_str), 86.0, 36.0);
            large_qr(&mut marks, printed, 167.0);
            foot(&mut marks, &payload(&printed.sheet), 32.0);
        }
    }
    marks
}

/// One line in the middle of the page, in letters of at most `size` points that leave the margins free.
fn centred(marks: &mut Vec<Mark>, text: &str, baseline: f64, size: f64, bold: bool) {
    let room = A4.width - 2.0 * MARGIN;
    let size = size.min(size * room / text_width(text, size).max(f64::MIN_POSITIVE));
    let left = (A4.width - text_width(text, size)) / 2.0;
    marks.push(Mark::Text { left, baseline, size, bold, text: text.to_owned() });
}

/// Large text in the middle of the page, on two lines where it is long.
fn block(marks: &mut Vec<Mark>, text: &str, baseline: f64, size: f64) {
    let words: Vec<&str> = text.split(' ').collect();
    let half = (1..words.len()).min_by_key(|&at| words[..at].join(" ").len().abs_diff(words[at..].join(" ").len()));
    let fits = text_width(text, size) <= A4.width - 2.0 * MARGIN;
    match half.filter(|_| !fits) {
        Some(half) => {
            centred(marks, &words[..half].join(" "), baseline, size, true);
            centred(marks, &words[half..].join(" "), baseline + 16.0, size, true);
        }
        None => centred(marks, text, baseline + 8.0, size, true),
    }
}

fn rule(marks: &mut Vec<Mark>, top: f64) {
    marks.push(Mark::Bar { left: MARGIN, top, width: A4.width - 2.0 * MARGIN, height: 0.5 });
}

/// The symbol in the middle of the page around `centre`.
fn large_qr(marks: &mut Vec<Mark>, printed: &Printed, centre: f64) {
    let payload = payload(&printed.sheet);
    let side = symbols::qr(&payload).map_or(0, |rows| rows.len()) as f64 * MODULE;
    symbol(marks, &payload, (A4.width - side) / 2.0, centre - side / 2.0, side);
}

/// A QR symbol; each run of dark modules of a row is one bar.
fn symbol(marks: &mut Vec<Mark>, payload: &str, left: f64, top: f64, side: f64) {
    let rows = symbols::qr(payload).expect("a payload is far shorter than the 1,663 bytes of a QR symbol of level Q");
    let module = side / rows.len() as f64;
    for (y, row) in rows.iter().enumerate() {
        runs(marks, row, left, module, (top + y as f64 * module, module));
    }
}

/// A bar for each run of dark modules; `top` and height of all.
fn runs(marks: &mut Vec<Mark>, modules: &[bool], left: f64, module: f64, (top, height): (f64, f64)) {
    let mut at = 0;
    for run in modules.chunk_by(|a, b| a == b) {
        if run[0] {
            marks.push(Mark::Bar { left: left + at as f64 * module, top, width: run.len() as f64 * module, height });
        }
        at += run.len();
    }
}

/// The components with a box to tick each.
fn list(marks: &mut Vec<Mark>, components: &[ComponentName], lang: Lang) {
    const TOP: f64 = 188.0;
    const LINE: f64 = 5.5;
    const SIZE: f64 = 12.0;
    if components.is_empty() {
        return;
    }
    let text = |left, baseline, bold, text: String| Mark::Text { left, baseline, size: SIZE, bold, text };
    marks.push(text(MARGIN, TOP, true, lang.pick("Thành phần hồ sơ", "Components").to_owned()));
    let rows = MAX_COMPONENTS / 2;
    let columns = components.len().div_ceil(rows);
    let column_width = (A4.width - 2.0 * MARGIN) / columns as f64;
    for (index, name) in components.iter().enumerate() {
        let left = MARGIN + (index / rows) as f64 * column_width;
        let baseline = TOP + LINE * (index % rows + 1) as f64;
        tick_box(marks, left, baseline - 3.2);
        let line = format!("{}. {name}", index + 1);
        let room = column_width - 10.0;
        let size = SIZE.min(SIZE * room / text_width(&line, SIZE));
        marks.push(Mark::Text { left: left + 6.0, baseline, size, bold: false, text: line });
    }
}

fn tick_box(marks: &mut Vec<Mark>, left: f64, top: f64) {
    const SIDE: f64 = 3.6;
    const LINE: f64 = 0.3;
    let bar = |left, top, width, height| Mark::Bar { left, top, width, height };
    marks.push(bar(left, top, SIDE, LINE));
    marks.push(bar(left, top + SIDE - LINE, SIDE, LINE));
    marks.push(bar(left, top, LINE, SIDE));
    marks.push(bar(left + SIDE - LINE, top, LINE, SIDE));
}

/// The payload once more at the foot of the page, in a symbol of this side and in letters.
fn foot(marks: &mut Vec<Mark>, payload: &str, side: f64) {
    const BOTTOM: f64 = 278.0;
    symbol(marks, payload, (A4.width - side) / 2.0, BOTTOM - side, side);
    centred(marks, payload, BOTTOM + 5.0, 9.0, false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<ComponentName> {
        (0..count).map(|number| format!("Giấy tờ {number}").parse().unwrap()).collect()
    }

    fn cover(components: Vec<ComponentName>) -> Printed {
        let sheet = Sheet::Cover("H21.15.25-250701-0012".parse().unwrap());
        Printed { sheet, procedure: Some("1.001193".to_owned()), components }
    }

    fn separator(name: Option<&str>) -> Printed {
        let sheet = Sheet::Separator(name.map(|name| name.parse().unwrap()));
        Printed { sheet, procedure: None, components: Vec::new() }
    }

    #[test]
    fn everything_stays_inside_the_margins() {
        let long = "Giấy xác nhận tình trạng hôn nhân của người mẹ";
        let widest = "W".repeat(50);
        for printed in [
            cover(names(MAX_COMPONENTS)),
            cover(vec![]),
            separator(None),
            separator(Some(long)),
            separator(Some(&widest)),
        ] {
            for mark in page(&printed, Lang::Vi) {
                let (left, right, bottom) = match &mark {
                    Mark::Bar { left, width, top, height } => (*left, left + width, top + height),
                    Mark::Text { left, size, text, baseline, .. } => (*left, left + text_width(text, *size), *baseline),
                };
                let inside = left >= MARGIN - 0.1 && right <= A4.width - MARGIN + 0.1 && bottom <= A4.height - 12.0;
                assert!(inside, "{mark:?}");
            }
        }
    }

    #[test]
    fn more_components_than_fit_are_refused() {
        let info = DocumentInfo {
            title: String::new(),
            language: "vi-VN".to_owned(),
            created: time::OffsetDateTime::UNIX_EPOCH,
            producer: "sohoa".to_owned(),
            subject: None,
            keywords: None,
        };
        let many = cover(names(MAX_COMPONENTS + 1));
        assert_eq!(pdf(&[many], &info, Lang::Vi), Err(SheetError::TooManyComponents(25)));
    }
}
