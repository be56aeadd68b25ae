//! Text into markup and tables. All that stands on a page and is not the page's own goes through [`escaped`] or [`in_path`].

use time::{OffsetDateTime, UtcOffset};

use crate::store::Millis;

/// A text as content or as the value of an attribute in quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A text as one segment of a path, or as a value in a query or header (RFC 3986, 2.3: all but unreserved characters are
/// escaped).
pub(crate) fn in_path(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// A message as a sentence: with a capital and a full stop.
pub(super) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// A moment as people write it, `08:15 30/11/2026`.
pub(crate) fn moment(time: Millis, offset: UtcOffset) -> String {
    let Ok(time) = OffsetDateTime::from_unix_timestamp(time.div_euclid(1000)) else { return String::new() };
    let time = time.to_offset(offset);
    format!("{:02}:{:02} {:02}/{:02}/{}", time.hour(), time.minute(), time.day(), u8::from(time.month()), time.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_cannot_become_markup() {
        assert_eq!(escaped("<b a='x' b=\"y\">&"), "&lt;b a=&#39;x&#39; b=&quot;y&quot;&gt;&amp;");
    }

    #[test]
    fn names_cannot_become_paths_or_headers() {
        assert_eq!(in_path("Tờ khai/../a\r\n\".pdf"), "T%E1%BB%9D%20khai%2F..%2Fa%0D%0A%22.pdf");
    }

    #[test]
    fn moments_are_those_of_the_clock_on_the_wall() {
        assert_eq!(moment(1_000, UtcOffset::from_hms(7, 0, 0).unwrap()), "07:00 01/01/1970");
    }
}
