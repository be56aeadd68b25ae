//! The tests that the files of kinds bring along.

use crate::codes::{Code, Symbology};

use super::kind::{Kind, Kinds, Test};
use super::typeset::page_of;
use super::{Sheet, read};

/// What became of the tests of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The kind.
    pub kind: String,
    /// Number of its tests.
    pub tests: usize,
    /// What was not found as it should be: number of the test from 1, what, what was expected, what was found.
    pub problems: Vec<(usize, String, String, String)>,
}

/// Runs the tests of all kinds, each against all kinds.
pub fn check(kinds: &Kinds) -> Vec<Checked> {
    kinds.all().iter().map(|kind| of_kind(kind, kinds)).collect()
}

fn of_kind(kind: &Kind, kinds: &Kinds) -> Checked {
    let problems = (1..).zip(&kind.tests).flat_map(|(number, test)| {
        let problems = of_test(kind, test, kinds).into_iter();
        problems.map(move |(what, expected, found)| (number, what, expected, found))
    });
    Checked { kind: kind.id.clone(), tests: kind.tests.len(), problems: problems.collect() }
}

fn of_test(kind: &Kind, test: &Test, kinds: &Kinds) -> Vec<(String, String, String)> {
    let page = page_of(&test.text);
    let code = |payload: &String| Code { symbology: Symbology::Qr, payload: payload.clone(), corners: Vec::new() };
    let codes: Vec<Code> = test.codes.iter().map(code).collect();
    let document = read(&[Sheet { codes: &codes, ..Sheet::of(&page) }], kinds);
    let found_kind = document.kind.as_ref().map_or(String::new(), |kind| kind.id.clone());
    let values = test.expect.iter().map(|(field, expected)| {
        let found = document.get(field).map_or(String::new(), |value| value.value.clone());
        (field.clone(), expected.clone(), found)
    });
    let kinds = [("kind".to_owned(), kind.id.clone(), found_kind)];
    kinds.into_iter().chain(values).filter(|(_, expected, found)| expected != found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_kinds_pass_their_own_tests() {
        let checked = check(&Kinds::shipped());
        let failed: Vec<&Checked> = checked.iter().filter(|one| one.tests == 0 || !one.problems.is_empty()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }

    #[test]
    fn what_is_not_found_is_told() {
        let text = "id = 'thu'\nname = 'Thử'\nname_en = 'Trial'\nanchors = [{ phrase = 'phiếu thử', weight = 9 }]\n\
                    [[tests]]\ntext = 'PHIẾU THỬ'\n[[tests]]\ntext = 'khác'\n[tests.expect]\nwho = 'A'";
        let kinds = Kinds::with(&[("a".to_owned(), text.to_owned())]).unwrap();
        let told = check(&kinds).pop().unwrap();
        let problem = |what: &str, expected: &str| (2, what.to_owned(), expected.to_owned(), String::new());
        assert_eq!((told.tests, told.problems), (2, vec![problem("kind", "thu"), problem("who", "A")]));
    }
}
