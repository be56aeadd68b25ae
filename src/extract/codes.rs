//! Codes of dossiers, procedures and results: from symbols, else where they are printed.

use crate::codes::Symbology;

use super::Sheet;
use super::flow::Flow;
use super::grammar::Grammar;
use super::value::{Method, Named, Value, place_of};

pub(super) const CODES: [(Named<'static>, Grammar); 3] = [
    (("dossier", "Mã hồ sơ", "Dossier code"), Grammar::Dossier),
    (("procedure", "Mã thủ tục", "Procedure code"), Grammar::Procedure),
    (("result_type", "Mã loại kết quả", "Result type code"), Grammar::ResultType),
];

/// The codes that the paper has.
pub(super) fn read(flow: &Flow<'_>, sheets: &[Sheet<'_>]) -> Vec<Value> {
    let mut values = Vec::new();
    for (named, grammar) in CODES {
        let symbols = (1..).zip(sheets).flat_map(|(page, sheet)| sheet.codes.iter().map(move |code| (page, code)));
        let from_symbol = symbols.filter_map(|(page, code)| {
            let method = if code.symbology == Symbology::Qr { Method::Qr } else { Method::Barcode };
            let reading = grammar.read(&code.payload);
            (reading.check == Ok(true))
                .then(|| Value::new(named, place_of(code, page, &code.payload), reading, method, 1.0))
        });
        let printed = (0..flow.pieces.len()).filter_map(|piece| {
            let reading = grammar.read(flow.pieces[piece].text);
            let cut = flow.cut(piece..piece + 1).filter(|_| reading.check == Ok(true))?;
            Some(Value::new(named, cut, reading, Method::PrintPattern, 1.0))
        });
        let mut found = from_symbol.chain(printed);
        if let Some(mut value) = found.next() {
            let agreeing = found.find(|other| other.value == value.value).map(|other| other.confidence);
            agreeing.into_iter().for_each(|confidence| value.confirm(confidence));
            values.push(value);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::super::typeset::page_of;
    use super::*;
    use crate::codes::Code;

    #[test]
    fn symbols_come_first_and_print_confirms_them() {
        let page = page_of("Mã hồ sơ: H40.28.07-250212-5119\nThủ tục 1.000894.01, KQ.G15.000031");
        let payload = "H40.28.07-250212-5119".to_owned();
        let codes = [Code { symbology: Symbology::Code128, payload, corners: Vec::new() }];
        let read = |codes| {
            let sheets = [Sheet { codes, ..Sheet::of(&page) }];
            let values = read(&Flow::new(&sheets), &sheets);
            values.into_iter().map(|value| (value.field, value.value, value.method)).collect::<Vec<_>>()
        };
        let found = |field: &str, value: &str, method| (field.to_owned(), value.to_owned(), method);
        let printed = [
            found("procedure", "1.000894.01", Method::PrintPattern),
            found("result_type", "KQ.G15.000031", Method::PrintPattern),
        ];
        let dossier = |method| found("dossier", "H40.28.07-250212-5119", method);
        assert_eq!(read(&codes), [&[dossier(Method::Barcode)][..], &printed].concat());
        assert_eq!(read(&[]), [&[dossier(Method::PrintPattern)][..], &printed].concat());
    }
}
