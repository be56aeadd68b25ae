//! The machine-readable zone on the back of an identity card: TD1, three rows of thirty (ICAO Doc 9303, part 5), with five
//! check digits. Vietnam has the last nine digits of the number in the first field and all twelve behind it.

use super::flow::{Cut, Flow};
use super::grammar::calendar;

/// Letters of a row.
const LENGTH: usize = 30;
/// Letters of a row that reading may have lost or made up at the filler.
const LOST: usize = 4;
/// Years from here on are of this century in a date of expiry, and those up to here in one of birth, where the number does
/// not say it.
const CENTURY_FROM: u8 = 40;

/// What the zone says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mrz {
    /// All twelve digits.
    pub(super) identity: String,
    /// `1990-01-15`.
    pub(super) birth: Option<String>,
    /// `Nam` or `Nữ`.
    pub(super) sex: Option<&'static str>,
    /// `2040-01-15`.
    pub(super) expiry: Option<String>,
    /// Without marks, in capitals.
    pub(super) name: String,
    /// Check digits that fit, of the five: number, birth, expiry, the long number's, all.
    pub(super) fits: [bool; 5],
}

/// The zone among the rows of a paper, and its place.
pub(super) fn find(flow: &Flow<'_>) -> Option<(Mrz, Cut)> {
    (0..flow.rows.len().saturating_sub(2)).find_map(|row| {
        let rows: Vec<String> = (row..row + 3).map(|row| solid(&flow.row_text(row))).collect();
        let mrz = parse(&[&rows[0], &rows[1], &rows[2]])?;
        let words = flow.rows[row].pieces.start..flow.rows[row + 2].pieces.end;
        Some((mrz, flow.cut(words)?))
    })
}

/// A row without spaces, fillers as one sign each.
fn solid(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    text.replace('«', "<<").replace('‹', "<").to_uppercase()
}

/// Reads three rows; letters are put right where only digits stand, and digits where only letters do.
pub(super) fn parse(rows: &[&str; 3]) -> Option<Mrz> {
    let [first, second, third] = [row(rows[0])?, row(rows[1])?, row(rows[2])?];
    if !first.starts_with("ID") && !first.starts_with("1D") {
        return None;
    }
    let (number, check, long) = (digits(&first[5..14]), digits(&first[14..15]), digits(&first[15..27]));
    let long_check = digits(&first[29..30]);
    let (birth, expiry) = (digits(&second[..7]), digits(&second[8..15]));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(&long) || !is_digits(&birth) || !third.contains("<<") {
        return None;
    }
    let all = format!("{number}{check}{long}{}{long_check}{birth}{expiry}{}", &first[27..29], &second[18..29]);
    let fits_of = |text: &str, digit: &str| digit == check_digit(text).to_string();
    let fits = [
        fits_of(&number, &check) && long.ends_with(&number),
        fits_of(&birth[..6], &birth[6..]),
        fits_of(&expiry[..6], &expiry[6..]),
        fits_of(&long, &long_check),
        fits_of(&all, &digits(&second[29..30])),
    ];
    let century = match long.as_bytes()[3] {
        b'0' | b'1' => 19,
        b'2' | b'3' => 20,
        _ => {
            if birth[..2].parse::<u8>().ok()? > CENTURY_FROM {
                19
            } else {
                20
            }
        }
    };
    let name = third.replace(|c: char| c == '<' || c.is_ascii_digit(), " ");
    Some(Mrz {
        birth: calendar(&format!("{century}{}", &birth[..2]), &birth[2..4], &birth[4..6]),
        sex: match &second[7..8] {
            "M" => Some("Nam"),
            "F" => Some("Nữ"),
            _ => None,
        },
        // 991231 is written where a card does not expire.
        expiry: calendar(&format!("20{}", &expiry[..2]), &expiry[2..4], &expiry[4..6]),
        identity: long,
        name: name.split_whitespace().collect::<Vec<_>>().join(" "),
        fits,
    })
}

/// Thirty letters: fillers at the end are made up for, or taken away.
fn row(text: &str) -> Option<String> {
    let is_zone = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '<';
    if !text.chars().all(is_zone) || !text.contains('<') || text.len() + LOST < LENGTH || text.len() > LENGTH + LOST {
        return None;
    }
    let filled = format!("{text:<<LENGTH$}");
    let is_filler = |extra: &str| extra.bytes().all(|b| b == b'<');
    // A check digit ends the second row: fillers before it are those that reading lost.
    match text.len() {
        LENGTH => Some(text.to_owned()),
        length if length > LENGTH && is_filler(&text[LENGTH..]) => Some(text[..LENGTH].to_owned()),
        length if length < LENGTH && text.ends_with(|c: char| c.is_ascii_digit()) => {
            let (head, last) = text.split_at(length - 1);
            Some(format!("{head:<<width$}{last}", width = LENGTH - 1))
        }
        length if length < LENGTH => Some(filled),
        _ => None,
    }
}

/// Letters that look like digits as digits.
fn digits(text: &str) -> String {
    let digit = |c: char| match c {
        'O' | 'Q' | 'D' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        other => other,
    };
    text.chars().map(digit).collect()
}

/// Weights 7, 3, 1; digits count as they are, letters from A = 10, fillers 0 (ICAO Doc 9303, part 3, 4.9).
fn check_digit(text: &str) -> u32 {
    let value = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'Z' => u32::from(b - b'A') + 10,
        _ => 0,
    };
    text.bytes().zip([7, 3, 1].into_iter().cycle()).map(|(b, weight)| value(b) * weight).sum::<u32>() % 10
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An invented card, made by the rules: its check digits were reckoned apart from this program.
    pub(in crate::extract) const ZONE: [&str; 3] =
        ["IDVNM0900001233052090000123<<0", "9001158M3001156VNM<<<<<<<<<<<0", "NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<"];

    #[test]
    fn check_digits_are_those_of_the_standard() {
        // The examples of ICAO Doc 9303, part 3 and part 5.
        assert_eq!(check_digit("520727"), 3);
        assert_eq!(check_digit("AB2134<<<"), 5);
        assert_eq!(check_digit("D231458907<<<<<<<<<<<<<<<74081221204159<<<<<<<<<<<"), 6);
    }

    #[test]
    fn a_zone_is_read_with_all_its_check_digits() {
        let mrz = parse(&ZONE).unwrap();
        assert_eq!(mrz.identity, "052090000123");
        assert_eq!(
            (mrz.birth.as_deref(), mrz.sex, mrz.expiry.as_deref()),
            (Some("1990-01-15"), Some("Nam"), Some("2030-01-15"))
        );
        assert_eq!((mrz.name.as_str(), mrz.fits), ("NGUYEN VAN AN", [true; 5]));
    }

    #[test]
    fn letters_where_digits_stand_and_lost_fillers_are_put_right() {
        let read = ["IDVNMO90000I233O52O9OOOO123<<0", "9001158M3001156VNM<<<<<<<<0", "NGUYEN<<VAN<AN<<<<<<<<<<<<<<"];
        assert_eq!(parse(&read), parse(&ZONE));
    }

    #[test]
    fn each_wrong_digit_is_noticed() {
        let wrong = ZONE[0].replace("3052", "4052");
        assert_eq!(parse(&[&wrong, ZONE[1], ZONE[2]]).unwrap().fits, [false, true, true, true, false]);
        let wrong = ZONE[1].replace("9001158", "9001258");
        assert_eq!(parse(&[ZONE[0], &wrong, ZONE[2]]).unwrap().fits, [true, false, true, true, false]);
        assert_eq!(parse(&["IDVNM", ZONE[1], ZONE[2]]), None);
        assert_eq!(parse(&[ZONE[1], ZONE[0], ZONE[2]]), None);
    }
}
