//! Digits of a machine-readable zone: what they may have been read as, and what their check digits say.

/// Whether there are digits and nothing else.
pub(super) fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters that look like digits as digits.
pub(super) fn digits(text: &str) -> String {
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
pub(super) fn check_digit(text: &str) -> char {
    let value = |b: u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'Z' => u32::from(b - b'A') + 10,
        _ => 0,
    };
    let sum: u32 = text.bytes().zip([7, 3, 1].into_iter().cycle()).map(|(b, weight)| value(b) * weight).sum();
    char::from_digit(sum % 10, 10).unwrap_or('0')
}

/// A text that is by one digit too long without each that is like the next.
pub(super) fn shortened(text: &str, length: usize) -> Vec<String> {
    if text.len() == length {
        return vec![text.to_owned()];
    }
    let is_like = |at: &usize| {
        let (own, next) = (char::from(text.as_bytes()[*at]), char::from(text.as_bytes()[at + 1]));
        own == next || alike(text.as_bytes()[*at]).contains(next) || (readings(own) + &readings(next)).contains("53")
    };
    (0..text.len() - 1).filter(is_like).map(|at| format!("{}{}", &text[..at], &text[at + 1..])).collect()
}

/// A text with another digit in the place of each of these.
pub(super) fn others(text: &str, of: impl Fn(&usize) -> bool) -> Vec<String> {
    let at = (0..text.len()).filter(of);
    let ways = at.flat_map(|at| {
        let others = alike(text.as_bytes()[at]).chars();
        others.map(move |other| format!("{}{other}{}", &text[..at], &text[at + 1..]))
    });
    ways.collect()
}

/// Digits for which a digit stands that was read.
pub(super) fn readings(digit: char) -> String {
    if digit == '5' { "53".to_owned() } else { digit.to_string() }
}

/// All ways in which digits may have been read so.
pub(super) fn all_readings(text: &str) -> Vec<String> {
    text.chars().fold(vec![String::new()], |ways, digit| {
        let readings = readings(digit);
        ways.iter().flat_map(|way| readings.chars().map(move |digit| format!("{way}{digit}"))).collect()
    })
}

/// Digits for which others are misread now and then, but for those that differ by five.
fn alike(digit: u8) -> &'static str {
    match digit {
        b'0' => "689",
        b'1' => "47",
        b'3' => "95",
        b'4' => "1",
        b'5' => "68",
        b'6' => "058",
        b'7' => "1",
        b'8' => "069",
        b'9' => "083",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_the_standard() {
        // The examples of ICAO Doc 9303, part 3 and part 5.
        assert_eq!(check_digit("520727"), '3');
        assert_eq!(check_digit("AB2134<<<"), '5');
        assert_eq!(check_digit("D231458907<<<<<<<<<<<<<<<74081221204159<<<<<<<<<<<"), '6');
    }

    #[test]
    fn digits_have_their_readings() {
        assert_eq!(all_readings("157"), ["157", "137"]);
        assert_eq!(shortened("1355", 3), ["155", "135"]);
        assert_eq!((shortened("12", 2), others("2", |_| true)), (vec!["12".to_owned()], vec![]));
    }
}
