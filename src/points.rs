//! What dossiers are worth in the index by which agencies are judged (*Bộ chỉ số*, QĐ 766/QĐ-TTg): the items of digitisation, as far
//! as the store knows them.
//!
//! Maxima and rules are those of public programs that compute the index, not of the decision's own text: the points are for
//! reference (*tham khảo*), and all of them are settings.

use std::collections::BTreeMap;

use time::Date;

use crate::config::{ItemConfig, PointsConfig};
use crate::model::{DossierCode, Lang};
use crate::store::DossierDigitised;

/// An item of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// Results issued as files, of the dossiers whose procedure returns a paper.
    Result,
    /// Dossiers with a file among the components and one among the results.
    Both,
    /// Dossiers with a component that was digitised before and is used again.
    Reuse,
    /// Dossiers whose result the national portal's store has.
    Synced,
}

impl Item {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Result, Self::Both, Self::Reuse, Self::Synced];

    /// Its number in the index.
    pub fn number(self) -> &'static str {
        match self {
            Self::Result => "4.1",
            Self::Both => "4.2",
            Self::Reuse => "4.3",
            Self::Synced => "4.4",
        }
    }

    /// What people call it.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Result => lang.pick("Cấp kết quả điện tử", "Results issued as files"),
            Self::Both => lang.pick("Hồ sơ số hóa đủ hai phần", "Dossiers with both sides"),
            Self::Reuse => lang.pick("Tái sử dụng dữ liệu số hóa", "Digitised data used again"),
            Self::Synced => lang.pick("Kết quả đã giao cho cổng", "Results delivered to the portal"),
        }
    }

    /// How it is scored.
    pub fn rule(self, rules: &PointsConfig) -> ItemConfig {
        match self {
            Self::Result => rules.result,
            Self::Both => rules.both,
            Self::Reuse => rules.reuse,
            Self::Synced => rules.synced,
        }
    }
}

/// Points, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(pub u32);

impl Points {
    /// As people write them.
    pub fn text(self, lang: Lang) -> String {
        format!("{}{}{:02}", self.0 / 100, lang.pick(",", "."), self.0 % 100)
    }
}

/// The points of so many out of so many; none where there is nothing to be judged. What is not full is never rounded up to be.
fn points(rule: ItemConfig, part: u64, whole: u64) -> Option<Points> {
    let (max, full) = (u64::from(rule.max_hundredths), u64::from(rule.full_percent));
    let points = (max * part * 100).checked_div(whole * full)?;
    Some(Points(u32::try_from(points.min(max)).unwrap_or(rule.max_hundredths)))
}

/// Dossiers counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All with a day of receipt.
    pub dossiers: u64,
    /// Those whose procedure returns a paper.
    pub returning: u64,
    /// Of these, those whose result has a file.
    pub with_result: u64,
    /// Those with both sides.
    pub with_both: u64,
    /// Those with a paper that was not brought again.
    pub with_reused: u64,
    /// Of those that return a paper, those whose result was delivered.
    pub delivered: u64,
}

impl Counts {
    fn add(&mut self, dossier: &DossierDigitised) {
        let counts = |condition: bool| u64::from(condition);
        self.dossiers += 1;
        self.returning += counts(dossier.returns_paper);
        self.with_result += counts(dossier.returns_paper && dossier.has_result);
        self.with_both += counts(dossier.has_component && dossier.has_result);
        self.with_reused += counts(dossier.has_reused);
        self.delivered += counts(dossier.returns_paper && dossier.is_delivered);
    }

    /// What an item counts, out of what.
    pub fn of(&self, item: Item) -> (u64, u64) {
        match item {
            Item::Result => (self.with_result, self.returning),
            Item::Both => (self.with_both, self.dossiers),
            Item::Reuse => (self.with_reused, self.dossiers),
            Item::Synced => (self.delivered, self.returning),
        }
    }

    /// The points of an item; none where there is nothing to be judged.
    pub fn points(&self, item: Item, rules: &PointsConfig) -> Option<Points> {
        let (part, whole) = self.of(item);
        points(item.rule(rules), part, whole)
    }
}

/// A dossier that lacks a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its code.
    pub code: String,
    /// Whether its components have a file.
    pub has_component: bool,
    /// Whether its result has one.
    pub has_result: bool,
}

impl Missing {
    /// What it lacks, in words.
    pub fn lacks(&self, lang: Lang) -> &'static str {
        match (self.has_component, self.has_result) {
            (true, _) => lang.pick("chưa có kết quả", "no result"),
            (false, true) => lang.pick("chưa có thành phần", "no component"),
            (false, false) => lang.pick("chưa có thành phần và kết quả", "neither component nor result"),
        }
    }
}

/// The dossiers of a span of days, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By day of receipt and unit.
    pub rows: Vec<(Date, String, Counts)>,
    /// All together.
    pub total: Counts,
    /// Those that lack a side, by code.
    pub missing: Vec<Missing>,
    /// Dossiers whose code has no day that the calendar has: they are not counted.
    pub undated: u64,
}

/// A day as codes of dossiers have it.
pub fn day_in_code(day: Date) -> String {
    format!("{:02}{:02}{:02}", day.year().rem_euclid(100), u8::from(day.month()), day.day())
}

/// Counts dossiers by day of receipt and unit.
pub fn report(dossiers: &[DossierDigitised]) -> Report {
    let mut report = Report::default();
    let mut rows: BTreeMap<(Date, String), Counts> = BTreeMap::new();
    for dossier in dossiers {
        let code = dossier.code.parse::<DossierCode>().ok();
        let Some((code, day)) = code.and_then(|code| code.received().map(|day| (code, day))) else {
            report.undated += 1;
            continue;
        };
        rows.entry((day, code.agency().to_owned())).or_default().add(dossier);
        report.total.add(dossier);
        let DossierDigitised { has_component, has_result, .. } = *dossier;
        if !(has_component && has_result) {
            report.missing.push(Missing { code: dossier.code.clone(), has_component, has_result });
        }
    }
    report.rows = rows.into_iter().map(|((day, unit), counts)| (day, unit, counts)).collect();
    report
}

/// A report as a table: a row for each day and unit, one for all, and one for each dossier that lacks a side.
pub fn table(report: &Report, rules: &PointsConfig, lang: Lang) -> Vec<Vec<String>> {
    let head = [
        lang.pick("ngày tiếp nhận", "day of receipt"),
        lang.pick("đơn vị", "agency"),
        lang.pick("hồ sơ", "dossiers"),
        lang.pick("có trả giấy tờ", "returning a paper"),
        lang.pick("có tệp kết quả", "with a result"),
        lang.pick("đủ hai phần", "with both sides"),
        lang.pick("có giấy tờ dùng lại", "with a paper used again"),
        lang.pick("kết quả đã giao", "results delivered"),
        lang.pick("điểm 4.1 (tham khảo)", "points 4.1 (for reference)"),
        lang.pick("điểm 4.2 (tham khảo)", "points 4.2 (for reference)"),
        lang.pick("điểm 4.3 (tham khảo)", "points 4.3 (for reference)"),
        lang.pick("điểm 4.4 (tham khảo)", "points 4.4 (for reference)"),
        lang.pick("hồ sơ thiếu", "dossier that lacks"),
        lang.pick("tình trạng", "what it lacks"),
    ];
    let row = |day: String, unit: &str, counts: &Counts| {
        let Counts { dossiers, returning, with_result, with_both, with_reused, delivered } = *counts;
        let numbers = [dossiers, returning, with_result, with_both, with_reused, delivered];
        let points =
            Item::ALL.map(|item| counts.points(item, rules).map_or_else(String::new, |points| points.text(Lang::En)));
        let named = [day, unit.to_owned()].into_iter().chain(numbers.map(|number| number.to_string()));
        named.chain(points).chain([String::new(), String::new()]).collect()
    };
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(report.rows.iter().map(|(day, unit, counts)| row(day.to_string(), unit, counts)));
    rows.push(row(lang.pick("tất cả", "all").to_owned(), "", &report.total));
    for one in &report.missing {
        let mut cells = vec![String::new(); head.len() - 2];
        cells.extend([one.code.clone(), one.lacks(lang).to_owned()]);
        rows.push(cells);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn rules() -> PointsConfig {
        let raw = crate::config::RawConfig::parse("").unwrap();
        raw.check(std::num::NonZeroUsize::MIN, 1 << 30).unwrap().points
    }

    fn dossier(code: &str, has_component: bool, has_result: bool) -> DossierDigitised {
        let code = code.to_owned();
        DossierDigitised {
            code,
            has_component,
            has_result,
            returns_paper: true,
            is_delivered: false,
            has_reused: false,
        }
    }

    #[test]
    fn all_points_from_eighty_percent_and_in_proportion_below() {
        let rules = rules();
        let points = |part, whole| points(rules.both, part, whole).map(|points| points.0);
        assert_eq!((points(4, 5), points(80, 100), points(5, 5)), (Some(400), Some(400), Some(400)));
        assert_eq!(points(79, 100), Some(395));
        assert_eq!((points(1, 2), points(0, 7)), (Some(250), Some(0)));
        assert_eq!(points(79_999, 100_000), Some(399), "never rounded up to all");
        assert_eq!(points(0, 0), None);
        assert_eq!(super::points(rules.result, 99, 100), Some(Points(594)));
        let custom = |part, whole| super::points(ItemConfig { max_hundredths: 150, full_percent: 50 }, part, whole);
        assert_eq!((custom(1, 2), custom(1, 4)), (Some(Points(150)), Some(Points(75))));
        assert_eq!((Points(395).text(Lang::Vi), Points(5).text(Lang::En)), ("3,95".to_owned(), "0.05".to_owned()));
    }

    #[test]
    fn dossiers_are_counted_by_day_and_unit() {
        let report = report(&[
            dossier("H21.15-250701-0001", true, true),
            dossier("H21.15-250701-0002", true, false),
            DossierDigitised { has_reused: true, ..dossier("H21.16-250701-0001", false, true) },
            dossier("H21.15-250702-0001", false, false),
            dossier("H21.15-250631-0001", true, true),
            DossierDigitised { returns_paper: false, ..dossier("H21.15-250702-0002", true, false) },
        ]);
        let rows: Vec<_> = report.rows.iter().map(|(day, unit, counts)| (*day, &unit[..], counts.dossiers)).collect();
        let (first, second) = (date!(2025 - 07 - 01), date!(2025 - 07 - 02));
        assert_eq!(rows, [(first, "H21.15", 2), (first, "H21.16", 1), (second, "H21.15", 2)]);
        let counts = Counts { dossiers: 5, returning: 4, with_result: 2, with_both: 1, with_reused: 1, delivered: 0 };
        assert_eq!((report.total, report.undated), (counts, 1), "without a day of receipt it is not counted");
        let missing: Vec<_> = report.missing.iter().map(|one| (one.has_component, one.has_result)).collect();
        assert_eq!(missing, [(true, false), (false, true), (false, false), (true, false)]);
        assert_eq!(report.total.points(Item::Both, &rules()), Some(Points(100)));
        assert_eq!(report.total.points(Item::Reuse, &rules()), Some(Points(50)));
    }

    #[test]
    fn days_are_asked_for_as_codes_have_them() {
        assert_eq!(day_in_code(date!(2025 - 07 - 01)), "250701");
    }
}
