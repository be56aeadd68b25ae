//! Values behind their labels (`Họ và tên: …`) and values known by their own form, as the file of a kind names them.

use std::ops::Range;

use super::flow::{Flow, Row};
use super::grammar::{Fault, Reading};
use super::kind::{Field, Kind};
use super::phrase::folded;
use super::value::{Check, Method, Value};

/// Gap between the rows of one value, in heights of the row above, beyond which the next row is another thing.
const MOST_GAP: f64 = 1.4;

/// Likeness of a label from which what stands behind it is kept though it has not the form of the value.
const SURE_LABEL: f32 = 0.95;

/// Words that a label may have beyond what is known of it, before its colon or in another language.
const MOST_BEYOND: usize = 5;
/// Trust in a value behind a label that has more words than are known.
const LONGER_LABEL: f32 = 0.85;
/// Words that make the label of somebody else of it, folded.
const OTHERS: [&str; 6] = ["me", "cha", "vo", "chong", "nguoi", "bo"];
/// Height of a row, as a share, by which values may stand left of the label above them.
const COLUMN_SLACK: f64 = 0.6;

/// A label found on the paper.
#[derive(Debug)]
struct Label<'k> {
    pieces: Range<usize>,
    similarity: f32,
    text: &'k str,
    /// Where its value begins: behind a second language, an addition in brackets or more words up to a colon.
    behind: usize,
    /// Whether there are more words than those known.
    is_longer: bool,
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
    // What has just the known words comes before what has more.
    let mut places: Vec<usize> = (0..labels.len()).filter(|at| own(&labels[*at])).collect();
    places.sort_by_key(|at| labels[*at].is_longer);
    let mut first = None;
    for value in places.into_iter().filter_map(|at| labelled(flow, labels, at, field)) {
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
            let pieces = start..place.pieces.end;
            found.push(Label { behind: pieces.end, pieces, similarity: place.similarity, text, is_longer: false });
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
    for at in 0..labels.len() {
        let row = flow.rows[flow.pieces[labels[at].pieces.start].row].pieces.end;
        let end = labels.get(at + 1).map_or(row, |next| next.pieces.start.min(row));
        (labels[at].behind, labels[at].is_longer) = behind(flow, labels[at].pieces.end, end);
    }
    labels
}

/// Where the value of a label begins that ends here, and whether its label has more words than those known. On its row the
/// label may go on until `end`: `Họ và tên / Full name:`, `Ông (bà):`, `Địa chỉ thường trú:`.
fn behind(flow: &Flow<'_>, start: usize, end: usize) -> (usize, bool) {
    let text = |piece: usize| flow.pieces[piece].text;
    if start >= end || text(start - 1).ends_with(':') {
        return (start, false);
    }
    let is_word = |piece: &usize| !text(*piece).contains(|c: char| c.is_ascii_digit());
    let beyond = (start..end).take_while(is_word).take(MOST_BEYOND);
    let colon = beyond.clone().find(|piece| text(*piece).ends_with(':'));
    let has_second = text(start).starts_with('/') || text(start - 1).ends_with('/');
    let has_brackets = text(start).starts_with('(');
    match colon {
        Some(colon) if has_second || has_brackets || colon == start && text(start) == ":" => (colon + 1, false),
        Some(colon) => {
            let is_others = (start..=colon).any(|piece| OTHERS.contains(&folded(text(piece)).as_str()));
            if is_others { (start, false) } else { (colon + 1, true) }
        }
        // The colon of the second language was not read, or it has none: it is in small letters, but for the first.
        None if has_second => {
            let is_foreign = |piece: &usize| {
                text(*piece).is_ascii() || *piece == start || !text(*piece).chars().any(char::is_uppercase)
            };
            (beyond.take_while(is_foreign).last().map_or(start, |last| last + 1), false)
        }
        None => (start, false),
    }
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
    let has_second = pieces.end < row.end && flow.pieces[pieces.end].text.starts_with('/');
    let starts_high = first.text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || !c.is_alphabetic());
    first.row == last.row && !crosses && starts_high && (begins_row || has_colon || is_second || has_second)
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
    let on_row = trimmed(flow, label.behind..flow.rows[row].pieces.end.min(next));
    // What follows on the row is another label, in another language or of another field.
    let shares_row =
        next < flow.rows[row].pieces.end || labels[..at].iter().any(|other| flow.pieces[other.pieces.start].row == row);
    if on_row.is_empty() && shares_row {
        return below(flow, labels, at).and_then(|words| valued(flow, label, field, words));
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
    valued(flow, label, field, words)
}

/// Of several labels on one row with nothing behind them: the words below this one, above where the next begins.
fn below(flow: &Flow<'_>, labels: &[Label<'_>], at: usize) -> Option<Range<usize>> {
    let first = &flow.pieces[labels[at].pieces.start];
    let row = &flow.rows[first.row];
    let slack = f64::from(row.bounds.height) * COLUMN_SLACK;
    let next = labels.get(at + 1).map(|next| &flow.pieces[next.pieces.start]).filter(|next| next.row == first.row);
    let left = f64::from(first.bounds.x) - slack;
    let right = next.map_or(f64::INFINITY, |next| f64::from(next.bounds.x) - slack);
    let is_below = |other: &Row| {
        let gap = f64::from(other.bounds.y) - f64::from(row.bounds.y + row.bounds.height);
        other.page == row.page && other.bounds.y > row.bounds.y && gap < f64::from(row.bounds.height) * MOST_GAP
    };
    let of_column = |other: &Row| {
        let is_own = |piece: &usize| (left..right).contains(&f64::from(flow.pieces[*piece].bounds.x));
        let own: Vec<usize> = other.pieces.clone().filter(is_own).collect();
        Some(*own.first()?..own.last()? + 1)
    };
    let rows = flow.rows.iter().filter(|other| is_below(other));
    let found = rows.filter_map(|other| Some((other.bounds.y, of_column(other)?))).min_by_key(|(y, _)| *y)?;
    let is_label = labels.iter().any(|label| found.1.contains(&label.pieces.start));
    (!is_label).then(|| trimmed(flow, found.1))
}

fn valued(flow: &Flow<'_>, label: &Label<'_>, field: &Field, words: Range<usize>) -> Option<Value> {
    let cut = flow.cut(words)?;
    let trust = if label.is_longer { label.similarity * LONGER_LABEL } else { label.similarity };
    let reading = field.grammar.read(cut.text.trim_matches(|c: char| c.is_whitespace() || ".…:;,_".contains(c)));
    // Words that are somewhat like a label, and something else than its value behind them.
    let is_none = reading.check == Err(Fault::Form) && label.similarity < SURE_LABEL;
    (!reading.value.is_empty() && !is_none).then(|| Value::new(named(field), cut, reading, Method::PrintLabel, trust))
}

/// Whether the row below goes on with a value: right below, before the next label, without a colon of its own, not a
/// heading, and with a first word for which there was no room above.
fn goes_on(flow: &Flow<'_>, row: usize, next_label: usize) -> bool {
    let (above, below) = (&flow.rows[row], &flow.rows[row + 1]);
    let gap = f64::from(below.bounds.y) - f64::from(above.bounds.y + above.bounds.height);
    let close = gap < f64::from(above.bounds.height) * MOST_GAP && below.bounds.y > above.bounds.y;
    let own = below.pieces.start..below.pieces.end.min(next_label.max(below.pieces.start));
    let has_colon = flow.pieces[own.clone()].iter().any(|piece| piece.text.ends_with(':'));
    let is_heading = flow.is_capitals(below.pieces.clone()) && !flow.is_capitals(above.pieces.clone());
    above.page == below.page && close && !own.is_empty() && !has_colon && !is_heading && is_full(flow, row, own.start)
}

/// Whether a word would not have fitted behind a row, as far as its block shows how wide rows are.
fn is_full(flow: &Flow<'_>, row: usize, word: usize) -> bool {
    let own = &flow.rows[row];
    let right = |row: &Row| row.bounds.x + row.bounds.width;
    let block = flow.rows.iter().filter(|other| (other.page, other.block) == (own.page, own.block));
    let edge = block.map(right).max().unwrap_or(0);
    right(own) + own.bounds.height / 2 + flow.pieces[word].bounds.width > edge
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
