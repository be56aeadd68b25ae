//! Values behind their labels (`Họ và tên: …`) and values known by their own form, as the file of a kind names them.

use std::ops::Range;

use super::flow::Flow;
use super::grammar::{Fault, Reading};
use super::kind::{Field, Kind};
use super::value::{Check, Method, Value};

/// Gap between the rows of one value, in heights of the row above, beyond which the next row is another thing.
const MOST_GAP: f64 = 1.4;

/// Likeness of a label from which what stands behind it is kept though it has not the form of the value.
const SURE_LABEL: f32 = 0.95;

/// A label found on the paper.
#[derive(Debug)]
struct Label<'k> {
    pieces: Range<usize>,
    similarity: f32,
    text: &'k str,
}

/// The values of all fields of the kind that are found.
pub(super) fn read(flow: &Flow<'_>, kind: &Kind) -> Vec<Value> {
    let labels = find(flow, kind);
    let place = |field: &Field, after: usize| {
        labels.iter().position(|label| label.pieces.start >= after && field.labels.iter().any(|own| own == label.text))
    };
    let mut values = Vec::new();
    for field in &kind.fields {
        // Of several fields with one label each stands behind the label of another.
        let after = match &field.after {
            None => Some(0),
            Some(name) => kind
                .fields
                .iter()
                .find(|other| other.name == *name)
                .and_then(|other| place(other, 0).map(|found| labels[found].pieces.end)),
        };
        let labelled = after.and_then(|after| best_labelled(flow, &labels, field, after));
        values.extend(labelled.or_else(|| by_pattern(flow, field)));
    }
    values
}

/// The first value behind a label of the field, rather one that has its form.
fn best_labelled(flow: &Flow<'_>, labels: &[Label<'_>], field: &Field, after: usize) -> Option<Value> {
    let own = |label: &Label<'_>| label.pieces.start >= after && field.labels.iter().any(|text| text == label.text);
    let places = (0..labels.len()).filter(|at| own(&labels[*at]));
    let mut first = None;
    for value in places.filter_map(|at| labelled(flow, labels, at, field)) {
        if value.check != Check::Failed {
            return Some(value);
        }
        first = first.or(Some(value));
    }
    first
}

/// All labels of the kind, in the order of the paper; of overlapping ones the longest.
fn find<'k>(flow: &Flow<'_>, kind: &'k Kind) -> Vec<Label<'k>> {
    let mut texts: Vec<&str> =
        kind.fields.iter().flat_map(|field| &field.labels).chain(&kind.stops).map(String::as_str).collect();
    texts.sort_unstable();
    texts.dedup();
    let mut found: Vec<Label<'k>> = Vec::new();
    for text in texts {
        for place in flow.find(text).into_iter().filter(|place| is_label(flow, &place.pieces)) {
            let row = flow.rows[flow.pieces[place.pieces.start].row].pieces.start;
            // The ordinal before a label is the label's, not the value's above.
            let start =
                if (row..place.pieces.start).all(|piece| is_mark(flow, piece)) { row } else { place.pieces.start };
            found.push(Label { pieces: start..place.pieces.end, similarity: place.similarity, text });
        }
    }
    let letters = |label: &Label<'_>| label.text.chars().count() as f32 * label.similarity;
    found.sort_by(|a, b| letters(b).total_cmp(&letters(a)).then(a.pieces.start.cmp(&b.pieces.start)));
    let mut labels: Vec<Label<'k>> = Vec::new();
    for label in found {
        let overlaps =
            |other: &Label<'_>| label.pieces.start < other.pieces.end && other.pieces.start < label.pieces.end;
        if !labels.iter().any(overlaps) {
            labels.push(label);
        }
    }
    labels.sort_by_key(|label| label.pieces.start);
    labels
}

/// Whether words stand as a label: on one row, at its beginning or followed by a colon, but for a mark or ordinal before it.
fn is_label(flow: &Flow<'_>, pieces: &Range<usize>) -> bool {
    let (first, last) = (&flow.pieces[pieces.start], &flow.pieces[pieces.end - 1]);
    let row = flow.rows[first.row].pieces.clone();
    let has_colon = last.text.ends_with(':') || (pieces.end < row.end && flow.pieces[pieces.end].text.starts_with(':'));
    let begins_row = (row.start..pieces.start).all(|piece| is_mark(flow, piece));
    // What stands behind a colon is the value's already.
    let crosses = flow.pieces[pieces.start..pieces.end - 1].iter().any(|piece| piece.text.ends_with(':'));
    // The other language of a label: `Họ và tên / Full name:`.
    let is_second = pieces.start > row.start && flow.pieces[pieces.start - 1].text.ends_with('/');
    let starts_high = first.text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || !c.is_alphabetic());
    first.row == last.row && !crosses && starts_high && (begins_row || has_colon || is_second)
}

/// Whether a word is a mark or an ordinal: `a)`, `1.`, `-`.
fn is_mark(flow: &Flow<'_>, piece: usize) -> bool {
    flow.pieces[piece].text.chars().filter(|c| c.is_alphabetic()).count() <= 1
}

/// The value behind a label; `None` where nothing is written there.
fn labelled(flow: &Flow<'_>, labels: &[Label<'_>], at: usize, field: &Field) -> Option<Value> {
    let label = &labels[at];
    let row = flow.pieces[label.pieces.start].row;
    let next = labels.get(at + 1).map_or(flow.pieces.len(), |next| next.pieces.start);
    let on_row = trimmed(flow, label.pieces.end..flow.rows[row].pieces.end.min(next));
    // What follows on the row is another label, in another language or of another field.
    if on_row.is_empty() && next < flow.rows[row].pieces.end {
        return None;
    }
    let mut words = on_row.clone();
    let mut rows = usize::from(!on_row.is_empty());
    let mut last = row;
    while rows < field.rows.max(1) && last + 1 < flow.rows.len() && goes_on(flow, last, next) {
        last += 1;
        rows += 1;
        let own = trimmed(flow, flow.rows[last].pieces.start..flow.rows[last].pieces.end.min(next));
        words = if words.is_empty() { own } else { words.start..own.end };
    }
    let cut = flow.cut(words)?;
    let reading = field.grammar.read(cut.text.trim_matches(|c: char| c.is_whitespace() || ".…:;,_".contains(c)));
    // Words that are somewhat like a label, and something else than its value behind them.
    let is_none = reading.check == Err(Fault::Form) && label.similarity < SURE_LABEL;
    (!reading.value.is_empty() && !is_none)
        .then(|| Value::new(named(field), cut, reading, Method::PrintLabel, label.similarity))
}

/// Whether the row below goes on with a value: right below, before the next label, and without a colon of its own.
fn goes_on(flow: &Flow<'_>, row: usize, next_label: usize) -> bool {
    let (above, below) = (&flow.rows[row], &flow.rows[row + 1]);
    let gap = f64::from(below.bounds.y) - f64::from(above.bounds.y + above.bounds.height);
    let close = gap < f64::from(above.bounds.height) * MOST_GAP && below.bounds.y > above.bounds.y;
    let own = below.pieces.start..below.pieces.end.min(next_label.max(below.pieces.start));
    let has_colon = flow.pieces[own.clone()].iter().any(|piece| piece.text.ends_with(':'));
    above.page == below.page && close && !own.is_empty() && !has_colon
}

/// The words without leaders and marks at their ends.
fn trimmed(flow: &Flow<'_>, words: Range<usize>) -> Range<usize> {
    let has_letters = |piece: &usize| flow.pieces[*piece].text.contains(char::is_alphanumeric);
    let first = words.clone().find(has_letters).unwrap_or(words.end);
    let end = words.clone().rev().find(has_letters).map_or(first, |last| last + 1);
    first..end.max(first)
}

fn by_pattern(flow: &Flow<'_>, field: &Field) -> Option<Value> {
    for pattern in &field.patterns {
        for row in 0..flow.rows.len() {
            let text = flow.row_text(row);
            let Some(found) = pattern.0.captures(&text).and_then(|found| found.get(1)) else { continue };
            let reading: Reading = field.grammar.read(found.as_str());
            let cut = flow.cut(flow.words_at(row, found.range()))?;
            return Some(Value::new(named(field), cut, reading, Method::PrintPattern, 1.0));
        }
    }
    None
}

fn named(field: &Field) -> (&str, &str, &str) {
    (&field.name, &field.title, &field.title_en)
}

#[cfg(test)]
mod tests {
    use super::super::Sheet;
    use super::super::kind::Kinds;
    use super::super::typeset::page_of;
    use super::*;

    const KIND: &str = "id = 'thu'\nname = 'Thử'\nname_en = 'Trial'\nanchors = [{ phrase = 'phiếu thử', weight = 9 }]\n\
        fields = [\n\
        { name = 'who', title = 'Ai', title_en = 'Who', labels = ['Họ, chữ đệm, tên', 'Full name'], grammar = 'name' },\n\
        { name = 'mother', title = 'Mẹ', title_en = 'Mother', labels = ['Họ, chữ đệm, tên người mẹ'], grammar = 'name' },\n\
        { name = 'home', title = 'Nơi ở', title_en = 'Home', labels = ['Nơi cư trú'], rows = 2 },\n\
        { name = 'mother_home', title = 'Nơi ở', title_en = 'Home', labels = ['Nơi cư trú'], after = 'mother' },\n\
        { name = 'born', title = 'Sinh', title_en = 'Born', labels = ['Ngày sinh'], grammar = 'date' },\n\
        { name = 'sex', title = 'Giới tính', title_en = 'Sex', labels = ['Giới tính'], grammar = 'sex' },\n\
        { name = 'fee', title = 'Lệ phí', title_en = 'Fee', patterns = ['thu ([0-9.]+) đồng'] },\n\
        ]";

    fn read_of(text: &str) -> Vec<(String, String)> {
        let kinds = Kinds::with(&[("a".to_owned(), KIND.to_owned())]).unwrap();
        let kind = kinds.all().last().unwrap();
        let page = page_of(text);
        let values = read(&Flow::new(&[Sheet::of(&page)]), kind);
        values.into_iter().map(|value| (value.field, value.value)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_longest_label_has_the_value_and_equal_ones_their_order() {
        let text = "Họ, chữ đệm, tên: Lê Văn An\nNơi cư trú: xóm Đình, xã Tân\nHưng, tỉnh A\n\
                    Họ, chữ đệm, tên người mẹ: Vũ Thị Lan\nNơi cư trú: thôn Hạ";
        let expected = [
            ("who", "Lê Văn An"),
            ("mother", "Vũ Thị Lan"),
            ("home", "xóm Đình, xã Tân Hưng, tỉnh A"),
            ("mother_home", "thôn Hạ"),
        ];
        assert_eq!(read_of(text), pairs(&expected));
    }

    #[test]
    fn values_end_at_the_next_label_or_stand_below_their_own() {
        let text = "Ho, chu dem, ten / Full name:\nLÊ VĂN AN\nNgày sinh: 01/02/1990 Giới tính: Nam\nĐã thu 8.000 đồng";
        let expected = [("who", "Lê Văn An"), ("born", "1990-02-01"), ("sex", "Nam"), ("fee", "8.000")];
        assert_eq!(read_of(text), pairs(&expected));
    }

    #[test]
    fn words_within_a_sentence_are_no_label_and_leaders_no_value() {
        assert_eq!(read_of("Anh ghi giới tính và ngày sinh vào đây\nGiới tính: .........\n\nHết"), pairs(&[]));
    }
}
