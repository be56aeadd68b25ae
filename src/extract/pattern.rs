//! Values that are known by their own form and stand behind no label.

use super::flow::Flow;
use super::grammar::{self, Grammar, Reading};
use super::kind::Field;
use super::labels::named;
use super::value::{Method, Value};

/// The first value of a field that one of its patterns matches.
pub(super) fn read(flow: &Flow<'_>, field: &Field) -> Option<Value> {
    for pattern in &field.patterns {
        for row in 0..flow.rows.len() {
            let text = flow.row_text(row);
            let Some(found) = pattern.0.captures(&text).and_then(|found| found.get(1)) else { continue };
            let reading: Reading = field.grammar.read(found.as_str());
            // By its form alone any row of words is a name.
            if field.grammar == Grammar::Name && reading.check != Ok(true) {
                continue;
            }
            let reading = match field.grammar {
                Grammar::Name => Reading { value: grammar::with_surname(&reading.value), ..reading },
                _ => reading,
            };
            let cut = flow.cut(flow.words_at(row, found.range()))?;
            return Some(Value::new(named(field), cut, reading, Method::PrintPattern, 1.0));
        }
    }
    None
}
