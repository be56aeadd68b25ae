//! A value: what was read, what it means, where it stands, and how far it is to be trusted.

use serde::{Deserialize, Serialize, Serializer};

use crate::codes::Code;
use crate::model::{Lang, Rect};

use super::flow::Cut;
use super::grammar::{Fault, Reading};

/// What makes a value from print likely right: weights of a logistic regression, fitted on papers of `benches/papers/make` and held
/// against others of it (docs/extract.md has the table).
mod weight {
    /// Of every value.
    pub(super) const ALL: f32 = -0.64;
    /// Of the logarithm of what its least sure word lacks of certainty, which is at least the second.
    pub(super) const DOUBT: f32 = -1.80;
    pub(super) const LEAST_DOUBT: f32 = 0.005;
    /// Of the logarithm of the number of its letters.
    pub(super) const LENGTH: f32 = -0.36;
    /// Where it fits what it is held against, and where it does not.
    pub(super) const PASSED: f32 = 1.18;
    pub(super) const FAILED: f32 = -2.42;
    /// Where it is written by hand.
    pub(super) const BY_HAND: f32 = -2.32;
    /// Where it has letters, and not digits alone.
    pub(super) const LETTERS: f32 = -1.03;
    /// Where it is known by its own form.
    pub(super) const BY_FORM: f32 = 1.56;
    /// Of what its place lacks of certainty: a label misread, a form put right.
    pub(super) const PLACE: f32 = -1.0;
}
/// Most trust in a value that fails a check that came later.
const MOST_OF_FAILED: f32 = 0.6;
/// The same of what a code says, as a share of the trust in it.
const FAILED_OF_CODE: f32 = 0.6;
/// Trust in what a code says: it has error correction of its own, but may be another paper's.
pub(super) const OF_A_CODE: f32 = 0.99;
/// Trust in what a person says.
pub(super) const OF_A_PERSON: f32 = 0.99;
/// How much bluer ballpoint is than the ink of most of its page: on generated forms 13 to 44, faint ones too.
const BALLPOINT: f32 = 12.0;
/// Nothing that is read is certain.
const MOST: f32 = 0.99;

/// How far a value is to be trusted: by what people do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Below .40: to be keyed in by hand.
    Retype,
    /// .40 to .69: somebody must confirm it.
    Confirm,
    /// .70 to .89: worth a glance.
    Glance,
    /// .90 and more: taken as it is.
    Accept,
}

impl Band {
    /// The band of a confidence.
    pub fn of(confidence: f32) -> Self {
        match confidence {
            _ if confidence >= 0.90 => Self::Accept,
            _ if confidence >= 0.70 => Self::Glance,
            _ if confidence >= 0.40 => Self::Confirm,
            _ => Self::Retype,
        }
    }

    /// What is to be done, in few words.
    pub fn advice(self, lang: Lang) -> &'static str {
        match self {
            Self::Accept => lang.pick("tin được", "sure"),
            Self::Glance => lang.pick("nên xem lại", "look at it"),
            Self::Confirm => lang.pick("phải xác nhận", "confirm"),
            Self::Retype => lang.pick("nhập tay", "key in"),
        }
    }
}

/// How a value was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// From a QR code.
    Qr,
    /// From a bar code.
    Barcode,
    /// From a machine-readable zone.
    Mrz,
    /// Printed or written behind a label.
    PrintLabel,
    /// By its own form.
    PrintPattern,
    /// By its place on the paper.
    PrintPlace,
    /// A person said it.
    Person,
}

impl Method {
    /// How, in few words.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Qr => lang.pick("từ mã QR", "from the QR code"),
            Self::Barcode => lang.pick("từ mã vạch", "from the bar code"),
            Self::Mrz => lang.pick("từ vùng chữ máy đọc", "from the machine-readable zone"),
            Self::PrintLabel => lang.pick("theo nhãn in trên giấy", "by the label before it"),
            Self::PrintPattern => lang.pick("theo dạng chữ", "by its form"),
            Self::PrintPlace => lang.pick("theo vị trí trên giấy", "by its place on the paper"),
            Self::Person => lang.pick("người xác nhận", "a person said it"),
        }
    }
}

/// What validation says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// It fits all that it can be held against.
    Passed,
    /// There is nothing to hold it against.
    None,
    /// It does not fit.
    Failed,
}

/// A value of a paper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// What programs call the field.
    pub field: String,
    /// What people call it, in Vietnamese.
    pub title: String,
    /// The same in English.
    pub title_en: String,
    /// The text as it was read.
    pub text: String,
    /// The value in the one way in which such values are written.
    pub value: String,
    /// Trust in it, 0 to 1.
    #[serde(serialize_with = "three_digits")]
    pub confidence: f32,
    /// What is to be done with it.
    pub band: Band,
    /// Number of its page, from 1.
    pub page: usize,
    /// Where it stands on the page image, pixels.
    pub bounds: Rect,
    /// How it was got.
    pub method: Method,
    /// What validation says.
    pub check: Check,
    /// Whether it was written by hand, as its ink says: reading that is unsure.
    #[serde(default, skip_serializing_if = "is_not")]
    pub handwritten: bool,
    /// Of how many papers the label or the value was learnt that this value is due to; 0 where none was.
    #[serde(default, skip_serializing_if = "is_none")]
    pub taught: u32,
    /// Why it is doubted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

fn is_not(handwritten: &bool) -> bool {
    !handwritten
}

fn is_none(taught: &u32) -> bool {
    *taught == 0
}

/// A confidence without what its conversion to binary adds.
pub(super) fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 1000.0).round() / 1000.0
}

fn three_digits<S: Serializer>(confidence: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(rounded(*confidence))
}

/// What a field is called: by programs, in Vietnamese, in English.
pub(super) type Named<'a> = (&'a str, &'a str, &'a str);

impl Value {
    /// A value from what was cut out of a paper and what its grammar says of that. `trust` is that in its being this field.
    pub(super) fn new(
        (field, title, title_en): Named<'_>,
        cut: Cut,
        reading: Reading,
        method: Method,
        trust: f32,
    ) -> Self {
        let handwritten = cut.blue >= BALLPOINT;
        let by_check = match reading.check {
            Ok(true) => weight::PASSED,
            Ok(false) => 0.0,
            Err(_) => weight::FAILED,
        };
        let likely = match method {
            Method::Qr | Method::Barcode | Method::Mrz | Method::Person => cut.confidence * trust,
            Method::PrintLabel | Method::PrintPattern | Method::PrintPlace => {
                let letters = cut.text.chars().filter(|c| !c.is_whitespace()).count().max(1);
                let sign = |is: bool, weight: f32| if is { weight } else { 0.0 };
                likelihood(
                    weight::ALL
                        + weight::DOUBT * (1.0 - cut.least).max(weight::LEAST_DOUBT).ln()
                        + weight::LENGTH * (letters as f32).ln()
                        + by_check
                        + sign(handwritten, weight::BY_HAND)
                        + sign(reading.value.contains(char::is_alphabetic), weight::LETTERS)
                        + sign(method == Method::PrintPattern, weight::BY_FORM)
                        + weight::PLACE * (1.0 - trust),
                )
            }
        };
        let mut value = Self {
            field: field.to_owned(),
            title: title.to_owned(),
            title_en: title_en.to_owned(),
            text: cut.text,
            value: reading.value,
            confidence: 0.0,
            band: Band::Retype,
            page: cut.page,
            bounds: cut.bounds,
            method,
            check: Check::None,
            handwritten,
            taught: 0,
            faults: Vec::new(),
        };
        value.trust(likely);
        match reading.check {
            Ok(true) => value.check = Check::Passed,
            Ok(false) => {}
            Err(fault) if value.is_of_code() => value.doubt(fault),
            Err(fault) => value.fail(fault),
        }
        value
    }

    /// Sets the confidence and with it the band.
    pub(super) fn trust(&mut self, confidence: f32) {
        self.confidence = (confidence.clamp(0.0, MOST) * 1000.0).round() / 1000.0;
        self.band = Band::of(self.confidence);
    }

    /// Marks the value and lowers the trust in it.
    pub(super) fn doubt(&mut self, fault: Fault) {
        if self.faults.contains(&fault) {
            return;
        }
        let lower = if self.is_of_code() {
            self.confidence * FAILED_OF_CODE
        } else {
            let without = if self.check == Check::Passed { weight::PASSED } else { 0.0 };
            likelihood(log_odds(self.confidence) - without + weight::FAILED)
        };
        self.trust(lower.min(MOST_OF_FAILED));
        self.fail(fault);
    }

    fn fail(&mut self, fault: Fault) {
        self.faults.push(fault);
        self.check = Check::Failed;
    }

    fn is_of_code(&self) -> bool {
        matches!(self.method, Method::Qr | Method::Barcode | Method::Mrz)
    }

    /// Another place says the same: both would have to be misread alike.
    pub(super) fn confirm(&mut self, other: f32) {
        if self.check != Check::Failed {
            self.check = Check::Passed;
            self.trust(1.0 - (1.0 - self.confidence) * (1.0 - other));
        }
    }
}

/// The probability that has these log odds.
fn likelihood(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// The log odds of a probability.
fn log_odds(probability: f32) -> f32 {
    let probability = probability.clamp(1.0 - MOST, MOST);
    (probability / (1.0 - probability)).ln()
}

/// The place of a code on its page.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels of a page, not below zero")]
pub(super) fn place_of(code: &Code, page: usize, text: &str) -> Cut {
    let pixel = |value: f64| value.max(0.0).round() as u32;
    let ends = |of: fn(&crate::model::Point) -> f64| {
        let values = code.corners.iter().map(of);
        (pixel(values.clone().fold(f64::MAX, f64::min)), pixel(values.fold(0.0, f64::max)))
    };
    let ((left, right), (top, bottom)) = match code.corners.is_empty() {
        true => ((0, 0), (0, 0)),
        false => (ends(|corner| corner.x), ends(|corner| corner.y)),
    };
    let bounds = Rect { x: left, y: top, width: right - left, height: bottom - top };
    Cut { text: text.to_owned(), page, bounds, confidence: OF_A_CODE, least: OF_A_CODE, blue: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(check: Result<bool, Fault>) -> Value {
        let cut =
            Cut { text: "a".to_owned(), page: 1, bounds: Rect::default(), confidence: 0.9, least: 0.9, blue: 0.0 };
        Value::new(("a", "A", "A"), cut, Reading { value: "a".to_owned(), check }, Method::PrintLabel, 1.0)
    }

    #[test]
    fn bands_begin_where_people_act_otherwise() {
        let bands = [0.9, 0.899, 0.7, 0.699, 0.4, 0.399].map(Band::of);
        assert_eq!(bands, [Band::Accept, Band::Glance, Band::Glance, Band::Confirm, Band::Confirm, Band::Retype]);
    }

    #[test]
    fn checks_move_the_confidence() {
        let [passed, none, failed] = [Ok(true), Ok(false), Err(Fault::Form)].map(value);
        assert!(passed.confidence > none.confidence && none.confidence > failed.confidence);
        assert_eq!((passed.check, none.check, failed.check), (Check::Passed, Check::None, Check::Failed));
        assert_eq!((failed.faults.clone(), failed.band), (vec![Fault::Form], Band::Confirm));
        let mut confirmed = none.clone();
        confirmed.confirm(0.9);
        assert_eq!((confirmed.check, confirmed.band), (Check::Passed, Band::Accept));
        let mut twice = failed.clone();
        twice.doubt(Fault::Form);
        twice.confirm(0.9);
        assert_eq!(twice, failed);
    }
}
