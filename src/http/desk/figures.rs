//! The figures of a day (*số liệu*): what came, what was made of it, how long that took, and how many dossiers have both sides.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::http::html::{escaped, in_path};
use crate::http::problem::Problem;
use crate::http::session::Visitor;
use crate::http::{App, Shared};
use crate::imaging::quality::Flag;
use crate::model::Lang;
use crate::service::listed;
use crate::store::{Figures, Millis, State as ComponentState};

use super::days::{Day, csv};
use super::dossiers::moment;
use super::page;

/// Of all dossiers with both sides: the least that has full points for "digitised dossiers" of the index by Quyết định 766/QĐ-TTg.
const TARGET_PERCENT: u64 = 80;
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
    let title = lang.pick("Số liệu trong ngày", "Figures of the day");
    let tables: String = counted.tables(lang, offset).iter().map(Table::to_html).collect();
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
         <a href=\"/figures.csv?day={}\" download>{}</a></form>{}<div class=tables>{tables}</div>{missing}",
        day.name(),
        lang.pick("Ngày", "Day"),
        day.code(),
        lang.pick("Xem", "Show"),
        day.code(),
        lang.pick("Tải CSV", "Download CSV"),
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

/// Where captures come from, as people say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Folder,
    Scan,
    Phone,
    Desk,
    Program,
}

impl Origin {
    const ALL: [Self; 5] = [Self::Folder, Self::Scan, Self::Phone, Self::Desk, Self::Program];

    fn of(source: &str) -> Self {
        match source.split('/').next() {
            Some("phone") => Self::Phone,
            Some("scan") => Self::Scan,
            Some("desk") => Self::Desk,
            Some("api") => Self::Program,
            _ => Self::Folder,
        }
    }

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Folder => lang.pick("Thư mục máy quét", "Scanners' folders"),
            Self::Scan => lang.pick("Quét từ quầy", "Scans from the desk"),
            Self::Phone => lang.pick("Điện thoại", "Phones"),
            Self::Desk => lang.pick("Tệp đưa vào tại quầy", "Files brought at the desk"),
            Self::Program => lang.pick("Phần mềm khác (API)", "Other programs (API)"),
        }
    }
}

/// The numbers of a day.
#[derive(Default)]
struct Counted {
    captures: BTreeMap<Origin, u64>,
    pages: BTreeMap<Origin, u64>,
    hours: [u64; 24],
    states: [u64; ComponentState::ALL.len()],
    reasons: BTreeMap<&'static str, u64>,
    made_after: Vec<Millis>,
    waited: Vec<Millis>,
    signed_at_once: u64,
    unsigned: (u64, Option<Millis>),
    dossiers: u64,
    both: u64,
    /// Dossiers with one side only; whether that is the components'.
    missing: Vec<(String, bool)>,
}

impl App {
    /// Counts what the store found, and the pages and their faults in the manifests.
    fn count(&self, figures: &Figures) -> Result<Counted, Problem> {
        let mut counted = Counted {
            waited: figures.waited.clone(),
            signed_at_once: figures.signed_at_once,
            unsigned: figures.unsigned,
            dossiers: figures.dossiers.len() as u64,
            ..Counted::default()
        };
        for (source, hour, count) in &figures.captures {
            *counted.captures.entry(Origin::of(source)).or_default() += count;
            counted.hours[(*hour).min(23)] += count;
        }
        for made in &figures.made {
            let index = ComponentState::ALL.iter().position(|state| *state == made.state);
            counted.states[index.expect("every state is in the list")] += 1;
            counted.made_after.extend(made.first_capture.map(|first| made.made - first));
            for listed in made.published.iter().filter_map(listed) {
                for page in &listed.pages {
                    let origin =
                        self.store.origin(&page.source.file.sha256)?.as_deref().map_or(Origin::Folder, Origin::of);
                    *counted.pages.entry(origin).or_default() += 1;
                    for flag in &page.quality.flags {
                        *counted.reasons.entry(word(flag)).or_default() += 1;
                    }
                }
                *counted.reasons.entry("unread").or_default() += listed.set_aside.len() as u64;
            }
        }
        counted.reasons.retain(|_, count| *count > 0);
        for sides in &figures.dossiers {
            match (sides.has_component, sides.has_result) {
                (true, true) => counted.both += 1,
                (has_component, _) => counted.missing.push((sides.code.clone(), has_component)),
            }
        }
        Ok(counted)
    }
}

/// The word for why a page wants a rescan.
fn word(flag: &Flag) -> &'static str {
    match flag {
        flag if flag.is_blur() => "blurred",
        Flag::CutOff => "cut-off",
        Flag::LowResolution { .. } => "low-resolution",
        Flag::TooDark => "too-dark",
        Flag::TooBright => "too-bright",
        Flag::Glare => "glare",
        _ => "other",
    }
}

fn reason(word: &str, lang: Lang) -> &'static str {
    match word {
        "blurred" => lang.pick("Mờ, nhòe", "Blurred"),
        "cut-off" => lang.pick("Thiếu góc hoặc mép", "Cut off"),
        "low-resolution" => lang.pick("Độ phân giải thấp", "Low resolution"),
        "too-dark" => lang.pick("Quá tối", "Too dark"),
        "too-bright" => lang.pick("Quá sáng", "Too bright"),
        "glare" => lang.pick("Lóa", "Glare"),
        "unread" => lang.pick("Tệp không đọc được", "File that cannot be read"),
        _ => lang.pick("Lý do khác", "Other"),
    }
}

/// A table of a page: what is counted, and the numbers.
struct Table {
    title: &'static str,
    /// What is counted, in a sentence.
    told: &'static str,
    rows: Vec<(String, String)>,
}

impl Table {
    fn to_html(&self) -> String {
        let rows: String = self
            .rows
            .iter()
            .map(|(name, value)| format!("<tr><th scope=row>{}<td>{}", escaped(name), escaped(value)))
            .collect();
        format!(
            "<table class=figures><caption>{} <span class=dim>{}</span></caption>{rows}</table>",
            self.title, self.told
        )
    }
}

impl Counted {
    fn tables(&self, lang: Lang, offset: time::UtcOffset) -> Vec<Table> {
        let of = |map: &BTreeMap<Origin, u64>, origin| map.get(&origin).copied().unwrap_or(0).to_string();
        let by_origin = |map| Origin::ALL.map(|origin| (origin.name(lang).to_owned(), of(map, origin))).to_vec();
        let row = |vi, en, value: String| (lang.pick(vi, en).to_owned(), value);
        let spread = |times: &[Millis]| {
            let (median, most) = (percentile(times, 50), percentile(times, 90));
            vec![
                row("Số thành phần", "Components", times.len().to_string()),
                row("Trung vị", "Median", median.map_or_else(dash, |time| duration(time, lang))),
                row("90 % không quá", "90 % within", most.map_or_else(dash, |time| duration(time, lang))),
            ]
        };
        let mut signed = spread(&self.waited);
        signed.push(row("Ký ngay khi xử lý", "Signed as they were made", self.signed_at_once.to_string()));
        let mut reasons: Vec<_> =
            self.reasons.iter().map(|(word, count)| (reason(word, lang).to_owned(), count.to_string())).collect();
        if reasons.is_empty() {
            reasons.push(row("Không có", "None", "0".to_owned()));
        }
        let percent = (self.dossiers > 0).then(|| self.both * 100 / self.dossiers);
        let verdict = percent.map_or_else(dash, |percent| match percent >= TARGET_PERCENT {
            true => lang.pick("Đạt", "Reached").to_owned(),
            false => lang.pick("Chưa đạt", "Not reached").to_owned(),
        });
        vec![
            Table {
                title: lang.pick("Ảnh gốc nhận được", "Captures received"),
                told: lang.pick("tệp đến trong ngày, kể cả tệp trùng", "files that came in the day, duplicates too"),
                rows: by_origin(&self.captures),
            },
            Table {
                title: lang.pick("Trang đã xử lý", "Pages made"),
                told: lang.pick(
                    "trang của các thành phần xử lý xong trong ngày, theo nơi ảnh gốc đến",
                    "pages of components made in the day, by where their captures came from",
                ),
                rows: by_origin(&self.pages),
            },
            Table {
                title: lang.pick("Thành phần xử lý xong", "Components made"),
                told: lang.pick("xử lý xong trong ngày, theo trạng thái hiện nay", "made in the day, by their state now"),
                rows: ComponentState::ALL
                    .iter()
                    .zip(self.states)
                    .map(|(state, count)| (state.name(lang).to_owned(), count.to_string()))
                    .collect(),
            },
            Table {
                title: lang.pick("Lý do quét lại", "Reasons for rescans"),
                told: lang.pick("số lần, trên các trang của thành phần trong ngày", "how often, on pages of the day's components"),
                rows: reasons,
            },
            Table {
                title: lang.pick("Từ ảnh gốc đầu tiên đến xử lý xong", "From the first capture to made"),
                told: lang.pick("thành phần xử lý xong trong ngày", "components made in the day"),
                rows: spread(&self.made_after),
            },
            Table {
                title: lang.pick("Từ xử lý xong đến ký", "From made to signed"),
                told: lang.pick("thành phần từng chờ ký, được ký trong ngày", "components that waited, signed in the day"),
                rows: signed,
            },
            Table {
                title: lang.pick("Đang chờ ký", "Waiting for a signature"),
                told: lang.pick("lúc này, phiên bản mới nhất trong hồ sơ", "now, newest versions in dossiers"),
                rows: vec![
                    row("Số thành phần", "Components", self.unsigned.0.to_string()),
                    row("Chờ lâu nhất từ", "The oldest since", self.unsigned.1.map_or_else(dash, |time| moment(time, offset))),
                ],
            },
            Table {
                title: lang.pick("Hồ sơ số hóa đủ hai phần", "Dossiers with both sides"),
                told: lang.pick(
                    "hồ sơ bắt đầu trong ngày có tệp thành phần và tệp kết quả (thành phần có mã giấy tờ kết quả), tình trạng lúc \
                     này; mức tối đa của QĐ 766/QĐ-TTg là từ 80 %",
                    "dossiers begun in the day that have a file of a component and one of a result (a component with a result \
                     code), as they are now; QĐ 766/QĐ-TTg gives full points from 80 %",
                ),
                rows: vec![
                    row("Hồ sơ trong ngày", "Dossiers of the day", self.dossiers.to_string()),
                    row("Có cả hai phần", "With both sides", self.both.to_string()),
                    row("Tỷ lệ", "Share", percent.map_or_else(dash, |percent| format!("{percent} %"))),
                    row("Mốc 80 %", "The 80 % line", verdict),
                ],
            },
        ]
    }
}

fn dash() -> String {
    "–".to_owned()
}

/// The time that so many of a hundred do not exceed (nearest rank).
fn percentile(times: &[Millis], percent: usize) -> Option<Millis> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// A time in words: the two largest units.
fn duration(time: Millis, lang: Lang) -> String {
    let seconds = time.max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, lang) {
        (0, 0, 0, Lang::Vi) => format!("{seconds} giây"),
        (0, 0, 0, Lang::En) => format!("{seconds} s"),
        (0, 0, minutes, Lang::Vi) => format!("{minutes} phút {} giây", seconds % 60),
        (0, 0, minutes, Lang::En) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes, Lang::Vi) => format!("{hours} giờ {minutes} phút"),
        (0, hours, minutes, Lang::En) => format!("{hours} h {minutes} min"),
        (days, hours, _, Lang::Vi) => format!("{days} ngày {hours} giờ"),
        (days, hours, _, Lang::En) => format!("{days} d {hours} h"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_there_were() {
        let times = [50, 10, 40, 20, 30, 60, 70, 80, 90, 100];
        assert_eq!((percentile(&times, 50), percentile(&times, 90)), (Some(50), Some(90)));
        assert_eq!((percentile(&[7], 50), percentile(&[], 90)), (Some(7), None));
    }

    #[test]
    fn times_are_told_in_two_units() {
        let told = [900, 61_000, 3_720_000, 90_000_000].map(|time| duration(time, Lang::Vi));
        assert_eq!(told, ["0 giây", "1 phút 1 giây", "1 giờ 2 phút", "1 ngày 1 giờ"]);
    }

    #[test]
    fn sources_are_told_apart() {
        let origins = ["phone/3", "scan/17", "desk", "api", "/srv/quet"].map(Origin::of);
        assert_eq!(origins, [Origin::Phone, Origin::Scan, Origin::Desk, Origin::Program, Origin::Folder]);
    }
}
