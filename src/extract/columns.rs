//! People who are described beside each other, as the two of a marriage are: each has a column of labels and values, whose rows
//! were read as one, or do not even stand level.

use super::flow::Flow;
use super::kind::{Field, Kind};
use super::labels::{COLUMN_SLACK, Label, MOST_GAP};

/// The columns of the paper, by the name of the field whose label is at the head of each.
pub(super) type Columns<'k> = Vec<(&'k str, Column)>;

/// A column of a page, from its left edge to that of the next, pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Column {
    page: usize,
    left: f64,
    right: f64,
}

impl Column {
    /// Whether a word stands in the column.
    pub(super) fn holds(&self, flow: &Flow<'_>, piece: usize) -> bool {
        let piece = &flow.pieces[piece];
        flow.rows[piece.row].page == self.page && (self.left..self.right).contains(&f64::from(piece.bounds.x))
    }

    /// The words of a value behind a label, on its row and those below that stand close, before the next label of the column.
    pub(super) fn words(&self, flow: &Flow<'_>, labels: &[Label<'_>], at: usize, field: &Field) -> Vec<usize> {
        let label = &labels[at];
        let first = flow.pieces[label.pieces.start].row;
        let mut words = Vec::new();
        let (mut rows, mut last) = (0, first);
        for row in first..flow.rows.len() {
            let (above, below) = (&flow.rows[last].bounds, &flow.rows[row].bounds);
            let gap = f64::from(below.y) - f64::from(above.y + above.height);
            if rows == field.rows.max(1) || gap > f64::from(above.height) * MOST_GAP {
                break;
            }
            let from = if row == first { label.behind } else { flow.rows[row].pieces.start };
            let is_label = |piece: &usize| labels.iter().any(|label| label.pieces.start == *piece);
            let end = flow.rows[row].pieces.end;
            let own: Vec<usize> = (from..end).filter(|piece| self.holds(flow, *piece)).collect();
            let before: Vec<usize> = own.iter().copied().take_while(|piece| !is_label(piece)).collect();
            // Rows below that are labels which nobody knows.
            if row > first && before.iter().any(|piece| flow.pieces[*piece].text.ends_with(':')) {
                break;
            }
            if !before.is_empty() {
                (rows, last) = (rows + 1, row);
            }
            words.extend(&before);
            if before.len() < own.len() {
                break;
            }
        }
        trimmed(flow, words)
    }
}

/// The columns at whose heads labels stand on one row, of fields that others are described behind.
pub(super) fn find<'k>(flow: &Flow<'_>, labels: &[Label<'_>], kind: &'k Kind) -> Columns<'k> {
    let is_head = |field: &&Field| kind.fields.iter().any(|other| other.after.as_deref() == Some(&field.name));
    let place = |field: &'k Field| {
        let label = labels.iter().find(|label| field.labels.iter().any(|text| text == label.text))?;
        Some((field.name.as_str(), label.pieces.start))
    };
    let heads: Vec<(&str, usize)> = kind.fields.iter().filter(is_head).filter_map(place).collect();
    let of = |&(name, piece): &(&'k str, usize)| {
        let row = flow.pieces[piece].row;
        let slack = f64::from(flow.rows[row].bounds.height) * COLUMN_SLACK;
        let left = |piece: usize| f64::from(flow.pieces[piece].bounds.x) - slack;
        let beside: Vec<f64> = heads
            .iter()
            .filter(|(_, other)| *other != piece && flow.pieces[*other].row == row)
            .map(|(_, other)| left(*other))
            .collect();
        let right = beside.iter().copied().filter(|x| *x > left(piece)).fold(f64::INFINITY, f64::min);
        let column = Column { page: flow.rows[row].page, left: left(piece), right };
        (!beside.is_empty()).then_some((name, column))
    };
    heads.iter().filter_map(of).collect()
}

/// The words without leaders and marks at their ends.
fn trimmed(flow: &Flow<'_>, mut words: Vec<usize>) -> Vec<usize> {
    let has_letters = |piece: &usize| flow.has_letters(*piece);
    let end = words.iter().rposition(has_letters).map_or(0, |last| last + 1);
    words.truncate(end);
    let first = words.iter().position(has_letters).unwrap_or(0);
    words.split_off(first)
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kinds;
    use super::super::typeset::page_of;
    use super::super::{Sheet, labels};
    use super::*;

    fn marriage(text: &str) -> Vec<(String, String)> {
        let kinds = Kinds::shipped();
        let kind = kinds.all().iter().find(|kind| kind.id == "chung-nhan-ket-hon").unwrap();
        let page = page_of(text);
        let values = labels::read(&Flow::new(&[Sheet::of(&page)]), kind);
        values.into_iter().map(|value| (value.field, value.value)).collect()
    }

    #[test]
    fn each_of_two_beside_each_other_has_what_is_below_the_name() {
        let read = marriage(
            "Họ và tên vợ: TRẦN THỊ LAN                      Họ và tên chồng: LÊ QUỐC\n\
             Ngày, tháng, năm sinh: 02/03/1998               SƠN\n\
             Giấy tờ tùy thân: CCCD số                       Ngày, tháng, năm sinh: 04/05/1996\n\
             052198000123                                    Giấy tờ tùy thân: CCCD số 052096000456\n\
             Nơi đăng ký kết hôn: Ủy ban nhân dân xã Tân Hưng",
        );
        let expected = [
            ("wife", "Trần Thị Lan"),
            ("wife_birth_date", "1998-03-02"),
            ("wife_id", "052198000123"),
            ("husband", "Lê Quốc Sơn"),
            ("husband_birth_date", "1996-05-04"),
            ("husband_id", "052096000456"),
            ("agency", "Ủy ban nhân dân xã Tân Hưng"),
        ];
        assert_eq!(read, expected.map(|(field, value)| (field.to_owned(), value.to_owned())));
    }
}
