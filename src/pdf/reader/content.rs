//! What a page shows: its content stream run with just enough graphics state to tell visible from hidden.

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, Stream};

use super::{Box4, Page, PdfReadError, broken, unpacked};

/// Most bytes of the content of a page. The hidden text of a dense page takes 200 KB; megabytes are vector drawings.
const MAX_CONTENT: usize = 16 << 20;

/// How deep form XObjects may hold others; scanners use one or none.
const MAX_FORM_DEPTH: usize = 4;

/// How many operations are run for a page, forms included: forms that call forms could run for ever otherwise.
const MAX_OPERATIONS: usize = 4_000_000;

/// Deepest nesting of saved graphics states that is kept (ISO 32000-1, annex C: 28).
const MAX_SAVED: usize = 512;

/// A picture that covers this share of the page hides what was painted before.
const COVERING: f64 = 0.95;

/// A linear map `x' = a x + c y + e`, `y' = b x + d y + f`, as in PDF.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix([f64; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn from_operands(operands: &[Object]) -> Option<Self> {
        let numbers: Vec<f64> = operands.iter().filter_map(|value| value.as_float().ok().map(f64::from)).collect();
        numbers.try_into().ok().map(Self)
    }

    /// `self` first, then `outer`.
    fn then(self, outer: Self) -> Self {
        let ([a, b, c, d, e, f], [oa, ob, oc, od, oe, of]) = (self.0, outer.0);
        Self([
            a * oa + b * oc,
            a * ob + b * od,
            c * oa + d * oc,
            c * ob + d * od,
            e * oa + f * oc + oe,
            e * ob + f * od + of,
        ])
    }

    /// The vectors along the top edge and down the left edge of a picture, on a page whose y grows downwards.
    pub(super) fn picture_axes(self) -> ((f64, f64), (f64, f64)) {
        let [a, b, c, d, ..] = self.0;
        ((a, -b), (-c, d))
    }

    /// Left, bottom, right and top of the unit square on the page.
    pub(super) fn edges(self) -> Box4 {
        let [a, b, c, d, e, f] = self.0;
        let (xs, ys) = ([e, e + a, e + c, e + a + c], [f, f + b, f + d, f + b + d]);
        let least = |values: [f64; 4]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |values: [f64; 4]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        [least(xs), least(ys), most(xs), most(ys)]
    }

    /// Whether the unit square covers nearly all of a box.
    fn covers(self, [left, bottom, right, top]: Box4) -> bool {
        let own = self.edges();
        let overlap = |least: f64, most: f64, low: f64, high: f64| {
            (most.min(high) - least.max(low)).max(0.0) / (high - low).max(f64::MIN_POSITIVE)
        };
        overlap(own[0], own[2], left, right) * overlap(own[1], own[3], bottom, top) >= COVERING
    }
}

/// A picture on the page.
pub(super) struct Placed<'a> {
    pub(super) stream: &'a Stream,
    pub(super) matrix: Matrix,
}

/// What can be seen.
#[derive(Default)]
pub(super) struct Shown<'a> {
    /// Letters that can be seen.
    pub(super) text: bool,
    /// Letters that can be searched, seen or not, below pictures or above.
    pub(super) letters: bool,
    pub(super) drawing: bool,
    pub(super) pictures: Vec<Placed<'a>>,
}

#[derive(Clone, Copy)]
struct State {
    matrix: Matrix,
    /// Text render mode.
    mode: i64,
    white_fill: bool,
    /// Fill opacity is 0.
    clear: bool,
}

struct Run<'a> {
    document: &'a Document,
    page: usize,
    visible: Box4,
    left: usize,
    shown: Shown<'a>,
}

/// The content of a page, its parts joined.
pub(super) fn content_of(document: &Document, page: &Page<'_>, number: usize) -> Result<Vec<u8>, PdfReadError> {
    let mut content = Vec::new();
    let parts = match page.dictionary.get_deref(b"Contents", document) {
        Ok(Object::Array(parts)) => parts.iter().collect(),
        Ok(single) => vec![single],
        Err(_) => Vec::new(),
    };
    for part in parts {
        let (_, part) = document.dereference(part).map_err(broken)?;
        content.extend(plain(part.as_stream().map_err(broken)?, MAX_CONTENT - content.len(), number)?);
        content.push(b'\n');
        if content.len() >= MAX_CONTENT {
            return Err(PdfReadError::TooLarge { page: number });
        }
    }
    Ok(content)
}

/// Runs the content of a page.
pub(super) fn look<'a>(
    document: &'a Document,
    page: &Page<'a>,
    number: usize,
    visible: Box4,
) -> Result<Shown<'a>, PdfReadError> {
    let content = content_of(document, page, number)?;
    let mut run = Run { document, page: number, visible, left: MAX_OPERATIONS, shown: Shown::default() };
    let state = State { matrix: Matrix::IDENTITY, mode: 0, white_fill: false, clear: false };
    run.content(&content, page.attributes.resources, state, 0)?;
    Ok(run.shown)
}

fn plain(stream: &Stream, limit: usize, page: usize) -> Result<Vec<u8>, PdfReadError> {
    unpacked(stream, limit, page)
}

impl<'a> Run<'a> {
    fn content(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        mut state: State,
        depth: usize,
    ) -> Result<(), PdfReadError> {
        let mut saved = Vec::new();
        for operation in Content::decode_iter(content) {
            let operation = operation.map_err(broken)?;
            self.left = self.left.checked_sub(1).ok_or(PdfReadError::TooLarge { page: self.page })?;
            let operands = operation.operands.as_slice();
            match operation.operator.as_str() {
                "q" if saved.len() < MAX_SAVED => saved.push(state),
                "Q" => state = saved.pop().unwrap_or(state),
                "cm" => {
                    let matrix = Matrix::from_operands(operands).ok_or_else(|| broken("wrong matrix"))?;
                    state.matrix = matrix.then(state.matrix);
                }
                "Tr" => state.mode = operands.first().and_then(|mode| mode.as_i64().ok()).unwrap_or(0),
                "gs" => state.clear = self.fill_is_clear(resources, operands).unwrap_or(state.clear),
                "g" | "rg" | "sc" | "scn" => state.white_fill = all(operands, 1.0),
                "k" => state.white_fill = all(operands, 0.0),
                "cs" => state.white_fill = false,
                "Tj" | "TJ" | "'" | "\"" => {
                    let letters = operands.iter().any(has_letters);
                    self.shown.letters |= letters;
                    self.shown.text |= letters && !matches!(state.mode, 3 | 7) && !state.clear;
                }
                "f" | "F" | "f*" if state.white_fill || state.clear => {}
                "f" | "F" | "f*" | "B" | "B*" | "b" | "b*" | "S" | "s" | "sh" => self.shown.drawing = true,
                "BI" => {
                    return Err(PdfReadError::Unsupported {
                        page: self.page,
                        what: ("ảnh nhúng trong dòng lệnh", "an inline picture"),
                    });
                }
                "Do" => self.external(resources, operands, state, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn fill_is_clear(&self, resources: Option<&Dictionary>, operands: &[Object]) -> Option<bool> {
        let name = operands.first()?.as_name().ok()?;
        let states = resources?.get_deref(b"ExtGState", self.document).ok()?.as_dict().ok()?;
        let alpha = states.get_deref(name, self.document).ok()?.as_dict().ok()?.get_deref(b"ca", self.document).ok()?;
        Some(alpha.as_float().ok()? == 0.0)
    }

    fn external(
        &mut self,
        resources: Option<&'a Dictionary>,
        operands: &[Object],
        state: State,
        depth: usize,
    ) -> Result<(), PdfReadError> {
        let find = |name: &[u8]| {
            let objects = resources?.get_deref(b"XObject", self.document).ok()?.as_dict().ok()?;
            objects.get_deref(name, self.document).ok()?.as_stream().ok()
        };
        let name = operands.first().and_then(|name| name.as_name().ok());
        let stream = name.and_then(find).ok_or_else(|| broken("a picture of the page is missing"))?;
        match stream.dict.get_deref(b"Subtype", self.document).and_then(Object::as_name) {
            Ok(b"Image") => self.picture(stream, state),
            Ok(b"Form") if depth < MAX_FORM_DEPTH => {
                let matrix = stream
                    .dict
                    .get_deref(b"Matrix", self.document)
                    .ok()
                    .and_then(|matrix| Matrix::from_operands(matrix.as_array().ok()?));
                let own = stream.dict.get_deref(b"Resources", self.document).ok().and_then(|own| own.as_dict().ok());
                let content = plain(stream, MAX_CONTENT, self.page)?;
                let state = State { matrix: matrix.unwrap_or(Matrix::IDENTITY).then(state.matrix), ..state };
                self.content(&content, own.or(resources), state, depth + 1)?;
            }
            Ok(b"Form") => return Err(broken("forms nested too deeply")),
            _ => {}
        }
        Ok(())
    }

    fn picture(&mut self, stream: &'a Stream, state: State) {
        if state.clear {
            return;
        }
        let see_through = ["ImageMask", "SMask", "Mask"].iter().any(|key| stream.dict.has(key.as_bytes()));
        if !see_through && state.matrix.covers(self.visible) {
            self.shown = Shown { letters: self.shown.letters, ..Shown::default() };
        }
        self.shown.pictures.push(Placed { stream, matrix: state.matrix });
    }
}

fn all(operands: &[Object], wanted: f32) -> bool {
    // Pattern and separation colours have one operand or a name; grey white is written with one 1 as well.
    !operands.is_empty() && operands.iter().all(|value| value.as_float().is_ok_and(|value| value == wanted))
}

fn has_letters(operand: &Object) -> bool {
    match operand {
        Object::String(bytes, _) => bytes.iter().any(|&byte| byte != b' '),
        Object::Array(parts) => parts.iter().any(|part| matches!(part, Object::String(..)) && has_letters(part)),
        _ => false,
    }
}
