//! Values behind their labels (`Họ và tên: …`) and values known by their own form, as the file of a kind names them.

use std::ops::Range;

use super::columns::{self, Column, Columns};
use super::flow::{Cut, Flow, Row};
use super::grammar::{self, Fault, Grammar};
use super::kind::{Field, Kind};
use super::pattern;
use super::phrase::folded;
use super::value::{Check, Method, Value};

/// Gap between the rows of one value, in heights of the row above, beyond which the next row is another thing.
pub(super) const MOST_GAP: f64 = 1.4;

/// Likeness of a label from which what stands behind it is kept though it has not the form of the value.
const SURE_LABEL: f32 = 0.95;

/// Room behind a row, as a share of its block's width, beyond that for the next word, at which it was ended on purpose.
const ROOM: f64 = 0.12;
/// Words that a label may have beyond what is known of it, before its colon or in another language.
const MOST_BEYOND: usize = 5;
/// Trust in a value behind a label that has more words than are known.
const LONGER_LABEL: f32 = 0.85;
/// Words that make the label of somebody else of it, folded.
const OTHERS: [&str; 6] = ["me", "cha", "vo", "chong", "nguoi", "bo"];
/// Values that may stand on the row of a label in two languages, folded, how they begin.
const ANSWERS: [&str; 3] = ["nam", "nu", "viet"];
/// Most digits of an ordinal: more are a value.
const ORDINAL_DIGITS: usize = 3;
/// Height of a row, as a share, by which values may stand left of the label above them.
pub(super) const COLUMN_SLACK: f64 = 0.6;

/// A label found on the paper.
#[derive(Debug)]
pub(super) struct Label<'k> {
    pub(super) pieces: Range<usize>,
    similarity: f32,
    pub(super) text: &'k str,
    /// Where its value begins: behind a second language, an addition in brackets or more words up to a colon.
    pub(super) behind: usize,
    /// Whether there are more words than those known.
    is_longer: bool,
}

/// The values of all fields of the kind that are found.
pub(super) fn read(flow: &Flow<'_>, kind: &Kind) -> Vec<Value> {
    let labels = find(flow, kind);
    let place = |field: &Field, after: usize| {
        labels.iter().position(|label| label.pieces.start >= after && field.labels.iter().any(|own| own == label.text))
    };
    let columns = columns::find(flow, &labels, kind);
    let mut values = Vec::new();
    for field in &kind.fields {
        let column = column_of(&columns, field);
        // Of several fields with one label each stands behind the label of another.
        let after = match &field.after {
            None => Some(0),
            Some(name) => kind
                .fields
                .iter()
                .find(|other| other.name == *name)
                .and_then(|other| place(other, 0).map(|found| labels[found].pieces.end)),
        };
        let labelled = after.and_then(|after| best_labelled(flow, &labels, field, after, column));
        // What has the form of the value comes before what only stands where it should.
        let is_good = |value: &Value| value.check != Check::Failed;
        let by_pattern = || pattern::read(flow, field).filter(|value| labelled.is_none() || is_good(value));
        // And a form comes before a label that was learnt.
        let is_sure = |value: &Value| is_good(value) && value.taught == 0;
        values.extend(labelled.clone().filter(is_sure).or_else(by_pattern).or(labelled));
    }
    values
}

/// The column in which the field stands, where people are described beside each other.
fn column_of<'a>(columns: &'a Columns<'_>, field: &Field) -> Option<&'a Column> {
    let head = field.after.as_ref().unwrap_or(&field.name);
    columns.iter().find(|(name, _)| name == head).map(|(_, column)| column)
}

/// The first value behind a label of the field, rather one that has its form.
fn best_labelled(
    flow: &Flow<'_>,
    labels: &[Label<'_>],
    field: &Field,
    after: usize,
    column: Option<&Column>,
) -> Option<Value> {
    let own = |label: &Label<'_>| {
        label.pieces.start >= after
            && field.labels.iter().any(|text| text == label.text)
            && column.is_none_or(|column| column.holds(flow, label.pieces.start))
    };
    // What has just the known words comes before what has more, and what the kind's file says before what was learnt.
    let mut places: Vec<usize> = (0..labels.len()).filter(|at| own(&labels[*at])).collect();
    places.sort_by_key(|at| (field.learnt_on(labels[*at].text) > 0, labels[*at].is_longer));
    let mut first = None;
    let value = |at: usize| match column {
        Some(column) => valued(&labels[at], field, flow.cut_all(&column.words(flow, labels, at, field))?),
        None => labelled(flow, labels, at, field),
    };
    for value in places.into_iter().filter_map(value) {
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
    let is_second = has_second(flow, start) || text(start - 1).ends_with('/');
    let has_brackets = text(start).starts_with('(');
    match colon {
        Some(colon) if is_second || has_brackets || colon == start && text(start) == ":" => (colon + 1, false),
        Some(colon) => {
            let is_others = (start..=colon).any(|piece| OTHERS.contains(&folded(text(piece)).as_str()));
            if is_others { (start, false) } else { (colon + 1, true) }
        }
        // The second language has no colon, or it was not read.
        None if is_second => {
            let is_answer = |piece: &usize| ANSWERS.contains(&folded(text(*piece)).as_str());
            (beyond.take_while(|piece| !is_answer(piece)).last().map_or(start, |last| last + 1), false)
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
    let starts_high = first.text.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || !c.is_alphabetic());
    first.row == last.row
        && !crosses
        && starts_high
        && (begins_row || has_colon || is_second || has_second(flow, pieces.end))
}

/// Whether another language follows on the row of a label that ends here: `Họ và tên / Full name:`.
fn has_second(flow: &Flow<'_>, end: usize) -> bool {
    let row = &flow.rows[flow.pieces[end - 1].row].pieces;
    end < row.end && flow.pieces[end].text.starts_with('/')
}

/// Whether a word is a mark or an ordinal: `a)`, `1.`.
pub(super) fn is_mark(flow: &Flow<'_>, piece: usize) -> bool {
    let count = |of: fn(char) -> bool| flow.pieces[piece].text.chars().filter(|c| of(*c)).count();
    count(char::is_alphabetic) <= 1 && count(char::is_numeric) <= ORDINAL_DIGITS
}

/// The value behind a label; `None` where nothing is written there.
fn labelled(flow: &Flow<'_>, labels: &[Label<'_>], at: usize, field: &Field) -> Option<Value> {
    let label = &labels[at];
    let row = flow.pieces[label.pieces.start].row;
    let next = labels.get(at + 1).map_or(flow.pieces.len(), |next| next.pieces.start);
    let on_row = trimmed(flow, label.behind..flow.rows[row].pieces.end.min(next));
    let is_own = |other: &&Label<'_>| field.labels.iter().any(|text| text == other.text);
    let on_same_row = |other: &&Label<'_>| flow.pieces[other.pieces.start].row == row;
    // What follows on the row is the same label in another language: the value is behind that one.
    if on_row.is_empty() && labels.get(at + 1).filter(on_same_row).is_some_and(|other| is_own(&other)) {
        return None;
    }
    if on_row.is_empty() && labels.iter().filter(on_same_row).any(|other| !is_own(&other)) {
        return below(flow, labels, at, is_own).and_then(|words| valued(label, field, flow.cut(words)?));
    }
    let mut words = on_row.clone();
    let mut rows = usize::from(!on_row.is_empty());
    let mut last = row;
    while rows < field.rows.max(1) && last + 1 < flow.rows.len() && goes_on(flow, last, next, !words.is_empty()) {
        last += 1;
        rows += 1;
        let own = trimmed(flow, flow.rows[last].pieces.start..flow.rows[last].pieces.end.min(next));
        words = if words.is_empty() { own } else { words.start..own.end };
    }
    let value = flow.cut(words).and_then(|cut| valued(label, field, cut));
    if value.as_ref().is_some_and(|value| value.check != Check::Failed) {
        return value;
    }
    // What stands on the row may be the label in another language, misread.
    if !has_second(flow, label.pieces.end) {
        return value;
    }
    let other = below(flow, labels, at, is_own).and_then(|words| valued(label, field, flow.cut(words)?));
    other.filter(|other| other.check == Check::Passed).or(value)
}

/// Of several labels on one row with nothing behind them: the words below this one, above where the next begins.
fn below(
    flow: &Flow<'_>,
    labels: &[Label<'_>],
    at: usize,
    is_own: impl Fn(&&Label<'_>) -> bool,
) -> Option<Range<usize>> {
    let own_row = flow.pieces[labels[at].pieces.start].row;
    let row = &flow.rows[own_row];
    let height = f64::from(row.bounds.height);
    let slack = height * COLUMN_SLACK;
    let on_row = || labels.iter().filter(|other| flow.pieces[other.pieces.start].row == own_row);
    let start = |label: &Label<'_>| f64::from(flow.pieces[label.pieces.start].bounds.x) - slack;
    // In two languages the label is as wide as both.
    let left = on_row().filter(&is_own).map(start).fold(f64::INFINITY, f64::min);
    let right = on_row().filter(|other| !is_own(other)).map(start).filter(|x| *x > left).fold(f64::INFINITY, f64::min);
    // The middle counts: boxes of rows reach into each other where marks are high.
    let is_below = |other: &Row| {
        let middle = f64::from(other.bounds.y) + f64::from(other.bounds.height) / 2.0;
        let gap = middle - f64::from(row.bounds.y) - height;
        other.page == row.page && gap > 0.0 && gap < height * (MOST_GAP + 0.5)
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

fn valued(label: &Label<'_>, field: &Field, cut: Cut) -> Option<Value> {
    let trust = if label.is_longer { label.similarity * LONGER_LABEL } else { label.similarity };
    let mut reading = field.grammar.read(cut.text.trim_matches(|c: char| c.is_whitespace() || ".…:;,_".contains(c)));
    if field.grammar == Grammar::Name {
        reading.value = grammar::with_surname(&reading.value);
    }
    // Words that are somewhat like a label, and something else than its value behind them.
    let is_none = reading.check == Err(Fault::Form) && label.similarity < SURE_LABEL;
    let taught = field.learnt_on(label.text);
    (!reading.value.is_empty() && !is_none)
        .then(|| Value { taught, ..Value::new(named(field), cut, reading, Method::PrintLabel, trust) })
}

/// Whether the row below goes on with a value: right below, before the next label, without a colon of its own, not a
/// heading, and with a first word for which there was no room above, where the value has begun there.
fn goes_on(flow: &Flow<'_>, row: usize, next_label: usize, has_begun: bool) -> bool {
    let (above, below) = (&flow.rows[row], &flow.rows[row + 1]);
    let gap = f64::from(below.bounds.y) - f64::from(above.bounds.y + above.bounds.height);
    let close = gap < f64::from(above.bounds.height) * MOST_GAP && below.bounds.y > above.bounds.y;
    let own = below.pieces.start..below.pieces.end.min(next_label.max(below.pieces.start));
    let has_colon = flow.pieces[own.clone()].iter().any(|piece| piece.text.ends_with(':'));
    let is_heading = flow.is_capitals(below.pieces.clone()) && !flow.is_capitals(above.pieces.clone());
    let may_go_on = !has_begun || (!is_heading && is_full(flow, row, own.start));
    above.page == below.page && close && !own.is_empty() && !has_colon && may_go_on
}

/// Whether a value goes on below a row: it does in the midst of an enumeration or sentence, and where the next word would
/// not have fitted by far, as far as the block shows how wide rows are.
fn is_full(flow: &Flow<'_>, row: usize, word: usize) -> bool {
    let own = &flow.rows[row];
    let next = &flow.pieces[word];
    let in_midst = flow.pieces[own.pieces.end - 1].text.ends_with(',') || next.text.starts_with(char::is_lowercase);
    let right = |row: &Row| row.bounds.x + row.bounds.width;
    let block = || flow.rows.iter().filter(|other| (other.page, other.block) == (own.page, own.block));
    let edge = block().map(right).max().unwrap_or(0);
    let width = edge - block().map(|other| other.bounds.x).min().unwrap_or(0);
    in_midst || f64::from(right(own) + next.bounds.width) + f64::from(width) * ROOM > f64::from(edge)
}

/// The words without leaders and marks at their ends.
fn trimmed(flow: &Flow<'_>, words: Range<usize>) -> Range<usize> {
    let has_letters = |piece: &usize| flow.has_letters(*piece);
    let first = words.clone().find(has_letters).unwrap_or(words.end);
    let end = words.clone().rev().find(has_letters).map_or(first, |last| last + 1);
    first..end.max(first)
}

pub(super) fn named(field: &Field) -> (&str, &str, &str) {
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
    fn labels_in_two_languages_have_their_values_behind_or_below_both() {
        let text = "Họ, chữ đệm, tên / Fuil nœme: LÊ VĂN AN\nNgày sinh / Dafe øƒ birth  Giới tính / Sex\n01/02/1990                 Nam";
        assert_eq!(read_of(text), pairs(&[("who", "Lê Văn An"), ("born", "1990-02-01"), ("sex", "Nam")]));
        let text = "Ngày sinh / 2afe øƒ birth\n01/02/1990";
        assert_eq!(read_of(text), pairs(&[("born", "1990-02-01")]));
        let read = read_of("Ngày sinh 2afe øƒ birth\n01/02/1990");
        assert!(read.iter().all(|(_, value)| value != "1990-02-01"), "{read:?}");
        let text = "Giới tính / Sex Nam\nNgày sinh / Date of birth: 01/02/1990";
        assert_eq!(read_of(text), pairs(&[("born", "1990-02-01"), ("sex", "Nam")]));
    }

    #[test]
    fn a_label_goes_on_to_its_colon_but_not_to_somebody_else() {
        assert_eq!(
            read_of("Giới tính của con: Nam\nNơi cư trú (ghi rõ): xóm Đình"),
            pairs(&[("home", "xóm Đình"), ("sex", "Nam")])
        );
        let text = "Nơi cư trú hiện nay: thôn Hạ\nNơi cư trú: xóm Đình";
        assert_eq!(read_of(text), pairs(&[("home", "xóm Đình")]));
        assert_eq!(read_of("Ngày sinh của cha: 01/02/1990"), pairs(&[("born", "1990-02-01")]));
    }

    #[test]
    fn a_value_goes_on_where_its_row_had_no_room() {
        let text = "Nơi cư trú: xóm Đình\nViệc cấp lại giấy này theo đề nghị của ông";
        assert_eq!(read_of(text), pairs(&[("home", "xóm Đình")]));
        let text = "Nơi cư trú: xóm Đình, xã Tân Hưng, tỉnh\nBình Minh và nơi khác thì ghi rõ";
        assert_eq!(read_of(text), pairs(&[("home", "xóm Đình, xã Tân Hưng, tỉnh Bình Minh và nơi khác thì ghi rõ")]));
    }

    #[test]
    fn words_within_a_sentence_are_no_label_and_leaders_no_value() {
        assert_eq!(read_of("Anh ghi giới tính và ngày sinh vào đây\nGiới tính: .........\n\nHết"), pairs(&[]));
    }
}
