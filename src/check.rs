//! Judges a file by a profile: each requirement with what was found and the clause it comes from.
//!
//! The file may be anybody's. What is claimed is taken as claimed: whether it really is PDF/A a validator such as veraPDF
//! tells, whether a signature is valid `sohoa verify`.

use serde::Serialize;

use crate::model::{Lang, Localized};
use crate::pdf::reader::{self, Facts, PdfReadError, PictureFacts};
use crate::profile::{Corner, FileName, Profile, Source};

/// A resolution may fall short of what is required by this share: pixels are whole, millimetres are not.
const DPI_TOLERANCE: f64 = 0.005;

/// A picture is at 100 % while its placed and its stated resolution, and those along and down, differ by less than this.
const SCALE_TOLERANCE: f64 = 0.02;

/// The middle of the box of a signature stands in the uppermost part of the page, this share of its height.
const TOP: f64 = 1.0 / 3.0;

/// What may be required of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Least version of PDF.
    Version,
    /// A level of PDF/A.
    Pdfa,
    /// Pictures in colour.
    Colour,
    /// Resolution of pictures.
    Resolution,
    /// Pages at 100 %.
    Scale,
    /// Searchable text.
    Text,
    /// A signature.
    Signature,
    /// The place of its box.
    SignaturePlace,
    /// The name of the file.
    FileName,
    /// The size of the file.
    Size,
}

/// A requirement, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which.
    pub requirement: Requirement,
    /// Whether it is met.
    pub met: bool,
    /// Where it comes from.
    pub source: Source,
    /// Vietnamese and English: what is required and what was found.
    message: [String; 2],
}

impl Localized for Finding {
    fn message(&self, lang: Lang) -> String {
        let [vietnamese, english] = &self.message;
        lang.pick(vietnamese, english).to_owned()
    }
}

/// Judges a file with this name by a profile. Requirements that the profile does not have are left out, and so is the
/// place of a signature that is not there.
///
/// # Errors
/// When the file cannot be read.
pub fn check(name: &str, file: &[u8], profile: &Profile) -> Result<Vec<Finding>, PdfReadError> {
    let facts = reader::facts(file)?;
    let mut findings = vec![version(&facts, profile)];
    findings.extend((!profile.levels.value.is_empty()).then(|| pdfa(&facts, profile)));
    findings.extend(profile.colour.value.then(|| colour(&facts, profile)));
    findings.push(resolution(&facts, profile));
    findings.extend(profile.true_scale.value.then(|| scale(&facts, profile)));
    findings.extend(profile.text.value.then(|| text(&facts, profile)));
    if let Some(mark) = &profile.mark.value {
        findings.push(signature(&facts, profile));
        findings.extend((!facts.signatures.is_empty()).then(|| place(&facts, mark.corner, profile)));
    }
    findings.push(file_name(name, profile));
    findings.push(size(file.len() as u64, profile));
    Ok(findings)
}

fn finding(requirement: Requirement, met: bool, source: Source, message: [String; 2]) -> Finding {
    Finding { requirement, met, source, message }
}

fn version(facts: &Facts, profile: &Profile) -> Finding {
    let ((major, minor), (least_major, least_minor)) = (facts.version, profile.least_version.value);
    finding(
        Requirement::Version,
        facts.version >= profile.least_version.value,
        profile.least_version.source,
        [
            format!("phiên bản PDF từ {least_major}.{least_minor}: {major}.{minor}"),
            format!("PDF version {least_major}.{least_minor} or later: {major}.{minor}"),
        ],
    )
}

fn pdfa(facts: &Facts, profile: &Profile) -> Finding {
    let levels: Vec<&str> = profile.levels.value.iter().map(|level| level.name()).collect();
    let wanted = levels.join(", ");
    let met = facts.pdfa.as_deref().is_some_and(|claim| levels.contains(&claim));
    let claimed = |none: &str| facts.pdfa.as_ref().map_or_else(|| none.to_owned(), |claim| format!("PDF/A-{claim}"));
    finding(
        Requirement::Pdfa,
        met,
        profile.levels.source,
        [
            format!("PDF/A mức {wanted}: {}", claimed("tệp không ghi là PDF/A")),
            format!("PDF/A level {wanted}: {}", claimed("the file does not claim to be PDF/A")),
        ],
    )
}

/// The first picture that fails, with the number of its page.
fn first_failing(facts: &Facts, meets: impl Fn(&PictureFacts) -> bool) -> Option<(usize, &PictureFacts)> {
    let pictures = (1..).zip(&facts.pages).flat_map(|(number, page)| page.pictures.iter().map(move |p| (number, p)));
    pictures.into_iter().find(|(_, picture)| !meets(picture))
}

fn colour(facts: &Facts, profile: &Profile) -> Finding {
    let gray = first_failing(facts, |picture| picture.is_colour);
    let [vietnamese, english] = match gray {
        Some((page, _)) => [format!("trang {page} không phải ảnh màu"), format!("page {page} is not in colour")],
        None => ["đúng".to_owned(), "yes".to_owned()],
    };
    finding(
        Requirement::Colour,
        gray.is_none(),
        profile.colour.source,
        [format!("ảnh màu: {vietnamese}"), format!("pictures in colour: {english}")],
    )
}

fn resolution(facts: &Facts, profile: &Profile) -> Finding {
    let least = profile.least_dpi.value;
    let of = |picture: &PictureFacts| picture.dpi[0].min(picture.dpi[1]);
    let low = first_failing(facts, |picture| of(picture) >= least * (1.0 - DPI_TOLERANCE));
    let all = facts.pages.iter().flat_map(|page| &page.pictures).map(of);
    let lowest = all.fold(f64::INFINITY, f64::min);
    let [vietnamese, english] = match low {
        Some((page, picture)) => {
            let dpi = of(picture);
            [format!("trang {page} chỉ {dpi:.0} dpi"), format!("page {page} has only {dpi:.0} dpi")]
        }
        None if lowest.is_finite() => [0; 2].map(|_| format!("{lowest:.0} dpi")),
        None => ["tệp không có ảnh".to_owned(), "there is no picture".to_owned()],
    };
    finding(
        Requirement::Resolution,
        low.is_none(),
        profile.least_dpi.source,
        [
            format!("độ phân giải từ {least:.0} dpi: {vietnamese}"),
            format!("resolution {least:.0} dpi or more: {english}"),
        ],
    )
}

fn scale(facts: &Facts, profile: &Profile) -> Finding {
    let equal = |a: f64, b: f64| (a / b - 1.0).abs() < SCALE_TOLERANCE;
    let unit = (1_usize..).zip(&facts.pages).find(|(_, page)| !equal(page.user_unit, 1.0)).map(|(number, _)| number);
    let picture = first_failing(facts, |picture| {
        let [along, down] = picture.dpi;
        equal(along, down) && picture.stated_dpi.is_none_or(|[x, y]| equal(along, x) && equal(down, y))
    });
    let [vietnamese, english] = match (unit, picture) {
        (None, None) => ["đúng".to_owned(), "yes".to_owned()],
        (Some(page), _) => [format!("trang {page} đổi đơn vị đo"), format!("page {page} changes the unit of length")],
        (None, Some((page, picture))) => {
            let [along, down] = picture.dpi;
            let percent = |dpi: f64, of: f64| format!("{:.0} %", 100.0 * of / dpi);
            match picture.stated_dpi {
                Some([x, _]) if equal(along, down) => [
                    format!("trang {page} đặt ở tỷ lệ {}", percent(along, x)),
                    format!("page {page} is placed at {}", percent(along, x)),
                ],
                _ => [
                    format!("trang {page} bị kéo giãn, {along:.0} × {down:.0} dpi"),
                    format!("page {page} is stretched, {along:.0} × {down:.0} dpi"),
                ],
            }
        }
    };
    finding(
        Requirement::Scale,
        unit.is_none() && picture.is_none(),
        profile.true_scale.source,
        [format!("tỷ lệ 100 %: {vietnamese}"), format!("scale 100 %: {english}")],
    )
}

fn text(facts: &Facts, profile: &Profile) -> Finding {
    let met = facts.pages.iter().any(|page| page.has_text);
    let [vietnamese, english] = match met {
        true => ["có", "there"],
        false => ["không có", "missing"],
    };
    finding(
        Requirement::Text,
        met,
        profile.text.source,
        [format!("lớp chữ tìm kiếm được: {vietnamese}"), format!("searchable text: {english}")],
    )
}

fn signature(facts: &Facts, profile: &Profile) -> Finding {
    let count = facts.signatures.len();
    let [vietnamese, english] = match count {
        0 => ["chưa ký".to_owned(), "none".to_owned()],
        _ => [format!("{count} chữ ký"), format!("{count}")],
    };
    finding(
        Requirement::Signature,
        count > 0,
        profile.mark.source,
        [format!("chữ ký số: {vietnamese}"), format!("digital signature: {english}")],
    )
}

fn place(facts: &Facts, corner: Corner, profile: &Profile) -> Finding {
    let first = facts.pages[0].size;
    let is_right = |place: [f64; 4]| {
        let (x, y) = ((place[0] + place[2]) / 2.0, (place[1] + place[3]) / 2.0);
        let across = match corner {
            Corner::TopLeft => (0.0..=first.width / 2.0).contains(&x),
            Corner::TopRight => (first.width / 2.0..=first.width).contains(&x),
        };
        across && (0.0..=first.height * TOP).contains(&y)
    };
    let met = facts.signatures.iter().any(|signature| signature.page == Some(1) && is_right(signature.place));
    let seen = facts.signatures.iter().find_map(|signature| Some((signature.page?, signature.place)));
    let [vietnamese, english] = match seen {
        _ if met => ["đúng".to_owned(), "yes".to_owned()],
        None => ["chữ ký không hiển thị".to_owned(), "the signature is not visible".to_owned()],
        Some((1, [left, top, ..])) => [
            format!("ô chữ ký cách mép trái {left:.0} mm, mép trên {top:.0} mm"),
            format!("its box is {left:.0} mm from the left and {top:.0} mm from the top"),
        ],
        Some((page, _)) => [format!("ô chữ ký ở trang {page}"), format!("its box is on page {page}")],
    };
    let [vi, en] = [corner.shown(Lang::Vi), corner.shown(Lang::En)];
    finding(
        Requirement::SignaturePlace,
        met,
        profile.mark.source,
        [
            format!("chữ ký hiển thị ở {vi} trang đầu: {vietnamese}"),
            format!("visible signature {en} on the first page: {english}"),
        ],
    )
}

fn file_name(name: &str, profile: &Profile) -> Finding {
    let rule = profile.file_name.value;
    let met = rule.permits(name);
    let [vietnamese, english] = match rule {
        FileName::Any => ["tùy ý", "any"],
        FileName::DossierOrdinal => {
            ["mã hồ sơ, dấu chấm, số thứ tự 3 chữ số", "code of the dossier, full stop, number of 3 digits"]
        }
    };
    let [good, good_en] = if met { ["đúng", "yes"] } else { ["không đúng", "no"] };
    finding(
        Requirement::FileName,
        met,
        profile.file_name.source,
        [format!("tên tệp ({vietnamese}): {good}"), format!("file name ({english}): {good_en}")],
    )
}

fn size(bytes: u64, profile: &Profile) -> Finding {
    let most = profile.max_bytes.value;
    let megabytes = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    finding(
        Requirement::Size,
        bytes <= most,
        profile.max_bytes.source,
        [
            format!("dung lượng tối đa {}: {}", megabytes(most), megabytes(bytes)),
            format!("at most {}: {}", megabytes(most), megabytes(bytes)),
        ],
    )
}
