//! A day that is asked for, and tables that programs read.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time, UtcOffset};

use crate::model::csv_text;
use crate::service::millis;
use crate::store::Millis;

/// A day of the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    date: Date,
    offset: UtcOffset,
}

impl Day {
    /// The day of a text such as `2026-11-30`; else that of `now`.
    pub(super) fn of(text: Option<&str>, now: OffsetDateTime) -> Self {
        let format = format_description!("[year]-[month]-[day]");
        let date = text.and_then(|text| Date::parse(text, format).ok());
        Self { date: date.unwrap_or(now.date()), offset: now.offset() }
    }

    /// As the calendar has it.
    pub(super) fn date(self) -> Date {
        self.date
    }

    /// Its first millisecond, and the first after it.
    pub(super) fn span(self) -> (Millis, Millis) {
        let from = millis(OffsetDateTime::new_in_offset(self.date, Time::MIDNIGHT, self.offset));
        (from, from.saturating_add(24 * 3_600_000))
    }

    /// `2026-11-30`, for fields and addresses.
    pub(super) fn code(self) -> String {
        format!("{:04}-{:02}-{:02}", self.date.year(), u8::from(self.date.month()), self.date.day())
    }

    /// `30/11/2026`.
    pub(super) fn name(self) -> String {
        format!("{:02}/{:02}/{}", self.date.day(), u8::from(self.date.month()), self.date.year())
    }
}

/// A moment for programs, `2026-11-30 08:15:03`.
pub(super) fn stamp(time: Millis, offset: UtcOffset) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = OffsetDateTime::from_unix_timestamp(time.div_euclid(1000)).map(|time| time.to_offset(offset));
    time.ok().and_then(|time| time.format(format).ok()).unwrap_or_default()
}

/// Rows as a table for office programs.
pub(super) fn csv(rows: &[Vec<String>], name: &str) -> Response {
    let mut response = csv_text(rows).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename={name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_is_that_of_the_clock_on_the_wall() {
        let now = datetime!(2026-11-30 05:00 +7);
        let day = Day::of(Some("2026-11-29"), now);
        assert_eq!((day.code(), day.name()), ("2026-11-29".to_owned(), "29/11/2026".to_owned()));
        assert_eq!(day.span().0, millis(datetime!(2026-11-28 17:00 UTC)));
        assert_eq!(stamp(1_000, UtcOffset::from_hms(7, 0, 0).unwrap()), "1970-01-01 07:00:01");
        for wrong in [None, Some(""), Some("30/11/2026"), Some("2026-02-30"), Some("<b>")] {
            assert_eq!(Day::of(wrong, now).code(), "2026-11-30");
        }
    }
}
