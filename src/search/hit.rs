//! What is answered: pages, their words around what was found, and where it stands on them.

use rusqlite::Row;
use serde_json::{Value, json};

use super::paper::{Paper, paper};
use crate::model::Rect;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Pages, the best first.
    pub hits: Vec<Hit>,
    /// How many pages answer the question, of those that were judged.
    pub count: usize,
    /// There are more to show.
    pub has_more: bool,
    /// There may be more than were judged.
    pub is_cut: bool,
}

/// How close the words of a page are to those of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// As they were typed.
    Exact,
    /// But for marks.
    Folded,
    /// One begins so.
    Begun,
    /// But for slips.
    Near,
}

impl How {
    /// What programs are told.
    pub fn code(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Folded => "folded",
            Self::Begun => "begun",
            Self::Near => "near",
        }
    }
}

/// A part of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its words.
    pub text: String,
    /// Whether they were looked for.
    pub is_hit: bool,
}

/// A page that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The paper that it is of.
    pub paper: Paper,
    /// Name of the owner.
    pub owner: Option<String>,
    /// The owner's number with most digits hidden.
    pub identity: Option<String>,
    /// Number of the page in the component, from 1.
    pub page: u32,
    /// Width and height of the page, in the unit of the boxes.
    pub size: (u32, u32),
    /// Some words around those that were found.
    pub snippet: Vec<Piece>,
    /// Where on the page the words stand that were found.
    pub boxes: Vec<Rect>,
    /// How close they are.
    pub how: How,
    /// By what pages are ordered.
    pub score: f32,
}

impl Hit {
    /// The snippet with what was found in square brackets.
    pub fn marked(&self) -> String {
        let piece = |piece: &Piece| if piece.is_hit { format!("[{}]", piece.text) } else { piece.text.clone() };
        self.snippet.iter().map(piece).collect::<Vec<_>>().join(" ")
    }

    /// What is known of the paper, as people write it.
    pub fn known(&self) -> Vec<String> {
        let fields = [&self.paper.kind, &self.paper.number, &self.paper.day(), &self.owner, &self.identity];
        fields.into_iter().flatten().cloned().collect()
    }

    /// The hit for programs.
    pub fn to_json(&self) -> Value {
        let snippet: Vec<Value> =
            self.snippet.iter().map(|piece| json!({"text": piece.text, "hit": piece.is_hit})).collect();
        let boxes: Vec<[u32; 4]> = self.boxes.iter().map(|one| [one.x, one.y, one.width, one.height]).collect();
        let Paper { component, version, title, dossier, kind, number, date, .. } = &self.paper;
        json!({
            "component": component, "version": version, "title": title, "dossier": dossier,
            "kind": kind, "number": number, "date": date, "owner": self.owner, "id": self.identity,
            "page": self.page, "size": [self.size.0, self.size.1], "snippet": snippet, "boxes": boxes,
            "match": self.how.code(), "score": self.score,
        })
    }
}

/// What is known of a page but what was found on it.
pub(super) fn hit(row: &Row<'_>) -> rusqlite::Result<Hit> {
    Ok(Hit {
        page: row.get(1)?,
        paper: paper(row, 3)?,
        owner: row.get(11)?,
        identity: row.get(12)?,
        size: (0, 0),
        snippet: Vec::new(),
        boxes: Vec::new(),
        how: How::Exact,
        score: 0.0,
    })
}
