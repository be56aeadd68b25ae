//! The machine-readable zone on the back of an identity card: TD1, three rows of thirty (ICAO Doc 9303, part 5), with five
//! check digits. Vietnam has the last nine digits of the number in the first field and all twelve behind it.
//!
//! The zone is read by what reads Vietnamese print. Its fillers come out well, but the 3 of OCR-B as 5 more often than not,
//! some digits as letters, some twice, and letters as digits. So a row is known by what must stand in it, and of all numbers
//! and days that may have been read so those are taken that check digits and calendar leave, where they leave one.

use super::digits::{all_readings, check_digit, digits, is_digits, others, readings, shortened};
use super::flow::{Cut, Flow};
use super::grammar::calendar;
use super::phrase::distance;
use crate::model::unmarked;

/// Who issues the cards, in the first two rows.
const ISSUER: &str = "VNM";
/// The issuer of the first row begins here at the latest: what reading made of the type may be longer.
const ISSUER_BEFORE: usize = 5;
/// Digits of the first row: nine, their check digit, and all twelve.
const NUMBER: usize = 9;
const DIGITS: usize = 22;
const LONG: usize = 12;
/// Digits of a day with its check digit.
const DAY: usize = 7;
/// The fillers of the second row.
const FILLERS: &str = "<<<<<<<<<<<";
/// What is written where a card does not expire.
const ENDLESS: &str = "991231";
/// Rows that reading may have put between two rows of the zone.
const BETWEEN: usize = 1;
/// So many fillers end a name; within it stand two at most.
const END_OF_NAME: usize = 3;
/// Where people are registered (TT 59/2021/TT-BCA).
const PLACES: std::ops::Range<&str> = "001".."097";

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
    /// Without marks, in capitals; empty where it was not read.
    pub(super) name: String,
    /// Whether the check digits say that the number, the day of birth and that of expiry are right.
    pub(super) fits: [bool; 3],
}

/// Digits as they were read.
#[derive(Clone)]
struct Digits {
    /// Nine, their check digit, and all twelve.
    number: String,
    /// Check digit of all twelve.
    long_check: Option<char>,
    /// Year, month, day, check digit.
    birth: String,
    expiry: String,
    /// Check digit of all of it.
    all_check: Option<char>,
}

/// What they may stand for.
#[derive(Clone, PartialEq)]
struct Way {
    identity: String,
    birth: String,
    expiry: String,
}

/// The zone among the rows of a paper, and its place.
pub(super) fn find(flow: &Flow<'_>) -> Option<(Mrz, Cut)> {
    let rows: Vec<String> = (0..flow.rows.len()).map(|row| solid(&flow.row_text(row))).collect();
    let after = |row: usize| row + 1..rows.len().min(row + 2 + BETWEEN);
    (0..rows.len()).find_map(|first| {
        number_row(&rows[first])?;
        let second = after(first).find(|row| days_row(&rows[*row]).is_some())?;
        let third = after(second).find(|row| is_name_row(&rows[*row]));
        let mrz = parse(&[&rows[first], &rows[second], third.map_or("", |row| &rows[row])])?;
        let words = flow.rows[first].pieces.start..flow.rows[third.unwrap_or(second)].pieces.end;
        Some((mrz, flow.cut(words)?))
    })
}

/// A row as the zone's letters: capitals, digits and fillers.
fn solid(text: &str) -> String {
    let text = text.replace('«', "<<").replace(['‹', '(', '{', '['], "<");
    let letters = unmarked(&text).flat_map(char::to_uppercase);
    letters.filter(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '<').collect()
}

/// The digits of the first row, perhaps one too many, and its last check digit where it was read.
fn number_row(row: &str) -> Option<(String, Option<char>)> {
    let starts = 0..=ISSUER_BEFORE.min(row.len().checked_sub(ISSUER.len() + DIGITS)?);
    let start = starts.min_by_key(|start| distance(&row[*start..start + ISSUER.len()], ISSUER))?;
    let (issuer, rest) = row[start..].split_at(ISSUER.len());
    let end = rest.find('<').unwrap_or(DIGITS).max(DIGITS);
    let own = digits(&rest[..end]);
    let is_one = distance(issuer, ISSUER) <= 1 && is_digits(&own) && end <= DIGITS + 1;
    is_one.then(|| (own, last_digit(&rest[end..])))
}

/// Both days of the second row with their check digits, each perhaps with a digit too many, the sex between them, and the
/// last check digit.
fn days_row(row: &str) -> Option<(String, char, String, Option<char>)> {
    let sex = row.char_indices().skip(DAY).take(2).find(|(_, c)| !digits(&c.to_string()).contains(char::is_numeric))?;
    let (birth, rest) = (digits(&row[..sex.0]), &row[sex.0 + 1..]);
    let ends = (DAY..=DAY + 1).filter(|end| rest.len() >= end + ISSUER.len());
    let end = ends.min_by_key(|end| distance(&rest[*end..end + ISSUER.len()], ISSUER))?;
    let expiry = digits(&rest[..end]);
    let is_issued = distance(&rest[end..end + ISSUER.len()], ISSUER) <= 1;
    let is_one = is_issued && is_digits(&birth) && is_digits(&expiry);
    is_one.then(|| (birth, sex.1, expiry, last_digit(&rest[end + ISSUER.len()..])))
}

/// A name and fillers.
fn is_name_row(row: &str) -> bool {
    row.starts_with(|c: char| c.is_ascii_uppercase()) && row.contains("<<")
}

/// The check digit that ends a row of fillers.
fn last_digit(fillers: &str) -> Option<char> {
    digits(fillers).chars().last().filter(char::is_ascii_digit)
}

/// Reads three rows; letters are put right where only digits stand, and digits by their checks.
pub(super) fn parse(rows: &[&str; 3]) -> Option<Mrz> {
    let (number, long_check) = number_row(rows[0])?;
    let (birth, sex, expiry, all_check) = days_row(rows[1])?;
    let read = Digits { number, long_check, birth, expiry, all_check };
    let ways = ways(&read);
    let way = ways.first().cloned().unwrap_or_else(|| read.as_it_is());
    // Where several ways are left, what all of them say is sure.
    let agrees = |of: fn(&Way) -> &String| !ways.is_empty() && ways.iter().all(|other| of(other) == of(&way));
    let fits = [agrees(|way| &way.identity), agrees(|way| &way.birth), agrees(|way| &way.expiry)];
    let is_woman = way.identity.as_bytes()[3] % 2 == 1;
    let sex = match sex {
        'M' => Some("Nam"),
        'F' => Some("Nữ"),
        // It is in the number.
        _ => fits[0].then_some(if is_woman { "Nữ" } else { "Nam" }),
    };
    let (birth, expiry) = (born(&way.birth, &way.identity), ends(&way.expiry));
    Some(Mrz { birth, sex, expiry, identity: way.identity, name: name(rows[2]), fits })
}

impl Digits {
    fn as_it_is(&self) -> Way {
        let identity = self.number[self.number.len() - LONG..].to_owned();
        Way { identity, birth: self.birth[..6].to_owned(), expiry: self.expiry[..6].to_owned() }
    }

    /// The same without digits that were read twice.
    fn shortened(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for number in shortened(&self.number, DIGITS) {
            for birth in shortened(&self.birth, DAY) {
                for expiry in shortened(&self.expiry, DAY) {
                    let (number, birth) = (number.clone(), birth.clone());
                    all.push(Self { number, birth, expiry, ..self.clone() });
                }
            }
        }
        all
    }

    /// The same with one digit misread. The place is left out: what changes there by five fits all checks in another way.
    fn changed(&self) -> Vec<Self> {
        let is_twice = |at: &usize| !(NUMBER + 1..NUMBER + 1 + LONG - NUMBER).contains(at);
        let number = others(&self.number, is_twice).into_iter().map(|number| Self { number, ..self.clone() });
        let birth = others(&self.birth, |_| true).into_iter().map(|birth| Self { birth, ..self.clone() });
        let expiry = others(&self.expiry, |_| true).into_iter().map(|expiry| Self { expiry, ..self.clone() });
        number.chain(birth).chain(expiry).collect()
    }
}

/// What may have been read so and fits all check digits that were read: as few changes as can be, on the birthday where
/// cards expire.
fn ways(read: &Digits) -> Vec<Way> {
    let all = read.shortened();
    let mut found: Vec<Way> = all.iter().flat_map(fitting).collect();
    if found.is_empty() {
        found = all.iter().flat_map(Digits::changed).flat_map(|read| fitting(&read)).collect();
    }
    let on_birthday = |way: &Way| way.expiry == ENDLESS || way.expiry[2..] == way.birth[2..];
    if found.iter().any(on_birthday) {
        found.retain(on_birthday);
    }
    found
}

fn fitting(read: &Digits) -> Vec<Way> {
    if read.number.len() != DIGITS || read.birth.len() != DAY || read.expiry.len() != DAY {
        return Vec::new();
    }
    let (nine, rest) = read.number.split_at(NUMBER);
    let (check, long) = rest.split_at(1);
    let (place, tail) = long.split_at(LONG - NUMBER);
    let may_be = |value: char, read: Option<char>| read.is_none_or(|read| readings(read).contains(value));
    let places: Vec<String> =
        all_readings(place).into_iter().filter(|place| PLACES.contains(&place.as_str())).collect();
    let day = |day: &str| -> Vec<String> {
        let check = day.chars().last();
        all_readings(&day[..6]).into_iter().filter(|day| may_be(check_digit(day), check)).collect()
    };
    let (births, expiries) = (day(&read.birth), day(&read.expiry));
    let tails = all_readings(tail);
    let nines = all_readings(nine).into_iter().filter(|nine| tails.contains(nine));
    let mut ways = Vec::new();
    for nine in nines.filter(|nine| may_be(check_digit(nine), check.chars().next())) {
        for identity in places.iter().map(|place| format!("{place}{nine}")) {
            let long_check = check_digit(&identity);
            if !may_be(long_check, read.long_check) {
                continue;
            }
            // The year of birth is in the number, too.
            for birth in births.iter().filter(|day| day[..2] == identity[4..6] && born(day, &identity).is_some()) {
                for expiry in expiries.iter().filter(|day| ends(day).is_some()) {
                    let checked = |text: &str| format!("{text}{}", check_digit(text));
                    let all = format!(
                        "{}{identity}<<{long_check}{}{}{FILLERS}",
                        checked(&nine),
                        checked(birth),
                        checked(expiry)
                    );
                    if may_be(check_digit(&all), read.all_check) {
                        ways.push(Way { identity: identity.clone(), birth: birth.clone(), expiry: expiry.clone() });
                    }
                }
            }
        }
    }
    ways
}

/// The day of birth, whose century is in the number (NĐ 137/2015/NĐ-CP Điều 13).
fn born(day: &str, identity: &str) -> Option<String> {
    let century = 19 + (identity.as_bytes()[3] - b'0') / 2;
    calendar(&format!("{century}{}", &day[..2]), &day[2..4], &day[4..6])
}

fn ends(day: &str) -> Option<String> {
    calendar(&format!("20{}", &day[..2]), &day[2..4], &day[4..6])
}

/// The name before the fillers that end the row, digits as the letters that they look like.
fn name(row: &str) -> String {
    let end = row.find(&"<".repeat(END_OF_NAME)).unwrap_or(row.len());
    let letter = |c: char| match c {
        '0' => 'O',
        '1' => 'I',
        '2' => 'Z',
        '5' => 'S',
        '6' => 'G',
        '8' => 'B',
        '<' => ' ',
        other => other,
    };
    let letters: String = row[..end].chars().map(letter).filter(|c| !c.is_ascii_digit()).collect();
    // The same letter read twice, once as a digit: no name has two of these.
    let letters = letters.replace("II", "I").replace("OO", "O");
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An invented card, made by the rules: its check digits were reckoned apart from this program.
    pub(in crate::extract) const ZONE: [&str; 3] =
        ["IDVNM0900001233052090000123<<0", "9001158M3001156VNM<<<<<<<<<<<0", "NGUYEN<<VAN<AN<<<<<<<<<<<<<<<<"];

    #[test]
    fn a_zone_is_read_with_all_its_check_digits() {
        let mrz = parse(&ZONE).unwrap();
        assert_eq!(mrz.identity, "052090000123");
        assert_eq!(
            (mrz.birth.as_deref(), mrz.sex, mrz.expiry.as_deref()),
            (Some("1990-01-15"), Some("Nam"), Some("2030-01-15"))
        );
        assert_eq!((mrz.name.as_str(), mrz.fits), ("NGUYEN VAN AN", [true; 3]));
    }

    #[test]
    fn letters_where_digits_stand_and_wrong_numbers_of_fillers_do_no_harm() {
        let read = ["IDVNMO90000I233O52O9OOOO123<<0", "9001158M3001156VNM<<<<<<<<0", "NGUYEN<<VAN<AN<<<<<<<<<<<<<<"];
        assert_eq!(parse(&read), parse(&ZONE));
        let read = ["1DVNM0900001233052090000123«0", "9001158M3001156VNM<<<¿", "NGUYEN<<VAN<AN<<<K<<<<"].map(solid);
        assert_eq!(parse(&read.each_ref().map(String::as_str)), parse(&ZONE));
        // Without the last check digits 032 would do as well.
        let lost = parse(&["IDVNM0900001233052090000123", "9001158M3001156VNM", "NGUYEN<<VAN<AN"]).unwrap();
        assert_eq!((lost.identity.as_str(), lost.fits), ("052090000123", [false, true, true]));
    }

    #[test]
    fn threes_that_were_read_as_fives_are_told_by_the_checks() {
        // As pictures of invented cards in OCR-B were read.
        let read = ["1DVNM0948145586035094814538<<8", "9402249M3402247VNM<<<<<<<<<<<2", "D0<<TUONG<TUE<KHUYEN<<<<"];
        let mrz = parse(&read).unwrap();
        assert_eq!((mrz.identity.as_str(), mrz.name.as_str()), ("033094814538", "DO TUONG TUE KHUYEN"));
        assert_eq!((mrz.birth.as_deref(), mrz.expiry.as_deref()), (Some("1994-02-24"), Some("2034-02-24")));
        assert_eq!(mrz.fits, [true; 3]);
        let twice = ["1DVNM0675150754016067515075<<5", "67050935M27035095VNM<<<<<<<6", "DANG<<DUC<TUE<NGAT<<<"];
        let mrz = parse(&twice).unwrap();
        assert_eq!((mrz.identity.as_str(), mrz.birth.as_deref()), ("016067515075", Some("1967-03-09")));
    }

    #[test]
    fn what_is_wrong_is_put_right_or_noticed() {
        for (row, right, wrong) in
            [(0, "0900001233", "0900007233"), (0, "3052090000123", "3052090000129"), (1, "9001158M", "9001168M")]
        {
            let mut rows = ZONE;
            let text = ZONE[row].replace(right, wrong);
            rows[row] = &text;
            assert_eq!(parse(&rows), parse(&ZONE), "{wrong}");
        }
        let wrong = ZONE[0].replace("0900001233", "0911001233");
        assert_eq!(parse(&[&wrong, ZONE[1], ZONE[2]]).unwrap().fits, [false; 3]);
        let sexless = ZONE[1].replace("8M3", "8<3");
        assert_eq!(parse(&[ZONE[0], &sexless, ZONE[2]]).unwrap().sex, Some("Nam"));
        assert_eq!(parse(&["IDVNM", ZONE[1], ZONE[2]]), None);
        assert_eq!(parse(&[ZONE[1], ZONE[0], ZONE[2]]), None);
    }
}
