//! The twelve columns of tesseract's `tsv` output, which many programs read.
//!
//! Levels are 1 page, 2 block, 3 paragraph (each block is one), 4 line, 5 word; numbers count within the level above, and
//! are 0 for the levels below. Confidence is 0 to 100 for words and -1 elsewhere.

use std::fmt::Write as _;

use crate::model::Rect;

use super::{Transcript, around};

const HEADER: &str = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

/// What stands in the numbering columns: page, block, paragraph, line, word.
type Place = [usize; 5];

pub(super) fn write(transcript: &Transcript<'_>) -> String {
    let mut table = HEADER.to_owned();
    for (page, sheet) in (1..).zip(&transcript.pages) {
        row(&mut table, 1, [page, 0, 0, 0, 0], Rect { x: 0, y: 0, width: sheet.width, height: sheet.height }, None);
        for (block, lines) in (1..).zip(sheet.blocks()) {
            row(&mut table, 2, [page, block, 0, 0, 0], around(lines), None);
            row(&mut table, 3, [page, block, 1, 0, 0], around(lines), None);
            for (number, line) in (1..).zip(lines) {
                row(&mut table, 4, [page, block, 1, number, 0], line.bounds, None);
                for (index, word) in (1..).zip(&line.words) {
                    let read = Some((word.confidence, word.text.as_str()));
                    row(&mut table, 5, [page, block, 1, number, index], word.bounds, read);
                }
            }
        }
    }
    table
}

fn row(table: &mut String, level: u8, [page, block, par, line, word]: Place, at: Rect, read: Option<(f32, &str)>) {
    let Rect { x, y, width, height } = at;
    let (confidence, text) = match read {
        Some((confidence, text)) => (format!("{:.2}", confidence * 100.0), text),
        None => ("-1".to_owned(), ""),
    };
    _ = writeln!(
        table,
        "{level}\t{page}\t{block}\t{par}\t{line}\t{word}\t{x}\t{y}\t{width}\t{height}\t{confidence}\t{text}"
    );
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{texts, transcript};

    #[test]
    fn every_row_has_its_place_box_and_confidence() {
        let table = Format::Tsv.write(&transcript(&texts()));
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('\t').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == 12), "{rows:?}");
        let levels: String = rows[1..].iter().map(|row| row[0]).collect();
        assert_eq!(levels, "1".to_owned() + "23" + "455" + "45" + "23" + "455" + "1");
        let last = rows.iter().rfind(|row| row[0] == "5").unwrap();
        assert_eq!(*last, ["5", "1", "2", "1", "1", "2", "160", "200", "50", "20", "87.50", "12/QĐ-UBND"]);
        assert_eq!(rows.last().unwrap()[..6], ["1", "2", "0", "0", "0", "0"]);
    }
}
