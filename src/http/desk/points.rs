//! The points of the index that the dossiers of some days are worth, for reference, and the dossiers that lack a side.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use time::Date;

use crate::config::PointsConfig;
use crate::http::Shared;
use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::model::Lang;
use crate::points::{Counts, Item, Missing, Report, day_in_code, report, table};

use super::days::{Day, csv};
use super::page;

/// Dossiers without one side that are named.
const NAMED: usize = 200;

/// Which days.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    from: Option<String>,
    to: Option<String>,
}

/// The points of some days.
pub(super) async fn points(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (from, to, report) = counted(&app, asked).await?;
    let (lang, rules) = (visitor.lang, &app.settings.points);
    let title = lang.pick("Điểm số hóa (tham khảo)", "Points of digitisation (for reference)");
    let span = format!("from={}&amp;to={}", from.code(), to.code());
    let body = format!(
        "<p><a href=/figures>{}</a></p><h1>{title} <span class=dim>{} – {}</span></h1>\
         <form method=get action=/points class=search><label for=tu>{}</label>\
         <input id=tu type=date name=from value={}><label for=den>{}</label>\
         <input id=den type=date name=to value={}><button>{}</button>\
         <a href=\"/points.csv?{span}\" download>{}</a></form><p class=note>{}</p>{}{}{}",
        lang.pick("← Số liệu", "← Figures"),
        from.name(),
        to.name(),
        lang.pick("Tiếp nhận từ ngày", "Received from"),
        from.code(),
        lang.pick("đến ngày", "to"),
        to.code(),
        lang.pick("Xem", "Show"),
        lang.pick("Tải CSV", "Download CSV"),
        lang.pick(
            "Ngày và đơn vị tiếp nhận lấy từ mã hồ sơ. Điểm tính theo cách của các phần mềm công khai, chỉ để tham khảo; số chính \
             thức là của Cổng Dịch vụ công quốc gia. Chỉ tính tệp đã ký.",
            "Day and agency of receipt are those of the dossier's code. Points are computed as public programs do, for reference \
             only; what counts is the national portal. Only signed files count.",
        ),
        totals(&report.total, rules, lang),
        days(&report, rules, lang),
        missing(&report.missing, lang),
    );
    let back = format!("/points?from={}&to={}", from.code(), to.code());
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), &back, &body))
}

/// The same as a table for programs.
pub(super) async fn points_csv(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (from, to, report) = counted(&app, asked).await?;
    let rows = table(&report, &app.settings.points, visitor.lang);
    Ok(csv(&rows, &format!("diem-so-hoa-{}-{}.csv", from.code(), to.code())))
}

/// The days that are asked for, else those of this month until today.
async fn counted(app: &Shared, asked: Result<Query<Asked>, QueryRejection>) -> Result<(Day, Day, Report), Problem> {
    let (asked, now) = (asked.map(|Query(asked)| asked).unwrap_or_default(), (app.clock)());
    let first = now.replace_day(1).expect("every month has a first day");
    let (from, to) = (Day::of(asked.from.as_deref(), first), Day::of(asked.to.as_deref(), now));
    let days = (day_in_code(from.date()), day_in_code(to.date()));
    let report = app.blocking(move |app| Ok(report(&app.store.digitised(&days.0, &days.1)?))).await?;
    Ok((from, to, report))
}

fn of_maximum(counts: &Counts, item: Item, rules: &PointsConfig, lang: Lang) -> String {
    let max = crate::points::Points(item.rule(rules).max_hundredths).text(lang);
    match counts.points(item, rules) {
        Some(points) => format!("{} / {max}", points.text(lang)),
        None => format!("– / {max}"),
    }
}

fn totals(total: &Counts, rules: &PointsConfig, lang: Lang) -> String {
    let row = |item: Item| {
        let (part, whole) = total.of(item);
        let (number, name, full) = (item.number(), item.name(lang), item.rule(rules).full_percent);
        let full = lang.pick("đủ điểm từ", "all points from").to_owned() + &format!(" {full} %");
        let points = of_maximum(total, item, rules, lang);
        format!("<tr><th scope=row>{number} {name} <span class=dim>{full}</span><td>{part} / {whole}<td>{points}")
    };
    let rows: String = Item::ALL.map(row).concat();
    format!(
        "<table class=figures><caption>{}</caption><tr><th scope=col>{}<th scope=col>{}<th scope=col>{}{rows}</table>",
        lang.pick("Cả thời gian, mọi đơn vị", "All days and agencies"),
        lang.pick("Chỉ tiêu", "Item"),
        lang.pick("Hồ sơ", "Dossiers"),
        lang.pick("Điểm / tối đa", "Points / maximum"),
    )
}

fn days(report: &Report, rules: &PointsConfig, lang: Lang) -> String {
    if report.rows.is_empty() {
        return format!("<p class=none>{}</p>", lang.pick("Không có hồ sơ nào.", "There are no dossiers."));
    }
    let row = |(day, unit, counts): &(Date, String, Counts)| {
        let points: String =
            Item::ALL.iter().map(|item| format!("<td>{}", of_maximum(counts, *item, rules, lang))).collect();
        let day = format!("{:02}/{:02}/{}", day.day(), u8::from(day.month()), day.year());
        let Counts { dossiers, with_result, with_both, .. } = counts;
        format!("<tr><td>{day}<td>{}<td>{dossiers}<td>{with_result}<td>{with_both}{points}", escaped(unit))
    };
    let named = [
        lang.pick("Ngày", "Day"),
        lang.pick("Đơn vị", "Agency"),
        lang.pick("Hồ sơ", "Dossiers"),
        lang.pick("Có kết quả", "With result"),
        lang.pick("Đủ hai phần", "Both sides"),
    ];
    let heads = named.into_iter().chain(Item::ALL.map(Item::number));
    let heads: String = heads.map(|head| format!("<th scope=col>{head}")).collect();
    let rows: String = report.rows.iter().map(row).collect();
    let undated = match report.undated {
        0 => String::new(),
        count => format!(
            "<p class=dim>{count} {}</p>",
            lang.pick(
                "hồ sơ không có ngày tiếp nhận đúng nên không tính.",
                "dossiers without a day of receipt are not counted."
            )
        ),
    };
    format!(
        "<h2>{}</h2><div class=wide tabindex=0 role=region aria-label=\"{0}\"><table class=journal><tr>{heads}{rows}</table></div>{undated}",
        lang.pick("Theo ngày và đơn vị", "By day and agency"),
    )
}

fn missing(missing: &[Missing], lang: Lang) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let entry = |one: &Missing| {
        format!("<li><a href=\"/dossiers/{}\">{}</a> {}</li>", in_path(&one.code), escaped(&one.code), one.lacks(lang))
    };
    let entries: String = missing.iter().take(NAMED).map(entry).collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("<p class=dim>{} {more}</p>", lang.pick("và các hồ sơ khác:", "and others:")),
    };
    format!("<h2>{}</h2><ul>{entries}</ul>{more}", lang.pick("Hồ sơ còn thiếu tệp", "Dossiers that lack a file"))
}
