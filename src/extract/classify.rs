//! Which kind a paper is: each kind's phrases and codes are sought, and their weights summed.

use std::ops::Range;

use super::card;
use super::flow::Flow;
use super::heading;
use super::insurance;
use super::kind::{Anchor, CodeKind, Kind, Kinds};
use super::lessons::{Lessons, Verdict};
use super::mrz;
use super::{KindFound, Sheet};
use crate::model::DossierCode;

/// Share of the weight a kind needs to be sure of from which it is named at all.
const LEAST: f32 = 0.6;
/// Lead over the next kind, as a share of the weight, that leaves no doubt between the two.
const CLEAR_LEAD: f32 = 0.5;
/// Nothing is certain.
const MOST: f32 = 0.99;

/// A kind with what speaks for it.
#[derive(Debug)]
pub(super) struct Class<'k> {
    pub(super) kind: &'k Kind,
    /// The words of the heading by which it is known.
    pub(super) heading: Option<Range<usize>>,
    weight: f32,
    confidence: f32,
}

impl Class<'_> {
    pub(super) fn found(self) -> KindFound {
        KindFound::of(self.kind, (self.confidence * 1000.0).round() / 1000.0)
    }
}

impl KindFound {
    /// A kind that was found or said.
    pub(super) fn of(kind: &Kind, confidence: f32) -> Self {
        let Kind { id, name, name_en, type_code, result_code, .. } = kind.clone();
        Self { id, name, name_en, type_code, result_code, confidence }
    }
}

/// The kind that most speaks for; `None` where too little speaks for any.
pub(super) fn best<'k>(flow: &Flow<'_>, sheets: &[Sheet<'_>], kinds: &'k Kinds) -> Option<Class<'k>> {
    let codes = codes_of(flow, sheets);
    let mut classes: Vec<Class<'k>> = kinds.all().iter().map(|kind| weigh(flow, &codes, kind)).collect();
    // Stable: of equal ones the first of the files.
    classes.sort_by(|a, b| (b.weight / b.kind.sure).total_cmp(&(a.weight / a.kind.sure)));
    let mut classes = classes.into_iter();
    let mut best = classes.next()?;
    let share = best.weight / best.kind.sure;
    let next = classes.next().map_or(0.0, |next| (next.weight / next.kind.sure).max(0.0));
    let lead = (share - next) / share;
    best.confidence = (share.min(1.0) * (1.0 - (CLEAR_LEAD - lead).max(0.0))).min(MOST);
    let best = (share >= LEAST).then_some(best);
    match &kinds.lessons {
        Some(lessons) => taught(flow, &codes, best, kinds, lessons),
        None => best,
    }
}

/// The kind that a person said: nothing is to be weighed, but its heading is sought.
pub(super) fn said<'k>(flow: &Flow<'_>, sheets: &[Sheet<'_>], kind: &'k Kind) -> Class<'k> {
    Class { confidence: MOST, ..weigh(flow, &codes_of(flow, sheets), kind) }
}

/// What papers with the same heading were said to be comes before what phrases say, but not before what a code says.
fn taught<'k>(
    flow: &Flow<'_>,
    codes: &[CodeKind],
    best: Option<Class<'k>>,
    kinds: &'k Kinds,
    lessons: &Lessons,
) -> Option<Class<'k>> {
    let is_coded = |class: &Class<'_>| {
        class.kind.anchors.iter().any(|anchor| anchor.code.is_some_and(|code| codes.contains(&code)))
    };
    let heading = heading::find(flow).filter(|_| !best.as_ref().is_some_and(is_coded));
    let verdict = heading.clone().and_then(|words| lessons.kind_of(&flow.text(words)));
    let Some(Verdict { kind, confidence }) = verdict else { return best };
    let kind = kinds.get(kind?)?;
    match best {
        Some(best) if best.kind.id == kind.id => Some(Class { confidence: best.confidence.max(confidence), ..best }),
        _ => {
            let class = weigh(flow, codes, kind);
            Some(Class { confidence, heading: class.heading.clone().or(heading), ..class })
        }
    }
}

fn weigh<'k>(flow: &Flow<'_>, codes: &[CodeKind], kind: &'k Kind) -> Class<'k> {
    let mut class = Class { kind, heading: None, weight: 0.0, confidence: 0.0 };
    for anchor in &kind.anchors {
        if anchor.code.is_some_and(|code| codes.contains(&code)) {
            class.weight += anchor.weight;
        }
        if let Some((pieces, similarity)) = place_of(flow, anchor) {
            class.weight += anchor.weight * similarity;
            if anchor.heading && anchor.weight > 0.0 && class.heading.is_none() {
                class.heading = Some(pieces);
            }
        }
    }
    class
}

/// Where an anchor's phrase is best seen.
fn place_of(flow: &Flow<'_>, anchor: &Anchor) -> Option<(Range<usize>, f32)> {
    let phrase = anchor.phrase.as_ref()?;
    let found = flow.find(phrase).into_iter().filter(|found| !anchor.heading || is_heading(flow, &found.pieces));
    // The first of equally good ones: headings come before what refers to them.
    let best = found.reduce(|best, other| if other.similarity > best.similarity { other } else { best })?;
    Some((best.pieces, best.similarity))
}

/// Whether words are a heading: capitals at the beginning of a row, or with a mark or number before them.
fn is_heading(flow: &Flow<'_>, pieces: &Range<usize>) -> bool {
    let row = flow.pieces[pieces.start].row;
    let before = flow.rows[row].pieces.start..pieces.start;
    let has_words =
        flow.pieces[before].iter().any(|piece| piece.text.chars().filter(|c| c.is_alphabetic()).count() > 1);
    !has_words && flow.is_capitals(pieces.clone())
}

/// What the codes on the paper are.
fn codes_of(flow: &Flow<'_>, sheets: &[Sheet<'_>]) -> Vec<CodeKind> {
    let mut kinds: Vec<CodeKind> = Vec::new();
    for code in sheets.iter().flat_map(|sheet| sheet.codes) {
        if card::parse(&code.payload).is_some() {
            kinds.push(CodeKind::IdentityCard);
        } else if insurance::parse(&code.payload).is_some() {
            kinds.push(CodeKind::InsuranceCard);
        } else if code.payload.parse::<DossierCode>().is_ok() {
            kinds.push(CodeKind::Dossier);
        }
    }
    if mrz::find(flow).is_some() {
        kinds.push(CodeKind::Mrz);
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::*;

    fn kind_of(text: &str) -> Option<(String, f32)> {
        let page = page_of(text);
        let sheets = [Sheet::of(&page)];
        let kinds = Kinds::shipped();
        best(&Flow::new(&sheets), &sheets, &kinds).map(Class::found).map(|found| (found.id, found.confidence))
    }

    #[test]
    fn a_heading_speaks_for_a_kind_and_a_mention_does_not() {
        let (id, confidence) =
            kind_of("Số: 12/QĐ-UBND\nQUYẾT ĐỊNH\nVề việc\nĐiều 1. Theo giấy khai sinh số 5").unwrap();
        assert_eq!(id, "quyet-dinh");
        assert!(confidence > 0.7, "{confidence}");
        assert_eq!(kind_of("Theo quyết định số 5, mọi người phải nộp giấy khai sinh."), None);
    }

    #[test]
    fn letters_without_marks_and_with_errors_are_enough() {
        assert_eq!(
            kind_of("G1AY KHAl SINH\nHo, chu dem, ten nguoi me\nNoi dang ky khai sinh").unwrap().0,
            "giay-khai-sinh"
        );
        assert_eq!(kind_of("abc def"), None);
        assert_eq!(kind_of(""), None);
    }
}
