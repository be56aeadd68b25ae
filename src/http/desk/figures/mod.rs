//! The figures of a day (*số liệu*): what came, what was made of it, how long that took, and how many dossiers have both sides.

mod counted;
mod tables;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::http::Shared;
use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::model::Lang;

use super::days::{Day, csv};
use super::page;

use counted::Counted;

/// Dossiers without one side that are named.
const NAMED: usize = 100;

/// Which day.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    day: Option<String>,
}

/// The figures of a day.
pub(super) async fn figures(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (day, counted) = counted(&app, asked).await?;
    let (lang, offset) = (visitor.lang, (app.clock)().offset());
    let sees_papers = visitor.account.role.may_read_papers();
    let title = lang.pick("Số liệu trong ngày", "Figures of the day");
    let tables: String = counted.tables(lang, offset).iter().map(|table| table.to_html(sees_papers)).collect();
    let missing: String = counted
        .missing
        .iter()
        .take(NAMED)
        .map(|(code, side)| {
            let side = if *side {
                lang.pick("chưa có kết quả", "no result")
            } else {
                lang.pick("chưa có thành phần", "no component")
            };
            format!("<li><a href=\"/dossiers/{}\">{}</a> {side}</li>", in_path(code), escaped(code))
        })
        .collect();
    let missing = match missing.is_empty() {
        true => missing,
        false => format!(
            "<h2>{}</h2><ul>{missing}</ul>",
            lang.pick("Hồ sơ trong ngày còn thiếu tệp", "Dossiers of the day that lack a file")
        ),
    };
    let body = format!(
        "<h1>{title} <span class=dim>{}</span></h1>\
         <form method=get action=/figures class=search><label for=ngay>{}</label>\
         <input id=ngay type=date name=day value={}><button>{}</button>\
         <a href=\"/figures.csv?day={}\" download>{}</a> <a href=/points>{}</a></form>{}<div class=tables>{tables}</div>{missing}",
        day.name(),
        lang.pick("Ngày", "Day"),
        day.code(),
        lang.pick("Xem", "Show"),
        day.code(),
        lang.pick("Tải CSV", "Download CSV"),
        lang.pick("Điểm số hóa (tham khảo)", "Points of digitisation (for reference)"),
        chart(&counted.hours, lang),
    );
    Ok(page(StatusCode::OK, lang, title, Some(&visitor), &format!("/figures?day={}", day.code()), &body))
}

/// The same as a table for programs.
pub(super) async fn figures_csv(
    State(app): State<Shared>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let (day, counted) = counted(&app, asked).await?;
    let offset = (app.clock)().offset();
    let mut rows = vec![];
    for table in counted.tables(visitor.lang, offset) {
        rows.extend(table.rows.into_iter().map(|(name, value)| vec![day.code(), table.title.to_owned(), name, value]));
    }
    Ok(csv(&rows, &format!("so-lieu-{}.csv", day.code())))
}

async fn counted(app: &Shared, asked: Result<Query<Asked>, QueryRejection>) -> Result<(Day, Counted), Problem> {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let day = Day::of(asked.day.as_deref(), (app.clock)());
    let counted = app
        .blocking(move |app| {
            let (from, until) = day.span();
            app.count(&app.store.figures(from, until)?)
        })
        .await?;
    Ok((day, counted))
}

/// Captures by hour as bars; a table says the same to those who do not see them.
fn chart(hours: &[u64; 24], lang: Lang) -> String {
    const WIDTH: u64 = 24;
    const HEIGHT: u64 = 120;
    let most = hours.iter().copied().max().unwrap_or(0).max(1);
    let bars: String = (0u64..)
        .zip(hours)
        .map(|(hour, count)| {
            let (x, height) = (hour * WIDTH, count * HEIGHT / most);
            let number = match count {
                0 => String::new(),
                count => format!("<text x={} y={} class=value>{count}</text>", x + WIDTH / 2, HEIGHT - height + 14),
            };
            format!(
                "<rect x={} y={} width={} height={height} class=bar />{number}<text x={} y={}>{hour}</text>",
                x + 2,
                HEIGHT - height + 18,
                WIDTH - 4,
                x + WIDTH / 2,
                HEIGHT + 34,
            )
        })
        .collect();
    let rows: String = (0..)
        .zip(hours)
        .filter(|(_, count)| **count > 0)
        .map(|(hour, count): (u32, _)| format!("<tr><th scope=row>{hour}:00<td>{count}"))
        .collect();
    format!(
        "<figure><figcaption>{}</figcaption><svg class=chart viewBox=\"0 0 {} {}\" aria-hidden=true>{bars}</svg>\
         <details><summary>{}</summary><table class=figures>{rows}</table></details></figure>",
        lang.pick("Ảnh gốc nhận được theo giờ", "Captures received by hour"),
        24 * WIDTH,
        HEIGHT + 40,
        lang.pick("Xem dạng bảng", "As a table"),
    )
}
