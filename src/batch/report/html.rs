//! The page of a report: one file, with pictures beside it, that needs no script and no network.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::http::html::{escaped, in_path, moment};
use crate::model::{Lang, shown};

use super::super::Batch;
use super::super::journal::{FindingShown, Tick, Unit};
use super::{First, ReportError, Summary, kind_name};

/// Findings of a kind that are shown with their pictures; the tables have all.
const MOST_SHOWN: usize = 400;
/// Dossiers that failed and are listed.
const MOST_FAILED: usize = 400;
/// Size of the charts, and the room around their curves.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const ROOM: f64 = 44.0;

pub(super) fn write(
    batch: &Batch,
    summary: &Summary,
    lang: Lang,
    out: &mut BufWriter<File>,
) -> Result<(), ReportError> {
    head(batch, summary, lang, out)?;
    charts(&summary.ticks, lang, out)?;
    boxes(summary, lang, out)?;
    kinds(summary, lang, out)?;
    failed(batch, lang, out)?;
    for (kind, count) in &summary.kinds {
        of_kind(batch, kind, *count, lang, out)?;
    }
    samples(batch, lang, out)?;
    Ok(writeln!(out, "</main></body></html>")?)
}

fn head(batch: &Batch, summary: &Summary, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let title = lang.pick("Báo cáo số hóa hồ sơ tồn", "Report of a batch");
    write!(
        out,
        "<!doctype html>\n<html lang={}><head><meta charset=utf-8><title>{title}</title>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\"><style>{}</style></head>\n\
         <body><main><h1>{title}</h1><p class=quiet>{} · {}</p>\n<ul class=tallies>",
        lang.pick("vi", "en"),
        include_str!("report.css"),
        escaped(&shown(&batch.options.source)),
        moment(summary.made.unix_timestamp() * 1000, summary.made.offset()),
    )?;
    let (totals, made) = (summary.totals, summary.totals.made);
    let tallies = [
        (totals.dossiers, lang.pick("hồ sơ", "dossiers"), false),
        (totals.done, lang.pick("đã xong", "done"), false),
        (totals.failed, lang.pick("lỗi", "failed"), true),
        (made.components, lang.pick("thành phần", "components"), false),
        (made.pages, lang.pick("trang đã số hóa", "pages made"), false),
        (totals.left, lang.pick("trang còn lại", "pages left"), false),
        (made.doubted, lang.pick("trang cần quét lại", "pages to rescan"), true),
        (made.set_aside, lang.pick("tệp không đọc được", "files set aside"), true),
        (made.unsigned, lang.pick("chờ ký", "unsigned"), false),
    ];
    for (count, name, is_bad) in tallies {
        let class = if is_bad && count > 0 { " class=bad" } else { "" };
        write!(out, "<li{class}><b>{}</b>{name}</li>", grouped(count, lang))?;
    }
    let tables = lang.pick("Mọi dòng đều có trong", "Every row is in");
    writeln!(
        out,
        "</ul>\n<p>{tables} <a href=dossiers.csv>dossiers.csv</a>, <a href=findings.csv>findings.csv</a>, \
         <a href=report.json>report.json</a>.</p>"
    )
}

/// Pages over time, and what was said at each time of when all would be done.
fn charts(ticks: &[Tick], lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let (Some(first), Some(last)) = (ticks.first(), ticks.last()) else { return Ok(()) };
    // In minutes where the batch took no longer than two hours.
    let is_short = last.time - first.time < 2 * 3_600_000;
    let unit = if is_short { 60_000.0 } else { 3_600_000.0 };
    let unit_name = if is_short { lang.pick("phút", "min") } else { lang.pick("giờ", "h") };
    let since = |time: i64| (time - first.time) as f64 / unit;
    let end = since(last.time);
    if end <= 0.0 {
        return Ok(());
    }
    let heading = lang.pick("Tiến độ", "Progress");
    writeln!(out, "<h2>{heading}</h2>")?;
    let pages: Vec<(f64, f64)> = ticks.iter().map(|tick| (since(tick.time), tick.pages as f64)).collect();
    let title = lang.pick("Số trang đã xong theo thời gian", "Pages finished over time");
    chart(title, &pages, None, unit_name, out)?;
    let told: Vec<(f64, f64)> = ticks
        .iter()
        .filter_map(|tick| tick.left_ms.map(|left| (since(tick.time), since(tick.time) + left as f64 / unit)))
        .collect();
    let title = lang.pick(
        "Thời gian làm cả đợt theo dự báo ở mỗi thời điểm (đường ngang: thực tế)",
        "Time that all takes as it was foretold at each moment (level line: as it was)",
    );
    chart(title, &told, Some(end), unit_name, out)
}

/// A curve of points, time across in a unit of this name, with a level line.
fn chart(title: &str, points: &[(f64, f64)], level: Option<f64>, unit: &str, out: &mut impl Write) -> io::Result<()> {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let right = most(&mut points.iter().map(|(x, _)| *x)).max(level.unwrap_or(0.0));
    let top = most(&mut points.iter().map(|(_, y)| *y).chain(level));
    if points.is_empty() || right <= 0.0 || top <= 0.0 {
        return Ok(());
    }
    let x = |time: f64| ROOM + time / right * (WIDTH - 2.0 * ROOM);
    let y = |value: f64| HEIGHT - ROOM / 2.0 - value / top * (HEIGHT - ROOM);
    let curve: Vec<String> = points.iter().map(|(time, value)| format!("{:.1},{:.1}", x(*time), y(*value))).collect();
    write!(
        out,
        "<h3>{title}</h3><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{title}\">\
         <path d=\"M{ROOM} {b}H{r}M{ROOM} {b}V{t}\" stroke=\"#8592a3\" fill=none />\
         <text x={ROOM} y={l}>0</text><text x={r} y={l} text-anchor=end>{right} {unit}</text>\
         <text x={n} y={t2} text-anchor=end>{top}</text>\
         <polyline points=\"{curve}\" fill=none stroke=\"#0b57a4\" stroke-width=2 />",
        b = y(0.0),
        t = y(top),
        t2 = y(top) + 4.0,
        r = WIDTH - ROOM,
        l = HEIGHT - 6.0,
        n = ROOM - 4.0,
        right = short(right),
        top = short(top),
        curve = curve.join(" "),
    )?;
    if let Some(level) = level {
        let at = y(level);
        write!(out, "<path d=\"M{ROOM} {at:.1}H{}\" stroke=\"#a4260b\" stroke-dasharray=\"5 4\" />", WIDTH - ROOM)?;
    }
    writeln!(out, "</svg>")
}

/// A number in a few digits.
fn short(number: f64) -> String {
    if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") }
}

fn boxes(summary: &Summary, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let heading = lang.pick("Hộp", "Boxes");
    let columns = match lang {
        Lang::Vi => ["Hồ sơ", "Xong", "Lỗi", "Trang", "Cần quét lại", "Bỏ ra", "Trang lấy mẫu"],
        Lang::En => ["Dossiers", "Done", "Failed", "Pages", "To rescan", "Set aside", "Sampled pages"],
    };
    let columns: String = columns.iter().map(|name| format!("<th class=n>{name}</th>")).collect();
    let verdict = lang.pick("Nghiệm thu", "Verdict");
    write!(
        out,
        "<h2>{heading}</h2><div class=wide><table><thead><tr><th>{heading}</th>{columns}<th>{verdict}</th></tr></thead><tbody>"
    )?;
    for one in &summary.boxes {
        let (totals, made) = (one.totals, one.totals.made);
        let numbers =
            [totals.dossiers, totals.done, totals.failed, made.pages, made.doubted, made.set_aside, one.samples];
        let numbers: String = numbers.iter().map(|n| format!("<td class=n>{}</td>", grouped(*n, lang))).collect();
        let name = if one.name.is_empty() { lang.pick("(không có hộp)", "(no box)") } else { &one.name };
        let verdict = match &one.verdict {
            None => lang.pick("chưa nghiệm thu", "none yet").to_owned(),
            Some(verdict) => {
                let (class, word) = match verdict.accepted {
                    true => ("accepted", lang.pick("đạt", "accepted")),
                    false => ("rejected", lang.pick("không đạt", "rejected")),
                };
                let reason =
                    verdict.reason.as_deref().map_or_else(String::new, |reason| format!(": {}", escaped(reason)));
                let time = moment(verdict.time, summary.made.offset());
                let outdated = match one.is_outdated {
                    true => lang.pick(
                        " – có hồ sơ làm lại sau đó, cần xem lại",
                        " – dossiers were made after that: look again",
                    ),
                    false => "",
                };
                format!("<span class={class}>{word}</span>, {}, {time}{reason}{outdated}", escaped(&verdict.who))
            }
        };
        writeln!(out, "<tr><td>{}</td>{numbers}<td>{verdict}</td></tr>", escaped(name))?;
    }
    writeln!(out, "</tbody></table></div>")
}

fn kinds(summary: &Summary, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let Some((_, most)) = summary.kinds.first() else {
        let nothing = lang.pick("Không có gì cần xem lại.", "There is nothing to look at.");
        return writeln!(out, "<h2>{}</h2><p>{nothing}</p>", lang.pick("Cần xem lại", "To be looked at"));
    };
    writeln!(out, "<h2>{}</h2><table><tbody>", lang.pick("Cần xem lại", "To be looked at"))?;
    for (kind, count) in &summary.kinds {
        let width = *count as f64 / *most as f64 * 20.0;
        writeln!(
            out,
            "<tr><td><a href=\"#{kind}\">{}</a></td><td class=n>{}</td>\
             <td><span class=bar style=\"width:{width:.1}rem\"></span></td></tr>",
            escaped(kind_name(kind, lang)),
            grouped(*count, lang),
        )?;
    }
    writeln!(out, "</tbody></table>")
}

fn failed(batch: &Batch, lang: Lang, out: &mut impl Write) -> Result<(), ReportError> {
    let (mut first, mut count) = (First(None), 0);
    batch.at(batch.journal.each_unit(|unit, _| {
        let Some((vi, en)) = &unit.reason else { return };
        count += 1;
        if count == 1 {
            first.hear(writeln!(out, "<h2>{}</h2><ul>", lang.pick("Hồ sơ không làm được", "Dossiers that failed")));
        }
        if count <= MOST_FAILED {
            let (place, reason) = (place(&unit), lang.pick(vi, en));
            first.hear(writeln!(out, "<li><b>{}</b>: {}</li>", escaped(&place), escaped(reason)));
        }
    }))?;
    if count > 0 {
        first.hear(writeln!(out, "</ul>"));
    }
    first.0.map_or(Ok(()), |error| Err(error.into()))
}

fn place(unit: &Unit) -> String {
    if unit.in_box.is_empty() { unit.name.clone() } else { format!("{} / {}", unit.in_box, unit.name) }
}

/// The findings of a kind, with pictures where there are some.
fn of_kind(batch: &Batch, kind: &str, count: u64, lang: Lang, out: &mut impl Write) -> Result<(), ReportError> {
    writeln!(
        out,
        "<h2 id=\"{kind}\">{} ({})</h2><ul class=sheet>",
        escaped(kind_name(kind, lang)),
        grouped(count, lang)
    )?;
    let (mut first, mut shown) = (First(None), 0);
    batch.at(batch.journal.each_finding(|finding| {
        if finding.kind == kind && shown < MOST_SHOWN {
            shown += 1;
            first.hear(card(&finding, lang, out));
        }
    }))?;
    first.0.map_or(Ok(()), Err)?;
    let more = match lang {
        Lang::Vi => format!("còn {} nữa trong findings.csv", count - shown as u64),
        Lang::En => format!("{} more in findings.csv", count - shown as u64),
    };
    writeln!(out, "</ul>{}", if count > shown as u64 { format!("<p>{more}</p>") } else { String::new() })?;
    Ok(())
}

fn card(finding: &FindingShown, lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let (vi, en) = &finding.detail;
    let picture = finding.picture.as_deref().map_or_else(String::new, |name| picture(name, ""));
    let place = finding.unit.as_ref().map(|(in_box, name)| {
        let (component, page) = &finding.place;
        described((in_box, name), component.as_deref(), *page, lang)
    });
    let place = place.map_or_else(String::new, |place| format!("<b>{}</b><br>", escaped(&place)));
    writeln!(out, "<li>{picture}{place}{}</li>", escaped(lang.pick(vi, en)))
}

/// Which page it is, in words.
fn described((in_box, name): (&str, &str), component: Option<&str>, page: Option<usize>, lang: Lang) -> String {
    let page = page.map(|page| format!("{} {page}", lang.pick("trang", "page")));
    let parts = [Some(in_box.to_owned()), Some(name.to_owned()), component.map(str::to_owned), page];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(" / ")
}

fn picture(name: &str, alt: &str) -> String {
    let path: Vec<String> = name.split('/').map(in_path).collect();
    format!("<a href=\"{0}\"><img src=\"{0}\" alt=\"{1}\" loading=lazy></a>", path.join("/"), escaped(alt))
}

/// The pages that a person looks at before a box is accepted.
fn samples(batch: &Batch, lang: Lang, out: &mut impl Write) -> Result<(), ReportError> {
    let (mut first, mut of_box) = (First(None), None::<String>);
    batch.at(batch.journal.each_sample(|in_box, name, sample| {
        if of_box.as_ref() != Some(&in_box) {
            let end = if of_box.is_some() { "</ul>" } else { "" };
            let heading = lang.pick("Trang lấy mẫu để kiểm tra", "Pages sampled for a person");
            first.hear(writeln!(out, "{end}<h2>{heading}: {}</h2><ul class=sheet>", escaped(&in_box)));
        }
        let place = described(("", &name), Some(&sample.component), Some(sample.page), lang);
        first.hear(writeln!(out, "<li>{}{}</li>", picture(&sample.picture, &place), escaped(&place)));
        of_box = Some(in_box);
    }))?;
    if of_box.is_some() {
        first.hear(writeln!(out, "</ul>"));
    }
    first.0.map_or(Ok(()), |error| Err(error.into()))
}

/// A number with its thousands apart.
fn grouped(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(lang.pick(".", ","));
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0, Lang::Vi), "0");
        assert_eq!(grouped(999, Lang::Vi), "999");
        assert_eq!(grouped(1_234_567, Lang::Vi), "1.234.567");
        assert_eq!(grouped(50_000, Lang::En), "50,000");
    }

    #[test]
    fn names_do_not_become_markup() {
        let finding = FindingShown {
            unit: Some(("<b>".to_owned(), "a&b".to_owned())),
            place: (Some("c".to_owned()), Some(2)),
            kind: "quality".to_owned(),
            detail: ("mờ <script>".to_owned(), "blurred".to_owned()),
            picture: Some("anh/\"x\".jpg".to_owned()),
        };
        let mut out = Vec::new();
        card(&finding, Lang::Vi, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("&lt;b&gt; / a&amp;b / c / trang 2") && text.contains("mờ &lt;script&gt;"), "{text}");
        assert!(text.contains("src=\"anh/%22x%22.jpg\"") && !text.contains("<script"), "{text}");
    }
}
