//! The numbers of a day as tables, for people and for programs.

use std::collections::BTreeMap;

use crate::http::html::escaped;
use crate::model::Lang;
use crate::store::{Millis, State as ComponentState};

use super::super::dossiers::moment;
use super::counted::{Counted, Origin};

/// Of all dossiers with both sides: the least that has full points for "digitised dossiers" of the index by Quyết định 766/QĐ-TTg.
const TARGET_PERCENT: u64 = 80;

/// A table of a page: what is counted, and the numbers.
pub(super) struct Table {
    pub(super) title: &'static str,
    /// What is counted, in a sentence.
    told: &'static str,
    pub(super) rows: Vec<(String, String)>,
    /// Where that is listed which the first row counts.
    list: Option<&'static str>,
}

impl Table {
    /// As markup; whether the visitor may see the papers themselves, too, says whether lists of them are led to.
    pub(super) fn to_html(&self, sees_papers: bool) -> String {
        let row = |(index, (name, value)): (usize, &(String, String))| {
            let value = match self.list.filter(|_| sees_papers && index == 0 && value != "0") {
                Some(list) => format!("<a href={list}>{}</a>", escaped(value)),
                None => escaped(value),
            };
            format!("<tr><th scope=row>{}<td>{value}", escaped(name))
        };
        let rows: String = self.rows.iter().enumerate().map(row).collect();
        format!(
            "<table class=figures><caption>{} <span class=dim>{}</span></caption>{rows}</table>",
            self.title, self.told
        )
    }
}

impl Counted {
    pub(super) fn tables(&self, lang: Lang, offset: time::UtcOffset) -> Vec<Table> {
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
                list: None,
            },
            Table {
                title: lang.pick("Trang đã xử lý", "Pages made"),
                told: lang.pick(
                    "trang của các thành phần xử lý xong trong ngày, theo nơi ảnh gốc đến",
                    "pages of components made in the day, by where their captures came from",
                ),
                rows: by_origin(&self.pages),
                list: None,
            },
            Table {
                title: lang.pick("Thành phần xử lý xong", "Components made"),
                told: lang.pick("xử lý xong trong ngày, theo trạng thái hiện nay", "made in the day, by their state now"),
                rows: ComponentState::ALL
                    .iter()
                    .zip(self.states)
                    .map(|(state, count)| (state.name(lang).to_owned(), count.to_string()))
                    .collect(),
                list: None,
            },
            Table {
                title: lang.pick("Lý do quét lại", "Reasons for rescans"),
                told: lang.pick("số lần, trên các trang của thành phần trong ngày", "how often, on pages of the day's components"),
                rows: reasons,
                list: None,
            },
            Table {
                title: lang.pick("Từ ảnh gốc đầu tiên đến xử lý xong", "From the first capture to made"),
                told: lang.pick("thành phần xử lý xong trong ngày", "components made in the day"),
                rows: spread(&self.made_after),
                list: None,
            },
            Table {
                title: lang.pick("Từ xử lý xong đến ký", "From made to signed"),
                told: lang.pick("thành phần từng chờ ký, được ký trong ngày", "components that waited, signed in the day"),
                rows: signed,
                list: None,
            },
            Table {
                title: lang.pick("Đang chờ ký", "Waiting for a signature"),
                told: lang.pick("lúc này, phiên bản mới nhất trong hồ sơ", "now, newest versions in dossiers"),
                rows: vec![
                    row("Số thành phần", "Components", self.unsigned.0.to_string()),
                    row("Chờ lâu nhất từ", "The oldest since", self.unsigned.1.map_or_else(dash, |time| moment(time, offset))),
                ],
                list: Some("/sign"),
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
                list: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_leads_to_its_list_for_those_who_may_see_it() {
        let table = |count: &str| {
            let rows = vec![("a".to_owned(), count.to_owned()), ("b".to_owned(), "1".to_owned())];
            Table { title: "t", told: "", rows, list: Some("/sign") }
        };
        let text = table("2").to_html(true);
        assert!(text.contains("<a href=/sign>2</a>") && text.matches("<a ").count() == 1, "{text}");
        assert!(!table("2").to_html(false).contains("<a ") && !table("0").to_html(true).contains("<a "));
    }

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
}
