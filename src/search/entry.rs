//! What is put into an index, and the terms that it is found by.

use std::collections::BTreeSet;

use time::Date;

use super::identity::{self, Identity, Key};
use super::words::{Token, tokens};
use super::{fields, packed};
use crate::model::TextLine;

/// A component that was published. Fields that are not known are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Its number in the store.
    pub component: i64,
    /// Code of its dossier; `None` where it waits to be placed.
    pub dossier: Option<String>,
    /// Name of its files, which its versions share.
    pub name: String,
    /// Its version: a later one takes the place of an earlier.
    pub version: u32,
    /// What people call it.
    pub title: String,
    /// What kind of paper it is.
    pub kind: Option<String>,
    /// Its number or symbol.
    pub number: Option<String>,
    /// Its date.
    pub date: Option<Date>,
    /// Name of the person it is of.
    pub owner: Option<String>,
    /// That person's number (*số định danh*), which is not kept in clear.
    pub identity: Option<String>,
    /// Its pages.
    pub pages: Vec<Page>,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Its number in the component, from 1.
    pub number: u32,
    /// Width and height, in the unit of the boxes.
    pub size: (u32, u32),
    /// Its words in reading order.
    pub lines: Vec<TextLine>,
}

/// A page as an index keeps it.
pub(super) struct Kept {
    pub(super) number: u32,
    /// Its words with their boxes, packed.
    pub(super) words: Vec<u8>,
    /// What it is found by, once each.
    pub(super) terms: BTreeSet<String>,
    /// Its words without marks, once each.
    pub(super) vocabulary: BTreeSet<String>,
}

impl Entry {
    /// The owner's number as it is shown.
    pub(super) fn masked_identity(&self) -> Option<String> {
        self.identity.as_deref().and_then(identity::digits).map(|digits| identity::masked(&digits))
    }

    /// A field as it is kept: not at all where what was taken for it has a citizen's number in it.
    pub(super) fn clear(field: Option<&str>) -> Option<&str> {
        let mut words: Vec<String> = field.into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect();
        field.filter(|_| identity::hide_all(&mut words).is_empty())
    }

    /// The pages as an index keeps them.
    pub(super) fn kept(&self, key: &Key) -> std::io::Result<Vec<Kept>> {
        let common = self.field_terms(key);
        let title: Vec<Token> = tokens(&self.title).collect();
        let page = |(index, page): (usize, &Page)| {
            let mut terms = common.clone();
            let mut lines = page.lines.clone();
            let mut found = Vec::new();
            for line in &mut lines {
                found.extend(hide(line));
            }
            terms.extend(found.iter().map(|one| fields::identity(&key.hash(&one.digits))));
            let text: Vec<Token> =
                lines.iter().flat_map(|line| &line.words).flat_map(|word| tokens(&word.text)).collect();
            let mut vocabulary = BTreeSet::new();
            let titled = if index == 0 { title.as_slice() } else { &[] };
            for row in [&text, titled] {
                terms.extend(row.windows(2).map(|two| pair(&two[0], &two[1])));
                for token in row {
                    terms.insert(token.folded.clone());
                    terms.insert(token.exact.clone());
                    vocabulary.insert(token.folded.clone());
                }
            }
            Ok(Kept { number: page.number, words: packed::pack(page.size, &lines)?, terms, vocabulary })
        };
        self.pages.iter().enumerate().map(page).collect()
    }

    fn field_terms(&self, key: &Key) -> BTreeSet<String> {
        let mut terms = BTreeSet::new();
        terms.extend(self.dossier.as_deref().map(fields::dossier));
        terms.extend(Self::clear(self.kind.as_deref()).map(fields::kind));
        terms.extend(Self::clear(self.number.as_deref()).map(fields::number));
        terms.extend(self.date.into_iter().flat_map(fields::date));
        terms.extend(Self::clear(self.owner.as_deref()).into_iter().flat_map(fields::owner));
        let digits = self.identity.as_deref().and_then(identity::digits);
        terms.extend(digits.map(|digits| fields::identity(&key.hash(&digits))));
        terms
    }
}

/// Hides citizens' numbers in a line, and says which they were.
fn hide(line: &mut TextLine) -> Vec<Identity> {
    // Most lines have no digits.
    if !line.words.iter().any(|word| word.text.bytes().any(|byte| byte.is_ascii_digit())) {
        return Vec::new();
    }
    let mut words: Vec<String> = line.words.iter_mut().map(|word| std::mem::take(&mut word.text)).collect();
    let found = identity::hide_all(&mut words);
    line.words.iter_mut().zip(words).for_each(|(word, text)| word.text = text);
    found
}

/// Two words side by side.
pub(super) fn pair(first: &Token, second: &Token) -> String {
    format!("{}_{}", first.folded, second.folded)
}
